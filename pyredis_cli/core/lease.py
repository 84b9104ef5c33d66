"""Connections that block, in the place of a pool's: a session over them needs no event loop.

Their coroutines never wait for one, so ``run_now`` runs whatever awaits nothing else. Commands may also be sent
many at once: ``begin`` sends, ``answers`` gives the replies in order as they come, and neither lets the network
stand still for the other.
"""

from __future__ import annotations

import select
from collections import deque
from time import monotonic

from pyredis.commands.spec import FAREWELLS, find, reply_limit
from pyredis.connection.blocking import BlockingConnection
from pyredis.connection.conversation import DEFAULT_USER, Conversation, Exchange, Run, Unasked
from pyredis.connection.failures import timed_out
from pyredis.exceptions import (
    ProtocolError,
    PyRedisConnClosed,
    PyRedisConnReadTimeout,
    PyRedisError,
    ReplyError,
)
from pyredis.records import replace
from pyredis.resp.decode import TypedDecoder
from pyredis.resp.encode import argv, pack, pack_rows
from pyredis.resp.runs import leading_run
from pyredis.types import Push
from pyredis_cli.core.rows import Rows

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Mapping, Sequence
    from typing import Any, Final, Literal, TypeVar

    from pyredis.address import Address
    from pyredis.options import ConnectionOptions
    from pyredis.types import Argument, Reply

    T = TypeVar("T")

__all__ = ["BlockingPool", "Lease", "run_now"]

_LONG: Final = 8 * 1024  # bytes of a command from where on joining its parts is faster than hiredis


def run_now(work: Coroutine[Any, Any, T]) -> T:
    """Return what comes of a coroutine that waits for no event loop."""
    try:
        work.send(None)
    except StopIteration as done:
        value: T = done.value
        return value
    work.close()
    raise RuntimeError("this needs an event loop")


class BlockingPool:
    """Opens a blocking connection whenever one is asked for, and closes it when it comes back."""

    def __init__(self, address: Address, options: ConnectionOptions) -> None:
        self.address = address
        self.database = options.database
        self.protocol = options.protocol
        self.client_name = options.client_name
        self.read_only = options.read_only
        self._options = options

    def like(self, **changes: Any) -> BlockingPool:
        """Return a pool for the same server, with the same options but for these."""
        return BlockingPool(self.address, replace(self._options, **changes))

    async def acquire(self) -> Lease:
        """Return a new connection; raises why there is none."""
        return Lease(BlockingConnection.open(self.address, self._options), self)

    async def release(self, lease: Lease) -> None:
        lease.close()

    async def close(self) -> None:
        """Do nothing: whoever holds a connection closes it."""


