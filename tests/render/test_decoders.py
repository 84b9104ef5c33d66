"""What each decoder reads and what it refuses, with other people's writers as judges."""

from __future__ import annotations

import base64 as writer_of_base64
import gzip as writer_of_gzip
import json as writer_of_json
import math
import pickle as writer_of_pickle
import sys
import uuid as writer_of_uuids
import zlib as writer_of_zlib
from collections.abc import Callable
from datetime import UTC, datetime
from struct import pack, unpack
from typing import Any

import msgpack as writer_of_msgpack
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from pyredis_cli.registry import DECODERS, load
from pyredis_cli.render.decoders import (
    MOST,
    Decoder,
    Json,
    Missing,
    Note,
    Part,
    base64,
    gzip,
    json,
    msgpack,
    pickle,
    timestamp,
    uuid,
    zlib,
    zstd,
)

if sys.version_info >= (3, 14):
    from compression.zstd import compress as packed_with_zstd
else:
    from zstandard import compress as packed_with_zstd

PACKERS: dict[str, tuple[Callable[[bytes], bytes], Decoder]] = {
    "gzip": (writer_of_gzip.compress, gzip.decode),
    "zlib": (writer_of_zlib.compress, zlib.decode),
    "zstd": (packed_with_zstd, zstd.decode),
    "base64": (writer_of_base64.b64encode, base64.decode),
    "base64 for URLs": (writer_of_base64.urlsafe_b64encode, base64.decode),
}
COMPRESSED = ("gzip", "zlib", "zstd")


# -- all of them

beginnings = st.sampled_from(
    [
        b"\x1f\x8b\x08\x00",
        b"\x78\x9c",
        b"\x28\xb5\x2f\xfd",
        b"\x80\x04",
        b"\x80\x05\x95",
        b"\x81\xa1",
        b"{",
        b"[",
    ]
)
endings = st.sampled_from([b"", b".", b"=", b"}", b"]"])


@pytest.mark.parametrize("row", DECODERS.values(), ids=list(DECODERS))
@given(begin=beginnings | st.just(b""), middle=st.binary(max_size=200), end=endings)
@example(begin=b"\x80\x02", middle=b"S'\\d'\n", end=b".")
@example(begin=b"\x80\x02", middle=b"I" + b"9" * 5000 + b"\n", end=b".")
def test_no_bytes_are_too_strange(row: Any, begin: bytes, middle: bytes, end: bytes) -> None:
    decode = load(row)
    assert callable(decode)
    answer = decode(begin + middle + end)
    assert answer is None or isinstance(answer, (str, bytes))


@pytest.mark.parametrize("row", DECODERS.values(), ids=list(DECODERS))
def test_no_value_is_too_deep_or_too_long(row: Any) -> None:
    decode = load(row)
    assert callable(decode)
    n = 100_000
    for value in (
        b"[" * n,
        b"[" * n + b"]" * n,
        b"\x91" * n + b"\xc0",
        b"\x80\x02" + b"(" * n + b".",
        b"9" * n,
    ):
        decode(value)


@pytest.mark.parametrize("name", PACKERS)
@given(value=st.binary())
def test_what_was_packed_comes_out(name: str, value: bytes) -> None:
    pack_, decode = PACKERS[name]
    if value:
        assert decode(pack_(value)) == value


@pytest.mark.parametrize("name", COMPRESSED)
def test_what_is_not_whole_is_refused(name: str) -> None:
    pack_, decode = PACKERS[name]
    packed = pack_(bytes(range(256)) * 50)
    assert decode(packed) is not None
    assert decode(packed[:-1]) is None
    assert decode(packed + b"!") is None
    if name != "zstd":  # it has a checksum only where somebody asked for one
        assert decode(packed[:20] + b"\xff\xff\xff" + packed[23:]) is None


@pytest.mark.parametrize("name", COMPRESSED)
def test_of_a_bomb_only_the_beginning_is_unpacked(name: str) -> None:
    pack_, decode = PACKERS[name]
    answer = decode(pack_(b"x" * (100 * MOST)))
    assert isinstance(answer, Part)
    assert answer == b"x" * MOST


@pytest.mark.parametrize("name", ["gzip", "zstd"])
def test_files_that_were_appended_are_one(name: str) -> None:
    pack_, decode = PACKERS[name]
    assert decode(pack_(b"one ") + pack_(b"two")) == b"one two"
    assert decode(pack_(b"") * 100_000) is None


# -- JSON

documents = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=30,
)


@given(documents, st.booleans())
def test_json_is_left_as_it_is_written(document: Any, plain: bool) -> None:
    text = writer_of_json.dumps(document, ensure_ascii=plain)
    if text.isascii() or not any("\ud800" <= c <= "\udfff" for c in text):
        assert json.decode(text.encode()) == Json(text)


