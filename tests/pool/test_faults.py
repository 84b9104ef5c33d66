"""Real servers and a network that cuts, stalls, delays and chops: what a pool does then, and what it never does.

After each test no task, socket or seat is left over.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import random
import socket
import time
import tracemalloc
import warnings
from collections import Counter
from collections.abc import Awaitable, Callable
from typing import Any, Final

import hiredis
import pytest

from pyredis import (
    AsyncClient,
    AsyncPool,
    Busy,
    Loading,
    MasterDown,
    NoAuth,
    OutOfMemory,
    PoolExhausted,
    PyRedisConnClosed,
    PyRedisConnError,
    PyRedisConnReadTimeout,
    PyRedisError,
    ReadOnly,
    ReplyError,
)
from tests.conftest import MakeProxy, MakeServer
from tests.proxy import REPLIES, REQUESTS, Cut, Proxy
from tests.servers import DEADLINE, Server, until

pytestmark = pytest.mark.usefixtures("no_leaks")


def pool_of(where: Server | Proxy, **options: Any) -> AsyncPool:
    return AsyncPool(where.host, where.port, **options)


def no_seat_is_lost(pool: AsyncPool) -> bool:
    now = pool.statistics
    return (now.leased, now.opening, now.waiting) == (0, 0, 0) and now.idle + now.lanes <= pool.pool_size


# -- cancellation


class Storm:
    """Tasks of every kind, each of which sees that it gets its own replies and nobody else's."""

    def __init__(self, pool: AsyncPool, weather: str) -> None:
        self.pool = pool
        self.chance = random.Random(weather)
        self._asked = 0

    def tag(self) -> str:
        self._asked += 1
        return f"{self._asked}." + "x" * self.chance.choice([0, 10, 300])

    async def task(self, number: int) -> None:
        await (self.plain, self.many, self.leased, self.pipelined, self.transacted, self.blocked)[
            number % 6
        ]()

    async def plain(self) -> None:
        for _ in range(3):
            tag = self.tag()
            assert await self.pool.execute("ECHO", tag) == tag.encode()

    async def many(self) -> None:
        tags = [self.tag() for _ in range(self.chance.choice([1, 5, 150]))]
        assert await self.pool.execute_many([("ECHO", tag) for tag in tags]) == [tag.encode() for tag in tags]

    async def leased(self) -> None:
        async with self.pool.lease() as client:
            for tag in (self.tag(), self.tag()):
                assert await client.execute("ECHO", tag) == tag.encode()

    async def pipelined(self) -> None:
        tags = [self.tag() for _ in range(20)]
        async with self.pool.lease() as client, client.pipeline(bulk_size=7) as pipeline:
            for tag in tags:
                await pipeline.execute("ECHO", tag)
        assert pipeline.replies == [tag.encode() for tag in tags]

    async def transacted(self) -> None:
        tag = self.tag()
        async with self.pool.lease() as client:
            await client.execute("MULTI")
            assert await client.execute("ECHO", tag) == b"QUEUED"
            assert await client.execute("EXEC") == [tag.encode()]

    async def blocked(self) -> None:
        tag = self.tag()
        await self.pool.execute("RPUSH", tag, tag)
        assert await self.pool.execute("BLPOP", tag, 0) == [tag.encode(), tag.encode()]


WEATHER: Final[dict[str, tuple[type[BaseException], ...]]] = {
    "calm": (),
    "chunks": (),
    "delays": (),
    "cuts": (PyRedisConnError,),
}
"""What the network does, and which errors it excuses."""


