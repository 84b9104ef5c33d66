"""Raw commands: all that a server takes is counted and handed on, and what it would not take is named."""

from __future__ import annotations

import hiredis
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from pyredis_cli.core.requests import Malformed, Requests
from tests.servers import Server


def array(*words: bytes) -> bytes:
    return b"*%d\r\n" % len(words) + b"".join(b"$%d\r\n%b\r\n" % (len(word), word) for word in words)


def taken(requests: Requests, *chunks: bytes) -> bytes:
    """Feed all of it; return what was handed out."""
    out = b""
    for chunk in chunks:
        requests.feed(chunk)
        while (batch := requests.next()) is not None:
            out += batch.payload
    if (batch := requests.end()) is not None:
        out += batch.payload
    return out


def failure(*chunks: bytes) -> tuple[Malformed, bytes]:
    """Return how it fails, and what was handed out before."""
    requests = Requests()
    out = b""
    try:
        for chunk in chunks:
            requests.feed(chunk)
            while (batch := requests.next()) is not None:
                out += batch.payload
        requests.end()
    except Malformed as error:
        return error, out
    raise AssertionError("it was taken")


WORDS = st.binary(max_size=80) | st.sampled_from([b"*3\r\n", b"\r\n", b"$1\r\na\r\n", b"x" * 500])
ARRAYS = st.builds(
    lambda name, words: (array(name, *words), 1), st.sampled_from([b"SET", b"GET", b"MSET"]), st.lists(WORDS)
)
LINES = st.sampled_from(
    [
        (b"PING\r\n", 1),
        (b"SET a b\n", 1),
        (b'SET a "b c\\" \\n"\n', 1),
        (b"SET 'a b' c\n", 1),
        (b"  GET a\n", 1),
        (b" *3 is a name\n", 1),
        (b'"GET" a\n', 1),
        (b"\r\n", 0),
        (b"\n", 0),
        (b" \t\n", 0),
        (b"*0\r\n", 0),
        (b"*-1\r\n", 0),
    ]
)


@settings(deadline=None, max_examples=50)
@example(commands=[(b" *3 is a name\n", 1), (array(b"SET", b"", b""), 1)], size=1, learns_from=1)
@given(
    commands=st.lists(ARRAYS | LINES, max_size=40),
    size=st.integers(1, 300),
    learns_from=st.integers(1, 20),
)
def test_commands_are_counted_wherever_the_input_is_cut(
    commands: list[tuple[bytes, int]], size: int, learns_from: int
):
    stream = b"".join(bytes_ for bytes_, _ in commands)
    requests = Requests(learns_from)
    chunks = [stream[at : at + size] for at in range(0, len(stream), size)]
    assert taken(requests, *chunks) == stream
    assert requests.commands == sum(count for _, count in commands)


@settings(deadline=None, max_examples=50)
@given(lines=st.lists(st.text(st.sampled_from(" ab\"'\\\t\r*$\0"), max_size=12), min_size=1, max_size=6))
def test_a_pattern_changes_nothing_about_lines(lines: list[str]):
    """What is read by the pattern that was learnt and what is read one by one is the same."""
    stream = "".join(f"a {line}\n" for line in lines).encode()

    def read(learns_from: int) -> tuple[int, bytes, str]:
        requests, out, why = Requests(learns_from), b"", ""
        try:
            requests.feed(b"a\n" * 20 + stream)
            while (batch := requests.next()) is not None:
                out += batch.payload
        except Malformed as error:
            why = str(error)
        return requests.commands, out, why

    assert read(1) == read(10_000)


LINES_FOR_SERVERS = [
    b'ECHO "a"b',
    b'ECHO "a',
    b"ECHO 'a",
    b"ECHO a'b c'",
    b'ECHO a"b c"',
    b"ECHO 'a\\'b'",
    b"ECHO 'a\\\\'",
    b'ECHO "a\\\\"',
    b"\vECHO\fa",
    b"ECHO a\rb",
]


@pytest.mark.parametrize("line", LINES_FOR_SERVERS)
def test_the_server_takes_the_lines_that_we_take(redis82: Server, line: bytes):
    """PING behind the line is answered when it was taken; a blank one has no reply."""
    import socket

    requests = Requests()
    try:
        taken(requests, line + b"\n")
        ours = requests.commands
    except Malformed:
        ours = -1
    reader = hiredis.Reader()
    replies = []
    with socket.socket(socket.AF_UNIX) as wire:
        wire.settimeout(10)
        wire.connect(redis82.unix_path)
        wire.sendall(line + b"\nPING\n")
        while b"PONG" not in replies and (chunk := wire.recv(1000)):
            reader.feed(chunk)
            while (reply := reader.gets()) is not False:
                replies.append(reply)
    theirs = len(replies) - 1 if b"PONG" in replies else -1
    assert ours == theirs


