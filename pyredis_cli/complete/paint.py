"""What each word of a line is, for colours, and which one cannot be right, for a line under it."""

from __future__ import annotations

from collections.abc import Container, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from pyredis.commands.rows import canonical
from pyredis_cli.complete.tokens import Line, known, tokens

if TYPE_CHECKING:
    from pyredis.commands.grammar import Mistake
    from pyredis.commands.spec import Table
    from pyredis_cli.splitting import Word

__all__ = ["Blot", "Span", "blot", "paint"]

_BEGINNINGS: Final = (b"", b"-", b"+", b"(", b"#", b".", b"-.", b"(-", b"(+")
"""What a number may begin with."""


_SCRIPTS: Final = frozenset({("scripting", "script"), ("scripting", "function-code")})
"""What the facts call an argument that is a program, by the group of its command."""


@dataclass(frozen=True, slots=True)
class Span:
    """Some characters of the line, and what they are: ``command``, ``key``, ``token``, ``script``, ..."""

    start: int
    end: int
    role: str


@dataclass(frozen=True, slots=True)
class Blot:
    """The characters that cannot be right, and why."""

    start: int
    end: int
    reason: str


def paint(text: str, table: Table, encoding: str = "utf-8") -> list[Span]:
    """Return what the words of a whole line are, in order; a word that nothing is known of has no span."""
    return list(_spans(tokens(text, table, encoding), table))


def _spans(line: Line, table: Table) -> Iterator[Span]:
    if line.count is not None:
        yield _span(line.count, "count")
    names, rest = [*line.name], [*line.arguments]
    if line.partial.end > line.partial.start:
        beside_name = line.blank or (line.container and not line.arguments)
        (names if beside_name else rest).append(line.partial)
    spec = known([word.value for word in names], table)
    named = 0 if spec is None else spec.name.count(" ") + 1
    for word in names[:named]:
        yield _span(word, "command")
    walk = line.walk if not line.partial.value else line.walk_through
    for word, role in zip(rest, walk.roles if walk is not None else (), strict=False):
        script = line.spec is not None and (line.spec.group, role.name) in _SCRIPTS
        yield _span(word, "script" if script else role.kind)


def _span(word: Word, role: str) -> Span:
    return Span(word.start, word.end, role)


def blot(
    text: str, table: Table, *, finished: bool, encoding: str = "utf-8", own: Container[str] = ()
) -> Blot | None:
    """Return the first word that cannot be right.

    A word at the cursor that may still become right is none, unless the line is ``finished``. ``own`` are
    names that are no business of the server.
    """
    line = tokens(text, table, encoding)
    if line.spec is None and line.name:
        return _unknown_command(line, table, own)
    if line.walk is None:
        return _unknown_subcommand(line, table, finished)
    if line.walk.mistake is not None:
        return _blot(line.arguments[line.walk.mistake.place], line.walk.mistake)
    through = line.walk_through
    if not line.partial.value or through is None or through.mistake is None:
        return None
    return _blot(line.partial, through.mistake) if finished or not _may_become(line) else None


def _blot(word: Word, mistake: Mistake) -> Blot:
    return Blot(word.start, word.end, mistake.reason)


def _unknown_command(line: Line, table: Table, own: Container[str]) -> Blot | None:
    """Return the name of a command that the server does not have, as far as that is known."""
    word = line.name[0]
    name = word.value.decode("utf-8", "replace").lower()
    if not table.server_names or name in own or not name[:1].isalpha():
        return None
    return Blot(word.start, word.end, "the server has no such command")


def _unknown_subcommand(line: Line, table: Table, finished: bool) -> Blot | None:
    if not line.container or line.spec is None:
        return None
    word = line.arguments[0] if line.arguments else line.partial if finished and line.partial.value else None
    if word is None:
        return None
    if not line.arguments and known([*(name.value for name in line.name), word.value], table) != line.spec:
        return None
    return Blot(word.start, word.end, f"{line.spec.name} has no such subcommand")


def _may_become(line: Line) -> bool:
    assert line.walk is not None
    typed = canonical(line.partial.value)
    return line.partial.value in _BEGINNINGS or any(
        term.kind == "token" and term.name.startswith(typed) for term in line.walk.terms
    )
