"""What the program was told, settled: which server, as whom, how, and in what form replies are shown.

It knows which source wins: a flag, then the URL, then the environment, then the files, then the default. Which
server is meant is said by one of them alone. ``-s`` wins over ``-h`` and ``-p``, as in redis-cli. It asks for what
is missing where a person can answer, and sends nothing.
"""

from __future__ import annotations

import os
from types import MappingProxyType

from pyredis.address import TcpAddress, UnixAddress
from pyredis.exceptions import PyRedisURLError
from pyredis.records import NamedTuple, dataclass, field, replace
from pyredis_cli.environment import (
    HOST,
    PORT,
    PROFILE,
    URLS,
    USER,
    flag_of_place,
    has_files,
    variable_of_place,
)
from pyredis_cli.flags import FOR_PROGRAMS, UsageError, read_name, read_port
from pyredis_cli.given import Told

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from typing import Any, Literal, TypeVar

    from pyredis.address import Address
    from pyredis.options import TlsOptions
    from pyredis.url import Target
    from pyredis_cli.flags import NotationName, Output, Theme, When
    from pyredis_cli.given import Given
    from pyredis_cli.passwords import PasswordSource
    from pyredis_cli.places import Group
    from pyredis_cli.streams import Streams

    T = TypeVar("T")

__all__ = [
    "Marks",
    "Profile",
    "Settings",
    "Telling",
    "colored",
    "consulted",
    "foreseen",
    "names_server",
    "settle",
    "with_profile",
    "with_url",
]

_WARNING = (
    "Warning: a password on the command line can be seen by others on this machine; "
    "better use --askpass or REDISCLI_AUTH"
)
_WITHOUT_ASKING = "set REDISCLI_AUTH, or give --pass-file"
_WITH_NULL = ("csv", "tsv", "markdown")
_PASSWORD_VARIABLES = ("REDISCLI_AUTH", "VALKEYCLI_AUTH")


class Profile(NamedTuple):
    """What a session shows of the profile that it was started with.

    ``production``: a dangerous command needs the profile's name typed, and without a terminal a ``--yes``.
    ``color`` is that of the name in the prompt.
    """

    name: str
    production: bool = False
    color: str | None = None


class Marks(NamedTuple):
    """What raw output has around the bytes of values: between elements, between a key and its value, at the end.

    ``null`` is the text for nil.
    """

    delimiter: bytes = b"\n"
    end: bytes = b"\n"
    between: bytes = b" "
    null: bytes = b""


class Telling(NamedTuple):
    """How the command of the arguments is told, and how often: None is for ever.

    ``last_from_stdin``: standard input is its last argument; ``tag``: its argument of that name. ``quoted``: its
    arguments are quoted as lines are.
    """

    times: int | None = 1
    interval: float = 0.0
    last_from_stdin: bool = False
    tag: str | None = None
    quoted: bool = False

    def pauses(self) -> Iterator[float]:
        """Yield the seconds to wait before each run; there is nothing to wait for behind the last."""
        pause, left = 0.0, self.times
        while left is None or left > 0:
            yield pause
            pause = self.interval
            left = None if left is None else left - 1


