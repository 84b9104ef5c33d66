"""One command without an event loop: the bytes and exit codes of the long way, and nothing else on the wire."""

from __future__ import annotations

import asyncio
import contextlib
import os
import pty
import subprocess
import sys
from collections.abc import Sequence
from typing import Final

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pyredis_cli.flags import FLAGS, UsageError
from pyredis_cli.parsing import parse
from pyredis_cli.quick import command, quick
from tests.hostile import Close, Hear, Hostile, Say, Stall, Step
from tests.program import PROGRAM, ROOT, Ran, Running, ran
from tests.servers import Server

LONG: Final = (
    sys.executable,
    "-c",
    "from pyredis_cli import __main__, quick; quick.quick = lambda args: None; raise SystemExit(__main__.main())",
)
"""The program as it is when no arguments are usual."""


def by_the_long_way(*args: str, env: dict[str, str] | None = None) -> Ran:
    done = subprocess.run(
        [*LONG, *args],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        cwd=ROOT,
        env={**os.environ, **(env or {})},
    )
    return Ran(done.returncode, done.stdout, done.stderr)


def seed(server: Server) -> None:
    server.command("FLUSHALL")
    server.command("SET", "text", "two words\nin \xe9")
    server.command("SET", "bytes", b"\xff\x00\r\n")
    server.command("SET", "json", b'{"a": [1, 2]}')
    server.command("RPUSH", "list", "a", "", b"\xfe", "b c")
    server.command("HSET", "hash", "field", "value", "1", "2")
    server.command("ZADD", "zset", "1.5", "one", "inf", "two")
    server.command("XADD", "stream", "1-1", "f", "v")


USUAL: Final = [
    ("PING",),
    ("exec", "PING", "hello world"),
    ("GET", "text"),
    ("get", "bytes"),
    ("GET", "nosuch"),
    ("-n", "1", "GET", "text"),
    ("-n", "99", "GET", "text"),
    ("-2", "HGETALL", "hash"),
    ("-3", "HGETALL", "hash"),
    ("--json", "HGETALL", "hash"),
    ("--json", "GET", "bytes"),
    ("--json", "INFO", "replication"),
    ("--quoted-json", "LRANGE", "list", "0", "-1"),
    ("--csv", "LRANGE", "list", "0", "-1"),
    ("--no-raw", "ZRANGE", "zset", "0", "-1", "WITHSCORES"),
    ("--no-raw", "XRANGE", "stream", "-", "+"),
    ("--format", "csv", "HGETALL", "hash"),
    ("--format", "ndjson", "CLIENT", "LIST", "ID", "0"),
    ("--format", "human", "LRANGE", "list", "0", "-1"),
    ("--format", "human", "GET", "json"),
    ("-d", ",", "-D", ";", "LRANGE", "list", "0", "-1"),
    ("-0", "LRANGE", "list", "0", "-1"),
    ("--null", "nil", "MGET", "text", "nosuch"),
    ("LLEN", "text"),
    ("INCR", "text"),
    ("EXISTS", "text", "list"),
    ("LPUSH",),
    ("GET", "a", "b"),
    ("CONFIG", "GET", "maxmemory"),
    ("CONFIG", "NOSUCH"),
    ("OBJECT", "ENCODING", "list"),
    ("BLPOP", "nosuch", "0.01"),
    ("--read-timeout", "0.1", "BLPOP", "nosuch", "0.6"),
    ("EVAL", "return redis.error_reply('MINE no')", "0"),
    ("EVAL", "return {1, {2, 'x'}, false}", "0"),
    ("-a", "wrong", "PING"),
    ("--user", "nobody", "--pass", "wrong", "--no-auth-warning", "PING"),
    ("--encoding", "latin-1", "GET", "text"),
    ("--echo", "PING"),
    ("-e", "LPUSH", "text", "x"),
    ("AUTH", "secret"),
]


@pytest.mark.parametrize("args", USUAL, ids=" ".join)
def test_both_ways_are_the_same(redis82: Server, args: tuple[str, ...]) -> None:
    seed(redis82)
    where = ("-p", str(redis82.port))
    short = ran(*where, *args)
    assert short == by_the_long_way(*where, *args)
    assert short.code == 0 or short.stderr


