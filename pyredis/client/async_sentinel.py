"""The client of sentinels: which server is the primary now, asked of whichever sentinel answers."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from types import TracebackType
from typing import Final, Literal, Self, TypeAlias, cast

from pyredis.address import TcpAddress
from pyredis.client.cluster_map import addresses_of
from pyredis.connection.async_connection import AsyncConnection
from pyredis.exceptions import (
    ProtocolError,
    PyRedisConnClosed,
    PyRedisConnError,
    PyRedisError,
    ReplyError,
)
from pyredis.options import TlsOptions
from pyredis.types import Argument, Map, Reply, plain

__all__ = ["AsyncSentinelClient", "Facts"]

Facts: TypeAlias = "dict[bytes | str, bytes | str]"
"""What a sentinel says of a server: fields and values, str where the client has an encoding."""

_DOWN: Final = frozenset({"s_down", "o_down", "disconnected"})


class AsyncSentinelClient:
    """A connection to one of several sentinels; to the next one when that does not answer.

    ``sentinels`` is a list of ``(host, port)``. Any task may use it at any time. ``password`` and ``username`` are
    those of the sentinels. Questions are answered by the first sentinel that can; PyRedisConnError when none can
    says why of each.
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
    ) -> None:
        self._sentinels = deque(addresses_of("sentinels", sentinels))
        self._connection: AsyncConnection | None = None
        self._closed = False

        def connection(address: TcpAddress) -> AsyncConnection:
            return AsyncConnection(
                address.host,
                address.port,
                None,
                0,
                password,
                encoding,
                conn_timeout,
                read_timeout,
                username,
                tls=tls,
                protocol=protocol,
                client_name=client_name,
                lib_name=lib_name,
            )

        connection(self._sentinels[0])  # which checks the options
        self._make = connection

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {','.join(map(str, self._sentinels))}>"

    @property
    def sentinels(self) -> tuple[TcpAddress, ...]:
        """The sentinels, the one that is asked first in front."""
        return tuple(self._sentinels)

    # -- questions

    async def execute(self, *args: Argument) -> Reply:
        """Return the reply of the first sentinel that answers; raise its ReplyError."""
        return await self._ask(args, lambda reply: True)

    async def get_primary(self, name: str) -> Facts:
        """Return what the sentinels say of the primary of a group: ``ip``, ``port``, ``flags``, ...

        ReplyError when none of them knows the group.
        """
        return _facts(await self._ask(("SENTINEL", "MASTER", name), bool))

    async def get_primaries(self) -> list[Facts]:
        """Return what is said of the primaries of all groups."""
        return _each(await self.execute("SENTINEL", "MASTERS"))

    async def get_replicas(self, name: str) -> list[Facts]:
        """Return what is said of the replicas of a group."""
        # SLAVES rather than REPLICAS: a sentinel of 4.0 knows no other word.
        return _each(await self._ask(("SENTINEL", "SLAVES", name), _is_list))

    async def get_sentinels(self, name: str) -> list[Facts]:
        """Return what is said of the other sentinels of a group."""
        return _each(await self._ask(("SENTINEL", "SENTINELS", name), _is_list))

    get_master = get_primary
    get_masters = get_primaries
    get_slaves = get_replicas

    async def primary_address(self, name: str) -> TcpAddress:
        """Return where the primary of a group is."""
        reply = await self._ask(
            ("SENTINEL", "GET-MASTER-ADDR-BY-NAME", name), lambda reply: reply is not None
        )
        match reply:
            case [host, port]:
                return _address(host, port)
        raise ProtocolError(f"the sentinel answered with something else than the address of {name!r}")

    async def replica_addresses(self, name: str) -> list[TcpAddress]:
        """Return where the replicas of a group are that are up and in step with their primary."""
        return [
            _address(facts["ip"], facts["port"])
            for facts in map(_as_text, await self.get_replicas(name))
            if _DOWN.isdisjoint(facts.get("flags", "").split(","))
            and facts.get("master-link-status", "ok") == "ok"
        ]

    async def next_sentinel(self) -> None:
        """Ask the next sentinel from now on."""
        self._turn(self._sentinels[0])

    async def _ask(self, args: Sequence[Argument], knows: Callable[[Reply], bool]) -> Reply:
        """Return the first reply of a sentinel that knows; raise why there is none."""
        told: dict[TcpAddress, PyRedisError] = {}
        refusal: ReplyError | None = None
        for _ in range(len(self._sentinels)):
            sentinel = self._sentinels[0]
            try:
                reply = await self._ask_this(args)
                if knows(reply):
                    return reply
                refusal = refusal or ReplyError(f"ERR {sentinel} knows of no group with that name")
            except ReplyError as error:
                refusal = refusal or error
                told[sentinel] = error
            except (PyRedisConnError, ProtocolError) as error:
                if self._closed:
                    raise
                told[sentinel] = error
            self._turn(sentinel)
        if refusal is not None:
            raise refusal
        reasons = "; ".join(f"{sentinel}: {error}" for sentinel, error in told.items())
        raise PyRedisConnError(f"no sentinel answers ({reasons})")

    async def _ask_this(self, args: Sequence[Argument]) -> Reply:
        if self._closed:
            raise PyRedisConnClosed(f"{self!r} is closed")
        if self._connection is None or self._connection.closed:
            self._connection = self._make(self._sentinels[0])
        return await self._connection.execute(*args)

    def _turn(self, sentinel: TcpAddress) -> None:
        """Let the next sentinel be the first, unless another task has done so."""
        if self._sentinels[0] == sentinel:
            self._sentinels.rotate(-1)
            if self._connection is not None:
                self._connection.close()
                self._connection = None

    # -- the end

    def close(self) -> None:
        """Close at once; whoever waits gets PyRedisConnClosed."""
        self._closed = True
        if self._connection is not None:
            self._connection.close()

    async def wait_closed(self) -> None:
        """Return when the socket is gone."""
        if self._connection is not None:
            await self._connection.wait_closed()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()
        await self.wait_closed()


def _is_list(reply: Reply) -> bool:
    return isinstance(reply, list)


def _each(reply: Reply) -> list[Facts]:
    if not isinstance(reply, list):
        raise ProtocolError("the sentinel answered with something else than a list of servers")
    return [_facts(entry) for entry in cast("list[Reply]", reply)]


def _facts(reply: Reply) -> Facts:
    """Return the fields of a server, which RESP2 lists flat."""
    reply = plain(reply)
    if isinstance(reply, dict):
        return cast("Facts", reply)
    if not isinstance(reply, list) or isinstance(reply, Map) or len(reply) % 2:
        raise ProtocolError("the sentinel answered with something else than the facts of a server")
    return cast("Facts", dict(zip(reply[::2], reply[1::2], strict=True)))


def _as_text(facts: Facts) -> dict[str, str]:
    return {_text(name): _text(value) for name, value in facts.items()}


def _text(value: object) -> str:
    if isinstance(value, bytes):
        return value.decode("utf-8", "surrogateescape")
    return str(value)


def _address(host: object, port: object) -> TcpAddress:
    try:
        return TcpAddress(_text(host), int(_text(port)))
    except ValueError as error:
        raise ProtocolError(f"the sentinel named no address: {error}") from None
