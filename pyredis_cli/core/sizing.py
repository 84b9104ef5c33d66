"""How much keys hold: type, length and memory, asked of many at once and without reading a value."""

from __future__ import annotations

from pyredis.records import NamedTuple

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Final

    from pyredis.types import Reply
    from pyredis_cli.core.desk import Desk

__all__ = ["OF_ELEMENTS", "TYPES", "Sized", "TypeFacts", "sized"]


_HEAVY: Final = 1 << 20  # bytes


class TypeFacts(NamedTuple):
    """How the length of a type is asked, what it counts, and how its elements are read in steps.

    ``page`` reads the first so many elements: the command, and what stands behind the key; ``%d`` is the number.
    Its reply has so many ``words`` for each.
    """

    length: bytes
    unit: str
    steps: str
    page: tuple[bytes, ...]
    words: int = 1

    @property
    def units(self) -> str:
        """What the length counts, many of it."""
        return f"{self.unit[:-1]}ies" if self.unit.endswith("y") else f"{self.unit}s"


TYPES: Final[Mapping[str, TypeFacts]] = {
    "string": TypeFacts(b"STRLEN", "byte", "GETRANGE reads a part", (b"GETRANGE", b"0", b"%d")),
    "list": TypeFacts(b"LLEN", "element", "LRANGE reads a part", (b"LRANGE", b"0", b"%d")),
    "set": TypeFacts(b"SCARD", "member", "SSCAN reads in steps", (b"SSCAN", b"0", b"COUNT", b"%d")),
    # ZSCAN takes twenty times as long for each member as a range does.
    "zset": TypeFacts(b"ZCARD", "member", "ZSCAN reads in steps", (b"ZRANGE", b"0", b"%d")),
    "hash": TypeFacts(b"HLEN", "field", "HSCAN reads in steps", (b"HSCAN", b"0", b"COUNT", b"%d"), 2),
    "stream": TypeFacts(
        b"XLEN", "entry", "XRANGE with COUNT reads in steps", (b"XRANGE", b"-", b"+", b"COUNT", b"%d")
    ),
}
"""The types that every server has."""

OF_ELEMENTS: Final[Mapping[str, TypeFacts]] = {
    kind: facts for kind, facts in TYPES.items() if facts.unit != "byte"
}
"""Those whose values have elements: a long string is one value."""


class Sized(NamedTuple):
    """A key and what it holds. ``type`` is ``none`` where there is no such key; empty, or None, is not known."""

    key: bytes
    type: str = ""
    length: int | None = None
    memory: int | None = None

    @property
    def exists(self) -> bool:
        return self.type not in ("", "none")

    @property
    def heavy(self) -> bool:
        """Whether it takes more memory than is copied or freed unnoticed."""
        return (self.memory or 0) > _HEAVY

    @property
    def unit(self) -> str:
        """What the length counts, one of it."""
        return TYPES[self.type].unit if self.type in TYPES else "element"


async def sized(desk: Desk, keys: Sequence[bytes]) -> list[Sized]:
    """Return how much each key holds, in two round trips. What the server refuses to tell stays unknown."""
    if not keys:
        return []
    types = [_word(reply) for reply in await desk.ask_all([(b"TYPE", key) for key in keys])]
    there = [(key, kind) for key, kind in zip(keys, types, strict=True) if kind not in ("", "none")]
    lengths = [(TYPES[kind].length, key) for key, kind in there if kind in TYPES]
    memory = [(b"MEMORY", b"USAGE", key) for key, _ in there]
    replies = await desk.ask_all([*lengths, *memory]) if there else []
    long = {key: _count(reply) for (_, key), reply in zip(lengths, replies, strict=False)}
    large = {key: _count(reply) for (key, _), reply in zip(there, replies[len(lengths) :], strict=True)}
    return [Sized(key, kind, long.get(key), large.get(key)) for key, kind in zip(keys, types, strict=True)]


def _word(reply: Reply) -> str:
    text = reply.decode("utf-8", "replace") if isinstance(reply, bytes) else reply
    return str(text) if isinstance(text, str) else ""


def _count(reply: Reply) -> int | None:
    return reply if isinstance(reply, int) else None
