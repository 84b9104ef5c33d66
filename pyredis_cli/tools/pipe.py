"""``pipe``: raw commands from standard input to the server, byte for byte; replies are counted, errors shown.

Reading, sending and receiving go on at once, each as far as it can without waiting, so memory does not grow with
the input. It knows sockets and clocks; what a command is ``requests`` knows, what a reply is ``answers``.
"""

from __future__ import annotations

import os
import select
import stat
from time import monotonic

from pyredis.exceptions import (
    ProtocolError,
    PyRedisConnClosed,
    PyRedisConnError,
    PyRedisConnReadTimeout,
    PyRedisError,
)
from pyredis.resp.encode import pack
from pyredis_cli.argv import refuse_without_command
from pyredis_cli.core import direct
from pyredis_cli.core.answers import Answers
from pyredis_cli.core.requests import Malformed, Requests
from pyredis_cli.exits import Exit, explain, in_read_only
from pyredis_cli.flags import UsageError
from pyredis_cli.parsing import parse_tool
from pyredis_cli.printing import fail
from pyredis_cli.progress import Progress

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Final

    from pyredis.commands.spec import Spec
    from pyredis.connection.blocking import BlockingConnection
    from pyredis_cli.core.requests import Batch
    from pyredis_cli.settings import Settings
    from pyredis_cli.streams import Streams

__all__ = ["run"]

_CHUNK: Final = 128 * 1024
_RECEIVED: Final = 256 * 1024
_TIMEOUT: Final = 30.0  # redis-cli's
_TICK: Final = 0.25  # seconds between two looks at the progress
_ENDING: Final = frozenset({"quit", "shutdown"})


def run(settings: Settings, streams: Streams, words: Sequence[str]) -> int:
    """Send standard input, count the replies, show the errors; return the exit code."""
    refuse_without_command(settings.telling)
    arguments = parse_tool("pipe", words)
    if arguments.words:
        raise UsageError(f"pipe: it reads standard input; what is {arguments.words[0]!r} for?")
    if reason := _refusal(settings):
        streams.say(reason)
        return Exit.GUARD
    limit = arguments.get("timeout", _TIMEOUT) or None
    try:
        connection = direct.connect(settings)
    except PyRedisError as error:
        return fail(streams, error, settings.address, at_connect=True)
    progress = Progress(streams, _size_of(streams), "bytes")
    with connection, progress:
        pipe = _Pipe(connection, streams, progress, limit)
        try:
            return pipe.run()
        except SystemExit:
            progress.note(f"interrupted; {pipe.told()}")
            raise


def _refusal(settings: Settings) -> str:
    """Return why nothing may be sent unseen; empty when it may."""
    if settings.read_only:
        reason = "pipe sends bytes that nobody looks at; give commands in lines to exec"
        return f"(refused) {in_read_only(reason)}"
    profile = settings.profile
    if profile is not None and profile.production and settings.yes.isdisjoint(("", "PIPE")):
        return (
            f"{profile.name} is a production profile, and pipe sends bytes that nobody looks at; "
            "give commands in lines to exec, or --yes=PIPE"
        )
    return ""


def _size_of(streams: Streams) -> int | None:
    """Return how many bytes there are to be read, None when nobody knows it."""
    try:
        number = streams.stdin.fileno()
        status = os.fstat(number)
        if stat.S_ISREG(status.st_mode):
            return max(status.st_size - os.lseek(number, 0, os.SEEK_CUR), 0)
    except OSError:
        pass
    return None


