"""What each word is, and which cannot be right."""

from __future__ import annotations

from pyredis.commands.spec import TABLE, Table
from pyredis_cli.complete.paint import Blot, Span, blot, paint


def test_words_have_the_role_that_the_grammar_gives_them() -> None:
    assert paint("2 set k v ex 5", TABLE) == [
        Span(0, 1, "count"),
        Span(2, 5, "command"),
        Span(6, 7, "key"),
        Span(8, 9, "string"),
        Span(10, 12, "token"),
        Span(13, 14, "integer"),
    ]


def test_a_word_that_may_still_become_right_is_no_mistake_until_the_line_is_finished() -> None:
    assert blot("SET k v E", TABLE, finished=False) is None
    assert blot("SET k v E", TABLE, finished=True) is not None
    assert blot("SET k v EX -", TABLE, finished=False) is None
    assert blot("SET k v EX a", TABLE, finished=False) == Blot(11, 12, "an integer is due: seconds")
    assert blot("CONFIG NOSUCH ", TABLE, finished=False) == Blot(7, 13, "CONFIG has no such subcommand")


def test_a_command_that_the_server_lacks_is_marked_once_it_has_told_which_it_has() -> None:
    table = Table()
    assert blot("GETT k", table, finished=False) is None
    table.learn([[b"get", 2, [b"readonly"], 1, 1, 1]], whole=True)
    told = Blot(0, 4, "the server has no such command")
    assert blot("GETT k", table, finished=False) == told
    assert blot("SADD k", table, finished=False) == told
    assert blot("GETT", table, finished=False) is None
    assert blot("GET k", table, finished=False) is None
    assert blot(":set hints", table, finished=False) is None
    assert blot("help get", table, finished=False, own=("help",)) is None
