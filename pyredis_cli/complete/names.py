"""The names that are known of one server: its keys, their fields, its users, channels, parameters.

It is a cache of what was typed and what came back: it is told names and forgets those not used for longest. It
talks to nobody. What it was asked for and could not tell stands in a short list, for somebody who can look it up.

Finding must never make a keystroke wait, so every shelf is kept sorted while it learns: what begins with a prefix
is a slice. What only resembles it is looked for among a limited number of names.
"""

from __future__ import annotations

import re
from bisect import bisect_left, insort
from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator, Sequence
from heapq import merge
from itertools import count, islice
from typing import Final, NamedTuple, TypeAlias

from pyredis_cli.complete.wants import ABOUT, IN_DATABASE, Kind, Want

__all__ = ["DatabaseNames", "Name", "NameCache", "Wanted"]

_LONGEST: Final = 1_024
"""A name of more bytes is not kept: nobody picks it from a menu."""
_FEW: Final = 10
"""When fewer names than this are found, similar ones are looked for, and the want is noted."""
_RECENT: Final = 100
"""So many names of a shelf are remembered as recently used."""
_NOTED: Final = 16
_SEARCHED: Final = 8_000
"""In so many names a part is looked for,"""
_COMPARED: Final = 1_500
"""and so many are compared letter by letter."""
_SINGLY: Final = 32
"""More changes than this to a sorted list are done in one pass."""


class Name(NamedTuple):
    """A name, and what is known of a key: its type as TYPE says it, empty when unknown, and its size."""

    value: bytes
    type: str = ""
    size: int | None = None


class Wanted(NamedTuple):
    """What was asked for and hardly known."""

    database: int
    want: Want
    prefix: bytes


# Plain tuples of plain values, and not objects of our own: the garbage collector looks at each object again and
# again, and with so many of them a keystroke would wait for it.
_Facts: TypeAlias = tuple[str, int | None]
"""Type and size."""
_Use: TypeAlias = tuple[int, bytes]
"""The number of a shelf, and a name on it."""
_Place: TypeAlias = tuple[int, str, tuple[bytes, ...]]
"""Database (-1 for the server), kind and about."""


