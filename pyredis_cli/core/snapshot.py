"""What a server sends a new replica first: lines that keep the link alive, then a header, then an RDB.

Pure: bytes in, the bytes of the RDB out. It knows both ways of a transfer: one of a length that is told before
(from a file of the server), and one up to a mark that is told before (as the server writes it). Of an RDB it
knows how it begins and ends. Source: what servers send to SYNC and PSYNC; the comment of an RDB's format,
"REDIS" or "VALKEY" and a version first, 0xFF and eight bytes of a checksum last.
"""

from __future__ import annotations

from pyredis.exceptions import ProtocolError, reply_error

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Final

__all__ = ["Snapshot"]

_LONGEST_LINE: Final = 64 * 1024
_MARK: Final = b"EOF:"
_MARK_SIZE: Final = 40
_CHECKSUM: Final = 8
_END: Final = 0xFF


class Snapshot:
    """``feed`` what the server sends until ``ended``; ``rest`` is what came behind the RDB.

    ``status`` is what it answered first, ``FULLRESYNC ...`` or ``CONTINUE ...`` to PSYNC, empty to SYNC; behind
    CONTINUE there is no RDB. ``size`` is how long the RDB is, None as long as that is unknown.
    """

    def __init__(self) -> None:
        self.status = ""
        self.size: int | None = None
        self.received = 0
        self.ended = False
        self.rest = b""
        self._begun = False  # the header was read
        self._mark = b""
        self._held = b""  # what may belong to a header or to the mark
        self._first = b""
        self._last = b""

    def feed(self, chunk: bytes) -> bytes:
        """Take the next bytes; return those of the RDB.

        Raises the ReplyError with which the server refuses, and ProtocolError for what is no answer.
        """
        if not self._begun:
            chunk = self._read_header(self._held + chunk)
        if not self._begun or self.ended:
            return b""
        body = self._to_mark(chunk) if self._mark else self._to_size(chunk)
        self.received += len(body)
        if len(self._first) < 9:
            self._first = (self._first + body)[:9]
        self._last = (self._last + body[-_CHECKSUM - 1 :])[-_CHECKSUM - 1 :]
        return body

    @property
    def problem(self) -> str:
        """Why what has come is no whole RDB, empty when it looks like one. Its checksum is not calculated."""
        if not self.ended:
            of = "" if self.size is None else f" of {self.size}"
            return f"it ends after {self.received}{of} bytes"
        name = self._first.rstrip(b"0123456789")
        if len(self._first) < 9 or name not in (b"REDIS", b"VALKEY"):
            return f"it begins with {self._first!r}"
        if self._last[0] != _END:
            return "its last bytes are not those of an RDB"
        return ""

    def _read_header(self, stream: bytes) -> bytes:
        """Take lines up to the one that says how the RDB comes; return what is behind it."""
        while not self._begun:
            line, newline, behind = stream.partition(b"\n")
            if not newline:
                if len(line) > _LONGEST_LINE:
                    raise ProtocolError("a line without an end stands where a replica hears of an RDB")
                self._held = line
                return b""
            stream = behind
            self._take_line(line.strip())
        self._held = b""
        if self.ended:
            self.rest = stream
            return b""
        return stream

    def _take_line(self, line: bytes) -> None:
        """Take note of one line; an empty one is sent while the server is busy."""
        text = line[1:].decode("utf-8", "surrogateescape")
        if line.startswith(b"-"):
            raise reply_error(text, "SYNC")
        if line.startswith(b"+") and not self.status:
            self.status = text
            self._begun = self.ended = text.startswith("CONTINUE")
        elif line.startswith(b"$" + _MARK) and len(line) == 1 + len(_MARK) + _MARK_SIZE:
            self._mark = line[1 + len(_MARK) :]
            self._begun = True
        elif line.startswith(b"$") and line[1:].isdigit():
            self.size = int(line[1:])
            self._begun = True
        elif line:
            raise ProtocolError(f"{line[:40]!r} stands where a replica hears of an RDB")

    def _to_size(self, chunk: bytes) -> bytes:
        assert self.size is not None
        missing = self.size - self.received
        self.ended = len(chunk) >= missing
        self.rest = chunk[missing:]
        return chunk[:missing]

    def _to_mark(self, chunk: bytes) -> bytes:
        stream = self._held + chunk
        at = stream.find(self._mark)
        if at >= 0:
            self.ended = True
            self.size = self.received + at
            self.rest = stream[at + _MARK_SIZE :]
            return stream[:at]
        at = max(len(stream) - _MARK_SIZE + 1, 0)
        self._held = stream[at:]
        return stream[:at]
