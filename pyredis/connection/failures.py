"""Why a server that was reached cannot be talked to, in words: the same for every driver.

It knows errors and options, no socket. It is imported when something has failed.
"""

from __future__ import annotations

from pyredis.exceptions import (
    ProtocolError,
    PyRedisConnClosed,
    PyRedisConnError,
    PyRedisConnReadTimeout,
    PyRedisError,
    PyRedisTlsError,
    ReplyError,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pyredis.address import Address
    from pyredis.options import ConnectionOptions, TlsOptions

__all__ = ["at_opening", "timed_out", "unopened"]


def at_opening(error: PyRedisError, address: Address) -> None:
    """Say in an error of the handshake who has refused it, and when."""
    if isinstance(error, (ReplyError, ProtocolError)):
        error.add_note(f"{address} said so while the connection was being opened")
    if isinstance(error, ReplyError):
        error.server = str(address)


def unopened(
    error: BaseException, address: Address, options: ConnectionOptions, ended: object
) -> PyRedisConnError | None:
    """Return why a server that was reached cannot be talked to; None when ``error`` says it already.

    ``ended`` tells how the connection came to its end.
    """
    where, seconds, encrypts = str(address), options.conn_timeout, options.tls is not None
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
            assert options.tls is not None
            return _insecure(error, address, options.tls)
        case PyRedisConnClosed() | OSError():
            return PyRedisConnError.of(
                "{ended} while it was being opened; is that a Redis or Valkey server, and does it want {tls}?",
                address=where,
                ended=str(ended),
            )
        case _:
            return None
    return PyRedisConnError(f"{reason}; {mend}", address=where)


def _insecure(error: BaseException, address: Address, options: TlsOptions) -> PyRedisConnError:
    """Return why there is no encrypted connection."""
    from pyredis.connection import tls

    cause = error.__cause__ if isinstance(error, PyRedisConnClosed) else error
    return tls.failure(cause, address, options, tls.server_name(address, options)) or PyRedisTlsError.of(
        "{where} closed the connection during the TLS handshake; "
        "does it speak TLS on this port, and does it want a client certificate ({cert_file})?",
        address=str(address),
        where=str(address),
    )


def timed_out(
    address: Address, seconds: float, command: str | None, sent: bool | None
) -> PyRedisConnReadTimeout:
    """Return that the reply to a command, named if it is known, has not come."""
    return PyRedisConnReadTimeout(
        f"no reply to {command or 'the command'} from {address} within {seconds:g} seconds; "
        "the connection is closed, whether it was executed is unknown",
        address=str(address),
        sent=sent,
        seconds=seconds,
        command=command,
    )
