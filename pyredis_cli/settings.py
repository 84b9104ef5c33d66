"""What the program was told, settled: which server, as whom, how, and in what form replies are shown.

It knows which source wins: a flag, then the URL, then the environment, then the files, then the default. Which
server is meant is said by one of them alone. ``-s`` wins over ``-h`` and ``-p``, as in redis-cli. It sends
nothing.
"""

from __future__ import annotations

import os

from pyredis.address import TcpAddress, UnixAddress
from pyredis.records import NamedTuple, dataclass, field, replace
from pyredis_cli.credentials import conceal, credentials, foreseen_credentials
from pyredis_cli.environment import HOST, PORT, PROFILE, URLS, flag_of_place, has_files, variable_of_place
from pyredis_cli.exclusions import check, marked
from pyredis_cli.flags import UsageError, read_host, read_port
from pyredis_cli.given import Told
from pyredis_cli.urls import Unsaid, encoding_of, family_of, name_of, protocol_of, target_of, variable_of_url

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
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
]


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
    ``of_profile`` are the fields of how to talk that the profile has filled: they end with it.
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
    reveal: bool = False
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
    of_profile: frozenset[str] = frozenset()

    def at(self, address: Address) -> Settings:
        """Return the same for another server, which is in a cluster if this one is."""
        return replace(self, address=address, others=(), group=None)


def settle(given: Given, environ: Mapping[str, str], streams: Streams) -> Settings:
    """Return the settings that flags, URL, environment and files amount to; ask the person for what is missing.

    Warns of a password that other users of the machine can see. Raises UsageError and PyRedisURLError.
    """
    check(given)
    told = consulted(given, environ)
    for mistake in told.mistakes:
        streams.say(mistake)
    environ = _of_place(told, environ)
    target = target_of(told.given, environ)
    conceal(given, target, streams)
    username, password, source = credentials(given, told, target, environ, streams)
    settings = _settings(given, told, target, environ, username, password)
    return settings if source is None else replace(settings, source=source)


def foreseen(given: Given, told: Told, environ: Mapping[str, str]) -> tuple[Settings, str, Target | None]:
    """Return the settings without the password, by which flag, variable or key that would be found, and the URL.

    Nobody is asked and no program is run.
    """
    check(given)
    environ = _of_place(told, environ)
    target = target_of(told.given, environ)
    username, by = foreseen_credentials(given, told, target, environ)
    settings = _settings(given, told, target, environ, username, None)
    return settings, by, None if isinstance(target, Unsaid) else target


def _of_place(told: Told, environ: Mapping[str, str]) -> Mapping[str, str]:
    """Return the environment without what says where, if a profile does: nobody else does then."""
    if not told.profile:
        return environ
    return {name: value for name, value in environ.items() if name not in (HOST, PORT, *URLS)}


def _settings(
    typed: Given,
    told: Told,
    target: Target | Unsaid,
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
        encoding=_first(given.encoding, encoding_of(options.get("encoding")), "utf-8"),
        conn_timeout=_first(given.conn_timeout, options.get("conn_timeout", 5.0), 0.0) or None,
        read_timeout=_first(given.read_timeout, options.get("read_timeout"), 0.0) or None,
        pool_size=_first(given.pool_size, options.get("pool_size"), 16),
        protocol=_protocol(given, options.get("protocol")),
        tls=_tls(given, options.get("tls")),
        output="raw" if marked(given) or (typed.null is not None and typed.output is None) else given.output,
        notation=given.notation,
        marks=_marks(given),
        reveal=given.reveal,
        pager=not given.no_pager,
        theme=given.theme,
        echo=given.echo,
        family=_family(given) or family_of(options.get("family")) or 0,
        client_name=_first(given.client_name, name_of(options.get("client_name")), None),
        variable=variable_of_url(given, environ),
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
        of_profile=_of_profile(given, told, options) if told.profile else frozenset(),
    )


