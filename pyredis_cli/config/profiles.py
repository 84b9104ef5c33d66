"""What the files say of a start: config.toml with its profiles, and the file of the current directory.

It knows which table counts, which of its keys, and that what was typed wins over them; what is wrong with them is
told with file and line. It fetches no password and connects nowhere. It is loaded where there is such a file.
"""

from __future__ import annotations

from pyredis.records import replace
from pyredis_cli.config import files
from pyredis_cli.config.files import ConfigError
from pyredis_cli.config.keys import KEYS, SOURCES
from pyredis_cli.config.lines import where
from pyredis_cli.config.tables import DEFAULTS, NOT_HERE, PREFERENCES, PROFILES, Mistake, Table, values_of
from pyredis_cli.environment import (
    CONFIG,
    PROFILE,
    PROJECT,
    URLS,
    config_path,
    flag_of_place,
    variable_of_place,
)
from pyredis_cli.flags import WHENS, UsageError
from pyredis_cli.given import Given, Origin, Told
from pyredis_cli.passwords import PasswordSource

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from typing import Any

    from pyredis_cli.config.files import File

__all__ = ["concerns", "consult", "few", "names"]

_MOST_TOLD = 10
_SAYS_WHO = ("username", *SOURCES)


def consult(given: Given, environ: Mapping[str, str]) -> Told:
    """Return what the files say on top of what was typed.

    Raises UsageError for a profile that is not there, or has mistakes.
    """
    name, notes = _profile_of(given, environ)
    of_project: list[str] = []
    mistakes: list[str] = []
    tables = [*_project_tables(of_project), *_user_tables(name, environ, mistakes)]
    server = _server_table(tables, name, given, environ)
    merged = _Merged(given, _url_of(given, name, environ))
    for table in tables:
        values, wrong = values_of(table)
        if wrong and _must_hold(table, values, with_server=table is server):
            raise UsageError(_first_of(wrong))
        (of_project if table.kind == "project file" else mistakes).extend(map(str, wrong))
        merged.take(table, values, with_server=table is server)
    if name and (variable := variable_of_place(environ)):
        notes += (f"{variable} is not used: the profile {name} says where to connect",)
    told = merged.told()
    return told._replace(profile=name, mistakes=(*few(of_project), *mistakes), notes=notes)


def few(mistakes: Sequence[str]) -> tuple[str, ...]:
    """Return the first of many lines, which somebody else may have caused, and how many more there are."""
    more = len(mistakes) - _MOST_TOLD
    if more <= 1:
        return tuple(mistakes)
    return *mistakes[:_MOST_TOLD], f"and {more} more; pyredis-cli settings check lists them"


def _profile_of(given: Given, environ: Mapping[str, str]) -> tuple[str, tuple[str, ...]]:
    """Return the name of the profile that is asked for, and why one that the environment names is not used."""
    place = flag_of_place(given)
    if given.profile is not None:
        if place:
            raise UsageError(f"@{given.profile} says where the server is; leave out {place}, or the profile")
        return given.profile, ()
    name = environ.get(PROFILE, "")
    if name and place:
        return "", (f"{PROFILE} is not used: {place} says where to connect",)
    return name, ()


def _url_of(given: Given, name: str, environ: Mapping[str, str]) -> str | None:
    """Return the URL that counts and stands in no file."""
    variable = "" if name or flag_of_place(given) else variable_of_place(environ)
    return environ[variable] if variable in URLS else given.url


def _must_hold(table: Table, values: Mapping[str, Any], *, with_server: bool) -> bool:
    """Whether nothing may be sent because of what is wrong with a table, of which these values are right.

    Without it another server would be reached than was meant, a password go unencrypted, or something be written.
    """
    lost = [KEYS[key] for key in table.values.keys() - values.keys() if key in KEYS]
    return table.kind == "profile" or (
        table.kind == "user file"
        and any(row.fills == "read_only" or (with_server and row.scope == "server") for row in lost)
    )


