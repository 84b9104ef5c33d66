"""What views make of replies: tables, lists of facts, sections; values that know no width and no colours.

A cell is pieces, as in `layout`: words of type str are ours or have been read out of a text, bytes are the
server's as they came. Either way `sheet` escapes what could steer a terminal, so no view needs to.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple, TypeAlias

from pyredis.types import Reply
from pyredis_cli.render.layout import Piece, elements

__all__ = [
    "Beside",
    "Block",
    "Cell",
    "Column",
    "Document",
    "Fact",
    "Facts",
    "Grid",
    "Layout",
    "Line",
    "Section",
    "counted",
]

Cell: TypeAlias = Sequence[Piece]
Fact: TypeAlias = tuple[Cell, Cell]
"""What it is called, and what it is."""


class Column(NamedTuple):
    """``right``: numbers, which stand at the right and are never folded; nor are ``whole`` ones, IDs to be copied.

    ``words``: text that is folded between words, where others are folded anywhere.
    """

    name: str | bytes = ""
    right: bool = False
    words: bool = False
    whole: bool = False


class Grid(NamedTuple):
    """Rows of cells below each other.

    ``cells`` makes the cells of a row when it is shown: one for each column, or fewer, of which the last may
    fill the rest of its line. Without a name in any column there is no head. ``numbered``: with an index before
    each row.
    """

    columns: Sequence[Column]
    rows: Sequence[Any]
    cells: Callable[[Any], Sequence[Cell]] = tuple
    numbered: bool = False


class Facts(NamedTuple):
    """Names and values, one below the other, under a title if there is one."""

    facts: Sequence[Fact]
    title: Cell = ()


class Beside(NamedTuple):
    """Facts that stand side by side where the width allows it."""

    facts: Sequence[Facts]


class Line(NamedTuple):
    """A sentence, folded between words."""

    words: Cell = ()


class Document(NamedTuple):
    """Pieces with line ends of their own, as many as there are; asked for when they are shown."""

    pieces: Callable[[], Iterator[Piece]]


class Layout(NamedTuple):
    """A reply, or a part of one, in redis-cli's arrangement."""

    reply: Reply


class Section(NamedTuple):
    """Blocks below a heading, indented by two blanks."""

    title: Cell
    blocks: Sequence[Block]


Block: TypeAlias = Grid | Facts | Beside | Line | Document | Layout | Section


def counted(blocks: Sequence[Block], lines: int | None = None) -> int:
    """Return how many rows, facts, lines of documents and elements there are.

    Of a document so many ``lines`` are looked for, and one more: to find all of them could take minutes.
    """
    count = 0
    for block in blocks:
        match block:
            case Grid():
                count += len(block.rows)
            case Facts():
                count += len(block.facts)
            case Beside():
                count += sum(len(facts.facts) for facts in block.facts)
            case Section():
                count += counted(block.blocks, lines)
            case Layout():
                count += elements(block.reply)
            case Document():
                count += _lines(block, lines)
            case _:
                pass
    return count


def _lines(document: Document, most: int | None) -> int:
    count = 1
    for _, said in document.pieces():
        count += _line_ends(said)
        if most is not None and count > most:
            return most + 1
    return count


def _line_ends(said: str | bytes) -> int:
    return said.count("\n") if isinstance(said, str) else said.count(b"\n")
