"""TS.RANGE, TS.MRANGE and their reverses: samples with their times beside them, numbers at the right."""

from __future__ import annotations

from collections.abc import Sequence

from pyredis.types import Map, Reply
from pyredis_cli.render.blocks import Block, Cell, Column, Facts, Grid, Section
from pyredis_cli.render.layout import pairs
from pyredis_cli.render.units import when
from pyredis_cli.render.views.cells import bare, flat, label, value
from pyredis_cli.render.views.reading import Asked, Unexpected, fields, items

__all__ = ["mrange", "range_"]


def range_(reply: Reply, asked: Asked) -> Sequence[Block]:
    """Return the samples of one series."""
    samples = items(reply)
    return [_samples(samples)] if samples else ()


def mrange(reply: Reply, asked: Asked) -> Sequence[Block]:
    """Return the samples of each series below its labels."""
    return [_series(name, said) for name, said in _by_key(reply)]


def _by_key(reply: Reply) -> list[tuple[Reply, list[Reply]]]:
    if isinstance(reply, Map | dict):
        return [(name, items(said)) for name, said in pairs(reply)]
    found = [items(series, 3) for series in items(reply)]
    return [(name, rest) for name, *rest in found]


def _series(name: Reply, said: list[Reply]) -> Section:
    """Return one series: its labels, in RESP3 what it was made of, and at the end the samples."""
    if len(said) < 2:
        raise Unexpected("this is no series")
    labels, *sources, samples = said
    facts = _labels(labels) if labels else []
    for source in sources:
        facts += [(label(about), bare(told)) for about, told in fields(source).rest()]
    found = items(samples)
    blocks: list[Block] = [Facts(facts)] if facts else []
    return Section(_key(name), [*blocks, *([_samples(found)] if found else [])])


def _key(name: Reply) -> Cell:
    return (("name", name),) if isinstance(name, bytes) and name else value(name)


def _labels(reply: Reply) -> list[tuple[Cell, Cell]]:
    if isinstance(reply, Map | dict):
        named = list(pairs(reply))
    else:
        named = [(name, said) for name, said in (items(pair, 2) for pair in items(reply))]
    return [(label(name), bare(said)) for name, said in named]


def _samples(samples: Sequence[Reply]) -> Grid:
    columns = (Column("timestamp", right=True), Column("value", right=True), Column("time"))
    return Grid(columns, samples, _sample, numbered=True)


def _sample(reply: Reply) -> Sequence[Cell]:
    if isinstance(reply, list) and len(reply) == 2:
        moment, found = items(reply)
        if type(moment) is int and flat(found):
            return bare(moment), bare(found), (("time", when(moment // 1000)),)
    return (value(reply),)
