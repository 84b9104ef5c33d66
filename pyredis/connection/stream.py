"""The asyncio socket of one connection.

It moves bytes between the network, a decoder and a conversation, keeps the one deadline that matters (that of
the reply due next) on one timer, and dies at the first thing that is out of step. Who may use it, and when, is
for handles and pools to say.
"""

from __future__ import annotations

import asyncio
import errno
import os
import re
import select
import socket
from collections.abc import Callable, Sequence
from typing import Any

from pyredis.address import Address, TcpAddress
from pyredis.commands.spec import Spec
from pyredis.connection.conversation import Conversation, Exchange
from pyredis.connection.handshake import handshake
from pyredis.exceptions import (
    ProtocolError,
    PyRedisConnClosed,
    PyRedisConnError,
    PyRedisConnReadTimeout,
    PyRedisError,
    ReplyError,
)
from pyredis.options import ConnectionOptions
from pyredis.resp import INCOMPLETE, make_decoder
from pyredis.resp.encode import pack
from pyredis.types import Reply

__all__ = ["Wire", "open_wire"]

_KEEPALIVE_SECONDS = 15
_HAPPY_EYEBALLS_SECONDS = 0.25


async def open_wire(address: Address, options: ConnectionOptions) -> Wire:
    """Return a connection that has shaken hands, within ``conn_timeout`` in all.

    Raises PyRedisConnError when there is nobody to talk to and the ReplyError of a refused AUTH or SELECT; the
    socket is closed then.
    """
    wire = Wire(address, options)
    try:
        async with asyncio.timeout(options.conn_timeout):
            await _connect(wire)
            await wire.shake_hands()
    except BaseException as error:
        wire.abort()
        if isinstance(error, TimeoutError) and not error.errno:
            raise PyRedisConnError(
                f"no answer from {address} within {options.conn_timeout:g} seconds; "
                "check the address, or allow more with conn_timeout",
                address=str(address),
            ) from None
        if isinstance(error, OSError):
            raise _unreachable(address, error) from None
        if isinstance(error, PyRedisConnClosed):
            raise PyRedisConnError(
                f"{address} closed the connection while it was being opened", address=str(address)
            ) from None
        raise
    return wire


async def _connect(wire: Wire) -> None:
    loop = asyncio.get_running_loop()
    address = wire.address
    if isinstance(address, TcpAddress):
        await loop.create_connection(
            lambda: wire, address.host, address.port, happy_eyeballs_delay=_HAPPY_EYEBALLS_SECONDS
        )
    else:
        await loop.create_unix_connection(lambda: wire, address.path)


def _unreachable(address: Address, error: OSError) -> PyRedisConnError:
    """Return the network's refusal in one line that names the address and the mend."""
    if isinstance(error, socket.gaierror) and isinstance(address, TcpAddress):
        reason, mend = f"the host name {address.host!r} cannot be resolved", "check its spelling"
    else:
        number = error.errno or _first_errno(str(error))
        reason = os.strerror(number).lower() if number else str(error)
        mend = _MENDS.get(number, "check the address and the network")
    return PyRedisConnError(f"cannot connect to {address}: {reason}; {mend}", address=str(address))


def _first_errno(text: str) -> int:
    # asyncio joins the failures of several addresses of one name into one text.
    found = re.search(r"\[Errno (\d+)\]", text)
    return int(found[1]) if found else 0


