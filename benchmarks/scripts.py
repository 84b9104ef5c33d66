"""How fast a script on standard input runs, by `pyredis-cli` and by redis-cli, in one run.

Usage: python benchmarks/scripts.py [--rounds N] [--commands N] [--only CASE] [--program PATH] [--redis-cli PATH]

Both programs read the same file of commands, each a line, and write their replies to the null device; they are
started in turn, round by round, on the same server, over TCP and over a unix socket. The figure is the wall time
of the whole process, starting included. Ratios are those of medians; their spread is that of the middle half of
the rounds. What both print is compared once, byte for byte, before anything is measured. Install the program
first, not editable, so that bytecode is there as it is for its users, and name it.
"""

from __future__ import annotations

import argparse
import platform
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from statistics import median, quantiles
from typing import Final, NamedTuple

sys.path.insert(0, str(Path(__file__).parent.parent))

from benchmarks.report import machine, table
from tests.servers import BINARIES, Server

_AIM: Final = 15.0


class Case(NamedTuple):
    """A script by what its lines do, and the least that it must be faster; None: there is no bar."""

    name: str
    lines: bytes
    bar: float | None


def cases(commands: int) -> list[Case]:
    """Return what is measured: the case with a bar first."""
    numbers = range(commands)
    return [
        Case("SET", b"".join(b"SET key:%d value:%d\n" % (n, n) for n in numbers), _AIM),
        Case("GET", b"".join(b"GET key:%d\n" % n for n in numbers), None),
        Case(
            "SET, GET, INCR in turn",
            b"".join((b"SET k:%d v\n", b"GET k:%d\n", b"INCR n:%d\n")[n % 3] % n for n in numbers),
            None,
        ),
        Case('SET with "quotes"', b"".join(b'SET key:%d "value %d"\n' % (n, n) for n in numbers), None),
    ]


def main() -> None:
    options = _options()
    ways = {"TCP": ("-h", "127.0.0.1", "-p"), "unix socket": ("-s",)}
    rows = []
    with tempfile.TemporaryDirectory() as folder, Server(BINARIES["redis82"]) as server:
        for case in [case for case in cases(options.commands) if options.only in (None, case.name)]:
            script = Path(folder) / "script"
            script.write_bytes(case.lines)
            for way, flags in ways.items():
                place = str(server.port) if way == "TCP" else server.unix_path
                programs = ([options.program, *flags, place], [options.redis_cli, *flags, place])
                _compare(programs, script, server)
                rows.append([case.name, way, *_measured(case, programs, script, options.rounds)])
    print(f"{machine()}, Python {platform.python_version()}, {options.commands} commands, ", end="")
    print(f"{options.rounds} rounds\n")
    titles = ["lines", "way", "pyredis-cli", "redis-cli", "times faster", "middle half", "aim"]
    print(table(titles, rows, left=2))


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=11)
    parser.add_argument("--commands", type=int, default=100_000)
    parser.add_argument("--only", help="the case of that name alone")
    parser.add_argument("--program", default=str(Path(sys.executable).with_name("pyredis-cli")))
    parser.add_argument("--redis-cli", default="/usr/bin/redis-cli")
    return parser.parse_args()


def _compare(programs: Sequence[list[str]], script: Path, server: Server) -> None:
    """End the benchmark unless both print the same."""
    printed = []
    for argv in programs:
        server.command("FLUSHALL")
        with script.open("rb") as lines:
            printed.append(subprocess.run(argv, stdin=lines, capture_output=True, check=True).stdout)
    if printed[0] != printed[1]:
        raise SystemExit("the two programs print different things")


def _measured(case: Case, programs: Sequence[list[str]], script: Path, rounds: int) -> list[str]:
    """Return the cells of one row."""
    ours, theirs = [], []
    for _ in range(rounds):
        ours.append(_wall(programs[0], script))
        theirs.append(_wall(programs[1], script))
    ratios = [their / our for our, their in zip(ours, theirs, strict=True)]
    low, _, high = quantiles(ratios, n=4)
    ratio = median(theirs) / median(ours)
    aim = "" if case.bar is None else f"{case.bar:g}"
    return [f"{median(ours):.3f} s", f"{median(theirs):.3f} s", f"{ratio:.1f}", f"{low:.1f}-{high:.1f}", aim]


def _wall(argv: list[str], script: Path) -> float:
    """Return the wall time of a process from start to end."""
    with script.open("rb") as lines:
        started = time.perf_counter()
        subprocess.run(argv, stdin=lines, stdout=subprocess.DEVNULL, check=True)
        return time.perf_counter() - started


if __name__ == "__main__":
    main()
