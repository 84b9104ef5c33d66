"""Blocks as lines: how wide, in which order, how many, and that nothing steers the terminal."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator, Sequence
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.cells import cell_len

from pyredis.exceptions import ReplyError
from pyredis.types import Attributed, Map, Reply
from pyredis_cli.render.blocks import (
    Beside,
    Block,
    Cell,
    Column,
    Document,
    Fact,
    Facts,
    Grid,
    Layout,
    Line,
    Section,
    counted,
)
from pyredis_cli.render.layout import Piece
from pyredis_cli.render.look import Look, Measure
from pyredis_cli.render.sheet import sheet_parts

_COLOR = re.compile(r"\x1b\[[0-9;]*m")


def sheet(*blocks: Block, width: int = 80, elements: int | None = None, color: bool = False) -> str:
    look = Look(width, color=color, measure=Measure(elements, characters=10**6))
    return b"".join([part for part, _ in sheet_parts(blocks, look)]).decode()


def text(said: str | bytes) -> Cell:
    return (("text", said),)


def facts(count: int, name: str = "name", value: str = "value", title: str = "") -> Facts:
    said: list[Fact] = [(text(f"{name}{at}"), text(value)) for at in range(count)]
    return Facts(said, text(title) if title else ())


def grid(
    *rows: Sequence[str], columns: Sequence[Column] = (Column("key"), Column("value")), **how: Any
) -> Grid:
    return Grid(columns, rows, lambda row: [text(said) for said in row], **how)


# -- any blocks at all


def pieces() -> st.SearchStrategy[Piece]:
    odd = [
        "中文",
        "e\u0301",
        "❤\ufe0f",
        "👍🏽",
        "\x1b[31m",
        "\u202e",
        "[red]x[/red]",
        "a b c",
        "1234567890" * 5,
    ]
    said = st.one_of(st.text(), st.binary(), st.sampled_from(odd), st.sampled_from(odd).map(str.encode))
    return st.tuples(st.sampled_from(["text", "string", "note", "integer", "warning", "index"]), said)


def cells() -> st.SearchStrategy[Cell]:
    return st.lists(pieces(), max_size=3)


def fact_lists() -> st.SearchStrategy[Facts]:
    return st.builds(Facts, st.lists(st.tuples(cells(), cells()), max_size=5), cells())


@st.composite
def grids(draw: st.DrawFn) -> Grid:
    names = st.one_of(st.just(""), st.text(max_size=12), st.binary(max_size=12))
    columns = draw(st.lists(st.builds(Column, names, st.booleans()), min_size=1, max_size=6))
    rows = draw(st.lists(st.lists(cells(), max_size=len(columns)), max_size=70))
    return Grid(columns, rows, tuple, draw(st.booleans()))


def blocks() -> st.SearchStrategy[list[Block]]:
    flat: st.SearchStrategy[Block] = st.one_of(
        grids(), fact_lists(), st.builds(Line, cells()), st.builds(Beside, st.lists(fact_lists(), max_size=5))
    )
    nested: st.SearchStrategy[Block] = st.recursive(
        flat, lambda inner: st.builds(Section, cells(), st.lists(inner, max_size=2)), max_leaves=4
    )
    return st.lists(nested, max_size=3)


@settings(deadline=None)
@given(blocks(), st.integers(20, 120))
def test_no_line_is_wider_than_the_terminal(some: list[Block], width: int) -> None:
    lines = sheet(*some, width=width).split("\n")
    assert [line for line in lines if cell_len(line) > width] == []


@settings(deadline=None)
@given(blocks(), st.integers(20, 300), st.integers(0, 20) | st.none())
def test_colours_change_nothing_and_end_before_each_line_does(
    some: list[Block], width: int, elements: int | None
) -> None:
    colored = sheet(*some, width=width, elements=elements, color=True)
    assert _COLOR.sub("", colored) == sheet(*some, width=width, elements=elements)
    for line in colored.split("\n"):
        assert _COLOR.findall(line)[-1:] in ([], ["\x1b[0m"])


@settings(deadline=None)
@given(blocks(), st.integers(20, 100))
def test_whatever_is_said_nothing_steers_the_terminal(some: list[Block], width: int) -> None:
    lines = sheet(*some, width=width)
    assert not [character for character in lines if character != "\n" and not _harmless(character)]


def _harmless(character: str) -> bool:
    return character.isprintable() or character == "\u3000"


@settings(deadline=None)
@given(blocks(), st.integers(0, 30))
def test_what_is_shown_and_what_is_missing_is_all_there_is(some: list[Block], elements: int) -> None:
    look = Look(measure=Measure(elements))
    parts = list(sheet_parts(some, look))
    shown = sum(begun for _, begun in parts)
    total = counted(some)
    assert shown == min(total, elements)
    said = re.search(r"… ([0-9,]+) more element", parts[-1][0].decode()) if parts else None
    assert (int(said[1].replace(",", "")) if said else 0) == total - shown


# -- tables


def test_columns_are_as_wide_as_what_is_in_them() -> None:
    assert sheet(grid(["a", "1"], ["longer", "2"])) == "key     value\na       1\nlonger  2\n"


def test_numbers_stand_at_the_right() -> None:
    columns = (Column("keys", right=True), Column("db"))
    assert sheet(grid(["1", "a"], ["12345", "b"], columns=columns)) == " keys  db\n    1  a\n12345  b\n"


def test_rows_are_numbered_when_that_is_asked_for() -> None:
    rows = [["k", "v"]] * 10
    lines = sheet(grid(*rows, numbered=True)).splitlines()
    assert (lines[0], lines[1], lines[10]) == ("    key  value", " 1) k    v", "10) k    v")


def test_without_names_there_is_no_head() -> None:
    assert sheet(grid(["a", "b"], columns=(Column(), Column()))) == "a  b\n"


def test_a_cell_without_room_is_folded_under_itself() -> None:
    assert sheet(grid(["a", "0123456789" * 4]), width=25) == (
        "key  value\na    01234567890123456789\n     01234567890123456789\n"
    )


def test_rows_become_records_where_columns_have_no_room() -> None:
    columns = tuple(Column(name) for name in ("id", "address", "name"))
    wide = grid(["7", "x" * 18, "y" * 30], ["8", "z" * 18, ""], columns=columns)
    assert sheet(wide, width=26) == (
        f"1) id       7\n   address  {'x' * 14}\n            {'x' * 4}\n"
        f"   name     {'y' * 14}\n            {'y' * 14}\n            {'y' * 2}\n"
        f"2) id       8\n   address  {'z' * 14}\n            {'z' * 4}\n   name\n"
    )


def test_a_record_has_no_line_for_a_cell_of_nothing() -> None:
    columns = tuple(Column(name, right=True) for name in ("one", "two", "three"))
    row = [text("1" * 9), (), text("3" * 9)]
    assert sheet(Grid(columns, [row]), width=20) == "1) one    111111111\n   three  333333333\n"


def test_the_last_cell_of_a_short_row_fills_its_line() -> None:
    short = grid(
        ["a", "b", "c"], ["a", "all the rest of it"], columns=(Column("x"), Column("y"), Column("z"))
    )
    assert sheet(short) == "x  y  z\na  b  c\na  all the rest of it\n"


def test_in_a_record_the_last_cell_of_a_short_row_has_no_name() -> None:
    columns = tuple(Column(name, right=True) for name in ("one", "two", "three"))
    short = grid(["1" * 9, "2" * 9, "3" * 9], ["1", "rest"], columns=columns)
    assert sheet(short, width=20).splitlines()[-2:] == ["2) one  1", "        rest"]


_MANY = [["a", "b", "c"]] * 100
_THREE = (Column("one"), Column("two"), Column("three"))


def test_a_later_cell_that_is_wider_pushes_the_others_aside() -> None:
    lines = sheet(grid(*_MANY, ["a", "wider than its column", "c"], columns=_THREE)).splitlines()
    assert lines[1] == "a    b    c"
    assert lines[-1] == "a    wider than its column  c"


def test_what_was_pushed_aside_comes_back_to_its_column() -> None:
    lines = sheet(grid(*_MANY, ["a", "wide r", "c"], columns=(*_THREE[:2], Column("n" * 9, right=True))))
    assert lines.splitlines()[-2:] == ["a    b            c", "a    wide r       c"]


def test_a_later_cell_without_room_is_folded_in_its_column() -> None:
    lines = sheet(grid(*_MANY, ["a", "0123456789", "c" * 26], columns=_THREE), width=38).splitlines()
    assert lines[-4:] == [f"a    012  {'c' * 26}", *("     345", "     678", "     9")]


def test_a_later_cell_that_would_take_many_lines_gets_more_room() -> None:
    lines = sheet(grid(*_MANY, ["a", "0123456789" * 3, "c"], columns=_THREE), width=30).splitlines()
    assert lines[-2:] == ["a    0123456789012345678901  c", "     23456789"]


def test_a_row_that_would_take_many_lines_is_a_record() -> None:
    columns = [Column(name) for name in ("one", "two", "three", "four")]
    rows = [["a" * 9, "b" * 9, "c" * 9, "d" * 9]] * 100
    lines = sheet(grid(*rows, ["a", "b", "c", "d" * 300], columns=columns), width=42).splitlines()
    assert lines[0].split() == ["one", "two", "three", "four"]
    assert lines[101:105] == ["101) one    a", "     two    b", "     three  c", f"     four   {'d' * 30}"]
    assert len(lines) == 114


def test_a_table_of_nothing_but_records_has_no_head() -> None:
    columns = [Column(name) for name in ("one", "two", "three", "four")]
    rows = [["a" * 9, "b" * 9, "c" * 9, "d" * 800]] * 3
    assert sheet(grid(*rows, columns=columns), width=50).splitlines()[0] == "1) one    aaaaaaaaa"


def test_digits_at_the_right_are_never_folded() -> None:
    columns = (Column("key"), Column("keys", right=True))
    rows = [["some key", "1"]] * 100
    lines = sheet(grid(*rows, ["another key here", "1234567890"], columns=columns), width=20).splitlines()
    assert lines[-3:] == ["some key     1", "another   1234567890", "key here"]


def test_a_head_of_hostile_bytes_is_escaped() -> None:
    columns = (Column(b"\x1b]52;c;aGk=\x07\xff"), Column("\u202eright"))
    assert sheet(grid(["a", "b"], columns=columns)).splitlines()[0] == (
        r"\x1b]52;c;aGk=\a\xff  \xe2\x80\xaeright"
    )


def test_markup_is_inert() -> None:
    assert sheet(grid(["[bold]a[/bold]", "[/]"]), color=True).splitlines()[1] == "[bold]a[/bold]  [/]"


@pytest.mark.parametrize("width", [20, 80])
def test_the_first_line_of_a_million_rows_looks_at_a_screenful(width: int) -> None:
    looked: list[int] = []

    def cells(row: int) -> Sequence[Cell]:
        looked.append(row)
        return text("key" * 9), text(f"value {row}")

    parts = sheet_parts([Grid((Column("a"), Column("b")), range(1_000_000), cells, True)], Look(width))
    next(parts)
    assert 0 < len(looked) < 100
    next(parts)
    assert len(looked) < 100


def test_a_column_of_its_own_is_folded_and_never_a_record() -> None:
    assert sheet(grid(["x" * 30], columns=(Column(),)), width=20) == f"{'x' * 20}\n{'x' * 10}\n"


def test_ten_thousand_rows_take_a_part_of_a_second() -> None:
    rows = [(b"field:%d" % at, b"some value %d" % at) for at in range(10_000)]
    table = Grid((Column(), Column()), rows, lambda row: [text(row[0]), text(row[1])], True)
    took = []
    for _ in range(5):
        start = time.process_time()
        sheet(table, color=True)
        took.append(time.process_time() - start)
    assert min(took) < 0.5


# -- facts


def test_values_stand_below_each_other() -> None:
    assert sheet(Facts([(text("a"), text("1")), (text("long name"), text("2"))], text("Title"))) == (
        "Title\na          1\nlong name  2\n"
    )


def test_a_name_is_cut_only_when_its_value_has_no_room() -> None:
    assert sheet(Facts([(text("n" * 30), text("12345"))]), width=40) == f"{'n' * 30}  12345\n"
    lines = sheet(Facts([(text("n" * 30), text("v" * 30))]), width=40).splitlines()
    assert lines == [f"{'n' * 26}  {'v' * 12}", f"{'n' * 4}{' ' * 24}{'v' * 12}", f"{' ' * 28}{'v' * 6}"]


def test_facts_stand_beside_each_other_where_they_fit() -> None:
    two = Beside([facts(2, title="One"), facts(2, title="Two")])
    assert sheet(two, width=27).splitlines()[0].split() == ["One", "Two"]
    assert sheet(two, width=26).splitlines() == [
        *("One", "name0  value", "name1  value", ""),
        *("Two", "name0  value", "name1  value"),
    ]


def test_columns_of_facts_have_much_the_same_height() -> None:
    lines = sheet(Beside([facts(9), facts(3), facts(3), facts(2)]), width=40).splitlines()
    assert len(lines) == 10


def test_facts_beside_each_other_stand_in_their_order_from_the_left() -> None:
    lines = sheet(
        Beside([facts(1, title=title) for title in ("One", "Two", "Three")]), width=200
    ).splitlines()
    assert lines[0].split() == ["One", "Two", "Three"]


# -- what is too much


def test_elements_are_counted_over_all_blocks() -> None:
    lines = sheet(facts(3), grid(["a", "b"], ["c", "d"]), facts(4), elements=4).splitlines()
    assert lines[-2:] == ["a    b", "… 5 more elements (pyredis-cli exec ... | less shows all)"]


def test_what_is_missing_of_a_nested_reply_is_counted_with_the_rest() -> None:
    reply: Reply = [1, [2, 3], 4]
    lines = sheet(Section(text("nested"), [Layout(reply)]), facts(2), elements=3)
    assert lines == (
        "nested\n  1) (integer) 1\n  2) 1) (integer) 2\n"
        "… 4 more elements (pyredis-cli exec ... | less shows all)\n"
    )


def test_nothing_is_said_of_what_is_all_there() -> None:
    assert "…" not in sheet(facts(3), Layout([1, 2]), elements=5)


def test_facts_beside_each_other_are_counted_too() -> None:
    lines = sheet(Beside([facts(2, title="One"), facts(2, title="Two")]), elements=2).splitlines()
    assert lines == ["One", "name0  value", "name1  value", lines[-1]]
    assert lines[-1].startswith("… 2 more elements")


# -- documents and the wire's own arrangement


def test_a_document_is_indented_with_its_section_and_not_folded() -> None:
    def lines() -> Iterator[Piece]:
        yield from (("text", "{"), ("break", "\n"), ("string", "x" * 60), ("break", "\n}"))

    assert sheet(Section(text("document"), [Document(lines)]), width=30) == (
        f"document\n  {{\n  {'x' * 60}\n  }}\n"
    )


def test_lines_of_a_document_are_counted() -> None:
    document = Document(lambda: iter([("text", b"one\r\ntwo\n"), ("text", "three\nfour")]))
    assert counted([document]) == 4
    assert [counted([document], most) for most in (1, 3, 4)] == [2, 4, 4]
    assert sheet(document) == "one\ntwo\nthree\nfour\n"
    assert sheet(document, elements=2).splitlines() == [
        *("one", "two", "… 2 more lines (pyredis-cli exec ... | less shows all)")
    ]


def test_what_is_said_behind_too_many_elements_is_shown() -> None:
    said = Line(text("that is all"))
    rows = Grid((Column(),), [b"a", b"b", b"c"], lambda row: (text(row),))
    assert sheet(rows, said, elements=2).splitlines() == [
        *("a", "b", "that is all", "… 1 more element (pyredis-cli exec ... | less shows all)")
    ]
    lines = Document(lambda: iter([("text", "one\ntwo")]))
    assert sheet(lines, said, said, elements=2).splitlines() == ["one", "two", "that is all", "that is all"]
    assert sheet(rows, said, rows, elements=2).splitlines() == [
        *("a", "b", "… 4 more elements (pyredis-cli exec ... | less shows all)")
    ]


def test_an_endless_document_is_not_read_to_its_end() -> None:
    def endless() -> Iterator[Piece]:
        while True:
            yield "text", "line\n"

    assert "… more than 10,000 more lines" in sheet(Document(endless), elements=5)


def test_a_line_of_a_document_is_cut_to_the_length_of_a_value() -> None:
    look = Look(measure=Measure(characters=10))
    document = Document(lambda: iter([("string", "0123456789"), ("string", "abc"), ("break", "\nnext")]))
    shown = b"".join(part for part, _ in sheet_parts([document], look)).decode()
    assert shown == (
        "0123456789 … (a line of 13; first 10 shown; pyredis-cli exec ... | less shows all)\nnext\n"
    )


def test_who_wants_all_elements_gets_long_lines_of_a_document_whole() -> None:
    line = "0123456789" * 2_000
    document = Document(lambda: iter([("text", line)]))
    cut = b"".join(
        part for part, _ in sheet_parts([document], Look(measure=Measure(all_elements="off shows")))
    )
    assert cut.decode() == f"{line[:10_000]} … (a line of 20,000; first 10,000 shown; off shows)\n"
    whole = b"".join(part for part, _ in sheet_parts([document], Look(measure=Measure(None))))
    assert whole.decode() == f"{line}\n"


def test_an_endless_line_of_a_document_is_not_read_to_its_end() -> None:
    def endless() -> Iterator[Piece]:
        while True:
            yield "string", "0123456789"

    look = Look(measure=Measure(characters=10))
    [(shown, begun)] = sheet_parts([Document(endless)], look)
    assert begun == 1
    assert shown.decode() == (
        "0123456789 … (a line of more than 10,000, and all behind it; first 10 shown; "
        "pyredis-cli exec ... | less shows all)\n"
    )


def test_what_is_nested_is_indented_line_by_line() -> None:
    reply = Attributed(Map([(b"a", [1, 2])]), Map([(b"ttl", 5)]))
    assert sheet(Section(text("it"), [Layout(reply)])) == (
        'it\n  |1# "ttl" => (integer) 5\n  1# "a" => \n     1) (integer) 1\n     2) (integer) 2\n'
    )


def test_an_error_among_facts_is_no_code_for_the_terminal() -> None:
    assert sheet(Layout([ReplyError("ERR \x1b[2J")])) == "1) (error) ERR \\x1b[2J\n"


def test_a_sentence_is_folded_between_words() -> None:
    assert sheet(Line(text("one two three four")), width=20) == "one two three four\n"
    assert sheet(Section(text("x"), [Line(text("one two three four"))]), width=20) == (
        "x\none two three four\n"
    )


def test_sections_in_sections_stop_going_to_the_right() -> None:
    deep: Block = Line(text("the end"))
    for _ in range(50):
        deep = Section(text("in"), [deep])
    assert sheet(deep, width=40).splitlines()[-1] == " " * 20 + "the end"


def test_sentences_in_a_column_are_folded_between_words() -> None:
    columns = (Column("user"), Column("rules", words=True))
    assert sheet(grid(["ada", "+@all -@dangerous +info ~cart:*"], columns=columns), width=25).splitlines()[
        1:
    ] == [*("ada   +@all -@dangerous", "      +info ~cart:*")]


def test_what_is_spare_goes_to_the_values_that_would_be_folded() -> None:
    two = Beside([facts(2, title="One"), Facts([(text("run_id"), text("0123456789" * 4))], text("Two"))])
    assert sheet(two, width=12 + 3 + 48).splitlines() == [
        f"{'One':15}Two",
        f"name0  value   run_id  {'0123456789' * 4}",
        "name1  value",
    ]
