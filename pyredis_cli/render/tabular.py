"""Replies as rows of cells: which columns they have, and CSV, TSV, Markdown and lines of JSON made of them.

A map has the columns ``key`` and ``value``, a list of maps the keys of all of them, a list of lists of one length
as many columns without names; any other list has one, and so has a scalar. What is nested in a cell is JSON.
A message that came unasked is one row. It knows replies, and no command.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from typing import Final, NamedTuple, cast

from pyredis.exceptions import ReplyError
from pyredis.types import Attributed, Map, Push, Reply
from pyredis_cli.render.escape import printable
from pyredis_cli.render.layout import Part, digits, double, message, pairs
from pyredis_cli.render.machine import json_parts, json_text
from pyredis_cli.render.notation import BASE64, Notation
from pyredis_cli.render.portions import LONG, slices

__all__ = ["Table", "csv_parts", "markdown_parts", "ndjson_parts", "table", "tsv_parts"]

# Maps that have little in common, for which every row would be mostly empty, are no table.
_MOST_COLUMNS: Final = 200

_CSV_SPECIAL: Final = re.compile(rb'[",\r\n]')
_TSV_ESCAPES: Final = {b"\\": rb"\\", b"\t": rb"\t", b"\n": rb"\n", b"\r": rb"\r"}
_TSV_SPECIAL: Final = re.compile(rb"[\\\t\n\r]")
_MARKDOWN_SPECIAL: Final = r"\`*_[]<>&|~$"  # the backslash first, which the others are escaped with


class Table(NamedTuple):
    """A reply as rows; ``header`` is empty where the columns have no names."""

    header: Sequence[bytes]
    width: int
    rows: Iterator[Sequence[Reply]]


def table(reply: Reply) -> Table:
    """Return the rows of a reply; they are made when they are asked for."""
    reply = _bare(reply)
    match reply:
        case Push():
            return Table((), len(reply), iter([reply] if reply else []))
        case Map() | dict():
            return Table((b"key", b"value"), 2, iter(pairs(reply)))
        case list():
            return _listed(cast("list[Reply]", reply))
    return Table((), 1, iter([(reply,)]))


def ndjson_parts(reply: Reply, notation: Notation = BASE64) -> Iterator[Part]:
    """Yield a line of JSON for each element; a pair of a map is ``{"key":...,"value":...}``."""
    for record in _records(reply):
        yield from json_parts(record, notation)


def csv_parts(reply: Reply, notation: Notation | None = None, null: bytes = b"") -> Iterator[Part]:
    """Yield the rows as RFC 4180 has them, line ends and all; bytes as they are, where there is no notation.

    Nil is ``null`` without quotes, which no value is: an empty one is ``""``. Alone in its row, nil must be that
    as well, for an empty line is no row.
    """
    columns = table(reply)
    nil = null if null or columns.width != 1 else b'""'

    def field(value: bytes) -> bytes:
        if value != null and not _CSV_SPECIAL.search(value):
            return value if value else b'""'
        return b'"%b"' % value.replace(b'"', b'""')

    def long(value: bytes) -> Iterator[bytes]:
        quotes = b'"' if _CSV_SPECIAL.search(value) else b""
        yield quotes
        for piece in slices(value):
            yield piece.replace(b'"', b'""')
        yield quotes

    return _lines(columns, notation, _Line(b"", b",", b"\r\n", nil, field, long))


def tsv_parts(reply: Reply, notation: Notation | None = None, null: bytes = rb"\N") -> Iterator[Part]:
    r"""Yield the rows with tabs between cells, in which ``\t``, ``\n``, ``\r`` and ``\\`` are what they say."""

    def field(value: bytes) -> bytes:
        return _TSV_SPECIAL.sub(lambda found: _TSV_ESCAPES[found[0]], value)

    return _lines(table(reply), notation, _Line(b"", b"\t", b"\n", null, field, _by_slices(field)))


def markdown_parts(reply: Reply, notation: Notation | None = None, null: bytes = b"") -> Iterator[Part]:
    """Yield a table of Markdown that shows the text of each cell, and a blank line; what is no text is escaped."""

    def field(value: bytes) -> bytes:
        shown = printable(value, keep_newlines=True)
        for character in _MARKDOWN_SPECIAL:
            shown = shown.replace(character, f"\\{character}")
        return shown.replace("\n", "<br>").replace("\t", "&#9;").encode()

    columns = table(reply)
    line = _Line(b"| ", b" | ", b" |\n", field(null), field, _by_slices(field))
    lines = _lines(columns._replace(header=columns.header or [b""] * columns.width), notation, line)
    yield next(lines)
    yield b"|%b\n" % (b" --- |" * columns.width), 0
    yield from lines
    yield b"\n", 0


class _Line(NamedTuple):
    """How a format writes a row: what stands around the cells, what nil is, and how a cell is written.

    ``long`` writes one of more than 64 KiB, part after part.
    """

    start: bytes
    between: bytes
    end: bytes
    nil: bytes
    field: Callable[[bytes], bytes]
    long: Callable[[bytes], Iterator[bytes]]

    def parts(self, cells: Sequence[bytes | None]) -> Iterator[bytes]:
        """Yield the line of a row: as one, unless a cell is long."""
        if any(len(cell) > LONG for cell in cells if cell):
            yield from self._long_parts(cells)
        else:
            fields = [self.nil if cell is None else self.field(cell) for cell in cells]
            yield self.start + self.between.join(fields) + self.end

    def _long_parts(self, cells: Sequence[bytes | None]) -> Iterator[bytes]:
        start = self.start
        for cell in cells:
            yield start
            if cell is None or len(cell) <= LONG:
                yield self.nil if cell is None else self.field(cell)
            else:
                yield from self.long(cell)
            start = self.between
        yield self.end


def _by_slices(field: Callable[[bytes], bytes]) -> Callable[[bytes], Iterator[bytes]]:
    return lambda value: map(field, slices(value))


def _lines(columns: Table, notation: Notation | None, line: _Line) -> Iterator[Part]:
    if columns.header:
        yield b"".join(line.parts([_text(name, notation) for name in columns.header])), 0
    for row in columns.rows:
        for part in line.parts([_cell(value, notation) for value in row]):
            yield part, 0


def _records(reply: Reply) -> Iterator[Reply]:
    reply = _bare(reply)
    match reply:
        case Push():
            yield reply
        case Map() | dict():
            for key, value in pairs(reply):
                yield Map([(b"key", key), (b"value", value)])
        case list():
            yield from cast("list[Reply]", reply)
        case _:
            yield reply


# -- columns


def _listed(items: list[Reply]) -> Table:
    if names := _names(items):
        return Table(names, len(names), (_by_name(item, names) for item in items))
    if width := _width(items):
        return Table((), width, (cast("list[Reply]", _bare(item)) for item in items))
    return Table((), 1, ((item,) for item in items))


def _names(items: Sequence[Reply]) -> tuple[bytes, ...]:
    """Return the keys of maps in the order they come; none when an item is no map with names for keys."""
    names: dict[bytes, None] = {}
    for item in items:
        item = _bare(item)
        if not isinstance(item, Map | dict):
            return ()
        own = [
            key.encode("utf-8", "surrogateescape") if isinstance(key, str) else key for key, _ in pairs(item)
        ]
        texts = {key: None for key in own if isinstance(key, bytes)}
        names |= texts
        if len(texts) != len(item) or len(names) > _MOST_COLUMNS:
            return ()
    return tuple(names)


def _by_name(item: Reply, names: Sequence[bytes]) -> Sequence[Reply]:
    values = {
        key.encode("utf-8", "surrogateescape") if isinstance(key, str) else key: value
        for key, value in pairs(cast("Map", _bare(item)))
    }
    return [values.get(name) for name in names]


def _width(items: Sequence[Reply]) -> int:
    """Return how many elements each of the items has, 0 when they are no lists of one length."""
    width = 0
    for item in items:
        item = _bare(item)
        if not isinstance(item, list) or isinstance(item, Map) or not item:
            return 0
        if width and len(item) != width:
            return 0
        width = len(item)
    return width


def _bare(reply: Reply) -> Reply:
    while isinstance(reply, Attributed):
        reply = reply.reply
    return reply


# -- cells


def _cell(reply: Reply, notation: Notation | None) -> bytes | None:
    reply = _bare(reply)
    match reply:
        case None:
            return None
        case bytes():
            return _text(reply, notation)
        case str():
            return _text(reply.encode("utf-8", "surrogateescape"), notation)
        case bool():
            return b"true" if reply else b"false"
        case int():
            return digits(reply).encode()
        case float():
            return double(reply).encode()
        case ReplyError():
            return _text(message(reply), notation)
    return json_text(reply, notation or BASE64).removesuffix(b"\n")


def _text(value: bytes, notation: Notation | None) -> bytes:
    return value if notation is None else notation.name(value).encode()
