"""The tree of prefixes as a page for a person: how far it can be relied on, then a table."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

from pyredis_cli.render.blocks import Block, Cell, Column, Grid, Line
from pyredis_cli.render.layout import Role
from pyredis_cli.render.look import Look
from pyredis_cli.render.units import count, duration, size
from pyredis_cli.render.views.cells import noted
from pyredis_cli.render.views.rows import BLANK, plural
from pyredis_cli.tools.keys.estimate import Cut, Row

__all__ = ["Found", "page"]

_LONGEST: Final = 200  # bytes of a name that are shown


class Found(NamedTuple):
    """The rows, and what they are known from: so many keys of ``total``."""

    rows: Sequence[Row]
    cut: Cut
    total: int
    looked: int
    all: bool
    seconds: float
    nodes: int
    untold: Mapping[str, str]
    stopped: bool


def page(found: Found, look: Look) -> Sequence[Block]:
    """Return the page."""
    blocks: list[Block] = [_confidence(found), *_troubles(found)]
    rows = [row for row in found.rows if row.seen]
    if rows:
        blocks += [BLANK, _table(rows, look)]
    return blocks


def _confidence(found: Found) -> Line:
    """Return the sentence that says what was looked at, and how much the numbers are off at most."""
    nodes = f" on {found.nodes:,} primaries" if found.nodes > 1 else ""
    whole = found.all and not found.stopped
    of = "all " if whole else f"{found.looked:,} of "
    stopped = "stopped: " if found.stopped else ""
    said = f"{stopped}{of}{plural(found.total, 'key')}{nodes} looked at in {duration(found.seconds)}"
    prefix: Cell = (("text", "; these begin with "), ("name", found.cut.prefix)) if found.cut.prefix else ()
    notes = [f"memory by {row.measured:,} of them" for row in found.rows[:1] if row.measured < row.seen]
    notes += (
        ["± holds 19 times of 20"] if any(row.keys_error or row.memory_error for row in found.rows) else []
    )
    return Line((("text", said), *prefix, ("note", f"  ({'; '.join(notes)})" if notes else "")))


def _troubles(found: Found) -> list[Block]:
    lines: list[Block] = [Line((("warning", f"{name}: {why}"),)) for name, why in found.untold.items()]
    if not any(row.seen for row in found.rows):
        lines.append(Line((("note", _nothing(found)),)))
    return lines


def _nothing(found: Found) -> str:
    """Return that no key was seen, and how many there may be all the same."""
    if not (found.all or found.total):
        return "nobody has told yet how many keys there are"
    if not found.cut.prefix:
        return "there are no keys"
    most = max((math.ceil(row.keys_error) for row in found.rows), default=0)
    return f"none of these begins so; of all, {plural(most, 'key')} may" if most else "no key begins so"


# -- the table


def _table(rows: Sequence[Row], look: Look) -> Grid:
    exact_keys = not any(row.keys_error for row in rows)
    measured = any(row.memory is not None for row in rows)
    exact_memory = not any(row.memory_error for row in rows)
    columns = [Column("prefix"), Column("keys", right=True)]
    columns += [] if exact_keys else [Column("±", right=True)]
    if measured:
        columns += [Column("memory", right=True)] + ([] if exact_memory else [Column("±", right=True)])
    columns += [Column("share", right=True), Column("no TTL", right=True)]
    columns += [Column("biggest")] if measured else []

    def cells(row: Row) -> Sequence[Cell]:
        found: list[Cell] = [_label(row), _text(count(_rounded(row.keys, row.keys_error)))]
        found += [] if exact_keys else [_error(row.keys_error, row.keys)]
        if measured:
            found.append(() if row.memory is None else _text(size(row.memory)))
            found += [] if exact_memory else [_error(row.memory_error, row.memory)]
        found += [_percent(row.share), _percent(row.without_ttl)]
        if measured:
            found.append(_biggest(row))
        return found

    return Grid(columns, rows, cells)


def _label(row: Row) -> Cell:
    indent = "  " * max(0, row.depth - 1)
    match row.kind:
        case "all":
            return (("heading", "all"),) if not row.label else (("name", row.label), ("note", "*"))
        case "others":
            return (("note", f"{indent}others"),)
    return (("text", indent), *_name("name", row.label))


def _name(role: Role, key: bytes) -> Cell:
    """Return the name of a key, of a very long one the beginning: names may have as many bytes as values."""
    left = len(key) - _LONGEST
    if left <= 0:
        return ((role, key or '""'),)
    return noted(((role, key[:_LONGEST]),), f"… {left:,} more bytes")


def _text(said: str) -> Cell:
    return (("integer", said),)


def _rounded(number: float, error: float) -> int:
    """Return a number without the digits that its error makes worthless."""
    if not error or number < 1:
        return round(number)
    unit: int = 10 ** max(0, math.floor(math.log10(number)) - 2)
    return round(number / unit) * unit


def _error(error: float | None, number: float | None) -> Cell:
    """Return an error in percent."""
    if error is None or not number:
        return ()
    share = 100 * error / number
    if 0 < share < 0.1:
        return (("note", "<0.1%"),)
    return (("note", f"{share:.2g}%" if 0 < share < 10 else f"{share:.0f}%"),)


def _percent(share: float | None) -> Cell:
    if share is None:
        return ()
    percent = 100 * share
    if 0 < percent < 1:
        return (("text", "<1%"),)
    return (("text", f"{min(percent, 99):.0f}%" if share < 1 else "100%"),)


def _biggest(row: Row) -> Cell:
    if row.biggest is None or row.biggest_memory is None:
        return ()
    return (*_name("text", row.biggest), ("note", f"  {size(row.biggest_memory)}"))
