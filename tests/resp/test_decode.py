"""The typed decoder: every reply with its wire type, however the network cuts it, within its limits."""

from __future__ import annotations

import subprocess
import sys
import time
import tracemalloc
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pyredis.exceptions import MovedError, NoAuth, ProtocolError, ReplyError, WrongType, reply_error
from pyredis.options import ConnectionOptions
from pyredis.resp import make_decoder
from pyredis.resp.decode import INCOMPLETE, TypedDecoder
from pyredis.types import Attributed, BigNumber, Double, Map, Push, Reply, Set, Status, Verbatim
from tests.strategies import Sample, cut_points, cut_up, spelled, streams


def taken(decoder: TypedDecoder) -> list[Reply]:
    """Return all that the decoder has ready."""
    found = []
    while (reply := decoder.next()) is not INCOMPLETE:
        found.append(reply)
    return found


def decoded(chunks: list[bytes], **limits: int) -> list[Reply]:
    """Return all replies in the chunks, and check that nothing is left."""
    decoder = TypedDecoder(**limits)
    found = []
    for chunk in chunks:
        decoder.feed(chunk)
        found += taken(decoder)
    assert not decoder.pending
    return found


def outcome(chunks: list[bytes], **limits: int) -> tuple[object, str]:
    """Return the replies in the chunks, and why the decoder refuses what follows ("" when it does not)."""
    decoder = TypedDecoder(**limits)
    found = []
    try:
        for chunk in chunks:
            decoder.feed(chunk)
            while (reply := decoder.next()) is not INCOMPLETE:
                found.append(reply)
    except ProtocolError as error:
        assert decoder.pending
        return spelled(found), str(error)
    return spelled(found), ""


def refusal(wire: bytes, **limits: int) -> str:
    """Return why the decoder refuses the bytes; the same whether they come at once or one by one."""
    _, reason = outcome([wire], **limits)
    assert outcome(bytewise(wire), **limits)[1] == reason
    return reason


def bytewise(wire: bytes) -> list[bytes]:
    return [wire[at : at + 1] for at in range(len(wire))]


