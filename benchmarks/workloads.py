"""What is measured, and how: the table of workloads, and the process that takes the figures of one contender.

Usage: python -m benchmarks.workloads CONTENDER ADDRESS SECONDS, a workload's name per line on standard input; the
first line of the output says what runs here, then there is one line of JSON per workload. `benchmarks/client.py`
talks to one such process per contender and round. Nothing here compares: that is for who sees all contenders.

A measurement warms up while it finds out how many operations take SECONDS, runs that many for operations per
second and CPU time, and then again, with a clock around each call, for the latencies. So the clock, which costs
every contender the same, is in nobody's throughput. Garbage is collected as in any program.
"""

from __future__ import annotations

import asyncio
import contextlib
import importlib
import itertools
import json
import math
import platform
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from dataclasses import asdict, dataclass
from functools import partial
from typing import Any, Final, TypeAlias

from benchmarks.contenders import CONTENDERS, Argv, Call, Client, Contender, Probe, Where

__all__ = [
    "CLUSTER_KEYS",
    "CLUSTER_VALUE",
    "CLUSTER_WORKLOADS",
    "WORKLOADS",
    "Sample",
    "Workload",
    "clear",
    "fill",
    "measure",
]

Prepare: TypeAlias = Callable[[Client, Callable[[], Awaitable[Client]]], Call]

_PREFIX: Final = "pyredis-benchmark"
_MIB: Final = 1 << 20
_LONG: Final = 100_000
_SIZES: Final = (1_000, 20_000)
_BULK: Final = 10_000
_PORTION: Final = 1_000


def _key(kind: str, size: int) -> str:
    return f"{_PREFIX}:{kind}:{size}"


def _command(*argv: str | int) -> Prepare:
    return lambda client, _: client.command(*argv)


def _bulk(size: int) -> Prepare:
    return lambda client, _: client.bulk(_SETS[:size])


def _each_key(command: str, *arguments: str) -> Prepare:
    """Have the keys of a cluster taken one after the other by whoever calls next."""

    def prepare(client: Client, _: object) -> Call:
        calls = itertools.cycle([client.command(command, key, *arguments) for key in CLUSTER_KEYS])
        return lambda: next(calls)()

    return prepare


def _connection(_: Client, connect: Callable[[], Awaitable[Client]]) -> Call:
    async def connect_and_ping() -> object:
        client = await connect()
        reply = await client.command("PING")()
        await client.close()
        return reply

    return connect_and_ping


CLUSTER_KEYS: Final = [f"{_PREFIX}:{number:05}" for number in range(10_000)]
CLUSTER_VALUE: Final = "x" * 64

_SETS: Final[list[Argv]] = [("SET", _key("bulk", number), "x" * 64) for number in range(_BULK)]
_GET: Final = _command("GET", _key("string", 64))
_GET_MIB: Final = _command("GET", _key("string", _MIB))


@dataclass(frozen=True, slots=True)
class Workload:
    """Some tasks that do one thing again and again."""

    name: str
    title: str
    tasks: int
    prepare: Prepare
    lengths: tuple[int, ...]
    """How long a reply may be, for nobody shall be fast at errors; empty: whatever it is."""
    unit: int = 1
    """Operations in a call."""
    beside: Argv = ()
    """What one more task does all the while."""
    longer: int = 1
    """How many times as long as others this must run, to be worth a look."""
    about: tuple[str, ...] = ()
    """The contenders that are measured, when not all are."""


def _of_size(command: str, arguments: tuple[str | int, ...], kind: str, per_element: int) -> list[Workload]:
    """Return the workloads of one command with a reply of many elements; maps are flat lists to some clients."""
    return [
        Workload(
            f"{command.lower()}{size // 1000}k",
            f"{command} of {size:,}",
            tasks=1,
            prepare=_command(command, _key(kind, size), *arguments),
            lengths=(size, size * per_element),
        )
        for size in _SIZES
    ]


