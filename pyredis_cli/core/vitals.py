"""What a server tells of itself at one moment, as it came: all that ``since`` compares.

It is asked in one piece, so that the parts belong together, and costs a server less than a millisecond. Nobody
reads it here: it may be kept for hours before somebody asks.
"""

from __future__ import annotations

from time import monotonic, time
from typing import TYPE_CHECKING, Final, NamedTuple

from pyredis.exceptions import ReplyError

if TYPE_CHECKING:
    from pyredis.address import Address
    from pyredis.types import Reply
    from pyredis_cli.core.desk import Desk

__all__ = ["KEPT", "QUESTIONS", "Vitals", "glance", "look"]

KEPT: Final = "vitals"
"""Under this name a desk keeps what was looked at last."""

QUESTIONS: Final = (
    (b"INFO", b"all"),
    (b"LATENCY", b"HISTOGRAM"),
    (b"LATENCY", b"LATEST"),
    (b"SLOWLOG", b"GET", b"128"),
)


class Vitals(NamedTuple):
    """The replies to `QUESTIONS`, None for what the server lacks or refuses, and when they came.

    ``address`` is where they came from, ``at`` the time of this machine, ``clock`` a clock that never jumps.
    ``errors`` are which of them the server answered with an error, and its code: it counts those, too.
    """

    address: Address
    at: float
    clock: float
    replies: tuple[Reply, ...]
    errors: tuple[tuple[str, str], ...] = ()


async def look(desk: Desk) -> Vitals:
    """Return what the server tells; raises the ReplyError of a user that may not even say INFO."""
    replies = await desk.ask_all(QUESTIONS)
    if isinstance(replies[0], ReplyError):
        raise replies[0]
    errors = [
        (b" ".join(question[:2]).decode(), reply.code)
        for question, reply in zip(QUESTIONS, replies, strict=True)
        if isinstance(reply, ReplyError)
    ]
    told = tuple(None if isinstance(reply, ReplyError) else reply for reply in replies)
    return Vitals(desk.address, time(), monotonic(), told, tuple(errors))


async def glance(desk: Desk) -> Vitals:
    """Return the part of it that is cheap enough to be asked each second: INFO without what is told by command."""
    return Vitals(desk.address, time(), monotonic(), (await desk.ask("INFO"),))
