"""Replies as redis-cli shows them on a terminal (``--no-raw``), byte for byte.

Where redis-cli cannot go on (big numbers, attributes, nesting that overflows its stack) this does, and a text
reply that does not end its last line has it ended. It knows redis-cli's quotes; the arrangement is `layout`'s.
"""

from __future__ import annotations

from collections.abc import Iterator

from pyredis.types import Reply
from pyredis_cli.render.escape import printable, quote
from pyredis_cli.render.layout import Part, Role, layout, numbers
from pyredis_cli.render.machine import raw

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
    for role, words in layout(reply):
        yield _written(role, words, terminal), numbers(role)
    yield b"\n", 0


def _written(role: Role, words: str | bytes, terminal: bool) -> bytes:
    if isinstance(words, str):
        return words.encode()
    if role == "string":
        return quote(words).encode()
    return printable(words, keep_newlines=role == "text").encode() if terminal else words
