"""Which connections there are, who holds them, and which may be handed on.

The books (idle, leased, being opened, waiting) change synchronously, in the same tick as what they record, so a
cancellation can strike anywhere without losing a seat. How a connection is opened is for the subclass to say;
what state it is in, for its conversation.
"""

from __future__ import annotations

import asyncio
import logging
import warnings
import weakref
from collections import Counter, deque
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from types import TracebackType
from typing import Final, Literal, NamedTuple, Protocol, Self, TypeAlias, TypedDict, cast

from pyredis.client.async_client import AsyncClient
from pyredis.client.scanning import Scanning
from pyredis.commands.methods import Commands
from pyredis.commands.spec import Spec, find
from pyredis.connection.lane import Lane
from pyredis.connection.stream import Wire
from pyredis.exceptions import (
    PoolExhausted,
    PyRedisConnClosed,
    PyRedisConnError,
    PyRedisError,
    StatefulCommand,
)
from pyredis.options import ConnectionOptions, TlsOptions, checked_timeout, checked_tls
from pyredis.resp.encode import argv
from pyredis.types import Argument, Reply

__all__ = ["AsyncBasePool", "PoolOptions", "Statistics", "refuse_stateful"]

_log = logging.getLogger(__name__)


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
    tls: TlsOptions | bool | None
    protocol: Literal[2, 3]
    decoder: Literal["fast", "typed"]
    max_bulk: int
    client_name: str | None
    lib_name: str | None
    family: Literal[0, 4, 6]
    read_only: bool
    init: tuple[tuple[bytes, ...], ...]
    health_check_interval: float | None
    acquire_timeout: float | None
    close_on_err: bool


class Statistics(NamedTuple):
    """What a pool has now, and what became of its connections so far.

    ``idle``, ``leased``, ``lanes`` and ``opening`` are connections, together never more than ``pool_size``;
    ``waiting`` are the calls that wait for one. ``closed`` counts by reason: ``lost`` (network or server),
    ``timeout``, ``protocol``, ``not at rest``, ``unchecked`` (failed the health check), ``surplus``,
    ``condemned`` (another one's error), ``pool closed``.
    """

    idle: int
    leased: int
    lanes: int
    opening: int
    waiting: int
    opened: int
    closed: Mapping[str, int]


class Held(Protocol):
    """What a pool's books hold: a connection, or what stands for several of them."""

    generation: int | None
    on_end: weakref.WeakMethod[Callable[[Wire], None]] | None
    on_idle: weakref.WeakMethod[Callable[[Wire], None]] | None

    @property
    def closed(self) -> bool: ...

    @property
    def clean(self) -> bool:
        """Whether the next holder would find it as it was opened."""

    @property
    def lost(self) -> bool:
        """Whether the network, the server or the clock closed it."""

    @property
    def idle_for(self) -> float:
        """Seconds since the last reply came."""

    async def check(self) -> bool:
        """Return whether the server answers; it is closed when it does not."""

    def abort(self, error: PyRedisError | None = None, *, reason: str = ...) -> None:
        """Close at once; whoever waits for a reply gets ``error``."""

    async def wait_closed(self) -> None: ...


class _Reserved:
    """A seat for a connection that is still to be opened."""


_RESERVED: Final = _Reserved()
_Seat: TypeAlias = Held | _Reserved
"""What ``acquire`` is given under the lock: an idle connection, now leased, or the right to open one."""


