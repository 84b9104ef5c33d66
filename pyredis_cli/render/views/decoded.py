"""What is in a value: in its place where it is a document, and in a few words beside it where it is not."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from typing import TypeGuard

from pyredis.types import Reply, Status, Verbatim
from pyredis_cli.render.blocks import Block, Cell, Document, Line
from pyredis_cli.render.decoders import Json
from pyredis_cli.render.decoding import Found, find
from pyredis_cli.render.look import Look
from pyredis_cli.render.shapes import Items, Scalar, Shape
from pyredis_cli.render.views import by_shape
from pyredis_cli.render.views.cells import noted, value

__all__ = ["beginning", "blocks_of"]

# Beside other cells a document is shown as far as this,
_BESIDE = 60
# is laid out no further than this,
_ENOUGH = 1024
# and a larger value is not looked into, for there are many before the first line shows.
_MOST = 16 * 1024


def blocks_of(shape: Shape, look: Look) -> Sequence[Block] | None:
    """Return the blocks of a shape, and in them what is in its values; None where nobody knows more of it."""
    shown = partial(_cell, look)
    match shape:
        case Scalar(reply):
            return _value(reply, look)
        case Items(items) if items and look.decode != "auto":
            return [by_shape.listed(items, shown)]
    return by_shape.blocks_of(shape, shown)


def _value(reply: Reply, look: Look) -> Sequence[Block] | None:
    """Return what is in a reply that is one value."""
    if not _is_value(reply) or (found := find(reply, look.decode)) is None:
        return None
    if found.document is None:
        return [Line(noted(value(reply), found.beside or ""))]
    said = [", ".join(found.names), f"{len(reply):,} bytes", found.beside, look.measure.undecoded]
    return [
        Document(found.pieces),
        Line((("note", f"({'; '.join(part for part in said if part)})"),)),
    ]


def _cell(look: Look, reply: Reply) -> Cell:
    """Return a value among others, and behind it what is in it, as far as that is short."""
    cell = value(reply)
    if not _is_value(reply) or (found := find(reply, look.decode, most=_MOST)) is None:
        return cell
    if found.document is None or found.names == ("json",):
        return noted(cell, found.beside or "")
    return noted(cell, f"{', '.join(found.names)}: {beginning(found)}")


def beginning(found: Found) -> str:
    """Return a document on one line, as far as that is short."""
    laid_out = ""
    for _, said in _cut(found).pieces():
        laid_out += said
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
