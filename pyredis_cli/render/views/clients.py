"""CLIENT LIST and CLIENT INFO: who is connected and what they do, and of the rest what is unusual.

A client has some thirty fields, and most of them say the same of nearly all clients. So a table shows what matters
first; a second one has the fields that differ from client to client, exactly as they came; and what nearly all
have in common is said once, above, so that an exception to it stands out.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Final, NamedTuple, TypeAlias, cast

from pyredis.types import Reply
from pyredis_cli.render.blocks import Beside, Block, Cell, Column, Facts, Grid, Line
from pyredis_cli.render.layout import Piece
from pyredis_cli.render.texts import structured
from pyredis_cli.render.units import duration, size
from pyredis_cli.render.views.cells import bare, label
from pyredis_cli.render.views.meanings import meaning
from pyredis_cli.render.views.reading import Asked, Unexpected

__all__ = ["info", "view"]

_Name: TypeAlias = str | bytes
_Client: TypeAlias = Mapping[_Name, Reply]

_FLAGS: Final[Mapping[str, str]] = {
    "N": "nothing special",
    "S": "replica",
    "M": "primary",
    "O": "MONITOR",
    "P": "subscribed",
    "b": "blocked",
    "x": "in MULTI",
    "t": "tracking",
    "B": "tracking by prefix",
    "R": "tracking redirected to nobody",
    "d": "watched key changed",
    "c": "closes after its reply",
    "u": "unblocked",
    "A": "to be closed",
    "U": "unix socket",
    "r": "read-only in a cluster",
    "e": "never evicted",
    "T": "does not touch",
    "i": "imports",
    "E": "exports",
    "I": "imports a slot",
}
"""What the letters stand for, in a word or two."""

_ALARMING: Final = "AcR"
# A field is usually so, when so many of the clients have it so.
_USUAL: Final = 0.6
# So much that waits for a client to read it, or that came from it and is no command yet, is a worry.
_MUCH: Final = 1024**2
# There is room for so many columns only from these widths on.
_SOME: Final = 75
_WIDE: Final = 100


def view(reply: Reply, asked: Asked) -> Sequence[Block] | None:
    """Return two tables of clients, and what is the same for most of them."""
    found = structured(reply, "clients")
    if not isinstance(found, list) or not found:
        raise Unexpected("this is no list of clients")
    # The order in which servers list them has no meaning.
    clients = sorted(map(_fields, cast("list[Reply]", found)), key=lambda client: cast("int", client["id"]))
    if len(clients) == 1:
        return _one(clients[0])
    first = _first(clients, asked.look.width)
    others = _others(clients, first.shown, asked.look.width)
    return [Line(_summary(clients)), *_worries(clients), Line(), first.grid, Line(), *others]


def info(reply: Reply, asked: Asked) -> Sequence[Block]:
    """Return the fields of a client."""
    return _one(_fields(structured(reply, "client")))


def _fields(client: Reply) -> _Client:
    if not isinstance(client, dict) or not isinstance(client.get("id"), int):
        raise Unexpected("this is no client")
    return cast("_Client", client)


# -- one client

_GROUPS: Final[Sequence[tuple[str, Sequence[str]]]] = (
    (
        "Client",
        ("id", "name", "user", "addr", "laddr", "fd", "lib-name", "lib-ver", "resp", "capa", "io-thread"),
    ),
    (
        "Activity",
        (
            "age",
            "idle",
            "flags",
            "db",
            "cmd",
            "events",
            "sub",
            "psub",
            "ssub",
            "multi",
            "watch",
            "redir",
            "tot-cmds",
        ),
    ),
    (
        "Memory",
        (
            "tot-mem",
            "omem",
            "oll",
            "obl",
            "qbuf",
            "qbuf-free",
            "argv-mem",
            "multi-mem",
            "rbs",
            "rbp",
            "tot-net-in",
            "tot-net-out",
        ),
    ),
)


def _one(client: _Client) -> Sequence[Block]:
    groups = [(title, [name for name in names if name in client]) for title, names in _GROUPS]
    known = {name for _, names in groups for name in names}
    groups.append(("Other", [cast("str", name) for name in client if name not in known]))
    facts = [
        Facts([(label(name), _meant(name, client[name])) for name in names], (("heading", title),))
        for title, names in groups
        if names
    ]
    return [Beside(facts)]


def _meant(name: _Name, said: Reply) -> Cell:
    """Return a field exactly as it came, with what it means."""
    note = _flags(said) if name == "flags" else meaning(name, said, None) if isinstance(name, str) else ""
    return (*bare(said), ("note", f"  {note}")) if note else bare(said)


def _flags(said: Reply) -> str:
    letters = said if isinstance(said, str) else ""
    return ", ".join([_FLAGS[letter] for letter in letters if letter in _FLAGS])


# -- many clients


def _summary(clients: Sequence[_Client]) -> Cell:
    """Return how many clients there are, and what their flags say of how many."""
    letters = Counter(letter for client in clients for letter in _letters(client))
    cell: list[Piece] = [("heading", f"{len(clients):,} clients")]
    for at, (letter, number) in enumerate(letters.most_common()):
        words = f" {number:,} {_FLAGS[letter]} ({letter})"
        cell += [("heading", "," if at else ":"), ("warning" if letter in _ALARMING else "text", words)]
    return cell


def _letters(client: _Client) -> Sequence[str]:
    flags = client.get("flags")
    return [letter for letter in flags if letter in _FLAGS] if isinstance(flags, str) else []


def _worries(clients: Sequence[_Client]) -> Sequence[Block]:
    """Return a line for each client that makes the server keep much for it."""
    blocks: list[Block] = []
    for client in clients:
        for field, words in _WORRIES.items():
            found = client.get(field)
            if isinstance(found, int) and found >= _MUCH:
                said: Cell = (
                    ("warning", "id "),
                    *bare(client["id"]),
                    ("warning", f" {words}: {field} {size(found)}"),
                )
                blocks.append(Line(said))
    return blocks


_WORRIES: Final = {"omem": "does not read what it asked for", "qbuf": "sends what is no command yet"}


class _First(NamedTuple):
    grid: Grid
    shown: Sequence[str]
    """The fields that stand in it exactly as they came."""


def _first(clients: Sequence[_Client], width: int) -> _First:
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

    def cells(client: _Client) -> Sequence[Cell]:
        said = [_said(client.get(name)) for name in exact]
        roughly = [_ROUGH[name].say(client.get(name)) for name in spans]
        return [bare(client["id"]), *said, *roughly, _said(client.get("cmd"))]

    return _First(Grid(columns, clients, cells), ["id", *exact, "cmd"])


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

    usual: Mapping[_Name, Reply]
    differing: Sequence[_Name]


def _others(clients: Sequence[_Client], shown: Sequence[str], width: int) -> Sequence[Block]:
    names = list({name: None for client in clients for name in client if name not in shown})
    rest = _rest(clients, names)
    numbers = [name for name in rest.differing if _numbers(name, clients)] if width >= _WIDE else []
    columns = [
        Column("id", right=True),
        *(Column(name, right=True) for name in numbers),
        Column("other fields", words=True),
    ]

    def cells(client: _Client) -> Sequence[Cell]:
        own = {name: said for name, said in client.items() if name in rest.differing and name not in numbers}
        counted = (bare(client[name]) if name in client else () for name in numbers)
        return [bare(client["id"]), *counted, _together({**_unusual(client, rest.usual), **own})]

    usual: list[Block] = []
    if rest.usual:
        usual = [Line((("heading", "unless said otherwise "), *_together(rest.usual))), Line()]
    return [*usual, Grid(columns, clients, cells)]


def _rest(clients: Sequence[_Client], names: Sequence[_Name]) -> _Rest:
    usual: dict[_Name, Reply] = {}
    differing: list[_Name] = []
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


def _numbers(name: _Name, clients: Sequence[_Client]) -> bool:
    return all(isinstance(client.get(name, 0), int | float) for client in clients)


def _unusual(client: _Client, usual: Mapping[_Name, Reply]) -> _Client:
    """Return the fields that say something else of this client than of most; None of those it does not have."""
    return {name: client.get(name) for name, said in usual.items() if _key(client.get(name)) != _key(said)}


def _together(found: _Client) -> Cell:
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
