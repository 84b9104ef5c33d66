"""What the person prefers at the start: by config.toml, else by redis-cli's rc file, else by default.

It reads the files and loses none of what is right in them: each thing that is wrong is a line to be told.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from typing import Final

from pyredis_cli import config_file
from pyredis_cli.config_file import ConfigError, Directive
from pyredis_cli.environment import CONFIG, config_path
from pyredis_cli.repl.preferences import SUMMARIES, PreferenceError, Preferences, changed, taken

__all__ = ["configured"]

_TABLE: Final = "repl"


def configured(environ: Mapping[str, str], preferences: Preferences) -> tuple[Preferences, list[str]]:
    """Return the preferences that the files say, on top of these, and what is wrong with the files."""
    warnings: list[str] = []
    for path in config_file.rc_paths(environ):
        if text := _text(path, warnings):
            preferences = _after_rc(preferences, text, path, warnings.append)
    own = config_path(environ)
    if own is not None and (text := _text(own, warnings, named=CONFIG in environ)):
        preferences = _after_toml(preferences, text, own, warnings.append)
    return preferences, warnings


def _text(path: str, warnings: list[str], *, named: bool = False) -> str | None:
    """Return what a file holds; one that is not there is nothing to tell, unless somebody has named it."""
    try:
        file = config_file.file_at(path)
        if file is None and named:
            raise ConfigError("there is no such file")
    except ConfigError as error:
        warnings.append(f"{path}: {error}")
        return None
    return file.text if file is not None else None


# -- redis-cli's


def _after_rc(preferences: Preferences, text: str, path: str, warn: Callable[[str], None]) -> Preferences:
    for directive in config_file.directives(text):
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


def _after_toml(preferences: Preferences, text: str, path: str, warn: Callable[[str], None]) -> Preferences:
    try:
        tables = config_file.tables(text)
    except ConfigError as error:
        warn(f"{path}: {error}")
        return preferences
    for name in sorted(tables.keys() - {_TABLE}):
        warn(f"{path}: unknown name {name}; what the REPL prefers stands in the table [{_TABLE}]")
    values = tables.get(_TABLE, {})
    if not isinstance(values, dict):
        warn(f"{path}: {_TABLE} is no table; write [{_TABLE}] and below it lines such as hints = true")
        return preferences
    preferences, problems = taken(preferences, values)
    for problem in problems:
        warn(f"{path}: [{_TABLE}] {problem}")
    return preferences
