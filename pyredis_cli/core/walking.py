"""All keys of one server, a page at a time, and what else is asked of each key.

It knows SCAN: its cursor, its words in servers of every age, and how many keys to ask for at a time so that the
server is never kept from others for long. The next page is asked for before the one that came is handed out. It
holds one page, so a key that the server sends twice comes twice.
"""

from __future__ import annotations

from itertools import compress
from time import monotonic, sleep

from pyredis.exceptions import ProtocolError, ReplyError
from pyredis.records import NamedTuple
from pyredis.resp import INCOMPLETE
from pyredis.resp.encode import packed
from pyredis.resp.fast import FastDecoder

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from pyredis.connection.blocking import BlockingConnection
    from pyredis.types import Reply

__all__ = ["Pace", "Page", "Question", "walk"]

_FIRST = 10  # keys; a server's own choice, and redis-cli's
_MOST = 2_500  # about a millisecond
_LEAST = 100  # so many are always bearable
_SHORT = 0.001  # seconds beyond the round trip in which a page may come and the next be longer
_LONG = 0.002  # and beyond which the next is shorter
_TIMES = 4  # in a row, for it may have been the machine and not the page

_DONE = b"0"
_STRINGS = frozenset([bytes])


class Question(NamedTuple):
    """Which keys are asked for, and the commands whose replies are wanted for each, without the key at their end.

    ``size`` is how many keys the server looks at for a page, None for as many as it does quickly. There are
    ``pause`` seconds between two pages.
    """

    pattern: bytes | None = None
    type: bytes | None = None
    size: int | None = None
    pause: float = 0.0
    facts: tuple[tuple[str, ...], ...] = ()


class Page(NamedTuple):
    """Keys, and for each command of the question the replies, one for each key; errors among them."""

    keys: list[bytes]
    facts: list[list[Reply]]


class Pace:
    """How many keys to ask for: more while pages come quickly, fewer when they take long.

    The first page tells how long the way to the server is; only what takes longer is the server's work.
    """

    def __init__(self, size: int | None = None) -> None:
        self.size = size or _FIRST
        self._fixed = size is not None
        self._way: float | None = None
        self._waits: list[float] = []

    def heard(self, least: float, most: float) -> None:
        """Hear how many seconds a page took the server and its way, at least and at most."""
        if self._way is None:
            self._way = most
        if self._fixed:
            return
        if most - self._way < max(_SHORT, self._way):
            self._change(min(self.size * 4, _MOST))
            return
        if least < self._way:  # it was here before it was waited for
            return
        self._waits.append(least - self._way)
        if min(self._waits) <= max(_LONG, 4 * self._way):
            self._waits.clear()
        elif len(self._waits) == _TIMES:
            self._change(max(self.size // 2, min(self.size, _LEAST)))

    def _change(self, size: int) -> None:
        self.size = size
        self._waits.clear()


def walk(connection: BlockingConnection, question: Question) -> Iterator[Page]:
    """Yield the pages from the first to the last; some have no keys.

    Raises the error of the connection, and the ReplyError of a server that refuses.
    """
    pages = _pages(connection, question)
    try:
        first = next(pages)
    except ReplyError as error:
        if question.type is None or "syntax error" not in error.message:
            raise
        yield from _of_type(connection, question, question.type)
    else:
        yield first
        yield from pages


def _of_type(connection: BlockingConnection, question: Question, kind: bytes) -> Iterator[Page]:
    """Yield the same of a server older than 6.0, whose SCAN does not know TYPE: each key is asked what it is."""
    without = question._replace(type=None, facts=(*question.facts, ("TYPE",)))
    for keys, (*facts, kinds) in _pages(connection, without):
        for reply in kinds:
            if isinstance(reply, ReplyError):
                raise reply
        chosen = [reply == kind for reply in kinds]
        yield Page(list(compress(keys, chosen)), [list(compress(replies, chosen)) for replies in facts])


def _pages(connection: BlockingConnection, question: Question) -> Iterator[Page]:
    """Yield the pages of a server that knows all the words of the question."""
    replies = _Replies(connection)
    pace = Pace(question.size)
    sent = monotonic()
    connection.send(_scan(b"0", question, pace.size))
    while True:
        waited = replies.wait()
        pace.heard(waited, monotonic() - sent)
        # The server is done with a page when it begins to come, and can begin with the next.
        ahead = None if question.pause or question.facts else replies.cursor()
        if ahead not in (None, _DONE):
            sent = monotonic()
            connection.send(_scan(ahead, question, pace.size))
        cursor, keys = _page(replies.next())
        if ahead not in (None, cursor):
            raise _misshapen()
        asked = [packed((*command, key)) for command in question.facts for key in keys]
        if ahead is None and cursor != _DONE and not question.pause:
            sent = monotonic()
            asked.append(_scan(cursor, question, pace.size))
        if asked:
            connection.send(b"".join(asked))
        yield Page(keys, [[replies.next() for _ in keys] for _ in question.facts])
        if cursor == _DONE:
            return
        if question.pause:
            sleep(question.pause)
            sent = monotonic()
            connection.send(_scan(cursor, question, pace.size))


class _Replies:
    """The replies on a connection one by one, and of a page its cursor as soon as that is here."""

    def __init__(self, connection: BlockingConnection) -> None:
        self._connection = connection
        self._timeout = connection.options.read_timeout
        self._decoder = FastDecoder(max_bulk=connection.options.max_bulk)
        self._begun = b""
        """Bytes that the decoder has not got yet."""

    def wait(self) -> float:
        """Return the seconds until the next reply begins to come."""
        if self._decoder.pending:  # it came together with the one before
            return 0.0
        began = monotonic()
        self._begun = self._begun or self._received()
        return monotonic() - began

    def cursor(self) -> bytes | None:
        """Return the cursor of the page that begins to come; None when too little of it is here to tell."""
        match self._begun.split(b"\r\n", 3):
            case [b"*2", _, cursor, _] if cursor.isdigit():
                return cursor
        return None

    def next(self) -> Reply:
        """Return the next reply, an error too."""
        decoder = self._decoder
        while (reply := decoder.next()) is INCOMPLETE:
            chunk, self._begun = self._begun or self._received(), b""
            decoder.feed(chunk)
        return reply

    def _received(self) -> bytes:
        chunk = self._connection.receive(self._timeout)
        if not chunk:
            self._connection.reply(self._timeout)  # says how the connection came to its end
        return chunk


def _scan(cursor: bytes, question: Question, size: int) -> bytes:
    words = [b"SCAN", cursor]
    if question.pattern is not None:
        words += (b"MATCH", question.pattern)
    words += (b"COUNT", b"%d" % size)
    if question.type is not None:
        words += (b"TYPE", question.type)
    return packed(words)


def _page(reply: Reply) -> tuple[bytes, list[bytes]]:
    """Return the next cursor and the keys of a page; raise the error that came in its place."""
    if isinstance(reply, ReplyError):
        reply.command = "SCAN"
        raise reply
    match reply:
        case [bytes(cursor), list(keys)] if cursor.isdigit() and _STRINGS.issuperset(map(type, keys)):
            return cursor, keys  # type: ignore[return-value]
    raise _misshapen()


def _misshapen() -> ProtocolError:
    return ProtocolError("the server answered SCAN with something else than a cursor and keys")
