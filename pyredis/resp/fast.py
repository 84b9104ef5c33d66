"""The fast decoder: hiredis, and a guard that knows where hiredis cannot be trusted.

Knows which bytes hiredis takes wrongly, and when it has taken a whole reply. Refuses to know RESP beyond that:
a reply that hiredis gets wrong is decoded by the typed decoder and made plain, and hiredis goes on behind it.

hiredis reserves memory for every element that an aggregate announces, pairs equal keys of a map wrongly,
returns attributes as if they were the reply, takes any text for a big number and the length -1 for a null in
every type, replaces bytes outside UTF-8 in errors, and searches an unfinished line from its start again and
again. Each of these begins with a type byte that hardly occurs otherwise, and a byte that does not occur is
cheaply known not to. So there are four ways, from the cheapest to the last resort:

- a chunk that is one short string needs no decoder;
- a long string is cut out of the chunks it came in, which are not searched;
- a chunk in which no line begins with such a byte is hiredis' (``_flat``);
- any other is searched for line starts that can mean trouble (``_careful``). Whether one is a header or the
  inside of a string is asked of hiredis itself: fed up to there, it has bytes left over only when it stands
  inside a string. What hiredis may not have or refuses is judged by the typed decoder.
"""

from __future__ import annotations

from collections import deque

import hiredis

from pyredis.exceptions import ProtocolError, reply_error
from pyredis.resp import INCOMPLETE
from pyredis.types import Push, plain

TYPE_CHECKING = False
if TYPE_CHECKING:
    import re
    from collections.abc import Callable, Iterator
    from typing import Final, Literal

    from pyredis.exceptions import ReplyError
    from pyredis.resp import Incomplete
    from pyredis.resp.decode import TypedDecoder
    from pyredis.types import Reply

__all__ = ["FastDecoder"]

# Headers that hiredis may take wrongly: these types, much announced, a length of -1. Less than 1000 elements
# are no danger: 1024 such arrays in each other reserve 8 MiB. In this form ``re`` gives up early.
_TRAP = rb"[%|(*~>=](?:(?<=[%|(])|\d{4}|(?<!\*)-)"
_SOURCES: Final = {
    "first_trap": _TRAP,
    "later_trap": rb"\n" + _TRAP,
    "later_array": rb"\*\d{4}(?<=\n\*\d{4})",
    "later_type": rb"\n[%|(*~>=]",
    "long_string": rb"\$([1-9]\d{4,18})\r\n",
}


class _Patterns:
    """Each pattern is compiled when it is first asked for: many programs need none, and it takes a millisecond."""

    if TYPE_CHECKING:
        first_trap: re.Pattern[bytes]
        later_trap: re.Pattern[bytes]
        later_array: re.Pattern[bytes]
        later_type: re.Pattern[bytes]
        long_string: re.Pattern[bytes]
    else:

        def __getattr__(self, name):
            import re

            found = self.__dict__[name] = re.compile(_SOURCES[name])
            return found


_patterns: Final = _Patterns()

_TYPES: Final = b"%|(*~>="
_NEEDS_MORE = frozenset([b"*", b"~", b">", b"="])

# By the length of a chunk that is one string: its header.
_HEADERS: Final = {len(header) + size + 2: header for size in range(1000) for header in [b"$%d\r\n" % size]}
# What comes alone most often besides.
_ALONE: Final[dict[bytes, Reply]] = {b"+OK\r\n": b"OK", b"$-1\r\n": None, b":0\r\n": 0, b":1\r\n": 1}

_SHORT_HEADER: Final = 6  # up to the CR: a string of five digits is worth cutting out
_PIECE: Final = 32 * 1024  # hiredis moves the unread rest of what it was fed after every KiB it reads
_LARGE: Final = 64 * 1024  # of one item that is not whole; larger ones are the typed decoder's
_BUFFER: Final = 4 * _LARGE  # may stay with hiredis, which would free and ask for it with each piece
_ROOM_FROM: Final = 64 * 1024  # missing bytes of a long string that are worth a place of their own
_SEGMENT: Final = 1024 * 1024
_SPARES: Final = 4
_NOTHING: Final = bytearray()
_spare: Final[list[bytearray]] = []  # segments that no decoder uses now

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
_UNDECODABLE = (LookupError, MemoryError, RuntimeError, ValueError)


