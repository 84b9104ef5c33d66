"""The nodes of a session in a cluster: the map, the connections left open, and what happens around a command.

It drives what ``core.nodes`` and the library decide. The session stays the one who sends: it is asked to go to a
node, to send again, or to send one command behind ASKING. What no node executed is sent again; nothing else is.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Final, NamedTuple, Protocol

from pyredis.address import Address, NatMap, TcpAddress
from pyredis.client.async_client import AsyncClient
from pyredis.client.cluster_map import ClusterMap
from pyredis.client.redirects import PATIENCE
from pyredis.cluster.redirect import Ask, GiveUp, Move, Reconnect, Wait
from pyredis.cluster.topology import Topology
from pyredis.exceptions import AskError, MovedError, PyRedisConnError, PyRedisError, ReplyError
from pyredis.pool.async_pool import AsyncPool
from pyredis.types import Reply
from pyredis_cli.core.nodes import called, elsewhere, lost_way, not_followed, slot_of, slots_of, verdict
from pyredis_cli.core.outcome import Outcome
from pyredis_cli.core.wanted import Wanted

__all__ = ["Cluster", "Seat"]

logger = logging.getLogger(__name__)

_MAP_LIMIT: Final = 2.0  # seconds that a command waits for the map; without one the redirects lead there


class Seat(Protocol):
    """What a session does for its cluster."""

    @property
    def address(self) -> Address: ...
    @property
    def connected(self) -> bool: ...
    @property
    def in_transaction(self) -> bool: ...
    @property
    def losses(self) -> str:
        """What would end if the session went to another node, in words; empty when nothing."""

    async def another(self, at: TcpAddress | None = None) -> AsyncClient:
        """Return one more connection, to the node ``at``."""

    async def go(self, slot: int, address: TcpAddress) -> None:
        """Be at a node from now on, and say so."""

    async def send(self, outcome: Outcome) -> Outcome:
        """Return what becomes of the command at the node that the session is at."""

    async def send_asking(self, outcome: Outcome, slot: int, address: TcpAddress) -> Outcome:
        """Return what becomes of the command behind ASKING at another node, and say so; the session stays."""


class _Left(NamedTuple):
    client: AsyncClient
    wanted: Wanted
    """What had been done to it."""


class Cluster:
    """What one session knows and holds of a cluster; ``others`` are tried when its first node is not there."""

    def __init__(
        self, others: Sequence[TcpAddress] = (), *, tls: bool = False, natmap: NatMap | None = None
    ) -> None:
        self.others = tuple(others)
        self.natmap: NatMap = natmap or {}
        """Where nodes are reached that call each other by other addresses."""
        self.between = False
        """Whether the command that runs is not at any node: it waits, or the session is on its way."""
        self._tls = tls
        self._seat: Seat | None = None
        self._map: ClusterMap | None = None
        self._pools: dict[Address, AsyncPool] = {}
        self._left: dict[Address, _Left] = {}
        self._met = False
        """Whether a command with a key has been sent: a session of one command needs no map."""
        self._unasked = True
        """Whether asking for the map may help: nobody was asked since somebody redirected."""

    def seat(self, seat: Seat, pool: AsyncPool) -> None:
        """Serve this session, which begins with a pool."""
        assert isinstance(pool.address, TcpAddress)
        self._seat, self._pools[pool.address] = seat, pool
        self._map = ClusterMap((pool.address, *self.others), self._ask, tls=self._tls, natmap=self.natmap)

    @property
    def known(self) -> tuple[TcpAddress, ...]:
        """The nodes that it has heard of: those of the map, and those that it has been at."""
        topology = self._map.topology if self._map is not None else None
        been = (address for address in self._pools if isinstance(address, TcpAddress))
        return tuple(dict.fromkeys((*(topology.nodes if topology is not None else ()), *been, *self.others)))

    # -- around a command

    async def route(self, outcome: Outcome) -> Outcome:
        """Have the session go to the node of a command, as far as it is known; its error when there is none."""
        seat, here = self._place()
        if seat.losses or not slots_of(outcome.argv, outcome.spec):
            return outcome
        with self._between():
            topology = await self._topology(here, lost=not seat.connected)
        if topology is None:
            return outcome
        try:
            slot = slot_of(outcome.argv, outcome.spec)
        except ReplyError as error:
            return outcome._replace(error=error)
        if slot is not None and (node := elsewhere(topology, slot, here)) is not None:
            with self._between():
                await self._go(seat, slot, node)
        return outcome

    @contextmanager
    def _between(self) -> Iterator[None]:
        self.between = True
        try:
            yield
        finally:
            self.between = False

    async def _go(self, seat: Seat, slot: int, node: TcpAddress) -> None:
        """Go where the map says; where nobody is, the map may be an old one."""
        try:
            await seat.go(slot, node)
        except PyRedisConnError:
            topology = await self._refreshed(avoid=node)
            other = elsewhere(topology, slot, node)
            if other is None:
                raise
            await seat.go(slot, other)

    async def follow(self, outcome: Outcome) -> Outcome:
        """Return what became of a command once redirects were followed, and a busy cluster was waited for.

        A transaction is never followed: its commands are queued where it began, and EXEC is nothing without them.
        """
        if outcome.effect == "exec":
            return outcome
        seat, asked = self._place()
        self._met = self._met or bool(slots_of(outcome.argv, outcome.spec))
        unsent = outcome._replace(error=None)
        loop = asyncio.get_running_loop()
        ends = loop.time() + PATIENCE
        attempt = 0
        while isinstance(error := outcome.error, ReplyError) and not seat.in_transaction:
            match verdict(error, attempt, outcome.spec, asked, self.natmap):
                case GiveUp(reason):
                    return outcome._replace(error=reason)
                case Move(address, slot):
                    self._moved(slot, address)
                    if seat.losses and address != seat.address:
                        return outcome
                    with self._between():
                        await seat.go(slot, address)
                    outcome = await seat.send(unsent)
                    asked = address
                case Ask(address):
                    assert isinstance(error, AskError)
                    outcome = await seat.send_asking(unsent, error.slot, address)
                    asked = address
                case Wait(seconds) | Reconnect(seconds) as pause:
                    if isinstance(error, MovedError | AskError) and isinstance(pause, Reconnect):
                        return await self._found(seat, outcome, error, asked)
                    if loop.time() + seconds > ends:
                        return outcome
                    with self._between():
                        await asyncio.sleep(seconds)
                        if isinstance(pause, Reconnect) and not seat.losses:
                            await self._go_by_map(seat, outcome, asked)
                    outcome = await seat.send(unsent)
                    _, asked = self._place()
            attempt += 1
        return outcome

    async def _go_by_map(self, seat: Seat, outcome: Outcome, avoid: TcpAddress) -> None:
        """Go where the command belongs by now, if that is somewhere else."""
        for slot in slots_of(outcome.argv, outcome.spec)[:1]:
            node = elsewhere(await self._refreshed(avoid=avoid), slot, avoid)
            if node is not None:
                await seat.go(slot, node)

    async def _found(
        self, seat: Seat, outcome: Outcome, error: MovedError | AskError, asked: TcpAddress
    ) -> Outcome:
        """Return what became of a command whose node the one that redirects cannot name, if the map can."""
        with self._between():
            topology = await self._refreshed(avoid=asked)
            node = elsewhere(topology, error.slot, asked) if error.slot >= 0 else None
            if node is None or seat.losses or isinstance(error, AskError):
                return outcome._replace(error=lost_way(error, asked))
            await seat.go(error.slot, node)
        return await seat.send(outcome._replace(error=None))

    def called(self, address: TcpAddress) -> str:
        """Return the address of a node for a person."""
        return called(address, self.natmap)

    def explanation(self, outcome: Outcome) -> str:
        """Return why a redirect is only shown, empty when there is nothing to explain."""
        seat, here = self._place()
        return not_followed(outcome, here, self.natmap, transaction=seat.in_transaction, bound=seat.losses)

    def _place(self) -> tuple[Seat, TcpAddress]:
        assert self._seat is not None
        address = self._seat.address
        assert isinstance(address, TcpAddress)
        return self._seat, address

    # -- the map

    async def _topology(self, here: TcpAddress, *, lost: bool) -> Topology | None:
        """Return the map, asked for when it is needed and somebody may have one."""
        assert self._map is not None
        if self._map.topology is not None:
            return await self._refreshed(avoid=here) if lost else self._map.topology
        if self._met and self._unasked:
            self._unasked = False
            return await (self._refreshed(avoid=here) if lost else self._refreshed(hint=here))
        return None

    async def _refreshed(
        self, *, hint: TcpAddress | None = None, avoid: TcpAddress | None = None
    ) -> Topology | None:
        """Return the map as it is now, or as it was when nobody tells in time."""
        assert self._map is not None
        try:
            async with asyncio.timeout(_MAP_LIMIT):
                return await self._map.refresh(hint=hint, avoid=avoid)
        except (PyRedisError, TimeoutError) as error:
            logger.debug("no map of the cluster: %s", error)
        return self._map.topology

    def _moved(self, slot: int, address: TcpAddress) -> None:
        """Take note of a slot's new node; the next command has the map asked for, if there was none."""
        assert self._map is not None
        self._unasked = True
        if self._map.topology is not None:
            self._map.moved(slot, address)

    async def _ask(self, address: TcpAddress, words: tuple[bytes, ...]) -> Reply:
        """Return a node's reply on a connection beside the session's."""
        seat, _ = self._place()
        client = await seat.another(address)
        try:
            return await client.execute(*words)
        finally:
            await release(client)

    # -- connections

    def pool_at(self, address: Address) -> AsyncPool:
        """Return the pool of a node, made like another one when there is none."""
        pool = self._pools.get(address)
        if pool is None:
            pool = self._pools[address] = next(iter(self._pools.values())).at(address)
        return pool

    async def replaced(self, pool: AsyncPool) -> None:
        """Hear that the session has other credentials now: nothing of the old ones is used any more."""
        await self._forget(but=pool)

    async def leave(self, client: AsyncClient, wanted: Wanted) -> None:
        """Keep the connection to a node that the session leaves; ``wanted`` is what was done to it."""
        if client.closed:
            await release(client)
        else:
            self._left[client.address] = _Left(client, wanted)

    async def arrive(
        self, seat: Seat, slot: int, address: TcpAddress, wanted: Wanted
    ) -> tuple[AsyncClient, tuple[str, ...]]:
        """Return a connection to the node of a slot, in the state wanted, and what was not done to it.

        PyRedisConnError says why there is none.
        """
        try:
            return await self._arrived_at(seat, address, wanted)
        except (PyRedisConnError, ReplyError) as error:
            reason = f"slot {slot} is at {self.called(address)}, where the session cannot go: {error}"
            raise PyRedisConnError(reason, address=str(address)) from error

    async def _arrived_at(
        self, seat: Seat, address: TcpAddress, wanted: Wanted
    ) -> tuple[AsyncClient, tuple[str, ...]]:
        left = self._left.pop(address, None)
        if left is not None:
            if not left.client.closed and left.wanted.steps() == wanted.steps():
                return left.client, tuple(name for name in wanted.undone if name not in left.wanted.undone)
            left.client.close()
            await release(left.client)
        return await seat.another(address), wanted.undone

    async def close(self) -> None:
        """Close what was left open, the pools and the map."""
        assert self._map is not None
        self._map.close()
        await self._map.wait_closed()
        await self._forget()

    async def _forget(self, but: AsyncPool | None = None) -> None:
        left, self._left = self._left, {}
        pools, self._pools = self._pools, {} if but is None else {but.address: but}
        for one in left.values():
            one.client.close()
            await release(one.client)
        for pool in pools.values():
            if pool is not but:
                await pool.close()


async def release(client: AsyncClient) -> None:
    """Give a connection back to the pool that it is from."""
    assert isinstance(client.pool, AsyncPool)
    await client.pool.release(client)
