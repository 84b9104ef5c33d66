"""The rows of a screen that text fills: where lines are wrapped, and which colours go on in the next row.

Pure: from parts of text to rows, none made before it is asked for. It knows colours (SGR) and the width of
characters; other control sequences, which only raw output may hold, have no width.
"""

from __future__ import annotations

import codecs
import re
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from typing import Final, NamedTuple

from prompt_toolkit.utils import get_cwidth

from pyredis_cli.render.layout import Part

__all__ = ["Row", "rows"]

_TOKEN: Final = re.compile(r"(?P<color>\x1b\[[0-9;]*m)|(?P<ascii>[ -~]+)|(?P<other>.)", re.DOTALL)
_BEGUN_COLOR: Final = re.compile(r"\x1b(?:\[[0-9;]*)?\Z")
_RESET: Final = "\x1b[0m"
_TAB: Final = 8
# Raw output may hold any number of them, and never a reset.
_MOST_COLORS: Final = 8
# A value may be long; no more of it is decoded than is shown.
_SLICE: Final = 4096


class Row(NamedTuple):
    """What stands in one row, its colours ended; ``ended`` is whether the line ends there, or is wrapped.

    ``elements`` is how many of the reply's have begun by then.
    """

    text: bytes
    ended: bool
    elements: int


def rows(parts: Iterable[Part], columns: Callable[[], int]) -> Iterator[Row]:
    """Yield the rows that the parts fill; ``columns`` is asked for at each character that may be too much."""
    row = _Row()
    begun = 0
    decoder = codecs.getincrementaldecoder("utf-8")("surrogateescape")
    held = ""
    for part, elements in parts:
        for start in range(0, len(part), _SLICE):
            text = held + decoder.decode(part[start : start + _SLICE])
            held = found[0] if (found := _BEGUN_COLOR.search(text)) else ""
            for token in _TOKEN.finditer(text, 0, len(text) - len(held)):
                for full in row.take(token, columns):
                    yield Row(full.encode("utf-8", "surrogateescape"), token[0] == "\n", begun)
        begun += elements
    if last := row.end() + held:
        yield Row(last.encode("utf-8", "surrogateescape"), True, begun)


class _Row:
    """The row that is being filled."""

    def __init__(self) -> None:
        self._text: list[str] = []
        self._cells = 0
        self._colors: deque[str] = deque(maxlen=_MOST_COLORS)  # those in force, since the last reset

    def take(self, token: re.Match[str], columns: Callable[[], int]) -> Iterator[str]:
        """Add a token; yield the rows that it fills."""
        match token.lastgroup:
            case "color":
                self._paint(token[0])
            case "ascii":
                yield from self._run(token[0], columns)
            case _ if token[0] == "\n":
                yield self.end()
            case _:
                cells = _TAB - self._cells % _TAB if token[0] == "\t" else get_cwidth(token[0])
                if self._cells and self._cells + cells > columns():
                    yield self.end()
                self._text.append(token[0])
                self._cells += cells

    def end(self) -> str:
        """Return the row and begin the next in the same colours."""
        text = "".join(self._text)
        if self._colors:
            text = text + _RESET if text != "".join(self._colors) else ""
        self._text = list(self._colors)
        self._cells = 0
        return text

    def _paint(self, code: str) -> None:
        self._text.append(code)
        if code in (_RESET, "\x1b[m"):
            self._colors.clear()
        else:
            self._colors.append(code)

    def _run(self, text: str, columns: Callable[[], int]) -> Iterator[str]:
        at = 0
        while at < len(text):
            room = columns() - self._cells
            if room <= 0 and self._cells:
                yield self.end()
                continue
            some = text[at : at + max(room, 1)]
            self._text.append(some)
            self._cells += len(some)
            at += len(some)
