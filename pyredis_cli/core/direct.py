"""From settings to blocking connections, for tools that do one thing after the other on each server.

It knows which server is meant: one, the one that sentinels name, or each primary of a cluster. No event loop is
started but to ask sentinels.
"""

from __future__ import annotations

from pyredis.connection.blocking import BlockingConnection
from pyredis.exceptions import ClusterError, NoPerm, PyRedisConnError, ReplyError
from pyredis.options import ConnectionOptions

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Literal

    from pyredis.address import Address, TcpAddress
    from pyredis.cluster.topology import Topology
    from pyredis_cli.settings import Settings

__all__ = ["connect", "connect_to", "options_of", "primaries"]


def connect(settings: Settings, decoder: Literal["fast", "typed"] = "fast") -> BlockingConnection:
    """Return a connection to the server that the settings mean; in a cluster, to the first node that is there."""
    if settings.group is not None:
        return connect_to(_named_by_sentinels(settings), settings, decoder)
    try:
        return connect_to(settings.address, settings, decoder)
    except PyRedisConnError:
        for address in settings.others:
            try:
                return connect_to(address, settings, decoder)
            except PyRedisConnError:
                continue
        raise


def connect_to(
    address: Address, settings: Settings, decoder: Literal["fast", "typed"] = "fast"
) -> BlockingConnection:
    """Return a connection to this server, as the settings say."""
    return BlockingConnection.open(address, options_of(settings, decoder))


def options_of(settings: Settings, decoder: Literal["fast", "typed"]) -> ConnectionOptions:
    """Return how a connection is opened."""
    return ConnectionOptions(
        database=settings.database,
        username=settings.username,
        password=settings.password,
        conn_timeout=settings.conn_timeout,
        read_timeout=settings.read_timeout,
        protocol=settings.protocol or 2,
        decoder=decoder,
        client_name=settings.client_name,
        lib_name=None,  # what a person typed is all that the server is told
        tls=settings.tls,
        family=settings.family,
        read_only=settings.read_only,
        init=settings.init,
    )


def primaries(connection: BlockingConnection, settings: Settings) -> Topology | None:
    """Return who has which slots, as the node of the connection sees it; None where there is no cluster.

    Raises the ReplyError of a node that does not tell.
    """
    from pyredis.cluster.topology import from_shards, from_slots

    try:
        # 6.2 does not know SHARDS, and a user may be allowed one of them alone.
        reply = connection.execute((b"CLUSTER", b"SHARDS"))
        topology = from_shards(reply, connection.address, tls=settings.tls is not None)
    except ReplyError as error:
        if _is_no_cluster(error):
            return None
        if not isinstance(error, NoPerm) and "unknown" not in error.message.lower():
            raise
        topology = from_slots(connection.execute((b"CLUSTER", b"SLOTS")), connection.address)
    if not topology.primaries:
        raise ClusterError(f"{connection.address} knows no node that has slots; is its cluster made yet?")
    return topology.reached_by(dict(settings.natmap))


def _is_no_cluster(error: ReplyError) -> bool:
    return "cluster support disabled" in error.message


def _named_by_sentinels(settings: Settings) -> TcpAddress:
    """Return where the server is that the sentinels name, once it has said itself that it is what they say."""
    import asyncio

    from pyredis.pool.async_sentinel import AsyncSentinelPool
    from pyredis_cli.core.connect import make_pool

    async def found() -> TcpAddress:
        pool: Any = make_pool(settings)
        assert isinstance(pool, AsyncSentinelPool)
        try:
            await pool.release(await pool.acquire())
            assert pool.address is not None
            return pool.address
        finally:
            await pool.close()

    return asyncio.run(found())
