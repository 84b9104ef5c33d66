"""A line read on a dumb terminal: what is typed comes out as it is, without one escape sequence.

Keys mean what they mean elsewhere; secrets are stars, and an open quote goes on in the next line. What cannot be
shown by writing on, as a line from the history, is written anew below.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from prompt_toolkit.application import Application, get_app_session
from prompt_toolkit.filters import Condition
from prompt_toolkit.formatted_text import fragment_list_to_text, to_formatted_text
from prompt_toolkit.key_binding import KeyBindings, KeyPressEvent, merge_key_bindings
from prompt_toolkit.output import DummyOutput
from prompt_toolkit.utils import get_cwidth

from pyredis_cli.render.escape import printable
from pyredis_cli.repl.entering import continuation
from pyredis_cli.repl.masking import masked

if TYPE_CHECKING:
    from collections.abc import Callable

    from prompt_toolkit import PromptSession
    from prompt_toolkit.buffer import Buffer
    from prompt_toolkit.output import Output
    from prompt_toolkit.validation import ValidationError

    from pyredis_cli.repl.insight import Insight

__all__ = ["plain_line"]


async def plain_line(reader: PromptSession[str], insight: Insight, on_drawn: Callable[[], None]) -> str:
    """Read a line into the reader's buffer with the reader's keys; KeyboardInterrupt or EOFError is none.

    ``on_drawn`` hears that what there is to read has been written.
    """
    buffer = reader.default_buffer
    buffer.reset()
    keys = [_ends(buffer), *([reader.key_bindings] if reader.key_bindings else [])]
    application: Application[str] = Application(
        input=reader.input, output=DummyOutput(), layout=reader.layout, key_bindings=merge_key_bindings(keys)
    )
    output = get_app_session().output
    message = fragment_list_to_text(to_formatted_text(reader.message))
    echo = _Echo(output, message, buffer, insight)
    buffer.on_text_changed += echo.follow

    def show_question(application: Application[str]) -> None:
        if not application.is_done:
            echo.ask()
            on_drawn()

    application.after_render += show_question
    try:
        return await application.run_async(handle_sigint=False)
    finally:
        buffer.on_text_changed -= echo.follow
        output.write("\n")
        output.flush()


def _ends(buffer: Buffer) -> KeyBindings:
    """Return the keys that end the line without an answer, as a prompt on other terminals has them."""
    keys = KeyBindings()

    @keys.add("c-c")
    @keys.add("<sigint>")
    def drop(event: KeyPressEvent) -> None:
        event.app.exit(exception=KeyboardInterrupt())

    @keys.add("c-d", filter=Condition(lambda: not buffer.text))
    def end(event: KeyPressEvent) -> None:
        event.app.exit(exception=EOFError())

    @keys.add("c-z")
    def suspend(event: KeyPressEvent) -> None:
        event.app.suspend_to_background()

    return keys


class _Echo:
    """Keeps what was written in step with the buffer."""

    def __init__(self, output: Output, message: str, buffer: Buffer, insight: Insight) -> None:
        self._output = output
        self._message = message
        self._buffer = buffer
        self._insight = insight
        self._shown = ""
        self._asked: ValidationError | None = None
        self._begun = False

    def follow(self, _: Buffer) -> None:
        """Write what is new, or take back what is gone, or write all of it anew."""
        shown = self._text()
        if self._asked is not None:  # what is new would stand behind the question
            self._asked = None
            self._write(f"\n{self._message}{shown}")
        elif shown.startswith(self._shown):
            self._write(shown[len(self._shown) :])
        elif self._shown.startswith(shown) and "\n" not in self._shown[len(shown) :]:
            self._write("\b \b" * get_cwidth(self._shown[len(shown) :]))
        else:
            self._write(f"\n{self._message}{shown}")
        self._shown = shown

    def ask(self) -> None:
        """Write below the line why Enter has not ended it, and the line again once that is settled."""
        if not self._begun:
            self._begun = True
            self._write(self._message)
        error = self._buffer.validation_error
        if error is self._asked:
            return
        self._write(f"\n{self._message}{self._shown}" if error is None else f"\n{error.message}")
        self._asked = error

    def _text(self) -> str:
        document = self._buffer.document
        first, *others = map(printable, masked(document.text, self._insight).split("\n"))
        rows = (
            fragment_list_to_text(continuation(document, row)) + line for row, line in enumerate(others, 1)
        )
        return "\n".join([first, *rows])

    def _write(self, text: str) -> None:
        self._output.write(text)
        self._output.flush()
