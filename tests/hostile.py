"""A server that says exactly the bytes a script tells it to: for what no real server sends.

It knows bytes and sockets, never RESP. A script is a sequence of steps; each connection is served the next
script, and the last one again and again. When a script is at its end, its connection stays open and silent.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from types import TracebackType
from typing import Final, Self, TypeAlias

from tests.proxy import abort, break_off, stop_listening
from tests.servers import DEADLINE

__all__ = ["Close", "Hear", "HearBytes", "Hostile", "Reset", "Say", "Script", "Stall", "Step"]

_READ_SIZE: Final = 1 << 16
_PIECE_PAUSE: Final = 0.001  # seconds for the peer to read one piece before the next one comes


class Step:
    """One thing the server does on a connection before it goes on."""

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class Hear(Step):
    """Wait until the client has sent these bytes; the next step hears what comes after them."""

    needle: bytes


@dataclass(frozen=True, slots=True)
class HearBytes(Step):
    """Wait until the client has sent this many more bytes."""

    size: int


@dataclass(frozen=True, slots=True)
class Say(Step):
    """Send these bytes, at once or in pieces of a size, each in a packet of its own."""

    words: bytes
    piece: int | None = None


@dataclass(frozen=True, slots=True)
class Close(Step):
    """Close the connection in good order (FIN)."""


@dataclass(frozen=True, slots=True)
class Reset(Step):
    """Break the connection (RST)."""


@dataclass(frozen=True, slots=True)
class Stall(Step):
    """Read no more and say no more; the connection stays open until the bench closes it."""


Script: TypeAlias = Sequence[Step]


class Hostile:
    """``async with Hostile([Hear(b"PING"), Say(b"+PO"), Close()]) as server``: connect to ``server.port``.

    ``received`` holds what each connection has sent; ``played`` counts the scripts played to their end.
    """

    host: Final = "127.0.0.1"

    def __init__(self, *scripts: Script, port: int = 0) -> None:
        if not scripts:
            raise ValueError("a hostile server needs a script; give a list of steps")
        self._scripts = scripts
        self._actors: list[_Actor] = []
        self._tasks: set[asyncio.Task[None]] = set()
        self._listener: asyncio.Server | None = None
        self._late: list[str] = []
        self.port = port

    async def __aenter__(self) -> Self:
        self._listener = await asyncio.start_server(self._accept, self.host, self.port)
        self.port = self._listener.sockets[0].getsockname()[1]
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._listener is not None:
            await stop_listening(self._listener)
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        if error is None and self._late:
            raise AssertionError("; ".join(self._late))

    @property
    def received(self) -> list[bytes]:
        return [bytes(actor.received) for actor in self._actors]

    @property
    def accepted(self) -> int:
        return len(self._actors)

    @property
    def played(self) -> int:
        return sum(actor.played for actor in self._actors)

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        script = self._scripts[min(len(self._actors), len(self._scripts) - 1)]
        actor = _Actor(reader, writer)
        self._actors.append(actor)
        task = asyncio.create_task(self._serve(actor, script))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _serve(self, actor: _Actor, script: Script) -> None:
        try:
            await actor.play(script)
        except TimeoutError:
            self._late.append(f"after {DEADLINE:g} s the script still waited; it had heard {actor.unheard!r}")
        except (OSError, EOFError):
            return  # the client hung up first, which is its good right
        finally:
            await abort(actor.writer)


@dataclass(slots=True)
class _Actor:
    """One connection, playing its script."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    received: bytearray = field(default_factory=bytearray)
    heard: int = 0
    played: bool = False

    @property
    def unheard(self) -> bytes:
        return bytes(self.received[self.heard :])

    async def play(self, script: Script) -> None:
        for step in script:
            await self._take(step)
        self.played = True
        while True:
            await self._receive()

    async def _take(self, step: Step) -> None:
        match step:
            case Hear(needle):
                await self._hear(needle)
            case HearBytes(size):
                await self._hear_bytes(size)
            case Say(words, piece):
                await self._say(words, piece)
            case Close():
                self.writer.close()
                await self.writer.wait_closed()
            case Reset():
                break_off(self.writer)
            case Stall():
                self.played = True
                await asyncio.Event().wait()

    async def _hear(self, needle: bytes) -> None:
        async with asyncio.timeout(DEADLINE):
            while (at := self.received.find(needle, self.heard)) < 0:
                await self._receive()
        self.heard = at + len(needle)

    async def _hear_bytes(self, size: int) -> None:
        async with asyncio.timeout(DEADLINE):
            while len(self.received) < self.heard + size:
                await self._receive()
        self.heard += size

    async def _say(self, words: bytes, piece: int | None) -> None:
        if piece is None:
            self.writer.write(words)
            await self.writer.drain()
            return
        for start in range(0, len(words), piece):
            self.writer.write(words[start : start + piece])
            await self.writer.drain()
            await asyncio.sleep(_PIECE_PAUSE)

    async def _receive(self) -> None:
        chunk = await self.reader.read(_READ_SIZE)
        if not chunk:
            raise EOFError
        self.received += chunk