@dataclass(frozen=True, slots=True)
class Settings:
    """The settings of one run; ``repr`` never shows the password.

    ``cluster``: redirects are followed; ``others`` are nodes that are tried when ``address`` does not answer.
    With a ``group`` it is the sentinels who know where the server is, and ``address`` is the first of them.

    ``yes`` are the commands, in capitals, that nobody is asked about, "" for all of them. ``asks``: a person
    may be asked. ``shell``: the REPL knows ``|`` and ``>``. ``init`` are commands that are run on each new
    connection. ``source`` is where the password was found, and may be found again. ``natmap`` are pairs of
    addresses: what a server calls another one, and where that is reached.

    ``variable`` is that of the environment whose URL says so, empty when the arguments or nobody did; ``notes``
    are more that a person must know of what was not used. ``lenient`` are the keys that say how
    things look and come from a file, and from which part: the REPL's own tables may win over them.
    ``family`` is the version of IP that is preferred, 0 for neither. ``telling`` is about the command that
    stands in the arguments. ``show_pushes`` None: on a terminal.

    None: no limit for a timeout, the tool's choice for ``protocol`` and ``output``, the format's for ``notation``,
    the terminal's for ``theme``, no encryption for ``tls``.
    """

    address: Address = field(default_factory=TcpAddress)
    cluster: bool = False
    others: tuple[TcpAddress, ...] = ()
    group: Group | None = None
    database: int = 0
    username: str | None = None
    password: str | None = field(default=None, repr=False)
    encoding: str = "utf-8"
    conn_timeout: float | None = 5
    read_timeout: float | None = None
    pool_size: int = 16
    protocol: Literal[2, 3] | None = None
    tls: TlsOptions | None = None
    output: Output | None = None
    notation: NotationName | None = None
    marks: Marks = field(default_factory=Marks)
    pager: bool = True
    theme: Theme | None = None
    echo: bool = False
    family: Literal[0, 4, 6] = 0
    client_name: str | None = None
    variable: str = ""
    telling: Telling = field(default_factory=Telling)
    stop_on_error: bool = False
    show_pushes: bool | None = None
    verbose: bool = False
    profile: Profile | None = None
    read_only: bool = False
    yes: frozenset[str] = frozenset()
    asks: bool = True
    shell: bool = True
    init: tuple[tuple[bytes, ...], ...] = field(default=(), repr=False)
    natmap: tuple[tuple[TcpAddress, TcpAddress], ...] = ()
    color: When | None = None
    source: PasswordSource | None = field(default=None, repr=False)
    lenient: Mapping[str, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()

    def at(self, address: Address) -> Settings:
        """Return the same for another server, which is in a cluster if this one is."""
        return replace(self, address=address, others=(), group=None)


def settle(given: Given, environ: Mapping[str, str], streams: Streams) -> Settings:
    """Return the settings that flags, URL, environment and files amount to; ask the person for what is missing.

    Warns of a password that other users of the machine can see. Raises UsageError and PyRedisURLError.
    """
    _check(given)
    told = consulted(given, environ)
    for mistake in told.mistakes:
        streams.say(mistake)
    environ = _of_place(told, environ)
    target = _target(told.given, environ)
    in_url = target.password or target.options.get("sentinel_password")
    if given.password is not None or (given.url and in_url):
        from pyredis_cli.process_title import hide

        hide(given.password)
        if not given.no_auth_warning:
            streams.say(_WARNING)
    username, password, source = _credentials(given, told, target, environ, streams)
    settings = _settings(given, told, target, environ, username, password)
    return settings if source is None else replace(settings, source=source)


def foreseen(given: Given, told: Told, environ: Mapping[str, str]) -> tuple[Settings, str, Target | None]:
    """Return the settings without the password, by which flag, variable or key that would be found, and the URL.

    Nobody is asked and no program is run.
    """
    _check(given)
    environ = _of_place(told, environ)
    target = _target(told.given, environ)
    known = _without_others(told, environ)
    username = _username(given, told, target, known) or None
    way = next(iter(_ways(given, told, target, known, username)), None)
    settings = _settings(given, told, target, environ, username, None)
    by = "--askpass" if given.askpass else way.by if way is not None else ""
    return settings, by, None if isinstance(target, _Unsaid) else target


def _of_place(told: Told, environ: Mapping[str, str]) -> Mapping[str, str]:
    """Return the environment without what says where, if a profile does: nobody else does then."""
    if not told.profile:
        return environ
    return {name: value for name, value in environ.items() if name not in (HOST, PORT, *URLS)}


def _settings(
    typed: Given,
    told: Told,
    target: Target | _Unsaid,
    environ: Mapping[str, str],
    username: str | None,
    password: str | None,
) -> Settings:
    given, options = told.given, target.options
    return Settings(
        **_place(given, target, environ),
        database=_first(given.database, target.database, 0),
        username=username,
        password=password,
        encoding=_first(given.encoding, _encoding(options.get("encoding")), "utf-8"),
        conn_timeout=_first(given.conn_timeout, options.get("conn_timeout", 5.0), 0.0) or None,
        read_timeout=_first(given.read_timeout, options.get("read_timeout"), 0.0) or None,
        pool_size=_first(given.pool_size, options.get("pool_size"), 16),
        protocol=_protocol(given, options.get("protocol")),
        tls=_tls(given, options.get("tls")),
        output="raw" if _marked(given) or (typed.null is not None and typed.output is None) else given.output,
        notation=given.notation,
        marks=_marks(given),
        pager=not given.no_pager,
        theme=given.theme,
        echo=given.echo,
        family=_family(given) or _url_family(options.get("family")) or 0,
        client_name=_first(given.client_name, _url_name(options.get("client_name")), None),
        variable=_url_variable(given, environ),
        telling=Telling(
            given.times if given.times > 0 else None,
            given.interval or 0.0,
            given.last_from_stdin,
            given.tag,
            given.quoted_input,
        ),
        stop_on_error=given.errors,
        show_pushes=given.show_pushes,
        verbose=given.verbose,
        read_only=given.read_only or bool(options.get("read_only")),
        yes=frozenset(verb.upper() for verb in given.yes),
        asks=not given.no_input,
        shell=not given.no_shell,
        natmap=tuple((_address(named), _address(reached)) for named, reached in given.natmap),
        profile=Profile(told.profile, told.production, told.color) if told.profile else None,
        init=told.init,
        color=given.color if typed.color is not None or not environ.get("NO_COLOR") else None,
        lenient=told.lenient,
        notes=told.notes,
    )


def consulted(given: Given, environ: Mapping[str, str]) -> Told:
    """Return what was typed, with what the files say where nothing was; most have none."""
    if given.profile is None and not environ.get(PROFILE) and not has_files(environ):
        return Told(given)
    from pyredis_cli.profiles import consult

    return consult(given, environ)


def colored(settings: Settings, streams: Streams) -> Streams:
    """Return the streams with the colours that were asked for."""
    if settings.color in (None, "auto"):
        return streams
    return replace(streams, color=settings.color == "always")


def with_profile(settings: Settings, name: str, environ: Mapping[str, str], streams: Streams) -> Settings:
    """Return the settings of a session that goes on at the server of a profile, as that says.

    How replies look stays, and how to talk where the profile does not say it; nothing can be written any more
    where that was so before. Raises UsageError and PyRedisURLError.
    """
    from pyredis_cli.given import Given

    given = Given(profile=name)
    fresh = settle(given, environ, streams)
    if fresh.encoding != settings.encoding:
        raise UsageError(
            f"the profile says encoding = {fresh.encoding}; start again with pyredis-cli @{name} for that"
        )
    said = _how_to_talk(consulted(given, environ))
    return replace(
        settings,
        **{field: getattr(fresh, field) for field in _OF_SERVER},
        **{field: getattr(fresh, field) for key, field in _HOW_TO_TALK.items() if key in said},
        natmap=fresh.natmap or _typed_natmap(settings),
        family=fresh.family or settings.family,
        read_only=settings.read_only or fresh.read_only,
    )


def _how_to_talk(told: Told) -> frozenset[str]:
    """Return the keys that the profile says, or its URL; what holds for all holds already."""
    said = {key for key, origin in told.origins.items() if origin.kind == "profile"}
    options = _target(told.given, {}).options
    return frozenset(said | {key for key in _HOW_TO_TALK if _HOW_TO_TALK[key] in options})


_OF_SERVER = (
    *("address", "cluster", "others", "group", "database", "username", "password", "source", "tls"),
    *("profile", "init"),
)
"""The fields that are about one server alone."""
_HOW_TO_TALK = {
    "conn_timeout": "conn_timeout",
    "read_timeout": "read_timeout",
    "pool_size": "pool_size",
    "protocol": "protocol",
    "name": "client_name",
}
"""The keys of a profile that say how to talk, and the fields that they fill."""


def with_url(settings: Settings, url: str) -> Settings:
    """Return the settings of a session that goes on as the URL says.

    Where, as whom, in which database and over TLS or not is the URL's alone: what it leaves out is the default,
    for one server's password is none of another's business. How to talk stays, where the URL does not say it, and
    whether redirects are followed. A read-only session stays so, whatever the URL says.
    Raises PyRedisURLError and UsageError, of which no message shows the password.
    """
    from pyredis_cli.places import place_of, read_url

    target = read_url(url)
    follows = settings.cluster and target.kind == "server" and isinstance(target.address, TcpAddress)
    options = target.options
    encoding = _first(_encoding(options.get("encoding")), None, settings.encoding)
    if encoding != settings.encoding:
        raise UsageError(f"the URL says encoding={encoding}; start again with --encoding {encoding} for that")
    return replace(
        settings,
        **place_of(target, cluster=follows)._asdict(),
        database=_first(target.database, None, 0),
        username=target.username,
        password=_password(target),
        conn_timeout=options.get("conn_timeout", settings.conn_timeout),
        read_timeout=options.get("read_timeout", settings.read_timeout),
        pool_size=_first(options.get("pool_size"), None, settings.pool_size),
        protocol=_url_protocol(options.get("protocol")) or settings.protocol,
        tls=options.get("tls"),
        profile=None,
        source=None,
        init=(),
        natmap=_typed_natmap(settings),
        family=_first(_url_family(options.get("family")), None, settings.family),
        client_name=_first(_url_name(options.get("client_name")), None, settings.client_name),
        read_only=settings.read_only or bool(options.get("read_only")),
    )


def _typed_natmap(settings: Settings) -> tuple[tuple[TcpAddress, TcpAddress], ...]:
    """Return the pairs that hold elsewhere, too: those of a profile are about its network alone."""
    return () if settings.profile is not None else settings.natmap


def _password(target: Target) -> str | None:
    """Return the password of a URL; of a user without one an empty one, which only nopass users have."""
    return "" if target.username is not None and target.password is None else target.password


def _family(given: Given) -> Literal[0, 4, 6]:
    if given.ipv4:
        return 4
    return 6 if given.ipv6 else 0


def _url_family(said: int | None) -> Literal[0, 4, 6] | None:
    match said:
        case None | 0 | 4 | 6:
            return said
    raise UsageError(f"the URL says family={said}; there are 4 and 6")


def _url_name(said: str | None) -> str | None:
    try:
        return said if said is None else read_name(said)
    except ValueError as error:
        raise UsageError(f"the URL says client_name={said}; it {error}") from None


def _tls(given: Given, said: TlsOptions | None) -> TlsOptions | None:
    flags = (given.sni, given.cacert, given.cacertdir, given.cert, given.key)
    ciphers = (given.tls_ciphers, given.tls_ciphersuites)
    if not (said or any(flags) or any(ciphers) or given.tls or given.insecure or given.no_verify_hostname):
        return None
    from pyredis_cli.encryption import encryption

    return encryption(given, said)


class _Unsaid(NamedTuple):
    """What a URL says where there is none, so that the module of URLs need not be loaded."""

    database: None = None
    username: None = None
    password: None = None
    options: Mapping[str, Any] = MappingProxyType({})


def _target(given: Given, environ: Mapping[str, str]) -> Target | _Unsaid:
    """Return what the URL says: the given one, else that of the environment when nothing names a server."""
    if given.url is not None:
        from pyredis_cli.places import read_url

        return read_url(given.url)
    name = _url_variable(given, environ)
    return _read_variable(name, environ[name]) if name else _Unsaid()


def _url_variable(given: Given, environ: Mapping[str, str]) -> str:
    """Return the variable whose URL says where the server is; empty when something nearer does, or nothing."""
    name = "" if flag_of_place(given) else variable_of_place(environ)
    return name if name in URLS else ""


def names_server(given: Given, environ: Mapping[str, str]) -> bool:
    """Return whether flags or the environment name a server, so that it is not the default one."""
    named = given.profile is not None or bool(environ.get(PROFILE) or variable_of_place(environ))
    return named or (given.embedded is None and bool(flag_of_place(given)))


def _read_variable(name: str, url: str) -> Target:
    from pyredis_cli.places import read_url

    try:
        return read_url(url)
    except (PyRedisURLError, UsageError) as error:
        raise UsageError(f"{name}: {error}") from None


def _first(given: T | None, said: T | None, default: T) -> T:
    if given is not None:
        return given
    return said if said is not None else default


def _check(given: Given) -> None:
    where = (given.host, given.port, given.socket, given.url)
    if given.embedded is not None and where != (None, None, None, None):
        raise UsageError("--embedded starts a server of its own; leave out -h, -p, -s and -u")
    if given.url is not None and where[:3] != (None, None, None):
        raise UsageError("the URL says where the server is; leave out -h, -p and -s, or -u")
    if given.cluster and given.embedded is not None:
        raise UsageError("--embedded starts a server that is in no cluster; leave out -c")
    if given.cluster and given.socket is not None:
        raise UsageError("the nodes of a cluster are not reached by a unix socket; leave out -s, or -c")
    if given.no_input and given.askpass:
        raise UsageError(f"--askpass asks, which --no-input forbids; {_WITHOUT_ASKING}")
    if given.no_input and given.username == "":
        raise UsageError("--user needs a name, and with --no-input nobody is asked for it")
    if given.last_from_stdin and given.tag is not None:
        raise UsageError("-x and -X both take standard input; give one of them")
    if given.ipv4 and given.ipv6:
        raise UsageError("-4 and -6 exclude each other; give one of them")
    if given.resp2 and given.resp3:
        raise UsageError("-2 and -3 exclude each other; give one of them")
    if (marked := _marked(given)) and given.output not in (None, "raw"):
        raise UsageError(f"{marked} is for raw output; leave it out, or choose --raw")
    if given.null is not None and given.output not in (None, "raw", *_WITH_NULL):
        raise UsageError(f"--null is for raw output and for {', '.join(_WITH_NULL)}; leave it out")
    if given.notation is not None and given.output not in FOR_PROGRAMS:
        raise UsageError(
            f"--bytes is for {', '.join(sorted(FOR_PROGRAMS))}; choose one of them with --format"
        )
    if given.zero and (given.delimiter, given.reply_end) != (None, None):
        raise UsageError("-0 puts NUL where -d and -D put theirs; leave it out, or them")


def _marked(given: Given) -> str:
    """Return the flag that says what stands around the values of raw output, "" when there is none."""
    flags = {
        "-d": given.delimiter is not None,
        "-D": given.reply_end is not None,
        "-0": given.zero,
    }
    return next((flag for flag, is_given in flags.items() if is_given), "")


def _marks(given: Given) -> Marks:
    marks = Marks(b"\0", b"\0", b"\0") if given.zero else Marks()
    said = {"delimiter": given.delimiter, "end": given.reply_end, "null": given.null}
    # As they came in the arguments, whatever the encoding of values.
    return marks._replace(**{name: os.fsencode(text) for name, text in said.items() if text is not None})


def _place(given: Given, target: Target | _Unsaid, environ: Mapping[str, str]) -> dict[str, Any]:
    """Return where the server is, by the fields that say it."""
    if not isinstance(target, _Unsaid):
        from pyredis_cli.places import place_of

        return place_of(target, cluster=given.cluster)._asdict()
    if given.socket is not None:
        return {"address": UnixAddress(given.socket)}
    host = _first(given.host, environ.get(HOST) or None, "127.0.0.1")
    port = given.port if given.port is not None else _port(environ)
    return {"address": TcpAddress(host, port), "cluster": given.cluster}


def _address(text: str) -> TcpAddress:
    host, _, port = text.rpartition(":")
    return TcpAddress(host.strip("[]"), int(port))


def _port(environ: Mapping[str, str]) -> int:
    text = environ.get(PORT) or "6379"
    try:
        return read_port(text)
    except ValueError as error:
        raise UsageError(f"{PORT} {error}, not {text!r}") from None


def _encoding(said: str | None) -> str | None:
    if said is None:
        return None
    from pyredis.options import checked_encoding

    try:
        return checked_encoding(said)
    except ValueError as error:
        raise UsageError(f"the URL says encoding={said}: {error}") from None


def _protocol(given: Given, said: int | None) -> Literal[2, 3] | None:
    if given.resp2 or given.resp3:
        return 2 if given.resp2 else 3
    return _url_protocol(said)


def _url_protocol(said: int | None) -> Literal[2, 3] | None:
    match said:
        case None | 2 | 3:
            return said
    raise UsageError(f"the URL says protocol={said}; there are 2 and 3")


def _credentials(
    typed: Given, told: Told, target: Target | _Unsaid, environ: Mapping[str, str], streams: Streams
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
            raise UsageError(f"--no-input: nobody is asked for the password of {username}; {_WITHOUT_ASKING}")
        return username, _asked_password(username, streams) if streams.can_ask else "", None
    return username, None, None


def _without_others(told: Told, environ: Mapping[str, str]) -> Mapping[str, str]:
    """Return the environment without user and password where a profile has its own ones."""
    if not told.who:
        return environ
    return {name: value for name, value in environ.items() if name not in (USER, *_PASSWORD_VARIABLES)}


def _username(typed: Given, told: Told, target: Target | _Unsaid, environ: Mapping[str, str]) -> str | None:
    """Return the name of the user; "" is one to be asked for."""
    if typed.username is not None:
        return typed.username
    own = told.given.username
    return own if own is not None and told.profile else _named(typed, target, environ) or own


class _Way(NamedTuple):
    """A way to the password: the flag, the variable or the key of a file that names it."""

    by: str
    find: Callable[[], str | None]


def _ways(
    typed: Given, told: Told, target: Target | _Unsaid, environ: Mapping[str, str], username: str | None
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


def _named(given: Given, target: Target | _Unsaid, environ: Mapping[str, str]) -> str | None:
    """Return the user of the URL, else of the environment, who is another one than a URL's password is for."""
    if given.embedded is not None or target.username is not None or target.password is not None:
        return target.username
    return environ.get(USER) or None


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
