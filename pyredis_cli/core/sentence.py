"""A sentence of ours in lines that fit a terminal, cut between words."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["in_lines"]

_DEEPER = "  "


def in_lines(sentence: str, columns: int, width: Callable[[str], int] = len) -> list[str]:
    """Return the lines of a sentence; of one that is indented, the later ones stand deeper.

    A word that is longer than a line has one for itself.
    """
    if width(sentence) <= columns:
        return [sentence]
    first, *words = sentence.lstrip(" ").split(" ")
    indent = sentence[: len(sentence) - len(sentence.lstrip(" "))]
    further = indent + _DEEPER if indent else ""
    lines = [indent + first]
    for word in words:
        longer = f"{lines[-1]} {word}"
        if width(longer) > columns:
            lines.append(further + word)
        else:
            lines[-1] = longer
    return lines
