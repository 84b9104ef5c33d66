"""INFO: what is wrong, its sections side by side, and what is alike in tables.

What large numbers mean stands beside them, except where the server says so itself in a field ``..._human``.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import cast

from pyredis.types import Reply
from pyredis_cli.render.blocks import Beside, Block, Cell, Column, Facts, Grid, Line, Section
from pyredis_cli.render.look import Look
from pyredis_cli.render.texts import structured
from pyredis_cli.render.views.cells import bare, label
from pyredis_cli.render.views.info_tables import (
    WIDE,
    Fields,
    Name,
    Told,
    all_in_tables,
    inline,
    table_of,
    tables,
    trouble_of,
)
from pyredis_cli.render.views.meanings import meaning
from pyredis_cli.render.views.reading import Asked, Unexpected
from pyredis_cli.render.views.troubles import troubles

__all__ = ["view"]


def view(reply: Reply, asked: Asked) -> Sequence[Block]:
    """Return the sections of INFO."""
    read = structured(reply, "info")
    if not isinstance(read, dict) or not read:
        raise Unexpected("this is no INFO")
    sections = {cast("Name", name): _of_section(found) for name, found in read.items()}
    told = _told(sections.values(), asked.look)
    beside = [_facts(name, fields, told) for name, fields in sections.items() if not all_in_tables(fields)]
    below = [table for name, fields in sections.items() for table in tables(name, fields, told)]
    blocks = [*_alarms(told), *([Beside(beside)] if beside else []), *below]
    return [part for block in blocks for part in (Line(), block)][1:]


def _of_section(found: Reply) -> Fields:
    if not isinstance(found, dict):
        raise Unexpected("this is no section")
    return cast("Fields", found)


def _told(sections: Iterable[Fields], look: Look) -> Told:
    fields = {name: found for section in sections for name, found in section.items() if isinstance(name, str)}
    clock = fields.get("server_time_usec")
    now = clock / 1e6 if isinstance(clock, int) else look.now
    return Told(fields, troubles(fields), now, look.width >= WIDE)


# -- facts


def _alarms(told: Told) -> Sequence[Block]:
    """Return what is wrong, which somebody on call should not have to look for."""
    rows: list[Sequence[Cell]] = [
        (label(name), bare(told.fields[name]), (("warning", words),)) for name, words in told.wrong.items()
    ]
    for name, found in told.fields.items():
        if isinstance(found, dict) and table_of(name, found) and (words := trouble_of(found)):
            rows.append((label(name), inline(found), (("warning", words),)))
    columns = (Column(), Column(words=True), Column(words=True))
    return [Section((("warning", "Warnings"),), [Grid(columns, rows)])] if rows else []


def _facts(name: Name, fields: Fields, told: Told) -> Facts:
    facts = [(label(key), _value(key, said, told)) for key, said in fields.items() if not table_of(key, said)]
    return Facts(facts or [((("note", "(nothing)"),), ())], (("heading", name),))


def _value(name: Name, found: Reply, told: Told) -> Cell:
    cell = inline(found)
    if not isinstance(name, str):
        return cell
    if words := told.wrong.get(name):
        return (*cell, ("warning", f"  {words}"))
    note = _derived(name, told) or meaning(name, found, told.now)
    # The twin of a size is the note.
    return cell if not note or f"{name}_human" in told.fields else (*cell, ("note", f"  {note}"))


def _derived(name: str, told: Told) -> str:
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
