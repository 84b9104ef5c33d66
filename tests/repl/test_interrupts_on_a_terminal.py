"""Ctrl-C, streams of messages, lost connections and the end of the terminal."""

from __future__ import annotations

import asyncio
import os
import pty
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from pyredis_cli.repl.loop import beside
from tests.conftest import MakeBackgroundProxy, MakeServer, MakeTerminal
from tests.proxy import REPLIES, Proxy
from tests.repl.conftest import StartRepl, ask, at_prompt, pace
from tests.servers import DEADLINE, Server, wait_until


def test_ctrl_c_clears_the_line_and_does_not_leave(repl: StartRepl, redis82: Server) -> None:
    screen = repl(redis82)
    screen.send("FLUSHALL")
    screen.wait_until(lambda terminal: terminal.before_cursor.endswith("FLUSHALL"))
    screen.send_key("c-c", "c-c", "c-c")
    screen.wait_until(at_prompt)
    assert ask(screen, "PING") == "PONG"


@pytest.mark.parametrize("protocol", ["-2", "-3"])
def test_ctrl_c_on_a_blocking_command_unblocks_it_within_a_second(
    repl: StartRepl, server: Server, protocol: str
) -> None:
    screen = repl(server, protocol)
    number = ask(screen, "CLIENT ID")
    ask(screen, "WATCH other")
    turn = pace(screen)
    screen.send_line("BLPOP k 0")
    wait_until(lambda: server.blocked() == 1)
    struck = time.monotonic()
    screen.send_key("c-c")
    screen.wait_for("stopped: BLPOP was unblocked")
    screen.wait_until(at_prompt)
    assert time.monotonic() - struck < 1 + 10 * turn
    assert server.blocked() == 0
    assert ask(screen, "CLIENT ID") == number
    assert ask(screen, "LPUSH k v").endswith("(integer) 1")
    assert ask(screen, "LRANGE k 0 -1") == '1) "v"'


def test_ctrl_c_reconnects_where_it_may_not_unblock(repl: StartRepl, redis82: Server) -> None:
    redis82.command("ACL", "SETUSER", "ada", "on", "nopass", "~*", "+@all", "-client|unblock")
    screen = repl(redis82, "--user", "ada", "--pass", "x", "--no-auth-warning", "-n", "3")
    turn = pace(screen)
    screen.send_line("BLPOP k 0")
    wait_until(lambda: redis82.blocked() == 1)
    struck = time.monotonic()
    screen.send_key("c-c")
    screen.wait_for(f"reconnected to {redis82.host}:{redis82.port}")
    screen.wait_until(at_prompt)
    assert time.monotonic() - struck < 1 + 10 * turn
    assert "BLPOP was sent, its outcome is unknown" in screen.text
    assert screen.line == f"ada@{redis82.host}:{redis82.port}[3]>"
    wait_until(lambda: redis82.blocked() == 0)


def test_ctrl_c_leaves_a_busy_server_and_the_connection_comes_back(
    repl: StartRepl, make_server: MakeServer
) -> None:
    server = make_server("redis82")
    screen = repl(server)
    ask(screen, "SELECT 2")
    turn = pace(screen)
    server.pause()
    screen.send_line("INCR n")
    screen.wait_for("Ctrl-C stops")
    struck = time.monotonic()
    screen.send_key("c-c")
    screen.wait_until(lambda shown: shown.line == "not connected (server busy)>")
    assert time.monotonic() - struck < 1 + 10 * turn
    screen.send("GET ha")
    server.resume()
    screen.wait_for(f"reconnected to {server.host}:{server.port}")
    screen.wait_until(lambda shown: shown.before_cursor == f"{server.host}:{server.port}[2]> GET ha")
    screen.send_line("lf")
    screen.wait_for("(nil)")