@pytest.mark.parametrize(
    "args", [("GET", "bytes"), ("--json", "HGETALL", "hash"), ("LLEN", "text")], ids=" ".join
)
def test_both_ways_are_the_same_on_each_server(server: Server, args: tuple[str, ...]) -> None:
    seed(server)
    url = f"redis://127.0.0.1:{server.port}/0"
    assert ran("-u", url, *args) == by_the_long_way("-u", url, *args) == ran(server, *args)


@pytest.mark.parametrize(
    "args",
    [
        ("-h", "127.0.0.1", "-p", "1", "PING"),
        ("-h", "no.such.host.invalid", "PING"),
        ("-s", "/nosuch/socket", "PING"),
        ("-s", "x" * 200, "PING"),
        ("-u", "redis://[", "PING"),
        ("-s", "a", "-h", "b", "-c", "PING"),
        ("-2", "-3", "PING"),
        ("--null", "x", "--json", "PING"),
        ("--encoding", "latin-1", "GET", "\u6771"),
    ],
    ids=" ".join,
)
def test_both_ways_fail_the_same(args: tuple[str, ...]) -> None:
    short = ran(*args)
    assert short == by_the_long_way(*args)
    assert short.code in (2, 3)
    assert short.stdout == b""


def test_the_environment_is_heard_both_ways(redis82: Server) -> None:
    for env in (
        {"VALKEYCLI_PORT": str(redis82.port)},
        {"REDIS_URL": f"redis://127.0.0.1:{redis82.port}/3"},
        {"REDISCLI_AUTH": "wrong", "VALKEYCLI_PORT": str(redis82.port)},
    ):
        assert ran("DBSIZE", env=env) == by_the_long_way("DBSIZE", env=env)


def test_sentinels_of_the_environment_are_asked_and_no_command_is_sent_to_them(redis82: Server) -> None:
    env = {"REDIS_URL": f"sentinel://127.0.0.1:{redis82.port}/group"}
    short = ran("DBSIZE", env=env)
    assert short == by_the_long_way("DBSIZE", env=env)
    assert (short.code, short.stdout) == (4, b"")
    assert "SENTINEL" in short.said


# -- what stands between the program and the server


@pytest.mark.parametrize(
    "script",
    [
        [Close()],
        [Hear(b"PING"), Close()],
        [Hear(b"PING"), Say(b"+PO"), Close()],
        [Hear(b"PING"), Say(b"HTTP/1.1 400 Bad Request\r\n")],
        [Hear(b"PING"), Say(b"-LOADING wait\r\n")],
        [Hear(b"PING"), Say(b"-MOVED 1 127.0.0.1:7001\r\n")],
        [Say(b"-ERR max number of clients reached\r\n"), Close()],
        [Stall()],
    ],
    ids=str,
)
@pytest.mark.parametrize("name", ["PING", "PUBLISH"])
async def test_both_ways_take_a_broken_server_the_same(script: Sequence[Step], name: str) -> None:
    words = {"PING": ("PING",), "PUBLISH": ("PUBLISH", "PING", "x")}[name]
    told = []
    for program in (PROGRAM, LONG):
        async with Hostile(script) as server:
            args = [*program, "-p", str(server.port), "--read-timeout", "0.3", *words]
            process = await asyncio.create_subprocess_exec(
                *args, stdout=subprocess.PIPE, stderr=subprocess.PIPE, stdin=subprocess.DEVNULL, cwd=ROOT
            )
            stdout, stderr = await process.communicate()
            told.append((process.returncode, stdout, stderr.replace(str(server.port).encode(), b"PORT")))
    assert told[0][0] != 0
    if not isinstance(script[0], Hear | Stall):
        # The end may come before the command is sent, or not: that decides about a second connection.
        told = [(code, stdout, b"") for code, stdout, _ in told]
    assert told[0] == told[1]


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        ((), b""),
        (("-2",), b""),
        (("-n", "0"), b""),
        (("-n", "2"), b"*2\r\n$6\r\nSELECT\r\n$1\r\n2\r\n"),
        (("-a", "pw", "--no-auth-warning"), b"*2\r\n$4\r\nAUTH\r\n$2\r\npw\r\n"),
        (
            ("--user", "u", "--pass", "pw", "--no-auth-warning"),
            b"*3\r\n$4\r\nAUTH\r\n$1\r\nu\r\n$2\r\npw\r\n",
        ),
        (("-3",), b"*2\r\n$5\r\nHELLO\r\n$1\r\n3\r\n"),
    ],
)
async def test_the_server_hears_what_was_asked_for_and_nothing_else(
    flags: tuple[str, ...], said: bytes
) -> None:
    reply = b"%1\r\n$5\r\nproto\r\n:3\r\n" if said.startswith(b"*2\r\n$5\r\nHELLO") else b"+OK\r\n"
    opening = [Hear(said), Say(reply)] if said else []
    get = b"*2\r\n$3\r\nGET\r\n$1\r\nk\r\n"
    async with Hostile([*opening, Hear(get), Say(b"$1\r\nv\r\n")]) as server:
        process = await asyncio.create_subprocess_exec(
            *PROGRAM,
            *("-p", str(server.port), *flags, "GET", "k"),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            cwd=ROOT,
        )
        assert await process.communicate() == (b"v\n", b"")
        assert server.received == [said + get]
        assert process.returncode == 0


