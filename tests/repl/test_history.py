"""The history: what is remembered, and the file that sessions share."""

from __future__ import annotations

import multiprocessing
import os
import resource
import stat
from pathlib import Path
from typing import Any

import pytest

from pyredis.commands.spec import TABLE
from pyredis_cli.repl.history import CommandHistory, HistoryFile, history_path, redacted
from pyredis_cli.splitting import split
from tests.servers import DEADLINE

PASSWORD = "hunter2"


def kept(line: str) -> str | None:
    return redacted(line, "utf-8", TABLE, PASSWORD)


def history_of(path: Path | None, warnings: list[str] | None = None) -> CommandHistory:
    file = HistoryFile(path) if path else None
    return CommandHistory(file, kept, ([] if warnings is None else warnings).append)


async def loaded(history: CommandHistory) -> list[str]:
    return [line async for line in history.load()]


# -- secrets


@pytest.mark.parametrize(
    ("line", "remembered"),
    [
        ("AUTH s3cret", "AUTH ***"),
        ("auth s3cret", "auth ***"),
        ("AuTh alice s3cret", "AuTh *** ***"),
        ("5 AUTH s3cret", "5 AUTH ***"),
        ("5 5 AUTH s3cret", "5 5 AUTH ***"),
        ("0 AUTH s3cret", "0 AUTH ***"),
        ("-1 AUTH s3cret", "-1 AUTH ***"),
        ("99999999999999999999 AUTH s3cret", "99999999999999999999 AUTH ***"),
        ("'5' AUTH s3cret", "5 AUTH ***"),
        ('"AUTH" "s3cret"', "AUTH ***"),
        (r'"\x41UTH" "s3cret"', "AUTH ***"),
        (r'AUTH "s3\x63ret"', "AUTH ***"),
        ("AUTH\ts3cret", "AUTH ***"),
        ("HELLO 3 AUTH alice s3cret", "HELLO 3 AUTH *** ***"),
        ("hello 3 setname x auth alice s3cret", "hello 3 setname x auth *** ***"),
        ("ACL SETUSER alice on >s3cret ~* +@all", "ACL SETUSER alice on *** ~* +@all"),
        ("CONFIG SET requirepass s3cret", "CONFIG SET requirepass ***"),
        ("config set maxmemory 1 masterauth s3cret", "config set maxmemory 1 masterauth ***"),
        ("MIGRATE h 6379 k 0 100 AUTH s3cret", "MIGRATE h 6379 k 0 100 AUTH ***"),
        ("MIGRATE h 6379 k 0 100 AUTH2 alice s3cret", "MIGRATE h 6379 k 0 100 AUTH2 *** ***"),
        ("AUHT s3cret", "AUHT ***"),
        ("5 autth alice s3cret", "5 autth *** ***"),
        ("AUTHENTICATE s3cret", "AUTHENTICATE ***"),
        ("HELO 3 AUTH alice s3cret", "HELO *** *** *** ***"),
        ("ACL SETUSR alice >s3cret", "ACL SETUSR *** ***"),
        ("config sett requirepass s3cret", "config sett *** ***"),
        ("CONFG SET requirepass s3cret", "CONFG *** *** ***"),
        ("HELLO 3 AUTHH alice s3cret", "HELLO 3 AUTHH *** ***"),
        ("HELLO 3 AUHT alice s3cret", "HELLO 3 AUHT *** ***"),
        ("MIGRATE h 1 k 0 5 AUTH3 alice s3cret", "MIGRATE h 1 k 0 5 AUTH3 *** ***"),
        ("127.0.0.1:6379> AUTH s3cret", '"127.0.0.1:6379>" AUTH ***'),
        ("redis-cli -p 7000 -a s3cret PING", "redis-cli -p 7000 -a *** PING"),
        ("pyredis-cli --pass=s3cret GET a", "pyredis-cli *** GET a"),
        ("AUTHs3cret", "***"),
        ("ACL SETUSER ada on>s3cret ~a>b +@all", 'ACL SETUSER ada *** "~a>b" +@all'),
        ("ACL SETUSER ada (>s3cret)", "ACL SETUSER ada ***"),
        ("redis-cli CONFIG SET requirepass s3cret", "redis-cli CONFIG SET requirepass ***"),
        ("? AUTH s3cret", "? AUTH ***"),
        ("connect ada:s3cret@h:6379", "connect ***"),
        (":explain CONFG SET requirepass s3cret", ":explain CONFG *** *** ***"),
        (":all --primaries AUHT s3cret", ":all --primaries AUHT ***"),
        (":watch 1 CONFIG SET requirepass s3cret", ":watch 1 CONFIG SET requirepass ***"),
        (":watch CONFIG SET requirepass s3cret", ":watch CONFIG SET requirepass ***"),
        (":watch 1 --csv config.csv AUHT s3cret", ":watch 1 --csv config.csv AUHT ***"),
        ("help AUTH s3cret", "help AUTH ***"),
        (":set pager redis://u:s3cret@h", ":set pager ***"),
        ("CONNECT h 6379 //ada:s3cret@h", "CONNECT h 6379 ***"),
    ],
)
def test_a_secret_is_not_remembered_in_any_spelling(line: str, remembered: str) -> None:
    assert kept(line) == remembered


