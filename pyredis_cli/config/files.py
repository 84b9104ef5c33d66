"""The files in which a person says once what is to hold always: which they are, and what they say.

Ours is ``config.toml``, and ``.pyredis-cli.toml`` in the current directory; redis-cli's ``~/.redisclirc`` is read
as well. It knows their forms, and gives back names, values and what is wrong. It does not know which names there
are.
It is loaded by starts that take a tenth of a second at most, so nothing is imported here that is slow to load.
"""

from __future__ import annotations

import os

from pyredis.records import NamedTuple
from pyredis_cli.environment import PROJECT

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from typing import Any

__all__ = [
    "ConfigError",
    "Directive",
    "File",
    "directives",
    "file_at",
    "project_file",
    "rc_paths",
    "tables",
    "user_file",
]

_LARGEST = 1024 * 1024
_LARGEST_OF_PROJECT = 16 * 1024
"""Bytes; whoever has written it must not be able to hold up every start in its folder."""
_RC_OVERRIDES = ("REDISCLI_RCFILE", "VALKEYCLI_RCFILE")
_RC_NAMES = (".redisclirc", ".valkeyclirc")
_OTHERS = 0o077
"""What the mode of a file has when others than its owner may do something with it."""
_EVERYBODY = 0o002
"""What the mode of a file has when everybody may write it."""
_REGULAR, _KIND = 0o100000, 0o170000


class ConfigError(ValueError):
    """A file that says nothing that could be read; the message is the reason.

    ``text`` is what it holds all the same, as far as that can be told.
    """

    def __init__(self, reason: str, text: bytes = b"") -> None:
        super().__init__(reason)
        self.text = text.decode("utf-8", "replace")


class Directive(NamedTuple):
    """A line of an rc file: its number, and its words, the first one in lower case."""

    number: int
    words: tuple[str, ...]


class File(NamedTuple):
    """What a file holds, and who may read it."""

    path: str
    text: str
    private: bool
    """Whether nobody but its owner may read or write it."""
    shared: bool
    """Whether everybody may write it."""
    owner: int

    def __repr__(self) -> str:
        # A URL in the text may hold a password.
        return f"File({self.path!r})"


def rc_paths(environ: Mapping[str, str]) -> tuple[str, ...]:
    """Return redis-cli's and valkey-cli's files, what the later one says holds; none with ``/dev/null``."""
    for name in _RC_OVERRIDES:
        if named := environ.get(name):
            return () if named == os.devnull else (named,)
    home = environ.get("HOME")
    return tuple(os.path.join(home, name) for name in _RC_NAMES) if home else ()


def project_file() -> File | None:
    """Return the file of the current directory; ConfigError when somebody else has put it there."""
    file = file_at(PROJECT, _LARGEST_OF_PROJECT)
    if file is not None and file.owner not in (0, os.geteuid()):
        raise ConfigError("belongs to another user; it is not used")
    return file


def user_file(path: str) -> File | None:
    """Return what the user's file holds; ConfigError also when everybody can write it.

    It names servers that passwords are sent to, and programs that are run.
    """
    file = file_at(path)
    if file is not None and file.shared:
        from shlex import quote

        raise ConfigError(f"can be written by everybody; chmod o-w {quote(path)} mends it")
    return file


def file_at(path: str, largest: int = _LARGEST) -> File | None:
    """Return what a file holds, None when it is not there; ConfigError when it cannot be read, or is too large."""
    try:
        # O_NONBLOCK: a FIFO in the file's place must not stop the program.
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOCTTY)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raise ConfigError(error.strerror or "cannot be opened") from None
    try:
        about = os.fstat(descriptor)
        if about.st_mode & _KIND != _REGULAR:
            raise ConfigError("is no regular file")
        text = os.read(descriptor, largest + 1)
    except OSError as error:
        raise ConfigError(error.strerror or "cannot be read") from None
    finally:
        os.close(descriptor)
    if len(text) > largest:
        raise ConfigError(f"is larger than {largest // 1024} KiB, which no such file is", text)
    return File(
        path, _decoded(text), not about.st_mode & _OTHERS, bool(about.st_mode & _EVERYBODY), about.st_uid
    )


def _decoded(text: bytes) -> str:
    try:
        return text.removeprefix(b"\xef\xbb\xbf").decode()
    except UnicodeDecodeError:
        raise ConfigError("is not UTF-8", text) from None


def tables(text: str) -> dict[str, Any]:
    """Return what a file in TOML says; ConfigError names the line that is none."""
    # Few have such a file, and everybody would wait for the parser.
    import tomllib

    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"{error}; nothing of the file is used") from None
    except ValueError:  # Python's own
        raise ConfigError("has a number of thousands of digits; nothing of the file is used") from None
    except RecursionError:
        raise ConfigError("is nested too deeply; nothing of the file is used") from None


def directives(text: str) -> Iterator[Directive]:
    """Yield the lines of an rc file that are not blank; those that begin with # are comments."""
    for number, line in enumerate(text.splitlines(), 1):
        if (words := line.split()) and not words[0].startswith("#"):
            yield Directive(number, (words[0].lower(), *words[1:]))
