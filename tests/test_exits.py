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
    PyRedisTlsError,
    PyRedisURLError,
    ReplyError,
    reply_error,
)
from pyredis.options import ConnectionOptions
from pyredis.resp import make_decoder
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
        (PyRedisTlsError("nobody can be trusted"), 3, 3),
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
            "check --user and the password: --askpass, --pass or REDISCLI_AUTH; "
            "settings show --origin tells which it was",
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


def test_the_options_of_tls_are_told_by_the_names_of_the_flags() -> None:
    one = PyRedisTlsError.of("{path} is none; give {ca_file}, or {verify}", path="{ca_file}")
    assert str(one) == "{ca_file} is none; give ca_file, or verify=False"
    assert explain(one, HERE) == "{ca_file} is none; give --cacert, or --insecure"
    several = PyRedisConnError(f"nobody answers (a: {one})")
    several.causes = (one, ReplyError("ERR no"))
    assert explain(several, HERE) == "nobody answers (a: {ca_file} is none; give --cacert, or --insecure)"


def test_a_server_that_may_want_tls_is_asked_about_it() -> None:
    closed = PyRedisConnClosed("db:7000 closed the connection")
    assert explain(closed, HERE) == "db:7000 closed the connection"
    closed.unheard = True
    assert explain(closed, HERE).endswith(
        "; is that a Redis or Valkey server, and does it want --tls or rediss://?"
    )
    alert = bytes.fromhex("15030100020246")
    decoder = make_decoder(ConnectionOptions(decoder="typed"))
    decoder.feed(alert)
    with pytest.raises(ProtocolError) as caught:
        decoder.next()
    assert explain(caught.value, HERE) == (
        "db:7000 does not speak RESP, but TLS; give --tls, or a URL that begins with rediss://"
    )


def test_an_error_reply_is_said_as_redis_cli_says_it() -> None:
    assert explain(reply_error("WRONGTYPE no"), HERE) == "(error) WRONGTYPE no"


def test_an_error_of_many_lines_is_told_in_one() -> None:
    error = ReplyError("ERR first\r\nsecond\nthird")
    assert explain(error, TcpAddress("h", 1)) == "(error) ERR first second third"


def test_one_client_too_many_has_not_reached_the_server() -> None:
    error = ReplyError("ERR max number of clients reached", "HELLO")
    for at_connect in (False, True):
        assert exit_for(error, at_connect=at_connect) == Exit.CONNECTION
        assert explain(error, HERE, at_connect=at_connect) == (
            "db:7000 takes no more connections: (error) ERR max number of clients reached; nothing was run"
        )
