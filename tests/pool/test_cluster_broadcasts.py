"""Commands for many nodes: who is asked when nodes come and go, and what their replies come to."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack
from itertools import islice
from typing import Any

import pytest

from pyredis import (
    AsyncClusterClient,
    AsyncClusterPool,
    ClusterError,
    PartialFailure,
    PyRedisConnError,
    ReplyError,
)
from pyredis.commands.slots import key_slot
from tests.clusters import Cluster
from tests.conftest import MakeCluster
from tests.pool.test_cluster import sock_of
from tests.servers import Server, until

pytestmark = pytest.mark.usefixtures("no_leaks")

KEYS = [f"key:{number}" for number in range(400)]
SLOT = key_slot(b"{x}")


@pytest.fixture
async def pool(cluster: Cluster) -> AsyncIterator[AsyncClusterPool]:
    async with AsyncClusterPool(cluster.seeds) as pool:
        yield pool


# -- nodes and slots as they are now


@pytest.mark.parametrize("binary", ["redis82", "valkey9"])
@pytest.mark.parametrize("kind", [AsyncClusterPool, AsyncClusterClient])
async def test_a_node_that_joined_is_asked_although_nobody_was_sent_there_yet(
    make_cluster: MakeCluster, binary: str, kind: type[AsyncClusterPool | AsyncClusterClient]
) -> None:
    cluster = make_cluster(binary, replicas=0)
    async with AsyncExitStack() as stack:
        # One for each question: the first would tell the next ones of the node.
        asking = [await stack.enter_async_context(kind(cluster.seeds)) for _ in range(5)]
        for number, one in enumerate(asking):
            await one.set(f"{{x}}{number}", 1)
        node = await cluster.add_node()
        await cluster.migrate_slot(SLOT, node)
        assert node.command("DBSIZE") == 5
        assert {
            "DBSIZE": await asking[0].execute_split("DBSIZE"),
            "KEYS": len(await asking[1].execute_split("KEYS", "*")),  # type: ignore[arg-type]
            "scan_iter": len([key async for key in asking[2].scan_iter()]),
            "execute_on": (await asking[3].execute_on("primaries", "DBSIZE")).get(sock_of(node)),
        } == {"DBSIZE": 5, "KEYS": 5, "scan_iter": 5, "execute_on": 5}
        assert await asking[4].execute_split("FLUSHALL") == b"OK"
        assert node.command("DBSIZE") == 0


async def test_a_replica_that_joined_can_be_named_at_once(make_cluster: MakeCluster) -> None:
    cluster = make_cluster("redis82", replicas=0)
    async with AsyncClusterPool(cluster.seeds) as pool, AsyncClusterPool(cluster.seeds) as other:
        for one in (pool, other):
            await one.set("{x}a", 1)
        node = await cluster.add_node(replica_of=cluster.primaries()[0])
        await until(lambda: all(knows(primary, node) for primary in cluster.primaries()))
        assert await pool.execute("CONFIG", "GET", "port", sock=sock_of(node)) == [
            b"port",
            b"%d" % node.port,
        ]
        assert list(await other.execute_on("replicas", "PING")) == [sock_of(node)]


def knows(node: Server, other: Server) -> bool:
    """Whether a node tells clients of another one."""
    entries: Any = node.command("CLUSTER", "SLOTS")
    return any(other.port == port for _, _, *nodes in entries for _, port, *_ in nodes)


@pytest.mark.parametrize("kind", [AsyncClusterPool, AsyncClusterClient])
async def test_a_node_can_be_named_as_its_seed_was(
    cluster82: Cluster, kind: type[AsyncClusterPool | AsyncClusterClient]
) -> None:
    node = cluster82.nodes[0]
    async with kind([("localhost", node.port)]) as asking:
        for _ in range(2):
            reply = await asking.execute("CONFIG", "GET", "port", sock=f"localhost:{node.port}")
            assert reply == [b"port", b"%d" % node.port]
        with pytest.raises(ValueError, match="is none of the servers"):
            await asking.execute("PING", sock="localhost:1")


async def test_everything_is_flushed_after_a_planned_failover(
    cluster: Cluster, pool: AsyncClusterPool
) -> None:
    await asyncio.gather(*[pool.set(key, 1) for key in KEYS[:30]])
    replica = cluster.replica_of(cluster.primaries()[0])
    cluster.failover(replica)
    await cluster.until_primary(replica)
    assert await pool.execute_split("FLUSHALL") == b"OK"
    assert [node.command("DBSIZE") for node in cluster.primaries()] == [0, 0, 0]


async def test_replies_are_those_of_the_new_primary_when_the_old_one_was_dead_before(
    cluster: Cluster, pool: AsyncClusterPool
) -> None:
    """What was certainly never sent to the dead node may be asked of its successor, a write, too."""
    await pool.set("{x}n", 0)
    victim = cluster.primary_of(SLOT)
    assert victim.command("WAIT", 1, 5000) == 1
    cluster.kill(victim)
    await cluster.until_agreed()
    replies = await pool.execute_on("primaries", "EVAL", "return redis.pcall('INCR', '{x}n')", 0)
    assert set(replies) == {sock_of(node) for node in cluster.primaries()}
    assert replies[sock_of(cluster.primary_of(SLOT))] == 1
    assert await pool.get("{x}n") == b"1"


# -- a node that is lost on the way


async def test_a_write_is_not_sent_to_the_replica_that_took_the_place_of_a_silent_primary(
    cluster: Cluster,
) -> None:
    """It may have been executed: that the replica has not got it would be seen by nobody."""
    victim = cluster.primary_of(SLOT)
    others = {sock_of(node) for node in cluster.primaries() if node is not victim}
    async with AsyncClusterPool(cluster.seeds, read_timeout=30) as pool:
        await asyncio.gather(*[pool.set(key, 1) for key in KEYS[:30]])
        replica = cluster.replica_of(victim)
        cluster.stall(victim)
        try:
            replies = await pool.execute_on("primaries", "EVAL", "return redis.pcall('INCR', '{x}n')", 0)
            await cluster.until_primary(replica)
            assert set(replies) == {*others, sock_of(victim)}
            error = replies[sock_of(victim)]
            assert isinstance(error, PyRedisConnError)
            assert error.sent is not False
            assert replica.command("EXISTS", "{x}n") == 0
        finally:
            cluster.kill(victim)


async def test_what_only_reads_is_asked_of_the_replica_that_took_the_place_of_a_silent_primary(
    cluster: Cluster,
) -> None:
    victim = cluster.primary_of(SLOT)
    async with AsyncClusterPool(cluster.seeds, read_timeout=30) as pool:
        await asyncio.gather(*[pool.set(key, 1) for key in KEYS[:30]])
        for node in cluster.primaries():
            assert node.command("WAIT", 1, 5000) == 1
        replica = cluster.replica_of(victim)
        cluster.stall(victim)
        try:
            assert await pool.execute_split("DBSIZE") == 30
            await cluster.until_primary(replica)
        finally:
            cluster.kill(victim)


async def test_a_walk_whose_node_leaves_the_cluster_says_so(cluster: Cluster, pool: AsyncClusterPool) -> None:
    """The cursor means nothing to the replica that took its place."""
    await asyncio.gather(*[pool.set(key, key) for key in KEYS])
    for node in cluster.primaries():
        assert node.command("WAIT", 1, 5000) == 1
    walk = pool.scan_iter(count=10)
    first = await anext(walk)
    assert isinstance(first, bytes)
    victim = cluster.primary_of(key_slot(first))
    cluster.kill(victim)
    await cluster.until_agreed()
    assert await pool.get(first) == first  # the pool knows of it
    with pytest.raises(ClusterError, match=sock_of(victim)):
        async for _ in walk:
            pass


# -- what some did and some did not


def keys_of(cluster: Cluster, node: Server, count: int) -> list[str]:
    """Return some keys, each in a slot of its own, that a node has."""
    own = (key for key in KEYS if cluster.primary_of(key_slot(key.encode())) is node)
    return list(islice(own, count))


@pytest.mark.parametrize(
    ("command", "done"),
    [
        (["DEL"], 3),
        (["EXISTS"], 3),
        (["MGET"], [b"0", b"1", b"2"]),
        (["MSET"], b"OK"),
    ],
    ids=lambda value: value[0] if isinstance(value, list) and isinstance(value[0], str) else "",
)
async def test_a_failure_of_some_tells_what_each_node_did_with_all_its_keys(
    cluster82: Cluster, command: Sequence[str], done: Any
) -> None:
    good, bad = cluster82.primaries()[:2]
    own, other = keys_of(cluster82, good, 3), keys_of(cluster82, bad, 2)
    allowed = [*own, other[0]]
    for node in cluster82.nodes:
        node.command("ACL", "SETUSER", "bob", "on", ">pw", "+@all", *(f"~{key}" for key in allowed))
    async with AsyncClusterPool(cluster82.seeds) as pool:
        for number, key in enumerate([*own, *other]):
            await pool.set(key, number)
    async with AsyncClusterPool(cluster82.seeds, username="bob", password="pw") as pool:
        words = [word for key in [*own, *other] for word in ((key, 7) if command[0] == "MSET" else (key,))]
        with pytest.raises(PartialFailure, match=f"{command[0]} failed at 1 of 2 nodes") as caught:
            await pool.execute_split(*command, *words)
    replies = caught.value.replies
    assert set(replies) == {sock_of(good), sock_of(bad)}
    assert replies[sock_of(good)] == done
    assert isinstance(replies[sock_of(bad)], ReplyError)
    assert list(caught.value.failed) == [sock_of(bad)]


async def test_what_is_about_one_node_is_refused_until_it_is_named(
    cluster: Cluster, pool: AsyncClusterPool
) -> None:
    await pool.set("{x}a", 1)
    home = cluster.primary_of(key_slot(b"x"))
    for command in (
        ["CLUSTER", "COUNTKEYSINSLOT", key_slot(b"x")],
        ["PUBSUB", "CHANNELS"],
        ["CLIENT", "LIST"],
        ["BGSAVE"],
        ["CONFIG", "GET", "port"],
    ):
        with pytest.raises(ClusterError, match="is about one node: sock="):
            await pool.execute(*command)
    count = await pool.execute("CLUSTER", "COUNTKEYSINSLOT", key_slot(b"x"), sock=(home.host, home.port))
    assert count == 1
    assert b"cluster_state:ok" in await pool.execute("CLUSTER", "INFO")  # type: ignore[operator]


async def test_one_node_alone_fails_with_its_own_error(pool: AsyncClusterPool) -> None:
    await pool.set("{x}a", 1)
    with pytest.raises(ReplyError, match=r"WRONGTYPE"):
        await pool.execute_split("SUNION", "{x}a")
    with pytest.raises(ValueError, match="is none of the servers"):
        await pool.execute("PING", sock=("127.0.0.1", 1))
