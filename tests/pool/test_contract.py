"""The pool's public contract, line by line, on real servers."""

from __future__ import annotations

import asyncio
import inspect
from typing import Any

import pytest

from pyredis import (
    AsyncBasePool,
    AsyncClient,
    AsyncConnection,
    AsyncPool,
    PoolExhausted,
    PyRedisConnClosed,
    PyRedisConnError,
    PyRedisConnReadTimeout,
    PyRedisError,
    ReplyError,
    StatefulCommand,
    TcpAddress,
    UnixAddress,
    WrongPass,
    WrongType,
)
from tests.conftest import MakeServer
from tests.servers import Server, until

pytestmark = pytest.mark.usefixtures("no_leaks")


def pool_of(server: Server, **options: Any) -> AsyncPool:
    return AsyncPool(server.host, server.port, **options)


def test_the_constructor_is_the_published_one() -> None:
    parameters = inspect.signature(AsyncBasePool.__init__).parameters.values()
    positional = [(p.name, p.default) for p in parameters if p.kind is p.POSITIONAL_OR_KEYWORD][1:]
    assert positional == [
        ("database", 0),
        ("password", None),
        ("encoding", None),
        ("conn_timeout", 2),
        ("read_timeout", 2),
        ("pool_size", 16),
        ("lock", None),
        ("username", None),
    ]


async def test_properties_tell_what_the_pool_was_made_with_and_cannot_be_set() -> None:
    given = {
        "database": 3,
        "password": "hush",
        "encoding": "utf-8",
        "username": "ada",
        "conn_timeout": 1.5,
        "read_timeout": None,
        "close_on_err": True,
    }
    pool = AsyncPool("127.0.0.1", 6379, **given)
    for name, value in given.items():
        assert getattr(pool, name) == value
        with pytest.raises(AttributeError):
            setattr(pool, name, value)
    assert not hasattr(pool, "lock")


def test_repr_never_shows_the_password() -> None:
    pool = AsyncPool("127.0.0.1", 6379, password="hush", username="ada")
    assert "hush" not in repr(pool)
    assert "ada" in repr(pool)
    assert "127.0.0.1:6379" in repr(pool)


@pytest.mark.parametrize("name", ["conn_timeout", "read_timeout"])
@pytest.mark.parametrize("seconds", [0, -1, -0.5, float("nan")])
def test_a_timeout_of_zero_or_less_is_refused(name: str, seconds: float) -> None:
    with pytest.raises(ValueError, match=name):
        AsyncPool("127.0.0.1", **{name: seconds})


@pytest.mark.parametrize("size", [0, -1])
def test_a_pool_has_at_least_one_connection(size: int) -> None:
    with pytest.raises(ValueError, match="pool_size"):
        AsyncPool("127.0.0.1", pool_size=size)
    pool = AsyncPool("127.0.0.1")
    with pytest.raises(ValueError, match="pool_size"):
        pool.pool_size = size
    assert pool.pool_size == 16


def test_host_and_unix_socket_exclude_each_other() -> None:
    with pytest.raises(ValueError, match="unix_sock"):
        AsyncPool("127.0.0.1", unix_sock="/run/redis.sock")


async def test_a_pool_like_another_differs_in_what_is_asked_for_alone() -> None:
    one = AsyncPool("127.0.0.1", 7000, password="hush", pool_size=3, protocol=3, acquire_timeout=5)
    other = one.like(database=3, pool_size=4)
    assert (other.address, other.password, other.protocol) == (one.address, "hush", 3)
    assert (other.database, other.pool_size, one.database, one.pool_size) == (3, 4, 0, 3)
    assert AsyncPool(unix_sock="/s").like(username="ada").address == UnixAddress("/s")


async def test_a_pool_at_another_server_has_the_same_options() -> None:
    there = AsyncPool("10.0.0.1", 7000, username="ada", pool_size=4).at(TcpAddress("10.0.0.2", 7001))
    assert (there.address, there.username, there.pool_size) == (TcpAddress("10.0.0.2", 7001), "ada", 4)
    assert there.at(UnixAddress("/s")).address == UnixAddress("/s")


