"""Completion of command names: from the text before the cursor to the words that fit."""

from __future__ import annotations

import pytest

from pyredis_cli.complete import Candidate, candidates


class Few:
    """A table of a few names."""

    def names(self) -> list[str]:
        return ["GET", "GETDEL", "GETEX", "SET", "CONFIG", "CONFIG GET", "CONFIG SET", "CONFIG RESETSTAT"]


def words(text: str, own: tuple[str, ...] = ()) -> list[str]:
    return [candidate.word for candidate in candidates(text, Few(), own)]


def test_a_prefix_offers_the_commands_that_begin_with_it() -> None:
    assert words("GET") == ["GET", "GETDEL", "GETEX"]
    assert words("x") == []


@pytest.mark.parametrize(
    ("typed", "offered"),
    [
        ("getd", "getdel"),
        ("GETD", "GETDEL"),
        ("GetD", "GETDEL"),
        ("config r", "resetstat"),
        ("CONFIG R", "RESETSTAT"),
    ],
)
def test_a_name_is_offered_in_the_case_the_person_types(typed: str, offered: str) -> None:
    assert words(typed) == [offered]


def test_after_a_container_its_subcommands_are_offered_in_the_case_of_the_container() -> None:
    assert words("config ") == ["get", "resetstat", "set"]
    assert words("CONFIG  ") == ["GET", "RESETSTAT", "SET"]


def test_subcommands_are_not_offered_as_first_words() -> None:
    assert words("conf") == ["config"]


def test_a_finished_word_offers_nothing_that_is_not_longer() -> None:
    assert words("config") == []
    assert words("config resetstat") == []


@pytest.mark.parametrize("text", ["get ", "get k", "config get ", "config get max", "nosuch "])
def test_where_an_argument_is_due_nothing_is_offered(text: str) -> None:
    assert words(text) == []


def test_only_the_word_before_the_cursor_is_replaced() -> None:
    assert candidates("  config re", Few()) == [Candidate("resetstat", 2)]


def test_a_repeat_count_stands_before_the_name() -> None:
    assert words("5 getd") == ["getdel"]
    assert words("5") == []


def test_help_takes_the_name_of_a_command() -> None:
    assert words("help getd") == ["getdel"]
    assert words("? config res") == ["resetstat"]


def test_the_words_of_the_repl_are_offered_first_only() -> None:
    assert words("qu", ("quit",)) == ["quit"]
    assert words("help qu", ("quit",)) == []


def test_the_last_of_several_lines_is_completed() -> None:
    assert words("GET k\nconfig g") == ["get"]


def test_a_name_from_a_server_that_could_not_be_typed_is_not_offered() -> None:
    class Hostile:
        def names(self) -> list[str]:
            return ["EVIL\x1b[2J", "EVIL\u202e", "EVIL.OK"]

    assert [candidate.word for candidate in candidates("ev", Hostile())] == ["evil.ok"]


def test_every_name_of_the_built_in_table_can_be_completed() -> None:
    from pyredis.commands.spec import TABLE

    for name in TABLE.names():
        head, _, last = name.rpartition(" ")
        start = f"{head} {last[:-1]}" if head else last[:-1]
        assert last in [candidate.word for candidate in candidates(start, TABLE)], name
