"""What is still to be typed, as it would stand behind the cursor: the rest of the synopsis."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pyredis.commands.grammar import grammar
from pyredis.commands.rows import canonical
from pyredis_cli.complete.tokens import Line, known, tokens

if TYPE_CHECKING:
    from pyredis.commands.spec import Spec, Table

__all__ = ["hint"]


def hint(text: str, table: Table, encoding: str = "utf-8") -> str:
    """Return the rest of the synopsis of what is typed, with the blank that belongs before it; empty for none.

    Behind the beginning of a token it begins with the rest of that.
    """
    line = tokens(text, table, encoding)
    if not line.partial.value and not line.partial.quote:
        return _after_blank(line, table)
    if line.partial.quote:
        return ""
    return _after_word(line, table)


def _after_blank(line: Line, table: Table) -> str:
    if line.blank or line.spec is None:
        return ""
    if line.container and not line.arguments:
        return _subcommands(line.spec, table)
    return line.walk.hint if line.walk is not None else ""


def _after_word(line: Line, table: Table) -> str:
    """Return what follows the word at the cursor, if that may be finished, or the rest of the word."""
    if line.blank or (line.container and not line.arguments):
        spec = known([word.value for word in (*line.name, line.partial)], table)
        named = 1 + len(line.name)
        if spec is None or spec.name.count(" ") + 1 != named:
            return ""
        rest = _subcommands(spec, table) if spec.subcommands else str(grammar(spec))
        return f" {rest}" if rest else ""
    walk, through = line.walk, line.walk_through
    if walk is None or through is None or walk.mistake is not None:
        return ""
    if through.mistake is None:
        return f" {through.hint}" if through.hint else ""
    return _rest_of_token(line)


def _subcommands(spec: Spec, table: Table) -> str:
    return "|".join(word for word in spec.subcommands if table.has(f"{spec.name} {word}"))


def _rest_of_token(line: Line) -> str:
    assert line.walk is not None
    assert line.spec is not None
    typed = canonical(line.partial.value)
    names = [term.name for term in line.walk.terms if term.kind == "token" and term.name.startswith(typed)]
    if not names:
        return ""
    words = [*(word.value for word in line.arguments), names[0].encode()]
    after = grammar(line.spec).walk(words).hint
    rest = names[0][len(typed) :]
    rest = rest.lower() if line.partial.value.islower() else rest
    return f"{rest} {after}".rstrip()
