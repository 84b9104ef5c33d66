"""One connection that stays subscribed: it asks, hears, looks after its health, and comes back when it is lost.

It knows which subscriptions stand and puts what it hears into an inbox. One task does all of it, so that a
caller who stops waiting harms nobody. It does not know its callers: they hold futures, and the inbox.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import count
from typing import Final

from pyredis.address import Address
from pyredis.client.inbox import Inbox
from pyredis.client.messages import Heard, Message, Name, Reconnected, Unsubscribed, heard
from pyredis.connection.async_connection import AsyncConnection
from pyredis.connection.opening import open_wire
from pyredis.connection.stream import Wire
from pyredis.exceptions import (
    CrossSlot,
    MovedError,
    NoPerm,
    PyRedisConnClosed,
    PyRedisError,
    ReplyError,
    may_pass,
)
from pyredis.options import ConnectionOptions, checked_timeout
from pyredis.retry import Backoff
from pyredis.types import Reply

__all__ = ["Loss", "Owner", "Subscriber", "Subscriptions", "may_pass", "size_of"]

_log = logging.getLogger(__name__)

_ENDS: Final[Mapping[bytes, bytes]] = {
    b"UNSUBSCRIBE": b"SUBSCRIBE",
    b"PUNSUBSCRIBE": b"PSUBSCRIBE",
    b"SUNSUBSCRIBE": b"SSUBSCRIBE",
}
"""The commands that end subscriptions, and those that began them."""
_ENDED_BY: Final = {begin: end for end, begin in _ENDS.items()}

_NAMES_AT_ONCE: Final = 1000


class Subscriptions:
    """What is subscribed, told from the commands that succeeded."""

    def __init__(self) -> None:
        self._names: dict[bytes, dict[bytes, None]] = {command: {} for command in _ENDS.values()}

    def note(self, argv: Sequence[bytes]) -> None:
        """Note what a command that succeeded, written in capitals, has changed."""
        command, *names = argv
        if command in self._names:
            self._names[command].update(dict.fromkeys(names))
        elif command in _ENDS:
            standing = self._names[_ENDS[command]]
            for name in names or list(standing):
                standing.pop(name, None)

    def has(self, command: bytes, name: bytes) -> bool:
        """Whether a name was subscribed with SUBSCRIBE, PSUBSCRIBE or SSUBSCRIBE."""
        return name in self._names[command]

    def of(self, command: bytes) -> Sequence[bytes]:
        """Return what was subscribed with SUBSCRIBE, PSUBSCRIBE or SSUBSCRIBE, in the order it was."""
        return tuple(self._names[command])

    def commands(self) -> Iterator[tuple[bytes, ...]]:
        """Yield the commands that bring a new connection to where the old one was."""
        for command, standing in self._names.items():
            names = tuple(standing)
            for at in range(0, len(names), _NAMES_AT_ONCE):
                yield (command, *names[at : at + _NAMES_AT_ONCE])


@dataclass(eq=False, slots=True)
class _Request:
    """A command that somebody waits for; no argv at all asks for nothing but a connection."""

    argv: tuple[bytes, ...]
    answer: asyncio.Future[Reply]

    @property
    def abandoned(self) -> bool:
        return self.answer.done()

    def settle(self, outcome: Reply | PyRedisError) -> None:
        if self.answer.done():
            return
        if isinstance(outcome, PyRedisError):
            self.answer.set_exception(outcome)
        else:
            self.answer.set_result(outcome)


@dataclass(frozen=True, slots=True)
class Loss:
    """How something that was subscribed came to be heard no more."""

    since: float
    """The event loop's time at the last sign of life."""
    error: PyRedisError


class Owner:
    """Whom a subscriber asks about what it cannot know by itself; this one knows nothing better."""

    async def find(self, address: Address) -> Address:
        """Return where to connect to; ``address`` is where it was the last time."""
        return address

    def moved(self, name: bytes, loss: Loss) -> bool:
        """Hear that a shard channel is at another node now; True: it is seen to."""
        return False

    def keeps(self, subscriber: Subscriber, item: Heard) -> bool:
        """Hear what came; True: it is kept back."""
        return False

    def ended(self, subscriber: Subscriber, error: Exception) -> bool:
        """Hear that a subscriber is over; True: its readers need not know."""
        return False


