"""Shard channels on a cluster: at the right node, and with their slots wherever these go."""

from __future__ import annotations

import asyncio
import contextlib
import gc
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Literal, Self

import hiredis
import pytest

from pyredis import AsyncPubSubClient, ClusterError, NoPerm, PyRedisConnClosed, PyRedisConnError
from pyredis.client.messages import Heard, Message, Reconnected
from pyredis.commands.slots import key_slot
from pyredis.retry import Backoff
from tests.clusters import Cluster
from tests.conftest import MakeCluster
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


# -- a node that does what no real one does on demand


class Node:
    """A cluster of one node that has every slot; it speaks RESP2, and confirms when ``answering`` is set.

    ``behind`` is what it says in one packet with the first confirmations of SSUBSCRIBE, one after the other.
    """

    host: Final = "127.0.0.1"

    def __init__(self, *behind: bytes, unix_path: Path | None = None) -> None:
        self.behind = list(behind)
        self.refusal: bytes | None = None
        self.answering = asyncio.Event()
        self.answering.set()
        self.commands: list[list[bytes]] = []
        self.connections: list[asyncio.StreamWriter] = []
        self.listeners: list[asyncio.StreamWriter] = []
        self.port = 0
        self._path = unix_path

    async def __aenter__(self) -> Self:
        if self._path is not None:
            self._server = await asyncio.start_unix_server(self._serve, self._path)
            return self
        self._server = await asyncio.start_server(self._serve, self.host, 0)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.close()
        self.answering.set()
        for connection in self.connections:
            connection.close()

    def client(self, **options: Any) -> AsyncPubSubClient:
        options = {"reconnect": SOON, "encoding": "utf-8", "lib_name": None, **options}
        return AsyncPubSubClient.of_cluster([(self.host, self.port)], **options)

    def asked(self, command: bytes) -> int:
        return [words[0] for words in self.commands].count(command)

    def publish(self, name: str, payload: str) -> None:
        for listener in self.listeners:
            listener.write(packed(b"smessage", name, payload.encode()))

    def hang_up(self) -> None:
        """Close the connections that have shard channels."""
        for listener in self.listeners:
            listener.close()
        self.listeners = []

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections.append(writer)
        requests = hiredis.Reader()
        with contextlib.suppress(OSError):
            while chunk := await reader.read(1 << 16):
                requests.feed(chunk)
                while words := requests.gets():
                    self.commands.append(words)
                    writer.write(await self._answer(words, writer))
        self.connections.remove(writer)
        writer.close()

    async def _answer(self, words: list[bytes], writer: asyncio.StreamWriter) -> bytes:
        match words:
            case [b"CLUSTER", *_]:
                host = b"" if self._path is not None else self.host.encode()
                node = b"*2\r\n$%d\r\n%b\r\n:%d\r\n" % (len(host), host, self.port or 7000)
                return b"*1\r\n*3\r\n:0\r\n:16383\r\n" + node
            case [b"SSUBSCRIBE" | b"SUNSUBSCRIBE" as verb, *names]:
                await self.answering.wait()
                return self._confirmed(verb, names, writer)
        return b"+PONG\r\n"

    def _confirmed(self, verb: bytes, names: list[bytes], writer: asyncio.StreamWriter) -> bytes:
        if self.refusal is not None:
            return self.refusal
        confirmations = b"".join(packed(verb.lower(), name, 1) for name in names)
        if verb == b"SUNSUBSCRIBE":
            self.listeners.remove(writer)
            return confirmations
        if writer not in self.listeners:
            self.listeners.append(writer)
        return confirmations + (self.behind.pop(0) if self.behind else b"")


def packed(kind: bytes, channel: str | bytes, payload: bytes | int) -> bytes:
    """Return a message, a confirmation or the end of a subscription as RESP2 has it."""
    name = channel.encode() if isinstance(channel, str) else channel
    parts = b"*3\r\n$%d\r\n%b\r\n$%d\r\n%b\r\n" % (len(kind), kind, len(name), name)
    if isinstance(payload, int):
        return parts + b":%d\r\n" % payload
    return parts + b"$%d\r\n%b\r\n" % (len(payload), payload)


MOVED_AWAY = packed(b"sunsubscribe", "c", 0)


@pytest.mark.parametrize("times", [1, 2])
async def test_a_slot_that_moves_right_behind_the_confirmation_is_followed(times: int) -> None:
    async with Node(*[MOVED_AWAY] * times) as node, node.client() as client:
        await client.ssubscribe("c")
        (gap,) = await take(client, 1)
        assert isinstance(gap, Reconnected)
        assert "moved" in str(gap.error)
        assert node.asked(b"SSUBSCRIBE") == times + 1
        assert client.shard_channels == {"c"}
        node.publish("c", "after")
        assert smessage("c", "after") in await take(client, 1)


