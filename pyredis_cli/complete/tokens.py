"""A line that is being typed, taken apart: which command, what of it is finished, and the word at the cursor.

It knows the repeat count of ``5 INCR x`` and that a container's second word is part of its name. It does not know
what arguments mean: the grammar does.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING, Final

from pyredis.commands.grammar import Grammar, Walk, grammar
from pyredis_cli.splitting import Word, scan, stretches

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pyredis.commands.spec import Spec, Table

__all__ = ["COUNT", "Line", "known", "line_of", "tokens"]

COUNT: Final = re.compile(rb"[+-]?\d+")


@dataclass(frozen=True)
class Line:
    """The words of a line. Those that are finished have a blank behind them; ``partial`` may still grow."""

    count: Word | None
    """How often the command is to be sent, when that stands in front."""
    name: tuple[Word, ...]
    """The finished words that name the command, of a container two."""
    arguments: tuple[Word, ...]
    """The finished ones behind them."""
    partial: Word
    """The one at the cursor, empty behind a blank."""
    spec: Spec | None
    """The command that ``name`` names; None is one that the server does not have, or not typed yet."""

    @property
    def blank(self) -> bool:
        """Whether nothing is finished but a count."""
        return not self.name

    @property
    def container(self) -> bool:
        """Whether the word that comes next is the second of the name."""
        return self.spec is not None and bool(self.spec.subcommands) and " " not in self.spec.name

    @cached_property
    def walk(self) -> Walk | None:
        """How the finished arguments are understood; None without a command whose arguments they are."""
        if self.spec is None or self.container:
            return None
        return _walked(grammar(self.spec), [word.value for word in self.arguments])

    @cached_property
    def walk_through(self) -> Walk | None:
        """The same with the word at the cursor, taken for finished."""
        if self.walk is None or self.spec is None:
            return None
        words = [word.value for word in (*self.arguments, self.partial)]
        return grammar(self.spec).walk(words, self.walk)


def tokens(text: str, table: Table, encoding: str = "utf-8") -> Line:
    """Return what a line up to the cursor says; of several commands, the last one.

    The places in it are counted from the beginning of that.
    """
    return _line(text[stretches(text)[-1].start :], table, table.revision, encoding)


def line_of(argv: Sequence[bytes], partial: bytes, table: Table) -> Line:
    """Return the line that these finished words and the one at the cursor would be, in quotes each.

    The quote of the last one is open, so what stands there already is a candidate like others.
    """
    spec = known(argv[:2], table)
    words = [Word(value, 2 * place, 2 * place + 1) for place, value in enumerate(argv)]
    size = 0 if not words else 1 + (spec is not None and " " in spec.name)
    at = 2 * len(words)
    return Line(None, tuple(words[:size]), tuple(words[size:]), Word(partial, at, at + 1, '"'), spec)


def known(argv: Sequence[bytes], table: Table) -> Spec | None:
    """Return the row of the subcommand, else of the command, that the server has."""
    for words in (argv, argv[:1]):
        spec = table.find(words)
        if spec is not None and table.has(spec.name):
            return spec
    return None


# Hint, menu, colours and mistakes of one keystroke ask for the same line, or for what is before the cursor; more
# are not kept, for those of a long line are many objects.
@lru_cache(maxsize=2)
def _line(text: str, table: Table, revision: int, encoding: str) -> Line:
    words = _scanned(text, encoding)
    partial = Word(b"", len(text), len(text))
    if words and words[-1].end == len(text):
        partial = words.pop()
    count = None
    if words and COUNT.fullmatch(words[0].value) and table.find([words[0].value]) is None:
        count = words.pop(0)
    argv = [word.value for word in words[:2]]
    spec = known(argv, table)
    size = 0 if not words else 1 + (spec is not None and " " in spec.name)
    return Line(count, tuple(words[:size]), tuple(words[size:]), partial, spec)


class _Scanner:
    """`scan` that keeps what is settled: a long line that grows at its end is not read anew at each keystroke."""

    def __init__(self) -> None:
        self._settled: tuple[str, str, list[Word]] = ("", "", [])
        """The encoding, the last line up to the blank behind its last finished word, and the words there."""

    def __call__(self, text: str, encoding: str) -> list[Word]:
        known, start, words = self._settled
        if known != encoding or not text.startswith(start):
            start, words = "", []
        offset = len(start)
        rest = scan(text[offset:], encoding)
        words = words + [
            Word(word.value, word.start + offset, word.end + offset, word.quote) for word in rest
        ]
        finished = len(words)
        while finished and not _has_blank_behind(words[finished - 1], text):
            finished -= 1
        if finished:
            self._settled = encoding, text[: words[finished - 1].end + 1], words[:finished]
        return words


_scanned: Final = _Scanner()


class _Walker:
    """`Grammar.walk` that goes on with the last walk, when that was of the same words as far as they went."""

    def __init__(self) -> None:
        self._last: tuple[Grammar, list[bytes], Walk] | None = None

    def __call__(self, grammar: Grammar, words: list[bytes]) -> Walk:
        begun = None
        if self._last is not None:
            last_grammar, last_words, walk = self._last
            if last_grammar is grammar and words[: len(last_words)] == last_words:
                begun = walk
        walk = grammar.walk(words, begun)
        self._last = grammar, words, walk
        return walk


_walked: Final = _Walker()


def _has_blank_behind(word: Word, text: str) -> bool:
    return text[word.end : word.end + 1] in _BLANKS


_BLANKS: Final = frozenset(" \t\n\v\f\r")
