"""The asyncio socket of one connection.

It moves bytes between the network, a decoder and whoever is owed the replies: a conversation while the
connection has one holder, a lane while many tasks share it. It keeps the one deadline that matters (that of the
reply due next) on one timer, and dies at the first thing that is out of step. Who may use it, and when, is for
handles and pools to say.
"""

from __future__ import annotations

import asyncio
import logging
import os
import select
import weakref
from collections.abc import Callable, Iterator, Sequence
from copy import copy
from typing import Final, TypeAlias, cast

from pyredis.address import Address
from pyredis.commands.reading import reading
from pyredis.commands.spec import FAREWELLS, Spec, reply_limit
from pyredis.connection.conversation import DEFAULT_USER, Conversation, Exchange, Run, Unasked
from pyredis.connection.failures import timed_out
from pyredis.connection.handshake import greeting, handshake, introduction
from pyredis.connection.lane import Lane
from pyredis.exceptions import (
    ProtocolError,
    PyRedisConnClosed,
    PyRedisConnReadTimeout,
    PyRedisError,
    ReadOnlyRefused,
    ReplyError,
)
from pyredis.options import ConnectionOptions
from pyredis.resp import make_decoder
from pyredis.resp.encode import encode, pack
from pyredis.types import Push, Reply

__all__ = ["Wire"]

# Programs that set up no logging hear nothing: every connection passes here.
logging.getLogger("pyredis").addHandler(logging.NullHandler())

Command: TypeAlias = tuple[Sequence[bytes], Spec | None, bytes]
"""One of a batch: argv, row, packed."""
Refused: TypeAlias = tuple[Sequence[bytes], Spec | None, ReadOnlyRefused]

_PARTING: Final = 1.0  # seconds between the last words of a server and its end
_UNSEEN_AFTER: Final = 0.01  # seconds of silence after which an idle socket is looked at before it is used


