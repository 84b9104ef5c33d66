"""Words in lines of a width."""

from __future__ import annotations

from collections.abc import Iterable

from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from pyredis_cli.render.escape import printable
from pyredis_cli.render.fold import folded, width
from pyredis_cli.render.layout import Role
from pyredis_cli.render.values import Word

_ROLES: tuple[Role, ...] = ("string", "text", "note", "integer")


def said() -> st.SearchStrategy[str]:
    """Return strategies for what `escape` lets through: wide characters, emoji, marks, and plenty of blanks."""
    odd = ["中", "é", "e\u0301", "❤\ufe0f", "1\ufe0f\u20e3", "👍🏽", "🇩🇪", "ก็", "\u3000", " ", "  ", "word"]
    return st.one_of(
        st.text(), st.text("ab "), st.lists(st.sampled_from(odd)).map("".join), st.text("0123", max_size=200)
    ).map(printable)


def phrases() -> st.SearchStrategy[list[Word]]:
    return st.lists(st.tuples(st.sampled_from(_ROLES), said()), max_size=6)


@given(phrases(), st.integers(2, 60), st.booleans())
def test_no_line_is_wider_than_the_room(words: list[Word], columns: int, at_blanks: bool) -> None:
    for line in folded(words, columns, at_blanks=at_blanks):
        assert sum(cell_len(said) for _, said in line) <= columns


@given(st.sampled_from(_ROLES), said(), st.integers(1, 60))
def test_lines_put_together_are_the_value_with_its_role(role: Role, value: str, columns: int) -> None:
    lines = folded([(role, value)], columns)
    assert _whole(word for line in lines for word in line) == _whole([(role, value)])


@given(phrases(), st.integers(1, 60))
def test_only_blanks_vanish_between_words(words: list[Word], columns: int) -> None:
    lines = folded(words, columns, at_blanks=len(words) < 2)
    folded_words = _by_character(word for line in lines for word in line)
    assert [pair for pair in folded_words if pair[1] != " "] == [
        pair for pair in _by_character(words) if pair[1] != " "
    ]


def test_a_note_is_folded_between_words_and_a_value_that_is_noted_anywhere() -> None:
    words: list[Word] = [("text", "ab cd"), ("note", "  is so so")]
    assert folded(words, 4) == [
        [("text", "ab c")],
        [("text", "d")],
        [("note", "is")],
        [("note", "so")],
        [("note", "so")],
    ]


def test_what_is_made_of_several_pieces_is_folded_between_words() -> None:
    words: list[Word] = [("label", "to"), ("arrow", "="), ("string", '"user one"'), ("arrow", " is")]
    assert folded(words, 9) == [
        [("label", "to"), ("arrow", "="), ("string", '"user')],
        [("string", 'one"'), ("arrow", " is")],
    ]


@given(st.text("ab", min_size=1), st.integers(1, 20))
def test_every_line_but_the_last_is_full(said: str, columns: int) -> None:
    *full, last = folded([("text", said)], columns)
    assert {width(line) for line in full} <= {columns}
    assert 0 < width(last) <= columns


def test_a_line_ends_between_words_where_there_are_some() -> None:
    lines = folded([("text", "one two three"), ("note", " four")], 8, at_blanks=True)
    assert lines == [[("text", "one two")], [("text", "three")], [("note", "four")]]


def test_no_line_begins_with_the_blank_that_the_one_before_has_no_room_for() -> None:
    words: list[Word] = [("text", "abcd"), ("break", " "), ("name", "efgh"), ("break", " ")]
    assert folded(words, 4, at_blanks=True) == [[("text", "abcd")], [("name", "efgh")]]


def test_a_word_that_fits_no_line_is_cut() -> None:
    assert folded([("text", "ab abcdefgh")], 4, at_blanks=True) == [
        [("text", "ab")],
        [("text", "abcd")],
        [("text", "efgh")],
    ]


def test_marks_stay_with_their_letters() -> None:
    lines = folded([("text", "e\u0301e\u0301e\u0301")], 2)
    assert lines == [[("text", "e\u0301e\u0301")], [("text", "e\u0301")]]


def test_a_wide_character_is_never_half_in_a_line() -> None:
    assert folded([("text", "a中中")], 2) == [[("text", "a")], [("text", "中")], [("text", "中")]]


def test_nothing_is_one_empty_line() -> None:
    assert folded([], 10) == [[]]


def _whole(words: Iterable[Word]) -> list[Word]:
    """Return the characters that no line may lose: blanks vanish only in notes."""
    return [pair for pair in _by_character(words) if pair != ("note", " ")]


def _by_character(words: object) -> list[tuple[Role, str]]:
    return [(role, character) for role, said in words for character in said]  # type: ignore[attr-defined]