CASES: list[tuple[bytes, Reply]] = [
    (b"+OK\r\n", Status(b"OK")),
    (b"+\r\n", Status(b"")),
    (b"+\xff\r\n", Status(b"\xff")),
    (b"-ERR no\r\n", reply_error("ERR no")),
    (b"-ERR \xff\r\n", reply_error("ERR \udcff")),
    (b"-\r\n", reply_error("")),
    (b":0\r\n", 0),
    (b":-1\r\n", -1),
    (b":+5\r\n", 5),
    (b":9223372036854775807\r\n", 2**63 - 1),
    (b":-9223372036854775808\r\n", -(2**63)),
    (b"$0\r\n\r\n", b""),
    (b"$3\r\nfoo\r\n", b"foo"),
    (b"$5\r\n\r\nx\r\n\r\n", b"\r\nx\r\n"),
    (b"$-1\r\n", None),
    (b"$1500\r\n" + b"x" * 1500 + b"\r\n", b"x" * 1500),
    (b"*-1\r\n", None),
    (b"*0\r\n", []),
    (b"*2\r\n$1\r\na\r\n:1\r\n", [b"a", 1]),
    (b"*3\r\n$1\r\na\r\n$-1\r\n$1500\r\n" + b"x" * 1500 + b"\r\n", [b"a", None, b"x" * 1500]),
    (b"*2\r\n*1\r\n*0\r\n+x\r\n", [[[]], Status(b"x")]),
    (b"*2\r\n-ERR a\r\n-WRONGTYPE b\r\n", [reply_error("ERR a"), reply_error("WRONGTYPE b")]),
    (b"_\r\n", None),
    (b"#t\r\n", True),
    (b"#f\r\n", False),
    (b",1.50\r\n", Double("1.50")),
    (b",10\r\n", Double("10")),
    (b",-1.5e-7\r\n", Double("-1.5e-7")),
    (b",inf\r\n", Double("inf")),
    (b",-inf\r\n", Double("-inf")),
    (b",nan\r\n", Double("nan")),
    (b",-nan\r\n", Double("-nan")),
    (
        b"(3492890328409238509324850943850943825024385\r\n",
        BigNumber(3492890328409238509324850943850943825024385),
    ),
    (b"(-12\r\n", BigNumber(-12)),
    (b"=7\r\ntxt:a\r\n\r\n", Verbatim(b"a\r\n", "txt")),
    (b"=4\r\nmkd:\r\n", Verbatim(b"", "mkd")),
    (b"!8\r\nERR a\r\nb\r\n", reply_error("ERR a\r\nb")),
    (b"~3\r\n:1\r\n:1\r\n*0\r\n", Set([1, 1, []])),
    (b"~0\r\n", Set()),
    (b"%0\r\n", Map()),
    (b"%2\r\n+a\r\n:1\r\n+b\r\n*1\r\n:2\r\n", Map([(Status(b"a"), 1), (Status(b"b"), [2])])),
    (
        b"%3\r\n+a\r\n:1\r\n+b\r\n:2\r\n+a\r\n:3\r\n",
        Map([(Status(b"a"), 1), (Status(b"b"), 2), (Status(b"a"), 3)]),
    ),
    (b"%1\r\n*1\r\n:1\r\n:2\r\n", Map([([1], 2)])),
    (b"%2\r\n:0\r\n+zero\r\n#f\r\n+no\r\n", Map([(0, Status(b"zero")), (False, Status(b"no"))])),
    (b">2\r\n$7\r\nmessage\r\n:1\r\n", Push([b"message", 1])),
    (b"|1\r\n+ttl\r\n:3600\r\n+OK\r\n", Attributed(Status(b"OK"), Map([(Status(b"ttl"), 3600)]))),
    (b"|0\r\n:1\r\n", Attributed(1, Map())),
    (b"|1\r\n+a\r\n:1\r\n*-1\r\n", Attributed(None, Map([(Status(b"a"), 1)]))),
    (b"*2\r\n:1\r\n|1\r\n+a\r\n:2\r\n:3\r\n", [1, Attributed(3, Map([(Status(b"a"), 2)]))]),
    (
        b"|1\r\n+a\r\n:1\r\n|1\r\n+b\r\n:2\r\n:3\r\n",
        Attributed(Attributed(3, Map([(Status(b"b"), 2)])), Map([(Status(b"a"), 1)])),
    ),
    (
        b"|1\r\n+a\r\n|1\r\n+b\r\n:1\r\n:2\r\n*0\r\n",
        Attributed([], Map([(Status(b"a"), Attributed(2, Map([(Status(b"b"), 1)])))])),
    ),
    (b"$?\r\n;4\r\nHell\r\n;5\r\no wor\r\n;1\r\nd\r\n;0\r\n", b"Hello word"),
    (b"$?\r\n;0\r\n", b""),
    (b"*?\r\n:1\r\n$1\r\na\r\n$?\r\n;1\r\nb\r\n;0\r\n.\r\n", [1, b"a", b"b"]),
    (b"*?\r\n.\r\n", []),
    (b"*2\r\n*?\r\n:1\r\n.\r\n:2\r\n", [[1], 2]),
    (b"~?\r\n:1\r\n.\r\n", Set([1])),
    (b"%?\r\n+a\r\n:1\r\n+b\r\n~?\r\n.\r\n.\r\n", Map([(Status(b"a"), 1), (Status(b"b"), Set())])),
]
IDS = [wire[:24].decode("latin-1").encode("unicode_escape").decode() for wire, _ in CASES]


@pytest.mark.parametrize(("wire", "reply"), CASES, ids=IDS)
def test_a_reply_is_the_same_whole_byte_by_byte_and_with_another_behind_it(wire, reply):
    assert spelled(decoded([wire])) == spelled([reply])
    assert spelled(decoded(bytewise(wire))) == spelled([reply])
    assert spelled(decoded([wire + b"+next\r\n"])) == spelled([reply, Status(b"next")])


@pytest.mark.parametrize(("wire", "reply"), CASES, ids=IDS)
def test_a_reply_may_be_cut_anywhere(wire, reply):
    for at in range(1, len(wire)):
        assert spelled(decoded([wire[:at], wire[at:]])) == spelled([reply])


