"""The fast decoder: what the typed one says, made plain; and none of hiredis' traps."""

from __future__ import annotations

import gc
import math
import time
import tracemalloc

import hiredis
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pyredis.exceptions import NoAuth, ProtocolError, ReplyError, WrongType
from pyredis.options import ConnectionOptions
from pyredis.resp import make_decoder
from pyredis.resp.decode import INCOMPLETE, TypedDecoder
from pyredis.resp.fast import FastDecoder
from pyredis.types import Map, Push, Reply, plain
from tests.strategies import Sample, cut_points, cut_up, replies, spelled, streams


def taken(decoder: FastDecoder) -> list[Reply]:
    """Return all that the decoder has ready."""
    found = []
    while (reply := decoder.next()) is not INCOMPLETE:
        found.append(reply)
    return found


def decoded(chunks: list[bytes], encoding: str | None = None, **limits: int) -> list[Reply]:
    """Return all replies in the chunks, and check that nothing is left."""
    decoder = FastDecoder(encoding, **limits)
    found = []
    for chunk in chunks:
        decoder.feed(chunk)
        found += taken(decoder)
    assert not decoder.pending
    return found


def bytewise(wire: bytes) -> list[bytes]:
    return [wire[at : at + 1] for at in range(len(wire))]


def outcome(chunks: list[bytes], **limits: int) -> tuple[object, str]:
    """Return the replies in the chunks, and why the decoder refuses what follows ("" when it does not)."""
    decoder = FastDecoder(**limits)
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


def typed_outcome(wire: bytes) -> tuple[object, str]:
    """Return what the typed decoder makes of the bytes: replies made plain, and why it refuses the rest."""
    decoder = TypedDecoder()
    decoder.feed(wire)
    found = []
    try:
        while (reply := decoder.next()) is not INCOMPLETE:
            found.append(plain(reply))
    except ProtocolError as error:
        return spelled(found), str(error)
    return spelled(found), ""


def as_plain(samples: list[Sample], encoding: str | None) -> object:
    decode = None if encoding is None else lambda text: text.decode(encoding, "surrogateescape")
    return spelled([plain(sample.reply, decode) for sample in samples])


ENCODINGS = st.sampled_from([None, "utf-8", "latin-1", "gb18030"])


@given(samples=st.one_of(streams(2), streams(3)), points=cut_points(), encoding=ENCODINGS)
def test_it_says_what_the_typed_decoder_says_made_plain(samples: list[Sample], points, encoding):
    wire = b"".join(sample.wire for sample in samples)
    expected = as_plain(samples, encoding)
    assert spelled(decoded([wire], encoding)) == expected
    assert spelled(decoded(cut_up(wire, points), encoding)) == expected
    assert spelled(decoded(bytewise(wire), encoding)) == expected


@given(samples=streams(3), points=cut_points(), max_bulk=st.integers(3000, 9000))
def test_small_limits_change_nothing_for_what_is_within_them(samples: list[Sample], points, max_bulk):
    samples = [sample for sample in samples if len(sample.wire) < max_bulk]
    wire = b"".join(sample.wire for sample in samples)
    assert spelled(decoded(cut_up(wire, points), max_bulk=max_bulk)) == as_plain(samples, None)


@given(first=replies(), second=replies())
def test_it_is_pending_exactly_while_a_reply_is_in_progress_or_unread(first: Sample, second: Sample):
    decoder = FastDecoder()
    for sample in (first, second):
        assert not decoder.pending
        for byte in bytewise(sample.wire)[:-1]:
            decoder.feed(byte)
            assert decoder.pending
            assert decoder.next() is INCOMPLETE
        decoder.feed(sample.wire[-1:])
        assert decoder.pending
        assert spelled(decoder.next()) == spelled(plain(sample.reply))
        assert not decoder.pending
    decoder.feed(first.wire + second.wire)
    assert decoder.next() is not INCOMPLETE
    assert decoder.pending


