"""Long replies page by page: in the person's pager, or else in one of our own.

It knows which program to start, how to feed it no faster than it reads, and that the terminal is to be left as
it was, whatever the program does. It lays nothing out: a reply is an iterator of parts, and each is asked for when
it is about to be shown.
"""

from __future__ import annotations

import asyncio
import os
from asyncio.subprocess import PIPE, Process
from collections.abc import Callable, Iterable
from contextlib import closing
from itertools import chain, islice
from typing import Final, NamedTuple

from prompt_toolkit.application import get_app_or_none, get_app_session
from prompt_toolkit.utils import is_dumb_terminal

from pyredis_cli.paging import LESS, VARIABLES, chosen
from pyredis_cli.passwords import for_children
from pyredis_cli.render.layout import Part
from pyredis_cli.render.portions import in_batches
from pyredis_cli.repl.leafing import Leafing
from pyredis_cli.repl.lending import SANE, as_it_was, ended, set_aside_keys
from pyredis_cli.repl.rows import rows
from pyredis_cli.streams import Streams

__all__ = ["Opened", "can_page", "opened", "page"]

_BATCH: Final = 4096


class Opened(NamedTuple):
    """A reply that was laid out as far as the screen reaches: all its parts, and whether they are more."""

    parts: Iterable[Part]
    too_long: bool


def can_page(streams: Streams) -> bool:
    """Return whether pages can be shown now: on a terminal that moves its cursor, with no prompt on it."""
    application = get_app_or_none()
    at_prompt = application is not None and application.is_running
    return streams.stdout_tty and streams.stdin_tty and not is_dumb_terminal() and not at_prompt


def opened(parts: Iterable[Part]) -> Opened:
    """Lay out what the screen holds above the next prompt, and no more."""
    size = get_app_session().output.get_size()
    laid_out: list[Part] = []
    rest = iter(parts)

    def noted() -> Iterable[Part]:
        for part in rest:
            laid_out.append(part)
            yield part

    filled = sum(1 for _ in islice(rows(noted(), lambda: size.columns), size.rows))
    return Opened(chain(laid_out, rest), filled >= size.rows)


async def page(
    parts: Iterable[Part],
    anew: Callable[[], Iterable[Part]],
    total: Callable[[], str],
    streams: Streams,
    warn: Callable[[str], None],
) -> Iterable[Part]:
    """Show the parts page by page; return those that are to be written without a stop.

    ``anew`` lays the same out from its beginning: a program that fails may have shown nothing of a reply that the
    server does not give twice. ``total`` says how many there are of what is counted, ``1,000 elements``.
    """
    set_aside_keys(get_app_session().input)
    with as_it_was(streams.stdin.fileno()):
        process = await _started(warn)
        if process is not None:
            if await _shown(process, parts, streams, warn):
                return ()
            parts = anew()
    return await Leafing(parts, total, streams).read()


# -- a program


async def _started(warn: Callable[[str], None]) -> Process | None:
    """Start the person's pager, with the terminal and a pipe from here; None when there is none that starts."""
    try:
        argv = chosen(os.environ)
        if not argv:
            return None
        return await asyncio.create_subprocess_exec(
            *argv, stdin=PIPE, env={"LESS": LESS, **for_children(os.environ)}
        )
    except OSError as error:
        reason = error.strerror
    except ValueError as error:  # a quote that does not end
        reason = str(error)
    name = next((name for name in VARIABLES if name in os.environ), "PATH")
    warn(f"the pager in {name} cannot be started: {reason}")
    return None


async def _shown(
    process: Process, parts: Iterable[Part], streams: Streams, warn: Callable[[str], None]
) -> bool:
    """Feed a program until it ends, and return whether it ended well; it is gone at the end."""
    try:
        async with asyncio.TaskGroup() as tasks:
            feeding = tasks.create_task(_feed(process, parts))
            await process.wait()
            feeding.cancel()
    finally:
        await ended(process)
        if (process.returncode or 0) < 0:
            streams.write(SANE)
    if process.returncode:
        how = "was killed" if process.returncode < 0 else f"ended with code {process.returncode}"
        warn(f"the pager {how}; :set pager off does without")
    return not process.returncode


async def _feed(process: Process, parts: Iterable[Part]) -> None:
    """Write the parts as the program reads them; that it does not want them all is no error."""
    pipe = process.stdin
    assert pipe is not None
    # Only what the system's pipe holds is laid out ahead.
    pipe.transport.set_write_buffer_limits(0)
    with closing(pipe):
        for batch in in_batches((part for part, _ in parts), _BATCH):
            if not await _taken(pipe, batch):
                return
            await asyncio.sleep(0)  # signals are heard, however fast the program reads


async def _taken(pipe: asyncio.StreamWriter, batch: bytes) -> bool:
    """Write to a program; return whether it still reads.

    asyncio keeps the error, and with it what the frames that it passed through hold, until garbage is collected:
    it may not pass through one that holds a long reply.
    """
    try:
        pipe.write(batch)
        await pipe.drain()
    except (BrokenPipeError, ConnectionResetError):
        return False
    return True
