"""What modules say of their keys: BF.INFO, CF.INFO, CMS.INFO, TOPK.INFO, TDIGEST.INFO and TS.INFO."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

from pyredis.types import Map, Reply
from pyredis_cli.render.blocks import Block, Cell, Column, Fact, Facts, Grid, Layout, Section
from pyredis_cli.render.units import duration, size, when
from pyredis_cli.render.views.cells import bare, flat, label, noted
from pyredis_cli.render.views.reading import Asked, Unexpected, fields, items, text

__all__ = ["said", "view"]


def _moment(milliseconds: int) -> str:
    # 0 is how a series without samples says that it has none.
    return when(milliseconds // 1000) if milliseconds else ""


def _span(milliseconds: int) -> str:
    return duration(milliseconds / 1000) if milliseconds else "for ever"


_MEANINGS: Final[dict[str, Callable[[int], str]]] = {
    "Size": size,
    "Memory usage": size,
    "memoryUsage": size,
    "chunkSize": size,
    "size": size,
    "firstTimestamp": _moment,
    "lastTimestamp": _moment,
    "startTimestamp": _moment,
    "endTimestamp": _moment,
    "retentionTime": _span,
}


def view(reply: Reply, asked: Asked) -> Sequence[Block]:
    """Return names and values, with what sizes and times mean beside them, then what has parts."""
    named = fields(reply).rest()
    facts: list[Fact] = [(label(name), said(name, value)) for name, value in named if flat(value)]
    if not facts:
        raise Unexpected("this says nothing of a key")
    parts = [Section(label(name), [_part(name, value)]) for name, value in named if not flat(value)]
    return [Facts(facts), *parts]


def said(name: Reply, value: Reply) -> Cell:
    """Return a value with what it means."""
    meaning = _MEANINGS.get(text(name))
    if meaning is None or type(value) is not int or abs(value) >= 2**63:
        return bare(value)
    note = meaning(value)
    # A size below 1024 is the same number again.
    return bare(value) if note == f"{value}B" else noted(bare(value), note)


def _part(name: Reply, value: Reply) -> Block:
    """Return what has parts: names and values, as labels are, or rows, as rules and chunks are."""
    pairs = _pairs(value)
    if pairs:
        return Facts([(label(name), bare(told)) for name, told in pairs])
    return _table(value, named=name == b"Chunks") or Layout(value)


def _pairs(value: Reply) -> Sequence[tuple[Reply, Reply]]:
    """Return names and values: in RESP2 each of them is a list of two."""
    try:
        if isinstance(value, Map | dict):
            return fields(value).rest()
        pairs = [(name, told) for name, told in (items(item, 2) for item in items(value))]
        return pairs if all(isinstance(name, bytes | str) for name, _ in pairs) else ()
    except Unexpected:
        return ()


def _table(value: Reply, named: bool) -> Block | None:
    """Return rows that are alike: with the same names, or with as many cells."""
    rows = items(value)
    if named:
        found = [fields(row).rest() for row in rows]
        names = [name for name, _ in found[0]]
        if any([name for name, _ in row] != names for row in found):
            return None
        columns = [Column(text(name), right=type(told) is int) for name, told in found[0]]
        return Grid(columns, [[said(name, told) for name, told in row] for row in found])
    if all(type(row) is list and len(row) == len(rows[0]) for row in rows):  # type: ignore[arg-type]
        return Grid([Column()] * len(items(rows[0])), [[bare(cell) for cell in items(row)] for row in rows])
    return None
