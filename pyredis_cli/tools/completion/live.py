"""Names that a server knows, asked for at a TAB: within a moment or not at all, and without a word to anybody.

The server is the one that the flags on the line name. Nobody is asked for a password: where one would be, no
name is known. What takes too long is left behind: the program ends, and with it the connection.
"""

from __future__ import annotations

import _thread
from contextlib import suppress
from io import BytesIO

from pyredis.cluster.topology import from_slots
from pyredis.commands.spec import TABLE
from pyredis.connection.blocking import BlockingConnection
from pyredis.exceptions import MovedError, PyRedisError, ReplyError
from pyredis.options import ConnectionOptions
from pyredis_cli.complete.asking import OF_TYPE, QUESTIONS, WALKS, found_on, pattern
from pyredis_cli.complete.harvest import harvest
from pyredis_cli.complete.names import NameCache, Wanted
from pyredis_cli.complete.wants import ABOUT
from pyredis_cli.flags import UsageError
from pyredis_cli.parsing import parse
from pyredis_cli.settings import consulted, settle
from pyredis_cli.streams import Streams

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from pyredis.address import Address
    from pyredis.cluster.topology import Topology
    from pyredis.types import Reply
    from pyredis_cli.complete.command_line import Asked
    from pyredis_cli.complete.wants import Want
    from pyredis_cli.settings import Settings

__all__ = ["names"]

_LIMIT = 0.3  # seconds for all that is asked, the look-up of the host's name among it
_ENOUGH = 200  # names: more do not help who looks for one
_COUNTS = (200, 1_000, 5_000)
"""Names that the pages of a SCAN look at, the last for all that follow: about a millisecond for the server."""


def names(asked: Asked, environ: Mapping[str, str]) -> list[bytes]:
    """Return the names that begin so, in order; none when the server did not tell all of it in time."""
    settings = _settings(asked, environ)
    if settings is None or not _is_same(asked, settings.encoding):
        return []
    found: list[bytes] = []
    done = _thread.allocate_lock()
    done.acquire()

    def look() -> None:
        try:
            found.extend(_looked_up(asked, settings))
        except Exception:  # noqa: BLE001 - a server may say anything, and who typed a TAB asked for no report
            found.clear()
        finally:
            done.release()

    # No timeout of a socket ends the look-up of a name; a thread that is left behind does not hold the program up.
    _thread.start_new_thread(look, ())
    told = sorted(found) if done.acquire(timeout=_LIMIT) else []
    return told if settings.encoding == _SHELLS else [name for name in told if name.isascii()]


_SHELLS = "utf-8"


def _is_same(asked: Asked, encoding: str) -> bool:
    """Whether what stands on the line are the bytes that would be sent."""
    about = b"".join([word for want in asked.wants for word in want.about])
    return encoding == _SHELLS or (asked.prefix + about).isascii()


def _settings(asked: Asked, environ: Mapping[str, str]) -> Settings | None:
    """Return where the flags lead; None where that is no server that runs already and lets us in unasked."""
    nobody = _Nobody(BytesIO(), BytesIO(), BytesIO())
    try:
        given = parse(asked.connection)
        source = consulted(given, environ).source
        if source is not None and source.kind != "pass_file":  # a TAB starts no program, and opens no keyring
            return None
        settings = settle(given, environ, nobody)
        if settings.tls is not None:
            from pyredis_cli.core.certificates import opened

            settings = opened(settings, nobody)
    except (UsageError, PyRedisError):
        return None
    return None if given.embedded is not None or settings.group is not None else settings


class _Nobody(Streams):
    """Streams on which a person seems to be there, and never answers: nothing is said to one."""

    @property
    def can_ask(self) -> bool:
        return True

    def ask(self, question: str) -> str:
        raise EOFError

    def ask_hidden(self, question: str) -> str:
        raise EOFError

    def say(self, line: str) -> None:
        pass