def _first_of(wrong: Sequence[Mistake]) -> str:
    more = f" (and {len(wrong) - 1} more; pyredis-cli settings check lists them)" if len(wrong) > 1 else ""
    return f"{wrong[0]}{more}"


# -- the tables that count, the nearest first


def _project_tables(mistakes: list[str]) -> Iterator[Table]:
    try:
        file = files.project_file()
        said = files.tables(file.text) if file is not None else {}
    except ConfigError as error:
        mistakes.append(f"{PROJECT}: {error}")
        return
    if file is None:
        return
    for name in sorted(said.keys() - {DEFAULTS, PREFERENCES}):
        mistakes.append(
            f"{where(Origin('project file', file.path, file.text, (), name))}: [{name}] {NOT_HERE}"
        )
    yield from _table(file, "project file", (DEFAULTS,), said, mistakes)


def _user_tables(name: str, environ: Mapping[str, str], mistakes: list[str]) -> Iterator[Table]:
    path, file = config_path(environ), None
    try:
        file = files.user_file(path) if path is not None else None
        if file is None and path is not None and CONFIG in environ:
            raise ConfigError("there is no such file")
        said = files.tables(file.text) if file is not None and (name or concerns(file.text)) else {}
    except ConfigError as error:
        # What cannot be read may say that nothing must be written.
        if name or DEFAULTS in (file.text if file is not None else error.text):
            raise UsageError(f"{path}: {error}") from None
        mistakes.append(f"{path}: {error}")
        return
    if name:
        yield _profile(name, file, path, said)
    if file is not None:
        yield from _table(file, "user file", (DEFAULTS,), said, mistakes)


def concerns(text: str) -> bool:
    """Whether a file may have a table that a start without a profile must know; to parse one takes its time."""
    return DEFAULTS in text or "\\" in text


def _profile(name: str, file: File | None, path: str | None, said: Mapping[str, Any]) -> Table:
    profiles = _profiles_in(said)
    if file is None or name not in profiles:
        raise UsageError(_unknown(name, path, tuple(profiles), is_there=file is not None))
    return Table("profile", file, (PROFILES, name), profiles[name])


