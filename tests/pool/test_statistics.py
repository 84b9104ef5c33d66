"""What a pool tells its user, the log and the server, and how it looks after its connections' health."""

from __future__ import annotations

import asyncio
import logging
import subprocess
import sys
import textwrap
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from pyredis import (
    AsyncPool,
    PyRedisConnReadTimeout,
    PyRedisError,
    ReplyError,
    Statistics,
    __version__,
)
from tests.conftest import MakeProxy, MakeServer
from tests.hostile import Close, Hear, Hostile, Say
from tests.proxy import BOTH, REPLIES
from tests.servers import Server, until

pytestmark = pytest.mark.usefixtures("no_leaks")


def pool_of(server: Any, **options: Any) -> AsyncPool:
    return AsyncPool(server.host, server.port, **options)


# -- the books


async def test_the_statistics_of_a_pool_are_its_books(server: Server) -> None:
    async with pool_of(server, pool_size=3, acquire_timeout=5) as pool:
        assert pool.statistics == Statistics(0, 0, 0, 0, 0, 0, {})
        first, second = await pool.acquire(), await pool.acquire()
        await pool.execute("PING")
        assert pool.statistics[:4] == (0, 2, 1, 0)
        third = await pool.acquire()
        waiting = asyncio.create_task(pool.execute("BLPOP", "queue", 0))
        await until(lambda: pool.statistics.waiting == 1)
        assert pool.statistics[:4] == (0, 3, 0, 0)
        await pool.release(third)
        await server.until_blocked()
        await pool.release(first)
        assert pool.statistics[:3] == (1, 2, 0)
        await pool.execute("RPUSH", "queue", "x")
        assert await waiting == [b"queue", b"x"]
        await pool.release(second)
        now = pool.statistics
        assert now.idle + now.lanes == 3
        assert (now.leased, now.opening, now.waiting, now.opened, now.closed) == (0, 0, 0, 3, {})


async def test_a_connection_that_is_being_opened_is_counted(server: Server, proxy: MakeProxy) -> None:
    between = await proxy(server)
    between.stall(BOTH)
    async with pool_of(between, database=1) as pool:
        task = asyncio.create_task(pool.execute("PING"))
        await until(lambda: pool.statistics.opening == 1)
        assert pool.statistics.opened == 0
        await between.heal()
        await task
        assert (pool.statistics.opening, pool.statistics.opened) == (0, 1)


async def test_statistics_taken_stay_as_they_were(server: Server) -> None:
    async with pool_of(server, pool_size=2) as pool:
        await pool.execute("PING")
        before = pool.statistics
        async with pool.lease() as client:
            await client.multi()
        assert before.closed == {}
        assert pool.statistics.closed == {"not at rest": 1}


async def test_lease_gives_the_connection_back_whatever_happens(server: Server) -> None:
    async with pool_of(server) as pool:

        async def fail() -> None:
            async with pool.lease():
                assert pool.statistics.leased == 1
                raise ZeroDivisionError

        with pytest.raises(ZeroDivisionError):
            await fail()
        assert pool.statistics[:2] == (1, 0)
        entered = asyncio.Event()

        async def hold() -> None:
            async with pool.lease():
                entered.set()
                await asyncio.Event().wait()

        task = asyncio.create_task(hold())
        await entered.wait()
        task.cancel()
        await asyncio.wait([task])
        assert pool.statistics[:2] == (1, 0)


# -- why connections were closed


async def _lost(pool: AsyncPool, server: Server) -> None:
    number = await pool.execute("CLIENT", "ID")
    server.command("CLIENT", "KILL", "ID", number)  # type: ignore[arg-type]
    await until(lambda: pool.statistics.lanes == 0)


async def _timeout(pool: AsyncPool, server: Server) -> None:
    server.command("CLIENT", "PAUSE", 10_000, "WRITE")
    with pytest.raises(PyRedisConnReadTimeout):
        await pool.execute("SET", "k", "v")
    server.command("CLIENT", "UNPAUSE")


