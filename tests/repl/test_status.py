"""How the server is: looked up beside the session, seldom, at little cost, and forgotten when it is old."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator

import pytest

from pyredis import AsyncPool
from pyredis_cli.core.session import Session
from pyredis_cli.repl.figures import Status
from pyredis_cli.repl.status import StatusLook
from tests.conftest import MakeProxy, MakeServer
from tests.proxy import Cut
from tests.servers import DEADLINE, Server, until

pytestmark = pytest.mark.usefixtures("no_leaks")
ONE_SERVER = pytest.mark.parametrize("server", ["redis82"], indirect=True)
"""Where nothing but our own clock is waited for."""


class Prompt:
    """A prompt that waits, and what stands below it."""

    def __init__(self, host: str, port: int) -> None:
        self.session = Session(AsyncPool(host, port, decoder="typed", lib_name=None))
        self.on = True
        self.looks: list[float] = []
        self.roles: list[str] = []
        self.look = StatusLook(self.session, self._note, lambda: self.on, self.roles.append)

    def _note(self) -> None:
        self.looks.append(time.monotonic())

    @property
    def status(self) -> Status | None:
        return self.look.status

    async def known(self) -> Status:
        """Return what is known as soon as anything is."""
        await until(lambda: self.status is not None, what="something is known of the server")
        assert self.status is not None
        return self.status

    async def until_looked(self, times: int = 1) -> None:
        wanted = len(self.looks) + times
        await until(lambda: len(self.looks) >= wanted, what=f"{times} more look(s)")

    async def close(self) -> None:
        await self.look.close()
        await self.session.close()


@pytest.fixture
async def prompt(server: Server) -> AsyncIterator[Prompt]:
    server.command("CONFIG", "RESETSTAT")
    prompt = Prompt(server.host, server.port)
    await prompt.session.connect()
    yield prompt
    await prompt.close()


def counted(server: Server, name: str, what: str = "calls") -> int:
    """Return how often the server ran the command, or refused to."""
    counts = dict(
        part.split("=") for part in server.info("commandstats").get(f"cmdstat_{name}", "").split(",") if part
    )
    return int(counts.get(what, 0))


async def test_a_prompt_is_told_how_the_server_is(prompt: Prompt, server: Server) -> None:
    server.command("CONFIG", "SET", "maxmemory", "1gb")
    server.command("MSET", "a", 1, "b", 2)
    prompt.look.prompt_waits()
    status = await prompt.known()
    assert status.product == f"{server.product.capitalize()} {server.version}"
    assert (status.role, status.keys_in(0), status.keys_in(5)) == ("primary", 2, 0)
    assert status.maxmemory == 1024**3
    assert status.memory is not None
    assert status.memory > 100_000
    assert status.clients is not None
    assert status.clients >= 2
    assert status.round_trip is not None
    assert 0 < status.round_trip < 1
    assert prompt.roles == ["primary"]


@ONE_SERVER
async def test_nothing_is_asked_before_a_prompt_waits_and_none_while_a_command_runs(
    prompt: Prompt, server: Server
) -> None:
    before = server.clients
    await prompt.session.run([b"PING"])
    assert server.clients == before
    prompt.look.prompt_waits()
    await prompt.until_looked()
    prompt.look.prompt_gone()
    looks = len(prompt.looks)
    await prompt.session.run([b"BLPOP", b"nothing", b"2.5"])  # longer than from one look to the next
    assert len(prompt.looks) == looks
    prompt.look.prompt_waits()
    await prompt.until_looked()


@ONE_SERVER
async def test_there_are_two_seconds_between_looks_however_much_is_typed(
    prompt: Prompt, server: Server
) -> None:
    for _ in range(3):
        prompt.look.prompt_waits()
        prompt.look.typed()
        await prompt.until_looked()
        prompt.look.prompt_gone()
    pauses = [after - before for before, after in zip(prompt.looks, prompt.looks[1:], strict=False)]
    assert min(pauses) > 1.8


async def test_looks_cost_the_server_less_than_a_thousandth_of_its_time(
    prompt: Prompt, server: Server
) -> None:
    """By the server's own clock, all that is asked on the look-up's connection, its opening included."""
    server.command("DEBUG", "POPULATE", 10_000)
    began = time.monotonic()
    server.command("CONFIG", "RESETSTAT")
    prompt.look.prompt_waits()
    await prompt.until_looked(3)

    def share() -> float:
        stats = server.info("commandstats")
        names = {name for name in stats if name.startswith("cmdstat_")} - {"cmdstat_config|resetstat"}
        assert {"cmdstat_ping", "cmdstat_info"} <= names
        microseconds = sum(int(stats[name].split("usec=")[1].split(",")[0]) for name in names)
        return microseconds / 1e6 / (time.monotonic() - began)

    # A server that was not let run in the middle of a command counts that, too; looks to come make up for it.
    while (taken := share()) >= 1 / 1_000 and len(prompt.looks) < 12:
        await prompt.until_looked()
    prompt.look.prompt_gone()
    assert taken < 1 / 1_000


async def test_a_demotion_is_told_within_two_seconds(make_server: MakeServer) -> None:
    server, primary = make_server("redis82"), make_server("redis82")
    prompt = Prompt(server.host, server.port)
    await prompt.session.connect()
    prompt.look.prompt_waits()
    await prompt.known()
    looks = len(prompt.looks)
    server.command("REPLICAOF", primary.host, primary.port)
    await until(lambda: prompt.roles[-1] == "replica", what="the role is another")
    assert len(prompt.looks) <= looks + 2  # one may have been under way
    assert prompt.looks[-1] - prompt.looks[-2] < 6  # two, or ten when nobody is there
    assert prompt.status is not None
    assert prompt.status.role == "replica"
    await prompt.close()


async def test_an_old_server_is_asked_for_one_section_at_a_time(redis62: Server) -> None:
    redis62.command("SET", "a", 1)
    redis62.command("CONFIG", "RESETSTAT")
    prompt = Prompt(redis62.host, redis62.port)
    await prompt.session.connect()
    prompt.look.prompt_waits()
    status = await prompt.known()
    assert (status.role, status.keys_in(0)) == ("primary", 1)
    assert status.memory
    assert status.clients
    assert status.product == f"Redis {redis62.version}"
    assert not [name for name in redis62.info("errorstats") if name == "errorstat_ERR"]
    await prompt.close()


async def test_a_user_without_info_is_told_what_hello_and_dbsize_say(prompt: Prompt, server: Server) -> None:
    server.command("SELECT", 0)
    server.command("ACL", "SETUSER", "ann", "on", "nopass", "~*", "+dbsize", "+select", "+ping", "+set")
    await prompt.session.run([b"AUTH", b"ann", b"x"])
    await prompt.session.run([b"SELECT", b"3"])
    await prompt.session.run([b"SET", b"three", b"1"])
    server.command("CONFIG", "RESETSTAT")
    prompt.look.prompt_waits()
    status = await prompt.known()
    assert (status.role, status.keys_in(3), status.keys_in(0)) == ("primary", 1, None)
    assert status.product == f"{server.product.capitalize()} {server.version}"
    assert (status.memory, status.clients) == (None, None)
    await prompt.until_looked()
    assert counted(server, "info", "rejected_calls") == 1


async def test_a_user_who_may_do_nothing_asks_for_nothing_twice(prompt: Prompt, server: Server) -> None:
    server.command("ACL", "SETUSER", "bob", "on", "nopass", "~*", "+get")
    await prompt.session.run([b"AUTH", b"bob", b"x"])
    server.command("CONFIG", "RESETSTAT")
    prompt.look.prompt_waits()
    status = await prompt.known()  # HELLO is allowed to everybody
    assert (status.role, status.round_trip, status.keys) == ("primary", None, {})
    await prompt.until_looked()
    names = "ping", "info", "dbsize", "select"
    assert [counted(server, name, "rejected_calls") for name in names] == [1, 1, 1, 0]


async def test_what_one_user_sees_is_not_for_the_next(prompt: Prompt, server: Server) -> None:
    prompt.look.prompt_waits()
    assert (await prompt.known()).memory is not None
    server.command("ACL", "SETUSER", "ann", "on", "nopass", "~*", "+ping")
    await prompt.session.run([b"AUTH", b"ann", b"x"])
    assert prompt.status is None
    assert (await prompt.known()).memory is None
    await prompt.session.run([b"AUTH", b"default", b""])
    assert prompt.status is None
    assert (await prompt.known()).memory is not None


@ONE_SERVER
async def test_turned_off_it_shows_and_asks_nothing(prompt: Prompt, server: Server) -> None:
    prompt.look.prompt_waits()
    await prompt.known()
    prompt.on = False
    assert prompt.status is None
    await prompt.until_looked()
    asked = counted(server, "ping")
    await prompt.until_looked()
    assert counted(server, "ping") == asked
    await server.until_clients(1 + 1)  # the session's, and the test's own
    prompt.on = True
    await prompt.known()


async def test_a_server_that_is_gone_is_not_spoken_of(make_server: MakeServer) -> None:
    server = make_server("redis82")
    prompt = Prompt(server.host, server.port)
    await prompt.session.connect()
    prompt.look.prompt_waits()
    await prompt.known()
    server.kill()
    await until(lambda: prompt.status is None, what="nothing is told of the server")
    server.restart()
    assert prompt.status is None
    assert (await prompt.session.run([b"PING"])).error is None
    await prompt.known()
    await prompt.close()


async def test_a_server_that_hangs_is_not_spoken_of_until_it_answers(
    redis82: Server, proxy: MakeProxy
) -> None:
    wire = await proxy(redis82)
    prompt = Prompt(wire.host, wire.port)
    await prompt.session.connect()
    prompt.look.prompt_waits()
    await prompt.known()
    wire.stall()
    stalled = time.monotonic()
    await until(lambda: prompt.status is None, what="nothing is told of the server")
    assert time.monotonic() - stalled < 2 + 1 + 5  # it would be eleven when nobody is there
    await wire.heal()
    await prompt.known()
    await prompt.close()


async def test_a_connection_that_breaks_is_replaced(redis82: Server, proxy: MakeProxy) -> None:
    wire = await proxy(redis82)
    prompt = Prompt(wire.host, wire.port)
    await prompt.session.connect()
    prompt.look.prompt_waits()
    await prompt.known()
    wire.cut(Cut.RST)
    assert (await prompt.session.run([b"GET", b"a"])).error is None
    await prompt.until_looked()
    await prompt.known()
    await prompt.close()


async def test_it_can_end_in_the_middle_of_a_look(redis82: Server, proxy: MakeProxy) -> None:
    wire = await proxy(redis82)
    prompt = Prompt(wire.host, wire.port)
    await prompt.session.connect()
    wire.stall()
    prompt.look.prompt_waits()
    await until(lambda: prompt.look._task is not None)
    await asyncio.wait_for(prompt.close(), DEADLINE)
    assert prompt.looks == []
