"""Fixed servers that share the keys: what is refused, and what becomes of a bulk when one of them is lost."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from pyredis import (
    AsyncHashClient,
    AsyncHashPool,
    AsyncPubSubClient,
    ClusterError,
    PyRedisConnError,
    ReplyError,
)
from pyredis.commands.slots import key_slot
from tests.conftest import MakeServer
from tests.servers import Server

pytestmark = pytest.mark.usefixtures("no_leaks")

KEYS = [f"key:{number}" for number in range(40)]
EVEN = next(key for key in KEYS if key_slot(key.encode()) % 2 == 0)
ODD = next(key for key in KEYS if key_slot(key.encode()) % 2)


@pytest.fixture
def servers(make_server: MakeServer, redis82: Server) -> list[Server]:
    """Return two servers: the first, which has ``EVEN``, may be killed."""
    return [make_server("redis82"), redis82]


@pytest.fixture
async def client(servers: list[Server]) -> AsyncIterator[AsyncHashClient]:
    buckets = [(server.host, server.port) for server in servers]
    async with AsyncHashClient(buckets, conn_timeout=1, read_timeout=5) as client:
        await client.set(EVEN, "even")
        await client.set(ODD, "odd")
        yield client


# -- bulks


async def test_replies_of_a_pipeline_stay_beside_their_commands_when_a_server_is_lost(
    servers: list[Server], client: AsyncHashClient
) -> None:
    servers[0].kill()
    pipeline = client.pipeline()

    async def fill() -> None:
        async with pipeline:
            for key in (EVEN, ODD, EVEN, ODD):
                await pipeline.get(key)
            await pipeline.lpush(ODD, 1)

    with pytest.raises(PyRedisConnError):
        await fill()
    assert len(pipeline.replies) == 5
    lost, first, lost_again, second, wrong = pipeline.replies
    assert isinstance(lost, PyRedisConnError)
    assert isinstance(lost_again, PyRedisConnError)
    assert [first, second] == [b"odd", b"odd"]
    assert isinstance(wrong, ReplyError)


async def test_replies_of_a_bulk_stay_beside_their_commands_while_it_goes_on(
    servers: list[Server], client: AsyncHashClient
) -> None:
    servers[0].kill()
    await client.bulk_start(bulk_size=2)
    for key in (EVEN, ODD, ODD, EVEN):
        await client.get(key)
    lost, first, second, lost_again = client.bulk_replies
    assert isinstance(lost, PyRedisConnError)
    assert [first, second] == [b"odd", b"odd"]
    assert isinstance(lost_again, PyRedisConnError)
    with pytest.raises(PyRedisConnError):
        await client.bulk_stop()
    assert await client.get(ODD) == b"odd"


async def test_a_bulk_whose_batch_was_cancelled_does_not_end_as_if_all_were_answered(
    servers: list[Server], client: AsyncHashClient
) -> None:
    await client.bulk_start(bulk_size=2)
    await client.set(EVEN, "again")
    flushing = asyncio.create_task(client.blpop(f"{{{EVEN}}}queue", 0))
    await servers[0].until_blocked()
    flushing.cancel()
    with pytest.raises(asyncio.CancelledError):
        await flushing
    await client.get(ODD)
    with pytest.raises(PyRedisConnError):
        await client.bulk_stop()
    assert await client.get(ODD) == b"odd"


# -- commands without keys


@pytest.mark.parametrize("what", ["pool", "lease"])
async def test_a_message_is_published_where_it_is_said(servers: list[Server], what: str) -> None:
    """Any server would take it, and only those hear it who listen there."""
    buckets = [(server.host, server.port) for server in servers]
    async with (
        AsyncHashPool(buckets) as pool,
        pool.lease() as client,
        AsyncPubSubClient(servers[1].host, servers[1].port) as listening,
    ):
        executor = pool if what == "pool" else client
        await listening.subscribe("news")
        with pytest.raises(ClusterError, match="shard_key= or sock="):
            await executor.publish("news", "x")
        for _ in range(5):
            assert await executor.execute("PUBLISH", "news", "x", shard_key=ODD) == 1
            assert await executor.execute("PUBLISH", "news", "x", shard_key=EVEN) == 0
            sock = f"{servers[1].host}:{servers[1].port}"
            assert await executor.execute("PUBLISH", "news", "x", sock=sock) == 1
        assert await executor.ping() == b"PONG"
        assert await executor.execute("EVAL_RO", "return 1", 0) == 1  # it only reads: any server will do
