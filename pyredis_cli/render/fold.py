"""Words in lines of a width: how wide they are on a terminal, and where a line that is too long goes on."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from rich.cells import cell_len

from pyredis_cli.render.layout import Role
from pyredis_cli.render.values import Word

__all__ = ["folded", "width"]

_WORD: Final = re.compile(r" *[^ ]+| +")
# What is said about a value, and no part of it.
_NOTES: Final = frozenset({"note", "time"})


def width(words: Iterable[Word]) -> int:
    """Return how many columns the words take."""
    return sum([len(said) if said.isascii() else cell_len(said) for _, said in words])


def folded(words: Sequence[Word], columns: int, *, at_blanks: bool = False) -> list[list[Word]]:
    """Return the words as lines of at most so many columns, at least one line.

    ``at_blanks``: cut between words, as far as one fits a line, and so are notes and what is made of several
    pieces; else anywhere, so that every line but the last is full and can be copied. A character that is wider
    than a line has one for itself.
    """
    if width(words) <= columns:
        return [list(words)]
    lines = _Lines(max(1, columns))
    at_blanks = at_blanks or sum(role not in _NOTES for role, _ in words) > 1
    for role, said in words:
        if at_blanks or role in _NOTES:
            for word in _WORD.findall(said):
                lines.take_word(role, word)
        else:
            lines.take(role, said)
    return lines.lines


def _characters(said: str) -> Iterator[str]:
    """Yield each character with what takes no room behind it: marks, and what makes a symbol an emoji."""
    cluster = ""
    for character in said:
        if cluster and cell_len(character):
            yield cluster
            cluster = ""
        cluster += character
    if cluster:
        yield cluster


class _Lines:
    """The lines so far; the last one is being filled."""

    def __init__(self, columns: int) -> None:
        self.lines: list[list[Word]] = [[]]
        self._columns = columns
        self._room = columns
        self._blanks: list[Word] = []

    def take_word(self, role: Role, word: str) -> None:
        """Add a word that may have blanks before it, or blanks alone; those vanish where a line ends."""
        bare = word.lstrip(" ")
        blanks = [*self._blanks, (role, word[: len(word) - len(bare)])]
        self._blanks = []
        if not bare:
            self._blanks = blanks
            return
        begun = self._room < self._columns
        if begun and width([*blanks, (role, bare)]) > self._room:
            self._end()
        else:
            for blank in blanks:
                self.take(*blank)
        self.take(role, bare)

    def take(self, role: Role, said: str) -> None:
        """Add words that may be cut anywhere, behind the blanks that end what is said about others."""
        blanks, self._blanks = self._blanks, []
        for blank in blanks:
            self.take(*blank)
        if not said.isascii():
            for character in _characters(said):
                self._add(role, character, cell_len(character))
            return
        while said:
            room = self._room or self._columns
            self._add(role, said[:room], len(said[:room]))
            said = said[room:]

    def _add(self, role: Role, said: str, columns: int) -> None:
        if columns > self._room and self._room < self._columns:
            self._end()
        line = self.lines[-1]
        if line and line[-1][0] == role:
            line[-1] = (role, line[-1][1] + said)
        else:
            line.append((role, said))
        self._room = max(0, self._room - columns)

    def _end(self) -> None:
        self.lines.append([])
        self._room = self._columns
