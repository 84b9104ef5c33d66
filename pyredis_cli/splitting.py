"""How a typed line becomes an argv, by redis-cli's quoting rules.

Words are separated by blanks. ``"..."`` understands ``\\n \\r \\t \\b \\a \\xHH \\" \\\\`` and drops the backslash
before anything else (so ``\\0`` is the digit 0); ``'...'`` understands ``\\'`` alone. A quoted part may follow
bare text and ends its word: a blank or the end of the line must come next. Vertical tab and form feed are
blanks between words but ordinary characters inside a bare word. A NUL is an ordinary character.

It knows nothing of commands, and lines may be as long as memory allows: every step is one run of a regular
expression that never backtracks.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from functools import lru_cache
from operator import attrgetter

from pyredis.records import NamedTuple

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = [
    "SplitError",
    "Stretch",
    "Word",
    "between",
    "is_comment",
    "meaning",
    "pieces",
    "quote_at",
    "scan",
    "split",
    "split_bytes",
    "stretches",
    "unescaped",
]

_BLANKS = re.compile(r"[ \t\n\v\f\r]*+")
_WORD = re.compile(
    r"""
    (?P<bare> [^ \n\r\t"']*+ )
    (?: " (?P<double> (?: [^"\\]++ | \\. )*+ ) "
      | ' (?P<single> (?: [^'\\]++ | \\'? )*+ ) '
    )?
    """,
    re.VERBOSE | re.DOTALL,
)
_OPEN = re.compile(
    r""" " (?P<double> (?: [^"\\]++ | \\. )*+ ) | ' (?P<single> (?: [^'\\]++ | \\'? )*+ ) """,
    re.VERBOSE | re.DOTALL,
)
_COMMAND = re.compile(
    r"""
    (?: [^\n\r"']++
      | (?: " (?: [^"\\]++ | \\. )*+ " | ' (?: [^'\\]++ | \\'? )*+ ' ) (?= [ \t\n\v\f\r] | \Z )
    )*+
    """,
    re.VERBOSE | re.DOTALL,
)
_QUOTED = re.compile(
    r""" " (?: [^"\\]++ | \\. )*+ " | ' (?: [^'\\]++ | \\'? )*+ ' """, re.VERBOSE | re.DOTALL
)
_LINE_END = re.compile(r"[\n\r]|\Z")
_COMMENT = re.compile(r"[ \t]*+#[^\n\r]*+")
_BLANK = frozenset(" \t\n\v\f\r")

_ESCAPE = re.compile(r"\\(?:x[0-9a-fA-F]{2}|.)", re.DOTALL)
_APOSTROPHE = re.compile(r"\\'")
_CONTROLS = {r"\n": "\n", r"\r": "\r", r"\t": "\t", r"\b": "\b", r"\a": "\a"}


class Word(NamedTuple):
    """A word of a line that may still be typed: what it means so far, and where it stands."""

    value: bytes
    start: int
    end: int
    quote: str = ""
    """The quote that is open at its end."""


class Stretch(NamedTuple):
    """The characters of a text that are one command, perhaps blank or unfinished."""

    start: int
    end: int
    quote: str = ""
    """The quote that is open at its end."""


class SplitError(ValueError):
    """A line that has no argv; ``column`` counts its characters from 1."""

    def __init__(self, message: str, column: int) -> None:
        super().__init__(message, column)
        self.message = message
        self.column = column

    def __str__(self) -> str:
        return f"{self.message} (column {self.column})"


def split(line: str, encoding: str = "utf-8") -> list[bytes]:
    r"""Return the words of a line as bytes, empty for a blank line.

    Characters are encoded with ``encoding`` and ``\xHH`` is that very byte, whatever the encoding; bytes that
    came in as lone surrogates (surrogateescape) go out as they were. SplitError when a quote is not closed,
    when text is glued to a closing quote, or when the encoding has no such character.
    """
    return [_encoded(word, encoding) for word in _words(line)]


def pieces(line: str) -> Iterator[tuple[str, str | None, str]]:
    """Yield each word of a line as what it is made of: bare text, then what is in quotes.

    The text in double quotes has its escapes still, and is None for a word without; the one in single quotes has
    none any more. SplitError as with `split`.
    """
    for word in _words(line):
        yield word["bare"], word["double"], (word["single"] or "").replace(r"\'", "'")


def _words(line: str) -> Iterator[re.Match[str]]:
    at = _after_blanks(line, 0)
    while at < len(line):
        word = _WORD.match(line, at)
        assert word is not None  # every part of the pattern may be empty
        end = word.end()
        if end < len(line) and line[end] not in _BLANK:
            raise _misquoted(word)
        yield word
        at = _after_blanks(line, end)


