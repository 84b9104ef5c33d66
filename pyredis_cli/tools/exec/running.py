"""One session and its replies: what a command of the arguments and a script have in common."""

from __future__ import annotations

from contextlib import aclosing
from time import monotonic, sleep

from pyredis.exceptions import PyRedisError
from pyredis_cli.core import connect
from pyredis_cli.core.outcome import Outcome
from pyredis_cli.printing import ReplyWriter, fail, shows_pushes
from pyredis_cli.streams import OutputError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pyredis.types import Reply
    from pyredis_cli.exits import Exit
    from pyredis_cli.settings import Settings
    from pyredis_cli.streams import Streams

__all__ = ["Run", "Stopped"]


class Stopped(Exception):
    """Nothing more is sent; what there is to say is said."""

    def __init__(self, code: Exit) -> None:
        super().__init__(code)
        self.code = code


class Run:
    """Commands and their replies, on one session.

    ``pages``: what is taller than the screen goes to a pager; ``blocking``: it is run by ``run_now``.
    """

    def __init__(
        self, settings: Settings, streams: Streams, *, pages: bool = False, blocking: bool = False
    ) -> None:
        self.settings = settings
        self.session = connect.session(settings, blocking=blocking)
        self.streams = streams
        self.writer = ReplyWriter(settings, streams, lambda: self.session.protocol, pages=pages)
        self.blocking = blocking
        self._asides: list[Reply] = []
        self._broken: OSError | OutputError | None = None
        self._hear_asides()

    async def connect(self, where: str = "") -> None:
        """Open the connection; Stopped when there is none to be had."""
        try:
            await self.session.connect()
        except PyRedisError as error:
            raise Stopped(self.fail(error, where, at_connect=True)) from None

    async def move(self, settings: Settings, where: str) -> None:
        """Go on with another server; Stopped when there is no connection to be had."""
        self.settings = settings
        await self.session.close()
        self.session = connect.session(settings, blocking=self.blocking)
        self._hear_asides()
        await self.connect(where)

    async def close(self) -> None:
        await self.session.close()

    def _hear_asides(self) -> None:
        if shows_pushes(self.settings, self.streams):
            self.session.on_aside = self._aside

    def _aside(self, push: Reply) -> None:
        # Not at once: the reply that it came behind is written in this turn of the event loop.
        if self.blocking:
            lease = self.session.blocking_lease
            if lease is not None and lease.owes:
                self.writer.aside(push)
            else:
                self._asides.append(push)
            return
        import asyncio

        asyncio.get_running_loop().call_soon(self._write_aside, push)

    def tell_asides(self) -> None:
        """Write what came unasked behind the replies that are written by now."""
        asides, self._asides = self._asides, []
        for push in asides:
            self.writer.aside(push)

    def _write_aside(self, push: Reply) -> None:
        try:
            self.writer.aside(push)
        except (OSError, OutputError) as error:  # the event loop would swallow it
            self._broken = error

    async def rest(self, seconds: float) -> None:
        """Return after so many seconds."""
        if self.blocking:
            sleep(seconds)  # noqa: ASYNC251  # no event loop is kept waiting
            return
        import asyncio

        await asyncio.sleep(seconds)

    async def outcome(self, argv: tuple[bytes, ...]) -> Outcome:
        """Return what became of a command, once its notices are told."""
        if self._broken is not None:
            raise self._broken
        outcome = await self.session.run(argv)
        for notice in outcome.notices:
            self.streams.say(notice)
        return outcome

    async def stream(self, count: int | None = None, seconds: float | None = None, where: str = "") -> bool:
        """Write messages as they come, while anything is subscribed or monitored.

        Return whether it was ended by so many messages, or after so many seconds; the connection is closed then.
        """
        if not self.session.streaming:
            return False
        deadline = None if seconds is None else monotonic() + seconds
        told = 0
        try:
            async with aclosing(self.session.messages(deadline)) as messages:
                async for message in messages:
                    self.writer.write(Outcome((), None, message))
                    told += 1
                    if told == count:
                        return True
        except PyRedisError as error:
            raise Stopped(self.fail(error, where)) from None
        return deadline is not None and monotonic() >= deadline

    def fail(self, error: PyRedisError, where: str = "", *, at_connect: bool = False) -> Exit:
        """Say what went wrong in one line; return the exit code that it means."""
        return fail(self.streams, error, self.session.address, where, at_connect=at_connect)
