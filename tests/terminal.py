"""A real terminal: a program on a pty, and the screen a person would see.

It knows keys, escape sequences and time; it knows nothing of the program. A thread keeps the screen in step,
so that a program is never held up by a test that looks elsewhere, and its questions (where is the cursor?)
are answered at once, as terminals do.
"""

from __future__ import annotations

import contextlib
import copy
import os
import re
import select
import signal
import threading
import time
import warnings
from collections.abc import Callable, Mapping, Sequence
from types import TracebackType
from typing import Any, Final, Self

import pexpect
import pyte
from pyte.screens import Char

from tests.servers import DEADLINE, wait_until

__all__ = ["KEYS", "Terminal"]

KEYS: Final = {
    "enter": "\r",
    "tab": "\t",
    "s-tab": "\x1b[Z",
    "escape": "\x1b",
    "space": " ",
    "c-space": "\x00",
    "backspace": "\x7f",
    "insert": "\x1b[2~",
    "delete": "\x1b[3~",
    "pageup": "\x1b[5~",
    "pagedown": "\x1b[6~",
    "up": "\x1b[A",
    "down": "\x1b[B",
    "right": "\x1b[C",
    "left": "\x1b[D",
    "end": "\x1b[F",
    "home": "\x1b[H",
    "c-right": "\x1b[1;5C",
    "c-left": "\x1b[1;5D",
    "f1": "\x1bOP",
    "f2": "\x1bOQ",
    "f3": "\x1bOR",
    "f4": "\x1bOS",
    "c-\\": "\x1c",
    "c-]": "\x1d",
    "c-_": "\x1f",
}
_READ_SIZE: Final = 1 << 16
_ALTERNATE_SCREEN: Final = 1049
_PASTE: Final = "\x1b[200~{}\x1b[201~"


class _Screen(pyte.Screen):
    """pyte's screen with what it lacks: lines that scrolled away, the alternate screen, and a voice."""

    def __init__(self, columns: int, rows: int, answer: Callable[[bytes], None]) -> None:
        super().__init__(columns, rows)
        self.scrolled: list[str] = []
        self._rows: dict[int, str] = {}
        """Those that were asked for and are as they were then."""
        self._answer = answer
        self._main: tuple[Any, ...] | None = None

    def rendered(self) -> list[str]:
        return [self.row(number) for number in range(self.lines)]

    def row(self, number: int) -> str:
        """Return one line without the blanks at its end; the second half of a wide character is empty."""
        if self.dirty:
            self._rows = {row: text for row, text in self._rows.items() if row not in self.dirty}
            self.dirty.clear()
        if number not in self._rows:
            line = self.buffer[number]
            self._rows[number] = "".join([line[column].data for column in range(self.columns)]).rstrip()
        return self._rows[number]

    def index(self) -> None:
        if self.margins is None and self.cursor.y == self.lines - 1 and self._main is None:
            self.scrolled.append(self.row(0))
        super().index()

    def write_process_input(self, data: str) -> None:
        self._answer(data.encode())

    def set_mode(self, *modes: int, **kwargs: Any) -> None:
        super().set_mode(*modes, **kwargs)
        if kwargs.get("private") and _ALTERNATE_SCREEN in modes and self._main is None:
            self._main = copy.deepcopy(self.buffer), copy.copy(self.cursor)
            self.dirty.update(range(self.lines))
            self.erase_in_display(2)

    def reset_mode(self, *modes: int, **kwargs: Any) -> None:
        super().reset_mode(*modes, **kwargs)
        if kwargs.get("private") and _ALTERNATE_SCREEN in modes and self._main is not None:
            (self.buffer, self.cursor), self._main = self._main, None
            self.dirty.update(range(self.lines))


