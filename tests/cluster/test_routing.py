"""Where commands belong, how they are cut up, and what their replies come to."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pyredis.cluster.buckets import Buckets
from pyredis.cluster.merging import joined, merge, mergeable
from pyredis.cluster.routing import audience, partial, slot, split, splittable
from pyredis.commands.slots import key_slot
from pyredis.commands.spec import TABLE, Spec, find
from pyredis.exceptions import ClusterError, ProtocolError
from pyredis.types import Map, Set, Status


def argv_of(text: str) -> tuple[bytes, ...]:
    return tuple(word.encode() for word in text.split())


def spec_of(text: str) -> Spec:
    spec = find(argv_of(text))
    assert spec is not None
    return spec


def slot_of(text: str, shard_key: bytes | None = None) -> int | None:
    return slot(argv_of(text), spec_of(text), shard_key)


def test_a_command_belongs_to_the_slot_of_its_keys() -> None:
    assert slot_of("GET a") == key_slot(b"a")
    assert slot_of("SINTERSTORE {x}d {x}a {x}b") == key_slot(b"x")
    assert slot_of("EVAL s 1 a b") == key_slot(b"a")
    assert slot_of("EVAL s 0") is None
    assert slot_of("PING") is None
    assert slot_of("GET a", b"b") == key_slot(b"b")
    assert slot([b"NO.SUCH", b"a"], None) is None


def test_keys_in_several_slots_are_an_error_without_their_names() -> None:
    with pytest.raises(ClusterError) as caught:
        slot_of("MGET secret1 secret2 secret3 secret4 secret5 secret6 secret7")
    message = str(caught.value)
    assert message.startswith("the keys of MGET lie in 7 slots (")
    assert message.endswith(", ...); give them the same {hash tag}, or use execute_split()")
    assert "secret" not in message
    with pytest.raises(ClusterError, match=r"hash tag\}$"):
        slot_of("RENAME a b")


names = st.lists(st.sampled_from(["a", "b", "c", "d", "{a}1", "{a}2", "{b}1"]), min_size=1, max_size=9)


@given(names)
def test_the_parts_of_a_command_have_its_keys_once_each(keys: list[str]) -> None:
    for text, step in (
        (" ".join(["MGET", *keys]), 1),
        (" ".join(["MSET", *(f"{key} v{n}" for n, key in enumerate(keys))]), 2),
    ):
        parts = split(argv_of(text), spec_of(text))
        assert sorted(place for part in parts for place in part.places) == list(range(len(keys)))
        assert len({part.slot for part in parts}) == len(parts)
        words = argv_of(text)[1:]
        for part in parts:
            assert slot(part.argv, spec_of(text)) == part.slot
            own = [word for place in part.places for word in words[place * step : (place + 1) * step]]
            assert part.argv[1:] == tuple(own)


@given(names)
def test_replies_of_parts_are_put_back_in_order(keys: list[str]) -> None:
    text = " ".join(["MGET", *keys])
    parts = split(argv_of(text), spec_of(text))
    replies: list[Any] = [list(part.argv[1:]) for part in parts]
    assert joined(spec_of(text), parts, replies) == list(argv_of(text)[1:])


def test_options_and_counts_go_with_every_part() -> None:
    text = "MSETEX 3 a 1 b 2 {a}c 3 EX 60"
    parts = split(argv_of(text), spec_of(text))
    assert [b" ".join(part.argv).decode() for part in parts] == [
        "MSETEX 2 a 1 {a}c 3 EX 60",
        "MSETEX 1 b 2 EX 60",
    ]


@pytest.mark.parametrize("text", ["GET a", "RENAME a b", "PING", "MSET a", "DEL"])
def test_what_cannot_be_cut_up(text: str) -> None:
    with pytest.raises(ClusterError):
        split(argv_of(text), spec_of(text))


def test_whom_commands_without_keys_concern() -> None:
    assert [audience(spec_of(text)) for text in ("DBSIZE", "CONFIG SET a b", "TIME", "GET a")] == [
        "primaries",
        "all",
        None,
        None,
    ]
    assert [
        text
        for text in ("DBSIZE", "SCAN 0", "INFO", "PING", "TIME", "GET a", "PUBLISH a b")
        if partial(spec_of(text))
    ] == [
        "DBSIZE",
        "SCAN 0",
        "INFO",
    ]
    assert {spec.name for spec in TABLE.specs() if splittable(spec)} >= {
        "MGET",
        "MSET",
        "DEL",
        "UNLINK",
        "EXISTS",
        "TOUCH",
    }


@pytest.mark.parametrize(
    ("text", "replies", "expected"),
    [
        ("DBSIZE", [1, 2, 3], 6),
        ("WAIT 1 0", [2, 1, 3], 1),
        ("WAITAOF 1 1 0", [[1, 2], [1, 0]], [1, 0]),
        ("SCRIPT EXISTS x y", [[1, 0], [1, 1]], [1, 0]),
        ("FLUSHALL", [Status(b"OK"), Status(b"OK")], Status(b"OK")),
        ("SCRIPT LOAD x", ["sha", "sha"], "sha"),
        ("KEYS *", [[b"a"], [], [b"b", b"c"]], [b"a", b"b", b"c"]),
        ("SLOWLOG GET", [[1], [2]], [1, 2]),
        ("CLUSTER SLOT-STATS SLOTSRANGE 0 1", [Map([(1, 2)]), Map([(3, 4)])], Map([(1, 2), (3, 4)])),
        ("CLUSTER SLOT-STATS SLOTSRANGE 0 1", [{1: 2}, {3: 4}], {1: 2, 3: 4}),
        ("KEYS *", [Set([b"a"]), Set([b"b"])], Set([b"a", b"b"])),
    ],
)
def test_replies_of_nodes_come_to_one(text: str, replies: list[Any], expected: Any) -> None:
    merged = merge(spec_of(text), replies)
    assert merged == expected
    assert type(merged) is type(expected)


def test_some_replies_cannot_be_one() -> None:
    assert [mergeable(spec_of(text)) for text in ("INFO", "LATENCY DOCTOR", "DBSIZE")] == [False, False, True]
    for replies in ([1, b"x"], [[1], [1, 2]]):
        with pytest.raises(ProtocolError, match="do not fit together"):
            merge(spec_of("SCRIPT EXISTS x"), replies if isinstance(replies[0], list) else [[1], [1, 2]])
    with pytest.raises(ProtocolError):
        merge(spec_of("KEYS *"), [b"a", b"b"])
    parts = split(argv_of("MGET a b"), spec_of("MGET a b"))
    with pytest.raises(ProtocolError, match="an element for each key"):
        joined(spec_of("MGET a b"), parts, [[b"1"], b"2"])


# -- buckets


def test_buckets_share_the_slots_in_turn() -> None:
    buckets = Buckets(["one", "two", "three"])
    assert [buckets.of_slot(number) for number in range(4)] == ["one", "two", "three", "one"]
    assert buckets.of(argv_of("GET a"), spec_of("GET a"), None) == buckets.of_slot(key_slot(b"a"))
    assert buckets.of(argv_of("NO.SUCH x"), None, b"a") == buckets.of_slot(key_slot(b"a"))
    assert buckets.of(argv_of("TIME"), spec_of("TIME"), None) in buckets.nodes


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("MGET a b c", "belong to 2 servers, one, two; give them the same"),
        ("DBSIZE", "concerns all servers"),
        ("NO.SUCH x", "where NO.SUCH has its keys is not known"),
    ],
)
def test_what_belongs_to_no_one_bucket_is_refused(text: str, says: str) -> None:
    with pytest.raises(ClusterError, match=says):
        Buckets(["one", "two"]).of(argv_of(text), find(argv_of(text)), None)


def test_a_bucket_cannot_be_there_twice() -> None:
    with pytest.raises(ValueError, match="twice"):
        Buckets(["one", "one"])
