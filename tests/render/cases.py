"""Replies whose printed form a real redis-cli decides."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from pyredis.exceptions import ReplyError
from pyredis.types import Double, Map, Push, Reply, Set, Status, Verbatim

__all__ = ["CASES", "FORMS", "NEWER", "snapshot"]

FORMS: Final = ("no-raw", "raw", "json")
"""The flags of redis-cli that choose a form, without their dashes."""

_EVERY_SCALAR: Final[list[Reply]] = [
    Status(b"OK"),
    b"text",
    b"",
    Verbatim(b"several\nlines\n"),
    -7,
    Double("1.50"),
    None,
    True,
    False,
]

CASES: Final[dict[str, Reply]] = {
    "status": Status(b"OK"),
    "status-empty": Status(b""),
    "integer": -9223372036854775808,
    "double": Double("0.10000000000000001"),
    "double-exponent": Double("1e+20"),
    "double-infinite": Double("-inf"),
    "nil": None,
    "true": True,
    "false": False,
    "error": ReplyError("WRONGTYPE Operation against a key holding the wrong kind of value"),
    "error-without-code": ReplyError("no such thing"),
    "string": b"Hello, World",
    "string-empty": b"",
    "string-ended": b"line\n",
    "string-ascii": bytes(range(0x7F)),
    "string-bytes": bytes(range(0x100)),
    "string-utf8": "Ada 🦊 東京".encode(),
    "verbatim": Verbatim(b"txt"),
    "verbatim-lines": Verbatim(b"one\r\ntwo\n", "mkd"),
    "array-empty": [],
    "set-empty": Set(),
    "map-empty": Map(),
    "array": _EVERY_SCALAR,
    "array-of-errors": [ReplyError("ERR one"), ReplyError("two")],
    "array-of-empty": [[], Set(), Map(), [[]], None, b""],
    "set": Set(_EVERY_SCALAR),
    "map": Map((b"key %d" % at, value) for at, value in enumerate(_EVERY_SCALAR)),
    "map-of-scalars-keys": Map((key, at) for at, key in enumerate(_EVERY_SCALAR)),
    "map-same-keys": Map([(b"a", 1), (b"a", 2), (1, b"b"), (b"1", b"c")]),
    "array-nested": [1, [2, [3, [4, 5], 6], [[7]]], 8],
    "array-10": [*range(8), [b"a", [b"b", b"c"]], 10],
    "array-100": [[at, [at]] if at in (0, 8, 9, 98, 99) else at for at in range(100)],
    "set-nested": Set([Set([1, 2]), [Set([3])]]),
    "map-10": Map((at, [at] if at % 2 else at) for at in range(10)),
    "map-100": Map((at, Map([(b"a", at)]) if at > 96 else at) for at in range(100)),
    "map-of-one": Map([(b"a", Map([(b"b", [1]), (b"c", Set([2]))][:1]))]),
    "map-of-lists": Map([(b"none", []), (b"one", [1]), (b"two", [1, 2]), (b"deep", [[1, [2, 3]]])]),
    "map-of-maps": Map([(b"a", Map([(b"b", 1), (b"c", Map([(b"d", 2), (b"e", 3)]))])), (b"f", Map())]),
    "map-of-sets": Map([(b"one", Set([1])), (b"two", Set([1, 2]))]),
    "map-of-pushes": Map([(b"none", Push()), (b"one", Push([1])), (b"two", Push([1, 2]))]),
    "map-of-lines": Map([(b"a", Verbatim(b"one\ntwo")), (b"b", [Verbatim(b"one\ntwo")])]),
    "map-of-list-keys": Map([([1, 2], [3, 4]), ([5], 6)]),
    "map-of-map-keys": Map([(Map([(1, 2)]), Map([(Map([(3, 4), (5, 6)]), 7)]))]),
    "map-in-array": [Map([(b"name", b"a"), (b"ids", [1, 2, 3])]), Map([(b"name", b"b")])],
    "push-in-array": [Push([b"message", b"channel", b"text"]), Push()],
}

NEWER: Final = frozenset(
    {
        "map-of-lists",
        "map-of-maps",
        "map-of-sets",
        "map-of-pushes",
        "map-of-list-keys",
        "map-in-array",
    }
)
"""The cases that redis-cli 6.2 prints otherwise under ``--no-raw``."""


def snapshot(case: str, form: str) -> Path:
    """Return where the printed form of a case is recorded."""
    return Path(__file__).parent / "snapshots" / f"{case}.{form}"