def test_a_server_that_does_not_answer_yet_is_not_called_reconnected(
    repl: StartRepl, make_server: MakeServer
) -> None:
    server = make_server("redis82")
    screen = repl(server)
    server.pause()
    screen.send_line("INCR n")
    screen.wait_for("Ctrl-C stops")
    screen.send_key("c-c")
    screen.wait_until(lambda shown: shown.line == "not connected (server busy)>")
    screen.send_line("GET a")
    screen.wait_for(re.compile(r"> GET a\n.*s, Ctrl-C stops"))
    assert "reconnected" not in screen.text
    server.resume()
    screen.wait_for(re.compile(r"> GET a\nreconnected to .*\n\(nil\)"))


@pytest.mark.parametrize(
    ("line", "mend"),
    [
        ('EVAL "while true do end" 0', "SCRIPT KILL"),
        ("FCALL spin 0", "FUNCTION KILL"),
    ],
)
def test_ctrl_c_names_what_ends_a_script_and_does_not_send_it(
    repl: StartRepl, make_server: MakeServer, line: str, mend: str
) -> None:
    server = make_server("redis82", "busy-reply-threshold 100")
    spin = "#!lua name=lib\nredis.register_function('spin', function() while true do end end)"
    server.command("FUNCTION", "LOAD", spin)
    screen = repl(server)
    screen.send_line(line)
    screen.wait_for("Ctrl-C stops")
    screen.send_key("c-c")
    screen.wait_for(f"{mend} ends it, unless it has written already")
    screen.wait_until(at_prompt)
    assert ask(screen, "GET k").startswith("(error) BUSY")
    assert ask(screen, mend) == "OK"
    assert ask(screen, "GET k") == "(nil)"


def test_a_value_that_had_been_popped_is_shown_although_ctrl_c_was_pressed(
    background_proxy: MakeBackgroundProxy, repl: StartRepl, server: Server
) -> None:
    proxy = background_proxy(server)
    screen = repl(server, "-p", str(proxy.port))
    screen.send_line("BLPOP k 0")
    wait_until(lambda: server.blocked() == 1)
    proxy.do(lambda faulty: faulty.stall(REPLIES))
    server.command("LPUSH", "k", "precious")
    wait_until(lambda: server.blocked() == 0)
    screen.send_key("c-c")
    screen.wait_for("stopping")
    proxy.do(Proxy.heal)
    screen.wait_for('element  "precious"')
    screen.wait_for("BLPOP was answered before it could be stopped")
    screen.wait_until(at_prompt)


def test_a_second_ctrl_c_closes_the_connection_at_once(
    background_proxy: MakeBackgroundProxy, repl: StartRepl, redis82: Server
) -> None:
    proxy = background_proxy(redis82)
    screen = repl(redis82, "-p", str(proxy.port))
    screen.send_line("BLPOP k 0")
    wait_until(lambda: redis82.blocked() == 1)
    proxy.do(lambda faulty: faulty.stall())
    screen.send_key("c-c")
    screen.wait_for("stopping; Ctrl-C again closes the connection")
    screen.send_key("c-c")
    screen.wait_until(lambda shown: shown.line == "not connected>")
    assert "stopped: BLPOP was sent, its outcome is unknown; the connection is closed" in screen.text
    proxy.do(Proxy.heal)
    assert ask(screen, "PING").endswith("PONG")


def test_a_transaction_that_ctrl_c_costs_is_told(
    background_proxy: MakeBackgroundProxy, repl: StartRepl, redis82: Server
) -> None:
    proxy = background_proxy(redis82)
    screen = repl(redis82, "-p", str(proxy.port))
    for line in ("MULTI", "INCR n"):
        ask(screen, line)
    proxy.do(lambda faulty: faulty.stall(REPLIES))
    screen.send_line("EXEC")
    wait_until(lambda: redis82.command("GET", "n") == b"1")
    screen.send_key("c-c")
    screen.wait_for("EXEC was sent, its outcome is unknown; the connection is closed")
    screen.wait_for("with it went the transaction")
    screen.wait_until(lambda shown: shown.line == "not connected>")
    proxy.do(Proxy.heal)
    assert "was not sent" in ask(screen, "SET k v")
    assert redis82.command("EXISTS", "k") == 0