@pytest.mark.parametrize(("wire", "reply"), CASES, ids=IDS)
def test_a_reply_is_pending_from_its_first_byte_until_it_is_handed_out(wire, reply):
    decoder = TypedDecoder()
    assert not decoder.pending
    for at in range(len(wire) - 1):
        decoder.feed(wire[at : at + 1])
        assert decoder.pending
        assert decoder.next() is INCOMPLETE
        assert decoder.pending
    decoder.feed(wire[-1:])
    assert decoder.pending
    assert spelled(decoder.next()) == spelled(reply)
    assert not decoder.pending
    assert decoder.next() is INCOMPLETE


def test_the_whole_corpus_in_one_stream():
    stream = b"".join(wire for wire, _ in CASES)
    assert spelled(decoded([stream])) == spelled([reply for _, reply in CASES])
    assert spelled(decoded(bytewise(stream))) == spelled([reply for _, reply in CASES])


@given(samples=st.one_of(streams(2), streams(3)), points=cut_points())
def test_decoding_does_not_depend_on_where_the_network_cuts(samples: list[Sample], points):
    wire = b"".join(sample.wire for sample in samples)
    expected = spelled([sample.reply for sample in samples])
    assert spelled(decoded([wire])) == expected
    assert spelled(decoded(cut_up(wire, points))) == expected
    assert spelled(decoded(bytewise(wire))) == expected


@given(samples=streams(3), points=cut_points())
def test_replies_may_be_taken_later_than_they_come(samples: list[Sample], points):
    wire = b"".join(sample.wire for sample in samples)
    decoder = TypedDecoder()
    for chunk in cut_up(wire, points):
        decoder.feed(chunk)
    assert spelled([decoder.next() for _ in samples]) == spelled([sample.reply for sample in samples])
    assert not decoder.pending


@given(st.binary(max_size=60), st.integers(1, 7))
def test_noise_is_a_reply_or_a_protocol_error_and_cuts_do_not_change_which(noise, size):
    assert outcome([noise]) == outcome([noise[at : at + size] for at in range(0, len(noise), size)])


def test_an_error_has_the_class_of_its_code():
    errors = decoded([b"-WRONGTYPE x\r\n-MOVED 1 h:2\r\n!8\r\nNOAUTH x\r\n-ERR x\r\n"])
    assert [type(error) for error in errors] == [WrongType, MovedError, NoAuth, ReplyError]


def test_a_push_may_come_between_replies():
    assert spelled(decoded([b"+a\r\n>1\r\n+p\r\n+b\r\n"])) == spelled(
        [Status(b"a"), Push([Status(b"p")]), Status(b"b")]
    )


@given(samples=streams(3), points=cut_points())
def test_taking_is_feeding_and_asking_until_nothing_is_whole(samples: list[Sample], points):
    wire = b"".join(sample.wire for sample in samples)
    for chunks in (cut_up(wire, points), bytewise(wire)):
        one, other = TypedDecoder(), TypedDecoder()
        for chunk in chunks:
            other.feed(chunk)
            assert spelled(one.take(chunk)) == spelled(taken(other))
            assert one.pending == other.pending
        assert one.broken is None
        assert not one.pending


def test_what_was_fed_before_is_taken_first():
    decoder = TypedDecoder()
    decoder.feed(b"+a\r\n+b")
    assert decoder.take(b"\r\n+c\r\n") == [b"a", b"b", b"c"]
    assert decoder.take(b"") == []


