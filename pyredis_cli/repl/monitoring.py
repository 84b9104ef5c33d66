"""What ``:monitor`` is asked for. Pure: from words to a filter."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from pyredis_cli.complete.candidates import Choice
from pyredis_cli.complete.known import commands, summary
from pyredis_cli.repl.monitored import MonitorFilter
from pyredis_cli.repl.verdicts import Monitor, Refuse, Verdict
from pyredis_cli.spans import read_span

if TYPE_CHECKING:
    from pyredis.commands.spec import Table

__all__ = ["behind", "judge", "parse"]


def judge(words: Sequence[str], table: Table) -> Verdict:
    try:
        return Monitor(parse(words))
    except ValueError as error:
        return Refuse(str(error))


def parse(words: Sequence[str]) -> MonitorFilter:
    """Return the filter that the words ask for; ValueError says what is wrong with them, and the mend."""
    asked: dict[str, Any] = {}
    rest = list(words)
    while rest:
        word = rest.pop(0)
        name, equals, value = word.partition("=")
        row = _FLAGS.get(name)
        if row is None:
            raise ValueError(f":monitor knows no {word}; it takes {', '.join(_FLAGS)}")
        if row.field in asked:
            raise ValueError(f"{name} stands twice; give it once")
        if not equals:
            if not rest:
                raise ValueError(f"{name} needs {row.metavar} behind it")
            value = rest.pop(0)
        try:
            asked[row.field] = row.read(value)
        except ValueError as error:
            raise ValueError(f"{name} {error}, not {value!r}") from None
    return MonitorFilter(**asked)


def _glob(text: str) -> bytes:
    return _filled(text).encode("utf-8", "surrogateescape")


def _command(text: str) -> tuple[bytes, ...]:
    """Return the words of a name; a subcommand is written as ``config|get`` or ``"config get"``."""
    words = text.replace("|", " ").split()
    if not 1 <= len(words) <= 2:
        raise ValueError("takes the name of a command, get or config|get")
    return tuple(word.lower().encode("utf-8", "surrogateescape") for word in words)


def _filled(text: str) -> str:
    if not text:
        raise ValueError("must not be empty")
    return text


def _count(text: str) -> int:
    if not re.fullmatch(r"[0-9]{1,12}", text) or not int(text):
        raise ValueError("takes a whole number, 1 or more")
    return int(text)


class _Flag(NamedTuple):
    field: str
    metavar: str
    summary: str
    read: Callable[[str], object]


_FLAGS: Final[dict[str, _Flag]] = {
    "--match": _Flag("match", "a GLOB", "commands with a key like this", _glob),
    "--command": _Flag("command", "a NAME", "this command alone", _command),
    "--client": _Flag("client", "an ADDR", "what this client sends, host or host:port", _filled),
    "--count": _Flag("count", "a number", "so many, then stop", _count),
    "--for": _Flag("seconds", "SECONDS", "so long, then stop", read_span),
}


def behind(words: Sequence[str], typed: str, table: Table) -> Iterator[Choice]:
    """Yield the flags that do not stand there yet; behind ``--command`` the commands."""
    if words and words[-1] in _FLAGS and len(words) % 2:
        if words[-1] == "--command":
            begun = typed.upper()
            fitting = (name for name in commands(table) if name.startswith(begun))
            yield from (Choice(name, "command", summary(name, table)) for name in fitting)
        return
    given = {word.partition("=")[0] for word in words}
    yield from (Choice(name, meta=flag.summary) for name, flag in _FLAGS.items() if name not in given)
