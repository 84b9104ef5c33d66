"""The connections of a client that listens: one for channels and patterns, more for a cluster's shard channels.

It finds out by a MOVED, or knows from the start, that there is a cluster, and where the one connection goes then.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Sequence
from typing import Final, cast

from pyredis.address import Address, NatMap, TcpAddress
from pyredis.client.cluster_map import ClusterMap
from pyredis.client.inbox import Inbox
from pyredis.client.messages import Heard
from pyredis.client.shards import Shards, by_slot, end_at, slot_of
from pyredis.client.subscriber import Loss, Owner, Subscriber
from pyredis.connection.opening import open_wire
from pyredis.exceptions import CrossSlot, MovedError
from pyredis.options import ConnectionOptions
from pyredis.retry import Backoff
from pyredis.types import Reply

__all__ = ["Listening"]

_SSUBSCRIBE: Final = b"SSUBSCRIBE"


class Listening(Owner):
    """What one client listens with."""

    def __init__(
        self,
        address: Address,
        options: ConnectionOptions,
        *,
        reconnect: Backoff | None,
        health_check_interval: float | None,
        buffer_size: int,
        buffer_bytes: int,
        natmap: NatMap | None = None,
    ) -> None:
        self._options = options
        self._reconnect = reconnect
        self._natmap = natmap
        self._interval = health_check_interval
        self.inbox: Inbox[Heard] = Inbox(buffer_size, buffer_bytes, self._regulate)
        self.main = Subscriber(
            address,
            options,
            self.inbox,
            reconnect=reconnect,
            health_check_interval=health_check_interval,
            owner=self,
        )
        self._cluster: ClusterMap | None = None
        self._shards: Shards | None = None

    def expect_cluster(self, seeds: Sequence[TcpAddress]) -> Shards:
        """Know that there is a cluster, which the seeds belong to."""
        if self._shards is None:
            self._cluster = ClusterMap(
                seeds, self._ask_node, tls=self._options.tls is not None, natmap=self._natmap
            )
            self._shards = Shards(
                self._cluster, self._subscriber_at, self.inbox, self._reconnect, self.main.end
            )
        return self._shards

    # -- what its holder does

    async def ssubscribe(self, names: Sequence[bytes]) -> None:
        """Return when the node of the shard channels confirmed; ClusterError when they have not got one slot."""
        self.main.check()
        if self._shards is None:
            try:
                await self.main.ask(_SSUBSCRIBE, *names)
                return
            except CrossSlot:
                slot_of(names)
                raise
            except MovedError:
                self._discover_cluster()
        elsewhere = [name for name in names if not self.main.subscriptions.has(_SSUBSCRIBE, name)]
        if elsewhere:  # what stands here would be heard twice
            await self._discover_cluster().subscribe(elsewhere)

    async def sunsubscribe(self, names: Sequence[bytes]) -> None:
        """Return when no node has the shard channels any more; without names, all of them."""
        self.main.check()
        names = names or self._expected
        try:
            await end_at(self.main, names)
        except CrossSlot:
            for same in by_slot(names).values():
                await end_at(self.main, same)
        if self._shards is not None:  # by now, perhaps: with a slot that went, the channels did, too
            await self._shards.unsubscribe(names)

    @property
    def _expected(self) -> Sequence[bytes]:
        away = self._shards.expected if self._shards is not None else ()
        return tuple(dict.fromkeys((*self.main.expected(_SSUBSCRIBE), *away)))

    @property
    def shard_channels(self) -> frozenset[bytes]:
        away = self._shards.channels if self._shards is not None else ()
        return frozenset((*self.main.subscriptions.of(_SSUBSCRIBE), *away))

    @property
    def running(self) -> bool:
        """Whether it has a connection, or tries to."""
        return self.main.running or (self._shards is not None and self._shards.running)

    def close(self) -> None:
        """Close at once; who waits gets PyRedisConnClosed, what was not read is gone."""
        self.main.close()

    async def wait_closed(self) -> None:
        """Return when nothing runs and nothing is open any more."""
        await self.main.wait_closed()
        if self._shards is not None and asyncio.get_running_loop() is self.main.loop:
            await self._shards.wait_closed()

    # -- the cluster

    def _subscriber_at(self, address: TcpAddress, owner: Owner) -> Subscriber:
        return Subscriber(
            address,
            self._options,
            self.inbox,
            reconnect=None,
            health_check_interval=self._interval,
            owner=owner,
        )

    async def _ask_node(self, address: TcpAddress, words: tuple[bytes, ...]) -> Reply:
        wire = await open_wire(address, self._options)
        try:
            return await wire.execute(words, None)
        finally:
            wire.abort()
            await wire.wait_closed()

    def _regulate(self) -> None:
        self.main.regulate()
        if self._shards is not None:
            self._shards.regulate()

    # -- what the one connection asks

    async def find(self, address: Address) -> Address:
        """Return any node that the cluster has now, rather another one than the last."""
        if self._cluster is None:
            return address
        known = self._cluster.topology is not None
        topology = await (
            self._cluster.refresh(avoid=cast("TcpAddress", address)) if known else self._cluster.learn()
        )
        others = [node for node in topology.primaries if node != address]
        return random.choice(others or [address])

    def moved(self, name: bytes, loss: Loss) -> bool:
        return self._discover_cluster().moved(name, loss)

    def ended(self, subscriber: Subscriber, error: Exception) -> bool:
        """End all with the one connection; when it is the shard channels that failed, it was ended for them."""
        if self._shards is not None:
            self._shards.close()
        return False

    def _discover_cluster(self) -> Shards:
        """Return the shards of the cluster that the one connection has turned out to belong to."""
        # A unix socket will do: a seed is asked and, but for that, only compared.
        return self.expect_cluster([cast("TcpAddress", self.main.address)])
