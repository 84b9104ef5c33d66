"""Replies for a person at a terminal: redis-cli's arrangement with text shown as text, in colours, cut to size.

Nothing the server sent reaches the terminal as it came: values are `readable`, statuses, errors and texts are
`printable`, and none of it is ever read as markup. What is cut says how much is missing.
"""

from __future__ import annotations

import codecs
import io
import re
from itertools import islice
from typing import Final

from rich.color import ColorSystem
from rich.console import Console
from rich.segment import Segment
from rich.text import Text

from pyredis.types import Reply
from pyredis_cli.render.escape import printable, readable
from pyredis_cli.render.layout import Piece, elements, layout
from pyredis_cli.render.theme import HEADING, LABEL, STYLES

__all__ = ["renderable", "to_ansi"]

_LABEL: Final = re.compile(r"[\w.-]+:")
_COLORS: Final = ColorSystem.STANDARD
_ALL: Final = "pyredis-cli exec ... | less shows all"
# No encoding in use needs more bytes for a character.
_WIDEST: Final = 4


def renderable(
    reply: Reply,
    *,
    encoding: str = "utf-8",
    text: bool = False,
    limit: int = 1000,
    value_limit: int = 10_000,
) -> Text:
    """Return a reply to be shown, without a newline at its end.

    ``text`` is for commands whose reply is text to be read (INFO, CLIENT LIST). ``limit`` is the number of
    elements shown, over all levels (of lines, in a text), ``value_limit`` the number of characters of one value.
    """
    shown = Text(no_wrap=True, overflow="ignore", end="")
    if text and isinstance(reply, bytes):
        _append_document(shown, reply, encoding, limit, value_limit)
    else:
        _append_reply(shown, reply, encoding, limit, value_limit)
    return shown


def to_ansi(text: Text, *, color: bool) -> str:
    """Return the text with its colours as ANSI codes and its last line ended; lines are not wrapped.

    Without ``color`` there are no codes at all.
    """
    if not color:
        return f"{text.plain}\n"
    segments = text.render(Console(file=io.StringIO()))
    return "".join(_painted(segment) for segment in segments) + "\n"


def _painted(segment: Segment) -> str:
    return segment.style.render(segment.text, color_system=_COLORS) if segment.style else segment.text


def _append_reply(shown: Text, reply: Reply, encoding: str, limit: int, value_limit: int) -> None:
    numbered = 0
    for role, words in layout(reply):
        numbered += role in ("index", "attribute")
        if numbered > limit:
            shown.rstrip()
            _append(shown, ("note", _more(elements(reply) - limit, "element")))
            return
        if isinstance(words, str):
            _append(shown, (role, words))
            continue
        part = _beginning(words, encoding, value_limit)
        if role == "string":
            _append(shown, (role, readable(part, encoding)))
        else:
            # Among other elements a line of a text could pass for one of them.
            keep_newlines = role == "text" and not numbered
            _append(shown, (role, printable(part, keep_newlines=keep_newlines, encoding=encoding)))
        if len(part) < len(words):
            _append(shown, ("note", _cut(len(words), value_limit)))


def _append_document(shown: Text, document: bytes, encoding: str, limit: int, value_limit: int) -> None:
    """Append a text line by line, sections and field names told apart."""
    lines = document.rstrip(b"\r\n").split(b"\n", limit)
    start = ""
    for line in islice(lines, limit):
        shown.append(start)
        line = line.removesuffix(b"\r")
        part = _beginning(line, encoding, value_limit)
        _append_line(shown, printable(part, keep_newlines=True, encoding=encoding))
        if len(part) < len(line):
            _append(shown, ("note", _cut(len(line), value_limit)))
        start = "\n"
    if len(lines) > limit:
        _append(shown, ("note", _more(lines[limit].count(b"\n") + 1, "line")))


def _append_line(shown: Text, line: str) -> None:
    if line.startswith("# "):
        shown.append(line, HEADING)
        return
    label = _LABEL.match(line)
    end = label.end() if label else 0
    shown.append(line[:end], LABEL)
    shown.append(line[end:])


def _append(shown: Text, piece: Piece) -> None:
    role, words = piece
    assert isinstance(words, str)
    shown.append(words, STYLES[role])


def _cut(size: int, shown: int) -> str:
    return f" … ({size:,} bytes; first {shown:,} shown; {_ALL})"


def _more(count: int, thing: str) -> str:
    return f"\n… {count:,} more {thing}{'' if count == 1 else 's'} ({_ALL})"


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
