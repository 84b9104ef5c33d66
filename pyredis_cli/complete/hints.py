"""What is still to be typed, as it would stand behind the cursor: the rest of the synopsis."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pyredis.commands.grammar import grammar
from pyredis.commands.rows import canonical
from pyredis_cli.complete.tokens import Line, known, tokens

if TYPE_CHECKING:
    from pyredis.commands.spec import Spec, Table

__all__ = ["hint", "named", "synopsis"]


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


def named(text: str, table: Table, encoding: str = "utf-8") -> Spec | None:
    """Return the command that a line is about, once its name stands there whole; a container until then."""
    line = tokens(text, table, encoding)
    spec = None
    if line.partial.value and not line.partial.quote and (line.blank or _may_be_subcommand(line)):
        spec = _spelled_out(line, table)
    return spec or (None if line.blank else line.spec)


def synopsis(spec: Spec, table: Table) -> str:
    """Return how a command is written; of a container, which subcommands it has."""
    rest = _subcommands(spec, table) if spec.subcommands else str(grammar(spec))
    return f"{spec.name} {rest}" if rest else spec.name


def _may_be_subcommand(line: Line) -> bool:
    return line.container and not line.arguments


def _spelled_out(line: Line, table: Table) -> Spec | None:
    """Return the command that the name with the word at the cursor spells, no less and no more."""
    spec = known([word.value for word in (*line.name, line.partial)], table)
    return spec if spec is not None and spec.name.count(" ") == len(line.name) else None


def _after_blank(line: Line, table: Table) -> str:
    if line.blank or line.spec is None:
        return ""
    if _may_be_subcommand(line):
        return _subcommands(line.spec, table)
    return line.walk.hint if line.walk is not None else ""


def _after_word(line: Line, table: Table) -> str:
    """Return what follows the word at the cursor, if that may be finished, or the rest of the word."""
    if line.blank or _may_be_subcommand(line):
        spec = _spelled_out(line, table)
        return "" if spec is None else synopsis(spec, table).removeprefix(spec.name)
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
