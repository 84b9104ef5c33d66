"""The pool of the server that sentinels call the primary, or of one of its replicas.

It believes no sentinel: a server is asked what it is before it is used, and before another one is left for it.
Whatever hints at a failover (a lost or a silent connection, a write refused by a replica) makes it ask the
sentinels again.
"""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Awaitable, Callable, Container, Iterable, Sequence
from functools import partial
from itertools import count
from typing import Final, Unpack
from weakref import WeakMethod

from pyredis.address import TcpAddress
from pyredis.client.async_sentinel import AsyncSentinelClient
from pyredis.commands.spec import Spec, find
from pyredis.connection.async_connection import checked_sock
from pyredis.connection.opening import open_wire
from pyredis.connection.stream import Wire
from pyredis.exceptions import (
    ExecAbort,
    MasterDown,
    NoPerm,
    ProtocolError,
    PyRedisConnClosed,
    PyRedisConnError,
    PyRedisError,
    ReadOnly,
    ReplyError,
    reply_error,
)
from pyredis.options import replica_choice
from pyredis.pool.async_base import PoolOptions
from pyredis.pool.sharing import SharingPool
from pyredis.resp.encode import argv
from pyredis.retry import Backoff
from pyredis.types import Argument, Reply

__all__ = ["AsyncSentinelPool"]

_log = logging.getLogger(__name__)

_IMPATIENCE: Final = 0.25  # seconds until a server that is being connected to is asked about
_PATIENCE: Final = 2.0  # seconds for which a refused command is tried again, without a ``read_timeout``
_ROUNDS: Final = Backoff(first=0.1, most=1.0)
_AGAIN: Final = Backoff(first=0.02, most=0.25)


