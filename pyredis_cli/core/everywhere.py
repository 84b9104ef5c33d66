"""One command at many servers at once: which ones there are, and what each of them says.

Servers are asked on connections beside the session, as its user and in its database, so many at a time. What one
of them refuses, or that it is not there, is its answer.
"""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager, suppress
from functools import partial
from time import perf_counter
from typing import TYPE_CHECKING, Final, NamedTuple

from pyredis.address import Address, TcpAddress, reached
from pyredis.cluster.topology import Member, members_in_nodes, members_in_shards
from pyredis.exceptions import NoPerm, PyRedisConnError, PyRedisError, ReplyError
from pyredis.pool.async_pool import AsyncPool
from pyredis.pool.async_sentinel import AsyncSentinelPool

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

    from pyredis.address import NatMap
    from pyredis.client.async_client import AsyncClient
    from pyredis.types import Reply
    from pyredis_cli.core.desk import Desk
    from pyredis_cli.core.session import Session

__all__ = ["Answer", "Everybody", "ask_everybody", "everybody"]

_AT_ONCE: Final = 16
_STEPS: Final = 8  # from a replica of a replica of ... to the primary
_DOWN: Final = frozenset({"s_down", "o_down", "disconnected"})


class Everybody(NamedTuple):
    """The servers that belong together; a ``cluster`` is one whose nodes have slots."""

    members: tuple[Member, ...]
    cluster: bool


class Answer(NamedTuple):
    """What a server said, or the error in its place; ``at_connect``: it was not asked."""

    member: Member
    reply: Reply = None
    error: PyRedisError | None = None
    at_connect: bool = False
    seconds: float = 0.0


# -- who is there


async def everybody(desk: Desk) -> Everybody:
    """Return the nodes of the session's cluster, or the primary and the replicas that its server is one of.

    When that server is not there, other nodes of the cluster are asked. Raises PyRedisError when none tells.
    """
    try:
        return await _seen_by(desk, None)
    except PyRedisConnError:
        for address in desk.session.known_nodes:
            with suppress(PyRedisConnError):
                return await _seen_by(desk, address)
        raise


async def _seen_by(desk: Desk, address: TcpAddress | None) -> Everybody:
    async with _at_home(desk.session) if address is None else _connected(desk.session, address) as client:
        desk.reached = True
        members = await _of_cluster(client)
        if members is None:
            return Everybody(await _of_group(desk.session, client), cluster=False)
        natmap = desk.session.natmap
        there = (member._replace(address=_reached(member.address, natmap)) for member in members)
        return Everybody(tuple(there), cluster=True)


def _reached(address: Address, natmap: NatMap) -> Address:
    return reached(address, natmap) if isinstance(address, TcpAddress) else address


async def _of_cluster(client: AsyncClient) -> tuple[Member, ...] | None:
    """Return the nodes of a cluster, None where there is none.

    6.2 does not know SHARDS, and a user may be allowed one of them alone.
    """
    try:
        reply = await client.execute("CLUSTER", "SHARDS")
        return members_in_shards(reply, client.address, tls=_pool_of(client).tls is not None)
    except ReplyError as error:
        if _is_no_cluster(error):
            return None
        if not isinstance(error, NoPerm) and "unknown" not in error.message.lower():
            raise
    try:
        return members_in_nodes(await client.execute("CLUSTER", "NODES"), client.address)
    except ReplyError as error:
        if _is_no_cluster(error):
            return None
        raise


def _is_no_cluster(error: ReplyError) -> bool:
    return "cluster support disabled" in error.message or "unknown command" in error.message.lower()


