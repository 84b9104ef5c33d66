"""How a server is reached: names, families, the environment, as whom. As subprocesses, on real servers."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.program import PROGRAM, ran
from tests.repl.conftest import ask
from tests.servers import Server
from tests.terminal import Terminal


@pytest.fixture
def poor(redis82: Server) -> Server:
    """Return a server with a user who may say little."""
    redis82.command("ACL", "SETUSER", "poor", "on", ">pw", "~*", "+get", "+ping")
    return redis82


POOR = ("--user", "poor", "--pass", "pw", "--no-auth-warning")


def test_a_connection_has_the_name_it_is_given(redis82: Server) -> None:
    for args, stdin in ((("CLIENT", "GETNAME"), b""), ((), b"CLIENT GETNAME\n")):
        told = ran(redis82, "--name", "ada", *args, stdin=stdin)
        assert (told.code, told.stdout, told.stderr) == (0, b"ada\n", b"")
    told = ran(f"redis://{redis82.host}:{redis82.port}?client_name=bob", "CLIENT", "GETNAME")
    assert told.stdout == b"bob\n"


def test_a_name_that_the_server_refuses_is_told_once_and_the_commands_run(poor: Server) -> None:
    for args, stdin, replies in ((("PING",), b"", b"PONG\n"), ((), b"PING\nGET nil\n", b"PONG\n\n")):
        told = ran(poor, *POOR, "--name", "ada", *args, stdin=stdin)
        assert (told.code, told.stdout) == (0, replies)
        assert told.said.count("\n") == 1
        assert f"{poor.unix_path} refused the name ada: (error) NOPERM" in told.said


def test_who_logs_in_later_has_the_name_then(redis82: Server) -> None:
    redis82.command("CONFIG", "SET", "requirepass", "hush")
    told = ran(redis82, "--name", "ada", stdin=b"AUTH hush\nCLIENT GETNAME\n")
    assert (told.code, told.stdout, told.stderr) == (0, b"OK\nada\n", b"")


@pytest.mark.parametrize("flags", [("-4",), ("-6",), ("-6", "--name", "ada")])
def test_a_family_that_a_host_has_not_is_no_hindrance(redis82: Server, flags: tuple[str, ...]) -> None:
    for host in ("localhost", redis82.host):
        told = ran("-h", host, "-p", str(redis82.port), *flags, "PING")
        assert (told.code, told.stdout, told.stderr) == (0, b"PONG\n", b"")


def test_the_environment_names_host_port_and_user(poor: Server) -> None:
    where = {"VALKEYCLI_HOST": poor.host, "VALKEYCLI_PORT": str(poor.port)}
    whom = {"VALKEYCLI_USER": "poor", "VALKEYCLI_AUTH": "pw"}
    assert ran("PING", env=where).stdout == b"PONG\n"
    told = ran("SET", "k", "v", env={**where, **whom})
    assert (told.code, told.stdout) == (1, b"")
    assert "NOPERM" in told.said
    assert ran("PING", env={**where, **whom, "REDISCLI_AUTH": "wrong"}).code == 4


@pytest.mark.parametrize("name", ["REDIS_URL", "VALKEY_URL"])
def test_a_person_is_told_which_variable_leads_where(
    redis82: Server, terminal: Callable[..., Terminal], name: str
) -> None:
    url = f"redis://default:s3cret@{redis82.host}:{redis82.port}/3"
    redis82.command("CONFIG", "SET", "requirepass", "s3cret")
    screen = terminal([*PROGRAM, "--no-pager"], env={name: url}, columns=120)
    screen.wait_until(lambda screen: screen.line.endswith(">"), what="the first prompt")
    assert f"{name} says where to connect: {redis82.host}:{redis82.port}" in screen.text
    assert "s3cret" not in screen.text
    assert "PONG" in ask(screen, "PING")
    assert screen.text.count(name) == 1
