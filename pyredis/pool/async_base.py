"""Which connections there are, who holds them, and which may be handed on.

The books (idle, leased, being opened, waiting) change synchronously, in the same tick as what they record, so a
cancellation can strike anywhere without losing a seat. How a connection is opened is for the subclass to say;
what state it is in, for its conversation.
"""

from __future__ import annotations

import asyncio
import warnings
from collections import deque
from collections.abc import Mapping
from contextlib import AbstractAsyncContextManager
from types import TracebackType
from typing import Final, Literal, Self, TypeAlias, TypedDict

from pyredis.client.async_client import AsyncClient
from pyredis.commands.spec import Spec, find
from pyredis.connection.stream import Wire
from pyredis.exceptions import PoolExhausted, PyRedisConnClosed, StatefulCommand
from pyredis.options import ConnectionOptions, checked_timeout
from pyredis.resp.encode import argv
from pyredis.types import Argument, Reply

__all__ = ["AsyncBasePool", "PoolOptions"]


class PoolOptions(TypedDict, total=False):
    """The keyword options of every pool."""

    database: int
    password: str | bytes | None
    encoding: str | None
    conn_timeout: float | None
    read_timeout: float | None
    pool_size: int
    lock: AbstractAsyncContextManager[object] | None
    username: str | None
    protocol: Literal[2, 3]
    decoder: Literal["fast", "typed"]
    acquire_timeout: float | None
    close_on_err: bool


class _Reserved:
    """A seat for a connection that is still to be opened."""


_RESERVED: Final = _Reserved()
_Seat: TypeAlias = Wire | _Reserved
"""What ``acquire`` is given under the lock: an idle connection, now leased, or the right to open one."""


