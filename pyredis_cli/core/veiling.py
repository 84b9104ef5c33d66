"""Replies without the secrets in them: parameters that are passwords, hashes of users, passwords just made.

Which parameters and rules are secret, the facts say of the commands that set them, and of others that their
replies have such secrets. Pure.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

from pyredis.commands.rows import canonical
from pyredis.types import Attributed, Map, Reply

if TYPE_CHECKING:
    from pyredis.commands.spec import Spec, Table
    from pyredis_cli.core.outcome import Outcome

__all__ = ["STARS", "seen_reply", "veiled_reply"]

STARS: Final = b"***"

_ALL: Final = "whole"


def veiled_reply(outcome: Outcome, table: Table) -> Reply:
    """Return the reply of an outcome as it may be kept; itself when it holds no secret."""
    return _each(outcome, lambda spec, reply: _veiled(spec, reply, table))


def seen_reply(outcome: Outcome, table: Table) -> Reply:
    """Return the reply of an outcome as a screen may show it unasked; itself when it holds no secret.

    A password that was just made is seen: nobody could read it later.
    """

    def seen(spec: Spec | None, reply: Reply) -> Reply:
        return reply if spec is not None and spec.secret_reply == _ALL else _veiled(spec, reply, table)

    return _each(outcome, seen)


def _each(outcome: Outcome, veiled: Callable[[Spec | None, Reply], Reply]) -> Reply:
    """Return the reply veiled, or each of those of a transaction; itself when nothing is changed."""
    if not (outcome.queued and isinstance(outcome.reply, list)):
        return veiled(outcome.spec, outcome.reply)
    replies: list[Any] = outcome.reply
    after = [veiled(one.spec, reply) for one, reply in zip(outcome.queued, replies, strict=False)]
    same = all(new is old for new, old in zip(after, replies, strict=False))
    return outcome.reply if same else after


def _veiled(spec: Spec | None, reply: Reply, table: Table) -> Reply:
    if spec is None or spec.secret_reply is None:
        return reply
    while isinstance(reply, Attributed):
        reply = reply.reply
    kind, _, setter = spec.secret_reply.partition(" of ")
    match kind:
        case "values":
            names = _marks(setter, "after", table)
            return _covered(reply, lambda name: canonical(name) in names)
        case "words":
            return _rules(reply, _marks(setter, "starting", table))
        case "passwords":
            return _covered(reply, lambda name: canonical(name) == "PASSWORDS")
    return STARS if isinstance(reply, bytes) else reply


def _marks(setter: str, how: str, table: Table) -> frozenset[Any]:
    """Return by what the command that sets secrets knows them."""
    spec = table.find(setter.split())
    rules = spec.secrets if spec is not None else ()
    return frozenset(mark for rule in rules if rule[0] == how for mark in rule[1])


def _covered(reply: Reply, is_secret: Callable[[bytes], bool]) -> Reply:
    """Return pairs, in either protocol, with stars for the values of some names; what is empty is no secret."""
    pairs: list[tuple[Any, Any]]
    made: Callable[[list[tuple[Any, Any]]], Reply]
    match reply:
        case Map():
            pairs, made = list(reply), Map
        case dict():
            pairs, made = list(reply.items()), dict
        case list() if len(reply) % 2 == 0:
            pairs, made = list(zip(reply[::2], reply[1::2], strict=True)), _flat
        case _:
            return reply
    covered = [(name, _cover(name, value, is_secret)) for name, value in pairs]
    same = all(new is old for (_, new), (_, old) in zip(covered, pairs, strict=True))
    return reply if same else made(covered)


def _flat(pairs: list[tuple[Any, Any]]) -> Reply:
    return [word for pair in pairs for word in pair]


def _cover(name: Any, value: Reply, is_secret: Callable[[bytes], bool]) -> Reply:
    if not isinstance(name, bytes) or not is_secret(name) or not value:
        return value
    return [STARS] * len(value) if isinstance(value, list) else STARS


def _rules(reply: Reply, marks: frozenset[bytes]) -> Reply:
    """Return the lines of users with stars for the words that a rule of SETUSER would hide."""
    if not isinstance(reply, list):
        return reply
    before: list[Any] = reply
    after = [_line(line, marks) if isinstance(line, bytes) else line for line in before]
    return reply if after == before else after


def _line(line: bytes, marks: frozenset[bytes]) -> bytes:
    return b" ".join(word[:1] + STARS if word[:1] in marks else word for word in line.split(b" "))
