"""Where a conversation with a server stands: what is known of its connection, and asked of nobody."""

from __future__ import annotations

from pyredis.records import cast
from pyredis_cli.core.ground import Ground

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import TypeAlias

    from pyredis.address import Address
    from pyredis.client.async_client import AsyncClient
    from pyredis.pool.async_pool import AsyncPool
    from pyredis.pool.async_sentinel import AsyncSentinelPool
    from pyredis_cli.core.cluster import Cluster

    Pool: TypeAlias = AsyncPool | AsyncSentinelPool
    """Where a session has its connections from: one server, or whichever its sentinels name."""

__all__ = ["Standing"]


class Standing:
    """What a prompt may say of a session at any time; the session is the one who changes it."""

    def __init__(self, pool: Pool, cluster: Cluster | None) -> None:
        self.pool = pool
        self._cluster = cluster
        self._lease: AsyncClient | None = None
        self._role = ""
        self._ground = Ground()
        """Where the person brought the connection, and another one is to be brought."""

    @property
    def address(self) -> Address:
        """Where commands run, or will run once connected, as far as it is known."""
        address = self.pool.address if self._lease is None else self._lease.address
        if address is None:  # nobody has told yet which server it is
            return cast("AsyncSentinelPool", self.pool).sentinels[0]
        return address

    @property
    def connected(self) -> bool:
        return self._lease is not None and not self._lease.closed

    @property
    def database(self) -> int:
        """The database that commands run in, or will run in once connected."""
        if self._lease is not None:
            return self._lease.database
        return self._ground.wanted.database_from(self.pool.database)

    @property
    def next_database(self) -> int:
        """The database of the next command: in a transaction, what is queued may choose it."""
        chosen = self._ground.chosen
        return self.database if chosen is None else chosen

    @property
    def username(self) -> str | None:
        """The user that commands run as; None while not connected."""
        return self._lease.username if self._lease is not None else None

    @property
    def protocol(self) -> int:
        return self._lease.protocol if self._lease is not None else 0

    @property
    def in_transaction(self) -> bool:
        return self._lease is not None and self._lease.in_transaction

    @property
    def queued(self) -> int:
        """How many commands wait in the open transaction."""
        return len(self._ground.queued) if self.in_transaction else 0

    @property
    def watching(self) -> bool:
        return self._lease is not None and self._lease.watching

    @property
    def silenced(self) -> bool:
        """Whether CLIENT REPLY keeps the server from replying."""
        return self._lease is not None and self._lease.reply_mode != "on"

    @property
    def subscribed(self) -> bool:
        return self._lease is not None and self._lease.subscriptions > 0

    @property
    def monitoring(self) -> bool:
        return self._lease is not None and self._lease.monitoring

    @property
    def streaming(self) -> bool:
        """Whether messages come by themselves."""
        return self.connected and (self.subscribed or self.monitoring)

    @property
    def read_only(self) -> bool:
        """Whether nothing is sent that could change anything."""
        return self.pool.read_only

    @property
    def role(self) -> str:
        """``primary`` or ``replica``; empty while it is not known."""
        return self._role if self.connected else ""

    @property
    def commitments(self) -> str:
        """What commands to come rely on and no new connection could bring back, in words; empty when nothing."""
        held = {
            "the transaction": self.in_transaction,
            "the watched keys": self.watching and not self.in_transaction,
            "CLIENT REPLY OFF": self.silenced,
        }
        return " and ".join(name for name, holds in held.items() if holds)

    @property
    def between(self) -> bool:
        """Whether the command that runs is not at any node of the cluster just now."""
        return self._cluster is not None and self._cluster.between

    @property
    def losses(self) -> str:
        """All that ends with the connection, in words; empty when nothing."""
        return " and ".join(filter(None, (self.commitments, self._subscriptions())))

    def _subscriptions(self) -> str:
        count = self._lease.subscriptions if self._lease is not None else 0
        return f"{count} subscription{'' if count == 1 else 's'}" if count else ""
