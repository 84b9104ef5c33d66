"""``settings init``: a file with all there is, commented out, so that one reads it instead of a manual."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from errno import ENOTDIR
from typing import TYPE_CHECKING, Any, cast

from pyredis_cli.config.keys import INSTEAD_OF_PASSWORD, KEYS
from pyredis_cli.environment import CONFIG, config_path
from pyredis_cli.exits import Exit
from pyredis_cli.flags import UsageError
from pyredis_cli.registry import PREFERENCES, load

if TYPE_CHECKING:
    from pyredis_cli.given import Given, ToolArguments
    from pyredis_cli.streams import Streams

__all__ = ["begin"]

_HEAD = """\
# Settings of pyredis-cli. What begins with # is an example; take the # away and change it.
# A flag wins over all of it, then the environment, then a profile, then [defaults].
# pyredis-cli settings check finds mistakes, settings show --origin tells what holds and why.
"""
_DEFAULTS = "# What holds always. Keys of a server may stand here, too: it is the one that nobody names."
_REPL = "# What the REPL prefers; :set lists it."
_PROFILE = f"""\
# A server with a name: pyredis-cli @prod, or connect @prod in the REPL. All keys of [defaults] may stand here.
# {INSTEAD_OF_PASSWORD[0].upper()}{INSTEAD_OF_PASSWORD[1:]}."""


def begin(given: Given, environ: Mapping[str, str], streams: Streams, arguments: ToolArguments) -> Exit:
    """Write the file; return the exit code."""
    path = config_path(environ)
    if path is None:
        raise UsageError(f"{CONFIG} says that there is no file; leave it out, or name one")
    try:
        _create(path, "\n".join(_lines()) + "\n")
    except FileExistsError:
        raise UsageError(f"{path} is there already; it was not changed") from None
    except OSError as error:
        raise UsageError(f"{path} cannot be written: {error.strerror}") from None
    streams.say(f"wrote {path}")
    return Exit.OK


def _create(path: str, text: str) -> None:
    """Write a new file, whole or not at all, that nobody else can read; FileExistsError when it is there."""
    if os.path.lexists(path):
        raise FileExistsError
    folder = os.path.dirname(os.path.abspath(path))
    try:
        os.makedirs(folder, mode=0o700, exist_ok=True)
    except FileExistsError:
        raise NotADirectoryError(ENOTDIR, f"{folder} is no folder") from None
    unfinished = f"{path}.{os.getpid()}"
    descriptor = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        with open(descriptor, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(descriptor)
        os.link(unfinished, path)  # which never takes the place of another file, as a renaming would
    finally:
        os.unlink(unfinished)


def _lines() -> Iterator[str]:
    yield _HEAD
    yield from ("[defaults]", _DEFAULTS)
    yield from _examples(("session", "display"))
    yield from ("", "[repl]", _REPL)
    described = cast("Callable[[], Mapping[str, tuple[str, str]]]", load(PREFERENCES))
    for name, (value, summary) in described().items():
        yield _example(name, value, summary)
    yield from ("", _PROFILE, "# [profiles.prod]")
    yield from _examples(("server", "profile"))
    yield from (_example(key, KEYS[key].example, KEYS[key].summary) for key in _MOSTLY_OF_PROFILES)


_MOSTLY_OF_PROFILES = ("read_only", "color")


def _examples(scopes: tuple[str, ...]) -> Iterator[str]:
    for key, row in KEYS.items():
        if row.scope in scopes:
            if key == "color":  # the one key that may say less here
                yield _example(key, '"auto"', "whether human output is coloured: auto, always or never")
            else:
                yield _example(key, row.example, row.summary)


def _example(name: str, value: Any, summary: str) -> str:
    return f"{f'# {name} = {value}':<52}  # {summary}"
