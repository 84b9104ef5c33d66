"""The commands of modules: what modules.toml says of them, against the modules and against its own mistakes."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable
from itertools import count
from pathlib import Path
from typing import Any, Final

import hiredis
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pyredis.commands.grammar import Grammar, grammar
from pyredis.commands.spec import TABLE, Spec, find
from scripts.modules import ModulesError, belongs_to_a_module, version, with_modules
from scripts.synopsis import arguments, parse, written
from tests.servers import Server

STATED: Final = Path(__file__).resolve().parents[2] / "pyredis/commands/modules.toml"

# What the modules say to lines that are drawn from the argument trees

PREPARED: Final = (
    ("FT.CREATE", "i", "SCHEMA", "t", "TEXT", "SORTABLE", "n", "NUMERIC", "g", "GEO"),
    ("HSET", "document", "t", "hello", "n", 1, "g", "1,1"),
    ("JSON.SET", "json", "$", '{"a": [1, 2], "s": "x", "n": 2}'),
    ("FT.SUGADD", "suggestion", "hello", 1),
    ("FT.DICTADD", "dict", "hello"),
    ("BF.RESERVE", "bf", 0.01, 100),
    ("CF.RESERVE", "cf", 100),
    ("CMS.INITBYDIM", "cms", 5, 5),
    ("TOPK.RESERVE", "topk", 5),
    ("TDIGEST.CREATE", "tdigest"),
    ("VADD", "vector_set", "VALUES", 2, 1, 2, "element"),
)
WORDS: Final[dict[str, tuple[str, ...]]] = {
    "algorithm": ("FLAT", "HNSW"),
    "dialect": ("2",),
    "dict": ("dict",),
    "dictionary": ("dict",),
    "document": ("document",),
    "expression": ("@n+1",),
    "field": ("t", "n"),
    "filter": ("@n>0",),
    "function": ("COUNT", "TOLIST"),
    "geo_field": ("g",),
    "index": ("i",),
    "language": ("english",),
    "default_lang": ("english",),
    "matcher": ("dm:en",),
    "numeric_field": ("n",),
    "path": ("$", "$.a", "$.n"),
    "property": ("@t", "@n"),
    "query": ("hello", "*"),
    "scorer": ("TFIDF",),
    "separator": (",",),
    "sortby": ("n",),
    "timeout": ("500",),
    "option": ("TIMEOUT",),
    "value": ("1", '"x"'),
}
BY_KIND: Final = {"integer": ("1", "2"), "double": ("0.5", "1"), "string": ("x", "y")}

MISREAD: Final = re.compile(
    "wrong number of arg|syntax error(?! in FILTER)|unknown (argument|keyword|subcommand)|unrecognized arg"
    "|invalid option|does not have a type|invalid field type|expected an argument",
    re.IGNORECASE,
)
"""What a module replies when it cannot make sense of a line."""

new_names: Final = map("new{}".format, count())


def lines(spec: Spec) -> st.SearchStrategy[list[str]]:
    return _sequence(spec.arguments, _values(spec)).map(lambda words: [*spec.name.split(), *words])


def _values(spec: Spec) -> Callable[[str, str], st.SearchStrategy[str]]:
    """Return what gives a word for the name and the kind of an argument."""

    def value(name: str, kind: str) -> st.SearchStrategy[str]:
        if spec.name.startswith("FT.DEBUG") and name == "index":
            return st.just("absent")  # of one that is there, some crash the server
        if ("CREATE" in spec.name and name == "index") or name in ("field_name", "alias"):
            return st.builds(lambda: next(new_names))
        if kind == "key":
            return st.just(WORDS.get(name, (spec.group,))[0])
        return st.sampled_from(BY_KIND[kind] if kind != "string" else WORDS.get(name, BY_KIND["string"]))

    return value


@st.composite
def _sequence(draw: st.DrawFn, tree: tuple[Any, ...], value: Any) -> list[str]:
    words: list[str] = []
    counted = None
    for name, kind, token, flags, _, _, _, parts in tree:
        if "optional" in flags and not draw(st.booleans()):
            continue
        times = counted if counted is not None else draw(st.integers(1, 2)) if "multiple" in flags else 1
        counted = None
        for time in range(times):
            if token is not None and (time == 0 or "multiple_token" in flags):
                words.append(token)
            if kind == "block":
                words += draw(_sequence(parts, value))
            elif kind == "oneof":
                words += draw(_sequence((draw(st.sampled_from(parts)),), value))
            elif kind == "integer" and name.startswith("num") and len(tree) > 1 and _counts(tree, name):
                counted = draw(st.sampled_from([2, 4]))
                words.append(str(counted))
            elif kind != "pure-token":
                words.append(draw(value(name, kind)))
    return words


def _counts(tree: tuple[Any, ...], name: str) -> bool:
    places = [place for place, argument in enumerate(tree[:-1]) if argument[0] == name]
    return any("multiple" in tree[place + 1][3] for place in places)


def of_modules() -> list[str]:
    return [spec.name for spec in TABLE.specs() if "module" in spec.flags and not spec.subcommands]


@pytest.mark.parametrize("name", of_modules())
@settings(
    max_examples=10,
    derandomize=True,  # not every line that could be drawn has been seen by a module
    deadline=None,
    database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(data=st.data())
def test_a_module_makes_sense_of_what_its_synopsis_allows(
    modules82: Server, name: str, data: st.DataObject
) -> None:
    spec = find(name.split())
    assert spec is not None
    if not modules82.command("EXISTS", "document"):
        prepare(modules82)
    line = data.draw(lines(spec))
    assert not MISREAD.search(said(modules82, line)), line


def prepare(server: Server) -> None:
    server.command("FLUSHALL")
    for argv in PREPARED:
        server.command(*map(str, argv))


def said(server: Server, line: list[str]) -> str:
    """Return a server's complaint, or nothing."""
    try:
        server.command(*line)
    except hiredis.ReplyError as error:
        return str(error)
    return ""


