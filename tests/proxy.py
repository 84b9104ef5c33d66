"""A proxy in front of a real server that does to its connections what networks do.

It knows bytes and sockets, never RESP: it can cut, stall, delay, chop, refuse and count, and each fault can
be set and healed while connections are open. It runs in the event loop of the test or, for tests that block,
in a thread of its own.
"""

from __future__ import annotations

import asyncio
import contextlib
import enum
import os
import socket
import struct
from collections.abc import Awaitable, Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from types import TracebackType
from typing import Final, Self, TypeAlias

from tests.servers import DEADLINE

__all__ = [
    "BOTH",
    "REPLIES",
    "REQUESTS",
    "BackgroundProxy",
    "Cut",
    "Direction",
    "Proxy",
    "Upstream",
    "abort",
    "break_off",
    "in_background",
    "stop_listening",
]

_READ_SIZE: Final = 1 << 16
_CHUNK_PAUSE: Final = 0.001  # seconds for the receiver to read one chunk before the next one comes
_ANY_PORT: Final = 0
_TURNS_OF_AN_ACCEPT: Final = 5  # of the event loop; asyncio needs three of them

Upstream: TypeAlias = "tuple[str, int] | str"
"""Host and port of the server behind the proxy, or the path of its unix socket."""


class Direction(enum.Flag):
    """Which way bytes go: what the client sends, what the server answers."""

    REQUESTS = enum.auto()
    REPLIES = enum.auto()


REQUESTS: Final = Direction.REQUESTS
REPLIES: Final = Direction.REPLIES
BOTH: Final = Direction.REQUESTS | Direction.REPLIES


class Cut(enum.Enum):
    """How a connection ends: FIN after everything that was forwarded, or RST, which may destroy that too."""

    FIN = enum.auto()
    RST = enum.auto()


@dataclass(slots=True)
class _Lane:
    """The faults of one direction, and how many bytes it has forwarded."""

    stalled: bool = False
    delay: float = 0.0
    chunk: int | None = None
    remaining: int | None = None
    how: Cut = Cut.FIN
    forwarded: int = 0

    def heal(self) -> None:
        self.stalled, self.delay, self.chunk, self.remaining = False, 0.0, None, None

    def piece(self, held: bytearray) -> bytes:
        """Take the bytes that may be forwarded next; none when the direction is used up."""
        limits = [limit for limit in (self.chunk, self.remaining) if limit is not None]
        size = min([len(held), *limits])
        piece = bytes(held[:size])
        del held[:size]
        return piece

    def count(self, size: int) -> None:
        self.forwarded += size
        if self.remaining is not None:
            self.remaining -= size

    @property
    def used_up(self) -> bool:
        return self.remaining == 0


