"""Spans of time as they are typed: ``60s``, ``5m``, ``1h``, or a number of seconds."""

from __future__ import annotations

import math
import re

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Final

__all__ = ["read_span"]

_SPAN: Final = re.compile(r"([0-9]+(?:\.[0-9]*)?|\.[0-9]+)([smh]?)")
_UNITS: Final = {"": 1, "s": 1, "m": 60, "h": 3600}


def read_span(text: str) -> float:
    """Return a span in seconds, more than none; ValueError says what is taken."""
    found = _SPAN.fullmatch(text)
    seconds = float(found[1]) * _UNITS[found[2]] if found else 0.0
    if not 0 < seconds < math.inf:
        raise ValueError("takes seconds, or a time such as 90s, 5m or 1h")
    return seconds
