"""Pools over several servers: one pool for each node, and leases that span them.

It knows how a command of many parts is sent to its nodes and how leases are counted; which node a command belongs
to, and what to do when that node does not execute it, is for the subclass to say.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncGenerator, Hashable, Iterable, Sequence
from copy import copy
from typing import Literal, TypeAlias, Unpack, cast

from pyredis.client.async_client import AsyncClient
from pyredis.client.nodes import Bundle, Node, NodesClient
from pyredis.cluster import merging, routing
from pyredis.commands.spec import Spec, find
from pyredis.exceptions import PartialFailure, PyRedisError
from pyredis.pool.async_base import AsyncBasePool, Held, PoolOptions, Statistics, refuse_stateful
from pyredis.pool.sharing import SharingPool
from pyredis.resp.encode import argv
from pyredis.types import Argument, Reply

__all__ = ["Audience", "NodesPool", "Planned"]

Audience: TypeAlias = Literal["primaries", "replicas", "all"]
Planned: TypeAlias = tuple[Node, tuple[bytes, ...], Spec | None, int | None]
"""A command with the node that it belongs to, its row and its slot."""


class NodesPool(AsyncBasePool):
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

    async def _route(self, words: Sequence[bytes], spec: Spec | None, shard_key: object) -> Planned:
        """Return where a command belongs; ClusterError when that is not one node."""
        raise NotImplementedError(f"{type(self).__name__} does not say where a command belongs")

    async def _nodes(self, audience: Audience) -> Sequence[Node]:
        """Return the nodes of a kind."""
        raise NotImplementedError(f"{type(self).__name__} does not say which nodes there are")

    async def _pinned(self, sock: object) -> Node:
        """Return the node that ``sock`` names, else raise ValueError."""
        raise NotImplementedError(f"{type(self).__name__} does not say what its nodes are called")

    def _client(self, bundle: Bundle) -> NodesClient:
        """Return what a lease is used by."""
        raise NotImplementedError(f"{type(self).__name__} does not say what it leases")

    async def _mend(self, planned: Planned, error: PyRedisError) -> Reply:
        """Return the reply of a command that its node did not execute; raise the error when there is none."""
        raise error

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
        pool = self._pools.pop(node)
        pool.renew()
        self._left.append(pool)
        for pool in [pool for pool in self._left if not _busy(pool)]:
            self._left.remove(pool)
            pool.shut()
            self._opened_before += pool.statistics.opened
            self._closed_before.update(pool.statistics.closed)

    def _find(self, words: Sequence[bytes]) -> Spec | None:
        """Return the row of a command."""
        return find(words)

    # -- execute

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
            return await self._pool_of(await self._pinned(sock)).execute(*words)
        return await self._execute_planned(await self._route(words, spec, shard_key))

    async def _execute_planned(self, planned: Planned) -> Reply:
        node, words, _, _ = planned
        try:
            return await self._pool_of(node).execute(*words)
        except PyRedisError as error:
            return await self._mend(planned, error)

    async def execute_many(self, commands: Iterable[Sequence[Argument]]) -> list[Reply | PyRedisError]:
        """Return the replies of many commands, in order, with errors in place as PyRedisError objects.

        They are sent to all their nodes at once. Commands that block, change state or belong to several nodes are
        refused before anything is sent. A node that is lost costs its own replies alone.
        """
        planned = []
        for command in commands:
            if isinstance(command, (str, bytes)):
                raise TypeError(f"a command is a list of arguments, not one {type(command).__name__}")
            words = argv(command, self.encoding)
            spec = self._find(words)
            refuse_stateful(spec)
            if spec is None or spec.blocks_for(words) is not None:
                name = words[0].decode("ascii", "replace")
                raise ValueError(f"{name} may block, or is not known: execute() it on its own")
            planned.append(await self._route(words, spec, None))
        return await self._execute_batch(planned)

    async def _execute_batch(self, batch: Sequence[Planned]) -> list[Reply | PyRedisError]:
        places: dict[Node, list[int]] = {}
        for place, (node, *_) in enumerate(batch):
            places.setdefault(node, []).append(place)
        answered = await asyncio.gather(
            *(self._execute_many_at(node, [batch[place] for place in own]) for node, own in places.items())
        )
        replies: list[Reply | PyRedisError] = [None] * len(batch)
        for own, parts in zip(places.values(), answered, strict=True):
            for place, reply in zip(own, parts, strict=True):
                replies[place] = reply
        return replies

    async def _execute_many_at(self, node: Node, batch: Sequence[Planned]) -> list[Reply | PyRedisError]:
        """Return the replies of one node, or what became of the commands elsewhere."""
        replies: list[Reply | PyRedisError] = []
        try:
            replies += await self._pool_of(node).execute_many([words for _, words, _, _ in batch])
        except PyRedisError as error:
            replies = [copy(error) for _ in batch]
        for place, reply in enumerate(replies):
            if isinstance(reply, PyRedisError):
                replies[place] = await self._mended(batch[place], reply)
        return replies

    async def _mended(self, planned: Planned, error: PyRedisError) -> Reply | PyRedisError:
        try:
            return await self._mend(planned, error)
        except PyRedisError as final:
            return final

    # -- commands for several nodes

    async def execute_split(self, *args: Argument) -> Reply:
        """Return the reply of a command as one server with all the keys would give it.

        A command that the facts call multi-shard (MGET, MSET, DEL, EXISTS, ...) is sent slot by slot, one without
        keys (DBSIZE, KEYS, FLUSHALL, SCRIPT LOAD, ...) to every node that it concerns, and the replies are merged.
        Where each node speaks for itself (INFO), the reply is a dict by node. It is no transaction: PartialFailure
        tells which nodes did not do it.
        """
        words = argv(args, self.encoding)
        spec = self._find(words)
        refuse_stateful(spec)
        audience = routing.audience(spec) if spec is not None else None
        if spec is None or (audience is None and not routing.splittable(spec)):
            return await self.execute(*args)
        if audience is not None:
            replies = await self.execute_on(audience, *args)
            _check_all(spec, replies)
            each = cast("dict[Hashable, Reply]", replies)
            return merging.merge(spec, list(each.values())) if merging.mergeable(spec) else each
        parts = routing.split(words, spec)
        planned = [await self._route(part.argv, spec, None) for part in parts]
        answered = await self._execute_batch(planned)
        by_node: dict[str, Reply | PyRedisError] = {}
        for (node, *_), reply in zip(planned, answered, strict=True):
            if not isinstance(by_node.get(str(node)), PyRedisError):
                by_node[str(node)] = reply
        _check_all(spec, by_node)
        return merging.joined(spec, parts, cast("list[Reply]", answered))

    async def execute_on(self, audience: Audience, *args: Argument) -> dict[str, Reply | PyRedisError]:
        """Return the replies of ``"primaries"``, ``"replicas"`` or ``"all"`` nodes by ``host:port``.

        Errors are in place, as PyRedisError objects; nothing is sent again.
        """
        words = argv(args, self.encoding)
        refuse_stateful(self._find(words))
        nodes = await self._nodes(audience)
        replies = await asyncio.gather(*(self._at(node, words) for node in nodes))
        return dict(zip(map(str, nodes), replies, strict=True))

    async def _at(self, node: Node, words: Sequence[bytes]) -> Reply | PyRedisError:
        try:
            return await self._pool_of(node).execute(*words)
        except PyRedisError as error:
            return error

    async def scan_iter(
        self,
        match: Argument | None = None,
        count: int | None = None,
        type: Argument | None = None,
        **options: object,
    ) -> AsyncGenerator[bytes | str, None]:
        """Yield the keys of every primary, one node after the other, or of the one that ``sock`` names."""
        socks = (
            [options.pop("sock")] if "sock" in options else [str(n) for n in await self._nodes("primaries")]
        )
        for sock in socks:
            async for key in super().scan_iter(match, count, type, sock=sock, **options):
                yield key

    # -- leases

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

    def __del__(self) -> None:
        """Leave it to the pools of the nodes to complain."""


def _busy(pool: SharingPool) -> bool:
    books = pool.statistics
    return bool(books.leased or books.lanes or books.opening or books.waiting)


async def _part(client: AsyncClient) -> None:
    assert isinstance(client.pool, AsyncBasePool)
    await client.pool.release(client)


def _check_all(spec: Spec, replies: dict[str, Reply | PyRedisError]) -> None:
    """Raise PartialFailure when not every node did it, but the only error when they all say the same."""
    failed = {node: reply for node, reply in replies.items() if isinstance(reply, PyRedisError)}
    if failed:
        reasons = "; ".join(f"{node}: {error}" for node, error in failed.items())
        raise PartialFailure(
            f"{spec.name} failed at {len(failed)} of {len(replies)} nodes ({reasons})", replies
        )