# -- acquire


async def test_acquire_gives_a_client_that_is_a_connection(server: Server) -> None:
    async with pool_of(server) as pool:
        client = await pool.acquire()
        assert isinstance(client, AsyncClient)
        assert isinstance(client, AsyncConnection)
        assert await client.execute("PING") == b"PONG"
        await pool.release(client)


async def test_acquire_prefers_the_newest_idle_connection(server: Server) -> None:
    async with pool_of(server) as pool:
        first, second = await pool.acquire(), await pool.acquire()
        first_id = await first.execute("CLIENT", "ID")
        second_id = await second.execute("CLIENT", "ID")
        await pool.release(second)
        await pool.release(first)
        newest, older = await pool.acquire(), await pool.acquire()
        assert await newest.execute("CLIENT", "ID") == first_id
        assert await older.execute("CLIENT", "ID") == second_id
        assert newest is not first


async def test_acquire_opens_no_more_than_pool_size_and_then_raises(server: Server) -> None:
    async with pool_of(server, pool_size=3) as pool:
        leases = [await pool.acquire() for _ in range(3)]
        with pytest.raises(PoolExhausted, match="all 3 connections") as caught:
            await pool.acquire()
        assert isinstance(caught.value, PyRedisError)
        await server.until_clients(3)  # the kernel connects before the server accepts
        await pool.release(leases.pop())
        leases.append(await pool.acquire())
        assert server.clients() == 3


async def test_a_burst_of_acquires_reserves_seats_before_connecting(server: Server) -> None:
    async with pool_of(server, pool_size=4) as pool:
        outcomes = await asyncio.gather(*(pool.acquire() for _ in range(10)), return_exceptions=True)
        assert sum(isinstance(outcome, AsyncClient) for outcome in outcomes) == 4
        assert sum(isinstance(outcome, PoolExhausted) for outcome in outcomes) == 6
        await server.until_clients(4)


async def test_a_seat_is_free_again_when_connecting_fails(server: Server) -> None:
    async with pool_of(server, pool_size=1, password="wrong", username="nobody") as pool:
        for _ in range(3):
            with pytest.raises(WrongPass):
                await pool.acquire()
    await server.until_clients(0)


async def test_a_seat_is_free_again_when_connecting_is_cancelled(make_server: MakeServer) -> None:
    server = make_server("redis82")
    async with pool_of(server, pool_size=1, database=1, conn_timeout=None) as pool:
        server.pause()
        acquiring = asyncio.create_task(pool.acquire())
        await until(lambda: pool._opening == 1)
        await asyncio.sleep(0)
        acquiring.cancel()
        with pytest.raises(asyncio.CancelledError):
            await acquiring
        server.resume()
        client = await pool.acquire()
        assert await client.execute("PING") == b"PONG"


async def test_a_connection_that_died_idle_is_replaced_unnoticed(make_server: MakeServer) -> None:
    server = make_server("redis82")
    async with pool_of(server) as pool:
        await pool.execute("PING")
        server.restart()
        assert await pool.execute("SET", "k", "v") == b"OK"


async def test_a_dead_connection_is_seen_even_when_the_event_loop_had_no_turn(redis82: Server) -> None:
    async with pool_of(redis82) as pool:
        client = await pool.acquire()
        number = await client.execute("CLIENT", "ID")
        assert isinstance(number, int)
        await pool.release(client)
        redis82.command("CLIENT", "KILL", "ID", number)
        assert await pool.execute("SET", "k", "v") == b"OK"


async def test_acquire_waits_its_turn_first_come_first_served(server: Server) -> None:
    async with pool_of(server, pool_size=1, acquire_timeout=10) as pool:
        order: list[int] = []

        async def use(number: int) -> None:
            client = await pool.acquire()
            order.append(number)
            await client.execute("PING")
            await pool.release(client)

        client = await pool.acquire()
        tasks = [asyncio.create_task(use(number)) for number in range(5)]
        await until(lambda: len(pool._waiting) == 5)
        await pool.release(client)
        await asyncio.gather(*tasks)
        assert order == [0, 1, 2, 3, 4]
        assert server.clients() == 1


