"""Replies whose shape is known and that have no view of their own: pairs, scores, stream entries, rows, pages."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from itertools import islice

from pyredis.types import Reply
from pyredis_cli.render.blocks import Block, Cell, Column, Grid, Line, Section
from pyredis_cli.render.shapes import (
    Entries,
    Entry,
    Items,
    Page,
    Pair,
    Pairs,
    Positions,
    Rows,
    Scores,
    Shape,
    Streams,
)
from pyredis_cli.render.views.cells import bare, flat, value

__all__ = ["blocks_of"]

# So many elements tell what the others look like.
_SAMPLE = 60


def blocks_of(shape: Shape) -> Sequence[Block] | None:
    """Return the blocks of a shape; None where redis-cli's arrangement is as good."""
    match shape:
        case Pairs(pairs) if pairs and _all_flat(said for _, said in islice(pairs, _SAMPLE)):
            return [Grid((Column(), Column()), pairs, _pair, numbered=True)]
        case Scores(pairs) if pairs:
            return [Grid((Column(right=True), Column()), pairs, _score, numbered=True)]
        case Positions(positions) if positions:
            return [Grid(_POSITION, positions, _position, numbered=True)]
        case Entries(entries) if entries:
            return [_entries(entries)]
        case Streams(streams) if streams:
            return [Section(_key(name), [_entries(found.entries)]) for name, found in streams]
        case Page():
            return _page(shape)
        case Rows(rows) if any(islice(rows, _SAMPLE)):
            return [_rows(rows)]
    return None


def _all_flat(replies: Iterable[Reply]) -> bool:
    return all(map(flat, replies))


def _pair(pair: Pair) -> Sequence[Cell]:
    return value(pair[0]), value(pair[1])


def _score(pair: Pair) -> Sequence[Cell]:
    return _number(pair[1]), value(pair[0])


def _number(reply: Reply) -> Cell:
    """Return a score, which is a string in RESP2."""
    return (("double", reply),) if isinstance(reply, bytes) else bare(reply)


_POSITION = (Column("member"), Column("longitude", right=True), Column("latitude", right=True))


def _position(found: tuple[bytes, Pair | None]) -> Sequence[Cell]:
    member, place = found
    if place is None:
        return value(member), value(None)
    return value(member), _number(place[0]), _number(place[1])


def _key(name: Reply) -> Cell:
    return (("heading", "stream "), *value(name))


# -- stream entries


def _entries(entries: Sequence[Entry]) -> Grid:
    """Return entries with their fields as columns where these repeat, and else as names and values in one."""
    names = _shared_names(entries)

    def cells(entry: Entry) -> Sequence[Cell]:
        where = bare(entry.id), _time(entry.id)
        if entry.fields is None:
            return (*where, (("nil", "(nil)"),))
        if names is not None and [name for name, _ in entry.fields.pairs] == names:
            return (*where, *(value(said) for _, said in entry.fields.pairs))
        return (*where, _together(entry.fields.pairs))

    shared = () if names is None else [Column(name) for name in names if isinstance(name, bytes)]
    return Grid(
        (Column("id"), Column("time"), *(shared or [Column("fields")])), entries, cells, numbered=True
    )


def _shared_names(entries: Sequence[Entry]) -> list[Reply] | None:
    """Return the names of the fields that the first entries have in common, None when they differ."""
    found: list[Reply] | None = None
    for entry in islice(entries, _SAMPLE):
        if entry.fields is None:
            continue
        names = [name for name, _ in entry.fields.pairs]
        if not names or (found is not None and names != found):
            return None
        found = names
    return found


def _together(pairs: Sequence[Pair]) -> Cell:
    cell: list[tuple[str, str | bytes]] = []
    for name, said in pairs:
        if cell:
            cell.append(("arrow", "  "))
        cell += [*value(name), ("arrow", " "), *value(said)]
    return cell  # type: ignore[return-value]


def _time(identity: bytes | None) -> Cell:
    """Return the time in an ID, which begins with milliseconds since 1970 unless somebody chose another one."""
    milliseconds = (identity or b"").partition(b"-")[0]
    if not milliseconds.isdigit() or not 1_000_000_000_000 <= int(milliseconds) < 10_000_000_000_000:
        return ()
    moment = datetime.fromtimestamp(int(milliseconds) / 1000, UTC)
    return (("time", f"{moment:%Y-%m-%d %H:%M:%S}.{moment.microsecond // 1000:03}Z"),)


# -- pages and rows


def _page(page: Page) -> Sequence[Block]:
    cursor = page.cursor.decode("ascii", "replace")
    ends = page.cursor == b"0"
    note = "  that is all" if ends else f"  cursor {cursor} goes on"
    blocks: list[Block] = [Line((("label", "cursor "), ("integer", page.cursor), ("note", note)))]
    found = blocks_of(page.items)
    if found is not None:
        blocks += found
    elif isinstance(page.items, Items):
        blocks.append(Grid((Column(),), page.items.items, _single, numbered=True))
    else:
        return ()
    if page.rest:
        blocks.append(Grid((Column(),), page.rest, _single, numbered=True))
    return blocks


def _single(reply: Reply) -> Sequence[Cell]:
    return (value(reply),)


def _rows(rows: Sequence[Sequence[Pair]]) -> Grid:
    """Return rows under the names of the first ones; a row that has others says its own."""
    names = list(
        {name: None for row in islice(rows, _SAMPLE) for name, _ in row if isinstance(name, bytes | str)}
    )

    def cells(row: Sequence[Pair]) -> Sequence[Cell]:
        said = dict(row)
        if len(said) != len(row) or not said.keys() <= set(names):
            return (_together([(_as_bytes(name), found) for name, found in row]),)
        return [value(said[name]) if name in said else () for name in names]

    return Grid([Column(name) for name in names], rows, cells, numbered=True)


def _as_bytes(name: Reply) -> Reply:
    return name.encode("utf-8", "surrogateescape") if isinstance(name, str) else name
