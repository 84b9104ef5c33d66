"""The guard where commands come from arguments, files and standard input: exit 6, and not a byte of it sent."""

from __future__ import annotations

import os
import shlex
from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.clusters import Cluster
from tests.conftest import MakeTerminal
from tests.program import PROGRAM, ran
from tests.servers import Server
from tests.terminal import Terminal

QUESTION = "Go on? [y/N]"


@pytest.fixture
def filled(redis82: Server) -> Server:
    redis82.command("EVAL", "for i = 1, 1000 do redis.call('SET', 'k' .. i, i) end", 0)
    redis82.command("CONFIG", "RESETSTAT")
    return redis82


@pytest.fixture
def production(redis82: Server, tmp_path: Path) -> Mapping[str, str]:
    """Return the environment in which ``@prod`` is the server, as a production profile."""
    file = tmp_path / "config.toml"
    file.write_text(f'[profiles.prod]\nurl = "redis://{redis82.host}:{redis82.port}"\nproduction = true\n')
    file.chmod(0o600)
    return {"PYREDISCLI_CONFIG": str(file)}


def calls(server: Server, *names: str) -> int:
    """Return how often the commands have been run since the statistics were reset."""
    told = server.info("commandstats")
    return sum(f"cmdstat_{name}" in told for name in names)


# -- without a terminal


def test_without_a_terminal_nothing_is_asked(filled: Server) -> None:
    assert ran(filled, "FLUSHALL").code == 0
    assert filled.command("DBSIZE") == 0
    assert ran(filled, stdin=b"SET a 1\nFLUSHALL\n").stdout == b"OK\nOK\n"
    assert ran(filled, "--no-input", "FLUSHALL").code == 0


@pytest.mark.parametrize(
    ("words", "allowed"),
    [
        (("FLUSHALL",), False),
        (("KEYS", "*"), False),
        (("all", "FLUSHALL"), False),
        (("-r", "2", "flushdb"), False),
        (("--yes", "FLUSHALL"), True),
        (("--yes=flushall", "FLUSHALL"), True),
        (("--yes=DEL", "UNLINK", *(f"k{number}" for number in range(100))), False),
        (("DEL", "k1"), True),
    ],
)
def test_in_production_a_yes_must_stand_in_the_arguments(
    filled: Server, production: Mapping[str, str], words: tuple[str, ...], allowed: bool
) -> None:
    done = ran("@prod", *words, env=production)
    assert (done.code == 6) is not allowed
    if not allowed:
        assert done.stdout == b""
        verb = next(word for word in words if word.isupper() or word == "flushdb").upper()
        assert f"prod is a production profile, --yes={verb} allows it" in done.said
        assert filled.command("DBSIZE") == 1000
        assert calls(filled, "flushall", "flushdb", "keys", "unlink") == 0


def test_a_yes_to_a_variable_that_is_not_set_allows_nothing(
    filled: Server, production: Mapping[str, str]
) -> None:
    done = ran("@prod", "--yes=", "FLUSHALL", env=production)
    assert (done.code, filled.command("DBSIZE")) == (2, 1000)
    assert "--yes must name a command behind its =" in done.said


def test_a_file_is_refused_before_its_first_command(
    filled: Server, production: Mapping[str, str], tmp_path: Path
) -> None:
    good, bad = tmp_path / "good.redis", tmp_path / "bad.redis"
    good.write_text("SET a 1\nGET a\n")
    bad.write_text("SET b 1\n# soon\n5 FLUSHALL\nCONFIG SET maxmemory 1mb\n")
    done = ran("@prod", "exec", "-f", str(good), "-f", str(bad), env=production)
    assert (done.code, done.stdout) == (6, b"")
    assert done.said.splitlines()[0] == "2 of 5 commands are dangerous:"
    assert f"{bad}:3: FLUSHALL deletes every key of every database; 5 times" in done.said
    assert f"{bad}:4: CONFIG SET changes the running server: maxmemory would be 1mb" in done.said
    assert done.said.splitlines()[-1] == "refused, nothing was sent"
    assert calls(filled, "set", "get", "flushall") == 0
    allowed = ran("@prod", "--yes=FLUSHALL", "--yes=CONFIG", "exec", "-f", str(bad), env=production)
    assert (allowed.code, allowed.stdout) == (0, b"OK\n" * 7)


