"""The command of the arguments: its reply on standard output, or its error in one line on standard error."""

from __future__ import annotations

from pyredis_cli.argv import encoded
from pyredis_cli.exits import Exit
from pyredis_cli.parsing import ToolArguments
from pyredis_cli.tools.exec.running import Run

__all__ = ["run_command"]


async def run_command(run: Run, arguments: ToolArguments) -> Exit:
    """Run one command; an error is one line on standard error, and nothing else."""
    outcome = await run.outcome(encoded(arguments.words, run.settings.encoding))
    if outcome.error is not None:
        return run.fail(outcome.error, at_connect=outcome.at_connect)
    run.writer.show(outcome)
    run.writer.pages = False
    await run.stream()
    return Exit.OK
