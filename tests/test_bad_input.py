"""Bad input and bad servers: one line on standard error, the right exit code, and nothing run elsewhere."""

from __future__ import annotations

import asyncio
import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import MakeServer
from tests.hostile import Close, Hear, Hostile, Say, Stall
from tests.program import Ran, Running, ran
from tests.servers import Server, free_port


def assert_told(told: Ran, code: int, *words: str) -> None:
    """See that the program failed with this code and one line that holds these words."""
    assert told.code == code, told
    assert told.stdout == b""
    assert told.said.count("\n") == 1, told.said
    assert "Traceback" not in told.said
    for word in words:
        assert word in told.said


def test_no_server_there() -> None:
    port = free_port()

    assert_told(ran("-p", str(port), "PING"), 3, f"127.0.0.1:{port}")
    assert_told(ran("-p", str(port), stdin=b"PING\nPING\n"), 3, f"127.0.0.1:{port}")


def test_no_socket_there(tmp_path: Path) -> None:
    assert_told(ran("-s", str(tmp_path / "none"), "PING"), 3, str(tmp_path / "none"))
    (tmp_path / "plain").write_text("")
    assert_told(ran("-s", str(tmp_path / "plain"), "PING"), 3, str(tmp_path / "plain"))
    assert_told(ran("-s", str(tmp_path / ("long" * 40)), "PING"), 3, "long")


def test_an_unknown_host() -> None:
    assert_told(ran("-h", "no-such-host.invalid", "PING"), 3, "no-such-host.invalid:6379")


def test_the_folder_of_a_user_that_is_not_there() -> None:
    assert_told(ran("--embedded", "~no.such.user/kept", "PING"), 3, "~no.such.user/kept")


def test_a_command_that_would_take_over_the_connection(redis82: Server) -> None:
    assert_told(ran(redis82, "SYNC"), 2, "SYNC would turn the connection into a replication stream")


def test_a_host_that_does_not_answer_in_time() -> None:
    with socket.socket() as deaf:
        deaf.bind(("127.0.0.1", 0))
        deaf.listen(0)
        # The backlog is full after these, so that the next connection is never completed.
        fillers = [socket.socket() for _ in range(4)]
        for filler in fillers:
            filler.setblocking(False)
            filler.connect_ex(deaf.getsockname())
        port = deaf.getsockname()[1]
        told = ran("-p", str(port), "-t", "0.3", "PING")
        for filler in fillers:
            filler.close()

    assert_told(told, 3, f"127.0.0.1:{port}", "0.3 seconds")


@pytest.mark.parametrize("protocol", ["-2", "-3"])
def test_a_wrong_password(make_server: MakeServer, protocol: str) -> None:
    server = make_server("redis82", "requirepass secret", "user alice on >wonder ~* +@all")

    assert_told(
        ran(server, protocol, "-a", "wrong", "--no-auth-warning", "SET", "k", "v"),
        4,
        "WRONGPASS",
        "--askpass",
    )
    assert_told(
        ran(server, protocol, "--user", "alice", "PING", env={"REDISCLI_AUTH": "wrong"}), 4, "WRONGPASS"
    )
    assert server.command("EXISTS", "k") == 0


def test_no_password_where_one_is_needed(make_server: MakeServer) -> None:
    assert_told(ran(make_server("redis82", "requirepass secret"), "PING"), 4, "NOAUTH")


def test_a_password_where_none_is_known(redis82: Server) -> None:
    assert_told(ran(redis82, "-a", "secret", "--no-auth-warning", "PING"), 4, "AUTH")


def test_no_permission(make_server: MakeServer) -> None:
    server = make_server("redis82", "user alice on >wonder ~a:* +get +set")
    alice = {"REDISCLI_AUTH": "wonder"}

    assert ran(server, "--user", "alice", "SET", "a:k", "v", env=alice) == Ran(0, b"OK\n", b"")
    assert_told(ran(server, "--user", "alice", "GET", "k", env=alice), 1, "(error) NOPERM")
    assert_told(ran(server, "--user", "alice", "-n", "1", "GET", "a:k", env=alice), 4, "SELECT", "NOPERM")


@pytest.mark.parametrize("flags", [(), ("-3",)])
@pytest.mark.parametrize("stdin", [False, True])
def test_a_database_out_of_range_runs_nothing_in_database_0(
    redis82: Server, flags: tuple[str, ...], stdin: bool
) -> None:
    redis82.command("SET", "precious", "1")

    told = (
        ran(redis82, *flags, "-n", "99", stdin=b"FLUSHALL\n")
        if stdin
        else ran(redis82, *flags, "-n", "99", "FLUSHALL")
    )

    assert_told(told, 4, "refused SELECT", "out of range", "-n")
    assert redis82.command("EXISTS", "precious") == 1


