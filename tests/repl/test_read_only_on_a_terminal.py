"""A read-only session at the prompt: it says so, refuses in place, and stays so."""

from __future__ import annotations

from tests.repl.conftest import StartRepl, ask, at_prompt
from tests.servers import Server, wait_until

REFUSED = "(refused) read-only session: {}; start again without --read-only or read_only"


def test_the_prompt_says_it_and_nothing_typed_ends_it(repl: StartRepl, redis82: Server) -> None:
    redis82.command("SET", "k", "v")
    redis82.command("CONFIG", "RESETSTAT")
    where = f"{redis82.host}:{redis82.port}"
    screen = repl(redis82, "--read-only", "-n", "1")
    assert screen.line == f"{where}[1](read-only)>"
    ask(screen, "SELECT 0")
    assert ask(screen, "SET k w") == REFUSED.format("SET is a write command")
    assert ask(screen, "GET k") == '"v"'
    ask(screen, "MULTI")
    assert screen.line == f"{where}(read-only)(TX)>"
    assert ask(screen, "SET k w") == REFUSED.format("SET is a write command")
    assert ask(screen, "GET k") == "QUEUED"
    assert ask(screen, "EXEC") == '1) "v"'
    ask(screen, f"connect {redis82.host} {redis82.port}")
    assert "(read-only)" in screen.line
    ask(screen, f"connect redis://{where}?read_only=no")
    assert ask(screen, "SET k w") == REFUSED.format("SET is a write command")
    assert screen.line == f"{where}(read-only)>"
    assert "cmdstat_set" not in redis82.info("commandstats")


def test_lines_pasted_behind_a_refusal_run(repl: StartRepl, redis82: Server) -> None:
    redis82.command("SET", "k", "v")
    screen = repl(redis82, "--read-only")
    screen.send("\x1b[200~SET k w\nGET k\x1b[201~\r")
    screen.wait_for("Run these 2 commands?")
    screen.send("y")
    screen.wait_until(lambda shown: '"v"' in shown.text and at_prompt(shown))
    assert "SET is a write command" in screen.text
    assert redis82.command("GET", "k") == b"v"


def test_ctrl_c_still_ends_a_wait(repl: StartRepl, redis82: Server) -> None:
    screen = repl(redis82, "--read-only")
    number = ask(screen, "CLIENT ID")
    screen.send_line("XREAD BLOCK 0 STREAMS s $")
    wait_until(lambda: redis82.blocked() == 1)
    screen.send_key("c-c")
    screen.wait_for("stopped: XREAD was unblocked")
    screen.wait_until(at_prompt)
    assert ask(screen, "CLIENT ID") == number
    assert "CLIENT UNBLOCK is not known to be read-only" in ask(screen, "CLIENT UNBLOCK 1")