async def test_waiting_in_vain_raises_and_leaves_the_queue(server: Server) -> None:
    async with pool_of(server, pool_size=1, acquire_timeout=0.05) as pool:
        client = await pool.acquire()
        with pytest.raises(PoolExhausted, match=r"0\.05 seconds"):
            await pool.acquire()
        assert not pool._waiting
        await pool.release(client)
        assert await pool.execute("PING") == b"PONG"


async def test_a_waiter_cancelled_as_it_is_served_gives_the_connection_back(server: Server) -> None:
    async with pool_of(server, pool_size=1, acquire_timeout=10) as pool:
        client = await pool.acquire()
        waiter = asyncio.create_task(pool.acquire())
        await until(lambda: len(pool._waiting) == 1)
        await pool.release(client)
        waiter.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiter
        assert await pool.execute("PING") == b"PONG"
        assert server.clients() == 1


async def test_a_waiter_gets_the_seat_of_a_connection_that_had_to_be_closed(server: Server) -> None:
    async with pool_of(server, pool_size=1, acquire_timeout=10) as pool:
        client = await pool.acquire()
        await client.execute("MULTI")
        waiter = asyncio.create_task(pool.acquire())
        await until(lambda: len(pool._waiting) == 1)
        await pool.release(client)
        assert await (await waiter).execute("PING") == b"PONG"


async def test_the_lock_given_is_used_and_never_held_over_io(make_server: MakeServer) -> None:
    class Watched(asyncio.Lock):
        taken = 0

        async def acquire(self) -> Any:
            self.taken += 1
            return await super().acquire()

    server, lock = make_server("redis82"), Watched()
    async with pool_of(server, lock=lock, database=1) as pool:
        server.pause()
        acquiring = asyncio.create_task(pool.acquire())
        await until(lambda: pool._opening == 1)
        assert lock.taken == 1
        assert not lock.locked()
        server.resume()
        await acquiring


# -- release


async def test_a_released_handle_is_dead_and_touches_nobody(server: Server) -> None:
    async with pool_of(server, pool_size=1) as pool:
        old = await pool.acquire()
        await pool.release(old)
        new = await pool.acquire()
        with pytest.raises(PyRedisError, match="released"):
            await old.execute("PING")
        await pool.release(old)
        old.close()
        assert await new.execute("PING") == b"PONG"
        with pytest.raises(PoolExhausted):
            await pool.acquire()


async def test_a_connection_of_another_pool_is_refused(server: Server) -> None:
    async with pool_of(server) as one, pool_of(server) as other, AsyncClient(server.host, server.port) as own:
        client = await one.acquire()
        for stranger in (client, own, "client"):
            with pytest.raises(ValueError, match="not a connection of"):
                await other.release(stranger)  # type: ignore[arg-type]
        assert await client.execute("PING") == b"PONG"


@pytest.mark.parametrize(
    "commands",
    [
        [("SELECT", 1)],
        [("MULTI",)],
        [("MULTI",), ("SELECT", 1), ("EXEC",)],
        [("WATCH", "k")],
        [("SUBSCRIBE", "news")],
        [("PSUBSCRIBE", "n*")],
        [("SSUBSCRIBE", "shard")],
        [("MONITOR",)],
        [("CLIENT", "REPLY", "OFF")],
        [("CLIENT", "REPLY", "SKIP")],
        [("AUTH", "eve", "pw")],
        [("HELLO", 3)],
        [("CLIENT", "SETNAME", "mine")],
        [("CLIENT", "NO-EVICT", "on")],
        [("QUIT",)],
    ],
    ids=lambda commands: " ".join(str(word) for word in commands[-1]),
)
async def test_a_lease_that_is_not_at_rest_never_reaches_the_next_caller(
    server: Server, commands: list[tuple[str | int, ...]]
) -> None:
    server.command("ACL", "SETUSER", "eve", "on", ">pw", "+@all", "~*", "&*")
    async with pool_of(server, pool_size=1) as pool:
        client = await pool.acquire()
        number = await client.execute("CLIENT", "ID")
        for command in commands:
            await client.execute(*command)
        assert not client.at_rest
        await pool.release(client)
        assert await pool.execute("CLIENT", "ID") != number
        await server.until_clients(1)


