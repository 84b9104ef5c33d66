"""Secrets in replies are stars on the screen until somebody wants to see them; elsewhere they are what came."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.conftest import MakeServer, MakeTerminal
from tests.program import PROGRAM, ran
from tests.repl.conftest import StartRepl, ask
from tests.servers import Server

_SECRET = "s3cret-word"
_NOTE = "secrets are stars here; :reveal shows them"


@pytest.fixture
def locked(make_server: MakeServer, monkeypatch: pytest.MonkeyPatch) -> Server:
    monkeypatch.setenv("REDISCLI_AUTH", _SECRET)
    monkeypatch.setenv("SHELL", "/bin/sh")
    return make_server("redis82", f"requirepass {_SECRET}")


@pytest.mark.parametrize("protocol", ["-2", "-3"])
def test_a_secret_is_seen_when_that_is_wanted(
    repl: StartRepl, locked: Server, protocol: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    screen = repl(locked, protocol)
    assert ask(screen, "CONFIG GET requirepass").splitlines() == ["requirepass  ***", _NOTE]
    assert ask(screen, ":reveal") == f"requirepass  {_SECRET}"
    assert ask(screen, ":reveal") == "nothing in the last reply was stars"
    assert re.search(r"^default +on +.*#\*\*\*", ask(screen, "ACL LIST"), re.MULTILINE)
    ask(screen, "PING")
    assert ask(screen, ":reveal") == "nothing in the last reply was stars"
    assert ask(screen, "CONFIG GET maxmemory") == "maxmemory  0  no limit"
    assert re.fullmatch(r'"[0-9a-f]{64}"', ask(screen, "ACL GENPASS"))
    ask(screen, "MULTI")
    ask(screen, "CONFIG GET requirepass")
    queued = ask(screen, "EXEC")
    assert "***" in queued
    assert _SECRET not in queued
    of_all = ask(screen, ":all CONFIG GET requirepass")
    assert _SECRET not in of_all
    assert of_all.endswith(_NOTE)
    assert _SECRET in ask(screen, ":reveal")
    ask(screen, ":all CONFIG GET maxmemory")
    assert ask(screen, ":reveal") == "nothing in the last reply was stars"
    ask(screen, "CONFIG GET requirepass > told")
    assert _SECRET in (tmp_path / "told").read_text()
    ask(screen, ":set format json")
    assert _SECRET in ask(screen, "CONFIG GET requirepass")
    ask(screen, ":set format human")
    ask(screen, ":set reveal on")
    assert ask(screen, "CONFIG GET requirepass") == f"requirepass  {_SECRET}"
    assert _SECRET in ask(screen, ":all CONFIG GET requirepass")


def test_a_command_of_the_shell_hides_them_from_people_too(locked: Server, terminal: MakeTerminal) -> None:
    def shown(*flags: str) -> list[str]:
        words = *PROGRAM, "-h", locked.host, "-p", str(locked.port), *flags, "CONFIG", "GET", "requirepass"
        seen = terminal([*words], columns=80, rows=24)
        assert seen.exit_code() == 0
        return seen.text.split("\n")[:2]

    assert shown() == ["requirepass  ***", "secrets are stars here; --reveal shows them"]
    assert shown("--reveal")[0] == f"requirepass  {_SECRET}"
    assert shown("--json")[0] == f'{{"requirepass":"{_SECRET}"}}'
    assert ran(locked, "CONFIG", "GET", "requirepass").stdout == f"requirepass\n{_SECRET}\n".encode()


def test_a_report_of_the_shell_hides_them_from_people_too(locked: Server) -> None:
    covered, shown = (
        ran(locked, *flags, "all", "CONFIG", "GET", "requirepass") for flags in ((), ("--reveal",))
    )
    assert _SECRET.encode() not in covered.stdout
    assert covered.said == "secrets are stars here; --reveal shows them\n"
    assert _SECRET.encode() in shown.stdout
    assert shown.said == ""


def test_a_transcript_has_no_secret_of_several_nodes(
    repl: StartRepl, locked: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    screen = repl(locked)
    ask(screen, ":set format json")
    ask(screen, ":transcript t.txt")
    assert _SECRET in ask(screen, ":all CONFIG GET requirepass")
    assert '"requirepass":"***"' in (tmp_path / "t.txt").read_text().replace(" ", "")
    assert _SECRET not in (tmp_path / "t.txt").read_text()
