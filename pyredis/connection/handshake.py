"""What is said before a connection is handed out: HELLO or AUTH, SELECT, what else was asked for; and who calls.

The handshake is a generator that yields one argv after the other, is sent the reply to each, and returns the
protocol agreed on. It does no I/O and needs nothing that a restricted user may lack: SELECT 0 and the like are
never sent. Names are no part of it but of the introduction, whose refusal changes nothing.
"""

from __future__ import annotations

from pyredis.exceptions import NoAuth, NoPerm, NoProto, ProtocolError, ReplyError, reply_error
from pyredis.records import cast
from pyredis.types import Attributed, Map

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Generator, Iterable
    from typing import TypeAlias

    from pyredis.options import ConnectionOptions
    from pyredis.types import Reply

    Handshake: TypeAlias = Generator[tuple[bytes, ...], Reply, int]

__all__ = ["Handshake", "greeting", "handshake", "introduction", "protocol_of"]


def handshake(options: ConnectionOptions) -> Handshake:
    """Yield the commands that bring a new connection to where ``options`` wants it; return 2 or 3.

    Raises the ReplyError of a refused AUTH, SELECT or command of ``init``, and ReadOnlyRefused for one that must
    not be sent. A server or a user without HELLO is served in RESP2.
    """
    credentials = _credentials(options)
    agreed = (yield from _hello(credentials)) if options.protocol == 3 else None
    if credentials and agreed is None:
        yield from _expect_ok(b"AUTH", *credentials)
    if options.database:
        yield from _expect_ok(b"SELECT", b"%d" % options.database)
    for argv in options.init:
        yield from _initial(argv, read_only=options.read_only)
    return agreed or 2


def introduction(options: ConnectionOptions) -> tuple[tuple[bytes, ...], ...]:
    """Return the commands that tell the server who is calling, for its lists of clients; maybe none.

    Whatever is replied to them is to be read and dropped: servers before 7.2 do not know CLIENT SETINFO, a
    restricted user may not say CLIENT, and neither is a reason to do without the connection.
    """
    told: list[tuple[bytes, ...]] = []
    if options.client_name is not None:
        told.append((b"CLIENT", b"SETNAME", _bytes(options.client_name)))
    if options.lib_name is not None:
        from pyredis.version import __version__

        told.append((b"CLIENT", b"SETINFO", b"LIB-NAME", _bytes(options.lib_name)))
        told.append((b"CLIENT", b"SETINFO", b"LIB-VER", _bytes(__version__)))
    return tuple(told)


def _credentials(options: ConnectionOptions) -> tuple[bytes, ...]:
    """Return the arguments of AUTH: none, a password, or a user and a password (empty for nopass users)."""
    if options.username is not None:
        return (_bytes(options.username), _bytes(options.password or b""))
    return () if options.password is None else (_bytes(options.password),)


def _bytes(value: str | bytes) -> bytes:
    return value if isinstance(value, bytes) else value.encode("utf-8", "surrogateescape")


def _hello(credentials: tuple[bytes, ...]) -> Generator[tuple[bytes, ...], Reply, int | None]:
    """Return the protocol that HELLO agreed on, the credentials being accepted then; None without HELLO."""
    # 7.0 refuses HELLO before AUTH when a password is set, so AUTH rides inside HELLO.
    user = (b"default",) if len(credentials) == 1 else ()
    auth = (b"AUTH", *user, *credentials) if credentials else ()
    reply = yield (b"HELLO", b"3", *auth)
    if isinstance(reply, ReplyError):
        if _does_without_hello(reply, authenticating=bool(credentials)):
            return None
        raise _refusal(reply, "HELLO")
    agreed = protocol_of(reply)
    if agreed is None:
        raise ProtocolError("the server answered HELLO without telling the protocol")
    return agreed


def protocol_of(reply: Reply) -> int | None:
    """Return what a HELLO reply says about ``proto``; None when nothing."""
    protocol = greeting(reply).get("proto")
    return protocol if isinstance(protocol, int) else None


def greeting(reply: Reply) -> dict[str, Reply]:
    """Return what a HELLO reply, a map in any of its forms, tells by name; empty when it is none."""
    if isinstance(reply, Attributed):
        reply = reply.reply
    pairs: Iterable[tuple[object, object]] = ()
    if isinstance(reply, dict):
        pairs = reply.items()
    elif isinstance(reply, Map):
        pairs = reply
    elif isinstance(reply, list):
        flat = cast("list[Reply]", reply)
        pairs = zip(flat[::2], flat[1::2], strict=False)
    return {_text(field): cast("Reply", value) for field, value in pairs if isinstance(field, (bytes, str))}


def _text(field: bytes | str) -> str:
    return field if isinstance(field, str) else field.decode("utf-8", "surrogateescape")


def _does_without_hello(error: ReplyError, *, authenticating: bool) -> bool:
    """Whether the connection can go on in RESP2: HELLO is unknown, not allowed, or wants a password first."""
    if isinstance(error, NoAuth):
        return not authenticating
    return isinstance(error, (NoPerm, NoProto)) or "unknown command" in error.message.lower()


def _expect_ok(name: bytes, *args: bytes) -> Generator[tuple[bytes, ...], Reply, None]:
    reply = yield (name, *args)
    if isinstance(reply, ReplyError):
        raise _refusal(reply, name.decode("ascii"))
    if reply not in (b"OK", "OK"):
        raise ProtocolError(f"the server answered {name.decode('ascii')} with something else than OK")


def _initial(argv: tuple[bytes, ...], *, read_only: bool) -> Generator[tuple[bytes, ...], Reply, None]:
    if read_only:
        from pyredis.commands.reading import reading

        argv = tuple(reading(argv))
    reply = yield argv
    if isinstance(reply, ReplyError):
        from pyredis.commands.spec import find

        spec = find(argv)
        name = spec.name if spec is not None else argv[0].decode("utf-8", "replace")
        raise _refusal(reply, f"{name} of init")


def _refusal(error: ReplyError, command: str) -> ReplyError:
    """Return the server's refusal without the arguments, a password among them, that it may repeat."""
    return reply_error(error.message.partition(", with args")[0], command)
