"""From an address to a connected socket, past the dead addresses of a name.

A name may have several addresses. The next one is tried when one fails, or has been silent for a quarter of a
second, and the first to connect wins (RFC 8305). Every socket is closed again but the one that is returned,
whenever the caller is cancelled. What is said over the socket is for others.
"""

from __future__ import annotations

import asyncio
import errno
import os
import socket
from collections.abc import Iterable, Sequence
from itertools import chain, zip_longest
from typing import Any, Final, TypeAlias

from pyredis.address import Address, TcpAddress
from pyredis.exceptions import PyRedisConnError

__all__ = ["Dialing"]

_Sockaddr: TypeAlias = tuple[Any, ...]
_Way: TypeAlias = tuple[int, _Sockaddr]
"""One address of the name: its family and what to connect to."""

_HEAD_START: Final = 0.25  # seconds, the "Connection Attempt Delay" that RFC 8305 recommends
_QUEUE_FULL_PAUSE: Final = 0.01  # seconds until a unix socket with a full queue is asked again
_FEW: Final = 4  # addresses that a message names one by one

_KEEPALIVE: Final = tuple(
    (getattr(socket, name), value)
    for name, value in (
        ("TCP_KEEPIDLE", 15),
        ("TCP_KEEPALIVE", 15),  # what macOS calls TCP_KEEPIDLE
        ("TCP_KEEPINTVL", 5),
        ("TCP_KEEPCNT", 3),
    )
    if hasattr(socket, name)
)
"""A peer that vanished is noticed half a minute after its last word."""


class Dialing:
    """The attempts to reach one server; ``tried`` names the addresses so far."""

    def __init__(self, address: Address) -> None:
        self.tried: list[str] = []
        self._address = address
        self._under_way: list[tuple[socket.socket, str]] = []
        self._failures: list[OSError] = []

    async def connect(self) -> socket.socket:
        """Return a connected socket that does not block; PyRedisConnError tells why there is none."""
        address = self._address
        if not isinstance(address, TcpAddress):
            return await self._connect_unix(address.path)
        literal = _literal(address)
        return await self._race((literal,) if literal else await self._resolve(address))

    async def _resolve(self, address: TcpAddress) -> list[_Way]:
        loop = asyncio.get_running_loop()
        try:
            found = await loop.getaddrinfo(address.host, address.port, type=socket.SOCK_STREAM)
        except (socket.gaierror, ValueError) as error:  # ValueError: no name server would be asked for this
            raise PyRedisConnError(
                f"cannot connect to {address}: the host name {address.host!r} cannot be resolved; "
                "check its spelling",
                address=str(address),
            ) from error
        return _interleaved([(family, sockaddr) for family, _, _, _, sockaddr in found])

    async def _race(self, ways: Iterable[_Way]) -> socket.socket:
        try:
            for way in ways:
                sock = self._start(*way) or await self._next(_HEAD_START)
                if sock is not None:
                    return sock
            while self._under_way:
                sock = await self._next(None)
                if sock is not None:
                    return sock
        finally:
            for loser, _ in self._under_way:
                loser.close()
        raise self._unreachable()

    def _start(self, family: int, sockaddr: _Sockaddr) -> socket.socket | None:
        """Begin to connect; return the socket when that is done at once."""
        self.tried.append(sockaddr[0])
        try:
            # With its protocol named: asyncio sets TCP_NODELAY on no other.
            sock = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
        except OSError as error:  # this machine has no IPv6, or this process no descriptor left
            self._fail(error.errno or 0, sockaddr[0])
            return None
        sock.setblocking(False)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        for option, value in _KEEPALIVE:
            sock.setsockopt(socket.IPPROTO_TCP, option, value)
        self._under_way.append((sock, sockaddr[0]))
        code = sock.connect_ex(sockaddr)
        # Within one machine the connection stands already, though it is said to be under way.
        return self._settle(sock, sockaddr[0], _state(sock) if code == errno.EINPROGRESS else code)

    async def _next(self, seconds: float | None) -> socket.socket | None:
        """Return the first socket that connects; None when one failed or the time is over."""
        if not self._under_way:
            return None
        loop = asyncio.get_running_loop()
        stirred = loop.create_future()
        timer = None if seconds is None else loop.call_later(seconds, _wake, stirred)
        for sock, _ in self._under_way:
            loop.add_writer(sock, _wake, stirred)
        try:
            await stirred
        finally:
            for sock, _ in self._under_way:
                loop.remove_writer(sock)
            if timer is not None:
                timer.cancel()
        for sock, where in tuple(self._under_way):
            if self._settle(sock, where, _state(sock)) is not None:
                return sock
        return None

    def _settle(self, sock: socket.socket, where: str, code: int) -> socket.socket | None:
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

    async def _connect_unix(self, path: str) -> socket.socket:
        while True:
            sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
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
            await asyncio.sleep(_QUEUE_FULL_PAUSE)

    def _unreachable(self) -> PyRedisConnError:
        last = self._failures[-1]
        error = PyRedisConnError(
            f"cannot connect to {self._address}: {_told(self._failures)}; "
            f"{_MENDS.get(last.errno or 0, 'check the address and the network')}",
            address=str(self._address),
        )
        error.__cause__ = last
        return error


def _literal(address: TcpAddress) -> _Way | None:
    """Return the way to an address that is written in numbers, which no name server needs to be asked for."""
    for family in (socket.AF_INET, socket.AF_INET6):
        try:
            socket.inet_pton(family, address.host)
        except (OSError, ValueError):
            continue
        return family, (address.host, address.port)
    return None


def _interleaved(ways: Sequence[_Way]) -> list[_Way]:
    """Return the addresses in their order, but of one family and the other in turn."""
    first = [way for way in ways if way[0] == ways[0][0]]
    other = [way for way in ways if way[0] != ways[0][0]]
    return [way for way in chain.from_iterable(zip_longest(first, other)) if way is not None]


def _state(sock: socket.socket) -> int:
    """Return 0 for a connected socket, EINPROGRESS while it connects, else why it does not."""
    code = sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
    if code:
        return code
    try:
        sock.getpeername()
    except OSError:
        return errno.EINPROGRESS
    return 0


def _wake(stirred: asyncio.Future[None]) -> None:
    if not stirred.done():
        stirred.set_result(None)


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
