"""What ``:monitor`` takes, and which lines of MONITOR pass."""

from __future__ import annotations

import re
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pyredis.commands.spec import TABLE
from pyredis_cli.render.escape import quote
from pyredis_cli.render.live import clock
from pyredis_cli.repl.meta import verdict
from pyredis_cli.repl.monitored import MonitorFilter, MonitorLine, line, matches, without
from pyredis_cli.repl.monitoring import parse
from pyredis_cli.repl.verdicts import Monitor, Refuse
from tests.servers import Server

# -- what is asked for


@pytest.mark.parametrize(
    ("words", "asked"),
    [
        ("", MonitorFilter()),
        ("--match user:*", MonitorFilter(match=b"user:*")),
        ("--match=a=b", MonitorFilter(match=b"a=b")),
        ("--command GET", MonitorFilter(command=(b"get",))),
        ("--command config|get", MonitorFilter(command=(b"config", b"get"))),
        ("--client 10.0.0.1", MonitorFilter(client="10.0.0.1")),
        ("--count 5", MonitorFilter(count=5)),
        ("--for 2.5", MonitorFilter(seconds=2.5)),
        ("--for 90s", MonitorFilter(seconds=90)),
        ("--for 5m", MonitorFilter(seconds=300)),
        (
            "--match k* --command set --client h:1 --count 1 --for 1h",
            MonitorFilter(b"k*", (b"set",), "h:1", 1, 3600),
        ),
    ],
)
def test_words_become_a_filter(words: str, asked: MonitorFilter) -> None:
    assert parse(words.split()) == asked
    assert verdict([b":monitor", *words.encode().split()], TABLE) == Monitor(asked)


def test_a_subcommand_may_be_two_words_in_quotes_and_a_glob_any_bytes() -> None:
    assert parse(["--command", "Config  Get"]).command == (b"config", b"get")
    assert parse(["--match", "\udcff*"]).match == b"\xff*"


@pytest.mark.parametrize(
    ("words", "why"),
    [
        ("user:*", ":monitor knows no user:*; it takes --match, --command, --client, --count, --for"),
        ("--macth x", ":monitor knows no --macth"),
        ("--match", "--match needs a GLOB behind it"),
        ("--match=", "--match must not be empty, not ''"),
        ("--count 0", "--count takes a whole number, 1 or more, not '0'"),
        ("--count ٣", "--count takes a whole number"),
        ("--for 0", "--for takes seconds, or a time such as 90s, 5m or 1h, not '0'"),
        ("--for soon", "--for takes seconds"),
        ("--for " + "9" * 400, "--for takes seconds"),
        ("--command a|b|c", "--command takes the name of a command"),
        ("--for 1 --for 2", "--for stands twice"),
    ],
)
def test_what_cannot_be_meant_is_refused_with_the_mend(words: str, why: str) -> None:
    answer = verdict([b":monitor", *words.encode().split()], TABLE)
    assert isinstance(answer, Refuse)
    assert answer.reason.startswith(why)


# -- what a line says


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (
            b'1700000000.123456 [0 127.0.0.1:51234] "set" "k" "v"',
            MonitorLine(1700000000.123456, 0, "127.0.0.1:51234", (b"set", b"k", b"v")),
        ),
        (b'1.5 [15 lua] "GET" ""', MonitorLine(1.5, 15, "lua", (b"GET", b""))),
        (b'1.5 [0 [::1]:51234] "ping"', MonitorLine(1.5, 0, "[::1]:51234", (b"ping",))),
        (b'1.5 [0 unix:/a b]/c] "ping"', MonitorLine(1.5, 0, "unix:/a b]/c", (b"ping",))),
        (b'1.5 [0 h:1] "a] " "b"', MonitorLine(1.5, 0, "h:1", (b"a] ", b"b"))),
        (b'+1.5 [0 h:1] "ping"', MonitorLine(1.5, 0, "h:1", (b"ping",))),
        (
            rb'1.5 [0 h:1] "set" "\x00\xff\x1b" "\"\\\n\r\t\a\b" "\\x00"',
            MonitorLine(1.5, 0, "h:1", (b"set", b"\x00\xff\x1b", b'"\\\n\r\t\a\b', b"\\x00")),
        ),
        (b'1.5 [0 h:1] "set" "k', MonitorLine(1.5, 0, "h:1", (b"set",))),
        (b"1.5 [0 h:1]", MonitorLine(1.5, 0, "h:1", ())),
        (b"OK", MonitorLine(0.0, 0, "", ())),
        (b"", MonitorLine(0.0, 0, "", ())),
        (b'x.y [z] "ping"', MonitorLine(0.0, 0, "", ())),
        (b'1.5 [9999999999 h:1] "ping"', MonitorLine(0.0, 0, "", ())),
    ],
)
def test_a_line_says_when_where_who_and_what(text: bytes, said: MonitorLine) -> None:
    assert line(text) == said


