"""Looks at some of the keys of each node, and measures some of those: for so long, and no more than so many.

What was seen so far is there at any time, for whoever stops it. It decides nothing about prefixes.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Sequence
from time import monotonic
from typing import Final, NamedTuple

from pyredis.address import TcpAddress
from pyredis.commands.slots import key_slot
from pyredis.exceptions import ProtocolError, PyRedisError, ReplyError
from pyredis.types import Argument, Reply
from pyredis_cli.core.desk import Desk
from pyredis_cli.core.walking import Pace
from pyredis_cli.tools.keys.estimate import Cut, Measured, Outline, Seen, outlined, unmeasured

__all__ = ["Limits", "Survey"]

_LOOKING: Final = 0.6  # of the time; the rest is for measuring
_FIRST: Final = 3_000  # keys that are measured to learn which prefixes are large
_BATCH: Final = 250  # keys that are measured at once, a millisecond for the server
_BEYOND: Final = 10  # times as many keys are looked at where most do not fit a prefix


class Limits(NamedTuple):
    """For how long, and how many keys."""

    seconds: float = 2.0
    keys: int = 100_000


class _Node:
    """One node, and what was seen of it."""

    def __init__(self, address: TcpAddress | None, total: int, *, clustered: bool) -> None:
        self.address = address
        self.total = total
        self.looked = 0
        self.complete = False
        self.keys: dict[bytes, None] = {}
        self._slots: Counter[int] | None = Counter() if clustered else None

    def add(self, keys: Sequence[bytes], prefix: bytes) -> None:
        self.looked += len(keys)
        self.keys.update(dict.fromkeys(key for key in keys if key.startswith(prefix)))
        if self._slots is not None:
            self._slots.update(map(key_slot, keys))

    @property
    def seen(self) -> Seen:
        keys = list(self.keys)
        if self.complete:
            return Seen(self.looked, self.looked, keys, True)
        # More were seen than there are where SCAN showed some twice, or they went meanwhile.
        return Seen(max(self.total, self.looked), self.looked, keys, False, self._slots or {})


class Survey:
    """What is found out about the keys below a prefix; ``nodes`` and ``measured`` grow while it runs."""

    def __init__(self, desk: Desk, cut: Cut, limits: Limits, draw: random.Random) -> None:
        self.cut = cut
        self.measured: dict[bytes, Measured] = {}
        self.untold: dict[str, str] = {}
        """Why nothing is known of some nodes, or of memory."""
        self.seconds = 0.0
        self._desk = desk
        self._limits = limits
        self._draw = draw
        self._nodes: list[_Node] = []
        self._began = monotonic()
        self._where: dict[bytes, TcpAddress | None] = {}

    @property
    def nodes(self) -> list[Seen]:
        return [node.seen for node in self._nodes]

    @property
    def outline(self) -> Outline:
        return outlined(self.nodes, self.measured, self.cut)

    async def run(self) -> None:
        """Look and measure until time is up, the keys are as many as may be, or all were seen."""
        self._began = monotonic()
        try:
            await self._find_nodes()
            await self._look()
            await self._measure(self._some())
            await self._measure(unmeasured(self.outline, self.measured, self._draw))
        finally:
            self.seconds = monotonic() - self._began

    # -- looking

    async def _find_nodes(self) -> None:
        clustered = self._desk.session.in_cluster or await self._desk.try_to("CLUSTER", "MYID") is not None
        for address in await self._desk.primaries():
            try:
                (total,) = await self._desk.ask_all([("DBSIZE",)], address)
                if isinstance(total, ReplyError):
                    raise total
            except PyRedisError as error:
                if address is None:
                    raise
                self.untold[str(address)] = str(error)
                continue
            self._nodes.append(_Node(address, total if isinstance(total, int) else 0, clustered=clustered))
        if not self._nodes:
            raise PyRedisError("; ".join(f"{name}: {why}" for name, why in self.untold.items()))

    async def _look(self) -> None:
        """Look at keys of each node, at more where there are more."""
        left = sum(node.total for node in self._nodes)
        ends = self._began + self._limits.seconds * _LOOKING
        for node in self._nodes:
            share = node.total / left if left else 1.0
            left -= node.total
            now = monotonic()
            try:
                await self._look_at(node, now + max(0.0, ends - now) * share)
            except PyRedisError as error:
                if node.address is None:
                    raise
                self.untold[str(node.address)] = str(error)

    async def _look_at(self, node: _Node, ends: float) -> None:
        total = sum(other.total for other in self._nodes)
        most = self._limits.keys * node.total / total if total else self._limits.keys
        beyond = most * (_BEYOND if self.cut.prefix else 1)
        pace = Pace()
        cursor = b"0"
        while True:
            # The last page of a small database tells that it was all, whatever the budget.
            count = max(10, min(pace.size, int(beyond - node.looked) + 1))
            sent = monotonic()
            (reply,) = await self._desk.ask_all([("SCAN", cursor, "COUNT", count)], node.address)
            waited = monotonic() - sent
            pace.heard(waited, waited)
            cursor, keys = _page(reply)
            node.add(keys, self.cut.prefix)
            if cursor == b"0":
                node.complete = True
                return
            if len(node.keys) >= most or node.looked >= beyond or monotonic() >= ends:
                return

    # -- measuring

    def _some(self) -> list[bytes]:
        keys = [key for node in self._nodes for key in node.keys]
        return keys if len(keys) <= _FIRST else self._draw.sample(keys, _FIRST)

    async def _measure(self, keys: Sequence[bytes]) -> None:
        """Ask how much memory keys take and whether they expire, as long as there is time."""
        if not self._where:
            self._where = {key: node.address for node in self._nodes for key in node.keys}
        by_node: dict[TcpAddress | None, list[bytes]] = {}
        for key in keys:
            by_node.setdefault(self._where[key], []).append(key)
        batches = [
            (address, found[at : at + _BATCH])
            for address, found in by_node.items()
            for at in range(0, len(found), _BATCH)
        ]
        # In turn, so that of each node something is known when time is up.
        self._draw.shuffle(batches)
        for address, batch in batches:
            if monotonic() >= self._began + self._limits.seconds or "memory" in self.untold:
                return
            await self._measure_at(address, batch)

    async def _measure_at(self, address: TcpAddress | None, keys: Sequence[bytes]) -> None:
        commands: list[tuple[Argument, ...]] = []
        for key in keys:
            commands += [("MEMORY", "USAGE", key), ("PTTL", key)]
        replies = await self._desk.ask_all(commands, address)
        for key, memory, left in zip(keys, replies[::2], replies[1::2], strict=True):
            if isinstance(memory, ReplyError):
                self.untold.setdefault("memory", memory.message)
            if left == -2:  # it went meanwhile
                continue
            self.measured[key] = Measured(
                memory if isinstance(memory, int) else None, left != -1 if isinstance(left, int) else None
            )


def _page(reply: Reply) -> tuple[bytes, list[bytes]]:
    match reply:
        case ReplyError():
            raise reply
        case [bytes(cursor), list(keys)]:
            return cursor, [key for key in keys if isinstance(key, bytes)]
    raise ProtocolError("the server answered SCAN with something else than a cursor and keys")
