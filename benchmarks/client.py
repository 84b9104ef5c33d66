"""How fast `pyredis.AsyncPool` is beside other asyncio clients and beside the least Python that can do the work.

Usage: python benchmarks/client.py [--rounds N] [--tcp | --unix] [--python PYTHON] [--only WORKLOAD ...]
[--contenders NAME ...] [--server NAME | --address ADDRESS ...] > benchmarks/RESULTS.md

One process per contender and round, one real server. The processes of a round stand ready together and take turns
at each workload, so a machine that slows down slows them all; another one begins in each round. Medians and their
ratios are what counts. The peers are needed for this program alone: a contender that PYTHON has not got is left
out, with a line that says how to install it. The report, Markdown that reads well as it is, goes to standard
output, all else to standard error.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import os
import select
import subprocess
import sys
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

sys.path.insert(0, str(Path(__file__).parent.parent))

from benchmarks.contenders import CONTENDERS, Where
from benchmarks.report import machine
from benchmarks.verdicts import Figures, beside_lines, figures_table, verdicts_table
from benchmarks.workloads import WORKLOADS, Sample, Workload, clear, fill
from tests.servers import BINARIES, Server

ROOT: Final = Path(__file__).parent.parent

_PATIENCE: Final = 120.0  # seconds until a contender that says nothing is taken for dead


class Failed(Exception):
    """A contender could not be measured; the message says why."""


class Contestant:
    """One contender in a process of its own, which measures a workload whenever it is told to."""

    def __init__(self, name: str, where: Where, python: str, seconds: float) -> None:
        self.name = name
        self._process = subprocess.Popen(
            [python, "-m", "benchmarks.workloads", name, str(where), str(seconds)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            cwd=ROOT,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._process.kill()
        self._process.communicate()

    def versions(self) -> dict[str, str]:
        """Wait until the process is ready; return what it runs on. This is what it says first, and only once."""
        facts = self._hear()
        if "missing" in facts:
            raise Failed(f"not installed; {facts['missing']}")
        return facts

    def measure(self, workload: Workload) -> Sample:
        """Return the figures of one workload."""
        assert self._process.stdin is not None
        with contextlib.suppress(BrokenPipeError):  # then there is nothing to hear, either
            self._process.stdin.write(f"{workload.name}\n".encode())
            self._process.stdin.flush()
        facts = self._hear()
        if "failed" in facts:
            raise Failed(facts["failed"])
        return Sample(**facts)

    def _hear(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        if not select.select([self._process.stdout], [], [], _PATIENCE)[0]:
            self._process.kill()
            raise Failed(f"silent for {_PATIENCE:g} seconds")
        line = self._process.stdout.readline()
        if not line:
            raise Failed("its process has ended")
        facts: dict[str, Any] = json.loads(line)
        return facts


@dataclass(frozen=True, slots=True)
class Contest:
    """Who measures what, how often, and in which interpreter."""

    contenders: Sequence[str]
    workloads: Sequence[Workload]
    rounds: int
    seconds: float
    python: str
    cluster: Where | None = None
    """Where those are opened that want a cluster."""

    def present(self, where: Where) -> tuple[Contest, dict[str, str]]:
        """Return the contest without those who are not installed, and what the others run on."""
        versions: dict[str, str] = {}
        absent: set[str] = set()
        with self._contestants(where) as contestants:
            for name, contestant in contestants.items():
                try:
                    versions.update(contestant.versions())
                except Failed as reason:
                    _tell(f"{name} is left out: {reason}")
                    absent.add(name)
        return replace(self, contenders=[name for name in self.contenders if name not in absent]), versions

    def over(self, where: Where) -> Figures:
        """Return the figures of every contender at every workload."""
        figures: dict[tuple[str, str], list[Sample | None]] = {
            (workload.name, name): [] for workload in self.workloads for name in self._entitled(workload)
        }
        for number in range(self.rounds):
            _tell(f"{where.transport}: round {number + 1} of {self.rounds}")
            with self._contestants(where) as contestants:
                for contestant in contestants.values():
                    contestant.versions()
                for workload, name in self._turns(number):
                    figures[workload.name, name].append(_attempt(contestants[name], workload))
        return figures

    def _entitled(self, workload: Workload) -> Sequence[str]:
        return workload.about or self.contenders

    def _turns(self, number: int) -> Iterator[tuple[Workload, str]]:
        """Yield who measures what, one after the other; another contender begins in each round."""
        for workload in self.workloads:
            names = deque(self._entitled(workload))
            names.rotate(-number)
            for name in names:
                yield workload, name

    @contextlib.contextmanager
    def _contestants(self, where: Where) -> Iterator[dict[str, Contestant]]:
        """Start everybody who has something to measure."""
        names = dict.fromkeys(name for workload in self.workloads for name in self._entitled(workload))
        with contextlib.ExitStack() as stack:
            yield {
                name: stack.enter_context(
                    Contestant(name, self._where(name) or where, self.python, self.seconds)
                )
                for name in names
            }

    def _where(self, name: str) -> Where | None:
        return self.cluster if CONTENDERS[name].clustered else None


def _attempt(contestant: Contestant, workload: Workload) -> Sample | None:
    try:
        return contestant.measure(workload)
    except Failed as reason:
        _tell(f"{contestant.name} failed at {workload.name}: {reason}")
        return None


def _tell(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


# The server


@contextlib.contextmanager
def _server(options: argparse.Namespace) -> Iterator[list[Where]]:
    """Yield where the server listens: the one that runs already, or one that is started for this."""
    if options.address:
        yield options.address
        return
    with Server(BINARIES[options.server]) as server:
        wheres = [Where(server.host, server.port), Where(path=server.unix_path)]
        yield [where for where in wheres if where.transport in options.transports]


@contextlib.contextmanager
def _filled(wheres: Sequence[Where]) -> Iterator[str]:
    """Have what the workloads read on the server; yield what it is."""
    try:
        yield ", ".join(dict.fromkeys([asyncio.run(fill(where)) for where in wheres]))
    finally:
        for where in wheres:
            asyncio.run(clear(where))


# The report


def report(
    contest: Contest, versions: dict[str, str], transports: dict[str, Figures], title: str
) -> Iterator[str]:
    """Yield the paragraphs of the report."""
    yield f"# {title}"
    yield "\n".join(
        (
            f"- {machine()}",
            f"- {', '.join(f'{name} {version}' for name, version in versions.items())}",
            f"- medians of {contest.rounds} interleaved rounds of {contest.seconds:g} s each; a ratio is the "
            "median of the rounds' ratios, its spread the least and the greatest of them",
            "- CPU is that of the client's process, all threads, per operation; latencies are those of a call "
            "(a batch is one call), taken in a pass of their own",
        )
    )
    yield "## Verdicts"
    yield verdicts_table(transports)
    for transport, figures in transports.items():
        yield f"## Figures over {transport}"
        yield figures_table(figures)
        yield from beside_lines(figures)


def _parsed() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Measure pyredis beside other asyncio clients.")
    usual = [contender.name for contender in CONTENDERS.values() if not contender.on_request]
    add = parser.add_argument
    add("--rounds", type=int, default=5, metavar="N", help="rounds to take medians of (default: 5)")
    add(
        "--seconds",
        type=float,
        default=0.4,
        help="how long a contender is busy with a workload (default: 0.4)",
    )
    add("--python", default=sys.executable, help="the interpreter that has the peers (default: this one)")
    add(
        "--only",
        nargs="+",
        choices=WORKLOADS,
        default=list(WORKLOADS),
        metavar="WORKLOAD",
        help="of: %(choices)s",
    )
    add("--contenders", nargs="+", choices=CONTENDERS, default=usual, metavar="NAME", help="of: %(choices)s")
    over = parser.add_mutually_exclusive_group()
    over.add_argument("--tcp", action="store_const", dest="transports", const=["TCP"], help="over TCP alone")
    over.add_argument(
        "--unix",
        action="store_const",
        dest="transports",
        const=["unix socket"],
        help="over a unix socket alone",
    )
    server = parser.add_mutually_exclusive_group()
    server.add_argument(
        "--server", choices=BINARIES, default="redis82", help="the server to start: %(choices)s"
    )
    server.add_argument(
        "--address", type=Where.of, nargs="+", help="a server that runs: host:port, /path, or both"
    )
    parser.set_defaults(transports=["TCP", "unix socket"])
    return parser.parse_args()


def main() -> None:
    options = _parsed()
    workloads = [WORKLOADS[name] for name in options.only]
    contest = Contest(options.contenders, workloads, options.rounds, options.seconds, options.python)
    with _server(options) as wheres, _filled(wheres) as product:
        contest, versions = contest.present(wheres[0])
        transports = {where.transport: contest.over(where) for where in wheres}
    paragraphs = report(contest, {"server": product, **versions}, transports, "Clients side by side")
    print("\n\n".join(paragraphs))


if __name__ == "__main__":
    main()