@given(st.lists(st.binary(), max_size=5))
def test_words_come_back_as_they_were(words: list[bytes]) -> None:
    text = b"1.5 [0 h:1] " + " ".join(map(quote, words)).encode()
    assert line(text).argv == tuple(words)


@given(st.lists(st.binary(), max_size=5), st.sets(st.integers(0, 5)))
def test_words_are_starred_where_they_stand(words: list[bytes], places: set[int]) -> None:
    head = b"1.5 [0 h:1] "
    starred = [b"***" if place in places else word for place, word in enumerate(words)]
    text = head + " ".join(map(quote, words)).encode()
    assert without(text, places) == head + " ".join(map(quote, starred)).encode()


@given(st.binary())
def test_any_bytes_are_taken(text: bytes) -> None:
    assert isinstance(line(text), MonitorLine)
    assert isinstance(line(b"1.5 [0 h:1] " + text), MonitorLine)
    assert without(text, {10_000}) == text


@given(st.from_regex(rb"[0-9]{1,18}", fullmatch=True))
def test_every_time_that_is_read_is_a_time_of_day(digits: bytes) -> None:
    assert re.fullmatch(
        r"[\d-]{2}:[\d-]{2}:[\d-]{2}\.[\d-]{3}", clock(line(digits + b' [0 h:1] "ping"').time)
    )


# -- what passes


def passes(words: str, argv: str, client: str = "10.0.0.1:51234") -> bool:
    return matches(parse(words.split()), MonitorLine(1.5, 0, client, tuple(argv.encode().split())))


@pytest.mark.parametrize(
    ("words", "argv"),
    [
        ("", "PING"),
        ("--match user:*", "SET user:1 x"),
        ("--match user:*", "MSET a 1 user:1 2"),
        ("--match user:*", "eval return 1 user:1"),
        ("--match lib*", "FUNCTION DELETE library"),
        ("--match news", "PUBLISH news hello"),
        ("--command get", "GET k"),
        ("--command GET", "get k"),
        ("--command config", "CONFIG GET *"),
        ("--command config|get", "Config gEt *"),
        ("--command nosuch", "NOSUCH x"),
    ],
)
def test_a_line_that_fits_passes(words: str, argv: str) -> None:
    assert passes(words, argv)


@pytest.mark.parametrize(
    ("words", "argv"),
    [
        ("--match user:*", "SET k user:1"),
        ("--match user:*", "PING"),
        ("--match user", "GET user:1"),
        ("--command get", "GETDEL k"),
        ("--command config|get", "CONFIG SET a b"),
        ("--command config|get", "CONFIG"),
        ("--match k --command set", "GET k"),
        ("--client 10.0.0.2", "GET k"),
    ],
)
def test_a_line_that_does_not_fit_is_left_out(words: str, argv: str) -> None:
    assert not passes(words, argv)


@pytest.mark.parametrize(
    ("wanted", "client"),
    [
        ("10.0.0.1", "10.0.0.1:51234"),
        ("10.0.0.1:51234", "10.0.0.1:51234"),
        ("::1", "[::1]:51234"),
        ("[::1]", "[::1]:51234"),
        ("[::1]:51234", "[::1]:51234"),
        ("lua", "lua"),
        ("unix:/tmp/r.sock", "unix:/tmp/r.sock"),
    ],
)
def test_a_client_is_known_by_its_address_or_its_host(wanted: str, client: str) -> None:
    assert passes(f"--client {wanted}", "PING", client)
    assert not passes(f"--client {wanted}", "PING", "10.0.0.11:5123")


def test_a_line_that_is_none_passes_only_where_nothing_is_asked_for() -> None:
    assert matches(MonitorFilter(), line(b"OK"))
    for words in ("--match *", "--command ok", "--client h"):
        assert not matches(parse(words.split()), line(b"OK"))


@pytest.mark.parametrize(
    "glob",
    [
        "*",
        "?",
        "a*c",
        "*b*",
        "[ab]c",
        "[^a]",
        "[a-c]x",
        "[c-a]x",
        "\\*",
        "a\\?",
        "[\\]]",
        "[a",
        "**a**",
        "h[]x",
        "\\",
    ],
)
def test_a_glob_means_what_it_means_to_the_server(redis82: Server, glob: str) -> None:
    keys = [
        "a",
        "b",
        "ac",
        "bc",
        "abc",
        "bx",
        "cx",
        "dx",
        "*",
        "a?",
        "ab",
        "]",
        "[a",
        "[",
        "x",
        "hx",
        "\\",
        "^",
    ]
    for key in keys:
        redis82.command("SET", key, "1")
    found = {key.decode() for key in redis82.command("KEYS", glob)}
    assert {
        key
        for key in keys
        if matches(parse(["--match", glob]), MonitorLine(1, 0, "h:1", (b"GET", key.encode())))
    } == found


def test_no_glob_makes_it_slow() -> None:
    asked, said = parse(["--match", "*a" * 30 + "b"]), MonitorLine(1, 0, "h:1", (b"GET", b"a" * 2_000))
    started = time.process_time()
    assert not matches(asked, said)
    assert time.process_time() - started < 1
