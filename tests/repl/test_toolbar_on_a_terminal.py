"""The line below the prompt, as a person sees it."""

from __future__ import annotations

import re
import time

import pytest

from tests.conftest import MakeServer
from tests.repl.conftest import StartRepl, ask, at_prompt, pace
from tests.servers import Server, wait_until
from tests.terminal import Terminal

_SOON = 8.0  # seconds, where it looks every two; to one who does nothing it would come after ten


def bottom(screen: Terminal) -> str:
    return screen.display[-1]


def until_bottom(screen: Terminal, pattern: str, timeout: float = 10) -> None:
    what = f"/{pattern}/ in the bottom line"
    screen.wait_until(lambda terminal: re.search(pattern, bottom(terminal)), timeout, what)


def until_no_bottom(screen: Terminal) -> None:
    screen.wait_until(lambda terminal: not bottom(terminal), what="an empty bottom line")


def until_learnt(screen: Terminal) -> None:
    wait_until(lambda: "complexity: " in ask(screen, "help get"), what="the server's docs are learnt")


@pytest.mark.parametrize("columns", [80, 160])
def test_it_says_how_the_server_is(repl: StartRepl, server: Server, columns: int) -> None:
    server.command("FLUSHALL")
    server.command("CONFIG", "SET", "maxmemory", "4gb")
    server.command("MSET", *(f"key:{number // 2}" for number in range(2468)))
    screen = repl(server, columns=columns)
    product = f"{server.product.capitalize()} {re.escape(server.version)}"
    until_bottom(
        screen,
        rf"^{product} · primary · db0 1,234 keys · [\d.]+[KM] / 4\.0G · \d+ clients · [\d.,]+ ms$",
    )
    assert at_prompt(screen)
    assert {screen.cell(column, 23).reverse for column in range(columns)} == {False}


def test_at_40_columns_it_says_less_and_does_not_wrap(repl: StartRepl, redis82: Server) -> None:
    redis82.command("FLUSHALL")
    screen = repl(redis82, columns=40)
    until_bottom(screen, rf"^Redis {redis82.version} · primary · db0 0 keys$")
    screen.resize(20, 24)
    until_bottom(screen, r"^primary · db0 0 keys$")
    assert not any(line for line in screen.display[1:-1])


def test_it_follows_the_database_and_what_is_in_it(repl: StartRepl, redis82: Server) -> None:
    redis82.command("FLUSHALL")
    screen = repl(redis82)
    until_bottom(screen, "db0 0 keys")
    ask(screen, "SELECT 3")
    until_bottom(screen, "db3 0 keys")
    redis82.command("EVAL", "redis.call('SELECT', 3) return redis.call('SET', 'a', 1)", 0)
    until_bottom(screen, "db3 1 key ", _SOON)


def test_while_a_command_is_typed_it_says_how_that_is_written(repl: StartRepl, redis82: Server) -> None:
    screen = repl(redis82, columns=80)
    until_bottom(screen, "primary")
    until_learnt(screen)
    screen.send("get ")
    until_bottom(screen, r"^GET key · O\(1\) · since 1\.0\.0$")
    screen.send_key("c-u")
    until_bottom(screen, "primary")
    screen.send("SET key ")
    until_bottom(screen, r"^SET key value \[NX\|XX.*… · O\(1\) · since 1\.0\.0$")
    screen.send("value EX soon")
    until_bottom(screen, "^an integer is due: seconds$")
    screen.send_key(*["backspace"] * 4)
    until_bottom(screen, "^SET key value")


def test_turned_off_only_mistakes_are_told(repl: StartRepl, redis82: Server) -> None:
    screen = repl(redis82)
    until_bottom(screen, "primary")
    ask(screen, ":set toolbar off")
    until_no_bottom(screen)
    screen.send("EXPIRE k ")
    screen.wait_until(lambda terminal: terminal.before_cursor.endswith("EXPIRE k "))
    assert not bottom(screen)
    screen.send("soon")
    until_bottom(screen, "an integer is due")
    screen.send_key("c-u")
    until_no_bottom(screen)
    ask(screen, ":set toolbar on")
    until_bottom(screen, "primary")


