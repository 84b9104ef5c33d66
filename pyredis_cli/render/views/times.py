"""Moments and spans beside the numbers that servers write: in milliseconds, in seconds, and in stream IDs."""

from __future__ import annotations

from pyredis.types import Reply
from pyredis_cli.render.blocks import Cell
from pyredis_cli.render.look import Look
from pyredis_cli.render.units import ago, duration, moment, when
from pyredis_cli.render.views.reading import integer

__all__ = ["id_time", "since", "span", "stamp"]

# From 2001 to 2286. IDs need not be times; small ones are counters.
_FIRST, _BEHIND = 1_000_000_000_000, 10_000_000_000_000


def stamp(milliseconds: Reply) -> Cell:
    """Return a moment in UTC; nothing for 0 and below, which servers write for never."""
    units = integer(milliseconds)
    return (("time", when(units // 1000)),) if units > 0 else ()


def since(milliseconds: Reply, look: Look) -> Cell:
    """Return how long ago a moment is, when it is known what time it is."""
    units = integer(milliseconds)
    return (("note", ago(units / 1000, look.now)),) if look.now is not None and units > 0 else ()


def span(milliseconds: Reply) -> Cell:
    """Return a span of a second or more in words."""
    length = integer(milliseconds)
    return (("note", duration(length / 1000)),) if length >= 1000 else ()


def id_time(identity: bytes | str | None) -> Cell:
    """Return the time in a stream ID, which begins with milliseconds since 1970 unless somebody chose another."""
    written = identity.encode("utf-8", "surrogateescape") if isinstance(identity, str) else identity or b""
    milliseconds = written.partition(b"-")[0]
    if len(milliseconds) != 13 or not milliseconds.isdigit() or not _FIRST <= int(milliseconds) < _BEHIND:
        return ()
    return (("time", moment(int(milliseconds), 1000)),)
