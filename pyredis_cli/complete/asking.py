"""What a server is asked for the names of a kind; `harvest` reads the replies."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Final

    from pyredis.types import Reply
    from pyredis_cli.complete.names import Wanted

__all__ = ["OF_TYPE", "QUESTIONS", "WALKS", "found_on", "pattern"]


def pattern(prefix: bytes) -> bytes:
    r"""Return the glob that matches what begins with these very bytes."""
    return b"".join(b"\\" + byte if byte in _SPECIAL else byte for byte in map(_byte, prefix)) + b"*"


def _byte(number: int) -> bytes:
    return bytes((number,))


_SPECIAL: Final = frozenset((b"*", b"?", b"[", b"]", b"^", b"\\"))
WALKS: Final = frozenset({"key", "field", "member"})
"""The kinds of which there may be very many."""
OF_TYPE: Final = {"hash": b"HSCAN", "set": b"SSCAN", "zset": b"ZSCAN"}
QUESTIONS: Final[dict[str, Callable[[Wanted], list[bytes]]]] = {
    "group": lambda wanted: [b"XINFO", b"GROUPS", *wanted.want.about[:1]],
    "consumer": lambda wanted: [b"XINFO", b"CONSUMERS", *wanted.want.about[:2]],
    "channel": lambda wanted: [b"PUBSUB", b"CHANNELS", pattern(wanted.prefix)],
    "shard-channel": lambda wanted: [b"PUBSUB", b"SHARDCHANNELS", pattern(wanted.prefix)],
    "user": lambda _: [b"ACL", b"USERS"],
    "parameter": lambda wanted: [b"CONFIG", b"GET", pattern(wanted.prefix)],
    "client-id": lambda _: [b"CLIENT", b"LIST"],
    "client-address": lambda _: [b"CLIENT", b"LIST"],
    "library": lambda _: [b"FUNCTION", b"LIST"],
    "function": lambda _: [b"FUNCTION", b"LIST"],
    "node-id": lambda _: [b"CLUSTER", b"NODES"],
    "index": lambda _: [b"FT._LIST"],
    "module": lambda _: [b"MODULE", b"LIST"],
}
"""What is asked for the names of a kind of which there are few; `harvest` reads the replies."""


def found_on(reply: Reply) -> tuple[bytes, int]:
    """Return the next cursor of a page and how many names were on it; the walk ends with what is no page."""
    if (
        isinstance(reply, list)
        and len(reply) == 2
        and isinstance(reply[0], bytes)
        and isinstance(reply[1], list)
    ):
        return bytes(reply[0]), len(reply[1])
    return b"0", 0
