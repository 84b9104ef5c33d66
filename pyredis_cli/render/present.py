"""A reply for a person: by the view of its command, by its shape, or as redis-cli arranges it."""

from __future__ import annotations

from pyredis.records import NamedTuple, cast
from pyredis_cli import registry
from pyredis_cli.render.brief import is_plain
from pyredis_cli.render.human import human_parts
from pyredis_cli.render.layout import elements

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from typing import Final, TypeAlias

    from pyredis.commands.spec import Spec
    from pyredis.types import Reply
    from pyredis_cli.render.blocks import Block, Cell
    from pyredis_cli.render.layout import Part
    from pyredis_cli.render.look import Look
    from pyredis_cli.render.views.reading import Asked

__all__ = ["Presented", "View", "blocks_of", "present", "present_blocks", "total"]

# So many lines of a document are counted before a person is told how much there is.
_LINES: Final = 10_000


View: TypeAlias = "Callable[[Reply, Asked], Sequence[Block] | None]"


class Presented(NamedTuple):
    """The lines of a reply, made when they are asked for, and what says how much there is."""

    parts: Iterator[Part]
    total: Callable[[], str]


def present(
    argv: Sequence[bytes],
    spec: Spec | None,
    reply: Reply,
    look: Look,
    queued: Sequence[tuple[Sequence[bytes], Spec | None]] = (),
) -> Presented:
    """Return the reply to a command, laid out for a person. Never an exception, whatever the server says.

    ``queued`` are the commands of the transaction that an EXEC ran.
    """
    blocks = _blocks_of(argv, spec, reply, look, queued)
    if blocks:
        return present_blocks(blocks, look)
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


def present_blocks(blocks: Sequence[Block], look: Look) -> Presented:
    """Return blocks, laid out for a person."""
    from pyredis_cli.render.sheet import sheet_parts

    return Presented(sheet_parts(blocks, look), lambda: _total(blocks))


def blocks_of(argv: Sequence[bytes], spec: Spec | None, reply: Reply, look: Look) -> Sequence[Block]:
    """Return the reply to a command as blocks, to stand among others."""
    from pyredis_cli.render.blocks import Document, Layout

    if blocks := _blocks_of(argv, spec, reply, look, ()):
        return blocks
    if isinstance(reply, bytes) and spec is not None and spec.shape_for(argv) == "text":
        text = reply.rstrip(b"\r\n")
        return [Document(lambda: iter([("text", text)]))]
    return [Layout(reply)]


def _blocks_of(
    argv: Sequence[bytes],
    spec: Spec | None,
    reply: Reply,
    look: Look,
    queued: Sequence[tuple[Sequence[bytes], Spec | None]],
) -> Sequence[Block] | None:
    if look.decode in ("auto", "off") and is_plain(spec, reply):
        return None
    if queued:
        return _of_transaction(queued, reply, look)
    from pyredis_cli.render.views.reading import Asked

    return _blocks(Asked(argv, spec, look), reply)


def _blocks(asked: Asked, reply: Reply) -> Sequence[Block] | None:
    from pyredis_cli.render.shapes import shape
    from pyredis_cli.render.views.by_shape import blocks_of
    from pyredis_cli.render.views.reading import Unexpected

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


def _of_transaction(
    queued: Sequence[tuple[Sequence[bytes], Spec | None]], reply: Reply, look: Look
) -> Sequence[Block] | None:
    """Return each reply as that of its own command; None when there is nothing that is more than lines."""
    from pyredis_cli.render.blocks import Layout, Section
    from pyredis_cli.render.views.reading import Asked

    if type(reply) is not list or len(reply) != len(queued):
        return None
    parts = list(zip(queued, cast("list[Reply]", reply), strict=True))
    found = [_blocks(Asked(*command, look), part) for command, part in parts]
    if not any(found):
        return None
    return [
        Section(_title(number, spec), blocks or [Layout(part)])
        for number, (((_, spec), part), blocks) in enumerate(zip(parts, found, strict=True), 1)
    ]


def _title(number: int, spec: Spec | None) -> Cell:
    """Return the name of a command alone: its arguments may be secret."""
    return (("index", f"{number}) "), ("label", spec.name if spec is not None else ""))


def _total(blocks: Sequence[Block]) -> str:
    from pyredis_cli.render.blocks import counted

    found = counted(blocks, _LINES)
    # Of a document that is longer the rest is not known.
    if found > _LINES and _documents(blocks):
        return f"more than {_LINES:,} elements"
    return f"{found:,} elements"


def _documents(blocks: Sequence[Block]) -> bool:
    from pyredis_cli.render.blocks import Document, Section

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
