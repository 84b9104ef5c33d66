"""What is another word in a row of the screen than it was in the picture before. Pure: rows in, rows out.

Rows are paired by what they look like without their numbers, so that one more row does not make all below it new.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from difflib import SequenceMatcher
from typing import Final

__all__ = ["highlighted"]

_COLOR: Final = re.compile(r"(\x1b\[[0-9;]*m)")
_WORD: Final = re.compile(r"\S+")
_NUMBERS: Final = re.compile(r"[0-9]+")
# Reverse video is no colour: it shows also where those are switched off.
_BEGIN, _END = "\x1b[7m", "\x1b[27m"


def highlighted(before: Sequence[bytes], now: Sequence[bytes]) -> list[bytes]:
    """Return the rows of now, those words reversed that are not in their rows of before."""
    old, new = _texts(before), _texts(now)
    partners = _partners([_bare(row) for row in old], [_bare(row) for row in new])
    return [
        row if text == (was := "" if partner is None else old[partner]) else _marked(was, text)
        for row, text, partner in zip(now, new, partners, strict=True)
    ]


def _texts(rows: Sequence[bytes]) -> list[str]:
    return [row.decode("utf-8", "surrogateescape") for row in rows]


def _bare(row: str) -> str:
    return _COLOR.sub("", row)


def _partners(old: Sequence[str], new: Sequence[str]) -> Sequence[int | None]:
    """Return which row of old each row of new was, None for one that is new."""
    if len(old) == len(new):
        return range(len(new))
    partners: list[int | None] = [None] * len(new)
    alike = SequenceMatcher(None, _without_numbers(old), _without_numbers(new), autojunk=False)
    for first, second, size in alike.get_matching_blocks():
        partners[second : second + size] = range(first, first + size)
    return partners


def _without_numbers(rows: Sequence[str]) -> list[str]:
    return [_NUMBERS.sub("0", row) for row in rows]


def _marked(was: str, row: str) -> bytes:
    """Return a row with its colours, and the words reversed that it has got."""
    text = _bare(row)
    places = [found.span() for found in _WORD.finditer(text)]
    words = SequenceMatcher(
        None, _bare(was).split(), [text[slice(*place)] for place in places], autojunk=False
    )
    marked: set[int] = set()
    for kind, _, _, first, last in words.get_opcodes():
        if kind in ("replace", "insert"):
            for place in places[first:last]:
                marked.update(range(*place))
    return _painted(row, marked).encode("utf-8", "surrogateescape")


def _painted(row: str, marked: set[int]) -> str:
    painted: list[str] = []
    at, on = 0, False
    for piece in _COLOR.split(row):
        if piece.startswith("\x1b"):
            # A colour that ends takes the reversal with it.
            painted.append(piece + (_BEGIN if on else ""))
            continue
        for character in piece:
            if (at in marked) is not on:
                on = not on
                painted.append(_BEGIN if on else _END)
            painted.append(character)
            at += 1
    return "".join(painted) + (_END if on else "")
