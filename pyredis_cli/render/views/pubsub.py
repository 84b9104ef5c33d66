"""PUBSUB NUMSUB and SHARDNUMSUB: how many subscribers each channel has."""

from __future__ import annotations

from collections.abc import Sequence

from pyredis.types import Reply
from pyredis_cli.render.blocks import Block, Cell, Column, Grid
from pyredis_cli.render.views.cells import bare, value
from pyredis_cli.render.views.reading import Asked, integer, mapping

__all__ = ["view"]


def view(reply: Reply, asked: Asked) -> Sequence[Block] | None:
    """Return the channels in the order they were asked for; one may stand there twice."""
    rows = mapping(reply)
    for _, count in rows:
        integer(count)
    return [Grid((Column("subscribers", right=True), Column("channel")), rows, _cells)] if rows else None


def _cells(row: tuple[Reply, Reply]) -> Sequence[Cell]:
    channel, count = row
    return bare(count), value(channel)
