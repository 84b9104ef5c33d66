"""Which arguments are keys, with the server's own COMMAND GETKEYS as judge."""

from __future__ import annotations

from typing import Any

import hiredis
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pyredis.commands.keys import key_positions, keys
from pyredis.commands.spec import TABLE, Spec, find
from tests.servers import Server

SAMPLES = """
GET a | MGET a b c | MSET a 1 b 2 | MSETNX a 1 b 2 | DEL a b | EXISTS a a | SET a GET | LMPOP 2 a b LEFT
BLMPOP 1 2 a b LEFT COUNT 3 | ZUNION 2 a b WEIGHTS 1 2 | ZUNIONSTORE d 2 a b | ZINTERCARD 2 a b LIMIT 1
EVAL x 2 a b c | EVALSHA x 1 a b | FCALL f 1 a b | EVAL_RO x 1 a | XREAD COUNT 1 STREAMS a b 0 0
XREADGROUP GROUP STREAMS c STREAMS a b > > | XGROUP CREATE a g $ | XINFO STREAM a | OBJECT ENCODING a
MEMORY USAGE a SAMPLES 3 | BLPOP a b 0 | BRPOPLPUSH a b 0 | LMOVE a b LEFT RIGHT | RENAME a b | COPY a b
SINTERSTORE d a b | SDIFF a b | BITOP AND d a b | PFMERGE d a b | PFCOUNT a b | GEOSEARCHSTORE d a
GEORADIUS a 1 1 1 m STORE d | GEORADIUSBYMEMBER a m 1 m COUNT 1 STOREDIST d | SORT a LIMIT 0 1 | SORT_RO a
ZRANGESTORE d a 0 1 | ZMPOP 1 a MIN | HSET a f v | SMOVE a b m | LCS a b | MIGRATE h 1 a 0 1
MIGRATE h 1 "" 0 1 KEYS a b | MIGRATE h 1 "" 0 1 AUTH KEYS KEYS a | BITFIELD a GET u8 0 | XADD a MAXLEN 3 * f v
DUMP a | RESTORE a 0 x | WATCH a b | TOUCH a b | UNLINK a b | XAUTOCLAIM a g c 1 0 | ZADD a 1 m | SINTERCARD 1 a
"""
ARGVS = [
    tuple(b"" if word == '""' else word.encode() for word in sample.split())
    for line in SAMPLES.splitlines()
    for sample in line.split(" | ")
    if sample.strip()
]


def found(argv: tuple[bytes, ...]) -> tuple[bytes, ...]:
    spec = find(argv)
    assert spec is not None
    return keys(spec, argv)


def judged(server: Server, argv: tuple[bytes, ...]) -> tuple[bytes, ...] | None:
    """Return what the server says are the keys; None when it does not say."""
    try:
        reply = server.command("COMMAND", "GETKEYS", *argv)
    except hiredis.ReplyError as error:
        return () if "no key arguments" in str(error) else None
    assert isinstance(reply, list)
    return tuple(key for key in reply if isinstance(key, bytes))


@pytest.mark.parametrize("argv", ARGVS, ids=lambda argv: b" ".join(argv).decode())
def test_a_server_agrees_on(server: Server, argv: tuple[bytes, ...]) -> None:
    said = judged(server, argv)
    if said is None:
        pytest.skip("this server does not know the command, or not like this")
    assert sorted(found(argv)) == sorted(said)


def test_of_sort_the_keys_are_known_that_it_reads_and_writes_itself() -> None:
    """Those that BY and GET make of patterns and elements are the server's affair."""
    assert found((b"SORT", b"a", b"BY", b"w_*", b"STORE", b"d")) == (b"a", b"d")
    assert found((b"SORT", b"a", b"GET", b"v_*")) == (b"a",)


def with_keys() -> list[Spec]:
    return [spec for spec in TABLE.specs() if spec.key_specs and spec.effect is None]


words = st.sampled_from([b"a", b"b", b"1", b"2", b"0", b"-1", b"STREAMS", b"KEYS", b"STORE", b"LIMIT", b"x"])


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(spec=st.sampled_from(with_keys()), rest=st.lists(words, max_size=8))
def test_a_server_agrees_on_whatever_makes_sense_to_it(redis82: Any, spec: Spec, rest: list[bytes]) -> None:
    argv = (*(word.encode() for word in spec.name.split()), *rest)
    if "redis" not in spec.products or spec.name in ("SORT", "SORT_RO"):
        return
    said = judged(redis82, argv)
    if said:
        assert sorted(keys(spec, argv)) == sorted(said)


@given(spec=st.sampled_from(with_keys()), rest=st.lists(st.binary(max_size=5) | words, max_size=8))
def test_whatever_is_typed_is_read_without_complaint(spec: Spec, rest: list[bytes]) -> None:
    argv = (*(word.encode() for word in spec.name.split()), *rest)
    positions = key_positions(spec, argv)
    assert list(positions) == sorted(set(positions))
    assert all(0 < place < len(argv) for place in positions)


@pytest.mark.parametrize(
    ("argv", "expected"),
    [
        ((b"EVAL", b"x", b"99", b"a"), (b"a",)),
        ((b"EVAL", b"x", b"-1", b"a"), ()),
        ((b"EVAL", b"x", b"many", b"a"), ()),
        ((b"EVAL", b"x"), ()),
        ((b"EVAL", b"x", b"9" * 30, b"a"), (b"a",)),
        ((b"GET",), ()),
        ((b"MIGRATE", b"h", b"1", b"a", b"0", b"1", b"KEYS", b"b"), (b"a",)),
        ((b"MIGRATE", b"a", b"a", b"a", b"KEYS", b"a"), (b"a",)),
        ((b"MIGRATE", b"h", b"1", b"", b"KEYS", b"a"), (b"",)),
        ((b"XREAD", b"STREAMS"), ()),
        ((b"PING",), ()),
        ((b"spublish", b"channel", b"message"), (b"channel",)),  # shard channels are routed like keys
        ((b"ssubscribe", b"a", b"b"), (b"a", b"b")),
        ((b"publish", b"channel", b"message"), ()),
    ],
)
def test_what_a_server_would_refuse_or_does_not_call_a_key(
    argv: tuple[bytes, ...], expected: tuple[bytes, ...]
) -> None:
    assert found(argv) == expected
