"""JSON.GET and JSON.MGET: documents laid out in lines, every value in the characters it was written with."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import partial
from typing import Final

from pyredis.types import Reply, Verbatim
from pyredis_cli.render.blocks import Block, Cell, Column, Document, Grid, Section
from pyredis_cli.render.json_layout import WIDTH, json_pieces
from pyredis_cli.render.layout import Role
from pyredis_cli.render.views.cells import value
from pyredis_cli.render.views.reading import Asked, Unexpected, items

__all__ = ["document", "get", "is_json", "laid_out", "mget"]

# JSON that begins like this is JSON; whether it is so to its end, the layout does not ask either.
_BEGINNING: Final = re.compile(rb'[ \t\r\n]*(?:[\[{"]|-?[0-9]|(?:true|false|null)[ \t\r\n]*$)')
_ARRANGED: Final = frozenset({b"INDENT", b"NEWLINE", b"SPACE"})


def get(reply: Reply, asked: Asked) -> Sequence[Block]:
    """Return the document, in the server's arrangement if somebody asked for one."""
    if not isinstance(reply, bytes) or isinstance(reply, Verbatim) or not laid_out(reply, asked):
        raise Unexpected("this is no document")
    if _ARRANGED.intersection(word.upper() for word in asked.argv[2:]):
        return [Document(lambda: iter([("text", reply)]))]
    return [document(reply, asked.look.width)]


def mget(reply: Reply, asked: Asked) -> Sequence[Block]:
    """Return the documents by their keys, as a table when all of them are short."""
    found = items(reply)
    if not found or len(found) != len(asked.argv) - 2:
        raise Unexpected("these are not the keys that were asked for")
    named = list(zip(asked.argv[1:-1], found, strict=True))
    if all(map(_in_a_line, found)):
        return [Grid((Column(), Column()), named, partial(_row, asked), numbered=True)]
    return [Section(_key(key), [_block(said, asked)]) for key, said in named]


def document(said: bytes, columns: int) -> Document:
    """Return a document of JSON for so many columns; strings that are longer go beyond."""
    return Document(partial(json_pieces, said.decode("utf-8", "surrogateescape"), columns))


def is_json(said: bytes) -> bool:
    return _BEGINNING.match(said) is not None


def laid_out(said: bytes, asked: Asked) -> bool:
    """Whether a value is to be shown as JSON: somebody may want it as it is."""
    return asked.look.decode in ("auto", "json") and is_json(said)


def _in_a_line(said: Reply) -> bool:
    if not isinstance(said, bytes):
        return said is None
    return len(said) <= WIDTH and not any("\n" in words for _, words in _pieces(said))


def _pieces(said: bytes) -> list[tuple[Role, str]]:
    return list(json_pieces(said.decode("utf-8", "surrogateescape")))


def _row(asked: Asked, found: tuple[bytes, Reply]) -> Sequence[Cell]:
    key, said = found
    if isinstance(said, bytes) and laid_out(said, asked):
        return _key(key), _pieces(said)
    return _key(key), value(said)


def _key(key: bytes) -> Cell:
    return (("name", key),) if key else value(key)


def _block(said: Reply, asked: Asked) -> Block:
    if isinstance(said, bytes) and laid_out(said, asked):
        return document(said, asked.look.width - 2)
    return Grid((Column(),), [(value(said),)])
