"""The command of the arguments: each reply on standard output, each error in one line on standard error."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

from pyredis_cli.exits import Exit
from pyredis_cli.settings import Telling
from pyredis_cli.tools.exec.running import Run, Stopped

__all__ = ["run_command"]


async def run_command(run: Run, argv: tuple[bytes, ...]) -> Exit:
    """Run the command as often as was asked for; return the exit code of the first error."""
    code = Exit.OK
    for pause in _pauses(run.settings.telling):
        if pause:
            await asyncio.sleep(pause)
        failure = await _once(run, argv)
        if failure and run.settings.stop_on_error:
            return failure
        code = code or failure
    return code


async def _once(run: Run, argv: tuple[bytes, ...]) -> Exit:
    """Run the command; an error is one line on standard error, and nothing else. Stopped when none can follow."""
    outcome = await run.outcome(argv)
    if outcome.error is not None:
        code = run.fail(outcome.error, at_connect=outcome.at_connect)
        if not outcome.answered:
            raise Stopped(code)
        return code
    run.writer.show(outcome)
    run.writer.pages = False
    await run.stream()
    return Exit.OK


def _pauses(telling: Telling) -> Iterator[float]:
    """Yield the seconds to wait before each run; there is nothing to wait for behind the last."""
    pause, left = 0.0, telling.times
    while left is None or left > 0:
        yield pause
        pause = telling.interval
        left = None if left is None else left - 1
