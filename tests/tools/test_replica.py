"""``replica``: what a server tells its replicas, each command once, over one lost link after the other."""

from __future__ import annotations

import asyncio
import json
import signal
import subprocess
from collections.abc import Callable

import pytest

from tests.conftest import MakeBackgroundProxy, MakeServer
from tests.hostile import Close, Hear, Hostile, Say
from tests.program import Running, ran, redis_cli_70
from tests.proxy import Proxy
from tests.servers import Server, wait_until

SOON = "repl-diskless-sync-delay 0"
PING = b'"ping"\n'


@pytest.fixture(params=["redis62", "redis70", "redis82", "valkey9"])
def any_server(request: pytest.FixtureRequest, shared_server: Callable[..., Server]) -> Server:
    return shared_server(request.param, SOON)


@pytest.fixture
def server(shared_server: Callable[..., Server]) -> Server:
    return shared_server("redis82", SOON)


def until_followed(server: Server, by: int = 1) -> None:
    """Return once the server has so many replicas that get commands."""
    wait_until(lambda: sum("state=online" in line for line in server.info("replication").values()) == by)


def line_of(program: Running) -> bytes:
    """Return the next line of a command of ours, not of what servers say among themselves.

    A PING comes every ten seconds; a server that ends asks how far its replicas are.
    """
    for _ in range(4):
        line = program.line()
        assert line, program.ended()
        if line not in (PING, b'"REPLCONF","GETACK","*"\n', b'["ping"]\n'):
            return line
    raise AssertionError("nothing but what servers say among themselves")


def lines_to_last(line: Callable[[], bytes]) -> list[bytes]:
    """Return the lines from the first that sets ``a`` to the one that sets ``last``, without PINGs."""
    lines = [line()]
    while not lines[-1].startswith(b'"SET","last"'):
        lines.append(line())
        assert lines[-1], "it ended"
    first = next(number for number, line in enumerate(lines) if line.startswith(b'"SET","a'))
    return [line for line in lines[first:] if line != PING]


def test_each_command_is_a_line_as_redis_cli_writes_it(any_server: Server):
    any_server.command("SET", "before", "1")
    theirs = subprocess.Popen(
        [str(redis_cli_70()), "-s", any_server.unix_path, "--replica"],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )
    assert theirs.stdout is not None
    with theirs, Running(any_server, "--replica") as ours:
        try:
            until_followed(any_server, by=2)
            # redis-cli 7.0 takes the first command for the reply to its REPLCONF ACK, and shows it not.
            any_server.command("SET", "first", "1")
            any_server.command("SET", b'a "\\\n\t\x00\xff', "\x1b[2J")
            any_server.command("SELECT", 3)
            any_server.command("EVAL", "redis.call('set','k','1') return redis.call('incr','n')", 0)
            any_server.command("SETEX", "e", 100, "")
            any_server.command("SPOP", "nothing")
            any_server.command("PUBLISH", "channel", "hello")
            any_server.command("SELECT", 0)
            any_server.command("SET", "last", "x" * 100_000)
            shown = [lines_to_last(ours.line), lines_to_last(theirs.stdout.readline)]
        finally:
            theirs.kill()
    assert shown[0] == shown[1]
    assert shown[0][0] == b'"SET","a \\"\\\\\\n\\t\\x00\\xff","\\x1b[2J"\n'
    assert b'"SELECT","3"\n' in shown[0]


def test_the_server_is_told_how_far_we_are(any_server: Server):
    with Running(any_server, "replica") as program:
        until_followed(any_server)
        any_server.command("SET", "a", "1")
        assert any_server.command("WAIT", 1, 5000) == 1
        program.signal(signal.SIGINT)
        code, said = program.ended()
    assert code == 130
    assert said.startswith(f"in step with {any_server.unix_path}; ".encode())
    assert said.count(b"\n") == 1


def test_a_lost_link_goes_on_where_it_was(any_server: Server, background_proxy: MakeBackgroundProxy):
    proxy = background_proxy(any_server)
    with Running("-p", str(proxy.port), "replica") as program:
        until_followed(any_server)
        shown = []
        for number in range(30):
            any_server.command("SET", "key", number)
            if not shown:  # before that the snapshot may still be on its way
                shown.append(line_of(program))
            if number % 10 == 5:
                proxy.do(Proxy.cut)
        while not shown or b'"29"' not in shown[-1]:
            shown.append(line_of(program))
        program.signal(signal.SIGTERM)
        code, said = program.ended()
    assert shown == [b'"SELECT","0"\n', *(b'"SET","key","%d"\n' % number for number in range(30))]
    assert code == 143
    assert b"the connection; trying again\n" in said
    assert said.endswith(b" goes on where the link was lost\n")


