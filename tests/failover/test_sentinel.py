"""A pool under load while sentinels fail over, lie and die."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator

import pytest

from pyredis import AsyncSentinelPool, PyRedisConnError, ReplyError
from tests.hostile import Hear, Hostile, Say
from tests.load import Load, recorded, watched
from tests.sentinels import Sentinels
from tests.servers import Server, until

pytestmark = pytest.mark.usefixtures("no_leaks")


@pytest.fixture
async def pool(durable_sentinels: Sentinels) -> AsyncIterator[AsyncSentinelPool]:
    async with AsyncSentinelPool(durable_sentinels.addresses, durable_sentinels.name) as pool:
        yield pool


async def another_primary(group: Sentinels, than: Server) -> tuple[Server, float]:
    """Return the new primary, and when all sentinels that are awake agreed on it."""

    def wait() -> tuple[Server, float]:
        primary = asyncio.run(group.until_another(than))
        return primary, time.monotonic()

    return await asyncio.to_thread(wait)


def is_replica(server: Server) -> bool:
    try:
        return server.info("replication")["role"] == "slave"
    except OSError:  # sentinels hang up on a server's clients when they demote it
        return False


async def test_a_primary_is_killed(durable_sentinels: Sentinels, pool: AsyncSentinelPool) -> None:
    async with Load(pool) as load:
        victim = durable_sentinels.primary()
        durable_sentinels.kill(victim)
        record = recorded(victim)
        primary, agreed = await another_primary(durable_sentinels, victim)
        await load.until_more()
    load.check([primary], lost=[record])
    assert load.recovery(agreed) < 1
    assert pool.address is not None
    assert pool.address.port == primary.port


async def test_a_primary_is_stalled(durable_sentinels: Sentinels, pool: AsyncSentinelPool) -> None:
    async with Load(pool) as load:
        victim = durable_sentinels.primary()
        durable_sentinels.stall(victim)
        primary, agreed = await another_primary(durable_sentinels, victim)
        await load.until_more()
        record = recorded(victim)
        durable_sentinels.resume(victim)
        await until(lambda: is_replica(victim), 20)
        await load.until_more()
    load.check([primary], lost=[record])
    assert load.recovery(agreed) < 1


async def test_a_planned_failover(durable_sentinels: Sentinels, pool: AsyncSentinelPool) -> None:
    """What the old primary acknowledges until it is told of its demotion is the sentinels' loss, not ours."""
    before = durable_sentinels.primary()
    with watched(before) as seen:
        async with Load(pool) as load:
            durable_sentinels.failover()
            primary, agreed = await another_primary(durable_sentinels, before)
            await load.until_more()
    load.check([primary], lost=[seen])
    assert load.recovery(agreed) < 1


async def test_a_sentinel_that_lies_is_not_believed(sentinels: Sentinels) -> None:
    """It calls a replica the primary; the replica says otherwise, and the next sentinel is asked."""
    replica = sentinels.replicas()[0]
    address = b"*2\r\n$9\r\n127.0.0.1\r\n$%d\r\n%d\r\n" % (len(str(replica.port)), replica.port)
    lie = [step for _ in range(9) for step in (Hear(b"GET-MASTER-ADDR-BY-NAME"), Say(address))]
    async with Hostile(lie) as liar:
        seeds = [(liar.host, liar.port), *sentinels.addresses]
        async with AsyncSentinelPool(seeds, sentinels.name, lib_name=None) as pool, Load(pool) as load:
            await load.until_more()
            assert pool.address is not None
            assert pool.address.port == sentinels.primary().port
            assert not load.errors


async def test_a_sentinel_that_only_lies_is_told_on(sentinels: Sentinels) -> None:
    replica = sentinels.replicas()[0]
    address = b"*2\r\n$9\r\n127.0.0.1\r\n$%d\r\n%d\r\n" % (len(str(replica.port)), replica.port)
    lie = [step for _ in range(9) for step in (Hear(b"GET-MASTER-ADDR-BY-NAME"), Say(address))]
    async with (
        Hostile(lie) as liar,
        AsyncSentinelPool([(liar.host, liar.port)], sentinels.name, retries=2, lib_name=None) as pool,
    ):
        with pytest.raises(
            PyRedisConnError, match=f"{replica.port} was called the primary, but says .*'slave'"
        ):
            await pool.execute("PING")


async def test_all_sentinels_are_down(sentinels: Sentinels) -> None:
    """What is connected goes on; what needs a new connection is told which sentinels were asked."""
    primary = sentinels.primary()
    async with AsyncSentinelPool(sentinels.addresses, sentinels.name) as pool:
        async with Load(pool) as load:
            for sentinel in sentinels.sentinels:
                sentinels.kill(sentinel)
            await load.until_more()
        load.check([primary])
        assert not load.errors
        pool.renew()
        with pytest.raises(PyRedisConnError, match="no sentinel answers") as caught:
            await pool.execute("GET", "k")
        assert all(str(port) in str(caught.value) for _, port in sentinels.addresses)
        assert caught.value.sent is False


async def test_sentinels_that_do_not_know_the_group(sentinels: Sentinels) -> None:
    async with AsyncSentinelPool(sentinels.addresses, "orders") as pool:
        with pytest.raises(ReplyError, match="no group "):
            await pool.execute("PING")


async def test_a_write_on_a_demoted_primary_goes_to_the_new_one(sentinels: Sentinels) -> None:
    """READONLY says that the server is no primary any more, whatever the sentinels think."""
    async with AsyncSentinelPool(sentinels.addresses, sentinels.name) as pool:
        await pool.execute("SET", "k", 1)
        primary, other = sentinels.primary(), sentinels.replicas()[0]
        primary.command("REPLICAOF", other.host, other.port)  # behind the sentinels' back
        other.command("REPLICAOF", "NO", "ONE")
        with pytest.raises((PyRedisConnError, ReplyError)):
            await pool.execute("SET", "k", 2)
        assert pool.statistics.lanes + pool.statistics.idle == 0
