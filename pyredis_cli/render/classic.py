"""Replies as redis-cli shows them on a terminal (``--no-raw``), byte for byte.

Where redis-cli cannot go on (big numbers, attributes, nesting that overflows its stack) this does, and a text
reply that does not end its last line has it ended. It knows redis-cli's quotes; the arrangement is `layout`'s.
"""

from __future__ import annotations

from pyredis.types import Reply
from pyredis_cli.render.escape import printable, quote
from pyredis_cli.render.layout import Role, layout
from pyredis_cli.render.machine import raw

__all__ = ["classic"]


def classic(reply: Reply, *, text: bool = False, terminal: bool = False) -> bytes:
    """Return the lines of a reply, the last one ended.

    ``text`` is for commands whose reply is text to be read (INFO, CLIENT LIST): it is not quoted. ``terminal``
    escapes what redis-cli writes as it comes and could steer a terminal: statuses, errors and texts.
    """
    if text:
        written = raw(reply, text=True)
        return printable(written, keep_newlines=True).encode() if terminal else written
    return b"".join([_written(role, words, terminal) for role, words in layout(reply)]) + b"\n"


def _written(role: Role, words: str | bytes, terminal: bool) -> bytes:
    if isinstance(words, str):
        return words.encode()
    if role == "string":
        return quote(words).encode()
    return printable(words, keep_newlines=role == "text").encode() if terminal else words
