"""``replica``: the commands that a server sends its replicas, as they come, one per line.

It is a replica that keeps nothing: it says what it has got, and when the link is lost it asks for what is missing.
"""

from __future__ import annotations

import random
from time import monotonic, sleep

from pyredis.exceptions import PyRedisConnReadTimeout, PyRedisError, ReplyError, may_pass
from pyredis.resp.encode import pack
from pyredis.retry import Backoff
from pyredis_cli.argv import refuse_without_command
from pyredis_cli.core import linking
from pyredis_cli.core.link import Link, Position, wants_acknowledgement
from pyredis_cli.exits import Exit, explain
from pyredis_cli.flags import UsageError
from pyredis_cli.parsing import parse_tool
from pyredis_cli.printing import fail
from pyredis_cli.progress import Progress
from pyredis_cli.render.forms import form_parts

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from typing import Final

    from pyredis.connection.blocking import BlockingConnection
    from pyredis.types import Reply
    from pyredis_cli.flags import Output
    from pyredis_cli.render.layout import Part
    from pyredis_cli.settings import Settings
    from pyredis_cli.streams import Streams

__all__ = ["run"]

_CHUNK: Final = 256 * 1024
_ACK: Final = 1.0  # seconds between two acknowledgements, as replicas do
_AGAIN: Final = Backoff(first=0.1, most=5.0)
_FROM_NOW: Final = (b"PSYNC", b"?", b"-1")


def run(settings: Settings, streams: Streams, words: Sequence[str]) -> int:
    """Show the commands until the program is ended; return the exit code when there is nothing to be followed."""
    refuse_without_command(settings.telling)
    arguments = parse_tool("replica", words)
    if arguments.words:
        raise UsageError(f"replica: it takes no arguments; what is {arguments.words[0]!r} for?")
    return _Replica(settings, streams).run()


class _Replica:
    """A link, made anew when it is lost, and what is shown of it."""

    def __init__(self, settings: Settings, streams: Streams) -> None:
        self._settings = settings
        self._streams = streams
        self._output: Output = "redis-csv" if settings.output in (None, "human") else settings.output
        self._link: Link | None = None
        self._connected = False
        self._attempts = 0
        self._told = ""  # why there is no link, as far as it was told

    def run(self) -> Exit:
        """Follow the server, and look for it when it is lost."""
        while True:
            self._connected = False
            try:
                with linking.connect(self._settings) as connection:
                    self._connected = True
                    self._follow(connection, self._synchronized(connection))
            except PyRedisError as error:
                if self._link is None or not _may_pass(error):
                    return fail(self._streams, error, self._settings.address, at_connect=not self._connected)
                self._tell(error)
            sleep(_AGAIN.delay(self._attempts, random.random()))
            self._attempts += 1

    def _tell(self, error: PyRedisError) -> None:
        """Say why there is no link, but not again and again."""
        why = explain(error, self._settings.address, at_connect=not self._connected)
        if why != self._told:
            self._streams.say(f"{why}; trying again")
            self._told = why

    def _synchronized(self, connection: BlockingConnection) -> Link:
        """Return the link, behind what there was before it, or behind what was shown before it was lost."""
        linking.announce(connection, b"capa", b"eof", b"capa", b"psync2")
        linking.announce(
            connection, b"rdb-filter-only", b""
        )  # unknown before 7.0, which then send all they have
        before = self._link
        wanted = before.wanted if before is not None else _FROM_NOW
        with Progress(self._streams, None, "bytes", waiting=linking.WAITING) as progress:
            snapshot = linking.synchronize(connection, wanted, _drop, progress)
        if before is not None and snapshot.status.startswith("CONTINUE"):
            before.go_on(snapshot.status)
            self._streams.say(f"{connection.address} goes on where the link was lost")
            link = before
        else:
            link = Link(Position.told(snapshot.status))
            told = f"in step with {connection.address}"
            if before is not None:
                told = (
                    f"{told} again, which could not go on where the link was lost: commands are missing here"
                )
            self._streams.say(f"{told}; {snapshot.received} bytes of its data were passed over")
        self._link = link
        self._told, self._attempts = "", 0
        self._show(link, snapshot.rest)
        return link

    def _follow(self, connection: BlockingConnection, link: Link) -> None:
        """Show what comes, until an error is raised."""
        heard, due = monotonic(), 0.0
        while True:
            now = monotonic()
            if now >= due:
                connection.send(pack(link.acknowledgement))
                due = now + _ACK
            try:
                chunk = connection.receive(max(due - now, 0), _CHUNK)
            except PyRedisConnReadTimeout:
                if monotonic() - heard >= linking.silence(connection):
                    raise
                continue
            if not chunk:
                raise linking.closed(connection)
            heard = monotonic()
            if self._show(link, chunk):
                due = 0.0

    def _show(self, link: Link, chunk: bytes) -> bool:
        """Write the commands that are whole with the chunk; return whether one wants to be acknowledged."""
        asked = False
        lines: list[bytes] = []
        try:
            for argv in link.take(chunk):
                asked = asked or wants_acknowledgement(argv)
                lines += [part for part, _ in self._parts(argv)]
        finally:
            if lines:
                self._streams.write(b"".join(lines))
        return asked

    def _parts(self, argv: list[bytes]) -> Iterator[Part]:
        words: list[Reply] = [*argv]
        return form_parts(self._output, words, self._settings, terminal=self._streams.stdout_tty)


def _drop(_piece: bytes) -> None:
    """Do without the data that the server had before."""


def _may_pass(error: PyRedisError) -> bool:
    """Whether a server that was lost may be there again at the next attempt."""
    return may_pass(error) or (isinstance(error, ReplyError) and error.code == "NOMASTERLINK")
