"""From a sample of keys to a tree of prefixes: how many keys, how much memory, and how far that may be off. Pure.

SCAN goes through the buckets of a hash table, and which bucket a key is in has nothing to do with its name: what
it has seen is a random sample of all keys. In a cluster newer servers go slot by slot, and keys with the same
hash tag share one, so there the sample is one of slots. From such a sample of n keys of N a number of keys is N/n
times what was seen, and its standard error is that of the mean of n draws without replacement. Of the keys that
were seen some were measured: memory is keys times the mean of those, and both errors count. Errors are of 95 %:
19 of 20 are smaller.
"""

from __future__ import annotations

import math
import random
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, Literal, NamedTuple

from pyredis.commands.slots import key_slot
from pyredis_cli.tools.keys.names import ROOT, Place, places

__all__ = ["Cut", "Measured", "Outline", "Row", "Seen", "estimated", "outlined", "unmeasured"]

_SURE: Final = 1.96
_SURELY: Final = 0.95
_LEAST_SHARE: Final = 0.01  # of all keys, or of their memory, below which a prefix is folded
_LEAST_OF_ONE: Final = 0.05  # the same of a single key
_LEAST_DRAWN: Final = 5  # keys, or slots, below which nothing can be said of a prefix, unless all were seen
_MOST: Final = 20  # rows at the first level
_MOST_BELOW: Final = 8  # rows below another one
_ENOUGH: Final = 60  # keys of a row that tell its mean


class Seen(NamedTuple):
    """What was seen of one node: of its ``total`` keys so many were looked at, and ``keys`` fit the prefix.

    ``slots`` are how many of those that were looked at are in which slot, in a cluster.
    """

    total: int
    looked: int
    keys: Sequence[bytes]
    complete: bool
    slots: Mapping[int, int] = {}


class Measured(NamedTuple):
    """What the server says of a key; None where it does not."""

    memory: int | None
    expires: bool | None


class Cut(NamedTuple):
    """How names are cut: what all keys begin with, what divides their parts, and how many parts count."""

    prefix: bytes = b""
    by: bytes = b":"
    depth: int = 3


class Row(NamedTuple):
    """A line of the tree; errors are absolute, 0 where the number is exact."""

    label: bytes
    kind: Literal["all", "prefix", "keys", "others"]
    depth: int
    keys: float
    keys_error: float
    memory: float | None
    memory_error: float | None
    share: float
    without_ttl: float | None
    biggest: bytes | None
    biggest_memory: int | None
    seen: int
    measured: int


@dataclass
class _Branch:
    """A place that is shown, or the rest of one (``others``); ``strata`` are the numbers of what is in it."""

    place: Place
    kind: Literal["all", "prefix", "keys", "others"]
    depth: int
    branches: list[_Branch] = field(default_factory=list)
    stratum: int = -1

    def strata(self) -> list[int]:
        if self.stratum >= 0:
            return [self.stratum]
        return [stratum for branch in self.branches for stratum in branch.strata()]


@dataclass
class Outline:
    """Which rows there are, and in which of the strata each key is: a row, or what is in no row of its own."""

    cut: Cut
    nodes: Sequence[Seen]
    root: _Branch
    strata: list[list[list[bytes]]]
    """By stratum, by node: the keys."""

    @property
    def exact(self) -> bool:
        return all(node.complete for node in self.nodes)


# -- which rows there are


def outlined(nodes: Sequence[Seen], measured: Mapping[bytes, Measured], cut: Cut) -> Outline:
    """Return the rows that are worth one, by the keys that were seen and those of them that were measured."""
    where = [places(node.keys, *cut) for node in nodes]
    weights = [node.total / node.looked if node.looked else 0.0 for node in nodes]
    tree = _Tree()
    for node, found, weight in zip(nodes, where, weights, strict=True):
        memory: Counter[Place] = Counter()
        for key, place in zip(node.keys, found, strict=True):
            if (said := measured.get(key)) is not None:
                memory[place] += said.memory or 0
        by_slot = bool(node.slots) and not node.complete
        for place, seen in Counter(found).items():
            tree.add(place, seen, weight, memory[place], drawn=0 if by_slot else seen)
        if by_slot:
            tree.draw_slots(set(zip(found, map(key_slot, node.keys), strict=True)))
    complete = all(node.complete for node in nodes)
    root = _Branch(ROOT, "all", 0)
    tree.grow(root, complete=complete)
    ends = _numbered(root)
    strata: list[list[list[bytes]]] = [[[] for _ in nodes] for _ in ends]
    known: dict[Place, int] = {}
    for number, (node, found) in enumerate(zip(nodes, where, strict=True)):
        for key, place in zip(node.keys, found, strict=True):
            if place not in known:
                known[place] = _stratum(root, place)
            strata[known[place]][number].append(key)
    return Outline(cut, nodes, root, strata)


