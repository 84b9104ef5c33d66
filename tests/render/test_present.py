"""Which layout a reply gets: that of its command's view, of its shape, or redis-cli's arrangement."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from pyredis.commands.spec import Table
from pyredis.exceptions import ReplyError
from pyredis.types import Reply, Status
from pyredis_cli.render.look import Look, Measure
from pyredis_cli.render.present import Presented, present

TABLE = Table()


def presented(line: str, reply: Reply, *queued: str, limit: int | None = None) -> Presented:
    argv = line.encode().split()
    commands = [(words, TABLE.find(words)) for words in (command.encode().split() for command in queued)]
    return present(argv, TABLE.find(argv), reply, Look(80, measure=Measure(limit)), commands)


def shown(line: str, reply: Reply, *queued: str, limit: int | None = None) -> Sequence[str]:
    parts = presented(line, reply, *queued, limit=limit).parts
    return b"".join(part for part, _ in parts).decode().splitlines()


def test_the_replies_of_a_transaction_look_like_those_of_its_commands() -> None:
    reply: Reply = [3600, [b"f", b"v"], b"plain", ReplyError("WRONGTYPE no")]
    assert shown("EXEC", reply, "TTL k", "HGETALL h", "GET secret", "LPUSH k x") == [
        "1) TTL",
        "  (integer) 3600  1 h",
        "2) HGETALL",
        '  1) "f"  "v"',
        "3) GET",
        '  "plain"',
        "4) LPUSH",
        "  (error) WRONGTYPE no",
    ]


@pytest.mark.parametrize(
    ("reply", "queued"), [([1, b"v"], ("INCR a", "GET b")), ([1], ("INCR a", "GET b")), (None, ("INCR a",))]
)
def test_a_transaction_without_tables_is_a_list(reply: Reply, queued: tuple[str, ...]) -> None:
    assert shown("EXEC", reply, *queued) == shown("EXEC", reply)


def test_a_view_that_does_not_know_a_reply_leaves_it_to_its_shape() -> None:
    assert shown("CLIENT LIST", Status(b"QUEUED")) == ["QUEUED"]
    assert shown("SLOWLOG GET", [b"a", [1]]) == ['1) "a"', "2) 1) (integer) 1"]


def test_it_says_how_much_there_is_and_how_much_is_not_shown() -> None:
    reply: Reply = [b"f", b"v"] * 50
    assert presented("HGETALL h", reply).total() == "50 elements"
    assert shown("HGETALL h", reply, limit=10)[-1].startswith("… 40 more elements (")
    assert presented("LRANGE l 0 -1", [b"a"] * 7).total() == "7 elements"
