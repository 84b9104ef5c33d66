"""The asyncio socket of one connection.

It moves bytes between the network, a decoder and a conversation, keeps the one deadline that matters (that of
the reply due next) on one timer, and dies at the first thing that is out of step. Who may use it, and when, is
for handles and pools to say.
"""

from __future__ import annotations

import asyncio
import select
import socket
from collections.abc import Callable, Sequence
from typing import cast

from pyredis.address import Address, TcpAddress
from pyredis.commands.spec import Spec
from pyredis.connection.conversation import DEFAULT_USER, Conversation, Exchange
from pyredis.connection.handshake import handshake
from pyredis.exceptions import (
    ProtocolError,
    PyRedisConnClosed,
    PyRedisConnReadTimeout,
    PyRedisError,
    ReplyError,
)
from pyredis.options import ConnectionOptions
from pyredis.resp import INCOMPLETE, make_decoder
from pyredis.resp.encode import pack
from pyredis.types import Reply

__all__ = ["Wire"]

_KEEPALIVE_SECONDS = 15


class Wire(asyncio.Protocol):
    """One socket in step with its conversation, or closed."""

    def __init__(self, address: Address, options: ConnectionOptions) -> None:
        self.address = address
        self.options = options
        self.conversation = Conversation()
        self.generation = 0
        self.error: PyRedisError | None = None
        """Why the connection is closed; None while it is open."""
        self.lost = False
        """Whether the network, the server or the clock closed it, not its holder."""
        self.on_unasked: Callable[[Reply], None] | None = None
        self._decoder = make_decoder(options)
        self._loop = asyncio.get_running_loop()
        self._transport: asyncio.Transport | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._head_since = 0.0
        self._flushed = True
        self._gone: asyncio.Future[None] = self._loop.create_future()

    def __repr__(self) -> str:
        state = "closed" if self.error else f"{self.conversation.owed} owed"
        return f"<Wire {self.address} {state}>"

    # -- what its holders do

    async def shake_hands(self) -> None:
        """Run the handshake; the conversation then starts as the user and in the database opened."""
        steps = handshake(self.options)
        reply: Reply = None
        try:
            while True:
                argv = steps.send(reply)
                reply = await self._outcome(self.send(argv, None, None))
        except StopIteration as done:
            self.conversation = Conversation(self.options.database, self._user(), done.value)
        if self.error is not None:  # more came than was asked for, or the end
            raise self.error

    def _user(self) -> str | None:
        """Return as whom the handshake authenticated, None when it did not."""
        return self.options.username or (None if self.options.password is None else DEFAULT_USER)

    async def execute(self, argv: Sequence[bytes], spec: Spec | None) -> Reply:
        """Return the reply of a command that has the connection to itself; raise its ReplyError.

        A caller that stops waiting leaves a reply owed, so the connection is closed.
        """
        exchange = self.send(argv, spec, _limit(argv, spec, self.options.read_timeout))
        try:
            reply = await self._outcome(exchange)
        except BaseException:
            if exchange.due:
                self.abort(
                    PyRedisConnClosed(f"{self._closed_text}: a command was cancelled before its reply came")
                )
            raise
        if isinstance(reply, ReplyError):
            reply.command = exchange.name or None
            raise reply
        return reply

    def send(self, argv: Sequence[bytes], spec: Spec | None, limit: float | None) -> Exchange:
        """Write a command and return its exchange, whose reply must come within ``limit`` seconds."""
        if asyncio.get_running_loop() is not self._loop:
            raise PyRedisError(f"the connection to {self.address} belongs to another event loop")
        if self.error is not None or self._transport is None or self._transport.is_closing():
            raise self._never_sent()
        packed = pack(argv)
        exchange = self.conversation.say(argv, spec)
        exchange.limit = limit
        exchange.waiter = self._loop.create_future()
        if not exchange.due:
            exchange.waiter.set_result(None)
        elif self.conversation.owed == 1:
            self._head_since = self._loop.time()
            self._watch(exchange)
        self._transport.write(packed)
        # A transport that is broken drops what it is given, and then its buffer is empty as well.
        self._flushed = not (self._transport.is_closing() or self._transport.get_write_buffer_size())
        return exchange

    async def _outcome(self, exchange: Exchange) -> Reply:
        await exchange.waiter
        if exchange.error is not None:
            raise exchange.error
        return exchange.reply

    @property
    def closed(self) -> bool:
        return self.error is not None

    @property
    def clean(self) -> bool:
        """Whether it may be handed to somebody else in this event loop.

        It is open, reading and at rest, and nothing waits in the decoder or in the socket.
        """
        return (
            self.error is None
            and self.conversation.at_rest
            and not self._decoder.pending
            and _running_loop() is self._loop
            and self._transport is not None
            and self._transport.is_reading()
            and not _readable(self._transport)
        )

    def abort(self, error: PyRedisError | None = None) -> None:
        """Close at once; whoever waits for a reply gets ``error``."""
        self._end(error or PyRedisConnClosed(self._closed_text), lost=False)

    async def wait_closed(self) -> None:
        """Return when the socket is gone, or closed in the other event loop that it belongs to."""
        if self._transport is not None and asyncio.get_running_loop() is self._loop:
            await asyncio.shield(self._gone)

    def pause(self) -> None:
        """Read nothing more until ``resume``: what comes is more than the holder can take."""
        if self._transport is not None and not self._transport.is_closing():
            self._transport.pause_reading()

    def resume(self) -> None:
        if self._transport is not None and not self._transport.is_closing():
            self._transport.resume_reading()

    # -- what the event loop calls

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        if self.error is not None:
            self._transport.abort()
            return
        sock = transport.get_extra_info("socket")
        if isinstance(self.address, TcpAddress):
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
            if hasattr(socket, "TCP_KEEPIDLE"):
                sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, _KEEPALIVE_SECONDS)

    def data_received(self, chunk: bytes) -> None:
        try:
            self._take_in(chunk)
            if self._decoder.pending and not self.conversation.may_hear:
                raise ProtocolError("the server sent the beginning of a reply to no command")
        except ProtocolError as error:
            self._end(error)

    def _take_in(self, chunk: bytes) -> None:
        decoder = self._decoder
        decoder.feed(chunk)
        completed = False
        while self.error is None and (reply := decoder.next()) is not INCOMPLETE:
            heard = self.conversation.hear(reply)
            if type(heard) is Exchange:
                completed = True
                if not heard.waiter.done():
                    heard.waiter.set_result(None)
            elif heard is not None and self.on_unasked is not None:
                self.on_unasked(heard.reply)
        if completed:
            head = self.conversation.head
            if head is not None:
                self._head_since = self._loop.time()
                self._watch(head)

    def eof_received(self) -> None:
        self._end(PyRedisConnClosed(f"{self.address} closed the connection"))

    def connection_lost(self, exc: Exception | None) -> None:
        error = PyRedisConnClosed(f"{self.address} {'closed' if exc is None else 'broke'} the connection")
        error.__cause__ = exc
        self._end(error)
        if not self._gone.done():
            self._gone.set_result(None)

    # -- the deadline of the reply due next

    def _watch(self, head: Exchange) -> None:
        """See to it that the timer fires no later than the deadline of ``head``.

        A timer that was set for an earlier reply is left to fire and look again: that costs less than
        cancelling one for every command.
        """
        if head.limit is None:
            return
        deadline = self._head_since + head.limit
        if self._timer is not None:
            if self._timer.when() <= deadline:
                return
            self._timer.cancel()
        self._timer = self._loop.call_at(deadline, self._look_at_clock)

    def _look_at_clock(self) -> None:
        self._timer = None
        head = self.conversation.head
        if head is None or head.limit is None:
            return
        if self._loop.time() < self._head_since + head.limit:
            self._watch(head)
            return
        command = head.name or "the command"
        self._end(
            PyRedisConnReadTimeout(
                f"no reply to {command} from {self.address} within {head.limit:g} seconds; "
                "the connection is closed, whether it was executed is unknown",
                address=str(self.address),
                sent=self._sent(),
                seconds=head.limit,
                command=head.name or None,
            )
        )

    # -- the end

    def _sent(self) -> bool | None:
        """True when all that was written has left this process, None when some of it may not have."""
        if self._transport is not None and not self._transport.is_closing():
            self._flushed = not self._transport.get_write_buffer_size()
        return True if self._flushed else None

    @property
    def _closed_text(self) -> str:
        return f"the connection to {self.address} is closed"

    def _never_sent(self) -> PyRedisConnClosed:
        reason = self._closed_text if self.error is None else str(self.error)
        if self.lost:
            reason = f"{self._closed_text}: {reason}"
        return PyRedisConnClosed(reason, address=str(self.address), sent=False)

    def _end(self, error: PyRedisError, *, lost: bool = True) -> None:
        """Close, once; the first error is the one that counts."""
        if self.error is not None:
            return
        if isinstance(error, PyRedisConnClosed):
            error.address = str(self.address)
            error.sent = self._sent()
        self.error = error
        self.lost = lost and not self.conversation.leaving
        if _running_loop() is self._loop:
            self._let_go()
        elif self._loop.is_closed():
            self._transport = None  # which closes the socket; nobody can be waiting any more
        else:
            self._loop.call_soon_threadsafe(self._let_go)

    def _let_go(self) -> None:
        """Give every waiter the error, a SHUTDOWN or QUIT its success, and close the socket."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        obeyed = self.lost and isinstance(self.error, PyRedisConnClosed) and self.error.sent is True
        while (exchange := self.conversation.drop_head()) is not None:
            if not (obeyed and exchange.effect in _ENDS_CONNECTION):
                exchange.error = self.error
            if not exchange.waiter.done():
                exchange.waiter.set_result(None)
        if self._transport is not None:
            self._transport.abort()


_ENDS_CONNECTION = frozenset({"shutdown", "quit"})


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


def _limit(argv: Sequence[bytes], spec: Spec | None, read_timeout: float | None) -> float | None:
    """Return the seconds within which the reply must come: a blocking command may block first."""
    if spec is None or not spec.blocking or read_timeout is None:
        return read_timeout
    blocks = spec.blocks_for(argv)
    if blocks is None:
        return read_timeout
    return blocks + read_timeout if blocks else None
