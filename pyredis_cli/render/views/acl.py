"""ACL LIST, ACL GETUSER and ACL LOG: who may do what, and who tried what they may not."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final, NamedTuple, cast

from pyredis.types import Reply
from pyredis_cli.render.blocks import Block, Cell, Column, Grid, Section
from pyredis_cli.render.layout import Piece, Role
from pyredis_cli.render.units import duration, when
from pyredis_cli.render.views.cells import bare, label, noted
from pyredis_cli.render.views.reading import Asked, Fields, fields, items, number, text

__all__ = ["getuser", "list_", "log"]

_PATTERNS: Final = ("~", "%", "&", "@@")
_WORDS: Final[dict[str, Role]] = {"on": "good", "off": "warning", "nopass": "warning"}


# -- ACL LIST


def list_(reply: Reply, asked: Asked) -> Sequence[Block]:
    """Return a row for each user: the passwords, which are long and say little, behind all other rules."""
    from pyredis_cli.render.texts import structured

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
    cell: list[Piece] = []
    for rule in rules:
        cell += [("break", " "), (_role(text(rule)), cast("bytes | str", rule))]
    return cell[1:]


def _role(rule: str) -> Role:
    if rule.startswith("#"):
        return "note"
    return "name" if rule.startswith(_PATTERNS) else _WORDS.get(rule, "text")


# -- ACL GETUSER


def getuser(reply: Reply, asked: Asked) -> Sequence[Block]:
    """Return what a user may do; a selector, which is another set of rules, looks like a user of its own."""
    return _may(fields(reply))


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

_REFUSED: Final = (
    Column("count", right=True),
    Column("reason"),
    Column("context"),
    Column("object"),
    Column("username"),
    Column("age-seconds", right=True),
    Column("client"),
)
_CLIENT: Final = re.compile(r"(?:^| )(name|addr)=([^ ]+)")


class _Entry(NamedTuple):
    refused: Sequence[Cell]
    client: Cell


def log(reply: Reply, asked: Asked) -> Sequence[Block]:
    """Return what was refused and to whom, and behind that, under the same numbers, all that is known of each."""
    entries = [_entry(fields(entry)) for entry in items(reply)]
    if not entries:
        return ()
    refused = [entry.refused for entry in entries]
    clients = [(entry.client,) for entry in entries]
    return [
        Grid(_REFUSED, refused, numbered=True),
        Section(label(b"client-info"), [Grid((Column(words=True),), clients, numbered=True)]),
    ]


def _entry(entry: Fields) -> _Entry:
    said = [bare(entry.take(name)) for name in ("count", "reason", "context", "object", "username")]
    client = entry.take("client-info")
    age = _age(entry.take("age-seconds"))
    # The client's name if it has one, else its address: who should be asked.
    who: dict[str, str] = dict(_CLIENT.findall(text(client)))
    told: list[Piece] = list(bare(client))
    for name, reply in entry.rest():
        told += [("break", " "), *label(name), ("break", " "), *_moment(text(name), reply)]
    return _Entry((*said, age, (("text", who.get("name", who.get("addr", ""))),)), told)


def _age(seconds: Reply) -> Cell:
    found = number(seconds)
    return noted(bare(seconds), duration(found) if found >= 3600 else "")


def _moment(name: str, reply: Reply) -> Cell:
    if name.startswith("timestamp-") and isinstance(reply, int):
        return (*bare(reply), ("time", f" {when(reply // 1000)}"))
    return bare(reply)
