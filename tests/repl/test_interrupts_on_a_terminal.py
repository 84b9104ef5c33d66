"""Ctrl-C, streams of messages, lost connections and the end of the terminal."""

from __future__ import annotations

import os
import pty
import signal
import subprocess
import sys
import time

import pytest

from tests.conftest import MakeBackgroundProxy, MakeTerminal
from tests.proxy import REPLIES, Proxy
from tests.repl.conftest import StartRepl, ask, at_prompt
from tests.servers import DEADLINE, Server, wait_until


def test_ctrl_c_clears_the_line_and_does_not_leave(repl: StartRepl, redis82: Server) -> None:
    screen = repl(redis82)
    screen.send("FLUSHALL")
    screen.wait_until(lambda terminal: terminal.before_cursor.endswith("FLUSHALL"))
    screen.send_key("c-c", "c-c", "c-c")
    screen.wait_until(at_prompt)
    assert ask(screen, "PING") == "PONG"


def test_ctrl_c_on_a_blocking_command_comes_back_within_a_second(repl: StartRepl, server: Server) -> None:
    screen = repl(server)
    screen.send_line("BLPOP k 0")
    wait_until(lambda: server.blocked() == 1)
    struck = time.monotonic()
    screen.send_key("c-c", "c-c")
    screen.wait_until(at_prompt)
    assert time.monotonic() - struck < 1
    assert "^C\nstopped" in screen.text
    wait_until(lambda: server.blocked() == 0)
    assert ask(screen, "LPUSH k v").endswith("(integer) 1")
    assert ask(screen, "LRANGE k 0 -1") == '1) "v"'


def test_ctrl_c_ends_a_repetition(repl: StartRepl, redis82: Server) -> None:
    screen = repl(redis82)
    screen.send_line("1000000000 INCR n")
    screen.wait_for("(integer) 20")
    screen.send_key("c-c")
    screen.wait_until(at_prompt)
    assert ask(screen, "EXISTS n").endswith("(integer) 1")


def test_ctrl_c_drops_the_pasted_lines_that_wait(repl: StartRepl, redis82: Server) -> None:
    screen = repl(redis82)
    screen.paste("BLPOP nokey 0\nSET after 1")
    screen.send_key("enter")
    screen.wait_for("[y/N]")
    screen.send("y")
    wait_until(lambda: redis82.blocked() == 1)
    screen.send_key("c-c")
    screen.wait_for("1 more pasted line")
    assert redis82.command("EXISTS", "after") == 0


@pytest.mark.parametrize(
    ("line", "shout"),
    [
        ("SUBSCRIBE news", ("PUBLISH", "news", "extra extra")),
        ("PSUBSCRIBE n*", ("PUBLISH", "news", "extra extra")),
        ("SSUBSCRIBE news", ("SPUBLISH", "news", "extra extra")),
        ("MONITOR", ("ECHO", "extra extra")),
    ],
)
@pytest.mark.parametrize("flags", [(), ("-2",)])
def test_messages_are_shown_as_they_come_until_ctrl_c(
    repl: StartRepl, server: Server, line: str, shout: tuple[str, ...], flags: tuple[str, ...]
) -> None:
    screen = repl(server, *flags)
    screen.send_line(line)
    screen.wait_for("Reading messages... (press Ctrl-C to quit)")
    server.command(*shout)
    screen.wait_for("extra extra")
    server.command(*shout[:-1], "more")
    screen.wait_for('"more"')
    screen.send_key("c-c")
    screen.wait_for("no more messages: the connection is closed")
    screen.wait_until(at_prompt)
    assert ask(screen, "SET k v").endswith("OK")
    assert screen.line == f"{server.host}:{server.port}>"


def test_a_server_that_goes_away_ends_the_messages(repl: StartRepl, redis82: Server) -> None:
    screen = repl(redis82)
    screen.send_line("SUBSCRIBE news")
    screen.wait_for("Reading messages")
    redis82.command("CLIENT", "KILL", "TYPE", "pubsub")
    screen.wait_until(lambda terminal: terminal.line == "not connected>")
    assert ask(screen, "PING").endswith("PONG")


