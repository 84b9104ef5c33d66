"""Who is measured: pyredis, its peers, and the limit probe, each behind the same three calls.

Knows how each client is opened and what its way to say a command or a bulk of commands is; the callables it hands
out are the clients' own, without a wrapper that would be measured with them. Clients are opened with the defaults
that their users get, but for what would end a measurement: sixteen connections, waiting for one has no limit, and
neither has a reply of glide's (its default is a quarter of a second). Refuses to know what is measured, and how.
"""

from __future__ import annotations

import asyncio
import importlib.metadata
import importlib.util
from collections import deque
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from importlib import import_module
from typing import Any, Final, Protocol, Self, TypeAlias

import hiredis

from pyredis import AsyncClusterPool, AsyncPool
from pyredis.version import __version__

__all__ = [
    "CLUSTERED",
    "CONNECTIONS",
    "CONTENDERS",
    "PEERS",
    "Argv",
    "Call",
    "Client",
    "Contender",
    "Probe",
    "Where",
]

Argv: TypeAlias = "tuple[str | int, ...]"
Call: TypeAlias = Callable[[], Awaitable[Any]]

CONNECTIONS: Final = 16

_UNLIMITED_MS: Final = 600_000
_MOST_TASKS: Final = 500
_pack: Final[Any] = hiredis.pack_command  # its stub knows tuples of one argument alone


@dataclass(frozen=True, slots=True)
class Where:
    """Where the server listens: a TCP port, or a unix socket when there is a path."""

    host: str = ""
    port: int = 0
    path: str = ""

    @classmethod
    def of(cls, text: str) -> Self:
        """Return what ``host:port``, ``[IPv6]:port`` or ``/path`` means."""
        if text.startswith("/"):
            return cls(path=text)
        host, _, port = text.rpartition(":")
        if not (host and port.isdecimal()):
            raise ValueError(f"{text!r} is no address; use host:port or /path/of/a/socket")
        return cls(host.strip("[]"), int(port))

    @property
    def transport(self) -> str:
        return "unix socket" if self.path else "TCP"

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return self.path or f"{host}:{self.port}"


class Client(Protocol):
    """What a contender's client has to offer."""

    def command(self, *argv: str | int) -> Call:
        """Return a callable that has the server execute this command, each time it is called."""

    def bulk(self, commands: Sequence[Argv]) -> Call:
        """Return a callable that sends these commands in one go and returns their replies."""

    async def close(self) -> None: ...


# The limit


class Probe(asyncio.Protocol):
    """The least Python that can do the work: what no client of this kind can be faster than.

    One connection, one write per turn of the loop, replies in order. No timeouts, no cancellation, no limits, no
    errors raised, no end noticed, nothing to choose from.
    """

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._reader = hiredis.Reader()
        self._waiting: deque[asyncio.Future[Any]] = deque()
        self._unsent: list[bytes] = []
        self._replies: list[Any] = []
        self._missing = 0
        self._transport: Any = None

    @classmethod
    async def open(cls, where: Where) -> Self:
        loop = asyncio.get_running_loop()
        if where.path:
            return (await loop.create_unix_connection(cls, where.path))[1]
        return (await loop.create_connection(cls, where.host, where.port))[1]

    def command(self, *argv: str | int) -> Call:
        return partial(self.execute, *argv)

    def bulk(self, commands: Sequence[Argv]) -> Call:
        return partial(self.execute_many, commands)

    def execute(self, *argv: str | int) -> asyncio.Future[Any]:
        """Return the future of a reply; the command leaves with all others of this turn of the loop."""
        waiter = self._loop.create_future()
        self._waiting.append(waiter)
        if not self._unsent:
            self._loop.call_soon(self._flush)
        self._unsent.append(_pack(argv))
        return waiter

    def execute_many(self, commands: Sequence[Argv]) -> asyncio.Future[list[Any]]:
        """Return one future for all replies; nothing else may be on its way meanwhile."""
        waiter = self._loop.create_future()
        self._waiting.append(waiter)
        self._replies = []
        self._missing = len(commands)
        self._transport.write(b"".join([_pack(argv) for argv in commands]))
        return waiter

    async def close(self) -> None:
        self._transport.close()

    def _flush(self) -> None:
        self._transport.write(b"".join(self._unsent))
        self._unsent.clear()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport

    def data_received(self, chunk: bytes) -> None:
        self._reader.feed(chunk)
        if self._missing:
            self._gather()
            return
        while (reply := self._reader.gets()) is not False:
            self._waiting.popleft().set_result(reply)

    def _gather(self) -> None:
        replies = self._replies
        while (reply := self._reader.gets()) is not False:
            replies.append(reply)
        if len(replies) == self._missing:
            self._missing = 0
            self._waiting.popleft().set_result(replies)


