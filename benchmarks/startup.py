"""What one command costs by starting `pyredis-cli`, beside Python's own imports and redis-cli, in one run.

Usage: python benchmarks/startup.py [ROUNDS] [--program PATH] [--redis-cli PATH]

Contenders run in turn, round by round, so that a machine that slows down slows them all. For commands the figure
is CPU time (user and system) of the whole process as a multiple of `python -c "import asyncio"`; for the REPL it
is the wall time until the prompt stands on a pseudo-terminal, as a multiple of that of importing prompt_toolkit.
Ratios of medians are what counts. Memory is the peak of the resident set, each process started through
`/usr/bin/time -v`, for a child of this one would inherit its peak. TLS needs Debian's redis-server; install the
program first, not editable, so that bytecode is there as it is for its users, and name it.
"""

from __future__ import annotations

import argparse
import os
import pty
import re
import select
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import ExitStack, suppress
from functools import partial
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))

from benchmarks.report import machine, table
from benchmarks.terminal import live_in
from tests.servers import BINARIES, Server, free_port
from tests.tls import Authority

_ASYNCIO = "import asyncio"
_TIME = Path("/usr/bin/time")
_AIM_PLAIN, _AIM_CONFIG, _AIM_TLS, _AIM_PROMPT, _AIM_MEMORY = 0.45, 0.65, 0.8, 2.0, 1.8


def cpu_seconds(argv: list[str]) -> float:
    """Return the CPU time of a process from start to end."""
    process = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"{' '.join(argv)} ended with {process.returncode}")
    return usage.ru_utime + usage.ru_stime


def cpu_seconds_on_a_terminal(argv: list[str]) -> float:
    """Return the CPU time of a process that reads and writes a pseudo-terminal."""
    ours, theirs = pty.openpty()
    environment = {**os.environ, "TERM": "xterm-256color"}
    process = subprocess.Popen(argv, stdin=theirs, stdout=theirs, stderr=theirs, env=environment)
    os.close(theirs)
    with suppress(OSError):  # which is how a terminal tells that nobody has it open any more
        while os.read(ours, 4096):
            pass
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    os.close(ours)
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


def peak_kilobytes(argv: list[str]) -> int:
    """Return the peak of the resident set of a process, as GNU time tells it."""
    done = subprocess.run(
        [str(_TIME), "-v", *argv], stdin=subprocess.DEVNULL, capture_output=True, text=True, check=True
    )
    found = re.search(r"Maximum resident set size \(kbytes\): (\d+)", done.stderr)
    assert found is not None, done.stderr
    return int(found[1])


def plain_commands(
    cli: list[str], server: Server, settings: Path
) -> dict[str, tuple[list[str], float | None]]:
    """Return the command lines that are measured, and what each may take, in times of `import asyncio`."""
    tcp, unix = ["-h", "127.0.0.1", "-p", str(server.port)], ["-s", server.unix_path]
    configured = ["/usr/bin/env", f"PYREDISCLI_CONFIG={settings}", *cli]
    profile = ["/usr/bin/env", f"PYREDISCLI_CONFIG={settings.with_name('profiles.toml')}", *cli]
    return {
        "PING over TCP": ([*cli, *tcp, "PING"], _AIM_PLAIN),
        "PING over a unix socket": ([*cli, *unix, "PING"], _AIM_PLAIN),
        "exec GET, database 2": ([*cli, *tcp, "-n", "2", "exec", "GET", "key"], _AIM_PLAIN),
        "a URL": ([*cli, "-u", f"redis://127.0.0.1:{server.port}", "PING"], _AIM_PLAIN),
        "LRANGE of 3": ([*cli, *tcp, "LRANGE", "list", "0", "-1"], _AIM_PLAIN),
        "--json HGETALL of 2": ([*cli, *tcp, "--json", "HGETALL", "hash"], None),
        "GET, to a terminal": ([*cli, *tcp, "GET", "key"], _AIM_PLAIN),
        "LLEN, to a terminal": ([*cli, *tcp, "LLEN", "list"], _AIM_PLAIN),
        "PING with a config file": ([*configured, *tcp, "PING"], _AIM_CONFIG),
        "PING with a file of profiles": ([*profile, *tcp, "PING"], _AIM_CONFIG),
        "@profile PING": ([*profile, "@local", "PING"], _AIM_CONFIG),
    }


def over_tls(cli: list[str], stack: ExitStack, folder: Path) -> dict[str, tuple[list[str], float | None]]:
    """Return a command line over TLS; none where Debian's server is not installed."""
    if not Path("/usr/bin/redis-server").exists():
        return {}
    authority = Authority(folder / "authority")
    identity = authority.sign()
    files = f"tls-cert-file {identity.cert_file}", f"tls-key-file {identity.key_file}"
    port = free_port()
    trust = f"tls-ca-cert-file {authority.ca_file}"
    stack.enter_context(Server(BINARIES["redis70"], f"tls-port {port}", "tls-auth-clients no", *files, trust))
    words = ["-h", "127.0.0.1", "-p", str(port), "--tls", "--cacert", authority.ca_file, "PING"]
    return {"PING over TLS": ([*cli, *words], _AIM_TLS)}


