"""What the reports of the benchmarks are made of: Markdown tables that read well as they are, and the machine."""

from __future__ import annotations

import os
import platform
import time
from collections.abc import Sequence

__all__ = ["machine", "table"]


def machine() -> str:
    """Return when and on what this runs, in one line."""
    day = time.strftime("%Y-%m-%d", time.gmtime())
    return f"{day}, {os.cpu_count()} cores, {platform.system()} {platform.release()} {platform.machine()}"


def table(titles: Sequence[str], rows: Sequence[Sequence[str]], left: int) -> str:
    """Return a Markdown table; so many columns are aligned to the left, the others to the right."""
    widths = [max(map(len, column)) for column in zip(titles, *rows, strict=True)]
    widths = [max(width, 2) for width in widths]
    lines = [titles, [_rule(width, number < left) for number, width in enumerate(widths)], *rows]
    return "\n".join(_line(cells, widths, left) for cells in lines)


def _rule(width: int, left: bool) -> str:
    return "-" * width if left else "-" * (width - 1) + ":"


def _line(cells: Sequence[str], widths: Sequence[int], left: int) -> str:
    padded = (
        cell.ljust(width) if number < left else cell.rjust(width)
        for number, (cell, width) in enumerate(zip(cells, widths, strict=True))
    )
    return f"| {' | '.join(padded)} |"