# Pyredis


class _Pyredis:
    def __init__(self, pool: AsyncPool | AsyncClusterPool) -> None:
        self.close = pool.close
        self._pool = pool

    @classmethod
    async def open(cls, where: Where, read_timeout: float | None = 2) -> Self:
        address = (None, 6379, where.path) if where.path else (where.host, where.port, None)
        pool = AsyncPool(*address, pool_size=CONNECTIONS, read_timeout=read_timeout, acquire_timeout=None)
        return cls(pool)

    @classmethod
    async def open_cluster(cls, where: Where) -> Self:
        return cls(AsyncClusterPool([(where.host, where.port)], pool_size=CONNECTIONS, acquire_timeout=None))

    def command(self, *argv: str | int) -> Call:
        return partial(self._pool.execute, *argv)

    def bulk(self, commands: Sequence[Argv]) -> Call:
        return partial(self._pool.execute_many, commands)


# The peers


class _RedisPy:
    def __init__(self, client: Any) -> None:
        self.close = client.aclose
        self._client = client

    @classmethod
    async def open(cls, where: Where) -> Self:
        peer: Any = import_module("redis.asyncio")
        address: dict[str, Any] = {"host": where.host, "port": where.port}
        if where.path:
            address = {"path": where.path, "connection_class": peer.UnixDomainSocketConnection}
        pool = peer.BlockingConnectionPool(max_connections=CONNECTIONS, timeout=None, **address)
        return cls(peer.Redis.from_pool(pool))

    @classmethod
    async def open_cluster(cls, where: Where) -> Self:
        peer: Any = import_module("redis.asyncio.cluster")
        # A connection for each task, or the most tasks would have an error for a reply.
        return cls(await peer.RedisCluster(host=where.host, port=where.port, max_connections=_MOST_TASKS))

    def command(self, *argv: str | int) -> Call:
        return partial(self._client.execute_command, *argv)

    def bulk(self, commands: Sequence[Argv]) -> Call:
        async def send() -> list[Any]:
            pipeline = self._client.pipeline(transaction=False)
            for argv in commands:
                pipeline.execute_command(*argv)
            replies: list[Any] = await pipeline.execute(raise_on_error=False)
            return replies

        return send


class _Coredis:
    def __init__(self, client: Any) -> None:
        self._client = client

    @classmethod
    async def open(cls, where: Where) -> Self:
        peer: Any = import_module("coredis")
        address: dict[str, Any] = {"host": where.host, "port": where.port}
        if where.path:
            address = {"unix_socket_path": where.path}
        client = peer.Redis(max_connections=CONNECTIONS, **address)
        return cls(await client.__aenter__())

    @classmethod
    async def open_cluster(cls, where: Where) -> Self:
        peer: Any = import_module("coredis")
        client = peer.RedisCluster(host=where.host, port=where.port, max_connections=CONNECTIONS)
        return cls(await client.__aenter__())

    def command(self, *argv: str | int) -> Call:
        return _method(self._client, argv)

    def bulk(self, commands: Sequence[Argv]) -> Call:
        async def send() -> tuple[Any, ...]:
            async with self._client.pipeline(transaction=False) as pipeline:
                for argv in commands:
                    _method(pipeline, argv)()
            replies: tuple[Any, ...] = pipeline.results
            return replies

        return send

    async def close(self) -> None:
        await self._client.__aexit__(None, None, None)


