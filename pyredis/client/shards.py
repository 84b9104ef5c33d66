"""The shard channels of one client on a cluster: each at the node that has its slot, wherever that goes.

There is one subscriber for each node that has channels, and it knows which. Here is known which have none: when a
node is lost or gives a slot away, its channels are subscribed where their slots are now, and the reader is told,
for each node, that messages may be missing.
"""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from typing import Final, cast

from pyredis.address import TcpAddress
from pyredis.client.cluster_map import ClusterMap
from pyredis.client.inbox import Inbox
from pyredis.client.messages import Heard, Message, Reconnected
from pyredis.client.redirects import follow, node_for
from pyredis.client.subscriber import Loss, Owner, Subscriber, may_pass, size_of
from pyredis.commands.slots import key_slot
from pyredis.exceptions import ClusterError, MovedError, PyRedisConnClosed, PyRedisError
from pyredis.retry import Backoff
from pyredis.types import Reply

__all__ = ["Shards", "by_slot", "end_at", "slot_of"]

_log = logging.getLogger(__name__)

_SSUBSCRIBE: Final = b"SSUBSCRIBE"
_SUNSUBSCRIBE: Final = b"SUNSUBSCRIBE"

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
        self._nodes: dict[TcpAddress, Subscriber] = {}
        self._left: list[Subscriber] = []
        self._lost: dict[bytes, Loss] = {}
        """The channels that have no node, or one whose gap is not announced yet."""
        self._early: list[tuple[bytes, Heard]] = []
        """What came of these channels: it is to be read after the gap."""
        self._mending: asyncio.Task[None] | None = None
        self._closed = False

    @property
    def channels(self) -> Sequence[bytes]:
        standing = (name for node in self._nodes.values() for name in node.subscriptions.of(_SSUBSCRIBE))
        return tuple(dict.fromkeys((*standing, *self._lost)))

    @property
    def expected(self) -> Sequence[bytes]:
        """The channels, and those that will be some once what was asked for is carried out."""
        expected = (name for node in self._nodes.values() for name in node.expected(_SSUBSCRIBE))
        return tuple(dict.fromkeys((*expected, *self._lost)))

    @property
    def running(self) -> bool:
        """Whether it has a connection, or looks for a channel's node."""
        return not self._closed and (self._mends or any(node.running for node in self._nodes.values()))

    @property
    def _mends(self) -> bool:
        return self._mending is not None and not self._mending.done()

    def regulate(self) -> None:
        """Read the network, or do not, as the inbox has it."""
        for node in self._nodes.values():
            node.regulate()

    # -- what its holder does

    async def subscribe(self, names: Sequence[bytes]) -> None:
        """Return when the node of the channels confirmed; ClusterError when they have not got one slot."""
        home = await self._subscribe(slot_of(names), lambda: names, _PATIENCE)
        self._announce(home, names)

    async def unsubscribe(self, names: Sequence[bytes]) -> None:
        """Return when no node has the channels any more."""
        for same in by_slot(names).values():
            while (node := self._expecting(same)) is not None:
                await end_at(node, same)
            self._drop_early(same)
            for name in same:
                self._lost.pop(name, None)
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

    async def _subscribe(
        self, slot: int, wanted: Callable[[], Sequence[bytes]], patience: float
    ) -> TcpAddress:
        """Return the node that confirmed what was ``wanted`` when it was asked."""
        asked = [await node_for(self._cluster, slot, replica=False)]

        async def send(address: TcpAddress, asking: bool) -> Reply:
            asked.append(address)
            names = wanted()
            return await self._node(address).ask(_SSUBSCRIBE, *names) if names else None

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

    def _expecting(self, names: Sequence[bytes]) -> Subscriber | None:
        """Return a node that has one of the channels, or will have."""
        return next((node for node in self._nodes.values() if node.expects(_SSUBSCRIBE, names)), None)

    def _leave_unused(self) -> None:
        for node in list(self._nodes.values()):
            if not node.busy and not node.subscriptions.of(_SSUBSCRIBE):
                self._leave(node)

    def _leave(self, node: Subscriber) -> None:
        self._nodes.pop(cast("TcpAddress", node.address), None)
        self._left = [left for left in self._left if left.running]
        self._left.append(node)
        node.close()

    # -- what the subscribers tell

    def moved(self, name: bytes, loss: Loss) -> bool:
        self._lose((name,), loss)
        return True

    def keeps(self, subscriber: Subscriber, item: Heard) -> bool:
        """Keep a message back until the gap before it is announced."""
        if not self._lost or not isinstance(item, Message):
            return False
        name = subscriber.wire_name(item.channel)
        if name not in self._lost:
            return False
        self._early.append((name, item))
        return True

    def ended(self, subscriber: Subscriber, error: Exception) -> bool:
        address = cast("TcpAddress", subscriber.address)
        if self._nodes.get(address) is not subscriber:
            return True  # we left it ourselves
        self._leave(subscriber)
        names = subscriber.subscriptions.of(_SSUBSCRIBE)
        if not names or self._closed:
            return True
        if self._backoff is None or not (isinstance(error, PyRedisError) and may_pass(error)):
            self._fail(error)
            return True
        _log.info("lost the connection to %s and its %d shard channels: %s", address, len(names), error)
        self._cluster.refresh_soon(avoid=address)
        self._lose(names, Loss(subscriber.heard_at, error))
        return True

    # -- the gap

    def _lose(self, names: Sequence[bytes], loss: Loss) -> None:
        """Look for the node of channels that have none; a gap that was not announced yet goes on."""
        self._drop_early(names)
        for name in names:
            self._lost.setdefault(name, loss)
        if not self._closed and not self._mends:
            self._mending = asyncio.get_running_loop().create_task(self._restore())

    def _drop_early(self, names: Sequence[bytes]) -> None:
        if self._early:
            dropped = set(names)
            self._early = [(name, item) for name, item in self._early if name not in dropped]

    def _announce(self, home: TcpAddress, names: Sequence[bytes]) -> None:
        """Tell the reader of the longest gap of the channels that ``home`` has now, and what came after it.

        One that ``home`` had and lost while whoever asked was being woken is still lost.
        """
        node = self._nodes.get(home)
        if node is None:
            return
        back = [name for name in self._still_lost(names) if node.subscriptions.has(_SSUBSCRIBE, name)]
        if not back:
            return
        loss = min((self._lost.pop(name) for name in back), key=lambda loss: loss.since)
        seconds = asyncio.get_running_loop().time() - loss.since
        self._inbox.put(Reconnected(home, seconds, loss.error))
        _log.info("%d shard channels are at %s after %.3f seconds", len(back), home, seconds)
        released = [item for name, item in self._early if name not in self._lost]
        self._early = [(name, item) for name, item in self._early if name in self._lost]
        for item in released:
            self._inbox.put(item, size_of(item))

    # -- mending

    async def _restore(self) -> None:
        try:
            await self._settle_all()
        except Exception as error:  # noqa: BLE001  the task has no caller; its readers are told
            self._fail(error)

    async def _settle_all(self) -> None:
        """Subscribe the channels that have no node where they belong now, until there are none."""
        backoff = self._backoff or Backoff()
        attempt = 0
        while self._lost:
            failure = await self._settle()
            if failure is None:
                attempt = 0  # what is lost now was lost meanwhile
                continue
            if not (_passes(failure) and backoff.allows(attempt + 1)):
                raise failure
            await asyncio.sleep(min(backoff.delay(attempt, random.random()), _SUSPENSE))
            self._cluster.refresh_soon()
            attempt += 1

    async def _settle(self) -> PyRedisError | None:
        """Subscribe what has no node; return why something could not be, rather what does not pass."""
        slots = by_slot(self._lost)
        try:
            owners = await self._owners(slots)
        except PyRedisError as error:
            return error
        unserved = owners.pop(None, None)
        told = await asyncio.gather(
            *(self._settle_at({slot: slots[slot] for slot in own}) for own in owners.values())
        )
        failures = [failure for failure in told if failure is not None]
        if unserved:
            failures.append(ClusterError(f"no node serves slot {unserved[0]}"))
        return min(failures, key=_passes, default=None)

    async def _owners(self, slots: Iterable[int]) -> dict[TcpAddress | None, list[int]]:
        """Return which node has which of the slots; None has those that nobody serves."""
        topology = await self._cluster.learn()
        if any(topology.shard(slot) is None for slot in slots):
            topology = await self._cluster.refresh()
        owners: dict[TcpAddress | None, list[int]] = {}
        for slot in slots:
            shard = topology.shard(slot)
            owners.setdefault(None if shard is None else shard.primary, []).append(slot)
        return owners

    async def _settle_at(self, slots: Mapping[int, Sequence[bytes]]) -> PyRedisError | None:
        """Subscribe channels that should be at one node, and announce their gap once; return what went wrong.

        After a failure a slot more would fare no better there, and take its time.
        """
        homes: dict[TcpAddress, list[bytes]] = {}
        try:
            for slot, names in slots.items():
                home = await self._subscribe(slot, partial(self._still_lost, names), _SUSPENSE)
                homes.setdefault(home, []).extend(names)
        except PyRedisError as error:
            return error
        finally:
            for home, names in homes.items():
                self._announce(home, names)
        return None

    def _still_lost(self, names: Iterable[bytes]) -> Sequence[bytes]:
        return [name for name in names if name in self._lost]


def _passes(failure: PyRedisError) -> bool:
    return may_pass(failure) or isinstance(failure, ClusterError)


def slot_of(names: Sequence[bytes]) -> int:
    """Return the slot of shard channels; ClusterError when they have not got one slot."""
    slots = {key_slot(name) for name in names}
    if len(slots) != 1:
        raise ClusterError(
            f"the shard channels lie in {len(slots)} slots; subscribe to those of each slot on their own, "
            "or give them the same {hash tag}"
        )
    return slots.pop()


def by_slot(names: Iterable[bytes]) -> dict[int, list[bytes]]:
    """Return the shard channels of each slot."""
    slots: dict[int, list[bytes]] = {}
    for name in names:
        slots.setdefault(key_slot(name), []).append(name)
    return slots


async def end_at(node: Subscriber, names: Sequence[bytes]) -> None:
    """Return when a node has none of the shard channels, which are of one slot, any more."""
    here = node.expects(_SSUBSCRIBE, names)
    if not here:
        return
    try:
        await node.ask(_SUNSUBSCRIBE, *here)
    except MovedError:
        node.subscriptions.note((_SUNSUBSCRIBE, *here))  # its server ended them when the slot went
