"""What a pool of `pyredis` costs in memory beside the least Python that can do the work, and whether it grows.

Usage: python benchmarks/memory.py [--rounds N] [--sets N] [--commands N] [--server NAME]

Two questions, each put to a fresh process per answer. What do 16 idle connections and 1,000 tasks that wait for
their replies (the server is stopped meanwhile) cost, in RSS and in what Python allocated (tracemalloc)? And what
does a process hold after a tenth of very many commands, and after all of them? RSS is measured without
tracemalloc, for that takes memory itself. Medians and their ratios are what counts. It reads /proc, so it needs
Linux.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import gc
import multiprocessing
import os
import platform
import resource
import signal
import sys
import tracemalloc
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from itertools import cycle
from pathlib import Path
from statistics import median
from typing import Any, Final, Literal, TypeAlias, TypeVar

sys.path.insert(0, str(Path(__file__).parent.parent))

from benchmarks.contenders import CONNECTIONS, Probe, Where
from benchmarks.report import machine, table
from pyredis import AsyncPool, ReplyError
from pyredis.version import __version__
from tests.servers import BINARIES, Server

T = TypeVar("T")
Execute: TypeAlias = Callable[..., Awaitable[Any]]
Gauge: TypeAlias = Literal["RSS", "tracemalloc"]

_GAUGES: Final[tuple[Gauge, ...]] = ("RSS", "tracemalloc")
_TASKS: Final = 1_000
_COST_BAR: Final = 1.5
_KIB: Final = 1 << 10
_MIB: Final = 1 << 20
_GROWTH_BARS: Final[dict[Gauge, int]] = {"RSS": _MIB, "tracemalloc": 64 * _KIB}
"""Less than a byte per command is no growth but what caches and the allocator do."""
_MANY: Final = 50
_COMMANDS: Final = (
    ("SET", "pyredis-benchmark:growth", "x" * 64),
    ("GET", "pyredis-benchmark:growth"),
    ("INCR", "pyredis-benchmark:growth"),  # an error: they cost memory, too
    ("MGET", "pyredis-benchmark:growth", "pyredis-benchmark:nothing"),
)


def held(gauge: Gauge) -> int:
    """Return the bytes this process holds, garbage not counted."""
    gc.collect()
    if gauge == "tracemalloc":
        return tracemalloc.get_traced_memory()[0]
    return _rss()


def _rss() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize()


# Sixteen connections that have nothing to do


@contextlib.asynccontextmanager
async def _idle_pool(where: Where) -> AsyncIterator[Execute]:
    pool = AsyncPool(where.host, where.port, pool_size=CONNECTIONS, read_timeout=None)
    async with pool:
        for client in [await pool.acquire() for _ in range(CONNECTIONS)]:
            await pool.release(client)
        yield pool.execute


@contextlib.asynccontextmanager
async def _idle_probes(where: Where) -> AsyncIterator[Execute]:
    probes = [await Probe.open(where) for _ in range(CONNECTIONS)]
    turns = cycle(probes)
    yield lambda *argv: next(turns).execute(*argv)
    for probe in probes:
        await probe.close()


_CONTENDERS: Final = {"pyredis": _idle_pool, "probe": _idle_probes}


# The questions, each answered by a process of its own


def cost(contender: str, where: Where, server: int, sets: int, gauge: Gauge) -> int:
    """Return the bytes that 16 idle connections and 1,000 waiting tasks cost: the average of some such sets."""
    return _asked(gauge, _cost(contender, where, server, sets, gauge))


async def _cost(contender: str, where: Where, server: int, sets: int, gauge: Gauge) -> int:
    async with _CONTENDERS[contender](where) as execute:
        await execute("PING")  # what is made once and for all is no cost of this pool
    ballast = _ballast()
    before = held(gauge)
    async with contextlib.AsyncExitStack() as stack:
        executes = [await stack.enter_async_context(_CONTENDERS[contender](where)) for _ in range(sets)]
        with _stopped(server):
            tasks = [
                asyncio.create_task(_ask(execute, "GET", f"key:{number}"))
                for number in range(_TASKS)
                for execute in executes
            ]
            await _settled()
            after = held(gauge)
        await asyncio.gather(*tasks)
    del ballast
    return (after - before) // sets


def _ballast() -> list[list[bytes]]:
    """Return what fills the room left by imports, where the first of what is measured would cost nothing.

    Python's allocator takes what is up to 512 bytes, the system's the rest: each has room of its own.
    """
    gc.collect()
    ballast = []
    for sizes in (range(1, 480, 16), range(512, 4096, 64)):
        full = _rss() + _MIB
        while _rss() < full:
            ballast.append([bytes(size) for size in sizes])
    return ballast


def growth(where: Where, commands: int, gauge: Gauge) -> list[int]:
    """Return the bytes held before, after a tenth of the commands, and after all of them."""
    return _asked(gauge, _growth(where, commands, gauge))


async def _growth(where: Where, commands: int, gauge: Gauge) -> list[int]:
    async with AsyncPool(where.host, where.port, pool_size=CONNECTIONS) as pool:
        await _busy(pool.execute, _MANY)
        figures = [held(gauge)]
        for portion in (commands // 10, commands - commands // 10):
            await _busy(pool.execute, portion)
            figures.append(held(gauge))
    return figures


def _asked(gauge: Gauge, answer: Coroutine[Any, Any, T]) -> T:
    if gauge == "tracemalloc":
        tracemalloc.start()
    return asyncio.run(answer)


async def _ask(execute: Execute, *argv: str) -> object:
    return await execute(*argv)


async def _busy(execute: Execute, commands: int) -> None:
    await asyncio.gather(*(_go_on(execute, commands // _MANY) for _ in range(_MANY)))


async def _go_on(execute: Execute, commands: int) -> None:
    for _, argv in zip(range(commands), cycle(_COMMANDS), strict=False):
        with contextlib.suppress(ReplyError):
            await execute(*argv)


async def _settled() -> None:
    """Let every task come to where it waits, and what it wrote leave."""
    for _ in range(100):
        await asyncio.sleep(0)


@contextlib.contextmanager
def _stopped(server: int) -> Iterator[None]:
    os.kill(server, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(server, signal.SIGCONT)


def _in_a_process(question: Callable[..., Any], *arguments: object) -> Any:
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as process:
        return process.submit(question, *arguments).result()


# The report


def _cost_table(server: Server, where: Where, rounds: int, sets: int) -> str:
    rows = []
    for gauge in _GAUGES:
        figures: dict[str, list[int]] = {name: [] for name in _CONTENDERS}
        for _ in range(rounds):
            for name, samples in figures.items():
                samples.append(_in_a_process(cost, name, where, server.pid, sets, gauge))
        ours, limit = (median(figures[name]) for name in ("pyredis", "probe"))
        verdict = "met" if ours <= _COST_BAR * limit else "NOT met"
        rows.append((gauge, _kib(ours), _kib(limit), f"{ours / limit:.2f}", f"at most {_COST_BAR}", verdict))
    return table(("measured", "pyredis KiB", "probe KiB", "ratio", "bar", "verdict"), rows, left=1)


def _growth_table(where: Where, commands: int) -> str:
    rows = []
    for gauge in _GAUGES:
        figures: Sequence[int] = _in_a_process(growth, where, commands, gauge)
        grown, bar = figures[2] - figures[1], _GROWTH_BARS[gauge]
        verdict = "met" if grown <= bar else "NOT met"
        rows.append((gauge, *map(_kib, figures), _kib(grown), f"at most {_kib(bar)}", verdict))
    titles = (
        "measured",
        "before KiB",
        f"after {commands // 10:,}",
        f"after {commands:,}",
        "growth",
        "bar",
        "verdict",
    )
    return table(titles, rows, left=1)


def _kib(count: float) -> str:
    return f"{count / _KIB:,.0f}"


def main() -> None:
    parser = argparse.ArgumentParser(description="Measure the memory of a pool.")
    parser.add_argument("--rounds", type=int, default=5, help="rounds to take medians of (default: 5)")
    parser.add_argument("--sets", type=int, default=10, help="pools to take the average of (default: 10)")
    parser.add_argument(
        "--commands", type=int, default=1_000_000, help="how many to grow over (default: 1000000)"
    )
    parser.add_argument(
        "--server", choices=BINARIES, default="redis82", help="the server to start: %(choices)s"
    )
    options = parser.parse_args()
    with Server(BINARIES[options.server]) as server:
        where = Where(server.host, server.port)
        print(f"# Memory\n\n- {machine()}")
        print(
            f"- {server.product} {server.version}, Python {platform.python_version()}, pyredis {__version__}"
        )
        print(f"- costs are medians of {options.rounds} rounds, each the average of {options.sets} pools")
        print(f"\n## {CONNECTIONS} idle connections and {_TASKS:,} waiting tasks\n")
        print(_cost_table(server, where, options.rounds, options.sets))
        print(f"\n## Growth over {options.commands:,} commands\n")
        print(_growth_table(where, options.commands))


if __name__ == "__main__":
    main()
