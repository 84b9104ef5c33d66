"""What a TAB costs: the answer that a shell waits for, beside ``python -c "import asyncio"``, in one run.

Usage: python benchmarks/completion.py [ROUNDS] [--program PATH]

Contenders run in turn, round by round. The figures are CPU time (user and system) and wall time of the whole
process, each as a multiple of that of importing asyncio; ratios of medians are what counts. Install the program
first, not editable, so that bytecode is there as it is for its users, and name it.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))

from benchmarks.report import machine, table
from tests.servers import BINARIES, Server

_AIM = 2.0
_LINES = {
    "a flag": "pyredis-cli --pool",
    "a command": "pyredis-cli hge",
    "a token": "pyredis-cli -n 2 exec SET key value EX 10 N",
    "a key of the server": "pyredis-cli -s {path} HGET user:",
    "a field of the server": "pyredis-cli -s {path} HGET user:1 na",
}


def seconds(argv: list[str], env: dict[str, str]) -> tuple[float, float]:
    """Return the CPU time and the wall time of a process from start to end."""
    started = time.perf_counter()
    process = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, env=env)
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"{' '.join(argv)} ended with {process.returncode}")
    return usage.ru_utime + usage.ru_stime, time.perf_counter() - started


def measure(rounds: int, program: str, path: str) -> dict[str, tuple[float, float]]:
    """Return the medians of each contender; the first round is not counted."""
    asked = {**os.environ, "PYREDISCLI_COMPLETE_LIVE": "1"}
    runs = {"import asyncio": ([sys.executable, "-c", "import asyncio"], dict(os.environ))}
    for name, line in _LINES.items():
        env = {**asked, "PYREDISCLI_COMPLETE_LINE": line.format(path=path)}
        runs[name] = ([program, "completion", "--answer", "zsh"], env)
    samples: dict[str, list[tuple[float, float]]] = {name: [] for name in runs}
    for number in range(rounds + 1):
        for name, (argv, env) in runs.items():
            taken = seconds(argv, env)
            if number:
                samples[name].append(taken)
    return {
        name: (statistics.median(cpu for cpu, _ in taken), statistics.median(wall for _, wall in taken))
        for name, taken in samples.items()
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("rounds", nargs="?", type=int, default=11)
    parser.add_argument("--program", default=str(Path(sys.executable).with_name("pyredis-cli")))
    args = parser.parse_args()
    with Server(BINARIES["redis82"]) as server:
        for number in range(100):
            server.command("HSET", f"user:{number}", "name", "Ada", "nature", "kind")
        figures = measure(args.rounds, args.program, server.unix_path)
    cpu, wall = figures.pop("import asyncio")
    rows = [
        [name, f"{own_cpu / cpu:.2f}", f"{own_wall / wall:.2f}", f"at most {_AIM:g}"]
        for name, (own_cpu, own_wall) in figures.items()
    ]
    print(f"{machine()}, {args.rounds} rounds; import asyncio takes {cpu * 1000:.0f} ms of CPU\n")
    print(table(["a TAB completes", "CPU", "wall", "aim"], rows, left=1))


if __name__ == "__main__":
    main()
