"""How wide columns are and what stands beside what: decisions about widths, pure numbers in and out."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from math import ceil, inf
from typing import Final, NamedTuple

__all__ = ["ASIDE", "GAP", "Block", "abreast", "fitted", "labels", "naturals", "nearer", "placed", "refitted"]

GAP: Final = 2
"""Blanks between two columns."""
ASIDE: Final = 3
"""Blanks between facts that stand side by side."""

# Columns of text that must be narrower than this are no columns.
_NARROWEST: Final = 12
# A value may be folded for the sake of facts beside each other when so much of it fits a line,
_NARROWEST_FACT: Final = 20
# and one of so many may. Where there is less room, no column of values is worth a line.
_ONE_OF: Final = 8
_CRAMPED: Final = 30
# What is folded into no more lines than these stays in its column.
_FEW_LINES: Final = 4


class Block(NamedTuple):
    """Names and values: how wide each of both is, and how many lines stand above and below them."""

    names: Sequence[int]
    values: Sequence[int]
    around: int = 2


def naturals(heads: Sequence[int], rows: Iterable[Sequence[int]]) -> list[int]:
    """Return how wide each column would like to be."""
    widths = list(heads)
    for row in rows:
        # The last cell of a short row fills its line, whatever the columns.
        whole = row if len(row) == len(widths) else row[:-1]
        for at, taken in enumerate(whole):
            if taken > widths[at]:
                widths[at] = taken
    return widths


def fitted(natural: Sequence[int], fixed: Sequence[bool], room: int) -> list[int] | None:
    """Return how wide each column is to be; None when they have no room beside each other.

    Columns that are fixed keep their width. The others share what is left, and none gets more than it needs.
    """
    left = room - GAP * (len(natural) - 1)
    widths = list(natural)
    if sum(widths) <= left:
        return widths
    left -= sum(wide for wide, kept in zip(widths, fixed, strict=True) if kept)
    foldable = sorted((at for at, kept in enumerate(fixed) if not kept), key=natural.__getitem__)
    alone = len(widths) == 1
    for done, at in enumerate(foldable):
        share = max(0, left) // (len(foldable) - done)
        widths[at] = min(natural[at], share)
        left -= widths[at]
        if widths[at] < min(natural[at], _NARROWEST) and not alone:
            return None
    if alone:
        return [max(1, min(widths[0], room))]
    return widths if left >= 0 else None


def placed(
    taken: Sequence[int], widths: Sequence[int], rights: Sequence[bool], room: int
) -> list[int] | None:
    """Return how many blanks stand before each cell of a row; None when it takes more than one line.

    A cell that is wider than its column pushes those behind it aside, as little as it must.
    """
    blanks = []
    position = start = gap = 0
    short = len(taken) - 1 if len(taken) < len(widths) else -1
    for at, cell in enumerate(taken):
        wide = widths[at]
        wanted = start - position
        if cell < wide and rights[at] and at != short:
            wanted += wide - cell
        if wanted < gap:
            wanted = gap
        blanks.append(wanted)
        position += wanted + cell
        start += wide + GAP
        gap = GAP
    return blanks if position <= room else None


def refitted(
    taken: Sequence[int], widths: Sequence[int], fixed: Sequence[bool], room: int, record: int
) -> list[int] | None:
    """Return the widths for a row that does not fit one line; None when it is better shown as a record.

    It keeps its columns unless that takes many lines and something else at most half of them: a share of the
    room as the row needs it, or a record of ``record`` lines.
    """
    last = len(taken) - 1
    # The last of too few cells is no number that must stay whole: it fills its line.
    whole = len(taken) == len(widths)
    fixed = [always and (whole or at < last) for at, always in enumerate(fixed[: last + 1])]
    kept = [*widths[:last], room - sum(widths[:last]) - GAP * last]
    height = _height(taken, kept, fixed)
    if height <= _FEW_LINES:
        return kept
    shared = fitted([*map(max, taken[:-1], widths), taken[-1]], fixed, room)
    if shared is not None:
        shared[last] = max(1, room - sum(shared[:-1]) - GAP * last)
        if 2 * _height(taken, shared, fixed) <= height:
            return shared
    return None if 2 * record <= height or height == inf else kept


def _height(taken: Sequence[int], widths: Sequence[int], fixed: Sequence[bool]) -> float:
    """Return how many lines a row takes; numbers that would be folded, or no room at all, are too many."""
    height = 1
    for cell, wide, whole in zip(taken, widths, fixed, strict=True):
        if wide < 1 or (whole and cell > wide):
            return inf
        height = max(height, ceil(cell / wide))
    return height


def labels(label: int, value: int, room: int) -> int:
    """Return how wide the names of facts are to be: as they are, unless values would have no room."""
    return max(1, min(label, max(room // 2, room - GAP - min(value, _NARROWEST))))


def nearer(name: int, value: int, label: int, room: int) -> int:
    """Return how wide the name of one fact is to be: ``label``, or less where its value gains by that.

    A value that fits the line stays whole, and one that is folded in little room takes fewer lines.
    """
    if name + GAP + value <= room:
        return min(label, room - GAP - value) if name <= label else name
    wide = max(1, room - GAP - label)
    if name < label and wide < _CRAMPED and ceil(value / (room - GAP - name)) < ceil(value / wide):
        return name
    return label


def abreast(blocks: Sequence[Block], room: int) -> list[tuple[range, int]] | None:
    """Return which blocks stand in each column of facts, and how wide it is; None when only one column fits."""
    for columns in range(min(len(blocks), room // ASIDE), 1, -1):
        parted = _parted([block.around + len(block.names) for block in blocks], columns)
        if len(parted) < columns:
            continue
        widths = [_least(blocks[at] for at in group) for group in parted]
        spare = room - sum(widths) - ASIDE * (columns - 1)
        if spare >= 0:
            wanted = [max(_whole(blocks[at]) for at in group) for group in parted]
            return list(zip(parted, _widened(widths, wanted, spare), strict=True))
    return None


def _widened(widths: Sequence[int], wanted: Sequence[int], spare: int) -> list[int]:
    """Return the widths with what is spare: to those that need little first, and what nobody needs to all."""
    widths = list(widths)
    needy = sorted(range(len(widths)), key=lambda at: wanted[at] - widths[at])
    for done, at in enumerate(needy):
        more = min(wanted[at] - widths[at], spare // (len(needy) - done))
        widths[at] += more
        spare -= more
    return [wide + spare // len(widths) for wide in widths]


def _whole(block: Block) -> int:
    return max(block.names, default=0) + GAP + max(block.values, default=0)


def _least(blocks: Iterable[Block]) -> int:
    """Return how wide blocks below each other have to be that few of their facts are folded, and no name is."""
    facts = sorted(
        (fact for block in blocks for fact in zip(block.names, block.values, strict=True)), key=sum
    )
    whole = len(facts) - len(facts) // _ONE_OF
    lines = [name + GAP + value for name, value in facts[:whole]]
    folds = [name + GAP + min(value, _NARROWEST_FACT) for name, value in facts[whole:]]
    return max([*lines, *folds], default=0)


def _parted(heights: Sequence[int], columns: int) -> list[range]:
    """Return the places of the heights as so many runs, each of much the same sum."""
    goal = sum(heights) / columns
    starts = [0]
    filled = 0.0
    for at, height in enumerate(heights):
        if at > starts[-1] and len(starts) < columns and filled + height / 2 > goal * len(starts):
            starts.append(at)
        filled += height
    return [range(start, end) for start, end in zip(starts, [*starts[1:], len(heights)], strict=True)]
