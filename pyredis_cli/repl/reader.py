"""How a line is read: prompt_toolkit's session, put together from our parts."""

from __future__ import annotations

import os
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Final

from prompt_toolkit import PromptSession
from prompt_toolkit.application import get_app, in_terminal
from prompt_toolkit.document import Document
from prompt_toolkit.enums import EditingMode
from prompt_toolkit.filters import Condition
from prompt_toolkit.key_binding.vi_state import InputMode
from prompt_toolkit.layout.dimension import Dimension
from prompt_toolkit.layout.menus import CompletionsMenuControl
from prompt_toolkit.output import ColorDepth
from prompt_toolkit.styles import Style
from prompt_toolkit.utils import is_dumb_terminal

from pyredis_cli.repl import completer as menu
from pyredis_cli.repl import entering, hinting, lexer, prompt, searching, toolbar
from pyredis_cli.repl.bindings import bindings
from pyredis_cli.repl.masking import MaskProcessor, holds_secret
from pyredis_cli.repl.suggesting import HistorySuggest
from pyredis_cli.repl.terminal import paste_marks

if TYPE_CHECKING:
    from prompt_toolkit.buffer import Buffer
    from prompt_toolkit.completion import Completer
    from prompt_toolkit.formatted_text import StyleAndTextTuples
    from prompt_toolkit.layout.layout import Layout

    from pyredis_cli.repl.bottom import BottomLine
    from pyredis_cli.repl.history import CommandHistory
    from pyredis_cli.repl.insight import Insight
    from pyredis_cli.repl.preferences import Preferences

__all__ = ["LineReader"]

_STYLE: Final = {
    **prompt.STYLE,
    **lexer.STYLE,
    **hinting.STYLE,
    **menu.STYLE,
    **entering.STYLE,
    **toolbar.STYLE,
    "vi-mode": "ansibrightblack",
    "auto-suggestion": "ansibrightblack",
}
# Without colours a hint must still be told from what was typed.
_PLAIN: Final = {**_STYLE, "hint": "dim", "auto-suggestion": "dim", "toolbar": "dim"}
# An Escape alone is a key once nothing has followed it for so many seconds; half of one would be felt in vi.
_ESCAPE_TIMEOUT: Final = 0.1
_VI_MODES: Final = {
    InputMode.INSERT: "[I] ",
    InputMode.INSERT_MULTIPLE: "[I] ",
    InputMode.NAVIGATION: "[N] ",
    InputMode.REPLACE: "[R] ",
    InputMode.REPLACE_SINGLE: "[R] ",
}
_MENU_ROWS: Final = 8
_OTHER_ROWS: Final = 2
"""What a low terminal has beside the menu: a row of the line, and the one below it."""
_WAY_OUT: Final = "Ctrl-D, quit or exit leaves"


