"""The guard at the prompt: what could do harm is measured, told and asked about before anything is sent.

Commands that were entered together are asked about together, and what was agreed to then is not asked about again.
What must be asked about, `core.guard` decides.
"""

from __future__ import annotations

from asyncio import sleep
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Sequence
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Final

from prompt_toolkit import PromptSession

from pyredis_cli.core import keeping
from pyredis_cli.core.figures import Figures
from pyredis_cli.core.guard import (
    ALLOW,
    Allow,
    Ask,
    Batch,
    Refuse,
    needs,
    rules_of,
    together,
    verdict,
)
from pyredis_cli.core.lines import LineError, order
from pyredis_cli.core.measuring import measured, measured_everywhere
from pyredis_cli.repl import meta
from pyredis_cli.repl.verdicts import Connect, Dial, Perform, RunsLines, SendsEverywhere

if TYPE_CHECKING:
    from pyredis.commands.spec import Table
    from pyredis_cli.core.costs import Needs
    from pyredis_cli.core.guard import Rules, Verdict
    from pyredis_cli.repl.preferences import Preferences
    from pyredis_cli.repl.printer import Printer
    from pyredis_cli.repl.signals import Signals
    from pyredis_cli.repl.visit import Visit
    from pyredis_cli.settings import Settings

__all__ = ["Guarding"]

_AT_ONCE: Final = 1_000
_KEPT_BACK: Final = "not sent"


