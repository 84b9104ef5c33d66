"""How fast `pyredis.AsyncClusterPool` is beside other asyncio cluster clients, and beside one pool for one server.

Usage: python benchmarks/cluster.py [--rounds N] [--seconds S] [--python PYTHON] [--binary NAME] > REPORT.md

A real cluster of three primaries and one real server, of the same binary, on this machine; everything else is as
in `benchmarks/client.py`: a process for each contender and round, turns in each round, medians of ratios.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
from pathlib import Path
from typing import Final

sys.path.insert(0, str(Path(__file__).parent.parent))

from benchmarks.client import Contest, report
from benchmarks.contenders import CONTENDERS, Where
from benchmarks.workloads import CLUSTER_KEYS, CLUSTER_VALUE, CLUSTER_WORKLOADS
from pyredis import AsyncClusterPool, AsyncPool
from tests.clusters import Cluster
from tests.servers import BINARIES, Server

CLUSTERED: Final = ("pyredis", *(name for name, contender in CONTENDERS.items() if contender.clustered))


async def fill(server: Server, cluster: Cluster) -> None:
    """Write what is read, to both."""
    pairs = [word for key in CLUSTER_KEYS for word in (key, CLUSTER_VALUE)]
    async with AsyncPool(server.host, server.port) as one, AsyncClusterPool(cluster.seeds) as many:
        await one.execute("MSET", *pairs)
        await many.execute_split("MSET", *pairs)


def _parsed() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Measure pyredis beside other asyncio cluster clients.")
    add = parser.add_argument
    add("--rounds", type=int, default=5, metavar="N", help="rounds to take medians of (default: 5)")
    add(
        "--seconds",
        type=float,
        default=0.4,
        help="how long a contender is busy with a workload (default: 0.4)",
    )
    add("--python", default=sys.executable, help="the interpreter that has the peers (default: this one)")
    add("--binary", choices=BINARIES, default="redis82", help="the server to start: %(choices)s")
    add(
        "--contenders",
        nargs="+",
        choices=CLUSTERED,
        default=CLUSTERED,
        metavar="NAME",
        help="of: %(choices)s",
    )
    return parser.parse_args()


def main() -> None:
    options = _parsed()
    binary = BINARIES[options.binary]
    with Server(binary) as server, Cluster(binary, primaries=3, replicas=0) as cluster:
        asyncio.run(fill(server, cluster))
        contest = Contest(
            options.contenders,
            list(CLUSTER_WORKLOADS.values()),
            options.rounds,
            options.seconds,
            options.python,
            Where(*cluster.seeds[0]),
        )
        where = Where(server.host, server.port)
        contest, versions = contest.present(where)
        figures = {where.transport: contest.over(where)}
        product = f"{server.product.title()} {server.version}"
    paragraphs = report(contest, {"server": product, **versions}, figures, "Cluster clients side by side")
    print("\n\n".join(paragraphs))


if __name__ == "__main__":
    main()
