"""``since``: what happened on real servers, what is said of it, and that no number makes it stumble."""

from __future__ import annotations

import asyncio
import json
import re
import signal
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Any, Final

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pyredis.address import TcpAddress
from pyredis.exceptions import NoPerm
from pyredis.types import Reply
from pyredis_cli.core import connect
from pyredis_cli.core.desk import Desk
from pyredis_cli.core.vitals import Vitals, glance
from pyredis_cli.render.look import Look
from pyredis_cli.reporting import Report, laid_out
from pyredis_cli.settings import Settings
from pyredis_cli.tools.since import Comparison
from pyredis_cli.tools.since.changes import changes
from pyredis_cli.tools.since.moment import read
from pyredis_cli.tools.since.page import page
from pyredis_cli.tools.since.values import Changes, value
from tests.clusters import Cluster
from tests.conftest import MakeServer
from tests.program import Running, ran
from tests.servers import Server, wait_until

NOWHERE: Final = TcpAddress("127.0.0.1", 6379)


@pytest.fixture(params=["redis62", "redis70", "redis82", "valkey9"])
def server(request: pytest.FixtureRequest, shared_server: Callable[[str], Server]) -> Server:
    return shared_server(request.param)


@asynccontextmanager
async def at_desk(server: Server, **settings: Any) -> AsyncIterator[Desk]:
    session = connect.session(Settings(address=TcpAddress(server.host, server.port), protocol=3, **settings))
    desk = Desk(session)
    try:
        yield desk
    finally:
        await desk.close()
        await session.close()


async def happened(server: Server, act: Callable[[], object], **settings: Any) -> Report:
    """Return the report of what is done between two looks."""
    async with at_desk(server, **settings) as desk:
        comparison = Comparison(desk)
        await comparison.begin()
        await asyncio.to_thread(act)
        return await comparison.end()


def told(report: Report) -> dict[str, Any]:
    """Return the value as programs get it."""
    found: dict[str, Any] = json.loads(json.dumps(report.value, default=lambda word: word.decode()))
    return found


def shown(report: Report, width: int = 80) -> list[str]:
    lines = b"".join(part for part, _ in laid_out(report, Look(width))).decode()
    return lines.splitlines()


# -- real servers


@pytest.mark.usefixtures("no_leaks")
async def test_what_was_done_is_told_in_numbers_and_on_a_page(server: Server) -> None:
    server.command("CONFIG", "RESETSTAT")
    server.command("SET", "text", "v")
    server.command("CONFIG", "SET", "slowlog-log-slower-than", "-1")

    def act() -> None:
        server.command("CONFIG", "SET", "slowlog-log-slower-than", "0")
        server.command("ECHO", "two words")
        server.command("CONFIG", "SET", "slowlog-log-slower-than", "-1")
        for number in range(20):
            server.command("SET", f"k{number}", "v")
        for key in ("k1", "k2", "k3", "nobody"):
            server.command("GET", key)
        with pytest.raises(Exception, match="WRONGTYPE"):
            server.command("LPUSH", "text", "v")

    report = await happened(server, act)

    found = told(report)
    commands = {row["command"]: row for row in found["commands"]}
    assert (commands["set"]["calls"], commands["get"]["calls"]) == (20, 4)
    assert commands["lpush"]["failed_calls"] == 1
    assert commands["set"]["usec_per_call"]["before"] is not None
    assert commands["lpush"]["usec_per_call"]["before"] is None
    assert sum(row["share"] for row in found["commands"]) == pytest.approx(1, abs=0.01)
    assert found["errors"]["by_code"] == {"WRONGTYPE": 1}
    assert found["keys"]["total"] == {"before": 1, "now": 21}
    assert found["lookups"] == {"hits": 3, "misses": 1, "hit_ratio": {"before": None, "now": 0.75}}
    assert not found["restarted"]
    assert not found["reset"]
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", found["start"])
    newest = found["slow_log"][0]
    assert newest["argv"] == ["ECHO", "two words"]
    assert newest["client"]
    assert "info" not in commands  # which nobody but us has said
    lines = "\n".join(shown(report))
    for line in (r"^errors +WRONGTYPE 1$", r"^keys +1 → 21 \(\+20\)$", r"^hit rate +75.0%$"):
        assert re.search(line, lines, re.MULTILINE)
    assert re.search(r"^set +\d+% ", lines, re.MULTILINE)
    assert re.search(r"^  #\d+ +[\d.]+ .?s  \S+  ECHO \"two words\"$", lines, re.MULTILINE)


