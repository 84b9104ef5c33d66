"""How long a key takes until the screen shows it, in the REPL and at a bare prompt of prompt_toolkit, in one run.

Usage: python benchmarks/redraw.py [--rounds N] [--keys N]

Both run on a pseudo-terminal and are typed the same lines, in turn, line by line. The REPL is connected, knows so
many keys by name, and does all that it does by default: hint, colours, menu, bottom line, look-ups; the bare
prompt is `PromptSession()`, without a completer. The figure is the wall time from the write of the key to the
arrival of the first bytes of the redraw; the next key comes when the screen has been quiet for a while, as between
two keys of a person. Beside it stands the CPU time of all that the key has caused by then, for a busy machine lets
a program wait the longer the more it has to do. It reads /proc, so it needs Linux.
"""

from __future__ import annotations

import argparse
import platform
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Final, NamedTuple

sys.path.insert(0, str(Path(__file__).parent.parent))

from benchmarks.report import machine, table
from benchmarks.terminal import Program, live_in
from pyredis.version import __version__
from tests.servers import BINARIES, Server

_BAR: Final = 2.0
_CLEAR: Final = b"\x15"

_BARE: Final = "from prompt_toolkit import PromptSession; PromptSession().prompt('> ')"
_LINES: Final = (
    "GET user:1234:cart",
    "SET user:77:profile value EX 100 NX",
    "HSET user:9 name ada",
    "ZADD user:5:log 10 ada 20 grace",
    "SCAN 0 MATCH user:* COUNT 10",
    "XADD user:3 * field value",
    "CONFIG SET maxmemory 100mb",
    "EXPIRE user:12:session soon",
)


class Samples(NamedTuple):
    """Milliseconds of each key."""

    wall: list[float]
    cpu: list[float]


def fill(server: Server, keys: int) -> None:
    """Have the server keep so many keys of a usual kind."""
    key = "'user:' .. n .. ':' .. ({'cart', 'log', 'profile'})[n % 3 + 1]"
    script = f"for n = 1, ARGV[1] do redis.call('SET', {key}, n) end"
    server.command("EVAL", script, 0, keys)


def measure(programs: Sequence[Program], rounds: int) -> list[Samples]:
    """Return the figures of each program; the first round is not counted."""
    samples = [Samples([], []) for _ in programs]
    for number in range(rounds + 1):
        for line in _LINES:
            for program, taken in zip(programs, samples, strict=True):
                type_line(program, line, taken if number else Samples([], []))
    return samples


def type_line(program: Program, line: str, taken: Samples) -> None:
    """Type a line key by key, and drop it."""
    for byte in line.encode():
        before = program.cpu
        taken.wall.append(program.press(bytes((byte,))) * 1_000)
        taken.cpu.append((program.cpu - before) * 1_000)
    program.press(_CLEAR)


def quantile(values: Sequence[float], share: float) -> float:
    return sorted(values)[min(len(values) - 1, int(share * len(values)))]


def main() -> None:
    parser = argparse.ArgumentParser(description="Measure the time from a key to the redraw.")
    parser.add_argument("--rounds", type=int, default=5, help="how often each line is typed (default: 5)")
    parser.add_argument("--keys", type=int, default=50_000, help="how many keys are known (default: 50000)")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as home, Server(BINARIES["redis82"]) as server:
        live_in(home)
        fill(server, options.keys)
        repl = [sys.executable, "-m", "pyredis_cli", "-p", str(server.port)]
        with Program(repl) as ours, Program([sys.executable, "-c", _BARE]) as bare:
            bare.until(b">")
            ours.until(b">")
            for line in (b":set pager off\r", b"KEYS user:*\r"):
                ours.type(line)
                ours.settle(2.0)
            bare.settle(1.0)
            samples = measure((ours, bare), options.rounds)
    ours_taken, bare_taken = samples
    print(f"# From a key to the redraw\n\n- {machine()}")
    print(f"- Python {platform.python_version()}, pyredis {__version__}")
    print(f"- {len(ours_taken.wall):,} keys each, {options.keys:,} names known; milliseconds\n")
    rows = [
        *rows_of("key to redraw, wall", ours_taken.wall, bare_taken.wall, f"p95: at most {_BAR:g} x"),
        *rows_of("all of a key, CPU", ours_taken.cpu, bare_taken.cpu, ""),
    ]
    print(table(("", "", "p50", "p95", "p99", "bar", "p95 / p95", "verdict"), rows, left=2))


def rows_of(title: str, ours: Sequence[float], bare: Sequence[float], bar: str) -> list[tuple[str, ...]]:
    """Return the rows of one figure: the REPL's, and those of the bare prompt."""
    ratio = quantile(ours, 0.95) / quantile(bare, 0.95)
    verdict = ("met" if ratio <= _BAR else "NOT met") if bar else ""
    return [
        (title, "pyredis-cli", *cells(ours), bar, f"{ratio:.2f}", verdict),
        ("", "bare PromptSession", *cells(bare), "", "1.00", ""),
    ]


def cells(values: Sequence[float]) -> tuple[str, ...]:
    return tuple(f"{quantile(values, share):.2f}" for share in (0.5, 0.95, 0.99))


if __name__ == "__main__":
    main()
