"""SCRIPT EXISTS: which of the scripts are cached."""

from __future__ import annotations

from collections.abc import Sequence

from pyredis.types import Reply
from pyredis_cli.render.blocks import Block, Cell, Column, Grid
from pyredis_cli.render.views.cells import bare
from pyredis_cli.render.views.reading import Asked, integer, items

__all__ = ["exists"]


def exists(reply: Reply, asked: Asked) -> Sequence[Block] | None:
    """Return the answer beside each of the digests that were asked for."""
    digests = asked.argv[2:]
    if not digests:
        return None
    rows = list(zip(digests, items(reply, len(digests)), strict=True))
    for _, said in rows:
        integer(said)
    return [Grid((Column("sha1", whole=True), Column("exists", right=True), Column()), rows, _cells)]


def _cells(row: tuple[bytes, Reply]) -> Sequence[Cell]:
    digest, said = row
    return (
        (("name", digest),),
        bare(said),
        (("note", "cached"),) if integer(said) else (("warning", "missing"),),
    )
