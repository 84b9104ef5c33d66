"""The guard of ``exec``: a command before it is sent, the files of a script before their first command is.

What comes on standard input, or by a pipe that cannot be read twice, is looked at when it comes. It knows how
commands come in; what could do harm, and who is asked, `core` knows.
"""

from __future__ import annotations

import os
import stat
from math import inf

from pyredis.commands.spec import MANY
from pyredis_cli.core.consent import agreed, allowed, looks
from pyredis_cli.core.costs import needs
from pyredis_cli.core.figures import Figures
from pyredis_cli.core.guard import ALLOW, Allow, Batch, Refuse, rules_of, together, verdict
from pyredis_cli.core.measuring import measured, measured_on
from pyredis_cli.core.rows import Rows
from pyredis_cli.flags import UsageError
from pyredis_cli.tools.exec.reading import BadLine, Many, One, is_connect, is_goodbye
from pyredis_cli.tools.exec.source import Source

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from pyredis.commands.spec import Spec, Table
    from pyredis_cli.core.costs import Needs
    from pyredis_cli.core.guard import Rules
    from pyredis_cli.tools.exec.reading import Reader
    from pyredis_cli.tools.exec.running import Run

__all__ = ["Gate", "gate", "may_run"]


async def may_run(run: Run, argv: tuple[bytes, ...], times: int | None = 1) -> bool:
    """Return whether a command may be sent, once the person has been asked if they must be."""
    spec = run.session.table.find(argv)
    if not looks(run.settings, run.streams, spec, argv):
        return True
    figures = await _measured(run, [wanted] if (wanted := needs(spec, argv)) else [])
    return allowed(run.settings, run.streams, spec, argv, lambda _: figures, times=times)


async def _measured(run: Run, wanted: Sequence[Needs]) -> Figures:
    """Return what the server tells, when there is a person to tell it to."""
    if not run.streams.can_ask:
        return Figures()
    if not run.blocking:
        from pyredis_cli.core.desk import Desk

        desk = Desk(run.session)
        try:
            found = await measured(desk, wanted)
            database = run.session.next_database
            return found if database == run.session.database else found.elsewhere(database)
        finally:
            await desk.close()
    from pyredis.exceptions import PyRedisError
    from pyredis.records import replace
    from pyredis_cli.core import direct

    settings = replace(run.settings, database=run.session.next_database)
    try:
        with direct.connect(settings, "typed") as connection:
            return measured_on(connection, wanted)
    except PyRedisError:  # the command itself will tell, unless only one more connection is refused
        return Figures(late=run.session.connected)


def gate(run: Run) -> Gate | None:
    """Return what looks at the commands of a script; None where nothing is asked and nothing refused."""
    rules = rules_of(run.settings, terminal=run.streams.can_ask)
    return None if rules.idle else Gate(run, rules)