def test_a_script_on_standard_input_stops_at_the_line(filled: Server, production: Mapping[str, str]) -> None:
    done = ran("@prod", stdin=b"SET a 1\nMULTI\nSET b 2\nGET b\nFLUSHALL\nSET c 3\n", env=production)
    assert (done.code, done.stdout) == (6, b"OK\nOK\n")
    assert done.said.startswith("stdin:5: FLUSHALL deletes every key of every database")
    assert "--yes=FLUSHALL allows it; stopped, nothing from line 3 on was sent" in done.said
    assert filled.command("EXISTS", "a", "b", "c") == 1
    done = ran("@prod", stdin=b"SET d 1\nFLUSHALL\nSET c 3\n", env=production)
    assert (done.code, done.stdout) == (6, b"")
    assert done.said.startswith("stdin:2: FLUSHALL")
    assert "stopped, nothing from line 1 on was sent" in done.said
    assert filled.command("EXISTS", "c", "d") == 0


def test_what_cannot_be_looked_at_is_not_piped_to_production(
    redis82: Server, production: Mapping[str, str]
) -> None:
    done = ran("@prod", "pipe", stdin=b"SET a 1\n", env=production)
    assert (done.code, redis82.command("EXISTS", "a")) == (6, 0)
    assert "--yes=PIPE" in done.said
    assert ran("@prod", "--yes=pipe", "pipe", stdin=b"SET a 1\n", env=production).code == 0


@pytest.mark.parametrize(
    ("flags", "mend"),
    [
        (("--askpass",), "--askpass asks, which --no-input forbids; set REDISCLI_AUTH, or give --pass-file"),
        (
            ("--user", "ada"),
            "nobody is asked for the password of ada; set REDISCLI_AUTH, or give --pass-file",
        ),
        (("--user=",), "--user needs a name, and with --no-input nobody is asked for it"),
    ],
)
def test_with_no_input_what_would_be_asked_is_an_error(
    redis82: Server, flags: tuple[str, ...], mend: str
) -> None:
    done = ran(redis82, "--no-input", *flags, "PING")
    assert done.code == 2
    assert mend in done.said


# -- on a terminal


class Typing:
    """The program on a terminal of its own."""

    def __init__(self, terminal: MakeTerminal) -> None:
        self._terminal = terminal

    def __call__(self, *args: str, env: Mapping[str, str] | None = None) -> Terminal:
        return self._terminal([*PROGRAM, *args], columns=200, env=env)


@pytest.fixture
def typing(terminal: MakeTerminal) -> Typing:
    return Typing(terminal)


def where(server: Server) -> tuple[str, ...]:
    return "-h", server.host, "-p", str(server.port)


@pytest.mark.parametrize(
    ("words", "keys", "code"),
    [
        (("FLUSHALL",), "y\r", 0),
        (("FLUSHALL",), "\r", 6),
        (("FLUSHALL",), "\x03", 6),
        (("exec", "FLUSHALL"), "\x04", 6),
        (("exec", "FLUSHALL"), "yes\r", 0),
    ],
)
def test_a_command_of_the_arguments_is_asked_about(
    filled: Server, typing: Typing, words: tuple[str, ...], keys: str, code: int
) -> None:
    screen = typing(*where(filled), *words)
    screen.wait_for(QUESTION)
    assert "FLUSHALL deletes every key of every database: 1,000 keys in 1 database" in screen.text
    screen.send(keys)
    assert screen.exit_code() == code
    assert filled.command("DBSIZE") == (0 if code == 0 else 1000)


def test_what_was_typed_before_the_question_is_no_answer(filled: Server, typing: Typing) -> None:
    filled.pause()
    screen = typing(*where(filled), "FLUSHALL")
    screen.send("y\r")
    screen.wait_for("y")
    filled.resume()
    screen.wait_for(QUESTION)
    assert "dropped what was typed ahead" in screen.text
    assert screen.alive
    screen.send("\r")
    assert screen.exit_code() == 6


def test_a_huge_value_is_measured_first(redis82: Server, typing: Typing) -> None:
    redis82.command("EVAL", "for i = 1, 250000 do redis.call('RPUSH', 'l', i) end", 0)
    screen = typing(*where(redis82), "LRANGE", "l", "0", "-1")
    screen.wait_for(QUESTION)
    assert "LRANGE works on all 250,000 elements of l" in screen.text
    screen.send("n\r")
    assert screen.exit_code() == 6
    assert typing(*where(redis82), "LRANGE", "l", "0", "2").exit_code() == 0


