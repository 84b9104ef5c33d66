"""Numbers as people read them: sizes, spans and moments of time, and shares drawn in a line.

Pure text: no colours, no clock and no locale. A number that cannot be meant (not a number, a moment in no
calendar) is written as it is; nothing here raises.
"""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from itertools import pairwise
from typing import Final

__all__ = ["ago", "bar", "count", "duration", "moment", "size", "spark", "stamp", "when"]

_SIZES: Final = "KMGTP"
_SPANS: Final = (("d", 86_400), ("h", 3_600), ("min", 60), ("s", 1))
# The first moment of year 1 and the last one of year 9999, between which four digits tell a year.
_FIRST: Final = -62_135_596_800
_LAST: Final = 253_402_300_799

_BLOCKS: Final = " ▏▎▍▌▋▊▉█"
_SHARPS: Final = ".#"
_HEIGHTS: Final = "▁▂▃▄▅▆▇█"
_MARKS: Final = "_.-=+*%#"


def size(number: float) -> str:
    """Return a number of bytes as INFO writes it in its ``..._human`` fields: ``980B``, ``1.05M``, ``11.20G``.

    Units are steps of 1024, so that the two can be compared.
    """
    number = _real(number)
    if not math.isfinite(number):
        return str(number)
    if abs(number) < 1024:
        return f"{number:.2f}".removesuffix(".00") + "B"
    unit = min(_power(abs(number)), len(_SIZES))
    return f"{number / 1024**unit:.2f}{_SIZES[unit - 1]}"


def duration(seconds: float) -> str:
    """Return a span of time in its two largest units: ``3 h 2 min``, ``41 s``.

    What is shorter is ``1.5 s``, ``12.3 ms`` or ``250 µs``.
    """
    seconds = _real(seconds)
    if not math.isfinite(seconds):
        return str(seconds)
    if seconds < 0:
        return f"-{duration(-seconds)}"
    return _long(round(seconds)) if seconds >= 59.5 else _short(seconds)


def count(number: int) -> str:
    """Return a count with its thousands apart: ``4,120,331``."""
    try:
        return f"{number:,}"
    except ValueError:  # more digits than Python likes to write
        return "a number of thousands of digits"


def when(unix_seconds: float) -> str:
    """Return a moment in UTC, ``2026-11-26 18:53:12Z``."""
    unix_seconds = (
        unix_seconds if isinstance(unix_seconds, int) and abs(unix_seconds) < 2**64 else _real(unix_seconds)
    )
    if not _FIRST <= unix_seconds <= _LAST:
        return str(unix_seconds)
    year, month, day, hour, minute, second, *_ = time.gmtime(unix_seconds)
    return f"{year:04}-{month:02}-{day:02} {hour:02}:{minute:02}:{second:02}Z"


def stamp(unix_seconds: float) -> str | None:
    """Return a moment as ISO 8601 has it, ``2026-11-26T18:53:12Z``; None beyond the years that it has."""
    return when(unix_seconds).replace(" ", "T") if _FIRST <= unix_seconds <= _LAST else None


def moment(units: int, per_second: int) -> str:
    """Return the moment so many units after 1970, with as many digits of a fraction as the unit has.

    Milliseconds are ``2026-11-26 18:53:12.250Z``.
    """
    seconds, rest = divmod(units, per_second)
    digits = len(str(per_second)) - 1
    fraction = f".{rest:0{digits}}" if digits else ""
    return when(seconds).replace("Z", f"{fraction}Z")


def ago(unix_seconds: float, now: float) -> str:
    """Return how far a moment is from now: ``5 min 3 s ago``, ``in 2 d``, ``now`` within half a second."""
    past = _real(now) - _real(unix_seconds)
    if not math.isfinite(past):
        return when(unix_seconds)
    if abs(past) < 0.5:
        return "now"
    return f"{_long(max(1, round(past)))} ago" if past > 0 else f"in {_long(max(1, round(-past)))}"


def bar(share: float, width: int, *, ascii: bool = False) -> str:
    """Return a share of 1 as a bar of exactly that width, drawn in eighths of a cell.

    Only 0 is drawn empty and only 1 full; what lies outside is drawn as the nearer of them.
    """
    marks = _SHARPS if ascii else _BLOCKS
    parts = len(marks) - 1
    full, rest = divmod(_filled(share, width * parts), parts)
    return (marks[-1] * full + (marks[rest] if rest else "")).ljust(width, marks[0])


def spark(numbers: Sequence[float], width: int, *, ascii: bool = False) -> str:
    """Return numbers as heights above 0 (or above the least, where one is below 0), a character for each.

    More numbers than the width are put together evenly, and the greatest of those is shown: a peak is never
    lost. Fewer are not stretched. What is not a number is a blank.
    """
    marks = _MARKS if ascii else _HEIGHTS
    heights = _gathered(numbers, width)
    finite = [height for height in heights if math.isfinite(height)]
    low, high = min([0.0, *finite]), max([0.0, *finite])
    return "".join([_mark(height, low, high, marks) for height in heights])


def _real(number: float) -> float:
    """Return the number as a float; a whole number that is too large for one is infinite."""
    try:
        return float(number)
    except OverflowError:
        return math.inf if number > 0 else -math.inf


def _power(number: float) -> int:
    """Return how often 1024 divides a number before less than 1024 is left."""
    power = 0
    while number >= 1024:
        number /= 1024
        power += 1
    return power


def _long(seconds: int) -> str:
    """Return whole seconds in the largest unit and the one below it."""
    for (unit, length), (below, short) in pairwise(_SPANS):
        if seconds >= length:
            rest = seconds % length // short
            return f"{count(seconds // length)} {unit}" + (f" {rest} {below}" if rest else "")
    return f"{seconds} s"


def _short(seconds: float) -> str:
    if seconds == 0:
        return "0 s"
    for unit, scale in (("s", 1), ("ms", 1e3)):
        if seconds * scale >= 0.9995:
            return f"{_digits(seconds * scale)} {unit}"
    return f"{_digits(seconds * 1e6)} µs"


def _digits(number: float) -> str:
    """Return a number with as many digits as are of use, and no nought behind the point."""
    text = f"{number:.0f}" if number >= 99.95 else f"{number:.1f}" if number >= 9.995 else f"{number:.2g}"
    return text.removesuffix(".0")


def _filled(share: float, parts: int) -> int:
    if not share > 0:  # nothing, less, or not a number
        return 0
    if share >= 1:
        return parts
    return min(parts, max(1, min(round(share * parts), parts - 1)))


def _gathered(numbers: Sequence[float], width: int) -> list[float]:
    many = len(numbers)
    if many <= width or width <= 0:
        return [_real(number) for number in numbers[: max(width, 0)]]
    ends = [many * cell // width for cell in range(width + 1)]
    return [_greatest(numbers[start:end]) for start, end in pairwise(ends)]


def _greatest(numbers: Sequence[float]) -> float:
    return max((number for number in map(_real, numbers) if not math.isnan(number)), default=math.nan)


def _mark(height: float, low: float, high: float, marks: str) -> str:
    if math.isnan(height):
        return " "
    if math.isinf(height):
        return marks[-1] if height > 0 else marks[0]
    span = high - low
    share = (height - low) / span if 0 < span < math.inf else 0.0
    return marks[min(int(share * len(marks)), len(marks) - 1)]