class Wire(asyncio.BufferedProtocol):
    """One socket in step with its conversation, or closed."""

    def __init__(self, address: Address, options: ConnectionOptions) -> None:
        self.address = address
        self.options = options
        self.conversation = Conversation()
        self.lane: Lane | None = None
        self.generation: int | None = None
        self.introduction: tuple[tuple[bytes, ...], ...] = ()
        """What goes out before a command, in the same packet, soon; its replies are dropped."""
        self.error: PyRedisError | None = None
        """Why the connection is closed; None while it is open."""
        self.lost = False
        """Whether the network, the server or the clock closed it, not its holder."""
        self.reason = ""
        """Why it was closed, in a word or two, for statistics."""
        self.heard = False
        """Whether the server has said anything that is RESP."""
        self.name_refused: ReplyError | None = None
        """Why the server does not show ``client_name``."""
        self._naming: Exchange | Run | None = None
        self.on_unasked: Callable[[Reply], None] | None = None
        self.on_end: weakref.WeakMethod[Callable[[Wire], None]] | None = None
        self.on_idle: weakref.WeakMethod[Callable[[Wire], None]] | None = None
        """Called when a promised lane has nothing in flight, or a lane was idle for ``health_check_interval``."""
        self.on_stalled: weakref.WeakMethod[Callable[[Wire], None]] | None = None
        """Called when a long or a late reply holds up a lane."""
        self.on_silent: weakref.WeakMethod[Callable[[Wire], None]] | None = None
        """Called every quarter of a second while nothing comes though a reply is due that need not block."""
        self.on_refused: weakref.WeakMethod[Callable[[Wire, ReplyError], None]] | None = None
        """Called with every error reply to whoever has the connection to himself, also in bulk or from EXEC."""
        self.last_words: str | None = None
        """An error that nobody asked for and that came last: it may tell why the server closes."""
        self.loop = asyncio.get_running_loop()
        self._decoder = make_decoder(options)
        self._space = _space_of(self.loop)
        self._transport: asyncio.Transport | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._fires_at = 0.0
        self._told_silence = 0.0
        self._since = self.loop.time()  # when the reply due next became that, or the last one came
        self._checks_health = options.health_check_interval is not None
        self._on_trial = False
        self._flushed = True
        self._paused = False
        self._begun_unasked = False  # what came in part, while nothing was owed, must be a push
        self._gone = False
        self._awaiting_end: list[asyncio.Future[None]] = []
        _WIRES.add(self)

    def __repr__(self) -> str:
        state = "closed" if self.error else f"{self.conversation.owed} owed"
        return f"<Wire {self.address} {state}>"

    # -- what its holder does

    async def shake_hands(self) -> None:
        """Run the handshake; the conversation then starts as the user and in the database opened."""
        steps = handshake(self.options)
        reply: Reply = None
        greeted: Reply = None
        try:
            while True:
                argv = steps.send(reply)
                reply = await self._outcome(self.send(argv, None, None))
                greeted = reply if argv[0] == b"HELLO" else greeted
        except StopIteration as done:
            self.conversation = Conversation(self.options.database, self._user(), done.value)
            self.conversation.greeting = greeting(greeted)
        if self.error is not None:  # more came than was asked for, or the end
            raise self.error
        self.introduction = introduction(self.options)

    def _user(self) -> str | None:
        """Return as whom the handshake authenticated, None when it did not."""
        return self.options.username or (None if self.options.password is None else DEFAULT_USER)

    async def execute(self, argv: Sequence[bytes], spec: Spec | None) -> Reply:
        """Return the reply of a command that has the connection to itself; raise its ReplyError.

        A caller that stops waiting leaves a reply owed, so the connection is closed.
        """
        exchange = self.send(argv, spec, reply_limit(argv, spec, self.options.read_timeout))
        reply = await self._outcome(exchange)
        if isinstance(reply, ReplyError):
            reply.command = exchange.name or None
            _call(self.on_refused, self, reply)
            raise reply
        if exchange.effect == "exec":
            self.tell_refusals(reply)
        return reply

    def tell_refusals(self, replies: object) -> None:
        """Call ``on_refused`` with every error among the replies of a bulk, or in the reply of EXEC."""
        if self.on_refused is not None and isinstance(replies, list):
            for reply in replies:
                if isinstance(reply, ReplyError):
                    _call(self.on_refused, self, reply)

    async def check(self) -> bool:
        """Return whether the server answers; the connection is closed when it does not."""
        self._on_trial = True
        try:
            limit = self.options.read_timeout or self.options.conn_timeout
            await self._outcome(self.send((b"PING",), None, limit))
        except PyRedisError:
            return False
        finally:
            self._on_trial = False
        return self.error is None

    def send(self, argv: Sequence[bytes], spec: Spec | None, limit: float | None) -> Exchange:
        """Write a command and return its exchange, whose reply must come within ``limit`` seconds."""
        self._check_usable()
        packed = pack(reading(argv) if self.options.read_only else argv)
        exchange = self.conversation.say(argv, spec)
        exchange.limit = limit
        exchange.waiter = self.loop.create_future()
        if not exchange.due:
            exchange.waiter.set_result(None)
        self._send(packed, idle=self.conversation.owed == 1)
        return exchange

    def send_batch(self, commands: Sequence[Command], *, keep: bool) -> list[Exchange | Run | PyRedisError]:
        """Write many commands (argv, row, packed) at once and return what is owed for them, in order.

        Commands without effect are runs; a command that must not be sent is its error and not written.
        The last entry that is owed a reply has a waiter, for the whole batch.
        """
        self._check_usable()
        conversation = self.conversation
        idle = not conversation.owed
        sent: list[Exchange | Run | PyRedisError] = []
        parts = []
        run: Run | None = None
        for argv, spec, packed in self._readings(commands) if self.options.read_only else commands:
            if isinstance(packed, PyRedisError):
                run = None
                sent.append(packed)
                continue
            if spec is not None and spec.effect is None and not spec.blocking and (run or conversation.calm):
                if run is None:
                    run = conversation.say_run(keep=keep)
                    run.limit = self.options.read_timeout
                    sent.append(run)
                run.due += 1
            else:
                run = None
                try:
                    exchange = conversation.say(argv, spec)
                except PyRedisError as error:
                    sent.append(error)
                    continue
                exchange.limit = reply_limit(argv, spec, self.options.read_timeout)
                sent.append(exchange)
            parts.append(packed)
        last = conversation.tail
        if last is not None and last.waiter is None:
            last.waiter = self.loop.create_future()
        self._send(b"".join(parts), idle=idle)
        return sent

    def _readings(self, commands: Sequence[Command]) -> Iterator[Command | Refused]:
        """Yield what is sent of a batch on a read-only connection, an error in the place of the rest."""
        for argv, spec, packed in commands:
            try:
                words = reading(argv)
            except ReadOnlyRefused as refused:
                yield argv, spec, refused
            else:
                yield argv, spec, packed if words is argv else pack(words)

    async def settled(self, sent: Sequence[Exchange | Run | PyRedisError]) -> None:
        """Return when a batch is answered, or the connection is closed."""
        for entry in reversed(sent):
            if not isinstance(entry, PyRedisError) and entry.waiter is not None:
                try:
                    # Whoever is cancelled here must not cancel it for those who wait for the batch, too.
                    await asyncio.wait([entry.waiter])
                except BaseException:
                    self._give_up(entry)
                    raise
                return

    def _check_usable(self) -> None:
        if asyncio.get_running_loop() is not self.loop:
            raise PyRedisError(f"the connection to {self.address} belongs to another event loop or process")
        if self.error is not None or self._transport is None or self._transport.is_closing():
            raise self.never_sent()

    def _send(self, packed: bytes, *, idle: bool) -> None:
        """Write what the conversation was told of last."""
        if self.introduction:
            argvs, self.introduction = self.introduction, ()
            self.conversation.say_before(len(argvs), self.options.read_timeout)
            if self.options.client_name is not None:
                self._naming = self.conversation.head
            packed = b"".join(map(encode, argvs)) + packed
        self.write(packed, idle=idle)
        self._watch()

    def write(self, packed: bytes, *, idle: bool) -> None:
        """Hand bytes to the network; ``idle`` when nothing was owed before them."""
        if idle:
            self._since = self.loop.time()
            if self._timer is None or self._checks_health:
                self._watch()
        if self._paused:
            self._regulate()
        transport = cast("asyncio.Transport", self._transport)
        transport.write(packed)
        # A transport that is broken drops what it is given, and then its buffer is empty as well.
        self._flushed = not (transport.is_closing() or transport.get_write_buffer_size())

    async def _outcome(self, exchange: Exchange) -> Reply:
        try:
            await exchange.waiter
        except BaseException:
            self._give_up(exchange)
            raise
        if exchange.error is not None:
            raise exchange.error
        return exchange.reply

    def _give_up(self, owed: Exchange | Run) -> None:
        """Close the connection when a caller stops waiting for a reply that is still owed."""
        if owed.due:
            self.abort(
                PyRedisConnClosed(f"{self._closed_text}: a command was cancelled before its reply came")
            )

    def share(self) -> Lane:
        """Return the lane of the connection, which must be clean; nobody else may use it until ``unshare``."""
        self.lane = lane = Lane(self)
        if self._timer is not None:  # it may be that of a command that was allowed to block for long
            self._timer.cancel()
            self._timer = None
        return lane

    def unshare(self) -> None:
        """End the shared use: nothing is in flight."""
        self.lane = None

    def rest_soon(self) -> None:
        """Hand a promised lane over, unless those who were just answered come back with new commands first."""
        lane = self.lane
        if lane is not None and lane.promised:
            self.loop.call_soon(self._rest, lane)
        self._watch()

    def _rest(self, lane: Lane) -> None:
        if self.lane is lane and not lane.owed:
            _call(self.on_idle, self)

    @property
    def closed(self) -> bool:
        return self.error is not None

    @property
    def closing(self) -> bool:
        """Whether what is written now would be dropped."""
        return self._transport is None or self._transport.is_closing()

    @property
    def clean(self) -> bool:
        """Whether it may be handed to somebody else in this event loop.

        It is open, reading and at rest, and nothing waits in the decoder or in the socket.
        """
        return (
            self.error is None
            and (self.lane is None or not self.lane.owed)
            and self.conversation.at_rest
            and not self._decoder.pending
            and _running_loop() is self.loop
            and self._transport is not None
            and self._transport.is_reading()
            and not _readable(self._transport)
        )

    def sound(self) -> bool:
        """Whether an idle connection may be written to; one that ended unseen is closed now."""
        if self.loop.time() - self._since > _UNSEEN_AFTER and _readable(
            cast("asyncio.Transport", self._transport)
        ):
            self._end(PyRedisConnClosed(f"{self.address} closed the connection while it was idle"))
        return self.error is None

    def tell_if_late(self) -> None:
        """Call ``on_stalled`` when the reply due next is late, so that others take another lane."""
        if self.idle_for > _LATE:
            _call(self.on_stalled, self)

    @property
    def idle_for(self) -> float:
        """Seconds since the last reply came."""
        return self.loop.time() - self._since

    @property
    def stalled(self) -> bool:
        """Whether a long reply is on its way, or the reply due next is late: others wait behind it."""
        lane = self.lane
        return lane is not None and bool(lane.in_flight) and (self._decoder.pending or self.idle_for > _LATE)

    def abort(self, error: PyRedisError | None = None, *, reason: str = "not at rest") -> None:
        """Close at once; whoever waits for a reply gets ``error``."""
        self._end(error or PyRedisConnClosed(self._closed_text), reason)

    async def wait_closed(self) -> None:
        """Return when the socket is gone, or closed in the other event loop that it belongs to."""
        if self._transport is not None and not self._gone and asyncio.get_running_loop() is self.loop:
            waiter = self.loop.create_future()
            self._awaiting_end.append(waiter)
            await waiter

    def pause(self) -> None:
        """Read nothing more until ``resume``, except for replies that are due: their commands would time out."""
        self._paused = True
        self._regulate()

    def resume(self) -> None:
        self._paused = False
        self._regulate()

    def _regulate(self) -> None:
        if self._transport is None or self._transport.is_closing():
            return
        if self._paused and not self._owes:
            self._transport.pause_reading()
        else:
            self._transport.resume_reading()

    # -- what the event loop calls

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        if self.error is not None:
            self._transport.abort()

    def get_buffer(self, sizehint: int) -> memoryview:
        # To read into memory that is there costs a fifth of what fresh memory for each chunk does.
        return self._decoder.room or self._space

    def buffer_updated(self, size: int) -> None:
        decoder, lane = self._decoder, self.lane
        replies = decoder.take(bytes(self._space[:size])) if decoder.room is None else decoder.filled(size)
        try:
            if replies:
                self.heard = True
                self.last_words = None
                if self._begun_unasked:
                    self._begun_unasked = False
                    if type(replies[0]) is not Push:
                        raise ProtocolError("the server sent a reply to no command")
                if type(replies[0]) is not Push or not _PUSHES.issuperset(map(type, replies)):
                    self._since = self.loop.time()
                if lane is not None:
                    lane.hear(replies)
                    if (lane.promised or self._checks_health) and not lane.owed:
                        self.rest_soon()
                else:
                    self._hear(replies)
            elif lane is not None and size > _LONG_CHUNK:
                lane.watchful = True
                _call(self.on_stalled, self)
            if decoder.broken is not None:
                raise ProtocolError(decoder.broken)
            if not self._owes and decoder.pending:
                if not self.conversation.may_hear:
                    raise ProtocolError("the server sent the beginning of a reply to no command")
                self._begun_unasked = self.conversation.protocol == 3 and not self.conversation.monitoring
        except ProtocolError as error:
            self._end(error)

    @property
    def _owes(self) -> bool:
        return bool(self.conversation.owed if self.lane is None else self.lane.in_flight)

    def _hear(self, replies: list[Reply]) -> None:
        """Tell the conversation; whoever has all that was due is woken."""
        conversation = self.conversation
        at = 0
        while at < len(replies) and self.error is None:
            head = conversation.head
            if isinstance(head, Run) and type(replies[at]) is not Push:
                at += head.hear(replies, at)
                self.last_words = None
                if not head.due:
                    conversation.drop_head()
                    _wake(head)
                continue
            heard = conversation.hear(replies[at])
            at += 1
            if type(heard) is Unasked:
                self._pass_on(heard)
            elif isinstance(heard, Exchange):
                reply = heard.reply
                self.last_words = None
                if heard.waiter is None and isinstance(reply, ReplyError):
                    self.last_words = str(reply)
                    self.name_refused = reply if heard is self._naming else self.name_refused
                _wake(heard)
        if conversation.owed:
            self._watch()
        if self._paused:
            self._regulate()

    def hear_push(self, push: Push) -> None:
        """Take a push that came between the replies of a lane."""
        heard = self.conversation.hear(push)
        if type(heard) is Unasked:
            self._pass_on(heard)

    def _pass_on(self, unasked: Unasked) -> None:
        if self.on_unasked is not None:
            self.on_unasked(unasked.reply)

    def eof_received(self) -> None:
        self._end(PyRedisConnClosed(f"{self.address} closed the connection{self._said}"))

    @property
    def _said(self) -> str:
        # Who says them hangs up at once; a refused introduction is older, or not about that.
        words = self.last_words or ""
        parting = self.idle_for < _PARTING and not words.startswith(("ERR unknown", "NOPERM"))
        return f": {words}" if words and parting else ""

    def connection_lost(self, exc: Exception | None) -> None:
        how = "closed" if exc is None else "broke"
        error = PyRedisConnClosed(f"{self.address} {how} the connection{self._said}")
        error.__cause__ = exc
        self._end(error)
        self._gone = True
        for waiter in self._awaiting_end:
            if not waiter.done():
                waiter.set_result(None)

    # -- the deadline of the reply due next

    def _limit_now(self) -> float | None:
        """Return the seconds that the reply due next may take from ``_since`` on; None for no limit.

        Nothing due: how long a lane may be idle.
        """
        lane = self.lane
        if lane is not None:
            return self.options.read_timeout if lane.in_flight else self.options.health_check_interval
        head = self.conversation.head
        return head.limit if head is not None else None

    def _watch(self) -> None:
        """See to it that the timer fires no later than the limit.

        A timer that was set for an earlier reply is left to fire and look again: that costs less than
        cancelling one for every command.
        """
        limit = self._limit_now()
        deadline = None if limit is None else self._since + limit
        if self.on_silent is not None and self._must_answer:
            silent = max(self._since, self._told_silence) + _SILENCE
            deadline = silent if deadline is None else min(deadline, silent)
        if deadline is None:
            return
        if self._timer is not None:
            if self._fires_at <= deadline:
                return
            self._timer.cancel()
        self._fires_at = deadline  # uvloop's handles do not always tell
        self._timer = self.loop.call_at(deadline, self._look_at_clock)

    @property
    def _must_answer(self) -> bool:
        """Whether a reply is due that the server has no right to hold back."""
        if self.lane is not None:
            return bool(self.lane.in_flight)
        head = self.conversation.head
        return head is not None and head.limit is not None and head.limit == self.options.read_timeout

    def _look_at_clock(self) -> None:
        self._timer = None
        limit, now = self._limit_now(), self.loop.time()
        if self.error is not None:
            return
        if limit is not None and now >= self._since + limit:
            if self._owes:
                self._end(self._timed_out(limit))
            else:
                _call(self.on_idle, self)
            return
        if self.on_silent is not None and self._must_answer and self.idle_for >= _SILENCE:
            self._told_silence = now
            _call(self.on_silent, self)
        if self.error is None:
            self._watch()

    def _timed_out(self, limit: float) -> PyRedisConnReadTimeout:
        head = self.conversation.head
        command = (head.name if head is not None else "") or None
        return timed_out(self.address, limit, command, self._sent())

    # -- the end

    def _sent(self) -> bool | None:
        """True when all that was written has left this process, None when some of it may not have."""
        if self._transport is not None and not self._transport.is_closing():
            self._flushed = not self._transport.get_write_buffer_size()
        return True if self._flushed else None

    @property
    def _closed_text(self) -> str:
        return f"the connection to {self.address} is closed"

    def never_sent(self) -> PyRedisConnClosed:
        """Return the error for a command that was not written any more."""
        reason = self._closed_text if self.error is None else str(self.error)
        if self.lost:
            reason = f"{self._closed_text}: {reason}"
        return PyRedisConnClosed(reason, address=str(self.address), sent=False)

    def _end(self, error: PyRedisError, reason: str | None = None) -> None:
        """Close, once; the first error is the one that counts. A ``reason`` is its holder's."""
        if self.error is not None:
            return
        if isinstance(error, PyRedisConnClosed):
            error.address = str(self.address)
            error.sent = self._sent()
            error.unheard = not self.heard
        self.error = error
        self.lost = reason is None and not (self.conversation.leaving or self._on_trial)
        self.reason = reason or ("unchecked" if self._on_trial else _REASONS.get(type(error), "lost"))
        if _running_loop() is self.loop:
            self._let_go()
        elif self.loop.is_closed():
            self._transport = None  # which closes the socket; nobody can be waiting any more
        else:
            self.loop.call_soon_threadsafe(self._let_go)

    def _let_go(self) -> None:
        """Give every waiter an error, a SHUTDOWN or QUIT its success, and close the socket."""
        error = cast("PyRedisError", self.error)
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        obeyed = self.lost and isinstance(error, PyRedisConnClosed) and error.sent is True
        while (owed := self.conversation.drop_head()) is not None:
            if not (obeyed and owed.effect in FAREWELLS):
                owed.error = _own(error)
            _wake(owed)
        if self.lane is not None:
            self.lane.fail(error, self.never_sent())
        if self._transport is not None:
            self._transport.abort()
        _call(self.on_end, self)

    def disown(self) -> None:
        """Forget the connection, which belongs to the process that this one was forked from."""
        self.error = PyRedisError(f"the connection to {self.address} belongs to the parent process")
        self._transport = None


