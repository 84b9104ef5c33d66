"""One command on a session of its own, for what asks a server a single thing."""

from __future__ import annotations

import asyncio
from typing import NamedTuple

from pyredis.address import Address
from pyredis.exceptions import PyRedisConnError, PyRedisConnReadTimeout, PyRedisError
from pyredis.records import replace
from pyredis_cli.core import connect
from pyredis_cli.core.outcome import Outcome
from pyredis_cli.settings import Settings

__all__ = ["Answer", "ask"]


class Answer(NamedTuple):
    """What became of a command, and which server it was for."""

    outcome: Outcome
    address: Address


async def ask(settings: Settings, *argv: bytes, within: float | None = None) -> Answer:
    """Return what became of a command, the connection it needed among that, ``within`` seconds in all.

    Where there is no limit for replies, this one may take as long as connecting.
    """
    limit = settings.read_timeout or settings.conn_timeout
    session = connect.session(replace(settings, read_timeout=limit))
    connected = False
    try:
        async with asyncio.timeout(within):
            await session.connect()
            connected = True
            outcome = await session.run(argv)
    except PyRedisError as error:
        outcome = Outcome(argv, None, error=error, at_connect=True)
    except TimeoutError:
        late = _late(session.address, within or 0, connected=connected)
        outcome = Outcome(argv, None, error=late, at_connect=not connected)
    finally:
        address = session.address
        await session.close()
    return Answer(outcome, address)


def _late(address: Address, seconds: float, *, connected: bool) -> PyRedisError:
    """Return that there was no connection by then, or no reply on it."""
    reason, where = f"no answer from {address} within {seconds:.2g} seconds", str(address)
    if connected:
        return PyRedisConnReadTimeout(reason, address=where, sent=True, seconds=seconds)
    return PyRedisConnError(reason, address=where)
