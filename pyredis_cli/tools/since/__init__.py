"""``since``: what happens on a server within a span of time.

A first look, a glance each second, a last look: what is between is the page. Whoever waits may have had enough
sooner; when the server goes away meanwhile, what was known then is the page.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Final

from pyredis.exceptions import PyRedisConnError, PyRedisError
from pyredis_cli.core.vitals import KEPT, QUESTIONS, Vitals, glance, look
from pyredis_cli.exits import Exit, exit_for, explain
from pyredis_cli.flags import UsageError
from pyredis_cli.reporting import Report, arguments_of, interruptions, run_report
from pyredis_cli.spans import read_span
from pyredis_cli.tools.since.changes import SAMPLED, changes
from pyredis_cli.tools.since.countdown import Countdown
from pyredis_cli.tools.since.moment import Moment, read
from pyredis_cli.tools.since.page import page
from pyredis_cli.tools.since.values import value

if TYPE_CHECKING:
    from pyredis_cli.core.desk import Desk
    from pyredis_cli.given import ToolArguments
    from pyredis_cli.settings import Settings
    from pyredis_cli.streams import Streams

__all__ = ["Comparison", "run"]

_PAUSE: Final = 1.0
"""Seconds between two glances."""


class Comparison:
    """Two looks at a server, and what was seen between them."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._before: Vitals | None = None
        self._samples: list[Moment] = []
        self._last: Vitals | None = None
        self._error: PyRedisError | None = None

    @property
    def lost(self) -> str:
        """Why it ended before its time, empty when it did not."""
        return "" if self._error is None else explain(self._error, self._desk.address)

    async def begin(self) -> None:
        """Look for the first time."""
        self._before = await look(self._desk)

    def resume(self) -> bool:
        """Go on from what was looked at last, be it long ago; return whether there is that."""
        kept = self._desk.kept.get(KEPT)
        if isinstance(kept, Vitals) and kept.address == self._desk.address:
            self._before = kept
        return self._before is not None

    def take(self, sample: Vitals) -> None:
        """Add what was seen at a glance; of all but the last one, as much as is drawn."""
        self._samples.append(read(sample).of(SAMPLED))
        self._last = sample

    async def wait(self, seconds: float, tell: Callable[[float], None] = lambda left: None) -> None:
        """Glance each second until so many are over, or until the server is gone; ``tell`` hears what is left."""
        loop = asyncio.get_running_loop()
        ends = loop.time() + seconds
        while (left := ends - loop.time()) > 0:
            tell(left)
            await asyncio.sleep(min(left, _PAUSE))
            if ends - loop.time() > _PAUSE / 2:
                try:
                    self.take(await glance(self._desk))
                except PyRedisError as error:
                    self._error = error
                    return

    async def end(self) -> Report:
        """Look for the last time and return the page; raises what `look` raises when nothing is known."""
        assert self._before is not None
        try:
            if self._error is not None:
                raise self._error
            after = await look(self._desk)
        except PyRedisError as error:
            if self._last is None or not isinstance(error, PyRedisConnError):
                raise
            self._error, after = error, self._last
            self._samples.pop()
        else:
            self._desk.kept[KEPT] = after
        return self._report(read(self._before), read(after))

    def _report(self, before: Moment, after: Moment) -> Report:
        error = self._error
        found = changes(
            before,
            after,
            self._samples,
            address=str(self._desk.address),
            lost=self.lost,
            asked=_asked(1 + len(self._samples)),
        )
        return Report(value(found), partial(page, found), Exit.OK if error is None else exit_for(error))


def _asked(looks: int) -> Mapping[str, int]:
    """Return how often we have asked what, by the names that servers of any age have for it."""
    asked = Counter({"info": looks, "ping": 1})
    for question in QUESTIONS[1:]:
        container, subcommand = (word.decode().lower() for word in question[:2])
        asked[container] += 1
        asked[f"{container}|{subcommand}"] += 1
    return asked


def run(settings: Settings, streams: Streams, words: Sequence[str]) -> int:
    """Print what happened within the span that the words say; return the exit code."""
    return run_report(
        partial(_waited, streams), settings, streams, arguments_of("since", settings, streams, words)
    )


async def _waited(streams: Streams, desk: Desk, arguments: ToolArguments) -> Report:
    """Return the report once the span is over, or once somebody presses Ctrl-C."""
    seconds = _span(arguments.words)
    comparison = Comparison(desk)
    await comparison.begin()
    with Countdown(streams) as countdown:
        await _enough(asyncio.ensure_future(comparison.wait(seconds, countdown.tell)))
    report = await comparison.end()
    if comparison.lost:
        streams.say(comparison.lost)
    return report


def _span(words: Sequence[str]) -> float:
    if len(words) != 1:
        raise UsageError("since takes one span of time, 60s or 5m")
    try:
        return read_span(words[0])
    except ValueError as error:
        raise UsageError(f"since {error}, not {words[0]!r}") from None


async def _enough(waiting: asyncio.Future[None]) -> None:
    """Wait for the end of it, which Ctrl-C is, too."""
    with interruptions(waiting.cancel):
        await asyncio.wait([waiting])
    if not waiting.cancelled():
        waiting.result()
