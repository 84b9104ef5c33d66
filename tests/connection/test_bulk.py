"""Commands in bulk on one connection: replies in order, bounded memory, and an end whatever happens."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from pyredis import (
    AsyncClient,
    AsyncHashClient,
    AsyncPool,
    PyRedisConnClosed,
    PyRedisConnReadTimeout,
    PyRedisError,
    ReplyError,
    WrongType,
)
from pyredis.types import Push
from tests.conftest import MakeProxy, MakeServer
from tests.hostile import Close, Hear, Hostile, Say
from tests.proxy import REPLIES
from tests.servers import DEADLINE, Server, until

pytestmark = pytest.mark.usefixtures("no_leaks")


def client_of(server: Any, **options: Any) -> AsyncClient:
    return AsyncClient(server.host, server.port, **options)


def pool_of(server: Any, **options: Any) -> AsyncPool:
    return AsyncPool(server.host, server.port, **options)


# -- replies


@pytest.mark.parametrize("decoder", ["fast", "typed"])
@pytest.mark.parametrize("protocol", [2, 3])
@pytest.mark.parametrize("size", [1, 7, 5000])
async def test_the_replies_come_in_order_at_the_end(
    server: Server, size: int, protocol: Any, decoder: Any
) -> None:
    async with client_of(server, protocol=protocol, decoder=decoder) as client:
        await client.bulk_start(bulk_size=size)
        for number in range(100):
            assert await client.execute("ECHO", number) is None
        assert await client.bulk_stop() == [b"%d" % number for number in range(100)]
        assert client.at_rest
        assert await client.execute("ECHO", "after") == b"after"


@pytest.mark.parametrize("size", [1, 7, 5000])
@pytest.mark.parametrize("keep", [True, False])
async def test_error_replies_are_kept_whether_or_not_results_are(
    server: Server, size: int, keep: bool
) -> None:
    async with client_of(server) as client:
        await client.bulk_start(size, keep)
        await client.execute("SET", "k", "v")
        await client.execute("LPUSH", "k", "x")
        await client.execute("OBJECT", "FREQ", "k")
        await client.execute("GET", "k")
        replies = await client.bulk_stop()
        wrong, no_frequency = errors = [reply for reply in replies if isinstance(reply, ReplyError)]
        assert isinstance(wrong, WrongType)
        assert "LFU" in str(no_frequency)
        assert replies == ([b"OK", *errors, b"v"] if keep else errors)
        if keep:
            assert [error.command for error in errors] == ["LPUSH", "OBJECT FREQ"]


async def test_a_bulk_without_commands_has_no_replies(server: Server) -> None:
    async with client_of(server) as client:
        await client.bulk_start()
        assert await client.bulk_stop() == []


async def test_many_more_commands_than_a_batch_holds(server: Server) -> None:
    async with client_of(server) as client, client.pipeline() as pipeline:
        for number in range(23_456):
            await pipeline.execute("ECHO", number)
    assert pipeline.replies == [b"%d" % number for number in range(23_456)]


async def test_commands_have_their_methods_in_a_pipeline(server: Server) -> None:
    async with pool_of(server) as pool, pool.lease() as client:
        async with client.pipeline() as pipeline:
            assert await pipeline.set("k", 1) is None
            assert await pipeline.incr("k") is None
            assert await pipeline.config_get("maxmemory") is None
        assert pipeline.replies == [b"OK", 2, [b"maxmemory", b"0"]]
        await client.bulk_start()
        assert await client.get("k") is None
        assert await client.bulk_stop() == [b"2"]


async def test_a_pipeline_over_several_servers_goes_where_its_options_say(
    redis82: Server, make_server: MakeServer
) -> None:
    servers = [redis82, make_server()]
    async with AsyncHashClient([(server.host, server.port) for server in servers]) as client:
        async with client.pipeline() as pipeline:
            for key in "abcd":
                await pipeline.execute("CONFIG", "GET", "port", shard_key=key)
            for server in servers:
                await pipeline.execute("CONFIG", "GET", "port", sock=f"{server.host}:{server.port}")
        told = [await client.execute("CONFIG", "GET", "port", shard_key=key) for key in "abcd"]
        pinned = [[b"port", b"%d" % server.port] for server in servers]
        assert pipeline.replies == told + pinned
        assert {told[0][1], told[1][1]} == {b"%d" % server.port for server in servers}  # type: ignore[index]


async def test_the_options_of_a_pipeline_to_one_server_are_those_of_its_client(server: Server) -> None:
    async with client_of(server) as client:
        async with client.pipeline() as pipeline:
            await pipeline.execute("ECHO", 1, shard_key="any")
            await pipeline.execute("ECHO", 2, sock=f"{server.host}:{server.port}")
            with pytest.raises(ValueError, match="not the address"):
                await pipeline.execute("ECHO", 3, sock="127.0.0.1:1")
        assert pipeline.replies == [b"1", b"2"]


async def test_tasks_that_share_a_bulk_lose_no_reply(server: Server) -> None:
    for size in (1, 3):
        async with client_of(server) as client:
            await client.bulk_start(size)
            await asyncio.gather(*(client.execute("ECHO", number) for number in range(50)))
            assert await client.bulk_stop() == [b"%d" % number for number in range(50)]


# -- state inside a bulk


@pytest.mark.parametrize("size", [1, 2, 3, 5000])
@pytest.mark.parametrize("protocol", [2, 3])
async def test_a_transaction_inside_a_bulk(server: Server, protocol: Any, size: int) -> None:
    async with client_of(server, protocol=protocol) as client:
        async with client.pipeline(size) as pipeline:
            await pipeline.set("k", 1)
            await pipeline.multi()
            await pipeline.incr("k")
            await pipeline.lpush("k", "x")
            await pipeline.exec()
            await pipeline.get("k")
            await pipeline.multi()
            await pipeline.discard()
            await pipeline.get("k")
        *begun, done, value, multi, discarded, again = pipeline.replies
        assert begun == [b"OK", b"OK", b"QUEUED", b"QUEUED"]
        assert isinstance(done, list)
        assert done[0] == 2
        assert isinstance(done[1], WrongType)
        assert (value, multi, discarded, again) == (b"2", b"OK", b"OK", b"2")
        assert client.at_rest


@pytest.mark.parametrize("size", [1, 5000])
async def test_select_inside_a_bulk_is_remembered(server: Server, size: int) -> None:
    async with pool_of(server) as pool:
        async with pool.lease() as client:
            async with client.pipeline(size) as pipeline:
                for command in (("SET", "k", 0), ("SELECT", 1), ("SET", "k", 1), ("GET", "k")):
                    await pipeline.execute(*command)
            assert pipeline.replies == [b"OK", b"OK", b"OK", b"1"]
            assert client.database == 1
        assert await pool.execute("GET", "k") == b"0"
        assert pool.statistics.closed == {"not at rest": 1}


@pytest.mark.parametrize("size", [1, 5000])
@pytest.mark.parametrize("protocol", [2, 3])
async def test_a_subscription_inside_a_bulk(server: Server, protocol: Any, size: int) -> None:
    heard: list[Any] = []
    async with client_of(server, protocol=protocol) as client, client_of(server) as other:
        client.on_unasked(heard.append)
        async with client.pipeline(size) as pipeline:
            await pipeline.execute("ECHO", "before")
            await pipeline.execute("SUBSCRIBE", "one", "two")
            await pipeline.execute("PING")
            await pipeline.execute("UNSUBSCRIBE", "two")
        before, subscribed, pinged, unsubscribed = pipeline.replies
        assert before == b"before"
        assert subscribed == [[b"subscribe", b"one", 1], [b"subscribe", b"two", 2]]
        assert pinged == (b"PONG" if protocol == 3 else [b"pong", b""])
        assert unsubscribed == [[b"unsubscribe", b"two", 1]]
        assert client.subscriptions == 1
        await other.execute("PUBLISH", "one", "news")
        await until(lambda: heard)
        assert heard == [Push([b"message", b"one", b"news"])]


async def test_messages_between_the_replies_of_a_bulk_are_not_taken_for_replies(server: Server) -> None:
    heard: list[Any] = []
    async with client_of(server, protocol=3) as client, pool_of(server) as pool:
        client.on_unasked(heard.append)
        await client.execute("SUBSCRIBE", "news")
        for _ in range(20):
            publishing = [asyncio.create_task(pool.execute("PUBLISH", "news", n)) for n in range(50)]
            async with client.pipeline(10) as pipeline:
                for number in range(200):
                    await pipeline.execute("ECHO", number)
            assert pipeline.replies == [b"%d" % number for number in range(200)]
            await asyncio.gather(*publishing)
        await until(lambda: len(heard) == 1_000)
        assert {type(push) for push in heard} == {Push}


@pytest.mark.parametrize("size", [1, 2, 5000])
async def test_replies_turned_off_inside_a_bulk_leave_none_in_their_place(server: Server, size: int) -> None:
    async with client_of(server) as client:
        async with client.pipeline(size) as pipeline:
            for command in (
                ("ECHO", 1),
                ("CLIENT", "REPLY", "SKIP"),
                ("ECHO", 2),
                ("ECHO", 3),
                ("CLIENT", "REPLY", "OFF"),
                ("SET", "k", "v"),
                ("ECHO", 4),
                ("CLIENT", "REPLY", "ON"),
                ("GET", "k"),
            ):
                await pipeline.execute(*command)
        assert pipeline.replies == [b"1", None, None, b"3", None, None, None, b"OK", b"v"]
        assert client.at_rest


async def test_a_bulk_with_replies_off_for_good_ends(server: Server) -> None:
    async with client_of(server) as client:
        async with client.pipeline(3) as pipeline:
            await pipeline.execute("CLIENT", "REPLY", "OFF")
            for number in range(10):
                await pipeline.execute("RPUSH", "list", number)
        assert pipeline.replies == [None] * 11
        assert client.reply_mode == "off"
        await until(lambda: server.command("LLEN", "list") == 10)


@pytest.mark.parametrize("size", [1, 5000])
async def test_a_command_that_the_connection_refuses_is_an_error_in_its_place(
    server: Server, size: int
) -> None:
    async with client_of(server) as client:
        async with client.pipeline(size) as pipeline:
            for command in (("ECHO", 1), ("SYNC",), ("MULTI",), ("SUBSCRIBE", "x"), ("ECHO", 2), ("EXEC",)):
                await pipeline.execute(*command)
        one, sync, multi, subscribe, queued, done = pipeline.replies
        assert (one, multi, queued, done) == (b"1", b"OK", b"QUEUED", [b"2"])
        assert isinstance(sync, PyRedisError)
        assert "replication" in str(sync)
        assert isinstance(subscribe, PyRedisError)
        assert "inside MULTI" in str(subscribe)
        assert client.at_rest


async def test_a_bulk_of_refused_commands_alone_ends(server: Server) -> None:
    async with client_of(server) as client:
        async with client.pipeline() as pipeline:
            await pipeline.execute("SYNC")
        assert isinstance(pipeline.replies[0], PyRedisError)
        assert await client.execute("PING") == b"PONG"


async def test_a_command_inside_may_block_longer_than_the_read_timeout(server: Server) -> None:
    async with client_of(server, read_timeout=0.2) as client:
        await client.bulk_start()
        for command in (("ECHO", 1), ("BLPOP", "queue", 30), ("ECHO", 2)):
            await client.execute(*command)
        stopping = asyncio.create_task(client.bulk_stop())
        await server.until_blocked()
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(asyncio.shield(stopping), 0.4)
        server.command("RPUSH", "queue", "x")
        assert await stopping == [b"1", [b"queue", b"x"], b"2"]


async def test_a_server_that_never_answers_ends_with_the_read_timeout(
    server: Server, proxy: MakeProxy
) -> None:
    between = await proxy(server)
    async with client_of(between, read_timeout=0.2) as client:
        between.stall(REPLIES)
        await client.bulk_start(10)
        for number in range(19):
            await client.execute("ECHO", number)
        with pytest.raises(PyRedisConnReadTimeout):
            await client.execute("ECHO", 19)
        with pytest.raises(PyRedisConnReadTimeout):
            await client.bulk_stop()
        await between.heal()


# -- how much is on its way


@pytest.mark.parametrize("size", [1, 10, 100])
async def test_no_more_than_two_batches_are_on_their_way(server: Server, proxy: MakeProxy, size: int) -> None:
    between = await proxy(server)
    one = len(b"*2\r\n$4\r\nECHO\r\n$4\r\n1000\r\n")
    async with client_of(between, lib_name=None, read_timeout=None) as client:
        await client.execute("PING")
        before = between.request_bytes
        between.stall(REPLIES)
        taken = 0

        async def give() -> None:
            nonlocal taken
            for number in range(1_000, 2_000):
                await client.execute("ECHO", number)
                taken += 1

        await client.bulk_start(size)
        giving = asyncio.create_task(give())
        await until(lambda: between.request_bytes == before + 2 * size * one)
        await asyncio.sleep(0)
        assert taken == 2 * size - 1
        await between.heal()
        await giving
        assert await client.bulk_stop() == [b"%d" % number for number in range(1_000, 2_000)]


async def test_without_results_nothing_piles_up(server: Server) -> None:
    async with client_of(server) as client:
        await client.bulk_start(100, keep_results=False)
        for number in range(2_000):
            await client.execute("ECHO", number)
        assert client.bulk_replies == []
        assert await client.bulk_stop() == []


# -- misuse


async def test_starting_twice_and_stopping_unstarted_are_errors(server: Server) -> None:
    async with client_of(server) as client:
        with pytest.raises(PyRedisError, match="no bulk"):
            await client.bulk_stop()
        await client.bulk_start()
        with pytest.raises(PyRedisError, match="already"):
            await client.bulk_start()
        await client.execute("ECHO", 1)
        assert await client.bulk_stop() == [b"1"]
        with pytest.raises(PyRedisError, match="no bulk"):
            await client.bulk_stop()


@pytest.mark.parametrize(
    ("size", "error"), [(0, ValueError), (-1, ValueError), (1.5, TypeError), (True, TypeError)]
)
async def test_a_batch_has_at_least_one_command(server: Server, size: Any, error: type[Exception]) -> None:
    async with client_of(server) as client:
        with pytest.raises(error, match="bulk_size"):
            await client.bulk_start(size)
        assert await client.execute("PING") == b"PONG"


async def test_an_argument_that_cannot_be_sent_is_refused_at_once_and_the_bulk_goes_on(
    server: Server,
) -> None:
    async with client_of(server) as client:
        await client.bulk_start()
        await client.execute("ECHO", 1)
        for wrong in (True, None, [1]):
            with pytest.raises(TypeError, match="argument 2"):
                await client.execute("ECHO", wrong)  # type: ignore[arg-type]
        await client.execute("ECHO", 2)
        assert await client.bulk_stop() == [b"1", b"2"]


# -- the end, too early


async def test_replies_that_came_before_the_connection_was_lost_are_kept() -> None:
    replies = b"$1\r\n1\r\n$1\r\n2\r\n-ERR no\r\n"
    async with (
        Hostile([Hear(b"last"), Say(replies), Close()]) as hostile,
        client_of(hostile, lib_name=None) as client,
    ):
        pipeline = client.pipeline()

        async def work() -> None:
            async with pipeline:
                for text in ("1", "2", "3", "4", "last"):
                    await pipeline.echo(text)

        with pytest.raises(PyRedisConnClosed) as caught:
            await work()
        assert caught.value.sent is True
        one, two, no = pipeline.replies
        assert (one, two) == (b"1", b"2")
        assert isinstance(no, ReplyError)
        assert no.command == "ECHO"


async def test_bulk_stop_raises_when_the_connection_was_lost(server: Server) -> None:
    async with client_of(server) as client:
        number = await client.execute("CLIENT", "ID")
        await client.bulk_start(2)
        await client.execute("ECHO", 1)
        server.command("CLIENT", "KILL", "ID", number)  # type: ignore[arg-type]
        with pytest.raises(PyRedisConnClosed):
            await client.bulk_stop()
        with pytest.raises(PyRedisConnClosed) as caught:
            await client.execute("PING")
        assert caught.value.sent is False


async def test_an_exception_in_the_block_drops_what_was_not_written(server: Server) -> None:
    async with client_of(server) as client:
        pipeline = client.pipeline(2)

        async def work() -> None:
            async with pipeline:
                for number in range(5):
                    await pipeline.execute("RPUSH", "list", number)
                raise ZeroDivisionError

        with pytest.raises(ZeroDivisionError):
            await work()
        assert pipeline.replies == [1, 2]
        assert await client.execute("LRANGE", "list", 0, -1) == [b"0", b"1", b"2", b"3"]
        assert client.at_rest


async def test_the_exception_of_the_block_is_raised_although_the_connection_broke_too(
    server: Server,
) -> None:
    async with client_of(server) as client:

        async def work() -> None:
            async with client.pipeline(1) as pipeline:
                await pipeline.execute("ECHO", 1)
                await server.until_clients(1)  # the kernel connects before the server knows
                server.command("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")
                await until(lambda: client.closed)
                raise ZeroDivisionError

        with pytest.raises(ZeroDivisionError):
            await work()


@pytest.mark.parametrize("where", ["in a command", "in the block", "at its end"])
async def test_a_cancelled_pipeline_ends_at_once(server: Server, proxy: MakeProxy, where: str) -> None:
    between = await proxy(server)
    async with pool_of(between, read_timeout=None, pool_size=1) as pool:
        arrived = asyncio.Event()

        async def work() -> None:
            async with pool.lease() as client, client.pipeline(2) as pipeline:
                await pipeline.execute("ECHO", 1)
                await pipeline.execute("ECHO", 2)
                arrived.set()
                if where == "in a command":
                    await pipeline.execute("ECHO", 3)
                    await pipeline.execute("ECHO", 4)
                elif where == "in the block":
                    await asyncio.Event().wait()

        await pool.execute("PING")
        between.stall(REPLIES)
        task = asyncio.create_task(work())
        await arrived.wait()
        await asyncio.sleep(0)
        task.cancel()
        async with asyncio.timeout(DEADLINE):
            await asyncio.wait([task])
        assert task.cancelled()
        await between.heal()
        assert pool.statistics.closed == {"not at rest": 1}
        assert await pool.execute("ECHO", "next") == b"next"


async def test_a_bulk_that_was_cut_short_by_a_timeout_cancels_nobody_afterwards(
    server: Server, proxy: MakeProxy
) -> None:
    between = await proxy(server)
    async with client_of(between) as client:
        between.stall(REPLIES)
        await client.bulk_start(1)
        await client.execute("ECHO", 1)
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.05):
                await client.execute("ECHO", 2)
        with pytest.raises(PyRedisConnClosed):
            await client.bulk_stop()
        await between.heal()


async def test_a_lease_given_back_during_a_bulk_is_closed(server: Server) -> None:
    async with pool_of(server, pool_size=1) as pool:
        client = await pool.acquire()
        await client.bulk_start(2)
        for number in range(3):
            await client.execute("RPUSH", "list", number)
        await pool.release(client)
        assert pool.statistics.closed == {"not at rest": 1}
        with pytest.raises(PyRedisError, match="released"):
            await client.bulk_stop()
        with pytest.raises(PyRedisError, match="released"):
            await client.execute("PING")
        assert b"2" not in await pool.execute("LRANGE", "list", 0, -1)  # type: ignore[operator]


async def test_a_bulk_that_was_stopped_leaves_the_lease_as_good_as_before(server: Server) -> None:
    async with pool_of(server, pool_size=1) as pool:
        for _ in range(3):
            async with pool.lease() as client, client.pipeline() as pipeline:
                await pipeline.execute("PING")
            assert pipeline.replies == [b"PONG"]
        assert pool.statistics.opened == 1


async def test_a_bulk_opens_the_connection_when_it_must(server: Server) -> None:
    client = client_of(server)
    async with client.pipeline() as pipeline:
        await pipeline.execute("PING")
    assert pipeline.replies == [b"PONG"]
    client.close()
    await client.wait_closed()
