"""The values of a reply by their names: fields of a hash, of INFO, members by their scores. Pure.

What has no name is called by its place, and what is alone ``value``.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Final

from pyredis.types import Reply
from pyredis_cli.render.layout import pairs
from pyredis_cli.render.shapes import Items, Pairs, Scalar, Scores, Sections, Shape, Text
from pyredis_cli.render.views.cells import flat
from pyredis_cli.render.views.reading import Unexpected, number

__all__ = ["MOST", "named", "number_of"]

MOST: Final = 2_000
"""INFO has some hundred values; a list may have any number of them."""


def named(found: Shape) -> dict[str, Reply]:
    """Return the values that have no elements themselves, at most `MOST`; those within maps as ``db0.keys``."""
    return dict(islice(_named(found), MOST))


def _named(found: Shape) -> Iterator[tuple[str, Reply]]:
    match found:
        case Scalar(reply):
            yield "value", reply
        case Text(_, parsed) if parsed is not None:
            yield from _named(parsed)
        case Pairs(turns) | Scores(turns):
            yield from _flat(turns)
        case Sections(sections):
            yield from _flat(turn for _, turns in sections for turn in turns)
        case Items(items):
            yield from ((str(place), item) for place, item in enumerate(items, 1))


def number_of(value: Reply) -> float | None:
    """Return a value as a number, also where it is written as a string; None when it is none."""
    if isinstance(value, bool) or not flat(value):
        return None
    try:
        return float(number(value))
    except (Unexpected, OverflowError):
        return None


def _flat(turns: Iterable[tuple[Reply, Reply]], before: str = "") -> Iterator[tuple[str, Reply]]:
    for name, value in turns:
        called = before + _called(name)
        if flat(value):
            yield called, value
        elif isinstance(value, dict) and not before:
            yield from _flat(pairs(value), f"{called}.")


def _called(name: Reply) -> str:
    return name.decode("utf-8", "backslashreplace") if isinstance(name, bytes) else str(name)
