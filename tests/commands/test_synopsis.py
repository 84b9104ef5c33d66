"""How a command is written, as modules.toml has it, and the argument tree that is read from it."""

from __future__ import annotations

import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pyredis.commands.grammar import Grammar
from pyredis.commands.spec import Spec
from scripts.synopsis import SynopsisError, arguments, parse, written


def tree(text: str) -> tuple[Any, ...]:
    return arguments(parse(text))


def row(
    name: str, kind: str = "string", token: str | None = None, *flags: str, **more: Any
) -> tuple[Any, ...]:
    return (name, kind, token, flags, None, None, more.get("display"), more.get("parts", ()))


def token(text: str, *flags: str) -> tuple[Any, ...]:
    return row(text.lower(), "pure-token", text, *flags)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", []),
        ("key", [row("key", "key")]),
        ("source:key value", [row("source", "key"), row("value")]),
        ("path value:double", [row("path"), row("value", "double")]),
        ("DD", [token("DD")]),
        ("[DD]", [token("DD", "optional")]),
        ("[path]", [row("path", "string", None, "optional")]),
        ("[COUNT count:integer]", [row("count", "integer", "COUNT", "optional")]),
        ("key [key ...]", [row("key", "key", None, "multiple")]),
        ("{item ...}", [row("item", "string", None, "multiple")]),
        ("[path [path ...]]", [row("path", "string", None, "optional", "multiple")]),
        ("ITEMS item [item ...]", [row("item", "string", "ITEMS", "multiple")]),
        (
            "[FILTER f [FILTER f ...]]",
            [row("f", "string", "FILTER", "optional", "multiple", "multiple_token")],
        ),
        ("SCHEMA ADD field", [token("SCHEMA"), row("field", "string", "ADD")]),
        ("LIMIT [x]", [token("LIMIT"), row("x", "string", None, "optional")]),
        ("[NX|XX]", [row("nx_or_xx", "oneof", None, "optional", parts=(token("NX"), token("XX")))]),
        ("ON <HASH|JSON>", [row("hash_or_json", "oneof", "ON", parts=(token("HASH"), token("JSON")))]),
        ("<'m'|KM>", [row("m_or_km", "oneof", parts=(row("m", "pure-token", "m"), token("KM")))]),
        (
            "<READ id [COUNT n:integer]|*>",
            [
                row(
                    "read_or_*",
                    "oneof",
                    parts=(
                        row(
                            "read",
                            "block",
                            parts=(row("id", "string", "READ"), row("n", "integer", "COUNT", "optional")),
                        ),
                        token("*"),
                    ),
                )
            ],
        ),
        (
            "item by:integer [item by ...]",
            [row("item", "block", None, "multiple", parts=(row("item"), row("by", "integer")))],
        ),
        (
            "[start:integer [stop:integer]]",
            [
                row(
                    "start",
                    "block",
                    None,
                    "optional",
                    parts=(row("start", "integer"), row("stop", "integer", None, "optional")),
                )
            ],
        ),
        (
            "numkeys:count source:key [source ...]",
            [row("numkeys", "integer"), row("source", "key", None, "multiple")],
        ),
        (
            "LOAD count:count field [field ...]",
            [row("num_count", "integer", "LOAD", display="count"), row("field", "string", None, "multiple")],
        ),
        (
            "nargs:count name value [name value ...]",
            [
                row("num_nargs", "integer", display="nargs"),
                row("name", "string", None, "multiple", display="name value"),
            ],
        ),
    ],
)
def test_a_synopsis_becomes_an_argument_tree(text: str, expected: list[Any]) -> None:
    assert list(tree(text)) == expected


