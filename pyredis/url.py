"""What a URL says about servers: where they are, as whom, in which database and how to talk to them.

    redis://[user[:password]@]host[:port][/database][?option=value&...]      also valkey://
    rediss://...                                      the same over TLS;     also valkeys://
    unix://[user[:password]@]/path/to/socket[?db=database&...]
    cluster://[user[:password]@]host[:port][,host[:port]...][/database][?...]
    hash://...                                        fixed servers that share the keys
    sentinel://[...@]host[:port][,...]/group[/database][?...]    or ?name=group; one,two are groups that share keys
    pubsub://[...@]host[:port][...]                   a client that listens
    redis+cluster://, redis+sentinel://, ...          the same; rediss+... over TLS; also valkey+..., valkeys+...

User, password, host, path and values are percent-decoded; the last ``@`` ends the user and password, so a
password may hold one unescaped. Before it no option is taken: with ``?name=`` or ``&name=`` there, nobody can tell
whether the ``@`` is one of a password or of an option's value. One word before the ``@`` is the password, as in
redis-cli. Options are those of a pool, and for TLS the flags of redis-cli: ``cacert``, ``cacertdir``, ``cert``,
``key``, ``sni``, ``insecure``, ... What redis-py calls ``ssl_cert_reqs``, ``socket_timeout`` and the like, as
many a ``REDIS_URL`` does, is understood. User and password are the servers'; those of sentinels are the options
``sentinel_username`` and ``sentinel_password``. No message shows the password.
"""

from __future__ import annotations

import re

from pyredis.address import TcpAddress, UnixAddress
from pyredis.exceptions import PyRedisURLError
from pyredis.options import TlsOptions, checked_timeout
from pyredis.records import dataclass, field

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Any, Final, Literal, TypeAlias, TypeVar

    from pyredis.address import Address

    Kind: TypeAlias = Literal["server", "cluster", "hash", "sentinel", "pubsub"]
    _Built = TypeVar("_Built")

__all__ = ["SCHEMES", "Kind", "Target", "build", "masked", "parse"]

_BASES: Final = {"redis": False, "rediss": True, "valkey": False, "valkeys": True}
_KINDS: Final[tuple[Kind, ...]] = ("cluster", "hash", "sentinel", "pubsub")
SCHEMES: Final[dict[str, tuple[Kind, bool]]] = {
    **{base: ("server", tls) for base, tls in _BASES.items()},
    "unix": ("server", False),
    **{kind: (kind, False) for kind in _KINDS},
    **{f"{base}+{kind}": (kind, tls) for kind in _KINDS for base, tls in _BASES.items()},
}
"""What each scheme stands for, and whether over TLS."""


@dataclass(frozen=True, slots=True)
class Target:
    """What a URL said; None where it said nothing. ``options`` are named as those of the pool.

    ``others`` are the addresses after the first one; ``groups`` the names that sentinels know.
    """

    address: Address
    database: int | None = None
    username: str | None = None
    password: str | None = field(default=None, repr=False)
    options: dict[str, Any] = field(default_factory=dict, repr=False)  # which may hold a sentinel's password
    kind: Kind = "server"
    others: tuple[TcpAddress, ...] = ()
    groups: tuple[str, ...] = ()

    def arguments(self, given: Mapping[str, Any]) -> dict[str, Any]:
        """Return the keyword arguments of a pool or client: what the URL said, except where ``given`` says it.

        A password of a URL belongs to its user in that URL, so it is not used for another one. ValueError when
        ``given`` says where the server is, too, or takes away the TLS that the URL asks for.
        """
        for name in ("host", "port", "unix_sock", "seeds", "buckets", "sentinels", "name"):
            if name in given:
                raise ValueError(f"the URL says where the server is; leave out {name}")
        if "tls" in self.options and not given.get("tls", True):
            raise ValueError("the URL asks for TLS; leave out tls, or write redis:// or valkey://")
        own = self._said()
        for user, password in (("username", "password"), ("sentinel_username", "sentinel_password")):
            if own.get(user) not in (None, given.get(user, own.get(user))):
                own.pop(password, None)
        if not given.keys().isdisjoint(_SPELLINGS):
            own = {name: value for name, value in own.items() if name not in _SPELLINGS}
        return {**own, **given}

    def _said(self) -> dict[str, Any]:
        said: dict[str, Any] = dict(self.options)
        for name in ("database", "username", "password"):
            if getattr(self, name) is not None:
                said[name] = getattr(self, name)
        return {**self._where(), **said}

    def _where(self) -> dict[str, Any]:
        if isinstance(self.address, UnixAddress):
            return {"unix_sock": self.address.path}
        pairs = [(address.host, address.port) for address in (self.address, *self.others)]
        match self.kind:
            case "cluster":
                return {"seeds": pairs}
            case "hash":
                return {"buckets": pairs}
            case "sentinel" if len(self.groups) > 1:
                return {"sentinels": pairs, "buckets": list(self.groups)}
            case "sentinel":
                return {"sentinels": pairs, "name": self.groups[0]}
        return {"host": self.address.host, "port": self.address.port}


