"""GEOSEARCH and its elders: what is where, and how far, in the unit that was asked for."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from pyredis.commands.rows import canonical
from pyredis.types import Reply
from pyredis_cli.render.blocks import Block, Cell, Column, Grid
from pyredis_cli.render.views.cells import bare, value
from pyredis_cli.render.views.reading import Asked, Unexpected, items

__all__ = ["view"]

_UNITS: Final = frozenset({"M", "KM", "FT", "MI"})


def view(reply: Reply, asked: Asked) -> Sequence[Block] | None:
    """Return a line for each member; None where the members are alone."""
    columns = asked.spec.columns_for(asked.argv) if asked.spec is not None else ()
    if len(columns) < 2 or not isinstance(reply, list) or not reply:
        return None
    unit = _unit(asked.argv)
    head = [column for name in columns for column in _columns(name, unit)]
    rows = [
        [cell for name, said in _named(row, columns) for cell in _cells(name, said)] for row in items(reply)
    ]
    return [Grid(head, rows, numbered=True)]


def _unit(argv: Sequence[bytes]) -> str:
    """Return the unit: the last word that is one, for members and keys stand before it."""
    words = [word.decode("latin-1") for word in argv[2:] if canonical(word) in _UNITS]
    return words[-1] if words else ""


def _named(row: Reply, columns: Sequence[str]) -> Iterator[tuple[str, Reply]]:
    return zip(columns, items(row, len(columns)), strict=True)


def _columns(name: str, unit: str) -> Iterator[Column]:
    match name:
        case "position":
            yield Column("longitude", right=True)
            yield Column("latitude", right=True)
        case "distance":
            yield Column(f"distance {unit}".rstrip(), right=True)
        case "hash":
            yield Column("hash", right=True)
        case _:
            yield Column(name)


def _cells(name: str, said: Reply) -> Iterator[Cell]:
    match name:
        case "position":
            yield from map(_number, items(said, 2))
        case "distance" | "hash":
            yield _number(said)
        case _:
            yield value(said)


def _number(said: Reply) -> Cell:
    if isinstance(said, list | dict):
        raise Unexpected("this is no number")
    return bare(said)