@pytest.mark.parametrize("weather", WEATHER)
@pytest.mark.parametrize("decoder", ["fast", "typed"])
async def test_cancelling_anything_at_any_moment_gives_nobody_the_reply_of_another(
    redis82: Server, proxy: MakeProxy, weather: str, decoder: Any
) -> None:
    between = await proxy(redis82)
    if weather == "chunks":
        between.chunk(2000, REPLIES)
    elif weather == "delays":
        between.delay(0.001)
    loop, cancelled = asyncio.get_running_loop(), 0
    async with pool_of(between, pool_size=6, acquire_timeout=10, decoder=decoder) as pool:
        storm = Storm(pool, weather)
        while cancelled < 1_250:
            tasks = [asyncio.create_task(storm.task(number)) for number in range(180)]
            for task in tasks[:150]:
                loop.call_later(storm.chance.random() ** 2 * 0.05, task.cancel)
            if weather == "cuts":
                between.drop_after(storm.chance.randrange(1, 3000), REPLIES, storm.chance.choice(list(Cut)))
            async with asyncio.timeout(20):
                outcomes = await asyncio.gather(*tasks, return_exceptions=True)
            cancelled += sum(isinstance(outcome, asyncio.CancelledError) for outcome in outcomes)
            excused = (type(None), asyncio.CancelledError, *WEATHER[weather])
            assert not [outcome for outcome in outcomes if not isinstance(outcome, excused)]
            assert no_seat_is_lost(pool)
        await between.heal()
        leases = [await pool.acquire() for _ in range(6)]
        assert await asyncio.gather(*(lease.execute("ECHO", n) for n, lease in enumerate(leases))) == [
            b"%d" % n for n in range(6)
        ]


async def test_five_hundred_cancelled_connects_leave_nothing_open(redis82: Server, proxy: MakeProxy) -> None:
    between = await proxy(redis82)
    between.delay(0.003)
    chance, loop = random.Random(500), asyncio.get_running_loop()
    async with pool_of(between, pool_size=25, database=1, protocol=3, acquire_timeout=5) as pool:
        for _ in range(20):
            tasks = [asyncio.create_task(pool.acquire()) for _ in range(25)]
            for task in tasks:
                loop.call_later(chance.random() * 0.03, task.cancel)
            for outcome in await asyncio.gather(*tasks, return_exceptions=True):
                if isinstance(outcome, AsyncClient):
                    outcome.close()
                    await pool.release(outcome)
                else:
                    assert isinstance(outcome, asyncio.CancelledError)
            assert no_seat_is_lost(pool)
        await until(lambda: between.open == 0)


# -- deadlines


async def half_a_reply(server: Server, between: Proxy, asking: Awaitable[Any]) -> asyncio.Task[Any]:
    """Return a task that waits for a reply of which the first bytes have come, and no more will."""
    server.command("SET", "long", "x" * 100_000)
    between.chunk(1000, REPLIES)
    before = between.reply_bytes
    task = asyncio.ensure_future(asking)
    await until(lambda: between.reply_bytes >= before + 3000)
    between.stall(REPLIES)
    return task


USES: Final[dict[str, Callable[[AsyncPool, AsyncClient], Awaitable[Any]]]] = {
    "lane": lambda pool, _: pool.execute("GET", "long"),
    "run": lambda pool, _: pool.execute_many([("PING",), ("GET", "long"), ("PING",)]),
    "lease": lambda _, client: client.execute("GET", "long"),
}


@pytest.mark.parametrize("use", USES)
@pytest.mark.parametrize("decoder", ["fast", "typed"])
async def test_half_a_reply_is_a_timeout_and_the_other_half_is_never_read(
    redis82: Server, proxy: MakeProxy, decoder: Any, use: str
) -> None:
    between = await proxy(redis82)
    async with pool_of(between, read_timeout=0.4, decoder=decoder) as pool:
        client = await pool.acquire()
        task = await half_a_reply(redis82, between, USES[use](pool, client))
        with pytest.raises(PyRedisConnReadTimeout) as caught:
            await task
        assert (caught.value.sent, caught.value.seconds) == (True, 0.4)
        await pool.release(client)
        await between.heal()
        assert await pool.execute("ECHO", "b") == b"b"
        assert pool.statistics.closed["timeout"] == 1
        assert no_seat_is_lost(pool)


async def test_a_lane_that_times_out_fails_all_who_wait_on_it_and_none_who_do_not(
    redis82: Server, proxy: MakeProxy
) -> None:
    between = await proxy(redis82)
    async with pool_of(between, pool_size=1, read_timeout=0.3) as pool:
        await pool.execute("PING")
        between.stall(REPLIES)
        tasks = [asyncio.create_task(pool.execute("INCR", "n")) for _ in range(50)]
        outcomes = await asyncio.gather(*tasks, return_exceptions=True)
        assert {type(outcome) for outcome in outcomes} == {PyRedisConnReadTimeout}
        assert len({id(outcome) for outcome in outcomes}) == 50
        await between.heal()
        assert await pool.execute("INCR", "n") == 51


