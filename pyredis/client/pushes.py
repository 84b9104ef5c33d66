"""The pushes of one connection as an asynchronous iterator.

It knows a connection that commands are executed on, and what came there unasked; never what a push means.
"""

from __future__ import annotations

import asyncio
from types import TracebackType
from typing import Self, cast

from pyredis.client.inbox import BUFFER_BYTES, BUFFER_SIZE, Inbox
from pyredis.connection.async_connection import AsyncConnection
from pyredis.exceptions import PyRedisConnClosed
from pyredis.types import Reply

__all__ = ["Pushes"]


class Pushes:
    """What comes unasked on an open connection, from now on: invalidations, published messages, lines of MONITOR.

        await client.execute("HELLO", 3)
        async with Pushes(client) as pushes:
            await client.execute("CLIENT", "TRACKING", "ON")
            async for push in pushes:  # Push([b"invalidate", [b"key"]])
                ...

    It takes the place of the callback. When the connection ends, what came before is still given, and then the
    reason is raised; after ``close`` the iteration ends. No push is dropped: with ``buffer_size`` pushes or
    ``buffer_bytes`` unread, the connection is not read until half of them are taken, so the reply of a command
    may be late by then.
    """

    def __init__(
        self,
        connection: AsyncConnection,
        *,
        buffer_size: int = BUFFER_SIZE,
        buffer_bytes: int = BUFFER_BYTES,
    ) -> None:
        self._connection = connection
        self._inbox: Inbox[Reply] = Inbox(buffer_size, buffer_bytes, self._regulate)
        self._dismissed = False
        connection.on_unasked(self._hear)
        self._watch = asyncio.create_task(self._end_with_connection())

    def __repr__(self) -> str:
        return f"<{type(self).__name__} of {self._connection!r}, {self.buffered} unread>"

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Reply:
        try:
            return await self.get()
        except PyRedisConnClosed:
            if self._dismissed:
                raise StopAsyncIteration from None
            raise

    async def get(self, timeout: float | None = None) -> Reply:
        """Return the next push, or None when there is none within ``timeout`` seconds; 0 does not wait.

        A caller that is cancelled leaves the push to the next one.
        """
        return await self._inbox.get(timeout)

    def close(self) -> None:
        """Take nothing more; pushes are dropped from now on, and the connection goes on."""
        if self._dismissed:
            return
        self._dismissed = True
        self._watch.cancel()
        if not self._connection.closed and self._connection.is_heard_by(self._hear):
            self._connection.on_unasked(None)
            self._connection.resume()
        self._inbox.end(self._closed(), discard=True)

    @property
    def buffered(self) -> int:
        """How many pushes came and were not read yet."""
        return len(self._inbox)

    def _hear(self, push: Reply) -> None:
        self._inbox.put(push, _size(push))

    def _regulate(self) -> None:
        if self._connection.closed:
            return
        if self._inbox.full:
            self._connection.pause()
        else:
            self._connection.resume()

    async def _end_with_connection(self) -> None:
        await self._connection.wait_closed()
        self._inbox.end(self._connection.error or self._closed())

    def _closed(self) -> PyRedisConnClosed:
        address = self._connection.address
        return PyRedisConnClosed(f"the pushes of {address} are closed", address=str(address))


def _size(push: Reply) -> int:
    """Return about how many bytes a push holds: those of its strings and of the names in its lists."""
    if isinstance(push, (bytes, str)):
        return len(push)
    if isinstance(push, list):
        return sum(_size(cast("Reply", part)) for part in push)
    return 0
