"""One command on a session of its own, for what asks a server a single thing."""

from __future__ import annotations

from typing import NamedTuple

from pyredis.address import Address
from pyredis.records import replace
from pyredis_cli.core import connect
from pyredis_cli.core.outcome import Outcome
from pyredis_cli.settings import Settings

__all__ = ["Answer", "ask"]


class Answer(NamedTuple):
    """What became of a command, and which server it was for."""

    outcome: Outcome
    address: Address


async def ask(settings: Settings, *argv: bytes) -> Answer:
    """Return what became of a command, the connection it needed among that.

    Where there is no limit for replies, this one may take as long as connecting.
    """
    limit = settings.read_timeout or settings.conn_timeout
    session = connect.session(replace(settings, read_timeout=limit))
    try:
        return Answer(await session.run(argv), session.address)
    finally:
        await session.close()
