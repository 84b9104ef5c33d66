"""Replies for people in the REPL: tables, what is in values, colours, and each of it switched off."""

from __future__ import annotations

import gzip
import re

from tests.repl.conftest import StartRepl, ask
from tests.servers import Server
from tests.terminal import Terminal

DOCUMENT = b'{"user": {"id": 7, "name": "Ada Lovelace"}, "rights": ["read", "write"]}'
LINES = '{\n  "user": {"id": 7, "name": "Ada Lovelace"},\n  "rights": ["read", "write"]\n}\n'


def color_of(screen: Terminal, words: str) -> str:
    row = next(row for row, line in reversed(list(enumerate(screen.display))) if words in line)
    return screen.cell(screen.display[row].index(words), row).fg


def test_what_is_in_a_value_is_shown_and_the_value_is_one_step_away(repl: StartRepl, server: Server) -> None:
    server.command("SET", "k", DOCUMENT)
    packed = gzip.compress(DOCUMENT, mtime=0)
    server.command("SET", "z", packed)
    screen = repl(server)
    ask(screen, ":set timing off")
    mend = "; :set decode off shows it as it is)"
    assert ask(screen, "GET k") == f"{LINES}(json; {len(DOCUMENT)} bytes{mend}"
    assert ask(screen, "GET z") == f"{LINES}(gzip, json; {len(packed)} bytes{mend}"
    assert ask(screen, ":set decode off") == "decode off"
    assert ask(screen, "GET k").startswith('"{\\"user\\": {')
    ask(screen, ":set decode base64")
    assert ask(screen, "GET k").replace("\n", "").endswith('}"  not base64')


def test_a_table_is_laid_out_for_the_width_that_there_is_now(repl: StartRepl, redis82: Server) -> None:
    redis82.command("HSET", "h", "field", "x" * 70)
    screen = repl(redis82)
    ask(screen, ":set timing off")
    assert ask(screen, "HGETALL h") == f'1) "field"  "{"x" * 70}"'
    screen.resize(60, 24)
    assert ask(screen, "HGETALL h") == f'1) "field"  "{"x" * 47}\n            {"x" * 23}"'


def test_the_theme_changes_with_the_background(repl: StartRepl, redis82: Server) -> None:
    screen = repl(redis82)
    ask(screen, ":set timing off")
    assert (ask(screen, "DBSIZE"), color_of(screen, "(integer)")) == ("(integer) 0", "cyan")
    ask(screen, ":set theme light")
    assert (ask(screen, "DBSIZE"), color_of(screen, "(integer)")) == ("(integer) 0", "blue")


def test_a_view_is_redis_clis_text_when_that_is_asked_for(repl: StartRepl, server: Server) -> None:
    server.command("SET", "k", "v", "EX", "1000")
    screen = repl(server)
    ask(screen, ":set timing off")
    assert "min" in ask(screen, "TTL k")
    ask(screen, ":format redis")
    assert ask(screen, "TTL k").startswith("(integer) ")
    assert "min" not in ask(screen, "TTL k")
    assert "name=" in ask(screen, "CLIENT LIST")


def test_times_are_shown_as_timing_says(repl: StartRepl, redis82: Server) -> None:
    screen = repl(redis82)
    assert ask(screen, ":timing on") == "timing 0"
    assert re.fullmatch(r"PONG\n\(\d+\.\d+s\)", ask(screen, "PING", timed=True))
    for line in (":timing 3600000", ":timing off"):
        assert ask(screen, line) == line[1:]
        assert ask(screen, "PING", timed=True) == "PONG"
    assert ask(screen, ":timing on off").startswith("usage: :timing")
