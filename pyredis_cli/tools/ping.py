"""``--ping``: whether the server is there, lets us in and answers; with ``--wait``, until it does.

A server that still loads its data is not ready. One that answers that this user may not say PING is.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Sequence
from typing import Final

from pyredis.exceptions import NoPerm, PyRedisError, may_pass
from pyredis.records import replace
from pyredis.retry import Backoff
from pyredis_cli.argv import refuse_without_command
from pyredis_cli.core.asking import Answer, ask
from pyredis_cli.core.outcome import Outcome
from pyredis_cli.exits import Exit
from pyredis_cli.printing import ReplyWriter, fail, protocol_for
from pyredis_cli.settings import Settings
from pyredis_cli.streams import Streams

__all__ = ["run"]

_AGAIN: Final = Backoff(first=0.05, most=1.0)


def run(settings: Settings, streams: Streams, words: Sequence[str]) -> int:
    """Ask the server once, or for as many seconds as the word says; return the exit code."""
    refuse_without_command(settings.telling)
    settings = replace(settings, protocol=protocol_for(settings, streams))
    seconds = float(words[0]) if words else 0.0
    answer = asyncio.run(_ready(settings, seconds) if seconds else ask(settings, b"PING"))
    outcome, address = answer
    for notice in outcome.notices:
        streams.say(notice)
    if isinstance(outcome.error, NoPerm) and not outcome.at_connect:
        streams.say(f"{address} is there and lets you in; you may not say PING there")
        return Exit.OK
    if outcome.error is not None:
        where = f"not ready within {seconds:g} seconds: " if seconds and _may_pass(outcome) else ""
        return fail(streams, outcome.error, address, where, at_connect=outcome.at_connect)
    ReplyWriter(settings, streams, lambda: settings.protocol or 2).show(outcome)
    return Exit.OK


async def _ready(settings: Settings, seconds: float) -> Answer:
    """Return the first answer that would stay the same, or the last one within the seconds."""
    loop = asyncio.get_running_loop()
    ends = loop.time() + seconds
    attempt = 0
    while True:
        answer = await ask(settings, b"PING", within=ends - loop.time())
        pause = _AGAIN.delay(attempt, random.random())
        if not _may_pass(answer.outcome) or loop.time() + pause >= ends:
            return answer
        await asyncio.sleep(pause)
        attempt += 1


def _may_pass(outcome: Outcome) -> bool:
    return isinstance(outcome.error, PyRedisError) and may_pass(outcome.error)
