"""What redis-cli cannot print, or prints in a way that could steer a terminal."""

from __future__ import annotations

import pytest

from pyredis.exceptions import ReplyError
from pyredis.types import Attributed, BigNumber, Double, Map, Push, Reply, Set, Status, Verbatim
from pyredis_cli.render.classic import classic

TTL = Map([(b"ttl", 3600)])


def test_a_big_number_has_a_name_and_all_its_digits() -> None:
    assert classic(BigNumber(-(10**30))) == b"(big number) -1" + b"0" * 30 + b"\n"
    assert classic(BigNumber(10**10_000)) == b"(big number) 1" + b"0" * 10_000 + b"\n"


def test_attributes_stand_in_lines_before_their_reply() -> None:
    assert classic(Attributed(b"value", TTL)) == b'|1# "ttl" => (integer) 3600\n"value"\n'
    assert classic([1, Attributed(b"value", TTL)]) == (
        b'1) (integer) 1\n2) |1# "ttl" => (integer) 3600\n   "value"\n'
    )
    assert classic(Map([(b"key", Attributed([1, 2], TTL))])) == (
        b'1# "key" => \n   |1# "ttl" => (integer) 3600\n   1) (integer) 1\n   2) (integer) 2\n'
    )


def test_many_attributes_are_numbered_like_a_map() -> None:
    attributes = Map((at, [1, 2]) for at in range(10))
    lines = classic(Attributed(Status(b"OK"), attributes)).split(b"\n")
    assert lines[:3] == [b"| 1# (integer) 0 => ", b"     1) (integer) 1", b"     2) (integer) 2"]
    assert lines[-5:] == [
        b"|10# (integer) 9 => ",
        b"     1) (integer) 1",
        b"     2) (integer) 2",
        b"OK",
        b"",
    ]


def test_no_attributes_leave_no_trace() -> None:
    assert classic(Map([(b"a", Attributed(b"b", Map()))])) == b'1# "a" => "b"\n'
    assert classic(Map([(b"a", Attributed([1], Map()))])) == b'1# "a" => 1) (integer) 1\n'


def test_an_empty_push_says_so() -> None:
    assert classic(Push()) == b"(empty push)\n"


@pytest.mark.parametrize(
    ("plain", "typed"),
    [
        ("naïve", "naïve".encode()),
        ({"a": 1, "b": {}}, Map([(b"a", 1), (b"b", Map())])),
        ([1.5, 10.0, float("inf")], [Double("1.5"), Double("10"), Double("inf")]),
    ],
)
def test_plain_values_are_printed_like_what_they_came_from(plain: Reply, typed: Reply) -> None:
    assert classic(plain) == classic(typed)


@pytest.mark.parametrize(
    ("reply", "shown"),
    [
        (Status(b"a\x1b]0;x\x07"), rb"a\x1b]0;x\a"),
        (ReplyError("ERR \x1b[2J"), rb"(error) ERR \x1b[2J"),
        (ReplyError("ERR \udcff\n"), rb"(error) ERR \xff\n"),
        (Verbatim("one\r\n\u202etwo\x00".encode()), b"one\n" + rb"\xe2\x80\xaetwo\x00"),
    ],
)
def test_on_a_terminal_nothing_steers_it(reply: Reply, shown: bytes) -> None:
    assert classic(reply, terminal=True) == shown + b"\n"


def test_a_text_reply_on_a_terminal_keeps_its_lines_alone() -> None:
    assert (
        classic(b"a:1\r\nb:\x1b[1m\tc\r\n", text=True, terminal=True) == b"a:1\n" + rb"b:\x1b[1m" + b"\tc\n"
    )


def test_what_is_safe_is_the_same_on_a_terminal() -> None:
    reply = [Status(b"OK"), b"\x1b", Verbatim("naïve\n".encode()), ReplyError("ERR 東京"), Set([1])]
    assert classic(reply, terminal=True) == classic(reply)


def test_nesting_has_no_limit() -> None:
    reply: Reply = 1
    for depth in range(2000):
        reply = [Map([(b"k", reply)]), Set([reply]), [reply], Attributed(reply, TTL)][depth % 4]
    assert classic(reply).endswith(b"(integer) 1\n")
