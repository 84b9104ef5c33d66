"""Searching a long history at each key of Ctrl-R: what prompt_toolkit does, in a hundredth of the time.

prompt_toolkit makes a document of each line and finds it by its number, for which it goes through half of the
lines; here only a line that holds the text becomes one.
"""

from __future__ import annotations

import re
from itertools import islice
from typing import TYPE_CHECKING

from prompt_toolkit.document import Document
from prompt_toolkit.search import SearchDirection

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from prompt_toolkit.buffer import Buffer
    from prompt_toolkit.search import SearchState

__all__ = ["ignores_case", "speed_up"]


def speed_up(buffer: Buffer) -> None:
    """Have the lines of a buffer searched by us; what is found stays the same."""
    theirs = buffer._search

    def search(
        search_state: SearchState, include_current_position: bool = False, count: int = 1
    ) -> tuple[int, int] | None:
        if count != 1:
            return theirs(search_state, include_current_position, count)
        holds = _holding(search_state)
        here = buffer.document
        place = _place(here, search_state, include_current_position)
        if place is not None:
            return buffer.working_index, here.cursor_position + place
        forward = search_state.direction is SearchDirection.FORWARD
        for number, line in _others(buffer, forward):
            if holds(line):
                document = Document(line, 0 if forward else len(line))
                place = _place(document, search_state, True)
                assert place is not None  # the text is in there
                return number, document.cursor_position + place
        return None

    buffer._search = search  # type: ignore[method-assign]


def ignores_case(text: str) -> bool:
    """Return whether a text is sought in capital and small letters: nobody has typed a capital one."""
    return not any(character.isupper() for character in text)


def _holding(state: SearchState) -> Callable[[str], object]:
    """Return what says whether a line holds the text."""
    if state.ignore_case():
        return re.compile(re.escape(state.text), re.IGNORECASE).search
    return lambda line: state.text in line


def _place(document: Document, state: SearchState, include_current_position: bool) -> int | None:
    """Return how far from the cursor the text is."""
    ignore_case = state.ignore_case()
    if state.direction is SearchDirection.FORWARD:
        return document.find(
            state.text, include_current_position=include_current_position, ignore_case=ignore_case
        )
    return document.find_backwards(state.text, ignore_case=ignore_case)


def _others(buffer: Buffer, forward: bool) -> Iterator[tuple[int, str]]:
    """Yield the lines behind or before the one that is edited, and at the end the one beyond the other end."""
    lines, number = buffer._working_lines, buffer.working_index
    if forward:
        yield from enumerate(islice(lines, number + 1, None), number + 1)
        yield 0, lines[0]
        return
    last = len(lines) - 1
    before = islice(reversed(lines), len(lines) - number, None)
    yield from zip(range(number - 1, -1, -1), before, strict=True)
    yield last, lines[last]
