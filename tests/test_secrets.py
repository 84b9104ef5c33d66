"""No password is where somebody else could find it, wherever it came from: one session each, then a search."""

from __future__ import annotations

import io
import os
import shlex
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from pyredis_cli.core.direct import options_of
from pyredis_cli.flags import UsageError
from pyredis_cli.parsing import parse
from pyredis_cli.passwords import PasswordError, PasswordSource, fetched, for_children, from_file
from pyredis_cli.process_title import starred
from pyredis_cli.settings import consulted, settle
from pyredis_cli.tools.settings import run as show_settings
from tests.config.test_profiles import configure, private, streams
from tests.conftest import MakeServer, MakeTerminal
from tests.program import PROGRAM, Running, ran
from tests.repl.conftest import ask
from tests.servers import BINARIES, Server, wait_until
from tests.terminal import Terminal

SECRET: Final = "hunter2-s3cret"
SOURCES: Final = ("pass_file", "password_command", "keyring", "url", "REDISCLI_AUTH", "--pass-file", "-a")


@pytest.fixture(scope="module")
def locked() -> Iterator[Server]:
    """A server that wants a password."""
    with Server(BINARIES["redis82"], f"requirepass {SECRET}") as server:
        yield server


@pytest.fixture(scope="module")
def asleep() -> Iterator[Server]:
    """A server that takes commands and answers none."""
    with Server(BINARIES["redis82"]) as server:
        server.pause()
        yield server
        server.resume()


