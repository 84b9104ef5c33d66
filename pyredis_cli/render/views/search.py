"""FT.SEARCH, FT.AGGREGATE and FT.CURSOR READ: what was found, as a table or document by document."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from itertools import islice
from typing import Final, NamedTuple, cast

from pyredis.types import Map, Reply
from pyredis_cli.render.blocks import Block, Cell, Column, Fact, Facts, Grid, Layout, Line, Section
from pyredis_cli.render.layout import Piece, pairs
from pyredis_cli.render.shapes import Found, Pair, shape
from pyredis_cli.render.views.cells import bare, flat, label, noted, value
from pyredis_cli.render.views.json_values import document, laid_out
from pyredis_cli.render.views.reading import Asked, Fields, Unexpected, fields, integer, items, text

__all__ = ["view"]

# So many documents tell what the others look like.
_SAMPLE: Final = 60
# More columns than these are no table.
_MOST_COLUMNS: Final = 12


class _Hit(NamedTuple):
    """What is said of a document (its key, its score), and its fields: None where none were asked for."""

    said: Sequence[Pair]
    fields: Sequence[Pair] | None
    unsaid: frozenset[str] = frozenset()
    """What stands for the others: names of which no more is shown than that they are there."""


# -- what was found


def view(reply: Reply, asked: Asked) -> Sequence[Block]:
    """Return how many there are, a row or a section for each that is here, and where a cursor goes on."""
    match reply:
        case [list() | dict() as page, int() as cursor] if type(reply) is list:
            ends = cursor == 0
            note = "that is all" if ends else "goes on: FT.CURSOR READ"
            line = Line((("label", "cursor "), *noted(bare(cursor), note)))
            return [*_page(page, asked), line]
    return _page(reply, asked)


def _page(reply: Reply, asked: Asked) -> list[Block]:
    if isinstance(reply, Map | dict):
        return _page_of_map(fields(reply), asked)
    read = shape(asked.argv, asked.spec, reply)
    if not isinstance(read, Found) or read.rest:
        raise Unexpected("these are no documents")
    hits = [_Hit(hit.cells, None if hit.fields is None else hit.fields.pairs) for hit in read.hits]
    return [_total(read.total, len(hits)), *_hits(hits, asked)]


def _page_of_map(said: Fields, asked: Asked) -> list[Block]:
    total, results = said.take("total_results"), items(said.take("results"))
    warnings = said.get("warning") if "warning" in said else []
    blocks = [_total(total, len(results))]
    if warnings != []:
        blocks.insert(0, Line((("warning", "warning "), *bare(warnings))))
    hits = [_hit(fields(result)) for result in results]
    return [*blocks, *_hits(hits, asked), *_rest(said, hits, warnings != [])]


def _hit(result: Fields) -> _Hit:
    """Return a result of RESP3; its ``values`` are always empty."""
    unsaid = frozenset(name for name in ("id", "extra_attributes", "values") if name in result)
    of_document, values = result.get("extra_attributes"), result.get("values")
    if of_document is not None and not isinstance(of_document, Map | dict):
        raise Unexpected("these are no fields")
    said = [*result.rest(), *([(b"values", values)] if values not in ([], None) else [])]
    return _Hit(said, None if of_document is None else list(pairs(of_document)), unsaid)


def _rest(said: Fields, hits: Sequence[_Hit], warned: bool) -> list[Block]:
    """Return the words of the reply that say nothing about the documents: how it is built, mostly."""
    told = said.rest()
    named: list[Piece] = []
    for name, found in [*told, *([] if warned else [(b"warning", [])])]:
        if flat(found):
            named += [*label(name), ("break", " "), *_dim(bare(found)), ("break", "  ")]
    unsaid = sorted(frozenset().union(*(hit.unsaid for hit in hits)))
    named += [("label", "results "), ("label", ", ".join(unsaid) or "(empty array)")]
    strange = [Section(label(name), [Layout(found)]) for name, found in told if not flat(found)]
    return [*strange, Line(named)]


def _dim(cell: Cell) -> Cell:
    return [("label", words) for _, words in cell]


def _total(total: Reply, here: int) -> Block:
    # What an aggregate with a cursor says of its total is no more than that there is something.
    note = f"{here:,} of them here" if here < integer(total) else ""
    return Line((("label", "total_results "), *noted(bare(total), note)))


def _hits(hits: Sequence[_Hit], asked: Asked) -> list[Block]:
    if not hits:
        return []
    said = _names(hit.said for hit in islice(hits, _SAMPLE))
    named = _names(hit.fields or () for hit in islice(hits, _SAMPLE))
    if len(named) > _MOST_COLUMNS or any(_has_parts(hit, asked) for hit in islice(hits, _SAMPLE)):
        return [_section(number, hit, asked) for number, hit in enumerate(hits, 1)]
    return [_table(hits, said, named)]


def _names(rows: Iterable[Sequence[Pair]]) -> list[Reply]:
    return list({text(name): name for row in rows for name, _ in row}.values())


def _has_parts(hit: _Hit, asked: Asked) -> bool:
    """Whether a document is better seen by itself: as JSON, or because values have elements of their own."""
    if any(_is_document(name, said, asked) for name, said in hit.fields or ()):
        return True
    return not all(_is_short(said) for _, said in (*hit.said, *(hit.fields or ())))


def _is_document(name: Reply, said: Reply, asked: Asked) -> bool:
    return name == b"$" and isinstance(said, bytes) and laid_out(said, asked)


def _is_short(said: Reply) -> bool:
    """Whether a value can stand in a cell: it has no elements, or these have none."""
    return flat(said) or (isinstance(said, list) and all(map(flat, cast("list[Reply]", said))))


# -- as a table


def _table(hits: Sequence[_Hit], said: Sequence[Reply], named: Sequence[Reply]) -> Grid:
    columns = [Column(_name(name), right=text(name) == "score") for name in said]
    columns += [Column(_name(name)) for name in named]

    def cells(hit: _Hit) -> Sequence[Cell]:
        of_hit = _under(said, hit.said, bare)
        if of_hit is None:
            return (_together([*hit.said, *(hit.fields or ())]),)
        if hit.fields is None:
            return of_hit
        of_document = _under(named, hit.fields, value)
        return (*of_hit, *([_together(hit.fields)] if of_document is None else of_document))

    return Grid(columns or [Column()], hits, cells, numbered=True)


def _name(name: Reply) -> str | bytes:
    if isinstance(name, bytes | str):
        return name
    raise Unexpected("this is no name")


def _under(names: Sequence[Reply], row: Sequence[Pair], cell: Callable[[Reply], Cell]) -> list[Cell] | None:
    """Return the cells of a row, nothing where it has none; None when it has others, or one twice."""
    said = {text(name): told for name, told in row}
    if len(said) < len(row) or not said.keys() <= set(map(text, names)):
        return None
    return [cell(said[text(name)]) if text(name) in said else () for name in names]


def _together(row: Sequence[Pair]) -> Cell:
    cell: list[Piece] = []
    for name, said in row:
        cell += [*label(name), ("arrow", " "), *value(said), ("arrow", "  ")]
    return cell[:-1]


# -- document by document


def _section(number: int, hit: _Hit, asked: Asked) -> Section:
    """Return a document below its key; what aggregates find has none."""
    title: list[Piece] = [("index", f"{number}) ")]
    facts: list[Fact] = []
    parts: list[Block] = []
    for name, said in hit.said:
        if text(name) == "id":
            title += bare(said)
        else:
            facts.append((label(name), bare(said)))
    for name, said in hit.fields or ():
        if _is_document(name, said, asked):
            parts += [Line(label(name)), document(cast("bytes", said), asked.look.width - 2)]
        elif _is_short(said):
            facts.append((label(name), value(said)))
        else:
            parts.append(Section(label(name), [Layout(said)]))
    return Section(title, [Facts(facts), *parts] if facts else parts)
