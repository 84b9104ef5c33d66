"""What is told of groups and consumers that are behind or silent, and of pending entries, which stand twice."""

from __future__ import annotations

from itertools import islice

import pytest

from pyredis.commands.spec import TABLE
from pyredis.types import Map, Reply
from pyredis_cli.render.look import Look, Measure
from pyredis_cli.render.present import present

_NOW = 1_795_720_000


def _lines(command: str, reply: Reply, width: int = 100) -> list[str]:
    argv = command.encode().split(b" ")
    parts = present(argv, TABLE.find(argv), reply, Look(width, now=_NOW)).parts
    return b"".join(part for part, _ in parts).decode().splitlines()


def _group(name: bytes, consumers: int = 1, lag: int | None = 0) -> Reply:
    told = {"consumers": consumers, "pending": 0, "last-delivered-id": b"7-0", "entries-read": 7, "lag": lag}
    return Map([(b"name", name), *((field.encode(), said) for field, said in told.items())])


def test_groups_that_have_read_all_are_a_table_alone() -> None:
    assert _lines("XINFO GROUPS jobs", [_group(b"mail"), _group(b"print", 2)], 80) == [
        "name   consumers  pending  lag  entries-read  last-delivered-id",
        "mail           1        0    0             7  7-0",
        "print          2        0    0             7  7-0",
    ]


def test_who_is_behind_comes_first() -> None:
    found: Reply = [_group(b"mail", lag=1), _group(b"a b", 0, 120_000), _group(b"print", lag=None)]
    assert _lines("XINFO GROUPS jobs", found)[:4] == [
        "behind: mail by 1, a b by 120,000",
        "lag is not known (entries were deleted, or the group began in the middle): print",
        "no consumers: a b",
        "",
    ]


def _consumer(name: bytes, pending: int, idle: int, inactive: int) -> Reply:
    return Map([(b"name", name), (b"pending", pending), (b"idle", idle), (b"inactive", inactive)])


def test_consumers_with_entries_of_which_nothing_was_heard_for_a_minute_come_first() -> None:
    found: Reply = [
        _consumer(b"dead", 3, 60_000, 60_000),
        _consumer(b"asks in vain", 3, 5, 3_600_000),
        _consumer(b"at work", 3, 59_999, 59_999),
        _consumer(b"has nothing to do", 0, 7_200_000, 7_200_000),
        _consumer(b"new", 0, 5, -1),
    ]
    assert _lines("XINFO CONSUMERS jobs mail", found) == [
        "inactive for 1 min with 3 pending: dead",
        "inactive for 1 h with 3 pending: asks in vain",
        "",
        "name               pending     idle         inactive",
        "dead                     3    60000  1 min     60000  1 min",
        "asks in vain             3        5          3600000  1 h",
        "at work                  3    59999  1 min     59999  1 min",
        "has nothing to do        0  7200000  2 h     7200000  2 h",
        "new                      0        5               -1  has read nothing yet",
    ]


def _full(pending: list[Reply], of_consumer: list[Reply]) -> Reply:
    consumer: Reply = Map([(b"name", b"me"), (b"pel-count", 9), (b"pending", of_consumer)])
    group: Reply = Map([(b"name", b"mail"), (b"pending", pending), (b"consumers", [consumer])])
    return Map([(b"length", 0), (b"entries", []), (b"groups", [group])])


def test_a_pending_entry_of_a_group_and_its_consumer_stands_there_once() -> None:
    same: Reply = [b"7-0", b"me", _NOW * 1000 - 5_000, 2]
    full = _full([same], [[b"7-0", _NOW * 1000 - 5_000, 2]])
    lines = _lines("XINFO STREAM jobs FULL", full)
    at = lines.index("    pending  1")
    assert [line.split() for line in lines[at + 1 :]] == [
        ["id", "consumer", "deliveries", "delivery-time"],
        ["7-0", "me", "2", "1795719995000", "5", "s", "ago"],
    ]


def test_a_pending_entry_that_the_consumer_alone_has_is_there_too() -> None:
    full = _full([[b"7-0", b"me", 1, 2]], [[b"7-0", 1, 3], [b"8-0", 1, 2]])
    lines = _lines("XINFO STREAM jobs FULL", full)
    at = lines.index("    pending  3")
    assert [line.split()[:3] for line in lines[at + 2 :]] == [
        ["7-0", "me", "2"],
        ["7-0", "me", "3"],
        ["8-0", "me", "2"],
    ]


def test_a_stream_without_entries_and_groups_says_so() -> None:
    empty: Reply = Map([(b"length", 0), (b"groups", 0), (b"first-entry", None), (b"last-entry", None)])
    assert _lines("XINFO STREAM jobs", empty) == [
        "length  0",
        "groups  0",
        "",
        "             id     time  fields",
        "first-entry  (nil)",
        "last-entry   (nil)",
    ]
    full: Reply = Map([(b"length", 0), (b"entries", []), (b"groups", [])])
    assert _lines("XINFO STREAM jobs FULL", full) == ["length  0", "", "entries  0", "", "groups  0"]


def test_nothing_pending_is_a_line() -> None:
    assert _lines("XPENDING jobs mail", [0, None, None, None]) == ["0 pending"]


@pytest.mark.parametrize(
    "command", ["XPENDING jobs mail - + 10", "XINFO GROUPS jobs", "XINFO CONSUMERS jobs mail"]
)
def test_where_there_is_none_the_list_is_empty(command: str) -> None:
    assert _lines(command, []) == ["(empty array)"]


def test_a_long_stream_is_laid_out_as_far_as_it_is_looked_at() -> None:
    """Its entries are made when they are shown: these would be of another kind."""
    entries: list[Reply] = [[b"%d-0" % number, [b"a", b"1"]] for number in range(1, 5_001)]
    reply: Reply = Map([(b"length", 5_000), (b"entries", entries), (b"groups", [])])
    argv = [b"XINFO", b"STREAM", b"jobs", b"FULL"]
    look = Look(80, measure=Measure(elements=None))
    parts = present(argv, TABLE.find(argv), reply, look).parts
    first = b"".join(part for part, _ in islice(parts, 40)).decode().splitlines()
    assert first[-1].split() == ["36)", "36-0", '"1"']
    entries[4_000][1] = [b"b", b"2"]  # type: ignore[index]
    assert b'4001) 4001-0  b="2"' in b"".join(part for part, _ in parts)


def test_entries_to_acknowledge_that_are_not_listed_are_counted() -> None:
    row: Reply = [b"1-1", b"w", 5, 1]
    group: Reply = [b"name", b"g", b"pel-count", 118, b"pending", [row], b"consumers", []]
    full: Reply = [b"length", 3, b"entries", [], b"groups", [group]]
    assert [line.strip() for line in _lines("XINFO STREAM jobs FULL", full) if "pending" in line] == [
        "pending  1 of 118"
    ]
