"""Replies of a single number that is a moment, a span or a size: what it means stands behind it.

Which of them a command answers with is in the row of its view: TTL seconds, PEXPIRETIME a moment in milliseconds.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from pyredis.types import Reply
from pyredis_cli.render.blocks import Block, Cell, Column, Grid, Line
from pyredis_cli.render.units import duration, when
from pyredis_cli.render.views.cells import noted, value
from pyredis_cli.render.views.meanings import moment as _moment
from pyredis_cli.render.views.meanings import sized
from pyredis_cli.render.views.reading import Asked, Unexpected, integer, items

__all__ = [
    "idle",
    "milliseconds_left",
    "moment",
    "moment_in_milliseconds",
    "seconds_left",
    "size",
    "time",
]

# What TTL and its like say instead of a number.
_INSTEAD: Final = {-1: "it does not expire", -2: "there is no such key"}


def seconds_left(reply: Reply, asked: Asked) -> Sequence[Block]:
    """Return the reply of TTL."""
    return _number(reply, _left(_whole(reply), asked))


def milliseconds_left(reply: Reply, asked: Asked) -> Sequence[Block]:
    """Return the reply of PTTL."""
    found = _whole(reply)
    return _number(reply, _left(found if found < 0 else found / 1000, asked))


def moment(reply: Reply, asked: Asked) -> Sequence[Block]:
    """Return the reply of LASTSAVE or EXPIRETIME."""
    return _number(reply, _at(_whole(reply), asked))


def moment_in_milliseconds(reply: Reply, asked: Asked) -> Sequence[Block]:
    """Return the reply of PEXPIRETIME."""
    found = _whole(reply)
    return _number(reply, _at(found if found < 0 else found / 1000, asked))


def idle(reply: Reply, asked: Asked) -> Sequence[Block]:
    """Return the reply of OBJECT IDLETIME."""
    since = "" if asked.look.now is None else f", since {when(asked.look.now - _whole(reply))}"
    return _number(reply, f"{duration(_whole(reply))}{since}")


def size(reply: Reply, asked: Asked) -> Sequence[Block]:
    """Return the reply of MEMORY USAGE."""
    return _number(reply, sized(_whole(reply)))


def time(reply: Reply, asked: Asked) -> Sequence[Block]:
    """Return the reply of TIME: the seconds of now, and the microseconds of this second."""
    seconds, micros = items(reply, 2)
    notes = (when(integer(seconds)), f"microseconds, {duration(integer(micros) / 1e6)}")
    rows = [noted(value(part), note) for part, note in zip((seconds, micros), notes, strict=True)]
    return [Grid((Column(),), rows, _cells, numbered=True)]


def _cells(cell: Cell) -> Sequence[Cell]:
    return (cell,)


def _whole(reply: Reply) -> int:
    # These commands answer with integers, whatever the protocol, and servers count no further.
    if not isinstance(reply, int) or abs(integer(reply)) >= 2**63:
        raise Unexpected("this is no integer of a server")
    return reply


def _number(reply: Reply, note: str) -> Sequence[Block]:
    return [Line(noted(value(reply), note))]


def _left(seconds: float, asked: Asked) -> str:
    if seconds < 0:
        return _INSTEAD.get(int(seconds), "")
    now = asked.look.now
    return duration(seconds) if now is None else f"{duration(seconds)}, until {when(now + seconds)}"


def _at(seconds: float, asked: Asked) -> str:
    return _INSTEAD.get(int(seconds), "") if seconds < 0 else _moment(seconds, asked.look.now)