_HOW_TO_TALK = {
    "conn_timeout": "conn_timeout",
    "read_timeout": "read_timeout",
    "pool_size": "pool_size",
    "protocol": "protocol",
    "name": "client_name",
    "family": "family",
}
"""The keys of a profile, and of its URL, that say how to talk, and the fields that they fill."""


def _of_profile(given: Given, told: Told, options: Mapping[str, Any]) -> frozenset[str]:
    """Return the fields of how to talk that the profile fills, or its URL where nothing nearer says them."""
    by_key = {key for key, origin in told.origins.items() if origin.kind == "profile"}
    nearer = {"protocol": given.resp2 or given.resp3, "family": _family(given)}
    by_url = {field for field in options if not nearer.get(field, getattr(given, field, None))}
    return frozenset(field for key, field in _HOW_TO_TALK.items() if key in by_key or field in by_url)


def consulted(given: Given, environ: Mapping[str, str]) -> Told:
    """Return what was typed, with what the files say where nothing was; most have none."""
    if given.profile is None and not environ.get(PROFILE) and not has_files(environ):
        return Told(given)
    from pyredis_cli.config.profiles import consult

    return consult(given, environ)


def colored(settings: Settings, streams: Streams) -> Streams:
    """Return the streams with the colours that were asked for."""
    if settings.color in (None, "auto"):
        return streams
    return replace(streams, color=settings.color == "always")


def _family(given: Given) -> Literal[0, 4, 6]:
    if given.ipv4:
        return 4
    return 6 if given.ipv6 else 0


def _tls(given: Given, said: TlsOptions | None) -> TlsOptions | None:
    flags = (given.sni, given.cacert, given.cacertdir, given.cert, given.key)
    ciphers = (given.tls_ciphers, given.tls_ciphersuites)
    if not (said or any(flags) or any(ciphers) or given.tls or given.insecure or given.no_verify_hostname):
        return None
    from pyredis_cli.encryption import encryption

    return encryption(given, said)


def names_server(given: Given, environ: Mapping[str, str]) -> bool:
    """Return whether flags or the environment name a server, so that it is not the default one."""
    named = given.profile is not None or bool(environ.get(PROFILE) or variable_of_place(environ))
    return named or (given.embedded is None and bool(flag_of_place(given)))


def _first(given: T | None, said: T | None, default: T) -> T:
    if given is not None:
        return given
    return said if said is not None else default


def _marks(given: Given) -> Marks:
    marks = Marks(b"\0", b"\0", b"\0") if given.zero else Marks()
    said = {"delimiter": given.delimiter, "end": given.reply_end, "null": given.null}
    # As they came in the arguments, whatever the encoding of values.
    return marks._replace(**{name: os.fsencode(text) for name, text in said.items() if text is not None})


def _place(given: Given, target: Target | Unsaid, environ: Mapping[str, str]) -> dict[str, Any]:
    """Return where the server is, by the fields that say it."""
    if not isinstance(target, Unsaid):
        from pyredis_cli.places import place_of

        return place_of(target, cluster=given.cluster)._asdict()
    if given.socket is not None:
        return {"address": UnixAddress(given.socket)}
    host = given.host if given.host is not None else _host(environ)
    port = given.port if given.port is not None else _port(environ)
    return {"address": TcpAddress(host, port), "cluster": given.cluster}


def _address(text: str) -> TcpAddress:
    host, _, port = text.rpartition(":")
    return TcpAddress(host.strip("[]"), int(port))


def _host(environ: Mapping[str, str]) -> str:
    try:
        return read_host(environ.get(HOST) or "127.0.0.1")
    except ValueError:
        raise UsageError(f"{HOST} must be a name or an address; {URLS[0]} takes a URL") from None


def _port(environ: Mapping[str, str]) -> int:
    text = environ.get(PORT) or "6379"
    try:
        return read_port(text)
    except ValueError as error:
        raise UsageError(f"{PORT} {error}, not {text!r}") from None


def _protocol(given: Given, said: int | None) -> Literal[2, 3] | None:
    if given.resp2 or given.resp3:
        return 2 if given.resp2 else 3
    return protocol_of(said)
