"""The sign that a command still runs, and for how long; it is there from half a second on and leaves no trace."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from contextlib import suppress
from time import monotonic
from types import TracebackType
from typing import TYPE_CHECKING, Final, Self

from prompt_toolkit.utils import is_dumb_terminal

from pyredis_cli.streams import OutputError

if TYPE_CHECKING:
    from pyredis_cli.streams import Streams

__all__ = ["Spinner"]

_PATIENCE: Final = 0.5  # seconds before it shows
_STOPPING: Final = "stopping; Ctrl-C again closes the connection"
_TURN: Final = 0.1
_FRAMES: Final = "⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏"


class Spinner:
    """``with spinner: ...`` shows it while the body runs; whoever else writes wipes it first.

    It does not turn while somebody ``writes``.
    """

    def __init__(self, streams: Streams, writes: Callable[[], bool]) -> None:
        self._streams = streams
        self._writes = writes
        self._began = 0.0
        self._text = ""
        self._next: asyncio.TimerHandle | None = None
        self._shown = False

    def saying(self, text: str) -> Self:
        """Say this behind the time."""
        self._text = text
        return self

    def __enter__(self) -> Self:
        self._began = monotonic()
        if not is_dumb_terminal():
            self._next = asyncio.get_running_loop().call_later(_PATIENCE, self._turn)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._next is not None:
            self._next.cancel()
            self._next = None
        self.wipe()

    def stopping(self) -> None:
        """Show at once that the command is being stopped."""
        self._text = _STOPPING
        if self._next is not None:
            self._next.cancel()
            self._turn()

    def wipe(self) -> None:
        """Leave the line empty for what is to be written."""
        if self._shown:
            self._shown = False
            self._streams.write(b"\r\x1b[K")

    def _turn(self) -> None:
        if not self._writes():
            self._show()
        self._next = asyncio.get_running_loop().call_later(_TURN, self._turn)

    def _show(self) -> None:
        seconds = monotonic() - self._began
        frame = _FRAMES[int(seconds / _TURN) % len(_FRAMES)]
        line = f"{frame} {seconds:.1f} s, {self._text}"
        self._shown = True
        with suppress(OSError, OutputError):  # a terminal that is gone ends the program by other ways
            self._streams.write(f"\r{line[: _room()]}\x1b[K".encode())


def _room() -> int | None:
    """Return how many columns a line may take that can be wiped; None when the terminal does not know."""
    with suppress(OSError):
        if columns := os.get_terminal_size().columns:
            return columns - 1
    return None
