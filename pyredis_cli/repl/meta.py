"""Which lines are the REPL's own, and what they mean: the rows of the registry, looked up by the first word.

Pure: from the words of a line to a verdict; None when the line is for the server. A new word is a row of the
registry and the module it names, which is imported when somebody says that word or completes behind it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, cast

from pyredis_cli.registry import META, MetaRow, load
from pyredis_cli.repl.verdicts import Perform, Refuse, Verdict

if TYPE_CHECKING:
    from pyredis.commands.spec import Table
    from pyredis_cli.complete.candidates import Behind, Choice
    from pyredis_cli.complete.wants import Want
    from pyredis_cli.repl.verdicts import Judge
    from pyredis_cli.reporting import Reporter

__all__ = ["WORDS", "behind", "offered", "verdict"]

WORDS = tuple(name for name in META if name.isalpha())
"""Those that look like commands of the server."""


def verdict(argv: Sequence[bytes], table: Table) -> Verdict | None:
    """Return what the words mean to the REPL itself, None when they are a command for the server."""
    name, *words = [word.decode("utf-8", "surrogateescape") for word in argv]
    if row := META.get(name.lower()):
        return _judged(name.lower(), row, words, table)
    return Refuse(f"unknown meta command {name}; {_mend(name.lower())}") if name.startswith(":") else None


def _judged(name: str, row: MetaRow, words: Sequence[str], table: Table) -> Verdict:
    if not row.tool:
        return cast("Judge", load(row))(words, table)
    # Click reads the flags of tools, and most lines are commands.
    from pyredis_cli.repl.reports import Show

    return Perform(Show(name, row.tool, cast("Reporter", load(row)), tuple(words), sends=row.sends))


def _mend(name: str) -> str:
    # Imported where somebody has mistyped something.
    from difflib import get_close_matches

    known = [known for known in META if known.startswith(":")]
    nearest = [name[1:]] if name[1:] in META else get_close_matches(name, known, n=1)
    return f"did you mean {nearest[0]}?" if nearest else "help lists what there is"


def offered() -> Mapping[str, str]:
    """Return the names that a line may begin with, and what each one is for."""
    return {name: row.summary for name, row in META.items() if name != "?"}


def behind(words: Sequence[str], typed: str, table: Table) -> Iterable[Choice | Want]:
    """Return what may stand behind these finished words of a line that is the REPL's own."""
    row = META.get(words[0])
    if row is None or not row.completes:
        return ()
    return cast("Behind", load(row.completed))(words[1:], typed, table)
