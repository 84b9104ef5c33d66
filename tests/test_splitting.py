"""Splitting a line by redis-cli's rules, with redis-cli itself as the judge."""

from __future__ import annotations

import subprocess
import time
from itertools import pairwise

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pyredis_cli.splitting import (
    SplitError,
    is_comment,
    meaning,
    quote_at,
    scan,
    split,
    split_bytes,
    stretches,
)
from tests.program import REDIS_CLI
from tests.servers import Server

BLANKS = b" \t\v\f\r"
PIECES = (
    *(bytes([blank]) for blank in BLANKS),
    b'"',
    b"'",
    b"\\",
    b"\\n",
    b"\\x41",
    b"\\xff",
    b"\\x00",
    b"\\x4",
    b"\\xg0",
    b"\\0",
    b"x",
    b"a",
    b"\xe9",
    b"\xc3\xa9",
    b'""',
    b"' ",
    b'" ',
)
lines = st.lists(st.sampled_from(PIECES), max_size=12).map(b"".join)


def words_by_redis_cli(server: Server, lines: list[bytes]) -> list[list[bytes] | None]:
    """Return the words redis-cli sends for each line, None for a line it refuses."""
    script = b"".join(b"RPUSH split:%d head \x20%s\n" % (number, line) for number, line in enumerate(lines))
    ran = subprocess.run(
        [REDIS_CLI, "-s", server.unix_path], input=script, capture_output=True, check=True, timeout=60
    )
    refused = ran.stdout.count(b"Invalid argument(s)")
    pushed = [server.command("LRANGE", f"split:{number}", "0", "-1") for number in range(len(lines))]
    words = [reply[1:] if isinstance(reply, list) and reply else None for reply in pushed]
    assert words.count(None) == refused
    return words  # type: ignore[return-value]


def words_by_us(line: bytes) -> list[bytes] | None:
    try:
        return split_bytes(line)
    except SplitError:
        return None


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(batch=st.lists(lines, min_size=20, max_size=60))
def test_every_line_splits_as_in_redis_cli(redis62: Server, batch: list[bytes]) -> None:
    redis62.command("FLUSHALL")

    assert [words_by_us(line) for line in batch] == words_by_redis_cli(redis62, batch)


@pytest.mark.parametrize(
    ("line", "words"),
    [
        (r"", []),
        (" \t\v\f\r\n", []),
        (r"SET k v", [b"SET", b"k", b"v"]),
        (r'"\n\r\t\b\a\\\""', [b'\n\r\t\b\a\\"']),
        (r'"\x00\xff\xFf\x4"', [b"\x00\xff\xffx4"]),
        (r'"\0\q\X41"', [b"0qX41"]),
        (r"'it\'s \n'", [rb"it's \n"]),
        ('"it\'s" \'say "hi"\'', [b"it's", b'say "hi"']),
        ("\"\" ''", [b"", b""]),
        ('foo"bar baz"', [b"foobar baz"]),
        (r"foo\"bar\"", None),
        (r"back\slash", [rb"back\slash"]),
        ("a\vb\fc", [b"a\vb\fc"]),
        ("'a'\v\"b\"\fc", [b"a", b"b", b"c"]),
        ("nul\0byte", [b"nul\0byte"]),
        ("na\u00efve \u6771\u4eac", ["na\u00efve".encode(), "\u6771\u4eac".encode()]),
        ("undecodable\udcff", [b"undecodable\xff"]),
        ("no\u00a0break", ["no\u00a0break".encode()]),
    ],
)
def test_a_line_becomes_these_words(line: str, words: list[bytes] | None) -> None:
    if words is None:
        with pytest.raises(SplitError):
            split(line)
    else:
        assert split(line) == words


@pytest.mark.parametrize(
    ("line", "column", "message"),
    [
        ('SET k "v', 7, "unbalanced"),
        ("SET k 'v\\'", 7, "unbalanced"),
        ('SET k v"', 8, "unbalanced"),
        ('"ends in a backslash\\', 1, "unbalanced"),
        ('SET "k"v', 8, "glued"),
        ("SET 'k'\"v\"", 8, "glued"),
        ('"\u6771"x', 4, "glued"),
    ],
)
def test_a_misquoted_line_is_refused_with_the_column(line: str, column: int, message: str) -> None:
    with pytest.raises(SplitError, match=message) as raised:
        split(line)
    assert raised.value.column == column
    assert f"column {column}" in str(raised.value)


def test_characters_take_the_encoding_and_escapes_stay_bytes() -> None:
    assert split('SET k "\u00e9\\xe9"', "latin-1") == [b"SET", b"k", b"\xe9\xe9"]
    assert split('"\u4e2d\\xff\\x41"', "gb18030") == ["\u4e2d".encode("gb18030") + b"\xffA"]


def test_a_character_whose_last_byte_is_a_backslash_is_no_escape() -> None:
    character = b"\x81\x5c".decode("gb18030")

    assert split(f'"{character}n"', "gb18030") == [b"\x81\x5cn"]


