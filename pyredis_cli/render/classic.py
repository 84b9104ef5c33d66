"""Replies as redis-cli shows them on a terminal (``--no-raw``), byte for byte.

Where redis-cli cannot go on (big numbers, attributes, nesting that overflows its stack) this does, and a text
reply that does not end its last line has it ended. It knows redis-cli's quotes; the arrangement is `layout`'s.
"""

from __future__ import annotations

from pyredis.types import Reply
from pyredis_cli.render.escape import printable, quote, quote_each
from pyredis_cli.render.layout import ARROW, Part, Role, Run, arrangement, numbers
from pyredis_cli.render.machine import raw
from pyredis_cli.render.portions import LONG, slices

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from typing import Any

__all__ = ["classic", "classic_parts"]


def classic(reply: Reply, *, text: bool = False, terminal: bool = False) -> bytes:
    """Return the lines of a reply, the last one ended; see `classic_parts`."""
    return b"".join([part for part, _ in classic_parts(reply, text=text, terminal=terminal)])


def classic_parts(reply: Reply, *, text: bool = False, terminal: bool = False) -> Iterator[Part]:
    """Yield the lines of a reply part after part; nothing is laid out before it is asked for.

    ``text`` is for commands whose reply is text to be read (INFO, CLIENT LIST): it is not quoted. ``terminal``
    escapes what redis-cli writes as it comes and could steer a terminal: statuses, errors and texts.
    """
    if text:
        written = raw(reply, text=True)
        yield printable(written, keep_newlines=True).encode() if terminal else written, 0
        return
    for piece in arrangement(reply):
        if isinstance(piece, Run):
            yield from _run(piece, terminal)
            continue
        role, words = piece
        if role == "string" and isinstance(words, bytes) and len(words) > LONG:
            yield from _long(words)
        else:
            yield _written(role, words, terminal), numbers(role)
    yield b"\n", 0


def _run(run: Run, apart: bool) -> Iterator[Part]:
    """Yield the lines of a run, the same as of its pieces; ``apart`` for a pager, which counts them."""
    strings: Any = run.strings
    if isinstance(strings[0], bytes):
        shown: Iterable[str] = quote_each(strings)
    else:
        columns = zip(*strings, strict=True)
        shown = map(ARROW.join, zip(*map(quote_each, columns), strict=True))
    width, mark = run.width, run.mark
    lines = [f"{number:>{width}}{mark} {line}" for number, line in enumerate(shown, run.first)]
    if apart:
        yield (run.start + lines[0]).encode(), 1
        yield from [((run.between + line).encode(), 1) for line in lines[1:]]
    else:
        yield (run.start + run.between.join(lines)).encode(), len(lines)


def _long(value: bytes) -> Iterator[Part]:
    """Yield a long value in its quotes slice by slice."""
    yield b'"', 0
    for piece in slices(value):
        yield quote(piece)[1:-1].encode(), 0
    yield b'"', 0


def _written(role: Role, words: str | bytes, terminal: bool) -> bytes:
    if isinstance(words, str):
        return words.encode()
    if role == "string":
        return quote(words).encode()
    return printable(words, keep_newlines=role == "text").encode() if terminal else words
