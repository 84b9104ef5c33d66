"""``--ping`` and ``--version`` as a script meets them: whether a server is there, and what it is."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from time import monotonic

import pytest

from pyredis.version import __version__
from tests.clusters import Cluster
from tests.conftest import MakeServer
from tests.hostile import Close, Hear, Hostile, Say
from tests.program import Ran, Running, ran
from tests.sentinels import Sentinels
from tests.servers import DEADLINE, Server, free_port, until

OURS = f"pyredis-cli {__version__}\n".encode()


@pytest.fixture(params=["redis62", "redis70", "redis82", "valkey9"])
def server(request: pytest.FixtureRequest, shared_server: Callable[[str], Server]) -> Server:
    return shared_server(request.param)


# -- --ping


def test_a_server_that_answers_is_ready(server: Server) -> None:
    assert ran(server, "--ping") == Ran(0, b"PONG\n", b"")
    assert ran("-p", str(server.port), "--ping", "--wait", "30") == Ran(0, b"PONG\n", b"")


def test_who_is_not_let_in_is_told_at_once(make_server: MakeServer) -> None:
    server = make_server("redis82", "requirepass secret")

    without = ran(server, "--ping", "--wait", "30")
    wrong = ran(server, "--no-auth-warning", "-a", "guess", "--ping", "--wait", "30")
    right = ran(server, "--ping", env={"REDISCLI_AUTH": "secret"})
    elsewhere = ran(server, "-n", "99", "--ping", env={"REDISCLI_AUTH": "secret"})

    assert [done.code for done in (without, wrong, right, elsewhere)] == [4, 4, 0, 4]
    assert "NOAUTH" in without.said
    assert "WRONGPASS" in wrong.said
    assert all(done.said.count("\n") == 1 for done in (without, wrong, elsewhere))


def test_who_may_not_say_ping_is_let_in(redis82: Server) -> None:
    redis82.command("ACL", "SETUSER", "mute", "on", "nopass", "+get")

    done = ran(redis82, "--user", "mute", "--ping")

    assert (done.code, done.stdout) == (0, b"")
    assert "you may not say PING" in done.said


def test_a_server_that_is_not_there_is_told(make_server: MakeServer) -> None:
    nobody = ran("-p", "1", "--ping")
    assert (nobody.code, nobody.stdout) == (3, b"")
    assert nobody.said.startswith("cannot connect to 127.0.0.1:1: connection refused")

    began = monotonic()
    waited = ran("-p", "1", "--ping", "--wait", "0.5")
    assert (waited.code, waited.stdout) == (3, b"")
    assert waited.said.startswith("not ready within 0.5 seconds: cannot connect")
    assert monotonic() - began < DEADLINE


def test_a_silent_server_is_a_timeout(make_server: MakeServer) -> None:
    server = make_server("redis82")
    server.pause()
    try:
        once = ran(server, "-t", "0.2", "--ping")
        waited = ran(server, "--ping", "--wait", "0.3")
    finally:
        server.resume()

    assert (once.code, waited.code) == (5, 5)
    assert waited.said.startswith("not ready within 0.3 seconds: ")


async def test_waiting_ends_when_the_server_comes() -> None:
    port = free_port()
    with Running("-p", str(port), "--ping", "--wait", "60") as program:
        async with Hostile([Close()], port=port) as server:
            await until(lambda: server.accepted)
        loading = [Hear(b"PING"), Say(b"-LOADING Redis is loading the dataset in memory\r\n")]
        async with Hostile(loading, loading, [Hear(b"PING"), Say(b"+PONG\r\n")], port=port):
            assert await asyncio.to_thread(program.line) == b"PONG\n"
            assert await asyncio.to_thread(program.ended) == (0, b"")


async def test_a_server_that_loads_is_not_ready() -> None:
    async with Hostile(
        [Hear(b"PING"), Say(b"-LOADING Redis is loading the dataset in memory\r\n")]
    ) as server:
        done = await asyncio.to_thread(ran, "-p", str(server.port), "--ping")

    assert (done.code, done.stdout) == (1, b"")
    assert done.said == "(error) LOADING Redis is loading the dataset in memory\n"


def test_clusters_and_sentinels_are_pinged(cluster82: Cluster, sentinels82: Sentinels) -> None:
    seeds = ",".join(f"{host}:{port}" for host, port in [("127.0.0.1", 1), *cluster82.seeds])
    sentinels = ",".join(f"{host}:{port}" for host, port in sentinels82.addresses)

    assert ran("-u", f"cluster://{seeds}", "--ping") == Ran(0, b"PONG\n", b"")
    assert ran("-u", f"sentinel://{sentinels}/{sentinels82.name}", "--ping") == Ran(0, b"PONG\n", b"")
    unknown = ran("-u", f"sentinel://{sentinels}/nobody", "--ping", "--wait", "0.3")
    assert unknown.code in (1, 3, 4)
    assert "nobody" in unknown.said


def test_ping_runs_nothing_else(redis82: Server) -> None:
    assert ran(redis82, "--ping", "GET", "k") == Ran(2, b"", b"--ping runs no other command; leave out GET\n")
    assert ran(redis82, "--wait", "3", "GET", "k").code == 2


# -- --version


def test_the_version_alone_connects_to_nobody() -> None:
    assert ran("--version") == ran("-v") == Ran(0, OURS, b"")


def test_a_server_that_is_named_tells_its_version(server: Server) -> None:
    product = "Valkey" if server.product == "valkey" else "Redis"
    line = f"{product} {server.version} at 127.0.0.1:{server.port}\n".encode()

    assert ran("-p", str(server.port), "--version") == Ran(0, OURS + line, b"")
    for name, value in (
        ("VALKEYCLI_PORT", str(server.port)),
        ("REDIS_URL", f"redis://127.0.0.1:{server.port}/0"),
    ):
        assert ran("--version", env={name: value}) == Ran(0, OURS + line, b"")
    assert ran(server, "-v").stdout.splitlines()[1].endswith(server.unix_path.encode())


def test_a_server_that_does_not_tell_its_version_is_no_failure(redis82: Server) -> None:
    redis82.command("ACL", "SETUSER", "mute", "on", "nopass", "+ping")

    nobody = ran("-p", "1", "--version")
    refused = ran(redis82, "--user", "mute", "--version")
    unreadable = ran("--version", env={"REDIS_URL": "http://x"})

    for done in (nobody, refused, unreadable):
        assert (done.code, done.stdout) == (0, OURS)
        assert done.said.count("\n") == 1
    assert nobody.said.startswith("version of the server: cannot connect")


async def test_what_a_server_says_of_itself_cannot_steer_a_terminal() -> None:
    info = b"server_name:ev\x1b[2Jil\r\nev\x1b[2Jil_version:1\x9b\r\n"
    async with Hostile([Hear(b"INFO"), Say(b"$%d\r\n%b\r\n" % (len(info), info))]) as server:
        done = await asyncio.to_thread(ran, "-p", str(server.port), "--version")

    assert done.code == 0
    assert b"\x1b" not in done.stdout