class NameCache:
    """What is known of one server; another server needs a cache of its own. It holds ``size`` names at most."""

    def __init__(self, size: int = 100_000) -> None:
        self.size = size
        self._shelves: dict[_Place, _Shelf] = {}
        self._owned: dict[tuple[int, bytes], set[_Place]] = {}
        """The shelves of what belongs to a key."""
        self._numbered: dict[int, _Shelf] = {}
        self._numbers = count()
        self._used: OrderedDict[_Use, None] = OrderedDict()
        """All there is; what was learnt, seen or used last is at the end."""
        self._wanted: dict[Wanted, None] = {}

    def __len__(self) -> int:
        return len(self._used)

    def of(self, database: int) -> DatabaseNames:
        """Return the names as they are known from within a database."""
        return DatabaseNames(self, database)

    # -- what it is told

    def learn(
        self,
        kind: Kind,
        names: Iterable[bytes],
        *,
        about: tuple[bytes, ...] = (),
        database: int = 0,
        type: str = "",
        size: int | None = None,
    ) -> None:
        """Keep names of a kind. The database does not matter to what belongs to the server.

        Many at once cost little more than one. ``type`` and ``size`` are what is known of keys; without
        them what was known stays.
        """
        place = _place(kind, about, database)
        shelf = self._shelves.get(place) or self._new_shelf(place)
        fresh = []
        facts = type, size
        for name in names:
            if len(name) > _LONGEST:
                continue
            known = shelf.facts.get(name)
            if known is None:
                shelf.facts[name] = facts
                fresh.append(name)
            elif known != facts:
                shelf.change(name, type or known[0], known[1] if size is None else size)
            use = shelf.number, name
            self._used[use] = None
            self._used.move_to_end(use)
        shelf.sorted[type] = _with(shelf.sorted.get(type, []), fresh)
        shelf.settle()
        self._make_room()
        if not shelf.facts:
            self._drop(place)

    def touch(self, kind: Kind, name: bytes, *, about: tuple[bytes, ...] = (), database: int = 0) -> None:
        """Note that the person used a name: it comes before others from now on. What is not known stays so."""
        shelf = self._shelves.get(_place(kind, about, database))
        if shelf is not None and name in shelf.facts:
            shelf.touch(name)
            self._used.move_to_end((shelf.number, name))

    def forget(
        self, kind: Kind, names: Iterable[bytes], *, about: tuple[bytes, ...] = (), database: int = 0
    ) -> None:
        """Drop names that are no more; with a key goes what belongs to it."""
        place = _place(kind, about, database)
        shelf = self._shelves.get(place)
        for name in names:
            if shelf is not None and name in shelf.facts:
                del self._used[shelf.number, name]
                shelf.remove(name)
            if kind == "key":
                for owned in list(self._owned.get((database, name), ())):
                    self._drop(owned)
        if shelf is not None:
            shelf.settle()
            if not shelf.facts:
                self._drop(place)

    def forget_database(self, database: int | None = None) -> None:
        """Drop all that is in a database; with None, in every one."""
        for place in list(self._shelves):
            if place[0] >= 0 and database in (None, place[0]):
                self._drop(place)

    # -- what it can tell

    def find(self, want: Want, prefix: bytes = b"", limit: int = 50, database: int = 0) -> list[Name]:
        """Return known names, the best first: the very prefix, what begins with it, what resembles it.

        What was used lately comes first among those that begin with the prefix, then it goes by the alphabet.
        A key of unknown type may be of any. When few are found, `next_wanted` tells of it.
        """
        if len(prefix) > _LONGEST:
            return []
        shelf = self._shelves.get(_place(want.kind, want.about, database))
        found = shelf.find(prefix, want.types, limit) if shelf is not None else []
        if len(found) < min(_FEW, limit):
            self._note(Wanted(database, want, prefix))
        return found

    def next_wanted(self) -> Wanted | None:
        """Return what was asked for last and hardly known, once; None when there is nothing left."""
        return self._wanted.popitem()[0] if self._wanted else None

    def _note(self, wanted: Wanted) -> None:
        self._wanted.pop(wanted, None)
        self._wanted[wanted] = None
        if len(self._wanted) > _NOTED:
            del self._wanted[next(iter(self._wanted))]

    # -- the shelves

    def _new_shelf(self, place: _Place) -> _Shelf:
        database, kind, about = place
        shelf = self._shelves[place] = _Shelf(place, next(self._numbers))
        self._numbered[shelf.number] = shelf
        if about and kind in ABOUT:
            self._owned.setdefault((database, about[0]), set()).add(place)
        return shelf

    def _drop(self, place: _Place) -> None:
        shelf = self._shelves.pop(place, None)
        if shelf is not None:
            del self._numbered[shelf.number]
            for name in shelf.facts:
                del self._used[shelf.number, name]
        database, _, about = place
        if about:
            owned = self._owned.get((database, about[0]), set())
            owned.discard(place)
            if not owned:
                self._owned.pop((database, about[0]), None)

    def _make_room(self) -> None:
        touched: dict[int, _Shelf] = {}
        while len(self._used) > self.size:
            (number, name), _ = self._used.popitem(last=False)
            touched[number] = self._numbered[number]
            touched[number].remove(name)
        for shelf in touched.values():
            shelf.settle()
            if not shelf.facts:
                self._drop(shelf.place)


class DatabaseNames:
    """The names of a server as they are known from within one database."""

    __slots__ = ("cache", "database")

    def __init__(self, cache: NameCache, database: int) -> None:
        self.cache = cache
        self.database = database

    def find(self, want: Want, prefix: bytes = b"", limit: int = 50) -> list[Name]:
        """Return known names, the best first, as `NameCache.find` does."""
        return self.cache.find(want, prefix, limit, self.database)


def _place(kind: Kind, about: tuple[bytes, ...], database: int) -> _Place:
    return database if kind in IN_DATABASE else -1, kind, about


