"""How a connection comes to be: a socket to the address, TLS if asked for, a handshake, and plain words else."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import Sequence
from typing import Any, Final

from pyredis.address import Address
from pyredis.connection.dialing import Dialing
from pyredis.connection.failures import at_opening, unopened
from pyredis.connection.handshake import handshake
from pyredis.connection.stream import Wire
from pyredis.exceptions import PyRedisConnError, PyRedisError, ReplyError
from pyredis.options import ConnectionOptions, TlsOptions

__all__ = ["dial", "open_wire"]

_FOR_EVER: Final = 7 * 24 * 3600.0
"""Seconds that asyncio may allow a TLS handshake: ours is the limit that counts."""


async def open_wire(address: Address, options: ConnectionOptions, *, replica: bool = False) -> Wire:
    """Return a connection that has shaken hands, within ``conn_timeout`` in all.

    With ``replica`` it may read from a replica in a cluster, and counts as opened so.

    Raises PyRedisConnError when there is nobody to talk to, or nobody who can be trusted, and the ReplyError of
    a refused AUTH or SELECT; the socket is closed then.
    """
    wire = Wire(address, options)
    dialing = Dialing(address, options.family)
    sock: socket.socket | None = None
    try:
        security = {} if options.tls is None else _security(address, options.tls)
        async with asyncio.timeout(options.conn_timeout):
            sock = await dial(dialing)
            await asyncio.get_running_loop().create_connection(lambda: wire, sock=sock, **security)
            await wire.shake_hands()
            if replica:
                await wire.execute((b"READONLY",), None)  # without its row: it is no change of state
            if options.tls is not None:
                await _hear(wire)
    except BaseException as error:
        wire.abort()
        failure = None
        if sock is not None:
            failure = unopened(error, address, options, wire.error)
        elif isinstance(error, TimeoutError):
            failure = dialing.unanswered(options.conn_timeout)
        if failure is None:
            if isinstance(error, PyRedisError):
                at_opening(error, address)
            raise
        raise failure from error
    return wire


async def dial(dialing: Dialing) -> socket.socket:
    """Return a connected socket that does not block; PyRedisConnError tells why there is none."""
    if (address := dialing.unresolved) is not None:
        loop = asyncio.get_running_loop()
        try:
            found = await loop.getaddrinfo(address.host, address.port, type=socket.SOCK_STREAM)
        except (socket.gaierror, ValueError) as error:  # ValueError: no name server would be asked for this
            dialing.resolve(error)
        else:
            dialing.resolve(found)
    steps = dialing.steps()
    try:
        while True:
            socks, seconds = next(steps)
            await _writable([sock.fileno() for sock in socks], seconds)
    except StopIteration as done:
        raw = done.value
        # With its protocol named: asyncio sets TCP_NODELAY on no other.
        return socket.socket(raw.family, raw.type, raw.proto, raw.detach())
    finally:
        steps.close()


async def _writable(descriptors: Sequence[int], seconds: float | None) -> None:
    """Return when one of the sockets is writable, or the time is over."""
    loop = asyncio.get_running_loop()
    stirred = loop.create_future()
    timer = None if seconds is None else loop.call_later(seconds, _wake, stirred)
    for descriptor in descriptors:
        loop.add_writer(descriptor, _wake, stirred)
    try:
        await stirred
    finally:
        for descriptor in descriptors:
            loop.remove_writer(descriptor)
        if timer is not None:
            timer.cancel()


def _wake(stirred: asyncio.Future[None]) -> None:
    if not stirred.done():
        stirred.set_result(None)


def _security(address: Address, options: TlsOptions) -> dict[str, Any]:
    """Return how asyncio is asked for TLS."""
    from pyredis.connection import tls

    try:
        return {
            "ssl": tls.context(options),
            "server_hostname": tls.server_name(address, options),
            "ssl_handshake_timeout": _FOR_EVER,
        }
    except PyRedisConnError as error:
        error.address = str(address)
        raise


async def _hear(wire: Wire) -> None:
    """Hear from the server once, if the handshake was silent.

    In TLS 1.3 a server tells only after the handshake that it refuses our certificate, and sends tickets that
    would make an idle connection look as if something had been said unasked.
    """
    if next(handshake(wire.options), None) is None:
        with contextlib.suppress(ReplyError):  # NOAUTH or LOADING will do
            await wire.execute((b"PING",), None)
