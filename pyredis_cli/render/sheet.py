"""Blocks as lines of a terminal: what is shown of them, in what order, and how far to the right.

Lines are made when they are asked for. Of a table only the first rows decide how wide its columns are, so the
first line of a million shows at once. A later cell that is wider pushes the rest of its line aside where there is
room, and else is folded. Where the columns have no room at all, each row is a list of facts.

Documents and what is in redis-cli's arrangement are not folded, so that they can be copied as they are.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import chain, islice
from math import ceil
from typing import Final

from pyredis.types import Reply
from pyredis_cli.render import columns as decide
from pyredis_cli.render.blocks import (
    Beside,
    Block,
    Cell,
    Column,
    Document,
    Facts,
    Grid,
    Layout,
    Line,
    Section,
    counted,
)
from pyredis_cli.render.columns import ASIDE, GAP
from pyredis_cli.render.documents import document_lines
from pyredis_cli.render.fold import folded, width
from pyredis_cli.render.human import human_parts
from pyredis_cli.render.layout import Part, elements
from pyredis_cli.render.look import Look
from pyredis_cli.render.theme import painter
from pyredis_cli.render.values import Word, more, words

__all__ = ["sheet_parts"]

# So many rows decide how wide the columns are: more than a screen has.
_SAMPLE: Final = 60
_INDENT: Final = 2
# Sections in sections stop going to the right when only so many columns are left.
_LEAST_ROOM: Final = 20
# More facts than these are not looked at together.
_MOST_BESIDE: Final = 2_000

_Words = list[Word]
_Line = tuple[_Words, int]
"""The words of a line, and how many elements begin with it."""


def sheet_parts(blocks: Sequence[Block], look: Look) -> Iterator[Part]:
    """Yield the lines of the blocks in UTF-8, each ended; a note in the place of what is too much."""
    sheet = _Sheet(look)
    yield from sheet.blocks(blocks, 0)
    if sheet.missing:
        yield sheet.line([("note", more(sheet.missing, "element", look.measure))]), 0


class _Sheet:
    """What was shown so far, and how much was not."""

    def __init__(self, look: Look) -> None:
        self.missing = 0
        self._look = look
        self._paint = painter(look.color, look.theme)
        self._left = look.measure.elements

    def blocks(self, blocks: Sequence[Block], indent: int) -> Iterator[Part]:
        indent = max(0, min(indent, self._look.width - _LEAST_ROOM))
        closing = _closing(blocks)
        for at, block in enumerate(blocks):
            if self._left == 0 and at < closing:
                self.missing += counted([block])
                continue
            yield from self._block(block, indent)

    def _block(self, block: Block, indent: int) -> Iterator[Part]:
        room = max(1, self._look.width - indent)
        match block:
            case Grid():
                return self._indented(self._grid(block, room), indent)
            case Facts():
                return self._indented(self._facts(block, room), indent)
            case Beside():
                return self._indented(self._beside(block, room), indent)
            case Line():
                return self._indented(self._line(block.words, room), indent)
            case Document():
                return self._indented(self._document(block), indent)
            case Layout():
                return self._layout(block.reply, indent)
            case Section():
                return self._section(block, indent, room)

    def line(self, line: _Words, indent: int = 0) -> bytes:
        """Return a line, ended; it has no blanks at its end."""
        while line and not (bare := line[-1][1].rstrip(" ")):
            line.pop()
        if line:
            line[-1] = (line[-1][0], bare)
        paint = self._paint
        written = "".join([paint(role, said) for role, said in line])
        return f"{' ' * indent if line else ''}{written}\n".encode("utf-8", "replace")

    def _indented(self, lines: Iterable[_Line], indent: int) -> Iterator[Part]:
        return ((self.line(line, indent), begun) for line, begun in lines)

    def _words(self, cell: Cell) -> _Words:
        encoding, measure = self._look.encoding, self._look.measure
        if len(cell) == 1:
            return words(*cell[0], encoding, measure)
        return [word for role, said in cell for word in words(role, said, encoding, measure)]

    def _allowed(self, count: int) -> int:
        """Return how many of these may be shown, and remember that they are and the others are not."""
        if self._left is None:
            return count
        allowed = min(count, self._left)
        self._left -= allowed
        self.missing += count - allowed
        return allowed

    # -- a block

    def _section(self, section: Section, indent: int, room: int) -> Iterator[Part]:
        yield from self._indented(self._line(section.title, room), indent)
        yield from self.blocks(section.blocks, indent + _INDENT)

    def _line(self, cell: Cell, room: int) -> Iterator[_Line]:
        return ((line, 0) for line in folded(self._words(cell), room, at_blanks=True))

    def _document(self, document: Document) -> Iterator[_Line]:
        lines = document_lines(document.pieces(), self._look, self._left)
        for line, begun in lines:
            if self._left is not None:
                self._left -= begun
            yield line, begun

    def _layout(self, reply: Reply, indent: int) -> Iterator[Part]:
        """Yield redis-cli's arrangement; what is too much of it is counted with all else that is."""
        look = self._look
        before = b" " * indent
        measure = look.measure._replace(elements=None)
        parts = human_parts(
            reply, encoding=look.encoding, color=look.color, theme=look.theme, measure=measure
        )
        yield before, 0
        shown = 0
        blank = b""
        for part, begun in parts:
            if self._left is not None and begun > self._left - shown:
                self.missing += elements(reply) - shown
                yield b"\n", 0
                break
            shown += begun
            # Line ends are held back: nothing may follow them, and they are no words to be indented.
            if not part.strip():
                blank += part
                continue
            yield (blank + part).replace(b"\n", b"\n" + before), begun
            blank = b""
        else:
            yield b"\n", 0
        if self._left is not None:
            self._left -= shown

    def _facts(self, block: Facts, room: int) -> Iterator[_Line]:
        facts = islice(block.facts, self._allowed(len(block.facts)))
        if block.title:
            yield from self._line(block.title, room)
        named = [(self._words(name), self._words(value)) for name, value in facts]
        label = decide.labels(*_widest(named), room)
        for name, value in named:
            yield from _fact(name, value, decide.nearer(width(name), width(value), label, room), room)

    # -- side by side

    def _beside(self, block: Beside, room: int) -> Iterator[_Line]:
        most = _MOST_BESIDE if self._left is None else min(_MOST_BESIDE, self._left)
        fitting = decide.abreast(self._measured(block), room) if counted([block]) <= most else None
        if fitting is None:
            yield from self._stacked(block.facts, room)
            return
        laid = [list(self._stacked([block.facts[at] for at in group], wide)) for group, wide in fitting]
        widths = [wide for _, wide in fitting]
        for at in range(max(map(len, laid))):
            parts = [column[at] if at < len(column) else ([], 0) for column in laid]
            yield _joined([line for line, _ in parts], widths, ASIDE), sum(begun for _, begun in parts)

    def _measured(self, block: Beside) -> list[decide.Block]:
        def wide(cells: Iterable[Cell]) -> list[int]:
            return [width(self._words(cell)) for cell in cells]

        return [
            decide.Block(wide(name for name, _ in facts.facts), wide(value for _, value in facts.facts))
            for facts in block.facts
        ]

    def _stacked(self, facts: Sequence[Facts], room: int) -> Iterator[_Line]:
        """Yield facts one below the other, a blank line between them."""
        for at, block in enumerate(facts):
            if self._left == 0:
                self.missing += counted([block])
                continue
            if at:
                yield [], 0
            yield from self._facts(block, room)

    # -- tables

    def _grid(self, grid: Grid, room: int) -> Iterator[_Line]:
        allowed = self._allowed(len(grid.rows))
        heads = [self._head(column) for column in grid.columns]
        rows = ([self._words(cell) for cell in grid.cells(row)] for row in islice(iter(grid.rows), allowed))
        sample = list(islice(rows, _SAMPLE))
        table = _Table(heads, grid, sample, room)
        return table.lines(chain(sample, rows))

    def _head(self, column: Column) -> _Words:
        return self._words([("heading", column.name)]) if column.name else []


