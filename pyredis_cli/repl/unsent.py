"""``|`` and ``>`` behind a word of our own, which sends nothing anywhere: why such a line is not done.

Where the word carries a command, the grammar of that command decides, as it does without the word: what the
command could take is an argument. Pure.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pyredis_cli.complete.outlets import bare_mark, outlet
from pyredis_cli.registry import META, TOOLS
from pyredis_cli.repl.history import command_place
from pyredis_cli.splitting import scan

if TYPE_CHECKING:
    from pyredis.commands.spec import Table

__all__ = ["objection"]


def objection(line: str, encoding: str, table: Table) -> str:
    """Return why a line that begins with a word of our own is not done; empty when it may be."""
    if "|" not in line and ">" not in line:
        return ""
    words = scan(line, encoding)
    name = words[0].value.decode("utf-8", "replace").lower()
    row = META.get(name)
    place = command_place([word.value for word in words])
    if row is not None and row.carries == "command" and place < len(words):
        sends = outlet(line[words[place].start :], table, encoding)
        mark = sends.mark if sends is not None else None
    else:
        mark = bare_mark(line, encoding)
    return f"{mark} is for replies of commands: {_mend(name)}" if mark else ""


def _mend(name: str) -> str:
    kept = ":transcript FILE keeps what is shown"
    tool = name.removeprefix(":")
    return f"in your shell pyredis-cli {tool} ... can be piped, or {kept}" if tool in TOOLS else kept