@pytest.mark.parametrize("use", ["lane", "run", "lease"])
async def test_a_connection_that_swallows_everything_costs_its_timeouts_and_no_more(
    redis82: Server, proxy: MakeProxy, use: str
) -> None:
    between = await proxy(redis82)

    async def ask() -> object:
        if use == "lane":
            return await pool.execute("ECHO", "b")
        if use == "run":
            return (await pool.execute_many([("ECHO", "b")]))[0]
        async with pool.lease() as client:
            return await client.execute("ECHO", "b")

    async with pool_of(between, conn_timeout=0.3, read_timeout=0.3, database=1) as pool:
        assert await ask() == b"b"
        between.stall()
        for _ in range(2):  # on the old connection, then on one that never comes to be
            tried = between.accepted
            with pytest.raises(PyRedisConnError):
                await ask()
            assert between.accepted <= tried + 1
        between.deafen()
        with pytest.raises(PyRedisConnError):
            await ask()
        await between.heal()
        assert await ask() == b"b"
        assert no_seat_is_lost(pool)


async def test_a_server_that_reads_nothing_costs_a_timeout_and_the_memory_is_given_back(
    make_server: MakeServer,
) -> None:
    server, megabyte = make_server("redis82"), bytes(2**20)
    async with pool_of(server, read_timeout=0.5, conn_timeout=0.5, pool_size=2) as pool:
        await pool.execute("PING")
        server.pause()
        tracemalloc.start()
        try:
            tasks = [asyncio.create_task(pool.execute("SET", n, megabyte)) for n in range(64)]
            outcomes = await asyncio.gather(*tasks, return_exceptions=True)
            assert {type(outcome) for outcome in outcomes} == {PyRedisConnReadTimeout}
            assert {outcome.sent for outcome in outcomes if isinstance(outcome, PyRedisConnError)} == {None}
            del tasks, outcomes
            gc.collect()
            assert tracemalloc.get_traced_memory()[0] < 2 * 2**20
        finally:
            tracemalloc.stop()
        server.resume()
        assert await pool.execute("PING") == b"PONG"


# -- servers that die


class Counting:
    """Tasks that count at the server, and what they know of it."""

    def __init__(self, pool: AsyncPool) -> None:
        self.pool = pool
        self.counted: list[int] = []
        self.unknown = 0
        self.stop = False

    async def count(self, number: int) -> None:
        while not self.stop:
            try:
                self.counted += await self._count(number)
            except PyRedisConnError as error:
                if error.sent is not False:
                    self.unknown += 3 if number % 3 == 1 else 1
                await asyncio.sleep(0.005)
            except Loading:
                continue

    async def _count(self, number: int) -> list[Any]:
        if number % 3 == 0:
            return [await self.pool.execute("INCR", "n")]
        if number % 3 == 1:
            replies = await self.pool.execute_many([("INCR", "n")] * 3)
            if isinstance(replies[0], ReplyError):
                raise replies[0]
            return replies
        async with self.pool.lease() as client:
            return [await client.execute("INCR", "n")]

    def check(self, count: int) -> None:
        """See that all that was acknowledged was counted, and nothing was counted twice."""
        assert len(set(self.counted)) == len(self.counted)
        assert len(self.counted) <= count <= len(self.counted) + self.unknown


async def test_a_server_that_is_killed_under_load_executes_nothing_twice(make_server: MakeServer) -> None:
    server = make_server("redis82", "appendonly yes", "appendfsync always")
    async with pool_of(server, pool_size=8, acquire_timeout=5) as pool:
        counting = Counting(pool)
        tasks = [asyncio.create_task(counting.count(number)) for number in range(30)]
        for _ in range(3):
            more = len(counting.counted) + 100
            await until(lambda more=more: len(counting.counted) >= more)  # type: ignore[misc]
            await asyncio.to_thread(server.kill)
            while not server.alive:
                with contextlib.suppress(hiredis.ReplyError):  # it loads what it has written
                    await asyncio.to_thread(server.start)
        more = len(counting.counted) + 100
        await until(lambda: len(counting.counted) >= more)
        counting.stop = True
        await asyncio.gather(*tasks)
        assert no_seat_is_lost(pool)
        count = await pool.execute("GET", "n")
        assert isinstance(count, bytes)
        counting.check(int(count))


