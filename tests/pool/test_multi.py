"""Transactions on a leased client, with its methods."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from pyredis import AsyncPool, ExecAbort, PyRedisError, ReplyError, StatefulCommand, WrongType
from tests.servers import Server

pytestmark = pytest.mark.usefixtures("no_leaks")


def pool_of(server: Any, **options: Any) -> AsyncPool:
    return AsyncPool(server.host, server.port, **options)


@pytest.mark.parametrize("protocol", [2, 3])
@pytest.mark.parametrize("decoder", ["fast", "typed"])
async def test_a_transaction_is_executed_as_one(server: Server, decoder: Any, protocol: Any) -> None:
    async with pool_of(server, decoder=decoder, protocol=protocol) as pool, pool.lease() as client:
        assert await client.multi() == b"OK"
        assert client.in_transaction
        assert await client.set("k", 1) == b"QUEUED"
        assert await client.incr("k") == b"QUEUED"
        assert await pool.get("k") is None
        assert await client.exec() == [b"OK", 2]
        assert client.at_rest


async def test_discard_forgets_the_transaction(server: Server) -> None:
    async with pool_of(server) as pool, pool.lease() as client:
        await client.multi()
        await client.set("k", 1)
        assert await client.discard() == b"OK"
        assert client.at_rest
        assert await client.get("k") is None


@pytest.mark.parametrize("protocol", [2, 3])
async def test_exec_returns_none_when_a_watched_key_was_changed(server: Server, protocol: Any) -> None:
    async with pool_of(server, protocol=protocol) as pool, pool.lease() as client:
        for changed in (True, False):
            assert await client.watch("k") == b"OK"
            assert client.watching
            if changed:
                await pool.set("k", "somebody else's")
            await client.multi()
            await client.set("k", "mine")
            assert await client.exec() == (None if changed else [b"OK"])
            assert not client.watching
        assert await client.get("k") == b"mine"


async def test_unwatch_lets_the_transaction_through(server: Server) -> None:
    async with pool_of(server) as pool, pool.lease() as client:
        await client.watch("k")
        assert await client.unwatch() == b"OK"
        assert client.at_rest
        await pool.set("k", "somebody else's")
        await client.multi()
        await client.set("k", "mine")
        assert await client.exec() == [b"OK"]


async def test_exec_is_refused_when_a_queued_command_was(server: Server) -> None:
    async with pool_of(server) as pool, pool.lease() as client:
        await client.multi()
        with pytest.raises(ReplyError) as refused:
            await client.execute("SET", "k")
        assert refused.value.command == "SET"
        with pytest.raises(ExecAbort) as caught:
            await client.exec()
        assert caught.value.command == "EXEC"
        assert client.at_rest
        assert await client.get("k") is None


async def test_errors_inside_exec_stay_in_place(server: Server) -> None:
    async with pool_of(server) as pool, pool.lease() as client:
        await client.multi()
        await client.set("k", "text")
        await client.lpush("k", "x")
        await client.get("k")
        replies = await client.exec()
        assert isinstance(replies, list)
        done, wrong, value = replies
        assert (done, value) == (b"OK", b"text")
        assert isinstance(wrong, WrongType)
        assert client.at_rest


async def test_a_lease_given_back_in_the_middle_is_closed_and_nothing_is_executed(server: Server) -> None:
    async with pool_of(server, pool_size=1) as pool:
        async with pool.lease() as client:
            await client.multi()
            await client.set("k", "v")
        assert pool.statistics.closed == {"not at rest": 1}
        assert await pool.get("k") is None
        async with pool.lease() as client:
            await client.watch("k")
        assert pool.statistics.closed == {"not at rest": 2}


async def test_a_cancelled_exec_closes_the_connection(server: Server) -> None:
    async with pool_of(server) as pool, pool.lease() as client:
        await client.multi()
        await client.set("k", "v")
        executing = asyncio.create_task(client.exec())
        await asyncio.sleep(0)
        executing.cancel()
        with pytest.raises(asyncio.CancelledError):
            await executing
        assert client.closed
        with pytest.raises(PyRedisError):
            await client.get("k")


@pytest.mark.parametrize("name", ["multi", "exec", "discard", "unwatch"])
async def test_on_a_pool_they_say_to_acquire(server: Server, name: str) -> None:
    async with pool_of(server) as pool:
        with pytest.raises(StatefulCommand, match=r"acquire\(\)"):
            await getattr(pool, name)()
        with pytest.raises(StatefulCommand):
            await pool.watch("k")


async def test_a_counter_that_many_tasks_guard_with_watch_loses_no_step(server: Server) -> None:
    async def step() -> None:
        while True:
            async with pool.lease() as client:
                await client.watch("n")
                now = int(await client.get("n") or 0)  # type: ignore[arg-type]
                await client.multi()
                await client.set("n", now + 1)
                if await client.exec() is not None:
                    return

    async with pool_of(server, pool_size=4, acquire_timeout=20) as pool:
        await asyncio.gather(*(step() for _ in range(50)))
        assert await pool.get("n") == b"50"
        assert not pool.statistics.closed
