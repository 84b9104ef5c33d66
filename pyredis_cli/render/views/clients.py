"""CLIENT LIST and CLIENT INFO: how many clients there are, who worries the server, what the fields of one mean."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Final, cast

from pyredis.types import Reply
from pyredis_cli.render.blocks import Beside, Block, Cell, Facts, Line
from pyredis_cli.render.layout import Piece
from pyredis_cli.render.texts import structured
from pyredis_cli.render.units import size
from pyredis_cli.render.views.cells import bare, label
from pyredis_cli.render.views.client_tables import Client, Name, others, who
from pyredis_cli.render.views.meanings import meaning
from pyredis_cli.render.views.reading import Asked, Unexpected

__all__ = ["client_of", "info", "one", "view"]

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
# So much that waits for a client to read it, or that came from it and is no command yet, is a worry.
_MUCH: Final = 1024**2


def view(reply: Reply, asked: Asked) -> Sequence[Block] | None:
    """Return two tables of clients, and what is the same for most of them."""
    found = structured(reply, "clients")
    if not isinstance(found, list) or not found:
        raise Unexpected("this is no list of clients")
    # The order in which servers list them has no meaning.
    clients = sorted(map(client_of, cast("list[Reply]", found)), key=lambda client: cast("int", client["id"]))
    if len(clients) == 1:
        return one(clients[0])
    first = who(clients, asked.look.width)
    rest = others(clients, first.shown, asked.look.width)
    return [Line(_summary(clients)), *_worries(clients), Line(), first.grid, Line(), *rest]


def info(reply: Reply, asked: Asked) -> Sequence[Block]:
    """Return the fields of a client."""
    return one(client_of(structured(reply, "client")))


def client_of(client: Reply) -> Client:
    """Return the fields of a client as they were read from its text."""
    if not isinstance(client, dict) or not isinstance(client.get("id"), int):
        raise Unexpected("this is no client")
    return cast("Client", client)


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


def one(client: Client) -> Sequence[Block]:
    """Return the fields of a client, in groups, with what they mean."""
    groups = [(title, [name for name in names if name in client]) for title, names in _GROUPS]
    known = {name for _, names in groups for name in names}
    groups.append(("Other", [cast("str", name) for name in client if name not in known]))
    facts = [
        Facts([(label(name), _meant(name, client[name])) for name in names], (("heading", title),))
        for title, names in groups
        if names
    ]
    return [Beside(facts)]


def _meant(name: Name, said: Reply) -> Cell:
    """Return a field exactly as it came, with what it means."""
    note = _flags(said) if name == "flags" else meaning(name, said, None) if isinstance(name, str) else ""
    return (*bare(said), ("note", f"  {note}")) if note else bare(said)


def _flags(said: Reply) -> str:
    letters = said if isinstance(said, str) else ""
    return ", ".join([_FLAGS[letter] for letter in letters if letter in _FLAGS])


# -- many clients


def _summary(clients: Sequence[Client]) -> Cell:
    """Return how many clients there are, and what their flags say of how many."""
    letters = Counter(letter for client in clients for letter in _letters(client))
    cell: list[Piece] = [("heading", f"{len(clients):,} clients")]
    for at, (letter, number) in enumerate(letters.most_common()):
        words = f" {number:,} {_FLAGS[letter]} ({letter})"
        cell += [("heading", "," if at else ":"), ("warning" if letter in _ALARMING else "text", words)]
    return cell


def _letters(client: Client) -> Sequence[str]:
    flags = client.get("flags")
    return [letter for letter in flags if letter in _FLAGS] if isinstance(flags, str) else []


def _worries(clients: Sequence[Client]) -> Sequence[Block]:
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
