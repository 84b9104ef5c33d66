"""``explain``: what is said of commands, by the facts of real servers, and that nothing of them is run."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from contextlib import asynccontextmanager
from typing import Any, TypeAlias

import hiredis
import pytest

from pyredis.address import TcpAddress
from pyredis.commands.slots import key_slot
from pyredis.commands.spec import TABLE
from pyredis.exceptions import NoAuth, PyRedisConnError
from pyredis_cli.core import connect
from pyredis_cli.core.desk import Desk
from pyredis_cli.flags import UsageError
from pyredis_cli.given import ToolArguments
from pyredis_cli.settings import Settings
from pyredis_cli.tools import explain
from tests.clusters import Cluster
from tests.program import ran
from tests.servers import Server, free_port
from tests.tools.desks import desk_at, report_of, seen

Explain: TypeAlias = Callable[..., Coroutine[Any, Any, dict[str, Any]]]

_OURS = {b"hello", b"auth", b"client", b"select", b"readonly"}
"""What opens a connection."""


async def explained(server: Server, line: str, **settings: Any) -> dict[str, Any]:
    """Return what is said of a command, for programs."""
    port = settings.pop("port", server.port)
    session = connect.session(Settings(address=TcpAddress(server.host, port), protocol=3, **settings))
    desk = Desk(session)
    try:
        report = await explain.report(desk, ToolArguments(tuple(line.split()), {}))
    finally:
        await desk.close()
        await session.close()
    assert isinstance(report.value, dict)
    return {str(name): value for name, value in report.value.items()}


async def verdict(server: Server, line: str) -> str:
    return str((await explained(server, line))["verdict"])


def fill(server: Server, count: int = 20_000) -> None:
    """Give the server a hash, a list and a sorted set of so many elements."""
    names = [f"n:{number}" for number in range(count)]
    server.command("HSET", "hash", *[word for name in names for word in (name, "value")])
    server.command("RPUSH", "list", *names)
    server.command("ZADD", "zset", *[str(word) for at, name in enumerate(names) for word in (at, name)])


@pytest.mark.usefixtures("no_leaks")
async def test_what_reads_all_of_a_large_value_is_told_with_its_size_and_its_time(server: Server) -> None:
    fill(server)

    found = await explained(server, "HGETALL hash")

    assert found["elements"] == 20_000
    assert 0 < found["seconds"] < 1
    assert found["keys"][0]["memory"] > 100_000
    assert found["verdict"].startswith("reads all 20,000 fields; about ")
    assert found["verdict"].endswith("during which nobody else is served; HSCAN reads in steps")
    assert (found["order"], found["since"], found["permitted"]) == ("O(N)", "2.0.0", True)


async def test_each_verdict_says_what_the_command_would_do(server: Server) -> None:
    fill(server)
    server.command("HSET", "small", "a", "1")
    wanted = {
        "HGETALL small": "cheap",
        "HGETALL nosuch": "there is no such key; cheap",
        "GET hash": "hash is a hash, and GET is for strings",
        "ZINTER 2 hash zset": "hash is a hash, and ZINTER is for sets or sorted sets",
        "LRANGE list 0 9": "reads 10 elements; cheap",
        "LRANGE list 0 -1": "reads all 20,000 elements; about",
        "ZRANGE zset 0 -1": "reads all 20,000 members; about",
        "KEYS *": "reads all 4 keys; cheap",
        "DEL hash small nosuch": "deletes 2 keys, 20,001 fields in all; UNLINK frees the memory aside",
        "UNLINK hash": "deletes 1 key; cheap",
        "FLUSHALL": "deletes every key of every database; goes through all 4 keys; writes",
        "BLPOP queue 5": "waits up to 5 s; writes",
        "BLPOP queue 0": "waits until something comes, be it for ever; writes",
        "SET a b": "writes; cheap",
        "SET a": "the server would refuse it: wrong number of arguments",
        "SHUTDOWN": "stops the server",
        "EVAL return 0": "",
    }

    said = {line: await verdict(server, line) for line in wanted}

    assert {line: text for line, text in said.items() if not text.startswith(wanted[line])} == {}
    assert (await explained(server, "SORT list"))["readonly_twin"] == "SORT_RO"


async def test_a_long_string_is_one_value_and_sending_it_is_not_called_cheap(redis82: Server) -> None:
    redis82.command("SET", "long", "x" * 2_000_000)
    redis82.command("HSET", "small", "a", "1", "b", "2")

    assert await verdict(redis82, "GET long") == ""
    assert await verdict(redis82, "STRLEN long") == "cheap"
    assert await verdict(redis82, "HGET small a") == "cheap"
    assert (await verdict(redis82, "DEL long small")).startswith("deletes 2 keys, 3 elements in all; ")
    assert (await verdict(redis82, "DEL long")).startswith("deletes 1 key, 2,000,000 bytes in all; ")


async def test_a_server_without_docs_tells_what_it_can(redis62: Server) -> None:
    redis62.command("HSET", "small", "a", "1")

    found = await explained(redis62, "HGETALL small")

    assert (found["complexity"], found["order"], found["permitted"]) == (None, None, None)
    assert found["keys"][0]["length"] == 1


async def test_what_takes_the_place_of_an_old_command_is_told(redis82: Server) -> None:
    found = await explained(redis82, "HMSET small b 1")

    assert found["deprecated_since"] == "4.0.0"
    assert found["replaced_by"].startswith("`HSET`")


async def test_what_a_command_has_cost_here_is_told(redis82: Server) -> None:
    redis82.command("CONFIG", "RESETSTAT")
    redis82.command("CONFIG", "GET", "maxmemory")

    found = await explained(redis82, "CONFIG GET maxmemory")

    assert found["calls"] == 1
    assert 0 < found["seconds_per_call"] < 1


# -- whether one may


async def test_a_user_hears_what_would_be_refused(server: Server) -> None:
    server.command("ACL", "SETUSER", "ada", "on", "nopass", "~mine:*", "+@read", "+@connection", "+info")
    server.command("ACL", "SETUSER", "ada", "+acl|whoami", "+acl|dryrun", "+command", "-get")

    async def asked(line: str) -> dict[str, Any]:
        return await explained(server, line, username="ada", password="x")

    may, command, key = [await asked(f"{line}") for line in ("STRLEN mine:1", "GET mine:1", "STRLEN yours:1")]

    assert (may["permitted"], may["user"]) == (True, "ada")
    assert command["permitted"] is key["permitted"] is False
    assert "'get' command" in command["refusal"]
    assert "yours:1" in key["refusal"]
    assert command["verdict"].startswith("the server would refuse it to ada")


async def test_a_replica_is_known_to_refuse_what_writes(redis82: Server) -> None:
    redis82.command("REPLICAOF", "127.0.0.1", 1)
    assert (await verdict(redis82, "SET a b")).startswith("this server is a replica and would refuse it; ")
    assert (await explained(redis82, "GET a"))["refused_by_replica"] is False
    redis82.command("CONFIG", "SET", "replica-read-only", "no")
    assert await verdict(redis82, "SET a b") == "writes; cheap"


async def test_a_read_only_session_is_told_what_it_would_refuse(redis82: Server) -> None:
    written, read, twin = [
        await explained(redis82, line, read_only=True) for line in ("SET a b", "GET a", "SORT a")
    ]

    assert written["verdict"].startswith("this session is read-only and would refuse it; ")
    assert [found["refused_as_read_only"] for found in (written, read, twin)] == [True, False, False]


# -- clusters


async def test_keys_in_several_slots_are_told_with_their_nodes(cluster82: Cluster) -> None:
    node = cluster82.live[0]
    wanted = {key: cluster82.primary_of(key_slot(key.encode())).port for key in ("a", "b")}

    found = await explained(node, "MGET a b", cluster=True)

    assert found["verdict"].startswith("its keys are in 2 slots, and a cluster takes those of one slot only")
    told = {key["key"].decode(): (key["slot"], key["node"]) for key in found["keys"]}
    assert told == {key: (key_slot(key.encode()), f"{node.host}:{port}") for key, port in wanted.items()}
    assert (await explained(node, "MGET {a}1 {a}2", cluster=True))["one_slot"] is True


async def test_a_command_without_keys_has_no_table_of_them(cluster82: Cluster) -> None:
    async with desk_at(cluster82.live[0], "-c") as desk:
        shown = seen(await report_of(desk, ":explain", "FLUSHALL"), 80)
    assert "danger" in shown
    assert "slot" not in shown


# -- nothing is run


@asynccontextmanager
async def overheard(server: Server) -> AsyncIterator[tuple[int, bytearray]]:
    """Yield the port of a relay to the server, and what goes through it."""
    heard, tasks = bytearray(), []

    async def passed(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, record: bool) -> None:
        while data := await reader.read(65536):
            heard.extend(data if record else b"")
            writer.write(data)
        writer.close()
        await writer.wait_closed()

    async def relay(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        tasks.append(asyncio.current_task())
        back, forth = await asyncio.open_connection(server.host, server.port)
        await asyncio.gather(passed(reader, forth, record=True), passed(back, writer, record=False))

    async with await asyncio.start_server(relay, "127.0.0.1", 0) as listener:
        yield listener.sockets[0].getsockname()[1], heard
        await asyncio.gather(*filter(None, tasks))


def commands(sent: bytes) -> Sequence[Sequence[bytes]]:
    reader = hiredis.Reader()
    reader.feed(sent)
    found = []
    while (argv := reader.gets()) is not False:
        found.append(argv)
    return found


async def test_only_commands_that_read_reach_the_server_and_no_secret_does(redis82: Server) -> None:
    fill(redis82)
    lines = [
        "FLUSHALL",
        "DEL hash list",
        "SET hash x",
        "HGETALL hash",
        "SHUTDOWN NOSAVE",
        "EVAL whatever 1 hash",
        "AUTH s3cret",
        "CONFIG SET requirepass s3cret",
        "ACL SETUSER ada >s3cret",
        "MIGRATE h 1 hash 0 1 AUTH s3cret",
        "BLPOP nosuch 0",
    ]

    async with overheard(redis82) as (port, heard):
        for line in lines:
            await explained(redis82, line, port=port)

    sent = commands(bytes(heard))
    changing = [
        argv
        for argv in sent
        if argv[0].lower() not in _OURS
        and (spec := TABLE.find(argv)) is not None
        and not spec.readonly
        and spec.name not in {"INFO", "ACL WHOAMI", "ACL DRYRUN", "COMMAND INFO", "COMMAND DOCS"}
    ]
    assert len(sent) > len(lines)
    assert changing == []
    assert b"s3cret" not in heard
    assert redis82.command("DBSIZE") == 3


# -- as a program


def test_it_prints_a_page_for_people(redis82: Server) -> None:
    redis82.command("HSET", "user:7", "name", "Ada")

    page = ran(redis82, "explain", "HGETALL", "user:7")

    assert (page.code, page.stderr) == (0, b"")
    assert page.stdout.decode().splitlines()[0].startswith("hash of 1 field · ")
    text = page.stdout.decode()
    assert "allowed     yes, to default" in text
    assert re.search(r"^does +read-only$", text, re.MULTILINE)
    found = json.loads(ran(redis82, "--json", "explain", "HGETALL", "user:7").stdout)
    assert "readonly" in found["flags"]
    assert found["keys"][0]["slot"] == key_slot(b"user:7")


@pytest.mark.parametrize("line", ["zrnage lb 0 -1", "ZRANGEX lb"])
async def test_an_unknown_command_is_told_with_the_nearest_names(redis82: Server, line: str) -> None:
    with pytest.raises(UsageError, match="did you mean ZRANGE"):
        await explained(redis82, line)


async def test_what_cannot_be_asked_is_said(redis82: Server) -> None:
    with pytest.raises(UsageError, match="explain takes a command"):
        await explained(redis82, "")
    with pytest.raises(PyRedisConnError):
        await explained(redis82, "GET a", port=free_port())
    redis82.command("CONFIG", "SET", "requirepass", "hunter2")
    with pytest.raises(NoAuth):
        await explained(redis82, "GET a")
