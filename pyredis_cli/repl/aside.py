"""A connection beside the session's, for what is asked while a person types.

It follows the session: another server, another user, and there is another connection, or none.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pyredis.exceptions import PyRedisError

if TYPE_CHECKING:
    from pyredis.client.async_client import AsyncClient
    from pyredis_cli.core.session import Session
    from pyredis_cli.core.standing import Pool

__all__ = ["Aside"]


class Aside:
    """Opens the connection when it is first asked for, and keeps it."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._client: AsyncClient | None = None
        self._pool: Pool | None = None
        self._user: str | None = None
        """Where the connection is from, and as whom."""

    async def client(self) -> AsyncClient:
        """Return the connection, as the user of the session, in some database.

        Raises PyRedisError when there is none, or the session has got another user while it was opened.
        """
        client, session = self._client, self._session
        stale = self._pool is not session.pool or self._user != session.username
        if client is None or client.closed or stale or client.address != session.address:
            await self.hang_up()
            self._pool, self._user = session.pool, session.username
            client = self._client = await session.another()
        if client.username != session.username:
            raise PyRedisError("the session has another user now")
        return client

    async def hang_up(self) -> None:
        """Give the connection back."""
        client, self._client = self._client, None
        if client is not None and self._pool is not None:
            await self._pool.release(client)