class Gate:
    """What was looked at in files, and what is to be done about the rest when it is its turn."""

    def __init__(self, run: Run, rules: Rules) -> None:
        self._run = run
        self._rules = rules
        self._settled: set[tuple[int | None, tuple[bytes, ...]]] = set()
        """What was agreed to before the script began, each in its database."""

    @property
    def _table(self) -> Table:
        return self._run.session.table

    async def opens(self, sources: Sequence[Source], reader: Reader) -> bool:
        """Return whether the files may be run, once the person has been asked about all of them."""
        batch = Batch(self._run.session.next_database, follows=self._run.settings.cluster)
        for source in sources:
            if (ahead := _ahead(source)) is not None and not self._look(batch, ahead, reader):
                break
        figures = await _measured(self._run, batch.wanted) if batch.found else Figures()
        judged = batch.judged(figures, self._rules)
        self._settled.update(
            (one.database, one.argv) for one, found in judged if not isinstance(found, Allow)
        )
        asked = [(one.where, found.reason) for one, found in judged if not isinstance(found, Allow)]
        return agreed(
            self._run.streams,
            [found for _, found in judged],
            together(asked, batch.count) if asked else (),
        )

    def _look(self, batch: Batch, source: Source, reader: Reader) -> bool:
        """Take the commands of a file into the batch; return whether the script goes on behind it."""
        with source.stream:
            while not source.ended:
                first = source.line
                try:
                    for step in reader.steps(source.block(), first, comments=source.comments):
                        if isinstance(step, One) and is_goodbye(step.argv):
                            return False
                        self._take(batch, source.name, step)
                except (BadLine, UsageError):  # which will be told when it is its turn
                    return False
        return True

    def _take(self, batch: Batch, name: str, step: Many | One) -> None:
        if isinstance(step, One):
            if is_connect(step.argv):
                batch.leave()
            else:
                batch.add(f"{name}:{step.line}", self._table.find(step.argv), step.argv, step.times)
            return
        before, moves = batch.count, self._first_with_keys(step)
        for argv, line in self._suspects(step, values=batch.has_room):
            if line > moves:
                batch.move()
            batch.add(f"{name}:{line}", self._table.find(argv), argv)
        batch.skip(len(step.argvs) - (batch.count - before), writes=self._writes(step))
        if moves < inf:
            batch.move()

    def _suspects(self, many: Many, *, values: bool) -> Iterator[tuple[tuple[bytes, ...], int]]:
        """Yield the commands, with their lines, whose names are such that the guard looks at them.

        ``values``: those too that are only looked at because of the values that they read.
        """
        argvs = many.argvs
        longest = argvs.width if isinstance(argvs, Rows) else max(map(len, argvs))
        specs = ((name, self._table.find((name,))) for name in many.names)
        names = {
            name for name, spec in specs if spec is not None and _is_suspect(spec, longest, values=values)
        }
        if names:
            yield from (
                (argv, line) for argv, line in zip(argvs, many.lines, strict=True) if argv[0] in names
            )

    def _first_with_keys(self, many: Many) -> float:
        """Return the line of the first command that is for the node of its keys; infinite when there is none."""
        specs = ((name, self._table.find((name,))) for name in many.names)
        names = {name for name, spec in specs if spec is not None and spec.key_specs}
        pairs = zip(many.argvs, many.lines, strict=True) if names else ()
        return next((line for argv, line in pairs if argv[0] in names), inf)

    def _writes(self, many: Many) -> bool:
        return any(
            spec is not None and spec.write for spec in (self._table.find((name,)) for name in many.names)
        )

    # -- while the script runs

    def suspicious(self, step: Many | One) -> list[tuple[tuple[bytes, ...], int]]:
        """Return the commands of a step, with their lines, that nobody has agreed to yet.

        How large values are is not looked at any more.
        """
        steps = (
            self._suspects(step, values=False) if isinstance(step, Many) else iter([(step.argv, step.line)])
        )
        database = self._run.session.next_database
        return [
            (argv, line)
            for argv, line in steps
            if (database, argv) not in self._settled and self._stops(argv)
        ]

    def _stops(self, argv: tuple[bytes, ...]) -> bool:
        spec = self._table.find(argv)
        wanted = needs(spec, argv)
        if wanted is None or wanted.kind == "whole":
            return False
        return verdict(spec, argv, Figures(), self._rules) != ALLOW

    async def refusal(self, found: Sequence[tuple[tuple[bytes, ...], int]]) -> tuple[int, str] | None:
        """Return the line that must not be sent, and why; None when the person agrees to all."""
        for argv, line in found:
            spec = self._table.find(argv)
            judged = verdict(spec, argv, Figures(), self._rules)
            if isinstance(judged, Refuse):
                return line, judged.reason
            if not await may_run(self._run, argv):
                return line, f"{spec.name if spec else ''} was not agreed to"
        return None


def _is_suspect(spec: Spec, words: int, *, values: bool) -> bool:
    if spec.subcommands:  # of which each is a command of its own
        return True
    return spec.may_cost(words) and (values or spec.whole is None or words > MANY)


def _ahead(source: Source) -> Source | None:
    """Return the lines of a file once more, None for what can be read only once."""
    if (
        not stat.S_ISREG(os.fstat(source.stream.fileno()).st_mode)
        or not source.comments
        or source.name == "stdin"
    ):
        return None
    try:
        return Source(source.name, open(source.name, "rb", buffering=0), comments=True)
    except OSError:
        return None
