"""Replies for a person at a terminal: redis-cli's arrangement with text shown as text, in colours, cut to size.

Nothing the server sent reaches the terminal as it came: values are `readable`, statuses, errors and texts are
`printable`, and none of it is ever read as markup. What is cut says how much is missing, and what shows it.
"""

from __future__ import annotations

import re
from itertools import islice

from pyredis.types import Reply
from pyredis_cli.render.layout import Part, Role, elements, layout, numbers
from pyredis_cli.render.look import Measure
from pyredis_cli.render.theme import painter
from pyredis_cli.render.values import Word, more, words

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from typing import Final, TypeAlias

    from pyredis_cli.flags import Theme

__all__ = ["human", "human_parts"]

_LABEL: Final = re.compile(r"[\w.-]+:")

_LEADING: Final = ("index", "attribute", "arrow", "break")

_Shown: TypeAlias = tuple[Role, str, int]
"""A role, its words, and how many elements begin with them."""

_USUAL: Final = Measure()


def human(
    reply: Reply,
    *,
    encoding: str = "utf-8",
    text: bool = False,
    color: bool = False,
    theme: Theme = "dark",
    measure: Measure = _USUAL,
) -> bytes:
    """Return the lines of a reply in UTF-8, the last one ended; see `human_parts`."""
    parts = human_parts(reply, encoding=encoding, text=text, color=color, theme=theme, measure=measure)
    return b"".join([part for part, _ in parts])


def human_parts(
    reply: Reply,
    *,
    encoding: str = "utf-8",
    text: bool = False,
    color: bool = False,
    theme: Theme = "dark",
    measure: Measure = _USUAL,
) -> Iterator[Part]:
    """Yield the lines of a reply in UTF-8, part after part; nothing is laid out before it is asked for.

    ``text`` is for commands whose reply is text to be read (INFO, CLIENT LIST). With ``color`` there are ANSI
    codes, which end before a line does. Lines are not wrapped.
    """
    if text and isinstance(reply, bytes) and reply:
        shown = _document(reply, encoding, measure)
    else:
        shown = _reply(reply, encoding, measure)
    paint = painter(color, theme)
    for role, said, begun in shown:
        yield paint(role, said).encode("utf-8", "replace"), begun
    yield b"\n", 0


def _reply(reply: Reply, encoding: str, measure: Measure) -> Iterator[_Shown]:
    """Yield the pieces of a reply, and a note in the place of what is too much."""
    shown = 0
    # The arrangement's words since the last value: at the end of what is shown they would lead to nothing.
    leading: list[Word] = []
    for role, said in layout(reply):
        if numbers(role):
            if shown == measure.elements:
                yield from _counted(_trimmed(leading))
                yield "note", "\n" + more(elements(reply) - shown, "element", measure), 0
                return
            shown += 1
        if isinstance(said, str) and role in _LEADING:
            leading.append((role, said))
            continue
        yield from _counted(leading)
        leading.clear()
        if isinstance(said, str):
            yield role, said, 0
        else:
            # Among other elements a line of a text could pass for one of them.
            for word in words(role, said, encoding, measure, keep_newlines=role == "text" and not shown):
                yield *word, 0


def _counted(pieces: Iterable[Word]) -> Iterator[_Shown]:
    return ((role, said, numbers(role)) for role, said in pieces)


def _trimmed(leading: list[Word]) -> list[Word]:
    """Return the words without the blanks and newlines at their end."""
    kept = list(leading)
    while kept and not kept[-1][1].strip():
        kept.pop()
    return [*kept[:-1], *((role, said.rstrip()) for role, said in kept[-1:])]


def _document(document: bytes, encoding: str, measure: Measure) -> Iterator[_Shown]:
    """Yield a text line by line, sections and field names told apart."""
    start = ""
    lines = _lines(document.rstrip(b"\r\n"))
    for line in islice(lines, measure.elements):
        yield "break", start, 1
        [(_, said), *cut] = words("text", line.removesuffix(b"\r"), encoding, measure, keep_newlines=True)
        yield from _line(said)
        yield from ((role, note, 0) for role, note in cut)
        start = "\n"
    missing = sum(1 for _ in lines)
    if missing:
        yield "note", "\n" + more(missing, "line", measure), 0


def _lines(document: bytes) -> Iterator[bytes]:
    start = 0
    while (end := document.find(b"\n", start)) >= 0:
        yield document[start:end]
        start = end + 1
    yield document[start:]


def _line(line: str) -> Iterator[_Shown]:
    if line.startswith("# "):
        yield "heading", line, 0
        return
    label = _LABEL.match(line)
    end = label.end() if label else 0
    yield "label", line[:end], 0
    yield "text", line[end:], 0
