"""How much of a reply is made at once: runs of its elements, slices of a long value, batches of what is written.

What is made one by one is slow, what is made whole fills the memory. It knows sizes and nothing of formats.
"""

from __future__ import annotations

from itertools import chain, islice

from pyredis.records import cast

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from typing import Final, TypeGuard, TypeVar

    T = TypeVar("T")

__all__ = ["LONG", "in_batches", "pairs_of_strings", "runs", "short_strings", "slices"]

LONG: Final = 64 * 1024
"""Bytes above which a value is made in slices, and a run of values one by one."""

_RUN: Final = 512  # elements
_FEW: Final = 4  # elements, for which looking at them all together does not pay
_BULK: Final = frozenset([bytes])


def runs(items: Iterable[T]) -> Iterator[list[T]]:
    """Yield the items in the order they come, some hundred at a time."""
    rest = iter(items)
    while run := list(islice(rest, _RUN)):
        yield run


def short_strings(run: Sequence[object]) -> TypeGuard[Sequence[bytes]]:
    """Return whether a run is worth being made at once: bulk strings and nothing else, short all together."""
    if len(run) < _FEW or not _BULK.issuperset(map(type, run)):
        return False
    return sum(map(len, cast("Sequence[bytes]", run))) <= LONG


def pairs_of_strings(run: Sequence[tuple[object, object]]) -> Sequence[tuple[bytes, bytes]]:
    """Return the run if its keys and values are worth being made at once, else nothing."""
    return cast("Sequence[tuple[bytes, bytes]]", run) if short_strings(list(chain(*run))) else ()


def slices(value: bytes) -> Iterator[bytes]:
    """Yield a long value piece by piece, never cut within a character of UTF-8.

    Whatever writes byte after byte, or decodes UTF-8, makes the same of the slices as of the value. A byte
    before which three others continue a character does not belong to one itself.
    """
    at = 0
    while len(value) - at > LONG:
        end = at + LONG
        end = next((cut for cut in range(end, end - 4, -1) if value[cut] & 0xC0 != 0x80), end)
        yield value[at:end]
        at = end
    yield value[at:]


def in_batches(parts: Iterable[bytes], size: int) -> Iterator[bytes]:
    """Yield the same bytes in batches of ``size``, or a little more."""
    batch = bytearray()
    for part in parts:
        for start in range(0, len(part), size):
            batch += part[start : start + size]
            if len(batch) >= size:
                yield bytes(batch)
                batch.clear()
    if batch:
        yield bytes(batch)
