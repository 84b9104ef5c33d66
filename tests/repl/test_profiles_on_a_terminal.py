"""Profiles in the REPL: the name before the prompt, what is said at the start, and ``connect @NAME``."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.config.test_profiles import configure
from tests.conftest import MakeTerminal
from tests.program import PROGRAM
from tests.repl.conftest import ask
from tests.servers import Server, wait_until
from tests.terminal import Terminal


def started(terminal: MakeTerminal, *args: str) -> Terminal:
    opened: Terminal = terminal([*PROGRAM, *args], columns=200)
    opened.wait_until(lambda screen: screen.line.endswith(">"), what="the first prompt")
    return opened


def name_color(opened: Terminal) -> str:
    """Return the colour of the name in front of the prompt."""
    _, row = opened.cursor
    return opened.cell(0, row).fg


def test_a_session_shows_its_profile_and_goes_on_at_others(
    redis82: Server, terminal: MakeTerminal, monkeypatch: pytest.MonkeyPatch
) -> None:
    where = f"host = '{redis82.host}'\nport = {redis82.port}\n"
    path = configure(
        f"[defaults]\nformat = 'json'\n[repl]\nformat = 'redis'\n[rpel]\n"
        f"[profiles.prod]\n{where}production = true\nread_only = true\ninit = ['CLIENT NO-EVICT ON']\n"
        f"[profiles.dev]\n{where}database = 3\nname = 'ada'\ncolor = 'green'\n"
    )
    monkeypatch.setenv("REDIS_URL", "redis://elsewhere")
    address = f"{redis82.host}:{redis82.port}"
    opened = started(terminal, "@prod")
    assert "REDIS_URL is not used: the profile prod says where to connect" in opened.text
    assert f"{path}: unknown name rpel" in opened.text
    assert opened.line == f"prod {address}(PROD)(read-only)>"
    assert re.search(r"flags=\w*e", ask(opened, "CLIENT INFO")), "the command of init was run"
    assert "(refused)" in ask(opened, "SET a 1")
    assert name_color(opened) == "red", "production is red where no other colour is said"
    redis82.command("CLIENT", "KILL", "TYPE", "normal")
    wait_until(
        lambda: re.search(r"flags=\w*e", ask(opened, "CLIENT INFO")), what="init on the new connection"
    )
    opened.send_line("connect @dev")
    opened.wait_until(lambda screen: screen.line == f"dev {address}[3](read-only)>", what="the other profile")
    assert name_color(opened) == "green"
    assert ask(opened, "CLIENT GETNAME") == '"ada"', "[repl] wins over [defaults]"
    assert "no profile nosuch" in ask(opened, "connect @nosuch")
    assert opened.line.startswith("dev ")
    opened.send("connect @p\t")
    opened.wait_until(lambda screen: screen.line.endswith("connect @prod"), what="the completed name")
    opened.send_key("c-c")
    opened.send_line(f"connect redis://{address}/1")
    opened.wait_until(lambda screen: screen.line == f"{address}[1](read-only)>", what="no profile")


def test_the_directory_and_flags_win_over_the_user(
    redis82: Server, terminal: MakeTerminal, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    where = f"host = '{redis82.host}'\nport = {redis82.port}\n"
    configure(
        "[repl]\nformat = 'csv'\ntiming = 'off'\nlimit = 7\n"
        f"[profiles.dev]\n{where}format = 'yaml'\ntheme = 'light'\n"
    )
    Path(".pyredis-cli.toml").write_text("[repl]\nlimit = 8\nformat = 'tsv'\nvi = true\n")
    opened = started(terminal, "@dev", "--theme", "dark")
    shown = ask(opened, ":set")
    assert ".pyredis-cli.toml: [repl] vi is not for a file of the current directory" in opened.text
    for line in ("limit 8", "format tsv", "timing off", "theme dark", "vi off"):
        assert f"\n{line} " in f"\n{shown}", line
