"""What a read-only connection sends, by the facts; and what servers say of commands that the facts allow."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pyredis.commands.reading import reading
from pyredis.commands.spec import TABLE, Spec, find
from pyredis.exceptions import ReadOnlyRefused

_SPECS = tuple(TABLE.specs())
_WRITES = tuple(spec for spec in _SPECS if spec.write and spec.readonly_twin is None)
_WORDS = st.one_of(
    st.binary(max_size=8),
    st.sampled_from([b"RESET", b"reset", b"RESET\0", b"GET", b"SET", b"STORE", b"dst", b"0", b"1", b"k"]),
)


def _argv(line: str) -> list[bytes]:
    return line.encode().split()


def _refusal(argv: Sequence[bytes]) -> str:
    with pytest.raises(ReadOnlyRefused) as refused:
        reading(argv)
    assert not refused.value.sent
    return refused.value.reason


@st.composite
def spelled(draw: st.DrawFn, spec: Spec) -> list[bytes]:
    """A command in any mixture of capitals, with any arguments."""
    words = [
        bytes(draw(st.sampled_from([byte, ord(bytes([byte]).lower())])) for byte in word.encode())
        for word in spec.name.split(" ")
    ]
    return [*words, *draw(st.lists(_WORDS, max_size=5))]


# What is refused


@pytest.mark.parametrize("spec", _WRITES, ids=lambda spec: spec.name)
def test_every_write_is_refused(spec: Spec) -> None:
    assert _refusal(_argv(f"{spec.name} k v")) == f"{spec.name} is a write command"


@pytest.mark.parametrize(
    ("line", "word"),
    [
        ("SORT a BY x LIMIT 0 1 GET # STORE b", "STORE"),
        ("GEORADIUS k 1 2 3 m WITHDIST storedist x", "STOREDIST"),
        ("GEORADIUSBYMEMBER k m 3 km STORE x", "STORE"),
        ("BITFIELD k GET u8 0 SET u8 0 1", "SET"),
        ("BITFIELD k INCRBY u8 0 1", "INCRBY"),
    ],
)
def test_an_option_that_the_twin_does_not_have_is_named(line: str, word: str) -> None:
    assert _refusal(_argv(line)) == f"{line.split()[0]} is not read-only with {word}"


@pytest.mark.parametrize(
    "line",
    [
        "SORT a BY store GET STORE DESC ALPHA",
        "BITFIELD k GET u8 0 GET u8 1",
        "GEORADIUS k 1 2 3 m WITHCOORD WITHDIST WITHHASH COUNT 3 ANY DESC",
        "EVAL STORE 1 STORE",
        "SORT a nonsense STORE",
    ],
)
def test_what_the_twin_has_goes_to_the_twin(line: str) -> None:
    name, _, rest = line.partition(" ")
    assert reading(_argv(line)) == (*_argv(f"{name}_RO"), *_argv(rest))


@given(st.data())
def test_no_spelling_and_no_argument_gets_a_write_past_it(data: st.DataObject) -> None:
    argv = data.draw(st.sampled_from(_SPECS).flatmap(spelled))
    try:
        sent = reading(argv)
    except ReadOnlyRefused:
        return
    spec = find(sent)

    assert spec is not None
    assert not spec.write
    assert "readonly" in spec.flags or spec.reads is not None
    assert sent[1:] == tuple(argv[1:]) or sent is argv


@given(st.lists(st.binary(max_size=12), min_size=1, max_size=4))
def test_what_nobody_knows_is_refused_in_one_line(argv: list[bytes]) -> None:
    if find(argv) is None:
        reason = _refusal(argv)
        assert reason.startswith("nobody knows what ")
        assert reason.isprintable()


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("FOO bar", "nobody knows what FOO does"),
        ("CONFIG TWIST x", "nobody knows what CONFIG TWIST does"),
        ("COMMAND TWIST", "nobody knows what COMMAND TWIST does"),
        ("CONFIG", "CONFIG is not known to be read-only"),
        ("CONFIG SET maxmemory 1", "CONFIG SET is not known to be read-only"),
        ("CONFIG RESETSTAT", "CONFIG RESETSTAT is not known to be read-only"),
        ("CLIENT KILL ID 1", "CLIENT KILL is not known to be read-only"),
        ("CLIENT UNBLOCK 1", "CLIENT UNBLOCK is not known to be read-only"),
        ("SCRIPT LOAD x", "SCRIPT LOAD is not known to be read-only"),
        ("SCRIPT DEBUG YES", "SCRIPT DEBUG is not known to be read-only"),
        ("SHUTDOWN", "SHUTDOWN is not known to be read-only"),
        ("PUBLISH c m", "PUBLISH is not known to be read-only"),
        ("MEMORY PURGE", "MEMORY PURGE is not known to be read-only"),
        ("SLOWLOG RESET", "SLOWLOG RESET is not known to be read-only"),
        ("LATENCY RESET", "LATENCY RESET is not known to be read-only"),
        ("DEBUG SLEEP 0", "DEBUG is not known to be read-only"),
        ("DEBUG", "DEBUG is not known to be read-only"),
        ("SENTINEL RESET *", "nobody knows what SENTINEL RESET does"),
        ("SENTINEL CONFIG SET a b", "SENTINEL CONFIG is not known to be read-only"),
        ("ACL LOG RESET", "ACL LOG is not read-only with RESET"),
        ("acl log reSet", "ACL LOG is not read-only with RESET"),
        ("FT.CURSOR READ i 1", "FT.CURSOR is not known to be read-only"),
        ("FT.CONFIG SET a b", "FT.CONFIG is not known to be read-only"),
        ("FT.DEBUG TWIST x", "nobody knows what FT.DEBUG TWIST does"),
        ("FT.DEBUG DUMP_PREFIX_TRIE i", "FT.DEBUG DUMP_PREFIX_TRIE is not known to be read-only"),
        ("CF.COMPACT k", "CF.COMPACT is not known to be read-only"),
    ],
)
def test_a_refusal_says_why(line: str, reason: str) -> None:
    assert _refusal(_argv(line)) == reason


def test_a_zero_byte_hides_no_word_from_us_that_servers_would_see() -> None:
    assert _refusal([b"ACL", b"LOG", b"RESET\0x"]) == "ACL LOG is not read-only with RESET"


# What is sent


@pytest.mark.parametrize(
    "line",
    [
        "GET k",
        "xread block 0 STREAMS s 0",
        "COMMAND",
        "COMMAND DOCS get",
        "CONFIG GET *",
        "INFO",
        "ACL LOG",
        "ACL LOG 10",
        "DEBUG OBJECT k",
        "MULTI",
        "EXEC",
        "SELECT 3",
        "AUTH reset x",
        "MONITOR",
        "SUBSCRIBE c",
        "WAIT 1 0",
        "SENTINEL MASTERS",
        "SENTINEL CONFIG GET *",
        "FT.CONFIG GET *",
        "OBJECT FREQ k",
        "MEMORY USAGE k",
    ],
)
def test_what_only_reads_is_sent_as_it_is(line: str) -> None:
    argv = _argv(line)

    assert reading(argv) is argv


@pytest.mark.parametrize(
    ("line", "sent"),
    [
        ("EVAL s 0", "EVAL_RO s 0"),
        ("evalsha s 0", "EVALSHA_RO s 0"),
        ("fcall f 0", "FCALL_RO f 0"),
        ("SORT k DESC", "SORT_RO k DESC"),
        ("GEORADIUS k 0 0 1 m", "GEORADIUS_RO k 0 0 1 m"),
        ("GEORADIUSBYMEMBER k m 1 m", "GEORADIUSBYMEMBER_RO k m 1 m"),
        ("BITFIELD k GET u8 0", "BITFIELD_RO k GET u8 0"),
    ],
)
def test_a_twin_that_cannot_write_is_sent_in_the_place_of_a_command(line: str, sent: str) -> None:
    assert list(reading(_argv(line))) == _argv(sent)


def test_servers_of_either_product_call_the_same_commands_writes() -> None:
    for name in TABLE.names():
        TABLE.find(name.split(" "))
    for _, name, stated in _overrides():
        flags = dict(stated).get("flags")
        if isinstance(flags, str):
            spec = find(name.split(" "))
            assert spec is not None
            assert spec.write == ("write" in flags.split()), name


def _overrides() -> Iterator[tuple[str, str, tuple[tuple[str, object], ...]]]:
    from pyredis.commands.spec import LETTERS, built_in

    for letter in LETTERS:
        yield from built_in(letter).OVERRIDES
