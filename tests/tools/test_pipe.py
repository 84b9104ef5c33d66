"""``pipe``: raw commands go out as they come in, replies are counted, and nothing makes it wait for ever."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.conftest import MakeBackgroundProxy, MakeServer, MakeTerminal
from tests.hostile import Close, Hear, Hostile, Reset, Say
from tests.program import PROGRAM, ROOT, Running, ran, ran_redis_cli, redis_cli_70
from tests.servers import Server, wait_until
from tests.tls import Authority, TlsProxy, server_context

DONE = b"All data transferred. Waiting for the last reply...\nLast reply received from server.\n"
MIXED = (
    b'SET name ada\r\n\r\n*2\r\n$3\r\nGET\r\n$4\r\nname\r\nLPUSH name 1\nECHO "a b"\n*1\r\n$4\r\nPING\r\nGET'
)


def array(*words: bytes) -> bytes:
    return b"*%d\r\n" % len(words) + b"".join(b"$%d\r\n%b\r\n" % (len(word), word) for word in words)


@pytest.fixture(params=["redis62", "redis70", "redis82", "valkey9"])
def any_server(request: pytest.FixtureRequest, shared_server: Callable[[str], Server]) -> Server:
    return shared_server(request.param)


def test_replies_are_counted_and_errors_named_by_their_commands(any_server: Server):
    done = ran(any_server, "pipe", stdin=MIXED)
    assert done.stdout == DONE + b"errors: 2, replies: 6\n"
    assert [line[:16] for line in done.said.splitlines()] == ["command 3: (erro", "command 6: (erro"]
    assert "command 3: (error) WRONGTYPE Operation" in done.said
    assert done.code == 1
    assert any_server.command("GET", "name") == b"ada"


@pytest.mark.parametrize("given", [MIXED, b"", b"SET a b\r\nGET a\r\n", b"GET a" * 20_000 + b"\n"])
def test_standard_output_is_that_of_redis_cli(redis70: Server, given: bytes):
    ours = ran(redis70, "--pipe", stdin=given)
    theirs = ran_redis_cli(redis70, "--pipe", stdin=given, binary=redis_cli_70())
    if len(given) < 64_000:
        assert (ours.stdout, ours.code) == (theirs.stdout, theirs.code)
    else:  # which servers refuse; redis-cli says nothing but that the connection broke
        assert ours.code == 2


async def test_what_came_is_sent_byte_for_byte():
    values = [os.urandom(size) for size in (0, 1, 100, 70_000, 300_000)]
    given = b"".join(array(b"SET", b"key", value) for value in values) * 3 + b"GET key\n\n  GET  'a b'\r\n"
    async with Hostile([Hear(b"PING\r\n$32\r\n"), Say(b"+OK\r\n" * 17 + b"-ERR no\r\n")]) as server:
        done = await asyncio.to_thread(ran, "-p", str(server.port), "pipe", stdin=given)
        (sent,) = server.received
    assert sent.startswith(given)
    assert sent[len(given) :].startswith(b"*2\r\n$4\r\nPING\r\n$32\r\n")
    assert done.stdout == DONE + b"errors: 0, replies: 17\n"


@pytest.mark.parametrize(
    ("broken", "told"),
    [
        (b"*3\r\n$3\r\nSET", "the input ends in the middle of it (byte 20)"),
        (b"*2\r\n$3\r\nSET\r\n$10\r\na\r\n" + array(b"PING") * 3, "no CRLF behind an argument of 10 bytes"),
        (b"*2\r\nGET\r\n", "'GET' stands where the length of an argument must"),
        (b"SET a 'b\n", "quote"),
        (b"PSYNC ? -1\n", "PSYNC would make a link for replication"),
        (b"*3\r\n$3\r\nSET\r\n$1\r\nb\r\n$900000\r\n" + b"x" * 600_000, "the input ends in the middle of it"),
    ],
)
def test_broken_input_is_told_and_what_is_before_it_is_run(redis82: Server, broken: bytes, told: str):
    done = ran(redis82, "pipe", stdin=b"SET a 1\r\n" + broken)
    assert done.code == 2
    assert done.said.startswith("command 2 cannot be sent: ")
    assert told in done.said
    assert done.stdout == b"errors: 0, replies: 1\n"
    assert redis82.command("GET", "a") == b"1"
    assert redis82.command("DBSIZE") == 1


@pytest.mark.parametrize(
    ("given", "errors", "replies", "named"),
    [
        (b"SET a 1\nSUBSCRIBE b c\n", 0, None, []),
        (b"SET a 1\nMONITOR\n", 0, None, []),
        (b"HELLO 3\nSUBSCRIBE b\nSET a 1\nLPUSH a 1\n", 1, None, ["reply"]),
        (b"SET a 1\nCLIENT REPLY OFF\nLPUSH a 1\nCLIENT REPLY ON\nLPUSH a 1\n", 1, 3, ["command 5"]),
        (b"SET a 1\nCLIENT REPLY SKIP\nLPUSH a 1\nLPUSH a 1\nGET a\n", 1, 3, ["command 4"]),
        (b"SET a 1\nCLIENT REPLY OFF\nSET b 1\n", 0, 1, []),
        (b"CLIENT REPLY SKIP\nCLIENT REPLY SKIP\n", 0, 0, []),
        (b"MULTI\nSET a 1\nLPUSH a 1\nEXEC\n", 1, 4, ["command 4, 2)"]),
        (b"MULTI\nSET a 1\n", 0, 2, ["the input ends inside a transaction"]),
        (b"SET a 1\nQUIT\n", 0, 2, []),
        (b"SET a 1\nCLIENT REPLY OFF\nQUIT\n", 0, 1, []),
        (b"CLIENT REPLY SKIP\nQUIT\n", 0, 0, []),
        (b"SHUTDOWN NONSENSE\nLPUSH a 1\nLPUSH a\n", 2, 3, ["command 1", "command 3"]),
        (b"RESET\nHELLO 3\nCONFIG GET port\nCLIENT TRACKING ON\nSET a 1\nGET a\nSET a 2\n", 0, 7, []),
    ],
)
def test_commands_that_change_what_is_replied_hang_nothing(
    server: Server, given: bytes, errors: int, replies: int | None, named: list[str]
):
    done = ran(server, "pipe", "--timeout", "20", stdin=given)
    lines = done.said.splitlines()
    assert len(lines) == len(named)
    assert all(line.startswith(name) for line, name in zip(lines, named, strict=True))
    told = done.stdout.splitlines()[-1]
    assert told.startswith(b"errors: %d, replies: " % errors)
    assert replies is None or told == b"errors: %d, replies: %d" % (errors, replies)
    unfinished = named == ["the input ends inside a transaction"]
    assert done.code == (7 if unfinished else bool(errors))


def test_nothing_is_sent_behind_quit(redis82: Server):
    done = ran(redis82, "pipe", stdin=b"SET a 1\nQUIT\nSET a 2\n")
    assert (done.code, done.stdout) == (7, b"errors: 0, replies: 2\n")
    assert done.said == "command 2, QUIT, ended the connection; what is behind it was not sent\n"
    assert redis82.command("GET", "a") == b"1"


def test_quit_does_not_wait_for_the_input_to_end(redis82: Server):
    with Running(redis82, "pipe") as program:
        program.write(b"QUIT\n")
        assert program.ended() == (0, b"")


def test_a_server_that_is_shut_down_by_the_input_is_no_error(make_server: MakeServer):
    server = make_server()
    done = ran(server, "pipe", stdin=b"SET a 1\nSHUTDOWN NOSAVE\n")
    assert (done.code, done.stdout, done.stderr) == (0, b"errors: 0, replies: 1\n", b"")


def test_no_reply_in_time_is_told_with_what_had_come(redis82: Server):
    with Running(redis82, "--pipe", "--pipe-timeout", "0.5") as program:
        program.write(b"SET a 1\n")
        wait_until(lambda: redis82.command("GET", "a") == b"1")
        redis82.pause()
        program.end_input()
        code, said = program.ended()
        redis82.resume()
    assert code == 5
    assert f"no reply from {redis82.unix_path} for 0.5 seconds; commands sent: 1, " in said.decode()


def test_a_slow_producer_does_not_use_up_the_time_for_the_last_reply(redis82: Server):
    with Running(redis82, "pipe", "--timeout", "0.5") as program:
        program.write(b"SET a 1\n")
        wait_until(lambda: redis82.command("GET", "a") == b"1")
        started = time.monotonic()
        wait_until(lambda: time.monotonic() - started > 0.7)
        program.end_input()
        assert program.ended() == (0, b"")


def test_a_server_that_takes_nothing_more_is_given_up_when_asked_to(redis82: Server):
    with Running(redis82, "--read-timeout", "0.5", "pipe") as program:
        program.write(b"SET a 1\n")
        wait_until(lambda: redis82.command("GET", "a") == b"1")
        redis82.pause()
        program.write(b"SET a 2\n")
        code, said = program.ended()
        redis82.resume()
    assert code == 5
    assert said.endswith(b" for 0.5 seconds; commands sent: 2, replies: 1\n")


def test_a_connection_that_is_cut_is_told_with_what_had_come(
    server: Server, background_proxy: MakeBackgroundProxy
):
    proxy = background_proxy(server)
    proxy.do(lambda inner: inner.drop_after(15))
    done = ran("-p", str(proxy.port), "pipe", stdin=b"SET a 1\n" * 10)
    assert done.code == 3
    assert "the connection; commands sent: 10, replies: 3" in done.said
    assert done.stdout.endswith(b"errors: 0, replies: 3\n")


async def test_how_a_connection_broke_is_told_while_there_is_more_to_send():
    # While it speaks it reads nothing, so what is sent piles up.
    async with Hostile([Hear(b"SET a 1\n"), Say(b"+OK\r\n" * 100, 5), Reset()]) as server:
        done = await asyncio.to_thread(ran, "-p", str(server.port), "pipe", stdin=b"SET a 1\n" * 2_000_000)
    assert done.code == 3
    assert done.said.startswith(f"127.0.0.1:{server.port} broke the connection; ")


def test_why_a_server_throws_us_out_is_not_lost(make_server: MakeServer):
    server = make_server("redis82", "client-query-buffer-limit 1mb", "proto-max-bulk-len 1mb")
    done = ran(server, "pipe", stdin=b"SET a 1\n" + array(b"SET", b"a", b"x" * 8_000_000))
    assert done.code == 3
    assert "command 2: (error) ERR Protocol error: invalid bulk length" in done.said
    assert "errors: 1, replies: 2" in done.stdout.decode()


@pytest.mark.parametrize("said", [b"nonsense\r\n", b"$5\r\nab"])
async def test_replies_that_are_none_end_it(said: bytes):
    async with Hostile([Hear(b"GET a"), Say(b"+OK\r\n" + said), Close()]) as server:
        done = await asyncio.to_thread(ran, "-p", str(server.port), "pipe", stdin=b"GET a\n" * 3)
    assert done.code == 3
    assert "replies: 1\n" in done.stdout.decode()


async def test_much_goes_both_ways_at_once_over_tls(redis82: Server, tmp_path: Path):
    """Replies of 20 MB, which nobody would read who only sends first."""
    redis82.command("SET", "long", b"x" * 2000)
    given = (b"GET long\n" + array(b"SET", b"key", b"y" * 500)) * 10_000
    context = server_context(Authority(tmp_path / "ca").sign())
    async with TlsProxy((redis82.host, redis82.port), context) as proxy:
        url = f"rediss://127.0.0.1:{proxy.port}?insecure=yes"
        done = await asyncio.to_thread(ran, url, "pipe", stdin=given)
    assert (done.code, done.stdout) == (0, DONE + b"errors: 0, replies: 20000\n")


def test_a_slow_producer_is_not_waited_for(redis82: Server):
    with Running(redis82, "pipe") as program:
        program.write(b"SET a 1\n*3\r\n$3\r\nSET\r\n$1\r\nb")
        wait_until(lambda: redis82.command("GET", "a") == b"1")
        program.write(b"\r\n$1\r\n2\r\n")
        wait_until(lambda: redis82.command("GET", "b") == b"2")
        program.write(b"LPUSH a 1\n")
        program.end_input()
        code, said = program.ended()
    assert code == 1
    assert said.startswith(b"command 3: (error) WRONGTYPE")


def test_memory_does_not_grow_with_the_input(redis82: Server):
    piece = (array(b"SET", b"key", b"x" * 1000) + b"GET key\n") * 1000
    with Running(redis82, "pipe") as program:
        for _ in range(100):
            program.write(piece)
        # Of 100 MB that went out, and as much that came back.
        assert program.peak_memory < 70 * 1024 * 1024
        program.end_input()
        assert program.ended() == (0, b"")


def test_the_progress_is_shown_while_it_lasts_and_wiped(
    redis82: Server, terminal: MakeTerminal, tmp_path: Path
):
    given = tmp_path / "commands"
    given.write_bytes(array(b"SET", b"key", b"x" * 1_000_000) * 20 + b"LPUSH key 1\n")
    command = f"exec {' '.join(PROGRAM)} -s {redis82.unix_path} pipe < {given}"
    redis82.pause()
    try:
        shell = terminal(["/bin/sh", "-c", command], columns=72, cwd=str(ROOT))
        wait_until(lambda: any("% " in line and "/s" in line for line in shell.display))
    finally:
        redis82.resume()
    wait_until(lambda: "errors: 1, replies: 21" in shell.text)
    assert "command 21: (error) WRONGTYPE" in shell.text
    assert "%" not in shell.text


def test_ctrl_c_tells_how_far_it_came(redis82: Server):
    with Running(redis82, "pipe") as program:
        program.write(b"SET a 1\n")
        wait_until(lambda: redis82.command("GET", "a") == b"1")
        program.signal(signal.SIGINT)
        code, said = program.ended()
    assert code == 130
    assert said.startswith(b"interrupted; commands sent: 1, ")


def test_nobody_who_reads_is_no_reason_to_speak(redis82: Server):
    with Running(redis82, "pipe") as program:
        program.stop_reading()
        program.write(b"SET a 1\n")
        program.end_input()
        assert program.ended() == (141, b"")


@pytest.mark.parametrize(
    ("args", "code", "told"),
    [
        (("-p", "1", "pipe"), 3, "cannot connect to 127.0.0.1:1"),
        (("-p", "1", "pipe", "file"), 2, "pipe: it reads standard input"),
        (("-p", "1", "pipe", "--timeout", "x"), 2, "--timeout"),
        (("-p", "1", "-x", "pipe"), 2, "-x gives a command an argument, and there is no command"),
        (("-p", "1", "-r", "2", "--pipe"), 2, "-r repeats the command behind the flags"),
    ],
)
def test_what_cannot_begin_is_told_in_one_line(args: tuple[str, ...], code: int, told: str):
    done = ran(*args, stdin=b"PING\n")
    assert done.code == code
    assert told in done.said
    assert done.said.count("\n") == 1
    assert done.stdout == b""


def test_who_is_not_let_in_sends_nothing(make_server: MakeServer):
    server = make_server("redis82", "requirepass secret")
    done = ran(server, "--no-auth-warning", "-a", "wrong", "pipe", stdin=b"SET a 1\n")
    assert done.code == 4
    assert done.stdout == b""
