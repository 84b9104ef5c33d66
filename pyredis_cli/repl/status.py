"""How the server is, asked in the background while a prompt waits.

No keystroke waits for it, and what it asks costs the server less than a thousandth of its time. It asks on a
connection of its own, not on the one for names: a server that does not answer costs that connection, and the time
that an answer takes is what is measured. It knows no terminal.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections import deque
from collections.abc import Callable
from dataclasses import replace
from statistics import median
from typing import TYPE_CHECKING, Final

from pyredis.exceptions import NoPerm, PyRedisError, ReplyError
from pyredis_cli.repl.aside import Aside
from pyredis_cli.repl.figures import product_of, status_by_hello, status_by_info

if TYPE_CHECKING:
    from pyredis.client.async_client import AsyncClient
    from pyredis.types import Reply
    from pyredis_cli.core.session import Session
    from pyredis_cli.repl.figures import Status

__all__ = ["StatusLook"]

logger = logging.getLogger(__name__)

_PAUSE: Final = 2.0  # seconds between two looks, at least
_IDLE_PAUSE: Final = 10.0  # the same once nobody typed for a while; what was seen longer ago is not shown
_IDLE_AFTER: Final = 60.0
_LONGEST_PAUSE: Final = 60.0  # seconds until it is tried again where there was no answer
_DEADLINE: Final = 1.0  # seconds for an answer
_SHARE: Final = 1_000  # a look may cost the server this part of the time between two looks
_LOOKS: Final = 5  # so many are compared
_FEW: Final = 3  # so few of them say nothing of the cost: the network may have been slow
_NEARLY: Final = 0.02  # a change of memory by less than this part is none

_ABOUT: Final = (b"INFO", b"server")
_HELLO: Final = (b"HELLO",)
_SIZE: Final = (b"DBSIZE",)
_SECTIONS: Final = (b"replication", b"memory", b"clients", b"keyspace")
_EACH: Final = tuple((b"INFO", section) for section in _SECTIONS)
_AT_ONCE: Final = ((b"INFO", *_SECTIONS),)
"""What servers from version 7 on understand."""


class StatusLook:
    """Looks while a prompt waits and it is ``enabled``.

    ``on_look`` hears of each look; before that, ``on_role`` hears which role the server has, if that is known.
    """

    def __init__(
        self,
        session: Session,
        on_look: Callable[[], None],
        enabled: Callable[[], bool] = lambda: True,
        on_role: Callable[[str], None] = lambda role: None,
    ) -> None:
        self._session = session
        self._on_look = on_look
        self._enabled = enabled
        self._on_role = on_role
        self._aside = Aside(session)
        self._product = ""
        self._sections: tuple[tuple[bytes, ...], ...] = _AT_ONCE
        self._known: AsyncClient | None = None
        """The connection to the server that these two are true of."""
        self._refused: set[tuple[str | None, bytes]] = set()
        self._status: Status | None = None
        self._seen_by: tuple[object, ...] = ()
        self._pings: deque[float] = deque(maxlen=_LOOKS)
        self._answers: deque[float] = deque(maxlen=_LOOKS)
        """Seconds that a PING and the figures took; what the latter took longer is what they cost."""
        self._round_trip = 0.0
        self._memory: int | None = None
        self._failures = 0
        self._waiting = False
        self._looked_at = self._valid_until = float("-inf")
        self._typed_at = float("-inf")
        self._timer: asyncio.TimerHandle | None = None
        self._task: asyncio.Task[None] | None = None

    @property
    def status(self) -> Status | None:
        """What is known; None as soon as it may be another server's, another user's or of long ago."""
        fresh = time.monotonic() < self._valid_until
        same = self._seen_by == self._whose() and self._session.connected
        return self._status if fresh and same and self._enabled() else None

    # -- when it looks

    def prompt_waits(self) -> None:
        """Hear that a prompt is on the screen: now there is time to look."""
        if not self._waiting:
            self._waiting, self._failures = True, 0
            self._typed_at = time.monotonic()
            self._plan()

    def typed(self) -> None:
        """Hear that somebody is there: after a long time of nothing the next look comes soon."""
        was_idle = self._is_idle()
        self._typed_at = time.monotonic()
        if was_idle and self._waiting:
            self._plan()

    def prompt_gone(self) -> None:
        """Hear that a command runs: no look begins until the next prompt."""
        self._waiting = False
        self._unplan()

    async def close(self) -> None:
        """Look no more, and give the connection back."""
        self.prompt_gone()
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task])
        await self._aside.hang_up()

    def _plan(self) -> None:
        """Have the next look begin when it is due, unless one is under way, which plans the next one itself."""
        self._unplan()
        if self._task is None or self._task.done():
            loop = asyncio.get_running_loop()
            left = self._looked_at + self._pause() - time.monotonic()
            self._timer = loop.call_later(max(left, 0), self._begin)

    def _unplan(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _begin(self) -> None:
        self._task = asyncio.get_running_loop().create_task(self._look())
        self._task.add_done_callback(self._plan_next)

    def _plan_next(self, task: asyncio.Task[None]) -> None:
        if self._waiting and not task.cancelled():
            self._plan()

    def _is_idle(self) -> bool:
        return time.monotonic() - self._typed_at > _IDLE_AFTER

    def _pause(self) -> float:
        """Return how many seconds there are from one look to the next."""
        if self._failures:
            return float(min(_PAUSE * 2**self._failures, _LONGEST_PAUSE))
        return max(_IDLE_PAUSE if self._is_idle() else _PAUSE, self._cost() * _SHARE)

    def _cost(self) -> float:
        """Return the seconds that a look costs the server, about.

        The network is slower at one time than at another, so the fastest answers are compared.
        """
        if len(self._answers) < _FEW:
            return 0.0
        return max(min(self._answers) - min(self._pings, default=0.0), 0.0)

    # -- a look

    async def _look(self) -> None:
        status = None
        try:
            self._looked_at = time.monotonic()
            if self._enabled() and self._session.connected:
                status = await self._asked()
                self._failures = 0
            else:
                await self._aside.hang_up()
        except (PyRedisError, TimeoutError) as error:
            logger.debug("how the server is stays unknown: %s", error)
            self._failures += 1
            await self._aside.hang_up()
        # What may be asked so seldom only would be shown when it is not true any more.
        self._status = status if self._cost() * _SHARE <= _IDLE_PAUSE else None
        self._valid_until = time.monotonic() + min(self._pause(), _IDLE_PAUSE) + _DEADLINE
        if status is not None and status.role:
            self._on_role(status.role)
        self._on_look()

    async def _asked(self) -> Status | None:
        """Return what the server says; None when it says nothing to this user."""
        if self._is_refused(*_EACH[0]) and self._is_refused(*_HELLO) and self._is_refused(*_SIZE):
            return None
        seen_by = self._whose()
        async with asyncio.timeout(_DEADLINE):
            client = await self._aside.client()
        if client is not self._known:
            await self._get_to_know(client)
        self._known = client
        ping = await self._ping(client)
        began = time.monotonic()
        status = await self._by_info(client) or await self._by_hello(client)
        self._answers.append(time.monotonic() - began)
        if self._whose() != seen_by:  # what the one may see is not for the other
            return None
        self._seen_by = seen_by
        return (
            None if status is None else replace(status, round_trip=ping, memory=self._steady(status.memory))
        )

    async def _get_to_know(self, client: AsyncClient) -> None:
        (reply,) = await self._replies(client, _ABOUT)
        self._product = product_of(reply)
        self._sections = _EACH if self._product.startswith("Redis 6.") else _AT_ONCE
        self._pings.clear()
        self._answers.clear()

    async def _ping(self, client: AsyncClient) -> float | None:
        """Return the usual time of a round trip, the same as before unless it is quite another one."""
        began = time.monotonic()
        if await self._replies(client, (b"PING",)) == [None]:
            return None
        self._pings.append(time.monotonic() - began)
        usual = median(self._pings)
        if not self._round_trip / 2 <= usual <= self._round_trip * 2:
            self._round_trip = usual
        return self._round_trip

    def _steady(self, memory: int | None) -> int | None:
        """Return the memory in use, the same as before when it is nearly that: each command moves it a little."""
        before = self._memory
        if memory is None or before is None or abs(memory - before) > before * _NEARLY:
            self._memory = memory
        return self._memory

    async def _by_info(self, client: AsyncClient) -> Status | None:
        replies = await self._replies(client, *self._sections)
        if not any(replies) and self._sections is _AT_ONCE and not self._is_refused(*_AT_ONCE[0]):
            self._sections = _EACH  # a server that takes one section at a time
            replies = await self._replies(client, *_EACH)
        return status_by_info(replies, self._product) if any(replies) else None

    async def _by_hello(self, client: AsyncClient) -> Status | None:
        """Ask what users may ask who may ask little."""
        if not self._is_refused(*_EACH[0]):
            return None  # no INFO is a server that is busy
        database = self._session.database
        chosen = client.database == database
        select = () if chosen or self._is_refused(*_SIZE) else ((b"SELECT", b"%d" % database),)
        hello, *_, size = await self._replies(client, _HELLO, *select, _SIZE)
        if client.database != database:
            size = None
        return status_by_hello(hello, size, database) if hello or size is not None else None

    async def _replies(self, client: AsyncClient, *questions: tuple[bytes, ...]) -> list[Reply]:
        """Return the replies to what goes to the server in one piece; None is an error.

        What a user was refused is never asked again as that user.
        """
        user = self._session.username
        asked = [not self._is_refused(*argv) for argv in questions]
        async with asyncio.timeout(_DEADLINE), client.pipeline() as pipeline:
            for argv, ask in zip(questions, asked, strict=True):
                if ask:
                    await pipeline.execute(*argv)
        came = iter(pipeline.replies)
        replies = [next(came) if ask else None for ask in asked]
        for argv, reply in zip(questions, replies, strict=True):
            if isinstance(reply, NoPerm):
                self._refused.add((user, argv[0]))
        return [None if isinstance(reply, ReplyError) else reply for reply in replies]

    def _is_refused(self, name: bytes, *_: bytes) -> bool:
        return (self._session.username, name) in self._refused

    def _whose(self) -> tuple[object, ...]:
        return self._session.pool, self._session.address, self._session.username