@pytest.mark.parametrize(
    "line",
    [
        'AUTH "s3cret',
        "auth 's3cret",
        '5 AUTH "s3cret',
        'AUTH "s3cret"x',
        '"AUTH" "s3cret',
        "5 'auth' \"s3cret",
        'hello 3 auth alice "s3cret',
        'ACL SETUSER alice on ">s3cret',
        'CONFIG SET requirepass "s3cret',
        r'"\x41UTH" "s3cret',
        'AUHT "s3cret',
        'ACL SETUSR alice ">s3cret',
        'connect "redis://u:s3cret@h',
        "connect redis://u:s3cret@h 'x",
    ],
)
def test_a_line_that_cannot_be_read_is_forgotten_when_it_may_hold_a_secret(line: str) -> None:
    assert kept(line) is None


def test_a_line_that_cannot_be_read_is_forgotten_when_it_holds_the_password_of_the_session() -> None:
    assert kept(f'SET k "{PASSWORD}') is None


@pytest.mark.parametrize(
    "line", [f"SET pw {PASSWORD}", rf'SET pw "\x68{PASSWORD[1:]}"', f"GET {PASSWORD} > f"]
)
def test_a_line_is_forgotten_that_holds_the_password_of_the_session_where_none_is_expected(line: str) -> None:
    assert kept(line) is None
    assert kept(f"SET pw {PASSWORD}s") == f"SET pw {PASSWORD}s"
    assert redacted("SET pw abc", "utf-8", TABLE, "abc") == "SET pw abc"


@pytest.mark.parametrize(
    "line",
    [
        "GET k",
        "SET k 'it",
        'SET k "open',
        r'SET k "a\x00b"',
        "5 INCR x",
        "help auth",
        "CONFIG GET *",
        "5",
        "AUTH",
        "SETT k v",
        "SETT k 'open",
        "HGETAL key",
        "CLINET LIST",
        "CLIENT LSIT x",
        "ACL",
        "ACL SETUSR",
        "NOBODY." + "x" * 10_000 + " KNOWS",
        "NOBODY KNOWS hello world",
        "MIGRATE h 1 k 0 5 KEYS a b",
        "CONFIG SET tls-client-cert-file /x",
        ":set confirm off",
        "5 :set confirm off",
        ":monitor --command get",
        ':monitor --command "config set" --count 1',
        "peek config x",
        ":slot auth x",
    ],
)
def test_other_lines_are_remembered_as_they_were_typed(line: str) -> None:
    assert kept(line) == line


def test_a_line_that_begins_with_a_space_is_not_remembered() -> None:
    assert kept(" GET k") is None


