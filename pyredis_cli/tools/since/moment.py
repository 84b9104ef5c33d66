"""What a server has told of itself, read: the fields of INFO, calls by how long they took, spikes, the slow log.

Pure. What is not there, or is not what it should be, is as if it had not been told; nothing here raises.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import suppress
from typing import Any, Final, NamedTuple, TypeAlias, TypeVar, cast

from pyredis.types import Reply
from pyredis_cli.core.vitals import Vitals
from pyredis_cli.render.texts import structured
from pyredis_cli.render.views.reading import Unexpected, integer, items, mapping, text

__all__ = ["Buckets", "Moment", "Slow", "Spike", "read"]

T = TypeVar("T")

Buckets: TypeAlias = Mapping[int, int]
"""How many calls took at most so many microseconds, as sums: each has those before it in it."""

# No counter of a server goes further; 15 digits are whole numbers in a float, too.
_ABSURD: Final = 2**64
_ROW: Final = re.compile(r"(cmdstat|errorstat)_(.+)", re.DOTALL)


class Slow(NamedTuple):
    """An entry of the slow log."""

    id: int
    time: int
    usec: int
    argv: tuple[bytes, ...]
    client: bytes
    name: bytes


class Spike(NamedTuple):
    """The last time that an event took long, when that was, and the longest time ever."""

    event: str
    time: int
    latest_ms: int
    max_ms: int


class Moment(NamedTuple):
    """What was told at one moment; ``slow`` and ``spikes`` are None when the server does not tell them."""

    at: float
    clock: float
    fields: Mapping[str, Reply]
    calls: Mapping[str, Buckets]
    spikes: Sequence[Spike] | None
    slow: Sequence[Slow] | None
    errors: Sequence[tuple[str, str]]
    """Which questions of ours were refused, and with which code."""

    def of(self, names: Collection[str]) -> Moment:
        """Return those fields alone."""
        return self._replace(fields={name: found for name, found in self.fields.items() if name in names})

    def number(self, name: str) -> float | None:
        """Return the number in a field, None where there is none."""
        return _real(self.fields.get(name))

    def word(self, name: str) -> str | None:
        found = self.fields.get(name)
        return None if found is None or isinstance(found, dict | list) else _words(found)

    def rows(self, family: str) -> Iterator[tuple[str, Mapping[str, float]]]:
        """Yield the rows of a table in INFO, ``cmdstat`` or ``errorstat``: a name and its numbers."""
        for name, found in self.fields.items():
            row = _ROW.fullmatch(name)
            if row and row[1] == family and isinstance(found, dict):
                yield row[2], _numbers(found)

    def databases(self) -> Mapping[str, float]:
        """Return how many keys each database has."""
        numbers = {
            name: _numbers(found).get("keys")
            for name, found in self.fields.items()
            if isinstance(found, dict) and re.fullmatch("db[0-9]+", name)
        }
        return {name: keys for name, keys in numbers.items() if keys is not None}

    def replicas(self) -> Sequence[Mapping[str, Reply]]:
        """Return what a primary tells of its replicas."""
        return [
            cast("Mapping[str, Reply]", found)
            for name, found in self.fields.items()
            if isinstance(found, dict) and re.fullmatch("slave[0-9]+", name)
        ]


def read(vitals: Vitals) -> Moment:
    """Return what is in the replies."""
    info, histogram, latest, slow, *_ = (*vitals.replies, None, None, None)
    return Moment(
        vitals.at,
        vitals.clock,
        _fields(info),
        _calls(histogram),
        _each(latest, _spike),
        _each(slow, _entry),
        vitals.errors,
    )


def _fields(info: Reply) -> Mapping[str, Reply]:
    sections = structured(info, "info")
    fields: dict[str, Reply] = {}
    if isinstance(sections, dict):
        for section in sections.values():
            if isinstance(section, dict):
                fields |= {name: found for name, found in section.items() if isinstance(name, str)}
    return fields


def _calls(histogram: Reply) -> Mapping[str, Buckets]:
    found: dict[str, Buckets] = {}
    with suppress(Unexpected):
        for name, said in mapping(histogram):
            parts = {text(part): value for part, value in mapping(said)}
            buckets = mapping(parts.get("histogram_usec"))
            found[text(name)] = {_whole(most): _whole(count) for most, count in buckets}
    return found


def _spike(reply: Reply) -> Spike:
    event, time, latest, longest, *_ = items(reply)
    return Spike(text(event), _whole(time), _whole(latest), _whole(longest))


def _entry(reply: Reply) -> Slow:
    identity, time, usec, argv, *client = items(reply)
    address, name = client[:2] if len(client) > 1 else (b"", b"")
    words = tuple(_bytes(word) for word in items(argv))
    return Slow(_whole(identity), _whole(time), _whole(usec), words, _bytes(address), _bytes(name))


def _each(reply: Reply, read: Callable[[Reply], T]) -> Sequence[T] | None:
    with suppress(Unexpected, ValueError):
        return [read(item) for item in items(reply)]
    return None


def _whole(reply: Reply) -> int:
    found = integer(reply)
    if not 0 <= found < _ABSURD:
        raise Unexpected("no server counts that far")
    return found


def _real(found: Reply) -> float | None:
    if isinstance(found, bool) or not isinstance(found, int | float):
        return None
    return found if math.isfinite(found) and abs(found) < _ABSURD else None


def _numbers(found: Mapping[Any, Reply]) -> Mapping[str, float]:
    numbers = {name: _real(said) for name, said in found.items() if isinstance(name, str)}
    return {name: said for name, said in numbers.items() if said is not None}


def _bytes(reply: Reply) -> bytes:
    return text(reply).encode("utf-8", "surrogateescape")


def _words(found: Reply) -> str | None:
    match found:
        case str():
            return found
        case bytes():
            return found.decode("utf-8", "backslashreplace")
        case bool() | None:
            return None
        case int() | float():
            return str(found)
    return None