def test_a_transaction_that_a_second_ctrl_c_costs_is_told(
    background_proxy: MakeBackgroundProxy, repl: StartRepl, redis82: Server
) -> None:
    proxy = background_proxy(redis82)
    screen = repl(redis82, "-p", str(proxy.port))
    ask(screen, "MULTI")
    proxy.do(lambda faulty: faulty.stall())
    screen.send_line("EXEC")
    screen.wait_for("Ctrl-C stops")
    screen.send_key("c-c")
    screen.wait_for("stopping; Ctrl-C again closes the connection")
    screen.send_key("c-c")
    screen.wait_until(lambda shown: shown.line == "not connected>")
    assert "the connection is closed, and with it went the transaction" in screen.text


def test_what_was_lost_is_told_although_the_next_command_is_stopped(repl: StartRepl, redis82: Server) -> None:
    screen = repl(redis82)
    ask(screen, "CLIENT SETNAME me")
    redis82.command("CLIENT", "KILL", "TYPE", "normal")
    screen.wait_until(lambda shown: shown.line == "not connected>")
    screen.send_line("BLPOP k 0")
    screen.wait_for(f"reconnected to {redis82.host}:{redis82.port}; not done again: CLIENT SETNAME")
    wait_until(lambda: redis82.blocked() == 1)
    screen.send_key("c-c")
    screen.wait_for("stopped: BLPOP was unblocked")


def test_a_command_that_takes_long_shows_a_sign_that_leaves_no_trace(repl: StartRepl, server: Server) -> None:
    screen = repl(server)
    screen.send_line("BLPOP k 0")
    screen.wait_for(re.compile(r"^\S (0\.[5-9]|[1-9]\d*\.\d) s, Ctrl-C stops$", re.MULTILINE))
    server.command("RPUSH", "k", "v")
    screen.wait_until(at_prompt)
    assert "Ctrl-C stops" not in screen.text
    # Below the cursor the figures of the server may stand by now.
    shown = screen.text_to_cursor.rpartition("\n")[0]
    assert re.search(r'element  "v"\n\((0\.[5-9]|[1-9]\d*\.\d)\ds\)$', shown)


def test_the_sign_leaves_no_trace_on_a_narrow_screen(repl: StartRepl, redis82: Server) -> None:
    screen = repl(redis82, columns=20, prompt="")
    screen.wait_until(lambda shown: ">" in shown.text)
    screen.send_line("BLPOP k 0")
    screen.wait_for("Ctrl")
    redis82.command("RPUSH", "k", "v")
    screen.wait_for('"v"')
    assert "Ctrl" not in screen.text


def test_what_is_typed_while_a_command_runs_waits_for_the_prompt(repl: StartRepl, server: Server) -> None:
    screen = repl(server)
    screen.send_line("BLPOP k 0")
    wait_until(lambda: server.blocked() == 1)
    screen.send("ECHO typed")
    screen.wait_for("Ctrl-C stops")
    assert "ECHO" not in screen.text
    server.command("RPUSH", "k", "v")
    screen.wait_until(lambda shown: shown.before_cursor.endswith("> ECHO typed"))
    screen.send_key("enter")
    screen.wait_for('"typed"')


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
    ("line", "shout", "source"),
    [
        ("SUBSCRIBE news", ("PUBLISH", "news", "extra extra"), "news"),
        ("PSUBSCRIBE n*", ("PUBLISH", "news", "extra extra"), "news (n*)"),
        ("SSUBSCRIBE news", ("SPUBLISH", "news", "extra extra"), "news (shard)"),
    ],
)
@pytest.mark.parametrize("protocol", ["-2", "-3"])
def test_messages_are_shown_as_they_come_until_ctrl_c(
    repl: StartRepl, server: Server, line: str, shout: tuple[str, ...], source: str, protocol: str
) -> None:
    screen = repl(server, protocol, "-n", "2")
    number = ask(screen, "CLIENT ID")
    assert "Reading messages" in ask(screen, line)
    where = f"{server.host}:{server.port}[2]"
    assert screen.line == f"{where}(subscribed)>"
    screen.send("PI")
    server.command(*shout)
    screen.wait_for(re.compile(rf'^\d\d:\d\d:\d\d\.\d\d\d {re.escape(source)} "extra extra"$', re.MULTILINE))
    screen.wait_until(lambda shown: shown.before_cursor == f"{where}(subscribed)> PI")
    screen.send_line("NG")
    screen.wait_for("PONG" if protocol == "-3" else "pong")
    answer = ask(screen, "GET k")
    assert answer == "(nil)" if protocol == "-3" else answer.startswith("(error) ERR Can't execute")
    screen.send_key("c-c")
    screen.wait_for("no more messages")
    screen.wait_until(lambda shown: shown.line == f"{where}>")
    assert ask(screen, "CLIENT ID") == number


