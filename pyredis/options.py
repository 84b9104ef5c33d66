"""As whom and how to talk to a server: one frozen value, checked where it is made."""

from __future__ import annotations

import codecs

from pyredis.records import dataclass, field

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Literal

__all__ = [
    "ConnectionOptions",
    "TlsOptions",
    "checked_encoding",
    "checked_timeout",
    "checked_tls",
    "replica_choice",
]

_PRINTABLE = bytes(range(128))


def checked_timeout(name: str, seconds: float | None) -> float | None:
    """Return the limit in seconds, None for no limit; 0 and less are ValueError."""
    if seconds is None:
        return None
    if isinstance(seconds, bool) or not isinstance(seconds, (int, float)):
        raise TypeError(f"{name} must be a number of seconds or None, not {type(seconds).__name__}")
    if not 0 < seconds < float("inf"):
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


def replica_choice(replica_ok: bool, slave_ok: bool | None) -> bool:
    """Return whether replicas may be read from: ``slave_ok`` is another spelling of ``replica_ok``."""
    if slave_ok is not None and replica_ok and not slave_ok:
        raise ValueError("replica_ok and slave_ok mean the same and say different things; leave out slave_ok")
    return bool(replica_ok or slave_ok)


def _checked_name(option: str, name: str | None) -> None:
    """Refuse what a server's list of clients, one line each, could not show."""
    if name is None:
        return
    if not isinstance(name, str):
        raise TypeError(f"{option} must be str or None, not {type(name).__name__}")
    if not name or not all("!" <= character <= "~" for character in name):
        raise ValueError(f"{option} must be printable ASCII without blanks, got {name!r}")


@dataclass(frozen=True, slots=True)
class TlsOptions:
    """Whom to trust over TLS, and what to show; ``repr`` never shows the password of the key.

    ``ca_file`` (PEM) and ``ca_folder`` (as ``openssl rehash`` leaves it) hold the authorities to trust, those of
    the system when neither is given. ``cert_file`` and ``key_file`` (PEM; one file may hold both) are shown to a
    server that asks for a client certificate. ``server_name`` is the name asked for and verified, the host when
    None; over a unix socket there is no host, so it must be given. ``verify_hostname=False`` checks the chain
    alone: whoever has any certificate of those authorities can be in between. ``verify=False`` checks nothing:
    whoever is in between can then read and change everything. ``ciphers`` are those up to TLS 1.2, in OpenSSL's
    words; ``ciphersuites`` those of TLS 1.3, which Python's ssl can choose from 3.15 on.
    """

    ca_file: str | None = None
    ca_folder: str | None = None
    cert_file: str | None = None
    key_file: str | None = None
    key_password: str | bytes | None = field(default=None, repr=False)
    server_name: str | None = None
    verify: bool = True
    verify_hostname: bool = True
    ciphers: str | None = None
    ciphersuites: str | None = None

    def __post_init__(self) -> None:
        for option in _TEXTS:
            _check_filled(option, getattr(self, option))
        for option in ("verify", "verify_hostname"):
            if not isinstance(getattr(self, option), bool):
                raise TypeError(f"{option} must be True or False, not {type(getattr(self, option)).__name__}")
        if not isinstance(self.key_password, (str, bytes, type(None))):
            raise TypeError(
                f"key_password must be str, bytes or None, not {type(self.key_password).__name__}"
            )
        if self.cert_file is None and self.key_file is not None:
            raise ValueError("key_file without cert_file; give the certificate that belongs to the key")
        if self.cert_file is None and self.key_password is not None:
            raise ValueError("key_password without cert_file; give the certificate and the key it opens")
        if self.server_name is not None:
            _check_server_name(self.server_name)


_TEXTS = ("ca_file", "ca_folder", "cert_file", "key_file", "server_name", "ciphers", "ciphersuites")


def _check_init(init: object) -> None:
    if not isinstance(init, tuple) or not all(isinstance(argv, tuple) and argv for argv in init):
        raise TypeError("init must be a tuple of commands, each a tuple of bytes")
    if not all(isinstance(word, bytes) for argv in init for word in argv):
        raise TypeError("init must hold commands as bytes")


