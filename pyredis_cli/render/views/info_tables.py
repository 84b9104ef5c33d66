"""What is alike in INFO as tables: commands, errors, databases, replicas, threads, modules.

Columns are the server's own names; what they say together (a share of the time, how far a replica is behind) has
columns behind them.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Final, NamedTuple, TypeAlias, cast

from pyredis.types import Reply
from pyredis_cli.render.blocks import Block, Cell, Column, Grid, Line, Section
from pyredis_cli.render.units import duration
from pyredis_cli.render.views.cells import bare, joined, label
from pyredis_cli.render.views.meanings import counted, millis, sized
from pyredis_cli.render.views.modules import version
from pyredis_cli.render.views.reading import Unexpected, integer
from pyredis_cli.render.views.troubles import trouble_of_row

__all__ = ["WIDE", "Fields", "Name", "Told", "all_in_tables", "inline", "table_of", "tables", "trouble_of"]

Name: TypeAlias = str | bytes
Fields: TypeAlias = Mapping[Name, Reply]

# What servers number or name by command; each is a row of its table.
_FAMILIES: Final = re.compile(
    r"(cmdstat_|errorstat_|latency_percentiles_usec_).*|(db|slave|master|io_thread_)[0-9]+"
)
# What each row of those tables is.
_NAMES: Final = {
    "cmdstat_": "command",
    "errorstat_": "error",
    "latency_percentiles_usec_": "command",
    "db": "database",
    "slave": "replica",
    "master": "primary",
    "io_thread_": "thread",
    "module": "",
}

WIDE: Final = 100
"""From this width on there is room for each field of a command, and for what percentiles are."""

# What is 0 for nearly all commands.
_QUIET: Final = ("rejected_calls", "failed_calls")


class _Row(NamedTuple):
    name: Name
    fields: Fields


class Told(NamedTuple):
    """What is known about all of INFO: every field, what is wrong, the time of the server; how much room is."""

    fields: Mapping[str, Reply]
    wrong: Mapping[str, str]
    now: float | None
    wide: bool


def trouble_of(found: Reply) -> str:
    """Return what is wrong with a row, "" when nothing is."""
    return trouble_of_row(cast("Mapping[str, Reply]", found))


def inline(found: Reply) -> Cell:
    """Return a value; one of several parts as name and value in turns, without brackets."""
    if not isinstance(found, dict) or not found:
        return bare(found)
    return joined(
        ((("label", cast("Name", name)), ("arrow", ": "), *bare(said)) for name, said in found.items()),
        ("arrow", ", "),
    )


def table_of(name: Name, found: Reply) -> str:
    """Return in which table a field is a row, "" when it is in none."""
    if not isinstance(name, str):
        return ""
    if name == "module":
        return name if isinstance(found, list) and found and all(map(_is_row, found)) else ""
    family = _FAMILIES.fullmatch(name)
    return family[1] or family[2] if family and _is_row(found) else ""


def _is_row(found: object) -> bool:
    return isinstance(found, dict) and bool(found) and all(isinstance(name, str) for name in found)


def all_in_tables(fields: Fields) -> bool:
    """Whether nothing of a section stands outside of tables."""
    return bool(fields) and all(table_of(name, found) for name, found in fields.items())


def tables(section: Name, fields: Fields, told: Told) -> Sequence[Block]:
    """Return the tables of a section, each under its name."""
    rows: dict[str, list[_Row]] = {}
    for name, found in fields.items():
        if table := table_of(name, found):
            each = cast("Sequence[Fields]", found if isinstance(found, list) else [found])
            rows.setdefault(table, []).extend(_Row(name, row) for row in each)
    return [Section((("heading", section),), _table(table, row, told)) for table, row in rows.items()]


def _table(table: str, rows: Sequence[_Row], told: Told) -> Sequence[Block]:
    rows = _first_what_costs(table, rows)
    names = list({name: None for row in rows for name in row.fields})
    quiet = (
        []
        if told.wide
        else [name for name in names if name in _QUIET and all(name in row.fields for row in rows)]
    )
    names = [name for name in names if name not in quiet]
    extra, more = _EXTRAS.get(table, _no_extra)(rows, told)
    columns = [Column(_NAMES[table]), *(_column(name, rows) for name in names), *extra]
    columns += [Column(words=True)] if quiet else []

    def cells(row: _Row) -> Sequence[Cell]:
        said = [_cell(name, row.fields[name]) if name in row.fields else () for name in names]
        return [label(row.name), *said, *more(row), *([_loud(row, quiet)] if quiet else [])]

    grid = Grid(columns, rows, cells)
    return (
        [Line((("note", f"{' and '.join(map(str, quiet))} are 0 unless said otherwise"),)), grid]
        if quiet
        else [grid]
    )


def _first_what_costs(table: str, rows: Sequence[_Row]) -> Sequence[_Row]:
    """Return the rows with the largest first; servers have commands and errors in no order."""
    if table not in _COSTS:
        return rows

    def cost(row: _Row) -> float:
        found = row.fields.get(_COSTS[table])
        return found if isinstance(found, int | float) and found == found else 0

    return sorted(rows, key=cost, reverse=True)


# What a row of those tables costs, or how often it was.
_COSTS: Final = {"cmdstat_": "usec", "errorstat_": "count", "latency_percentiles_usec_": "p99"}


def _column(name: Name, rows: Sequence[_Row]) -> Column:
    return Column(
        name, right=_numbers(name, rows), words=any(isinstance(row.fields.get(name), list) for row in rows)
    )


def _loud(row: _Row, quiet: Sequence[Name]) -> Cell:
    """Return those of the fields that are not 0."""
    loud = [name for name in quiet if type(row.fields[name]) is not int or row.fields[name]]
    said = ((*label(name), ("text", " "), *_cell(name, row.fields[name])) for name in loud)
    return joined(said, ("arrow", ", "))


def _cell(name: Name, found: Reply) -> Cell:
    if name in ("rejected_calls", "failed_calls") and isinstance(found, int) and found:
        return tuple(("warning", words) for _, words in bare(found))
    return _listed(cast("list[Reply]", found)) if isinstance(found, list) else bare(found)


def _listed(found: Sequence[Reply]) -> Cell:
    return joined(map(bare, found), ("arrow", ", "))


def _numbers(name: Name, rows: Sequence[_Row]) -> bool:
    return all(isinstance(row.fields.get(name, 0), int | float) for row in rows)


_More: TypeAlias = Callable[[_Row], Sequence[Cell]]
_Extra: TypeAlias = tuple[Sequence[Column], _More]


def _no_extra(rows: Sequence[_Row], told: Told) -> _Extra:
    return (), lambda row: ()


def _share_of_time(rows: Sequence[_Row], told: Told) -> _Extra:
    spent = [found for row in rows if isinstance(found := row.fields.get("usec"), int) and found > 0]
    total = sum(spent)

    def share(row: _Row) -> Sequence[Cell]:
        usec = row.fields.get("usec")
        return [(("note", f"{usec / total:.1%}"),) if isinstance(usec, int) and total else ()]

    return [Column("of all time", right=True)], share


def _as_spans(rows: Sequence[_Row], told: Told) -> _Extra:
    """Return percentiles as spans of time, where microseconds are so many that they are not easily read."""
    if not told.wide or not any(_large(value) for row in rows for value in row.fields.values()):
        return _no_extra(rows, told)

    def spans(row: _Row) -> Sequence[Cell]:
        found = [duration(value / 1e6) for value in row.fields.values() if isinstance(value, int | float)]
        return [(("note", ", ".join(found)),)] if any(map(_large, row.fields.values())) else [()]

    return [Column("that is")], spans


def _large(usec: Reply) -> bool:
    return isinstance(usec, int | float) and usec >= 1000


def _lifetimes(rows: Sequence[_Row], told: Told) -> _Extra:
    def lifetime(row: _Row) -> Sequence[Cell]:
        keys, expires, ttl = (row.fields.get(name) for name in ("keys", "expires", "avg_ttl"))
        notes = [counted(keys)] if isinstance(keys, int) else []
        if isinstance(keys, int) and isinstance(expires, int) and keys > 0 < expires:
            notes.append(f"{expires / keys:.0%} expire")
        if isinstance(ttl, int) and (span := millis(ttl)):
            notes.append(f"in {span} on average")
        return [(("note", ", ".join(filter(None, notes))),)]

    return [Column(words=True)], lifetime


def _behind(rows: Sequence[_Row], told: Told) -> _Extra:
    """Return how many bytes each replica is behind, and what is wrong with it."""

    def behind(row: _Row) -> Sequence[Cell]:
        try:
            lacks = integer(told.fields.get("master_repl_offset")) - integer(row.fields.get("offset"))
        except Unexpected:
            return [(), _wrong(row)]
        size = f"  {sized(lacks)}" if sized(lacks) else ""
        return [(("note", f"{lacks} bytes{size}"),), _wrong(row)]

    return [Column("behind"), Column(words=True)], behind


def _versions(rows: Sequence[_Row], told: Told) -> _Extra:
    """Return the versions of modules as people write them, where there are such."""
    written = [version(ver) for row in rows if isinstance(ver := row.fields.get("ver"), int)]
    if len(written) < len(rows) or not any(written):
        return _no_extra(rows, told)
    return [Column("version")], lambda row: [(("note", version(cast("int", row.fields["ver"]))),)]


def _trouble(rows: Sequence[_Row], told: Told) -> _Extra:
    return [Column()], lambda row: [_wrong(row)]


def _wrong(row: _Row) -> Cell:
    words = trouble_of(cast("Reply", row.fields))
    return (("warning", words),) if words else ()


_EXTRAS: Final[Mapping[str, Callable[[Sequence[_Row], Told], _Extra]]] = {
    "cmdstat_": _share_of_time,
    "latency_percentiles_usec_": _as_spans,
    "db": _lifetimes,
    "slave": _behind,
    "master": _trouble,
    "module": _versions,
}
