"""The pool of the server that sentinels call the primary, or of one of its replicas.

It believes no sentinel: a server is asked what it is before it is used. Whatever hints at a failover (a lost or a
silent connection, a write refused by a replica) makes it ask the sentinels again.
"""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Iterable, Sequence
from typing import Final, Unpack
from weakref import WeakMethod

from pyredis.address import TcpAddress
from pyredis.client.async_sentinel import AsyncSentinelClient
from pyredis.connection.async_connection import checked_sock
from pyredis.connection.opening import open_wire
from pyredis.connection.stream import Wire
from pyredis.exceptions import (
    MasterDown,
    NoPerm,
    ProtocolError,
    PyRedisConnClosed,
    PyRedisConnError,
    PyRedisError,
    ReadOnly,
    ReplyError,
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

    With ``replica_ok`` (or ``slave_ok``, the same) to one of its replicas, or to the primary while there is none.
    A server to connect to is looked for in ``retries`` rounds. ``sentinel_password`` and ``sentinel_username`` are
    for the sentinels. The other options are those of ``AsyncBasePool``, by keyword; ``close_on_err`` is True, and
    ``tls`` is for the sentinels, too.
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
        told: dict[str, PyRedisError] = {}
        for turn in range(self._retries):
            if turn:
                await asyncio.sleep(_ROUNDS.delay(turn - 1, random.random()))
            for _ in self.sentinels:
                address = await self._candidate()
                try:
                    return self._take(await self._open_unless_moved(address))
                except (PyRedisConnError, ProtocolError) as error:
                    told[str(address)] = error
                await self._sentinel.next_sentinel()
        wanted = "replica" if self._replica_ok else "primary"
        reasons = "; ".join(f"{address}: {error}" for address, error in told.items())
        raise PyRedisConnError(f"no {wanted} of {self._name!r} can be used ({reasons})")

    async def _candidate(self) -> TcpAddress:
        """Return the server that a sentinel names."""
        if self._replica_ok:
            replicas = await self._sentinel.replica_addresses(self._name)
            if replicas:
                return random.choice(replicas)
        return await self._sentinel.primary_address(self._name)

    async def _open_unless_moved(self, address: TcpAddress) -> Wire:
        """Connect, unless the sentinels name another server before that one answers."""
        opening = asyncio.get_running_loop().create_task(self._open_verified(address))
        wire: Wire | None = None
        try:
            while not (await asyncio.wait([opening], timeout=_IMPATIENCE))[0]:
                if await self._moved_from(address):
                    raise PyRedisConnError(
                        f"{address} is silent, and the primary no more", address=str(address)
                    )
            wire = opening.result()
            return wire
        finally:
            if wire is None:
                opening.cancel()
                await asyncio.wait([opening])
                if not opening.cancelled() and opening.exception() is None:
                    opening.result().abort()

    async def _open_verified(self, address: TcpAddress) -> Wire:
        wire = await open_wire(address, self._options)
        try:
            await self._verify(wire)
        except BaseException:
            wire.abort()
            raise
        return wire

    async def _verify(self, wire: Wire) -> None:
        """Refuse a server that says itself that it is not what it was called."""
        try:
            reply = await wire.execute((b"ROLE",), None)
        except NoPerm:
            return  # this user may not know, so the sentinel is taken at its word
        except ReplyError as error:
            raise PyRedisConnError(f"{wire.address} does not tell its role: {error}") from error
        role = reply[0] if isinstance(reply, list) and reply else None
        if role not in (b"master", "master") and not self._replica_ok:
            shown = role.decode("ascii", "replace") if isinstance(role, bytes) else role
            raise PyRedisConnError(
                f"{wire.address} was called the primary, but says that its role is {shown!r}",
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
        if not self._replica_ok and (self._asking is None or self._asking.done()):
            self._asking = wire.loop.create_task(self._leave_if_moved(wire))

    async def _leave_if_moved(self, silent: Wire) -> None:
        assert isinstance(silent.address, TcpAddress)
        if not await self._moved_from(silent.address):
            return
        self.renew()
        reason = f"{silent.address} is silent, and the primary of {self._name!r} no more"
        for wire in self._wires():
            if isinstance(wire, Wire) and wire.address == silent.address:
                wire.abort(PyRedisConnClosed(reason), reason="condemned")

    async def _moved_from(self, address: TcpAddress) -> bool:
        """Whether a sentinel names another primary, as far as that can be known."""
        try:
            return not self._replica_ok and await self._sentinel.primary_address(self._name) != address
        except PyRedisError:
            return False

    def _refused(self, wire: Wire, error: ReplyError) -> None:
        """Hear that a server refused a command; one that is no primary any more has no business here."""
        if self._close_on_err and isinstance(error, (ReadOnly, MasterDown)):
            self.renew()

    # -- execute

    async def _recover(self, error: PyRedisError, args: Sequence[Argument]) -> Reply:
        """Execute once more what a server refused because it is no primary, wherever the primary is now."""
        loop = asyncio.get_running_loop()
        ends = loop.time() + (self.read_timeout or _PATIENCE)
        attempt = 0
        while self._worth_another(error):
            if self._close_on_err:
                self.renew()
            delay = _AGAIN.delay(attempt, random.random())
            if loop.time() + delay > ends:
                break
            await asyncio.sleep(delay)
            attempt += 1
            try:
                lane = await self._lane_for(apart=False)
                reply: Reply = await lane.ask(argv(args, self.encoding))
                return reply
            except PyRedisError as again:
                error = again
        return await super()._recover(error, args)

    def _worth_another(self, error: PyRedisError) -> bool:
        """Whether a command was refused for what the server has become, and another one may take it."""
        return isinstance(error, MasterDown) or (isinstance(error, ReadOnly) and not self._replica_ok)

    async def execute_many(self, commands: Iterable[Sequence[Argument]]) -> list[Reply]:
        replies = await super().execute_many(commands)
        if self._close_on_err and any(isinstance(reply, (ReadOnly, MasterDown)) for reply in replies):
            self.renew()
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
