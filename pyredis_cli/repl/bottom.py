"""What stands below the prompt: why the line is wrong, how MONITOR goes, how a command is written, the server."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from pyredis_cli.repl.toolbar import cut, mistake_line, status_line, usage_line

if TYPE_CHECKING:
    from prompt_toolkit import PromptSession
    from prompt_toolkit.formatted_text import StyleAndTextTuples

    from pyredis_cli.repl.insight import Insight
    from pyredis_cli.repl.visit import Visit

__all__ = ["BottomLine"]

_LEAST_ROWS: Final = 3


class BottomLine:
    """The bottom line of one reader; ``enabled`` says whether there is more in it than mistakes."""

    def __init__(
        self,
        insight: Insight,
        visit: Callable[[], Visit],
        enabled: Callable[[], bool],
    ) -> None:
        self._insight = insight
        self._visit = visit
        self._enabled = enabled
        self._reader: PromptSession[str] | None = None
        self._message: Callable[[], StyleAndTextTuples] = list
        self._drawn: object = None

    def attach(self, reader: PromptSession[str], message: Callable[[], StyleAndTextTuples]) -> None:
        """Have the line made anew before each drawing, and the prompt, which tells the role."""
        self._reader, self._message = reader, message
        reader.app.before_render += lambda _: self._prepare(reader)

    def refresh(self) -> None:
        """Draw again if that would show anything else; a screen that says the same is left alone."""
        reader = self._reader
        if reader is not None and reader.app.is_running and self._drawn != self._drawing(reader):
            reader.app.invalidate()

    def _prepare(self, reader: PromptSession[str]) -> None:
        # prompt_toolkit would ask for the prompt more than ten times in one drawing.
        self._drawn = reader.message, fragments = self._drawing(reader)
        # None, and not an empty line: then there is no line at all.
        reader.bottom_toolbar = fragments or None

    def _drawing(self, reader: PromptSession[str]) -> tuple[StyleAndTextTuples, StyleAndTextTuples]:
        """Return the prompt and the line."""
        size = reader.app.output.get_size()
        text = reader.default_buffer.text
        return self._message(), self._fragments(text, size.columns) if size.rows >= _LEAST_ROWS else []

    def _fragments(self, text: str, width: int) -> StyleAndTextTuples:
        if (blot := self._insight.blot(text)) is not None:
            return mistake_line(blot.reason, width)
        visit = self._visit()
        if visit.monitor is not None:
            return [("class:toolbar", cut(visit.monitor.line, width))]
        if not self._enabled():
            return []
        if (usage := self._insight.usage(text)) is not None:
            return usage_line(usage, width)
        status = visit.status_look.status
        return [] if status is None else status_line(status, visit.session.database, width)