@given(st.binary(max_size=60), st.integers(1, 7))
def test_noise_is_a_reply_or_a_protocol_error(noise, size):
    found, reason = outcome([noise[at : at + size] for at in range(0, len(noise), size)])
    if reason:
        assert found == typed_outcome(noise)[0]


@given(samples=st.one_of(streams(2), streams(3)), points=cut_points(), encoding=ENCODINGS)
def test_taking_is_feeding_and_asking_until_nothing_is_whole(samples: list[Sample], points, encoding):
    wire = b"".join(sample.wire for sample in samples)
    for chunks in ([wire], cut_up(wire, points), bytewise(wire)):
        one, other = FastDecoder(encoding), FastDecoder(encoding)
        for chunk in chunks:
            other.feed(chunk)
            assert spelled(one.take(chunk)) == spelled(taken(other))
            assert one.pending == other.pending
        assert one.broken is None
        assert not one.pending


@given(
    samples=st.lists(replies(2), max_size=30),
    size=st.integers(1, 200),
    max_bulk=st.sampled_from([3000, 2**29]),
)
def test_replies_one_behind_the_other_may_be_cut_anywhere(samples: list[Sample], size, max_bulk):
    wire = b"".join(sample.wire for sample in samples)
    decoder = FastDecoder(max_bulk=max_bulk)
    found = [reply for at in range(0, len(wire), size) for reply in decoder.take(wire[at : at + size])]
    assert spelled(found) == as_plain(samples, None)
    assert not decoder.pending


def test_what_was_fed_before_is_taken_first():
    decoder = FastDecoder()
    decoder.feed(b"+a\r\n+b")
    assert decoder.take(b"\r\n+c\r\n") == [b"a", b"b", b"c"]
    assert decoder.take(b"") == []
    assert not decoder.pending


# What hiredis 3.5.0 gets wrong, and what it must become.
WRONG_IN_HIREDIS: list[tuple[bytes, Reply]] = [
    (b"%3\r\n+a\r\n:1\r\n+b\r\n:2\r\n+a\r\n:3\r\n", Map([(b"a", 1), (b"b", 2), (b"a", 3)])),
    (b"%2\r\n:0\r\n+zero\r\n#f\r\n+no\r\n", Map([(0, b"zero"), (False, b"no")])),
    (b"%1\r\n*1\r\n:1\r\n:2\r\n", Map([([1], 2)])),
    (b"%1\r\n%1\r\n:1\r\n:2\r\n:3\r\n", Map([({1: 2}, 3)])),
    (b"%1\r\n+a\r\n%1\r\n+b\r\n:1\r\n", {b"a": {b"b": 1}}),
    (b"*2\r\n:1\r\n%2\r\n+a\r\n:1\r\n+a\r\n:2\r\n", [1, Map([(b"a", 1), (b"a", 2)])]),
    (b"|1\r\n+ttl\r\n:3600\r\n+OK\r\n", b"OK"),
    (b"*2\r\n|1\r\n+a\r\n:1\r\n:1\r\n:2\r\n", [1, 2]),
    (b"(3492890328409238509324850943850943825024385\r\n", 3492890328409238509324850943850943825024385),
    (b"*1\r\n(-1\r\n", [-1]),
    (b":+5\r\n", 5),
    (b"$?\r\n;4\r\nHell\r\n;1\r\no\r\n;0\r\n", b"Hello"),
    (b"*?\r\n:1\r\n~?\r\n.\r\n.\r\n", [1, []]),
    (b"%?\r\n+a\r\n:1\r\n.\r\n", {b"a": 1}),
]


@pytest.mark.parametrize(("wire", "reply"), WRONG_IN_HIREDIS)
def test_what_hiredis_gets_wrong_is_right_at_every_cut_and_hiredis_goes_on_behind_it(wire, reply):
    expected = spelled([b"before", reply, reply, [b"behind"]])
    stream = b"$6\r\nbefore\r\n" + wire + wire + b"*1\r\n$6\r\nbehind\r\n"
    for at in range(len(stream)):
        assert spelled(decoded([stream[:at], stream[at:]])) == expected
    assert spelled(decoded(bytewise(stream))) == expected


