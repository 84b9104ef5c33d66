"""The commands that a server sends its replicas, as they come, and how far the link is.

Pure: bytes in, commands out. It counts the bytes of whole commands, for by that count a replica says what it has
and where it wants to go on.
"""

from __future__ import annotations

from pyredis.exceptions import ProtocolError
from pyredis.records import NamedTuple
from pyredis.resp.fast import FastDecoder

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

__all__ = ["Link", "Position", "wants_acknowledgement"]


class Position(NamedTuple):
    """A place in the history of a server: whose history, and how many bytes of it."""

    history: str
    offset: int

    @staticmethod
    def told(status: str) -> Position:
        """Return what ``FULLRESYNC <history> <offset>`` tells; ProtocolError when it is something else."""
        match status.split():
            case ["FULLRESYNC", history, offset] if offset.isascii() and offset.isdigit():
                return Position(history, int(offset))
        raise ProtocolError(f"{status[:80]!r} stands where a server tells a replica how far it is")


class Link:
    """``take`` what comes behind the RDB; ``position`` is behind the last whole command."""

    def __init__(self, position: Position) -> None:
        self.position = position
        self._decoder = FastDecoder()

    @property
    def wanted(self) -> tuple[bytes, ...]:
        """The command that asks for what comes next."""
        history, offset = self.position
        return b"PSYNC", history.encode("utf-8", "surrogateescape"), b"%d" % (offset + 1)

    @property
    def acknowledgement(self) -> tuple[bytes, ...]:
        """The command that says how far we are; it has no reply."""
        return b"REPLCONF", b"ACK", b"%d" % self.position.offset

    def take(self, chunk: bytes) -> Iterator[list[bytes]]:
        """Yield each command that is whole now. Raises ProtocolError."""
        for argv in self._decoder.take(chunk):
            if type(argv) is not list or not all(type(word) is bytes for word in argv):
                raise ProtocolError("what a server tells its replicas is commands, and this was none")
            words: list[bytes] = argv  # type: ignore[assignment]
            self.position = self.position._replace(offset=self.position.offset + _size(words))
            yield words
        if self._decoder.broken is not None:
            raise ProtocolError(self._decoder.broken)

    def go_on(self, status: str) -> None:
        """Go on behind a lost connection: ``CONTINUE``, maybe with the name that the history has now."""
        _, _, history = status.partition(" ")
        self._decoder = FastDecoder()
        if history:
            self.position = self.position._replace(history=history)


def wants_acknowledgement(argv: Sequence[bytes]) -> bool:
    """Whether a server asks with this command how far we are."""
    return [word.upper() for word in argv[:2]] == [b"REPLCONF", b"GETACK"]


def _size(argv: Sequence[bytes]) -> int:
    """Return how many bytes the command took: servers write it to replicas in this one way."""
    return len(b"*%d\r\n" % len(argv)) + sum([len(b"$%d\r\n\r\n" % len(word)) + len(word) for word in argv])