def test_a_character_that_the_encoding_lacks_is_refused_at_its_word() -> None:
    with pytest.raises(SplitError, match="latin-1 has no") as raised:
        split("SET k \u20ac", "latin-1")
    assert raised.value.column == 7


@given(st.lists(st.binary()))
def test_words_come_back_from_quotes(words: list[bytes]) -> None:
    quoted = b" ".join(b'"%s"' % b"".join(b"\\x%02x" % byte for byte in word) for word in words)

    assert split_bytes(quoted) == words


@pytest.mark.parametrize(
    "line",
    [
        b"x" * 5_000_000,
        b'"' + b"\\x00" * 1_250_000 + b'"',
        b"'" + b"\\'" * 2_500_000 + b"'",
        b'"' + b'\\"' * 2_500_000,
    ],
    ids=["bare", "escapes", "single", "never closed"],
)
def test_a_line_of_5_mb_is_no_burden(line: bytes) -> None:
    started = time.process_time()

    words_by_us(line)

    assert time.process_time() - started < 3


# -- several commands in one text

TEXTS = st.lists(
    st.sampled_from(['"', "'", "\\", "\n", "\r", " ", "a", "b", '"a"', "'a'", "\\'", '\\"', "\v", "#"]),
    max_size=14,
).map("".join)


def commands_of(text: str) -> list[tuple[str, str]]:
    return [(text[start:end], quote) for start, end, quote in stretches(text)]


@pytest.mark.parametrize(
    ("text", "commands"),
    [
        ("", [("", "")]),
        ("GET a\nGET b", [("GET a", ""), ("GET b", "")]),
        ("GET a\r\n", [("GET a", ""), ("", ""), ("", "")]),
        ('SET k "a\nb" x\nGET k', [('SET k "a\nb" x', ""), ("GET k", "")]),
        ("SET k 'a\nb", [("SET k 'a\nb", "'")]),
        ("SET k 'it\\'s\nb'", [("SET k 'it\\'s\nb'", "")]),
        ('SET k "a\\"\nb', [('SET k "a\\"\nb', '"')]),
        ('SET k "a\\', [('SET k "a\\', '"')]),
        ('SET k x"a\nb"\nPING', [('SET k x"a\nb"', ""), ("PING", "")]),
        # Text behind a closing quote cannot be right, whatever comes: quotes there mean nothing.
        ('SET k "a"b "c\nGET k', [('SET k "a"b "c', ""), ("GET k", "")]),
        ("SET k {[(\nGET k", [("SET k {[(", ""), ("GET k", "")]),
        # Quotes in a comment mean nothing.
        ("# it's\nGET k", [("# it's", ""), ("GET k", "")]),
        (' # "a', [(' # "a', "")]),
        ("SET k '\n# a' b", [("SET k '\n# a' b", "")]),
    ],
)
def test_a_line_end_ends_a_command_but_for_one_in_quotes(text: str, commands: list[tuple[str, str]]) -> None:
    assert commands_of(text) == commands


def refused(command: str) -> SplitError | None:
    try:
        split(command)
    except SplitError as error:
        return error
    return None


@given(TEXTS)
def test_the_commands_of_a_text_are_all_of_it(text: str) -> None:
    found = stretches(text)
    assert found[0].start == 0
    assert found[-1].end == len(text)
    for one, following in pairwise(found):
        assert following.start == one.end + 1
        assert text[one.end] in "\r\n"
        assert not one.quote


@given(TEXTS)
def test_commands_are_cut_where_splitting_sees_no_word(text: str) -> None:
    for command, quote in commands_of(text):
        if is_comment(command):
            assert not quote
            assert not {"\n", "\r"}.intersection(command)
            continue
        refusal = refused(command)
        assert (refusal is not None and refusal.message == "unbalanced quotes") == bool(quote)
        if refusal is not None and not quote:  # glued quotes: from there on it has one line only
            assert not {"\n", "\r"}.intersection(command[refusal.column - 1 :])


@given(TEXTS)
def test_the_quote_that_is_open_at_a_line_is_the_one_before_it(text: str) -> None:
    for start in (place + 1 for place, character in enumerate(text) if character == "\n"):
        inside = any(one.start < start <= one.end for one in stretches(text))
        assert quote_at(text, start) == (stretches(text[:start])[-1].quote if inside else "")


@given(TEXTS)
def test_the_meaning_of_a_word_is_its_value_with_the_place_of_each_character(text: str) -> None:
    for word in scan(text):
        said, places = meaning(text, word.start, word.end)
        assert said.encode("utf-8", "surrogateescape") == word.value or text[word.end - 1] == "\\"
        assert len(places) == len(said) + 1
        assert places == sorted(places)
        assert word.start <= places[0]
        assert places[-1] <= word.end
        assert all(
            text[place] == character or text[place] == "\\"
            for place, character in zip(places, said, strict=False)
        )


@pytest.mark.parametrize(
    "text", ['"' * 50_001, "\\" * 50_000, "'\\" * 50_000, '"a" ' * 50_000, "a\n" * 50_000]
)
def test_no_text_takes_long_to_cut(text: str) -> None:
    started = time.perf_counter()
    stretches(text)
    assert time.perf_counter() - started < 2