@pytest.mark.parametrize("how", list(Cut))
@pytest.mark.parametrize("direction", [REPLIES, REQUESTS])
async def test_a_network_that_cuts_executes_nothing_twice(
    redis82: Server, proxy: MakeProxy, how: Cut, direction: Any
) -> None:
    between, chance = await proxy(redis82), random.Random(f"{how}{direction}")
    async with pool_of(between, pool_size=8, acquire_timeout=5) as pool:
        counting = Counting(pool)
        tasks = [asyncio.create_task(counting.count(number)) for number in range(30)]
        for _ in range(60):
            more = len(counting.counted) + 5
            await until(lambda more=more: len(counting.counted) >= more)  # type: ignore[misc]
            between.drop_after(chance.randrange(200), direction, how)
        counting.stop = True
        await asyncio.gather(*tasks)
        await between.heal()
        count = await pool.execute("GET", "n")
        assert isinstance(count, bytes)
        counting.check(int(count))
        assert no_seat_is_lost(pool)


async def test_a_server_killed_while_all_is_idle_is_not_noticed_once_it_is_back(
    make_server: MakeServer,
) -> None:
    server = make_server("redis82")
    async with pool_of(server, pool_size=4) as pool:
        leases = [await pool.acquire() for _ in range(3)]
        assert await asyncio.gather(*(client.execute("PING") for client in leases)) == [b"PONG"] * 3
        assert await pool.execute("PING") == b"PONG"
        for client in leases[1:]:
            await pool.release(client)
        server.kill()
        server.start()
        assert await asyncio.gather(*(pool.execute("INCR", "n") for _ in range(10))) == list(range(1, 11))
        assert await pool.execute_many([("INCR", "n")]) == [11]
        with pytest.raises(PyRedisConnClosed):
            await leases[0].execute("INCR", "n")
        await pool.release(leases[0])
        async with pool.lease() as client:
            assert await client.execute("INCR", "n") == 12


async def test_while_the_server_is_away_every_command_fails_at_once(make_server: MakeServer) -> None:
    server = make_server("redis82")
    async with pool_of(server, pool_size=2, acquire_timeout=DEADLINE) as pool:
        await pool.execute("PING")
        server.kill()
        await until(lambda: not pool.statistics.lanes)
        for _ in range(3):
            started = time.monotonic()
            outcomes = await asyncio.gather(
                *(pool.execute("INCR", "n") for _ in range(20)),
                *(pool.acquire() for _ in range(20)),
                pool.execute_many([("INCR", "n")]),
                return_exceptions=True,
            )
            assert time.monotonic() - started < DEADLINE / 2
            assert {getattr(outcome, "sent", outcome) for outcome in outcomes} == {False}
        assert no_seat_is_lost(pool)
        server.start()
        assert await pool.execute("INCR", "n") == 1


# -- cuts


ASKED: Final[list[tuple[str | int, ...]]] = [
    ("GET", "string"),
    ("PING",),
    ("STRLEN", "string"),
    ("LPUSH", "string", "x"),
    ("GET", "nothing"),
    ("LRANGE", "list", 0, -1),
    ("HGETALL", "hash"),
    ("SMEMBERS", "set"),
    ("ZSCORE", "zset", "m"),
    ("ZRANGE", "zset", 0, -1, "WITHSCORES"),
    ("XRANGE", "stream", "-", "+"),
    ("LRANGE", "nothing", 0, -1),
]


def furnish(server: Server) -> None:
    server.command("SET", "string", b"a\r\nb\0")
    server.command("RPUSH", "list", "a", "", "c\r\n")
    server.command("HSET", "hash", "f", "v", "g", "w")
    server.command("SADD", "set", "m")
    server.command("ZADD", "zset", "1.5", "m", "2", "n")
    server.command("XADD", "stream", "1-1", "f", "v")


def spelled(replies: list[Any]) -> list[str]:
    return [repr(reply) for reply in replies]


