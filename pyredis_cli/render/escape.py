r"""Which characters may reach a terminal, and how the others are written.

Four notations. `quote` is redis-cli's: a value in double quotes, ASCII only. `readable` quotes as well and
shows every character that an encoding gives and a person can see. `printable` is for text that stands without
quotes: statuses, errors, INFO. What is escaped in quotes can be typed again: ``\n``, ``\"``, ``\\`` or ``\xHH``
for each byte of the character. `in_json` is for a document of JSON, where what is escaped is written ``\uHHHH``.

Never shown: controls (C0, DEL, C1), format characters (bidi, zero width, tags), line and paragraph
separators, private, unassigned and invalid ones, and what looks like a blank or like nothing. A zero width
joiner is escaped in emoji too: terminals do not agree on how wide the joined emoji is, and then the cursor is
not where they show it. Combining marks are shown on a visible character, a few of them at most.

It knows no colours, no replies and no terminals.
"""

from __future__ import annotations

import re
from functools import cache, partial

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence, Set
    from typing import Final, TypeAlias

__all__ = ["dangerous", "in_json", "printable", "quote", "quote_each", "readable"]

_Escape: TypeAlias = "Callable[[str], str]"
"""Writes one character so that it can do no harm."""

_SHORT: Final = {
    '"': r"\"",
    "\\": r"\\",
    "\n": r"\n",
    "\r": r"\r",
    "\t": r"\t",
    "\a": r"\a",
    "\b": r"\b",
}
# What means something inside quotes.
_SYNTAX: Final = frozenset('"\\')

# As wide as two blanks, so it is seen for what it is; Japanese and Chinese text is full of it.
_WIDE_BLANK: Final = "\u3000"
# Letters, marks and symbols by category, yet nothing is to be seen of them: fillers, joiners, variation selectors.
_INVISIBLE: Final = frozenset(
    "\u034f\u115f\u1160\u17b4\u17b5\u180b\u180c\u180d\u180f\u2800\u3164\uffa0"
    + "".join(map(chr, (*range(0xFE00, 0xFE0E), *range(0xE0100, 0xE01F0))))
)
# These two choose between text and emoji: seen after a symbol (and in a keycap), nothing after a letter.
_SELECTORS: Final = "\ufe0e\ufe0f"
_KEYCAP: Final = "\u20e3"
# Tibetan and pointed Hebrew need five on one letter; more only cover the lines around.
_MOST_MARKS: Final = 6


def quote(value: bytes) -> str:
    """Return the value as redis-cli shows it on a terminal: double quotes, printable ASCII, escapes."""
    return f'"{value.decode("latin-1").translate(_quoted())}"'


def quote_each(values: Sequence[bytes]) -> Sequence[str]:
    """Return each value as `quote` does."""
    # Together they are quoted ten times as fast, with NUL between them: more of it is in a value.
    quoted = b"\0".join(values).decode("latin-1").translate(_quoted_but_nul())
    if quoted.count("\0") != len(values) - 1:
        return [quote(value) for value in values]
    return f'"{quoted}"'.replace("\0", '"\0"').split("\0")


# Of each byte there is one, for to miss one costs more than to find it; made when something is quoted.
@cache
def _quoted() -> dict[int, str]:
    """Return how each byte is written."""
    return {
        byte: _SHORT.get(chr(byte)) or (chr(byte) if 0x20 <= byte < 0x7F else f"\\x{byte:02x}")
        for byte in range(256)
    }


@cache
def _quoted_but_nul() -> dict[int, str]:
    return {**_quoted(), 0: "\0"}


def readable(value: bytes, encoding: str = "utf-8") -> str:
    r"""Return the value in double quotes, what is text under the encoding shown as that text.

    Pasted back it gives the same bytes; so a value that the encoding would not give back (some have two codes
    for one character) is quoted byte by byte. The encoding must keep ASCII as it is.
    """
    if value.isascii():
        return quote(value)
    text = _decoded(value, encoding)
    if text is None:
        return quote(value)
    return f'"{_escaped(text, partial(_escape, encoding=encoding), dangerous(text) | _SYNTAX)}"'


