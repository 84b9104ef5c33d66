"""``rdb``: what the server has, as an RDB file that is whole or not there.

It writes under another name beside the file, and gives it the file's name once everything has come. The checksum
at the end of an RDB is not calculated: that would take Python longer than the transfer.
"""

from __future__ import annotations

import os
import stat
from contextlib import suppress

from pyredis.exceptions import PyRedisError
from pyredis_cli.argv import refuse_without_command
from pyredis_cli.core import linking
from pyredis_cli.exits import Exit, exit_for, explain
from pyredis_cli.flags import UsageError
from pyredis_cli.parsing import parse_tool
from pyredis_cli.printing import fail
from pyredis_cli.progress import Progress
from pyredis_cli.streams import OutputError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from types import TracebackType
    from typing import Self, TypeAlias

    from pyredis.address import Address
    from pyredis.connection.blocking import BlockingConnection
    from pyredis_cli.core.snapshot import Snapshot
    from pyredis_cli.settings import Settings
    from pyredis_cli.streams import Streams

    _Target: TypeAlias = "_File | _Stdout"

__all__ = ["run"]


def run(settings: Settings, streams: Streams, words: Sequence[str]) -> int:
    """Save the server's data, or its functions alone; return the exit code."""
    refuse_without_command(settings.telling)
    arguments = parse_tool("rdb", words)
    if len(arguments.words) != 1 or not arguments.words[0]:
        raise UsageError("rdb: name one FILE to write, or - for standard output")
    progress = Progress(streams, None, "bytes", waiting=linking.WAITING)
    with _target(arguments.words[0], streams) as target, progress:
        try:
            connection = linking.connect(settings)
        except PyRedisError as error:
            return fail(streams, error, settings.address, at_connect=True)
        with connection:
            try:
                if not _prepare(connection, functions=arguments.get("functions", False)):
                    streams.say(f"{connection.address} cannot send its functions alone; Redis 7.0 can")
                    return Exit.REPLY
                snapshot = linking.synchronize(connection, (b"SYNC",), target.write, progress)
            except PyRedisError as error:
                came = f"; {progress.done} bytes had come, {target.unfinished}" if progress.done else ""
                progress.note(f"{explain(error, connection.address)}{came}")
                return exit_for(error)
        alone = connection.address if settings.cluster else None
        return _finished(snapshot, target, streams, alone)


def _prepare(connection: BlockingConnection, *, functions: bool) -> bool:
    """Tell the server what is wanted; return whether it can do that."""
    linking.announce(connection, b"capa", b"eof")
    linking.announce(
        connection, b"rdb-only", b"1"
    )  # unknown before 7.0, where commands follow that nobody reads
    return not functions or linking.announce(connection, b"rdb-filter-only", b"functions")


def _finished(snapshot: Snapshot, target: _Target, streams: Streams, alone: Address | None) -> Exit:
    if snapshot.problem:
        streams.say(f"what the server sent is no RDB: {snapshot.problem}; {target.unfinished}")
        return Exit.CONNECTION
    target.finish()
    written = f"{snapshot.received} bytes were written to {target.name}"
    if alone is not None:
        written = f"{written}, the data of {alone} alone and of no other node"
    streams.say(f"{written}; their checksum was not verified, redis-check-rdb does that")
    return Exit.OK


def _target(name: str, streams: Streams) -> _Target:
    """Return where the RDB goes, before the server is asked for it."""
    if name != "-":
        return _File(name)
    if streams.stdout_tty:
        raise UsageError("rdb: an RDB is nothing for a terminal; redirect standard output, or name a file")
    return _Stdout(streams)


class _Stdout:
    """Standard output, which keeps what it was given."""

    name = "standard output"
    unfinished = "standard output ends there"

    def __init__(self, streams: Streams) -> None:
        self.write: Callable[[bytes], None] = streams.write

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        return

    def finish(self) -> None:
        return


class _File:
    """A file that is there once it is finished, in the place of one that was there before.

    A device or a named pipe is written as it is.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self._part: str | None = None
        try:
            self._path = os.path.realpath(name)  # what a link points to is replaced, not the link
            self._number = self._open()
        except OSError as error:
            raise UsageError(f"rdb: cannot write {name}: {error.strerror}") from None

    @property
    def unfinished(self) -> str:
        return f"{self.name} was not written" if self._part else f"{self.name} got no more"

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        os.close(self._number)
        if self._part is not None:
            with suppress(OSError):  # somebody else has removed it, or its folder
                os.unlink(self._part)

    def write(self, piece: bytes) -> None:
        """Write all of it; OutputError when the disk is full."""
        try:
            rest = memoryview(piece)
            while rest:
                rest = rest[os.write(self._number, rest) :]
        except OSError as error:
            raise self._cannot(error) from None

    def finish(self) -> None:
        """Give the file its name, once it is on the disk."""
        if self._part is None:
            return
        try:
            os.fsync(self._number)
            os.replace(self._part, self._path)
            self._part = None
            _sync_folder(os.path.dirname(self._path))
        except OSError as error:
            raise self._cannot(error) from None

    def _open(self) -> int:
        """Return the descriptor to write to."""
        try:
            old = os.stat(self._path).st_mode
        except FileNotFoundError:
            return self._open_part()
        if stat.S_ISDIR(old) or not stat.S_ISREG(old):
            return os.open(self._path, os.O_WRONLY)
        os.close(os.open(self._path, os.O_WRONLY))  # who may not write it may not replace it either
        number = self._open_part()
        os.fchmod(number, stat.S_IMODE(old))
        return number

    def _open_part(self) -> int:
        folder = os.path.dirname(self._path)
        part = os.path.join(folder, f".pyredis-cli-{os.urandom(6).hex()}.part")
        number = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666)
        self._part = part
        return number

    def _cannot(self, error: OSError) -> OutputError:
        return OutputError(f"cannot write {self.name}: {error.strerror}")


def _sync_folder(folder: str) -> None:
    """Have the new name on the disk, too, where folders can be told so."""
    number = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(number)
    except OSError:  # some file systems cannot
        return
    finally:
        os.close(number)
