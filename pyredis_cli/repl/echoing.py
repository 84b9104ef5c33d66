"""A command as it is shown before its reply when several run: on one line, without secrets."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from pyredis_cli.core.lines import LineError, order
from pyredis_cli.render.line import as_typed
from pyredis_cli.repl.history import secret_words

if TYPE_CHECKING:
    from pyredis.commands.spec import Table

__all__ = ["echoed"]

_SHOWN: Final = 1_000
"""So many characters of a command are shown."""


def echoed(text: str, encoding: str, table: Table) -> str:
    """Return the line for a command; empty for one that cannot be read: it may hold a secret."""
    try:
        asked = order(text, encoding)
    except LineError:
        return ""
    shown = as_typed(asked.argv, encoding, secret_words(list(asked.argv), table))
    shown = f"{asked.times} {shown}" if asked.times != 1 else shown
    return shown if len(shown) <= _SHOWN else f"{shown[:_SHOWN]}..."
