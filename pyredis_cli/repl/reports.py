"""The words of the REPL that are tools, too: the tool makes the report, the REPL shows it.

What may stand behind such a word are the flags of the tool, and what the word itself takes.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import takewhile
from typing import TYPE_CHECKING

from pyredis.exceptions import PyRedisError
from pyredis_cli.complete.candidates import Choice
from pyredis_cli.complete.known import commands, summary, typeable
from pyredis_cli.complete.tokens import line_of
from pyredis_cli.complete.wants import Want, wants
from pyredis_cli.flags import UsageError
from pyredis_cli.parsing import parse_tool
from pyredis_cli.repl.verdicts import After
from pyredis_cli.reporting import CutShort
from pyredis_cli.tool_flags import TOOL_FLAGS

if TYPE_CHECKING:
    from pyredis.commands.spec import Table
    from pyredis_cli.given import ToolArguments
    from pyredis_cli.repl.verdicts import Host
    from pyredis_cli.reporting import Reporter

__all__ = ["Show", "behind_all", "behind_command", "behind_key", "behind_keys", "behind_peek"]


@dataclass(frozen=True)
class Show:
    """Make the report of a tool and print it; a command that it ``sends`` to all nodes is asked about first."""

    word: str
    tool: str
    reporter: Reporter
    words: tuple[str, ...]
    sends: bool = False

    async def __call__(self, host: Host) -> After:
        try:
            arguments = self._arguments()
            sent = self._sent(arguments)
            if sent and not await host.interruptible(host.allows(sent, everywhere=True)):
                return After.STOP
            with host.printer.waiting():
                report = await host.interruptible(self.reporter(host.desk, arguments))
        except CutShort as cut:
            if (task := asyncio.current_task()) is not None and task.cancelling():  # the session itself ends
                raise asyncio.CancelledError from None
            await host.printer.report(cut.report)
            return After.STOP
        except UsageError as error:
            await host.printer.refuse(str(error))
            return After.STOP
        except PyRedisError as error:
            await host.printer.error(error, host.desk.address)
            return After.STOP
        await host.printer.report(report)
        return After.GO_ON

    def sent(self) -> tuple[bytes, ...]:
        """Return the command that it sends to all nodes; empty when there is none, or no sense in the words."""
        try:
            return self._sent(self._arguments()) if self.sends else ()
        except UsageError:
            return ()

    def _arguments(self) -> ToolArguments:
        return parse_tool(self.tool, self.words, word=self.word)

    def _sent(self, arguments: ToolArguments) -> tuple[bytes, ...]:
        return tuple(map(os.fsencode, arguments.words)) if self.sends else ()


def behind_key(words: Sequence[str], typed: str, table: Table) -> Iterator[Want]:
    """Yield that keys may stand there, any number of them."""
    yield Want("key")


def behind_command(words: Sequence[str], typed: str, table: Table) -> Iterator[Choice | Want]:
    """Yield what may stand there in a command: its name, its subcommands, its options, and the names it wants."""
    if not words:
        begun = typed.upper()
        fitting = (name for name in commands(table) if name.startswith(begun))
        yield from (Choice(name, "command", summary(name, table)) for name in fitting)
        return
    line = line_of([_bytes(word) for word in words], _bytes(typed), table)
    if line.container and line.spec is not None:
        for name in sorted(typeable(line.spec.subcommands)):
            if table.has(full := f"{line.spec.name} {name}"):
                yield Choice(name, "command", summary(full, table))
    terms = line.walk.terms if line.walk is not None else ()
    yield from (Choice(term.name, "command", term.shown) for term in terms if term.kind == "token")
    yield from wants(line)


def behind_all(words: Sequence[str], typed: str, table: Table) -> Iterator[Choice | Want]:
    """Yield the flags that do not stand there yet, and what may stand in the command behind them."""
    flags = {name: flag for flag in TOOL_FLAGS["all"].flags for name in flag.names}
    given = list(takewhile(flags.__contains__, words))
    if len(given) == len(words):
        yield from (Choice(name, meta=flag.help) for name, flag in flags.items() if name not in given)
    yield from behind_command(words[len(given) :], typed, table)


def _bytes(word: str) -> bytes:
    return word.encode("utf-8", "surrogateescape")


def behind_peek(words: Sequence[str], typed: str, table: Table) -> Iterator[Choice | Want]:
    return _behind("peek", words, typed)


def behind_keys(words: Sequence[str], typed: str, table: Table) -> Iterator[Choice | Want]:
    return _behind(":keys", words, typed)


def _behind(tool: str, words: Sequence[str], typed: str) -> Iterator[Choice | Want]:
    """Yield the flags of a tool that were not given, where one begins, and else the keys that are known."""
    flags = {name: flag for flag in TOOL_FLAGS[tool].flags for name in flag.names}
    if words and words[-1] in flags and flags[words[-1]].metavar:
        return
    if typed.startswith("-"):
        given = {word.partition("=")[0] for word in words}
        yield from (Choice(name, meta=flag.help) for name, flag in flags.items() if name not in given)
    else:
        yield Want("key")
