"""From settings to a pool and a session."""

from __future__ import annotations

from pyredis.address import UnixAddress
from pyredis.pool.async_base import PoolOptions
from pyredis.pool.async_pool import AsyncPool
from pyredis_cli.core.session import Session
from pyredis_cli.settings import Settings

__all__ = ["make_pool", "session"]


def make_pool(settings: Settings) -> AsyncPool:
    """Return the pool of the server that the settings name; replies keep their wire type."""
    address = settings.address
    if isinstance(address, UnixAddress):
        return AsyncPool(unix_sock=address.path, **_options(settings))
    return AsyncPool(address.host, address.port, **_options(settings))


def _options(settings: Settings) -> PoolOptions:
    return {
        "database": settings.database,
        "username": settings.username,
        "password": settings.password,
        "conn_timeout": settings.conn_timeout,
        "read_timeout": settings.read_timeout,
        "pool_size": settings.pool_size,
        "protocol": settings.protocol or 2,
        "decoder": "typed",
        "tls": settings.tls,
        # What a person typed is all that the server is told.
        "lib_name": None,
    }


def session(settings: Settings, *, interactive: bool = False) -> Session:
    """Return a session that is not connected yet; an ``interactive`` one is a person's."""
    return Session(make_pool(settings), interactive=interactive)
