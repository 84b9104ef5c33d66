"""A script: the commands of files or of standard input, sent as many at a time as is safe.

It knows how lines come in, which go by themselves, and when a script must stop.
"""

from __future__ import annotations

from collections import deque
from time import perf_counter

from pyredis.exceptions import ProtocolError, ReplyError
from pyredis.records import replace
from pyredis_cli.core.lines import LineError, destination
from pyredis_cli.exits import Exit, exit_for, explain
from pyredis_cli.tools.exec.bar import Bar
from pyredis_cli.tools.exec.reading import (
    BadLine,
    Many,
    One,
    is_connect,
    is_goodbye,
    make_reader,
    shown,
)
from pyredis_cli.tools.exec.running import Stopped
from pyredis_cli.tools.exec.sending import Lost, Sending

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import BinaryIO, NoReturn

    from pyredis.exceptions import PyRedisError
    from pyredis_cli.core.outcome import Outcome
    from pyredis_cli.core.session import Session
    from pyredis_cli.given import ToolArguments
    from pyredis_cli.tools.exec.guarding import Gate
    from pyredis_cli.tools.exec.reading import Reader
    from pyredis_cli.tools.exec.running import Run
    from pyredis_cli.tools.exec.source import Source

__all__ = ["run_script"]


async def run_script(run: Run, sources: Sequence[Source], arguments: ToolArguments) -> Exit:
    """Run each line of the files or of standard input; return the exit code of the first error."""
    started = perf_counter()
    script = _Script(run, arguments, Bar(run.streams, sources))
    try:
        return await script.run(sources)
    finally:
        script.end(perf_counter() - started)


