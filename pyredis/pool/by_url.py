"""A pool, or a client that listens, from what a URL says."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import Any, Final

from pyredis.client.async_pubsub import AsyncPubSubClient
from pyredis.exceptions import PyRedisURLError
from pyredis.pool.async_base import AsyncBasePool
from pyredis.url import Target, build, masked, parse

__all__ = ["get_by_url"]

_HOMES: Final = {
    "server": "pyredis.pool.async_pool:AsyncPool",
    "cluster": "pyredis.pool.async_cluster:AsyncClusterPool",
    "hash": "pyredis.pool.async_hash:AsyncHashPool",
    "sentinel": "pyredis.pool.async_sentinel:AsyncSentinelPool",
    "sentinel hash": "pyredis.pool.async_sentinel_hash:AsyncSentinelHashPool",
    "pubsub": "pyredis.client.async_pubsub:AsyncPubSubClient",
}
"""What a URL of each kind is answered with."""


def get_by_url(url: str, async_client: bool = True, **options: Any) -> AsyncBasePool | AsyncPubSubClient:
    """Return the pool that a URL describes, or the client for a ``pubsub://`` URL; ``options`` win over the URL.

    The URLs are those of ``pyredis.url``. PyRedisURLError, which is a ValueError, tells what is wrong with one;
    what is wrong with the options is ValueError or TypeError.
    """
    target = parse(url, any_kind=True)
    if not async_client:
        raise PyRedisURLError(
            f"there is no synchronous client for {masked(url)}: this library is asyncio only; "
            "leave out async_client, or set it to True"
        )
    module, _, name = _HOMES[_kind(target)].partition(":")
    make: Callable[..., AsyncBasePool | AsyncPubSubClient] = getattr(import_module(module), name)
    return build(make, target, url, options)


def _kind(target: Target) -> str:
    return "sentinel hash" if len(target.groups) > 1 else target.kind
