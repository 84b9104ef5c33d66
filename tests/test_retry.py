"""A schedule of waits, without a clock."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pyredis.retry import Backoff


def test_waits_double_until_they_are_the_longest() -> None:
    backoff = Backoff(first=0.5, most=3, spread=0)
    assert [backoff.delay(attempt, 0.7) for attempt in range(5)] == [0.5, 1, 2, 3, 3]


def test_chance_takes_off_up_to_its_share() -> None:
    backoff = Backoff(first=1, most=1, spread=0.5)
    assert [backoff.delay(0, chance) for chance in (0, 0.5, 1)] == [1, 0.75, 0.5]


@given(attempt=st.integers(0, 10**9), chance=st.floats(0, 1))
def test_no_attempt_is_too_late_to_have_a_wait(attempt: int, chance: float) -> None:
    assert 0.025 <= Backoff(first=0.05, most=5, spread=0.5).delay(attempt, chance) <= 5


def test_attempts_are_limited_when_asked_for() -> None:
    assert [Backoff(attempts=2).allows(attempt) for attempt in range(4)] == [True, True, False, False]
    assert Backoff().allows(10**9)


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"first": 0}, "first"),
        ({"first": -1}, "first"),
        ({"first": float("nan")}, "first"),
        ({"first": 2, "most": 1}, "most"),
        ({"most": float("inf")}, "finite"),
        ({"factor": 0.5}, "factor"),
        ({"factor": float("inf")}, "factor"),
        ({"spread": 1.5}, "spread"),
        ({"spread": -0.1}, "spread"),
        ({"attempts": 0}, "attempts"),
    ],
)
def test_a_schedule_that_makes_no_sense_is_refused(options: dict[str, float], told: str) -> None:
    with pytest.raises(ValueError, match=told):
        Backoff(**options)  # type: ignore[arg-type]
