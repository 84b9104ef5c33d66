"""What may stand behind ``|`` and ``>``: programs, then files; it knows no shell's own words."""

from __future__ import annotations

import os
from collections.abc import Iterator
from functools import lru_cache
from itertools import islice
from typing import TYPE_CHECKING, Final

from pyredis_cli.complete.candidates import Choice
from pyredis_cli.repl.sourcing import behind

if TYPE_CHECKING:
    from pyredis.commands.spec import Table
    from pyredis_cli.complete.outlets import Mark

__all__ = ["offers"]

_SPECIAL: Final = frozenset(" \t\n|&;<>()$`\\\"'*?[]#~=%!{}")
"""What would mean something to a shell, or to our own splitting: a name with such a character is not offered."""
_MOST: Final = 24
_STARTS: Final = ("|", "&&", "||", ";", "&")
"""Behind these a program is named."""


def offers(mark: Mark, typed: str, table: Table) -> Iterator[tuple[str, int]]:
    """Yield what may replace the last word typed behind a mark, and how many characters that word has."""
    words = typed.split(" ")
    word, before = words[-1], [other for other in words[:-1] if other]
    if mark != "|" and before:
        return
    names = _programs(word) if mark == "|" and (not before or before[-1] in _STARTS) else _files(word, table)
    for name in islice(names, _MOST):
        yield name, len(word)


def _files(word: str, table: Table) -> Iterator[str]:
    return (choice.text for choice in behind((), word, table) if _is_plain(choice, word))


def _is_plain(choice: Choice, word: str) -> bool:
    return _SPECIAL.isdisjoint(choice.text.removeprefix(word)) and choice.text.isprintable()


def _programs(word: str) -> Iterator[str]:
    if word and "/" not in word:
        yield from (name for name in _on_path(os.environ.get("PATH", "")) if name.startswith(word))


@lru_cache(maxsize=1)
def _on_path(path: str) -> tuple[str, ...]:
    """Return the names of the programs that a shell finds, sorted."""
    found: set[str] = set()
    for folder in path.split(os.pathsep):
        try:
            with os.scandir(folder) as entries:
                found.update(entry.name for entry in entries if os.access(entry.path, os.X_OK))
        except OSError:
            continue
    return tuple(sorted(name for name in found if _SPECIAL.isdisjoint(name) and name.isprintable()))
