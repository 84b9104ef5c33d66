"""Lines of MONITOR, and which of them pass a filter.

Pure: from bytes to a line, from a line and a filter to yes or no. Lines come from a server and are not believed:
of one that is none of MONITOR's what can be read is kept, and the rest is empty.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass
from functools import lru_cache
from itertools import count
from typing import TYPE_CHECKING, Final, NamedTuple

from pyredis.commands.keys import keys
from pyredis.commands.spec import TABLE

if TYPE_CHECKING:
    from pyredis.commands.spec import Table

__all__ = ["MonitorFilter", "MonitorLine", "line", "matches", "without"]


@dataclass(frozen=True, slots=True)
class MonitorFilter:
    """Which lines are shown and when that ends; None: all of them, and never.

    ``match`` is a glob as the server knows them. ``command`` is in lower case, of a subcommand two words.
    """

    match: bytes | None = None
    command: tuple[bytes, ...] | None = None
    client: str | None = None
    count: int | None = None
    seconds: float | None = None


class MonitorLine(NamedTuple):
    """A command that the server ran. ``time`` is in seconds since 1970; ``client`` is an address, or ``lua``."""

    time: float
    database: int
    client: str
    argv: tuple[bytes, ...]


# -- what the server says

_LINE: Final = re.compile(
    # A path of a socket may hold anything; the words begin behind the first bracket that a quote follows.
    rb'\+?(?P<time>[0-9]{1,18}(?:\.[0-9]{1,9})?) \[(?P<database>[0-9]{1,9}) (?P<client>.*?)\](?: (?=")|$)',
    re.DOTALL,
)
_WORD: Final = re.compile(rb'"((?:[^"\\]|\\.)*+)"', re.DOTALL)
_ESCAPE: Final = re.compile(rb"\\(?:x([0-9a-fA-F]{2})|(.))", re.DOTALL)
_CONTROLS: Final = {b"n": b"\n", b"r": b"\r", b"t": b"\t", b"a": b"\a", b"b": b"\b"}


def line(text: bytes) -> MonitorLine:
    r"""Return what a line says: ``1700000000.123456 [0 127.0.0.1:51234] "set" "k" "\x00"``."""
    head = _LINE.match(text)
    if head is None:
        return MonitorLine(0.0, 0, "", ())
    words = _WORD.findall(text, head.end())
    argv = tuple(_ESCAPE.sub(_unescaped, word) if b"\\" in word else word for word in words)
    client = head["client"].decode("utf-8", "surrogateescape")
    return MonitorLine(float(head["time"]), int(head["database"]), client, argv)


def without(text: bytes, places: Collection[int]) -> bytes:
    """Return a line of MONITOR as it came, with stars for the words at these places."""
    head = _LINE.match(text)
    if head is None or not places:
        return text
    place = count()
    starred = _WORD.sub(lambda word: b'"***"' if next(place) in places else word[0], text[head.end() :])
    return text[: head.end()] + starred


def _unescaped(escape: re.Match[bytes]) -> bytes:
    if escape[1] is not None:
        return bytes([int(escape[1], 16)])
    return _CONTROLS.get(escape[2], escape[2])


# -- which of it is shown


def matches(filter: MonitorFilter, line: MonitorLine, table: Table = TABLE) -> bool:
    """Return whether a line is one of those asked for.

    ``match`` looks at the keys of the command, or at all its arguments where no key is known.
    """
    return (
        _is_command(filter.command, line.argv)
        and _is_client(filter.client, line.client)
        and _has_match(filter.match, line.argv, table)
    )


def _is_command(wanted: tuple[bytes, ...] | None, argv: tuple[bytes, ...]) -> bool:
    return wanted is None or tuple(word.lower() for word in argv[: len(wanted)]) == wanted


def _is_client(wanted: str | None, client: str) -> bool:
    if wanted in (None, client):
        return True
    host = client.rpartition(":")[0]
    return bool(host) and wanted in (host, host.strip("[]"))


def _has_match(glob: bytes | None, argv: tuple[bytes, ...], table: Table) -> bool:
    if glob is None:
        return True
    if not argv:
        return False
    spec = table.find(argv)
    words = (keys(spec, argv) if spec is not None else ()) or argv[1:]
    return any(map(_pattern(glob).fullmatch, words))


_GLOB: Final = re.compile(rb"\*+|\?|\\(?P<plain>.)|\[(?P<set>(?:\\.|[^\]\\])*)\]?|.", re.DOTALL)


@lru_cache(maxsize=8)
def _pattern(glob: bytes) -> re.Pattern[bytes]:
    r"""Return the expression of a glob as the server reads it: ``* ? [abc] [^a-z] \x``."""
    parts = [b""]
    for found in _GLOB.finditer(glob):
        if found[0].startswith(b"*"):
            parts.append(b"")
        else:
            parts[-1] += _one(found)
    if len(parts) == 1:
        return re.compile(parts[0], re.DOTALL)
    first, *middle, last = parts
    # What a star has taken up to the next part is settled, so that no glob makes this slow.
    settled = b"".join(b"(?>.*?%b)" % part for part in middle)
    return re.compile(b"%b%b.*%b" % (first, settled, last), re.DOTALL)


def _one(found: re.Match[bytes]) -> bytes:
    """Return the expression of a part that stands for one byte."""
    if found[0] == b"?":
        return b"."
    if found["plain"] is not None:
        return re.escape(found["plain"])
    if found["set"] is not None:
        return _set(found["set"])
    return re.escape(found[0])


_MEMBER: Final = re.compile(rb"(?:\\(.)|(.))(?:-(?:\\(.)|(.)))?", re.DOTALL)


def _set(text: bytes) -> bytes:
    """Return the expression of a set; a range may stand the wrong way round, as with the server."""
    members = text.removeprefix(b"^")
    negated = b"^" if members != text else b""
    if not members:
        return b"." if negated else b"(?!)"
    ranges = []
    for found in _MEMBER.finditer(members):
        first = found[1] or found[2]
        low, high = sorted((first, found[3] or found[4] or first))
        ranges.append(b"\\x%02x-\\x%02x" % (low[0], high[0]))
    return b"[%b%b]" % (negated, b"".join(ranges))
