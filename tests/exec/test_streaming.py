"""Messages as they come, from the arguments and from scripts: until so many, for so long, or without an end."""

from __future__ import annotations

import re
import signal
from collections.abc import Callable

import pytest

from tests.program import Ran, Running, ran
from tests.servers import Server, wait_until


def subscribed(server: Server, channel: str = "news") -> Callable[[], bool]:
    return lambda: server.command("PUBSUB", "NUMSUB", channel) == [channel.encode(), 1]


@pytest.fixture(params=["arguments", "script"])
def way(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def started(server: Server, way: str, command: str, *flags: str) -> Running:
    """Run ``exec`` with a command that stands in the arguments or in a script."""
    if way == "arguments":
        return Running(server, "exec", *flags, *command.split())
    program = Running(server, "exec", *flags)
    program.write(f"{command}\n".encode())
    program.end_input()
    return program


def test_so_many_messages_end_it(server: Server, way: str) -> None:
    with started(server, way, "SUBSCRIBE news sport", "--count", "3") as program:
        assert [program.line() for _ in range(6)][-2:] == [b"sport\n", b"2\n"]
        for text in ("one", "two", "three", "four"):
            server.command("PUBLISH", "news", text)
            if text != "four":
                assert [program.line() for _ in range(3)] == [b"message\n", b"news\n", f"{text}\n".encode()]
        assert program.ended() == (0, b"")
    wait_until(lambda: not subscribed(server)())


def test_so_many_lines_of_monitor_end_it(server: Server, way: str) -> None:
    with started(server, way, "MONITOR", "--count", "2") as program:
        assert program.line() == b"OK\n"
        server.command("SET", "k", "v")
        assert re.match(rb'\d+\.\d+ \[0 unix:.*\] "SET" "k" "v"\n', program.line())
        server.command("GET", "k")
        assert program.line().endswith(b'"GET" "k"\n')
        assert program.ended() == (0, b"")


@pytest.mark.parametrize("command", ["SUBSCRIBE news", "PSUBSCRIBE n*", "MONITOR"])
def test_the_time_is_over_without_a_message(redis82: Server, way: str, command: str) -> None:
    with started(redis82, way, command, "--for", "0.2") as program:
        assert program.ended() == (0, b"")


def test_messages_that_come_are_written_before_the_time_is_over(redis82: Server, way: str) -> None:
    with started(redis82, way, "SUBSCRIBE news", "--for", "30", "--count", "1") as program:
        assert [program.line() for _ in range(3)][-1] == b"1\n"
        redis82.command("PUBLISH", "news", "x")
        assert [program.line() for _ in range(3)][-1] == b"x\n"
        assert program.ended() == (0, b"")


@pytest.mark.parametrize(
    ("flags", "message"),
    [(("--json",), b'["message","news","x"]\n'), (("-3", "--csv"), b'"message","news","x"\n')],
)
def test_a_message_is_a_line_of_the_format(redis82: Server, flags: tuple[str, ...], message: bytes) -> None:
    with Running(redis82, *flags) as program:
        program.write(b"SUBSCRIBE news\n")
        program.line()
        wait_until(subscribed(redis82))
        redis82.command("PUBLISH", "news", "x")
        assert program.line().lower().replace(b"pubsub", b"message") == message
        program.signal(signal.SIGINT)
        assert program.ended() == (130, b"")


def test_a_script_ends_with_its_messages_as_in_redis_cli(redis82: Server) -> None:
    told = ran(redis82, "exec", "--for", "0.1", stdin=b"SET before 1\nSUBSCRIBE news\nSET after 1\n")

    assert told == Ran(0, b"OK\nsubscribe\nnews\n1\n", b"")
    assert redis82.command("EXISTS", "before", "after") == 1


def test_a_connection_that_is_lost_among_messages_is_told_with_the_line(redis82: Server) -> None:
    with Running(redis82) as program:
        program.write(b"PING\nSUBSCRIBE news\n")
        wait_until(subscribed(redis82))
        redis82.command("CLIENT", "KILL", "TYPE", "pubsub")
        assert program.ended() == (
            3,
            f"stdin:2: SUBSCRIBE: {redis82.unix_path} closed the connection\n".encode(),
        )


def test_what_comes_before_a_subscription_is_answered_first(redis82: Server) -> None:
    with Running(redis82) as program:
        program.write(b"INCR n\n" * 100 + b"SUBSCRIBE news\n")
        assert [program.line() for _ in range(103)][-4:] == [b"100\n", b"subscribe\n", b"news\n", b"1\n"]
        redis82.command("PUBLISH", "news", "x")
        assert [program.line() for _ in range(3)][-1] == b"x\n"
        program.signal(signal.SIGTERM)
        assert program.ended() == (143, b"")


def test_a_slow_producer_gets_each_reply_at_once(server: Server) -> None:
    with Running(server) as program:
        for number in range(1, 4):
            program.write(b"INCR n\nINC")
            assert program.line() == b"%d\n" % (2 * number - 1)
            program.write(b"R n\n")
            assert program.line() == b"%d\n" % (2 * number)
        program.write(b"INCR n")
        program.end_input()
        assert program.line() == b"7\n"
        assert program.ended() == (0, b"")


def test_pushes_that_come_unasked_are_no_replies(redis82: Server) -> None:
    redis82.command("SET", "k", "v")
    script = b"CLIENT TRACKING ON BCAST\n" + b"SET k v\nGET k\n" * 50

    told = ran(redis82, "-3", stdin=script)

    assert (told.code, told.said) == (0, "")
    assert told.stdout == b"OK\n" + b"OK\nv\n" * 50
