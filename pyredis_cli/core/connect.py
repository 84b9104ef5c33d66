"""From settings to a pool and a session."""

from __future__ import annotations

from pyredis.address import UnixAddress
from pyredis.records import cast
from pyredis_cli.core.session import Session

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pyredis.pool.async_base import PoolOptions
    from pyredis.pool.async_pool import AsyncPool
    from pyredis.pool.async_sentinel import AsyncSentinelPool
    from pyredis_cli.core.cluster import Cluster
    from pyredis_cli.core.standing import Pool
    from pyredis_cli.places import Group
    from pyredis_cli.settings import Settings

__all__ = ["can_block", "make_pool", "session"]


def can_block(settings: Settings) -> bool:
    """Whether a session may do without an event loop: with one connection at a time, to one server."""
    return not settings.cluster and settings.group is None


def make_pool(settings: Settings) -> Pool:
    """Return the pool of the server that the settings name; replies keep their wire type."""
    address = settings.address
    if settings.group is not None:
        return _make_group_pool(settings, settings.group)
    from pyredis.pool.async_pool import AsyncPool

    if isinstance(address, UnixAddress):
        return AsyncPool(unix_sock=address.path, **_options(settings))
    return AsyncPool(address.host, address.port, **_options(settings))


def _make_group_pool(settings: Settings, group: Group) -> AsyncSentinelPool:
    """Return the pool of the server that sentinels name, which few sessions need."""
    from pyredis.pool.async_sentinel import AsyncSentinelPool

    return AsyncSentinelPool(
        [(sentinel.host, sentinel.port) for sentinel in group.sentinels],
        group.name,
        group.replica_ok,
        group.retries,
        group.password,
        group.username,
        natmap=dict(settings.natmap),
        **_options(settings),
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
        "read_only": settings.read_only,
        "init": settings.init,
        # What a person typed is all that the server is told.
        "lib_name": None,
    }


def _blocking_pool(settings: Settings) -> AsyncPool:
    from pyredis.options import ConnectionOptions
    from pyredis_cli.core.lease import BlockingPool

    options = _options(settings)
    del options["pool_size"]
    pool = BlockingPool(settings.address, ConnectionOptions(**options))  # type: ignore[misc, arg-type]
    # It and its leases have all that a session asks of the asyncio ones that stays at one server.
    return cast("AsyncPool", pool)


def session(settings: Settings, *, interactive: bool = False, blocking: bool = False) -> Session:
    """Return a session that is not connected yet; an ``interactive`` one is a person's.

    A ``blocking`` one, where it ``can_block``, is for ``run_now``.
    """
    if blocking:
        return Session(_blocking_pool(settings))
    cluster = _cluster(settings) if settings.cluster else None
    return Session(make_pool(settings), cluster, interactive=interactive, natmap=dict(settings.natmap))


def _cluster(settings: Settings) -> Cluster:
    """Return what follows redirects, which few sessions need."""
    from pyredis_cli.core.cluster import Cluster

    return Cluster(settings.others, tls=settings.tls is not None, natmap=dict(settings.natmap))
