"""How often the command of the arguments runs, and the other ways to tell it: standard input, quotes."""

from __future__ import annotations

import io
import os
import signal
from pathlib import Path

import pytest

from pyredis_cli.argv import argv_of
from pyredis_cli.flags import UsageError
from pyredis_cli.settings import Telling
from tests.conftest import MakeServer
from tests.program import PROGRAM, ROOT, Ran, Running, ran
from tests.servers import Server, until, wait_until
from tests.terminal import Terminal

# -- -r and -i


def test_a_command_runs_as_often_as_was_asked_for(server: Server) -> None:
    assert ran(server, "-r", "3", "INCR", "n") == Ran(0, b"1\n2\n3\n", b"")


def test_each_error_is_told_the_others_run_and_the_code_is_that_of_the_first(redis82: Server) -> None:
    redis82.command("SET", "n", str(2**63 - 3))

    told = ran(redis82, "-r", "4", "INCR", "n")

    assert told.stdout == b"%d\n%d\n" % (2**63 - 2, 2**63 - 1)
    assert told.said == "(error) ERR increment or decrement would overflow\n" * 2
    assert told.code == 1


def test_e_stops_at_the_first_error(redis82: Server) -> None:
    redis82.command("SET", "n", str(2**63 - 2))

    told = ran(redis82, "-e", "-r", "-1", "INCR", "n")

    assert told == Ran(1, b"%d\n" % (2**63 - 1), b"(error) ERR increment or decrement would overflow\n")


def test_for_ever_is_until_ctrl_c_and_each_reply_comes_at_once(redis82: Server) -> None:
    with Running(redis82, "-r", "-1", "-i", "0.001", "INCR", "n") as program:
        assert [program.line() for _ in range(3)] == [b"1\n", b"2\n", b"3\n"]
        program.signal(signal.SIGINT)
        assert program.ended() == (130, b"")


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_wait_between_runs_ends_at_once(redis82: Server, number: signal.Signals, code: int) -> None:
    with Running(redis82, "-r", "2", "-i", "3600", "INCR", "n") as program:
        assert program.line() == b"1\n"
        program.signal(number)
        assert program.ended() == (code, b"")


def test_nobody_waits_behind_the_last_run(redis82: Server) -> None:
    assert ran(redis82, "-i", "3600", "PING") == Ran(0, b"PONG\n", b"")


def test_a_reader_that_left_ends_the_runs_quietly(redis82: Server) -> None:
    with Running(redis82, "-r", "-1", "PING") as program:
        program.until_output()
        program.stop_reading()
        assert program.ended() == (141, b"")


def test_a_read_goes_on_over_another_connection_and_ends_with_the_server(make_server: MakeServer) -> None:
    server = make_server("redis82")
    with Running(server, "-r", "-1", "-i", "0.05", "DBSIZE") as program:
        assert program.line() == b"0\n"
        assert server.command("CLIENT", "KILL", "TYPE", "normal") == 1
        server.command("SET", "k", "v")
        wait_until(lambda: program.line() == b"1\n")
        server.stop()
        code, said = program.ended()
    assert code == 3
    assert said.splitlines()[-1].startswith(b"cannot connect to ")


async def test_a_subscription_is_made_again_when_it_ends(redis82: Server) -> None:
    with Running(redis82, "-r", "2", "SUBSCRIBE", "news") as program:
        assert [program.line() for _ in range(3)] == [b"subscribe\n", b"news\n", b"1\n"]
        program.signal(signal.SIGINT)
        assert program.ended() == (130, b"")
    await until(lambda: redis82.command("PUBLISH", "news", "x") == 0)


@pytest.mark.parametrize("times", ["0", "-0", "x", "", "1.5"])
def test_a_number_of_runs_that_means_nothing_is_refused(times: str) -> None:
    told = ran("-p", "1", "-r", times, "PING")

    assert (told.code, told.stdout) == (2, b"")
    assert told.said == f"-r must be a whole number, 1 or more, or -1 for ever, not {times!r}\n"


# -- -x and -X

DATA = bytes(range(256)) + b"\r\n\n"


def test_x_takes_standard_input_as_the_last_argument_byte_for_byte(server: Server) -> None:
    assert ran(server, "-x", "SET", "k", stdin=DATA) == Ran(0, b"OK\n", b"")
    assert server.command("GET", "k") == DATA
    assert ran(server, "-x", "exec", "ECHO", stdin=b"hello\n") == Ran(0, b"hello\n\n", b"")


def test_x_takes_an_empty_input_as_an_empty_argument(redis82: Server) -> None:
    assert ran(redis82, "-x", "SET", "k", stdin=b"").code == 0
    assert redis82.command("GET", "k") == b""


