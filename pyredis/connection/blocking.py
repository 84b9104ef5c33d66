"""A connection for programs that do one thing after the other: it blocks, and needs no event loop.

It shares with the asyncio way all that is decided without waiting: dialing, handshake, encoding, decoding and the
words of its errors. It keeps no account of what is owed: who sends commands in other ways than by ``execute``, or
commands that are answered by no reply or by several, reads their replies himself; and bytes that are sent are not
looked at, on a read-only connection neither. Plain connections use
``_socket``, for to import ``socket`` and its enums takes as long as to connect, ask and answer; TLS needs both.
"""

from __future__ import annotations

from time import monotonic

from pyredis.connection.dialing import Dialing
from pyredis.connection.handshake import greeting, handshake, introduction
from pyredis.exceptions import (
    ProtocolError,
    PyRedisConnClosed,
    PyRedisConnError,
    PyRedisConnReadTimeout,
    PyRedisError,
    ReplyError,
)
from pyredis.resp import INCOMPLETE, make_decoder
from pyredis.resp.encode import pack
from pyredis.types import Push

TYPE_CHECKING = False
if TYPE_CHECKING:
    import _socket
    import _thread
    import ssl
    from collections.abc import Sequence
    from types import TracebackType
    from typing import Final, NoReturn, Self, TypeAlias

    from pyredis.address import Address, TcpAddress
    from pyredis.connection.dialing import Found
    from pyredis.options import ConnectionOptions, TlsOptions
    from pyredis.resp import Decoder
    from pyredis.types import Reply

    _Socket: TypeAlias = _socket.socket | ssl.SSLSocket

__all__ = ["READ_TIMEOUT", "BlockingConnection"]

READ_TIMEOUT: Final = -1.0
"""Stands for the ``read_timeout`` of the connection's options."""

_CHUNK: Final = 64 * 1024
_MOST_ASIDE: Final = 1_000_000  # pushes, of which a server could send any number
_RECORD: Final = 16 * 1024  # the most that goes into one record of TLS


