"""A reply for a person: by the view of its command, by its shape, or as redis-cli arranges it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Final, NamedTuple, TypeAlias, cast

from pyredis.types import Reply
from pyredis_cli import registry
from pyredis_cli.render.blocks import Block, Document, Section, counted
from pyredis_cli.render.human import human_parts
from pyredis_cli.render.layout import Part, elements
from pyredis_cli.render.look import Look
from pyredis_cli.render.shapes import shape
from pyredis_cli.render.sheet import sheet_parts
from pyredis_cli.render.views.by_shape import blocks_of
from pyredis_cli.render.views.reading import Asked, Unexpected

if TYPE_CHECKING:
    from pyredis.commands.spec import Spec

__all__ = ["Presented", "View", "present", "total"]

# So many lines of a document are counted before a person is told how much there is.
_LINES: Final = 10_000

View: TypeAlias = Callable[[Reply, Asked], Sequence[Block] | None]


class Presented(NamedTuple):
    """The lines of a reply, made when they are asked for, and what says how much there is."""

    parts: Iterator[Part]
    total: Callable[[], str]


def present(argv: Sequence[bytes], spec: Spec | None, reply: Reply, look: Look) -> Presented:
    """Return the reply to a command, laid out for a person. Never an exception, whatever the server says."""
    blocks = _blocks(Asked(argv, spec, look), reply)
    if blocks:
        return Presented(sheet_parts(blocks, look), lambda: _total(blocks))
    text = spec is not None and spec.shape_for(argv) == "text"
    parts = human_parts(
        reply,
        encoding=look.encoding,
        text=text,
        color=look.color,
        theme=look.theme,
        measure=look.measure,
    )
    return Presented(parts, lambda: total(reply, text))


def _blocks(asked: Asked, reply: Reply) -> Sequence[Block] | None:
    row = registry.VIEWS.get(asked.spec.name) if asked.spec is not None else None
    if row is not None:
        try:
            if blocks := cast("View", registry.load(row))(reply, asked):
                return blocks
        except Unexpected:
            pass  # what a view does not know is laid out like any other reply
    found = shape(asked.argv, asked.spec, reply)
    if asked.look.decode == "off":
        return blocks_of(found)
    # Decoders are not loaded for who wants none.
    from pyredis_cli.render.views import decoded

    return decoded.blocks_of(found, asked.look)


def _total(blocks: Sequence[Block]) -> str:
    found = counted(blocks, _LINES)
    # Of a document that is longer the rest is not known.
    if found > _LINES and _documents(blocks):
        return f"more than {_LINES:,} elements"
    return f"{found:,} elements"


def _documents(blocks: Sequence[Block]) -> bool:
    return any(
        isinstance(block, Document) or (isinstance(block, Section) and _documents(block.blocks))
        for block in blocks
    )


def total(reply: Reply, text: bool) -> str:
    """Say how much there is of what is numbered in a reply."""
    if text and isinstance(reply, bytes):
        lines = reply.rstrip(b"\r\n").count(b"\n") + 1
        return f"{lines:,} lines"
    return f"{elements(reply):,} elements"
