"""What a profile may say, declared once: rows for reading, checking, showing and the commented file.

A row knows the form of a value and what it must be. It knows no file, and not what the values mean together.
"""

from __future__ import annotations

import os

from pyredis.records import NamedTuple
from pyredis_cli.flags import (
    NOTATION_NAMES,
    OUTPUTS,
    THEMES,
    WHENS,
    is_url,
    read_count,
    read_encoding,
    read_filled,
    read_name,
    read_natmap,
    read_number,
    read_port,
    read_seconds,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, Literal, TypeAlias

    Scope: TypeAlias = Literal["server", "session", "display", "profile"]

__all__ = ["COLORS", "INSTEAD_OF_PASSWORD", "KEYS", "PROJECT_PREFERENCES", "SOURCES", "Key"]

COLORS = tuple(
    f"{shade}{color}"
    for shade in ("", "bright-")
    for color in ("red", "green", "yellow", "blue", "magenta", "cyan", "white", "black")
)
"""The colours that the name of a profile may have in the prompt."""

SOURCES = ("pass_file", "password_command", "keyring")
"""The keys that say where the password is found; a profile has one of them."""

INSTEAD_OF_PASSWORD = (
    "a password does not stand in this file; pass_file, password_command or keyring = true says where it is"
)

PROJECT_PREFERENCES = (
    *("bytes", "format", "hints", "limit", "pager", "suggestions", "theme", "timing", "toolbar", "utf8"),
)
"""What the table ``[repl]`` of a project's file may say: only how things look."""


class Key(NamedTuple):
    """One key: the field of ``Given`` that its value is for, and how that is read; ValueError says why not.

    Keys of the ``server`` are meant for one server alone, those of a ``session`` and of its ``display`` for each.
    A ``path`` may begin with ~, and is seen from the folder of the file.
    """

    fills: str
    read: Callable[[Any], Any]
    scope: Scope
    example: str
    summary: str
    path: bool = False


def _text(read: Callable[[str], object]) -> Callable[[Any], Any]:
    def of(value: Any) -> object:
        if not isinstance(value, str):
            raise ValueError("must be a text in quotes")
        return read(value)

    return of


def _number(read: Callable[[str], object]) -> Callable[[Any], Any]:
    def of(value: Any) -> object:
        if isinstance(value, bool) or not isinstance(value, (int, float)):
            read("")  # which says what it must be
        too_large = isinstance(value, int) and value.bit_length() > 64
        return read("" if too_large else str(value))

    return of


def _switch(value: Any) -> bool:
    if not isinstance(value, bool):
        raise ValueError("must be true or false")
    return value


def _reversed(value: Any) -> bool:
    return not _switch(value)


def _one_of(names: tuple[str, ...]) -> Callable[[Any], Any]:
    def of(value: Any) -> str:
        if not isinstance(value, str) or value not in names:
            raise ValueError(f"must be one of {', '.join(names)}")
        return value

    return of


def _url(text: str) -> str:
    if not is_url(text):
        raise ValueError("must be a URL such as redis://host:6379/0")
    return text


def _host(text: str) -> str:
    if "://" in text:
        raise ValueError("must be a name or an address; url takes a URL")
    return read_filled(text)


def _protocol(value: Any) -> int:
    if isinstance(value, bool) or value not in (2, 3):
        raise ValueError("must be 2 or 3")
    return int(value)


def _natmap(value: Any) -> object:
    """Return pairs of addresses, from a text as --natmap takes it or from a table."""
    if isinstance(value, dict):
        if not all(isinstance(reached, str) for reached in value.values()):
            raise ValueError('must have lines such as "10.0.0.1:6379" = "127.0.0.1:7001"')
        value = ",".join(f"{named}={reached}" for named, reached in value.items())
    return _text(read_natmap)(value)


def _command(value: Any) -> tuple[str, ...]:
    """Return the words of a command, which no shell sees."""
    if isinstance(value, str):
        from shlex import split

        try:
            value = split(value)
        except ValueError:
            raise ValueError("has a quote that does not end") from None
    if not isinstance(value, list) or not value or not all(isinstance(word, str) for word in value):
        raise ValueError('must be a program and its arguments: "pass show redis", or a list of texts')
    if not value[0] or any("\0" in word for word in value):
        raise ValueError("must begin with the name of a program")
    return (os.path.expanduser(value[0]), *value[1:])


def _on(value: Any) -> bool:
    if value is not True:
        raise ValueError("must be true, or left out")
    return True


def _lines(value: Any) -> tuple[str, ...]:
    if not isinstance(value, list) or not all(isinstance(line, str) for line in value):
        raise ValueError('must be a list of commands: ["CLIENT NO-TOUCH ON"]')
    return tuple(value)


_NUMBER, _SECONDS = _number(read_number), _number(read_seconds)
_NAME, _FILLED = _text(read_name), _text(read_filled)

KEYS: dict[str, Key] = {
    "url": Key("url", _text(_url), "server", '"redis://10.0.0.1:6379/0"', "where the server is"),
    "host": Key("host", _text(_host), "server", '"10.0.0.1"', "the same in parts: its host"),
    "port": Key("port", _number(read_port), "server", "6379", "and its port"),
    "socket": Key("socket", _FILLED, "server", '"/run/redis.sock"', "or its unix socket", path=True),
    "cluster": Key("cluster", _switch, "server", "true", "whether it is a cluster"),
    "natmap": Key(
        "natmap",
        _natmap,
        "server",
        '"10.0.0.1:6379=127.0.0.1:7001"',
        "where nodes are reached that are named otherwise",
    ),
    "database": Key("database", _NUMBER, "server", "0", "the number of the database"),
    "username": Key("username", _FILLED, "server", '"ada"', "as whom"),
    "pass_file": Key(
        "pass_file", _FILLED, "server", '"~/.redis-pass"', "file whose first line is the password", path=True
    ),
    "password_command": Key(
        "password_command",
        _command,
        "server",
        '["pass", "show", "redis/prod"]',
        "program that prints the password",
    ),
    "keyring": Key("keyring", _on, "server", "true", "whether the keyring of the system has the password"),
    "tls": Key("tls", _switch, "server", "true", "whether everything is encrypted"),
    "cacert": Key("cacert", _FILLED, "server", '"ca.pem"', "file of the authorities to trust", path=True),
    "cacertdir": Key(
        "cacertdir", _FILLED, "server", '"/etc/ssl/certs"', "folder of the authorities to trust", path=True
    ),
    "cert": Key("cert", _FILLED, "server", '"client.pem"', "file of the client's certificate", path=True),
    "key": Key("key", _FILLED, "server", '"client.key"', "file of its key", path=True),
    "sni": Key("sni", _FILLED, "server", '"redis.example.com"', "name to ask for and to verify"),
    "verify_hostname": Key(
        "no_verify_hostname", _reversed, "server", "true", "whether the certificate must bear the host's name"
    ),
    "init": Key(
        "init", _lines, "server", '["CLIENT NO-TOUCH ON"]', "commands that are run on each new connection"
    ),
    "read_only": Key("read_only", _switch, "session", "true", "send nothing that could change anything"),
    "conn_timeout": Key("conn_timeout", _SECONDS, "session", "5", "limit in seconds to connect; 0 is none"),
    "read_timeout": Key("read_timeout", _SECONDS, "session", "30", "limit in seconds for a reply; 0 is none"),
    "pool_size": Key("pool_size", _number(read_count), "session", "16", "most connections at a time"),
    "protocol": Key("protocol", _protocol, "session", "3", "RESP2 or RESP3"),
    "encoding": Key("encoding", _text(read_encoding), "session", '"utf-8"', "of what is typed and shown"),
    "name": Key("client_name", _NAME, "session", '"oncall"', "name of the connections, for CLIENT LIST"),
    "format": Key("output", _one_of(OUTPUTS), "display", '"json"', "the form of replies"),
    "bytes": Key(
        "notation",
        _one_of(NOTATION_NAMES),
        "display",
        '"base64"',
        "how json, yaml, csv and their like write what is no UTF-8",
    ),
    "null": Key("null", _text(str), "display", '"(nil)"', "the text for nil in raw, csv, tsv and markdown"),
    "pager": Key("no_pager", _reversed, "display", "false", "whether long replies are paged"),
    "theme": Key("theme", _one_of(THEMES), "display", '"light"', "colours for a dark or a light background"),
    "color": Key(
        "color",
        _one_of((*WHENS, *COLORS)),
        "display",
        '"red"',
        "colour of the profile's name in the prompt",
    ),
    "production": Key(
        "production", _switch, "profile", "true", "a dangerous command needs the name of the profile typed"
    ),
}
"""All that a profile may say, in the order of its being shown."""
