"""``:since`` on a terminal: at once, within a span, and where the server refuses to tell."""

from __future__ import annotations

import re

from tests.repl.conftest import StartRepl, ask, at_prompt
from tests.servers import Server


def test_since_tells_at_once_what_happened_since_the_last_time(repl: StartRepl, redis82: Server) -> None:
    screen = repl(redis82, columns=100)
    # Without a :since before it is the first look, which was taken behind the prompt's back.
    assert re.match(r"\S+  (Redis|Valkey) [\d.]+, primary  ", ask(screen, ":since"))
    redis82.command("SET", "k", "v")
    first = ask(screen, ":since")
    assert re.search(r"^set  ", first, re.MULTILINE)
    assert re.search(r"^keys +0 → 1 \(\+1\)$", first, re.MULTILINE)
    second = ask(screen, ":since")
    assert not re.search(r"^set  ", second, re.MULTILINE)
    redis82.command("CONFIG", "RESETSTAT")
    assert "the counters were set back" in ask(screen, ":since")
    assert "takes seconds" in ask(screen, ":since soon")


def test_ctrl_c_shows_the_page_of_a_shorter_span(repl: StartRepl, redis82: Server) -> None:
    screen = repl(redis82, columns=100)
    screen.send_line(":since 1h")
    screen.wait_for("of 1 h; Ctrl-C shows what there is so far")
    redis82.command("SET", "k", "v")
    screen.send_key("c-c")
    screen.wait_for(re.compile(r"^keys +0 → 1 \(\+1\)$", re.MULTILINE))
    screen.wait_until(at_prompt)
    assert "Ctrl-C shows" not in screen.text
    ask(screen, ":format json")
    assert '"restarted":false' in ask(screen, ":since").replace('": ', '":')


def test_who_waits_for_a_server_sees_that(repl: StartRepl, redis82: Server) -> None:
    screen = repl(redis82, columns=100)
    redis82.pause()
    screen.send_line(":since 1h")
    screen.wait_for("Ctrl-C stops")
    screen.send_key("c-c")
    screen.wait_for("stopped")
    redis82.resume()
    screen.wait_until(at_prompt)


def test_a_look_that_the_server_refuses_is_an_error(repl: StartRepl, redis82: Server) -> None:
    redis82.command("ACL", "SETUSER", "ada", "on", "nopass", "~*", "+@all", "-info")
    screen = repl(redis82, "--user", "ada", "--pass", "x", "--no-auth-warning")
    assert "NOPERM" in ask(screen, ":since")
    assert "NOPERM" in ask(screen, ":since 1h")
