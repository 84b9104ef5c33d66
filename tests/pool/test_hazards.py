"""What a trustworthy pool is immune to: hostile bytes, broken networks, foreign loops, forks, forgetfulness."""

from __future__ import annotations

import asyncio
import gc
import os
import random
import socket
from typing import Any

import pytest

from pyredis import (
    AsyncClient,
    AsyncPool,
    NoAuth,
    ProtocolError,
    PyRedisConnClosed,
    PyRedisConnError,
    PyRedisConnReadTimeout,
    PyRedisError,
    ReplyError,
)
from pyredis.connection.stream import Wire
from tests.conftest import MakeProxy, MakeServer
from tests.hostile import Hear, Hostile, Say, Stall
from tests.proxy import BOTH, REPLIES, REQUESTS, Cut
from tests.servers import Server, until

pytestmark = pytest.mark.usefixtures("no_leaks")

GET = Hear(b"GET\r\n$1\r\nk\r\n")


def wire_of(client: AsyncClient) -> Wire:
    assert client._wire is not None
    return client._wire


# -- bytes that nobody asked for


@pytest.mark.parametrize("extra", [b"$1\r\nx\r\n", b"$5\r\nhe", b"+", b"-ERR\r\n", b"*1\r\n"])
@pytest.mark.parametrize("decoder", ["fast", "typed"])
async def test_bytes_behind_a_reply_never_become_the_next_reply(extra: bytes, decoder: Any) -> None:
    scripts = [[GET, Say(b"$1\r\na\r\n" + extra), GET, Say(b"llo\r\n")], [GET, Say(b"$1\r\nb\r\n")]]
    async with (
        Hostile(*scripts) as hostile,
        AsyncPool(hostile.host, hostile.port, lib_name=None, decoder=decoder, read_timeout=1) as pool,
    ):
        client = await pool.acquire()
        assert await client.execute("GET", "k") == b"a"
        await until(lambda: client.closed)
        with pytest.raises(PyRedisConnClosed, match="no command") as caught:
            await client.execute("GET", "k")
        assert caught.value.sent is False
        await pool.release(client)
        assert await pool.execute("GET", "k") == b"b"


async def test_bytes_behind_the_handshake_end_it() -> None:
    async with (
        Hostile([Hear(b"SELECT"), Say(b"+OK\r\n+OK\r\n")]) as hostile,
        AsyncPool(hostile.host, hostile.port, lib_name=None, database=1) as pool,
    ):
        with pytest.raises(ProtocolError, match="no command"):
            await pool.acquire()
        assert not pool._leased


async def test_the_words_of_a_server_that_hangs_up_at_once_are_told(make_server: MakeServer) -> None:
    server = make_server("redis82", "maxclients 1")
    async with AsyncPool(server.host, server.port) as pool:
        server.command("PING")  # the test's own connection is the one
        with pytest.raises(PyRedisError, match="max number of clients"):
            await pool.execute("GET", "k")


@pytest.mark.parametrize(
    "words",
    [
        b"?what\r\n",
        b"$-2\r\n",
        b"*1\r\n:x\r\n",
        b"HTTP/1.1 400 Bad Request\r\n",
        b"*99999999999\r\n",
    ],
)
@pytest.mark.parametrize("decoder", ["fast", "typed"])
async def test_what_is_not_resp_closes_the_connection_and_no_other(words: bytes, decoder: Any) -> None:
    async with (
        Hostile([GET, Say(words)], [GET, Say(b"$1\r\nb\r\n")]) as hostile,
        AsyncPool(hostile.host, hostile.port, lib_name=None, decoder=decoder, read_timeout=1) as pool,
    ):
        with pytest.raises(ProtocolError):
            await pool.execute("GET", "k")
        assert await pool.execute("GET", "k") == b"b"


@pytest.mark.parametrize(
    "code",
    [
        "LOADING",
        "BUSY",
        "MASTERDOWN",
        "READONLY",
        "NOAUTH",
        "CLUSTERDOWN",
        "TRYAGAIN",
        "OOM",
        "MISCONF",
        "XYZ",
    ],
)
async def test_the_servers_no_keeps_the_connection(code: str) -> None:
    no = Say(f"-{code} not now\r\n".encode())
    async with (
        Hostile([GET, no, GET, Say(b"$1\r\na\r\n")]) as hostile,
        AsyncPool(hostile.host, hostile.port, lib_name=None) as pool,
    ):
        with pytest.raises(ReplyError, match=f"^{code} ") as caught:
            await pool.execute("GET", "k")
        assert caught.value.code == code
        assert await pool.execute("GET", "k") == b"a"
        assert hostile.accepted == 1


