"""Secrets are stars: on the screen while they are typed and afterwards, whatever key brought them there."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pyredis.commands.spec import Table
from pyredis_cli.repl.insight import Insight
from pyredis_cli.repl.masking import holds_secret, masked
from tests.conftest import MakeServer
from tests.repl.conftest import StartRepl, ask, at_prompt
from tests.servers import Server

TABLE = Table()
INSIGHT = Insight(lambda: TABLE, "utf-8")


def shown(text: str) -> str:
    return masked(text, INSIGHT)


# -- which characters


@pytest.mark.parametrize(
    ("typed", "seen"),
    [
        ("AUTH h", "AUTH *"),
        ("auth ada hunter2", "auth *** *******"),
        ('AUTH "hun ter', "AUTH ********"),
        ("5 AUTH hunter2", "5 AUTH *******"),
        ("help AUTH hunter2", "help AUTH *******"),
        ("HELLO 3 AUTH ada p", "HELLO 3 AUTH *** *"),
        ("HELLO 3 AUTH ada p SETNAME me", "HELLO 3 AUTH *** * SETNAME me"),
        ("ACL SETUSER ada on >", "ACL SETUSER ada on *"),
        ("ACL SETUSER ada on >pw ~*", "ACL SETUSER ada on *** ~*"),
        ("CONFIG SET maxmemory 1 requirepass x", "CONFIG SET maxmemory 1 requirepass *"),
        ("MIGRATE h 1 k 0 5 AUTH2 ada x", "MIGRATE h 1 k 0 5 AUTH2 *** *"),
        ("AUHT hunter2", "AUHT *******"),
        ("AUTH päß東京", "AUTH *****"),
        ("GET k\nAUTH x\nGET k", "GET k\nAUTH *\nGET k"),
        ("AUTH 'a\nb' c", "AUTH **\n** *"),
        ("connect redis://ada:hun", "connect ***************"),
        ("connect redis://:h", "connect **********"),
        ("connect redis://ada:12", "connect redis://ada:**"),
        ("connect redis://:", "connect redis://:"),
        ("connect redis://ada:hunter2@h", "connect *********************"),
        ("SET k v", "SET k v"),
    ],
)
def test_a_secret_is_masked_from_its_first_character_on(typed: str, seen: str) -> None:
    assert shown(typed) == seen


def test_a_host_and_port_are_no_secret_once_they_are_entered() -> None:
    assert not holds_secret("connect redis://127.0.0.1:6379", INSIGHT)
    assert shown("connect redis://127.0.0.1:6379 ") == "connect redis://127.0.0.1:6379 "


@pytest.mark.parametrize("start", ["AUTH ", "5 auth ", "CONFIG SET requirepass ", "help AUTH "])
def test_a_secret_in_a_very_long_line_is_masked(start: str) -> None:
    assert "Z" not in shown(start + "ZZZ " * 1_000)


def test_other_long_lines_are_shown_but_for_their_urls() -> None:
    words = "SET auth " + "v " * 2_000
    assert shown(words) == words
    assert "hunter2" not in shown(f"{words} redis://ada:hunter2@h/0 v")


@given(
    start=st.sampled_from(["AUTH ", "auth ", "HELLO 3 AUTH ada ", "CONFIG SET requirepass "]),
    secret=st.text(st.characters(exclude_characters=" \t\n\v\f\r\"'", exclude_categories=["Cs"]), min_size=1),
)
def test_no_character_of_a_secret_is_ever_shown_and_none_is_lost(start: str, secret: str) -> None:
    for end in range(1, len(secret) + 1):
        assert shown(start + secret[:end])[-end:] == "*" * end


# -- on a terminal


@pytest.mark.parametrize(
    ("before", "behind"),
    [
        ("AUTH ", ""),
        ("HELLO 3 AUTH x ", ""),
        ("ACL SETUSER ada on >", " ~*"),
        ("CONFIG SET masterauth ", ""),
        ("MIGRATE 127.0.0.1 1 k 0 5 AUTH ", " KEYS a b"),
    ],
)
def test_no_character_of_a_secret_reaches_the_terminal(
    repl: StartRepl, make_server: MakeServer, before: str, behind: str
) -> None:
    screen = repl(make_server(), "--yes")
    seen = before.replace(">", "*").replace(" x ", " * ") + "****" + behind
    for character in before:
        screen.send(character)
    for number, character in enumerate("§¶¤¦", 1):  # each one is drawn before the next
        screen.send(character)
        stars = before.replace(">", "*").replace(" x ", " * ") + "*" * number
        screen.wait_until(lambda terminal: terminal.before_cursor.endswith(f"> {stars}"))  # noqa: B023
    screen.send(behind)
    screen.send_key("home", "end", "enter")
    screen.wait_until(lambda terminal: f"> {seen}\n" in terminal.text and at_prompt(terminal))
    screen.send_key("up")
    screen.wait_until(lambda terminal: terminal.before_cursor.endswith(f"***{behind}"))
    assert not set("§¶¤¦").intersection(screen.raw.decode())


@pytest.mark.parametrize(
    ("line", "shown"),
    [
        ("AUHT hunter2", "args beginning with: ***"),
        ("ACL SETUSER ada #hunter2", "modifier ***: The password hash must be exactly 64"),
    ],
)
def test_a_server_that_repeats_a_secret_does_not_show_it(
    repl: StartRepl, redis82: Server, line: str, shown: str
) -> None:
    screen = repl(redis82)
    assert shown in ask(screen, line)
    assert b"hunter2" not in screen.raw


def test_a_transaction_that_repeats_a_secret_does_not_show_it(repl: StartRepl, redis82: Server) -> None:
    screen = repl(redis82)
    assert ask(screen, "MULTI") == "OK"
    screen.send_line("ACL SETUSER ada #hunter2")
    screen.wait_for("QUEUED")
    screen.send_line("EXEC")
    screen.wait_for("modifier ***: The password hash")
    assert b"hunter2" not in screen.raw


def test_the_cursor_stands_where_it_is_behind_wide_characters(repl: StartRepl, redis82: Server) -> None:
    screen = repl(redis82)
    screen.send("AUTH 東京都")
    screen.wait_until(lambda terminal: terminal.before_cursor.endswith("> AUTH ***"))
    screen.send_key("left", "left", "backspace")
    screen.wait_until(lambda terminal: terminal.line.endswith("> AUTH **"))
    assert screen.before_cursor.endswith("> AUTH ")
    assert "東" not in screen.raw.decode()


def test_a_secret_of_several_lines_is_masked_in_each(repl: StartRepl, redis82: Server) -> None:
    screen = repl(redis82)
    screen.send('AUTH "hun\rter2"')
    screen.wait_until(lambda terminal: terminal.before_cursor == '"> *****')
    screen.send_key("enter")
    screen.wait_until(at_prompt)
    assert b"hun" not in screen.raw
    assert b"ter2" not in screen.raw


def test_a_character_that_nobody_can_see_is_not_drawn_as_it_is(repl: StartRepl, redis82: Server) -> None:
    screen = repl(redis82)
    screen.paste("SET k 'a\u202eb\u200bc'")
    screen.wait_until(lambda terminal: terminal.before_cursor.endswith("> SET k 'a\ufffdb\ufffdc'"))
    screen.send_key("enter")
    screen.wait_for("OK")
    assert redis82.command("GET", "k") == "a\u202eb\u200bc".encode()
    assert not {"\u202e", "\u200b"}.intersection(screen.raw.decode())


def test_a_secret_that_is_pasted_or_dropped_is_not_left_on_the_screen(
    repl: StartRepl, redis82: Server
) -> None:
    screen = repl(redis82)
    screen.paste("GET k\nAUTH hunter2\nGET k")
    screen.wait_for("... AUTH *******")
    screen.send_key("c-c")
    screen.wait_until(at_prompt)
    assert b"hunter2" not in screen.raw


def test_what_another_program_left_in_the_history_is_masked_and_not_suggested(
    repl: StartRepl, redis82: Server, tmp_path: Path
) -> None:
    file = tmp_path / "history"
    file.write_text("GET k\nAUTH hunter2\n")
    screen = repl(redis82, env={"REDISCLI_HISTFILE": str(file)})
    screen.send_key("c-r")
    screen.send("AU")
    screen.wait_for("AUTH *******")
    screen.send_key("c-g", "up")
    screen.wait_until(lambda terminal: terminal.before_cursor.endswith("> AUTH *******"))
    screen.send_key("c-u")
    screen.send("AUT")
    screen.wait_until(lambda terminal: terminal.before_cursor.endswith("> AUT"))
    screen.send_key("c-u")
    screen.send("G")
    screen.wait_until(lambda terminal: terminal.line.endswith("> GET k"))
    assert b"hunter2" not in screen.raw


def test_what_is_typed_ahead_is_not_echoed(repl: StartRepl, redis82: Server) -> None:
    screen = repl(redis82)
    screen.send_line("BLPOP nokey 0.6")
    screen.wait_until(lambda terminal: redis82.blocked() == 1)
    screen.send("AUTH hunter2")
    screen.wait_until(lambda terminal: terminal.before_cursor.endswith("> AUTH *******"))
    assert b"hunter2" not in screen.raw


def test_the_menu_does_not_say_how_a_secret_begins(repl: StartRepl, redis82: Server) -> None:
    screen = repl(redis82)
    ask(screen, "ACL SETUSER hunter2 on nopass +@all")
    ask(screen, "ACL USERS")
    screen.send("AUTH hu")
    screen.send_key("tab")
    screen.send("n")
    screen.wait_until(lambda terminal: terminal.before_cursor.endswith("> AUTH ***"))
    assert "hunter2" not in "\n".join(screen.display[screen.cursor[1] :])


def test_stars_from_the_history_are_not_sent_as_a_password(repl: StartRepl, make_server: MakeServer) -> None:
    server = make_server()
    screen = repl(server, "--yes=CONFIG")
    ask(screen, "CONFIG SET requirepass hunter2 maxclients none")
    screen.send_key("up")
    screen.wait_until(lambda terminal: terminal.before_cursor.endswith("requirepass *** maxclients none"))
    screen.send_key("m-backspace", "m-backspace", "enter")
    screen.wait_until(lambda terminal: "not sent: *** stands for a secret" in terminal.text)
    assert ask(screen, "CONFIG GET requirepass") == 'requirepass  ""'
    assert ask(screen, "5 AUTH ***").startswith("not sent: ")
    assert ask(screen, 'AUTH "***"').startswith("(error) ERR AUTH")
    assert ask(screen, "ECHO ***") == '"***"'


def test_the_history_holds_stars_in_place_of_secrets(repl: StartRepl, redis82: Server) -> None:
    screen = repl(redis82)
    screen.send("ACL SETUSER ada '>hun\rter2'\r")
    screen.wait_until(lambda terminal: "OK" in terminal.text and at_prompt(terminal))
    path = Path(os.environ["XDG_STATE_HOME"], "pyredis-cli", "history")
    assert path.read_text() == "ACL SETUSER ada ***\n"