class _Shelf:
    """The names of one kind that belong to one thing, by their type, each type sorted."""

    __slots__ = ("_leaving", "facts", "number", "place", "recent", "sorted")

    def __init__(self, place: _Place, number: int) -> None:
        self.place = place
        self.number = number
        self.facts: dict[bytes, _Facts] = {}
        self.sorted: dict[str, list[bytes]] = {}
        self.recent: dict[bytes, None] = {}
        """The newest last."""
        self._leaving: dict[str, list[bytes]] = {}

    def touch(self, name: bytes) -> None:
        self.recent.pop(name, None)
        self.recent[name] = None
        if len(self.recent) > _RECENT:
            del self.recent[next(iter(self.recent))]

    # `remove` and `change` leave the sorted lists as they were until `settle`

    def remove(self, name: bytes) -> None:
        type, _ = self.facts.pop(name)
        self.recent.pop(name, None)
        self._leaving.setdefault(type, []).append(name)

    def change(self, name: bytes, type: str, size: int | None) -> None:
        before, _ = self.facts[name]
        self.facts[name] = type, size
        if type != before:
            self._leaving.setdefault(before, []).append(name)

    def settle(self) -> None:
        """Bring the sorted lists to what the facts are."""
        arriving: dict[str, list[bytes]] = {}
        for type, names in self._leaving.items():
            self.sorted[type] = _without(self.sorted[type], names)
            for name in names:
                if name in self.facts:
                    arriving.setdefault(self.facts[name][0], []).append(name)
        for type, names in arriving.items():
            self.sorted[type] = _with(self.sorted.get(type, []), names)
        self._leaving.clear()

    def find(self, prefix: bytes, types: frozenset[str], limit: int) -> list[Name]:
        lists = [names for type, names in self.sorted.items() if _fits(type, types)]
        found = dict.fromkeys(self._beginning(prefix, types))
        for name in merge(*(_slice(names, prefix, limit + len(found)) for names in lists)):
            if len(found) >= limit:
                break
            found[name] = None
        if len(found) < min(_FEW, limit) and prefix not in found:
            alike = self._resembling(prefix, types, lists)
            found.update(dict.fromkeys(islice((name for name in alike if name not in found), _FEW)))
        return [Name(name, *self.facts[name]) for name in list(found)[:limit]]

    def _beginning(self, prefix: bytes, types: frozenset[str]) -> Iterator[bytes]:
        """Yield the very prefix, if that is a name, and what begins with it and was used lately."""
        for name in (prefix, *reversed(self.recent)):
            if name in self.facts and name.startswith(prefix) and _fits(self.facts[name][0], types):
                yield name

    def _resembling(
        self, prefix: bytes, types: frozenset[str], lists: Sequence[list[bytes]]
    ) -> Iterator[bytes]:
        """Yield names that have the prefix somewhere in them, then those that have its letters in order."""
        if len(prefix) < 2 or not lists:
            return
        recent = [name for name in reversed(self.recent) if _fits(self.facts[name][0], types)]
        searched = [names[: _SEARCHED // len(lists)] for names in lists]
        compared = [_slice(names, prefix[:1], _COMPARED // len(lists)) for names in lists]
        alike = _alike(prefix)
        for found in (
            _having(recent, prefix),
            merge(*(_having(names, prefix) for names in searched)),
            alike(recent),
            merge(*map(alike, compared)),
        ):
            yield from (name for name in found if name in self.facts)


def _fits(type: str, types: frozenset[str]) -> bool:
    return not types or not type or type in types


# One search in a text of all names is several times as fast as one in each. A name with a line end in it does not
# come out whole, so it is not found.


def _having(names: list[bytes], part: bytes) -> Iterator[bytes]:
    """Yield the names that have this in them."""
    text = b"\n%b\n" % b"\n".join(names)
    at = text.find(part)
    while at > 0:
        end = text.find(b"\n", at + len(part))
        yield text[text.rfind(b"\n", 0, at) + 1 : end]
        at = text.find(part, end) if end >= 0 else -1


def _alike(letters: bytes) -> Callable[[list[bytes]], Iterator[bytes]]:
    """Return what yields the names that begin with the first letter and have the others behind it, in order."""
    first, *others = (re.escape(letters[at : at + 1]) for at in range(len(letters)))
    gaps = b"".join(b"[^\\n%b]*+%b" % (other, other) for other in others)
    search = re.compile(b"\n(%b%b[^\n]*+)" % (first, gaps)).findall
    return lambda names: iter(search(b"\n" + b"\n".join(names)))


def _slice(names: list[bytes], prefix: bytes, limit: int) -> list[bytes]:
    """Return the first of the names that begin with the prefix."""
    start = bisect_left(names, prefix)
    some = names[start : start + limit]
    if some and not some[-1].startswith(prefix):
        del some[bisect_left(some, True, key=lambda name: not name.startswith(prefix)) :]
    return some


def _with(names: list[bytes], added: list[bytes]) -> list[bytes]:
    if len(added) > _SINGLY:
        names += added
        names.sort()
    else:
        for name in added:
            insort(names, name)
    return names


def _without(names: list[bytes], leaving: list[bytes]) -> list[bytes]:
    if len(leaving) > _SINGLY:
        gone = set(leaving)
        return [name for name in names if name not in gone]
    for name in leaving:
        del names[bisect_left(names, name)]
    return names
