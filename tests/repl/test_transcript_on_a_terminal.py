"""``:transcript``: what was typed and shown is in the file, and no secret of it."""

from __future__ import annotations

import os
import re
import stat
from pathlib import Path

import pytest

from tests.conftest import MakeServer
from tests.repl.conftest import StartRepl, ask, at_prompt
from tests.servers import Server

_SECRET = "s3cret-word"


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SHELL", "/bin/sh")
    return tmp_path


def test_it_reads_as_the_session_did(repl: StartRepl, valkey9: Server, folder: Path) -> None:
    server = valkey9
    server.command("RPUSH", "l", "a\x1b[31m", "Straße")
    screen = repl(server)
    ask(screen, ":set timing off")
    ask(screen, ":set coach off")
    before = ask(screen, "GET before")
    assert ask(screen, ":transcript out.txt") == "transcript out.txt; secrets are ***"
    shown = ask(screen, "LRANGE l 0 -1")
    error = ask(screen, "GET l")
    ask(screen, "GET l > x")
    ask(screen, "LRANGE l 0 -1 | cat")
    ask(screen, "GET 'nosuch key'")
    screen.send_line("FLUSHDB")
    screen.wait_for("Go on? [y/N]")
    screen.send_line("n")
    screen.wait_until(at_prompt, what="the prompt")
    assert ask(screen, ":transcript") == "transcript out.txt"
    assert ask(screen, ":transcript off") == "transcript off; it is in out.txt"
    ask(screen, "PING")
    prompt = f"{server.host}:{server.port}> "
    text = re.sub(r"^\d\d:\d\d:\d\d (?=\S+> )", "", (folder / "out.txt").read_text(), flags=re.MULTILINE)
    flushed = text[text.index("FLUSHDB deletes") : text.index("not sent\n")]
    assert "\nGo on? [y/N] n\n" in flushed
    assert text.split("\n", 1)[1] == (
        "transcript out.txt; secrets are ***\n"
        f"{prompt}LRANGE l 0 -1\n{shown}\n"
        f"{prompt}GET l\n{error}\n"
        f"{prompt}GET l > x\n{error}\n"
        f"{prompt}LRANGE l 0 -1 | cat\n(piped)\n"
        f"{prompt}GET 'nosuch key'\n(nil)\n"
        f"{prompt}FLUSHDB\n{flushed}not sent\n"
        f"{prompt}:transcript\ntranscript out.txt\n"
        f"{prompt}:transcript off\n"
    )
    assert before == "(nil)"
    assert text.startswith(f"# {server.host}:{server.port}, 20")
    assert "\x1b" not in text
    assert stat.S_IMODE((folder / "out.txt").stat().st_mode) == 0o600


def test_no_secret_is_in_it(repl: StartRepl, make_server: MakeServer, folder: Path) -> None:
    server = make_server("redis82", f"requirepass {_SECRET}", "masterauth other-s3cret-word")
    screen = repl(server, "-a", _SECRET, "--no-auth-warning")
    ask(screen, ":transcript t.md")
    ask(screen, "CONFIG GET requirepass")
    ask(screen, "CONFIG GET *auth*")
    assert "other-s3cret-word" in ask(screen, ":reveal")
    ask(screen, f"ACL SETUSER ada on >{_SECRET}2 ~* +@all")
    hashed = "9b74c9897bac770ffc029102a200c5de" * 2
    ask(screen, f"ACL SETUSER ada #{hashed}")
    ask(screen, "ACL LIST")
    ask(screen, "ACL GETUSER ada")
    made = ask(screen, "ACL GENPASS").strip('"')
    ask(screen, "MULTI")
    ask(screen, "CONFIG GET masterauth")
    ask(screen, "EXEC")
    ask(screen, f"ECHO {_SECRET}2")
    ask(screen, f"AUTH ada {_SECRET}2")
    ask(screen, f"AUT ada {_SECRET}2")
    ask(screen, ":format json")
    ask(screen, "CONFIG GET *pass")
    screen.send_line(f"connect redis://ada:{_SECRET}2@{server.host}:{server.port}/0")
    screen.wait_until(at_prompt, what="the prompt")
    ask(screen, "PING")
    text = (folder / "t.md").read_text()
    assert "s3cret" not in text
    assert hashed not in text
    assert made not in text
    assert "AUTH *** ***" in text
    assert '"requirepass":"***"' in text.replace(" ", "")
    assert re.search(r"> :reveal\nmasterauth +\*\*\*\n", text)
    assert text.count("\n```console\n") >= 15
    assert text.count("```") % 2 in (0, 1)
    assert "other-s3cret-word" in screen.text


def test_a_file_that_is_there_is_added_to_when_that_is_said(
    repl: StartRepl, redis82: Server, folder: Path
) -> None:
    (folder / "old.md").write_text("# mine\n")
    os.chmod(folder / "old.md", 0o644)
    redis82.command("SET", "fence", "```\n```\n# not a heading")
    screen = repl(redis82)
    assert "--append" in ask(screen, ":transcript old.md")
    assert (folder / "old.md").read_text() == "# mine\n"
    assert "others may read" in ask(screen, ":transcript --append old.md")
    ask(screen, ":format raw")
    ask(screen, "GET fence")
    ask(screen, ":transcript off")
    text = (folder / "old.md").read_text()
    assert text.startswith("# mine\n\n## ")
    lines = text.splitlines()
    assert [line for line in lines if line.startswith("```")].count("```console") * 2 == sum(
        line.startswith("```") for line in lines
    )
    assert "    ```" in lines


def test_a_full_disk_ends_it_and_not_the_session(repl: StartRepl, redis82: Server, folder: Path) -> None:
    (folder / "full").symlink_to("/dev/full")
    screen = repl(redis82)
    said = ask(screen, ":transcript --append full")
    assert said.endswith("full: No space left on device; the transcript ends here")
    assert ask(screen, "PING") == "PONG"
    assert ask(screen, ":transcript") == "transcript off"
    assert "No such file or directory" in ask(screen, ":transcript /nosuch/f")
    assert ask(screen, ":transcript /") == "/ is a folder"


def test_a_paged_reply_is_in_it(repl: StartRepl, redis82: Server, folder: Path) -> None:
    redis82.command("RPUSH", "l", *(f"element {number}" for number in range(100)))
    screen = repl(redis82, pager=True, env={"PAGER": "true"})
    ask(screen, ":transcript t.txt")
    ask(screen, "LRANGE l 0 -1")
    text = (folder / "t.txt").read_text()
    assert text.count("element 99") == 1
    assert text.count('element 0"') == 1
