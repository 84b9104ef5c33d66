"""Where the parts of a JSON document stand on a terminal: a line for each member, what is short on one line.

Nothing is read, only arranged: digits, escapes, the order of members and those that are there twice stay as they
were written. Text that is no JSON is arranged as far as it looks like some, and none of it is lost. Characters
that could steer a terminal are written as escapes, which mean the same.

Nothing here recurses, and no more of the text is looked at than is asked for and what one line holds.
"""

from __future__ import annotations

import re
import sys
from collections import deque
from collections.abc import Iterator
from typing import Final, cast

from pyredis_cli.render.escape import in_json
from pyredis_cli.render.layout import Role

__all__ = ["BLANKS", "TOKEN", "WIDTH", "json_pieces"]

BLANKS: Final = " \t\r\n"

WIDTH: Final = 60
"""An array or an object that is no longer than this stays on one line."""

TOKEN: Final = re.compile(
    r"""[ \t\r\n]*+
    (?: (?P<mark> [][{},:] )
    | (?: (?P<string> "[^"\\]*+(?:\\.[^"\\]*+)*+" )
      | (?P<double> -?(?:0|[1-9][0-9]*+)(?:\.[0-9]++(?:[eE][+-]?[0-9]++)?|[eE][+-]?[0-9]++) )
      | (?P<integer> -?(?:0|[1-9][0-9]*+) )
      | (?P<boolean> true|false )
      | (?P<nil> null )
      | (?P<text> [^] \t\r\n[{},:"]++ | ".*+ | . )
      ) (?: (?=[ \t\r\n]*+:) (?P<label>) )?
    )""",
    re.DOTALL | re.VERBOSE,
)
"""A token of JSON and the blanks before it; the last group is its kind.

``text`` is what is no JSON. A string without an end is as long as all the rest, so that nothing is looked through
again and again; for the same reason there must be no blanks at the end.
"""

_BETWEEN: Final = {",": ", ", ":": ": "}
_INDENT: Final = "  "
# What is nested deeper stands no further to the right: a line would be nothing but blanks.
_DEEPEST: Final = 40
# A string may be as long as the document, and must not be a single piece then.
_SLICE: Final = 16_384


class _Token:
    """A word of the document; ``at`` is where it would begin if all stood on one line.

    ``span`` is how long the array or object is that begins here, None while its end has not been seen.
    """

    __slots__ = ("at", "kind", "span", "words")

    def __init__(self, kind: str, words: str, at: int) -> None:
        self.kind = kind
        self.words = words
        self.at = at
        self.span: int | None = None

    @property
    def end(self) -> int:
        return self.at + (self.span or 0)

    @property
    def fits(self) -> bool:
        return self.span is not None and self.span <= WIDTH


def json_pieces(text: str, columns: int = sys.maxsize) -> Iterator[tuple[Role, str]]:
    """Yield the pieces of a document, laid out in lines; the last line has no newline.

    On one line stands what is short, if it also ends within so many columns.
    """
    # How many arrays and objects are open over lines, and how many within one.
    depth = inside = 0
    # Where column 0 of this line would be if all stood on one line.
    edge: int | None = 0
    for token in _measured(text):
        if edge is None:
            edge = token.at - len(_INDENT) * min(depth, _DEEPEST)
        match token.words if token.kind == "mark" else "":
            case "":
                yield from _word(token)
            case "[" | "{" as mark if inside or (token.fits and token.end - edge < columns):
                inside += 1
                yield "break", mark
            case "[" | "{" as mark:
                depth += 1
                edge = None
                yield "break", mark + _line(depth)
            case "," if not inside:
                edge = None
                yield "break", "," + _line(depth)
            case "," | ":" as mark:
                yield "break", _BETWEEN[mark]
            case mark if inside:
                inside -= 1
                yield "break", mark
            case mark:
                depth = max(depth - 1, 0)
                edge = token.at - len(_INDENT) * min(depth, _DEEPEST)
                yield "break", _line(depth) + mark


def _line(depth: int) -> str:
    return "\n" + _INDENT * min(depth, _DEEPEST)


def _word(token: _Token) -> Iterator[tuple[Role, str]]:
    role = cast("Role", token.kind)
    if len(token.words) <= WIDTH:
        yield role, token.words
        return
    for start in range(0, len(token.words), _SLICE):
        yield role, in_json(token.words[start : start + _SLICE])


def _measured(text: str) -> Iterator[_Token]:
    """Yield the tokens, each one when it is known whether what begins there is short."""
    ahead: deque[_Token] = deque()
    unclosed: deque[_Token] = deque()
    for token in _tokens(text):
        end = token.at + len(_BETWEEN.get(token.words, token.words))
        ahead.append(token)
        if token.kind == "mark" and token.words in "[{":
            unclosed.append(token)
        elif token.kind == "mark" and token.words in "]}" and unclosed:
            opening = unclosed.pop()
            opening.span = end - opening.at
        while unclosed and end - unclosed[0].at > WIDTH:
            unclosed.popleft()
        while ahead and end - ahead[0].at > WIDTH:
            yield ahead.popleft()
    yield from ahead


def _tokens(text: str) -> Iterator[_Token]:
    at = 0
    before = "mark"
    for found in TOKEN.finditer(text.rstrip(BLANKS)):
        kind = found.lastgroup or "text"
        words = found[0].lstrip(BLANKS)
        if kind != "mark" and len(words) <= WIDTH:
            words = in_json(words)  # so that what is shown is measured
        if before != "mark" != kind and found[0][0] in BLANKS:
            words = f" {words}"  # in no JSON do two values follow each other
        yield _Token(kind, words, at)
        at += len(_BETWEEN.get(words, words))
        before = kind