def test_a_push_appears_above_the_line_that_is_typed(repl: StartRepl, server: Server) -> None:
    screen = repl(server)
    ask(screen, "CLIENT TRACKING ON")
    ask(screen, "GET k")
    screen.send("SET half")
    screen.wait_until(lambda terminal: terminal.before_cursor.endswith("SET half"))
    server.command("SET", "k", "new")
    screen.wait_for("invalidate")
    screen.wait_until(lambda terminal: terminal.before_cursor.endswith("> SET half"))
    screen.send_line(" 1")
    wait_until(lambda: server.command("GET", "half") == b"1")


def test_a_write_in_flight_when_the_connection_breaks_is_not_sent_again(
    background_proxy: MakeBackgroundProxy, repl: StartRepl, server: Server
) -> None:
    proxy = background_proxy(server)
    screen = repl(server, "-p", str(proxy.port))
    proxy.do(lambda faulty: faulty.stall(REPLIES))
    screen.send_line("INCR n")
    wait_until(lambda: server.command("GET", "n") == b"1")
    proxy.do(Proxy.cut)
    screen.wait_until(lambda shown: shown.line == "not connected>")
    assert "unknown" in screen.text
    proxy.do(Proxy.heal)
    assert ask(screen, "GET n").endswith('"1"')
    assert server.command("GET", "n") == b"1"


def test_sigterm_during_a_command_leaves_with_143(repl: StartRepl, server: Server) -> None:
    screen = repl(server)
    screen.send_line("BLPOP k 0")
    wait_until(lambda: server.blocked() == 1)
    os.kill(screen.pid, signal.SIGTERM)
    assert screen.exit_code() == 143
    assert "Traceback" not in screen.text
    wait_until(lambda: server.blocked() == 0)


def test_sigterm_while_it_still_connects_leaves_with_143(
    background_proxy: MakeBackgroundProxy, terminal: MakeTerminal, server: Server
) -> None:
    proxy = background_proxy(server)
    proxy.do(lambda faulty: faulty.stall())
    screen = terminal([sys.executable, "-m", "pyredis_cli", "-p", str(proxy.port), "-t", "60"])
    wait_until(lambda: proxy.proxy.open == 1)
    os.kill(screen.pid, signal.SIGTERM)
    assert screen.exit_code() == 143


def test_ctrl_c_while_it_still_connects_gives_a_prompt(
    background_proxy: MakeBackgroundProxy, terminal: MakeTerminal, server: Server
) -> None:
    proxy = background_proxy(server)
    proxy.do(lambda faulty: faulty.stall())
    screen = terminal([sys.executable, "-m", "pyredis_cli", "-p", str(proxy.port), "-t", "60"])
    wait_until(lambda: proxy.proxy.open == 1)
    screen.send_key("c-c")
    screen.wait_until(lambda shown: shown.line == "not connected>")
    proxy.do(Proxy.heal)
    assert ask(screen, "PING") == "PONG"


@pytest.mark.parametrize("ignored", [False, True])
def test_the_program_ends_when_the_terminal_is_gone(redis82: Server, ignored: bool) -> None:
    """With SIGHUP ignored, as under nohup, only the failing reads tell."""
    keyboard, screen = pty.openpty()
    program = subprocess.Popen(
        [sys.executable, "-m", "pyredis_cli", "-p", str(redis82.port)],
        stdin=screen,
        stdout=screen,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
        preexec_fn=(lambda: signal.signal(signal.SIGHUP, signal.SIG_IGN)) if ignored else None,
    )
    os.close(screen)
    try:
        shown = b""
        while b">" not in shown:
            shown += os.read(keyboard, 4096)
        os.close(keyboard)
        program.wait(DEADLINE)
    finally:
        program.kill()
        program.wait()
