"""The files in which a person says once what is to hold always: which they are, and what they say.

Ours is ``config.toml``; redis-cli's ``~/.redisclirc`` is read as well. It knows where they are and their forms,
and gives back names, values and what is wrong. It does not know which names there are.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final, NamedTuple

__all__ = ["CONFIG", "ConfigError", "Directive", "config_path", "directives", "rc_paths", "tables", "text_of"]

_LARGEST: Final = 1024 * 1024
CONFIG: Final = "PYREDISCLI_CONFIG"
_RC_OVERRIDES: Final = ("REDISCLI_RCFILE", "VALKEYCLI_RCFILE")
_RC_NAMES: Final = (".redisclirc", ".valkeyclirc")


class ConfigError(ValueError):
    """A file that says nothing that could be read; the message is the reason."""


class Directive(NamedTuple):
    """A line of an rc file: its number, and its words, the first one in lower case."""

    number: int
    words: tuple[str, ...]


def config_path(environ: Mapping[str, str], folder: Callable[[], Path]) -> Path | None:
    """Return our own file, by default the one in ``folder``; None when the environment says that there is none."""
    named = environ.get(CONFIG)
    if named is None:
        return folder() / "config.toml"
    return None if named in ("", os.devnull) else Path(named)


def rc_paths(environ: Mapping[str, str]) -> tuple[Path, ...]:
    """Return redis-cli's and valkey-cli's files, what the later one says holds; none with ``/dev/null``."""
    for name in _RC_OVERRIDES:
        if named := environ.get(name):
            return () if named == os.devnull else (Path(named),)
    home = environ.get("HOME")
    return tuple(Path(home, name) for name in _RC_NAMES) if home else ()


def text_of(path: Path) -> str | None:
    """Return what a file holds, None when it is not there; ConfigError when it cannot be read."""
    try:
        # O_NONBLOCK: a FIFO in the file's place must not stop the program.
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOCTTY)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raise ConfigError(error.strerror or "cannot be opened") from None
    try:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise ConfigError("is no regular file")
        text = os.read(descriptor, _LARGEST + 1)
    except OSError as error:
        raise ConfigError(error.strerror or "cannot be read") from None
    finally:
        os.close(descriptor)
    if len(text) > _LARGEST:
        raise ConfigError("is larger than 1 MiB, which no such file is")
    try:
        return text.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise ConfigError("is not UTF-8") from None


def tables(text: str) -> dict[str, Any]:
    """Return what a file in TOML says; ConfigError names the line that is none."""
    # Few have such a file, and the prompt would wait for the parser.
    import tomllib

    try:
        return tomllib.loads(text)
    except ValueError as error:  # a TOMLDecodeError, or that of a number of thousands of digits
        raise ConfigError(f"{error}; nothing of the file is used") from None
    except RecursionError:
        raise ConfigError("is nested too deeply; nothing of the file is used") from None


def directives(text: str) -> Iterator[Directive]:
    """Yield the lines of an rc file that are not blank; those that begin with # are comments."""
    for number, line in enumerate(text.splitlines(), 1):
        if (words := line.split()) and not words[0].startswith("#"):
            yield Directive(number, (words[0].lower(), *words[1:]))
