"""Moments as seconds, milliseconds or microseconds after 1970, of this century."""

from __future__ import annotations

from typing import Final

from pyredis_cli.render.decoders import Note
from pyredis_cli.render.units import moment

__all__ = ["decode"]

_PER_SECOND: Final = {10: 1, 13: 1_000, 16: 1_000_000}
# Ten digits begin in September 2001.
_FIRST: Final = 1_000_000_000
_END: Final = 4_133_980_800  # 2101


def decode(value: bytes) -> Note | None:
    """Return the moment; None for numbers that are longer, shorter or of another century."""
    per_second = _PER_SECOND.get(len(value))
    if per_second is None or not value.isdigit():
        return None
    count = int(value)
    return Note(moment(count, per_second)) if _FIRST <= count // per_second < _END else None
