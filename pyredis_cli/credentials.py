"""Who logs in, with which password: by a flag, the URL, a file or a variable, and by asking the person.

It knows which source of a name and of a password wins, and whose password it is. It asks where a person can
answer, and sends nothing.
"""

from __future__ import annotations

from pyredis.records import NamedTuple
from pyredis_cli.environment import USER
from pyredis_cli.flags import UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from pyredis.url import Target
    from pyredis_cli.given import Given, Told
    from pyredis_cli.passwords import PasswordSource
    from pyredis_cli.streams import Streams
    from pyredis_cli.urls import Unsaid

__all__ = ["WITHOUT_ASKING", "conceal", "credentials", "foreseen_credentials"]

_WARNING = (
    "Warning: a password on the command line can be seen by others on this machine; "
    "better use --askpass or REDISCLI_AUTH"
)
WITHOUT_ASKING = "set REDISCLI_AUTH, or give --pass-file"
_PASSWORD_VARIABLES = ("REDISCLI_AUTH", "VALKEYCLI_AUTH")


def conceal(given: Given, target: Target | Unsaid, streams: Streams) -> None:
    """Hide a password of the command line from other users of the machine, and warn that they may have seen it."""
    in_url = target.password or target.options.get("sentinel_password")
    if given.password is None and not (given.url and in_url):
        return
    from pyredis_cli.process_title import hide

    hide([given.password] if given.password else [])
    if not given.no_auth_warning:
        streams.say(_WARNING)


def credentials(
    typed: Given, told: Told, target: Target | Unsaid, environ: Mapping[str, str], streams: Streams
) -> tuple[str | None, str | None, PasswordSource | None]:
    """Return user name and password, and where the files said that it is found, if it was found there.

    An empty password, which only nopass users have, when nobody can answer.
    """
    environ = _without_others(told, environ)
    username = _username(typed, told, target, environ)
    username = _asked_name(streams) if username == "" else username
    if typed.askpass:
        return username, _asked_password(username, streams), None
    for way in _ways(typed, told, target, environ, username):
        by_file = told.source is not None and way.by == told.source.kind
        return username, way.find(), told.source if by_file else None
    if username is not None:
        if typed.no_input:
            raise UsageError(f"--no-input: nobody is asked for the password of {username}; {WITHOUT_ASKING}")
        return username, _asked_password(username, streams) if streams.can_ask else "", None
    return username, None, None


def foreseen_credentials(
    typed: Given, told: Told, target: Target | Unsaid, environ: Mapping[str, str]
) -> tuple[str | None, str]:
    """Return the user name, and by which flag, variable or key the password would be found; "" is by none.

    Nobody is asked and no program is run.
    """
    environ = _without_others(told, environ)
    username = _username(typed, told, target, environ) or None
    way = next(iter(_ways(typed, told, target, environ, username)), None)
    return username, "--askpass" if typed.askpass else way.by if way is not None else ""


def _without_others(told: Told, environ: Mapping[str, str]) -> Mapping[str, str]:
    """Return the environment without user and password where a profile has its own ones."""
    if not told.who:
        return environ
    return {name: value for name, value in environ.items() if name not in (USER, *_PASSWORD_VARIABLES)}


def _username(typed: Given, told: Told, target: Target | Unsaid, environ: Mapping[str, str]) -> str | None:
    """Return the name of the user; "" is one to be asked for."""
    if typed.username is not None:
        return typed.username
    own = told.given.username
    return own if own is not None and told.profile else _named(typed, target, environ) or own


def _named(given: Given, target: Target | Unsaid, environ: Mapping[str, str]) -> str | None:
    """Return the user of the URL, else of the environment, who is another one than a URL's password is for."""
    if given.embedded is not None or target.username is not None or target.password is not None:
        return target.username
    return environ.get(USER) or None


class _Way(NamedTuple):
    """A way to the password: the flag, the variable or the key of a file that names it."""

    by: str
    find: Callable[[], str | None]


def _ways(
    typed: Given, told: Told, target: Target | Unsaid, environ: Mapping[str, str], username: str | None
) -> Iterator[_Way]:
    """Yield the ways to the password of that user, the one that counts first.

    The password of a URL or of a profile belongs to its user.
    """
    if typed.password is not None:
        yield _Way("-a", lambda: typed.password)
    if typed.pass_file is not None:
        yield _Way("--pass-file", lambda: _read_password(str(typed.pass_file)))
    own = told.username or target.username
    in_file = typed.url is None and told.given.url is not None
    of_url = target.username in (None, username) and (username == own or not in_file)
    if target.password is not None and of_url:
        yield _Way("url", lambda: target.password)
    source = told.source
    if source is not None and username != own:
        source = None
    if source is not None and told.who:
        yield _Way(source.kind, lambda: _fetched(source, environ))
    if typed.embedded is None:
        for name in _PASSWORD_VARIABLES:
            if environ.get(name):
                yield _Way(name, lambda name=name: environ[name])  # type: ignore[misc]
    if source is not None:
        yield _Way(source.kind, lambda: _fetched(source, environ))


def _read_password(path: str) -> str:
    from pyredis_cli.passwords import from_file

    return from_file(path)


def _fetched(source: PasswordSource, environ: Mapping[str, str]) -> str:
    from pyredis_cli.passwords import fetched

    return fetched(source, environ)


def _asked_name(streams: Streams) -> str:
    if not streams.can_ask:
        raise UsageError("--user needs a name; without a terminal nobody can be asked for it")
    name = _answer(streams.ask, "User name: ")
    if not name:
        raise UsageError("no user name was typed; give it with --user NAME")
    return name


def _asked_password(username: str | None, streams: Streams) -> str:
    if not streams.can_ask:
        raise UsageError("--askpass needs a terminal to ask on; set REDISCLI_AUTH instead")
    return _answer(streams.ask_hidden, f"Password for {username}: " if username else "Password: ")


def _answer(ask: Callable[[str], str], question: str) -> str:
    try:
        return ask(question)
    except EOFError:
        raise UsageError(f"no answer to {question.rstrip(': ')!r}; nothing was sent") from None
