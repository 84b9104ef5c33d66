"""Every format read back by a program that knows nothing of ours gives the bytes and the cells that went in."""

from __future__ import annotations

import ast
import base64
import csv
import io
import json
import re
from collections.abc import Callable
from typing import Any, Final

import hiredis
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from pyredis.commands.spec import TABLE
from pyredis.exceptions import ReplyError
from pyredis.types import Attributed, BigNumber, Double, Map, Reply
from pyredis_cli.flags import OUTPUTS
from pyredis_cli.render.forms import form_parts
from pyredis_cli.settings import Marks, Settings
from tests.render.test_shapes import ALIKE, COMMANDS, OPTIONS
from tests.strategies import Sample, pushes, replies

VALUES: Final = st.one_of(
    st.binary(max_size=40),
    st.text(max_size=20).map(lambda text: text.encode("utf-8", "surrogatepass")),
    st.sampled_from(
        [
            b"",
            b"\x00",
            bytes(range(256)),
            b'"',
            b"\\",
            b"\\N",
            b"a,b",
            b"a\tb",
            b"a\r\nb",
            b"$base64",
            b"$base64:AA==",
            b"null",
            b"\xe2\x82",
            b"!!binary AA==",
            "\u202e\u2028\x85\ufeff".encode(),
        ]
    ),
)


def written(name: str, reply: Reply, line: str = "", **settings: Any) -> bytes:
    argv = line.encode().split()
    parts = form_parts(name, reply, Settings(**settings), argv=argv, spec=TABLE.find(argv))
    return b"".join(part for part, _ in parts)


# -- one value


def from_json(value: Any) -> bytes:
    """Return the bytes that a value of our JSON says."""
    if isinstance(value, dict):
        [(tag, text)] = value.items()
        assert tag == "$base64"
        return base64.b64decode(text, validate=True)
    assert isinstance(value, str)
    return value.encode()


def from_yaml(value: Any) -> bytes:
    return value if isinstance(value, bytes) else value.encode()


def from_c(text: str) -> bytes:
    """Return the bytes of a string of C, which Python's literals of bytes understand."""
    value = ast.literal_eval(f"b{text}")
    assert isinstance(value, bytes)
    return value


def from_hiredis(document: bytes) -> bytes:
    reader = hiredis.Reader()
    reader.feed(document)
    value = reader.gets()
    assert isinstance(value, bytes)
    return value


def csv_rows(document: bytes) -> list[list[bytes]]:
    lines = io.StringIO(document.decode("latin-1"), newline="")
    return [[cell.encode("latin-1") for cell in row] for row in csv.reader(lines, strict=True)]


def tsv_rows(document: bytes) -> list[list[bytes]]:
    meant = {b"t": b"\t", b"n": b"\n", b"r": b"\r", b"\\": b"\\"}
    return [
        [re.sub(rb"\\([tnr\\])", lambda found: meant[found[1]], cell) for cell in line.split(b"\t")]
        for line in document.split(b"\n")[:-1]
    ]


ONE: Final[dict[str, Callable[[bytes], bytes]]] = {
    "raw": lambda document: document.removesuffix(b"\n"),
    "redis": lambda document: from_c(document.decode("ascii")),
    "json": lambda document: from_json(json.loads(document)),
    "quoted-json": lambda document: from_c(f'"{json.loads(document)}"'),
    "redis-csv": lambda document: from_c(document.decode("ascii")),
    "ndjson": lambda document: from_json(json.loads(document)),
    "yaml": lambda document: from_yaml(yaml.safe_load(document)),
    "csv": lambda document: csv_rows(document)[0][0],
    "tsv": lambda document: tsv_rows(document)[0][0],
    "resp": from_hiredis,
}


def test_every_format_that_says_all_has_a_reader() -> None:
    assert ONE.keys() == set(OUTPUTS) - {"human", "markdown"}


@pytest.mark.parametrize("name", ONE)
@given(value=VALUES)
def test_a_value_read_back_has_the_same_bytes(name: str, value: bytes) -> None:
    assert ONE[name](written(name, value)) == value


@given(st.lists(VALUES.filter(lambda value: b"\0" not in value)))
def test_raw_elements_that_nul_ends_are_the_same_bytes(values: list[bytes]) -> None:
    document = written("raw", list(values), marks=Marks(delimiter=b"\0", end=b"\0"))
    assert document.split(b"\0")[:-1] == values


# -- any reply