async def test_neither_memory_nor_file_holds_a_secret(tmp_path: Path) -> None:
    history = history_of(tmp_path / "history")
    history.append_string("AUTH s3cret\nGET k\n  \nHELLO 3 AUTH alice s3cret")
    assert history.get_strings() == ["AUTH ***", "GET k", "HELLO 3 AUTH *** ***"]
    assert (tmp_path / "history").read_text() == "AUTH ***\nGET k\nHELLO 3 AUTH *** ***\n"


@pytest.mark.parametrize(
    ("line", "remembered"),
    [
        ("SET\tk\tv", "SET k v"),
        ("SET k '\x1b[31m\0'", r'SET k "\x1b[31m\x00"'),
        ("SET k \u202ex", r'SET k "\xe2\x80\xaex"'),
        ("SET k \udcff", r'SET k "\xff"'),
    ],
)
async def test_what_a_terminal_cannot_show_is_found_by_the_next_session(
    tmp_path: Path, line: str, remembered: str
) -> None:
    history_of(tmp_path / "history").append_string(line)
    assert await loaded(history_of(tmp_path / "history")) == [remembered]
    assert split(remembered) == split(line)


# -- the file


async def test_what_one_session_appends_the_next_one_finds(tmp_path: Path) -> None:
    path = tmp_path / "history"
    first = history_of(path)
    for line in ("SET k 1", "GET k", "GET k"):
        first.append_string(line)
    assert await loaded(history_of(path)) == ["GET k", "SET k 1"]


def test_file_and_folder_are_private_from_the_start(tmp_path: Path) -> None:
    previous = os.umask(0)
    try:
        path = tmp_path / "state" / "pyredis-cli" / "history"
        history_of(path)
    finally:
        os.umask(previous)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700


def test_a_file_that_others_could_read_is_closed_to_them(tmp_path: Path) -> None:
    path = tmp_path / "history"
    path.write_text("GET k\n")
    path.chmod(0o644)
    history_of(path).append_string("PING")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def _append_many(path: Path, name: str) -> None:
    file = HistoryFile(path)
    for number in range(200):
        file.append(f"SET {name} {number} {'x' * 3000}")


def test_sessions_that_append_at_the_same_time_lose_nothing(tmp_path: Path) -> None:
    path = tmp_path / "history"
    spawn = multiprocessing.get_context("spawn")
    writers = [spawn.Process(target=_append_many, args=(path, name)) for name in ("a", "b", "c")]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    lines = path.read_text().splitlines()
    assert len(lines) == 600
    for name in "abc":
        mine = [line.split()[2] for line in lines if line.startswith(f"SET {name} ")]
        assert mine == [str(number) for number in range(200)]


async def test_only_the_newest_100_000_lines_are_loaded(tmp_path: Path) -> None:
    path = tmp_path / "history"
    path.write_text("".join(f"GET {number}\n" for number in range(100_500)))
    lines = await loaded(history_of(path))
    assert len(lines) == 100_000
    assert lines[0] == "GET 100499"


async def test_of_a_huge_file_only_the_end_is_read(tmp_path: Path) -> None:
    path = tmp_path / "history"
    with path.open("wb") as file:
        file.truncate(1 << 32)
        file.seek(0, os.SEEK_END)
        file.write(b"\nGET newest\n")
    assert await loaded(history_of(path)) == ["GET newest"]


async def test_garbage_in_the_file_is_harmless(tmp_path: Path) -> None:
    path = tmp_path / "history"
    hostile = b"\x1b]0;title\x07\nSET k \xe2\x80\xae\n"
    path.write_bytes(os.urandom(100_000) + b"\nGET k\n" + hostile + "SET k 你好\u3000世界\n".encode())
    lines = await loaded(history_of(path))
    assert lines[:2] == ["SET k 你好\u3000世界", "GET k"]
    assert not any(character in line for line in lines for character in "\x00\x07\x1b\x9b\u202e")


async def test_a_last_line_that_was_cut_short_stays_apart_from_the_next(tmp_path: Path) -> None:
    path = tmp_path / "history"
    path.write_text("GET a\nSET b")
    history_of(path).append_string("GET c")
    assert path.read_text() == "GET a\nSET b\nGET c\n"


