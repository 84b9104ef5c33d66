"""The REPL: read a line, do it, print what became of it, until the person leaves.

It joins the parts and holds the one session. What words mean, how lines are read, remembered, completed and
printed, and what signals do, each is known to a module of its own.
"""

from __future__ import annotations

import asyncio
import logging
import os
from dataclasses import replace
from enum import Enum, auto
from typing import TYPE_CHECKING, Any, Final

from pyredis.exceptions import PyRedisError
from pyredis_cli.complete import NameCache, harvest
from pyredis_cli.core import connect
from pyredis_cli.core.lines import LineError, Order, lines_of, order
from pyredis_cli.core.stopping import Stopped, sentences, stop
from pyredis_cli.exits import Exit
from pyredis_cli.repl import meta
from pyredis_cli.repl.completer import NameCompleter
from pyredis_cli.repl.feed import Feed, Item
from pyredis_cli.repl.history import CommandHistory, HistoryFile, history_path, redacted
from pyredis_cli.repl.insight import Insight
from pyredis_cli.repl.learning import Learning
from pyredis_cli.repl.lookup import LookUp
from pyredis_cli.repl.preferences import PreferenceError, Preferences, changed
from pyredis_cli.repl.printer import Printer
from pyredis_cli.repl.prompt import prompt
from pyredis_cli.repl.reader import line_reader
from pyredis_cli.repl.restoring import Restoring
from pyredis_cli.repl.signals import Interrupted, Signals, Terminated
from pyredis_cli.repl.terminal import on_terminal, without_echo

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from pyredis.address import Address
    from pyredis_cli.core.outcome import Outcome
    from pyredis_cli.core.session import Session
    from pyredis_cli.settings import Settings
    from pyredis_cli.streams import Streams

__all__ = ["run"]

logger = logging.getLogger(__name__)

# Seconds in which a server must have let a subscription end; else the connection is closed.
_LEAVING: Final = 0.8


class _After(Enum):
    """What a line means for the lines pasted with it."""

    GO_ON = auto()
    STOP = auto()
    LEAVE = auto()


def run(settings: Settings, streams: Streams) -> int:
    """Talk with the person at the terminal; return the exit code."""
    # RESP3 tells a map from an array and a double from a string; a server without it answers in RESP2.
    settings = replace(settings, protocol=settings.protocol or 3)
    try:
        return asyncio.run(_converse(settings, streams))
    except Terminated as ending:
        return ending.code


async def _converse(settings: Settings, streams: Streams) -> int:
    with on_terminal():
        repl = Repl(settings, streams, history_path(os.environ))
        with repl.signals.installed():
            return await repl.converse()


