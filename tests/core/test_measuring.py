"""What is measured before a question: on real servers, beside the session, within a budget."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from pyredis.address import TcpAddress
from pyredis.commands.slots import key_slot
from pyredis.commands.spec import TABLE
from pyredis.exceptions import PyRedisError
from pyredis_cli.core import connect, direct
from pyredis_cli.core.costs import Needs, needs
from pyredis_cli.core.desk import Desk
from pyredis_cli.core.figures import Figures
from pyredis_cli.core.guard import ALLOW, Ask, Rules, verdict
from pyredis_cli.core.measuring import commands, measured, measured_on
from pyredis_cli.settings import Settings
from tests.clusters import Cluster
from tests.conftest import MakeServer
from tests.servers import Server


def settings_of(server: Server, **more: object) -> Settings:
    return Settings(address=TcpAddress(server.host, server.port), **more)  # type: ignore[arg-type]


@asynccontextmanager
async def desk_of(settings: Settings) -> AsyncIterator[Desk]:
    session = connect.session(settings)
    desk = Desk(session)
    try:
        yield desk
    finally:
        await desk.close()
        await session.close()


def wanted(*lines: str) -> list[Needs]:
    argvs = [tuple(line.encode().split()) for line in lines]
    return [found for argv in argvs if (found := needs(TABLE.find(argv), argv))]


def fill(server: Server) -> None:
    for command in (
        "SET s 12345",
        "HSET h a 1 b 2",
        "RPUSH l 1 2 3",
        "SADD set 1 2 3 4",
        "ZADD z 1 a 2 b",
        "XADD x * a 1",
        "CONFIG SET maxmemory 100mb",
    ):
        server.command(*command.split())
    server.command("EVAL", "return 1", 0)
    server.command(
        "FUNCTION", "LOAD", "#!lua name=lib\nredis.register_function('f', function() return 1 end)"
    )


LINES = (
    "FLUSHALL",
    "KEYS *",
    "SHUTDOWN",
    "SCRIPT FLUSH",
    "FUNCTION FLUSH",
    "CONFIG SET maxmemory 1 dir /x",
    "HGETALL h",
    "LRANGE l 0 -1",
    "SUNION set none",
    "ZRANGE z 0 -1",
    "XRANGE x - +",
    "DUMP s",
    "DEL s h none " + " ".join(f"k{number}" for number in range(100)),
)


def check(found: Figures) -> None:
    assert found.database == 0
    assert found.keys_here == 6
    assert found.info["db0"].startswith("keys=6,")
    assert found.info["number_of_cached_scripts"] == "1"
    assert found.info["number_of_functions"] == "1"
    assert found.parameters[b"maxmemory"] == b"104857600"
    assert found.parameters[b"dir"].startswith(b"/")
    assert {key: (size.type, size.elements) for key, size in found.sizes.items()} == {
        b"h": ("hash", 2),
        b"l": ("list", 3),
        b"set": ("set", 4),
        b"none": ("none", 0),
        b"z": ("zset", 2),
        b"x": ("stream", 1),
        b"s": ("string", 0),
    }
    assert all(size.memory for key, size in found.sizes.items() if key != b"none")
    assert list(found.existing.values()) == [2]
    assert abs(found.seconds - time.time()) < 60
    assert not found.late


@pytest.mark.parametrize("protocol", [2, 3])
async def test_the_server_tells_all_without_an_error(server: Server, protocol: int) -> None:
    fill(server)
    server.command("CONFIG", "RESETSTAT")
    async with desk_of(settings_of(server, protocol=protocol)) as desk:
        check(await measured(desk, wanted(*LINES)))
        with direct.connect(settings_of(server, protocol=protocol), "typed") as connection:
            check(measured_on(connection, wanted(*LINES)))
    assert "errorstat_WRONGTYPE" not in server.info("errorstats")


def test_nothing_is_asked_twice_and_nothing_changes_anything() -> None:
    asked = commands(wanted(*LINES, *LINES))
    assert len(set(asked)) == len(asked)
    assert [spec.name for argv in asked if not (spec := TABLE.find(argv)) or spec.write] == []


async def test_what_a_user_may_not_ask_is_not_known(redis82: Server) -> None:
    fill(redis82)
    redis82.command(
        "ACL", "SETUSER", "ada", "on", "nopass", "~*", "+@connection", "+flushall", "+dbsize", "+hgetall"
    )
    async with desk_of(settings_of(redis82, username="ada", password="")) as desk:
        found = await measured(desk, wanted(*LINES))
    assert (found.info, found.sizes, found.parameters, found.keys_here) == ({}, {}, {}, 6)
    judged = verdict(TABLE.find(["FLUSHALL"]), (b"FLUSHALL",), found, Rules())
    assert isinstance(judged, Ask)
    assert judged.reason.endswith("not known: how many keys, when it was saved last")


async def test_a_server_that_is_busy_is_not_waited_for(redis82: Server) -> None:
    redis82.command("HSET", "h", "a", "1")
    settings = settings_of(redis82)
    async with desk_of(settings) as desk:
        await desk.ask("PING")
        with direct.connect(settings, "typed") as connection:
            redis82.pause()
            try:
                assert await measured(desk, wanted("HGETALL h"), 0.05) == Figures(late=True)
                assert measured_on(connection, wanted("HGETALL h"), 0.05).late
            finally:
                redis82.resume()
            with pytest.raises(PyRedisError):
                connection.execute((b"PING",))
        # A reply that comes late is nobody's.
        assert (await measured(desk, wanted("HGETALL h"))).sizes[b"h"].elements == 1


async def test_without_a_server_nothing_is_known(redis82: Server, make_server: MakeServer) -> None:
    gone = make_server()
    settings = settings_of(gone)
    gone.stop()
    async with desk_of(settings) as desk:
        assert await measured(desk, wanted("FLUSHALL")) == Figures()


async def test_where_there_is_no_room_beside_the_session_a_value_may_be_huge(redis82: Server) -> None:
    async with desk_of(settings_of(redis82)) as desk:
        await desk.session.run((b"PING",))  # a connection that says nothing may not be accepted yet
        redis82.command("CONFIG", "SET", "maxclients", "1")
        found = await measured(desk, wanted("HGETALL h"))
    assert isinstance(verdict(TABLE.find(["HGETALL"]), (b"HGETALL", b"h"), found, Rules()), Ask)


async def test_in_a_cluster_a_value_is_measured_where_it_is(cluster82: Cluster) -> None:
    node = cluster82.primaries()[0]
    keys = [b"a", b"b", b"c", b"d"]
    for key in keys:
        cluster82.primary_of(key_slot(key)).command("HSET", key, "f", "1")
    async with desk_of(settings_of(node, cluster=True)) as desk:
        found = await measured(desk, wanted(*(f"HGETALL {key.decode()}" for key in keys), "CLUSTER RESET"))
    assert {key: size.elements for key, size in found.sizes.items()} == dict.fromkeys(keys, 1)
    assert found.cluster["cluster_slots_assigned"] == "16384"


async def test_a_promotion_is_asked_about_at_a_replica_alone(server: Server) -> None:
    argv = (b"REPLICAOF", b"NO", b"ONE")
    async with desk_of(settings_of(server)) as desk:
        primary = await measured(desk, wanted("REPLICAOF NO ONE"))
        server.command("REPLICAOF", "127.0.0.1", "1")
        replica = await measured(desk, wanted("REPLICAOF NO ONE"))
    assert verdict(TABLE.find(argv), argv, primary, Rules()) == ALLOW
    assert verdict(TABLE.find(argv), argv, replica, Rules()) == Ask(
        "REPLICAOF makes this replica a primary; it no longer follows 127.0.0.1:1"
    )


async def test_what_the_end_of_a_server_loses_is_measured(server: Server) -> None:
    server.command("CONFIG", "SET", "save", "3600 1")
    server.command("SET", "a", "1")
    # Those of the tests before count, too: nothing but to save sets the number back.
    lost = f"loses {int(server.info('persistence')['rdb_changes_since_last_save']):,} change"

    async def told(line: str) -> str:
        argv = tuple(line.encode().split())
        found = verdict(TABLE.find(argv), argv, await measured(desk, wanted(line)), Rules())
        assert isinstance(found, Ask)
        return found.reason

    async with desk_of(settings_of(server)) as desk:
        assert "it saves first; " in await told("SHUTDOWN")
        assert lost in await told("SHUTDOWN NOSAVE")
        server.command("CONFIG", "SET", "save", "")
        assert lost in await told("SHUTDOWN")
        server.command("CONFIG", "SET", "appendonly", "yes")
        assert "appendonly keeps everything; " in await told("SHUTDOWN NOSAVE")


async def test_of_an_index_the_documents_are_counted(modules82: Server) -> None:
    modules82.command("FT.CREATE", "ix", "SCHEMA", "name", "TEXT")
    modules82.command("HSET", "doc:1", "name", "ada")
    for protocol in (2, 3):
        async with desk_of(settings_of(modules82, protocol=protocol)) as desk:
            assert (await measured(desk, wanted("FT.DROPINDEX ix DD"))).documents == {b"ix": 1}


def test_nothing_is_measured_of_the_work_of_every_day() -> None:
    assert wanted("GET k", "SET k v", "DEL k", "LRANGE l 0 10", "CONFIG SET hz 10") == []