class AsyncBasePool:
    """Base connection pool for asynchronous Redis clients.

    Abstract over ``_open``. Timeouts are in seconds, None for no limit; 0 and less are ValueError.
    ``acquire_timeout`` is how long ``acquire`` may wait for its turn, first come first served; 0 raises
    PoolExhausted at once. ``close_on_err`` lets an error on one connection condemn the others.
    """

    def __init__(
        self,
        database: int = 0,
        password: str | bytes | None = None,
        encoding: str | None = None,
        conn_timeout: float | None = 2,
        read_timeout: float | None = 2,
        pool_size: int = 16,
        lock: AbstractAsyncContextManager[object] | None = None,
        username: str | None = None,
        *,
        protocol: Literal[2, 3] = 2,
        decoder: Literal["fast", "typed"] = "fast",
        acquire_timeout: float | None = 0,
        close_on_err: bool = False,
    ) -> None:
        self._options = ConnectionOptions(
            database=database,
            password=password,
            username=username,
            encoding=encoding,
            conn_timeout=conn_timeout,
            read_timeout=read_timeout,
            protocol=protocol,
            decoder=decoder,
        )
        self._acquire_timeout = acquire_timeout and checked_timeout("acquire_timeout", acquire_timeout)
        self._close_on_err = bool(close_on_err)
        self._pool_size = _checked_size(pool_size)
        self._lock = asyncio.Lock() if lock is None else lock
        self._idle: list[Wire] = []
        self._leased: set[Wire] = set()
        self._opening = 0
        self._waiting: deque[asyncio.Future[_Seat]] = deque()
        self._generation = 0
        self._closed = False

    # -- what it was made with

    @property
    def database(self) -> int:
        return self._options.database

    @property
    def password(self) -> str | bytes | None:
        return self._options.password

    @property
    def encoding(self) -> str | None:
        return self._options.encoding

    @property
    def username(self) -> str | None:
        return self._options.username

    @property
    def protocol(self) -> Literal[2, 3]:
        """The RESP version asked for; a server that does not know HELLO is served in RESP2."""
        return self._options.protocol

    @property
    def conn_timeout(self) -> float | None:
        return self._options.conn_timeout

    @property
    def read_timeout(self) -> float | None:
        return self._options.read_timeout

    @property
    def close_on_err(self) -> bool:
        return self._close_on_err

    @property
    def pool_size(self) -> int:
        """The most connections there may be; writable.

        Growing takes effect at once. Shrinking closes idle surplus at once, leased surplus at its release.
        """
        return self._pool_size

    @pool_size.setter
    def pool_size(self, size: int) -> None:
        self._pool_size = _checked_size(size)
        while self._idle and self._used > size:
            self._idle.pop(0).abort()
        self._seat_waiting()

    def __repr__(self) -> str:
        return (
            f"<{type(self).__name__} {self._where()} database={self.database} username={self.username!r} "
            f"pool_size={self._pool_size} idle={len(self._idle)} leased={len(self._leased)}>"
        )

    def _where(self) -> str:
        """Return the address, for messages."""
        return "without a server"

    async def _open(self) -> Wire:
        """Return a new connection that has shaken hands: the one thing that a subclass must say."""
        raise NotImplementedError(f"{type(self).__name__} does not say how to open a connection")

    # -- acquire

    async def acquire(self) -> AsyncClient:
        """Return a fresh handle over the newest idle connection, or over a new one.

        Raises PoolExhausted when ``pool_size`` connections are leased and ``acquire_timeout`` has passed.
        """
        client = AsyncClient.over(await self._lease())
        client.pool = self
        return client

    async def _lease(self) -> Wire:
        seat = await self._take_seat()
        return seat if isinstance(seat, Wire) else await self._open_reserved()

    async def _take_seat(self) -> _Seat:
        seat: _Seat | asyncio.Future[_Seat] | None = None
        try:
            async with self._lock:
                seat = self._choose()
        except BaseException:
            self._give_back(seat)
            raise
        return await self._wait_for(seat) if isinstance(seat, asyncio.Future) else seat

    def _choose(self) -> _Seat | asyncio.Future[_Seat]:
        """Return a seat that is ours now, or a place in the queue."""
        if self._closed:
            raise PyRedisConnClosed(f"{self!r} is closed")
        if not self._waiting:
            while self._idle:
                wire = self._idle.pop()
                if wire.clean:
                    self._leased.add(wire)
                    return wire
                wire.abort()
            if self._used < self._pool_size:
                self._opening += 1
                return _RESERVED
        if self._acquire_timeout == 0:
            raise self._exhausted()
        place: asyncio.Future[_Seat] = asyncio.get_running_loop().create_future()
        self._waiting.append(place)
        return place

    async def _wait_for(self, place: asyncio.Future[_Seat]) -> _Seat:
        try:
            async with asyncio.timeout(self._acquire_timeout):
                return await place
        except BaseException as error:
            self._give_back(place)
            if isinstance(error, TimeoutError):
                raise self._exhausted() from None
            raise

    def _exhausted(self) -> PoolExhausted:
        waited = f" for {self._acquire_timeout:g} seconds" if self._acquire_timeout else ""
        return PoolExhausted(
            f"all {self._pool_size} connections of {self!r} are leased{waited}; "
            "release one, raise pool_size or give acquire_timeout"
        )

    def _give_back(self, seat: _Seat | asyncio.Future[_Seat] | None) -> None:
        """Undo a choice whose caller was struck before it could use it."""
        if isinstance(seat, asyncio.Future):
            if seat in self._waiting:
                self._waiting.remove(seat)
            elif seat.done() and not seat.cancelled() and seat.exception() is None:
                self._give_back(seat.result())
        elif isinstance(seat, Wire):
            self._return(seat)
        elif seat is not None:
            self._free_reserved()

    async def _open_reserved(self) -> Wire:
        """Open the connection that a seat is reserved for; the seat is free again when that fails."""
        generation = self._generation
        try:
            wire = await self._open()
        except BaseException:
            self._free_reserved()
            raise
        wire.generation = generation
        self._opening -= 1
        if self._closed:
            wire.abort()
            raise PyRedisConnClosed(f"{self!r} was closed while a connection was being opened")
        self._leased.add(wire)
        return wire

    # -- release

    async def release(self, conn: AsyncClient) -> None:
        """Take a handle back: its connection is idle again when at rest and within size, else closed.

        The handle is dead from then on; releasing it again does nothing. A connection of another pool, or of
        none, is ValueError.
        """
        if not isinstance(conn, AsyncClient) or conn.pool is not self:
            raise ValueError(f"{conn!r} is not a connection of {self!r}")
        wire = conn.detach()
        if wire is not None:
            wire.on_unasked = None
            self._return(wire)

    def _return(self, wire: Wire) -> None:
        """Strike a lease from the books; its connection is kept, handed on or closed."""
        if wire not in self._leased:
            return
        self._leased.remove(wire)
        if self._close_on_err and wire.lost:
            self._condemn()
        current = wire.generation == self._generation and not self._closed
        if not (current and self._used < self._pool_size and wire.clean):
            wire.abort()
            self._seat_waiting()
        elif (place := self._next_waiting()) is not None:
            self._leased.add(wire)
            place.set_result(wire)
        else:
            self._idle.append(wire)

    def _free_reserved(self) -> None:
        self._opening -= 1
        self._seat_waiting()

    def _seat_waiting(self) -> None:
        """Give free seats to those who wait longest."""
        while self._used < self._pool_size and (place := self._next_waiting()) is not None:
            self._opening += 1
            place.set_result(_RESERVED)

    def _next_waiting(self) -> asyncio.Future[_Seat] | None:
        while self._waiting:
            place = self._waiting.popleft()
            if not place.done():
                return place
        return None

    @property
    def _used(self) -> int:
        return len(self._idle) + len(self._leased) + self._opening

    def _condemn(self) -> None:
        """Start a new generation: idle connections close now, leased ones at their release."""
        self._generation += 1
        idle, self._idle = self._idle, []
        for wire in idle:
            wire.abort()

    # -- execute

    async def execute(self, *args: Argument, **kwargs: object) -> Reply:
        """Return the reply of one command on a connection of the pool; raise its ReplyError.

        Execution options are ``shard_key`` and ``sock``. A command that changes the state of its connection is
        StatefulCommand. When the connection breaks, the command is sent again, once, only if it was never
        written or is read-only.
        """
        self._check_options(kwargs)
        words = argv(args, self.encoding)
        spec = find(words)
        if spec is not None and spec.stateful:
            raise StatefulCommand(
                f"{spec.name} changes the state of its connection; acquire() one and execute it there"
            )
        try:
            return await self._execute_leased(words, spec)
        except PyRedisConnClosed as error:
            if self._closed or not (error.sent is False or (spec is not None and spec.readonly)):
                raise
        return await self._execute_leased(words, spec)

    def _check_options(self, options: Mapping[str, object]) -> None:
        """Refuse execution options that cannot mean anything here."""
        for name in options.keys() - {"shard_key", "sock"}:
            raise TypeError(f"unknown execution option {name!r}; there are shard_key and sock")

    async def _execute_leased(self, words: tuple[bytes, ...], spec: Spec | None) -> Reply:
        wire = await self._lease()
        try:
            return await wire.execute(words, spec)
        finally:
            self._return(wire)

    # -- the end

    async def close(self) -> None:
        """Close every connection; fail whoever waits with PyRedisConnClosed. Waits for no reply."""
        self._closed = True
        wires = [*self._idle, *self._leased]
        self._idle.clear()
        error = f"{self!r} was closed"
        for wire in wires:
            wire.abort(PyRedisConnClosed(error))
        while (place := self._next_waiting()) is not None:
            place.set_exception(PyRedisConnClosed(error))
        for wire in wires:
            await wire.wait_closed()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self.close()

    def __del__(self) -> None:
        books = self.__dict__  # empty when the options were refused
        wires = [*books.get("_idle", ()), *books.get("_leased", ())]
        if any(not wire.closed for wire in wires):
            unclosed = f"unclosed {self!r}; await its close(), or use async with"
            warnings.warn(unclosed, ResourceWarning, stacklevel=2, source=self)
        for wire in wires:
            wire.abort()


def _checked_size(size: int) -> int:
    if isinstance(size, bool) or not isinstance(size, int):
        raise TypeError(f"pool_size must be an int, not {type(size).__name__}")
    if size < 1:
        raise ValueError(f"pool_size must be at least 1, got {size}")
    return size
