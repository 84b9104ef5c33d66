"""How much of a span of time is left, for a person who waits."""

from __future__ import annotations

import math
from types import TracebackType
from typing import TYPE_CHECKING, Self

from pyredis_cli.render.units import duration

if TYPE_CHECKING:
    from pyredis_cli.streams import Streams

__all__ = ["Countdown"]


class Countdown:
    """A line on the terminal's standard error that says how long it still takes; it leaves no trace."""

    def __init__(self, streams: Streams) -> None:
        self._streams = streams
        self._width = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._draw("")

    def tell(self, left: float) -> None:
        """Show how many seconds are left; nothing where nobody looks."""
        if self._streams.stderr_tty:
            self._draw(f"{duration(math.ceil(left))} left; Ctrl-C shows what there is so far")

    def _draw(self, line: str) -> None:
        if line or self._width:
            blank = " " * max(self._width - len(line), 0)
            # Nobody is left to be told that standard error cannot be written to.
            try:
                self._streams.stderr.write(f"\r{line}{blank}\r".encode("ascii", "replace"))
            except OSError:
                return
        self._width = len(line)
