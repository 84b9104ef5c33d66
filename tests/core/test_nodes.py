"""Where a command belongs in a cluster, and what is said of it. No network."""

from __future__ import annotations

import pytest

from pyredis.address import TcpAddress
from pyredis.cluster.redirect import Ask, GiveUp, Move, Reconnect, Wait
from pyredis.cluster.topology import Shard, Topology
from pyredis.commands.slots import SLOTS
from pyredis.commands.spec import find
from pyredis.exceptions import ClusterError, CrossSlot, ReplyError, reply_error
from pyredis_cli.core.nodes import elsewhere, not_followed, slot_of, slots_of, verdict
from pyredis_cli.core.outcome import Outcome

ONE, TWO, REPLICA = (TcpAddress("10.0.0.1", port) for port in (7001, 7002, 7003))
FOO, BAR = 12182, 5061
MAP = Topology(
    [Shard(ONE, (REPLICA,)), Shard(TWO)],
    [Shard(ONE, (REPLICA,))] * 8000 + [Shard(TWO)] * (SLOTS - 8001) + [None],
)


def outcome(line: str, error: str = "") -> Outcome:
    argv = tuple(line.encode().split())
    return Outcome(argv, find(argv), error=reply_error(error) if error else None)


@pytest.mark.parametrize(
    ("line", "slot"),
    [
        ("GET foo", FOO),
        ("MSET {foo}1 a {foo}2 b", FOO),
        ("EVAL script 1 bar foo", BAR),
        ("XREAD COUNT 1 STREAMS foo 0", FOO),
        ("SSUBSCRIBE bar", BAR),
        ("SPUBLISH bar foo", BAR),
        ("WATCH foo", FOO),
        ("PUBLISH foo bar", None),
        ("SUBSCRIBE foo", None),
        ("MULTI", None),
        ("GET", None),
        ("EVAL script x foo", None),
        ("MYMODULE.GET foo", None),
        ("DBSIZE", None),
    ],
)
def test_a_command_belongs_where_its_keys_are(line: str, slot: int | None) -> None:
    told = outcome(line)
    assert slot_of(told.argv, told.spec) == slot


@pytest.mark.parametrize("line", ["MGET foo bar", "RENAME foo bar", "SSUBSCRIBE foo bar", "EVAL s 2 foo bar"])
def test_keys_of_several_slots_are_refused_with_the_mend(line: str) -> None:
    told = outcome(line)
    assert slots_of(told.argv, told.spec) == [BAR, FOO]
    with pytest.raises(CrossSlot, match=r"2 slots \(5061, 12182\), so it was not sent.*\{hash tag\}"):
        slot_of(told.argv, told.spec)


def test_a_session_goes_only_where_it_must() -> None:
    assert elsewhere(MAP, FOO, ONE) == TWO
    assert elsewhere(MAP, FOO, TWO) is None
    assert elsewhere(MAP, FOO, TcpAddress("10.9.9.9", 1)) == TWO


def test_a_replica_of_the_slot_will_do_for_it_says_itself_where_else_to_go() -> None:
    assert elsewhere(MAP, BAR, REPLICA) is None
    assert elsewhere(MAP, FOO, REPLICA) == TWO


def test_what_nobody_knows_is_left_to_the_node() -> None:
    assert elsewhere(None, FOO, ONE) is None
    assert elsewhere(MAP, SLOTS - 1, ONE) is None


@pytest.mark.parametrize(
    ("line", "error", "kind"),
    [
        ("GET foo", "MOVED 12182 10.0.0.1:7002", Move(TWO, FOO)),
        ("GET foo", "MOVED 12182 :7002", Move(TWO, FOO)),
        ("GET foo", "ASK 12182 10.0.0.1:7002", Ask(TWO)),
        ("GET foo", "MOVED 12182 ?:7002", Reconnect),
        ("GET foo", "MOVED 12182 10.0.0.1:7001", Wait),
        ("SET foo 1", "TRYAGAIN Multiple keys request during rehashing of slot", Wait),
        ("SET foo 1", "CLUSTERDOWN The cluster is down", Wait),
        ("SET foo 1", "WRONGTYPE no", GiveUp),
        ("EVAL s 1 foo", "CLUSTERDOWN says the script itself", GiveUp),
        ("WATCH foo", "ASK 12182 10.0.0.1:7002", GiveUp),
        ("SSUBSCRIBE foo", "ASK 12182 10.0.0.1:7002", GiveUp),
    ],
)
def test_what_is_done_about_an_error(line: str, error: str, kind: object) -> None:
    told = outcome(line, error)
    assert isinstance(told.error, ReplyError)
    decided = verdict(told.error, 0, told.spec, ONE)
    assert decided == kind or (isinstance(kind, type) and isinstance(decided, kind))


@pytest.mark.parametrize(
    "error", ["MOVED", "MOVED x y", "MOVED 99999 10.0.0.1:7002", "MOVED 1 10.0.0.1:0", "ASK 1"]
)
def test_a_redirect_that_makes_no_sense_is_a_clear_error(error: str) -> None:
    decided = verdict(reply_error(error), 0, find([b"GET", b"foo"]), ONE)
    assert isinstance(decided, GiveUp)
    assert isinstance(decided.error, ClusterError)
    assert f"10.0.0.1:7001 redirects to nowhere: {error}" == str(decided.error)


def test_why_a_redirect_is_only_shown() -> None:
    moved = outcome("SET foo 1", "MOVED 12182 10.0.0.1:7002")
    assert "will refuse EXEC" in not_followed(moved, ONE, transaction=True, bound="the transaction")
    watching = not_followed(moved, ONE, transaction=False, bound="the watched keys")
    assert watching == (
        "slot 12182 is at 10.0.0.1:7002; the session stays at 10.0.0.1:7001 because of the watched keys"
    )
    asked = outcome("WATCH foo", "ASK 12182 10.0.0.1:7002")
    assert "on its way to 10.0.0.1:7002" in not_followed(asked, ONE, transaction=False, bound="")
    ended = outcome("EXEC", "MOVED 12182 10.0.0.1:7002")
    assert "nothing of it was executed" in not_followed(ended, ONE, transaction=False, bound="")
    assert not_followed(outcome("GET foo", "ERR no"), ONE, transaction=False, bound="") == ""