@pytest.mark.parametrize(("decoder", "protocol"), [("fast", 2), ("fast", 3), ("typed", 2), ("typed", 3)])
async def test_a_cut_at_any_byte_is_a_clean_error_and_harms_no_later_command(
    redis82: Server, proxy: MakeProxy, decoder: Any, protocol: Any
) -> None:
    furnish(redis82)
    between = await proxy(redis82)
    async with pool_of(between, decoder=decoder, protocol=protocol, pool_size=2, lib_name=None) as pool:
        expected = spelled(await pool.execute_many(ASKED))
        before = between.reply_bytes
        await pool.execute_many(ASKED)
        size = between.reply_bytes - before
        for at in range(size):
            between.drop_after(at, REPLIES, list(Cut)[at % 2])
            if at % 3 == 0:
                with pytest.raises(PyRedisConnClosed) as caught:
                    await pool.execute_many(ASKED)
                assert caught.value.sent is True
            elif at % 3 == 1:
                outcomes = await asyncio.gather(
                    *(pool.execute(*command) for command in ASKED), return_exceptions=True
                )
                for outcome, right in zip(outcomes, expected, strict=True):
                    assert isinstance(outcome, PyRedisConnClosed) or repr(outcome) == right
            else:
                async with pool.lease() as client:
                    await client.bulk_start()
                    for command in ASKED:
                        await client.execute(*command)
                    with pytest.raises(PyRedisConnClosed):
                        await client.bulk_stop()
            assert await pool.execute("ECHO", at) == b"%d" % at
            assert no_seat_is_lost(pool)
        assert spelled(await pool.execute_many(ASKED)) == expected


# -- the server's no


async def refused(pool: AsyncPool, kind: type[ReplyError]) -> bool:
    """Return whether the server refuses a GET in this way."""
    try:
        await pool.execute("GET", "k")
    except kind as error:
        return error.command == "GET"
    return False


async def test_a_server_that_loads_says_so_and_the_connection_stays(make_server: MakeServer) -> None:
    server = make_server("redis82")
    async with pool_of(server, read_timeout=5) as pool:
        await pool.execute_many([("SET", f"{n}", "x" * 100) for n in range(3000)])
        await pool.execute(
            "CONFIG", "SET", "key-load-delay", 300, "loading-process-events-interval-bytes", 1024
        )
        loader = await pool.acquire()
        loading = asyncio.create_task(loader.execute("DEBUG", "RELOAD"))

        await until(lambda: refused(pool, Loading))
        assert type((await pool.execute_many([("GET", "k")]))[0]) is Loading
        assert await loading == b"OK"
        await pool.release(loader)
        assert await pool.execute("GET", "2999") == b"x" * 100
        assert (pool.statistics.opened, pool.statistics.closed) == (2, {})


async def test_a_server_that_is_busy_says_so_and_the_connection_stays(server: Server) -> None:
    server.command("CONFIG", "SET", "busy-reply-threshold", 20)
    async with pool_of(server, read_timeout=10) as pool:
        looping = await pool.acquire()
        busy = asyncio.create_task(looping.execute("EVAL", "while true do end", 0))

        await until(lambda: refused(pool, Busy))
        async with pool.lease() as client:
            with pytest.raises(Busy):
                await client.execute("GET", "k")
        assert type((await pool.execute_many([("GET", "k")]))[0]) is Busy
        assert await pool.execute("SCRIPT", "KILL") == b"OK"
        with pytest.raises(ReplyError, match="killed"):
            await busy
        await pool.release(looping)
        assert await pool.execute("GET", "k") is None
        assert (pool.statistics.opened, pool.statistics.closed) == (2, {})


NOES: Final = [
    (ReadOnly, [("REPLICAOF", "127.0.0.1", 1)], ("SET", "k", "v")),
    (
        MasterDown,
        [("CONFIG", "SET", "replica-serve-stale-data", "no"), ("REPLICAOF", "127.0.0.1", 1)],
        ("GET", "k"),
    ),
    (OutOfMemory, [("CONFIG", "SET", "maxmemory", 1)], ("SET", "k", "v")),
    (NoAuth, [("CONFIG", "SET", "requirepass", "sesame")], ("GET", "k")),
]