class LineReader(PromptSession[str]):
    """Reads a line at a time; ``message`` is asked for the prompt at each redraw.

    ``tell`` prints a line of our own above the prompt. ``offered`` is the line that was probably meant by the one
    before, empty without one: it can be taken as a suggestion is, and Enter alone does not run it.
    """

    def __init__(
        self,
        message: Callable[[], StyleAndTextTuples],
        history: CommandHistory,
        completer: Completer,
        insight: Insight,
        preferences: Callable[[], Preferences],
        bottom: BottomLine,
        tell: Callable[[str], Awaitable[None]],
        offered: Callable[[], str],
        *,
        color: bool,
    ) -> None:
        self._insight = insight
        self._preferences = preferences
        self._tell = tell
        self._editing = False
        self._empty_drops = 0
        self._check = check = entering.EnterCheck()
        # A dumb terminal cannot be shown what is not typed.
        dumb = is_dumb_terminal()
        self._suggest = suggest = HistorySuggest(
            history.newest_first, insight, lambda: preferences().suggestions, offered
        )
        shown = self._with_mode(message)
        super().__init__(
            shown,
            history=history,
            completer=None if dumb else completer,
            # The menu keeps its rows free below the line, and there the question stands.
            complete_while_typing=Condition(
                lambda: preferences().live_completion and not entering.asks(self.default_buffer)
            ),
            auto_suggest=None if dumb else suggest,
            search_ignore_case=Condition(lambda: searching.ignores_case(self.search_buffer.text)),
            key_bindings=bindings(check, self._edit, editing=Condition(lambda: self._editing)),
            lexer=lexer.CommandLexer(insight),
            validator=check,
            validate_while_typing=False,
            prompt_continuation=self._continuation,
            input_processors=[
                MaskProcessor(insight),
                hinting.HintProcessor(
                    lambda text: insight.hint(text) if preferences().hints else "", lambda: self.message
                ),
            ],
            style=Style.from_dict(_STYLE if color else _PLAIN),
            color_depth=None if color else ColorDepth.MONOCHROME,
            include_default_pygments_style=False,
        )
        self.app.ttimeoutlen = _ESCAPE_TIMEOUT
        _make_menu_small(self.app.layout)
        self.app.after_render += lambda _: self._note_drawn()
        self.app.before_render += lambda _: self._make_room()
        bottom.attach(self, shown)
        searching.speed_up(self.default_buffer)
        self.default_buffer.on_cursor_position_changed += _ask_no_more

    def _make_room(self) -> None:
        """Keep room for the menu below a line that is typed; below an empty one it would be lost rows."""
        rows = min(_MENU_ROWS, max(0, self.app.output.get_size().rows - _OTHER_ROWS))
        self.reserve_space_for_menu = rows if self.default_buffer.text else 0

    def _note_drawn(self) -> None:
        self._check.note_drawn(self.default_buffer)

    async def read(self) -> str:
        """Return what was entered; Ctrl-C is KeyboardInterrupt, and Ctrl-D on an empty line EOFError."""
        self.editing_mode = EditingMode.VI if self._preferences().vi else EditingMode.EMACS
        try:
            if is_dumb_terminal():
                # Loaded only there: no other terminal needs it.
                from pyredis_cli.repl.plain import plain_line

                text = await plain_line(self, self._insight, self._note_drawn)
            else:
                text = await self.prompt_async(handle_sigint=False, pre_run=self._offer)
        except KeyboardInterrupt:
            await self._show_way_out()
            raise
        self._empty_drops = 0
        return text

    def _offer(self) -> None:
        self.default_buffer.suggestion = self._suggest.offer()

    async def _show_way_out(self) -> None:
        """Tell once who tries to leave by Ctrl-C how it is done."""
        self._empty_drops = 0 if self.default_buffer.text else self._empty_drops + 1
        if self._empty_drops == 2:
            await self._tell(_WAY_OUT)

    def _with_mode(self, message: Callable[[], StyleAndTextTuples]) -> Callable[[], StyleAndTextTuples]:
        """Return the prompt with vi's mode in front, as long as the line is edited."""

        def shown() -> StyleAndTextTuples:
            app = get_app()
            if self.editing_mode is not EditingMode.VI or app.is_done:
                return message()
            return [("class:vi-mode", _VI_MODES[app.vi_state.input_mode]), *message()]

        return shown

    def _continuation(self, width: int, row: int, wraps: int) -> StyleAndTextTuples:
        return [] if wraps else entering.continuation(self.default_buffer.document, row)

    async def _edit(self, buffer: Buffer) -> None:
        """Let the person's own editor change the buffer, or say why not."""
        if holds_secret(buffer.text, self._insight):
            await self._tell("the line holds a secret, which an editor would write to disk; type it here")
            return
        from pyredis_cli.repl.editor import EditorError, edited

        self._editing = True
        try:
            async with in_terminal():
                paste_marks(on=False)
                text = await edited(buffer.text, os.environ)
        except EditorError as error:
            await self._tell(str(error))
        else:
            buffer.document = Document(text)
        finally:
            self._editing = False


def _make_menu_small(layout: Layout) -> None:
    """Have the menu take the rows that are kept for it and no more: each row is drawn anew at each key."""
    for window in layout.find_all_windows():
        if isinstance(window.content, CompletionsMenuControl):
            window.height = Dimension(min=1, max=_MENU_ROWS)


def _ask_no_more(buffer: Buffer) -> None:
    if buffer.validation_error is not None:
        entering.take_back(buffer)
