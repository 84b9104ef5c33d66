"""Where text is wrapped, and what it costs to know."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import islice

from hypothesis import given
from hypothesis import strategies as st

from pyredis_cli.repl.rows import Row, rows

WORDS = st.text(st.sampled_from('ab "\n\té東🦊\u0301'))
CODES = st.sampled_from(["\x1b[32m", "\x1b[1;31m", "\x1b[0m"])


def rows_of(*parts: str, columns: int = 10) -> list[str]:
    found = rows([(part.encode(), 0) for part in parts], lambda: columns)
    return [row.text.decode() for row in found]


def test_lines_are_wrapped_where_the_terminal_does() -> None:
    assert rows_of("12345", "67890\n", "12345678901\n\nx") == ["1234567890", "1234567890", "1", "", "x"]
    assert rows_of("東京東京東京") == ["東京東京東", "京"]
    assert rows_of("123456789東") == ["123456789", "東"]
    assert rows_of("1\t2\t3") == ["1\t2", "\t3"]
    assert rows_of("") == []


def test_a_colour_goes_on_in_the_next_row_and_ends_with_each() -> None:
    assert rows_of("\x1b[32m1234567890123\x1b[0m\n4") == [
        "\x1b[32m1234567890\x1b[0m",
        "\x1b[32m123\x1b[0m",
        "4",
    ]
    assert rows_of("\x1b[3", "2mx\x1b", "[0m\n") == ["\x1b[32mx\x1b[0m"]


def test_a_row_knows_how_many_elements_have_begun_and_whether_its_line_ends() -> None:
    parts = [(b"1) ", 1), (b"a" * 8, 0), (b"\n2) ", 1), (b"\n", 0)]
    assert list(rows(parts, lambda: 10)) == [
        Row(b"1) aaaaaaa", False, 1),
        Row(b"a", True, 1),
        Row(b"2) ", True, 2),
    ]


@given(st.lists(st.one_of(WORDS, CODES)), st.integers(1, 12), st.lists(st.integers(1, 9)))
def test_nothing_is_lost_or_depends_on_how_it_is_cut(texts: list[str], columns: int, cuts: list[int]) -> None:
    whole = "".join(texts).encode()
    parts = list(cut(whole, cuts))
    found = list(rows([(part, 0) for part in parts], lambda: columns))
    assert found == list(rows([(whole, 0)], lambda: columns))
    text = b"".join(row.text + b"\n" * row.ended for row in found)
    assert bare(text).rstrip(b"\n") == bare(whole).rstrip(b"\n")


def cut(whole: bytes, sizes: list[int]) -> Iterator[bytes]:
    at = 0
    for size in sizes:
        yield whole[at : at + size]
        at += size
    yield whole[at:]


def bare(text: bytes) -> bytes:
    return re.sub(rb"\x1b\[[0-9;]*m", b"", text)


def test_a_screenful_of_a_long_value_is_all_that_is_looked_at() -> None:
    taken = 0

    def parts() -> Iterator[tuple[bytes, int]]:
        nonlocal taken
        while True:
            taken += 1
            yield b"x" * 100, 0

    assert len(list(islice(rows(parts(), lambda: 80), 24))) == 24
    assert taken <= 80 * 25 / 100 + 1


def test_a_screenful_of_one_endless_line_is_found_at_once() -> None:
    assert len(list(islice(rows([(b"x" * 50_000_000, 0)], lambda: 80), 24))) == 24
