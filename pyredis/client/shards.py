"""The shard channels of one client on a cluster: each at the node that has its slot, wherever that goes.

There is one subscriber for each node that has channels. When a node is lost or gives a slot away, its channels are
subscribed where their slots are now, and the reader is told that messages may be missing.
"""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Callable, Iterable, Sequence
from itertools import count
from typing import Final, cast

from pyredis.address import Address, TcpAddress
from pyredis.client.cluster_map import ClusterMap
from pyredis.client.inbox import Inbox
from pyredis.client.messages import Heard, Message, Name, Reconnected
from pyredis.client.redirects import follow, node_for
from pyredis.client.subscriber import Owner, Subscriber, may_pass, size_of
from pyredis.commands.slots import key_slot
from pyredis.exceptions import ClusterError, MovedError, PyRedisConnClosed, PyRedisError
from pyredis.retry import Backoff
from pyredis.types import Reply

__all__ = ["Shards"]

_log = logging.getLogger(__name__)

_PATIENCE: Final = 2.0  # seconds for which a subscription is asked for again where it may be by now
_SUSPENSE: Final = 0.25  # seconds at most between two looks at the cluster while channels have no node


class Shards(Owner):
    """Shard channels over the nodes of a cluster, heard in one inbox."""

    def __init__(
        self,
        cluster: ClusterMap,
        subscriber: Callable[[TcpAddress, Owner], Subscriber],
        inbox: Inbox[Heard],
        reconnect: Backoff | None,
        fail: Callable[[Exception], None],
    ) -> None:
        self._cluster = cluster
        self._make = subscriber
        self._inbox = inbox
        self._backoff = reconnect
        self._fail = fail
        self._homes: dict[bytes, TcpAddress | None] = {}
        """Where each channel is subscribed; None while that is being found out."""
        self._nodes: dict[TcpAddress, Subscriber] = {}
        self._left: list[Subscriber] = []
        self._mending: asyncio.Task[None] | None = None
        self._restoring: set[Name] = set()
        """The channels whose messages come after a gap that is not announced yet, however they are spelled."""
        self._early: list[Heard] = []
        self._closed = False

    @property
    def channels(self) -> Sequence[bytes]:
        return tuple(self._homes)

    @property
    def running(self) -> bool:
        return not self._closed and any(node.running for node in self._nodes.values())

    def regulate(self) -> None:
        """Read the network, or do not, as the inbox has it."""
        for node in self._nodes.values():
            node.regulate()

    # -- what its holder does

    async def subscribe(self, names: Sequence[bytes]) -> None:
        """Return when the node of the channels confirmed; ClusterError when they have not got one slot."""
        slots = {key_slot(name) for name in names}
        if len(slots) > 1:
            raise ClusterError(
                f"the shard channels lie in {len(slots)} slots; subscribe to those of each slot on their own, "
                "or give them the same {hash tag}"
            )
        home = await self._subscribe(slots.pop(), names, _PATIENCE)
        self._homes.update(dict.fromkeys(names, home))

    async def unsubscribe(self, names: Iterable[bytes]) -> None:
        """Return when the nodes confirmed."""
        by_home: dict[TcpAddress, list[bytes]] = {}
        for name in list(names):
            home = self._homes.pop(name, None)
            if home is not None:
                by_home.setdefault(home, []).append(name)
        for home, own in by_home.items():
            for same in _by_slot(own).values():
                if (node := self._nodes.get(home)) is not None:
                    await node.ask(b"SUNSUBSCRIBE", *same)
        self._leave_unused()

    def close(self) -> None:
        """Close all connections at once."""
        self._closed = True
        self._cluster.close()
        if self._mending is not None and not self._mending.get_loop().is_closed():
            self._mending.cancel()
        for node in list(self._nodes.values()):
            self._leave(node)

    async def wait_closed(self) -> None:
        """Return when nothing runs and nothing is open any more."""
        if self._mending is not None:
            await asyncio.wait([self._mending])
        for node in self._left:
            await node.wait_closed()
        await self._cluster.wait_closed()

    # -- subscribing at the right node

    async def _subscribe(self, slot: int, names: Sequence[bytes], patience: float) -> TcpAddress:
        """Return the node that confirmed."""
        asked = [await node_for(self._cluster, slot, replica=False)]

        async def send(address: TcpAddress, asking: bool) -> Reply:
            asked.append(address)
            return await self._node(address).ask(b"SSUBSCRIBE", *names)

        try:
            await send(asked[0], False)
        except PyRedisError as error:
            await follow(self._cluster, error, asked[-1], send, slot=slot, harmless=True, patience=patience)
        finally:
            self._leave_unused()
        return asked[-1]

    def _node(self, address: TcpAddress) -> Subscriber:
        if self._closed:
            raise PyRedisConnClosed("the subscriber is closed")
        node = self._nodes.get(address)
        if node is None:
            node = self._nodes[address] = self._make(address, self)
        return node

    def _leave_unused(self) -> None:
        for node in list(self._nodes.values()):
            if not node.busy and not node.subscriptions.of(b"SSUBSCRIBE"):
                self._leave(node)

    def _leave(self, node: Subscriber) -> None:
        self._nodes.pop(cast("TcpAddress", node.address), None)
        self._left = [left for left in self._left if left.running]
        self._left.append(node)
        node.close()

    # -- what the subscribers tell

    def moved(self, name: bytes, error: MovedError | None) -> bool:
        if name in self._homes:
            self._homes[name] = None
            self._mend(PyRedisConnClosed("the slot of a shard channel moved to another node", sent=True))
        return True

    def adopt(self, name: bytes) -> None:
        """Take a channel over whose slot is not where it was subscribed any more."""
        self._homes[name] = None
        self._mend(PyRedisConnClosed("the slot of a shard channel moved to another node", sent=True))

    def keeps(self, item: Heard) -> bool:
        """Keep a message back until the gap before it is announced."""
        if isinstance(item, Message) and item.channel in self._restoring:
            self._early.append(item)
            return True
        return False

    def ended(self, subscriber: Subscriber, error: Exception) -> bool:
        address = cast("TcpAddress", subscriber.address)
        if self._nodes.get(address) is not subscriber:
            return True  # we left it ourselves
        self._leave(subscriber)
        lost = [name for name, home in self._homes.items() if home == address]
        if not lost or self._closed:
            return True
        if self._backoff is None or not (isinstance(error, PyRedisError) and may_pass(error)):
            self._fail(error)
            return True
        for name in lost:
            self._homes[name] = None
        _log.info("lost the connection to %s and its %d shard channels: %s", address, len(lost), error)
        self._cluster.refresh_soon(avoid=address)
        self._mend(error)
        return True

    # -- mending

    def _mend(self, error: PyRedisError) -> None:
        if not self._closed and (self._mending is None or self._mending.done()):
            self._mending = asyncio.get_running_loop().create_task(self._restore(error))

    @property
    def _homeless(self) -> list[bytes]:
        return [name for name, home in self._homes.items() if home is None]

    async def _restore(self, error: PyRedisError) -> None:
        """Subscribe the channels that have no node where they belong now, and announce the gap."""
        loop = asyncio.get_running_loop()
        since = loop.time()
        backoff = self._backoff or Backoff()
        homes: set[Address] = set()
        try:
            for attempt in count():
                failure = await self._settle(homes)
                if failure is None:
                    break
                if not (may_pass(failure) or isinstance(failure, ClusterError)) or not backoff.allows(
                    attempt + 1
                ):
                    self._fail(failure)
                    return
                await asyncio.sleep(min(backoff.delay(attempt, random.random()), _SUSPENSE))
                self._cluster.refresh_soon()
        finally:
            early, self._early = self._early, []
            self._restoring.clear()
            for home in homes:
                self._inbox.put(Reconnected(home, loop.time() - since, error))
            for item in early:
                self._inbox.put(item, size_of(item))
            self._mending = None
        if self._homeless:
            self._mend(error)

    async def _settle(self, homes: set[Address]) -> PyRedisError | None:
        """Subscribe what has no node; return why something could not be, at one node or another."""
        failures: dict[TcpAddress, PyRedisError] = {}
        failure: PyRedisError | None = None
        for slot, names in _by_slot(self._homeless).items():
            try:
                owner = await node_for(self._cluster, slot, replica=False)
            except PyRedisError as error:
                failure = error
                continue
            if owner in failures:
                continue  # a slot more would fare no better there, and take its time
            self._restoring.update(names, [name.decode("utf-8", "surrogateescape") for name in names])
            try:
                home = await self._subscribe(slot, names, _SUSPENSE)
            except PyRedisError as error:
                failure = failures[owner] = error
                continue
            for name in names:
                if name in self._homes:
                    self._homes[name] = home
            homes.add(home)
        return failure


def _by_slot(names: Iterable[bytes]) -> dict[int, list[bytes]]:
    slots: dict[int, list[bytes]] = {}
    for name in names:
        slots.setdefault(key_slot(name), []).append(name)
    return slots
