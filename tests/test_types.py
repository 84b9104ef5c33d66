"""What replies are made of, with and without their wire types."""

from __future__ import annotations

import math

import pytest

from pyredis.exceptions import WrongType, reply_error
from pyredis.types import Attributed, BigNumber, Double, Map, Push, Reply, Set, Status, Verbatim, plain

ERROR = reply_error("WRONGTYPE no")


@pytest.mark.parametrize(
    ("typed", "expected"),
    [
        (Status(b"OK"), b"OK"),
        (Verbatim(b"text", "mkd"), b"text"),
        (BigNumber(10**30), 10**30),
        (Double("1.50"), 1.5),
        (None, None),
        (True, True),
        (ERROR, ERROR),
        ([Status(b"a"), [b"b", None]], [b"a", [b"b", None]]),
        (Set([b"a", b"a"]), [b"a", b"a"]),
        (Push([b"kind", Status(b"x")]), Push([b"kind", b"x"])),
        (Map([(Status(b"k"), Set([1]))]), {b"k": [1]}),
        (Map([]), {}),
        (Map([(b"k", 1), (b"k", 2)]), Map([(b"k", 1), (b"k", 2)])),
        (Map([(0, 1), (False, 2)]), Map([(0, 1), (False, 2)])),
        (Map([([1], 2)]), Map([([1], 2)])),
        (Attributed([Attributed(b"x", Map([]))], Map([(b"ttl", 1)])), [b"x"]),
    ],
)
def test_a_reply_made_plain(typed: Reply, expected: Reply) -> None:
    made = plain(typed)
    assert made == expected
    assert type(made) is type(expected)


def test_text_is_decoded_wherever_it_stands() -> None:
    assert plain(Map([(Status(b"k"), [b"v"])]), bytes.decode) == {"k": ["v"]}


def test_a_reply_nested_deeper_than_pythons_stack_is_made_plain() -> None:
    reply: Reply = []
    for _ in range(5_000):
        reply = [reply]
    made, depth = plain(reply), 0
    while made:
        made, depth = made[0], depth + 1  # type: ignore[index]
    assert depth == 5_000


def test_wire_types_keep_what_the_wire_said() -> None:
    assert (Double("3.0").text, Double("3.0")) == ("3.0", 3.0)
    assert math.isinf(Double("inf"))
    assert Verbatim(b"a", "mkd").format == "mkd"
    assert isinstance(ERROR, WrongType)
