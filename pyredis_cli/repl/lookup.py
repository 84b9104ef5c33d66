"""Names looked up at the server while a person types, so that the menu knows what nobody has typed yet.

No keystroke waits for it: completion notes what it hardly knew, and a task in the background asks for that, on a
connection of its own, in the database and as the user of the session or not at all. It asks seldom, for little at
a time, and gives way as soon as the person types on. What it learns goes to the cache like everything else.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Final

from pyredis.exceptions import NoPerm, PyRedisError, ReplyError
from pyredis_cli.complete import harvest
from pyredis_cli.complete.asking import OF_TYPE, QUESTIONS, WALKS, found_on, pattern
from pyredis_cli.complete.wants import ABOUT
from pyredis_cli.core.looking import look_only
from pyredis_cli.repl.aside import Aside

if TYPE_CHECKING:
    from pyredis.client.async_client import AsyncClient
    from pyredis.types import Reply
    from pyredis_cli.complete.names import NameCache, Wanted
    from pyredis_cli.core.session import Session

__all__ = ["LookUp"]

logger = logging.getLogger(__name__)

_PAUSE: Final = 0.1  # seconds between two questions
_COST: Final = 0.002  # seconds that a question may take longer than a PING
_NAMES: Final = 50_000  # so many names are asked for in all
_FRESH: Final = 30.0  # seconds for which an answer needs no second question
_ENOUGH: Final = 50  # names with the prefix: twice what a menu offers
_TYPED: Final = 20  # keys whose type is asked for at once
_COUNTS: Final = (10, 10_000)  # the least and the most that one page of SCAN looks at


class LookUp:
    """Asks for what the cache hardly knew, while that is ``enabled``, until ``budget`` names were told.

    ``redraw`` shows what was learnt.
    """

    def __init__(
        self,
        session: Session,
        names: NameCache,
        redraw: Callable[[], None],
        enabled: Callable[[], bool] = lambda: True,
        budget: int = _NAMES,
    ) -> None:
        self._enabled = enabled
        self._session = session
        self._names = names
        self._redraw = redraw
        self._asking: Wanted | None = None
        self._outdated = False
        """Whether what is being asked is of no use any more."""
        self._next: Wanted | None = None
        """What is to be asked for as soon as that is done."""
        self._task: asyncio.Task[None] | None = None
        self._aside = Aside(session)
        self._timed: AsyncClient | None = None
        """The connection whose round trip is known."""
        self._round_trip = 0.0
        self._count = 100
        self._cost = float("inf")
        """Seconds that the server takes to look at one name, about."""
        self._left = budget
        self._asked_at = 0.0
        self._answered: dict[tuple[Wanted, bool], float] = {}
        self._forbidden: set[tuple[str | None, str]] = set()

    def wake(self) -> None:
        """Hear that the menu was made: what the cache hardly knew is worth a question, unless it is asked now."""
        wanted = self._newest()
        if wanted is None or not self._allowed() or wanted == self._next or self._is_asking(wanted):
            return
        self._next = wanted
        if self._task is None or self._task.done():
            self._task = asyncio.get_running_loop().create_task(self._run())

    def _is_asking(self, wanted: Wanted) -> bool:
        return wanted == self._asking and not self._outdated

    def give_way(self) -> None:
        """Hear that the line is another now: nothing is asked for it any more until its menu is made."""
        self._next, self._outdated = None, True

    async def close(self) -> None:
        """Ask no more, and give the connection back."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task])
        await self._aside.hang_up()

    # -- one question after the other

    async def _run(self) -> None:
        while self._next is not None:
            wanted, self._next = self._next, None
            if not self._may_ask(wanted):
                continue
            self._asking, self._outdated = wanted, False
            try:
                if await self._look_for(wanted):
                    self._redraw()
            except PyRedisError as error:
                logger.debug("%s names stay unknown: %s", wanted.want.kind, error)
                if isinstance(error, NoPerm):
                    self._forbidden.add((self._session.username, wanted.want.kind))
                elif isinstance(error, ReplyError):
                    self._note_answered(wanted, complete=False)
                await self._aside.hang_up()
            finally:
                self._asking = None

    def _newest(self) -> Wanted | None:
        """Return what is wanted now; what was wanted before it is not wanted any more."""
        newest = self._names.next_wanted()
        while newest is not None and self._names.next_wanted() is not None:
            pass
        return newest

    def _allowed(self) -> bool:
        """Whether anything may be asked now."""
        return self._enabled() and self._session.connected and self._left > 0

    def _may_ask(self, wanted: Wanted) -> bool:
        """Whether the server may be asked for this: who owns it is known, and it was not just told or refused."""
        kind, about, _ = wanted.want
        return (
            self._allowed()
            and (self._session.username, kind) not in self._forbidden
            and (kind in QUESTIONS or kind in WALKS)
            and len(about) == len(ABOUT.get(kind, ()))
            and not self._is_answered(wanted)
        )

    def _is_answered(self, wanted: Wanted) -> bool:
        oldest = time.monotonic() - _FRESH
        self._answered = {key: at for key, at in self._answered.items() if at > oldest}
        beginnings = (wanted.prefix[:size] for size in range(len(wanted.prefix) + 1))
        return (wanted, False) in self._answered or any(
            (wanted._replace(prefix=beginning), True) in self._answered for beginning in beginnings
        )

    async def _look_for(self, wanted: Wanted) -> bool:
        """Return whether anything was learnt."""
        if wanted.want.kind in WALKS:
            return await self._walk(wanted)
        argv = QUESTIONS[wanted.want.kind](wanted)
        reply = await self._ask(wanted.database, argv)
        self._note_answered(wanted, complete=True)
        return self._learn(argv, reply, wanted.database)

    async def _walk(self, wanted: Wanted) -> bool:
        """Page through the names that begin so, until there are enough or the person types on."""
        learnt = False
        cursor = b"0"
        found = 0
        name, kind = await self._scanned(wanted)
        while name and not self._outdated and self._next is None and self._allowed():
            argv = self._page(name, cursor, wanted)
            reply = await self._ask(wanted.database, [*argv, *kind])
            self._adapt(time.monotonic() - self._asked_at)
            learnt |= self._learn(argv, reply, wanted.database)
            cursor, size = found_on(reply)
            found += size
            self._left -= size
            if cursor == b"0" or found >= _ENOUGH:
                self._note_answered(wanted, complete=cursor == b"0")
                break
        if wanted.want.kind == "key" and learnt and not self._outdated and self._allowed():
            await self._ask_types(wanted)
        return learnt

    def _page(self, name: bytes, cursor: bytes, wanted: Wanted) -> list[bytes]:
        """Return the command for one page."""
        matching, count = pattern(wanted.prefix), b"%d" % self._count
        return [name, *wanted.want.about[:1], cursor, b"MATCH", matching, b"COUNT", count]

    async def _scanned(self, wanted: Wanted) -> tuple[bytes, list[bytes]]:
        """Return the command that walks through what is wanted, empty when there is none, and its last words."""
        if wanted.want.kind == "key":
            types = sorted(wanted.want.types)
            return b"SCAN", [b"TYPE", types[0].encode()] if len(types) == 1 else []
        type = _text(await self._ask(wanted.database, [b"TYPE", wanted.want.about[0]]))
        return OF_TYPE.get(type, b""), []

    async def _ask_types(self, wanted: Wanted) -> None:
        """Ask for the types of the keys that a menu would show."""
        shown = self._names.find(wanted.want, wanted.prefix, _TYPED, wanted.database)
        unknown = [name.value for name in shown if not name.type]
        if not unknown:
            return
        client = await self._connected(wanted.database)
        async with client.pipeline() as pipeline:
            for key in unknown:
                await pipeline.execute(b"TYPE", key)
        for key, reply in zip(unknown, pipeline.replies, strict=True):
            if _text(reply) == "none":
                self._names.forget("key", [key], database=wanted.database)
            else:
                self._names.learn("key", [key], database=wanted.database, type=_text(reply))

    # -- asking

    async def _ask(self, database: int, argv: Sequence[bytes]) -> Reply:
        await asyncio.sleep(self._asked_at + _PAUSE - time.monotonic())
        client = await self._connected(database)
        user = self._session.username
        self._asked_at = time.monotonic()
        reply = await client.execute(*argv)
        if self._session.username != user:  # what the one may see is not for the other
            raise PyRedisError("the session has another user now")
        return reply

    async def _connected(self, database: int) -> AsyncClient:
        """Return the connection for questions: as the user of the session, in a database."""
        client = await self._aside.client()
        if client.database != database:
            await client.execute(b"SELECT", b"%d" % database)
        if client is not self._timed:
            await look_only(client)
            self._round_trip = min([await _timed(client) for _ in range(3)])
            self._timed = client
        return client

    def _adapt(self, seconds: float) -> None:
        """Have the next page look at as many names as may be, by what this one took beyond a round trip.

        One page that took long says little, for the machine may have been busy; several in a row say that the
        server is slow.
        """
        cost = max(seconds - self._round_trip, 1e-6) / self._count
        self._cost = min(cost, self._cost * 1.25)
        least, most = _COUNTS
        self._count = max(least, min(most, 4 * self._count, int(_COST / 2 / self._cost)))

    def _learn(self, argv: Sequence[bytes], reply: Reply, database: int) -> bool:
        before = len(self._names)
        harvest(argv, reply, self._session.table.find(argv), self._names, database)
        return len(self._names) > before

    def _note_answered(self, wanted: Wanted, *, complete: bool) -> None:
        """Remember what was asked; ``complete``: also what begins with more than that."""
        self._answered[wanted, complete] = time.monotonic()


async def _timed(client: AsyncClient) -> float:
    began = time.monotonic()
    await client.execute(b"PING")
    return time.monotonic() - began


def _text(reply: Reply) -> str:
    return reply.decode("ascii", "replace") if isinstance(reply, bytes) else ""
