"""``peek``: what a key holds, and what the server knows of it."""

from __future__ import annotations

import os
from collections.abc import Hashable, Sequence
from functools import partial

from pyredis.types import Reply
from pyredis_cli.core.desk import Desk
from pyredis_cli.flags import UsageError
from pyredis_cli.given import ToolArguments
from pyredis_cli.render.blocks import Block, Facts
from pyredis_cli.render.look import Look
from pyredis_cli.render.views.cells import bare
from pyredis_cli.reporting import Report, run_report
from pyredis_cli.settings import Settings
from pyredis_cli.streams import Streams

__all__ = ["report", "run"]


def run(settings: Settings, streams: Streams, words: Sequence[str]) -> int:
    """Print what a key holds; return the exit code."""
    return run_report("peek", report, settings, streams, words)


async def report(desk: Desk, arguments: ToolArguments) -> Report:
    """Return what the server knows of a key."""
    if len(arguments.words) != 1:
        raise UsageError("peek takes one key; put a key with blanks in quotes")
    key = os.fsencode(arguments.words[0])
    found: dict[Hashable, Reply] = {
        "key": key,
        "type": await desk.ask("TYPE", key),
        "ttl": await desk.ask("TTL", key),
        "encoding": await desk.try_to("OBJECT", "ENCODING", key),
    }
    return Report(found, partial(_blocks, found))


def _blocks(found: dict[Hashable, Reply], look: Look) -> Sequence[Block]:
    return [Facts([((("label", str(name)),), bare(value)) for name, value in found.items()])]
