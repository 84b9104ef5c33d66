"""The hint behind the cursor, drawn on the line that is typed and never beyond its end."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from prompt_toolkit.application import get_app
from prompt_toolkit.formatted_text import fragment_list_to_text, to_formatted_text
from prompt_toolkit.layout.processors import Processor, Transformation
from prompt_toolkit.layout.screen import Char
from prompt_toolkit.utils import get_cwidth

from pyredis_cli.repl.entering import continuation

if TYPE_CHECKING:
    from prompt_toolkit.formatted_text import AnyFormattedText
    from prompt_toolkit.layout.processors import TransformationInput

__all__ = ["STYLE", "HintProcessor"]

STYLE: Final = {"hint": "ansibrightblack"}


class HintProcessor(Processor):
    """Draws what ``hint`` says of the text, when the cursor stands at its end; ``message`` is the prompt."""

    def __init__(self, hint: Callable[[str], str], message: Callable[[], AnyFormattedText]) -> None:
        self._hint = hint
        self._message = message

    def apply_transformation(self, transformation_input: TransformationInput) -> Transformation:
        document, fragments = transformation_input.document, transformation_input.fragments
        last = transformation_input.lineno == document.line_count - 1
        buffer = transformation_input.buffer_control.buffer
        if not last or not document.is_cursor_at_the_end or buffer.suggestion or get_app().is_done:
            return Transformation(fragments)  # where a suggestion stands there is no room for a hint
        room = self._room(transformation_input)
        hint = _cut(self._hint(document.text), room) if room > 0 else ""
        return Transformation([*fragments, ("class:hint", hint)] if hint else fragments)

    def _room(self, transformation_input: TransformationInput) -> int:
        """Return how many columns the row of the cursor has behind it, but for its last one."""
        width = transformation_input.width
        typed = fragment_list_to_text(transformation_input.fragments)
        row = transformation_input.lineno
        before = continuation(transformation_input.document, row) if row else self._message()
        typed = fragment_list_to_text(to_formatted_text(before)) + typed
        return width - _column_behind(typed, width) - 1 if width > 0 else 0


def _column_behind(text: str, width: int) -> int:
    """Return the column behind a text in rows of a width, of which a wide character may not fill the last."""
    column = 0
    for character in text:
        cells = get_cwidth(Char.display_mappings.get(character, character))  # a control is shown as ^A
        column = column + cells if column + cells <= width else cells
    return column % width


def _cut(text: str, width: int) -> str:
    """Return as much of the text as fits into so many columns."""
    if get_cwidth(text) <= width:
        return text
    while text and get_cwidth(text) > width:
        text = text[: min(len(text) - 1, width)]
    return text
