"""Texts with lines of their own, as lines that may stand on a terminal: so many of them, each cut to a length."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Final, NamedTuple

from pyredis_cli.render.layout import Piece
from pyredis_cli.render.look import Look
from pyredis_cli.render.values import Word, words

__all__ = ["document_lines"]

# Of what is not shown, so many lines are counted: to count all of them could take minutes.
_COUNTED: Final = 10_000
# A line that is so many times longer than what is shown of it is not read to its end, and nothing behind it is.
_ENDLESS: Final = 1_000


class _Line(NamedTuple):
    """The pieces of a line, and how long all of it is: of what is too long only the beginning is kept."""

    pieces: list[Piece]
    size: int


def document_lines(pieces: Iterable[Piece], look: Look, most: int | None) -> Iterator[tuple[list[Word], int]]:
    """Yield the words of each line and 1, for it is an element; then, with 0, what is said of those left out."""
    limit = look.measure.characters
    lines = _lines(pieces, limit)
    for line in islice(lines, most):
        yield _words(line, look), 1
    missing = sum(1 for _ in islice(lines, _COUNTED + 1))
    if missing:
        count = f"{missing:,}" if missing <= _COUNTED else f"more than {_COUNTED:,}"
        plural = "" if missing == 1 else "s"
        yield [("note", f"… {count} more line{plural} ({look.measure.all_elements})")], 0


def _words(line: _Line, look: Look) -> list[Word]:
    shown = [
        word
        for role, said in line.pieces
        for word in words(role, said, look.encoding, look.measure, keep_newlines=True)
    ]
    limit = look.measure.characters
    if line.size > limit:
        endless = line.size > limit * _ENDLESS
        length = f"more than {limit * _ENDLESS:,}, and all behind it" if endless else f"{line.size:,}"
        shown.append(("note", f" … (a line of {length}; first {limit:,} shown; {look.measure.whole_value})"))
    return shown


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
                if size > limit * _ENDLESS:
                    yield _Line(kept, size)
                    return
            if end < 0:
                break
            yield _Line(kept, size)
            kept, size, start = [], 0, end + 1
    yield _Line(kept, size)
