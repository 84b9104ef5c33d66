"""Reports: what a tool has found out by asking servers, for a person as blocks, for programs as a value.

A report is made by the same function for the command line and for the REPL. This module prints it for the
command line; the REPL prints it by its printer. It knows no report.
"""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Callable, Coroutine, Iterator, Sequence
from contextlib import contextmanager
from time import time
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

from pyredis.exceptions import PyRedisError
from pyredis.records import replace
from pyredis_cli.argv import argv_of
from pyredis_cli.core import connect
from pyredis_cli.core.concealing import conceal_secrets
from pyredis_cli.core.desk import Desk
from pyredis_cli.exits import Exit
from pyredis_cli.flags import UsageError
from pyredis_cli.given import ToolArguments
from pyredis_cli.parsing import parse_tool
from pyredis_cli.printing import fail, say_stars, theme_of
from pyredis_cli.render.look import Look, Measure

if TYPE_CHECKING:
    from pyredis.types import Reply
    from pyredis_cli.render.blocks import Block
    from pyredis_cli.render.layout import Part
    from pyredis_cli.settings import Settings
    from pyredis_cli.streams import Streams

__all__ = ["CutShort", "Report", "Reporter", "arguments_of", "interruptions", "laid_out", "run_report"]


class Report(NamedTuple):
    """What was found out: ``value`` is made of what replies are made of, ``blocks`` show it to a person.

    ``safe`` is the same without the secrets in it, where it has any.
    """

    value: Reply
    blocks: Callable[[Look], Sequence[Block]]
    code: Exit = Exit.OK
    safe: Report | None = None


class CutShort(Exception):
    """Somebody stopped it with Ctrl-C; ``report`` is what was found out by then."""

    def __init__(self, report: Report) -> None:
        super().__init__("stopped")
        self.report = report


Reporter: TypeAlias = Callable[[Desk, ToolArguments], Coroutine[Any, Any, "Report"]]
"""Raises UsageError for words that mean nothing, and PyRedisError when the server does not tell."""


def arguments_of(name: str, settings: Settings, streams: Streams, words: Sequence[str]) -> ToolArguments:
    """Return what stands behind the name of a report, its words as the flags before it say that they are told."""
    telling = settings.telling
    if telling.times != 1:
        raise UsageError(f"-r repeats a command, and {name} is a report; leave it out")
    typed = parse_tool(name, words)
    argv = argv_of(typed.words, telling, settings.encoding, streams.stdin)
    conceal_secrets(typed.words, argv)
    return ToolArguments(tuple(map(os.fsdecode, argv)), typed.flags)


def run_report(reporter: Reporter, settings: Settings, streams: Streams, arguments: ToolArguments) -> int:
    """Make a report of the server that the settings mean and print it; return the exit code."""
    # RESP3 tells a map from an array; what is asked is asked in the same words either way.
    settings = replace(settings, protocol=settings.protocol or 3)
    return asyncio.run(_reported(reporter, arguments, settings, streams))


async def _reported(
    reporter: Reporter, arguments: ToolArguments, settings: Settings, streams: Streams
) -> int:
    session = connect.session(settings)
    desk = Desk(session)
    try:
        report = await reporter(desk, arguments)
    except PyRedisError as error:
        return fail(streams, error, session.address, at_connect=not desk.reached)
    finally:
        await desk.close()
        await session.close()
    is_human = settings.output in (None, "human")
    seen = report.safe if report.safe is not None and is_human and not settings.reveal else report
    for part, _ in _parts(seen, settings, streams):
        streams.write(part)
    if seen is not report:
        say_stars(streams)
    return report.code


def _parts(report: Report, settings: Settings, streams: Streams) -> Iterator[Part]:
    """Yield a report in the format that was asked for; nothing asked for is what a person reads, on a pipe too."""
    if settings.output not in (None, "human"):
        from pyredis_cli.render.forms import form_parts

        return form_parts(settings.output, report.value, settings, terminal=streams.stdout_tty)
    look = Look(
        streams.columns,
        encoding=settings.encoding,
        color=streams.color,
        theme=theme_of(settings, streams),
        measure=Measure(),
        now=time(),
    )
    return laid_out(report, look)


def laid_out(report: Report, look: Look) -> Iterator[Part]:
    """Yield the lines of a report for a person."""
    from pyredis_cli.render.sheet import sheet_parts

    return sheet_parts(report.blocks(look), look)


@contextmanager
def interruptions(act: Callable[[], object]) -> Iterator[None]:
    """Do something at Ctrl-C instead of ending the program; one that ignores it (nohup) goes on doing so."""
    before = signal.getsignal(signal.SIGINT)
    if before is signal.SIG_IGN:
        yield
        return
    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGINT, act)
    try:
        yield
    finally:
        loop.remove_signal_handler(signal.SIGINT)
        signal.signal(signal.SIGINT, before)
