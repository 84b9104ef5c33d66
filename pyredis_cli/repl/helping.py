"""What ``help`` says: of the REPL's own words, of a command, of a group of commands."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from textwrap import wrap
from typing import TYPE_CHECKING, Final

from pyredis_cli.complete.candidates import Choice
from pyredis_cli.complete.known import commands, summary, topics, typeable
from pyredis_cli.registry import META, MetaRow
from pyredis_cli.render.help import command_help, group_help
from pyredis_cli.repl.verdicts import Refuse, Tell, Verdict

if TYPE_CHECKING:
    from pyredis.commands.spec import Table

__all__ = ["behind", "judge"]

_WIDTH: Final = 79  # in the last column some terminals begin a new line


def judge(words: Sequence[str], table: Table) -> Verdict:
    if not words:
        return Tell(tuple(_general_help()))
    if words[0].startswith("@"):
        return _group_help(words[0][1:].lower(), table)
    if row := META.get(words[0].lower()):
        return Tell(tuple(_own_help(row)))
    spec = table.find(words)
    if spec is None or (spec.subcommands and len(words) > 1):
        return Refuse(f"no help for {' '.join(words)}; help @GROUP lists the commands of a group")
    return Tell(tuple(command_help(spec, table)))


def _general_help() -> Iterator[str]:
    yield "A line is a command for the server, or one of these words:"
    purposes = {_short(row.usage): row.summary for row in META.values()}
    purposes["5 INCR x"] = "run a command five times"
    purposes["COMMAND | program"] = "give a program of your shell the reply"
    purposes["COMMAND > file"] = "write the reply into a file; >> adds to it"
    width = max(map(len, purposes))
    yield from (f"  {usage:<{width}}  {purpose}" for usage, purpose in purposes.items())
    yield "help :set tells of a word, help GET of a command, help @hash of a group."
    yield "TAB completes, Ctrl-R searches the history, Ctrl-C clears the line or stops."


def _short(usage: str) -> str:
    """Return a usage without its options, when those are many."""
    name, options, _ = usage.partition(" [--")
    return f"{name} [...]" if options else name


def _own_help(row: MetaRow) -> Iterator[str]:
    yield from wrap(row.usage, _WIDTH, subsequent_indent="    ", break_on_hyphens=False)
    yield f"  {row.summary}"
    for paragraph in row.help.splitlines():
        yield from wrap(
            paragraph, _WIDTH, initial_indent="  ", subsequent_indent="  ", break_on_hyphens=False
        )


def _group_help(group: str, table: Table) -> Verdict:
    specs = [spec for spec in table.specs() if " " not in spec.name and table.has(spec.name)]
    named = [spec for spec in specs if spec.group == group]
    if named:
        return Tell(tuple(group_help(named)))
    groups = sorted({spec.group for spec in specs if spec.group})
    return Refuse(f"no group @{group}; there are {', '.join('@' + name for name in groups)}")


def behind(words: Sequence[str], typed: str, table: Table) -> Iterator[Choice]:
    """Yield what there is help for: the REPL's own words, groups, commands; behind a container its subcommands."""
    if not words:
        yield from (Choice(name, meta=row.summary) for name, row in META.items() if name != "?")
        yield from (Choice(topic, "topic") for topic in topics(table))
        begun = typed.upper()
        fitting = (name for name in commands(table) if name.startswith(begun))
        yield from (Choice(name, "command", summary(name, table)) for name in fitting)
        return
    spec = table.find(words)
    if spec is None or len(words) > 1:
        return
    for name in sorted(typeable(spec.subcommands)):
        full = f"{spec.name} {name}"
        if table.has(full):
            yield Choice(name, "command", summary(full, table))
