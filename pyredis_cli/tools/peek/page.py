"""What is known of keys as a page for a person: facts side by side, then what is in them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any, Final

from pyredis.types import Reply
from pyredis_cli.render.blocks import (
    Beside,
    Block,
    Cell,
    Column,
    Document,
    Fact,
    Facts,
    Grid,
    Layout,
    Line,
    Section,
)
from pyredis_cli.render.layout import Piece
from pyredis_cli.render.look import Look
from pyredis_cli.render.present import blocks_of
from pyredis_cli.render.shapes import Entries, Items, Pairs, Scalar, Scores, Shape
from pyredis_cli.render.units import duration, size, when
from pyredis_cli.render.views import by_shape, decoded
from pyredis_cli.render.views.by_shape import entries_grid
from pyredis_cli.render.views.cells import bare, noted, value
from pyredis_cli.render.views.rows import BLANK
from pyredis_cli.tools.peek.samples import Known, Sample, elements

__all__ = ["page"]

# So many elements the server looks at for MEMORY USAGE; the others are taken to be as large.
_MEASURED: Final = 5
_SHARED: Final = 2**31 - 1
"""What the server answers for a value that it never frees, such as a small number."""
# What is longer is known by its beginning.
_LONG_STRING: Final = 1_000
_LONG_ELEMENT: Final = 300
_LINES: Final = 40


def page(found: Sequence[tuple[Known, Sample | None]], look: Look) -> Sequence[Block]:
    """Return the pages of all keys, a blank line between two of them."""
    blocks: list[Block] = []
    for known, sample in found:
        blocks += [BLANK] if blocks else []
        blocks += _missing(known) if sample is None else _key(known, sample, look)
    return blocks


def _missing(known: Known) -> list[Block]:
    if not known.type:
        return [Line((("name", known.key or '""'), ("warning", f"  {known.refused['type']}")))]
    if known.vanished:
        return [Line((("name", known.key), ("warning", "  went while it was looked at")))]
    meant: Cell = () if known.nearest is None else (("text", "; there is "), ("name", known.nearest))
    return [Line((("warning", "no such key: "), ("name", known.key or '""'), *meant))]


def _key(known: Known, sample: Sample, look: Look) -> list[Block]:
    title: Cell = (("name", known.key or '""'), ("note", f"  {_summary(known, sample)}"))
    groups = [Facts(facts) for facts in (_stored(known, sample), _used(known, look)) if facts]
    shown = list(_value(sample, look))
    return [Line(title), Beside(groups), *([BLANK, *shown] if shown else [])]


def _summary(known: Known, sample: Sample) -> str:
    if sample.length is None:
        return known.type
    return f"{known.type}, {_counted(sample.length, sample.noun)}"


def _counted(number: int, noun: str) -> str:
    """Return ``1 entry``, ``2 entries``."""
    one = {"entries": "entry"}.get(noun, noun.removesuffix("s"))
    return f"{number:,} {one if number == 1 else noun}"


# -- what is known of it


def _stored(known: Known, sample: Sample) -> list[Fact]:
    facts: list[Fact] = []
    for name, said in (
        ("encoding", known.encoding),
        ("memory", None if known.memory is None else _memory(known.memory, sample)),
        ("references", _references(known.references or 1)),
    ):
        facts += _fact(name, said, known)
    facts += [((("label", name),), (("warning", said),)) for name, said in sample.refused.items()]
    return facts


def _references(number: int) -> str | None:
    if number == _SHARED:
        return "shared by all keys with that value"
    return f"{number:,}" if number > 1 else None


def _memory(number: int, sample: Sample) -> str:
    exact = sample.noun == "bytes" or (sample.length or 0) in range(1, _MEASURED + 1)
    return size(number) if exact else f"about {size(number)}"


def _used(known: Known, look: Look) -> list[Fact]:
    now = look.now or 0.0
    expires: str | None = "never"
    if known.expires is not None:
        expires = f"in {duration(max(0.0, known.expires - now))}, {when(known.expires)}"
    elif "ttl" in known.refused:
        expires = None
    facts = _fact("expires", expires, known, "ttl")
    facts += _fact("idle", None if known.idle is None else _idle(known), known)
    return facts + _fact("frequency", None if known.frequency is None else f"{known.frequency}", known)


def _idle(known: Known) -> str:
    return duration(known.idle or 0) + ("" if known.unseen else ", until this look at it")


def _fact(name: str, said: str | None, known: Known, refused: str = "") -> list[Fact]:
    """Return a fact, or that the server refuses to tell it; nothing where there is nothing to be told."""
    if said is not None:
        return [((("label", name),), (("text", said),))]
    why = known.refused.get(refused or name)
    return [] if why is None else [((("label", name),), (("warning", why),))]


# -- what is in it


def _value(sample: Sample, look: Look) -> Iterator[Block]:
    if sample.skipped:
        yield Line((("note", f"({sample.skipped})"),))
    match sample.head:
        case bytes() as said:
            yield from _string(said, sample.length or len(said), look)
        case None:
            pass
        case head:
            yield from _elements(sample, head, look)
    for number, (argv, spec, reply) in enumerate(sample.replies):
        if number or sample.head is not None:
            yield BLANK
        for block in blocks_of(argv, spec, reply, look):
            yield from _cut(block) if isinstance(block, Document) else [block]


def _string(said: bytes, length: int, look: Look) -> Iterator[Block]:
    blocks = decoded.blocks_of(Scalar(said), look)
    if blocks is None:
        said = _beginning(said, _LONG_STRING)
        blocks = [Layout(said)]
    for block in blocks:
        yield from _cut(block) if isinstance(block, Document) else [block]
    if len(said) < length:
        yield _partly(f"the first {len(said):,} of {length:,} bytes")


def _cut(document: Document) -> Iterator[Block]:
    """Yield as many lines of a document as a page has room for, and say so when there are more."""
    kept: list[Piece] = []
    lines = 0
    for role, said in document.pieces():
        lines += said.count("\n" if isinstance(said, str) else b"\n")  # type: ignore[arg-type]
        if lines >= _LINES:
            yield Document(lambda: iter(kept))
            yield _partly(f"the first {_LINES} lines")
            return
        kept.append((role, said))
    yield document


def _beginning(said: bytes, most: int) -> bytes:
    """Return so many bytes, or a few less where a character would be cut in two."""
    if len(said) <= most:
        return said
    start = next((at for at in range(most, most - 4, -1) if said[at] & 0xC0 != 0x80), most)
    return said[:start]


def _partly(what: str) -> Line:
    return Line((("note", f"({what})"),))


def _elements(sample: Sample, head: Shape, look: Look) -> Iterator[Block]:
    shown, length = sample.shown or 0, sample.length or 0
    if not shown:
        return
    match head:
        case Pairs(pairs):
            yield _fields(pairs, sample.lifetimes, look)
        case Entries(entries) if isinstance(sample.tail, Entries):
            yield Section((("heading", "oldest"),), [entries_grid(entries)])
            yield Section((("heading", "newest"),), [entries_grid(sample.tail.entries)])
        case Entries(entries):
            yield entries_grid(entries)
        case Scores():
            yield _ranked(sample, (Column(), Column(right=True)), _scored)
        case Items(items) if sample.how:
            yield by_shape.listed(items, _shown(look))
        case Items():
            show = _shown(look)
            yield _ranked(sample, (Column(),), lambda item: (show(item),))
    if shown < length:
        how = f", {sample.how}" if sample.how else ", from both ends" if sample.tail is not None else ""
        yield _partly(f"{shown:,} of {_counted(length, sample.noun)}{how}")


def _shown(look: Look) -> Callable[[Reply], Cell]:
    """Return what makes the cell of a value, with what is in it."""
    show = value if look.decode == "off" else partial(decoded.cell, look)

    def shown(reply: Reply) -> Cell:
        if not isinstance(reply, bytes) or len(reply) <= _LONG_ELEMENT:
            return show(reply)
        beginning = _beginning(reply, _LONG_ELEMENT)
        return noted(value(beginning), f"… {len(reply) - len(beginning):,} more bytes")

    return shown


def _fields(pairs: Sequence[tuple[Reply, Reply]], lifetimes: Sequence[int | None], look: Look) -> Grid:
    """Return the fields of a hash, and behind them how long they live, where one does not for ever."""
    show = _shown(look)
    rows = list(zip(pairs, lifetimes or [None] * len(pairs), strict=True))

    def cells(row: tuple[tuple[Reply, Reply], int | None]) -> Sequence[Cell]:
        (name, said), left = row
        note = "" if left is None else f"expires in {duration(left / 1000)}"
        return value(name), noted(show(said), note)

    return Grid((Column(), Column()), rows, cells, numbered=True)


def _scored(pair: tuple[Reply, Reply]) -> Sequence[Cell]:
    return value(pair[0]), bare(pair[1])


def _ranked(sample: Sample, columns: Sequence[Column], cells: Callable[[Any], Sequence[Cell]]) -> Grid:
    """Return the elements of what is in order, each with its place, and between the ends how many are left out."""
    head, tail = list(elements(sample.head)), list(elements(sample.tail))
    behind = max(len(head), (sample.length or 0) - len(tail))
    rows: list[tuple[int, Any]] = list(enumerate(head, 1))
    left = behind - len(head)
    rows += [(0, left)] if tail and left else []
    rows += list(enumerate(tail, behind + 1))

    def row(found: tuple[int, Any]) -> Sequence[Cell]:
        place, element = found
        if not place:
            return (), (("note", f"… {element:,} more"),)
        return (("index", f"{place})"),), *cells(element)

    return Grid((Column(right=True), *columns), rows, row)
