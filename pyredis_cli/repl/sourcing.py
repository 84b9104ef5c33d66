"""``:source FILE``: the commands of a file, one after the other, as if they were typed.

It knows how a file is cut into commands and when reading it must stop: where a line cannot be read, or where the
ground of those to come is broken. What a command means and prints, the REPL knows. A file is read as far as its
commands are run, and is believed as little as a server.
"""

from __future__ import annotations

import asyncio
import os
import re
import stat
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, BinaryIO, Final, NamedTuple

from pyredis_cli.complete.candidates import Choice
from pyredis_cli.repl.echoing import echoed
from pyredis_cli.repl.verdicts import After, Perform, Refuse, Verdict
from pyredis_cli.splitting import stretches

if TYPE_CHECKING:
    from pyredis.commands.spec import Table
    from pyredis_cli.repl.verdicts import Host

__all__ = ["Command", "Source", "SourceError", "behind", "commands", "judge"]

_DEEPEST: Final = 8
_LOOK: Final = 8 * 1024
"""So much of a file is looked at for a NUL, which text has not."""
_LONGEST: Final = 512 * 1024 * 1024
"""No server takes a longer value."""
_COUNTED: Final = 100_000
"""So many commands that are not sent are counted."""
_AT_ONCE: Final = 1_000

_Identity = tuple[int, int]
_READING: ContextVar[tuple[_Identity, ...]] = ContextVar("_READING", default=())
"""The files that are being read, each by the one before it."""


class SourceError(Exception):
    """A file that cannot be read; the message is the reason."""


class Command(NamedTuple):
    """A command of a file, and the number of its first line."""

    number: int
    text: str


def judge(words: Sequence[str], table: Table) -> Verdict:
    if len(words) != 1 or not words[0]:
        return Refuse(":source takes one file; put a name with blanks in quotes")
    return Perform(Source(words[0]))


# -- what is in a file


_CLOSED: Final = {
    '"': re.compile(rb'(?:[^"\\]++|\\.)*+"', re.DOTALL),
    "'": re.compile(rb"(?:[^'\\]++|\\'?)*+'", re.DOTALL),
}
_BARE: Final = re.compile(rb"""[^"']*+""")


def commands(lines: Iterator[bytes], encoding: str) -> Iterator[Command]:
    """Yield the commands of a file from its lines, each of which ends in a newline, perhaps but the last.

    Blank lines and comments are left out; a line end in quotes is part of a word. SourceError for one that is
    longer than any command.
    """
    begun: list[bytes] = []
    size, quote, first = 0, "", 1
    for number, line in enumerate(lines, 1):
        if not begun:
            first = number
            if not line.strip() or line.lstrip().startswith(b"#"):
                continue
        begun.append(line)
        size += len(line)
        if size > _LONGEST:
            raise SourceError(f"line {first} begins a command that is longer than any server takes")
        quote = _open_quote(line, quote)
        if not quote:
            yield Command(first, _text(begun, encoding))
            begun, size = [], 0
    if begun:
        yield Command(first, _text(begun, encoding))


def _text(lines: list[bytes], encoding: str) -> str:
    return b"".join(lines).rstrip(b"\r\n").decode(encoding, "surrogateescape")


def _open_quote(line: bytes, quote: str) -> str:
    """Return the quote that is open at the end of a line, at whose start ``quote`` is."""
    at = 0
    while True:
        if quote:
            closed = _CLOSED[quote].match(line, at)
            if closed is None:
                return quote
            at, quote = closed.end(), ""
            if line[at : at + 1].strip():
                return ""  # glued to the quote: the line will be refused, and must not take others along
        bare = _BARE.match(line, at)
        assert bare is not None  # the pattern may be empty
        at = bare.end()
        if at == len(line):
            return ""
        quote = chr(line[at])
        at += 1


@contextmanager
def _opened(path: str) -> Iterator[tuple[BinaryIO, _Identity]]:
    """Open a file of text; SourceError for anything else."""
    if "\0" in path:
        raise SourceError("no file has a NUL in its name")
    try:
        # O_NONBLOCK: opening a FIFO must not wait for somebody who writes.
        descriptor = os.open(
            os.path.expanduser(os.fsencode(path)), os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOCTTY
        )
    except OSError as error:
        raise SourceError(error.strerror or "cannot be opened") from None
    status = os.fstat(descriptor)
    if not stat.S_ISREG(status.st_mode):
        os.close(descriptor)
        raise SourceError("is a folder" if stat.S_ISDIR(status.st_mode) else "is no regular file")
    with open(descriptor, "rb") as file:
        if b"\0" in os.pread(descriptor, _LOOK, 0):
            raise SourceError(r'is no text; in a command a NUL is written "\x00"')
        if os.pread(descriptor, 3, 0) == b"\xef\xbb\xbf":  # as some editors begin a file
            file.seek(3)
        yield file, (status.st_dev, status.st_ino)


