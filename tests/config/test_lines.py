"""On which line a key of a file stands, with the parser of the standard library as judge of what is a key."""

from __future__ import annotations

import tomllib
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pyredis_cli.config.lines import line_of, lines

BARE = st.text("abzAZ019_-", min_size=1, max_size=6)
TEXT = st.text("ab \"'#[]{}=,.\\\n\té", max_size=8)


def basic(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n").replace("\t", "\\t")
    return f'"{escaped}"'


def written_name(name: str) -> str:
    return (
        name
        if name and all(letter.isascii() and (letter.isalnum() or letter in "_-") for letter in name)
        else basic(name)
    )


def multi_line(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"""\n{escaped}"""'


SCALARS = st.one_of(
    st.integers(-9, 99).map(str),
    st.sampled_from(["true", "1.5", "1979-05-27T07:32:00Z", "'#[x]='", "'''\n[t]\na = 1\n'''", "inf"]),
    TEXT.map(basic),
    TEXT.map(multi_line),
)
ARRAYS = st.lists(SCALARS, max_size=3).map(lambda items: "[ # one, two\n" + ",\n".join(items) + "\n]")
VALUES = SCALARS | ARRAYS
NAMES = BARE | TEXT.filter(lambda name: "\n" not in name)


@st.composite
def documents(draw: st.DrawFn) -> tuple[str, dict[tuple[str, ...], int]]:
    """A text, and the line of each of its tables and keys."""
    text, found = "", {}

    def note(*path: str) -> None:
        for length in range(1, len(path) + 1):
            found.setdefault(path[:length], text.count("\n") + 1)

    def keys(*table: str) -> None:
        nonlocal text
        for name in draw(st.lists(NAMES, max_size=3, unique=True)):
            if (*table, name) in found:
                continue
            text += draw(st.sampled_from(["", "\n", "# a = [1\n", " \t"]))
            note(*table, name)
            equals = draw(st.sampled_from([" = ", "=", "\t= "]))
            text += written_name(name) + equals
            if draw(st.booleans()):
                text += draw(VALUES)
            else:
                inner = draw(st.lists(NAMES, max_size=2, unique=True))
                pieces = []
                for one in inner:
                    value = draw(SCALARS.filter(lambda value: "\n" not in value))
                    note(*table, name, one)
                    pieces.append(f"{written_name(one)} = {value}")
                text += "{" + ", ".join(pieces) + "}"
            text += draw(st.sampled_from(["\n", " # b = 2\n"]))

    keys()
    for name in draw(st.lists(NAMES, max_size=3, unique=True)):
        path = ("profiles", name) if draw(st.booleans()) else (name,)
        if path in found or (path[:1] == ("profiles",) and len(path) == 1):
            continue
        note(*path)
        text += "[" + draw(st.sampled_from([".", " . "])).join(map(written_name, path)) + "]\n"
        keys(*path)
    return text, found


def paths(values: dict[str, Any], path: tuple[str, ...] = ()) -> set[tuple[str, ...]]:
    found = set()
    for name, value in values.items():
        found.add((*path, name))
        if isinstance(value, dict):
            found |= paths(value, (*path, name))
    return found


@settings(max_examples=60)
@given(documents())
def test_each_key_is_found_on_its_line(document: tuple[str, dict[tuple[str, ...], int]]) -> None:
    text, expected = document
    try:
        said = tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        return  # a table that a value has taken the place of
    assert paths(said) == set(expected)
    assert lines(text) == expected
    assert lines(text.replace("\n", "\r\n")) == expected


@settings(max_examples=60)
@given(st.text("ab=\"'\\#[]{},.\n ", max_size=40))
def test_what_is_no_toml_ends_all_the_same(text: str) -> None:
    assert all(1 <= line <= text.count("\n") + 1 for line in lines(text).values())


@pytest.mark.parametrize(
    ("path", "line"),
    [
        (("repl", "vi"), 3),
        (("repl",), 2),
        (("repl", "nosuch"), 2),
        (("profiles", "a.b", "url"), 6),
        (("profiles", "c", "init"), 9),
        (("profiles", "c", "natmap", "x:1"), 13),
        (("nosuch", "key"), 1),
    ],
)
def test_of_what_is_not_there_the_table_is_told(path: tuple[str, ...], line: int) -> None:
    text = (
        '# mine\n[repl]\nvi = true\n\n[profiles."a.b"]\nurl = "redis://x"\n'
        '[profiles.c]\nport = 1\ninit = [\n  "A", # url = 3\n]\n[profiles.c.natmap]\n"x:1" = "y:2"\n'
    )
    assert line_of(text, path) == line
