"""Which names may stand at the cursor, by the grammar and the facts."""

from __future__ import annotations

from typing import Any

import pytest

from pyredis.commands.spec import TABLE, Table
from pyredis_cli.complete import Want, tokens, wants
from pyredis_cli.complete.wants import _ROWS, named


def wanted(line: str) -> list[str]:
    """Return the wants as ``kind of about``, keys with their types."""
    return [
        " ".join(
            [want.kind, *sorted(want.types), *(["of"] if want.about else []), *map(bytes.decode, want.about)]
        )
        for want in wants(tokens(line, TABLE))
    ]


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("GET ", ["key string"]),
        ("HGET ", ["key hash"]),
        ("LPUSH ", ["key list"]),
        ("SINTER a ", ["key set"]),
        ("ZADD ", ["key zset"]),
        ("ZUNION 2 a ", ["key set zset"]),
        ("GEOPOS ", ["key zset"]),
        ("BITCOUNT ", ["key string"]),
        ("XADD ", ["key stream"]),
        ("SORT ", ["key list set zset"]),
        ("EXPIRE ", ["key"]),
        ("DEL a b ", ["key"]),
        ("EVAL script 2 a ", ["key"]),
        ("CLUSTER KEYSLOT ", ["key"]),
        ("OBJECT ENCODING ", ["key"]),
        ("5 GET ", ["key string"]),
        ("get us", ["key string"]),
    ],
)
def test_keys_are_wanted_by_the_types_a_command_works_on(line: str, expected: list[str]) -> None:
    assert wanted(line) == expected


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("HGET h ", ["field of h"]),
        ("HMGET h a b ", ["field of h"]),
        ("HEXPIRE h 10 FIELDS 1 ", ["field of h"]),
        ("SREM s ", ["member of s"]),
        ("ZSCORE z ", ["member of z"]),
        ("ZADD z 1 ", ["member of z"]),
        ("GEODIST g a ", ["member of g"]),
        ("SMOVE from to ", ["member of from"]),
        ("GEOSEARCHSTORE to from FROMMEMBER ", ["member of from"]),
        ("XACK s ", ["group of s"]),
        ("XACK s g ", ["id of s"]),
        ("XINFO CONSUMERS s ", ["group of s"]),
        ("XGROUP DELCONSUMER s g ", ["consumer of s g"]),
        ("XREADGROUP GROUP ", ["group"]),
        ("XREADGROUP GROUP g ", ["consumer"]),
    ],
)
def test_what_belongs_to_a_key_is_wanted_of_this_key(line: str, expected: list[str]) -> None:
    assert wanted(line) == expected


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("PUBLISH ", ["channel"]),
        ("SUBSCRIBE a ", ["channel"]),
        ("PUNSUBSCRIBE ", ["pattern"]),
        ("SPUBLISH ", ["shard-channel"]),
        ("ACL GETUSER ", ["user"]),
        ("ACL CAT ", ["category"]),
        ("ACL SETUSER ada ", ["rule"]),
        ("CONFIG GET ", ["parameter"]),
        ("CONFIG SET maxmemory 1 ", ["parameter"]),
        ("CLIENT KILL ID ", ["client-id"]),
        ("CLIENT KILL ADDR ", ["client-address"]),
        ("FUNCTION DELETE ", ["library"]),
        ("FCALL ", ["function"]),
        ("EVALSHA ", ["script"]),
        ("CLUSTER FORGET ", ["node-id"]),
        ("CLUSTER SETSLOT 1 NODE ", ["node-id"]),
        ("COMMAND INFO ", ["command"]),
        ("MODULE UNLOAD ", ["module"]),
        ("INFO ", ["section"]),
        ("SELECT ", ["database"]),
        ("SCAN 0 TYPE ", ["type"]),
    ],
)
def test_the_server_has_names_too(line: str, expected: list[str]) -> None:
    assert wanted(line) == expected


@pytest.mark.parametrize(
    "line",
    [
        "",
        "G",
        "NOSUCH ",
        "CONFIG ",
        "GET k ",
        "SET k ",
        "SET k v ",
        "SET k v EX ",
        "EXPIRE k ",
        "GET k extra ",
    ],
)
def test_where_no_name_may_stand_none_is_wanted(line: str) -> None:
    assert wanted(line) == []


@pytest.mark.parametrize(
    "line", ["AUTH ", "AUTH ada ", "HELLO 3 AUTH ", "HELLO 3 AUTH ada x", "ACL SETUSER ada >x"]
)
def test_where_a_secret_may_stand_nothing_is_wanted(line: str) -> None:
    assert wanted(line) == []


def test_of_a_command_that_only_the_server_knows_the_keys_are_wanted() -> None:
    table = Table()
    keyed = [b"readonly"], 1, 1, 1
    table.learn([[b"json.get", -2, *keyed], [b"graph.query", -3, *keyed], [b"ft.search", -3, [], 0, 0, 0]])
    assert wants(tokens("json.get ", table)) == (Want("key", types=frozenset({"ReJSON-RL"})),)
    assert wants(tokens("json.get k ", table)) == ()
    assert wants(tokens("graph.query ", table)) == (Want("key", types=frozenset({"graphdata"})),)
    assert wants(tokens("FT.SEARCH ", table)) == (Want("index"),)
    assert wants(tokens("FT.SEARCH i ", table)) == ()
    assert wants(tokens("VADD ", TABLE)) == (Want("key", types=frozenset({"vectorset"})),)
    assert wants(tokens("VADD v ", TABLE)) == ()


def test_the_words_of_a_command_name_what_they_were_wanted_for() -> None:
    spec = TABLE.find(["XREADGROUP"])
    assert spec is not None
    argv = b"XREADGROUP GROUP g c STREAMS s >".split()
    assert [(want.kind, want.about, word) for want, word in named(spec, argv)][:3] == [
        ("group", (b"s",), b"g"),
        ("consumer", (b"s", b"g"), b"c"),
        ("key", (), b"s"),
    ]


def test_every_row_is_of_an_argument_that_there_is() -> None:
    there = {
        (name, owner)
        for spec in TABLE.specs()
        for name in names(spec.arguments)
        for owner in (spec.name, spec.group)
    }
    assert set(_ROWS) - there == {("groupname", "stream"), ("consumername", "stream")}  # those of 7.0


def test_groups_are_wanted_where_a_server_of_7_0_calls_them_otherwise() -> None:
    table = Table()
    named = [[b"name", name, b"type", kind] for name, kind in ((b"key", b"key"), (b"groupname", b"string"))]
    named.append([b"name", b"consumername", b"type", b"string"])
    table.learn_docs([b"xgroup", [b"subcommands", [b"xgroup|delconsumer", [b"arguments", named]]]])
    assert wants(tokens("XGROUP DELCONSUMER x ", table)) == (Want("group", (b"x",)),)
    assert wants(tokens("XGROUP DELCONSUMER x g ", table)) == (Want("consumer", (b"x", b"g")),)


def names(arguments: tuple[tuple[Any, ...], ...]) -> set[str]:
    found: set[str] = set()
    for name, kind, _, _, _, _, _, parts in arguments:
        found |= names(parts) if kind in ("oneof", "block") else {name}
    return found
