"""Raw commands as a server reads them, arrays and lines mixed: how many there are, and where they are broken.

Pure: bytes in, batches out. What is taken is handed on byte for byte and only as far as it was understood, so
that nothing behind a mistake is sent. Nearly all commands are counted by one regular expression, made from what
occurs in the input: names, numbers of arguments, lengths. What that does not cover is read command by command,
and the next one is made from that.

Source for what servers accept: the protocol specification, "Sending commands to a Redis server" and "Inline
commands". Stricter than they are: CRLF must stand behind a value, or its length is wrong.
"""

from __future__ import annotations

import re

from pyredis.commands.spec import find
from pyredis.records import NamedTuple
from pyredis_cli.splitting import SplitError, split_bytes

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from typing import Any, Final, TypeVar

    from pyredis.commands.spec import Spec

    T = TypeVar("T")

__all__ = ["Batch", "Malformed", "Requests"]

_TELLING: Final = frozenset({"subscribe", "unsubscribe", "monitor", "reply", "quit", "shutdown"})
"""Effects of commands that are not followed by one reply for each command."""

_IMPOSSIBLE: Final = "replication"

_LONGEST_LINE: Final = 64 * 1024  # of an inline command, in every server
_LONGEST_HEADER: Final = 24
_MOST_WORDS: Final = 3  # of a command, that are looked at
_LONGEST_WORD: Final = 64
_HELD: Final = (
    256 * 1024
)  # of a command that is not whole; of a longer one the bytes are handed on as they come
_SLOW_RUN: Final = 16  # commands read one by one after the pattern has failed
_BLANKS: Final = b" \t\r\n\v\f"
_FIRST_PRICE: Final = 500
_NUMBER = re.compile(rb"0|-?[1-9]\d{0,18}")


class Batch(NamedTuple):
    """Bytes to be sent, and how many commands are whole with them.

    ``last`` is what the facts say of the last one, when what is replied from then on is not one reply for each
    command; ``words`` are its first words, and ``size`` bytes at the end of the payload are its.
    """

    payload: bytes
    commands: int
    last: Spec | None = None
    words: tuple[bytes, ...] = ()
    size: int = 0


class Malformed(Exception):
    """The input cannot be read from the byte ``offset`` on; ``ordinal`` is the command's, counted from 1."""

    def __init__(self, ordinal: int, offset: int, problem: str) -> None:
        super().__init__(f"command {ordinal} cannot be sent: {problem} (byte {offset})")
        self.ordinal = ordinal
        self.offset = offset


class _Begun:
    """An array of which some was read, and what is still to come."""

    __slots__ = ("lengths", "missing", "unread", "words")

    def __init__(self, size: int) -> None:
        self.unread = size
        self.missing: int | None = None  # bytes of the argument that is being read, None in front of it
        self.lengths: list[int] = []
        self.words: list[bytes] = []


