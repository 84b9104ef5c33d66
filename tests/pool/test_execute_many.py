"""Many commands of one task in one go: replies in order, nothing half refused, nobody else disturbed."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Iterator
from typing import Any

import pytest

from pyredis import (
    AsyncPool,
    PyRedisConnClosed,
    PyRedisConnError,
    PyRedisConnReadTimeout,
    ReplyError,
    StatefulCommand,
    WrongType,
)
from tests.conftest import MakeProxy
from tests.hostile import Close, Hear, Hostile, Reset, Say, Stall
from tests.proxy import REPLIES
from tests.servers import Server, until

pytestmark = pytest.mark.usefixtures("no_leaks")


def pool_of(server: Any, **options: Any) -> AsyncPool:
    return AsyncPool(server.host, server.port, **options)


@pytest.mark.parametrize("decoder", ["fast", "typed"])
@pytest.mark.parametrize("protocol", [2, 3])
async def test_replies_come_in_the_order_of_the_commands(server: Server, decoder: Any, protocol: Any) -> None:
    async with pool_of(server, decoder=decoder, protocol=protocol) as pool:
        commands = [("ECHO", number) for number in range(1_000)]
        assert await pool.execute_many(commands) == [b"%d" % number for number in range(1_000)]
        assert pool.statistics.opened <= 2


async def test_no_commands_have_no_replies_and_need_no_connection(server: Server) -> None:
    async with pool_of(server) as pool:
        assert await pool.execute_many([]) == []
        assert pool.statistics.opened == 0


async def test_twenty_thousand_commands(server: Server) -> None:
    async with pool_of(server) as pool:
        assert await pool.execute_many(("RPUSH", "list", n) for n in range(20_000)) == list(range(1, 20_001))
        assert await pool.execute("LLEN", "list") == 20_000


async def test_a_generator_of_any_sequences_will_do(server: Server) -> None:
    def commands() -> Iterator[Any]:
        yield ("SET", "k", 1)
        yield [b"incr", bytearray(b"k")]
        yield ("CONFIG", "GET", "maxmemory")
        yield ("OBJECT", "ENCODING", "k")

    async with pool_of(server) as pool:
        assert await pool.execute_many(commands()) == [b"OK", 2, [b"maxmemory", b"0"], b"int"]


async def test_error_replies_are_in_place_and_name_their_command(server: Server) -> None:
    async with pool_of(server) as pool:
        one, wrong, two, unknown, three = await pool.execute_many(
            [
                ("SET", "k", "v"),
                ("LPUSH", "k", "x"),
                ("GET", "k"),
                ("OBJECT", "FREQ", "k"),
                ("STRLEN", "k"),
            ]
        )
        assert (one, two, three) == (b"OK", b"v", 1)
        assert isinstance(wrong, WrongType)
        assert wrong.command == "LPUSH"
        assert isinstance(unknown, ReplyError)
        assert unknown.command == "OBJECT FREQ"


@pytest.mark.parametrize(
    ("wrong", "error"),
    [
        (("BLPOP", "queue", 1), ValueError),
        (("XREAD", "BLOCK", 1, "STREAMS", "s", 0), ValueError),
        (("MULTI",), StatefulCommand),
        (("client", "reply", "off"), StatefulCommand),
        (("NO.SUCH", "k"), ValueError),
        (("GET", None), TypeError),
        (("GET", "k", True), TypeError),
        ((), TypeError),
        ("GET", TypeError),
        (("ECHO", "\ud800"), ValueError),
    ],
)
async def test_nothing_is_sent_when_one_of_them_cannot_be(
    server: Server, wrong: Any, error: type[Exception]
) -> None:
    async with pool_of(server) as pool:
        commands = [("INCR", "n")] * 7_000 + [wrong] + [("INCR", "n")] * 10
        with pytest.raises(error):
            await pool.execute_many(commands)
        assert await pool.execute("GET", "n") is None


async def test_others_are_served_between_and_nothing_is_mixed(server: Server) -> None:
    async def single(number: int) -> None:
        for _ in range(20):
            assert await pool.execute("ECHO", number) == b"%d" % number

    async def many(number: int) -> None:
        for size in (1, 3, 150, 1_000):
            replies = await pool.execute_many([("ECHO", f"{number}.{n}") for n in range(size)])
            assert replies == [b"%d.%d" % (number, n) for n in range(size)]

    for size in (1, 4):
        async with pool_of(server, pool_size=size) as pool:
            await asyncio.gather(*(single(n) for n in range(100)), *(many(n) for n in range(10)))
            assert server.clients() <= size


@pytest.mark.parametrize("size", [1, 2])
async def test_cancelling_in_the_middle_shifts_nothing(server: Server, proxy: MakeProxy, size: int) -> None:
    chance, loop = random.Random(size), asyncio.get_running_loop()
    between = await proxy(server)
    between.chunk(500, REPLIES)
    async with pool_of(between, pool_size=size) as pool:
        cancelled = 0
        while cancelled < 200:
            tasks = [
                asyncio.create_task(pool.execute_many([("ECHO", f"{task}.{n}") for n in range(150)]))
                for task in range(20)
            ]
            for task in tasks:
                loop.call_later(chance.random() * 0.1, task.cancel)
            single = asyncio.create_task(pool.execute("ECHO", "single"))
            outcomes = await asyncio.gather(*tasks, return_exceptions=True)
            assert await single == b"single"
            for number, outcome in enumerate(outcomes):
                if isinstance(outcome, asyncio.CancelledError):
                    cancelled += 1
                else:
                    assert outcome == [b"%d.%d" % (number, n) for n in range(150)]
        assert not pool.statistics.closed
        await between.heal()


@pytest.mark.parametrize("end", [Close(), Reset()])
async def test_a_broken_connection_raises_and_nothing_is_sent_twice(end: Any) -> None:
    async with (
        Hostile([Hear(b"INCR"), Say(b":1\r\n"), end], [Stall()]) as hostile,
        pool_of(hostile, lib_name=None) as pool,
    ):
        with pytest.raises(PyRedisConnClosed) as caught:
            await pool.execute_many([("INCR", "n")] * 10)
        assert caught.value.sent is True
        assert hostile.accepted == 1


async def test_what_was_never_sent_is_sent_on_another_connection(server: Server) -> None:
    async with pool_of(server) as pool:
        number = await pool.execute("CLIENT", "ID")
        await until(lambda: pool._lanes[0].wire.idle_for > 0.02)
        server.command("CLIENT", "KILL", "ID", number)  # type: ignore[arg-type]
        assert await pool.execute_many([("INCR", "n")] * 3) == [1, 2, 3]


async def test_an_error_says_that_earlier_ones_were_executed_though_the_last_were_not_sent() -> None:
    select = (Hear(b"SELECT"), Say(b"+OK\r\n"))
    garbage = Say(b":1\r\n" * 5_000 + b"?what\r\n")
    async with (
        Hostile([*select, Hear(b"\r\nlast\r\n"), garbage], [Hear(b"SELECT"), Close()]) as hostile,
        pool_of(hostile, lib_name=None, database=1) as pool,
    ):
        commands = [*[("INCR", "n")] * 4_999, ("INCR", "last"), ("INCR", "n")]
        with pytest.raises(PyRedisConnError, match="being opened") as caught:
            await pool.execute_many(commands)
        assert caught.value.sent is True


async def test_what_the_server_never_answers_ends_with_the_read_timeout() -> None:
    async with (
        Hostile([Hear(b"GET"), Say(b"$1\r\na\r\n"), Stall()]) as hostile,
        pool_of(hostile, lib_name=None, read_timeout=0.2) as pool,
    ):
        with pytest.raises(PyRedisConnReadTimeout):
            await pool.execute_many([("GET", "k")] * 3)


async def test_the_commands_wait_their_turn_while_all_connections_are_leased(server: Server) -> None:
    async with pool_of(server, pool_size=1, acquire_timeout=5) as pool:
        client = await pool.acquire()
        many = asyncio.create_task(pool.execute_many([("ECHO", n) for n in range(3)]))
        await until(lambda: pool.statistics.waiting == 1)
        await pool.release(client)
        assert await many == [b"0", b"1", b"2"]


async def test_a_command_may_be_any_list_of_arguments(server: Server) -> None:
    commands: list[Any] = [["SET", "a", "1"], ("GET", "a"), ["INCR", "a"], (word for word in ("GET", "a"))]
    async with pool_of(server) as pool:
        assert await pool.execute_many(commands) == [b"OK", b"1", 2, b"2"]
        with pytest.raises(TypeError, match="not one str"):
            await pool.execute_many(["GET a"])
