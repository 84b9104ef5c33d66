"""Pools over several servers: one pool for each node, and leases that span them.

It knows how the pools of the nodes are kept and leases are counted; which node a command belongs to, and what to
do when that node does not execute it, is for the subclass to say.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from copy import copy
from typing import TYPE_CHECKING, Unpack

from pyredis.client.async_client import AsyncClient
from pyredis.client.nodes import Bundle, NodesClient
from pyredis.client.spanning import Node, Planned, Spanning
from pyredis.commands.reading import reading
from pyredis.exceptions import PyRedisError
from pyredis.pool.async_base import AsyncBasePool, Held, PoolOptions, Statistics, refuse_stateful
from pyredis.pool.sharing import SharingPool
from pyredis.resp.encode import argv
from pyredis.types import Argument, Reply

__all__ = ["NodesPool"]


class NodesPool(Spanning, AsyncBasePool):
    """A pool of pools. ``pool_size`` bounds the leases, and the connections to each node."""

    def __init__(self, **options: Unpack[PoolOptions]) -> None:
        super().__init__(**options)
        options.pop("lock", None)
        self._node_options = options
        self._pools: dict[Node, SharingPool] = {}
        self._left: list[SharingPool] = []
        """The pools of nodes that have gone, while something is still going on there."""
        self._closed_before: Counter[str] = Counter()
        self._opened_before = 0

    # -- what a subclass says

    def _make_pool(self, node: Node) -> SharingPool:
        """Return a new pool for a node."""
        raise NotImplementedError(f"{type(self).__name__} does not say how a node is reached")

    def _client(self, bundle: Bundle) -> NodesClient:
        """Return what a lease is used by."""
        raise NotImplementedError(f"{type(self).__name__} does not say what it leases")

    # -- nodes

    def _pool_of(self, node: Node) -> SharingPool:
        """Return the pool of a node, made when there is none."""
        pool = self._pools.get(node)
        if pool is None:
            self._check_usable()
            pool = self._pools[node] = self._make_pool(node)
            pool.pool_size = self._pool_size
        return pool

    def _drop_pool(self, node: Node) -> None:
        """Leave a node: its connections close when their work is done."""
        leaving = self._pools.pop(node)
        leaving.renew()
        self._left.append(leaving)
        for pool in [pool for pool in self._left if not _busy(pool)]:
            self._left.remove(pool)
            pool.shut()
            self._opened_before += pool.statistics.opened
            self._closed_before.update(pool.statistics.closed)

    # -- execute

    def _refuse_writes(self, words: Sequence[bytes]) -> None:
        if self._options.read_only:
            reading(words)

    async def execute(self, *args: Argument, shard_key: object = None, sock: object = None) -> Reply:
        """Return the reply of one command; raise its ReplyError.

        It goes where its keys are. ``shard_key`` names a key that stands for them, ``sock`` the server, as
        ``host:port``. ClusterError: the keys have not got one node, or there are none and the command concerns
        more than one node; ``execute_split`` and ``execute_on`` are for these. A command that changes the state of
        its connection is StatefulCommand. A write is never sent twice.
        """
        words = argv(args, self.encoding)
        spec = self._find(words)
        refuse_stateful(spec)
        if sock is not None:
            return await self._send(await self._pinned(sock), words)
        planned = await self._route(words, spec, shard_key)
        try:
            return await self._send(planned[0], words)
        except PyRedisError as error:
            return await self._mend(planned, error)

    async def _send(self, node: Node, words: Sequence[bytes]) -> Reply:
        return await self._pool_of(node).execute(*words)

    async def _send_many(
        self, node: Node, commands: Sequence[Sequence[bytes]]
    ) -> Sequence[Reply | PyRedisError]:
        try:
            return await self._pool_of(node).execute_many(commands)
        except PyRedisError as error:
            return [copy(error) for _ in commands]

    async def _mend(self, planned: Planned, error: PyRedisError) -> Reply:
        if self._closed:
            raise error
        return await super()._mend(planned, error)

    # -- leases

    if TYPE_CHECKING:

        def lease(self) -> AbstractAsyncContextManager[NodesClient]: ...  # type: ignore[override]

    async def acquire(self) -> NodesClient:  # type: ignore[override]
        """Return a fresh client over all nodes, which opens a connection to each when it needs it first.

        Raises PoolExhausted when ``pool_size`` clients are leased and ``acquire_timeout`` has passed.
        """
        bundle = await self._lease()
        assert isinstance(bundle, Bundle)
        client = self._client(bundle)
        client.pool = self
        return client

    async def release(self, conn: NodesClient) -> None:  # type: ignore[override]
        """Take a client back: each of its connections is idle again when at rest, else closed.

        The client is dead from then on; releasing it again does nothing. A client of another pool, or of none, is
        ValueError.
        """
        if not isinstance(conn, NodesClient) or conn.pool is not self:
            raise ValueError(f"{conn!r} is not a client of {self!r}")
        bundle = conn.detach()
        if bundle is not None:
            try:
                await bundle.part()  # which waits for nothing
            finally:
                self._return(bundle)

    async def _open(self) -> Bundle:
        return Bundle(self._connect, _part)

    async def _connect(self, node: Node) -> AsyncClient:
        return await self._pool_of(node).acquire()

    def _unfit(self, wire: Held) -> str | None:
        return "surplus"  # without its connections it is worth nothing

    # -- the books of all nodes

    def _fit(self) -> None:
        super()._fit()
        for pool in self._pools.values():
            pool.pool_size = self._pool_size

    @property
    def statistics(self) -> Statistics:
        """The connections to all nodes, now; ``waiting`` counts who waits for a lease, too."""
        books = [pool.statistics for pool in self._every_pool]
        closed = Counter(self._closed_before)
        for book in books:
            closed.update(book.closed)
        return Statistics(
            idle=sum(book.idle for book in books),
            leased=sum(book.leased for book in books),
            lanes=sum(book.lanes for book in books),
            opening=sum(book.opening for book in books),
            waiting=super().statistics.waiting + sum(book.waiting for book in books),
            opened=self._opened_before + sum(book.opened for book in books),
            closed=dict(closed),
        )

    @property
    def _every_pool(self) -> list[SharingPool]:
        return [*self._pools.values(), *self._left]

    def renew(self) -> None:
        for pool in self._every_pool:
            pool.renew()

    def abandon(self, reason: str) -> None:
        for pool in self._every_pool:
            pool.abandon(reason)

    def shut(self) -> None:
        super().shut()
        for pool in self._every_pool:
            pool.shut()

    async def close(self) -> None:
        """Close every connection; fail whoever waits with PyRedisConnClosed. Waits for no reply."""
        await super().close()
        for pool in self._every_pool:
            await pool.close()

    def drop(self) -> bool:
        unclosed = [pool.drop() for pool in self._every_pool]
        return super().drop() or any(unclosed)


def _busy(pool: SharingPool) -> bool:
    books = pool.statistics
    return bool(books.leased or books.lanes or books.opening or books.waiting)


async def _part(client: AsyncClient) -> None:
    assert isinstance(client.pool, AsyncBasePool)
    await client.pool.release(client)
