"""Leases over several servers: transactions that stay whole, and connections that are lost under them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import Any

import pytest

from pyredis import (
    AskError,
    AsyncClient,
    AsyncClusterClient,
    AsyncClusterPool,
    AsyncHashClient,
    AsyncHashPool,
    ExecAbort,
    MovedError,
    PyRedisConnClosed,
    PyRedisConnError,
    Script,
)
from pyredis.commands.slots import key_slot
from tests.clusters import Cluster
from tests.conftest import MakeCluster
from tests.hostile import Hear, Hostile, Say
from tests.pool.test_cluster import CLUSTER_OF_ONE
from tests.servers import Server, free_port, until

pytestmark = pytest.mark.usefixtures("no_leaks")

SLOT = key_slot(b"{x}")


@pytest.fixture
async def pool(cluster: Cluster) -> AsyncIterator[AsyncClusterPool]:
    async with AsyncClusterPool(cluster.seeds) as pool:
        yield pool


@dataclass
class Holder:
    """A client over several servers, and the one of them where ``{x}`` is."""

    client: AsyncClusterClient | AsyncHashClient
    home: Server


@pytest.fixture(params=["cluster lease", "cluster client", "hash lease", "hash client"])
async def holder(
    request: pytest.FixtureRequest, cluster82: Cluster, redis82: Server, valkey9: Server
) -> AsyncIterator[Holder]:
    buckets = [redis82, valkey9]
    addresses = [(server.host, server.port) for server in buckets]
    kind, _, what = request.param.partition(" ")
    home = cluster82.primary_of(SLOT) if kind == "cluster" else buckets[SLOT % 2]
    async with AsyncExitStack() as stack:
        client: Any
        if what == "client":
            owner = AsyncClusterClient(cluster82.seeds) if kind == "cluster" else AsyncHashClient(addresses)
            client = await stack.enter_async_context(owner)
        else:
            pool: Any = AsyncClusterPool(cluster82.seeds) if kind == "cluster" else AsyncHashPool(addresses)
            await stack.enter_async_context(pool)
            client = await stack.enter_async_context(pool.lease())
        yield Holder(client, home)


def another_primary(cluster: Cluster, node: Server) -> Server:
    return next(primary for primary in cluster.primaries() if primary is not node)


async def lose_connections(node: Server) -> None:
    """Have a server end its connections; return when the clients in this process know."""
    async with AsyncClient(node.host, node.port) as last:
        await last.ping()
        node.command("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")
        await until(lambda: last.closed)


# -- a slot or a node that goes away in the middle of a transaction


async def test_a_command_is_never_executed_outside_its_transaction_where_its_slot_went(
    cluster: Cluster, pool: AsyncClusterPool
) -> None:
    source = cluster.primary_of(SLOT)
    async with pool.lease() as client:
        await client.set("{x}a", 0)
        await client.execute("MULTI", shard_key="{x}")
        await cluster.migrate_slot(SLOT, another_primary(cluster, source))
        with pytest.raises(MovedError):
            await client.incr("{x}a")
        with pytest.raises(ExecAbort):
            await client.execute("EXEC")
        assert client.at_rest
        assert await client.get("{x}a") == b"0"
        assert await client.incr("{x}a") == 1  # outside a transaction the slot is followed


async def test_a_transaction_whose_slot_moved_away_before_exec_says_so(
    cluster: Cluster, pool: AsyncClusterPool
) -> None:
    source = cluster.primary_of(SLOT)
    async with pool.lease() as client:
        await client.set("{x}a", 0)
        await client.execute("MULTI", shard_key="{x}")
        assert await client.incr("{x}a") == b"QUEUED"
        await cluster.migrate_slot(SLOT, another_primary(cluster, source))
        with pytest.raises((MovedError, ExecAbort)):
            await client.execute("EXEC")
        assert client.at_rest
        assert await client.get("{x}a") == b"0"


async def test_a_slot_on_its_way_does_not_take_a_command_out_of_its_transaction(
    cluster: Cluster, pool: AsyncClusterPool
) -> None:
    """Redis says ASK to the command, Valkey to EXEC."""
    target = another_primary(cluster, cluster.primary_of(SLOT))
    async with pool.lease() as client:
        await client.execute("MULTI", shard_key="{x}")
        source = cluster.begin_migration(SLOT, target)

        async def write() -> None:
            assert await client.set("{x}new", 1) == b"QUEUED"
            await client.execute("EXEC")

        with pytest.raises(AskError):
            await write()
        if not client.at_rest:
            with pytest.raises(ExecAbort):
                await client.execute("EXEC")
        assert client.at_rest
        assert source.command("CLUSTER", "COUNTKEYSINSLOT", SLOT) == 0
        assert target.command("CLUSTER", "COUNTKEYSINSLOT", SLOT) == 0
        cluster.end_migration(SLOT, source, target)


async def test_a_transaction_dies_with_its_node_and_nothing_of_it_is_executed_elsewhere(
    cluster: Cluster, pool: AsyncClusterPool
) -> None:
    primary = cluster.primary_of(SLOT)
    async with pool.lease() as client:
        await client.set("{x}n", 0)
        assert primary.command("WAIT", 1, 5000) == 1
        await client.execute("MULTI", shard_key="{x}")
        assert await client.incr("{x}n") == b"QUEUED"
        cluster.kill(primary)
        await cluster.until_agreed()
        with pytest.raises(PyRedisConnError):
            await client.incr("{x}n")
    assert await pool.get("{x}n") == b"0"


# -- connections that are lost, and what was going on there


@pytest.mark.parametrize(
    "command",
    [["GET", "{x}a"], ["SET", "{x}a", 1], ["PING"], ["MULTI"], ["EXEC"], ["DISCARD"]],
    ids=lambda command: command[0],
)
async def test_a_lost_transaction_takes_the_client_with_it_whatever_comes_next(
    holder: Holder, command: Sequence[Any]
) -> None:
    client = holder.client
    await client.execute("MULTI", shard_key="{x}")
    assert await client.set("{x}a", 1) == b"QUEUED"
    await lose_connections(holder.home)
    with pytest.raises(PyRedisConnClosed, match="what was going on"):
        await client.execute(*command)
    await check_all_is_over(client)


@pytest.mark.parametrize(
    "command",
    [["GET", "{x}a"], ["PING"], ["WATCH", "{x}a"], ["UNWATCH"], ["EXEC"]],
    ids=lambda command: command[0],
)
async def test_a_lost_watch_takes_the_client_with_it_whatever_comes_next(
    holder: Holder, command: Sequence[Any]
) -> None:
    client = holder.client
    await client.watch("{x}a")
    await lose_connections(holder.home)
    with pytest.raises(PyRedisConnClosed, match="what was going on"):
        await client.execute(*command)
    await check_all_is_over(client)


async def check_all_is_over(client: AsyncClusterClient | AsyncHashClient) -> None:
    """Fail unless nothing that follows can be executed outside of what was lost."""
    assert client.closed
    for command in (["EXEC"], ["PING"], ["SET", "{x}a", 2], ["SET", "somewhere", "else"]):
        with pytest.raises(PyRedisConnClosed, match="begin with another client"):
            await client.execute(*command)


async def test_a_connection_in_another_database_is_not_replaced_silently(make_cluster: MakeCluster) -> None:
    cluster = make_cluster("valkey9", "cluster-databases 4", replicas=0)
    async with AsyncClusterPool(cluster.seeds) as pool, pool.lease() as client:
        await client.execute("SELECT", 1, shard_key="{x}")
        await client.set("{x}a", "one")
        await lose_connections(cluster.primary_of(SLOT))
        with pytest.raises(PyRedisConnClosed, match="set up there"):
            await client.set("{x}a", "two")
        assert await pool.get("{x}a") is None


async def test_a_connection_of_another_user_is_not_replaced_silently(cluster82: Cluster) -> None:
    for node in cluster82.nodes:
        node.command("ACL", "SETUSER", "bob", "on", ">pw", "~*", "+@all", "-set")
    async with AsyncClusterPool(cluster82.seeds) as pool, pool.lease() as client:
        await client.execute("AUTH", "bob", "pw", shard_key="{x}")
        assert await client.get("{x}a") is None
        await lose_connections(cluster82.primary_of(SLOT))
        with pytest.raises(PyRedisConnClosed, match="set up there"):
            await client.set("{x}a", "not as bob")
        assert await pool.get("{x}a") is None


# -- what a transaction is made of


async def test_a_script_in_a_transaction_is_sent_with_its_source(holder: Holder) -> None:
    client = holder.client
    add = Script("return redis.call('INCRBY', KEYS[1], ARGV[1])")
    await client.execute("MULTI", shard_key="{x}")
    assert await add(client, ["{x}a"], [5]) == b"QUEUED"
    assert await client.execute("EXEC") == [5]


async def test_a_script_without_keys_goes_where_the_transaction_is(holder: Holder) -> None:
    client = holder.client
    await client.execute("MULTI", shard_key="{x}")
    for _ in range(20):
        assert await client.execute("EVAL", "return 1", 0) == b"QUEUED"
    assert await client.execute("EXEC") == [1] * 20


async def test_a_transaction_reads_from_its_own_node_when_replicas_may_be_read_from(
    cluster: Cluster,
) -> None:
    async with AsyncClusterPool(cluster.seeds, replica_ok=True) as pool:
        await pool.set("{x}a", 1)
        async with pool.lease() as client:
            await client.get("{x}a")  # from a replica, as nothing is going on
            for number in range(2, 5):
                await client.watch("{x}a")
                assert await client.get("{x}a") == b"%d" % (number - 1)
                await client.execute("MULTI", shard_key="{x}")
                assert await client.get("{x}a") == b"QUEUED"
                assert await client.set("{x}a", number) == b"QUEUED"
                assert await client.execute("EXEC") == [b"%d" % (number - 1), b"OK"]
            assert client.at_rest


# -- a slot on its way


async def test_a_lease_is_at_rest_after_it_asked_the_node_that_a_slot_goes_to(
    cluster: Cluster, pool: AsyncClusterPool
) -> None:
    target = another_primary(cluster, cluster.primary_of(SLOT))
    client = await pool.acquire()
    await client.get("{x}a")
    source = cluster.begin_migration(SLOT, target)
    assert await client.set("{x}new", 1) == b"OK"
    assert target.command("CLUSTER", "COUNTKEYSINSLOT", SLOT) == 1
    assert client.at_rest
    await pool.release(client)
    assert not pool.statistics.closed
    cluster.end_migration(SLOT, source, target)


async def test_a_lease_says_asking_and_its_command_in_one_go() -> None:
    """Between the two nothing may come: the server forgets ASKING with the next command."""
    one, two = free_port(), free_port()
    slots = [Hear(b"SLOTS"), Say(CLUSTER_OF_ONE % (b"$-1", one))]
    asked = [Hear(b"GET"), Say(b"-ASK 15495 127.0.0.1:%d\r\n" % two)]
    asking = [Hear(b"ASKING\r\n*2\r\n$3\r\nGET"), Say(b"+OK\r\n+fine\r\n")]
    async with (
        Hostile([*slots, *asked], asked, port=one) as server,  # on one connection or on two
        Hostile(asking, port=two),
        AsyncClusterPool([(server.host, server.port)], lib_name=None, read_timeout=1) as pool,
        pool.lease() as client,
        asyncio.timeout(5),
    ):
        assert await client.get("a") == b"fine"
        assert client.at_rest