class Requests:
    """``feed`` what was read, then ``next`` until it is None; ``end`` once all was read.

    ``commands`` were handed out whole so far. The pattern is made once ``learns_from`` commands were read.
    """

    def __init__(self, learns_from: int = _FIRST_PRICE) -> None:
        self.commands = 0
        self._buffer = b""
        self._at = 0  # up to where the buffer is read
        self._start = 0  # of the last command that was read by itself
        self._before = 0  # bytes of the input in front of the buffer
        self._begun: _Begun | None = None
        self._told: tuple[Spec, Sequence[bytes]] | None = None
        self._failure: Malformed | None = None
        self._pattern = _Pattern(learns_from)
        self._slow = 0  # commands to be read one by one before the pattern is tried again

    @property
    def rest(self) -> bytes:
        """What was fed and not handed out."""
        return self._buffer[self._at :]

    def feed(self, chunk: bytes) -> None:
        """Take the next bytes of the input."""
        rest = self.rest
        self._before += self._at
        self._start -= self._at
        self._buffer = rest + chunk if rest else chunk
        self._at = 0

    def next(self) -> Batch | None:
        """Return what can be sent next, None until more is fed; raise Malformed where the input is broken."""
        if self._failure is not None:
            raise self._failure
        start, before = self._at, self.commands
        try:
            self._read()
        except Malformed as error:
            self._failure = error
        self._hold_back()
        payload = self._buffer[start : self._at]
        if self._failure is not None and not payload:
            raise self._failure
        told, self._told = self._told, None
        spec, words = told or (None, ())
        size = min(self._at - self._start, len(payload)) if told else 0
        return Batch(payload, self.commands - before, spec, tuple(words), size) if payload else None

    def end(self) -> Batch | None:
        """Return what is left once all was fed: a line may lack its end. Malformed for half a command."""
        if self._begun is not None or self._buffer[self._at : self._at + 1] == b"*":
            offset = self._before + len(self._buffer)
            raise Malformed(self.commands + 1, offset, "the input ends in the middle of it")
        if self._buffer[self._at :].strip(_BLANKS):
            self.feed(b"\r\n")
        return self.next()

    def _read(self) -> None:
        """Read on to the end of the buffer, or behind a command that the caller must know of."""
        while self._at < len(self._buffer) and self._told is None:
            if self._begun is None and self._slow == 0:
                self._read_by_pattern()
            elif self._read_one():
                self._slow = max(self._slow - 1, 0)
            else:
                self._slow = 0
                return

    def _read_by_pattern(self) -> None:
        """Read all that the pattern covers."""
        self._slow = _SLOW_RUN
        if (compiled := self._pattern.compiled) is None:
            return
        found = compiled.findall(self._buffer, self._at)
        rest = len(found[-1])
        self._at = len(self._buffer) - rest
        self.commands += len(found) - (rest > 0)

    def _read_one(self) -> bool:
        """Read a command, or a blank line; return whether it was whole."""
        if self._begun is None:
            self._start = self._at
            if self._buffer[self._at] != ord("*"):
                return self._read_line()
            size = self._number(b"*", "a number of arguments")
            if size is None:
                return False
            if size <= 0:  # which servers pass over
                return True
            self._begun = _Begun(size)
        return self._read_arguments(self._begun)

    def _read_arguments(self, begun: _Begun) -> bool:
        while begun.unread:
            if begun.missing is None:
                begun.missing = self._number(b"$", "the length of an argument")
                if begun.missing is None:
                    return False
                begun.lengths.append(begun.missing)
                self._note_word(begun)
            if not self._skip(begun):
                return False
        self._finish(begun.words)
        self._begun = None
        if self._told is None:
            self._pattern.learn(begun.words[0], begun.lengths)
        return True

    def _number(self, mark: bytes, what: str) -> int | None:
        """Return the number in the header here and go behind it; None when the header is not whole."""
        buffer, at = self._buffer, self._at
        end = buffer.find(b"\r\n", at, at + _LONGEST_HEADER)
        header = buffer[at : at + _LONGEST_HEADER if end < 0 else end]
        if header and not header.startswith(mark):
            raise self._malformed(
                f"{_shown(header)} stands where {what} must, {mark.decode()} in front of it"
            )
        if end < 0 and len(header) < _LONGEST_HEADER:
            return None
        if end < 0 or not _NUMBER.fullmatch(header, 1) or (mark == b"$" and header[1:2] == b"-"):
            raise self._malformed(f"{_shown(header)} is not {what}")
        self._at = end + 2
        return int(header[1:])

    def _note_word(self, begun: _Begun) -> None:
        """Keep one of the first words; what is too long for the name of anything is kept empty."""
        if len(begun.words) < _MOST_WORDS:
            length = begun.lengths[-1]
            word = self._buffer[self._at : self._at + length] if length <= _LONGEST_WORD else b""
            begun.words.append(word)

    def _skip(self, begun: _Begun) -> bool:
        """Go behind the argument; return whether it was whole."""
        assert begun.missing is not None
        end = self._at + begun.missing
        if end + 2 > len(self._buffer):
            taken = min(begun.missing, len(self._buffer) - self._at)
            self._at += taken
            begun.missing -= taken
            return False
        if self._buffer[end : end + 2] != b"\r\n":
            self._at = end
            length = begun.lengths[-1]
            raise self._malformed(f"no CRLF behind an argument of {length} bytes; is that its length?")
        self._at = end + 2
        begun.missing = None
        begun.unread -= 1
        return True

    def _read_line(self) -> bool:
        """Read an inline command or a blank line; return whether it was whole."""
        end = self._buffer.find(b"\n", self._at)
        line = self._buffer[self._at : end + 1] if end >= 0 else self._buffer[self._at :]
        if len(line) > _LONGEST_LINE:
            raise self._malformed(f"{_shown(line)} begins a line of more than 64 KiB, which servers refuse")
        if b"\0" in line:
            raise self._malformed("a zero byte in a line, which servers wait behind for ever")
        if end < 0:
            return False
        if line.strip(_BLANKS):
            self._take_line(line)
        self._at = end + 1
        return True

    def _take_line(self, line: bytes) -> None:
        try:
            words = split_bytes(line) if b'"' in line or b"'" in line else line.split(None, _MOST_WORDS)
        except SplitError as error:
            raise self._malformed(f"{error.message} in column {error.column}") from None
        if words:
            self._finish(words[:_MOST_WORDS])
            starts = line.lstrip(_BLANKS).startswith(words[0])
            # Without the blank in front of it, a name like *3 would be taken for the start of an array.
            if self._told is None and starts and not words[0].startswith(b"*"):
                self._pattern.learn(words[0])

    def _finish(self, words: Sequence[bytes]) -> None:
        spec = find(words)
        if spec is not None and spec.effect == _IMPOSSIBLE:
            self._at = max(self._start, 0)
            raise self._malformed(f"{spec.name} would make a link for replication of the connection")
        self.commands += 1
        if spec is not None and spec.effect in _TELLING:
            self._told = spec, words

    def _malformed(self, problem: str) -> Malformed:
        return Malformed(self.commands + 1, self._before + self._at, problem)

    def _hold_back(self) -> None:
        """Keep what is not whole, unless it is long or was begun in an earlier buffer."""
        if self._begun is None or self._start < 0:
            return
        if self._failure is not None or len(self._buffer) - self._start < _HELD:
            self._at, self._begun = self._start, None


