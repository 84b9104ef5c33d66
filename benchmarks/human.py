"""How long the layout for people takes, beside rich given the same cells, in one run.

Usage: python benchmarks/human.py [ROUNDS]

`HGETALL` of 10,000 fields, as RESP2 sends it, laid out whole at 100 columns in colour, beside a bare
`rich.table.Table` of the same cells. And its first screen of 40 lines, beside 40 plain lines printed through rich.
In one process, contenders in turn; ratios of medians are what counts.
"""

from __future__ import annotations

import io
import statistics
import sys
import time
from collections.abc import Callable
from itertools import islice

from report import machine, table
from rich.console import Console
from rich.table import Table
from rich.text import Text

from pyredis.commands.spec import Table as Commands
from pyredis.types import Reply
from pyredis_cli.render.look import Look, Measure
from pyredis_cli.render.present import present

_PAIRS = 10_000
_SCREEN = 40
_WIDTH = 100
_BAR = 2.0


def main() -> None:
    """Measure, and print the ratios."""
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 9
    print(f"{machine()}; medians of {rounds} rounds\n")
    reply: list[Reply] = []
    for number in range(_PAIRS):
        reply += [b"field:%d" % number, b"value of field %d" % number]
    found = measure(
        rounds,
        {
            "all": lambda: ours(reply),
            "rich table": lambda: rich_table(reply),
            "first screen": lambda: ours(reply, screen=True),
            "rich lines": lambda: rich_lines(reply),
        },
    )
    rows = []
    for what, against in (("all", "rich table"), ("first screen", "rich lines")):
        ratio = found[what] / found[against]
        verdict = "met" if ratio <= _BAR else "NOT met"
        rows.append(
            [
                what,
                against,
                *(f"{1000 * found[name]:.2f}" for name in (what, against)),
                f"{ratio:.2f}",
                verdict,
            ]
        )
    print(table(["HGETALL of 10,000", "beside", "ms", "ms of rich", "ratio", f"bar {_BAR}"], rows, 2))


def measure(rounds: int, contenders: dict[str, Callable[[], None]]) -> dict[str, float]:
    """Return the median of each contender in seconds, all in turn; the first round is not counted."""
    samples: dict[str, list[float]] = {name: [] for name in contenders}
    for number in range(rounds + 1):
        for name, run in contenders.items():
            started = time.perf_counter()
            run()
            if number:
                samples[name].append(time.perf_counter() - started)
    return {name: statistics.median(values) for name, values in samples.items()}


def ours(reply: Reply, *, screen: bool = False) -> None:
    """Lay the reply out, to the end or for one screen."""
    argv = (b"HGETALL", b"h")
    look = Look(_WIDTH, color=True, measure=Measure(elements=None))
    parts = present(argv, Commands().find(argv), reply, look).parts
    written = io.BytesIO()
    for part, _ in islice(parts, _SCREEN) if screen else parts:
        written.write(part)


def rich_table(reply: list[Reply]) -> None:
    """Print a table of rich with the same cells and nothing else."""
    grid = Table(box=None, show_header=False)
    grid.add_column()
    grid.add_column()
    grid.add_column()
    halves = iter(reply)
    for number, (name, value) in enumerate(zip(halves, halves, strict=True), 1):
        grid.add_row(f"{number})", Text(_quoted(name), "green"), Text(_quoted(value), "green"))
    _console().print(grid)


def rich_lines(reply: list[Reply]) -> None:
    """Print one screen of plain lines."""
    console = _console()
    halves = iter(reply)
    for name, value in islice(zip(halves, halves, strict=True), _SCREEN):
        console.print(f"{_quoted(name)}  {_quoted(value)}", highlight=False, markup=False)


def _console() -> Console:
    return Console(file=io.StringIO(), width=_WIDTH, color_system="standard", force_terminal=True)


def _quoted(value: Reply) -> str:
    assert isinstance(value, bytes)
    return f'"{value.decode()}"'


if __name__ == "__main__":
    main()
