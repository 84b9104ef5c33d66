"""No way of the library leads a write past a read-only connection; the servers' own books are the judge."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from typing import Any, TypeAlias

import pytest

from pyredis import (
    AsyncClusterClient,
    AsyncClusterPool,
    AsyncConnection,
    AsyncHashClient,
    AsyncHashPool,
    AsyncPool,
    AsyncSentinelPool,
    PartialFailure,
    ReadOnlyRefused,
    ReplyError,
    Script,
    TcpAddress,
    get_by_url,
)
from pyredis.connection.blocking import BlockingConnection
from pyredis.connection.opening import open_wire
from pyredis.options import ConnectionOptions
from pyredis_cli.core.lease import BlockingPool, run_now
from tests.clusters import Cluster
from tests.sentinels import Sentinels
from tests.servers import Server

pytestmark = pytest.mark.usefixtures("no_leaks")

Way: TypeAlias = Callable[[Any], Awaitable[object]]
GETS = (("GET", "k"),)
WRITE = ("SET", "k", "w")
READS = [*GETS, WRITE, *GETS]


def called(server: Server) -> set[str]:
    """Return the commands that the server was sent since its books were closed, be it in vain."""
    stats = server.info("commandstats")
    return {name.removeprefix("cmdstat_") for name in stats} - {"config|resetstat", "info"}


@pytest.fixture
def kept(redis82: Server) -> Server:
    """A server with a key, and empty books."""
    redis82.command("SET", "k", "v")
    redis82.command("CONFIG", "RESETSTAT")
    return redis82


def where(server: Server) -> dict[str, Any]:
    return {"host": server.host, "port": server.port, "read_only": True, "lib_name": None}


async def many(client: Any) -> object:
    return await client.execute_many(READS)


async def transaction(client: Any) -> object:
    await client.execute("MULTI")
    try:
        return await client.execute(*WRITE)
    finally:
        await client.execute("DISCARD")


async def asking(client: Any) -> object:
    return await client.execute_after_asking([b"SET", b"k", b"w"])


async def plain(client: Any) -> object:
    return await client.execute(*WRITE)


async def often(client: Any) -> object:
    for _ in range(3):
        assert await client.execute("GET", "k") == b"v"
        with pytest.raises(ReadOnlyRefused):
            await client.execute(*WRITE)
    return await client.execute(*WRITE)


@pytest.mark.parametrize("way", [plain, often, transaction, asking])
async def test_a_connection_sends_no_write(kept: Server, way: Way) -> None:
    async with AsyncConnection(**where(kept)) as connection:
        with pytest.raises(ReadOnlyRefused, match="SET is a write command") as refused:
            await way(connection)
        assert await connection.execute("GET", "k") == b"v"
    assert (refused.value.command, refused.value.sent) == ("SET", False)
    assert called(kept) <= {"get", "multi", "discard"}


@pytest.mark.parametrize("way", [plain, often, many])
@pytest.mark.parametrize("decoder", ["fast", "typed"])
async def test_a_pool_sends_no_write(kept: Server, way: Way, decoder: Any) -> None:
    async with AsyncPool(**where(kept), decoder=decoder) as pool:
        assert pool.read_only
        with pytest.raises(ReadOnlyRefused):
            await way(pool)
        assert await pool.execute("GET", "k") == b"v"
        async with pool.lease() as client:
            with pytest.raises(ReadOnlyRefused):
                await plain(client)
    assert called(kept) == {"get"}


async def test_a_refusal_in_a_batch_is_in_its_place_and_costs_the_others_nothing(kept: Server) -> None:
    async with AsyncConnection(**where(kept)) as connection, connection.pipeline() as pipeline:
        for command in (*READS, ("EVAL", "return 7", 0), ("FOO",)):
            await pipeline.execute(*command)
    first, refused, second, seven, unknown = pipeline.replies
    assert (first, second, seven) == (b"v", b"v", 7)
    assert isinstance(refused, ReadOnlyRefused)
    assert isinstance(unknown, ReadOnlyRefused)
    assert called(kept) == {"get", "eval_ro"}


async def test_a_script_runs_as_the_one_that_cannot_write(kept: Server) -> None:
    async with AsyncPool(**where(kept)) as pool:
        assert await Script("return redis.call('GET', KEYS[1])")(pool, ["k"]) == b"v"
        with pytest.raises(ReplyError, match="Write commands are not allowed from read-only scripts"):
            await Script("return redis.call('SET', KEYS[1], 'w')")(pool, ["k"])
        with pytest.raises(ReadOnlyRefused, match="BITFIELD is not read-only with SET"):
            await pool.execute("BITFIELD", "k", "SET", "u8", 0, 1)
    assert kept.command("GET", "k") == b"v"


def test_a_blocking_connection_sends_no_write(kept: Server) -> None:
    options = ConnectionOptions(read_only=True, lib_name=None)
    with BlockingConnection.open(TcpAddress(kept.host, kept.port), options) as connection:
        with pytest.raises(ReadOnlyRefused):
            connection.execute([b"SET", b"k", b"w"])
        assert connection.execute([b"EVAL", b"return 7", b"0"]) == 7
        assert connection.execute([b"GET", b"k"]) == b"v"
    assert called(kept) == {"get", "eval_ro"}


def test_a_blocking_lease_sends_none_of_many_with_a_write_among_them(kept: Server) -> None:
    options = ConnectionOptions(read_only=True, lib_name=None)
    lease = run_now(BlockingPool(TcpAddress(kept.host, kept.port), options).acquire())
    with pytest.raises(ReadOnlyRefused):
        run_now(lease.execute(*WRITE))
    with pytest.raises(ReadOnlyRefused):
        lease.begin([(b"GET", b"k"), (b"SET", b"k", b"w")])
    lease.begin([(b"GET", b"k"), (b"EVAL", b"return 7", b"0")])
    replies = lease.answers(wait=True)
    while len(replies) < 2:
        replies += lease.answers(wait=True)
    lease.close()
    assert replies == [b"v", 7]
    assert called(kept) == {"get", "eval_ro"}


@pytest.mark.parametrize("options", [{"password": "pw", "username": "ada"}, {"protocol": 3}, {}])
async def test_what_opens_a_connection_is_no_command_of_the_callers(
    redis82: Server, options: dict[str, Any]
) -> None:
    redis82.command("ACL", "SETUSER", "ada", "on", ">pw", "~*", "+@all")
    async with AsyncPool(**{**where(redis82), "client_name": "me", "database": 3, **options}) as pool:
        assert await pool.execute("CLIENT", "GETNAME") == b"me"
        with pytest.raises(ReadOnlyRefused):
            await pool.execute("FLUSHALL")


async def test_what_is_run_on_each_new_connection_is_looked_at_too(kept: Server) -> None:
    options = ConnectionOptions(read_only=True, lib_name=None, init=((b"SET", b"k", b"w"),))
    with pytest.raises(ReadOnlyRefused):
        BlockingConnection.open(TcpAddress(kept.host, kept.port), options)
    with pytest.raises(ReadOnlyRefused):
        await open_wire(TcpAddress(kept.host, kept.port), options)
    assert called(kept) == set()


async def test_a_url_can_say_it(redis82: Server) -> None:
    pool: Any = get_by_url(f"redis://{redis82.host}:{redis82.port}?read_only=yes")
    async with pool:
        with pytest.raises(ReadOnlyRefused):
            await plain(pool)


def test_only_a_bool_says_it() -> None:
    with pytest.raises(TypeError, match="read_only must be True or False, not str"):
        AsyncPool(read_only="no")  # type: ignore[arg-type]


# Several servers


@pytest.mark.parametrize("kind", [AsyncClusterPool, AsyncClusterClient])
async def test_no_node_of_a_cluster_is_sent_a_write(cluster82: Cluster, kind: Any) -> None:
    for node in cluster82.nodes:
        node.command("CONFIG", "RESETSTAT")
    client = kind(cluster82.seeds[:1], read_only=True)
    async with client:
        with pytest.raises(ReadOnlyRefused):
            await plain(client)
        with pytest.raises(ReadOnlyRefused if kind is AsyncClusterPool else PartialFailure):
            await client.execute_split("MSET", "a", 1, "b", 2)
        told = await client.execute_on("primaries", "FLUSHALL")
        assert {type(reply) for reply in told.values()} == {ReadOnlyRefused}
        assert await client.execute("GET", "k") is None
        if kind is AsyncClusterPool:
            with pytest.raises(ReadOnlyRefused):
                await many(client)
        else:
            async with client.pipeline() as pipeline:
                for command in READS:
                    await pipeline.execute(*command)
            assert [type(reply) for reply in pipeline.replies] == [type(None), ReadOnlyRefused, type(None)]
    writes = re.compile("set|mset|flushall|del")
    assert not [name for node in cluster82.nodes for name in called(node) if writes.fullmatch(name)]


async def test_no_server_of_a_hash_or_of_sentinels_is_sent_a_write(
    kept: Server, sentinels82: Sentinels
) -> None:
    buckets = [(kept.host, kept.port)]
    async with (
        AsyncHashPool(buckets, read_only=True) as pool,
        AsyncHashClient(buckets, read_only=True) as client,
    ):
        for each in (pool, client):
            with pytest.raises(ReadOnlyRefused):
                await plain(each)
    async with AsyncSentinelPool(sentinels82.addresses, "mymaster", read_only=True) as found:
        with pytest.raises(ReadOnlyRefused):
            await plain(found)
        assert await found.execute("GET", "k") is None
