"""What is done about each kind of error, and when it is given up."""

from __future__ import annotations

import pytest

from pyredis.address import TcpAddress
from pyredis.cluster.redirect import HOPS, Ask, GiveUp, Move, Reconnect, Verdict, Wait, decide
from pyredis.exceptions import (
    ClusterError,
    ProtocolError,
    PyRedisConnClosed,
    PyRedisConnError,
    PyRedisConnReadTimeout,
    PyRedisError,
    reply_error,
)

ASKED = TcpAddress("asked", 7000)


def verdict(error: PyRedisError, attempt: int = 0, *, readonly: bool = False) -> Verdict:
    return decide(error, attempt, readonly=readonly, asked=ASKED, chance=0.5)


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        ("MOVED 3999 10.0.0.1:6381", Move(TcpAddress("10.0.0.1", 6381), 3999)),
        ("MOVED 3999 :6381", Move(TcpAddress("asked", 6381), 3999)),
        ("MOVED 3999 host.example:6381", Move(TcpAddress("host.example", 6381), 3999)),
        ("MOVED 3999 ::1:6381", Move(TcpAddress("::1", 6381), 3999)),
        ("ASK 3999 10.0.0.1:6381", Ask(TcpAddress("10.0.0.1", 6381))),
        ("ASK 3999 :6381", Ask(TcpAddress("asked", 6381))),
    ],
)
def test_a_redirect_is_followed(message: str, expected: Verdict) -> None:
    assert verdict(reply_error(message)) == expected


@pytest.mark.parametrize(
    "message",
    [
        "MOVED",
        "MOVED x 10.0.0.1:1",
        "MOVED 1 10.0.0.1",
        "MOVED 1 h:0",
        "MOVED 1 h:99999",
        "MOVED -1 h:1",
        "MOVED 16384 h:1",
        "ASK 1 h:port",
    ],
)
def test_a_redirect_to_nowhere_is_an_error(message: str) -> None:
    outcome = verdict(reply_error(message))
    assert isinstance(outcome, GiveUp)
    assert type(outcome.error) is ClusterError
    assert "asked:7000 redirects to nowhere" in str(outcome.error)


def test_a_redirect_to_the_node_that_said_it_waits() -> None:
    assert isinstance(verdict(reply_error("MOVED 1 asked:7000")), Wait)
    assert isinstance(verdict(reply_error("MOVED 1 :7000")), Wait)


def test_a_redirect_to_a_node_without_a_known_host_has_the_nodes_asked_where_the_slot_is() -> None:
    """The port is another node's: what listens there on the host that was asked is somebody else."""
    error = reply_error("MOVED 1 ?:7001")
    assert isinstance(verdict(error), Reconnect)
    assert isinstance(verdict(error, readonly=True), Reconnect)
    assert isinstance(verdict(error, HOPS), GiveUp)


@pytest.mark.parametrize("code", ["TRYAGAIN", "CLUSTERDOWN", "LOADING", "MASTERDOWN"])
def test_what_passes_is_waited_for(code: str) -> None:
    """The second time, it may be the node alone that the cluster goes on without."""
    waits = [verdict(reply_error(f"{code} wait"), attempt) for attempt in range(HOPS)]
    seconds = [wait.seconds for wait in waits if isinstance(wait, Wait | Reconnect)]
    assert len(seconds) == HOPS
    assert isinstance(waits[0], Wait)
    assert all(isinstance(wait, Wait if code == "TRYAGAIN" else Reconnect) for wait in waits[1:])
    assert seconds == sorted(seconds)
    assert 0 < seconds[0] < 0.05
    assert seconds[-1] <= 0.3
    error = reply_error(f"{code} wait")
    assert verdict(error, HOPS) == GiveUp(error)


@pytest.mark.parametrize("code", ["TRYAGAIN", "CLUSTERDOWN", "LOADING", "MASTERDOWN"])
def test_what_a_script_may_have_said_itself_is_not_tried_again(code: str) -> None:
    """It may say anything, after having written."""
    error = reply_error(f"{code} later")
    assert decide(error, 0, readonly=False, asked=ASKED, chance=0.5, scripted=True) == GiveUp(error)


@pytest.mark.parametrize(
    "message",
    [
        "TRYAGAIN Multiple keys request during rehashing of slot",
        "CLUSTERDOWN The cluster is down",
        "CLUSTERDOWN Hash slot not served",
        "LOADING Redis is loading the dataset in memory",
    ],
)
def test_a_script_that_a_server_did_not_begin_is_waited_for(message: str) -> None:
    error = reply_error(message)
    assert isinstance(decide(error, 0, readonly=False, asked=ASKED, chance=0.5, scripted=True), Wait)


def test_redirects_without_end_are_given_up() -> None:
    outcome = verdict(reply_error("MOVED 1 h:1"), HOPS)
    assert isinstance(outcome, GiveUp)
    assert "redirected 16 times, at last by asked:7000: MOVED 1 h:1" in str(outcome.error)


@pytest.mark.parametrize(
    ("error", "readonly", "again"),
    [
        (PyRedisConnClosed("", sent=False), False, True),
        (PyRedisConnClosed("", sent=True), False, False),
        (PyRedisConnClosed("", sent=None), False, False),
        (PyRedisConnClosed("", sent=True), True, True),
        (PyRedisConnError("", sent=False), False, True),
        (PyRedisConnReadTimeout(""), True, False),
        (reply_error("WRONGTYPE no"), True, False),
        (reply_error("ERR no"), True, False),
        (ProtocolError(""), True, False),
    ],
)
def test_only_what_was_not_executed_or_is_harmless_is_sent_again(
    error: PyRedisError, readonly: bool, again: bool
) -> None:
    outcome = verdict(error, readonly=readonly)
    if again:
        assert isinstance(outcome, Reconnect)
        assert verdict(error, HOPS, readonly=readonly) == GiveUp(error)
    else:
        assert outcome == GiveUp(error)
