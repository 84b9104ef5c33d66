"""SLOWLOG GET: how long, when and by whom on a line, and the command as it would be typed below it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

from pyredis.types import Reply
from pyredis_cli.render.blocks import Block, Cell, Column, Grid
from pyredis_cli.render.layout import Piece
from pyredis_cli.render.look import Look
from pyredis_cli.render.units import duration
from pyredis_cli.render.views.cells import bare
from pyredis_cli.render.views.meanings import timed
from pyredis_cli.render.views.reading import Asked, Unexpected, integer, items, text

__all__ = ["view"]

_COLUMNS: Final = (
    Column("id", right=True),
    Column("usec", right=True),
    Column(right=True),
    Column("time"),
    Column("client", words=True),
)
# Below this there is no room for columns.
_NARROW: Final = 90


class _Entry(NamedTuple):
    id: Reply
    time: Reply
    usec: Reply
    argv: Sequence[Reply]
    client: Sequence[Reply]
    """Address and name, since Redis 4."""


def view(reply: Reply, asked: Asked) -> Sequence[Block] | None:
    """Return two rows for each entry, the newest first as the server has them."""
    entries = [_entry(item) for item in items(reply)]
    if not entries:
        return None
    look = asked.look
    if look.width < _NARROW:
        rows = [row for entry in entries for row in ((_told(entry, look),), (_below(entry),))]
        return [Grid((Column(words=True),), rows)]
    return [
        Grid(_COLUMNS, [row for entry in entries for row in (_cells(entry, look), ((), _command(entry)))])
    ]


def _entry(item: Reply) -> _Entry:
    match items(item):
        case [identity, time, usec, list() as argv, *client] if len(client) in (0, 2):
            for found in (identity, time, usec):
                if abs(integer(found)) >= 2**63:
                    raise Unexpected("no server counts that far")
            for found in (*items(argv), *client):
                text(found)
            return _Entry(identity, time, usec, items(argv), client)
    raise Unexpected("this is no entry")


def _cells(entry: _Entry, look: Look) -> Sequence[Cell]:
    span = duration(integer(entry.usec) / 1e6)
    return bare(entry.id), bare(entry.usec), (("note", span),), timed(entry.time, look), _client(entry)


def _told(entry: _Entry, look: Look) -> Cell:
    """Return what is known about an entry in one line, that is folded where it has to be."""
    span = duration(integer(entry.usec) / 1e6)
    return (
        ("label", "id "),
        *bare(entry.id),
        ("label", "  usec "),
        *bare(entry.usec),
        ("note", f"  {span}  "),
        *timed(entry.time, look),
        ("break", "  "),
        *_client(entry),
    )


def _client(entry: _Entry) -> Cell:
    cell: list[Piece] = []
    for said in entry.client:
        if said:
            cell += [("break", "  ")] if cell else []
            cell += bare(said)
    return cell


def _below(entry: _Entry) -> Cell:
    return (("break", "  "), *_command(entry))


def _command(entry: _Entry) -> Cell:
    cell: list[Piece] = []
    for word in entry.argv:
        cell += [("break", " ")] if cell else []
        cell.append(_typed(word))
    return cell


def _typed(word: Reply) -> Piece:
    """Return a word as it would be typed, in quotes only where it needs them."""
    found = word if isinstance(word, bytes) else text(word).encode("utf-8", "surrogateescape")
    plain = found.isascii() and found.decode("ascii").isprintable() and not set(found) & set(b" \"'\\")
    return ("text", found) if plain and found else ("string", found)
