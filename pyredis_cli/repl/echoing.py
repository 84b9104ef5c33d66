"""A command as it is shown before its reply when several run: on one line, without secrets."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from pyredis_cli.complete.outlets import outlet
from pyredis_cli.core.lines import LineError, order
from pyredis_cli.render.line import as_typed
from pyredis_cli.repl.history import redacted, secret_words

if TYPE_CHECKING:
    from pyredis.commands.spec import Table

__all__ = ["echoed"]

_SHOWN: Final = 1_000
"""So many characters of a command are shown."""


def echoed(text: str, encoding: str, table: Table, *, typed: bool = False) -> str:
    """Return the line for a command; empty for one that cannot be read: it may hold a secret.

    In a line that was ``typed``, ``|`` and ``>`` may be what they are to a shell.
    """
    if typed and outlet(text, table, encoding) is not None:
        return _cut(redacted(text.lstrip(), encoding, table) or "")
    try:
        asked = order(text, encoding)
    except LineError:
        return ""
    shown = as_typed(asked.argv, encoding, secret_words(list(asked.argv), table))
    shown = f"{asked.times} {shown}" if asked.times != 1 else shown
    return _cut(shown)


def _cut(shown: str) -> str:
    return shown if len(shown) <= _SHOWN else f"{shown[:_SHOWN]}..."
