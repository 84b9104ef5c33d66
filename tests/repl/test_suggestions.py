"""What is suggested from the history, how it is taken, and that it costs no key anything."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path

import pytest
from prompt_toolkit.buffer import Buffer
from prompt_toolkit.document import Document

from pyredis.commands.spec import Table
from pyredis_cli.repl.insight import Insight
from pyredis_cli.repl.suggesting import HistorySuggest
from tests.repl.conftest import StartRepl, ask
from tests.servers import Server
from tests.terminal import Terminal

TABLE = Table()


def suggest(lines: Sequence[str]) -> HistorySuggest:
    return HistorySuggest(lambda: lines, Insight(lambda: TABLE, "utf-8"), lambda: True)


async def found(suggester: HistorySuggest, text: str) -> str | None:
    buffer = Buffer(document=Document(text))
    suggestion = await suggester.get_suggestion_async(buffer, buffer.document)
    return suggestion.text if suggestion else None


async def test_the_newest_line_that_goes_on_is_suggested() -> None:
    suggester = suggest(["GET", "GET b", "GET a", "SET x 1"])
    assert [await found(suggester, text) for text in ("G", "GE", "GET", "GET a", "SE")] == [
        "ET",
        "T",
        " b",
        None,
        "T x 1",
    ]


async def test_a_line_that_grows_shrinks_or_is_another_finds_as_if_it_were_the_first() -> None:
    lines = [f"{name} {number}" for number in range(30) for name in ("GET", "SET", "GETEX")]
    suggester = suggest(lines)
    for text in ("G", "GET", "GETE", "GETEX 2", "GETEX 29", "GETEX", "S", "SET 1", "GET", "x", "xy", "G"):
        assert await found(suggester, text) == await found(suggest(lines), text), text


async def test_a_line_that_was_added_is_found_at_once() -> None:
    lines = ["GET a"]
    suggester = suggest(lines)
    assert await found(suggester, "GET ") == "a"
    lines.insert(0, "GET b")
    assert await found(suggester, "GET ") == "b"


@pytest.mark.parametrize(
    "line", ["AUTH ***", "AUTH hunter2", "HELLO 3 AUTH *** ***", "CONFIG SET requirepass x"]
)
async def test_a_line_with_a_secret_is_never_suggested(line: str) -> None:
    suggester = suggest([line])
    for end in range(1, len(line)):
        assert await found(suggester, line[:end]) is None


@pytest.mark.parametrize("text", ["", " G", "GET a\nG", "SET k 'a\nG"])
async def test_what_has_no_line_of_its_own_in_the_history_gets_no_suggestion(text: str) -> None:
    assert await found(suggest(["GET b", " GET b", f"{text}X"]), text) is None


async def test_a_line_that_would_fill_the_screen_is_not_suggested() -> None:
    assert await found(suggest(["SET k " + "v" * 5_000, "SET k v"]), "SET") == " k v"


async def test_a_hundred_thousand_lines_hold_no_key_up() -> None:
    suggester = suggest([f"SET key:{number} value" for number in range(100_000)])
    buffer = Buffer(document=Document("SET key:x"))
    durations = []
    for _ in range(30):
        started = time.thread_time()
        suggester.get_suggestion(buffer, buffer.document)
        durations.append(time.thread_time() - started)
    assert sorted(durations)[15] < 0.005
    assert await found(suggester, "SET key:99999") == " value"


# -- on a terminal


def until_suggested(screen: Terminal, typed: str, rest: str) -> None:
    screen.wait_until(
        lambda terminal: (
            terminal.before_cursor.endswith(f"> {typed}") and terminal.line.endswith(f"> {typed}{rest}")
        ),
        what=f"{rest!r} behind {typed!r}",
    )


@pytest.mark.parametrize("key", ["right", "end", "c-e", "c-f"])
def test_a_suggestion_is_grey_and_taken_whole(repl: StartRepl, redis82: Server, key: str) -> None:
    screen = repl(redis82)
    ask(screen, "SET key value")
    screen.send("SE")
    until_suggested(screen, "SE", "T key value")
    column, row = screen.cursor
    assert screen.cell(column, row).fg == "brightblack"
    screen.send_key(key)
    screen.wait_until(lambda terminal: terminal.before_cursor.endswith("> SET key value"))
    screen.send_key("enter")
    screen.wait_until(lambda terminal: terminal.text.count("OK") == 2)


def test_alt_f_takes_a_word(repl: StartRepl, redis82: Server) -> None:
    screen = repl(redis82)
    ask(screen, "SET key value")
    screen.send("SE")
    until_suggested(screen, "SE", "T key value")
    screen.send_key("m-f")
    until_suggested(screen, "SET ", "key value")
    screen.send_key("m-f")
    until_suggested(screen, "SET key ", "value")


def test_the_hint_shows_where_nothing_is_suggested(repl: StartRepl, redis82: Server) -> None:
    screen = repl(redis82)
    ask(screen, "GET first")
    screen.send("GET ")
    until_suggested(screen, "GET ", "first")
    screen.send("x")
    until_suggested(screen, "GET x", "")
    screen.send_key("backspace")
    until_suggested(screen, "GET ", "key")


def test_an_entered_line_is_what_was_typed(repl: StartRepl, redis82: Server) -> None:
    screen = repl(redis82)
    ask(screen, "PING hello")
    screen.send("PING")
    until_suggested(screen, "PING", " hello")
    screen.send_key("enter")
    screen.wait_for("> PING\nPONG")


def test_suggestions_can_be_turned_off(repl: StartRepl, redis82: Server) -> None:
    screen = repl(redis82)
    ask(screen, "GET first")
    assert "suggestions off" in ask(screen, ":set suggestions off")
    screen.send("GET ")
    until_suggested(screen, "GET ", "key")


def test_suggestions_come_from_a_long_history(repl: StartRepl, redis82: Server, tmp_path: Path) -> None:
    file = tmp_path / "history"
    file.write_text("".join(f"SET key:{number:06} value\n" for number in range(100_000)))
    screen = repl(redis82, env={"REDISCLI_HISTFILE": str(file)})
    screen.send("SET key:000042")
    until_suggested(screen, "SET key:000042", " value")
