"""Where the lines of a script come from: files in their order, or standard input.

It knows bytes and line ends, and where a line stands; not what is in one.
"""

from __future__ import annotations

import io
import os
import select
import stat

from pyredis_cli.flags import UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import BinaryIO, Final

    from pyredis_cli.streams import Streams

__all__ = ["Source", "opened"]

_CHUNK: Final = 64 * 1024


class Source:
    """The lines of one file; with ``comments`` a line whose first word begins with # is none."""

    def __init__(self, name: str, stream: BinaryIO, *, comments: bool) -> None:
        self.name = name
        self.stream = stream
        self.comments = comments
        self.line = 1
        """The number of the first line that was not given yet."""
        self.ended = False
        self.bytes = 0
        """How much was read."""
        self._begun: list[bytes] = []

    def block(self) -> bytes:
        """Return the lines that are whole with what there is to read now; empty when none is.

        The last line of all may lack its newline. UsageError when the file cannot be read.
        """
        try:
            chunk: bytes | None = self.stream.read(_CHUNK)
        except OSError as error:
            what = "standard input" if self.name == "stdin" else self.name
            raise UsageError(f"cannot read {what}: {error.strerror}") from None
        if chunk is None:  # somebody else was faster
            return b""
        self.bytes += len(chunk)
        self.ended = not chunk
        whole, newline, rest = chunk.rpartition(b"\n")
        if not newline and not self.ended:
            self._begun.append(rest)
            return b""
        block = b"".join([*self._begun, whole, newline, *([rest] if self.ended else [])])
        self._begun = [] if self.ended else [rest]
        self.line += block.count(b"\n")
        return block

    def wait(self) -> None:
        """Return once there is something to read, or the end."""
        select.select([self.stream], [], [])

    @property
    def size(self) -> int | None:
        """How many bytes there are, None when nobody knows."""
        found = os.fstat(self.stream.fileno())
        return found.st_size if stat.S_ISREG(found.st_mode) else None


def opened(files: Sequence[str], streams: Streams) -> list[Source]:
    """Return the files, or standard input when there are none; UsageError when one cannot be opened."""
    if not files:
        return [Source("stdin", streams.stdin, comments=False)]
    return [_opened(file, streams) for file in files]


def _opened(file: str, streams: Streams) -> Source:
    if file == "-":
        return Source("stdin", streams.stdin, comments=True)
    try:
        return Source(file, io.FileIO(file), comments=True)
    except OSError as error:
        raise UsageError(f"cannot read {file}: {error.strerror}; nothing was sent") from None
    except ValueError:  # a NUL in the name
        raise UsageError(f"cannot read {file!r}: no file has such a name; nothing was sent") from None
