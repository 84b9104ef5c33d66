"""From an address to a connected socket, past the dead addresses of a name.

A name may have several addresses. The next one is tried when one fails, or has been silent for a quarter of a
second, and the first to connect wins (RFC 8305). Every socket is closed again but the one that is returned.
It never waits itself: ``steps`` yields what to wait for, to a driver that blocks or to one that does not. What
is said over the socket is for others.
"""

from __future__ import annotations

import _socket
import errno
import os
from itertools import chain, zip_longest

from pyredis.address import TcpAddress
from pyredis.exceptions import PyRedisConnError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Generator, Iterable, Sequence
    from typing import Any, Final, TypeAlias

    from pyredis.address import Address

    _Sockaddr: TypeAlias = tuple[Any, ...]
    _Way: TypeAlias = tuple[int, _Sockaddr]  # one address of the name: its family and what to connect to
    Found: TypeAlias = Iterable[tuple[int, int, int, str, _Sockaddr]]  # what getaddrinfo returns
    Wait: TypeAlias = tuple[Sequence[_socket.socket], float | None]

__all__ = ["Dialing"]

_HEAD_START: Final = 0.25  # seconds, the "Connection Attempt Delay" that RFC 8305 recommends
_QUEUE_FULL_PAUSE: Final = 0.01  # seconds until a unix socket with a full queue is asked again
_FEW: Final = 4  # addresses that a message names one by one

_FAMILIES: Final = {4: _socket.AF_INET, 6: _socket.AF_INET6}

# A peer that vanished is noticed half a minute after its last word.
_KEEPALIVE: Final = (
    ("TCP_KEEPIDLE", 15),
    ("TCP_KEEPALIVE", 15),  # what macOS calls TCP_KEEPIDLE
    ("TCP_KEEPINTVL", 5),
    ("TCP_KEEPCNT", 3),
)


class Dialing:
    """The attempts to reach one server; ``tried`` names the addresses so far.

    Only addresses of ``family``, 4 or 6, are tried of a host that has any; with 0 both families take turns.
    """

    def __init__(self, address: Address, family: int = 0) -> None:
        self.tried: list[str] = []
        self._address = address
        self._family = family
        self._ways = _literal(address)
        self._under_way: list[tuple[_socket.socket, str]] = []
        self._failures: list[OSError] = []

    @property
    def unresolved(self) -> TcpAddress | None:
        """The address, when a name server must be asked for its host before ``steps``."""
        address = self._address
        return address if isinstance(address, TcpAddress) and not self._ways else None

    def resolve(self, found: Found | Exception) -> None:
        """Take the answer of the name server, or what it was that gave none."""
        if isinstance(found, Exception):
            raise self._unresolvable() from found
        ways = [(family, sockaddr) for family, _, _, _, sockaddr in found]
        preferred = [way for way in ways if way[0] == _FAMILIES.get(self._family)]
        self._ways = preferred or _interleaved(ways)

    def _unresolvable(self) -> PyRedisConnError:
        address = self._address
        assert isinstance(address, TcpAddress)
        return PyRedisConnError(
            f"cannot connect to {address}: the host name {address.host!r} cannot be resolved; "
            "check its spelling",
            address=str(address),
        )

    def steps(self) -> Generator[Wait, None, _socket.socket]:
        """Yield what to wait for; return a connected socket that does not block, or raise PyRedisConnError.

        A step is the sockets of which one must become writable, and the seconds that this is worth waiting for.
        Closing the generator closes the sockets.
        """
        if isinstance(self._address, TcpAddress):
            return (yield from self._race())
        return (yield from self._connect_unix(self._address.path))

    def _race(self) -> Generator[Wait, None, _socket.socket]:
        try:
            for way in self._ways:
                sock = self._start(*way) or (yield from self._next(_HEAD_START))
                if sock is not None:
                    return sock
            while self._under_way:
                sock = yield from self._next(None)
                if sock is not None:
                    return sock
        finally:
            for loser, _ in self._under_way:
                loser.close()
        raise self._unreachable()

    def _start(self, family: int, sockaddr: _Sockaddr) -> _socket.socket | None:
        """Begin to connect; return the socket when that is done at once."""
        self.tried.append(sockaddr[0])
        try:
            sock = _socket.socket(family, _socket.SOCK_STREAM, _socket.IPPROTO_TCP)
        except OSError as error:  # this machine has no IPv6, or this process no descriptor left
            self._fail(error.errno or 0, sockaddr[0])
            return None
        self._under_way.append((sock, sockaddr[0]))
        sock.setblocking(False)
        sock.setsockopt(_socket.IPPROTO_TCP, _socket.TCP_NODELAY, 1)
        sock.setsockopt(_socket.SOL_SOCKET, _socket.SO_KEEPALIVE, 1)
        for name, value in _KEEPALIVE:
            if (option := getattr(_socket, name, None)) is not None:
                sock.setsockopt(_socket.IPPROTO_TCP, option, value)
        code = sock.connect_ex(sockaddr)
        # Within one machine the connection stands already, though it is said to be under way.
        return self._settle(sock, sockaddr[0], _state(sock) if code == errno.EINPROGRESS else code)

    def _next(self, seconds: float | None) -> Generator[Wait, None, _socket.socket | None]:
        """Return the first socket that connects; None when one failed or the time is over."""
        if not self._under_way:
            return None
        yield [sock for sock, _ in self._under_way], seconds
        for sock, where in tuple(self._under_way):
            if self._settle(sock, where, _state(sock)) is not None:
                return sock
        return None

    def _settle(self, sock: _socket.socket, where: str, code: int) -> _socket.socket | None:
        """Strike an attempt that has come to an end; return its socket when it succeeded."""
        if code == errno.EINPROGRESS:
            return None
        self._under_way.remove((sock, where))
        if code == 0:
            return sock
        sock.close()
        self._fail(code, where)
        return None

    def _fail(self, code: int, where: str) -> None:
        self._failures.append(OSError(code, os.strerror(code), where))

    def _connect_unix(self, path: str) -> Generator[Wait, None, _socket.socket]:
        while True:
            sock = _socket.socket(_socket.AF_UNIX, _socket.SOCK_STREAM)
            try:
                sock.setblocking(False)
                sock.connect(path)
            except OSError as error:
                sock.close()
                # Not under way, as over TCP: the server's queue is full, and nobody tells when there is room.
                if not isinstance(error, BlockingIOError):
                    self._failures.append(error)
                    raise self._unreachable() from error
            except ValueError as error:
                sock.close()
                raise PyRedisConnError(
                    f"cannot connect to {path!r}: it can be no path; check its spelling", address=path
                ) from error
            else:
                return sock
            yield (), _QUEUE_FULL_PAUSE

    def _unreachable(self) -> PyRedisConnError:
        last = self._failures[-1]
        error = PyRedisConnError(
            f"cannot connect to {self._address}: {_told(self._failures)}; "
            f"{_MENDS.get(last.errno or 0, 'check the address and the network')}",
            address=str(self._address),
        )
        error.__cause__ = last
        return error

    def unanswered(self, seconds: float | None) -> PyRedisConnError:
        """Return that the time was over before any address has answered."""
        tried = f" (tried {', '.join(self.tried)})" if len(self.tried) > 1 else ""
        return PyRedisConnError(
            f"no answer from {self._address}{tried} within {seconds:g} seconds; "
            "check the address, or allow more time to connect",
            address=str(self._address),
        )


