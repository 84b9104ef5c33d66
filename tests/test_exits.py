"""What an error means for the exit code, and the line that is said about it."""

from __future__ import annotations

import pytest

from pyredis.address import TcpAddress
from pyredis.exceptions import (
    ClusterError,
    PoolExhausted,
    ProtocolError,
    PyRedisConnClosed,
    PyRedisConnError,
    PyRedisConnReadTimeout,
    PyRedisError,
    PyRedisURLError,
    ReplyError,
    reply_error,
)
from pyredis_cli.exits import Exit, exit_for, explain

HERE = TcpAddress("db", 7000)


@pytest.mark.parametrize(
    ("error", "in_a_command", "at_connect"),
    [
        (reply_error("WRONGTYPE Operation against a key"), 1, 4),
        (reply_error("NOPERM this user has no permissions"), 1, 4),
        (reply_error("WRONGPASS invalid"), 1, 4),
        (reply_error("NOAUTH Authentication required."), 4, 4),
        (PyRedisConnError("cannot connect"), 3, 3),
        (PyRedisConnClosed("closed"), 3, 3),
        (PyRedisConnReadTimeout("late"), 5, 5),
        (ProtocolError("not RESP"), 3, 3),
        (PoolExhausted("all leased"), 3, 3),
        (ClusterError("uncovered"), 3, 3),
        (PyRedisURLError("no URL"), 2, 2),
        (PyRedisError("SYNC would turn the connection into a replication stream"), 2, 2),
    ],
)
def test_an_error_has_one_exit_code(error: PyRedisError, in_a_command: int, at_connect: int) -> None:
    assert exit_for(error) == in_a_command
    assert exit_for(error, at_connect=True) == at_connect


def test_signals_end_as_shells_count_them() -> None:
    assert (Exit.HANGUP, Exit.INTERRUPT, Exit.BROKEN_PIPE, Exit.TERMINATED) == (129, 130, 141, 143)


@pytest.mark.parametrize(
    ("error", "line"),
    [
        (
            ReplyError("ERR DB index is out of range", "SELECT"),
            "db:7000 refused SELECT: (error) ERR DB index is out of range; choose another database with -n",
        ),
        (
            ReplyError("WRONGPASS no", "AUTH"),
            "db:7000 refused AUTH: (error) WRONGPASS no; "
            "check --user and the password: --askpass, --pass or REDISCLI_AUTH",
        ),
        (ReplyError("ERR no", None), "db:7000 refused the connection: (error) ERR no; nothing was run"),
        (PyRedisConnError("cannot connect to db:7000: refused"), "cannot connect to db:7000: refused"),
        (
            ProtocolError("bad type byte"),
            "db:7000 does not speak RESP: bad type byte; is that a Redis or Valkey server?",
        ),
    ],
)
def test_a_failed_start_says_what_where_and_the_mend(error: PyRedisError, line: str) -> None:
    assert explain(error, HERE, at_connect=True) == line


def test_an_error_reply_is_said_as_redis_cli_says_it() -> None:
    assert explain(reply_error("WRONGTYPE no"), HERE) == "(error) WRONGTYPE no"
