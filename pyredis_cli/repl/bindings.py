"""Keys that differ from prompt_toolkit's defaults, for Emacs' and vi's alike."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import TYPE_CHECKING

from prompt_toolkit.application import get_app
from prompt_toolkit.buffer import Buffer
from prompt_toolkit.completion import CompleteEvent, Completion, get_common_complete_suffix
from prompt_toolkit.enums import DEFAULT_BUFFER
from prompt_toolkit.filters import (
    Condition,
    Filter,
    completion_is_selected,
    emacs_mode,
    has_focus,
    has_selection,
    vi_navigation_mode,
)
from prompt_toolkit.key_binding import KeyBindings, KeyPressEvent
from prompt_toolkit.utils import suspend_to_background_supported

from pyredis_cli.repl.entering import add_line, asks, open_quote, take_back
from pyredis_cli.repl.terminal import paste_marks

if TYPE_CHECKING:
    from pyredis_cli.repl.entering import EnterCheck

__all__ = ["bindings"]


def bindings(check: EnterCheck, edit: Callable[[Buffer], Awaitable[None]], *, editing: Filter) -> KeyBindings:
    """Return our keys; ``check`` is asked what may be entered, ``edit`` opens an editor; ``editing`` until then.

    Enter on a selected completion takes it and runs nothing. TAB takes the only completion at once; it does not
    wait for the menu, which opens a moment after the last key.
    """
    keys = KeyBindings()
    in_line = has_focus(DEFAULT_BUFFER)
    asked = in_line & Condition(lambda: asks(get_app().current_buffer))

    # Eager: Enter in the middle of a quote would be a line end with the indentation of the line before.
    @keys.add("enter", filter=in_line, eager=True)
    @keys.add("escape", "enter", filter=in_line & emacs_mode, eager=True)
    def enter(event: KeyPressEvent) -> None:
        buffer = event.current_buffer
        if completion_is_selected():
            # The word is in the line already; closing the menu is all that is left to do.
            buffer.complete_state = None
        elif asks(buffer):
            take_back(buffer)
        elif check.ends_refusal(buffer):
            return
        elif open_quote(buffer.text):
            add_line(buffer)
        else:
            buffer.complete_state = None
            buffer.validate_and_handle()

    @keys.add("y", filter=asked, eager=True)
    @keys.add("Y", filter=asked, eager=True)
    def agree(event: KeyPressEvent) -> None:
        check.agree(event.current_buffer)

    # Any other key edits on, and a line that is edited is no longer asked about.
    @keys.add("n", filter=asked, eager=True)
    @keys.add("N", filter=asked, eager=True)
    def disagree(event: KeyPressEvent) -> None:
        check.disagree(event.current_buffer)

    @keys.add("escape", filter=asked, eager=True)
    @keys.add("c-g", filter=asked, eager=True)
    @keys.add("c-d", filter=asked, eager=True)
    def ask_no_more(event: KeyPressEvent) -> None:
        take_back(event.current_buffer)

    @keys.add("c-z", filter=Condition(suspend_to_background_supported))
    def suspend(event: KeyPressEvent) -> None:
        paste_marks(on=False)  # the shell may not know them
        event.app.suspend_to_background()

    @keys.add("tab", filter=in_line)
    def complete(event: KeyPressEvent) -> None:
        buffer = event.current_buffer
        found = _completions(buffer)
        if len(found) == 1 and not completion_is_selected():
            buffer.apply_completion(found[0])
        elif completion_is_selected():
            buffer.complete_next()
        elif common := get_common_complete_suffix(buffer.document, found):
            buffer.insert_text(common)
            buffer.start_completion()
        elif buffer.complete_state:
            buffer.complete_next()
        elif found:
            buffer.start_completion()

    @keys.add("end", filter=in_line & Condition(lambda: bool(_suggested(get_app().current_buffer))))
    def take_suggestion(event: KeyPressEvent) -> None:
        event.current_buffer.insert_text(_suggested(event.current_buffer))

    @keys.add("c-x", "c-e", filter=in_line & emacs_mode & ~has_selection)
    @keys.add("v", filter=in_line & vi_navigation_mode & ~has_selection)
    async def open_editor(event: KeyPressEvent) -> None:
        await edit(event.current_buffer)

    @keys.add("<vt100-mouse-event>")
    def ignore_mouse(event: KeyPressEvent) -> None:
        """No mouse is asked for; prompt_toolkit fails where ``ESC [31m`` in a paste looks like one."""

    @keys.add("<sigint>", filter=editing, eager=True)
    def leave_to_editor(event: KeyPressEvent) -> None:
        """The terminal is the editor's: Ctrl-C was meant for it."""

    return keys


def _suggested(buffer: Buffer) -> str:
    """Return what may be taken from the history behind the cursor."""
    return buffer.suggestion.text if buffer.suggestion and buffer.document.is_cursor_at_the_end else ""


def _completions(buffer: Buffer) -> Sequence[Completion]:
    """Return what the menu shows, or would show."""
    if buffer.complete_state:
        return buffer.complete_state.completions
    return list(buffer.completer.get_completions(buffer.document, CompleteEvent(completion_requested=True)))
