"""Pools over fixed servers, or groups of them, each with its share of the keys."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Unpack, cast

from pyredis.address import TcpAddress
from pyredis.client.async_hash import AsyncHashClient
from pyredis.client.cluster_map import addresses_of
from pyredis.client.nodes import Bundle
from pyredis.client.spanning import Node, OverBuckets
from pyredis.cluster.buckets import Buckets
from pyredis.pool.async_base import PoolOptions
from pyredis.pool.async_pool import AsyncPool
from pyredis.pool.nodes import NodesPool
from pyredis.pool.sharing import SharingPool

__all__ = ["AsyncHashPool", "BucketsPool"]


class BucketsPool(NodesPool, OverBuckets):
    """What pools over buckets have in common; abstract over how a bucket is reached."""

    def _where(self) -> str:
        return ",".join(map(str, self._buckets.nodes))

    def _client(self, bundle: Bundle) -> AsyncHashClient:
        return AsyncHashClient.over(bundle, self._buckets, self.encoding)


class AsyncHashPool(BucketsPool):
    """Connections to the servers ``buckets``, a list of ``(host, port)`` whose order says who has which keys.

    The slot of a key, as in a cluster, modulo the number of buckets is its server, so a server more or less moves
    nearly every key. Keys with the same hash tag are together. The options are those of ``AsyncBasePool``, by
    keyword; ``pool_size`` is for each server.
    """

    def __init__(self, buckets: Sequence[tuple[str, int]], **options: Unpack[PoolOptions]) -> None:
        super().__init__(**options)
        self._buckets = Buckets(addresses_of("buckets", buckets))

    def _make_pool(self, node: Node) -> SharingPool:
        address = cast("TcpAddress", node)
        return AsyncPool(address.host, address.port, **self._node_options)