class Terminal:
    """``with Terminal(["python", "-q"]) as terminal``: a program in a terminal of that size.

    The program gets this process's environment, a ``TERM`` that promises colours, and ``env`` on top.
    """

    def __init__(
        self,
        argv: Sequence[str],
        *,
        columns: int = 80,
        rows: int = 24,
        env: Mapping[str, str] | None = None,
        cwd: str | None = None,
    ) -> None:
        self.argv = list(argv)
        self._raw = bytearray()
        self._ended = False
        self._changed = threading.Condition()
        self._screen = _Screen(columns, rows, self._write)
        self._stream = pyte.ByteStream(self._screen)
        environment = {**os.environ, "TERM": "xterm-256color", **(env or {})}
        self._program = _spawn(self.argv, (rows, columns), environment, cwd)
        self._wake_reader, self._wake_writer = os.pipe()
        self._reader = threading.Thread(target=self._read, name=f"terminal of {self.argv[0]}", daemon=True)
        self._reader.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Kill the program and all that it started in this terminal, and give the pty back."""
        if self._program.closed:
            return
        if self.alive:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.pid, signal.SIGKILL)
            wait_until(lambda: not self.alive)
        os.close(self._wake_writer)
        self._reader.join()
        os.close(self._wake_reader)
        self._program.close()

    # The keyboard

    def send(self, text: str | bytes) -> None:
        """Type text as it is, without a key that ends it."""
        self._write(text.encode() if isinstance(text, str) else text)

    def send_key(self, *names: str) -> None:
        """Press keys by name: those of `KEYS`, ``c-x`` for Control, ``m-x`` or ``m-enter`` for Alt."""
        for name in names:
            self.send(_key(name))

    def send_line(self, line: str) -> None:
        """Type a line and press Enter."""
        self.send(line + KEYS["enter"])

    def paste(self, text: str) -> None:
        """Paste text the way terminals mark it for programs that asked for bracketed paste."""
        self.send(_PASTE.format(text))

    def resize(self, columns: int, rows: int) -> None:
        """Give the window another size; the program is told by SIGWINCH."""
        with self._changed:
            self._screen.resize(rows, columns)
            self._program.setwinsize(rows, columns)

    # The screen

    @property
    def display(self) -> list[str]:
        """The lines on the screen, without the blanks at their ends."""
        with self._changed:
            return self._screen.rendered()

    @property
    def scrolled(self) -> list[str]:
        """The lines that left the screen at its top."""
        with self._changed:
            return list(self._screen.scrolled)

    @property
    def text(self) -> str:
        """All that can be scrolled to: the lines that left the screen, then the screen."""
        with self._changed:
            return "\n".join([*self._screen.scrolled, *self._screen.rendered()]).rstrip()

    @property
    def text_to_cursor(self) -> str:
        """All lines up to the cursor's, that one with the blanks before the cursor."""
        with self._changed:
            column, row = self.cursor
            above = self._screen.rendered()[:row]
            return "\n".join([*self._screen.scrolled, *above, self._screen.row(row).ljust(column)])

    @property
    def line(self) -> str:
        """The line the cursor is on."""
        with self._changed:
            return self._screen.row(self._screen.cursor.y)

    @property
    def before_cursor(self) -> str:
        """The line the cursor is on, as far as the cursor: without what is suggested behind it."""
        with self._changed:
            line = self._screen.buffer[self._screen.cursor.y]
            return "".join(line[column].data for column in range(self._screen.cursor.x))

    @property
    def cursor(self) -> tuple[int, int]:
        """The cursor's column and row, from 0."""
        with self._changed:
            return self._screen.cursor.x, self._screen.cursor.y

    @property
    def raw(self) -> bytes:
        """Every byte the program has written so far."""
        with self._changed:
            return bytes(self._raw)

    def cell(self, column: int, row: int) -> Char:
        """One character of the screen with its colours: ``.data``, ``.fg``, ``.bold`` and so on."""
        with self._changed:
            return self._screen.buffer[row][column]

    # Waiting

    def wait_for(self, wanted: str | re.Pattern[str], timeout: float = DEADLINE) -> None:
        """Return once the text, or a match of the pattern, is on the screen or has scrolled away.

        Blanks at the end of a line are not there, except those before the cursor: a prompt may end in one.
        """
        pattern = re.compile(re.escape(wanted)) if isinstance(wanted, str) else wanted
        what = repr(wanted) if isinstance(wanted, str) else f"/{wanted.pattern}/"
        self.wait_until(
            lambda terminal: pattern.search(terminal.text) or pattern.search(terminal.text_to_cursor),
            timeout,
            f"{what} on the screen",
        )

    def wait_until(
        self, condition: Callable[[Terminal], object], timeout: float = DEADLINE, what: str | None = None
    ) -> None:
        """Return once the condition holds; looked at again whenever the program writes."""
        expires = time.monotonic() + timeout
        with self._changed:
            while not condition(self):
                left = expires - time.monotonic()
                if self._ended or left <= 0:
                    raise AssertionError(self._report(what or "the condition", timeout))
                self._changed.wait(left)

    @property
    def alive(self) -> bool:
        return bool(self._program.isalive())

    @property
    def pid(self) -> int:
        assert self._program.pid is not None
        return self._program.pid

    def exit_code(self, timeout: float = DEADLINE) -> int:
        """Return the program's exit code once it has ended; minus the number of the signal that ended it."""
        with self._changed:
            if not self._changed.wait_for(lambda: self._ended, timeout):
                raise AssertionError(self._report("the end of the program", timeout))
        wait_until(lambda: not self.alive)
        if self._program.exitstatus is not None:
            return int(self._program.exitstatus)
        return -int(self._program.signalstatus or 0)

    def _report(self, what: str, timeout: float) -> str:
        outcome = "the program ended" if self._ended else f"{timeout:g} s went by"
        frame = "-" * self._screen.columns
        screen = "\n".join(self._screen.rendered()).rstrip()
        return f"{outcome} before {what}; {' '.join(self.argv)} shows:\n{frame}\n{screen}\n{frame}"

    # The pty

    def _write(self, typed: bytes) -> None:
        with contextlib.suppress(OSError):  # the program is gone; what waits for it will say so
            while typed:
                typed = typed[os.write(self._program.child_fd, typed) :]

    def _read(self) -> None:
        while chunk := self._next_chunk():
            with self._changed:
                self._raw += chunk
                self._stream.feed(chunk)
                self._changed.notify_all()
        with self._changed:
            self._ended = True
            self._changed.notify_all()

    def _next_chunk(self) -> bytes:
        """Return what the program writes next, or nothing once it has ended or the terminal is closed."""
        pty: int = self._program.child_fd
        ready, _, _ = select.select([pty, self._wake_reader], [], [])
        if self._wake_reader in ready:
            return b""
        try:
            return os.read(pty, _READ_SIZE)
        except OSError:  # Linux says EIO when the last program has closed the terminal
            return b""


def _spawn(
    argv: Sequence[str], dimensions: tuple[int, int], env: Mapping[str, str], cwd: str | None
) -> pexpect.spawn[Any]:
    with warnings.catch_warnings():
        # Forking beside threads is deprecated; what is forked here calls exec at once.
        warnings.simplefilter("ignore", DeprecationWarning)
        program = pexpect.spawn(argv[0], list(argv[1:]), dimensions=dimensions, env=dict(env), cwd=cwd)
    program.ptyproc.delayafterclose = 0  # type: ignore[attr-defined]  # it has ended before it is closed
    return program


def _key(name: str) -> str:
    if name in KEYS:
        return KEYS[name]
    modifier, _, rest = name.partition("-")
    if modifier == "m" and rest:
        return "\x1b" + (rest if len(rest) == 1 else _key(rest))
    if modifier == "c" and len(rest) == 1 and rest.isalpha():
        return chr(ord(rest.lower()) & 0x1F)
    raise ValueError(f"unknown key {name!r}; use a name of KEYS, c-LETTER or m-KEY")
