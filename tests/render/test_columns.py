"""Columns of tables where they are too wide for the terminal: what is folded, what is not, and what gives up."""

from __future__ import annotations

from collections.abc import Sequence

from pyredis_cli.render.blocks import Beside, Block, Cell, Column, Document, Fact, Facts, Grid, Section
from pyredis_cli.render.look import Look
from pyredis_cli.render.sheet import sheet_parts

_ID = "580f0c02f86f3b0289edc58506b785a410071ed6"


def _lines(width: int, *blocks: Block) -> list[str]:
    parts = sheet_parts(blocks, Look(width))
    return b"".join(part for part, _ in parts).decode().splitlines()


def _cells(*said: str) -> Sequence[Cell]:
    return [(("text", word),) for word in said]


def test_an_id_stays_whole_and_the_text_beside_it_is_folded() -> None:
    columns = Column("id", whole=True), Column("name")
    grid = Grid(columns, [_cells(_ID, "the quick brown fox jumps")])
    assert _lines(60, grid) == [
        f"id{'':40}name",
        f"{_ID}  the quick brown fo",
        f"{'':42}x jumps",
    ]


def test_where_an_id_has_no_room_each_row_is_a_list_of_facts() -> None:
    columns = Column("id", whole=True), Column("name")
    assert _lines(30, Grid(columns, [_cells(_ID, "fox")])) == [
        "1) id    580f0c02f86f3b0289edc",
        "         58506b785a410071ed6",
        "   name  fox",
    ]


def test_the_last_cell_of_a_short_row_is_none_of_the_columns() -> None:
    columns = Column("id", whole=True), Column("name"), Column("age", right=True)
    rows = [_cells(_ID, "ada", "36"), _cells("2", "was deleted")]
    assert _lines(30, Grid(columns, rows))[2:] == [
        "   name  ada",
        "   age   36",
        "2) id  2",
        "       was deleted",
    ]


def test_a_fact_without_name_and_value_is_no_line() -> None:
    columns = Column("id", whole=True), Column(), Column("name")
    assert _lines(30, Grid(columns, [[*_cells(_ID), (), *_cells("ada")]]))[2:] == ["   name  ada"]


def test_a_number_keeps_its_place_at_the_right_in_a_line_that_another_cell_is_too_wide_for() -> None:
    columns = Column("name"), Column("last pong", right=True)
    rows = [_cells("the quick brown fox", "9 s"), _cells("ada", "1 min 2 s")]
    assert _lines(28, Grid(columns, rows)) == [
        "name               last pong",
        "the quick brown fox      9 s",
        "ada                1 min 2 s",
    ]


def test_short_values_leave_their_room_to_the_names_of_facts() -> None:
    facts: list[Fact] = [(_cells("a_name_of_35_characters_that_is_long")[0], _cells("0")[0])]
    assert _lines(40, Facts(facts)) == ["a_name_of_35_characters_that_is_long  0"]


def test_every_line_of_a_document_in_a_section_is_indented() -> None:
    document = Document(lambda: iter([("text", "one\n\n"), ("text", b"two\nth"), ("string", "ree")]))
    assert _lines(40, Section((), [document])) == ["", "  one", "", "  two", "  three"]


def _named(*facts: tuple[str, str], title: str) -> Facts:
    return Facts([((("label", name),), (("text", said),)) for name, said in facts], (("heading", title),))


def test_a_long_value_or_two_do_not_keep_facts_from_standing_side_by_side() -> None:
    left = _named(*((f"name_{at}", "1") for at in range(15)), ("id", _ID), title="Left")
    right = _named(*((f"a_much_longer_name_{at}", "2") for at in range(16)), title="Right")
    lines = _lines(52, Beside([left, right]))
    assert lines[0].split() == ["Left", "Right"]
    assert len(lines) == 18


def test_facts_do_not_stand_side_by_side_where_a_name_would_be_folded() -> None:
    left = _named(("a", "1"), title="Left")
    right = _named(("b" * 58, "2"), title="Right")
    assert _lines(60, Beside([left, right]))[:2] == ["Left", "a  1"]


def test_the_value_of_a_fact_stands_nearer_to_its_name_before_it_is_folded() -> None:
    facts = _named(("a_very_long_name", "1"), ("id", "z" * 25), title="Facts")
    assert _lines(30, facts) == ["Facts", "a_very_long_name  1", f"id   {'z' * 25}"]
    assert _lines(26, facts)[2:] == [f"id  {'z' * 22}", "    zzz"]


def test_what_is_said_about_a_value_is_folded_between_words() -> None:
    fact = ((("label", "used"),), (("text", "12345678"), ("note", "  85% of all")))
    assert _lines(21, Facts([fact])) == ["used  12345678  85%", "      of all"]
