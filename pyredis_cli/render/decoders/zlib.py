"""What was packed with zlib: deflate with two bytes before it and a checksum behind."""

from __future__ import annotations

from typing import Final

from pyredis_cli.render.decoders._inflating import inflated

__all__ = ["decode"]

_ZLIB: Final = 15
_DEFLATE: Final = 8


def decode(value: bytes) -> bytes | None:
    """Return what was packed, None when the value is not zlib from end to end."""
    header = value[:2]
    if len(header) < 2 or header[0] & 0x0F != _DEFLATE or int.from_bytes(header, "big") % 31:
        return None
    return inflated(value, _ZLIB)
