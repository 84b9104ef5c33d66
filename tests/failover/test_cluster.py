"""A pool under load while its cluster loses, moves and changes nodes."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable

import pytest

from pyredis import AsyncClusterPool, ClusterDown, PyRedisConnClosed, PyRedisConnError
from pyredis.commands.slots import key_slot
from tests.clusters import Cluster
from tests.load import Load, recorded

pytestmark = pytest.mark.usefixtures("no_leaks")


@pytest.fixture
async def pool(durable_cluster: Cluster) -> AsyncIterator[AsyncClusterPool]:
    async with AsyncClusterPool(durable_cluster.seeds) as pool:
        yield pool


async def agreement(cluster: Cluster, condition: Callable[[], bool] = lambda: True) -> float:
    """Return when, on the monotonic clock, all live nodes agreed and the condition held."""

    def wait() -> float:
        cluster.wait_until_agreed()
        while not (condition() and cluster.agreed):
            cluster.wait_until_agreed()
        return time.monotonic()

    return await asyncio.to_thread(wait)


async def test_a_primary_is_killed(durable_cluster: Cluster, pool: AsyncClusterPool) -> None:
    async with Load(pool) as load:
        victim = durable_cluster.primaries()[0]
        durable_cluster.kill(victim)
        agreed = await agreement(durable_cluster)
        record = recorded(victim)
        await load.until_more()
    load.check(durable_cluster.primaries(), lost=[record])
    assert load.recovery(agreed) < 1
    assert all(isinstance(error, PyRedisConnError) or error.code == "CLUSTERDOWN" for _, error in load.errors)


async def test_a_primary_is_stalled(durable_cluster: Cluster, pool: AsyncClusterPool) -> None:
    async with Load(pool) as load:
        victim = durable_cluster.primaries()[0]
        durable_cluster.stall(victim)
        agreed = await agreement(durable_cluster)
        await load.until_more()
        record = recorded(victim)
        durable_cluster.resume(victim)
        await agreement(durable_cluster)
        await load.until_more()
    load.check(durable_cluster.primaries(), lost=[record])
    assert load.recovery(agreed) < 1


async def test_a_planned_failover_loses_nothing_and_fails_nothing(
    durable_cluster: Cluster, pool: AsyncClusterPool
) -> None:
    async with Load(pool) as load:
        replica = durable_cluster.replica_of(durable_cluster.primaries()[0])
        durable_cluster.failover(replica)
        agreed = await agreement(durable_cluster, lambda: replica in durable_cluster.primaries())
        await load.until_more()
    load.check(durable_cluster.primaries())
    assert load.recovery(agreed) < 1
    assert not load.errors


async def test_a_slot_is_moved_key_by_key_while_it_is_written(
    durable_cluster: Cluster, pool: AsyncClusterPool
) -> None:
    slot = key_slot(b"{moving}")
    source = durable_cluster.primary_of(slot)
    target = next(node for node in durable_cluster.primaries() if node is not source)
    async with Load(pool, prefix="{moving}") as load:
        await durable_cluster.migrate_slot(slot, target)
        await load.until_more()
        await durable_cluster.migrate_slot(slot, source)
        await load.until_more()
    load.check(durable_cluster.primaries())
    assert not load.errors


async def test_many_commands_at_once_outlive_a_primary(
    durable_cluster: Cluster, pool: AsyncClusterPool
) -> None:
    """Those that were not sent wait for its replica together, not one after the other."""
    commands = [("INCR", f"count:{number}") for number in range(5000)]
    await pool.execute_many(commands)
    victim = durable_cluster.primaries()[0]
    durable_cluster.kill(victim)
    began = time.monotonic()
    replies = await pool.execute_many(commands)
    assert time.monotonic() - began < 30, "a part of a second for each of them"
    assert {type(reply) for reply in replies} <= {int, PyRedisConnClosed, PyRedisConnError, ClusterDown}
    await agreement(durable_cluster)
    again = await pool.execute_many(commands)
    for first, second in zip(replies, again, strict=True):
        assert second in ((first + 1,) if isinstance(first, int) else (2, 3))
