"""What Enter may do: an open quote goes on in the next line, and several commands wait for a yes.

Pasted text is data until the person says that it is commands. It knows no keys: `bindings` does.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from prompt_toolkit.buffer import ValidationState
from prompt_toolkit.validation import ValidationError, Validator

from pyredis_cli.core.lines import lines_of
from pyredis_cli.splitting import quote_at, stretches

if TYPE_CHECKING:
    from prompt_toolkit.buffer import Buffer
    from prompt_toolkit.document import Document
    from prompt_toolkit.formatted_text import StyleAndTextTuples

__all__ = ["STYLE", "EnterCheck", "add_line", "asks", "continuation", "open_quote", "take_back"]

STYLE = {"validation-toolbar": "noreverse bold", "prompt-continuation": "ansibrightblack"}


class _Question(ValidationError):
    """How many commands would run."""


class EnterCheck(Validator):
    """Lets a text be entered when it is one command, or when its commands are agreed to."""

    def __init__(self) -> None:
        self._agreed: str | None = None
        self._seen: ValidationError | None = None
        self._refused: str | None = None

    def validate(self, document: Document) -> None:
        text = document.text
        if quote := open_quote(text):
            raise ValidationError(len(text), f"{quote} is still open; Enter goes on, Ctrl-C drops the line")
        number = len(lines_of(text))
        if number > 1 and text != self._agreed:
            raise _Question(document.cursor_position, f"Run these {number} commands? [y/N] ")

    def note_drawn(self, buffer: Buffer) -> None:
        """Remember that what is asked about the buffer is on the screen; a no is about no other text."""
        self._seen = buffer.validation_error
        if self._refused != buffer.text:
            self._refused = None

    def agree(self, buffer: Buffer) -> None:
        """Enter the commands that the person was asked about; a yes before they could read that is none."""
        if buffer.validation_error is not self._seen:
            return
        self._agreed = buffer.text
        take_back(buffer)
        buffer.validate_and_handle()
        self._agreed = None

    def disagree(self, buffer: Buffer) -> None:
        """Ask no more, and take the Enter that may follow for a part of the no."""
        self._refused = buffer.text
        take_back(buffer)

    def ends_refusal(self, buffer: Buffer) -> bool:
        """Return whether Enter was pressed right behind a no; the next one is an Enter again."""
        refused, self._refused = self._refused, None
        return refused == buffer.text


def asks(buffer: Buffer) -> bool:
    """Return whether the person is asked about the commands in the buffer."""
    return isinstance(buffer.validation_error, _Question)


def take_back(buffer: Buffer) -> None:
    """Ask no more; the text stays to be edited."""
    buffer.validation_error = None
    buffer.validation_state = ValidationState.UNKNOWN


def open_quote(text: str) -> str:
    """Return the quote that is open at the end of a text, or nothing."""
    return stretches(text)[-1].quote


def add_line(buffer: Buffer) -> None:
    """Begin another line where the cursor is, or at the end when no quote is open there."""
    if not open_quote(buffer.document.text_before_cursor):
        buffer.cursor_position = len(buffer.text)
    buffer.insert_text("\n")


def continuation(document: Document, row: int) -> StyleAndTextTuples:
    """Return what stands before a line other than the first: the quote that is open there."""
    quote = quote_at(document.text, document.translate_row_col_to_index(row, 0))
    return [("class:prompt-continuation", f"{quote}> " if quote else "... ")]
