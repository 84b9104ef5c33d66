"""The history: what is remembered of typed lines, and the file that sessions share.

It knows which words of a line are secret (the facts say), the file's form, modes and lock. Secrets reach
neither memory nor disk. It knows nothing of keys pressed or of what the lines did.

The file is redis-cli's: a command a line, the newest last, so ``REDISCLI_HISTFILE`` may name a file that
both use.
"""

from __future__ import annotations

import asyncio
import errno
import fcntl
import os
import re
import stat
from collections.abc import AsyncGenerator, Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

import platformdirs
from prompt_toolkit.history import History

from pyredis_cli.complete.outlets import outlet
from pyredis_cli.core.lines import lines_of
from pyredis_cli.core.secrets import guarded, hidden
from pyredis_cli.registry import META
from pyredis_cli.render.escape import printable
from pyredis_cli.render.line import STARS, as_typed
from pyredis_cli.splitting import SplitError, scan, split

if TYPE_CHECKING:
    from pyredis.commands.spec import Table
    from pyredis_cli.complete.outlets import Outlet

__all__ = [
    "OVERRIDES",
    "CommandHistory",
    "HistoryFile",
    "command_place",
    "history_path",
    "lacks_secret",
    "redacted",
    "secret_words",
    "secrets_in",
]

_ENTRIES = 100_000
# Of a larger file only the end is read, so that a runaway one cannot delay the prompt.
_TAIL = 16 * 1024 * 1024
_AT_ONCE = 4_000
_PRIVATE_FILE = 0o600
_PRIVATE_FOLDER = 0o700
# What is beyond that is trimmed to so many lines and bytes, so that it is not done at each start.
_MOST_LINES = 120_000
_KEPT_BYTES = 12 * 1024 * 1024
OVERRIDES = ("REDISCLI_HISTFILE", "VALKEYCLI_HISTFILE")

_TELLING = 4
"""A word with fewer bytes may be the password by chance."""
_UNMISTAKABLE = 8
"""From so many bytes on, it does not stand inside of a word by chance."""
_SIGNS = tuple("<>#!")
_COUNT = re.compile(rb"[+-]?\d+")
_BEFORE_COMMAND = re.compile(rb"--.*|\d.*", re.DOTALL)
"""A flag or a span of time, as they stand between a word of ours and the command; no command begins so."""
_TAKES_FILE = b"--csv"
_LINE = re.compile(rb"[^\n]*\n|[^\n]+\Z")
_URL_WITH_USER = re.compile(r"://.*@", re.DOTALL)
_PLAIN_WORD = re.compile(r"""[^\s"'\\]+""")


def history_path(environment: Mapping[str, str]) -> Path | None:
    """Return the file that keeps the history; None when the environment names ``/dev/null``."""
    for name in OVERRIDES:
        if path := environment.get(name):
            return None if path == os.devnull else Path(path)
    return platformdirs.user_state_path("pyredis-cli", appauthor=False) / "history"


def redacted(line: str, encoding: str, table: Table, password: str | None = None) -> str | None:
    """Return the line as it may be kept, secrets as ``***``; None when nothing of it may be.

    A line that begins with a space is not kept, nor is one with unbalanced quotes that may hold a secret, or with
    the session's password where none is expected. What a
    terminal cannot show is escaped: a command is one line, and the next session finds it.
    """
    if line[:1].isspace():
        return None
    if sends := outlet(line, table, encoding):
        return _both_redacted(line, sends, encoding, table, password)
    showable = _showable(line)
    try:
        argv = split(line, encoding)
    except SplitError:
        return line if showable and not _suspicious(line, table, password) else None
    if password and _tells(argv, password.encode(encoding, "surrogateescape")):
        return None
    secrets = secret_words(argv, table)
    return as_typed(argv, encoding, secrets) if secrets or not showable else line


def _tells(argv: Sequence[bytes], password: bytes) -> bool:
    """Return whether the password stands in the words of a line: as one of them or, when it is long, in one."""
    if len(password) >= _UNMISTAKABLE:
        return any(password in word for word in argv)
    return len(password) >= _TELLING and password in argv


def _both_redacted(line: str, sends: Outlet, encoding: str, table: Table, password: str | None) -> str | None:
    """Return a line that sends its reply somewhere, with the secrets on both sides of the mark as ``***``."""
    command = redacted(line[: sends.start].rstrip(), encoding, table, password)
    if command is None or not _showable(sends.rest) or (password and password in sends.rest):
        return None
    rest = sends.rest
    for word in reversed(scan(rest, encoding)):
        if hidden([word.value], table):
            rest = f"{rest[: word.start]}{STARS}{rest[word.end :]}"
    untouched = command == line[: sends.start].rstrip() and rest == sends.rest
    return line if untouched else f"{command} {sends.mark} {rest}"


def lacks_secret(line: str, encoding: str, table: Table) -> bool:
    """Return whether the line comes from a history, with stars where a secret was; in quotes they are meant."""
    if STARS not in line:
        return False
    words = scan(line, encoding)
    secrets = secret_words([word.value for word in words], table)
    return any(line[words[place].start : words[place].end] == STARS for place in secrets)


