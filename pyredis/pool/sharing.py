"""Pools whose plain commands share connections.

A *lane* is a connection that many tasks use at once. Knows which commands may take one, which lane is best, and
when another one is worth its seat; what happens on a lane is not its business. Commands that block or change
state take a lease, as in every pool.

One lane is best while replies are short: all tasks' commands leave in one packet. A long reply holds up all that
follow it, so commands whose replies were long lately go to lanes of their own, and everybody else leaves a lane
that is held up.
"""

from __future__ import annotations

import asyncio
import logging
from asyncio import Future, get_running_loop
from collections.abc import Iterable, Sequence
from copy import copy
from typing import Final, Unpack, cast
from weakref import WeakMethod

from pyredis.commands.spec import Spec, find
from pyredis.connection.lane import Lane
from pyredis.connection.packing import packer
from pyredis.connection.stream import Wire
from pyredis.exceptions import (
    REPLY_ERRORS,
    PyRedisConnClosed,
    PyRedisConnError,
    PyRedisConnReadTimeout,
    PyRedisError,
    ReplyError,
)
from pyredis.pool.async_base import AsyncBasePool, PoolOptions, refuse_stateful
from pyredis.resp.encode import argv
from pyredis.types import Argument, Reply

__all__ = ["SharingPool", "named_error", "spellings"]

_log = logging.getLogger(__name__)

_LANES: Final = 4  # with long replies about, more lanes gain nothing: the decoding is done by one thread
_CROWD: Final = 16  # long replies that are due on one lane before another one is worth its seat
_LONG_STRING: Final = 32 * 1024
_LONG_LIST: Final = 500
_SHORT_AGAIN: Final = 64  # short replies after which a command is taken to have them
_AT_ONCE: Final = 5000  # commands of ``execute_many`` that are on their way at the same time
_MANY: Final = 100  # commands in a row that others should not have to wait behind


class _Coming:
    """A lane that is being opened: tells those who wait for it when that is done, and why it failed."""

    def __init__(self) -> None:
        self.done = asyncio.Event()
        self.error: PyRedisError | None = None


