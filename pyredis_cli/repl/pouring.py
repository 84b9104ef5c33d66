"""A reply on its way into a shell's pipeline or a file, as exact bytes.

It knows processes, files and the terminal that a pipeline gets; which lines ask for it, `outlets` knows. Nothing
is run, made or emptied before the reply is there, and nothing when there is none.
"""

from __future__ import annotations

import asyncio
import errno
import os
import signal
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, Final

from pyredis.records import replace
from pyredis.types import Attributed
from pyredis_cli.passwords import for_children
from pyredis_cli.render.forms import form_parts
from pyredis_cli.render.portions import in_batches
from pyredis_cli.repl.descriptors import File, put
from pyredis_cli.repl.lending import ended
from pyredis_cli.repl.signals import Interrupted
from pyredis_cli.splitting import SplitError, split

if TYPE_CHECKING:
    from asyncio.subprocess import Process

    from pyredis_cli.complete.outlets import Outlet
    from pyredis_cli.core.outcome import Outcome
    from pyredis_cli.core.session import Session
    from pyredis_cli.repl.printer import Printer
    from pyredis_cli.settings import Settings

__all__ = ["Pouring", "PouringError", "exact", "refusal", "target"]

_BATCH: Final = 64 * 1024
_ENDLESS: Final = frozenset({"subscribe", "monitor", "replication"})
_INSISTENT: Final = 3
"""So often Ctrl-C is pressed to end a pipeline that does not care for it."""
_SHELL: Final = "/bin/sh"


class PouringError(Exception):
    """Why a reply cannot go there; the message is the reason."""


def refusal(outlet: Outlet, session: Session, settings: Settings) -> str:
    """Return why the command of a line is not sent; empty when it may be."""
    mark, name = outlet.mark, outlet.spec.name
    if not settings.shell:
        return f"--no-shell: there is no {mark} here; put '{mark}' in quotes if {name} is to get it"
    if outlet.spec.effect in _ENDLESS:
        return (
            f"{name} has no end, so nothing goes through {mark} here; in your shell: pyredis-cli exec {name} "
            f"... {mark} ..., or put '{mark}' in quotes if it is meant for {name}"
        )
    if session.in_transaction and outlet.spec.effect not in ("exec", "discard", "reset"):
        return f"in MULTI {name} is only queued; put {mark} behind EXEC, which has the replies"
    if session.silenced:
        return f"CLIENT REPLY is off, so {mark} would get nothing"
    if mark != "|":
        try:
            target(outlet)
        except PouringError as error:
            return str(error)
    return ""


def target(outlet: Outlet) -> bytes:
    """Return the path of the file; PouringError when what is typed is not one name."""
    try:
        words = split(outlet.rest)
    except SplitError as error:
        raise PouringError(f"no name of a file: {error}") from None
    if len(words) != 1 or not words[0] or b"\0" in words[0]:
        raise PouringError(f"{outlet.mark} takes one file; put a name with blanks in quotes")
    return os.path.expanduser(words[0])


def exact(outcome: Outcome, settings: Settings) -> Iterator[bytes]:
    """Yield the bytes of a reply: of a string they are all there is, everything else comes in lines.

    What is empty has none.
    """
    reply = outcome.reply
    while isinstance(reply, Attributed):
        reply = reply.reply
    if type(reply) is bytes and not outcome.is_text:
        return iter([reply])
    if isinstance(reply, list | dict) and not reply:
        return iter(())
    # A field and its value have a line each, as in RESP2: either may hold blanks.
    marks = settings.marks._replace(between=settings.marks.delimiter)
    return (
        part for part, _ in form_parts("raw", reply, replace(settings, marks=marks), text=outcome.is_text)
    )


