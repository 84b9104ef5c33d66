"""JSON, checked and otherwise left as it is written."""

from __future__ import annotations

import re
from typing import Final

from pyredis_cli.render.decoders import Json
from pyredis_cli.render.json_layout import BLANKS, TOKEN

__all__ = ["decode"]

_STRING: Final = re.compile(r'"(?:[^"\\\x00-\x1f]|\\["\\/bfnrt]|\\u[0-9A-Fa-f]{4})*+"')
# Brackets cost little to write and much to arrange.
_DEEPEST: Final = 10_000

# What may come, and what may come after it. A scalar is a string, too; at the end of an array or object it depends
# on what is around.
_NEXT: Final = {
    ("value", "scalar"): "more",
    ("value", "["): "first",
    ("value", "{"): "name or end",
    ("first", "scalar"): "more",
    ("first", "["): "first",
    ("first", "{"): "name or end",
    ("first", "]"): "more",
    ("name or end", "label"): "colon",
    ("name or end", "}"): "more",
    ("name", "label"): "colon",
    ("colon", ":"): "value",
    ("more", "]"): "more",
    ("more", "}"): "more",
}
_AFTER_COMMA: Final = {"[": "value", "{": "name"}
_OPENING: Final = {"]": "[", "}": "{"}


def decode(value: bytes) -> Json | None:
    """Return the text of a document, None when it is not JSON to the letter."""
    try:
        text = value.decode()
    except UnicodeDecodeError:
        return None
    return Json(text) if _well_formed(text) else None


def _well_formed(text: str) -> bool:
    from json import JSONDecoder  # seldom needed

    try:
        # Numbers are not made: they may have more digits than Python likes.
        JSONDecoder(parse_int=str, parse_float=str, parse_constant=_refuse).decode(text)
    except ValueError:
        return False
    except RecursionError:
        return _allowed(text)
    return True


def _refuse(constant: str) -> None:
    raise ValueError(f"{constant} is no JSON")


def _allowed(text: str) -> bool:
    """Return whether the text follows the grammar, also where it is nested deeper than Python reads it."""
    expected = "value"
    around: list[str] = []
    for found in TOKEN.finditer(text.rstrip(BLANKS)):
        kind = _kind(found.lastgroup, found[0].lstrip(BLANKS))
        if kind == "," and expected == "more" and around:
            expected = _AFTER_COMMA[around[-1]]
            continue
        following = _NEXT.get((expected, kind))
        closes = kind in _OPENING
        if following is None or len(around) > _DEEPEST or (closes and not _closed(around, kind)):
            return False
        if kind in _AFTER_COMMA:
            around.append(kind)
        expected = following if following != "more" or around else "nothing"
    return expected == "nothing"


def _closed(around: list[str], mark: str) -> bool:
    """Take the innermost array or object away; return whether this is the mark that closes it."""
    return bool(around) and around.pop() == _OPENING[mark]


def _kind(group: str | None, words: str) -> str:
    if group == "mark":
        return words
    if words.startswith('"') and not _STRING.fullmatch(words):
        return "wrong"
    if group == "label":
        return "label" if words.startswith('"') else "wrong"
    return "scalar" if group != "text" else "wrong"
