"""The pool over groups of servers that sentinels watch, each with its share of the keys."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Unpack, cast

from pyredis.address import TcpAddress
from pyredis.client.spanning import Node
from pyredis.cluster.buckets import Buckets
from pyredis.options import replica_choice
from pyredis.pool.async_base import PoolOptions
from pyredis.pool.async_hash import BucketsPool
from pyredis.pool.async_sentinel import AsyncSentinelPool

__all__ = ["AsyncSentinelHashPool"]


class AsyncSentinelHashPool(BucketsPool):
    """Connections to the groups ``buckets``, names that the sentinels know; their order says who has which keys.

    Keys are shared out as in ``AsyncHashPool``; each group is reached as by an ``AsyncSentinelPool`` with the same
    options. ``sock`` names a group.
    """

    def __init__(
        self,
        sentinels: Sequence[tuple[str, int]],
        buckets: Sequence[str],
        replica_ok: bool = False,
        retries: int = 3,
        sentinel_password: str | bytes | None = None,
        sentinel_username: str | None = None,
        *,
        slave_ok: bool | None = None,
        natmap: Mapping[TcpAddress, TcpAddress] | None = None,
        **options: Unpack[PoolOptions],
    ) -> None:
        options.setdefault("close_on_err", True)
        super().__init__(**options)
        self._buckets = Buckets(_names(buckets))
        self._sentinels = sentinels
        self._replica_ok = replica_choice(replica_ok, slave_ok)
        self._retries = retries
        self._natmap = natmap
        self._sentinel_password = sentinel_password
        self._sentinel_username = sentinel_username
        for name in self._buckets.nodes:  # which checks the options
            self._make_pool(name)

    def _make_pool(self, node: Node) -> AsyncSentinelPool:
        return AsyncSentinelPool(
            self._sentinels,
            cast("str", node),
            self._replica_ok,
            self._retries,
            self._sentinel_password,
            self._sentinel_username,
            natmap=self._natmap,
            **self._node_options,
        )


def _names(buckets: Sequence[str]) -> Sequence[str]:
    if isinstance(buckets, (str, bytes)) or not all(isinstance(name, str) for name in buckets):
        raise TypeError("buckets is a list of names of groups, each a str")
    if not buckets or not all(buckets):
        raise ValueError("buckets has no name, or an empty one; give the names of groups")
    return buckets
