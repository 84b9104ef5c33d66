"""``:watch SECONDS COMMAND``: what a command replies, over and over, what changes made easy to see.

The server is asked on a connection beside the session's, so a transaction there is not disturbed. What an error
says, or that the connection is gone, stands in the place of the reply, and it goes on.
"""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import nullcontext, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from prompt_toolkit.utils import is_dumb_terminal

from pyredis.commands.keys import keys
from pyredis.exceptions import PyRedisError
from pyredis_cli.complete.candidates import Choice
from pyredis_cli.complete.wants import Want
from pyredis_cli.core.outcome import Outcome
from pyredis_cli.core.secrets import hidden
from pyredis_cli.render.line import as_typed
from pyredis_cli.repl.highlight import highlighted
from pyredis_cli.repl.logbook import Logbook, LogbookError
from pyredis_cli.repl.reports import behind_command
from pyredis_cli.repl.rows import rows
from pyredis_cli.repl.signals import Interrupted
from pyredis_cli.repl.trends import Trends
from pyredis_cli.repl.verdicts import After, Perform, Refuse, Verdict
from pyredis_cli.spans import read_span

if TYPE_CHECKING:
    from pyredis.commands.spec import Spec, Table
    from pyredis.types import Reply
    from pyredis_cli.repl.screen import Screen
    from pyredis_cli.repl.verdicts import Host

__all__ = ["Watch", "behind", "judge"]

_USAGE: Final = "usage: :watch SECONDS [--csv FILE [--append]] COMMAND"
_CSV, _APPEND = "--csv", "--append"
_LEAST_PAUSE: Final = 0.05
"""Seconds for the person and the terminal, however slow the server is."""
_PATIENCE: Final = 1.0
"""Seconds without an answer behind which that is told, and told again."""
_NAMES: Final = 5
_LINES: Final = 10_000
"""So many lines of a reply are counted."""


def judge(words: Sequence[str], table: Table) -> Verdict:
    try:
        return Perform(_parsed(words, table))
    except ValueError as error:
        return Refuse(f":watch {error}")


def behind(words: Sequence[str], typed: str, table: Table) -> Iterator[Choice | Want]:
    """Yield some seconds, then what stands in front of the command, then commands."""
    if not words:
        yield from map(Choice, ("1", "2", "5"))
        return
    command = list(words[1:])
    if not command:
        yield Choice(_CSV, meta="a row for each time in a file")
    while command and command[0] in (_CSV, _APPEND):
        if len(command) == 2 and command[0] == _CSV:
            yield Choice(_APPEND, meta="to a file that exists")
        elif command == [_CSV]:
            return  # a file, of any name
        del command[: 2 if command[0] == _CSV else 1]
    yield from behind_command(command, typed, table)


def _parsed(words: Sequence[str], table: Table) -> Watch:
    """Return what is to be watched; ValueError says what is wrong with the words."""
    rest = list(words)
    seconds = read_span(rest.pop(0)) if rest and rest[0] not in (_CSV, _APPEND) else None
    path, append = "", False
    while rest and rest[0] in (_CSV, _APPEND):
        if rest.pop(0) == _APPEND:
            append = True
        elif rest:
            path = rest.pop(0)
        else:
            raise ValueError(f"--csv needs a FILE behind it; {_USAGE}")
    if seconds is None or not rest or (append and not path):
        raise ValueError(f"takes seconds and a command; {_USAGE}")
    argv = tuple(os.fsencode(word) for word in rest)
    if reason := _refusal(argv, table.find(argv)):
        raise ValueError(reason)
    return Watch(seconds, argv, path, append)


def _refusal(argv: Sequence[bytes], spec: Spec | None) -> str:
    """Return why a command is not to be sent over and over, empty when it may be."""
    if spec is None:
        return f"repeats what only reads; nobody knows whether {as_typed(argv[:1])} does"
    if spec.blocks_for(argv) is not None:
        return f"asks again and again; {spec.name} may wait as long as it likes"
    if spec.stateful or not spec.only_reads(argv):
        return f"repeats what only reads, and {spec.name} does more; 5 {spec.name} ... runs it five times"
    return ""


class _Seen:
    """What came, and when."""

    def __init__(self, outcome: Outcome) -> None:
        self.outcome = outcome
        self.at = time.time()

    def values(self) -> Mapping[str, Reply]:
        if self.outcome.error is not None:
            return {}
        # Shapes are loaded with the first reply that is laid out.
        from pyredis_cli.render.named import named
        from pyredis_cli.render.shapes import shape

        return named(shape(self.outcome.argv, self.outcome.spec, self.outcome.reply))


