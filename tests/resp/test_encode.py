"""What may be an argument, and the bytes it becomes."""

from __future__ import annotations

import enum
import sys
import tracemalloc

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pyredis.resp.decode import TypedDecoder
from pyredis.resp.encode import argv, encode, pack, packed
from pyredis.types import Argument, Status


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


def spelled_or_refused(spell, args: object, encoding: str | None) -> tuple[str, object]:
    """Return the bytes that a spelling of a command gives, or how it refuses the command."""
    try:
        return "bytes", spell(args, encoding)
    except (LookupError, TypeError, ValueError) as error:
        return type(error).__name__, str(error)


class Shouted(str):
    def encode(self, *_: str) -> bytes:  # type: ignore[override]
        return str(self).upper().encode()


class Code:
    """Not a str, though it has what a str has."""

    def __len__(self) -> int:
        return 3

    def encode(self) -> bytes:
        return b"abc"


NAMES = st.sampled_from(
    ["GET", "get", b"GET", "SET", "x" * 30, "é", "\udcff", "", 5, Status(b"GET"), bytearray(b"GET")]
)
ARGUMENTS = st.one_of(
    st.text(max_size=8),
    st.text(st.characters(), max_size=4),
    st.sampled_from(
        ["\udcff", "\ud800", "x" * 511, "x" * 512, "é" * 256, b"y" * 511, b"y" * 512, b"z" * 70_000]
    ),
    st.binary(max_size=600),
    st.integers(),
    st.floats(),
    st.binary(max_size=5).map(bytearray),
    st.sampled_from(
        [memoryview(b"abcdef")[::2], memoryview(b"ab"), Status(b"OK"), Weekday.TUESDAY, Odd(2.5)]
    ),
    st.sampled_from([None, True, [], ["secret"], {}, (), object, Code(), 1j, Shouted("a")]),
)


@given(
    name=NAMES,
    rest=st.lists(ARGUMENTS, max_size=10),
    encoding=st.sampled_from([None, "utf-8", "latin-1", "gb18030", "no such encoding"]),
)
def test_packing_in_one_go_is_encoding(name, rest: list[Argument], encoding):
    for args in ((name, *rest), [name, *rest]):
        expected = spelled_or_refused(encode, args, encoding)
        # Twice: the second time it may know the name.
        assert spelled_or_refused(packed, args, encoding) == expected
        assert spelled_or_refused(packed, args, encoding) == expected


@pytest.mark.parametrize("length", [0, 1, 511, 512, 5000, 1_000_000])
def test_an_argument_of_any_length_is_packed(length):
    for value in ("x" * length, b"x" * length):
        assert packed(("SET", "k", value)) == b"*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$%d\r\n%b\r\n" % (
            length,
            b"x" * length,
        )


def test_as_many_arguments_as_there_are_are_packed():
    for count in (0, 1, 6, 7, 8, 31, 32, 20_000):
        args = ("MGET", *["key"] * count)
        assert packed(args) == encode(args) == packed(args)


def test_packing_nothing_is_refused():
    with pytest.raises(TypeError, match="name"):
        packed(())


def test_names_without_end_are_not_all_kept():
    tracemalloc.start()
    try:
        for number in range(20_000):
            packed((f"COMMAND{number}", "x"))
        assert tracemalloc.get_traced_memory()[0] < 500_000
    finally:
        tracemalloc.stop()
