"""What has to be said again on a new connection, told from what was said."""

from __future__ import annotations

import pytest

from pyredis.commands.spec import find
from pyredis_cli.core.outcome import Outcome
from pyredis_cli.core.wanted import Wanted, after, instead


def said(line: str) -> Outcome:
    argv = tuple(line.encode().split())
    return Outcome(argv, find(argv))


def after_all(*lines: str) -> Wanted:
    wanted = Wanted()
    for line in lines:
        wanted = after(wanted, said(line), 3 if "HELLO 3" in line else 2)
    return wanted


@pytest.mark.parametrize(
    ("lines", "steps"),
    [
        (["GET k", "MULTI", "EXEC", "NOSUCH"], []),
        (["SELECT 3", "select 4"], [b"SELECT 4"]),
        (["AUTH pw"], [b"AUTH pw"]),
        (["SELECT 1", "AUTH ada pw", "HELLO 3"], [b"AUTH ada pw", b"HELLO 3", b"SELECT 1"]),
        (["HELLO 3 AUTH ada pw SETNAME auth"], [b"AUTH ada pw", b"HELLO 3"]),
        (["HELLO 3 SETNAME auth"], [b"HELLO 3"]),
        (["AUTH ada pw", "SELECT 1", "RESET"], [b"RESET"]),
        (["RESET", "SELECT 1"], [b"RESET", b"SELECT 1"]),
    ],
)
def test_what_was_changed_is_done_again_in_an_order_that_works(lines: list[str], steps: list[bytes]) -> None:
    assert [b" ".join(step) for step in after_all(*lines).steps()] == steps


def test_what_is_not_done_again_is_named_once() -> None:
    wanted = after_all("CLIENT SETNAME a", "CLIENT NO-EVICT on", "CLIENT SETNAME b")
    assert (wanted.undone, wanted.steps()) == (("CLIENT SETNAME", "CLIENT NO-EVICT"), [])


def test_the_database_is_the_last_one_asked_for() -> None:
    assert after_all().database_from(2) == 2
    assert after_all("SELECT 3").database_from(2) == 3
    assert after_all("SELECT 3", "RESET").database_from(2) == 0


@pytest.mark.parametrize(
    ("line", "options"),
    [
        ("AUTH pw", {"username": None, "password": b"pw"}),
        ("AUTH ada pw", {"username": "ada", "password": b"pw"}),
        ("HELLO 3 AUTH ada pw", {"username": "ada", "password": b"pw"}),
        ("SELECT 3", {"database": 3}),
        ("RESET", {"username": None, "password": None, "database": 0}),
        ("HELLO 3", {}),
        ("HELLO 3 AUTH ada", {}),
        ("SELECT one", {}),
        ("AUTH", {}),
        ("GET k", {}),
    ],
)
def test_what_a_command_asks_for_takes_the_place_of_what_was_refused(
    line: str, options: dict[str, object]
) -> None:
    before = after_all("AUTH eve old", "SELECT 9")
    changed, wanted = instead(before, said(line))
    assert changed == options
    assert (wanted == before) is (not options)