class AsyncSentinelPool(SharingPool):
    """Connections to the primary of the group ``name``, as ``sentinels``, a list of ``(host, port)``, know it.

    With ``replica_ok`` (or ``slave_ok``, the same) to its replicas, each time to any, or to the primary while
    there is none. A server to connect to is looked for in ``retries`` rounds over the sentinels; when none of them
    answers there is no other round. ``sentinel_password`` and ``sentinel_username`` are for the sentinels. The
    other options are those of ``AsyncBasePool``, by keyword; ``close_on_err`` is True, and ``tls`` and the
    timeouts are for the sentinels, too.
    """

    def __init__(
        self,
        sentinels: Sequence[tuple[str, int]],
        name: str,
        replica_ok: bool = False,
        retries: int = 3,
        sentinel_password: str | bytes | None = None,
        sentinel_username: str | None = None,
        *,
        slave_ok: bool | None = None,
        **options: Unpack[PoolOptions],
    ) -> None:
        options.setdefault("close_on_err", True)
        super().__init__(**options)
        if not isinstance(name, str) or not name:
            raise ValueError(f"name is that of a group of servers, such as 'mymaster'; got {name!r}")
        if isinstance(retries, bool) or not isinstance(retries, int) or retries < 1:
            raise ValueError(f"retries must be at least 1, got {retries!r}")
        self._name = name
        self._replica_ok = replica_choice(replica_ok, slave_ok)
        self._retries = retries
        self._sentinel = AsyncSentinelClient(
            sentinels,
            sentinel_password,
            sentinel_username,
            None,
            self._options.conn_timeout,
            self._options.read_timeout,
            tls=self._options.tls,
            lib_name=self._options.lib_name,
        )
        self._address: TcpAddress | None = None
        self._asking: asyncio.Task[None] | None = None

    @property
    def name(self) -> str:
        """The name of the group."""
        return self._name

    @property
    def replica_ok(self) -> bool:
        """Whether a replica is connected to."""
        return self._replica_ok

    slave_ok = replica_ok

    @property
    def retries(self) -> int:
        return self._retries

    @property
    def sentinels(self) -> tuple[TcpAddress, ...]:
        """The sentinels, the one that is asked first in front."""
        return self._sentinel.sentinels

    @property
    def address(self) -> TcpAddress | None:
        """The server that was connected to last; None before the first time."""
        return self._address

    def _where(self) -> str:
        return f"{self._name} at {self._address or 'no server yet'}"

    def _check_sock(self, sock: object) -> None:
        if sock is not None and self._address is None:
            raise ValueError(f"sock={sock!r}: {self!r} is not connected yet; leave it out")
        if self._address is not None:
            checked_sock(sock, self._address)

    # -- connecting

    async def _open(self) -> Wire:
        """Return a connection to a server that is what the sentinels call it."""
        found: dict[TcpAddress, tuple[TcpAddress, PyRedisError]] = {}
        for turn in range(self._retries):
            if turn:
                await asyncio.sleep(_ROUNDS.delay(turn - 1, random.random()))
            wire = await self._open_candidate(found)
            if wire is not None:
                return wire
            refusals = [error for _, error in found.values() if isinstance(error, ReplyError)]
            if len(refusals) == len(found):
                raise refusals[0]  # a wrong password is no better the next time
        wanted = "replica" if self._replica_ok else "primary"
        reasons = "; ".join(
            f"{sentinel} named {named}: {error}" for sentinel, (named, error) in found.items()
        )
        raise PyRedisConnError(f"no {wanted} of {self._name!r} can be used ({reasons})")

    async def _open_candidate(self, found: dict[TcpAddress, tuple[TcpAddress, PyRedisError]]) -> Wire | None:
        """Return a connection to the first server that is what a sentinel calls it.

        ``found`` is told, by sentinel, what it named and what was found there.
        """
        tried: dict[TcpAddress, PyRedisError] = {}
        for _ in self.sentinels:
            address = await self._candidate(tried)
            sentinel = self.sentinels[0]
            if address not in tried:
                try:
                    return self._take(await self._open_unless_left(address))
                except (PyRedisConnError, ProtocolError, ReplyError) as error:
                    tried[address] = error
            found[sentinel] = address, tried[address]
            if self.sentinels[0] == sentinel and not isinstance(tried[address], _Left):
                await self._sentinel.next_sentinel()
        return None

    async def _candidate(self, but: Container[TcpAddress] = ()) -> TcpAddress:
        """Return a server that a sentinel names; a replica rather none of ``but``."""
        if self._replica_ok:
            named = await self._sentinel.replica_addresses(self._name)
            replicas = [address for address in named if address not in but]
            if replicas:
                return random.choice(replicas)
        return await self._sentinel.primary_address(self._name)

    async def _open_unless_left(self, address: TcpAddress) -> Wire:
        """Connect, unless the sentinels give the server up before it answers."""
        opening = asyncio.get_running_loop().create_task(self._open_verified(address))
        try:
            while not (await asyncio.wait([opening], timeout=_IMPATIENCE))[0]:
                if await self._given_up(address):
                    raise _Left(f"{address} is silent, and the sentinels gave it up", address=str(address))
            return opening.result()
        except BaseException:
            opening.cancel()
            opening.add_done_callback(_close_opened)  # it may be open already when we are cancelled
            await asyncio.wait([opening])
            raise

    async def _open_verified(self, address: TcpAddress) -> Wire:
        """Return a connection to a server that says itself that it is what it was called."""
        wire = await open_wire(address, self._options)
        try:
            async with asyncio.timeout(self.conn_timeout):
                await self._verify(wire)
        except BaseException as error:
            wire.abort()
            if isinstance(error, TimeoutError):
                reason = f"{address} does not tell its role within {self.conn_timeout:g} seconds"
                raise PyRedisConnError(reason, address=str(address)) from None
            raise
        return wire

    async def _verify(self, wire: Wire) -> None:
        try:
            reply = await wire.execute((b"ROLE",), None)
        except ReplyError as error:
            if isinstance(error, NoPerm) or "unknown command" in error.message:
                return  # we may not know, so the sentinel is taken at its word
            raise
        role = _text(reply[0]) if isinstance(reply, list) and reply else None
        if role not in (("master", "slave") if self._replica_ok else ("master",)):
            wanted = "a replica" if self._replica_ok else "the primary"
            raise PyRedisConnError(
                f"{wire.address} was called {wanted}, but says that its role is {role!r}",
                address=str(wire.address),
            )

    def _take(self, wire: Wire) -> Wire:
        """Note where we are connected to; connections to where we were are not for new commands."""
        address = wire.address
        assert isinstance(address, TcpAddress)
        if address != self._address:
            if self._address is not None and not self._replica_ok:
                _log.warning("%s is at %s now, no more at %s", self._name, address, self._address)
                self.renew()
            self._address = address
        wire.generation = self._generation
        wire.on_silent = WeakMethod(self._silent)
        wire.on_refused = WeakMethod(self._refused)
        return wire

    # -- hints of a failover

    def _silent(self, wire: Wire) -> None:
        """Hear that a server does not answer: the sentinels may have given it up."""
        if self._asking is None or self._asking.done():
            self._asking = wire.loop.create_task(self._leave_if_given_up(wire))

    async def _leave_if_given_up(self, silent: Wire) -> None:
        """Close what is connected to a silent server, once there is another one in its place."""
        assert isinstance(silent.address, TcpAddress)
        if not await self._given_up(silent.address):
            return
        try:
            (await self._open_verified(await self._candidate([silent.address]))).abort()
        except PyRedisError:
            await self._sentinel.next_sentinel()
            return
        self.renew()
        reason = f"{silent.address} is silent, and the sentinels of {self._name!r} gave it up"
        for wire in self._wires():
            if isinstance(wire, Wire) and wire.address == silent.address:
                wire.abort(PyRedisConnClosed(reason), reason="condemned")

    async def _given_up(self, address: TcpAddress) -> bool:
        """Whether a sentinel would not send us to a server any more, as far as that can be known."""
        try:
            named = [await self._sentinel.primary_address(self._name)]
            if self._replica_ok:
                named += await self._sentinel.replica_addresses(self._name)
        except PyRedisError:
            return False
        return address not in named

    def _refused(self, wire: Wire, error: ReplyError) -> None:
        """Hear that a server refused a command; one that is no primary any more has no business here."""
        if wire.generation == self._generation and self._is_misplaced(error):
            self.renew()

    def _is_misplaced(self, error: object) -> bool:
        """Whether a server says that it is not what we took it for, or why it executed no transaction."""
        if isinstance(error, ExecAbort):
            error = reply_error(error.message.partition(": ")[2])  # it quotes the error of a command
        kinds = (MasterDown,) if self._replica_ok else (MasterDown, ReadOnly)
        return self._close_on_err and isinstance(error, kinds)

    # -- execute

    async def _recover(self, error: PyRedisError, args: Sequence[Argument]) -> Reply:
        words = argv(args, self.encoding)
        if self._is_misplaced(error):
            self._refused_on_lane()
            if _was_not_executed(error, find(words)):
                try:
                    return await self._execute_elsewhere(error, partial(self._execute_on_lane, words))
                except PyRedisError as again:
                    error = again
        return await super()._recover(error, words)

    def _refused_on_lane(self) -> None:
        """Hear that a server refused a command on some lane.

        While a lane of an older generation has commands in flight, it may be that one, which is no news.
        """
        if all(lane.wire.generation == self._generation for lane in self._lanes if lane.draining):
            self.renew()

    async def _execute_on_lane(self, words: tuple[bytes, ...]) -> Reply:
        lane = await self._lane_for(apart=False)
        generation = self._generation
        try:
            reply: Reply = await lane.ask(words)
        except ReplyError as error:
            if generation == self._generation and self._is_misplaced(error):
                self.renew()
            raise
        return reply

    async def _execute_exclusively(self, words: tuple[bytes, ...], spec: Spec | None) -> Reply:
        execute = partial(super()._execute_exclusively, words, spec)
        try:
            return await execute()
        except (MasterDown, ReadOnly) as error:
            if not _was_not_executed(error, spec):
                raise
            return await self._execute_elsewhere(error, execute)

    async def _execute_elsewhere(self, error: PyRedisError, execute: Callable[[], Awaitable[Reply]]) -> Reply:
        """Execute what a server refused because of what it has become, wherever it is to be executed now.

        For ``read_timeout`` at most; raises the last error then.
        """
        loop = asyncio.get_running_loop()
        ends = loop.time() + (self.read_timeout or _PATIENCE)
        for attempt in count():
            if not self._is_misplaced(error):
                break
            delay = _AGAIN.delay(attempt, random.random())
            if loop.time() + delay > ends:
                break
            await asyncio.sleep(delay)
            try:
                return await execute()
            except PyRedisError as again:
                error = again
        raise error

    async def execute_many(self, commands: Iterable[Sequence[Argument]]) -> list[Reply]:
        replies = await super().execute_many(commands)
        if any(map(self._is_misplaced, replies)):
            self._refused_on_lane()
        return replies

    # -- the end

    def shut(self) -> None:
        self._sentinel.close()
        if self._asking is not None:
            self._asking.cancel()
        super().shut()

    async def close(self) -> None:
        """Close every connection; fail whoever waits with PyRedisConnClosed. Waits for no reply."""
        await super().close()
        await self._sentinel.wait_closed()
        if self._asking is not None:
            await asyncio.wait([self._asking])

    def drop(self) -> bool:
        sentinel = self.__dict__.get("_sentinel")  # none when the options were refused
        unclosed = sentinel is not None and sentinel.drop()
        return super().drop() or unclosed


class _Left(PyRedisConnError):
    """A server was left before it answered, and the sentinel that is asked next has another one for us."""


def _close_opened(opening: asyncio.Task[Wire]) -> None:
    if not opening.cancelled() and opening.exception() is None:
        opening.result().abort()


def _was_not_executed(error: PyRedisError, spec: Spec | None) -> bool:
    """Whether it was the server that refused a command, and before it did anything.

    A write is refused by a replica, and what is not fit for stale data by one that has lost its primary, before
    it is executed. A script may be stopped by either halfway, or say so itself.
    """
    if spec is None:
        return False
    return spec.write if isinstance(error, ReadOnly) else "stale" not in spec.flags


def _text(word: object) -> str:
    return word.decode("ascii", "replace") if isinstance(word, bytes) else str(word)
