"""The terminal's other screen, for what is drawn over and over: what was there before comes back behind it.

It knows rows and escape sequences, and writes only the rows that are not what they were. A dumb terminal has no
other screen: there each picture stands below the one before.
"""

from __future__ import annotations

import asyncio
import shutil
import signal
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Final, Self

from prompt_toolkit.utils import is_dumb_terminal

from pyredis_cli.streams import OutputError, Streams

__all__ = ["Screen"]

# Without a cursor, and without wrapping: a character may be wider there than it is thought to be.
_ENTER: Final = b"\x1b[?1049h\x1b[?25l\x1b[?7l\x1b[2J"
_LEAVE: Final = b"\x1b[?7h\x1b[?25h\x1b[?1049l"


class Screen:
    """``with Screen(streams) as screen``; ``on_resize`` is called when the terminal has got another size."""

    def __init__(self, streams: Streams) -> None:
        self.on_resize: Callable[[], None] = lambda: None
        self._streams = streams
        self._shown: list[bytes] = []
        self._dumb = is_dumb_terminal()

    def __enter__(self) -> Self:
        if not self._dumb:
            self._streams.write(_ENTER)
            asyncio.get_running_loop().add_signal_handler(signal.SIGWINCH, self._resize)
        return self

    def __exit__(self, *_: object) -> None:
        if self._dumb:
            return
        asyncio.get_running_loop().remove_signal_handler(signal.SIGWINCH)
        # Another error is on its way when the terminal is gone, or none that anybody could see.
        with suppress(OSError, OutputError):
            self._streams.write(_LEAVE)

    @property
    def size(self) -> tuple[int, int]:
        """Columns and rows."""
        columns, rows = shutil.get_terminal_size()
        return max(1, columns), max(1, rows)

    def draw(self, rows: Sequence[bytes]) -> None:
        """Show these rows and nothing else; no more than fit."""
        if self._dumb:
            self._streams.write(b"".join([row + b"\n" for row in rows]) + b"\n")
            return
        written = [
            # What is wider than the screen may stand behind the last column: the row is wiped before it is drawn.
            b"\x1b[%d;1H\x1b[K%b\x1b[0m" % (number, row)
            for number, row in enumerate(rows, 1)
            if number > len(self._shown) or self._shown[number - 1] != row
        ]
        if len(rows) < len(self._shown):
            written.append(b"\x1b[%d;1H\x1b[J" % (len(rows) + 1))
        self._shown = list(rows)
        if written:
            self._streams.write(b"".join(written))

    def keep(self) -> None:
        """Write the last picture as ordinary lines, once the other screen is left."""
        if not self._dumb:
            self._streams.write(b"".join([row + b"\n" for row in self._shown]))

    def _resize(self) -> None:
        self._shown = []
        self._streams.write(b"\x1b[2J")
        self.on_resize()
