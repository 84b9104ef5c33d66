"""What CLUSTER SLOTS and CLUSTER SHARDS say, in every form in which they say it."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pyredis.address import TcpAddress, UnixAddress
from pyredis.cluster.topology import (
    Member,
    Shard,
    Topology,
    from_shards,
    from_slots,
    members_in_nodes,
    members_in_shards,
)
from pyredis.exceptions import ProtocolError
from pyredis.types import Map

ASKED = TcpAddress("asked", 7000)
A, B, C = TcpAddress("10.0.0.1", 1), TcpAddress("10.0.0.2", 2), TcpAddress("10.0.0.3", 3)


def node(host: Any, port: Any, *more: Any) -> list[Any]:
    return [host, port, b"id", *more]


def test_the_slots_of_each_primary_and_its_replicas() -> None:
    topology = from_slots(
        [
            [0, 99, node(b"10.0.0.1", 1), node(b"10.0.0.2", 2)],
            [200, 16383, node(b"10.0.0.1", 1), node(b"10.0.0.2", 2)],
            [100, 199, node(b"10.0.0.3", 3)],
        ],
        ASKED,
    )
    assert topology.shards == (Shard(A, (B,)), Shard(C))
    assert [topology.shard(slot) for slot in (0, 99, 100, 199, 200)] == [
        Shard(A, (B,)),
        Shard(A, (B,)),
        Shard(C),
        Shard(C),
        Shard(A, (B,)),
    ]
    assert (topology.primaries, topology.replicas, topology.nodes) == ((A, C), (B,), (A, C, B))
    assert topology.covered


def test_slots_that_nobody_has() -> None:
    topology = from_slots([[5, 5, node(b"10.0.0.1", 1)]], ASKED)
    assert topology.shard(4) is None
    assert (topology.uncovered, topology.covered) == (16383, False)
    assert from_slots([], ASKED).shards == ()


@pytest.mark.parametrize(
    ("entry", "address"),
    [
        (node(b"", 7), TcpAddress("asked", 7)),
        (node(None, 7), TcpAddress("asked", 7)),
        (node("host.example", 7), TcpAddress("host.example", 7)),
        (node(b"?", 7, [b"ip", b"10.0.0.9"]), TcpAddress("10.0.0.9", 7)),
        (node(b"?", 7, {"ip": "10.0.0.9"}), TcpAddress("10.0.0.9", 7)),
        (node(b"?", 7, Map([(b"ip", b"10.0.0.9")])), TcpAddress("10.0.0.9", 7)),
        (node(b"::1", 7), TcpAddress("::1", 7)),
        (node(b"10.0.0.1", 7, []), TcpAddress("10.0.0.1", 7)),
    ],
)
def test_where_a_node_is(entry: list[Any], address: TcpAddress) -> None:
    assert from_slots([[0, 1, entry]], ASKED).primaries == (address,)


@pytest.mark.parametrize("entry", [node(b"?", 7), node(b"?", 7, []), node(b"h", 0), node(b"h", None)])
def test_a_node_that_cannot_be_reached_is_left_out(entry: list[Any]) -> None:
    assert from_slots([[0, 1, entry]], ASKED).shards == ()
    assert from_slots([[0, 1, node(b"10.0.0.1", 1), entry]], ASKED).shards == (Shard(A),)


def test_a_node_without_a_host_cannot_be_found_from_a_unix_socket() -> None:
    slots = [[0, 99, node(b"", 1)], [100, 16383, node(b"10.0.0.2", 2), node(b"", 3)]]
    assert from_slots(slots, UnixAddress("/socket")).shards == (Shard(B),)


@pytest.mark.parametrize(
    "reply",
    [
        b"OK",
        1,
        None,
        [1],
        [[0]],
        [[0, 1]],
        [[0, 16384, node(b"h", 1)]],
        [[5, 1, node(b"h", 1)]],
        [[0, 1, b"h"]],
        {},
    ],
)
def test_what_is_no_list_of_slots_is_a_protocol_error(reply: Any) -> None:
    with pytest.raises(ProtocolError, match="asked:7000 answered CLUSTER SLOTS"):
        from_slots(reply, ASKED)


def shard(slots: list[int], *nodes: dict[str, Any]) -> dict[str, Any]:
    return {"slots": slots, "nodes": [{k.encode(): v for k, v in node.items()} for node in nodes]}


PRIMARY = {
    "id": b"x",
    "port": 1,
    "ip": b"10.0.0.1",
    "endpoint": b"10.0.0.1",
    "role": b"master",
    "health": b"online",
}
REPLICA = {"port": 2, "ip": b"10.0.0.2", "endpoint": b"10.0.0.2", "role": b"replica", "health": b"online"}


def test_shards_say_the_same() -> None:
    reply: Any = [shard([0, 99, 200, 16383], PRIMARY, REPLICA)]
    assert from_shards(reply, ASKED).shards == (Shard(A, (B,)),)
    flat = [[b"slots", [0, 9], b"nodes", [[word for pair in PRIMARY.items() for word in pair]]]]
    assert from_shards(flat, ASKED).shard(9) == Shard(A)


def test_shards_tell_the_health_of_replicas_and_the_port_for_tls() -> None:
    failed = {**REPLICA, "health": b"fail"}
    assert from_shards([shard([0, 1], PRIMARY, failed)], ASKED).shards == (Shard(A),)  # type: ignore[list-item]
    assert from_shards([shard([], PRIMARY)], ASKED).shards == ()  # type: ignore[list-item]
    both = {**PRIMARY, "tls-port": 9}
    assert from_shards([shard([0, 1], both)], ASKED, tls=True).primaries == (TcpAddress("10.0.0.1", 9),)  # type: ignore[list-item]
    assert from_shards([shard([0, 1], PRIMARY)], ASKED, tls=True).shards == ()  # type: ignore[list-item]


def test_a_primary_that_failed_is_one_only_if_there_is_no_other() -> None:
    """Before all nodes agree on a failover, a shard may name both: the one that is online has the slots."""
    failed = {**PRIMARY, "health": b"fail"}
    promoted = {**REPLICA, "role": b"master"}
    for nodes in ([failed, promoted], [promoted, failed]):
        both: Any = shard([0, 1], *nodes)
        assert from_shards([both], ASKED).primaries == (B,)
    assert from_shards([shard([0, 1], failed, REPLICA)], ASKED).shard(1) == Shard(A, (B,))  # type: ignore[list-item]


@pytest.mark.parametrize(
    "reply", [b"OK", [1], [{}], [{"slots": [0], "nodes": []}], [{"slots": [0, 1], "nodes": [{}]}]]
)
def test_what_is_no_list_of_shards_is_a_protocol_error(reply: Any) -> None:
    with pytest.raises(ProtocolError, match="CLUSTER SHARDS"):
        from_shards(reply, ASKED)


def test_the_order_in_which_replicas_are_named_makes_no_difference() -> None:
    """Nodes name them in an order of their own."""

    def seen(first: int, last: int, *nodes: list[Any]) -> Topology:
        other: Any = [last + 1, 16383, node(b"10.0.0.9", 9)]
        return from_slots([[first, last, *nodes], other], ASKED)

    a, b, c = node(b"10.0.0.1", 1), node(b"10.0.0.2", 2), node(b"10.0.0.3", 3)
    one = seen(0, 99, a, b, c)
    assert one == seen(0, 99, a, c, b)
    assert hash(one) == hash(seen(0, 99, a, c, b))
    assert set(one.replicas) == {B, C}
    for another in (seen(0, 99, a, b), seen(0, 98, a, b, c), seen(0, 99, b, a, c), seen(1, 99, a, b, c)):
        assert one != another


def test_one_slot_that_moved() -> None:
    before = from_slots(
        [[0, 9, node(b"10.0.0.1", 1), node(b"10.0.0.2", 2)], [10, 19, node(b"10.0.0.3", 3)]], ASKED
    )
    after = before.moved(5, C)
    assert [after.shard(slot) for slot in (4, 5, 6)] == [Shard(A, (B,)), Shard(C), Shard(A, (B,))]
    assert before.shard(5) == Shard(A, (B,))
    assert before.moved(5, A) is before
    promoted = before.moved(5, B)
    assert promoted.shard(5) == Shard(B)
    assert B in promoted.primaries


@given(st.lists(st.tuples(st.integers(0, 16383), st.sampled_from([A, B, C])), max_size=5))
def test_topologies_are_equal_when_every_slot_is_the_same_ones(moves: list[tuple[int, TcpAddress]]) -> None:
    start = from_slots([[0, 16383, node(b"10.0.0.1", 1)]], ASKED)
    one: Topology = start
    for slot, address in moves:
        one = one.moved(slot, address)
    assert all(one.shard(slot) == Shard(A) for slot, _ in moves) or one != start
    assert one == one.moved(*moves[-1]) if moves else one == start
    for slot, address in dict(moves).items():
        owner = one.shard(slot)
        assert owner is not None
        assert owner.primary == address


def test_a_malicious_depth_or_type_harms_nobody() -> None:
    nested: Any = []
    for _ in range(1000):
        nested = [nested]
    with pytest.raises(ProtocolError):
        from_slots(nested, ASKED)


# -- every node


def _shard_node(port: int, role: bytes, health: bytes = b"online", **more: Any) -> list[Any]:
    fields = {"ip": b"10.0.0.1", "endpoint": b"", "port": port, "role": role, "health": health, **more}
    return [part for name, value in fields.items() for part in (name.encode(), value)]


def test_every_node_of_a_shard_is_a_member_down_or_without_slots() -> None:
    shards = [
        [b"slots", [], b"nodes", [_shard_node(9, b"master")]],
        [
            b"slots",
            [0, 16383],
            b"nodes",
            [_shard_node(3, b"replica"), _shard_node(2, b"replica", b"failed"), _shard_node(1, b"master")],
        ],
        [b"slots", [], b"nodes", [_shard_node(0, b"master", endpoint=b"?", ip=b"")]],
    ]
    assert members_in_shards(shards, ASKED) == (
        Member(TcpAddress("asked", 1), "primary"),
        Member(TcpAddress("asked", 2), "replica", up=False),
        Member(TcpAddress("asked", 3), "replica"),
        Member(TcpAddress("asked", 9), "primary"),
    )


def test_every_node_that_can_be_reached_is_in_the_text_of_cluster_nodes() -> None:
    text = b"""b 10.0.0.2:2@12,host slave,fail? a 0 1 1 connected
c :3@13 myself,master - 0 1 2 connected 8000-16383
a 10.0.0.1:1@11,,shard-id=x master - 0 1 1 connected 0-7999 [8000->-c]
d 10.0.0.4:4@14 master,handshake - 0 1 0 connected
e :0@0 master,noaddr - 0 1 0 disconnected
"""
    assert members_in_nodes(text, ASKED) == (
        Member(A, "primary"),
        Member(B, "replica", up=False),
        Member(TcpAddress("asked", 3), "primary"),
    )


@pytest.mark.parametrize("reply", [b"x", b"a b c", 7, None, [b"a"], b"a 1:x@1 master - 0"])
def test_what_names_no_nodes_is_no_reply_to_cluster_nodes(reply: Any) -> None:
    with pytest.raises(ProtocolError, match="something else than nodes"):
        members_in_nodes(reply, ASKED)


@pytest.mark.parametrize("reply", [b"x", 7, None, [b"a"], [[b"nodes", b"x"]], [[b"nodes", [[b"role", 1]]]]])
def test_what_names_no_shards_has_no_members(reply: Any) -> None:
    with pytest.raises(ProtocolError, match="something else than shards"):
        members_in_shards(reply, ASKED)
