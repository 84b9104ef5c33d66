"""What a report asks servers on: connections beside the session, so that nothing of the session's is touched.

As the user of the session, in its database; in a cluster, at the node that has the key.
"""

from __future__ import annotations

from contextlib import contextmanager, suppress
from functools import partial
from typing import TYPE_CHECKING

from pyredis.address import Address, TcpAddress
from pyredis.cluster.redirect import target
from pyredis.cluster.topology import from_slots
from pyredis.exceptions import AskError, MovedError, PyRedisConnError, PyRedisError, ReplyError
from pyredis.resp.encode import argv
from pyredis_cli.core.looking import look_only

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from pyredis.client.async_client import AsyncClient
    from pyredis.commands.spec import Table
    from pyredis.types import Argument, Reply
    from pyredis_cli.core.session import Session
    from pyredis_cli.core.standing import Pool

__all__ = ["Desk"]


class Desk:
    """Asks one thing after the other; ``close`` gives the connections back. The session may stay unconnected."""

    def __init__(self, session: Session) -> None:
        self.session = session
        self._clients: dict[TcpAddress | None, AsyncClient] = {}
        self._pools: dict[TcpAddress | None, Pool] = {}
        self._user: str | None = None
        self.reached = False
        """Whether there was a connection once."""
        self.kept: dict[str, object] = {}
        """What somebody wants to know the next time that something is asked, by a name."""
        self.unseen = True
        """Whether looking at a key did not count as using it, as `look_only` wants."""
        self._looks_only = False
        self._told: set[AsyncClient] = set()
        self._roams = False
        self._instead: AsyncClient | None = None

    @property
    def table(self) -> Table:
        """What is known of the server's commands."""
        return self.session.table

    @property
    def address(self) -> Address:
        """Where the session is."""
        return self.session.address

    @property
    def database(self) -> int:
        return self.session.database

    def look_only(self) -> None:
        """Have keys that are looked at from now on not count as used, where servers can be told so."""
        self._looks_only = True

    @contextmanager
    def anywhere(self) -> Iterator[None]:
        """Ask another node of a cluster meanwhile when the one that the session is at is not there.

        For what is of the cluster, or of a key; what a node tells of itself only that node can tell.
        """
        self._roams = True
        try:
            yield
        finally:
            self._roams, self._instead = False, None

    async def reach(self) -> None:
        """Be connected to where the session is; raises why that cannot be."""
        await self._client(None)

    async def ask(self, *words: Argument) -> Reply:
        """Return the reply to a command, of the node that has its key; raises its ReplyError."""
        client = await self._client(None)
        try:
            return await client.execute(*words)
        except (MovedError, AskError) as error:
            there = self._elsewhere(error)
            if there is None:
                raise
            client = await self._client(there)
            if isinstance(error, MovedError):
                return await client.execute(*words)
            return await client.execute_after_asking(argv(words, None))

    async def try_to(self, *words: Argument) -> Reply | None:
        """Return the reply to a command, None when the server refuses it: what is missing is left out."""
        with suppress(ReplyError):
            return await self.ask(*words)
        return None

    async def ask_all(
        self, commands: Sequence[Sequence[Argument]], at: TcpAddress | None = None
    ) -> list[Reply]:
        """Return the replies to commands that are sent at once, errors in their places as ReplyError.

        They are asked of the node ``at``, or where the session is. What another node has is asked again there,
        all that one of them has at once.
        """
        replies = await self._sent(commands, at)
        moved: dict[TcpAddress, list[int]] = {}
        for place, reply in enumerate(replies):
            if isinstance(reply, MovedError) and (there := self._elsewhere(reply)) is not None:
                moved.setdefault(there, []).append(place)
        for there, places in moved.items():
            again = await self._sent([commands[place] for place in places], there)
            for place, reply in zip(places, again, strict=True):
                replies[place] = reply
        for place, reply in enumerate(replies):
            if isinstance(reply, MovedError | AskError) and self.session.in_cluster:
                try:
                    replies[place] = await self.ask(*commands[place])
                except ReplyError as error:
                    replies[place] = error
        return replies

    async def primaries(self) -> Sequence[TcpAddress | None]:
        """Return the primaries of the cluster; without one, None alone: where the session is.

        Raises the ReplyError of a node that does not tell what its cluster looks like.
        """
        address = self.session.address
        if not self.session.in_cluster or not isinstance(address, TcpAddress):
            return [None]
        topology = from_slots(await self.ask("CLUSTER", "SLOTS"), address)
        return topology.reached_by(self.session.natmap).primaries

    async def _sent(self, commands: Sequence[Sequence[Argument]], at: TcpAddress | None) -> list[Reply]:
        client = await self._client(at)
        await client.bulk_start()
        try:
            for command in commands:
                await client.execute(*command)
        finally:
            replies = await client.bulk_stop()
        return replies

    def _elsewhere(self, error: MovedError | AskError) -> TcpAddress | None:
        """Return the node that a server has named, None where redirects are not followed."""
        address = self.session.address
        if not self.session.in_cluster or not isinstance(address, TcpAddress):
            return None
        return target(error, address, self.session.natmap)

    async def _client(self, at: TcpAddress | None) -> AsyncClient:
        """Return a connection to the node ``at``, or to where the session is, in the session's database."""
        if at is None and self._instead is not None and not self._instead.closed:
            return self._instead
        session = self.session
        client = self._clients.get(at)
        if client is None or client.closed or self._is_stale(client, at):
            await self._give_back(at)
            self._user = session.username
            try:
                client = self._clients[at] = await session.let_in(partial(session.beside, at))
            except PyRedisConnError:
                if at is not None or not self._roams or (other := await self._other()) is None:
                    raise
                return other
            self._pools[at] = session.pool_of(at)
            self.reached = True
        if self._looks_only and client not in self._told:
            self._told.add(client)
            self.unseen = await look_only(client) and self.unseen
        if client.database != session.database:
            await client.execute("SELECT", session.database)
        return client

    async def _other(self) -> AsyncClient | None:
        """Return a connection to another node that is there, of those that somebody has heard of."""
        others = (address for address in self.session.known_nodes if address != self.session.address)
        for address in dict.fromkeys(address for address in (*others, *self._clients) if address is not None):
            with suppress(PyRedisConnError):
                self._instead = await self._client(address)
                return self._instead
        return None

    def _is_stale(self, client: AsyncClient, at: TcpAddress | None) -> bool:
        session = self.session
        if not session.connected:
            return False
        moved = self._pools[at] is not session.pool or client.address != session.address
        return self._user != session.username or (at is None and moved)

    async def _give_back(self, at: TcpAddress | None) -> None:
        client, pool = self._clients.pop(at, None), self._pools.pop(at, None)
        if client is not None and pool is not None:
            self._told.discard(client)
            with suppress(PyRedisError):
                await pool.release(client)

    async def close(self) -> None:
        """Give the connections back."""
        for at in list(self._clients):
            await self._give_back(at)