async def test_so_it_is_by_a_client_of_one_node() -> None:
    async with (
        Node(MOVED_AWAY) as node,
        AsyncPubSubClient(node.host, node.port, encoding="utf-8", lib_name=None) as client,
    ):
        await client.ssubscribe("c")
        assert isinstance((await take(client, 1))[0], Reconnected)
        assert client.shard_channels == {"c"}
        await client.sunsubscribe("c")
        assert client.shard_channels == frozenset()


async def test_messages_of_a_home_that_was_lost_at_once_belong_to_the_gap() -> None:
    early = packed(b"smessage", "c", b"early")
    async with Node(b"", early + MOVED_AWAY) as node, node.client() as client:
        await client.ssubscribe("c")
        node.hang_up()
        assert isinstance((await take(client, 1))[0], Reconnected)
        node.publish("c", "after")
        assert await take(client, 1) == [smessage("c", "after")]


async def test_a_node_that_comes_back_is_announced_once_for_all_its_channels() -> None:
    async with Node() as node, node.client() as client:
        for name in NAMES:
            await client.ssubscribe(name)
        node.behind = [packed(b"smessage", "channel:0", b"early")]
        node.hang_up()
        assert isinstance((await take(client, 1))[0], Reconnected)
        for name in NAMES:
            node.publish(name, "after")
        heard = await take(client, 1 + len(NAMES))
        assert heard == [smessage("channel:0", "early"), *(smessage(name, "after") for name in NAMES)]


async def test_a_channel_unsubscribed_on_its_way_to_another_node_is_not_subscribed_there() -> None:
    async with Node() as node, node.client() as client:
        await client.ssubscribe("c")
        node.answering.clear()
        node.hang_up()
        await until(lambda: node.asked(b"SSUBSCRIBE") == 2)
        ending = asyncio.create_task(client.sunsubscribe("c"))
        await asyncio.sleep(0)
        node.answering.set()
        await ending
        assert client.shard_channels == frozenset()
        assert (node.listeners, node.commands[-1]) == ([], [b"SUNSUBSCRIBE", b"c"])
        await until(lambda: len(node.connections) == 1)


async def test_a_cancelled_subscription_is_seen_and_restored_and_can_be_ended() -> None:
    async with Node() as node, node.client() as client:
        node.answering.clear()
        asking = asyncio.create_task(client.ssubscribe("c"))
        await until(lambda: node.asked(b"SSUBSCRIBE"))
        asking.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asking
        node.answering.set()
        await until(lambda: client.shard_channels == {"c"})
        node.hang_up()
        assert isinstance((await take(client, 1))[0], Reconnected)
        await client.sunsubscribe("c")
        assert (node.listeners, client.shard_channels) == ([], frozenset())


async def test_a_cancelled_subscription_that_is_still_on_its_way_is_ended_with_all_others() -> None:
    async with Node() as node, node.client() as client:
        node.answering.clear()
        asking = asyncio.create_task(client.ssubscribe("c"))
        await until(lambda: node.asked(b"SSUBSCRIBE"))
        asking.cancel()
        ending = asyncio.create_task(client.sunsubscribe())
        await asyncio.sleep(0)
        node.answering.set()
        await ending
        assert node.asked(b"SUNSUBSCRIBE") == 1
        assert (node.listeners, client.shard_channels) == ([], frozenset())


@pytest.mark.parametrize("turns", range(5))
async def test_a_cancelled_unsubscription_leaves_nothing_that_cannot_be_ended(turns: int) -> None:
    async with Node() as node, node.client() as client:
        await client.ssubscribe("c")
        ending = asyncio.create_task(client.sunsubscribe("c"))
        for _ in range(turns):
            await asyncio.sleep(0)
        ending.cancel()
        await asyncio.wait([ending])
        await client.sunsubscribe("c")
        assert (node.listeners, client.shard_channels) == ([], frozenset())


async def test_shard_channels_that_are_refused_for_good_end_all_connections() -> None:
    async with Node() as node, node.client() as client:
        await client.ssubscribe("c")
        node.refusal = b"-NOPERM this user has no permissions to access the channel\r\n"
        node.hang_up()
        with pytest.raises(NoPerm):
            await client.get(10)
        assert client.closed
        async with asyncio.timeout(10):
            await client.wait_closed()
        await until(lambda: not node.connections)


async def test_a_lost_connection_for_all_else_ends_the_shard_channels() -> None:
    async with Node() as node, node.client(reconnect=None) as client:
        await until(lambda: len(node.connections) == 1)
        (main,) = node.connections
        await client.ssubscribe("c")
        main.close()
        with pytest.raises(PyRedisConnError):
            await client.get(10)
        for ask in (client.ssubscribe, client.sunsubscribe):
            with pytest.raises(PyRedisConnClosed, match="is closed"):
                await ask("d")
        await until(lambda: not node.connections)


