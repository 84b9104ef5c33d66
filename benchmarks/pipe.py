"""How fast `pyredis-cli --pipe` sends a million commands, beside `redis-cli --pipe`, in one run.

Usage: python benchmarks/pipe.py [ROUNDS [COMMANDS]]

Both send the same file in turn, round by round, over TCP on this machine, to a server that is emptied before. Wall
time is what counts, the ratio of the medians; CPU time is told beside it. One kind of input is SETs as arrays with
values of 5 to 60 bytes, one is the same as lines. Needs the `test` extra and redis-cli 7.0; install the package
first, not editable, so that bytecode is there as it is for its users.
"""

from __future__ import annotations

import os
import random
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))

from benchmarks.report import machine, table
from tests.program import redis_cli_70
from tests.servers import BINARIES, Server

_AIM = 0.9


def arrays(count: int) -> Iterator[bytes]:
    """Yield SETs as programs write them."""
    for number, value in _pairs(count):
        key = b"key:%d" % number
        yield b"*3\r\n$3\r\nSET\r\n$%d\r\n%b\r\n$%d\r\n%b\r\n" % (len(key), key, len(value), value)


def lines(count: int) -> Iterator[bytes]:
    """Yield SETs as people write them."""
    for number, value in _pairs(count):
        yield b"SET key:%d %b\r\n" % (number, value)


def _pairs(count: int) -> Iterator[tuple[int, bytes]]:
    sizes = random.Random(1)
    for number in range(count):
        yield number, b"x" * sizes.randint(5, 60)


def seconds_of(argv: list[str], given: Path, count: int) -> tuple[float, float]:
    """Return wall and CPU time of a program that sends the file."""
    with given.open("rb") as stdin:
        started = time.perf_counter()
        process = subprocess.Popen(argv, stdin=stdin, stdout=subprocess.PIPE)
        with process:
            assert process.stdout is not None
            told = process.stdout.read()
            _, status, usage = os.wait4(process.pid, 0)
            process.returncode = os.waitstatus_to_exitcode(status)
        seconds = time.perf_counter() - started
    if process.returncode or b"errors: 0, replies: %d\n" % count not in told:
        raise SystemExit(f"{argv[0]} ended with {process.returncode}: {told!r}")
    return seconds, usage.ru_utime + usage.ru_stime


def measured(
    server: Server, made: Callable[[int], Iterator[bytes]], rounds: int, count: int
) -> dict[str, list[tuple[float, float]]]:
    """Return what each program took, round by round; the first round is not counted."""
    program = os.path.join(os.path.dirname(sys.executable), "pyredis-cli")
    port = ["-p", str(server.port), "--pipe"]
    contenders = {"redis-cli": [str(redis_cli_70()), *port], "pyredis-cli": [program, *port]}
    samples: dict[str, list[tuple[float, float]]] = {name: [] for name in contenders}
    with tempfile.TemporaryDirectory() as folder:
        given = Path(folder) / "commands"
        with given.open("wb") as file:
            file.writelines(made(count))
        for number in range(rounds + 1):
            for name, argv in contenders.items():
                server.command("FLUSHALL")
                sample = seconds_of(argv, given, count)
                if number:
                    samples[name].append(sample)
    return samples


def main() -> None:
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 7
    count = int(sys.argv[2]) if len(sys.argv) > 2 else 1_000_000
    rows = []
    with Server(BINARIES["redis82"]) as server:
        for title, made in (("SETs as arrays", arrays), ("SETs as lines", lines)):
            samples = measured(server, made, rounds, count)
            theirs = statistics.median(wall for wall, _ in samples["redis-cli"])
            for name, taken in samples.items():
                wall = statistics.median(wall for wall, _ in taken)
                cpu = statistics.median(cpu for _, cpu in taken)
                rows.append([title, name, f"{wall:.2f}", f"{cpu:.2f}", f"{theirs / wall:.2f}"])
    print(table(["input", "program", "wall s", "CPU s", "speed, redis-cli's is 1"], rows, left=2))
    print(f"({count:,} commands, {rounds} rounds; aim: at least {_AIM} of redis-cli's speed; {machine()})")


if __name__ == "__main__":
    main()
