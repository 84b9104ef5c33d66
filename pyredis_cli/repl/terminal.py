"""The terminal as prompt_toolkit is to see it: an input that ends with the terminal, and a dumb one as dumb.

What is typed ahead, before a prompt is there, is not echoed: it may be a password, and it would stand in the
middle of a reply. Nor is it gathered into lines, of which the system drops what is beyond 4,095 bytes.
"""

from __future__ import annotations

import os
import sys
import termios
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Final

from prompt_toolkit.application import create_app_session
from prompt_toolkit.application.current import AppSession
from prompt_toolkit.input import Input, create_input
from prompt_toolkit.input.posix_utils import PosixStdinReader
from prompt_toolkit.input.vt100 import Vt100Input
from prompt_toolkit.output.plain_text import PlainTextOutput
from prompt_toolkit.utils import is_dumb_terminal

__all__ = ["on_terminal", "without_echo"]


@contextmanager
def on_terminal() -> Iterator[AppSession]:
    """Let prompts use the terminal of this process for as long as the context lasts."""
    # prompt_toolkit knows plain prompts for dumb terminals, but shows the cursor there with an escape sequence.
    output = PlainTextOutput(sys.stdout) if is_dumb_terminal() else None
    with without_echo(), create_app_session(_input(), output) as session:
        yield session


@contextmanager
def without_echo() -> Iterator[None]:
    """Keep what is typed while a command runs off the screen; the next prompt shows it."""
    try:
        before = termios.tcgetattr(_KEYBOARD)
    except termios.error:  # no terminal, or one that is gone
        yield
        return
    quiet = [*before]
    quiet[_LOCAL_MODES] &= ~(termios.ECHO | termios.ICANON)
    quiet[_CHARACTERS] = [*before[_CHARACTERS]]
    quiet[_CHARACTERS][termios.VMIN], quiet[_CHARACTERS][termios.VTIME] = 1, 0
    termios.tcsetattr(_KEYBOARD, termios.TCSANOW, quiet)
    try:
        yield
    finally:
        with suppress(termios.error):
            termios.tcsetattr(_KEYBOARD, termios.TCSANOW, before)


_KEYBOARD: Final = 0
_LOCAL_MODES: Final = 3
_CHARACTERS: Final = 6


class _EndingReader(PosixStdinReader):
    """A reader that notices a hang-up.

    prompt_toolkit takes every OSError of a read for a passing one; a terminal that is gone fails with EIO
    each time and is readable each time, which would be an endless loop.
    """

    def read(self, count: int = 1024) -> str:
        text = super().read(count)
        if not text and not os.isatty(self.stdin_fd):
            self.closed = True
        return text


def _input() -> Input:
    terminal = create_input()
    if isinstance(terminal, Vt100Input) and os.isatty(terminal.fileno()):
        terminal.stdin_reader = _EndingReader(terminal.fileno(), encoding=terminal.stdin.encoding)
    return terminal
