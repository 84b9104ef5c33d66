"""What is told of a line while it is typed, and that nothing is told of secrets."""

from __future__ import annotations

import time

import pytest
from prompt_toolkit.document import Document

from pyredis.commands.spec import Table
from pyredis_cli.repl.insight import Insight
from pyredis_cli.repl.lexer import CommandLexer


def insight(table: Table | None = None) -> Insight:
    known = table or Table()
    return Insight(lambda: known, "utf-8")


def roles(line: str) -> dict[str, str]:
    return {line[span.start : span.end]: span.role for span in insight().spans(line)}


def mistaken(line: str) -> str | None:
    blot = insight().blot(line)
    return line[blot.start : blot.end] if blot else None


def test_words_have_roles_and_mistakes_have_reasons() -> None:
    assert roles("5 SET k v EX 10") == {
        "5": "count",
        "SET": "command",
        "k": "key",
        "v": "string",
        "EX": "token",
        "10": "integer",
    }
    assert mistaken("SET k v EX ten") == "ten"
    assert insight().hint("SET k v EX ") == "seconds [NX|XX] [GET]"


def test_the_last_of_several_lines_is_hinted() -> None:
    assert insight().hint("SET k v\nGET ") == "key"


@pytest.mark.parametrize(
    ("line", "secret"),
    [
        ("AUTH hunter2", "hunter2"),
        ("AUTH ada hunter2 surplus", "surplus"),
        ("AUTHH 5", "5"),
        ("HELLO 3 AUTH ada hunter2", "hunter2"),
        ("CONFIG SET requirepass hunter2", "hunter2"),
        ("CONFIG SET requirepas hunter2", "hunter2"),
        ("ACL SETUSER ada >hunter2", ">hunter2"),
        ("help AUTH hunter2", "hunter2"),
        ("5 AUTH hunter2", "hunter2"),
        ("AUTH 'hunter2", "'hunter2"),
        ("MIGRATE h 1 k 0 5 AUTH hunter2", "hunter2"),
        ("connect redis://ada:hunter2@h", "redis://ada:hunter2@h"),
    ],
)
def test_of_a_secret_nothing_is_told(line: str, secret: str) -> None:
    assert secret not in roles(line)
    assert mistaken(line) != secret
    assert insight().hint(line) == ""


def test_what_surrounds_a_secret_is_told() -> None:
    assert roles("HELLO 3 AUTH ada hunter2 SETNAME me")["SETNAME"] == "token"
    assert insight().hint("HELLO 3 AUTH ada hunter2 ") == "[SETNAME clientname]"
    assert mistaken("HELLO 3 AUTH ada hunter2 NOSUCH ") == "NOSUCH"


def test_a_line_of_thousands_of_words_does_not_slow_the_keys() -> None:
    line = "CONFIG SET " + "requirepas x " * 100_000
    started = time.process_time()
    known = insight()
    assert (known.hint(line), known.spans(line), known.blot(line)) == ("", (), None)
    assert time.process_time() - started < 1


def test_what_a_server_says_is_escaped_and_names_no_style() -> None:
    table = Table()
    table.learn([[b"m.x", -2, [], 0, 0, 0], [b"client", -2, [], 0, 0, 0, [], [], [],
                 [[b"client|\x1b[2J", 2, [], 0, 0, 0]]]])  # fmt: skip
    table.learn_docs({"m.x": {"arguments": [{"name": "a", "type": "fg:red blink nosuch"}]}})
    known = insight(table)
    assert known.hint("CLIENT ").isprintable()
    fragments = CommandLexer(known).lex_document(Document("M.X word"))(0)
    assert [style for style, *_ in fragments if style] == ["class:word.command"]


def test_a_script_is_told_of_by_its_parts() -> None:
    assert roles("EVAL 'return 1' 0") == {
        "EVAL": "command",
        "return": "lua-keyword",
        "1": "lua-number",
        "0": "integer",
    }
    assert roles('SCRIPT LOAD "return \\"a\\"') == {
        "SCRIPT": "command",
        "LOAD": "command",
        "return": "lua-keyword",
        '\\"a\\"': "lua-string",
    }
    assert roles("FUNCTION LOAD REPLACE '#!lua name=l")["#!lua name=l"] == "lua-comment"
    assert roles("EVALSHA 'return 1' 0")["'return 1'"] == "string"
    assert roles("SET k 'return 1'")["'return 1'"] == "string"


def test_a_long_script_is_coloured_too() -> None:
    line = "EVAL '" + "local x = redis.call([[GET]], KEYS[1])\n" * 200 + "' 0"
    assert {"lua-keyword", "lua-given", "lua-string", "integer"} <= {
        span.role for span in insight().spans(line)
    }


def test_of_several_commands_the_last_is_told_of() -> None:
    assert insight().hint("SET k 'a\nGET ") == ""
    assert insight().hint("SET k 'a\nb' EX ") == "seconds [NX|XX] [GET]"
    assert mistaken("EXPIRE k soon\nGET k") is None


# -- the lexer


def styled(text: str, line: int = 0) -> list[tuple[str, str]]:
    fragments = CommandLexer(insight()).lex_document(Document(text))(line)
    return [(style.removeprefix("class:"), part) for style, part, *_ in fragments if part]


def test_a_line_is_cut_into_coloured_words_and_stays_whole() -> None:
    assert styled("  SET k  v EX 5 ") == [
        ("", "  "),
        ("word.command", "SET"),
        ("", " "),
        ("word.key", "k"),
        ("", "  "),
        ("", "v"),
        ("", " "),
        ("word.token", "EX"),
        ("", " "),
        ("word.number", "5"),
        ("", " "),
    ]


def test_the_mistake_is_underlined_whatever_the_word_is() -> None:
    assert styled("EXPIRE k soon")[-1] == ("mistake", "soon")
    assert styled("CLIENT NOSUCH x")[2:] == [("mistake", "NOSUCH"), ("", " x")]


def test_each_line_of_a_paste_is_a_command() -> None:
    assert styled("GET a\nSET b 1", 1)[0] == ("word.command", "SET")
    assert styled("GET a\n", 1) == []
    assert styled("GET a", 7) == []


def test_a_command_of_several_lines_is_coloured_as_one() -> None:
    text = "GET a\nEVAL 'return\n  redis.call(\"GET\", KEYS[1])' 1 k EX"
    assert styled(text, 1) == [("word.command", "EVAL"), ("", " '"), ("lua.keyword", "return")]
    assert [part for part in styled(text, 2) if part[0]] == [
        ("lua.given", "redis.call"),
        ("lua.string", '"GET"'),
        ("lua.given", "KEYS"),
        ("lua.number", "1"),
        ("word.number", "1"),
        ("word.key", "k"),
    ]


def test_a_server_that_told_more_changes_the_colours() -> None:
    table = Table()
    lexer = CommandLexer(insight(table))
    before = lexer.invalidation_hash()
    table.learn([[b"novel", -2, [], 1, 1, 1]])
    assert lexer.invalidation_hash() != before