async def _of_group(session: Session, client: AsyncClient) -> tuple[Member, ...]:
    """Return a primary and its replicas, those that sentinels know to be down among them."""
    primary, role, up = client.address, await client.execute("ROLE"), True
    named: dict[Address, bool] = {}
    for _ in range(_STEPS):
        named |= _below(role)
        if (above := _above(role)) is None:
            break
        # Only a primary names its replicas, and only those that have their link to it.
        linked = _is_linked(role)
        above = reached(above, session.natmap)
        try:
            async with _connected(session, above) as other:
                role = await other.execute("ROLE")
        except PyRedisError:  # it is its answer that it is not there
            up = linked = False
            role = None
        if not linked or _above(role) is not None:
            named[primary] = True
        primary = above
    named |= await _known_to_sentinels(session)
    found = {_reached(address, session.natmap): there for address, there in named.items()}
    found.pop(primary, None)
    below = [Member(address, "replica", there) for address, there in found.items()]
    return Member(primary, "primary", up), *sorted(below, key=lambda member: str(member.address))


def _above(role: Reply) -> TcpAddress | None:
    """Return the primary that a replica names."""
    match role:
        case [b"slave", bytes(host), int(port), *_]:
            return _address(host, port)
    return None


def _is_linked(role: Reply) -> bool:
    """Whether a replica has its link to the primary that it names."""
    return isinstance(role, list) and len(role) > 3 and role[3] == b"connected"


def _below(role: Reply) -> dict[Address, bool]:
    """Return the replicas that a primary names."""
    match role:
        case [b"master", _, list(replicas)]:
            each = [_address(*replica[:2]) for replica in replicas if isinstance(replica, list)]
            return {address: True for address in each if address is not None}
    return {}


async def _known_to_sentinels(session: Session) -> dict[Address, bool]:
    pool = session.pool
    found: dict[Address, bool] = {}
    if isinstance(pool, AsyncSentinelPool):
        with suppress(PyRedisError):  # those that are up, their primary has told
            for facts in await pool.sentinel.get_replicas(pool.name):
                said = {_text(name): _text(value) for name, value in facts.items()}
                if (address := _address(said.get("ip"), said.get("port"))) is not None:
                    found[address] = not _DOWN.intersection(said.get("flags", "").split(","))
    return found


def _address(host: object, port: object) -> TcpAddress | None:
    try:
        return TcpAddress(_text(host), int(_text(port)))
    except (TypeError, ValueError):
        return None


def _text(value: object) -> str:
    return value.decode("utf-8", "surrogateescape") if isinstance(value, bytes) else str(value)


# -- what they say


async def ask_everybody(
    session: Session, members: Sequence[Member], argv: Sequence[bytes]
) -> tuple[Answer, ...]:
    """Return the answers of these servers to a command, in their order."""
    seats = asyncio.Semaphore(_AT_ONCE)

    async def answer(member: Member) -> Answer:
        async with seats:
            return await _answer(session, member, argv)

    return tuple(await asyncio.gather(*map(answer, members)))


async def _answer(session: Session, member: Member, argv: Sequence[bytes]) -> Answer:
    started = 0.0
    try:
        async with _connected(session, member.address) as client:
            started = perf_counter()
            reply = await client.execute(*argv)
            return Answer(member, reply, seconds=perf_counter() - started)
    except PyRedisError as error:
        seconds = perf_counter() - started if started else 0.0
        return Answer(member, error=error, at_connect=not started, seconds=seconds)


@asynccontextmanager
async def _at_home(session: Session) -> AsyncIterator[AsyncClient]:
    """Lend a connection to where the session is, or will be."""
    client = await session.let_in(session.beside)
    try:
        yield client
    finally:
        await _pool_of(client).release(client)


@asynccontextmanager
async def _connected(session: Session, address: Address) -> AsyncIterator[AsyncClient]:
    client = await session.let_in(partial(session.alone_at, address))
    try:
        yield client
    finally:
        await _pool_of(client).close()


def _pool_of(client: AsyncClient) -> AsyncPool | AsyncSentinelPool:
    assert isinstance(client.pool, AsyncPool | AsyncSentinelPool)
    return client.pool