class _Tree:
    """All places, with what is known of each: how many keys were seen, how many that means, and memory.

    ``drawn`` is how often luck has led there: as often as there are keys, or slots where they came by the slot.
    """

    def __init__(self) -> None:
        self.seen: Counter[Place] = Counter()
        self.drawn: Counter[Place] = Counter()
        self.keys: defaultdict[Place, float] = defaultdict(float)
        self.memory: defaultdict[Place, float] = defaultdict(float)
        self._below: defaultdict[Place, dict[Place, None]] = defaultdict(dict)

    def add(self, place: Place, seen: int, weight: float, memory: int, *, drawn: int) -> None:
        while True:
            self.seen[place] += seen
            self.drawn[place] += drawn
            self.keys[place] += seen * weight
            self.memory[place] += memory * weight
            if place == ROOT:
                return
            parent = place.parent
            self._below[parent][place] = None
            place = parent

    def draw_slots(self, found: Iterable[tuple[Place, int]]) -> None:
        """Hear which places were met in which slots of a node; it is its slots that were drawn."""
        slots: defaultdict[Place, set[int]] = defaultdict(set)
        for place, slot in found:
            while slot not in slots[place]:
                slots[place].add(slot)
                if place == ROOT:
                    break
                place = place.parent
        for place, met in slots.items():
            self.drawn[place] += len(met)

    def grow(self, branch: _Branch, *, complete: bool) -> None:
        """Give a branch those below it that are worth a row, and one for all others."""
        below = self._sorted(branch.place)
        while len(below) == 1 and (below[0].open or branch.kind != "all"):  # says the same as the one above
            branch.place = below[0]
            if branch.kind != "all":
                branch.kind = "prefix" if branch.place.open else "keys"
            below = self._sorted(branch.place)
        most = _MOST if branch.kind == "all" else _MOST_BELOW
        chosen = [place for place in below if self._is_worth(place, complete)]
        if complete and len(below) <= most and branch.kind == "all":
            chosen = below
        chosen = chosen[:most]
        others = len(below) - len(chosen)
        if others == 1 and (complete or self.drawn[below[-1]] >= _LEAST_DRAWN):
            chosen, others = below, 0
        if not chosen:
            return
        for place in chosen:
            child = _Branch(place, "prefix" if place.open else "keys", branch.depth + 1)
            self.grow(child, complete=complete)
            branch.branches.append(child)
        if others:
            branch.branches.append(_Branch(branch.place, "others", branch.depth + 1))

    def _sorted(self, place: Place) -> list[Place]:
        return sorted(self._below[place], key=self._weight, reverse=True)

    def _weight(self, place: Place) -> float:
        memory = self.memory[place] / self.memory[ROOT] if self.memory[ROOT] else 0.0
        return max(memory, self.keys[place] / self.keys[ROOT] if self.keys[ROOT] else 0.0)

    def _is_worth(self, place: Place, complete: bool) -> bool:
        least = _LEAST_SHARE if self.seen[place] > 1 else _LEAST_OF_ONE
        return self._weight(place) >= least and (complete or self.drawn[place] >= _LEAST_DRAWN)


def _numbered(root: _Branch) -> list[_Branch]:
    """Number the branches that have none below them: these are the strata."""
    ends: list[_Branch] = []
    waiting = [root]
    while waiting:
        branch = waiting.pop()
        if branch.branches:
            waiting += branch.branches
        else:
            branch.stratum = len(ends)
            ends.append(branch)
    return ends


def _stratum(branch: _Branch, place: Place) -> int:
    """Return the number of the stratum that a place is in."""
    while branch.branches:
        others = branch.branches[-1]
        branch = next((one for one in branch.branches if one.kind != "others" and _is_in(place, one)), others)
    return branch.stratum