def _lines(file: BinaryIO) -> Iterator[bytes]:
    """Yield the lines of a file, none of them longer than a command may be."""
    try:
        while line := file.readline(_LONGEST + 1):
            yield line
    except OSError as error:
        raise SourceError(error.strerror or "cannot be read") from None


# -- to run it


@dataclass(frozen=True)
class Source:
    """Run the commands of a file, and say how that went."""

    path: str

    async def __call__(self, host: Host) -> After:
        chain = _READING.get()
        try:
            with _opened(self.path) as (file, identity):
                if identity in chain:
                    raise SourceError("is being read already; a file cannot source itself")
                if len(chain) >= _DEEPEST:
                    raise SourceError(f"{_DEEPEST} files source each other already, and no more are read")
                async with host.together(self.lines(host.settings.encoding), self) as agreed:
                    if not agreed:
                        return After.STOP
                    token = _READING.set((*chain, identity))
                    try:
                        return await self._run(commands(_lines(file), host.settings.encoding), host)
                    finally:
                        _READING.reset(token)
        except SourceError as error:
            await host.printer.refuse(f":source {self.path}: {error}")
            return After.STOP

    def lines(self, encoding: str) -> Iterator[tuple[str, str]]:
        """Yield the commands of the file as they are now, as far as they can be read."""
        with suppress(SourceError), _opened(self.path) as (file, _):
            for command in commands(_lines(file), encoding):
                yield f"{self.path}:{command.number}", command.text

    async def _run(self, found: Iterator[Command], host: Host) -> After:
        # Until the next line is typed: those of a file do not wait for a pager.
        host.printer.may_page = False
        done = failed = 0
        for number, command in enumerate(found):
            before = host.failures
            after = await self._do(command, host)
            if number % _AT_ONCE == 0:
                await asyncio.sleep(0)  # the REPL's own words never wait
            if after is After.LEAVE:
                break
            if after is After.STOP:
                left = _IN_QUOTES if stretches(command.text)[-1].quote else await _left(found)
                await host.printer.warn(f"{self.path}:{command.number}: stopped here; {left}")
                return After.STOP
            done += 1
            failed += host.failures > before
        tell = host.printer.warn if failed else host.printer.tell
        await tell(f"{self.path}: {_plural(done)} run{f', {failed} failed' if failed else ''}")
        return After.GO_ON

    async def _do(self, command: Command, host: Host) -> After:
        before = host.interruptions
        if shown := echoed(command.text, host.settings.encoding, host.table):
            await host.printer.tell(f"> {shown}")
        after = await host.do(command.text)
        # Ctrl-C may come when nothing waits that it could cancel.
        return After.STOP if host.interruptions != before and after is After.GO_ON else after


_IN_QUOTES: Final = "its quote is open to the end of the file, and nothing of that was sent"


async def _left(found: Iterator[Command]) -> str:
    """Return how many commands are not sent."""
    count = 0
    try:
        for count, _ in enumerate(islice(found, _COUNTED + 1), 1):
            if count % _AT_ONCE == 0:
                await asyncio.sleep(0)
    except SourceError:
        return f"{_plural(count)} behind it, and what cannot be read, not sent"
    if count > _COUNTED:
        return f"more than {_COUNTED:,} commands behind it not sent"
    return f"{_plural(count)} behind it not sent"


def _plural(count: int) -> str:
    return f"{count:,} command{'' if count == 1 else 's'}"


# -- what may stand behind it

_LOOKED_AT: Final = 20_000
"""So many entries of a folder are looked at between two keys."""
_OFFERED: Final = 500


def behind(words: Sequence[str], typed: str, table: Table) -> Iterator[Choice]:
    """Yield the files and folders whose paths begin as typed; hidden ones when the dot is typed."""
    if words:
        return
    folder, begun = os.path.split(typed)
    before = typed.removesuffix(begun) if begun else typed
    try:
        with os.scandir(os.path.expanduser(folder) or ".") as entries:
            fitting = (entry for entry in islice(entries, _LOOKED_AT) if _fits(entry.name, begun))
            found = sorted((entry.name, entry.is_dir()) for entry in islice(fitting, _OFFERED))
    except (OSError, ValueError):  # a NUL in the path is a ValueError
        return
    for name, is_folder in found:
        yield Choice(f"{before}{name}/" if is_folder else f"{before}{name}", unfinished=is_folder)


def _fits(name: str, begun: str) -> bool:
    return name.startswith(begun) and (bool(begun) or not name.startswith("."))
