"""The REPL: read a line, do it, print what became of it, until the person leaves.

It joins the parts and holds the one session. What words mean, how lines are read, remembered, completed and
printed, and what signals do, each is known to a module of its own.
"""

from __future__ import annotations

import asyncio
import logging
import os
from contextlib import aclosing, suppress
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from prompt_toolkit import PromptSession
from prompt_toolkit.application import get_app_or_none
from prompt_toolkit.utils import is_dumb_terminal

from pyredis.exceptions import PyRedisError
from pyredis_cli.complete import NameCache, harvest
from pyredis_cli.core import connect
from pyredis_cli.core.lines import LineError, Order, lines_of, order
from pyredis_cli.exits import Exit
from pyredis_cli.flags import UsageError
from pyredis_cli.repl import meta, verdicts
from pyredis_cli.repl.completer import NameCompleter
from pyredis_cli.repl.configured import configured
from pyredis_cli.repl.history import CommandHistory, HistoryFile, history_path, redacted
from pyredis_cli.repl.insight import Insight
from pyredis_cli.repl.lookup import LookUp
from pyredis_cli.repl.preferences import PreferenceError, Preferences, changed
from pyredis_cli.repl.printer import Printer
from pyredis_cli.repl.prompt import prompt
from pyredis_cli.repl.reader import line_reader
from pyredis_cli.repl.signals import Interrupted, Signals, Terminated
from pyredis_cli.repl.terminal import on_terminal
from pyredis_cli.repl.verdicts import After
from pyredis_cli.settings import with_url

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from pyredis.commands.spec import Table
    from pyredis.types import Reply
    from pyredis_cli.core.session import Session
    from pyredis_cli.settings import Settings
    from pyredis_cli.streams import Streams

__all__ = ["run"]

logger = logging.getLogger(__name__)

