"""Every error this library raises, as one tree.

    PyRedisError
    |- PyRedisURLError              the URL cannot mean anything (also a ValueError)
    |- PoolExhausted                pool_size leases are out
    |- StatefulCommand              a pool was asked to change a connection's state (also a ValueError)
    |- ReadOnlyRefused              a read-only connection sends no write; .command and .reason (also a ValueError)
    |- PyRedisConnError             the network; .address, .sent and .told()
    |  |- PyRedisConnReadTimeout      a reply did not come in time; .seconds and .command
    |  |- PyRedisTlsError             no encryption, or nobody who can be trusted
    |  '- PyRedisConnClosed           the connection is closed
    |- ProtocolError                the peer broke RESP; its connection is dead
    |- ClusterError                 slot uncovered, too many redirects, keys in different slots
    |  '- PartialFailure               some nodes did it and some did not; .replies and .failed
    '- ReplyError                   the server said no; .code, .message and .command
       |- MovedError, AskError        .slot and .address
       '- one class for each code that a caller acts on

Misuse (a wrong type, an impossible option) is TypeError or ValueError. No message carries a password or a
value of a key; ``ReplyError`` carries the server's own words.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Self

__all__ = [
    "REPLY_ERRORS",
    "AskError",
    "Busy",
    "ClusterDown",
    "ClusterError",
    "CrossSlot",
    "ExecAbort",
    "Loading",
    "MasterDown",
    "MovedError",
    "NoAuth",
    "NoPerm",
    "NoProto",
    "NoScript",
    "OutOfMemory",
    "PartialFailure",
    "PoolExhausted",
    "ProtocolError",
    "PyRedisConnClosed",
    "PyRedisConnError",
    "PyRedisConnReadTimeout",
    "PyRedisError",
    "PyRedisTlsError",
    "PyRedisURLError",
    "ReadOnly",
    "ReadOnlyRefused",
    "ReplyError",
    "StatefulCommand",
    "TryAgain",
    "WrongPass",
    "WrongType",
    "may_pass",
    "reply_error",
]


class PyRedisError(Exception):
    """The root of every error of this library."""


class PyRedisURLError(PyRedisError, ValueError):
    """A URL that cannot be understood; the message masks the password."""


class PoolExhausted(PyRedisError):
    """All connections of the pool are leased."""


class StatefulCommand(PyRedisError, ValueError):
    """The command changes the state of its connection, which a pool would hand to somebody else."""


class ReadOnlyRefused(PyRedisError, ValueError):
    """A read-only connection does not send a command that is not known to change nothing.

    ``command`` is its name and ``reason`` says why, without the rest of the message; nothing of it was sent.
    """

    sent = False

    def __init__(self, reason: str, command: str | None = None) -> None:
        super().__init__(reason)
        self.reason = reason
        self.command = command

    def __str__(self) -> str:
        return f"the connection is read-only: {self.reason}; nothing was sent"


_TLS_OPTIONS: Mapping[str, str] = {
    "ca_file": "ca_file",
    "ca_folder": "ca_folder",
    "cert_file": "cert_file",
    "ciphers": "ciphers",
    "ciphersuites": "ciphersuites",
    "key_file": "key_file",
    "key_password": "key_password",
    "server_name": "server_name",
    "verify": "verify=False",
    "verify_hostname": "verify_hostname=False",
    "tls": "TLS",
}


class PyRedisConnError(PyRedisError):
    """The network failed: refused, unreachable, timed out or broken.

    ``address`` is the server's, as ``host:port`` or the path of its socket. ``sent`` tells what became of the
    command: False, it was provably never written; True, all of it was handed to the operating system; None,
    unknown. ``causes`` are the errors of several servers that the message goes through.
    """

    causes: tuple[PyRedisError, ...] = ()

    def __init__(self, message: str, *, address: str | None = None, sent: bool | None = False) -> None:
        super().__init__(message)
        self.address = address
        self.sent = sent
        self._template = ""
        self._facts: Mapping[str, str] = {}

    @classmethod
    def of(cls, template: str, *, address: str | None = None, **facts: str) -> Self:
        """Return the error whose message is the template, the facts and the names of options in their places."""
        error = cls(template.format_map({**_TLS_OPTIONS, **facts}), address=address)
        error._template, error._facts = template, facts
        return error

    def told(self, names: Mapping[str, str]) -> str:
        """Return the message with other names for the options of ``TlsOptions``, those of flags for example."""
        message = self._template.format_map({**_TLS_OPTIONS, **names, **self._facts}) or str(self)
        for cause in self.causes:
            if isinstance(cause, PyRedisConnError):
                message = message.replace(str(cause), cause.told(names))
        return message


class PyRedisConnReadTimeout(PyRedisConnError):
    """A reply did not come within ``seconds``; the connection is closed, the command's fate unknown."""

    def __init__(
        self,
        message: str,
        *,
        address: str | None = None,
        sent: bool | None = True,
        seconds: float | None = None,
        command: str | None = None,
    ) -> None:
        super().__init__(message, address=address, sent=sent)
        self.seconds = seconds
        self.command = command


class PyRedisTlsError(PyRedisConnError):
    """There is no encrypted connection: the server cannot be trusted, does not trust us, or a file is none."""


