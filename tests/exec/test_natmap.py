"""``--natmap``: nodes that call each other by names that lead nowhere, and what reaches them. As subprocesses."""

from __future__ import annotations

import re

import pytest

from tests.clusters import Cluster, hidden
from tests.conftest import MakeBackgroundProxy
from tests.program import ran
from tests.sentinels import Sentinels
from tests.servers import free_port

LINES = b"".join(b"SET key:%d %d\n" % (number, number) for number in range(9))


@pytest.fixture
def flags(cluster82: Cluster, background_proxy: MakeBackgroundProxy) -> tuple[str, ...]:
    """Return the flags that lead into a cluster whose nodes are hidden behind proxies."""
    names = hidden(cluster82)
    ports = [background_proxy(node).port for node in cluster82.nodes]
    pairs = [
        f"{names[node][0]}:{names[node][1]}=127.0.0.1:{port}"
        for node, port in zip(cluster82.nodes, ports, strict=True)
    ]
    return "-h", "127.0.0.1", "-p", str(ports[0]), "-c", "--natmap", ",".join(pairs)


def test_every_way_into_a_cluster_goes_where_the_map_says(flags: tuple[str, ...]) -> None:
    script = ran(*flags, stdin=LINES)
    assert script.stdout == b"OK\n" * 9
    moves = [line for line in script.said.splitlines() if "at 127.0.0.1:" in line]
    assert moves == script.said.splitlines()
    assert ran(*flags, "GET", "key:7").stdout == b"7\n"
    listed = ran(*flags, "find")
    assert (listed.code, len(listed.stdout.splitlines())) == (0, 9)
    assert b"string" in ran(*flags, "peek", "key:7").stdout


def test_without_the_map_the_name_that_leads_nowhere_is_told(flags: tuple[str, ...]) -> None:
    told = ran(*flags[:-2], stdin=LINES)
    assert told.code == 3
    assert ".invalid' cannot be resolved" in told.said


def test_where_a_node_is_not_reached_its_own_name_is_told_too(
    cluster82: Cluster, flags: tuple[str, ...]
) -> None:
    pairs = [pair.partition("=")[0] for pair in flags[-1].split(",")]
    dead = f"127.0.0.1:{free_port()}"
    told = ran(*flags[:-1], ",".join(f"{name}={dead}" for name in pairs), stdin=LINES)
    assert told.code == 3
    assert re.search(rf"slot \d+ is at {dead} \(the others call it node-\d\.invalid:\d+\)", told.said)


def test_what_sentinels_name_is_reached_where_the_map_says(
    sentinels82: Sentinels, background_proxy: MakeBackgroundProxy
) -> None:
    primary = sentinels82.primary()
    proxy = background_proxy(primary)
    url = "sentinel://" + ",".join(f"{host}:{port}" for host, port in sentinels82.addresses) + "/mymaster"
    natmap = f"{primary.host}:{primary.port}=127.0.0.1:{proxy.port}"
    assert ran("-u", url, "--natmap", natmap, "SET", "k", "v").stdout == b"OK\n"
    assert ran("-u", url, "--natmap", natmap, "find").stdout == b"k\n"
    assert proxy.proxy.accepted >= 2