def test_what_is_missing_behind_a_restart_is_told(make_server: MakeServer):
    server = make_server("redis82", SOON)
    with Running(server, "replica") as program:
        until_followed(server)
        server.command("SET", "a", "1")
        assert [line_of(program), line_of(program)] == [b'"SELECT","0"\n', b'"SET","a","1"\n']
        server.restart()
        until_followed(server)
        server.command("SET", "a", "2")
        assert [line_of(program), line_of(program)] == [b'"SELECT","0"\n', b'"SET","a","2"\n']
        program.signal(signal.SIGINT)
        code, said = program.ended()
    lines = said.decode().splitlines()
    assert code == 130
    assert lines[1].endswith("; trying again")
    assert "could not go on where the link was lost: commands are missing here" in lines[-1]


def test_who_is_no_longer_let_in_stops(make_server: MakeServer):
    server = make_server("redis82", SOON)
    with Running(server, "replica") as program:
        until_followed(server)
        server.command("CONFIG", "SET", "requirepass", "secret")
        server.command("CLIENT", "KILL", "TYPE", "replica")
        code, said = program.ended()
    assert code in (1, 4)
    assert "NOAUTH" in said.decode().splitlines()[-1]


def test_another_format_has_its_own_line_for_each(server: Server):
    with Running(server, "--json", "replica") as program:
        until_followed(server)
        server.command("MSET", "a", 'quote "', b"\xff", "\n")
        lines = [line_of(program), line_of(program)]
    assert json.loads(lines[0]) == ["SELECT", "0"]
    assert json.loads(lines[1])[:3] == ["MSET", "a", 'quote "']


def test_nobody_who_reads_ends_it_quietly(server: Server):
    with Running(server, "replica") as program:
        until_followed(server)
        program.stop_reading()
        server.command("SET", "a", "1")
        code, said = program.ended()
    assert code == 141
    assert said.startswith(b"in step with ")
    assert said.count(b"\n") == 1


async def test_a_question_how_far_we_are_is_answered_at_once():
    ask = b"*3\r\n$8\r\nREPLCONF\r\n$6\r\nGETACK\r\n$1\r\n*\r\n"
    ack = b"*3\r\n$8\r\nREPLCONF\r\n$3\r\nACK\r\n$%d\r\n%d\r\n"
    script = [
        Hear(b"psync2\r\n"),
        Say(b"+OK\r\n"),
        Hear(b"rdb-filter-only"),
        Say(b"-ERR Unrecognized REPLCONF option\r\n"),
        Hear(b"PSYNC\r\n$1\r\n?\r\n$2\r\n-1\r\n"),
        Say(b"\n+FULLRESYNC abc 1000\r\n\n$3\r\nRDB"),
        Hear(ack % (4, 1000)),
        Say(ask),
        Hear(ack % (4, 1000 + len(ask))),
        Say(b"$3\r\nbad\r\n"),
        Close(),
    ]
    again = [
        Hear(b"psync2\r\n"),
        Say(b"+OK\r\n+OK\r\n"),
        Hear(b"PSYNC\r\n$3\r\nabc\r\n$4\r\n%d\r\n" % (1001 + len(ask))),
        Say(b"-ERR go away\r\n"),
    ]
    async with Hostile(script, again) as server:
        done = await asyncio.to_thread(ran, "-p", str(server.port), "replica")
    assert done.code == 1
    assert done.stdout == b'"REPLCONF","GETACK","*"\n'
    said = done.said.splitlines()
    assert said[0] == f"in step with 127.0.0.1:{server.port}; 3 bytes of its data were passed over"
    assert "is commands, and this was none" in said[1]
    assert said[2:] == ["(error) ERR go away"]


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        (b"+FULLRESYNC abc\r\n$3\r\nRDB", "stands where a server tells a replica how far it is"),
        (b"+FULLRESYNC abc 1\r\n$9\r\nRDB", "closed the connection"),
        (b"junk\r\n", "does not speak RESP"),
    ],
)
async def test_a_link_that_never_was_is_not_tried_again(answer: bytes, told: str):
    script = [Hear(b"psync2"), Say(b"+OK\r\n+OK\r\n"), Hear(b"PSYNC"), Say(answer), Close()]
    async with Hostile(script) as server:
        done = await asyncio.to_thread(ran, "-p", str(server.port), "replica")
    assert (done.code, done.stdout) == (3, b"")
    assert told in done.said
    assert done.said.count("\n") == 1


@pytest.mark.parametrize(
    ("words", "code", "told"),
    [(("replica", "x"), 2, "replica: it takes no arguments"), (("--slave",), 3, "cannot connect")],
)
def test_what_cannot_begin_is_told_in_one_line(words: tuple[str, ...], code: int, told: str):
    done = ran("-p", "1", *words)
    assert done.code == code
    assert told in done.said
    assert done.said.count("\n") == 1
