"""``exec`` as a script meets it: a process, its streams and its exit code, against real servers."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import pytest

from tests.conftest import MakeServer
from tests.program import PROGRAM, ROOT, Ran, Running, ran, ran_redis_cli
from tests.servers import Server, until, wait_until
from tests.terminal import Terminal

ALL_BYTES = bytes(range(256))


def test_a_command_prints_its_reply(server: Server) -> None:
    assert ran(server, "exec", "SET", "k", "v") == Ran(0, b"OK\n", b"")
    assert ran(server, "exec", "GET", "k") == Ran(0, b"v\n", b"")


def test_exec_may_be_left_out(server: Server) -> None:
    assert ran(server, "SET", "k", "v") == Ran(0, b"OK\n", b"")
    assert ran(server, "config", "get", "maxmemory") == Ran(0, b"maxmemory\n0\n", b"")
    assert ran(server, "eval", "return ARGV[1]", "0", "x") == Ran(0, b"x\n", b"")


def test_arguments_are_never_split_nor_joined(redis82: Server) -> None:
    ran(redis82, "exec", "RPUSH", "k", "two words", '"quoted"', "", "-1", "--raw", "a\\nb")

    assert redis82.command("LRANGE", "k", "0", "-1") == [
        b"two words",
        b'"quoted"',
        b"",
        b"-1",
        b"--raw",
        b"a\\nb",
    ]


def test_bytes_that_are_no_text_arrive_and_return_as_they_are(redis82: Server) -> None:
    value = ALL_BYTES[1:]

    assert ran(redis82, "SET", b"k\xff", value).code == 0
    assert redis82.command("GET", b"k\xff") == value
    assert ran(redis82, "GET", b"k\xff").stdout == value + b"\n"


def test_a_value_of_5_mb_comes_out_whole(redis82: Server) -> None:
    value = os.urandom(5_000_000)
    redis82.command("SET", "k", value)

    assert ran(redis82, "GET", "k").stdout == value + b"\n"


@pytest.mark.parametrize(
    ("encoding", "value"), [("latin-1", b"\xe9"), ("gb18030", b"\xa8\xa6"), ("utf-8", b"\xc3\xa9")]
)
def test_typed_text_takes_the_encoding(redis82: Server, encoding: str, value: bytes) -> None:
    assert ran(redis82, "--encoding", encoding, "SET", "k", "\u00e9").code == 0

    assert redis82.command("GET", "k") == value


@pytest.mark.parametrize("flags", [(), ("--raw",), ("--no-raw",), ("-3", "--no-raw"), ("-3",)])
def test_replies_are_redis_clis_bytes(redis62: Server, flags: tuple[str, ...]) -> None:
    script = b"""\
