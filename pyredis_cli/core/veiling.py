"""Replies without the secrets in them: parameters that are passwords, hashes of users, passwords just made.

Which parameters and rules are secret, the facts say of the commands that set them; which replies have them, and in
which form, stands in rows here. Pure.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from pyredis.commands.rows import canonical
from pyredis.types import Attributed, Map, Reply

if TYPE_CHECKING:
    from pyredis.commands.spec import Table
    from pyredis_cli.core.outcome import Outcome

__all__ = ["STARS", "veiled_reply"]

STARS: Final = b"***"
_Row: TypeAlias = Callable[[Reply, "Table"], Reply]


def veiled_reply(outcome: Outcome, table: Table) -> Reply:
    """Return the reply of an outcome as it may be kept; itself when it holds no secret."""
    if outcome.queued and isinstance(outcome.reply, list):
        replies: list[Any] = outcome.reply
        veiled = [
            _veiled(one.spec.name if one.spec else "", reply, table)
            for one, reply in zip(outcome.queued, replies, strict=False)
        ]
        same = all(new is old for new, old in zip(veiled, replies, strict=False))
        return outcome.reply if same else veiled
    return _veiled(outcome.spec.name if outcome.spec else "", outcome.reply, table)


def _veiled(name: str, reply: Reply, table: Table) -> Reply:
    row = _ROWS.get(name)
    if row is None:
        return reply
    while isinstance(reply, Attributed):
        reply = reply.reply
    return row(reply, table)


def _parameters(setter: str) -> _Row:
    """Return what covers the values of those names that are secret to the command that sets them."""

    def row(reply: Reply, table: Table) -> Reply:
        spec = table.find(setter.split())
        rules = spec.secrets if spec is not None else ()
        marks = {mark for rule in rules if rule[0] == "after" for mark in rule[1]}
        return _covered(reply, lambda name: canonical(name) in marks)

    return row


def _covered(reply: Reply, is_secret: Callable[[bytes], bool]) -> Reply:
    """Return pairs, in either protocol, with stars for the values of some names; what is empty is no secret."""
    match reply:
        case Map():
            return Map([(name, _cover(name, value, is_secret)) for name, value in reply])
        case dict():
            return {name: _cover(name, value, is_secret) for name, value in reply.items()}
        case list():
            flat: list[Any] = reply
            return [_cover(flat[at - 1], one, is_secret) if at % 2 else one for at, one in enumerate(flat)]
    return reply


def _cover(name: Any, value: Reply, is_secret: Callable[[bytes], bool]) -> Reply:
    if not isinstance(name, bytes) or not is_secret(name) or not value:
        return value
    return [STARS] * len(value) if isinstance(value, list) else STARS


def _user(reply: Reply, table: Table) -> Reply:
    return _covered(reply, lambda name: canonical(name) == "PASSWORDS")


def _rules(reply: Reply, table: Table) -> Reply:
    """Return the lines of users with stars for the words that a rule of SETUSER would hide."""
    spec = table.find(["ACL", "SETUSER"])
    rules = spec.secrets if spec is not None else ()
    marks = frozenset(mark for rule in rules if rule[0] == "starting" for mark in rule[1])
    if not isinstance(reply, list):
        return reply
    lines: list[Any] = reply
    return [_line(line, marks) if isinstance(line, bytes) else line for line in lines]


def _line(line: bytes, marks: frozenset[bytes]) -> bytes:
    return b" ".join(STARS if word[:1] in marks else word for word in line.split(b" "))


def _whole(reply: Reply, table: Table) -> Reply:
    return STARS if isinstance(reply, bytes) else reply


_ROWS: Final[Mapping[str, _Row]] = {
    "CONFIG GET": _parameters("CONFIG SET"),
    "SENTINEL CONFIG": _parameters("SENTINEL CONFIG"),
    "ACL GETUSER": _user,
    "ACL LIST": _rules,
    "ACL GENPASS": _whole,
}
