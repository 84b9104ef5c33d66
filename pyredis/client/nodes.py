"""One caller's connections to several servers, and the client over them.

It knows how a command's server is reached and that a transaction stays on one of them; which server a command
belongs to is for the subclass to say.
"""

from __future__ import annotations

import warnings
import weakref
from collections.abc import Awaitable, Callable, Sequence
from copy import copy
from types import TracebackType
from typing import TYPE_CHECKING, Final, Self, cast

from pyredis.client.async_client import AsyncClient
from pyredis.client.spanning import Audience, Node, Planned, Spanning
from pyredis.commands.keys import keys
from pyredis.commands.spec import Spec
from pyredis.connection.bulk import Pipeline
from pyredis.exceptions import ClusterError, PyRedisConnClosed, PyRedisError, ReadOnlyRefused, ReplyError
from pyredis.resp.encode import argv
from pyredis.types import Argument, Reply

if TYPE_CHECKING:
    from pyredis.connection.stream import Wire

__all__ = ["Bundle", "NodesClient", "close_client"]

_MESSAGES: Final = frozenset({"subscribe", "monitor"})
"""Effects that make a server send what nobody asked for."""


class Bundle:
    """Connections of one caller, at most one to each node, opened when they are first needed.

    One that was lost is replaced. Where something was going on, or another database or user was chosen, that
    cannot be: all others end with it, lest what follows is executed outside a transaction, or somewhere else.
    """

    idle_for = 0.0

    def __init__(
        self,
        connect: Callable[[Node], Awaitable[AsyncClient]],
        part: Callable[[AsyncClient], Awaitable[None]],
    ) -> None:
        self.clients: dict[Node, AsyncClient] = {}
        self.generation: int | None = None
        self.on_end: weakref.WeakMethod[Callable[[Wire], None]] | None = None
        self.on_idle: weakref.WeakMethod[Callable[[Wire], None]] | None = None
        self.error: PyRedisError | None = None
        self._connect = connect
        self._part = part

    async def client(self, node: Node) -> AsyncClient:
        """Return the connection to a node; PyRedisConnClosed when there are to be none any more."""
        if self.error is not None:
            raise PyRedisConnClosed(str(self.error))
        client = self.clients.get(node)
        if client is not None and client.closed:
            if not client.as_opened:
                self.abort(
                    PyRedisConnClosed(
                        f"{client.error}, and with it what was going on or set up there; begin with another client"
                    )
                )
                return await self.client(node)  # which raises that
            del self.clients[node]
            await self._part(client)
            client = None
        if client is None:
            client = await self._connect(node)
            if self.error is not None or node in self.clients:  # closed meanwhile, or another task was faster
                await self._part(client)
                return await self.client(node)
            self.clients[node] = client
        return client

    async def part(self) -> None:
        """Give all connections back."""
        clients, self.clients = self.clients, {}
        for client in clients.values():
            await self._part(client)

    @property
    def clean(self) -> bool:
        return all(client.at_rest for client in self.clients.values())

    @property
    def closed(self) -> bool:
        return self.error is not None

    @property
    def lost(self) -> bool:
        return False  # the pools of the nodes hear of that themselves

    async def check(self) -> bool:
        return True  # and look after the health of what they hand out

    def abort(self, error: PyRedisError | None = None, *, reason: str = "") -> None:
        self.error = self.error or error or PyRedisConnClosed("the client was closed")
        for client in self.clients.values():
            client.close()

    async def wait_closed(self) -> None:
        for client in self.clients.values():
            await client.wait_closed()


async def close_client(client: AsyncClient) -> None:
    """Part with a connection that nobody else will use."""
    client.close()
    await client.wait_closed()


