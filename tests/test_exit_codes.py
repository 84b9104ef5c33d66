"""Every exit code of the program, for one command and for a script, and what a terminal is left like.

6, refused by the guard, has no test: there is no guard yet.
"""

from __future__ import annotations

import asyncio
import os
import re
import signal
import subprocess
import sys
from typing import Final

import pytest

from pyredis_cli.exits import Exit
from tests.conftest import MakeServer, MakeTerminal
from tests.hostile import Close, Hear, Hostile, Say, Stall
from tests.program import PROGRAM, ROOT, Ran, Running, ran
from tests.servers import Server, free_port, wait_until
from tests.terminal import Terminal

# -- decided by what the server says


@pytest.mark.parametrize(
    ("flags", "command", "code"),
    [
        ((), "GET k", Exit.OK),
        ((), "INCR k", Exit.REPLY),
        ((), "NOSUCH", Exit.REPLY),
        (("-n", "99"), "GET k", Exit.REFUSED),
        (("--user", "nobody", "--pass", "x", "--no-auth-warning"), "GET k", Exit.REFUSED),
        (("-r", "x"), "GET k", Exit.USAGE),
        (("-u", "http://h"), "GET k", Exit.USAGE),
    ],
)
def test_one_command_and_a_script_of_it_end_with_the_same_code(
    redis82: Server, flags: tuple[str, ...], command: str, code: Exit
) -> None:
    redis82.command("SET", "k", "v")

    where = () if "-u" in flags else (redis82,)
    assert ran(*where, *flags, *command.split()).code == code
    assert ran(*where, *flags, stdin=command.encode()).code == code


@pytest.mark.parametrize("line", [b"SELECT 99", b"AUTH x", b"HELLO 9"])
def test_a_script_that_must_not_go_on_ends_with_4(redis82: Server, line: bytes) -> None:
    redis82.command("SET", "k", "v")

    assert ran(redis82, stdin=line + b"\nFLUSHDB\n").code == 4
    assert redis82.command("EXISTS", "k") == 1


def test_whoever_may_not_select_or_is_not_let_in_ends_with_4(make_server: MakeServer) -> None:
    server = make_server("redis82", "requirepass secret", "user ada on >x ~* +@all -select")
    ada = ("--user", "ada", "--pass", "x", "--no-auth-warning")

    for flags, said in (
        (("-n", "1", *ada), "refused SELECT: (error) NOPERM"),
        ((), "NOAUTH Authentication required."),
    ):
        for told in (ran(server, *flags, "DBSIZE"), ran(server, *flags, stdin=b"DBSIZE\n")):
            assert (told.code, said in told.said) == (4, True), told


# -- decided by the network


def test_no_server_is_3_and_said_once_whatever_was_to_run() -> None:
    port = str(free_port())
    refused = Ran(
        3,
        b"",
        f"cannot connect to 127.0.0.1:{port}: connection refused; is a server running there?\n".encode(),
    )

    assert ran("-p", port, "PING") == refused
    assert ran("-p", port, "-r", "3", "PING") == refused
    assert ran("-p", port, stdin=b"PING\nPING\nPING\n") == refused


async def test_what_happens_to_a_connection_is_3_or_5() -> None:
    lost = [Hear(b"INCR"), Close()]
    late = [Hear(b"INCR"), Stall()]
    babble = [Hear(b"INCR"), Say(b"?\r\n"), Stall()]

    for script, code in ((lost, Exit.CONNECTION), (babble, Exit.CONNECTION), (late, Exit.TIMEOUT)):
        async with Hostile(script) as server:
            flags = ("-p", str(server.port), "--read-timeout", "0.2")
            one = await asyncio.to_thread(ran, *flags, "INCR", "n")
            many = await asyncio.to_thread(ran, *flags, stdin=b"INCR n\nINCR n\n")
        assert (one.code, many.code) == (code, code)
        assert (one.stdout, many.stdout) == (b"", b"")
        assert many.said.startswith("stdin:1: INCR: ")
        assert (one.said.count("\n"), many.said.count("\n")) == (1, 1)


# -- decided by who reads

needs_full: Final = pytest.mark.skipif(not os.path.exists("/dev/full"), reason="needs /dev/full")


@needs_full
def test_a_reply_that_could_not_be_written_is_7_and_nothing_more_is_run(redis82: Server) -> None:
    with open("/dev/full", "wb") as full:
        for told in (ran(redis82, "INCR", "n", stdout=full), ran(redis82, stdin=b"INCR n\n", stdout=full)):
            assert told == Ran(7, b"", b"cannot write to standard output: No space left on device\n")
    assert redis82.command("GET", "n") == b"2"