BROKEN: list[tuple[bytes, str]] = [
    (b"hello\r\n", "0x68"),
    (b"\r\n", "0x0d"),
    (b"$3\r\nfooXX", "CRLF"),
    (b"$3\r\nfoo\rX", "CRLF"),
    (b"*1\r\n$3\r\nfooXX", "CRLF"),
    (b"$0\r\nXX", "CRLF"),
    (b"$-2\r\n", "length"),
    (b"$+3\r\nfoo\r\n", "length"),
    (b"$03\r\nfoo\r\n", "length"),
    (b"$\r\n", "length"),
    (b"$3 \r\nfoo\r\n", "length"),
    (b"$1_0\r\n", "length"),
    (b"$99999999999999999999999\r\n", "19 bytes"),
    (b"*-2\r\n", "length"),
    (b"*01\r\n", "length"),
    (b"*x\r\n", "length"),
    (b"~-1\r\n", "length"),
    (b"%-1\r\n", "length"),
    (b">-1\r\n", "length"),
    (b"|-1\r\n", "length"),
    (b"=-1\r\n", "length"),
    (b"!-1\r\n", "length"),
    (b">?\r\n", "length"),
    (b"|?\r\n", "length"),
    (b"=?\r\n", "length"),
    (b"$?\r\n;-1\r\n", "length"),
    (b":\r\n", "integer"),
    (b":12a\r\n", "integer"),
    (b": 1\r\n", "integer"),
    (b":1_0\r\n", "integer"),
    (b":--1\r\n", "integer"),
    (b":9223372036854775808\r\n", "64 bits"),
    (b":-9223372036854775809\r\n", "64 bits"),
    (b",\r\n", "double"),
    (b",0x10\r\n", "double"),
    (b",infinity\r\n", "double"),
    (b",1e\r\n", "double"),
    (b",1e999\r\n", "too large"),
    (b"(\r\n", "big number"),
    (b"(1x\r\n", "big number"),
    (b"#x\r\n", "boolean"),
    (b"#tt\r\n", "boolean"),
    (b"#\r\n", "boolean"),
    (b"_x\r\n", "null"),
    (b"=3\r\ntxt\r\n", "format"),
    (b"=5\r\ntxtaa\r\n", "format"),
    (b"+a\rb\r\n", "CR inside"),
    (b"-a\r\r\n", "CR inside"),
    (b"+a\nb\r\n", "LF without CR"),
    (b"+\n", "LF without CR"),
    (b":1\n", "LF without CR"),
    (b">0\r\n", "push"),
    (b"*1\r\n>1\r\n+x\r\n", "0x3e"),
    (b"|1\r\n+a\r\n:1\r\n>1\r\n+x\r\n", "0x3e"),
    (b".\r\n", "0x2e"),
    (b"*1\r\n.\r\n", "0x2e"),
    (b"*?\r\n|1\r\n+a\r\n:1\r\n.\r\n", "0x2e"),
    (b"*?\r\n.x\r\n", "0 bytes"),
    (b"%?\r\n+a\r\n.\r\n", "no value"),
    (b";1\r\na\r\n", "0x3b"),
    (b"$?\r\n$1\r\na\r\n", "0x24"),
    (b"$?\r\n;1\r\naXX", "CRLF"),
]


@pytest.mark.parametrize(("wire", "reason"), BROKEN)
def test_what_is_not_resp_is_refused_saying_why(wire, reason):
    assert reason in refusal(wire)


@pytest.mark.parametrize(("wire", "reason"), BROKEN)
def test_whole_replies_are_taken_before_garbage_and_nothing_behind_it(wire, reason):
    stream = b"+one\r\n:2\r\n" + wire
    for chunks in ([stream], bytewise(stream)):
        decoder = TypedDecoder()
        assert [reply for chunk in chunks for reply in decoder.take(chunk)] == [b"one", 2]
        assert decoder.broken is not None
        assert reason in decoder.broken
        assert decoder.pending
        assert decoder.take(b"+three\r\n") == []
        with pytest.raises(ProtocolError) as caught:
            decoder.next()
        assert str(caught.value) == decoder.broken


def test_a_refusal_says_at_which_byte_of_the_stream_the_bad_item_begins():
    assert "at byte 5 " in refusal(b"+OK\r\n:x\r\n")
    assert "at byte 8 " in refusal(b"*2\r\n:1\r\n$3\r\nfooXX")
    assert "at byte 105 " in refusal(b"*1\r\n@", offset=101)


def test_a_refusal_repeats_nothing_that_the_server_sent():
    assert "secret" not in refusal(b":secret\r\n")
    assert "secret" not in refusal(b"$6\r\nsecretXX")


def test_a_refusal_is_for_ever_and_comes_behind_the_replies_before_it():
    decoder = TypedDecoder()
    decoder.feed(b"+one\r\n+two\r\n:x\r\n+three\r\n")
    assert [decoder.next(), decoder.next()] == [b"one", b"two"]
    reasons = set()
    for _ in range(3):
        with pytest.raises(ProtocolError) as caught:
            decoder.next()
        reasons.add(str(caught.value))
        decoder.feed(b"+four\r\n")
    assert len(reasons) == 1
    assert decoder.pending