def _shown(some: bytes) -> str:
    return repr(some[:_LONGEST_HEADER])[1:]


# -- the pattern

_FIRST_LENGTHS: Final = range(64)
_MOST_LENGTHS: Final = 2000
_LONGEST: Final = 9999  # argument that is learnt
_MOST_UNROLLED: Final = 6  # arguments
_MOST_ARGUMENTS: Final = 64
_MOST_HEADS: Final = 64
_PRICE: Final = 5  # commands read one by one in the time in which one more length is compiled
# A closing quote ends its word. Only in double quotes a backslash stands for more than before a quote.
_REST_OF_LINE: Final = (
    rb"(?=\s)(?:[^\n\"'\0]++"
    rb'|"(?:[^"\\\n\0]++|\\[^\n\0])*+"(?=\s)'
    rb"|'(?:[^'\\\n\0]++|\\'|\\(?!'))*+'(?=\s))*+\n"
)


class _Pattern:
    """Matches commands like those that were learnt, one after the other, and then the rest.

    What tells of replies in a special way is never learnt, so it is always read by itself.
    """

    def __init__(self, price: int) -> None:
        self.compiled: re.Pattern[bytes] | None = None
        self._names: set[bytes] = set()  # of inline commands
        self._heads: set[tuple[int, bytes]] = set()  # of arrays: size and name
        self._lengths = set(_FIRST_LENGTHS)
        self._learnt = 0  # commands since it was compiled
        self._news = False
        self._price = price

    def learn(self, name: bytes, lengths: Sequence[int] | None = None) -> None:
        """Take note of a command: the name of a line, or name and lengths of an array."""
        self._learnt += 1
        if lengths is None:
            self._note(self._names, name)
        elif len(lengths) <= _MOST_ARGUMENTS and max(lengths) <= _LONGEST and len(name) == lengths[0]:
            self._note(self._heads, (len(lengths), name))
            if len(self._lengths) < _MOST_LENGTHS and not self._lengths.issuperset(lengths):
                self._lengths.update(lengths)
                self._news = True
        if self._news and self._learnt >= self._price:
            self._compile()

    def _note(self, seen: set[T], new: T) -> None:
        if new not in seen and len(seen) < _MOST_HEADS:
            seen.add(new)
            self._news = True

    def _compile(self) -> None:
        """Make the pattern anew; the next time has to wait until that is paid for."""
        argument = _argument(self._lengths)
        ways = [_array(size, name, argument) for size, name in sorted(self._heads)]
        if self._names:
            names = b"|".join(map(re.escape, sorted(self._names)))
            ways.append(rb"[ \t\r\n\v\f]*+(?:%b)%b" % (names, _REST_OF_LINE))
        self.compiled = re.compile(rb"(?:%b)|(.+)" % b"|".join(ways), re.DOTALL)
        arguments = sum(min(size, _MOST_UNROLLED) for size, _ in self._heads)
        self._price = _PRICE * arguments * len(self._lengths)
        self._learnt, self._news = 0, False


def _array(size: int, name: bytes, argument: bytes) -> bytes:
    """Return the pattern of a command of that size and name."""
    more = size - 1
    arguments = argument * more if more < _MOST_UNROLLED else b"(?:%b){%d}" % (argument, more)
    return rb"\*%d\r\n\$%d\r\n%b\r\n%b" % (size, len(name), re.escape(name), arguments)


def _argument(lengths: Iterable[int]) -> bytes:
    """Return the pattern of an argument of one of these lengths, which it decides digit by digit."""
    tree: dict[int, Any] = {}
    for length in lengths:
        node = tree
        for digit in b"%d" % length:
            node = node.setdefault(digit, {})
        node[0] = length
    return rb"\$" + _branches(tree)


def _branches(tree: dict[int, Any]) -> bytes:
    ways = [
        b"%c%b" % (digit, _branches(below)) if digit else rb"\r\n.{%d}\r\n" % below
        for digit, below in sorted(tree.items())
    ]
    return ways[0] if len(ways) == 1 else b"(?:%b)" % b"|".join(ways)