async def test_a_client_that_is_dropped_while_a_shard_is_down_warns_and_closes() -> None:
    async with Node() as node:
        client = node.client()
        await client.ssubscribe("c")
        node.refusal = b"-CLUSTERDOWN the cluster is down\r\n"
        node.hang_up()
        await until(lambda: node.asked(b"SSUBSCRIBE") > 2 and not node.connections)
        with pytest.warns(ResourceWarning, match="was not closed"):
            del client
        gc.collect()


async def test_a_gap_begins_at_the_last_sign_of_life() -> None:
    async with Node() as node, node.client() as client:
        await client.ssubscribe("c")
        loop = asyncio.get_running_loop()
        confirmed = loop.time()
        await until(lambda: loop.time() > confirmed + 0.3)
        node.hang_up()
        (gap,) = await take(client, 1)
        assert isinstance(gap, Reconnected)
        assert gap.seconds > 0.3


@pytest.mark.parametrize("encoding", [None, "utf-8", "latin-1"])
async def test_no_message_comes_before_its_gap_in_any_encoding(encoding: str | None) -> None:
    name = "café".encode(encoding or "utf-8")
    async with Node() as node, node.client(encoding=encoding) as client:
        await client.ssubscribe(name)
        node.behind = [packed(b"smessage", name, b"after")]
        node.hang_up()
        gap, message = await take(client, 2)
        assert isinstance(gap, Reconnected)
        assert isinstance(message, Message)


async def test_a_node_behind_a_unix_socket_that_knows_no_hosts_tells_of_no_cluster(tmp_path: Path) -> None:
    path = tmp_path / "s"
    limited = Backoff(first=0.01, most=0.01, attempts=2)
    async with (
        Node(MOVED_AWAY, unix_path=path) as node,
        AsyncPubSubClient(unix_sock=str(path), reconnect=limited, lib_name=None) as client,
    ):
        await client.ssubscribe("c")
        with pytest.raises(PyRedisConnError, match="knows of no node"):
            await client.get(10)
        await until(lambda: not node.connections)


# -- several nodes, several slots


async def test_a_dead_shard_does_not_hold_up_the_messages_of_others(
    make_cluster: MakeCluster, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO", "pyredis")
    cluster = make_cluster("redis82", "cluster-require-full-coverage no", primaries=3, replicas=0)
    async with client_of(cluster) as client:
        dead, source, target = sorted(cluster.nodes, key=lambda node: str(node.port) in str(client.address))
        lost, moving = (
            next(name for name in NAMES if cluster.primary_of(key_slot(name.encode())) is node)
            for node in (dead, source)
        )
        await client.ssubscribe(lost)
        await client.ssubscribe(moving)
        cluster.kill(dead)
        await until(lambda: f"lost the connection to {dead.host}:{dead.port}" in caplog.text)
        slot = key_slot(moving.encode())
        cluster.begin_migration(slot, target)
        for node in (target, source):
            node.command("CLUSTER", "SETSLOT", slot, "NODE", cluster.id(target))
        (gap,) = await take(client, 1)
        assert isinstance(gap, Reconnected)
        assert str(target.port) in str(gap.address)
        assert "moved" in str(gap.error)
        assert target.command("SPUBLISH", moving, "after") == 1
        assert await take(client, 1) == [smessage(moving, "after")]
        assert client.shard_channels == {lost, moving}


async def test_what_is_not_subscribed_may_be_unsubscribed(cluster82: Cluster) -> None:
    first = cluster82.nodes[0]
    async with client_of(cluster82) as client, AsyncPubSubClient(first.host, first.port) as other:
        for each in (client, other):
            await each.sunsubscribe(*NAMES)
            await each.ssubscribe("here")
            await each.sunsubscribe(*NAMES)
            assert len(each.shard_channels) == 1


async def test_a_client_of_one_node_unsubscribes_channels_of_several_slots(cluster82: Cluster) -> None:
    first = cluster82.nodes[0]
    own = [name for name in NAMES if cluster82.primary_of(key_slot(name.encode())) is first][:4]
    away = next(name for name in NAMES if cluster82.primary_of(key_slot(name.encode())) is not first)
    async with AsyncPubSubClient(first.host, first.port, encoding="utf-8") as client:
        for name in own:
            await client.ssubscribe(name)
        await client.sunsubscribe(*own[:2])
        assert client.shard_channels == set(own[2:])
        await client.ssubscribe(away)
        await client.ssubscribe(own[2])
        assert publish(cluster82, own[2], "once") == 1
        await client.sunsubscribe()
        assert client.shard_channels == frozenset()
        assert not any(publish(cluster82, name, "never") for name in (*own, away))
