"""``:source`` on a terminal: what runs, what is shown, and where it stops."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.conftest import MakeServer
from tests.repl.conftest import StartRepl, ask, at_prompt
from tests.servers import Server, wait_until
from tests.terminal import Terminal


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path / "seed.redis"


def test_each_command_is_shown_before_its_reply(repl: StartRepl, server: Server, file: Path) -> None:
    file.write_text('# what there is to begin with\n\nSET k "one\ntwo"\n  GET k\n2 INCR n\n:format\n')
    screen = repl(server)
    ask(screen, ":set timing off")
    assert ask(screen, ":source seed.redis").splitlines() == [
        '> SET k "one\\ntwo"',
        "OK",
        "> GET k",
        '"one\\ntwo"',
        "> 2 INCR n",
        "(integer) 1",
        "(integer) 2",
        "> :format",
        "format human",
        "seed.redis: 4 commands run",
    ]
    assert server.command("GET", "k") == b"one\ntwo"


def test_errors_do_not_stop_it_and_are_counted(repl: StartRepl, redis82: Server, file: Path) -> None:
    file.write_text("SET k v\nLPUSH k x\nNOSUCH\nMULTI\nSET k 1\nLPUSH k x\nEXEC\nSET done 1\n")
    screen = repl(redis82)
    assert ask(screen, ":source seed.redis").splitlines()[-1] == "seed.redis: 8 commands run, 3 failed"
    assert redis82.command("GET", "done") == b"1"


def test_nothing_is_sent_behind_a_select_that_failed(repl: StartRepl, server: Server, file: Path) -> None:
    server.command("SET", "precious", "1")
    file.write_text("SELECT 99\nFLUSHDB\n# and\nSET k v\n")
    screen = repl(server)
    ask(screen, ":set timing off")
    lines = ask(screen, ":source seed.redis").splitlines()
    assert lines[:2] == ["> SELECT 99", "(error) ERR DB index is out of range"]
    assert lines[-1] == "seed.redis:1: stopped here; 2 commands behind it not sent"
    assert server.command("DBSIZE") == 1


def test_what_an_open_quote_took_along_is_not_counted(repl: StartRepl, redis82: Server, file: Path) -> None:
    file.write_text('SET a 1\nSET b "x\nSET c 1\nSET d 1\n')
    told = ask(repl(redis82), ":source seed.redis")
    assert told.endswith(
        "seed.redis:2: stopped here; its quote is open to the end of the file, and nothing of that was sent"
    )
    assert redis82.command("DBSIZE") == 1


@pytest.mark.parametrize(
    ("line", "shown"),
    [
        ("AUTH nobody s3cret", "WRONGPASS"),
        ("HELLO 3 AUTH nobody s3cret", "WRONGPASS"),
        ("HELLO 99", "NOPROTO"),
        ("connect 127.0.0.1 1", "refused"),
        ("connect redis://ada:s3cret@127.0.0.1:1", "refused"),
        (":nosuch", "unknown meta command"),
        (":set hints maybe", "hints is on or off"),
        ("SET k 's3cret'x", "Invalid argument(s)"),
        ("SET k 's3cret", "Invalid argument(s)"),
        (":source nosuch.redis", "No such file"),
    ],
)
def test_nothing_is_sent_behind_what_fails_the_lines_to_come(
    repl: StartRepl, redis82: Server, file: Path, line: str, shown: str
) -> None:
    file.write_text(f"SET before 1\n\n{line}\nSET after 1\n")
    screen = repl(redis82)
    screen.send_line(":source seed.redis")
    screen.wait_for("seed.redis:3: stopped here")
    screen.wait_until(at_prompt, what="the prompt")
    assert shown in screen.text
    assert "s3cret" not in screen.text
    assert redis82.command("EXISTS", "before", "after") == 1


def test_a_secret_is_not_shown(repl: StartRepl, make_server: MakeServer, file: Path) -> None:
    server = make_server("redis82")
    file.write_text("ACL SETUSER ada on >s3cret +@all ~*\nAUTH ada s3cret\nACL WHOAMI\n")
    screen = repl(server)
    answer = ask(screen, ":source seed.redis")
    assert "> ACL SETUSER ada on *** +@all ~*" in answer
    assert "> AUTH *** ***" in answer
    assert "s3cret" not in screen.text
    assert screen.line.startswith("ada@")


def test_ctrl_c_stops_it(repl: StartRepl, redis82: Server, file: Path) -> None:
    file.write_text("SET before 1\nBLPOP nothing 0\nSET after 1\n")
    screen = repl(redis82)
    screen.send_line(":source seed.redis")
    wait_until(lambda: b"cmd=blpop" in redis82.command("CLIENT", "LIST"))
    screen.send_key("c-c")
    screen.wait_for("seed.redis:2: stopped here; 1 command behind it not sent")
    screen.wait_until(at_prompt, what="the prompt")
    assert redis82.command("EXISTS", "before", "after") == 1


def test_ctrl_c_stops_a_file_of_many_small_commands(repl: StartRepl, redis82: Server, file: Path) -> None:
    file.write_text("INCR n\n" * 200_000)
    screen = repl(redis82)
    screen.send_line(":source seed.redis")
    screen.wait_for("(integer) 100\n")
    screen.send_key("c-c")
    screen.wait_for("stopped here; more than 100,000 commands behind it not sent")
    screen.wait_until(at_prompt, what="the prompt")
    assert int(redis82.command("GET", "n")) < 100_000


def test_files_may_source_each_other_but_not_themselves(repl: StartRepl, redis82: Server, file: Path) -> None:
    file.write_text("INCR n\n:source 'inner one'\nINCR n\n")
    Path("inner one").write_text("INCR n\nquit\nINCR never\n")
    screen = repl(redis82)
    ask(screen, ":set timing off")
    lines = ask(screen, ":source seed.redis").splitlines()
    assert lines[-4:] == ["inner one: 1 command run", "> INCR n", "(integer) 3", "seed.redis: 3 commands run"]
    assert redis82.command("EXISTS", "never") == 0
    Path("inner one").write_text(":source seed.redis\nINCR never\n")
    answer = ask(screen, ":source seed.redis")
    assert ":source seed.redis: is being read already; a file cannot source itself" in answer
    assert "inner one:1: stopped here; 1 command behind it not sent" in answer
    assert answer.endswith("seed.redis:2: stopped here; 1 command behind it not sent")


def test_files_source_each_other_only_so_deep(repl: StartRepl, redis82: Server, file: Path) -> None:
    for number in range(20):
        Path(str(number)).write_text(f":source {number + 1}\n")
    screen = repl(redis82)
    assert ":source 8: 8 files source each other already" in ask(screen, ":source 0")


def test_what_is_no_file_of_text_is_told_in_a_line(repl: StartRepl, redis82: Server, file: Path) -> None:
    Path("folder").mkdir()
    os.mkfifo("fifo")
    Path("binary").write_bytes(b"SET k v\nSET b \x00\n")
    Path("empty").touch()
    screen = repl(redis82)
    for name, why in [
        ("nosuch", "No such file or directory"),
        ("folder", "is a folder"),
        ("fifo", "is no regular file"),
        ("binary", "is no text"),
        ('"a\\x00b"', "no file has a NUL"),
    ]:
        answer = ask(screen, f":source {name}")
        assert why in answer, name
        assert "\n" not in answer
    assert ask(screen, ":source empty") == "empty: 0 commands run"
    assert redis82.command("DBSIZE") == 0


def test_a_long_reply_does_not_open_a_pager_before_the_rest_is_done(
    repl: StartRepl, redis82: Server, file: Path
) -> None:
    redis82.command("RPUSH", "l", *range(500))
    file.write_text("LRANGE l 0 -1\nSET done 1\n")
    screen = repl(redis82, pager=True, env={"PAGER": ""})
    assert ask(screen, ":source seed.redis").endswith("seed.redis: 2 commands run")
    assert redis82.command("GET", "done") == b"1"


def test_bytes_of_a_file_do_not_steer_the_terminal(repl: StartRepl, redis82: Server, file: Path) -> None:
    file.write_bytes(b'\xef\xbb\xbfSET k "\x1b]0;title\x07\xe2\x80\xae"\n')
    screen = repl(redis82)
    answer = ask(screen, ":source seed.redis")
    assert answer.startswith('> SET k "\\x1b]0;title\\a')
    assert b"\x1b]0;title" not in screen.raw
    assert redis82.command("GET", "k") == "\x1b]0;title\x07\u202e".encode()


def test_pasted_lines_stop_where_a_file_stopped(repl: StartRepl, redis82: Server, file: Path) -> None:
    file.write_text("SELECT 99\n")
    screen: Terminal = repl(redis82)
    screen.paste(":source seed.redis\nSET k v\n")
    screen.send_key("enter")
    screen.wait_for("[y/N]")
    screen.send("y")
    screen.wait_for("stopped: 1 more pasted line not sent, from here on: SET k v")
    assert redis82.command("DBSIZE") == 0


def test_a_long_file_shows_that_it_is_looked_at_and_can_be_stopped(
    repl: StartRepl, redis82: Server, file: Path
) -> None:
    file.write_text("INCR never\n" * 200_000)
    screen = repl(redis82)
    screen.send_line(":source seed.redis")
    screen.wait_for("Ctrl-C stops")
    assert "> INCR" not in screen.text
    screen.send_key("c-c")
    screen.wait_for("stopped")
    screen.wait_until(at_prompt)
    assert redis82.command("EXISTS", "never") == 0
