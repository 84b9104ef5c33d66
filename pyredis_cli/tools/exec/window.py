"""How many commands may be on their way: more while replies are short, so that neither side holds many.

Fewer where a reply may be late: a server that works on some commands answers none of them until it is done with
all. Pure: it counts commands, bytes of replies and seconds, and sees no command, no reply and no clock.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Final

__all__ = ["Window"]

_FIRST: Final = 1
_MOST: Final = 8192
_MOST_UNSURE: Final = 256
_MOST_TIMED: Final = 16
_SHARE: Final = 8
"""What part of the time limit may go by in silence: commands may become slower from one to the next."""
_REPLIES: Final = 1024 * 1024
"""Bytes of replies that may be on their way, as far as one can tell from those that came."""
_MOST_NAMES: Final = 1000


class Window:
    """A limit for each command by its name: nobody knows the size of a reply before one has come.

    ``seconds``: for how long the server may say nothing, None is for ever.
    """

    def __init__(self, seconds: float | None = None) -> None:
        self._seconds = seconds
        self._most = _MOST if seconds is None else _MOST_TIMED
        self._limits: dict[bytes, int] = {}

    def room(self, names: Iterable[bytes], owed: int, *, short: bool) -> int:
        """Return how many commands, all of these names, may be sent while so many are owed.

        ``short``: none of them has long replies by its nature, whatever there is in the database.
        """
        most = self._most if short else _MOST_UNSURE
        return max(0, min([most, *[self._limits.get(name, _FIRST) for name in names]]) - owed)

    def learn(self, names: Iterable[bytes], replies: int, size: int, silence: float = 0.0) -> None:
        """Take note of how long replies were to commands of these names, or how much of one has come so far.

        Nothing came for so many seconds before them.
        """
        most = min(self._most, _REPLIES * max(replies, 1) // max(size, 1))
        slow = self._seconds is not None and silence * _SHARE > self._seconds
        if len(self._limits) > _MOST_NAMES:
            self._limits.clear()
        for name in names:
            limit = min(most, self._limits.get(name, _FIRST))
            self._limits[name] = max(1, limit // 2 if slow else min(most, 2 * limit if replies else limit))