async def _not_at_rest(pool: AsyncPool, server: Server) -> None:
    async with pool.lease() as client:
        await client.execute("SELECT", 1)


async def _cancelled(pool: AsyncPool, server: Server) -> None:
    async with pool.lease() as client:
        task = asyncio.create_task(client.execute("BLPOP", "queue", 0))
        await server.until_blocked()
        task.cancel()
        await asyncio.wait([task])


async def _surplus(pool: AsyncPool, server: Server) -> None:
    one, other = await pool.acquire(), await pool.acquire()
    await pool.release(one)
    await pool.release(other)
    pool.pool_size = 1


async def _pool_closed(pool: AsyncPool, server: Server) -> None:
    await pool.execute("PING")
    await pool.close()


@pytest.mark.parametrize(
    ("reason", "provoke"),
    [
        ("lost", _lost),
        ("timeout", _timeout),
        ("not at rest", _not_at_rest),
        ("not at rest", _cancelled),
        ("surplus", _surplus),
        ("pool closed", _pool_closed),
    ],
)
async def test_a_connection_that_was_closed_is_counted_by_its_reason(
    server: Server, reason: str, provoke: Callable[[AsyncPool, Server], Awaitable[None]]
) -> None:
    async with pool_of(server, read_timeout=0.3) as pool:
        await provoke(pool, server)
        assert pool.statistics.closed == {reason: 1}


async def test_a_breach_of_protocol_is_counted_and_what_it_condemns_is_not() -> None:
    script = [Hear(b"GET"), Say(b"?\r\n")]
    async with Hostile(script) as hostile, pool_of(hostile, lib_name=None, close_on_err=True) as pool:
        leases = [await pool.acquire(), await pool.acquire()]
        with pytest.raises(PyRedisError):
            await leases[0].execute("GET", "k")
        for lease in leases:
            await pool.release(lease)
        assert pool.statistics.closed == {"protocol": 1, "condemned": 1}


# -- the log


async def test_the_log_tells_of_connections_that_come_and_go(
    server: Server, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG, "pyredis")
    async with pool_of(server) as pool:
        await _lost(pool, server)
        await pool.execute("GET", "k")
    told = [(record.levelname, record.getMessage()) for record in caplog.records]
    assert ("DEBUG", f"opened a connection to 127.0.0.1:{server.port}") in told
    assert any(level == "WARNING" and "(lost)" in message for level, message in told)
    assert any(level == "DEBUG" and "(pool closed)" in message for level, message in told)


async def test_secrets_are_never_logged(make_server: MakeServer, caplog: pytest.LogCaptureFixture) -> None:
    server = make_server("redis82", "requirepass sesame")
    caplog.set_level(logging.DEBUG)
    async with pool_of(server, password="sesame", read_timeout=0.2, close_on_err=True) as pool:
        async with pool.lease() as client:
            await client.execute("AUTH", "sesame")
            await client.execute("ACL", "SETUSER", "ada", "on", ">countess", "+@all", "~*")
        server.command("CLIENT", "PAUSE", 10_000, "WRITE")
        with pytest.raises(PyRedisConnReadTimeout):
            await pool.execute("SET", "k", "treasure")
        server.command("CLIENT", "UNPAUSE")
        number = await pool.execute("CLIENT", "ID")
        server.command("CLIENT", "KILL", "ID", number)  # type: ignore[arg-type]
        await until(lambda: pool.statistics.lanes == 0)
    async with pool_of(server, password="open", username="barley") as pool:
        with pytest.raises(ReplyError):
            await pool.execute("PING")
    assert "closed a connection" in caplog.text
    for secret in ("sesame", "countess", "treasure", "open,", "barley"):
        assert secret not in caplog.text


