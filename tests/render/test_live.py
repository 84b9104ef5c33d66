"""What comes by itself, as one line each."""

from __future__ import annotations

import re
from typing import Any

import pytest

from pyredis.types import Push
from pyredis_cli.render.live import clock, message, monitored


def text(reply: Any) -> str | None:
    pieces = message(reply, 0.0)
    return None if pieces is None else "".join(words for _, words in pieces)


@pytest.mark.parametrize(
    ("push", "line"),
    [
        ([b"message", b"news", b"hello"], 'news "hello"'),
        ([b"message", b"a channel", "Ada \N{SNOWMAN}".encode()], '"a channel" "Ada \N{SNOWMAN}"'),
        ([b"pmessage", b"n*", b"news", b"x"], 'news (n*) "x"'),
        ([b"smessage", b"news", b"x"], 'news (shard) "x"'),
        ([b"message", b"__redis__:invalidate", [b"k", b"l"]], "__redis__:invalidate k l"),
        ([b"message", b"__redis__:invalidate", None], "__redis__:invalidate (nil)"),
        ([b"invalidate", [b"k 1", b"l"]], 'invalidate "k 1" l'),
        ([b"invalidate", None], "invalidate all keys"),
    ],
)
def test_a_push_of_a_known_kind_is_a_line_with_its_time(push: list[Any], line: str) -> None:
    shown = text(Push(push))
    assert shown is not None
    assert re.fullmatch(r"\d\d:\d\d:00\.000 " + re.escape(line), shown)


@pytest.mark.parametrize(
    "reply",
    [
        b"OK",
        None,
        [],
        [1],
        [b"message"],
        [b"message", None, b"x"],
        [b"other", b"x"],
        [b"invalidate", 7],
        [b"invalidate", [None]],
        [b"message", b"c", 1.5],
        [b"message", b"c", [[b"x"]]],
    ],
)
def test_what_is_none_of_them_is_left_to_others(reply: Any) -> None:
    assert text(reply) is None


def test_nothing_steers_the_terminal() -> None:
    evil = b"\x1b]0;t\x07\xe2\x80\xae\n"
    shown = text(Push([b"pmessage", evil, evil, evil]))
    assert shown is not None
    assert shown.isprintable()


def test_a_long_payload_is_cut_and_said_to_be() -> None:
    shown = text(Push([b"message", b"c", b"x" * 20_000]))
    assert shown is not None
    assert shown.endswith("… (20,000 bytes; first 10,000 shown)")


def test_the_clock_has_milliseconds() -> None:
    assert re.fullmatch(r"\d\d:\d\d:07\.250", clock(1_700_000_007.25 - 1_700_000_007.25 % 60 + 7.25))


@pytest.mark.parametrize("at", [1e15, 1e17, 1e300, float("inf"), float("nan")])
def test_a_time_that_no_calendar_has_is_shown_as_none(at: float) -> None:
    assert re.fullmatch(r"[-:.]+|[\d:.]+", clock(at))


@pytest.mark.parametrize("argv", [[b"SET", b"k", b"x" * 20_000], [b"MSET", *[b"kk"] * 20_000]])
def test_a_long_command_is_cut_and_said_to_be(argv: list[bytes]) -> None:
    shown = "".join(words for _, words in monitored(0.0, "0 lua", argv, role="write"))
    assert len(shown) < 10_200
    assert shown.endswith(f"… ({sum(map(len, argv)):,} bytes; the first are shown)")
