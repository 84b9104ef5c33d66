"""How a line is read: prompt_toolkit's session, put together from our parts."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from prompt_toolkit import PromptSession
from prompt_toolkit.output import ColorDepth
from prompt_toolkit.styles import Style

from pyredis_cli.repl import completer as menu
from pyredis_cli.repl import prompt
from pyredis_cli.repl.bindings import bindings

if TYPE_CHECKING:
    from prompt_toolkit.completion import Completer
    from prompt_toolkit.formatted_text import StyleAndTextTuples
    from prompt_toolkit.history import History

__all__ = ["line_reader"]


def line_reader(
    message: Callable[[], StyleAndTextTuples], history: History, completer: Completer, *, color: bool
) -> PromptSession[str]:
    """Return a session that reads a line at a time; ``message`` is asked for the prompt at each redraw."""
    return PromptSession(
        message,
        history=history,
        completer=completer,
        complete_while_typing=True,
        enable_suspend=True,
        key_bindings=bindings(),
        style=Style.from_dict({**prompt.STYLE, **menu.STYLE}),
        color_depth=None if color else ColorDepth.MONOCHROME,
        include_default_pygments_style=False,
    )
