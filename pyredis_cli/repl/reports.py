"""The words of the REPL that are tools, too: the tool makes the report, the REPL shows it.

What may stand behind such a word are the flags of the tool, and what the word itself takes.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pyredis.exceptions import PyRedisError
from pyredis_cli.complete.candidates import Choice
from pyredis_cli.complete.known import commands, summary, typeable
from pyredis_cli.complete.wants import Want
from pyredis_cli.flags import UsageError
from pyredis_cli.parsing import parse_tool
from pyredis_cli.repl.verdicts import After
from pyredis_cli.reporting import CutShort
from pyredis_cli.tool_flags import TOOL_FLAGS

if TYPE_CHECKING:
    from pyredis.commands.spec import Table
    from pyredis_cli.repl.verdicts import Host
    from pyredis_cli.reporting import Reporter

__all__ = ["Show", "behind_command", "behind_key", "behind_keys", "behind_peek"]


@dataclass(frozen=True)
class Show:
    """Make the report of a tool and print it."""

    tool: str
    reporter: Reporter
    words: tuple[str, ...]

    async def __call__(self, host: Host) -> After:
        try:
            with host.printer.waiting():
                report = await host.interruptible(self.reporter(host.desk, parse_tool(self.tool, self.words)))
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


def behind_key(words: Sequence[str], typed: str, table: Table) -> Iterator[Want]:
    """Yield that keys may stand there, any number of them."""
    yield Want("key")


def behind_command(words: Sequence[str], typed: str, table: Table) -> Iterator[Choice]:
    """Yield the names of commands; behind a container, those of its subcommands."""
    if not words:
        begun = typed.upper()
        fitting = (name for name in commands(table) if name.startswith(begun))
        yield from (Choice(name, "command", summary(name, table)) for name in fitting)
    spec = table.find(words)
    if len(words) == 1 and spec is not None:
        for name in sorted(typeable(spec.subcommands)):
            if table.has(f"{spec.name} {name}"):
                yield Choice(name, "command", summary(f"{spec.name} {name}", table))


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
