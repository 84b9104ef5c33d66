"""What a person at a terminal gets of one command: colours, widths, the pager."""

from __future__ import annotations

import contextlib
import re
import shutil
import sys
from pathlib import Path

import pytest

from tests.program import PROGRAM, ran
from tests.servers import Server
from tests.terminal import Terminal

_GREEN = b"\x1b[32m"


def on_terminal(server: Server, *words: str, columns: int = 80, rows: int = 24, **env: str) -> Terminal:
    argv = [*PROGRAM, "-s", server.unix_path, *words]
    return Terminal(argv, columns=columns, rows=rows, env={"PAGER": "", **env})


def whole(screen: Terminal) -> bytes:
    """Return what a program wrote until it ended well."""
    with screen:
        assert screen.exit_code() == 0
        return screen.raw


def test_colours_are_for_terminals_unless_somebody_says_otherwise(server: Server) -> None:
    server.command("SET", "name", "ada")
    assert _GREEN in whole(on_terminal(server, "GET", "name"))
    assert _GREEN not in whole(on_terminal(server, "GET", "name", NO_COLOR="1"))
    assert _GREEN not in whole(on_terminal(server, "--color", "never", "GET", "name"))
    assert _GREEN in whole(on_terminal(server, "--color", "always", "GET", "name", NO_COLOR="1"))
    assert ran(server, "--color", "always", "GET", "name").stdout == b"ada\n"
    assert _GREEN in ran(server, "--color", "always", "--format", "human", "GET", "name").stdout
    assert ran(server, "--format", "human", "GET", "name").stdout == b'"ada"\n'


def test_a_light_background_has_other_colours(server: Server) -> None:
    cyan, blue = b"\x1b[36m", b"\x1b[34m"
    assert cyan in whole(on_terminal(server, "DBSIZE"))
    assert blue in whole(on_terminal(server, "DBSIZE", COLORFGBG="0;15"))
    assert blue in whole(on_terminal(server, "--theme", "light", "DBSIZE"))
    assert cyan in whole(on_terminal(server, "--theme", "dark", "DBSIZE", COLORFGBG="0;15"))


def test_scalars_are_told_apart_without_colours(redis82: Server) -> None:
    redis82.command("SET", "text", "1")
    redis82.command("SET", "empty", "")
    redis82.command("HSET", "h", "f", "(nil)")

    def shown(*words: str) -> str:
        done = whole(on_terminal(redis82, "-3", *words, NO_COLOR="1"))
        return done.decode().replace("\r\n", "\n").removesuffix("\n")

    told = [
        shown("GET", "text"),
        shown("STRLEN", "text"),
        shown("PING"),
        shown("GET", "none"),
        shown("GET", "empty"),
        shown("HGET", "h", "f"),
        shown("EVAL", "redis.setresp(3); return true", "0"),
        shown("EVAL", "redis.setresp(3); return {double=1}", "0"),
        shown("ECHO", "PONG"),
        shown("SMEMBERS", "none"),
    ]
    assert told[:5] == ['"1"', "(integer) 1", "PONG", "(nil)", '""']
    assert len(set(told)) == len(told)


def test_a_table_is_as_wide_as_the_terminal(redis82: Server) -> None:
    redis82.command("HSET", "h", "first", "x" * 100, "second", "short")
    for columns in (40, 80, 160):
        written = whole(on_terminal(redis82, "HGETALL", "h", columns=columns, NO_COLOR="1")).decode()
        lines = written.replace("\r\n", "\n").removesuffix("\n").split("\n")
        assert max(map(len, lines)) <= columns
        assert "".join(line.strip() for line in lines).count("x") == 100
        assert len(lines) == {40: 5, 80: 3, 160: 2}[columns]


# -- the pager

needs_less = pytest.mark.skipif(not shutil.which("less"), reason="less is not installed")


@pytest.fixture
def numbers(redis82: Server) -> Server:
    redis82.command("RPUSH", "l", *range(5000))
    return redis82