@pytest.mark.parametrize(
    ("kind", "causes", "command"), NOES, ids=lambda part: getattr(part, "__name__", None)
)
@pytest.mark.parametrize("decoder", ["fast", "typed"])
async def test_what_a_real_server_refuses_is_a_typed_error_and_the_connection_stays(
    make_server: MakeServer, decoder: Any, kind: type[ReplyError], causes: list[Any], command: tuple[str, ...]
) -> None:
    server = make_server("redis82")
    for cause in causes:
        server.command(*cause)
    async with pool_of(server, decoder=decoder, pool_size=1) as pool:
        for _ in range(2):
            with pytest.raises(kind) as caught:
                await pool.execute(*command)
            assert (caught.value.command, caught.value.code) == (command[0], caught.value.message.split()[0])
            assert [type(reply) for reply in await pool.execute_many([command] * 3)] == [kind] * 3
            async with pool.lease() as client:
                with pytest.raises(kind):
                    await client.execute(*command)
        assert (pool.statistics.opened, pool.statistics.closed) == (1, {})


@pytest.mark.parametrize("use", ["lease", "run", "lane"])
async def test_too_many_clients_is_told_whoever_asks(make_server: MakeServer, use: str) -> None:
    server = make_server("redis82", "maxclients 1")
    server.command("PING")  # the test's own connection is the one
    async with pool_of(server) as pool:
        async with pool.lease() as client:
            with pytest.raises(PyRedisError, match="max number of clients"):
                await USES[use](pool, client)
        assert no_seat_is_lost(pool)


# -- state that must not be handed on


LEAVINGS: Final[list[list[tuple[str | bytes | int, ...]]]] = [
    [("select", 1)],
    [(b"SELECT", b"1")],
    [(b"mUlTi",)],
    [("multi",), ("select", 1)],
    [("multi",), ("select", 1), ("exec",)],
    [("WATCH", "k"), ("MULTI",), ("select", 1), ("EXEC",)],
    [(b"watch", b"k")],
    [("subscribe", "a", "b"), ("unsubscribe", "a")],
    [(b"Monitor",)],
    [("client", "reply", "off")],
    [(b"CLIENT", b"Reply", b"Skip")],
    [("auth", "eve", "pw")],
    [("hello", 2, "auth", "eve", "pw")],
    [("hello", 3, "setname", "mine")],
    [("client", "no-touch", "on")],
    [("reset",), ("auth", "eve", "pw")],
]


@pytest.mark.parametrize("sent", ["one by one", "pipelined", "in bulk, never stopped"])
@pytest.mark.parametrize("leaving", LEAVINGS, ids=lambda leaving: repr(leaving[-1]))
async def test_what_a_lease_did_to_its_connection_reaches_no_lane(
    redis82: Server, leaving: list[tuple[str | bytes | int, ...]], sent: str
) -> None:
    redis82.command("ACL", "SETUSER", "eve", "on", ">pw", "+@all", "~*", "&*")
    redis82.command("SET", "k", "in 0")
    async with pool_of(redis82, pool_size=1, protocol=2) as pool:
        client = await pool.acquire()
        number = await client.execute("CLIENT", "ID")
        if sent == "one by one":
            for command in leaving:
                await client.execute(*command)
        elif sent == "pipelined":
            async with client.pipeline() as pipeline:
                for command in leaving:
                    await pipeline.execute(*command)
        else:
            await client.bulk_start(bulk_size=1)
            for command in leaving:
                await client.execute(*command)
        await pool.release(client)
        assert await pool.execute_many([("GET", "k"), ("ACL", "WHOAMI"), ("CLIENT", "GETNAME")]) == [
            b"in 0",
            b"default",
            None,
        ]
        assert await pool.execute("CLIENT", "ID") != number
        assert await pool.execute("HGETALL", "nothing") == []


@pytest.mark.parametrize(
    "script",
    [
        "return redis.call('SELECT', 1)",
        "redis.setresp(3); return redis.call('PING')",
        "return redis.pcall('MULTI')",
        "return redis.pcall('WATCH', 'k')",
        "return redis.pcall('SUBSCRIBE', 'c')",
        "return redis.pcall('AUTH', 'eve', 'pw')",
        "return redis.pcall('CLIENT', 'REPLY', 'OFF')",
        "return redis.pcall('CLIENT', 'SETNAME', 'mine')",
    ],
)
async def test_what_a_script_tries_on_a_lane_changes_nothing_for_the_others(
    server: Server, script: str
) -> None:
    server.command("ACL", "SETUSER", "eve", "on", ">pw", "+@all", "~*", "&*")
    server.command("SET", "k", "in 0")
    async with pool_of(server, pool_size=1) as pool:
        outcomes = await asyncio.gather(
            *(pool.execute("GET", "k") for _ in range(3)),
            pool.execute("EVAL", script, 0),
            *(pool.execute("GET", "k") for _ in range(3)),
            return_exceptions=True,
        )
        assert outcomes[:3] == outcomes[4:] == [b"in 0"] * 3
        assert await pool.execute("ACL", "WHOAMI") == b"default"
        assert await pool.execute("CLIENT", "GETNAME") is None
        assert await pool.execute("HGETALL", "nothing") == []