def _is_in(place: Place, branch: _Branch) -> bool:
    above = branch.place
    if not above.open:
        return place == above
    return place.parts[: len(above.parts)] == above.parts and (
        place.open or len(place.parts) > len(above.parts)
    )


# -- what is to be measured


def unmeasured(outline: Outline, measured: Mapping[bytes, Measured], draw: random.Random) -> list[bytes]:
    """Return keys to be measured so that something is known of each row, drawn from those that were seen."""
    wanted: list[bytes] = []
    for by_node in outline.strata:
        keys = [key for keys in by_node for key in keys]
        missing = _ENOUGH - sum(key in measured for key in keys)
        left = [key for key in keys if key not in measured] if missing > 0 else []
        wanted += draw.sample(left, min(missing, len(left))) if left else []
    return wanted


# -- estimates


class _Stratum(NamedTuple):
    """What is known of a stratum: how many keys it has, and of those that were measured the mean and more."""

    keys: float
    seen: int
    mean: float | None
    error: float
    """The variance of their memory that comes from having measured few."""
    without_ttl: float | None
    biggest: tuple[int, bytes] | None
    measured: int


def estimated(outline: Outline, measured: Mapping[bytes, Measured]) -> list[Row]:
    """Return the rows from the first to the last, each before those that it is made of; the first is all."""
    strata = [_about(outline, by_node, measured) for by_node in outline.strata]
    units = [_units(outline, number) for number in range(len(outline.nodes))]
    memory = _sum([stratum.mean and stratum.mean * stratum.keys for stratum in strata if stratum.seen])
    keys = sum(stratum.keys for stratum in strata)

    def rows(branch: _Branch) -> Iterator[Row]:
        row = _row(outline, branch, strata, units)
        whole = memory if row.memory is not None and memory else keys
        part = row.memory if row.memory is not None and memory else row.keys
        yield row._replace(share=part / whole if whole else 0.0)
        found = [list(rows(below)) for below in branch.branches]
        last = len(found) - (bool(branch.branches) and branch.branches[-1].kind == "others")
        by_weight = sorted(found[:last], key=lambda below: (below[0].share, below[0].keys), reverse=True)
        for below in (*by_weight, *found[last:]):
            yield from below

    return list(rows(outline.root))


def _sum(numbers: Sequence[float | None]) -> float | None:
    """Return the sum of what is known, None when nothing is: of keys that went meanwhile nobody tells the size."""
    known = [number for number in numbers if number is not None]
    return sum(known) if known else None


def _about(
    outline: Outline, by_node: Sequence[Sequence[bytes]], measured: Mapping[bytes, Measured]
) -> _Stratum:
    keys = sum(
        node.total * len(keys) / node.looked
        for node, keys in zip(outline.nodes, by_node, strict=True)
        if node.looked
    )
    known = [(key, measured[key]) for keys in by_node for key in keys if key in measured]
    sizes = [(said.memory, key) for key, said in known if said.memory is not None]
    lives = [said.expires for _, said in known if said.expires is not None]
    mean, error = _mean([size for size, _ in sizes], keys)
    return _Stratum(
        keys,
        sum(map(len, by_node)),
        mean,
        error,
        lives.count(False) / len(lives) if lives else None,
        max(sizes) if sizes else None,
        len(sizes),
    )


def _mean(sizes: Sequence[int], keys: float) -> tuple[float | None, float]:
    """Return the mean, and the variance that the sum over so many keys has because only these were measured."""
    count = len(sizes)
    if not count:
        return None, 0.0
    mean = sum(sizes) / count
    left = max(0.0, 1 - count / keys) if keys else 0.0
    # One key does not tell how much others differ; as much as they are large is a careful guess.
    spread = sum((size - mean) ** 2 for size in sizes) / (count - 1) if count > 1 else mean**2
    return mean, keys**2 * left * spread / count


_Unit = tuple[int, Mapping[int, int]]
"""How many keys were looked at in one draw of the sample, and how many of them are in which stratum."""


def _units(outline: Outline, number: int) -> list[_Unit]:
    """Return the slots of a node that were seen, each with what is in it; none where keys were drawn."""
    node = outline.nodes[number]
    if not node.slots or node.complete:
        return []
    counts: defaultdict[int, Counter[int]] = defaultdict(Counter)
    for stratum, by_node in enumerate(outline.strata):
        for key in by_node[number]:
            counts[key_slot(key)][stratum] += 1
    return [(size, counts[slot]) for slot, size in node.slots.items()]


