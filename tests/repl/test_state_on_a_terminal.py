"""What a person does to the connection by hand is what the prompt says, and nothing hangs."""

from __future__ import annotations

import re

import pytest

from tests.conftest import MakeServer
from tests.repl.conftest import StartRepl, ask, at_prompt
from tests.servers import Server, wait_until


def protocol(server: Server, name: str) -> str:
    """Return the protocol that the server speaks with a client of that name."""
    listed = server.command("CLIENT", "LIST")
    assert isinstance(listed, bytes)
    [client] = [line for line in listed.decode().splitlines() if f" name={name} " in line]
    found = re.search(r"resp=(\d)", client)
    assert found is not None
    return found[1]


@pytest.mark.parametrize(("flags", "spoken"), [((), "3"), (("-2",), "2"), (("-3",), "3")])
def test_the_protocol_is_the_one_asked_for(
    repl: StartRepl, redis82: Server, flags: tuple[str, ...], spoken: str
) -> None:
    screen = repl(redis82, *flags)
    ask(screen, "CLIENT SETNAME me")
    assert protocol(redis82, "me") == spoken


def test_a_server_without_hello_is_served_in_resp2(repl: StartRepl, make_server: MakeServer) -> None:
    server = make_server("redis62", 'rename-command HELLO ""')
    screen = repl(server)
    assert ask(screen, "SET k v") == "OK"
    assert ask(screen, "CONFIG GET maxmemory") == "maxmemory  0  no limit"


def test_hello_and_reset_change_what_they_say(repl: StartRepl, make_server: MakeServer) -> None:
    server = make_server("redis82", "user ada on nopass ~* +@all")
    where = f"{server.host}:{server.port}"
    screen = repl(server, "-n", "2")
    ask(screen, "HELLO 2 AUTH ada x SETNAME me")
    assert screen.line == f"ada@{where}[2]>"
    assert protocol(server, "me") == "2"
    assert "WRONGPASS" in ask(screen, "HELLO 3 AUTH nobody x")
    assert screen.line == f"ada@{where}[2]>"
    ask(screen, "MULTI")
    assert ask(screen, "RESET") == "RESET"
    assert screen.line == f"{where}>"
    ask(screen, "CLIENT SETNAME me")
    assert protocol(server, "me") == "2"
    assert ask(screen, "HELLO 4").startswith("(error) NOPROTO")
    ask(screen, "HELLO 3")
    assert protocol(server, "me") == "3"


def test_a_user_typed_by_hand_is_the_user_after_a_reconnect(repl: StartRepl, make_server: MakeServer) -> None:
    server = make_server("redis82", "user ada on nopass ~* +@all")
    screen = repl(server)
    ask(screen, "AUTH ada x")
    ask(screen, "SELECT 4")
    server.restart()
    assert '"ada"' in ask(screen, "ACL WHOAMI")
    assert screen.line == f"ada@{server.host}:{server.port}[4]>"
    server.command("ACL", "SETUSER", "ada", "resetpass", ">other")
    server.command("CLIENT", "KILL", "USER", "ada")
    assert "WRONGPASS" in ask(screen, "SET k v")
    assert screen.line == "not authenticated>"
    server.command("SELECT", 4)
    assert server.command("EXISTS", "k") == 0


def test_replies_that_are_off_leave_nothing_hanging(repl: StartRepl, server: Server) -> None:
    screen = repl(server)
    where = f"{server.host}:{server.port}"
    assert ask(screen, "CLIENT REPLY OFF") == ""
    assert screen.line == f"{where}(replies off)>"
    assert ask(screen, "INCR n") == ""
    assert ask(screen, "NOSUCH") == ""
    assert "although replies are off" in ask(screen, "SELECT 1")
    assert ask(screen, "CLIENT REPLY ON") == "OK"
    assert screen.line == f"{where}>"
    assert ask(screen, "CLIENT REPLY SKIP") == ""
    assert ask(screen, "INCR n") == ""
    assert ask(screen, "INCR n") == "(integer) 3"


def test_shutdown_ends_the_server_and_not_the_session(repl: StartRepl, make_server: MakeServer) -> None:
    server = make_server("redis82")
    screen = repl(server, "--yes=SHUTDOWN")
    screen.send_line("SHUTDOWN NOSAVE")
    screen.wait_until(lambda shown: shown.line == "not connected>")
    assert "error" not in screen.text.lower()
    wait_until(lambda: not server.alive)
    server.stop()
    server.start()
    assert ask(screen, "PING").endswith("PONG")


def test_watched_keys_are_in_the_prompt(repl: StartRepl, server: Server) -> None:
    screen = repl(server)
    where = f"{server.host}:{server.port}"
    ask(screen, "WATCH k")
    assert screen.line == f"{where}(watching)>"
    ask(screen, "MULTI")
    assert screen.line == f"{where}(TX)>"
    server.command("SET", "k", "other")
    assert ask(screen, "EXEC") == "(nil)"
    assert screen.line == f"{where}>"


def test_a_read_is_sent_again_after_a_break_and_a_write_is_not(
    repl: StartRepl, make_server: MakeServer
) -> None:
    server = make_server("redis82")
    screen = repl(server)
    ask(screen, "SET k v")
    server.command("CONFIG", "SET", "save", "")
    server.restart()
    screen.wait_until(lambda shown: shown.line == "not connected>")
    assert ask(screen, "GET k").endswith("(nil)")
    assert at_prompt(screen)