def _literal(address: Address) -> Sequence[_Way]:
    """Return the way to an address that is written in numbers, which no name server needs to be asked for."""
    if isinstance(address, TcpAddress):
        for family in (_socket.AF_INET, _socket.AF_INET6):
            try:
                _socket.inet_pton(family, address.host)
            except (OSError, ValueError):
                continue
            return ((family, (address.host, address.port)),)
    return ()


def _interleaved(ways: Sequence[_Way]) -> list[_Way]:
    """Return the addresses in their order, but of one family and the other in turn."""
    first = [way for way in ways if way[0] == ways[0][0]]
    other = [way for way in ways if way[0] != ways[0][0]]
    return [way for way in chain.from_iterable(zip_longest(first, other)) if way is not None]


def _state(sock: _socket.socket) -> int:
    """Return 0 for a connected socket, EINPROGRESS while it connects, else why it does not."""
    code = sock.getsockopt(_socket.SOL_SOCKET, _socket.SO_ERROR)
    if code:
        return code
    try:
        sock.getpeername()
    except OSError:
        return errno.EINPROGRESS
    return 0


def _told(failures: Sequence[OSError]) -> str:
    """Return why each address failed, or the last of many."""
    why = _why(failures[-1])
    if len(failures) == 1:
        return why
    if len(failures) > _FEW:
        return f"{why} at {failures[-1].filename}, the last of {len(failures)} addresses"
    reasons: dict[str, list[str]] = {}
    for failure in failures:
        reasons.setdefault(_why(failure), []).append(failure.filename)
    return ", ".join(f"{why} at {' and '.join(where)}" for why, where in reasons.items())


def _why(failure: OSError) -> str:
    return os.strerror(failure.errno).lower() if failure.errno else str(failure)


_MENDS: Final = {
    errno.ECONNREFUSED: "is a server running there?",
    errno.ENOENT: "is a server running, with that unixsocket?",
    errno.EACCES: "this user may not open the socket",
    errno.EMFILE: "too many files and sockets are open in this process",
}
