"""Replies as ``redis-cli --csv`` writes them, byte for byte: one line, flat, in redis-cli's quotes.

Maps and nested lists leave no trace but their elements. For tables that other programs read there is ``tabular``.
"""

from __future__ import annotations

from itertools import chain

from pyredis.exceptions import ReplyError
from pyredis.records import cast
from pyredis.types import Attributed, Map, Reply
from pyredis_cli.render.escape import quote, quote_each
from pyredis_cli.render.layout import Part, Steps, digits, double, message, pairs, unroll
from pyredis_cli.render.portions import LONG, runs, short_strings, slices

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

__all__ = ["redis_csv_parts"]


def redis_csv_parts(reply: Reply) -> Iterator[Part]:
    """Yield the line of a reply part after part; nothing is laid out before it is asked for."""
    for written in unroll(_line(reply)):
        yield written.encode(), 0
    yield b"\n", 0


def _line(reply: Reply) -> Steps[str]:
    match reply:
        case Attributed():
            yield _line(reply.reply)
        case Map() | dict():
            yield from _listed(chain.from_iterable(pairs(reply)))
        case list():
            yield from _listed(cast("list[Reply]", reply))
        case bytes() if len(reply) > LONG:
            yield '"'
            for piece in slices(reply):
                yield quote(piece)[1:-1]
            yield '"'
        case _:
            yield _scalar(reply)


def _listed(items: Iterable[Reply]) -> Steps[str]:
    start = ""
    for run in runs(items):
        if short_strings(run):
            yield start + ",".join(quote_each(run))
        else:
            for item in run:
                yield start
                yield _line(item)
                start = ","
        start = ","


def _scalar(reply: Reply) -> str:
    match reply:
        case None:
            return "NULL"
        case bytes():
            return quote(reply)
        case str():
            return quote(reply.encode("utf-8", "surrogateescape"))
        case bool():
            return "true" if reply else "false"
        case int():
            return digits(reply)
        case float():
            return double(reply)
        case ReplyError():
            return f"ERROR,{quote(message(reply))}"
    raise TypeError(f"a reply cannot be of type {type(reply).__name__}")