def checked_tls(tls: TlsOptions | bool | None) -> TlsOptions | None:
    """Return the options to encrypt with, None for no encryption; True stands for the options' defaults."""
    if tls is None or isinstance(tls, TlsOptions):
        return tls
    if not isinstance(tls, bool):
        raise TypeError(f"tls must be TlsOptions, True, False or None, not {type(tls).__name__}")
    return TlsOptions() if tls else None


def _check_filled(option: str, text: str | None) -> None:
    if not isinstance(text, (str, type(None))):
        raise TypeError(f"{option} must be a str or None, not {type(text).__name__}")
    if text is not None and (not text or "\0" in text):
        raise ValueError(f"{option} is {'empty' if not text else 'no name: it holds a zero byte'}")


def _check_server_name(name: str) -> None:
    """Refuse what no handshake could ask for."""
    try:
        name.encode("idna")
    except UnicodeError:
        raise ValueError(f"server_name {name!r} is no host name") from None


@dataclass(frozen=True, slots=True)
class ConnectionOptions:
    """The options of one connection; ``repr`` never shows the password.

    ``decoder`` is ``"fast"`` (hiredis, plain values) or ``"typed"`` (replies keep their wire type and stay
    bytes). ``protocol`` 3 falls back to 2 on a server that does not know HELLO. Timeouts are in seconds, None
    for no limit. ``max_bulk`` is the largest string in bytes that a server may announce. The server's lists of
    clients show ``client_name``, and ``lib_name`` with the version of this library; None sends neither. A
    connection that was idle for ``health_check_interval`` seconds is asked with PING before it is used. With
    ``tls`` everything is encrypted, and nothing is said before the server's certificate is verified. ``family``
    4 or 6 is the version of IP to use where a host has addresses of both, 0 takes whichever answers first.
    ``init`` are commands, as bytes, that are run before the connection is used for anything else; an error of one
    is an error of opening it. They must leave it in the database, as the user and in the protocol of the options.
    With ``read_only`` a command that is not known to change nothing is ReadOnlyRefused, and not sent.
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
    tls: TlsOptions | None = None
    family: Literal[0, 4, 6] = 0
    read_only: bool = False
    init: tuple[tuple[bytes, ...], ...] = field(default=(), repr=False)

    def __post_init__(self) -> None:
        if not isinstance(self.read_only, bool):
            raise TypeError(f"read_only must be True or False, not {type(self.read_only).__name__}")
        if isinstance(self.database, bool) or not isinstance(self.database, int):
            raise TypeError(f"database must be an int, not {type(self.database).__name__}")
        if self.database < 0:
            raise ValueError(f"database must be 0 or more, got {self.database}")
        if self.protocol not in (2, 3):
            raise ValueError(f"protocol must be 2 or 3, got {self.protocol!r}")
        if self.family not in (0, 4, 6):
            raise ValueError(f"family must be 4, 6 or 0 for both, got {self.family!r}")
        if self.decoder not in ("fast", "typed"):
            raise ValueError(f"decoder must be 'fast' or 'typed', got {self.decoder!r}")
        if not isinstance(self.password, (str, bytes, type(None))):
            raise TypeError(f"password must be str, bytes or None, not {type(self.password).__name__}")
        if not isinstance(self.username, (str, type(None))):
            raise TypeError(f"username must be str or None, not {type(self.username).__name__}")
        if not isinstance(self.tls, (TlsOptions, type(None))):
            raise TypeError(f"tls must be TlsOptions or None, not {type(self.tls).__name__}")
        if self.max_bulk < 1:
            raise ValueError(f"max_bulk must be at least 1 byte, got {self.max_bulk}")
        _check_init(self.init)
        checked_encoding(self.encoding)
        checked_timeout("conn_timeout", self.conn_timeout)
        checked_timeout("read_timeout", self.read_timeout)
        checked_timeout("health_check_interval", self.health_check_interval)
        for option in ("client_name", "lib_name"):
            _checked_name(option, getattr(self, option))