def meant(reply: Reply) -> object:
    """Return what a reader of JSON should make of a reply, with the digits of numbers."""
    match reply:
        case Attributed():
            return meant(reply.reply)
        case Map():
            return [(_name(key), meant(value)) for key, value in reply]
        case list():
            return [meant(item) for item in reply]
        case ReplyError():
            return [("error", [("code", reply.code), ("message", meant(_line(reply)))])]
        case bytes():
            return _text(reply)
        case bool() | None:
            return reply
        case int():
            return str(int(reply))
        case float():
            return repr(float(reply)).replace("-nan", "nan")
    raise TypeError(type(reply).__name__)


def _line(error: ReplyError) -> bytes:
    return error.message.encode("utf-8", "surrogateescape")


def _text(value: bytes) -> object:
    try:
        return value.decode()
    except UnicodeDecodeError:
        return [("$base64", base64.b64encode(value).decode())]


def _name(key: Reply) -> object:
    while isinstance(key, Attributed):
        key = key.reply
    if not isinstance(key, bytes):
        return ...
    text = _text(key)
    if isinstance(text, str) and not text.startswith("$base64"):
        return text
    return f"$base64:{base64.b64encode(key).decode()}"


def equal(found: object, expected: object) -> bool:
    if isinstance(expected, list) and isinstance(found, list):
        return len(expected) == len(found) and all(map(equal, found, expected))
    if isinstance(expected, tuple) and isinstance(found, tuple):
        return (expected[0] is ... or found[0] == expected[0]) and equal(found[1], expected[1])
    return found == expected


def loaded(line: bytes) -> object:
    return json.loads(
        line, object_pairs_hook=list, parse_int=str, parse_float=lambda digits: repr(float(digits))
    )


def _numbers_are_plain(reply: Reply) -> bool:
    """Doubles that are whole have no point in JSON, so that a reader takes them for integers."""
    match reply:
        case Attributed():
            return _numbers_are_plain(reply.reply)
        case Map():
            return all(_numbers_are_plain(part) for pair in reply for part in pair)
        case list():
            return all(map(_numbers_are_plain, reply))
        case Double():
            return "." in reply.text or "e" in reply.text or "n" in reply.text
    return True


@given(st.one_of(replies(), replies(2), pushes()).filter(lambda sample: _numbers_are_plain(sample.reply)))
def test_json_read_back_is_the_reply(sample: Sample) -> None:
    assert equal(loaded(written("json", sample.reply)), meant(sample.reply))


@given(st.lists(replies().filter(lambda sample: _numbers_are_plain(sample.reply)), min_size=1, max_size=4))
def test_lines_of_ndjson_are_the_elements(samples: list[Sample]) -> None:
    elements: list[Reply] = [b"first", *(sample.reply for sample in samples)]
    lines = written("ndjson", elements).split(b"\n")[:-1]
    assert len(lines) == len(elements)
    assert all(map(equal, map(loaded, lines), map(meant, elements)))


@given(replies(2).filter(lambda sample: b"-" not in sample.wire))
def test_hiredis_reads_the_resp_that_we_write(sample: Sample) -> None:
    ours, theirs = hiredis.Reader(), hiredis.Reader()
    parts = form_parts("resp", sample.reply, Settings(), protocol=2)
    ours.feed(b"".join(part for part, _ in parts))
    theirs.feed(sample.wire)
    assert ours.gets() == theirs.gets()


# -- tables: two formats have the same cells

