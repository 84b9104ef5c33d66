"""Texts with lines of their own, as lines that may stand on a terminal: so many of them, each cut to a length."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Final, NamedTuple

from pyredis_cli.render.decoders import MOST
from pyredis_cli.render.layout import Piece
from pyredis_cli.render.look import Look, Measure
from pyredis_cli.render.values import Word, words

__all__ = ["document_lines"]

# Of what is not shown, so many lines are counted: to count all of them could take minutes.
_COUNTED: Final = 10_000
# Who wants all elements wants long lines whole as well: of what was unpacked nothing else shows the rest.
_LONGEST: Final = MOST
# A line that is so many times longer than what is shown of it is not read to its end, and nothing behind it is;
_ENDLESS: Final = 1_000
# nor is one that is so long.
_NEVER_READ: Final = 10 * _LONGEST


class _Line(NamedTuple):
    """The pieces of a line, and how long all of it is: of what is too long only the beginning is kept."""

    pieces: list[Piece]
    size: int


def document_lines(pieces: Iterable[Piece], look: Look, most: int | None) -> Iterator[tuple[list[Word], int]]:
    """Yield the words of each line and 1, for it is an element; then, with 0, what is said of those left out."""
    measure = look.measure
    if measure.elements is None:
        measure = measure._replace(characters=max(measure.characters, _LONGEST))
    else:
        measure = measure._replace(whole_value=measure.all_elements)
    lines = _lines(pieces, measure.characters)
    for line in islice(lines, most):
        yield _words(line, look.encoding, measure), 1
    missing = sum(1 for _ in islice(lines, _COUNTED + 1))
    if missing:
        count = f"{missing:,}" if missing <= _COUNTED else f"more than {_COUNTED:,}"
        plural = "" if missing == 1 else "s"
        yield [("note", f"… {count} more line{plural} ({measure.all_elements})")], 0


def _words(line: _Line, encoding: str, measure: Measure) -> list[Word]:
    shown = [
        word
        for role, said in line.pieces
        for word in words(role, said, encoding, measure, keep_newlines=True)
    ]
    limit = measure.characters
    if line.size > limit:
        endless = _endless(limit)
        length = f"{line.size:,}" if line.size <= endless else f"more than {endless:,}, and all behind it"
        shown.append(("note", f" … (a line of {length}; first {limit:,} shown; {measure.whole_value})"))
    return shown


def _endless(limit: int) -> int:
    return min(limit * _ENDLESS, _NEVER_READ)


def _lines(pieces: Iterable[Piece], limit: int) -> Iterator[_Line]:
    kept: list[Piece] = []
    size = 0
    for role, said in pieces:
        start = 0
        newline = "\n" if isinstance(said, str) else b"\n"
        while True:
            end = said.find(newline, start)  # type: ignore[arg-type]
            part = said[start : end if end >= 0 else len(said)]
            if isinstance(part, bytes):
                kept.append((role, part.removesuffix(b"\r")))  # `words` cuts what is not decoded yet
            else:
                if part and size < limit:
                    kept.append((role, part[: limit - size]))
                size += len(part)
                if size > _endless(limit):
                    yield _Line(kept, size)
                    return
            if end < 0:
                break
            yield _Line(kept, size)
            kept, size, start = [], 0, end + 1
    yield _Line(kept, size)
