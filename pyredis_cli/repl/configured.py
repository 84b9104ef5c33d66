"""What the person prefers at the start: by flags, by our files, else by redis-cli's rc file, else by default.

It reads the files and loses none of what is right in them: each thing that is wrong is a line to be told, but for
what `settle` has told, which has looked at the same files.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from pyredis_cli.config import files
from pyredis_cli.config.files import ConfigError, Directive
from pyredis_cli.config.keys import PROJECT_PREFERENCES
from pyredis_cli.config.lines import line_of
from pyredis_cli.config.profiles import concerns, few
from pyredis_cli.config.tables import DEFAULTS, NOT_HERE, PREFERENCES, PROFILES
from pyredis_cli.environment import CONFIG, PROJECT, config_path
from pyredis_cli.repl.preferences import SUMMARIES, PreferenceError, Preferences, changed, rows, taken

if TYPE_CHECKING:
    from pyredis_cli.config.files import File
    from pyredis_cli.settings import Settings

__all__ = ["configured", "described", "mistakes", "shown"]

_Warn = Callable[[str], None]


def configured(
    environ: Mapping[str, str], preferences: Preferences, settings: Settings | None = None
) -> tuple[Preferences, list[str]]:
    """Return the preferences that files and flags say, on top of these, and what is wrong with the files.

    The nearer ones win: the user's file, where ``[repl]`` is about the REPL alone and so wins over ``[defaults]``,
    then the profile, the file of the current directory, flags.
    """
    warnings: list[str] = []
    for path in files.rc_paths(environ):
        if text := _text(path, warnings.append):
            preferences = _after_rc(preferences, text, path, warnings.append)
    preferences = _shown_by(settings, "user file", preferences)
    own = config_path(environ)
    if own is not None:
        problems: list[str] = []
        text = _text(own, problems.append, files.user_file, named=CONFIG in environ)
        if text:
            preferences = _after_toml(preferences, text, own, problems.append)
        if settings is None or not _is_told(text):
            warnings += problems
    preferences = _shown_by(settings, "profile", preferences)
    of_project: list[str] = []
    preferences = _after_project(preferences, of_project.append)
    return _shown_by(settings, "", preferences), [*warnings, *few(of_project)]


def _is_told(text: str | None) -> bool:
    """Whether what is wrong with the whole file has been told already, by `settle`."""
    if text is None:
        return True
    try:
        files.tables(text)
    except ConfigError:
        return concerns(text)
    return False


def _shown_by(settings: Settings | None, kind: str, preferences: Preferences) -> Preferences:
    """Return the preferences with what that kind of table said of how things look; "": what is nearer than all."""
    if settings is None:
        return preferences
    said: dict[str, Any] = {
        "format": settings.output,
        "bytes": settings.notation,
        "theme": settings.theme,
        "pager": None if settings.pager else False,
        "reveal": settings.reveal or None,
    }
    for key, value in said.items():
        by = settings.lenient.get(key, "").replace("project file", "")
        if value is not None and by == kind:
            preferences = replace(preferences, **{key: value})
    return preferences


def _text(
    path: str,
    warn: _Warn,
    read: Callable[[str], File | None] = files.file_at,
    *,
    named: bool = False,
) -> str | None:
    """Return what a file holds; one that is not there is nothing to tell, unless somebody has named it."""
    try:
        file = read(path)
        if file is None and named:
            raise ConfigError("there is no such file")
    except ConfigError as error:
        warn(f"{path}: {error}")
        return None
    return file.text if file is not None else None


# -- redis-cli's


def _after_rc(preferences: Preferences, text: str, path: str, warn: _Warn) -> Preferences:
    for directive in files.directives(text):
        try:
            preferences = _after_directive(preferences, directive)
        except PreferenceError as error:
            warn(f"{os.path.basename(path)}: {error} (line {directive.number})")
    return preferences


def _after_directive(preferences: Preferences, directive: Directive) -> Preferences:
    """Return the preferences after a line; redis-cli knows no more than ``:set hints`` and ``:set nohints``."""
    command, *words = directive.words
    if command != ":set" or not words:
        raise PreferenceError(f"unknown redis-cli internal command '{command}'; write :set NAME VALUE")
    name = words[0].lower()
    if name in ("hints", "nohints"):
        return changed(preferences, words)[0]
    if name.replace("_", "-") not in SUMMARIES:
        raise PreferenceError(f"unknown redis-cli preference '{words[0]}'; :set lists what there is")
    if len(words) != 2:
        raise PreferenceError(f"no value for {name}; write :set {name} VALUE")
    return changed(preferences, words)[0]


# -- ours


def _after_toml(preferences: Preferences, text: str, path: str, warn: _Warn) -> Preferences:
    try:
        tables = files.tables(text)
    except ConfigError as error:
        warn(f"{path}: {error}")
        return preferences
    for name in sorted(tables.keys() - {PREFERENCES, DEFAULTS, PROFILES}):
        warn(
            f"{path}: unknown name {name}; what the REPL prefers stands in the table [{PREFERENCES}], the rest in "
            f"[{DEFAULTS}] and [{PROFILES}.NAME]"
        )
    return _with_table(preferences, tables.get(PREFERENCES, {}), path, warn)


def _with_table(preferences: Preferences, values: Any, path: str, warn: _Warn) -> Preferences:
    if not isinstance(values, dict):
        warn(
            f"{path}: {PREFERENCES} is no table; write [{PREFERENCES}] and below it lines such as hints = true"
        )
        return preferences
    preferences, problems = taken(preferences, values)
    for problem in problems:
        warn(f"{path}: [{PREFERENCES}] {problem}")
    return preferences


def _after_project(preferences: Preferences, warn: _Warn) -> Preferences:
    """Return the preferences with those of the current directory, which are about how things look alone."""
    try:
        file = files.project_file()
        values = files.tables(file.text).get(PREFERENCES, {}) if file is not None else {}
    except ConfigError:  # which settle has told
        return preferences
    if isinstance(values, dict):
        for name in sorted(values):
            if name.lower().replace("-", "_") not in PROJECT_PREFERENCES:
                warn(f"{PROJECT}: [{PREFERENCES}] {name} {NOT_HERE}")
                del values[name]
    return _with_table(preferences, values, PROJECT, warn)


# -- for the tool that is about settings


def described() -> dict[str, tuple[str, str]]:
    """Return the default of each preference as it stands in a file, and what it is for."""
    return {name: (toml, summary) for name, toml, summary in rows(Preferences())}


def mistakes(values: Mapping[str, object]) -> dict[str, str]:
    """Return what is wrong with the values of a table of preferences, by their names."""
    found = {}
    for name, value in values.items():
        _, problems = taken(Preferences(), {name: value})
        if problems:
            found[name] = problems[0]
    return found


def shown(environ: Mapping[str, str], settings: Settings) -> Iterator[tuple[str, object, str]]:
    """Yield each preference as it is at a start, and where our files say so, empty where none does."""
    preferences, _ = configured(environ, Preferences(), settings)
    own = config_path(environ)
    by_file = _origins("user file", lambda: files.user_file(own) if own is not None else None)
    # What a profile says of how things look stands between the two.
    by_file = {name: by for name, by in by_file.items() if settings.lenient.get(name) != "profile"}
    by_file |= _origins("project file", files.project_file)
    for name, _, _ in rows(preferences):
        yield name, getattr(preferences, name), by_file.get(name, "")


def _origins(kind: str, read: Callable[[], File | None]) -> dict[str, str]:
    """Return where the table of a file says something, by the names of the preferences."""
    try:
        file = read()
        values = files.tables(file.text).get(PREFERENCES, {}) if file is not None else {}
    except ConfigError:
        return {}
    if file is None or not isinstance(values, dict):
        return {}
    found = {}
    for name in values.keys() - mistakes(values).keys():
        field = name.lower().replace("-", "_")
        if kind == "user file" or field in PROJECT_PREFERENCES:
            found[field] = f"{kind} {file.path}:{line_of(file.text, (PREFERENCES, name))}"
    return found
