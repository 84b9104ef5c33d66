"""What is typed and shown, kept in a file without colours and without secrets.

It knows the file and what may stand in it. What is shown, the printer tells it, and what is typed, the loop.
"""

from __future__ import annotations

import os
import re
import stat
import time
from collections.abc import Iterable
from contextlib import suppress
from typing import Final

from pyredis_cli.render.escape import printable
from pyredis_cli.render.line import STARS

__all__ = ["Transcript"]

_PRIVATE: Final = 0o600
_STYLED: Final = re.compile(rb"\x1b\[[0-9;?]*[A-Za-z]")
_SHORTEST: Final = 4
"""Characters of a secret that stand nowhere by accident."""


class Transcript:
    """A file that is being written; every method may raise OSError, and each writes at once.

    ``secrets`` are words that are never written, wherever they stand.
    """

    def __init__(self, path: str, *, append: bool, secrets: Iterable[str] = ()) -> None:
        self.path = path
        self._markdown = path.lower().endswith(".md")
        self._secrets: list[str] = []
        self._line = b""
        self._open = False
        self.hide(secrets)
        self._descriptor = _opened(os.path.expanduser(os.fsencode(path)), append=append)

    @property
    def others_read_it(self) -> bool:
        """Whether a file that was there before is open to others."""
        return bool(stat.S_IMODE(os.fstat(self._descriptor).st_mode) & 0o077)

    def begin(self, address: str) -> None:
        """Write which session this is, and since when."""
        at = time.strftime("%Y-%m-%d %H:%M:%S %z")
        end = os.fstat(self._descriptor).st_size
        title = f"{address}, {at}"
        self._write("\n" if end else "", f"## {title}\n" if self._markdown else f"# {title}\n")

    def hide(self, words: Iterable[str]) -> None:
        """Never write these words from now on."""
        found = {*self._secrets, *(word for word in words if len(word) >= _SHORTEST)}
        self._secrets = sorted(found, key=len, reverse=True)

    def typed(self, prompt: str, line: str) -> None:
        """Write a line as it was typed behind a prompt, with the time of day in front; it begins an entry."""
        self.rest()
        typed = f"{time.strftime('%H:%M:%S')} {prompt}{line}"
        self._write(self._begun(), *(f"{self._safe(one)}\n" for one in typed.split("\n")))

    def shown(self, output: bytes) -> None:
        """Write what is on the screen; the last line is written once it is whole."""
        *lines, self._line = (self._line + output).split(b"\n")
        if lines:
            self._write(self._begun(), *(f"{self._safe(_text(line))}\n" for line in lines))

    def rest(self) -> None:
        """End an entry."""
        if self._line:
            self.shown(b"\n")
        if self._open:
            self._open = False
            self._write("```\n")

    def close(self) -> None:
        """End the entry and the file."""
        self.rest()
        os.close(self._descriptor)

    def give_up(self) -> None:
        """Close a file that takes no more."""
        with suppress(OSError):
            os.close(self._descriptor)

    def _begun(self) -> str:
        if self._open or not self._markdown:
            return ""
        self._open = True
        return "\n```console\n"

    def _safe(self, line: str) -> str:
        for secret in self._secrets:
            line = line.replace(secret, STARS)
        # Nothing that a server sends ends the block.
        return f"    {line}" if self._markdown and line.lstrip().startswith("```") else line

    def _write(self, *lines: str) -> None:
        rest = "".join(lines).encode("utf-8", "backslashreplace")
        while rest:
            rest = rest[os.write(self._descriptor, rest) :]


def _text(line: bytes) -> str:
    return printable(_STYLED.sub(b"", line).removesuffix(b"\r"), keep_newlines=True)


def _opened(path: bytes, *, append: bool) -> int:
    """Open a file that is not there yet, for our eyes only; with ``append`` one that is, too."""
    flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC | os.O_NOCTTY | os.O_NONBLOCK
    return os.open(path, flags | (0 if append else os.O_EXCL), _PRIVATE)
