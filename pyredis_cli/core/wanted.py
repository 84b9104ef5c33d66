"""Where a person brought the connection, and how another one gets there.

Pure: from commands and what became of them to commands that have to be said again. It sees no connection.
"""

from __future__ import annotations

from pyredis.records import NamedTuple

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pyredis.pool.async_base import PoolOptions
    from pyredis_cli.core.outcome import Outcome

__all__ = ["Wanted", "after", "instead"]


class Wanted(NamedTuple):
    """What the person changed since the start, to be done again on a new connection.

    ``undone`` are the commands that are not: they are told.
    """

    reset: bool = False
    credentials: tuple[bytes, ...] = ()
    protocol: int | None = None
    database: int | None = None
    undone: tuple[str, ...] = ()

    def steps(self) -> list[tuple[bytes, ...]]:
        """Return the commands that bring a fresh connection there."""
        steps: list[tuple[bytes, ...]] = []
        if self.reset:
            steps.append((b"RESET",))
        if self.credentials:
            steps.append((b"AUTH", *self.credentials))
        if self.protocol is not None:
            steps.append((b"HELLO", b"%d" % self.protocol))
        if self.database is not None:
            steps.append((b"SELECT", b"%d" % self.database))
        return steps

    def database_from(self, start: int) -> int:
        """Return the database of a connection that started in ``start`` and was brought there."""
        if self.database is not None:
            return self.database
        return 0 if self.reset else start


def after(wanted: Wanted, outcome: Outcome, protocol: int) -> Wanted:
    """Return what is wanted once a command worked; ``protocol`` is the one spoken now."""
    match outcome.effect, outcome.argv[1:]:
        case "reset", _:
            return Wanted(reset=True)
        case "auth", credentials:
            return wanted._replace(credentials=credentials)
        case "hello", _:
            credentials = _hello_credentials(outcome.argv) or wanted.credentials
            return wanted._replace(protocol=protocol, credentials=credentials)
        case "select", (database, *_):
            return wanted._replace(database=int(database))
        case "alters", _:
            undone = dict.fromkeys((*wanted.undone, outcome.name))
            return wanted._replace(undone=tuple(undone))
    return wanted


def instead(wanted: Wanted, outcome: Outcome) -> tuple[PoolOptions, Wanted]:
    """Return with which options to connect when this command asks for other ones, and what is wanted then."""
    match outcome.effect, outcome.argv[1:]:
        case "auth", (password,):
            return _logged_in({"username": None, "password": password}, wanted)
        case "auth", (user, password):
            return _logged_in(_options(user, password), wanted)
        case "hello", _ if credentials := _hello_credentials(outcome.argv):
            return _logged_in(_options(*credentials), wanted)
        case "select", (database,) if database.isdigit():
            return {"database": int(database)}, wanted._replace(database=None)
        case "reset", ():
            return {"username": None, "password": None, "database": 0}, Wanted()
    return {}, wanted


def _logged_in(options: PoolOptions, wanted: Wanted) -> tuple[PoolOptions, Wanted]:
    """Return how a connection opens that logs in by itself; RESET would log it out again, so it is left out."""
    wanted = wanted._replace(credentials=())
    if not wanted.reset:
        return options, wanted
    return {**options, "database": 0}, wanted._replace(reset=False, protocol=wanted.protocol or 2)


def _options(user: bytes, password: bytes) -> PoolOptions:
    return {"username": user.decode("utf-8", "surrogateescape"), "password": password}


def _hello_credentials(argv: tuple[bytes, ...]) -> tuple[bytes, bytes] | tuple[()]:
    """Return the user and the password of ``HELLO proto AUTH user password SETNAME name``."""
    options = iter(argv[2:])
    for option in options:
        if option.lower() == b"auth":
            user, password = next(options, b""), next(options, None)
            return () if password is None else (user, password)
        next(options, None)  # the name of SETNAME, which may be "auth"
    return ()
