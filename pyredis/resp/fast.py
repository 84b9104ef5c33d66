"""The fast decoder: hiredis, and a guard that knows where hiredis cannot be trusted.

Knows which bytes hiredis takes wrongly, and when it has taken a whole reply. Refuses to know RESP beyond that:
a reply that hiredis gets wrong is decoded by the typed decoder and made plain, and hiredis goes on behind it.

hiredis reserves memory for every element that an aggregate announces, pairs equal keys of a map wrongly,
returns attributes as if they were the reply, takes any text for a big number and the length -1 for a null in
every type, replaces bytes outside UTF-8 in errors, and searches an unfinished line from its start again and
again. So each chunk is searched for the few line starts that can mean one of these. Whether such a line
start is a header or the inside of a string is asked of hiredis itself: fed up to there, it has bytes left
over only when it stands inside a string. What hiredis refuses is judged by the typed decoder, too.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING, Final, Literal

import hiredis

from pyredis.exceptions import ProtocolError, ReplyError, reply_error
from pyredis.resp import INCOMPLETE, Incomplete
from pyredis.types import Push, Reply, plain

if TYPE_CHECKING:
    from pyredis.resp.decode import TypedDecoder

__all__ = ["FastDecoder"]

# Headers that hiredis may take wrongly: these types, much announced, a length of -1. Less than 1000 elements
# are no danger: 1024 such arrays in each other reserve 8 MiB. In this form ``re`` gives up early.
_TRAP = rb"[%|(*~>=](?:(?<=[%|(])|\d{4}|(?<!\*)-)"
_FIRST_TRAP = re.compile(_TRAP)
_LATER_TRAP = re.compile(rb"\n" + _TRAP)

_NEEDS_MORE = frozenset([b"*", b"~", b">", b"="])
_STRING = re.compile(rb"\$(\d{1,19})\r\n")

_PIECE: Final = 16 * 1024  # hiredis moves the unread rest of what it was fed after every KiB it reads
_LARGE: Final = 64 * 1024  # of one item that is not whole; larger ones are the typed decoder's
_HEADER: Final = 24  # a type byte, the digits of 64 bits, CRLF, and slack
_CLAIMS: Final = 2**20  # elements that may be announced beyond those that can have come

_HiredisPush = hiredis.PushNotification

# Whatever comes out of ``gets``: its own errors, keys that cannot be hashed, memory, codecs.
_REFUSALS = (
    hiredis.HiredisError,
    LookupError,
    MemoryError,
    RuntimeError,
    SystemError,
    TypeError,
    ValueError,
)


class FastDecoder:
    """Decodes a stream of replies into plain values: bytes or, with an encoding, str; int, float, list, dict.

    Bytes outside the encoding become surrogate escapes; errors are UTF-8 whatever the encoding is. A string
    of more than ``max_bulk`` bytes is a ProtocolError. Two bytes other than CRLF behind a string can pass
    unseen.
    """

    def __init__(self, encoding: str | None = None, *, max_bulk: int = 512 * 1024 * 1024) -> None:
        self._encoding = encoding
        self._decode = _decode_with(encoding)
        self._max_bulk = max_bulk
        # A string past max_bulk must become large before hiredis was fed all of it.
        self._large = min(_LARGE, max_bulk // 2)
        self._piece = max(1, min(_PIECE, self._large))
        self._replies: deque[Reply] = deque()
        self._typed: TypedDecoder | None = None
        self._skipped = 0
        self._broken: str | None = None
        self._begin(0)

    def feed(self, chunk: bytes) -> None:
        """Take the next bytes of the stream."""
        if self._typed is not None:
            chunk = self._feed_typed(self._typed, chunk, give_back=True)
        if chunk and self._broken is None:
            self._feed_hiredis(chunk)

    def next(self) -> Reply | Literal[Incomplete.INCOMPLETE]:
        """Return the next reply or push, or INCOMPLETE until more bytes come.

        After the peer broke RESP, and the replies before that were returned, every call raises the same
        ProtocolError.
        """
        if self._replies:
            return self._replies.popleft()
        if self._broken is not None:
            raise ProtocolError(self._broken)
        return INCOMPLETE

    @property
    def pending(self) -> bool:
        """Whether anything was fed that ``next`` has not returned, or the stream is broken."""
        return bool(self._replies) or not self._between or bool(self._held)

    def _begin(self, offset: int) -> None:
        """Let hiredis start at an offset of the stream where a reply starts."""
        reader = _reader(self._encoding)
        self._feed, self._gets, self._has_data, self._length = (
            reader.feed,
            reader.gets,
            reader.has_data,
            reader.len,
        )
        self._between = True  # hiredis stands between two replies
        self._held = b""  # the start of a line that is too short to tell a trap
        self._kept: deque[bytes] = deque()  # what hiredis was fed, from ``_kept_at`` to ``_fed``
        self._kept_at = self._fed = offset
        self._start = offset  # where a reply starts, the one in progress or one of the last
        self._count = 0  # whole replies from ``_start`` on
        self._claimed = 0  # elements announced since the last whole reply, if many
        self._came = 0  # bytes since the last whole reply

    def _feed_hiredis(self, chunk: bytes) -> None:
        """Feed hiredis what it may have; from the first byte that it may not have on, the typed decoder."""
        if self._held:
            chunk = self._held + chunk
            self._held = b""
        if self._between and self._announces_large(chunk):
            self._hand_over(chunk)
            return
        at = 0
        line = 0 if _FIRST_TRAP.match(chunk) else _next_trap(chunk, 0)
        while line >= 0:
            if not self._give(chunk, at, line):
                return
            if not self._may_go_on(chunk, line):
                self._hand_over(chunk[line:])
                return
            at = line
            line = _next_trap(chunk, at)
        end = self._told(chunk)
        if self._give(chunk, at, end):
            self._held = chunk[end:]

    def _announces_large(self, chunk: bytes) -> bool:
        """Return whether a string begins here that hiredis would only hold on to, and others search."""
        string = _STRING.match(chunk) if len(chunk) >= _PIECE else None
        return string is not None and int(string[1]) > _LARGE

    def _told(self, chunk: bytes) -> int:
        """Return where to stop for now: before a last line that is too short to tell whether it is a trap.

        Without its LF it cannot complete a reply, so nobody waits for it in vain.
        """
        line = chunk.rfind(b"\n") + 1
        short = len(chunk) - line <= _HEADER and chunk[line : line + 1] in _NEEDS_MORE
        return line if short else len(chunk)

    def _give(self, chunk: bytes, at: int, end: int) -> bool:
        """Feed hiredis a part of the chunk; where it cannot go on, hand over all the rest and return False."""
        while at < end:
            stop = min(at + self._piece, end)
            if not self._take(chunk[at:stop]):
                self._hand_over(chunk[stop:])
                return False
            at = stop
        return True

    def _take(self, piece: bytes) -> bool:
        """Feed hiredis a piece and take all whole replies out of it; return whether it can go on."""
        gets, has_data, length, append = self._gets, self._has_data, self._length, self._replies.append
        start, count = self._start, self._count
        self._fed += len(piece)
        try:
            self._feed(piece)
            held = length()
            while has_data():
                reply = gets()
                if reply is INCOMPLETE:
                    can_go_on = length() <= self._large
                    break
                if type(reply) is _HiredisPush:
                    if not reply:
                        can_go_on = False
                        break
                    reply = Push(reply)
                append(reply)
                count += 1
                # hiredis forgets what it has read once that is a KiB. When it did so with a reply, what it
                # still holds begins with the next one.
                left = length()
                if left != held:
                    start, count, held = self._fed - left, 0, left
            else:
                self._rest()
                return True
        except _REFUSALS:
            can_go_on = False
        self._keep(piece, start, count)
        return can_go_on

    def _rest(self) -> None:
        """Note that hiredis stands between two replies: nothing need be kept."""
        self._between = True
        self._start = self._kept_at = self._fed
        self._count = self._claimed = self._came = 0
        if self._kept:
            self._kept.clear()

    def _keep(self, piece: bytes, start: int, count: int) -> None:
        """Keep what hiredis was fed, from the last known start of a reply on."""
        self._between = False
        kept = self._kept
        kept.append(piece)
        self._came += len(piece)
        if start != self._start or count != self._count:
            self._start, self._count = start, count
            self._claimed = self._came = 0
            while kept and self._kept_at + len(kept[0]) <= start:
                self._kept_at += len(kept.popleft())

    def _may_go_on(self, chunk: bytes, line: int) -> bool:
        """Return whether hiredis, fed up to a line that looks like a trap, may have that line."""
        if self._has_data():
            return True  # it stands inside a string
        end = chunk.find(b"\r", line, line + _HEADER)
        count = chunk[line + 1 : end]
        if chunk[line] in b"%|(" or end < 0 or not count.isdigit():
            return False
        if chunk[line] in b"=":
            return True
        self._claimed += int(count)
        # An element takes three bytes at least.
        return self._claimed - self._came // 3 <= _CLAIMS

    def _hand_over(self, rest: bytes) -> None:
        """Let the typed decoder tell the reply in progress, and whatever else the chunk brought."""
        from pyredis.resp.decode import TypedDecoder

        self._between = False
        self._skipped = self._count
        self._typed = typed = TypedDecoder(max_bulk=self._max_bulk, offset=self._start)
        for piece in self._kept:
            typed.feed(piece[max(0, self._start - self._kept_at) :])
            self._kept_at += len(piece)
        self._kept.clear()
        self._feed_typed(typed, rest, give_back=False)

    def _feed_typed(self, typed: TypedDecoder, chunk: bytes, *, give_back: bool) -> bytes:
        """Take replies from the typed decoder; once between two of them, let hiredis begin again there.

        With ``give_back`` that is after the first reply, and the rest of the chunk is returned. Without, it
        is at the end of the chunk: a chunk changes hands twice at most.
        """
        typed.feed(chunk)
        try:
            while (reply := typed.next()) is not INCOMPLETE:
                if self._skipped:
                    self._skipped -= 1
                    continue
                self._replies.append(plain(reply, self._decode))
                if give_back:
                    break
        except ProtocolError as error:
            return self._give_up(str(error))
        except (LookupError, MemoryError, RuntimeError, ValueError) as error:
            return self._give_up(f"a reply cannot be decoded: {type(error).__name__}")
        if reply is INCOMPLETE and typed.pending:
            return b""
        self._typed = None
        self._begin(typed.offset)
        return typed.unread()

    def _give_up(self, reason: str) -> bytes:
        self._broken = reason
        self._typed = None
        return b""


def _next_trap(chunk: bytes, at: int) -> int:
    """Return where the next line starts that may be a trap or the inside of a string, -1 for none."""
    trap = _LATER_TRAP.search(chunk, at)
    return trap.start() + 1 if trap else -1


def _reader(encoding: str | None) -> hiredis.Reader:
    if encoding is None:
        return hiredis.Reader(replyError=_reply_error, notEnoughData=INCOMPLETE)
    return hiredis.Reader(
        replyError=_reply_error, notEnoughData=INCOMPLETE, encoding=encoding, errors="surrogateescape"
    )


def _reply_error(text: str) -> ReplyError:
    """Return the error; refuse a text in which hiredis may have replaced bytes that are not UTF-8."""
    if "\ufffd" in text:
        raise ValueError("replaced bytes")
    return reply_error(text)


def _decode_with(encoding: str | None) -> Callable[[bytes], str] | None:
    if encoding is None:
        return None
    return lambda text: text.decode(encoding, "surrogateescape")
