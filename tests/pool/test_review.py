"""What a reviewer doubted: seats, replies and deadlines at the moments when two things happen at once."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from pyredis import AsyncPool, PyRedisConnClosed
from tests.hostile import Hear, Hostile, Say, Stall
from tests.servers import Server, until

pytestmark = pytest.mark.usefixtures("no_leaks")


class Unspeakable(str):
    """A str that raises what no argument should."""

    def encode(self, *_: Any) -> bytes:
        raise MemoryError("too long")


async def test_a_connection_that_ends_while_it_is_handed_on_costs_no_seat(redis82: Server) -> None:
    async with AsyncPool(redis82.host, redis82.port, pool_size=1, acquire_timeout=5) as pool:
        for asks in (True, False):
            client = await pool.acquire()
            wire = client._take_wire()
            waiting = asyncio.create_task(pool.execute("PING") if asks else pool.acquire())
            await until(lambda: pool.statistics.waiting == 1, what="the other one waits")
            await pool.release(client)
            wire.eof_received()  # before the other one wakes
            answer: Any = await waiting
            if answer != b"PONG":
                assert await answer.execute("PING") == b"PONG"
                await pool.release(answer)
            assert await pool.execute("PING") == b"PONG"
            assert pool.statistics.closed["lost"] >= 1


async def test_a_pool_can_be_closed_twice_while_a_connection_is_being_opened() -> None:
    async with Hostile([Stall()]) as server:
        pool = AsyncPool(server.host, server.port, password="secret")
        opening = asyncio.create_task(pool.acquire())
        await until(lambda: bool(server.received), what="the connection is there")
        await pool.close()
        await pool.close()
        with pytest.raises(PyRedisConnClosed):
            await opening


async def test_a_command_that_cannot_be_packed_shifts_no_replies(redis82: Server) -> None:
    async with AsyncPool(redis82.host, redis82.port) as pool:
        for name in ("a", "b"):
            await pool.execute("SET", name, name)
        with pytest.raises(MemoryError):
            await pool.execute("SET", "a", Unspeakable("x"))
        assert await asyncio.gather(*(pool.execute("GET", name) for name in "abab")) == [b"a", b"b"] * 2


async def test_a_reply_between_two_pushes_starts_the_time_of_the_next() -> None:
    push, hello = b">2\r\n+invalidate\r\n*0\r\n", b"%1\r\n$5\r\nproto\r\n:3\r\n"
    script = [Hear(b"HELLO"), Say(hello), Hear(b"\r\nGET\r\n$1\r\nk\r\n"), Hear(b"\r\nGET\r\n$1\r\nl\r\n")]
    async with (
        Hostile([*script, Stall()]) as server,
        AsyncPool(server.host, server.port, protocol=3, lib_name=None, read_timeout=60) as pool,
    ):
        first, second = (asyncio.create_task(pool.execute("GET", key)) for key in "kl")
        await until(lambda: server.received and b"$1\r\nl" in bytes(server.received[0]), what="both went")
        (lane,) = pool._lanes
        before = lane.wire._since
        chunk = push + b"+OK\r\n" + push
        lane.wire.get_buffer(-1)[: len(chunk)] = chunk
        lane.wire.buffer_updated(len(chunk))
        assert await first == b"OK"
        assert lane.wire._since > before
        second.cancel()
        await asyncio.wait([second])


async def test_a_bulk_that_was_answered_before_a_batch_failed_does_not_stop_as_if_it_were_whole(
    redis82: Server,
) -> None:
    async with AsyncPool(redis82.host, redis82.port) as pool, pool.lease() as client:
        await client.bulk_start(bulk_size=1)
        await client.execute("PING")
        await client.execute("PING")
        assert client._bulk is not None
        await client._bulk._gather(but=0)
        client.close()
        with pytest.raises(PyRedisConnClosed):
            await client.execute("PING")
        with pytest.raises(PyRedisConnClosed):
            await client.bulk_stop()


@pytest.mark.parametrize("before", [0, 3, 30])
async def test_a_number_with_too_many_digits_is_refused_however_warm_the_pool_is(
    redis82: Server, before: int
) -> None:
    async with AsyncPool(redis82.host, redis82.port) as pool:
        for _ in range(before):
            await pool.execute("SET", "k", 1)
        with pytest.raises(ValueError, match="digits"):
            await pool.execute("SET", "k", 10**5000)
        with pytest.raises(ValueError, match="digits"):
            await pool.execute_many([("SET", "k", 1), ("SET", "k", 10**5000)])
        assert await pool.execute("SET", "k", 10**4000) == b"OK"
