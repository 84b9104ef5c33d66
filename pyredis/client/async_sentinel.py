"""The client of sentinels: which server is the primary now, asked of whichever sentinel answers.

It knows whom to ask next, and what an answer must look like to be one; a sentinel that is silent, dead or talks
nonsense costs a moment. Whether an answer is true it cannot know: that is for whoever connects to what was named.
"""

from __future__ import annotations

import asyncio
import warnings
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from itertools import chain
from types import TracebackType
from typing import Final, Literal, NamedTuple, Self, TypeAlias, TypeVar, cast

from pyredis.address import TcpAddress, checked_natmap, reached
from pyredis.client.cluster_map import addresses_of
from pyredis.commands.spec import find
from pyredis.connection.lane import Lane
from pyredis.connection.opening import open_wire
from pyredis.exceptions import (
    ProtocolError,
    PyRedisConnClosed,
    PyRedisConnError,
    PyRedisError,
    ReplyError,
    StatefulCommand,
)
from pyredis.options import ConnectionOptions, TlsOptions, checked_tls
from pyredis.resp.encode import argv
from pyredis.types import Argument, Reply

__all__ = ["AsyncSentinelClient", "Facts", "Named"]

T = TypeVar("T")

Facts: TypeAlias = "dict[bytes | str, bytes | str]"
"""What a sentinel says of a server: fields and values, str where the client has an encoding."""

_IMPATIENCE: Final = 0.25  # seconds for one sentinel to answer, before the next one is asked as well
_DOWN: Final = frozenset({"s_down", "o_down", "disconnected"})


class Named(NamedTuple):
    """A server, and which sentinel named it."""

    address: TcpAddress
    sentinel: TcpAddress


