"""The typed decoder: all of RESP2 and RESP3, every reply with its wire type.

Knows the grammar of replies and its limits. Refuses to know who asked: a push is a value like any other, an
error reply is an object. ``_Inbox`` holds the bytes; a row for each type consumes one item or says INCOMPLETE
and consumes nothing; a stack of frames (never Python's own) puts items into aggregates.

Nothing is sized by what a peer announces: lists and buffers grow with the bytes that came. No byte is
searched or joined twice while more are awaited, however small the pieces are.
"""

from __future__ import annotations

from io import BytesIO

from pyredis.exceptions import ProtocolError, reply_error
from pyredis.records import cast
from pyredis.resp import INCOMPLETE, Decoder, Incomplete
from pyredis.types import Attributed, BigNumber, Double, Map, Push, Set, Status, Verbatim

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Final, Literal, Protocol, TypeAlias

    from pyredis.types import Reply

    _NotYet: TypeAlias = Literal[Incomplete.INCOMPLETE]
    _Build: TypeAlias = Callable[[list[Reply]], Reply]

    class _Row(Protocol):
        """How items of one type are read."""

        def read(self, decoder: TypedDecoder) -> Reply | _NotYet:
            """Consume one item and return it; INCOMPLETE when it opened a frame or must be awaited."""


__all__ = ["INCOMPLETE", "Decoder", "Incomplete", "TypedDecoder"]

# What a header can announce besides a length.
_NULL: Final = -1
_STREAMED: Final = -2

_LONGEST_LENGTH: Final = 19  # digits
_LONGEST_NUMBER: Final = 4097  # a sign and 4096 digits; int() refuses more than 4300

_IN_FINITE: Final = b"0123456789+-.eE"
_NOT_FINITE: Final = frozenset([b"inf", b"+inf", b"-inf", b"nan", b"-nan"])

# The headers of short bulk strings, so that a run of them needs no number parsing; made for the first run.
_SHORTER: Final = 1024
_HEADERS: list[bytes] = []
_SHORT: dict[bytes, int] = {}

_SHORT_LINE: Final = 22  # bytes of a line that may be one of many: a type byte, 18 digits, CRLF, and slack
_RUN: Final = 32  # strings that an aggregate must lack for them to be split off together
_WINDOW: Final = 16 * 1024  # bytes that are split at once
_LONG: Final = 64 * 1024  # bytes of a string that is gathered apart, when it is not all there


