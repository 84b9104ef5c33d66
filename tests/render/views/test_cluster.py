"""What a cluster's nodes say that none of the recorded ones said: suspicions, strangers, unusual addresses."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from pyredis.commands.spec import TABLE
from pyredis.types import Map, Reply
from pyredis_cli.render.look import Look
from pyredis_cli.render.present import present
from pyredis_cli.render.views.cluster.coverage import SLOTS, gaps, written

_A, _B, _C = (letter * 40 for letter in "abc")


def _lines(command: str, reply: Reply, width: int = 100) -> list[str]:
    argv = command.encode().split(b" ")
    parts = present(argv, TABLE.find(argv), reply, Look(width, now=1_000.0)).parts
    return b"".join(part for part, _ in parts).decode().splitlines()


def _nodes(*lines: str) -> list[str]:
    return _lines("CLUSTER NODES", "".join(f"{line}\n" for line in lines).encode())


def _troubles(*lines: str) -> list[str]:
    """Return what stands above the tables."""
    shown = _nodes(*lines)
    return shown[: shown.index("")]


def test_a_cluster_in_which_all_is_well_has_no_troubles() -> None:
    assert _troubles(
        f"{_A} 10.0.0.1:6379@16379 myself,master - 0 0 1 connected 0-16383",
        f"{_B} 10.0.0.2:6379@16379 slave {_A} 0 999000 1 connected",
    ) == [
        "2 nodes, 1 of them replicas, as seen by 10.0.0.1:6379",
        "slots: 16384 of 16384 have a node, 0 migrating, 0 importing",
    ]


def test_what_is_said_behind_a_hostname_is_shown() -> None:
    shown = _nodes(f"{_A} 10.0.0.1:6379@16379,,shard-id={_B} myself,master - 0 0 1 connected 0-16383")
    assert "10.0.0.1:6379@16379,,shard-id=" in "".join(line.strip() for line in shown)


def test_a_node_that_this_one_alone_suspects_is_not_called_failed() -> None:
    assert _troubles(
        f"{_A} 10.0.0.1:6379@16379 myself,master - 0 0 1 connected 0-16383",
        f"{_B} 10.0.0.2:6379@16379 slave,fail? {_A} 990000 980000 1 disconnected",
    )[1:-1] == ["1 node may fail (fail?): 10.0.0.2:6379"]


def test_a_link_that_is_down_is_told_of() -> None:
    assert _troubles(
        f"{_A} 10.0.0.1:6379@16379 myself,master - 0 0 1 connected 0-16383",
        f"{_B} 10.0.0.2:6379@16379 master - 0 980000 1 disconnected",
    )[1:-1] == ["1 node is not connected: 10.0.0.2:6379"]


def test_a_primary_whose_replicas_all_fail_is_told_of() -> None:
    assert _troubles(
        f"{_A} 10.0.0.1:6379@16379 myself,master - 0 0 1 connected 0-16383",
        f"{_B} 10.0.0.2:6379@16379 slave,fail {_A} 990000 980000 1 connected",
    )[1:-1] == ["1 node fails (fail): 10.0.0.2:6379", "1 node has no replica that works: 10.0.0.1:6379"]


def test_a_primary_that_nobody_knows_is_told_of() -> None:
    assert _troubles(
        f"{_A} 10.0.0.1:6379@16379 myself,master - 0 0 1 connected 0-16383",
        f"{_B} 10.0.0.2:6379@16379 slave {_C} 0 999000 1 connected",
    )[1:-1] == [
        "1 node has no replica that works: 10.0.0.1:6379",
        f"a primary is not among the nodes: {_C}",
    ]


def test_slots_on_their_way_are_told_of_from_both_sides() -> None:
    assert _troubles(
        f"{_A} 10.0.0.1:6379@16379 myself,master - 0 0 1 connected 0-8191 [7->-{_B}] [9000-<-{_B}]",
        f"{_B} 10.0.0.2:6379@16379 master - 0 999000 1 connected 8192-16383",
    )[1:] == [
        "slots: 16384 of 16384 have a node, 1 migrating, 1 importing",
        "10.0.0.1:6379 slot 7 migrating to 10.0.0.2:6379",
        "10.0.0.1:6379 slot 9000 importing from 10.0.0.2:6379",
    ]


def test_a_node_without_an_address_goes_by_its_name_or_its_id() -> None:
    shown = _nodes(
        f"{_A} 2001:db8::1:6379@16379 myself,master - 0 0 1 connected 0-16383",
        f"{_B} :0@0,somewhere.example handshake - 0 0 0 disconnected",
        f"{_C} :0@0 master,noaddr - 0 0 0 disconnected",
    )
    assert shown[1] == f"2 nodes are not connected: {_C} somewhere.example:0"
    assert shown[4].split() == ["ip:port", "flags", "slots", "or", "primary", "link-state", "last", "pong"]
    assert shown[5].split() == ["2001:db8::1:6379", "myself,master", "0-16383", "connected"]


def test_a_node_that_speaks_tls_alone_has_that_port() -> None:
    node: Reply = Map(
        [
            (b"id", _A.encode()),
            (b"tls-port", 7000),
            (b"ip", b"10.0.0.1"),
            (b"endpoint", b"10.0.0.1"),
            (b"role", b"master"),
            (b"replication-offset", 12),
            (b"health", b"loading"),
        ]
    )
    shown = _lines("CLUSTER SHARDS", [Map([(b"slots", [0, 16383]), (b"nodes", [node])])])
    assert shown[:2] == [
        "shards: 1, nodes: 1, slots: 16384 of 16384 slots have a node",
        "1 node with health loading",
    ]
    assert shown[4].split() == ["0-16383", "master", "loading", "10.0.0.1:7000", "12"]
    assert shown[6].split() == ["ip:port", "id", "tls-port", "endpoint"]


def test_a_range_of_nobody_and_a_node_without_an_address_are_shown() -> None:
    shown = _lines("CLUSTER SLOTS", [[5, 5], [6, 9, [None, 6379, _A.encode(), []]]])
    assert [line.split() for line in shown[-2:]] == [["5"], ["6-9", "primary", "(nil):6379", _A]]


def test_what_cluster_info_says_of_a_cluster_that_does_not_work_comes_first() -> None:
    said = b"cluster_state:fail\r\ncluster_slots_assigned:16383\r\ncluster_slots_pfail:12\r\n"
    shown = _lines("CLUSTER INFO", said)
    assert shown[:4] == [
        "cluster_state is fail",
        "1 slot without a node",
        "12 slots on a node that may fail",
        "",
    ]


_RANGES = st.lists(st.tuples(st.integers(0, SLOTS - 1), st.integers(0, 900))).map(
    lambda found: [(first, min(first + more, SLOTS - 1)) for first, more in found]
)


@given(_RANGES)
def test_gaps_are_the_slots_in_none_of_the_ranges(found: list[tuple[int, int]]) -> None:
    covered = {slot for first, last in found for slot in range(first, last + 1)}
    missing = gaps(found)
    slots = [slot for first, last in missing for slot in range(first, last + 1)]
    assert slots == [slot for slot in range(SLOTS) if slot not in covered]
    # As few ranges as there can be.
    assert all(last + 1 < first for (_, last), (first, _) in pairwise(missing))


def test_ranges_are_written_as_the_server_does() -> None:
    assert written([(0, 5460), (5462, 5462)]) == "0-5460 5462"
