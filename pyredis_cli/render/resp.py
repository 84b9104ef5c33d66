"""Replies as the bytes in which a server sends them.

What RESP2 and RESP3 say differently is told by the protocol: nil, and that RESP2 knows no messages apart.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, cast

from pyredis.exceptions import ReplyError
from pyredis.types import Attributed, BigNumber, Map, Push, Reply, Set, Status, Verbatim
from pyredis_cli.render.layout import Part, Steps, digits, double, message, pairs, unroll

__all__ = ["resp_parts"]

_END: Final = b"\r\n"


def resp_parts(reply: Reply, protocol: int = 3) -> Iterator[Part]:
    """Yield the bytes of a reply part after part; nothing is laid out before it is asked for."""
    for written in unroll(_resp(reply, protocol)):
        yield written, 0


def _resp(reply: Reply, protocol: int) -> Steps[bytes]:
    match reply:
        case Attributed():
            yield _pairs(b"|", reply.attributes, protocol)
            yield _resp(reply.reply, protocol)
        case Map() | dict():
            yield _pairs(b"%", reply, protocol)
        case list():
            items = cast("list[Reply]", reply)
            yield b"%b%d\r\n" % (_mark(items, protocol), len(items))
            for item in items:
                yield _resp(item, protocol)
        case Status():
            yield b"+%b\r\n" % reply
        case Verbatim():
            yield b"=%d\r\n%b:" % (len(reply) + 4, reply.format.encode())
            yield reply
            yield _END
        case bytes() | str():
            value = reply.encode("utf-8", "surrogateescape") if isinstance(reply, str) else reply
            yield b"$%d\r\n" % len(value)
            yield value
            yield _END
        case _:
            yield _scalar(reply, protocol)


def _pairs(mark: bytes, mapping: Map | dict[object, Reply], protocol: int) -> Steps[bytes]:
    yield b"%b%d\r\n" % (mark, len(mapping))
    for key, value in pairs(cast("Map", mapping)):
        yield _resp(key, protocol)
        yield _resp(value, protocol)


def _mark(items: list[Reply], protocol: int) -> bytes:
    if isinstance(items, Set):
        return b"~"
    return b">" if isinstance(items, Push) and protocol == 3 else b"*"


def _scalar(reply: Reply, protocol: int) -> bytes:
    match reply:
        case None:
            return b"_\r\n" if protocol == 3 else b"$-1\r\n"
        case bool():
            return b"#t\r\n" if reply else b"#f\r\n"
        case BigNumber():
            return b"(%b\r\n" % digits(reply).encode()
        case int():
            return b":%b\r\n" % digits(reply).encode()
        case float():
            return b",%b\r\n" % double(reply).encode()
        case ReplyError():
            line = message(reply)
            simple = b"\r" not in line and b"\n" not in line
            return b"-%b\r\n" % line if simple else b"!%d\r\n%b\r\n" % (len(line), line)
    raise TypeError(f"a reply cannot be of type {type(reply).__name__}")
