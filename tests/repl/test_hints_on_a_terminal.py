"""Hints, colours, mistakes and help, as a person sees them."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.conftest import MakeTerminal
from tests.program import PROGRAM
from tests.repl.conftest import StartRepl, ask, at_prompt
from tests.servers import Server, free_port, wait_until
from tests.terminal import Terminal


def until_line(screen: Terminal, ending: str) -> None:
    screen.wait_until(lambda terminal: terminal.line.endswith(ending), what=f"a line that ends {ending!r}")


def until_learnt(screen: Terminal, server: Server) -> None:
    """Return once the session knows what the server says of itself: help has a sentence then, or a version."""
    wait_until(lambda: "complexity: " in ask(screen, "help get"), what=f"{server!r} has been learnt")


def colors(screen: Terminal, word: str) -> set[tuple[str, bool]]:
    """Return the colours of a word on the cursor's line, and whether it is underlined."""
    row = screen.cursor[1]
    start = screen.line.rindex(word)
    cells = [screen.cell(column, row) for column in range(start, start + len(word))]
    return {(cell.fg, cell.underscore) for cell in cells}


def test_the_hint_stands_behind_the_cursor_while_typing(repl: StartRepl, server: Server) -> None:
    screen = repl(server)
    screen.send("SET key value ")
    screen.wait_until(lambda terminal: re.search(r"value \[NX\|XX.*\] \[GET\] \[EX sec", terminal.line))
    screen.wait_until(lambda terminal: terminal.before_cursor.endswith("SET key value "))
    assert colors(screen, "[NX|XX") == {("brightblack", False)}
    screen.send("NX EX ")
    until_line(screen, "SET key value NX EX seconds [GET]")
    screen.send_key("left")
    until_line(screen, "SET key value NX EX")
    screen.send_key("end")
    until_line(screen, "SET key value NX EX seconds [GET]")


def test_the_hint_is_gone_once_the_line_is_entered(repl: StartRepl, redis82: Server) -> None:
    screen = repl(redis82)
    screen.send("SET key value")
    screen.wait_for("[NX|XX] [GET] [EX")
    screen.send_key("enter")
    screen.wait_until(at_prompt)
    assert screen.text.splitlines()[0].endswith("> SET key value")
    assert "OK" in screen.text


@pytest.mark.parametrize("value", ["東京", "'\x01\x02\x03'"])
@pytest.mark.parametrize("columns", [20, 40, 41, 57, 80])
def test_a_hint_never_wraps(repl: StartRepl, redis82: Server, columns: int, value: str) -> None:
    screen = repl(redis82, columns=columns)
    screen.send_line(":set live-completion off")  # the menu would open below
    screen.wait_until(lambda terminal: "\nlive-completion off" in terminal.text and at_prompt(terminal))
    screen.paste(f"SET {value} v ")
    screen.wait_until(lambda terminal: terminal.before_cursor.endswith(" v "))
    column, row = screen.cursor
    screen.wait_until(lambda terminal: columns - column < 3 or "[" in terminal.line[column - 2 :])
    assert not any(screen.display[row + 1 : -1])  # the last one tells how the server is


def test_set_hints_off_hides_them(repl: StartRepl, redis82: Server) -> None:
    screen = repl(redis82)
    assert ask(screen, ":set").startswith("hints on ")
    assert ask(screen, ":set hints off") == "hints off"
    screen.send("GET ")
    screen.wait_until(lambda terminal: terminal.before_cursor.endswith("> GET "))
    screen.send("x")
    screen.wait_until(lambda terminal: terminal.line.endswith("> GET x"))
    screen.send_key("c-u")
    assert ask(screen, ":set hints") == "hints on"
    screen.send("GET ")
    until_line(screen, "> GET key")


def test_without_live_completion_the_menu_waits_for_tab(repl: StartRepl, redis82: Server) -> None:
    screen = repl(redis82)
    ask(screen, ":set live-completion off")
    screen.send("INCR")
    until_line(screen, "INCR key")
    assert "INCRBY" not in screen.text
    screen.send_key("tab")
    screen.wait_until(lambda terminal: "INCRBYFLOAT" in terminal.text)


def test_words_are_coloured_by_what_they_are(repl: StartRepl, redis82: Server) -> None:
    screen = repl(redis82)
    screen.send("SET key value EX 5")
    screen.wait_until(lambda terminal: terminal.before_cursor.endswith("EX 5"))
    assert colors(screen, "SET") == {("green", False)}
    assert colors(screen, "key") == {("cyan", False)}
    assert colors(screen, "value") == {("default", False)}
    assert colors(screen, "EX") == {("brown", False)}


def test_a_mistake_is_underlined_and_explained_as_long_as_it_is_there(
    repl: StartRepl, redis82: Server
) -> None:
    screen = repl(redis82)
    screen.send("EXPIRE k soon")
    screen.wait_for("an integer is due: seconds")
    assert colors(screen, "soon") == {("red", True)}
    screen.send_key(*["backspace"] * 4)
    screen.send("10")
    screen.wait_until(lambda terminal: "is due" not in terminal.text)
    assert colors(screen, "10") == {("magenta", False)}
    screen.send_key("enter")
    screen.wait_for("(integer) 0")


def test_without_colours_a_mistake_is_still_underlined_and_a_hint_dim(
    repl: StartRepl, redis82: Server
) -> None:
    screen = repl(redis82, env={"NO_COLOR": "1"})
    screen.send("EXPIRE k soon")
    screen.wait_for("an integer is due: seconds")
    assert colors(screen, "soon") == {("default", True)}
    assert colors(screen, "EXPIRE") == {("default", False)}
    screen.send_key("c-u")
    screen.send("GET ")
    until_line(screen, "> GET key")
    assert re.search(rb"\x1b\[(?:\d+;)*2m *key", screen.raw)
    assert not re.search(rb"\x1b\[(?:\d+;)*(?:3|9)[0-7](?:;\d+)*m", screen.raw)


