"""Spans of time as they are typed."""

from __future__ import annotations

import pytest

from pyredis_cli.spans import read_span


@pytest.mark.parametrize(
    ("text", "seconds"), [("2", 2), ("0.5", 0.5), (".5s", 0.5), ("90s", 90), ("5m", 300), ("1h", 3600)]
)
def test_a_span_is_seconds_or_has_a_unit(text: str, seconds: float) -> None:
    assert read_span(text) == seconds


@pytest.mark.parametrize("text", ["", "0", "0m", "-1", "1 s", "1d", "soon", "nan", "inf", "1e3", "9" * 400])
def test_what_is_none_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="90s, 5m or 1h"):
        read_span(text)
