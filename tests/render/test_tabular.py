"""Rows and columns: which ones a reply has, and that other programs read the same cells."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from pyredis.commands.spec import TABLE
from pyredis.exceptions import ReplyError
from pyredis.types import Attributed, BigNumber, Double, Map, Push, Reply, Set, Status, Verbatim
from pyredis_cli.render import tabular
from pyredis_cli.render.layout import Part
from pyredis_cli.render.notation import NOTATIONS
from pyredis_cli.render.shapes import Shape, bare, shape
from tests.strategies import Sample, pushes, replies


def csv_parts(reply: Reply, *args: Any, **kwargs: Any) -> Iterator[Part]:
    return tabular.csv_parts(shape((), None, bare(reply)), *args, **kwargs)


def tsv_parts(reply: Reply, *args: Any, **kwargs: Any) -> Iterator[Part]:
    return tabular.tsv_parts(shape((), None, bare(reply)), *args, **kwargs)


def markdown_parts(reply: Reply, *args: Any, **kwargs: Any) -> Iterator[Part]:
    return tabular.markdown_parts(shape((), None, bare(reply)), *args, **kwargs)


def ndjson_parts(reply: Reply, *args: Any, **kwargs: Any) -> Iterator[Part]:
    return tabular.ndjson_parts(shape((), None, bare(reply)), *args, **kwargs)


def joined(parts: Iterator[Part]) -> bytes:
    return b"".join(part for part, _ in parts)


def read_csv(written: bytes) -> list[list[bytes]]:
    """Return the cells that Python's reader finds, strictly after RFC 4180."""
    lines = io.StringIO(written.decode("latin-1"), newline="")
    return [[cell.encode("latin-1") for cell in row] for row in csv.reader(lines, strict=True)]


def read_tsv(written: bytes) -> list[list[bytes]]:
    meant = {b"t": b"\t", b"n": b"\n", b"r": b"\r", b"\\": b"\\"}
    return [
        [re.sub(rb"\\(.)", lambda found: meant[found[1]], cell) for cell in line.split(b"\t")]
        for line in written.removesuffix(b"\n").split(b"\n")
    ]


@pytest.mark.parametrize(
    ("reply", "written"),
    [
        (b"value", "value\n"),
        (b"", '""\n'),
        (None, '""\n'),
        ([1, None, b""], '1\n""\n""\n'),
        (Map([(b"a", 1), (b"b", None), (b"c", b"")]), 'key,value\na,1\nb,\nc,""\n'),
        (Map(), "key,value\n"),
        ([], ""),
        ([Map([(b"id", 1), (b"x", b"a,b")]), Map([(b"y", 2), (b"id", 3)])], 'id,x,y\n1,"a,b",\n3,,2\n'),
        ([Map([(b"a", 1), (b"a", 2)])], '"{""a"":1,""a"":2}"\n'),
        ([Map([(1, 2)])], '"{""1"":2}"\n'),
        ([Map([(b"a", 1)]), 2], '"{""a"":1}"\n2\n'),
        ([[b"ada", Double("1.50")], Set([b"bob", 2])], "ada,1.50\nbob,2\n"),
        ([[b"ada"], [b"bob", 2]], '"[""ada""]"\n"[""bob"",2]"\n'),
        ([[], []], "[]\n[]\n"),
        ([[], [1, 2]], '[]\n"[1,2]"\n'),
        ([[b"1-1", [b"f", b"v"]]], '1-1,"[""f"",""v""]"\n'),
        (Push([b"message", b"news", b"a\nb"]), 'message,news,"a\nb"\n'),
        ([True, False, BigNumber(10**30), Double("inf")], f"true\nfalse\n{10**30}\ninf\n"),
        ([ReplyError("ERR no, not"), Status(b"OK"), Verbatim(b"txt")], '"ERR no, not"\nOK\ntxt\n'),
        (Attributed([Attributed(Map([(b"k", Attributed(1, Map()))]), Map())], Map([(1, 2)])), "k\n1\n"),
    ],
)
def test_a_reply_has_the_columns_of_its_shape(reply: Reply, written: str) -> None:
    assert joined(csv_parts(reply)).decode() == written.replace("\n", "\r\n").replace("a\r\nb", "a\nb")


def test_maps_that_have_little_in_common_are_no_table() -> None:
    reply: Reply = [Map([(b"%d" % number, number)]) for number in range(10_000)]
    assert joined(csv_parts(reply)).startswith(b'"{""0"":0}"\r\n')


