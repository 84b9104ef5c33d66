"""Numbers as people read them."""

from __future__ import annotations

import math
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pyredis_cli.render.units import ago, bar, count, duration, moment, size, spark, when
from tests.servers import Server

anything = st.floats() | st.integers() | st.sampled_from([10**400, -(10**400)])


def test_sizes_are_written_as_the_server_writes_them(server: Server) -> None:
    lines = server.command("INFO", "memory").decode().splitlines()
    fields = dict(line.split(":", 1) for line in lines if ":" in line)
    humane = [name for name in fields if name.endswith("_human") and name.removesuffix("_human") in fields]

    assert len(humane) >= 4
    assert [size(int(fields[name.removesuffix("_human")])) for name in humane] == [fields[n] for n in humane]


@pytest.mark.parametrize(
    ("number", "text"),
    [
        (0, "0B"),
        (1023, "1023B"),
        (12.5, "12.50B"),
        (1024, "1.00K"),
        (11.2 * 1024**3, "11.20G"),
        (3 * 1024**5, "3.00P"),
        (5000 * 1024**5, "5000.00P"),
        (-2048, "-2.00K"),
    ],
)
def test_sizes_have_two_digits_behind_the_point(number: float, text: str) -> None:
    assert size(number) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0 s"),
        (2e-7, "0.2 µs"),
        (0.00025, "250 µs"),
        (0.0123, "12.3 ms"),
        (0.9994, "999 ms"),
        (0.9996, "1 s"),
        (1.5, "1.5 s"),
        (41, "41 s"),
        (59.4, "59.4 s"),
        (59.7, "1 min"),
        (90, "1 min 30 s"),
        (3 * 3600 + 125, "3 h 2 min"),
        (7200, "2 h"),
        (86_400 * 3 + 3_600, "3 d 1 h"),
        (86_400 * 4000, "4,000 d"),
        (-90, "-1 min 30 s"),
    ],
)
def test_durations_have_their_two_largest_units(seconds: float, text: str) -> None:
    assert duration(seconds) == text


def test_counts_have_their_thousands_apart() -> None:
    assert count(4120331) == "4,120,331"
    assert count(-1000) == "-1,000"
    assert "digits" in count(10**5000)


@given(st.datetimes(datetime(1, 1, 1), datetime(9999, 12, 31)))
def test_moments_are_read_back(written: datetime) -> None:
    exact = written.replace(microsecond=0, tzinfo=UTC)
    assert datetime.fromisoformat(when(exact.timestamp())) == exact


@pytest.mark.parametrize(
    ("units", "per_second", "text"),
    [
        (1_700_000_000, 1, "2023-11-14 22:13:20Z"),
        (1_700_000_000_007, 1_000, "2023-11-14 22:13:20.007Z"),
        (-1, 1_000_000, "1969-12-31 23:59:59.999999Z"),
    ],
)
def test_moments_have_the_digits_of_their_unit(units: int, per_second: int, text: str) -> None:
    assert moment(units, per_second) == text


def test_moments_in_no_calendar_stay_numbers() -> None:
    assert when(1e18) == "1e+18"
    assert when(math.nan) == "nan"


@pytest.mark.parametrize(
    ("past", "text"),
    [(0.2, "now"), (0.7, "1 s ago"), (303, "5 min 3 s ago"), (-172_800, "in 2 d"), (-0.6, "in 1 s")],
)
def test_a_moment_is_told_from_now(past: float, text: str) -> None:
    assert ago(1_700_000_000 - past, 1_700_000_000) == text


def test_bars_are_drawn_in_eighths() -> None:
    assert bar(0, 4) == "    "
    assert bar(0.5, 4) == "██  "
    assert bar(0.53, 4) == "██▏ "
    assert bar(1, 4) == "████"
    assert bar(0.5, 4, ascii=True) == "##.."


@given(st.floats(min_value=0, max_value=1, exclude_min=True, exclude_max=True), st.integers(2, 60))
def test_what_is_neither_nothing_nor_all_never_looks_like_it(share: float, width: int) -> None:
    for plain in (False, True):
        assert bar(share, width, ascii=plain) not in (bar(0, width, ascii=plain), bar(1, width, ascii=plain))


@given(anything, st.integers(0, 60), st.booleans())
def test_bars_are_as_wide_as_asked(share: float, width: int, plain: bool) -> None:
    drawn = bar(share, width, ascii=plain)
    assert len(drawn) == width
    assert drawn.isascii() or not plain


def test_a_spark_stands_on_zero_and_keeps_its_peak() -> None:
    assert spark([0, 1, 2, 3, 4, 5, 6, 7], 8) == "▁▂▃▄▅▆▇█"
    assert spark([100, 100, 100], 8) == "███"
    assert spark([0, 0], 8) == "▁▁"
    assert spark([0, 7, 0, 7], 8, ascii=True) == "_#_#"
    assert spark([1] * 500 + [80] + [1] * 499, 10).count("█") == 1
    assert spark([-7, 0, math.nan, math.inf], 8) == "▁█ █"
    assert spark([], 8) == ""


@given(st.lists(anything), st.integers(0, 40), st.booleans())
def test_a_spark_is_never_wider_than_asked(numbers: list[float], width: int, plain: bool) -> None:
    drawn = spark(numbers, width, ascii=plain)
    assert len(drawn) == min(len(numbers), width)
    assert drawn.isascii() or not plain


@given(anything, anything)
def test_no_number_is_too_strange(number: float, now: float) -> None:
    assert size(number)
    assert duration(number)
    assert when(number)
    assert ago(number, now)