# -- what a command's error may claim


async def test_a_command_for_a_connection_that_is_breaking_was_never_sent(server: Server) -> None:
    async with AsyncPool(server.host, server.port) as pool:
        client = await pool.acquire()
        transport = wire_of(client)._transport
        assert transport is not None
        transport.abort()
        with pytest.raises(PyRedisConnClosed) as caught:
            await client.execute("INCR", "n")
        assert caught.value.sent is False
        assert server.command("GET", "n") is None


async def test_a_command_that_the_network_did_not_take_whole_has_an_unknown_fate(
    server: Server, proxy: MakeProxy
) -> None:
    between = await proxy(server)
    async with AsyncPool(between.host, between.port, read_timeout=None) as pool:
        client = await pool.acquire()
        await client.execute("PING")
        sock = wire_of(client)._transport.get_extra_info("socket")  # type: ignore[union-attr]
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)
        task = asyncio.create_task(client.execute("SET", "k", bytes(50_000_000)))
        await until(lambda: wire_of(client).conversation.owed == 1)
        between.cut(Cut.RST)
        with pytest.raises(PyRedisConnClosed) as caught:
            await task
        assert caught.value.sent is None


@pytest.mark.parametrize("command", ["SHUTDOWN", "QUIT"])
async def test_an_ending_that_the_server_never_confirmed_is_no_success(command: str) -> None:
    async with Hostile([Hear(command.encode()), Stall()]) as hostile:
        client = AsyncClient(hostile.host, hostile.port, lib_name=None)
        task = asyncio.create_task(client.execute(command))
        await until(lambda: hostile.played == 1)
        client.close()
        with pytest.raises(PyRedisConnClosed):
            await task


async def test_the_cause_of_a_failed_connect_is_kept() -> None:
    with pytest.raises(PyRedisConnError) as caught:
        await AsyncPool("127.0.0.1", 1).execute("PING")
    assert isinstance(caught.value.__cause__, ConnectionRefusedError)


@pytest.mark.parametrize("host", ["a..b", "x" * 64 + ".example"])
async def test_a_host_that_cannot_be_a_name_is_a_connection_error(host: str) -> None:
    with pytest.raises(PyRedisConnError, match="cannot be resolved"):
        await AsyncPool(host).execute("PING")


# -- deadlines


async def test_the_read_timeout_is_for_the_whole_reply_however_it_drips(
    server: Server, proxy: MakeProxy
) -> None:
    between = await proxy(server)
    server.command("SET", "k", "x" * 5_000)
    async with AsyncPool(between.host, between.port, read_timeout=0.3) as pool:
        await pool.execute("PING")
        between.chunk(1, REPLIES)
        with pytest.raises(PyRedisConnReadTimeout):
            await pool.execute("GET", "k")
        await between.heal()
        assert await pool.execute("STRLEN", "k") == 5_000


async def test_the_read_timeout_is_for_the_upload_too(server: Server, proxy: MakeProxy) -> None:
    between = await proxy(server)
    async with AsyncPool(between.host, between.port, read_timeout=0.3) as pool:
        await pool.execute("PING")
        between.chunk(1000, REQUESTS)
        with pytest.raises(PyRedisConnReadTimeout):
            await pool.execute("SET", "k", bytes(20_000_000))
        await between.heal()
        assert await pool.execute("PING") == b"PONG"


async def test_each_command_in_flight_has_its_time_from_when_its_turn_comes(
    server: Server, proxy: MakeProxy
) -> None:
    between = await proxy(server)
    async with AsyncClient(between.host, between.port, read_timeout=0.3) as client:
        forever = asyncio.create_task(client.execute("BLPOP", "queue", 0))
        await server.until_blocked()
        behind = asyncio.create_task(client.execute("PING"))
        await until(lambda: wire_of(client).conversation.owed == 2)
        between.stall(REPLIES)
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(asyncio.shield(behind), 0.5)
        server.command("RPUSH", "queue", "x")
        await between.heal()
        assert await forever == [b"queue", b"x"]
        assert await behind == b"PONG"
        between.stall(REPLIES)
        with pytest.raises(PyRedisConnReadTimeout, match="PING"):
            await client.execute("PING")


