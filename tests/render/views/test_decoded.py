"""What is in a value is shown in its place or beside it, and the value itself is one step away."""

from __future__ import annotations

import gzip
import tracemalloc

import pytest

from pyredis.commands.spec import Table
from pyredis.types import Reply, Status, Verbatim
from pyredis_cli.render.decoding import find
from pyredis_cli.render.look import Look, Measure
from pyredis_cli.render.present import present
from pyredis_cli.render.views.decoded import beginning

DOCUMENT = b'{"id": 7, "tags": ["a", "b"], "big": 12345678901234567890, "name": "' + b"x" * 40 + b'"}'
LAID_OUT = (
    '{\n  "id": 7,\n  "tags": ["a", "b"],\n  "big": 12345678901234567890,\n'
    f'  "name": "{"x" * 40}"\n}}\n(json; {len(DOCUMENT)} bytes; :set decode off shows it as it is)\n'
)
PACKED = gzip.compress(DOCUMENT, mtime=0)


def shown(reply: Reply, *argv: bytes, decode: str = "auto") -> str:
    argv = argv or (b"GET", b"k")
    look = Look(200, decode=decode, measure=Measure(undecoded=":set decode off shows it as it is"))
    parts = present(argv, Table().find(argv), reply, look).parts
    return b"".join(part for part, _ in parts).decode()


def test_a_document_stands_in_the_place_of_the_value() -> None:
    assert shown(DOCUMENT) == LAID_OUT
    assert shown(PACKED) == LAID_OUT.replace(
        f"(json; {len(DOCUMENT)} bytes", f"(gzip, json; {len(PACKED)} bytes"
    )


def test_a_few_words_stand_beside_it() -> None:
    assert shown(b"1795719854") == '"1795719854"  2026-11-26 19:04:14Z\n'


def test_among_other_values_the_beginning_of_what_was_packed_stands_for_it() -> None:
    text, blank = gzip.compress(b"ab\n c", mtime=0), gzip.compress(b"\n" * 5000, mtime=0)
    assert shown([b"a", PACKED, b"b", text, b"c", blank], b"HGETALL", b"h") == (
        '1) "a"  gzip, json: {"id": 7, "tags": ["a", "b"], "big": 12345678901234567890, "…'
        f"  ({len(PACKED)} bytes)\n"
        f'2) "b"  gzip: ab c  ({len(text)} bytes)\n3) "c"  gzip: …  ({len(blank)} bytes)\n'
    )


def test_json_among_other_values_is_one_line_as_it_was_written() -> None:
    line = '{"id": 7, "tags": ["a", "b"], "big": 12345678901234567890, "name": "' + "x" * 40 + '"}  json'
    assert shown([b"a", DOCUMENT, b"b", b"plain"], b"HGETALL", b"h") == f'1) "a"  {line}\n2) "b"  "plain"\n'
    assert shown([DOCUMENT, None, b"1"], b"MGET", b"a", b"b", b"c") == f'1) {line}\n2) (nil)\n3) "1"\n'
    assert shown([b"1", None], b"MGET", b"a", b"b") == '1) "1"\n2) (nil)\n'


@pytest.mark.parametrize("packed", [b"[" + b"1," * 6000 + b"1]", b"ab " * 300_000])
def test_no_more_of_a_document_is_laid_out_than_stands_there(packed: bytes) -> None:
    found = find(gzip.compress(packed), most=16_384)
    assert found is not None
    tracemalloc.start()
    try:
        beginning(found)
        assert tracemalloc.get_traced_memory()[1] < 64 * 1024
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("reply", [b"ada", b"12", b"", b"{no json", None, 1795719854])
def test_a_plain_value_stays_as_it_is(reply: Reply) -> None:
    assert shown(reply) == shown(reply, decode="off")


@pytest.mark.parametrize("reply", [Status(b'{"a": 1}'), Verbatim(b'{"a": 1}')])
def test_what_is_no_value_is_not_looked_into(reply: Reply) -> None:
    assert shown(reply) == '{"a": 1}\n'


def test_whoever_wants_the_value_gets_it() -> None:
    assert shown(PACKED, decode="off").startswith('"\\x1f\\x8b')
    assert shown(DOCUMENT, decode="off").startswith('"{\\"id\\": 7')


def test_a_decoder_that_is_named_is_the_one() -> None:
    assert shown(b"aGVsbG8gd29ybGQ=", decode="base64") == '"aGVsbG8gd29ybGQ="  base64 of "hello world"\n'
    assert shown(b"aGVsbG8gd29ybGQ=", decode="gzip") == '"aGVsbG8gd29ybGQ="  not gzip\n'


@pytest.mark.parametrize(
    ("reply", "argv", "told"),
    [
        (b"[" + b",".join([b'"%s"' % (b"x" * 60)] * 20) + b"]", (b"GET", b"k"), "22 elements"),
        (
            b"[" + b",".join([b'"%s"' % (b"x" * 60)] * 10_500) + b"]",
            (b"GET", b"k"),
            "more than 10,000 elements",
        ),
        ([[b"s", [[b"1-1", [b"a", b"b"]]] * 10_500]], (b"XREAD", b"STREAMS", b"s", b"0"), "10,500 elements"),
    ],
    ids=["short", "long", "no document"],
)
def test_lines_of_long_documents_are_not_counted(reply: Reply, argv: tuple[bytes, ...], told: str) -> None:
    assert present(argv, Table().find(argv), reply, Look()).total() == told
