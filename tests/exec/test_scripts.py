"""What the lines of a script mean: files, comments, variables, words that are no commands."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.program import Ran, ran
from tests.servers import Server


@pytest.fixture
def script(tmp_path: Path) -> Path:
    return tmp_path / "script.redis"


def test_files_run_in_their_order_and_standard_input_is_one_of_them(server: Server, tmp_path: Path) -> None:
    first, last = tmp_path / "first", tmp_path / "last"
    first.write_bytes(b"RPUSH l first\n")
    last.write_bytes(b"RPUSH l last")

    told = ran(
        server, "exec", "-f", str(first), "-f", "-", "--file", str(last), stdin=b"# from here\nRPUSH l in\n"
    )

    assert told == Ran(0, b"1\n2\n3\n", b"")
    assert server.command("LRANGE", "l", "0", "-1") == [b"first", b"in", b"last"]


def test_comments_and_blank_lines_of_a_file_are_nothing(redis82: Server, script: Path) -> None:
    script.write_bytes(b"# SET a 1\n\n  \t# SET a 2\r\nSET a '#'\r\n\r\nGET a # b\n#")

    told = ran(redis82, "exec", "-f", str(script))

    assert told.stdout == b"OK\nERR wrong number of arguments for 'get' command\n\n"
    assert told.said.startswith(f"{script}:6: GET: (error) ERR wrong number")
    assert redis82.command("GET", "a") == b"#"


def test_on_plain_standard_input_a_hash_is_a_command_as_in_redis_cli(redis82: Server) -> None:
    told = ran(redis82, stdin=b"# comment\nPING\n")

    assert (told.code, told.stdout.splitlines()[-1]) == (1, b"PONG")
    assert told.said.startswith("stdin:1: #: (error) ERR unknown command '#'")


@pytest.mark.parametrize("name", ["missing", "folder", "locked", "long" * 100])
def test_a_file_that_cannot_be_read_is_found_before_anything_is_sent(
    redis82: Server, tmp_path: Path, script: Path, name: str
) -> None:
    script.write_bytes(b"SET a 1\n")
    (tmp_path / "folder").mkdir()
    (tmp_path / "locked").touch(mode=0)
    if name == "locked" and os.access(tmp_path / name, os.R_OK):
        pytest.skip("nothing is locked for this user")

    told = ran(redis82, "exec", "-f", str(script), "-f", str(tmp_path / name))

    assert (told.code, told.stdout) == (2, b"")
    assert told.said.startswith(f"cannot read {tmp_path / name}: ")
    assert told.said.endswith("; nothing was sent\n")
    assert redis82.command("EXISTS", "a") == 0


def test_line_ends_nul_bytes_and_long_lines_are_survived(server: Server, script: Path) -> None:
    value = os.urandom(64).replace(b"\n", b"x").replace(b'"', b"x").replace(b"\\", b"x") + b"\0"
    script.write_bytes(
        b'SET nul "' + value + b'"\r\nSET bare a\0b\r\nSET long ' + b"x" * 10_000_000 + b"\r\nSTRLEN long"
    )

    assert ran(server, "exec", "-f", str(script)) == Ran(0, b"OK\nOK\nOK\n10000000\n", b"")
    assert server.command("GET", "nul") == value
    assert server.command("GET", "bare") == b"a\0b"


# -- variables


def test_a_variable_stays_one_word_whatever_is_in_it(server: Server, script: Path) -> None:
    script.write_bytes(b"SET ${name} \"<${value}>\"\nGET ${name}\nECHO '${name}'\nSET empty ${none}\n")
    name, value = "a b\"c'd\nFLUSHALL", "\\n\u00e9 $x ${name}"

    told = ran(
        server,
        "exec",
        "-f",
        str(script),
        "--set",
        f"name={name}",
        "--set",
        f"value={value}",
        "--set",
        "none=",
    )

    assert told == Ran(0, f"OK\n<{value}>\n${{name}}\nOK\n".encode(), b"")
    assert server.command("GET", name) == f"<{value}>".encode()
    assert server.command("GET", "empty") == b""


def test_a_variable_may_be_bytes_that_are_no_text(redis82: Server) -> None:
    told = ran(redis82, "exec", "--set", b"v=\xff\xfe", stdin=b"SET k ${v}\nGET k\n")

    assert told == Ran(0, b"OK\n\xff\xfe\n", b"")


def test_the_characters_of_a_variable_can_be_said(redis82: Server) -> None:
    script = b'ECHO $${x}\nECHO \\${x}\nECHO "\\${x} \\\\${x}"\nECHO $x\nECHO "$${x}"\n'

    told = ran(redis82, "exec", "--set", "x=1", stdin=script)

    assert told.stdout == b"${x}\n${x}\n${x} \\1\n$x\n${x}\n"


def test_without_variables_a_dollar_is_data(redis82: Server) -> None:
    assert ran(redis82, "exec", stdin=b"ECHO ${x}\nECHO $${x}\n").stdout == b"${x}\n$${x}\n"


@pytest.mark.parametrize(
    ("line", "said"),
    [
        (b"SET k ${unknown}", "no value for ${unknown}; give one with --set unknown=VALUE"),
        (b"SET k ${", "${ without a name and }; $${ are the characters themselves"),
        (b'SET k "${a b}"', "${ without a name and }; $${ are the characters themselves"),
    ],
)
def test_a_variable_without_a_value_stops_before_its_line(
    redis82: Server, script: Path, line: bytes, said: str
) -> None:
    script.write_bytes(b"SET done 1\n" + line + b"\nFLUSHALL\n")

    told = ran(redis82, "exec", "-f", str(script), "--set", "known=1")

    assert told == Ran(2, b"OK\n", f"{script}:2: {said}; stopped before this line\n".encode())
    assert redis82.command("KEYS", "*") == [b"done"]


@pytest.mark.parametrize("value", ["x", "=1", "1a=2", "a-b=2"])
def test_a_variable_needs_a_name_and_a_value(value: str) -> None:
    told = ran("-p", "1", "exec", "--set", value, stdin=b"")

    assert told.code == 2
    assert "must be NAME=VALUE" in told.said


# -- errors


def test_a_script_stops_at_its_first_error_when_asked(server: Server, script: Path) -> None:
    script.write_bytes(b"SET k v\nINCR k\nSET later 1\n")

    for flags in (("exec", "--stop-on-error"), ("-e", "exec")):
        told = ran(server, *flags, "-f", str(script))

        assert (told.code, told.stdout) == (1, b"OK\nERR value is not an integer or out of range\n\n")
        assert told.said == (
            f"{script}:2: INCR: (error) ERR value is not an integer or out of range\n"
            f"{script}:2: stopped at the first error, no later line was sent\n"
        )
        assert server.command("EXISTS", "later") == 0


def test_errors_keep_their_place_among_many_replies(server: Server) -> None:
    script = b"".join(b"SET k%d v\nINCR k%d\nGET k%d\n" % (n, n, n) for n in range(500))

    told = ran(server, stdin=script)

    wrong = b"ERR value is not an integer or out of range"
    assert told.code == 1
    assert told.stdout == (b"OK\n" + wrong + b"\n\nv\n") * 500
    assert told.stderr.splitlines() == [
        b"stdin:%d: INCR: (error) %b" % (line, wrong) for line in range(2, 1500, 3)
    ]


def test_a_word_of_the_prompt_is_told_from_a_command(redis82: Server) -> None:
    told = ran(redis82, stdin=b"PING\n:help\nPING\n")

    assert told.code == 2
    assert told.stdout == b"PONG\n"
    assert (
        told.said
        == "stdin:2: :help is a word of the prompt; a script has commands; stopped before this line\n"
    )


def test_bad_quoting_stops_before_its_line_and_what_was_before_it_is_done(redis82: Server) -> None:
    script = b"SET k %d\n" * 100 + b"GET 'k\nFLUSHALL\n"

    told = ran(redis82, stdin=script)

    assert told.code == 2
    assert told.stdout == b"OK\n" * 100
    assert told.said == "stdin:101:5: unbalanced quotes; stopped before this line\n"


def test_a_summary_is_told_when_asked(redis82: Server) -> None:
    for flags in (("--verbose", "exec"), ("exec", "--verbose")):
        told = ran(redis82, *flags, stdin=b"SET k v\nINCR k\nSELECT 1\n")

        assert told.code == 1
        last = told.said.splitlines()[-1]
        assert last.startswith("3 commands, 1 error, ")
        assert last.endswith(" per second")


def test_the_name_of_an_unknown_command_cannot_make_up_lines(redis82: Server) -> None:
    told = ran(redis82, stdin=b'"a\\nstdin:9: \\x1b[31m" x\n' + b"y" * 100_000 + b" x\n")

    assert told.code == 1
    first, second = told.said.splitlines()
    assert first.startswith("stdin:1: a\\nstdin:9: \\x1b[31m: (error) ERR unknown command 'a stdin:9: ")
    assert second.startswith(f"stdin:2: {'y' * 64}...: (error) ERR unknown command")
    assert "\n" not in ran(redis82, stdin=b'":a\\nb"').said[:-1]


@pytest.mark.parametrize("line", [b"SYNC", b"CLIENT REPLY OFF\nSELECT 1"])
def test_what_is_not_sent_ends_a_script_and_says_so(server: Server, line: bytes) -> None:
    server.command("SET", "k", "v")

    told = ran(server, stdin=line + b"\nFLUSHALL\n")

    assert (told.code, told.stdout) == (2, b"")
    assert told.said.endswith("; stopped here, no later line was sent\n")
    assert server.command("EXISTS", "k") == 1


@pytest.mark.parametrize("end", [b"", b"QUIT\nEXEC\n"])
def test_a_script_that_ends_inside_a_transaction_has_not_run_it(server: Server, end: bytes) -> None:
    told = ran(server, stdin=b"SET k 1\nMULTI\nSET k 2\n" + end)

    assert told == Ran(
        7,
        b"OK\nOK\nQUEUED\n",
        b"stdin: ended inside MULTI, so nothing of that transaction was run\n",
    )
    assert server.command("GET", "k") == b"1"
