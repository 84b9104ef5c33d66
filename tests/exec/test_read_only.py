"""A read-only program: what it refuses, in which words, and how it ends. As subprocesses, on real servers."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.clusters import Cluster
from tests.program import Ran, ran
from tests.servers import Server

REFUSED = "(refused) read-only session: {}; start again without --read-only or read_only\n"
SET = REFUSED.format("SET is a write command")


@pytest.fixture
def kept(redis82: Server) -> Server:
    """A server with a key, and empty books."""
    redis82.command("SET", "k", "v")
    redis82.command("CONFIG", "RESETSTAT")
    return redis82


def called(server: Server) -> set[str]:
    stats = server.info("commandstats")
    return {name.removeprefix("cmdstat_") for name in stats} - {"config|resetstat", "info", "hello"}


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (("SET", "k", "w"), "SET is a write command"),
        (("exec", "set", "k", "w"), "SET is a write command"),
        (("FOO", "bar"), "nobody knows what FOO does"),
        (("exec", "config", "set", "maxmemory", "1"), "CONFIG SET is not known to be read-only"),
    ],
)
def test_a_command_is_refused_before_anything_is_sent(
    kept: Server, words: tuple[str, ...], reason: str
) -> None:
    assert ran(kept, "--read-only", *words) == Ran(6, b"", REFUSED.format(reason).encode())
    assert called(kept) == set()


def test_what_reads_runs_and_a_script_of_the_server_runs_as_one_that_reads(kept: Server) -> None:
    assert ran(kept, "--read-only", "GET", "k") == Ran(0, b"v\n", b"")
    assert ran(kept, "--read-only", "EVAL", "return 7", "0") == Ran(0, b"7\n", b"")
    writes = ran(kept, "--read-only", "EVAL", "return redis.call('SET', 'k', 'w')", "0")
    assert writes.code == 1
    assert "Write commands are not allowed from read-only scripts" in writes.said
    assert kept.command("GET", "k") == b"v"


def test_in_a_script_a_refusal_is_an_error_in_its_place_and_the_script_goes_on(
    kept: Server, tmp_path: Path
) -> None:
    script = tmp_path / "s.redis"
    script.write_text("GET k\nSET k w\nMULTI\nSET k w\nGET k\nEXEC\nGET k\n")
    told = ran(kept, "--read-only", "--json", "exec", "-f", str(script))
    message = (
        "REFUSED read-only session: SET is a write command; start again without --read-only or read_only"
    )
    error = f'{{"error":{{"code":"REFUSED","message":"{message}"}}}}'
    assert told.code == 6
    assert told.stdout.decode().splitlines() == ['"v"', error, '"OK"', error, '"QUEUED"', '["v"]', '"v"']
    assert told.said == f"{script}:2: SET: {SET}{script}:4: SET: {SET}"
    assert called(kept) == {"get", "multi", "exec"}


def test_a_script_that_stops_at_errors_stops_at_a_refusal(kept: Server) -> None:
    told = ran(kept, "--read-only", "exec", "--stop-on-error", stdin=b"GET k\nSET k w\nGET k\n")
    assert told.code == 6
    assert told.stdout.splitlines()[0] == b"v"
    assert told.said == f"stdin:2: SET: {SET}stdin:2: stopped at the first error, no later line was sent\n"


def test_every_write_of_a_long_script_is_refused_and_every_read_answered(kept: Server) -> None:
    lines = b"GET k\nSET k w\nget k\nFT.CONFIG GET x\nDEBUG SLEEP 0\nEVAL 'return 7' 0\n" * 50
    told = ran(kept, "--read-only", "--json", stdin=lines)
    replies = told.stdout.decode().splitlines()
    assert told.code == 6
    assert len(replies) == 300
    assert [replies.count(reply) for reply in ('"v"', "7")] == [100, 50]
    assert sum("REFUSED" in reply for reply in replies) == 100
    assert "set" not in called(kept)


@pytest.mark.parametrize("words", [("pipe",), ("--pipe",)])
def test_bytes_that_nobody_looks_at_are_refused_as_a_whole(kept: Server, words: tuple[str, ...]) -> None:
    told = ran(kept, "--read-only", *words, stdin=b"GET k\r\n")
    reason = "pipe sends bytes that nobody looks at; give commands in lines to exec"
    assert told == Ran(6, b"", REFUSED.format(reason).encode())
    assert called(kept) == set()


def test_tools_that_read_do_so(kept: Server, tmp_path: Path) -> None:
    script = tmp_path / "s.lua"
    script.write_text("return redis.call('SET', 'k', 'w')")
    kept.command("CONFIG", "SET", "repl-diskless-sync-delay", "0")
    assert ran(kept, "--read-only", "find").stdout == b"k\n"
    assert b"string" in ran(kept, "--read-only", "peek", "k").stdout
    assert ran(kept, "--read-only", "rdb", str(tmp_path / "dump.rdb")).code == 0
    lua = ran(kept, "--read-only", "lua", str(script))
    assert (lua.code, kept.command("GET", "k")) == (1, b"v")
    assert "not allowed from read-only scripts" in lua.said
    assert not called(kept) & {"eval", "evalsha"}


def test_a_url_can_make_a_session_read_only_and_none_can_make_it_another(kept: Server) -> None:
    url = f"redis://{kept.host}:{kept.port}?read_only="
    assert ran(f"{url}yes", "SET", "k", "w") == Ran(6, b"", SET.encode())
    assert ran("--read-only", "-u", f"{url}no", "SET", "k", "w") == Ran(6, b"", SET.encode())
    assert called(kept) == set()


def test_in_a_cluster_nobody_goes_to_another_node_for_what_is_refused(cluster82: Cluster) -> None:
    lines = b"".join(b"SET key:%d v\n" % number for number in range(6)) + b"GET key:1\n"
    node = cluster82.nodes[0]
    told = ran("-h", node.host, "-p", str(node.port), "-c", "--read-only", stdin=lines)
    assert told.code == 6
    assert told.said.count("(refused) read-only session: SET is a write command") == 6
    assert told.said.count("-> slot") <= 1


def test_connect_in_a_script_stays_read_only(kept: Server) -> None:
    told = ran(kept, "--read-only", stdin=f"connect {kept.host} {kept.port}\nSET k w\n".encode())
    assert told.code == 6
    assert called(kept) == set()
