"""How a command is written, from its facts."""

from __future__ import annotations

import pytest

from pyredis.commands.spec import TABLE, Spec, find
from pyredis_cli.complete import syntax


@pytest.mark.parametrize(
    "line",
    [
        "GET key",
        "MSET key value [key value ...]",
        "ZADD key [NX | XX] [GT | LT] [CH] [INCR] score member [score member ...]",
        "SORT key [BY pattern] [LIMIT offset count] [GET pattern [GET pattern ...]] [ASC | DESC] [ALPHA] "
        "[STORE destination]",
        "HELLO [protover [AUTH username password] [SETNAME clientname]]",
        "CONFIG SET parameter value [parameter value ...]",
        'MIGRATE host port <key | ""> destination-db timeout [COPY] [REPLACE] '
        "[AUTH password | AUTH2 username password] [KEYS key [key ...]]",
    ],
)
def test_a_command_is_written_as_its_grammar_says(line: str) -> None:
    spec = find(line.split())
    assert spec is not None
    assert syntax(spec) == line


def test_brackets_are_balanced_for_every_command() -> None:
    for spec in TABLE.specs():
        line = syntax(spec)
        assert line.startswith(spec.name)
        assert line.count("[") == line.count("]"), line
        assert "None" not in line, line


def test_a_command_that_only_a_server_told_of_is_its_name() -> None:
    assert syntax(Spec("MODULE.CMD")) == "MODULE.CMD"