def secrets_in(line: str, encoding: str, table: Table) -> list[str]:
    """Return the words of a line that are or may be secret, and what of a rule behind its sign is one."""
    words = [word.value for word in scan(line, encoding)]
    found = [words[place].decode(encoding, "replace") for place in secret_words(words, table)]
    return [*found, *(word[1:] for word in found if word[:1] in _SIGNS)]


def secret_words(argv: Sequence[bytes], table: Table) -> set[int]:
    """Return the positions of the words of a line that are or may be secret."""
    start = command_place(argv)
    secrets = {place for place in range(start) if hidden([argv[place]], table)}  # a URL, wherever it stands
    secrets.update(start + position for position in hidden(argv[start:], table))
    if argv[:start][-1:] and argv[start - 1].lower() == b"connect":  # of a URL the scheme may be missing
        # What begins with its only @ is a profile.
        secrets.update(position for position in range(start, len(argv)) if b"@" in argv[position][1:])
    return secrets


def command_place(argv: Sequence[bytes]) -> int:
    """Return the position of the word that names the command of which secrets are to be expected.

    Behind a word of our own that carries none it is the end.
    """
    start = _counts(argv)
    word = argv[start].lower().decode("utf-8", "replace") if argv[start:] else ""
    row = META.get(word)
    if row is None:
        return start
    if not row.carries:
        return len(argv)
    start += 1
    while word != "connect" and argv[start:] and _BEFORE_COMMAND.fullmatch(argv[start]):
        start += 2 if argv[start] == _TAKES_FILE else 1
    return min(start, len(argv))


def _counts(argv: Sequence[bytes]) -> int:
    """Return how many repeat counts stand before the command: one is valid, more must hide no secret."""
    return next((place for place, word in enumerate(argv) if not _COUNT.fullmatch(word)), len(argv))


def _suspicious(line: str, table: Table, password: str | None) -> bool:
    """Return whether a line that cannot be split may hold a secret: when in doubt, yes."""
    if (password and password in line) or _URL_WITH_USER.search(line):
        return True
    words = line.split()
    name = next((word for word in words if not _COUNT.fullmatch(word.encode(errors="replace"))), "")
    if _PLAIN_WORD.fullmatch(name) is None or guarded(name, table):
        return True
    return bool(secret_words([word.encode(errors="replace") for word in words], table))


class HistoryFile:
    """A file of commands, one a line, mode 0600 from its first byte on.

    Every method may raise OSError. What is not a regular file is left alone: nothing is read or written.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    @property
    def size(self) -> int:
        """How many bytes it has; 0 when there is none."""
        try:
            return self.path.stat().st_size
        except OSError:
            return 0

    def prepare(self) -> None:
        """Make the file, and its folder when that is the platform's own for us."""
        if self.path.parent.name == "pyredis-cli":
            self.path.parent.mkdir(mode=_PRIVATE_FOLDER, parents=True, exist_ok=True)
        with self._opened(os.O_RDWR | os.O_APPEND | os.O_CREAT):
            return

    def append(self, line: str) -> None:
        """Add a line in one write under a lock: sessions that run at the same time lose nothing."""
        with self._locked() as descriptor:
            if descriptor is not None:
                _append(descriptor, _line_break(descriptor) + _encoded([line]))

    def begin_with(self, lines: Sequence[str]) -> bool:
        """Write the lines, the oldest first, unless something stands there already; return whether it was done."""
        with self._locked() as descriptor:
            if descriptor is None or os.fstat(descriptor).st_size:
                return False
            with open(descriptor, "ab", closefd=False) as file:
                file.write(_encoded(lines))
            return True

    def trim(self) -> None:
        """Keep the newest lines alone once there are far more than are ever read.

        The file is exchanged for another one under the lock; who waited for that sees it and opens the new one.
        """
        with self._locked() as descriptor:
            if descriptor is None or os.fstat(descriptor).st_uid != os.geteuid():
                return
            lines = _LINE.findall(_tail(descriptor))
            if len(lines) > _MOST_LINES or os.fstat(descriptor).st_size > _TAIL:
                _exchange(Path(os.path.realpath(self.path)), _newest_of(lines))

    def newest(self) -> list[str]:
        """Return the lines that a terminal can show, the newest first; none when there is no file."""
        try:
            with self._opened(os.O_RDONLY) as descriptor:
                tail = _tail(descriptor) if descriptor is not None else b""
        except FileNotFoundError:
            return []
        lines = tail.decode("utf-8", "surrogateescape").split("\n")
        return [line for line in reversed(lines) if _showable(line)][:_ENTRIES]

    @contextmanager
    def _locked(self) -> Iterator[int | None]:
        """Open the file to add to it, and hold its lock; None for what is no regular file."""
        while True:
            with self._opened(os.O_RDWR | os.O_APPEND | os.O_CREAT) as descriptor:
                if descriptor is None:
                    yield None
                    return
                fcntl.flock(descriptor, fcntl.LOCK_EX)
                if _is_at(self.path, descriptor):  # and was not exchanged while this one waited
                    yield descriptor
                    return

    @contextmanager
    def _opened(self, flags: int) -> Iterator[int | None]:
        # O_NONBLOCK: a FIFO in the file's place must not stop the program.
        descriptor = os.open(self.path, flags | os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOCTTY, _PRIVATE_FILE)
        try:
            status = os.fstat(descriptor)
            regular = stat.S_ISREG(status.st_mode)
            if regular and flags & os.O_CREAT and _is_open_to_others(status):
                os.fchmod(descriptor, _PRIVATE_FILE)
            yield descriptor if regular else None
        finally:
            os.close(descriptor)