class Proxy:
    """``async with Proxy((host, port)) as proxy``: connect to ``proxy.port`` or ``proxy.unix_path`` instead.

    Everything passes until a fault is set; faults hold for present and future connections until `heal`.
    """

    host: Final = "127.0.0.1"

    def __init__(self, upstream: Upstream, *, unix_path: str | None = None) -> None:
        self.upstream = upstream
        self.unix_path = unix_path
        self.accepted = 0
        self._port = _ANY_PORT
        self._deaf = False
        self._lanes = {REQUESTS: _Lane(), REPLIES: _Lane()}
        self._connections: set[_Connection] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._listeners: list[asyncio.Server] = []
        self._reserved: socket.socket | None = None

    async def __aenter__(self) -> Self:
        try:
            await self._listen()
        except BaseException:
            await self.close()
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Close the listener and all connections, and wait for what served them."""
        await self._stop_listening()
        if self._reserved is not None:
            self._reserved.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    # Facts

    @property
    def port(self) -> int:
        return self._port

    @property
    def address(self) -> tuple[str, int]:
        return self.host, self._port

    @property
    def open(self) -> int:
        """How many connections the clients have open."""
        return sum(not connection.left for connection in self._connections)

    @property
    def request_bytes(self) -> int:
        return self._lanes[REQUESTS].forwarded

    @property
    def reply_bytes(self) -> int:
        return self._lanes[REPLIES].forwarded

    # Faults

    def stall(self, direction: Direction = BOTH) -> None:
        """Go on accepting bytes, but forward none until `heal`, which forwards what was held."""
        for lane in self._chosen(direction):
            lane.stalled = True

    def delay(self, seconds: float, direction: Direction = REPLIES) -> None:
        """Hold every piece back this long."""
        for lane in self._chosen(direction):
            lane.delay = seconds

    def chunk(self, size: int, direction: Direction = BOTH) -> None:
        """Forward at most this many bytes per packet."""
        for lane in self._chosen(direction):
            lane.chunk = size

    def drop_after(self, size: int, direction: Direction = REPLIES, how: Cut = Cut.FIN) -> None:
        """Cut the connection that carries this many more bytes, exactly after them; once."""
        for lane in self._chosen(direction):
            lane.remaining, lane.how = size, how

    def deafen(self) -> None:
        """Accept new connections and never answer them; present ones go on."""
        self._deaf = True

    def cut(self, how: Cut = Cut.RST) -> None:
        """Cut every present connection, on both sides; new ones pass."""
        for connection in list(self._connections):
            connection.cut(how)

    async def refuse(self) -> None:
        """Refuse new connections (ECONNREFUSED) until `heal`; present ones go on."""
        await self._stop_listening()
        # Bound and not listening: connections are refused, and nobody else gets the port.
        self._reserved = self._reserved or _bound_socket(self.host, self._port)

    async def heal(self) -> None:
        """Let everything pass again, and forward what was held."""
        self._deaf = False
        for lane in self._lanes.values():
            lane.heal()
        self._wake()
        if not self._listeners:
            await self._listen()

    def _chosen(self, direction: Direction) -> list[_Lane]:
        return [lane for which, lane in self._lanes.items() if which in direction]

    def _wake(self) -> None:
        for connection in self._connections:
            connection.wake()

    # Listening

    async def _listen(self) -> None:
        listener = self._reserved or _bound_socket(self.host, self._port)
        self._reserved = None
        self._port = listener.getsockname()[1]
        self._listeners.append(await asyncio.start_server(self._accept, sock=listener))
        if self.unix_path is not None:
            self._listeners.append(await asyncio.start_unix_server(self._accept, self.unix_path))

    async def _stop_listening(self) -> None:
        while self._listeners:
            await stop_listening(self._listeners.pop())
        if self.unix_path is not None:
            with contextlib.suppress(FileNotFoundError):
                os.unlink(self.unix_path)

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.accepted += 1
        task = asyncio.create_task(self._serve(reader, writer))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            if self._deaf:
                await _swallow(reader)
            else:
                await self._carry(reader, writer)
        finally:
            await abort(writer)

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            far_reader, far_writer = await _connect(self.upstream)
        except OSError:
            _end(writer, Cut.RST)
            return
        connection = _Connection((reader, writer), (far_reader, far_writer), self._lanes)
        self._connections.add(connection)
        try:
            await connection.run()
        finally:
            self._connections.discard(connection)
            await abort(far_writer)


_End: TypeAlias = tuple[asyncio.StreamReader, asyncio.StreamWriter]


class _Connection:
    """A client's connection and the one to the server behind it."""

    def __init__(self, client: _End, server: _End, lanes: dict[Direction, _Lane]) -> None:
        self._writers = [client[1], server[1]]
        self._requests = _Flow(client[0], server[1], lanes[REQUESTS], self.cut)
        self._replies = _Flow(server[0], client[1], lanes[REPLIES], self.cut)

    async def run(self) -> None:
        """Carry bytes both ways until both ends have finished or the connection is cut."""
        async with asyncio.TaskGroup() as group:
            for flow in (self._requests, self._replies):
                group.create_task(flow.read())
                group.create_task(flow.forward())
        for writer in self._writers:
            writer.close()
            with contextlib.suppress(OSError):
                await writer.wait_closed()

    @property
    def left(self) -> bool:
        """Whether the client hung up."""
        return self._requests.ended

    def cut(self, how: Cut) -> None:
        for flow in (self._requests, self._replies):
            flow.stop()
        for writer in self._writers:
            _end(writer, how)

    def wake(self) -> None:
        for flow in (self._requests, self._replies):
            flow.turn.set()


class _Flow:
    """The bytes of one connection in one direction: read at once, forwarded as the lane's faults allow."""

    def __init__(
        self,
        source: asyncio.StreamReader,
        sink: asyncio.StreamWriter,
        lane: _Lane,
        cut: Callable[[Cut], None],
    ) -> None:
        self.turn = asyncio.Event()
        self.ended = False
        self._source, self._sink, self._lane, self._cut = source, sink, lane, cut
        self._held = bytearray()
        self._stopped = False

    def stop(self) -> None:
        self._stopped = self.ended = True
        self.turn.set()

    async def read(self) -> None:
        try:
            while chunk := await self._source.read(_READ_SIZE):
                self._held += chunk
                self.turn.set()
        except OSError:
            self._cut(Cut.RST)
        self.ended = True
        self.turn.set()

    async def forward(self) -> None:
        try:
            while await self._due():
                await self._forward_piece()
            if not self._stopped and self._sink.can_write_eof():
                self._sink.write_eof()
        except OSError:
            self._cut(Cut.RST)

    async def _due(self) -> bool:
        """Wait until there is something that may be forwarded; return False when nothing will ever be."""
        while not self._stopped and (self._lane.stalled or not (self._held or self.ended)):
            self.turn.clear()
            await self.turn.wait()
        return bool(self._held) and not self._stopped

    async def _forward_piece(self) -> None:
        if self._lane.delay:
            await asyncio.sleep(self._lane.delay)
            if self._lane.stalled or self._stopped:
                return
        if piece := self._lane.piece(self._held):
            self._sink.write(piece)
            self._lane.count(len(piece))
            await self._sink.drain()
        if self._lane.used_up:
            self._lane.remaining = None
            self._cut(self._lane.how)
        elif self._lane.chunk is not None:
            await asyncio.sleep(_CHUNK_PAUSE)


