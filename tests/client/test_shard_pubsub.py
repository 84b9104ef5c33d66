"""Shard channels on a cluster: at the right node, and with their slots wherever these go."""

from __future__ import annotations

import asyncio
from typing import Any, Literal

import pytest

from pyredis import AsyncPubSubClient, ClusterError, PyRedisConnClosed, PyRedisConnError
from pyredis.client.messages import Heard, Message, Reconnected
from pyredis.commands.slots import key_slot
from pyredis.retry import Backoff
from tests.clusters import Cluster
from tests.servers import Server, until

pytestmark = pytest.mark.usefixtures("no_leaks")

SOON = Backoff(first=0.01, most=0.1)
NAMES = [f"channel:{number}" for number in range(30)]


@pytest.fixture(params=[2, 3])
def protocol(request: pytest.FixtureRequest) -> Literal[2, 3]:
    version: Literal[2, 3] = request.param
    return version


def client_of(cluster: Cluster, **options: Any) -> AsyncPubSubClient:
    return AsyncPubSubClient.of_cluster(cluster.seeds, **{"reconnect": SOON, "encoding": "utf-8", **options})


def publish(cluster: Cluster, name: str, payload: str) -> int:
    """Publish at the node that has the channel's slot; return how many heard it."""
    heard = cluster.primary_of(key_slot(name.encode())).command("SPUBLISH", name, payload)
    assert isinstance(heard, int)
    return heard


async def take(client: AsyncPubSubClient, count: int) -> list[Heard]:
    async with asyncio.timeout(20):
        return [item for _ in range(count) if (item := await client.get()) is not None]


def smessage(name: str, payload: str) -> Message:
    return Message("smessage", name, None, payload)


def neighbour(cluster: Cluster, node: Server) -> Server:
    return next(other for other in cluster.primaries() if other is not node)


async def test_channels_are_subscribed_at_the_nodes_of_their_slots(
    cluster: Cluster, protocol: Literal[2, 3]
) -> None:
    async with client_of(cluster, protocol=protocol) as client:
        for name in NAMES:
            await client.ssubscribe(name)
        assert client.shard_channels == set(NAMES)
        assert all(publish(cluster, name, f"to {name}") == 1 for name in NAMES)
        heard = await take(client, len(NAMES))
        assert sorted(heard, key=str) == sorted((smessage(n, f"to {n}") for n in NAMES), key=str)

        await client.sunsubscribe(*NAMES[:20])
        assert [publish(cluster, name, "again") for name in NAMES] == [0] * 20 + [1] * 10
        await client.sunsubscribe()
        assert client.shard_channels == frozenset()
        assert not any(publish(cluster, name, "again") for name in NAMES)


async def test_a_client_of_one_node_follows_to_the_others(cluster: Cluster, protocol: Literal[2, 3]) -> None:
    first = cluster.nodes[0]
    async with AsyncPubSubClient(first.host, first.port, protocol=protocol, encoding="utf-8") as client:
        for name in NAMES:
            await client.ssubscribe(name)
        assert all(publish(cluster, name, "hello") == 1 for name in NAMES)
        assert len(await take(client, len(NAMES))) == len(NAMES)
        await client.subscribe("news")
        cluster.nodes[1].command("PUBLISH", "news", "for all")
        assert await take(client, 1) == [Message("message", "news", None, "for all")]


async def test_channels_of_several_slots_at_once_are_refused(cluster82: Cluster) -> None:
    async with client_of(cluster82) as client:
        with pytest.raises(ClusterError, match="the shard channels lie in 2 slots"):
            await client.ssubscribe("a", "b")
        await client.ssubscribe("{x}a", "{x}b")
        assert client.shard_channels == {"{x}a", "{x}b"}


async def test_a_channel_moves_with_its_slot(cluster: Cluster, protocol: Literal[2, 3]) -> None:
    slot = key_slot(b"moving")
    source = cluster.primary_of(slot)
    target = neighbour(cluster, source)
    async with client_of(cluster, protocol=protocol) as client:
        await client.ssubscribe("moving")
        publish(cluster, "moving", "before")
        assert await take(client, 1) == [smessage("moving", "before")]
        await cluster.migrate_slot(slot, target)
        (gap,) = await take(client, 1)
        assert isinstance(gap, Reconnected)
        assert str(target.port) in str(gap.address)
        assert client.shard_channels == {"moving"}
        publish(cluster, "moving", "after")
        assert await take(client, 1) == [smessage("moving", "after")]
        await cluster.migrate_slot(slot, source)
        assert isinstance((await take(client, 1))[0], Reconnected)