class _Table:
    """Rows as lines: columns under their heads, or where these have no room, names and values."""

    def __init__(
        self,
        heads: Sequence[_Words],
        grid: Grid,
        sample: Sequence[Sequence[_Words]],
        room: int,
    ) -> None:
        self._heads = heads
        self._rights = [column.right for column in grid.columns]
        self._fixed = [column.right or column.whole for column in grid.columns]
        self._of_words = [column.words for column in grid.columns]
        self._digits = len(str(len(grid.rows)))
        self._index = self._digits + 2 if grid.numbered else 0
        self._all = room
        self._room = room - self._index
        taken = [list(map(width, row)) for row in sample]
        natural = decide.naturals([width(head) for head in heads], taken)
        self._label = max((width(head) for head in heads), default=0)
        self._widths = decide.fitted(natural, self._fixed, self._room)
        if self._widths is not None and self._mostly_records(taken, self._widths):
            self._widths = None

    def lines(self, rows: Iterable[Sequence[_Words]]) -> Iterator[_Line]:
        index = self._index
        blank: Word = ("index", " " * index)
        if self._widths is not None and any(self._heads):
            head = _folded_row(self._heads, self._widths, self._rights)
            yield from (([blank, *line], 0) for line, _ in head)
        for number, row in enumerate(rows, 1):
            lines = None if self._widths is None else self._row(row, self._widths)
            if lines is None:
                yield from self._record(number, row)
            elif not index:
                yield from lines
            else:
                first: Word = ("index", f"{number:>{self._digits}}) ")
                for line, begun in lines:
                    yield [first if begun else blank, *line], begun

    def _row(self, row: Sequence[_Words], widths: Sequence[int]) -> list[_Line] | None:
        taken = list(map(width, row))
        blanks = decide.placed(taken, widths, self._rights, self._room)
        if blanks is not None:
            return [(_spaced(row, blanks), 1)]
        fitting = self._refitted(taken, widths)
        if fitting is None:
            return None
        # A cell that fills the rest of its line is of the last column's kind, though never at the right.
        last = len(row) - 1
        of_words = [*self._of_words[:last], self._of_words[-1]]
        rights = [*self._rights[:last], self._rights[last] and len(row) == len(widths)]
        return _folded_row(row, fitting, rights, of_words)

    def _refitted(self, taken: Sequence[int], widths: Sequence[int]) -> list[int] | None:
        room = max(1, self._all - self._digits - 2 - self._label - GAP)
        record = sum(max(1, ceil(cell / room)) for cell in taken)
        return decide.refitted(taken, widths, self._fixed, self._room, record)

    def _mostly_records(self, rows: Sequence[Sequence[int]], widths: Sequence[int]) -> bool:
        """Whether a head and columns would be there for the lesser part of the rows only."""
        records = sum(
            decide.placed(row, widths, self._rights, self._room) is None
            and self._refitted(row, widths) is None
            for row in rows
        )
        return 2 * records > len(rows)

    def _record(self, number: int, row: Sequence[_Words]) -> Iterator[_Line]:
        """Yield a row as names and values; the last of too few cells has none, for it stands for several."""
        index = f"{number:>{self._digits}}) "
        room = self._all - len(index)
        heads = list(self._heads[: len(row)])
        if row and len(row) < len(self._heads):
            heads[-1:] = [[]]
        named: list[tuple[_Words, _Words]] = [
            ([("label", said) for _, said in head], cell) for head, cell in zip(heads, row, strict=True)
        ]
        label = decide.labels(*_widest(named), room)
        begun = 1
        for at, (name, cell) in enumerate(named):
            if not cell:
                continue
            for line, _ in _fact(name, cell, label, room, self._of_words[at if name else -1]):
                yield [("index", index if begun else " " * len(index)), *line], begun
                begun = 0
        if begun:
            yield [("index", index)], begun


