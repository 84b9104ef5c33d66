"""What ``:monitor`` is asked for, and which lines of MONITOR that is.

Pure: from words to a filter, from bytes to a line, from both to yes or no. Lines come from a server and are not
believed: of one that is none of MONITOR's what can be read is kept, and the rest is empty.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import count
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from pyredis.commands.keys import keys
from pyredis.commands.spec import TABLE
from pyredis_cli.complete.candidates import Choice
from pyredis_cli.complete.known import commands, summary
from pyredis_cli.repl.verdicts import Monitor, Refuse, Verdict

if TYPE_CHECKING:
    from pyredis.commands.spec import Table

__all__ = ["MonitorFilter", "MonitorLine", "behind", "judge", "line", "matches", "parse", "without"]


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


# -- what is asked for


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


_UNITS: Final = {"": 1, "s": 1, "m": 60, "h": 3600}


def _seconds(text: str) -> float:
    found = re.fullmatch(r"([0-9]+(?:\.[0-9]*)?|\.[0-9]+)([smh]?)", text)
    seconds = float(found[1]) * _UNITS[found[2]] if found else 0.0
    if not 0 < seconds < math.inf:
        raise ValueError("takes seconds, or a time such as 90s, 5m or 1h")
    return seconds


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
    "--for": _Flag("seconds", "SECONDS", "so long, then stop", _seconds),
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