def masked(url: str) -> str:
    """Return the URL, fit to be printed, with ``***`` for whatever may be a part of a password.

    Without an ``@``, what stands in the place of a port and is none may be one, and so may what follows it. An
    ``@`` in an option leaves only the scheme. Values are shown of options that exist.
    """
    scheme, rest = _split(url)
    userinfo, at, where = rest.rpartition("@")
    if _ends_in_an_option(userinfo):
        shown = "***"
    elif at:
        shown = f"{_masked_user(userinfo)}@{_masked_query(where)}"
    else:
        shown = _masked_query(_masked_ports(where))
    shown = f"{scheme}://{shown}" if scheme else shown
    return shown if shown.isprintable() else repr(shown)[1:-1]


def _split(url: str) -> tuple[str, str]:
    """Return the scheme, empty when there is none, and what follows it."""
    scheme, separator, rest = url.partition("://")
    named = separator and scheme.isascii() and scheme[:1].isalpha()
    return (scheme, rest) if named and not scheme.lstrip(_IN_SCHEMES) else ("", url)


def _ends_in_an_option(userinfo: str) -> bool:
    """Whether an option stands before the last ``@``."""
    # Most URLs are spared the pattern, which takes longer to compile than all else.
    return ("?" in userinfo or "&" in userinfo) and re.search(_OPTION, userinfo) is not None


def _masked_user(userinfo: str) -> str:
    user, colon, _ = userinfo.partition(":")
    return f"{user}:***" if colon and "@" not in user else "***"


def _masked_ports(where: str) -> str:
    """Return where the servers are, up to a port that is none."""
    for found in re.finditer(_IPV6_OR_PORT, re.split(r"[/?]", where, maxsplit=1)[0]):
        if found[1] and not _is_port(found[1]):
            return f"{where[: found.start(1)]}***"
    return where


def _masked_query(where: str) -> str:
    """Return where the servers are and the options; a name after a secret may be the rest of it, behind an &."""
    place, mark, query = where.partition("?")
    shown = []
    after_secret = False
    for option in query.split("&"):
        name, equals, _ = option.partition("=")
        secret = bool(equals) and (name not in _READERS or name in _SECRET)
        if after_secret and name not in _READERS:
            shown.append("***")
        else:
            shown.append(f"{name}=***" if secret else option)
        after_secret = after_secret or secret
    return place + mark + "&".join(shown)


_IN_SCHEMES: Final = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+.-"
_IPV6_OR_PORT: Final = r"\[[^]]*\]|:([^,]*)"


def parse(url: str, *, any_kind: bool = False) -> Target:
    """Return what the URL says; PyRedisURLError says what is wrong with it.

    What is more than one server, or a client that only listens, is an error unless ``any_kind`` is welcome.
    """
    if not isinstance(url, str):
        raise TypeError(f"a URL is a str, not {type(url).__name__}")
    scheme, rest = _split(url)
    if not scheme:
        raise PyRedisURLError(f"'{masked(url)}' is not a URL; write redis://host:port/database")
    scheme = scheme.lower()
    if scheme not in SCHEMES:
        simple = [name for name in SCHEMES if "+" not in name]
        raise PyRedisURLError(
            f"unknown scheme {scheme!r} in {masked(url)}; use {', '.join(simple)}, "
            "or two of them as in redis+sentinel or rediss+cluster"
        )
    kind, _ = SCHEMES[scheme]
    if kind != "server" and not any_kind:
        raise PyRedisURLError(f"{masked(url)} is no URL of one server; pyredis.get_by_url() takes it")
    userinfo, _, where = rest.rpartition("@")
    if _ends_in_an_option(userinfo):
        raise PyRedisURLError(
            f"an option before the last @ of {masked(url)}; write an @ of an option as %40, "
            "and the ? or & of a password as %3F or %26"
        )
    where, _, query = where.partition("?")
    try:
        return _target(scheme, userinfo, where, query)
    except ValueError as error:
        raise PyRedisURLError(f"{error} in {masked(url)}") from None


