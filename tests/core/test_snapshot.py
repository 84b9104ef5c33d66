"""An RDB on its way to a replica: found in the stream wherever the network cuts it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pyredis.exceptions import ProtocolError, ReplyError
from pyredis_cli.core.link import Link, Position, wants_acknowledgement
from pyredis_cli.core.snapshot import Snapshot

RDB = b"REDIS0011" + bytes(range(256)) * 3 + b"\xff" + b"checksum"
MARK = b"0123456789" * 4


def fed(stream: bytes, size: int) -> tuple[Snapshot, bytes]:
    """Feed the stream in pieces; return the snapshot and the RDB."""
    snapshot, rdb = Snapshot(), b""
    for at in range(0, len(stream), size):
        if snapshot.ended:
            break
        rdb += snapshot.feed(stream[at : at + size])
    return snapshot, rdb


@given(
    before=st.sampled_from(
        [b"", b"\n", b"\n\n\n", b"+FULLRESYNC abc 12\r\n", b"\n+FULLRESYNC abc 12\r\n\n\n"]
    ),
    marked=st.booleans(),
    rdb=st.sampled_from([RDB, b"VALKEY080\xff12345678", b"REDIS0009" + MARK[:39] * 3 + b"\xff" + b"\0" * 8]),
    size=st.integers(1, 300),
)
def test_the_rdb_is_the_same_wherever_it_is_cut(before: bytes, marked: bool, rdb: bytes, size: int):
    body = b"$EOF:" + MARK + b"\r\n" + rdb + MARK if marked else b"$%d\r\n" % len(rdb) + rdb
    snapshot, came = fed(before + body, size)
    assert snapshot.ended
    assert came == rdb
    assert (snapshot.problem, snapshot.size, snapshot.received, snapshot.rest) == (
        "",
        len(rdb),
        len(rdb),
        b"",
    )
    assert snapshot.status == ("FULLRESYNC abc 12" if b"F" in before else "")


@pytest.mark.parametrize("marked", [True, False])
def test_what_is_behind_the_rdb_is_kept(marked: bool):
    body = b"$EOF:" + MARK + b"\r\n" + RDB + MARK if marked else b"$%d\r\n" % len(RDB) + RDB
    snapshot, rdb = fed(body + b"*1\r\n$4\r\nping\r\n", 10_000)
    assert (rdb, snapshot.rest) == (RDB, b"*1\r\n$4\r\nping\r\n")


def test_a_server_that_goes_on_sends_no_rdb():
    snapshot, rdb = fed(b"\n+CONTINUE abc\r\n*1\r\n$4\r\nping\r\n", 10_000)
    assert (snapshot.ended, snapshot.status, rdb) == (True, "CONTINUE abc", b"")
    assert snapshot.rest == b"*1\r\n$4\r\nping\r\n"


@pytest.mark.parametrize(
    "line",
    [b"+OK\r\n+OK\r\n", b"$-1\r\n", b"$EOF:short\r\n", b"HTTP/1.1 400\r\n", b"$99x\r\n", b"x" * 70_000],
)
def test_what_is_no_header_is_told(line: bytes):
    with pytest.raises(ProtocolError):
        fed(line, 10)


def test_a_refusal_is_an_error_of_the_server():
    with pytest.raises(ReplyError, match="NOMASTERLINK Can't SYNC"):
        fed(b"\n-NOMASTERLINK Can't SYNC while not connected with my master\r\n", 7)


@pytest.mark.parametrize(
    ("rdb", "problem"),
    [
        (b"", "begins with"),
        (b"REDIS", "begins with"),
        (b"RADIS0011" + RDB[9:], "begins with b'RADIS0011'"),
        (RDB[:-9] + b"\xfe" + b"checksum", "last bytes"),
    ],
)
def test_what_is_no_rdb_is_told(rdb: bytes, problem: str):
    snapshot, _ = fed(b"$%d\r\n" % len(rdb) + rdb, 1000)
    assert problem in snapshot.problem


def test_half_an_rdb_is_told():
    snapshot, _ = fed(b"$1000\r\n" + RDB, 100)
    assert snapshot.problem == f"it ends after {len(RDB)} of 1000 bytes"


COMMANDS = b"*2\r\n$6\r\nSELECT\r\n$1\r\n0\r\n*3\r\n$3\r\nset\r\n$1\r\na\r\n$12\r\nvalue\r\nvalue\r\n"


@given(size=st.integers(1, 80))
def test_a_link_is_as_far_as_its_last_whole_command(size: int):
    link = Link(Position("abc", 100))
    words = []
    for at in range(0, len(COMMANDS), size):
        words += list(link.take(COMMANDS[at : at + size]))
        whole = sum([23, len(COMMANDS) - 23][: len(words)])
        assert link.position == Position("abc", 100 + whole)
    assert words == [[b"SELECT", b"0"], [b"set", b"a", b"value\r\nvalue"]]
    assert link.wanted == (b"PSYNC", b"abc", b"%d" % (101 + len(COMMANDS)))
    assert link.acknowledgement == (b"REPLCONF", b"ACK", b"%d" % (100 + len(COMMANDS)))


def test_half_a_command_is_asked_for_again_behind_a_lost_link():
    link = Link(Position("abc", 0))
    assert list(link.take(COMMANDS[:30])) == [[b"SELECT", b"0"]]
    assert link.wanted == (b"PSYNC", b"abc", b"24")
    link.go_on("CONTINUE def")
    assert list(link.take(COMMANDS[23:])) == [[b"set", b"a", b"value\r\nvalue"]]
    assert link.position == Position("def", len(COMMANDS))


@pytest.mark.parametrize("stream", [b"+OK\r\n", b"*1\r\n:1\r\n", b"?\r\n", b"-ERR no\r\n"])
def test_a_link_carries_nothing_but_commands(stream: bytes):
    with pytest.raises(ProtocolError):
        list(Link(Position("abc", 0)).take(stream))


@pytest.mark.parametrize("status", ["", "FULLRESYNC", "FULLRESYNC abc x", "OK", "FULLRESYNC abc 1 2"])
def test_a_server_must_say_how_far_it_is(status: str):
    with pytest.raises(ProtocolError):
        Position.told(status)


def test_a_question_how_far_we_are_is_known():
    assert wants_acknowledgement([b"replconf", b"GETACK", b"*"])
    assert not wants_acknowledgement([b"REPLCONF", b"ACK", b"1"])
    assert not wants_acknowledgement([b"ping"])
