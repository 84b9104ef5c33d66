"""Sentences of ours in lines."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from pyredis_cli.core.sentence import in_lines

WORDS = st.text("ab", min_size=1, max_size=9)


@given(st.lists(WORDS, min_size=1), st.integers(0, 4), st.integers(1, 30))
def test_every_word_is_there_in_lines_that_fit(words: list[str], indent: int, columns: int) -> None:
    lines = in_lines(" " * indent + " ".join(words), columns)
    assert " ".join(lines).split() == words
    assert all(len(line) <= columns or len(line.split()) == 1 for line in lines)


def test_what_is_indented_goes_on_deeper() -> None:
    assert in_lines("  line 2: FLUSHALL deletes all", 18) == ["  line 2: FLUSHALL", "    deletes all"]
    assert in_lines("FLUSHALL deletes all", 12) == ["FLUSHALL", "deletes all"]
