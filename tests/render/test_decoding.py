"""What is recognised in a value, what is offered in its place, and what is left alone."""

from __future__ import annotations

import base64
import gzip
import hashlib
import json
import pickle
import random
import string
import subprocess
import sys
import time
import uuid
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Final

import msgpack
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from pyredis_cli.plugins import Plugin
from pyredis_cli.registry import DECODERS
from pyredis_cli.render.decoders import MOST, Decoder, Note
from pyredis_cli.render.decoding import Found, find
from pyredis_cli.render.escape import dangerous, readable

ROOT: Final = Path(__file__).parent.parent.parent
DOCUMENT: Final = b'{"name":"ada","born":1815}'
LAID_OUT: Final = '{"name": "ada", "born": 1815}'
UUID: Final = b"017F22E2-79B0-7CC3-98C4-DC0C0C07398F"
MADE: Final = "UUID version 7, 2022-02-22 19:22:22.000Z"
PICKLED: Final = pickle.dumps({"a": 1})


def nobody() -> Mapping[str, Plugin]:
    return {}


def given_by(**decoders: Decoder) -> Mapping[str, Plugin]:
    return {name: Plugin(f"{name}:decode", lambda decode=decode: decode) for name, decode in decoders.items()}


def text_of(found: Found) -> str:
    return "".join([words for _, words in found.pieces()])


def told(found: Found | None) -> tuple[tuple[str, ...], str | None, str | None] | None:
    return found and (found.names, None if found.document is None else text_of(found), found.beside)


def seen(value: bytes, choice: str = "auto") -> tuple[tuple[str, ...], str | None, str | None] | None:
    return told(find(value, choice, plugins=nobody))


@pytest.mark.parametrize(
    ("value", "names", "text", "beside"),
    [
        (DOCUMENT, ("json",), LAID_OUT, None),
        (b" \n" + DOCUMENT + b"\n", ("json",), LAID_OUT, None),
        (b"[]", ("json",), "[]", None),
        (gzip.compress(DOCUMENT, mtime=0), ("gzip", "json"), LAID_OUT, None),
        (zlib.compress(DOCUMENT), ("zlib", "json"), LAID_OUT, None),
        (zlib.compress(gzip.compress(DOCUMENT, mtime=0)), ("zlib", "gzip", "json"), LAID_OUT, None),
        (base64.b64encode(DOCUMENT), ("base64", "json"), LAID_OUT, None),
        (base64.b64encode(gzip.compress(DOCUMENT, mtime=0)), ("base64", "gzip", "json"), LAID_OUT, None),
        (base64.urlsafe_b64encode(b"\xc3\xbf" * 20), ("base64",), None, f'base64 of "{"ÿ" * 20}"'),
        (base64.b64encode(b"hello, world"), ("base64",), None, 'base64 of "hello, world"'),
        (base64.b64encode(b"two lines\nof text"), ("base64",), "two lines\nof text", None),
        (gzip.compress(b"plain words", mtime=0), ("gzip",), "plain words", None),
        (gzip.compress(b"\xff\x00", mtime=0), ("gzip",), r'"\xff\x00"', None),
        (gzip.compress("naïve \0".encode(), mtime=0), ("gzip",), r'"naïve \x00"', None),
        (gzip.compress(b"", mtime=0), ("gzip",), '""', None),
        (gzip.compress(UUID, mtime=0), ("gzip", "uuid"), UUID.decode(), MADE),
        (msgpack.packb({"id": 7, "tags": ["a"]}), ("msgpack",), '{"id": 7, "tags": ["a"]}', None),
        (UUID, ("uuid",), None, MADE),
        (b"1700000000", ("timestamp",), None, "2023-11-14 22:13:20Z"),
        (b"1700000000123", ("timestamp",), None, "2023-11-14 22:13:20.123Z"),
        (b"1700000000123456", ("timestamp",), None, "2023-11-14 22:13:20.123456Z"),
    ],
)
def test_values_are_recognised(
    value: bytes, names: tuple[str, ...], text: str | None, beside: str | None
) -> None:
    assert seen(value) == (names, text, beside)
    assert seen(value, names[0]) == (names, text, beside)
    assert seen(value, "off") is None