def test_many_alike_are_counted_by_the_pattern():
    stream = b"".join(array(b"SET", b"key:%d" % number, b"x" * (number % 700)) for number in range(6000))
    requests = Requests()
    assert taken(requests, *(stream[at : at + 65536] for at in range(0, len(stream), 65536))) == stream
    assert requests.commands == 6000


@pytest.mark.parametrize(
    ("stream", "ordinal", "offset", "problem"),
    [
        (b"PING\r\n*3\r\n$3\r\nSET", 2, 17, "ends in the middle"),
        (b"PING\r\n*3\r\n$3\r\nSET\r\n$1\r\na\r\n", 2, 26, "ends in the middle"),
        (b"PING\r\n*", 2, 7, "ends in the middle"),
        (b"PING\r\n*2\r\n$3\r\nGET\r\n$5\r\nabc\r\n" + array(b"PING"), 2, 28, "an argument of 5 bytes"),
        (b"PING\r\n*2\r\n$3\r\nGET\r\n$2\r\nabc\r\n", 2, 25, "an argument of 2 bytes"),
        (b"PING\r\n*x\r\n", 2, 6, "'*x' is not a number of arguments"),
        (b"PING\r\n*03\r\n", 2, 6, "'*03' is not"),
        (b"*1\r\n!4\r\nPING\r\n", 1, 4, "stands where the length"),
        (b"*1\r\n$-1\r\n", 1, 4, "'$-1' is not the length"),
        (b"*1\r\n$99999999999999999999999", 1, 4, "is not the length"),
        (b"PING\nSET a 'b\nPING\n", 2, 5, "quote"),
        (b"PING\n" + b"x" * 70_000, 2, 5, "64 KiB"),
        (b"PING\nSET a b\0c\nPING\n", 2, 5, "a zero byte"),
        (b"PING\nPSYNC ? -1\n", 2, 5, "PSYNC would make a link"),
        (b"PING\n" + array(b"sync"), 2, 5, "SYNC would make a link"),
    ],
)
def test_what_is_broken_is_named_and_nothing_of_it_is_handed_out(
    stream: bytes, ordinal: int, offset: int, problem: str
):
    start = stream.index(b"\n") + 1 if stream.startswith(b"PING") else 0
    sizes = [len(stream), 1] if len(stream) < 1000 else [len(stream)]
    for size in sizes:
        error, out = failure(*(stream[at : at + size] for at in range(0, len(stream), size)))
        assert (error.ordinal, error.offset) == (ordinal, offset)
        assert problem in str(error)
        assert out == stream[:start]


def test_a_mistake_behind_thousands_that_are_alike_is_found():
    good = array(b"SET", b"key", b"value") * 3000
    error, out = failure(good + b"*3\r\n$3\r\nSET\r\n$3\r\nkeyX\r\n" + good)
    assert error.ordinal == 3001
    assert out == good


def test_a_long_value_is_handed_on_while_it_comes():
    requests = Requests()
    requests.feed(b"*3\r\n$3\r\nSET\r\n$1\r\na\r\n$1000000\r\n" + b"x" * 300_000)
    batch = requests.next()
    assert batch is not None
    assert batch.commands == 0
    assert len(batch.payload) > 300_000
    requests.feed(b"x" * 700_000 + b"\r\nPING\r\n")
    batch = requests.next()
    assert batch is not None
    assert batch.commands == 2


def test_a_last_line_may_lack_its_end():
    requests = Requests()
    assert taken(requests, b"PING\r\nPING") == b"PING\r\nPING\r\n"
    assert requests.commands == 2


@pytest.mark.parametrize(
    ("command", "effect"),
    [
        (b"subscribe a\n", "subscribe"),
        (b'"MONITOR"\n', "monitor"),
        (array(b"Client", b"reply", b"OFF"), "reply"),
        (array(b"QUIT"), "quit"),
    ],
)
def test_a_command_that_changes_what_is_replied_ends_its_batch(command: bytes, effect: str):
    """Also behind many that were learnt, and when it was seen before."""
    requests = Requests(learns_from=5)
    others = array(b"PING") * 20 + b"GET a\n" * 20
    requests.feed((others + command) * 3 + others)
    told = []
    while (batch := requests.next()) is not None:
        if batch.last is not None:
            told.append((batch.last.effect, batch.payload.endswith(command), batch.commands))
    assert told == [(effect, True, 41)] * 3
    assert requests.commands == 163
