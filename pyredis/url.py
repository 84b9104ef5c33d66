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
from pyredis.options import checked_timeout

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
    """Return the URL with ``***`` for its password and for the values of options that do not exist."""
    scheme, separator, rest = url.partition("://")
    if not separator:
        scheme, rest = "", url
    userinfo, at, where = rest.rpartition("@")
    where, mark, query = where.partition("?")
    where += mark + "&".join(map(_masked_option, query.split("&")))
    user, colon, _ = userinfo.partition(":")
    shown = f"{user}:***" if colon else "***"
    return f"{scheme}{separator}{shown}@{where}" if at else f"{scheme}{separator}{where}"


def _masked_option(option: str) -> str:
    name, equals, _ = option.partition("=")
    return f"{name}=***" if equals and name not in _READERS else option


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
    try:
        return _whole(text)
    except ValueError as error:
        raise PyRedisURLError(f"database {error} in {masked(url)}") from None


def _whole(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) < 10):
        raise ValueError(f"{text!r} is not a number")
    return int(text)


def _seconds(text: str) -> float | None:
    return checked_timeout("the limit", float(text) or None)


_READERS: dict[str, Callable[[str], Any]] = {
    "db": _whole,
    "protocol": _whole,
    "encoding": str,
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
        try:
            options[name] = _READERS[name](value)
        except ValueError as error:
            raise PyRedisURLError(f"option {name}: {error} in {masked(url)}") from None
    return options
