"""What is typed or pasted while something runs is neither run unasked nor run where it was not meant."""

from __future__ import annotations

import pytest

from tests.conftest import MakeServer
from tests.repl.conftest import StartRepl, ask, at_prompt
from tests.servers import Server, wait_until


def test_what_is_pasted_while_a_command_runs_waits_for_a_yes(repl: StartRepl, redis82: Server) -> None:
    screen = repl(redis82)
    screen.send_line("BLPOP nokey 1")
    wait_until(lambda: redis82.blocked() == 1)
    screen.paste("SET p1 1\nSET p2 2\n")
    screen.wait_until(lambda shown: "... SET p2 2" in shown.text)
    screen.send_key("enter")
    screen.wait_for("Run these 2 commands? [y/N]")
    assert redis82.command("EXISTS", "p1", "p2") == 0
    screen.send("y")
    wait_until(lambda: redis82.command("EXISTS", "p1", "p2") == 2)


@pytest.mark.parametrize("failing", ["SELECT 99", "AUTH no such", "HELLO 9", ":nosuch", "connect h"])
def test_what_was_typed_ahead_of_a_failure_is_dropped_and_said(
    repl: StartRepl, redis82: Server, failing: str
) -> None:
    redis82.command("SET", "precious", "1")
    screen = repl(redis82)
    screen.send_line("BLPOP nokey 1")
    wait_until(lambda: redis82.blocked() == 1)
    screen.send(f"{failing}\rFLUSHALL\rSET after 1\r")
    screen.wait_for("dropped 2 lines typed ahead")
    screen.wait_until(at_prompt)
    assert ask(screen, "PING") == "PONG"
    assert redis82.command("EXISTS", "precious") == 1
    assert redis82.command("EXISTS", "after") == 0


def test_what_was_typed_ahead_goes_on_after_an_error_that_changes_nothing(
    repl: StartRepl, redis82: Server
) -> None:
    screen = repl(redis82)
    screen.send_line("BLPOP nokey 1")
    wait_until(lambda: redis82.blocked() == 1)
    screen.send("NOSUCH\rSET after 1\r")
    wait_until(lambda: redis82.command("EXISTS", "after") == 1)


def test_pasted_commands_are_shown_before_their_replies(repl: StartRepl, redis82: Server) -> None:
    screen = repl(redis82)
    ask(screen, ":set timing off")
    screen.paste("SET a 1\nACL SETUSER ada >precious\nLPUSH a x\nSELECT 99\nGET a\n")
    screen.send_key("enter")
    screen.wait_for("[y/N]")
    screen.send("y")
    screen.wait_for("stopped: 1 more pasted line not sent, from here on: GET a")
    shown = screen.text
    assert "> SET a 1\nOK\n> ACL SETUSER ada ***\nOK\n> LPUSH a x\n(error) WRONGTYPE" in shown
    assert "precious" not in shown


def test_a_paste_is_marked_whatever_happens_at_the_prompt(repl: StartRepl, make_server: MakeServer) -> None:
    server = make_server("redis82")
    screen = repl(server)
    ask(screen, "PING")
    screen.send_key("c-c")
    screen.send_key("c-l")
    ask(screen, "SUBSCRIBE news")
    server.command("PUBLISH", "news", "extra")
    screen.wait_for("extra")
    screen.send_key("c-c")
    screen.wait_until(at_prompt)
    server.kill()
    screen.wait_for("not connected")
    assert b"\x1b[?2004h" in screen.raw
    assert b"\x1b[?2004l" not in screen.raw


def test_the_mark_of_pastes_is_taken_back_at_the_end(repl: StartRepl, redis82: Server) -> None:
    screen = repl(redis82)
    ask(screen, "PING")
    screen.send_line("quit")
    assert screen.exit_code() == 0
    assert screen.raw.rfind(b"\x1b[?2004l") > screen.raw.rfind(b"\x1b[?2004h")


def test_a_repetition_that_is_stopped_says_how_often_it_ran(repl: StartRepl, redis82: Server) -> None:
    screen = repl(redis82)
    redis82.command("RPUSH", "l", "a", "b")
    screen.send_line("5 BLPOP l 0")
    wait_until(lambda: redis82.blocked() == 1)
    screen.send_key("c-c")
    screen.wait_for("2 of 5 were run before")


