"""Which name was probably meant."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from pyredis.commands.spec import Table

__all__ = ["commands_like", "like"]

_MOST: Final = 3
_ALIKE: Final = 0.7


def like(name: str, names: Iterable[str]) -> list[str]:
    """Return the names that are nearly this one, the nearest first; before all, one of the same letters."""
    # Imported where somebody has mistyped something.
    from difflib import get_close_matches

    typed, names = name.upper(), list(names)
    swapped = [other for other in names if sorted(other) == sorted(typed)]
    return list(dict.fromkeys([*swapped, *get_close_matches(typed, names, n=_MOST, cutoff=_ALIKE)]))[:_MOST]


def commands_like(name: str, table: Table) -> list[str]:
    """Return the commands that the server has whose names are nearly this one, the nearest first."""
    return like(name, (known for known in table.names() if " " not in known and table.has(known)))
