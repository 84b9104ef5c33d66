"""What was written in base64, in either alphabet, with its padding and without line ends."""

from __future__ import annotations

import re
from binascii import Error, a2b_base64, b2a_base64
from typing import Final

__all__ = ["decode"]

_FOR_URLS: Final = re.compile(rb"[A-Za-z0-9_-]+={0,2}")
_TO_STANDARD: Final = bytes.maketrans(b"-_", b"+/")


def decode(value: bytes) -> bytes | None:
    """Return what was written, None when another writer than base64 would have been at work."""
    if len(value) % 4:
        return None
    if _FOR_URLS.fullmatch(value):
        value = value.translate(_TO_STANDARD)
    try:
        written = a2b_base64(value, strict_mode=True)
    except Error:
        return None
    # The last character may have bits to spare, which base64 leaves at zero.
    return written if b2a_base64(written, newline=False) == value else None
