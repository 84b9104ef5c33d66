"""What quit, clear, connect, :set and :format mean, and what may stand behind them."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Final

from pyredis_cli.complete.candidates import Choice
from pyredis_cli.config.profiles import names
from pyredis_cli.core.lines import LineError, destination
from pyredis_cli.flags import is_profile
from pyredis_cli.registry import META
from pyredis_cli.repl import preferences
from pyredis_cli.repl.verdicts import Clear, Connect, Dial, Leave, Refuse, Set, Verdict

if TYPE_CHECKING:
    from pyredis.commands.spec import Table

__all__ = [
    "clear",
    "connect",
    "formats",
    "leave",
    "prefer",
    "preferable",
    "reachable",
    "show_as",
    "time_replies",
    "timings",
]


def leave(words: Sequence[str], table: Table) -> Verdict:
    return Leave()


def clear(words: Sequence[str], table: Table) -> Verdict:
    return Refuse("clear takes no argument") if words else Clear()


# -- another server


def connect(words: Sequence[str], table: Table) -> Verdict:
    """Return where to go on; no message repeats a URL, which may hold a password."""
    if len(words) == 1 and ("://" in words[0] or is_profile(words[0])):
        return Dial(words[0])
    try:
        return Connect(destination(words))
    except LineError as error:
        return Refuse(f"{error}; usage: {META['connect'].usage}")


_HOSTS: Final = ("127.0.0.1", "localhost")
_SCHEMES: Final = {
    "redis://": "user:password@host:port/database",
    "rediss://": "the same over TLS",
    "valkey://": "as redis://",
    "valkeys://": "as rediss://",
    "unix://": "/path/to/socket",
    "cluster://": "host:port,host:port",
    "sentinel://": "host:port,host:port/group",
}


def reachable(words: Sequence[str], typed: str, table: Table) -> Iterator[Choice]:
    """Yield the beginnings of URLs and the hosts that every machine has, then the usual port."""
    if not words:
        yield from (Choice(host) for host in _HOSTS)
        yield from (Choice(f"@{name}", meta="a profile") for name in names(os.environ))
        yield from (Choice(scheme, meta=meta, unfinished=True) for scheme, meta in _SCHEMES.items())
    elif len(words) == 1 and "://" not in words[0] and not is_profile(words[0]):
        yield Choice("6379")


# -- preferences


def prefer(words: Sequence[str], table: Table) -> Verdict:
    return Set(tuple(words))


def preferable(words: Sequence[str], typed: str, table: Table) -> Iterator[Choice]:
    """Yield the names of preferences, or the values of one."""
    if not words:
        yield from (Choice(name, meta=summary) for name, summary in preferences.SUMMARIES.items())
    elif len(words) == 1:
        yield from map(Choice, preferences.choices(words[0]))


def show_as(words: Sequence[str], table: Table) -> Verdict:
    if len(words) > 1:
        return Refuse(f":format takes one name: {', '.join(preferences.choices('format'))}")
    return Set(("format", *words))


def formats(words: Sequence[str], typed: str, table: Table) -> Iterator[Choice]:
    if not words:
        yield from map(Choice, preferences.choices("format"))


def time_replies(words: Sequence[str], table: Table) -> Verdict:
    """Return what sets the preference: all replies are those that took 0 milliseconds and more."""
    if len(words) > 1:
        return Refuse(f"usage: {META[':timing'].usage}")
    return Set(("timing", *("0" if word.lower() == "on" else word for word in words)))


def timings(words: Sequence[str], typed: str, table: Table) -> Iterator[Choice]:
    if not words:
        yield from map(Choice, ("on", *preferences.choices("timing")))
