"""The colours of a reply's parts: few, and legible on dark and on light backgrounds.

The sixteen colours of the terminal's own palette, so a person's theme applies. No meaning is in the colour alone:
the words tell the parts apart as well.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from rich.style import Style

from pyredis_cli.render.layout import Role

__all__ = ["HEADING", "LABEL", "STYLES"]

_PLAIN: Final = Style.null()
_DIM: Final = Style(dim=True)
_NUMBER: Final = Style(color="cyan")
_CONSTANT: Final = Style(color="magenta")

STYLES: Final[Mapping[Role, Style]] = {
    "string": Style(color="green"),
    "text": _PLAIN,
    "status": _PLAIN,
    "integer": _NUMBER,
    "double": _NUMBER,
    "bignum": _NUMBER,
    "nil": _CONSTANT,
    "boolean": _CONSTANT,
    "error": Style(color="red"),
    "code": Style(color="red", bold=True),
    "empty": _DIM,
    "index": _DIM,
    "attribute": _DIM,
    "arrow": _DIM,
    "break": _PLAIN,
    "note": _DIM,
    "label": _DIM,
}
"""The style of each role."""

HEADING: Final = Style(bold=True)
"""A section's name in a text such as INFO's."""

LABEL: Final = _DIM
"""A field's name in such a text."""
