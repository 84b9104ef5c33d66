"""When to try again: a schedule of growing, scattered waits.

It knows numbers only. It reads no clock, draws no random number and never sees an error: what is tried again,
and whether trying again can help, is for its users to say.
"""

from __future__ import annotations

import math

from pyredis.records import dataclass

__all__ = ["Backoff"]


@dataclass(frozen=True, slots=True)
class Backoff:
    """A schedule of waits in seconds: ``first``, then ``factor`` times as long each time, at most ``most``.

    Chance takes up to the share ``spread`` off every wait, so that clients which lost the same server do not
    come back all at once. ``attempts`` limits how often is tried; None is without end.
    """

    first: float = 0.05
    most: float = 5.0
    factor: float = 2.0
    spread: float = 0.5
    attempts: int | None = None

    def __post_init__(self) -> None:
        if not 0 < self.first <= self.most < math.inf:
            raise ValueError(
                f"first must be more than 0 and at most {self.most=}, a finite number; got {self.first}"
            )
        if not 1 <= self.factor < math.inf:
            raise ValueError(f"factor must be 1 or more, got {self.factor}")
        if not 0 <= self.spread <= 1:
            raise ValueError(f"spread must be between 0 and 1, got {self.spread}")
        if self.attempts is not None and self.attempts < 1:
            raise ValueError(f"attempts must be at least 1, or None for no limit; got {self.attempts}")

    def delay(self, attempt: int, chance: float) -> float:
        """Return how long to wait before an attempt, counted from 0; ``chance`` is a number from 0 to 1."""
        return self._longest(attempt) * (1 - self.spread * chance)

    def allows(self, attempt: int) -> bool:
        """Whether there is to be an attempt of that number, counted from 0."""
        return self.attempts is None or attempt < self.attempts

    def _longest(self, attempt: int) -> float:
        try:
            return min(self.most, self.first * self.factor**attempt)
        except OverflowError:
            return self.most
