"""Tables of maps that mostly have the same fields: what is known of a field, the others behind, nothing lost."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

from pyredis.types import Reply
from pyredis_cli.render.blocks import Cell, Column, Fact, Grid, Line
from pyredis_cli.render.layout import Piece
from pyredis_cli.render.views.cells import bare
from pyredis_cli.render.views.reading import Fields, Unexpected

__all__ = ["BLANK", "Known", "plural", "sentence", "table", "told", "warning"]

BLANK = Line()
"""An empty line."""


class Known(NamedTuple):
    """A field of which the view knows something.

    ``cell`` makes its cell; ``note``, if there is one, that of a column beside it, for what a number means.
    ``whole``: an ID, which is not folded; ``words``: text, which is folded between words.
    """

    name: str
    right: bool = False
    cell: Callable[[Reply], Cell] = bare
    note: Callable[[Reply], Cell] | None = None
    whole: bool = False
    words: bool = False


def table(rows: Sequence[Fields], known: Sequence[Known], *, numbered: bool = False) -> Grid:
    """Return a table of the known fields that there are, in that order, and then all others."""
    # Known once: what a row has is less after its cells were made.
    met = [field for field in known if any(field.name in row for row in rows)]
    columns: list[Column] = []
    for field in met:
        columns.append(Column(field.name, field.right, field.words, field.whole))
        columns += [Column()] if field.note is not None else []
    taken = [_cells(row, met) for row in rows]
    others = [_others(row) for row in rows]
    names = list(dict.fromkeys(name for row in others for name in row))
    cells = [
        [*row, *(other.get(name, ()) for name in names)] for row, other in zip(taken, others, strict=True)
    ]
    return Grid([*columns, *map(Column, names)], cells, numbered=numbered)


def _cells(row: Fields, known: Sequence[Known]) -> list[Cell]:
    cells: list[Cell] = []
    for field in known:
        there = field.name in row
        said = row.take(field.name) if there else None
        cells.append(field.cell(said) if there else ())
        if field.note is not None:
            cells.append(field.note(said) if there else ())
    return cells


def _others(row: Fields) -> Mapping[str | bytes, Cell]:
    """Return the cells that are left, by name."""
    found: dict[str | bytes, Cell] = {}
    for name, said in row.rest():
        if not isinstance(name, bytes | str):
            raise Unexpected("this is no name")
        found[name] = bare(said)
    return found


def told(facts: Sequence[Fact]) -> Grid:
    """Return names and what they are, which is folded between words."""
    return Grid((Column(whole=True), Column(words=True)), facts)


def warning(words: str) -> Line:
    """Return a sentence about what is wrong."""
    return Line((("warning", words),))


def sentence(words: str, *behind: Piece) -> Line:
    """Return a sentence, and what stands behind its words in colours of its own."""
    return Line((("text", words), *behind))


def plural(number: int, thing: str) -> str:
    """Return ``1 node`` or ``2 nodes``."""
    return f"{number:,} {thing}{'' if number == 1 else 's'}"
