"""SLOWLOG GET and COMMANDLOG GET: how long or how large, when and by whom, below it the command.

It stands there as it would be typed.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final, NamedTuple

from pyredis.types import Reply
from pyredis_cli.render.blocks import Block, Cell, Column, Grid, Section
from pyredis_cli.render.layout import Piece
from pyredis_cli.render.look import Look
from pyredis_cli.render.units import duration
from pyredis_cli.render.views.cells import bare, joined, noted
from pyredis_cli.render.views.meanings import sized, timed
from pyredis_cli.render.views.reading import Asked, Unexpected, integer, items, text

__all__ = ["view"]

# Below this there is no room for columns.
_NARROW: Final = 90


class _Unit(NamedTuple):
    """What the third number of an entry is, and what it means."""

    name: str
    mean: Callable[[int], str]


_MICROSECONDS: Final = _Unit("usec", lambda found: duration(found / 1e6))
_BYTES: Final = _Unit("bytes", sized)


class _Entry(NamedTuple):
    id: Reply
    time: Reply
    number: Reply
    argv: Sequence[Reply]
    client: Sequence[Reply]
    """Address and name, since Redis 4."""


def view(reply: Reply, asked: Asked) -> Sequence[Block] | None:
    """Return two rows for each entry, the newest first as the server has them."""
    entries = [_entry(item) for item in items(reply)]
    if not entries:
        return None
    look, unit = asked.look, _unit(asked.argv)
    if look.width < _NARROW:
        return [Section(_told(entry, unit, look), [_below(entry)]) for entry in entries]
    columns = (
        Column("id", right=True),
        Column(unit.name, right=True),
        Column(right=True),
        Column("time"),
        Column("client", words=True),
    )
    rows = [row for entry in entries for row in (_cells(entry, unit, look), ((), _command(entry)))]
    return [Grid(columns, rows)]


def _unit(argv: Sequence[bytes]) -> _Unit:
    """Return bytes when the log of large requests or replies was asked for."""
    return _BYTES if argv and argv[-1].lower().startswith(b"large-") else _MICROSECONDS


def _entry(item: Reply) -> _Entry:
    match items(item):
        case [identity, time, number, list() as argv, *client] if len(client) in (0, 2):
            for found in (identity, time, number):
                if abs(integer(found)) >= 2**63:
                    raise Unexpected("no server counts that far")
            for found in (*items(argv), *client):
                text(found)
            return _Entry(identity, time, number, items(argv), client)
    raise Unexpected("this is no entry")


def _cells(entry: _Entry, unit: _Unit, look: Look) -> Sequence[Cell]:
    note = unit.mean(integer(entry.number))
    return bare(entry.id), bare(entry.number), (("note", note),), timed(entry.time, look), _client(entry)


def _told(entry: _Entry, unit: _Unit, look: Look) -> Cell:
    """Return what is known about an entry in one line: who it was has one of its own."""
    note = unit.mean(integer(entry.number))
    return (
        ("label", "id "),
        *bare(entry.id),
        ("label", f"  {unit.name} "),
        *noted(bare(entry.number), note),
        ("break", "  "),
        *timed(entry.time, look),
    )


def _client(entry: _Entry) -> Cell:
    return joined((bare(said) for said in entry.client if said), ("break", "  "))


def _below(entry: _Entry) -> Grid:
    """Return the client, and below it the command, which is folded where it has to be."""
    rows = [(cell,) for cell in (_client(entry), _command(entry)) if cell]
    return Grid((Column(words=True),), rows)


def _command(entry: _Entry) -> Cell:
    return joined(((_typed(word),) for word in entry.argv), ("break", " "))


def _typed(word: Reply) -> Piece:
    """Return a word as it would be typed, in quotes only where it needs them."""
    found = word if isinstance(word, bytes) else text(word).encode("utf-8", "surrogateescape")
    plain = found.isascii() and found.decode("ascii").isprintable() and not set(found) & set(b" \"'\\")
    return ("text", found) if plain and found else ("string", found)