def test_x_takes_a_large_value_whole(redis82: Server, tmp_path: Path) -> None:
    value = os.urandom(5_000_000)
    (tmp_path / "value").write_bytes(value)

    with (tmp_path / "value").open("rb") as file:
        assert ran(redis82, "-x", "SET", "k", stdin=file).code == 0
    assert redis82.command("GET", "k") == value
    assert ran(redis82, "-x", "SET", "k", stdin=value).code == 0
    assert redis82.command("GET", "k") == value


def test_x_gives_each_run_the_same(redis82: Server) -> None:
    assert ran(redis82, "-r", "2", "-x", "RPUSH", "l", stdin=b"v\n").stdout == b"1\n2\n"
    assert redis82.command("LRANGE", "l", "0", "-1") == [b"v\n", b"v\n"]


def test_a_tag_is_the_first_argument_that_is_equal_to_it(redis82: Server) -> None:
    assert ran(redis82, "-X", "@", "RPUSH", "l", "x@", "@", "@", stdin=DATA).code == 0

    assert redis82.command("LRANGE", "l", "0", "-1") == [b"x@", DATA, b"@"]


def test_a_tag_that_is_no_argument_is_refused_before_anything_is_read() -> None:
    with Running("-p", "1", "-X", "tag", "SET", "k", "v") as program:
        code, said = program.ended()

    assert (code, said) == (2, b"Using -X option but stdin tag not match. No argument is 'tag'\n")


def test_x_reads_a_slow_writer_to_its_end(redis82: Server) -> None:
    with Running(redis82, "-x", "ECHO") as program:
        program.write(b"one\n")
        program.write(b"two\n")
        program.end_input()
        assert [program.line() for _ in range(3)] == [b"one\n", b"two\n", b"\n"]
        assert program.ended() == (0, b"")


def test_x_reads_a_terminal_until_ctrl_d(redis82: Server) -> None:
    with Terminal([*PROGRAM, "-s", redis82.unix_path, "-x", "SET", "k"], cwd=str(ROOT)) as terminal:
        terminal.send_line("typed")
        terminal.wait_for("typed")
        terminal.send_key("c-d")
        assert terminal.exit_code() == 0
    assert redis82.command("GET", "k") == b"typed\n"


def test_ctrl_c_ends_the_wait_for_an_argument(redis82: Server) -> None:
    flags = ("-s", redis82.unix_path, "-a", "x", "-x")
    with Terminal([*PROGRAM, *flags, "SET", "k"], cwd=str(ROOT)) as terminal:
        terminal.wait_for("Warning")  # the last thing before it reads
        terminal.send_key("c-c")
        assert terminal.exit_code() == 130
    assert redis82.command("EXISTS", "k") == 0


def test_x_waits_for_a_pipe_that_somebody_else_made_non_blocking(redis82: Server) -> None:
    reading, writing = os.pipe()
    os.set_blocking(reading, False)
    with open(writing, "wb", buffering=0) as pipe, Running(redis82, "-x", "ECHO", stdin=reading) as program:
        os.close(reading)
        pipe.write(b"x")
        pipe.close()
        assert program.line() == b"x\n"
        assert program.ended() == (0, b"")


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        (["-x"], "-x gives a command an argument, and there is no command; give one behind the flags\n"),
        (["-X", "t"], "-X gives a command an argument, and there is no command; give one behind the flags\n"),
        (["-r", "2"], "-r repeats the command behind the flags, and there is none; "),
        (["-x", "-X", "t", "GET", "t"], "-x and -X both take standard input; give one of them\n"),
    ],
)
def test_what_is_for_a_command_is_refused_where_there_is_none(flags: list[str], said: str) -> None:
    for words in (flags, [*flags, "exec"]):
        told = ran("-p", "1", *words, stdin=b"FLUSHALL\n")
        assert (told.code, told.stdout) == (2, b"")
        assert told.said.startswith(said)


def test_what_is_for_a_command_is_refused_at_the_prompt_as_well() -> None:
    with Terminal([*PROGRAM, "-p", "1", "-r", "2"], columns=120, cwd=str(ROOT)) as terminal:
        assert terminal.exit_code() == 2
        assert terminal.text.startswith("-r repeats the command behind the flags, and there is none")


# -- --quoted-input


def test_quoted_arguments_may_be_any_bytes(server: Server) -> None:
    told = ran(server, "--quoted-input", "SET", r'"a\x00\xff\n"', r"'it\'s'")

    assert told == Ran(0, b"OK\n", b"")
    assert server.command("GET", b"a\x00\xff\n") == b"it's"
    assert ran(server, "--quoted-input", "get", r'"a\x00\xff\n"').stdout == b"it's\n"


