"""What a cluster looks like, learnt from its nodes and kept fresh.

It knows whom to ask and when to ask again; how a node is asked is its owner's affair, and what the answer means
the topology's. One question is on its way at a time: whoever wants the map meanwhile waits for the same answer. A
node that is silent does not hold it up, for after a moment the next one is asked, too.
"""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Awaitable, Callable, Iterator, Sequence
from copy import copy
from typing import Final, TypeAlias

from pyredis.address import NatMap, TcpAddress
from pyredis.cluster.topology import Topology, from_shards, from_slots
from pyredis.exceptions import (
    ClusterError,
    NoPerm,
    PyRedisConnClosed,
    PyRedisConnError,
    PyRedisError,
    ReplyError,
)
from pyredis.types import Reply

__all__ = ["Ask", "ClusterMap", "addresses_of"]

_log = logging.getLogger(__name__)

_IMPATIENCE: Final = 0.1  # seconds for one node to answer, before the next one is asked as well
_PAUSE: Final = 0.05  # seconds between two questions: a slot that moves brings one MOVED from every task

_CLOSED: Final = "the map of the cluster was closed"

Ask: TypeAlias = Callable[[TcpAddress, tuple[bytes, ...]], Awaitable[Reply]]
"""How a node is asked: raises PyRedisError when it does not answer."""


def addresses_of(name: str, pairs: Sequence[object]) -> tuple[TcpAddress, ...]:
    """Return the addresses of ``[(host, port), ...]``; what is none is TypeError or ValueError."""
    if isinstance(pairs, (str, bytes)):
        raise TypeError(f"{name} is a list of (host, port), not one {type(pairs).__name__}")
    addresses = []
    for pair in pairs:
        if not isinstance(pair, (tuple, list)) or len(pair) != 2:
            raise TypeError(f"each of {name} is (host, port), got {pair!r}")
        addresses.append(TcpAddress(*pair))
    if not addresses:
        raise ValueError(f"{name} is empty; give at least one (host, port)")
    return tuple(addresses)