class BlockingConnection:
    """One socket and its decoder; ``with`` closes it.

    Timeouts are in seconds, None for no limit; they limit how long nothing comes, not how long a reply is on its
    way. After an error of the network, of the protocol or of ``execute`` it is closed; a ReplyError, and a timeout
    of ``receive`` or ``reply``, leave it open.
    """

    def __init__(
        self, sock: _Socket, address: Address, options: ConnectionOptions, decoder: Decoder | None = None
    ) -> None:
        self.address = address
        self.options = options
        self.database = options.database
        """As it was opened; who sends SELECT keeps that in mind."""
        self.protocol = 2
        self.greeting: dict[str, Reply] = {}
        """What the server told of itself and of this connection in reply to HELLO."""
        self.name_refused: ReplyError | None = None
        """Why the server does not show ``client_name``."""
        self._sock: _Socket | None = sock
        self._decoder = decoder or make_decoder(options)
        self._aside: list[Reply] = []  # pushes that came before the reply to ``execute``
        self.unread = b""
        """What had come and was not read when the server took no more."""
        self._unheard = True
        self._sent: bool | None = False
        self._ended = False  # in good order, as far as one can tell: not by a refusal of our certificate

    @classmethod
    def open(cls, address: Address, options: ConnectionOptions, *, decoder: Decoder | None = None) -> Self:
        """Return a connection that has shaken hands, within ``conn_timeout`` in all.

        Without a ``decoder`` it has the one that the options name.

        Raises PyRedisConnError when there is nobody to talk to, or nobody who can be trusted, and the ReplyError
        of a refused AUTH or SELECT; the socket is closed then.
        """
        deadline = None if options.conn_timeout is None else monotonic() + options.conn_timeout
        sock: _Socket = _connected(Dialing(address, options.family), options, deadline)
        try:
            if options.tls is not None:
                sock = _encrypted(sock, address, options.tls, deadline)
            connection = cls(sock, address, options, decoder)
            connection._shake_hands(deadline)
        except BaseException as error:
            sock.close()
            if isinstance(error, (PyRedisError, OSError)):
                _fail_to_open(error, address, options)
            raise
        return connection

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close at once; a second time does nothing."""
        sock, self._sock = self._sock, None
        if sock is not None:
            sock.close()

    def fileno(self) -> int:
        """Return the descriptor, to be waited for; look at ``pending`` before."""
        return self._open().fileno()

    def pending(self) -> bool:
        """Return whether something is here that the descriptor will not tell of: read ahead, or decrypted."""
        decrypted = getattr(self._open(), "pending", int)()
        return bool(decrypted or self._decoder.pending or self._aside)

    # -- one command

    def execute(self, argv: Sequence[bytes], *, timeout: float | None = READ_TIMEOUT) -> Reply:
        """Return the reply of a command; raise its ReplyError, or the error of the connection.

        For commands that have one reply; a blocking one needs its ``timeout`` said. What is pushed before the
        reply is kept for ``reply``. None is the reply to a command that ends the connection, as SHUTDOWN does.
        """
        limit = self.options.read_timeout if timeout == READ_TIMEOUT else timeout
        payload = pack(_reading(argv) if self.options.read_only else argv)
        try:
            self._send_all(payload, limit)
            reply = self._answer(limit)
        except TimeoutError:
            self.close()
            raise _late(self.address, limit, argv, self._sent) from None
        except BaseException:
            self.close()
            if self._sent and self._ended and _is_farewell(argv):
                return None
            raise
        if isinstance(reply, ReplyError):
            reply.command = _name(argv)
            raise reply
        return reply

    def _answer(self, limit: float | None) -> Reply:
        """Return the next reply, an error among them; TimeoutError when nothing comes."""
        while type(reply := self._next(limit)) is Push:
            self._aside.append(reply)
            if len(self._aside) > _MOST_ASIDE:
                raise ProtocolError(f"more than {_MOST_ASIDE} pushes before the reply to a command")
        return reply

    # -- bytes and replies, as they come

    def send(self, payload: bytes) -> None:
        """Send all of it; the server may pause for ``read_timeout`` in taking it."""
        limit = self.options.read_timeout
        try:
            self._send_all(payload, limit)
        except TimeoutError:
            self.close()
            raise PyRedisConnReadTimeout(
                f"{self.address} has taken no bytes for {limit:g} seconds; the connection is closed, "
                "what was executed is unknown",
                address=str(self.address),
                sent=None,
                seconds=limit,
            ) from None

    def send_some(self, payload: bytes | memoryview) -> int:
        """Send as much as there is room for now and return how much that was, maybe 0.

        What was not sent is to be sent next, and over TLS it must begin with the same bytes.
        """
        sock = self._limited(0)
        if self.options.tls is not None:
            # Of more than one record some may be gone when OpenSSL says that nothing was sent.
            payload = memoryview(payload)[:_RECORD]
        try:
            return sock.send(payload)
        except OSError as error:
            if _must_wait(error):
                return 0
            self._lose_unread(error)

    def receive(self, timeout: float | None = None, size: int = _CHUNK) -> bytes:
        """Return the next bytes as they came, at most so many, b"" at the end of the stream.

        PyRedisConnReadTimeout when none come in time, with 0 when none are here. What the typed decoder has read
        ahead comes first, if it stands between two replies; the fast one does not give back.
        """
        if self.options.decoder == "typed" and self._decoder.pending:
            return self._decoder.unread()  # type: ignore[attr-defined,no-any-return]
        try:
            chunk = self._receive(timeout, size)
        except TimeoutError:
            raise self._silent(timeout) from None
        self._unheard = self._unheard and not chunk
        return chunk

    def reply(self, timeout: float | None = None) -> Reply:
        """Return the next reply or push; an error reply is returned, too.

        PyRedisConnReadTimeout when nothing comes in time; a later call goes on waiting for it.
        """
        if self._aside:
            return self._aside.pop(0)
        try:
            return self._next(timeout)
        except TimeoutError:
            raise self._silent(timeout) from None

    def replies(self, timeout: float | None = None) -> list[Reply]:
        """Return all replies and pushes that are here, at least one: what ``reply`` returns, for many commands.

        Nothing is read ahead but the beginning of a reply that is not whole.
        """
        found, self._aside = self._aside, []
        if self._decoder.pending:
            found += self._decoder.take(b"")
        try:
            while not found:
                found = self._take(timeout)
        except TimeoutError:
            raise self._silent(timeout) from None
        return found

    def _take(self, limit: float | None) -> list[Reply]:
        """Return the replies that the next bytes make whole; what is broken behind them is told the next time."""
        chunk = self._receive(limit, _CHUNK) if self._decoder.broken is None else b""
        if not chunk and self._decoder.broken is None:
            self._lose(None, self._sent)
        found = self._decoder.take(chunk)
        if not found and self._decoder.broken is not None:
            self.close()
            raise ProtocolError(self._decoder.broken)
        self._unheard = self._unheard and not found
        return found

    def _silent(self, timeout: float | None) -> PyRedisConnReadTimeout:
        return PyRedisConnReadTimeout(
            f"nothing from {self.address} within {timeout:g} seconds",
            address=str(self.address),
            sent=self._sent,
            seconds=timeout,
        )

    # -- the socket

    def _shake_hands(self, deadline: float | None) -> None:
        steps = handshake(self.options)
        reply: Reply = None
        try:
            while True:
                argv = steps.send(reply)
                reply = self._ask(argv, deadline)
                if argv[0] == b"HELLO":
                    self.greeting = greeting(reply)
        except StopIteration as done:
            self.protocol = done.value
        for argv in introduction(self.options):
            reply = self._ask(argv, deadline)
            if argv[1] == b"SETNAME" and isinstance(reply, ReplyError):
                self.name_refused = reply

    def _ask(self, argv: Sequence[bytes], deadline: float | None) -> Reply:
        self._send_all(pack(argv), _left(deadline))
        return self._next(_left(deadline), deadline)

    def _open(self) -> _Socket:
        if self._sock is None:
            raise PyRedisConnClosed(
                f"the connection to {self.address} is closed", address=str(self.address), sent=False
            )
        return self._sock

    def _limited(self, limit: float | None) -> _Socket:
        """Return the socket, which waits for so long from now on."""
        sock = self._open()
        if sock.gettimeout() != limit:
            sock.settimeout(limit)
        return sock

    def _send_all(self, payload: bytes, limit: float | None) -> None:
        """Send all of it; TimeoutError when nothing of it was taken for so long."""
        sock = self._limited(limit)
        self._sent = None
        try:
            rest = memoryview(payload)
            while rest:
                rest = rest[sock.send(rest) :]
        except OSError as error:
            if _must_wait(error):
                raise TimeoutError from None
            self._lose_unread(error)
        self._sent = True

    def _next(self, limit: float | None, deadline: float | None = None) -> Reply:
        """Return the next reply or push; TimeoutError when nothing comes for so long, or the deadline is over."""
        decoder = self._decoder
        try:
            while (reply := decoder.next()) is INCOMPLETE:
                chunk = self._receive(limit if deadline is None else _left(deadline), _CHUNK)
                if not chunk:
                    self._lose(None, self._sent)
                decoder.feed(chunk)
        except ProtocolError:
            self.close()
            raise
        self._unheard = False
        return reply

    def _receive(self, limit: float | None, size: int) -> bytes:
        sock = self._limited(limit)
        try:
            chunk = sock.recv(size)
        except OSError as error:
            if _must_wait(error):
                raise TimeoutError from None
            self._lose(error, self._sent)
        return chunk

    def _lose_unread(self, cause: OSError) -> NoReturn:
        """Close, and say how the connection came to its end: whoever takes no more has said why before."""
        words = ""
        try:
            while chunk := self._limited(0).recv(_CHUNK):
                self.unread += chunk
        except OSError as error:
            cause = cause if _must_wait(error) else error
        try:
            self._decoder.feed(self.unread)
            if isinstance(reply := self._decoder.next(), ReplyError):
                words = f": {reply.message}"
        except ProtocolError:
            pass
        self._lose(cause, None, words)

    @property
    def heard(self) -> bool:
        """Whether the peer has said anything yet."""
        return not self._unheard

    def over(self, words: str = "") -> PyRedisConnError:
        """Close, and return how the connection came to its end: the peer has ended it."""
        try:
            self._lose(None, None, words)
        except PyRedisConnError as error:
            return error

    def _lose(self, cause: OSError | None, sent: bool | None, words: str = "") -> NoReturn:
        """Close, and say how the connection came to its end."""
        self.close()
        how = "closed" if cause is None else "broke"
        closed = PyRedisConnClosed(f"{self.address} {how} the connection{words}")
        closed.unheard = self._unheard
        error: PyRedisConnError = closed
        self._ended = cause is None
        if self._unheard and self.options.tls is not None:
            # In TLS 1.3 a server tells only after the handshake that it refuses our certificate.
            from pyredis.connection.failures import unopened

            error.__cause__ = cause
            error = unopened(error, self.address, self.options, error) or error
        error.address, error.sent = str(self.address), sent
        raise error from cause


def _connected(dialing: Dialing, options: ConnectionOptions, deadline: float | None) -> _socket.socket:
    """Return a socket to the address; PyRedisConnError when nobody has answered in time."""
    try:
        if (address := dialing.unresolved) is not None:
            dialing.resolve(_found(address, deadline))
        steps = dialing.steps()
        try:
            while True:
                socks, seconds = next(steps)
                _wait(socks, seconds, deadline)
        except StopIteration as done:
            sock: _socket.socket = done.value
            return sock
        finally:
            steps.close()
    except TimeoutError:
        raise dialing.unanswered(options.conn_timeout) from None


def _found(address: TcpAddress, deadline: float | None) -> Found | Exception:
    """Return the addresses of a name, or why there are none; TimeoutError when that is not known by then.

    Nothing interrupts getaddrinfo, neither a signal nor a clock, so a thread is left to wait for it.
    """
    import _thread

    answered = _thread.allocate_lock()
    answered.acquire()
    found: list[Found | Exception] = []
    _thread.start_new_thread(_look_up, (address, found, answered))
    left = _left(deadline)
    if not answered.acquire(timeout=-1 if left is None else left):
        raise TimeoutError
    return found[0]


def _look_up(address: TcpAddress, found: list[Found | Exception], answered: _thread.LockType) -> None:
    import _socket

    # As bytes: of a str the codec for names outside ASCII would be made, to the same effect.
    host = address.host.encode("ascii") if address.host.isascii() else address.host
    try:
        found.append(_socket.getaddrinfo(host, address.port, 0, _socket.SOCK_STREAM))
    except (OSError, ValueError) as error:  # ValueError: no name server would be asked for this
        found.append(error)
    finally:
        answered.release()


def _wait(socks: Sequence[_socket.socket], seconds: float | None, deadline: float | None) -> None:
    """Return when one of the sockets is writable or the seconds are over; TimeoutError at the deadline."""
    import select

    limits = [limit for limit in (seconds, _left(deadline)) if limit is not None]
    poll = select.poll()
    for sock in socks:
        poll.register(sock.fileno(), select.POLLOUT)
    poll.poll(min(limits) * 1000 if limits else None)


def _encrypted(sock: _Socket, address: Address, options: TlsOptions, deadline: float | None) -> ssl.SSLSocket:
    """Return the socket with TLS on it, the server's certificate verified."""
    import socket

    from pyredis.connection import tls

    try:
        context = tls.context(options)
        name = tls.server_name(address, options)
    except PyRedisConnError as error:
        error.address = str(address)
        raise
    # As bytes: of a str the codec for names outside ASCII would be loaded, to the same effect.
    asked = name.encode("ascii") if name.isascii() else name
    plain = socket.socket(sock.family, sock.type, sock.proto, sock.detach())
    try:
        encrypted = context.wrap_socket(plain, server_hostname=asked or None, do_handshake_on_connect=False)
    except BaseException:
        plain.close()
        raise
    try:
        encrypted.settimeout(_left(deadline))
        encrypted.do_handshake()
    except BaseException:
        encrypted.close()
        raise
    return encrypted


