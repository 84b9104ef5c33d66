"""``:transcript FILE``: what is typed and shown, kept in a file without colours and without secrets.

It knows the file and what may stand in it. What is shown, the printer tells it, and what is typed, the loop.
"""

from __future__ import annotations

import os
import re
import stat
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from pyredis_cli.complete.candidates import Choice
from pyredis_cli.render.escape import printable
from pyredis_cli.render.line import STARS
from pyredis_cli.repl import sourcing
from pyredis_cli.repl.verdicts import After, Perform, Refuse, Verdict

if TYPE_CHECKING:
    from pyredis.commands.spec import Table
    from pyredis_cli.repl.verdicts import Host

__all__ = ["Transcript", "behind", "judge"]

_PRIVATE: Final = 0o600
_STYLED: Final = re.compile(rb"\x1b\[[0-9;?]*[A-Za-z]")
_SHORTEST: Final = 4
"""Characters of a secret that stand nowhere by accident."""
_APPEND: Final = "--append"


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


# -- the word


def judge(words: Sequence[str], table: Table) -> Verdict:
    append = _APPEND in words
    names = [word for word in words if word != _APPEND]
    match names:
        case [] if not append:
            return Perform(Where())
        case ["off"] if not append:
            return Perform(End())
        case [name] if name and "\0" not in name:
            return Perform(Begin(name, append))
    return Refuse(":transcript takes one file, or off; put a name with blanks in quotes")


def behind(words: Sequence[str], typed: str, table: Table) -> Iterator[Choice]:
    """Yield what the first word may be."""
    if not words:
        yield Choice("off", meta="end it")
        yield Choice(_APPEND, meta="add to a file that is there")
    if words in ((), [], (_APPEND,), [_APPEND]):
        yield from sourcing.behind((), typed, table)


@dataclass(frozen=True)
class Where:
    """Say which file it is."""

    async def __call__(self, host: Host) -> After:
        transcript = host.printer.transcript
        await host.printer.tell(f"transcript {transcript.path if transcript else 'off'}")
        return After.GO_ON


@dataclass(frozen=True)
class Begin:
    """Write to a file from now on."""

    path: str
    append: bool

    async def __call__(self, host: Host) -> After:
        secrets = [host.settings.password or ""]
        try:
            transcript = Transcript(self.path, append=self.append, secrets=secrets)
        except FileExistsError:
            await host.printer.refuse(f"{self.path} {_in_the_way(self.path)}")
            return After.STOP
        except OSError as error:
            await host.printer.refuse(f"{self.path}: {error.strerror}")
            return After.STOP
        await host.printer.end_transcript()
        if transcript.others_read_it:
            await host.printer.warn(f"others may read {self.path}")
        host.printer.begin_transcript(transcript, str(host.desk.address))
        if host.printer.transcript is None:  # not even its first line could be written, which has been told
            return After.STOP
        await host.printer.note(f"transcript {self.path}; secrets are ***")
        return After.GO_ON


def _in_the_way(path: str) -> str:
    is_folder = os.path.isdir(os.path.expanduser(path))
    return "is a folder" if is_folder else f"is there already; :transcript {_APPEND} FILE adds to it"


@dataclass(frozen=True)
class End:
    """Write no more."""

    async def __call__(self, host: Host) -> After:
        transcript = host.printer.transcript
        if transcript is None:
            await host.printer.tell("transcript off")
            return After.GO_ON
        await host.printer.end_transcript()
        await host.printer.tell(f"transcript off; it is in {transcript.path}")
        return After.GO_ON
