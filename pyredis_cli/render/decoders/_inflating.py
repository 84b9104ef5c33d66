"""Streams of deflate, unpacked as far as is decent."""

from __future__ import annotations

from pyredis_cli.render.decoders import MOST, Part

__all__ = ["inflated"]


def inflated(value: bytes, window_bits: int, *, members: int = 1) -> bytes | None:
    """Return what was packed, or its beginning; None when the value is no such stream from end to end."""
    from zlib import decompressobj, error  # seldom needed

    unpacked = bytearray()
    for _ in range(members):
        stream = decompressobj(window_bits)
        try:
            unpacked += stream.decompress(value, MOST + 1 - len(unpacked))
        except error:
            return None
        if len(unpacked) > MOST:
            return Part(unpacked[:MOST])
        if not stream.eof:
            return None
        value = stream.unused_data
        if not value:
            return bytes(unpacked)
    return None
