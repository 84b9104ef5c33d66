"""What comes over a connection by itself: messages that wait until they are read, and the end.

It knows the two kinds of connection, those of asyncio and those that block, and nothing of what a message says.
"""

from __future__ import annotations

from collections import deque
from time import monotonic

from pyredis.exceptions import PyRedisConnClosed

TYPE_CHECKING = False
if TYPE_CHECKING:
    import asyncio
    from collections.abc import AsyncGenerator
    from typing import Final, TypeGuard

    from pyredis.client.async_client import AsyncClient
    from pyredis.types import Reply
    from pyredis_cli.core.lease import Lease

__all__ = ["Inbox", "blocks", "let_the_network_speak"]

_FULL: Final = 1_000
"""So many unread messages, and the network is left to wait."""


class Inbox:
    """Holds the messages that nobody has read yet, in the order in which they came."""

    def __init__(self) -> None:
        self._unread: deque[Reply] = deque()
        self._arrived: asyncio.Event | None = None
        """Is set when a message comes, while somebody waits for one."""

    def __len__(self) -> int:
        return len(self._unread)

    def put(self, message: Reply) -> bool:
        """Keep a message; return whether there is room for more."""
        self._unread.append(message)
        if self._arrived is not None:
            self._arrived.set()
        return len(self._unread) < _FULL

    def clear(self) -> None:
        self._unread.clear()

    async def messages(
        self, client: AsyncClient | None, deadline: float | None
    ) -> AsyncGenerator[Reply, None]:
        """Yield each message of a connection as it comes, until ``deadline`` (monotonic).

        Ends when nothing is subscribed any more; leaving it early closes the connection. Raises the error that
        ended the connection.
        """
        finished = False
        try:
            while client is not None:
                while self._unread:
                    yield self._unread.popleft()
                    if not self._unread:
                        client.resume()
                if client.closed:
                    raise client.error or PyRedisConnClosed(f"the connection to {client.address} is closed")
                if not (client.subscriptions or client.monitoring):
                    break
                left = None if deadline is None else deadline - monotonic()
                if left is not None and left <= 0:
                    return
                await self._next_arrival(client, left)
            finished = True
        finally:
            if not finished and client is not None:
                client.close()

    async def _next_arrival(self, client: AsyncClient, seconds: float | None) -> None:
        """Return when a message is there, the connection is gone or the seconds are over."""
        if blocks(client):
            client.heard(seconds)
            return
        import asyncio

        self._arrived = asyncio.Event()
        gone = asyncio.ensure_future(client.wait_closed())
        arrived = asyncio.ensure_future(self._arrived.wait())
        try:
            await asyncio.wait({gone, arrived}, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        finally:
            gone.cancel()
            arrived.cancel()


async def let_the_network_speak(client: AsyncClient) -> None:
    """See an end of file that has come already, before anything is written."""
    if blocks(client):
        client.heard(0)
        return
    from asyncio import sleep

    # The first turn resumes this task before the sockets' callbacks, the second one after them.
    await sleep(0)
    await sleep(0)


def blocks(client: AsyncClient) -> TypeGuard[Lease]:
    """Whether a connection blocks."""
    return hasattr(client, "heard")
