"""``exec``: one command from the arguments, or the commands on standard input, one per line.

It knows how commands come in, how replies go out and when a script must stop. Arguments are never joined and
split again; what is read is sent as soon as its line is complete, and each reply is written while it is laid out.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncGenerator, Callable, Iterator, Sequence
from contextlib import aclosing
from typing import TYPE_CHECKING, BinaryIO, TypeAlias, cast

from pyredis.exceptions import PyRedisError, ReplyError
from pyredis.records import replace
from pyredis.types import Reply
from pyredis_cli.core import connect
from pyredis_cli.core.lines import LineError, Order, counted, destination
from pyredis_cli.core.outcome import Outcome
from pyredis_cli.exits import Exit, exit_for, explain
from pyredis_cli.flags import FOR_PROGRAMS, UsageError
from pyredis_cli.render.layout import Part
from pyredis_cli.render.portions import in_batches
from pyredis_cli.settings import Marks, Settings
from pyredis_cli.splitting import SplitError, split, split_bytes
from pyredis_cli.streams import Streams

if TYPE_CHECKING:
    from pyredis_cli.flags import Output

__all__ = ["run"]

_CHUNK = 64 * 1024
_BATCH = 64 * 1024  # bytes that are written at once

# Formats that keep the types of RESP3, or its pairs; the others people know from RESP2.
_TYPED = FOR_PROGRAMS | {"quoted-json", "human"}

_CONFIRMED = frozenset({"subscribe", "unsubscribe"})


def run(settings: Settings, streams: Streams, words: Sequence[str]) -> int:
    """Run the words as a command, or what standard input holds; return the exit code."""
    argv = _encoded(words, settings.encoding)
    if settings.protocol is None:
        settings = replace(settings, protocol=3 if _output(settings, streams) in _TYPED else 2)
    return asyncio.run(_run(settings, streams, argv))


def _output(settings: Settings, streams: Streams) -> Output:
    return settings.output or ("human" if streams.stdout_tty else "raw")


def _encoded(words: Sequence[str], encoding: str) -> tuple[bytes, ...]:
    argv = []
    for position, word in enumerate(words):
        try:
            argv.append(word.encode(encoding, "surrogateescape"))
        except UnicodeEncodeError:
            raise UsageError(
                f"argument {position} of the command has characters that {encoding} lacks; "
                "choose another --encoding"
            ) from None
    return tuple(argv)


async def _run(settings: Settings, streams: Streams, argv: tuple[bytes, ...]) -> int:
    run = _Run(settings, streams, pages=bool(argv) and _may_page(settings, streams))
    try:
        await run.connect()
        return await (run.command(argv) if argv else run.script())
    except _Stopped as stopped:
        return stopped.code
    finally:
        await run.close()


class _Stopped(Exception):
    """Nothing more is sent; what there is to say is said."""

    def __init__(self, code: Exit) -> None:
        super().__init__(code)
        self.code = code


class _Run:
    """Commands and their replies, on one session; ``pages``: what is taller than the screen goes to a pager."""

    def __init__(self, settings: Settings, streams: Streams, *, pages: bool) -> None:
        self._settings = settings
        self._session = connect.session(settings)
        self._streams = streams
        self._pages = pages
        self._parts = _parts(settings, streams, lambda: self._session.protocol, whole=pages)

    async def connect(self, where: str = "") -> None:
        """Open the connection; _Stopped when there is none to be had."""
        try:
            await self._session.connect()
        except PyRedisError as error:
            raise _Stopped(self._fail(error, where, at_connect=True)) from None

    async def close(self) -> None:
        await self._session.close()

    async def command(self, argv: tuple[bytes, ...]) -> Exit:
        """Run one command; an error is one line on standard error, and nothing else."""
        outcome = await self._outcome(argv)
        if outcome.error is not None:
            return self._fail(outcome.error, at_connect=outcome.at_connect)
        self._show(outcome)
        self._pages = False
        await self._stream()
        return Exit.OK

    async def script(self) -> Exit:
        """Run each line of standard input; return the exit code of the first error.

        _Stopped at a line that cannot be read, a connection that failed, or a change of database, user or
        protocol that did not come true: nothing is sent after it.
        """
        code = Exit.OK
        number = 0
        async with aclosing(_lines(self._streams.stdin)) as lines:
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
            return counted(_words(line, self._settings.encoding))
        except SplitError as error:
            problem = f"{where}:{error.column}: {error.message}"
        except LineError as error:
            problem = f"{where}: {error}"
        self._streams.say(f"{problem}; stopped before this line")
        raise _Stopped(Exit.USAGE)

    async def _line(self, asked: Order, where: str) -> Exit:
        """Do what a line asks for; return the exit code of its first error."""
        if not asked.argv:
            return Exit.OK
        if self._settings.echo:
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
            self._streams.say(f"{where}: connect: {error}; stopped here, no later line was sent")
            raise _Stopped(Exit.USAGE) from None
        self._settings = replace(self._settings.at(address), database=self._session.database)
        await self._session.close()
        self._session = connect.session(self._settings)
        await self.connect(f"{where}: connect: ")

    def _echo(self, argv: tuple[bytes, ...]) -> None:
        """Write the command as the prompt would show it, without its secrets."""
        from pyredis_cli.core.secrets import hidden
        from pyredis_cli.render.line import as_typed

        shown = as_typed(argv, self._settings.encoding, hidden(argv, self._session.table))
        self._streams.write(f"> {shown}\n".encode("utf-8", "replace"))

    async def _entry(self, argv: tuple[bytes, ...], where: str) -> Exit:
        """Run one command of a script; return the exit code it deserves."""
        outcome = await self._outcome(argv)
        where = f"{where}: {_name(outcome)}: "
        if outcome.answered:
            self._show(outcome)
        if outcome.broken_ground:
            self._streams.say(f"{where}{outcome.broken_ground}; stopped here, no later line was sent")
            raise _Stopped(Exit.REFUSED)
        if outcome.error is not None:
            code = self._fail(outcome.error, where, at_connect=outcome.at_connect)
            if not outcome.answered:
                raise _Stopped(code)
            return code
        await self._stream()
        return self._failed_inside(outcome, where)

    def _failed_inside(self, outcome: Outcome, where: str) -> Exit:
        """Tell which commands of a transaction failed; they are errors like others."""
        if outcome.effect != "exec" or not isinstance(outcome.reply, list):
            return Exit.OK
        code = Exit.OK
        for number, reply in enumerate(cast("list[Reply]", outcome.reply), 1):
            if isinstance(reply, ReplyError):
                code = self._fail(reply, f"{where}{number}) ")
        return code

    async def _outcome(self, argv: tuple[bytes, ...]) -> Outcome:
        """Return what became of a command, once its notices are told."""
        outcome = await self._session.run(argv)
        for notice in outcome.notices:
            self._streams.say(notice)
        return outcome

    async def _stream(self) -> None:
        """Write messages as they come, while anything is subscribed or monitored."""
        if not self._session.streaming:
            return
        try:
            async with aclosing(self._session.messages()) as messages:
                async for message in messages:
                    self._write(Outcome((), None, message))
        except PyRedisError as error:
            raise _Stopped(self._fail(error)) from None

    def _show(self, outcome: Outcome) -> None:
        """Write the reply of an outcome, or its error in the place of the reply."""
        if outcome.silent:
            return
        if isinstance(outcome.error, ReplyError):
            outcome = outcome._replace(reply=outcome.error)
        if self._settings.output in FOR_PROGRAMS and (outcome.text_form or outcome.text_forms):
            from pyredis_cli.render.texts import structured

            read = structured(outcome.reply, outcome.text_form, outcome.text_forms)
            outcome = outcome._replace(reply=read)
        for told in _told(outcome):
            self._write(told)

    def _write(self, outcome: Outcome) -> None:
        """Write a reply while it is laid out."""

        def laid_out() -> Iterator[bytes]:
            return (part for part, _ in self._parts(outcome))

        if self._pages:
            from pyredis_cli.paging import page

            page(laid_out, self._streams, os.environ)
            return
        for batch in in_batches(laid_out(), _BATCH):
            self._streams.write(batch)

    def _fail(self, error: PyRedisError, where: str = "", *, at_connect: bool = False) -> Exit:
        self._streams.say(f"{where}{explain(error, self._session.address, at_connect=at_connect)}")
        return exit_for(error, at_connect=at_connect)


def _told(outcome: Outcome) -> Iterator[Outcome]:
    """Yield the replies to one command: each confirmation of a subscription is one of its own."""
    if outcome.effect in _CONFIRMED and type(outcome.reply) is list:
        for reply in cast("list[Reply]", outcome.reply):
            yield outcome._replace(reply=reply)
    else:
        yield outcome


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


# -- the format of a reply

_Parts: TypeAlias = Callable[[Outcome], Iterator[Part]]
"""Makes bytes of the reply in an outcome, part after part, as they are asked for."""


def _parts(settings: Settings, streams: Streams, protocol: Callable[[], int], *, whole: bool) -> _Parts:
    """Return what makes bytes of a reply; only what that takes is imported.

    ``protocol`` tells in which one replies come. ``whole``: a person gets a long one whole.
    """
    terminal = streams.stdout_tty
    match _output(settings, streams):
        case "human":
            return _presented(settings, streams, whole=whole)
        case "raw" if settings.marks == Marks():
            from pyredis_cli.render.machine import raw_parts

            return lambda outcome: raw_parts(outcome.reply, text=outcome.is_text)
        case "json" if settings.notation is None:
            from pyredis_cli.render.machine import json_parts

            return lambda outcome: json_parts(outcome.reply)
        case name:
            from pyredis_cli.render.forms import form_parts

            return lambda outcome: form_parts(
                name,
                outcome.reply,
                settings,
                argv=outcome.argv,
                spec=outcome.spec,
                text=outcome.is_text,
                terminal=terminal,
                protocol=protocol(),
            )


def _presented(settings: Settings, streams: Streams, *, whole: bool) -> _Parts:
    from time import time

    from pyredis_cli.render.look import MOST_PAGED, Look, Measure
    from pyredis_cli.render.present import present

    look = Look(
        streams.columns,
        encoding=settings.encoding,
        color=streams.color,
        theme=settings.theme or ("light" if streams.light else "dark"),
    )
    if whole:
        look = look._replace(measure=Measure(elements=None, characters=MOST_PAGED))

    def parts(outcome: Outcome) -> Iterator[Part]:
        seen = look._replace(now=time())
        return present(outcome.argv, outcome.spec, outcome.reply, seen, outcome.in_transaction).parts

    return parts


def _may_page(settings: Settings, streams: Streams) -> bool:
    """Whether a person is here to leaf through a reply that is taller than the screen."""
    if _output(settings, streams) != "human" or not settings.pager or not streams.interactive:
        return False
    from pyredis_cli.paging import can_page

    return can_page(os.environ)