# -- many tasks, few connections


@pytest.mark.parametrize("use", ["lease", "execute", "both"])
async def test_a_thousand_tasks_over_four_connections_starve_nobody(redis82: Server, use: str) -> None:
    rounds = 3
    finished: Counter[int] = Counter()
    behind = 0

    async def work(number: int) -> None:
        nonlocal behind
        for turn in range(rounds):
            if use == "lease" or (use == "both" and number % 10 == 0):
                async with pool.lease() as client:
                    assert await client.execute("ECHO", number) == b"%d" % number
            else:
                assert await pool.execute("ECHO", number) == b"%d" % number
            finished[turn] += 1
            if turn and use != "both":
                behind = max(behind, 1000 - finished[turn - 1])

    async with pool_of(redis82, pool_size=4, acquire_timeout=30, read_timeout=30) as pool:
        async with asyncio.timeout(20):
            await asyncio.gather(*(work(number) for number in range(1000)))
        assert finished == dict.fromkeys(range(rounds), 1000)
        assert behind <= 8  # nobody had his second turn while more than a few waited for their first
        assert no_seat_is_lost(pool)
        assert redis82.clients() <= 4


@pytest.mark.parametrize("size", [1, 2])
@pytest.mark.parametrize("leasing", [1, 5])
async def test_leases_and_lanes_on_few_seats_let_each_other_through(
    redis82: Server, size: int, leasing: int
) -> None:
    leased = executed = 0
    stop = False

    async def lease() -> None:
        nonlocal leased
        while not stop:
            async with pool.lease() as client:
                await client.execute("PING")
                leased += 1

    async def execute() -> None:
        nonlocal executed
        while not stop:
            await pool.execute("PING")
            executed += 1

    async with pool_of(redis82, pool_size=size, acquire_timeout=5) as pool:
        tasks = [
            *(asyncio.create_task(execute()) for _ in range(50)),
            *(asyncio.create_task(lease()) for _ in range(leasing)),
        ]
        await until(lambda: leased >= 100 and executed >= 100)
        stop = True
        await asyncio.gather(*tasks)
        assert no_seat_is_lost(pool)


@pytest.mark.parametrize("acquire_timeout", [0, 5])
async def test_a_seat_that_becomes_a_lane_is_not_lost_for_who_waits_for_a_lease(
    redis82: Server, proxy: MakeProxy, acquire_timeout: float
) -> None:
    between = await proxy(redis82)
    between.stall()
    async with pool_of(between, pool_size=1, database=1, acquire_timeout=acquire_timeout) as pool:
        executing = [asyncio.create_task(pool.execute("ECHO", "a")) for _ in range(10)]
        await until(lambda: between.accepted == 1)
        acquiring = asyncio.create_task(pool.acquire())
        await asyncio.sleep(0)
        await between.heal()
        async with asyncio.timeout(DEADLINE):
            client = await acquiring
        assert await client.execute("ECHO", "b") == b"b"
        await pool.release(client)
        assert await asyncio.gather(*executing) == [b"a"] * 10


async def test_resizing_under_load_loses_no_command_and_no_seat(redis82: Server) -> None:
    chance = random.Random("resize")
    async with pool_of(redis82, pool_size=4, acquire_timeout=10) as pool:
        storm = Storm(pool, "resize")
        for _ in range(8):
            tasks = [asyncio.create_task(storm.task(number)) for number in range(120)]
            while not all(task.done() for task in tasks):
                pool.pool_size = chance.randrange(1, 9)
                await asyncio.sleep(0.002)
            assert await asyncio.gather(*tasks) == [None] * 120
            assert no_seat_is_lost(pool)
        pool.pool_size = 1
        await until(lambda: redis82.clients() <= 1)
        assert await pool.execute("PING") == b"PONG"


