"""Two tables of many clients: who they are and what they do, and in which fields they differ.

What nearly all clients have in common is said once, above the second table, so that an exception to it stands out.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Final, NamedTuple, TypeAlias

from pyredis.types import Reply
from pyredis_cli.render.blocks import Block, Cell, Column, Grid, Line
from pyredis_cli.render.layout import Piece
from pyredis_cli.render.units import duration, size
from pyredis_cli.render.views.cells import bare

__all__ = ["Client", "Name", "Who", "others", "who"]

Name: TypeAlias = str | bytes
Client: TypeAlias = Mapping[Name, Reply]

# A field is usually so, when so many of the clients have it so.
_USUAL: Final = 0.6
# There is room for so many columns only from these widths on.
_SOME: Final = 75
_WIDE: Final = 100


class Who(NamedTuple):
    grid: Grid
    shown: Sequence[str]
    """The fields that stand in it exactly as they came."""


def who(clients: Sequence[Client], width: int) -> Who:
    """Return the table of who they are and what they do, as far as there is room: other fields stand below.

    Spans and sizes are rough here, and exact below.
    """
    known = {name for client in clients for name, said in client.items() if said not in ("", None)}
    exact = [name for name, least in _EXACT.items() if name in known and width >= least]
    spans = [name for name, rough in _ROUGH.items() if name in known and width >= rough.least]
    columns = [
        Column("id", right=True),
        *(Column(name, right=name == "db") for name in exact),
        *(Column(_ROUGH[name].title, right=True) for name in spans),
        Column("cmd"),
    ]

    def cells(client: Client) -> Sequence[Cell]:
        said = [_said(client.get(name)) for name in exact]
        roughly = [_ROUGH[name].say(client.get(name)) for name in spans]
        return [bare(client["id"]), *said, *roughly, _said(client.get("cmd"))]

    return Who(Grid(columns, clients, cells), ["id", *exact, "cmd"])


def _said(found: Reply) -> Cell:
    return () if found in (None, "") else bare(found)


def _span(found: Reply) -> Cell:
    """Return a span in its largest unit."""
    return (("text", " ".join(duration(found).split()[:2])),) if isinstance(found, int) else ()


def _size(found: Reply) -> Cell:
    return (("text", size(found)),) if isinstance(found, int) else ()


_EXACT: Final[Mapping[str, int]] = {"addr": 0, "name": 0, "user": _SOME, "db": _WIDE, "flags": 0}
"""The fields that stand in the first table as they came, and from which width on."""


class _Rough(NamedTuple):
    title: str
    least: int
    say: Callable[[Reply], Cell]


_ROUGH: Final[Mapping[str, _Rough]] = {
    "age": _Rough("age", _WIDE, _span),
    "idle": _Rough("idle", 0, _span),
    "tot-mem": _Rough("memory", _SOME, _size),
}


# -- the other fields


# What each client has its own of, also when they came together.
_EACH: Final = frozenset({"fd", "age", "idle", "tot-mem"})


class _Rest(NamedTuple):
    """What nearly all clients have in common, and the names of the fields in which they differ."""

    usual: Mapping[Name, Reply]
    differing: Sequence[Name]


def others(
    clients: Sequence[Client], shown: Sequence[str], width: int, *, numbered: bool = False
) -> Sequence[Block]:
    """Return the fields that are not shown yet: what is usual, then a row for each client with its ID."""
    names = list({name: None for client in clients for name in client if name not in shown})
    rest = _rest(clients, names)
    numbers = [name for name in rest.differing if _numbers(name, clients)] if width >= _WIDE else []
    columns = [
        Column("id", right=True),
        *(Column(name, right=True) for name in numbers),
        Column("other fields", words=True),
    ]

    def cells(client: Client) -> Sequence[Cell]:
        own = {name: said for name, said in client.items() if name in rest.differing and name not in numbers}
        counted = (bare(client[name]) if name in client else () for name in numbers)
        return [bare(client["id"]), *counted, _together({**_unusual(client, rest.usual), **own})]

    usual: list[Block] = []
    if rest.usual:
        usual = [Line((("heading", "unless said otherwise "), *_together(rest.usual))), Line()]
    return [*usual, Grid(columns, clients, cells, numbered=numbered)]


def _rest(clients: Sequence[Client], names: Sequence[Name]) -> _Rest:
    usual: dict[Name, Reply] = {}
    differing: list[Name] = []
    for name in names:
        [(found, number)] = Counter(_key(client.get(name)) for client in clients).most_common(1)
        if name not in _EACH and number >= _USUAL * len(clients) and found is not None:
            usual[name] = next(client[name] for client in clients if _key(client.get(name)) == found)
        else:
            differing.append(name)
    return _Rest(usual, differing)


def _key(found: Reply) -> object:
    """Return what equal values have in common; a list has none of its own."""
    return found if isinstance(found, str | bytes | int | None) else repr(found)


def _numbers(name: Name, clients: Sequence[Client]) -> bool:
    return all(isinstance(client.get(name, 0), int | float) for client in clients)


def _unusual(client: Client, usual: Mapping[Name, Reply]) -> Client:
    """Return the fields that say something else of this client than of most; None of those it does not have."""
    return {name: client.get(name) for name, said in usual.items() if _key(client.get(name)) != _key(said)}


def _together(found: Client) -> Cell:
    """Return fields as the server writes them."""
    cell: list[Piece] = []
    for name, said in found.items():
        before = " " if cell else ""
        if isinstance(said, str | int) and isinstance(name, str):
            cell.append(("text", f"{before}{name}={said}"))  # one word, which is not folded if it need not be
        elif said is None:
            cell += [("note", f"{before}no "), ("label", name)]
        else:
            cell += [("text", before), ("label", name), ("arrow", "="), *bare(said)]
    return cell
