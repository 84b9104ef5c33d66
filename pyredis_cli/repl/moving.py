"""Which server the person is with: connecting to it, and leaving it for another."""

from __future__ import annotations

import asyncio
import os
from typing import TYPE_CHECKING

from pyredis.exceptions import PyRedisError
from pyredis.records import replace
from pyredis_cli.elsewhere import with_profile, with_url
from pyredis_cli.flags import UsageError
from pyredis_cli.passwords import fetched
from pyredis_cli.repl.signals import Interrupted
from pyredis_cli.repl.verdicts import After
from pyredis_cli.repl.visit import Visit

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from pyredis_cli.core.session import Session
    from pyredis_cli.repl.feed import Feed
    from pyredis_cli.repl.preferences import Preferences
    from pyredis_cli.repl.printer import Printer
    from pyredis_cli.repl.signals import Signals
    from pyredis_cli.settings import Settings
    from pyredis_cli.streams import Streams

__all__ = ["Moving"]


class Moving:
    """Holds the settings and the visit of now; ``drop`` loses what was typed before it was told of a failure."""

    def __init__(
        self,
        settings: Settings,
        streams: Streams,
        preferences: Callable[[], Preferences],
        printer: Printer,
        signals: Signals,
        feed: Feed,
        drop: Callable[[], Awaitable[None]],
        *,
        on_names: Callable[[], None],
        on_look: Callable[[], None],
        on_lost: Callable[[], None],
    ) -> None:
        self.settings = settings
        self._streams = streams
        self._preferences = preferences
        self._printer = printer
        self._signals = signals
        self._feed = feed
        self._drop = drop
        self._on_names = on_names
        self._on_look = on_look
        self._on_lost = on_lost
        self.visit = self._new_visit()

    @property
    def _session(self) -> Session:
        return self.visit.session

    async def connect(self) -> None:
        """Connect, or say why not: the session stays, and each command tries again."""
        try:
            with self._printer.waiting(f"connecting to {self._session.address}, Ctrl-C stops"):
                await self._signals.interruptible(self._session.connect())
        except Interrupted:
            await self._drop()
            await self._printer.warn("not connected: interrupted")
        except PyRedisError as error:
            await self._drop()
            await self._printer.error(error, self._session.address, at_connect=True)
        self.visit.rest()

    async def dial(self, url: str) -> After:
        """Leave this server for that of a URL; a URL that cannot mean anything changes nothing."""
        try:
            settings = await self._reachable(url)
        except Interrupted:
            await self._printer.warn("stopped")
            return After.STOP
        except (UsageError, PyRedisError) as error:
            await self._printer.refuse(str(error))
            return After.STOP
        return await self.move(settings)

    async def _reachable(self, where: str) -> Settings:
        """Return the settings that a URL or a profile says; a program may be asked for its password."""
        if not where.startswith("@"):
            return with_url(self.settings, where, os.environ)
        quiet = replace(self._streams, stdin_tty=False)
        with self._printer.waiting("looking for the password, Ctrl-C stops"):
            work = asyncio.to_thread(with_profile, self.settings, where[1:], os.environ, quiet)
            return await self._signals.interruptible(work)

    async def _renewed(self, refused: str | bytes | None) -> str | None:
        """Return the password that is found now in the place of one that the server refuses; None without one."""
        source = self.settings.source
        if source is None or refused != self.settings.password:
            return None
        try:
            password = await asyncio.to_thread(fetched, source, os.environ)
        except UsageError as error:
            await self._printer.warn(str(error))
            return None
        self.settings = replace(self.settings, password=password)
        self._printer.hide([password])
        return password if password != refused else None

    async def move(self, settings: Settings) -> After:
        """Leave this server for another; what ends with that, a user typed by hand too, is told."""
        lost, user = self._session.losses, self._session.username
        await self.visit.close()
        self.settings = settings
        self._printer.hide([_password(settings)])
        self.visit = self._new_visit()
        if lost:
            await self._printer.warn(f"left behind: {lost}")
        await self.connect()
        now = self._session.username
        if user is not None and now not in (None, user, settings.username):
            await self._printer.warn(f"connected as {now}, not as {user}: AUTH there is to be said again")
        return After.GO_ON if self._session.connected else After.STOP

    def _new_visit(self) -> Visit:
        visit = Visit(
            self.settings,
            self._feed,
            self._preferences,
            on_names=self._on_names,
            on_look=self._on_look,
            on_lost=self._on_lost,
            on_move=self._printer.warn,
        )
        visit.session.renew = self._renewed
        return visit


def _password(settings: Settings) -> str:
    return settings.password or ""
