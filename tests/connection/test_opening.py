"""From a name or a path to a server that answers, past dead addresses, without a leak at any moment."""

from __future__ import annotations

import asyncio
import errno
import socket
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any, Literal, NoReturn, TypeAlias

import pytest

from pyredis import PyRedisConnError, TcpAddress, UnixAddress
from pyredis.connection.dialing import Dialing
from pyredis.connection.opening import dial, open_wire
from pyredis.options import ConnectionOptions
from pyredis.records import replace
from tests.hostile import Close, Hostile, Stall
from tests.servers import Server, free_port, until

Addresses: TypeAlias = Callable[[Sequence[str]], None]
BlackHole: TypeAlias = Callable[[str, int], None]

PATIENT = ConnectionOptions(conn_timeout=60, database=1)
A_MOMENT = 20.0
"""Seconds; much less than a dead address would take, were it waited for."""


@pytest.fixture
def name_of(monkeypatch: pytest.MonkeyPatch) -> Addresses:
    """Return ``name_of([address, ...])``: every name that is looked up from then on has these addresses."""

    def set_addresses(addresses: Sequence[str]) -> None:
        async def getaddrinfo(host: str, port: int, **_: Any) -> list[tuple[Any, ...]]:
            families = [socket.AF_INET6 if ":" in address else socket.AF_INET for address in addresses]
            return [
                (family, socket.SOCK_STREAM, socket.IPPROTO_TCP, "", (address, port))
                for family, address in zip(families, addresses, strict=True)
            ]

        monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", getaddrinfo)

    return set_addresses


@pytest.fixture
def black_hole() -> Iterator[BlackHole]:
    """Return ``black_hole(host, port)``: who connects there hears nothing, not even a refusal."""
    with ExitStack() as stack:

        def dig(host: str, port: int) -> None:
            listener = stack.enter_context(socket.socket())
            listener.bind((host, port))
            listener.listen(0)
            for _ in range(64):  # until the queue of those who wait to be accepted is full
                waiting = stack.enter_context(socket.socket())
                waiting.settimeout(0.1)
                try:
                    waiting.connect((host, port))
                except TimeoutError:
                    return
            pytest.skip("this system lets everybody wait to be accepted")

        yield dig


async def connected(address: TcpAddress | UnixAddress, options: ConnectionOptions = PATIENT) -> None:
    """Open a connection, have it answer, and close it."""
    wire = await open_wire(address, options)
    try:
        assert await wire.execute((b"PING",), None) == b"PONG"
    finally:
        wire.abort()
        await wire.wait_closed()


async def told(address: TcpAddress | UnixAddress, options: ConnectionOptions = PATIENT) -> str:
    """Return why there is no connection."""
    with pytest.raises(PyRedisConnError) as caught:
        await open_wire(address, options)
    assert caught.value.address == str(address)
    assert caught.value.sent is False
    return str(caught.value)


# Several addresses of one name


async def test_a_dead_first_address_costs_a_moment(
    no_leaks: None, redis82: Server, name_of: Addresses, black_hole: BlackHole
) -> None:
    black_hole("127.0.0.2", redis82.port)
    name_of(["127.0.0.2", redis82.host])
    started = time.monotonic()

    await connected(TcpAddress("db.example", redis82.port))

    assert time.monotonic() - started < A_MOMENT


async def test_a_refusal_is_not_waited_for(no_leaks: None, redis82: Server, name_of: Addresses) -> None:
    name_of([*(f"127.0.1.{last}" for last in range(1, 201)), redis82.host])
    started = time.monotonic()

    await connected(TcpAddress("db.example", redis82.port))

    assert time.monotonic() - started < A_MOMENT  # and not 200 head starts


async def test_two_addresses_that_answer_leave_one_connection(
    no_leaks: None, redis82: Server, name_of: Addresses
) -> None:
    name_of([redis82.host, redis82.host])
    wire = await open_wire(TcpAddress("db.example", redis82.port), PATIENT)
    await redis82.until_clients(1)
    wire.abort()
    await wire.wait_closed()


async def test_the_addresses_tried_are_named_when_the_time_is_over(
    no_leaks: None, redis82: Server, name_of: Addresses, black_hole: BlackHole
) -> None:
    port = free_port()
    black_hole("127.0.0.2", port)
    name_of(["127.0.0.2", "127.0.0.3"])

    said = await told(TcpAddress("db.example", port), ConnectionOptions(conn_timeout=0.5))

    assert "no answer from db.example" in said
    assert "(tried 127.0.0.2, 127.0.0.3) within 0.5 seconds; check the address" in said


