"""The version: one line of the source, told by the library, the program and the build."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Final

import pyredis_cli
from pyredis.version import __version__
from tests.program import ran

ROOT: Final = Path(__file__).parent.parent


def test_the_library_and_the_program_tell_the_same_version() -> None:
    assert pyredis_cli.__version__ == __version__
    assert ran("--version").stdout == f"pyredis-cli {__version__}\n".encode()


def test_the_build_reads_the_version_where_it_is_named() -> None:
    named = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["hatch"]["version"]["path"]
    assert re.findall(r'^__version__ = "(.+)"$', (ROOT / named).read_text(), re.MULTILINE) == [__version__]