def _row(
    outline: Outline, branch: _Branch, strata: Sequence[_Stratum], units: Sequence[Sequence[_Unit]]
) -> Row:
    inside = branch.strata()
    some = [strata[stratum] for stratum in inside if strata[stratum].seen]
    keys = sum(stratum.keys for stratum in some)
    means = {stratum: strata[stratum].mean or 0.0 for stratum in inside}
    memory = _sum([stratum.mean and stratum.mean * stratum.keys for stratum in some])
    error = (
        _SURE * math.sqrt(_variance(outline, dict.fromkeys(inside, 1.0), units)) if some else _unseen(outline)
    )
    of_memory = _variance(outline, means, units) + sum(stratum.error for stratum in some)
    lives = [(stratum.without_ttl, stratum.keys) for stratum in some if stratum.without_ttl is not None]
    biggest = max((stratum.biggest for stratum in some if stratum.biggest is not None), default=None)
    return Row(
        outline.cut.prefix
        if branch.kind == "all"
        else branch.place.label(outline.cut.prefix, outline.cut.by),
        branch.kind,
        branch.depth,
        keys,
        error,
        memory,
        None if memory is None else _SURE * math.sqrt(of_memory),
        0.0,
        _weighted(lives),
        biggest[1] if biggest else None,
        biggest[0] if biggest else None,
        sum(stratum.seen for stratum in some),
        sum(stratum.measured for stratum in some),
    )


def _unseen(outline: Outline) -> float:
    """Return how many keys there may be of which none was seen: with more, 19 samples of 20 had one.

    The share that was looked at missed each of them, or each slot of them, with a chance of one less that share.
    """
    most = 0.0
    for node in outline.nodes:
        if node.complete:
            continue
        if not node.looked:
            return float(sum(node.total for node in outline.nodes if not node.complete))
        together = node.looked / len(node.slots) if node.slots else 1.0
        share = node.looked / node.total
        missed = math.log(1 - _SURELY) / math.log1p(-share) if share < 1 else 0.0
        most += min(node.total - node.looked, math.ceil(missed) * together)
    return most


def _weighted(found: Sequence[tuple[float, float]]) -> float | None:
    whole = sum(weight for _, weight in found)
    return sum(number * weight for number, weight in found) / whole if whole else None


def _variance(outline: Outline, worth: Mapping[int, float], units: Sequence[Sequence[_Unit]]) -> float:
    """Return the variance of what all keys are worth together, by the stratum they are in, over all nodes."""
    return sum(
        _of_slots(node, found, worth) if found else _of_keys(node, number, outline, worth)
        for number, (node, found) in enumerate(zip(outline.nodes, units, strict=True))
        if not node.complete
    )


def _of_keys(node: Seen, number: int, outline: Outline, worth: Mapping[int, float]) -> float:
    """Return the variance where keys were drawn one by one."""
    count = node.looked
    if count < 2:
        return float(node.total) ** 2 * max(worth.values(), default=0.0) ** 2
    found = [(len(outline.strata[stratum][number]), each) for stratum, each in worth.items()]
    mean = sum(many * each for many, each in found) / count
    spread = sum(many * each * each for many, each in found) / count - mean**2
    left = max(0.0, 1 - count / node.total)
    return node.total**2 * left * max(0.0, spread) / (count - 1)


def _of_slots(node: Seen, units: Sequence[_Unit], worth: Mapping[int, float]) -> float:
    """Return the variance where slots were drawn, each with all its keys: that of a ratio."""
    if len(units) < 2 or not node.looked:
        return _careful(node, worth)
    sums = [
        (size, sum(many * worth.get(stratum, 0.0) for stratum, many in found.items()))
        for size, found in units
    ]
    rate = sum(sum_ for _, sum_ in sums) / node.looked
    spread = sum((sum_ - rate * size) ** 2 for size, sum_ in sums) * len(units) / (len(units) - 1)
    left = max(0.0, 1 - node.looked / node.total)
    return node.total**2 * left * spread / node.looked**2


def _careful(node: Seen, worth: Mapping[int, float]) -> float:
    return float(node.total) ** 2 * max(worth.values(), default=0.0) ** 2
