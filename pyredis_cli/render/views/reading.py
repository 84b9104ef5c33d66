"""Replies read strictly: what a view relies on is there, or the reply is not one for that view."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, cast

from pyredis.commands.spec import Spec
from pyredis.exceptions import ReplyError
from pyredis.types import Attributed, Map, Reply
from pyredis_cli.render.layout import pairs
from pyredis_cli.render.look import Look

__all__ = ["Asked", "Fields", "Unexpected", "fields", "integer", "items", "mapping", "number", "text"]


class Unexpected(Exception):
    """The reply is not what the view knows."""


class Asked(NamedTuple):
    """The command of a reply, and how somebody wants to see it."""

    argv: Sequence[bytes]
    spec: Spec | None
    look: Look


class Fields:
    """The fields of a map, and which of them have not been asked for yet."""

    def __init__(self, found: Sequence[tuple[Reply, Reply]]) -> None:
        self._fields: dict[str, tuple[Reply, Reply]] = {}
        for name, value in found:
            key = text(name)
            if key in self._fields:
                raise Unexpected(f"{key} stands twice")
            self._fields[key] = (name, value)

    def __contains__(self, name: str) -> bool:
        return name in self._fields

    def take(self, name: str) -> Reply:
        """Return the field's value; it is not among the rest any more. Unexpected when there is none."""
        try:
            return self._fields.pop(name)[1]
        except KeyError:
            raise Unexpected(f"there is no {name}") from None

    def get(self, name: str) -> Reply:
        """Return the field's value, None when there is none."""
        return self._fields.pop(name)[1] if name in self._fields else None

    def rest(self) -> Sequence[tuple[Reply, Reply]]:
        """Return names and values of the fields that nobody took."""
        left = list(self._fields.values())
        self._fields.clear()
        return left


def fields(reply: Reply) -> Fields:
    """Return the fields of a map, or of a list in which names and values take turns."""
    return Fields(mapping(reply))


def mapping(reply: Reply) -> Sequence[tuple[Reply, Reply]]:
    """Return names and values, whatever they are, of a map or of a list in which they take turns."""
    match reply:
        case Map() | dict():
            return list(pairs(reply))
        case list() if len(reply) % 2 == 0:
            halves = cast("list[Reply]", reply)
            return list(zip(halves[::2], halves[1::2], strict=True))
    raise Unexpected("these are no names and values")


def items(reply: Reply, count: int | None = None) -> list[Reply]:
    """Return the elements of an array or set, which are so many."""
    if not isinstance(reply, list) or isinstance(reply, Map) or (count is not None and len(reply) != count):
        raise Unexpected("this is no list, or one of another length")
    return reply


def text(reply: Reply) -> str:
    """Return a string; bytes that are no text as lone surrogates."""
    match reply:
        case bytes():
            return reply.decode("utf-8", "surrogateescape")
        case str():
            return reply
    raise Unexpected("this is no string")


def integer(reply: Reply) -> int:
    """Return an integer, also one that RESP2 sends as a string."""
    found = number(reply)
    if not isinstance(found, int):
        raise Unexpected("this is no integer")
    return found


def number(reply: Reply) -> int | float:
    """Return a number, also one that RESP2 sends as a string."""
    match reply:
        case bool() | None | list() | dict() | ReplyError() | Attributed():
            raise Unexpected("this is no number")
        case int() | float():
            return reply
    written = text(reply)
    try:
        return int(written) if len(written) < 30 and written.lstrip("-").isdigit() else float(written)
    except ValueError:
        raise Unexpected("this is no number") from None