class Pouring:
    """Takes the replies of one line, one after the other; ``ending`` is whether a signal ends the program."""

    def __init__(
        self, outlet: Outlet, settings: Settings, printer: Printer, ending: Callable[[], bool]
    ) -> None:
        self._outlet = outlet
        self._settings = settings
        self._printer = printer
        self._ending = ending
        self._poured = False

    async def take(self, outcome: Outcome) -> None:
        """Give the pipeline or the file a reply; what goes wrong is told."""
        if outcome.reply is None:
            await self._printer.answer(outcome)
            await self._printer.note(f"nothing for {self._outlet.mark} {self._outlet.rest}")
            return

        def parts() -> Iterable[bytes]:
            return in_batches(exact(outcome, self._settings), _BATCH)

        try:
            if self._outlet.mark == "|":
                await self._pipe(parts())
            else:
                await self._write(parts)
        except PouringError as error:
            await self._printer.refuse(str(error))
            return
        self._poured = True

    # -- a file

    async def _write(self, parts: Callable[[], Iterable[bytes]]) -> None:
        # What one line asks for several times is one result.
        added = self._outlet.mark == ">>" or self._poured
        file = File(target(self._outlet), append=added)
        try:
            await file.write(parts)
        except OSError as error:
            raise PouringError(f"{file.name}: {_reason(error)}{_so_far(file)}") from None
        except asyncio.CancelledError:
            if self._ending():
                raise
            await self._printer.warn(f"{file.name}: stopped{_so_far(file)}")
            raise Interrupted(told=True) from None
        await self._printer.note(f"-> {file.name}: {_bytes(file.written)}{' appended' if added else ''}")

    # -- a pipeline

    async def _pipe(self, parts: Iterable[bytes]) -> None:
        async with self._printer.lent():
            running = asyncio.create_task(self._run(parts))
            stopped = await self._outlasted(running)
        if stopped:
            raise Interrupted(told=True)
        code = running.result()
        if code:
            await self._printer.note(
                f"(exit {code})" if code > 0 else f"(killed by {signal.Signals(-code).name})"
            )

    async def _outlasted(self, running: asyncio.Task[int]) -> bool:
        """Return, once the pipeline has ended, whether Ctrl-C was pressed, which the pipeline got as well."""
        pressed = 0
        while not running.done():
            try:
                await asyncio.wait([running])
            except asyncio.CancelledError:
                pressed += 1
                if self._ending() or pressed == _INSISTENT:
                    running.cancel()
                if self._ending():
                    raise
        return pressed > 0

    async def _run(self, parts: Iterable[bytes]) -> int:
        shell = os.environ.get("SHELL") or _SHELL
        line, environ = self._outlet.rest, for_children(os.environ)
        reading, writing = os.pipe()
        try:
            process = await asyncio.create_subprocess_exec(shell, "-c", line, stdin=reading, env=environ)
        except OSError as error:
            os.close(writing)
            raise PouringError(f"{shell} cannot be started: {error.strerror}") from None
        finally:
            os.close(reading)
        return await _fed(process, writing, parts)


async def _fed(process: Process, writing: int, parts: Iterable[bytes]) -> int:
    """Feed a program until it ends; return its exit code."""
    try:
        async with asyncio.TaskGroup() as tasks:
            feeding = tasks.create_task(_feed(writing, parts))
            await process.wait()
            feeding.cancel()
    finally:
        await ended(process)
    return process.returncode or 0


async def _feed(writing: int, parts: Iterable[bytes]) -> None:
    """Write to a pipe until there is no more to write, or nobody who reads it, which is no error."""
    os.set_blocking(writing, False)
    try:
        for batch in parts:
            rest = memoryview(batch)
            while rest:
                rest = rest[await put(writing, rest) :]
    except BrokenPipeError:
        return
    finally:
        os.close(writing)


def _reason(error: OSError) -> str:
    return "nobody reads this FIFO" if error.errno == errno.ENXIO else error.strerror or "cannot be written"


def _so_far(file: File) -> str:
    return f"; {_bytes(file.written)} were written" if file.written else ""


def _bytes(count: int) -> str:
    return f"{count:,} byte{'' if count == 1 else 's'}"