def test_ctrl_c_clears_a_line_first_and_leaves_the_subscription_then(
    repl: StartRepl, redis82: Server
) -> None:
    screen = repl(redis82)
    ask(screen, "SUBSCRIBE news")
    screen.send("GET k")
    screen.wait_until(lambda shown: shown.before_cursor.endswith("GET k"))
    screen.send_key("c-c")
    screen.wait_until(at_prompt)
    assert screen.line.endswith("(subscribed)>")
    screen.send_key("c-c")
    screen.wait_until(lambda shown: shown.line == f"{redis82.host}:{redis82.port}>")


def test_a_subscription_that_the_server_does_not_let_go_of_is_left_all_the_same(
    background_proxy: MakeBackgroundProxy, repl: StartRepl, redis82: Server
) -> None:
    proxy = background_proxy(redis82)
    screen = repl(redis82, "-p", str(proxy.port))
    ask(screen, "SUBSCRIBE news")
    turn = pace(screen)
    proxy.do(lambda faulty: faulty.stall())
    struck = time.monotonic()
    screen.send_key("c-c")
    screen.wait_for("no more messages: not connected (server busy)")
    assert time.monotonic() - struck < 1 + 10 * turn
    screen.wait_until(lambda shown: shown.line == "not connected (server busy)>")
    screen.send("PI")
    screen.wait_until(lambda shown: shown.before_cursor == "not connected (server busy)> PI")
    proxy.do(Proxy.heal)
    screen.wait_for(f"reconnected to {redis82.host}:{proxy.port}")
    assert ask(screen, "NG", shown="PING") == "PONG"
    assert "was lost" not in screen.text


def test_a_busy_server_is_tried_again_when_a_limit_for_replies_is_over(
    background_proxy: MakeBackgroundProxy, repl: StartRepl, redis82: Server
) -> None:
    proxy = background_proxy(redis82)
    screen = repl(redis82, "-p", str(proxy.port), "--read-timeout", "0.9")
    ask(screen, "SUBSCRIBE news")
    proxy.do(lambda faulty: faulty.stall())
    screen.send_key("c-c")
    screen.wait_until(lambda shown: shown.line == "not connected (server busy)>")
    opened = proxy.proxy.accepted
    wait_until(lambda: proxy.proxy.accepted > opened)
    proxy.do(Proxy.heal)
    screen.wait_for(f"reconnected to {redis82.host}:{proxy.port}")
    screen.wait_until(lambda shown: shown.line == f"{redis82.host}:{proxy.port}>")


def test_a_flood_of_messages_leaves_the_line_usable(repl: StartRepl, redis82: Server) -> None:
    screen = repl(redis82)
    ask(screen, "SUBSCRIBE flood")
    screen.send("ECHO ")
    for number in range(5_000):
        redis82.command("PUBLISH", "flood", number)
    screen.send_line("here")
    screen.wait_for('"here"')
    screen.wait_for('"4999"')
    assert len(re.findall(r'^[\d:.]+ flood "\d+"$', screen.text, re.MULTILINE)) == 5_000