class _Inbox:
    """The bytes that came and were not consumed: ``seen`` from ``at`` on, then ``_late``.

    Rows read ``seen``. A row that finds it too short says what it wants; bytes that come later gather in
    ``_late`` and are joined to the rest of ``seen`` once, when they are enough. The bytes of a long string are
    not in ``seen`` at all, where nothing but its header and its CRLF stand: they go into ``_long``.
    """

    __slots__ = ("_judged", "_late", "_long", "_missing", "_searched", "_wanted", "at", "before", "seen")

    def __init__(self, offset: int) -> None:
        self.seen = b""
        self.at = 0
        self.before = offset  # how much of the stream stands before ``seen``
        self._late = bytearray()
        self._long: BytesIO | None = None
        self._missing = 0  # bytes of the long string
        self._wanted = 0  # bytes from ``at``; 0: nobody waits
        self._judged = 0  # with so many bytes a line is judged, ended or not; 0: no line is awaited
        self._searched = 0  # of ``_late``, for the end of the line

    def __bool__(self) -> bool:
        return self.at < len(self.seen) or bool(self._late)

    def add(self, chunk: bytes) -> None:
        if self._missing:
            chunk = self._lengthen(chunk)
        if self:
            self._late += chunk
        else:
            self._show(chunk)

    def take(self) -> bytes:
        """Consume and return all there is."""
        rest = self.seen[self.at :] + self._late
        self._long = None
        self._missing = 0
        self._show(rest)
        self.at = len(rest)
        self._show(b"")
        return rest

    def let_go(self) -> None:
        """Forget the bytes that were consumed when they are all of ``seen``, for they may be many."""
        if self.at == len(self.seen):
            self.before += self.at
            self.seen = b""
            self.at = 0

    def ready(self) -> bool:
        """Return whether reading can go on: nobody waits, or what was wanted has come."""
        if not self._wanted:
            return True
        held = len(self.seen) - self.at + len(self._late)
        if held < self._wanted:
            return False
        if held < self._judged and self._late.find(b"\n", self._searched) < 0:
            self._searched = len(self._late)
            return False
        self._show(self.seen[self.at :] + self._late)
        return True

    def want_item(self) -> _NotYet:
        """Wait for the first byte of an item."""
        self._wanted = 1
        self._judged = 0
        return INCOMPLETE

    def line(self, longest: int) -> bytes | None:
        """Consume a type byte and its line; return the line without CRLF, None when it must be awaited."""
        start = self.at + 1
        end = self.seen.find(b"\n", start, start + longest + 2)
        if end < 0:
            held = len(self.seen) - self.at
            if held >= longest + 3:
                raise ValueError(f"a line of more than {longest} bytes")
            self._wanted = held + 1
            self._judged = longest + 3
            self._searched = 0
            return None
        if self.seen[end - 1] != 13:
            raise ValueError("a line that ends in LF without CR")
        self.at = end + 1
        return self.seen[start : end - 1]

    def string(self, size: int, item: int) -> bytes | None:
        """Consume a string and its CRLF; return it, or None and go back to ``item`` when it must be awaited."""
        if self._long is not None:
            text = self._long.getvalue()
            self._long = None
            self._end_string(self.at, size)
            self.before += size
            return text
        start, end = self.at, self.at + size
        if len(self.seen) < end + 2:
            self.at = item
            self._wanted = end + 2 - item
            self._judged = 0
            if size > _LONG:
                self._gather(size, start)
            return None
        self._end_string(end, size)
        return self.seen[start:end]

    def _end_string(self, end: int, size: int) -> None:
        if self.seen[end : end + 2] != b"\r\n":
            raise ValueError(f"a string of {size} bytes that is not followed by CRLF")
        self.at = end + 2

    def _gather(self, size: int, start: int) -> None:
        """Gather a string apart that begins at ``start`` of ``seen``, behind its header."""
        came, late = self.seen[start:], self._late
        self._show(self.seen[self.at : start])
        # What was written to it becomes its value without being copied; of a list or a bytearray it would be.
        self._long = BytesIO()
        self._missing = size
        self._wanted = len(self.seen) + 2
        self.add(came)
        if late:
            self.add(bytes(late))

    def _lengthen(self, chunk: bytes) -> bytes:
        """Add what is missing to the long string; return what stands behind it."""
        some = memoryview(chunk)[: self._missing]
        cast("BytesIO", self._long).write(some)
        self._missing -= len(some)
        return chunk[len(some) :]

    def _show(self, chunk: bytes) -> None:
        self.before += self.at
        self.seen = chunk
        self.at = 0
        self._wanted = 0
        if self._late:
            self._late = bytearray()


class _Frame:
    """An aggregate in the making; ``size`` is the number of items due, _STREAMED when only the end tells."""

    __slots__ = ("build", "items", "rows", "size", "uniform")

    def __init__(self, build: _Build, size: int, rows: Mapping[int, _Row]) -> None:
        self.build = build
        self.size = size
        self.rows = rows
        self.items: list[Reply] = []
        self.uniform = True  # nothing but short strings has been seen

    @property
    def due(self) -> int:
        """How many items may be added together; those of a streamed one are counted one by one."""
        return 1 if self.size == _STREAMED else self.size - len(self.items)