async def test_a_dead_first_address_of_a_name_is_passed_by(
    redis82: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def getaddrinfo(host: str, port: int, **_: Any) -> list[tuple[Any, ...]]:
        return [
            (socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP, "", (address, port))
            for address in ("127.0.0.9", redis82.host)
        ]

    monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", getaddrinfo)
    async with AsyncPool("db.example", redis82.port) as pool:
        assert await asyncio.gather(*(pool.execute("ECHO", n) for n in range(5))) == [
            b"%d" % n for n in range(5)
        ]


# -- the end


@pytest.mark.parametrize("state", ["idle", "leased", "lane", "busy lane", "busy lease"])
async def test_a_pool_that_is_dropped_warns_once_and_says_nothing_else(
    redis82: Server, capfd: pytest.CaptureFixture[str], state: str
) -> None:
    complaints: list[Any] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: complaints.append(context))

    async def drop() -> None:
        pool = pool_of(redis82, pool_size=2)
        if state in ("idle", "leased"):
            client = await pool.acquire()
            await client.execute("PING")
            if state == "idle":
                await pool.release(client)
            return
        await pool.execute("PING")
        if state == "lane":
            return
        busy = pool if state == "busy lane" else await pool.acquire()
        await pool.execute("PING")
        task = asyncio.create_task(busy.execute("PING"))
        await asyncio.sleep(0)
        task.cancel()
        await asyncio.wait([task])

    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        await drop()
        gc.collect()
        await redis82.until_clients(0)
        gc.collect()
    assert [str(warning.message)[:19] for warning in caught] == ["unclosed <AsyncPool"]
    assert caught[0].category is ResourceWarning
    assert not complaints
    assert capfd.readouterr() == ("", "")


async def test_close_in_the_middle_of_everything_ends_everything_at_once(
    redis82: Server, proxy: MakeProxy
) -> None:
    between = await proxy(redis82)
    for turn in range(10):
        pool = pool_of(between, pool_size=4, acquire_timeout=None, read_timeout=None, conn_timeout=None)
        storm = Storm(pool, f"close {turn}")
        tasks: list[asyncio.Task[Any]] = [asyncio.create_task(storm.task(number)) for number in range(60)]
        tasks += [asyncio.create_task(pool.execute("BLPOP", "never", 0)) for _ in range(2)]
        tasks += [asyncio.create_task(pool.acquire()) for _ in range(2)]
        await asyncio.sleep(turn * 0.002)
        async with asyncio.timeout(DEADLINE):
            await pool.close()
            outcomes = await asyncio.gather(*tasks, return_exceptions=True)
        assert {type(outcome) for outcome in outcomes} <= {PyRedisConnClosed, AsyncClient, type(None)}
        with pytest.raises(PyRedisConnClosed, match="closed"):
            await pool.execute("PING")
        now = pool.statistics
        assert (now.idle, now.lanes, now.opening, now.waiting) == (0, 0, 0, 0)
        await until(lambda: between.open == 0)


@pytest.mark.parametrize("use", ["acquire", "execute"])
async def test_close_ends_connects_that_are_under_way(redis82: Server, proxy: MakeProxy, use: str) -> None:
    between = await proxy(redis82)
    between.stall()
    pool = pool_of(between, database=1, conn_timeout=None)
    tasks = [
        asyncio.ensure_future(pool.acquire() if use == "acquire" else pool.execute("PING")) for _ in range(3)
    ]
    await until(lambda: between.accepted >= 1)
    await pool.close()
    async with asyncio.timeout(DEADLINE):
        outcomes = await asyncio.gather(*tasks, return_exceptions=True)
    assert {type(outcome) for outcome in outcomes} == {PyRedisConnClosed}
    await until(lambda: between.open == 0)


async def test_exhausted_means_leased_by_somebody(redis82: Server) -> None:
    async with pool_of(redis82, pool_size=2) as pool:
        leases = [await pool.acquire() for _ in range(2)]
        for ask in (pool.acquire(), pool.execute("PING"), pool.execute_many([("PING",)])):
            with pytest.raises(PoolExhausted):
                await ask
        for client in leases:
            await pool.release(client)
        assert await pool.execute("PING") == b"PONG"