class AsyncSentinelClient:
    """Answers of several sentinels, from whichever gives one first.

    ``sentinels`` is a list of ``(host, port)``. Any task may ask at any time: one connection to the sentinel that
    answered last is kept and shared. The next sentinel is asked when one fails, and also while one is silent;
    PyRedisConnError when none has an answer says why of each. ``password`` and ``username`` are those of the
    sentinels, the other options those of ``ConnectionOptions``. ``natmap`` says where servers are reached that the
    sentinels call by other addresses; what is said of a server stays as it is said. It belongs to the event loop
    that uses it first.
    """

    def __init__(
        self,
        sentinels: Sequence[tuple[str, int]],
        password: str | bytes | None = None,
        username: str | None = None,
        encoding: str | None = None,
        conn_timeout: float | None = 0.5,
        read_timeout: float | None = 0.5,
        *,
        tls: TlsOptions | bool | None = None,
        protocol: Literal[2, 3] = 2,
        client_name: str | None = None,
        lib_name: str | None = "pyredis",
        family: Literal[0, 4, 6] = 0,
        natmap: Mapping[TcpAddress, TcpAddress] | None = None,
    ) -> None:
        self._sentinels = deque(dict.fromkeys(addresses_of("sentinels", sentinels)))
        self._options = ConnectionOptions(
            password=password,
            username=username,
            encoding=encoding,
            conn_timeout=conn_timeout,
            read_timeout=read_timeout,
            tls=checked_tls(tls),
            protocol=protocol,
            client_name=client_name,
            lib_name=lib_name,
            family=family,
        )
        self._natmap = checked_natmap(natmap)
        self._lanes: dict[TcpAddress, Lane] = {}
        self._asking: set[asyncio.Task[object]] = set()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._closed = False

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {','.join(map(str, self._sentinels))}>"

    @property
    def sentinels(self) -> tuple[TcpAddress, ...]:
        """The sentinels, the one that is asked first in front."""
        return tuple(self._sentinels)

    # -- questions

    async def get_primary(self, name: str) -> Facts:
        """Return what the sentinels say of the primary of a group: ``ip``, ``port``, ``flags``, ...

        ReplyError when none of them knows the group; that is so for all questions about one.
        """
        return await self._ask(("SENTINEL", "MASTER", name), _facts)

    async def get_primaries(self) -> list[Facts]:
        """Return what is said of the primaries of all groups."""
        return await self._ask(("SENTINEL", "MASTERS"), _each)

    async def get_replicas(self, name: str) -> list[Facts]:
        """Return what is said of the replicas of a group."""
        # SLAVES rather than REPLICAS: a sentinel of 4.0 knows no other word.
        return await self._ask(("SENTINEL", "SLAVES", name), _each)

    async def get_sentinels(self, name: str) -> list[Facts]:
        """Return what is said of the other sentinels of a group."""
        return await self._ask(("SENTINEL", "SENTINELS", name), _each)

    get_master = get_primary
    get_masters = get_primaries
    get_slaves = get_replicas

    async def primary_address(self, name: str) -> TcpAddress:
        """Return where the primary of a group is."""
        return (await self.named_primary(name)).address

    async def named_primary(self, name: str) -> Named:
        """Return where the primary of a group is, and who says so."""
        question = ("SENTINEL", "GET-MASTER-ADDR-BY-NAME", name)
        sentinel, address = await self._first_answer(question, partial(_primary, name))
        return Named(reached(address, self._natmap), sentinel)

    async def replica_addresses(self, name: str) -> list[TcpAddress]:
        """Return where the replicas of a group are that are up and in step with their primary."""
        return [named.address for named in (await self.named_replicas(name))[0]]

    async def named_replicas(self, name: str) -> tuple[list[Named], list[Named]]:
        """Return where the replicas of a group are that are up, and who says so.

        First those that are in step with their primary, then those that may be behind.
        """
        sentinel, up = await self._first_answer(("SENTINEL", "SLAVES", name), _up)
        there = [(Named(reached(address, self._natmap), sentinel), follows) for address, follows in up]
        in_step = [named for named, follows in there if follows]
        behind = [named for named, follows in there if not follows]
        return in_step, behind

    async def execute(self, *args: Argument) -> Reply:
        """Return the reply to any command; raise its ReplyError.

        It goes to the next sentinel only while it was certainly not sent: it may be one that must not be
        executed twice, such as SENTINEL FAILOVER. StatefulCommand when it would change the connection.
        """
        spec = find(argv(args, self._options.encoding))
        if spec is not None and spec.stateful:
            raise StatefulCommand(f"{spec.name} changes the state of its connection; use an AsyncConnection")
        return await self._ask(args, _whatever, once=True)

    async def next_sentinel(self) -> None:
        """Ask the next sentinel from now on."""
        self.pass_over(self._sentinels[0])

    def pass_over(self, sentinel: TcpAddress) -> None:
        """Ask another sentinel first from now on, unless that is so already."""
        if self._sentinels[0] == sentinel:
            self._sentinels.rotate(-1)
        if len(self._sentinels) > 1:
            self._hang_up(sentinel)

    # -- whom to ask

    async def _ask(self, args: Sequence[Argument], read: Callable[[Reply], T], *, once: bool = False) -> T:
        """Return the first answer that ``read`` can make something of."""
        _, answer = await self._first_answer(args, read, once=once)
        return answer

    async def _first_answer(
        self, args: Sequence[Argument], read: Callable[[Reply], T], *, once: bool = False
    ) -> tuple[TcpAddress, T]:
        """Return who gave the first answer that ``read`` can make something of, and that; raise why there is none.

        ``once``: a sentinel is asked only when the one before was certainly not.
        """
        self._check_usable()
        words = argv(args, self._options.encoding)
        sentinel, answer = await self._ask_in_turn(words, read, once=once)
        self._prefer(sentinel)
        return sentinel, answer

    async def _ask_in_turn(
        self, words: tuple[bytes, ...], read: Callable[[Reply], T], *, once: bool
    ) -> tuple[TcpAddress, T]:
        waiting: Iterator[TcpAddress] = iter(self.sentinels)
        asked: dict[asyncio.Task[T], TcpAddress] = {}
        told: dict[TcpAddress, PyRedisError] = {}
        try:
            while True:
                sentinel = next(waiting, None)
                if sentinel is not None:
                    asked[self._begin(sentinel, words, read)] = sentinel
                elif not asked:
                    raise _unanswered(told)
                limit = None if once or sentinel is None else _IMPATIENCE
                done, _ = await asyncio.wait(asked, timeout=limit, return_when=asyncio.FIRST_COMPLETED)
                self._check_usable()
                for task in done:
                    sentinel = asked.pop(task)
                    try:
                        return sentinel, task.result()
                    except ReplyError as error:
                        told[sentinel] = error
                    except PyRedisError as error:
                        told[sentinel] = error
                        self.pass_over(sentinel)
                    if once and not _never_sent(told[sentinel]):
                        raise told[sentinel]
        finally:
            for task in asked:
                task.cancel()
            await asyncio.gather(*asked, return_exceptions=True)

    def _begin(
        self, sentinel: TcpAddress, words: tuple[bytes, ...], read: Callable[[Reply], T]
    ) -> asyncio.Task[T]:
        async def answer() -> T:
            return read(await self._answer(sentinel, words))

        task = asyncio.get_running_loop().create_task(answer())
        self._asking.add(task)
        task.add_done_callback(self._asking.discard)
        return task

    async def _answer(self, sentinel: TcpAddress, words: tuple[bytes, ...]) -> Reply:
        lane = self._lanes.get(sentinel)
        if lane is None or lane.wire.closed or not (lane.owed or lane.wire.sound()):
            lane = await self._open_lane(sentinel)
        reply: Reply = await lane.ask(words)
        return reply

    async def _open_lane(self, sentinel: TcpAddress) -> Lane:
        """Return a new connection to a sentinel, or the one that another task has opened meanwhile."""
        wire = await open_wire(sentinel, self._options)
        kept = self._lanes.get(sentinel)
        if self._closed:
            wire.abort()
            self._check_usable()
        if kept is not None and not kept.wire.closed:
            wire.abort()
            return kept
        lane = self._lanes[sentinel] = wire.share()
        return lane

    def _check_usable(self) -> None:
        """Refuse a client that is closed, or that belongs to another event loop or process."""
        if self._closed:
            raise PyRedisConnClosed(f"{self!r} is closed")
        loop = asyncio.get_running_loop()
        if self._loop is None:
            self._loop = loop
        elif self._loop is not loop:
            raise PyRedisError(
                f"{self!r} belongs to another event loop or process; make a client in each that needs one"
            )

    def _prefer(self, sentinel: TcpAddress) -> None:
        """Ask a sentinel first from now on, and keep no idle connection to the others."""
        while self._sentinels[0] != sentinel:
            self._sentinels.rotate(-1)
        for other in [other for other in self._lanes if other != sentinel]:
            self._hang_up(other)

    def _hang_up(self, sentinel: TcpAddress) -> None:
        lane = self._lanes.get(sentinel)
        if lane is not None and not lane.owed:
            del self._lanes[sentinel]
            lane.wire.abort()

    # -- the end

    def close(self) -> None:
        """Close at once; whoever waits gets PyRedisConnClosed."""
        self._closed = True
        for task in self._asking:
            task.cancel()
        for lane in self._lanes.values():
            lane.wire.abort(PyRedisConnClosed(f"{self!r} was closed"), reason="client closed")

    async def wait_closed(self) -> None:
        """Return when the sockets are gone."""
        await asyncio.gather(*self._asking, return_exceptions=True)
        for lane in self._lanes.values():
            await lane.wire.wait_closed()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()
        await self.wait_closed()

    def __del__(self) -> None:
        if self.drop():
            unclosed = f"unclosed {self!r}; close() it, or use async with"
            warnings.warn(unclosed, ResourceWarning, stacklevel=2, source=self)

    def drop(self) -> bool:
        """Close every connection, from whatever event loop or none; return whether any was open."""
        wires = [
            lane.wire for lane in self.__dict__.get("_lanes", {}).values()
        ]  # none when options were refused
        unclosed = any(not wire.closed for wire in wires)
        for wire in wires:
            wire.abort()
        return unclosed