async def test_the_channels_of_a_primary_that_dies_are_heard_from_its_replica(cluster: Cluster) -> None:
    victim = cluster.primary_of(key_slot(b"orphan"))
    other = next(n for n in NAMES if cluster.primary_of(key_slot(n.encode())) is not victim)
    async with client_of(cluster) as client:
        await client.ssubscribe("orphan")
        await client.ssubscribe(other)
        cluster.kill(victim)
        publish(cluster, other, "meanwhile")
        assert await take(client, 1) == [smessage(other, "meanwhile")]
        await cluster.until_agreed()
        async with asyncio.timeout(5):
            gap = await client.get()
        assert isinstance(gap, Reconnected)
        assert publish(cluster, "orphan", "after") == 1
        assert await take(client, 1) == [smessage("orphan", "after")]


async def test_after_a_planned_failover_the_channels_are_still_heard(cluster: Cluster) -> None:
    async with client_of(cluster) as client:
        await client.ssubscribe("steady")
        replica = cluster.replica_of(cluster.primary_of(key_slot(b"steady")))
        cluster.failover(replica)
        await cluster.until_primary(replica)

        async def heard() -> bool:
            replica.command("SPUBLISH", "steady", "after")
            return await client.get(0.1) == smessage("steady", "after")

        await until(heard)


async def test_a_plain_subscription_moves_to_another_node_when_its_own_dies(cluster82: Cluster) -> None:
    async with client_of(cluster82) as client:
        await client.subscribe("news")
        victim = next(node for node in cluster82.nodes if str(node.port) in str(client.address))
        cluster82.kill(victim)
        (gap,) = await take(client, 1)
        assert isinstance(gap, Reconnected)
        assert str(victim.port) not in str(client.address)
        await cluster82.until_agreed()
        cluster82.live[0].command("PUBLISH", "news", "still here")
        assert await take(client, 1) == [Message("message", "news", None, "still here")]


async def test_without_reconnects_a_lost_node_is_the_end(cluster82: Cluster) -> None:
    async with client_of(cluster82, reconnect=None) as client:
        await client.ssubscribe("orphan")
        cluster82.primary_of(key_slot(b"orphan")).command("CLIENT", "KILL", "TYPE", "pubsub")
        with pytest.raises(PyRedisConnError):
            await client.get(5)


async def test_closing_ends_every_connection_and_who_waits(cluster82: Cluster) -> None:
    client = client_of(cluster82)
    for name in NAMES:
        await client.ssubscribe(name)
    reader = asyncio.create_task(client.get())
    await asyncio.sleep(0)
    victim = cluster82.primary_of(key_slot(b"orphan"))
    cluster82.kill(victim)  # so that some channels are on their way when it is closed
    client.close()
    with pytest.raises(PyRedisConnClosed):
        await reader
    await client.wait_closed()
    with pytest.raises(PyRedisConnClosed):
        await client.ssubscribe("late")


async def test_a_cancelled_subscription_harms_nobody(cluster82: Cluster) -> None:
    async with client_of(cluster82) as client:
        await client.ssubscribe("here")
        for _ in range(50):
            asking = asyncio.create_task(client.ssubscribe("there"))
            await asyncio.sleep(0)
            asking.cancel()
            with pytest.raises(asyncio.CancelledError):
                await asking
        assert publish(cluster82, "here", "hello") == 1
        assert smessage("here", "hello") in await take(client, 1)


async def test_a_reader_that_does_not_read_holds_up_the_network_of_all_nodes(cluster82: Cluster) -> None:
    async with client_of(cluster82, buffer_size=5) as client:
        for name in NAMES:
            await client.ssubscribe(name)
        for turn in range(20):
            for name in NAMES:
                publish(cluster82, name, f"{turn}")
        heard = await take(client, 20 * len(NAMES))
        for name in NAMES:  # whatever the order between nodes, each channel's own is kept
            mine = [item.payload for item in heard if isinstance(item, Message) and item.channel == name]
            assert mine == [str(turn) for turn in range(20)]