@dataclass(frozen=True, slots=True)
class Watch:
    """Ask so often and draw what comes, until Ctrl-C; with a ``path``, write the values there too."""

    seconds: float
    argv: tuple[bytes, ...]
    path: str = ""
    append: bool = False

    async def __call__(self, host: Host) -> After:
        if not await host.allows(self.argv, times=None):
            return After.STOP
        try:
            with Logbook(self.path, append=self.append) if self.path else nullcontext() as log:
                await self._show(host, log)
                if log is not None and log.left_out:
                    names = ", ".join(sorted(log.left_out)[:_NAMES])
                    await host.printer.warn(f"not in {self.path}, which had its columns already: {names}")
        except LogbookError as error:
            await host.printer.refuse(str(error))
        return After.STOP

    async def _show(self, host: Host, log: Logbook | None) -> None:
        async with host.printer.screen() as screen:
            with suppress(Interrupted):
                await host.interruptible(_Watching(self, host, screen, log).run())


class _Watching:
    """One watch, from its first picture to its last."""

    def __init__(self, watch: Watch, host: Host, screen: Screen, log: Logbook | None) -> None:
        self._watch, self._host, self._screen, self._log = watch, host, screen, log
        self._seen: _Seen | None = None
        self._times = 0
        self._silence = 0.0
        """For so many seconds the command has no answer."""
        self._tick: asyncio.TimerHandle
        self._trends = Trends()
        self._before: Sequence[bytes] = ()
        self._body: Sequence[bytes] = ()
        screen.on_resize = self._resized

    async def run(self) -> None:
        """Ask and draw for ever; each time begins when the one before it began so many seconds ago."""
        loop = asyncio.get_running_loop()
        while True:
            due = loop.time() + self._watch.seconds
            self._take(_Seen(await self._answered()))
            await asyncio.sleep(max(due - loop.time(), _LEAST_PAUSE))

    async def _answered(self) -> Outcome:
        """Return what became of the command; as long as nothing comes, the first row says so."""
        self._tick = asyncio.get_running_loop().call_later(_PATIENCE, self._tell_silence)
        try:
            return await self._ask()
        finally:
            self._tick.cancel()
            self._silence = 0.0

    def _tell_silence(self) -> None:
        self._silence += _PATIENCE
        if not is_dumb_terminal():  # where one picture stands below the other
            self._draw()
        self._tick = asyncio.get_running_loop().call_later(_PATIENCE, self._tell_silence)

    async def _ask(self) -> Outcome:
        argv, host = self._watch.argv, self._host
        outcome = Outcome(argv, host.table.find(argv))
        # What is of a key any node of a cluster leads to; what a node tells of itself, only that one.
        keyed = outcome.spec is not None and bool(keys(outcome.spec, argv))
        try:
            with host.desk.anywhere() if keyed else nullcontext():
                return outcome._replace(reply=await host.desk.ask(*argv))
        except PyRedisError as error:
            return outcome._replace(error=error)

    def _take(self, seen: _Seen) -> None:
        self._seen, self._times = seen, self._times + 1
        values = seen.values()
        self._trends.add(values)
        if self._log is not None:
            self._log.add(seen.at, values, "" if seen.outcome.error is None else str(seen.outcome.error))
        self._before = self._body
        self._draw()

    def _resized(self) -> None:
        """Lay the last reply out anew; what changed in it was seen already."""
        if self._seen is not None:
            self._before = ()
            self._draw()

    def _draw(self) -> None:
        columns, height = self._screen.size
        head = [self._title(columns), *self._of_numbers(columns, height // 3)]
        if self._seen is not None:
            self._body = self._reply(self._seen.outcome, columns, max(0, height - len(head)))
        body = highlighted(self._before, self._body) if self._before else self._body
        self._screen.draw([*head, *body][:height])

    def _title(self, columns: int) -> bytes:
        watch = self._watch
        command = as_typed(watch.argv, hidden=hidden(watch.argv, self._host.table))
        at = time.strftime("%H:%M:%S", time.localtime(self._seen.at)) if self._seen else "--:--:--"
        silent = f"no answer for {self._silence:.0f} s  " if self._silence else ""
        line = f"{at}  {silent}every {watch.seconds:g} s, {self._times:,}  {command}"
        return self._host.printer.row(line, columns, dim=True)

    def _of_numbers(self, columns: int, most: int) -> list[bytes]:
        found = self._trends.rows(most, columns)
        return [*(self._host.printer.row(row, columns) for row in found), *([b""] if found else [])]

    def _reply(self, outcome: Outcome, columns: int, most: int) -> Sequence[bytes]:
        """Return as many rows of the reply as there is room for; the last says how many there are more."""
        parts = self._host.printer.picture(outcome, self._host.desk.address)
        shown: list[bytes] = []
        more = 0
        for row in rows(parts, lambda: columns):
            if len(shown) < most:
                shown.append(row.text)
            elif more < _LINES:
                more += 1
            else:
                break
        if more and shown:
            said = f"… {more + 1:,} more lines" if more < _LINES else f"… more than {_LINES:,} lines more"
            shown[-1] = self._host.printer.row(said, columns, dim=True)
        return shown
