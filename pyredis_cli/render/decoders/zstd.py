"""What was packed with Zstandard, where Python or a package can unpack that."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, Final

from pyredis_cli.render.decoders import MOST, Missing, Part

if TYPE_CHECKING:
    from typing import TypeAlias

    _Stream: TypeAlias = Any  # has decompress, eof and unused_data

__all__ = ["decode"]

_MAGIC: Final = b"\x28\xb5\x2f\xfd"
_INSTALL: Final = Missing("Zstandard; pip install zstandard shows what is in it")
# Four bytes can stand for 128 kB; so few at once never unpack to more than a few MB before that is noticed.
_SLICE: Final = 128
_WINDOW_BITS: Final = 23  # 8 MB, what every decoder has to have
_FRAMES: Final = 64


def decode(value: bytes) -> bytes | Missing | None:
    """Return what was packed, None when the value is not Zstandard from end to end."""
    if not value.startswith(_MAGIC):
        return None
    found = _backend()
    return _INSTALL if found is None else _unpacked(value, *found)


def _backend() -> tuple[Callable[[], _Stream], type[Exception]] | None:
    """Return what makes a stream, and what such a stream raises."""
    if sys.version_info >= (3, 14):
        from compression import zstd

        options = {zstd.DecompressionParameter.window_log_max: _WINDOW_BITS}
        return lambda: zstd.ZstdDecompressor(options=options), zstd.ZstdError
    try:
        import zstandard
    except ImportError:
        return None
    maker = zstandard.ZstdDecompressor(max_window_size=1 << _WINDOW_BITS)
    return maker.decompressobj, zstandard.ZstdError


def _unpacked(value: bytes, stream_of: Callable[[], _Stream], wrong: type[Exception]) -> bytes | None:
    unpacked = bytearray()
    for _ in range(_FRAMES):
        stream = stream_of()
        used = 0
        try:
            for part in _slices(value):
                unpacked += stream.decompress(part)
                used += len(part)
                if len(unpacked) > MOST:
                    return Part(unpacked[:MOST])
                if stream.eof:
                    break
        except wrong:
            return None
        if not stream.eof:
            return None
        value = value[used - len(stream.unused_data) :]
        if not value:
            return bytes(unpacked)
    return None


def _slices(value: bytes) -> Iterator[bytes]:
    return (value[start : start + _SLICE] for start in range(0, len(value), _SLICE))
