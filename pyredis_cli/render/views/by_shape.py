"""Replies whose shape is known and that have no view of their own: pairs, scores, stream entries, rows, pages."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from itertools import islice
from typing import Any, Final, TypeAlias, cast

from pyredis.types import Reply
from pyredis_cli.render.blocks import Block, Cell, Column, Facts, Grid, Line, Section
from pyredis_cli.render.layout import Piece
from pyredis_cli.render.shapes import (
    Entries,
    Entry,
    Items,
    Page,
    Pair,
    Pairs,
    Positions,
    Row,
    Rows,
    Scores,
    Shape,
    Streams,
)
from pyredis_cli.render.views.cells import bare, flat, plain, value
from pyredis_cli.render.views.times import id_time

__all__ = ["blocks_of", "entries_grid", "listed", "together"]

_Shown: TypeAlias = Callable[[Reply], Cell]

# So many elements tell what the others look like.
_SAMPLE: Final = 60
# A name that is told from its value without quotes.
_SIMPLE: Final = re.compile(rb"[\w.:/@+-]+", re.ASCII)


def blocks_of(shape: Shape, shown: _Shown = value) -> Sequence[Block] | None:
    """Return the blocks of a shape; None where redis-cli's arrangement is as good.

    ``shown`` makes the cells of values: those of pairs, and the items of a page.
    """
    match shape:
        case Pairs(pairs) if pairs and _all_flat(said for _, said in islice(pairs, _SAMPLE)):
            return [_pairs(pairs, shown)]
        case Scores(pairs) if pairs:
            return [Grid((Column(), Column(right=True)), pairs, _score, numbered=True)]
        case Positions(positions) if positions:
            return [Grid(_POSITION, positions, _position, numbered=True)]
        case Entries(entries) if entries:
            return [entries_grid(entries)]
        case Streams(streams) if streams:
            return [_stream(name, found.entries) for name, found in streams]
        case Page():
            return _page(shape, shown)
        case Rows(rows) if len(rows) == 1 and rows[0]:
            return [Facts([(_name(name), plain(said)) for name, said in rows[0]])]
        case Rows(rows) if any(islice(rows, _SAMPLE)):
            return [_rows(rows)]
    return None


def _all_flat(replies: Iterable[Reply]) -> bool:
    return all(map(flat, replies))


def _pairs(pairs: Sequence[Pair], shown: _Shown) -> Grid:
    def cells(pair: Pair) -> Sequence[Cell]:
        return value(pair[0]), shown(pair[1])

    return Grid((Column(), Column()), pairs, cells, numbered=True)


def _score(pair: Pair) -> Sequence[Cell]:
    return value(pair[0]), _number(pair[1])


def _number(reply: Reply) -> Cell:
    """Return a score, which is a string in RESP2."""
    return (("double", reply),) if isinstance(reply, bytes) and reply else plain(reply)


_POSITION = (Column("member"), Column("longitude", right=True), Column("latitude", right=True))


def _position(found: tuple[bytes, Pair | None]) -> Sequence[Cell]:
    member, place = found
    if place is None:
        return value(member), value(None)
    return value(member), _number(place[0]), _number(place[1])


# -- stream entries


def _itself(entry: Entry) -> Entry:
    return entry


def entries_grid(entries: Sequence[Any], read: Callable[[Any], Entry] = _itself) -> Grid:
    """Return entries with their fields as columns where most have the same, and the others with names in one.

    ``read`` makes an entry when it is shown.
    """
    sample = [read(entry) for entry in islice(entries, _SAMPLE)]
    names = _common_names(sample)
    timed = any(id_time(entry.id) for entry in sample)

    def cells(row: Any) -> Sequence[Cell]:
        entry = read(row)
        where = (bare(entry.id), id_time(entry.id)) if timed else (bare(entry.id),)
        if entry.fields is None:
            return (*where, (("nil", "(nil)"), ("note", "  deleted")))
        pairs = entry.fields.pairs
        if names and [name for name, _ in pairs] == names:
            return (*where, *(plain(said) for _, said in pairs))
        return (*where, together(pairs) or (("empty", "(no fields)"),))

    head = [Column("id", whole=True), *([Column("time", whole=True)] if timed else [])]
    fields = [Column(name) for name in names] or [Column("fields")]
    return Grid([*head, *fields], entries, cells, numbered=True)


def _common_names(entries: Sequence[Entry]) -> list[bytes | str]:
    """Return the names of the fields that half of the entries have, or more of them; maybe none."""
    named = [entry.fields.pairs for entry in entries if entry.fields is not None]
    counted = Counter(tuple(name for name, _ in pairs if isinstance(name, bytes | str)) for pairs in named)
    for names, number in counted.most_common(1):
        if number * 2 >= len(named):
            return list(names)
    return []


def together(pairs: Iterable[Pair]) -> Cell:
    """Return names and values in one line: ``kind="mail"  tries=3``."""
    cell: list[Piece] = []
    for name, said in pairs:
        if cell:
            cell.append(("arrow", "  "))
        cell += [*_name(name), ("arrow", "="), *plain(said)]
    return cell


def _name(name: Reply) -> Cell:
    written = name.encode("utf-8", "surrogateescape") if isinstance(name, str) else name
    if isinstance(written, bytes):
        return (("label" if _SIMPLE.fullmatch(written) else "string", written),)
    return plain(name)


def _stream(name: Reply, entries: Sequence[Entry]) -> Section:
    blocks: list[Block] = [entries_grid(entries)] if entries else [Line((("empty", "no entries"),))]
    return Section((("heading", "stream "), *value(name)), blocks)


# -- pages and rows


def _page(page: Page, shown: _Shown) -> Sequence[Block] | None:
    """Return the cursor and what it means, for it is easy to stop too early, and the items."""
    ended = page.cursor in (b"0", b"0-0")
    items = _items(page.items, shown)
    if items is None:
        return None
    note = "that is all" if ended else "there may be more: go on with this cursor"
    none = "" if items else "nothing here; "
    cursor: list[Piece] = [("label", "cursor "), ("integer", page.cursor), ("note", f"  {none}{note}")]
    blocks: list[Block] = [Line(cursor), *items]
    names = [*page.names, *map(str, range(3 + len(page.names), 3 + len(page.rest)))]
    for name, said in zip(names, page.rest, strict=False):
        blocks += _behind(name, said)
    return blocks


def _items(shape: Shape, shown: _Shown) -> Sequence[Block] | None:
    """Return the blocks of a page's items, none when it is empty, None when they are something else."""
    match shape:
        case Items(items):
            return [listed(items, shown)] if items else []
        case Pairs(found) | Scores(found) | Entries(found) | Rows(found) if not found:
            return []
    return blocks_of(shape, shown)