class Subscriber:
    """A connection with subscriptions, opened by the first request and kept until ``close``.

    What it hears goes to ``inbox``, which others may fill as well; ``regulate`` is to be called when that turns
    full or is so no more. A connection that was lost is made again after the waits of ``reconnect``, or, when that
    is None, ends the subscriber with the error of the loss, and the inbox unless its owner knows better.
    """

    def __init__(
        self,
        address: Address,
        options: ConnectionOptions,
        inbox: Inbox[Heard],
        *,
        reconnect: Backoff | None,
        health_check_interval: float | None,
        owner: Owner | None = None,
    ) -> None:
        self.address = address
        self.options = options
        self.subscriptions = Subscriptions()
        self.inbox = inbox
        self._owner = owner or Owner()
        self.error: Exception | None = None
        """Why it is over; None while it is not."""
        self.dismissed = False
        """Whether its holder closed it."""
        if not isinstance(reconnect, (Backoff, type(None))):
            raise TypeError(f"reconnect must be a Backoff or None, not {type(reconnect).__name__}")
        self._backoff = reconnect
        self._interval = checked_timeout("health_check_interval", health_check_interval)
        self.loop: asyncio.AbstractEventLoop | None = None
        self._task: asyncio.Task[None] | None = None
        self._connection: AsyncConnection | None = None
        self._wire: Wire | None = None
        self._requests: list[_Request] = []
        self._wake = asyncio.Event()
        self._asking = False
        self._behind: list[tuple[bytes, bytes]] = []
        """What the server ended after it had answered the command that is being asked."""
        self._paused = False
        self._opened_at = self._heard_at = 0.0
        self._attempt = -1
        self._loss: Loss | None = None
        self._early: list[Heard] | None = None
        """What a new connection brings before the gap is announced; None while there is no gap."""

    # -- what its holder does

    async def ask(self, *argv: bytes) -> Reply:
        """Return the reply of a command, its name in capitals, once the connection stands; else when it does.

        Whoever stops waiting before the command was sent withdraws it; one that was sent is carried out.
        """
        self.check()
        assert self.loop is not None
        request = _Request(argv, self.loop.create_future())
        self._requests.append(request)
        self._wake.set()
        if self._task is None:
            self._task = self.loop.create_task(self._run())
        return await request.answer

    def check(self) -> None:
        """Raise PyRedisConnClosed when it is over, PyRedisError when it belongs to another event loop."""
        self.bind()
        if self.error is not None:
            raise self._closed()

    def bind(self) -> None:
        """Belong to this event loop from now on; PyRedisError when it belongs to another one."""
        loop = asyncio.get_running_loop()
        if self.loop is None:
            self.loop = loop
        elif self.loop is not loop:
            raise PyRedisError(f"this subscriber of {self.address} belongs to another event loop")

    @property
    def busy(self) -> bool:
        """Whether somebody waits for an answer."""
        return bool(self._requests)

    def expected(self, command: bytes) -> Sequence[bytes]:
        """Return what is subscribed with a command, or will be once what was asked for is carried out."""
        return tuple(
            {**dict.fromkeys(self.subscriptions.of(command)), **dict.fromkeys(self._pending(command))}
        )

    def expects(self, command: bytes, names: Sequence[bytes]) -> list[bytes]:
        """Return those of the names that are expected."""
        pending = set(self._pending(command))
        return [name for name in names if name in pending or self.subscriptions.has(command, name)]

    def _pending(self, command: bytes) -> Iterator[bytes]:
        for request in self._requests:
            if request.argv[:1] == (command,):
                yield from request.argv[1:]

    @property
    def heard_at(self) -> float:
        """The event loop's time at the last sign of life."""
        return self._heard_at

    def wire_name(self, name: Name) -> bytes:
        """Return a name as the server spells it."""
        if isinstance(name, bytes):
            return name
        return name.encode(self.options.encoding or "utf-8", "surrogateescape")

    @property
    def running(self) -> bool:
        """Whether it has a connection, or tries to."""
        return self._task is not None and not self._task.done()

    def close(self) -> None:
        """Close at once, from wherever; who waits gets PyRedisConnClosed, what was not read is gone."""
        self.dismissed = True
        if self.loop is None or _running_loop() is self.loop:
            self.end(self._closed(), discard=True)
        elif self.loop.is_closed():
            self.error = self.error or self._closed()  # its tasks are gone, and nobody can be waiting
            self._owner.ended(self, self.error)
        else:
            self.loop.call_soon_threadsafe(self.close)

    async def wait_closed(self) -> None:
        """Return when nothing runs and nothing is open any more; the task of another event loop is its own."""
        if self._task is not None and asyncio.get_running_loop() is self.loop:
            await asyncio.wait({self._task})
        if self._connection is not None:
            await self._connection.wait_closed()

    def _closed(self) -> PyRedisConnClosed:
        reason = f"this subscriber of {self.address} is closed"
        if self.error is not None and not self.dismissed:
            reason = f"{reason}: {self.error}"
        return PyRedisConnClosed(reason, address=str(self.address), sent=False)

    # -- its task

    async def _run(self) -> None:
        try:
            if await self._opened_first():
                while True:
                    await self._serve()
                    await self._restore()
        except asyncio.CancelledError:
            self.end(self._closed())
            raise
        except Exception as error:  # noqa: BLE001  the task has no caller; its readers are told
            self.end(error)

    async def _opened_first(self) -> bool:
        """Open the first connection; who asks for it is told why there is none, and may ask again."""
        try:
            await self._open()
        except PyRedisError as error:
            self._task = None
            self._refuse_requests(error)
            return False
        return True

    async def _open(self) -> None:
        self.address = await self._owner.find(self.address)
        self._wire = await open_wire(self.address, self.options)
        connection = AsyncConnection.over(self._wire)
        connection.on_unasked(self._hear)
        self._connection = connection
        self._paused = False
        self._alive()
        self._opened_at = self._heard_at

    async def _serve(self) -> None:
        """Answer requests and look after the connection's health until it is lost."""
        connection = self._standing()
        gone = asyncio.create_task(connection.wait_closed())
        gone.add_done_callback(lambda _: self._wake.set())
        try:
            while not connection.closed:
                self._wake.clear()
                if self._requests:
                    await self._answer(self._requests[0])
                elif await self._fell_silent():
                    await self._check_health()
        finally:
            gone.cancel()
            connection.close()

    async def _answer(self, request: _Request) -> None:
        """Settle the first request, which stays in the queue until then."""
        outcome: Reply | PyRedisError = None
        if request.argv and not request.abandoned:
            try:
                outcome = await self._ask(*request.argv)
            except ReplyError as error:
                outcome = error
            except PyRedisError as error:
                self._standing().close()
                self._refuse_requests(error)
                return
            else:
                for argv in (request.argv, *self._behind):
                    self.subscriptions.note(argv)
        self._requests.remove(request)
        request.settle(outcome)

    async def _ask(self, *argv: bytes) -> Reply:
        """Return the reply of a command; what is read meanwhile is kept, however much there is."""
        self._asking = True
        self._behind.clear()
        self.regulate()
        try:
            reply = await self._standing().execute(*argv)
        except ReplyError:
            self._alive()
            raise
        else:
            self._alive()
            return reply
        finally:
            self._asking = False
            self.regulate()

    def _refuse_requests(self, error: PyRedisError) -> None:
        """Settle all requests: there is no connection. What was to be unsubscribed no longer is subscribed."""
        requests, self._requests = self._requests, []
        for request in requests:
            if request.argv and request.argv[0] in _ENDS:
                self.subscriptions.note(request.argv)
                request.settle(None)
            else:
                request.settle(error)

    # -- health

    async def _fell_silent(self) -> bool:
        """Return True when nothing was heard for the interval, False when there may be something to do."""
        assert self.loop is not None
        since = self.loop.time() if self._paused else self._heard_at
        try:
            async with asyncio.timeout_at(None if self._interval is None else since + self._interval):
                await self._wake.wait()
        except TimeoutError:
            # Nothing is heard while nothing is read, and a message is a sign of life as well.
            return not self._paused and since == self._heard_at
        return False

    async def _check_health(self) -> None:
        """Close the connection unless it answers a PING, within the interval if there is no ``read_timeout``."""
        limit = self._interval if self.options.read_timeout is None else None
        try:
            async with asyncio.timeout(limit):
                await self._ask(b"PING")
        except ReplyError:
            return  # refused, but alive
        except (PyRedisError, TimeoutError):
            self._standing().close()

    def _alive(self) -> None:
        assert self.loop is not None
        self._heard_at = self.loop.time()

    # -- coming back

    async def _restore(self) -> None:
        """Connect and subscribe again, and announce the gap before anything that was published after it."""
        assert self.loop is not None
        loss = self._standing().error or self._closed()
        if self._backoff is None:
            raise loss
        _log.info("lost the connection to %s: %s", self.address, loss)
        self._loss, self._early = Loss(self._heard_at, loss), []
        try:
            await self._reconnect(self._backoff)
            seconds = self.loop.time() - self._loss.since
            self.inbox.put(Reconnected(self.address, seconds, loss))
            _log.info("reconnected to %s after %.3f seconds", self.address, seconds)
        finally:
            early, self._early = self._early, None
            for item in early:
                self._deliver(item)

    async def _reconnect(self, backoff: Backoff) -> None:
        """Return when all subscriptions stand again; raise what is not going to pass, or the last failure.

        After a connection that was lost soon, the waits go on growing where they had stopped.
        """
        start = 0 if self._heard_at - self._opened_at > backoff.most else self._attempt + 1
        for self._attempt in count(start):
            await asyncio.sleep(backoff.delay(self._attempt, random.random()))
            try:
                await self._open()
                await self._resubscribe()
            except PyRedisError as error:
                self._standing().close()
                # What was heard on it belongs to the gap, which goes on.
                self._early = [item for item in self._early or () if not isinstance(item, Message)]
                self._refuse_requests(error)
                if not (may_pass(error) and backoff.allows(self._attempt - start + 1)):
                    raise
            else:
                return

    async def _resubscribe(self) -> None:
        for argv in self.subscriptions.commands():
            try:
                await self._ask(*argv)
            except (CrossSlot, MovedError):
                for name in argv[1:]:
                    await self._subscribe_again(argv[0], name)
        if not self._standing().subscriptions:
            with contextlib.suppress(NoPerm):
                await self._ask(b"PING")  # that a socket was opened proves little

    async def _subscribe_again(self, command: bytes, name: bytes) -> None:
        try:
            await self._ask(command, name)
        except MovedError:
            assert self._loss is not None
            if not self._owner.moved(name, self._loss):
                raise
            self.subscriptions.note((_ENDED_BY[command], name))

    # -- what comes

    def _hear(self, push: Reply) -> None:
        self._alive()
        item = heard(push)
        if item is None:
            _log.debug("a push of no meaning to a subscriber came from %s", self.address)
            return
        if isinstance(item, Unsubscribed) and self._ended_by_server(item):
            return
        if self._early is None:
            self._deliver(item)
        else:
            self._early.append(item)

    def _ended_by_server(self, item: Unsubscribed) -> bool:
        """Note that a subscription is gone; True: its reader need not know."""
        ended = item.kind.upper().encode(), self.wire_name(item.channel)
        self.subscriptions.note(ended)
        if self._asking and self._wire is not None and not self._wire.conversation.owed:
            self._behind.append(ended)  # whoever asked has not been woken yet to note what was subscribed
        if item.kind != "sunsubscribe":
            return False
        error = PyRedisConnClosed("the slot of a shard channel moved to another node", sent=True)
        return self._owner.moved(ended[1], Loss(self._heard_at, error))

    def _deliver(self, item: Heard) -> None:
        if not self._owner.keeps(self, item):
            self.inbox.put(item, size_of(item))

    def regulate(self) -> None:
        """Read the network unless the inbox is full; a reply that is due is read for in any case."""
        pause = self.inbox.full and not self._asking
        if pause == self._paused or self._connection is None:
            return
        self._paused = pause
        if pause:
            self._connection.pause()
        else:
            self._connection.resume()

    # -- the end

    def _standing(self) -> AsyncConnection:
        assert self._connection is not None
        return self._connection

    def end(self, error: Exception, *, discard: bool = False) -> None:
        """End, once; a later call can only discard what was not read yet."""
        if self.error is None:
            self.error = error
        if self._task is not None and asyncio.current_task() is not self._task:
            self._task.cancel()
        if self._connection is not None:
            self._connection.close()
        self._refuse_requests(error if isinstance(error, PyRedisError) else self._closed())
        if not self._owner.ended(self, error):
            self.inbox.end(error, discard=discard)


def size_of(item: Heard) -> int:
    if not isinstance(item, Message):
        return 0
    payload = item.payload
    return len(item.channel) + (len(payload) if isinstance(payload, (bytes, str)) else 0)


def _running_loop() -> asyncio.AbstractEventLoop | None:
    try:
        return asyncio.get_running_loop()
    except RuntimeError:
        return None
