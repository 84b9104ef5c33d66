"""MONITOR and ``:monitor``: a stream beside the session."""

from __future__ import annotations

import re

import pytest

from tests.program import ROOT
from tests.repl.conftest import StartRepl, ask
from tests.servers import Server, wait_until
from tests.terminal import Terminal

CLOCK = r"\d\d:\d\d:\d\d\.\d\d\d"


def monitors(server: Server) -> int:
    """Return how many clients watch the server."""
    listed = server.command("CLIENT", "LIST")
    assert isinstance(listed, bytes)
    return sum(" cmd=monitor " in line for line in listed.decode().splitlines())


def begun(screen: Terminal, server: Server, line: str) -> None:
    """Type a line that begins to monitor, and wait until that has begun."""
    assert "Reading what the server does" in ask(screen, line)
    assert screen.line.endswith("(monitor)>")
    assert monitors(server) == 1


@pytest.mark.parametrize("protocol", ["-2", "-3"])
def test_monitor_shows_what_the_server_does_while_commands_are_typed(
    repl: StartRepl, server: Server, protocol: str
) -> None:
    screen = repl(server, protocol)
    number = ask(screen, "CLIENT ID")
    ask(screen, "MULTI")
    begun(screen, server, "MONITOR")
    server.command("SET", "k", "a b\x1b[2J\n")
    screen.wait_for(re.compile(rf'^{CLOCK} \[0 unix:\S*\] SET k "a b\\x1b\[2J\\n"$', re.MULTILINE))
    assert "QUEUED" in ask(screen, "INCR n")
    assert "1) (integer) 1" in ask(screen, "EXEC")
    screen.wait_for(re.compile(r"\] EXEC$", re.MULTILINE))
    screen.send_key("c-c")
    screen.wait_for(re.compile(r"^MONITOR ended: \d+ lines in \d+\.\d s$", re.MULTILINE))
    screen.wait_until(lambda shown: shown.line == f"{server.host}:{server.port}>")
    wait_until(lambda: monitors(server) == 0)
    assert ask(screen, "CLIENT ID") == number


def test_a_filter_shows_what_was_asked_for_and_counts_the_rest(repl: StartRepl, redis82: Server) -> None:
    screen = repl(redis82)
    begun(screen, redis82, ":monitor --match user:* --command hset")
    for argv in (
        ("HSET", "user:1", "f", "v"),
        ("HGET", "user:1", "f"),
        ("HSET", "other", "f", "v"),
        ("PING",),
    ):
        redis82.command(*argv)
    screen.wait_for("HSET user:1 f v")
    screen.send_key("c-c")
    screen.wait_for(re.compile(r"MONITOR ended: [\d,]+ lines in [\d.]+ s, 1 shown"))
    assert "HSET other" not in screen.text


def test_it_ends_by_itself_after_a_count_or_a_time(repl: StartRepl, redis82: Server) -> None:
    screen = repl(redis82)
    begun(screen, redis82, ":monitor --command echo --count 2")
    for word in ("one", "two", "three"):
        redis82.command("ECHO", word)
    screen.wait_for(", 2 shown")
    assert "ECHO three" not in screen.text
    screen.wait_until(lambda shown: shown.line == f"{redis82.host}:{redis82.port}>")
    ask(screen, ":monitor --for 0.5")
    screen.wait_for(re.compile(r"MONITOR ended: \d+ lines in 0\.[5-9] s"))
    assert monitors(redis82) == 0


def test_the_lines_of_the_page_begin_to_monitor(repl: StartRepl, redis82: Server) -> None:
    page = (ROOT / "docs" / "repl.md").read_text("utf-8")
    lines = re.findall(r"^:monitor .*$", page, re.MULTILINE)
    screen = repl(redis82)

    assert len(lines) == 3
    for line in lines:
        begun(screen, redis82, line)
        screen.send_key("c-c")
        screen.wait_until(lambda shown: shown.line == f"{redis82.host}:{redis82.port}>")
        wait_until(lambda: monitors(redis82) == 0)


@pytest.mark.parametrize("form", ["human", "raw", "redis", "json"])
def test_secrets_are_not_shown(repl: StartRepl, redis82: Server, form: str) -> None:
    screen = repl(redis82)
    ask(screen, f":set format {form}")
    begun(screen, redis82, "MONITOR")
    redis82.command("SET", "dsn", "redis://ada:precious@host/0")
    redis82.command("ECHO", "end")
    screen.wait_for(re.compile(r"dsn.*\*\*\*"))
    screen.wait_for(re.compile(r"ECHO.*end"))
    assert "precious" not in screen.text


def test_a_rate_is_below_the_prompt(repl: StartRepl, redis82: Server) -> None:
    screen = repl(redis82)
    begun(screen, redis82, "MONITOR")
    screen.wait_until(lambda shown: re.search(r"^MONITOR \d+ lines/s · \d+ lines in", shown.display[-1]))


def test_a_flood_is_counted_and_never_holds_up_the_server(repl: StartRepl, redis82: Server) -> None:
    screen = repl(redis82)
    begun(screen, redis82, "MONITOR")
    for _ in range(10):
        redis82.command("EVAL", "for i = 1, 2000 do redis.call('PING') end", "0")
    redis82.command("ECHO", "end")
    assert '"still here"' in ask(screen, "ECHO 'still here'")
    screen.send_key("c-c")
    screen.wait_for(re.compile(r"MONITOR ended: 20,\d+ lines"))


def test_a_server_that_goes_away_ends_it(repl: StartRepl, redis82: Server) -> None:
    screen = repl(redis82)
    begun(screen, redis82, "MONITOR")
    number = re.search(rb"id=(\d+) (?=[^\n]* cmd=monitor )", redis82.command("CLIENT", "LIST"))  # type: ignore[arg-type]
    assert number is not None
    redis82.command("CLIENT", "KILL", "ID", number[1])
    screen.wait_for(f"MONITOR ended: the connection to {redis82.host}:{redis82.port} was lost")
    screen.wait_until(lambda shown: shown.line == f"{redis82.host}:{redis82.port}>")


def test_who_may_not_monitor_is_told_so(repl: StartRepl, redis82: Server) -> None:
    redis82.command("ACL", "SETUSER", "ada", "on", "nopass", "~*", "+@all", "-monitor")
    screen = repl(redis82, "--user", "ada", "--pass", "x", "--no-auth-warning")
    assert "NOPERM" in ask(screen, "MONITOR")
    assert not screen.line.endswith("(monitor)>")


def test_connect_leaves_it(repl: StartRepl, redis82: Server, valkey9: Server) -> None:
    screen = repl(redis82)
    begun(screen, redis82, "MONITOR")
    ask(screen, f"connect {valkey9.host} {valkey9.port}")
    screen.wait_until(lambda shown: shown.line == f"{valkey9.host}:{valkey9.port}>")
    wait_until(lambda: monitors(redis82) == 0)


@pytest.mark.parametrize("form", ["human", "redis", "raw", "json", "ndjson", "tsv", "resp"])
def test_secrets_are_stars_in_every_format(repl: StartRepl, redis82: Server, form: str) -> None:
    screen = repl(redis82)
    ask(screen, f":set format {form}")
    begun(screen, redis82, "MONITOR")
    redis82.command("SET", "url", "redis://ada:hunter2@host/0")
    redis82.command("SET", "after", "1")
    screen.wait_for("after")
    assert "hunter2" not in screen.text
    assert "***" in screen.text
