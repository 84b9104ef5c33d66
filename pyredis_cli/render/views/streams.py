"""Streams: XINFO STREAM, GROUPS and CONSUMERS, and XPENDING."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, Final, TypeAlias, cast

from pyredis.types import Reply
from pyredis_cli.render.blocks import Block, Cell, Column, Fact, Grid, Line, Section
from pyredis_cli.render.layout import Piece
from pyredis_cli.render.look import Look
from pyredis_cli.render.shapes import Entry, Pairs
from pyredis_cli.render.units import duration
from pyredis_cli.render.views.by_shape import entries_grid, together
from pyredis_cli.render.views.cells import bare, label
from pyredis_cli.render.views.reading import Asked, Fields, Unexpected, fields, integer, items, text
from pyredis_cli.render.views.rows import BLANK, Known, sentence, table, told
from pyredis_cli.render.views.times import id_time, since, span, stamp

__all__ = ["consumers", "groups", "pending", "stream"]

_IDS: Final = frozenset(
    {"last-generated-id", "max-deleted-entry-id", "recorded-first-entry-id", "last-delivered-id"}
)
# A consumer that has had entries for so long and given no sign of life is not at work on them.
_SILENT: Final = 60_000
# Where the time that is in an ID stands beside it.
_WIDE: Final = 100


# -- XINFO STREAM


def stream(reply: Reply, asked: Asked) -> Sequence[Block]:
    """Return what a stream holds; with FULL its entries, and its groups with their consumers, too."""
    found = fields(reply)
    if "entries" not in found:
        ends = [(name, found.take(name)) for name in ("first-entry", "last-entry")]
        return [_facts(found.rest(), asked.look), BLANK, _ends(ends)]
    entries, groups = items(found.take("entries")), items(found.take("groups"))
    rest = found.rest()
    shown: list[Block] = []
    for group in groups:
        shown += [BLANK, _group(fields(group), asked.look)] if shown else [_group(fields(group), asked.look)]
    heading: Cell = (("heading", "groups"), ("note", f"  {len(groups)}"))
    return [_facts(rest, asked.look), BLANK, _entries(entries, _length(rest)), BLANK, Section(heading, shown)]


def _facts(named: Sequence[tuple[Reply, Reply]], look: Look) -> Grid:
    length = _length(named)
    facts: list[Fact] = []
    cell: Cell
    for name, said in named:
        match text(name):
            case "entries-added":
                cell = (*bare(said), *_gone(said, length))
            case word if word in _IDS:
                cell = (*bare(said), *_when(said, look))
            case _:
                cell = bare(said)
        facts.append((label(name), cell))
    return told(facts)


def _length(named: Sequence[tuple[Reply, Reply]]) -> int | None:
    return next((integer(said) for name, said in named if name == b"length"), None)


def _gone(added: Reply, length: int | None) -> Cell:
    gone = 0 if length is None else integer(added) - length
    return (("note", f"  {gone:,} of them deleted or trimmed"),) if gone > 0 else ()


def _when(identity: Reply, look: Look) -> Cell:
    """Return the time in an ID, and how long ago that was."""
    milliseconds = text(identity).partition("-")[0]
    if not id_time(text(identity)):
        return ()
    ago = since(milliseconds, look)
    return (("text", "  "), *stamp(milliseconds), *((("text", "  "), *ago) if ago else ()))


def _ends(ends: Sequence[tuple[str, Reply]]) -> Grid:
    """Return the first entry and the last one; both are nil when there is none."""
    rows: list[Sequence[Cell]] = []
    for name, said in ends:
        identity, values = (None, []) if said is None else items(said, 2)
        time = () if said is None else id_time(text(identity))
        rows.append((label(name), bare(identity), time, together(fields_of(values))))
    return Grid((Column(), Column("id", whole=True), Column("time", whole=True), Column("fields")), rows)


def fields_of(said: Reply) -> list[tuple[Reply, Reply]]:
    """Return the fields of an entry, whose names may repeat."""
    halves = items(said)
    if len(halves) % 2:
        raise Unexpected("fields and values take turns")
    return list(zip(halves[::2], halves[1::2], strict=True))


def _entries(entries: Sequence[Reply], length: int | None) -> Section:
    for entry in entries:
        identity, said = items(entry, 2)
        if not isinstance(identity, bytes) or len(items(said)) % 2:
            raise Unexpected("this is no entry")
    of = f" of {length:,}" if length is not None and length != len(entries) else ""
    heading: list[Piece] = [("heading", "entries"), ("note", f"  {len(entries):,}{of}")]
    return Section(heading, [entries_grid(entries, _entry)] if entries else [])


def _entry(entry: list[Reply]) -> Entry:
    identity, said = entry
    return Entry(cast("bytes", identity), Pairs(fields_of(said)))


def _group(group: Fields, look: Look) -> Section:
    name, waiting = group.take("name"), [_delivered(row) for row in items(group.take("pending"))]
    members = [fields(member) for member in items(group.take("consumers"))]
    rest = group.rest()
    heads: list[Fields] = []
    # What a consumer has to acknowledge is among what its group has, unless COUNT cut that short.
    known = {row[0]: row for row in waiting}
    for member in members:
        owner = member.take("name")
        for identity, when, number in (items(each, 3) for each in items(member.take("pending"))):
            row = _delivered([identity, owner, when, number])
            if known.get(row[0]) != row:
                waiting.append(row)
        heads.append(Fields([("name", owner), *member.rest()]))
    return Section(
        (("label", "name "), ("heading", text(name))),
        [
            _facts(rest, look),
            _counted("consumers", heads, lambda: table(heads, _seen(look))),
            _counted("pending", waiting, lambda: _deliveries(waiting, look), _pending(rest)),
        ],
    )


def _counted(
    name: str, found: Sequence[object], grid: Callable[[], Grid], all_: int | None = None
) -> Section:
    """Return a table, if there is anything to put into it, below a heading that says how much of it there is."""
    of = f" of {all_:,}" if all_ is not None and all_ > len(found) else ""
    return Section((("heading", name), ("note", f"  {len(found):,}{of}")), [grid()] if found else [])


def _pending(group: Sequence[tuple[Reply, Reply]]) -> int | None:
    """Return how many entries a group has to acknowledge, of which COUNT may leave out most."""
    return next((said for name, said in group if name == b"pel-count" and isinstance(said, int)), None)


def _seen(look: Look) -> Sequence[Known]:
    return (
        Known("name"),
        Known("pel-count", right=True),
        Known("seen-time", right=True, note=lambda moment: _moment(moment, look)),
        Known("active-time", right=True, note=lambda moment: _moment(moment, look) or (("note", "never"),)),
    )


def _moment(moment: Reply, look: Look) -> Cell:
    """Return how long ago a moment was, or else when."""
    return since(moment, look) or stamp(moment)


_Delivered: TypeAlias = "list[Any]"
"""The ID, the consumer, when it was given to that one last, and how often it was."""


def _delivered(row: Reply) -> _Delivered:
    if type(row) is not list or tuple(map(type, row)) != (bytes, bytes, int, int):
        raise Unexpected("this is no pending entry")
    return row


def _deliveries(rows: Sequence[_Delivered], look: Look) -> Grid:
    def cells(row: _Delivered) -> Sequence[Cell]:
        identity, owner, when, number = row
        return bare(identity), bare(owner), bare(number), bare(when), _moment(when, look)

    columns = Column("id", whole=True), Column("consumer"), Column("deliveries", right=True)
    return Grid((*columns, Column("delivery-time", right=True), Column()), rows, cells)


# -- XINFO GROUPS and CONSUMERS


def groups(reply: Reply, asked: Asked) -> Sequence[Block] | None:
    """Return the groups of a stream, and which of them are behind or have nobody who reads."""
    found = [fields(group) for group in items(reply)]
    if not found:
        return None
    rows = [list(group.rest()) for group in found]
    troubles = list(_troubles([{text(name): said for name, said in row} for row in rows]))
    return [*troubles, *([BLANK] if troubles else []), table(list(map(Fields, rows)), _groups(asked.look))]


def _troubles(found: Sequence[dict[str, Reply]]) -> Iterator[Block]:
    behind = [group for group in found if integer(group.get("lag") or 0)]
    yield from _named("behind: ", behind, lambda group: f" by {integer(group['lag']):,}")
    unknown = [group for group in found if "lag" in group and group["lag"] is None]
    why = "entries were deleted, or the group began in the middle"
    yield from _named(f"lag is not known ({why}): ", unknown)
    yield from _named("no consumers: ", [group for group in found if not integer(group.get("consumers", 0))])


def _named(
    trouble: str,
    found: Sequence[dict[str, Reply]],
    more: Callable[[dict[str, Reply]], str] = lambda group: "",
) -> Iterator[Block]:
    """Yield a line with the names of those that are in trouble."""
    if found:
        said: list[Piece] = [("warning", trouble)]
        for at, group in enumerate(found):
            said += [("text", ", ")] if at else []
            said += [("name", text(group.get("name"))), ("text", more(group))]
        yield Line(said)


def _groups(look: Look) -> Sequence[Known]:
    time = None if look.width < _WIDE else lambda identity: id_time(text(identity))
    return (
        Known("name"),
        Known("consumers", right=True),
        Known("pending", right=True),
        Known("lag", right=True),
        Known("entries-read", right=True),
        Known("last-delivered-id", whole=True, note=time),
    )


def consumers(reply: Reply, asked: Asked) -> Sequence[Block] | None:
    """Return the consumers of a group, and which of them have entries and are silent."""
    found = [fields(consumer) for consumer in items(reply)]
    if not found:
        return None
    rows = [list(consumer.rest()) for consumer in found]
    silent = list(_silent([{text(name): said for name, said in row} for row in rows]))
    return [*silent, *([BLANK] if silent else []), table(list(map(Fields, rows)), _CONSUMERS)]


def _silent(found: Sequence[dict[str, Reply]]) -> Iterator[Block]:
    for consumer in found:
        waiting, idle = integer(consumer.get("pending")), integer(consumer.get("idle"))
        # Since 7.2 idle is since the last attempt to read, and inactive since the last success.
        idle = max(idle, integer(consumer.get("inactive", idle)))
        if waiting and idle >= _SILENT:
            why = f"inactive for {duration(idle / 1000)} with {waiting:,} pending: "
            yield from _named(why, [consumer])


_CONSUMERS = (
    Known("name"),
    Known("pending", right=True),
    Known("idle", right=True, note=span),
    Known("inactive", right=True, note=lambda length: _inactive(length)),
)


def _inactive(length: Reply) -> Cell:
    return (("note", "has read nothing yet"),) if integer(length) < 0 else span(length)


# -- XPENDING


def pending(reply: Reply, asked: Asked) -> Sequence[Block] | None:
    """Return how many entries each consumer has to acknowledge; with a range, each of those entries."""
    match items(reply):
        case [int() as total, first, last, owners]:
            return _summary(total, first, last, owners, asked.look)
        case [[*_], *_] as rows:
            return _details([items(row, 4) for row in rows], asked.look)
    return None


def _summary(total: int, first: Reply, last: Reply, owners: Reply, look: Look) -> Sequence[Block]:
    if first is None and last is None and owners is None:
        return [sentence("", *bare(total), ("text", " pending"))]
    facts: list[Fact] = [
        ((("label", "pending"),), bare(total)),
        ((("label", "first id"),), (*bare(first), *_when(first, look))),
        ((("label", "last id"),), (*bare(last), *_when(last, look))),
    ]
    rows = [items(owner, 2) for owner in items(owners)]
    columns = Column("consumer"), Column("pending", right=True)
    return [told(facts), BLANK, Grid(columns, rows, lambda row: (bare(row[0]), bare(row[1])))]


def _details(rows: Sequence[list[Reply]], look: Look) -> Sequence[Block]:
    timed = look.width >= _WIDE

    def cells(row: list[Reply]) -> Sequence[Cell]:
        identity, owner, idle, number = row
        time = (id_time(text(identity)),) if timed else ()
        return bare(identity), *time, bare(owner), bare(number), bare(idle), span(idle)

    for identity, *_ in rows:
        text(identity)
    longest = max(integer(idle) for _, _, idle, _ in rows)
    most = max(integer(number) for _, _, _, number in rows)
    again = f", one delivered {most:,} times" if most > 1 else ""
    columns = (
        Column("id", whole=True),
        *((Column("time", whole=True),) if timed else ()),
        Column("consumer"),
        Column("deliveries", right=True),
        Column("idle", right=True),
        Column(),
    )
    said = f"{len(rows):,} pending, the longest for {duration(longest / 1000)}{again}"
    return [sentence(said), BLANK, Grid(columns, rows, cells)]
