"""The pool of the server that sentinels call the primary, or of one of its replicas.

It knows what hints at a failover (a lost or a silent connection, a write refused by a replica), which connections
are not for new commands then, and what may be executed again. Which server to connect to it does not know: that
is for the finder to say, whom every hint makes ask again.
"""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from functools import partial
from itertools import count
from typing import Final, Unpack
from weakref import WeakMethod

from pyredis.address import Address, TcpAddress, UnixAddress
from pyredis.client.async_sentinel import AsyncSentinelClient
from pyredis.commands.spec import Spec, find
from pyredis.connection.async_connection import checked_sock
from pyredis.connection.stream import Wire
from pyredis.exceptions import (
    ExecAbort,
    MasterDown,
    PyRedisConnClosed,
    PyRedisError,
    ReadOnly,
    ReplyError,
    reply_error,
)
from pyredis.options import replica_choice
from pyredis.pool.async_base import PoolOptions
from pyredis.pool.async_pool import AsyncPool
from pyredis.pool.finding import Finder, Left
from pyredis.pool.sharing import SharingPool
from pyredis.resp.encode import argv
from pyredis.retry import Backoff
from pyredis.types import Argument, Reply

__all__ = ["AsyncSentinelPool"]

_log = logging.getLogger(__name__)

_PATIENCE: Final = 2.0  # seconds for which a refused command is tried again, without a ``read_timeout``
_AGAIN: Final = Backoff(first=0.02, most=0.25)


class AsyncSentinelPool(SharingPool):
    """Connections to the primary of the group ``name``, as ``sentinels``, a list of ``(host, port)``, know it.

    With ``replica_ok`` (or ``slave_ok``, the same) to its replicas, each time to any, rather to one that is in
    step with its primary; or to the primary while there is none. A server to connect to is looked for in
    ``retries`` rounds over the sentinels; when none of them answers there is no other round.
    ``sentinel_password`` and ``sentinel_username`` are for the sentinels. The other options are those of
    ``AsyncBasePool``, by keyword; ``close_on_err`` is True, and ``tls``, ``family`` and the timeouts are for the
    sentinels, too, who have ``conn_timeout`` to answer when there is no ``read_timeout``. ``natmap`` says where
    servers are reached that the sentinels call by other addresses.
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
        natmap: Mapping[TcpAddress, TcpAddress] | None = None,
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
        self._natmap = natmap
        self._of_sentinels = sentinel_password, sentinel_username
        self._sentinel = AsyncSentinelClient(
            sentinels,
            sentinel_password,
            sentinel_username,
            None,
            self._options.conn_timeout,
            self._options.read_timeout or self._options.conn_timeout,
            tls=self._options.tls,
            family=self._options.family,
            lib_name=self._options.lib_name,
            natmap=natmap,
        )
        self._finder = Finder(
            self._sentinel, name, self._options, replica_ok=self._replica_ok, retries=retries
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
    def sentinel(self) -> AsyncSentinelClient:
        """What asks the sentinels; it closes with the pool."""
        return self._sentinel

    @property
    def address(self) -> TcpAddress | None:
        """The server that was connected to last; None before the first time."""
        return self._address

    def like(self, **changes: Unpack[PoolOptions]) -> AsyncSentinelPool:
        """Return a new pool for the same group, with the same options but for these."""
        sentinels = [(sentinel.host, sentinel.port) for sentinel in self.sentinels]
        group = self._name, self._replica_ok, self._retries
        return AsyncSentinelPool(
            sentinels, *group, *self._of_sentinels, natmap=self._natmap, **self._options_but(changes)
        )

    def at(self, address: Address, **changes: Unpack[PoolOptions]) -> AsyncPool:
        """Return a new pool for one server, whatever the sentinels say, with the same options but for these."""
        options = self._options_but(changes)
        if isinstance(address, UnixAddress):
            return AsyncPool(unix_sock=address.path, **options)
        return AsyncPool(address.host, address.port, **options)

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
        return await self._finder.find(self._begin)

    def _begin(self) -> Callable[[Wire], None]:
        """Return what takes a connection that is looked for from now on."""
        return partial(self._take, self._address)

    def _take(self, before: TcpAddress | None, wire: Wire) -> None:
        """Note where we are connected to, unless another connection took us elsewhere than ``before`` meanwhile.

        The sentinels were asked earlier for this one, so they are to be asked again: Left.
        """
        address = wire.address
        assert isinstance(address, TcpAddress)
        if address != self._address and not self._replica_ok:
            if self._address != before:
                reason = f"{address} was called the primary before {self._address} was"
                raise Left(reason, address=str(address))
            self._move(address)
        self._address = address
        wire.generation = self._generation
        wire.on_silent = WeakMethod(self._silent)
        wire.on_refused = WeakMethod(self._refused)

    def _move(self, address: TcpAddress) -> None:
        """Hear of another primary: connections to the one before are not for new commands."""
        if self._address is not None:
            _log.warning("%s is at %s now, no more at %s", self._name, address, self._address)
            self.renew()

    # -- hints of a failover

    def _silent(self, wire: Wire) -> None:
        """Hear that a server does not answer: the sentinels may have given it up."""
        if self._asking is None or self._asking.done():
            self._asking = wire.loop.create_task(self._leave_if_replaced(wire))

    async def _leave_if_replaced(self, silent: Wire) -> None:
        """Close what is connected to a silent server, once there is another one in its place."""
        assert isinstance(silent.address, TcpAddress)
        if not await self._finder.replaced(silent.address):
            return
        if silent.generation == self._generation:
            self.renew()
        reason = f"{silent.address} is silent, and the sentinels of {self._name!r} gave it up"
        for wire in self._wires():
            if isinstance(wire, Wire) and wire.address == silent.address:
                wire.abort(PyRedisConnClosed(reason), reason="condemned")

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


def _was_not_executed(error: PyRedisError, spec: Spec | None) -> bool:
    """Whether it was the server that refused a command, and before it did anything.

    A write is refused by a replica, and what is not fit for stale data by one that has lost its primary, before
    it is executed. A script may be stopped by either halfway, or say so itself.
    """
    if spec is None:
        return False
    return spec.write if isinstance(error, ReadOnly) else "stale" not in spec.flags
