"""Commands as the bytes that a connection may send: where a read-only one lets go of nothing else.

Whoever shares a connection packs its commands here; who has one to himself has them looked at where he sends them.
"""

from __future__ import annotations

from collections.abc import Sequence

from pyredis.commands.reading import reading
from pyredis.options import ConnectionOptions
from pyredis.resp.batch import Packer, batch_packer
from pyredis.resp.encode import argv, pack
from pyredis.types import Argument

__all__ = ["Packer", "packer"]


def packer(options: ConnectionOptions) -> Packer:
    """Return what packs the commands of one connection; ReadOnlyRefused for what must not be sent."""
    if not options.read_only:
        return batch_packer(options)
    encoding = options.encoding

    def pack_reads(batch: Sequence[Sequence[Argument]]) -> bytes:
        return b"".join([pack(reading(argv(args, encoding))) for args in batch])

    return pack_reads
