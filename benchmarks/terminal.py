"""A program on a pseudo-terminal for the benchmarks: keys go in, and it is noticed when bytes come out.

It draws no screen and starts no thread, so that nothing stands between the bytes and the clock.
"""

from __future__ import annotations

import fcntl
import os
import pty
import select
import signal
import struct
import termios
import time
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Final, Self

__all__ = ["Program", "live_in"]

_QUIET: Final = 0.03  # seconds without output: the redraw is over, the menu drawn
_DEADLINE: Final = 30.0
_WINDOW: Final = struct.pack("HHHH", 24, 80, 0, 0)
_WHERE: Final = b"\x1b[6n"
_HERE: Final = b"\x1b[1;1R"
_PLACES: Final = ("XDG_", "REDISCLI_", "VALKEYCLI_", "PYREDISCLI_")


def live_in(home: str) -> None:
    """Have programs keep their files in this folder, and neither read nor write those of the person at work."""
    for name in list(os.environ):
        if name.startswith(_PLACES):
            del os.environ[name]
    os.environ["HOME"] = home


class Program:
    """A program on a pseudo-terminal, of which every byte is read as it comes."""

    def __init__(self, argv: Sequence[str]) -> None:
        self._pid, self._terminal = pty.fork()
        if self._pid == 0:
            os.environ["TERM"] = "xterm-256color"
            os.execv(argv[0], argv)
        fcntl.ioctl(self._terminal, termios.TIOCSWINSZ, _WINDOW)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        os.kill(self._pid, signal.SIGKILL)
        os.waitpid(self._pid, 0)
        os.close(self._terminal)

    @property
    def cpu(self) -> float:
        """The seconds of CPU that the program has used so far."""
        threads = Path(f"/proc/{self._pid}/task").glob("*/schedstat")
        return sum(int(thread.read_text().split()[0]) for thread in threads) / 1e9

    def press(self, key: bytes) -> float:
        """Press a key; return the seconds until the first bytes came, once the screen is quiet again."""
        started = time.perf_counter()
        os.write(self._terminal, key)
        self._read(_DEADLINE)
        elapsed = time.perf_counter() - started
        self.settle()
        return elapsed

    @property
    def pid(self) -> int:
        return self._pid

    def type(self, text: bytes) -> None:
        """Type text without waiting for what becomes of it."""
        os.write(self._terminal, text)

    def settle(self, seconds: float = _QUIET) -> None:
        """Return when nothing was written for so long."""
        while self._read(seconds, required=False):
            pass

    def until(self, shown: bytes) -> None:
        """Return when these bytes have been written."""
        seen = b""
        while shown not in seen:
            seen = seen[-len(shown) :] + self._read(_DEADLINE)

    def _read(self, seconds: float, *, required: bool = True) -> bytes:
        """Return what is written next; a program that asks where the cursor is, is answered as terminals do."""
        if not select.select([self._terminal], [], [], seconds)[0]:
            if required:
                raise SystemExit(f"nothing was written within {seconds:g} seconds")
            return b""
        written = os.read(self._terminal, 1 << 16)
        for _ in range(written.count(_WHERE)):
            os.write(self._terminal, _HERE)
        return written
