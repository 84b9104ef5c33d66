"""FT.INFO: whether an index is whole and how large it is, its attributes, and all that is counted."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, cast

from pyredis.types import Map, Reply
from pyredis_cli.render.blocks import Beside, Block, Cell, Column, Fact, Facts, Grid, Layout, Section
from pyredis_cli.render.units import size
from pyredis_cli.render.views.cells import bare, flat, joined, label, noted, value
from pyredis_cli.render.views.reading import Asked, Unexpected, fields, items, number, text
from pyredis_cli.render.views.rows import BLANK

__all__ = ["view"]

# What somebody looks for first.
_FIRST: Final = (
    "index_name",
    "num_docs",
    "indexing",
    "percent_indexed",
    "hash_indexing_failures",
    "total_index_memory_sz_mb",
)
_FAILURES: Final = ("hash_indexing_failures", "indexing failures")
_NAMES: Final = ("identifier", "attribute", "type")


def view(reply: Reply, asked: Asked) -> Sequence[Block]:
    """Return how an index does, its attributes, its numbers, and what its fields had trouble with."""
    said = fields(reply)
    first = [(label(name.encode()), _cell(name, said.take(name))) for name in _FIRST if name in said]
    attributes = items(said.take("attributes"))
    statistics = said.get("field statistics")
    blocks: list[Block] = [Facts(first)] if first else []
    if attributes:
        blocks.append(Section(label(b"attributes"), [_attributes(attributes)]))
    else:
        blocks.append(Facts([(label(b"attributes"), value(attributes))]))
    blocks += [BLANK, *_numbers(said.rest())]
    if statistics is not None:
        blocks += [BLANK, *_statistics(items(statistics))]
    return blocks


def _cell(name: str, said: Reply) -> Cell:
    """Return a value with what it means; what should not be is a warning in words."""
    if name in _FAILURES and number(said):
        return (*(("warning", words) for _, words in bare(said)), ("warning", "  not all is indexed"))
    if name == "percent_indexed" and number(said) < 1:
        return noted(bare(said), "still indexing")
    if name.endswith(("_sz_mb", "_size_mb")) and number(said):
        return noted(bare(said), size(number(said) * 2**20))
    return bare(said)


# -- attributes


def _attributes(attributes: Sequence[Reply]) -> Grid:
    flags = isinstance(attributes[0], Map | dict)
    columns = [*map(Column, _NAMES), Column("options", words=True), *([Column("flags")] if flags else [])]
    return Grid(columns, [_of_map(said) if flags else _of_list(said) for said in attributes])


def _of_map(attribute: Reply) -> Sequence[Cell]:
    said = fields(attribute)
    names = [bare(said.take(name)) for name in _NAMES]
    flags = items(said.take("flags"))
    options = [cell for name, told in said.rest() for cell in (label(name), bare(told))]
    return (*names, joined(options, ("break", " ")), _words(flags))


def _of_list(attribute: Reply) -> Sequence[Cell]:
    """Return an attribute in RESP2, where options that have a value stand among options that have none."""
    said = items(attribute)
    if len(said) < 6 or tuple(map(text, said[:6:2])) != _NAMES:
        raise Unexpected("this is no attribute")
    return (*map(bare, said[1:6:2]), _words(said[6:]))


def _words(said: Sequence[Reply]) -> Cell:
    return joined(map(bare, said), ("break", " "))


# -- numbers


def _numbers(said: Sequence[tuple[Reply, Reply]]) -> list[Block]:
    """Return what is counted of the index, beside what is counted of its parts."""
    groups = [found for name, told in said if (found := _group(name, told)) is not None]
    facts = [(label(name), _cell(text(name), told)) for name, told in said if _in_a_line(told)]
    strange = [
        Section(label(name), [Layout(told)])
        for name, told in said
        if not _in_a_line(told) and _group(name, told) is None
    ]
    return [Beside([*groups, *([Facts(facts, label(b"index"))] if facts else [])]), *strange]


def _group(name: Reply, said: Reply) -> Facts | None:
    """Return what is told of a part of the index, if that is names and values."""
    if flat(said):
        return None
    try:
        pairs = fields(said).rest()
    except Unexpected:
        return None
    facts: list[Fact] = [(label(key), _cell(text(key), told)) for key, told in pairs]
    return Facts(facts, label(name))


def _in_a_line(said: Reply) -> bool:
    return flat(said)


# -- fields


def _statistics(statistics: Sequence[Reply]) -> list[Block]:
    """Return what indexing had trouble with, field by field."""
    rows = [_trouble(field) for field in statistics]
    columns = list({text(name): name for row in rows for name, _ in row}.values())
    if not rows or any([name for name, _ in row] != columns for row in rows):
        return [Section(label(b"field statistics"), [Layout(cast("Reply", list(statistics)))])]
    heads = [Column(cast("bytes", name), right=text(name) in _FAILURES) for name in columns]
    table = Grid(heads, [[_cell(text(name), said) for name, said in row] for row in rows])
    return [Section((*label(b"field statistics"), ("label", ": Index Errors")), [table])]


def _trouble(field: Reply) -> list[tuple[Reply, Reply]]:
    said = fields(field)
    errors = fields(said.take("Index Errors")).rest()
    return [*said.rest(), *errors]
