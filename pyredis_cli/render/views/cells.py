"""Cells that views are made of: a value as it is, a number with what it means, what a view does not know."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import TypeAlias, cast

from pyredis.types import Attributed, Map, Reply, Status
from pyredis_cli.render.blocks import Block, Cell, Fact, Facts, Layout, Section
from pyredis_cli.render.layout import Piece, Steps, layout, pairs, unroll

__all__ = ["bare", "flat", "joined", "label", "noted", "plain", "remaining", "value"]

_Scalar: TypeAlias = Callable[[Reply], Iterable[Piece]]
"""What the pieces of a reply are that has no elements."""


def value(reply: Reply) -> Cell:
    """Return a reply as redis-cli writes it, types told apart; what has elements in brackets, on one line."""
    return tuple(layout(reply)) if flat(reply) else tuple(unroll(_inline(reply, layout)))


def bare(reply: Reply) -> Cell:
    """Return a reply whose type the reader knows from where it stands: numbers and names without ornaments."""
    return tuple(unroll(_inline(reply, _bare)))


def plain(reply: Reply) -> Cell:
    """Return a reply as JSON does: strings in quotes, numbers without their types."""
    return tuple(unroll(_inline(reply, _plain)))


def noted(cell: Cell, note: str) -> Cell:
    """Return the cell with a note behind it."""
    return (*cell, ("note", f"  {note}")) if note else cell


def joined(cells: Iterable[Cell], between: Piece) -> Cell:
    """Return cells as one, that piece between any two of them."""
    cell: list[Piece] = []
    for at, part in enumerate(cells):
        cell += [between, *part] if at else part
    return cell


def label(name: Reply) -> Cell:
    """Return the name of a fact."""
    return (("label", name),) if isinstance(name, bytes | str) else value(name)


def remaining(rest: Sequence[tuple[Reply, Reply]]) -> list[Block]:
    """Return the fields that a view does not know, so that nothing is lost: new servers say new things."""
    facts: list[Fact] = [(label(name), value(said)) for name, said in rest if flat(said)]
    blocks: list[Block] = [Facts(facts)] if facts else []
    return blocks + [Section(label(name), [Layout(said)]) for name, said in rest if not flat(said)]


def flat(reply: Reply) -> bool:
    """Whether a reply has no elements."""
    return not isinstance(reply, Attributed) and (not isinstance(reply, list | dict) or not reply)


def _inline(reply: Reply, scalar: _Scalar) -> Steps[Piece]:
    match reply:
        case Attributed(inner, attributes):
            yield _listed(pairs(attributes), "|", "| ", scalar)
            yield _inline(inner, scalar)
        case Map() | dict() if reply:
            yield _listed(pairs(reply), "{", "}", scalar)
        case list() if reply:
            start = "["
            for item in cast("list[Reply]", reply):
                yield "arrow", start
                yield _inline(item, scalar)
                start = ", "
            yield "arrow", "]"
        case _:
            yield from scalar(reply)


def _listed(mapping: Iterable[tuple[Reply, Reply]], start: str, end: str, scalar: _Scalar) -> Steps[Piece]:
    for key, item in mapping:
        yield "arrow", start
        yield _inline(key, scalar)
        yield "arrow", ": "
        yield _inline(item, scalar)
        start = ", "
    yield "arrow", end


def _plain(reply: Reply) -> Iterable[Piece]:
    return layout(reply) if isinstance(reply, bytes | str) else _bare(reply)


def _bare(reply: Reply) -> Iterable[Piece]:
    match reply:
        case Status() if reply:
            return (("text", reply),)
        case bytes() | str():
            return (("text", reply),) if reply else (("string", '""'),)
    return [(role, _without_type(words)) for role, words in layout(reply)]


def _without_type(words: str | bytes) -> str | bytes:
    for ornament in ("(integer) ", "(double) ", "(big number) "):
        if isinstance(words, str):
            words = words.removeprefix(ornament)
    return words