class TypedDecoder:
    """Decodes a stream of replies into values that keep their wire type.

    Status, bytes, Verbatim, int, Double, BigNumber, bool, None, list, Map, Set, Push, Attributed and
    ReplyError. A push stands between replies, never inside one. Limits, each a ProtocolError when passed:
    ``max_bulk`` bytes in a string, ``max_elements`` in the aggregates of one reply together (a pair of a map
    counts as two), ``max_line`` bytes in a status or an error, ``max_depth`` aggregates inside each other.
    ``offset`` is where the first byte stands in the stream that error messages count.

    With ``join``, for who only writes them out again, short strings that stand next to each other in an array
    become one, with these bytes between them; a string that stands alone, or is long, stays as it is.
    """

    def __init__(
        self,
        *,
        max_bulk: int = 512 * 1024 * 1024,
        max_elements: int = 2**26,
        max_line: int = 1024 * 1024,
        max_depth: int = 1024,
        offset: int = 0,
        join: bytes | None = None,
    ) -> None:
        self._max_bulk = max_bulk
        self._join = join
        self._max_elements = max_elements
        self._max_line = max_line
        self._max_depth = max_depth
        self._may_run = max_bulk >= _SHORTER
        self._inbox = _Inbox(offset)
        self._stack: list[_Frame] = []
        self._elements = 0  # announced in the reply in progress
        self._streamed = 0  # bytes in the streamed string in progress
        self._item_at = 0
        self.broken: str | None = None
        self.room: memoryview | None = None
        """Never offered: what comes is copied once in any case."""

    def filled(self, size: int) -> list[Reply]:
        """Return nothing: there is no room that bytes could be put into."""
        return []

    def take(self, chunk: bytes) -> list[Reply]:
        """Take the next bytes of the stream; return every reply and push that is whole now.

        Replies before a breach of RESP are returned, then ``broken`` says what it was.
        """
        self.feed(chunk)
        replies: list[Reply] = []
        inbox = self._inbox
        while True:
            if not self._stack and inbox.ready():
                inbox.at = _short_items(inbox.seen, inbox.at, len(inbox.seen), self._may_run, replies)
                inbox.let_go()
            if self.broken is not None or (reply := self._next()) is INCOMPLETE:
                return replies
            replies.append(reply)

    def feed(self, chunk: bytes) -> None:
        """Take the next bytes of the stream."""
        if chunk and self.broken is None:
            self._inbox.add(chunk)

    def next(self) -> Reply | _NotYet:
        """Return the next reply or push, or INCOMPLETE until more bytes come.

        After the peer broke RESP every call raises the same ProtocolError.
        """
        reply = INCOMPLETE if self.broken is not None else self._next()
        if self.broken is not None:
            raise ProtocolError(self.broken)
        return reply

    @property
    def pending(self) -> bool:
        """Whether bytes were fed that no reply has used up, or the stream is broken."""
        return self.broken is not None or bool(self._stack) or bool(self._inbox)

    @property
    def offset(self) -> int:
        """Where in the stream the next reply starts; only between two replies."""
        return self._inbox.before + self._inbox.at

    def unread(self) -> bytes:
        """Return the bytes behind the last reply and forget them; only between two replies."""
        return self._inbox.take()

    def _next(self) -> Reply | _NotYet:
        """Return the next reply, INCOMPLETE when more bytes must come or the stream broke."""
        try:
            return self._reply()
        except ValueError as error:
            self._give_up(str(error))
        except MemoryError:
            self._give_up("more than there is memory for")
        return INCOMPLETE

    def _give_up(self, reason: str) -> None:
        offset = self._inbox.before + self._item_at
        self.broken = (
            f"not RESP at byte {offset} of the stream: {reason}; the connection cannot be used again"
        )
        self._inbox.take()
        self._stack.clear()

    def _reply(self) -> Reply | _NotYet:
        while self._inbox.ready():
            item = self._item()
            if item is INCOMPLETE:
                continue  # an aggregate was opened, or the inbox now waits
            reply = self._placed(item)
            if reply is not INCOMPLETE:
                self._elements = 0
                self._inbox.let_go()
                return reply
        return INCOMPLETE

    def _item(self) -> Reply | _NotYet:
        """Read the next item of the innermost frame or, when none is open, of the stream."""
        inbox = self._inbox
        self._item_at = inbox.at
        if inbox.at == len(inbox.seen):
            return inbox.want_item()
        kind = inbox.seen[inbox.at]
        row = (self._stack[-1].rows if self._stack else _BETWEEN_REPLIES).get(kind)
        if row is None:
            raise ValueError(f"no item that may stand here begins with 0x{kind:02x}")
        return row.read(self)

    def _placed(self, item: Reply) -> Reply | _NotYet:
        """Put an item into the innermost frame, a full frame into the next; return the outermost when full."""
        stack = self._stack
        while stack:
            frame = stack[-1]
            frame.items.append(item)
            if frame.size == _STREAMED:
                self._count(1)
                return INCOMPLETE
            if len(frame.items) < frame.size:
                return INCOMPLETE
            built = self._close()
            if built is INCOMPLETE:
                return INCOMPLETE
            item = built
        return item

    def _close(self) -> Reply | _NotYet:
        """Build the innermost frame; attributes open a frame for the reply they belong to instead."""
        frame = self._stack.pop()
        item = frame.build(frame.items)
        if isinstance(item, _Attributes):
            return self._open(_Frame(item.attached, 1, _WITHIN))
        return item

    def _open(self, frame: _Frame) -> _NotYet:
        if len(self._stack) >= self._max_depth:
            raise ValueError(f"aggregates nested more than {self._max_depth} deep")
        self._stack.append(frame)
        return INCOMPLETE

    def _count(self, elements: int) -> None:
        self._elements += elements
        if self._elements > self._max_elements:
            raise ValueError(f"a reply of more than {self._max_elements} elements")

    def _check_size(self, size: int) -> None:
        if size > self._max_bulk:
            raise ValueError(f"a string of {size} bytes; max_bulk is {self._max_bulk}")