def scan(line: str, encoding: str = "utf-8") -> list[Word]:
    """Return the words of a line that may be unfinished: the last one's quote may be open.

    Nothing is refused: text that is glued to a closing quote is a word of its own, and a character that the
    encoding does not have is a question mark.
    """
    words = []
    at = _after_blanks(line, 0)
    while at < len(line):
        word = _WORD.match(line, at)
        assert word is not None  # every part of the pattern may be empty
        end, value, quote = word.end(), _text_of(word), ""
        opened = _OPEN.match(line, end) if end == word.end("bare") else None
        if opened is not None:
            end, value, quote = len(line), value + _text_of(opened), line[end]
        words.append(
            Word(
                value.encode(encoding, "surrogateescape" if _fits(value, encoding) else "replace"),
                at,
                end,
                quote,
            )
        )
        at = _after_blanks(line, end)
    return words


# All that is shown of one keystroke asks for the same text, or for what is before the cursor.
@lru_cache(maxsize=4)
def stretches(text: str) -> tuple[Stretch, ...]:
    """Return the commands of a text in order: a line end in quotes is part of a word, any other ends a command.

    At least one is returned, and only the last may have an open quote. Text that is glued to a closing quote
    makes its command one that `split` refuses; such a command goes no further than its line, and neither does a
    comment, whatever quotes are in it.
    """
    found, start = [], 0
    while True:
        command = _COMMENT.match(text, start) or _COMMAND.match(text, start)
        assert command is not None  # the pattern may be empty
        end, quote = command.end(), ""
        if text[end : end + 1] in ('"', "'"):
            quoted = _QUOTED.match(text, end)
            if quoted is None:
                end, quote = len(text), text[end]
            else:
                end = _line_end(text, quoted.end())
        found.append(Stretch(start, end, quote))
        if end == len(text):
            return tuple(found)
        start = end + 1


def is_comment(line: str) -> bool:
    """Whether a line is there for people alone: it begins with ``#``, as no command does."""
    return _COMMENT.match(line) is not None


def between(text: str, start: int, end: int) -> Iterator[Stretch]:
    """Yield the commands of a text that have a part between two of its places."""
    commands = stretches(text)
    for number in range(bisect_left(commands, start, key=attrgetter("end")), len(commands)):
        if commands[number].start > end:
            return
        yield commands[number]


def quote_at(text: str, place: int) -> str:
    """Return the quote that is open at the beginning of a line of a text, or nothing."""
    command = next(between(text, place, place))
    if command.start == place:
        return ""
    before = _COMMAND.match(text, command.start, place)
    assert before is not None  # the pattern may be empty
    return text[before.end()]  # a command that goes beyond its first line has a quote open there


def _line_end(text: str, at: int) -> int:
    end = _LINE_END.search(text, at)
    assert end is not None  # the end of the text is one
    return end.start()


def meaning(line: str, start: int, end: int) -> tuple[str, list[int]]:
    """Return what the word between two places of a line says, and where each of its characters stands there.

    The word may be unfinished. One more place than there are characters is returned: where they end.
    """
    opening = next((at for at in range(start, end) if line[at] in "\"'"), end)
    said = [*line[start:opening]]
    places = [*range(start, opening)]
    quote, at = line[opening : opening + 1], opening + 1
    escape = _ESCAPE if quote == '"' else _APOSTROPHE
    while at < end and line[at] != quote:
        found = escape.match(line, at, end)
        said.append(line[at] if found is None else _unescaped(found))
        places.append(at)
        at = at + 1 if found is None else found.end()
    return "".join(said), [*places, min(at, end)]


def split_bytes(line: bytes) -> list[bytes]:
    """Return the words of a line of raw bytes; the column of a SplitError counts bytes."""
    return split(line.decode("latin-1"), "latin-1")


def _after_blanks(line: str, at: int) -> int:
    blanks = _BLANKS.match(line, at)
    assert blanks is not None  # the pattern may be empty
    return blanks.end()


def _misquoted(word: re.Match[str]) -> SplitError:
    quoted = word.end() > word.end("bare")
    message = "text is glued to a closing quote; put a blank between" if quoted else "unbalanced quotes"
    return SplitError(message, word.end() + 1)


def _encoded(word: re.Match[str], encoding: str) -> bytes:
    try:
        return _text_of(word).encode(encoding, "surrogateescape")
    except UnicodeEncodeError:
        raise SplitError(f"{encoding} has no character for some of this word", word.start() + 1) from None


def _text_of(word: re.Match[str]) -> str:
    """Return what a word means, or the part of one that is quoted; bytes beyond ASCII as lone surrogates."""
    parts = word.groupdict()
    text = parts.get("bare") or ""
    if parts["double"]:
        text += _ESCAPE.sub(_unescaped, parts["double"])
    elif parts["single"]:
        text += parts["single"].replace(r"\'", "'")
    return text


def _fits(text: str, encoding: str) -> bool:
    try:
        text.encode(encoding, "surrogateescape")
    except UnicodeEncodeError:
        return False
    return True


def _unescaped(escape: re.Match[str]) -> str:
    return unescaped(escape[0])


def unescaped(text: str) -> str:
    """Return the character that an escape in double quotes stands for."""
    if len(text) == 4:
        byte = int(text[2:], 16)
        # Every encoding in use keeps ASCII; a higher byte goes through the encoder as surrogateescape has it.
        return chr(byte) if byte < 0x80 else chr(0xDC00 + byte)
    return _CONTROLS.get(text, text[1:])
