"""Keys that differ from prompt_toolkit's Emacs defaults."""

from __future__ import annotations

from collections.abc import Sequence

from prompt_toolkit.buffer import Buffer
from prompt_toolkit.completion import CompleteEvent, Completion, get_common_complete_suffix
from prompt_toolkit.enums import DEFAULT_BUFFER
from prompt_toolkit.filters import completion_is_selected, has_focus
from prompt_toolkit.key_binding import KeyBindings, KeyPressEvent

__all__ = ["bindings"]


def bindings() -> KeyBindings:
    """Return our keys.

    Enter on a selected completion takes it and runs nothing. TAB takes the only completion at once; it does not
    wait for the menu, which opens a moment after the last key.
    """
    keys = KeyBindings()
    in_line = has_focus(DEFAULT_BUFFER)

    @keys.add("enter", filter=in_line & completion_is_selected)
    def take_completion(event: KeyPressEvent) -> None:
        # The word is in the line already; closing the menu is all that is left to do.
        event.current_buffer.complete_state = None

    @keys.add("tab", filter=in_line)
    def complete(event: KeyPressEvent) -> None:
        buffer = event.current_buffer
        found = _completions(buffer)
        if len(found) == 1 and not completion_is_selected():
            buffer.apply_completion(found[0])
        elif buffer.complete_state:
            buffer.complete_next()
        elif found:
            buffer.insert_text(get_common_complete_suffix(buffer.document, found))
            buffer.start_completion()

    return keys


def _completions(buffer: Buffer) -> Sequence[Completion]:
    """Return what the menu shows, or would show."""
    if buffer.complete_state:
        return buffer.complete_state.completions
    return list(buffer.completer.get_completions(buffer.document, CompleteEvent(completion_requested=True)))