@pytest.mark.parametrize(
    "claim",
    [
        b"*2147483647\r\n",
        b"~2147483647\r\n",
        b"%2147483647\r\n",
        b"|2147483647\r\n",
        b">2147483647\r\n",
        b"*9223372036854775807\r\n",
        b"$2147483647\r\n",
        b"=9223372036854775807\r\n",
        b"*67108864\r\n",
        b"*30000000\r\n*30000000\r\n",
        b"$536870912\r\n",
        b"*60000\r\n" * 1000,
    ],
)
def test_memory_is_not_taken_for_what_is_only_announced(claim):
    tracemalloc.start()
    try:
        assert outcome([claim])[0] == spelled([])
        assert tracemalloc.get_traced_memory()[1] < 1_000_000
    finally:
        tracemalloc.stop()


def test_limits_are_exact():
    assert decoded([b"$5\r\nhello\r\n"], max_bulk=5) == [b"hello"]
    assert "max_bulk is 4" in refusal(b"$5\r\nhello\r\n", max_bulk=4)
    assert "max_bulk is 4" in refusal(b"*1\r\n$5\r\nhello\r\n", max_bulk=4)
    assert decoded([b"$?\r\n;3\r\nabc\r\n;2\r\nde\r\n;0\r\n"], max_bulk=5) == [b"abcde"]
    assert decoded([b"*2\r\n" + b"$?\r\n;3\r\nabc\r\n;0\r\n" * 2], max_bulk=5) == [[b"abc", b"abc"]]
    assert "max_bulk is 4" in refusal(b"$?\r\n;3\r\nabc\r\n;2\r\nde\r\n;0\r\n", max_bulk=4)
    assert decoded([b"+12345\r\n"], max_line=5) == [b"12345"]
    assert "more than 4 bytes" in refusal(b"+12345\r\n", max_line=4)
    assert decoded([b"*1\r\n*1\r\n%1\r\n:1\r\n:2\r\n"], max_elements=4) == [[[[(1, 2)]]]]
    assert "more than 3 elements" in refusal(b"*1\r\n*1\r\n%1\r\n:1\r\n:2\r\n", max_elements=3)
    assert decoded([b"*?\r\n:1\r\n:2\r\n.\r\n"], max_elements=2) == [[1, 2]]
    assert "more than 1 elements" in refusal(b"*?\r\n:1\r\n:2\r\n.\r\n", max_elements=1)
    assert decoded([b"*1\r\n*0\r\n"], max_depth=2) == [[[]]]
    assert "more than 1 deep" in refusal(b"*1\r\n*0\r\n", max_depth=1)


def test_elements_are_counted_for_each_reply_by_itself():
    assert decoded([b"*2\r\n:1\r\n:2\r\n" * 50], max_elements=2) == [[1, 2]] * 50


def test_the_longest_big_number_has_4096_digits():
    digits = b"7" * 4096
    assert decoded([b"(-" + digits + b"\r\n"]) == [-int(digits)]
    assert "big number" in refusal(b"(" + digits + b"7\r\n")
    assert "bytes" in refusal(b"(" + b"7" * 5000)


def test_1024_levels_are_decoded_and_1025_refused():
    reply = decoded([b"*1\r\n" * 1023 + b"*0\r\n"])[0]
    depth = 0
    while isinstance(reply, list) and reply:
        reply, depth = reply[0], depth + 1
    assert depth == 1023
    assert "1024 deep" in refusal(b"*1\r\n" * 1024 + b"*0\r\n")


@pytest.mark.parametrize("header", [b"*1\r\n", b"%1\r\n", b"~1\r\n", b"|1\r\n", b"*?\r\n", b"|0\r\n"])
def test_endless_nesting_is_a_protocol_error(header):
    assert "1024 deep" in refusal(header * 3000)
    assert "1024 deep" in outcome([header * 100_000])[1]


@pytest.mark.parametrize("kind", [b"+", b"-", b":", b"$", b"*", b"(", b",", b"*?\r\n.", b"*1\r\n$"])
def test_an_endless_line_is_cut_short(kind):
    started = time.process_time()
    assert "a line of more than" in outcome([kind] + [b"1" * 1500] * 2700)[1]
    assert time.process_time() - started < 1


def test_a_long_line_that_comes_byte_by_byte_takes_linear_time():
    started = time.process_time()
    assert "a line of more than" in outcome([b"+"] + [b"1"] * 1_048_578)[1]
    assert time.process_time() - started < 3


