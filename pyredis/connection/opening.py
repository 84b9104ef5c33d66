"""How a connection comes to be: a socket to the address, a handshake, and plain words when there is neither."""

from __future__ import annotations

import asyncio
import errno
import os
import re
import socket

from pyredis.address import Address, TcpAddress
from pyredis.connection.stream import Wire
from pyredis.exceptions import PyRedisConnClosed, PyRedisConnError
from pyredis.options import ConnectionOptions

__all__ = ["open_wire"]


async def open_wire(address: Address, options: ConnectionOptions) -> Wire:
    """Return a connection that has shaken hands, within ``conn_timeout`` in all.

    Raises PyRedisConnError when there is nobody to talk to and the ReplyError of a refused AUTH or SELECT; the
    socket is closed then.
    """
    wire = Wire(address, options)
    try:
        async with asyncio.timeout(options.conn_timeout):
            await _connect(wire)
            await wire.shake_hands()
    except BaseException as error:
        wire.abort()
        failure = _failure(error, wire)
        if failure is None:
            raise
        raise failure from error
    return wire


def _failure(error: BaseException, wire: Wire) -> PyRedisConnError | None:
    """Return why there is no connection, in the words of this library; None when ``error`` says it already."""
    address, seconds = wire.address, wire.options.conn_timeout
    match error:
        case TimeoutError(errno=None):
            reason = f"no answer from {address} within {seconds:g} seconds"
            mend = "check the address, or allow more time to connect"
        case PyRedisConnClosed():
            reason, mend = f"{wire.error} while it was being opened", "is that a Redis or Valkey server?"
        case socket.gaierror() | UnicodeError() if isinstance(address, TcpAddress):
            reason = f"cannot connect to {address}: the host name {address.host!r} cannot be resolved"
            mend = "check its spelling"
        case OSError():
            number = error.errno or _first_errno(str(error))
            why = os.strerror(number).lower() if number else str(error)
            reason = f"cannot connect to {address}: {why}"
            mend = _MENDS.get(number, "check the address and the network")
        case _:
            return None
    return PyRedisConnError(f"{reason}; {mend}", address=str(address))


async def _connect(wire: Wire) -> None:
    loop = asyncio.get_running_loop()
    address = wire.address
    if isinstance(address, TcpAddress):
        # One address of the name after the other: asyncio's happy eyeballs, when they are cancelled as a
        # connection succeeds, forget its socket.
        await loop.create_connection(lambda: wire, address.host, address.port)
    else:
        await loop.create_unix_connection(lambda: wire, address.path)


def _first_errno(text: str) -> int:
    # asyncio joins the failures of several addresses of one name into one text.
    found = re.search(r"\[Errno (\d+)\]", text)
    return int(found[1]) if found else 0


_MENDS = {
    errno.ECONNREFUSED: "is a server running there?",
    errno.ENOENT: "is a server running, with that unixsocket?",
    errno.EACCES: "this user may not open the socket",
}
