"""``:reveal``: the last reply again, with the secrets that were stars."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pyredis_cli.repl.verdicts import After, Perform, Refuse, Verdict

if TYPE_CHECKING:
    from pyredis.commands.spec import Table
    from pyredis_cli.repl.verdicts import Host

__all__ = ["Reveal", "judge"]


def judge(words: Sequence[str], table: Table) -> Verdict:
    return Refuse(":reveal takes nothing; it is about the last reply") if words else Perform(Reveal())


@dataclass(frozen=True, slots=True)
class Reveal:
    """Show what was not shown of the last reply; the server is not asked again."""

    async def __call__(self, host: Host) -> After:
        if not await host.printer.reveal():
            await host.printer.tell("nothing in the last reply was stars")
        return After.GO_ON
