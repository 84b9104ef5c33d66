"""Scripts and servers that do not behave, over TLS, and from input of all kinds."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

import pytest

from tests.conftest import MakeBackgroundProxy
from tests.hostile import Close, Hear, Hostile, Reset, Say, Stall
from tests.program import Ran, Running, ran
from tests.proxy import REPLIES
from tests.servers import Server
from tests.tls import Authority, TlsProxy, server_context

TEN = b"INCR n\n" * 10


async def ran_against(hostile: Hostile, *args: str, stdin: bytes = TEN) -> Ran:
    return await asyncio.to_thread(ran, "-p", str(hostile.port), *args, stdin=stdin)


@pytest.mark.parametrize("words", [b"?what\r\n", b"$-5\r\n", b":1x\r\n", b"+a\rb\r\n", b"*1\r\n>1\r\n"])
async def test_what_is_no_reply_ends_a_script_behind_those_that_were(words: bytes) -> None:
    async with Hostile(
        [Hear(b"INCR"), Say(b":1\r\n"), Hear(b"INCR"), Say(b":2\r\n" + words), Stall()]
    ) as server:
        told = await ran_against(server)

        assert (told.code, told.stdout) == (3, b"1\n2\n")
        assert told.said.startswith(f"stdin:3: INCR: 127.0.0.1:{server.port} does not speak RESP: ")
        assert told.said.count("\n") == 1


async def test_a_reply_to_no_command_ends_a_script() -> None:
    async with Hostile([Hear(b"INCR"), Say(b":1\r\n:2\r\n:3\r\n"), Stall()]) as server:
        told = await ran_against(server)

    assert (told.code, told.stdout) == (3, b"1\n")
    assert told.said.startswith("stdin:2: ")
    assert "the server sent a reply to no command" in told.said
    assert told.said.endswith("no later line was sent\n")


@pytest.mark.parametrize("size", [1, 3, 7])
def test_replies_may_come_in_any_pieces(
    redis82: Server, background_proxy: MakeBackgroundProxy, size: int
) -> None:
    lines = b'SET s "a\\r\\nb"\nGET s\nRPUSH l x\nLRANGE l 0 -1\nGET none\nINCR s\nPING\n' * 3
    proxy = background_proxy(redis82)
    proxy.do(lambda proxy: proxy.chunk(size, REPLIES))
    whole = ran(redis82, stdin=lines)
    redis82.command("FLUSHALL")

    assert ran("-p", str(proxy.port), stdin=lines) == whole
    assert whole.code == 1


@pytest.mark.parametrize("end", [Close(), Reset()])
async def test_what_a_server_says_before_it_hangs_up_is_told(end: Close | Reset) -> None:
    async with Hostile([Say(b"-ERR max number of clients reached\r\n"), end]) as server:
        told = await ran_against(server, stdin=b"INCR n\n")

    assert told.code in (1, 3)
    assert isinstance(end, Reset) or "ERR max number of clients reached" in told.said


async def test_a_server_that_hangs_up_before_each_reply_is_not_asked_for_ever() -> None:
    async with Hostile([Hear(b"GET"), Close()]) as server:
        told = await ran_against(server, stdin=b"GET k\n" * 10)

    assert told.code == 3
    assert told.stdout == b""


async def test_a_script_runs_over_tls(server: Server, tmp_path: Path) -> None:
    authority = Authority(tmp_path / "authority")
    lines = b"".join(b"SET k%d %b\nGET k%d\n" % (n, b"v" * 500, n) for n in range(2_000))
    async with TlsProxy(("127.0.0.1", server.port), server_context(authority.sign())) as proxy:
        flags = ("--tls", "--cacert", authority.ca_file, "-h", "127.0.0.1", "-p", str(proxy.address[1]))
        told = await asyncio.to_thread(ran, *flags, stdin=lines)

    assert told == Ran(0, (b"OK\n" + b"v" * 500 + b"\n") * 2_000, b"")


def test_a_pipe_with_a_name_is_a_file(redis82: Server, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with (
        Running(redis82, "exec", "-f", str(tmp_path / "pipe")) as program,
        (tmp_path / "pipe").open("wb", 0) as pipe,
    ):
        for number in (1, 2, 3):
            pipe.write(b"INCR n\n")
            assert program.line() == b"%d\n" % number
        pipe.close()
        assert program.ended() == (0, b"")


def test_input_that_somebody_made_non_blocking_is_waited_for(redis82: Server) -> None:
    reading, writing = os.pipe()
    os.set_blocking(reading, False)
    try:
        with Running(redis82, stdin=reading) as program:
            os.write(writing, b"PING\n")
            assert program.line() == b"PONG\n"
            os.write(writing, b"PING")
            os.close(writing)
            writing = -1
            assert program.line() == b"PONG\n"
            assert program.ended() == (0, b"")
    finally:
        os.close(reading)
        if writing >= 0:
            os.close(writing)