def build(make: Callable[..., _Built], target: Target, url: str, given: Mapping[str, Any]) -> _Built:
    """Return what ``make`` makes of the target of the URL, and of what is given beside it.

    What ``make`` refuses of the URL is PyRedisURLError; what it refuses of ``given`` stays its own ValueError.
    """
    arguments = target.arguments(given)
    try:
        return make(**arguments)
    except ValueError as error:
        own = {name: value for name, value in arguments.items() if name not in given}
        refusal = _refusal(make, own) if given else str(error)
        if refusal is None:
            raise
        raise PyRedisURLError(f"{refusal} in {masked(url)}") from None


def _refusal(make: Callable[..., object], arguments: Mapping[str, Any]) -> str | None:
    """Return what ``make`` says against the arguments; None when it takes them, or needs more to tell."""
    try:
        make(**arguments)
    except ValueError as error:
        return str(error)
    except TypeError:
        return None
    return None


# What is said below is followed by "in" and the URL without its password.


def _target(scheme: str, userinfo: str, where: str, query: str) -> Target:
    kind, encrypted = SCHEMES[scheme]
    if kind in _SEVERAL and "," in userinfo:
        raise ValueError(
            "a comma before the last @ (user and password stand once, before the first host; "
            "a comma in them is %2C)"
        )
    username, password = _credentials(userinfo)
    if scheme == "unix":
        address = _unix(where, userinfo)
        options = _options(query, kind, encrypted=encrypted)
        return Target(address, options.pop("db", None), username, password, options)
    hosts, _, path = where.partition("/")
    first, *others = _servers(
        hosts, kind
    )  # before the options: what follows a port that is none may be a password
    options = _options(query, kind, encrypted=encrypted)
    groups: tuple[str, ...] = ()
    if kind == "sentinel":
        groups, path = _groups(path, options)
    if path and "db" in options:
        raise ValueError(f"two databases, /{path} and db={options['db']},")
    database = _database(path) if path else options.pop("db", None)
    return Target(first, database, username, password, options, kind, tuple(others), groups)


def _servers(hosts: str, kind: Kind) -> list[TcpAddress]:
    several = "," in hosts
    if several and kind not in _SEVERAL:
        raise ValueError("two hosts (cluster, hash and sentinel URLs take several)")
    default = 26379 if kind == "sentinel" else 6379
    return [_tcp(host, default, empty=not several) for host in hosts.split(",")]


_SEVERAL: Final = ("cluster", "hash", "sentinel")


def _groups(path: str, options: dict[str, Any]) -> tuple[tuple[str, ...], str]:
    """Return the names of the groups, from the path or the option ``name``, and what is left of the path."""
    first, _, rest = path.partition("/")
    named = options.pop("name", None)
    if named is None:
        named, path = _unquoted(first), rest
    elif rest or (first and not first.isdigit()):
        raise ValueError("the name of the group twice")
    groups = tuple(named.split(","))
    if not all(groups):
        raise ValueError("no name of a group (write sentinel://host/mymaster, or ?name=mymaster)")
    return groups, path


def _unquoted(text: str) -> str:
    """Return the text with its percent-escapes read; bytes outside UTF-8 are kept by surrogateescape."""
    if "%" not in text:
        return text
    if re.search(_BAD_ESCAPE, text):
        raise ValueError("a % that is followed by no two hexadecimal digits (write a bare one as %25)")
    # Imported where it is needed: most programs that import this module at start-up never read such a URL.
    from urllib.parse import unquote

    return unquote(text, errors="surrogateescape")


_BAD_ESCAPE: Final = r"%(?![0-9a-fA-F]{2})"


