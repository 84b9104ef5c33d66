"""On which line of a text in TOML a key stands, which the parser does not tell.

It reads as little of TOML as that takes: headers of tables, keys, and where strings and brackets end. A text that
the parser refuses may be read as anything.
"""

from __future__ import annotations

import re
from functools import lru_cache

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pyredis_cli.given import Origin

__all__ = ["line_of", "lines", "where"]

_STRINGS = r'"""(?:[^\\]|\\.)*?"""+' "|'''.*?'''+" r'|"(?:[^"\\\n]|\\.)*"' r"|'[^'\n]*'"
_TOKEN = re.compile(
    rf"({_STRINGS})|(\#[^\n]*)|([\[\]{{}}=,\n.])|([^\s\[\]{{}}=,.\"'\#]+)|([^\S\n]+)", re.DOTALL
)
_DEEPEST = 8
"""Names in a key with dots that are told apart; a text may have thousands, of which nobody asks."""
_ESCAPES = {"b": "\b", "t": "\t", "n": "\n", "f": "\f", "r": "\r", "e": "\x1b", '"': '"', "\\": "\\"}
_ESCAPE = re.compile(r"\\(?:u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8})|x([0-9a-fA-F]{2})|(.))")


def where(origin: Origin) -> str:
    """Return the file and the line in which a value stands."""
    return f"{origin.path}:{line_of(origin.text, (*origin.table, origin.key))}"


def line_of(text: str, path: tuple[str, ...]) -> int:
    """Return the line of a key, else that of the table it would stand in, else 1."""
    found = _known(text)
    while path:
        if path in found:
            return found[path]
        path = path[:-1]
    return 1


@lru_cache(maxsize=2)
def _known(text: str) -> dict[tuple[str, ...], int]:
    # Each of many mistakes asks for its own line.
    return lines(text)


def lines(text: str) -> dict[tuple[str, ...], int]:
    """Return the line of each table and of each key, by the names that lead to it; the first one counts.

    Of keys with many dots the first names are told.
    """
    reader = _Reader(text.replace("\r\n", "\n"))
    reader.read()
    return reader.found


class _Reader:
    """Goes through a text once; ``found`` grows."""

    def __init__(self, text: str) -> None:
        self.found: dict[tuple[str, ...], int] = {}
        self._text = text
        self._at = 0
        self._line = 1
        self._table: tuple[str, ...] = ()

    def read(self) -> None:
        while self._at < len(self._text):
            self._statement()

    def _statement(self) -> None:
        """Read a line: a header, or a key and its value, which may go on below."""
        line = self._line
        token = self._next()
        if token == "[":
            self._table = self._path(self._next())
            self._note(self._table, line)
            self._rest()
            return
        if token in ("\n", "") or token.startswith("#"):
            return
        path = (*self._table, *self._path(token))
        self._note(path, line)
        self._value(path)

    def _note(self, path: tuple[str, ...], line: int) -> None:
        for length in range(1, min(len(path), _DEEPEST) + 1):
            self.found.setdefault(path[:length], line)

    def _path(self, token: str) -> tuple[str, ...]:
        """Return the names of a key with dots; what ends it has been read."""
        names: list[str] = []
        while token not in ("", "\n", "=", "]") and not token.startswith("#"):
            if token not in (".", "["):  # a second [ is of an array of tables
                names.append(_name(token))
            token = self._next()
        return tuple(names)

    def _value(self, path: tuple[str, ...]) -> None:
        """Go behind a value, noting the keys of a table in braces."""
        open_: list[str] = []
        while True:
            line = self._line
            token = self._next()
            if token == "" or (token == "\n" and not open_):
                return
            if token in ("[", "{"):
                open_.append(token)
            elif token in ("]", "}") and open_:
                open_.pop()
            if open_ == ["{"] and token in ("{", ","):
                inner, line = self._inner(line)
                if inner:
                    self._note((*path, *inner), line)

    def _inner(self, line: int) -> tuple[tuple[str, ...], int]:
        """Return the key that follows in braces, if one does, and its line."""
        before = self._at, self._line
        token = self._next()
        while token == "\n" or token.startswith("#"):
            line = self._line
            token = self._next()
        if token in ("}", "", "{", "[", ","):
            self._at, self._line = before
            return (), line
        return self._path(token), line

    def _rest(self) -> None:
        while self._next() not in ("", "\n"):
            pass

    def _next(self) -> str:
        """Return the next token without blanks in front; empty at the end."""
        while self._at < len(self._text):
            found = _TOKEN.match(self._text, self._at)
            token = self._text[self._at] if found is None else found[0]
            self._at += len(token)
            self._line += token.count("\n")
            if found is None or not found[5]:
                return token
        return ""


def _name(token: str) -> str:
    if token.startswith("'"):
        return token[1:-1]
    if token.startswith('"'):
        return _ESCAPE.sub(_unescaped, token[1:-1])
    return token


def _unescaped(found: re.Match[str]) -> str:
    code = found[1] or found[2] or found[3]
    if code:
        return chr(min(int(code, 16), 0x10FFFF))
    return _ESCAPES.get(found[4], found[4])