@pytest.mark.parametrize(
    "text",
    [
        *("{", "[1,]", '{"a":1,}', "{'a':1}", "[NaN]", "[Infinity]", "[01]", "[1 2]", '["\x01"]', "[,1]"),
        *('["\\x41"]', "{1:2}", '{"a" 1}', "[1}", "]", "1 2", '["a"', '"', "[+1]", "[1.]", "{,}"),
        *('{"a":1 "b":2}', "\ufeff[]"),
    ],
)
def test_what_is_not_json_to_the_letter_is_refused(text: str) -> None:
    assert json.decode(text.encode()) is None
    # What is nested too deep for Python's own reader is judged by another one.
    assert json.decode(b"[" * 5_000 + b"]" * 5_000) is not None
    assert json.decode(b"[" * 5_000 + text.encode() + b"]" * 5_000) is None


@given(documents, st.integers(0, 300), st.sampled_from(["", "]", ",", "1", "}", ":", '"']))
def test_deep_documents_are_judged_as_python_judges_flat_ones(document: Any, at: int, extra: str) -> None:
    text = writer_of_json.dumps(document)
    at = min(at, len(text))
    text = text[:at] + extra + text[at:]
    if "\ud800" <= max(text, default="") <= "\udfff":
        return
    try:
        writer_of_json.loads(text)
        right = True
    except ValueError:
        right = False
    assert json._allowed(text) is right


def test_numbers_of_any_length_are_json() -> None:
    assert json.decode(b"[" + b"9" * 10_000 + b", 1e999999]") is not None


# -- MessagePack

packable = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**64 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text()
    | st.binary().map(lambda value: {"$base64": value}),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=30,
)


def as_packed(document: Any) -> Any:
    match document:
        case {"$base64": bytes() as value}:
            return value
        case dict():
            return {name: as_packed(member) for name, member in document.items()}
        case list():
            return [as_packed(member) for member in document]
    return document


def as_json(document: Any) -> Any:
    match document:
        case {"$base64": bytes() as value}:
            return {"$base64": writer_of_base64.b64encode(value).decode()}
        case dict():
            return {name: as_json(member) for name, member in document.items()}
        case list():
            return [as_json(member) for member in document]
    return document


@given(packable)
def test_messagepack_says_what_was_packed(document: Any) -> None:
    packed = writer_of_msgpack.packb(as_packed(document))
    answer = msgpack.decode(packed)
    assert isinstance(answer, Json)
    assert writer_of_json.loads(answer) == as_json(document)


@given(packable)
def test_messagepack_that_is_not_whole_or_too_long_is_refused(document: Any) -> None:
    packed = writer_of_msgpack.packb(as_packed(document))
    assert msgpack.decode(packed[:-1]) is None
    assert msgpack.decode(packed + b"\xc0") is None


@given(st.floats(width=32, allow_nan=False, allow_infinity=False))
def test_short_floats_have_the_digits_they_need(number: float) -> None:
    answer = msgpack.decode(writer_of_msgpack.packb([number], use_single_float=True))
    assert answer is not None
    digits = answer.strip("[]")
    assert unpack(">f", pack(">f", float(digits)))[0] == number
    assert len(digits.partition("e")[0].replace(".", "").strip("-0")) <= 9


@pytest.mark.parametrize(
    ("document", "text"),
    [
        ({1: "a", None: [], (): 2}, '{1: "a", null: [], []: 2}'),
        ([math.inf, -math.inf, math.nan], "[Infinity, -Infinity, NaN]"),
        ([writer_of_msgpack.ExtType(5, b"xy")], '[{"$extension": 5, "$base64": "eHk="}]'),
        ([datetime(2024, 1, 2, tzinfo=UTC)], '[{"$time": "2024-01-02 00:00:00Z"}]'),
        ([datetime(2024, 1, 2, 0, 0, 0, 500_000, UTC)], '[{"$time": "2024-01-02 00:00:00.500000000Z"}]'),
        ([datetime(1924, 1, 2, tzinfo=UTC)], '[{"$time": "1924-01-02 00:00:00.000000000Z"}]'),
    ],
)
def test_what_json_has_no_form_for_is_shown_all_the_same(document: Any, text: str) -> None:
    assert msgpack.decode(writer_of_msgpack.packb(document, datetime=True)) == text


def test_a_moment_in_no_calendar_keeps_its_bytes() -> None:
    written = msgpack.decode(b"\xc7\x0c\xff" + pack(">Iq", 1, 2**63 - 1))
    assert written == '{"$extension": -1, "$base64": "AAAAAX//////////"}'