def test_a_large_reply_comes_whole(redis82: Server) -> None:
    value = os.urandom(3_000_000)
    redis82.command("SET", "k", value)
    assert ran(redis82, "GET", "k") == Ran(0, value + b"\n", b"")
    with Running(redis82, "GET", "k") as program:
        program.until_output()
        program.stop_reading()
        assert program.ended() == (141, b"")


# -- on a terminal


def on_a_terminal(program: Sequence[str], *args: str) -> tuple[int, bytes]:
    """Return the exit code of a program, and what it wrote to its terminal."""
    ours, theirs = pty.openpty()
    with subprocess.Popen([*program, *args], stdin=theirs, stdout=theirs, stderr=theirs, cwd=ROOT) as process:
        os.close(theirs)
        shown = b""
        with contextlib.suppress(OSError):  # a pty whose last end is closed
            while chunk := os.read(ours, 65536):
                shown += chunk
        os.close(ours)
        return process.wait(), shown


@pytest.mark.parametrize(
    "args",
    [
        ("PING",),
        ("GET", "text"),
        ("GET", "nosuch"),
        ("GET", "json"),
        ("GET", "empty"),
        ("GET", "digits"),
        ("GET", "short"),
        ("LLEN", "list"),
        ("TTL", "text"),
        ("LRANGE", "list", "0", "-1"),
        ("HGETALL", "hash"),
        ("--theme", "light", "STRLEN", "text"),
        ("INFO", "replication"),
        ("LPUSH", "text", "x"),
    ],
    ids=" ".join,
)
def test_both_ways_show_a_person_the_same(
    redis82: Server, monkeypatch: pytest.MonkeyPatch, args: tuple[str, ...]
) -> None:
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setenv("PAGER", "cat")
    seed(redis82)
    for key, value in {"empty": b"", "digits": b"1700000000", "short": b"value"}.items():
        redis82.command("SET", key, value)
    where = ("-s", redis82.unix_path)
    assert on_a_terminal(PROGRAM, *where, *args) == on_a_terminal(LONG, *where, *args)


# -- which arguments are usual


_WORDS: Final = [
    *(name for rows in FLAGS.values() for flag in rows for name in flag.names),
    *(
        "PING",
        "GET",
        "k",
        "-",
        "--",
        "exec",
        "0",
        "1",
        "7000",
        "a=b",
        "--format=csv",
        "-p7000",
        "yes",
        "json",
    ),
    *("redis://h:1", "unix:///s", "cluster://h", "./d", "", "-1", "--nosuch"),
]


@given(st.lists(st.sampled_from(_WORDS), max_size=6))
@settings(max_examples=400, deadline=None)
def test_what_is_usual_means_the_same_to_click(args: list[str]) -> None:
    found = quick(args)
    if found is None:
        return
    try:
        assert parse(args) == found
    except UsageError:
        pytest.fail(f"click refuses {args}")


@pytest.mark.parametrize(
    "words",
    [
        ("find", "x"),
        ("hint", "x"),
        ("exec",),
        ("exec", "-f", "x"),
        ("SUBSCRIBE", "c"),
        ("MONITOR",),
        ("FOO",),
        ("multi",),
    ],
)
def test_other_words_go_the_long_way(words: tuple[str, ...]) -> None:
    assert command(words) is None
