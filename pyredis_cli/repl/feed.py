"""What comes by itself, messages, invalidations, notices of our own, until it is on the screen.

It hands things over in batches: to draw a prompt anew for each of thousands of messages would be felt at each key.
It knows neither terminals nor replies.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Awaitable, Callable
from typing import Final, NamedTuple, TypeAlias

from pyredis.types import Reply
from pyredis_cli.repl.monitored import MonitorLine

__all__ = ["Feed", "Item", "Notice", "Seen", "Unasked"]

_FULL: Final = 1_000
_PAUSE: Final = 0.05  # seconds between two batches


class Unasked(NamedTuple):
    """What a server sent, and when, in seconds of the epoch."""

    at: float
    reply: Reply


class Notice(NamedTuple):
    """What we say of ourselves."""

    text: str


class Seen(NamedTuple):
    """A line of MONITOR, taken apart and as it came."""

    line: MonitorLine
    text: bytes


Item: TypeAlias = Unasked | Notice | Seen


class Feed:
    """Gives what is put into it to ``show``, in order; whoever puts in must stop when there is no room."""

    def __init__(self, show: Callable[[list[Item]], Awaitable[None]]) -> None:
        self._show = show
        self._items: deque[Item] = deque()
        self._filled = asyncio.Event()

    def put(self, reply: Reply) -> bool:
        """Take what a server sent; return whether there is room for more."""
        self._add(Unasked(time.time(), reply))
        return len(self._items) < _FULL

    def offer(self, line: MonitorLine, text: bytes) -> bool:
        """Take a line of MONITOR if there is room for it."""
        if len(self._items) >= _FULL:
            return False
        self._add(Seen(line, text))
        return True

    def tell(self, text: str) -> None:
        """Take a notice."""
        self._add(Notice(text))

    def _add(self, item: Item) -> None:
        self._items.append(item)
        self._filled.set()

    async def run(self) -> None:
        """Show what comes, for ever."""
        while True:
            await self._filled.wait()
            self._filled.clear()
            # Whoever else has something to say waits for one batch at most.
            batch = [self._items.popleft() for _ in range(min(len(self._items), _FULL))]
            await self._show(batch)
            if self._items:
                self._filled.set()
            await asyncio.sleep(_PAUSE)