@given(st.lists(st.lists(st.binary(), min_size=2, max_size=2), min_size=1))
def test_csv_and_tsv_read_back_give_the_same_bytes(rows: list[list[bytes]]) -> None:
    assert read_csv(joined(csv_parts(rows))) == rows  # type: ignore[arg-type]
    assert read_tsv(joined(tsv_parts(rows))) == rows  # type: ignore[arg-type]


@given(st.lists(st.tuples(st.binary(), st.one_of(st.binary(), st.none()))))
def test_nil_is_no_value(pairs: list[tuple[bytes, bytes | None]]) -> None:
    expected = [[key, value] for key, value in pairs]
    marked = joined(csv_parts(Map(pairs), null=b"NULL")).split(b"\r\n", 1)[1]
    assert marked.count(b",NULL\r\n") >= sum(value is None for _, value in pairs)
    assert read_csv(marked) == [[key, b"NULL" if cell is None else cell] for key, cell in expected]
    tsv = joined(tsv_parts(Map(pairs))).removesuffix(b"\n").split(b"\n")[1:]
    assert [line.split(b"\t")[1] == rb"\N" for line in tsv] == [value is None for _, value in pairs]


def test_a_value_that_reads_like_nil_is_quoted() -> None:
    assert joined(csv_parts([b"nil", None], null=b"nil")) == b'"nil"\r\nnil\r\n'


@pytest.mark.parametrize("null", [b"a,b", b'"', b"two\nlines", b"\r", b"tab\t", b"-"])
def test_the_text_of_nil_is_one_cell_whatever_is_in_it(null: bytes) -> None:
    assert read_csv(joined(csv_parts([[None, b"v"]], null=null))) == [[null, b"v"]]
    [line] = joined(tsv_parts([[None, b"v"]], null=null)).splitlines()
    assert line.count(b"\t") == 1


def test_the_text_of_nil_keeps_its_backslashes_in_tsv() -> None:
    assert joined(tsv_parts([[None, b"\\N"]], null=rb"\N")) == b"\\N\t\\\\N\n"
    assert joined(tsv_parts([rb"\N", None])) == b"\\\\N\n\\N\n"


@pytest.mark.parametrize("name", ["escape", "base64", "hex"])
@given(value=st.one_of(st.binary(), st.text().map(lambda text: text.encode("utf-8", "surrogatepass"))))
def test_a_notation_loses_nothing(name: str, value: bytes) -> None:
    notation = NOTATIONS[name]
    for cell in read_csv(joined(csv_parts([value, b"$hex", b"$base64:"], notation))):
        cell[0].decode()
    [[cell]] = read_csv(joined(csv_parts(value, notation)))
    assert meant(name, cell.decode()) == value
    [line] = joined(ndjson_parts(Map([(value, value)]), notation)).splitlines()
    pair = json.loads(line)
    assert meant(name, pair["key"]) == meant(name, pair["value"]) == value


def meant(name: str, written: Any) -> bytes:
    """Return the bytes that a notation says."""
    if isinstance(written, dict):
        [(tag, digits)] = written.items()
        assert tag == f"${name}"
        return bytes.fromhex(digits) if name == "hex" else _from_base64(digits)
    if name == "escape":
        return re.sub(
            rb"\\(\\|x(..))",
            lambda found: bytes.fromhex(found[2].decode()) if found[2] else b"\\",
            written.encode(),
        )
    if written.startswith(f"${name}:"):
        return meant(name, {f"${name}": written.removeprefix(f"${name}:")})
    return bytes(written.encode())


def _from_base64(digits: str) -> bytes:
    import base64

    return base64.b64decode(digits, validate=True)


def test_utf8_gives_up_what_is_no_text() -> None:
    assert joined(csv_parts(b"a\xffb", NOTATIONS["utf8"])) == "a\ufffdb\r\n".encode()


@given(st.one_of(replies(), replies(2), pushes()))
def test_csv_and_tsv_have_the_same_cells(sample: Sample) -> None:
    rows = read_csv(joined(csv_parts(sample.reply, null=b"nil")))
    lines = joined(tsv_parts(sample.reply, null=b"nil"))
    assert rows == (read_tsv(lines) if lines else [])


@given(st.one_of(replies(), replies(2), pushes()))
def test_every_line_of_ndjson_is_json(sample: Sample) -> None:
    for line in joined(ndjson_parts(sample.reply)).splitlines():
        json.loads(line, parse_int=str)