def start_with(source: str, server: Server, folder: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[str, ...]:
    """Have the password come from there; return the flags that lead to the server."""
    where = f"host = '{server.host}'\nport = {server.port}\n"
    word = private(folder / "word", f"{SECRET}\n")
    spy = folder / "spy"
    spy.write_text(
        f"#!/bin/sh\nenv > {folder}/environ\ntr '\\0' ' ' < /proc/$PPID/cmdline > {folder}/cmdline\ncat {word}\n"
    )
    spy.chmod(0o755)
    (folder / "keyring").mkdir()
    (folder / "keyring/__init__.py").write_text(
        "from pathlib import Path\n"
        "def get_password(*asked):\n"
        "    assert asked == ('pyredis-cli', 'prod')\n"
        f"    return Path({str(word)!r}).read_text().strip()\n"
    )
    (folder / "keyring/errors.py").write_text("class KeyringError(Exception): pass\n")
    monkeypatch.setenv("PYTHONPATH", f"{folder}{os.pathsep}{os.environ.get('PYTHONPATH', '')}")
    if source not in ("-a", "--pass-file"):
        monkeypatch.setenv("REDISCLI_AUTH", SECRET if source == "REDISCLI_AUTH" else f"{SECRET}-of-another")
    configure(
        "[profiles.prod]\n"
        + {
            "pass_file": f"{where}pass_file = '{word}'\n",
            "password_command": f"{where}password_command = '{spy}'\n",
            "keyring": f"{where}keyring = true\n",
            "url": f"url = 'redis://:{SECRET}@{server.host}:{server.port}'\n",
        }.get(source, where)
    )
    flags: dict[str, tuple[str, ...]] = {"-a": ("-a", SECRET), "--pass-file": ("--pass-file", str(word))}
    return "@prod", *flags.get(source, ())


def assert_nowhere(folder: Path) -> None:
    """Look through all that was written below the home of the person, and beside it, but for the sources."""
    sources = {Path.home() / ".config/pyredis-cli/config.toml", folder / "word"}
    for path in {*folder.rglob("*"), *Path.home().rglob("*")} - sources:
        if path.is_file():
            assert SECRET.encode() not in path.read_bytes(), path


@pytest.mark.parametrize("source", SOURCES)
def test_no_command_shows_the_password(
    source: str, locked: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    flags = start_with(source, locked, tmp_path, monkeypatch)
    monkeypatch.setenv("PYREDISCLI_DEBUG", "1")
    done = ran(*flags, "--verbose", stdin=b"PING\nNOSUCH\nAUTH %s-wrong\n" % SECRET.encode())
    assert done.stdout.startswith(b"PONG\n"), done.said
    assert SECRET.encode() not in done.stdout + done.stderr
    nobody = streams()
    show_settings(parse(["--json", *flags]), os.environ, nobody, ("show", "--origin"))
    assert isinstance(nobody.stdout, io.BytesIO)
    assert b'"***"' in nobody.stdout.getvalue()
    assert SECRET.encode() not in nobody.stdout.getvalue()
    assert_nowhere(tmp_path)


@pytest.mark.parametrize("source", ["password_command", "-a"])
def test_no_session_leaves_the_password_anywhere(
    source: str,
    locked: Server,
    terminal: MakeTerminal,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    flags = start_with(source, locked, tmp_path, monkeypatch)
    pager = tmp_path / "pager"
    pager.write_text(f"#!/bin/sh\nenv > {tmp_path}/environ-of-pager\ncat > {tmp_path}/paged\n")
    pager.chmod(0o755)
    monkeypatch.setenv("PYREDISCLI_PAGER", str(pager))
    opened: Terminal = terminal([*PROGRAM, *flags, "--yes"], columns=120, rows=24)
    opened.wait_until(lambda screen: screen.line.endswith(">"), what="the first prompt")
    assert opened.line.startswith("prod ")
    assert SECRET not in Path(f"/proc/{opened.pid}/cmdline").read_text()
    words = "*" * len(SECRET)
    assert ask(opened, f"AUTH {SECRET}", shown=f"AUTH {words}") == "OK"
    ask(opened, f"ACL SETUSER ada >{SECRET}", shown=f"ACL SETUSER ada >{words}")
    ask(opened, f"CONFIG SET requirepass {SECRET}", shown=f"CONFIG SET requirepass {words}")
    opened.send_line(f"AUTH {SECRET}-wrong")
    opened.wait_for("WRONGPASS")
    opened.send("SET half typed")
    opened.send_key("c-c")
    opened.send_line(f"connect redis://:{SECRET}@{locked.host}:{locked.port}")
    opened.wait_until(
        lambda screen: screen.line == f"{locked.host}:{locked.port}>", what="the session without the profile"
    )
    opened.send_line("connect @prod")
    opened.wait_until(lambda screen: screen.line.startswith("prod "), what="the session of the profile")
    if source == "-a":  # which was for where that start went, and for nothing else
        ask(opened, f"AUTH {SECRET}", shown=f"AUTH {words}")
    opened.send_line("COMMAND")
    opened.wait_until(lambda _: (tmp_path / "environ-of-pager").exists(), what="the pager")
    opened.wait_until(lambda screen: screen.line.endswith(">"), what="the prompt after the pager")
    opened.send_line("quit")
    assert opened.exit_code() == 0
    assert SECRET not in opened.raw.decode("utf-8", "replace")
    history = (Path.home() / ".local/state/pyredis-cli/history").read_text()
    assert "connect @prod" in history
    assert_nowhere(tmp_path)


def test_what_holds_a_password_does_not_show_it(
    locked: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for source in ("pass_file", "url"):
        folder = tmp_path / source
        folder.mkdir()
        flags = start_with(source, locked, folder, monkeypatch)
        with (Path.home() / ".config/pyredis-cli/config.toml").open("a") as file:
            file.write(f"init = ['ACL SETUSER ada >{SECRET}']\n")
        given = parse(flags)
        told, settings = consulted(given, os.environ), settle(given, os.environ, streams())
        assert settings.password == SECRET
        shown = f"{given!r} {told!r} {settings!r} {options_of(settings, 'typed')!r}"
        assert SECRET not in shown


def test_no_completion_looks_for_a_password(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, locked: Server
) -> None:
    start_with("password_command", locked, tmp_path, monkeypatch)
    with (Path.home() / ".config/pyredis-cli/config.toml").open("a") as file:
        file.write("[profiles]\npage = 'is no profile'\n")
    environ = {
        "PYREDISCLI_COMPLETE_LIVE": "1",
        "PYREDISCLI_COMPLETE_LINE": "pyredis-cli @prod GET ",
    }
    answer = ran("completion", "--answer", "zsh", env=environ)
    assert SECRET.encode() not in answer.stdout + answer.stderr
    assert not (tmp_path / "environ").exists()
    offered = ran(
        "completion", "--answer", "zsh", env={**environ, "PYREDISCLI_COMPLETE_LINE": "pyredis-cli @p"}
    )
    assert offered.stdout == b"\0\0@prod\0a profile\0"


def test_arguments_are_starred_as_long_as_they_were() -> None:
    secret = SECRET.encode()
    for word, shown in [
        (secret, b"*" * 14),
        (b"-a" + secret, b"-a" + b"*" * 14),
        (b"--pass=" + secret, b"--pass=" + b"*" * 14),
        (b"redis://u:p@h:1/0", b"redis://***@h:1/0"),
        (b"redis://h", b"redis://h"),
        (b"sentinel://h/g?db=1&sentinel_password=a&b", b"sentinel://h/g?db=1&sentinel_password=***"),
        (b"sentinel://u:p@h/g?sentinel_password=a", b"sentinel://***@h/g?sentinel_password=*"),
        (b"GET", b"GET"),
    ]:
        assert starred(word, [secret]) == shown
    assert starred(b"", []) == b""
    assert starred(b"two", [secret, b"two"]) == b"***"


@pytest.mark.parametrize(
    ("words", "seen"),
    [
        (("CONFIG", "SET", "requirepass", SECRET), b"***"),
        (("--quoted-input", "exec", "ACL", "SETUSER", "ada", f'">{SECRET}"'), b"***"),
        (("AUTH", "ada", SECRET), b"***"),
        (("-r", "2", "HELLO", "3", "AUTH", "ada", SECRET), b"***"),
        (("all", "CONFIG", "SET", "requirepass", SECRET), b"***"),
        (("explain", "AUTH", SECRET), b"***"),
        (("SET", "hook", f"https://ada:{SECRET}@h/"), b"https://***"),
        (("NOSUCH", "AUTH", SECRET), b"***"),
    ],
    ids=lambda words: words[-2] if isinstance(words, tuple) else "",
)
def test_a_secret_of_the_command_is_not_seen_in_its_arguments(
    words: tuple[str, ...], seen: bytes, asleep: Server
) -> None:
    with Running(asleep, *words) as program:
        wait_until(lambda: any(word.startswith(seen) for word in program.arguments), what="stars")
        assert SECRET.encode() not in b" ".join(program.arguments)
        assert words[-3].encode() in program.arguments


@pytest.mark.parametrize("flags", [(), ("-x",), ("--json", "-r", "2")], ids=str)
def test_a_secret_of_the_command_is_not_seen_while_a_password_is_looked_for(
    flags: tuple[str, ...], tmp_path: Path
) -> None:
    os.mkfifo(tmp_path / "fifo")
    configure(f"[profiles.prod]\nhost = 'h'\npassword_command = ['cat', '{tmp_path}/fifo']\n")
    with Running(*flags, "@prod", "ACL", "SETUSER", "ada", f">{SECRET}") as program:
        wait_until(lambda: any(word.startswith(b"***") for word in program.arguments), what="stars")
        assert SECRET.encode() not in b" ".join(program.arguments)


# -- where it comes from


@pytest.mark.parametrize(
    ("mode", "text", "why"),
    [
        (0o640, "x", "can be read by others; chmod 600"),
        (0o604, "x", "can be read by others; chmod 600"),
        (0o620, "x", "can be read by others; chmod 600"),
        (0o600, "", "its first line is empty"),
        (0o600, "\nx", "its first line is empty"),
        (0o600, "x" * 70_000, "its first line is longer than 64 KiB"),
    ],
)
def test_a_file_of_a_password_that_is_not_right_is_refused(
    tmp_path: Path, mode: int, text: str, why: str
) -> None:
    path = private(tmp_path / "a word", text)
    path.chmod(mode)
    with pytest.raises(UsageError, match=why) as refusal:
        from_file(str(path))
    assert refusal.value.code == 2
    if "chmod" in why:  # and that can be typed as it stands
        subprocess.run(shlex.split(str(refusal.value).partition("; ")[2].partition(" mends")[0]), check=True)
        assert from_file(str(path)) == "x"


def test_the_password_of_sentinels_is_one_too() -> None:
    url = f"sentinel://127.0.0.1:1/main?sentinel_password={SECRET}"
    path = configure(f"[profiles.prod]\nurl = '{url}'\npass_file = 'word'\n")
    private(path.with_name("word"), "another")
    assert settle(parse(["@prod"]), {}, streams()).password == "another"
    path.chmod(0o640)
    with pytest.raises(UsageError, match="url has a password, and others can read the file") as refusal:
        settle(parse(["@prod"]), {}, streams())
    assert SECRET not in str(refusal.value)
    assert "can be seen by others" in ran("-u", url, "PING").said


def test_what_is_no_file_is_no_source(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo", 0o600)
    with pytest.raises(UsageError, match="is no regular file"):
        from_file(str(tmp_path / "fifo"))
    with pytest.raises(UsageError, match="No such file"):
        from_file(str(tmp_path / "none"))
    assert from_file(str(private(tmp_path / "crlf", "two words \r\nmore"))) == "two words "


@pytest.mark.parametrize(
    ("command", "why"),
    [
        (("sh", "-c", f"echo {SECRET}; exit 3"), "sh failed with exit code 3"),
        (("sh", "-c", f"echo {SECRET}; kill -9 $$"), "sh failed with signal 9"),
        (("true",), "true printed no password"),
        (("seq", "-s", "_", "99999"), "seq: its first line is longer than 64 KiB"),
        (("/nosuch/program",), "/nosuch/program cannot be started: No such file"),
    ],
)
def test_a_command_that_tells_no_password_is_told(command: tuple[str, ...], why: str) -> None:
    with pytest.raises(PasswordError, match=why) as failure:
        fetched(PasswordSource("password_command", "prod", command=command), os.environ)
    assert failure.value.code == 4
    assert SECRET not in str(failure.value)


def test_a_command_tells_a_password_in_its_first_line_and_is_left_alone() -> None:
    source = PasswordSource("password_command", "prod", command=("sh", "-c", "echo 'a b'; cat; seq 99999"))
    assert fetched(source, os.environ) == "a b"
    code = ran("--profile", "prod", "PING", env={"PYREDISCLI_CONFIG": "/nosuch"}).code
    assert code == 2


def test_what_a_command_leaves_running_is_not_waited_for(tmp_path: Path) -> None:
    command = ("sh", "-c", f"echo word; sleep 60 & echo $! > {tmp_path}/pid")
    assert fetched(PasswordSource("password_command", "prod", command=command), os.environ) == "word"
    os.kill(int((tmp_path / "pid").read_text()), signal.SIGTERM)  # an error if it had ended


def test_a_tool_that_asks_no_server_looks_for_no_password(
    locked: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    start_with("password_command", locked, tmp_path, monkeypatch)
    monkeypatch.setenv("PYREDISCLI_PROFILE", "prod")
    assert ran("hint", "GET ").stdout == b"key\n"
    assert ran("completion", "bash").code == 0
    assert not (tmp_path / "environ").exists()


def test_a_command_is_not_looked_for_in_the_current_directory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for folder, word in ((tmp_path, "evil"), (configure("").parent, "own")):
        (folder / "word").write_text(f"#!/bin/sh\necho {word}\n")
        (folder / "word").chmod(0o755)
    monkeypatch.chdir(tmp_path)
    for command in ("'./word'", "['./word']"):
        configure(f"[profiles.prod]\nhost = 'h'\npassword_command = {command}\n")
        assert settle(parse(["@prod"]), os.environ, streams()).password == "own"
    configure("[profiles.prod]\nhost = 'h'\npassword_command = 'word'\n")
    with pytest.raises(PasswordError, match="word cannot be started"):
        settle(parse(["@prod"]), os.environ, streams())


def test_without_the_package_the_mend_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "keyring", None)
    with pytest.raises(PasswordError, match=r"pip install 'pyredis-cli\[keyring\]'"):
        fetched(PasswordSource("keyring", "prod"), os.environ)


def test_programs_that_are_started_see_no_password_of_ours() -> None:
    environ = {
        "REDISCLI_AUTH": "x",
        "VALKEYCLI_AUTH": "y",
        "REDIS_URL": "redis://:x@h",
        "VALKEY_URL": "redis://h",
    }
    assert for_children({**environ, "HOME": "/"}) == {"VALKEY_URL": "redis://h", "HOME": "/"}
    assert for_children({"REDIS_URL": "sentinel://h/g?sentinel_password=x"}) == {}


def test_a_password_that_was_changed_is_found_again_at_a_reconnect(
    make_server: MakeServer, terminal: MakeTerminal, tmp_path: Path
) -> None:
    server = make_server("redis82", f"requirepass {SECRET}-1")
    word = private(tmp_path / "word", f"{SECRET}-1\n")
    configure(
        f"[profiles.prod]\nhost = '{server.host}'\nport = {server.port}\n"
        f"password_command = ['sh', '-c', 'echo run >> {tmp_path}/runs; cat {word}']\n"
    )
    opened = terminal([*PROGRAM, "@prod"], columns=120)
    opened.wait_until(lambda screen: screen.line.endswith(">"), what="the first prompt")
    assert ask(opened, "SET a 1") == "OK"
    ask(opened, f":transcript {tmp_path}/kept")
    private(word, f"{SECRET}-2\n")
    server.command("AUTH", f"{SECRET}-1")
    server.command("CONFIG", "SET", "requirepass", f"{SECRET}-2")
    server.command("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")
    opened.wait_for("not connected>")
    assert ask(opened, "GET a").endswith('"1"')
    assert SECRET not in opened.raw.decode("utf-8", "replace")
    server.command("AUTH", f"{SECRET}-2")
    server.command("SET", "a", f"is {SECRET}-2")
    assert ask(opened, "GET a").endswith(f'"is {SECRET}-2"')
    assert '"is ***"' in (tmp_path / "kept").read_text()
    private(word, f"{SECRET}-4\n")  # while the connection is there, as where a token expires
    server.command("CONFIG", "SET", "requirepass", f"{SECRET}-4")
    assert f'"is {SECRET}-2"' in ask(opened, "peek a")
    assert ask(opened, "ECHO 1").endswith('"1"')
    private(word, f"{SECRET}-5\n")
    server.command("CONFIG", "SET", "requirepass", f"{SECRET}-5")
    assert "PONG" in ask(opened, ":all PING")
    assert ask(opened, "ECHO 1").endswith('"1"')
    private(word, f"{SECRET}-wrong\n")
    server.command("CONFIG", "SET", "requirepass", f"{SECRET}-3")
    server.command("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")
    opened.wait_until(lambda screen: screen.line.endswith("not connected>"), what="the end of the connection")
    assert "WRONGPASS" in ask(opened, "GET a")
    assert (tmp_path / "runs").read_text().count("run") == 5
