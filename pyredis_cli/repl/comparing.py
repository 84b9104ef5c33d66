"""``:since``: what happened since the last time, since the session began, or within the next so many seconds."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Protocol, cast

from pyredis.exceptions import PyRedisError
from pyredis_cli.complete.candidates import Choice
from pyredis_cli.core.desk import Desk
from pyredis_cli.core.vitals import KEPT, look
from pyredis_cli.registry import SINCE, load
from pyredis_cli.render.units import duration
from pyredis_cli.repl.signals import Interrupted
from pyredis_cli.repl.verdicts import After, Perform, Refuse, Verdict
from pyredis_cli.spans import read_span

if TYPE_CHECKING:
    from pyredis.commands.spec import Table
    from pyredis_cli.core.session import Session
    from pyredis_cli.repl.verdicts import Host
    from pyredis_cli.reporting import Report

__all__ = ["Beginning", "behind", "judge"]

logger = logging.getLogger(__name__)

_COMING: Final = "vitals coming"
"""Under this name a desk keeps the first look while it is under way."""
_USUAL: Final = {"10s": "", "60s": "a minute", "5m": "5 minutes"}


class _Comparison(Protocol):
    """What the tool makes the page of."""

    async def begin(self) -> None: ...
    def resume(self) -> bool: ...
    async def wait(self, seconds: float) -> None: ...
    async def end(self) -> Report: ...


def judge(words: Sequence[str], table: Table) -> Verdict:
    if len(words) > 1:
        return Refuse(":since takes one span of time, 60s or 5m, or nothing")
    try:
        return Perform(Since(read_span(words[0]) if words else None))
    except ValueError as error:
        return Refuse(f":since {error}, not {words[0]!r}")


def behind(words: Sequence[str], typed: str, table: Table) -> Iterator[Choice]:
    if not words:
        yield from (Choice(span, meta=meta) for span, meta in _USUAL.items())


@dataclass(frozen=True, slots=True)
class Since:
    """Show what happens within so many seconds, or with None what has happened."""

    seconds: float | None

    async def __call__(self, host: Host) -> After:
        comparison = cast("Callable[[Desk], _Comparison]", load(SINCE))(host.desk)
        try:
            if self.seconds is not None:
                with host.printer.waiting():
                    await host.interruptible(comparison.begin())
                await self._wait(host, comparison, self.seconds)
            elif not await self._resumes(host, comparison):
                with host.printer.waiting():
                    await host.interruptible(_remember(host.desk))
                await host.printer.tell(
                    "looked for the first time; the next :since shows what happened since then"
                )
                return After.GO_ON
            with host.printer.waiting():
                report = await host.interruptible(comparison.end())
        except PyRedisError as error:
            await host.printer.error(error, host.desk.address)
            return After.STOP
        await host.printer.report(report)
        return After.GO_ON if not report.code else After.STOP

    async def _resumes(self, host: Host, comparison: _Comparison) -> bool:
        if isinstance(coming := host.desk.kept.get(_COMING), asyncio.Task):
            await host.interruptible(_over(coming))
        return comparison.resume()

    async def _wait(self, host: Host, comparison: _Comparison, seconds: float) -> None:
        with host.printer.waiting(f"of {duration(seconds)}; Ctrl-C shows what there is so far"):
            try:
                await host.interruptible(comparison.wait(seconds))
            except Interrupted:
                return  # that is enough


async def _over(task: asyncio.Task[None]) -> None:
    await asyncio.wait([task])


async def _remember(desk: Desk) -> None:
    desk.kept[KEPT] = await look(desk)


class Beginning:
    """The first look at a server, once in a session, behind the prompt's back."""

    def __init__(self, session: Session, desk: Desk) -> None:
        self._session = session
        self._desk = desk
        self._task: asyncio.Task[None] | None = None

    def begin(self) -> None:
        """Look if there is somebody to look at; without an answer, there is no first look."""
        session = self._session
        if self._task is None and session.connected and not session.unauthenticated:
            self._task = self._desk.kept[_COMING] = asyncio.create_task(self._look())

    async def _look(self) -> None:
        # The session's desk is for what a person asks, who may be asking already.
        desk = Desk(self._session)
        try:
            self._desk.kept.setdefault(KEPT, await look(desk))
        except PyRedisError as error:
            logger.debug("how the server was at first stays unknown: %s", error)
        finally:
            await desk.close()

    async def close(self) -> None:
        task, self._task = self._task, None
        if task is not None:
            task.cancel()
            await asyncio.wait([task])
