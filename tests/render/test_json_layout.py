"""JSON laid out for people: nothing read, nothing lost, nothing that steers the terminal."""

from __future__ import annotations

import json
import time
from itertools import islice
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from pyredis_cli.render.escape import dangerous
from pyredis_cli.render.json_layout import TOKEN, WIDTH, json_pieces

documents = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=60,
)


def laid_out(text: str) -> str:
    return "".join(words for _, words in json_pieces(text))


def words(text: str) -> list[str]:
    return [found[0].strip(" \t\r\n") for found in TOKEN.finditer(text.rstrip(" \t\r\n"))]


def members(text: str) -> Any:
    """Return what the text says, members that are there twice and all digits included."""
    return json.loads(text, object_pairs_hook=tuple, parse_int=str, parse_float=str, parse_constant=str)


@given(documents, st.sampled_from([None, 0, 3]), st.booleans())
def test_the_layout_says_what_the_document_says(document: Any, indent: int | None, plain: bool) -> None:
    text = json.dumps(document, indent=indent, ensure_ascii=plain)
    assert members(laid_out(text)) == members(text)
    if plain:
        assert words(laid_out(text)) == words(text)


@pytest.mark.parametrize(
    "text",
    ['{"a":1,"a":2}', "[1.50E+03,-0,1e400,123456789012345678901234567890]", r'["\u0041\/\ud83d"]', " 12\n"],
)
def test_every_word_stays_as_it_was_written(text: str) -> None:
    assert words(laid_out(text)) == words(text)


@given(documents)
def test_a_layout_laid_out_again_is_the_same(document: Any) -> None:
    once = laid_out(json.dumps(document, ensure_ascii=False))
    assert laid_out(once) == once


@given(st.text(alphabet='[]{},:"\\ \n\t01-.eEnulltrue\u202e') | st.text())
@example('[1 2] NaN oops "\\"x')
def test_text_that_is_no_json_is_not_lost(text: str) -> None:
    shown = laid_out(text)
    assert not dangerous(shown) - {"\n"}
    if not dangerous(text):
        assert "".join(shown.split()) == "".join(text.split())


@given(st.text())
def test_nothing_in_a_string_steers_the_terminal(value: str) -> None:
    shown = laid_out(json.dumps([value, {value: "\x7f\x9b\u202e\u200b"}], ensure_ascii=False))
    assert not dangerous(shown) - {"\n"}
    assert json.loads(shown) == [value, {value: "\x7f\x9b\u202e\u200b"}]


def test_marks_without_end_are_escaped_and_mean_the_same() -> None:
    value = "a" + "\u0301" * 50
    shown = laid_out(json.dumps(value, ensure_ascii=False))
    assert shown.count("\u0301") < 10
    assert json.loads(shown) == value


def test_what_is_short_stays_on_one_line_and_the_rest_is_indented() -> None:
    text = '{"name":"ada","tags":["x",{}],"long":["' + "y" * WIDTH + '",[]],"empty":[],"z":null}'
    assert laid_out(text).splitlines() == [
        "{",
        '  "name": "ada",',
        '  "tags": ["x", {}],',
        '  "long": [',
        f'    "{"y" * WIDTH}",',
        "    []",
        "  ],",
        '  "empty": [],',
        '  "z": null',
        "}",
    ]


@pytest.mark.parametrize(("length", "lines"), [(WIDTH - 4, 1), (WIDTH - 3, 3)])
def test_short_is_what_fits_the_width(length: int, lines: int) -> None:
    assert len(laid_out(f'["{"x" * length}"]').splitlines()) == lines


def test_pieces_have_their_roles() -> None:
    assert [piece for piece in json_pieces('{"k":["s",1,-2.5,true,null]}') if piece[0] != "break"] == [
        ("label", '"k"'),
        ("string", '"s"'),
        ("integer", "1"),
        ("double", "-2.5"),
        ("boolean", "true"),
        ("nil", "null"),
    ]


def test_no_depth_is_too_deep() -> None:
    text = "[" * 100_000 + "]" * 100_000
    shown = laid_out(text)
    assert "".join(shown.split()) == text
    assert max(map(len, shown.splitlines())) <= 80 + WIDTH


def test_a_large_document_begins_at_once() -> None:
    text = "[" + '{"number":[1,2,3],"text":"some"},' * 1_000_000 + "1]"
    start = time.process_time()
    assert len(list(islice(json_pieces(text), 1000))) == 1000
    assert (
        len(
            next(words for role, words in json_pieces(f'["{text * 2}"]') if role == "label" or len(words) > 9)
        )
        < 20_000
    )
    assert time.process_time() - start < 5  # all of it takes half a minute


@pytest.mark.parametrize("text", ['"\\"' * 300_001, '"\\' * 300_000, "[" + " " * 3_000_000, "{" * 300_000])
def test_no_text_is_looked_through_again_and_again(text: str) -> None:
    start = time.process_time()
    assert laid_out(text)
    assert time.process_time() - start < 10


@pytest.mark.parametrize("columns", [16, 17, 20, 31, 32, 40, 60])
def test_what_is_short_is_on_one_line_only_within_the_columns(columns: int) -> None:
    text = '{"a":[1,2,3],"object":{"k":[1,2],"other":{"x":10}},"list":[[1],[2,3]]}'
    laid = "".join(words for _, words in json_pieces(text, columns))
    assert json.loads(laid) == json.loads(text)
    assert max(map(len, laid.splitlines())) <= columns
    assert ('  "a": [1, 2, 3],' in laid.splitlines()) == (columns >= 17)