@pytest.mark.parametrize(
    "commands",
    [
        [("SELECT", 1), ("SELECT", 0)],
        [("MULTI",), ("SET", "k", 1), ("EXEC",)],
        [("MULTI",), ("DISCARD",)],
        [("WATCH", "k"), ("UNWATCH",)],
        [("SUBSCRIBE", "a", "b"), ("UNSUBSCRIBE",)],
        [("PSUBSCRIBE", "a"), ("SUBSCRIBE", "b"), ("UNSUBSCRIBE", "b"), ("PUNSUBSCRIBE", "a")],
        [("SELECT", 3), ("RESET",), ("HELLO", "as opened")],
        [("CLIENT", "REPLY", "OFF"), ("CLIENT", "REPLY", "ON")],
        [("CLIENT", "REPLY", "SKIP"), ("PING",)],
    ],
    ids=lambda commands: " ".join(str(word) for word in commands[-1]),
)
@pytest.mark.parametrize("protocol", [2, 3])
async def test_a_lease_brought_back_to_rest_is_kept(
    redis82: Server, commands: list[tuple[str | int, ...]], protocol: Any
) -> None:
    async with pool_of(redis82, pool_size=1, protocol=protocol) as pool:
        client = await pool.acquire()
        number = await client.execute("CLIENT", "ID")
        for command in commands:
            await client.execute(*(protocol if word == "as opened" else word for word in command))
        assert client.at_rest
        await pool.release(client)
        assert await pool.execute("CLIENT", "ID") == number


async def test_a_cancelled_reply_never_reaches_the_next_caller(server: Server) -> None:
    async with pool_of(server) as pool:
        blocked = asyncio.create_task(pool.execute("BLPOP", "queue", 0))
        await server.until_blocked()
        blocked.cancel()
        with pytest.raises(asyncio.CancelledError):
            await blocked
        await pool.execute("SET", "name", "ada")
        assert await pool.execute("GET", "name") == b"ada"
        await until(lambda: server.blocked() == 0)


async def test_many_cancellations_shift_no_reply_and_lose_no_seat(server: Server) -> None:
    async with pool_of(server, pool_size=4, acquire_timeout=10) as pool:
        await asyncio.gather(*(pool.execute("SET", f"k{n}", n) for n in range(50)))

        async def read(number: int) -> None:
            assert await pool.execute("GET", f"k{number}") == str(number).encode()

        for turn in range(40):
            tasks = [asyncio.create_task(read(number)) for number in range(50)]
            for _ in range(turn % 7):
                await asyncio.sleep(0)
            for task in tasks[turn % 3 :: 3]:
                task.cancel()
            outcomes = await asyncio.gather(*tasks, return_exceptions=True)
            assert {type(outcome) for outcome in outcomes} <= {type(None), asyncio.CancelledError}
        assert not pool._leased
        assert not pool._opening
        assert server.clients() <= 4


# -- pool_size


async def test_growing_takes_effect_at_once(server: Server) -> None:
    async with pool_of(server, pool_size=1, acquire_timeout=10) as pool:
        await pool.acquire()
        waiter = asyncio.create_task(pool.acquire())
        await until(lambda: len(pool._waiting) == 1)
        pool.pool_size = 2
        assert await (await waiter).execute("PING") == b"PONG"


async def test_shrinking_closes_idle_surplus_at_once_and_leased_surplus_at_release(server: Server) -> None:
    async with pool_of(server, pool_size=4) as pool:
        leases = [await pool.acquire() for _ in range(4)]
        await pool.release(leases.pop())
        await pool.release(leases.pop())
        pool.pool_size = 1
        await server.until_clients(2)
        await pool.release(leases.pop())
        await server.until_clients(1)
        await pool.release(leases.pop())
        assert await pool.execute("PING") == b"PONG"
        assert server.clients() == 1


