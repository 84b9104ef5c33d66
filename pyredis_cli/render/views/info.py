"""INFO: what is wrong, its sections side by side, and what is alike in tables.

What large numbers mean stands beside them, except where the server says so itself in a field ``..._human``.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Final, NamedTuple, TypeAlias, cast

from pyredis.types import Reply
from pyredis_cli.render.blocks import Beside, Block, Cell, Column, Fact, Facts, Grid, Line, Section
from pyredis_cli.render.layout import Piece
from pyredis_cli.render.units import duration
from pyredis_cli.render.views.cells import bare, label
from pyredis_cli.render.views.meanings import counted, meaning, millis, sized
from pyredis_cli.render.views.reading import Asked, Unexpected, integer
from pyredis_cli.render.views.troubles import trouble_of_row, troubles

__all__ = ["view"]

_Name: TypeAlias = str | bytes
_Fields: TypeAlias = Mapping[_Name, Reply]

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


class _Row(NamedTuple):
    name: _Name
    fields: _Fields


class _Told(NamedTuple):
    """What is known about all of INFO: every field, what is wrong, the time of the server."""

    fields: Mapping[str, Reply]
    wrong: Mapping[str, str]
    now: float | None


def view(reply: Reply, asked: Asked) -> Sequence[Block]:
    """Return the sections of INFO."""
    from pyredis_cli.render.texts import structured

    read = structured(reply, "info")
    if not isinstance(read, dict) or not read:
        raise Unexpected("this is no INFO")
    sections = {cast("_Name", name): _of_section(found) for name, found in read.items()}
    told = _told(sections.values(), asked.look.now)
    beside = [_facts(name, fields, told) for name, fields in sections.items() if not _all_in_tables(fields)]
    tables = [table for name, fields in sections.items() for table in _tables(name, fields, told)]
    blocks = [*_alarms(told), *([Beside(beside)] if beside else []), *tables]
    return [part for block in blocks for part in (Line(), block)][1:]


def _of_section(found: Reply) -> _Fields:
    if not isinstance(found, dict):
        raise Unexpected("this is no section")
    return cast("_Fields", found)


def _told(sections: Sequence[_Fields] | object, now: float | None) -> _Told:
    fields = {
        name: found
        for section in cast("Sequence[_Fields]", sections)
        for name, found in section.items()
        if isinstance(name, str)
    }
    clock = fields.get("server_time_usec")
    return _Told(fields, troubles(fields), clock / 1e6 if isinstance(clock, int) else now)


# -- facts


def _alarms(told: _Told) -> Sequence[Block]:
    """Return what is wrong, which somebody on call should not have to look for."""
    facts: list[Fact] = [
        (label(name), (*bare(told.fields[name]), ("warning", f"  {words}")))
        for name, words in told.wrong.items()
    ]
    for name, found in told.fields.items():
        if isinstance(found, dict) and _table_of(name, found) and (words := _row_trouble(found)):
            facts.append((label(name), (*_inline(found), ("warning", f"  {words}"))))
    return [Facts(facts, (("warning", "Warnings"),))] if facts else []


def _row_trouble(found: Reply) -> str:
    return trouble_of_row(cast("Mapping[str, Reply]", found))


def _facts(name: _Name, fields: _Fields, told: _Told) -> Facts:
    facts = [
        (label(key), _value(key, said, told)) for key, said in fields.items() if not _table_of(key, said)
    ]
    return Facts(facts or [((("note", "(nothing)"),), ())], (("heading", name),))


def _value(name: _Name, found: Reply, told: _Told) -> Cell:
    cell = _inline(found)
    if not isinstance(name, str):
        return cell
    if words := told.wrong.get(name):
        return (*cell, ("warning", f"  {words}"))
    note = _derived(name, told) or meaning(name, found, told.now)
    # The twin of a size is the note.
    return cell if not note or f"{name}_human" in told.fields else (*cell, ("note", f"  {note}"))


def _derived(name: str, told: _Told) -> str:
    """Return what two fields say together."""
    match name:
        case "keyspace_hits":
            hits, misses = told.fields[name], told.fields.get("keyspace_misses")
            if isinstance(hits, int) and isinstance(misses, int) and hits + misses:
                return f"{hits / (hits + misses):.1%} of lookups"
        case "maxmemory_human" if told.fields.get("maxmemory") == 0:
            return "no limit"
        case "maxmemory_human":
            used, most = told.fields.get("used_memory"), told.fields.get("maxmemory")
            if isinstance(used, int) and isinstance(most, int):
                return f"{used / most:.0%} used"
    return ""


def _inline(found: Reply) -> Cell:
    """Return a value; one of several parts as name and value in turns, without brackets."""
    if not isinstance(found, dict) or not found:
        return bare(found)
    cell: list[Piece] = []
    for name, said in found.items():
        cell += [("arrow", ", ")] if cell else []
        cell += [("label", cast("_Name", name)), ("arrow", ": "), *bare(said)]
    return cell


# -- tables


def _table_of(name: _Name, found: Reply) -> str:
    """Return in which table a field is a row, "" when it is in none."""
    if not isinstance(name, str):
        return ""
    if name == "module":
        return name if isinstance(found, list) and found and all(map(_is_row, found)) else ""
    family = _FAMILIES.fullmatch(name)
    return family[1] or family[2] if family and _is_row(found) else ""


def _is_row(found: object) -> bool:
    return isinstance(found, dict) and bool(found) and all(isinstance(name, str) for name in found)


def _all_in_tables(fields: _Fields) -> bool:
    return bool(fields) and all(_table_of(name, found) for name, found in fields.items())


def _tables(section: _Name, fields: _Fields, told: _Told) -> Sequence[Block]:
    rows: dict[str, list[_Row]] = {}
    for name, found in fields.items():
        if table := _table_of(name, found):
            each = cast("Sequence[_Fields]", found if isinstance(found, list) else [found])
            rows.setdefault(table, []).extend(_Row(name, row) for row in each)
    return [Section((("heading", section),), [_table(table, row, told)]) for table, row in rows.items()]


def _table(table: str, rows: Sequence[_Row], told: _Told) -> Grid:
    names = list({name: None for row in rows for name in row.fields})
    extra, more = _EXTRAS.get(table, _no_extra)(rows, told)
    columns = [Column(_NAMES[table]), *(Column(name, right=_numbers(name, rows)) for name in names), *extra]

    def cells(row: _Row) -> Sequence[Cell]:
        said = [_cell(name, row.fields[name]) if name in row.fields else () for name in names]
        return [label(row.name), *said, *more(row)]

    return Grid(columns, rows, cells)


def _cell(name: _Name, found: Reply) -> Cell:
    if name in ("rejected_calls", "failed_calls") and isinstance(found, int) and found:
        return tuple(("warning", words) for _, words in bare(found))
    return _listed(cast("list[Reply]", found)) if isinstance(found, list) else bare(found)


def _listed(found: Sequence[Reply]) -> Cell:
    cell: list[Piece] = []
    for item in found:
        cell += [("arrow", ", ")] if cell else []
        cell += bare(item)
    return cell


def _numbers(name: _Name, rows: Sequence[_Row]) -> bool:
    return all(isinstance(row.fields.get(name, 0), int | float) for row in rows)


_More: TypeAlias = Callable[[_Row], Sequence[Cell]]
_Extra: TypeAlias = tuple[Sequence[Column], _More]


def _no_extra(rows: Sequence[_Row], told: _Told) -> _Extra:
    return (), lambda row: ()


def _share_of_time(rows: Sequence[_Row], told: _Told) -> _Extra:
    spent = [found for row in rows if isinstance(found := row.fields.get("usec"), int) and found > 0]
    total = sum(spent)

    def share(row: _Row) -> Sequence[Cell]:
        usec = row.fields.get("usec")
        known = isinstance(usec, int) and total
        return [(("note", f"{cast('int', usec) / total:.1%}"),) if known else ()]

    return [Column("of all time", right=True)], share


def _as_spans(rows: Sequence[_Row], told: _Told) -> _Extra:
    """Return percentiles as spans of time, where microseconds are so many that they are not easily read."""
    if not any(_large(value) for row in rows for value in row.fields.values()):
        return _no_extra(rows, told)

    def spans(row: _Row) -> Sequence[Cell]:
        found = [duration(value / 1e6) for value in row.fields.values() if isinstance(value, int | float)]
        return [(("note", ", ".join(found)),)] if any(map(_large, row.fields.values())) else [()]

    return [Column("that is")], spans


def _large(usec: Reply) -> bool:
    return isinstance(usec, int | float) and usec >= 1000


def _lifetimes(rows: Sequence[_Row], told: _Told) -> _Extra:
    def lifetime(row: _Row) -> Sequence[Cell]:
        keys, expires, ttl = (row.fields.get(name) for name in ("keys", "expires", "avg_ttl"))
        notes = []
        if isinstance(keys, int) and isinstance(expires, int) and keys > 0 < expires:
            notes.append(f"{expires / keys:.0%} expire")
        if isinstance(ttl, int) and (span := millis(ttl)):
            notes.append(f"in {span} on average")
        return [
            (("note", ", ".join([*filter(None, [counted(keys) if isinstance(keys, int) else ""]), *notes])),)
        ]

    return [Column(words=True)], lifetime


def _behind(rows: Sequence[_Row], told: _Told) -> _Extra:
    """Return how many bytes each replica is behind, and what is wrong with it."""

    def behind(row: _Row) -> Sequence[Cell]:
        try:
            lacks = integer(told.fields.get("master_repl_offset")) - integer(row.fields.get("offset"))
        except Unexpected:
            return [(), _wrong(row)]
        size = f"  {sized(lacks)}" if sized(lacks) else ""
        return [(("note", f"{lacks} bytes{size}"),), _wrong(row)]

    return [Column("behind"), Column(words=True)], behind


def _trouble(rows: Sequence[_Row], told: _Told) -> _Extra:
    return [Column()], lambda row: [_wrong(row)]


def _wrong(row: _Row) -> Cell:
    words = _row_trouble(cast("Reply", row.fields))
    return (("warning", words),) if words else ()


_EXTRAS: Final[Mapping[str, Callable[[Sequence[_Row], _Told], _Extra]]] = {
    "cmdstat_": _share_of_time,
    "latency_percentiles_usec_": _as_spans,
    "db": _lifetimes,
    "slave": _behind,
    "master": _trouble,
}
