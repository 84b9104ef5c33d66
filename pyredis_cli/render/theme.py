"""The colours of a reply's parts: few, one theme for a dark background and one for a light one.

The sixteen colours of the terminal's own palette, so a person's theme applies. No meaning is in the colour alone:
the words tell the parts apart as well.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Final, TypeAlias

from rich.color import ColorSystem
from rich.style import Style

from pyredis_cli.render.layout import Role

if TYPE_CHECKING:
    from pyredis_cli.flags import Theme

__all__ = ["THEMES", "Paint", "painter"]

Paint: TypeAlias = Callable[[Role, str], str]
"""Puts words in the colour of their role."""

_PLAIN: Final = Style.null()


def _styles(
    *, number: str, constant: str, text: str, name: str, dim: Style, warning: str
) -> dict[Role, Style]:
    return {
        "string": Style(color=text),
        "text": _PLAIN,
        "status": _PLAIN,
        "integer": Style(color=number),
        "double": Style(color=number),
        "bignum": Style(color=number),
        "nil": Style(color=constant),
        "boolean": Style(color=constant),
        "error": Style(color="red"),
        "code": Style(color="red", bold=True),
        "empty": dim,
        "index": dim,
        "attribute": dim,
        "arrow": dim,
        "break": _PLAIN,
        "note": dim,
        "heading": Style(bold=True),
        "label": dim,
        "name": Style(color=name),
        "time": dim,
        "good": Style(color=text),
        "warning": Style(color=warning, bold=True),
    }


THEMES: Final[Mapping[Theme, Mapping[Role, Style]]] = {
    "dark": _styles(
        number="cyan", constant="magenta", text="green", name="cyan", dim=Style(dim=True), warning="yellow"
    ),
    # Cyan and yellow are too pale on white, and what is dim there is gone.
    "light": _styles(
        number="blue",
        constant="magenta",
        text="green",
        name="blue",
        dim=Style(color="bright_black"),
        warning="red",
    ),
}
"""The style of each role."""


def painter(color: bool, theme: Theme) -> Paint:
    """Return what paints words; a colour ends before its line does."""
    if not color:
        return _plainly
    codes = {role: _codes(style) for role, style in THEMES[theme].items()}

    def paint(role: Role, words: str) -> str:
        begin, end = codes[role]
        if not words or not begin:
            return words
        if "\n" not in words:
            return f"{begin}{words}{end}"
        return "\n".join([f"{begin}{line}{end}" if line else "" for line in words.split("\n")])

    return paint


def _plainly(role: Role, words: str) -> str:
    return words


def _codes(style: Style) -> tuple[str, str]:
    """Return what stands before and behind words in a style."""
    begin, _, end = style.render("\0", color_system=ColorSystem.STANDARD).partition("\0")
    return begin, end
