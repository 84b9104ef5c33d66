"""Cells of words: they go on where a line would end between words, not in one."""

from __future__ import annotations

import pytest

from pyredis_cli.render.blocks import Block, Column, Facts, Grid, Line
from pyredis_cli.render.look import Look
from pyredis_cli.render.sheet import sheet_parts


def seen(block: Block, width: int) -> list[str]:
    parts = sheet_parts([block], Look(width))
    return b"".join(part for part, _ in parts).decode().splitlines()


def test_a_column_of_words_is_folded_between_them() -> None:
    rows = [[(("text", "a"),), (("text", "some words that are folded"),)]]
    assert seen(Grid((Column(), Column(words=True)), rows), 20) == [
        "a  some words that",
        "   are folded",
    ]


def test_other_columns_are_folded_anywhere() -> None:
    rows = [[(("text", "a"),), (("text", "some words that are folded"),)]]
    assert seen(Grid((Column(), Column()), rows), 20) == ["a  some words that a", "   re folded"]


def test_a_word_that_no_line_has_room_for_is_folded_all_the_same() -> None:
    rows = [[(("text", "a"),), (("text", "x" * 30),)]]
    assert seen(Grid((Column(), Column(words=True)), rows), 20) == ["a  " + "x" * 17, "   " + "x" * 13]


def test_what_fills_the_rest_of_its_line_begins_where_its_column_does() -> None:
    columns = (Column("id", right=True), Column("usec", right=True), Column("client", words=True))
    rows = [
        [(("text", "7"),), (("text", "12345"),), (("text", "web"),)],
        [(), (("text", "GET key"),)],
    ]
    assert seen(Grid(columns, rows), 40) == ["id   usec  client", " 7  12345  web", "    GET key"]


@pytest.mark.parametrize("width", range(3, 40))
def test_blanks_at_the_end_of_a_line_are_not_at_the_beginning_of_the_next(width: int) -> None:
    line = Line((("text", "abc"), ("break", "  "), ("note", "de"), ("break", " "), ("text", "fgh")))
    lines = seen(line, width)
    assert [line for line in lines if line != line.strip()] == []
    assert "".join(lines).replace(" ", "") == "abcdefgh"
    assert [line for line in lines if len(line) > width] == []


def test_facts_that_are_folded_are_no_wider_than_others() -> None:
    facts = Facts([((("label", "name"),), (("text", "x" * 200),))])
    assert {len(line) for line in seen(facts, 50)[:-1]} == {50}
