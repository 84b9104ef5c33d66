"""What a long session at the prompt holds in memory: RSS after a tenth of its commands, and after all of them.

Usage: python benchmarks/session.py [--commands N]

The REPL runs on a pseudo-terminal with all that it does by default and is typed lines, as by a person who is very
fast: strings, a list, a map, errors, a repetition; each is read, run, shown and put into the history. It reads
/proc, so it needs Linux.
"""

from __future__ import annotations

import argparse
import os
import platform
import sys
import tempfile
from pathlib import Path
from typing import Final

sys.path.insert(0, str(Path(__file__).parent.parent))

from benchmarks.report import machine, table
from benchmarks.terminal import Program, live_in
from pyredis.version import __version__
from tests.servers import BINARIES, Server

__all__ = ["resident", "run_lines"]

_MIB: Final = 1 << 20
_BAR: Final = 2 * _MIB
_BATCH: Final = 20  # lines typed ahead: a terminal keeps 4,096 bytes
_LINES: Final = (
    "SET session:key value",
    "GET session:key",
    "INCR session:key",
    "HSET session:hash name ada city london",
    "HGETALL session:hash",
    "LRANGE session:list 0 -1",
    "2 PING",
    "nosuchcommand",
)


def run_lines(repl: Program, begin: int, end: int) -> None:
    """Have the REPL run the commands of that session from one number to another."""
    for start in range(begin, end, _BATCH):
        lines = [_LINES[number % len(_LINES)] for number in range(start, min(start + _BATCH, end) - 1)]
        mark = f"mark-{start}"
        repl.type("\r".join([*lines, f"ECHO {mark}", ""]).encode())
        repl.until(f'"{mark}"'.encode())


def resident(pid: int) -> int:
    """Return the bytes that a process holds in memory."""
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")


def main() -> None:
    parser = argparse.ArgumentParser(description="Measure whether a long session grows.")
    parser.add_argument("--commands", type=int, default=10_000, help="how many there are (default: 10000)")
    options = parser.parse_args()
    first = options.commands // 10
    with tempfile.TemporaryDirectory() as home, Server(BINARIES["redis82"]) as server:
        live_in(home)
        with Program([sys.executable, "-m", "pyredis_cli", "-p", str(server.port)]) as repl:
            repl.until(b">")
            run_lines(repl, 0, first)
            before = resident(repl.pid)
            run_lines(repl, first, options.commands)
            after = resident(repl.pid)
    growth = after - before
    print(f"# A long session\n\n- {machine()}\n- Python {platform.python_version()}, pyredis {__version__}\n")
    rows = [
        (f"{count:,} commands", f"{held / _MIB:.1f} MiB")
        for count, held in ((first, before), (options.commands, after))
    ]
    print(table(("after", "RSS"), rows, left=1))
    verdict = "met" if growth <= _BAR else "NOT met"
    print(f"\ngrowth: {growth / _MIB:.2f} MiB; at most {_BAR // _MIB}: {verdict}")


if __name__ == "__main__":
    main()
