"""The words of the REPL that are tools, too: the tool makes the report, the REPL shows it.

What may stand behind such a word are the flags of the tool, and what the word itself takes.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pyredis.exceptions import PyRedisError
from pyredis_cli.complete.candidates import Choice
from pyredis_cli.complete.known import commands, summary, typeable
from pyredis_cli.flags import UsageError
from pyredis_cli.parsing import parse_tool
from pyredis_cli.repl.verdicts import After

if TYPE_CHECKING:
    from pyredis.commands.spec import Table
    from pyredis_cli.repl.verdicts import Host
    from pyredis_cli.reporting import Reporter

__all__ = ["Show", "behind_command", "behind_key"]


@dataclass(frozen=True)
class Show:
    """Make the report of a tool and print it."""

    tool: str
    reporter: Reporter
    words: tuple[str, ...]

    async def __call__(self, host: Host) -> After:
        try:
            report = await host.interruptible(self.reporter(host.desk, parse_tool(self.tool, self.words)))
        except UsageError as error:
            await host.printer.refuse(str(error))
            return After.STOP
        except PyRedisError as error:
            await host.printer.error(error, host.desk.address)
            return After.STOP
        await host.printer.report(report)
        return After.GO_ON


def behind_key(words: Sequence[str], typed: str, table: Table) -> Iterator[Choice]:
    """Yield nothing: which keys there are, the completer knows."""
    return iter(())


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
