"""Keys and what is known of each as lines or records, in every format, as many at a time as there are.

Lines, for people and for ``cut``, have the key last, for there may be anything in it; records have it first. Pages
follow each other in one document, so each format has a beginning and an end. It knows no command.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Final, NamedTuple, TypeAlias, cast

from pyredis.types import Map, Reply
from pyredis_cli.render.notation import BASE64, NOTATIONS, QUOTED, Notation

if TYPE_CHECKING:
    from pyredis_cli.flags import Output
    from pyredis_cli.settings import Settings

__all__ = ["Column", "Form", "form"]


class Column(NamedTuple):
    """What is known of each key: its name, and how wide its values are where a person reads them, 0 for a word."""

    name: str
    width: int


_Columns: TypeAlias = Sequence[Sequence[Reply]]
"""For each column the values, strings or integers, one for each key."""


class Form(NamedTuple):
    """How a format writes a listing: what stands before the first key and behind the last, and some keys.

    ``page`` is given the keys, at least one, the values of the columns, and whether they are the first.
    """

    page: Callable[[Sequence[bytes], _Columns, bool], bytes]
    begin: bytes = b""
    end: bytes = b""
    nothing: bytes = b""
    """What a listing without keys is."""


def form(name: Output, columns: Sequence[Column], settings: Settings, *, terminal: bool) -> Form:
    """Return how that format writes keys with these columns; on a ``terminal`` nothing may steer it."""
    match name:
        case "raw":
            return _raw(settings)
        case "human" | "redis":
            return _lines(name, columns, settings)
        case "redis-csv":
            return Form(_redis_csv)
        case "json" | "quoted-json" | "ndjson":
            notation = QUOTED if name == "quoted-json" else _notation(settings)
            return _json(columns, notation, lines=name == "ndjson")
    return _documents(name, columns, settings, terminal)


def _notation(settings: Settings) -> Notation:
    return NOTATIONS[settings.notation] if settings.notation else BASE64


# -- lines


def _raw(settings: Settings) -> Form:
    between, end = settings.marks.delimiter, settings.marks.end
    between = b"\t" if between == end == b"\n" else between

    def page(keys: Sequence[bytes], columns: _Columns, _first: bool) -> bytes:
        if not columns:
            return end.join(keys) + end
        cells = [map(_plain, values) for values in columns]
        return end.join(map(between.join, zip(*cells, keys, strict=True))) + end

    return Form(page)


def _lines(name: str, columns: Sequence[Column], settings: Settings) -> Form:
    """Return the lines that people read, keys in quotes, under a header where there are columns."""
    from pyredis_cli.render.escape import quote_each, readable

    def quoted(keys: Sequence[bytes]) -> Sequence[str]:
        if name == "redis":
            return quote_each(keys)
        return [readable(key, settings.encoding) for key in keys]

    def page(keys: Sequence[bytes], values: _Columns, _first: bool) -> bytes:
        cells = [
            [_plain(value).decode().rjust(column.width) for value in found]
            for column, found in zip(columns, values, strict=True)
        ]
        lines = map("  ".join, zip(*cells, quoted(keys), strict=True))
        return ("\n".join(lines) + "\n").encode(settings.encoding, "surrogateescape")

    header = "  ".join([*(column.name.rjust(column.width) for column in columns), "key"])
    return Form(page, begin=f"{header}\n".encode() if columns else b"")


def _redis_csv(keys: Sequence[bytes], columns: _Columns, _first: bool) -> bytes:
    from pyredis_cli.render.escape import quote_each

    cells = [[_plain(value).decode() for value in values] for values in columns]
    lines = map(",".join, zip(quote_each(keys), *cells, strict=True))
    return ("\n".join(lines) + "\n").encode()


def _plain(value: Reply) -> bytes:
    return value if isinstance(value, bytes) else str(value).encode()


# -- records


def _json(columns: Sequence[Column], notation: Notation, *, lines: bool) -> Form:
    from pyredis_cli.render.machine import json_values

    def cells(values: Sequence[Reply]) -> Sequence[str]:
        if isinstance(values[0], bytes):
            return json_values(cast("Sequence[bytes]", values), notation)
        return list(map(str, values))

    names = ["key", *(column.name for column in columns)]
    record = "{" + ",".join(f'"{name}":%s' for name in names) + "}"
    between = "\n" if lines else ",\n"

    def page(keys: Sequence[bytes], values: _Columns, first: bool) -> bytes:
        rows = zip(json_values(keys, notation), *map(cells, values), strict=True)
        start = "" if first or lines else between
        return (start + between.join([record % row for row in rows]) + ("\n" if lines else "")).encode()

    return Form(page) if lines else Form(page, b"[", b"]\n", nothing=b"[]\n")


def _documents(name: str, columns: Sequence[Column], settings: Settings, terminal: bool) -> Form:
    """Return the form of what lays records out by itself: pages of one document, each of which has its head."""
    from pyredis_cli.render.forms import form_parts

    names = [b"key", *(column.name.encode() for column in columns)]

    def parts(rows: Sequence[Sequence[Reply]]) -> Iterator[bytes]:
        records: list[Reply] = [Map(zip(names, row, strict=True)) for row in rows]
        if name == "resp":
            records = [row[0] if len(row) == 1 else list(row) for row in rows]
            written = (form_parts(name, record, settings, terminal=terminal) for record in records)
            return (part for parts in written for part, _ in parts)
        return (part for part, _ in form_parts(name, records, settings, terminal=terminal))

    head, tail = _AROUND.get(name, (0, 0))

    def page(keys: Sequence[bytes], values: _Columns, _first: bool) -> bytes:
        written = list(parts(cast("list[Sequence[Reply]]", list(zip(keys, *values, strict=True)))))
        return b"".join(written[head : len(written) - tail])

    empty = list(parts([[b""] * len(names)]))
    nothing = b"--- []\n" if name == "yaml" else b"".join(empty[:head] + empty[len(empty) - tail :])
    return Form(page, b"".join(empty[:head]), b"".join(empty[len(empty) - tail :]), nothing)


_AROUND: Final = {"csv": (1, 0), "tsv": (1, 0), "markdown": (2, 1), "yaml": (1, 0)}
"""How many parts of a table are its head and its foot."""
