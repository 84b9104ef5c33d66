"""Clients that nobody closed: they say so when they are collected, and leave no connection open."""

from __future__ import annotations

import gc
from collections.abc import Awaitable, Callable

import pytest

from pyredis import AsyncClusterClient, AsyncClusterPool, AsyncHashClient, AsyncHashPool, AsyncSentinelClient
from tests.clusters import Cluster
from tests.conftest import MakeProxy
from tests.sentinels import Sentinels
from tests.servers import Server, until

pytestmark = pytest.mark.usefixtures("no_leaks")


async def forget(use: Callable[[], Awaitable[None]]) -> None:
    """Use a client that nobody holds any more then, and have it collected."""
    await use()
    gc.collect()


async def test_a_forgotten_client_of_buckets_warns_and_closes_its_connections(
    redis82: Server, valkey9: Server
) -> None:
    async def use() -> None:
        client = AsyncHashClient([(server.host, server.port) for server in (redis82, valkey9)])
        for number in range(20):
            await client.set(f"key:{number}", number)
        assert (redis82.clients(), valkey9.clients()) == (1, 1)

    with pytest.warns(ResourceWarning, match="unclosed <AsyncHashClient") as warned:
        await forget(use)
    assert len(warned) == 1
    await redis82.until_clients(0)
    await valkey9.until_clients(0)


async def test_a_forgotten_client_of_a_cluster_warns_and_closes_its_connections(cluster82: Cluster) -> None:
    before = {node: node.clients() for node in cluster82.nodes}  # a replica counts the link to its primary

    async def use() -> None:
        client = AsyncClusterClient(cluster82.seeds)
        for number in range(20):
            await client.set(f"key:{number}", number)
        assert all(node.clients() > before[node] for node in cluster82.primaries())

    with pytest.warns(ResourceWarning, match="unclosed <AsyncClusterClient") as warned:
        await forget(use)
    assert len(warned) == 1
    for node, count in before.items():
        await node.until_clients(count)


async def test_a_forgotten_client_of_sentinels_warns_and_closes_its_connections(
    sentinels82: Sentinels, proxy: MakeProxy
) -> None:
    between = await proxy(sentinels82.sentinels[0])

    async def use() -> None:
        client = AsyncSentinelClient([between.address])
        await client.primary_address(sentinels82.name)
        assert between.open == 1

    with pytest.warns(ResourceWarning, match="unclosed <AsyncSentinelClient") as warned:
        await forget(use)
    assert len(warned) == 1
    await until(lambda: between.open == 0)


async def test_a_client_that_was_closed_or_given_back_has_nothing_to_warn_of(
    redis82: Server, cluster82: Cluster
) -> None:
    """``filterwarnings = error`` would make a failure of it."""
    buckets = [(redis82.host, redis82.port)]
    for client in (AsyncHashClient(buckets), AsyncClusterClient(cluster82.seeds)):
        await client.set("a", 1)
        client.close()
        await client.wait_closed()
    for pool in (AsyncHashPool(buckets), AsyncClusterPool(cluster82.seeds)):
        async with pool:
            leased = await pool.acquire()
            await leased.set("a", 1)
            await pool.release(leased)
            del leased
            gc.collect()
    del client
    AsyncHashClient(buckets)
    with pytest.raises(ValueError, match="buckets is empty"):
        AsyncHashClient([])
    gc.collect()
