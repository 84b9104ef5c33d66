"""``|`` and ``>`` on a terminal: exact bytes to pipelines and files, and never from anywhere but the prompt."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from tests.conftest import MakeServer
from tests.program import ran
from tests.repl.conftest import StartRepl, ask, at_prompt
from tests.servers import Server, wait_until

_BYTES = bytes(range(256))


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SHELL", "/bin/sh")
    return tmp_path


def test_replies_go_into_files_byte_for_byte(repl: StartRepl, redis82: Server, folder: Path) -> None:
    server = redis82
    server.command("SET", "k", _BYTES)
    server.command("RPUSH", "l", "a b", "c\xff")
    server.command("HSET", "h", "f 1", "v 1")
    screen = repl(server)
    assert ask(screen, "GET k > 'a b.bin'") == "-> a b.bin: 256 bytes"
    assert (folder / "a b.bin").read_bytes() == _BYTES
    ask(screen, "LRANGE l 0 -1 > l.txt")
    assert (folder / "l.txt").read_bytes() == "a b\nc\xff\n".encode()
    ask(screen, "HGETALL h > h.txt")
    assert ask(screen, "STRLEN k >> h.txt") == "-> h.txt: 4 bytes appended"
    assert (folder / "h.txt").read_bytes() == b"f 1\nv 1\n256\n"
    ask(screen, "3 INCR n > n.txt")
    assert (folder / "n.txt").read_bytes() == b"1\n2\n3\n"
    ask(screen, "GET k > ~/k.bin")
    assert (folder / "home" / "k.bin").read_bytes() == _BYTES
    umask = os.umask(0)
    os.umask(umask)
    assert stat.S_IMODE((folder / "n.txt").stat().st_mode) == 0o666 & ~umask


def test_nothing_is_made_run_or_emptied_without_a_reply(
    repl: StartRepl, redis82: Server, folder: Path
) -> None:
    redis82.command("RPUSH", "l", "x")
    (folder / "kept").write_text("kept")
    screen = repl(redis82)
    assert "WRONGTYPE" in ask(screen, "GET l > kept")
    assert "WRONGTYPE" in ask(screen, "GET l > new")
    assert "WRONGTYPE" in ask(screen, "GET l | touch new")
    assert ask(screen, "GET nosuch > kept").splitlines() == ["(nil)", "nothing for > kept"]
    assert "one file" in ask(screen, "SET written 1 > a b")
    assert ask(screen, ":all PING > new").startswith("> is for replies of commands")
    ask(screen, "MULTI")
    assert "EXEC" in ask(screen, "GET k > new").replace("(TX)", "")
    ask(screen, "PING")
    ask(screen, "EXEC > exec.txt")
    assert (folder / "exec.txt").read_text() == "PONG\n"
    assert (folder / "kept").read_text() == "kept"
    assert not (folder / "new").exists()
    assert redis82.command("EXISTS", "written") == 0


def test_what_cannot_be_written_is_told_and_the_session_goes_on(repl: StartRepl, redis82: Server) -> None:
    redis82.command("SET", "k", b"x" * 200_000)
    os.mkfifo("fifo")
    screen = repl(redis82)
    assert ask(screen, "GET k > /dev/full") == "/dev/full: No space left on device"
    assert ask(screen, "GET k > /nosuch/f") == "/nosuch/f: No such file or directory"
    assert ask(screen, "GET k > /tmp") == "/tmp: Is a directory"
    assert ask(screen, "GET k > fifo") == "fifo: nobody reads this FIFO"
    assert ask(screen, "GET k > /dev/null") == "-> /dev/null: 200,000 bytes"


def test_a_pipeline_gets_the_bytes_and_the_terminal(repl: StartRepl, valkey9: Server, folder: Path) -> None:
    server = valkey9
    server.command("SET", "k", _BYTES)
    server.command("SET", "json", '{"a": "it\'s"}')
    server.command("SET", "big", b"y\n" * 2_000_000)
    screen = repl(server)
    ask(screen, "GET k | cat > k.bin")
    assert (folder / "k.bin").read_bytes() == _BYTES
    assert ask(screen, """GET json | sed 's/"a"/b/' | tr -d '{}'""") == 'b: "it\'s"'
    assert ask(screen, "2 GET json | wc -c").split() == ["13", "13"]
    assert ask(screen, "GET big | head -1") == "y"
    assert ask(screen, "GET big | wc -c").strip() == "4000000"
    assert ask(screen, "INFO server | grep -c run_id").splitlines() == [
        "the reply goes to |: INFO gets '|' in quotes",
        "1",
    ]
    assert ask(screen, "INFO server | grep -c nosuch").splitlines() == ["0", "(exit 1)"]
    assert ask(screen, "GET json | kill -9 $$") == "(killed by SIGKILL)"
    assert ask(screen, "GET json | wc -c < /dev/stdin").strip() == "13"
    screen.send_line("GET json | echo ask''ing; read line < /dev/tty; echo got $line")
    screen.wait_for("asking")
    screen.send_line("hello")
    screen.wait_for("got hello")
    assert "READY" not in ask(screen, "PING")


def test_ctrl_c_ends_the_pipeline_and_not_the_session(repl: StartRepl, redis82: Server, folder: Path) -> None:
    redis82.command("SET", "k", "v")
    screen = repl(redis82)
    screen.send_line("5 GET k | touch begun; exec sleep 60")
    wait_until(lambda: (folder / "begun").exists())
    screen.send_key("c-c")
    screen.wait_until(at_prompt, what="the prompt")
    assert ask(screen, "GET k") == '"v"'
    (folder / "begun").unlink()
    screen.send_line("GET k | trap 'echo cared for; exit 3' INT; touch begun; while :; do sleep 0.1; done")
    wait_until(lambda: (folder / "begun").exists())
    screen.send_key("c-c")
    screen.wait_for("cared for")
    screen.wait_until(at_prompt, what="the prompt")
    assert ask(screen, "GET k") == '"v"'


def test_no_program_gets_a_password_of_ours(
    repl: StartRepl, make_server: MakeServer, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = make_server("redis82", "requirepass s3cret-word")
    monkeypatch.setenv("REDISCLI_AUTH", "s3cret-word")
    monkeypatch.setenv("VALKEY_URL", "redis://:s3cret-word@127.0.0.1")
    monkeypatch.setenv("HARMLESS", "kept")
    screen = repl(server)
    ask(screen, "ECHO x | env > env.txt")
    text = (folder / "env.txt").read_text()
    assert "HARMLESS=kept" in text
    assert "s3cret" not in text


def test_what_ends_never_or_is_told_off_is_refused(repl: StartRepl, redis82: Server, folder: Path) -> None:
    screen = repl(redis82)
    assert "pyredis-cli exec SUBSCRIBE" in ask(screen, "SUBSCRIBE news | cat").replace("\n", " ")
    assert "pyredis-cli exec MONITOR" in ask(screen, "MONITOR > f").replace("\n", " ")
    off = repl(redis82, "--no-shell")
    assert ask(off, "SET k v > f").startswith("--no-shell: there is no > here")
    assert ask(off, "SET k v >> f").startswith("--no-shell: there is no >> here")
    assert ask(off, "SET k v | tee f").startswith("--no-shell: there is no | here")
    assert redis82.command("EXISTS", "k") == 0
    assert not (folder / "f").exists()


def test_data_reaches_the_server_unchanged(repl: StartRepl, redis82: Server, folder: Path) -> None:
    server = redis82
    for stream in ("a", "b"):
        server.command("XGROUP", "CREATE", stream, "g", "$", "MKSTREAM")
        server.command("XADD", stream, "1-1", "f", "v")
    screen = repl(server)
    screen.send_line("XREADGROUP GROUP g c STREAMS a >")
    screen.wait_for("1-1")
    ask(screen, "XADD a 2-2 f v")
    screen.send_line("XREADGROUP GROUP g c STREAMS a b > >")
    screen.wait_until(lambda screen: screen.text.count("2-2") > 2, what="the entries of both")
    assert ask(screen, "ACL SETUSER ada on >pw") == "OK"
    assert ask(screen, "SADD s > x") == "(integer) 2"
    assert ask(screen, 'GET ">"') == "(nil)"
    assert ask(screen, "SMEMBERS s > members").startswith("-> members")
    assert b"flags" in server.command("ACL", "GETUSER", "ada")
    assert sorted(os.listdir(folder)) == ["home", "members"]


def test_files_scripts_and_exec_know_no_shell(repl: StartRepl, redis82: Server, folder: Path) -> None:
    redis82.command("SET", "k", "v")
    (folder / "lines").write_text("GET k > out\nSADD s > out\nGET k | touch out\n")
    screen = repl(redis82)
    assert ask(screen, ":source lines").count("wrong number of arguments") == 2
    for words in (
        ("exec", "GET", "k", ">", "out"),
        ("GET", "k", "|", "touch out"),
        ("exec", "-f", str(folder / "lines")),
    ):
        done = ran(redis82, *words)
        assert b"wrong number of arguments" in done.stdout + done.stderr
    done = ran(redis82, stdin=(folder / "lines").read_bytes())
    assert (done.stdout + done.stderr).count(b"wrong number of arguments") >= 2
    assert not (folder / "out").exists()


def test_the_editor_knows_the_mark(repl: StartRepl, redis82: Server, folder: Path) -> None:
    (folder / "notes.txt").write_text("")
    screen = repl(redis82)
    screen.send("GET k > ")
    screen.wait_for("GET k >")
    screen.send("no")
    screen.wait_for("notes.txt")
    screen.send_key("c-c")
    screen.wait_until(at_prompt, what="the prompt")
    ask(screen, "GET k | cat")
    screen.send_key("up")
    screen.wait_until(lambda screen: screen.before_cursor.endswith("> GET k | cat"), what="the whole line")
    assert "no more arguments" not in screen.text