SET s "a\\x00b\\xffc\\n"
GET s
GET none
INCR n
RPUSH l a b "c d"
LRANGE l 0 -1
LRANGE none 0 -1
HSET h f v g w
HGETALL h
SADD set one
SMEMBERS set
ZADD z 1.5 m
ZSCORE z m
ZRANGE z 0 -1 WITHSCORES
XADD x 1-1 f v
XRANGE x - +
EVAL "return {1,{2,{3,'x'}},'y'}" 0
GET l
NOSUCH command
MULTI
INCR n
GET s
EXEC
ECHO ""
"""
    redis62.command("FLUSHALL")
    ours = ran(redis62, *flags, stdin=script)
    redis62.command("FLUSHALL")
    theirs = ran_redis_cli(redis62, *flags, stdin=script)

    assert ours.stdout == theirs.stdout
    assert ours.code == 1


def test_json_is_json(redis82: Server) -> None:
    redis82.command("HSET", "h", "f", "v")

    assert ran(redis82, "--json", "HGETALL", "h").stdout == b'{"f":"v"}\n'
    assert ran(redis82, "--json", "-2", "HGETALL", "h").stdout == b'["f","v"]\n'


def test_the_protocol_is_resp2_unless_asked(redis82: Server) -> None:
    assert b"resp=2" in ran(redis82, "CLIENT", "INFO").stdout
    assert b"resp=3" in ran(redis82, "-3", "CLIENT", "INFO").stdout
    assert b'"resp":3' in ran(redis82, "--json", "CLIENT", "INFO").stdout


def test_flags_choose_database_user_and_address(make_server: MakeServer) -> None:
    server = make_server("redis82", "requirepass secret", "user alice on >wonder ~* +@all")
    who = ("CLIENT", "INFO")

    assert b" db=3 " in ran(server, "-n", "3", "-a", "secret", "--no-auth-warning", *who).stdout
    assert b" user=alice " in ran(server, "--user", "alice", "-a", "wonder", *who).stdout
    assert b" user=alice " in ran(server, "--user", "alice", *who, env={"REDISCLI_AUTH": "wonder"}).stdout
    url = f"redis://alice:wonder@127.0.0.1:{server.port}/5"
    assert b" db=5 " in ran("-u", url, *who).stdout
    assert b" db=5 " in ran(url, *who).stdout
    assert b" user=default " in ran(f"unix://:secret@{server.unix_path}", *who).stdout


def test_a_user_without_a_password_runs_as_that_user_or_not_at_all(make_server: MakeServer) -> None:
    server = make_server("redis82", "user free on nopass ~* +@all", "user bound on >secret ~* +@all")

    assert ran(server, "--user", "free", "ACL", "WHOAMI") == Ran(0, b"free\n", b"")
    refused = ran(server, "--user", "bound", "ACL", "WHOAMI")
    assert (refused.code, refused.stdout) == (4, b"")
    assert "WRONGPASS" in refused.said


# -- errors


def test_the_error_of_one_command_is_a_line_on_standard_error(redis82: Server) -> None:
    redis82.command("RPUSH", "l", "x")

    told = ran(redis82, "GET", "l")

    assert (told.code, told.stdout) == (1, b"")
    assert told.said == "(error) WRONGTYPE Operation against a key holding the wrong kind of value\n"


def test_e_is_accepted(redis82: Server) -> None:
    assert ran(redis82, "-e", "PING") == Ran(0, b"PONG\n", b"")
    assert ran(redis82, "-e", "NOSUCH").code == 1


def test_an_error_in_a_script_keeps_its_place_and_is_told_with_its_line(redis82: Server) -> None:
    told = ran(redis82, stdin=b"SET k v\n\nINCR k\nGET k\n")

    assert told.stdout == b"OK\nERR value is not an integer or out of range\n\nv\n"
    assert told.said == "stdin:3: INCR: (error) ERR value is not an integer or out of range\n"
    assert told.code == 1


@pytest.mark.parametrize(
    ("line", "name"),
    [
        (b"SELECT 99", "SELECT"),
        (b"AUTH wrong", "AUTH"),
        (b"HELLO 9", "HELLO"),
        (b"RESET now", "RESET"),
    ],
)
def test_nothing_is_sent_after_a_failed_change_of_state(redis82: Server, line: bytes, name: str) -> None:
    redis82.command("SET", "precious", "1")

    told = ran(redis82, stdin=line + b"\nFLUSHDB\n")

    assert told.code == 4
    assert told.said.startswith(f"stdin:1: {name}: (error) ")
    assert told.said.endswith("; stopped here, no later line was sent\n")
    assert redis82.command("EXISTS", "precious") == 1


def test_nothing_is_sent_after_a_select_that_failed_inside_a_transaction(redis82: Server) -> None:
    redis82.command("SET", "precious", "1")

    told = ran(redis82, stdin=b"MULTI\nINCR n\nSELECT 99\nEXEC\nFLUSHDB\n")

    assert told.code == 4
    assert told.said.startswith("stdin:4: EXEC: (error) ERR DB index is out of range")
    assert redis82.command("EXISTS", "precious") == 1


def test_nothing_is_sent_after_a_transaction_whose_select_was_not_run(redis82: Server) -> None:
    redis82.command("SET", "precious", "1")

    told = ran(redis82, stdin=b"MULTI\nSELECT 5\nNOSUCH\nEXEC\nFLUSHDB\n")

    assert told.code == 4
    assert (
        told.said.splitlines()[1] == "stdin:4: EXEC: SELECT was not run; stopped here, no later line was sent"
    )
    assert redis82.command("EXISTS", "precious") == 1


def test_a_password_refused_at_a_reconnect_stops_a_script(make_server: MakeServer) -> None:
    server = make_server("redis82", "user ada on >old ~* +@all")
    with Running(server, "--user", "ada", "-a", "old", "--no-auth-warning") as program:
        program.write(b"PING\n")
        assert program.line() == b"PONG\n"
        server.command("ACL", "SETUSER", "ada", "resetpass", ">new")
        server.command("CLIENT", "KILL", "USER", "ada")
        program.write(b"SET one 1\nSET two 2\n")
        code, said = program.ended()

    assert code == 4
    assert said.startswith(b"stdin:2: SET: ")
    assert b"refused AUTH: (error) WRONGPASS" in said
    assert said.count(b"\n") == 1


def test_what_stopped_a_script_decides_the_exit_code(redis82: Server) -> None:
    assert ran(redis82, stdin=b"NOSUCH\nSELECT 99\n").code == 4
    assert ran(redis82, stdin=b"NOSUCH\nGET 'k\n").code == 2
    assert ran(redis82, stdin=b"NOSUCH\nquit\n").code == 1


# -- standard input


def test_lines_are_quoted_as_in_redis_cli_and_blank_ones_skipped(redis82: Server) -> None:
    told = ran(redis82, stdin=b'\n  SET "a b" \'c\'\r\n\t\nGET "a\\x20b"\nAPPEND "a b" d')

    assert told == Ran(0, b"OK\nc\n2\n", b"")


def test_bytes_on_standard_input_arrive_as_they_are(redis82: Server) -> None:
    value = ALL_BYTES.replace(b"\n", b"").replace(b'"', b"").replace(b"\\", b"")

    assert ran(redis82, stdin=b'SET k "' + value + b'"\n').code == 0
    assert redis82.command("GET", "k") == value


def test_a_character_that_ends_in_a_backslash_byte_is_no_escape(redis82: Server) -> None:
    assert ran(redis82, "--encoding", "gb18030", stdin=b'SET k "\x81\x5cn"\n').code == 0

    assert redis82.command("GET", "k") == b"\x81\x5cn"


@pytest.mark.parametrize("word", [b"quit", b"EXIT"])
def test_a_script_ends_at_quit(redis82: Server, word: bytes) -> None:
    assert ran(redis82, stdin=b"PING\n" + word + b"\nPING\n") == Ran(0, b"PONG\n", b"")


def test_a_file_is_read_to_its_end(redis82: Server, tmp_path: Path) -> None:
    script = tmp_path / "commands.txt"
    script.write_bytes(b"INCR n\n" * 1_000)

    with script.open("rb") as commands:
        told = ran(redis82, stdin=commands)

    assert told.stdout == b"".join(b"%d\n" % number for number in range(1, 1_001))


def test_a_slow_producer_gets_each_reply_at_once(redis82: Server) -> None:
    with Running(redis82) as program:
        for number in (1, 2, 3):
            program.write(b"INCR n\n")
            assert program.line() == b"%d\n" % number
        program.end_input()
        assert program.ended() == (0, b"")


def test_a_long_line_is_no_error(redis82: Server) -> None:
    assert ran(redis82, stdin=b"SET k " + b"x" * 5_000_000 + b"\nSTRLEN k\n").stdout == b"OK\n5000000\n"


def test_no_input_is_no_error(redis82: Server) -> None:
    assert ran(redis82, stdin=b"") == Ran(0, b"", b"")
    assert ran(redis82, "exec", stdin=b"") == Ran(0, b"", b"")
    assert ran(redis82, stdin=subprocess.DEVNULL) == Ran(0, b"", b"")


def test_closed_streams_are_survived(redis82: Server) -> None:
    program = f"{sys.executable} -m pyredis_cli -s {redis82.unix_path}"

    for ran_like_that, code in (
        (f"{program} SET k v <&- >&- 2>&-", 7),  # it ran, and its reply went nowhere
        (f"{program} <&-", 0),
        (f"{program} PING <&- 2>&-", 0),
    ):
        assert subprocess.run(["sh", "-c", ran_like_that], check=False).returncode == code
    assert redis82.command("GET", "k") == b"v"


# -- commands without an ordinary reply


@pytest.mark.parametrize("flags", [(), ("-3",)])
def test_messages_are_written_as_they_come_until_interrupted(redis82: Server, flags: tuple[str, ...]) -> None:
    with Running(redis82, *flags, "SUBSCRIBE", "news", "sport") as program:
        confirmations = [program.line() for _ in range(6)]
        redis82.command("PUBLISH", "news", "hello")
        message = [program.line() for _ in range(3)]
        program.signal(signal.SIGINT)
        assert program.ended() == (130, b"")

    assert confirmations == [b"subscribe\n", b"news\n", b"1\n", b"subscribe\n", b"sport\n", b"2\n"]
    assert message == [b"message\n", b"news\n", b"hello\n"]


def test_monitor_writes_each_line_until_the_connection_ends(make_server: MakeServer) -> None:
    server = make_server("redis82")
    with Running(server, "MONITOR") as program:
        assert program.line() == b"OK\n"
        server.command("SET", "k", "v")
        assert re.match(rb'\d+\.\d+ \[0 unix:.*\] "SET" "k" "v"\n', program.line())
        server.stop()
        code, said = program.ended()
    assert (code, said.count(b"\n")) == (3, 1)


def test_a_command_without_a_reply_prints_nothing(redis82: Server) -> None:
    assert ran(redis82, "CLIENT", "REPLY", "OFF") == Ran(0, b"", b"")
    assert ran(redis82, stdin=b"CLIENT REPLY SKIP\nSET k v\nGET k\n") == Ran(0, b"v\n", b"")
    assert ran(redis82, stdin=b"CLIENT REPLY OFF\nSET k w\nCLIENT REPLY ON\nGET k\n") == Ran(
        0, b"OK\nw\n", b""
    )


def test_a_shutdown_is_a_success(make_server: MakeServer) -> None:
    server = make_server("redis82")

    assert ran(server, "SHUTDOWN", "NOSAVE") == Ran(0, b"", b"")


# -- interruptions


async def test_ctrl_c_ends_a_blocking_command(redis82: Server) -> None:
    with Running(redis82, "BLPOP", "queue", "0") as program:
        await redis82.until_blocked()
        program.signal(signal.SIGINT)
        assert program.ended() == (130, b"")
    await until(lambda: redis82.blocked() == 0)


def test_ctrl_c_ends_a_write_that_nobody_reads(redis82: Server) -> None:
    redis82.command("SET", "k", b"x" * 5_000_000)
    with Running(redis82, "GET", "k") as program:
        program.until_output()
        program.signal(signal.SIGINT)
        assert program.ended() == (130, b"")


def test_ctrl_c_is_quiet_while_the_program_is_still_being_loaded() -> None:
    interrupted = """
