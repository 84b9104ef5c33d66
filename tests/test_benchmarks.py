"""The benchmarks run and report what they promise; how fast anything is, is not for a test to say."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.contenders import Where
from benchmarks.verdicts import BARS, Bar, Figures, Ratio, ratio, verdicts_table
from benchmarks.workloads import CLUSTER_WORKLOADS, WORKLOADS, Sample
from tests.program import redis_cli_70
from tests.servers import Server

ROOT = Path(__file__).parent.parent

CONTENDERS = "probe", "pyredis"


def run(program: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run a benchmark as its users do; it must succeed."""
    command = [sys.executable, str(ROOT / "benchmarks" / program), *arguments]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    return done


def rows(report: str) -> list[list[str]]:
    """Return the cells of all table rows of a report, titles and rules included."""
    return [
        [cell.strip() for cell in line.strip("|").split("|")]
        for line in report.splitlines()
        if line[:1] == "|"
    ]


def briefly(server: Server, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the client benchmark for so short a time that its figures mean nothing."""
    return run("client.py", "--rounds", "1", "--seconds", "0.004", *arguments)


def sample(rate: float, *, cpu: float = 1, p50: float = 1, p99: float = 1) -> Sample:
    return Sample(rate=rate, cpu=cpu, p50=p50, p99=p99, beside=0)


# The client benchmark


def test_every_workload_is_measured_for_every_contender(redis82: Server) -> None:
    address = f"{redis82.host}:{redis82.port}"
    done = briefly(redis82, "--address", address, "--contenders", *CONTENDERS)
    assert "failed" not in done.stderr
    figures = [row for row in rows(done.stdout) if row[1] in (*CONTENDERS, "pyredis-untimed")]
    usual = [workload for workload in WORKLOADS.values() if not workload.about]
    assert len(figures) == 2 * len(usual) + len(WORKLOADS["timeout"].about)
    assert all(float(row[2].replace(",", "")) > 0 for row in figures)
    titles = [row[0].partition(":")[0] for row in figures if row[0]]
    assert titles == list(WORKLOADS)


def test_every_bar_has_its_verdict(redis82: Server) -> None:
    only = "seq", "get200", "timeout"
    done = briefly(redis82, "--address", redis82.unix_path, "--contenders", *CONTENDERS, "--only", *only)
    verdicts = {(row[0].partition(":")[0], row[1]): row[-1] for row in rows(done.stdout) if "at " in row[1]}
    assert verdicts.keys() == {(bar.workload, str(bar)) for bar in BARS if bar.workload in only}
    for (_, bar), verdict in verdicts.items():
        peer = any(name in bar for name in ("redis-py", "glide"))
        assert verdict in (("not measured",) if peer else ("met", "NOT met"))


def test_the_report_says_what_it_was_measured_on(redis82: Server) -> None:
    addresses = f"{redis82.host}:{redis82.port}", redis82.unix_path
    done = briefly(redis82, "--address", *addresses, "--contenders", "probe", "--only", "seq")
    for fact in (
        f"Redis {redis82.version}",
        "Python 3.",
        "hiredis ",
        "pyredis ",
        " cores",
        "1 interleaved rounds",
    ):
        assert fact in done.stdout
    assert "## Figures over TCP" in done.stdout
    assert "## Figures over unix socket" in done.stdout


def test_a_benchmark_leaves_the_keys_of_others_alone(redis82: Server) -> None:
    redis82.command("SET", "mine", "kept")
    briefly(redis82, "--address", redis82.unix_path, "--contenders", "probe", "--only", "seq")
    assert redis82.command("KEYS", "*") == [b"mine"]


@pytest.mark.skipif(importlib.util.find_spec("coredis") is not None, reason="the peer is installed")
def test_a_peer_that_is_not_installed_is_left_out(redis82: Server) -> None:
    arguments = "--address", redis82.unix_path, "--contenders", "probe", "coredis", "--only", "seq"
    done = briefly(redis82, *arguments)
    assert "coredis is left out: not installed; pip install 'coredis'\n" in done.stderr
    assert [row[1] for row in rows(done.stdout) if row[1] in ("probe", "coredis")] == ["probe"]


# Ratios and verdicts


def test_a_ratio_is_the_median_of_the_ratios_of_the_rounds() -> None:
    ours = [sample(10), sample(90), sample(20)]
    theirs = [sample(10), sample(30), sample(10)]
    assert ratio(ours, theirs, "rate", "rate") == Ratio(median=2, least=1, greatest=3)


def test_a_round_that_one_of_two_has_missed_is_not_compared() -> None:
    assert ratio([sample(10), None], [sample(5), sample(1)], "rate", "rate") == Ratio(2, 2, 2)
    assert ratio([sample(10), None], [None, sample(1)], "rate", "rate") is None


@pytest.mark.parametrize(
    ("bar", "measured", "met"),
    [
        (Bar("seq", 0.85), 0.85, True),
        (Bar("seq", 0.85), 0.84, False),
        (Bar("seq", 0.5, "redis-py", of="cpu", to="cpu"), 0.5, True),
        (Bar("seq", 0.5, "redis-py", of="cpu", to="cpu"), 0.51, False),
        (Bar("get200", 3, "pyredis", of="p99", to="p50"), 2.9, True),
    ],
)
def test_only_operations_per_second_are_better_when_there_are_more(
    bar: Bar, measured: float, met: bool
) -> None:
    assert bar.met_by(measured) is met


def test_the_best_peer_is_the_one_with_the_most_operations() -> None:
    figures: Figures = {
        ("mib1", "pyredis"): [sample(30)],
        ("mib1", "redis-py"): [sample(20)],
        ("mib1", "valkey-glide"): [sample(60)],
    }
    assert ["0.50 (valkey-glide)", "0.50 to 0.50", "NOT met"] in [
        row[2:] for row in rows(verdicts_table({"TCP": figures}))
    ]


@pytest.mark.parametrize(
    ("text", "where"),
    [
        ("localhost:6379", Where("localhost", 6379)),
        ("[::1]:6379", Where("::1", 6379)),
        ("/run/redis.sock", Where(path="/run/redis.sock")),
    ],
)
def test_an_address_is_read_as_it_is_written(text: str, where: Where) -> None:
    assert Where.of(text) == where
    assert str(where) == text


def test_half_an_address_is_refused() -> None:
    with pytest.raises(ValueError, match="use host:port"):
        Where.of("localhost")


# Memory


@pytest.mark.skipif(sys.platform != "linux", reason="it reads /proc")
def test_the_memory_benchmark_reports_cost_and_growth() -> None:
    done = run("memory.py", "--rounds", "1", "--sets", "1", "--commands", "1000")
    measured = [row for row in rows(done.stdout) if row[0] in ("RSS", "tracemalloc")]
    assert [row[0] for row in measured] == ["RSS", "tracemalloc"] * 2
    assert all(row[-1] in ("met", "NOT met") for row in measured)


# The benchmark of keystrokes


def test_keystrokes_are_measured_for_lines_of_every_command_and_for_a_long_one() -> None:
    done = run("keystroke.py", "--rounds", "1", "--keys", "100")
    verdicts = {row[0]: row[-1] for row in rows(done.stdout) if row[-1] in ("met", "NOT met")}
    assert list(verdicts) == ["a keystroke", "ZADD with 1,000 pairs"]


# The layout for people


def test_the_layout_for_people_is_measured_beside_rich() -> None:
    measured = rows(run("human.py", "1").stdout)[2:]
    assert [(row[0], row[1]) for row in measured] == [("all", "rich table"), ("first screen", "rich lines")]
    assert all(float(row[4]) > 0 and row[-1] in ("met", "NOT met") for row in measured)


# The benchmark of formats


def test_formats_are_measured_beside_redis_cli() -> None:
    few = "--rounds", "1", "--elements", "1000", "--only", "LRANGE, 10 bytes"
    done = run("formats.py", *few, "--redis-cli", str(redis_cli_70()))
    measured = {row[1]: row for row in rows(done.stdout)[2:]}
    assert {flag: row[6] for flag, row in measured.items() if row[6]} == {
        "--raw": "at most 1.6",
        "--json": "at most 2",
        "--no-raw": "at most 2",
    }
    assert measured.keys() >= {"--csv", "--quoted-json"}
    assert all((row[7] in ("met", "NOT met")) is bool(row[6]) for row in measured.values())
    assert "own PING: pyredis-cli " in done.stdout


def test_start_up_is_measured_beside_its_floors() -> None:
    done = run("startup.py", "1", "--redis-cli", str(redis_cli_70()))
    measured = {row[0]: row for row in rows(done.stdout)[2:]}
    assert measured["PING over TCP"][3] == measured["a URL"][3] == "at most 0.45"
    assert measured["GET, to a terminal"][3] == "at most 0.45"
    assert measured["PING with a config file"][3] == "at most 0.65"
    assert measured["PING over TLS"][3] == "at most 0.8"
    assert measured["import asyncio"][2] == "1.00"
    assert "First prompt: " in done.stdout
    assert "Peak memory of PING: " in done.stdout


def test_scripts_are_measured_beside_redis_cli() -> None:
    done = run("scripts.py", "--rounds", "2", "--commands", "300", "--redis-cli", str(redis_cli_70()))
    measured = rows(done.stdout)[2:]
    assert [row[1] for row in measured] == ["TCP", "unix socket"] * 4
    assert [row[6] for row in measured] == ["15"] * 2 + [""] * 6
    assert all(float(row[4]) > 0 for row in measured)


# A million keys


def test_listing_keys_is_measured_beside_redis_cli() -> None:
    redis_cli_70()
    done = run("find.py", "--rounds", "1", "--keys", "2000", "--servers", "valkey9")
    measured = rows(done.stdout)[2:]
    assert [row[1] for row in measured] == ["TCP", "unix socket"]
    assert all(float(row[4]) > 0 and row[7] in ("met", "NOT met") for row in measured)


# The cluster benchmark


@pytest.mark.skipif(sys.platform != "linux", reason="it reads /proc")
def test_the_redraw_is_measured_beside_a_bare_prompt() -> None:
    done = run("redraw.py", "--rounds", "1", "--keys", "100")
    wall, bare = rows(done.stdout)[2:4]
    assert (wall[1], bare[1]) == ("pyredis-cli", "bare PromptSession")
    assert wall[-1] in ("met", "NOT met")
    assert all(float(cell) > 0 for cell in (*wall[2:5], *bare[2:5]))


@pytest.mark.skipif(sys.platform != "linux", reason="it reads /proc")
def test_a_long_session_is_measured() -> None:
    done = run("session.py", "--commands", "200")
    assert [row[0] for row in rows(done.stdout)[2:]] == ["20 commands", "200 commands"]
    assert "growth: " in done.stdout


def test_cluster_clients_are_measured_beside_one_server() -> None:
    done = run(
        "cluster.py", "--rounds", "1", "--seconds", "0.004", "--contenders", "pyredis", "pyredis-cluster"
    )
    assert "failed" not in done.stderr
    figures = [row for row in rows(done.stdout) if row[1] in ("pyredis", "pyredis-cluster")]
    assert len(figures) == 2 * len(CLUSTER_WORKLOADS)
    assert all(float(row[2].replace(",", "")) > 0 for row in figures)
    bars = [bar for bar in BARS if bar.workload in CLUSTER_WORKLOADS]
    verdicts = {(row[0].partition(":")[0], row[1]): row[-1] for row in rows(done.stdout)}
    for bar in bars:
        measured = bar.against == "pyredis"
        assert (verdicts[bar.workload, str(bar)] == "not measured") is not measured


# Shell completion


def test_what_a_tab_costs_is_reported_for_each_place() -> None:
    report = rows(run("completion.py", "1").stdout)
    assert len(report) > 5
    assert all(float(row[1]) > 0 and float(row[2]) > 0 for row in report[2:])


# Raw commands


def test_a_pipe_is_measured_beside_that_of_redis_cli() -> None:
    redis_cli_70()  # skips where there is none
    report = rows(run("pipe.py", "1", "2000").stdout)
    assert [row[:2] for row in report[2:]] == [
        [kind, program]
        for kind in ("SETs as arrays", "SETs as lines")
        for program in ("redis-cli", "pyredis-cli")
    ]
    assert all(float(row[2]) > 0 for row in report[2:])