@pytest.mark.parametrize(
    "text", [b"ERR \xff\xfe", b"ERR 'caf\xe9'", "ERR \ufffd".encode(), "ERR naïve".encode()]
)
@pytest.mark.parametrize("encoding", [None, "latin-1"])
def test_an_error_keeps_bytes_that_are_not_utf8(text, encoding):
    stream = b"+a\r\n*2\r\n:1\r\n-" + text + b"\r\n-" + text + b"\r\n+b\r\n"
    for chunks in ([stream], bytewise(stream)):
        _, (_, inner), outer, last = decoded(chunks, encoding)
        assert inner.message.encode("utf-8", "surrogateescape") == text
        assert outer.message.encode("utf-8", "surrogateescape") == text
        assert last in (b"b", "b")


def test_errors_are_of_this_library_and_have_the_class_of_their_code():
    one, (two, three), four = decoded([b"-WRONGTYPE x\r\n*2\r\n-NOAUTH x\r\n-ERR x\r\n!3\r\nERR\r\n"])
    assert [type(error) for error in (one, two, three, four)] == [WrongType, NoAuth, ReplyError, ReplyError]


def test_pushes_are_told_apart_from_replies():
    found = decoded([b">2\r\n+message\r\n:1\r\n*2\r\n+message\r\n:1\r\n>2\r\n+invalidate\r\n%0\r\n"])
    assert spelled(found) == spelled([Push([b"message", 1]), [b"message", 1], Push([b"invalidate", {}])])


def test_values_that_the_encoding_does_not_know_become_surrogates():
    wire = b"*4\r\n$2\r\n\xff\xfe\r\n+\xff\r\n=5\r\ntxt:\xff\r\n$3\r\n\xe2\x9c\x93\r\n"
    assert decoded([wire], "utf-8") == [["\udcff\udcfe", "\udcff", "\udcff", "✓"]]
    assert decoded([b"|0\r\n" + wire], "utf-8") == [["\udcff\udcfe", "\udcff", "\udcff", "✓"]]


def test_a_value_that_no_error_handler_can_decode_is_a_protocol_error():
    decoder = FastDecoder("unicode_escape")
    decoder.feed(b"+a\r\n$2\r\n\\x\r\n")
    assert decoder.next() == "a"
    with pytest.raises(ProtocolError, match="cannot be decoded"):
        decoder.next()


# False alarms: bytes inside a string that look like what hiredis gets wrong.
DISGUISES = [
    b"\r\n*9999999\r\n",
    b"%2",
    b"%2\r\n",
    b"\r\n%2\r\n$1\r\na\r\n",
    b"\n|1\n(1\n!1\n~?",
    b"\r\n*?\r\n.\r\n",
    b"\r\n$?\r\n;0\r\n",
    b"x\r\n~-1\r\n>-1\r\n=-1\r\n",
    b"\r\n(\r\n" * 50,
    b"\r\n$99999999999\r\n",
    b"\n" + b"%" * 200,
]


# Only hiredis lets two bytes other than CRLF pass behind a string: a reply with this in it shows who decoded it.
LOOSE = b"$2\r\nhi.."


def test_the_typed_decoder_refuses_what_hiredis_lets_pass():
    assert decoded([b"*1\r\n" + LOOSE + b"+OK\r\n"]) == [[b"hi"], b"OK"]
    assert "CRLF" in refusal(b"*2\r\n%0\r\n" + LOOSE + b"+OK\r\n")


@pytest.mark.parametrize("text", DISGUISES)
def test_a_string_that_looks_like_a_trap_is_left_to_hiredis(text):
    bulk = b"$%d\r\n%b\r\n" % (len(text), text)
    stream = bulk + b"*3\r\n" + bulk + LOOSE + bulk + bulk
    for at in range(len(stream)):
        assert decoded([stream[:at], stream[at:]]) == [text, [text, b"hi", text], text]
    assert decoded(bytewise(stream)) == [text, [text, b"hi", text], text]