def _behind(name: str, said: Reply) -> Sequence[Block]:
    if type(said) is list and said and _all_flat(found := cast("list[Reply]", said)):
        return [Section((("heading", name),), [listed(found)])]
    return [Line((("label", f"{name} "), *value(said)))]


def listed(items: Sequence[Reply], shown: _Shown = value) -> Grid:
    """Return items one below the other."""

    def cells(reply: Reply) -> Sequence[Cell]:
        return (shown(reply),)

    return Grid((Column(),), items, cells, numbered=True)


def _rows(rows: Sequence[Row]) -> Grid:
    """Return rows under the names of the first ones; a row that has others says its own."""
    sample = list(islice(rows, _SAMPLE))
    names = list({name: None for row in sample for name, _ in row if isinstance(name, bytes | str)})
    known = set(names)
    numeric = {
        name for name in names if all(_is_number(said) for row in sample for key, said in row if key == name)
    }

    def cells(row: Row) -> Sequence[Cell]:
        said = {name: found for name, found in row if isinstance(name, bytes | str)}
        if len(said) != len(row) or not said.keys() <= known:
            return (together(row),)
        return [plain(said[name]) if name in said else () for name in names]

    return Grid([Column(name, right=name in numeric) for name in names], rows, cells, numbered=True)


def _is_number(reply: Reply) -> bool:
    return isinstance(reply, int | float) and not isinstance(reply, bool)
