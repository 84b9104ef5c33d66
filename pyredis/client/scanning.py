"""Walks over all keys, or over all elements of one key, a page at a time.

It knows the SCAN family: how a cursor goes back and what a page looks like. It holds nothing between two pages:
each is one command, so on a pool no connection is tied up and a walk may be dropped anywhere. What the server
promises is all that a walk promises: whatever is there from its beginning to its end is met, and may be met
twice; what comes or goes meanwhile may be met or not.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Iterable, Mapping
from typing import Literal, TypeAlias, TypeGuard, TypeVar, cast, overload

from pyredis.client.executor import Executor
from pyredis.exceptions import ProtocolError, PyRedisError
from pyredis.types import Argument, Attributed, Reply

__all__ = ["Scanning"]

_T = TypeVar("_T")
_String: TypeAlias = bytes | str
_Pair: TypeAlias = tuple[_String, _String]
_Words: TypeAlias = tuple[Argument, ...]

_START = b"0"
_DONE = (b"0", "0")
_PUT_OFF = (None, b"QUEUED", "QUEUED")


class Scanning:
    """The walks of pools and clients, for ``async for``.

    ``match`` is a pattern, ``count`` about how many elements the server looks at for one page. Strings are str
    where the connection has an encoding, else bytes; further keywords are options of ``execute``. Elements that
    the server sends twice come twice. An error ends the walk; a page that is none is ProtocolError.
    """

    __slots__ = ()

    def scan_iter(
        self: Executor,
        match: Argument | None = None,
        count: int | None = None,
        type: Argument | None = None,
        **options: object,
    ) -> AsyncGenerator[bytes | str, None]:
        """Yield the keys of the database; of one ``type`` (``"hash"``, ``"zset"``, ...) when given."""
        return _walk(self, "SCAN", (), _choices(match, count, type), _strings, options)

    def sscan_iter(
        self: Executor,
        key: Argument,
        match: Argument | None = None,
        count: int | None = None,
        **options: object,
    ) -> AsyncGenerator[bytes | str, None]:
        """Yield the members of a set."""
        return _walk(self, "SSCAN", (key,), _choices(match, count), _strings, options)

    @overload
    def hscan_iter(
        self: Executor,
        key: Argument,
        match: Argument | None = None,
        count: int | None = None,
        no_values: Literal[False] = False,
        **options: object,
    ) -> AsyncGenerator[tuple[bytes | str, bytes | str], None]: ...

    @overload
    def hscan_iter(
        self: Executor,
        key: Argument,
        match: Argument | None = None,
        count: int | None = None,
        *,
        no_values: Literal[True],
        **options: object,
    ) -> AsyncGenerator[bytes | str, None]: ...

    def hscan_iter(
        self: Executor,
        key: Argument,
        match: Argument | None = None,
        count: int | None = None,
        no_values: bool = False,
        **options: object,
    ) -> AsyncGenerator[tuple[bytes | str, bytes | str], None] | AsyncGenerator[bytes | str, None]:
        """Yield the fields of a hash with their values; with ``no_values`` (Redis 7.4) the fields alone."""
        choices = _choices(match, count)
        if no_values:
            return _walk(self, "HSCAN", (key,), (*choices, "NOVALUES"), _strings, options)
        return _walk(self, "HSCAN", (key,), choices, _pairs, options)

    def zscan_iter(
        self: Executor,
        key: Argument,
        match: Argument | None = None,
        count: int | None = None,
        **options: object,
    ) -> AsyncGenerator[tuple[bytes | str, float], None]:
        """Yield the members of a sorted set with their scores."""
        return _walk(self, "ZSCAN", (key,), _choices(match, count), _scored, options)


def _choices(match: Argument | None, count: int | None, type: Argument | None = None) -> _Words:
    """Return the words that follow the cursor."""
    words: list[Argument] = []
    for name, value in (("MATCH", match), ("COUNT", count), ("TYPE", type)):
        if value is not None:
            words += (name, value)
    return tuple(words)


# One generator and no second one inside: closing it leaves nothing behind that the loop would have to close.
async def _walk(
    executor: Executor,
    name: str,
    key: _Words,
    choices: _Words,
    read: Callable[[list[Reply]], Iterable[_T] | None],
    options: Mapping[str, object],
) -> AsyncGenerator[_T, None]:
    """Yield what ``read`` finds in the pages from the first to the one with the cursor 0."""
    cursor: bytes | str = _START
    while True:
        cursor, items = _page(name, await executor.execute(name, *key, cursor, *choices, **options))
        elements = read(items)
        if elements is None:
            raise _misshapen(name)
        for element in elements:
            yield element
        if cursor in _DONE:
            return


def _page(name: str, reply: Reply) -> tuple[bytes | str, list[Reply]]:
    """Return the next cursor, as it came, and the elements of a page."""
    if isinstance(reply, Attributed):
        reply = reply.reply
    if isinstance(reply, list) and len(reply) == 2:
        cursor, items = reply
        if isinstance(cursor, bytes | str) and _is_number(cursor) and isinstance(items, list):
            return cursor, cast("list[Reply]", items)
    if reply in _PUT_OFF:
        raise PyRedisError(
            f"{name} got no page, its reply was put off; walk outside MULTI, bulk mode and CLIENT REPLY OFF"
        )
    raise _misshapen(name)


def _is_number(cursor: bytes | str) -> bool:
    return cursor.isascii() and cursor.isdigit()


def _misshapen(name: str) -> ProtocolError:
    return ProtocolError(f"the server answered {name} with something else than a cursor and elements")


# How the elements of a page are read; None when they are not such elements. Scores and values follow their
# member or field in one flat list, in RESP3 too.


def _strings(items: list[Reply]) -> list[_String] | None:
    return items if _are_strings(items) else None


def _pairs(items: list[Reply]) -> Iterable[_Pair] | None:
    if len(items) % 2 or not _are_strings(items):
        return None
    return zip(items[::2], items[1::2], strict=True)


def _scored(items: list[Reply]) -> list[tuple[_String, float]] | None:
    members, scores = items[::2], items[1::2]
    if len(items) % 2 or not _are_strings(members):
        return None
    try:
        return [(member, _score(score)) for member, score in zip(members, scores, strict=True)]
    except ValueError:
        return None


def _score(score: Reply) -> float:
    if isinstance(score, bytes | str | float):
        return float(score)
    raise ValueError("a score is a number, or a string that spells one")


def _are_strings(items: list[Reply]) -> TypeGuard[list[_String]]:
    return all(isinstance(item, bytes | str) for item in items)
