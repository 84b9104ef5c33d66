"""An asyncio client for Redis and Valkey, built around connection pools.

The public names are resolved when they are first used, so importing the package costs next to nothing.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pyredis.address import TcpAddress, UnixAddress
    from pyredis.client.async_client import AsyncClient
    from pyredis.connection.async_connection import AsyncConnection
    from pyredis.exceptions import (
        AskError,
        ClusterError,
        MovedError,
        NoAuth,
        NoPerm,
        PoolExhausted,
        ProtocolError,
        PyRedisConnClosed,
        PyRedisConnError,
        PyRedisConnReadTimeout,
        PyRedisError,
        PyRedisURLError,
        ReplyError,
        StatefulCommand,
        WrongPass,
        WrongType,
    )
    from pyredis.pool.async_base import AsyncBasePool
    from pyredis.pool.async_pool import AsyncPool

_HOMES = {
    "pyredis.address": ("TcpAddress", "UnixAddress"),
    "pyredis.client.async_client": ("AsyncClient",),
    "pyredis.connection.async_connection": ("AsyncConnection",),
    "pyredis.exceptions": (
        "AskError",
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
        "PyRedisURLError",
        "ReplyError",
        "StatefulCommand",
        "WrongPass",
        "WrongType",
    ),
    "pyredis.pool.async_base": ("AsyncBasePool",),
    "pyredis.pool.async_pool": ("AsyncPool",),
}
_HOME = {name: home for home, names in _HOMES.items() for name in names}

__all__ = [
    "AskError",
    "AsyncBasePool",
    "AsyncClient",
    "AsyncConnection",
    "AsyncPool",
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
    "PyRedisURLError",
    "ReplyError",
    "StatefulCommand",
    "TcpAddress",
    "UnixAddress",
    "WrongPass",
    "WrongType",
]


def __getattr__(name: str) -> Any:
    home = _HOME.get(name)
    if home is None:
        raise AttributeError(f"module 'pyredis' has no attribute {name!r}")
    value = getattr(importlib.import_module(home), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
