"""Which lines send a reply somewhere, and which are for the server word by word."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pyredis.commands.spec import TABLE, Spec
from pyredis_cli.complete.outlets import outlet
from pyredis_cli.render.line import as_typed
from pyredis_cli.splitting import SplitError, split
from tests.commands.lines import are_told, lines


@pytest.mark.parametrize(
    ("line", "mark", "rest"),
    [
        ("GET k | jq .exp", "|", "jq .exp"),
        ("get k > out.txt", ">", "out.txt"),
        ("GET k >>  'a b'", ">>", "'a b'"),
        ("5 GET k | wc -l", "|", "wc -l"),
        ('GET "|" | cat', "|", "cat"),
        ("SET k v > f", ">", "f"),
        ("HGETALL k | sort | head -1 > f", "|", "sort | head -1 > f"),
        ("ZRANGE z 0 -1 WITHSCORES | sort", "|", "sort"),
        ("SORT k | head", "|", "head"),
        ("SLOWLOG GET | less", "|", "less"),
        ("EXEC | jq", "|", "jq"),
        ("COMMAND | less", "|", "less"),
        ("XREAD STREAMS s 0 | jq", "|", "jq"),
        ("XREADGROUP GROUP g c STREAMS s > | jq", "|", "jq"),
        ("GET k | awk '{print \"it'\"'\"'s\"}'", "|", "awk '{print \"it'\"'\"'s\"}'"),
        ("MONITOR | grep x", "|", "grep x"),
        ("SUBSCRIBE news | jq", "|", "jq"),
    ],
)
def test_a_reply_goes_where_the_line_says(line: str, mark: str, rest: str) -> None:
    found = outlet(line, TABLE)
    assert found is not None
    assert (found.mark, found.rest, found.doubtful) == (mark, rest, False)


@pytest.mark.parametrize(
    "line",
    [
        "MGET a b | jq",
        "KEYS * > keys",
        "SINTER a b >> f",
        "JSON.GET k | jq",
        "INFO | grep x",
        "CONFIG GET * > f",
        "PING | cat",
        "EXISTS a | cat",
        "XREAD COUNT 1 STREAMS s 0 > f",
    ],
)
def test_in_a_command_that_only_reads_a_mark_is_no_argument(line: str) -> None:
    found = outlet(line, TABLE)
    assert found is not None
    assert found.doubtful is (not line.startswith("KEYS"))


@pytest.mark.parametrize(
    "line",
    [
        "XREADGROUP GROUP g c STREAMS s >",
        "XREADGROUP GROUP g c STREAMS a b > >",
        "XREAD STREAMS a b > >",
        "XREADGROUP GROUP g c COUNT 1 STREAMS a 5 > >",
        "XREADGROUP GROUP g c STREAMS s > > f",
        "ACL SETUSER u >pw",
        "ACL SETUSER u > pw",
        "DEL a > b",
        "SADD s > x",
        "HSET h f v > x",
        "SUBSCRIBE | jq",
        "EVAL 'return 1' 0 | jq",
        "EVAL_RO 'return 1' 0 | jq",
        "FCALL_RO f 1 users age > 30",
        "ACL DRYRUN u XREADGROUP GROUP g c STREAMS a b > >",
        "COMMAND GETKEYS XREADGROUP GROUP g c STREAMS a b > >",
        "COMMAND GETKEYSANDFLAGS SET a > NX",
        "CONFIG SET a b | c",
        "AUTH a > b",
        "WATCH a | b",
        "RENAME > |",
        "SET | v",
        "SET > |",
        "GET >",
        "GET k >",
        "GET k |",
        "GET k >f",
        "GET k >>f",
        "GET k |jq",
        "GET k|jq x",
        'GET k ">" f',
        "GET k '|' jq",
        'GET k "|"jq x',
        'GET "a"| jq',
        "GET ''> | jq",
        "GET k >>> f",
        "GET k || f",
        "NOSUCH k | jq",
        "NOMODULE.GET k | jq",
        "CONFIG | less",
        "> f",
        "| jq",
        "5 | jq",
        "ZADD z | m",
        "DEBUG OBJECT k | cat",
    ],
)
def test_everything_else_is_data(line: str) -> None:
    assert outlet(line, TABLE) is None


def test_while_it_is_typed_a_mark_needs_nothing_behind_it() -> None:
    found = outlet("GET k |", TABLE, begun=True)
    assert found is not None
    assert (found.start, found.end, found.rest) == (6, 7, "")
    assert outlet("XREADGROUP GROUP g c STREAMS s >", TABLE, begun=True) is None


_WORDS = st.one_of(
    st.sampled_from(
        ["|", ">", ">>", '"|"', "'>'", "a|b", ">pw", "k", "0", "-1", "s", "STREAMS", "COUNT", "NX"]
    ),
    st.text(alphabet="ab|> \\x\"'é\n", max_size=6),
)
_NAMES = st.sampled_from(sorted(name for name in TABLE.names()))


@given(name=_NAMES, words=st.lists(_WORDS, max_size=8))
def test_what_is_recognised_is_cut_off_whole_and_the_rest_is_the_same_words(
    name: str, words: list[str]
) -> None:
    line = " ".join([name, *words])
    found = outlet(line, TABLE)
    if found is None:
        return
    assert line[found.start : found.end] == found.mark
    assert line[found.start - 1] in " \t\n"
    assert line[found.end] in " \t\n"
    before = split(line[: found.start])
    try:
        whole = split(line)
    except SplitError:  # a shell has other quotes
        return
    assert whole[: len(before)] == before
    assert whole[len(before)] == found.mark.encode()
    assert len(whole) > len(before) + 1


def _with_a_mark(spec: Spec, mark: bytes) -> Iterator[list[bytes]]:
    """Yield valid commands in which one word of the person's own, and not the last one, is a mark."""
    for words in lines(spec, 12):
        # Keys and as many IDs: what ends them is told by their number alone, and tried above.
        first = next((place for place, word in enumerate(words) if word.name == "STREAMS"), len(words) - 1)
        for place, word in enumerate(words[:first]):
            if word.kind in ("key", "string", "pattern"):
                argv = [*spec.name.encode().split(), *(word.word for word in words)]
                argv[-len(words) + place] = mark
                yield argv


@pytest.mark.parametrize("name", ["|", ">", ">>"])
def test_no_command_of_the_table_loses_a_word_unless_it_only_reads(name: str) -> None:
    mark = name.encode()
    for spec in filter(are_told, TABLE.specs()):
        for argv in _with_a_mark(spec, mark):
            line = " ".join(name if word == mark else as_typed([word], "utf-8") for word in argv)
            found = outlet(line, TABLE)
            endless = spec.effect in ("subscribe", "monitor")  # which says so and sends nothing
            assert found is None or endless or (found.doubtful and spec.only_reads(argv)), line


@given(words=st.lists(_WORDS, max_size=8))
def test_a_write_that_takes_any_word_takes_them_all(words: list[str]) -> None:
    assert outlet(" ".join(["DEL", "k", *words]), TABLE) is None
    assert outlet(" ".join(["SADD", "k", *words]), TABLE) is None