def test_ndjson_is_a_line_for_each_element_pair_or_message() -> None:
    assert joined(ndjson_parts([1, [2, 3], None])) == b"1\n[2,3]\nnull\n"
    assert joined(ndjson_parts(Map([(b"a", 1), (2, b"\xff")]))) == (
        b'{"key":"a","value":1}\n{"key":2,"value":{"$base64":"/w=="}}\n'
    )
    assert joined(ndjson_parts(Push([b"message", b"news", b"hi"]))) == b'["message","news","hi"]\n'
    assert joined(ndjson_parts([])) == joined(ndjson_parts(Map())) == b""
    assert joined(ndjson_parts(b"text")) == b'"text"\n'


# -- what the facts say


def shaped(line: str, reply: Reply) -> Shape:
    argv = line.encode().split()
    return shape(argv, TABLE.find(argv), reply)


PAIRS: Reply = [b"f", b"v", b"g", b"w"]
ENTRY: Reply = [b"1-1", PAIRS]

SHAPED: list[tuple[str, Reply, str, str]] = [
    ("HGETALL h", PAIRS, "key,value|f,v|g,w", '{"key":"f","value":"v"}|{"key":"g","value":"w"}'),
    ("ZPOPMIN z", [b"m", b"1.5"], "member,score|m,1.5", '{"member":"m","score":"1.5"}'),
    ("ZPOPMIN z", [], "member,score", ""),
    (
        "XRANGE x - +",
        [ENTRY, ENTRY],
        "id,f,g|1-1,v,w|1-1,v,w",
        '{"id":"1-1","fields":{"f":"v","g":"w"}}|' * 2,
    ),
    ("XRANGE x - +", [ENTRY, [b"1-2", None]], "id,f,g|1-1,v,w|1-2,,", ""),
    ("XRANGE x - +", [None], "id,fields|,", '{"id":null,"fields":null}'),
    ("XRANGE x - +", [], "id,fields", ""),
    # Entries that have nothing in common, names that come twice, or that are taken.
    (
        "XRANGE x - +",
        [[b"1", [b"a", b"b"]], [b"2", [b"c", b"d"]], [b"3", [b"e", b"f"]]],
        'id,fields|1,"{""a"":""b""}"|2,"{""c"":""d""}"|3,"{""e"":""f""}"',
        "",
    ),
    (
        "XRANGE x - +",
        [[b"1", [b"a", b"b", b"a", b"c"]]],
        'id,fields|1,"[""a"",""b"",""a"",""c""]"',
        '{"id":"1","fields":["a","b","a","c"]}',
    ),
    ("XRANGE x - +", [[b"1", [b"id", b"7"]]], 'id,fields|1,"{""id"":""7""}"', ""),
    ("XREAD STREAMS x 0", [[b"x", [ENTRY]]], "key,id,f,g|x,1-1,v,w", ""),
    (
        "XREAD STREAMS x 0",
        Map([(b"x", [ENTRY])]),
        "key,id,f,g|x,1-1,v,w",
        '{"key":"x","id":"1-1","fields":{"f":"v","g":"w"}}',
    ),
    (
        "GEOPOS g a b",
        [[b"1.5", b"2"], None],
        "member,longitude,latitude|a,1.5,2|b,,",
        '{"member":"a","longitude":"1.5","latitude":"2"}|{"member":"b","longitude":null,"latitude":null}',
    ),
    (
        "SCAN 0",
        [b"7", [b"a", b"b"]],
        "cursor,item|7,a|7,b",
        '{"cursor":"7","item":"a"}|{"cursor":"7","item":"b"}',
    ),
    ("SCAN 0", [b"7", []], "cursor,item|7,", '{"cursor":"7"}'),
    ("HSCAN h 0", [b"0", PAIRS], "cursor,key,value|0,f,v|0,g,w", ""),
    ("HSCAN h 0", [b"9", []], "cursor,key,value|9,,", '{"cursor":"9"}'),
    (
        "ZSCAN z 0",
        [b"0", [b"m", b"1"]],
        "cursor,member,score|0,m,1",
        '{"cursor":"0","member":"m","score":"1"}',
    ),
    (
        "XAUTOCLAIM x g c 0 0",
        [b"0-0", [ENTRY], [b"1-0"]],
        'cursor,deleted,id,f,g|0-0,"[""1-0""]",1-1,v,w',
        '{"cursor":"0-0","deleted":["1-0"],"id":"1-1","fields":{"f":"v","g":"w"}}',
    ),
    ("XAUTOCLAIM x g c 0 0", [b"0-0", [ENTRY]], "cursor,id,f,g|0-0,1-1,v,w", ""),
    ("XAUTOCLAIM x g c 0 0", [b"0", [], [], 5], "cursor,deleted,4,id,fields|0,[],5,,", ""),
    ("BLPOP l 0", [b"l", b"e"], "key,element|l,e", '{"key":"l","element":"e"}'),
    ("TIME", [b"1", b"2"], "seconds,microseconds|1,2", ""),
    ("LATENCY HISTORY e", [[1, 2], [3, 4, 5]], "time,latency,3|1,2,|3,4,5", '{"time":1,"latency":2}|'),
    ("ROLE", [b"slave", b"h", 1, b"connected", 9], "role,host,port,state,offset|slave,h,1,connected,9", ""),
    (
        "FT.SEARCH i *",
        [9, b"d", PAIRS],
        "total,id,f,g|9,d,v,w",
        '{"total":9,"id":"d","fields":{"f":"v","g":"w"}}',
    ),
    (
        "FT.SEARCH i *",
        Map(
            [
                (b"attributes", []),
                (b"format", b"STRING"),
                (
                    b"results",
                    [Map([(b"id", b"d"), (b"extra_attributes", Map([(b"f", b"v")])), (b"values", [])])],
                ),
                (b"total_results", 9),
                (b"warning", [b"slow"]),
            ]
        ),
        'total,warning,id,f|9,"[""slow""]",d,v',
        '{"total":9,"warning":["slow"],"id":"d","fields":{"f":"v"}}',
    ),
    ("FT.SEARCH i * NOCONTENT", [9, b"d"], "total,id|9,d", '{"total":9,"id":"d"}'),
    ("FT.SEARCH i *", [0], "total|0", '{"total":0}'),
    ("FT.AGGREGATE i *", [[1, PAIRS], 77], "total,cursor,f,g|1,77,v,w", ""),
    ("CLIENT INFO", b"id=3 name=", 'key,value|id,3|name,""', ""),
    ("LRANGE l 0 -1", [b"a", None], 'a|""', '"a"|null'),
]