class Repl:
    """One person, one terminal, one session."""

    def __init__(self, settings: Settings, streams: Streams, history: Path | None) -> None:
        self.signals = Signals()
        self._settings = settings
        self._preferences = Preferences()
        self._printer = Printer(settings, streams, lambda: self._preferences)
        self._feed = Feed(self._show_unasked)
        self._session = self._new_session()
        self._learning = Learning(self._session)
        self._restoring = Restoring(self._session, self._feed.tell)
        self._names, self._look_up = self._new_names()
        self._warnings: list[str] = []
        self._reader = line_reader(
            lambda: prompt(self._session),
            CommandHistory(HistoryFile(history) if history else None, self._kept, self._warnings.append),
            NameCompleter(
                lambda: self._session.table,
                lambda: self._names.of(self._session.database),
                settings.encoding,
                meta.CHOICES,
                on_menu=lambda: self._look_up.wake(),
            ),
            Insight(lambda: self._session.table, settings.encoding),
            lambda: self._preferences,
            color=streams.color,
        )
        self._reader.default_buffer.on_text_changed += lambda _: self._look_up.give_way()

    async def converse(self) -> int:
        """Read and do lines until the person leaves."""
        showing = asyncio.create_task(self._feed.run())
        try:
            await self._connect()
            return await self._read_lines()
        finally:
            await _cancelled(showing)
            await self._forget()

    async def _read_lines(self) -> int:
        while True:
            await self._show_warnings()
            try:
                text = await self._reader.prompt_async(handle_sigint=False)
            except KeyboardInterrupt:  # Ctrl-C: the line is dropped, or what comes by itself ends
                if not self._reader.default_buffer.text:
                    await self._end_streams()
                continue
            except EOFError:
                return Exit.OK
            finally:
                self._look_up.give_way()
            if await self._enter(text) is _After.LEAVE:
                return Exit.OK

    # -- lines --

    async def _enter(self, text: str) -> _After:
        """Do each line of what was typed or pasted, until one says stop."""
        lines = lines_of(text)
        for done, line in enumerate(lines, 1):
            after = await self._do(line)
            if after is _After.STOP and done < len(lines):
                await self._printer.warn(f"stopped: {len(lines) - done} more pasted line(s) not sent")
            if after is not _After.GO_ON:
                return after
        return _After.GO_ON

    async def _do(self, line: str) -> _After:
        try:
            asked = order(line, self._settings.encoding)
        except LineError as error:
            await self._printer.refuse(str(error))
            return _After.STOP
        own = meta.verdict(asked.argv, self._session.table)
        if own is not None:
            return await self._act(own)
        try:
            with without_echo():
                return await self.signals.interruptible(self._send(asked))
        except Interrupted as interrupted:
            if not interrupted.told:
                await self._printer.warn("stopped")
            return _After.STOP
        finally:
            self._learning.begin()
            if self._session.busy and not self._session.connected:
                self._restoring.begin()

    async def _act(self, verdict: meta.Verdict) -> _After:
        """Do what the REPL's own words ask for."""
        match verdict:
            case meta.Leave():
                return _After.LEAVE
            case meta.Clear():
                await self._printer.clear()
            case meta.Tell(lines):
                await self._printer.tell(*lines)
            case meta.Refuse(reason):
                await self._printer.refuse(reason)
                return _After.STOP
            case meta.Set(words):
                return await self._set(words)
            case meta.Connect(address):
                await self._move(address)
                return _After.GO_ON if self._session.connected else _After.STOP
        return _After.GO_ON

    async def _set(self, words: Sequence[str]) -> _After:
        try:
            self._preferences, lines = changed(self._preferences, words)
        except PreferenceError as error:
            await self._printer.refuse(str(error))
            return _After.STOP
        await self._printer.tell(*lines)
        return _After.GO_ON

    async def _send(self, asked: Order) -> _After:
        await self._restoring.end()
        for _ in range(asked.times):
            database, streams = self._session.database, self._session.subscribed
            outcome = await self._outcome(asked.argv)
            if outcome.error is None:
                harvest(outcome.argv, outcome.reply, outcome.spec, self._names, database)
            await self._printer.outcome(outcome, self._session.address)
            if self._session.subscribed and not streams:
                await self._printer.tell("Reading messages... (Ctrl-C on an empty line leaves)")
            if outcome.broken_ground or not outcome.answered:
                return _After.STOP
        return _After.GO_ON

    async def _outcome(self, argv: Sequence[bytes]) -> Outcome:
        """Return what became of a command; Interrupted when the person stopped it."""
        running = asyncio.create_task(self._session.run(argv))
        with self._printer.waiting as sign:
            try:
                return await asyncio.shield(running)
            except asyncio.CancelledError:
                if self.signals.ending:
                    await _cancelled(running)
                    raise
                sign.stopping()
                stopped = await self._stopped(running)
        await self._tell_stopped(stopped, argv)
        raise Interrupted(told=True)

    async def _stopped(self, running: asyncio.Task[Outcome]) -> Stopped:
        try:
            return await stop(self._session, running)
        except asyncio.CancelledError:
            if self.signals.ending:
                raise
            return Stopped("closed")

    async def _tell_stopped(self, stopped: Stopped, argv: Sequence[bytes]) -> None:
        if stopped.outcome is not None and _says_something(stopped.outcome):
            await self._printer.outcome(stopped.outcome, self._session.address)
        for sentence in sentences(stopped, self._session.table.find(argv)):
            await self._printer.warn(sentence)

    async def _show_unasked(self, batch: Sequence[Item]) -> None:
        """Print what came by itself, above the line that is being typed."""
        await self._printer.unasked(batch)
        self._session.resume()

    async def _end_streams(self) -> None:
        """Leave what is subscribed; a server that does not let go in time loses the connection."""
        if not self._session.subscribed:
            return
        try:
            async with asyncio.timeout(_LEAVING):
                await self._session.unsubscribe()
            await self._printer.warn("no more messages")
        except PyRedisError as error:
            await self._printer.error(error, self._session.address)
        except TimeoutError:
            await self._printer.warn(
                "no more messages: the connection is closed, the next command opens another"
            )

    def _note_lost(self) -> None:
        """Tell what went with a connection that broke while nobody used it; the prompt tells of the rest."""
        if not self._reader.app.is_running:
            return
        if losses := self._session.losses:
            self._feed.tell(f"the connection to {self._session.address} was lost, and with it {losses}")
        self._reader.app.invalidate()

    # -- the session --

    async def _connect(self) -> None:
        """Connect, or say why not: the session stays, and each command tries again."""
        try:
            await self.signals.interruptible(self._session.connect())
        except Interrupted:
            await self._printer.warn("not connected: interrupted")
        except PyRedisError as error:
            await self._printer.error(error, self._session.address, at_connect=True)
        self._learning.begin()

    async def _move(self, address: Address) -> None:
        """Leave this server for another; the database stays the one that was selected."""
        await self._forget()
        self._settings = replace(self._settings.at(address), database=self._session.database)
        self._session = self._new_session()
        self._learning = Learning(self._session)
        self._restoring = Restoring(self._session, self._feed.tell)
        self._names, self._look_up = self._new_names()
        await self._connect()

    def _new_session(self) -> Session:
        session = connect.session(self._settings, interactive=True)
        session.on_push = self._feed.put
        session.on_lost = self._note_lost
        session.on_move = self._printer.warn
        return session

    def _new_names(self) -> tuple[NameCache, LookUp]:
        """Return the names of the session's server, of which nothing is known yet, and who looks them up."""
        names = NameCache()
        return names, LookUp(
            self._session, names, self._show_names, lambda: self._preferences.live_completion
        )

    def _show_names(self) -> None:
        """Have the menu made anew, unless the person is choosing from it."""
        buffer = self._reader.default_buffer
        chosen = buffer.complete_state is not None and buffer.complete_state.current_completion is not None
        if self._reader.app.is_running and buffer.text and not chosen:
            buffer.start_completion()

    async def _forget(self) -> None:
        """Close the session, its pool, and what still runs on it."""
        await self._restoring.end()
        await self._look_up.close()
        await self._learning.close()
        await self._session.close()

    def _kept(self, line: str) -> str | None:
        settings = self._settings
        return redacted(line, settings.encoding, self._session.table, settings.password)

    async def _show_warnings(self) -> None:
        while self._warnings:
            await self._printer.warn(self._warnings.pop(0))


async def _cancelled(task: asyncio.Task[Any]) -> None:
    """Cancel a task and wait for its end."""
    task.cancel()
    await asyncio.wait([task])
    if not task.cancelled() and task.exception() is not None:
        logger.warning("%s failed", task.get_name(), exc_info=task.exception())


def _says_something(outcome: Outcome) -> bool:
    """Whether a command that was stopped brought something: an end of its wait alone is nil."""
    return outcome.error is not None or outcome.reply is not None
