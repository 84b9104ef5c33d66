"""How many keys a page is to have, from how long pages take."""

from __future__ import annotations

from pyredis_cli.core.walking import Pace


def counts(pace: Pace, *seconds: float) -> list[int]:
    """Return the count after each page that took so long."""
    found = []
    for one in seconds:
        pace.heard(one)
        found.append(pace.count)
    return found


def test_pages_grow_while_they_come_quickly_and_no_further_than_a_server_bears() -> None:
    assert counts(Pace(), *[0.0001] * 6) == [40, 160, 640, 2000, 2000, 2000]


def test_a_long_way_to_the_server_is_not_the_servers_work() -> None:
    assert counts(Pace(), *[0.08] * 5)[-1] == 2000


def test_pages_that_take_the_server_long_shrink_to_what_is_always_bearable() -> None:
    pace = Pace()
    counts(pace, *[0.0001] * 6)

    assert counts(pace, *[0.02] * 6) == [1000, 500, 250, 125, 100, 100]


def test_a_server_that_is_slow_from_the_beginning_is_asked_for_no_more() -> None:
    assert counts(Pace(), 0.001, 0.02, 0.02) == [40, 40, 40]


def test_the_count_that_was_asked_for_stays() -> None:
    assert counts(Pace(7), 0.0001, 0.0001, 5.0) == [7, 7, 7]
