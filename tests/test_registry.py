"""The names of tools, held against the facts: no command is hidden by one."""

from __future__ import annotations

import pytest

from pyredis.commands.spec import TABLE
from pyredis_cli.registry import REPL, TOOLS, Row, load, load_tool


def test_no_tool_but_exec_bears_the_first_word_of_a_command() -> None:
    first_words = {name.split()[0].lower() for name in TABLE.names()}

    assert {name for name in TOOLS if name.lower() in first_words} <= {"exec"}


def test_names_are_lower_case_and_told_in_a_line() -> None:
    for name, row in TOOLS.items():
        assert name == name.lower()
        assert row.summary
        assert "\n" not in row.summary


@pytest.mark.parametrize("row", [*TOOLS.values(), REPL], ids=lambda row: row.where)
def test_every_row_names_something_that_can_be_called(row: Row) -> None:
    assert callable(load(row))


def test_a_name_without_a_row_is_a_key_error() -> None:
    with pytest.raises(KeyError):
        load_tool("scan")
