"""What is told of a line while it is typed: the hint behind it, what its words are, and the mistake in it.

It asks the table that holds now at each key, and waits for nothing. Of words that are or may be secret it tells
nothing: they have no colour, are no mistake and get no hint.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING, Final

from pyredis_cli.complete import hints, paint
from pyredis_cli.complete.paint import Blot, Span
from pyredis_cli.render.escape import printable
from pyredis_cli.repl.history import secret_words
from pyredis_cli.repl.meta import WORDS
from pyredis_cli.repl.toolbar import Usage
from pyredis_cli.splitting import Word, scan

if TYPE_CHECKING:
    from pyredis.commands.spec import Table

__all__ = ["Insight"]

# Of longer lines nothing is told: a walk through thousands of words would be felt at each key.
_LONGEST: Final = 2_000


class Insight:
    """Tells of lines in one encoding; ``table`` is asked each time: a server may have told more of itself."""

    def __init__(self, table: Callable[[], Table], encoding: str) -> None:
        self._table = table
        self._encoding = encoding

    @property
    def basis(self) -> Hashable:
        """Another value whenever something else may be told of the same line."""
        table = self._table()
        return id(table), table.revision

    def hint(self, text: str) -> str:
        """Return what is still to be typed behind the text; of several lines, behind the last one."""
        line = text.rpartition("\n")[2]
        return "" if len(line) > _LONGEST else self._told(line).hint

    def spans(self, line: str) -> list[Span]:
        """Return what the words of a line are."""
        return [] if len(line) > _LONGEST else self._told(line).spans

    def blot(self, line: str) -> Blot | None:
        """Return the first word of a line that cannot be right."""
        return None if len(line) > _LONGEST else self._told(line).blot

    def usage(self, line: str) -> Usage | None:
        """Return how the command of a line is written; None while it names none."""
        return None if len(line) > _LONGEST else self._told(line).usage

    def _told(self, line: str) -> _Told:
        table = self._table()
        return _told(line, table, table.revision, self._encoding)


class _Told:
    """What is told of one line, each of it found when it is first asked for."""

    def __init__(self, line: str, table: Table, encoding: str) -> None:
        self._line = line
        self._table = table
        self._encoding = encoding

    @cached_property
    def hint(self) -> str:
        if any(word.end == len(self._line) for word in self._secrets):
            return ""
        return printable(hints.hint(self._line, self._table, self._encoding))

    @cached_property
    def spans(self) -> list[Span]:
        spans = paint.paint(self._line, self._table, self._encoding)
        return [span for span in spans if not _any_at(self._secrets, span.start)]

    @cached_property
    def blot(self) -> Blot | None:
        blot = paint.blot(self._line, self._table, finished=False, encoding=self._encoding, own=WORDS)
        return None if blot is None or _any_at(self._secrets, blot.start) else blot

    @cached_property
    def usage(self) -> Usage | None:
        spec = hints.named(self._line, self._table, self._encoding)
        if spec is None:
            return None
        of = f"{spec.module} " if spec.module and spec.since else ""
        synopsis = hints.synopsis(spec, self._table)
        return Usage(synopsis, spec.complexity, f"{of}{spec.since}", spec.deprecated_since or "")

    @cached_property
    def _secrets(self) -> list[Word]:
        words = scan(self._line, self._encoding)
        places = secret_words([word.value for word in words], self._table)
        return [words[place] for place in sorted(places)]


# One keystroke asks several times: of the whole line, and of what is before the cursor.
@lru_cache(maxsize=2)
def _told(line: str, table: Table, revision: int, encoding: str) -> _Told:
    return _Told(line, table, encoding)


def _any_at(words: list[Word], start: int) -> bool:
    return any(word.start == start for word in words)
