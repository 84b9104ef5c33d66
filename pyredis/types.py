"""What an argument and a reply can be.

The typed decoder keeps what the wire said: the classes here are what a reply is then made of. The fast
decoder returns plain values (bytes or str, int, float, bool, None, list, dict); ``plain`` turns the one into
the other. An error inside an aggregate stays in place as a ``ReplyError`` object, in both.
"""

from __future__ import annotations

from itertools import chain

from pyredis.exceptions import ReplyError
from pyredis.records import cast, dataclass

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Iterator
    from typing import TypeAlias

__all__ = [
    "Argument",
    "Attributed",
    "BigNumber",
    "Double",
    "Map",
    "Push",
    "Reply",
    "Set",
    "Status",
    "Verbatim",
    "plain",
]

Argument: TypeAlias = bytes | bytearray | memoryview | str | int | float


class Status(bytes):
    """A simple string: ``+OK``."""


class Verbatim(bytes):
    """A verbatim string: the text, and its three-letter ``format`` (``txt``, ``mkd``)."""

    format: str

    def __new__(cls, text: bytes, format: str = "txt") -> Verbatim:
        self = super().__new__(cls, text)
        self.format = format
        return self


class Double(float):
    """A double, and ``text``: the digits as the server wrote them."""

    text: str

    def __new__(cls, text: str) -> Double:
        self = super().__new__(cls, text)
        self.text = text
        return self


class BigNumber(int):
    """An integer that came as a big number."""


class Set(list["Reply"]):
    """A set in the order it came; members may repeat and need not be hashable."""


class Push(list["Reply"]):
    """An out-of-band message: its kind, then what it carries."""


class Map(list[tuple["Reply", "Reply"]]):
    """A map as its pairs in the order they came; keys may repeat and need not be hashable."""


@dataclass(frozen=True, slots=True)
class Attributed:
    """A reply that came with attributes."""

    reply: Reply
    attributes: Map


Reply: TypeAlias = (
    "bool | int | float | str | bytes | ReplyError | Attributed | list[Reply] | Map"
    " | dict[Hashable, Reply] | None"
)


def plain(reply: Reply, decode: Callable[[bytes], str] | None = None) -> Reply:
    """Return the reply without wire types: bytes (through ``decode`` when given), int, float, list, dict.

    A map becomes a dict, or a list of its pairs when a key repeats or cannot be hashed.
    Attributes are dropped.
    """
    # A stack of our own: a reply may be nested deeper than Python's would bear.
    found: list[Reply] = []
    # The items still to come of each aggregate on its way, those made plain, and its type.
    frames: list[tuple[Iterator[Reply], list[Reply], type]] = [(iter((reply,)), found, list)]
    while frames:
        items, made, kind = frames[-1]
        for item in items:
            while isinstance(item, Attributed):
                item = item.reply
            if isinstance(item, list):
                members = chain.from_iterable(item) if isinstance(item, Map) else item
                frames.append((iter(cast("list[Reply]", members)), [], type(item)))
                break
            made.append(_plain_scalar(item, decode))
        else:
            frames.pop()
            if frames:
                frames[-1][1].append(_plain_aggregate(kind, made))
    return found[0]


def _plain_scalar(item: Reply, decode: Callable[[bytes], str] | None) -> Reply:
    match item:
        case bytes():
            return decode(item) if decode else bytes(item)
        case BigNumber():
            return int(item)
        case Double():
            return float(item)
    return item


def _plain_aggregate(kind: type, items: list[Reply]) -> Reply:
    if issubclass(kind, Map):
        return _mapping(list(zip(items[::2], items[1::2], strict=True)))
    return Push(items) if issubclass(kind, Push) else items


def _mapping(pairs: list[tuple[Reply, Reply]]) -> Reply:
    try:
        mapping: dict[Hashable, Reply] = dict(pairs)  # type: ignore[arg-type]
    except TypeError:
        return Map(pairs)
    # 0 and False are equal keys to Python and different ones to the server.
    return mapping if len(mapping) == len(pairs) else Map(pairs)