async def test_entries_that_the_slow_log_had_no_room_for_are_counted(server: Server) -> None:
    server.command("CONFIG", "SET", "slowlog-log-slower-than", "0")
    server.command("CONFIG", "SET", "slowlog-max-len", "5")
    server.command("ECHO", "before")

    def act() -> None:
        for number in range(40):
            server.command("ECHO", number)
        server.command("CONFIG", "SET", "slowlog-log-slower-than", "-1")

    report = await happened(server, act)

    found = told(report)
    assert len(found["slow_log"]) == 5
    assert 40 <= found["slow_log_entries"] <= 50  # what we have asked is among them
    assert re.search(r"^slow log  4\d new, the last 5 at most ", "\n".join(shown(report)), re.MULTILINE)


@pytest.mark.usefixtures("no_leaks")
async def test_latency_is_told_where_the_server_counts_it(redis82: Server, redis62: Server) -> None:
    for server, counted in ((redis82, True), (redis62, False)):
        report = await happened(server, lambda server=server: server.command("SET", "k", "v"))
        p99 = told(report)["latency"]["p99_usec"]["now"]
        assert (p99 is not None) is counted
        assert any(line.startswith("latency") for line in shown(report)) is counted


@pytest.mark.usefixtures("no_leaks")
async def test_what_did_not_change_is_left_out(server: Server) -> None:
    report = await happened(server, lambda: None)

    # Within milliseconds what we ask is much of what it does.
    names = {line.split("  ")[0] for line in shown(report)[1:]}
    assert names <= {"ops/s", "network", "nothing happened", "memory", "CPU"}


@pytest.mark.usefixtures("no_leaks")
async def test_counters_that_were_set_back_are_said_and_never_negative(server: Server) -> None:
    for number in range(30):
        server.command("SET", f"k{number}", "v")

    def act() -> None:
        server.command("CONFIG", "RESETSTAT")
        server.command("GET", "k1")

    report = await happened(server, act)

    found = told(report)
    assert found["reset"]
    assert "the counters were set back" in shown(report)[1]
    assert found["lookups"]["hits"] == 1
    assert {row["command"]: row["calls"] for row in found["commands"]}["get"] == 1
    assert not negatives(found)


@pytest.mark.usefixtures("no_leaks")
async def test_a_server_that_was_started_anew_counts_from_then_on(make_server: MakeServer) -> None:
    server = make_server("redis70")
    for number in range(30):
        server.command("SET", f"k{number}", "v")

    def act() -> None:
        server.restart()
        server.command("SET", "k", "v")

    report = await happened(server, act)

    found = told(report)
    assert found["restarted"]
    assert not found["reset"]
    assert "the server was started anew" in shown(report)[1]
    assert {row["command"]: row["calls"] for row in found["commands"]}["set"] == 1
    assert not negatives(found)


@pytest.mark.usefixtures("no_leaks")
async def test_what_the_user_may_not_ask_is_said_and_the_rest_is_told(redis82: Server) -> None:
    redis82.command("ACL", "SETUSER", "half", "on", "nopass", "+info", "+latency|histogram", "+select")
    redis82.command("ACL", "SETUSER", "none", "on", "nopass", "+get")
    report = await happened(redis82, lambda: redis82.command("SET", "k", "v"), username="half", password="x")

    assert told(report)["untold"] == ["LATENCY LATEST", "SLOWLOG GET"]
    assert shown(report)[-1] == "you may not run LATENCY LATEST, SLOWLOG GET there"
    assert "set" in {row["command"] for row in told(report)["commands"]}
    with pytest.raises(NoPerm):
        await happened(redis82, lambda: None, username="none", password="x")


@pytest.mark.usefixtures("no_leaks")
async def test_a_node_of_a_cluster_is_said_to_be_one(cluster82: Cluster) -> None:
    node = cluster82.primaries()[0]
    report = await happened(node, lambda: None, cluster=True)

    assert told(report)["in_cluster"]
    assert told(report)["address"] == f"{node.host}:{node.port}"
    assert "this node of a cluster" in shown(report)[0]


@pytest.mark.usefixtures("no_leaks")
async def test_a_server_that_goes_away_leaves_what_was_known(make_server: MakeServer) -> None:
    server = make_server("redis82")
    async with at_desk(server) as desk:
        comparison = Comparison(desk)
        await comparison.begin()
        server.command("SET", "k", "v")
        comparison.take(await glance(desk))
        server.kill()
        report = await comparison.end()

    assert report.code == 3
    assert told(report)["keys"]["total"]["now"] == 1
    assert str(server.port) in shown(report)[1]


# -- the command line