class _Line:
    """A type that is one line; ``longest`` None is the decoder's ``max_line``."""

    def __init__(self, build: Callable[[bytes], Reply], longest: int | None = _LONGEST_NUMBER) -> None:
        self.build = build
        self.longest = longest

    def read(self, decoder: TypedDecoder) -> Reply | _NotYet:
        line = decoder._inbox.line(decoder._max_line if self.longest is None else self.longest)
        return INCOMPLETE if line is None else self.build(line)


class _String:
    """A type whose line announces the bytes that follow."""

    def __init__(self, build: Callable[[bytes], Reply], special: Mapping[bytes, int] = {}) -> None:
        self.build = build
        self.special = special

    def read(self, decoder: TypedDecoder) -> Reply | _NotYet:
        inbox = decoder._inbox
        item = inbox.at
        line = inbox.line(_LONGEST_LENGTH)
        if line is None:
            return INCOMPLETE
        size = _announced(line, self.special)
        if size == _NULL:
            return None
        if size == _STREAMED:
            decoder._streamed = 0
            return decoder._open(_Frame(_joined, _STREAMED, _CHUNKS))
        decoder._check_size(size)
        text = inbox.string(size, item)
        return INCOMPLETE if text is None else self.build(text)


class _Strings(_String):
    """Bulk strings inside an aggregate, which tend to come in runs."""

    def read(self, decoder: TypedDecoder) -> Reply | _NotYet:
        """Move the short strings that stand next to each other into the frame; return the last of them."""
        frame, inbox = decoder._stack[-1], decoder._inbox
        start = inbox.at
        due = frame.due
        if due >= _RUN and decoder._may_run and _short():
            join = decoder._join if frame.build is _array else None
            inbox.at = _split_off(frame, inbox.seen, start, due, join)
        if due := frame.due:
            inbox.at = _short_items(inbox.seen, inbox.at, due, decoder._may_run, frame.items)
        # Else it is long, null, streamed, broken or not all there.
        return super().read(decoder) if inbox.at == start else frame.items.pop()


class _Integers(_Line):
    """Integers inside an aggregate, which tend to come in runs, too."""

    def read(self, decoder: TypedDecoder) -> Reply | _NotYet:
        """Move the short items that stand next to each other into the frame; return the last of them."""
        frame, inbox = decoder._stack[-1], decoder._inbox
        start = inbox.at
        inbox.at = _short_items(inbox.seen, start, frame.due, decoder._may_run, frame.items)
        return super().read(decoder) if inbox.at == start else frame.items.pop()


