"""What the README shows is what the program does."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

from pyredis_cli.parsing import help_text
from tests.program import PROGRAM, ROOT
from tests.servers import Server

README = (Path(ROOT) / "README.md").read_text(encoding="utf-8")


def block_behind(words: str) -> str:
    """Return the first code block behind the words."""
    found = re.search(r"```\w+\n(.*?)```", README[README.index(words) :], re.DOTALL)
    assert found is not None
    return found[1]


def test_the_first_command_prints_what_is_shown() -> None:
    command = block_behind("## Try it")
    flags = re.search(r"pyredis-cli (--embedded .*) <<'COMMANDS'\n(.*)COMMANDS\n", command, re.DOTALL)
    assert flags is not None
    ran = subprocess.run(
        [*PROGRAM, *flags[1].split()], input=flags[2], capture_output=True, text=True, timeout=60, cwd=ROOT
    )
    assert (ran.stdout, ran.stderr) == (block_behind("What the first command prints"), "")
    assert ran.returncode == 0


def test_the_flags_are_those_of_the_help() -> None:
    shown = help_text([("tool", "")], 80)
    assert block_behind("## Flags") == shown[shown.index("Where:") :]


def test_the_example_of_the_library_runs(redis82: Server) -> None:
    example = block_behind("## The library")
    assert '"127.0.0.1", 6379' in example
    here = example.replace('"127.0.0.1", 6379', f'"127.0.0.1", {redis82.port}')
    ran = subprocess.run([sys.executable, "-c", here], capture_output=True, text=True, timeout=60, cwd=ROOT)
    assert ran.stderr == ""
    assert ran.stdout.splitlines() == [
        "hello",
        "[1, ReplyError('ERR value is not an integer or out of range')]",
        "WRONGTYPE LPUSH",
    ]


def test_the_test_command_stands_where_the_build_looks_for_it() -> None:
    assert README.count("<!-- test-command -->\n```sh\n") == 1
    assert "-m pytest" in block_behind("<!-- test-command -->")


def test_the_views_are_as_they_are_shown() -> None:
    check = [sys.executable, str(Path(ROOT) / "scripts" / "generate_views_doc.py"), "--check"]
    done = subprocess.run(check, capture_output=True, text=True, timeout=60, cwd=ROOT)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
