"""One connection in shared use: commands of many tasks, written together, answered in order.

Knows the commands that are on their way and who waits for each; refuses to know what they mean: only commands
that leave the connection as it was, and get exactly one reply each, may take a lane. A task that is cancelled
gives up its reply, which is dropped when it comes.

This is the hottest path of the library. What every command pays for stays in C: a future and two appends to
send it, and its share of one pass of ``map`` over a batch that is packed and over replies that came. The price:
an argument that cannot be sent is found when its batch is packed, one turn of the event loop later.
"""

from __future__ import annotations

from asyncio import Future, InvalidStateError
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from copy import copy
from typing import TYPE_CHECKING, Any, Final

from pyredis.connection.conversation import Run
from pyredis.connection.packing import packer
from pyredis.exceptions import REPLY_ERRORS, ProtocolError, PyRedisConnClosed, PyRedisError, ReplyError
from pyredis.resp.encode import argv, encode, pack
from pyredis.types import Argument, Push, Reply

if TYPE_CHECKING:
    from pyredis.connection.stream import Wire

__all__ = ["Lane"]

_SPECIAL: Final = frozenset([*REPLY_ERRORS, Push])
_settle: Final = Future.set_result
_exhaust: Final[Callable[[Iterable[object]], None]] = deque[object](maxlen=0).extend