def test_a_pickle_is_shown_as_its_steps() -> None:
    found = find(PICKLED, plugins=nobody)
    assert found is not None
    assert found.names == ("pickle",)
    assert text_of(found).splitlines()[-1].split() == ["20", "STOP"]


@pytest.mark.parametrize(
    "value",
    [
        *(
            b"",
            b"hello",
            b"42",
            b"-1",
            b"3.14",
            b"true",
            b"null",
            b'"text"',
            b"{not json}",
            b"[x]",
            b"{",
            b"(",
        ),
        *(
            b"session:1234567890",
            b"user@example.com",
            b"https://example.com/a/b",
            b"0",
            b"x\x9c",
            b"\x1f\x8b\x08",
        ),
        *(
            b"internationalise",
            b"InternationalizationTests",
            b"ABCDEFGHIJKLMNOP",
            b"5111111111111111",
            b"hash" * 4,
        ),
        *(
            b"\x80",
            b"\x90",
            b"\x81\x00\x00",
            "übergrößenträger".encode(),
            "東京都千代田区".encode(),
            b"\xff" * 20,
        ),
        *(
            b"+49 30 1234567",
            b"2026-11-26",
            b"12:30:00",
            b"550e8400e29b41d4a716446655440000",
            b"O:8:stdClass",
        ),
    ],
)
def test_ordinary_values_are_left_alone(value: bytes) -> None:
    assert find(value, plugins=nobody) is None


def test_digests_are_no_base64() -> None:
    for algorithm in ("md5", "sha1", "sha256", "sha512", "blake2b"):
        for number in range(2000):
            digest = hashlib.new(algorithm, b"%d" % number).hexdigest()
            assert find(digest.encode(), plugins=nobody) is None
            assert find(digest.upper().encode(), plugins=nobody) is None


def test_identifiers_are_hardly_ever_taken_for_base64() -> None:
    random.seed(7)
    letters = string.ascii_letters + string.digits
    alphabets = (
        letters,
        string.ascii_lowercase,
        string.ascii_uppercase,
        string.digits,
        "0123456789abcdef",
        letters + "-_",
    )
    taken = 0
    for alphabet in alphabets:
        for length in (16, 20, 24, 32):
            values = ("".join(random.choices(alphabet, k=length)).encode() for _ in range(2000))
            taken += sum(b"base64" in str(find(value, plugins=nobody)).encode() for value in values)
    assert taken <= 5  # of 48,000


@pytest.mark.parametrize(
    ("value", "name", "names", "text"),
    [
        (b"42", "json", ("json",), "42"),
        (b"aGk=", "base64", ("base64",), None),
        (b"iVBORw0KGgo=", "base64", ("base64",), r'"\x89PNG\r\n\x1a\n"'),
        (b"\x93\x01\x02\x03", "msgpack", ("msgpack",), "[1, 2, 3]"),
        (b"\x05", "msgpack", ("msgpack",), "5"),
        (UUID.replace(b"-", b""), "uuid", ("uuid",), None),
    ],
)
def test_who_names_a_decoder_gets_more_than_unasked(
    value: bytes, name: str, names: tuple[str, ...], text: str | None
) -> None:
    found = seen(value, name)
    assert found is not None
    assert found[:2] == (names, text)


@pytest.mark.parametrize("name", [*DECODERS, "nobody"])
def test_what_a_named_decoder_cannot_read_stays(name: str) -> None:
    assert find(b"hello", name, plugins=nobody) is None