def row(name: str, seconds: float, unit: float, aim: float | None) -> tuple[str, ...]:
    bar, verdict = (
        ("", "") if aim is None else (f"at most {aim:g}", "met" if seconds / unit <= aim else "NOT met")
    )
    return name, f"{seconds * 1000:.1f}", f"{seconds / unit:.2f}", bar, verdict


def commands(rounds: int, program: str, redis_cli: str, folder: Path) -> str:
    """Return the table of what one command costs."""
    python = str(Path(program).with_name("python"))
    settings = folder / "config.toml"
    settings.write_text("[repl]\nhints = true\n")
    with ExitStack() as stack:
        server = stack.enter_context(Server(BINARIES["redis82"]))
        settings.with_name("profiles.toml").write_text(
            "[defaults]\nconn_timeout = 3\n\n[profiles.local]\n"
            f'host = "127.0.0.1"\nport = {server.port}\nname = "bench"\n'
        )
        server.command("SET", "key", "value")
        server.command("RPUSH", "list", "a", "b", "c")
        server.command("HSET", "hash", "a", 1, "b", 2)
        lines = plain_commands([program], server, settings) | over_tls([program], stack, folder)
        floors = {
            _ASYNCIO: [python, "-c", _ASYNCIO],
            "nothing": [python, "-c", "pass"],
            "import re (the script of an older pip does)": [python, "-c", "import re"],
            "redis-cli PING": [redis_cli, "-h", "127.0.0.1", "-p", str(server.port), "PING"],
        }
        argvs = floors | {name: argv for name, (argv, _) in lines.items()}
        measured: dict[str, Callable[[], float]] = {
            name: partial(cpu_seconds, argv) for name, argv in argvs.items()
        }
        for name in lines:
            if name.endswith("to a terminal"):
                measured[name] = partial(cpu_seconds_on_a_terminal, argvs[name])
        medians = measure(rounds, measured)
        unit = medians[_ASYNCIO]
        aims = {name: aim for name, (_, aim) in lines.items()}
        rows = [row(name, seconds, unit, aims.get(name)) for name, seconds in medians.items()]
        memory = peaks(lines["PING over TCP"][0], floors["redis-cli PING"])
    return f"{table(('command', 'ms', 'ratio', 'bar', 'verdict'), rows, left=1)}\n\n{memory}"


def peaks(ours: list[str], theirs: list[str]) -> str:
    """Return what is to be said of the memory of both programs."""
    if not _TIME.exists():
        return f"Peak memory of PING: not measured, for {_TIME} is not installed"
    one, other = (statistics.median(peak_kilobytes(argv) for _ in range(5)) for argv in (ours, theirs))
    verdict = "met" if one / other <= _AIM_MEMORY else "NOT met"
    return (
        f"Peak memory of PING: {one:,.0f} KiB, redis-cli's {other:,.0f} KiB, ratio {one / other:.2f}; "
        f"at most {_AIM_MEMORY}: {verdict}"
    )


def prompt(rounds: int, program: str) -> str:
    """Return what is to be said of the first prompt."""
    python = str(Path(program).with_name("python"))
    with Server(BINARIES["redis82"]) as server:
        cli = [program, "-s", server.unix_path]
        medians = measure(
            rounds,
            {
                "toolkit": lambda: wall_seconds([python, "-c", "import prompt_toolkit"]),
                "prompt": lambda: seconds_to_prompt(cli),
            },
        )
    ratio = medians["prompt"] / medians["toolkit"]
    verdict = "met" if ratio <= _AIM_PROMPT else "NOT met"
    return (
        f"First prompt: {medians['prompt'] * 1000:.0f} ms, import prompt_toolkit {medians['toolkit'] * 1000:.0f}, "
        f"ratio {ratio:.2f}; at most {_AIM_PROMPT}: {verdict}"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description="Measure what starting costs.")
    parser.add_argument("rounds", type=int, nargs="?", default=11, help="how often each is run (default: 11)")
    beside = Path(sys.executable).with_name("pyredis-cli")
    parser.add_argument("--program", default=str(beside), help="pyredis-cli (default: beside this Python)")
    parser.add_argument("--redis-cli", default="/usr/bin/redis-cli", help="its judge (default: %(default)s)")
    options = parser.parse_args()
    # The programs must be those that are installed, with the bytecode that is there.
    for name in [name for name in os.environ if name.startswith("PYTHON")]:
        del os.environ[name]
    with tempfile.TemporaryDirectory() as home:
        live_in(home)
        print(f"# Start-up\n\n- {machine()}, Python {sys.version.split()[0]}")
        print(f"- CPU milliseconds, medians of {options.rounds} rounds, as multiples of `{_ASYNCIO}`\n")
        print(commands(options.rounds, options.program, options.redis_cli, Path(home)))
        print(prompt(options.rounds, options.program))


if __name__ == "__main__":
    main()
