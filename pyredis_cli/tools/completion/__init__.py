"""``completion``: the completion script of a shell, and the answers that the scripts ask for at a TAB.

An answer is made before anything is settled, never asks a person and never fails: who presses TAB is not done
typing, so there is nothing to complain of.
"""

from __future__ import annotations

import os
import sys

from pyredis_cli.complete.command_line import Offer, place
from pyredis_cli.complete.shell_line import shell_line
from pyredis_cli.complete.shells import LINE, SCRIPTS, answer
from pyredis_cli.exits import Exit
from pyredis_cli.flags import UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from pyredis.commands.spec import Table
    from pyredis_cli.complete.command_line import Place
    from pyredis_cli.given import Given
    from pyredis_cli.streams import Streams

__all__ = ["answer_shell", "run"]

_LIVE = "PYREDISCLI_COMPLETE_LIVE"


def run(_given: Given, _environ: Mapping[str, str], streams: Streams, words: Sequence[str]) -> int:
    """Print the script of the shell; return the exit code."""
    from pyredis_cli.parsing import parse_tool

    arguments = parse_tool("completion", words)
    if len(arguments.words) != 1 or arguments.words[0] not in SCRIPTS:
        raise UsageError(f"completion takes the name of a shell: {', '.join(SCRIPTS)}")
    streams.write(SCRIPTS[arguments.words[0]].encode())
    return Exit.OK


def answer_shell(shell: str, environ: Mapping[str, str]) -> int:
    """Print what may stand at the cursor of the line in the environment; return the exit code, which is 0."""
    try:
        told = answer(_place(shell, environ), shell, environ)
        with open(sys.stdout.fileno(), "wb", closefd=False) as stdout:
            stdout.write(told)
    except BaseException:
        if environ.get("PYREDISCLI_DEBUG"):
            raise
    return Exit.OK


def _place(shell: str, environ: Mapping[str, str]) -> Place:
    from pyredis_cli.registry import TOOLS

    line = shell_line(environ.get(LINE, ""), shell, environ)
    tools = {name: row.summary for name, row in TOOLS.items()}
    found = place(line, tools, _table, lambda: _profiles(environ))
    if not line.partial.known:
        return found._replace(offers=())
    if found.asked is None or environ.get(_LIVE, "0") in ("", "0"):
        return found
    from pyredis_cli.tools.completion.live import names

    live = [Offer(os.fsdecode(name)) for name in names(found.asked, environ)]
    return found._replace(offers=(*found.offers, *live))


def _profiles(environ: Mapping[str, str]) -> Sequence[str]:
    from pyredis_cli.config.profiles import names

    return names(environ)


def _table() -> Table:
    from pyredis.commands.spec import TABLE

    return TABLE
