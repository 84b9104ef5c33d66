"""The guard at the prompt: what it says before it asks, what counts as a yes, and what is never asked about."""

from __future__ import annotations

import re

import pytest

from tests.repl.conftest import StartRepl, at_prompt
from tests.servers import Server
from tests.terminal import Terminal

QUESTION = "Go on? [y/N]"


def asked(terminal: Terminal, line: str, question: str = QUESTION) -> None:
    """Type a line and wait until the person is asked."""
    terminal.send_line(line)
    terminal.wait_until(lambda screen: screen.line.startswith(question), what=f"the question after {line}")


def answered(terminal: Terminal, *keys: str) -> str:
    """Answer the question; return what was printed since it was asked."""
    before = terminal.text.count(QUESTION)
    for key in keys:
        terminal.send_key(key) if key.startswith("c-") or key == "enter" else terminal.send(key)
    terminal.wait_until(
        lambda screen: at_prompt(screen) and screen.text.count(QUESTION) == before, what="the prompt"
    )
    return terminal.text.rpartition(QUESTION)[2]


def fill(server: Server, number: int = 3) -> None:
    server.command("EVAL", f"for i = 1, {number} do redis.call('SET', 'k' .. i, i) end", 0)


def test_flushall_is_told_with_numbers_and_sent_after_a_yes(repl: StartRepl, server: Server) -> None:
    fill(server)
    screen = repl(server)
    asked(screen, "FLUSHALL")
    said = " ".join(screen.text.split())
    assert re.search(
        r"FLUSHALL deletes every key of every database: 3 keys in 1 database, "
        r"\d.*; last save .* ago, \d+ changes? since",
        said,
    )
    assert server.command("DBSIZE") == 3
    assert "OK" in answered(screen, "y", "enter")
    assert server.command("DBSIZE") == 0


@pytest.mark.parametrize("keys", [("enter",), ("n", "enter"), ("c-c",), ("c-d",), ("x", "y", "enter")])
def test_all_else_is_a_no(repl: StartRepl, redis82: Server, keys: tuple[str, ...]) -> None:
    fill(redis82)
    screen = repl(redis82)
    asked(screen, "FLUSHALL")
    assert "not sent" in answered(screen, *keys)
    assert redis82.command("DBSIZE") == 3