def test_a_script_is_coloured_as_lua_over_its_lines(repl: StartRepl, redis82: Server) -> None:
    screen = repl(redis82)
    screen.send("EVAL \"local x = 'a'\rreturn redis.call")
    screen.wait_until(lambda terminal: terminal.before_cursor == '"> return redis.call')
    assert colors(screen, "return") == {("blue", False)}
    assert colors(screen, "redis.call") == {("cyan", False)}
    screen.send_key("up")
    screen.wait_until(lambda terminal: terminal.line.startswith("127."))
    assert colors(screen, "local") == {("blue", False)}
    assert colors(screen, "'a'") == {("brown", False)}


def test_a_password_is_masked_and_neither_coloured_nor_called_a_mistake(
    repl: StartRepl, redis82: Server
) -> None:
    screen = repl(redis82)
    screen.send("AUTH ada hunter2 5")
    screen.wait_until(lambda terminal: terminal.before_cursor.endswith("*** ******* *"))
    assert colors(screen, "*** ******* *") == {("default", False)}
    assert "no more arguments" not in screen.text


def test_an_old_server_is_offered_what_it_has(repl: StartRepl, redis62: Server) -> None:
    screen = repl(redis62)
    wait_until(lambda: "not on this server (redis 6.2" in ask(screen, "help expiretime"))
    assert ask(screen, "help expire").startswith("EXPIRE key seconds\n")
    screen.send("EXPIRE k 10 ")
    screen.wait_until(lambda terminal: terminal.before_cursor.endswith("k 10 "))
    screen.send("N")
    screen.wait_for("no more arguments")
    screen.send_key("c-u")
    screen.send("SET k v ")
    screen.wait_until(lambda terminal: "[GET]" in terminal.line)


def test_help_tells_what_the_server_says_and_works_without_one(repl: StartRepl, server: Server) -> None:
    screen = repl(server, columns=80)
    until_learnt(screen, server)
    assert "Returns the string value of a key" in ask(screen, "help get")
    assert "key: 1st argument" in ask(screen, "help get")
    assert "CONFIG GET parameter [parameter ...]" in ask(screen, "help config")
    assert ("not on this server" in ask(screen, "help vadd")) is (server.product == "valkey")
    assert "LPUSH" in ask(screen, "help @list")


def test_help_without_a_server(terminal: MakeTerminal) -> None:
    screen = terminal([*PROGRAM, "-p", str(free_port())], columns=80)
    screen.wait_until(at_prompt)
    shown = ask(screen, "help set")
    assert shown.startswith("SET key value [NX|XX] [GET]\n")
    assert "complexity" not in shown
    screen.send("GET ")
    until_line(screen, "not connected> GET key")


@pytest.fixture
def cached() -> Callable[[], list[Path]]:
    from pyredis_cli.core.docs import cache_folder

    return lambda: sorted(cache_folder().glob("docs-*.json"))


def test_the_second_session_asks_the_server_for_no_docs(
    repl: StartRepl, redis82: Server, cached: Callable[[], list[Path]]
) -> None:
    redis82.command("CONFIG", "RESETSTAT")
    until_learnt(repl(redis82), redis82)
    assert "calls=1," in redis82.info("commandstats")["cmdstat_command|docs"]
    wait_until(lambda: len(cached()) == 1)
    (path,) = cached()
    assert path.stat().st_mode & 0o777 == 0o600
    until_learnt(repl(redis82), redis82)
    assert "calls=1," in redis82.info("commandstats")["cmdstat_command|docs"]


def test_damaged_docs_are_asked_for_again(
    repl: StartRepl, redis82: Server, cached: Callable[[], list[Path]]
) -> None:
    until_learnt(repl(redis82), redis82)
    wait_until(lambda: len(cached()) == 1)
    (path,) = cached()
    path.write_bytes(b"\x00nonsense")
    until_learnt(repl(redis82), redis82)
    wait_until(lambda: path.stat().st_size > 100_000)


def test_a_user_who_may_not_ask_for_docs_has_the_built_in_ones(repl: StartRepl, redis82: Server) -> None:
    redis82.command("ACL", "SETUSER", "ada", "on", ">pw", "~*", "+@all", "-command", "-info", "-module")
    screen = repl(redis82, "--user", "ada", "--pass", "pw", "--no-auth-warning")
    screen.wait_until(lambda terminal: "ada@" in terminal.line)
    assert ask(screen, "SET k v") == "OK"
    assert ask(screen, "help get").startswith("GET key\n")
    screen.send("GET ")
    until_line(screen, "> GET key")


def test_tab_takes_what_all_offers_have_in_common_and_then_one_of_them(
    repl: StartRepl, redis82: Server
) -> None:
    for number in range(3):
        redis82.command("SET", f"session:{number}", 1)
    screen = repl(redis82)
    screen.send("GET se")
    screen.wait_for("session:2")
    screen.send_key("tab")
    screen.wait_until(lambda shown: shown.before_cursor.endswith("> GET session:"))
    screen.wait_for("session:2")
    screen.send_key("tab")
    screen.wait_until(lambda shown: shown.before_cursor.endswith("> GET session:0"))
    screen.send_key("tab")
    screen.wait_until(lambda shown: shown.before_cursor.endswith("> GET session:1"))
