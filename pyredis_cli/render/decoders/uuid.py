"""What a UUID says of itself: its version, and the moment it was made where that is in it (RFC 9562)."""

from __future__ import annotations

import re
from typing import Final

from pyredis_cli.render.decoders import Note
from pyredis_cli.render.units import moment

__all__ = ["decode"]

_DASHED: Final = re.compile(rb"[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}", re.IGNORECASE)
_BARE: Final = re.compile(rb"[0-9a-f]{32}", re.IGNORECASE)
_WHAT: Final = {
    2: "DCE security",
    3: "MD5 of a name",
    4: "random",
    5: "SHA-1 of a name",
    8: "of somebody's own",
}
_WRITTEN: Final = 16
_LAST: Final = (1 << 128) - 1
# Versions 1 and 6 count tenths of microseconds since the Gregorian calendar began.
_CALENDAR: Final = 0x01B21DD213814000
_TENTHS: Final = 10


def decode(value: bytes) -> Note | None:
    """Return what the UUID says; it is written with dashes, in 32 digits, or in 16 bytes."""
    number = _number(value)
    return None if number is None else Note(_told(number))


def _number(value: bytes) -> int | None:
    if len(value) == _WRITTEN:
        return int.from_bytes(value, "big")
    return int(value.replace(b"-", b""), 16) if _DASHED.fullmatch(value) or _BARE.fullmatch(value) else None


def _told(number: int) -> str:
    if number in (0, _LAST):
        return "UUID, all zeros" if number == 0 else "UUID, all ones"
    version = number >> 76 & 0xF
    if number >> 62 & 0b11 != 0b10 or not 1 <= version <= 8:
        return "UUID of no standard version"
    return f"UUID version {version}, {_WHAT.get(version) or _made(number, version)}"


def _made(number: int, version: int) -> str:
    high, middle, low = number >> 96, number >> 80 & 0xFFFF, number >> 64 & 0xFFF
    match version:
        case 7:
            return moment(high << 16 | middle, 1_000)
        case 6:
            ticks = high << 28 | middle << 12 | low
        case _:
            ticks = low << 48 | middle << 32 | high
    return moment((ticks - _CALENDAR) // _TENTHS, 1_000_000)
