"""prompt_toolkit's lexer over what is told of a line: words coloured by what they are, the mistake underlined."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator
from itertools import accumulate
from typing import TYPE_CHECKING, Final, TypeAlias

from prompt_toolkit.lexers import Lexer

from pyredis_cli.splitting import Stretch, between, is_comment

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
    "word.outlet": "bold ansiblue",
    "lua.keyword": "ansiblue",
    "lua.string": "ansiyellow",
    "lua.number": "ansimagenta",
    "lua.comment": "ansibrightblack italic",
    "lua.given": "ansicyan",
    "comment": "ansibrightblack italic",
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
    "outlet": "class:word.outlet",
    "lua-keyword": "class:lua.keyword",
    "lua-string": "class:lua.string",
    "lua-number": "class:lua.number",
    "lua-comment": "class:lua.comment",
    "lua-given": "class:lua.given",
}

_Mark: TypeAlias = tuple[int, int, str]
"""From where to where in the text, in which style."""


class CommandLexer(Lexer):
    """Colours each command on its own: a paste has many, and one may have several lines."""

    def __init__(self, insight: Insight) -> None:
        self._insight = insight

    def invalidation_hash(self) -> Hashable:
        return self._insight.basis

    def lex_document(self, document: Document) -> Callable[[int], StyleAndTextTuples]:
        """Return what gives the fragments of a line by its number; only lines that are asked for are read."""
        text, lines = document.text, document.lines
        starts = [0, *accumulate(len(line) + 1 for line in lines)]

        def fragments(number: int) -> StyleAndTextTuples:
            if number >= len(lines):
                return []
            start, line = starts[number], lines[number]
            return _fragments(line, start, self._marks(text, start, start + len(line)))

        return fragments

    def _marks(self, text: str, start: int, end: int) -> Iterator[_Mark]:
        """Yield the marks of the commands that have a part between two places of the text."""
        for command in between(text, start, end):
            yield from self._marks_of(text, command)

    def _marks_of(self, text: str, stretch: Stretch) -> list[_Mark]:
        command, offset = text[stretch.start : stretch.end], stretch.start
        if is_comment(command):
            return [(stretch.start, stretch.end, "class:comment")]
        marks = [
            (offset + span.start, offset + span.end, _CLASSES.get(span.role, ""))
            for span in self._insight.spans(command)
        ]
        blot = self._insight.blot(command)
        if blot is not None:
            wrong = offset + blot.start, offset + blot.end
            marks = [mark for mark in marks if mark[1] <= wrong[0] or mark[0] >= wrong[1]]
            marks.append((*wrong, "class:mistake"))
        return sorted(marks)


def _fragments(line: str, offset: int, marks: Iterator[_Mark]) -> StyleAndTextTuples:
    """Return a line, which begins at that place of the text, in the styles of the marks."""
    fragments: StyleAndTextTuples = []
    at = 0
    for first, last, style in marks:
        start, end = max(first - offset, 0), min(last - offset, len(line))
        if start < end:
            fragments += [("", line[at:start]), (style, line[start:end])]
            at = end
    return [*fragments, ("", line[at:])]