class Lease:
    """One blocking connection, and the account of what is owed on it."""

    def __init__(self, connection: BlockingConnection, pool: BlockingPool) -> None:
        options = connection.options
        user = options.username or (None if options.password is None else DEFAULT_USER)
        self.pool = pool
        self.address = connection.address
        self.error: PyRedisError | None = None
        """Why the connection is closed; None while it is open."""
        self.name_refused = connection.name_refused
        """Why the server does not show ``client_name``."""
        self.received = 0
        """How many bytes have come so far."""
        self.silence = 0.0
        """For how many seconds nothing came before what came last, while it was waited for."""
        self.unsent = 0
        """How many of the last commands begun were provably not sent whole, once the connection is closed."""
        self._connection = connection
        self._answered = connection.heard
        self._limit = options.read_timeout
        self._read_only = options.read_only
        self._conversation = Conversation(options.database, user, connection.protocol)
        self._conversation.greeting = connection.greeting
        self._decoder = TypedDecoder(max_bulk=options.max_bulk)
        self._unasked: Callable[[Reply], None] | None = None
        self._runs: deque[Run] = deque()
        self._poll = select.poll()
        self._poll.register(connection.fileno(), select.POLLIN)
        self._last_words = ""
        self._since = 0.0  # when something came last, or what is owed was begun
        self._whole = True
        """Whether all that was to be sent has been."""

    def __repr__(self) -> str:
        return f"<Lease {self.address} {'closed' if self.closed else 'open'}>"

    # -- where it stands

    @property
    def closed(self) -> bool:
        return self.error is not None

    @property
    def database(self) -> int:
        return self._conversation.database

    @property
    def username(self) -> str:
        return self._conversation.username

    @property
    def protocol(self) -> int:
        return self._conversation.protocol

    @property
    def greeting(self) -> Mapping[str, Reply]:
        return self._conversation.greeting

    @property
    def in_transaction(self) -> bool:
        return self._conversation.in_transaction

    @property
    def watching(self) -> bool:
        return self._conversation.watching

    @property
    def monitoring(self) -> bool:
        return self._conversation.monitoring

    @property
    def subscriptions(self) -> int:
        return self._conversation.subscriptions

    @property
    def reply_mode(self) -> Literal["on", "off", "skip"]:
        return self._conversation.reply_mode

    @property
    def owes(self) -> bool:
        """Whether a reply is to come."""
        return self._conversation.owed > 0

    @property
    def calm(self) -> bool:
        """Whether a command without an effect gets one plain reply and nothing but that."""
        return self.error is None and self._conversation.calm

    def on_unasked(self, receive: Callable[[Reply], None] | None) -> None:
        """Have pushes, published messages and lines of MONITOR given to ``receive``; None drops them."""
        self._unasked = receive

    def pause(self) -> None:
        """Do nothing: what nobody asks for is not read."""

    def resume(self) -> None:
        """Do nothing, as ``pause`` does."""

    def close(self) -> None:
        """Close at once."""
        self._end(PyRedisConnClosed(f"the connection to {self.address} is closed"))

    async def wait_closed(self) -> None:
        """Return: what is closed is gone."""

    # -- one command

    async def execute(self, *args: Argument) -> Reply:
        """Return the reply of a command; raise its ReplyError, or what ended the connection."""
        words = argv(args)
        spec = find(words)
        self._check_open()
        payload = pack(self._reading(words) if self._read_only else words)
        exchange = self._conversation.say(words, spec)
        limit = reply_limit(words, spec, self._limit)
        self._send(payload)
        while exchange.due and self.error is None:
            self._await(limit, exchange.name)
        if exchange.due and not self._obeyed(exchange):
            raise self._failure()
        reply = exchange.reply
        if isinstance(reply, ReplyError):
            reply.command = exchange.name or None
            raise reply
        return reply

    def _reading(self, words: tuple[bytes, ...]) -> Sequence[bytes]:
        from pyredis.commands.reading import reading

        return reading(words)

    def _obeyed(self, exchange: Exchange) -> bool:
        """Whether the connection ended because the command asked for that."""
        return (
            exchange.effect in FAREWELLS
            and isinstance(self.error, PyRedisConnClosed)
            and self.error.sent is True
        )

    def _failure(self) -> PyRedisError:
        assert self.error is not None
        return self.error

    def _check_open(self) -> None:
        if self.error is not None:
            raise PyRedisConnClosed(
                f"the connection to {self.address} is closed: {self.error}",
                address=str(self.address),
                sent=False,
            )

    # -- many commands

    def begin(self, argvs: Sequence[tuple[bytes, ...]]) -> None:
        """Send commands without effect, which do not block; only while ``calm``.

        On a read-only connection none is sent when one of them is ReadOnlyRefused.

        Where the connection ends before they are all sent, ``answers`` raises why once all replies are taken.
        """
        if self._read_only:
            argvs = [tuple(self._reading(words)) for words in argvs]
        run = self._conversation.tail
        if not isinstance(run, Run):
            run = self._conversation.say_run()
            self._runs.append(run)
        run.due += len(argvs)
        if self.error is not None:
            self.unsent += len(argvs)
            return
        if len(self._runs) == 1 and run.due == len(argvs):
            self._since = monotonic()
        payload = _packed(argvs)
        left = self._send(payload)
        if left:
            self.unsent = _not_whole(argvs, left)

    def answers(self, *, wait: bool) -> list[Reply]:
        """Return replies to what was begun, those that are here or, with ``wait``, at least one.

        A Push among them is none, and came in its place.

        Raises what ended the connection when there are no more.
        """
        replies = self._taken()
        while not replies and self.error is None and self._conversation.owed:
            if not self.heard(0):
                if not wait:
                    break
                self._await(self._limit, "")
            replies = self._taken()
        if not replies and self.error is not None:
            raise self.error
        return replies

    def _taken(self) -> list[Reply]:
        """Take the replies that have come for what was begun."""
        while self._runs:
            run = self._runs[0]
            replies, run.replies = run.replies, []
            if not run.due:
                self._runs.popleft()
            if replies or run.due:
                return replies
        return []

    # -- the network

    def until(self, descriptor: int) -> tuple[bool, bool]:
        """Return whether the descriptor, and whether the connection, has something, once one of them has.

        A reply that is too late ends the connection, which is something, too.
        """
        if self.error is not None or self._connection.pending():
            return False, True
        limit = self._limit if self._conversation.owed else None
        left = None if limit is None else max(0.0, self._since + limit - monotonic())
        poll = select.poll()
        poll.register(descriptor, select.POLLIN)
        poll.register(self._connection.fileno(), select.POLLIN)
        ready = {found for found, _ in poll.poll(None if left is None else left * 1000)}
        if limit is not None and not ready:
            self._end(timed_out(self.address, limit, None, True))
            return False, True
        return descriptor in ready, bool(ready - {descriptor})

    def heard(self, seconds: float | None) -> bool:
        """Return whether something has come within the seconds, None is for ever; it is heard, or was the end."""
        if self.error is not None:
            return False
        if not self._connection.pending() and not self._poll.poll(
            None if seconds is None else max(seconds, 0) * 1000
        ):
            return False
        try:
            chunk = self._connection.receive(0)
        except PyRedisConnReadTimeout:  # over TLS what came may be no data
            return False
        except PyRedisError as lost:
            self._end(lost)
            return True
        if not chunk:
            said = f": {self._last_words}" if self._last_words else ""
            error = self._connection.over(said)
            if isinstance(error, PyRedisConnClosed):
                error.unheard = not self._answered
            self._end(error)
            return True
        self.received += len(chunk)
        now = monotonic()
        self.silence, self._since = now - self._since, now
        self._take(chunk)
        return True

    def _await(self, limit: float | None, name: str) -> None:
        """Hear something; the end of the connection when nothing comes for so long."""
        deadline = None if limit is None else monotonic() + limit
        while not self.heard(None if deadline is None else deadline - monotonic()):
            if deadline is not None and limit is not None and monotonic() >= deadline:
                head = self._conversation.head
                name = name or (head.name if head else "")
                self._end(timed_out(self.address, limit, name or None, True))
                return

    def _send(self, payload: bytes) -> int:
        """Send all of it while replies are heard; return how many bytes the end of the connection has left."""
        rest = memoryview(payload)
        self._whole = False  # nobody executes what has come in part
        while rest and self.error is None:
            try:
                rest = rest[self._connection.send_some(rest) :]
            except PyRedisError as error:
                if unread := self._connection.unread:
                    self._take(unread)
                self._end(error)
                break
            if rest:
                self._await_room()
        self._whole = not rest
        return len(rest)

    def _await_room(self) -> None:
        """Return when there is room to send or something was heard."""
        poll = select.poll()
        poll.register(self._connection.fileno(), select.POLLIN | select.POLLOUT)
        if not poll.poll(None if self._limit is None else self._limit * 1000):
            assert self._limit is not None
            self._end(timed_out(self.address, self._limit, None, None))
        elif self._poll.poll(0):
            self.heard(0)

    def _take(self, chunk: bytes) -> None:
        replies: list[Reply] = []
        if not self._decoder.pending:
            replies, chunk = leading_run(chunk)
        if chunk:
            replies += self._decoder.take(chunk)
        try:
            self._hear(replies)
            if self._decoder.broken is not None:
                raise ProtocolError(self._decoder.broken)
            if self._decoder.pending and not self._conversation.may_hear:
                raise ProtocolError("the server sent the beginning of a reply to no command")
        except ProtocolError as error:
            self._end(error)

    def _hear(self, replies: list[Reply]) -> None:
        conversation = self._conversation
        self._answered = self._answered or bool(replies)
        at = 0
        while at < len(replies):
            head = conversation.head
            if isinstance(head, Run) and type(replies[at]) is not Push:
                at += head.hear(replies, at)
                if not head.due:
                    conversation.drop_head()
                continue
            if head is None and isinstance(reply := replies[at], ReplyError):
                self._last_words = reply.message
            heard = conversation.hear(replies[at])
            at += 1
            if not isinstance(heard, Unasked):
                continue
            if self._runs:  # among replies that are not taken yet
                self._runs[-1].replies.append(heard.reply)
            elif self._unasked is not None:
                self._unasked(heard.reply)

    def _end(self, error: PyRedisError) -> None:
        """Close, once; the first error is the one that counts."""
        if self.error is not None:
            return
        if isinstance(error, PyRedisConnClosed):
            error.address, error.sent = str(self.address), self._whole
        self.error = error
        self._connection.close()


def _packed(argvs: Sequence[tuple[bytes, ...]]) -> bytes:
    """Return the bytes of many commands."""
    if isinstance(argvs, Rows):
        return pack_rows(argvs.words, argvs.width)
    if sum(map(len, argvs[0])) > _LONG:
        return b"".join(map(pack, argvs))
    import hiredis

    pack_command: Any = hiredis.pack_command
    return b"".join(map(pack_command, argvs))


def _not_whole(argvs: Sequence[tuple[bytes, ...]], left: int) -> int:
    """Return how many of the commands are among the last ``left`` bytes, be it in part."""
    count = 0
    for words in reversed(argvs):
        if left <= 0:
            break
        left -= len(pack(words))
        count += 1
    return count
