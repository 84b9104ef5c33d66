"""Replies that are laid out by their shape: how each looks in both protocols, and that nothing of one is lost."""

from __future__ import annotations

import shlex

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pyredis.commands.spec import TABLE
from pyredis.exceptions import ReplyError
from pyredis.types import BigNumber, Double, Map, Reply, Set, Status, Verbatim
from pyredis_cli.render.look import Look, Measure
from pyredis_cli.render.present import present
from tests.render.views.test_views import changed, leaves, ways
from tests.strategies import replies

_ALL = Measure(elements=None, characters=10**9)


def _lines(command: str, reply: Reply, width: int = 80) -> list[str]:
    argv = [word.encode() for word in shlex.split(command)]
    parts = present(argv, TABLE.find(argv), reply, Look(width, measure=_ALL)).parts
    return b"".join(part for part, _ in parts).decode().splitlines()


# -- pairs and scores


@pytest.mark.parametrize(
    "reply",
    [[b"name", b"Ada Lovelace", b"mail", b""], Map([(b"name", b"Ada Lovelace"), (b"mail", b"")])],
    ids=["RESP2", "RESP3"],
)
def test_names_and_values_stand_beside_each_other(reply: Reply) -> None:
    assert _lines("HGETALL user:7", reply) == ['1) "name"  "Ada Lovelace"', '2) "mail"  ""']


def test_values_of_all_types_are_told_apart() -> None:
    reply = Map(
        [
            (b"text", b"1"),
            (b"integer", 1),
            (b"double", Double("1.50")),
            (b"nil", None),
            (b"yes", True),
            (b"status", Status(b"OK")),
            (b"big", BigNumber(2**70)),
            (7, Verbatim(b"as it is", "txt")),
            (b"error", ReplyError("ERR no")),
            (b"none", []),
        ]
    )
    assert _lines("HGETALL k", reply) == [
        ' 1) "text"       "1"',
        ' 2) "integer"    (integer) 1',
        ' 3) "double"     (double) 1.50',
        ' 4) "nil"        (nil)',
        ' 5) "yes"        (true)',
        ' 6) "status"     OK',
        ' 7) "big"        (big number) 1180591620717411303424',
        " 8) (integer) 7  as it is",
        ' 9) "error"      (error) ERR no',
        '10) "none"       (empty array)',
    ]


@pytest.mark.parametrize(
    "reply",
    [
        [b"ada", b"1.5", b"grace hopper", b"42", b"max", b"inf"],
        [[b"ada", Double("1.5")], [b"grace hopper", Double("42")], [b"max", Double("inf")]],
    ],
    ids=["RESP2", "RESP3"],
)
def test_scores_stand_behind_their_members(reply: Reply) -> None:
    expected = ['1) "ada"           1.5', '2) "grace hopper"   42', '3) "max"           inf']
    assert _lines("ZRANGE board 0 -1 WITHSCORES", reply) == expected
    assert _lines("ZPOPMIN board 3", reply) == expected


# -- entries of streams


def test_the_fields_of_entries_are_columns() -> None:
    reply: Reply = [
        [b"1795721849578-0", [b"kind", b"mail", b"to", b"ada"]],
        [b"1795721849579-12", [b"kind", b"print", b"to", b""]],
    ]
    assert _lines("XRANGE jobs - +", reply) == [
        "   id                time                      kind     to",
        '1) 1795721849578-0   2026-11-26 19:37:29.578Z  "mail"   "ada"',
        '2) 1795721849579-12  2026-11-26 19:37:29.579Z  "print"  ""',
    ]


def test_an_entry_with_other_fields_than_most_says_their_names() -> None:
    reply: Reply = [
        [b"1-0", [b"kind", b"mail", b"to", b"ada"]],
        [b"2-0", [b"kind", b"mail"]],
        [b"3-0", [b"kind", b"mail", b"to", b"grace"]],
        [b"4-0", [b"a name", b"1", b"b", b"a b"]],
    ]
    assert _lines("XREVRANGE jobs + -", reply) == [
        "   id   kind    to",
        '1) 1-0  "mail"  "ada"',
        '2) 2-0  kind="mail"',
        '3) 3-0  "mail"  "grace"',
        '4) 4-0  "a name"="1"  b="a b"',
    ]


