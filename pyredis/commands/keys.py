"""Which arguments of a command say where it belongs: its keys, and shard channels, which are routed like keys.

It reads the key specs of the facts, as a server does for COMMAND GETKEYS, and never refuses an argv: of one that
is too short or makes no sense it returns what can be read, for the server will say what is wrong.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pyredis.commands.rows import canonical
from pyredis.commands.spec import Spec

__all__ = ["key_positions", "keys"]


def keys(spec: Spec, argv: Sequence[bytes]) -> tuple[bytes, ...]:
    """Return the keys of a command, in its order."""
    return tuple([argv[place] for place in key_positions(spec, argv)])


def key_positions(spec: Spec, argv: Sequence[bytes]) -> tuple[int, ...]:
    """Return the indices of the keys, in order."""
    found: set[int] = set()
    instead: set[int] = set()
    for _, begin, rest in spec.key_specs:
        first = _first(begin, argv)
        if first is not None:
            at_end = begin[0] == "keyword" and begin[2] < 0
            (instead if at_end else found).update(_places(rest, first, argv))
    # MIGRATE's one key is empty when KEYS brings several, behind all that it must have.
    if instead and min(instead) > -spec.arity and not any(argv[place] for place in found):
        return tuple(sorted(instead))
    return tuple(sorted(found))


def _first(begin: tuple[Any, ...], argv: Sequence[bytes]) -> int | None:
    """Return where the keys of a spec begin, or None when this argv has none."""
    match begin:
        case ("index", place):
            return place if place < len(argv) else None
        case ("keyword", word, start):
            # A negative start counts from the end, and the search goes backwards from there.
            order = range(start, len(argv)) if start > 0 else range(len(argv) + start, 0, -1)
            for place in order:
                if canonical(argv[place]) == word:
                    return place + 1 if place + 1 < len(argv) else None
    return None


def _places(rest: tuple[Any, ...], first: int, argv: Sequence[bytes]) -> range:
    """Return the indices of the keys from the first one on."""
    match rest:
        case ("range", last, step, limit):
            if last >= 0:
                end = first + last
            elif limit > 1:
                end = first + (len(argv) - first) // limit + last
            else:
                end = len(argv) + last
            return range(first, min(end, len(argv) - 1) + 1, max(step, 1))
        case ("keynum", number, offset, step):
            count = _count(argv, first + number)
            begin = first + offset
            return range(begin, min(begin + count * step, len(argv)), step)
    return range(first, first + 1)  # what is known no better has its first key at least


def _count(argv: Sequence[bytes], place: int) -> int:
    try:
        return max(0, int(argv[place]))
    except (LookupError, ValueError):
        return 0