def test_hiredis_takes_over_again_behind_a_reply_that_it_could_not_be_given():
    decoder = FastDecoder()
    decoder.feed(b"*2\r\n:1\r\n%1\r\n+a\r\n")
    decoder.feed(b":1\r\n" + LOOSE + b"+OK")
    assert taken(decoder) == [[1, {b"a": 1}], b"hi"]
    decoder.feed(b"\r\n" + LOOSE + b"+OK\r\n")
    assert taken(decoder) == [b"OK", b"hi", b"OK"]
    assert not decoder.pending


def test_hiredis_still_has_the_faults_that_are_worked_around():
    reader = hiredis.Reader()
    reader.feed(b"%3\r\n+a\r\n:1\r\n+b\r\n:2\r\n+a\r\n:3\r\n")
    assert reader.gets() != {b"a": 3, b"b": 2}
    reader.feed(b"|1\r\n+a\r\n:1\r\n+OK\r\n")
    assert reader.gets() == [b"a", 1]


def test_hiredis_lets_go_of_what_it_has_read_at_the_end_of_a_reply():
    # The guard learns from this where a reply starts.
    reader = hiredis.Reader(notEnoughData=INCOMPLETE)
    wire = b"$90\r\n" + b"x" * 90 + b"\r\n"
    reader.feed(wire * 40)
    held = reader.len()
    forgotten = 0
    for count in range(1, 41):
        reader.gets()
        if reader.len() != held:
            forgotten += held - reader.len()
            assert forgotten == count * len(wire)
            held = reader.len()
    assert forgotten > 0


@pytest.mark.parametrize(
    "claim",
    [
        b"*2147483647\r\n",
        b"~2147483647\r\n",
        b">2147483647\r\n",
        b"%2147483647\r\n",
        b"|2147483647\r\n",
        b"*1\r\n*2147483647\r\n",
        b"*999999\r\n" * 1000,
        b"*1000\r\n" * 1000 + b"*999999\r\n" * 20,
        b"$2147483647\r\n",
        b"*9223372036854775807\r\n",
        b"+OK\r\n*2147483647\r\n",
    ],
)
@pytest.mark.parametrize("size", [1, 5, 1_000_000])
def test_memory_is_not_taken_for_what_is_only_announced(claim, size):
    chunks = [claim[at : at + size] for at in range(0, len(claim), size)]
    decoder = FastDecoder()
    tracemalloc.start()
    try:
        for chunk in chunks:
            decoder.feed(chunk)
        assert tracemalloc.get_traced_memory()[1] < 20_000_000
    finally:
        tracemalloc.stop()
    started = time.process_time()
    gc.collect()
    assert time.process_time() - started < 1
    assert decoder.pending


def test_arrays_of_many_elements_are_left_to_hiredis():
    wire = b"*1501\r\n" + (b"*2000\r\n" + b":7\r\n" * 2000) * 1500 + LOOSE
    found = decoded([wire[at : at + 65536] for at in range(0, len(wire), 65536)])
    assert found == [[[7] * 2000] * 1500 + [b"hi"]]


def test_an_array_of_more_than_a_million_elements_is_whole():
    wire = b"*1100000\r\n" + b":1\r\n" * 1_100_000
    found = decoded([wire[at : at + 65536] for at in range(0, len(wire), 65536)])
    assert found == [[1] * 1_100_000]


