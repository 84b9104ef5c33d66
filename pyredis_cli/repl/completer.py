"""prompt_toolkit's completer over the pure candidates. It waits for nothing: the names are at hand."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

from prompt_toolkit.completion import CompleteEvent, Completer, Completion

from pyredis_cli.complete import candidates
from pyredis_cli.repl.meta import WORDS

if TYPE_CHECKING:
    from prompt_toolkit.document import Document

    from pyredis.commands.spec import Table

__all__ = ["NameCompleter"]


class NameCompleter(Completer):
    """Completes the names of commands, subcommands and the REPL's own words.

    ``table`` is asked at each keystroke: a reconnect or what a server reports may have changed it.
    """

    def __init__(self, table: Callable[[], Table]) -> None:
        self._table = table

    def get_completions(self, document: Document, complete_event: CompleteEvent) -> Iterable[Completion]:
        for candidate in candidates(document.text_before_cursor, self._table(), WORDS):
            yield Completion(candidate.word, start_position=-candidate.length)
