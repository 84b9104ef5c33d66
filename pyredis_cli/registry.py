"""The names of the program's own tools, and where each one lives.

A row is a string of the form that entry points use; nothing is imported before it is named. No tool bears the
first word of a Redis command, so that every command works without ``exec`` in front.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from importlib import import_module
from typing import NamedTuple, TypeAlias, cast

from pyredis_cli.settings import Settings
from pyredis_cli.streams import Streams

__all__ = ["REPL", "TOOLS", "Repl", "Row", "Tool", "load", "load_repl", "load_tool"]

Tool: TypeAlias = Callable[[Settings, Streams, Sequence[str]], int]
"""Is given the words after its name; returns the exit code."""

Repl: TypeAlias = Callable[[Settings, Streams], int]


class Row(NamedTuple):
    """Where something lives, ``"module:attribute"``, and what it is for."""

    where: str
    summary: str


TOOLS: dict[str, Row] = {
    "exec": Row("pyredis_cli.tools.exec:run", "run one command, or the commands on standard input"),
    "hint": Row("pyredis_cli.tools.hint:run", "print what is still to be typed of a line"),
}

REPL = Row("pyredis_cli.repl.loop:run", "type commands and see replies")


def load(row: Row) -> object:
    """Return what the row names, imported now."""
    module, _, attribute = row.where.partition(":")
    loaded: object = getattr(import_module(module), attribute)
    return loaded


def load_tool(name: str) -> Tool:
    """Return the tool of that name; KeyError when there is none."""
    return cast("Tool", load(TOOLS[name]))


def load_repl() -> Repl:
    return cast("Repl", load(REPL))
