"""The command of the arguments: each reply on standard output, each error in one line on standard error."""

from __future__ import annotations

from pyredis_cli.exits import Exit
from pyredis_cli.given import ToolArguments
from pyredis_cli.tools.exec.running import Run, Stopped

__all__ = ["run_command"]


async def run_command(run: Run, argv: tuple[bytes, ...], arguments: ToolArguments) -> Exit:
    """Run the command as often as was asked for; return the exit code of the first error."""
    if _is_looked_at(run, argv):
        from pyredis_cli.tools.exec.guarding import may_run

        if not await may_run(run, argv, run.settings.telling.times):
            return Exit.GUARD
    code = Exit.OK
    for pause in run.settings.telling.pauses():
        if pause:
            await run.rest(pause)
        failure = await _once(run, argv, arguments)
        if failure and run.settings.stop_on_error:
            return failure
        code = code or failure
    return code


def _is_looked_at(run: Run, argv: tuple[bytes, ...]) -> bool:
    spec = run.session.table.find(argv)
    return spec is not None and spec.may_cost(len(argv))


async def _once(run: Run, argv: tuple[bytes, ...], arguments: ToolArguments) -> Exit:
    """Run the command; an error is one line on standard error, and nothing else. Stopped when none can follow."""
    outcome = await run.outcome(argv)
    if outcome.error is not None:
        code = run.fail(outcome.error, at_connect=outcome.at_connect)
        if not outcome.answered:
            raise Stopped(code)
        return code
    run.writer.show(outcome)
    run.tell_asides()
    run.writer.pages = False
    await run.stream(arguments.get("count"), arguments.get("seconds"))
    return Exit.OK
