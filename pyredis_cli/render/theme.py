"""The colours of a reply's parts: few, one theme for a dark background and one for a light one.

The sixteen colours of the terminal's own palette, so a person's theme applies. No meaning is in the colour alone:
the words tell the parts apart as well.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Final, TypeAlias

    from pyredis_cli.flags import Theme
    from pyredis_cli.render.layout import Role

__all__ = ["Paint", "painter"]

Paint: TypeAlias = "Callable[[Role, str], str]"
"""Puts words in the colour of their role."""

# What follows ESC [ in a code (ECMA-48); a terminal's palette has sixteen colours, these among them.
_PLAIN: Final = ""
_BOLD: Final = "1"
_DIM: Final = "2"
_RED: Final = "31"
_GREEN: Final = "32"
_YELLOW: Final = "33"
_BLUE: Final = "34"
_MAGENTA: Final = "35"
_CYAN: Final = "36"
_BRIGHT_BLACK: Final = "90"


def _styles(*, number: str, dim: str, warning: str) -> dict[Role, str]:
    return {
        "string": _GREEN,
        "text": _PLAIN,
        "status": _PLAIN,
        "integer": number,
        "double": number,
        "bignum": number,
        "nil": _MAGENTA,
        "boolean": _MAGENTA,
        "error": _RED,
        "code": f"{_BOLD};{_RED}",
        "empty": dim,
        "index": dim,
        "attribute": dim,
        "arrow": dim,
        "break": _PLAIN,
        "note": dim,
        "heading": _BOLD,
        "label": dim,
        "name": number,
        "time": dim,
        "good": _GREEN,
        "warning": f"{_BOLD};{warning}",
    }


_THEMES: Final[Mapping[Theme, Mapping[Role, str]]] = {
    "dark": _styles(number=_CYAN, dim=_DIM, warning=_YELLOW),
    # Cyan and yellow are too pale on white, and what is dim there is gone.
    "light": _styles(number=_BLUE, dim=_BRIGHT_BLACK, warning=_RED),
}


def painter(color: bool, theme: Theme) -> Paint:
    """Return what paints words; a colour ends before its line does."""
    if not color:
        return _plainly
    styles = _THEMES[theme]

    def paint(role: Role, words: str) -> str:
        style = styles[role]
        if not words or not style:
            return words
        begin, end = f"\x1b[{style}m", "\x1b[0m"
        if "\n" not in words:
            return f"{begin}{words}{end}"
        return "\n".join([f"{begin}{line}{end}" if line else "" for line in words.split("\n")])

    return paint


def _plainly(role: Role, words: str) -> str:
    return words