async def test_acquire_without_a_limit_waits_as_long_as_it_takes(server: Server) -> None:
    async with AsyncPool(server.host, server.port, pool_size=1, acquire_timeout=None) as pool:
        client = await pool.acquire()
        waiter = asyncio.create_task(pool.acquire())
        await until(lambda: len(pool._waiting) == 1)
        await pool.release(client)
        await pool.release(await waiter)
    for wrong in (-1, float("nan"), float("inf")):
        with pytest.raises(ValueError, match="acquire_timeout"):
            AsyncPool("127.0.0.1", acquire_timeout=wrong)


# -- state


async def test_reset_of_a_lease_does_not_log_the_next_user_out(make_server: MakeServer) -> None:
    server = make_server("redis82", "requirepass sesame")
    async with AsyncPool(server.host, server.port, password="sesame", pool_size=1) as pool:
        client = await pool.acquire()
        await client.execute("RESET")
        await pool.release(client)
        assert await pool.execute("PING") == b"PONG"


async def test_a_password_given_on_a_lease_is_not_the_next_users(make_server: MakeServer) -> None:
    server = make_server("redis82", "requirepass sesame")
    async with AsyncPool(server.host, server.port, pool_size=1) as pool:
        client = await pool.acquire()
        await client.execute("AUTH", "sesame")
        await pool.release(client)
        with pytest.raises(NoAuth):
            await pool.execute("PING")


async def test_a_lease_that_stopped_reading_is_not_handed_on(server: Server) -> None:
    async with AsyncPool(server.host, server.port, pool_size=1) as pool:
        client = await pool.acquire()
        client.pause()
        await pool.release(client)
        assert await pool.execute("PING") == b"PONG"


async def test_quit_on_one_lease_condemns_no_other(server: Server) -> None:
    async with AsyncPool(server.host, server.port, close_on_err=True) as pool:
        leaving, other = await pool.acquire(), await pool.acquire()
        await pool.release(other)
        await leaving.execute("QUIT")
        await until(lambda: leaving.closed)
        await pool.release(leaving)
        assert len(pool._idle) == 1


async def test_tasks_that_share_a_lease_get_their_own_replies(server: Server) -> None:
    async with AsyncPool(server.host, server.port) as pool:
        client = await pool.acquire()
        echoed = await asyncio.gather(*(client.execute("ECHO", n) for n in range(200)))
        assert echoed == [b"%d" % n for n in range(200)]
        await pool.release(client)
        assert len(pool._idle) == 1


# -- connections of one's own


async def test_a_connection_closed_while_it_connects_leaves_nothing_open(
    server: Server, proxy: MakeProxy
) -> None:
    between = await proxy(server)
    between.stall(BOTH)
    client = AsyncClient(between.host, between.port, database=1)
    connecting = asyncio.create_task(client.execute("PING"))
    await until(lambda: between.accepted == 1)
    client.close()
    await between.heal()
    with pytest.raises(PyRedisError, match="closed"):
        await connecting
    await until(lambda: between.open == 0)


async def test_tasks_that_connect_at_once_end_up_on_one_connection(server: Server) -> None:
    async with AsyncClient(server.host, server.port, database=1) as client:
        client = AsyncClient(server.host, server.port, database=1)
        numbers = await asyncio.gather(*(client.execute("CLIENT", "ID") for _ in range(5)))
        assert len(set(numbers)) == 1
        await server.until_clients(2)
        client.close()


# -- loops, forks and forgetfulness


@pytest.mark.filterwarnings("ignore:unclosed:ResourceWarning")  # the first loop left it open
@pytest.mark.parametrize("use", [lambda pool: pool.execute("PING"), lambda pool: pool.acquire()])
def test_a_pool_is_refused_in_a_second_event_loop(redis82: Server, use: Any) -> None:
    pool = AsyncPool(redis82.host, redis82.port, pool_size=1)

    async def ping() -> None:
        assert await pool.execute("PING") == b"PONG"

    async def again() -> None:
        with pytest.raises(PyRedisError, match="another event loop"):
            await use(pool)

    asyncio.run(ping())
    asyncio.run(again())
    asyncio.run(pool.close())
    gc.collect()


async def test_a_lease_is_refused_in_another_event_loop_and_unharmed(server: Server) -> None:
    async with AsyncPool(server.host, server.port, pool_size=1) as pool:
        client = await pool.acquire()

        async def elsewhere() -> None:
            with pytest.raises(PyRedisError, match="another event loop"):
                await client.execute("PING")
            with pytest.raises(PyRedisError, match="another event loop"):
                await pool.execute("PING")

        await asyncio.to_thread(asyncio.run, elsewhere())
        assert await client.execute("PING") == b"PONG"