def _short_items(seen: bytes, at: int, due: int, may_run: bool, items: list[Reply]) -> int:
    """Add so many short strings, integers and statuses that stand next to each other; return where they end.

    It stops at whatever is not all there, or not quite as usual: that is for the rows to judge.
    """
    short = _short() if may_run else {}
    while due:
        lf = seen.find(b"\n", at, at + _SHORT_LINE)
        if lf < 0:
            break
        kind = seen[at]
        if kind == 36:  # $
            size = short.get(seen[at:lf])
            if size is None:
                break
            end = lf + 1 + size
            if seen[end : end + 2] != b"\r\n":
                break
            items.append(seen[lf + 1 : end])
            at = end + 2
        else:
            line = seen[at + 1 : lf - 1]
            if seen[lf - 1] != 13:
                break
            if kind == 58 and _is_plain(line) and len(line) < 19:  # :
                items.append(int(line))
            elif kind == 43 and 13 not in line:  # +
                items.append(_OK if line == b"OK" else Status(line))
            else:
                break
            at = lf + 1
        due -= 1
    return at


def _short() -> dict[bytes, int]:
    """Return the lengths of short strings by their headers."""
    if not _SHORT:
        _HEADERS.extend([b"$%d" % size for size in range(_SHORTER)])
        _SHORT.update([(header + b"\r", size) for size, header in enumerate(_HEADERS)])
    return _SHORT


def _split_off(frame: _Frame, seen: bytes, at: int, due: int, join: bytes | None) -> int:
    """Move short strings that hold no CRLF into the frame, a window at a time; return where they end.

    With ``join`` those of a window become one.

    What is split must be header, string, header, string: each header announces the length of what follows it.
    One window in which that is not so is the last that is tried in this frame.
    """
    while due and frame.uniform:
        window = seen[at : at + _WINDOW]
        pieces = window.split(b"\r\n", 2 * due)
        pairs = (len(pieces) - 1) // 2  # the last piece is not ended
        if not pairs:
            break
        headers, strings, rest = pieces[: 2 * pairs : 2], pieces[1 : 2 * pairs : 2], pieces[2 * pairs :]
        try:
            frame.uniform = headers == list(map(_HEADERS.__getitem__, map(len, strings)))
        except IndexError:
            frame.uniform = False
        if frame.uniform:
            if join is None:
                frame.items += strings
            else:
                frame.items.append(join.join(strings))
                frame.size -= pairs - 1
            at += len(window) - len(b"\r\n".join(rest))
            due -= pairs
    return at


class _Chunk:
    """A piece of a streamed string; the empty one ends it."""

    def read(self, decoder: TypedDecoder) -> Reply | _NotYet:
        inbox = decoder._inbox
        item = inbox.at
        line = inbox.line(_LONGEST_LENGTH)
        if line is None:
            return INCOMPLETE
        size = _announced(line, {})
        if not size:
            return decoder._close()
        decoder._check_size(decoder._streamed + size)
        text = inbox.string(size, item)
        if text is None:
            return INCOMPLETE
        decoder._streamed += size
        return text


class _Aggregate:
    """A type whose line announces elements, of ``width`` items each."""

    def __init__(self, build: _Build, width: int = 1, special: Mapping[bytes, int] = {}) -> None:
        self.build = build
        self.width = width
        self.special = special

    def read(self, decoder: TypedDecoder) -> Reply | _NotYet:
        line = decoder._inbox.line(_LONGEST_LENGTH)
        if line is None:
            return INCOMPLETE
        count = _announced(line, self.special)
        if count == _NULL:
            return None
        if count == _STREAMED:
            return decoder._open(_Frame(self.build, _STREAMED, _STREAM))
        decoder._count(count * self.width)
        decoder._open(_Frame(self.build, count * self.width, _WITHIN))
        return INCOMPLETE if count else decoder._close()


class _EndOfStream:
    """The end of a streamed aggregate."""

    def read(self, decoder: TypedDecoder) -> Reply | _NotYet:
        if decoder._inbox.line(0) is None:
            return INCOMPLETE
        return decoder._close()


class _Attributes(Map):
    """A map that waits for the reply it belongs to."""

    def attached(self, items: list[Reply]) -> Reply:
        return Attributed(items[0], Map(self))


def _announced(line: bytes, special: Mapping[bytes, int]) -> int:
    if line in special:
        return special[line]
    if not _is_plain(line):
        raise ValueError("a length that is not a plain number")
    return int(line)


def _is_plain(digits: bytes) -> bool:
    """Whether these are at most 19 digits without a zero before others."""
    return digits.isdigit() and len(digits) <= 19 and (digits[0] != 48 or len(digits) == 1)


_OK: Final = Status(b"OK")


