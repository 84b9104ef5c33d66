"""What may stand at a place of the program's own command line: flags, their values, tools, commands, files.

It reads the rows of flags as the parser does, and asks the grammar behind the name of a command. It opens no file
and asks no server: it says where files go, and which names would be worth a question.
"""

from __future__ import annotations

from pyredis.records import NamedTuple
from pyredis_cli.complete.candidates import candidates
from pyredis_cli.complete.known import WORDS
from pyredis_cli.complete.tokens import line_of
from pyredis_cli.complete.wants import Want
from pyredis_cli.flags import FLAGS, Flag, is_profile, is_url
from pyredis_cli.tool_flags import TOOL_FLAGS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
    from typing import Literal

    from pyredis.commands.spec import Table
    from pyredis_cli.complete.names import Name
    from pyredis_cli.complete.shell_line import ShellLine, ShellWord

__all__ = ["Asked", "Offer", "Place", "place"]


class Offer(NamedTuple):
    """A whole word for the place, and what is to be said of it in a few words."""

    value: str
    summary: str = ""


class Asked(NamedTuple):
    """The names that a server would know for the place, and the flags that say which server that is."""

    wants: tuple[Want, ...]
    prefix: bytes
    connection: tuple[str, ...]


class Place(NamedTuple):
    """What may stand at a place.

    With ``files`` there may be files, or folders alone, behind the first ``before`` characters of the word.
    """

    offers: tuple[Offer, ...] = ()
    files: Literal["", "files", "folders"] = ""
    before: str = ""
    asked: Asked | None = None


_NOWHERE = Place()
_SHELLS = ("bash", "zsh", "fish")
_ACTIONS = ("init", "show", "check")
_FILES: Mapping[str, Literal["files", "folders"]] = {
    "PATH": "files",
    "FILE": "files",
    "DIR": "folders",
    "[DIR]": "folders",
}
_MODES = {"eval": ("lua", 1)}
"""The flags in front that run a tool on the words behind them, and how many operands of it they have said."""
_COMMANDLESS = ("scan", "pipe", "rdb", "functions_rdb", "replica", "ping", "help", "version")
_HELP = Flag(("--help",), "help", "show what the tool does, and its flags")
"""Right behind the name of a tool."""
_INSTEAD = {"function": "FILE"}
"""Flags in the place of an operand."""


def place(
    line: ShellLine,
    tools: Mapping[str, str],
    table: Callable[[], Table],
    profiles: Callable[[], Sequence[str]] = tuple,
) -> Place:
    """Return what may stand at the cursor; ``tools`` are names with their summaries."""
    if line.redirected:
        return Place(files="files")
    rows = [flag for rows in FLAGS.values() for flag in rows]
    front = _read_flags(line.words[1:], rows, urls=True)
    if front.pending or not front.ended:
        found = _at_flag(line.partial.value, rows, front.pending, profiles)
        if found is not None:
            return found
    behind = _Behind(front, tools, table, line.partial, profiles)
    return behind.words(front.words)


class _Front(NamedTuple):
    """What flags say: the words behind and among them, the fields they fill, and what they leave open.

    ``pending`` is the flag whose value comes next. ``ended``: no flag may come any more.
    """

    flags: tuple[ShellWord, ...]
    words: tuple[ShellWord, ...]
    fields: frozenset[str]
    pending: Flag | None
    ended: bool


def _read_flags(
    words: Sequence[ShellWord], rows: Iterable[Flag], *, urls: bool = False, mixed: bool = False
) -> _Front:
    by_name = {name: flag for flag in rows for name in flag.names}
    flags: list[ShellWord] = []
    others: list[ShellWord] = []
    fields: set[str] = set()
    pending: Flag | None = None
    for at, word in enumerate(words):
        if pending is not None and (pending.fits is None or pending.fits(word.value)):
            flags.append(word)
            pending = None
            continue
        pending = None
        if word.value == "--":
            others += words[at + 1 :]
            return _Front(tuple(flags), tuple(others), frozenset(fields), None, True)
        if urls and (
            is_url(word.value) or is_profile(word.value) or not word.known
        ):  # a variable may hold flags
            flags.append(word)
        elif not word.value.startswith("-") or word.value == "-":
            others.append(word)
            if not mixed:
                others += words[at + 1 :]
                return _Front(tuple(flags), tuple(others), frozenset(fields), None, True)
        else:
            flags.append(word)
            found, pending = _said(word.value, by_name)
            fields.update(flag.fills for flag in found)
    return _Front(tuple(flags), tuple(others), frozenset(fields), pending, False)


def _said(word: str, by_name: Mapping[str, Flag]) -> tuple[list[Flag], Flag | None]:
    """Return the flags that a word gives, and the last one when its value is the next word."""
    name, equals, _ = word.partition("=")
    if word.startswith("--"):
        flag = by_name.get(name)
        return ([flag] if flag else []), (flag if flag and flag.metavar and not equals else None)
    found = []
    for at, letter in enumerate(word[1:], 1):
        flag = by_name.get(f"-{letter}")
        if flag is None:
            break
        found.append(flag)
        if flag.metavar:
            return found, (flag if at == len(word) - 1 else None)
    return found, None