def _closing(blocks: Sequence[Block]) -> int:
    """Return where the sentences at the end begin: they are no elements, and of those that miss nobody is told."""
    end = len(blocks)
    while end and isinstance(blocks[end - 1], Line):
        end -= 1
    return end


def _widest(named: Sequence[tuple[_Words, _Words]]) -> tuple[int, int]:
    return (
        max((width(name) for name, _ in named), default=0),
        max((width(value) for _, value in named), default=0),
    )


def _fact(name: _Words, value: _Words, label: int, room: int, sentence: bool = False) -> list[_Line]:
    """Return the lines of a name and its value: one, unless they have to be folded."""
    widths = [label, max(1, room - label - GAP)]
    blanks = decide.placed([width(name), width(value)], widths, (False, False), room)
    if blanks is not None:
        return [(_spaced([name, value], blanks), 1)]
    return _folded_row([name, value], widths, (False, False), (False, sentence))


def _spaced(cells: Sequence[_Words], blanks: Sequence[int]) -> _Words:
    line: _Words = []
    for cell, blank in zip(cells, blanks, strict=True):
        if blank:
            line.append(("break", " " * blank))
        line += cell
    return line


def _folded_row(
    cells: Sequence[_Words], widths: Sequence[int], rights: Sequence[bool], of_words: Sequence[bool] = ()
) -> list[_Line]:
    between = of_words or [False] * len(cells)
    parts = [
        folded(cell, wide, at_blanks=at_blanks)
        for cell, wide, at_blanks in zip(cells, widths, between, strict=True)
    ]
    lines: list[_Line] = []
    for at in range(max(map(len, parts))):
        beside = [part[at] if at < len(part) else [] for part in parts]
        lines.append((_joined(beside, widths, GAP, rights), not at))
    return lines


def _joined(cells: Sequence[_Words], widths: Sequence[int], gap: int, rights: Sequence[bool] = ()) -> _Words:
    """Return the cells in one line, each as wide as its column."""
    line: _Words = []
    for at, (cell, wide) in enumerate(zip(cells, widths, strict=True)):
        blanks: Word = ("break", " " * max(0, wide - width(cell)))
        if at:
            line.append(("break", " " * gap))
        line += [blanks, *cell] if rights and rights[at] else [*cell, blanks]
    return line
