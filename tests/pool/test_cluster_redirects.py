"""What a cluster did not execute: what is tried again and what is not, where the map goes, and the end."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, nullcontext

import hiredis
import pytest

from pyredis import (
    AsyncClusterClient,
    AsyncClusterPool,
    ClusterError,
    PyRedisConnClosed,
    ReplyError,
    TryAgain,
)
from pyredis.commands.slots import key_slot
from tests.clusters import Cluster
from tests.conftest import MakeCluster
from tests.hostile import Hear, Hostile, Say, Stall
from tests.pool.test_cluster import CLUSTER_OF_ONE, scripted, sock_of
from tests.servers import DEADLINE, Server, free_port, until

pytestmark = pytest.mark.usefixtures("no_leaks")

SLOT = key_slot(b"{x}")


@pytest.fixture
async def pool(cluster: Cluster) -> AsyncIterator[AsyncClusterPool]:
    async with AsyncClusterPool(cluster.seeds) as pool:
        yield pool


def another_primary(cluster: Cluster, node: Server) -> Server:
    return next(primary for primary in cluster.primaries() if primary is not node)


def executor_of(
    pool: AsyncClusterPool, what: str
) -> AbstractAsyncContextManager[AsyncClusterPool | AsyncClusterClient]:
    """Return the pool, or a lease from it."""
    return nullcontext(pool) if what == "pool" else pool.lease()  # type: ignore[return-value]


# -- a script's own words


OWN_WORDS = ["TRYAGAIN later", "CLUSTERDOWN x", "LOADING x", "MASTERDOWN x"]


@pytest.mark.parametrize("words", OWN_WORDS)
async def test_a_script_that_says_what_a_busy_server_says_is_executed_once(
    cluster82: Cluster, words: str
) -> None:
    body = f"redis.call('INCR', keys[1]) return redis.error_reply('{words}')"
    library = f"#!lua name=counting\nredis.register_function('count', function(keys) {body} end)"
    async with AsyncClusterPool(cluster82.seeds, read_timeout=0.5) as pool:
        await pool.execute_split("FUNCTION", "LOAD", "REPLACE", library)
        try:
            with pytest.raises(ReplyError, match=f"^{words}"):
                await pool.execute("EVAL", f"local keys = KEYS {body}", 1, "evaluated")
            with pytest.raises(ReplyError, match=f"^{words}"):
                await pool.execute("FCALL", "count", 1, "called")
            async with pool.lease() as client:
                with pytest.raises(ReplyError, match=f"^{words}"):
                    await client.execute("EVAL", f"local keys = KEYS {body}", 1, "leased")
            counts = [await pool.get(key) for key in ("evaluated", "called", "leased")]
            assert counts == [b"1", b"1", b"1"]
        finally:
            await pool.execute_split("FUNCTION", "FLUSH")


# -- whose the slots are now


def moved_to(node: Server, key: str) -> int | None:
    """Return the port of the node that a node thinks has a key; None when it is the node itself."""
    try:
        node.command("GET", key)
    except hiredis.ReplyError as error:
        code, _, address = str(error).split(" ", 3)[:3]
        return int(address.rpartition(":")[2]) if code == "MOVED" else None
    return None


@pytest.mark.parametrize("binary", ["redis82", "valkey9"])
async def test_a_primary_that_was_reset_is_left_for_the_one_that_has_its_slots(
    make_cluster: MakeCluster, binary: str
) -> None:
    """It knows of nobody any more and says that the cluster is down; no connection breaks."""
    cluster = make_cluster(binary)
    primary = cluster.primary_of(SLOT)
    replica = cluster.replica_of(primary)
    others = [node for node in cluster.nodes if node not in (primary, replica)]
    async with AsyncClusterPool(cluster.seeds) as pool, pool.lease() as client:
        assert await pool.set("{x}a", 1) == b"OK"
        assert await client.set("{x}b", 1) == b"OK"
        primary.command("FLUSHALL")  # with keys it could not be reset
        primary.command("CLUSTER", "RESET", "HARD")
        replica.command("CLUSTER", "FAILOVER", "TAKEOVER")
        await until(lambda: all(moved_to(node, "{x}a") == replica.port for node in others))
        assert await pool.set("{x}a", 2) == b"OK"
        assert replica.command("GET", "{x}a") == b"2"
        assert await client.set("{x}b", 2) == b"OK"
        assert replica.command("GET", "{x}b") == b"2"


@pytest.mark.parametrize("what", ["pool", "lease"])
async def test_a_primary_that_was_cut_off_is_left_for_the_one_that_has_its_slots(what: str) -> None:
    """It still thinks that it has them, although it says that the cluster is down."""
    old, new = free_port(), free_port()
    entry = b"*1\r\n*4\r\n:0\r\n:16383\r\n" + b"*2\r\n$-1\r\n:%d\r\n" * 2
    down = [Hear(b"GET"), Say(b"-CLUSTERDOWN The cluster is down\r\n")] * 30
    fine = [Hear(b"GET"), Say(b"+fine\r\n")]
    async with (
        Hostile([Hear(b"SLOTS"), Say(entry % (old, new)), *down], down, port=old) as cut_off,
        Hostile([Hear(b"SLOTS"), Say(entry % (new, old)), *fine], fine, port=new),
        AsyncClusterPool([(cut_off.host, cut_off.port)], lib_name=None, read_timeout=2) as pool,
        executor_of(pool, what) as executor,
    ):
        assert await executor.execute("GET", "a") == b"fine"


async def test_the_map_is_kept_although_a_lease_has_all_the_connections_there_may_be(
    cluster: Cluster,
) -> None:
    """Where one slot went, others may have gone: that is asked of a node, on a connection of its own."""
    primary = cluster.primary_of(SLOT)
    other_slot = SLOT - 1
    assert cluster.primary_of(other_slot) is primary
    target = another_primary(cluster, primary)
    async with (
        AsyncClusterPool(cluster.seeds, pool_size=1, acquire_timeout=0.2) as pool,
        pool.lease() as client,
    ):
        await client.set("{x}a", 1)
        for node in cluster.nodes:
            assert await client.execute("PING", sock=sock_of(node)) == b"PONG"
        for slot in (SLOT, other_slot):
            await cluster.migrate_slot(slot, target)
        assert await client.get("{x}a") == b"1"
        await until(lambda: primary_port(pool, other_slot) == target.port)


async def test_a_lease_with_all_the_connections_there_may_be_finds_the_replica_that_took_over(
    cluster: Cluster,
) -> None:
    primary = cluster.primary_of(SLOT)
    async with (
        AsyncClusterPool(cluster.seeds, pool_size=1, acquire_timeout=0.2) as pool,
        pool.lease() as client,
    ):
        await client.set("{x}a", 1)
        assert primary.command("WAIT", 1, 5000) == 1
        for node in cluster.nodes:
            assert await client.execute("PING", sock=sock_of(node)) == b"PONG"
        cluster.kill(primary)
        await cluster.until_agreed()
        assert await client.get("{x}a") == b"1"


def primary_port(pool: AsyncClusterPool, slot: int) -> int | None:
    shard = pool.topology.shard(slot) if pool.topology is not None else None
    return shard.primary.port if shard is not None else None


@pytest.mark.parametrize(
    "words", [b"MOVED 99999 127.0.0.1:7000", b"MOVED 16384 :1", b"MOVED -1 127.0.0.1:7000"]
)
async def test_a_redirect_of_a_slot_that_there_is_not_is_a_clean_error(words: bytes) -> None:
    error = await scripted(b"-%b\r\n" % words)
    assert type(error) is ClusterError


# -- many commands at once


@pytest.mark.parametrize("what", ["pool", "lease"])
async def test_an_earlier_write_is_never_on_top_of_a_later_one(
    cluster: Cluster, pool: AsyncClusterPool, what: str
) -> None:
    """MSET is not executed while its keys are at two nodes; SET, behind it, is executed at once."""
    await pool.set("{x}a", "before")
    source = cluster.begin_migration(SLOT, another_primary(cluster, cluster.primary_of(SLOT)))
    source.command("CONFIG", "RESETSTAT")
    async with executor_of(pool, what) as executor:
        writes = [["MSET", "{x}a", "first", "{x}b", "first"], ["SET", "{x}a", "second"]]
        executing = asyncio.create_task(executor.execute_many(writes))
        await until(lambda: "errorstat_TRYAGAIN" in source.info("errorstats"))
        target = another_primary(cluster, source)
        while cluster.move_keys(SLOT, source, target):
            continue
        cluster.end_migration(SLOT, source, target)
        first, second = await executing
        assert second == b"OK"
        assert first == b"OK" or isinstance(first, TryAgain)
        assert await executor.execute("GET", "{x}a") == b"second"


# -- errors


async def test_an_error_names_its_command_however_often_that_was_sent(pool: AsyncClusterPool) -> None:
    await pool.set("string", "x")
    for _ in range(3):
        with pytest.raises(ReplyError, match="WRONGTYPE") as caught:
            await pool.lpush("string", "a")
        assert caught.value.command == "LPUSH"


async def test_a_user_who_may_not_ask_about_commands_gets_the_servers_word_on_unknown_ones(
    cluster82: Cluster,
) -> None:
    for node in cluster82.nodes:
        node.command("ACL", "SETUSER", "bob", "on", ">pw", "~*", "+@all", "-command")
    async with AsyncClusterPool(cluster82.seeds, username="bob", password="pw") as pool:
        with pytest.raises(ReplyError, match="unknown command"):
            await pool.execute("NO.SUCH", "k", shard_key="k")
        with pytest.raises(ReplyError, match="unknown command"):
            await pool.execute("NO.SUCH", "k")
        async with pool.lease() as client:
            with pytest.raises(ReplyError, match="unknown command"):
                await client.execute("NO.SUCH", "k", shard_key="k")


async def test_a_key_that_stands_behind_an_option_counts(pool: AsyncClusterPool) -> None:
    with pytest.raises(ClusterError, match=r"the keys of SORT lie in 2 slots \(3300, 15495\).* \{hash tag\}"):
        await pool.execute("SORT", "a", "STORE", "b")
    async with pool.lease() as client:
        with pytest.raises(ClusterError, match="the keys of SORT lie in 2 slots"):
            await client.execute("SORT", "a", "BY", "nosort", "store", "b")
    await pool.rpush("{x}list", 2, 1)
    assert await pool.execute("SORT", "{x}list", "STORE", "{x}sorted") == 2
    assert await pool.execute("SORT", "{x}sorted") == [b"1", b"2"]
    assert await pool.execute("SORT", "store") == []  # which is a key here


# -- the end


@pytest.mark.parametrize("kind", [AsyncClusterPool, AsyncClusterClient])
async def test_closing_ends_a_read_at_once_and_opens_nothing(
    kind: type[AsyncClusterPool | AsyncClusterClient],
) -> None:
    port = free_port()
    slots = [Hear(b"SLOTS"), Say(CLUSTER_OF_ONE % (b"$-1", port))]
    silent = [Hear(b"GET"), Stall()]
    # The pool asks for the slots and reads on one connection, the client on two.
    scripts = [[*slots, *silent]] if kind is AsyncClusterPool else [slots, silent]
    async with Hostile(*scripts, port=port) as server:
        asking = kind([(server.host, server.port)], lib_name=None, read_timeout=100)
        reading = asyncio.create_task(asking.get("a"))
        await until(lambda: any(b"GET" in received for received in server.received))
        before = server.accepted
        async with asyncio.timeout(DEADLINE):
            await close(asking)
            with pytest.raises(PyRedisConnClosed, match="closed"):
                await reading
        assert server.accepted == before


@pytest.mark.parametrize("kind", [AsyncClusterPool, AsyncClusterClient])
async def test_closing_never_cancels_who_has_just_begun(
    cluster82: Cluster, kind: type[AsyncClusterPool | AsyncClusterClient]
) -> None:
    for turns in range(12):
        asking = kind(cluster82.seeds)
        reading = asyncio.create_task(asking.get("a"))
        for _ in range(turns):
            await asyncio.sleep(0)
        await close(asking)
        (outcome,) = await asyncio.gather(reading, return_exceptions=True)
        assert isinstance(outcome, PyRedisConnClosed | None), f"after {turns} turns of the loop"


async def close(asking: AsyncClusterPool | AsyncClusterClient) -> None:
    """Close a pool, or a client; return when its sockets are gone."""
    if isinstance(asking, AsyncClusterPool):
        await asking.close()
    else:
        asking.close()
        await asking.wait_closed()
