"""The REPL's own words, as a person uses them on a terminal."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.conftest import MakeServer
from tests.repl.conftest import StartRepl, ask, at_prompt
from tests.servers import Server, free_port, wait_until
from tests.terminal import Terminal


def drop(screen: Terminal) -> None:
    """Clear the line that is typed."""
    screen.send_key("c-c")
    screen.wait_until(at_prompt, what="an empty line")


def test_help_tells_of_words_commands_and_groups(repl: StartRepl, redis82: Server) -> None:
    screen = repl(redis82, rows=60)
    assert ":source FILE" in ask(screen, "help")
    assert ask(screen, "help :set").startswith(":set [NAME [VALUE]]\n  show or change what you prefer")
    assert ask(screen, "help connect").startswith("connect HOST PORT | URL")
    assert ask(screen, "? zadd").startswith("ZADD key")
    assert "HSET" in ask(screen, "help @hash")
    assert ask(screen, ":sorce x") == "unknown meta command :sorce; did you mean :source?"


def test_tab_completes_the_words_and_what_they_take(repl: StartRepl, redis82: Server, tmp_path: Path) -> None:
    (tmp_path / "a file.redis").write_text("PING\n")
    (tmp_path / "in side").mkdir()
    (tmp_path / "in side" / "it's").write_text("PING\n")
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "inner").write_text("PING\n")
    screen = repl(redis82, cwd=str(tmp_path), rows=40)
    ask(screen, ":set live-completion off")
    for typed, become in [
        (":forma\t", ":format"),
        ("help zrangebys\t", "help zrangebyscore"),
        ("help @strea\t", "help @stream"),
        (":set timi\t", ":set timing"),
        (":set format js\t", ":set format json"),
        (":format hum\t", ":format human"),
        (":source a\t", ':source "a file.redis"'),
        (":source fol\t", ":source folder/"),
        (":source folder/\t", ":source folder/inner"),
        (":source in\t", ':source "in side/'),
        (':source "in side/\t', ':source "in side/it\'s"'),
        (":monitor --mat\t", ":monitor --match"),
        ("connect local\t", "connect localhost"),
    ]:
        screen.send(typed)
        screen.wait_until(lambda screen, end=f"> {become}": screen.before_cursor.endswith(end), what=become)
        drop(screen)


def test_the_form_of_replies_can_be_asked_for_and_set(repl: StartRepl, redis82: Server) -> None:
    screen = repl(redis82)
    assert ask(screen, ":format") == "format human"
    assert ask(screen, ":format redis") == "format redis"
    assert ask(screen, ":set format") == "format redis"
    assert "format is one of" in ask(screen, ":format xml")
    assert ask(screen, ":set nohints") == "hints off"
    assert ask(screen, ":set hint on").startswith("no preference hint; did you mean hints?")


def test_connect_takes_a_url_and_leaves_the_old_user_behind(repl: StartRepl, make_server: MakeServer) -> None:
    first = make_server("redis82", "requirepass one")
    second = make_server("redis82")
    second.command("ACL", "SETUSER", "ada", "on", ">s3cret", "~*", "+@all")
    screen = repl(first, "-a", "one", "--no-auth-warning")
    ask(screen, f"connect redis://ada:s3cret@{second.host}:{second.port}/3")
    assert screen.line.endswith(f"ada@{second.host}:{second.port}[3]>")
    assert ask(screen, "ACL WHOAMI") == '"ada"'
    # The password of the second server is none of the first one's business, nor is its database.
    ask(screen, f"connect redis://{first.host}:{first.port}")
    assert screen.line.endswith(f"{first.host}:{first.port}(not authenticated)>")
    assert "NOAUTH" in ask(screen, "GET k")
    # As redis-cli does it: database and password stay.
    ask(screen, f"connect redis://:one@{first.host}:{first.port}/2")
    ask(screen, f"connect {first.host} {first.port}")
    assert screen.line.endswith(f"{first.host}:{first.port}[2]>")
    assert ask(screen, "PING") == "PONG"
    history = Path.home() / ".local/state/pyredis-cli/history"
    assert history.read_text().count("connect ***\n") == 2
    assert "s3cret" not in history.read_text()
    typed = f"connect redis://ada:s3cret@{second.host}:{second.port}/3"
    assert "s3cret" not in screen.text.replace(typed, "")


def test_connect_takes_the_url_of_a_socket(repl: StartRepl, redis82: Server) -> None:
    screen = repl(redis82)
    ask(screen, f"connect unix://{redis82.unix_path}?db=4")
    assert screen.line.endswith("[4]>")
    assert ask(screen, "PING") == "PONG"


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ("connect redis://u:s3cret@h:port", "the port is not a number"),
        ("connect http://u:s3cret@h", "unknown scheme 'http'"),
        ("connect redis://u:s3cret@h?encoding=latin-1", "start again with --encoding"),
        ("connect h", "usage: connect HOST PORT | URL"),
    ],
)
def test_a_connect_that_cannot_be_meant_changes_nothing(
    repl: StartRepl, redis82: Server, line: str, why: str
) -> None:
    screen = repl(redis82)
    answer = ask(screen, line)
    assert why in answer
    assert "s3cret" not in answer
    assert ask(screen, "PING") == "PONG"


def test_a_server_that_is_not_there_is_told_without_the_password(repl: StartRepl, redis82: Server) -> None:
    screen = repl(redis82)
    answer = ask(screen, f"connect redis://ada:s3cret@127.0.0.1:{free_port()}")
    assert "refused" in answer
    assert "s3cret" not in answer
    assert screen.line == "not connected>"


def test_bytes_are_written_as_it_is_preferred(repl: StartRepl, redis82: Server) -> None:
    redis82.command("SET", "k", b"\xff\\")
    screen = repl(redis82, "--json")
    for notation, shown in {
        "default": '{"$base64":"/1w="}',
        "hex": '{"$hex":"ff5c"}',
        "escape": r'"\\xff\\\\"',
        "utf8": '"\ufffd\\\\"',
        "base64": '{"$base64":"/1w="}',
    }.items():
        assert ask(screen, f":set bytes {notation}") == f"bytes {notation}"
        assert ask(screen, "GET k") == shown
    ask(screen, ":set bytes hex")
    ask(screen, ":format csv")
    assert ask(screen, "GET k") == "$hex:ff5c"
    ask(screen, ":format redis")
    assert ask(screen, "GET k") == r'"\xff\\"'


def test_the_flag_for_bytes_holds_at_the_prompt(repl: StartRepl, redis82: Server) -> None:
    redis82.command("SET", "k", b"\xff")
    screen = repl(redis82, "--json", "--bytes", "hex")
    assert ask(screen, ":set bytes") == "bytes hex"
    assert ask(screen, "GET k") == '{"$hex":"ff"}'


@pytest.mark.parametrize("word", ["quit", "exit", "QUIT"])
def test_the_words_that_leave(repl: StartRepl, redis82: Server, word: str) -> None:
    screen = repl(redis82)
    screen.send_line(word)
    assert screen.exit_code() == 0


def test_clear_clears_the_screen(repl: StartRepl, redis82: Server) -> None:
    screen = repl(redis82)
    ask(screen, "ECHO something")
    screen.send_line("clear")
    screen.wait_until(lambda screen: "something" not in "\n".join(screen.display), what="an empty screen")
    wait_until(lambda: at_prompt(screen))
