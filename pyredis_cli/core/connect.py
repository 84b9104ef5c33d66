"""From settings to a pool and a session."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pyredis.address import UnixAddress
from pyredis.pool.async_base import PoolOptions
from pyredis.pool.async_pool import AsyncPool
from pyredis_cli.core.session import Session
from pyredis_cli.settings import Group, Settings

if TYPE_CHECKING:
    from pyredis.pool.async_sentinel import AsyncSentinelPool
    from pyredis_cli.core.cluster import Cluster
    from pyredis_cli.core.session import Pool

__all__ = ["make_pool", "session"]


def make_pool(settings: Settings) -> Pool:
    """Return the pool of the server that the settings name; replies keep their wire type."""
    address = settings.address
    if settings.group is not None:
        return _make_group_pool(settings.group, _options(settings))
    if isinstance(address, UnixAddress):
        return AsyncPool(unix_sock=address.path, **_options(settings))
    return AsyncPool(address.host, address.port, **_options(settings))


def _make_group_pool(group: Group, options: PoolOptions) -> AsyncSentinelPool:
    """Return the pool of the server that sentinels name, which few sessions need."""
    from pyredis.pool.async_sentinel import AsyncSentinelPool

    return AsyncSentinelPool(
        [(sentinel.host, sentinel.port) for sentinel in group.sentinels],
        group.name,
        group.replica_ok,
        group.retries,
        group.password,
        group.username,
        **options,
    )


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
        "family": settings.family,
        "client_name": settings.client_name,
        # What a person typed is all that the server is told.
        "lib_name": None,
    }


def session(settings: Settings, *, interactive: bool = False) -> Session:
    """Return a session that is not connected yet; an ``interactive`` one is a person's."""
    cluster = _cluster(settings) if settings.cluster else None
    return Session(make_pool(settings), cluster, interactive=interactive)


def _cluster(settings: Settings) -> Cluster:
    """Return what follows redirects, which few sessions need."""
    from pyredis_cli.core.cluster import Cluster

    return Cluster(settings.others, tls=settings.tls is not None)
