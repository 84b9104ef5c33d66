"""A session in a cluster goes where its commands belong, says so, and stays where it has to; on real nodes.

A scripted node says what no real one does.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any, cast

import pytest

from pyredis import (
    AsyncPool,
    ClusterDown,
    ClusterError,
    CrossSlot,
    ExecAbort,
    MovedError,
    PyRedisConnError,
    ReplyError,
    TryAgain,
)
from pyredis.address import TcpAddress
from pyredis.commands.slots import key_slot
from pyredis.exceptions import AskError
from pyredis.types import Status
from pyredis_cli.core import connect
from pyredis_cli.core.outcome import Outcome
from pyredis_cli.core.session import Session
from pyredis_cli.settings import Settings
from tests.clusters import Cluster
from tests.conftest import MakeCluster
from tests.hostile import Hear, Hostile, Say, Step
from tests.servers import Server, free_port, until

pytestmark = pytest.mark.usefixtures("no_leaks")

MakeSession = Callable[..., Session]

FOO, BAR = key_slot(b"foo"), key_slot(b"bar")


@pytest.fixture
async def session_at() -> AsyncIterator[MakeSession]:
    sessions: list[Session] = []

    def make(node: Server | Hostile, **settings: Any) -> Session:
        address = TcpAddress(node.host, node.port)
        settings = {"cluster": True, "conn_timeout": 2.0, **settings}
        sessions.append(connect.session(Settings(address=address, **settings)))
        return sessions[-1]

    yield make
    for session in sessions:
        await session.close()


async def run(session: Session, line: str) -> Outcome:
    return await session.run(line.encode().split())


async def said(session: Session, line: str) -> list[str]:
    """Run a command that must succeed; return what was said of it."""
    outcome = await run(session, line)
    assert outcome.error is None, outcome.error
    return list(outcome.notices)


def three(cluster: Cluster) -> tuple[Server, Server, Server]:
    """Return the node of bar, the one of neither, and the node of foo."""
    first, third = cluster.primary_of(BAR), cluster.primary_of(FOO)
    return first, next(node for node in cluster.primaries() if node not in (first, third)), third


def at(node: Server) -> str:
    return f"{node.host}:{node.port}"


def arrow(slot: int, node: Server) -> str:
    return f"-> slot {slot} at {at(node)}"


# -- following, and knowing the way


async def test_a_redirect_is_followed_and_said_and_the_session_is_there_then(
    cluster: Cluster, session_at: MakeSession
) -> None:
    first, _, third = three(cluster)
    session = session_at(first)
    assert await said(session, "SET foo 1") == [arrow(FOO, third)]
    assert str(session.address) == at(third)
    assert await said(session, "GET foo") == []
    assert third.command("GET", "foo") == b"1"


async def test_from_the_second_command_on_no_node_has_to_redirect(
    cluster82: Cluster, session_at: MakeSession
) -> None:
    first, _, third = three(cluster82)
    session = session_at(first)
    assert await said(session, "SET bar 1") == []
    for node in cluster82.nodes:
        node.command("CONFIG", "RESETSTAT")
    assert await said(session, "SET foo 1") == [arrow(FOO, third)]
    assert await said(session, "INCR bar") == [arrow(BAR, first)]
    assert not any("errorstat_MOVED" in node.info("errorstats") for node in cluster82.nodes)


async def test_a_node_is_come_back_to_on_the_same_connection(
    cluster82: Cluster, session_at: MakeSession
) -> None:
    session = session_at(three(cluster82)[0])
    await said(session, "SET bar 1")
    number = (await run(session, "CLIENT ID")).reply
    await said(session, "SET foo 1")
    await said(session, "SET bar 1")
    assert (await run(session, "CLIENT ID")).reply == number


async def test_commands_without_a_key_run_where_the_session_is(
    cluster82: Cluster, session_at: MakeSession
) -> None:
    first, _, third = three(cluster82)
    session = session_at(first)
    await said(session, "SET foo 1")
    assert (await run(session, "DBSIZE")).reply == third.command("DBSIZE") == 1
    assert str(session.address) == at(third)


async def test_a_write_that_was_redirected_is_executed_once(
    cluster: Cluster, session_at: MakeSession
) -> None:
    first, _, third = three(cluster)
    session = session_at(first)
    assert (await run(session, "INCR foo")).reply == 1
    assert (await run(session, "INCR bar")).reply == 1
    assert third.command("GET", "foo") == b"1"


async def test_a_replica_is_left_for_the_primary_and_read_from_after_readonly(
    cluster82: Cluster, session_at: MakeSession
) -> None:
    third = three(cluster82)[2]
    replica = cluster82.replica_of(third)
    session = session_at(replica)
    assert await said(session, "SET foo 1") == [arrow(FOO, third)]
    reader = session_at(replica)
    await said(reader, "READONLY")
    for _ in range(3):
        assert await said(reader, "GET foo") == []
    assert await said(reader, "SET foo 2") == [f"{arrow(FOO, third)}; not done there: READONLY"]


async def test_without_c_a_redirect_is_only_shown(cluster82: Cluster, session_at: MakeSession) -> None:
    first = three(cluster82)[0]
    session = session_at(first, cluster=False)
    outcome = await run(session, "GET foo")
    assert isinstance(outcome.error, MovedError)
    assert outcome.notices == ("start with -c to follow redirects to other nodes",)
    assert str(session.address) == at(first)


async def test_with_c_a_server_that_is_in_no_cluster_is_served_as_without(
    redis82: Server, session_at: MakeSession
) -> None:
    session = session_at(redis82)
    for line in ("SET foo 1", "SET bar 2", "MGET foo bar", "SELECT 3", "GET foo"):
        assert await said(session, line) == []
    assert session.database == 3


async def test_keys_of_several_slots_are_refused_before_they_are_sent(
    cluster82: Cluster, session_at: MakeSession
) -> None:
    session = session_at(three(cluster82)[0])
    await said(session, "SET bar 1")
    await said(session, "GET bar")
    outcome = await run(session, "MSET foo 1 bar 2")
    assert isinstance(outcome.error, CrossSlot)
    assert f"({BAR}, {FOO})" in str(outcome.error)
    assert outcome.answered
    assert not session.connected or (await run(session, "GET bar")).reply == b"1"


# -- state


async def test_a_user_typed_at_one_node_is_the_user_at_every_node(
    make_cluster: MakeCluster, session_at: MakeSession
) -> None:
    cluster = make_cluster("redis82", "user ada on >pw +@all ~*", replicas=0)
    first, _, third = three(cluster)
    session = session_at(first, protocol=3)
    await said(session, "SET foo 1")
    await said(session, "SET bar 1")
    await said(session, "AUTH ada pw")
    await said(session, "HELLO 2")
    await said(session, "GET foo")  # where there was a connection of the default user
    assert (await run(session, "ACL WHOAMI")).reply == b"ada"
    assert (session.username, session.protocol, str(session.address)) == ("ada", 2, at(third))


async def test_a_password_that_was_changed_is_found_again_on_the_way_to_another_node(
    make_cluster: MakeCluster, session_at: MakeSession
) -> None:
    cluster = make_cluster("redis82", replicas=0)
    first, _, third = three(cluster)
    for node in cluster.nodes:
        node.command("ACL", "SETUSER", "default", "resetpass", ">old")
    session = session_at(first, password="old")
    refused: list[object] = []

    async def renewed(password: object) -> str | None:
        refused.append(password)
        return "new"

    session.renew = renewed
    await said(session, "SET bar 1")
    for node in cluster.nodes:
        node.command("ACL", "SETUSER", "default", "resetpass", ">new")
    assert await said(session, "SET foo 1") == [arrow(FOO, third)]
    assert await said(session, "GET bar") == [arrow(BAR, first)]
    assert refused == ["old"]


async def test_other_credentials_are_there_although_the_old_ones_are_not_all_given_up(
    cluster82: Cluster, session_at: MakeSession
) -> None:
    first, _, _ = three(cluster82)
    session = session_at(first)
    await said(session, "SET bar 1")
    await said(session, "SET foo 1")
    assert session._cluster is not None
    pool = cast("AsyncPool", session.pool.like(pool_size=3))
    replacing = asyncio.create_task(session._cluster.replaced(pool))
    await asyncio.sleep(0)
    replacing.cancel()  # as Ctrl-C does, or a measurement whose time is up
    await asyncio.wait([replacing])
    assert session._cluster.pool_at(pool.address) is pool
    await pool.close()


async def test_a_node_that_refuses_the_user_is_named_and_the_session_stays(
    make_cluster: MakeCluster, session_at: MakeSession
) -> None:
    cluster = make_cluster("redis82", replicas=0)
    first, _, third = three(cluster)
    session = session_at(first, username="default", password="pw")
    third.command("ACL", "SETUSER", "default", "resetpass", ">other")
    outcome = await run(session, "SET foo 1")
    assert isinstance(outcome.error, PyRedisConnError)
    assert f"slot {FOO} is at {at(third)}, where the session cannot go: WRONGPASS" in str(outcome.error)
    assert (str(session.address), session.connected) == (at(first), True)


async def test_what_was_done_to_a_connection_alone_is_told_once(
    cluster82: Cluster, session_at: MakeSession
) -> None:
    first, _, third = three(cluster82)
    session = session_at(first)
    await said(session, "CLIENT SETNAME me")
    assert await said(session, "SET foo 1") == [f"{arrow(FOO, third)}; not done there: CLIENT SETNAME"]
    assert await said(session, "SET bar 1") == [arrow(BAR, first)]
    assert await said(session, "SET foo 1") == [arrow(FOO, third)]


async def test_numbered_databases_are_kept_across_nodes(
    make_cluster: MakeCluster, session_at: MakeSession
) -> None:
    cluster = make_cluster("valkey9", "cluster-databases 4", replicas=0)
    first, _, third = three(cluster)
    session = session_at(first)
    await said(session, "SELECT 2")
    assert await said(session, "SET foo 1") == [arrow(FOO, third)]
    assert session.database == 2
    third.command("SELECT", 2)
    assert third.command("GET", "foo") == b"1"


# -- what keeps a session


async def test_a_transaction_stays_where_it_began_and_fails_as_a_whole(
    cluster: Cluster, session_at: MakeSession
) -> None:
    first, _, third = three(cluster)
    session = session_at(first)
    await said(session, "SET foo 0")
    await said(session, "SET bar 0")
    await said(session, "MULTI")
    await said(session, "SET bar 1")
    outcome = await run(session, "SET foo 1")
    assert isinstance(outcome.error, MovedError)
    assert outcome.notices == (
        f"slot {FOO} is at {at(third)}, but the transaction stays at {at(first)}, which will refuse EXEC now "
        "(EXECABORT): DISCARD it, run a command with that key, then MULTI again",
    )
    assert session.in_transaction
    assert isinstance((await run(session, "EXEC")).error, ExecAbort)
    assert (first.command("GET", "bar"), third.command("GET", "foo")) == (b"0", b"0")
    assert await said(session, "GET foo") == [arrow(FOO, third)]


async def test_a_transaction_of_one_slot_is_executed(cluster82: Cluster, session_at: MakeSession) -> None:
    session = session_at(three(cluster82)[0])
    await said(session, "WATCH foo")
    for line in ("MULTI", "INCR foo", "INCR foo"):
        assert await said(session, line) == []
    assert (await run(session, "EXEC")).reply == [1, 2]


async def test_exec_is_not_followed_when_the_slot_has_moved_meanwhile(
    cluster: Cluster, session_at: MakeSession
) -> None:
    first, second, _ = three(cluster)
    session = session_at(first)
    await said(session, "MULTI")
    await said(session, "SET bar 1")
    await cluster.migrate_slot(BAR, second)
    outcome = await run(session, "EXEC")
    assert isinstance(outcome.error, MovedError)
    assert outcome.notices == (
        f"slot {BAR} is at {at(second)} by now; the transaction was discarded, nothing of it was executed",
    )
    assert not session.in_transaction
    assert second.command("EXISTS", "bar") == 0
    await cluster.migrate_slot(BAR, first)


@pytest.mark.parametrize(
    ("line", "because", "undo"),
    [("WATCH bar", "the watched keys", "UNWATCH"), ("SSUBSCRIBE bar", "1 subscription", "SUNSUBSCRIBE")],
)
async def test_what_would_end_keeps_the_session_where_it_is(
    cluster: Cluster, session_at: MakeSession, line: str, because: str, undo: str
) -> None:
    first, _, third = three(cluster)
    session = session_at(first, protocol=3)
    await said(session, "GET bar")
    await said(session, "GET bar")
    await said(session, line)
    outcome = await run(session, "GET foo")
    assert isinstance(outcome.error, MovedError)
    assert outcome.notices == (
        f"slot {FOO} is at {at(third)}; the session stays at {at(first)} because of {because}",
    )
    await run(session, undo)
    assert await said(session, "GET foo") == [arrow(FOO, third)]


async def test_a_shard_channel_is_subscribed_at_the_node_of_its_slot(
    cluster: Cluster, session_at: MakeSession
) -> None:
    first, _, third = three(cluster)
    session = session_at(first, protocol=3)
    assert await said(session, "SSUBSCRIBE foo") == [arrow(FOO, third)]
    assert (session.subscribed, str(session.address)) == (True, at(third))


# -- slots on their way


async def test_a_slot_on_its_way_is_asked_for_and_the_session_stays(
    cluster: Cluster, session_at: MakeSession
) -> None:
    first, second, _ = three(cluster)
    session = session_at(first)
    await said(session, "SET bar 1")
    cluster.begin_migration(BAR, second)
    cluster.move_keys(BAR, first, second)
    outcome = await run(session, "INCR bar")
    assert (outcome.reply, outcome.error) == (2, None)
    assert outcome.notices == (f"{arrow(BAR, second)}, asked this once",)
    assert str(session.address) == at(first)
    watched = await run(session, "WATCH bar")
    assert isinstance(watched.error, AskError)
    assert watched.notices == (f"slot {BAR} is on its way to {at(second)}; try again when it has arrived",)
    cluster.end_migration(BAR, first, second)
    assert await said(session, "INCR bar") == [arrow(BAR, second)]
    await cluster.migrate_slot(BAR, first)


async def test_keys_that_are_apart_for_a_moment_are_waited_for(
    cluster82: Cluster, session_at: MakeSession
) -> None:
    first, second, _ = three(cluster82)
    session = session_at(first)
    await said(session, "MSET {bar}1 a {bar}2 b")
    cluster82.begin_migration(BAR, second)
    cluster82.move_keys(BAR, first, second, most=1)
    waiting = asyncio.create_task(run(session, "MGET {bar}1 {bar}2"))
    await until(lambda: first.info("errorstats").get("errorstat_TRYAGAIN") is not None)
    cluster82.move_keys(BAR, first, second)
    cluster82.end_migration(BAR, first, second)
    outcome = await waiting
    assert outcome.reply == [b"a", b"b"], outcome.error
    await cluster82.migrate_slot(BAR, first)


async def test_a_cluster_that_is_down_for_a_moment_is_waited_for(
    make_cluster: MakeCluster, session_at: MakeSession
) -> None:
    cluster = make_cluster("redis82", "cluster-require-full-coverage no", replicas=0)
    first = cluster.primary_of(BAR)
    session = session_at(first)
    first.command("CLUSTER", "DELSLOTS", BAR)
    waiting = asyncio.create_task(run(session, "INCR bar"))
    await until(lambda: "errorstat_CLUSTERDOWN" in first.info("errorstats"))
    first.command("CLUSTER", "ADDSLOTS", BAR)
    outcome = await waiting
    assert (outcome.reply, outcome.error) == (1, None)
    first.command("CLUSTER", "DELSLOTS", BAR)
    outcome = await run(session, "INCR bar")
    assert isinstance(outcome.error, ClusterDown)
    assert 1 < outcome.seconds < 10


# -- nodes that are gone


async def test_the_first_node_that_is_there_is_connected_to(
    cluster82: Cluster, session_at: MakeSession
) -> None:
    first = three(cluster82)[0]
    nobody = TcpAddress("127.0.0.1", free_port())
    session = connect.session(
        Settings(address=nobody, cluster=True, others=(nobody, TcpAddress(first.host, first.port)))
    )
    await session.connect()
    assert str(session.address) == at(first)
    await session.close()


async def test_a_node_that_is_gone_is_named_and_its_successor_is_found(
    make_cluster: MakeCluster, session_at: MakeSession
) -> None:
    cluster = make_cluster("redis82")
    first, _, third = three(cluster)
    successor = cluster.replica_of(third)
    session = session_at(first)
    await said(session, "SET bar 1")
    await said(session, "SET bar 1")
    cluster.kill(third)
    outcome = await run(session, "SET foo 1")
    if outcome.error is not None:  # before there is a successor
        assert at(third) in str(outcome.error)
        assert (str(session.address), session.connected) == (at(first), True)
    await cluster.until_primary(successor)
    assert (await run(session, "SET foo 2")).error is None
    assert str(session.address) == at(successor)


async def test_a_node_that_goes_away_before_there_is_a_map_is_left(
    make_cluster: MakeCluster, session_at: MakeSession
) -> None:
    cluster = make_cluster("redis82")
    first, _, third = three(cluster)
    session = session_at(first)
    await said(session, "SET foo 1")
    assert str(session.address) == at(third)
    cluster.kill(third)
    assert (await run(session, "GET bar")).error is None
    assert str(session.address) == at(first)


async def test_the_node_that_the_session_is_at_may_go_away(
    make_cluster: MakeCluster, session_at: MakeSession
) -> None:
    cluster = make_cluster("redis82")
    first = three(cluster)[0]
    successor = cluster.replica_of(first)
    session = session_at(first)
    await said(session, "SET bar 1")
    await said(session, "SET bar 1")
    cluster.kill(first)
    await cluster.until_primary(successor)
    await said(session, "SET bar 2")
    assert str(session.address) == at(successor)
    assert successor.command("GET", "bar") == b"2"


# -- what no real node says


def script(*said: bytes) -> list[Step]:
    return [step for words in said for step in (Hear(b"GET"), Say(words))]


@pytest.mark.parametrize(
    "words", [b"-MOVED\r\n", b"-MOVED x y\r\n", b"-MOVED 99999 127.0.0.1:7000\r\n", b"-ASK 1 127.0.0.1:0\r\n"]
)
async def test_a_malformed_redirect_is_a_clear_error(words: bytes, session_at: MakeSession) -> None:
    async with Hostile(script(words)) as node:
        outcome = await run(session := session_at(node), "GET foo")
        assert isinstance(outcome.error, ClusterError)
        assert "redirects to nowhere" in str(outcome.error)
        await session.close()


async def test_a_redirect_without_a_host_means_the_same_host(session_at: MakeSession) -> None:
    async with (
        Hostile(script(b"$1\r\nv\r\n")) as other,
        Hostile(script(b"-MOVED 1 :%d\r\n" % other.port)) as node,
    ):
        session = session_at(node)
        outcome = await run(session, "GET foo")
        assert (outcome.reply, outcome.notices) == (b"v", (f"-> slot 1 at 127.0.0.1:{other.port}",))
        await session.close()


async def test_a_node_without_an_address_is_said_to_have_none(session_at: MakeSession) -> None:
    async with Hostile(script(b"-MOVED 1 ?:7000\r\n"), [Hear(b"SLOTS"), Say(b"*0\r\n")]) as node:
        session = session_at(node)
        outcome = await run(session, "GET foo")
        assert isinstance(outcome.error, ClusterError)
        assert "whose address it does not tell: MOVED 1 ?:7000" in str(outcome.error)
        assert "cluster-announce-ip" in str(outcome.error)
        await session.close()


async def test_nodes_that_send_one_around_are_given_up(session_at: MakeSession) -> None:
    one, two = free_port(), free_port()
    around = [script(*[b"-MOVED 1 127.0.0.1:%d\r\n" % port] * 20) for port in (two, one)]
    async with Hostile(around[0], port=one) as node, Hostile(around[1], port=two):
        session = session_at(node)
        outcome = await run(session, "GET foo")
        assert isinstance(outcome.error, ClusterError)
        assert "redirected 16 times" in str(outcome.error)
        assert len(outcome.notices) == 16
        await session.close()


async def test_a_node_that_redirects_to_itself_is_not_believed_for_ever(session_at: MakeSession) -> None:
    port = free_port()
    async with Hostile(script(*[b"-MOVED 1 127.0.0.1:%d\r\n" % port] * 40), port=port) as node:
        session = session_at(node)
        outcome = await run(session, "GET foo")
        assert isinstance(outcome.error, ClusterError | MovedError)
        assert node.received[0].count(b"GET") <= 17
        await session.close()


async def test_no_seat_of_a_pool_is_lost_with_a_connection_that_broke(
    cluster82: Cluster, session_at: MakeSession
) -> None:
    first, _, third = three(cluster82)
    session = session_at(first, pool_size=2)
    await said(session, "SET bar 1")
    for _ in range(4):
        for node, key in ((third, "foo"), (first, "bar")):
            await said(session, f"SET {key} 1")
            node.command("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")
    assert str(session.address) == at(first)


async def test_a_script_that_says_tryagain_itself_is_not_sent_again(
    cluster82: Cluster, session_at: MakeSession
) -> None:
    first = three(cluster82)[0]
    session = session_at(first)
    body = b"redis.call('INCR', KEYS[1]) return redis.error_reply('TRYAGAIN later')"
    outcome = await session.run([b"EVAL", body, b"1", b"bar"])
    assert isinstance(outcome.error, TryAgain)
    assert first.command("GET", "bar") == b"1"


async def test_a_cancelled_command_leaves_the_session_usable(
    cluster82: Cluster, session_at: MakeSession
) -> None:
    session = session_at(three(cluster82)[0])
    blocked = asyncio.create_task(run(session, "BLPOP foo 0"))
    third = three(cluster82)[2]
    await third.until_blocked()
    blocked.cancel()
    await asyncio.wait([blocked])
    outcome = await run(session, "SET foo 1")
    assert outcome.reply == Status(b"OK")
    assert not isinstance(outcome.error, ReplyError)