async def _swallow(reader: asyncio.StreamReader) -> None:
    with contextlib.suppress(OSError):
        while await reader.read(_READ_SIZE):
            continue


async def _connect(upstream: Upstream) -> _End:
    if isinstance(upstream, str):
        return await asyncio.open_unix_connection(upstream)
    return await asyncio.open_connection(*upstream)


async def stop_listening(listener: asyncio.Server) -> None:
    """Close a listener, once the connections it has accepted are in the hands of the code that serves them.

    Python 3.11 forgets, and never closes, a connection that it was accepting when the listener closed.
    """
    loop = asyncio.get_running_loop()
    for listening in listener.sockets:
        loop.remove_reader(listening.fileno())
    for _ in range(_TURNS_OF_AN_ACCEPT):
        await asyncio.sleep(0)
    listener.close()


async def abort(writer: asyncio.StreamWriter) -> None:
    """Close a connection without waiting for the peer to read; return once its socket is closed."""
    writer.transport.abort()
    with contextlib.suppress(OSError):
        await writer.wait_closed()


def break_off(writer: asyncio.StreamWriter) -> None:
    """End a connection by RST: the peer gets ECONNRESET and may lose what it has not read yet."""
    no_lingering = struct.pack("ii", 1, 0)  # which makes close() send RST instead of FIN
    with contextlib.suppress(OSError):
        writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, no_lingering)
    writer.transport.abort()


def _end(writer: asyncio.StreamWriter, how: Cut) -> None:
    if how is Cut.FIN:
        writer.close()
    else:
        break_off(writer)


def _bound_socket(host: str, port: int) -> socket.socket:
    # With its protocol named: asyncio sets TCP_NODELAY on what is accepted by no other.
    bound = socket.socket(proto=socket.IPPROTO_TCP)
    try:
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        bound.bind((host, port))
    except BaseException:
        bound.close()
        raise
    return bound


class BackgroundProxy:
    """A proxy in a thread, for tests that block; its facts may be read from anywhere, its verbs need `do`."""

    def __init__(self, proxy: Proxy, loop: asyncio.AbstractEventLoop) -> None:
        self.proxy = proxy
        self._loop = loop
        self._end = asyncio.Event()

    @property
    def host(self) -> str:
        return self.proxy.host

    @property
    def port(self) -> int:
        return self.proxy.port

    def do(self, verb: Callable[[Proxy], Awaitable[object] | None]) -> None:
        """Do something to the proxy in its thread: ``background.do(Proxy.cut)``."""

        async def call() -> None:
            if (awaited := verb(self.proxy)) is not None:
                await awaited

        asyncio.run_coroutine_threadsafe(call(), self._loop).result(DEADLINE)

    async def until_end(self) -> None:
        await self._end.wait()

    def end(self) -> None:
        self._loop.call_soon_threadsafe(self._end.set)


@contextlib.contextmanager
def in_background(upstream: Upstream, *, unix_path: str | None = None) -> Iterator[BackgroundProxy]:
    """Run a proxy in a thread of its own for as long as the block lasts."""
    started: Future[BackgroundProxy] = Future()

    async def serve() -> None:
        async with Proxy(upstream, unix_path=unix_path) as proxy:
            background = BackgroundProxy(proxy, asyncio.get_running_loop())
            started.set_result(background)
            await background.until_end()

    with ThreadPoolExecutor(1, "proxy") as thread:
        ended = thread.submit(asyncio.run, serve())
        ended.add_done_callback(lambda ended: _report_failed_start(ended, started))
        background = started.result(DEADLINE)
        try:
            yield background
        finally:
            background.end()
            ended.result(DEADLINE)


def _report_failed_start(ended: Future[None], started: Future[BackgroundProxy]) -> None:
    """Hand the error of a proxy that never started to whoever waits for its start."""
    if not started.done():
        started.set_exception(ended.exception())