def test_a_claimed_length_reserves_nothing() -> None:
    assert msgpack.decode(b"\xdd\xff\xff\xff\xff") is None
    assert msgpack.decode(b"\xdb\xff\xff\xff\xff") is None


# -- UUIDs and moments


@given(st.uuids())
def test_every_notation_of_a_uuid_is_the_same(made: writer_of_uuids.UUID) -> None:
    said = {uuid.decode(text) for text in (str(made).encode(), made.hex.upper().encode(), made.bytes)}
    assert len(said) == 1
    if made.variant == writer_of_uuids.RFC_4122 and made.version in range(1, 9):
        assert f"version {made.version}" in str(*said)


def test_a_uuid_tells_when_it_was_made() -> None:
    made = writer_of_uuids.uuid1()
    said = str(uuid.decode(str(made).encode()))
    told = datetime.fromisoformat(said.removeprefix("UUID version 1, "))
    assert abs((told - datetime.now(UTC)).total_seconds()) < 60


@pytest.mark.parametrize(
    ("text", "said"),
    [  # the examples of RFC 9562, and the two that are no version
        ("C232AB00-9414-11EC-B3C8-9F6BDECED846", "UUID version 1, 2022-02-22 19:22:22.000000Z"),
        ("5df41881-3aed-3515-88a7-2f4a814cf09e", "UUID version 3, MD5 of a name"),
        ("919108f7-52d1-4320-9bac-f847db4148a8", "UUID version 4, random"),
        ("2ed6657d-e927-568b-95e1-2665a8aea6a2", "UUID version 5, SHA-1 of a name"),
        ("1EC9414C-232A-6B00-B3C8-9F6BDECED846", "UUID version 6, 2022-02-22 19:22:22.000000Z"),
        ("017F22E2-79B0-7CC3-98C4-DC0C0C07398F", "UUID version 7, 2022-02-22 19:22:22.000Z"),
        ("2489E9AD-2EE2-8E00-8EC9-32D5F69181C0", "UUID version 8, of somebody's own"),
        ("00000000-0000-0000-0000-000000000000", "UUID, all zeros"),
        ("ffffffff-ffff-ffff-ffff-ffffffffffff", "UUID, all ones"),
        ("919108f7-52d1-0320-9bac-f847db4148a8", "UUID of no standard version"),
    ],
)
def test_a_uuid_says_its_version(text: str, said: str) -> None:
    assert uuid.decode(text.encode()) == Note(said)


@given(st.datetimes(datetime(2001, 9, 10), datetime(2100, 12, 31)), st.sampled_from([1, 1_000, 1_000_000]))
def test_moments_of_this_century_are_told(made: datetime, per_second: int) -> None:
    seconds = int(made.replace(tzinfo=UTC).timestamp())
    said = str(timestamp.decode(b"%d" % (seconds * per_second + per_second // 2)))
    assert int(datetime.fromisoformat(said).timestamp()) == seconds


@pytest.mark.parametrize(
    "text", [b"0999999999", b"4133980800", b"170000000", b"17000000001", b"-170000000", b"1.70000000"]
)
def test_other_numbers_are_no_moments(text: bytes) -> None:
    assert timestamp.decode(text) is None


# -- pickles


class Boobytrap:
    def __reduce__(self) -> tuple[Any, ...]:
        return (exec, ("raise SystemExit('it was loaded')",))


@pytest.mark.parametrize("protocol", range(2, writer_of_pickle.HIGHEST_PROTOCOL + 1))
def test_a_pickle_is_told_and_not_loaded(protocol: int) -> None:
    said = pickle.decode(writer_of_pickle.dumps(Boobytrap(), protocol))
    assert said is not None
    assert "REDUCE" in said
    assert "raise SystemExit" in said
    assert "exec" in said


def test_a_pickle_is_told_in_bounds() -> None:
    said = pickle.decode(writer_of_pickle.dumps(["x" * 500_000, 1 << 10_000, *range(300_000)]))
    assert said is not None
    assert len(said.splitlines()) <= 1001
    assert max(map(len, said.splitlines())) < 200
    assert said.endswith("bytes")


def test_a_pickle_with_something_behind_it_is_none() -> None:
    assert pickle.decode(writer_of_pickle.dumps([1]) + b"!.") is None
    assert pickle.decode(writer_of_pickle.dumps([1], protocol=0)) is None


# -- what is not installed


def test_without_its_package_zstandard_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    if sys.version_info >= (3, 14):
        pytest.skip("Python unpacks it itself")
    monkeypatch.setitem(sys.modules, "zstandard", None)  # as if it were not there
    answer = zstd.decode(packed_with_zstd(b"value"))
    assert isinstance(answer, Missing)
    assert "pip install zstandard" in answer