def test_a_part_stands_for_what_it_says() -> None:
    parts = {"field": parse("name [AS alias]")}
    assert (
        written(parse("index SCHEMA {$field ...}", parts))
        == "index SCHEMA name [AS alias] [name [AS alias] ...]"
    )


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("key [path", "line 1, column 10: ] is due, for the [ of line 1, column 5"),
        ("<A|B", "line 1, column 5: > is due, for the < of line 1, column 1"),
        ("[a>", "line 1, column 3: ] is due, for the [ of line 1, column 1"),
        ("key ]", "line 1, column 5: ] closes nothing"),
        ("a | b", "line 1, column 3: | is only for brackets"),
        ("a ...", "line 1, column 3: ... is only for brackets"),
        ("[]", "line 1, column 2: nothing stands there"),
        ("<A|>", "line 1, column 4: nothing stands there"),
        ("<A>", "line 1, column 1: <> is for one of several; use {} for what is repeated"),
        ("<A|B ...>", "line 1, column 1: <> is for one of several"),
        ("{a b}", "line 1, column 1: {} is for what is repeated, and ends with ..."),
        ("a [[b]]", "line 1, column 3: what stands in brackets has brackets of its own"),
        ("<a|[b]>", "line 1, column 1: what stands in brackets has brackets of its own"),
        ("key [path ...]", "line 1, column 5: what is repeated must stand before: path"),
        ("[path ...]", "line 1, column 1: what is repeated must stand before: path"),
        ("a\nb:float", "line 2, column 1: no type 'float'; there are count, double, integer"),
        ("COUNT:integer", "line 1, column 1: COUNT is a token, which has no type"),
        ("numKeys", "line 1, column 1: numKeys is neither a TOKEN nor an argument"),
        ("index $fields", "line 1, column 7: no part has the name fields"),
        ("a nargs:count b", "line 1, column 3: nargs counts nothing that is repeated"),
        ("a nargs:count", "line 1, column 3: nargs counts nothing that is repeated"),
        ("num:integer a [a ...]", "line 1, column 1: num would be taken for a count"),
    ],
)
def test_a_mistake_is_told_with_its_place(text: str, complaint: str) -> None:
    with pytest.raises(SynopsisError, match=re.escape(complaint)):
        parse(text)


@given(st.text(st.sampled_from("aB[]<>{}|. :$\n'*"), max_size=30))
def test_whatever_is_written_is_read_or_refused(text: str) -> None:
    try:
        items = parse(text)
    except SynopsisError:
        return
    assert isinstance(arguments(items), tuple)


# Round trips: what is written, read and written again

NAMES = st.sampled_from(["key", "path", "a:integer", "b:double"])
TOKENS = st.sampled_from(["GET", "*", "FP32", "'km'"])


def _brackets(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    some = st.tuples(NAMES | TOKENS, inner).map(" ".join) | NAMES
    return st.one_of(
        st.tuples(some, some).map("<{0[0]}|{0[1]}>".format),
        st.tuples(some, some).map("[{0[0]}|{0[1]}]".format),
        st.tuples(TOKENS, some).map("[{0[0]} {0[1]}]".format),
        st.tuples(NAMES, some).map("{{{0[0]} {0[1]} ...}}".format),
        NAMES.map("[{0} [{0} ...]]".format),
        NAMES.map("[nargs:count {0} [{0} ...]]".format),
        NAMES.map("numkeys:count {0} [B] [{0} [B] ...]".format),
    )


SYNOPSES = st.lists(st.recursive(NAMES | TOKENS, _brackets, max_leaves=6), max_size=4).map(" ".join)


@given(SYNOPSES)
def test_what_is_read_can_be_written_and_read_again(text: str) -> None:
    once = written(parse(text))
    assert re.search(r":|'|[{}]", once) is None
    again = re.sub(r"\bnargs\b|\bnumkeys\b", r"\g<0>:count", once)
    assert written(parse(again.replace("km", "'km'"))) == once


@given(SYNOPSES)
def test_the_grammar_is_written_as_it_was_read(text: str) -> None:
    items = parse(text)
    assert str(Grammar(Spec("COMMAND", arguments=arguments(items)))) == written(items)