@pytest.mark.parametrize(("length", "size"), [(3_000_000, 7), (300_000, 1), (100_000_000, 65536)])
@pytest.mark.parametrize("prefix", [b"", b"*2\r\n:1\r\n"])
def test_a_long_string_in_small_pieces_takes_linear_time(prefix, length, size):
    decoder = TypedDecoder()
    decoder.feed(prefix + b"$%d\r\n" % length)
    piece = b"x" * size
    started = time.process_time()
    for _ in range(length // size):
        decoder.feed(piece)
        assert decoder.next() is INCOMPLETE
    decoder.feed(piece[: length % size] + b"\r\n")
    reply = decoder.next()
    assert time.process_time() - started < 3
    assert reply == ([1, b"x" * length] if prefix else b"x" * length)


def test_a_long_string_that_was_handed_out_is_not_held_any_more():
    decoder = TypedDecoder()
    tracemalloc.start()
    try:
        decoder.feed(b"$5000000\r\n")
        decoder.feed(bytes(5_000_000))
        decoder.feed(b"\r\n")
        assert len(decoder.next()) == 5_000_000
        assert tracemalloc.get_traced_memory()[0] < 100_000
    finally:
        tracemalloc.stop()


LONG_STRINGS = {
    "alone": (b"$%d\r\n%b\r\n", lambda text: text),
    "verbatim": (b"=%d\r\n%b\r\n", lambda text: Verbatim(text[4:], "txt")),
    "in an array": (b"*3\r\n+a\r\n$%d\r\n%b\r\n+b\r\n", lambda text: [Status(b"a"), text, Status(b"b")]),
    "in a run": (
        b"*65\r\n" + b"$1\r\na\r\n" * 32 + b"$%d\r\n%b\r\n" + b"$1\r\nb\r\n" * 32,
        lambda text: [b"a"] * 32 + [text] + [b"b"] * 32,
    ),
    "streamed": (b"$?\r\n;2\r\nab\r\n;%d\r\n%b\r\n;0\r\n", lambda text: b"ab" + text),
}


@pytest.mark.parametrize("where", LONG_STRINGS)
@settings(max_examples=25, deadline=None)
@given(
    size=st.integers(64 * 1024 - 2, 64 * 1024 + 2), cuts=st.lists(st.integers(-40, 40)), more=st.booleans()
)
def test_a_long_string_may_be_cut_anywhere(where, size, cuts, more):
    form, reply = LONG_STRINGS[where]
    text = b"txt:" + b"\r\n$1\r\n" * (size // 6) + b"x" * ((size - 4) % 6)
    text = text[:size]
    wire = form % (size, text) + b"+OK\r\n" * more
    around = {place + cut for place in (wire.index(text), wire.index(text) + size) for cut in cuts}
    places = [0, *sorted(cut for cut in around if 0 < cut < len(wire)), len(wire)]
    chunks = [wire[start:end] for start, end in pairwise(places)]
    expected = [spelled(reply(text)), *[spelled(Status(b"OK"))] * more]
    assert [spelled(found) for found in decoded(chunks)] == expected
    late = TypedDecoder()
    for chunk in chunks:
        late.feed(chunk)
    assert [spelled(late.next()) for _ in expected] == expected
    assert not late.pending
    assert late.offset == len(wire)


def test_a_long_string_without_its_end_is_refused_where_it_begins():
    wire = b"+OK\r\n$70000\r\n" + bytes(70_000) + b"\rX"
    for size in (1000, 65536, len(wire)):
        told = outcome([wire[at : at + size] for at in range(0, len(wire), size)])[1]
        assert "at byte 5 of the stream: a string of 70000 bytes that is not followed by CRLF" in told


def test_a_long_string_takes_its_own_size_and_little_more():
    decoder = TypedDecoder()
    tracemalloc.start()
    try:
        decoder.feed(b"*2\r\n$50000000\r\n")
        for _ in range(500):
            decoder.feed(bytes(100_000))
            assert decoder.next() is INCOMPLETE
        decoder.feed(b"\r\n:1\r\n")
        assert len(decoder.next()[0]) == 50_000_000
        assert tracemalloc.get_traced_memory()[1] < 1.2 * 50_000_000
    finally:
        tracemalloc.stop()


def test_a_backlog_that_is_read_one_reply_for_each_chunk_takes_linear_time():
    decoder = TypedDecoder()
    decoder.feed(b"+OK\r\n" * 200_000)
    started = time.process_time()
    for _ in range(200_000):
        decoder.feed(b"+OK\r\n")
        assert decoder.next() == b"OK"
    assert time.process_time() - started < 3


def test_a_large_array_in_small_pieces_is_whole():
    wire = b"*20000\r\n" + b"".join(b"$%d\r\n%d\r\n" % (len(str(n)), n) for n in range(20000))
    for size in (1, 13, 1500, 65536):
        replies = decoded([wire[at : at + size] for at in range(0, len(wire), size)])
        assert replies == [[b"%d" % n for n in range(20000)]]


def lines_run(chunks: list[bytes]) -> int:
    """Return how many lines of Python the decoder runs for the chunks."""
    count = 0

    def watch(frame, event, argument):
        nonlocal count
        count += event == "line"
        return watch

    decoder = TypedDecoder()
    before = sys.gettrace()
    sys.settrace(watch)
    try:
        for chunk in chunks:
            decoder.take(chunk)
    finally:
        sys.settrace(before)
    assert not decoder.pending
    return count


@pytest.mark.parametrize("size", [1, 7, 10**9])
@pytest.mark.parametrize("shape", [b"*%d\r\n%b", b"*1\r\n*%d\r\n%b", b"%%%d\r\n%b"])
def test_the_work_grows_as_the_reply_does_however_it_is_cut(shape, size):
    work = []
    for count in (500, 2000):
        items = b"$7\r\n\r\n*9999\r\n" * count * (2 if shape.startswith(b"%%") else 1)
        wire = shape % (count, items)
        work.append(lines_run([wire[at : at + size] for at in range(0, len(wire), size)]))
    assert work[1] < 4.2 * work[0]


@pytest.mark.parametrize(
    "odd",
    [b"$3\r\na\r\n\r\n", b":1\r\n", b"$-1\r\n", b"$2000\r\n%b\r\n" % bytes(2000), b"$8\r\n\r\n$1\r\nab\r\n"],
)
@pytest.mark.parametrize("size", [11, 1000, 10**9])
def test_a_run_of_short_strings_may_be_broken_by_anything(odd, size):
    run = b"$2\r\nab\r\n"
    (value,) = decoded([odd])
    for place in (0, 1, 31, 500, 4999):
        wire = b"*5002\r\n" + run * place + odd + run * (5000 - place) + odd + b":7\r\n"
        chunks = [wire[at : at + size] for at in range(0, len(wire), size)]
        assert decoded(chunks) == [[b"ab"] * place + [value] + [b"ab"] * (5000 - place) + [value], 7]


def test_a_run_of_short_strings_is_refused_where_it_is_broken():
    for wrong, reason in (
        (b"$2\r\nabc\r\n", "CRLF"),
        (b"$02\r\nab\r\n", "length"),
        (b"$3\r\nab\r\n", "CRLF"),
    ):
        wire = b"*5000\r\n" + b"$2\r\nab\r\n" * 777 + wrong + b"$2\r\nab\r\n" * 5000
        found = refusal(wire)
        assert reason in found
        assert f"byte {7 + 777 * 8} " in found


def test_unread_bytes_can_be_taken_back():
    decoder = TypedDecoder(offset=100)
    decoder.feed(b"+a\r\n+b\r")
    assert decoder.next() == b"a"
    assert decoder.offset == 104
    decoder.feed(b"\n")
    assert decoder.unread() == b"+b\r\n"
    assert not decoder.pending
    assert decoder.offset == 108


def test_a_typed_decoder_is_made_without_importing_hiredis():
    script = (
        "import sys; from pyredis.options import ConnectionOptions; from pyredis.resp import make_decoder;"
        "decoder = make_decoder(ConnectionOptions(decoder='typed', max_bulk=5)); decoder.feed(b'+OK\\r\\n');"
        "print(type(decoder.next()).__name__, 'hiredis' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["Status", "False"]


def test_the_options_limit_the_strings_of_either_decoder():
    for name in ("typed", "fast"):
        decoder = make_decoder(ConnectionOptions(decoder=name, max_bulk=5))
        decoder.feed(b"$5\r\nhello\r\n$6\r\nhello!\r\n")
        assert decoder.next() == b"hello"
        with pytest.raises(ProtocolError, match="max_bulk is 5"):
            decoder.next()
