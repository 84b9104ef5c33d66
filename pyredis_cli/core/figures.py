"""What was measured of a server before a command is sent, and what can be read from that.

Pure, and every number may be missing.
"""

from __future__ import annotations

from pyredis.records import NamedTuple

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["Figures", "Size", "counted", "keys_in", "keyspace", "whole"]


_KEYSPACE = "# Keyspace"


class Size(NamedTuple):
    """How large a value is; ``memory`` None when the server does not tell."""

    type: str
    elements: int
    memory: int | None = None


class Figures(NamedTuple):
    """What was measured; what is missing is not known. ``seconds`` is the time of the server, ``info`` are the
    lines of INFO, the headings of its sections among them.

    ``late``: there was no time to measure all.
    """

    info: Mapping[str, str] = {}
    seconds: float = 0.0
    database: int | None = None
    keys_here: int | None = None
    parameters: Mapping[bytes, bytes] = {}
    sizes: Mapping[bytes, Size] = {}
    existing: Mapping[tuple[bytes, ...], int] = {}
    slots: Mapping[bytes, int] = {}
    documents: Mapping[bytes, int] = {}
    cluster: Mapping[str, str] = {}
    late: bool = False


def keyspace(figures: Figures) -> dict[int, int] | None:
    """Return how many keys each database has that has any; None when that is not known."""
    if _KEYSPACE not in figures.info:  # as behind some proxies, which is not that there is none
        return None
    counts = {}
    for name, value in figures.info.items():
        found = _number(name[2:]) if name.startswith("db") else None
        keys_ = _number(value.partition("keys=")[2].partition(",")[0])
        if found is not None:
            if keys_ is None:
                return None
            counts[found] = keys_
    return counts


def keys_in(database: int | None, figures: Figures) -> int | None:
    """Return how many keys a database has; None when that is not known."""
    if database is not None and database == figures.database and figures.keys_here is not None:
        return figures.keys_here
    found = keyspace(figures)
    return None if found is None or database is None else found.get(database, 0)


def counted(figures: Figures, name: str) -> int | None:
    """Return a number of INFO; None when it is not there."""
    return _number(figures.info.get(name, ""))


def _number(text: str) -> int | None:
    return whole(text.encode("utf-8", "surrogateescape"))


def whole(word: bytes) -> int | None:
    """Return the whole number that a word is, None for anything else."""
    return int(word) if word.isdigit() and len(word) < 20 else None
