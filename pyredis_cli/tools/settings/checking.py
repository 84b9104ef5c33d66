"""``settings check``: the mistakes of all files, with file and line."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any, cast

from pyredis_cli.config import files
from pyredis_cli.config.files import ConfigError
from pyredis_cli.config.keys import PROJECT_PREFERENCES
from pyredis_cli.config.lines import line_of
from pyredis_cli.config.tables import (
    DEFAULTS,
    NOT_HERE,
    PREFERENCES,
    PROFILES,
    Mistake,
    Table,
    values_of,
)
from pyredis_cli.environment import CONFIG, PROJECT, config_path
from pyredis_cli.exits import Exit
from pyredis_cli.flags import UsageError
from pyredis_cli.passwords import from_file
from pyredis_cli.registry import PREFERENCE_MISTAKES, load
from pyredis_cli.settings import Settings
from pyredis_cli.tools.settings.printing import put_lines

if TYPE_CHECKING:
    from pyredis.types import Reply
    from pyredis_cli.config.files import File
    from pyredis_cli.given import Given, ToolArguments
    from pyredis_cli.streams import Streams

__all__ = ["check"]

_AT_LINE = re.compile(r"at line (\d+)")
_FILES_OF_TLS = ("cacert", "cacertdir", "cert", "key")


def check(given: Given, environ: Mapping[str, str], streams: Streams, arguments: ToolArguments) -> Exit:
    """Print each mistake; return the exit code."""
    found = sorted(mistakes(environ), key=lambda mistake: (mistake.path, mistake.line))
    value: Reply = [{"file": one.path, "line": one.line or None, "mistake": one.what} for one in found]
    # What the files say of formats may be a mistake itself.
    shown = Settings(output=given.output, notation=given.notation)
    put_lines(value, [str(one) for one in found] or ["no mistakes"], shown, streams)
    return Exit.REPLY if found else Exit.OK


def mistakes(environ: Mapping[str, str]) -> Iterator[Mistake]:
    """Yield the mistakes of the user's file and of that of the current directory."""
    path = config_path(environ)
    if path is not None:
        yield from _of_file(path, partial(files.user_file, path), _of_user, named=CONFIG in environ)
    yield from _of_file(PROJECT, files.project_file, _of_project)


def _of_file(
    path: str,
    read: Callable[[], File | None],
    check: Callable[[File, dict[str, Any]], Iterator[Mistake]],
    *,
    named: bool = False,
) -> Iterator[Mistake]:
    try:
        file = read()
        if file is None and named:
            raise ConfigError("there is no such file")
        said = files.tables(file.text) if file is not None else {}
    except ConfigError as error:
        line = _AT_LINE.search(str(error))
        yield Mistake(path, int(line[1]) if line else 0, str(error))
        return
    if file is not None:
        yield from check(file, said)


def _of_user(file: File, said: dict[str, Any]) -> Iterator[Mistake]:
    for name in said.keys() - {DEFAULTS, PROFILES, PREFERENCES}:
        what = f"{name} is not known; there are [{DEFAULTS}], [{PREFERENCES}] and [{PROFILES}.NAME]"
        yield Mistake(file.path, line_of(file.text, (name,)), what)
    yield from _of_table(file, "user file", (DEFAULTS,), said.get(DEFAULTS, {}))
    yield from _of_preferences(file, said.get(PREFERENCES, {}), None)
    profiles = said.get(PROFILES, {})
    if not isinstance(profiles, dict):
        yield _no_table(file, (PROFILES,))
        return
    for name, values in profiles.items():
        yield from _of_table(file, "profile", (PROFILES, name), values)


def _of_project(file: File, said: dict[str, Any]) -> Iterator[Mistake]:
    for name in said.keys() - {DEFAULTS, PREFERENCES}:
        yield Mistake(file.path, line_of(file.text, (name,)), f"[{name}] {NOT_HERE}")
    yield from _of_table(file, "project file", (DEFAULTS,), said.get(DEFAULTS, {}))
    yield from _of_preferences(file, said.get(PREFERENCES, {}), PROJECT_PREFERENCES)


def _no_table(file: File, path: tuple[str, ...]) -> Mistake:
    return Mistake(file.path, line_of(file.text, path), f"{'.'.join(path)} is no table")


def _of_table(file: File, kind: Any, path: tuple[str, ...], values: Any) -> Iterator[Mistake]:
    if not isinstance(values, dict):
        yield _no_table(file, path)
        return
    table = Table(kind, file, path, values)
    said, wrong = values_of(table)
    yield from wrong
    for key in _FILES_OF_TLS:
        if key in said and not os.path.exists(said[key]):
            yield table.mistake(key, f"is not there: {said[key]}")
    if "pass_file" in said:
        try:
            from_file(said["pass_file"], "names a file that cannot be used:")
        except UsageError as error:
            yield table.mistake("pass_file", str(error))


def _of_preferences(file: File, values: Any, allowed: tuple[str, ...] | None) -> Iterator[Mistake]:
    if not isinstance(values, dict):
        yield _no_table(file, (PREFERENCES,))
        return
    wrong = cast("Callable[[Mapping[str, object]], Mapping[str, str]]", load(PREFERENCE_MISTAKES))(values)
    for name in values:
        line = line_of(file.text, (PREFERENCES, name))
        if allowed is not None and name.lower().replace("-", "_") not in allowed:
            yield Mistake(file.path, line, f"[{PREFERENCES}] {name} {NOT_HERE}")
        elif name in wrong:
            yield Mistake(file.path, line, f"[{PREFERENCES}] {wrong[name]}")
