"""Reports of tools made in the process of the test, on a desk of their own, and as a person sees them."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from io import BytesIO
from time import time
from typing import cast

from pyredis.records import replace
from pyredis_cli.core import connect
from pyredis_cli.core.desk import Desk
from pyredis_cli.parsing import parse, parse_tool
from pyredis_cli.registry import META, load
from pyredis_cli.render.look import Look
from pyredis_cli.reporting import Report, Reporter, laid_out
from pyredis_cli.settings import settle
from pyredis_cli.streams import Streams
from tests.servers import Server

__all__ = ["desk_at", "report_of", "seen"]


@asynccontextmanager
async def desk_at(server: Server, *flags: str) -> AsyncIterator[Desk]:
    """Yield a desk, as the program has it that is given these flags."""
    where = ("-h", server.host, "-p", str(server.port))
    settings = settle(parse([*where, *flags]), {}, Streams(BytesIO(), BytesIO(), BytesIO()))
    session = connect.session(replace(settings, protocol=settings.protocol or 3))
    desk = Desk(session)
    try:
        yield desk
    finally:
        await desk.close()
        await session.close()


async def report_of(desk: Desk, word: str, *words: str) -> Report:
    """Return the report that a word of the REPL makes."""
    row = META[word]
    return await cast("Reporter", load(row))(desk, parse_tool(row.tool, words))


def seen(report: Report, columns: int = 80) -> str:
    """Return a report as a terminal of so many columns shows it."""
    parts = [part for part, _ in laid_out(report, Look(columns, now=time()))]
    return b"".join(parts).decode()


def found(report: Report) -> Sequence[dict[str, object]]:
    """Return the rows of a report."""
    return cast("Sequence[dict[str, object]]", report.value)