def test_entries_of_which_no_half_has_the_same_fields_all_say_their_names() -> None:
    reply: Reply = [[b"1-0", [b"a", b"1"]], [b"2-0", [b"b", b"2"]], [b"3-0", [b"c", b"3"]]]
    assert _lines("XRANGE jobs - +", reply) == [
        "   id   fields",
        '1) 1-0  a="1"',
        '2) 2-0  b="2"',
        '3) 3-0  c="3"',
    ]


def test_a_field_that_stands_twice_has_two_columns() -> None:
    reply: Reply = [[b"0-1", [b"a", b"1", b"a", b"2"]]]
    assert _lines("XRANGE jobs - +", reply) == ["   id   a    a", '1) 0-1  "1"  "2"']


@pytest.mark.parametrize(
    "identity", [b"1-1", b"0-0", b"99999999999999-0", b"123456789012-0", b"18446744073709551615-1"]
)
def test_ids_that_are_no_times_have_none_beside_them(identity: bytes) -> None:
    head, line = _lines("XRANGE jobs - +", [[identity, [b"a", b"1"]]])
    assert head.split() == ["id", "a"]
    assert line == f'1) {identity.decode()}  "1"'


def test_entries_that_were_deleted_say_so() -> None:
    reply: Reply = [None, [b"1-0", None], [b"2-0", [b"a", b"1"]]]
    assert _lines("XCLAIM jobs group me 0 1-0 2-0", reply) == [
        "   id     a",
        "1) (nil)  (nil)  deleted",
        "2) 1-0    (nil)  deleted",
        '3) 2-0    "1"',
    ]


@pytest.mark.parametrize("protocol", [2, 3])
def test_entries_stand_below_their_stream(protocol: int) -> None:
    streams: list[tuple[Reply, Reply]] = [(b"jobs", [[b"1-0", [b"a", b"1"]]]), (b"mine too", [])]
    reply: Reply = Map(streams) if protocol == 3 else [list(stream) for stream in streams]
    assert _lines("XREADGROUP GROUP g me STREAMS jobs 'mine too' 0 0", reply) == [
        'stream "jobs"',
        "     id   a",
        '  1) 1-0  "1"',
        'stream "mine too"',
        "  no entries",
    ]


# -- pages


def test_a_page_says_that_there_may_be_more() -> None:
    assert _lines("SCAN 0", [b"17", [b"user:1", b"user:2"]]) == [
        "cursor 17  there may be more: go on with this cursor",
        '1) "user:1"',
        '2) "user:2"',
    ]


def test_an_empty_page_is_not_taken_for_the_end() -> None:
    empty: list[Reply] = [b"17", []]
    expected = ["cursor 17  nothing here; there may be more: go on with this cursor"]
    for command in ("SCAN 0", "SSCAN k 0", "HSCAN k 0", "HSCAN k 0 NOVALUES", "ZSCAN k 0"):
        assert _lines(command, empty) == expected


def test_the_last_page_says_so() -> None:
    assert _lines("SSCAN tags 17", [b"0", [b"a"]]) == ["cursor 0  that is all", '1) "a"']
    assert _lines("HSCAN h 17", [b"0", [b"name", b"ada"]]) == ["cursor 0  that is all", '1) "name"  "ada"']
    assert _lines("ZSCAN z 17", [b"0", [b"ada", b"1.5"]]) == ["cursor 0  that is all", '1) "ada"  1.5']


def test_what_xautoclaim_adds_has_a_name() -> None:
    claimed: Reply = [b"0-0", [[b"1-0", [b"a", b"1"]]], [b"1-1", b"1-2"]]
    assert _lines("XAUTOCLAIM jobs group me 0 0", claimed) == [
        "cursor 0-0  that is all",
        "   id   a",
        '1) 1-0  "1"',
        "deleted",
        '  1) "1-1"',
        '  2) "1-2"',
    ]
    only_ids: Reply = [b"2-0", [b"1-0"], []]
    assert _lines("XAUTOCLAIM jobs group me 0 0 JUSTID", only_ids) == [
        "cursor 2-0  there may be more: go on with this cursor",
        '1) "1-0"',
        "deleted (empty array)",
    ]


# -- positions and rows


