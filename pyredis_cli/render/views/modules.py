"""MODULE LIST: the modules of a server, and their versions as people write them."""

from __future__ import annotations

from collections.abc import Sequence

from pyredis.types import Reply
from pyredis_cli.render.blocks import Block, Cell, Column, Grid
from pyredis_cli.render.views.cells import bare, flat
from pyredis_cli.render.views.reading import Asked, Fields, Unexpected, fields, integer, items

__all__ = ["version", "view"]


def view(reply: Reply, asked: Asked) -> Sequence[Block] | None:
    """Return a row for each module."""
    rows = [_row(fields(item)) for item in items(reply)]
    if not rows:
        return None
    names = list({name: None for row in rows for name in row})

    def cells(row: dict[str | bytes, Reply]) -> Sequence[Cell]:
        return [
            cell
            for name in names
            for cell in ([_cell(row.get(name)), _version(row)] if name == b"ver" else [_cell(row.get(name))])
        ]

    columns = [
        column
        for name in names
        for column in ([Column(name, right=True), Column()] if name == b"ver" else [Column(name)])
    ]
    return [Grid(columns, rows, cells)]


def version(number: int) -> str:
    """Return 20816 as 2.8.16: modules write two digits for each part; nothing for what is no such number."""
    return f"{number // 10000}.{number // 100 % 100}.{number % 100}" if number >= 10000 else ""


def _row(module: Fields) -> dict[str | bytes, Reply]:
    row: dict[str | bytes, Reply] = {}
    for name, said in module.rest():
        if not isinstance(name, bytes) or not (flat(said) or isinstance(said, list)):
            raise Unexpected("this is no module")
        row[name] = said
    if b"name" not in row:
        raise Unexpected("a module has no name")
    return row


def _cell(found: Reply) -> Cell:
    return () if found is None or found == [] else bare(found)


def _version(row: dict[str | bytes, Reply]) -> Cell:
    try:
        return (("note", version(integer(row.get(b"ver")))),)
    except Unexpected:
        return ()
