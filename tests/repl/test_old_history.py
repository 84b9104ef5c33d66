"""What redis-cli has remembered is offered once, and nothing of it that is secret is kept."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from pyredis_cli.repl.history import HistoryFile, history_path
from pyredis_cli.repl.old_history import Offer, answered, offer
from tests.repl.conftest import StartRepl, ask, at_prompt
from tests.servers import Server
from tests.terminal import Terminal


def old(text: str, name: str = ".rediscli_history") -> Path:
    path = Path.home() / name
    path.write_text(text)
    return path


def own() -> Path:
    path = history_path(os.environ)
    assert path is not None
    return path


def offered() -> Offer | None:
    return offer(os.environ, own())


# -- when there is something to offer


def test_lines_are_offered_the_oldest_first_and_of_both_clients() -> None:
    old("GET a\n\nGET b\n")
    assert offered() == Offer(("GET a", "GET b"), (".rediscli_history",))
    old("GET c\n", ".valkeycli_history")
    found = offered()
    assert found is not None
    assert found.lines == ("GET a", "GET b", "GET c")
    assert found.question == "Import 3 commands from ~/.rediscli_history and ~/.valkeycli_history? [Y/n] "


def test_the_old_file_stays_as_it_is() -> None:
    path = old("GET a\n")
    path.chmod(0o644)
    assert offered() is not None
    assert stat.S_IMODE(path.stat().st_mode) == 0o644
    assert path.read_text() == "GET a\n"


def test_nothing_is_offered_where_nothing_is() -> None:
    assert offered() is None
    old("\n  \n\x1b]0;title\x07\n")
    assert offered() is None
    Path.home().joinpath(".rediscli_history").unlink()
    Path.home().joinpath(".rediscli_history").mkdir()
    assert offered() is None


def test_nothing_is_offered_to_somebody_who_has_a_history() -> None:
    old("GET a\n")
    HistoryFile(own()).prepare()
    assert offered() is not None  # it is empty
    HistoryFile(own()).append("PING")
    assert offered() is None


@pytest.mark.parametrize("named", ["/dev/null", "elsewhere"])
def test_nothing_is_offered_where_the_file_is_named(named: str, monkeypatch: pytest.MonkeyPatch) -> None:
    old("GET a\n")
    monkeypatch.setenv("REDISCLI_HISTFILE", named)
    assert offer(os.environ, history_path(os.environ)) is None


def test_a_session_that_was_slower_changes_nothing() -> None:
    old("GET a\n")
    found = offered()
    assert found is not None
    HistoryFile(own()).prepare()
    HistoryFile(own()).append("PING")
    assert found.accept(HistoryFile(own()), str) == 0
    assert own().read_text() == "PING\n"


@pytest.mark.parametrize(
    ("typed", "meant"),
    [("", True), (" Y ", True), ("yes", True), ("n", False), ("NO", False), ("GET k", None)],
)
def test_an_answer_is_yes_or_no(typed: str, meant: bool | None) -> None:
    assert answered(typed) is meant


# -- at the start

QUESTION = "[Y/n]"


def start(repl: StartRepl, server: Server) -> Terminal:
    return repl(server, prompt=QUESTION)


def leave(screen: Terminal) -> None:
    screen.send_line("quit")
    assert screen.exit_code() == 0


def test_yes_imports_what_may_be_kept(repl: StartRepl, redis82: Server) -> None:
    old("SET k v\nAUTH s3cret\nAUTH s3cret\n GET private\nGET k\n")
    screen = start(repl, redis82)
    assert screen.line == "Import 5 commands from ~/.rediscli_history? [Y/n]"
    screen.send_key("enter")
    screen.wait_until(at_prompt, what="the prompt")
    assert "3 commands imported" in screen.text
    assert own().read_text() == "SET k v\nAUTH ***\nGET k\n"
    assert stat.S_IMODE(own().stat().st_mode) == 0o600
    screen.send_key("up")
    screen.wait_until(
        lambda screen: screen.line.endswith("> GET k"), what="the newest line of the old history"
    )
    screen.send_key("c-c")
    screen.wait_until(at_prompt, what="an empty line")
    leave(screen)
    leave(repl(redis82))  # and it asks no more


def test_no_is_remembered(repl: StartRepl, redis82: Server) -> None:
    old("SET k v\n")
    screen = start(repl, redis82)
    assert screen.line == "Import 1 command from ~/.rediscli_history? [Y/n]"
    screen.send_line("GET k")  # is no answer
    screen.wait_until(lambda screen: screen.text.count(QUESTION) == 2 and screen.line.endswith(QUESTION))
    screen.send_line("n")
    screen.wait_until(at_prompt, what="the prompt")
    assert ask(screen, "DBSIZE") == "(integer) 0"
    leave(screen)
    assert own().read_text() == "DBSIZE\nquit\n"
    own().unlink()
    leave(repl(redis82))


@pytest.mark.parametrize("key", ["c-c", "c-d"])
def test_no_answer_leaves_the_question_for_the_next_start(repl: StartRepl, redis82: Server, key: str) -> None:
    old("SET k v\n")
    screen = start(repl, redis82)
    screen.send_key(key)
    screen.wait_until(at_prompt, what="the prompt")
    assert own().read_text() == ""
    start(repl, redis82)


def test_nobody_is_asked_on_a_dumb_terminal(repl: StartRepl, redis82: Server) -> None:
    old("SET k v\n")
    screen = repl(redis82, env={"TERM": "dumb"})
    assert QUESTION not in screen.text


def test_where_there_is_nothing_that_may_be_kept_it_is_not_asked_again(
    repl: StartRepl, redis82: Server
) -> None:
    old(" GET private\n")
    screen = start(repl, redis82)
    screen.send_line("y")
    screen.wait_until(at_prompt, what="the prompt")
    assert "0 commands imported" in screen.text
    screen.send_key("c-d")
    assert screen.exit_code() == 0
    repl(redis82)