WORKLOADS: Final = {
    workload.name: workload
    for workload in (
        Workload("seq", "one task, GET 64 B", 1, _GET, (64,)),
        Workload("get50", "50 tasks, GET 64 B", 50, _GET, (64,)),
        Workload("get200", "200 tasks, GET 64 B", 200, _GET, (64,)),
        Workload("get1000", "1000 tasks, GET 64 B", 1000, _GET, (64,)),
        Workload("bulk100", "SETs in batches of 100", 1, _bulk(100), (100,), unit=100),
        Workload("bulk5000", "SETs in batches of 5000", 1, _bulk(5000), (5000,), unit=5000),
        Workload("mib1", "one task, GET 1 MiB", 1, _GET_MIB, (_MIB,)),
        Workload("mib8", "8 tasks, GET 1 MiB", 8, _GET_MIB, (_MIB,)),
        *_of_size("LRANGE", (0, -1), "list", 1),
        *_of_size("HGETALL", (), "hash", 2),
        *_of_size("XRANGE", ("-", "+"), "stream", 1),
        Workload("connect", "connect, PING, close", 1, _connection, ()),
        Workload(
            "mixed",
            f"20 tasks, GET 64 B, beside LRANGE of {_LONG:,}",
            20,
            _GET,
            (64,),
            beside=("LRANGE", _key("list", _LONG), 0, -1),
            longer=3,
        ),
        Workload(
            "timeout",
            "50 tasks, GET 64 B, with and without read_timeout",
            50,
            _GET,
            (64,),
            about=("pyredis", "pyredis-untimed"),
        ),
    )
}


CLUSTER_WORKLOADS: Final = {
    workload.name: workload
    for tasks in (50, 500)
    for workload in (
        Workload(
            f"cluster-get{tasks}",
            f"{tasks} tasks, GET 64 B of 10,000 keys",
            tasks,
            _each_key("GET"),
            (64,),
        ),
        Workload(
            f"cluster-set{tasks}",
            f"{tasks} tasks, SET 64 B of 10,000 keys",
            tasks,
            _each_key("SET", CLUSTER_VALUE),
            (),
        ),
    )
}
"""What is measured on a cluster, and by ``pyredis`` on one server with the same keys."""


@dataclass(frozen=True, slots=True)
class Sample:
    """The figures of one contender at one workload in one round."""

    rate: float
    """Operations per second."""
    cpu: float
    """CPU time of the client's process (all its threads) per operation, in microseconds."""
    p50: float
    p99: float
    """Latencies of a call, in microseconds."""
    beside: float
    """Calls per second of the task beside."""


async def measure(workload: Workload, contender: Contender, where: Where, seconds: float) -> Sample:
    """Return the figures of a fresh client."""
    seconds *= workload.longer
    client = await contender.open(where)
    try:
        call = workload.prepare(client, partial(contender.open, where))
        _check(workload, await call())
        async with _repeated(client.command(*workload.beside) if workload.beside else None) as count:
            times = await _calibrated(workload.tasks, call, seconds)
            elapsed, cpu, beside = await _throughput(workload.tasks, call, times, count)
            latencies = await _latencies(workload.tasks, call, math.ceil(times / 2))
    finally:
        await client.close()
    operations = workload.tasks * times * workload.unit
    return Sample(
        rate=operations / elapsed,
        cpu=cpu / operations * 1e6,
        p50=_percentile(latencies, 50) * 1e6,
        p99=_percentile(latencies, 99) * 1e6,
        beside=beside / elapsed,
    )


def _check(workload: Workload, reply: Any) -> None:
    """Refuse a reply that is not what the workload asks for, or holds an error."""
    if workload.lengths and len(reply) not in workload.lengths:
        raise ValueError(f"a reply to {workload.name} has length {len(reply)}, not {workload.lengths}")
    if isinstance(reply, list | tuple) and isinstance(reply[-1], Exception):
        raise reply[-1]


@contextlib.asynccontextmanager
async def _repeated(call: Call | None) -> AsyncIterator[Callable[[], int]]:
    """Repeat a call, if there is one, in a task of its own; yield a function that says how often it was done."""
    done, wanted = 0, True

    async def repeat(call: Call) -> None:
        nonlocal done
        while wanted:
            await call()
            done += 1

    async with asyncio.TaskGroup() as group:
        if call is not None:
            group.create_task(repeat(call))
        try:
            yield lambda: done
        finally:
            wanted = False


async def _calibrated(tasks: int, call: Call, seconds: float) -> int:
    """Return how often each task must call to be busy for so long; the client is warm then."""
    times = 1
    while True:
        started = time.perf_counter()
        await _in_tasks(tasks, _repeat, call, times)
        elapsed = time.perf_counter() - started
        if elapsed >= seconds / 4:
            return max(1, round(times * seconds / elapsed))
        times *= 2


