"""Commands sent in bulk on one connection: written by the thousand, their replies gathered in order.

Knows how many commands may be on their way, so that neither side ever holds more than two batches; refuses to
know what they mean: that is for the wire's conversation.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Sequence
from types import TracebackType
from typing import Protocol, Self, TypeAlias

from pyredis.commands.methods import Commands
from pyredis.commands.spec import Spec, find
from pyredis.connection.conversation import Exchange, Run
from pyredis.connection.stream import Wire
from pyredis.exceptions import PyRedisError, ReplyError
from pyredis.resp.encode import argv, pack
from pyredis.types import Argument, Reply

__all__ = ["Bulk", "Pipeline"]

_Command: TypeAlias = tuple[tuple[bytes, ...], Spec | None, bytes]
_Sent: TypeAlias = list[Exchange | Run | PyRedisError]


class Bulk:
    """The commands between ``bulk_start`` and ``bulk_stop``, ``size`` of them in a batch."""

    def __init__(self, wire: Wire, size: int, *, keep_replies: bool) -> None:
        if isinstance(size, bool) or not isinstance(size, int):
            raise TypeError(f"bulk_size must be an int, not {type(size).__name__}")
        if size < 1:
            raise ValueError(f"bulk_size must be at least 1, got {size}")
        self.replies: list[Reply] = []
        """What was answered so far; without ``keep_replies`` the error replies alone."""
        self._wire = wire
        self._size = size
        self._keep = keep_replies
        self._unsent: list[_Command] = []
        self._on_their_way: deque[tuple[list[_Command], _Sent]] = deque()
        self._gathering = asyncio.Lock()  # tasks that share the connection must not take the same batch

    @property
    def unfinished(self) -> bool:
        return bool(self._unsent or self._on_their_way)

    async def add(self, args: Sequence[Argument]) -> None:
        """Take a command; when that makes a batch, write it and wait until the one before is answered."""
        words = argv(args, self._wire.options.encoding)
        self._unsent.append((words, find(words), pack(words)))
        if len(self._unsent) >= self._size:
            self._write()
            await self._gather(but=1)

    async def stop(self) -> list[Reply]:
        """Write what is left and return all replies; an error of the connection is raised."""
        if self._unsent:
            self._write()
        await self._gather(but=0)
        return self.replies

    def _write(self) -> None:
        batch = self._unsent
        self._on_their_way.append((batch, self._wire.send_batch(batch, keep=self._keep)))
        self._unsent = []  # unless that was refused: then ``stop`` must not return as if all were answered

    async def _gather(self, *, but: int) -> None:
        """Wait until no more than ``but`` batches are on their way; the oldest are answered first."""
        async with self._gathering:
            while len(self._on_their_way) > but:
                batch, sent = self._on_their_way[0]
                await self._wire.settled(sent)
                self._on_their_way.popleft()
                self._take_replies(batch, sent)

    def _take_replies(self, batch: list[_Command], sent: _Sent) -> None:
        """Add the replies of a batch, in the order of its commands; raise what ended the connection."""
        replies: list[Reply | PyRedisError] = []
        broken: PyRedisError | None = None
        for entry in sent:
            if isinstance(entry, PyRedisError):
                replies.append(entry)
            elif isinstance(entry, Run):
                replies += entry.replies
                broken = entry.error
            elif entry.error is not None:
                broken = entry.error
            else:
                replies.append(entry.reply)
                if entry.effect == "exec":
                    self._wire.tell_refusals(entry.reply)
            if broken is not None:
                break
        self._wire.tell_refusals(replies)
        if self._keep:
            _name_errors(replies, batch)
        else:
            replies = [reply for reply in replies if isinstance(reply, PyRedisError)]
        self.replies += replies  # type: ignore[arg-type]
        if broken is not None:
            raise broken


def _name_errors(replies: Sequence[object], batch: Sequence[_Command]) -> None:
    for reply, (_, spec, _) in zip(replies, batch, strict=False):  # fewer when the connection broke
        if isinstance(reply, ReplyError) and spec is not None:
            reply.command = spec.name


class _Bulky(Protocol):
    """What a pipeline needs of its client."""

    async def execute(self, *args: Argument, shard_key: object = None, sock: object = None) -> Reply: ...

    async def bulk_start(self, bulk_size: int = ..., keep_results: bool = ...) -> None: ...

    async def bulk_stop(self) -> list[Reply]: ...

    def bulk_drop(self) -> None: ...

    @property
    def bulk_replies(self) -> list[Reply]: ...


class Pipeline(Commands):
    """``async with client.pipeline() as p``: the commands of the block go in bulk, ``p.replies`` are the replies.

    Error replies are in place, as ReplyError objects. When the block raises, what was not written yet is dropped,
    nothing is waited for, and ``p.replies`` are those that came.
    """

    def __init__(self, client: _Bulky, bulk_size: int, keep_results: bool) -> None:
        self._client = client
        self._bulk_size = bulk_size
        self._keep_results = keep_results
        self.replies: list[Reply] = []

    async def execute(self, *args: Argument, shard_key: object = None, sock: object = None) -> Reply:
        """Take a command; None, for its reply comes later. The options are those of the client's ``execute``."""
        return await self._client.execute(*args, shard_key=shard_key, sock=sock)

    async def __aenter__(self) -> Self:
        await self._client.bulk_start(self._bulk_size, self._keep_results)
        self.replies = self._client.bulk_replies
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if error is None:
            await self._client.bulk_stop()
        else:
            self._client.bulk_drop()
