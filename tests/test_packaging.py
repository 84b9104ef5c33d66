"""What is built has all that a user needs, and nothing else."""

from __future__ import annotations

import subprocess
import sys
import tarfile
import zipfile
from configparser import ConfigParser
from email import message_from_bytes
from email.message import Message
from importlib import import_module
from pathlib import Path

import pytest

from pyredis_cli import __version__
from tests.program import ROOT

SHARED = {
    "share/bash-completion/completions/pyredis-cli": "completions/pyredis-cli.bash",
    "share/zsh/site-functions/_pyredis-cli": "completions/_pyredis-cli",
    "share/fish/vendor_completions.d/pyredis-cli.fish": "completions/pyredis-cli.fish",
    "share/man/man1/pyredis-cli.1": "docs/pyredis-cli.1",
}
INFO = f"pyredis_cli-{__version__}.dist-info"
DATA = f"pyredis_cli-{__version__}.data/data"


def build(source: Path, target: str, folder: Path) -> Path:
    """Return what hatchling builds of a source tree; it needs no network."""
    command = [sys.executable, "-m", "hatchling", "build", "-t", target, "-d", str(folder)]
    done = subprocess.run(command, cwd=source, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr
    (built,) = folder.iterdir()
    return built


@pytest.fixture(scope="module")
def sdist(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build(ROOT, "sdist", tmp_path_factory.mktemp("sdist"))


@pytest.fixture(scope="module")
def wheel(sdist: Path, tmp_path_factory: pytest.TempPathFactory) -> zipfile.ZipFile:
    """Return the wheel that is built of the sdist, as installers do that find no wheel."""
    unpacked = tmp_path_factory.mktemp("unpacked")
    with tarfile.open(sdist) as archive:
        archive.extractall(unpacked, filter="data")
    (source,) = unpacked.iterdir()
    return zipfile.ZipFile(build(source, "wheel", tmp_path_factory.mktemp("wheel")))


def sources() -> set[str]:
    """Return the files of the two packages."""
    files = [path for name in ("pyredis", "pyredis_cli") for path in (ROOT / name).rglob("*")]
    return {
        str(path.relative_to(ROOT)) for path in files if path.is_file() and "__pycache__" not in path.parts
    }


def test_the_wheel_holds_the_packages_and_what_shells_and_man_look_for(wheel: zipfile.ZipFile) -> None:
    about = {
        f"{INFO}/{name}" for name in ("METADATA", "RECORD", "WHEEL", "entry_points.txt", "licenses/LICENSE")
    }
    shared = {f"{DATA}/{name}" for name in SHARED}
    assert set(wheel.namelist()) == sources() | shared | about
    for needed in ("_facts/__init__.py", "_module_facts.py", "methods.pyi"):
        assert f"pyredis/commands/{needed}" in wheel.namelist()
    for package in ("pyredis", "pyredis_cli"):
        assert f"{package}/py.typed" in wheel.namelist()


def test_what_is_shared_is_what_the_tree_has(wheel: zipfile.ZipFile) -> None:
    for name, path in SHARED.items():
        assert wheel.read(f"{DATA}/{name}") == (ROOT / path).read_bytes()


def test_the_program_is_found_by_its_name(wheel: zipfile.ZipFile) -> None:
    points = ConfigParser()
    points.read_string(wheel.read(f"{INFO}/entry_points.txt").decode())
    assert {section: dict(points[section]) for section in points.sections()} == {
        "console_scripts": {"pyredis-cli": "pyredis_cli.__main__:main"}
    }
    module, _, function = points["console_scripts"]["pyredis-cli"].partition(":")
    assert callable(getattr(import_module(module), function))


def metadata(wheel: zipfile.ZipFile) -> Message:
    return message_from_bytes(wheel.read(f"{INFO}/METADATA"))


def test_it_asks_for_what_it_imports_and_no_more(wheel: zipfile.ZipFile) -> None:
    said = metadata(wheel)
    needed = {line for line in said.get_all("Requires-Dist", []) if "extra ==" not in line}
    assert {line.split(">=")[0].replace("-", "_") for line in needed} == {
        "click",
        "hiredis",
        "platformdirs",
        "prompt_toolkit",
        "rich",
    }
    assert (said["Name"], said["Version"], said["Requires-Python"]) == ("pyredis-cli", __version__, ">=3.11")
    assert said["License-Expression"] == "MIT"


def test_the_sdist_is_the_tree_that_can_be_tested(sdist: Path) -> None:
    with tarfile.open(sdist) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    for needed in ("pyproject.toml", "README.md", "LICENSE", "CHANGELOG.md", "tests/conftest.py", "PKG-INFO"):
        assert needed in names
    assert names >= sources() | set(SHARED.values())
    assert not [
        name
        for name in names
        if name.endswith((".pyc", ".so")) or ("/." in f"/{name}" and "ignore" not in name)
    ]