def test_what_is_typed_into_a_flood_is_not_echoed_into_it(repl: StartRepl, redis82: Server) -> None:
    screen = repl(redis82)
    ask(screen, "SUBSCRIBE flood")
    redis82.command("EVAL", "for i = 1, 8000 do redis.call('PUBLISH', 'flood', i) end", "0")
    typed = "ECHO "
    screen.send(typed)
    while '"8000"' not in screen.text and len(typed) < 90:  # no more than a line
        screen.send("x")
        typed += "x"
        written = len(screen.raw)
        screen.wait_until(lambda shown, last=written: len(shown.raw) > last)
    screen.wait_for('"8000"')
    screen.send_key("enter")
    screen.wait_for(f'"{typed.removeprefix("ECHO ")}"')
    assert len(re.findall(r'^[\d:.]+ flood "\d+"$', screen.text, re.MULTILINE)) == 8_000


def test_ctrl_c_does_not_wait_for_a_flood_to_be_shown(repl: StartRepl, redis82: Server) -> None:
    screen = repl(redis82)
    ask(screen, "SUBSCRIBE flood")
    screen.send_line("BLPOP k 0")
    wait_until(lambda: redis82.blocked() == 1)
    redis82.command("EVAL", "for i = 1, 20000 do redis.call('PUBLISH', 'flood', i) end", "0")
    screen.send_key("c-c")
    # A machine with much to do may not get at the server's answer in time; then the connection is given up.
    screen.wait_for(re.compile(r"stopped: BLPOP was (unblocked|sent, its outcome is unknown; reconnected)"))
    screen.wait_for('"20000"', 60)
    assert screen.text.index("stopped: BLPOP") < screen.text.index('"20000"')
    screen.wait_until(at_prompt)


def test_subscriptions_that_were_lost_are_told_at_once_and_not_made_again(
    repl: StartRepl, redis82: Server
) -> None:
    screen = repl(redis82)
    ask(screen, "SUBSCRIBE news sport")
    redis82.command("CLIENT", "KILL", "TYPE", "pubsub")
    screen.wait_for(f"the connection to {redis82.host}:{redis82.port} was lost, and with it 2 subscriptions")
    screen.wait_until(lambda shown: shown.line == "not connected>")
    answer = ask(screen, "PING")
    assert "not done again: 2 subscriptions" in answer
    assert answer.endswith("PONG")
    assert redis82.command("PUBSUB", "CHANNELS") == []


@pytest.mark.parametrize(("line", "lost"), [("MULTI", "the transaction"), ("WATCH k", "the watched keys")])
def test_a_transaction_that_breaks_while_nobody_types_is_told_at_once(
    repl: StartRepl, redis82: Server, line: str, lost: str
) -> None:
    screen = repl(redis82)
    number = ask(screen, "CLIENT ID").split()[-1]
    ask(screen, line)
    redis82.command("CLIENT", "KILL", "ID", number)
    screen.wait_for(f"was lost, and with it {lost}")
    screen.wait_until(lambda shown: shown.line == "not connected>")


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


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGHUP, 129)])
def test_a_signal_while_an_editor_has_the_terminal_ends_both(
    repl: StartRepl, redis82: Server, tmp_path: Path, number: signal.Signals, code: int
) -> None:
    editor = tmp_path / "editor"
    editor.write_text("#!/bin/sh\necho editing $1\nexec sleep 600\n")
    editor.chmod(0o700)
    screen = repl(redis82, env={"VISUAL": str(editor)})
    screen.send_key("c-x", "c-e")
    screen.wait_for(re.compile(r"editing \S+"))
    os.kill(screen.pid, number)
    assert screen.exit_code() == code
    file = re.search(r"editing (\S+)", screen.text)
    assert file is not None
    assert not Path(file[1]).parent.exists()


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


async def test_what_goes_wrong_beside_the_prompt_ends_it_loudly() -> None:
    async def breaks() -> None:
        await asyncio.sleep(0)
        raise OSError("the screen is gone")

    with pytest.raises(OSError, match="the screen is gone"):
        async with beside(breaks()):
            await asyncio.Event().wait()
    body = asyncio.current_task()
    assert body is not None
    assert not body.cancelling()
