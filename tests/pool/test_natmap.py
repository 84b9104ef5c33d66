"""Servers that call each other by addresses that lead nowhere from here are reached where the map says."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from pyredis import (
    AsyncClusterClient,
    AsyncClusterPool,
    AsyncPubSubClient,
    AsyncSentinelClient,
    AsyncSentinelPool,
    PyRedisConnError,
    TcpAddress,
)
from tests.clusters import Cluster, hidden
from tests.conftest import MakeProxy
from tests.proxy import Proxy
from tests.sentinels import Sentinels


async def proxied(cluster: Cluster, proxy: MakeProxy) -> tuple[list[Proxy], dict[TcpAddress, TcpAddress]]:
    """Return a proxy for each node, and where the nodes are that call each other by names that do not exist."""
    names = hidden(cluster)
    proxies = [await proxy(node) for node in cluster.nodes]
    there = [TcpAddress(*each.address) for each in proxies]
    return proxies, {TcpAddress(*names[node]): at for node, at in zip(cluster.nodes, there, strict=True)}


@pytest.mark.parametrize("kind", [AsyncClusterPool, AsyncClusterClient])
async def test_the_nodes_of_a_cluster_are_reached_where_the_map_says(
    cluster82: Cluster, proxy: MakeProxy, kind: Any
) -> None:
    proxies, natmap = await proxied(cluster82, proxy)
    seeds = [proxies[0].address]
    async with kind(seeds, natmap=natmap) as client:
        for number in range(20):
            await client.execute("SET", f"key:{number}", number)
        told = await client.execute_on("primaries", "DBSIZE")
    assert set(told) == {f"127.0.0.1:{each.port}" for each in proxies[:3]}
    assert sum(told.values()) == 20
    async with kind(seeds, read_timeout=0.2) as client:
        with pytest.raises(PyRedisConnError, match=r"node-\d\.invalid"):
            await client.execute("SET", "key:1", 1)


async def test_a_redirect_leads_where_the_map_says(cluster82: Cluster, proxy: MakeProxy) -> None:
    proxies, natmap = await proxied(cluster82, proxy)
    async with AsyncClusterPool([proxies[0].address], natmap=natmap) as pool:
        await pool.set("k", "v")
        owner = cluster82.primary_of(7629)
        other = next(node for node in cluster82.primaries() if node is not owner)
        await cluster82.migrate_slot(7629, other)
        assert await pool.get("k") == b"v"
        shard = pool.topology.shard(7629)  # type: ignore[union-attr]
    assert shard is not None
    assert shard.primary == TcpAddress(*proxies[cluster82.nodes.index(other)].address)


async def test_shard_channels_are_heard_where_the_map_says(cluster82: Cluster, proxy: MakeProxy) -> None:
    proxies, natmap = await proxied(cluster82, proxy)
    async with AsyncPubSubClient.of_cluster([proxies[0].address], natmap=natmap) as client:
        for channel in ("a", "b", "c"):
            await client.ssubscribe(channel)
        owner = cluster82.primary_of(3300)  # of the slot of b
        assert proxies[cluster82.nodes.index(owner)].open


async def test_what_sentinels_name_is_reached_where_the_map_says(
    sentinels82: Sentinels, proxy: MakeProxy
) -> None:
    servers = [sentinels82.primary(), *sentinels82.replicas()]
    proxies = [await proxy(server) for server in servers]
    natmap = {
        TcpAddress(server.host, server.port): TcpAddress(*each.address)
        for server, each in zip(servers, proxies, strict=True)
    }
    async with AsyncSentinelPool(sentinels82.addresses, "mymaster", natmap=natmap) as pool:
        assert await pool.execute("PING") == b"PONG"
        assert pool.address == natmap[TcpAddress(servers[0].host, servers[0].port)]
        async with pool.like(database=1) as like:
            await like.execute("PING")
            assert like.address == pool.address
    async with AsyncSentinelClient(sentinels82.addresses, natmap=natmap) as client:
        assert await client.primary_address("mymaster") == pool.address
        assert set(await client.replica_addresses("mymaster")) <= set(natmap.values())
        facts = await client.get_primary("mymaster")
        assert facts[b"port"] == b"%d" % servers[0].port


@pytest.mark.parametrize("natmap", [{"10.0.0.1:1": "10.0.0.2:1"}, {TcpAddress(): ("127.0.0.1", 1)}])
def test_a_map_is_from_address_to_address(natmap: Mapping[Any, Any]) -> None:
    with pytest.raises(TypeError, match="natmap maps TcpAddress to TcpAddress"):
        AsyncClusterPool([("127.0.0.1", 7000)], natmap=natmap)
