"""The ground of commands to come: where a person brought the connection, and what a transaction will do.

It is told of commands and what became of them, and sees no connection. What is queued changes nothing before EXEC.
"""

from __future__ import annotations

from pyredis.exceptions import ReplyError
from pyredis.records import NamedTuple, cast
from pyredis_cli.core.figures import whole
from pyredis_cli.core.wanted import Wanted, after

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Final

    from pyredis.exceptions import PyRedisError
    from pyredis.types import Reply
    from pyredis_cli.core.outcome import Outcome

__all__ = ["Change", "Ground"]

_DECISIVE: Final = frozenset({"select", "auth", "hello", "reset"})
"""Effects that later commands rely on: when one fails, those would meet another database, user or protocol."""


class Change(NamedTuple):
    """What a command did to the ground: why it is broken, if it is, and whether somebody has logged in."""

    broken: str = ""
    logged_in: bool = False


_NONE: Final = Change()


class Ground:
    """Remembers what was changed since the start, and the commands of the open transaction."""

    def __init__(self) -> None:
        self.wanted = Wanted()
        self.queued: list[Outcome] = []

    @property
    def chosen(self) -> int | None:
        """The database that what is queued chooses, None when it chooses none."""
        chosen = [one.argv[1] for one in self.queued if one.effect == "select" and len(one.argv) > 1]
        return whole(chosen[-1]) if chosen else None

    def take(self, outcome: Outcome, protocol: int, *, queues: bool) -> Change:
        """Remember what the command changed; ``queues``: it stands in a transaction that goes on."""
        if queues:
            if outcome.error is not None:
                return Change(_broken_by(outcome, outcome.error))
            self.queued.append(outcome)
            return _NONE
        queued, self.queued = self.queued, []
        if outcome.effect != "exec":
            return self._change(outcome, outcome.error or outcome.reply, protocol)
        if not isinstance(outcome.reply, list):
            return Change(next((f"{one.name} was not run" for one in queued if one.effect in _DECISIVE), ""))
        replies = cast("list[Reply]", outcome.reply)
        changes = [self._change(*done, protocol) for done in zip(queued, replies, strict=False)]
        broken = next(filter(None, (change.broken for change in changes)), "")
        return Change(broken, any(change.logged_in for change in changes))

    def _change(self, outcome: Outcome, reply: Reply | PyRedisError, protocol: int) -> Change:
        if isinstance(reply, ReplyError):
            return Change(_broken_by(outcome, reply))
        self.wanted = after(self.wanted, outcome, protocol)
        return Change(logged_in=True) if outcome.effect in ("auth", "hello") else _NONE

    def lose(self, what: str) -> None:
        """Remember to tell of what a new connection will not have."""
        self.wanted = self.wanted._replace(undone=(*self.wanted.undone, what))

    def lost(self) -> tuple[str, ...]:
        """Return, once, what a new connection does not have."""
        undone, self.wanted = self.wanted.undone, self.wanted._replace(undone=())
        return undone


def _broken_by(outcome: Outcome, error: PyRedisError) -> str:
    return f"(error) {error}" if outcome.effect in _DECISIVE else ""