def _fail_to_open(error: PyRedisError | OSError, address: Address, options: ConnectionOptions) -> None:
    """Raise why a server that was reached cannot be talked to, unless the error says it already."""
    from pyredis.connection.failures import at_opening, unopened

    failure = unopened(error, address, options, error)
    if failure is not None:
        raise failure from error
    if isinstance(error, PyRedisError):
        at_opening(error, address)


def _left(deadline: float | None) -> float | None:
    """Return the seconds until then; TimeoutError when it is over."""
    if deadline is None:
        return None
    left = deadline - monotonic()
    if left <= 0:
        raise TimeoutError
    return left


def _must_wait(error: OSError) -> bool:
    """Whether nothing is wrong but that it would take more time."""
    # With a number it is the network's ETIMEDOUT: the peer has vanished.
    waits = isinstance(error, BlockingIOError) or (isinstance(error, TimeoutError) and error.errno is None)
    return waits or type(error).__name__ in _WANTS


_WANTS: Final = frozenset({"SSLWantReadError", "SSLWantWriteError"})


def _reading(argv: Sequence[bytes]) -> Sequence[bytes]:
    from pyredis.commands.reading import reading

    return reading(argv)


def _late(
    address: Address, limit: float | None, argv: Sequence[bytes], sent: bool | None
) -> PyRedisConnReadTimeout:
    from pyredis.connection.failures import timed_out

    return timed_out(address, limit or 0, _name(argv), sent)


def _name(argv: Sequence[bytes]) -> str | None:
    """Return the command's name, None for one that the facts do not know."""
    from pyredis.commands.spec import find

    spec = find(argv)
    return spec.name if spec is not None else None


def _is_farewell(argv: Sequence[bytes]) -> bool:
    """Whether a server that obeys the command closes the connection instead of replying, or behind its reply."""
    from pyredis.commands.spec import FAREWELLS, find

    spec = find(argv)
    return spec is not None and spec.effect in FAREWELLS
