"""Which program shows what is taller than the screen, and feeding it from a command that is about to end.

The REPL has a pager of its own besides and stays alive beside a program; here there is nothing else to do until
the person has read enough.
"""

from __future__ import annotations

import os
import re
import shlex
import shutil
import signal
import subprocess
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from itertools import chain
from typing import Final

from pyredis_cli.passwords import for_children
from pyredis_cli.streams import Streams

__all__ = ["LESS", "VARIABLES", "can_page", "chosen", "page"]

VARIABLES: Final = ("PYREDISCLI_PAGER", "PAGER")
LESS: Final = "-FRX"
"""What less is told: quit when all fits, colours, and leave the text on the screen."""

# At its end, or by Ctrl-C, which some programs (and all shells) tell as a code.
_LEFT: Final = (0, -signal.SIGINT, 128 + signal.SIGINT)
_COLOR: Final = re.compile(rb"\x1b\[[0-9;]*m")


def chosen(environ: Mapping[str, str]) -> tuple[str, ...]:
    """Return the words of the person's pager; none when they want no program, or there is none.

    Raises ValueError for words that cannot be split.
    """
    for name in VARIABLES:
        if name in environ:
            return tuple(shlex.split(environ[name]))
    return ("less",) if shutil.which("less", path=environ.get("PATH")) else ()


def can_page(environ: Mapping[str, str]) -> bool:
    """Return whether there is a program to page with, on a terminal that moves its cursor."""
    try:
        return environ.get("TERM", "dumb") != "dumb" and bool(chosen(environ))
    except ValueError:  # whoever pages tells what is wrong with the words
        return True


def page(laid_out: Callable[[], Iterable[bytes]], streams: Streams, environ: Mapping[str, str]) -> None:
    """Write the parts: through the pager if they are more than the screen holds, else as they are.

    No more is laid out than the person has read, and what the pipe to the program holds. It is laid out anew for
    a program that fails: that may have shown nothing of a reply that the server does not give twice.
    """
    rest = iter(laid_out())
    screen = _screenful(rest, streams.columns)
    following = next(rest, None)
    if following is None:
        streams.write(screen)
        return
    program = _started(streams, environ)
    if program is not None:
        with _left_to_the_program():
            _feed(program, chain([screen, following], rest))
        if program.returncode in _LEFT:
            return
        how = "was killed" if program.returncode < 0 else f"ended with code {program.returncode}"
        streams.say(f"the pager {how}; --no-pager does without")
    for part in laid_out():
        streams.write(part)


def _screenful(parts: Iterator[bytes], columns: int) -> bytes:
    """Return what fills the screen, from the parts that it takes."""
    height = shutil.get_terminal_size().lines
    taken = bytearray()
    filled = 0
    for part in parts:
        taken += part
        lines = _COLOR.sub(b"", bytes(part)).split(b"\n")
        # A character of several bytes counts too often: a pager that has nothing to do ends at once.
        filled += len(lines) - 1 + sum(len(line) // (columns + 1) for line in lines)
        if filled >= height:
            break
    return bytes(taken)


def _started(streams: Streams, environ: Mapping[str, str]) -> subprocess.Popen[bytes] | None:
    """Start the pager; None when there is none that starts."""
    try:
        argv = chosen(environ)
        if not argv:
            return None
        return subprocess.Popen(
            argv, stdin=subprocess.PIPE, bufsize=0, env={"LESS": LESS, **for_children(environ)}
        )
    except OSError as error:
        reason = error.strerror
    except ValueError as error:  # a quote that does not end
        reason = str(error)
    name = next((name for name in VARIABLES if name in environ), "PATH")
    streams.say(f"the pager in {name} cannot be started: {reason}")
    return None


@contextmanager
def _left_to_the_program() -> Iterator[None]:
    """Let Ctrl-C be the program's: what it means there, the program knows."""
    before: Callable[..., object] | int | None = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def _feed(program: subprocess.Popen[bytes], parts: Iterable[bytes]) -> None:
    """Write the parts as the program reads them; that it does not want them all is no error."""
    pipe = program.stdin
    assert pipe is not None
    try:
        for part in parts:
            left = memoryview(part)
            while left:
                left = left[os.write(pipe.fileno(), left) :]
    except BrokenPipeError:
        pass
    finally:
        pipe.close()
        program.wait()
