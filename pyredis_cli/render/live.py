"""What a server sends by itself, as one line each: when, where and what.

A line is a list of pieces, each a role and its text, safe for a terminal; whoever prints it knows the colours.
What is none of the known kinds is None: it is shown like any reply.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Final, Literal, TypeAlias, cast

from pyredis.types import Reply
from pyredis_cli.render.escape import printable, readable
from pyredis_cli.render.line import as_typed

__all__ = ["LiveRole", "Pieces", "clock", "invalidated", "message", "monitored"]

LiveRole: TypeAlias = Literal["time", "source", "kind", "name", "value", "write", "read", "admin", "plain"]
Pieces: TypeAlias = list[tuple[LiveRole, str]]

_LONGEST: Final = 10_000  # bytes of a payload that are shown


def clock(at: float) -> str:
    """Return the local time of day in milliseconds, of seconds of the epoch."""
    try:
        local = time.localtime(at)
    except (OverflowError, ValueError, OSError):  # a server may say any time
        return "--:--:--.---"
    return f"{time.strftime('%H:%M:%S', local)}.{int(at * 1000) % 1000:03}"


def message(reply: Reply, at: float, encoding: str = "utf-8") -> Pieces | None:
    """Return the line of a published message or an invalidation."""
    if not isinstance(reply, list) or not reply or not isinstance(reply[0], bytes):
        return None
    push = cast("list[Reply]", reply)
    if not _is_payload(push[-1]):
        return None
    shape = _SHAPES.get(bytes(reply[0]))
    pieces = shape(push[1:], encoding) if shape is not None else None
    return None if pieces is None else [("time", f"{clock(at)} "), *pieces]


def invalidated(push: Reply, encoding: str = "utf-8") -> str | None:
    """Return the lines that redis-cli has for an invalidation of keys, None for every other push."""
    match push:
        case [b"invalidate", [*keys]] if all(isinstance(key, bytes) for key in keys):
            shown = (printable(key, encoding=encoding) for key in cast("list[bytes]", keys))
            return "".join(f"-> invalidate: '{key}'\n" for key in shown)
    return None


def monitored(
    at: float,
    source: str,
    argv: Sequence[bytes],
    *,
    role: LiveRole,
    hidden: Collection[int] = (),
    encoding: str = "utf-8",
) -> Pieces:
    """Return the line of a command that a server ran for ``source``; the words at ``hidden`` are ``***``."""
    words = [word[:_LONGEST] for word in argv]
    name, *rest = (
        as_typed([word], encoding, [0] if place in hidden else []) for place, word in enumerate(words)
    )
    arguments = "".join(f" {word}" for word in rest)
    pieces: Pieces = [
        ("time", f"{clock(at)} "),
        ("source", f"[{printable(source)}] "),
        (role, name),
        ("plain", arguments[:_LONGEST]),
    ]
    if len(arguments) > _LONGEST or any(len(word) > _LONGEST for word in argv):
        pieces.append(("kind", f" … ({sum(map(len, argv)):,} bytes; the first are shown)"))
    return pieces


def _published(parts: list[Reply], encoding: str) -> Pieces | None:
    match parts:
        case [bytes() as channel, payload]:
            return [("name", as_typed([channel], encoding)), ("plain", " "), *_value(payload, encoding)]
    return None


def _matched(parts: list[Reply], encoding: str) -> Pieces | None:
    match parts:
        case [bytes() as pattern, bytes() as channel, payload]:
            return [
                ("name", as_typed([channel], encoding)),
                ("kind", f" ({as_typed([pattern], encoding)})"),
                ("plain", " "),
                *_value(payload, encoding),
            ]
    return None


def _of_shard(parts: list[Reply], encoding: str) -> Pieces | None:
    match parts:
        case [bytes() as channel, payload]:
            return [
                ("name", as_typed([channel], encoding)),
                ("kind", " (shard)"),
                ("plain", " "),
                *_value(payload, encoding),
            ]
    return None


def _invalidated(parts: list[Reply], encoding: str) -> Pieces | None:
    match parts:
        case [None]:
            return [("kind", "invalidate "), ("plain", "all keys")]
        case [list() as keys]:
            return [("kind", "invalidate "), ("name", as_typed(cast("list[bytes]", keys), encoding))]
    return None


def _is_payload(payload: Reply) -> bool:
    """Whether it can be published; a server may also invalidate through a channel, in RESP2, with its keys."""
    if isinstance(payload, list):
        return all(isinstance(key, bytes) for key in payload)
    return payload is None or isinstance(payload, bytes)


def _value(payload: Reply, encoding: str) -> Pieces:
    if isinstance(payload, list):
        return [("name", as_typed(cast("list[bytes]", payload), encoding))]
    if not isinstance(payload, bytes):
        return [("value", "(nil)")]
    shown = readable(payload[:_LONGEST], encoding)
    if len(payload) > _LONGEST:
        return [("value", shown), ("kind", f" … ({len(payload):,} bytes; first {_LONGEST:,} shown)")]
    return [("value", shown)]


_SHAPES: Final[Mapping[bytes, Callable[[list[Reply], str], Pieces | None]]] = {
    b"message": _published,
    b"pmessage": _matched,
    b"smessage": _of_shard,
    b"invalidate": _invalidated,
}
