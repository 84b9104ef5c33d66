"""The client that listens: subscriptions in, messages out, over one connection that comes back when it is lost.

It knows how to ask for subscriptions and how to hand out what is heard. How the connection is kept is the
subscriber's affair.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from types import TracebackType
from typing import Any, Literal, Self

from pyredis.address import Address, TcpAddress, checked_natmap
from pyredis.client.cluster_map import addresses_of
from pyredis.client.inbox import BUFFER_BYTES, BUFFER_SIZE
from pyredis.client.listening import Listening
from pyredis.client.messages import Heard, Message, Name, Reconnected, Unsubscribed
from pyredis.client.subscriber import Subscriber
from pyredis.connection.async_connection import address_of
from pyredis.exceptions import ProtocolError, PyRedisConnClosed
from pyredis.options import ConnectionOptions, TlsOptions, checked_tls
from pyredis.resp.encode import argv
from pyredis.retry import Backoff

__all__ = ["AsyncPubSubClient", "Message", "Reconnected", "Unsubscribed"]


class AsyncPubSubClient:
    """Subscriptions on one connection, and what is published to them.

        async with AsyncPubSubClient("127.0.0.1", encoding="utf-8") as client:
            await client.subscribe("news")
            async for heard in client:
                match heard:
                    case Message(channel=channel, payload=payload): ...
                    case Reconnected(seconds=seconds): ...  # what was published meanwhile is lost

    It connects at the first command, or at ``connect``. Any task may use it at any time; what is heard is given to
    one reader each. A connection that is lost is made again after the waits of ``reconnect``, with all
    subscriptions, and the reader finds a ``Reconnected`` among the messages, where some may be missing. With
    ``reconnect=None`` the reader gets the error of the loss instead, and so it does when the server refuses to
    have the client back (a changed password, a channel that is no longer allowed).

    A connection on which nothing was heard for ``health_check_interval`` seconds is lost unless it answers a PING
    within ``read_timeout``; None does not ask. Of what is not read yet, ``buffer_size`` messages or
    ``buffer_bytes`` are kept, and what one read of the socket brought beyond; then no more is read, and
    the server's ``client-output-buffer-limit pubsub`` decides. The other options are those of
    ``ConnectionOptions``.
    """

    def __init__(
        self,
        host: str | None = None,
        port: int = 6379,
        unix_sock: str | None = None,
        database: int = 0,
        password: str | bytes | None = None,
        encoding: str | None = None,
        conn_timeout: float | None = 2,
        read_timeout: float | None = 2,
        username: str | None = None,
        *,
        tls: TlsOptions | bool | None = None,
        protocol: Literal[2, 3] = 2,
        decoder: Literal["fast", "typed"] = "fast",
        max_bulk: int = 512 * 1024 * 1024,
        client_name: str | None = None,
        lib_name: str | None = "pyredis",
        family: Literal[0, 4, 6] = 0,
        reconnect: Backoff | None = Backoff(),  # noqa: B008  a frozen value
        health_check_interval: float | None = 15,
        buffer_size: int = BUFFER_SIZE,
        buffer_bytes: int = BUFFER_BYTES,
        natmap: Mapping[TcpAddress, TcpAddress] | None = None,
    ) -> None:
        self._listening = Listening(
            address_of(host, port, unix_sock),
            ConnectionOptions(
                database=database,
                password=password,
                username=username,
                encoding=encoding,
                conn_timeout=conn_timeout,
                read_timeout=read_timeout,
                tls=checked_tls(tls),
                protocol=protocol,
                decoder=decoder,
                max_bulk=max_bulk,
                client_name=client_name,
                lib_name=lib_name,
                family=family,
            ),
            reconnect=reconnect,
            health_check_interval=health_check_interval,
            buffer_size=buffer_size,
            buffer_bytes=buffer_bytes,
            natmap=checked_natmap(natmap),
        )

    @classmethod
    def of_cluster(cls, seeds: Sequence[tuple[str, int]], **options: Any) -> Self:
        """Return a client for the cluster that ``seeds``, a list of ``(host, port)``, belong to.

        Channels and patterns are subscribed at any node, and at another one when that is lost; shard channels at
        the nodes of their slots, wherever these go. ``options`` are those of the constructor, but for the address.
        """
        first, *others = addresses_of("seeds", seeds)
        for name in ("host", "port", "unix_sock"):
            if name in options:
                raise TypeError(f"the seeds say where the cluster is; leave out {name}")
        self = cls(first.host, first.port, **options)
        self._listening.expect_cluster((first, *others))
        return self

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.address} {'closed' if self.closed else 'open'}>"

    def __del__(self) -> None:
        listening: Listening | None = self.__dict__.get("_listening")  # None: the options were refused
        if listening is not None and listening.running:
            listening.close()
            text = f"a pub/sub client of {self.address} was not closed; close it, or use async with"
            warnings.warn(text, ResourceWarning, 2, self)

    async def __aenter__(self) -> Self:
        try:
            await self.connect()
        except BaseException:
            self.close()
            await self.wait_closed()
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()
        await self.wait_closed()

    async def connect(self) -> None:
        """Open the connection unless it is open; raise why it cannot be.

        While a lost connection is being made again, wait for the next attempt and raise why that failed.
        """
        await self._subscriber.ask()

    def close(self) -> None:
        """Close at once; whoever waits gets PyRedisConnClosed, ``async for`` ends, what was not read is gone."""
        self._listening.close()

    async def wait_closed(self) -> None:
        """Return when the socket is gone."""
        await self._listening.wait_closed()

    # -- subscriptions

    async def subscribe(self, *channels: Name) -> None:
        """Return when the server confirmed; its ReplyError means that none of the channels was subscribed.

        After a PyRedisConnError they are not subscribed either. A caller that is cancelled may find them
        subscribed or not: ``channels`` tells.
        """
        await self._begin(b"SUBSCRIBE", channels)

    async def psubscribe(self, *patterns: Name) -> None:
        """Subscribe to all channels that match one of the patterns; as ``subscribe``."""
        await self._begin(b"PSUBSCRIBE", patterns)

    async def ssubscribe(self, *shard_channels: Name) -> None:
        """Subscribe to shard channels; as ``subscribe``.

        In a cluster they must have one slot, ClusterError otherwise. They are subscribed at its node, and again
        when it goes to another node: then the reader finds a ``Reconnected``.
        """
        _, *names = self._named_argv(b"SSUBSCRIBE", shard_channels)
        await self._listening.ssubscribe(names)

    async def unsubscribe(self, *channels: Name) -> None:
        """Return when the server confirmed, or the connection is lost; without argument, for all channels.

        Messages that came before can still be read.
        """
        await self._subscriber.ask(*self._argv(b"UNSUBSCRIBE", channels))

    async def punsubscribe(self, *patterns: Name) -> None:
        """End patterns, all of them without argument; as ``unsubscribe``."""
        await self._subscriber.ask(*self._argv(b"PUNSUBSCRIBE", patterns))

    async def sunsubscribe(self, *shard_channels: Name) -> None:
        """End shard channels, all of them without argument; as ``unsubscribe``."""
        _, *names = self._argv(b"SUNSUBSCRIBE", shard_channels)
        await self._listening.sunsubscribe(names)

    async def ping(self, payload: Name = b"") -> Name:
        """Return the payload as the server sent it back, ``PONG`` for none, whether subscribed or not."""
        reply = await self._subscriber.ask(*self._argv(b"PING", [payload] if payload else []))
        match reply:
            case [_, bytes() | str() as echo] | (bytes() | str() as echo):  # a list: RESP2, subscribed
                return echo or self._name(b"PONG")
        raise ProtocolError("the server answered PING with something else than a string")

    async def _begin(self, command: bytes, names: Sequence[Name]) -> None:
        await self._subscriber.ask(*self._named_argv(command, names))

    def _named_argv(self, command: bytes, names: Sequence[Name]) -> tuple[bytes, ...]:
        if not names:
            raise TypeError(f"{command.decode().lower()} needs at least one name")
        return self._argv(command, names)

    def _argv(self, command: bytes, names: Sequence[Name]) -> tuple[bytes, ...]:
        return argv((command, *names), self._subscriber.options.encoding)

    # -- what is heard

    async def get(self, timeout: float | None = None) -> Heard | None:
        """Return what was heard next, or None when that is nothing within ``timeout`` seconds; 0 does not wait.

        A caller that is cancelled loses nothing: the next one gets it. Raises PyRedisConnClosed after
        ``close``; the error of the loss, or the server's refusal, when the connection is lost for good and all
        that came before was read.
        """
        self._subscriber.bind()
        return await self._subscriber.inbox.get(timeout)

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Heard:
        """Return what was heard next; the end is ``close``, whereas a loss for good is raised."""
        try:
            item = await self.get()
        except PyRedisConnClosed:
            if self._subscriber.dismissed:
                raise StopAsyncIteration from None
            raise
        assert item is not None
        return item

    # -- facts

    @property
    def address(self) -> Address:
        return self._subscriber.address

    @property
    def closed(self) -> bool:
        """Whether it is over: closed, or lost for good."""
        return self._subscriber.error is not None

    @property
    def buffered(self) -> int:
        """How many messages were heard and not read yet."""
        return len(self._subscriber.inbox)

    @property
    def channels(self) -> frozenset[Name]:
        """What is subscribed with ``subscribe``, and will be again after a loss."""
        return self._names(b"SUBSCRIBE")

    @property
    def patterns(self) -> frozenset[Name]:
        return self._names(b"PSUBSCRIBE")

    @property
    def shard_channels(self) -> frozenset[Name]:
        return frozenset(map(self._name, self._listening.shard_channels))

    def _names(self, command: bytes) -> frozenset[Name]:
        return frozenset(map(self._name, self._subscriber.subscriptions.of(command)))

    @property
    def _subscriber(self) -> Subscriber:
        """The connection for all but shard channels of a cluster."""
        return self._listening.main

    def _name(self, name: bytes) -> Name:
        """Return a name as messages carry it."""
        options = self._subscriber.options
        if options.encoding is None or options.decoder == "typed":
            return name
        return name.decode(options.encoding, "surrogateescape")