@pytest.mark.parametrize(
    "line",
    [
        "FT.SEARCH i hello NOCONTNT",
        "FT.AGGREGATE i * GROUP 1 @t",
        "FT.CREATE j SCHEMA t TXT",
        "FT.CREATE j SCHEMA t TEXT WIHTSUFFIXTRIE",
        "FT.SUGGET suggestion h FUZY",
        "FT.DEBUG DUMP_TREMS i",
        "JSON.GET",
        "BF.RESERVE bf",
        "VSIM vector_set ELE element WITHSCORE",
    ],
)
def test_a_module_says_so_when_it_makes_no_sense(modules82: Server, line: str) -> None:
    prepare(modules82)
    assert MISREAD.search(said(modules82, line.split()))


# What is written

STEPS: Final = (
    "FT.CREATE books ON JSON PREFIX 2 b: c: STOPWORDS 0 SCHEMA $.title AS title TEXT WEIGHT 2 SORTABLE UNF",
    "FT.CREATE v SCHEMA e VECTOR HNSW 6 TYPE FLOAT32 DIM 2 DISTANCE_METRIC L2 t TEXT tag TAG SEPARATOR ; NOINDEX",
    "FT.ALTER i SCHEMA ADD a TEXT NOSTEM b NUMERIC",
    "FT.SEARCH i *=>[KNN$k@v$b] PARAMS 4 k 5 b x SORTBY score DIALECT 2 LIMIT 0 10 RETURN 3 t AS title",
    "FT.SEARCH i hello FILTER n (0 +inf FILTER m 1 2 HIGHLIGHT FIELDS 2 a b TAGS < > NOCONTENT",
    "FT.AGGREGATE i * LOAD * APPLY @n+1 AS x GROUPBY 1 @t REDUCE COUNT 0 AS c REDUCE SUM 1 @x"
    " SORTBY 2 @c DESC MAX 5 APPLY @c AS d FILTER @d>1 LIMIT 0 5 WITHCURSOR COUNT 10 DIALECT 2",
    "FT.PROFILE i AGGREGATE LIMITED QUERY * LOAD 1 @t",
    "FT.CURSOR READ i 42 COUNT 10",
    "FT.SPELLCHECK i helo TERMS INCLUDE one TERMS EXCLUDE two DISTANCE 2",
    "JSON.GET k INDENT x $.a $.b",
    "JSON.MSET a $ 1 b $ 2",
    "JSON.STRAPPEND k x",
    "CMS.MERGE d 2 a b WEIGHTS 1 2",
    "TDIGEST.MERGE d 2 a b COMPRESSION 100 OVERRIDE",
    "TOPK.RESERVE k 5 8 7 0.9",
    "VADD v REDUCE 2 VALUES 3 1 2 3 e Q8 M 8 CAS",
    "VSIM v ELE e COUNT 3 WITHSCORES FILTER .a>1",
)


