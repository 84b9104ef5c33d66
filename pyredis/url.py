"""What a URL says about a server: where it is, as whom and in which database to talk to it.

    redis://[user[:password]@]host[:port][/database][?option=value&...]      also valkey://
    unix://[user[:password]@]/path/to/socket[?db=database&...]

User, password, path and values are percent-decoded; the last ``@`` ends the user and password, so a password may
hold one unescaped. One word before the ``@`` is the password, as in redis-cli. No message shows the password.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from pyredis.address import Address, TcpAddress, UnixAddress
from pyredis.exceptions import PyRedisURLError

__all__ = ["SCHEMES", "Target", "masked", "parse"]

SCHEMES = ("redis", "valkey", "unix")
_ENCRYPTED = ("rediss", "valkeys")


@dataclass(frozen=True, slots=True)
class Target:
    """What a URL said; None where it said nothing. ``options`` are named as those of the pool."""

    address: Address
    database: int | None = None
    username: str | None = None
    password: str | None = field(default=None, repr=False)
    options: dict[str, Any] = field(default_factory=dict)


def masked(url: str) -> str:
    """Return the URL with its password as ``***``."""
    scheme, separator, rest = url.partition("://")
    userinfo, at, where = rest.rpartition("@")
    if not at:
        return url
    user, colon, _ = userinfo.partition(":")
    return f"{scheme}{separator}{user}:***@{where}" if colon else f"{scheme}{separator}***@{where}"


def parse(url: str) -> Target:
    """Return what the URL says; PyRedisURLError says what is wrong with it."""
    scheme, separator, rest = url.partition("://")
    if not separator:
        raise PyRedisURLError(f"{masked(url)!r} is not a URL; write redis://host:port/database")
    scheme = scheme.lower()
    if scheme in _ENCRYPTED:
        raise PyRedisURLError(f"{scheme}:// needs TLS, which this version does not speak yet: {masked(url)}")
    if scheme not in SCHEMES:
        raise PyRedisURLError(
            f"unknown scheme {scheme!r} in {masked(url)}; use {', '.join(SCHEMES[:-1])} or {SCHEMES[-1]}"
        )
    userinfo, _, where = rest.rpartition("@")
    where, _, query = where.partition("?")
    username, password = _credentials(userinfo)
    options = _options(query, url)
    database = options.pop("db", None)
    address: Address
    if scheme == "unix":
        address = _unix(where, url)
    else:
        address, path = _tcp(where, url)
        database = _database(path, url) if path else database
    return Target(address, database, username, password, options)


def _unquoted(text: str) -> str:
    """Return the text with its percent-escapes read."""
    # Imported where a URL is read: most programs that import this module at start-up never read one.
    from urllib.parse import unquote

    return unquote(text)


def _credentials(userinfo: str) -> tuple[str | None, str | None]:
    first, colon, second = userinfo.partition(":")
    user, password = (first, second) if colon else ("", first)
    return _unquoted(user) or None, _unquoted(password) or None


def _unix(path: str, url: str) -> UnixAddress:
    if not path.startswith("/"):
        raise PyRedisURLError(f"no path of a socket in {masked(url)}; write unix:///path/to/socket")
    return UnixAddress(_unquoted(path))


def _tcp(where: str, url: str) -> tuple[TcpAddress, str]:
    hostport, _, path = where.partition("/")
    if hostport.startswith("["):
        host, bracket, tail = hostport[1:].partition("]")
        if not bracket or (tail and not tail.startswith(":")):
            raise PyRedisURLError(f"no host in {masked(url)}; an IPv6 address stands in brackets, [::1]:6379")
        port = tail[1:]
    else:
        host, _, port = hostport.partition(":")
        if ":" in port:
            raise PyRedisURLError(
                f"two ports in {masked(url)}; an IPv6 address stands in brackets, [::1]:6379"
            )
    return _address(_unquoted(host) or "127.0.0.1", port, url), path


def _address(host: str, port: str, url: str) -> TcpAddress:
    if port and not (port.isascii() and port.isdigit()):
        raise PyRedisURLError(f"port {port!r} is not a number in {masked(url)}")
    try:
        return TcpAddress(host, int(port or 6379))
    except ValueError as error:
        raise PyRedisURLError(f"{error} in {masked(url)}") from None


def _database(text: str, url: str) -> int:
    if not (text.isascii() and text.isdigit()):
        raise PyRedisURLError(f"database {text!r} is not a number in {masked(url)}")
    return int(text)


def _seconds(text: str, url: str) -> float | None:
    try:
        seconds = float(text)
    except ValueError:
        raise PyRedisURLError(f"{text!r} is not a number of seconds in {masked(url)}") from None
    return seconds or None


def _text(text: str, url: str) -> str:
    return text


_READERS: dict[str, Callable[[str, str], Any]] = {
    "db": _database,
    "protocol": _database,
    "encoding": _text,
    "conn_timeout": _seconds,
    "read_timeout": _seconds,
}
"""The options that a query may hold, and how each is read; 0 seconds are no limit."""


def _options(query: str, url: str) -> dict[str, Any]:
    from urllib.parse import parse_qsl

    options: dict[str, Any] = {}
    for name, value in parse_qsl(query, keep_blank_values=True):
        if name not in _READERS:
            raise PyRedisURLError(
                f"unknown option {name!r} in {masked(url)}; there are {', '.join(sorted(_READERS))}"
            )
        options[name] = _READERS[name](value, url)
    return options
