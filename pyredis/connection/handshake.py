"""What is said before a connection is handed out: HELLO or AUTH, then SELECT.

A generator that yields one argv after the other, is sent the reply to each, and returns the protocol agreed
on. It does no I/O and needs nothing that a restricted user may lack: SELECT 0 and the like are never sent.
"""

from __future__ import annotations

from collections.abc import Generator
from typing import TypeAlias

from pyredis.exceptions import NoAuth, NoPerm, NoProto, ProtocolError, ReplyError
from pyredis.options import ConnectionOptions
from pyredis.types import Reply

__all__ = ["Handshake", "handshake"]

Handshake: TypeAlias = Generator[tuple[bytes, ...], Reply, int]


def handshake(options: ConnectionOptions) -> Handshake:
    """Yield the commands that bring a new connection to where ``options`` wants it; return 2 or 3.

    Raises the ReplyError of a refused AUTH or SELECT. A server or a user without HELLO is served in RESP2.
    """
    credentials = _credentials(options)
    greeted = options.protocol == 3 and (yield from _hello(credentials))
    if credentials and not greeted:
        yield from _expect_ok(b"AUTH", *credentials)
    if options.database:
        yield from _expect_ok(b"SELECT", b"%d" % options.database)
    return 3 if greeted else 2


def _credentials(options: ConnectionOptions) -> tuple[bytes, ...]:
    """Return the arguments of AUTH: none, a password, or a user and a password (empty for nopass users)."""
    if options.username is not None:
        return (_bytes(options.username), _bytes(options.password or b""))
    return () if options.password is None else (_bytes(options.password),)


def _bytes(value: str | bytes) -> bytes:
    return value if isinstance(value, bytes) else value.encode("utf-8", "surrogateescape")


def _hello(credentials: tuple[bytes, ...]) -> Generator[tuple[bytes, ...], Reply, bool]:
    """Return whether the server speaks RESP3 with us now; the credentials are accepted then, too."""
    # 7.0 refuses HELLO before AUTH when a password is set, so AUTH rides inside HELLO.
    user = (b"default",) if len(credentials) == 1 else ()
    auth = (b"AUTH", *user, *credentials) if credentials else ()
    reply = yield (b"HELLO", b"3", *auth)
    if not isinstance(reply, ReplyError):
        return True
    if not _does_without_hello(reply, authenticating=bool(credentials)):
        reply.command = "HELLO"
        raise reply
    return False


def _does_without_hello(error: ReplyError, *, authenticating: bool) -> bool:
    """Whether the connection can go on in RESP2: HELLO is unknown, not allowed, or wants a password first.

    The text of an unknown command is never raised: it repeats the arguments, the password among them.
    """
    if isinstance(error, NoAuth):
        return not authenticating
    return isinstance(error, (NoPerm, NoProto)) or "unknown command" in error.message.lower()


def _expect_ok(name: bytes, *args: bytes) -> Generator[tuple[bytes, ...], Reply, None]:
    reply = yield (name, *args)
    if isinstance(reply, ReplyError):
        reply.command = name.decode("ascii")
        raise reply
    if reply not in (b"OK", "OK"):
        raise ProtocolError(f"the server answered {name.decode('ascii')} with something else than OK")
