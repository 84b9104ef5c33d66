"""How long `pyredis-cli` takes to start, beside what Python's own imports take, in one run.

Usage: python benchmarks/startup.py [ROUNDS]

Contenders run in turn, round by round, so that a machine that slows down slows them all. For scripts the figure is
CPU time (user and system) of the whole process; for the REPL it is the wall time until the prompt stands on a
pseudo-terminal. Ratios of medians are what counts. Needs the `embedded` extra; install the package first, not
editable, so that bytecode is there as it is for its users.
"""

from __future__ import annotations

import os
import pty
import select
import signal
import statistics
import subprocess
import sys
import time
from collections.abc import Callable

from pyredis_cli.embedded import EmbeddedServer

_AIM_EXEC = 1.5
_AIM_PROMPT = 2.0


def cpu_seconds(argv: list[str]) -> float:
    """Return the CPU time of a process from start to end."""
    process = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"{' '.join(argv)} ended with {process.returncode}")
    return usage.ru_utime + usage.ru_stime


def wall_seconds(argv: list[str]) -> float:
    """Return the wall time of a process from start to end."""
    started = time.perf_counter()
    subprocess.run(argv, check=True, stdin=subprocess.DEVNULL)
    return time.perf_counter() - started


def seconds_to_prompt(argv: list[str]) -> float:
    """Return the wall time until the program shows a prompt on a pseudo-terminal."""
    started = time.perf_counter()
    pid, terminal = pty.fork()
    if pid == 0:
        os.environ["TERM"] = "xterm-256color"
        os.execv(argv[0], argv)
    shown = b""
    while b">" not in shown:
        if not select.select([terminal], [], [], 30)[0]:
            raise SystemExit(f"no prompt within 30 seconds; the terminal shows {shown!r}")
        shown += os.read(terminal, 4096)
    elapsed = time.perf_counter() - started
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
    os.close(terminal)
    return elapsed


def measure(rounds: int, contenders: dict[str, Callable[[], float]]) -> dict[str, float]:
    """Return the median of each contender, all measured in turn; the first round is not counted."""
    samples: dict[str, list[float]] = {name: [] for name in contenders}
    for number in range(rounds + 1):
        for name, run in contenders.items():
            seconds = run()
            if number:
                samples[name].append(seconds)
    return {name: statistics.median(values) for name, values in samples.items()}


def main() -> None:
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 11
    python = sys.executable
    program = os.path.join(os.path.dirname(python), "pyredis-cli")
    with EmbeddedServer.start(None) as server:
        cli = [program, "-s", server.path]
        medians = measure(
            rounds,
            {
                "import asyncio (CPU)": lambda: cpu_seconds([python, "-c", "import asyncio"]),
                "pyredis-cli exec PING (CPU)": lambda: cpu_seconds([*cli, "exec", "PING"]),
                "import prompt_toolkit (wall)": lambda: wall_seconds([python, "-c", "import prompt_toolkit"]),
                "pyredis-cli, first prompt (wall)": lambda: seconds_to_prompt(cli),
            },
        )
    for name, seconds in medians.items():
        print(f"{name:34} {seconds * 1000:7.1f} ms")
    asyncio_cpu, exec_cpu, toolkit, prompt = medians.values()
    print(f"exec PING / import asyncio           {exec_cpu / asyncio_cpu:5.2f}   aim: at most {_AIM_EXEC}")
    print(f"first prompt / import prompt_toolkit {prompt / toolkit:5.2f}   aim: at most {_AIM_PROMPT}")
    print(f"({rounds} rounds, {os.cpu_count()} cores, Python {sys.version.split()[0]})")


if __name__ == "__main__":
    main()
