"""prompt_toolkit's completer over the pure candidates. It waits for nothing: the names are at hand."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import TYPE_CHECKING

from prompt_toolkit.completion import CompleteEvent, Completer, Completion

from pyredis_cli.complete import candidates, tokens
from pyredis_cli.complete.outlets import Outlet, outlet
from pyredis_cli.render.escape import printable, readable
from pyredis_cli.splitting import stretches

if TYPE_CHECKING:
    from prompt_toolkit.document import Document

    from pyredis.commands.spec import Table
    from pyredis_cli.complete.candidates import Behind, Names

__all__ = ["STYLE", "NameCompleter"]

STYLE = {
    "completion.command": "#00005f",
    "completion.token": "#5f005f",
    "completion.word": "#5f0000",
}
"""The colours of the menu by what is offered; names have that of the menu."""


class _Offer(Completion):
    """A completion that is shown as it is; prompt_toolkit measures all of a menu several times in one drawing."""

    @property
    def display_text(self) -> str:
        return self.text

    @property
    def display_meta_text(self) -> str:
        return self._display_meta if isinstance(self._display_meta, str) else ""


class NameCompleter(Completer):
    """Completes commands and their arguments, and the REPL's own words.

    ``table`` and ``names`` are asked at each keystroke: a reconnect, another database or what a server reports may
    have changed them. ``words`` are the REPL's own, ``behind`` says what may follow. ``on_menu`` hears of
    each menu. ``hides`` says that the word at the end of a text is secret: what it may become would tell how it
    begins.
    """

    def __init__(
        self,
        table: Callable[[], Table],
        names: Callable[[], Names],
        encoding: str = "utf-8",
        words: Callable[[], Mapping[str, str]] = dict,
        behind: Behind = lambda words, typed, table: (),
        on_menu: Callable[[], None] = lambda: None,
        hides: Callable[[str], bool] = lambda text: False,
    ) -> None:
        self._table = table
        self._names = names
        self._encoding = encoding
        self._words = words
        self._behind = behind
        self._on_menu = on_menu
        self._hides = hides
        self._quote = partial(readable, encoding=encoding)

    def get_completions(self, document: Document, complete_event: CompleteEvent) -> Iterable[Completion]:
        if self._hides(document.text_before_cursor):
            return
        table = self._table()
        if sends := outlet(_last(document.text_before_cursor), table, self._encoding, begun=True):
            yield from _behind(sends, document.text_before_cursor, table)
            return
        line = tokens(document.text_before_cursor, table, self._encoding)
        if complete_event.text_inserted and line.blank and line.count is None and not line.partial.value:
            return  # all there is would cover what was pasted
        for found in candidates(
            line, table, self._names(), self._words(), quote=self._quote, behind=self._behind
        ):
            yield _Offer(
                found.text,
                start_position=found.start - line.partial.end,
                display_meta=printable(found.meta) or None,
                style=f"class:completion.{found.kind}",
            )
        self._on_menu()


def _last(text: str) -> str:
    return text[stretches(text)[-1].start :]


def _behind(sends: Outlet, text: str, table: Table) -> Iterable[Completion]:
    """Yield programs and files behind a mark, once there is a blank behind it."""
    line = _last(text)
    if line[sends.end : sends.end + 1] != " ":
        return
    from pyredis_cli.repl.shell_menu import offers  # few lines need it

    for name, size in offers(sends.mark, line[sends.end :].lstrip(), table):
        yield _Offer(name, start_position=-size)