@pytest.mark.parametrize("number", [str.encode, Double], ids=["RESP2", "RESP3"])
def test_positions_stand_beside_the_members_that_were_asked_for(number: type) -> None:
    reply: Reply = [[number("13.361389338970184"), number("38.1155563954963")], None]
    assert _lines("GEOPOS places Palermo Atlantis", reply) == [
        "   member               longitude          latitude",
        '1) "Palermo"   13.361389338970184  38.1155563954963',
        '2) "Atlantis"  (nil)',
    ]


def test_rows_have_the_columns_of_the_facts_and_numbers_at_the_right() -> None:
    reply: Reply = [[b"k", Set([Status(b"RO"), Status(b"access")])], [b"1", Set([])]]
    assert _lines("COMMAND GETKEYSANDFLAGS MGET k 1", reply) == [
        "   key  flags",
        '1) "k"  [RO, access]',
        '2) "1"  (empty set)',
    ]


def test_a_single_row_is_its_names_and_values() -> None:
    assert _lines("ZRANK board ada WITHSCORE", [7, Double("1.5")]) == ["rank   7", "score  1.5"]
    assert _lines("BLPOP queue 0", [b"queue", b"job:1"]) == ['key      "queue"', 'element  "job:1"']


def test_a_list_of_maps_is_a_table_and_a_row_that_lacks_a_cell_has_a_gap() -> None:
    reply: Reply = [Map([(b"name", b"a"), (b"lag", 12)]), Map([(b"name", b"b")]), Map([(b"lag", 7)])]
    assert _lines("NOBODY KNOWS", reply) == [
        "   name  lag",
        '1) "a"    12',
        '2) "b"',
        "3)         7",
    ]


def test_what_is_too_wide_for_a_table_is_a_list_of_names_and_values() -> None:
    reply: Reply = [[b"1795721849578-0", [b"kind", b"mail", b"subject", b"words " * 5]]]
    assert _lines("XRANGE jobs - +", reply, 36) == [
        "1) id       1795721849578-0",
        "   time     2026-11-26 19:37:29.578Z",
        '   kind     "mail"',
        '   subject  "words words words words',
        '             words "',
    ]


# -- whatever a server says

_TYPICAL: dict[str, Reply] = {
    "HGETALL k": [b"name", b"ada", b"age", b"36"],
    "ZRANGE k 0 -1 WITHSCORES": [[b"ada", Double("1.50")], [b"grace", Double("-inf")]],
    "XRANGE k - +": [[b"1795721849578-0", [b"kind", b"mail", b"to", b"ada"]], [b"2-0", None], None],
    "XREAD STREAMS a b 0 0": Map([(b"a", [[b"1-0", [b"x", b"y"]], [b"1-1", [b"x", b"z"]]]), (b"b", [])]),
    "SCAN 0": [b"17", [b"one", b"two"]],
    "HSCAN k 0": [b"17", [b"name", b"ada", b"age", b"36"]],
    "ZSCAN k 0": [b"0", [b"ada", b"1.5"]],
    "XAUTOCLAIM k g me 0 0": [b"0-0", [[b"1-0", [b"a", b"1"]]], [b"1-1"]],
    "GEOPOS k a b c": [[b"13.36", b"38.11"], None, [Double("1.5"), Double("2")]],
    "COMMAND GETKEYSANDFLAGS GET k": [[b"k", Set([Status(b"RO")])]],
    "LMPOP 1 k LEFT": [b"k", [b"one", b"two"]],
    "NOBODY KNOWS": [Map([(b"name", b"a"), (b"lag", 12)]), Map([(b"name", b"b"), (b"more", [1, 2])])],
}


@settings(deadline=None)
@given(data=st.data())
def test_nothing_of_a_reply_is_lost_whatever_its_shape(data: st.DataObject) -> None:
    command = data.draw(st.sampled_from(sorted(_TYPICAL)))
    typical = st.just(_TYPICAL[command])
    reply = data.draw(
        st.one_of(typical.flatmap(changed), typical.flatmap(changed).flatmap(changed), _samples())
    )
    screen = " ".join("\n".join(_lines(command, reply, 1_000_000)).split())
    missing = [
        leaf
        for leaf in leaves(reply)
        if (forms := ways(leaf)) and not any(" ".join(form.split()) in screen for form in forms)
    ]
    assert missing == []


def _samples() -> st.SearchStrategy[Reply]:
    return replies().map(lambda sample: sample.reply)