def test_the_span_is_waited_for_and_all_formats_have_the_numbers(redis82: Server) -> None:
    done = ran(redis82, "--format", "json", "since", "0.3s")

    assert (done.code, done.stderr) == (0, b"")
    found = json.loads(done.stdout)
    assert 0.3 <= found["seconds"] < 10
    assert isinstance(found["ops_per_second"]["average"], float)


def test_ctrl_c_shows_what_there_is_so_far_and_a_lost_server_is_exit_3(make_server: MakeServer) -> None:
    server = make_server("redis82")
    with Running(server, "since", "1h") as program, Running(server, "--json", "since", "1h") as another:
        wait_until(lambda: glancing(server) == 2)
        server.command("SET", "k", "v")
        program.signal(signal.SIGINT)
        page = program.line()
        assert re.match(rb"\S+  Redis [\d.]+, primary  ", page)
        assert program.ended() == (0, b"")
        server.kill()
        found = json.loads(another.line())
        code, said = another.ended()

    assert code == 3
    assert found["lost"]
    assert said.decode() == f"{found['lost']}\n"


def glancing(server: Server) -> int:
    """Return how many clients have said INFO last."""
    listed = server.command("CLIENT", "LIST")
    assert isinstance(listed, bytes)
    return listed.count(b" cmd=info ")


def test_a_span_that_means_nothing_is_refused() -> None:
    done = ran("-p", "1", "since", "soon")

    assert done.code == 2
    assert done.said == "since takes seconds, or a time such as 90s, 5m or 1h, not 'soon'\n"


# -- pure

_NAMES: Final = (
    "run_id",
    "uptime_in_seconds",
    "redis_version",
    "role",
    "used_memory",
    "maxmemory",
    "total_commands_processed",
    "instantaneous_ops_per_sec",
    "total_net_input_bytes",
    "used_cpu_user",
    "used_cpu_sys",
    "keyspace_hits",
    "keyspace_misses",
    "expired_keys",
    "evicted_keys",
    "connected_clients",
    "rejected_connections",
    "total_connections_received",
    "rdb_last_save_time",
    "latest_fork_usec",
    "connected_slaves",
    "master_link_status",
    "master_repl_offset",
)
_ROWS: Final = {
    "cmdstat_get": "calls={},usec={},usec_per_call=1.00,rejected_calls={},failed_calls=0",
    "cmdstat_config|resetstat": "calls={},usec={},usec_per_call=1.00,rejected_calls={},failed_calls=0",
    "errorstat_OOM": "count={},x={},y={}",
    "db0": "keys={},expires={},avg_ttl={}",
    "slave0": "ip=1.2.3.4,port=1,state=online,offset={},lag={},x={}",
}
COUNTS: Final = st.one_of(st.integers(0, 9), st.integers(0, 2**63))
WORDS: Final = st.one_of(
    COUNTS.map(str), st.sampled_from(["", "-1", "1.5", "up", "nan", "9" * 40, "a=b", "\x1b[2J"])
)


@st.composite
def infos(draw: st.DrawFn) -> bytes:
    fields = draw(st.dictionaries(st.sampled_from(_NAMES), WORDS))
    rows = draw(st.dictionaries(st.sampled_from(sorted(_ROWS)), st.tuples(COUNTS, COUNTS, COUNTS)))
    fields |= {name: _ROWS[name].format(*numbers) for name, numbers in rows.items()}
    return ("# All\r\n" + "".join(f"{name}:{word}\r\n" for name, word in fields.items())).encode()


# What no server should say where these are expected.
ODD: Final[st.SearchStrategy[Reply]] = st.sampled_from(
    [
        None,
        b"",
        b"no info",
        7,
        -1.5,
        [],
        [[]],
        [[b"a", 1]],
        {},
        {b"get": 1},
        {b"get": {b"histogram_usec": [1]}},
    ]
)
SPIKES: Final[st.SearchStrategy[Reply]] = st.sampled_from(
    [
        [],
        [[b"command", 1, 2, 3]],
        [[b"command", 4, 5, 6, 7, 8], [b"\xff\x1b[2J", 1, 2, 3]],
        [[b"command", -1, 2, 3]],
    ]
)


def slow_logs() -> st.SearchStrategy[Reply]:
    words = st.sampled_from([b"", b"GET", b"\xff", b"\x1b[2J", b"x" * 300])
    entry = st.tuples(COUNTS, COUNTS, COUNTS, st.lists(words, max_size=3), words, words)
    return st.lists(entry.map(list), max_size=5).map(list)


def histograms() -> st.SearchStrategy[Reply]:
    buckets = st.dictionaries(st.integers(1, 99), st.integers(0, 99), max_size=4)
    return st.fixed_dictionaries(
        {b"get": st.fixed_dictionaries({b"calls": COUNTS, b"histogram_usec": buckets})}
    )