def test_the_terminal_is_where_the_question_is_read_and_answered(
    filled: Server, terminal: MakeTerminal, tmp_path: Path
) -> None:
    line = " ".join(map(shlex.quote, [*PROGRAM, *where(filled), "FLUSHALL"]))
    screen = terminal(["sh", "-c", f"{line} | cat; {line} 2> {tmp_path / 'said'}"], columns=60)
    screen.wait_for(QUESTION)
    screen.wait_for("deletes every key of every database: 1,000 keys in\n1 database")
    screen.send("\r")
    screen.wait_for("OK")  # of the second one, where nobody would read the question
    assert screen.exit_code() == 0
    assert screen.text.count(QUESTION) == 1


def test_with_no_input_a_terminal_is_not_asked_but_told(filled: Server, typing: Typing) -> None:
    screen = typing(*where(filled), "--no-input", "FLUSHALL")
    assert screen.exit_code() == 6
    assert "nobody may be asked, --yes=FLUSHALL allows it" in screen.text
    assert filled.command("DBSIZE") == 1000


def test_the_files_of_a_script_are_one_question(filled: Server, typing: Typing, tmp_path: Path) -> None:
    one, two = tmp_path / "one.redis", tmp_path / "two.redis"
    one.write_text("SET a 1\nFLUSHALL\n")
    two.write_text("MULTI\nSELECT 1\nSET x 1\nFLUSHDB\nEXEC\nHGETALL h\n")
    screen = typing(*where(filled), "exec", "-f", str(one), "-f", str(two))
    screen.wait_for(QUESTION)
    assert "2 of 8 commands are dangerous:" in screen.text
    assert f"{one}:2: FLUSHALL" in screen.text
    assert f"{two}:4: FLUSHDB" in screen.text
    assert filled.command("EXISTS", "a") == 0
    screen.send("y\r")
    assert screen.exit_code() == 0
    assert screen.text.count(QUESTION) == 1
    assert filled.command("DBSIZE") == 0


def test_behind_a_key_that_leads_to_another_node_nothing_is_told_of_the_first(
    cluster82: Cluster, typing: Typing, tmp_path: Path
) -> None:
    node, script = cluster82.nodes[0], tmp_path / "flush.redis"
    script.write_text("GET here\nFLUSHDB\nGET there\nSCRIPT FLUSH\n")
    screen = typing(*where(node), "-c", "exec", "-f", str(script))
    screen.wait_for(QUESTION)
    assert f"{script.name}:2: FLUSHDB deletes every key of the database: not known" in screen.text
    assert f"{script.name}:4: SCRIPT FLUSH forgets every cached script: not known" in screen.text
    screen.send("\r")
    assert screen.exit_code() == 6


def test_what_comes_by_a_pipe_is_measured_where_it_runs(
    filled: Server, typing: Typing, tmp_path: Path
) -> None:
    empty, pipe = tmp_path / "empty.redis", tmp_path / "pipe"
    empty.write_text("SELECT 5\nFLUSHDB\nSELECT 0\n")
    os.mkfifo(pipe)
    screen = typing(*where(filled), "exec", "-f", str(empty), "-f", str(pipe))
    pipe.write_text("FLUSHDB\nSELECT 5\nFLUSHDB\n")
    for answer, told in (("y\r", "1,000 keys in database 0"), ("\r", "1 key in database 5")):
        screen.wait_for(f"FLUSHDB deletes every key of the database: {told}")
        screen.wait_until(lambda shown: shown.line.startswith(QUESTION), what="the question")
        filled.command("EVAL", "redis.call('SELECT', 5) redis.call('SET', 'a', 1)", 0)
        screen.send(answer)
    assert screen.exit_code() == 6
    assert filled.info("keyspace").keys() == {"db5"}


def test_production_wants_its_name(
    filled: Server, typing: Typing, production: Mapping[str, str], tmp_path: Path
) -> None:
    file = tmp_path / "wipe.redis"
    file.write_text("FLUSHALL\n")
    for typed, code in (("y\r", 6), ("prod\r", 0)):
        screen = typing("@prod", "exec", "-f", str(file), env=production)
        screen.wait_for("Type prod to go on:")
        screen.send(typed)
        assert screen.exit_code() == code
    assert filled.command("DBSIZE") == 0
