"""The completion scripts say what the program knows, and real shells complete with them."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


def test_the_files_are_what_the_generator_writes() -> None:
    checked = subprocess.run(
        [sys.executable, "scripts/generate_completions.py", "--check"],
        cwd=ROOT,
        env={"PYTHONPATH": str(ROOT), "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
    )
    assert checked.returncode == 0, checked.stdout + checked.stderr


def complete(line: str) -> list[str]:
    """Return what bash offers when TAB is pressed at the end of the line."""
    bash = shutil.which("bash")
    if bash is None:
        pytest.skip("bash is not installed")
    script = (
        'source completions/pyredis-cli.bash; COMP_LINE=$1; read -ra COMP_WORDS <<<"$1"; '
        '[[ $1 == *" " ]] && COMP_WORDS+=(""); COMP_CWORD=$((${#COMP_WORDS[@]} - 1)); '
        '_pyredis_cli; printf "%s\\n" "${COMPREPLY[@]}"'
    )
    shown = subprocess.run([bash, "-c", script, "bash", line], cwd=ROOT, capture_output=True, text=True)
    assert shown.stderr == ""
    return shown.stdout.split()


@pytest.mark.parametrize(
    ("line", "offered"),
    [
        ("pyredis-cli hget", ["hget", "hgetall", "hgetdel", "hgetex"]),
        ("pyredis-cli HGETA", ["HGETALL"]),
        ("pyredis-cli exe", ["exec"]),
        ("pyredis-cli exec hgeta", ["hgetall"]),
        ("pyredis-cli --pool", ["--pool-size"]),
        ("pyredis-cli -n 2 --user alice hgeta", ["hgetall"]),
        ("pyredis-cli config re", ["resetstat", "rewrite"]),
        ("pyredis-cli -p 7000 CONFIG RE", ["RESETSTAT", "REWRITE"]),
        ("pyredis-cli -p ", []),
        ("pyredis-cli get ", []),
        ("pyredis-cli config get ", []),
        ("pyredis-cli -s LIC", ["LICENSE"]),
        ("pyredis-cli --format j", ["json"]),
        ("pyredis-cli -p 7000 --bytes ", ["utf8", "escape", "base64", "hex"]),
    ],
)
def test_bash_offers(line: str, offered: list[str]) -> None:
    assert complete(line) == offered


@pytest.mark.parametrize(("shell", "name"), [("zsh", "_pyredis-cli"), ("fish", "pyredis-cli.fish")])
def test_the_other_shells_understand_their_script(shell: str, name: str) -> None:
    program = shutil.which(shell)
    if program is None:
        pytest.skip(f"{shell} is not installed")
    parsed = subprocess.run([program, "-n", f"completions/{name}"], cwd=ROOT, capture_output=True, text=True)
    assert (parsed.returncode, parsed.stderr) == (0, "")


@pytest.mark.parametrize(
    ("line", "offered"),
    [
        ("pyredis-cli hgeta", ["hgetall"]),
        ("pyredis-cli -n 2 CONFIG RE", ["RESETSTAT", "REWRITE"]),
        ("pyredis-cli --pool", ["--pool-size"]),
        ("pyredis-cli --format js", ["json"]),
    ],
)
def test_fish_offers(line: str, offered: list[str]) -> None:
    fish = shutil.which("fish")
    if fish is None:
        pytest.skip("fish is not installed")
    shown = subprocess.run(
        [fish, "--no-config", "-c", f"source completions/pyredis-cli.fish; complete -C '{line}'"],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    assert shown.stderr == ""
    assert [entry.partition("\t")[0] for entry in shown.stdout.splitlines()] == offered
