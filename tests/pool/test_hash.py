"""Keys shared out over fixed servers, and over groups that sentinels watch."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from pyredis import (
    AsyncHashClient,
    AsyncHashPool,
    AsyncSentinelHashPool,
    ClusterError,
    PartialFailure,
    PyRedisConnClosed,
    PyRedisConnError,
    ReplyError,
    StatefulCommand,
)
from pyredis.commands.slots import key_slot
from tests.conftest import MakeSentinels, MakeServer
from tests.servers import Server, until

pytestmark = pytest.mark.usefixtures("no_leaks")

KEYS = [f"key:{number}" for number in range(40)]


@pytest.fixture
def servers(redis82: Server, valkey9: Server, redis62: Server) -> list[Server]:
    """Return three servers that know nothing of each other."""
    return [redis82, valkey9, redis62]


@pytest.fixture
async def pool(servers: list[Server]) -> AsyncIterator[AsyncHashPool]:
    async with AsyncHashPool([(server.host, server.port) for server in servers]) as pool:
        yield pool


def home(servers: list[Server], key: str) -> Server:
    return servers[key_slot(key.encode()) % len(servers)]


async def test_every_key_has_its_server(servers: list[Server], pool: AsyncHashPool) -> None:
    await asyncio.gather(*[pool.set(key, key) for key in KEYS])
    assert await asyncio.gather(*[pool.get(key) for key in KEYS]) == [key.encode() for key in KEYS]
    for key in KEYS:
        assert home(servers, key).command("EXISTS", key) == 1
    assert sum(server.command("DBSIZE") for server in servers) == len(KEYS)  # type: ignore[misc]


async def test_keys_of_several_servers_are_refused_or_split(pool: AsyncHashPool) -> None:
    with pytest.raises(ClusterError, match="belong to 3 servers"):
        await pool.mget(*KEYS)
    await pool.execute_split("MSET", *[word for key in KEYS for word in (key, key)])
    assert await pool.execute_split("MGET", *KEYS) == [key.encode() for key in KEYS]
    assert await pool.execute_split("DBSIZE") == len(KEYS)
    assert sorted([key async for key in pool.scan_iter()]) == sorted(key.encode() for key in KEYS)
    assert await pool.mget("{a}1", "{a}2") == [None, None]
    with pytest.raises(ClusterError, match="concerns all servers"):
        await pool.dbsize()
    with pytest.raises(StatefulCommand):
        await pool.execute("SELECT", 1, shard_key="a")
    with pytest.raises(ValueError, match="not 'replicas'"):
        await pool.execute_on("replicas", "PING")


async def test_shard_key_and_sock(servers: list[Server], pool: AsyncHashPool) -> None:
    await pool.execute("SET", "elsewhere", 1, shard_key="a")
    assert home(servers, "a").command("GET", "elsewhere") == b"1"
    sock = f"{servers[1].host}:{servers[1].port}"
    await pool.execute("SET", "here", 1, sock=sock)
    assert servers[1].command("GET", "here") == b"1"
    assert len(await pool.execute_many([["SET", key, 1] for key in KEYS])) == len(KEYS)


async def test_databases_are_those_of_each_server(servers: list[Server]) -> None:
    async with AsyncHashPool([(server.host, server.port) for server in servers], database=3) as pool:
        await asyncio.gather(*[pool.set(key, 1) for key in KEYS])
    assert all("db3" in server.info("keyspace") for server in servers)


async def test_a_dead_server_costs_its_own_keys_alone(make_server: MakeServer, redis82: Server) -> None:
    other = make_server("redis82")
    async with AsyncHashPool([(redis82.host, redis82.port), (other.host, other.port)]) as pool:
        await asyncio.gather(*[pool.set(key, 1) for key in KEYS])
        other.kill()
        outcomes = await asyncio.gather(*[pool.get(key) for key in KEYS], return_exceptions=True)
        for key, outcome in zip(KEYS, outcomes, strict=True):
            if key_slot(key.encode()) % 2:
                assert isinstance(outcome, PyRedisConnError)
            else:
                assert outcome == b"1"
        with pytest.raises(PartialFailure, match="DBSIZE failed at 1 of 2 nodes"):
            await pool.execute_split("DBSIZE")
        replies = await pool.execute_many([["GET", key] for key in KEYS])
        assert {isinstance(reply, PyRedisConnError) for reply in replies} == {True, False}
        other.start()
        assert await pool.set(KEYS[0], 2) == b"OK"
        assert await pool.execute_split("DBSIZE")


async def test_bulk_mode_keeps_the_order_over_all_servers(servers: list[Server], pool: AsyncHashPool) -> None:
    async with pool.lease() as client:
        assert isinstance(client, AsyncHashClient)
        await client.bulk_start(bulk_size=9)
        for key in KEYS:
            assert await client.set(key, key) is None
        await client.lpush(KEYS[0], 1)
        for key in KEYS:
            await client.get(key)
        *stored, wrong = (await client.bulk_stop())[: len(KEYS) + 1]
        assert stored == [b"OK"] * len(KEYS)
        assert isinstance(wrong, ReplyError)
        async with client.pipeline() as pipeline:
            for key in KEYS:
                await pipeline.get(key)
        assert pipeline.replies == [key.encode() for key in KEYS]
        assert client.at_rest


async def test_a_transaction_is_on_one_server(pool: AsyncHashPool) -> None:
    async with pool.lease() as client:
        await client.execute("MULTI", shard_key="a")
        await client.set("a", 1)
        with pytest.raises(ClusterError, match="the transaction or subscription is on"):
            await client.set(next(key for key in KEYS if (key_slot(key.encode()) - key_slot(b"a")) % 3), 1)
        assert await client.execute("EXEC") == [b"OK"]


async def test_a_client_by_itself(servers: list[Server]) -> None:
    buckets = [(server.host, server.port) for server in servers]
    async with AsyncHashClient(buckets, encoding="utf-8") as client:
        for key in KEYS:
            await client.set(key, key)
        assert [await client.get(key) for key in KEYS] == KEYS
        assert await client.execute_split("MGET", *KEYS) == KEYS
    with pytest.raises(PyRedisConnClosed):
        await client.get("a")


async def test_buckets_that_cannot_be_are_refused() -> None:
    for buckets, error in (
        ([], ValueError),
        ("h:1", TypeError),
        ([("h", 1), ("h", 2), ("h", 1)], ValueError),
    ):
        with pytest.raises(error):
            AsyncHashPool(buckets)  # type: ignore[arg-type]
    for names in ([], ["one", "one"], [""]):
        with pytest.raises(ValueError):  # noqa: PT011  each in words of its own
            AsyncSentinelHashPool([("h", 1)], names)
    with pytest.raises(TypeError):
        AsyncSentinelHashPool([("h", 1)], "one")


async def test_groups_that_sentinels_watch_share_the_keys(
    make_sentinels: MakeSentinels, make_server: MakeServer
) -> None:
    """Two groups under the same sentinel: a failover of one of them moves no key to the other."""
    one = make_sentinels("redis82", name="one", replicas=1, count=1)
    two = make_server("redis82")
    one.sentinels[0].command("SENTINEL", "MONITOR", "two", two.host, two.port, 1)
    async with AsyncSentinelHashPool(one.addresses, ["one", "two"]) as pool:
        await asyncio.gather(*[pool.set(key, key) for key in KEYS])
        assert two.command("DBSIZE") == sum(key_slot(key.encode()) % 2 for key in KEYS)
        before = one.primary()
        before.command("WAIT", 1, 1000)
        one.failover()
        primary = await one.until_another(before)

        async def all_back() -> bool:
            try:
                return await pool.execute_split("MGET", *KEYS) == [key.encode() for key in KEYS]
            except PartialFailure:
                return False

        await until(all_back)
        assert primary.command("DBSIZE") == sum(1 - key_slot(key.encode()) % 2 for key in KEYS)
        assert await pool.execute("PING", sock="two") == b"PONG"
        assert pool.close_on_err
        async with pool.lease() as client:
            assert [await client.get(key) for key in KEYS] == [key.encode() for key in KEYS]