def _looked_up(asked: Asked, settings: Settings) -> dict[bytes, None]:
    """Return the names of one server, or of the nodes of its cluster that have them."""
    if not settings.cluster:
        return _told(asked, settings.address, settings)
    try:
        found = _told(asked, settings.address, settings)
    except MovedError as moved:  # what is asked about is a key elsewhere
        shard = _topology(settings).shard(moved.slot)
        return {} if shard is None else _told(asked, shard.primary, settings)
    if any(want.kind == "key" for want in asked.wants):
        for address in _topology(settings).primaries:
            if address != settings.address:
                found |= _told(asked, address, settings)
    return found


def _told(asked: Asked, address: Address, settings: Settings) -> dict[bytes, None]:
    with _opened(address, settings) as connection:
        walker = _Walker(connection, asked.prefix, settings.database)
        for want in asked.wants:
            walker.look_for(want)
    return walker.found


def _topology(settings: Settings) -> Topology:
    with _opened(settings.address, settings) as connection:
        topology = from_slots(connection.execute([b"CLUSTER", b"SLOTS"]), settings.address)
        return topology.reached_by(dict(settings.natmap))


def _opened(address: Address, settings: Settings) -> BlockingConnection:
    options = ConnectionOptions(
        database=settings.database,
        username=settings.username,
        password=settings.password,
        conn_timeout=_LIMIT,
        read_timeout=_LIMIT,
        protocol=settings.protocol or 2,
        tls=settings.tls,
        family=settings.family,
        lib_name=None,
        read_only=True,  # whoever presses TAB wants nothing changed
    )
    return BlockingConnection.open(address, options)


class _Walker:
    """Asks for names over a connection, and keeps those that begin with the prefix."""

    def __init__(self, connection: BlockingConnection, prefix: bytes, database: int) -> None:
        self._connection = connection
        self._prefix = prefix
        self._database = database
        self.found: dict[bytes, None] = {}

    def look_for(self, want: Want) -> None:
        if len(want.about) != len(ABOUT.get(want.kind, ())):
            return
        if want.kind in WALKS:
            self._walk(want)
        elif want.kind in QUESTIONS:
            self._ask(want)

    def _ask(self, want: Want) -> None:
        argv = QUESTIONS[want.kind](Wanted(self._database, want, self._prefix))
        cache = NameCache()
        harvest(argv, self._connection.execute(argv), TABLE.find(argv), cache, self._database)
        told = cache.find(want, self._prefix, _ENOUGH, self._database)
        self._keep(name.value for name in told)

    def _walk(self, want: Want) -> None:
        """Go through all names; those of a type alone, where the server can tell them apart."""
        name, kind = self._scanned(want)
        cursor, pages = b"0", 0
        while name and len(self.found) < _ENOUGH:
            count = b"%d" % _COUNTS[min(pages, len(_COUNTS) - 1)]
            matching = [b"MATCH", pattern(self._prefix), b"COUNT", count]
            reply = self._connection.execute([name, *want.about, cursor, *matching, *kind])
            self._keep(_names_on(reply, paired=name in (b"HSCAN", b"ZSCAN")))
            cursor, _ = found_on(reply)
            pages += 1
            if cursor == b"0":
                break

    def _scanned(self, want: Want) -> tuple[bytes, list[bytes]]:
        """Return the command that walks through what is wanted, empty when there is none, and its last words."""
        if want.kind == "key":
            types = sorted(want.types)
            return b"SCAN", [b"TYPE", types[0].encode()] if len(types) == 1 else []
        with suppress(ReplyError):  # from 7.2 on: what is only looked at does not count as used
            self._connection.execute([b"CLIENT", b"NO-TOUCH", b"ON"])
        type = self._connection.execute([b"TYPE", *want.about])
        return OF_TYPE.get(type.decode("ascii", "replace") if isinstance(type, bytes) else "", b""), []

    def _keep(self, names: Iterable[bytes]) -> None:
        self.found.update(dict.fromkeys(name for name in names if name.startswith(self._prefix)))


def _names_on(reply: Reply, *, paired: bool) -> list[bytes]:
    """Return the names on a page, of which every second one is a value where they are ``paired``."""
    if not isinstance(reply, list) or len(reply) != 2 or not isinstance(reply[1], list):
        return []
    names = reply[1][:: 2 if paired else 1]
    return [name for name in names if isinstance(name, bytes)]