class Guarding:
    """Asks the person; ``drop`` loses what was typed before the question could be read."""

    def __init__(
        self,
        visit: Callable[[], Visit],
        settings: Callable[[], Settings],
        preferences: Callable[[], Preferences],
        printer: Printer,
        signals: Signals,
        drop: Callable[[], Awaitable[None]],
    ) -> None:
        self._visit = visit
        self._settings = settings
        self._preferences = preferences
        self._printer = printer
        self._signals = signals
        self._drop = drop
        self._agreed: set[tuple[str, int | None, tuple[bytes, ...], bool]] | None = None
        """What commands that were entered together need not be asked about, None when none were: each with the
        name that was typed for it, for `connect` may lead to where a yes is not enough, and whether it is for all.
        """

    @property
    def _rules(self) -> Rules:
        return rules_of(self._settings(), terminal=True, confirm=self._preferences().confirm)

    @property
    def _table(self) -> Table:
        return self._visit().session.table

    def objection(self, preferences: Preferences) -> str:
        """Return why the person may not prefer that; empty when they may."""
        production = self._rules.production
        if preferences.confirm or not self._preferences().confirm or not production:
            return ""
        return f"{production} is a production profile, which asks always; start again with --yes for that"

    async def allows(
        self, argv: tuple[bytes, ...], *, everywhere: bool = False, times: int | None = 1
    ) -> bool:
        """Return whether a command may be sent, once the person has been asked if they must be.

        ``everywhere`` and ``times`` are as in `verdict`.
        """
        spec, rules = self._table.find(argv), self._rules
        wanted = needs(spec, argv)
        if wanted is None or rules.idle:
            return True
        here = rules.production, self._visit().session.next_database, argv, everywhere
        if self._agreed and here in self._agreed:
            return True
        figures = Figures()
        if verdict(spec, argv, _WORST, rules) != ALLOW:
            figures = await self._measured(wanted, everywhere=everywhere)
        found = verdict(spec, argv, figures, rules, everywhere=everywhere, times=times)
        return await self._settled([self._with_undo(found, argv)], ())

    async def _measured(self, wanted: Needs, *, everywhere: bool) -> Figures:
        """Return what is known of where a command will run."""
        visit = self._visit()
        if everywhere:
            return await measured_everywhere(visit.desk, [wanted])
        figures = await measured(visit.desk, [wanted])
        database = visit.session.next_database
        return figures if database == visit.session.database else figures.elsewhere(database)

    def _with_undo(self, found: Verdict, argv: tuple[bytes, ...]) -> Verdict:
        """Return a question that says too, where undoing is on, that this cannot be undone."""
        if not (isinstance(found, Ask) and self._preferences().undo):
            return found
        session = self._visit().session
        _, reason = keeping.judged(self._table.find(argv), argv, in_transaction=session.in_transaction)
        return found._replace(reason=f"{found.reason}; :undo cannot bring it back") if reason else found

    @asynccontextmanager
    async def together(
        self, lines: Iterable[tuple[str, str]], act: RunsLines | None = None
    ) -> AsyncIterator[bool]:
        """Give whether the lines may run, each with where it stands; what is agreed to lasts for the block."""
        if self._agreed is not None or self._rules.idle:  # inside of others, which were looked at with them
            yield True
            return
        self._agreed = set()
        try:
            session = self._visit().session
            batch = Batch(session.database, session.next_database, follows=self._settings().cluster)
            with self._printer.waiting():  # a long file takes its time
                await self._signals.interruptible(self._gather(batch, lines, {act} if act else set()))
            yield not batch.found or await self._allows_all(batch)
        finally:
            self._agreed = None

    async def _gather(self, batch: Batch, lines: Iterable[tuple[str, str]], seen: set[RunsLines]) -> None:
        """Take the lines into the batch, and those of files that they run: each file once."""
        left = [iter(lines)]
        number = 0
        while left:
            for where, line in left[-1]:
                number += 1
                if number % _AT_ONCE == 0:
                    await sleep(0)
                act = self._take(batch, where, line)
                if act is not None and act not in seen:
                    seen.add(act)
                    left.append(iter(act.lines(self._settings().encoding)))
                    break
            else:
                left.pop()

    def _take(self, batch: Batch, where: str, line: str) -> RunsLines | None:
        """Take a line into the batch; return what runs lines of its own."""
        try:
            asked = order(line, self._settings().encoding)
        except LineError:  # which will be told when it is its turn
            return None
        argv = asked.argv
        match meta.verdict(argv, self._table):
            case None:
                batch.add(where, self._table.find(argv), argv, asked.times)
            case Connect() | Dial():
                batch.leave()
            case Perform(act) if isinstance(act, RunsLines):
                return act
            case Perform(act) if isinstance(act, SendsEverywhere) and (sent := act.sent()):
                batch.add(where, self._table.find(sent), sent, everywhere=True)
        return None

    async def _allows_all(self, batch: Batch) -> bool:
        desk, interruptible = self._visit().desk, self._signals.interruptible
        figures = await interruptible(measured(desk, batch.wanted))
        of_all = await interruptible(measured_everywhere(desk, batch.wanted_everywhere))
        rules = self._rules
        judged = [
            (one, self._with_undo(found, one.argv)) for one, found in batch.judged(figures, rules, of_all)
        ]
        asked = [(one.where, found.reason) for one, found in judged if not isinstance(found, Allow)]
        if not await self._settled([found for _, found in judged], together(asked, batch.count)):
            return False
        assert self._agreed is not None
        self._agreed.update(
            (rules.production, one.database, one.argv, one.everywhere)
            for one, found in judged
            if not isinstance(found, Allow)
        )
        return True

    async def _settled(self, verdicts: Sequence[Verdict], told: Sequence[str]) -> bool:
        """Return whether all may be sent, once that is told and asked; ``told`` is said of several."""
        refusals = [found for found in verdicts if isinstance(found, Refuse)]
        questions = [found for found in verdicts if isinstance(found, Ask)]
        if not (refusals or questions):
            return True
        await self._drop()
        for line in told or [(refusals or questions)[0].reason]:
            await self._printer.warn(line)
        if refusals:
            await self._printer.refuse("refused, nothing was sent")
            return False
        if await self._agrees(questions[0].name):
            return True
        await self._printer.warn(_KEPT_BACK if not told else f"{_KEPT_BACK}, none of them")
        return False

    async def _agrees(self, name: str) -> bool:
        """Return whether the person types a yes, or the name when there is one; all else is a no."""
        session: PromptSession[str] = PromptSession()
        question = f"Type {name} to go on: " if name else "Go on? [y/N] "
        try:
            typed = await session.prompt_async(question, handle_sigint=False)
        except (KeyboardInterrupt, EOFError):
            return False
        self._printer.overhear(question + typed)
        return typed.strip() == name if name else typed.strip().lower() in ("y", "yes")


_WORST: Final = Figures(late=True)
"""With nothing known, everything that may be asked about is."""
