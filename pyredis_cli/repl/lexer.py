"""prompt_toolkit's lexer over what is told of a line: words coloured by what they are, the mistake underlined."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from typing import TYPE_CHECKING, Final

from prompt_toolkit.lexers import Lexer

if TYPE_CHECKING:
    from prompt_toolkit.document import Document
    from prompt_toolkit.formatted_text import StyleAndTextTuples

    from pyredis_cli.repl.insight import Insight

__all__ = ["STYLE", "CommandLexer"]

STYLE: Final = {
    "word.command": "ansigreen",
    "word.key": "ansicyan",
    "word.token": "ansiyellow",
    "word.number": "ansimagenta",
    "mistake": "ansired underline",
}

# What a server calls its arguments is no name of a style: what is not here has none.
_CLASSES: Final = {
    "command": "class:word.command",
    "key": "class:word.key",
    "token": "class:word.token",
    "integer": "class:word.number",
    "double": "class:word.number",
    "unix-time": "class:word.number",
}


class CommandLexer(Lexer):
    """Colours each line on its own: a paste has many."""

    def __init__(self, insight: Insight) -> None:
        self._insight = insight

    def invalidation_hash(self) -> Hashable:
        return self._insight.basis

    def lex_document(self, document: Document) -> Callable[[int], StyleAndTextTuples]:
        """Return what gives the fragments of a line by its number."""
        lines = document.lines
        return lambda number: self._fragments(lines[number]) if number < len(lines) else []

    def _fragments(self, line: str) -> StyleAndTextTuples:
        marks = [(span.start, span.end, _CLASSES.get(span.role, "")) for span in self._insight.spans(line)]
        blot = self._insight.blot(line)
        if blot is not None:
            marks = [mark for mark in marks if mark[1] <= blot.start or mark[0] >= blot.end]
            marks.append((blot.start, blot.end, "class:mistake"))
        fragments: StyleAndTextTuples = []
        at = 0
        for start, end, style in sorted(marks):
            fragments += [("", line[at:start]), (style, line[start:end])]
            at = end
        return [*fragments, ("", line[at:])]
