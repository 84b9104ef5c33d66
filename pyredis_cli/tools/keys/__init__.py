"""``:keys``: which prefixes the keys of a server have, how many there are of each, and what memory they take.

It knows its words and what its report is for programs.
"""

from __future__ import annotations

import asyncio
import os
import random
from collections.abc import Hashable, Sequence
from functools import partial

from pyredis.types import Reply
from pyredis_cli.core.desk import Desk
from pyredis_cli.exits import Exit
from pyredis_cli.flags import UsageError
from pyredis_cli.given import ToolArguments
from pyredis_cli.reporting import CutShort, Report, arguments_of, interruptions, run_report
from pyredis_cli.settings import Settings
from pyredis_cli.streams import Streams
from pyredis_cli.tools.keys.estimate import Cut, Row, estimated
from pyredis_cli.tools.keys.page import Found, page
from pyredis_cli.tools.keys.survey import Limits, Survey

__all__ = ["report", "run"]


def run(settings: Settings, streams: Streams, words: Sequence[str]) -> int:
    """Print the tree of prefixes; return the exit code."""
    return run_report(_so_far, settings, streams, arguments_of(":keys", settings, streams, words))


async def _so_far(desk: Desk, arguments: ToolArguments) -> Report:
    """Return the tree of prefixes, of what was seen until somebody pressed Ctrl-C."""
    looking = asyncio.ensure_future(report(desk, arguments))
    with interruptions(looking.cancel):
        await asyncio.wait([looking])
    try:
        return looking.result()
    except CutShort as cut:
        return cut.report


async def report(desk: Desk, arguments: ToolArguments) -> Report:
    """Return the tree of prefixes; CutShort with what was seen so far when somebody stops it."""
    cut, limits = _cut(arguments), _limits(arguments)
    survey = Survey(desk, cut, limits, random.Random())
    try:
        with desk.anywhere():
            await survey.run()
    except asyncio.CancelledError:
        raise CutShort(_report(survey, stopped=True)) from None
    return _report(survey)


def _cut(arguments: ToolArguments) -> Cut:
    if len(arguments.words) > 1:
        raise UsageError(":keys takes one prefix; put one with blanks in quotes")
    prefix = os.fsencode(arguments.words[0]) if arguments.words else b""
    by = os.fsencode(arguments.get("by", ":"))
    # Who writes a pattern, as KEYS and SCAN have it, means what is before the star.
    return Cut(prefix.removesuffix(b"*"), by, arguments.get("depth", Cut().depth))


def _limits(arguments: ToolArguments) -> Limits:
    usual = Limits()
    return Limits(arguments.get("seconds", usual.seconds), arguments.get("count", usual.keys))


def _report(survey: Survey, *, stopped: bool = False) -> Report:
    nodes = survey.nodes
    rows = estimated(survey.outline, survey.measured)
    found = Found(
        rows,
        survey.cut,
        sum(node.total for node in nodes),
        sum(node.looked for node in nodes),
        bool(nodes) and all(node.complete for node in nodes) and not survey.untold.keys() - {"memory"},
        survey.seconds,
        len(nodes),
        survey.untold,
        stopped,
    )
    return Report([_value(row) for row in rows], partial(page, found), _code(survey, stopped=stopped))


def _code(survey: Survey, *, stopped: bool) -> Exit:
    if stopped and not survey.nodes:  # a program would take it for a server without keys
        return Exit.INTERRUPT
    return Exit.PARTIAL if survey.untold.keys() - {"memory"} else Exit.OK


def _value(row: Row) -> Reply:
    """Return a row under names that stay; an error is what 19 of 20 are smaller than, 0 where all was seen."""
    found: dict[Hashable, Reply] = {
        "prefix": row.label,
        "kind": row.kind,
        "depth": row.depth,
        "keys": round(row.keys),
        "keys_error": round(row.keys_error),
        "memory": None if row.memory is None else round(row.memory),
        "memory_error": None if row.memory_error is None else round(row.memory_error),
        "share": round(row.share, 4),
        "no_ttl": None if row.without_ttl is None else round(row.without_ttl, 4),
        "biggest": row.biggest,
        "biggest_memory": row.biggest_memory,
        "looked_at": row.seen,
        "measured": row.measured,
    }
    return found
