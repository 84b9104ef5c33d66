"""Replies for a person at a terminal: redis-cli's arrangement with text shown as text, in colours, cut to size.

Nothing the server sent reaches the terminal as it came: values are `readable`, statuses, errors and texts are
`printable`, and none of it is ever read as markup. What is cut says how much is missing, and what shows it.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Final, NamedTuple, TypeAlias

from rich.color import ColorSystem
from rich.style import Style

from pyredis.types import Reply
from pyredis_cli.render.escape import printable, readable
from pyredis_cli.render.layout import Part, Role, elements, layout, numbers
from pyredis_cli.render.theme import HEADING, LABEL, STYLES

__all__ = ["Measure", "human", "human_parts"]

_LABEL: Final = re.compile(r"[\w.-]+:")
_COLORS: Final = ColorSystem.STANDARD
_ALL: Final = "pyredis-cli exec ... | less shows all"
# No encoding in use needs more bytes for a character.
_WIDEST: Final = 4

_LEADING: Final = ("index", "attribute", "arrow", "break")

_Painted: TypeAlias = tuple[Style, str, int]
"""A style, words without it, and how many elements begin with them."""


class Measure(NamedTuple):
    """How much of a reply is shown, and what notes say of the rest.

    ``elements`` counts over all levels (lines, in a text), None is all of them; ``characters`` are those of one
    value. ``all_elements`` and ``whole_value`` tell the person what shows the rest.
    """

    elements: int | None = 1000
    characters: int = 10_000
    all_elements: str = _ALL
    whole_value: str = _ALL


_USUAL: Final = Measure()


def human(
    reply: Reply,
    *,
    encoding: str = "utf-8",
    text: bool = False,
    color: bool = False,
    measure: Measure = _USUAL,
) -> bytes:
    """Return the lines of a reply in UTF-8, the last one ended; see `human_parts`."""
    parts = human_parts(reply, encoding=encoding, text=text, color=color, measure=measure)
    return b"".join([part for part, _ in parts])


def human_parts(
    reply: Reply,
    *,
    encoding: str = "utf-8",
    text: bool = False,
    color: bool = False,
    measure: Measure = _USUAL,
) -> Iterator[Part]:
    """Yield the lines of a reply in UTF-8, part after part; nothing is laid out before it is asked for.

    ``text`` is for commands whose reply is text to be read (INFO, CLIENT LIST). With ``color`` there are ANSI
    codes, which end before a line does. Lines are not wrapped.
    """
    if text and isinstance(reply, bytes):
        painted = _document(reply, encoding, measure)
    else:
        painted = _reply(reply, encoding, measure)
    paint = _in_color if color else _plainly
    for style, words, begun in painted:
        yield paint(style, words).encode("utf-8", "replace"), begun
    yield b"\n", 0


def _in_color(style: Style, words: str) -> str:
    return "\n".join([style.render(line, color_system=_COLORS) for line in words.split("\n")])


def _plainly(style: Style, words: str) -> str:
    return words


def _reply(reply: Reply, encoding: str, measure: Measure) -> Iterator[_Painted]:
    """Yield the pieces of a reply, painted, and a note in the place of what is too much."""
    shown = 0
    # The arrangement's words since the last value: at the end of what is shown they would lead to nothing.
    leading: list[tuple[Role, str]] = []
    for role, words in layout(reply):
        if numbers(role):
            if shown == measure.elements:
                yield from _painted(_trimmed(leading))
                yield STYLES["note"], _more(elements(reply) - shown, "element", measure), 0
                return
            shown += 1
        if isinstance(words, str) and role in _LEADING:
            leading.append((role, words))
            continue
        yield from _painted(leading)
        leading.clear()
        if isinstance(words, str):
            yield STYLES[role], words, 0
        else:
            # Among other elements a line of a text could pass for one of them.
            yield from _value(role, words, encoding, measure, keep_newlines=role == "text" and not shown)


def _painted(pieces: Iterable[tuple[Role, str]]) -> Iterator[_Painted]:
    return ((STYLES[role], words, numbers(role)) for role, words in pieces)


def _value(
    role: Role, value: bytes, encoding: str, measure: Measure, *, keep_newlines: bool
) -> Iterator[_Painted]:
    part = _beginning(value, encoding, measure.characters)
    if role == "string":
        words = readable(part, encoding)
    else:
        words = printable(part, keep_newlines=keep_newlines, encoding=encoding)
    yield STYLES[role], words, 0
    if len(part) < len(value):
        yield _cut(len(value), measure)


def _trimmed(leading: list[tuple[Role, str]]) -> list[tuple[Role, str]]:
    """Return the words without the blanks and newlines at their end."""
    kept = list(leading)
    while kept and not kept[-1][1].strip():
        kept.pop()
    return [*kept[:-1], *((role, words.rstrip()) for role, words in kept[-1:])]


def _document(document: bytes, encoding: str, measure: Measure) -> Iterator[_Painted]:
    """Yield a text line by line, sections and field names told apart."""
    start = ""
    lines = _lines(document.rstrip(b"\r\n"))
    for line in islice(lines, measure.elements):
        line = line.removesuffix(b"\r")
        part = _beginning(line, encoding, measure.characters)
        yield STYLES["break"], start, 1
        yield from _line(printable(part, keep_newlines=True, encoding=encoding))
        if len(part) < len(line):
            yield _cut(len(line), measure)
        start = "\n"
    missing = sum(1 for _ in lines)
    if missing:
        yield STYLES["note"], _more(missing, "line", measure), 0


def _lines(document: bytes) -> Iterator[bytes]:
    start = 0
    while (end := document.find(b"\n", start)) >= 0:
        yield document[start:end]
        start = end + 1
    yield document[start:]


def _line(line: str) -> Iterator[_Painted]:
    if line.startswith("# "):
        yield HEADING, line, 0
        return
    label = _LABEL.match(line)
    end = label.end() if label else 0
    yield LABEL, line[:end], 0
    yield STYLES["text"], line[end:], 0


def _cut(size: int, measure: Measure) -> _Painted:
    note = f" … ({size:,} bytes; first {measure.characters:,} shown; {measure.whole_value})"
    return STYLES["note"], note, 0


def _more(count: int, thing: str, measure: Measure) -> str:
    return f"\n… {count:,} more {thing}{'' if count == 1 else 's'} ({measure.all_elements})"


def _beginning(value: bytes, encoding: str, limit: int) -> bytes:
    """Return the bytes of the value's first ``limit`` characters, without decoding much more than those."""
    if len(value) <= limit:
        return value
    try:
        decoder = codecs.getincrementaldecoder(encoding)("surrogateescape")
        text = decoder.decode(value[: _WIDEST * (limit + 1)])
        return value if len(text) <= limit else text[:limit].encode(encoding, "surrogateescape")
    except UnicodeError:
        return value[:limit]
