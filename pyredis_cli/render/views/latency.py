"""LATENCY LATEST, HISTORY and HISTOGRAM: how long things took, with a bar that shows the long ones."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Final

from pyredis.types import Reply
from pyredis_cli.render.blocks import Block, Cell, Column, Grid, Line, Section
from pyredis_cli.render.units import bar, duration, spark
from pyredis_cli.render.views.cells import bare, remaining
from pyredis_cli.render.views.meanings import counted, timed
from pyredis_cli.render.views.reading import Asked, Fields, Unexpected, fields, integer, items, mapping, text

__all__ = ["histogram", "history", "latest"]

_LINE: Final = 60
# Where a spike of which there are sums has room for a bar.
_WIDE: Final = 90


def latest(reply: Reply, asked: Asked) -> Sequence[Block] | None:
    """Return the last spike of each event, and its longest."""
    rows = [_numbered(item, (4, 6)) for item in items(reply)]
    if not rows:
        return None
    sums = ("sum", "count") if len(rows[0]) == 6 else ()
    if len({len(row) for row in rows}) > 1:
        raise Unexpected("some events have fewer columns")
    longest = max(integer(row[3]) for row in rows)
    drawn = not sums or asked.look.width >= _WIDE

    def cells(row: Sequence[Reply]) -> Sequence[Cell]:
        event, moment, *spans = row
        bars = [_bar(integer(spans[1]) / longest if longest > 0 else 0, asked)] if drawn else []
        return bare(event), *map(bare, spans), *bars, timed(moment, asked.look)

    names = (Column("event"), *(Column(name, right=True) for name in ("latest ms", "max ms", *sums)))
    bars = [Column()] if drawn else []
    return [Grid((*names, *bars, Column("time of the latest", words=True)), rows, cells)]


def history(reply: Reply, asked: Asked) -> Sequence[Block] | None:
    """Return the spikes of an event in the order they came."""
    rows = [_integers(items(item, 2)) for item in items(reply)]
    if not rows:
        return None
    spans = [integer(row[1]) for row in rows]
    longest = max(spans)

    def cells(row: Sequence[Reply]) -> Sequence[Cell]:
        moment, span = row
        share = integer(span) / longest if longest > 0 else 0
        return bare(span), _bar(share, asked), timed(moment, asked.look)

    drawn = spark(spans, _LINE, ascii=_ascii(asked))
    summary: Cell = (
        ("text", drawn),
        ("note", f"  {len(spans)} spikes, at most {duration(longest / 1e3)}"),
    )
    return [
        Line(summary),
        Line(),
        Grid((Column("ms", right=True), Column(), Column("time", words=True)), rows, cells),
    ]


def histogram(reply: Reply, asked: Asked) -> Sequence[Block] | None:
    """Return a section for each command: how many calls took at most so long."""
    return [_command(name, fields(said), asked) for name, said in mapping(reply)] or None


def _command(name: Reply, found: Fields, asked: Asked) -> Section:
    calls = found.take("calls")
    buckets = [(_whole(most), count) for most, count in mapping(found.take("histogram_usec"))]
    total = integer(calls)
    counts = [0, *(integer(count) for _, count in buckets)]
    grown = [later - before for before, later in pairwise(counts)]
    rows = list(zip(buckets, grown, strict=True))
    columns = (
        Column("histogram_usec", right=True),
        Column("at most", right=True),
        Column("calls", right=True),
        Column(right=True),
        Column(),
    )

    def cells(row: tuple[tuple[Reply, Reply], int]) -> Sequence[Cell]:
        (most, count), more = row
        drawn = _bar(more / total if total > 0 else 0, asked)
        share = f"{integer(count) / total:.1%}" if total > 0 else ""
        return bare(most), (("note", duration(integer(most) / 1e6)),), bare(count), (("note", share),), drawn

    note = f"  {counted(total)}" if counted(total) else ""
    title: Cell = (("heading", text(name)), ("heading", "  calls "), *bare(calls), ("note", note))
    return Section(title, [Grid(columns, rows, cells), *remaining(found.rest())])


def _whole(reply: Reply) -> Reply:
    integer(reply)
    return reply


def _integers(row: Sequence[Reply]) -> Sequence[Reply]:
    for item in row:
        if abs(integer(item)) >= 2**63:
            raise Unexpected("no server counts that far")
    return row


def _numbered(item: Reply, lengths: tuple[int, ...]) -> Sequence[Reply]:
    """Return the row of an event: its name, and integers."""
    row = items(item)
    if len(row) not in lengths:
        raise Unexpected("this is no row of an event")
    text(row[0])
    _integers(row[1:])
    return row


def _bar(share: float, asked: Asked) -> Cell:
    return (("text", bar(share, max(5, min(20, asked.look.width // 4 - 15)), ascii=_ascii(asked))),)


def _ascii(asked: Asked) -> bool:
    return asked.look.encoding == "ascii"