@pytest.mark.parametrize(
    ("args", "words"),
    [
        (["-p", "redis", "PING"], ["-p", "1 to 65535"]),
        (["--bogus"], ["Unrecognized option or bad number of args for: '--bogus'", "--help"]),
        (["-n", "-1", "PING"], ["-n", "0 or more"]),
        (["-u", "http://localhost", "PING"], ["http", "redis"]),
        (["-u", "redis://h:port", "PING"], ["port"]),
        (["-u", "localhost:6379", "PING"], ["redis://"]),
        (["rediss://localhost?bogus=1", "PING"], ["unknown option", "bogus"]),
        (["-2", "-3", "PING"], ["-2", "-3"]),
        (["--encoding", "bogus", "PING"], ["--encoding"]),
        (["--user"], ["--user", "name"]),
        (["--askpass", "PING"], ["--askpass", "REDISCLI_AUTH"]),
        (["--embedded", "-p", "7000", "PING"], ["--embedded", "-p"]),
    ],
)
def test_a_command_line_that_means_nothing(args: list[str], words: list[str]) -> None:
    assert_told(ran(*args), 2, *words)


def test_text_that_the_encoding_lacks(redis82: Server) -> None:
    assert_told(ran(redis82, "--encoding", "latin-1", "SET", "k", "\u20ac"), 2, "argument 2", "latin-1")
    assert redis82.command("EXISTS", "k") == 0


@pytest.mark.parametrize(
    ("line", "column", "word"),
    [
        (b'SET k "v', 7, "unbalanced"),
        (b"SET k 'v", 7, "unbalanced"),
        (b'SET "k"v x', 8, "glued"),
        ('SET "\u6771" "v'.encode(), 9, "unbalanced"),
    ],
)
def test_a_misquoted_line(redis82: Server, line: bytes, column: int, word: str) -> None:
    told = ran(redis82, stdin=b"\nSET before 1\n" + line + b"\nSET after 1\n")

    assert told.code == 2
    assert told.stdout == b"OK\n"
    assert told.said.startswith(f"stdin:3:{column}: ")
    assert word in told.said
    assert told.said.count("\n") == 1
    assert redis82.command("EXISTS", "before", "after") == 1


def test_standard_input_that_cannot_be_read(redis82: Server, tmp_path: Path) -> None:
    with (tmp_path / "written").open("wb") as write_only:
        assert_told(ran(redis82, stdin=write_only), 2, "cannot read standard input")


# -- servers that do not behave


async def ran_against(hostile: Hostile, *args: str, stdin: bytes = b"") -> Ran:
    return await asyncio.to_thread(ran, "-p", str(hostile.port), *args, stdin=stdin)


@pytest.mark.parametrize("words", [b"HTTP/1.1 400 Bad Request\r\n\r\n", b"?what\r\n", b"$-5\r\n", b":1x\r\n"])
async def test_a_reply_that_breaks_the_protocol(words: bytes) -> None:
    async with Hostile([Hear(b"PING"), Say(words), Stall()]) as server:
        assert_told(await ran_against(server, "PING"), 3, f"127.0.0.1:{server.port} does not speak RESP")


async def test_a_connection_that_ends_in_the_middle_of_a_reply() -> None:
    async with Hostile([Hear(b"k"), Say(b"$10\r\nhalf"), Close()]) as server:
        assert_told(await ran_against(server, "SET", "k", "v"), 3, f"127.0.0.1:{server.port}")


async def test_a_reply_that_does_not_come_in_time() -> None:
    async with Hostile([Hear(b"PING"), Stall()]) as server:
        assert_told(await ran_against(server, "--read-timeout", "0.2", "PING"), 5, "PING", "0.2 seconds")


async def test_a_lost_connection_stops_a_script() -> None:
    async with Hostile(
        [Hear(b"one"), Say(b"+OK\r\n"), Hear(b"two"), Close()], [Say(b"+OK\r\n" * 9)]
    ) as server:
        told = await ran_against(server, stdin=b"SET one 1\nSET two 2\nSET three 3\n")

    assert told.code == 3
    assert told.stdout == b"OK\n"
    assert told.said.startswith("stdin:2: SET: ")
    assert told.said.count("\n") == 1


# -- output that cannot be written


def test_nobody_reads_the_output_any_more(redis82: Server) -> None:
    redis82.command("SET", "k", b"x" * 1_000_000)
    with Running(redis82, "GET", "k") as program:
        program.until_output()
        program.stop_reading()
        assert program.ended() == (141, b"")


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="needs /dev/full")
def test_a_full_disk(redis82: Server) -> None:
    with open("/dev/full", "wb") as full:
        told = ran(redis82, "PING", stdout=full)

    assert_told(told, 7, "standard output", "No space left")


def test_output_to_a_pipe_that_does_not_block(redis82: Server) -> None:
    value = os.urandom(3_000_000)
    redis82.command("SET", "k", value)
    reader, writer = os.pipe()
    os.set_blocking(writer, False)

    with Running(redis82, "GET", "k", stdout=writer) as program, os.fdopen(reader, "rb") as output:
        os.close(writer)
        assert output.read() == value + b"\n"
        assert program.ended() == (0, b"")


def test_a_bug_is_one_line_unless_debugging() -> None:
    broken = "from pyredis_cli import __main__, quick; quick.quick = None; raise SystemExit(__main__.main())"
    for debug in ("", "1"):
        told = subprocess.run(
            [sys.executable, "-c", broken],
            capture_output=True,
            env={**os.environ, "PYREDISCLI_DEBUG": debug},
            check=False,
        )
        assert (b"Traceback" in told.stderr) is bool(debug)
        if not debug:
            assert_told(
                Ran(told.returncode, told.stdout, told.stderr), 70, "internal error", "PYREDISCLI_DEBUG=1"
            )
