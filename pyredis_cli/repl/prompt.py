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
    from pyredis_cli.settings import Profile

__all__ = ["STYLE", "State", "prompt"]

STYLE = {
    "prompt.profile": "bold",
    "prompt.production": "ansired bold",
    "prompt.address": "",
    "prompt.database": "ansicyan",
    "prompt.user": "ansimagenta",
    "prompt.mode": "ansiyellow bold",
    "prompt.role": "ansiblue",
    "prompt.lost": "ansired",
    "prompt.readonly": "ansigreen bold",
}


_SHADES = {"white": "gray", "bright-white": "white"}
"""What prompt_toolkit calls these."""
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


def prompt(state: State, *, profile: Profile | None = None, monitoring: bool = False) -> StyleAndTextTuples:
    """Return the prompt as redis-cli writes it, ``127.0.0.1:6379[2](TX)> ``, a user other than default first.

    The name of a profile stands before all that, and production is called so: ``prod 10.0.0.1:6379(PROD)> ``.
    Nothing is claimed of a connection that is not there: ``not connected> ``, with the reason when it is known.
    ``monitoring``: lines of MONITOR come, on a connection beside the session's.
    """
    mode = "(monitor)" if monitoring else ""
    read_only = ("class:prompt.readonly", "(read-only)" if state.read_only else "")
    if not state.connected:
        fragments = [
            _name(profile),
            ("class:prompt.lost", _absence(state)),
            ("class:prompt.production", _mark(profile)),
            read_only,
            ("class:prompt.mode", mode),
            ("", "> "),
        ]
    else:
        fragments = [
            _name(profile),
            ("class:prompt.address", "redis " if isinstance(state.address, UnixAddress) else ""),
            ("class:prompt.user", _user(state.username)),
            ("class:prompt.address", _where(state.address)),
            ("class:prompt.database", f"[{state.database}]" if state.database else ""),
            ("class:prompt.production", _mark(profile)),
            ("class:prompt.role", "(replica)" if state.role == "replica" else ""),
            read_only,
            ("class:prompt.lost", "(not authenticated)" if state.unauthenticated else ""),
            ("class:prompt.mode", _mode(state) + mode),
            ("", "> "),
        ]
    return [(style, text) for style, text in fragments if text]


def _name(profile: Profile | None) -> tuple[str, str]:
    """Return the name of the profile in its colour; one of production is red where nothing else is said."""
    if profile is None:
        return "", ""
    color = profile.color or ("red" if profile.production else "")
    style = f" ansi{_SHADES.get(color) or color.replace('-', '')}" if color else ""
    return f"class:prompt.profile{style}", f"{printable(profile.name)} "


def _mark(profile: Profile | None) -> str:
    return "(PROD)" if profile is not None and profile.production else ""


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