# -- execute


async def test_execute_returns_the_parsed_reply_and_gives_the_lease_back(server: Server) -> None:
    async with pool_of(server, pool_size=1) as pool:
        assert await pool.execute("RPUSH", "list", "a", b"b", bytearray(b"c"), memoryview(b"d"), 1, 2.5) == 6
        assert await pool.execute("LRANGE", "list", 0, -1) == [b"a", b"b", b"c", b"d", b"1", b"2.5"]
        with pytest.raises(WrongType, match=r"^WRONGTYPE ") as caught:
            await pool.execute("INCR", "list")
        assert caught.value.code == "WRONGTYPE"
        assert caught.value.command == "INCR"
        assert await pool.execute("GET", "nothing") is None


@pytest.mark.parametrize("wrong", [True, None, ["a"], {"a": 1}, {1}, (1,), object()])
async def test_arguments_of_other_types_are_refused_without_naming_their_value(
    server: Server, wrong: Any
) -> None:
    async with pool_of(server) as pool:
        with pytest.raises(TypeError):
            await pool.execute("SET", "k", wrong)
        with pytest.raises(TypeError):
            await pool.execute()
        assert server.command("EXISTS", "k") == 0


async def test_unknown_execution_options_are_refused_everywhere(server: Server) -> None:
    async with pool_of(server) as pool:
        client = await pool.acquire()
        for execute in (pool.execute, client.execute):
            with pytest.raises(TypeError, match="timeout"):
                await execute("PING", timeout=1)
            assert await execute("PING", shard_key="k") == b"PONG"
            assert await execute("PING", sock=f"{server.host}:{server.port}") == b"PONG"
            with pytest.raises(ValueError, match="sock"):
                await execute("PING", sock="127.0.0.1:1")


@pytest.mark.parametrize(
    "command",
    [
        "SELECT 1", "multi", "Watch k", "SUBSCRIBE c", "MONITOR", "AUTH pw", "HELLO 3", "RESET", "QUIT",
        "client reply off", "CLIENT SETNAME x", "EXEC", "DISCARD", "READONLY", "PSUBSCRIBE *", "SSUBSCRIBE s",
    ],
)  # fmt: skip
@pytest.mark.parametrize("kind", [str, bytes])
async def test_a_stateful_command_on_a_pool_says_to_acquire(server: Server, command: str, kind: type) -> None:
    words = [word if kind is str else word.encode() for word in command.split()]
    async with pool_of(server) as pool:
        with pytest.raises(StatefulCommand, match=r"acquire\(\)"):
            await pool.execute(*words)
        assert server.clients() == 0


async def test_encoding_works_both_ways_and_keeps_what_it_cannot_decode(server: Server) -> None:
    async with pool_of(server, encoding="utf-8") as pool:
        assert await pool.execute("SET", "k", "Ada 🦊") == "OK"
        assert await pool.execute("GET", "k") == "Ada 🦊"
        await pool.execute("SET", "raw", b"\xff\x00a")
        kept = await pool.execute("GET", "raw")
        assert kept == "\udcff\x00a"
        await pool.execute("SET", "again", kept)
        assert server.command("GET", "again") == b"\xff\x00a"


async def test_a_blocking_command_may_block_longer_than_the_read_timeout(server: Server) -> None:
    async with pool_of(server, read_timeout=0.2) as pool:
        assert await pool.execute("BLPOP", "queue", 0.5) is None
        forever = asyncio.create_task(pool.execute("BLPOP", "queue", 0))
        await server.until_blocked()
        await asyncio.sleep(0.4)
        await pool.execute("RPUSH", "queue", "x")
        assert await forever == [b"queue", b"x"]


