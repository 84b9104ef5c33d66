"""Which slots nobody serves, and how ranges of slots are written."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from pyredis_cli.render.views.reading import Unexpected

__all__ = ["SLOTS", "Range", "count", "gaps", "have", "ranges", "written"]

SLOTS: Final = 16384

Range = tuple[int, int]
"""The first slot and the last one."""


def ranges(found: Iterable[Range]) -> list[Range]:
    """Return the ranges in their order; Unexpected when one is none of slots."""
    ordered = sorted(found)
    if any(not 0 <= first <= last < SLOTS for first, last in ordered):
        raise Unexpected("these are no slots")
    return ordered


def gaps(covered: Iterable[Range]) -> list[Range]:
    """Return the slots that are in none of the ranges."""
    free = 0
    found: list[Range] = []
    for first, last in (*sorted(covered), (SLOTS, SLOTS)):
        if first > free:
            found.append((free, first - 1))
        free = max(free, last + 1)
    return found


def count(found: Iterable[Range]) -> int:
    return sum(last - first + 1 for first, last in found)


def written(found: Iterable[Range]) -> str:
    """Return ranges as the server writes them: ``0-5460 5462``."""
    return " ".join(str(first) if first == last else f"{first}-{last}" for first, last in found)


def have(found: Iterable[Range]) -> str:
    """Return ``1 slot has`` or ``5,461 slots have``."""
    number = count(found)
    return f"{number:,} slot has" if number == 1 else f"{number:,} slots have"