@pytest.mark.parametrize(("line", "reply", "rows", "objects"), SHAPED)
def test_shapes_have_columns_with_names(line: str, reply: Reply, rows: str, objects: str) -> None:
    written = joined(tabular.csv_parts(shaped(line, reply))).decode()
    assert written.split("\r\n") == [*rows.split("|"), ""]
    assert joined(tabular.ndjson_parts(shaped(line, reply))).decode().replace("\n", "|").startswith(objects)


@pytest.mark.parametrize("case", SHAPED, ids=lambda case: case[0])
def test_tables_agree_cell_for_cell(case: tuple[str, Reply, str, str]) -> None:
    line, reply, *_ = case
    found = shaped(line, reply)
    rows = read_csv(joined(tabular.csv_parts(found, null=b"nil")))
    assert rows == read_tsv(joined(tabular.tsv_parts(found, null=b"nil")))
    assert [[cell.decode() for cell in row] for row in rows] in (
        shown := read_markdown(joined(tabular.markdown_parts(found, null=b"nil"))),
        shown[1:],
    )


# -- Markdown


def read_markdown(written: bytes) -> list[list[str]]:
    """Return the texts that a Markdown parser shows in the cells, the header first."""
    parser = MarkdownIt("commonmark", {"html": False}).enable("table")
    rows: list[list[str]] = []
    for token in parser.parse(written.decode()):
        if token.type == "tr_open":
            rows.append([])
        if token.type == "inline":
            assert rows, "only a table"
            assert {child.type for child in token.children or []} <= {"text", "text_special", "html_inline"}
            rows[-1].append("".join(child.content for child in token.children or []))
    return rows


@given(st.lists(st.text(st.characters(codec="ascii", exclude_categories=["Cc"])).map(str.strip), min_size=1))
def test_markdown_shows_the_text_and_nothing_in_it_means_anything(texts: list[str]) -> None:
    rows = read_markdown(joined(markdown_parts([[text.encode(), b"x"] for text in texts])))
    assert rows == [["", ""], *([text, "x"] for text in texts)]


def test_markdown_escapes_what_is_no_text_and_breaks_lines() -> None:
    written = joined(markdown_parts(Map([(b"a|b", b"one\ntwo\t\x1b[0m\xff")]))).decode()
    assert written == "| key | value |\n| --- | --- |\n" + r"| a\|b | one<br>two&#9;\\x1b\[0m\\xff |" + "\n\n"


@given(st.one_of(replies(), replies(2), pushes()))
def test_every_reply_is_one_table_of_markdown(sample: Sample) -> None:
    written = joined(markdown_parts(sample.reply)).decode()
    assert written.endswith("|\n\n")
    assert len(set(map(_bars, written.removesuffix("\n\n").split("\n")))) == 1


def _bars(line: str) -> int:
    return len(re.findall(r"(?<!\\)(?:\\\\)*\|", line))