class AsyncBasePool(Commands, Scanning):
    """Base connection pool for asynchronous Redis clients.

    Abstract over ``_open``. It belongs to the event loop that uses it first. Timeouts are in seconds, None for
    no limit; 0 and less are ValueError. ``acquire_timeout`` is how long ``acquire`` may wait for its turn, first
    come first served; 0 raises PoolExhausted at once. ``close_on_err`` lets an error on one connection condemn
    the others. The options of the connections are those of ``ConnectionOptions``.
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
        tls: TlsOptions | bool | None = None,
        protocol: Literal[2, 3] = 2,
        decoder: Literal["fast", "typed"] = "fast",
        max_bulk: int = 512 * 1024 * 1024,
        client_name: str | None = None,
        lib_name: str | None = "pyredis",
        family: Literal[0, 4, 6] = 0,
        read_only: bool = False,
        init: tuple[tuple[bytes, ...], ...] = (),
        health_check_interval: float | None = None,
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
            tls=checked_tls(tls),
            protocol=protocol,
            decoder=decoder,
            max_bulk=max_bulk,
            client_name=client_name,
            lib_name=lib_name,
            family=family,
            read_only=read_only,
            init=init,
            health_check_interval=health_check_interval,
        )
        self._acquire_timeout = acquire_timeout and checked_timeout("acquire_timeout", acquire_timeout)
        self._close_on_err = bool(close_on_err)
        self._pool_size = _checked_size(pool_size)
        self._lock = asyncio.Lock() if lock is None else lock
        self._loop: asyncio.AbstractEventLoop | None = None
        self._idle: list[Held] = []
        self._leased: set[Held] = set()
        self._lanes: list[Lane] = []
        self._opening = 0
        self._openings: set[asyncio.Timeout] = set()  # by which closing ends what is being opened
        self._waiting: deque[asyncio.Future[_Seat]] = deque()
        self._generation = 0
        self._closed = False
        self._opened = 0
        self._closed_by: Counter[str] = Counter()

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
    def client_name(self) -> str | None:
        return self._options.client_name

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
    def read_only(self) -> bool:
        """Whether commands that are not known to change nothing are refused."""
        return self._options.read_only

    @property
    def close_on_err(self) -> bool:
        return self._close_on_err

    @property
    def tls(self) -> TlsOptions | None:
        """How connections are encrypted, None when they are not."""
        return self._options.tls

    @property
    def pool_size(self) -> int:
        """The most connections there may be; writable.

        Growing takes effect at once. Shrinking closes idle surplus at once, leased surplus at its release.
        """
        return self._pool_size

    @pool_size.setter
    def pool_size(self, size: int) -> None:
        self._pool_size = _checked_size(size)
        self._fit()

    def _fit(self) -> None:
        """Bring the books to where ``pool_size`` wants them."""
        size = self._pool_size
        while self._used > size and (wire := self._take_idle() or self._take_idle_lane()) is not None:
            self._discard(wire, "surplus")
        for lane in self._lanes[: max(0, self._used - size)]:
            self._drain(lane)
        self._seat_waiting()

    @property
    def statistics(self) -> Statistics:
        """The books, now."""
        return Statistics(
            idle=len(self._idle),
            leased=len(self._leased),
            lanes=len(self._lanes),
            opening=self._opening,
            waiting=sum(not place.done() for place in self._waiting),
            opened=self._opened,
            closed=dict(self._closed_by),
        )

    def _options_but(self, changes: PoolOptions) -> PoolOptions:
        """Return what another pool is made with that is to be like this one, but for these."""
        options: PoolOptions = {
            **{name: getattr(self._options, name) for name in self._options.__match_args__},  # type: ignore[typeddict-item]
            "pool_size": self.pool_size,
            "acquire_timeout": self._acquire_timeout,
            "close_on_err": self.close_on_err,
        }
        options.update(changes)
        return options

    def __repr__(self) -> str:
        return (
            f"<{type(self).__name__} {self._where()} database={self.database} username={self.username!r} "
            f"pool_size={self._pool_size} idle={len(self._idle)} leased={len(self._leased)}>"
        )

    def _where(self) -> str:
        """Return the address, for messages."""
        return "without a server"

    async def _open(self) -> Held:
        """Return a new connection that has shaken hands: the one thing that a subclass must say."""
        raise NotImplementedError(f"{type(self).__name__} does not say how to open a connection")

    # -- acquire

    async def acquire(self) -> AsyncClient:
        """Return a fresh handle over the newest idle connection, or over a new one.

        Raises PoolExhausted when ``pool_size`` connections are leased and ``acquire_timeout`` has passed.
        """
        client = self._handle(await self._lease())
        client.pool = self
        return client

    def _handle(self, held: Held) -> AsyncClient:
        """Return what a lease is used by."""
        return AsyncClient.over(cast("Wire", held))

    @asynccontextmanager
    async def lease(self) -> AsyncGenerator[AsyncClient]:
        """``async with pool.lease() as client``: acquire, and release whatever happens."""
        client = await self.acquire()
        try:
            yield client
        finally:
            await self.release(client)

    async def _lease(self, *, sharing: bool = False) -> Held:
        while True:
            seat = await self._take_seat(sharing=sharing)
            if isinstance(seat, _Reserved):
                return await self._open_reserved()
            if seat.closed:  # it ended between being handed on and our waking
                self._return(seat)
            elif await self._healthy(seat):
                return seat

    async def _healthy(self, held: Held) -> bool:
        """Return whether a connection that was idle for long still answers; one that does not is given up."""
        interval = self._options.health_check_interval
        if interval is None or held.idle_for < interval:
            return True
        healthy = False
        try:
            healthy = await held.check()
        finally:
            if not healthy:
                self._return(held)
        return healthy

    async def _take_seat(self, *, sharing: bool = False) -> _Seat:
        seat: _Seat | asyncio.Future[_Seat] | None = None
        try:
            async with self._lock:
                seat = self._choose(sharing=sharing)
        except BaseException:
            self._give_back(seat)
            raise
        return await self._wait_for(seat) if isinstance(seat, asyncio.Future) else seat

    def _choose(self, *, sharing: bool) -> _Seat | asyncio.Future[_Seat]:
        """Return a seat that is ours now, or a place in the queue; ``sharing`` takes no lane away."""
        self._check_usable()
        if not self._waiting:
            wire = self._take_idle()
            if wire is None and not (sharing or self._one_lane_left):
                wire = self._take_idle_lane()
            if wire is not None:
                self._leased.add(wire)
                return wire
            if self._used < self._pool_size:
                self._opening += 1
                return _RESERVED
        if self._acquire_timeout == 0 and not self._lanes and (sharing or not self._lane_coming):
            raise self._exhausted()
        place: asyncio.Future[_Seat] = asyncio.get_running_loop().create_future()
        self._waiting.append(place)
        if not sharing:
            self._promise_lane()
        return place

    def _check_usable(self) -> None:
        """Refuse a pool that is closed, or that belongs to another event loop or process."""
        if self._closed:
            raise PyRedisConnClosed(f"{self!r} is closed")
        loop = asyncio.get_running_loop()
        if self._loop is None:
            self._loop = loop
        elif self._loop is not loop:
            raise PyRedisError(
                f"{self!r} belongs to another event loop or process; make a pool in each that needs one"
            )

    def _take_idle(self) -> Held | None:
        """Return the newest idle connection, now in nobody's hands; those that are not at rest are closed."""
        while self._idle:
            wire = self._idle.pop()
            if wire.clean:
                return wire
            self._discard(wire, "not at rest")
        return None

    def _take_idle_lane(self) -> Held | None:
        """Return the connection of a lane with nothing in flight, which is none any more."""
        for lane in reversed(self._lanes):
            if not lane.owed:
                wire = self._end_lane(lane)
                if wire.clean:
                    return wire
                self._discard(wire, "not at rest")
        return None

    @property
    def _one_lane_left(self) -> bool:
        """Whether shared work would be left without a seat if the idle lane were taken now.

        Those who were just answered may be about to come back for it, so it is promised instead.
        """
        free = sum(not lane.promised for lane in self._lanes)
        return free == 1 and 1 < self._pool_size <= self._used

    async def _wait_for(self, place: asyncio.Future[_Seat]) -> _Seat:
        # Without leave to wait it is a busy lane that one waits for, and a command on it takes no longer.
        limit = self.read_timeout if self._acquire_timeout == 0 else self._acquire_timeout
        try:
            async with asyncio.timeout(limit):
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
        elif isinstance(seat, _Reserved):
            self._free_reserved()
        elif seat is not None:
            self._return(seat)

    async def _open_reserved(self) -> Held:
        """Open the connection that a seat is reserved for; the seat is free again when that fails."""
        generation = self._generation
        unclosed = asyncio.timeout(None)
        self._openings.add(unclosed)
        try:
            async with unclosed:
                wire = await self._open()
        except BaseException as error:
            self._free_reserved()
            if isinstance(error, TimeoutError) and unclosed.expired():
                raise self._given_up_while_opening() from None
            raise
        finally:
            self._openings.discard(unclosed)
        if wire.generation is None:
            wire.generation = generation
        wire.on_end = weakref.WeakMethod(self._ended)
        wire.on_idle = weakref.WeakMethod(self._rested)
        self._opening -= 1
        self._opened += 1
        if isinstance(wire, Wire):
            _log.debug("opened a connection to %s", wire.address)
        if self._closed:
            self._discard(wire, "pool closed")
            raise self._given_up_while_opening()
        self._leased.add(wire)
        return wire

    def _given_up_while_opening(self) -> PyRedisConnClosed:
        how = "closed" if self._closed else "told to drop its connections"
        return PyRedisConnClosed(f"{self!r} was {how} while a connection was being opened")

    # -- lanes

    def _promise_lane(self) -> None:
        """Promise a busy lane to whoever waits; but for the last one, it takes no new commands then.

        The last lane of several seats is kept for shared work, until it has nothing in flight.
        """
        promised = sum(lane.promised for lane in self._lanes)
        free = [lane for lane in self._lanes if not lane.promised]
        if free and promised < len(self._waiting):
            lane = min(free, key=Lane.load)
            if len(free) > 1 or self._pool_size == 1:
                self._drain(lane)
            else:
                lane.promised = True
                if not lane.owed:
                    lane.wire.rest_soon()

    def _drain(self, lane: Lane) -> None:
        """Let a lane take no new commands; when nothing is in flight any more, its connection is free."""
        lane.promised = lane.draining = True
        self._lane_lost(lane)
        if not lane.owed:
            self._free(self._end_lane(lane))

    def _lane_lost(self, lane: Lane) -> None:
        """Hear that a lane takes no new commands."""

    @property
    def _lane_coming(self) -> bool:
        """Whether a connection is being opened that will be a lane."""
        return False

    def _end_lane(self, lane: Lane) -> Wire:
        """Strike a lane with nothing in flight from the books and return its connection."""
        self._lanes.remove(lane)
        self._lane_lost(lane)
        lane.wire.unshare()
        return lane.wire

    def _rested(self, wire: Wire) -> None:
        """Hear that a promised lane has nothing in flight, or that a lane is idle for long."""
        lane = wire.lane
        if lane is not None and not lane.owed:
            self._free(self._end_lane(lane))

    def _ended(self, wire: Wire) -> None:
        """Hear that a connection is closed, whoever closed it."""
        self._closed_by[wire.reason] += 1
        level = logging.WARNING if wire.lost else logging.DEBUG
        _log.log(level, "closed a connection to %s (%s): %s", wire.address, wire.reason, wire.error)
        if wire.lane is not None and wire.lane in self._lanes:
            self._end_lane(wire.lane)
            self._condemn_if_lost(wire)
            self._seat_waiting()
        elif wire in self._idle:
            self._idle.remove(wire)
            self._seat_waiting()

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
            self._return(wire)

    def _return(self, wire: Held) -> None:
        """Strike a lease from the books; its connection is kept, handed on or closed."""
        if wire in self._leased:
            self._leased.remove(wire)
            self._condemn_if_lost(wire)
            self._free(wire)

    def _free(self, wire: Held) -> None:
        """Keep a connection that nobody uses any more, hand it on, or close it."""
        reason = self._unfit(wire)
        if reason is not None:
            self._discard(wire, reason)
            self._seat_waiting()
        elif (place := self._next_waiting()) is not None:
            self._leased.add(wire)
            place.set_result(wire)
        else:
            self._idle.append(wire)

    def _unfit(self, wire: Held) -> str | None:
        """Return why a connection must not be kept, None when it may."""
        if self._closed:
            return "pool closed"
        if wire.generation != self._generation:
            return "condemned"
        if self._used >= self._pool_size:
            return "surplus"
        return None if wire.clean else "not at rest"

    def _discard(self, wire: Held, reason: str) -> None:
        wire.abort(reason=reason)

    def _free_reserved(self) -> None:
        self._opening -= 1
        self._seat_waiting()

    def _seat_waiting(self) -> None:
        """Give free seats to those who wait longest."""
        while (
            not self._closed and self._used < self._pool_size and (place := self._next_waiting()) is not None
        ):
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
        return len(self._idle) + len(self._leased) + len(self._lanes) + self._opening

    def _condemn_if_lost(self, wire: Held) -> None:
        """Let the end of a connection condemn the others, unless they are newer than what it tells of."""
        if self._close_on_err and wire.lost and wire.generation == self._generation:
            self.renew()

    def renew(self) -> None:
        """Start a new generation: idle connections close now, the others when their work is done."""
        self._generation += 1
        idle, self._idle = self._idle, []
        _log.info(
            "condemned the %d connections of %r", len(idle) + len(self._leased) + len(self._lanes), self
        )
        for wire in idle:
            self._discard(wire, "condemned")
        for lane in list(self._lanes):
            self._drain(lane)

    def abandon(self, reason: str) -> None:
        """Close every connection, and those being opened, at once; ``reason`` is what those who wait are told.

        They get PyRedisConnClosed, whose ``.sent`` says whether their command may have been executed. The
        pool itself goes on with new connections.
        """
        self.renew()
        for wire in self._wires():
            wire.abort(PyRedisConnClosed(reason), reason="condemned")
        self._stop_opening()

    def _wires(self) -> list[Held]:
        return [*self._idle, *self._leased, *(lane.wire for lane in self._lanes)]

    def _stop_opening(self) -> None:
        """Have every connection that is being opened given up."""
        openings, self._openings = self._openings, set()  # a timeout that has struck takes no other time
        for opening in openings:
            opening.reschedule(asyncio.get_running_loop().time())

    # -- execute

    async def execute(self, *args: Argument, shard_key: object = None, sock: object = None) -> Reply:
        """Return the reply of one command on a connection of the pool; raise its ReplyError.

        Execution options are ``shard_key`` and ``sock``. A command that changes the state of its connection is
        StatefulCommand. When the connection breaks, the command is sent again, once, only if it was never
        written or is read-only.
        """
        self._check_sock(sock)
        words = argv(args, self.encoding)
        spec = find(words)
        refuse_stateful(spec)
        return await self._execute_exclusively(words, spec)

    async def _execute_exclusively(self, words: tuple[bytes, ...], spec: Spec | None) -> Reply:
        try:
            return await self._execute_leased(words)
        except PyRedisConnClosed as error:
            if not self._may_retry(error, spec):
                raise
            _log.info("executing %s again: %s", spec.name if spec else "a command", error)
        return await self._execute_leased(words)

    def _may_retry(self, error: PyRedisConnError, spec: Spec | None) -> bool:
        """Whether a command can be sent once more and surely not be executed twice, or without harm."""
        return not self._closed and (error.sent is False or (spec is not None and spec.readonly))

    def _check_sock(self, sock: object) -> None:
        """Refuse an address that is not this pool's."""

    async def _execute_leased(self, words: tuple[bytes, ...]) -> Reply:
        client = await self.acquire()
        try:
            return await client.execute(*words)
        finally:
            await self.release(client)

    # -- the end

    async def close(self) -> None:
        """Close every connection; fail whoever waits with PyRedisConnClosed. Waits for no reply."""
        wires = self._wires()
        self.shut()
        await asyncio.sleep(0)  # in which sockets close, but for those with TLS
        for wire in wires:
            await wire.wait_closed()

    def shut(self) -> None:
        """Do what ``close`` does, and do not wait for the sockets to be gone."""
        self._closed = True
        wires = self._wires()
        self._idle.clear()
        error = f"{self!r} was closed"
        for wire in wires:
            wire.abort(PyRedisConnClosed(error), reason="pool closed")
        while (place := self._next_waiting()) is not None:
            place.set_exception(PyRedisConnClosed(error))
        if asyncio.get_running_loop() is self._loop:
            self._stop_opening()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self.close()

    def __del__(self) -> None:
        if "_closed_by" in self.__dict__ and self.drop():  # else the options were refused
            unclosed = f"unclosed {self!r}; await its close(), or use async with"
            warnings.warn(unclosed, ResourceWarning, stacklevel=2, source=self)

    def drop(self) -> bool:
        """Close every connection, from whatever event loop or none; return whether any was open."""
        wires = self._wires()
        unclosed = any(not wire.closed for wire in wires)
        for wire in wires:
            wire.abort()
        return unclosed


def refuse_stateful(spec: Spec | None) -> None:
    """Raise StatefulCommand when a command is none for a connection that others use, too."""
    if spec is not None and spec.stateful:
        raise StatefulCommand(
            f"{spec.name} changes the state of its connection; acquire() one and execute it there"
        )


def _checked_size(size: int) -> int:
    if isinstance(size, bool) or not isinstance(size, int):
        raise TypeError(f"pool_size must be an int, not {type(size).__name__}")
    if size < 1:
        raise ValueError(f"pool_size must be at least 1, got {size}")
    return size
