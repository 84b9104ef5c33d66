"""A bounded buffer between a connection, which cannot wait, and its readers, which can.

It knows items, their sizes and who waits for them, never what they are or where they come from. It drops nothing:
when it is full it says so, and whoever fills it stops reading the network.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from typing import Generic, TypeVar

__all__ = ["BUFFER_BYTES", "BUFFER_SIZE", "Inbox"]

BUFFER_SIZE = 10_000
BUFFER_BYTES = 64 * 1024 * 1024

T = TypeVar("T")


class Inbox(Generic[T]):
    """Items in the order they came; each is given to one reader.

    It is ``full`` from ``max_items`` items or ``max_bytes`` of them on, until half of that is left; ``turned`` is
    called each time that changes.
    """

    def __init__(self, max_items: int, max_bytes: int, turned: Callable[[], None]) -> None:
        for option, value in (("buffer_size", max_items), ("buffer_bytes", max_bytes)):
            if isinstance(value, bool) or not isinstance(value, int):
                raise TypeError(f"{option} must be an int, not {type(value).__name__}")
            if value < 1:
                raise ValueError(f"{option} must be at least 1, got {value}")
        self.full = False
        self._max_items = max_items
        self._max_bytes = max_bytes
        self._turned = turned
        self._items: deque[tuple[T, int]] = deque()
        self._bytes = 0
        self._readers: deque[asyncio.Future[None]] = deque()
        self._end: Exception | None = None

    def __len__(self) -> int:
        return len(self._items)

    def put(self, item: T, size: int = 0) -> None:
        """Take an item of ``size`` bytes, full or not; nothing is taken after the end."""
        if self._end is not None:
            return
        self._items.append((item, size))
        self._bytes += size
        self._wake_reader()
        if not self.full and (len(self._items) >= self._max_items or self._bytes >= self._max_bytes):
            self.full = True
            self._turned()

    async def get(self, timeout: float | None = None) -> T | None:
        """Return the next item, or None when there is none within ``timeout`` seconds; 0 does not wait.

        A reader that is cancelled leaves the item to the next one. After the end, and after what came before
        it, the error of the end is raised.
        """
        if timeout is not None and not timeout >= 0:
            raise ValueError(f"timeout must be 0 or more seconds, or None for no limit; got {timeout}")
        if not self._items:
            try:
                async with asyncio.timeout(timeout):
                    await self._readable()
            except TimeoutError:
                if not self._items and self._end is None:
                    return None
        return self._take()

    def end(self, error: Exception, *, discard: bool = False) -> None:
        """Take nothing more; readers get what is left, unless it is discarded, and then the error."""
        if discard:
            self._items.clear()
        if self._end is None:
            self._end = error
        for reader in self._readers:
            if not reader.done():
                reader.set_result(None)

    async def _readable(self) -> None:
        """Return when there is something to take: an item, or the end."""
        while not self._items and self._end is None:
            reader = asyncio.get_running_loop().create_future()
            self._readers.append(reader)
            try:
                await reader
            except asyncio.CancelledError:
                if not reader.cancelled():  # the item that woke it is somebody else's now
                    self._wake_reader()
                raise
            finally:
                self._readers.remove(reader)

    def _wake_reader(self) -> None:
        for reader in self._readers:
            if not reader.done():
                reader.set_result(None)
                return

    def _take(self) -> T:
        if not self._items:
            assert self._end is not None
            raise self._end.with_traceback(None)
        item, size = self._items.popleft()
        self._bytes -= size
        if self.full and 2 * len(self._items) <= self._max_items and 2 * self._bytes <= self._max_bytes:
            self.full = False
            self._turned()
        return item
