"""As whom and how to talk to a server: one frozen value, checked where it is made."""

from __future__ import annotations

import codecs
import math
from dataclasses import dataclass, field
from typing import Literal

__all__ = ["ConnectionOptions", "checked_encoding", "checked_timeout"]

_PRINTABLE = bytes(range(128))


def checked_timeout(name: str, seconds: float | None) -> float | None:
    """Return the limit in seconds, None for no limit; 0 and less are ValueError."""
    if seconds is None:
        return None
    if isinstance(seconds, bool) or not isinstance(seconds, (int, float)):
        raise TypeError(f"{name} must be a number of seconds or None, not {type(seconds).__name__}")
    if not seconds > 0 or math.isinf(seconds):
        raise ValueError(f"{name} must be more than 0 seconds, or None for no limit; got {seconds}")
    return seconds


def checked_encoding(encoding: str | None) -> str | None:
    """Return the encoding's name; ValueError when it is unknown or does not keep ASCII as it is.

    RESP and the names of commands are ASCII, so utf-16, utf-7 and the like cannot work.
    """
    if encoding is None:
        return None
    if not isinstance(encoding, str):
        raise TypeError(f"encoding must be a str or None, not {type(encoding).__name__}")
    try:
        codecs.lookup(encoding)
        keeps_ascii = _PRINTABLE.decode(encoding) == _PRINTABLE.decode("ascii")
    except (LookupError, UnicodeError, ValueError):
        raise ValueError(f"unknown or unsuitable encoding {encoding!r}; try utf-8 or latin-1") from None
    if not keeps_ascii:
        raise ValueError(f"encoding {encoding!r} does not keep ASCII, so no command could be sent with it")
    return encoding


def _checked_name(option: str, name: str | None) -> None:
    """Refuse what a server's list of clients, one line each, could not show."""
    if name is None:
        return
    if not isinstance(name, str):
        raise TypeError(f"{option} must be str or None, not {type(name).__name__}")
    if not name or not all("!" <= character <= "~" for character in name):
        raise ValueError(f"{option} must be printable ASCII without blanks, got {name!r}")


@dataclass(frozen=True, slots=True)
class ConnectionOptions:
    """The options of one connection; ``repr`` never shows the password.

    ``decoder`` is ``"fast"`` (hiredis, plain values) or ``"typed"`` (replies keep their wire type and stay
    bytes). ``protocol`` 3 falls back to 2 on a server that does not know HELLO. Timeouts are in seconds, None
    for no limit. ``max_bulk`` is the largest string in bytes that a server may announce. The server's lists of
    clients show ``client_name``, and ``lib_name`` with the version of this library; None sends neither. A
    connection that was idle for ``health_check_interval`` seconds is asked with PING before it is used.
    """

    database: int = 0
    password: str | bytes | None = field(default=None, repr=False)
    username: str | None = None
    encoding: str | None = None
    conn_timeout: float | None = 2
    read_timeout: float | None = 2
    protocol: Literal[2, 3] = 2
    decoder: Literal["fast", "typed"] = "fast"
    max_bulk: int = 512 * 1024 * 1024
    client_name: str | None = None
    lib_name: str | None = "pyredis"
    health_check_interval: float | None = None

    def __post_init__(self) -> None:
        if isinstance(self.database, bool) or not isinstance(self.database, int):
            raise TypeError(f"database must be an int, not {type(self.database).__name__}")
        if self.database < 0:
            raise ValueError(f"database must be 0 or more, got {self.database}")
        if self.protocol not in (2, 3):
            raise ValueError(f"protocol must be 2 or 3, got {self.protocol!r}")
        if self.decoder not in ("fast", "typed"):
            raise ValueError(f"decoder must be 'fast' or 'typed', got {self.decoder!r}")
        if not isinstance(self.password, (str, bytes, type(None))):
            raise TypeError(f"password must be str, bytes or None, not {type(self.password).__name__}")
        if not isinstance(self.username, (str, type(None))):
            raise TypeError(f"username must be str or None, not {type(self.username).__name__}")
        if self.max_bulk < 1:
            raise ValueError(f"max_bulk must be at least 1 byte, got {self.max_bulk}")
        checked_encoding(self.encoding)
        checked_timeout("conn_timeout", self.conn_timeout)
        checked_timeout("read_timeout", self.read_timeout)
        checked_timeout("health_check_interval", self.health_check_interval)
        for option in ("client_name", "lib_name"):
            _checked_name(option, getattr(self, option))
