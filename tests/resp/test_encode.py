"""What may be an argument, and the bytes it becomes."""

from __future__ import annotations

import enum
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pyredis.resp.decode import TypedDecoder
from pyredis.resp.encode import argv, encode, pack
from pyredis.types import Status


class Weekday(enum.IntEnum):
    TUESDAY = 2


class Odd(float):
    def __repr__(self) -> str:
        return "odd"


def test_a_command_is_an_array_of_bulk_strings():
    assert encode(["SET", "name", "ada"]) == b"*3\r\n$3\r\nSET\r\n$4\r\nname\r\n$3\r\nada\r\n"


@pytest.mark.parametrize(
    ("argument", "spelling"),
    [
        (b"\x00\r\n\xff", b"\x00\r\n\xff"),
        (b"", b""),
        (Status(b"OK"), b"OK"),
        (bytearray(b"ab"), b"ab"),
        (memoryview(b"abc"), b"abc"),
        (memoryview(b"abcdef")[::2], b"ace"),
        ("", b""),
        ("é", b"\xc3\xa9"),
        ("\udcff", b"\xff"),
        (0, b"0"),
        (-17, b"-17"),
        (2**70, b"1180591620717411303424"),
        (Weekday.TUESDAY, b"2"),
        (1.5, b"1.5"),
        (0.1, b"0.1"),
        (-0.0, b"-0.0"),
        (1e300, b"1e+300"),
        (float("inf"), b"inf"),
        (float("-inf"), b"-inf"),
        (float("nan"), b"nan"),
        (Odd(2.5), b"2.5"),
    ],
)
def test_each_kind_of_argument_has_one_spelling(argument, spelling):
    assert argv(["ECHO", argument]) == (b"ECHO", spelling)


def test_the_spelling_of_an_argument_is_plain_bytes():
    assert [type(argument) for argument in argv([Status(b"PING"), bytearray(b"x"), "y"])] == [bytes] * 3


@pytest.mark.parametrize(
    "argument", [True, False, None, [], {}, set(), (), ["secret"], {"k": "secret"}, object(), 1j, range(3)]
)
def test_what_has_no_one_spelling_is_refused_by_position_and_type(argument):
    with pytest.raises(TypeError) as caught:
        encode(["SET", "k", argument])
    assert "argument 3 " in str(caught.value)
    assert type(argument).__name__ in str(caught.value)
    assert "secret" not in str(caught.value)


def test_a_command_without_a_name_is_refused():
    for empty in (lambda: encode([]), lambda: argv(()), lambda: pack(())):
        with pytest.raises(TypeError, match="name"):
            empty()


@pytest.mark.parametrize(("text", "encoding"), [("pass\u20acword", "latin-1"), ("pass\ud800word", None)])
def test_what_the_encoding_cannot_express_is_refused_without_showing_it(text, encoding):
    with pytest.raises(ValueError, match="argument 2 .*" + (encoding or "utf-8")) as caught:
        argv(["AUTH", text], encoding)
    assert type(caught.value) is ValueError
    assert "word" not in str(caught.value)
    assert caught.value.__suppress_context__


def test_text_is_written_in_the_encoding_asked_for():
    assert argv(["SET", "é"], "latin-1") == (b"SET", b"\xe9")
    assert argv(["SET", "中"], "gb18030") == (b"SET", "中".encode("gb18030"))
    assert argv(["SET", "\udcff"], "ascii") == (b"SET", b"\xff")


def test_an_integer_too_long_to_be_written_is_a_value_error_naming_the_position():
    with pytest.raises(ValueError, match="argument 2"):
        argv(["ECHO", 10 ** (sys.get_int_max_str_digits() + 1)])


def test_a_released_memoryview_is_a_value_error_naming_the_position():
    view = memoryview(b"abc")
    view.release()
    with pytest.raises(ValueError, match="argument 2"):
        argv(["ECHO", view])


@given(st.lists(st.binary(max_size=700), min_size=1, max_size=40))
def test_what_is_packed_can_be_decoded(arguments):
    decoder = TypedDecoder()
    decoder.feed(pack(arguments))
    assert decoder.next() == arguments
    assert not decoder.pending