def printable(text: str | bytes, *, keep_newlines: bool = False, encoding: str = "utf-8") -> str:
    """Return text without quotes and with nothing in it that could steer a terminal.

    With ``keep_newlines`` it may have many lines: line ends become newlines, tabs stay.
    """
    if isinstance(text, bytes):
        decoded = _decoded(text, encoding)
        text = text.decode("ascii", "surrogateescape") if decoded is None else decoded
    if keep_newlines:
        text = text.replace("\r\n", "\n")
    unseen = dangerous(text) - ({"\n", "\t"} if keep_newlines else set())
    return _escaped(text, partial(_escape, encoding=encoding), unseen)


def in_json(text: str) -> str:
    r"""Return a part of a JSON document with ``\uHHHH`` for what could steer a terminal; it means the same."""
    return _escaped(text, _json_escape, dangerous(text))


def dangerous(text: str) -> Set[str]:
    """Return the characters of the text that must not reach a terminal, wherever they stand."""
    if text.isascii() and text.isprintable():
        return frozenset()
    return {character for character in set(text) if not _visible(character)}


def _visible(character: str) -> bool:
    # isprintable() refuses the categories "other" and "separator", except the blank.
    return (character.isprintable() or character == _WIDE_BLANK) and character not in _INVISIBLE


def _decoded(value: bytes, encoding: str) -> str | None:
    """Return the text with its invalid bytes as lone surrogates, None when the value would not come back."""
    try:
        text = value.decode(encoding, "surrogateescape")
        return text if encoding == "utf-8" or text.encode(encoding, "surrogateescape") == value else None
    except UnicodeError:
        return None


def _escaped(text: str, escape: _Escape, characters: Set[str]) -> str:
    """Return the text with these characters escaped, and the combining marks that are too many."""
    if characters:
        text = text.translate({ord(character): escape(character) for character in characters})
    return text if text.isascii() else _bare_of_marks(text, escape)


def _escape(character: str, encoding: str) -> str:
    short = _SHORT.get(character)
    return short if short else "".join(f"\\x{byte:02x}" for byte in _encoded(character, encoding))


def _json_escape(character: str) -> str:
    units = character.encode("utf-16-be", "surrogatepass").hex()
    return "".join([f"\\u{units[at : at + 4]}" for at in range(0, len(units), 4)])


def _encoded(character: str, encoding: str) -> bytes:
    try:
        return character.encode(encoding, "surrogateescape")
    except UnicodeEncodeError:  # a surrogate that stands for no byte, or text that never was in this encoding
        return character.encode("utf-8", "surrogatepass")


def _bare_of_marks(text: str, escape: _Escape) -> str:
    """Return the text with combining marks escaped that nothing carries, or that too many stand before."""
    import unicodedata  # few texts need it

    characters = set(text)
    marks = "".join(sorted(c for c in characters if unicodedata.category(c) in ("Mn", "Me")))
    if not marks:
        return text
    symbols = "".join(sorted(c for c in characters if unicodedata.category(c) in ("So", "Sm")))
    escapes = {ord(mark): escape(mark) for mark in marks}
    return re.sub(
        _misplaced(marks, symbols), lambda found: found[0].translate(escapes), text, flags=re.DOTALL
    )


def _misplaced(marks: str, symbols: str) -> str:
    """Return the pattern of marks at the start, after an escape, after too many marks, or without effect.

    It begins with the mark and looks back from there, so that text between marks is skipped at once.
    """
    mark = f"[{re.escape(marks)}]"
    uncarried = rf"(?<!..)|(?<=[\n\t].)|(?<=\\..)|(?<=\\x...)|(?<=\\u.....)|(?<={mark * (_MOST_MARKS + 1)})"
    on_symbol = f"(?<![{re.escape(symbols)}].)" if symbols else ""
    return f"{mark}(?:(?:{uncarried}){mark}*|(?<=[{_SELECTORS}]){on_symbol}(?!{_KEYCAP}))"
