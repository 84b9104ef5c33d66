"""A command on its way: sent as often as the line says, stopped by Ctrl-C, and what became of it shown.

It knows neither how lines are read nor what the REPL's own words mean.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, TypeAlias

from pyredis.exceptions import ReplyError
from pyredis_cli.complete import harvest
from pyredis_cli.core.secrets import hidden, veiled
from pyredis_cli.core.stopping import Stopped, cancelled, cut_short, sentences, stop
from pyredis_cli.repl.monitored import MonitorFilter
from pyredis_cli.repl.signals import Interrupted
from pyredis_cli.repl.verdicts import After

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from pyredis.commands.spec import Spec
    from pyredis_cli.complete.outlets import Outlet
    from pyredis_cli.core.lines import Order
    from pyredis_cli.core.outcome import Outcome
    from pyredis_cli.core.session import Session
    from pyredis_cli.repl.coaching import Coach
    from pyredis_cli.repl.guarding import Guarding
    from pyredis_cli.repl.printer import Printer
    from pyredis_cli.repl.signals import Signals
    from pyredis_cli.repl.unasked import Unasked
    from pyredis_cli.repl.visit import Visit
    from pyredis_cli.settings import Settings

    Pour: TypeAlias = Callable[[Outcome], Awaitable[None]]
    """Takes a reply that is not to be printed."""

__all__ = ["Sending"]


class Sending:
    """Sends commands to the server of the visit; ``drop`` loses what was typed behind one that failed."""

    def __init__(
        self,
        visit: Callable[[], Visit],
        settings: Callable[[], Settings],
        printer: Printer,
        signals: Signals,
        guard: Guarding,
        coach: Coach,
        unasked: Unasked,
        drop: Callable[[], Awaitable[None]],
    ) -> None:
        self._visit = visit
        self._settings = settings
        self._printer = printer
        self._signals = signals
        self._guard = guard
        self._coach = coach
        self._unasked = unasked
        self._drop = drop
        self.failures = 0
        self._told_of_quotes = False
        self._queued: list[tuple[bytes, ...]] = []
        """The commands of the transaction that may carry secrets."""

    @property
    def _session(self) -> Session:
        return self._visit().session

    async def send(self, asked: Order, sends: Outlet | None) -> After:
        await self._visit().restoring.end()
        if not await self._guard.allows(asked.argv):
            return After.STOP
        pour = None
        if sends is not None:
            pour = await self._begin_to_pour(sends)
            if pour is None:
                return After.STOP
        if _is_monitor(self._session.table.find(asked.argv), asked.argv):
            return await self._unasked.begin_monitor(MonitorFilter())
        for done in range(asked.times):
            database, subscribed = self._session.database, self._session.subscribed
            try:
                outcome = await self._outcome(asked.argv, pour if sends and sends.mark != "|" else None)
            except Interrupted:
                if asked.times > 1:
                    await self._printer.warn(f"{done:,} of {asked.times:,} were run before")
                raise
            if outcome.error is None:
                harvest(outcome.argv, outcome.reply, outcome.spec, self._visit().names, database)
            self.failures += outcome.failed
            failed = bool(outcome.broken_ground) or not (outcome.answered or outcome.refused)
            if failed:
                await self._drop()
            await self._show(outcome, pour)
            self._coach.hear(outcome, self._session)
            for note in self._visit().keeper.take_notes():
                await self._printer.note(note)
            if self._session.subscribed and not subscribed:
                await self._printer.tell("Reading messages... (Ctrl-C on an empty line leaves)")
            if failed:
                return After.STOP
        return After.GO_ON

    async def _begin_to_pour(self, sends: Outlet) -> Pour | None:
        """Return what takes the replies of a line; None when the line is refused."""
        from pyredis_cli.repl.pouring import Pouring, refusal  # few lines need it

        if reason := refusal(sends, self._session, self._settings()):
            await self._drop()
            await self._printer.refuse(reason)
            return None
        if sends.doubtful and not self._told_of_quotes:
            self._told_of_quotes = True
            await self._printer.note(
                f"the reply goes to {sends.mark}: {sends.spec.name} gets '{sends.mark}' in quotes"
            )
        return Pouring(sends, self._settings(), self._printer, lambda: self._signals.ending).take

    async def _outcome(self, argv: Sequence[bytes], late: Pour | None) -> Outcome:
        """Return what became of a command; Interrupted when the person stopped it.

        A reply that comes all the same is shown, or ``late`` takes it.
        """
        running = asyncio.create_task(self._session.run(argv))
        with self._printer.waiting() as sign:
            try:
                return await asyncio.shield(running)
            except asyncio.CancelledError:
                if self._signals.ending:
                    await cancelled(running)
                    raise
                sign.stopping()
                stopped = await self._stopped(running, argv)
        await self._drop()
        await self._tell_stopped(stopped, argv, late)
        raise Interrupted(told=True)

    async def _show(self, outcome: Outcome, pour: Pour | None = None) -> None:
        """Print what became of a command, without the secrets that the errors of a transaction repeat."""
        asked, table = [*self._queued, outcome.argv], self._session.table
        if outcome.failed and isinstance(outcome.reply, list):
            parts: list[Any] = [
                veiled(part, asked, table) if isinstance(part, ReplyError) else part for part in outcome.reply
            ]
            outcome = outcome._replace(reply=parts)
        in_transaction = self._session.in_transaction
        self._queued = [argv for argv in asked if hidden(argv, table)] if in_transaction else []
        await self._printer.outcome(outcome, self._session.address, pour)

    async def _stopped(self, running: asyncio.Task[Outcome], argv: Sequence[bytes]) -> Stopped:
        try:
            return await stop(self._session, running, argv)
        except asyncio.CancelledError:
            if self._signals.ending:
                raise
            return cut_short(self._session, running)

    async def _tell_stopped(self, stopped: Stopped, argv: Sequence[bytes], late: Pour | None) -> None:
        if stopped.outcome is not None and _says_something(stopped.outcome):
            await self._show(stopped.outcome, late)
        for sentence in sentences(stopped, self._session.table.find(argv)):
            await self._printer.warn(sentence)


def _says_something(outcome: Outcome) -> bool:
    """Whether a command that was stopped brought something: an end of its wait alone is nil."""
    return outcome.error is not None or outcome.reply is not None


def _is_monitor(spec: Spec | None, argv: Sequence[bytes]) -> bool:
    return spec is not None and spec.effect == "monitor" and len(argv) == spec.arity
