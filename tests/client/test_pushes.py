"""The pushes of a connection that commands are executed on: apart from every reply, complete and in order."""

from __future__ import annotations

import asyncio
import random
from typing import Any

import pytest

from pyredis import AsyncConnection, PyRedisConnClosed, PyRedisError
from pyredis.client.pushes import Pushes
from pyredis.types import Push
from tests.conftest import MakeProxy
from tests.proxy import Cut
from tests.servers import Server, until

pytestmark = pytest.mark.usefixtures("no_leaks")


def connection(server: Any, **options: Any) -> AsyncConnection:
    return AsyncConnection(server.host, server.port, **{"protocol": 3, **options})


async def take(pushes: Pushes, count: int) -> list[Any]:
    async with asyncio.timeout(30):
        return [await pushes.get() for _ in range(count)]


@pytest.mark.parametrize("decoder", ["fast", "typed"])
async def test_an_invalidation_is_a_push_and_never_a_reply(server: Server, decoder: Any) -> None:
    chance, rounds = random.Random(1), 1000
    async with connection(server, decoder=decoder) as client, Pushes(client) as pushes:
        await client.execute("CLIENT", "TRACKING", "ON", "BCAST")
        changed: list[bytes] = []

        async def change() -> None:
            async with connection(server) as other:
                for number in range(rounds):
                    key = b"k%d" % number
                    await other.execute("SET", key, number)
                    changed.append(key)
                    if chance.random() < 0.2:
                        await asyncio.sleep(0)

        changing = asyncio.create_task(change())
        for number in range(rounds):
            assert await client.execute("ECHO", f"echo {number}") == b"echo %d" % number
        await changing
        invalidations = await take(pushes, rounds)
    assert all(type(push) is Push for push in invalidations)
    assert invalidations == [[b"invalidate", [key]] for key in changed]


async def test_a_key_that_the_connection_has_read_is_invalidated(server: Server) -> None:
    async with connection(server, encoding="utf-8") as client, Pushes(client) as pushes:
        await client.execute("CLIENT", "TRACKING", "ON")
        await client.execute("MGET", "a", "b")
        server.command("SET", "c", "1")
        server.command("SET", "a", "1")
        assert await pushes.get() == ["invalidate", ["a"]]
        assert await pushes.get(0.01) is None
        server.command("FLUSHALL")
        assert await pushes.get() == ["invalidate", None]


async def test_messages_are_pushes_of_an_ordinary_connection(server: Server) -> None:
    async with connection(server) as client, Pushes(client) as pushes:
        await client.execute("SUBSCRIBE", "a")
        for number in range(100):
            server.command("PUBLISH", "a", number)
            assert await client.execute("INCR", "n") == number + 1
        assert await take(pushes, 100) == [[b"message", b"a", b"%d" % number] for number in range(100)]


async def test_messages_come_in_resp2_as_well(server: Server) -> None:
    async with connection(server, protocol=2) as client, Pushes(client) as pushes:
        await client.execute("SUBSCRIBE", "a")
        server.command("PUBLISH", "a", "1")
        assert await pushes.get() == [b"message", b"a", b"1"]


async def test_the_lines_of_monitor_come_as_they_are(server: Server) -> None:
    async with connection(server) as client, Pushes(client) as pushes:
        await client.execute("MONITOR")
        server.command("GET", "watched")
        line = await pushes.get()
        assert isinstance(line, bytes)
        assert line.endswith(b'"GET" "watched"')


async def test_a_reader_that_is_cancelled_loses_no_push(server: Server) -> None:
    taken: list[Any] = []
    async with connection(server) as client, Pushes(client) as pushes:
        await client.execute("SUBSCRIBE", "a")
        for number in range(300):
            reader = asyncio.create_task(pushes.get())
            await asyncio.sleep(0)
            server.command("PUBLISH", "a", number)
            for _ in range(number % 4):
                await asyncio.sleep(0)
            reader.cancel()
            (done,) = (await asyncio.wait({reader}))[0]
            if not done.cancelled():
                taken.append(done.result())
        taken += await take(pushes, 300 - len(taken))
    assert taken == [[b"message", b"a", b"%d" % number] for number in range(300)]


