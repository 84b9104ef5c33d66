"""A reply that is one line is shown as it is among all others."""

from __future__ import annotations

from itertools import product
from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pyredis.commands.spec import TABLE, Spec
from pyredis.types import BigNumber, Double, Map, Reply, Status, Verbatim
from pyredis_cli.render.brief import brief
from pyredis_cli.render.look import Look
from pyredis_cli.render.present import present


def as_presented(name: str, reply: Reply, *, color: bool) -> bytes:
    shown = present((name.encode(), b"k"), spec_of(name), reply, Look(color=color))
    return b"".join(part for part, _ in shown.parts)


def spec_of(name: str) -> Spec:
    spec = TABLE.find((name, "k"))
    assert spec is not None
    return spec


LINES: Final[list[Reply]] = [
    *(b"value", b"a b", b"!" * 1000, b"two words, and some more", b"12"),
    *(0, -7, 2**63 - 1, None, True, Double("1.50"), Double("inf")),
    *(Status(b"OK"), Status(b"Background saving started"), Status(b"")),
]


@pytest.mark.parametrize(("reply", "color"), list(product(LINES, [True, False])))
def test_it_is_as_presented(reply: Reply, color: bool) -> None:
    line = brief(spec_of("GET"), reply, color=color, theme="dark")
    assert line == as_presented("GET", reply, color=color)


@given(st.one_of(st.binary(max_size=40), st.text(max_size=40).map(str.encode), st.integers(), st.none()))
def test_it_is_as_presented_or_left(reply: Reply) -> None:
    line = brief(spec_of("GET"), reply, color=True, theme="dark")
    assert line is None or line == as_presented("GET", reply, color=True)


@pytest.mark.parametrize(
    ("name", "reply"),
    [
        ("GET", b""),
        ("GET", b'{"a": 1}'),
        ("GET", b"1700000000"),
        ("GET", b'a "quote"'),
        ("GET", b"\xff"),
        ("GET", b"\x1b[2J"),
        ("GET", b"x" * 1001),
        ("GET", BigNumber(5)),
        ("GET", Status(b"\x1b[2J")),
        ("GET", Verbatim(b"text")),
        ("GET", [b"a"]),
        ("GET", Map([(b"a", b"b")])),
        ("INFO", b"x:1"),
        ("LASTSAVE", 1_700_000_000),
    ],
)
def test_what_is_more_than_a_line_is_left(name: str, reply: Reply) -> None:
    assert brief(spec_of(name), reply, color=True, theme="dark") is None
