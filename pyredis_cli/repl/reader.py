"""How a line is read: prompt_toolkit's session, put together from our parts."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from prompt_toolkit import PromptSession
from prompt_toolkit.filters import Condition
from prompt_toolkit.output import ColorDepth
from prompt_toolkit.styles import Style
from prompt_toolkit.utils import is_dumb_terminal

from pyredis_cli.repl import completer as menu
from pyredis_cli.repl import hinting, lexer, prompt, toolbar
from pyredis_cli.repl.bindings import bindings

if TYPE_CHECKING:
    from prompt_toolkit.completion import Completer
    from prompt_toolkit.formatted_text import StyleAndTextTuples
    from prompt_toolkit.history import History

    from pyredis_cli.repl.bottom import BottomLine
    from pyredis_cli.repl.insight import Insight
    from pyredis_cli.repl.preferences import Preferences

__all__ = ["line_reader"]

_STYLE = {**prompt.STYLE, **lexer.STYLE, **hinting.STYLE, **menu.STYLE, **toolbar.STYLE}
# Without colours a hint must still be told from what was typed.
_PLAIN = {**_STYLE, "hint": "dim", "toolbar": "dim"}


def line_reader(
    message: Callable[[], StyleAndTextTuples],
    history: History,
    completer: Completer,
    insight: Insight,
    preferences: Callable[[], Preferences],
    bottom: BottomLine,
    *,
    color: bool,
) -> PromptSession[str]:
    """Return a session that reads a line at a time; ``message`` is asked for the prompt at each redraw."""
    reader: PromptSession[str] = PromptSession(
        message,
        history=history,
        # A dumb terminal cannot be shown what TAB has put into the line.
        completer=None if is_dumb_terminal() else completer,
        complete_while_typing=Condition(lambda: preferences().live_completion),
        enable_suspend=True,
        key_bindings=bindings(),
        lexer=lexer.CommandLexer(insight),
        input_processors=[
            hinting.HintProcessor(lambda text: insight.hint(text) if preferences().hints else "", message)
        ],
        style=Style.from_dict(_STYLE if color else _PLAIN),
        color_depth=None if color else ColorDepth.MONOCHROME,
        include_default_pygments_style=False,
    )
    bottom.attach(reader)
    return reader
