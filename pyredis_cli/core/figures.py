"""What was measured of a server before a command is sent, and what can be read from that.

Pure, and every number may be missing.
"""

from __future__ import annotations

from pyredis.records import NamedTuple

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Final

__all__ = ["Figures", "Size", "added", "counted", "human_size", "keys_in", "keyspace", "stays", "whole"]


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
    nodes: int = 1
    """How many servers they are the sum of."""

    def elsewhere(self, database: int | None) -> Figures:
        """Return what they tell of another database of the server."""
        return self._replace(database=database, keys_here=None, sizes={}, existing={}, late=False)

    def without(self, name: str) -> Figures:
        """Return what they tell when this line of INFO may be another one by then."""
        return self._replace(info={line: value for line, value in self.info.items() if line != name})

    def once_set(self, names: Sequence[bytes]) -> Figures:
        """Return what they tell when these parameters may be something else by then."""
        gone = {name.lower() for name in names}
        kept = {name: value for name, value in self.parameters.items() if name not in gone}
        left = self.without("aof_enabled") if b"appendonly" in gone else self
        return left._replace(parameters=kept)


def added(each: Sequence[Figures]) -> Figures:
    """Return what several servers have together; of which one does not tell, nothing is known.

    When they were saved, the one says that was saved first.
    """
    first = min(each, key=lambda one: counted(one, "rdb_last_save_time") or 0)
    if len(each) == 1:
        return first
    here = [one.keys_here for one in each if one.keys_here is not None]
    return first._replace(
        info=_added_info(first, each) if all(one.info for one in each) else {},
        keys_here=sum(here) if len(here) == len(each) else None,
        parameters=dict(set.intersection(*(set(one.parameters.items()) for one in each))),
        slots={
            slot: sum(one.slots[slot] for one in each)
            for slot in first.slots
            if all(slot in one.slots for one in each)
        },
        nodes=len(each),
    )


_ADDED: Final = (
    "connected_clients",
    "connected_slaves",
    "number_of_cached_scripts",
    "number_of_functions",
    "number_of_libraries",
    "rdb_changes_since_last_save",
    "used_memory",
)


def _added_info(first: Figures, each: Sequence[Figures]) -> dict[str, str]:
    info = {name: value for name, value in first.info.items() if not name.startswith("db")}
    for name in _ADDED:
        counts = [counted(one, name) for one in each]
        info[name] = "" if None in counts else str(sum(count or 0 for count in counts))
    for name in ("aof_enabled", "aof_last_write_status"):
        if len({one.info.get(name) for one in each}) > 1:
            info[name] = ""
    info["used_memory_human"] = human_size(int(info["used_memory"])) if info["used_memory"] else ""
    for one in each:
        found = keyspace(one)
        if found is None:
            return {name: value for name, value in info.items() if name != _KEYSPACE}
        for database, number in found.items():
            before = keys_in(database, Figures(info)) or 0
            info[f"db{database}"] = f"keys={before + number}"
    return info


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


_UNITS: Final = {
    b"b": 1,
    b"k": 1000,
    b"kb": 1024,
    b"m": 1000**2,
    b"mb": 1024**2,
    b"g": 1000**3,
    b"gb": 1024**3,
}


def stays(name: bytes, value: bytes, figures: Figures) -> bool:
    """Return whether a parameter of the server is known to be what it would be."""
    now = figures.parameters.get(name.lower())
    return now is not None and (now == value or _bytes(now) == _bytes(value) is not None)


def _bytes(value: bytes) -> int | None:
    """Return the number that a size of memory is, None for anything else."""
    digits = value.rstrip(b"bkmgBKMG")
    number, unit = whole(digits), _UNITS.get(value[len(digits) :].lower() or b"b")
    return None if number is None or unit is None else number * unit


def whole(word: bytes) -> int | None:
    """Return the whole number that a word is, None for anything else."""
    return int(word) if word.isdigit() and len(word) < 20 else None


def human_size(number: int) -> str:
    """Return a number of bytes as INFO writes it: ``1.05M``."""
    unit, rest = "B", float(number)
    for larger in "KMGTP":
        if rest < 1024:
            break
        unit, rest = larger, rest / 1024
    return f"{rest:.2f}{unit}".replace(".00B", "B")