@pytest.mark.parametrize("words", [("-r", "-1", "ECHO", "y"), ("MONITOR",), ("GET", "large")])
def test_a_reader_that_left_is_141_and_quiet(redis82: Server, words: tuple[str, ...]) -> None:
    redis82.command("SET", "large", b"x" * 1_000_000)
    with Running(redis82, *words) as program:
        program.until_output()
        program.stop_reading()
        if words == ("MONITOR",):
            redis82.command("PING")
        assert program.ended() == (141, b"")


def test_a_script_whose_reader_left_is_141_and_quiet(redis82: Server) -> None:
    with Running(redis82) as program:
        program.write(b"PING\n")
        assert program.line() == b"PONG\n"
        program.stop_reading()
        program.write(b"PING\n")
        assert program.ended() == (141, b"")


# -- decided by a signal

_SIGNALS: Final = [(signal.SIGHUP, 129), (signal.SIGINT, 130), (signal.SIGTERM, 143)]


@pytest.mark.parametrize(("number", "code"), _SIGNALS)
def test_a_signal_ends_a_command_that_waits(redis82: Server, number: signal.Signals, code: int) -> None:
    for words, fed in ((("BLPOP", "queue", "0"), b""), ((), b"BLPOP queue 0\n")):
        with Running(redis82, *words) as program:
            program.write(fed)
            wait_until(lambda: redis82.blocked() == 1)
            program.signal(number)
            assert program.ended() == (code, b"")
        wait_until(lambda: redis82.blocked() == 0)


_TERMINAL: Final = """\
trap : INT
stty -g
sh -c 'echo "pid $$"; exec "$@"' sh "$@"
echo "code $?"
stty -g
"""


@pytest.mark.parametrize(("number", "code"), _SIGNALS)
@pytest.mark.parametrize("waits_for", ["a password", "a command", "a reply"])
def test_a_signal_leaves_the_terminal_as_it_was(
    terminal: MakeTerminal, redis82: Server, waits_for: str, number: signal.Signals, code: int
) -> None:
    words = ["--user", "ada"] if waits_for == "a password" else []
    program = [*PROGRAM, "-s", redis82.unix_path, *words]
    shown = terminal(["sh", "-c", _TERMINAL, "sh", *program], columns=200, cwd=str(ROOT))
    shown.wait_for("Password for ada:" if words else "> ")
    if waits_for == "a reply":
        shown.send_line("BLPOP queue 0")
        wait_until(lambda: redis82.blocked() == 1)
    if number == signal.SIGINT and waits_for != "a password":
        interrupt_twice_and_leave(shown)
        code = 0  # Ctrl-C belongs to the line, or to the command
    else:
        os.kill(int(found(shown, r"pid (\d+)")), number)
    assert shown.exit_code() == 0
    before, after = re.findall(r"^[0-9a-f:]{40,}$", shown.text, re.MULTILINE)
    assert before == after
    assert found(shown, r"code (\d+)") == str(code)


def interrupt_twice_and_leave(shown: Terminal) -> None:
    shown.send_key("c-c")
    shown.wait_until(lambda now: now.line.endswith(">"))
    shown.send_key("c-d")


def found(shown: Terminal, pattern: str) -> str:
    match = re.search(pattern, shown.text)
    assert match is not None, shown.text
    return match[1]


# -- all of them


def test_a_bug_is_70() -> None:
    """Provoked by a module that cannot be loaded."""
    broken = """
import sys
sys.modules["pyredis_cli.quick"] = None
from pyredis_cli.__main__ import main
raise SystemExit(main())
"""
    ended = subprocess.run([sys.executable, "-c", broken], cwd=ROOT, capture_output=True, check=False)

    assert (ended.returncode, ended.stdout, ended.stderr.count(b"\n")) == (70, b"", 1)


def test_the_codes_are_these_and_no_others() -> None:
    assert {code.name: int(code) for code in Exit} == {
        "OK": 0,
        "REPLY": 1,
        "USAGE": 2,
        "CONNECTION": 3,
        "REFUSED": 4,
        "TIMEOUT": 5,
        "GUARD": 6,
        "PARTIAL": 7,
        "INTERNAL": 70,
        "HANGUP": 129,
        "INTERRUPT": 130,
        "BROKEN_PIPE": 141,
        "TERMINATED": 143,
    }
