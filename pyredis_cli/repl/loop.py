"""The REPL: read a line, do it, print what became of it, until the person leaves.

It joins the parts. What words mean, how lines are read, remembered, completed and printed, how commands are sent
and stopped, which server it is, and what signals do, each is known to a module of its own.
"""

from __future__ import annotations

import asyncio
import errno
import os
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import TYPE_CHECKING, Any, Final, TypeVar

from prompt_toolkit.formatted_text.utils import fragment_list_to_text

from pyredis.records import replace
from pyredis_cli.complete.outlets import Outlet, outlet
from pyredis_cli.core.lines import LineError, numbered, order
from pyredis_cli.core.stopping import cancelled
from pyredis_cli.exits import Exit
from pyredis_cli.render.line import STARS
from pyredis_cli.repl import meta, unsent, verdicts
from pyredis_cli.repl.bottom import BottomLine
from pyredis_cli.repl.coaching import Coach
from pyredis_cli.repl.completer import NameCompleter
from pyredis_cli.repl.configured import configured
from pyredis_cli.repl.echoing import echoed
from pyredis_cli.repl.feed import Feed
from pyredis_cli.repl.guarding import Guarding
from pyredis_cli.repl.history import (
    CommandHistory,
    HistoryFile,
    history_path,
    lacks_secret,
    redacted,
    secrets_in,
)
from pyredis_cli.repl.insight import Insight
from pyredis_cli.repl.moving import Moving
from pyredis_cli.repl.preferences import PreferenceError, Preferences, changed
from pyredis_cli.repl.printer import Printer
from pyredis_cli.repl.prompt import prompt
from pyredis_cli.repl.reader import LineReader
from pyredis_cli.repl.sending import Sending
from pyredis_cli.repl.signals import Interrupted, Signals, Terminated
from pyredis_cli.repl.terminal import on_terminal, typed_ahead, without_echo
from pyredis_cli.repl.unasked import Unasked
from pyredis_cli.repl.verdicts import After
from pyredis_cli.repl.visit import Visit
from pyredis_cli.streams import OutputError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Coroutine, Iterable, Sequence
    from pathlib import Path

    from prompt_toolkit.formatted_text import StyleAndTextTuples

    from pyredis.commands.spec import Table
    from pyredis_cli.core.desk import Desk
    from pyredis_cli.core.session import Session
    from pyredis_cli.settings import Settings
    from pyredis_cli.streams import Streams

T = TypeVar("T")

__all__ = ["beside", "run"]

_LACKING: Final = 'not sent: *** stands for a secret that was not kept; type it, or "***" if that is it'


def run(settings: Settings, streams: Streams) -> int:
    """Talk with the person at the terminal; return the exit code."""
    # RESP3 tells a map from an array and a double from a string; a server without it answers in RESP2.
    settings = replace(settings, protocol=settings.protocol or 3)
    if settings.variable:
        streams.say(f"{settings.variable} says where to connect: {settings.address}")
    for note in settings.notes:
        streams.say(note)
    try:
        return asyncio.run(_converse(settings, streams))
    except Terminated as ending:
        return ending.code
    except OSError as error:
        if error.errno != errno.EIO:
            raise
        # prompt_toolkit draws with an output of its own, on a terminal that is gone.
        raise OutputError(f"cannot write to the terminal: {error.strerror}") from None


async def _converse(settings: Settings, streams: Streams) -> int:
    with on_terminal():
        repl = Repl(settings, streams, history_path(os.environ))
        with repl.signals.installed():
            return await repl.converse()