import builtins, signal
def load(name, *args, real=builtins.__import__):
    if name == "pyredis_cli.flags":
        signal.raise_signal(signal.SIGINT)
    return real(name, *args)
builtins.__import__ = load
from pyredis_cli.__main__ import main
raise SystemExit(main())
"""
    ended = subprocess.run([sys.executable, "-c", interrupted], cwd=ROOT, capture_output=True, check=False)

    assert (ended.returncode, ended.stderr) == (130, b"")


def test_ctrl_c_ends_the_wait_for_a_line(redis82: Server) -> None:
    with Running(redis82) as program:
        program.write(b"PING\n")
        assert program.line() == b"PONG\n"
        program.signal(signal.SIGINT)
        assert program.ended() == (130, b"")


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGHUP, 129)])
def test_a_signal_ends_the_program_in_order(redis82: Server, number: signal.Signals, code: int) -> None:
    with Running(redis82) as program:
        program.write(b"PING\n")
        assert program.line() == b"PONG\n"
        program.signal(number)
        assert program.ended() == (code, b"")
    wait_until(lambda: redis82.clients() == 0)


# -- on a terminal


def on_a_terminal(*args: str) -> Terminal:
    return Terminal([*PROGRAM, *args], columns=100, cwd=str(ROOT))


def test_a_terminal_gets_formatted_text(redis82: Server) -> None:
    redis82.command("RPUSH", "l", "a", "\u6771\u4eac")

    with on_a_terminal("-s", redis82.unix_path, "LRANGE", "l", "0", "-1") as terminal:
        assert terminal.exit_code() == 0
        assert terminal.text.split("\n")[:2] == ['1) "a"', '2) "\u6771\u4eac"']


@pytest.mark.parametrize("flag", ["--no-raw", "-3"])
def test_nothing_a_server_says_steers_a_terminal(redis82: Server, flag: str) -> None:
    evil = b"\x1b]0;owned\x07\x1b[2J\xc2\x9b31m\xe2\x80\xae"
    redis82.command("SET", "k", evil)

    for command in (
        ["GET", "k"],
        ["EVAL", "return redis.error_reply(ARGV[1])", "0", "\x1b[2J"],
        ["EVAL", "return redis.status_reply(ARGV[1])", "0", "\x1b[2J"],
    ):
        with on_a_terminal("-s", redis82.unix_path, flag, *command) as terminal:
            terminal.exit_code()
            assert b"\x1b]" not in terminal.raw
            assert b"\x1b[2J" not in terminal.raw
            assert b"\xc2\x9b" not in terminal.raw
            assert b"\xe2\x80\xae" not in terminal.raw


def test_a_text_that_only_some_options_ask_for_is_a_text(make_server: MakeServer) -> None:
    server = make_server("redis82", "enable-debug-command yes")
    for flags in ((), ("--no-raw",)):
        assert ran(server, *flags, "DEBUG", "HTSTATS", "0").stdout.startswith(b"[Dictionary HT]\n")


def test_a_password_is_asked_for_and_not_shown(make_server: MakeServer) -> None:
    server = make_server("redis82", "user alice on >wonder ~* +@all")

    with on_a_terminal("-s", server.unix_path, "--user", "alice", "ACL", "WHOAMI") as terminal:
        terminal.wait_for("Password for alice:")
        terminal.send_line("wonder")
        assert terminal.exit_code() == 0
        assert '"alice"' in terminal.text
        assert "wonder" not in terminal.text


def test_without_a_command_a_terminal_gets_the_repl(redis82: Server) -> None:
    with on_a_terminal("-s", redis82.unix_path) as terminal:
        terminal.wait_for(f"{redis82.unix_path}>")
        terminal.send_line("PING")
        terminal.wait_for(re.compile(r"PONG\s+redis .*>"))
        terminal.send_key("c-d")
        assert terminal.exit_code() == 0


# -- about the program


def test_help_and_version_need_no_server() -> None:
    for flag in ("-h", "--help"):
        told = ran("-p", "1", flag)
        assert (told.code, told.stderr) == (0, b"")
        assert told.stdout.startswith(b"Usage: pyredis-cli")
    assert ran("exec", "--help").stdout.startswith(b"Usage: pyredis-cli [FLAGS] exec")
    assert re.fullmatch(rb"pyredis-cli \d+\.\d+\.\d+\n", ran("--version").stdout)


def test_embedded_runs_a_server_for_one_command_or_a_script(tmp_path: Path) -> None:
    assert ran("--embedded", "PING") == Ran(0, b"PONG\n", b"")
    assert ran("--embedded", "exec", stdin=b"SET k v\nGET k\n") == Ran(0, b"OK\nv\n", b"")
    assert ran("--embedded", str(tmp_path / "kept"), "SET", "k", "v") == Ran(0, b"OK\n", b"")
    assert ran(f"--embedded={tmp_path / 'kept'}", "GET", "k") == Ran(0, b"v\n", b"")


def test_an_embedded_server_ends_with_the_program() -> None:
    with Running("--embedded") as program:
        program.write(b"INFO server\n")
        lines = iter(program.line, b"")
        pid = int(next(line for line in lines if line.startswith(b"process_id:")).split(b":")[1])
        os.kill(pid, 0)
        program.signal(signal.SIGTERM)
        assert program.ended() == (143, b"")
    wait_until(lambda: not _alive(pid))


def _alive(pid: int) -> bool:
    with suppress(ProcessLookupError):
        os.kill(pid, 0)
        return True
    return False


def test_a_script_shows_its_commands_when_asked_but_not_their_secrets(redis82: Server) -> None:
    redis82.command("ACL", "SETUSER", "ada", "on", ">countess", "+@all", "~*")
    script = b'SET k "two words"\nAUTH ada countess\nget k\n'

    assert ran(redis82, "--echo", stdin=script) == Ran(
        0, b'> SET k "two words"\nOK\n> AUTH *** ***\nOK\n> get k\ntwo words\n', b""
    )


def test_a_script_goes_on_with_another_server(redis82: Server, valkey9: Server) -> None:
    valkey9.command("SET", "k", "v")
    script = f"SET k here\nSELECT 0\nconnect 127.0.0.1 {valkey9.port}\nGET k\nFLUSHALL\n".encode()

    assert ran(redis82, stdin=script) == Ran(0, b"OK\nOK\nv\nOK\n", b"")
    assert redis82.command("GET", "k") == b"here"


@pytest.mark.parametrize(
    ("line", "code", "said"),
    [
        ("connect 127.0.0.1 1", 3, "stdin:1: connect: cannot connect to 127.0.0.1:1: connection refused"),
        ("connect 127.0.0.1", 2, "stdin:1: connect: connect takes a host and a port; stopped here"),
        ("connect redis://u:hush@h 1", 2, "stdin:1: connect: connect takes a host and a port; stopped here"),
        ("connect h one", 2, "stdin:1: connect: port 'one' is not a number; stopped here"),
    ],
)
def test_a_script_that_cannot_go_on_elsewhere_stops(redis82: Server, line: str, code: int, said: str) -> None:
    redis82.command("SET", "k", "v")
    outcome = ran(redis82, stdin=f"{line}\nFLUSHALL\n".encode())

    assert outcome.code == code
    assert outcome.said.startswith(said)
    assert redis82.command("EXISTS", "k") == 1


def test_a_number_in_front_repeats_a_command_of_a_script(redis82: Server) -> None:
    assert ran(redis82, stdin=b"3 INCR n\n") == Ran(0, b"1\n2\n3\n", b"")
    refused = ran(redis82, stdin=b"0 INCR n\nINCR n\n")
    assert (refused.code, refused.stdout) == (2, b"")
    assert redis82.command("GET", "n") == b"3"


def test_what_fails_inside_a_transaction_is_an_error(redis82: Server) -> None:
    outcome = ran(redis82, stdin=b"MULTI\nINCR n\nLPUSH n x\nEXEC\nPING\n")

    assert outcome.code == 1
    assert outcome.said.startswith("stdin:4: EXEC: 2) (error) WRONGTYPE ")
    assert outcome.stdout.endswith(b"PONG\n")
