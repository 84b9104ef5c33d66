"""Replies for programs: exact bytes, and JSON that always parses."""

from __future__ import annotations

import base64
import json
import subprocess
import sys
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pyredis.exceptions import ReplyError
from pyredis.types import Attributed, BigNumber, Double, Map, Push, Reply, Set, Status, Verbatim
from pyredis_cli.render.machine import json_text, raw
from tests.strategies import Sample, pushes, replies


def parsed(reply: Reply) -> object:
    return json.loads(json_text(reply), parse_int=str, parse_float=str)


@given(st.binary())
def test_raw_is_the_exact_bytes_of_a_value(value: bytes) -> None:
    for reply in (value, Status(value), Verbatim(value)):
        assert raw(reply) == value + b"\n"


@given(st.one_of(replies(), replies(2), pushes()))
def test_json_is_one_line_that_parses_and_steers_nothing(sample: Sample) -> None:
    line = json_text(sample.reply)
    json.loads(line, parse_int=str)
    text = line.decode()
    assert text.endswith("\n")
    assert not [c for c in text[:-1] if unicodedata.category(c) in ("Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp")]


@given(st.one_of(replies(), replies(2), pushes()))
def test_raw_takes_every_reply(sample: Sample) -> None:
    assert raw(sample.reply).endswith(b"\n")


@given(st.text())
def test_text_in_json_is_that_text(text: str) -> None:
    value = text.encode("utf-8", "surrogatepass")
    assert json.loads(json_text(value)) == (text if _is_utf8(value) else {"$base64": _base64(value)})


@pytest.mark.parametrize(
    ("reply", "written"),
    [
        (2**63 + 1, "9223372036854775809"),
        (BigNumber(-(10**40)), "-1" + "0" * 40),
        (Double("1.50"), "1.50"),
        (Double("10"), "10"),
        (Double("1e+20"), "1e+20"),
        (Double("10."), "10.0"),
        (Double("+.5"), "0.5"),
        (Double("inf"), '"inf"'),
        (Double("-inf"), '"-inf"'),
        (Double("-nan"), '"nan"'),
        ([None, True, False], "[null,true,false]"),
        ([Set([1, 2]), Push([]), [[]]], "[[1,2],[],[[]]]"),
        (Map(), "{}"),
        (Map([(b"a", 1), (b"b", Map([(b"c", [])]))]), '{"a":1,"b":{"c":[]}}'),
        (Verbatim(b"a\nb", "mkd"), r'"a\nb"'),
        (Attributed([Attributed(1, Map([(b"a", 2)]))], Map([(b"b", 3)])), "[1]"),
        (
            [ReplyError("WRONGTYPE Operation"), ReplyError("no")],
            '[{"error":{"code":"WRONGTYPE","message":"WRONGTYPE Operation"}},'
            '{"error":{"code":"","message":"no"}}]',
        ),
        (ReplyError("ERR \udcff"), '{"error":{"code":"ERR","message":{"$base64":"RVJSIP8="}}}'),
        (b"\xff\x00", '{"$base64":"/wA="}'),
        (Map([(b"\xff\x00", b"\xff")]), '{"$base64:/wA=":{"$base64":"/w=="}}'),
    ],
)
def test_every_type_has_its_json(reply: Reply, written: str) -> None:
    assert json_text(reply).decode() == written + "\n"


def test_big_numbers_have_more_digits_than_python_likes_to_write() -> None:
    assert json_text(BigNumber(10**10_000)) == raw(BigNumber(10**10_000)) == b"1" + b"0" * 10_000 + b"\n"


@pytest.mark.parametrize(
    ("key", "written"),
    [
        (1, "1"),
        (None, "null"),
        (True, "true"),
        (Double("1.5"), "1.5"),
        ([1, [b"a"]], '[1,["a"]]'),
        (Map([(b"a", Map([(1, 2)]))]), '[["a",[[1,2]]]]'),
        (Attributed(b"a", Map([(b"b", 3)])), "a"),
        ("naïve", "naïve"),
    ],
)
def test_a_key_that_is_no_string_is_its_json(key: Reply, written: str) -> None:
    assert parsed(Map([(key, b"value")])) == {written: "value"}


def test_keys_that_repeat_stay_in_order() -> None:
    assert json_text(Map([(b"a", 1), (1, 2), (b"a", 3), (b"1", 4)])) == b'{"a":1,"1":2,"a":3,"1":4}\n'


def test_what_is_base64_cannot_be_mistaken() -> None:
    assert parsed(Map([(b"$base64", b"text")])) == {f"$base64:{_base64(b'$base64')}": "text"}
    assert parsed(Map([(b"$base64:/w==", b"text")])) == {f"$base64:{_base64(b'$base64:/w==')}": "text"}


def test_json_keeps_text_legible_and_writes_what_steers_a_terminal_as_numbers() -> None:
    assert json_text('東京 🦊 é "q" \\ /'.encode()) == '"東京 🦊 é \\"q\\" \\\\ /"\n'.encode()
    assert json_text("\x7f\x9b\u202e\u2028\U000e0041".encode()) == (
        rb'"\u007f\u009b\u202e\u2028\udb40\udc41"' + b"\n"
    )


def test_nesting_has_no_limit_in_values_or_keys() -> None:
    reply: Reply = b'"'
    for depth in range(2000):
        reply = [Map([(b"k", reply)]), Set([reply]), Map([(reply, 1)]), [reply]][depth % 4]
    assert raw(reply).startswith(b"k ")
    assert len(json_text(reply)) < 50_000


def test_scripts_pay_neither_for_rich_nor_for_json() -> None:
    code = (
        "import sys; from pyredis_cli.render.classic import classic; from pyredis_cli.render.machine import raw;"
        "classic([b'a', 1]); raw({b'a': 1.5});"
        "print(sorted({'rich', 'json', 'asyncio', 'decimal', 'socket'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True, text=True)
    assert done.stdout == "[]\n"


def _is_utf8(value: bytes) -> bool:
    try:
        value.decode()
    except UnicodeDecodeError:
        return False
    return True


def _base64(value: bytes) -> str:
    return base64.b64encode(value).decode()