class NodesClient(Spanning):
    """A client over several servers, used by one task at a time; abstract over where a command belongs."""

    pool: object | None = None
    """The pool that it is leased from."""

    def __init__(self, bundle: Bundle, encoding: str | None) -> None:
        self._bundle: Bundle | None = bundle
        self._encoding = encoding
        self._bulk: _Bulk | None = None

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {'closed' if self.closed else 'open'}>"

    @property
    def encoding(self) -> str | None:
        return self._encoding

    async def _send(self, node: Node, words: Sequence[bytes]) -> Reply:
        client = await self._take_bundle().client(node)
        return await client.execute(*words)

    async def _send_many(
        self, node: Node, commands: Sequence[Sequence[bytes]]
    ) -> Sequence[Reply | PyRedisError]:
        self._check_free()
        replies: list[Reply | PyRedisError] = []
        try:
            client = await self._take_bundle().client(node)
            async with client.pipeline(len(commands) + 1) as pipeline:
                replies = pipeline.replies  # type: ignore[assignment]
                for words in commands:
                    await pipeline.execute(*words)
        except PyRedisError as error:
            replies = [*replies, *(copy(error) for _ in commands[len(replies) :])]
        return replies

    async def execute_on(self, audience: Audience, *args: Argument) -> dict[str, Reply | PyRedisError]:
        self._check_free()
        return await super().execute_on(audience, *args)

    def _check_free(self) -> None:
        engaged = self._engaged
        if engaged is not None:
            raise ClusterError(
                f"a transaction or subscription is on {engaged}; it cannot span several servers"
            )

    async def _mend(self, planned: Planned, error: PyRedisError) -> Reply:
        if self.closed:
            raise error
        return await super()._mend(planned, error)

    async def execute(self, *args: Argument, shard_key: object = None, sock: object = None) -> Reply:
        """Return the reply of a command; raise its ReplyError.

        The command goes where its keys are; ``shard_key`` names a key that stands for them, ``sock`` the server,
        as ``host:port``. What changes the state of a connection, as MULTI does, needs one of the two unless it has
        a key, and everything up to EXEC must belong to the same server: ClusterError, before it is sent.
        """
        self._take_bundle()
        words = argv(args, self._encoding)
        planned = await self._plan(words, self._find(words), shard_key, sock)
        if self._bulk is not None:
            await self._bulk.add(planned)
            return None
        engaged = self._engaged
        try:
            return await self._send(planned[0], words)
        except PyRedisError as error:
            if engaged is not None or sock is not None or self._is_altered(planned[0]):
                self._heed(error)
                raise
            return await self._mend(planned, error)

    def _is_altered(self, node: Node) -> bool:
        """Whether the connection to a node is, or was, not like one that would be opened in its place."""
        client = self._bundle.clients.get(node) if self._bundle is not None else None
        return client is not None and not client.as_opened

    async def _plan(
        self, words: tuple[bytes, ...], spec: Spec | None, shard_key: object, sock: object
    ) -> Planned:
        """Return where a command goes, which is where a transaction is going on if there is one."""
        engaged = self._engaged
        placed = shard_key is not None or sock is not None or (spec is not None and bool(keys(spec, words)))
        if not placed and engaged is not None:
            return engaged, words, spec, None
        if spec is not None and spec.effect in _MESSAGES:
            raise ClusterError(f"{spec.name}: messages of several servers are for AsyncPubSubClient")
        if not placed and spec is not None and spec.stateful:
            raise ClusterError(
                f"{spec.name} concerns one connection of several: say which, with shard_key= or sock="
            )
        if sock is not None:
            planned: Planned = await self._pinned(sock), words, spec, None
        else:
            planned = await self._route(words, spec, shard_key, settled=engaged is not None)
        if engaged is not None and planned[0] != engaged:
            name = spec.name if spec else "the command"
            raise ClusterError(
                f"{name} belongs to {planned[0]}, but the transaction or subscription is on {engaged}"
            )
        return planned

    @property
    def _engaged(self) -> Node | None:
        """The node where a transaction or subscription is going on."""
        for node, client in self._take_bundle().clients.items():
            if client.engaged:
                return node
        return None

    def _take_bundle(self) -> Bundle:
        if self._bundle is None:
            raise PyRedisError("this client is released; acquire another one")
        if self._bundle.error is not None:
            raise PyRedisConnClosed(str(self._bundle.error))
        return self._bundle

    # -- bulk

    async def bulk_start(self, bulk_size: int = 5000, keep_results: bool = True) -> None:
        """Have commands sent in batches from now on: they return None, ``bulk_stop`` returns their replies.

        ``bulk_size`` commands, over all servers, are sent at once. Without ``keep_results`` only error replies are
        kept. Commands that change the state of a connection are refused meanwhile.
        """
        if self._bulk is not None:
            raise PyRedisError("a bulk was started already; await bulk_stop() first")
        self._check_free()
        self._bulk = _Bulk(self._execute_batch, bulk_size, keep_replies=keep_results)

    async def bulk_stop(self) -> list[Reply]:
        """Return the replies of the bulk in order, error replies in place as ReplyError objects.

        Raises the first PyRedisConnError when a connection broke meanwhile; ``bulk_replies`` then has, until here,
        an error in the place of each reply that was lost.
        """
        bulk, self._bulk = self._bulk, None
        if bulk is None:
            raise PyRedisError("no bulk was started; await bulk_start() first")
        self._take_bundle()
        return await bulk.stop()

    def bulk_drop(self) -> None:
        """End the bulk at once and forget its commands that were not sent yet."""
        self._bulk = None

    @property
    def bulk_replies(self) -> list[Reply]:
        """The replies of the bulk so far; they grow by the batch."""
        return [] if self._bulk is None else self._bulk.replies

    @property
    def replies_later(self) -> bool:
        """Whether a command's reply tells nothing about it yet: in MULTI, in a bulk."""
        engaged = self._engaged
        return self._bulk is not None or (
            engaged is not None and self._take_bundle().clients[engaged].replies_later
        )

    def pipeline(self, bulk_size: int = 5000, keep_results: bool = True) -> Pipeline:
        """``async with client.pipeline() as p``: a bulk for the length of a block; then ``p.replies``."""
        return Pipeline(self, bulk_size, keep_results)

    # -- the end

    def detach(self) -> Bundle | None:
        """Take the connections out of the client, which is dead from then on; None when that was done before."""
        bundle, self._bundle = self._bundle, None
        return bundle

    def close(self) -> None:
        """Close at once; whoever waits for a reply gets PyRedisConnClosed."""
        if self._bundle is not None:
            self._bundle.abort()

    async def wait_closed(self) -> None:
        """Return when the sockets are gone."""
        if self._bundle is not None:
            await self._bundle.wait_closed()

    def __del__(self) -> None:
        bundle = self.__dict__.get("_bundle")  # none when the options were refused
        if bundle is None or self.pool is not None:
            return
        if any(not client.closed for client in bundle.clients.values()):
            unclosed = f"unclosed {self!r}; close() it, or use async with"
            warnings.warn(unclosed, ResourceWarning, stacklevel=2, source=self)
            bundle.abort()

    @property
    def closed(self) -> bool:
        return self._bundle is None or self._bundle.closed

    @property
    def at_rest(self) -> bool:
        """Whether the next user would find every connection as it was opened."""
        return self._bundle is not None and not self._bundle.closed and self._bundle.clean

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()
        await self.wait_closed()


