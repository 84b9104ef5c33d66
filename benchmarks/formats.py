"""How fast replies are written, by `pyredis-cli` and by redis-cli, in one run.

Usage: python benchmarks/formats.py [--rounds N] [--elements N] [--only REPLY]
           [--program PATH] [--redis-cli PATH]

Both programs are started for each figure, in turn, round by round, on the same server and the same unix socket,
and write to the null device. The figure is the wall time of the whole process, which has a bar. Beside it stand
the wall time and the CPU time (user and system) of the reply alone: less those of the program's own PING, which is
run right before. Ratios are those of medians; their spread is that of the middle half of the rounds. What both
print is compared once, byte for byte, before anything is measured. Install the program first, not editable, so
that bytecode is there as it is for its users, and name it.
"""

from __future__ import annotations

import argparse
import os
import platform
import shutil
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
from benchmarks.terminal import live_in
from tests.servers import BINARIES, Server

_PING: Final = ("PING",)
_FILL: Final = """
for n = 1, ARGV[1] do
  redis.call('RPUSH', 'short', string.format('value%05d', n))
  redis.call('RPUSH', 'long', string.format('value%095d', n))
  redis.call('HSET', 'hash', 'field' .. n, 'value' .. n)
end
"""


class Case(NamedTuple):
    """What is asked for, and the most that it may take, in times of redis-cli's; None: there is no bar."""

    reply: str
    command: tuple[str, ...]
    flags: tuple[str, ...]
    bar: float | None = None


def cases() -> list[Case]:
    """Return what is measured: the formats with a bar first."""
    short, long = ("LRANGE", "short", "0", "-1"), ("LRANGE", "long", "0", "-1")
    bars = {"--raw": 1.6, "--json": 2.0, "--no-raw": 2.0, "--csv": None, "--quoted-json": None}
    three = "--raw", "--json", "--no-raw"
    return [
        *(Case("LRANGE, 10 bytes each", short, (flag,), bar) for flag, bar in bars.items()),
        *(Case("LRANGE, 100 bytes each", long, (flag,)) for flag in three),
        *(Case("HGETALL, RESP3", ("HGETALL", "hash"), ("-3", flag)) for flag in three),
    ]


class Spent(NamedTuple):
    """Seconds."""

    wall: float
    cpu: float