@st.composite
def vitals(draw: st.DrawFn) -> Vitals:
    told = (
        draw(st.one_of(infos(), ODD)),
        draw(st.one_of(histograms(), ODD)),
        draw(st.one_of(SPIKES, ODD)),
        draw(st.one_of(slow_logs(), ODD)),
    )
    return Vitals(NOWHERE, draw(st.floats(0, 1e10)), draw(st.floats(0, 1e6)), told)


def negatives(found: object, under: str = "") -> list[str]:
    """Return the names of all numbers below 0."""
    if isinstance(found, Mapping):
        return [name for key, said in found.items() for name in negatives(said, f"{under}.{key}")]
    if isinstance(found, list | tuple):
        return [name for said in found for name in negatives(said, under)]
    return [under] if isinstance(found, int | float) and found < 0 else []


def compared(before: Vitals, after: Vitals, *samples: Vitals) -> Changes:
    return changes(read(before), read(after), [read(sample) for sample in samples])


@settings(max_examples=50)
@given(before=vitals(), after=vitals(), width=st.sampled_from([30, 80, 160]))
def test_whatever_servers_tell_there_is_a_page(before: Vitals, after: Vitals, width: int) -> None:
    found = compared(before, after, before)

    lines = [
        part.decode()
        for part, _ in laid_out(Report(None, lambda look: page(found, look)), Look(width, now=1.0))
    ]
    assert all("\x1b" not in line for line in lines)
    assert value(found)


@settings(max_examples=50)
@given(before=vitals(), after=vitals())
def test_nothing_that_is_counted_is_negative(before: Vitals, after: Vitals) -> None:
    found = compared(before, after)

    counted = (
        found.seconds,
        found.keys.expired,
        found.keys.evicted,
        found.lookups.hits,
        found.lookups.misses,
        found.clients.opened,
        found.clients.rejected,
        found.errors.by_code,
        found.counters,
        found.cpu,
        [(row.calls, row.share, row.failed_calls, row.rejected_calls) for row in found.commands],
    )
    assert not negatives(counted)


@settings(max_examples=25)
@given(moment=vitals())
def test_between_a_moment_and_itself_nothing_happened(moment: Vitals) -> None:
    found = compared(moment, moment)

    assert not found.restarted
    assert not found.reset
    assert not found.commands
    assert not found.slow_log
    assert not found.latency_spikes
    assert not found.errors.by_code
    assert not found.counters


def test_percentiles_are_of_the_calls_between() -> None:
    def told_by(*steps: tuple[int, int]) -> Vitals:
        info = (
            b"# Commandstats\r\ncmdstat_get:calls=%d,usec=1,rejected_calls=0,failed_calls=0\r\n"
            % steps[-1][1]
        )
        histogram: Reply = {b"get": {b"calls": steps[-1][1], b"histogram_usec": dict(steps)}}
        return Vitals(NOWHERE, 0, 0, (info, histogram, [], []))

    found = compared(told_by((2, 1000)), told_by((2, 1000), (1056, 1098), (16896, 1100)))

    assert found.latency.p50_usec == (2, 1056)
    assert found.latency.p99_usec == (2, 16896)
    assert found.commands[0].calls == 100


def test_a_full_page_fits_a_small_terminal() -> None:
    names = ("get", "set", "hgetall", "lpush", "eval", "mget", "zadd")

    def told_by(times: int) -> Vitals:
        rows = "".join(
            f"cmdstat_{name}:calls={times * 10},usec={times * 99},rejected_calls={times},failed_calls={times}\r\n"
            for name in names
        )
        fields = "".join(f"{name}:{times * 10**5}\r\n" for name in _NAMES if name not in ("run_id", "role"))
        tables = "".join(
            f"{name}:{_ROWS[name].format(times, times, times)}\r\n" for name in ("errorstat_OOM", "db0")
        )
        slow: Reply = [[n, 1, 10**6, [b"GET", b"x" * 200], b"1.2.3.4:5", b"cart"] for n in range(times * 9)]
        spikes: Reply = [[b"command", times, times, times]]
        return Vitals(
            NOWHERE,
            times,
            times,
            (f"# A\r\nrun_id:1\r\nrole:master\r\n{fields}{rows}{tables}".encode(), None, spikes, slow),
        )

    found = compared(told_by(1), told_by(2), told_by(1))
    lines = b"".join(
        part for part, _ in laid_out(Report(None, lambda look: page(found, look)), Look())
    ).decode()

    assert len(lines.splitlines()) <= 23
    assert "slow log  9 new, at most 1 s" in lines