class _Bulk:
    """The commands between ``bulk_start`` and ``bulk_stop``, ``size`` of them in a batch."""

    def __init__(
        self,
        execute_batch: Callable[[Sequence[Planned]], Awaitable[list[Reply | PyRedisError]]],
        size: int,
        *,
        keep_replies: bool,
    ) -> None:
        if isinstance(size, bool) or not isinstance(size, int):
            raise TypeError(f"bulk_size must be an int, not {type(size).__name__}")
        if size < 1:
            raise ValueError(f"bulk_size must be at least 1, got {size}")
        self.replies: list[Reply] = []
        self._execute_batch = execute_batch
        self._size = size
        self._keep = keep_replies
        self._unsent: list[Planned] = []
        self._broken: PyRedisError | None = None

    async def add(self, command: Planned) -> None:
        spec = command[2]
        if spec is not None and spec.stateful:
            raise ClusterError(
                f"{spec.name} changes the state of one connection; it cannot be part of a bulk over several"
            )
        self._unsent.append(command)
        if len(self._unsent) >= self._size:
            await self._flush()

    async def stop(self) -> list[Reply]:
        await self._flush()
        if self._broken is not None:
            raise self._broken
        return self.replies

    async def _flush(self) -> None:
        batch, self._unsent = self._unsent, []
        try:
            replies = await self._execute_batch(batch)
        except BaseException:
            self._broken = PyRedisConnClosed(
                "a batch was given up; what became of its commands is unknown", sent=None
            )
            raise
        for reply in replies:
            if isinstance(reply, PyRedisError) and not isinstance(reply, ReplyError | ReadOnlyRefused):
                self._broken = self._broken or reply
            if self._keep or isinstance(reply, PyRedisError):
                self.replies.append(cast("Reply", reply))
