"""Which slot of a cluster a key belongs to. Pure arithmetic: it knows no node."""

from __future__ import annotations

from binascii import crc_hqx
from typing import Final

__all__ = ["SLOTS", "key_slot"]

SLOTS: Final = 16384


def key_slot(key: bytes) -> int:
    """Return the cluster slot of a key, 0 to 16383.

    CRC16/XMODEM of the hash tag: the bytes between the first ``{`` and the next ``}``, or the whole key when that
    span is missing or empty. Source: cluster specification, "Hash tags".
    """
    if b"{" in key:
        _, _, rest = key.partition(b"{")
        tag, brace, _ = rest.partition(b"}")
        if brace and tag:
            key = tag
    return crc_hqx(key, 0) % SLOTS
