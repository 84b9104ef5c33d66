"""FUNCTION LIST and FUNCTION STATS."""

from __future__ import annotations

from collections.abc import Sequence

from pyredis.types import Reply
from pyredis_cli.render.blocks import Block, Cell, Column, Facts, Grid, Section
from pyredis_cli.render.layout import Piece
from pyredis_cli.render.units import duration
from pyredis_cli.render.views.cells import bare, joined, label, plain, remaining
from pyredis_cli.render.views.reading import Asked, Fields, fields, integer, items, text
from pyredis_cli.render.views.rows import BLANK, Known, sentence, table

__all__ = ["libraries", "stats"]


def libraries(reply: Reply, asked: Asked) -> Sequence[Block] | None:
    """Return the libraries with their functions, and their code when that was asked for."""
    found = items(reply)
    if not found:
        return None
    blocks: list[Block] = [sentence(f"{len(found)} librar{'y' if len(found) == 1 else 'ies'}")]
    for library in map(fields, found):
        blocks += [BLANK, _library(library)]
    return blocks


def _library(library: Fields) -> Section:
    title: list[Piece] = [("label", "library_name "), ("heading", text(library.take("library_name")))]
    title += [("label", "  engine "), *bare(library.take("engine"))]
    functions = [fields(function) for function in items(library.take("functions"))]
    code = [_code(library.take("library_code"))] if "library_code" in library else []
    blocks: list[Block] = [sentence("functions ", ("empty", "none"))]
    if functions:
        blocks = [Section((("heading", "functions"),), [table(functions, _FUNCTIONS)])]
    blocks += remaining(library.rest())
    if code:
        blocks.append(Section((("heading", "library_code"),), code))
    return Section(title, blocks)


_FUNCTIONS = (
    Known("name"),
    Known("flags", cell=lambda flags: _flags(flags)),
    Known("description", cell=lambda words: bare(words) if words is not None else (("nil", "(nil)"),)),
)


def _flags(flags: Reply) -> Sequence[Piece]:
    words = list(map(text, items(flags)))
    return (("text", ", ".join(words)),) if words else (("empty", "none"),)


def _code(code: Reply) -> Grid:
    """Return the lines of the code; what is wider than the screen goes on below, as on any terminal."""
    lines = text(code).removesuffix("\n").split("\n")
    return Grid((Column(),), lines, lambda line: ((("text", line.expandtabs(4)),),))


def stats(reply: Reply, asked: Asked) -> Sequence[Block]:
    """Return what runs now, and what each engine holds."""
    found = fields(reply)
    running = found.take("running_script")
    engines = fields(found.take("engines")).rest()
    rows = [Fields([("engines", name), *fields(engine).rest()]) for name, engine in engines]
    held = table(rows, _ENGINES) if rows else sentence("engines ", ("empty", "none"))
    blocks: list[Block] = [_running(running), BLANK, held]
    return blocks + remaining(found.rest())


_ENGINES = (
    Known("engines"),
    Known("libraries_count", right=True),
    Known("functions_count", right=True),
)


def _running(running: Reply) -> Block:
    if running is None:
        return sentence("running_script ", ("empty", "none"))
    script = fields(running)
    name, command, spent = map(script.take, ("name", "command", "duration_ms"))
    for_long = duration(integer(spent) / 1000)
    return Section(
        (("label", "running_script"), ("warning", f"  has kept the server busy for {for_long}")),
        [
            Facts(
                [
                    (label(b"name"), bare(name)),
                    (label(b"command"), _command(command)),
                    (label(b"duration_ms"), bare(spent)),
                ]
            ),
            *remaining(script.rest()),
            sentence("", ("note", "FUNCTION KILL ends it, unless it has written something")),
        ],
    )


def _command(command: Reply) -> Cell:
    """Return the words of a command with blanks between them."""
    return joined(map(plain, items(command)), ("text", " "))
