"""Numbers that are a moment, a span or a size, one or one for each field of a hash: what they mean beside them.

Which of them a command answers with is in the row of its view: TTL seconds, HPEXPIRETIME moments in milliseconds.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final, TypeAlias

from pyredis.types import Reply
from pyredis_cli.render.blocks import Block, Cell, Column, Grid, Line
from pyredis_cli.render.units import duration, when
from pyredis_cli.render.views import meanings
from pyredis_cli.render.views.cells import noted, value
from pyredis_cli.render.views.reading import Asked, Unexpected, integer, items

__all__ = [
    "idle",
    "milliseconds_left",
    "milliseconds_left_of_fields",
    "moment",
    "moment_in_milliseconds",
    "moments_in_milliseconds_of_fields",
    "moments_of_fields",
    "seconds_left",
    "seconds_left_of_fields",
    "size",
    "time",
]

_View: TypeAlias = "Callable[[Reply, Asked], Sequence[Block]]"
_Meaning: TypeAlias = Callable[[float, float | None], str]
"""What a number of seconds means, which is now."""

# What servers say instead of a span or a moment.
_ETERNAL: Final = -1
_MISSING: Final = -2


def idle(reply: Reply, asked: Asked) -> Sequence[Block]:
    """Return the reply of OBJECT IDLETIME."""
    seconds = _whole(reply)
    since = "" if asked.look.now is None else f", since {when(asked.look.now - seconds)}"
    return _number(reply, f"{duration(seconds)}{since}")


def size(reply: Reply, asked: Asked) -> Sequence[Block]:
    """Return the reply of MEMORY USAGE."""
    return _number(reply, meanings.sized(_whole(reply)))


def time(reply: Reply, asked: Asked) -> Sequence[Block]:
    """Return the reply of TIME: the seconds of now, and the microseconds of this second."""
    seconds, micros = items(reply, 2)
    notes = (when(integer(seconds)), f"microseconds, {duration(integer(micros) / 1e6)}")
    rows = [noted(value(part), note) for part, note in zip((seconds, micros), notes, strict=True)]
    return [Grid((Column(),), rows, lambda cell: (cell,), numbered=True)]


def _left(seconds: float, now: float | None) -> str:
    return duration(seconds) if now is None else f"{duration(seconds)}, until {when(now + seconds)}"


def _of_a_key(mean: _Meaning, unit: float) -> _View:
    """Return the view of a number that is so many of these units."""

    def view(reply: Reply, asked: Asked) -> Sequence[Block]:
        return _number(reply, _meant(_whole(reply), "key", mean, unit, asked))

    return view


def _of_fields(mean: _Meaning, unit: float) -> _View:
    """Return the view of a number for each field that was asked for."""

    def view(reply: Reply, asked: Asked) -> Sequence[Block]:
        numbers = items(reply)
        rows = list(zip(_fields(asked.argv, len(numbers)), numbers, strict=True))
        for number in numbers:
            _whole(number)

        def cells(row: tuple[bytes, Reply]) -> Sequence[Cell]:
            field, number = row
            note = _meant(_whole(number), "field", mean, unit, asked)
            return value(field), noted(value(number), note)

        return [Grid((Column(), Column(words=True)), rows, cells, numbered=True)]

    return view


def _meant(number: int, thing: str, mean: _Meaning, unit: float, asked: Asked) -> str:
    if number < 0:
        return {_ETERNAL: "it does not expire", _MISSING: f"there is no such {thing}"}.get(number, "")
    return mean(number * unit if unit != 1 else number, asked.look.now)


def _fields(argv: Sequence[bytes], count: int) -> Sequence[bytes]:
    """Return the last words of a command, behind ``FIELDS`` and how many they are."""
    if not 0 < count <= len(argv) - 4 or argv[-count - 1] != b"%d" % count:
        raise Unexpected("there are not as many numbers as fields")
    return argv[-count:]


def _whole(reply: Reply) -> int:
    # These commands answer with integers, whatever the protocol, and servers count no further.
    if not isinstance(reply, int) or abs(integer(reply)) >= 2**63:
        raise Unexpected("this is no integer of a server")
    return reply


def _number(reply: Reply, note: str) -> Sequence[Block]:
    return [Line(noted(value(reply), note))]


seconds_left: Final = _of_a_key(_left, 1)
milliseconds_left: Final = _of_a_key(_left, 1e-3)
moment: Final = _of_a_key(meanings.moment, 1)
moment_in_milliseconds: Final = _of_a_key(meanings.moment, 1e-3)
seconds_left_of_fields: Final = _of_fields(_left, 1)
milliseconds_left_of_fields: Final = _of_fields(_left, 1e-3)
moments_of_fields: Final = _of_fields(meanings.moment, 1)
moments_in_milliseconds_of_fields: Final = _of_fields(meanings.moment, 1e-3)
