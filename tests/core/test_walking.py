"""How many keys a page is to have, from how long pages take."""

from __future__ import annotations

from pyredis_cli.core.walking import Pace


def sizes(pace: Pace, *seconds: float) -> list[int]:
    """Return the size after each page that took so long, all of which was waited for."""
    found = []
    for one in seconds:
        pace.heard(one, one)
        found.append(pace.size)
    return found


def test_pages_grow_while_they_come_quickly_and_no_further_than_a_server_bears() -> None:
    assert sizes(Pace(), *[0.0001] * 7) == [40, 160, 640, 2500, 2500, 2500, 2500]


def test_pages_that_take_a_moment_stay_as_they_are() -> None:
    assert sizes(Pace(), 0.0001, 0.0001, *[0.002] * 9)[-1] == 160


def test_a_long_way_to_the_server_is_not_the_servers_work() -> None:
    assert sizes(Pace(), *[0.08] * 6)[-1] == 2500


def test_pages_that_take_the_server_long_shrink_to_what_is_always_bearable() -> None:
    pace = Pace()
    sizes(pace, *[0.0001] * 6)

    assert sizes(pace, *[0.02] * 24)[3::4] == [1250, 625, 312, 156, 100, 100]


def test_one_page_that_comes_quickly_among_slow_ones_says_that_it_is_not_the_size() -> None:
    pace = Pace()
    sizes(pace, *[0.0001] * 3)

    assert set(sizes(pace, *[0.02, 0.02, 0.02, 0.002] * 5)) == {640}


def test_while_the_reader_is_slow_nothing_is_known_of_the_server() -> None:
    pace = Pace()
    sizes(pace, 0.0001)

    for _ in range(9):
        pace.heard(0.0, 0.5)

    assert pace.size == 40


def test_the_size_that_was_asked_for_stays() -> None:
    assert sizes(Pace(7), 0.0001, 0.0001, *[5.0] * 5) == [7] * 7
