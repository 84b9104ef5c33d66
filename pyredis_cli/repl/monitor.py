"""MONITOR on a connection of its own: lines that come by themselves, counted, and shown as far as asked for.

The server is never kept waiting: what it sends is read at once, and of more than a person could read the rest is
counted alone. The session's connection takes no part in it.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable
from time import monotonic
from typing import TYPE_CHECKING

from pyredis_cli.repl import monitored

if TYPE_CHECKING:
    from pyredis.client.async_client import AsyncClient
    from pyredis.commands.spec import Table
    from pyredis.types import Reply
    from pyredis_cli.core.session import Session
    from pyredis_cli.core.standing import Pool
    from pyredis_cli.repl.monitored import MonitorFilter, MonitorLine

__all__ = ["Monitor"]


class Monitor:
    """Shows the lines that ``wanted`` matches by ``show``, which says whether it had room for one."""

    def __init__(
        self, wanted: MonitorFilter, table: Table, show: Callable[[MonitorLine, bytes], bool]
    ) -> None:
        self._wanted = wanted
        self._table = table
        self._show = show
        self._client: AsyncClient | None = None
        self._pool: Pool | None = None
        self._ended = asyncio.Event()
        self._began = monotonic()
        self._seconds = 0.0
        """How long it took, once it is over."""
        self._came = 0
        self._shown = 0
        self._skipped = 0
        self._rate = _Rate()

    async def begin(self, session: Session) -> None:
        """Open the connection, as the user of the session; raises PyRedisError, as `Session.connect` does."""
        self._client = client = await session.let_in(session.another)
        self._pool = session.pool
        client.on_unasked(self._hear)
        try:
            await client.execute("MONITOR")
        except BaseException:
            await self._hang_up()
            raise
        self._began = monotonic()

    async def run(self, on_look: Callable[[], None]) -> str:
        """Return what to say of it once it has ended: as asked for, by `end`, or with the connection.

        ``on_look`` hears every second that `line` is another.
        """
        assert self._client is not None
        over = [asyncio.create_task(self._ended.wait()), asyncio.create_task(self._client.wait_closed())]
        try:
            while not any(waiting.done() for waiting in over) and self._left > 0:
                await asyncio.wait(over, timeout=min(1.0, self._left), return_when=asyncio.FIRST_COMPLETED)
                on_look()
            lost = self._client.closed
        finally:
            self._seconds = monotonic() - self._began
            for waiting in over:
                waiting.cancel()
            await self._hang_up()
        reason = (
            f"the connection to {self._pool.address} was lost; " if lost and self._pool is not None else ""
        )
        return f"MONITOR ended: {reason}{self._account()}"

    @property
    def _left(self) -> float:
        limit = self._wanted.seconds
        return math.inf if limit is None else self._began + limit - monotonic()

    def end(self) -> None:
        self._ended.set()

    @property
    def line(self) -> str:
        """How it goes: lines a second, how many there were and how many of them were shown."""
        return f"MONITOR {self._rate.now():,.0f} lines/s · {self._account()}"

    def _account(self) -> str:
        seconds = self._seconds or monotonic() - self._began
        kept = "" if self._shown == self._came else f", {self._shown:,} shown"
        skipped = f", {self._skipped:,} too fast to show" if self._skipped else ""
        lines = "1 line" if self._came == 1 else f"{self._came:,} lines"
        return f"{lines} in {seconds:,.1f} s{kept}{skipped}"

    def _hear(self, reply: Reply) -> None:
        if not isinstance(reply, bytes) or self._ended.is_set():
            return
        self._came += 1
        self._rate.count()
        line = monitored.line(reply)
        if not monitored.matches(self._wanted, line, self._table):
            return
        if not self._show(line, reply):
            self._skipped += 1
            return
        self._shown += 1
        if self._shown == self._wanted.count:
            self.end()

    async def _hang_up(self) -> None:
        client, self._client = self._client, None
        if client is not None and self._pool is not None:
            client.close()
            await self._pool.release(client)


class _Rate:
    """How often something happened in the last full second."""

    def __init__(self) -> None:
        self._second = int(monotonic())
        self._counted = 0
        self._before = 0

    def count(self) -> None:
        self._turn()
        self._counted += 1

    def now(self) -> int:
        self._turn()
        return self._before

    def _turn(self) -> None:
        second = int(monotonic())
        if second != self._second:
            self._before = self._counted if second == self._second + 1 else 0
            self._second, self._counted = second, 0