@pytest.mark.parametrize(
    ("family", "tried"), [(4, ["127.0.0.3"]), (6, ["::1", "::ffff:127.0.0.2"]), (0, ["::1", "127.0.0.3"])]
)
async def test_of_a_host_that_has_both_families_the_preferred_one_is_tried(
    name_of: Addresses, family: Literal[0, 4, 6], tried: list[str]
) -> None:
    name_of(["::1", "::ffff:127.0.0.2", "127.0.0.3"])
    dialing = Dialing(TcpAddress("db.example", free_port()), family)
    with pytest.raises(PyRedisConnError):
        await dial(dialing)
    assert dialing.tried[: len(tried)] == tried
    assert len(dialing.tried) == (len(tried) if family else 3)


async def test_the_other_family_will_do_where_there_is_no_preferred_one(
    no_leaks: None, redis82: Server, name_of: Addresses
) -> None:
    name_of([redis82.host])
    for host in ("db.example", redis82.host):
        await connected(TcpAddress(host, redis82.port), replace(PATIENT, family=6))


def test_a_family_that_there_is_not_is_refused() -> None:
    with pytest.raises(ValueError, match="family must be 4, 6 or 0"):
        replace(PATIENT, family=5)  # type: ignore[arg-type]  # what a caller may do


async def test_a_peer_that_vanished_is_noticed(redis82: Server) -> None:
    with await dial(Dialing(TcpAddress(redis82.host, redis82.port))) as sock:
        assert sock.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE) == 1
        assert sock.getsockopt(socket.IPPROTO_TCP, getattr(socket, "TCP_KEEPIDLE", 0x10)) == 15


async def test_the_families_take_turns(name_of: Addresses) -> None:
    name_of(["::1", "::ffff:127.0.0.2", "127.0.0.3", "127.0.0.4", "127.0.0.5"])
    dialing = Dialing(TcpAddress("db.example", free_port()))
    with pytest.raises(PyRedisConnError):
        await dial(dialing)
    assert dialing.tried == ["::1", "127.0.0.3", "::ffff:127.0.0.2", "127.0.0.4", "127.0.0.5"]


async def test_all_addresses_that_failed_are_named_when_they_are_few(
    no_leaks: None, name_of: Addresses
) -> None:
    address = TcpAddress("db.example", free_port())
    name_of(["127.0.0.2", "127.0.0.3"])
    few = await told(address)
    name_of([f"127.0.0.{last}" for last in range(2, 12)])
    many = await told(address)

    failed = f"cannot connect to {address}: connection refused at"
    assert few == f"{failed} 127.0.0.2 and 127.0.0.3; is a server running there?"
    assert many == f"{failed} 127.0.0.11, the last of 10 addresses; is a server running there?"


@pytest.mark.parametrize("turns", range(12))
async def test_a_race_cancelled_at_any_moment_leaks_no_socket(
    no_leaks: None, redis82: Server, name_of: Addresses, black_hole: BlackHole, turns: int
) -> None:
    black_hole("127.0.0.2", redis82.port)
    name_of(["127.0.0.2", redis82.host, redis82.host])
    opening = asyncio.create_task(open_wire(TcpAddress("db.example", redis82.port), PATIENT))
    for _ in range(turns):
        await asyncio.sleep(0)
    opening.cancel()
    with pytest.raises(asyncio.CancelledError):
        await opening


async def test_a_connection_cancelled_at_any_moment_leaks_no_socket(no_leaks: None, redis82: Server) -> None:
    address = TcpAddress(redis82.host, redis82.port)
    for turns in range(40):
        opening = asyncio.create_task(connected(address))
        for _ in range(turns):
            await asyncio.sleep(0)
        opening.cancel()
        await asyncio.gather(opening, return_exceptions=True)
    await redis82.until_clients(0)


# One address


@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
async def test_an_address_in_numbers_is_not_looked_up(
    redis82: Server, monkeypatch: pytest.MonkeyPatch, host: str
) -> None:
    async def getaddrinfo(*_: object, **__: object) -> NoReturn:
        raise AssertionError("looked up")

    if host == "::1" and not redis82.has_ipv6:
        pytest.skip("no IPv6 here")
    monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", getaddrinfo)
    await connected(TcpAddress(host, redis82.port))


