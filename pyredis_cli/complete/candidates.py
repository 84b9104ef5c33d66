"""Which names of commands, subcommands and REPL words fit what is typed before the cursor.

It knows how a line begins (an optional repeat count, a name, perhaps a subcommand) and reads the names from
the table it is given. It knows nothing of arguments, keys, servers or terminals.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Protocol

__all__ = ["Candidate", "Names", "candidates"]

# What stands before the name: blanks, then perhaps the count of "5 INCR x".
_LEAD = re.compile(r"\s*(?:\d+\s+)?")
_HELP = re.compile(r"(?:help|\?)\s+", re.IGNORECASE)
# A server may report any bytes as the name of a module's command; only names that can be typed are offered.
_TYPEABLE = re.compile(r"[!-~]+(?: [!-~]+)?")


@dataclass(frozen=True, slots=True)
class Candidate:
    """A word to put in the place of the last ``length`` characters before the cursor."""

    word: str
    length: int


class Names(Protocol):
    """The part of a command table that completion reads: ``GET``, ``CONFIG``, ``CONFIG GET``, ..."""

    def names(self) -> Iterable[str]: ...


def candidates(text: str, table: Names, words: Iterable[str] = ()) -> list[Candidate]:
    """Return what may replace the word that ends at the cursor, in order, in the case the person types.

    ``text`` is what stands before the cursor; ``words`` are the REPL's own first words. The list is empty
    where an argument is due, and when the word is already all there is to say.
    """
    line = text.rpartition("\n")[2]
    line = line[_match_end(_LEAD, line) :]
    topic = line[_match_end(_HELP, line) :]
    first, blank, rest = topic.partition(" ")
    if not blank:
        own = words if topic == line else ()
        return _fitting(first, (*own, *_first_words(table)), first)
    second = rest.lstrip(" ")
    if " " in second:
        return []
    return _fitting(second, _subcommands(table, first), first)


def _match_end(pattern: re.Pattern[str], text: str) -> int:
    match = pattern.match(text)
    return match.end() if match else 0


def _first_words(table: Names) -> Iterator[str]:
    return (name for name in table.names() if " " not in name)


def _subcommands(table: Names, container: str) -> Iterator[str]:
    start = container.upper() + " "
    return (name[len(start) :] for name in table.names() if name.upper().startswith(start))


def _fitting(typed: str, names: Iterable[str], model: str) -> list[Candidate]:
    """Return the names that begin with what is typed, in the case of ``typed`` or else of ``model``."""
    wanted = typed.upper()
    recase = str.lower if (typed or model).islower() else str.upper
    fitting = {name.upper() for name in names if _TYPEABLE.fullmatch(name)}
    fitting = {name for name in fitting if name.startswith(wanted)}
    if fitting == {wanted}:
        return []
    return [Candidate(recase(name), len(typed)) for name in sorted(fitting)]