@pytest.mark.parametrize("line", STEPS)
def test_the_lines_people_type_can_be_walked(line: str) -> None:
    name, *words = line.split()
    spec = find([name])
    assert spec is not None
    walk = grammar(spec).walk([word.encode() for word in words])
    assert (walk.complete, walk.mistake) == (True, None)


def test_every_synopsis_is_read_as_it_is_written() -> None:
    stated = tomllib.loads(STATED.read_text())
    parts: dict[str, Any] = {}
    for name, text in stated.pop("parts").items():
        parts[name] = parse(text, parts)
    for rows in stated.values():
        for name, facts in rows.items():
            items = parse(facts["synopsis"], parts)
            assert str(Grammar(Spec("COMMAND", arguments=arguments(items)))) == written(items), name


# Mistakes in modules.toml

ROWS: Final[dict[str, dict[str, Any]]] = {
    "GET": {"name": "GET", "group": "string", "arguments": (), "overlay": ()},
    "X.GET": {"name": "X.GET", "module": "mine", "group": "module", "overlay": ()},
    "VSET": {"name": "VSET", "module": "vectorset", "group": "module", "overlay": ()},
}


def test_a_row_says_how_its_command_is_written() -> None:
    merged = with_modules(
        ROWS,
        {
            "parts": {"key": "key", "more": "$key [COUNT count:integer]"},
            "x": {"X.GET": {"synopsis": "$more", "since": "1.0.0", "deprecated_since": "2.0.0"}},
            "v": {"VSET": {"synopsis": ""}},
        },
    )
    assert merged["GET"] == ROWS["GET"]
    assert merged["X.GET"] == {
        "name": "X.GET",
        "module": "mine",
        "group": "x",
        "since": "1.0.0",
        "deprecated_since": "2.0.0",
        "arguments": arguments(parse("key [COUNT count:integer]")),
        "overlay": (("module", "mine"),),
    }
    assert (merged["VSET"]["group"], merged["VSET"]["since"], merged["VSET"]["overlay"]) == ("v", "", ())


SYNOPSIS: Final = {"synopsis": "key"}


@pytest.mark.parametrize(
    ("stated", "complaint"),
    [
        ({"x": {"X.GET": SYNOPSIS}}, "no row for VSET; write how it is written"),
        ({"x": {"X.GET": SYNOPSIS, "VSET": SYNOPSIS, "X.SET": SYNOPSIS}}, "no module has X.SET"),
        ({"x": {"GET": SYNOPSIS}}, "no module has GET"),
        ({"x": {"X.GET": {"since": "1.0.0"}}}, "X.GET: synopsis must be there"),
        (
            {"x": {"X.GET": {"synopsis": "", "sinec": "1"}}},
            "X.GET: unknown key sinec; known are deprecated_since",
        ),
        ({"x": {"X.GET": {"synopsis": "key [a"}}}, "modules.toml: X.GET, line 1, column 7: ] is due"),
        (
            {"parts": {"a": "$b", "b": "key"}},
            "modules.toml: part a, line 1, column 1: no part has the name b",
        ),
    ],
)
def test_a_mistake_in_modules_toml_is_refused(stated: dict[str, Any], complaint: str) -> None:
    with pytest.raises(ModulesError, match=re.escape(complaint)):
        with_modules(ROWS, stated)


def test_a_module_that_breaks_the_rule_of_the_dot_is_told() -> None:
    rows = {"XGET": {"name": "XGET", "module": "mine", "overlay": ()}}
    with pytest.raises(
        ModulesError, match="XGET of mine: only the names of modules that must be loaded have a dot"
    ):
        with_modules(rows, {"x": {"XGET": SYNOPSIS}})


def test_a_dot_tells_the_commands_of_modules() -> None:
    assert belongs_to_a_module("FT.DEBUG TTL")
    assert not belongs_to_a_module("CONFIG GET")


@pytest.mark.parametrize(("number", "text"), [(20803, "2.8.3"), (21005, "2.10.5"), (1, "0.0.1")])
def test_a_version_is_read_as_modules_number_theirs(number: int, text: str) -> None:
    assert version(number) == text
