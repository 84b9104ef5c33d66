"""The REPL's own words."""

from __future__ import annotations

import pytest

from pyredis.address import TcpAddress
from pyredis.commands.spec import TABLE, Table
from pyredis_cli.repl.meta import WORDS, Clear, Connect, Leave, Refuse, Set, Tell, Verdict, verdict


def judged(line: str) -> Verdict | None:
    return verdict([word.encode() for word in line.split()], TABLE)


@pytest.mark.parametrize("line", ["quit", "exit", "QUIT", "Exit now"])
def test_quit_and_exit_leave(line: str) -> None:
    assert judged(line) == Leave()


def test_clear_clears() -> None:
    assert judged("clear") == Clear()
    assert isinstance(judged("clear all"), Refuse)


@pytest.mark.parametrize("line", ["GET k", "PING", "helper", "5"])
def test_anything_else_is_for_the_server(line: str) -> None:
    assert judged(line) is None


def test_connect_names_a_host_and_a_port() -> None:
    assert judged("connect localhost 7000") == Connect(TcpAddress("localhost", 7000))


@pytest.mark.parametrize(
    "line",
    [
        "connect",
        "connect h",
        "connect h 1 2",
        "connect h x",
        "connect h 0",
        "connect h 65536",
        "connect h -1",
    ],
)
def test_connect_with_anything_else_shows_its_usage(line: str) -> None:
    answer = judged(line)
    assert isinstance(answer, Refuse)
    assert "connect HOST PORT" in answer.reason


def test_an_unknown_meta_command_is_refused_and_never_sent() -> None:
    answer = judged(":nosuch x")
    assert isinstance(answer, Refuse)
    assert ":nosuch" in answer.reason


def test_help_names_every_word() -> None:
    text = told("help")
    assert told("?") == text
    assert all(word in text for word in WORDS)


@pytest.mark.parametrize("name", ["get", "CONFIG GET", "xadd", "hello"])
def test_help_for_a_command_shows_its_name_and_its_history(name: str) -> None:
    text = told(f"help {name}")
    assert text.upper().startswith(name.upper())
    assert "since: " in text
    assert "group: " in text


def test_help_for_a_container_lists_its_subcommands() -> None:
    assert "GET" in told("help config")
    assert "RESETSTAT" in told("help config")


def test_help_for_a_group_lists_its_commands() -> None:
    assert "LPUSH" in told("help @list")


@pytest.mark.parametrize("line", ["help nosuch", "help @nosuch", "help config nosuch"])
def test_help_that_is_not_there_is_said_in_a_line(line: str) -> None:
    answer = judged(line)
    assert isinstance(answer, Refuse)
    assert "nosuch" in answer.reason


def test_help_for_a_group_leaves_out_what_the_server_lacks() -> None:
    table = Table()
    table.learn_server("redis", "6.2.14")
    answer = verdict([b"help", b"@string"], table)
    assert isinstance(answer, Tell)
    text = "\n".join(answer.lines)
    assert "GETEX" in text
    assert "LCS" not in text


def test_no_line_of_help_is_wider_than_the_terminal() -> None:
    for line in ("help", *(f"help {word}" for word in WORDS), "help @string", "help @server"):
        assert all(len(shown) < 80 for shown in told(line).splitlines()), line


def test_set_is_passed_on_with_its_words() -> None:
    assert judged(":set") == Set(())
    assert judged(":SET hints off") == Set(("hints", "off"))
    assert ":set" in told("help")
    assert told("help :set").startswith(":set [NAME")


def told(line: str) -> str:
    answer = judged(line)
    assert isinstance(answer, Tell)
    return "\n".join(answer.lines)