def _profiles_in(said: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    profiles = said.get(PROFILES)
    if not isinstance(profiles, dict):
        return {}
    return {name: values for name, values in profiles.items() if isinstance(values, dict)}


def _unknown(name: str, path: str | None, there: Sequence[str], *, is_there: bool) -> str:
    if path is None:
        return f"no profile {name}: {CONFIG} says that there is no file"
    if not there and not is_there:
        return f"no profile {name}; pyredis-cli settings init writes {path} to begin with"
    if not there:
        return f"no profile {name} in {path}; a table [{PROFILES}.{_shown_key(name)}] makes one"
    from difflib import get_close_matches

    nearest = get_close_matches(name, there, n=1)
    mend = f"did you mean @{nearest[0]}? There" if nearest else "there"
    return f"no profile {name} in {path}; {mend} are {', '.join(sorted(there))}"


def _shown_key(name: str) -> str:
    """Return a name as it stands in a header."""
    return name if name.isascii() and name.replace("-", "").replace("_", "").isalnum() else "NAME"


def _table(
    file: File, kind: Any, path: tuple[str, ...], said: Mapping[str, Any], mistakes: list[str]
) -> Iterator[Table]:
    values = said.get(path[0], {})
    if isinstance(values, dict):
        yield Table(kind, file, path, values)
    else:
        mistakes.append(f"{where(Origin(kind, file.path, file.text, (), path[0]))}: {path[0]} is no table")


def _server_table(
    tables: Sequence[Table], name: str, given: Given, environ: Mapping[str, str]
) -> Table | None:
    """Return the table that says which server is meant and as whom: as a whole, and nobody else does then."""
    wanted = "profile" if name else "user file"
    if not name and (flag_of_place(given) or variable_of_place(environ)):
        return None
    return next((table for table in tables if table.kind == wanted), None)


# -- what they say together


class _Merged:
    """What was typed, and what is taken on top of it."""

    def __init__(self, given: Given, url: str | None) -> None:
        self._given = given
        self._in_url = _said_in(url)
        self._nothing = Given()
        self._fields: dict[str, Any] = {}
        self._told = Told(given)
        self._origins: dict[str, Origin] = {}
        self._init: tuple[Table, tuple[str, ...]] | None = None
        self._lenient: dict[str, str] = {}

    def told(self) -> Told:
        """Return it; UsageError where the commands of ``init`` do not go with what was typed."""
        given = replace(self._given, **self._fields)
        return self._told._replace(
            given=given,
            init=() if self._init is None else _initial(*self._init, given),
            lenient=self._lenient,
            origins=self._origins,
        )

    def take(self, table: Table, values: Mapping[str, Any], *, with_server: bool) -> None:
        """Take the values that nothing nearer has said."""
        if with_server:
            self._told = self._told._replace(username=values.get("username"))
        if with_server and table.kind == "profile":
            self._told = self._told._replace(
                who=any(key in values for key in _SAYS_WHO) or "@" in values.get("url", "")
            )
        for key, value in values.items():
            if KEYS[key].scope != "server" or with_server:
                self._take(key, value, table)
        if with_server and "url" in values:
            self._in_url = _said_in(values["url"])

    def _take(self, key: str, value: Any, table: Table) -> None:
        origin = table.origin(key)
        if key in SOURCES:
            self._told = self._told._replace(source=_source(key, value, table))
        elif key == "init":
            self._init = table, value
        elif key == "production" or (key == "color" and value not in WHENS):
            self._told = self._told._replace(**{key: value})
        else:
            field = f"resp{value}" if key == "protocol" else KEYS[key].fills
            if self._is_said(field) or key in self._in_url:
                return
            self._fields[field] = True if key == "protocol" else value
            if KEYS[key].scope == "display":
                self._lenient[key] = table.kind
        self._origins.setdefault(key, origin)

    def _is_said(self, field: str) -> bool:
        fields = ("resp2", "resp3") if field.startswith("resp") else (field,)
        return any(
            one in self._fields or getattr(self._given, one) != getattr(self._nothing, one) for one in fields
        )


_OPTIONS = {
    **{one: one for one in ("conn_timeout", "read_timeout", "pool_size", "protocol", "encoding")},
    "client_name": "name",
}
"""The options of a URL that say the same as a key of any server, and that key."""


def _said_in(url: str | None) -> frozenset[str]:
    """Return the keys that the options of a URL say; none of a URL that cannot be used, which others tell."""
    if url is None or "?" not in url:
        return frozenset()
    from pyredis.exceptions import PyRedisURLError
    from pyredis_cli.places import read_url

    try:
        options = read_url(url).options
    except (PyRedisURLError, UsageError):
        return frozenset()
    return frozenset(key for option, key in _OPTIONS.items() if option in options)


def _initial(table: Table, lines: tuple[str, ...], given: Given) -> tuple[tuple[bytes, ...], ...]:
    from pyredis_cli.config.initial import argvs

    try:
        return argvs(lines, given.encoding or "utf-8", read_only=given.read_only)
    except ValueError as error:
        raise UsageError(str(table.mistake("init", str(error)))) from None


def _source(key: str, value: Any, table: Table) -> PasswordSource:
    match key:
        case "pass_file":
            return PasswordSource("pass_file", table.name, path=value)
        case "password_command":
            return PasswordSource("password_command", table.name, command=value)
    return PasswordSource("keyring", table.name)


def names(environ: Mapping[str, str]) -> tuple[str, ...]:
    """Return the names of the profiles, in order; none when the file cannot be read."""
    path, file = config_path(environ), None
    try:
        file = files.user_file(path) if path is not None else None
        said = files.tables(file.text) if file is not None else {}
    except ConfigError:
        return ()
    return tuple(sorted(_profiles_in(said)))
