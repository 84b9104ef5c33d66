"""How a connection comes to be: a socket to the address, TLS if asked for, a handshake, and plain words else."""

from __future__ import annotations

import asyncio
import contextlib
from socket import socket
from typing import Any, Final

from pyredis.address import Address
from pyredis.connection.dialing import Dialing
from pyredis.connection.handshake import handshake
from pyredis.connection.stream import Wire
from pyredis.exceptions import (
    ProtocolError,
    PyRedisConnClosed,
    PyRedisConnError,
    PyRedisConnReadTimeout,
    ReplyError,
)
from pyredis.options import ConnectionOptions, TlsOptions

__all__ = ["open_wire"]

_FOR_EVER: Final = 7 * 24 * 3600.0
"""Seconds that asyncio may allow a TLS handshake: ours is the limit that counts."""


async def open_wire(address: Address, options: ConnectionOptions, *, replica: bool = False) -> Wire:
    """Return a connection that has shaken hands, within ``conn_timeout`` in all.

    With ``replica`` it may read from a replica in a cluster, and counts as opened so.

    Raises PyRedisConnError when there is nobody to talk to, or nobody who can be trusted, and the ReplyError of
    a refused AUTH or SELECT; the socket is closed then.
    """
    wire = Wire(address, options)
    dialing = Dialing(address)
    sock: socket | None = None
    try:
        security = {} if options.tls is None else _security(address, options.tls)
        async with asyncio.timeout(options.conn_timeout):
            sock = await dialing.connect()
            await asyncio.get_running_loop().create_connection(lambda: wire, sock=sock, **security)
            await wire.shake_hands()
            if replica:
                await wire.execute((b"READONLY",), None)  # without its row: it is no change of state
            if options.tls is not None:
                await _hear(wire)
    except BaseException as error:
        wire.abort()
        failure = _unreached(error, wire, dialing) if sock is None else _unopened(error, wire)
        if failure is None:
            if isinstance(error, (ReplyError, ProtocolError)):
                error.add_note(f"{address} said so while the connection was being opened")
            if isinstance(error, ReplyError):
                error.server = str(address)
            raise
        raise failure from error
    return wire


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


def _unreached(error: BaseException, wire: Wire, dialing: Dialing) -> PyRedisConnError | None:
    """Return that nobody has answered, in the words of this library; None when ``error`` says it already."""
    if not isinstance(error, TimeoutError):
        return None
    where = str(wire.address)
    tried = f" (tried {', '.join(dialing.tried)})" if len(dialing.tried) > 1 else ""
    return PyRedisConnError(
        f"no answer from {where}{tried} within {wire.options.conn_timeout:g} seconds; "
        "check the address, or allow more time to connect",
        address=where,
    )


def _unopened(error: BaseException, wire: Wire) -> PyRedisConnError | None:
    """Return why a server that was reached cannot be talked to; None when ``error`` says it already."""
    where, seconds, encrypts = str(wire.address), wire.options.conn_timeout, wire.options.tls is not None
    if isinstance(error, PyRedisConnReadTimeout):
        seconds = error.seconds
    match error:
        case TimeoutError() | PyRedisConnReadTimeout() if encrypts and seconds is not None:
            reason = f"no answer from {where} over TLS within {seconds:g} seconds"
            mend = "does it speak TLS on this port?"
        case TimeoutError() if seconds is not None:
            reason = f"no answer from {where} within {seconds:g} seconds"
            mend = "check the address, or allow more time to connect"
        case OSError() | PyRedisConnClosed() if encrypts:
            reason, mend = _insecure(error, wire)
        case PyRedisConnClosed() | OSError():
            reason = f"{wire.error} while it was being opened"
            mend = "is that a Redis or Valkey server, and does it want TLS?"
        case _:
            return None
    return PyRedisConnError(f"{reason}; {mend}", address=where)


def _insecure(error: BaseException, wire: Wire) -> tuple[str, str]:
    """Return why there is no encrypted connection."""
    from pyredis.connection import tls

    options = wire.options.tls
    assert options is not None
    cause = error.__cause__ if isinstance(error, PyRedisConnClosed) else error
    told = tls.reason_and_mend(cause, options, tls.server_name(wire.address, options))
    if told is not None:
        return f"cannot connect to {wire.address}: {told[0]}", told[1]
    mend = "does it speak TLS on this port, and does it ask for a client certificate?"
    return f"{wire.address} closed the connection during the TLS handshake", mend