class SharingPool(AsyncBasePool):
    """A pool whose ``execute`` writes the commands of many tasks to few connections, in one go."""

    lane: Lane | None = None
    """Where plain commands go, as long as it is good; None asks for a choice."""
    _coming: _Coming | None = None
    """The lane that somebody opens now."""

    def __init__(self, **options: Unpack[PoolOptions]) -> None:
        super().__init__(**options)
        self.pack = packer(self._options)
        self.plain: set[object] = set()
        """How commands that may take ``lane`` are written."""
        self._long: dict[str, int] = {}

    # -- execute

    async def execute(self, *args: Argument, shard_key: object = None, sock: object = None) -> Reply:
        """Return the reply of one command; raise its ReplyError.

        Commands of many tasks share connections, unless they block. ``shard_key`` has no effect on one server;
        ``sock`` must be its address. A command that changes the state of its connection is StatefulCommand. When
        the connection breaks, the command is sent again, once, only if it was never written or is read-only.
        """
        lane = self.lane
        try:
            plain = args[0] in self.plain
        except (IndexError, TypeError, ValueError):
            plain = False
        if not plain or lane is None or sock is not None or get_running_loop() is not lane.loop:
            return await self._execute(args, sock)
        # This is Lane.ask, written out: a call costs what a tenth of the rest does.
        waiter: Future[Reply] = Future(loop=lane.loop)
        lane.owed.append(waiter)
        unsent = lane.unsent
        unsent.append(args)
        if len(unsent) == 1:
            lane.schedule()
        try:
            reply = await waiter
        except PyRedisError as error:
            return await self._recover(error, args)
        if lane.watchful:
            self.weigh(lane, args, reply)
        return reply

    async def _execute(self, args: Sequence[Argument], sock: object) -> Reply:
        """Execute a command of which it is not known yet that it may take the usual lane."""
        self._check_sock(sock)
        words = argv(args, self.encoding)
        spec = find(words)
        refuse_stateful(spec)
        if spec is None or spec.subcommands or spec.blocks_for(words) is not None:
            return await self._execute_exclusively(words, spec)
        apart = spec.name in self._long
        if not (apart or spec.blocking or " " in spec.name):
            self.plain |= spellings(spec.name)
        try:
            lane = await self._lane_for(apart=apart)
            reply: Reply = await lane.ask(words)
        except PyRedisError as error:
            return await self._recover(error, words)
        if apart:
            self._reconsider(spec, reply)
        elif lane.watchful:
            self.weigh(lane, words, reply)
        return reply

    async def _recover(self, error: PyRedisError, args: Sequence[Argument]) -> Reply:
        """Execute a command again when that can do no harm; else raise the error, naming the command."""
        words = argv(args, self.encoding)
        spec = find(words)
        name = spec.name if spec else None
        if isinstance(error, PyRedisConnClosed) and self._may_retry(error, spec):
            _log.info("executing %s again: %s", name, error)
            try:
                lane = await self._lane_for(apart=False)
                reply: Reply = await lane.ask(words)
                return reply
            except PyRedisError as again:
                raise named_error(again, name) from None
        raise named_error(error, name)

    def _reconsider(self, spec: Spec, reply: Reply) -> None:
        """Take a command for one with short replies again, after some of them in a row."""
        if _is_long(reply):
            self._long[spec.name] = _SHORT_AGAIN
        elif self._long.get(spec.name, 0) > 1:
            self._long[spec.name] -= 1
        else:
            self._long.pop(spec.name, None)

    def weigh(self, lane: Lane, args: Sequence[Argument], reply: Reply) -> None:
        """Find out whether this reply was the long one."""
        if _is_long(reply):
            lane.watchful = False
            spec = find(argv(args, self.encoding))
            if spec is not None:
                self.plain -= spellings(spec.name)
                self._long[spec.name] = _SHORT_AGAIN

    # -- many commands

    async def execute_many(self, commands: Iterable[Sequence[Argument]]) -> list[Reply]:
        """Return the replies of many commands, in order, error replies in place as ReplyError objects.

        They are sent in one go, on one connection and not as a transaction: other commands may come in
        between. Commands that block or change state, and those that a read-only pool must not send, are refused
        before anything is sent. Raises
        PyRedisConnError when the connection breaks: its ``.sent`` then says whether any may have been executed.
        """
        batch = list(commands)
        for place, command in enumerate(batch):
            if type(command) is not tuple:
                batch[place] = command = _as_tuple(command)  # which is what is packed in C
            self._check_plain(command)
        runs = [batch[at : at + _AT_ONCE] for at in range(0, len(batch), _AT_ONCE)]
        replies: list[Reply] = []
        for packed, run in [(self.pack(run), run) for run in runs]:
            try:
                part = await self._execute_run(packed, len(run))
            except PyRedisConnError as error:
                if replies and error.sent is False:
                    error.sent = True  # those before were executed
                raise
            if not REPLY_ERRORS.isdisjoint(map(type, part)):
                self._name_errors(part, run)
            replies += part
        return replies

    def _check_plain(self, command: Sequence[Argument]) -> None:
        """Refuse what cannot be one of many: what blocks, changes state or is not known."""
        if command and isinstance(command[0], (str, bytes)) and command[0] in self.plain:
            return
        words = argv(command, self.encoding)
        spec = find(words)
        refuse_stateful(spec)
        if spec is None or spec.subcommands or spec.blocks_for(words) is not None:
            name = spec.name if spec else words[0].decode("ascii", "replace")
            raise ValueError(f"{name} may block, or is not known: execute() it on its own")
        if spec.name not in self._long and " " not in spec.name:
            self.plain |= spellings(spec.name)

    async def _execute_run(self, packed: bytes, count: int) -> list[Reply]:
        lane = await self._lane_for(apart=count > _MANY)
        try:
            return await lane.run(packed, count)
        except PyRedisConnClosed as error:
            if error.sent is not False or self._closed:
                raise
        lane = await self._lane_for(apart=count > _MANY)
        return await lane.run(packed, count)

    def _name_errors(self, replies: Sequence[Reply], commands: Sequence[Sequence[Argument]]) -> None:
        for reply, command in zip(replies, commands, strict=True):
            if isinstance(reply, ReplyError):
                spec = find(argv(command, self.encoding))
                reply.command = spec.name if spec else None

    # -- which lane

    async def _lane_for(self, *, apart: bool) -> Lane:
        """Return the lane for a command; ``apart`` from the others when its reply may be long."""
        self._check_usable()
        while (lane := self._pick(apart=apart)) is None:
            try:
                await self._open_lane()
            except PyRedisError:
                if not (lanes := self._open_lanes):
                    raise
                return min(lanes, key=Lane.load)
        return lane

    @property
    def _open_lanes(self) -> list[Lane]:
        return [lane for lane in self._lanes if not (lane.draining or lane.wire.closed)]

    def _pick(self, *, apart: bool) -> Lane | None:
        """Return the best lane there is, None when a new one would be better."""
        lanes = self._open_lanes
        if not lanes:
            return None
        usual = self.lane if self.lane in lanes else None
        if not apart and usual is not None and not usual.wire.stalled:
            return usual
        if apart:
            others = [lane for lane in lanes if lane is not (usual or lanes[0])]
            good = [lane for lane in others if len(lane.owed) < _CROWD]
        else:
            others = lanes
            good = [lane for lane in lanes if not lane.wire.stalled]
        if not good and self._may_open_lane:
            return None
        best = min(good or others or lanes, key=Lane.load)
        if not apart and good:
            self.lane = best
        return best

    @property
    def _may_open_lane(self) -> bool:
        """Whether one more lane can be had without taking a seat from anybody."""
        return (
            self._coming is None
            and not self._waiting
            and len(self._lanes) < _LANES
            and bool(self._idle or self._used < self._pool_size)
        )

    @property
    def _lane_coming(self) -> bool:
        return self._coming is not None

    async def _open_lane(self) -> None:
        """Open a lane, or wait until whoever does so is done; raise why there is none."""
        coming = self._coming
        if coming is None:
            await self._open_lane_myself()
            return
        await coming.done.wait()
        if coming.error is not None:
            raise copy(coming.error) from coming.error.__cause__

    async def _open_lane_myself(self) -> None:
        coming = self._coming = _Coming()
        try:
            wire = cast("Wire", await self._lease(sharing=True))
            self._leased.remove(wire)
            wire.on_stalled = WeakMethod(self._stalled)
            self._lanes.append(wire.share())
        except PyRedisError as failure:
            coming.error = failure
            raise
        finally:
            # Cancelled, it leaves no error: one of the others tries then.
            self._coming = None
            coming.done.set()
        # Whoever asked for a connection meanwhile is next, after those who waited for this one.
        if self._waiting:
            get_running_loop().call_soon(self._promise_lane)

    def _stalled(self, wire: Wire) -> None:
        """Hear that a lane is held up by a long or a late reply."""
        if self.lane is not None and self.lane is wire.lane:
            self.lane = None

    def _lane_lost(self, lane: Lane) -> None:
        if self.lane is lane:
            self.lane = None


def _as_tuple(command: Iterable[Argument]) -> tuple[Argument, ...]:
    if isinstance(command, (str, bytes)):
        raise TypeError(f"a command is a list of arguments, not one {type(command).__name__}")
    return tuple(command)


def named_error(error: PyRedisError, name: str | None) -> PyRedisError:
    """Return the error with the name of the command that it befell."""
    if isinstance(error, ReplyError):
        error.command = error.command or name  # SELECT, when it was the handshake that failed
    elif isinstance(error, PyRedisConnReadTimeout) and error.command is None and name is not None:
        error.command = name
        error.args = (str(error).replace("the command", name, 1),)
    return error


def spellings(name: str) -> set[object]:
    """Return how a command is usually written; others are looked up each time, for there are many."""
    return {name, name.lower(), name.encode(), name.lower().encode()}


def _is_long(reply: Reply) -> bool:
    if isinstance(reply, (bytes, str)):
        return len(reply) > _LONG_STRING
    return isinstance(reply, (list, dict)) and len(reply) > _LONG_LIST
