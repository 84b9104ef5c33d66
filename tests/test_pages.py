"""What the guide shows is what the program prints, every command of it."""

from __future__ import annotations

import asyncio
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Final

import pytest

from pyredis_cli.exits import Exit
from pyredis_cli.flags import NOT_HERE, by_name
from tests.pages import PAGES, Example, Shell, examples
from tests.program import ROOT, find_redis_cli_70, ran_redis_cli, redis_cli_70
from tests.servers import Server
from tests.tls import Authority, TlsProxy, server_context

_SESSION: Final = '{"user":{"id":7,"name":"Ada Lovelace"},"expires":1795719854,"rights":["read","write"]}'
_FILES: Final = {"bash": "pyredis-cli.bash", "zsh": "_pyredis-cli", "fish": "pyredis-cli.fish"}
_KEYS: Final = (
    ("HSET", "user:7", "name", "Ada Lovelace"),
    ("HSET", "user:7", "motto", 'say "on", twice', "photo", b"\xff\xd8\xff\xe0"),
    ("ZADD", "board", "42", "ada", "17.5", "grace"),
    ("SET", "greeting", "hello"),
    ("XADD", "jobs", "1-1", "to", "ada"),
    ("SET", "session:9", _SESSION),
    ("SET", "last-login", "1795719854"),
    ("XGROUP", "CREATE", "jobs", "mail", "0"),
    ("XGROUP", "CREATE", "jobs", "print", "0"),
)
_STATE: Final = {
    "docs/output.md": _KEYS,
    "docs/reports.md": (
        *_KEYS,
        ("HSET", "user:8", "name", "Grace Hopper", "city", "New York"),
        ("RPUSH", "queue", *(f"job:{number}" for number in range(2_000))),
    ),
}


@pytest.mark.skipif(shutil.which("bash") is None, reason="the examples are for bash")
@pytest.mark.parametrize("page", PAGES)
async def test_each_command_of_a_page_prints_what_is_shown(
    redis82: Server, tmp_path: Path, page: str
) -> None:
    """Commands of redis-cli are left out where there is no redis-cli 7.0."""
    shown = examples((ROOT / page).read_text("utf-8"))
    for command in _STATE.get(page, ()):
        redis82.command(*command)
    redis_cli = find_redis_cli_70()
    authority = Authority(tmp_path / "authority")
    async with encrypting(redis82, authority) as proxy:
        shell = Shell(tmp_path, {"6379": redis82.port, "6380": proxy.port}, redis_cli)
        put_certificates(authority, shell.folder)
        run = [example for example in shown if redis_cli or not example.compares]
        printed = [(example, await asyncio.to_thread(shell.run, example)) for example in run]

    wrong = [(example, came) for example, came in printed if not example.is_printed_by(came)]
    assert len(shown) > 3
    assert not wrong, "\n".join(f"$ {example.command}\n{came}" for example, came in wrong)


def encrypting(server: Server, authority: Authority) -> TlsProxy:
    """Return the server once more, with TLS and a certificate for cache.example."""
    return TlsProxy(("127.0.0.1", server.port), server_context(authority.sign("cache.example")))


@pytest.mark.skipif(shutil.which("zsh") is None, reason="one of the lines is for zsh")
def test_the_lines_that_install_completions_do(tmp_path: Path) -> None:
    text = Path(ROOT, "README.md").read_text("utf-8")
    found = re.search(r"```sh\n(.*?)```", text[text.index("## Shell completion") :], re.DOTALL)
    assert found is not None
    (tmp_path / "pyredis-cli").write_text(f'#!/bin/sh\nexec {sys.executable} -m pyredis_cli "$@"\n')
    (tmp_path / "pyredis-cli").chmod(0o700)
    env = {"HOME": str(tmp_path), "PATH": f"{tmp_path}:/usr/bin:/bin", "PYTHONPATH": str(ROOT)}
    places = {
        "bash": ".local/share/bash-completion/completions/pyredis-cli",
        "zsh": "_pyredis-cli",
        "fish": ".config/fish/completions/pyredis-cli.fish",
    }

    for line, (shell, place) in zip(found[1].splitlines(), places.items(), strict=True):
        run = ["zsh", "-fc", f"fpath=({tmp_path})\n{line}"] if shell == "zsh" else ["bash", "-c", line]
        subprocess.run(run, env=env, check=True)
        assert (tmp_path / place).read_bytes() == Path(ROOT, "completions", _FILES[shell]).read_bytes()


def test_no_page_with_commands_is_forgotten() -> None:
    pages = ["README.md", *(f"docs/{path.name}" for path in Path(ROOT, "docs").glob("*.md"))]

    assert {page for page in pages if "```console" in Path(ROOT, page).read_text("utf-8")} == set(PAGES)


def put_certificates(authority: Authority, folder: Path) -> None:
    """Put there what a client needs that trusts the authority and is known to it."""
    mine = authority.sign("me")
    for path, name in ((authority.ca_file, "ca.pem"), (mine.cert_file, "me.crt"), (mine.key_file, "me.key")):
        shutil.copy(path, folder / name)


def table() -> dict[str, str]:
    """Return redis-cli's flags and what its page says of each."""
    page = Path(ROOT, "docs/redis-cli.md").read_text("utf-8")
    rows = re.findall(r"^\| (.*?`-.*?) \| (.*?) \|$", page, re.MULTILINE)
    return {flag: said for flags, said in rows for flag in re.findall(r"`(--?[\w-]+)", flags)}


def test_the_page_for_those_who_know_redis_cli_lists_each_of_its_flags() -> None:
    text = ran_redis_cli("--help", binary=redis_cli_70()).stdout.decode()
    options = text[: text.index("Cluster Manager Commands:")]
    theirs = set(re.findall(r"^ {1,2}(--?[\w-]+)", options, re.MULTILINE))

    assert len(theirs) > 50
    assert theirs - set(table()) == set()


def test_a_flag_is_there_unless_the_page_says_that_it_is_not() -> None:
    told = table()

    assert {flag for flag in told if by_name(flag) is None} == set(NOT_HERE)
    assert {flag for flag, said in told.items() if said == "not there yet"} == set(NOT_HERE)


@pytest.mark.parametrize("page", ["README.md", "docs/scripting.md"])
def test_the_exit_codes_are_those_of_the_program(page: str) -> None:
    rows = Path(ROOT, page).read_text("utf-8").split("| exit code | meaning |\n", 1)[1].split("\n\n")[0]
    told = {
        int(code)
        for cells in re.findall(r"^\| ([\d, ]+) \|", rows, re.MULTILINE)
        for code in cells.split(",")
    }

    assert told == {int(code) for code in Exit}


def test_an_example_is_a_command_and_what_it_prints() -> None:
    page = "# A\n```console\n$ cat <<END\n> one\n> END\none\n$ ls\na ... b\n$ true\n```\n```sh\n$ not this\n```\n"

    first, second, third = examples(page)

    assert first == Example("cat <<END\none\nEND", "one\n")
    assert second == Example("ls", "a ... b\n")
    assert second.is_printed_by("a long\nway to b\n")
    assert not second.is_printed_by("a b\n")
    assert third == Example("true", "")
    assert Example("cat notes.txt", "").file == "notes.txt"
    assert second.file is None