def test_a_demotion_shows_soon(repl: StartRepl, make_server: MakeServer) -> None:
    server, primary = make_server("redis82"), make_server("redis82")
    screen = repl(server)
    until_bottom(screen, "primary")
    server.command("REPLICAOF", primary.host, primary.port)
    until_bottom(screen, " · replica · ", _SOON)
    column = bottom(screen).index("replica")
    assert screen.cell(column, 23).fg == "brown"


def test_a_server_that_is_killed_leaves_no_line_and_no_traceback(
    repl: StartRepl, make_server: MakeServer
) -> None:
    server = make_server("redis82")
    screen = repl(server)
    until_bottom(screen, "primary")
    screen.send("typed")
    screen.wait_until(lambda terminal: terminal.before_cursor.endswith("> typed"))
    server.kill()
    until_no_bottom(screen)
    assert "Traceback" not in screen.text
    assert screen.before_cursor.endswith("> typed")
    screen.send_key("c-u")
    server.restart()
    screen.send_line("PING")
    screen.wait_for("PONG")
    until_bottom(screen, "primary")


def test_a_server_that_hangs_is_not_spoken_of_and_holds_up_no_key(
    repl: StartRepl, make_server: MakeServer
) -> None:
    server = make_server("redis82")
    screen = repl(server)
    until_bottom(screen, "primary")
    turn = pace(screen)
    server.pause()
    screen.wait_until(lambda terminal: not bottom(terminal), _SOON, "an empty bottom line")
    for text in ("GET one", " two", " three"):
        began = time.monotonic()
        screen.send(text)
        screen.wait_until(lambda terminal, text=text: terminal.before_cursor.endswith(text))  # type: ignore[misc]
        assert time.monotonic() - began < 0.5 + 10 * turn
    screen.send_key("c-u")
    server.resume()
    until_bottom(screen, "primary", 30)


def test_a_user_who_may_ask_little_sees_what_is_allowed(repl: StartRepl, redis82: Server) -> None:
    redis82.command("ACL", "SETUSER", "ann", "on", ">x", "~*", "+get", "+dbsize")
    screen = repl(redis82, "--user", "ann", "--pass", "x")
    until_bottom(screen, rf"^Redis {redis82.version} · primary · db0 0 keys$")
    assert "NOPERM" not in screen.text


def test_a_screen_that_says_the_same_is_left_alone(repl: StartRepl, redis82: Server) -> None:
    """Whatever is written while nobody types is another figure."""
    screen = repl(redis82, columns=40)  # where there is room for what does not change
    until_bottom(screen, "primary")
    until_learnt(screen)
    until_bottom(screen, "primary")
    until_looked(redis82)  # the prompt is drawn whole by then
    before = len(screen.raw)
    until_looked(redis82, 3)
    assert screen.raw[before:] == b""


def until_looked(server: Server, times: int = 1) -> None:
    wanted = pings(server) + times
    wait_until(lambda: pings(server) >= wanted, what=f"{times} more look(s)")


def pings(server: Server) -> int:
    return int(server.info("commandstats")["cmdstat_ping"].split(",")[0].removeprefix("calls="))


def test_without_colours_it_is_there_as_well(repl: StartRepl, redis82: Server) -> None:
    screen = repl(redis82, env={"NO_COLOR": "1"})
    until_bottom(screen, "primary")
    assert screen.cell(0, 23).fg == "default"
    assert not screen.cell(0, 23).reverse


def test_another_server_is_another_line(repl: StartRepl, redis82: Server, valkey9: Server) -> None:
    screen = repl(redis82)
    until_bottom(screen, "^Redis 8")
    screen.send_line(f"connect {valkey9.host} {valkey9.port}")
    until_bottom(screen, "^Valkey 9")
    assert ask(screen, "PING") == "PONG"


def test_a_low_terminal_shows_the_line_that_is_typed(repl: StartRepl, redis82: Server) -> None:
    screen = repl(redis82, rows=8, columns=30)
    screen.send("GET k")
    screen.wait_until(lambda shown: "O(1)" in shown.text, what="the line below")
    assert screen.before_cursor.endswith("> GET k")
    screen.resize(columns=30, rows=2)
    screen.send("ey")
    screen.wait_until(lambda shown: shown.before_cursor.endswith("> GET key"), what="the line")
