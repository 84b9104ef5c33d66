"""Blocks as lines of a terminal: how wide columns are, where cells are folded, what stands side by side.

Lines are made when they are asked for; of a table only the first rows decide how wide its columns are, so the
first line of a million shows at once. A later cell that is wider pushes the rest of its line aside where there is
room, and else is folded. Where the columns have no room at all, each row is a list of facts.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import chain, islice
from typing import Final

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
from pyredis_cli.render.fold import folded, width
from pyredis_cli.render.human import human_parts
from pyredis_cli.render.layout import Part
from pyredis_cli.render.look import Look
from pyredis_cli.render.theme import painter
from pyredis_cli.render.values import Word, more, words

__all__ = ["sheet_parts"]

# So many rows decide how wide the columns are: more than a screen has.
_SAMPLE: Final = 60
_GAP: Final = 2
# Columns of text that must be narrower than this are no columns.
_NARROWEST: Final = 12
_INDENT: Final = 2
# Between columns of facts.
_ASIDE: Final = 3
# Values that are longer than this may be folded for the sake of facts beside each other.
_NARROWEST_FACT: Final = 20
# More facts than these are not looked at together.
_MOST_BESIDE: Final = 2_000

_Words = list[Word]


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
        for block in blocks:
            if self._left == 0:
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
                lines = folded(self._words(block.words), room, at_blanks=True)
                return self._indented(((line, 0) for line in lines), indent)
            case Document():
                return self._document(block, indent)
            case Layout():
                return self._layout(block, indent)
            case Section():
                return self._section(block, indent)

    def line(self, line: Iterable[Word], indent: int = 0) -> bytes:
        """Return a line, ended."""
        paint = self._paint
        written = "".join([paint(role, said) for role, said in line])
        return f"{' ' * indent}{written}".rstrip(" ").encode("utf-8", "replace") + b"\n"

    def _indented(self, lines: Iterable[tuple[_Words, int]], indent: int) -> Iterator[Part]:
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

    def _section(self, section: Section, indent: int) -> Iterator[Part]:
        for line in folded(self._words(section.title), self._look.width - indent, at_blanks=True):
            yield self.line(line, indent), 0
        yield from self.blocks(section.blocks, indent + _INDENT)

    def _document(self, document: Document, indent: int) -> Iterator[Part]:
        encoding, measure = self._look.encoding, self._look.measure
        before = b" " * indent
        begun = False
        for role, said in document.pieces():
            for word_role, word in words(role, said, encoding, measure, keep_newlines=True):
                for at, line in enumerate(word.split("\n") if indent else [word]):
                    if at:
                        yield b"\n", 0
                        begun = False
                    if line:
                        shown = self._paint(word_role, line).encode("utf-8", "replace")
                        yield shown if begun else before + shown, 0
                        begun = True
        yield b"\n", 0

    def _layout(self, block: Layout, indent: int) -> Iterator[Part]:
        look = self._look
        measure = look.measure._replace(elements=self._left)
        before = b" " * indent
        begun = 0
        yield before, 0
        parts = human_parts(
            block.reply, encoding=look.encoding, color=look.color, theme=look.theme, measure=measure
        )
        for part, number in parts:
            begun += number
            yield part[:-1].replace(b"\n", b"\n" + before) + part[-1:] if indent else part, number
        if self._left is not None:
            self._left -= begun

    def _facts(self, block: Facts, room: int) -> Iterator[tuple[_Words, int]]:
        facts = islice(block.facts, self._allowed(len(block.facts)))
        if block.title:
            yield from ((line, 0) for line in folded(self._words(block.title), room, at_blanks=True))
        named = [(self._words(name), self._words(value)) for name, value in facts]
        least = _GAP + min(_NARROWEST, max((width(value) for _, value in named), default=0))
        label = min(max((width(name) for name, _ in named), default=0), max(1, room // 2, room - least))
        for name, value in named:
            yield from _row([name, value], [label, max(1, room - label - _GAP)], (False, False))

    # -- side by side

    def _beside(self, block: Beside, room: int) -> Iterator[tuple[_Words, int]]:
        most = _MOST_BESIDE if self._left is None else min(_MOST_BESIDE, self._left)
        fitting = _side_by_side(self._named(block), room) if counted([block]) <= most else None
        if fitting is None:
            for at, facts in enumerate(block.facts):
                if at:
                    yield [], 0
                yield from self._facts(facts, room)
            return
        laid = [self._stacked(facts, wide) for facts, wide in fitting]
        widths = [wide for _, wide in fitting]
        for at in range(max(map(len, laid))):
            parts = [column[at] if at < len(column) else ([], 0) for column in laid]
            yield _joined([line for line, _ in parts], widths, _ASIDE), sum(begun for _, begun in parts)

    def _named(self, block: Beside) -> list[tuple[Facts, int, int]]:
        """Return the facts with how wide their names and their values are."""
        return [
            (
                facts,
                max((width(self._words(name)) for name, _ in facts.facts), default=0),
                max((width(self._words(value)) for _, value in facts.facts), default=0),
            )
            for facts in block.facts
        ]

    def _stacked(self, facts: Sequence[Facts], wide: int) -> list[tuple[_Words, int]]:
        """Return the lines of facts one below the other."""
        lines: list[tuple[_Words, int]] = []
        for block in facts:
            if lines:
                lines.append(([], 0))
            lines += self._facts(block, wide)
        return lines

    # -- tables

    def _grid(self, grid: Grid, room: int) -> Iterator[tuple[_Words, int]]:
        allowed = self._allowed(len(grid.rows))
        columns = grid.columns
        index = len(str(len(grid.rows))) if grid.numbered else 0
        left = room - (index + 2 if index else 0)
        rows = ([self._words(cell) for cell in grid.cells(row)] for row in islice(iter(grid.rows), allowed))
        sample = list(islice(rows, _SAMPLE))
        widths = _widths(columns, _natural(columns, sample), left)
        numbered = enumerate(chain(sample, rows), 1)
        if widths is None:
            for number, row in numbered:
                yield from self._record(columns, row, f"{number:>{index or 1}}) ", room)
            return
        rights = [column.right for column in columns]
        widths[-1] = (
            max(widths[-1], left - sum(widths[:-1]) - _GAP * (len(widths) - 1))
            if not rights[-1]
            else widths[-1]
        )
        if any(column.name for column in columns):
            for line, _ in _row([_head(column) for column in columns], widths, rights):
                yield [("index", " " * (index + 2)), *line] if index else line, 0
        blank: Word = ("index", " " * (index + 2))
        for number, row in numbered:
            lines = _row(row, widths, rights)
            if not index:
                yield from lines
                continue
            first: Word = ("index", f"{number:>{index}}) ")
            for line, begun in lines:
                yield [first if begun else blank, *line], begun

    def _record(
        self, columns: Sequence[Column], row: Sequence[_Words], index: str, room: int
    ) -> Iterator[tuple[_Words, int]]:
        names = [_head(column) for column in columns]
        label = min(max(map(width, names)), room // 2)
        widths = [label, max(1, room - len(index) - label - _GAP)]
        begun = 1
        if len(row) < len(names):  # its last cell fills the rest of a line, and is none of the columns
            names = [*names[: len(row) - 1], []]
        for name, value in zip(names, row, strict=True):
            if not name and not value:
                continue
            for line, _ in _row([[("label", name[0][1])] if name else [], value], widths, (False, False)):
                yield [("index", index if begun else " " * len(index)), *line], begun
                begun = 0


def _head(column: Column) -> _Words:
    name = column.name
    if isinstance(name, bytes):
        name = name.decode("utf-8", "surrogateescape")
    return words("heading", name, "utf-8", Look().measure) if name else []


def _natural(columns: Sequence[Column], rows: Iterable[Sequence[_Words]]) -> list[int]:
    """Return how wide each column would like to be."""
    widths = [width(_head(column)) for column in columns]
    for row in rows:
        # The last cell of a short row fills its line, whatever the columns.
        whole = row if len(row) == len(columns) else row[:-1]
        for at, cell in enumerate(whole):
            widths[at] = max(widths[at], width(cell))
    return widths


def _widths(columns: Sequence[Column], natural: list[int], room: int) -> list[int] | None:
    """Return how wide each column is to be; None when they have no room beside each other."""
    left = room - _GAP * (len(columns) - 1)
    if sum(natural) <= left:
        return natural
    widths = list(natural)
    left -= sum(wide for wide, column in zip(natural, columns, strict=True) if column.right or column.whole)
    foldable = [at for at, column in enumerate(columns) if not column.right and not column.whole]
    for done, at in enumerate(sorted(foldable, key=lambda at: natural[at])):
        share = max(0, left) // (len(foldable) - done)
        widths[at] = min(natural[at], share)
        left -= widths[at]
        if widths[at] < min(natural[at], _NARROWEST) and len(columns) > 1:
            return None
    if left < 0 and len(columns) > 1:
        return None
    return [max(1, wide) for wide in widths]


def _row(cells: Sequence[_Words], widths: Sequence[int], rights: Sequence[bool]) -> list[tuple[_Words, int]]:
    """Return the lines of a row: one, unless a cell has to be folded."""
    taken = [width(cell) for cell in cells]
    if not cells:
        return [([], 1)]
    last = len(cells) - 1
    if last + 1 < len(widths):
        rights = (*rights[:last], False)  # a cell that has the room of several is none of them
    # The last of too few cells has the room of all that are missing.
    room = [*widths[:last], sum(widths[last:]) + _GAP * (len(widths) - 1 - last)]
    # What stands at the right keeps its place there, however short it is.
    ends = max(taken[-1], room[-1]) if rights[last] else taken[-1]
    if all(map(_fits, taken, room)) or sum(map(max, taken[:-1], room[:-1])) + ends <= sum(room):
        line: _Words = []
        for at, cell in enumerate(cells):
            lacking = room[at] - taken[at]
            if lacking > 0 and rights[at]:
                line.append(("break", " " * lacking))
            line += cell
            if at < last:
                line.append(("break", " " * (_GAP + (lacking if lacking > 0 and not rights[at] else 0))))
        return [(line, 1)]
    parts = [folded(cell, columns) for cell, columns in zip(cells, room, strict=True)]
    lines: list[tuple[_Words, int]] = []
    for at in range(max(map(len, parts))):
        line = _joined([part[at] if at < len(part) else [] for part in parts], room, _GAP, rights)
        lines.append((line, not at))
    return lines


def _fits(taken: int, room: int) -> bool:
    return taken <= room


def _joined(cells: Sequence[_Words], widths: Sequence[int], gap: int, rights: Sequence[bool] = ()) -> _Words:
    """Return the cells in one line, each as wide as its column."""
    line: _Words = []
    for at, (cell, wide) in enumerate(zip(cells, widths, strict=True)):
        blanks: Word = ("break", " " * max(0, wide - width(cell)))
        line += [blanks, *cell] if rights and rights[at] else [*cell, blanks]
        line.append(("break", " " * gap))
    return line


def _side_by_side(named: Sequence[tuple[Facts, int, int]], room: int) -> list[tuple[list[Facts], int]] | None:
    """Return facts in as many columns as fit, and how wide each is; None when only one does."""
    for columns in range(len(named), 1, -1):
        parted = _parted(named, columns)
        widths = [
            max(label + _GAP + min(value, _NARROWEST_FACT) for _, label, value in group) for group in parted
        ]
        spare = room - sum(widths) - _ASIDE * (len(widths) - 1)
        if spare >= 0 and len(parted) == columns:
            groups = [[facts for facts, _, _ in group] for group in parted]
            return [(group, wide + spare // columns) for group, wide in zip(groups, widths, strict=True)]
    return None


def _parted(named: Sequence[tuple[Facts, int, int]], columns: int) -> list[list[tuple[Facts, int, int]]]:
    """Return the facts in their order as so many columns of much the same height."""
    heights = [len(facts.facts) + 2 for facts, _, _ in named]
    goal = sum(heights) / columns
    groups: list[list[tuple[Facts, int, int]]] = [[]]
    filled = 0.0
    for block, height in zip(named, heights, strict=True):
        if groups[-1] and len(groups) < columns and filled + height / 2 > goal * len(groups):
            groups.append([])
        groups[-1].append(block)
        filled += height
    return groups
