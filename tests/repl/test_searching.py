"""Ctrl-R finds what prompt_toolkit would find, and soon."""

from __future__ import annotations

import time
from collections import deque

from hypothesis import given
from hypothesis import strategies as st
from prompt_toolkit.buffer import Buffer
from prompt_toolkit.search import SearchDirection, SearchState

from pyredis_cli.repl.searching import speed_up


def buffer_of(lines: list[str], number: int, cursor: int) -> Buffer:
    buffer = Buffer()
    buffer._working_lines = deque(lines)
    buffer.working_index = number
    buffer.cursor_position = cursor
    return buffer


@given(
    st.lists(st.text("abAB\n", max_size=5), min_size=1, max_size=6),
    st.text("abA", max_size=3),
    st.sampled_from(SearchDirection),
    st.booleans(),
    st.booleans(),
    st.integers(1, 2),
    st.data(),
)
def test_the_same_is_found(
    lines: list[str],
    text: str,
    direction: SearchDirection,
    current: bool,
    ignore_case: bool,
    count: int,
    data: st.DataObject,
) -> None:
    number = data.draw(st.integers(0, len(lines) - 1))
    cursor = data.draw(st.integers(0, len(lines[number])))
    theirs, ours = (buffer_of(lines, number, cursor) for _ in range(2))
    speed_up(ours)
    sought = SearchState(text, direction, ignore_case)
    assert ours._search(sought, current, count) == theirs._search(sought, current, count)


def test_a_hundred_thousand_lines_are_searched_in_a_fraction_of_the_time() -> None:
    lines = [*(f"SET key:{number} x" for number in range(100_000)), ""]
    buffer = buffer_of(lines, 100_000, 0)
    sought = SearchState("key:7 ", SearchDirection.BACKWARD)

    def seconds() -> float:
        begin = time.perf_counter()
        assert buffer._search(sought) == (7, 4)
        return time.perf_counter() - begin

    theirs = seconds()
    speed_up(buffer)
    assert min(seconds() for _ in range(3)) < theirs / 10