def _status(line: bytes) -> Reply:
    return Status(_without_cr(line))


def _error_line(line: bytes) -> Reply:
    return _error(_without_cr(line))


def _without_cr(line: bytes) -> bytes:
    if b"\r" in line:
        raise ValueError("a line with CR inside")
    return line


def _error(text: bytes) -> Reply:
    return reply_error(text.decode("utf-8", "surrogateescape"))


def _verbatim(text: bytes) -> Reply:
    if text[3:4] != b":":
        raise ValueError("a verbatim string without its format")
    return Verbatim(text[4:], text[:3].decode("latin-1"))


def _integer(line: bytes) -> Reply:
    if not (_is_plain(line) or (line[:1] in (b"+", b"-") and line != b"-0" and _is_plain(line[1:]))):
        raise ValueError("an integer that is not a plain number")
    number = int(line)
    if not -(2**63) <= number < 2**63:
        raise ValueError("an integer of more than 64 bits")
    return number


def _big_number(line: bytes) -> Reply:
    digits = line[1:] if line[:1] in (b"+", b"-") else line
    if not digits.isdigit() or len(digits) > 4096:
        raise ValueError("a big number that is not a plain number of at most 4096 digits")
    return BigNumber(line)


def _double(line: bytes) -> Reply:
    if line not in _NOT_FINITE:
        try:
            number = float(line) if not line.translate(None, _IN_FINITE) else None
        except ValueError:
            number = None
        if number is None:
            raise ValueError("a double that is neither a number nor inf or nan")
        if number in _INFINITE:
            raise ValueError("a double that is too large")
    return Double(line.decode("ascii"))


_INFINITE: Final = (float("inf"), float("-inf"))


def _boolean(line: bytes) -> Reply:
    if line not in (b"t", b"f"):
        raise ValueError("a boolean that is neither t nor f")
    return line == b"t"


def _null(line: bytes) -> Reply:
    if line:
        raise ValueError("a null with something in it")
    return None


def _array(items: list[Reply]) -> Reply:
    return items


def _joined(items: list[Reply]) -> Reply:
    return b"".join(item for item in items if isinstance(item, bytes))


def _pairs(items: list[Reply]) -> list[tuple[Reply, Reply]]:
    if len(items) % 2:
        raise ValueError("a map whose last key has no value")
    return list(zip(items[::2], items[1::2], strict=True))


def _map(items: list[Reply]) -> Reply:
    return Map(_pairs(items))


def _attributes(items: list[Reply]) -> Reply:
    return _Attributes(_pairs(items))


def _push(items: list[Reply]) -> Reply:
    if not items:
        raise ValueError("a push without a kind")
    return Push(items)


_BULK_SPECIAL = {b"-1": _NULL, b"?": _STREAMED}
_STREAM_SPECIAL = {b"?": _STREAMED}

# Which items may stand where: between replies, in an aggregate, in a streamed one, in a streamed string.
_ITEMS: dict[int, _Row] = {
    ord("+"): _Line(_status, longest=None),
    ord("-"): _Line(_error_line, longest=None),
    ord(":"): _Line(_integer),
    ord(","): _Line(_double),
    ord("("): _Line(_big_number),
    ord("#"): _Line(_boolean),
    ord("_"): _Line(_null),
    ord("$"): _String(bytes, _BULK_SPECIAL),
    ord("!"): _String(_error),
    ord("="): _String(_verbatim),
    ord("*"): _Aggregate(_array, special=_BULK_SPECIAL),
    ord("~"): _Aggregate(Set, special=_STREAM_SPECIAL),
    ord("%"): _Aggregate(_map, width=2, special=_STREAM_SPECIAL),
    ord("|"): _Aggregate(_attributes, width=2),
}
_BETWEEN_REPLIES: dict[int, _Row] = {**_ITEMS, ord(">"): _Aggregate(_push)}
_WITHIN: dict[int, _Row] = {**_ITEMS, ord("$"): _Strings(bytes, _BULK_SPECIAL), ord(":"): _Integers(_integer)}
_STREAM: dict[int, _Row] = {**_WITHIN, ord("."): _EndOfStream()}
_CHUNKS: dict[int, _Row] = {ord(";"): _Chunk()}