class _Glide:
    def __init__(self, peer: Any, client: Any) -> None:
        self.close = client.close
        self._peer = peer
        self._client = client

    @classmethod
    async def open(cls, where: Where) -> Self:
        peer: Any = import_module("glide")
        peer.Logger.set_logger_config(peer.LogLevel.OFF)
        address = peer.NodeAddress(where.host, where.port)
        if where.path:
            address = peer.NodeAddress(unix_socket_path=where.path)
        options = peer.GlideClientConfiguration([address], request_timeout=_UNLIMITED_MS)
        return cls(peer, await peer.GlideClient.create(options))

    @classmethod
    async def open_cluster(cls, where: Where) -> Self:
        peer: Any = import_module("glide")
        peer.Logger.set_logger_config(peer.LogLevel.OFF)
        addresses = [peer.NodeAddress(where.host, where.port)]
        options = peer.GlideClusterClientConfiguration(addresses, request_timeout=_UNLIMITED_MS)
        return cls(peer, await peer.GlideClusterClient.create(options))

    def command(self, *argv: str | int) -> Call:
        ends: dict[Any, Any] = {"-": self._peer.MinId(), "+": self._peer.MaxId()}
        return _method(self._client, [ends.get(argument, argument) for argument in argv])

    def bulk(self, commands: Sequence[Argv]) -> Call:
        async def send() -> list[Any]:
            batch = self._peer.Batch(is_atomic=False)
            for argv in commands:
                _method(batch, argv)()
            replies: list[Any] = await self._client.exec(batch, raise_on_error=False)
            return replies

        return send


def _method(client: Any, argv: Iterable[Any]) -> Call:
    """Return the client's own method for a command, ready to be called."""
    name, *arguments = argv
    return partial(getattr(client, name.lower()), *arguments)


# The table


@dataclass(frozen=True, slots=True)
class Contender:
    """One row of the tables: a client, and what it has to be installed from."""

    name: str
    open: Callable[[Where], Awaitable[Client]]
    module: str = "pyredis"
    package: str = ""
    uvloop: bool = False
    on_request: bool = False
    """Measured only when it is named, or when a workload is about it."""
    clustered: bool = False
    """Whether it is opened on a cluster."""

    @property
    def missing(self) -> str | None:
        """How to install what this contender needs; None when it is there."""
        return None if importlib.util.find_spec(self.module) else f"pip install '{self.package}'"

    def versions(self) -> dict[str, str]:
        """Return the versions of what this contender runs on, by name."""
        versions = {"pyredis": __version__, "hiredis": hiredis.__version__}
        if self.package:
            name = "uvloop" if self.uvloop else self.name.removesuffix(CLUSTERED)
            versions[name] = importlib.metadata.version(self.package.partition("[")[0])
        return versions


CLUSTERED: Final = "-cluster"
"""How the name of a contender ends that is opened on a cluster."""


def _clustered(
    name: str, open: Callable[[Where], Awaitable[Client]], module: str = "pyredis", package: str = ""
) -> Contender:
    return Contender(name + CLUSTERED, open, module, package, on_request=True, clustered=True)


_UVLOOP: Final[Any] = {"module": "uvloop", "package": "uvloop", "uvloop": True, "on_request": True}

CONTENDERS: Final = {
    contender.name: contender
    for contender in (
        Contender("probe", Probe.open),
        Contender("pyredis", _Pyredis.open),
        Contender("pyredis-untimed", partial(_Pyredis.open, read_timeout=None), on_request=True),
        Contender("redis-py", _RedisPy.open, "redis", "redis[hiredis]"),
        Contender("coredis", _Coredis.open, "coredis", "coredis"),
        Contender("valkey-glide", _Glide.open, "glide", "valkey-glide"),
        Contender("probe+uvloop", Probe.open, **_UVLOOP),
        Contender("pyredis+uvloop", _Pyredis.open, **_UVLOOP),
        _clustered("pyredis", _Pyredis.open_cluster),
        _clustered("redis-py", _RedisPy.open_cluster, "redis", "redis[hiredis]"),
        _clustered("coredis", _Coredis.open_cluster, "coredis", "coredis"),
        _clustered("valkey-glide", _Glide.open_cluster, "glide", "valkey-glide"),
    )
}

PEERS: Final = ("redis-py", "coredis", "valkey-glide")
