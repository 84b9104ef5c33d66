"""Values shown to people: legible, safe for the terminal, and the same bytes when typed again."""

from __future__ import annotations

import time
import unicodedata
from collections.abc import Callable

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from pyredis_cli.render.escape import dangerous, printable, quote, readable
from pyredis_cli.splitting import split, split_bytes

ENCODINGS = ["utf-8", "latin-1", "gb18030", "cp932", "euc-jp", "big5", "ascii"]

# Written here once more: what this module must never let through, by the standard's names for it.
_HIDDEN = ("Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp")
_ZERO_WIDTH = "\u034f\u115f\u1160\u3164\uffa0\U000e0100"


def steering(text: str) -> list[str]:
    return [c for c in text if unicodedata.category(c) in _HIDDEN or c in _ZERO_WIDTH]


values = st.one_of(
    st.binary(),
    st.text().map(lambda text: text.encode("utf-8", "surrogatepass")),
    st.text(alphabet='aé東🦊\u0301\ufe0f\u20e3\u200d❤ \t\n"\\x\u0e49').map(str.encode),
    st.text(alphabet=st.characters(codec="gb18030")).map(lambda text: text.encode("gb18030")),
)


@given(values)
def test_quoted_text_typed_again_is_the_value(value: bytes) -> None:
    assert quote(value).isascii()
    assert split_bytes(quote(value).encode()) == [value]


@pytest.mark.parametrize("encoding", ENCODINGS)
@given(value=values)
@example(value=b"\x81\x36\xff\xa2\x5c\x85\x5c")
def test_readable_text_typed_again_is_the_value(encoding: str, value: bytes) -> None:
    assert split(readable(value, encoding), encoding) == [value]


@pytest.mark.parametrize("encoding", ENCODINGS)
@given(value=values)
def test_nothing_that_is_shown_steers_a_terminal(encoding: str, value: bytes) -> None:
    assert not steering(readable(value, encoding))
    assert not steering(printable(value, encoding=encoding))
    assert set(steering(printable(value, keep_newlines=True, encoding=encoding))) <= {"\n", "\t"}
    assert not dangerous(readable(value, encoding))


@given(st.text())
def test_any_text_is_printable_lone_surrogates_too(text: str) -> None:
    assert not steering(printable(text))
    printable(text).encode()


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("Ada 🦊", '"Ada 🦊"'),
        ("東京\u3000都", '"東京\u3000都"'),
        ("naïve ♥ Ω й", '"naïve ♥ Ω й"'),
        ("a\"b\\c'", r'''"a\"b\\c'"'''),
        ("é\n\r\t\a\b\0\x1b", r'"é\n\r\t\a\b\x00\x1b"'),
        ("é\x7f\x85\x9b", r'"é\x7f\xc2\x85\xc2\x9b"'),
        ("é\u202eevil\u2066", r'"é\xe2\x80\xaeevil\xe2\x81\xa6"'),
        ("a\u200bb\ufeff", r'"a\xe2\x80\x8bb\xef\xbb\xbf"'),
        ("a\u2028b\u2029", r'"a\xe2\x80\xa8b\xe2\x80\xa9"'),
        ("a\u00a0b", r'"a\xc2\xa0b"'),
        ("\U000e0041\ue000\u0378", r'"\xf3\xa0\x81\x81\xee\x80\x80\xcd\xb8"'),
        ("👩\u200d💻", r'"👩\xe2\x80\x8d💻"'),
        ("❤\ufe0f 1\ufe0f\u20e3", '"❤\ufe0f 1\ufe0f\u20e3"'),
        ("a\ufe0f", r'"a\xef\xb8\x8f"'),
        ("e\u0301 ก\u0e49", '"e\u0301 ก\u0e49"'),
        ("\u0301e", r'"\xcc\x81e"'),
        ("é\n\u0301", r'"é\n\xcc\x81"'),
        ("é\x1b\u0301", r'"é\x1b\xcc\x81"'),
        ("z" + "\u0335" * 8, '"z' + "\u0335" * 6 + r'\xcc\xb5\xcc\xb5"'),
    ],
)
def test_text_is_shown_and_what_cannot_be_seen_is_escaped(text: str, shown: str) -> None:
    assert readable(text.encode()) == shown


@pytest.mark.parametrize(
    ("value", "encoding", "shown"),
    [
        (b"\xff\xfeab", "utf-8", r'"\xff\xfeab"'),
        ("é".encode() + b"\xe6\x9d", "utf-8", r'"é\xe6\x9d"'),
        (b"\xed\xa0\x80", "utf-8", r'"\xed\xa0\x80"'),
        (b"caf\xe9\x9b", "latin-1", r'"café\x9b"'),
        ("東京".encode("gb18030"), "gb18030", '"東京"'),
        # One of two codes for the same character: shown, it would come back as the other.
        (b"\xee\xf9", "cp932", r'"\xee\xf9"'),
    ],
)
def test_bytes_that_are_no_text_under_the_encoding_stay_bytes(
    value: bytes, encoding: str, shown: str
) -> None:
    assert readable(value, encoding) == shown


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("ERR unknown command 'x\x1b[31m'", r"ERR unknown command 'x\x1b[31m'"),
        ('C:\\redis "quoted"', 'C:\\redis "quoted"'),
        (b"ERR \xff \xc3\xa9", r"ERR \xff é"),
        ("two\r\nlines\rthree", r"two\r\nlines\rthree"),
    ],
)
def test_text_without_quotes_keeps_quotes_and_backslashes(text: str | bytes, shown: str) -> None:
    assert printable(text) == shown


def test_lines_are_kept_when_asked_and_end_in_one_way() -> None:
    assert printable(b"a\r\nb\n\tc\rd\r\n", keep_newlines=True) == "a\nb\n\tc\\rd\n"
    assert printable("é\n\u0301", keep_newlines=True) == "é\n\\xcc\\x81"


@pytest.mark.parametrize("show", [quote, readable, printable])
@pytest.mark.parametrize(
    "value",
    [
        b"plain text " * 470_000,
        bytes(range(256)) * 20_500,
        "東京🦊\n".encode() * 470_000,
        "e\u0301".encode() * 1_700_000,
    ],
    ids=["ascii", "binary", "text", "marks"],
)
def test_five_megabytes_are_shown_while_nobody_notices(show: Callable[[bytes], str], value: bytes) -> None:
    start = time.process_time()
    show(value)
    assert time.process_time() - start < 20  # far from it; a step that is quadratic takes hours
