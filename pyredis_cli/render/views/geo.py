"""GEOSEARCH and its elders: what is where, and how far, in the unit that was asked for."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Final

from pyredis.commands.rows import canonical
from pyredis.types import Reply
from pyredis_cli.render.blocks import Block, Cell, Column, Grid
from pyredis_cli.render.views.cells import bare, flat, value
from pyredis_cli.render.views.reading import Asked, Unexpected, items

__all__ = ["view"]

_UNITS: Final = frozenset({"M", "KM", "FT", "MI"})
_NUMBER: Final = re.compile(rb"[+-]?[0-9.]+(?:[eE][+-]?[0-9]+)?")


def view(reply: Reply, asked: Asked) -> Sequence[Block] | None:
    """Return a line for each member; None where the members are alone."""
    columns = asked.spec.columns_for(asked.argv) if asked.spec is not None else ()
    if len(columns) < 2 or not isinstance(reply, list) or not reply:
        return None
    rows = items(reply)
    for row in rows:
        _check(row, columns)
    head = [column for name in columns for column in _columns(name, _unit(asked.argv))]

    def cells(row: list[Reply]) -> Sequence[Cell]:
        return [cell for name, said in zip(columns, row, strict=True) for cell in _cells(name, said)]

    return [Grid(head, rows, cells, numbered=True)]


def _unit(argv: Sequence[bytes]) -> str:
    """Return the unit of distances: the last word that is one and stands behind a number."""
    units = [
        word.decode("latin-1")
        for before, word in pairwise(argv[1:])
        if canonical(word) in _UNITS and _NUMBER.fullmatch(before)
    ]
    return units[-1] if units else ""


def _check(row: Reply, columns: Sequence[str]) -> None:
    for name, said in zip(columns, items(row, len(columns)), strict=True):
        numbers = items(said, 2) if name == "position" else [said]
        if not all(map(flat, numbers)):
            raise Unexpected("this is no number")


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
            yield from map(bare, items(said, 2))
        case "distance" | "hash":
            yield bare(said)
        case _:
            yield value(said)
