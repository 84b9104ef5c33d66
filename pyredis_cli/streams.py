"""Standard input, output and error of the process, as one value that is passed down.

Output is written at once and whole: there is no buffer that could fail when the program is already over. It
knows nothing of replies. What is said on a terminal goes through ``printable`` first.
"""

from __future__ import annotations

import io
import os

from pyredis.records import dataclass

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import BinaryIO

__all__ = ["OutputError", "Streams"]

_STDIN, _STDOUT, _STDERR = 0, 1, 2
_DEFAULT_COLUMNS = 80
# Black on white is "0;15", or "0;default;15".
_LIGHT = ("7", "15")


class OutputError(Exception):
    """Standard output took no more; the message says why."""


def _only_ascii(text: str) -> str:
    """Return the text with everything but printable ASCII escaped."""
    return "".join(
        character if " " <= character <= "~" else character.encode("unicode_escape").decode("ascii")
        for character in text
    )


@dataclass(frozen=True, slots=True)
class Streams:
    """The three streams and what they are.

    ``color`` is whether standard output may be coloured, ``light`` whether the terminal says that its background
    is light.
    """

    stdin: BinaryIO
    stdout: BinaryIO
    stderr: BinaryIO
    stdin_tty: bool = False
    stdout_tty: bool = False
    stderr_tty: bool = False
    columns: int = _DEFAULT_COLUMNS
    color: bool = False
    light: bool = False
    printable: Callable[[str], str] = _only_ascii

    @classmethod
    def of_process(
        cls, environ: Mapping[str, str] = os.environ, printable: Callable[[str], str] = _only_ascii
    ) -> Streams:
        """Return the streams of this process; one that is closed becomes the null device."""
        _reopen_closed()
        stdout_tty = os.isatty(_STDOUT)
        return cls(
            stdin=_unbuffered(_STDIN, "rb"),
            stdout=_unbuffered(_STDOUT, "wb"),
            stderr=_unbuffered(_STDERR, "wb"),
            stdin_tty=os.isatty(_STDIN),
            stdout_tty=stdout_tty,
            stderr_tty=os.isatty(_STDERR),
            columns=_columns(environ, tty=stdout_tty),
            color=_color(environ, tty=stdout_tty),
            light=environ.get("COLORFGBG", "").rpartition(";")[2] in _LIGHT,
            printable=printable,
        )

    @property
    def interactive(self) -> bool:
        """Whether a person types and reads here."""
        return self.stdin_tty and self.stdout_tty

    @property
    def can_ask(self) -> bool:
        """Whether a question reaches a person."""
        return self.stdin_tty and self.stderr_tty

    @property
    def stderr_columns(self) -> int:
        """How wide the terminal of standard error is now: standard output may be something else."""
        try:
            return os.get_terminal_size(self.stderr.fileno()).columns or self.columns
        except (OSError, ValueError):
            return self.columns

    def write(self, output: bytes) -> None:
        """Write bytes to standard output as they are.

        Raises BrokenPipeError when nobody reads any more, OutputError for everything else.
        """
        try:
            _write_all(self.stdout, output)
        except BrokenPipeError:
            raise
        except OSError as error:
            raise OutputError(f"cannot write to standard output: {error.strerror}") from None

    def say(self, line: str) -> None:
        """Write one line to standard error; a terminal gets nothing that could steer it."""
        if self.stderr_tty:
            line = self.printable(line)
        # Nobody is left to be told that standard error cannot be written to.
        try:
            _write_all(self.stderr, line.encode("utf-8", "surrogateescape") + b"\n")
        except OSError:
            return

    def ask(self, question: str) -> str:
        """Return the line that the person types; EOFError when there is none. Only where ``can_ask``."""
        _write_all(self.stderr, self.printable(question).encode("utf-8", "replace"))
        line = self.stdin.readline()
        if not line:
            raise EOFError
        return line.rstrip(b"\r\n").decode("utf-8", "surrogateescape")

    def ask_hidden(self, question: str) -> str:
        """Return what the person types without showing it. Only where ``can_ask``."""
        from getpass import getpass

        return getpass(self.printable(question))


def _reopen_closed() -> None:
    """Put the null device in the place of a closed stream, or the next socket would take its number.

    It is opened for reading alone, so that writing to a closed standard output fails as it should.
    """
    for descriptor in (_STDIN, _STDOUT, _STDERR):
        try:
            os.fstat(descriptor)
        except OSError:
            os.open(os.devnull, os.O_RDONLY)


def _unbuffered(descriptor: int, mode: str) -> BinaryIO:
    stream: BinaryIO = io.FileIO(descriptor, mode, closefd=False)
    return stream


def _write_all(stream: BinaryIO, output: bytes) -> None:
    rest = memoryview(output)
    while rest:
        written: int | None = stream.write(rest)
        if written is None:  # somebody else made the pipe non-blocking, and it is full
            from select import select

            select([], [stream], [])
        else:
            rest = rest[written:]


def _columns(environ: Mapping[str, str], *, tty: bool) -> int:
    wanted = environ.get("COLUMNS", "")
    if wanted.isascii() and wanted.isdigit() and len(wanted) < 5:
        return int(wanted) or _DEFAULT_COLUMNS
    if not tty:
        return _DEFAULT_COLUMNS
    try:
        return os.get_terminal_size(_STDOUT).columns or _DEFAULT_COLUMNS
    except OSError:
        return _DEFAULT_COLUMNS


def _color(environ: Mapping[str, str], *, tty: bool) -> bool:
    if environ.get("NO_COLOR"):
        return False
    if environ.get("FORCE_COLOR") or environ.get("CLICOLOR_FORCE", "0") not in ("", "0"):
        return True
    return tty and environ.get("TERM") != "dumb" and environ.get("CLICOLOR") != "0"
