"""How many commands may be on their way: more while replies are short, so that neither side holds many.

Pure: it counts commands and bytes of replies, and sees neither.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Final

__all__ = ["Window"]

_FIRST: Final = 1
_MOST: Final = 8192
_MOST_UNSURE: Final = 2048
_REPLIES: Final = 1024 * 1024
"""Bytes of replies that may be on their way, as far as one can tell from those that came."""
_MOST_NAMES: Final = 1000


class Window:
    """A limit for each command by its name: nobody knows the size of a reply before one has come."""

    def __init__(self) -> None:
        self._limits: dict[bytes, int] = {}

    def room(self, names: Iterable[bytes], owed: int, *, short: bool) -> int:
        """Return how many commands, all of these names, may be sent while so many are owed.

        ``short``: none of them has long replies by its nature, whatever there is in the database.
        """
        most = _MOST if short else _MOST_UNSURE
        return max(0, min([most, *[self._limits.get(name, _FIRST) for name in names]]) - owed)

    def learn(self, names: Iterable[bytes], replies: int, size: int) -> None:
        """Take note of how long replies were to commands of these names, or how much of one has come so far."""
        most = min(_MOST, _REPLIES * max(replies, 1) // max(size, 1))
        if len(self._limits) > _MOST_NAMES:
            self._limits.clear()
        for name in names:
            limit = self._limits.get(name, _FIRST)
            self._limits[name] = max(1, min(most, 2 * limit if replies else limit))
