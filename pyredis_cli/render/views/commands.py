"""COMMAND DOCS as pages of a manual, COMMAND and COMMAND INFO as tables."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple

from pyredis.commands.grammar import grammar
from pyredis.commands.spec import Table
from pyredis.types import Map, Reply
from pyredis_cli.render.blocks import Block, Cell, Column, Grid, Section
from pyredis_cli.render.views.cells import bare, joined, label
from pyredis_cli.render.views.reading import Asked, Fields, Unexpected, fields, integer, items, text
from pyredis_cli.render.views.rows import BLANK, Known, sentence, table

__all__ = ["docs", "info"]

# No server nests subcommands and arguments like that; a hostile one might.
_DEEPEST: Final = 10
# Where each thing there is to an argument has a column of its own.
_WIDE: Final = 90


# -- COMMAND DOCS


def docs(reply: Reply, asked: Asked) -> Sequence[Block] | None:
    """Return a page for each command, with its subcommands below it."""
    told = Table()
    told.learn_docs(reply)
    return _pages(fields(reply), _Told(told, asked.look.width >= _WIDE), _DEEPEST) or None


class _Told(NamedTuple):
    table: Table
    """What the reply tells of commands that there are rows of."""
    wide: bool


def _pages(commands: Fields, told: _Told, depth: int) -> list[Block]:
    if not depth:
        raise Unexpected("this is too deep")
    blocks: list[Block] = []
    for name, doc in commands.rest():
        page = Section((("heading", text(name)),), _page(text(name), fields(doc), told, depth))
        blocks += [BLANK, page] if blocks else [page]
    return blocks


def _page(name: str, doc: Fields, told: _Told, depth: int) -> Sequence[Block]:
    parts = {part: doc.take(part) for part in ("history", "arguments", "subcommands") if part in doc}
    blocks: list[Block] = [Grid((Column(), Column(words=True)), _facts(name, doc, told.table))]
    for part, said in parts.items():
        if part == "history":
            inner: list[Block] = [_history(said)]
        elif part == "arguments":
            inner = [_arguments(said, wide=told.wide)]
        else:
            inner = _pages(fields(said), told, depth - 1)
        blocks.append(Section((("label", part),), inner))
    return blocks


def _facts(name: str, doc: Fields, table: Table) -> Sequence[Sequence[Cell]]:
    facts: list[Sequence[Cell]] = []
    if "summary" in doc:
        facts.append((label("summary"), bare(doc.take("summary"))))
    if synopsis := _synopsis(name, table):
        facts.append((label("syntax"), (("name", synopsis),)))
    return [*facts, *((label(key), _words(said)) for key, said in doc.rest())]


def _history(said: Reply) -> Grid:
    rows = [[bare(part) for part in items(change, 2)] for change in items(said)]
    return Grid((Column(), Column(words=True)), rows)


def _synopsis(name: str, table: Table) -> str:
    """Return how the command is written, as the reply has it; nothing when only the server knows the command."""
    spec = table.find(name.split("|"))
    if spec is None or spec.name != name.replace("|", " ").upper():
        return ""
    return f"{spec.name} {grammar(spec)}".rstrip()


_NAME: Final = "name (display_text)"
_ARGUMENT: Final = (
    Known("type"),
    Known("token"),
    Known("flags", cell=lambda flags: _words(flags)),
    Known("since"),
    Known("key_spec_index", right=True),
    Known("summary", words=True),
)


def _arguments(said: Reply, *, wide: bool) -> Grid:
    """Return the arguments; where there is no room for a column for everything, with one for all but the type."""
    found = list(_flattened(said, 0))
    if wide:
        return table([Fields([(_NAME, name), *rest]) for name, rest in found], (_plain_name(), *_ARGUMENT))
    rows = [(name, Fields(rest)) for name, rest in found]
    cells = [(((("text", name),)), bare(rest.get("type")), _beside(rest.rest())) for name, rest in rows]
    return Grid((Column(_NAME), Column("type"), Column(words=True)), cells)


def _plain_name() -> Known:
    return Known(_NAME, cell=lambda cell: (("text", text(cell)),))


def _flattened(reply: Reply, depth: int) -> Iterator[tuple[str, Sequence[tuple[Reply, Reply]]]]:
    """Yield names and fields of the arguments, those of blocks and of alternatives indented below them."""
    if depth > _DEEPEST:
        raise Unexpected("this is too deep")
    for argument in map(fields, items(reply)):
        name, shown = text(argument.take("name")), argument.get("display_text")
        inner = argument.take("arguments") if "arguments" in argument else []
        beside = f" ({text(shown)})" if shown is not None and text(shown) != name else ""
        yield "  " * depth + name + beside, argument.rest()
        yield from _flattened(inner, depth + 1)


def _beside(named: Sequence[tuple[Reply, Reply]]) -> Cell:
    """Return names and what they are in one line."""
    return joined(((*label(name), ("text", " "), *_words(said)) for name, said in named), ("text", "  "))


def _words(said: Reply) -> Cell:
    """Return a list of words with blanks between them, and what else there may be as it is."""
    if not isinstance(said, list) or isinstance(said, Map):
        return bare(said)
    if not said:
        return (("empty", "none"),)
    return joined(map(bare, items(said)), ("text", " "))


# -- COMMAND and COMMAND INFO


class _Command(NamedTuple):
    name: str
    arity: Reply
    flags: Reply
    keys: Sequence[Reply]
    categories: Reply
    tips: Reply
    specs: Sequence[Reply]


def info(reply: Reply, asked: Asked) -> Sequence[Block] | None:
    """Return a line for each command; below, the tips and where the keys are, of those that have any."""
    rows: list[_Command | str] = []
    for at, row in enumerate(items(reply)):
        rows += list(_commands(row, _DEEPEST)) if row is not None else [_asked_for(asked, at)]
    if not rows:
        return None
    if len(asked.argv) <= 2:  # the order of all commands has no meaning
        rows.sort(key=lambda row: row if isinstance(row, str) else row.name)
    known = [row for row in rows if isinstance(row, _Command)]
    blocks: list[Block] = [Grid(_COMMAND, rows, _cells)]
    if tips := [row for row in known if row.tips]:
        blocks += [BLANK, Grid(_TIPS, tips, lambda row: (_name(row), _words(row.tips)))]
    specs = [Fields([("name", row.name), *fields(spec).rest()]) for row in known for spec in row.specs]
    if specs:
        blocks += [BLANK, sentence("key specifications, each a type and its spec"), table(specs, _SPEC)]
    return blocks


def _asked_for(asked: Asked, at: int) -> str:
    """Return the name of a command that the server does not have."""
    names = asked.argv[2:]
    if at >= len(names):
        raise Unexpected("nobody asked for that")
    return names[at].decode("utf-8", "surrogateescape")


def _commands(reply: Reply, depth: int) -> Iterator[_Command]:
    """Yield a command and its subcommands."""
    match items(reply):
        case [name, arity, flags, first, last, step, categories, *more] if depth and len(more) in (0, 3):
            tips, specs, subcommands = more or ([], [], [])
            keys = [first, last, step]
            for number in (arity, *keys):
                integer(number)
            yield _Command(text(name), arity, flags, keys, categories, tips, items(specs))
            for subcommand in items(subcommands):
                yield from _commands(subcommand, depth - 1)
        case _:
            raise Unexpected("this is no command")


_COMMAND = (
    Column("name"),
    Column("arity", right=True),
    Column("keys", right=True),
    Column("flags", words=True),
    Column("categories", words=True),
)


_TIPS = (Column("name"), Column("tips", words=True))


def _cells(row: _Command | str) -> Sequence[Cell]:
    if isinstance(row, str):
        return (("name", row),), (("warning", "there is no such command"),)
    return _name(row), bare(row.arity), _words(list(row.keys)), _words(row.flags), _words(row.categories)


def _name(row: _Command) -> Cell:
    return (("name", row.name),)


_SPEC = (
    Known("name"),
    Known("flags", cell=_words, words=True),
    Known("begin_search", cell=lambda said: _search(said), words=True),
    Known("find_keys", cell=lambda said: _search(said), words=True),
)


def _search(said: Reply) -> Cell:
    """Return how keys are searched: the type in front, for it says what the rest is."""
    found = fields(said)
    kind, spec = found.take("type"), found.take("spec")
    return (*bare(kind), ("text", ": "), *_beside([*fields(spec).rest(), *found.rest()]))