async def test_a_name_is_looked_up(no_leaks: None, redis82: Server) -> None:
    await connected(TcpAddress("localhost", redis82.port))


@pytest.mark.parametrize("host", ["no-such-host.invalid", "a..b", "a\0b", ".", "x" * 70])
async def test_a_name_that_cannot_be_looked_up_is_named(no_leaks: None, host: str) -> None:
    said = await told(TcpAddress(host, 6379))
    assert f"the host name {host!r} cannot be resolved; check its spelling" in said


async def test_a_refusal_is_told(no_leaks: None) -> None:
    address = TcpAddress("127.0.0.1", free_port())
    assert await told(address) == (
        f"cannot connect to {address}: connection refused; is a server running there?"
    )


async def test_a_dead_address_ends_with_conn_timeout(no_leaks: None, black_hole: BlackHole) -> None:
    port = free_port()
    black_hole("127.0.0.2", port)
    assert await told(TcpAddress("127.0.0.2", port), ConnectionOptions(conn_timeout=0.1)) == (
        f"no answer from 127.0.0.2:{port} within 0.1 seconds; check the address, or allow more time to connect"
    )


async def test_a_server_that_never_answers_ends_with_conn_timeout(no_leaks: None) -> None:
    async with Hostile([Stall()]) as server:
        said = await told(
            TcpAddress(server.host, server.port), ConnectionOptions(conn_timeout=0.1, database=1)
        )
    assert "no answer from 127.0.0.1" in said


async def test_a_server_that_hangs_up_at_once_is_told(no_leaks: None) -> None:
    async with Hostile([Close()]) as server:
        said = await told(TcpAddress(server.host, server.port))
    assert "while it was being opened; is that a Redis or Valkey server, and does it want TLS?" in said


async def test_a_tcp_socket_is_kept_alive_and_does_not_dawdle(no_leaks: None, redis82: Server) -> None:
    sock = await dial(Dialing(TcpAddress(redis82.host, redis82.port)))
    transport, _ = await asyncio.get_running_loop().create_connection(asyncio.Protocol, sock=sock)
    assert sock.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE)
    if hasattr(socket, "TCP_KEEPIDLE"):
        assert sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE) == 15
    assert sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
    transport.abort()
    await until(lambda: sock.fileno() == -1)


# Unix sockets


async def test_a_unix_socket_is_connected_to(no_leaks: None, redis82: Server) -> None:
    await connected(UnixAddress(redis82.unix_path))


async def test_a_path_without_a_server_is_told(no_leaks: None, tmp_path: Path) -> None:
    absent, letter = tmp_path / "absent", tmp_path / "letter"
    letter.touch()
    assert "no such file or directory; is a server running, with that unixsocket?" in await told(
        UnixAddress(str(absent))
    )
    assert "connection refused" in await told(UnixAddress(str(letter)))
    assert "too long" in await told(UnixAddress("/" + "x" * 200))


async def test_what_can_be_no_path_is_told(no_leaks: None) -> None:
    assert "it can be no path" in await told(UnixAddress("/run/\ud800"))


async def test_a_unix_socket_whose_queue_is_full_is_asked_again(no_leaks: None, redis82: Server) -> None:
    path = f"{redis82.unix_path}.busy"
    with ExitStack() as stack:
        listener = stack.enter_context(socket.socket(socket.AF_UNIX))
        listener.bind(path)
        listener.listen(0)
        while (code := _ask(stack, path)) == 0:
            continue
        assert code == errno.EAGAIN
        assert "no answer" in await told(UnixAddress(path), ConnectionOptions(conn_timeout=0.05))

        dialing = asyncio.create_task(dial(Dialing(UnixAddress(path))))
        listener.setblocking(False)

        def room_was_made() -> bool:
            with suppress(BlockingIOError):
                stack.enter_context(listener.accept()[0])
            return dialing.done()

        await until(room_was_made)
        (await dialing).close()


def _ask(stack: ExitStack, path: str) -> int:
    asking = stack.enter_context(socket.socket(socket.AF_UNIX))
    asking.setblocking(False)
    return asking.connect_ex(path)
