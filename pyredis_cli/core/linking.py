"""To ask a server, as a replica does, for what it has and for what it is told; on a blocking connection."""

from __future__ import annotations

from pyredis.exceptions import NoPerm, PyRedisConnClosed, ReplyError
from pyredis.records import replace
from pyredis.resp.encode import pack
from pyredis_cli.core import direct
from pyredis_cli.core.snapshot import Snapshot

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Final

    from pyredis.connection.blocking import BlockingConnection
    from pyredis_cli.progress import Progress
    from pyredis_cli.settings import Settings

__all__ = ["WAITING", "announce", "closed", "connect", "silence", "synchronize"]

WAITING: Final = "waiting for the server to begin its snapshot"
"""What there is to say of the seconds, maybe many, until a server sends the first byte of its data."""

_CHUNK: Final = 256 * 1024
# Servers say something every second while they are busy, and every ten seconds on a link that is in use.
_SILENCE: Final = 60.0


def connect(settings: Settings) -> BlockingConnection:
    """Return a connection that can become a link; database and protocol mean nothing there."""
    return direct.connect(replace(settings, database=0, protocol=2))


def silence(connection: BlockingConnection) -> float:
    """Return how many seconds of silence mean that nobody is there any more."""
    return connection.options.read_timeout or _SILENCE


def announce(connection: BlockingConnection, *words: bytes) -> bool:
    """Tell the server what we can or want; return whether it knows that. NoPerm for a user who may not."""
    try:
        connection.execute((b"REPLCONF", *words), timeout=silence(connection))
    except NoPerm:
        raise
    except ReplyError:
        return False
    return True


def synchronize(
    connection: BlockingConnection, argv: tuple[bytes, ...], take: Callable[[bytes], None], progress: Progress
) -> Snapshot:
    """Send SYNC or PSYNC and give what comes of the RDB to ``take``; return how it came, when it is over.

    Raises the ReplyError of a server that refuses, and the error of a connection that is lost on the way.
    """
    snapshot = Snapshot()
    connection.send(pack(argv))
    while not snapshot.ended:
        chunk = connection.receive(silence(connection), _CHUNK)
        if not chunk:
            raise closed(connection)
        if body := snapshot.feed(chunk):
            take(body)
        progress.total = snapshot.size
        progress.at(snapshot.received)
    progress.clear()
    return snapshot


def closed(connection: BlockingConnection) -> PyRedisConnClosed:
    """Return that the server has closed the connection in good order."""
    address = str(connection.address)
    return PyRedisConnClosed(f"{address} closed the connection", address=address)