class _Pipe:
    """Input on its way to a server, and replies on their way back; ``limit`` is that of ``--timeout``."""

    def __init__(
        self, connection: BlockingConnection, streams: Streams, progress: Progress, limit: float | None
    ) -> None:
        self._connection = connection
        self._streams = streams
        self._progress = progress
        self._limit = limit
        self._tick = _TICK if streams.stderr_tty else None
        self._input = _Input(streams)
        self._requests = Requests()
        self._token = os.urandom(16).hex().encode()
        self._answers = Answers(self._token)
        self._out = memoryview(b"")
        self._sent = 0  # bytes
        self._all_taken = False  # there will be nothing more to send
        self._silent = False  # CLIENT REPLY OFF
        self._skipped = False  # CLIENT REPLY SKIP
        # A command that may end the connection, so that nothing is sent behind it yet.
        self._farewell: Spec | None = None
        self._held = memoryview(b"")  # that command, until everything in front of it is answered
        self._lost: PyRedisConnError | None = None
        self._malformed: Malformed | None = None
        self._heard = monotonic()  # when the server last said or took something

    def run(self) -> Exit:
        """Do all of it; return the exit code."""
        told = False
        try:
            self._fill()
            self._send()
            while not self._is_over():
                if self._all_sent and self._malformed is None and not told:
                    told = True
                    self._print("All data transferred. Waiting for the last reply...")
                self._wait()
                self._fill()
                self._send()
        except PyRedisConnReadTimeout as error:
            return self._fail(Exit.TIMEOUT, f"{error}; {self.told()}")
        except ProtocolError as error:
            return self._fail(Exit.CONNECTION, f"{explain(error, self._connection.address)}; {self.told()}")
        return self._result()

    def told(self) -> str:
        """Return how far it came."""
        return f"commands sent: {self._requests.commands}, replies: {self._answers.count}"

    @property
    def _all_sent(self) -> bool:
        return self._all_taken and not self._out

    def _is_over(self) -> bool:
        if self._lost is not None or self._answers.ended:
            return True
        if self._out or self._held or self._answers.due:
            return False
        # Behind half a command nothing can be asked, and behind QUIT nothing is answered.
        return self._malformed is not None or (self._farewell is not None and self._farewell.effect == "quit")

    # -- how it ends

    def _print(self, line: str) -> None:
        self._progress.clear()
        self._streams.write(line.encode() + b"\n")

    def _fail(self, code: Exit, line: str) -> Exit:
        """Say why it did not come to its end; return the code."""
        self._progress.note(line)
        return self._summed_up(code)

    def _summed_up(self, code: Exit) -> Exit:
        self._print(f"errors: {self._answers.errors}, replies: {self._answers.count}")
        return code

    def _result(self) -> Exit:
        if self._malformed is not None:
            self._progress.note(f"{self._malformed}; nothing from there on is run")
        if self._farewell is not None and not self._held and not self._is_unheard:
            return self._parted(self._farewell)
        if self._lost is not None:
            return self._fail(Exit.CONNECTION, f"{self._lost}; {self.told()}")
        if self._malformed is not None:
            return self._summed_up(Exit.USAGE)
        self._print("Last reply received from server.")
        if self._answers.queued:
            self._progress.note("the input ends inside a transaction, which was not run: EXEC is missing")
            return self._summed_up(self._code or Exit.PARTIAL)
        if not self._answers.exact:
            owed = f"{self._answers.owed} commands got {self._answers.count} replies"
            self._progress.note(f"{owed}; an error may belong to another command than was told")
        return self._summed_up(self._code)

    @property
    def _code(self) -> Exit:
        return Exit.REPLY if self._answers.errors else Exit.OK

    @property
    def _is_unheard(self) -> bool:
        """Whether a QUIT was not answered; a SHUTDOWN that is obeyed is not."""
        return self._answers.due and self._farewell is not None and self._farewell.effect == "quit"

    def _parted(self, last: Spec) -> Exit:
        """Tell what is left of the input behind a command that ended the connection."""
        if self._has_more():
            ended = f"command {self._requests.commands}, {last.name}, ended the connection"
            return self._fail(Exit.PARTIAL, f"{ended}; what is behind it was not sent")
        return self._summed_up(self._code)

    def _has_more(self) -> bool:
        """Whether there is input that was not sent, as far as it is here."""
        while not self._requests.rest.strip():
            if self._input.ended or not self._input.is_here():
                return False
            self._requests.feed(self._input.read())
        return True

    # -- from the input

    @property
    def _may_read(self) -> bool:
        return not self._out and not self._all_taken and self._farewell is None

    def _fill(self) -> None:
        """Have something to send, as far as the input gives it without waiting."""
        self._say_farewell()
        try:
            while self._may_read:
                batch = self._requests.next() or (self._requests.end() if self._input.ended else None)
                if batch is not None:
                    self._take(batch)
                elif self._input.ended:
                    self._ask_for_token()
                elif self._input.ready:
                    self._requests.feed(self._input.read())
                else:
                    return
        except Malformed as error:
            self._malformed = error
            self._all_taken = True
        self._say_farewell()

    def _say_farewell(self) -> None:
        """Send the command that may end the connection; go on when the server has answered it and is there."""
        if self._farewell is None or self._out or self._answers.due:
            return
        if self._held:
            # By itself: a server that shuts down answers nothing that came together with it.
            self._out = self._held
            self._held = memoryview(b"")
            self._expect_reply()
        elif self._farewell.effect != "quit":
            self._farewell = None

    def _take(self, batch: Batch) -> None:
        """Send a batch next, and expect the replies to it."""
        self._out = memoryview(batch.payload)
        plain = batch.commands - (batch.last is not None)
        if self._skipped and plain:
            self._expect_reply()
            plain -= 1
        self._answers.expect(plain, 0 if self._silent else plain)
        if batch.last is not None:
            self._take_last(batch.last, batch)

    def _take_last(self, last: Spec, batch: Batch) -> None:
        """Expect what a command brings that changes what is replied from then on."""
        if last.effect == "reply":
            mode = batch.words[-1].upper()
            self._silent = mode == b"OFF" or (self._silent and mode != b"ON")
            self._skipped = mode == b"SKIP" and not self._silent
            self._answers.expect(1, int(not self._silent and not self._skipped))
        elif last.effect in _ENDING:
            self._farewell = last
            self._held = self._out[-batch.size :]
            self._out = self._out[: -batch.size]
        else:
            self._answers.expect_any()
            self._expect_reply()

    def _expect_reply(self) -> None:
        """Expect the reply to one command, unless replies are off."""
        self._answers.expect(1, int(not self._silent and not self._skipped))
        self._skipped = False

    def _ask_for_token(self) -> None:
        """Ask for what tells that everything was answered."""
        question = pack([b"PING", self._token])
        if self._silent or self._skipped:
            question = pack([b"CLIENT", b"REPLY", b"ON"]) + question
        self._answers.expect_token(1 if self._silent or self._skipped else 0)
        self._out = memoryview(question)
        self._all_taken = True

    # -- to and from the server

    def _send(self) -> None:
        """Send as much as the server takes now."""
        while self._out and self._lost is None:
            try:
                sent = self._connection.send_some(self._out)
            except PyRedisConnError as error:
                self._lost = error
                self._hear(self._connection.unread)
                return
            if not sent:
                return
            self._out = self._out[sent:]
            self._sent += sent
            self._heard = monotonic()
            self._progress.at(self._sent)

    def _wait(self) -> None:
        """Wait until something can go on, and take what has come."""
        if self._lost is not None:
            return
        server = self._connection.fileno()
        poll = select.poll()
        poll.register(server, select.POLLIN | (select.POLLOUT if self._out else 0))
        wants_input = self._may_read and not self._input.ready
        if wants_input:
            poll.register(self._input.fileno(), select.POLLIN)
        at_once = self._connection.pending() or (self._may_read and self._input.ready)
        events = dict(poll.poll(0 if at_once else self._patience()))
        self._input.readable = self._input.fileno() in events
        if events.get(server, 0) & ~select.POLLOUT or self._connection.pending():
            self._receive()
        self._progress.advance()

    def _patience(self) -> float | None:
        """Return how many milliseconds to wait for anything; PyRedisConnReadTimeout when it is enough."""
        waits = [] if self._tick is None else [self._tick]
        if (limit := self._current_limit) is not None:
            left = self._heard + limit - monotonic()
            if left <= 0:
                raise PyRedisConnReadTimeout(
                    f"no reply from {self._connection.address} for {limit:g} seconds"
                )
            waits.append(left)
        return min(waits) * 1000 if waits else None

    @property
    def _current_limit(self) -> float | None:
        """How long the server may be silent, None when it owes nothing or there is no limit."""
        if self._all_sent or self._farewell is not None:
            return self._limit
        return self._connection.options.read_timeout if self._out or self._answers.due else None

    def _receive(self) -> None:
        try:
            chunk = self._connection.receive(0, _RECEIVED)
        except PyRedisConnReadTimeout:
            return
        except PyRedisConnError as error:
            self._lost = error
            return
        if chunk:
            self._hear(chunk)
        else:
            where = self._connection.address
            self._lost = PyRedisConnClosed(f"{where} closed the connection", address=str(where))

    def _hear(self, chunk: bytes) -> None:
        """Count the replies that have come, and show the errors."""
        self._heard = monotonic()
        for where, error in self._answers.take(chunk):
            self._progress.note(f"{where}: {explain(error, self._connection.address)}")


class _Input:
    """Standard input, of which no more is read than is here."""

    def __init__(self, streams: Streams) -> None:
        self.ended = False
        self.readable = False
        self._stdin = streams.stdin
        self._is_file = stat.S_ISREG(os.fstat(self.fileno()).st_mode)

    @property
    def ready(self) -> bool:
        """Whether to read does not wait."""
        return self._is_file or self.readable

    def is_here(self) -> bool:
        """Return whether to read does not wait, at this very moment."""
        return self.ready or bool(select.select([self], [], [], 0)[0])

    def fileno(self) -> int:
        return self._stdin.fileno()

    def read(self) -> bytes:
        """Return what is here; nothing when somebody else was faster, or at the end."""
        self.readable = False
        try:
            chunk: bytes | None = self._stdin.read(_CHUNK)
        except OSError as error:
            raise UsageError(f"pipe: cannot read standard input: {error.strerror}") from None
        self.ended = chunk == b""
        return chunk or b""
