"""What the tool has found out, in the form that was asked for; nobody else's words can steer the terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pyredis_cli.printing import theme_of
from pyredis_cli.render.forms import form_parts
from pyredis_cli.render.look import Look, Measure

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pyredis.types import Reply
    from pyredis_cli.render.blocks import Block
    from pyredis_cli.settings import Settings
    from pyredis_cli.streams import Streams

__all__ = ["put", "put_lines"]


_WIDE = 10_000


def put(value: Reply, blocks: Sequence[Block], settings: Settings, streams: Streams) -> None:
    """Write the value in the format of the settings, for a person as blocks."""
    if settings.output not in (None, "human"):
        _put_form(value, settings, streams)
        return
    from pyredis_cli.render.sheet import sheet_parts

    look = Look(
        # What a pipe is told is looked through by grep, and so is not folded.
        streams.columns if streams.stdout_tty else _WIDE,
        color=streams.color,
        theme=theme_of(settings, streams),
        measure=Measure(elements=None),
    )
    for part, _ in sheet_parts(blocks, look):
        streams.write(part)


def put_lines(value: Reply, lines: Sequence[str], settings: Settings, streams: Streams) -> None:
    """Write the value in the format of the settings, for a person as lines that are never folded."""
    if settings.output not in (None, "human"):
        _put_form(value, settings, streams)
        return
    for line in lines:
        shown = streams.printable(line) if streams.stdout_tty else line
        streams.write(shown.encode("utf-8", "surrogateescape") + b"\n")


def _put_form(value: Reply, settings: Settings, streams: Streams) -> None:
    assert settings.output is not None
    for part, _ in form_parts(settings.output, value, settings, terminal=streams.stdout_tty):
        streams.write(part)