def _never_sent(error: PyRedisError) -> bool:
    return isinstance(error, PyRedisConnError) and error.sent is False


def _unanswered(told: dict[TcpAddress, PyRedisError]) -> PyRedisError:
    """Return why there is no answer: the sentinels' refusal when all of them refuse."""
    refusals = [error for error in told.values() if isinstance(error, ReplyError)]
    if len(refusals) == len(told):
        return refusals[0]
    reasons = "; ".join(f"{sentinel}: {error}" for sentinel, error in told.items())
    error = PyRedisConnError(f"no sentinel answers ({reasons})")
    error.causes = tuple(told.values())
    return error


# -- what an answer must look like


def _whatever(reply: Reply) -> Reply:
    return reply


def _primary(name: str, reply: Reply) -> TcpAddress:
    match reply:
        case None:
            raise ReplyError(f"ERR the sentinel knows of no group {name!r}")
        case [host, port]:
            return _address(host, port)
    raise ProtocolError("the sentinel answered with something else than an address")


def _up(reply: Reply) -> list[tuple[TcpAddress, bool]]:
    """Return where those of the replicas are that are up, and whether each is in step with its primary."""
    return [
        (_address(facts.get("ip"), facts.get("port")), facts.get("master-link-status", "ok") == "ok")
        for facts in map(_as_text, _each(reply))
        if _DOWN.isdisjoint(facts.get("flags", "").split(","))
    ]


def _each(reply: Reply) -> list[Facts]:
    if not isinstance(reply, list):
        raise ProtocolError("the sentinel answered with something else than a list of servers")
    return [_facts(entry) for entry in cast("list[Reply]", reply)]


def _facts(reply: Reply) -> Facts:
    """Return the fields of a server, which RESP2 lists flat."""
    flat = [*chain.from_iterable(reply.items())] if isinstance(reply, dict) else reply
    if not isinstance(flat, list) or len(flat) % 2 or not all(map(_is_word, flat)):
        raise ProtocolError("the sentinel answered with something else than the facts of a server")
    return cast("Facts", dict(zip(flat[::2], flat[1::2], strict=True)))


def _is_word(word: object) -> bool:
    return isinstance(word, (bytes, str))


def _as_text(facts: Facts) -> dict[str, str]:
    return {_text(name): _text(value) for name, value in facts.items()}


def _text(word: bytes | str) -> str:
    return word.decode("utf-8", "surrogateescape") if isinstance(word, bytes) else word


def _address(host: object, port: object) -> TcpAddress:
    try:
        return TcpAddress(_text(cast("bytes", host)), int(cast("bytes", port)))
    except (TypeError, ValueError):
        raise ProtocolError("the sentinel named a server without a proper address") from None
