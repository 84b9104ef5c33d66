"""What comes by itself: messages, pushes and what the server does, how it begins, is shown and ends."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

from pyredis.exceptions import PyRedisError
from pyredis_cli.repl.signals import Interrupted
from pyredis_cli.repl.verdicts import After

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from pyredis_cli.core.session import Session
    from pyredis_cli.repl.feed import Item
    from pyredis_cli.repl.monitored import MonitorFilter
    from pyredis_cli.repl.printer import Printer
    from pyredis_cli.repl.signals import Signals
    from pyredis_cli.repl.visit import Visit

__all__ = ["Unasked"]

# Seconds in which a server must have let a subscription end; else the connection is closed.
_LEAVING: Final = 0.8


class Unasked:
    """Shows what a server sends without being asked, and has it begin and end."""

    def __init__(self, visit: Callable[[], Visit], printer: Printer, signals: Signals) -> None:
        self._visit = visit
        self._printer = printer
        self._signals = signals

    @property
    def _session(self) -> Session:
        return self._visit().session

    async def show(self, batch: Sequence[Item]) -> None:
        """Print what came by itself, above the line that is being typed."""
        await self._printer.unasked(batch, self._session.table)
        self._session.resume()

    async def begin_monitor(self, wanted: MonitorFilter) -> After:
        try:
            await self._signals.interruptible(self._visit().begin_monitor(wanted))
        except Interrupted:
            await self._printer.warn("stopped")
            return After.STOP
        except PyRedisError as error:
            await self._printer.error(error, self._session.address)
            return After.STOP
        await self._printer.tell("Reading what the server does... (Ctrl-C on an empty line leaves)")
        return After.GO_ON

    async def end(self) -> None:
        """Leave MONITOR, or else what is subscribed; a server that does not let go loses the connection."""
        if self._visit().monitor is not None or not self._session.subscribed:
            await self._visit().end_monitor()
            return
        try:
            async with asyncio.timeout(_LEAVING):
                await self._session.unsubscribe()
            await self._printer.warn("no more messages")
        except PyRedisError as error:
            await self._printer.error(error, self._session.address)
        except TimeoutError:
            await self._session.hang_up()
            self._session.busy = not self._session.commitments
            await self._printer.warn(
                "no more messages: not connected (server busy); the connection comes back when the server answers"
            )
            self._visit().rest()
