"""What a key holds, by its type: how long it is, and a few of its elements, from both ends where it has ends.

Nothing here reads a large value whole: strings are read to a length, elements are counted before they are asked
for, and where each of them is large fewer are. A new type is a row.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple, TypeAlias

from pyredis.commands.spec import Spec
from pyredis.exceptions import ReplyError
from pyredis.types import Argument, Map, Reply
from pyredis_cli.core.desk import Desk
from pyredis_cli.render.shapes import Entries, Items, Page, Pairs, Scores, Shape, shape
from pyredis_cli.render.views.reading import Unexpected, mapping, number

__all__ = ["Known", "Sample", "elements", "sampled"]

_WHOLE: Final = 100_000  # bytes: so much of a string is read, of a longer one
_BEGINNING: Final = 10_000  # these, which is what is shown of a value
_ELEMENT: Final = 1 << 20  # bytes of one element, by the mean, above which none is read
_TOGETHER: Final = 4 << 20  # bytes of all elements that are read, about
_PAGES: Final = 10  # of a SCAN within a key, for some have few elements


class Known(NamedTuple):
    """What the server knows of a key; None is what it does not tell.

    ``type`` is empty where the server does not tell even that. ``refused`` has the errors by what they were about.
    ``unseen``: looking at it did not count as using it.
    """

    key: bytes
    type: str
    encoding: str | None = None
    expires: float | None = None
    idle: int | None = None
    frequency: int | None = None
    references: int | None = None
    memory: int | None = None
    refused: Mapping[str, str] = {}
    unseen: bool = True
    nearest: bytes | None = None
    vanished: bool = False

    @property
    def exists(self) -> bool:
        return self.type not in ("", "none")


Told: TypeAlias = "tuple[tuple[bytes, ...], Spec | None, Reply]"
"""What was asked, what the facts say of that, and what was answered."""


@dataclass(frozen=True)
class Sample:
    """Some of what a key holds. ``noun`` is what its elements are called, "bytes" those of a string.

    ``replies`` are what was asked and answered, to be laid out as replies are; ``skipped`` says why there are no
    elements, ``how`` how those were chosen that there are.
    """

    length: int | None = None
    noun: str = "elements"
    head: Shape | bytes | None = None
    tail: Shape | None = None
    lifetimes: Sequence[int | None] = ()
    """Of the fields of a hash, the milliseconds that they have; empty where none expires."""
    replies: Sequence[Told] = ()
    more: Mapping[Hashable, Reply] = field(default_factory=dict)
    refused: Mapping[str, str] = field(default_factory=dict)
    how: str = ""
    skipped: str = ""

    @property
    def shown(self) -> int | None:
        """How many elements are there, or bytes of a string."""
        if isinstance(self.head, bytes):
            return len(self.head)
        if self.head is None:
            return None if self.length is None else 0
        return len(elements(self.head)) + len(elements(self.tail))

    @property
    def value(self) -> Reply:
        return self.head if isinstance(self.head, bytes) else _plain(self.head)

    @property
    def tail_value(self) -> Reply:
        """The last elements, where there are more than the first ones."""
        return _plain(self.tail)


async def sampled(desk: Desk, known: Known, count: int) -> Sample | None:
    """Return some of what the key holds; None when it is gone."""
    return await _KINDS.get(known.type, _unknown)(desk, known, count)


# -- elements


def elements(found: Shape | bytes | None) -> Sequence[Any]:
    """Return the elements of a shape that has some."""
    match found:
        case Pairs(elements) | Scores(elements) | Entries(elements) | Items(elements):
            return elements
    return ()


def _plain(found: Shape | None) -> Reply:
    """Return elements as programs get them: a hash as a map, entries with their fields as maps."""
    match found:
        case Pairs(pairs):
            return {_name(name): said for name, said in pairs}
        case Scores(pairs):
            return [[member, _score(score)] for member, score in pairs]
        case Entries(entries):
            return [[entry.id, None if entry.fields is None else _plain(entry.fields)] for entry in entries]
        case Items(items):
            return list(items)
    return None


def _score(reply: Reply) -> Reply:
    """Return a score as a number, also where RESP2 sends it as a string."""
    try:
        return number(reply)
    except Unexpected:
        return reply


def _named(reply: Reply) -> Reply:
    """Return names and values as a map, in whichever protocol they came."""
    try:
        return {_name(name): said for name, said in mapping(reply)}
    except Unexpected:
        return reply


def _listed(reply: Reply) -> Sequence[Reply]:
    return reply if isinstance(reply, list) and not isinstance(reply, Map) else []


def _name(reply: Reply) -> Hashable:
    return reply if isinstance(reply, Hashable) else str(reply)


class _Asker:
    """Asks of one key, and keeps what the server refuses."""

    def __init__(self, desk: Desk, known: Known) -> None:
        self._desk = desk
        self._key = known.key
        self.refused: dict[str, str] = {}

    async def all(self, *commands: tuple[Argument, ...]) -> list[Reply]:
        """Return the replies to commands, without those that were refused: None stands there."""
        replies = await self._desk.ask_all([self.argv(command) for command in commands])
        for command, reply in zip(commands, replies, strict=True):
            if isinstance(reply, ReplyError):
                self.refused[str(command[0]).lower()] = reply.message
        return [None if isinstance(reply, ReplyError) else reply for reply in replies]

    def argv(self, command: tuple[Argument, ...]) -> tuple[Argument, ...]:
        """Return the command with the key, which is behind its name."""
        return (command[0], self._key, *command[1:])

    def shape(self, command: tuple[Argument, ...], reply: Reply) -> Shape | None:
        """Return what a reply is, None when it was refused."""
        if reply is None:
            return None
        argv = self.words(command)
        return shape(argv, self._desk.table.find(argv), reply)

    def told(self, command: tuple[Argument, ...], reply: Reply) -> Told:
        argv = self.words(command)
        return argv, self._desk.table.find(argv), reply

    def words(self, command: tuple[Argument, ...]) -> tuple[bytes, ...]:
        return tuple(word if isinstance(word, bytes) else str(word).encode() for word in self.argv(command))


def _fitting(known: Known, length: int, count: int) -> tuple[int, str]:
    """Return how many elements are to be read, and when none, why."""
    if known.memory is None or length <= 0:
        return count, ""
    mean = known.memory // length
    if mean > _ELEMENT:
        return 0, f"not read: {'it is' if length == 1 else 'each is'} about {mean:,} bytes long"
    return max(1, min(count, _TOGETHER // max(mean, 1))), ""


def _ends(length: int, count: int) -> tuple[int, int]:
    """Return how many elements are read from the beginning, and how many from the end."""
    if length <= count:
        return max(1, length), 0
    return count - count // 2, count // 2


async def _length(ask: _Asker, command: str) -> int | None:
    """Return how long the key is, 0 when it is gone, None when the server does not tell."""
    (length,) = await ask.all((command,))
    return length if isinstance(length, int) else None


# -- types


async def _string(desk: Desk, known: Known, count: int) -> Sample | None:
    ask = _Asker(desk, known)
    length = await _length(ask, "STRLEN")
    most = _WHOLE if length is not None and length <= _WHOLE else _BEGINNING
    (said,) = await ask.all(("GETRANGE", 0, most - 1))
    if said == b"" and length == 0 and await desk.try_to("EXISTS", known.key) == 0:
        return None
    head = said if isinstance(said, bytes) else None
    return Sample(length, "bytes", head, refused=ask.refused)


async def _hash(desk: Desk, known: Known, count: int) -> Sample | None:
    ask = _Asker(desk, known)
    found = await _scanned(ask, known, ("HLEN", "HSCAN"), count)
    if found is None or not isinstance(found.head, Pairs) or not found.head.pairs:
        return found
    names = [name for name, _ in found.head.pairs if isinstance(name, bytes)]
    left = await desk.try_to("HPTTL", known.key, "FIELDS", len(names), *names)
    if not isinstance(left, list) or len(left) != len(found.head.pairs):
        return found
    lifetimes = [span if isinstance(span, int) and span >= 0 else None for span in left]
    if not any(span is not None for span in lifetimes):
        return found
    more: dict[Hashable, Reply] = {
        "field_ttls": {
            name: span / 1000 for name, span in zip(names, lifetimes, strict=True) if span is not None
        }
    }
    return _with(found, lifetimes=lifetimes, more=more)


def _with(sample: Sample, **changes: Any) -> Sample:
    from dataclasses import replace

    return replace(sample, **changes)


async def _set(desk: Desk, known: Known, count: int) -> Sample | None:
    return await _scanned(_Asker(desk, known), known, ("SCARD", "SSCAN"), count)


async def _scanned(ask: _Asker, known: Known, commands: tuple[str, str], count: int) -> Sample | None:
    """Return elements as a SCAN within the key finds them: in no order, but without reading all."""
    counts, scans = commands
    noun = {"HSCAN": "fields", "SSCAN": "members"}[scans]
    length = await _length(ask, counts)
    if length == 0:
        return None
    fitting, skipped = _fitting(known, length or 0, count)
    if skipped:
        return Sample(length, noun, skipped=skipped, refused=ask.refused)
    found: dict[Any, Any] = {}
    cursor, is_map = b"0", scans == "HSCAN"
    for _ in range(_PAGES):
        command = (scans, cursor, "COUNT", fitting)
        (reply,) = await ask.all(command)
        page = ask.shape(command, reply)
        if not isinstance(page, Page):
            break
        for element in elements(page.items):
            found.setdefault(_name(element[0]) if is_map else element, element)
        cursor = page.cursor
        if cursor == b"0" or len(found) >= fitting:
            break
    some = list(found.values())[:fitting]
    head = None if ask.refused and not some else Pairs(some) if is_map else Items(some)
    return Sample(length, noun, head, how=f"as {scans} finds them", refused=ask.refused)


async def _list(desk: Desk, known: Known, count: int) -> Sample | None:
    return await _ranged(desk, known, count, "LLEN", "elements", ("LRANGE",), ())


async def _zset(desk: Desk, known: Known, count: int) -> Sample | None:
    return await _ranged(desk, known, count, "ZCARD", "members", ("ZRANGE",), ("WITHSCORES",))


async def _ranged(
    desk: Desk,
    known: Known,
    count: int,
    counts: str,
    noun: str,
    command: tuple[str],
    behind: tuple[str, ...],
) -> Sample | None:
    """Return the elements at both ends of what is in order."""
    ask = _Asker(desk, known)
    length = await _length(ask, counts)
    if length == 0:
        return None
    fitting, skipped = _fitting(known, length or 0, count)
    if skipped:
        return Sample(length, noun, skipped=skipped, refused=ask.refused)
    head, tail = _ends(count if length is None else length, fitting)
    ends: list[tuple[Argument, ...]] = [(*command, 0, head - 1, *behind)]
    ends += [(*command, -tail, -1, *behind)] if tail else []
    shapes = [ask.shape(end, reply) for end, reply in zip(ends, await ask.all(*ends), strict=True)]
    return Sample(length, noun, shapes[0], shapes[1] if tail else None, refused=ask.refused)


async def _stream(desk: Desk, known: Known, count: int) -> Sample | None:
    ask = _Asker(desk, known)
    length = await _length(ask, "XLEN")
    fitting, skipped = _fitting(known, length or 0, count)
    ends: list[tuple[Argument, ...]] = []
    if not skipped:
        head, tail = _ends(count if length is None else length, fitting)
        ends += [("XRANGE", "-", "+", "COUNT", head)]
        ends += [("XREVRANGE", "+", "-", "COUNT", tail)] if tail else []
    shapes = [ask.shape(end, reply) for end, reply in zip(ends, await ask.all(*ends), strict=True)]
    told = await _told_of_stream(desk, known.key, ask.refused)
    if told is None:
        return None
    newest = shapes[1] if len(shapes) > 1 else None
    if isinstance(newest, Entries):
        newest = Entries(list(newest.entries)[::-1])
    groups, argv = told.get("groups"), (b"XINFO", b"GROUPS", known.key)
    return Sample(
        length,
        "entries",
        shapes[0] if shapes else None,
        newest,
        replies=[(argv, desk.table.find(argv), groups)] if groups else (),
        more={"groups": [_named(group) for group in _listed(groups)], "stream": _named(told.get("stream"))},
        refused=ask.refused,
        skipped=skipped,
    )


async def _told_of_stream(desk: Desk, key: bytes, refused: dict[str, str]) -> dict[str, Reply] | None:
    """Return what XINFO says of a stream and its groups; None when there is no stream any more."""
    names = ("stream", "groups")
    replies = await desk.ask_all([("XINFO", name, key) for name in names])
    told: dict[str, Reply] = {}
    for name, reply in zip(names, replies, strict=True):
        if not isinstance(reply, ReplyError):
            told[name] = reply
        elif "no such key" in reply.message:
            return None
        else:
            refused["xinfo"] = reply.message
    return told


# -- types of modules

_Commands: TypeAlias = Callable[[int], Sequence[tuple[Argument, ...]]]


class _Module(NamedTuple):
    """The command that counts, if there is one, what is counted, and what tells of the key, in a few lines."""

    counts: str
    noun: str
    tells: _Commands


async def _of_module(desk: Desk, known: Known, count: int) -> Sample | None:
    module = _MODULES[known.type]
    ask = _Asker(desk, known)
    commands = module.tells(count)
    length = await _length(ask, module.counts) if module.counts else None
    replies = await ask.all(*commands)
    told = [
        ask.told(command, reply)
        for command, reply in zip(commands, replies, strict=True)
        if reply is not None
    ]
    if not told and await desk.try_to("EXISTS", known.key) == 0:
        return None
    more: dict[Hashable, Reply] = {
        name: _named(reply) if name == "info" else reply
        for argv, _, reply in told
        for name in ("info" if argv[0].endswith(b"INFO") else "sample",)
    }
    return Sample(length, module.noun, replies=told, more=more, refused=ask.refused)


_DOCUMENT: Final = 1 << 18  # bytes of memory; a document that takes more is not read


async def _json(desk: Desk, known: Known, count: int) -> Sample | None:
    ask = _Asker(desk, known)
    if known.memory is not None and known.memory <= _DOCUMENT:
        (document,) = await ask.all(("JSON.GET",))
        if document is None and not ask.refused:
            return None
        told = [ask.told(("JSON.GET",), document)] if document is not None else []
        return Sample(None, "", replies=told, more={"document": document}, refused=ask.refused)
    sizes = [await desk.try_to(name, known.key) for name in ("JSON.OBJLEN", "JSON.ARRLEN")]
    length = next((size for size in sizes if isinstance(size, int)), None)
    noun = "names" if isinstance(sizes[0], int) else "elements"
    return Sample(length, noun, skipped="not read; JSON.GET KEY PATH reads a part", refused=ask.refused)


async def _unknown(desk: Desk, known: Known, count: int) -> Sample | None:
    return Sample(None, "", skipped="of a module, and how it is read nobody has told peek")


def _tell(*commands: str) -> _Commands:
    return lambda count: [(command,) for command in commands]


_MODULES: Final[Mapping[str, _Module]] = {
    "vectorset": _Module("VCARD", "members", lambda count: [("VINFO",), ("VRANDMEMBER", count)]),
    "TSDB-TYPE": _Module(
        "", "samples", lambda count: [("TS.INFO",), ("TS.REVRANGE", "-", "+", "COUNT", count)]
    ),
    "MBbloom--": _Module("", "", _tell("BF.INFO")),
    "bloomfltr": _Module("", "", _tell("BF.INFO")),  # Valkey's
    "MBbloomCF": _Module("", "", _tell("CF.INFO")),
    "CMSk-TYPE": _Module("", "", _tell("CMS.INFO")),
    "TopK-TYPE": _Module("", "", lambda count: [("TOPK.INFO",), ("TOPK.LIST", "WITHCOUNT")]),
    "TDIS-TYPE": _Module("", "", _tell("TDIGEST.INFO")),
}

_Sampler: TypeAlias = Callable[[Desk, Known, int], Coroutine[Any, Any, "Sample | None"]]

_KINDS: Final[Mapping[str, _Sampler]] = {
    "string": _string,
    "hash": _hash,
    "list": _list,
    "set": _set,
    "zset": _zset,
    "stream": _stream,
    "ReJSON-RL": _json,
    **dict.fromkeys(_MODULES, _of_module),
}
