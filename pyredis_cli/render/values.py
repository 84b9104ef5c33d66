"""The server's bytes as words that may stand on a terminal, cut to the length that is wanted."""

from __future__ import annotations

import codecs

from pyredis_cli.render.escape import printable, readable
from pyredis_cli.render.layout import Role
from pyredis_cli.render.look import Measure

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Final, TypeAlias

__all__ = ["Word", "beginning", "more", "words"]

Word: TypeAlias = tuple[Role, str]
"""A role and what is shown."""

# No encoding in use needs more bytes for a character.
_WIDEST: Final = 4


def words(
    role: Role, value: str | bytes, encoding: str, measure: Measure, *, keep_newlines: bool = False
) -> list[Word]:
    """Return what is shown of a piece: a string in quotes, everything else without; a note behind what is cut."""
    if isinstance(value, str):
        safe = value.isascii() and value.isprintable()
        return [(role, value if safe else printable(value, keep_newlines=keep_newlines, encoding=encoding))]
    part = beginning(value, encoding, measure.characters)
    if role == "string":
        shown: list[Word] = [(role, readable(part, encoding))]
    else:
        shown = [(role, printable(part, keep_newlines=keep_newlines, encoding=encoding))]
    if len(part) < len(value):
        shown.append(("note", _cut(len(value), measure)))
    return shown


def beginning(value: bytes, encoding: str, limit: int) -> bytes:
    """Return the bytes of the value's first ``limit`` characters, without decoding much more than those."""
    if len(value) <= limit:
        return value
    try:
        decoder = codecs.getincrementaldecoder(encoding)("surrogateescape")
        text = decoder.decode(value[: _WIDEST * (limit + 1)])
        return value if len(text) <= limit else text[:limit].encode(encoding, "surrogateescape")
    except UnicodeError:
        return value[:limit]


def more(count: int, thing: str, measure: Measure) -> str:
    """Return what is said in the place of so many things that are not shown."""
    return f"… {count:,} more {thing}{'' if count == 1 else 's'} ({measure.all_elements})"


def _cut(size: int, measure: Measure) -> str:
    return f" … ({size:,} bytes; first {measure.characters:,} shown; {measure.whole_value})"
