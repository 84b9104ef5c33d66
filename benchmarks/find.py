"""One million keys: ``pyredis-cli find`` beside ``redis-cli --scan``, each as a process, its output thrown away.

Usage: python benchmarks/find.py [--keys N] [--rounds N] [--servers redis82,valkey9]

The rounds of both take turns. What keeps us is the server, for nobody else walks through its table: so the CPU
time that it needs for one of our listings is shown, too.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import time
from pathlib import Path
from statistics import median

sys.path.insert(0, str(Path(__file__).parent.parent))

from tests.program import PROGRAM, ROOT, redis_cli_70
from tests.servers import BINARIES, Server

_BAR = 8.0


def main() -> None:
    """Print, for each server and way to it, both times and their ratio."""
    asked = _arguments()
    print(
        "| server | by | redis-cli | pyredis-cli | ratio | spread | at least | | CPU of the server | peak memory |"
    )
    print("| --- | --- | --: | --: | --: | --: | --: | --: | --: | --: |")
    for name in asked.servers.split(","):
        with Server(BINARIES[name]) as server:
            _fill(server, asked.keys)
            _compare(server, "TCP", ["-p", str(server.port)], asked.rounds)
            _compare(server, "unix socket", ["-s", server.unix_path], asked.rounds)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    parser.add_argument("--keys", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--servers", default="redis70,redis82,valkey9")
    return parser.parse_args()


def _fill(server: Server, count: int) -> None:
    keys = (b"user:%d:profile" % number for number in range(count))
    commands = b"".join([b"*3\r\n$3\r\nSET\r\n$%d\r\n%b\r\n$1\r\nv\r\n" % (len(key), key) for key in keys])
    argv = [str(redis_cli_70()), "-s", server.unix_path, "--pipe"]
    subprocess.run(argv, input=commands, check=True, stdout=subprocess.DEVNULL)


def _compare(server: Server, way: str, flags: list[str], rounds: int) -> None:
    theirs, ours, worked = [], [], []
    for _ in range(rounds):
        theirs.append(_seconds([str(redis_cli_70()), *flags, "--scan"]))
        before = _worked(server)
        ours.append(_seconds([*PROGRAM, *flags, "find"]))
        worked.append(_worked(server) - before)
    ratios = sorted(their / our for their, our in zip(theirs, ours, strict=True))
    print(
        f"| {server.product} {server.version} | {way} | {median(theirs):.2f} s | {median(ours):.2f} s "
        f"| {median(ratios):.1f} | {ratios[0]:.1f} to {ratios[-1]:.1f} | {_BAR:g} "
        f"| {'met' if median(ratios) >= _BAR else 'NOT met'} | {median(worked):.2f} s | {_peak(flags)} MiB |",
        flush=True,
    )


def _seconds(argv: list[str]) -> float:
    began = time.perf_counter()
    subprocess.run(argv, check=True, stdout=subprocess.DEVNULL, cwd=ROOT)
    return time.perf_counter() - began


def _worked(server: Server) -> float:
    facts = server.info("cpu")
    return float(facts["used_cpu_user"]) + float(facts["used_cpu_sys"])


def _peak(flags: list[str]) -> int:
    """Return the most memory that a listing had; a child of this process would inherit what this one has."""
    weighed = (
        "import resource, subprocess, sys; subprocess.run(sys.argv[1:], stdout=subprocess.DEVNULL, check=True); "
        "print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss // 1024)"
    )
    argv = [sys.executable, "-c", weighed, *PROGRAM, *flags, "find"]
    return int(subprocess.run(argv, check=True, capture_output=True, cwd=Path(ROOT)).stdout)


if __name__ == "__main__":
    main()
