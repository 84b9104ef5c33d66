"""What a session learns by itself: names that were typed and names that came back, and never a secret."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pyredis.commands.spec import TABLE
from pyredis.exceptions import reply_error
from pyredis.types import Attributed, Double, Map, Reply, Set, Status, Verbatim
from pyredis_cli.complete import NameCache, Want, harvest
from pyredis_cli.complete.harvest import _READERS
from tests.strategies import Sample, replies


def learn(cache: NameCache, line: str, reply: Reply, database: int = 0) -> NameCache:
    argv = line.encode().split()
    harvest(argv, reply, TABLE.find(argv), cache, database)
    return cache


def names(cache: NameCache, kind: str, *about: bytes, database: int = 0) -> set[bytes]:
    want = Want(kind, about)  # type: ignore[arg-type]
    return {name.value for name in cache.find(want, b"", 1_000, database)}


def types(cache: NameCache) -> dict[bytes, str]:
    return {name.value: name.type for name in cache.find(Want("key"))}


def everything(cache: NameCache) -> set[bytes]:
    return {name for _, name in cache._used}


# From what was typed


@pytest.mark.parametrize(
    ("line", "reply", "known"),
    [
        ("SET k v", Status(b"OK"), {b"k": "string"}),
        ("GET k", b"v", {b"k": "string"}),
        ("GET k", None, {}),
        ("SET k v NX", None, {}),
        ("MGET a b", [b"1", None], {b"a": "string"}),
        ("HSET h f v", 0, {b"h": "hash"}),
        ("SADD s m", 0, {b"s": "set"}),
        ("HGETALL h", Map(), {}),
        ("SMEMBERS s", Set(), {}),
        ("LRANGE l 0 -1", [], {}),
        ("LLEN l", 0, {}),
        ("LPUSHX l x", 0, {}),
        ("ZUNIONSTORE d 2 a b", 3, {b"d": "", b"a": "", b"b": ""}),
        ("EXPIRE k 1", 0, {}),
        ("EXPIRE k 1", 1, {b"k": ""}),
        ("TTL k", -2, {}),
        ("TTL k", -1, {b"k": ""}),
        ("EXISTS a b", 1, {}),
        ("EXISTS a b", 2, {b"a": "", b"b": ""}),
        ("GET k", reply_error("WRONGTYPE no"), {}),
        ("GET k", Status(b"QUEUED"), {}),
        ("VADD v VALUES 1 1 e", 1, {b"v": "vectorset"}),
    ],
)
def test_keys_are_learnt_from_commands_that_found_them(
    line: str, reply: Reply, known: dict[bytes, str]
) -> None:
    assert types(learn(NameCache(), line, reply)) == known


def test_a_name_that_was_typed_comes_before_those_that_came_back() -> None:
    cache = learn(NameCache(), "KEYS *", [b"a", b"b", b"c"])
    learn(cache, "GET c", b"v")
    assert [name.value for name in cache.find(Want("key"))] == [b"c", b"a", b"b"]


def test_what_was_typed_of_a_key_is_learnt_of_this_key() -> None:
    cache = learn(NameCache(), "HSET h f1 v1 f2 v2", 2)
    learn(cache, "XGROUP CREATE s g $", Status(b"OK"))
    learn(cache, "XREADGROUP GROUP g c STREAMS s >", Map([(b"s", [[b"1-1", [b"f", b"v"]]])]))
    assert names(cache, "field", b"h") == {b"f1", b"f2"}
    assert names(cache, "group", b"s") == names(cache, "group") == {b"g"}
    assert names(cache, "consumer", b"s", b"g") == names(cache, "consumer") == {b"c"}
    assert names(cache, "id", b"s") == {b"1-1"}
    assert names(cache, "field", b"s") == {b"f"}


def test_a_field_that_is_not_there_is_not_learnt() -> None:
    assert names(learn(NameCache(), "HMGET h a b", [b"1", None]), "field", b"h") == {b"a"}
    assert names(learn(NameCache(), "HGET h a", None), "field", b"h") == set()


def test_the_server_s_names_are_learnt_from_what_was_typed() -> None:
    cache = learn(NameCache(), "PUBLISH news hi", 0)
    learn(cache, "SUBSCRIBE a b", None)
    learn(cache, "CONFIG SET maxmemory 1", Status(b"OK"))
    learn(cache, "CONFIG GET max*", Map())
    assert names(cache, "channel") == {b"news", b"a", b"b"}
    assert names(cache, "parameter") == {b"maxmemory"}


@pytest.mark.parametrize("line", ["DEL k", "UNLINK k", "GETDEL k", "RENAME k other", "MOVE k 1"])
def test_a_key_that_was_taken_away_is_forgotten(line: str) -> None:
    cache = learn(NameCache(), "SET k v", Status(b"OK"))
    assert b"k" not in types(learn(cache, line, 1))


def test_a_key_that_turns_out_to_be_gone_is_forgotten() -> None:
    for line, reply in (("TTL k", -2), ("EXISTS k", 0), ("TYPE k", Status(b"none"))):
        cache = learn(NameCache(), "SET k v", Status(b"OK"))
        assert types(learn(cache, line, reply)) == {}


def test_what_was_taken_from_a_key_is_forgotten() -> None:
    cache = learn(NameCache(), "HSET h a 1 b 2", 2)
    learn(cache, "HDEL h a", 1)
    learn(cache, "SADD s x y", 2)
    learn(cache, "SPOP s", b"x")
    assert names(cache, "field", b"h") == {b"b"}
    assert names(cache, "member", b"s") == {b"y"}


def test_an_emptied_database_is_forgotten() -> None:
    cache = learn(NameCache(), "SET k v", Status(b"OK"), database=2)
    learn(cache, "FLUSHDB", Status(b"OK"), database=1)
    assert names(cache, "key", database=2) == {b"k"}
    learn(cache, "SWAPDB 1 2", Status(b"OK"))
    assert names(cache, "key", database=2) == set()


# From what came back

RESP2_GROUPS: Reply = [[b"name", b"g1", b"consumers", 0], [b"name", b"g2", b"consumers", 0]]
RESP3_GROUPS: Reply = [Map([(b"name", b"g1")]), Map([(b"name", b"g2")])]
CLIENTS = (
    b"id=3 addr=127.0.0.1:5 laddr=127.0.0.1:6379 name= user=ada\n"
    b"id=4 addr=127.0.0.1:6 laddr=127.0.0.1:6379 name= user=default\n"
)
LIBRARIES: Reply = [
    Map([(b"library_name", b"lib"), (b"functions", [Map([(b"name", b"f")]), Map([(b"name", b"g")])])])
]
FLAT_LIBRARIES: Reply = [[b"library_name", b"lib", b"functions", [[b"name", b"f"], [b"name", b"g"]]]]
INFO = b"# Server\r\nredis_version:8\r\n\r\n# Keyspace\r\ndb0:keys=5,expires=0\r\ndb7:keys=1,expires=0\r\n"


@pytest.mark.parametrize(
    ("line", "reply", "kind", "about", "known"),
    [
        ("KEYS *", [b"a", b"b"], "key", (), {b"a", b"b"}),
        ("SCAN 0", [b"17", [b"a", b"b"]], "key", (), {b"a", b"b"}),
        ("RANDOMKEY", b"a", "key", (), {b"a"}),
        ("RANDOMKEY", None, "key", (), set()),
        ("HKEYS h", [b"f", b"g"], "field", (b"h",), {b"f", b"g"}),
        ("HGETALL h", [b"f", b"1", b"g", b"2"], "field", (b"h",), {b"f", b"g"}),
        ("HGETALL h", Map([(b"f", b"1"), (b"g", b"2")]), "field", (b"h",), {b"f", b"g"}),
        ("HGETALL h", {b"f": b"1", b"g": b"2"}, "field", (b"h",), {b"f", b"g"}),
        ("HSCAN h 0", [b"0", [b"f", b"1", b"g", b"2"]], "field", (b"h",), {b"f", b"g"}),
        ("HSCAN h 0 NOVALUES", [b"0", [b"f", b"g"]], "field", (b"h",), {b"f", b"g"}),
        ("HRANDFIELD h", b"f", "field", (b"h",), {b"f"}),
        ("HRANDFIELD h 2 WITHVALUES", [[b"f", b"1"], [b"g", b"2"]], "field", (b"h",), {b"f", b"g"}),
        ("SMEMBERS s", Set([b"a", b"b"]), "member", (b"s",), {b"a", b"b"}),
        ("SSCAN s 0", [b"0", [b"a", b"b"]], "member", (b"s",), {b"a", b"b"}),
        ("ZRANGE z 0 -1", [b"a", b"b"], "member", (b"z",), {b"a", b"b"}),
        ("ZRANGE z 0 -1 WITHSCORES", [b"a", b"1", b"b", b"2"], "member", (b"z",), {b"a", b"b"}),
        ("ZRANGE z 0 -1 WITHSCORES", [[b"a", Double("1")], [b"b", Double("2")]], "member", (b"z",), {b"a", b"b"}),
        ("ZSCAN z 0", [b"0", [b"a", b"1", b"b", b"2"]], "member", (b"z",), {b"a", b"b"}),
        ("GEORADIUS g 1 1 1 m WITHDIST", [[b"a", b"0"], [b"b", b"1"]], "member", (b"g",), {b"a", b"b"}),
        ("XRANGE s - +", [[b"1-1", [b"f", b"v"]]], "id", (b"s",), {b"1-1"}),
        ("XADD s * f v", b"1-1", "id", (b"s",), {b"1-1"}),
        ("XREAD STREAMS s 0", [[b"s", [[b"1-1", [b"f", b"v"]]]]], "id", (b"s",), {b"1-1"}),
        ("XINFO GROUPS s", RESP2_GROUPS, "group", (b"s",), {b"g1", b"g2"}),
        ("XINFO GROUPS s", RESP3_GROUPS, "group", (b"s",), {b"g1", b"g2"}),
        ("XINFO CONSUMERS s g", [[b"name", b"c", b"pending", 0]], "consumer", (b"s", b"g"), {b"c"}),
        ("XPENDING s g", [1, b"1-1", b"1-1", [[b"c", b"1"]]], "consumer", (b"s", b"g"), {b"c"}),
        ("XPENDING s g - + 1", [[b"1-1", b"c", 5, 1]], "id", (b"s",), {b"1-1"}),
        ("ACL LIST", [b"user ada on #0123abc +@all", b"user default on"], "user", (), {b"ada", b"default"}),
        ("ACL USERS", [b"ada"], "user", (), {b"ada"}),
        ("ACL WHOAMI", b"ada", "user", (), {b"ada"}),
        ("CONFIG GET *", Map([(b"save", b"1"), (b"port", b"2")]), "parameter", (), {b"save", b"port"}),
        ("PUBSUB CHANNELS", [b"news"], "channel", (), {b"news"}),
        ("CLIENT LIST", CLIENTS, "client-id", (), {b"3", b"4"}),
        ("CLIENT LIST", Verbatim(CLIENTS), "user", (), {b"ada", b"default"}),
        ("FUNCTION LIST", LIBRARIES, "function", (), {b"f", b"g"}),
        ("FUNCTION LIST", FLAT_LIBRARIES, "library", (), {b"lib"}),
        ("SCRIPT LOAD code", b"abc", "script", (), {b"abc"}),
        ("CLUSTER NODES", b"07c3 127.0.0.1:1@2 master - 0 0 1 connected\n", "node-id", (), {b"07c3"}),
        ("MODULE LIST", [[b"name", b"search", b"ver", 1]], "module", (), {b"search"}),
        ("INFO", Verbatim(INFO), "database", (), {b"0", b"7"}),
        ("KEYS *", Attributed([b"a"], Map()), "key", (), {b"a"}),
    ],
)  # fmt: skip
def test_names_are_learnt_from_replies(
    line: str, reply: Reply, kind: str, about: tuple[bytes, ...], known: set[bytes]
) -> None:
    assert names(learn(NameCache(), line, reply), kind, *about) == known


def test_the_types_and_sizes_of_keys_are_learnt() -> None:
    cache = learn(NameCache(), "KEYS *", [b"a", b"b", b"l"])
    learn(cache, "TYPE a", Status(b"zset"))
    learn(cache, "SCAN 0 TYPE hash", [b"0", [b"b"]])
    learn(cache, "LLEN l", 5)
    assert types(cache) == {b"a": "zset", b"b": "hash", b"l": "list"}
    assert [name.size for name in cache.find(Want("key"), b"l")] == [5]


# Whatever comes


@pytest.mark.parametrize(
    ("line", "reply"),
    [
        ("AUTH ada s3cret", Status(b"OK")),
        ("HELLO 3 AUTH ada s3cret", Map([(b"server", b"redis")])),
        ("ACL SETUSER ada on >s3cret", Status(b"OK")),
        ("CONFIG SET requirepass s3cret", Status(b"OK")),
        ("CONFIG GET requirepass", [b"requirepass", b"s3cret"]),
        ("MIGRATE h 1 k 0 1 AUTH2 ada s3cret", Status(b"OK")),
        ("ACL LIST", [b"user ada on #s3cret"]),
    ],
)
def test_no_secret_is_ever_learnt(line: str, reply: Reply) -> None:
    assert not [name for name in everything(learn(NameCache(), line, reply)) if b"s3cret" in name]


READ = sorted(_READERS)
WORDS = st.lists(
    st.one_of(st.binary(max_size=4), st.sampled_from([b"TYPE", b"WITHSCORES", b"1", b"k"])), max_size=5
)


@given(name=st.sampled_from(READ), words=WORDS, sample=st.one_of(replies(), replies(2)))
def test_no_reply_of_any_shape_is_ever_refused(name: str, words: list[bytes], sample: Sample) -> None:
    argv = [*name.encode().split(), *words]
    cache = NameCache(20)
    harvest(argv, sample.reply, TABLE.find(argv), cache, 0)
    assert len(cache) <= 20


@given(spec=st.sampled_from(list(TABLE.specs())), words=WORDS, sample=replies())
def test_no_argv_of_any_command_is_ever_refused(spec: object, words: list[bytes], sample: Sample) -> None:
    argv = [*spec.name.encode().split(), *words]  # type: ignore[attr-defined]
    cache = NameCache()
    harvest(argv, sample.reply, TABLE.find(argv), cache, 0)
    secret = {argv[place] for place in spec.secret_positions(argv)}  # type: ignore[attr-defined]
    open_words = {word for place, word in enumerate(argv) if place not in spec.secret_positions(argv)}  # type: ignore[attr-defined]
    if spec.name not in _READERS:  # type: ignore[attr-defined]
        assert not (secret - open_words) & everything(cache)


def test_every_reader_is_of_a_command_that_there_is() -> None:
    learnt_from_servers = {"FT._LIST", "GRAPH.LIST"}
    assert set(_READERS) - learnt_from_servers <= set(TABLE.names())


@pytest.mark.parametrize(
    ("line", "reply"),
    [
        ("ZPOPMIN z", [b"m", b"1"]),
        ("ZPOPMAX z 2", [[b"m", 1.0], [b"n", 2.0]]),
    ],
)
def test_members_that_were_popped_are_gone(line: str, reply: Any) -> None:
    cache = NameCache()
    cache.learn("member", [b"m", b"o"], about=(b"z",))
    argv = line.encode().split()
    harvest(argv, reply, TABLE.find(argv), cache, 0)
    assert [name.value for name in cache.find(Want("member", (b"z",)))] == [b"o"]


@pytest.mark.parametrize(
    ("line", "reply"),
    [("SINTERSTORE q a b", 0), ("COPY j q DB 3", 1), ("MIGRATE h 1 q 0 5", Status(b"OK"))],
)
def test_keys_that_are_not_here_are_not_learnt(line: str, reply: Any) -> None:
    cache = NameCache()
    cache.learn("key", [b"q"])
    argv = line.encode().split()
    harvest(argv, reply, TABLE.find(argv), cache, 0)
    assert b"q" not in [name.value for name in cache.find(Want("key"))]


def test_a_key_without_a_value_is_forgotten() -> None:
    cache = NameCache()
    cache.learn("key", [b"q"])
    harvest([b"GET", b"q"], None, TABLE.find([b"GET"]), cache, 0)
    assert cache.find(Want("key")) == []