class Lane:
    """The shared use of one wire, from when it is clean until ``unshare``.

    To send a command: append a future to ``owed`` and the command to ``unsent``, and ``schedule`` when it is
    the first there. The last of ``owed`` are those who wait for what is ``unsent``.
    """

    __slots__ = (
        "_alone",
        "_fresh",
        "_pack",
        "_runs",
        "draining",
        "loop",
        "owed",
        "promised",
        "unsent",
        "watchful",
        "wire",
    )

    def __init__(self, wire: Wire) -> None:
        self.wire = wire
        self.loop = wire.loop
        self.owed: list[Future[Any] | Run] = []
        self.unsent: list[Sequence[Argument]] = []
        self.draining = False
        """Whether it takes no new commands: somebody wants the connection for himself."""
        self.promised = False
        """Whether somebody waits for the connection: he gets it as soon as nothing is in flight."""
        self.watchful = False
        """Whether a long reply came lately, so that replies are worth measuring."""
        self._pack = packer(wire.options)
        self._runs = 0
        self._alone = True
        self._fresh = True

    @property
    def in_flight(self) -> int:
        """How many commands, and runs of commands, were written and not answered yet."""
        return len(self.owed) - len(self.unsent)

    def load(self) -> int:
        """Return how many commands, and runs of commands, are not answered yet."""
        return len(self.owed)

    # -- sending

    def ask(self, args: Sequence[Argument]) -> Future[Any]:
        """Send a command; the future gets its reply, or raises what became of it."""
        waiter: Future[Any] = Future(loop=self.loop)
        self.owed.append(waiter)
        self.unsent.append(args)
        if len(self.unsent) == 1:
            self.schedule()
        return waiter

    def schedule(self) -> None:
        """Have what is unsent written: with all that this turn of the event loop brings, or now.

        Who was alone the last time is taken to be alone again: a single task is served a turn sooner.
        """
        if self._alone and len(self.owed) == 1:
            self._flush()
        else:
            self.loop.call_soon(self._flush)

    def _flush(self) -> None:
        wire = self.wire
        if not self.unsent or wire.error is not None or wire.closing:
            return  # who waits is told, or will be, that nothing was sent
        if self.in_flight:
            wire.tell_if_late()
        elif not wire.sound():
            return
        batch, self.unsent = self.unsent, []
        self._alone = len(batch) == 1
        before = len(self.owed) - len(batch)
        try:
            try:
                packed = self._pack(batch)
            except (TypeError, ValueError):
                packed = self._pack_one_by_one(batch)
        except BaseException:  # no memory, say: what is owed, and is not written, would shift all replies
            wire.abort()
            raise
        self._write(packed, before)

    def _write(self, packed: bytes, before: int) -> None:
        """Write a batch, whose waiters come after the first ``before`` of ``owed``."""
        if not packed:
            return
        wire = self.wire
        if wire.introduction:
            packed = self._introduce(before) + packed
        wire.write(packed, idle=not before)

    def _introduce(self, place: int) -> bytes:
        """Return what introduces us, to be said after the first ``place`` of ``owed``; replies are dropped.

        Without a name of the user's that is worth nothing before the second batch: many connections are
        opened for one command.
        """
        if self._fresh and self.wire.options.client_name is None:
            self._fresh = False
            return b""
        argvs, self.wire.introduction = self.wire.introduction, ()
        self.owed[place:place] = [self._dropped() for _ in argvs]
        return b"".join(map(encode, argvs))

    def _dropped(self) -> Future[Any]:
        waiter: Future[Any] = Future(loop=self.loop)
        waiter.cancel()
        return waiter

    def _pack_one_by_one(self, batch: list[Sequence[Argument]]) -> bytes:
        """Pack what can be sent; whoever gave what cannot is told, and owed nothing."""
        options = self.wire.options
        first = len(self.owed) - len(batch)
        waiters = self.owed[first:]
        del self.owed[first:]
        parts = []
        for args, waiter in zip(batch, waiters, strict=True):
            try:
                words = argv(args, options.encoding)
                parts.append(self._pack([words]) if options.read_only else pack(words))
            except (TypeError, ValueError) as error:
                _fail(waiter, error)
            else:
                self.owed.append(waiter)
        if not self.owed:
            self.wire.rest_soon()
        return b"".join(parts)

    def run(self, packed: bytes, count: int) -> Future[list[Reply]]:
        """Send many commands at once; the future gets the list of their replies."""
        self._flush()
        waiter: Future[list[Reply]] = Future(loop=self.loop)
        before = self.in_flight
        if self.wire.error is not None or self.wire.closing or not (before or self.wire.sound()):
            _fail(waiter, self.wire.never_sent())
            return waiter
        self.owed.append(Run(count, waiter))
        self._runs += 1
        self._write(packed, before)
        return waiter

    # -- hearing

    def hear(self, replies: list[Reply]) -> None:
        """Give replies to those who wait for them, in order; an error reply is raised where it is awaited."""
        count = len(replies)
        if self._runs or count > self.in_flight or not _SPECIAL.isdisjoint(map(type, replies)):
            self._hear_each(replies)
            return
        waiters = self.owed[:count]
        del self.owed[:count]
        settled = map(_settle, waiters, replies)  # type: ignore[arg-type]  # without runs all are futures
        while True:
            try:
                _exhaust(settled)
            except InvalidStateError:
                continue  # that one was cancelled; the next ones go on
            return

    def _hear_each(self, replies: list[Reply]) -> None:
        at = 0
        while at < len(replies):
            reply = replies[at]
            if type(reply) is Push:
                self.wire.hear_push(reply)
                at += 1
                continue
            if not self.in_flight:
                said = f": {reply.message}" if isinstance(reply, ReplyError) else ""
                raise ProtocolError(f"the server sent a reply to no command{said}")
            waiter = self.owed[0]
            if isinstance(waiter, Run):
                at += self._hear_run(waiter, replies, at)
                continue
            at += 1
            del self.owed[0]
            if isinstance(reply, ReplyError):
                self.wire.last_words = reply.message if waiter.done() else None
                _fail(waiter, reply)
            else:
                self.wire.last_words = None
                if not waiter.done():
                    waiter.set_result(reply)

    def _hear_run(self, run: Run, replies: list[Reply], at: int) -> int:
        taken = run.hear(replies, at)
        self.wire.last_words = None
        if not run.due:
            del self.owed[0]
            self._runs -= 1
            if not run.waiter.done():
                run.waiter.set_result(run.replies)
        elif len(run.replies) == 1 and isinstance(run.replies[0], ReplyError):
            self.wire.last_words = run.replies[0].message  # too many clients, say, and then the end
        return taken

    # -- the end

    def fail(self, error: PyRedisError, never_sent: PyRedisConnClosed) -> None:
        """Tell everybody who waits, each with an error of his own."""
        written = self.in_flight
        owed, self.owed, self.unsent = self.owed, [], []
        for place, waiter in enumerate(owed):
            cause = error if place < written else never_sent
            _fail(waiter, copy(cause), cause.__cause__)


def _fail(owed: Future[Any] | Run, error: BaseException, cause: BaseException | None = None) -> None:
    waiter = owed.waiter if isinstance(owed, Run) else owed
    if waiter.done():
        return
    error.__cause__ = cause or error.__cause__
    waiter.set_exception(error)
    waiter.exception()  # a task that is cancelled now will not ask for it, and that is no reason to complain
