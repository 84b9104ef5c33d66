"""``:undo`` on a terminal: what it shows, asks and puts back."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

import pytest

from tests.conftest import MakeServer
from tests.repl.conftest import StartRepl, ask, at_prompt
from tests.servers import Server
from tests.terminal import Terminal

Keeping: TypeAlias = Callable[..., Terminal]


@pytest.fixture
def keeping(repl: StartRepl) -> Keeping:
    """Return ``keeping(server)``: a REPL that keeps what writes change."""

    def start(server: Server, *flags: str) -> Terminal:
        screen = repl(server, *flags)
        ask(screen, ":set undo on")
        return screen

    return start


def undo(screen: Terminal, answer: str = "y", line: str = ":undo") -> str:
    """Ask for an undoing, answer the question, and return what was printed since."""
    before = screen.text.count("Do it? [y/N]")
    screen.send_line(line)
    screen.wait_until(lambda screen: screen.text.count("Do it? [y/N]") > before, what="the question")
    screen.send_line(answer)
    screen.wait_until(at_prompt, what="the prompt")
    return screen.text_to_cursor.rpartition(f"> {line}\n")[2]


def test_a_value_comes_back_with_its_time_to_live(keeping: Keeping, valkey9: Server) -> None:
    server = valkey9
    server.command("HSET", "user:7", "name", "Ada")
    server.command("EXPIRE", "user:7", 10_000)
    screen = keeping(server)
    ask(screen, "SET user:7 oops")
    said = undo(screen)
    assert "undo SET user:7 oops" in said
    assert 'restore "user:7": hash, ' in said
    assert "expires in 2 h" in said
    assert "now there is a string" in said
    assert "undone: 1 key" in said
    assert server.command("HGETALL", "user:7") == [b"name", b"Ada"]
    assert 9_900 < server.command("TTL", "user:7") <= 10_000
    assert "the undoing of SET user:7 oops" in undo(screen)
    assert server.command("GET", "user:7") == b"oops"
    undo(screen)
    assert server.command("HGET", "user:7", "name") == b"Ada"


def test_what_was_not_there_goes_and_what_was_deleted_comes_back(keeping: Keeping, redis82: Server) -> None:
    server = redis82
    server.command("MSET", "a", "1", "b\n", "2")
    screen = keeping(server)
    ask(screen, 'DEL a "b\\n" nosuch')
    ask(screen, "SADD new x")
    ask(screen, "SADD new x")
    ask(screen, "GET a")
    lines = ask(screen, ":undo list").splitlines()
    assert [line[:3].strip() for line in lines] == ["1", "2"]
    assert "SADD new x" in lines[0]
    said = undo(screen)
    assert 'delete "new": it was not there' in said
    assert server.command("EXISTS", "new") == 0
    undo(screen, line=":undo 2")
    assert server.command("MGET", "a", "b\n", "nosuch") == [b"1", b"2", None]


def test_nothing_happens_without_a_yes_or_anything_kept(
    keeping: Keeping, repl: StartRepl, redis82: Server
) -> None:
    redis82.command("SET", "k", "old")
    off = repl(redis82)
    assert ask(off, "GET k") == '"old"'
    assert ask(off, ":undo").startswith("nothing is kept")
    screen = keeping(redis82)
    assert ask(screen, ":undo").startswith("nothing to undo")
    assert ask(screen, ":undo list").startswith("nothing to undo")
    ask(screen, "SET k new")
    assert "left as it is" in undo(screen, "n")
    assert "left as it is" in undo(screen, "")
    assert redis82.command("GET", "k") == b"new"
    ask(screen, "SELECT 1")
    assert "SELECT 0 first" in ask(screen, ":undo")


def test_what_others_have_changed_since_is_told(keeping: Keeping, redis82: Server) -> None:
    redis82.command("SET", "k", "old")
    screen = keeping(redis82)
    ask(screen, "SET k mine")
    redis82.command("SET", "k", "theirs")
    assert "now there is a string, about 32B, not what this session left there" in undo(screen, "n")
    redis82.command("DEL", "k")
    assert "now there is nothing, not what this session left there" in undo(screen)
    assert redis82.command("GET", "k") == b"old"


def test_what_cannot_be_undone_is_told_once(keeping: Keeping, redis82: Server) -> None:
    redis82.command("SET", "k", "old")
    redis82.command("SET", "big", "x" * 5_000_000)
    screen = keeping(redis82, "--yes=FLUSHDB")
    ask(screen, "MULTI")
    ask(screen, "SET k new")
    assert "is in MULTI; it cannot be undone" in screen.text
    ask(screen, "EXEC")
    assert "of 1 MB or more not kept" in ask(screen, "APPEND big x")
    assert "names no key that it changes" in ask(screen, "FLUSHDB")
    assert "undo" not in ask(screen, "FLUSHDB")
    assert ask(screen, ":undo").startswith("nothing to undo")


def test_a_later_write_that_is_not_kept_is_told_first(keeping: Keeping, redis82: Server) -> None:
    screen = keeping(redis82)
    ask(screen, "SET a 1")
    ask(screen, "SET a 1")  # which changes nothing
    assert "came later" not in undo(screen, "n")
    ask(screen, "MULTI")
    ask(screen, "SET a 2")
    ask(screen, "EXEC")
    assert undo(screen, "n").startswith(
        "of SET, which came later, nothing is kept; this is before it\nundo SET a 1"
    )
    ask(screen, "SET b 1")
    assert "came later" not in undo(screen, "n")
    ask(screen, ":set undo off")
    ask(screen, "GET a")
    assert "came later" not in undo(screen, "n")
    ask(screen, "DEL a")
    assert "of DEL, which came later" in undo(screen, "n")


def test_a_refused_restore_loses_nothing(keeping: Keeping, redis82: Server) -> None:
    server = redis82
    server.command("ACL", "SETUSER", "ada", "on", "nopass", "~*", "+@all", "-restore")
    server.command("SET", "k", "old")
    screen = keeping(server, "--user", "ada", "-a", "x", "--no-auth-warning")
    ask(screen, "SET k new")
    assert "it stays in :undo list" in undo(screen).replace("\n", " ")
    server.command("ACL", "SETUSER", "ada", "+restore")
    undo(screen)
    assert server.command("GET", "k") == b"old"
    server.command("ACL", "SETUSER", "ada", "-dump")
    assert "NOPERM" in ask(screen, "SET k other")
    assert server.command("GET", "k") == b"other"


def test_another_run_of_the_server_is_no_place_for_it(keeping: Keeping, make_server: MakeServer) -> None:
    server = make_server("redis82")
    screen = keeping(server)
    ask(screen, "SET k new")
    server.restart()
    assert "cannot be undone any more" in ask(screen, ":undo").replace("\n", " ")
    assert ask(screen, ":undo").startswith("nothing to undo")


def test_without_replies_nothing_is_undone_and_nothing_lost(keeping: Keeping, redis82: Server) -> None:
    redis82.command("SET", "k", "old")
    screen = keeping(redis82)
    for line in ("SET k new", "CLIENT REPLY OFF"):
        ask(screen, line)
    assert "CLIENT REPLY ON first" in ask(screen, ":undo")
    ask(screen, "CLIENT REPLY ON")
    undo(screen)
    assert redis82.command("GET", "k") == b"old"
