"""What is in a value: in its place where it is a document, and in a few words beside it where it is not."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from itertools import islice
from typing import Final, TypeGuard

from pyredis.types import Reply, Status, Verbatim
from pyredis_cli.render.blocks import Block, Cell, Document, Line
from pyredis_cli.render.decoders import Json
from pyredis_cli.render.decoding import Found, find
from pyredis_cli.render.json_layout import json_pieces
from pyredis_cli.render.look import Look
from pyredis_cli.render.shapes import Items, Scalar, Shape
from pyredis_cli.render.views import by_shape
from pyredis_cli.render.views.cells import noted, value

__all__ = ["beginning", "blocks_of", "cell"]

# So many elements tell whether there is something to be said of the others.
_SAMPLE: Final = 60
_LINE_END: Final = re.compile(r"\n *")
# Beside other cells a document is shown as far as this,
_BESIDE = 60
# is laid out no further than this,
_ENOUGH = 1024
# and a larger value is not looked into, for there are many before the first line shows.
_MOST = 16 * 1024


def blocks_of(shape: Shape, look: Look) -> Sequence[Block] | None:
    """Return the blocks of a shape, and in them what is in its values; None where nobody knows more of it."""
    shown = partial(cell, look)
    match shape:
        case Scalar(reply):
            return _value(reply, look)
        case Items(items) if any(_says_more(item, look) for item in islice(items, _SAMPLE)):
            return [by_shape.listed(items, shown)]
    return by_shape.blocks_of(shape, shown)


def _value(reply: Reply, look: Look) -> Sequence[Block] | None:
    """Return what is in a reply that is one value."""
    if not _is_value(reply):
        return None
    found = find(reply, look.decode)
    if found is None:
        named = look.decode not in ("auto", "off")
        return [Line(noted(value(reply), f"not {look.decode}"))] if named else None
    if found.document is None:
        return [Line(noted(value(reply), found.beside or ""))]
    said = [", ".join(found.names), f"{len(reply):,} bytes", found.beside, look.measure.undecoded]
    return [
        Document(found.pieces),
        Line((("note", f"({'; '.join(part for part in said if part)})"),)),
    ]


def _says_more(reply: Reply, look: Look) -> bool:
    """Whether there is something to be said of what is in a value."""
    return _is_value(reply) and find(reply, look.decode, most=_MOST) is not None


def cell(look: Look, reply: Reply) -> Cell:
    """Return a value among others, with what is in it; JSON as it is, and not as a string of it."""
    if not _is_value(reply) or (found := find(reply, look.decode, most=_MOST)) is None:
        return value(reply)
    match found.document:
        case None:
            return noted(value(reply), found.beside or "")
        case Json() as document if found.names == ("json",):
            return noted([(role, _on_one_line(said)) for role, said in json_pieces(document)], "json")
    said = f"{', '.join(found.names)}: {beginning(found)}"
    return noted(value(reply), said) if _is_text(reply) else (("note", f"{said}  ({len(reply):,} bytes)"),)


def _on_one_line(said: str) -> str:
    """Return the piece of a document without the line end in it, if any; a comma is followed by a blank."""
    return _LINE_END.sub(" " if said.startswith(",") else "", said)


def _is_text(reply: bytes) -> bool:
    try:
        return reply.decode().isprintable()
    except UnicodeDecodeError:
        return False


def beginning(found: Found) -> str:
    """Return a document on one line, as far as that is short."""
    laid_out = ""
    for _, said in _cut(found).pieces():
        laid_out += _on_one_line(said) if isinstance(found.document, Json) else said
        if len(laid_out) > _ENOUGH:
            break
    words = " ".join(laid_out.split())
    return words if len(words) <= _BESIDE and len(laid_out) <= _ENOUGH else f"{words[:_BESIDE]}…"


def _cut(found: Found) -> Found:
    """Return what was found, with little of a text: all else is laid out piece by piece."""
    match found.document:
        case Json() | bytes() | None:
            return found
        case text:
            return replace(found, document=text[: _ENOUGH + 1])


def _is_value(reply: Reply) -> TypeGuard[bytes]:
    return isinstance(reply, bytes) and not isinstance(reply, Status | Verbatim)
