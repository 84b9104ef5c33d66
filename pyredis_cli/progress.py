"""How far a long piece of work is: one line on standard error, drawn over and over, wiped at the end.

It knows amounts, a clock and the width of the terminal; it draws nothing when standard error is none. The line
needs no escape sequences, so a dumb terminal shows it, too.
"""

from __future__ import annotations

from time import monotonic

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType
    from typing import Final, Self

    from pyredis_cli.streams import Streams

__all__ = ["Progress", "drawn"]

_PAUSE: Final = 0.1  # seconds between two drawings
_QUIET: Final = 0.3  # seconds until the first one: what is done sooner shows nothing
_WINDOW: Final = 5.0  # seconds that the rate is the mean of
_WIDEST_BAR: Final = 30
_NARROWEST_BAR: Final = 6


class Progress:
    """``with Progress(streams, total, "bytes") as progress``: ``advance`` or ``at`` as the work goes on.

    ``total`` is None when nobody knows it. ``unit`` is ``"bytes"``, shown as sizes, or what is counted.
    ``waiting`` is what stands in the line, with the time it takes, until something is done or the total is known.
    """

    def __init__(
        self,
        streams: Streams,
        total: int | None,
        unit: str,
        clock: Callable[[], float] = monotonic,
        *,
        waiting: str = "",
    ) -> None:
        self.done = 0
        self._streams = streams
        self.total = total
        self._unit = unit
        self._clock = clock
        self._waiting = waiting
        self._started = started = clock()
        self._due = started + _QUIET if streams.stderr_tty else float("inf")
        self._samples = [(started, 0)]
        self._width = 0  # of what stands in the line

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.clear()

    def advance(self, amount: int = 0) -> None:
        """Count so much more as done; with nothing more, the rate and the time left are brought up to date."""
        self.at(self.done + amount)

    def at(self, done: int) -> None:
        """Say how much is done; the line is drawn when the last time is long enough ago."""
        self.done = done
        now = self._clock()
        if now >= self._due:
            self._due = now + _PAUSE
            self._draw(now)

    def note(self, line: str) -> None:
        """Write a line to standard error, terminal or not, above that of the progress."""
        self.clear()
        self._streams.say(line)

    def clear(self) -> None:
        """Wipe the line; the next amount draws it again."""
        if self._width:
            self._write("\r" + " " * self._width + "\r")
            self._width = 0

    def _draw(self, now: float) -> None:
        # The last column stays free: some terminals begin a new line behind it.
        line = self._line(now, self._streams.stderr_columns - 1)
        text = "\r" + line.ljust(self._width)
        self._width = max(self._width, len(line))  # a signal may end the program behind the next line
        self._write(text)
        self._width = len(line)

    def _line(self, now: float, columns: int) -> str:
        if self._waiting and not self.done and self.total is None:
            self._samples = [(now, 0)]
            return f"{self._waiting}  {_span(now - self._started)}"[:columns]
        self._samples.append((now, self.done))
        while len(self._samples) > 2 and self._samples[1][0] < now - _WINDOW:
            del self._samples[0]
        (since, before), seconds = self._samples[0], now - self._samples[0][0]
        rate = (self.done - before) / seconds if now > since else 0.0
        return drawn(self.done, self.total, self._unit, rate, columns)

    def _write(self, text: str) -> None:
        # Nobody is left to be told that standard error cannot be written to.
        try:
            self._streams.stderr.write(text.encode("ascii"))
        except OSError:
            return


def drawn(done: int, total: int | None, unit: str, rate: float, columns: int) -> str:
    """Return the line for an amount, of a total if there is one, at a rate per second; it fits in the columns."""
    amount = _amount(done, unit)
    speed = f"{_amount(round(rate), unit if unit == 'bytes' else '')}/s"
    if total is None:
        return f"{amount}  {speed}"[:columns]
    share = min(done / total, 1.0) if total else 1.0
    parts = [f"{amount} of {_amount(total, unit)}", speed]
    if 0 < done < total and rate > 0:
        parts.append(f"{_span((total - done) / rate)} left")
    told = "  ".join([f"{int(share * 100):3d}%", *parts])
    width = min(_WIDEST_BAR, columns - len(told) - 3)
    bar = f"[{_bar(share, width)}] " if width >= _NARROWEST_BAR else ""
    return (bar + told)[:columns]


def _bar(share: float, width: int) -> str:
    full = int(share * width)
    return ("=" * full + ">" * (full < width)).ljust(width)


def _amount(number: int, unit: str) -> str:
    """Return sizes as the rest of the program writes them, in steps of 1024; of other things, how many."""
    if unit != "bytes":
        return f"{number:,} {unit}".rstrip()
    size, name = float(number), "B"
    for larger in "KMGTP":
        if size < 1024:
            break
        size, name = size / 1024, larger
    return f"{size:.0f}B" if name == "B" else f"{size:.2f}{name}"


def _span(seconds: float) -> str:
    """Return a span of time as clocks show it: ``0:07``, ``12:40``, ``3:00:12``."""
    if seconds >= 360_000:
        return "days"
    minutes, second = divmod(round(seconds), 60)
    hours, minute = divmod(minutes, 60)
    return f"{hours}:{minute:02}:{second:02}" if hours else f"{minute}:{second:02}"