async def test_a_program_that_asked_for_no_log_hears_nothing(make_server: MakeServer) -> None:
    server = make_server("redis82")
    program = f"""
        import asyncio, pyredis

        async def main():
            async with pyredis.AsyncPool("127.0.0.1", {server.port}, close_on_err=True) as pool:
                await pool.execute("PING")
                client = await pool.acquire()
                await pool.execute("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")
                while not client.closed:
                    await asyncio.sleep(0)
                try:
                    await client.execute("PING")
                except pyredis.PyRedisConnClosed as error:
                    print("closed")
                await pool.release(client)

        asyncio.run(main())
    """
    done = await asyncio.to_thread(
        subprocess.run,
        [sys.executable, "-c", textwrap.dedent(program)],
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == "closed\n"


# -- the introduction


async def client_facts(pool: AsyncPool) -> dict[str, str]:
    listing = await pool.execute("CLIENT", "INFO")
    assert isinstance(listing, bytes)
    return dict(field.split("=", 1) for field in listing.decode().split())


@pytest.mark.parametrize("protocol", [2, 3])
async def test_the_server_is_told_who_is_calling(server: Server, protocol: Any) -> None:
    async with pool_of(server, client_name="billing", protocol=protocol) as pool:
        facts = await client_facts(pool)
        assert (facts["name"], facts["lib-name"], facts["lib-ver"]) == ("billing", "pyredis", __version__)
        async with pool.lease() as client:
            assert client.at_rest
        assert not pool.statistics.closed
    async with pool_of(server, lib_name="mine") as pool:
        await pool.execute("PING")
        assert (await client_facts(pool))["lib-name"] == "mine"
    async with pool_of(server, lib_name=None) as pool:
        assert (await client_facts(pool))["lib-name"] == ""


async def test_a_refused_introduction_changes_nothing(make_server: MakeServer) -> None:
    server = make_server("redis62")
    async with pool_of(server, client_name="billing") as pool:
        assert await asyncio.gather(*(pool.execute("ECHO", n) for n in range(20))) == [
            b"%d" % n for n in range(20)
        ]
        assert (await client_facts(pool))["name"] == "billing"
        async with pool.lease() as client, pool.lease() as other:
            assert await client.execute("PING") == b"PONG"
            async with other.pipeline() as pipeline:
                await pipeline.execute("PING")
            assert pipeline.replies == [b"PONG"]
            with pytest.raises(ReplyError) as caught:
                await client.execute("GET")
            assert "SETINFO" not in str(caught.value)
        assert await pool.execute_many([("PING",)] * 2) == [b"PONG"] * 2
        assert not pool.statistics.closed


@pytest.mark.parametrize("use", ["shared", "leased", "in bulk"])
async def test_a_refused_introduction_is_not_taken_for_why_the_server_hung_up(
    make_server: MakeServer, use: str
) -> None:
    server = make_server("redis62")
    async with pool_of(server, acquire_timeout=5) as pool:
        if use == "shared":
            for _ in range(2):  # the introduction goes with the second
                await pool.execute("PING")
            wire = pool._lanes[0].wire
        else:
            client = await pool.acquire()
            if use == "in bulk":
                async with client.pipeline() as pipeline:
                    await pipeline.execute("PING")
            else:
                await client.execute("PING")
            assert client._wire is not None
            wire = client._wire
        server.command("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")
        await until(lambda: wire.closed)
        assert str(wire.error) == f"127.0.0.1:{server.port} closed the connection"


async def test_a_user_without_leave_to_introduce_itself_is_served(server: Server) -> None:
    server.command("ACL", "SETUSER", "poor", "on", ">pw", "~*", "+get", "+multi", "+exec", "+subscribe")
    async with pool_of(server, username="poor", password="pw", client_name="billing") as pool:
        assert await asyncio.gather(*(pool.execute("GET", "k") for _ in range(10))) == [None] * 10
        async with pool.lease() as first, pool.lease() as second:
            await first.multi()
            await first.get("k")
            assert await first.exec() == [None]
            await second.multi()
            assert await second.exec() == []
        assert not pool.statistics.closed


# -- health


async def test_an_idle_lane_behind_a_stalled_network_is_replaced_unnoticed(
    server: Server, proxy: MakeProxy
) -> None:
    between = await proxy(server)
    async with pool_of(between, health_check_interval=0.1, read_timeout=1) as pool:
        number = await pool.execute("CLIENT", "ID")
        await until(lambda: pool.statistics.idle == 1)  # idle for so long, it is a lane no more
        between.stall(REPLIES)
        asking = asyncio.create_task(pool.execute("CLIENT", "ID"))
        await until(lambda: pool.statistics.closed)
        assert pool.statistics.closed == {"unchecked": 1}
        await between.heal()
        assert await asking != number


@pytest.mark.parametrize("read_timeout", [None, 1, 60])
async def test_an_idle_lane_rests_when_its_check_is_due_whatever_the_read_timeout(
    server: Server, read_timeout: Any
) -> None:
    async with pool_of(server, health_check_interval=0.1, read_timeout=read_timeout) as pool:
        number = await pool.execute("CLIENT", "ID")
        await until(lambda: pool.statistics[:3] == (1, 0, 0), seconds=5)
        assert await pool.execute("CLIENT", "ID") == number
        assert pool.statistics.opened == 1


@pytest.mark.parametrize("read_timeout", [None, 0.3])
async def test_an_idle_lease_behind_a_stalled_network_is_replaced_unnoticed(
    server: Server, proxy: MakeProxy, read_timeout: Any
) -> None:
    between = await proxy(server)
    async with pool_of(
        between, health_check_interval=0.1, read_timeout=read_timeout, conn_timeout=0.5, close_on_err=True
    ) as pool:
        first, second = await pool.acquire(), await pool.acquire()
        numbers = {await client.execute("CLIENT", "ID") for client in (first, second)}
        await pool.release(first)
        await pool.release(second)
        await until(lambda: min(wire.idle_for for wire in pool._idle) > 0.1)
        between.stall(REPLIES)
        acquiring = asyncio.create_task(pool.acquire())
        await until(lambda: sum(pool.statistics.closed.values()) == 2)
        assert pool.statistics.closed == {"unchecked": 2}
        await between.heal()
        client = await acquiring
        assert await client.execute("CLIENT", "ID") not in numbers
        await pool.release(client)


async def test_a_connection_that_was_used_just_now_is_not_asked(server: Server) -> None:
    def pings() -> int:
        return int(server.info("commandstats").get("cmdstat_ping", "calls=0,").split("=")[1].split(",")[0])

    async with pool_of(server, health_check_interval=60) as pool:
        before = pings()
        for _ in range(5):
            await pool.execute("GET", "k")
            await pool.release(await pool.acquire())
        assert pings() == before


async def test_a_health_check_that_is_cancelled_loses_no_seat(server: Server, proxy: MakeProxy) -> None:
    between = await proxy(server)
    async with pool_of(between, health_check_interval=0.05, pool_size=1) as pool:
        await pool.release(await pool.acquire())
        await until(lambda: pool._idle[0].idle_for > 0.05)
        between.stall(REPLIES)
        acquiring = asyncio.create_task(pool.acquire())
        await until(lambda: pool.statistics.leased == 1)
        acquiring.cancel()
        await asyncio.wait([acquiring])
        await between.heal()
        assert sum(pool.statistics[:5]) == 0
        assert await pool.execute("PING") == b"PONG"


async def test_a_server_that_says_no_to_the_check_is_alive() -> None:
    script = [Hear(b"GET"), Say(b"$1\r\na\r\n"), Hear(b"PING"), Say(b"-NOPERM no\r\n"), Hear(b"GET")]
    async with (
        Hostile([*script, Say(b"$1\r\nb\r\n")], [Close()]) as hostile,
        pool_of(hostile, lib_name=None, health_check_interval=0.05) as pool,
    ):
        assert await pool.execute("GET", "k") == b"a"
        await until(lambda: pool.statistics.idle == 1)
        assert await pool.execute("GET", "k") == b"b"
