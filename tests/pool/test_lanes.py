"""Shared connections: many tasks on few sockets, each with its own reply, whatever becomes of the others."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import os
import random
import time
from collections.abc import AsyncIterator
from typing import Any

import pytest

from pyredis import (
    AsyncPool,
    PoolExhausted,
    ProtocolError,
    PyRedisConnClosed,
    PyRedisConnError,
    PyRedisConnReadTimeout,
    PyRedisError,
    ReplyError,
    StatefulCommand,
    WrongType,
)
from pyredis.connection.lane import Lane
from pyredis.types import Status
from tests.conftest import MakeProxy, MakeServer
from tests.hostile import Close, Hear, HearBytes, Hostile, Reset, Say, Stall
from tests.proxy import BOTH, REPLIES, REQUESTS, Cut
from tests.servers import DEADLINE, Server, until

pytestmark = pytest.mark.usefixtures("no_leaks", "silent_loop")

GET = Hear(b"GET\r\n$1\r\nk\r\n")
A = Say(b"$1\r\na\r\n")
B = Say(b"$1\r\nb\r\n")


@pytest.fixture
async def silent_loop() -> AsyncIterator[None]:
    """Fail when the event loop has something to complain about, such as an error that nobody retrieved."""
    said: list[object] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: said.append(context))
    yield
    gc.collect()
    await asyncio.sleep(0)
    assert not said


def pool_of(server: Any, **options: Any) -> AsyncPool:
    return AsyncPool(server.host, server.port, **options)


def the_lane(pool: AsyncPool) -> Lane:
    (lane,) = pool._lanes
    return lane


def last_commands(server: Server) -> dict[int, str]:
    """Return the last command of each connection of the pool, by CLIENT ID."""
    listing = server.command("CLIENT", "LIST")
    assert isinstance(listing, bytes)
    facts = [dict(field.split("=", 1) for field in line.split(" ")) for line in listing.decode().splitlines()]
    return {int(fact["id"]): fact["cmd"] for fact in facts if fact["cmd"] != "client|list"}


async def settled(tasks: list[asyncio.Task[Any]]) -> list[Any]:
    return await asyncio.gather(*tasks, return_exceptions=True)


# -- many tasks


@pytest.mark.parametrize("size", [1, 4])
async def test_a_thousand_tasks_share_few_sockets(server: Server, size: int) -> None:
    async def use(number: int) -> None:
        assert await pool.execute("SET", f"k{number}", number) == b"OK"
        assert await pool.execute("GET", f"k{number}") == b"%d" % number
        assert await pool.execute("INCR", f"k{number}") == number + 1

    async with pool_of(server, pool_size=size) as pool:
        await asyncio.gather(*(use(number) for number in range(1_000)))
        assert server.clients() <= size
        assert pool.statistics.opened <= size


async def test_the_commands_of_many_tasks_leave_before_the_first_reply_comes() -> None:
    commands = b"".join(b"*2\r\n$4\r\nECHO\r\n$2\r\n%d\r\n" % number for number in range(10, 60))
    replies = b"".join(b"$2\r\n%d\r\n" % number for number in range(10, 60))
    async with (
        Hostile([GET, A, HearBytes(len(commands)), Say(replies)]) as hostile,
        pool_of(hostile, lib_name=None) as pool,
    ):
        assert await pool.execute("GET", "k") == b"a"
        await pool.execute_many([])
        echoed = await asyncio.gather(*(pool.execute("ECHO", number) for number in range(10, 60)))
        assert echoed == [b"%d" % number for number in range(10, 60)]
        assert hostile.received == [b"*2\r\n$3\r\nGET\r\n$1\r\nk\r\n" + commands]


async def test_the_command_of_a_single_task_is_written_at_once(server: Server) -> None:
    async with pool_of(server, lib_name=None) as pool:
        await pool.execute("GET", "k")
        asking = pool.execute("GET", "k")
        asking.send(None)
        assert the_lane(pool).in_flight == 1
        assert not the_lane(pool).unsent
        asking.close()


async def test_a_cancelled_command_costs_its_own_reply_and_nothing_else(server: Server) -> None:
    async with pool_of(server, lib_name=None) as pool:
        number = await pool.execute("CLIENT", "ID")
        for struck in range(20):
            tasks = [asyncio.create_task(pool.execute("ECHO", n)) for n in range(20)]
            await asyncio.sleep(0)
            assert len(the_lane(pool).owed) == 20
            tasks[struck].cancel()
            outcomes = await settled(tasks)
            assert isinstance(outcomes.pop(struck), asyncio.CancelledError)
            assert outcomes == [b"%d" % n for n in range(20) if n != struck]
        assert await pool.execute("CLIENT", "ID") == number


_WEATHER = {"calm": (), "chunks": (), "delays": (), "cuts": (PyRedisConnError,)}
"""What the network does, and which errors besides a cancellation it excuses."""


async def _read_own(pool: AsyncPool, number: int) -> None:
    """Read what is tagged with a number in one of many ways, and see that nothing else comes."""
    key, own = f"k{number}", b"%d" % number
    match number % 5:
        case 0 | 1:
            assert await pool.execute("GET", key) == own
        case 2:
            assert await pool.execute("HMGET", f"h{number}", "f", "g", "f") == [own, None, own]
        case 3:
            with pytest.raises(WrongType) as caught:
                await pool.execute("LLEN", key)
            assert caught.value.command == "LLEN"
            assert await pool.execute("ECHO", own) == own
        case 4:
            one, error, many = await pool.execute_many(
                [("GET", key), ("LLEN", key), ("HMGET", f"h{number}", "g", "f")]
            )
            assert (one, type(error), many) == (own, WrongType, [None, own])


@pytest.mark.parametrize("weather", _WEATHER)
async def test_a_storm_of_cancellations_shifts_no_reply_of_a_lane(
    redis82: Server, proxy: MakeProxy, weather: str
) -> None:
    chance, loop = random.Random(weather), asyncio.get_running_loop()
    between = await proxy(redis82)
    for number in range(100):
        redis82.command("SET", f"k{number}", number)
        redis82.command("HSET", f"h{number}", "f", number)
    span = {"calm": 0.004, "chunks": 0.04, "delays": 0.012, "cuts": 0.006}[weather]
    if weather == "chunks":
        between.chunk(29, REPLIES)
    elif weather == "delays":
        between.delay(0.002)
    cancelled = served = 0
    async with pool_of(between, pool_size=3) as pool:
        while cancelled < 2_500:
            tasks = [asyncio.create_task(_read_own(pool, number)) for number in range(100)]
            for task in tasks:
                if chance.random() < 0.8:
                    loop.call_later(chance.random() * span, task.cancel)
            if weather == "cuts":
                between.drop_after(chance.randrange(1, 2000), REPLIES, chance.choice(list(Cut)))
            outcomes = await settled(tasks)
            cancelled += sum(isinstance(outcome, asyncio.CancelledError) for outcome in outcomes)
            served += outcomes.count(None)
            excused = (asyncio.CancelledError, *_WEATHER[weather])
            assert not [odd for odd in outcomes if odd is not None and not isinstance(odd, excused)]
        await between.heal()
        assert served > 100
        for number in range(100):
            await _read_own(pool, number)
        now = pool.statistics
        assert (now.leased, now.opening, now.waiting) == (0, 0, 0)
        assert now.lanes + now.idle <= 3
        if weather != "cuts":
            assert not now.closed


async def test_an_error_reply_is_raised_at_its_own_caller(server: Server) -> None:
    server.command("SET", "text", "x")
    async with pool_of(server) as pool:
        commands = [("ECHO", 1), ("LPUSH", "text", "y"), ("ECHO", 2), ("INCR", "text"), ("ECHO", 3)]
        one, wrong, two, no_number, three = await settled(
            [asyncio.create_task(pool.execute(*command)) for command in commands]
        )
        assert (one, two, three) == (b"1", b"2", b"3")
        assert (type(wrong), wrong.command) == (WrongType, "LPUSH")
        assert (type(no_number), no_number.command) == (ReplyError, "INCR")
        assert pool.statistics.opened == 1


# -- arguments


UNSENDABLE: list[Any] = [True, None, ["x"], {"x": 1}, object(), 10**5_000]


@pytest.mark.parametrize("decoder", ["fast", "typed"])
async def test_an_argument_that_cannot_be_sent_hurts_nobody_else(server: Server, decoder: Any) -> None:
    async with pool_of(server, decoder=decoder) as pool:
        await pool.execute("ECHO", "x")
        number = await pool.execute("CLIENT", "ID")
        for at in range(0, 12, 3):
            tasks = [asyncio.create_task(pool.execute("ECHO", f"{n}")) for n in range(12)]
            bad = [asyncio.create_task(pool.execute("ECHO", wrong)) for wrong in UNSENDABLE]
            mixed = tasks[:at] + bad + tasks[at:]
            random.Random(at).shuffle(mixed)
            for error in await settled(bad):
                assert isinstance(error, (TypeError, ValueError))
                assert "argument 2" in str(error)
            assert await settled(tasks) == [b"%d" % n for n in range(12)]
        assert await pool.execute("CLIENT", "ID") == number


async def test_a_str_that_the_encoding_cannot_express_hurts_nobody_else(server: Server) -> None:
    async with pool_of(server, encoding="latin-1") as pool:
        await pool.execute("ECHO", "ok")
        good, bad, also = await asyncio.gather(
            pool.execute("ECHO", "\xe9"),
            pool.execute("ECHO", "\u20ac"),
            pool.execute("ECHO", "\xfc"),
            return_exceptions=True,
        )
        assert (good, also) == ("\xe9", "\xfc")
        assert isinstance(bad, ValueError)
        assert "\u20ac" not in str(bad)


async def test_an_argument_that_cannot_be_sent_shifts_no_reply_behind_the_introduction(
    server: Server, proxy: MakeProxy
) -> None:
    between = await proxy(server)
    nothing: Any = None
    async with pool_of(between) as pool:
        between.stall(REPLIES)
        first = asyncio.create_task(pool.execute("ECHO", "first"))
        await until(lambda: pool._lanes and the_lane(pool).in_flight)
        bad = [asyncio.create_task(pool.execute("ECHO", nothing)) for _ in range(3)]
        good = asyncio.create_task(pool.execute("ECHO", "good"))
        for error in await settled(bad):
            assert isinstance(error, TypeError)
        await between.heal()
        assert (await first, await good) == (b"first", b"good")
        assert await pool.execute("ECHO", "last") == b"last"


@pytest.mark.parametrize("bad", [1, 3])
async def test_a_deadline_holds_although_others_gave_what_cannot_be_sent(bad: int) -> None:
    async with (
        Hostile([GET, A, Stall()], [GET, B]) as hostile,
        pool_of(hostile, lib_name=None, read_timeout=0.3) as pool,
    ):
        assert await pool.execute("GET", "k") == b"a"
        await until(lambda: the_lane(pool).wire._timer is None)
        the_lane(pool)._alone = False  # as after a batch of several
        tasks = [asyncio.create_task(pool.execute("GET", True)) for _ in range(bad)]
        tasks.append(asyncio.create_task(pool.execute("GET", "k")))
        async with asyncio.timeout(5):
            *_, last = await settled(tasks)
        assert isinstance(last, PyRedisConnReadTimeout)


async def test_whoever_waits_for_a_lane_gets_it_when_its_last_command_cannot_be_sent(server: Server) -> None:
    nothing: Any = None
    async with pool_of(server, pool_size=1, acquire_timeout=5) as pool:
        await pool.execute("GET", "k")
        the_lane(pool)._alone = False  # so that the command waits for the end of the turn
        asking = asyncio.create_task(pool.execute("GET", nothing))
        await asyncio.sleep(0)
        async with asyncio.timeout(DEADLINE):
            async with pool.lease() as client:
                assert await client.execute("PING") == b"PONG"
        with pytest.raises(TypeError):
            await asking


@pytest.mark.parametrize("decoder", ["fast", "typed"])
@pytest.mark.parametrize("protocol", [2, 3])
async def test_every_kind_of_argument_arrives_as_it_is_spelled(
    server: Server, decoder: Any, protocol: Any
) -> None:
    spelled = {
        "\u00fc\udcff": b"\xc3\xbc\xff",
        b"\x00\r\n": b"\x00\r\n",
        7: b"7",
        -(2**63): b"-9223372036854775808",
        0.1: b"0.1",
        float("inf"): b"inf",
    }
    async with pool_of(server, decoder=decoder, protocol=protocol) as pool:
        await pool.execute("ECHO", "x")
        given: list[Any] = [*spelled, bytearray(b"array"), memoryview(b"view"), float("nan")]
        want = [*spelled.values(), b"array", b"view", b"nan"]
        assert await asyncio.gather(*(pool.execute("ECHO", argument) for argument in given)) == want


async def test_the_typed_decoder_and_resp3_work_on_lanes(server: Server) -> None:
    async with pool_of(server, decoder="typed", protocol=3) as pool:
        done, *numbers = await asyncio.gather(
            *(
                pool.execute(*command)
                for command in (
                    ("SET", "k", "v"),
                    ("HSET", "h", "f", 1),
                    ("ZADD", "z", 1.5, "m"),
                    ("ZSCORE", "z", "m"),
                    ("SISMEMBER", "s", "x"),
                )
            )
        )
        assert type(done) is Status
        assert numbers == [1, 1, 1.5, 0]


async def test_large_values_of_many_tasks_arrive_whole(server: Server) -> None:
    async def use(number: int) -> None:
        value = bytes([number]) * (1 << 20)
        assert await pool.execute("SET", f"k{number}", value) == b"OK"
        assert await pool.execute("GET", f"k{number}") == value
        assert await pool.execute("SET", f"k{number}", "small") == b"OK"
        assert await pool.execute("GET", f"k{number}") == b"small"

    async with pool_of(server, pool_size=4) as pool:
        await asyncio.gather(*(use(number) for number in range(24)))
        assert pool.statistics.opened <= 4


# -- which commands share


async def shares(pool: AsyncPool, *command: Any) -> bool:
    """Return whether a command goes over a lane: a lease would leave an idle connection behind."""
    with contextlib.suppress(ReplyError):
        await pool.execute(*command)
    now = pool.statistics
    assert (now.lanes, now.idle) in ((1, 0), (0, 1))
    return now.lanes == 1


@pytest.mark.parametrize(
    ("command", "shared"),
    [
        (("GET", "k"), True),
        (("gEt", "k"), True),
        (("CLIENT", "ID"), True),
        (("CONFIG", "GET", "maxmemory"), True),
        (("OBJECT", "ENCODING", "k"), True),
        (("XREAD", "COUNT", 1, "STREAMS", "s", 0), True),
        (("XREAD", "BLOCK", 1, "STREAMS", "s", 0), False),
        (("BLPOP", "queue", 0.01), False),
        (("WAIT", 0, 1), False),
        (("JSON.NOSUCH", "k"), False),
        (("CLIENT", "NOSUCH"), False),
    ],
)
async def test_what_may_block_or_is_unknown_takes_a_lease(
    server: Server, command: tuple[Any, ...], shared: bool
) -> None:
    async with pool_of(server) as pool:
        assert await shares(pool, *command) is shared


async def test_lanes_go_on_while_a_command_blocks(server: Server) -> None:
    async with pool_of(server, pool_size=2) as pool:
        await pool.execute("SET", "k", "v")
        blocked = asyncio.create_task(pool.execute("BLPOP", "queue", 0))
        await server.until_blocked()
        assert await asyncio.gather(*(pool.execute("GET", "k") for _ in range(200))) == [b"v"] * 200
        assert (pool.statistics.leased, pool.statistics.lanes) == (1, 1)
        await pool.execute("RPUSH", "queue", "x")
        assert await blocked == [b"queue", b"x"]


async def test_a_stateful_command_is_refused_even_when_a_lane_is_at_hand(server: Server) -> None:
    async with pool_of(server) as pool:
        await pool.execute("GET", "k")
        for command in (("SELECT", 1), (b"multi",), ("CLIENT", "REPLY", "OFF"), ("subscribe", "x")):
            with pytest.raises(StatefulCommand):
                await pool.execute(*command)
        assert await pool.execute("GET", "k") is None
        assert pool.statistics.opened == 1


async def test_commands_of_a_container_work_on_lanes(server: Server) -> None:
    server.command("SET", "k", "1")
    async with pool_of(server) as pool:
        number, setting, kind = await asyncio.gather(
            pool.execute("CLIENT", "ID"),
            pool.execute("CONFIG", "GET", "maxmemory"),
            pool.execute("OBJECT", "ENCODING", "k"),
        )
        assert isinstance(number, int)
        assert (setting, kind) == ([b"maxmemory", b"0"], b"int")
        assert number in last_commands(server)


# -- acquire and lanes


async def test_an_idle_lane_is_taken_by_acquire(server: Server) -> None:
    async with pool_of(server) as pool:
        number = await pool.execute("CLIENT", "ID")
        async with pool.lease() as client:
            assert await client.execute("CLIENT", "ID") == number
            assert pool.statistics[:3] == (0, 1, 0)
        assert await pool.execute("CLIENT", "ID") == number
        assert server.clients() == 1


async def test_acquire_lets_the_only_lane_drain_and_nothing_is_mixed(
    server: Server, proxy: MakeProxy
) -> None:
    between = await proxy(server)
    async with pool_of(between, lib_name=None, pool_size=1, acquire_timeout=10) as pool:
        await pool.execute("SET", "k", "v")
        between.stall(REPLIES)
        in_flight = [asyncio.create_task(pool.execute("ECHO", n)) for n in range(20)]
        await until(lambda: the_lane(pool).in_flight == 20)
        acquiring = asyncio.create_task(pool.acquire())
        await until(lambda: pool.statistics.waiting == 1)
        behind = [asyncio.create_task(pool.execute("ECHO", n)) for n in range(20, 40)]
        await until(lambda: pool.statistics.waiting == 2)
        await between.heal()
        client = await acquiring
        assert await settled(in_flight) == [b"%d" % n for n in range(20)]
        assert not any(task.done() for task in behind)
        await client.execute("MULTI")
        await client.execute("SET", "k", "w")
        await client.execute("DISCARD")
        await pool.release(client)
        assert await settled(behind) == [b"%d" % n for n in range(20, 40)]
        assert await pool.execute("GET", "k") == b"v"
        assert server.clients() == 1


async def test_execute_without_leave_to_wait_is_refused_when_all_are_leased(server: Server) -> None:
    async with pool_of(server, pool_size=2) as pool:
        leases = [await pool.acquire(), await pool.acquire()]
        outcomes = await settled([asyncio.create_task(pool.execute("PING")) for _ in range(50)])
        assert {type(outcome) for outcome in outcomes} == {PoolExhausted}
        with pytest.raises(PoolExhausted):
            await pool.acquire()
        await pool.release(leases.pop())
        assert await pool.execute("PING") == b"PONG"


async def test_execute_with_leave_to_wait_waits_its_turn(server: Server) -> None:
    async with pool_of(server, pool_size=1, acquire_timeout=10) as pool:
        client = await pool.acquire()
        served: list[str] = []

        async def share(name: str) -> None:
            await pool.execute("PING")
            served.append(name)

        async def lease(name: str) -> None:
            async with pool.lease() as mine:
                served.append(name)
                await mine.execute("PING")

        tasks = []
        for turn, task in enumerate((share("first"), lease("second"), lease("third")), 1):
            tasks.append(asyncio.create_task(task))
            await until(lambda turn=turn: pool.statistics.waiting == turn)  # type: ignore[misc]
        await pool.release(client)
        async with asyncio.timeout(5):
            await asyncio.gather(*tasks)
        assert served == ["first", "second", "third"]


async def test_leases_and_shared_work_take_turns_on_one_connection(server: Server) -> None:
    async with pool_of(server, pool_size=1, acquire_timeout=30) as pool:

        async def share(number: int) -> None:
            for _ in range(10):
                assert await pool.execute("ECHO", number) == b"%d" % number

        async def lease(number: int) -> None:
            for _ in range(10):
                async with pool.lease() as client:
                    await client.execute("MULTI")
                    await client.execute("ECHO", number)
                    assert await client.execute("EXEC") == [b"%d" % number]

        async with asyncio.timeout(25):
            await asyncio.gather(*(share(n) for n in range(50)), *(lease(n) for n in range(20)))
        assert server.clients() == 1


async def test_shared_work_never_fails_for_a_lease_that_wants_the_last_lane(server: Server) -> None:
    async with pool_of(server, pool_size=2, read_timeout=0.3) as pool:
        first = await pool.acquire()
        working = True
        served = 0

        async def share(number: int) -> None:
            nonlocal served
            while working:
                assert await pool.execute("ECHO", number) == b"%d" % number
                served += 1

        tasks = [asyncio.create_task(share(number)) for number in range(50)]
        await until(lambda: served > 500)
        for _ in range(20):
            before = served
            with contextlib.suppress(PoolExhausted):
                async with asyncio.timeout(DEADLINE):
                    await pool.release(await pool.acquire())
            await until(lambda before=before: served > before)  # type: ignore[misc]
        working = False
        await asyncio.gather(*tasks)
        await pool.release(first)


async def test_the_last_lane_is_leased_once_nobody_uses_it(server: Server) -> None:
    async with pool_of(server, pool_size=2) as pool:
        first = await pool.acquire()
        await pool.execute("PING")
        async with asyncio.timeout(DEADLINE):
            second = await pool.acquire()
        assert await second.execute("PING") == b"PONG"
        with pytest.raises(PoolExhausted):
            await pool.execute("PING")
        await pool.release(first)
        await pool.release(second)


async def test_a_thousand_tasks_lease_four_connections_and_nobody_starves(server: Server) -> None:
    served: list[int] = []

    async def use(number: int) -> None:
        async with pool.lease() as client:
            served.append(number)
            assert await client.execute("ECHO", number) == b"%d" % number

    async with pool_of(server, pool_size=4, acquire_timeout=30) as pool:
        await asyncio.gather(*(use(number) for number in range(1_000)))
        assert served == list(range(1_000))
        assert server.clients() <= 4


async def test_a_pool_resized_under_load_keeps_its_books_and_serves_everybody(redis82: Server) -> None:
    chance = random.Random(7)
    working = True

    async def share(number: int) -> None:
        while working:
            assert await pool.execute("ECHO", number) == b"%d" % number

    async def lease(number: int) -> None:
        while working:
            async with pool.lease() as client:
                assert await client.execute("ECHO", number) == b"%d" % number

    async with pool_of(redis82, pool_size=8, acquire_timeout=30) as pool:
        tasks = [asyncio.create_task((share, lease)[n % 4 == 0](n)) for n in range(200)]
        for _ in range(100):
            pool.pool_size = size = chance.randrange(1, 12)
            await until(lambda size=size: sum(pool.statistics[:4]) <= size)  # type: ignore[misc]
            for _ in range(chance.randrange(10)):
                await asyncio.sleep(0)
        working = False
        async with asyncio.timeout(20):
            await asyncio.gather(*tasks)
        now = pool.statistics
        assert (now.leased, now.opening, now.waiting) == (0, 0, 0)
        await redis82.until_clients(now.idle + now.lanes)
        assert now.opened - sum(now.closed.values()) == now.idle + now.lanes
        pool.pool_size = 1
        assert sum(pool.statistics[:4]) == 1
        await redis82.until_clients(1)


# -- long and late replies


async def test_a_command_with_long_replies_gets_a_lane_of_its_own_until_they_are_short(
    server: Server,
) -> None:
    server.command("RPUSH", "list", *range(100_000))
    async with pool_of(server) as pool:
        usual = await pool.execute("CLIENT", "ID")
        while pool.statistics.lanes == 1:
            assert len(await pool.execute("LRANGE", "list", 0, -1)) == 100_000  # type: ignore[arg-type]
        for _ in range(10):
            whole, *gets = await asyncio.gather(
                pool.execute("LRANGE", "list", 0, -1), *(pool.execute("GET", "none") for _ in range(100))
            )
            assert len(whole) == 100_000  # type: ignore[arg-type]
            assert gets == [None] * 100
        commands = last_commands(server)
        assert commands.pop(usual) == "get"  # type: ignore[arg-type]
        assert list(commands.values()) == ["lrange"]
        for _ in range(100):
            await pool.execute("LRANGE", "list", 0, 1)
        await pool.execute("GET", "none")
        await pool.execute("LRANGE", "list", 0, 1)
        assert "get" not in last_commands(server).values()


async def test_others_leave_a_lane_as_soon_as_a_long_reply_holds_it_up() -> None:
    begun = b"*100000\r\n" + b"$1\r\nx\r\n" * 9_000
    async with (
        Hostile([Hear(b"LRANGE"), Say(begun), Stall()], [GET, B, GET, B]) as hostile,
        pool_of(hostile, lib_name=None, read_timeout=None) as pool,
    ):
        ranging = asyncio.create_task(pool.execute("LRANGE", "list", 0, -1))
        await until(lambda: pool._lanes and the_lane(pool).watchful)
        assert await pool.execute("GET", "k") == b"b"
        assert await pool.execute("GET", "k") == b"b"
        assert not ranging.done()
        ranging.cancel()
        await asyncio.wait([ranging])


async def test_new_commands_leave_a_lane_whose_reply_is_late() -> None:
    async with (
        Hostile([GET, A, GET, Stall()], [GET, B, GET, B]) as hostile,
        pool_of(hostile, lib_name=None, read_timeout=None) as pool,
    ):
        assert await pool.execute("GET", "k") == b"a"
        late = [asyncio.create_task(pool.execute("GET", "k"))]
        await until(lambda: the_lane(pool).wire.stalled)
        late.append(asyncio.create_task(pool.execute("GET", "k")))  # it is this one that finds out
        await until(lambda: pool.lane is None)
        assert await pool.execute("GET", "k") == b"b"
        assert await pool.execute("GET", "k") == b"b"
        assert not any(task.done() for task in late)
        for task in late:
            task.cancel()
        await asyncio.wait(late)


async def test_a_lane_that_is_held_up_serves_when_no_other_can_be_opened(
    server: Server, proxy: MakeProxy
) -> None:
    between = await proxy(server)
    server.command("RPUSH", "list", *range(100_000))
    async with pool_of(between, read_timeout=30) as pool:
        await pool.execute("GET", "none")
        await between.refuse()
        uses = [
            use
            for _ in range(20)
            for use in (pool.execute("LRANGE", "list", 0, -1), pool.execute("GET", "none"))
        ]
        outcomes = await settled([asyncio.create_task(use) for use in uses])
        assert outcomes[1::2] == [None] * 20
        assert {len(whole) for whole in outcomes[::2]} == {100_000}
        await pool.execute("LRANGE", "list", 0, -1)
        await pool.execute("LRANGE", "list", 0, 0)
        assert pool.statistics.lanes == 1


async def test_each_waiter_of_a_silent_lane_hears_of_its_own_command() -> None:
    async with (
        Hostile([GET, A, Stall()]) as hostile,
        pool_of(hostile, lib_name=None, read_timeout=0.2) as pool,
    ):
        assert await pool.execute("GET", "k") == b"a"
        names = ["GET", "INCR", "LLEN", "HGET"]
        errors = await settled([asyncio.create_task(pool.execute(name, "k", "f")) for name in names])
        for name, error in zip(names, errors, strict=True):
            assert isinstance(error, PyRedisConnReadTimeout)
            assert (error.command, error.sent, error.seconds) == (name, True, 0.2)
            assert name in str(error)
        assert len(set(map(id, errors))) == 4
        assert pool.statistics.closed == {"timeout": 1}


async def test_what_was_not_sent_when_the_time_was_up_is_sent_on_another_lane() -> None:
    async with (
        Hostile(
            [GET, A, Hear(b"INCR\r\n$1\r\nx"), Stall()], [Hear(b"INCR\r\n$1\r\ny"), Say(b":1\r\n")]
        ) as hostile,
        pool_of(hostile, lib_name=None, read_timeout=0.3) as pool,
    ):
        assert await pool.execute("GET", "k") == b"a"
        silent = asyncio.create_task(pool.execute("INCR", "x"))
        await until(lambda: hostile.played == 1)
        time.sleep(0.5)  # noqa: ASYNC251 - the loop is busy beyond the deadline, and hears of it a turn later
        await asyncio.sleep(0)
        assert await pool.execute("INCR", "y") == 1
        with pytest.raises(PyRedisConnReadTimeout, match="INCR"):
            await silent
        assert b"y" not in hostile.received[0]


async def test_the_deadline_holds_after_a_command_that_was_allowed_to_block_for_long(
    server: Server, proxy: MakeProxy
) -> None:
    between = await proxy(server)
    server.command("RPUSH", "queue", "x")
    async with pool_of(between, pool_size=1, read_timeout=0.3, lib_name=None) as pool:
        assert await pool.execute("BLPOP", "queue", 60) == [b"queue", b"x"]
        between.stall(REPLIES)
        async with asyncio.timeout(5):
            with pytest.raises(PyRedisConnReadTimeout, match="GET"):
                await pool.execute("GET", "k")
        await between.heal()


async def test_the_deadline_holds_beside_a_health_check_that_is_far_away(
    server: Server, proxy: MakeProxy
) -> None:
    between = await proxy(server)
    async with pool_of(between, read_timeout=0.2, health_check_interval=60) as pool:
        await pool.execute("GET", "k")
        wire = the_lane(pool).wire
        before = wire._timer
        await until(lambda: wire._timer is not before)  # it is set for the health check now
        between.stall(REPLIES)
        async with asyncio.timeout(5):
            with pytest.raises(PyRedisConnReadTimeout):
                await pool.execute("GET", "k")
        await between.heal()


# -- loss


@pytest.mark.parametrize("end", [Close(), Reset()])
async def test_when_a_lane_breaks_reads_are_executed_again_and_writes_raise(end: Any) -> None:
    async with (
        Hostile([GET, A, GET, Hear(b"INCR"), end], [Hear(b"STRLEN"), Say(b":5\r\n"), GET, B]) as hostile,
        pool_of(hostile, lib_name=None) as pool,
    ):
        assert await pool.execute("GET", "k") == b"a"
        length, read, wrote = await settled(
            [
                asyncio.create_task(pool.execute(*command))
                for command in (("STRLEN", "k"), ("GET", "k"), ("INCR", "n"))
            ]
        )
        assert (length, read) == (5, b"b")
        assert isinstance(wrote, PyRedisConnClosed)
        assert wrote.sent is True
        assert b"INCR" not in hostile.received[1]


async def test_a_read_is_executed_again_once_and_no_more() -> None:
    async with (
        Hostile([GET, A], [GET, Close()]) as hostile,
        pool_of(hostile, lib_name=None) as pool,
    ):
        assert await pool.execute("GET", "k") == b"a"
        the_lane(pool).wire.abort()
        with pytest.raises(PyRedisConnClosed):
            await pool.execute("GET", "k")
        assert hostile.accepted == 3


async def test_a_write_that_was_not_sent_when_the_lane_broke_is_executed_on_another(server: Server) -> None:
    async with pool_of(server) as pool:
        number = await pool.execute("CLIENT", "ID")
        server.command("CLIENT", "PAUSE", 10_000, "WRITE")
        held = asyncio.create_task(pool.execute("INCR", "x"))
        await until(lambda: the_lane(pool).in_flight)
        await until(lambda: server.blocked() or "incr" in last_commands(server).values())
        server.command("CLIENT", "KILL", "ID", number)  # type: ignore[arg-type]
        server.command("CLIENT", "UNPAUSE")
        await asyncio.sleep(0)  # the end of file is seen in this turn, after what follows
        assert await pool.execute("INCR", "y") == 1
        with pytest.raises(PyRedisConnClosed) as caught:
            await held
        assert caught.value.sent is True


async def test_a_server_restarted_while_idle_is_not_noticed(make_server: MakeServer) -> None:
    server = make_server("redis82")
    async with pool_of(server) as pool:
        for give_turns in (True, False):
            assert await asyncio.gather(*(pool.execute("INCR", "n") for _ in range(10)))
            server.restart()  # blocks the event loop until the server is there again
            if give_turns:
                await until(lambda: pool.statistics.lanes == 0)
            counted = await asyncio.gather(*(pool.execute("INCR", "n") for _ in range(10)))
            assert set(counted) == set(range(1, 11))


async def test_a_failed_connect_is_one_connect_and_everybodys_own_error() -> None:
    async with (
        Hostile([Hear(b"SELECT"), Close()]) as hostile,
        pool_of(hostile, lib_name=None, database=1) as pool,
    ):
        errors = await settled([asyncio.create_task(pool.execute("GET", "k")) for _ in range(1_000)])
        assert {type(error) for error in errors} == {PyRedisConnError}
        assert len(set(map(id, errors))) == 1_000
        assert {error.sent for error in errors} == {False}
        assert hostile.accepted < 10
        assert sum(pool.statistics[:5]) == 0


async def test_everybody_is_told_the_cause_of_a_failed_connect() -> None:
    pool = AsyncPool("127.0.0.1", 1)
    errors = await settled([asyncio.create_task(pool.execute("GET", "k")) for _ in range(10)])
    assert {type(error.__cause__) for error in errors} == {ConnectionRefusedError}


async def test_somebody_else_opens_the_lane_when_the_opener_is_cancelled(make_server: MakeServer) -> None:
    server = make_server("redis82")
    async with pool_of(server, database=1, conn_timeout=None) as pool:
        server.pause()
        tasks = [asyncio.create_task(pool.execute("ECHO", n)) for n in range(20)]
        for task in tasks[:3]:
            await until(lambda: pool.statistics.opening == 1)
            task.cancel()
            await asyncio.wait([task])
        server.resume()
        outcomes = await settled(tasks)
        assert outcomes[3:] == [b"%d" % n for n in range(3, 20)]
        assert pool.statistics.opened == 1


async def test_closing_tells_everybody_who_waits_for_a_reply() -> None:
    async with Hostile([GET, A, Stall()]) as hostile:
        pool = pool_of(hostile, lib_name=None)
        assert await pool.execute("GET", "k") == b"a"
        tasks = [asyncio.create_task(pool.execute("INCR", n)) for n in range(1_000)]
        await until(lambda: the_lane(pool).in_flight == 1_000)
        unsent = [asyncio.create_task(pool.execute("INCR", n)) for n in range(10)]
        await asyncio.sleep(0)
        await pool.close()
        errors = await settled(tasks + unsent)
        assert {type(error) for error in errors} == {PyRedisConnClosed}
        assert len(set(map(id, errors))) == 1_010
        with pytest.raises(PyRedisConnClosed, match="closed"):
            await pool.execute("GET", "k")


async def test_tasks_that_were_cancelled_as_the_pool_closed_leave_no_noise() -> None:
    async with Hostile([GET, A, Stall()]) as hostile:
        pool = pool_of(hostile, lib_name=None)
        assert await pool.execute("GET", "k") == b"a"
        tasks = [asyncio.create_task(pool.execute("INCR", n)) for n in range(100)]
        await until(lambda: the_lane(pool).in_flight == 100)
        await pool.close()
        for task in tasks:
            task.cancel()
        errors = await settled(tasks)
        assert {type(error) for error in errors} <= {asyncio.CancelledError, PyRedisConnClosed}


async def test_closing_fails_at_once_whoever_waits_for_a_connection(server: Server, proxy: MakeProxy) -> None:
    between = await proxy(server)
    pool = pool_of(between, pool_size=1, database=1, conn_timeout=None, acquire_timeout=None)
    between.stall(BOTH)
    tasks = [
        asyncio.create_task(use) for use in (pool.execute("PING"), pool.acquire(), pool.execute("GET", 1))
    ]
    await until(lambda: between.accepted == 1)
    await until(lambda: pool.statistics.waiting == 1)
    await pool.close()
    async with asyncio.timeout(DEADLINE):
        errors = await settled(tasks)
    assert {type(error) for error in errors} == {PyRedisConnClosed}
    assert between.accepted == 1
    assert sum(pool.statistics[:5]) == 0


async def test_closing_gives_nobody_the_seat_of_a_lane() -> None:
    async with Hostile([GET, A, Stall()]) as hostile:
        pool = pool_of(hostile, lib_name=None, pool_size=1, acquire_timeout=10)
        assert await pool.execute("GET", "k") == b"a"
        uses = (pool.execute("GET", "k"), pool.acquire(), pool.execute("GET", "k"))
        tasks = [asyncio.create_task(use) for use in uses]
        await until(lambda: pool.statistics.waiting == 2)
        await pool.close()
        assert {type(error) for error in await settled(tasks)} == {PyRedisConnClosed}
        assert hostile.accepted == 1


async def test_garbage_behind_the_last_reply_of_a_lane_is_handed_to_nobody() -> None:
    async with (
        Hostile([GET, A, GET, Say(b"$1\r\na\r\n?what\r\n")], [GET, B, GET, B, GET, B]) as hostile,
        pool_of(hostile, lib_name=None, pool_size=1, acquire_timeout=2) as pool,
    ):
        assert await pool.execute("GET", "k") == b"a"
        reading = asyncio.create_task(pool.execute("GET", "k"))
        leasing = asyncio.create_task(pool.acquire())
        sharing = asyncio.create_task(pool.execute("GET", "k"))
        await asyncio.sleep(0)
        assert pool.statistics.waiting == 2
        assert await reading == b"a"
        client = await leasing
        assert await client.execute("GET", "k") == b"b"
        await pool.release(client)
        assert await sharing == b"b"
        assert pool.statistics.closed == {"protocol": 1}


# -- generations, loops and forks


async def test_a_lane_that_is_lost_condemns_the_others_when_asked_to(server: Server) -> None:
    async with pool_of(server, close_on_err=True) as pool:
        idle, leased = await pool.acquire(), await pool.acquire()
        number = await pool.execute("CLIENT", "ID")
        await pool.release(idle)
        assert pool.statistics[:3] == (1, 1, 1)
        server.command("CLIENT", "KILL", "ID", number)  # type: ignore[arg-type]
        await until(lambda: pool.statistics[:3] == (0, 1, 0))
        assert await leased.execute("PING") == b"PONG"
        await pool.release(leased)
        assert sum(pool.statistics[:4]) == 0
        assert pool.statistics.closed == {"lost": 1, "condemned": 2}
        assert await pool.execute("PING") == b"PONG"


async def test_a_condemned_lane_finishes_its_work(server: Server, proxy: MakeProxy) -> None:
    between = await proxy(server)
    async with pool_of(between, lib_name=None, close_on_err=True, pool_size=4) as pool:
        doomed = await pool.acquire()
        number = await doomed.execute("CLIENT", "ID")
        await pool.execute("PING")
        between.stall(REPLIES)
        working = [asyncio.create_task(pool.execute("ECHO", n)) for n in range(10)]
        await until(lambda: the_lane(pool).in_flight == 10)
        server.command("CLIENT", "KILL", "ID", number)  # type: ignore[arg-type]
        doomed.close()
        between.stall(REPLIES)
        pool.renew()
        await between.heal()
        assert await settled(working) == [b"%d" % n for n in range(10)]
        await until(lambda: pool.statistics.lanes == 0)
        assert pool.statistics.closed["condemned"] == 1
        await pool.release(doomed)
        assert await pool.execute("PING") == b"PONG"


async def test_a_pool_in_use_is_refused_in_another_event_loop_and_unharmed(server: Server) -> None:
    async with pool_of(server) as pool:
        for _ in range(3):
            await pool.execute("GET", "k")

        async def elsewhere() -> None:
            for use in (pool.execute("GET", "k"), pool.execute_many([("GET", "k")]), pool.acquire()):
                with pytest.raises(PyRedisError, match="another event loop"):
                    await use

        await asyncio.to_thread(asyncio.run, elsewhere())
        assert await pool.execute("GET", "k") is None
        assert pool.statistics.opened == 1


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of a fork in a process with threads
async def test_a_forked_child_is_refused_the_lanes_and_leaves_them_alone(server: Server) -> None:
    async def in_the_child(pool: AsyncPool) -> bool:
        refusals = 0
        for use in (pool.execute("GET", "k"), pool.execute_many([("GET", "k")])):
            try:
                await use
            except PyRedisError as error:
                refusals += "process" in str(error)
        await pool.close()
        return refusals == 2

    async with pool_of(server) as pool:
        for _ in range(3):
            await pool.execute("GET", "k")
        number = await pool.execute("CLIENT", "ID")
        if (child := os.fork()) == 0:
            try:
                right = asyncio.run(in_the_child(pool))
                gc.collect()
                os._exit(0 if right else 1)
            finally:
                os._exit(2)
        _, status = await asyncio.to_thread(os.waitpid, child, 0)
        assert os.waitstatus_to_exitcode(status) == 0
        assert await pool.execute("CLIENT", "ID") == number


async def test_the_protocol_error_of_a_lane_reaches_everybody_on_it() -> None:
    async with (
        Hostile([GET, A, GET, Say(b"?what\r\n")], [GET, B]) as hostile,
        pool_of(hostile, lib_name=None) as pool,
    ):
        assert await pool.execute("GET", "k") == b"a"
        tasks = [asyncio.create_task(pool.execute("GET", "k")) for _ in range(10)]
        errors = await settled(tasks)
        assert {type(error) for error in errors} == {ProtocolError}
        assert len(set(map(id, errors))) == 10
        assert await pool.execute("GET", "k") == b"b"
        assert pool.statistics.closed == {"protocol": 1}


async def test_a_request_that_the_network_does_not_take_ends_with_its_time(
    server: Server, proxy: MakeProxy
) -> None:
    between = await proxy(server)
    async with pool_of(between, read_timeout=1) as pool:
        await pool.execute("GET", "k")
        between.chunk(1000, REQUESTS)
        tasks = [asyncio.create_task(pool.execute("SET", n, bytes(5_000_000))) for n in range(4)]
        for error in await settled(tasks):
            assert isinstance(error, PyRedisConnReadTimeout)
        between.cut()  # megabytes that are still on their way would hold up what is asked next
        await between.heal()
        assert await pool.execute("GET", "k") is None
