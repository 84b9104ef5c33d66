"""Commands that are sent many at a time, and their replies in the order of the commands.

It knows what is on its way, and what is known of it when the connection is lost; not where lines come from. It
never runs further ahead than the window allows, and whoever sends something else settles first.
"""

from __future__ import annotations

from collections import deque

from pyredis.exceptions import PyRedisConnClosed, PyRedisError, ReplyError
from pyredis.types import Push
from pyredis_cli.core.outcome import unknown_fate
from pyredis_cli.tools.exec.window import Window

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import TypeAlias

    from pyredis.types import Reply
    from pyredis_cli.core.lease import Lease
    from pyredis_cli.core.outcome import Outcome
    from pyredis_cli.core.session import Session
    from pyredis_cli.tools.exec.reading import Many
    from pyredis_cli.tools.exec.running import Run

    _Placed: TypeAlias = tuple[tuple[bytes, ...], int]

__all__ = ["Lost", "Sending"]


class Lost(Exception):
    """The connection is gone, and with it what became of a command, the first of those on their way.

    ``others`` says what is known of those behind it.
    """

    def __init__(self, outcome: Outcome, line: int, error: PyRedisError, others: str) -> None:
        super().__init__(outcome, line, error, others)
        self.outcome = outcome
        self.line = line
        self.error = error
        self.others = others


class Sending:
    """What is on its way; ``tell`` hears each outcome with its line that is an error."""

    def __init__(self, run: Run, tell: Callable[[Outcome, int], None]) -> None:
        self.done = 0
        """How many commands were answered."""
        self._run = run
        self._tell = tell
        self._lost: list[Many] = []
        self._owed: deque[Many] = deque()
        self._count = 0
        self._window = Window(run.settings.read_timeout)
        self._received = 0

    @property
    def session(self) -> Session:
        return self._run.session

    @property
    def owes(self) -> bool:
        """Whether anything is on its way."""
        return self._count > 0

    def send(self, lease: Lease, many: Many) -> Many | None:
        """Send as many of the commands as there is room for; return the others, None when there are none."""
        short = all(map(self._is_short, many.names))
        while not (room := self._window.room(many.names, self._count, short=short)):
            self.hear(lease, wait=True)
            if self._lost:
                return many
        if not self._count:  # what came before was for a command by itself
            self._received, lease.silence = lease.received, 0.0
        part = many._replace(argvs=many.argvs[:room], lines=many.lines[:room])
        self._owed.append(part)
        self._count += len(part.argvs)
        lease.begin(part.argvs)
        self.hear(lease, wait=False)
        rest = many._replace(argvs=many.argvs[room:], lines=many.lines[room:])
        return rest if rest.argvs else None

    def settle(self) -> bool:
        """Return whether all that was sent is answered; what is not is given back."""
        while self._count:
            lease = self.session.blocking_lease
            assert lease is not None
            self.hear(lease, wait=True)
        return not self._lost

    def give_back(self) -> list[Many]:
        """Return, once, what may be sent again: it was on a connection that is gone, and changes nothing."""
        lost, self._lost = self._lost, []
        return lost

    def hear(self, lease: Lease, *, wait: bool) -> None:
        """Write the replies that are here, with ``wait`` one at least.

        Lost when the connection is gone and nobody knows what became of a command.
        """
        try:
            replies = lease.answers(wait=wait)
        except PyRedisError as error:
            self._lose(error, lease.unsent)
            return
        came = max(0, lease.received - self._received)  # since the last reply; another lease counts anew
        silence, lease.silence = lease.silence, 0.0
        if self._owed and (replies or came > 0):
            self._window.learn(self._owed[0].names, len(replies), came, silence)
        if replies or not came:
            self._received = lease.received
        self._show(replies)

    def _is_short(self, name: bytes) -> bool:
        """Whether a reply is short by nature: that of a command which adds to the database mostly is."""
        spec = self.session.table.find((name,))
        return spec is not None and "denyoom" in spec.flags

    def _show(self, replies: list[Reply]) -> None:
        while Push in map(type, replies):
            place = next(at for at, reply in enumerate(replies) if isinstance(reply, Push))
            self._show_replies(replies[:place])
            if self.session.on_aside is not None:
                self._run.writer.aside(replies[place])
            replies = replies[place + 1 :]
        self._show_replies(replies)

    def _show_replies(self, replies: list[Reply]) -> None:
        at = 0
        while at < len(replies):
            many = self._owed[0]
            some = replies[at : at + len(many.argvs)]
            at += len(some)
            self._show_some(many, some)
            if len(some) == len(many.argvs):
                self._owed.popleft()
            else:
                rest = many._replace(argvs=many.argvs[len(some) :], lines=many.lines[len(some) :])
                self._owed[0] = rest
            self._count -= len(some)
            self.done += len(some)

    def _show_some(self, many: Many, replies: list[Reply]) -> None:
        """Write replies to the first of the commands, and tell of the errors among them."""
        writer, session = self._run.writer, self.session
        plain = not any(issubclass(kind, ReplyError) for kind in set(map(type, replies)))
        if plain and not self._texts(many) and writer.show_plain(replies):
            return
        writer.hold()
        try:
            for argv, line, reply in zip(many.argvs, many.lines, replies, strict=False):
                outcome = session.answered(argv, reply)
                writer.show(outcome)
                if outcome.error is not None:
                    self._tell(outcome, line)
        finally:
            writer.let_go()

    def _texts(self, many: Many) -> bool:
        """Whether a reply to one of the commands may be a text that is to be read."""
        specs = (self.session.table.find((name,)) for name in many.names)
        return any(spec is None or spec.subcommands or spec.shape or spec.text for spec in specs)

    # -- the end of a connection

    def _lose(self, error: PyRedisError, unsent: int) -> None:
        """Have all that is on its way sent again if none of it can have changed anything; else Lost."""
        owed, self._owed, self._count = list(self._owed), deque(), 0
        commands = [pair for many in owed for pair in zip(many.argvs, many.lines, strict=True)]
        sent = commands[: len(commands) - unsent]
        if isinstance(error, PyRedisConnClosed) and all(self._repeatable(argv) for argv, _ in sent):
            self._lost = owed
            return
        argv, line = commands[0]
        outcome = self.session.answered(argv, None)
        if isinstance(error, PyRedisConnClosed):
            error.sent = True
            error = unknown_fate(error, outcome.name)
        raise Lost(outcome, line, error, _others(sent))

    def _repeatable(self, argv: tuple[bytes, ...]) -> bool:
        spec = self.session.table.find(argv)
        return spec is not None and spec.readonly


def _others(sent: list[_Placed]) -> str:
    """Return what is known of the commands behind the first that was sent and not answered."""
    more = f"the same goes for {len(sent) - 1} more, up to line {sent[-1][1]}; " if len(sent) > 1 else ""
    return f"{more}no later line was sent"
