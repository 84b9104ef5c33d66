"""Functions that there are none of."""

from __future__ import annotations

import pytest

from pyredis.commands.spec import TABLE
from pyredis.types import Map, Reply
from pyredis_cli.render.look import Look
from pyredis_cli.render.present import present


@pytest.mark.parametrize("engines", [[], Map()], ids=["RESP2", "RESP3"])
def test_a_server_without_engines_says_so(engines: Reply) -> None:
    assert _lines("FUNCTION STATS", Map([(b"running_script", None), (b"engines", engines)])) == [
        "running_script none",
        "",
        "engines none",
    ]


def test_a_library_without_functions_is_a_heading() -> None:
    library: Reply = Map([(b"library_name", b"shop"), (b"engine", b"LUA"), (b"functions", [])])
    assert _lines("FUNCTION LIST", [library]) == [
        "1 library",
        "",
        "library_name shop  engine LUA",
        "  functions none",
    ]


def _lines(command: str, reply: Reply) -> list[str]:
    argv = command.encode().split(b" ")
    parts = present(argv, TABLE.find(argv), reply, Look()).parts
    return b"".join(part for part, _ in parts).decode().splitlines()