def test_of_a_bomb_the_beginning_is_shown_and_the_cut_told() -> None:
    found = find(gzip.compress("é".encode() * 5_000_000), plugins=nobody)
    assert found is not None
    assert text_of(found) == "é" * (MOST // 2)
    assert found.beside == "only the first 1.00M are unpacked"
    odd = find(gzip.compress(b"x" + "é".encode() * 5_000_000), plugins=nobody)
    assert odd is not None
    assert text_of(odd).endswith("éé")


def test_long_values_are_looked_into_when_asked() -> None:
    value = b"[" + b"1," * MOST + b"1]"
    assert find(value, plugins=nobody) is None
    assert str(find(value, "json", plugins=nobody)).startswith("Found(names=('json',)")
    assert find(DOCUMENT, most=len(DOCUMENT) - 1, plugins=nobody) is None
    long = find(b" " * (9 * MOST), "json", plugins=nobody)
    assert long == Found(("json",), beside="9.00M is too much to look into")


def test_what_was_packed_is_looked_into_no_further_than_the_value() -> None:
    packed = gzip.compress(b'["' + b"x" * 1000 + b'"]')
    assert (find(packed, plugins=nobody) or Found(())).names == ("gzip", "json")
    for choice in ("auto", "gzip"):
        assert (find(packed, choice, plugins=nobody, most=1003) or Found(())).names == ("gzip",)
    asked = find(b"x" * 801, "json", plugins=nobody, most=100)
    assert asked is not None
    assert "too much" in str(asked.beside)


def test_long_bytes_are_quoted_part_by_part() -> None:
    for value in (b"\xff\n" * 9_000, "é\0".encode() * 9_000):
        found = find(gzip.compress(value), plugins=nobody)
        assert found is not None
        assert text_of(found) == readable(value)


def test_packed_things_are_unpacked_so_deep_and_no_deeper() -> None:
    value = DOCUMENT
    for _ in range(6):
        value = zlib.compress(value)
    found = find(value, plugins=nobody)
    assert found is not None
    assert found.names == ("zlib",) * 4
    assert text_of(found).startswith(r'"x\x9c')


@given(st.binary(), st.sampled_from(["auto", *DECODERS]))
@example(b'{"a":"' + "\u202e\x7f\x9b".encode() + b'"}', "auto")
@example(gzip.compress("\u202e\x1b]52;c;\x07".encode()), "auto")
@example(base64.b64encode("\u202ehello world".encode()), "auto")
@example(msgpack.packb({"\x1b[2J": "\u202e"}), "auto")
@example(pickle.dumps("\u202e\x1b[2J"), "auto")
def test_nothing_that_is_found_steers_the_terminal(value: bytes, choice: str) -> None:
    found = find(value, choice, plugins=nobody)
    if found is not None:
        assert found.document is not None or found.beside is not None
        assert not dangerous(text_of(found)) - {"\n", "\t"}
        assert not dangerous(found.beside or "")


packers = st.sampled_from(
    [gzip.compress, zlib.compress, base64.b64encode, lambda value: msgpack.packb([value])]
)


@given(st.binary(), st.lists(packers, min_size=1, max_size=6))
def test_nothing_packed_is_too_strange(value: bytes, packed_by: list[Decoder]) -> None:
    for pack in packed_by:
        value = pack(value)  # type: ignore[assignment]
    found = find(value, plugins=nobody)
    assert found is None or found.names


@pytest.mark.parametrize("value", [b"hello world", b"42", b"user:1234567890123456", b"\xff\x00binary"])
def test_a_plain_value_costs_microseconds(value: bytes) -> None:
    find(value, plugins=nobody)
    best = 1.0
    for _ in range(20):
        start = time.perf_counter()
        for _ in range(100):
            find(value, plugins=nobody)
        best = min(best, time.perf_counter() - start)
    assert best / 100 < 50e-6


def test_nothing_is_imported_before_a_value_looks_like_it() -> None:
    code = (
        "import sys; from pyredis_cli.render.decoding import find\n"
        "values = b'hello', b'42', b'some words of text', 'größe'.encode(), b'a' * 15\n"
        "assert not any(map(find, values))\n"
        "names = {'json', 'zlib', 'zstandard', 'pickle', 'pickletools', 'importlib.metadata', 'rich'}\n"
        "print(sorted(names & sys.modules.keys()))\n"
        "find(b'[]'); print(sorted(names & sys.modules.keys()))\n"
        "find(bytes([255, 0])); print('importlib.metadata' in sys.modules)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.splitlines() == ["[]", "['json']", "True"]


# -- plugins


def test_plugins_see_what_is_no_text_and_nobody_else_knows() -> None:
    asked: list[bytes] = []

    def spy(value: bytes) -> None:
        asked.append(value)

    for value in (b"hello", DOCUMENT, b"1700000000", gzip.compress(b"\xff\xfe\xfd"), b"\xff\x00"):
        find(value, plugins=lambda: given_by(spy=spy))
    assert asked == [b"\xff\xfe\xfd", b"\xff\x00"]


def test_what_a_plugin_answers_is_shown_or_looked_at_again() -> None:
    plugins = given_by(
        text=lambda value: "words\x1b" if value == b"\xff1" else None,
        note=lambda value: Note("a note\x1b") if value == b"\xff2" else None,
        packed=lambda value: DOCUMENT if value == b"\xff3" else None,
        same=lambda value: value,
    )
    assert seen_by(plugins, b"\xff1") == (("text",), r"words\x1b", None)
    assert seen_by(plugins, b"\xff2") == (("note",), None, r"a note\x1b")
    assert seen_by(plugins, b"\xff3") == (("packed", "json"), LAID_OUT, None)
    assert seen_by(plugins, b"\xff4") is None


def seen_by(
    plugins: Mapping[str, Plugin], value: bytes
) -> tuple[tuple[str, ...], str | None, str | None] | None:
    return told(find(value, plugins=lambda: plugins))


def test_a_plugin_without_end_ends() -> None:
    found = find(b"\xff", plugins=lambda: given_by(more=lambda value: b"\xff" + value))
    assert found is not None
    assert found.names == ("more",) * 4


def test_a_plugin_that_fails_costs_nobody_the_reply_and_who_asks_is_told() -> None:
    def fails(value: bytes) -> str:
        raise RuntimeError("out of \x1b order")

    def leaves(value: bytes) -> str:
        raise SystemExit(3)

    plugins = given_by(fails=fails, leaves=leaves, wrong=lambda value: 12, works=lambda value: "works")  # type: ignore[dict-item]
    found = find(b"\xff", plugins=lambda: plugins)
    assert found == Found(("works",), "works")
    asked = find(b"\xff", "fails", plugins=lambda: plugins)
    assert asked == Found(("fails",), beside=r"decoder fails failed: RuntimeError: out of \x1b order")
    asked = find(b"\xff", "leaves", plugins=lambda: plugins)
    assert asked == Found(("leaves",), beside="decoder leaves failed: SystemExit: 3")
    assert find(b"\xff", "wrong", plugins=lambda: plugins) is None


def test_a_plugin_does_not_take_the_place_of_a_built_in_decoder() -> None:
    plugins = given_by(json=lambda value: "not json")
    assert seen_by(plugins, DOCUMENT) == (("json",), LAID_OUT, None)
    assert find(b"\xff", "json", plugins=lambda: plugins) is None


def test_json_that_was_found_says_the_same() -> None:
    value = json.dumps({"a": [1.5, None, {"b": "é" * 80}]}).encode()
    found = find(value, plugins=nobody)
    assert found is not None
    assert json.loads(text_of(found)) == json.loads(value)
    assert [words for role, words in found.pieces() if role == "label"] == ['"a"', '"b"']


def test_a_uuid_of_today_tells_its_time() -> None:
    found = find(str(uuid.uuid1()).encode(), plugins=nobody)
    assert found is not None
    assert str(found.beside).startswith("UUID version 1, 2")