_MENDS = {
    errno.ECONNREFUSED: "is a server running there?",
    errno.ENOENT: "is a server running, with that unixsocket?",
    errno.EACCES: "this user may not open the socket",
}


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
            self.conversation = Conversation(self.options.database, self.options.username, done.value)

    async def execute(self, argv: Sequence[bytes], spec: Spec | None) -> Reply:
        """Return the reply of a command that has the connection to itself; raise its ReplyError.

        A caller that stops waiting leaves a reply owed, so the connection is closed.
        """
        exchange = self.send(argv, spec, _limit(argv, spec, self.options.read_timeout))
        try:
            reply = await self._outcome(exchange)
        except asyncio.CancelledError:
            if exchange.due:
                self.abort(PyRedisConnClosed("a command was cancelled before its reply came"))
            raise
        if isinstance(reply, ReplyError):
            reply.command = exchange.name or None
            raise reply
        return reply

    def send(self, argv: Sequence[bytes], spec: Spec | None, limit: float | None) -> Exchange:
        """Write a command and return its exchange, whose reply must come within ``limit`` seconds."""
        if self.error is not None or self._transport is None:
            raise self._never_sent()
        exchange = self.conversation.say(argv, spec)
        exchange.limit = limit
        exchange.waiter = self._loop.create_future()
        if not exchange.due:
            exchange.waiter.set_result(None)
        elif self.conversation.owed == 1:
            self._head_since = self._loop.time()
            self._watch(exchange)
        self._transport.write(pack(argv))
        self._flushed = not self._transport.get_write_buffer_size()
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
        """Whether it may be handed to somebody else: open, at rest, and nothing waits in the socket."""
        return (
            self.error is None
            and self.conversation.at_rest
            and not self._decoder.pending
            and not self._readable()
        )

    def _readable(self) -> bool:
        """Whether the socket holds bytes or an end of file that the event loop has not seen yet."""
        if self._transport is None or not hasattr(select, "poll"):
            return False
        poll = select.poll()
        poll.register(self._transport.get_extra_info("socket").fileno(), select.POLLIN)
        return bool(poll.poll(0))

    def abort(self, error: PyRedisError | None = None) -> None:
        """Close at once; whoever waits for a reply gets ``error``."""
        self._end(error or PyRedisConnClosed(f"the connection to {self.address} is closed"), lost=False)

    async def wait_closed(self) -> None:
        """Return when the socket is gone."""
        if self._transport is not None:
            await asyncio.shield(self._gone)

    def pause(self) -> None:
        """Read nothing more until ``resume``: what comes is more than the holder can take."""
        if self._transport is not None and not self._transport.is_closing():
            self._transport.pause_reading()

    def resume(self) -> None:
        if self._transport is not None and not self._transport.is_closing():
            self._transport.resume_reading()

    # -- what the event loop calls

    def connection_made(self, transport: Any) -> None:
        self._transport = transport
        if self.error is not None:
            transport.abort()
            return
        sock = transport.get_extra_info("socket")
        if isinstance(self.address, TcpAddress):
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
            if hasattr(socket, "TCP_KEEPIDLE"):
                sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, _KEEPALIVE_SECONDS)

    def data_received(self, chunk: bytes) -> None:
        try:
            self._take_in(chunk)
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
        reason = f"{self.address} closed the connection" if exc is None else f"lost {self.address}: {exc}"
        self._end(PyRedisConnClosed(reason))
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

    def _never_sent(self) -> PyRedisConnClosed:
        reason = f": {self.error}" if self.error else ""
        return PyRedisConnClosed(
            f"the connection to {self.address} is closed{reason}", address=str(self.address), sent=False
        )

    def _end(self, error: PyRedisError, *, lost: bool = True) -> None:
        """Close, once; give every waiter the error, a SHUTDOWN or QUIT its success."""
        if self.error is not None:
            return
        if isinstance(error, PyRedisConnClosed):
            error.address = str(self.address)
            error.sent = self._sent()
        self.error = error
        self.lost = lost
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        while (exchange := self.conversation.drop_head()) is not None:
            if not (exchange.effect in _ENDS_CONNECTION and isinstance(error, PyRedisConnClosed)):
                exchange.error = error
            if not exchange.waiter.done():
                exchange.waiter.set_result(None)
        if self._transport is not None:
            self._transport.abort()


_ENDS_CONNECTION = frozenset({"shutdown", "quit"})


def _limit(argv: Sequence[bytes], spec: Spec | None, read_timeout: float | None) -> float | None:
    """Return the seconds within which the reply must come: a blocking command may block first."""
    if spec is None or not spec.blocking or read_timeout is None:
        return read_timeout
    blocks = spec.blocks_for(argv)
    if blocks is None:
        return read_timeout
    return blocks + read_timeout if blocks else None
