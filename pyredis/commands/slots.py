"""Which slot of a cluster a key belongs to. Pure arithmetic: it knows no node."""

from __future__ import annotations

from binascii import crc_hqx
from typing import Final

__all__ = ["SLOTS", "key_slot", "key_tag"]

SLOTS: Final = 16384


def key_slot(key: bytes) -> int:
    """Return the cluster slot of a key, 0 to 16383: CRC16/XMODEM of its hash tag."""
    if b"{" in key:
        key = key_tag(key)
    return crc_hqx(key, 0) % SLOTS


def key_tag(key: bytes) -> bytes:
    """Return the hash tag of a key, the part of it that decides.

    The bytes between the first ``{`` and the next ``}``, or the whole key when that span is missing or empty.
    Source: cluster specification, "Hash tags".
    """
    _, _, rest = key.partition(b"{")
    tag, brace, _ = rest.partition(b"}")
    return tag if brace and tag else key
