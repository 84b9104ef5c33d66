"""The terminal as prompt_toolkit is to see it: an input that ends with the terminal, and a dumb one as dumb.

What is typed ahead, before a prompt is there, is not echoed: it may be a password, and it would stand in the
middle of a reply. Nor is it gathered into lines, of which the system drops what is beyond 4,095 bytes.
"""

from __future__ import annotations

import os
import sys
import termios
from asyncio import sleep
from collections.abc import AsyncIterator, Iterator
from contextlib import AbstractContextManager, asynccontextmanager, contextmanager, suppress
from contextvars import ContextVar
from select import select
from typing import Final

from prompt_toolkit.application import create_app_session, get_app_or_none, in_terminal
from prompt_toolkit.application.current import AppSession, get_app_session
from prompt_toolkit.input import Input, create_input
from prompt_toolkit.input.posix_utils import PosixStdinReader
from prompt_toolkit.input.typeahead import get_typeahead
from prompt_toolkit.input.vt100 import Vt100Input
from prompt_toolkit.output import ColorDepth, Output
from prompt_toolkit.output.plain_text import PlainTextOutput
from prompt_toolkit.output.vt100 import Vt100_Output
from prompt_toolkit.utils import is_dumb_terminal

__all__ = ["above_prompt", "on_terminal", "paste_marks", "typed_ahead", "with_echo", "without_echo"]

_PRINTS: Final = ContextVar("prints", default=False)
"""Whether whoever takes the terminal from the prompt only prints."""


@contextmanager
def on_terminal() -> Iterator[AppSession]:
    """Let prompts use the terminal of this process for as long as the context lasts."""
    with without_echo(), create_app_session(_input(), _output()) as session:
        try:
            paste_marks(on=True)
            yield session
        finally:
            paste_marks(on=False)


@asynccontextmanager
async def above_prompt() -> AsyncIterator[None]:
    """Let something be printed where a prompt may be; what is typed meanwhile waits for the prompt, unechoed.

    prompt_toolkit would erase a line that was just entered and never draw it again.
    """
    application = get_app_or_none()
    if application is not None and application.is_running:
        if application.output.responds_to_cpr:
            await application.renderer.wait_for_cpr_responses()  # as in_terminal would, and then not at once
        while application.is_running and application.is_done:  # noqa: ASYNC110 - it tells nobody that it is over
            await sleep(0)
    token = _PRINTS.set(True)
    try:
        async with in_terminal():
            yield
    finally:
        _PRINTS.reset(token)


async def typed_ahead() -> str:
    """Return what was typed or pasted and not read yet, until nothing comes for a moment; it is gone then."""
    text = "".join(key.data for key in get_typeahead(get_app_session().input)).encode("utf-8", "replace")
    with _local_modes(off=termios.ICANON | termios.ECHO):
        while True:
            await sleep(_MOMENT)
            if not select([_KEYBOARD], [], [], 0)[0]:
                return text.decode("utf-8", "replace")
            if not (more := _read_keyboard()):
                return text.decode("utf-8", "replace")
            text += more


def _read_keyboard() -> bytes:
    with suppress(OSError):
        return os.read(_KEYBOARD, 65536)
    return b""


def paste_marks(on: bool) -> None:
    """Have the terminal mark what is pasted, also while a command runs: it is no typing. Whoever else gets the
    terminal may not know the marks.
    """
    output = get_app_session().output
    if not isinstance(output, _Screen):
        return
    if on:
        output.enable_bracketed_paste()
    else:
        output.end_paste_marks()
    output.flush()


@contextmanager
def without_echo() -> Iterator[None]:
    """Keep what is typed while a command runs off the screen, all of it; the next prompt shows it."""
    with _local_modes(off=termios.ECHO | termios.ICANON):
        yield


@contextmanager
def with_echo() -> Iterator[None]:
    """Have the terminal gather and show lines as it does for most programs."""
    with _local_modes(on=termios.ECHO | termios.ICANON):
        yield


@contextmanager
def _local_modes(on: int = 0, off: int = 0) -> Iterator[None]:
    try:
        before = termios.tcgetattr(_KEYBOARD)
    except termios.error:  # no terminal, or one that is gone
        yield
        return
    changed = [*before]
    changed[_LOCAL_MODES] = before[_LOCAL_MODES] & ~off | on
    changed[_CHARACTERS] = [*before[_CHARACTERS]]
    changed[_CHARACTERS][termios.VMIN], changed[_CHARACTERS][termios.VTIME] = 1, 0
    termios.tcsetattr(_KEYBOARD, termios.TCSANOW, changed)
    try:
        yield
    finally:
        with suppress(termios.error):
            termios.tcsetattr(_KEYBOARD, termios.TCSANOW, before)


_KEYBOARD: Final = 0
_MOMENT: Final = 0.03  # seconds; what is pasted comes faster
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


class _Keyboard(Vt100Input):
    """A keyboard that is not given back to who only prints: the terminal would echo into what is printed."""

    def cooked_mode(self) -> AbstractContextManager[None]:
        # Ctrl-C is a signal there.
        return _local_modes(on=termios.ISIG) if _PRINTS.get() else super().cooked_mode()


class _Screen(Vt100_Output):
    """A screen that has what is pasted marked between two prompts too, where it would be taken for typing.

    prompt_toolkit would end that with each prompt, and each time that something is printed above one.
    """

    def disable_bracketed_paste(self) -> None:
        """Leave it to `paste_marks`, which whoever lends the terminal calls."""

    def end_paste_marks(self) -> None:
        super().disable_bracketed_paste()


def _output() -> Output:
    # prompt_toolkit knows plain prompts for dumb terminals, but shows the cursor there with an escape sequence.
    if is_dumb_terminal() or not sys.stdout.isatty():
        return PlainTextOutput(sys.stdout)
    return _Screen.from_pty(sys.stdout, os.environ.get("TERM"), ColorDepth.from_env())


def _input() -> Input:
    terminal = create_input()
    if isinstance(terminal, Vt100Input) and os.isatty(terminal.fileno()):
        terminal = _Keyboard(terminal.stdin)
        terminal.stdin_reader = _EndingReader(terminal.fileno(), encoding=terminal.stdin.encoding)
    return terminal
