"""A script: commands one per line, each run as soon as its line is complete.

It knows how commands come in and when a script must stop.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import BinaryIO, cast

from pyredis.exceptions import ReplyError
from pyredis.records import replace
from pyredis.types import Reply
from pyredis_cli.core.lines import LineError, Order, counted, destination
from pyredis_cli.core.outcome import Outcome
from pyredis_cli.exits import Exit
from pyredis_cli.flags import UsageError
from pyredis_cli.parsing import ToolArguments
from pyredis_cli.splitting import SplitError, split, split_bytes
from pyredis_cli.tools.exec.running import Run, Stopped

__all__ = ["run_script"]

_CHUNK = 64 * 1024


async def run_script(run: Run, arguments: ToolArguments) -> Exit:
    """Run each line of standard input; return the exit code of the first error."""
    return await _Script(run).run()


class _Script:
    """The lines of standard input on a session."""

    def __init__(self, run: Run) -> None:
        self._run = run

    async def run(self) -> Exit:
        """Run each line of standard input; return the exit code of the first error.

        Stopped at a line that cannot be read, a connection that failed, or a change of database, user or
        protocol that did not come true: nothing is sent after it.
        """
        code = Exit.OK
        number = 0
        async with aclosing(_lines(self._run.streams.stdin)) as lines:
            async for line in lines:
                number += 1
                asked = self._asked(line, f"stdin:{number}")
                if _is_goodbye(asked.argv):
                    break
                failure = await self._line(asked, f"stdin:{number}")
                code = code or failure
        return code

    def _asked(self, line: bytes, where: str) -> Order:
        """Return what a line asks for."""
        try:
            return counted(_words(line, self._run.settings.encoding))
        except SplitError as error:
            problem = f"{where}:{error.column}: {error.message}"
        except LineError as error:
            problem = f"{where}: {error}"
        self._run.streams.say(f"{problem}; stopped before this line")
        raise Stopped(Exit.USAGE)

    async def _line(self, asked: Order, where: str) -> Exit:
        """Do what a line asks for; return the exit code of its first error."""
        if not asked.argv:
            return Exit.OK
        if self._run.settings.echo:
            self._echo(asked.argv)
        if asked.argv[0].lower() == b"connect":
            await self._move(asked.argv, where)
            return Exit.OK
        code = Exit.OK
        for _ in range(asked.times):
            failure = await self._entry(asked.argv, where)
            code = code or failure
        return code

    async def _move(self, argv: tuple[bytes, ...], where: str) -> None:
        """Go on with another server, as redis-cli's scripts do; the database stays the one selected."""
        try:
            address = destination([word.decode("utf-8", "surrogateescape") for word in argv[1:]])
        except LineError as error:
            self._run.streams.say(f"{where}: connect: {error}; stopped here, no later line was sent")
            raise Stopped(Exit.USAGE) from None
        settings = replace(self._run.settings.at(address), database=self._run.session.database)
        await self._run.move(settings, f"{where}: connect: ")

    def _echo(self, argv: tuple[bytes, ...]) -> None:
        """Write the command as the prompt would show it, without its secrets."""
        from pyredis_cli.core.secrets import hidden
        from pyredis_cli.render.line import as_typed

        shown = as_typed(argv, self._run.settings.encoding, hidden(argv, self._run.session.table))
        self._run.streams.write(f"> {shown}\n".encode("utf-8", "replace"))

    async def _entry(self, argv: tuple[bytes, ...], where: str) -> Exit:
        """Run one command of a script; return the exit code it deserves."""
        outcome = await self._run.outcome(argv)
        where = f"{where}: {_name(outcome)}: "
        if outcome.answered:
            self._run.writer.show(outcome)
        if outcome.broken_ground:
            self._run.streams.say(f"{where}{outcome.broken_ground}; stopped here, no later line was sent")
            raise Stopped(Exit.REFUSED)
        if outcome.error is not None:
            code = self._run.fail(outcome.error, where, at_connect=outcome.at_connect)
            if not outcome.answered:
                raise Stopped(code)
            return code
        await self._run.stream()
        return self._failed_inside(outcome, where)

    def _failed_inside(self, outcome: Outcome, where: str) -> Exit:
        """Tell which commands of a transaction failed; they are errors like others."""
        if outcome.effect != "exec" or not isinstance(outcome.reply, list):
            return Exit.OK
        code = Exit.OK
        for number, reply in enumerate(cast("list[Reply]", outcome.reply), 1):
            if isinstance(reply, ReplyError):
                code = self._run.fail(reply, f"{where}{number}) ")
        return code


def _name(outcome: Outcome) -> str:
    return outcome.spec.name if outcome.spec else outcome.argv[0].decode("utf-8", "surrogateescape")


def _is_goodbye(argv: tuple[bytes, ...]) -> bool:
    """Whether a line ends the script, as in redis-cli; the server is not told."""
    return len(argv) == 1 and argv[0].lower() in (b"quit", b"exit")


# -- lines of standard input


def _words(line: bytes, encoding: str) -> tuple[bytes, ...]:
    """Return the words of a line, byte for byte as they came; the column of a SplitError counts characters."""
    # A character of gb18030 may end in the byte of a backslash, so quoting is looked for in text.
    text = line.decode(encoding, "surrogateescape")
    if text.encode(encoding, "surrogateescape") == line:
        return tuple(split(text, encoding))
    return tuple(split_bytes(line))


async def _lines(stdin: BinaryIO) -> AsyncGenerator[bytes, None]:
    """Yield each line as soon as it is complete, without its newline; the last one may lack it."""
    begun: list[bytes] = []
    while chunk := await _chunk(stdin):
        first, *others = chunk.split(b"\n")
        begun.append(first)
        for line in others:
            yield b"".join(begun)
            begun = [line]
    if last := b"".join(begun):
        yield last


async def _chunk(stdin: BinaryIO) -> bytes:
    """Return what there is to read, empty at the end, while the event loop goes on."""
    try:
        while True:
            await _readable(stdin)
            chunk: bytes | None = stdin.read(_CHUNK)
            if chunk is not None:  # None: somebody else was faster
                return chunk
    except OSError as error:
        raise UsageError(f"cannot read standard input: {error.strerror}") from None


async def _readable(stdin: BinaryIO) -> None:
    loop = asyncio.get_running_loop()
    ready = asyncio.Event()
    try:
        loop.add_reader(stdin, ready.set)
    except PermissionError:  # a regular file, always ready, is nothing to wait for
        return
    try:
        await ready.wait()
    finally:
        loop.remove_reader(stdin)
