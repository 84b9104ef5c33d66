"""What replies come to that do not agree."""

from __future__ import annotations

import pytest

from pyredis.cluster.merging import joined, merge
from pyredis.cluster.routing import split
from pyredis.commands.spec import find
from pyredis.types import Reply, Status

MSETEX = (b"MSETEX", b"2", b"a", b"1", b"b", b"2", b"NX")


@pytest.mark.parametrize(
    ("replies", "reply"), [([1, 1], 1), ([1, 0], 0), ([0, 1], 0), ([0, 0], 0)], ids=lambda value: repr(value)
)
def test_a_write_that_one_part_did_not_do_was_not_done(replies: list[Reply], reply: Reply) -> None:
    spec = find(MSETEX)
    assert spec is not None
    assert joined(spec, split(MSETEX, spec), replies) == reply
    assert merge(spec, replies) == reply


def test_what_all_nodes_did_is_said_once() -> None:
    spec = find((b"FLUSHALL",))
    assert spec is not None
    merged = merge(spec, [Status(b"OK")] * 3)
    assert merged == Status(b"OK")
    assert type(merged) is Status
