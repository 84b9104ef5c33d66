"""The man page says what the program does, and is one that man can show."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys

import pytest

from pyredis_cli.exits import Exit
from pyredis_cli.flags import FLAGS
from pyredis_cli.registry import TOOLS
from pyredis_cli.tool_flags import TOOL_FLAGS
from tests.program import ROOT

PAGE = ROOT / "docs" / "pyredis-cli.1"


def shown() -> str:
    """Return the page as man shows it, without the emphasis."""
    groff = shutil.which("groff")
    if groff is None:
        pytest.skip("groff is not installed")
    command = [groff, "-man", "-ww", "-Tutf8", "-P-cbou", "-rLL=200n", str(PAGE)]
    done = subprocess.run(command, capture_output=True, text=True, encoding="utf-8")
    assert (done.returncode, done.stderr) == (0, "")
    return re.sub(r"\s+", " ", done.stdout)


def test_the_page_is_what_the_generator_writes() -> None:
    check = [sys.executable, "scripts/generate_man.py", "--check"]
    done = subprocess.run(check, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


def test_every_flag_tool_exit_code_and_variable_is_on_it() -> None:
    text = shown()
    told = [flag for rows in FLAGS.values() for flag in rows]
    told += [flag for name in TOOLS for flag in TOOL_FLAGS[name].flags]
    assert [flag.names for flag in told if re.sub(r"\s+", " ", flag.help) not in text] == []
    assert [flag.names for flag in told if not all(f" {name}" in text for name in flag.names)] == []
    assert [name for name in TOOLS if f"pyredis-cli [FLAGS] {name}" not in text] == []
    status = text[text.index("EXIT STATUS") : text.index("ENVIRONMENT")]
    untold = {Exit.GUARD, Exit.INTERNAL}  # nothing is guarded yet, and a bug is none of a user's business
    assert [code for code in Exit if code not in untold and not re.search(rf"\b{code:d}\b", status)] == []


def test_the_variables_of_the_environment_that_the_program_looks_at_are_on_it() -> None:
    source = "".join(path.read_text("utf-8") for path in (ROOT / "pyredis_cli").rglob("*.py"))
    named = re.findall(r'"((?:PYREDISCLI|REDISCLI|VALKEYCLI)_[A-Z]+|(?:REDIS|VALKEY)_URL)"', source)
    assert len(set(named)) > 10
    page = PAGE.read_text("utf-8")
    assert sorted(name for name in set(named) if name not in page) == ["PYREDISCLI_DEBUG"]


def test_nothing_is_wrong_with_it() -> None:
    mandoc = shutil.which("mandoc")
    if mandoc is None:
        pytest.skip("mandoc is not installed")
    done = subprocess.run([mandoc, "-T", "lint", str(PAGE)], capture_output=True, text=True)
    found = [line for line in done.stdout.splitlines() if "missing date" not in line]
    assert found == []