def _credentials(userinfo: str) -> tuple[str | None, str | None]:
    first, colon, second = userinfo.partition(":")
    user, password = (first, second) if colon else ("", first)
    return _unquoted(user) or None, _unquoted(password) or None


def _unix(path: str, userinfo: str) -> UnixAddress:
    if userinfo and not path.startswith("/"):
        raise ValueError("no path of a socket after the last @ (write an @ of the path as %40)")
    if not path.startswith("/"):
        raise ValueError("no path of a socket (write unix:///path/to/socket)")
    if userinfo.startswith("/"):
        raise ValueError(
            "a path before the last @ (write an @ of the path as %40, a slash that starts a password as %2F)"
        )
    path = _unquoted(path)
    if "\0" in path:
        raise ValueError("a zero byte in the path of the socket")
    return UnixAddress(path)


def _tcp(hostport: str, default: int, *, empty: bool) -> TcpAddress:
    """Return the address of one host; ``empty`` stands for this machine."""
    if not hostport and not empty:
        raise ValueError("a comma without a host")
    if hostport.startswith("["):
        host, bracket, tail = hostport[1:].partition("]")
        host, port = _unquoted(host), tail[1:]
        if not (bracket and re.fullmatch(_IPV6, host)) or (tail and not tail.startswith(":")):
            raise ValueError("no host (an IPv6 address stands in brackets, [::1]:6379)")
    else:
        host, _, port = hostport.partition(":")
        if ":" in port:
            raise ValueError("two ports (an IPv6 address stands in brackets, [::1]:6379)")
        host = _host(_unquoted(host))
    if port and not _is_port(port):
        raise ValueError("the port is not a number from 1 to 65535")
    return TcpAddress(host or "127.0.0.1", int(port or default))


def _host(name: str) -> str:
    for character in name:
        if character in _NO_HOST or not character.isprintable():
            raise ValueError(f"the character {character!r}, which no host holds,")
    return name


_NO_HOST: Final = frozenset(" #%,/:?@[\\]")
_IPV6: Final = r"[0-9A-Fa-f.]*:[0-9A-Fa-f.:]*(%[\w.-]+)?"  # with the zone of a link-local one


def _is_port(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) < 6 and 0 < int(text) < 65536


def _database(text: str) -> int:
    try:
        return _whole(_unquoted(text))
    except ValueError as error:
        raise ValueError(f"database {error}") from None


# -- options: how the value of each is read


def _whole(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) < 10):
        raise ValueError(f"{text!r} is not a number")
    return int(text)


def _seconds(text: str) -> float | None:
    """Return a limit; ``none`` is no limit."""
    if text.lower() == "none":
        return None
    try:
        return checked_timeout("it", float(text)) if float(text) else 0.0
    except ValueError:
        raise ValueError(f"{text!r} is not a number of seconds") from None


def _limit(text: str) -> float | None:
    """Return a limit, None for none: both ``none`` and 0 say so."""
    return _seconds(text) or None


def _truth(text: str) -> bool:
    if text.lower() not in _TRUTHS:
        raise ValueError(f"{text!r} is neither yes nor no")
    return _TRUTHS[text.lower()]


def _filled(text: str) -> str:
    if not text:
        raise ValueError("it is empty")
    return text


_TRUTHS: Final = {"yes": True, "true": True, "1": True, "no": False, "false": False, "0": False}

_TLS_FIELDS: Final = {
    "cacert": "ca_file",
    "cacertdir": "ca_folder",
    "cert": "cert_file",
    "key": "key_file",
    "sni": "server_name",
    "insecure": "verify",
    "verify_hostname": "verify_hostname",
    "tls_ciphers": "ciphers",
    "tls_ciphersuites": "ciphersuites",
}
"""The options of TLS, spelt as redis-cli spells its flags, and the fields of ``TlsOptions`` that they fill."""

_CERT_REQS: Final = {"none": True, "optional": False, "required": False}


def _unverified(text: str) -> bool:
    """Return whether nothing is verified; a client cannot have a server choose."""
    word = text.lower().removeprefix("cert_")
    if word not in _CERT_REQS:
        raise ValueError(f"{text!r} is neither none nor required")
    return _CERT_REQS[word]


