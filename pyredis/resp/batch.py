"""Many commands as the bytes of one write.

Knows when hiredis may do the packing: it is the fastest up to some KiB a command, slow beyond, and takes what
may not be an argument. ``batch_packer`` chooses, so that who decodes without hiredis need not import it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import chain
from typing import Any, Final, TypeAlias

from pyredis.options import ConnectionOptions
from pyredis.resp.encode import packed
from pyredis.types import Argument

__all__ = ["Packer", "batch_packer"]

Packer: TypeAlias = Callable[[Sequence[Sequence[Argument]]], bytes]
"""Commands to bytes; raises TypeError or ValueError when one of them cannot be sent."""

# Not int: of one with more digits than Python would spell, hiredis makes a crash of the process.
_PLAIN: Final = frozenset([bytes, str])
_LONG: Final = 8 * 1024  # bytes of a command from where on joining its parts is faster than hiredis


def batch_packer(options: ConnectionOptions) -> Packer:
    """Return what packs the commands of one connection."""
    encoding = options.encoding
    if options.decoder == "typed" or encoding not in (None, "utf-8"):
        return lambda batch: b"".join([packed(args, encoding) for args in batch])
    return _with_hiredis(encoding)


def _with_hiredis(encoding: str | None) -> Packer:
    import hiredis

    pack_command: Any = hiredis.pack_command
    long = False

    def pack_batch(batch: Sequence[Sequence[Argument]]) -> bytes:
        # One look at all types, one pass of packing: both in C. How long the commands are is not asked before
        # but seen after; the next batch is packed accordingly.
        nonlocal long
        if not long and _PLAIN.issuperset(map(type, chain.from_iterable(batch))):
            try:
                words = b"".join(map(pack_command, batch))
            except UnicodeEncodeError:  # surrogates: bytes that were no text
                pass
            else:
                long = len(words) > _LONG * len(batch)
                return words
        words = b"".join([packed(args, encoding) for args in batch])
        long = len(words) > _LONG * len(batch)
        return words

    return pack_batch
