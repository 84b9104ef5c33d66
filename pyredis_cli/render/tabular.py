"""Replies as rows of cells: which columns each shape has, and CSV, TSV, Markdown and lines of JSON made of them.

Pairs have the columns ``key`` and ``value``, scores ``member`` and ``score``, entries of a stream ``id`` and
their fields, rows the names that all of them have. A list of lists of one length has as many columns without
names; any other list has one, and so has a scalar. What belongs to all rows, such as the cursor of a page, is the
first cell of each, and of a row of its own when there are no others. What is nested in a cell is JSON. A message
that came unasked is one row. It knows shapes, and no command.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import chain
from typing import Final, NamedTuple, cast

from pyredis.exceptions import ReplyError
from pyredis.types import Map, Push, Reply
from pyredis_cli.render.escape import printable
from pyredis_cli.render.layout import Part, digits, double, message, pairs
from pyredis_cli.render.machine import json_parts, json_text
from pyredis_cli.render.notation import BASE64, Notation
from pyredis_cli.render.portions import LONG, slices
from pyredis_cli.render.shapes import (
    Entries,
    Error,
    Found,
    Items,
    Page,
    Pairs,
    Positions,
    Row,
    Rows,
    Scalar,
    Scores,
    Sections,
    Shape,
    Streams,
    Text,
    Tree,
    bare,
)

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


def table(found: Shape) -> Table:
    """Return the rows of a reply; they are made when they are asked for."""
    match found:
        case Pairs(turns):
            return Table((b"key", b"value"), 2, iter(turns))
        case Scores(turns):
            return Table((b"member", b"score"), 2, iter(turns))
        case Sections(sections):
            fields = ((section, *pair) for section, pairs in sections for pair in pairs)
            return Table((b"section", b"field", b"value"), 3, fields)
        case Positions(positions):
            places = ((member, *(where or (None, None))) for member, where in positions)
            return Table((b"member", b"longitude", b"latitude"), 3, places)
        case Entries() | Streams():
            return _with_fields(_entries(found))
        case Found():
            return _with_fields(_hits(found))
        case Page():
            return _page(found)
        case Rows(rows):
            return _named(rows)
        case Text(_, parsed) if parsed is not None:
            return table(parsed)
    return _of_wire(_reply(found))


def ndjson_parts(found: Shape, notation: Notation = BASE64) -> Iterator[Part]:
    """Yield a line of JSON for each element; one that has columns is an object.

    The columns are those of the table, but that fields stay together in one, whatever the entries have.
    """
    for record in _records(found):
        yield from json_parts(record, notation)


def csv_parts(found: Shape, notation: Notation | None = None, null: bytes = b"") -> Iterator[Part]:
    """Yield the rows as RFC 4180 has them, line ends and all; bytes as they are, where there is no notation.

    Nil is ``null`` without quotes, which no value is: an empty one is ``""``. Alone in its row, nil must be that
    as well, for an empty line is no row; so must a ``null`` be quoted that would be more than a cell.
    """
    columns = table(found)

    def quoted(value: bytes) -> bytes:
        return b'"%b"' % value.replace(b'"', b'""')

    def field(value: bytes) -> bytes:
        if value != null and not _CSV_SPECIAL.search(value):
            return value if value else b'""'
        return quoted(value)

    nil = quoted(null) if _CSV_SPECIAL.search(null) or (not null and columns.width == 1) else null

    def long(value: bytes) -> Iterator[bytes]:
        quotes = b'"' if _CSV_SPECIAL.search(value) else b""
        yield quotes
        for piece in slices(value):
            yield piece.replace(b'"', b'""')
        yield quotes

    return _lines(columns, notation, _Line(b"", b",", b"\r\n", nil, field, long))


def tsv_parts(found: Shape, notation: Notation | None = None, null: bytes = rb"\N") -> Iterator[Part]:
    r"""Yield the rows with tabs between cells, in which ``\t``, ``\n``, ``\r`` and ``\\`` are what they say.

    Nil is ``null`` with its backslashes, which no value has: they are those of the default, ``\N``.
    """

    def field(value: bytes) -> bytes:
        return _TSV_SPECIAL.sub(lambda match: _TSV_ESCAPES[match[0]], value)

    nil = b"\\".join(map(field, null.split(b"\\")))
    return _lines(table(found), notation, _Line(b"", b"\t", b"\n", nil, field, _by_slices(field)))


def markdown_parts(found: Shape, notation: Notation | None = None, null: bytes = b"") -> Iterator[Part]:
    """Yield a table of Markdown that shows the text of each cell, and a blank line; what is no text is escaped."""

    def field(value: bytes) -> bytes:
        shown = printable(value, keep_newlines=True)
        for character in _MARKDOWN_SPECIAL:
            shown = shown.replace(character, f"\\{character}")
        return shown.replace("\n", "<br>").replace("\t", "&#9;").encode()

    columns = table(found)
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


def _records(found: Shape) -> Iterator[Reply]:
    match found:
        case Rows(rows):
            return (Map(row) for row in rows)
        case Sections(sections):
            return (Map([(b"section", name), (b"fields", Map(pairs))]) for name, pairs in sections)
        case Entries() | Streams():
            return _objects(_entries(found))
        case Found():
            return _objects(_hits(found))
        case Page():
            return _of_page(found)
        case Pairs() | Scores() | Positions():
            columns = table(found)
            return (Map(zip(columns.header, row, strict=True)) for row in columns.rows)
        case Text(_, parsed) if parsed is not None:
            return _records(parsed)
    return _elements(_reply(found))


def _elements(reply: Reply) -> Iterator[Reply]:
    """Yield what has a line of its own where nothing has a name."""
    reply = bare(reply)
    match reply:
        case Map() | dict():
            return (Map([(b"key", key), (b"value", value)]) for key, value in pairs(reply))
        case list() if not isinstance(reply, Push):
            return iter(cast("list[Reply]", reply))
    return iter([reply])


def _reply(found: Shape) -> Reply:
    """Return what the wire said, of which nothing more is known."""
    match found:
        case Scalar(reply) | Tree(reply) | Text(reply):
            return reply
        case Error(error):
            return error
        case Items(items):
            return cast("list[Reply]", items)
    raise TypeError(f"{type(found).__name__} has columns")


# -- columns of a list


def _of_wire(reply: Reply) -> Table:
    reply = bare(reply)
    match reply:
        case Push():
            return Table((), len(reply), iter([reply] if reply else []))
        case Map() | dict():
            return Table((b"key", b"value"), 2, iter(pairs(reply)))
        case list():
            return _listed(cast("list[Reply]", reply))
    return Table((), 1, iter([(reply,)]))


def _listed(items: list[Reply]) -> Table:
    if items and all(isinstance(bare(item), Map | dict) for item in items):
        return _named([tuple(pairs(cast("Map", bare(item)))) for item in items])
    if width := _width(items):
        return Table((), width, (cast("list[Reply]", bare(item)) for item in items))
    return Table((), 1, ((item,) for item in items))


def _named(rows: Sequence[Row]) -> Table:
    if names := _names(rows):
        return Table(names, len(names), (_by_name(row, names) for row in rows))
    return Table((), 1, ((Map(row),) for row in rows))


def _names(rows: Iterable[Row]) -> tuple[bytes, ...]:
    """Return the names in the order they come; none when a row has one twice, or one that is no string."""
    names: dict[bytes, None] = {}
    for row in rows:
        own = {_encoded(name): None for name, _ in row if isinstance(name, bytes | str)}
        names |= own
        if len(own) != len(row) or len(names) > _MOST_COLUMNS:
            return ()
    return tuple(names)


def _by_name(row: Row, names: Sequence[bytes]) -> Sequence[Reply]:
    values = {_encoded(cast("bytes", name)): value for name, value in row}
    return [values.get(name) for name in names]


def _width(items: Sequence[Reply]) -> int:
    """Return how many elements each of the items has, 0 when they are no lists of one length."""
    width = 0
    for item in items:
        item = bare(item)
        if not isinstance(item, list) or isinstance(item, Map) or not item:
            return 0
        if width and len(item) != width:
            return 0
        width = len(item)
    return width


# -- columns of what has fields


class _Entry(NamedTuple):
    """The cells that every row of its table has, and fields, which others may lack; None: it has none to show."""

    cells: Sequence[Reply]
    fields: Row | None


class _Together(NamedTuple):
    """Entries, and the names of their cells. ``entries`` may be walked through more than once.

    ``bare``: none of them has fields, for none were asked for.
    """

    header: Sequence[bytes]
    entries: Callable[[], Iterator[_Entry]]
    bare: bool = False


def _entries(found: Entries | Streams) -> _Together:
    if isinstance(found, Entries):
        return _Together(
            (b"id",), lambda: (_Entry((entry.id,), _fields(entry.fields)) for entry in found.entries)
        )
    return _Together(
        (b"key", b"id"),
        lambda: (
            _Entry((key, entry.id), _fields(entry.fields))
            for key, entries in found.streams
            for entry in entries.entries
        ),
    )


def _fields(fields: Pairs | None) -> Row | None:
    return None if fields is None else fields.pairs


def _with_fields(together: _Together) -> Table:
    header, entries, without = together
    if without:
        return Table(header, len(header), (cells for cells, _ in entries()))
    if names := _shared(together):
        rows = ((*cells, *_by_name(fields or (), names)) for cells, fields in entries())
        return Table((*header, *names), len(header) + len(names), rows)
    rows = ((*cells, _object(fields)) for cells, fields in entries())
    return Table((*header, b"fields"), len(header) + 1, rows)


def _shared(together: _Together) -> tuple[bytes, ...]:
    """Return the names of fields that are columns: those that fill at least half of the cells in them."""
    count = filled = 0

    def counted() -> Iterator[Row]:
        nonlocal count, filled
        for _, fields in together.entries():
            if fields is not None:
                count += 1
                filled += len(fields)
                yield fields

    names = _names(counted())
    taken = {*together.header, b"fields"}
    return names if count * len(names) <= 2 * filled and taken.isdisjoint(names) else ()


def _object(fields: Row | None) -> Reply:
    """Return the fields as one value: a map, unless a name is there twice, of which readers of JSON drop one."""
    if fields is None:
        return None
    return Map(fields) if not fields or _names([fields]) else list(chain.from_iterable(fields))


def _objects(together: _Together) -> Iterator[Reply]:
    header, entries, without = together
    for cells, fields in entries():
        own = () if without else ((b"fields", _object(fields)),)
        yield Map([*zip(header, cells, strict=True), *own])


def _hits(found: Found) -> _Together:
    """Return the hits; what belongs to all of them is in the first cells of each, or stands alone."""
    names = tuple({_encoded(cast("bytes", name)): None for hit in found.hits for name, _ in hit.cells})
    lead = [(_encoded(cast("bytes", name)), value) for name, value in (("total", found.total), *found.rest)]
    header = (*(name for name, _ in lead), *names)
    cells = tuple(value for _, value in lead)

    def entries() -> Iterator[_Entry]:
        if not found.hits:
            yield _Entry(cells, None)
        for hit in found.hits:
            yield _Entry((*cells, *_by_name(hit.cells, names)), _fields(hit.fields))

    return _Together(header, entries, all(hit.fields is None for hit in found.hits))


# -- pages


def _page(page: Page) -> Table:
    """Return the items behind the cells that belong to all of them; they stand alone when there are no items."""
    lead = _lead(page)
    columns = table(page.items)
    if columns.width == 1 and not columns.header:
        columns = columns._replace(header=(b"item",))
    elif not columns.header:
        columns = Table((b"item",), 1, ((item,) for item in _elements(_reply(page.items))))
    nothing = [None] * columns.width
    first = next(columns.rows, nothing)
    rows = ((*lead.values(), *row) for row in chain([first], columns.rows))
    return Table((*lead, *columns.header), len(lead) + columns.width, rows)


def _of_page(page: Page) -> Iterator[Reply]:
    lead = tuple(_lead(page).items())
    named = bool(table(page.items).header)
    alone = True
    for record in _records(page.items):
        alone = False
        own = cast("Row", record) if named else ((b"item", record),)
        yield Map([*lead, *own])
    if alone:
        yield Map(lead)


def _lead(page: Page) -> dict[bytes, Reply]:
    # Without a name it is the number of the part, from 1: the cursor and the items have theirs.
    numbers = (str(number) for number in range(len(page.names) + 3, len(page.rest) + 3))
    named = zip(chain(page.names, numbers), page.rest, strict=False)
    return {b"cursor": page.cursor, **{name.encode(): value for name, value in named}}


# -- cells


def _cell(reply: Reply, notation: Notation | None) -> bytes | None:
    reply = bare(reply)
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


def _encoded(name: bytes | str) -> bytes:
    return name.encode("utf-8", "surrogateescape") if isinstance(name, str) else name


def _text(value: bytes, notation: Notation | None) -> bytes:
    return value if notation is None else notation.name(value).encode()
