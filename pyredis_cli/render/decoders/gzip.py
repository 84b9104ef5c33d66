"""What was packed with gzip."""

from __future__ import annotations

from typing import Final

from pyredis_cli.render.decoders._inflating import inflated

__all__ = ["decode"]

_MAGIC: Final = b"\x1f\x8b\x08"
_GZIP: Final = 31
# What gzip appended to one file; each one costs a copy of the rest.
_MEMBERS: Final = 64


def decode(value: bytes) -> bytes | None:
    """Return what was packed, None when the value is not gzip from end to end."""
    return inflated(value, _GZIP, members=_MEMBERS) if value.startswith(_MAGIC) else None
