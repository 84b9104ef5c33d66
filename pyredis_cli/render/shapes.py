"""What a reply is, before anybody lays it out: scores, stream entries, rows with named columns, a page of a scan.

One decision for every format: first what the wire says, then what the facts say of the command and its arguments.
A reply that does not look as expected is what the wire says alone, so that nothing of it is lost. What has
attributes is a `Tree`, for no other shape has a place for them.

Shapes are views: they hold the reply that came and copy none of its elements. Those that count on every element
looking alike have looked at each.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import TYPE_CHECKING, Final, Generic, NamedTuple, TypeAlias, TypeVar, cast, overload

from pyredis.exceptions import ReplyError
from pyredis.types import Attributed, Map, Push, Reply, Verbatim
from pyredis_cli.render.texts import structured

if TYPE_CHECKING:
    from pyredis.commands.spec import Spec

__all__ = [
    "Entries",
    "Entry",
    "Error",
    "Found",
    "Hit",
    "Items",
    "Page",
    "Pair",
    "Pairs",
    "Positions",
    "Row",
    "Rows",
    "Scalar",
    "Scores",
    "Sections",
    "Shape",
    "Streams",
    "Text",
    "Tree",
    "bare",
    "shape",
]

Pair: TypeAlias = tuple[Reply, Reply]
Row: TypeAlias = Sequence[Pair]
"""The cells of a row with the names of their columns."""


class Scalar(NamedTuple):
    """A reply without elements, a status or nil too."""

    reply: Reply


class Error(NamedTuple):
    error: ReplyError


class Text(NamedTuple):
    """Text to be read, or a list of such texts, and what is in it: None where nobody knows its form."""

    reply: Reply
    parsed: Shape | None = None


class Items(NamedTuple):
    """A list, set or push of replies that have no elements themselves."""

    items: Sequence[Reply]


class Pairs(NamedTuple):
    """Names and values; names may repeat."""

    pairs: Sequence[Pair]


class Sections(NamedTuple):
    """The fields of a text by the names of its sections."""

    sections: Sequence[tuple[Reply, Sequence[Pair]]]


class Scores(NamedTuple):
    """Members and their scores."""

    pairs: Sequence[Pair]


class Entry(NamedTuple):
    """A stream entry. One that was deleted meanwhile has no fields, in Redis 6.2 maybe no ID either."""

    id: bytes | None
    fields: Pairs | None


class Entries(NamedTuple):
    entries: Sequence[Entry]


class Streams(NamedTuple):
    """Entries by the keys of their streams."""

    streams: Sequence[tuple[Reply, Entries]]


class Page(NamedTuple):
    """A cursor, where the next page begins, the items of this one, and what else the reply has.

    ``names`` are those of the parts of ``rest``, as far as they have any.
    """

    cursor: bytes
    items: Shape
    rest: tuple[Reply, ...] = ()
    names: tuple[str, ...] = ()


class Hit(NamedTuple):
    """What a search tells of one document, such as its ID, and the fields of it; None when none were asked for."""

    cells: Row
    fields: Pairs | None


class Found(NamedTuple):
    """What a search found: how many there are in all, those of them that are here, and what else was said."""

    total: int
    hits: Sequence[Hit]
    rest: Row = ()


class Positions(NamedTuple):
    """Members and where they are, as longitude and latitude; None is nowhere."""

    positions: Sequence[tuple[bytes, Pair | None]]


class Rows(NamedTuple):
    """Rows that mostly have the same columns. ``columns`` names all there are, in the order they were met."""

    rows: Sequence[Row]

    @property
    def columns(self) -> tuple[bytes | str, ...]:
        """Every name, each once; walks through all rows."""
        return tuple({cast("bytes | str", name): None for row in self.rows for name, _ in row})


class Tree(NamedTuple):
    """Anything else: what the wire says is all that is known."""

    reply: Reply


Shape: TypeAlias = (
    Scalar
    | Error
    | Text
    | Items
    | Pairs
    | Scores
    | Sections
    | Entries
    | Streams
    | Page
    | Found
    | Positions
    | Rows
    | Tree
)


def shape(argv: Sequence[bytes], spec: Spec | None, reply: Reply) -> Shape:
    """Return what the reply to a command is. Never an exception, whatever the server says."""
    while isinstance(reply, Attributed) and not reply.attributes:
        reply = reply.reply
    if isinstance(reply, ReplyError):
        return Error(reply)
    if spec is None:
        return _of_wire(reply)
    kind, form = spec.shape_for(argv), spec.text_for(argv)
    if form is not None and (read := structured(reply, form)) is not reply:
        return Text(reply, _of_text(read, form))
    if form is not None and isinstance(reply, dict):  # read already
        return _of_text(reply, form)
    if kind == "text" and isinstance(reply, bytes):
        return Text(reply)
    reader = _READERS.get(kind or "")
    found = reader(reply, _Asked(argv, spec)) if reader is not None else None
    return _of_wire(reply) if found is None else found


def _of_text(read: Reply, form: str) -> Shape:
    if isinstance(read, list):
        return Rows(_View(cast("list[Reply]", read), _pairs))
    if form == "info" and isinstance(read, dict):
        return Sections([(name, _pairs(fields)) for name, fields in cast("dict[Reply, Reply]", read).items()])
    return _of_wire(read)


def bare(reply: Reply) -> Reply:
    """Return the reply without the attributes that it came with; those within it stay."""
    while isinstance(reply, Attributed):
        reply = reply.reply
    return reply


def _of_wire(reply: Reply) -> Shape:
    match reply:
        case Attributed():
            return Tree(reply)
        case Verbatim():
            return Text(reply)
        case Map() | dict():
            return Pairs(_pairs(reply))
        case list():
            items = cast("list[Reply]", reply)
            if not _any_of(items, _NESTED):
                return Items(items)
            if not isinstance(reply, Push) and _all_of(items, _MAPS):
                return Rows(_View(items, _pairs)) if all(map(_is_map, items)) else Tree(reply)
            return Tree(reply)
    return Scalar(reply)


# -- views


From = TypeVar("From")
To = TypeVar("To", covariant=True)


class _View(Sequence[To], Generic[From, To]):
    """The elements of a list as something else, made when they are asked for."""

    __slots__ = ("_items", "_make")

    def __init__(self, items: Sequence[From], make: Callable[[From], To]) -> None:
        self._items = items
        self._make = make

    def __len__(self) -> int:
        return len(self._items)

    def __iter__(self) -> Iterator[To]:
        return map(self._make, self._items)

    @overload
    def __getitem__(self, at: int) -> To: ...
    @overload
    def __getitem__(self, at: slice) -> Sequence[To]: ...
    def __getitem__(self, at: int | slice) -> To | Sequence[To]:
        if isinstance(at, slice):
            return _View(self._items[at], self._make)
        return self._make(self._items[at])


class _TakingTurns(Sequence[Pair]):
    """The pairs of a list in which their halves take turns."""

    __slots__ = ("_halves",)

    def __init__(self, halves: Sequence[Reply]) -> None:
        self._halves = halves

    def __len__(self) -> int:
        return len(self._halves) // 2

    def __iter__(self) -> Iterator[Pair]:
        halves = iter(self._halves)
        return zip(halves, halves, strict=True)

    @overload
    def __getitem__(self, at: int) -> Pair: ...
    @overload
    def __getitem__(self, at: slice) -> Sequence[Pair]: ...
    def __getitem__(self, at: int | slice) -> Pair | Sequence[Pair]:
        places = range(len(self))[at]
        if isinstance(places, range):
            return [self[place] for place in places]
        return self._halves[2 * places], self._halves[2 * places + 1]


def _pairs(reply: Reply) -> Sequence[Pair]:
    """Return the pairs of a map, or of a list that is one in RESP2."""
    if isinstance(reply, Map):
        return reply
    if isinstance(reply, dict):
        return tuple(cast("dict[Reply, Reply]", reply).items())
    return _TakingTurns(cast("list[Reply]", reply))


# -- what the facts tell


class _Asked(NamedTuple):
    argv: Sequence[bytes]
    spec: Spec

    @property
    def columns(self) -> tuple[str, ...]:
        return self.spec.columns_for(self.argv)

    @property
    def kinds(self) -> _Kinds:
        """What values within the reply are, by their names."""
        return self.spec.inside_for(self.argv)

    def knowing(self) -> Callable[[Sequence[Pair]], Sequence[Pair]]:
        """Return what has maps for those values in pairs that are maps, each made when it is asked for."""
        kinds = self.kinds
        if not kinds:
            return lambda pairs: pairs
        return lambda pairs: _View(pairs, lambda pair: (pair[0], _inside(pair, kinds, _DEEPEST)))


_Reader: TypeAlias = "Callable[[Reply, _Asked], Shape | None]"


def _map(reply: Reply, asked: _Asked) -> Shape | None:
    """Names and values: a map, or a list in which they take turns; in RESP3 lists of two as well."""
    pairs = _in_pairs(reply)
    return None if pairs is None else Pairs(asked.knowing()(pairs))


def _map_of_maps(reply: Reply, asked: _Asked) -> Shape | None:
    pairs = _in_pairs(reply)
    if pairs is None:
        return None
    kinds = asked.kinds
    return Pairs(_View(pairs, lambda pair: (pair[0], _kind(pair[1], "map", kinds, _DEEPEST))))


def _scores(reply: Reply, asked: _Asked) -> Shape | None:
    pairs = _in_pairs(reply)
    return None if pairs is None else Scores(pairs)


def _in_pairs(reply: Reply) -> Sequence[Pair] | None:
    if isinstance(reply, Map | dict):
        return _pairs(reply)
    items = _items(reply)
    if items is None:
        return None
    if items and isinstance(items[0], list):
        if not all(map(_is_two, items)):
            return None
        return _View(cast("list[list[Reply]]", items), _pair)
    return _TakingTurns(items) if _may_take_turns(items) else None


def _may_take_turns(items: Sequence[Reply]) -> bool:
    """Whether these can be names and values: names have no elements."""
    return len(items) % 2 == 0 and not _any_of(islice(items, 0, None, 2), (*_NESTED, ReplyError))


def _pair(item: list[Reply]) -> Pair:
    return item[0], item[1]


def _maps(reply: Reply, asked: _Asked) -> Shape | None:
    items = _items(reply)
    if items is None or not all(map(_is_map, items)):
        return None
    known = asked.knowing()
    return Rows(_View(items, lambda item: known(_pairs(item))))


def _is_map(item: Reply) -> bool:
    """Whether it is names and values, and every name is a string."""
    names: Iterable[Reply]
    if type(item) is list:
        if len(item) % 2:
            return False
        names = cast("list[Reply]", item)[::2]
    elif isinstance(item, _MAPS):
        names = (name for name, _ in _pairs(item))
    else:
        return False
    # A loop, for there are many of these and each is short.
    for name in names:  # noqa: SIM110
        if not isinstance(name, _STRINGS):
            return False
    return True


def _entries(reply: Reply, asked: _Asked) -> Shape | None:
    items = _items(reply)
    if items is None or not all(map(_is_entry, items)):
        return None
    return Entries(_View(items, _entry))


def _is_entry(item: Reply) -> bool:
    if not _is_two(item):
        return item is None
    identity, fields = cast("list[Reply]", item)
    return isinstance(identity, bytes) and (fields is None or _is_map(fields))


def _entry(item: Reply) -> Entry:
    if item is None:
        return Entry(None, None)
    identity, fields = cast("tuple[bytes, Reply]", item)
    return Entry(identity, None if fields is None else Pairs(_pairs(fields)))


def _streams(reply: Reply, asked: _Asked) -> Shape | None:
    pairs = _in_pairs(reply)
    if pairs is None or not all(isinstance(_entries(found, asked), Entries) for _, found in pairs):
        return None
    return Streams(_View(pairs, _stream))


def _stream(pair: Pair) -> tuple[Reply, Entries]:
    return pair[0], Entries(_View(cast("list[Reply]", pair[1]), _entry))


def _page_of(reader: _Reader | None) -> _Reader:
    def page(reply: Reply, asked: _Asked) -> Shape | None:
        match _items(reply):
            case [bytes() as cursor, list() as items, *rest]:
                found = None if reader is None else reader(items, asked)
                return Page(cursor, _of_wire(items) if found is None else found, tuple(rest), asked.columns)
        return None

    return page


def _positions(reply: Reply, asked: _Asked) -> Shape | None:
    """Positions of the members that the last arguments name."""
    items = _items(reply)
    if items is None or len(items) >= len(asked.argv) or not all(map(_is_position, items)):
        return None
    found = [None if item is None else _pair(cast("list[Reply]", item)) for item in items]
    return Positions(tuple(zip(asked.argv[len(asked.argv) - len(items) :], found, strict=True)))


def _is_position(item: Reply) -> bool:
    return item is None or _is_two(item)


def _row(reply: Reply, asked: _Asked) -> Shape | None:
    items = _items(reply)
    return None if items is None else Rows((_under(asked)(items),))


def _rows(reply: Reply, asked: _Asked) -> Shape | None:
    items = _items(reply)
    if items is None or set(map(type, items)) - {list}:
        return None
    return Rows(_View(items, _under(asked)))


def _column(reply: Reply, asked: _Asked) -> Shape | None:
    """Rows of one cell: what the elements are has one name."""
    items = _items(reply)
    under = _under(asked)
    return None if items is None else Rows(_View(items, lambda item: under([item])))


def _under(asked: _Asked) -> Callable[[Reply], Row]:
    """Return what puts names to the cells of a row; cells without a name have their number, from 1."""
    columns, known = asked.columns, asked.knowing()
    return lambda cells: known(_titled(cast("list[Reply]", cells), columns))


def _titled(items: Sequence[Reply], columns: Sequence[str]) -> tuple[Pair, ...]:
    """Return the cells under names; one behind which dots stand has all that are left."""
    if items and any(" when " in name for name in columns):
        columns = [name.partition(" when ")[0] for name in columns if _is_of(name, items[0])]
    if columns and columns[-1].endswith("...") and len(items) >= len(columns) - 1:
        last = len(columns) - 1
        rest = columns[-1].removesuffix("..."), list(items[last:])
        return (*zip(columns[:last], items[:last], strict=True), rest)
    numbers = [str(number) for number in range(len(columns) + 1, len(items) + 1)]
    return tuple(zip([*columns, *numbers][: len(items)], items, strict=True))


def _is_of(column: str, first: Reply) -> bool:
    """Whether a row that begins so has the column: ``host when slave``."""
    _, when, word = column.partition(" when ")
    return not when or (isinstance(first, bytes) and first == word.encode())


# -- maps within replies, that are lists in RESP2

_Kinds: TypeAlias = "Mapping[str, str | tuple[str, ...]]"

# What servers send is never as deep; a hostile one could have Python refuse to go on.
_DEEPEST: Final = 12


def _inside(pair: Pair, kinds: _Kinds, depth: int) -> Reply:
    """Return the value of a pair, as what the facts say of that name, and of the names within."""
    name, value = pair
    if not isinstance(value, list | dict) or not isinstance(name, bytes | str) or not depth:
        return value
    text = name if isinstance(name, str) else name.decode("utf-8", "replace")
    kind = kinds.get(text) or kinds.get(f"{text.partition('.')[0]}.*")
    return value if kind is None else _kind(value, kind, kinds, depth - 1)


def _kind(value: Reply, kind: str | tuple[str, ...], kinds: _Kinds, depth: int) -> Reply:
    def known(pairs: Iterable[Pair]) -> Reply:
        return Map([(pair[0], _inside(pair, kinds, depth)) for pair in pairs])

    items = _items(value)
    if isinstance(kind, tuple):
        if items and all(map(_is_row, items)):
            return [known(_titled(cast("list[Reply]", item), kind)) for item in items]
        return known(_titled(items, kind)) if items and not isinstance(items[0], list) else value
    if kind == "maps":
        return [known(_pairs(item)) for item in items] if items and all(map(_is_map, items)) else value
    pairs = _in_pairs(value)
    if pairs is None:
        return value
    if kind == "map-of-maps":
        return Map([(name, _kind(each, "map", kinds, depth)) for name, each in pairs])
    return known(pairs)


def _is_row(item: Reply) -> bool:
    return type(item) is list and bool(item)


# -- what a search found

# ID, score, payload and their like.
_MOST_TOLD: Final = 20


def _found(reply: Reply, asked: _Asked) -> Shape | None:
    """Hits behind their number, or in a map; with a cursor in a list of both."""
    match _items(reply):
        case [list() as page, int() as cursor]:
            found = _hits_of(page, asked)
            return None if found is None else found._replace(rest=(*found.rest, ("cursor", cursor)))
    return _hits_of(reply, asked)


def _hits_of(reply: Reply, asked: _Asked) -> Found | None:
    if isinstance(reply, _MAPS):
        return _found_in_map(_pairs(reply))
    match _items(reply):
        case [int() as total, *rest] if type(total) is int:
            hits = _hits(rest, asked.columns)
            return None if hits is None else Found(total, hits)
    return None


def _hits(items: list[Reply], columns: tuple[str, ...]) -> Sequence[Hit] | None:
    """Return the hits that stand one after the other: the cells of each, and maybe a list of its fields."""
    width = len(columns)
    for step in (width + 1, width):
        if step and len(items) % step == 0:
            with_fields = items[width::step] if step > width else []
            named = not width or all(isinstance(identity, bytes) for identity in items[::step])
            if named and all(
                fields is None or (type(fields) is list and _is_map(fields)) for fields in with_fields
            ):
                return [_hit(items[at : at + step], columns) for at in range(0, len(items), step)]
    return None


def _hit(cells: list[Reply], columns: tuple[str, ...]) -> Hit:
    fields = cells[len(columns)] if len(cells) > len(columns) else None
    return Hit(tuple(zip(columns, cells, strict=False)), None if fields is None else Pairs(_pairs(fields)))


def _found_in_map(pairs: Sequence[Pair]) -> Found | None:
    told = {name: value for name, value in pairs if isinstance(name, bytes)}
    if len(told) != len(pairs):
        return None
    match told.pop(b"total_results", None), told.pop(b"results", None):
        case int() as total, list() as results if all(map(_is_hit, results)):
            # How values are written is what the command asks for.
            rest = tuple((name, value) for name, value in told.items() if value != [] and name != b"format")
            return Found(total, _View(results, _hit_in_map), rest)
    return None


def _is_hit(item: Reply) -> bool:
    """Whether it is a map that says each thing once, and the fields, if any, are names and values."""
    if not isinstance(item, _MAPS) or not _is_map(item) or len(item) > _MOST_TOLD:
        return False
    told = dict(_pairs(item))
    fields = told.get(b"extra_attributes", [])
    return len(told) == len(item) and isinstance(fields, list | dict) and _is_map(fields)


def _hit_in_map(item: Reply) -> Hit:
    told = dict(_pairs(item))
    fields = told.pop(b"extra_attributes", None)
    cells = tuple((name, value) for name, value in told.items() if value != [])
    return Hit(cells, Pairs(_pairs(fields)) if isinstance(fields, list | dict) else None)


def _items(reply: Reply) -> list[Reply] | None:
    """Return the elements of an array, None of anything else."""
    return cast("list[Reply]", reply) if type(reply) is list else None


def _is_two(item: Reply) -> bool:
    return type(item) is list and len(item) == 2


def _all_of(items: Iterable[Reply], kinds: tuple[type, ...]) -> bool:
    """Whether all are of these types. There are few types in a million elements, so these are looked at."""
    return all(issubclass(found, kinds) for found in set(map(type, items)))


def _any_of(items: Iterable[Reply], kinds: tuple[type, ...]) -> bool:
    return any(issubclass(found, kinds) for found in set(map(type, items)))


_MAPS: Final = (Map, dict)
_NESTED: Final = (list, dict, Attributed)
_STRINGS: Final = (bytes, str)

_READERS: Final[Mapping[str, _Reader]] = {
    "column": _column,
    "entries": _entries,
    "found": _found,
    "map": _map,
    "map-of-maps": _map_of_maps,
    "maps": _maps,
    "page": _page_of(None),
    "page-of-entries": _page_of(_entries),
    "page-of-pairs": _page_of(_map),
    "page-of-scores": _page_of(_scores),
    "pairs": _map,
    "positions": _positions,
    "row": _row,
    "rows": _rows,
    "scores": _scores,
    "streams": _streams,
}
