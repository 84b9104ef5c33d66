"""A CSV file with a row for each time that a reply came: when, what was wrong, and its values by name.

Its columns are those of its first row, so that each row fits its head: a name that is not among them has no place,
one that is gone an empty cell. Rows are written whole, one at a time; nobody else may read them.
"""

from __future__ import annotations

import csv
import io
import os
import stat
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Final, Self

from pyredis.types import Reply

__all__ = ["Logbook", "LogbookError"]

_FIRST: Final = ("time", "error")
_LONGEST_HEAD: Final = 1 << 20


class LogbookError(Exception):
    """The file cannot be written; the message says which and why."""


class Logbook:
    """One file. ``left_out`` are names that came too late for its head."""

    def __init__(self, path: str, *, append: bool = False) -> None:
        self.path = path
        self.left_out: set[str] = set()
        self._columns: Sequence[str] | None = None
        flags = os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC | (0 if append else os.O_EXCL)
        try:
            self._file = os.open(os.path.expanduser(path), flags, 0o600)
        except FileExistsError:
            raise LogbookError(f"{path} exists; --append adds to it, or choose another name") from None
        except OSError as error:
            raise LogbookError(f"cannot write to {path}: {error.strerror}") from None
        try:
            self._columns = self._head()
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        os.close(self._file)

    def add(self, at: float, values: Mapping[str, Reply], error: str = "") -> None:
        """Write the row of a time in Unix seconds; errors that come before any values are not written."""
        values = {_column(name): value for name, value in values.items()}
        if self._columns is None:
            if not values:
                return
            self._columns = list(values)
            self._write([*_FIRST, *self._columns])
        self.left_out.update(values.keys() - set(self._columns))
        moment = datetime.fromtimestamp(at, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        self._write([moment, error, *(_cell(values.get(name)) for name in self._columns)])

    def _head(self) -> Sequence[str] | None:
        """Return the columns that the file has already, None while it is empty, or is no file but a pipe."""
        if not stat.S_ISREG(os.fstat(self._file).st_mode):
            return None
        try:
            begun = os.pread(self._file, _LONGEST_HEAD, 0).decode("utf-8", "replace")
            ended = not begun or os.pread(self._file, 1, os.fstat(self._file).st_size - 1) == b"\n"
        except OSError as error:
            raise LogbookError(f"cannot read {self.path}: {error.strerror}") from None
        head = next(csv.reader(io.StringIO(begun)), None) if begun else None
        if head is None:
            return None
        if tuple(head[:2]) != _FIRST or not ended:
            raise LogbookError(f"{self.path} was not written by :watch --csv; choose another name")
        return head[2:]

    def _write(self, cells: Sequence[str]) -> None:
        written = io.StringIO()
        csv.writer(written, lineterminator="\n").writerow(cells)
        try:
            rest = written.getvalue().encode("utf-8", "backslashreplace")
            while rest:
                rest = rest[os.write(self._file, rest) :]
        except OSError as error:
            raise LogbookError(f"cannot write to {self.path}: {error.strerror}") from None


def _column(name: str) -> str:
    """Return what the column of a value is called: none is called as ours are, and no two alike."""
    return f"{name}_" if name.rstrip("_") in _FIRST else name


def _cell(value: Reply) -> str:
    match value:
        case None:
            return ""
        case bytes():
            return value.decode("utf-8", "backslashreplace")
        case bool():
            return "true" if value else "false"
    return str(value)
