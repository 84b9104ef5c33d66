"""What may be taken from the history behind the cursor: the rest of the newest line that begins as this one does.

Looking through a long history takes its time: it goes on where it stopped when a key was added, and lets other
keys in between. A line with a secret, or with the ``***`` in the place of one, is never suggested, nor is one that
would fill the screen.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Final

from prompt_toolkit.auto_suggest import AutoSuggest, Suggestion

if TYPE_CHECKING:
    from prompt_toolkit.buffer import Buffer
    from prompt_toolkit.document import Document

    from pyredis_cli.repl.insight import Insight

__all__ = ["HistorySuggest"]

# So many lines are looked at before other keys have their turn; it takes a fraction of a millisecond.
_AT_ONCE: Final = 4_000
_LONGEST: Final = 500


class HistorySuggest(AutoSuggest):
    """Suggests from ``lines``, the newest first, while ``wanted`` says so; before them, the ``offered`` line."""

    def __init__(
        self,
        lines: Callable[[], Sequence[str]],
        insight: Insight,
        wanted: Callable[[], bool],
        offered: Callable[[], str] = lambda: "",
    ) -> None:
        self._offered = offered
        self._lines = lines
        self._insight = insight
        self._wanted = wanted
        self._sought = ""
        self._size = 0
        self._place = 0
        """No line before this one begins with what was sought, when there were so many lines."""

    def get_suggestion(self, buffer: Buffer, document: Document) -> Suggestion | None:
        """Return what can be found at once; prompt_toolkit itself asks for the other."""
        return self._suggestion(document.text) if self._asked(document) else None

    async def get_suggestion_async(self, buffer: Buffer, document: Document) -> Suggestion | None:
        if not self._asked(document):
            return None
        suggestion = self._suggestion(document.text)
        while suggestion is None and self._place < self._size and buffer.document == document:
            await asyncio.sleep(0)
            suggestion = self._suggestion(document.text)
        return suggestion

    def _asked(self, document: Document) -> bool:
        text = document.text
        typed = bool(text) and not text[0].isspace() and "\n" not in text and document.is_cursor_at_the_end
        return typed and self._wanted() and not self._insight.ends_in_secret(text)

    def offer(self) -> Suggestion | None:
        """Return what is suggested before anything is typed: the line that was probably meant."""
        line = self._offered()
        return Suggestion(line) if line and self._wanted() and self._may_be_shown(line) else None

    def _suggestion(self, text: str) -> Suggestion | None:
        """Return the rest of the next line that fits, of as many as are looked at at once."""
        offered = self.offer()
        if offered is not None and offered.text.startswith(text) and offered.text != text:
            return Suggestion(offered.text[len(text) :])
        lines = self._lines()
        if len(lines) != self._size or not text.startswith(self._sought):
            self._place, self._size = 0, len(lines)
        self._sought = text
        last = min(self._place + _AT_ONCE, self._size)
        for place in range(self._place, last):
            line = lines[place]
            if line.startswith(text) and len(text) < len(line) <= _LONGEST and self._may_be_shown(line):
                self._place = place
                return Suggestion(line[len(text) :])
        self._place = last
        return None

    def _may_be_shown(self, line: str) -> bool:
        return "***" not in line and not self._insight.secrets(line, finished=True)
