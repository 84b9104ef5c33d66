"""The REPL's own words: quit, exit, clear, help, connect, :set, and whatever begins with a colon.

Pure: from the words of a line to what is to be done, as a value; None when the line is for the server. A new
word is a new row.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

from pyredis.address import Address
from pyredis_cli.core.lines import LineError, destination
from pyredis_cli.render.help import command_help, group_help
from pyredis_cli.repl import preferences

if TYPE_CHECKING:
    from pyredis.commands.spec import Table

__all__ = ["CHOICES", "WORDS", "Clear", "Connect", "Leave", "Refuse", "Set", "Tell", "Verdict", "verdict"]


@dataclass(frozen=True, slots=True)
class Leave:
    """End the session."""


@dataclass(frozen=True, slots=True)
class Clear:
    """Clear the screen."""


@dataclass(frozen=True, slots=True)
class Tell:
    """Print these lines."""

    lines: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Refuse:
    """Print why the line cannot be done."""

    reason: str


@dataclass(frozen=True, slots=True)
class Connect:
    """Go on with another server."""

    address: Address


@dataclass(frozen=True, slots=True)
class Set:
    """Show or change what the person prefers."""

    words: tuple[str, ...]


Verdict: TypeAlias = Leave | Clear | Tell | Refuse | Connect | Set


@dataclass(frozen=True, slots=True)
class _Row:
    usage: str
    summary: str
    judge: Callable[[Sequence[str], Table], Verdict]


def verdict(argv: Sequence[bytes], table: Table) -> Verdict | None:
    """Return what the words mean to the REPL itself, None when they are a command for the server."""
    words = [word.decode("utf-8", "replace") for word in argv]
    name = words[0].lower()
    if row := _ROWS.get(name):
        return row.judge(words[1:], table)
    if name.startswith(":"):
        return Refuse(f"unknown meta command {words[0]}; help lists what there is")
    return None


def _leave(words: Sequence[str], table: Table) -> Verdict:
    return Leave()


def _clear(words: Sequence[str], table: Table) -> Verdict:
    return Refuse("clear takes no argument") if words else Clear()


def _set(words: Sequence[str], table: Table) -> Verdict:
    return Set(tuple(words))


def _connect(words: Sequence[str], table: Table) -> Verdict:
    try:
        return Connect(destination(words))
    except LineError as error:
        return Refuse(f"{error}; usage: {_ROWS['connect'].usage}")


def _help(words: Sequence[str], table: Table) -> Verdict:
    if not words:
        return Tell(tuple(_general_help()))
    if words[0].startswith("@"):
        return _group_help(words[0][1:].lower(), table)
    if row := _ROWS.get(words[0].lower()):
        return Tell((f"{row.usage}  {row.summary}",))
    spec = table.find(words)
    if spec is None or (spec.subcommands and len(words) > 1):
        return Refuse(f"no help for {' '.join(words)}; help @GROUP lists the commands of a group")
    return Tell(tuple(command_help(spec, table)))


def _general_help() -> Iterator[str]:
    yield "A line is a command for the server, or one of these words:"
    width = max(len(row.usage) for row in _ROWS.values())
    for row in dict.fromkeys(_ROWS.values()):
        yield f"  {row.usage:<{width}}  {row.summary}"
    yield f"  {'5 INCR x':<{width}}  run a command five times"
    yield "TAB completes, Ctrl-R searches the history, Ctrl-C clears the line or stops."


def _group_help(group: str, table: Table) -> Verdict:
    specs = [spec for spec in table.specs() if " " not in spec.name and table.has(spec.name)]
    named = [spec for spec in specs if spec.group == group]
    if named:
        return Tell(tuple(group_help(named)))
    groups = sorted({spec.group for spec in specs if spec.group})
    return Refuse(f"no group @{group}; there are {', '.join('@' + name for name in groups)}")


_HELP = _Row("help [COMMAND|@GROUP]", "this text, a command, or the commands of a group", _help)
_QUIT = _Row("quit, exit", "leave", _leave)
_ROWS: dict[str, _Row] = {
    "help": _HELP,
    "?": _HELP,
    "connect": _Row("connect HOST PORT", "go on with another server", _connect),
    "clear": _Row("clear", "clear the screen", _clear),
    ":set": _Row(":set [NAME [VALUE]]", "show or change what you prefer", _set),
    "quit": _QUIT,
    "exit": _QUIT,
}
CHOICES = {f":set {name}".rstrip(): words for name, words in preferences.CHOICES.items()}
"""What may stand behind the words."""
WORDS = tuple(word for word in _ROWS if word.isalpha())