def _is_open_to_others(status: os.stat_result) -> bool:
    """Whether others may read a file that is ours to close to them."""
    return bool(stat.S_IMODE(status.st_mode) & 0o077) and status.st_uid == os.geteuid()


def _is_at(path: Path, descriptor: int) -> bool:
    try:
        return os.path.samestat(os.stat(path), os.fstat(descriptor))
    except FileNotFoundError:
        return False


def _encoded(lines: Iterable[str]) -> bytes:
    return b"".join(line.encode("utf-8", "surrogateescape") + b"\n" for line in lines)


def _newest_of(lines: Sequence[bytes]) -> bytes:
    """Return as many of the last lines as are kept."""
    kept = b"".join(lines[-_ENTRIES:]).rstrip(b"\n") + b"\n"
    return kept if len(kept) <= _KEPT_BYTES else kept[-_KEPT_BYTES:].partition(b"\n")[2]


def _exchange(path: Path, content: bytes) -> None:
    """Put a file of that content in the place of another, at once and as private."""
    # Few starts come here, and the module takes its time to load.
    from tempfile import mkstemp

    descriptor, name = mkstemp(prefix=f".{path.name}.", dir=path.parent)
    try:
        with open(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(descriptor)
        os.replace(name, path)
    except BaseException:
        with suppress(OSError):
            os.unlink(name)
        raise


def _append(descriptor: int, content: bytes) -> None:
    """Write all of it or nothing: of a full disk the system tells only with the next write."""
    size = os.fstat(descriptor).st_size
    if os.write(descriptor, content) < len(content):
        os.ftruncate(descriptor, size)
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def _line_break(descriptor: int) -> bytes:
    """Return what ends a last line that a crash cut short, else nothing."""
    size = os.fstat(descriptor).st_size
    return b"\n" if size and os.pread(descriptor, 1, size - 1) != b"\n" else b""


def _tail(descriptor: int) -> bytes:
    with open(descriptor, "rb", closefd=False) as file:
        size = file.seek(0, os.SEEK_END)
        file.seek(max(0, size - _TAIL))
        tail = file.read(_TAIL)
    return tail if size <= _TAIL else tail.partition(b"\n")[2]


def _showable(line: str) -> bool:
    # isprintable is fast and strict: it refuses the ideographic space, for one, which printable lets through.
    return bool(line) and not line.isspace() and (line.isprintable() or printable(line) == line)


class CommandHistory(History):
    """prompt_toolkit's history over a file; without one, of this session alone.

    A file that cannot be used is warned of once; the session goes on with its own lines.
    """

    def __init__(
        self,
        file: HistoryFile | None,
        keep: Callable[[str], str | None],
        warn: Callable[[str], None],
    ) -> None:
        super().__init__()
        self._file = file
        self._keep = keep
        self._warn = warn
        self._use(HistoryFile.prepare)

    async def load(self) -> AsyncGenerator[str, None]:
        """Yield the lines, the newest first, and let keys be served between many of them."""
        number = 0
        async for line in super().load():
            yield line
            number += 1
            if number % _AT_ONCE == 0:
                await asyncio.sleep(0)

    def newest_first(self) -> Sequence[str]:
        """Return the lines as far as they are loaded; the sequence grows at its front."""
        return self._loaded_strings

    def load_history_strings(self) -> Iterable[str]:
        """Return the lines of the file, the newest first."""
        lines: list[str] = []
        self._use(lambda file: lines.extend(file.newest()))
        if self._file is not None:
            with suppress(OSError):  # in a folder that cannot be written to nothing can be exchanged
                if len(lines) == _ENTRIES or self._file.size > _TAIL:
                    self._file.trim()
        return lines

    def append_string(self, string: str) -> None:
        """Remember each line of the text as far as it may be kept."""
        for line in lines_of(string):
            kept = self._keep(line)
            if kept is not None and kept not in self._loaded_strings[:1]:
                super().append_string(kept)

    def store_string(self, string: str) -> None:
        self._use(lambda file: file.append(string))

    def _use(self, act: Callable[[HistoryFile], None]) -> None:
        if self._file is None:
            return
        try:
            act(self._file)
        except OSError as error:
            where, self._file = self._file.path, None
            reason = error.strerror or "cannot be used"
            self._warn(f"history is not saved: {where}: {reason}; REDISCLI_HISTFILE can name another file")