def test_standard_input_is_never_quoted_and_a_tag_is_what_it_means(redis82: Server) -> None:
    assert ran(redis82, "--quoted-input", "-x", "ECHO", stdin=b'"q"').stdout == b'"q"\n'
    assert ran(redis82, "--quoted-input", "-X", "t", "ECHO", '"t"', stdin=b'"q"').stdout == b'"q"\n'


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["AUTH", '"hush'], "argument 1 of the command: unbalanced quotes (column 1)"),
        (['"GET', "k"], "argument 0 of the command: unbalanced quotes (column 1)"),
        (
            ["GET", '"a"b'],
            "argument 1 of the command: text is glued to a closing quote; put a blank between (column 4)",
        ),
        (
            ["GET", "hush hush"],
            "argument 1 of the command: it is 2 words; inside the shell's quotes it needs its own: '\"\"'",
        ),
        (
            ["GET", ""],
            "argument 1 of the command: it is empty; inside the shell's quotes it needs its own: '\"\"'",
        ),
    ],
)
def test_an_argument_that_is_misquoted_is_named_and_not_shown(words: list[str], said: str) -> None:
    with pytest.raises(UsageError) as refused:
        argv_of(words, Telling(quoted=True), "utf-8", io.BytesIO())

    assert str(refused.value) == f"Invalid quoted string: {said}"


def test_a_misquoted_argument_ends_the_program_before_anything_is_sent() -> None:
    told = ran("-p", "1", "--quoted-input", "AUTH", '"hush')

    assert (told.code, told.stdout) == (2, b"")
    assert told.said == "Invalid quoted string: argument 1 of the command: unbalanced quotes (column 1)\n"


# -- --show-pushes

TRACKED = b"CLIENT TRACKING ON\nMGET a b\nMSET a 1 b 2\nPING\nGET a\nFLUSHALL\nPING\n"
PUSHES = {
    "--raw": b"OK\n\n\nOK\ninvalidate\na\ninvalidate\nb\nPONG\n1\nOK\ninvalidate\n\nPONG\n",
    "--no-raw": (
        b"OK\n1) (nil)\n2) (nil)\nOK\n-> invalidate: 'a'\n-> invalidate: 'b'\nPONG\n\"1\"\nOK\n"
        b'1) "invalidate"\n2) (nil)\nPONG\n'
    ),
    "--json": b'"OK"\n[null,null]\n"OK"\n["invalidate",["a"]]\n["invalidate",["b"]]\n"PONG"\n"1"\n"OK"\n'
    b'["invalidate",null]\n"PONG"\n',
}


@pytest.mark.parametrize("form", PUSHES)
def test_pushes_are_shown_in_the_order_of_the_wire(valkey9: Server, form: str) -> None:
    assert ran(valkey9, "-3", "--show-pushes", "yes", form, stdin=TRACKED) == Ran(0, PUSHES[form], b"")


def test_pushes_are_not_shown_where_no_person_is_or_none_are_wanted(redis82: Server) -> None:
    quiet = Ran(0, b"OK\n\n\nOK\nPONG\n1\nOK\nPONG\n", b"")

    assert ran(redis82, "-3", stdin=TRACKED) == quiet
    assert ran(redis82, "-3", "--show-pushes", "no", stdin=TRACKED) == quiet


def test_a_push_that_steers_terminals_does_not(redis82: Server) -> None:
    script = b'CLIENT TRACKING ON\nGET "a\\x1b[2Jz"\nSET "a\\x1b[2Jz" 1\nPING\n'

    told = ran(redis82, "-3", "--show-pushes", "yes", "--no-raw", stdin=script)

    assert told.stdout == b"OK\n(nil)\nOK\n-> invalidate: 'a\\x1b[2Jz'\nPONG\n"


def test_a_push_is_shown_while_a_command_waits(redis82: Server) -> None:
    script = b"CLIENT TRACKING ON\nGET k\nBLPOP queue 0\n"
    with Running(redis82, "-3", "--show-pushes", "yes", "--json") as program:
        program.write(script)
        assert [program.line() for _ in range(2)] == [b'"OK"\n', b"null\n"]
        wait_until(lambda: redis82.blocked() == 1)
        redis82.command("SET", "k", "v")
        assert program.line() == b'["invalidate",["k"]]\n'
        redis82.command("RPUSH", "queue", "job")
        assert program.line() == b'["queue","job"]\n'


def test_a_reader_that_left_is_noticed_by_a_push_and_ends_the_script(redis82: Server) -> None:
    with Running(redis82, "-3", "--show-pushes", "yes") as program:
        program.write(b"CLIENT TRACKING ON\nGET k\n")
        assert [program.line() for _ in range(2)] == [b"OK\n", b"\n"]
        program.stop_reading()
        redis82.command("SET", "k", "v")
        program.write(b"PING\n")
        assert program.ended() == (141, b"")
