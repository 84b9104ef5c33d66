"""What is told of a line while it is typed: the hint behind it, what its words are, and the mistake in it.

It asks the table that holds now at each key, and waits for nothing. Of words that are or may be secret it tells
nothing: they have no colour, are no mistake and get no hint.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable
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
        if len(line) > _LONGEST or any(word.end == len(line) for word in self._secrets(line)):
            return ""
        return printable(hints.hint(line, self._table(), self._encoding))

    def spans(self, line: str) -> list[Span]:
        """Return what the words of a line are."""
        if len(line) > _LONGEST:
            return []
        spans = paint.paint(line, self._table(), self._encoding)
        secrets = self._secrets(line) if spans else []
        return [span for span in spans if not _any_at(secrets, span.start)]

    def blot(self, line: str) -> Blot | None:
        """Return the first word of a line that cannot be right."""
        if len(line) > _LONGEST:
            return None
        blot = paint.blot(line, self._table(), finished=False, encoding=self._encoding, own=WORDS)
        return None if blot is None or _any_at(self._secrets(line), blot.start) else blot

    def usage(self, line: str) -> Usage | None:
        """Return how the command of a line is written; None while it names none."""
        table = self._table()
        spec = None if len(line) > _LONGEST else hints.named(line, table, self._encoding)
        if spec is None:
            return None
        of = f"{spec.module} " if spec.module and spec.since else ""
        return Usage(
            hints.synopsis(spec, table), spec.complexity, f"{of}{spec.since}", spec.deprecated_since or ""
        )

    def _secrets(self, line: str) -> list[Word]:
        words = scan(line, self._encoding)
        places = secret_words([word.value for word in words], self._table())
        return [words[place] for place in sorted(places)]


def _any_at(words: list[Word], start: int) -> bool:
    return any(word.start == start for word in words)