_OF_REDIS_PY: Final[dict[str, tuple[str, Callable[[str], Any]]]] = {
    "socket_connect_timeout": ("conn_timeout", _limit),
    "socket_timeout": ("read_timeout", _limit),
    "ssl_ca_certs": ("cacert", _filled),
    "ssl_ca_path": ("cacertdir", _filled),
    "ssl_cert_reqs": ("insecure", _unverified),
    "ssl_certfile": ("cert", _filled),
    "ssl_check_hostname": ("verify_hostname", _truth),
    "ssl_keyfile": ("key", _filled),
}
"""Options as redis-py spells them, what they are called here, and how each is read."""

_READERS: Final[dict[str, Callable[[str], Any]]] = {
    "acquire_timeout": _seconds,
    "client_name": _filled,
    "close_on_err": _truth,
    "conn_timeout": _limit,
    "db": _whole,
    "encoding": str,
    "family": _whole,
    "health_check_interval": _limit,
    "pool_size": _whole,
    "protocol": _whole,
    "read_only": _truth,
    "read_timeout": _limit,
    **dict.fromkeys(_TLS_FIELDS, _filled),
    "insecure": _truth,
    "verify_hostname": _truth,
    "name": _filled,
    "replica_ok": _truth,
    "retries": _whole,
    "sentinel_password": _filled,
    "sentinel_username": _filled,
    "slave_ok": _truth,
    **{name: reader for name, (_, reader) in _OF_REDIS_PY.items()},
}
"""The options that a query may hold, and how each is read."""

_POOLS: Final = ("server", "cluster", "hash", "sentinel")
_SPELLINGS: Final = ("replica_ok", "slave_ok")  # of one option
_ONLY: Final[Mapping[str, tuple[Kind, ...]]] = {
    **dict.fromkeys(("acquire_timeout", "close_on_err", "pool_size"), _POOLS),
    **dict.fromkeys(_SPELLINGS, ("cluster", "sentinel")),
    "read_only": _POOLS,
    **dict.fromkeys(("name", "retries", "sentinel_password", "sentinel_username"), ("sentinel",)),
}
"""The options that not every kind of URL may hold, and which may."""
_SECRET: Final = ("sentinel_password",)

_OPTION: Final = r"[?&][A-Za-z_][\w.%+-]*="
"""An option whose value holds the last ``@``, or a part of a password: nobody can tell, so it is refused."""


def _options(query: str, kind: Kind, *, encrypted: bool) -> dict[str, Any]:
    said: dict[str, Any] = {}
    for option in filter(None, query.split("&")):
        name, equals, value = option.partition("=")
        if name not in _READERS:
            if not said.keys().isdisjoint(_SECRET):  # whose rest it may be
                raise ValueError("an unknown option after a password (write an & of a value as %26)")
            known = sorted(
                option for option in _READERS.keys() - _OF_REDIS_PY if kind in _ONLY.get(option, (kind,))
            )
            raise ValueError(f"unknown option {name!r} (there are {', '.join(known)})")
        if kind not in _ONLY.get(name, (kind,)):
            raise ValueError(f"option {name}, which is for {' and '.join(_ONLY[name])} URLs,")
        own, _ = _OF_REDIS_PY.get(name, (name, None))
        if own in said:
            raise ValueError(f"option {own} twice")
        if not equals:
            raise ValueError(f"option {name} without a value")
        try:
            said[own] = _READERS[name](_unquoted(value))
        except ValueError as error:
            raise ValueError(f"option {name}: {error}") from None
    if len({said[name] for name in _SPELLINGS if name in said}) > 1:
        raise ValueError("replica_ok and slave_ok, which mean the same, say different things")
    return _with_tls(said, encrypted=encrypted)


def _with_tls(said: dict[str, Any], *, encrypted: bool) -> dict[str, Any]:
    """Return the options with those of TLS made one."""
    fields = {_TLS_FIELDS[name]: said.pop(name) for name in _TLS_FIELDS if name in said}
    if fields and not encrypted:
        raise ValueError("TLS options without TLS (write rediss or valkeys, rediss+cluster, ...)")
    if "verify" in fields:
        fields["verify"] = not fields["verify"]  # insecure=yes
    return {**said, "tls": TlsOptions(**fields)} if encrypted else said