CELLS: Final[st.SearchStrategy[Reply]] = st.one_of(
    VALUES,
    st.none(),
    st.integers(),
    st.booleans(),
    st.sampled_from([Double("1.5"), Double("-inf"), BigNumber(10**30)]),
)
NAMES: Final = st.sampled_from([b"f", b"g", b"a,b", b"\xff", b"\n", b"", b"id", b"$base64"])
FIELDS: Final = st.dictionaries(NAMES, VALUES, min_size=1, max_size=4).map(
    lambda fields: [part for pair in fields.items() for part in pair]
)
ENTRIES: Final = st.lists(st.tuples(st.sampled_from([b"1-1", b"2-7"]), FIELDS).map(list), max_size=4)
TABLES: Final[dict[str, st.SearchStrategy[Any]]] = {
    "HGETALL h": st.lists(st.tuples(VALUES, CELLS)).map(Map),
    "CONFIG GET *": st.lists(st.tuples(VALUES, VALUES)).map(
        lambda pairs: [part for pair in pairs for part in pair]
    ),
    "ZRANGE z 0 -1 WITHSCORES": st.lists(st.tuples(VALUES, st.just(Double("1.5"))).map(list)),
    "ZPOPMIN z": st.tuples(VALUES, VALUES).map(list),
    "XRANGE x - +": ENTRIES,
    "XREAD STREAMS x y 0 0": st.lists(st.tuples(VALUES, ENTRIES).map(list), max_size=2),
    "XAUTOCLAIM x g c 0 0": st.tuples(st.just(b"0-0"), ENTRIES, st.lists(VALUES, max_size=2)).map(list),
    "SCAN 0": st.tuples(st.just(b"17"), st.lists(VALUES)).map(list),
    "ZSCAN z 0": st.tuples(
        st.just(b"17"), st.lists(st.tuples(VALUES, VALUES)).map(lambda pairs: [x for p in pairs for x in p])
    ).map(list),
    "GEOPOS g a b": st.just([[b"1.5", b"2.5"], None]),
    "SLOWLOG GET": st.lists(st.tuples(CELLS, CELLS, CELLS, st.lists(VALUES), CELLS, CELLS).map(list)),
    "XPENDING x g - + 9": st.lists(st.tuples(CELLS, CELLS, CELLS, CELLS).map(list)),
    "XINFO GROUPS x": st.lists(st.dictionaries(NAMES, CELLS, min_size=1).map(lambda row: Map(row.items()))),
    "TIME": st.tuples(VALUES, VALUES).map(list),
    "FT.SEARCH i *": st.lists(st.tuples(st.just(b"doc"), FIELDS), max_size=3).map(
        lambda hits: [len(hits), *(part for hit in hits for part in hit)]
    ),
}


@pytest.mark.parametrize("line", TABLES)
@given(data=st.data())
def test_tables_agree_cell_for_cell(line: str, data: st.DataObject) -> None:
    reply = data.draw(TABLES[line])
    table = csv_rows(written("csv", reply, line, marks=Marks(null=b"\xfe nil")))
    assert table == tsv_rows(written("tsv", reply, line, marks=Marks(null=b"\xfe nil")))
    header, *rows = table or [[]]
    lines = written("ndjson", reply, line).split(b"\n")[:-1]
    objects: list[Any] = [dict(each) for each in map(loaded, lines)]  # type: ignore[call-overload]
    for row, each in zip(rows, objects, strict=True):
        cells = dict(zip(header, row, strict=True))
        if b"fields" not in header:
            each |= dict(each.pop("fields", None) or ())
        assert {_bytes_of(name) for name in each} <= cells.keys()
        for name, cell in cells.items():
            assert _is_in(cell, each.get(_name(name))), name


@given(
    st.sampled_from(COMMANDS),
    st.lists(st.sampled_from(OPTIONS), max_size=8),
    st.one_of(ALIKE, replies().map(lambda sample: sample.reply), pushes().map(lambda sample: sample.reply)),
)
def test_any_reply_to_any_command_is_a_table(name: str, options: list[str], reply: Reply) -> None:
    line = " ".join([name, *options])
    rows = csv_rows(written("csv", reply, line, marks=Marks(null=b"nil")))
    assert rows == tsv_rows(written("tsv", reply, line, marks=Marks(null=b"nil")))
    assert len({len(row) for row in rows}) <= 1
    for each in written("ndjson", reply, line).split(b"\n")[:-1]:
        loaded(each)
    assert written("markdown", reply, line)


def _bytes_of(name: str) -> bytes:
    return base64.b64decode(name.removeprefix("$base64:")) if name.startswith("$base64:") else name.encode()


def _is_in(cell: bytes, value: Any) -> bool:
    """Whether a cell of a table has what a value of JSON says."""
    match value:
        case None:
            return cell == b"\xfe nil"
        case bool():
            return cell == (b"true" if value else b"false")
        case str():
            return cell == value.encode()
        case [("$base64", str(text))]:
            return cell == base64.b64decode(text)
    return loaded(cell) == value


@given(
    st.lists(
        st.tuples(st.text(st.characters(codec="ascii", min_codepoint=33, max_codepoint=126)), st.integers())
    )
)
def test_markdown_shows_the_cells_of_csv(pairs: list[tuple[str, int]]) -> None:
    reply = Map([(name.encode(), number) for name, number in pairs])
    tokens = (
        MarkdownIt("commonmark", {"html": False}).enable("table").parse(written("markdown", reply).decode())
    )
    cells = [
        "".join(child.content for child in token.children or []) for token in tokens if token.type == "inline"
    ]
    rows = csv_rows(written("csv", reply))
    assert cells == [cell.decode() for row in rows for cell in row]