def test_a_file_that_cannot_be_written_is_warned_of_once(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    warnings: list[str] = []
    history = history_of(tmp_path / "file" / "history", warnings)
    history.append_string("GET a")
    history.append_string("GET b")
    assert history.get_strings() == ["GET a", "GET b"]
    assert len(warnings) == 1
    assert "REDISCLI_HISTFILE" in warnings[0]


def _fill(path: Path, problems: Any) -> None:
    resource.setrlimit(resource.RLIMIT_FSIZE, (20, 20))
    warnings: list[str] = []
    history = history_of(path, warnings)
    history.append_string("GET fits")
    history.append_string("GET does-not-fit")
    problems.put(warnings)


def test_a_line_for_which_there_is_no_room_is_warned_of_and_not_cut(tmp_path: Path) -> None:
    processes = multiprocessing.get_context("spawn")
    problems = processes.Queue()
    process = processes.Process(target=_fill, args=(tmp_path / "history", problems))
    process.start()
    (warning,) = problems.get(timeout=DEADLINE)
    process.join()
    assert "No space left on device" in warning
    assert (tmp_path / "history").read_text() == "GET fits\n"


@pytest.mark.parametrize("kind", ["folder", "fifo"])
async def test_what_is_no_regular_file_is_left_alone(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "history"
    if kind == "folder":
        path.mkdir()
    else:
        os.mkfifo(path)
    history = history_of(path)
    history.append_string("GET a")
    assert history.get_strings() == ["GET a"]


# -- a file that grows


async def test_a_file_that_has_grown_far_too_long_is_trimmed(tmp_path: Path) -> None:
    path = tmp_path / "history"
    path.write_text("".join(f"GET {number}\n" for number in range(120_000)))
    await loaded(history_of(path))
    assert len(path.read_text().splitlines()) == 120_000
    history_of(path).append_string("GET one more")
    await loaded(history_of(path))
    lines = path.read_text().splitlines()
    assert (len(lines), lines[0], lines[-1]) == (100_000, "GET 20001", "GET one more")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert set(os.listdir(tmp_path)) == {"history", "home"}


async def test_a_file_that_has_grown_far_too_large_is_trimmed_to_whole_lines(tmp_path: Path) -> None:
    path = tmp_path / "history"
    path.write_text("".join(f"SET k {number} {'x' * 10_000}\n" for number in range(1_800)) + "GET newest")
    await loaded(history_of(path))
    lines = path.read_text().splitlines()
    assert path.stat().st_size < 13 * 1024 * 1024
    assert lines[-1] == "GET newest"
    assert all(line.startswith("SET k ") and len(line) > 10_000 for line in lines[:-1])


async def test_a_link_to_the_file_stays_one(tmp_path: Path) -> None:
    (tmp_path / "kept").mkdir()
    target = tmp_path / "kept" / "history"
    target.write_text("GET k\n" * 120_001)
    (tmp_path / "history").symlink_to(target)
    await loaded(history_of(tmp_path / "history"))
    assert (tmp_path / "history").is_symlink()
    assert len(target.read_text().splitlines()) == 100_000


async def test_where_nothing_can_be_exchanged_lines_are_remembered_all_the_same(tmp_path: Path) -> None:
    path = tmp_path / ("h" * 255)  # no other file beside it can have a longer name
    path.write_text("GET k\n" * 120_001)
    warnings: list[str] = []
    history = history_of(path, warnings)
    assert len(await loaded(history)) == 100_000
    history.append_string("GET one more")
    assert len(path.read_text().splitlines()) == 120_002
    assert not warnings


def _append_until(path: Path, name: str, done: Path) -> None:
    file = HistoryFile(path)
    for number in range(9_000):  # so few that none of them is ever among the oldest that go
        file.append(f"SET {name} {number}")
        if done.exists():
            break


def _trim_often(path: Path, done: Path) -> None:
    file = HistoryFile(path)
    for _ in range(4):
        file.append("\n".join(["TRIM"] * 20_001))
        file.trim()
    done.touch()


def test_sessions_that_append_while_another_one_trims_lose_nothing(tmp_path: Path) -> None:
    path, done = tmp_path / "history", tmp_path / "done"
    path.write_text("GET old\n" * 100_000)
    spawn = multiprocessing.get_context("spawn")
    writers = [spawn.Process(target=_append_until, args=(path, name, done)) for name in ("a", "b")]
    processes = [*writers, spawn.Process(target=_trim_often, args=(path, done))]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    lines = path.read_text().splitlines()
    assert len(lines) < 120_000
    for name in "ab":
        mine = [int(line.split()[2]) for line in lines if line.startswith(f"SET {name} ")]
        assert mine
        assert mine == list(range(len(mine)))


# -- where it is


def test_the_environment_may_name_another_file() -> None:
    assert history_path({"REDISCLI_HISTFILE": "/x/y"}) == Path("/x/y")
    assert history_path({"VALKEYCLI_HISTFILE": "/x/z"}) == Path("/x/z")
    assert history_path({"VALKEYCLI_HISTFILE": "/x/z", "REDISCLI_HISTFILE": "/x/y"}) == Path("/x/y")


def test_dev_null_means_no_file() -> None:
    assert history_path({"REDISCLI_HISTFILE": "/dev/null"}) is None


def test_the_default_is_in_the_state_folder_of_the_platform() -> None:
    path = history_path({"REDISCLI_HISTFILE": ""})
    assert path is not None
    assert path.parts[-2:] == ("pyredis-cli", "history")


@pytest.mark.parametrize(
    ("line", "kept"),
    [
        (":AUTH s3cret", ":AUTH ***"),
        ("help AUTH s3cret", "help AUTH ***"),
        ("CONFIG SET requirepas s3cret", "CONFIG SET requirepas ***"),
        ("connect redis://u:s3cret@h 1", "connect *** 1"),
        ("SET k redis://u:s3cret@h", "SET k ***"),
        ("connect redis://:s3cr/et@h", "connect ***"),
        ("connect redis+sentinel://u:s3cret@h/g", "connect ***"),
        ("connect sentinel://h/g?sentinel_password=s3cret", "connect ***"),
        ("connect redis://h:s3cret", "connect ***"),
        ("connect unix://:s3cret@/tmp/socket", "connect ***"),
        ('connect "rediss://u:s3cret@h"', "connect ***"),
        (":source redis://u:s3cret@h", ":source ***"),
        ("SET k https://u:s3cret@h/", "SET k ***"),
        ("SET k https://medium.com/@ada", "SET k https://medium.com/@ada"),
        ("connect redis://h:1/2?db=3", "connect redis://h:1/2?db=3"),
        ("help config set", "help config set"),
        ("connect 127.0.0.1 6379", "connect 127.0.0.1 6379"),
        ("CONFIG SET maxmemory 1gb", "CONFIG SET maxmemory 1gb"),
        ("SET k redis://h:1/2", "SET k redis://h:1/2"),
    ],
)
def test_a_secret_is_not_remembered_where_it_does_not_belong(line: str, kept: str) -> None:
    assert redacted(line, "utf-8", TABLE) == kept


# -- commands of several lines


@pytest.mark.parametrize(
    ("line", "remembered"),
    [
        ("SET k 'a\nb'", r'SET k "a\nb"'),
        ('5 SET k "\t\n" x', r'5 SET k "\t\n" x'),
        ('AUTH "a\nb"', "AUTH ***"),
        ("ACL SETUSER ada '>a\nb' on", "ACL SETUSER ada *** on"),
        (" SET k 'a\nb'", None),
        ("SET k 'a\nb", None),
    ],
)
def test_a_command_of_several_lines_is_remembered_in_one(line: str, remembered: str | None) -> None:
    assert kept(line) == remembered
    if remembered is not None and "***" not in remembered:
        assert split(remembered) == split(line)


async def test_a_paste_is_remembered_command_by_command(tmp_path: Path) -> None:
    history = history_of(tmp_path / "history")
    history.append_string("SET a 'x\ny'\n GET hidden\nGET a")
    assert await loaded(history_of(tmp_path / "history")) == ["GET a", r'SET a "x\ny"']