class Program(NamedTuple):
    """One of the two, and how it is told where the server is."""

    path: str
    socket: str

    def argv(self, case: Sequence[str]) -> list[str]:
        return [self.path, "-s", self.socket, *case]

    def took(self, case: Sequence[str]) -> Spent:
        """Return the time of a process from start to end."""
        started = time.perf_counter()
        process = subprocess.Popen(self.argv(case), stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
        _, status, usage = os.wait4(process.pid, 0)
        wall = time.perf_counter() - started
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            raise SystemExit(f"{' '.join(self.argv(case))} ended with {process.returncode}")
        return Spent(wall, usage.ru_utime + usage.ru_stime)

    def printed(self, case: Sequence[str]) -> bytes:
        return subprocess.run(
            self.argv(case), check=True, stdin=subprocess.DEVNULL, capture_output=True
        ).stdout


class Samples(NamedTuple):
    """What each program spent in each round: on PING, on the reply, PING not counted, and on the whole."""

    pings: tuple[list[Spent], list[Spent]]
    replies: tuple[list[Spent], list[Spent]]
    wholes: tuple[list[Spent], list[Spent]]

    @classmethod
    def none(cls) -> Samples:
        return cls(([], []), ([], []), ([], []))

    def add(self, number: int, ping: Spent, whole: Spent) -> None:
        """Take what the program of that number spent in a round."""
        self.pings[number].append(ping)
        self.wholes[number].append(whole)
        self.replies[number].append(Spent(whole.wall - ping.wall, whole.cpu - ping.cpu))


def measure(programs: Sequence[Program], chosen: Sequence[Case], rounds: int) -> list[Samples]:
    """Return the samples of each case; the first round is not counted."""
    samples = [Samples.none() for _ in chosen]
    for number in range(rounds + 1):
        for case, taken in zip(chosen, samples, strict=True):
            for position, program in enumerate(programs):
                ping, whole = program.took(_PING), program.took((*case.flags, *case.command))
                if number:
                    taken.add(position, ping, whole)
    return samples


def assert_same(ours: Program, theirs: Program, chosen: Sequence[Case]) -> None:
    for case in chosen:
        words = (*case.flags, *case.command)
        if ours.printed(words) != theirs.printed(words):
            raise SystemExit(f"{' '.join(words)}: the two do not print the same")


def installed() -> str:
    """Return the program beside this interpreter, or the one that is on the path."""
    beside = Path(sys.executable).with_name("pyredis-cli")
    return str(beside) if beside.exists() else shutil.which("pyredis-cli") or "pyredis-cli"


def version(path: str) -> str:
    return subprocess.run([path, "--version"], check=True, capture_output=True, text=True).stdout.strip()


def rows_of(chosen: Sequence[Case], samples: Sequence[Samples]) -> list[tuple[str, ...]]:
    rows: list[tuple[str, ...]] = []
    for case, taken in zip(chosen, samples, strict=True):
        wholes = [[spent.wall for spent in replies] for replies in taken.wholes]
        ours, theirs = map(median, wholes)
        rest = [median(spent.wall for spent in replies) for replies in taken.replies]
        cpu = [median(spent.cpu for spent in replies) for replies in taken.replies]
        ratios = [one / other for one, other in zip(*wholes, strict=True)]
        bar, verdict = "", ""
        if case.bar is not None:
            bar, verdict = f"at most {case.bar:g}", "met" if ours / theirs <= case.bar else "NOT met"
        times = f"{ours * 1000:.1f}", f"{theirs * 1000:.1f}", f"{ours / theirs:.2f}"
        least, _, most = quantiles(ratios, method="inclusive") if len(ratios) > 1 else ratios * 3
        spread = f"{least:.2f} to {most:.2f}"
        replies = f"{rest[0] / rest[1]:.2f}", f"{cpu[0] / cpu[1]:.2f}"
        rows.append((case.reply, " ".join(case.flags), *times, spread, bar, verdict, *replies))
    return rows


def for_programs(ours: Program, theirs: Program, chosen: Sequence[Case], rounds: int) -> str:
    """Return the table of the formats that programs read."""
    assert_same(ours, theirs, chosen)
    samples = measure((ours, theirs), chosen, rounds)
    pings = [median(spent.wall for taken in samples for spent in taken.pings[number]) for number in (0, 1)]
    own = f"- own PING: pyredis-cli {pings[0] * 1000:.1f}, redis-cli {pings[1] * 1000:.1f}"
    measured = "pyredis-cli", "redis-cli", "ratio", "spread", "bar", "verdict", "reply alone", "its CPU"
    return f"{own}\n\n{table(('reply', 'flags', *measured), rows_of(chosen, samples), left=2)}"


def main() -> None:
    parser = argparse.ArgumentParser(description="Measure how fast replies are written.")
    parser.add_argument("--rounds", type=int, default=11, help="how often each is run (default: 11)")
    parser.add_argument("--elements", type=int, default=100_000, help="of a reply (default: 100000)")
    parser.add_argument("--program", default=installed(), help="pyredis-cli (default: beside this Python)")
    parser.add_argument("--redis-cli", default="/usr/bin/redis-cli", help="its judge (default: %(default)s)")
    parser.add_argument("--only", default="", help="the replies whose names begin so (default: all)")
    options = parser.parse_args()
    chosen = [case for case in cases() if case.reply.startswith(options.only)]
    # The programs must be those that are installed, with the bytecode that is there.
    for name in [name for name in os.environ if name.startswith("PYTHON")]:
        del os.environ[name]
    with tempfile.TemporaryDirectory() as home, Server(BINARIES["redis82"]) as server:
        live_in(home)
        server.command("EVAL", _FILL, 0, options.elements)
        ours = Program(options.program, server.unix_path)
        theirs = Program(options.redis_cli, server.unix_path)
        print(f"# Formats for programs\n\n- {machine()}")
        print(f"- {version(ours.path)}, Python {platform.python_version()}, {version(theirs.path)}")
        print(f"- {options.elements:,} elements; milliseconds, medians of {options.rounds} rounds")
        print(for_programs(ours, theirs, chosen, options.rounds))
    # For people: the human layout beside a bare rich table, and its first screen, go here as a table of their own.


if __name__ == "__main__":
    main()