async def test_a_lease_released_in_another_event_loop_is_closed_in_its_own(server: Server) -> None:
    async with AsyncPool(server.host, server.port, pool_size=1) as pool:
        client = await pool.acquire()
        await asyncio.to_thread(asyncio.run, pool.release(client))
        await server.until_clients(0)
        assert await pool.execute("PING") == b"PONG"


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of a fork in a process with threads
async def test_a_forked_child_is_refused_the_pool_and_leaves_it_alone(server: Server) -> None:
    async def in_the_child(pool: AsyncPool, client: AsyncClient) -> bool:
        refusals = 0
        for use in (pool.execute, client.execute):
            try:
                await use("PING")
            except PyRedisError as error:
                refusals += "process" in str(error)
        client.close()
        await pool.close()
        async with AsyncPool(server.host, server.port) as own:
            return refusals == 2 and await own.execute("PING") == b"PONG"

    async with AsyncPool(server.host, server.port, pool_size=2) as pool:
        client = await pool.acquire()
        number = await pool.execute("CLIENT", "ID")
        if (child := os.fork()) == 0:
            try:
                right = asyncio.run(in_the_child(pool, client))
                gc.collect()
                os._exit(0 if right else 1)
            finally:
                os._exit(2)
        _, status = await asyncio.to_thread(os.waitpid, child, 0)
        assert os.waitstatus_to_exitcode(status) == 0
        assert await client.execute("PING") == b"PONG"
        assert await pool.execute("CLIENT", "ID") == number


async def test_a_pool_that_is_forgotten_warns_and_closes_its_connections(server: Server) -> None:
    async def forget() -> None:
        await AsyncPool(server.host, server.port).execute("PING")
        gc.collect()

    with pytest.warns(ResourceWarning, match="unclosed <AsyncPool"):
        await forget()
    await server.until_clients(0)


# -- leaks and storms


async def test_three_hundred_failed_connects_leave_nothing_open(server: Server) -> None:
    async with (
        AsyncPool("localhost", 1) as nobody,
        AsyncPool(server.host, server.port, database=99) as refused,
    ):
        for pool, error in ((nobody, PyRedisConnError), (refused, ReplyError)):
            for _ in range(150):
                with pytest.raises(error):
                    await pool.execute("PING")
    await server.until_clients(0)


async def _use(pool: AsyncPool, number: int) -> None:
    """Read a key and see that its own value comes, now on a lease and now on the pool."""
    if number % 2:
        assert await pool.execute("GET", f"k{number}") == b"%d" % number
        return
    client = await pool.acquire()
    try:
        for _ in range(2):
            assert await client.execute("GET", f"k{number}") == b"%d" % number
    finally:
        await pool.release(client)


_WEATHER = {"calm": (), "chunks": (), "delays": (), "cuts": (PyRedisConnError,)}
"""What the network does, and which errors besides a cancellation it excuses."""


@pytest.mark.parametrize("weather", _WEATHER)
async def test_a_storm_of_cancellations_shifts_no_reply_and_loses_no_seat(
    redis82: Server, proxy: MakeProxy, weather: str
) -> None:
    chance, loop = random.Random(weather), asyncio.get_running_loop()
    between = await proxy(redis82)
    redis82.command("SELECT", 1)
    for number in range(50):
        redis82.command("SET", f"k{number}", number)
    redis82.command("SELECT", 0)
    if weather == "chunks":
        between.chunk(3, REPLIES)
    elif weather == "delays":
        between.delay(0.001)
    cancelled = 0
    async with AsyncPool(between.host, between.port, pool_size=8, acquire_timeout=5, database=1) as pool:
        while cancelled < 2_500:
            tasks = [asyncio.create_task(_use(pool, number)) for number in range(50)]
            for task in tasks:
                loop.call_later(chance.random() * 0.03, task.cancel)
            if weather == "cuts":
                between.drop_after(chance.randrange(1, 300), REPLIES, chance.choice(list(Cut)))
            outcomes = await asyncio.gather(*tasks, return_exceptions=True)
            cancelled += sum(isinstance(outcome, asyncio.CancelledError) for outcome in outcomes)
            excused = (asyncio.CancelledError, *_WEATHER[weather])
            assert not [odd for odd in outcomes if odd is not None and not isinstance(odd, excused)]
        assert (len(pool._leased), pool._opening, len(pool._waiting)) == (0, 0, 0)
        await between.heal()
        leases = [await pool.acquire() for _ in range(8)]
        assert await asyncio.gather(*(lease.execute("GET", "k7") for lease in leases)) == [b"7"] * 8