@pytest.mark.parametrize("line", ["SET k v", "BLPOP k 0"])
@pytest.mark.parametrize("name", ["redis70", "redis62", "redis82", "valkey9"])
def test_ctrl_c_does_no_harm_to_a_server_that_holds_commands_back(
    repl: StartRepl, make_server: MakeServer, name: str, line: str
) -> None:
    """Some versions crash when a client that CLIENT PAUSE holds back is unblocked."""
    server = make_server(name)
    screen = repl(server)
    server.command("CLIENT", "PAUSE", "100000", "WRITE")
    screen.send_line(line)
    screen.wait_for("Ctrl-C stops")
    screen.send_key("c-c")
    screen.wait_for("was sent, its outcome is unknown; reconnected to")
    screen.wait_until(at_prompt)
    assert "was answered" not in screen.text
    assert server.alive
    server.command("CLIENT", "UNPAUSE")
    assert ask(screen, "PING") == "PONG"


def test_a_transaction_ends_with_exec_whatever_became_of_it(repl: StartRepl, make_server: MakeServer) -> None:
    server = make_server("redis82")
    screen = repl(server)
    for line in ("MULTI", "SET k v"):
        ask(screen, line)
    server.pause()
    screen.send_line("EXEC")
    screen.wait_for("Ctrl-C stops")
    server.kill()
    screen.wait_for("EXEC was sent, its outcome is unknown")
    server.start()
    assert ask(screen, "SET other 1").endswith("OK")


def test_a_password_that_a_server_repeats_is_not_shown(repl: StartRepl, redis82: Server) -> None:
    screen = repl(redis82)
    assert "modifier ***: " in ask(screen, "ACL SETUSER al <precious")
    assert "beginning with: ***" in ask(screen, "AUTHH precious x")
    assert "precious" not in screen.text
    assert "nosuch" in ask(screen, "NOSUCH nosuch")


def test_a_password_is_given_after_reset_and_a_restart(repl: StartRepl, make_server: MakeServer) -> None:
    server = make_server("redis82")
    screen = repl(server)
    ask(screen, "RESET")
    ask(screen, "SELECT 2")
    server.command("CONFIG", "SET", "requirepass", "sekret")
    server.command("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")
    assert "wants" in ask(screen, "GET r") or "without a password" in screen.text
    assert ask(screen, "AUTH sekret").endswith("OK")
    assert screen.line == f"{server.host}:{server.port}[2]>"
    assert ask(screen, "GET r") == "(nil)"


def test_reset_tells_that_a_password_is_wanted_again(repl: StartRepl, make_server: MakeServer) -> None:
    server = make_server("redis82", "requirepass sekret")
    screen = repl(server, "-a", "sekret", "--no-auth-warning")
    ask(screen, "RESET")
    assert screen.line == f"{server.host}:{server.port}(not authenticated)>"


def test_a_server_that_refuses_a_write_is_known_for_a_replica(
    repl: StartRepl, make_server: MakeServer, redis82: Server
) -> None:
    server = make_server("redis82")
    screen = repl(server)
    ask(screen, ":set toolbar off")
    server.command("REPLICAOF", redis82.host, redis82.port)
    assert "READONLY" in ask(screen, "SET k v")
    assert screen.line == f"{server.host}:{server.port}(replica)>"


def test_looking_names_up_does_not_count_as_use(repl: StartRepl, redis82: Server) -> None:
    redis82.command("HSET", "idle", "field", "value")
    redis82.command("DEBUG", "SLEEP", "0")
    screen = repl(redis82)
    wait_until(lambda: redis82.command("OBJECT", "IDLETIME", "idle") >= 2)  # type: ignore[operator]
    screen.send("HGET idle ")
    screen.wait_for("field ")
    assert redis82.command("OBJECT", "IDLETIME", "idle") >= 2  # type: ignore[operator]


def test_a_connection_that_takes_long_is_shown(repl: StartRepl, make_server: MakeServer) -> None:
    server = make_server("redis82")
    screen = repl(server)
    server.pause()
    screen.send_line(f"connect {server.host} {server.port}")
    screen.wait_for(f"connecting to {server.host}:{server.port}, Ctrl-C stops")
    screen.send_key("c-c")
    screen.wait_until(lambda shown: shown.line == "not connected>")
    server.resume()
    assert ask(screen, "PING").endswith("PONG")


def test_sentences_are_folded_between_words(repl: StartRepl, redis82: Server) -> None:
    screen = repl(redis82, "--user", "nobody", "--pass", "x", prompt="not authenticated>", columns=40)
    assert all(len(line) <= 40 for line in screen.display)
    assert "password logs\nin" in screen.text or "AUTH [user] password" in screen.text.replace("\n", " ")
