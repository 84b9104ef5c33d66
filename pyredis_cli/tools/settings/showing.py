"""``settings show``: what holds for a start with these flags, and where each value comes from."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple, cast

from pyredis.address import TcpAddress, UnixAddress
from pyredis.commands.spec import TABLE
from pyredis.types import Reply
from pyredis.url import masked
from pyredis_cli.config.keys import KEYS, SOURCES
from pyredis_cli.config.lines import where
from pyredis_cli.core.secrets import hidden
from pyredis_cli.environment import HOST, PORT, PROFILE, USER
from pyredis_cli.exits import Exit
from pyredis_cli.flags import FLAGS
from pyredis_cli.given import Given
from pyredis_cli.registry import PREFERENCES_SHOWN, load
from pyredis_cli.render.blocks import Column, Grid
from pyredis_cli.render.views.cells import bare
from pyredis_cli.settings import consulted, foreseen
from pyredis_cli.tools.settings.printing import put

if TYPE_CHECKING:
    from pyredis.url import Target
    from pyredis_cli.given import Told, ToolArguments
    from pyredis_cli.render.blocks import Cell
    from pyredis_cli.settings import Settings
    from pyredis_cli.streams import Streams

__all__ = ["show"]

_STARS = "***"
_OF_TLS = {
    "cacert": "ca_file",
    "cacertdir": "ca_folder",
    "cert": "cert_file",
    "key": "key_file",
    "sni": "server_name",
}
_IN_URL = {"name": "client_name", "database": "db"}
"""What the option of a URL is called that says the same as a key."""


class _Row(NamedTuple):
    name: str
    value: Reply
    origin: str


def show(given: Given, environ: Mapping[str, str], streams: Streams, arguments: ToolArguments) -> Exit:
    """Print the settings; return the exit code. Raises UsageError for a profile with mistakes."""
    told = consulted(given, environ)
    for mistake in told.mistakes:
        streams.say(mistake)
    settings, by, target = foreseen(given, told, environ)
    rows = list(_Shown(given, told, environ, settings, by, target).rows())
    with_origin = bool(arguments.get("origin"))
    put(_value(rows, with_origin=with_origin), [_grid(rows, with_origin=with_origin)], settings, streams)
    return Exit.OK


def _value(rows: list[_Row], *, with_origin: bool) -> Reply:
    if not with_origin:
        plain: dict[Hashable, Reply] = {row.name: row.value for row in rows}
        return plain
    return [{"setting": row.name, "value": row.value, "origin": row.origin} for row in rows]


def _grid(rows: list[_Row], *, with_origin: bool) -> Grid:
    columns = [Column("setting"), Column("value"), *([Column("origin")] if with_origin else [])]
    return Grid(columns, rows, partial(_cells, with_origin=with_origin))


def _cells(row: _Row, *, with_origin: bool) -> list[Cell]:
    value: Cell = (("note", "-"),) if row.value is None or row.value == [] else bare(_worded(row.value))
    origin: list[Cell] = [(("note", row.origin),)] if with_origin else []
    return [(("label", row.name),), value, *origin]


def _worded(value: Reply) -> Reply:
    return ("yes" if value else "no") if isinstance(value, bool) else value


class _Shown:
    """What there is to show of one start."""

    def __init__(
        self,
        given: Given,
        told: Told,
        environ: Mapping[str, str],
        settings: Settings,
        password_by: str,
        target: Target | None,
    ) -> None:
        self._given = given
        self._told = told
        self._environ = environ
        self._settings = settings
        self._password_by = password_by
        self._target = target
        self._values = self._of_settings()

    def rows(self) -> Iterator[_Row]:
        """Yield the settings in the order of the keys, then what the REPL prefers."""
        if self._told.profile:
            by = "flag --profile" if self._given.profile else f"environment {PROFILE}"
            yield _Row("profile", self._told.profile, by)
        for key in KEYS:
            yield _Row(key, self._values[key], self._origin(key))
            if key == "username":
                password = _STARS if self._password_by else None
                yield _Row("password", password, self._origin_of_password())
        prefers = cast(
            "Callable[[Mapping[str, str], Settings], Iterator[tuple[str, Any, str]]]", load(PREFERENCES_SHOWN)
        )
        for name, value, origin in prefers(self._environ, self._settings):
            yield _Row(f"repl.{name}", value, origin or self._origin_of_look(name))

    def _of_settings(self) -> dict[str, Reply]:
        settings, told = self._settings, self._told
        address, tls, profile = settings.address, settings.tls, settings.profile
        url = told.given.url or (self._environ.get(settings.variable) if settings.variable else None)
        tcp = address if isinstance(address, TcpAddress) else None
        source = told.source
        values: dict[str, Reply] = {
            "url": masked(url) if url else None,
            "host": tcp.host if tcp else None,
            "port": tcp.port if tcp else None,
            "socket": address.path if isinstance(address, UnixAddress) else None,
            "cluster": settings.cluster,
            "natmap": [f"{named}={reached}" for named, reached in settings.natmap],
            "database": settings.database,
            "username": settings.username,
            "pass_file": self._given.pass_file or (source.path or None if source else None),
            "password_command": _masked_command(source.command) if source and source.command else None,
            "keyring": source is not None and source.kind == "keyring",
            "tls": tls is not None,
            **{key: getattr(tls, field) if tls else None for key, field in _OF_TLS.items()},
            "verify_hostname": None if tls is None else tls.verify and tls.verify_hostname,
            "init": [_masked_line(argv) for argv in settings.init],
            "read_only": settings.read_only,
            "conn_timeout": settings.conn_timeout,
            "read_timeout": settings.read_timeout,
            "pool_size": settings.pool_size,
            "protocol": settings.protocol,
            "encoding": settings.encoding,
            "name": settings.client_name,
            "format": settings.output,
            "bytes": settings.notation,
            "null": told.given.null,
            "pager": settings.pager,
            "theme": settings.theme,
            "color": told.color or settings.color or ("never" if self._environ.get("NO_COLOR") else "auto"),
            "production": profile is not None and profile.production,
        }
        return values

    # -- where it comes from

    def _origin(self, key: str) -> str:
        if (
            key == "color"
            and not self._told.color
            and self._given.color is None
            and self._environ.get("NO_COLOR")
        ):
            return "environment NO_COLOR"
        if self._values[key] in (None, []) and key not in self._told.origins:
            return "default"
        return (
            self._flag(key) or self._by_file(key) or self._by_url(key) or self._by_variable(key) or "default"
        )

    def _flag(self, key: str) -> str:
        """Return the flag that was typed for it."""
        fields = ("resp2", "resp3") if key == "protocol" else (KEYS[key].fills,)
        nothing = Given()
        for field in fields:
            if getattr(self._given, field, None) != getattr(nothing, field, None):
                return f"flag {_flag_of(field)}"
        return ""

    def _by_file(self, key: str) -> str:
        origin = self._told.origins.get(key)
        if origin is None or (key == "username" and not self._told.profile and self._environ.get(USER)):
            return ""
        name = f" {origin.table[-1]}" if origin.kind == "profile" else ""
        return f"{origin.kind}{name} {where(origin)}"

    def _origin_of_look(self, name: str) -> str:
        """Return where a preference comes from of which the REPL's own tables say nothing."""
        said = (self._flag(name) or self._by_file(name)) if name in KEYS else ""
        return said or "default"

    def _by_url(self, key: str) -> str:
        """Return where the URL comes from that says it."""
        target = self._target
        if target is None:
            return ""
        options = target.options
        said = {
            **dict.fromkeys(("url", "host", "port", "socket"), True),
            "cluster": target.kind == "cluster",
            "database": target.database is not None,
            "username": target.username is not None,
            **dict.fromkeys(("tls", "verify_hostname", *_OF_TLS), options.get("tls") is not None),
        }
        if not said.get(key, _IN_URL.get(key, key) in options):
            return ""
        return self._origin_of_url()

    def _origin_of_url(self) -> str:
        if self._settings.variable:
            return f"environment {self._settings.variable}"
        return self._flag("url") or self._by_file("url")

    def _by_variable(self, key: str) -> str:
        if self._told.profile or self._given.embedded is not None:
            return ""
        name = {"host": HOST, "port": PORT, "username": USER}.get(key, "")
        return f"environment {name}" if name and self._environ.get(name) else ""

    def _origin_of_password(self) -> str:
        by = self._password_by
        if by == "url":
            return self._origin_of_url()
        if by in SOURCES:
            return self._by_file(by)
        if not by:
            return "default"
        return f"flag {by}" if by.startswith("-") else f"environment {by}"


def _flag_of(field: str) -> str:
    return next(flag.names[0] for rows in FLAGS.values() for flag in rows if flag.fills == field)


def _masked_command(command: tuple[str, ...]) -> str:
    """Return the program; its arguments may hold what opens something."""
    return f"{command[0]} {_STARS}" if command[1:] else command[0]


def _masked_line(argv: tuple[bytes, ...]) -> str:
    secret = hidden(argv, TABLE)
    words = [_STARS if at in secret else word.decode("utf-8", "replace") for at, word in enumerate(argv)]
    return " ".join(words)