@pytest.mark.parametrize("how", Cut)
async def test_the_loss_of_the_connection_is_raised_after_what_came_before(
    server: Server, proxy: MakeProxy, how: Cut
) -> None:
    between = await proxy(server)
    async with connection(between) as client, Pushes(client) as pushes:
        await client.execute("SUBSCRIBE", "a")
        server.command("PUBLISH", "a", "1")
        await until(lambda: pushes.buffered)
        between.cut(how)
        assert await anext(pushes) == [b"message", b"a", b"1"]
        for _ in range(2):
            with pytest.raises(PyRedisConnClosed):
                await anext(pushes)
        assert client.closed


async def test_a_connection_that_is_closed_ends_the_wait_for_a_push(server: Server) -> None:
    async with connection(server) as client, Pushes(client) as pushes:
        reader = asyncio.create_task(pushes.get())
        await asyncio.sleep(0)
        client.close()
        with pytest.raises(PyRedisConnClosed):
            await reader


async def test_pushes_can_be_closed_while_the_connection_goes_on(server: Server) -> None:
    async with connection(server) as client:
        pushes = Pushes(client)
        await client.execute("SUBSCRIBE", "a")

        async def listen() -> list[Any]:
            return [push async for push in pushes]

        listener = asyncio.create_task(listen())
        await asyncio.sleep(0)
        pushes.close()
        pushes.close()
        assert await listener == []
        server.command("PUBLISH", "a", "1")
        assert await client.execute("ECHO", "x") == b"x"
        assert pushes.buffered == 0
        async with Pushes(client) as others:
            server.command("PUBLISH", "a", "2")
            assert await others.get() == [b"message", b"a", b"2"]


async def test_a_slow_reader_stops_the_network_and_loses_nothing(server: Server) -> None:
    script = "local text = string.rep('x', 1000) for i = 1, 1000 do redis.call('PUBLISH', 'a', text) end"
    async with connection(server) as client, Pushes(client, buffer_size=100) as pushes:
        server.command("CONFIG", "SET", "client-output-buffer-limit", "pubsub 0 0 0")
        await client.execute("SUBSCRIBE", "a")
        for _ in range(20):
            server.command("EVAL", script, 0)
        await until(lambda: pushes.buffered >= 100)
        for _ in range(100):
            await asyncio.sleep(0)
            assert pushes.buffered < 100 + 2 * 256 * 1024 // 1000
        assert await take(pushes, 20_000) == [[b"message", b"a", b"x" * 1000]] * 20_000
        assert await client.execute("ECHO", "x") == b"x"


async def test_closing_lets_a_connection_go_on_that_was_stopped(server: Server) -> None:
    async with connection(server) as client:
        async with Pushes(client, buffer_bytes=1) as pushes:
            await client.execute("SUBSCRIBE", "a")
            server.command("PUBLISH", "a", "1")
            await until(lambda: pushes.buffered)
        assert await client.execute("ECHO", "x") == b"x"


async def test_there_are_no_pushes_of_a_connection_that_is_not_open(server: Server) -> None:
    client = connection(server)
    with pytest.raises(PyRedisError, match="not connected"):
        Pushes(client)
    client.close()


async def test_commands_get_their_replies_although_nobody_takes_the_pushes(server: Server) -> None:
    async with connection(server) as client, Pushes(client, buffer_size=1) as pushes:
        await client.execute("SUBSCRIBE", "a")
        for number in range(100):
            server.command("PUBLISH", "a", number)
            await until(lambda: pushes.buffered)
            assert await client.execute("ECHO", "x") == b"x"
        assert await take(pushes, 100) == [[b"message", b"a", b"%d" % number] for number in range(100)]


async def test_an_iterator_that_was_replaced_does_not_deafen_the_next_one(server: Server) -> None:
    async with connection(server) as client, Pushes(client) as replaced, Pushes(client) as pushes:
        replaced.close()
        await client.execute("SUBSCRIBE", "a")
        server.command("PUBLISH", "a", "x")
        assert await take(pushes, 1) == [[b"message", b"a", b"x"]]
