"""One table of a file: what its keys say, and what is wrong with them, with file and line.

Pure but for the files that it may be told to look at: those of passwords. It does not know which table counts.
"""

from __future__ import annotations

import os

from pyredis.records import NamedTuple
from pyredis_cli.config.keys import INSTEAD_OF_PASSWORD, KEYS, SOURCES
from pyredis_cli.config.lines import line_of
from pyredis_cli.flags import WHENS
from pyredis_cli.given import Origin

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from typing import Any, Literal

    from pyredis.url import Target
    from pyredis_cli.config.files import File

__all__ = ["DEFAULTS", "NOT_HERE", "PREFERENCES", "PROFILES", "Mistake", "Table", "values_of"]

DEFAULTS, PROFILES, PREFERENCES = "defaults", "profiles", "repl"
NOT_HERE = "is not for a file of the current directory, which only says how things look; it is not used"
_LONGEST_SHOWN = 80
_PLACES = ("url", "host", "port", "socket")
_OF_TLS = ("cacert", "cacertdir", "cert", "key", "sni", "verify_hostname")


class Mistake(NamedTuple):
    """What is wrong with a file, and on which line; 0 is the file as a whole."""

    path: str
    line: int
    what: str

    def __str__(self) -> str:
        return f"{self.path}:{self.line}: {self.what}" if self.line else f"{self.path}: {self.what}"


class Table(NamedTuple):
    """A table of a file."""

    kind: Literal["project file", "profile", "user file"]
    file: File
    path: tuple[str, ...]
    values: Mapping[str, Any]

    def __repr__(self) -> str:
        return f"Table({self.file!r}, {'.'.join(self.path)!r})"

    @property
    def name(self) -> str:
        return self.path[-1]

    def origin(self, key: str) -> Origin:
        return Origin(self.kind, self.file.path, self.file.text, self.path, key)

    def mistake(self, key: str, what: str) -> Mistake:
        shown = key if len(key) <= _LONGEST_SHOWN else f"{key[:_LONGEST_SHOWN]}..."
        where = " ".join(filter(None, (f"[{'.'.join(self.path)}]", shown)))
        return Mistake(self.file.path, line_of(self.file.text, (*self.path, key)), f"{where} {what}")


def values_of(table: Table) -> tuple[dict[str, Any], list[Mistake]]:
    """Return what the keys of a table say, and what is wrong with the others."""
    values: dict[str, Any] = {}
    mistakes: list[Mistake] = []
    for key, value in table.values.items():
        try:
            values[key] = _value(table, key, value)
        except ValueError as error:
            mistakes.append(table.mistake(key, str(error)))
    for key, what in list(_clashes(table, values)):
        mistakes.append(table.mistake(key, what))
        values.pop(key, None)
    return values, mistakes


def _value(table: Table, key: str, value: Any) -> Any:
    row = KEYS.get(key)
    if row is None:
        raise ValueError(f"is {_unknown(key)}")
    if table.kind == "project file" and row.scope != "display":
        raise ValueError(NOT_HERE)
    if table.kind == "user file" and row.scope == "profile":
        raise ValueError("belongs in a profile, whose name it is about: [profiles.NAME]")
    read = row.read(value)
    if key == "color" and table.kind != "profile" and read not in WHENS:
        raise ValueError(f"must be one of {', '.join(WHENS)}; a colour is that of a profile's name")
    if row.path:
        if "\0" in read:
            raise ValueError("must be the name of a file, without a zero byte")
        return _beside(table.file, os.path.expanduser(read))
    if key == "password_command" and "/" in read[0]:
        # Seen from the current directory, it would be whatever a repository has there.
        return (_beside(table.file, read[0]), *read[1:])
    return read


def _beside(file: File, path: str) -> str:
    """Return a path as it is seen from the folder of a file."""
    return os.path.join(os.path.dirname(os.path.abspath(file.path)), path)


def _unknown(key: str) -> str:
    if key in ("password", "pass", "auth", "requirepass"):
        return f"not known: {INSTEAD_OF_PASSWORD}"
    from difflib import get_close_matches

    nearest = get_close_matches(key, KEYS, n=1)
    return f"not known; did you mean {nearest[0]}?" if nearest else "not known"


def _clashes(table: Table, values: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield the keys that do not go with others, and what is wrong with them."""
    places = [key for key in values if key in _PLACES and not (key == "port" and "host" in values)]
    if len(places) > 1:
        yield places[1], f"and {places[0]} both say where the server is; leave one of them out"
    if table.kind == "profile" and not {*places} - {"port"}:  # a port is of some host
        yield "", "does not say where the server is; url, host or socket does"
    sources = [key for key in SOURCES if key in values]
    for key in sources[1:]:
        yield key, f"and {sources[0]} both say where the password is found; leave one of them out"
    if "key" in values and "cert" not in values:
        yield "key", "is shown with its certificate; name that with cert"
    if "socket" in values and values.get("cluster"):
        yield "socket", "reaches no cluster; leave it out, or cluster"
    encrypted = bool(values.get("tls"))
    if "url" in values:
        try:
            target = _target(values["url"])
        except ValueError as error:
            yield "url", str(error)
            return
        encrypted = encrypted or target.options.get("tls") is not None
        yield from _of_password(table, target, sources)
    if not encrypted:
        yield from ((key, "is about TLS; add tls = true") for key in _OF_TLS if key in values)
    if "init" in values:
        yield from _of_init(values)


def _target(url: str) -> Target:
    from pyredis.exceptions import PyRedisURLError
    from pyredis_cli.flags import UsageError
    from pyredis_cli.places import place_of, read_url

    try:
        target = read_url(url)
        place_of(target)
    except (PyRedisURLError, UsageError) as error:
        raise ValueError(f"cannot be used: {error}") from None
    return target


def _of_password(table: Table, target: Target, sources: list[str]) -> Iterator[tuple[str, str]]:
    if target.password is None and "sentinel_password" not in target.options:
        return
    if target.password is not None and sources:
        yield sources[0], "and the password in url: leave one of them out"
    if not table.file.private:
        from shlex import quote

        yield (
            "url",
            f"has a password, and others can read the file; chmod 600 {quote(table.file.path)} mends it. "
            f"Better: {INSTEAD_OF_PASSWORD}",
        )


def _of_init(values: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    from pyredis_cli.config.initial import argvs

    try:
        argvs(values["init"], values.get("encoding", "utf-8"), read_only=values.get("read_only", False))
    except ValueError as error:
        yield "init", str(error)
