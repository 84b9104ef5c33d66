"""How the numbers of a reply went from one time to the next, by their names. Pure."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Final

from prompt_toolkit.utils import get_cwidth

from pyredis.types import Reply
from pyredis_cli.render.escape import printable
from pyredis_cli.render.named import MOST, number_of
from pyredis_cli.render.units import spark

__all__ = ["Trends"]

_TIMES: Final = 40
"""So many times are drawn."""
_NAME: Final = 32


class Trends:
    """The numbers of the last times."""

    def __init__(self) -> None:
        self._series: dict[str, deque[float]] = {}
        self._changes: dict[str, int] = {}
        self._times = 0

    def add(self, values: Mapping[str, Reply]) -> None:
        """Add what the reply has this time; a name that is missing, or is no number now, has a gap."""
        found = {name: number for name, value in values.items() if (number := number_of(value)) is not None}
        for name, number in found.items():
            if name in self._series or len(self._series) < MOST:
                gaps = [math.nan] * min(self._times, _TIMES)
                self._series.setdefault(name, deque(gaps, maxlen=_TIMES)).append(number)
        self._times += 1
        for name in self._series.keys() - found:
            self._series[name].append(math.nan)
        self._forget()
        for name, series in self._series.items():
            if _moved(series):
                self._changes[name] = self._changes.get(name, 0) + 1

    def _forget(self) -> None:
        """Forget the names that have had no number as long as is drawn."""
        for name in [name for name, series in self._series.items() if all(map(math.isnan, series))]:
            del self._series[name]
            self._changes.pop(name, None)

    def rows(self, most: int, columns: int, *, ascii: bool = False) -> Sequence[str]:
        """Return a row for each number that changed, at most so many: those that go up and down, and often."""
        often = sorted(self._changes, key=self._weight)
        room = most if len(often) <= most else most - 1
        best = set(often[: max(room, 0)])
        chosen = [name for name in self._series if name in best]
        labels = {name: _short(name, min(_NAME, columns // 2)) for name in chosen}
        wide = max(map(get_cwidth, labels.values()), default=0)
        rows = [
            f"{label}{' ' * (wide - get_cwidth(label))}  {_row(self._series[name], columns - wide - 2, ascii)}"
            for name, label in labels.items()
        ]
        if len(often) > most > 0:
            rows.append(f"… {len(often) - len(chosen)} more numbers changed")
        return rows

    def _weight(self, name: str) -> tuple[bool, int]:
        """Return what puts numbers in order: clocks and counters, which only grow, come last."""
        numbers = [number for number in self._series[name] if not math.isnan(number)]
        return all(before <= after for before, after in pairwise(numbers)), -self._changes[name]


def _moved(series: deque[float]) -> bool:
    """Whether the last number is another one than that before."""
    return len(series) > 1 and not math.isnan(series[-1] + series[-2]) and series[-1] != series[-2]


def _row(series: deque[float], columns: int, ascii: bool) -> str:
    numbers = [number for number in series if not math.isnan(number)]
    least, now = min(numbers), numbers[-1]
    # What grows from a million is flat above 0.
    drawn = spark([number - least for number in series], max(1, min(_TIMES, columns - 24)), ascii=ascii)
    step = numbers[-1] - numbers[-2] if len(numbers) > 1 else 0
    row = f"{drawn}  {_written(now)}"
    stepped = f"{row}  {_written(step, sign=True)}" if step else row
    return stepped if len(stepped) <= columns else row  # cut off, a step would be another number


def _written(number: float, *, sign: bool = False) -> str:
    if math.isfinite(number) and number == int(number) and abs(number) < 1e15:
        return f"{int(number):+,}" if sign else f"{int(number):,}"
    return f"{number:+.6g}" if sign else f"{number:.6g}"


def _short(name: str, most: int) -> str:
    name = printable(name)
    while get_cwidth(name) > most and len(name) > 1:
        name = name[:-2] + "…"
    return name
