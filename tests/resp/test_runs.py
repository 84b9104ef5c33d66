"""Runs of short replies: what is taken of them is what the typed decoder says, whatever the chunk."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pyredis.exceptions import ReplyError
from pyredis.resp.decode import TypedDecoder
from pyredis.resp.runs import leading_run
from pyredis.types import Reply, Status

_SHORT = st.one_of(
    st.sampled_from(
        [
            b"+OK\r\n",
            b"+QUEUED\r\n",
            b":0\r\n",
            b":-1\r\n",
            b"$-1\r\n",
            b"$0\r\n\r\n",
            b"-ERR x\r\n",
            b"_\r\n",
        ]
    ),
    st.integers(-(2**63), 2**63 - 1).map(lambda number: b":%d\r\n" % number),
    st.binary(max_size=20).map(lambda text: b"$%d\r\n%b\r\n" % (len(text), text)),
    st.sampled_from([b"*1\r\n$1\r\nx\r\n", b"%0\r\n", b"$600\r\n" + b"x" * 600 + b"\r\n", b"$2\r\n\r\n\r\n"]),
    st.sampled_from(
        [b"+a\rb\r\n", b":1 \r\n", b":\r\n", b"$1\r\nab\r\n", b"+a\nb\r\n", b"-\n\r\n", b":1_0\r\n"]
    ),
)


def told(replies: list[Reply]) -> list[tuple[type, str]]:
    """Return replies as what can be compared: an error equals no other."""
    return [(type(reply), str(reply)) for reply in replies]


@given(st.lists(_SHORT, max_size=12), st.integers(0, 40))
def test_a_run_and_what_the_decoder_makes_of_the_rest_are_what_it_makes_of_all(
    parts: list[bytes], cut: int
) -> None:
    chunk = b"".join(parts)
    chunk = chunk[: max(0, len(chunk) - cut)]
    whole, rest = TypedDecoder(), TypedDecoder()

    replies, left = leading_run(chunk)
    replies = replies + rest.take(left)

    assert told(replies) == told(whole.take(chunk))
    assert (rest.broken is None) == (whole.broken is None)
    assert rest.pending == whole.pending


@pytest.mark.parametrize(
    ("chunk", "taken", "rest"),
    [
        (b"", 0, b""),
        (b"+OK\r\n+OK\r\n", 2, b""),
        (b"+OK\r\n:1\r\n$1\r\nx\r\n", 3, b""),
        (b"$1\r\nx\r\n$1", 1, b"$1"),
        (b"+OK\r\n*1\r\n:1\r\n+OK\r\n", 1, b"*1\r\n:1\r\n+OK\r\n"),
        (b"*0\r\n+OK\r\n", 0, b"*0\r\n+OK\r\n"),
        (b"$4\r\na\r\nb\r\n", 0, b"$4\r\na\r\nb\r\n"),
        (b"+OK\r\n+a\rb\r\n", 1, b"+a\rb\r\n"),
    ],
)
def test_only_what_is_simple_is_taken(chunk: bytes, taken: int, rest: bytes) -> None:
    replies, left = leading_run(chunk)

    assert (len(replies), left) == (taken, rest)


def test_statuses_and_errors_keep_their_types() -> None:
    (status, error, text), _ = leading_run(b"+OK\r\n-WRONGTYPE no\r\n$2\r\nOK\r\n")

    assert (type(status), type(text)) == (Status, bytes)
    assert isinstance(error, ReplyError)
    assert error.code == "WRONGTYPE"