# So many pushes may wait to be shown; a flood beyond that must not fill the memory.
_UNSEEN_PUSHES = 1_000


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
        self.failures = 0
        self._settings = settings
        self._history = HistoryFile(history) if history else None
        self._preferences, self._warnings = configured(os.environ, Preferences())
        if settings.output is not None:  # a flag wins over files
            self._preferences = replace(self._preferences, format=settings.output)
        self._printer = Printer(settings, streams)
        self._pushes: asyncio.Queue[Reply] = asyncio.Queue(_UNSEEN_PUSHES)
        self._session = self._new_session()
        self._names, self._look_up = self._new_names()
        self._learning: asyncio.Task[bool] | None = None
        self._learnt_as: str | None = None
        self._reader = line_reader(
            lambda: prompt(self._session),
            CommandHistory(self._history, self._kept, self._warnings.append),
            NameCompleter(
                lambda: self._session.table,
                lambda: self._names.of(self._session.database),
                settings.encoding,
                meta.offered,
                meta.behind,
                on_menu=lambda: self._look_up.wake(),
            ),
            Insight(lambda: self._session.table, settings.encoding),
            lambda: self._preferences,
            color=streams.color,
        )
        self._reader.default_buffer.on_text_changed += lambda _: self._look_up.give_way()

    async def converse(self) -> int:
        """Read and do lines until the person leaves."""
        showing = asyncio.create_task(self._show_pushes())
        try:
            await self._connect()
            await self._offer_history()
            return await self._read_lines()
        finally:
            await _cancelled(showing)
            await self._forget()

    async def _read_lines(self) -> int:
        while True:
            await self._show_warnings()
            try:
                text = await self._reader.prompt_async(handle_sigint=False)
            except KeyboardInterrupt:  # Ctrl-C: the line is dropped
                continue
            except EOFError:
                return Exit.OK
            finally:
                self._look_up.give_way()
            if await self._enter(text) is After.LEAVE:
                return Exit.OK

    # -- what words of its own may ask for (`verdicts.Host`) --

    @property
    def printer(self) -> Printer:
        return self._printer

    @property
    def settings(self) -> Settings:
        return self._settings

    @property
    def table(self) -> Table:
        return self._session.table

    @property
    def interruptions(self) -> int:
        return self.signals.interruptions

    async def do(self, line: str) -> After:
        return await self._do(line)

    async def _offer_history(self) -> None:
        """Ask once whether to begin with what redis-cli has remembered."""
        own = self._history
        # A dumb terminal is often a program, which would take the question for a prompt.
        if own is None or own.size or is_dumb_terminal():
            return
        # Only a first start gets here.
        from pyredis_cli.repl import old_history

        offer = old_history.offer(os.environ, own.path)
        if offer is None:
            return
        wanted = None
        while wanted is None:
            try:
                reply = await PromptSession[str]().prompt_async(offer.question, handle_sigint=False)
            except (KeyboardInterrupt, EOFError):  # that is no answer: the next start asks again
                return
            wanted = old_history.answered(reply)
        if not wanted:
            offer.decline(own)
            return
        try:
            count = offer.accept(own, self._kept)
            await self._printer.tell(f"{count:,} command{'' if count == 1 else 's'} imported")
        except OSError as error:
            await self._printer.warn(f"nothing imported: {own.path}: {error.strerror or 'cannot be used'}")

    # -- lines --

    async def _enter(self, text: str) -> After:
        """Do each line of what was typed or pasted, until one says stop."""
        lines = lines_of(text)
        for done, line in enumerate(lines, 1):
            after = await self._do(line)
            if after is After.STOP and done < len(lines):
                await self._printer.warn(f"stopped: {len(lines) - done} more pasted line(s) not sent")
            if after is not After.GO_ON:
                return after
        return After.GO_ON

    async def _do(self, line: str) -> After:
        try:
            asked = order(line, self._settings.encoding)
        except LineError as error:
            await self._printer.refuse(str(error))
            return After.STOP
        own = meta.verdict(asked.argv, self._session.table)
        if own is not None:
            return await self._act(own)
        try:
            return await self.signals.interruptible(self._send(asked))
        except Interrupted:
            await self._printer.tell("")  # the terminal has written ^C
            await self._printer.warn(self._interruption())
            return After.STOP
        finally:
            self._learn()

    async def _act(self, verdict: verdicts.Verdict) -> After:
        """Do what the REPL's own words ask for."""
        match verdict:
            case verdicts.Leave():
                return After.LEAVE
            case verdicts.Clear():
                await self._printer.clear()
            case verdicts.Tell(lines):
                await self._printer.tell(*lines)
            case verdicts.Refuse(reason):
                await self._printer.refuse(reason)
                return After.STOP
            case verdicts.Set(words):
                return await self._set(words)
            case verdicts.Connect(address):
                settings = replace(self._settings, address=address, database=self._session.database)
                return await self._move(settings)
            case verdicts.Dial(url):
                return await self._dial(url)
            case verdicts.Perform(act):
                return await act(self)
        return After.GO_ON

    async def _set(self, words: Sequence[str]) -> After:
        try:
            self._preferences, lines = changed(self._preferences, words)
        except PreferenceError as error:
            await self._printer.refuse(str(error))
            return After.STOP
        await self._printer.tell(*lines)
        return After.GO_ON

    async def _send(self, asked: Order) -> After:
        for _ in range(asked.times):
            database = self._session.database
            outcome = await self._session.run(asked.argv)
            if outcome.error is None:
                harvest(outcome.argv, outcome.reply, outcome.spec, self._names, database)
            self.failures += outcome.failed
            await self._printer.outcome(outcome, self._session.address)
            if self._session.streaming:
                await self._stream()
                return After.STOP
            if outcome.broken_ground or not outcome.answered:
                return After.STOP
        return After.GO_ON

    async def _stream(self) -> None:
        """Print messages as they come, until Ctrl-C or the end of the connection."""
        await self._printer.tell("Reading messages... (press Ctrl-C to quit)")
        try:
            async with aclosing(self._session.messages()) as messages:
                async for message in messages:
                    await self._printer.reply(message)
        except PyRedisError as error:
            await self._printer.error(error, self._session.address)

    def _note_push(self, push: Reply) -> None:
        with suppress(asyncio.QueueFull):
            self._pushes.put_nowait(push)

    async def _show_pushes(self) -> None:
        """Print what the server pushes by itself, above the line that is being typed."""
        while True:
            await self._printer.reply(await self._pushes.get())

    # -- the session --

    async def _connect(self) -> None:
        """Connect, or say why not: the session stays, and each command tries again."""
        try:
            await self.signals.interruptible(self._session.connect())
        except Interrupted:
            await self._printer.warn("not connected: interrupted")
        except PyRedisError as error:
            await self._printer.error(error, self._session.address, at_connect=True)
        self._learn()

    async def _dial(self, url: str) -> After:
        """Leave this server for that of a URL; a URL that cannot mean anything changes nothing."""
        try:
            settings = with_url(self._settings, url)
        except (UsageError, PyRedisError) as error:
            await self._printer.refuse(str(error))
            return After.STOP
        return await self._move(settings)

    async def _move(self, settings: Settings) -> After:
        """Leave this server for another."""
        await self._forget()
        self._settings = settings
        self._session = self._new_session()
        self._names, self._look_up = self._new_names()
        await self._connect()
        return After.GO_ON if self._session.connected else After.STOP

    def _new_session(self) -> Session:
        session = connect.session(self._settings)
        session.on_push = self._note_push
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
        await self._look_up.close()
        if self._learning is not None:
            await _cancelled(self._learning)
            self._learning = None
        await self._session.close()

    def _learn(self) -> None:
        """Learn once what the server says of its commands, on a connection beside the session's, without waiting.

        What was refused to one user may be told to another.
        """
        learning, user = self._learning, self._session.username
        again = learning is not None and _failed(learning) and self._learnt_as != user
        if self._session.connected and (learning is None or again):
            self._learnt_as = user
            self._learning = asyncio.create_task(_learn_commands(self._session))

    def _kept(self, line: str) -> str | None:
        settings = self._settings
        return redacted(line, settings.encoding, self._session.table, settings.password)

    def _interruption(self) -> str:
        if self._session.connected:
            return "stopped"
        if self._session.subscribed or self._session.monitoring:
            return "no more messages: the connection is closed, the next command opens another"
        return (
            "stopped waiting: what was sent may still be executed; "
            "the connection is closed, the next command opens another"
        )

    async def _show_warnings(self) -> None:
        while self._warnings:
            await self._printer.warn(self._warnings.pop(0))


async def _cancelled(task: asyncio.Task[Any]) -> None:
    """Cancel a task and wait for its end."""
    task.cancel()
    await asyncio.wait([task])
    if not task.cancelled() and task.exception() is not None:
        logger.warning("%s failed", task.get_name(), exc_info=task.exception())


async def _learn_commands(session: Session) -> bool:
    """Teach the session's table what the server says of its commands; return whether it said all."""
    # The prompt stands already when this runs: what only it needs is loaded behind the first prompt's back.
    from pyredis_cli.core import docs

    complete, pool = False, session.pool
    try:
        client = await session.another()
        try:
            complete = await docs.learn(client, session.table, docs.cache_folder())
        finally:
            await pool.release(client)
    except PyRedisError as error:
        # No seat left in the pool, a connection that broke: the built-in table is what there is.
        logger.debug("the server's commands stay unknown: %s", error)
    if (application := get_app_or_none()) is not None:
        application.invalidate()  # what is shown of the line may be another now
    return complete


def _failed(learning: asyncio.Task[bool]) -> bool:
    """Whether a task is over that did not learn all there is."""
    return learning.done() and (
        learning.cancelled() or learning.exception() is not None or not learning.result()
    )
