"""MEMORY STATS: what the memory of a server is used for, and what share of it each part has."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final, TypeAlias

from pyredis.types import Reply
from pyredis_cli.render.blocks import Block, Cell, Column, Grid, Line
from pyredis_cli.render.views.cells import bare, flat, label, noted, remaining
from pyredis_cli.render.views.meanings import counted, sized
from pyredis_cli.render.views.reading import Asked, Unexpected, fields, integer, number, text

__all__ = ["stats"]

_Pair: TypeAlias = tuple[Reply, Reply]

_DATABASE: Final = re.compile(r"db\.[0-9]+")
_PERCENTAGES: Final = re.compile(r".*\.percentage")
_NO_SIZES: Final = re.compile(r".*(?:\.ratio|\.count|\.percentage)|fragmentation")
# What total.allocated is made of.
_PARTS: Final = re.compile(
    r"startup\.allocated|replication\.backlog|clients\..*|cluster\.links|aof\.buffer|.*\.caches|script\.VMs"
    r"|overhead\.total|dataset\.bytes"
)


def stats(reply: Reply, asked: Asked) -> Sequence[Block] | None:
    """Return the fields of MEMORY STATS, and a table of the databases."""
    found = fields(reply).rest()
    plain = [pair for pair in found if flat(pair[1])]
    nested = [pair for pair in found if not flat(pair[1])]
    databases = [pair for pair in nested if _DATABASE.fullmatch(text(pair[0]))]
    total = _total(plain)

    def cells(pair: _Pair) -> Sequence[Cell]:
        name, said = pair
        return label(name), bare(said), (("note", _meaning(text(name), said, total)),)

    blocks: list[Block] = [Grid((Column(), Column(right=True), Column()), plain, cells)] if plain else []
    if databases:
        blocks += [Line(), _table(databases)]
    return blocks + remaining([pair for pair in nested if pair not in databases])


def _total(pairs: Sequence[_Pair]) -> int:
    """Return how much memory there is to have a share of, 0 when that is unknown."""
    try:
        return next(integer(said) for name, said in pairs if text(name) == "total.allocated")
    except (Unexpected, StopIteration):
        return 0


def _meaning(name: str, said: Reply, total: int) -> str:
    try:
        found = number(said)
    except Unexpected:
        return ""
    if _PERCENTAGES.fullmatch(name):
        return f"{found:,.1f}%" if abs(found) < 10_000 else ""
    if _NO_SIZES.fullmatch(name):
        return counted(found)
    share = found / total if 0 < found <= total and _PARTS.fullmatch(name) else 0
    return sized(found) + (f"  {share:.0%} of total" if share >= 0.01 else "")


# -- databases


def _table(databases: Sequence[_Pair]) -> Grid:
    rows = [(name, dict(_overheads(said))) for name, said in databases]
    names = list({name: None for _, row in rows for name in row})

    def cells(row: tuple[Reply, dict[str | bytes, Reply]]) -> Sequence[Cell]:
        database, said = row
        return label(database), *(_with_size(said.get(name)) for name in names)

    return Grid([Column(), *map(Column, names)], rows, cells)


def _overheads(said: Reply) -> Sequence[tuple[str | bytes, Reply]]:
    found = fields(said).rest()
    for _, size in found:
        integer(size)
    return [(name, size) for name, size in found if isinstance(name, str | bytes)]


def _with_size(found: Reply) -> Cell:
    return () if found is None else noted(bare(found), sized(integer(found)))