@pytest.mark.parametrize(
    ("wire", "reason"),
    [
        (b"hello\r\n", "byte 0 "),
        (b"+OK\r\n:x\r\n", "byte 5 "),
        (b"*2\r\n:1\r\n:x\r\n", "byte 8 "),
        (b"$-2\r\n", "length"),
        (b"~-1\r\n", "length"),
        (b"*1\r\n>-1\r\n", "0x3e"),
        (b"=-1\r\n", "length"),
        (b">0\r\n", "push"),
        (b"(\r\n", "big number"),
        (b"(12x\r\n", "big number"),
        (b"#x\r\n", "boolean"),
        (b"+a\nb\r\n", "LF"),
        (b":12a\r\n", "integer"),
        (b"!x\r\n", "length"),
        (b"%1\r\n+a\r\n:x\r\n", "byte 8 "),
        pytest.param(b"*1\r\n" * 1025, "1024 deep", id="deep"),
        pytest.param(b"*1\r\n" * 100_000, "1024 deep", id="very deep"),
        pytest.param(b"$2147483647\r\n" + b"x" * 70_000, "max_bulk", id="long"),
    ],
)
def test_what_is_not_resp_is_refused_saying_why(wire, reason):
    assert reason in refusal(wire)


GARBAGE = [
    b"hello\r\n",
    b":x\r\n",
    b"*2\r\n:1\r\n:x\r\n",
    b">-1\r\n",
    b"=-1\r\n",
    b"~-1\r\n",
    b"(12x\r\n",
    b"%1\r\n+a\r\n:x\r\n",
]


@pytest.mark.parametrize("garbage", GARBAGE, ids=[garbage[:12].decode() for garbage in GARBAGE])
@pytest.mark.parametrize(
    "before", [b"+one\r\n", b"+one\r\n" * 300, b"*1\r\n+one\r\n", b"$10000\r\n%b\r\n" % bytes(10_000)]
)
def test_whole_replies_are_taken_before_garbage_and_nothing_behind_it(before, garbage):
    expected = decoded([before])
    stream = before + garbage
    whole = [
        [stream],
        [before, garbage],
        *([stream[:at], stream[at:]] for at in range(len(before), len(before) + 9)),
    ]
    for chunks in [*whole, bytewise(stream)]:
        decoder = FastDecoder()
        assert [reply for chunk in chunks for reply in decoder.take(chunk)] == expected
        assert decoder.broken is not None
        assert decoder.pending
        assert decoder.take(b"+three\r\n") == []
        with pytest.raises(ProtocolError) as caught:
            decoder.next()
        assert str(caught.value) == decoder.broken
        assert f"byte {len(before)} " in decoder.broken or b"*" in garbage or b"%" in garbage


def test_a_refusal_is_for_ever_and_comes_behind_the_replies_before_it():
    decoder = FastDecoder()
    decoder.feed(b"+one\r\n+two\r\n:x\r\n+three\r\n")
    assert [decoder.next(), decoder.next()] == [b"one", b"two"]
    reasons = set()
    for _ in range(3):
        with pytest.raises(ProtocolError) as caught:
            decoder.next()
        reasons.add(str(caught.value))
        decoder.feed(b"+four\r\n")
    assert len(reasons) == 1


@pytest.mark.parametrize("max_bulk", [1, 2, 5, 100, 5000, 200_000])
@pytest.mark.parametrize("prefix", [b"", b"*2\r\n:1\r\n", b"+OK\r\n" * 400])
def test_a_string_past_the_limit_is_refused_and_one_at_the_limit_is_not(max_bulk, prefix):
    text = b"x" * max_bulk
    chunk = prefix + b"$%d\r\n%b\r\n" % (max_bulk, text)
    for size in (len(chunk), 1 if max_bulk < 9999 else 1500):
        found = decoded(
            [chunk[at : at + size] for at in range(0, len(chunk), size)], max_bulk=max(max_bulk, 2)
        )
        assert found[-1] in (text, [1, text])
    decoder = FastDecoder(max_bulk=max_bulk)
    decoder.feed(prefix + b"$%d\r\nx%b\r\n" % (max_bulk + 1, text))
    with pytest.raises(ProtocolError, match=f"max_bulk is {max_bulk}"):
        taken(decoder)


