"""Where a line sends the reply of its command: ``COMMAND | shell pipeline``, ``COMMAND > file``, ``... >> file``.

Such a mark is an unquoted word of its own with a word behind it, where the command may end. Where the command
could take one more word it is that word, except in a command that only reads: nobody has a key named ``|``, and
quotes still say it. Words that a script or another command gets are theirs, whatever they are. Pure: it knows the
grammar of commands, and neither shell nor files.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Final, Literal, TypeAlias

from pyredis.commands.grammar import grammar
from pyredis_cli.complete.tokens import COUNT, known
from pyredis_cli.splitting import Word, scan

if TYPE_CHECKING:
    from pyredis.commands.spec import Spec, Table

__all__ = ["Mark", "Outlet", "bare_mark", "glued_mark", "outlet"]

Mark: TypeAlias = Literal["|", ">", ">>"]

_MARKS: Final[dict[str, Mark]] = {"|": "|", ">": ">", ">>": ">>"}
_GLUED: Final = re.compile(r"(>>?|\|)[^\s|>&]")
"""A mark with text behind it; what more of a shell's marks there is, ``||`` and ``>&2``, means something else."""
_BLANKS: Final = " \t\n\v\f\r"
_STREAMS: Final = frozenset({"subscribe", "monitor", "replication"})
"""Effects of commands that never end by themselves, so that nobody means an argument."""
_PASSED_ON: Final = "arg"
"""What a script or another command gets as its own words, as in ``EVAL_RO script 1 users age > 30``."""


@dataclass(frozen=True, slots=True)
class Outlet:
    """A mark at its place in a line, and what stands behind it as it was typed, without blanks around it."""

    mark: Mark
    start: int
    rest: str
    spec: Spec
    doubtful: bool
    """Whether the command could have taken the mark for an argument."""

    @property
    def end(self) -> int:
        return self.start + len(self.mark)


def outlet(line: str, table: Table, encoding: str = "utf-8", *, begun: bool = False) -> Outlet | None:
    """Return where a line of one command sends the reply; None when all of it is for the server.

    With ``begun`` nothing need stand behind the mark yet.
    """
    if "|" not in line and ">" not in line:
        return None
    return _found(line, table, table.revision, encoding, begun)


# Colours, hint, menu and mistake of one keystroke ask for the same line, or for what is before the cursor.
@lru_cache(maxsize=8)
def _found(line: str, table: Table, revision: int, encoding: str, begun: bool) -> Outlet | None:
    words = scan(line, encoding)
    argv = [word.value for word in words]
    first = 1 if argv and COUNT.fullmatch(argv[0]) else 0
    for place, mark in _marks(line, words):
        rest = line[words[place].end :].strip(_BLANKS)
        # Nobody means a file that is named like a mark: IDs of two streams look like that.
        if place <= first or not (rest or begun) or rest in _MARKS:
            continue
        reading = _reading(argv[first:place], argv[place], table)
        if reading is not None:
            spec, doubtful = reading
            return Outlet(mark, words[place].start, rest, spec, doubtful)
    return None


def bare_mark(line: str, encoding: str = "utf-8") -> Mark | None:
    """Return the first mark of a line that has no command, where it would send something."""
    if "|" not in line and ">" not in line:
        return None
    words = scan(line, encoding)
    return next((mark for place, mark in _marks(line, words) if words[place + 1 :]), None)


def glued_mark(line: str, table: Table, encoding: str = "utf-8") -> Mark | None:
    """Return the mark that begins a word and would send the reply somewhere with a blank behind it."""
    if "|" not in line and ">" not in line:
        return None
    for word in scan(line, encoding):
        found = _GLUED.match(line, word.start, word.end)
        if found is None or line[word.start - 1 : word.start] not in _BLANKS:
            continue
        sends = outlet(f"{line[: found.end(1)]} {line[found.end(1) :]}", table, encoding)
        if sends is not None and sends.start == word.start:
            return sends.mark
    return None


def _marks(line: str, words: Sequence[Word]) -> Iterator[tuple[int, Mark]]:
    """Yield the words that look like a mark: bare, with a blank on both sides, in a line that is right so far."""
    for place, word in enumerate(words):
        if place and words[place - 1].end == word.start:  # text is glued to a closing quote
            return
        mark = _MARKS.get(line[word.start : word.end])
        if mark and line[word.start - 1 : word.start] in _BLANKS and line[word.end : word.end + 1] in _BLANKS:
            yield place, mark


def _reading(argv: Sequence[bytes], mark: bytes, table: Table) -> tuple[Spec, bool] | None:
    """Return the command and whether it could take the mark; None when the mark is its argument."""
    spec = known(argv, table)
    if spec is None:
        return None
    arguments = argv[spec.name.count(" ") + 1 :]
    if spec.subcommands and " " not in spec.name:
        return (spec, False) if not arguments and abs(spec.arity) == 1 else None
    written = grammar(spec)
    walk = written.walk(arguments)
    if not written.known or not walk.complete:
        return None
    if spec.effect in _STREAMS:
        return spec, False
    match walk.fit(mark):
        case "none":
            return spec, False
        # What is due may be > to who reads for a group; to XREAD, which has the same grammar, it says nothing.
        case "any" | "own" if spec.effect is None and spec.only_reads(argv):
            return None if any(term.name == _PASSED_ON for term in walk.terms) else (spec, True)
    return None
