"""What a server's sentence on the time that a command takes amounts to, for one argv and keys of known lengths.

Pure. It reads what ``O(N)`` counts: a sentence that it does not understand says nothing, and nothing is claimed.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final, Literal, NamedTuple, TypeAlias

from pyredis.commands.grammar import Role

__all__ = ["Cost", "Reach", "cost", "span"]

Reach: TypeAlias = Literal["constant", "arguments", "values", "returned", "database", "databases", "unknown"]
"""What the time grows with: nothing, what the line names, all that its keys hold, what it returns or removes of
that, the keys of the database, those of all databases, or nobody knows."""


class Cost(NamedTuple):
    """The order, ``O(log(N)+M)`` or empty, and what it counts. ``removes``: it counts what a range leaves."""

    order: str
    reach: Reach
    removes: bool = False


_MEANINGS: Final[tuple[tuple[str, Reach], ...]] = (
    (r"for every call", "constant"),
    (r"additional O\(N\*M\) to reconstruct|bounding box", "unknown"),
    (r"keys in all databases", "databases"),
    (r"keys in the (selected )?database", "database"),
    (
        r"size of the hash|set cardinality|in all (the |given )*sets|sum of the sizes|length of the list and"
        r"|elements in the list, for the average|nested items|in the list or set to sort|the smallest (set|input)"
        r"|size of the first set|keys that will be removed|to serialize it|are the lengths of",
        "values",
    ),
    (
        r"in the specified range|(elements|members|fields|entries)( being)? (returned|removed)"
        r"|length of the returned string|to be removed by the operation|stored into the destination",
        "returned",
    ),
    (r"^O\((1|log ?\(?N\)*)\)", "constant"),
    (
        r"specified|provided|requested|(is|number of \w+( \w+)?) being (set|checked|requested)|passed count"
        r"|to (set|retrieve|check|subscribe|unsubscribe|be removed|look up)\b|will be touched"
        r"|elements popped|elements to be removed",
        "arguments",
    ),
)


def cost(sentence: str) -> Cost:
    """Return what a sentence says: the first of the meanings that it has."""
    order = _order(sentence)
    if not order:
        return Cost("", "unknown")
    if re.fullmatch(r"O\(N\)\.?", sentence.strip()):
        return Cost(order, "values")
    for pattern, reach in _MEANINGS:
        if re.search(pattern, sentence):
            return Cost(order, reach, "to be removed by the operation" in sentence)
    return Cost(order, "unknown")


def _order(sentence: str) -> str:
    """Return the first ``O(...)``, with those that are added to it, parentheses balanced."""
    start = sentence.find("O(")
    if start < 0:
        return ""
    end = _closing(sentence, start + 1)
    more = re.match(r" ?\+ ?(?=O\()", sentence[end:])
    while end and more:
        end = _closing(sentence, end + more.end() + 1)
        more = re.match(r" ?\+ ?(?=O\()", sentence[end:])
    return sentence[start:end]


def _closing(sentence: str, opening: int) -> int:
    """Return the place behind the parenthesis that closes the one there; 0 when none does."""
    depth = 0
    for place in range(opening, len(sentence)):
        depth += {"(": 1, ")": -1}.get(sentence[place], 0)
        if depth == 0:
            return place + 1
    return 0


# -- how much of a value a range is

_NO_INDICES: Final = frozenset({"BYSCORE", "BYLEX", "LIMIT", "COUNT"})
_ENDS: Final = frozenset({"stop", "end"})


def span(roles: Sequence[Role], words: Sequence[bytes], length: int, *, ids: bool = False) -> int | None:
    """Return how many of so many elements a command's range has; None when it has none that indices tell.

    The words are the arguments, and the roles are what the grammar says that each is. Ends that are ``ids``, as
    those of a stream, tell that only when the range is all of it.
    """
    named = dict(zip((role.name for role in roles), words, strict=False))
    if any(role.kind == "token" and role.name in _NO_INDICES for role in roles):
        return None
    first, last = named.get("start"), next((named[name] for name in _ENDS if name in named), None)
    if first is None or last is None:
        return None
    if ids:
        return length if {first, last} == {b"-", b"+"} else None
    try:
        begin, end = (_index(word, length) for word in (first, last))
    except ValueError:
        return None
    return max(0, min(end, length - 1) - max(begin, 0) + 1)


def _index(word: bytes, length: int) -> int:
    number = int(word)
    return number + length if number < 0 else number