class ClusterMap:
    """The topology of one cluster. ``on_change`` is called with every new one.

    Its nodes stand where they are reached, which ``natmap`` says of those that call each other by other addresses.
    """

    def __init__(
        self, seeds: Sequence[TcpAddress], ask: Ask, *, tls: bool = False, natmap: NatMap | None = None
    ) -> None:
        self.seeds = tuple(seeds)
        self.topology: Topology | None = None
        self.on_change: Callable[[Topology], None] | None = None
        self._ask = ask
        self.natmap: NatMap = natmap or {}
        self._tls = tls
        self._looking: asyncio.Task[Topology | PyRedisError] | None = None
        self._looked_at = float("-inf")
        self._closed = False

    # -- asking for it

    async def learn(self) -> Topology:
        """Return the topology, asked for when it is not known yet."""
        return self.topology or await self.refresh()

    async def look(self) -> Topology:
        """Return the topology as it is now, which is for a moment what it was found to be."""
        if self.topology is not None and asyncio.get_running_loop().time() < self._looked_at + _PAUSE:
            return self.topology
        return await self.refresh()

    async def refresh(self, *, hint: TcpAddress | None = None, avoid: TcpAddress | None = None) -> Topology:
        """Return the topology as a node sees it now: ``hint`` is asked first, ``avoid`` last.

        Raises PyRedisConnError when no node answers, and the ReplyError of a server that refuses to.
        """
        if self._closed:
            raise PyRedisConnClosed(_CLOSED)
        looking = self._look_soon(hint, avoid)
        await asyncio.wait([looking])
        outcome = PyRedisConnClosed(_CLOSED) if looking.cancelled() else looking.result()
        if isinstance(outcome, PyRedisError):
            raise copy(outcome)
        return outcome

    def refresh_soon(self, *, hint: TcpAddress | None = None, avoid: TcpAddress | None = None) -> None:
        """Have the topology asked for in the background."""
        if not self._closed:
            self._look_soon(hint, avoid)

    def moved(self, slot: int, address: TcpAddress) -> None:
        """Take note of a slot's new node; where one slot went, others may have gone."""
        if self.topology is not None:
            self._learnt(self.topology.moved(slot, address))
        self.refresh_soon(hint=address)

    def close(self) -> None:
        """Ask no more; who waits for an answer gets PyRedisConnClosed."""
        self._closed = True
        if self._looking is not None and not self._looking.get_loop().is_closed():
            self._looking.cancel()

    async def wait_closed(self) -> None:
        """Return when nothing is being asked any more."""
        if self._looking is not None:
            await asyncio.wait([self._looking])

    # -- how it is asked for

    def _look_soon(
        self, hint: TcpAddress | None, avoid: TcpAddress | None
    ) -> asyncio.Task[Topology | PyRedisError]:
        if self._looking is None or self._looking.done():
            self._looking = asyncio.get_running_loop().create_task(self._look(hint, avoid))
        return self._looking

    async def _look(self, hint: TcpAddress | None, avoid: TcpAddress | None) -> Topology | PyRedisError:
        """Return the first answer, or why there is none."""
        loop = asyncio.get_running_loop()
        try:
            await asyncio.sleep(self._looked_at + _PAUSE - loop.time())
            outcome = await self._first_answer(self._candidates(hint, avoid))
        except asyncio.CancelledError:
            return PyRedisConnClosed(_CLOSED)
        finally:
            self._looked_at = loop.time()
        if isinstance(outcome, Topology):
            self._learnt(outcome)
        return outcome

    def _learnt(self, topology: Topology) -> None:
        if topology != self.topology:
            _log.info("the cluster has %d shards, %d nodes", len(topology.shards), len(topology.nodes))
            self.topology = topology
            if self.on_change is not None:
                self.on_change(topology)

    def _candidates(self, hint: TcpAddress | None, avoid: TcpAddress | None) -> list[TcpAddress]:
        """Return whom to ask, in turn: primaries know first what has changed."""
        known: list[TcpAddress] = []
        if self.topology is not None:
            for nodes in (self.topology.primaries, self.topology.replicas):
                known += random.sample(nodes, len(nodes))
        order = dict.fromkeys([*([hint] if hint else []), *known, *self.seeds])
        return sorted(order, key=lambda address: address == avoid)

    async def _first_answer(self, candidates: Sequence[TcpAddress]) -> Topology | PyRedisError:
        waiting: Iterator[TcpAddress] = iter(candidates)
        asked: dict[asyncio.Task[Topology], TcpAddress] = {}
        told: dict[TcpAddress, PyRedisError] = {}
        try:
            while True:
                address = next(waiting, None)
                if address is not None:
                    asked[asyncio.get_running_loop().create_task(self._topology_of(address))] = address
                elif not asked:
                    return _unanswered(told)
                limit = _IMPATIENCE if address is not None else None
                done, _ = await asyncio.wait(asked, timeout=limit, return_when=asyncio.FIRST_COMPLETED)
                for task in done:
                    node, error = asked.pop(task), task.exception()
                    if error is None:
                        return task.result()
                    if not isinstance(error, PyRedisError):
                        raise error
                    told[node] = error
        finally:
            for task in asked:
                task.cancel()
            if asked:
                await asyncio.wait(asked)

    async def _topology_of(self, address: TcpAddress) -> Topology:
        """Return the cluster as one node sees it."""
        try:
            topology = from_slots(await self._ask(address, (b"CLUSTER", b"SLOTS")), address)
        except ReplyError as error:
            if not (isinstance(error, NoPerm) or "unknown" in error.message.lower()):
                raise
            reply = await self._ask(address, (b"CLUSTER", b"SHARDS"))
            topology = from_shards(reply, address, tls=self._tls)
        if not topology.shards:
            raise ClusterError(f"{address} knows of no node that serves a slot")
        return topology.reached_by(self.natmap)


def _unanswered(told: dict[TcpAddress, PyRedisError]) -> PyRedisError:
    """Return why there is no map: a server's refusal says more than a silent network."""
    for error in told.values():
        if isinstance(error, ReplyError):
            return error
    reasons = "; ".join(f"{address}: {error}" for address, error in told.items())
    error = PyRedisConnError(f"no node of the cluster tells what it looks like ({reasons})")
    error.causes = tuple(told.values())
    return error