@pytest.mark.parametrize("kind", [b"+", b"-", b":", b"$", b"*", b"*2\r\n:1\r\n+", b"+OK\r\n" * 500 + b"-"])
@pytest.mark.parametrize("size", [1500, 100])
def test_an_endless_line_is_cut_short(kind, size):
    started = time.process_time()
    assert "a line of more than" in outcome([kind] + [b"1" * size] * (4_000_000 // size))[1]
    assert time.process_time() - started < 2


@pytest.mark.parametrize("size", [7, 1500, 65536, 10**9])
@pytest.mark.parametrize("length", [300, 60_000, 70_000, 1_000_000])
def test_long_statuses_errors_and_strings_are_whole(size, length):
    text = b"E" * length
    bulk = b"$%d\r\n%b\r\n" % (length, text)
    stream = b"+%b\r\n-%b\r\n%b*2\r\n:1\r\n%b%b+OK\r\n" % (text, text, bulk, bulk, bulk)
    status, error, *strings = decoded([stream[at : at + size] for at in range(0, len(stream), size)])
    assert (status, error.message) == (text, text.decode())
    assert strings == [text, [1, text], text, b"OK"]


def test_a_long_string_is_whole_at_every_cut_of_its_ends():
    text = b"\r\n%1\r\n" * 3000
    bulk = b"$%d\r\n%b\r\n" % (len(text), text)
    stream = b"+a\r\n" + bulk + bulk + b"%1\r\n+b\r\n:1\r\n"
    expected = [b"a", text, text, {b"b": 1}]
    edges = [edge + near for edge in (4, 4 + len(bulk), 4 + 2 * len(bulk)) for near in range(-3, 13)]
    for at in edges:
        assert decoded([stream[:at], stream[at:]]) == expected
        assert (
            decoded([stream[:at], stream[at : at + 1], stream[at + 1 : at + 5000], stream[at + 5000 :]])
            == expected
        )


@pytest.mark.parametrize("cut", [4, 12, 20_008, 20_012, 20_013, 20_016])
def test_a_long_string_that_is_not_followed_by_crlf_is_refused(cut):
    stream = b"+a\r\n$20000\r\n" + b"x" * 20_000 + b"\r+b\r\n"
    decoder = FastDecoder()
    assert decoder.take(b"+a\r\n") == [b"a"]
    found = decoder.take(stream[4:cut]) + decoder.take(stream[cut:])
    assert found == []
    assert decoder.broken is not None
    assert "byte 4 " in decoder.broken
    assert "CRLF" in decoder.broken


def test_a_long_string_is_decoded_in_the_encoding_asked_for():
    text = "né" * 20_000
    bulk = b"$%d\r\n%b\r\n" % (len(text), text.encode("latin-1"))
    assert decoded([bulk], "latin-1") == [text]
    assert decoded([bulk[:30_000], bulk[30_000:]], "utf-8") == [text.replace("é", "\udce9")]
    decoder = FastDecoder("unicode_escape")
    assert decoder.take(b"+a\r\n$10000\r\n%b\r\n+b\r\n" % (b"\\x" * 5000)) == ["a"]
    assert "cannot be decoded" in decoder.broken


def test_a_long_string_in_tiny_pieces_takes_little_more_memory_than_it_is_long():
    decoder = FastDecoder()
    decoder.take(b"$3000000\r\n")
    tracemalloc.start()
    try:
        for _ in range(400_000):
            decoder.take(b"abcdefg")
        assert tracemalloc.get_traced_memory()[0] < 4_000_000
    finally:
        tracemalloc.stop()


def test_a_string_past_the_limit_is_refused_before_it_has_come():
    decoder = FastDecoder()
    decoder.feed(b"$536870913\r\n" + bytes(20_000))
    with pytest.raises(ProtocolError, match="max_bulk"):
        decoder.next()


def test_bytes_of_earlier_replies_are_no_credit_for_what_a_reply_announces():
    decoder = FastDecoder()
    decoder.feed(b":1")
    for _ in range(800):
        decoder.feed(b"0\r\n:1" * 3000)
        taken(decoder)
    tracemalloc.start()
    try:
        decoder.feed(b"\r\n*2\r\n*1500000\r\n:")
        assert tracemalloc.get_traced_memory()[1] < 1_000_000
    finally:
        tracemalloc.stop()
    assert taken(decoder) == [1]
    assert decoder.pending


def test_a_long_string_is_not_held_twice_while_it_comes():
    decoder = FastDecoder()
    chunk = bytes(65536)
    decoder.feed(b"$100000000\r\n")
    tracemalloc.start()
    try:
        for _ in range(100_000_000 // len(chunk)):
            decoder.feed(chunk)
        assert tracemalloc.get_traced_memory()[0] < 130_000_000
    finally:
        tracemalloc.stop()
    decoder.feed(chunk[: 100_000_000 % len(chunk)] + b"\r\n")
    reply = decoder.next()
    assert isinstance(reply, bytes)
    assert len(reply) == 100_000_000
    assert not decoder.pending


def test_a_stream_that_never_pauses_between_two_replies_does_not_pile_up():
    stream = (b"$64\r\n" + b"x" * 64 + b"\r\n") * 100_000
    decoder = FastDecoder()
    tracemalloc.start()
    try:
        count = 0
        for at in range(0, len(stream), 4099):
            decoder.feed(stream[at : at + 4099])
            count += len(taken(decoder))
        assert count == 100_000
        assert tracemalloc.get_traced_memory()[1] < 200_000
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize(
    "text", [b"x" * 64, b"\r\n$64\r\n\r\n$1\r\n".ljust(64, b"x"), b"+x" * 32, b"*1\r\n" * 16]
)
@pytest.mark.parametrize("shape", [b"$64\r\n%b\r\n", b"*2\r\n$64\r\n%b\r\n:1\r\n"])
def test_a_stream_that_breaks_off_anywhere_and_never_pauses_does_not_pile_up(shape, text):
    reply = shape % text
    stream = reply * 20_000
    decoder = FastDecoder()
    tracemalloc.start()
    try:
        count = 0
        for at in range(0, len(stream), 4099):
            count += len(decoder.take(stream[at : at + 4099]))
            # What is kept to judge a reply by, should hiredis refuse it.
            assert sum(map(len, decoder._kept)) < 200_000
        assert count == 20_000
        assert tracemalloc.get_traced_memory()[0] < 300_000
    finally:
        tracemalloc.stop()
    assert not decoder.pending


@pytest.mark.parametrize("reply", [b"%1\r\n+a\r\n:1\r\n", b"$4\r\n\r\n%2\r\n", b"*2\r\n+a\r\n%0\r\n"])
def test_many_replies_that_hiredis_may_not_have_take_linear_time(reply):
    stream = reply * 40_000
    for size in (len(stream), 1500):
        started = time.process_time()
        found = decoded([stream[at : at + size] for at in range(0, len(stream), size)])
        assert len(found) == 40_000
        assert time.process_time() - started < 5


def test_1024_levels_are_decoded():
    reply = decoded([b"*1\r\n" * 1023 + b"*0\r\n"])[0]
    depth = 1
    while reply:
        reply, depth = reply[0], depth + 1
    assert depth == 1024


@pytest.mark.parametrize("depth", [100, 900, 1023, 1024, 5000])
def test_no_depth_ends_in_a_recursion_error(depth):
    decoder = FastDecoder()
    decoder.feed(b"*1\r\n" * depth + b"%0\r\n")
    assert decoder.pending


def test_doubles_booleans_nulls_and_sets_are_plain():
    found = decoded([b",1.5\r\n,inf\r\n,nan\r\n#t\r\n_\r\n~2\r\n:1\r\n:1\r\n$-1\r\n*-1\r\n"])
    assert found[0] == 1.5
    assert found[1] == math.inf
    assert math.isnan(found[2])
    assert [type(reply) for reply in found[3:]] == [bool, type(None), list, type(None), type(None)]


def test_the_fast_decoder_is_the_default_and_decodes_in_the_encoding_asked_for():
    decoder = make_decoder(ConnectionOptions(encoding="utf-8"))
    decoder.feed("$4\r\n✓!\r\n".encode())
    assert decoder.next() == "✓!"
