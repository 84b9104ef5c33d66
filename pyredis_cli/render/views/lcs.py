"""LCS with IDX: where two strings have the same."""

from __future__ import annotations

from collections.abc import Sequence

from pyredis.types import Reply
from pyredis_cli.render.blocks import Block, Cell, Column, Grid, Line
from pyredis_cli.render.layout import Piece
from pyredis_cli.render.views.cells import bare, remaining
from pyredis_cli.render.views.reading import Asked, Unexpected, fields, integer, items
from pyredis_cli.render.views.rows import BLANK

__all__ = ["view"]


def view(reply: Reply, asked: Asked) -> Sequence[Block] | None:
    """Return the matches as first and last byte in each of the strings; None without IDX."""
    if not isinstance(reply, list) or len(asked.argv) < 3:
        return None
    found = fields(reply)
    rows = [_match(match) for match in items(found.take("matches"))]
    length = found.take("len")
    integer(length)
    said: list[Piece] = [("label", "len "), *bare(length), ("label", "  matches "), ("text", f"{len(rows)}")]
    blocks: list[Block] = [Line(said)]
    if rows:
        columns = Column(asked.argv[1]), Column(asked.argv[2]), Column("length", right=True)
        blocks += [BLANK, Grid(columns, rows)]
    return blocks + remaining(found.rest())


def _match(match: Reply) -> Sequence[Cell]:
    match items(match):
        case [one, other]:
            return _range(one), _range(other), (("note", f"{_length(one)}"),)
        case [one, other, length]:
            integer(length)
            return _range(one), _range(other), bare(length)
    raise Unexpected("a match has two places")


def _range(place: Reply) -> Cell:
    first, last = items(place, 2)
    integer(first)
    integer(last)
    return (*bare(first), ("arrow", "-"), *bare(last))


def _length(place: Reply) -> int:
    first, last = map(integer, items(place, 2))
    return last - first + 1