@needs_less
def test_less_shows_what_is_taller_than_the_screen_in_colour(numbers: Server) -> None:
    with on_terminal(numbers, "LRANGE", "l", "0", "-1", PAGER="less") as screen:
        screen.wait_for("20) ")
        assert _GREEN in screen.raw
        assert "4999" not in screen.text
        screen.send("G")
        screen.wait_for('"4999"')
        screen.send("q")
        assert screen.exit_code() == 0


@needs_less
def test_ctrl_c_is_the_pagers_until_it_is_left(numbers: Server) -> None:
    with on_terminal(numbers, "LRANGE", "l", "0", "-1", PAGER="less") as screen:
        screen.wait_for("20) ")
        screen.send("\x03")
        screen.wait_until(lambda shown: b"\a" in shown.raw)  # less has nothing to interrupt, and says so
        assert left(screen) == 0


def left(screen: Terminal) -> int:
    """Return the exit code of a program that q leaves; less may lose a key that comes with a signal."""
    for _ in range(10):
        screen.send("q")
        with contextlib.suppress(AssertionError):
            return screen.exit_code(timeout=1)
    return screen.exit_code()


def test_what_fits_the_screen_needs_no_pager(numbers: Server, tmp_path: Path) -> None:
    pager = _noting(tmp_path)
    assert b"1) " in whole(on_terminal(numbers, "LRANGE", "l", "0", "9", PAGER=pager))
    assert not (tmp_path / "paged").exists()
    whole(on_terminal(numbers, "LRANGE", "l", "0", "99", PAGER=pager))
    assert (tmp_path / "paged").read_text() == "100"


def test_there_is_no_pager_for_programs_and_for_who_wants_none(numbers: Server, tmp_path: Path) -> None:
    pager = _noting(tmp_path)
    words = ("LRANGE", "l", "0", "-1")
    assert b"4,000 more elements" in whole(on_terminal(numbers, "--no-pager", *words, PAGER=pager))
    assert b"4,000 more elements" in whole(on_terminal(numbers, *words, PAGER=""))
    assert b"4,000 more elements" in whole(on_terminal(numbers, *words, PAGER=pager, TERM="dumb"))
    assert b"5000) " in whole(on_terminal(numbers, "--no-raw", *words, PAGER=pager))
    assert ran(numbers, "--format", "human", *words, env={"PAGER": pager}).stdout.endswith(b"shows all)\n")
    assert not (tmp_path / "paged").exists()


def test_a_pager_that_cannot_be_started_loses_nothing(numbers: Server) -> None:
    written = whole(on_terminal(numbers, "LRANGE", "l", "0", "-1", PAGER="/nowhere/pager"))
    assert b"the pager in PAGER cannot be started: No such file" in written
    assert b"5000) " in written


@pytest.mark.parametrize(
    ("pager", "told"),
    [("false", b"ended with code 1"), ("sh -c 'kill -9 $$'", b"was killed")],
    ids=["fails", "is killed"],
)
def test_a_pager_that_fails_loses_nothing(redis82: Server, pager: str, told: bytes) -> None:
    redis82.command("RPUSH", "queue", *range(100))
    written = whole(on_terminal(redis82, "LPOP", "queue", "100", PAGER=pager))
    assert told in written
    assert b"100) " in written


def test_a_pager_that_ctrl_c_ends_was_left(numbers: Server, tmp_path: Path) -> None:
    program = tmp_path / "pager.py"
    program.write_text(
        "import signal\nsignal.signal(signal.SIGINT, signal.SIG_DFL)\n"
        "print('started', flush=True)\nsignal.pause()\n"
    )
    pager = f"{sys.executable} {program}"
    with on_terminal(numbers, "LRANGE", "l", "0", "-1", PAGER=pager) as screen:
        screen.wait_for("started")
        screen.send("\x03")
        assert screen.exit_code() == 0
        assert b"4999" not in screen.raw
        assert b"the pager" not in screen.raw


def _noting(folder: Path) -> str:
    """Return a pager that notes how many lines it got."""
    program = folder / "pager.py"
    program.write_text(
        f"import sys\nopen({str(folder / 'paged')!r}, 'w').write(str(len(sys.stdin.readlines())))\n"
    )
    assert not re.search(r"\s", str(program))
    return f"{sys.executable} {program}"
