"""ACL LIST, ACL GETUSER and ACL LOG: who may do what, and who tried what they may not."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple, cast

from pyredis.types import Reply
from pyredis_cli.render.blocks import Block, Cell, Column, Grid, Section
from pyredis_cli.render.layout import Role
from pyredis_cli.render.look import Look
from pyredis_cli.render.texts import structured
from pyredis_cli.render.units import duration
from pyredis_cli.render.views.cells import bare, joined, label
from pyredis_cli.render.views.client_tables import Client, others
from pyredis_cli.render.views.clients import client_of, one
from pyredis_cli.render.views.reading import Asked, Fields, fields, items, number, text
from pyredis_cli.render.views.rows import BLANK, Known, table
from pyredis_cli.render.views.times import stamp

__all__ = ["getuser", "list_", "log"]

_PATTERNS: Final = ("~", "%", "&", "@@")
_WORDS: Final[dict[str, Role]] = {"on": "good", "off": "warning", "nopass": "warning"}


# -- ACL LIST


def list_(reply: Reply, asked: Asked) -> Sequence[Block]:
    """Return a row for each user: the passwords, which are long and say little, behind all other rules."""
    users = [_user(user) for user in items(structured(reply, "user"))]
    return [Grid((Column("user"), Column("enabled"), Column("rules", words=True)), users)]


def _user(reply: Reply) -> Sequence[Cell]:
    user = fields(reply)
    name, enabled, rules = user.take("user"), user.take("enabled"), items(user.take("rules"))
    return bare(name), _rules(["on" if enabled else "off"]), _rules(sorted(rules, key=_is_password))


def _is_password(rule: Reply) -> bool:
    return text(rule).startswith("#")


def _rules(rules: Sequence[Reply]) -> Cell:
    """Return rules, or the words of flags, in one sentence."""
    return joined((((_role(text(rule)), cast("bytes | str", rule)),) for rule in rules), ("break", " "))


def _role(rule: str) -> Role:
    if rule.startswith("#"):
        return "note"
    return "name" if rule.startswith(_PATTERNS) else _WORDS.get(rule, "text")


# -- ACL GETUSER


def getuser(reply: Reply, asked: Asked) -> Sequence[Block] | None:
    """Return what a user may do; a selector, which is another set of rules, looks like a user of its own."""
    return _may(fields(reply)) if reply else None


def _may(user: Fields) -> Sequence[Block]:
    rows: list[Sequence[Cell]] = []
    sections: list[Block] = []
    for name, said in user.rest():
        if name == b"selectors" and said:
            sections.append(Section(label(name), [_selector(*found) for found in enumerate(items(said), 1)]))
        else:
            rows.append((label(name), _said(said)))
    return [Grid((Column(), Column(words=True)), rows), *sections]


def _selector(number: int, reply: Reply) -> Block:
    return Section((("label", f"({number})"),), _may(fields(reply)))


def _said(reply: Reply) -> Cell:
    """Return rules: they are a list (flags, passwords; in Redis 6.2 all) or words in a string."""
    if isinstance(reply, bytes) and reply:
        return _rules(reply.split(b" "))
    if isinstance(reply, list) and reply:
        return _rules(items(reply))
    return bare(reply)


# -- ACL LOG

# From here on there is room for dates beside the numbers.
_WIDE: Final = 112


class _Entry(NamedTuple):
    refused: Sequence[Cell]
    client: Client
    rest: Fields


def log(reply: Reply, asked: Asked) -> Sequence[Block]:
    """Return what was refused and to whom; below, under the same numbers, when, and all about the clients."""
    entries = [_entry(fields(entry)) for entry in items(reply)]
    if not entries:
        return ()
    return [
        Grid(_REFUSED, [entry.refused for entry in entries], numbered=True),
        BLANK,
        table([entry.rest for entry in entries], _times(asked.look), numbered=True),
        BLANK,
        Section(label(b"client-info"), _clients([entry.client for entry in entries], asked.look)),
    ]


_REFUSED: Final = (
    Column("count", right=True),
    Column("reason"),
    Column("context"),
    Column("object"),
    Column("username"),
    Column("age", right=True),
    Column("client", whole=True),
)


def _entry(entry: Fields) -> _Entry:
    said = [bare(entry.take(name)) for name in ("count", "reason", "context", "object", "username")]
    client = client_of(structured(entry.take("client-info"), "client"))
    age = entry.take("age-seconds")
    # The client's name if it has one, else its address: who should be asked.
    who = client.get("name") or client.get("addr") or ""
    rest = Fields([("age-seconds", age), *entry.rest()])
    return _Entry((*said, _age(age), bare(who)), client, rest)


def _age(seconds: Reply) -> Cell:
    found = number(seconds)
    return (("note", duration(round(found) if found >= 1 else found)),) if abs(found) < 2**63 else ()


def _times(look: Look) -> Sequence[Known]:
    date = stamp if look.width >= _WIDE else None
    return (
        Known("age-seconds", right=True),
        Known("entry-id", right=True),
        Known("timestamp-created", right=True, note=date),
        Known("timestamp-last-updated", right=True, note=date),
    )


def _clients(clients: Sequence[Client], look: Look) -> Sequence[Block]:
    """Return what is known of the clients when they were refused."""
    if len(clients) == 1:
        return one(clients[0])
    return others(clients, ("id",), look.width - 2, numbered=True)
