"""Bytes into a file or a pipe, piece by piece, so that Ctrl-C is heard and a slow reader stops nobody."""

from __future__ import annotations

import asyncio
import errno
import os
import stat
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager

__all__ = ["File", "put"]


class File:
    """A file that a person named, and how much was written to it."""

    def __init__(self, path: bytes, *, append: bool) -> None:
        self.name = os.fsdecode(path)
        self.written = 0
        self._path = path
        self._append = append

    async def write(self, parts: Callable[[], Iterable[bytes]]) -> None:
        """Open it as a shell does and write all of it; raises OSError.

        What it held is only given up when there is room for what comes, so the parts may be asked for twice.
        """
        with self._opened() as descriptor:
            held = 0 if self._append else _held(descriptor)
            if held:
                await _make_room(descriptor, held, parts())
            try:
                await self._put_all(descriptor, parts())
            finally:
                if held:
                    os.ftruncate(descriptor, self.written)

    @contextmanager
    def _opened(self) -> Iterator[int]:
        # O_NONBLOCK: a FIFO that nobody reads must not stop the program.
        flags = os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC | os.O_NOCTTY | os.O_NONBLOCK
        descriptor = os.open(self._path, flags | (os.O_APPEND if self._append else 0), 0o666)
        try:
            yield descriptor
        finally:
            os.close(descriptor)

    async def _put_all(self, descriptor: int, parts: Iterable[bytes]) -> None:
        for batch in parts:
            rest = memoryview(batch)
            while rest:
                count = await put(descriptor, rest)
                self.written += count
                rest = rest[count:]
            await asyncio.sleep(0)  # Ctrl-C is heard


def _held(descriptor: int) -> int:
    """Return how much there is in a file; of what is no file, nothing."""
    there = os.fstat(descriptor)
    return there.st_size if stat.S_ISREG(there.st_mode) else 0


async def _make_room(descriptor: int, held: int, parts: Iterable[bytes]) -> None:
    """Make sure that a file can hold so much, as far as its system tells; else it stays as it was, and OSError."""
    if not hasattr(os, "posix_fallocate"):  # macOS
        return
    size = 0
    for batch in parts:
        size += len(batch)
        await asyncio.sleep(0)
    try:
        if size:
            os.posix_fallocate(descriptor, 0, size)
    except OSError as error:
        if error.errno in (errno.EINVAL, errno.EOPNOTSUPP):
            return
        os.ftruncate(descriptor, held)
        raise


async def put(descriptor: int, piece: bytes | memoryview) -> int:
    """Write what there is room for; return how much that was."""
    while True:
        try:
            return os.write(descriptor, piece)
        except BlockingIOError:
            await _room(descriptor)


def _happened(event: asyncio.Future[None]) -> None:
    if not event.done():
        event.set_result(None)


async def _room(descriptor: int) -> None:
    loop = asyncio.get_running_loop()
    there = loop.create_future()
    loop.add_writer(descriptor, _happened, there)
    try:
        await there
    finally:
        loop.remove_writer(descriptor)
