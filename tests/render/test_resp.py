"""Replies as RESP: what a decoder makes of it is the reply again."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pyredis.exceptions import ReplyError
from pyredis.resp.decode import INCOMPLETE, TypedDecoder
from pyredis.types import Push, Reply
from pyredis_cli.render.resp import resp_parts
from tests.strategies import Sample, pushes, replies, spelled


def written(reply: Reply, protocol: int) -> bytes:
    return b"".join(part for part, _ in resp_parts(reply, protocol))


@given(st.one_of(replies(), pushes()))
def test_resp3_is_decoded_to_the_same_reply(sample: Sample) -> None:
    assert spelled(decoded(written(sample.reply, 3))) == spelled(sample.reply)


@given(replies(2))
def test_resp2_is_what_the_server_sent_but_for_the_two_nils(sample: Sample) -> None:
    assert written(sample.reply, 2).replace(b"*-1\r\n", b"$-1\r\n") == sample.wire.replace(
        b"*-1\r\n", b"$-1\r\n"
    )


@pytest.mark.parametrize(
    ("reply", "protocol", "wire"),
    [
        (None, 2, b"$-1\r\n"),
        (None, 3, b"_\r\n"),
        (Push([b"message"]), 2, b"*1\r\n$7\r\nmessage\r\n"),
        (Push([b"message"]), 3, b">1\r\n$7\r\nmessage\r\n"),
        (ReplyError("ERR one\ntwo"), 3, b"!11\r\nERR one\ntwo\r\n"),
    ],
)
def test_the_protocol_decides_where_they_differ(reply: Reply, protocol: int, wire: bytes) -> None:
    assert written(reply, protocol) == wire


def decoded(wire: bytes) -> Reply:
    decoder = TypedDecoder()
    decoder.feed(wire)
    reply = decoder.next()
    assert reply is not INCOMPLETE
    assert not decoder.pending
    return reply  # type: ignore[return-value]
