"""What the parts of a Lua script are, for colours.

A script may be unfinished: a string or a comment that is not closed goes to its end. Names that a script gets from
the server are told from its own. It knows no screen and judges nothing.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final, Literal, NamedTuple, TypeAlias

__all__ = ["Part", "parts"]

Kind: TypeAlias = Literal["comment", "string", "number", "keyword", "given"]

_PART: Final = re.compile(
    r"""
      (?P<comment> \#![^\n]*+ | -- (?: \[(?P<c>=*+)\[ .*? (?: \](?P=c)\] | \Z ) | [^\n]*+ ) )
    | (?P<string> " (?: [^"\\\n]++ | \\. )*+ (?: " | (?=\n) | \\?\Z )
                | ' (?: [^'\\\n]++ | \\. )*+ (?: ' | (?=\n) | \\?\Z )
                | \[(?P<s>=*+)\[ .*? (?: \](?P=s)\] | \Z ) )
    | (?P<number> (?<![\w.]) (?: 0[xX][0-9a-fA-F]++ | (?: \d++ (?:\.\d*+)? | \.\d++ ) (?: [eE][+-]?\d++ )? ) )
    | (?P<word> [A-Za-z_]\w*+ )
    """,
    re.VERBOSE | re.DOTALL,
)
# Lua 5.1, which both servers run.
_KEYWORDS: Final = frozenset(
    {
        "and",
        "break",
        "do",
        "else",
        "elseif",
        "end",
        "false",
        "for",
        "function",
        "if",
        "in",
        "local",
        "nil",
        "not",
    }
    | {"or", "repeat", "return", "then", "true", "until", "while"}
)
_GIVEN: Final = frozenset({"KEYS", "ARGV", "redis", "server", "cjson", "cmsgpack", "struct", "bit", "os"})


class Part(NamedTuple):
    """Some characters of a script, and what they are."""

    start: int
    end: int
    kind: Kind


def parts(script: str) -> Iterator[Part]:
    """Yield the parts of a script that have a colour, in order."""
    for found in _PART.finditer(script):
        kind = found.lastgroup
        match kind:
            case "comment" | "string" | "number":
                yield Part(found.start(), found.end(), kind)
            case "word" if found[0] in _KEYWORDS:
                yield Part(found.start(), found.end(), "keyword")
            case "word" if found[0] in _GIVEN:
                yield Part(found.start(), _with_field(script, found), "given")


_FIELD: Final = re.compile(r"(?:\.[A-Za-z_]\w*+)?+")


def _with_field(script: str, name: re.Match[str]) -> int:
    """Return the end of ``redis.call``, as of one word."""
    field = _FIELD.match(script, name.end())
    assert field is not None  # it may be empty
    return field.end()