class PyRedisConnClosed(PyRedisConnError):
    """The connection was closed, by the server, by the network or by us.

    ``unheard`` is whether the server had not said a word: it may be no Redis, or want TLS.
    """

    unheard = False


class ProtocolError(PyRedisError):
    """The peer sent bytes that are not RESP, or more than the limits allow."""


class ClusterError(PyRedisError):
    """The cluster cannot serve the command as it was asked."""


class PartialFailure(ClusterError):
    """Some of the nodes that a command went to did not do it.

    ``replies`` holds what became of it at each, by ``host:port``: a reply, or the error.
    """

    def __init__(self, message: str, replies: Mapping[str, object]) -> None:
        super().__init__(message)
        self.replies = replies

    @property
    def failed(self) -> dict[str, PyRedisError]:
        """The errors alone."""
        return {node: reply for node, reply in self.replies.items() if isinstance(reply, PyRedisError)}


class ReplyError(PyRedisError):
    """The server's error reply.

    ``message`` is the whole line as the server sent it, bytes outside UTF-8 kept by surrogateescape; ``code``
    is its first word when that is in capitals (``WRONGTYPE``), else empty; ``command`` is the name of the
    command that was refused, when known. ``server`` is who said so while a connection was being opened.
    """

    server: str | None = None

    def __init__(self, message: str, command: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.command = command

    @property
    def code(self) -> str:
        # By hand: to compile a pattern takes longer than to import all of this module.
        word = (self.message.split(maxsplit=1) or [""])[0]
        letters = word.replace("_", "")
        is_code = word.isupper() and letters.isalnum() and word.isascii() and word[0].isalpha()
        return word if is_code and self.message.startswith(word) else ""


class _Redirect(ReplyError):
    """A reply ``CODE slot host:port``; a malformed one leaves ``slot`` at -1 and ``address`` empty."""

    @property
    def slot(self) -> int:
        return self._parts[0]

    @property
    def address(self) -> str:
        """``host:port`` as sent; the host is empty when the server means itself."""
        return self._parts[1]

    @property
    def _parts(self) -> tuple[int, str]:
        import re

        match = re.match(r"[A-Z]+ (\d{1,5}) (\S*:\d{1,5})$", self.message)
        return (int(match[1]), match[2]) if match else (-1, "")


class MovedError(_Redirect):
    """The slot lives on another node for good."""


class AskError(_Redirect):
    """The slot is on its way to another node; ask there, this once."""


class NoAuth(ReplyError):
    """The server wants a password first."""


class WrongPass(ReplyError):
    """User name or password is wrong, or the user is disabled."""


class NoPerm(ReplyError):
    """The user's ACL does not allow the command, the key or the channel."""


class NoProto(ReplyError):
    """The server does not speak the RESP version that HELLO asked for."""


class ReadOnly(ReplyError):
    """A write was sent to a replica."""


class Loading(ReplyError):
    """The server is still loading its data."""


class Busy(ReplyError):
    """A script or function blocks the server."""


class MasterDown(ReplyError):
    """The replica lost its primary and must not serve stale data."""


class OutOfMemory(ReplyError):
    """``maxmemory`` is reached and nothing may be evicted."""


class NoScript(ReplyError):
    """No script has that SHA."""


class ExecAbort(ReplyError):
    """EXEC was refused because a queued command was invalid."""


class WrongType(ReplyError):
    """The key holds another type than the command works on."""


class CrossSlot(ReplyError):
    """The keys of one command live in different slots."""


class ClusterDown(ReplyError):
    """The cluster does not serve the slot now."""


class TryAgain(ReplyError):
    """A multi-key command met a slot that is being migrated."""


_CLASSES: dict[str, type[ReplyError]] = {
    "ASK": AskError,
    "BUSY": Busy,
    "CLUSTERDOWN": ClusterDown,
    "CROSSSLOT": CrossSlot,
    "EXECABORT": ExecAbort,
    "LOADING": Loading,
    "MASTERDOWN": MasterDown,
    "MOVED": MovedError,
    "NOAUTH": NoAuth,
    "NOPERM": NoPerm,
    "NOPROTO": NoProto,
    "NOSCRIPT": NoScript,
    "OOM": OutOfMemory,
    "READONLY": ReadOnly,
    "TRYAGAIN": TryAgain,
    "WRONGPASS": WrongPass,
    "WRONGTYPE": WrongType,
}


REPLY_ERRORS = frozenset([ReplyError, *_CLASSES.values()])
"""Every class that ``reply_error`` makes: a reply is an error when its type is one of these."""


def reply_error(message: str, command: str | None = None) -> ReplyError:
    """Return the error of the class that fits the reply's code."""
    code = message.split(" ", 1)[0]
    return _CLASSES.get(code, ReplyError)(message, command)


MANY_CLIENTS = "max number of clients reached"
"""What every server says, in the place of the first reply, to who is one too many."""

_PASSING = (Busy, ClusterDown, Loading, MasterDown, TryAgain)


def may_pass(error: PyRedisError) -> bool:
    """Whether what kept a connection from being made may be over at the next attempt."""
    if isinstance(error, ReplyError):
        return isinstance(error, _PASSING) or MANY_CLIENTS in error.message
    return isinstance(error, (PyRedisConnError, ProtocolError))
