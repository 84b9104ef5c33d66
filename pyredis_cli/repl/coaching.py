"""Hears what becomes of commands, and says a line below the error of one that a person has typed.

It looks up what that takes on a connection beside the session, within a moment or not at all.
"""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final, NamedTuple

from pyredis.exceptions import PyRedisError, ReplyError
from pyredis_cli.core.secrets import hidden

if TYPE_CHECKING:
    from pyredis.commands.spec import Spec
    from pyredis.types import Reply
    from pyredis_cli.core.desk import Desk
    from pyredis_cli.core.outcome import Outcome
    from pyredis_cli.core.session import Session
    from pyredis_cli.repl.coach import Case

__all__ = ["Coach", "corrected"]

_BUDGET: Final = 0.3  # seconds; the error is on the screen meanwhile


class _Failure(NamedTuple):
    argv: tuple[bytes, ...]
    spec: Spec | None
    error: ReplyError
    among: str = ""
    """Which of the commands of a transaction it was."""

    def placed(self, said: str) -> str:
        """Return what is said of it, with its place in a transaction."""
        if not self.among:
            return said
        return f"{self.among}: {said}" if said else f"{self.among}, was the first that failed"


class Coach:
    """Keeps the last failure until it is said what lies behind it, or forgotten."""

    def __init__(self, encoding: str, budget: float = _BUDGET, *, shell: bool = True) -> None:
        self.offer = ""
        """The line that was probably meant, empty without one."""
        self._encoding = encoding
        self._budget = budget
        self._shell = shell
        self._failure: _Failure | None = None
        self._spoilt = ""
        """The first command that the open transaction refused, or that which ended last."""
        self._open = False

    def hear(self, outcome: Outcome, session: Session) -> None:
        """Take note of what became of a command."""
        if outcome.effect == "multi" or not (session.in_transaction or self._open):
            self._spoilt = ""
        elif isinstance(outcome.error, ReplyError) and session.in_transaction and not self._spoilt:
            self._spoilt = outcome.spec.name if outcome.spec is not None else "a command that is unknown"
        self._open = session.in_transaction
        self._failure = _failed(outcome) or self._failure

    def forget(self) -> None:
        """Say nothing of what has failed so far."""
        self._failure, self.offer = None, ""

    async def advice(self, desk: Desk, line: str) -> str:
        """Return what is to be said of what failed last, by this line; empty when that is nothing."""
        failure, self._failure, self.offer = self._failure, None, ""
        if failure is None:
            return ""
        from pyredis_cli.repl.coach import Case, lesson  # loaded by the first error

        row = lesson(failure.error)
        if row is None:
            return failure.placed("")
        user = desk.session.username or "default"
        typed = line if self._shell else ""
        case = Case(
            failure.argv,
            failure.spec,
            failure.error,
            desk.table,
            user,
            self._spoilt,
            self._encoding,
            time.time(),
            typed,
        )
        self.offer = corrected(case, line)
        asked = row.asks(case)
        return failure.placed(row.says(case, await self._looked_up(desk, asked) if asked else ()))

    async def _looked_up(self, desk: Desk, asked: Sequence[Sequence[bytes]]) -> Sequence[Reply]:
        """Return the replies, nothing when they do not come in time."""
        try:
            async with asyncio.timeout(self._budget):
                return await desk.ask_all(asked)
        except (PyRedisError, TimeoutError):
            await desk.close()
            return ()


def _failed(outcome: Outcome) -> _Failure | None:
    """Return the command that failed, also the first one inside of EXEC; None when none did."""
    if isinstance(outcome.error, ReplyError):
        return _Failure(outcome.argv, outcome.spec, outcome.error) if outcome.answered else None
    if not outcome.failed or not isinstance(outcome.reply, list):
        return None
    for number, (queued, reply) in enumerate(zip(outcome.queued, outcome.reply, strict=False), 1):
        if isinstance(reply, ReplyError):
            among = f"{queued.name}, {number} of {len(outcome.reply)}"
            return _Failure(queued.argv, queued.spec, reply, among)
    return None


def corrected(case: Case, line: str) -> str:
    """Return the line with the word in it that was probably meant, in the case that was typed; or nothing."""
    from pyredis_cli.repl.coach import meant

    found = meant(case)
    if found is None:
        return ""
    place, name = found
    argv = [*case.argv[:place], name.encode(), *case.argv[place + 1 :]]
    if hidden(case.argv, case.table) or hidden(argv, case.table):
        return ""
    word = case.argv[place].decode("utf-8", "replace")
    name = name.lower() if word.islower() else name
    before = re.match(r"\s*(\d+\s+)?" + r"\S+\s+" * place, line)
    start = before.end() if before else 0
    return line[:start] + name + line[start + len(word) :] if line.startswith(word, start) else ""