class Repl:
    """One person, one terminal, one visit at a time."""

    def __init__(self, settings: Settings, streams: Streams, history: Path | None) -> None:
        self.signals = Signals()
        self._dropped = ""
        self._history = HistoryFile(history) if history else None
        self._preferences, self._warnings = configured(
            os.environ,
            Preferences(theme="light" if streams.light else "dark"),
            settings,
        )
        self._printer = Printer(
            settings,
            streams,
            lambda: self._preferences,
            lambda: self._session.protocol,
            lambda: self._session.table,
        )
        self._unasked = Unasked(lambda: self._visit, self._printer, self.signals)
        self._feed = Feed(self._unasked.show)
        self._coach = Coach(settings.encoding, shell=settings.shell)
        insight = Insight(lambda: self._session.table, settings.encoding)
        self._bottom = BottomLine(insight, lambda: self._visit, lambda: self._preferences.toolbar)
        self._moving = Moving(
            settings,
            streams,
            lambda: self._preferences,
            self._printer,
            self.signals,
            self._feed,
            self._drop_typed_ahead,
            on_names=self._show_names,
            on_look=self._bottom.refresh,
            on_lost=self._note_lost,
        )
        self._guard = Guarding(
            lambda: self._visit,
            lambda: self._settings,
            lambda: self._preferences,
            self._printer,
            self.signals,
            self._drop_typed_ahead,
        )
        self._sending = Sending(
            lambda: self._visit,
            lambda: self._settings,
            self._printer,
            self.signals,
            self._guard,
            self._coach,
            self._unasked,
            self._drop_typed_ahead,
        )
        self._reader = LineReader(
            self._prompt,
            CommandHistory(self._history, self._kept, self._warnings.append),
            NameCompleter(
                lambda: self._session.table,
                lambda: self._visit.names.of(self._session.database),
                settings.encoding,
                meta.offered,
                meta.behind,
                on_menu=lambda: self._visit.look_up.wake(),
                hides=insight.ends_in_secret,
            ),
            insight,
            lambda: self._preferences,
            self._bottom,
            self._printer.warn,
            lambda: self._coach.offer,
            color=streams.color,
        )
        self._reader.default_buffer.on_text_changed += lambda _: self._note_typing()
        self._reader.app.after_render += lambda _: self._note_drawing()

    @property
    def _settings(self) -> Settings:
        return self._moving.settings

    @property
    def _visit(self) -> Visit:
        return self._moving.visit

    @property
    def _session(self) -> Session:
        return self._visit.session

    async def converse(self) -> int:
        """Read and do lines until the person leaves."""
        try:
            async with beside(self._feed.run()):
                await self._moving.connect()
                await self._begin_history()
                return await self._read_lines()
        finally:
            await self._printer.end_transcript()
            await self._visit.close()

    async def _begin_history(self) -> None:
        """Offer what redis-cli has remembered to somebody who has no history here."""
        if self._history is not None and not self._history.size:
            # Only a first start gets here.
            from pyredis_cli.repl import old_history

            await old_history.begin(self._history, os.environ, self._kept, self._printer)

    async def _read_lines(self) -> int:
        while True:
            await self._show_warnings()
            try:
                text = await self._reader.read()
            except KeyboardInterrupt:  # Ctrl-C: the line is dropped, or what comes by itself ends
                if not self._reader.default_buffer.text:
                    await self._unasked.end()
                continue
            except EOFError:
                return await self._leave()
            finally:
                self._visit.look_up.give_way()
                self._visit.status_look.prompt_gone()
            if await self._enter(text) is After.LEAVE:
                return await self._leave()
            await self._tell_dropped()

    async def _leave(self) -> int:
        """Tell what goes undone, and return the exit code."""
        if count := self._session.queued:
            lost = (
                "1 queued command, which did not run"
                if count == 1
                else f"{count:,} queued commands, none of them ran"
            )
            await self._printer.warn(f"left: MULTI with {lost}")
        return Exit.OK

    async def _drop_typed_ahead(self) -> None:
        """Lose what was typed or pasted behind a line that failed: it relied on it.

        That is done before anything is said of the failure, lest what is typed because of that be lost.
        """
        self._dropped += await typed_ahead()

    async def _tell_dropped(self) -> None:
        dropped, self._dropped = self._dropped, ""
        if dropped:
            lines = max(1, dropped.count("\n") + dropped.count("\r"))
            await self._printer.warn(f"dropped {lines} line{'' if lines == 1 else 's'} typed ahead")

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
    def failures(self) -> int:
        return self._sending.failures

    @property
    def interruptions(self) -> int:
        return self.signals.interruptions

    @property
    def desk(self) -> Desk:
        return self._visit.desk

    async def interruptible(self, work: Coroutine[Any, Any, T]) -> T:
        return await self.signals.interruptible(work)

    async def do(self, line: str) -> After:
        after = await self._do(line, None)
        self._coach.forget()
        return after

    async def allows(
        self, argv: tuple[bytes, ...], *, everywhere: bool = False, times: int | None = 1
    ) -> bool:
        return await self._guard.allows(argv, everywhere=everywhere, times=times)

    def together(
        self, lines: Iterable[tuple[str, str]], act: verdicts.RunsLines | None = None
    ) -> AbstractAsyncContextManager[bool]:
        return self._guard.together(lines, act)

    # -- lines --

    async def _enter(self, text: str) -> After:
        """Do each line of what was typed or pasted, until one says stop."""
        places = numbered(text)
        lines = [line for _, line in places]
        self._coach.forget()
        if not lines:
            for comment in filter(str.strip, text.splitlines()):  # for whoever reads the transcript
                self._note_typed(comment)
            return After.GO_ON
        self._printer.may_page = len(lines) == 1
        if len(lines) == 1:  # of several, each is shown again
            self._note_typed(lines[0])
            after = await self._do(lines[0], self._outlet(lines[0]))
            await self._advise(lines[0])
            return after
        try:
            async with self.together(
                (f"line {number}", self._command(line)) for number, line in places
            ) as agreed:
                return await self._do_all(lines) if agreed else After.STOP
        except Interrupted:
            await self._printer.warn("stopped")
            return After.STOP

    async def _do_all(self, lines: Sequence[str]) -> After:
        for done, line in enumerate(lines, 1):
            if shown := self._echoed(line):
                await self._printer.tell(f"> {shown}")
            after = await self._do(line, self._outlet(line))
            if after is After.STOP and (rest := lines[done:]):
                count = "1 more pasted line" if len(rest) == 1 else f"{len(rest)} more pasted lines"
                await self._printer.warn(f"stopped: {count} not sent, from here on: {self._echoed(rest[0])}")
            if after is not After.GO_ON:
                return after
        return After.GO_ON

    async def _advise(self, line: str) -> None:
        """Say below an error what lies behind it."""
        if not self._preferences.coach:
            return
        try:
            if said := await self.signals.interruptible(self._coach.advice(self.desk, line)):
                await self._printer.advise(said)
        except Interrupted:
            pass  # whoever is in a hurry knows

    def _note_typed(self, line: str) -> None:
        if self._printer.transcript is not None:
            # The transcript knows the password itself.
            kept = redacted(line.lstrip(), self._settings.encoding, self._session.table)
            self._printer.typed(self._prompt_text(), kept or STARS)

    def _prompt_text(self) -> str:
        return fragment_list_to_text(self._prompt())

    def _prompt(self) -> StyleAndTextTuples:
        monitoring = self._visit.monitor is not None
        return prompt(self._session, profile=self._settings.profile, monitoring=monitoring)

    def _echoed(self, line: str) -> str:
        return echoed(line, self._settings.encoding, self._session.table, typed=True)

    def _outlet(self, line: str) -> Outlet | None:
        """Return where a line that somebody typed sends the reply."""
        return outlet(line, self._session.table, self._settings.encoding)

    def _command(self, line: str) -> str:
        """Return the command of a line that somebody typed."""
        sends = self._outlet(line)
        return line if sends is None else line[: sends.start]

    async def _do(self, line: str, sends: Outlet | None) -> After:
        if self._printer.transcript is not None:
            self._printer.hide(secrets_in(line, self._settings.encoding, self._session.table))
        try:
            asked = order(line if sends is None else line[: sends.start], self._settings.encoding)
        except LineError as error:
            await self._drop_typed_ahead()
            await self._printer.refuse(str(error))
            return After.STOP
        if lacks_secret(line, self._settings.encoding, self._session.table):
            await self._drop_typed_ahead()
            await self._printer.refuse(_LACKING)
            return After.STOP
        own = meta.verdict(asked.argv, self._session.table)
        if own is not None:
            reason = unsent.objection(line, self._settings.encoding, self._session.table)
            if asked.times > 1 and not reason:
                reason = "a count in front is for commands of the server; a word of the prompt is done once"
            return await self._act(verdicts.Refuse(reason) if reason else own)
        try:
            with without_echo():
                return await self.signals.interruptible(self._sending.send(asked, sends))
        except Interrupted as interrupted:
            if not interrupted.told:
                await self._printer.warn("stopped")
            return After.STOP
        finally:
            self._visit.rest()

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
                await self._drop_typed_ahead()
                await self._printer.refuse(reason)
                return After.STOP
            case verdicts.Set(words):
                return await self._set(words)
            case verdicts.Connect(address):
                settings = replace(self._settings.at(address), database=self._session.database)
                return await self._moving.move(settings)
            case verdicts.Dial(url):
                return await self._moving.dial(url)
            case verdicts.Monitor(wanted):
                return await self._unasked.begin_monitor(wanted)
            case verdicts.Perform(act):
                return await self._perform(act)
        return After.GO_ON

    async def _perform(self, act: verdicts.Act) -> After:
        try:
            return await act(self)
        except Interrupted:
            await self._printer.warn("stopped")
            return After.STOP

    async def _set(self, words: Sequence[str]) -> After:
        try:
            preferences, lines = changed(self._preferences, words)
        except PreferenceError as error:
            await self._printer.refuse(str(error))
            return After.STOP
        if reason := self._guard.objection(preferences):
            await self._printer.refuse(reason)
            return After.STOP
        self._preferences = preferences
        await self._printer.tell(*lines)
        return After.GO_ON

    # -- what comes by itself --

    # -- the line that is being typed --

    def _note_lost(self) -> None:
        """Tell what went with a connection that broke while nobody used it; the prompt tells of the rest."""
        if not self._reader.app.is_running:
            return
        if losses := self._session.losses:
            self._feed.tell(f"the connection to {self._session.address} was lost, and with it {losses}")
        self._reader.app.invalidate()

    def _note_typing(self) -> None:
        self._visit.look_up.give_way()
        self._visit.status_look.typed()

    def _note_drawing(self) -> None:
        """Look how the server is as soon as the prompt stands, and not before."""
        if not self._reader.app.is_done:
            self._visit.status_look.prompt_waits()

    def _show_names(self) -> None:
        """Have the menu made anew, unless the person is choosing from it."""
        buffer = self._reader.default_buffer
        chosen = buffer.complete_state is not None and buffer.complete_state.current_completion is not None
        if self._reader.app.is_running and buffer.text and not chosen:
            buffer.start_completion()

    def _kept(self, line: str) -> str | None:
        settings = self._settings
        return redacted(line, settings.encoding, self._session.table, settings.password)

    async def _show_warnings(self) -> None:
        while self._warnings:
            await self._printer.warn(self._warnings.pop(0))


@asynccontextmanager
async def beside(work: Coroutine[Any, Any, None]) -> AsyncIterator[None]:
    """Do something while the body runs; what goes wrong with it ends the body."""
    body = asyncio.current_task()
    assert body is not None
    task = asyncio.create_task(work)
    task.add_done_callback(lambda done: None if done.cancelled() else body.cancel())
    try:
        yield
    except asyncio.CancelledError:
        if task.done() and not task.cancelled() and (error := task.exception()) is not None:
            body.uncancel()
            raise error from None
        raise
    finally:
        await cancelled(task)