async def test_a_reply_that_does_not_come_in_time_closes_the_connection(make_server: MakeServer) -> None:
    server = make_server("redis82")
    async with pool_of(server, read_timeout=0.2) as pool:
        await pool.execute("PING")
        server.pause()
        with pytest.raises(PyRedisConnReadTimeout) as caught:
            await pool.execute("GET", "k")
        assert isinstance(caught.value, PyRedisConnError)
        assert (caught.value.seconds, caught.value.command, caught.value.sent) == (0.2, "GET", True)
        server.resume()
        assert await pool.execute("GET", "k") is None
        await server.until_clients(1)


async def test_a_write_is_never_sent_twice_but_a_read_is(make_server: MakeServer) -> None:
    server = make_server("redis82")
    async with pool_of(server) as pool:
        server.command("SET", "n", 0)
        for command in (("GET", "n"), ("INCR", "n")):
            await pool.execute("PING")
            server.pause()
            task = asyncio.create_task(pool.execute(*command))
            await until(lambda: any(lane.in_flight for lane in pool._lanes))
            await asyncio.sleep(0.05)
            wire = pool._lanes[0].wire
            assert wire._transport is not None
            wire._transport.abort()
            server.resume()
            if command[0] == "GET":
                assert await task == b"0"
            else:
                with pytest.raises(PyRedisConnClosed) as caught:
                    await task
                assert caught.value.sent is True
        await until(lambda: server.command("GET", "n") == b"1")


# -- close_on_err


async def test_an_error_on_one_connection_condemns_the_others_when_asked_to(server: Server) -> None:
    async with pool_of(server, close_on_err=True) as pool:
        broken, busy, idle = [await pool.acquire() for _ in range(3)]
        number = await broken.execute("CLIENT", "ID")
        await pool.release(idle)
        assert isinstance(number, int)
        server.command("CLIENT", "KILL", "ID", number)
        with pytest.raises(PyRedisConnClosed):
            await broken.execute("PING")
        await pool.release(broken)
        await server.until_clients(1)
        assert await busy.execute("PING") == b"PONG"
        await pool.release(busy)
        await server.until_clients(0)


@pytest.mark.parametrize("how", ["cancelled", "not at rest", "closed by its holder", "not asked to"])
async def test_nothing_less_condemns_the_others(server: Server, how: str) -> None:
    async with pool_of(server, close_on_err=how != "not asked to") as pool:
        one, other = await pool.acquire(), await pool.acquire()
        number = await one.execute("CLIENT", "ID")
        assert isinstance(number, int)
        await pool.release(other)
        if how == "cancelled":
            task = asyncio.create_task(one.execute("BLPOP", "queue", 0))
            await server.until_blocked()
            task.cancel()
            await asyncio.wait([task])
        elif how == "not at rest":
            await one.execute("MULTI")
        elif how == "closed by its holder":
            one.close()
        else:
            server.command("CLIENT", "KILL", "ID", number)
            with pytest.raises(PyRedisConnClosed):
                await one.execute("PING")
        await pool.release(one)
        await server.until_clients(1)
        assert len(pool._idle) == 1


# -- close


async def test_a_closed_pool_closes_everything_and_says_so(server: Server) -> None:
    pool = pool_of(server, pool_size=2, acquire_timeout=10)
    client = await pool.acquire()
    blocked = asyncio.create_task(client.execute("BLPOP", "queue", 0))
    await pool.acquire()
    waiting = asyncio.create_task(pool.acquire())
    await server.until_blocked()
    await until(lambda: len(pool._waiting) == 1)
    await pool.close()
    for task in (blocked, waiting):
        with pytest.raises(PyRedisConnClosed):
            await task
    with pytest.raises(PyRedisError, match="closed"):
        await pool.acquire()
    await pool.release(client)
    await pool.close()
    await server.until_clients(0)


# -- opening


