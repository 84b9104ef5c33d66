"""The wire: commands become bytes, bytes become replies.

Knows RESP2 and RESP3 and nothing else: it opens no socket, reads no clock and never heard of a command's
meaning. ``encode`` writes, ``decode`` (typed) and ``fast`` (hiredis) read; this module holds what the two
readers share and chooses between them.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from enum import Enum
    from typing import Final, Literal, Protocol

    from pyredis.options import ConnectionOptions
    from pyredis.types import Reply

    class Incomplete(Enum):
        """The type of ``INCOMPLETE``, so that no reply can be mistaken for it."""

        INCOMPLETE = "no whole reply yet"

    INCOMPLETE: Final = Incomplete.INCOMPLETE
else:
    Protocol = object

    class Incomplete:
        """The type of ``INCOMPLETE``, so that no reply can be mistaken for it."""

        def __repr__(self):
            return "INCOMPLETE"

    INCOMPLETE = Incomplete()

__all__ = ["INCOMPLETE", "Decoder", "Incomplete", "make_decoder"]


class Decoder(Protocol):
    """Takes the bytes of one stream as they come and gives its replies in order.

    Either ``take`` alone, or ``feed`` and then ``next`` until INCOMPLETE.
    """

    broken: str | None
    """Why the stream cannot go on, as far as it was decoded; None while it can."""

    def take(self, chunk: bytes) -> list[Reply]:
        """Take the next bytes of the stream; return every reply and push that is whole now.

        An error reply is a ReplyError in the list. Once the peer broke RESP, the replies before that are
        returned, ``broken`` says why, and nothing more comes.
        """

    room: memoryview | None
    """Where the next bytes of the stream may be put, for ``filled``, instead of giving them to ``take``."""

    def filled(self, size: int) -> list[Reply]:
        """Take so many bytes that were put into ``room``; return what is whole with them."""

    def feed(self, chunk: bytes) -> None:
        """Take the next bytes of the stream."""

    def next(self) -> Reply | Literal[Incomplete.INCOMPLETE]:
        """Return the next reply or push, or INCOMPLETE until more bytes come.

        An error reply is returned as a ReplyError, never raised. Once the peer broke RESP, and the replies
        before that were handed out, every call raises the same ProtocolError.
        """

    @property
    def pending(self) -> bool:
        """Whether anything was fed that was not handed out as a reply, or the stream is broken."""


def make_decoder(options: ConnectionOptions) -> Decoder:
    """Return the decoder that the options name; the other one is not even imported."""
    if options.decoder == "typed":
        from pyredis.resp.decode import TypedDecoder

        return TypedDecoder(max_bulk=options.max_bulk)
    from pyredis.resp.fast import FastDecoder

    return FastDecoder(options.encoding, max_bulk=options.max_bulk)
