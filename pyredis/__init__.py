"""An asyncio client for Redis and Valkey, built around connection pools.

The public names are resolved when they are first used, so importing the package costs next to nothing.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from pyredis.address import TcpAddress, UnixAddress
    from pyredis.client.async_client import AsyncClient
    from pyredis.client.async_cluster import AsyncClusterClient
    from pyredis.client.async_hash import AsyncHashClient
    from pyredis.client.async_pubsub import AsyncPubSubClient
    from pyredis.client.async_sentinel import AsyncSentinelClient
    from pyredis.client.messages import Message, Reconnected, Unsubscribed
    from pyredis.client.pushes import Pushes
    from pyredis.client.script import Script
    from pyredis.connection.async_connection import AsyncConnection
    from pyredis.exceptions import (
        AskError,
        Busy,
        ClusterDown,
        ClusterError,
        CrossSlot,
        ExecAbort,
        Loading,
        MasterDown,
        MovedError,
        NoAuth,
        NoPerm,
        NoProto,
        NoScript,
        OutOfMemory,
        PartialFailure,
        PoolExhausted,
        ProtocolError,
        PyRedisConnClosed,
        PyRedisConnError,
        PyRedisConnReadTimeout,
        PyRedisError,
        PyRedisTlsError,
        PyRedisURLError,
        ReadOnly,
        ReadOnlyRefused,
        ReplyError,
        StatefulCommand,
        TryAgain,
        WrongPass,
        WrongType,
    )
    from pyredis.options import TlsOptions
    from pyredis.pool.async_base import AsyncBasePool, Statistics
    from pyredis.pool.async_cluster import AsyncClusterPool
    from pyredis.pool.async_hash import AsyncHashPool
    from pyredis.pool.async_pool import AsyncPool
    from pyredis.pool.async_sentinel import AsyncSentinelPool
    from pyredis.pool.async_sentinel_hash import AsyncSentinelHashPool
    from pyredis.pool.by_url import get_by_url
    from pyredis.retry import Backoff
    from pyredis.version import __version__

_HOMES = {
    "pyredis.address": ("TcpAddress", "UnixAddress"),
    "pyredis.client.async_client": ("AsyncClient",),
    "pyredis.connection.async_connection": ("AsyncConnection",),
    "pyredis.exceptions": (
        "AskError",
        "TryAgain",
        "ReadOnly",
        "OutOfMemory",
        "PartialFailure",
        "NoScript",
        "NoProto",
        "MasterDown",
        "Loading",
        "ExecAbort",
        "CrossSlot",
        "ClusterDown",
        "Busy",
        "ClusterError",
        "MovedError",
        "NoAuth",
        "NoPerm",
        "PoolExhausted",
        "ProtocolError",
        "PyRedisConnClosed",
        "PyRedisConnError",
        "PyRedisConnReadTimeout",
        "PyRedisError",
        "PyRedisTlsError",
        "PyRedisURLError",
        "ReplyError",
        "ReadOnlyRefused",
        "StatefulCommand",
        "WrongPass",
        "WrongType",
    ),
    "pyredis.pool.async_base": ("AsyncBasePool", "Statistics"),
    "pyredis.client.script": ("Script",),
    "pyredis.client.messages": ("Message", "Reconnected", "Unsubscribed"),
    "pyredis.client.pushes": ("Pushes",),
    "pyredis.retry": ("Backoff",),
    "pyredis.options": ("TlsOptions",),
    "pyredis.pool.by_url": ("get_by_url",),
    "pyredis.version": ("__version__",),
    "pyredis.client.async_cluster": ("AsyncClusterClient",),
    "pyredis.client.async_hash": ("AsyncHashClient",),
    "pyredis.client.async_pubsub": ("AsyncPubSubClient",),
    "pyredis.client.async_sentinel": ("AsyncSentinelClient",),
    "pyredis.pool.async_cluster": ("AsyncClusterPool",),
    "pyredis.pool.async_hash": ("AsyncHashPool",),
    "pyredis.pool.async_pool": ("AsyncPool",),
    "pyredis.pool.async_sentinel": ("AsyncSentinelPool",),
    "pyredis.pool.async_sentinel_hash": ("AsyncSentinelHashPool",),
}
_HOME = {name: home for home, names in _HOMES.items() for name in names}

__all__ = [
    "AskError",
    "AsyncBasePool",
    "AsyncClient",
    "AsyncClusterClient",
    "AsyncClusterPool",
    "AsyncConnection",
    "AsyncHashClient",
    "AsyncHashPool",
    "AsyncPool",
    "AsyncPubSubClient",
    "AsyncSentinelClient",
    "AsyncSentinelHashPool",
    "AsyncSentinelPool",
    "Backoff",
    "Busy",
    "ClusterDown",
    "ClusterError",
    "CrossSlot",
    "ExecAbort",
    "Loading",
    "MasterDown",
    "Message",
    "MovedError",
    "NoAuth",
    "NoPerm",
    "NoProto",
    "NoScript",
    "OutOfMemory",
    "PartialFailure",
    "PoolExhausted",
    "ProtocolError",
    "Pushes",
    "PyRedisConnClosed",
    "PyRedisConnError",
    "PyRedisConnReadTimeout",
    "PyRedisError",
    "PyRedisTlsError",
    "PyRedisURLError",
    "ReadOnly",
    "ReadOnlyRefused",
    "Reconnected",
    "ReplyError",
    "Script",
    "StatefulCommand",
    "Statistics",
    "TcpAddress",
    "TlsOptions",
    "TryAgain",
    "UnixAddress",
    "Unsubscribed",
    "WrongPass",
    "WrongType",
    "__version__",
    "get_by_url",
]


def __getattr__(name: str) -> Any:
    home = _HOME.get(name)
    if home is None:
        raise AttributeError(f"module 'pyredis' has no attribute {name!r}")
    from importlib import import_module

    value = getattr(import_module(home), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
