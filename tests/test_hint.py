"""The tool ``hint``: what is still to be typed, for scripts and editors. No server is asked."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from tests.program import Ran, Running, ran


@pytest.mark.parametrize(
    ("line", "hint"),
    [
        ("SET key value EX ", "seconds [NX|XX] [GET]"),
        ("SET key value ", "[NX|XX] [GET] [EX seconds|PX milliseconds|EXAT unix-time-seconds|"),
        ("set", " key value [NX|XX]"),
        ("5 INCR ", "key"),
        ('GET "a b" ', ""),
        ("GET 'open", ""),
        ("CONFIG RE", ""),
        ("nosuch ", ""),
        ("", ""),
        ("--help", "Usage: pyredis-cli [FLAGS] hint LINE"),
    ],
)
def test_the_hint_of_a_line_is_printed(line: str, hint: str) -> None:
    done = ran("hint", line)
    assert (done.code, done.stderr) == (0, b"")
    assert done.stdout.decode().startswith(hint)
    assert hint or done.stdout == b"\n"


def test_each_line_of_a_file_gets_a_line(tmp_path: Path) -> None:
    path = tmp_path / "lines"
    path.write_bytes(b"GET \n\nSET k \xff EX \nnosuch\nDEL k ")
    expected = b"key\n\nseconds [NX|XX] [GET]\n\n[key ...]\n"
    assert ran("hint", "--lines", str(path)) == Ran(0, expected, b"")
    assert ran("hint", "--lines", "-", stdin=path.read_bytes()) == Ran(0, expected, b"")


def test_a_hint_comes_as_soon_as_its_line_is_there() -> None:
    with Running("hint", "--lines", "-") as program:
        program.write(b"GET \n")
        assert program.line() == b"key\n"
        program.write(b"DEL \n")
        assert program.line() == b"key [key ...]\n"
        program.end_input()
        assert program.ended() == (0, b"")


def test_lines_are_in_the_encoding_that_was_said() -> None:
    line = "GET 表".encode("shift_jis")
    assert ran("--encoding", "gb18030", "hint", "--lines", "-", stdin=line + b" \n").code == 0


@pytest.mark.parametrize(
    "words", [(), ("SET", "key"), ("--lines",), ("--lines", "a", "b"), ("--lines", "/nosuch/file")]
)
def test_what_cannot_be_meant_is_refused_in_a_line(words: tuple[str, ...]) -> None:
    done = ran("hint", *words)
    assert (done.code, done.stdout) == (2, b"")
    assert done.said.count("\n") == 1


def test_a_reader_that_leaves_ends_it_quietly() -> None:
    with Running("hint", "--lines", "-", stdin=subprocess.PIPE) as program:
        program.stop_reading()
        program.write(b"GET \n")
        assert program.ended() == (141, b"")
