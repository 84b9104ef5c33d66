"""The pool of a cluster: what goes where, what is refused, and what becomes of nodes that come and go."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator
from typing import Any

import pytest

from pyredis import (
    AsyncClusterClient,
    AsyncClusterPool,
    AsyncPool,
    ClusterDown,
    ClusterError,
    MovedError,
    PartialFailure,
    PoolExhausted,
    PyRedisConnClosed,
    PyRedisConnError,
    PyRedisError,
    ReplyError,
    Script,
    StatefulCommand,
)
from pyredis.commands.slots import SLOTS, key_slot
from tests.clusters import Cluster
from tests.conftest import MakeCluster
from tests.hostile import Hear, Hostile, Say, Step
from tests.servers import Server, free_port, until

pytestmark = pytest.mark.usefixtures("no_leaks")

KEYS = [f"key:{number}" for number in range(60)]


@pytest.fixture
async def pool(cluster: Cluster) -> AsyncIterator[AsyncClusterPool]:
    async with AsyncClusterPool(cluster.seeds[:1]) as pool:
        yield pool


def sock_of(node: Server) -> str:
    return f"{node.host}:{node.port}"


def holders(cluster: Cluster, key: str) -> list[Server]:
    """Return the primaries that hold a key."""
    return [node for node in cluster.primaries() if key.encode() in list(node.command("KEYS", "*"))]  # type: ignore[arg-type]


async def test_every_key_is_at_the_node_of_its_slot(cluster: Cluster, pool: AsyncClusterPool) -> None:
    await asyncio.gather(*[pool.set(key, number) for number, key in enumerate(KEYS)])
    assert await asyncio.gather(*[pool.get(key) for key in KEYS]) == [b"%d" % n for n in range(len(KEYS))]
    for key in KEYS[:10]:
        assert holders(cluster, key) == [cluster.primary_of(key_slot(key.encode()))]
    books = pool.statistics
    assert (books.lanes, books.opened) == (3, 3)


@pytest.mark.parametrize(
    "key", [b"a\xff{b}", "ключ", "{}", "}{", "{a}{b}", "a{}b", 17, 1.5, bytearray(b"ba")]
)
async def test_any_kind_of_key_finds_its_node(cluster82: Cluster, key: Any) -> None:
    async with AsyncClusterPool(cluster82.seeds) as pool:
        for _ in range(2):  # as it is looked up first, and as it is known then
            assert await pool.set(key, "v") == b"OK"
            assert await pool.get(key) == b"v"


async def test_shard_key_and_sock_say_where_a_command_goes(cluster: Cluster, pool: AsyncClusterPool) -> None:
    await pool.set("a", 1)
    node = cluster.primary_of(key_slot(b"a"))
    assert await pool.execute("DBSIZE", sock=sock_of(node)) == 1
    assert await pool.execute("DBSIZE", shard_key="a") == 1
    assert await pool.execute("EVAL", "return redis.call('GET', 'a')", 0, shard_key="a") == b"1"
    other = next(primary for primary in cluster.primaries() if primary is not node)
    with pytest.raises(MovedError):  # who names the node gets what the node says
        await pool.execute("GET", "a", sock=sock_of(other))
    with pytest.raises(ValueError, match="is none of the servers"):
        await pool.execute("GET", "a", sock="127.0.0.1:1")
    with pytest.raises(TypeError):
        await pool.execute("GET", "a", shard_key=None, shard="a")  # type: ignore[call-arg]


async def test_keys_in_different_slots_are_refused_before_anything_is_sent(
    cluster: Cluster, pool: AsyncClusterPool
) -> None:
    with pytest.raises(
        ClusterError, match=r"the keys of MSET lie in 2 slots \(3300, 15495\); give them the same"
    ):
        await pool.mset("a", 1, "b", 2)
    with pytest.raises(ClusterError, match=r"give them the same {hash tag}$"):
        await pool.execute("SINTERSTORE", "a", "b", "c")
    assert await pool.execute_split("DBSIZE") == 0
    assert await pool.mset("{t}a", 1, "{t}b", 2) == b"OK"
    assert await pool.mget("{t}a", "{t}b") == [b"1", b"2"]


async def test_a_command_that_concerns_all_nodes_is_refused_by_one(pool: AsyncClusterPool) -> None:
    for command in (
        ["DBSIZE"],
        ["KEYS", "*"],
        ["FLUSHALL"],
        ["SCRIPT", "LOAD", "return 1"],
        ["CONFIG", "SET", "a", "b"],
    ):
        with pytest.raises(ClusterError, match="concerns more nodes than one"):
            await pool.execute(*command)
    with pytest.raises(ClusterError, match="scan_iter"):
        await pool.execute("SCAN", 0)
    assert await pool.ping() == b"PONG"
    assert isinstance(await pool.time(), list)


async def test_commands_are_split_and_their_replies_put_together(
    cluster: Cluster, pool: AsyncClusterPool
) -> None:
    pairs = [word for number, key in enumerate(KEYS) for word in (key, number)]
    assert await pool.execute_split("MSET", *pairs) == b"OK"
    shuffled = random.sample(range(len(KEYS)), len(KEYS))
    asked = [KEYS[number] for number in shuffled]
    assert await pool.execute_split("MGET", *asked, "nil", asked[0]) == [
        *[b"%d" % number for number in shuffled],
        None,
        b"%d" % shuffled[0],
    ]
    assert await pool.execute_split("EXISTS", *KEYS, "nil", KEYS[0]) == len(KEYS) + 1
    assert await pool.execute_split("TOUCH", *KEYS) == len(KEYS)
    assert await pool.execute_split("DBSIZE") == len(KEYS)
    assert sorted(await pool.execute_split("KEYS", "*")) == sorted(key.encode() for key in KEYS)  # type: ignore[type-var, arg-type]
    assert sorted([key async for key in pool.scan_iter(count=7)]) == sorted(key.encode() for key in KEYS)
    assert await pool.execute_split("UNLINK", *KEYS[:10]) == 10
    assert await pool.execute_split("DEL", *KEYS) == len(KEYS) - 10
    digest = await pool.execute_split("SCRIPT", "LOAD", "return 7")
    assert all(node.command("EVALSHA", digest, 0) == 7 for node in cluster.primaries())  # type: ignore[arg-type]
    assert await pool.execute_split("SCRIPT", "EXISTS", digest, "0" * 40) == [1, 0]  # type: ignore[arg-type]
    assert await pool.execute_split("PING") == b"PONG"
    assert await pool.execute_split("SET", "a", 1) == b"OK"  # nothing to split
    assert await pool.execute_split("FLUSHALL") == b"OK"
    assert not any(node.command("DBSIZE") for node in cluster.primaries())


async def test_what_each_node_says_for_itself_comes_by_node(cluster: Cluster, pool: AsyncClusterPool) -> None:
    said = await pool.execute_split("INFO", "server")
    assert isinstance(said, dict)
    assert set(said) == {sock_of(node) for node in cluster.primaries()}
    on_all = await pool.execute_on("all", "CONFIG", "GET", "port")
    assert {node: int(reply[1]) for node, reply in on_all.items()} == {  # type: ignore[index, arg-type]
        sock_of(node): node.port for node in cluster.nodes
    }
    replicas = {sock_of(node) for node in cluster.replicas()}
    assert set(await pool.execute_on("replicas", "PING")) == replicas
    with pytest.raises(ValueError, match="not 'masters'"):
        await pool.execute_on("masters", "PING")  # type: ignore[arg-type]
    with pytest.raises(StatefulCommand):
        await pool.execute_on("all", "SELECT", 0)


async def test_a_failure_of_some_nodes_is_told_by_node(cluster: Cluster, pool: AsyncClusterPool) -> None:
    await pool.execute_split("MSET", *[word for key in KEYS for word in (key, 1)])
    victim = cluster.primaries()[0]
    victim.command("ACL", "SETUSER", "default", "-dbsize", "-mget")
    try:
        with pytest.raises(PartialFailure, match="DBSIZE failed at 1 of 3 nodes") as caught:
            await pool.execute_split("DBSIZE")
        assert list(caught.value.failed) == [sock_of(victim)]
        assert sum(reply for reply in caught.value.replies.values() if isinstance(reply, int)) < len(KEYS)
        with pytest.raises(PartialFailure, match=r"MGET failed at 1 of 3 nodes .*NOPERM"):
            await pool.execute_split("MGET", *KEYS)
        by_node = await pool.execute_on("primaries", "DBSIZE")
        assert isinstance(by_node[sock_of(victim)], ReplyError)
    finally:
        victim.command("ACL", "SETUSER", "default", "+@all")


async def test_one_node_is_enough_where_only_one_can_do_it(cluster: Cluster, pool: AsyncClusterPool) -> None:
    """SCRIPT KILL: the script runs on one node, and the others say that they are not busy."""
    for node in cluster.primaries():
        node.command("CONFIG", "SET", "lua-time-limit", 20)
    with pytest.raises(PartialFailure, match=r"SCRIPT KILL failed at 3 of 3 nodes .*NOTBUSY"):
        await pool.execute_split("SCRIPT", "KILL")
    async with pool.lease() as client:
        endless = asyncio.create_task(client.execute("EVAL", "while true do end", 1, "k"))

        async def killed() -> bool:
            try:
                return await pool.execute_split("SCRIPT", "KILL") == b"OK"
            except PartialFailure:  # it has not begun yet
                return False

        await until(killed)  # type: ignore[arg-type]
        with pytest.raises(ReplyError, match="SCRIPT KILL"):
            await endless


async def test_many_commands_at_once(cluster: Cluster, pool: AsyncClusterPool) -> None:
    commands: list[list[Any]] = [["SET", key, number] for number, key in enumerate(KEYS)]
    commands += [["GET", key] for key in KEYS] + [["LPUSH", KEYS[0], "x"]]
    *replies, wrong = await pool.execute_many(commands)
    assert replies == [b"OK"] * len(KEYS) + [b"%d" % number for number in range(len(KEYS))]
    assert isinstance(wrong, ReplyError)
    assert wrong.command == "LPUSH"
    with pytest.raises(ClusterError):
        await pool.execute_many([["SET", "a", 2], ["MGET", "a", "b"]])
    assert await pool.get("a") is None
    with pytest.raises(ValueError, match="BLPOP may block"):
        await pool.execute_many([["BLPOP", "a", 1]])


async def test_unknown_commands_are_learnt_from_the_servers(pool: AsyncClusterPool) -> None:
    with pytest.raises(ReplyError, match="unknown command"):
        await pool.execute("NO.SUCH", "a")
    with pytest.raises(StatefulCommand):
        await pool.execute("MULTI")


async def test_a_blocking_command_waits_at_its_node(cluster: Cluster, pool: AsyncClusterPool) -> None:
    waiting = asyncio.create_task(pool.blpop("queue", 5))
    await cluster.primary_of(key_slot(b"queue")).until_blocked()
    await pool.rpush("queue", "job")
    assert await waiting == [b"queue", b"job"]


async def test_scripts_run_where_their_keys_are(pool: AsyncClusterPool) -> None:
    add = Script("return redis.call('INCRBY', KEYS[1], ARGV[1])")
    for key in KEYS[:9]:
        assert await add(pool, [key], [5]) == 5


# -- redirects


async def test_a_slot_that_moved_is_followed_and_remembered(cluster: Cluster, pool: AsyncClusterPool) -> None:
    await pool.set("moving", 1)
    slot = key_slot(b"moving")
    target = next(node for node in cluster.primaries() if node is not cluster.primary_of(slot))
    await cluster.migrate_slot(slot, target)
    assert await pool.get("moving") == b"1"
    assert pool.topology is not None
    shard = pool.topology.shard(slot)
    assert shard is not None
    assert shard.primary.port == target.port


async def test_a_slot_on_its_way_is_asked_for_at_both_nodes(cluster: Cluster, pool: AsyncClusterPool) -> None:
    await pool.mset("{way}a", 1, "{way}b", 2)
    slot = key_slot(b"way")
    target = next(node for node in cluster.primaries() if node is not cluster.primary_of(slot))
    source = cluster.begin_migration(slot, target)
    assert cluster.move_keys(slot, source, target, most=1) == 1
    assert await pool.get("{way}a") == b"1"
    assert await pool.get("{way}b") == b"2"
    assert await pool.set("{way}new", 3) == b"OK"
    assert target.command("CLUSTER", "COUNTKEYSINSLOT", slot) == 2
    waiting = asyncio.create_task(pool.blpop("{way}queue", 5))
    await target.until_blocked()
    assert await pool.rpush("{way}queue", "job") == 1
    assert await waiting == [b"{way}queue", b"job"]
    replies = await pool.execute_many([["GET", "{way}a"], ["GET", "{way}b"], ["GET", "{way}new"]])
    assert replies == [b"1", b"2", b"3"]
    async with pool.lease() as client:
        assert [await client.get(key) for key in ("{way}a", "{way}b")] == [b"1", b"2"]
    # The keys of one command are at two nodes: the servers say TRYAGAIN until the second is moved, too.
    both = asyncio.create_task(pool.mget("{way}a", "{way}b"))
    await asyncio.sleep(0)
    while cluster.move_keys(slot, source, target):
        continue
    assert await both == [b"1", b"2"]
    cluster.end_migration(slot, source, target)
    assert await pool.mget("{way}a", "{way}b", "{way}new") == [b"1", b"2", b"3"]


async def test_a_slot_that_nobody_serves_is_an_error_that_says_so(make_cluster: MakeCluster) -> None:
    cluster = make_cluster("redis82", replicas=0)
    slot = key_slot(b"a")
    async with AsyncClusterPool(cluster.seeds, read_timeout=0.5) as pool:
        await pool.set("a", 1)
        for node in cluster.nodes:
            node.command("CLUSTER", "DELSLOTS", slot)
        await until(lambda: b"cluster_state:fail" in bytes(cluster.nodes[0].command("CLUSTER", "INFO")))  # type: ignore[arg-type]
        with pytest.raises((ClusterDown, ClusterError)):
            await pool.get("a")


CLUSTER_OF_ONE = (
    b"*1\r\n*3\r\n:0\r\n:16383\r\n*3\r\n%b\r\n:%d\r\n$40\r\n0123456789012345678901234567890123456789\r\n"
)


async def scripted(*said: bytes, endpoint: bytes = b"$-1") -> PyRedisError | Any:
    """Return what GET comes to at a node that has all slots and says these things one after the other.

    ``SLOTS``: it is asked for its slots again.
    """
    port = free_port()
    slots = [Hear(b"SLOTS"), Say(CLUSTER_OF_ONE % (endpoint, port))]
    script: list[Step] = [*slots]
    for words in said:
        script += slots if words == b"SLOTS" else [Hear(b"GET"), Say(words)]
    async with (
        Hostile(script, port=port) as server,
        AsyncClusterPool([(server.host, server.port)], lib_name=None, read_timeout=1) as pool,
    ):
        try:
            return await pool.get("a")
        except PyRedisError as error:
            return error


@pytest.mark.parametrize("endpoint", [b"$-1", b"$0\r\n"])
async def test_a_topology_without_a_host_means_the_one_that_was_asked(endpoint: bytes) -> None:
    assert await scripted(b"+fine\r\n", endpoint=endpoint) == b"fine"


@pytest.mark.parametrize("kind", ["hostname", "unknown-endpoint"])
@pytest.mark.parametrize("binary", ["redis82", "valkey9"])
async def test_nodes_that_call_themselves_by_name_or_not_at_all(
    make_cluster: MakeCluster, binary: str, kind: str
) -> None:
    config = ("cluster-announce-hostname localhost", f"cluster-preferred-endpoint-type {kind}")
    cluster = make_cluster(binary, *config, replicas=0)
    async with AsyncClusterPool(cluster.seeds[:1]) as pool:
        await asyncio.gather(*[pool.set(key, 1) for key in KEYS])
        slot = key_slot(b"moving")
        target = next(node for node in cluster.primaries() if node is not cluster.primary_of(slot))
        await pool.set("moving", 1)
        await cluster.migrate_slot(slot, target)
        assert await pool.get("moving") == b"1"
        assert pool.topology is not None
        host = "localhost" if kind == "hostname" else "127.0.0.1"
        assert {node.host for node in pool.topology.nodes} == {host}


async def test_names_that_are_asked_for_and_not_set_do_no_harm(make_cluster: MakeCluster) -> None:
    """The endpoint is ``?`` then; the reply tells the address beside it."""
    cluster = make_cluster("redis82", "cluster-preferred-endpoint-type hostname", replicas=0)
    async with AsyncClusterPool(cluster.seeds[:1]) as pool:
        await asyncio.gather(*[pool.set(key, 1) for key in KEYS])


async def test_a_node_is_waited_for_while_it_loads_or_the_cluster_is_down() -> None:
    for words in (
        b"-LOADING Redis is loading the dataset in memory\r\n",
        b"-CLUSTERDOWN The cluster is down\r\n",
    ):
        assert await scripted(words, words, b"SLOTS", b"+fine\r\n") == b"fine"
    words = b"-TRYAGAIN Multiple keys request during rehashing of slot\r\n"
    assert await scripted(words, words, b"+fine\r\n") == b"fine"


async def test_a_node_that_is_never_ready_is_given_up() -> None:
    down = b"-CLUSTERDOWN The cluster is down\r\n"
    error = await scripted(down, *[down, b"SLOTS"] * 30)
    assert isinstance(error, ClusterDown)


async def test_a_redirect_to_the_node_itself_does_not_go_round_for_ever() -> None:
    port = free_port()
    script: list[Step] = [Hear(b"SLOTS"), Say(CLUSTER_OF_ONE % (b"$-1", port))]
    script += [Hear(b"GET"), Say(b"-MOVED 15495 127.0.0.1:%d\r\n" % port)] * 40
    async with (
        Hostile(script, port=port) as server,
        AsyncClusterPool([(server.host, server.port)], lib_name=None, read_timeout=1) as pool,
    ):
        with pytest.raises((ClusterError, MovedError)):
            await pool.get("a")
        assert server.received[0].count(b"GET") <= 17


async def test_a_redirect_without_a_host_means_the_node_that_said_it(cluster82: Cluster) -> None:
    one, two = free_port(), free_port()
    asked: list[Step] = [Hear(b"SLOTS"), Say(CLUSTER_OF_ONE % (b"$-1", one))]
    asked += [Hear(b"GET"), Say(b"-ASK 15495 :%d\r\n" % two)]
    asking: list[Step] = [Hear(b"ASKING\r\n*2\r\n$3\r\nGET"), Say(b"+OK\r\n+fine\r\n")]
    async with (
        Hostile(asked, port=one) as server,
        Hostile(asking, port=two),
        AsyncClusterPool([(server.host, server.port)], lib_name=None, read_timeout=1) as pool,
    ):
        assert await pool.get("a") == b"fine"


async def test_a_malformed_redirect_is_a_clean_error() -> None:
    for words in (
        b"-MOVED\r\n",
        b"-MOVED x y\r\n",
        b"-ASK 1 host\r\n",
        b"-MOVED 1 host:port\r\n",
        b"-MOVED 1 :0\r\n",
    ):
        error = await scripted(words)
        assert isinstance(error, ClusterError)
        assert "redirects to nowhere" in str(error)


# -- nodes that come and go


async def test_a_cluster_without_replicas(make_cluster: MakeCluster) -> None:
    cluster = make_cluster("redis82", replicas=0)
    async with AsyncClusterPool(cluster.seeds, replica_ok=True) as pool:
        await pool.set("a", 1)
        assert await pool.get("a") == b"1"
        assert await pool.execute_on("replicas", "PING") == {}


async def test_a_pool_finds_the_cluster_by_the_one_seed_that_lives(cluster: Cluster) -> None:
    seeds = [("127.0.0.1", 1), ("127.0.0.1", 2), cluster.seeds[-1]]
    async with AsyncClusterPool(seeds) as pool:
        assert await pool.set("a", 1) == b"OK"


async def test_no_seed_that_lives_is_told_with_each_reason() -> None:
    async with AsyncClusterPool([("127.0.0.1", 1), ("127.0.0.1", 2)]) as pool:
        with pytest.raises(PyRedisConnError, match="no node of the cluster") as caught:
            await pool.get("a")
        assert "127.0.0.1:1:" in str(caught.value)
        assert "127.0.0.1:2:" in str(caught.value)
        assert caught.value.sent is False


async def test_a_server_that_is_no_cluster_says_so(redis82: Server) -> None:
    async with AsyncClusterPool([(redis82.host, redis82.port)]) as pool:
        with pytest.raises(ReplyError, match="cluster support disabled"):
            await pool.get("a")


async def test_a_node_that_joins_gets_its_share_and_one_that_leaves_is_left(
    make_cluster: MakeCluster,
) -> None:
    cluster = make_cluster("redis82", replicas=0)
    async with AsyncClusterPool(cluster.seeds) as pool:
        await pool.set("a", 1)
        node = await cluster.add_node()
        slot = key_slot(b"a")
        source = cluster.primary_of(slot)
        await cluster.migrate_slot(slot, node)
        assert await pool.get("a") == b"1"
        await until(lambda: sock_of(node) in map(str, pool.topology.nodes if pool.topology else ()))
        await cluster.migrate_slot(slot, source)
        assert await pool.get("a") == b"1"
        await cluster.until_agreed()
        await cluster.remove_node(node)
        await pool.execute_split("DBSIZE")
        await until(lambda: gone(pool, node))
        assert await pool.get("a") == b"1"
        assert node not in cluster.nodes


def gone(pool: AsyncClusterPool, node: Server) -> bool:
    return pool.topology is not None and sock_of(node) not in map(str, pool.topology.nodes)


# -- replicas


async def test_reads_go_to_replicas_when_asked_and_writes_never(cluster: Cluster) -> None:
    async with AsyncClusterPool(cluster.seeds, True) as pool:
        assert (pool.replica_ok, pool.slave_ok) == (True, True)
        await asyncio.gather(*[pool.set(key, key) for key in KEYS])
        for node in cluster.primaries():
            node.command("WAIT", 1, 1000)
        for node in cluster.nodes:
            node.command("CONFIG", "RESETSTAT")
        assert await asyncio.gather(*[pool.get(key) for key in KEYS]) == [key.encode() for key in KEYS]
        reads = {
            sock_of(node): node.info("commandstats").get("cmdstat_get", "calls=0,") for node in cluster.nodes
        }
        for node in cluster.primaries():
            assert reads[sock_of(node)].startswith("calls=0,")
        replica = cluster.replicas()[0]
        async with pool.lease() as client:
            await asyncio.gather(client.get(KEYS[0]))
            assert client.at_rest
        cluster.kill(replica)
        assert await asyncio.gather(*[pool.get(key) for key in KEYS]) == [key.encode() for key in KEYS]


async def test_slave_ok_is_another_spelling() -> None:
    async with AsyncClusterPool([("127.0.0.1", 1)], slave_ok=True) as pool:
        assert pool.replica_ok
    with pytest.raises(ValueError, match="mean the same"):
        AsyncClusterPool([("127.0.0.1", 1)], replica_ok=True, slave_ok=False)


# -- leases


async def test_a_lease_is_at_rest_only_if_all_its_connections_are(pool: AsyncClusterPool) -> None:
    client = await pool.acquire()
    assert isinstance(client, AsyncClusterClient)
    assert [await client.set(key, 1) for key in KEYS[:9]] == [b"OK"] * 9
    assert client.at_rest
    before = pool.statistics
    assert before.leased == 3
    await client.execute("MULTI", shard_key=KEYS[0])
    assert not client.at_rest
    await pool.release(client)
    after = pool.statistics
    assert (after.leased, after.idle + after.lanes) == (0, before.idle + before.lanes + 2)
    assert after.closed == {"not at rest": 1}
    with pytest.raises(PyRedisError, match="released"):
        await client.get("a")
    await pool.release(client)


async def test_a_transaction_stays_on_one_node(pool: AsyncClusterPool) -> None:
    async with pool.lease() as client:
        with pytest.raises(ClusterError, match="MULTI concerns one connection of several"):
            await client.multi()
        await client.watch("{t}a")
        await client.multi()
        assert await client.set("{t}a", 1) == b"QUEUED"
        assert await client.ping() == b"QUEUED"
        with pytest.raises(ClusterError, match="the transaction or subscription is on"):
            await client.set("b", 1) if key_slot(b"b") != key_slot(b"t") else None
        with pytest.raises(ClusterError, match="it cannot span several servers"):
            await client.execute_split("MGET", "a", "b")
        assert await client.execute("EXEC") == [b"OK", b"PONG"]
        assert client.at_rest
        assert await client.set("b", 1) == b"OK"


async def test_what_a_lost_connection_took_with_it_is_not_begun_anew_by_itself(
    cluster: Cluster, pool: AsyncClusterPool
) -> None:
    async with pool.lease() as client:
        await client.execute("MULTI", shard_key="a")
        cluster.primary_of(key_slot(b"a")).command("CLIENT", "KILL", "TYPE", "normal")
        with pytest.raises(PyRedisConnClosed):
            await client.set("a", 1)
        with pytest.raises(PyRedisConnClosed, match="what was going on or set up there"):
            await client.set("a", 1)
    assert await pool.get("a") is None
    async with pool.lease() as client:
        await client.set("a", 2)
        cluster.primary_of(key_slot(b"a")).command("CLIENT", "KILL", "TYPE", "normal")
        assert await client.get("a") == b"2"  # nothing was going on: another connection does as well


async def test_pool_size_bounds_leases_and_connections_to_each_node(cluster: Cluster) -> None:
    async with AsyncClusterPool(cluster.seeds, pool_size=2) as pool:
        one, two = await pool.acquire(), await pool.acquire()
        with pytest.raises(PoolExhausted, match="all 2 connections"):
            await pool.acquire()
        for client in (one, two):
            assert [await client.get(key) for key in KEYS[:20]] == [None] * 20
        assert all(node.clients() <= 2 + 5 for node in cluster.nodes)  # and the links of the bus's replicas
        assert pool.statistics.leased == 6
        pool.pool_size = 3
        three = await pool.acquire()
        assert await three.get("a") is None
        pool.pool_size = 1
        for client in (one, two, three):
            await pool.release(client)
        books = pool.statistics
        assert books.idle + books.lanes <= 3
        with pytest.raises(ValueError, match="pool_size"):
            pool.pool_size = 0


async def test_a_lease_is_waited_for_in_turn(cluster82: Cluster) -> None:
    async with AsyncClusterPool(cluster82.seeds, pool_size=1, acquire_timeout=5) as pool:
        first = await pool.acquire()
        waiting = [asyncio.create_task(pool.acquire()) for _ in range(3)]
        await asyncio.sleep(0)
        waiting[0].cancel()
        await pool.release(first)
        second = await waiting[1]
        assert await second.ping() == b"PONG"
        await pool.release(second)
        await pool.release(await waiting[2])


async def test_a_client_of_another_pool_is_refused(cluster82: Cluster, redis82: Server) -> None:
    async with AsyncClusterPool(cluster82.seeds) as pool, AsyncPool(redis82.host, redis82.port) as other:
        client = await other.acquire()
        with pytest.raises(ValueError, match="is not a client of"):
            await pool.release(client)  # type: ignore[arg-type]
        await other.release(client)


async def test_a_bulk_over_all_nodes_keeps_the_order(cluster: Cluster, pool: AsyncClusterPool) -> None:
    async with pool.lease() as client:
        async with client.pipeline(bulk_size=7) as pipeline:
            for number, key in enumerate(KEYS):
                await pipeline.set(key, number)
            await pipeline.execute("LPUSH", KEYS[0], "x")
            for key in reversed(KEYS):
                await pipeline.get(key)
        replies = pipeline.replies
        assert replies[: len(KEYS)] == [b"OK"] * len(KEYS)
        assert isinstance(replies[len(KEYS)], ReplyError)
        assert replies[len(KEYS) + 1 :] == [b"%d" % number for number in reversed(range(len(KEYS)))]
        await client.bulk_start(keep_results=False)
        await client.set("a", 1)
        await client.lpush("a", 1)
        with pytest.raises(ClusterError, match="cannot be part of a bulk"):
            await client.execute("MULTI", shard_key="a")
        (error,) = await client.bulk_stop()
        assert isinstance(error, ReplyError)


async def test_a_client_by_itself_does_all_of_it(cluster: Cluster) -> None:
    async with AsyncClusterClient(cluster.seeds[:1], encoding="utf-8") as client:
        assert [await client.set(key, key) for key in KEYS[:9]] == ["OK"] * 9
        assert await client.execute_split("MGET", *KEYS[:9]) == KEYS[:9]
        assert await client.execute_split("DBSIZE") == 9
        assert sorted([key async for key in client.scan_iter()]) == sorted(KEYS[:9])
        slot = key_slot(KEYS[0].encode())
        source = cluster.primary_of(slot)
        target = next(node for node in cluster.primaries() if node is not source)
        await cluster.migrate_slot(slot, target)
        assert await client.get(KEYS[0]) == KEYS[0]
        await cluster.migrate_slot(slot, source)
    with pytest.raises(PyRedisConnClosed):
        await client.get("a")


# -- cancellation and the end


async def test_cancelled_commands_shift_no_replies(pool: AsyncClusterPool) -> None:
    await pool.execute_split("MSET", *[word for key in KEYS for word in (key, key)])

    async def check(key: str) -> None:
        assert await pool.get(key) == key.encode()

    for _ in range(100):
        tasks = [asyncio.create_task(check(random.choice(KEYS))) for _ in range(20)]
        await asyncio.sleep(random.choice([0, 0, 0.0005]))
        for task in random.sample(tasks, 10):
            task.cancel()
        for outcome in await asyncio.gather(*tasks, return_exceptions=True):
            assert outcome is None or isinstance(outcome, asyncio.CancelledError)
    assert pool.statistics.leased == 0


async def test_a_closed_pool_refuses_everything(cluster82: Cluster) -> None:
    pool = AsyncClusterPool(cluster82.seeds)
    await pool.set("a", 1)
    leased = await pool.acquire()
    waiting = asyncio.create_task(pool.blpop("queue", 0))
    await cluster82.primary_of(key_slot(b"queue")).until_blocked()
    await pool.close()
    for refused in (waiting, pool.get("a"), pool.acquire(), leased.get("a"), pool.execute_split("DBSIZE")):
        with pytest.raises(PyRedisError):
            await refused
    await pool.close()


@pytest.mark.parametrize(
    ("seeds", "error"),
    [
        ([], ValueError),
        ("host:1", TypeError),
        (["host:1"], TypeError),
        ([("host",)], TypeError),
        ([("h", 0)], ValueError),
    ],
)
def test_seeds_that_are_none_are_refused(seeds: Any, error: type[Exception]) -> None:
    with pytest.raises(error):
        AsyncClusterPool(seeds)


def test_no_password_is_shown() -> None:
    assert "hush" not in repr(AsyncClusterPool([("h", 1)], password="hush"))


def test_there_are_as_many_slots_as_servers_say() -> None:
    assert SLOTS == 16384