async def _throughput(
    tasks: int, call: Call, times: int, count: Callable[[], int]
) -> tuple[float, float, int]:
    """Return wall time, CPU time and what was done beside."""
    counted, cpu, started = count(), time.process_time(), time.perf_counter()
    await _in_tasks(tasks, _repeat, call, times)
    return time.perf_counter() - started, time.process_time() - cpu, count() - counted


async def _latencies(tasks: int, call: Call, times: int) -> list[float]:
    """Return how long each call took."""
    taken: list[float] = []
    await _in_tasks(tasks, _timed, call, times, taken.append)
    return taken


async def _in_tasks(tasks: int, work: Callable[..., Awaitable[None]], *arguments: object) -> None:
    await asyncio.gather(*(work(*arguments) for _ in range(tasks)))


async def _repeat(call: Call, times: int) -> None:
    for _ in range(times):
        await call()


async def _timed(call: Call, times: int, note: Callable[[float], None]) -> None:
    clock = time.perf_counter
    for _ in range(times):
        started = clock()
        await call()
        note(clock() - started)


def _percentile(values: list[float], percent: int) -> float:
    """Return the value that so many percent of all do not exceed."""
    return sorted(values)[math.ceil(len(values) * percent / 100) - 1]


# The keys


async def fill(where: Where) -> str:
    """Write what the workloads read; return the name and version of the server."""
    probe = await Probe.open(where)
    try:
        await _unlink(probe)
        replies = await probe.execute_many([*_filling()])
        _check_filled(replies)
        return _product((await probe.execute("INFO", "server")).decode())
    finally:
        await probe.close()


async def clear(where: Where) -> None:
    """Remove the keys of the workloads, and no other."""
    probe = await Probe.open(where)
    try:
        await _unlink(probe)
    finally:
        await probe.close()


def _filling() -> Iterator[Argv]:
    """Yield the commands that write what is read."""
    for size in (64, _MIB):
        yield "SET", _key("string", size), "x" * size
    for size in (*_SIZES, _LONG):
        for first in range(0, size, _PORTION):
            numbers = range(first, first + _PORTION)
            yield "RPUSH", _key("list", size), *(f"element:{number:08}" for number in numbers)
    for size in _SIZES:
        for number in range(size):
            fields = f"field:{number:08}", f"value:{number:08}"
            yield "HSET", _key("hash", size), *fields
            yield "XADD", _key("stream", size), f"{number + 1}-0", *fields


def _check_filled(replies: list[Any]) -> None:
    for reply in replies:
        if isinstance(reply, Exception):
            raise reply


async def _unlink(probe: Probe) -> None:
    sizes = [
        (kind, size) for kind in ("string", "list", "hash", "stream") for size in (64, *_SIZES, _LONG, _MIB)
    ]
    keys = [_key(kind, size) for kind, size in sizes] + [str(argv[1]) for argv in _SETS]
    await probe.execute("DEL", *keys)


def _product(about: str) -> str:
    facts = dict(line.split(":", 1) for line in about.split("\r\n") if ":" in line)
    if "valkey_version" in facts:
        return f"Valkey {facts['valkey_version']}"
    return f"Redis {facts['redis_version']}"


# The process


async def _answer(contender: Contender, where: Where, seconds: float) -> None:
    """Measure what is asked for until nobody asks any more."""
    _say({"Python": platform.python_version(), **contender.versions()})
    while name := (await asyncio.to_thread(sys.stdin.readline)).strip():
        try:
            _say(asdict(await measure({**WORKLOADS, **CLUSTER_WORKLOADS}[name], contender, where, seconds)))
        except Exception as error:  # noqa: BLE001  # whatever a client may raise, the others go on
            _say({"failed": " ".join(f"{type(error).__name__}: {error}".split())})


def _say(facts: dict[str, Any]) -> None:
    print(json.dumps(facts), flush=True)


def main() -> None:
    name, address, seconds = sys.argv[1:]
    contender = CONTENDERS[name]
    if contender.missing:
        _say({"missing": contender.missing})
        return
    factory = None
    if contender.uvloop:
        factory = importlib.import_module("uvloop").new_event_loop
    with asyncio.Runner(loop_factory=factory) as runner:
        runner.run(_answer(contender, Where.of(address), float(seconds)))


if __name__ == "__main__":
    main()
