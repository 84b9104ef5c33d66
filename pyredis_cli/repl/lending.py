"""The terminal in the hands of another program, a pager or a shell, and back again as it was."""

from __future__ import annotations

import asyncio
import os
import signal
import termios
from asyncio.subprocess import Process
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Final

from prompt_toolkit.application.current import get_app_session
from prompt_toolkit.input import Input
from prompt_toolkit.input.typeahead import store_typeahead
from prompt_toolkit.utils import is_dumb_terminal

from pyredis_cli.repl.terminal import paste_marks, with_echo

__all__ = ["SANE", "as_it_was", "ended", "lent", "line_begun", "set_aside_keys"]

_PATIENCE: Final = 1.0  # seconds to end in, once told to
SANE: Final = b"\x1b[?1047l\x1b[?25h\x1b[0m\x1b[?1l\x1b>\r\n"
"""Undoes what a killed program leaves of the alternate screen, hidden cursors, colours and the keypad."""


def set_aside_keys(terminal: Input) -> None:
    """Keep for the next prompt what was typed before the program was there."""
    with terminal.raw_mode():
        while keys := terminal.read_keys() + terminal.flush_keys():
            store_typeahead(terminal, keys)


@contextmanager
def as_it_was(keyboard: int) -> Iterator[None]:
    """Give the terminal back to this program at the end, in the modes it had, whoever changed them."""
    modes = termios.tcgetattr(keyboard)
    paste_marks(on=False)  # a program may take them for commands
    try:
        yield
    finally:
        paste_marks(on=True)
        # A shell that was killed leaves the terminal to its own job; whoever is not in front may not change it.
        blocked = signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGTTOU])
        with suppress(OSError, termios.error):  # the terminal is gone
            os.tcsetpgrp(keyboard, os.getpgrp())
            termios.tcsetattr(keyboard, termios.TCSANOW, modes)
        signal.pthread_sigmask(signal.SIG_SETMASK, blocked)


@contextmanager
def lent(keyboard: int) -> Iterator[None]:
    """Lend the terminal to a pipeline: what is typed there is echoed, and Ctrl-\\ is not for us."""
    set_aside_keys(get_app_session().input)
    quits = signal.getsignal(signal.SIGQUIT)
    with as_it_was(keyboard), with_echo():
        signal.signal(signal.SIGQUIT, lambda *_: None)  # a handler, which a program does not inherit
        try:
            yield
        finally:
            signal.signal(signal.SIGQUIT, quits)


def line_begun(columns: int) -> bytes:
    """Return what leads to the beginning of a line, a new one if there is something on this one."""
    return b"" if is_dumb_terminal() else b"\x1b[?25h\x1b[0m" + b" " * columns + b"\r\x1b[K"


async def ended(process: Process) -> None:
    """Have a program end that has not."""
    if process.returncode is not None:
        return
    with suppress(ProcessLookupError):
        process.terminate()
    try:
        async with asyncio.timeout(_PATIENCE):
            await process.wait()
    except TimeoutError:
        pass
    finally:
        if process.returncode is None:
            with suppress(ProcessLookupError):
                process.kill()
    await process.wait()
