"""``--dry-run``: what would be sent, without a server."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from pyredis.resp.encode import pack
from tests.program import Ran, Running, ran
from tests.servers import Server, wait_until

NOBODY = ("-p", "1")


def test_a_command_of_the_arguments_is_shown_as_a_line() -> None:
    told = ran(*NOBODY, "exec", "--dry-run", "SET", "a b", '"', "", b"\xff")

    assert told == Ran(0, b'SET "a b" "\\"" "" "\\xff"\n', b"")


def test_a_script_is_shown_with_its_variables_in_place(tmp_path: Path) -> None:
    (tmp_path / "script").write_bytes(
        b'# seed\nSET user:${id} "${name}"\n\n3 INCR n\nSELECT 2\nquit\nGET never\n'
    )

    told = ran(
        *NOBODY, "exec", "--dry-run", "-f", str(tmp_path / "script"), "--set", "id=7", "--set", "name=Ada L."
    )

    assert told == Ran(0, b'SET user:7 "Ada L."\n3 INCR n\nSELECT 2\n', b"")


def test_what_is_shown_can_be_run(redis82: Server) -> None:
    script = b"SET 'a b' \"\\x00\\xff\\n\"\nRPUSH l '' \"'\" ${x} # \xc3\xa9\nGET 'a b'\nLRANGE l 0 -1\n"
    shown = ran(*NOBODY, "exec", "--dry-run", stdin=script)

    directly = ran(redis82, stdin=script)
    redis82.command("FLUSHALL")

    assert shown.code == 0
    assert ran(redis82, stdin=shown.stdout) == directly
    assert directly.code == 0


def test_the_bytes_are_those_that_a_server_would_get() -> None:
    told = ran(*NOBODY, "--format", "resp", "exec", "--dry-run", stdin=b"SET k 'v w'\n2 INCR n\n")

    assert told == Ran(0, pack((b"SET", b"k", b"v w")) + 2 * pack((b"INCR", b"n")), b"")
    assert ran(*NOBODY, "--format", "resp", "exec", "--dry-run", "GET", "k").stdout == pack((b"GET", b"k"))


def test_secrets_are_not_shown() -> None:
    script = b"AUTH ada countess\nCONFIG SET requirepass hush\nMIGRATE h 1 k 0 1 AUTH hush\n"

    told = ran(*NOBODY, "exec", "--dry-run", stdin=script)

    assert told.code == 0
    assert told.stdout == b"AUTH *** ***\nCONFIG SET requirepass ***\nMIGRATE h 1 k 0 1 AUTH ***\n"


def test_every_line_that_cannot_be_read_is_told() -> None:
    script = b"GET 'a\nGET b\nGET ${x}\n:help\nconnect h\nGET ${y}\n0 INCR n\n"

    told = ran(*NOBODY, "exec", "--dry-run", "--set", "y=1", stdin=script)

    assert (told.code, told.stdout) == (2, b"GET b\nGET 1\n")
    assert [line.split(": ")[0] for line in told.said.splitlines()] == [
        "stdin:1:5",
        "stdin:3",
        "stdin:4",
        "stdin:5",
        "stdin:7",
    ]


@pytest.mark.parametrize("flag", ["-f", "--set"])
def test_what_is_about_scripts_is_refused_with_a_command(flag: str) -> None:
    told = ran(*NOBODY, "exec", flag, "a=b", "GET", "k")

    assert told == Ran(2, b"", f"{flag} is for scripts, and there is a command in the arguments\n".encode())


def test_input_that_somebody_made_non_blocking_is_waited_for_at_rest() -> None:
    reading, writing = os.pipe()
    os.set_blocking(reading, False)
    with (
        open(reading, "rb"),
        open(writing, "wb", 0) as pipe,
        Running(*NOBODY, "exec", "--dry-run", stdin=reading) as program,
    ):
        pipe.write(b"PING\n")
        assert program.line() == b"PING\n"
        wait_until(lambda: program.state == "S")
        pipe.write(b"PING")
        pipe.close()
        assert program.line() == b"PING\n"
        assert program.ended() == (0, b"")
