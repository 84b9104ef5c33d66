"""What is still to be typed: a table of command lines, and the notation of the servers' manuals for the rest."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Final

import pytest

from pyredis.commands.grammar import Walk, grammar
from pyredis.commands.spec import find

TABLE: Final = Path(__file__).with_name("hints.txt")


def rows() -> list[tuple[str, str]]:
    """Return the command lines of the table and their hints."""
    lines = TABLE.read_text(encoding="utf-8").splitlines()
    parts = [line.partition("->") for line in lines if line and not line.startswith("#")]
    assert all(before.endswith(" ") and arrow for before, arrow, _ in parts), "a finished word, an arrow"
    return [(before, after.strip()) for before, _, after in parts]


def walked(line: str) -> Walk:
    argv = [word.encode() for word in shlex.split(line)]
    spec = find(argv)
    assert spec is not None, line
    return grammar(spec).walk(argv[len(spec.name.split()) :])


@pytest.mark.parametrize(("line", "hint"), rows(), ids=[line.strip() for line, _ in rows()])
def test_what_is_still_to_be_typed_behind(line: str, hint: str) -> None:
    assert walked(line).hint == hint


def test_no_line_is_in_the_table_twice() -> None:
    lines = [line for line, _ in rows()]
    assert sorted(lines) == sorted(set(lines))
