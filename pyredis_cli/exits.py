"""How the program ends: exit codes, which of them an error means, and the line that is said about it.

The codes are API. It knows the error tree and the flags that mend things; it writes nothing.
"""

from __future__ import annotations

from enum import IntEnum

from pyredis.address import Address
from pyredis.exceptions import (
    MANY_CLIENTS,
    ClusterError,
    NoAuth,
    PoolExhausted,
    ProtocolError,
    PyRedisConnClosed,
    PyRedisConnError,
    PyRedisConnReadTimeout,
    PyRedisError,
    PyRedisURLError,
    ReadOnlyRefused,
    ReplyError,
)

__all__ = ["TLS_FLAGS", "Exit", "exit_for", "explain", "in_read_only"]


class Exit(IntEnum):
    """The exit codes; those above 128 are 128 and the number of the signal, as shells count."""

    OK = 0
    REPLY = 1  # the server replied with an error
    USAGE = 2  # flags, URL, quoting: nothing was sent
    CONNECTION = 3  # cannot connect, the connection is lost, or the peer does not speak RESP
    REFUSED = 4  # authentication, permission or SELECT failed where it must not go on
    TIMEOUT = 5  # no reply within --read-timeout
    GUARD = 6  # refused by the guard or by read-only mode
    PARTIAL = 7  # done in part; the command ran and its reply could not be written
    INTERNAL = 70  # a bug in the program
    HANGUP = 129
    INTERRUPT = 130
    BROKEN_PIPE = 141
    TERMINATED = 143


def exit_for(error: PyRedisError, *, at_connect: bool = False) -> Exit:
    """Return the exit code that an error means."""
    match error:
        case NoAuth():
            return Exit.REFUSED
        case ReplyError() if MANY_CLIENTS in error.message:
            return Exit.CONNECTION
        case ReplyError():
            return Exit.REFUSED if at_connect else Exit.REPLY
        case ReadOnlyRefused():
            return Exit.GUARD
        case PyRedisURLError():
            return Exit.USAGE
        case PyRedisConnReadTimeout():
            return Exit.TIMEOUT
        case PyRedisConnError() | ProtocolError() | PoolExhausted() | ClusterError():
            return Exit.CONNECTION
    return Exit.USAGE  # refused before anything was sent, such as SYNC


def in_read_only(reason: str) -> str:
    """Return what a read-only session says of what it does not do, with the mend."""
    return f"read-only session: {reason}; start again without --read-only or read_only"


_CHECK_PASSWORD = (
    "check --user and the password: --askpass, --pass or REDISCLI_AUTH; "
    "settings show --origin tells which it was"
)
_MENDS = {
    "AUTH": _CHECK_PASSWORD,
    "HELLO": _CHECK_PASSWORD,
    "SELECT": "choose another database with -n",
}
TLS_FLAGS = {
    "ca_file": "--cacert",
    "ca_folder": "--cacertdir",
    "cert_file": "--cert",
    "ciphers": "--tls-ciphers",
    "ciphersuites": "--tls-ciphersuites",
    "key_file": "--key",
    "key_password": "the passphrase",
    "server_name": "--sni",
    "tls": "--tls or rediss://",
    "verify": "--insecure",
    "verify_hostname": "--no-verify-hostname",
}
"""What the options of TLS are called here, which are the library's in its errors."""

_ALERT = "at byte 0 of the stream: no item that may stand here begins with 0x15"
"""What is said of an alert of TLS, where a reply should stand."""

_LOG_IN = "AUTH [user] password logs in"
_TYPED = {"AUTH": _LOG_IN, "HELLO": _LOG_IN, "SELECT": "SELECT chooses another database"}


def explain(
    error: PyRedisError, address: Address, *, at_connect: bool = False, interactive: bool = False
) -> str:
    """Return one line that says what went wrong, where, and the mend when there is one.

    An ``interactive`` person mends it by a command, everybody else by flags.
    """
    return _in_one_line(_explained(error, address, at_connect=at_connect, interactive=interactive))


def _in_one_line(text: str) -> str:
    """Return the text without line ends: an error of RESP3 may have them, and its reader counts lines."""
    return " ".join(text.splitlines()) if "\n" in text or "\r" in text else text


def _explained(error: PyRedisError, address: Address, *, at_connect: bool, interactive: bool) -> str:
    match error:
        case ReplyError() if MANY_CLIENTS in error.message:
            return f"{error.server or address} takes no more connections: (error) {error.message}; nothing was run"
        case ReplyError() if at_connect:
            refused = (
                "you without a password" if isinstance(error, NoAuth) else error.command or "the connection"
            )
            mends = _TYPED if interactive else _MENDS
            mend = mends.get("AUTH" if isinstance(error, NoAuth) else error.command or "", "nothing was run")
            return f"{error.server or address} refused {refused}: (error) {error.message.rstrip('.')}; {mend}"
        case ReplyError():
            return f"(error) {error.message}"
        case ReadOnlyRefused():
            return f"(refused) {in_read_only(error.reason)}"
        case ProtocolError() if _ALERT in str(error):
            return f"{address} does not speak RESP, but TLS; give --tls, or a URL that begins with rediss://"
        case ProtocolError():
            return f"{address} does not speak RESP: {error}; is that a Redis or Valkey server?"
        case PyRedisConnClosed(unheard=True):
            return f"{error}; is that a Redis or Valkey server, and does it want {TLS_FLAGS['tls']}?"
        case PyRedisConnError():
            return error.told(TLS_FLAGS)
    return str(error)
