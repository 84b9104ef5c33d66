"""What the environment says of servers and of whom we are, and where our own files are.

It knows the names of the variables and which of them count. It reads no file.
"""

from __future__ import annotations

import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from pyredis_cli.given import Given

__all__ = [
    "CONFIG",
    "HOST",
    "PORT",
    "PROFILE",
    "PROJECT",
    "URLS",
    "USER",
    "config_path",
    "flag_of_place",
    "has_files",
    "variable_of_place",
]

HOST, PORT, USER = "VALKEYCLI_HOST", "VALKEYCLI_PORT", "VALKEYCLI_USER"
URLS = ("REDIS_URL", "VALKEY_URL")
PROFILE = "PYREDISCLI_PROFILE"
CONFIG = "PYREDISCLI_CONFIG"
PROJECT = ".pyredis-cli.toml"
"""The file of the current directory."""


def flag_of_place(given: Given) -> str:
    """Return the flag that says where the server is, empty when none does."""
    flags = {
        "-u": given.url is not None,
        "-s": given.socket is not None,
        "-h": given.host is not None,
        "-p": given.port is not None,
        "--embedded": given.embedded is not None,
    }
    return next((flag for flag, is_given in flags.items() if is_given), "")


def variable_of_place(environ: Mapping[str, str]) -> str:
    """Return the variable that says where the server is, empty when none does; host and port win over a URL."""
    return next((name for name in (HOST, PORT, *URLS) if environ.get(name)), "")


def config_path(environ: Mapping[str, str]) -> str | None:
    """Return the path of our own file; None when the environment says that there is none."""
    named = environ.get(CONFIG)
    if named is None:
        return os.path.join(_folder(environ), "config.toml")
    return None if named in ("", os.devnull) else named


def _folder(environ: Mapping[str, str]) -> str:
    if sys.platform in ("darwin", "win32"):
        from platformdirs import user_config_path

        return str(user_config_path("pyredis-cli", appauthor=False))
    # What platformdirs says here, without the time that it takes to load.
    base = environ.get("XDG_CONFIG_HOME", "")
    return os.path.join(base if base.strip() else os.path.expanduser("~/.config"), "pyredis-cli")


def has_files(environ: Mapping[str, str]) -> bool:
    """Whether there is a file, or may be one, that says something of this start."""
    # Every start asks: this costs it two looks into folders.
    if os.access(PROJECT, os.F_OK):
        return True
    own = config_path(environ)
    return own is not None and (CONFIG in environ or os.access(own, os.F_OK))
