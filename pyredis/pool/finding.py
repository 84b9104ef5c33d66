"""Which server of a group to connect to: asked of its sentinels first, and then of the server itself.

It believes no sentinel: a server is asked what it is before it is used, and before another one is left for it. It
opens connections and keeps none; what becomes of them is for the pool to say.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Container
from typing import Final, TypeAlias

from pyredis.address import TcpAddress
from pyredis.client.async_sentinel import AsyncSentinelClient, Named
from pyredis.connection.opening import open_wire
from pyredis.connection.stream import Wire
from pyredis.exceptions import NoPerm, ProtocolError, PyRedisConnError, PyRedisError, ReplyError, may_pass
from pyredis.options import ConnectionOptions
from pyredis.retry import Backoff

__all__ = ["Finder", "Left"]

_IMPATIENCE: Final = 0.25  # seconds until a server that is being connected to is asked about
_PATIENCE: Final = 2.0  # seconds for finding out whether a silent server was replaced
_MOST: Final = (
    100  # servers that are tried in a round; sentinels that name more of them name what is not there
)
_ROUNDS: Final = Backoff(first=0.1, most=1.0)

_Take: TypeAlias = Callable[[Wire], None]
_Tried: TypeAlias = dict[TcpAddress, PyRedisError]


class Left(PyRedisConnError):
    """A server was left, for the sentinels have another one for us by now."""


class Finder:
    """Finds the primary of the group ``name``, or with ``replica_ok`` one of its replicas, or else the primary.

    A server is looked for in ``retries`` rounds, and in each among all that the sentinels name.
    """

    def __init__(
        self,
        sentinel: AsyncSentinelClient,
        name: str,
        options: ConnectionOptions,
        *,
        replica_ok: bool,
        retries: int,
    ) -> None:
        self._sentinel = sentinel
        self._name = name
        self._options = options
        self._replica_ok = replica_ok
        self._retries = retries

    # -- looking for one

    async def find(self, begin: Callable[[], _Take]) -> Wire:
        """Return a connection to a server that is what the sentinels call it.

        ``begin`` is called before they are asked. What it returns takes the connection, or raises Left when it
        has come to know better meanwhile.
        """
        told: dict[Named, PyRedisError] = {}
        for turn in range(self._retries):
            if turn:
                await asyncio.sleep(_ROUNDS.delay(turn - 1, random.random()))
            tried: _Tried = {}
            wire = await self._search(begin, tried, told)
            if wire is not None:
                return wire
            if not any(map(may_pass, tried.values())):
                raise next(iter(tried.values()))  # a wrong password is no better the next time
        wanted = "replica" if self._replica_ok else "primary"
        reasons = "; ".join(f"{named.sentinel} named {named.address}: {told[named]}" for named in told)
        raise PyRedisConnError(f"no {wanted} of {self._name!r} can be used ({reasons})")

    async def _search(
        self, begin: Callable[[], _Take], tried: _Tried, told: dict[Named, PyRedisError]
    ) -> Wire | None:
        """Return a connection to the first server that is what a sentinel calls it, None when there is none.

        ``tried`` is told why a server was none, and ``told`` who had named it. A sentinel is asked until it names
        nothing new: it may have learnt something meanwhile.
        """
        exhausted = 0
        while exhausted < len(self._sentinel.sentinels) and len(tried) < _MOST:
            take = begin()
            named = await self._candidate(tried)
            if named.address in tried:
                exhausted += 1
                self._sentinel.pass_over(named.sentinel)
            else:
                try:
                    return await self._open(named.address, take)
                except (PyRedisConnError, ProtocolError, ReplyError) as error:
                    tried[named.address] = error
            told[named] = tried[named.address]
        return None

    async def _candidate(self, but: Container[TcpAddress] = ()) -> Named:
        """Return the best server that a sentinel names and that is none of ``but``; else the primary."""
        if self._replica_ok:
            for replicas in await self._sentinel.named_replicas(self._name):
                untried = [named for named in replicas if named.address not in but]
                if untried:
                    return random.choice(untried)
        return await self._sentinel.named_primary(self._name)

    # -- connecting

    async def _open(self, address: TcpAddress, take: _Take) -> Wire:
        wire = await self._open_unless_left(address)
        try:
            take(wire)
        except Left:
            wire.abort()
            raise
        return wire

    async def _open_unless_left(self, address: TcpAddress) -> Wire:
        """Connect, unless the sentinels give the server up before it answers."""
        opening = asyncio.get_running_loop().create_task(self._open_verified(address))
        try:
            while not (await asyncio.wait([opening], timeout=_IMPATIENCE))[0]:
                if await self._given_up(address):
                    raise Left(f"{address} is silent, and the sentinels gave it up", address=str(address))
            return opening.result()
        except BaseException:
            opening.cancel()
            opening.add_done_callback(_close_opened)  # it may be open already when we are cancelled
            await asyncio.wait([opening])
            raise

    async def _open_verified(self, address: TcpAddress) -> Wire:
        """Return a connection to a server that says itself that it is what it was called."""
        limit = self._options.conn_timeout
        wire = await open_wire(address, self._options)
        try:
            async with asyncio.timeout(limit):
                await self._verify(wire)
        except BaseException as error:
            wire.abort()
            if isinstance(error, TimeoutError):
                reason = f"{address} does not tell its role within {limit:g} seconds"
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

    # -- whether to leave one

    async def replaced(self, silent: TcpAddress) -> bool:
        """Whether the sentinels gave a server up, and name another one that is what they call it."""
        named: Named | None = None
        try:
            async with asyncio.timeout(_PATIENCE):
                if not await self._given_up(silent):
                    return False
                named = await self._candidate([silent])
                if named.address == silent:
                    return False
                (await self._open_verified(named.address)).abort()
        except (PyRedisError, TimeoutError):
            if named is not None:
                self._sentinel.pass_over(named.sentinel)
            return False
        return True

    async def _given_up(self, address: TcpAddress) -> bool:
        """Whether a sentinel would not send us to a server any more, as far as that can be known in time."""
        try:
            async with asyncio.timeout(_PATIENCE):
                named = [await self._sentinel.named_primary(self._name)]
                if self._replica_ok:
                    in_step, behind = await self._sentinel.named_replicas(self._name)
                    named += in_step + behind
        except (PyRedisError, TimeoutError):
            return False
        return address not in [server.address for server in named]


def _close_opened(opening: asyncio.Task[Wire]) -> None:
    if not opening.cancelled() and opening.exception() is None:
        opening.result().abort()


def _text(word: object) -> str:
    return word.decode("ascii", "replace") if isinstance(word, bytes) else str(word)
