"""``:watch`` on a terminal, with servers that change, break and come back."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

from tests.conftest import MakeServer
from tests.program import ROOT
from tests.repl.conftest import StartRepl, ask, at_prompt
from tests.servers import Server, wait_until
from tests.terminal import Terminal

TITLE = re.compile(r"^\d\d:\d\d:\d\d  (?:no answer for \d+ s  )?every 0\.1 s, (\d+)  (.*)$")


def watched(screen: Terminal, line: str, what: Callable[[list[str]], object]) -> None:
    """Type a line that begins to watch, and wait until a picture shows that."""
    screen.send_line(line)
    until(screen, what)


def until(screen: Terminal, what: Callable[[list[str]], object]) -> None:
    screen.wait_until(lambda shown: TITLE.match(shown.display[0]) and what(shown.display), what="the picture")


def left(screen: Terminal) -> str:
    """Press Ctrl-C, and return what is there when the prompt is back."""
    screen.send_key("c-c")
    screen.wait_until(at_prompt, what="the prompt")
    return screen.text


def times(title: str) -> int:
    found = TITLE.match(title)
    assert found
    return int(found[1])


def reversed_text(screen: Terminal, row: int) -> str:
    cells = [screen.cell(column, row) for column in range(100)]
    return "".join(cell.data for cell in cells if cell.reverse)


def test_a_reply_is_drawn_in_its_place_and_what_changed_is_reversed(repl: StartRepl, redis82: Server) -> None:
    redis82.command("HSET", "h", "name", "ada", "n", "1")
    screen = repl(redis82, columns=100)
    ask(screen, "MULTI")
    watched(screen, ":watch 0.1 HGETALL h", lambda rows: "ada" in rows[1])
    assert reversed_text(screen, 1) == ""
    redis82.command("HSET", "h", "n", "42", "more", "text")
    until(screen, lambda rows: re.match(r"n  ▁+█+ +42  \+41$", rows[1]) and "text" in rows[5])
    assert re.match(r'3\) "more" +"text"$', screen.display[5])
    redis82.command("HSET", "h", "name", "grace")
    screen.wait_until(lambda shown: reversed_text(shown, 3) == '"grace"', what="what changed")

    text = left(screen)

    # What was there before comes back, the last picture below it, and the transaction is as it was.
    assert re.search(
        r"MULTI\nOK\n.*:watch 0.1 HGETALL h\n\d\d:\d\d:\d\d  every 0.1 s, \d+  HGETALL h\n", text
    )
    assert "grace" in text
    assert "(TX)" in screen.line
    assert "(empty array)" in ask(screen, "EXEC")


def test_a_long_reply_is_cut_and_fits_a_window_that_changes(repl: StartRepl, redis82: Server) -> None:
    redis82.command("RPUSH", "list", *[f"element-{number}" for number in range(50)])
    screen = repl(redis82, columns=100, rows=20)
    watched(screen, ":watch 0.1 LRANGE list 0 -1", lambda rows: rows[19] == "… 32 more lines")
    screen.resize(60, 10)
    until(screen, lambda rows: rows[9] == "… 42 more lines" and "element-7" in rows[8])
    screen.resize(100, 30)
    until(screen, lambda rows: rows[29] == "… 22 more lines")
    left(screen)


def test_errors_and_lost_connections_stand_there_and_it_goes_on(
    repl: StartRepl, make_server: MakeServer
) -> None:
    server = make_server("redis82")
    server.command("SET", "k", "v")
    screen = repl(server, columns=100)
    watched(screen, ":watch 0.1 LLEN k", lambda rows: "WRONGTYPE" in rows[1])
    server.command("DEL", "k")
    until(screen, lambda rows: "(integer) 0" in rows[1])
    server.kill()
    until(screen, lambda rows: str(server.port) in rows[1])
    server.start()
    server.command("RPUSH", "k", "a", "b")
    until(screen, lambda rows: any("(integer) 2" in row for row in rows))
    left(screen)


def test_a_server_that_does_not_answer_is_told(repl: StartRepl, redis82: Server) -> None:
    redis82.command("SET", "k", "v")
    screen = repl(redis82, columns=100)
    watched(screen, ":watch 0.1 GET k", lambda rows: rows[1] == '"v"')
    redis82.pause()
    until(screen, lambda rows: "no answer for " in rows[0] and rows[1] == '"v"')
    redis82.resume()
    until(screen, lambda rows: "no answer" not in rows[0] and rows[1] == '"v"')
    left(screen)


def test_values_go_to_a_file_and_what_writes_is_refused(
    repl: StartRepl, redis82: Server, tmp_path: Path
) -> None:
    path = tmp_path / "n.csv"
    redis82.command("SET", "n", "7")
    screen = repl(redis82, columns=100, cwd=str(tmp_path), env={"PYTHONPATH": str(ROOT)})
    watched(screen, ":watch 0.1 --csv n.csv GET n", lambda rows: '"7"' in rows[1])
    wait_until(lambda: path.read_text().count("\n") >= 3)
    left(screen)
    head, *rows = path.read_text().splitlines()
    assert head == "time,error,value"
    assert all(re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z,,7", row) for row in rows)

    assert "exists; --append adds to it" in ask(screen, ":watch 1 --csv n.csv GET n")
    assert "INCR does more" in ask(screen, ":watch 1 INCR n")
    assert redis82.command("GET", "n") == b"7"


def test_the_guard_is_asked_once(repl: StartRepl, redis82: Server) -> None:
    for at in range(0, 1_000, 500):
        redis82.command("MSET", *[word for n in range(at, at + 500) for word in (f"k{n}", "v")])
    screen = repl(redis82, columns=100)
    screen.send_line(":watch 0.1 KEYS k*")
    screen.wait_for("[y/N]")
    assert "; again and again" in screen.text
    screen.send_line("y")
    until(screen, lambda rows: "more lines" in rows[-1] and times(rows[0]) >= 3)
    left(screen)


def test_what_a_server_says_cannot_steer_the_terminal(repl: StartRepl, redis82: Server) -> None:
    redis82.command("HSET", "h", "\x1b[2Jfield", "1")
    screen = repl(redis82, columns=100)
    watched(screen, ":watch 0.1 HGETALL h", lambda rows: r"\x1b[2Jfield" in rows[1])
    redis82.command("HSET", "h", "\x1b[2Jfield", "2")
    until(screen, lambda rows: r"\x1b[2Jfield" in rows[1] and r"\x1b[2Jfield" in rows[3])
    left(screen)
    assert b"\x1b[2Jfield" not in screen.raw


def test_a_dumb_terminal_gets_one_picture_below_the_other(repl: StartRepl, redis82: Server) -> None:
    redis82.command("SET", "n", "7")
    screen = repl(redis82, env={"TERM": "dumb"})
    screen.send_line(":watch 0.1 GET n")
    screen.wait_until(lambda shown: shown.text.count('"7"') >= 2)
    left(screen)
    assert b"\x1b" not in screen.raw
