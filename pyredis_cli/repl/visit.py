"""One server while the person stays with it: the session, and all that looks, learns and listens beside it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

from pyredis_cli.complete import NameCache
from pyredis_cli.core import connect
from pyredis_cli.core.desk import Desk
from pyredis_cli.core.keeping import Keeper
from pyredis_cli.repl.comparing import Beginning
from pyredis_cli.repl.learning import Learning
from pyredis_cli.repl.lookup import LookUp
from pyredis_cli.repl.monitor import Monitor
from pyredis_cli.repl.restoring import Restoring
from pyredis_cli.repl.status import StatusLook

if TYPE_CHECKING:
    from pyredis_cli.repl.feed import Feed
    from pyredis_cli.repl.monitored import MonitorFilter
    from pyredis_cli.repl.preferences import Preferences
    from pyredis_cli.settings import Settings

__all__ = ["Visit"]


class Visit:
    """What there is of one server; ``on_names`` and ``on_look`` hear when there is something new to draw.

    What comes unasked, and what is to be said of it all, goes to ``feed``.
    """

    def __init__(
        self,
        settings: Settings,
        feed: Feed,
        preferences: Callable[[], Preferences],
        *,
        on_names: Callable[[], None],
        on_look: Callable[[], None],
        on_lost: Callable[[], None],
        on_move: Callable[[str], Awaitable[None]],
    ) -> None:
        self.session = session = connect.session(settings, interactive=True)
        session.on_push = feed.put
        session.on_lost = on_lost
        session.on_move = on_move
        session.keeper = self.keeper = Keeper(lambda: preferences().undo and not settings.read_only)
        self.desk = Desk(session)
        self.names = NameCache()
        # Among the lines of MONITOR both would be noise, and there is no room below the prompt for a status.
        self.look_up = LookUp(
            session,
            self.names,
            on_names,
            lambda: preferences().live_completion and self.monitor is None,
        )
        self.status_look = StatusLook(
            session,
            on_look,
            lambda: preferences().toolbar and self.monitor is None,
            session.learn_role,
        )
        self.learning = Learning(session)
        self.beginning = Beginning(session, self.desk)
        self.restoring = Restoring(session, feed.tell)
        self.monitor: Monitor | None = None
        self._feed = feed
        self._on_look = on_look
        self._following: asyncio.Task[None] | None = None

    def rest(self) -> None:
        """Do what may be done between two commands."""
        self.learning.begin()
        self.beginning.begin()
        if self.session.busy and not self.session.connected:
            self.restoring.begin()

    async def begin_monitor(self, wanted: MonitorFilter) -> None:
        """Show what the server does until `end_monitor`, or what ends it by itself.

        Raises PyRedisError when there is no connection for it.
        """
        await self.end_monitor()
        monitor = Monitor(wanted, self.session.table, self._feed.offer)
        await monitor.begin(self.session)
        self.monitor = monitor
        self._following = asyncio.create_task(self._follow(monitor))

    async def end_monitor(self) -> None:
        if self.monitor is not None and self._following is not None:
            self.monitor.end()
            await self._following

    async def _follow(self, monitor: Monitor) -> None:
        try:
            self._feed.tell(await monitor.run(self._on_look))
        finally:
            self.monitor = None
        self._on_look()

    async def close(self) -> None:
        """Close the session, its pool, and what still runs on it."""
        await self.end_monitor()
        await self.restoring.end()
        await self.look_up.close()
        await self.status_look.close()
        await self.learning.close()
        await self.beginning.close()
        await self.desk.close()
        await self.session.close()
