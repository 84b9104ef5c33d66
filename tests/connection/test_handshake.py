"""What is said before a connection is handed out, without a socket."""

from __future__ import annotations

from typing import Any

import pytest

from pyredis.connection.handshake import handshake, introduction
from pyredis.exceptions import ProtocolError, ReplyError, reply_error
from pyredis.options import ConnectionOptions
from pyredis.types import Attributed, Map, Reply, Status
from pyredis.version import __version__
from tests.servers import Server

OK = Status(b"OK")
HELLO: Reply = {b"server": b"redis", b"proto": 3}
UNKNOWN = reply_error(
    "ERR unknown command `HELLO`, with args beginning with: `3`, `AUTH`, `default`, `hush`, "
)


def shake(options: dict[str, Any], *replies: Reply) -> tuple[list[bytes], int]:
    """Return the commands said, joined, and the protocol agreed on, when the server answers like this."""
    steps = handshake(ConnectionOptions(**options))
    said: list[bytes] = []
    answers = iter(replies)
    try:
        argv = next(steps)
        while True:
            said.append(b" ".join(argv))
            argv = steps.send(next(answers))
    except StopIteration as done:
        assert next(answers, None) is None
        return said, done.value


@pytest.mark.parametrize(
    ("options", "replies", "said", "protocol"),
    [
        ({}, [], [], 2),
        ({"database": 3}, [OK], [b"SELECT 3"], 2),
        ({"password": "hush"}, [OK], [b"AUTH hush"], 2),
        ({"username": "ada", "password": "hush"}, [OK], [b"AUTH ada hush"], 2),
        ({"username": "guest"}, [OK], [b"AUTH guest "], 2),
        ({"password": b"\xff"}, [OK], [b"AUTH \xff"], 2),
        ({"protocol": 3}, [HELLO], [b"HELLO 3"], 3),
        ({"protocol": 3, "password": "hush"}, [HELLO], [b"HELLO 3 AUTH default hush"], 3),
        (
            {"protocol": 3, "username": "ada", "password": "hush", "database": 1},
            [HELLO, OK],
            [b"HELLO 3 AUTH ada hush", b"SELECT 1"],
            3,
        ),
        ({"protocol": 3}, [["proto", 3]], [b"HELLO 3"], 3),
        ({"protocol": 3}, [Attributed(Map([(b"proto", 2)]), Map())], [b"HELLO 3"], 2),
        ({"protocol": 3}, [UNKNOWN], [b"HELLO 3"], 2),
        (
            {"protocol": 3, "password": "hush", "database": 1},
            [UNKNOWN, OK, OK],
            [b"HELLO 3 AUTH default hush", b"AUTH hush", b"SELECT 1"],
            2,
        ),
        (
            {"protocol": 3, "username": "poor", "password": "hush"},
            [reply_error("NOPERM no HELLO for you"), OK],
            [b"HELLO 3 AUTH poor hush", b"AUTH poor hush"],
            2,
        ),
        ({"protocol": 3}, [reply_error("NOPROTO unsupported")], [b"HELLO 3"], 2),
        ({"protocol": 3}, [reply_error("NOAUTH HELLO must be called")], [b"HELLO 3"], 2),
    ],
)
def test_a_handshake_says_no_more_than_it_must(
    options: dict[str, Any], replies: list[Reply], said: list[bytes], protocol: int
) -> None:
    assert shake(options, *replies) == (said, protocol)


@pytest.mark.parametrize(
    ("options", "replies", "command"),
    [
        ({"password": "hush"}, [reply_error("WRONGPASS invalid")], "AUTH"),
        ({"protocol": 3, "password": "hush"}, [reply_error("WRONGPASS invalid")], "HELLO"),
        ({"protocol": 3, "password": "hush"}, [UNKNOWN, reply_error("ERR invalid password")], "AUTH"),
        ({"database": 99}, [reply_error("ERR DB index is out of range")], "SELECT"),
        ({"protocol": 3, "password": "hush"}, [reply_error("NOAUTH really")], "HELLO"),
    ],
)
def test_a_refusal_is_raised_with_the_command_that_was_refused(
    options: dict[str, Any], replies: list[Reply], command: str
) -> None:
    with pytest.raises(ReplyError) as caught:
        shake(options, *replies)
    assert caught.value.command == command
    assert "hush" not in str(caught.value)


def test_a_server_without_auth_does_not_get_the_password_into_a_message() -> None:
    with pytest.raises(ReplyError, match="unknown command") as caught:
        shake(
            {"password": "hush"}, reply_error("ERR unknown command 'AUTH', with args beginning with: 'hush' ")
        )
    assert "hush" not in str(caught.value)


@pytest.mark.parametrize("reply", [OK, {}, [b"proto"], {b"proto": b"3"}])
def test_hello_is_believed_when_it_tells_the_protocol(reply: Reply) -> None:
    with pytest.raises(ProtocolError, match="HELLO"):
        shake({"protocol": 3}, reply)


def test_an_answer_that_is_no_answer_is_a_protocol_error() -> None:
    with pytest.raises(ProtocolError, match="SELECT"):
        shake({"database": 1}, b"PONG")


# -- the introduction


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"lib_name": None}, []),
        ({"lib_name": None, "client_name": "billing"}, ["CLIENT SETNAME billing"]),
        ({}, ["CLIENT SETINFO LIB-NAME pyredis", f"CLIENT SETINFO LIB-VER {__version__}"]),
        (
            {"client_name": "billing", "lib_name": "orm(pyredis)", "password": "hush", "database": 3},
            [
                "CLIENT SETNAME billing",
                "CLIENT SETINFO LIB-NAME orm(pyredis)",
                f"CLIENT SETINFO LIB-VER {__version__}",
            ],
        ),
    ],
)
def test_an_introduction_tells_the_names_that_were_given(options: dict[str, Any], said: list[str]) -> None:
    argvs = introduction(ConnectionOptions(**options))
    assert [b" ".join(argv).decode() for argv in argvs] == said


def test_a_server_lists_a_client_as_it_introduced_itself(server: Server) -> None:
    for argv in introduction(ConnectionOptions(client_name="billing")):
        assert server.command(*argv) == b"OK"
    line = server.command("CLIENT", "INFO")
    assert isinstance(line, bytes)
    shown = dict(field.split("=", 1) for field in line.decode().split())
    assert (shown["name"], shown["lib-name"], shown["lib-ver"]) == ("billing", "pyredis", __version__)


def test_names_are_never_part_of_the_handshake() -> None:
    assert shake({"client_name": "billing"}) == ([], 2)