class FastDecoder:
    """Decodes a stream of replies into plain values: bytes or, with an encoding, str; int, float, list, dict.

    Bytes outside the encoding become surrogate escapes; errors are UTF-8 whatever the encoding is. A string
    of more than ``max_bulk`` bytes is a ProtocolError. Two bytes other than CRLF behind a string can pass
    unseen.
    """

    def __init__(self, encoding: str | None = None, *, max_bulk: int = 512 * 1024 * 1024) -> None:
        self.broken: str | None = None
        self._encoding = encoding
        self._decode = _decode_with(encoding)
        self._max_bulk = max_bulk
        simple = encoding is None and max_bulk >= 1000
        self._headers = _HEADERS if simple else {}
        self._alone = _ALONE if simple else {}
        # A string past max_bulk must become large before hiredis was fed all of it.
        self._large = min(_LARGE, max_bulk // 2)
        self._piece = max(1, min(_PIECE, self._large))
        self._large_piece = max(1, self._large)
        self._waiting: deque[Reply] = deque()  # for ``next``
        self._typed: TypedDecoder | None = None
        self._skipped = 0  # whole replies that the typed decoder will tell once more
        self._parts: list[
            bytes | bytearray | memoryview
        ] = []  # header and pieces of a long string, not whole
        self._missing = 0  # bytes of it, with its CRLF
        self.room: memoryview | None = None
        """Where the next bytes of the stream may be put, for ``filled``, instead of giving them to ``take``."""
        self._segment = _NOTHING  # the memory of ``room``
        self._filled = 0  # bytes of it
        self._begin(0)

    def take(self, chunk: bytes) -> list[Reply]:
        """Take the next bytes of the stream; return every reply and push that is whole now.

        Never raises: replies before a breach of RESP are returned, then ``broken`` says what it was.
        """
        if self._waiting:
            self.feed(chunk)
            replies = list(self._waiting)
            self._waiting.clear()
            return replies
        if self._idle:
            size = len(chunk)
            header = self._headers.get(size)
            if header is not None and chunk.startswith(header) and chunk.endswith(b"\r\n"):
                self._start += size
                return [chunk[len(header) : -2]]
            if size <= 5 and chunk in self._alone:
                self._start += size
                return [self._alone[chunk]]
        replies = []
        self._take(chunk, replies)
        return replies

    def feed(self, chunk: bytes) -> None:
        """Take the next bytes of the stream."""
        waiting, self._waiting = self._waiting, deque()
        waiting += self.take(chunk)
        self._waiting = waiting

    def next(self) -> Reply | Literal[Incomplete.INCOMPLETE]:
        """Return the next reply or push, or INCOMPLETE until more bytes come.

        After the peer broke RESP, and the replies before that were returned, every call raises the same
        ProtocolError.
        """
        if self._waiting:
            return self._waiting.popleft()
        if self.broken is not None:
            raise ProtocolError(self.broken)
        return INCOMPLETE

    @property
    def pending(self) -> bool:
        """Whether anything was fed that was not returned, or the stream is broken."""
        return not self._idle or bool(self._waiting)

    def _begin(self, offset: int) -> None:
        """Let hiredis start at an offset of the stream where a reply starts."""
        reader = _reader(self._encoding)
        self._feed, self._gets, self._has_data, self._length = (
            reader.feed,
            reader.gets,
            reader.has_data,
            reader.len,
        )
        self._idle = True  # hiredis has all that came, and stands between two replies
        self._outside = True  # hiredis has all that came, and stands in no aggregate
        self._held = b""  # the start of a line that is too short to tell a trap
        self._start = offset  # where a reply starts, the one in progress or one of the last
        self._kept: list[bytes | memoryview] = []  # what hiredis was fed from there on, if kept
        self._size = 0  # bytes of that
        self._count = 0  # whole replies in that
        self._claimed = 0  # elements announced since the last whole reply, if many
        self._came = 0  # bytes since the last whole reply

    def _take(self, chunk: bytes, replies: list[Reply]) -> None:
        """Decode a chunk, by whoever may decode it."""
        if self._typed is not None:
            chunk = self._feed_typed(self._typed, chunk, replies, give_back=True)
        elif self._parts:
            chunk = self._feed_long(chunk, replies)
        if self._idle and chunk.startswith(b"$") and b"\r" not in chunk[:_SHORT_HEADER]:
            chunk = self._cut_long(chunk, replies)
        if not chunk or self.broken is not None:
            return
        harmless = not self._held and _harmless(chunk)
        if self._outside and (harmless or _begins_nothing(chunk)):
            self._flat(chunk, replies)
            return
        if harmless:
            self._give(chunk, 0, len(chunk), replies)
        else:
            self._careful(chunk, replies)
        # In no aggregate, too, when none began with the reply in progress or behind its start.
        self._outside = self._idle or (
            len(self._kept) == 1 and not self._held and _begins_nothing(bytes(self._kept[0]))
        )

    # -- long strings in no aggregate

    def _cut_long(self, chunk: bytes, replies: list[Reply]) -> bytes:
        """Cut out the long strings that a chunk begins with; return what stands behind them."""
        at = 0
        while (header := _patterns.long_string.match(chunk, at)) is not None:
            size, start = int(header[1]), header.end()
            end = start + size
            if size > self._max_bulk or chunk[end : end + 2] not in (b"\r\n", b"\r", b""):
                self._start += at
                self._hand_over(chunk[at:], replies)
                return b""
            if len(chunk) < end + 2:
                self._start += at
                self._parts = [header[0], chunk[start:]]
                self._missing = end + 2 - len(chunk)
                self._idle = self._outside = False
                self._make_room()
                return b""
            if not self._add_string(chunk[start:end], replies):
                return b""
            at = end + 2
        self._start += at
        return chunk[at:]

    def _feed_long(self, chunk: bytes, replies: list[Reply]) -> bytes:
        """Take what is missing of a long string; return what stands behind it."""
        while self.room is not None and chunk:
            size = min(len(self.room), len(chunk))
            self.room[:size] = chunk[:size]
            replies += self.filled(size)
            chunk = chunk[size:]
        if not (self._parts and chunk):
            return chunk
        parts, missing = self._parts, self._missing
        self._missing -= min(missing, len(chunk))
        if not isinstance(parts[-1], bytearray):
            parts.append(bytearray())
        parts[-1] += chunk[:missing]  # type: ignore[operator]
        return chunk[:0] if self._missing else self._end_long(chunk[missing:], replies)

    def filled(self, size: int) -> list[Reply]:
        """Take so many bytes that stand in ``room`` now; return what is whole with them."""
        self._missing -= size
        self._filled += size
        replies: list[Reply] = []
        if not self._missing:
            self._keep_filled()
            self._end_long(b"", replies)
        elif self.room is not None:
            self.room = self.room[size:]
            if not self.room:
                self._keep_filled()
                self._make_room()
        return replies

    def _make_room(self) -> None:
        """Offer room where the next bytes of a long string may be read to, so that they are moved but once.

        Fresh memory costs more than to fill it, so what was used is used again. A claim alone reserves no more
        than that, or than what has come.
        """
        if self._missing < _ROOM_FROM:
            return
        came = sum(map(len, self._parts))
        if came <= _SEGMENT:
            self._segment = _spare.pop() if _spare else bytearray(_SEGMENT)
        else:
            self._segment = bytearray(min(self._missing, came))
        # The CRLF stays in one piece.
        end = len(self._segment) - (self._missing == len(self._segment) + 1)
        self._filled = 0
        self.room = memoryview(self._segment)[: min(end, self._missing)]

    def _keep_filled(self) -> None:
        """Take back the room; what was read to it is part of the string."""
        if self.room is not None:
            self.room = None
            self._parts.append(memoryview(self._segment)[: self._filled])

    def _end_long(self, rest: bytes, replies: list[Reply]) -> bytes:
        """Tell a long string that is whole; return what stands behind it."""
        parts, self._parts = self._parts, []
        if len(parts[-1]) < 2:
            parts[-2:] = [bytes(parts[-2]) + bytes(parts[-1])]
        if parts[-1][-2:] != b"\r\n":
            self._kept = list(map(bytes, parts))
            self._hand_over(rest, replies)
            return b""
        header, *pieces = parts
        pieces[-1] = memoryview(pieces[-1])[:-2]
        text = b"".join(pieces)
        self._start += len(header) + len(text) + 2
        self._idle = self._outside = True
        self._segment = _NOTHING
        for piece in pieces:
            memory = piece.obj if isinstance(piece, memoryview) else None
            if isinstance(memory, bytearray) and len(memory) == _SEGMENT and len(_spare) < _SPARES:
                _spare.append(memory)
        return rest if self._add_string(text, replies) else b""

    def _add_string(self, text: bytes, replies: list[Reply]) -> bool:
        try:
            replies.append(text if self._decode is None else self._decode(text))
        except _UNDECODABLE as error:
            self._give_up(f"a reply cannot be decoded: {type(error).__name__}")
            return False
        return True

    # -- strings and lines in no aggregate that hiredis may have

    def _flat(self, chunk: bytes, replies: list[Reply]) -> None:
        """Feed hiredis a chunk in which no aggregate begins, nor anything else that it takes wrongly.

        C code calls ``gets`` here, and nothing is asked between two replies. So it is not known where they
        start, which matters when the last one is not whole. Where that starts is guessed; the guess was wrong
        if hiredis, fed up to there, has bytes left over.
        """
        had, size = len(replies), len(chunk)
        end = size if chunk.endswith(b"\n") else _guess(chunk)
        if end:
            if not self._pour(chunk, 0, end, replies, had):
                return
            if not self._has_data():
                self._rest(end)
                if end == size:
                    return
                chunk = self._cut_long(chunk[end:], replies)
                if not chunk:
                    return
                had, end = len(replies), 0
        if self._pour(chunk, end, len(chunk), replies, had):
            self._keep(chunk, len(replies) - had)
            self._outside = self._size <= self._large

    def _pour(self, chunk: bytes, at: int, end: int, replies: list[Reply], had: int) -> bool:
        """Feed hiredis a part of the chunk and take all whole replies; return whether it can go on."""
        feed, gets, piece = self._feed, self._gets, self._piece
        try:
            while at < end:
                feed(chunk, at, min(piece, end - at))
                at += piece
                # What was taken before ``gets`` raises stays in the list.
                replies.extend(iter(gets, INCOMPLETE))
                if self._length() > self._large:
                    break
            else:
                return True
        except _REFUSALS:
            pass
        self._keep(chunk, len(replies) - had)
        self._hand_over(b"", replies)
        return False

    # -- whatever else there may be

    def _careful(self, chunk: bytes, replies: list[Reply]) -> None:
        """Feed hiredis what it may have; from the first byte that it may not have on, the typed decoder."""
        chunk = self._held + chunk
        self._held = b""
        at = 0
        for line in _suspects(chunk):
            if not self._give(chunk, at, line, replies):
                return
            if not self._may_go_on(chunk, line):
                self._hand_over(chunk[line:], replies)
                return
            at = line
        end = _told(chunk)
        if self._give(chunk, at, end, replies):
            self._held = chunk[end:]
            if self._held:
                self._idle = False

    def _give(self, chunk: bytes, at: int, end: int, replies: list[Reply]) -> bool:
        """Feed hiredis a part of the chunk; where it cannot go on, hand over all the rest and return False."""
        while at < end:
            stop = min(at + self._large_piece, end)
            if not self._take_piece(chunk, at, stop, replies):
                self._hand_over(chunk[stop:], replies)
                return False
            at = stop
        return True

    def _take_piece(self, chunk: bytes, at: int, stop: int, replies: list[Reply]) -> bool:
        """Feed hiredis a piece and take all whole replies out of it; return whether it can go on."""
        gets, has_data, length, append = self._gets, self._has_data, self._length, replies.append
        count = left = 0
        try:
            self._feed(chunk, at, stop - at)
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
                if length() != held:
                    held = left = length()
                    count = 0
            else:
                self._rest(stop - at)
                return True
        except _REFUSALS:
            can_go_on = False
        if left:
            self._rest(stop - left - at)
            at = stop - left
        self._keep(memoryview(chunk)[at:stop], count)
        return can_go_on

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

    # -- where hiredis stands

    def _rest(self, fed: int) -> None:
        """Note that hiredis, fed so many bytes more, stood between two replies: nothing need be kept."""
        self._idle = self._outside = True
        self._start += self._size + fed
        self._count = self._size = self._claimed = self._came = 0
        if self._kept:
            self._kept = []

    def _keep(self, piece: bytes | memoryview, count: int) -> None:
        """Keep what hiredis was fed for the typed decoder, and how many whole replies are in it."""
        self._idle = False
        self._kept.append(piece)
        self._size += len(piece)
        self._came += len(piece)
        if count:
            self._count += count
            self._claimed = self._came = 0

    def _hand_over(self, rest: bytes, replies: list[Reply]) -> None:
        """Let the typed decoder tell the reply in progress, and whatever else the chunk brought."""
        from pyredis.resp.decode import TypedDecoder

        self._idle = self._outside = False
        self._skipped = self._count
        self._typed = typed = TypedDecoder(max_bulk=self._max_bulk, offset=self._start)
        for piece in self._kept:
            typed.feed(bytes(piece))
        self._kept = []
        self._feed_typed(typed, rest, replies, give_back=False)

    def _feed_typed(
        self, typed: TypedDecoder, chunk: bytes, replies: list[Reply], *, give_back: bool
    ) -> bytes:
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
                replies.append(plain(reply, self._decode))
                if give_back:
                    break
        except ProtocolError as error:
            return self._give_up(str(error))
        except _UNDECODABLE as error:
            return self._give_up(f"a reply cannot be decoded: {type(error).__name__}")
        if reply is INCOMPLETE and typed.pending:
            return b""
        self._typed = None
        self._begin(typed.offset)
        return typed.unread()

    def _give_up(self, reason: str) -> bytes:
        self.broken = reason
        self._typed = None
        self._idle = self._outside = False
        return b""


def _harmless(chunk: bytes) -> bool:
    """Return whether hiredis may have the chunk, and no aggregate begins in it, whatever came before."""
    return 42 not in chunk and not _odd(chunk)  # *


def _begins_nothing(chunk: bytes) -> bool:
    """Return whether no line begins in the chunk as an aggregate does or what hiredis takes wrongly."""
    return chunk[0] not in _TYPES and _patterns.later_type.search(chunk) is None


def _odd(chunk: bytes) -> bool:
    """Return whether a line may begin in the chunk that hiredis takes wrongly, other than an array.

    Looking for one byte is much faster than any regular expression, most of all for an int.
    """
    return (
        37 in chunk  # %
        or 124 in chunk  # |
        or 40 in chunk  # (
        or 126 in chunk  # ~
        or 62 in chunk  # >
        or (61 in chunk and (45 in chunk or chunk[-1] == 61))  # =-
    )


def _guess(chunk: bytes) -> int:
    """Return where the reply may start that a chunk without an LF at its end breaks off in."""
    line = chunk.rfind(b"\n") + 1
    if chunk[line] in b"+-:,#_":
        return line
    string = chunk.rfind(b"\r\n$")
    return string + 2 if string >= 0 else 0


def _suspects(chunk: bytes) -> Iterator[int]:
    """Yield where the lines start that may be a trap or the inside of a string."""
    if _patterns.first_trap.match(chunk):
        yield 0
    if _odd(chunk):
        for trap in _patterns.later_trap.finditer(chunk):
            yield trap.start() + 1
    elif chunk.find(b"*", 1) > 0:
        for trap in _patterns.later_array.finditer(chunk):
            yield trap.start()


def _told(chunk: bytes) -> int:
    """Return where to stop for now: before a last line that is too short to tell whether it is a trap.

    Without its LF it cannot complete a reply, so nobody waits for it in vain.
    """
    line = chunk.rfind(b"\n") + 1
    short = len(chunk) - line <= _HEADER and chunk[line : line + 1] in _NEEDS_MORE
    return line if short else len(chunk)


def _reader(encoding: str | None) -> hiredis.Reader:
    if encoding is None:
        reader = hiredis.Reader(replyError=_reply_error, notEnoughData=INCOMPLETE)
    else:
        reader = hiredis.Reader(
            replyError=_reply_error, notEnoughData=INCOMPLETE, encoding=encoding, errors="surrogateescape"
        )
    reader.setmaxbuf(_BUFFER)
    return reader


def _reply_error(text: str) -> ReplyError:
    """Return the error; refuse a text in which hiredis may have replaced bytes that are not UTF-8."""
    if "\ufffd" in text:
        raise ValueError("replaced bytes")
    return reply_error(text)


def _decode_with(encoding: str | None) -> Callable[[bytes], str] | None:
    if encoding is None:
        return None
    return lambda text: text.decode(encoding, "surrogateescape")