class _Script:
    """The lines of a script on a session."""

    def __init__(self, run: Run, arguments: ToolArguments, bar: Bar) -> None:
        self._run = run
        self._stops = bool(run.settings.stop_on_error or arguments.get("stops"))
        self._count: int | None = arguments.get("count")
        self._seconds: float | None = arguments.get("seconds")
        self._verbose = bool(run.settings.verbose or arguments.get("verbose"))
        self._bar = bar
        self._sending = Sending(run, self._tell)
        self._singly = self._stops or run.settings.echo
        self._variables = arguments.get("variables", ())
        self._reader = self._make_reader()
        self._gate = _gate(run)
        self._name = ""
        self._code = Exit.OK
        self._singles = 0
        """How many commands were answered that were sent by themselves."""
        self._errors = 0

    @property
    def _session(self) -> Session:
        return self._run.session

    def _make_reader(self) -> Reader:
        return make_reader(self._run.settings, self._session.table, self._variables, singly=self._singly)

    async def run(self, sources: Sequence[Source]) -> Exit:
        """Run each line; return the exit code of the first error.

        Stopped at a line that cannot be read, a connection that failed, or a change of database, user or
        protocol that did not come true: nothing is sent after it.
        """
        if self._gate is not None and not await self._gate.opens(sources, self._make_reader()):
            return Exit.GUARD
        try:
            for source in sources:
                if not await self._read(source):
                    break
        except Lost as lost:
            told = explain(lost.error, self._session.address)
            self._say(f"{self._where(lost.line, lost.outcome)}{told}; {lost.others}")
            raise Stopped(exit_for(lost.error)) from None
        if self._session.in_transaction:
            self._say(f"{self._name}: ended inside MULTI, so nothing of that transaction was run")
            return self._code or Exit.PARTIAL
        return self._code

    async def _read(self, source: Source) -> bool:
        """Run the lines of one source; return whether the script goes on behind them."""
        self._name = source.name
        while not source.ended:
            await self._until_input(source)
            first, block = source.line, source.block()
            self._bar.begin(block, first)
            if block and not await self._block(block, first, source):
                return False
        await self._settle()
        return True

    async def _block(self, block: bytes, first: int, source: Source) -> bool:
        """Run some lines; return whether the script goes on behind them."""
        try:
            for step in self._reader.steps(block, first, comments=source.comments):
                if self._gate is not None and (found := self._gate.suspicious(step)):
                    await self._ask_about(self._gate, found, _first_line(step))
                if isinstance(step, Many):
                    await self._many(step)
                    continue
                await self._settle()
                if is_goodbye(step.argv) or not await self._one(step):
                    return False
                self._bar.reach(step.line)
        except BadLine as bad:
            await self._settle()
            self._say(_misread(source.name, bad))
            raise Stopped(Exit.USAGE) from None
        return True

    async def _ask_about(
        self, gate: Gate, found: Sequence[tuple[tuple[bytes, ...], int]], first: int
    ) -> None:
        """Be Stopped when a command that could do harm must not be sent: nothing from the line ``first`` on is."""
        await self._settle()
        self._bar.clear()
        if refusal := await gate.refusal(found):
            line, reason = refusal
            self._errors += 1
            told = f"{reason}; stopped, nothing from line {first} on was sent"
            self._say(f"{self._name}:{line}: {told}")
            raise Stopped(Exit.GUARD)

    # -- commands that are sent many at a time

    async def _many(self, *many: Many) -> None:
        """Send commands, and once more those that are lost with a connection and may be."""
        left = deque(many)
        while left:
            rest = await self._some(left.popleft())
            left.extendleft(filter(None, (rest, *reversed(self._sending.give_back()))))

    async def _some(self, many: Many) -> Many | None:
        """Send some of the commands, all others first unless these are lost; return what is left of them."""
        self._check_protocol(many.lines[0])
        lease = self._session.many
        if lease is not None:
            rest = self._sending.send(lease, many)
            self._bar.reach(rest.lines[0] if rest else None)
            return rest
        if not self._sending.settle():
            return many
        await self._one(One(many.argvs[0], many.lines[0]))
        return many._replace(argvs=many.argvs[1:], lines=many.lines[1:]) if many.argvs[1:] else None

    async def _settle(self) -> None:
        """Return when all that was sent is answered."""
        while not self._sending.settle():
            await self._many(*self._sending.give_back())

    # -- commands by themselves

    async def _one(self, one: One) -> bool:
        """Do what a line asks for; return whether the script goes on."""
        if self._run.settings.echo:
            self._echo(one.argv)
        if is_connect(one.argv):
            await self._move(one)
            return True
        for _ in range(one.times):
            if not await self._entry(one):
                return False
        return True

    async def _entry(self, one: One) -> bool:
        """Run one command; return whether the script goes on. Stopped when it must not."""
        self._check_protocol(one.line)
        outcome = await self._session.run(one.argv)
        self._singles += outcome.answered
        self._note(outcome)
        if outcome.answered or outcome.refused:
            self._run.writer.show(outcome)
        self._run.tell_asides()
        where = self._where(one.line, outcome)
        if outcome.broken_ground:
            self._stop(f"{where}{outcome.broken_ground}", Exit.REFUSED)
        if outcome.error is not None and not (outcome.answered or outcome.refused):
            told = explain(outcome.error, self._session.address, at_connect=outcome.at_connect)
            self._stop(f"{where}{told}", exit_for(outcome.error, at_connect=outcome.at_connect))
        if outcome.error is not None:
            self._fail(outcome.error, where)
        elif outcome.effect == "exec":
            self._look_inside(outcome, where)
        elif await self._run.stream(self._count, self._seconds, where):
            return False
        return self._may_go_on(one.line)

    def _check_protocol(self, line: int) -> None:
        """Be Stopped when the server has sent a reply too many: those before it may be to other commands."""
        lease = self._session.blocking_lease
        if lease is not None and not self._sending.owes and isinstance(lease.error, ProtocolError):
            told = explain(lease.error, self._session.address)
            self._stop(f"{self._name}:{line}: {told}", Exit.CONNECTION)

    def _stop(self, reason: str, code: Exit) -> NoReturn:
        """Say why nothing can follow, and be Stopped."""
        self._errors += 1
        self._say(f"{reason}; stopped here, no later line was sent")
        raise Stopped(code)

    def _may_go_on(self, line: int) -> bool:
        if not (self._stops and self._errors):
            return True
        self._say(f"{self._name}:{line}: stopped at the first error, no later line was sent")
        raise Stopped(self._code)

    def _look_inside(self, outcome: Outcome, where: str) -> None:
        """Tell which commands of a transaction failed; they are errors like others."""
        if isinstance(outcome.reply, list):
            for number, reply in enumerate(outcome.reply, 1):
                if isinstance(reply, ReplyError):
                    self._fail(reply, f"{where}{number}) ")

    async def _move(self, one: One) -> None:
        """Go on with another server, as redis-cli's scripts do; the database stays the one selected."""
        where = f"{self._name}:{one.line}: connect: "
        try:
            address = destination([word.decode("utf-8", "surrogateescape") for word in one.argv[1:]])
        except LineError as error:
            self._stop(f"{where}{error}", Exit.USAGE)
        settings = replace(self._run.settings.at(address), database=self._session.database)
        await self._run.move(settings, where)
        self._reader = self._make_reader()

    def _echo(self, argv: tuple[bytes, ...]) -> None:
        """Write the command as the prompt would show it, without its secrets."""
        from pyredis_cli.core.secrets import hidden
        from pyredis_cli.render.line import as_typed

        shown = as_typed(argv, self._run.settings.encoding, hidden(argv, self._session.table))
        self._run.streams.write(f"> {shown}\n".encode("utf-8", "replace"))

    # -- waiting for lines

    async def _until_input(self, source: Source) -> None:
        """Return once there is something to read; replies are written meanwhile, and the end is seen."""
        if not self._run.blocking:
            await _readable(source.stream)
            return
        while (lease := self._session.blocking_lease) is not None and not lease.closed:
            has_input, has_replies = lease.until(source.stream.fileno())
            if has_replies and self._sending.owes:
                self._sending.hear(lease, wait=False)
                await self._many(*self._sending.give_back())
            elif has_replies:
                lease.heard(0)
            self._run.tell_asides()
            if has_input:
                return
        source.wait()

    # -- what is said

    def _where(self, line: int, outcome: Outcome) -> str:
        name = outcome.spec.name if outcome.spec else shown(outcome.argv[0])
        return f"{self._name}:{line}: {name}: "

    def _tell(self, outcome: Outcome, line: int) -> None:
        """Tell of an error among many replies."""
        assert outcome.error is not None
        self._note(outcome)
        self._fail(outcome.error, self._where(line, outcome))

    def _note(self, outcome: Outcome) -> None:
        for notice in outcome.notices:
            self._say(notice)

    def _fail(self, error: PyRedisError, where: str) -> None:
        self._errors += 1
        self._bar.clear()
        code = self._run.fail(error, where)
        self._code = self._code or code

    def _say(self, line: str) -> None:
        self._bar.clear()
        self._run.streams.say(line)

    def end(self, seconds: float) -> None:
        """Say how much was done when that was asked for."""
        self._bar.clear()
        if self._verbose:
            done = self._sending.done + self._singles
            commands, errors = _counted(done, "command"), _counted(self._errors, "error")
            rate = round(done / seconds) if seconds else 0
            self._run.streams.say(f"{commands}, {errors}, {seconds:.2f} s, {rate:,} per second")


def _first_line(step: Many | One) -> int:
    return step.lines[0] if isinstance(step, Many) else step.line


def _gate(run: Run) -> Gate | None:
    """Return what looks at each command; None where nothing is asked and nothing refused, as in most scripts."""
    profile = run.settings.profile
    if not (run.streams.can_ask or (profile is not None and profile.production)):
        return None
    from pyredis_cli.tools.exec.guarding import gate

    return gate(run)


def _misread(name: str, bad: BadLine) -> str:
    """Return the line that says why another one cannot be read."""
    column = f":{bad.column}" if bad.column else ""
    return f"{name}:{bad.line}{column}: {bad.message}; stopped before this line"


def _counted(number: int, what: str) -> str:
    return f"{number:,} {what}{'' if number == 1 else 's'}"


async def _readable(stream: BinaryIO) -> None:
    """Return once there is something to read, while the event loop goes on."""
    import asyncio

    loop = asyncio.get_running_loop()
    ready = asyncio.Event()
    try:
        loop.add_reader(stream, ready.set)
    except PermissionError:  # a regular file, always ready, is nothing to wait for
        return
    try:
        await ready.wait()
    finally:
        loop.remove_reader(stream)