_REASONS: Final = {PyRedisConnReadTimeout: "timeout", ProtocolError: "protocol"}
_SPACE: Final = 120 * 1024  # of copies that are larger than 128 KiB malloc asks the system each time
_SPACES: Final[weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, memoryview]] = weakref.WeakKeyDictionary()
_LONG_CHUNK: Final = 16 * 1024
_PUSHES: Final = frozenset([Push])
_SILENCE: Final = 0.25  # seconds without a word from a server that owes one, until ``on_silent`` is called
_LATE: Final = 0.05  # seconds that a reply may take before new commands rather take another lane


def _wake(owed: Exchange | Run) -> None:
    if owed.waiter is not None and not owed.waiter.done():
        owed.waiter.set_result(None)


def _space_of(loop: asyncio.AbstractEventLoop) -> memoryview:
    """Return where the connections of an event loop read to: each is done with it before the next one reads."""
    space = _SPACES.get(loop)
    if space is None:
        space = _SPACES[loop] = memoryview(bytearray(_SPACE))
    return space


def _own(error: PyRedisError) -> PyRedisError:
    """Return the error once more: what one task raises gathers a traceback that is no other's."""
    mine = copy(error)
    mine.__cause__ = error.__cause__
    return mine


def _call(weak: weakref.WeakMethod[Callable[..., None]] | None, *told: object) -> None:
    method = weak() if weak is not None else None
    if method is not None:
        method(*told)


def _running_loop() -> asyncio.AbstractEventLoop | None:
    try:
        return asyncio.get_running_loop()
    except RuntimeError:
        return None


def _readable(transport: asyncio.Transport) -> bool:
    """Whether the socket holds bytes or an end of file that the event loop has not seen yet."""
    if not hasattr(select, "poll"):
        return False
    poll = select.poll()
    poll.register(transport.get_extra_info("socket").fileno(), select.POLLIN)
    return bool(poll.poll(0))


_WIRES: Final[weakref.WeakSet[Wire]] = weakref.WeakSet()
_INHERITED: Final[list[object]] = []


def _disown_all() -> None:
    """In a forked child: keep what belongs to the parent, and touch it never again.

    Closing a transport here would take its socket out of the epoll set that the parent still waits on.
    """
    for wire in list(_WIRES):
        _INHERITED.append((wire, wire._transport))
        wire.disown()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_disown_all)