@pytest.mark.parametrize("protocol", [2, 3])
@pytest.mark.parametrize("where", ["ipv4", "ipv6", "name", "unix"])
async def test_every_kind_of_address_and_protocol(server: Server, where: str, protocol: Any) -> None:
    if where == "ipv6" and not server.has_ipv6:
        pytest.skip("this machine has no IPv6 loopback")
    address = {
        "ipv4": {"host": "127.0.0.1", "port": server.port},
        "ipv6": {"host": "::1", "port": server.port},
        "name": {"host": "localhost", "port": server.port},
        "unix": {"unix_sock": server.unix_path},
    }[where]
    async with AsyncPool(**address, protocol=protocol, database=2) as pool:  # type: ignore[arg-type]
        client = await pool.acquire()
        assert client.protocol == protocol
        assert client.database == 2
        await client.execute("HSET", "h", "f", "v")
        shape = {b"f": b"v"} if protocol == 3 else [b"f", b"v"]
        assert await client.execute("HGETALL", "h") == shape
        server.command("SELECT", 2)
        assert server.command("EXISTS", "h") == 1
        server.command("SELECT", 0)


@pytest.mark.parametrize("protocol", [2, 3])
async def test_authentication_with_and_without_a_username(server: Server, protocol: Any) -> None:
    server.command("ACL", "SETUSER", "ada", "on", ">countess", "+@all", "~*")
    server.command("ACL", "SETUSER", "guest", "on", "nopass", "+@all", "~*")
    server.command("CONFIG", "SET", "requirepass", "sesame")
    cases = [(None, "sesame", b"default"), ("ada", "countess", b"ada"), ("guest", None, b"guest")]
    for username, password, who in cases:
        async with pool_of(server, username=username, password=password, protocol=protocol) as pool:
            assert await pool.execute("ACL", "WHOAMI") == who
            client = await pool.acquire()
            assert (client.username, client.protocol) == (who.decode(), protocol)
    for username, password in [(None, "wrong"), ("ada", "wrong"), ("nobody", "sesame"), ("ada", None)]:
        async with pool_of(server, username=username, password=password, protocol=protocol) as pool:
            with pytest.raises(WrongPass) as caught:
                await pool.execute("PING")
            assert "wrong" not in str(caught.value)
    server.command("CONFIG", "SET", "requirepass", "")
    await server.until_clients(0)


@pytest.mark.parametrize("protocol", [2, 3])
async def test_a_failed_select_leaves_no_connection_behind(server: Server, protocol: Any) -> None:
    async with pool_of(server, database=99, protocol=protocol) as pool:
        with pytest.raises(ReplyError, match="out of range") as caught:
            await pool.execute("FLUSHDB")
        assert caught.value.command == "SELECT"
    await server.until_clients(0)


async def test_a_user_who_may_do_next_to_nothing_can_connect(server: Server) -> None:
    server.command("ACL", "SETUSER", "poor", "on", ">pw", "~*", "+get")
    for protocol in (2, 3):
        async with pool_of(server, username="poor", password="pw", protocol=protocol) as pool:
            assert await pool.execute("GET", "k") is None


async def test_a_server_that_does_not_know_hello_is_served_in_resp2(make_server: MakeServer) -> None:
    server = make_server("redis62", 'rename-command HELLO ""', "requirepass sesame")
    async with pool_of(server, protocol=3, password="sesame") as pool:
        client = await pool.acquire()
        assert client.protocol == 2
        assert await client.execute("PING") == b"PONG"


async def test_nobody_there_is_an_error_that_names_the_address() -> None:
    for pool in (AsyncPool("127.0.0.1", 1), AsyncPool("localhost", 1), AsyncPool(unix_sock="/nowhere/s")):
        with pytest.raises(PyRedisConnError, match="cannot connect to") as caught:
            await pool.execute("PING")
        assert str(pool.address) in str(caught.value)
        assert caught.value.sent is False
    with pytest.raises(PyRedisConnError, match="cannot be resolved"):
        await AsyncPool("no.such.host.invalid").execute("PING")


async def test_a_server_that_never_answers_ends_with_the_conn_timeout(make_server: MakeServer) -> None:
    server = make_server("redis82")
    server.pause()
    async with pool_of(server, conn_timeout=0.2, database=1) as pool:
        with pytest.raises(PyRedisConnError, match=r"0\.2 seconds"):
            await pool.execute("PING")
