"""The prompt: which server, database and user the next command meets, and in which state.

Pure: from a session's state to formatted text. It knows no terminal and draws nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from pyredis.address import UnixAddress
from pyredis_cli.render.escape import printable

if TYPE_CHECKING:
    from prompt_toolkit.formatted_text import StyleAndTextTuples

    from pyredis.address import Address

__all__ = ["STYLE", "State", "prompt"]

STYLE = {
    "prompt.address": "",
    "prompt.database": "ansicyan",
    "prompt.user": "ansimagenta",
    "prompt.mode": "ansiyellow bold",
    "prompt.role": "ansiblue",
    "prompt.lost": "ansired",
    "prompt.readonly": "ansigreen bold",
}


_LONGEST = 40  # characters of an address


class State(Protocol):
    """What a prompt tells of a session."""

    @property
    def connected(self) -> bool: ...
    @property
    def address(self) -> Address: ...
    @property
    def database(self) -> int: ...
    @property
    def username(self) -> str | None: ...
    @property
    def role(self) -> str: ...
    @property
    def in_transaction(self) -> bool: ...
    @property
    def watching(self) -> bool: ...
    @property
    def silenced(self) -> bool: ...
    @property
    def subscribed(self) -> bool: ...
    @property
    def unauthenticated(self) -> bool: ...
    @property
    def busy(self) -> bool: ...
    @property
    def read_only(self) -> bool: ...


def prompt(state: State, *, monitoring: bool = False) -> StyleAndTextTuples:
    """Return the prompt as redis-cli writes it, ``127.0.0.1:6379[2](TX)> ``, a user other than default first.

    Nothing is claimed of a connection that is not there: ``not connected> ``, with the reason when it is known.
    ``monitoring``: lines of MONITOR come, on a connection beside the session's.
    """
    mode = "(monitor)" if monitoring else ""
    read_only = ("class:prompt.readonly", "(read-only)" if state.read_only else "")
    if not state.connected:
        fragments = [
            ("class:prompt.lost", _absence(state)),
            read_only,
            ("class:prompt.mode", mode),
            ("", "> "),
        ]
    else:
        fragments = [
            ("class:prompt.address", "redis " if isinstance(state.address, UnixAddress) else ""),
            ("class:prompt.user", _user(state.username)),
            ("class:prompt.address", _where(state.address)),
            ("class:prompt.database", f"[{state.database}]" if state.database else ""),
            ("class:prompt.role", "(replica)" if state.role == "replica" else ""),
            read_only,
            ("class:prompt.lost", "(not authenticated)" if state.unauthenticated else ""),
            ("class:prompt.mode", _mode(state) + mode),
            ("", "> "),
        ]
    return [(style, text) for style, text in fragments if text]


def _where(address: Address) -> str:
    """Return where the server is; of a long path the end, for a line has to fit beside it."""
    where = printable(str(address))
    return where if len(where) <= _LONGEST else f"…{where[1 - _LONGEST :]}"


def _absence(state: State) -> str:
    if state.unauthenticated:
        return "not authenticated"
    return "not connected (server busy)" if state.busy else "not connected"


def _user(username: str | None) -> str:
    return f"{printable(username)}@" if username not in (None, "", "default") else ""


def _mode(state: State) -> str:
    modes = (
        (state.in_transaction, "(TX)"),
        (state.watching and not state.in_transaction, "(watching)"),
        (state.subscribed, "(subscribed)"),
        (state.silenced, "(replies off)"),
    )
    return "".join(text for on, text in modes if on)