def _at_flag(
    typed: str, rows: Sequence[Flag], pending: Flag | None, profiles: Callable[[], Sequence[str]] = tuple
) -> Place | None:
    """Return what may be where a flag or its value is typed; None where that is none."""
    if pending is not None and (pending.fits is None or (typed and pending.fits(typed))):
        return _value(pending, typed, profiles)
    if not typed.startswith("-"):
        return None
    by_name = {name: flag for flag in rows for name in flag.names}
    name, equals, value = typed.partition("=")
    if typed.startswith("--") and equals:
        flag = by_name.get(name)
        return _value(flag, value, profiles, f"{name}=") if flag is not None and flag.metavar else _NOWHERE
    if typed not in by_name and not typed.startswith("--"):
        for at, letter in enumerate(typed[1:], 2):
            flag = by_name.get(f"-{letter}")
            if flag is not None and flag.metavar:
                return _value(flag, typed[at:], profiles, typed[:at])
    return Place(
        tuple(Offer(name, flag.help) for flag in rows for name in flag.names if name.startswith(typed))
    )


def _value(flag: Flag, typed: str, profiles: Callable[[], Sequence[str]], before: str = "") -> Place:
    """Return what the value of a flag may be, behind what of the word is before it."""
    if flag.metavar == "PROFILE":
        return Place(tuple(Offer(before + name) for name in _beginning(profiles(), typed)))
    choices = flag.choices or (WORDS["type"] if flag.metavar == "TYPE" else ())
    if choices:
        return Place(tuple(Offer(before + choice) for choice in choices if choice.startswith(typed)))
    return Place(files=_FILES.get(flag.metavar or "", ""), before=before)


class _Behind(NamedTuple):
    """The place behind the flags in front."""

    front: _Front
    tools: Mapping[str, str]
    table: Callable[[], Table]
    partial: ShellWord
    profiles: Callable[[], Sequence[str]]

    def words(self, words: Sequence[ShellWord]) -> Place:
        for field, (tool, operands) in _MODES.items():
            if field in self.front.fields:
                return self._operand(tool, operands + len(words), words, frozenset())
        if self.front.fields.intersection(_COMMANDLESS):
            return _NOWHERE
        if not words:
            return self._first()
        name = words[0].value
        if name in TOOL_FLAGS and name in self.tools:
            return self._tool(name, words[1:])
        return self._command(words)

    def _first(self) -> Place:
        """Return the tools, and the commands in the case that is typed."""
        typed = self.partial.value
        if typed.startswith("@"):
            named = any(is_profile(word.value) for word in self.front.flags)
            return _NOWHERE if named or "profile" in self.front.fields else self._profiles()
        tools = [Offer(name, summary) for name, summary in self.tools.items() if name.startswith(typed)]
        commands = self._command(())
        lowered = (
            commands.offers
            if typed
            else [offer._replace(value=offer.value.lower()) for offer in commands.offers]
        )
        return Place((*tools, *(offer for offer in lowered if offer.value not in self.tools)))

    def _profiles(self) -> Place:
        names = (f"@{name}" for name in self.profiles())
        return Place(tuple(Offer(name, "a profile") for name in _beginning(names, self.partial.value)))

    def _tool(self, name: str, words: Sequence[ShellWord]) -> Place:
        tool = TOOL_FLAGS[name]
        read = _read_flags(words, tool.flags, mixed=tool.mixed)
        if read.pending or not read.ended:
            rows = tool.flags if words else (*tool.flags, _HELP)
            found = _at_flag(self.partial.value, rows, read.pending)
            if found is not None:
                return found
        if tool.operands == ("COMMAND",):
            return self._command(read.words)
        return self._operand(name, len(read.words), read.words, read.fields)

    def _operand(self, name: str, number: int, words: Sequence[ShellWord], fields: frozenset[str]) -> Place:
        """Return what the operand of that number may be, counted from 0."""
        replaced = {operand for field, operand in _INSTEAD.items() if field in fields}
        operands = [operand for operand in TOOL_FLAGS[name].operands if operand not in replaced]
        operand = operands[min(number, len(operands) - 1)] if operands else ""
        if number >= len(operands) and not operand.endswith("..."):
            return _NOWHERE
        match operand:
            case "SHELL":
                return Place(tuple(map(Offer, _beginning(_SHELLS, self.partial.value))))
            case "ACTION":
                return Place(tuple(map(Offer, _beginning(_ACTIONS, self.partial.value))))
            case "PROFILE" if words[0].value == "show":
                return self._profiles()
            case "KEY ..." if "," not in [word.value for word in words]:
                return self._asking((Want("key"),))
        return Place(files=_FILES.get(operand, ""))

    def _command(self, words: Sequence[ShellWord]) -> Place:
        """Return what the argument of a command may be, or its name."""
        typed = _bytes(self.partial.value)
        line = line_of([_bytes(word.value) for word in words], typed, self.table())
        names = _Wanted()
        found = candidates(line, self.table(), names, quote=_unquoted)
        offers = tuple(Offer(one.text, one.meta) for one in found if one.text != '""')
        unknown = {_bytes(word.value) for word in words if not word.known}
        wants = [want for want in names.wants if unknown.isdisjoint(want.about)]
        return Place(offers, asked=self._asking(wants).asked)

    def _asking(self, wants: Sequence[Want]) -> Place:
        words = self.front.flags
        if not wants or not all(word.known for word in (*words, self.partial)):
            return _NOWHERE
        connection = tuple(word.value for word in words)
        return Place(asked=Asked(tuple(wants), _bytes(self.partial.value), connection))


class _Wanted:
    """Names of which none is known: it only notes what is wanted."""

    def __init__(self) -> None:
        self.wants: list[Want] = []

    def find(self, want: Want, _prefix: bytes, _limit: int) -> Sequence[Name]:
        self.wants.append(want)
        return ()


def _unquoted(value: bytes) -> str:
    raise AssertionError(f"no name is known, and {value!r} was to be quoted")


def _beginning(words: Iterable[str], typed: str) -> Iterator[str]:
    return (word for word in words if word.startswith(typed))


def _bytes(value: str) -> bytes:
    return value.encode("utf-8", "surrogateescape")
