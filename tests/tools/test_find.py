"""``find`` and ``--scan`` as a script meets them: the keys of real servers, on standard output."""

from __future__ import annotations

import asyncio
import csv
import io
import json
import signal
import subprocess
import sys
from collections.abc import Callable

import pytest
import yaml

from pyredis.commands.slots import key_slot
from tests.clusters import Cluster
from tests.conftest import MakeBackgroundProxy
from tests.hostile import Close, Hear, Hostile, Say
from tests.program import PROGRAM, ROOT, Ran, Running, ran, ran_redis_cli, redis_cli_70
from tests.sentinels import Sentinels
from tests.servers import Server, free_port
from tests.terminal import Terminal

AWKWARD = [
    b"plain",
    b"two words",
    b"tab\there",
    b"a\nline",
    b"\xff\x00\xfe",
    "\u6771\u4eac".encode(),
    b'"q"',
    b"",
]


@pytest.fixture(params=["redis62", "redis70", "redis82", "valkey9"])
def server(request: pytest.FixtureRequest, shared_server: Callable[[str], Server]) -> Server:
    return shared_server(request.param)


def fill(server: Server, count: int, name: str = "k:%d") -> set[bytes]:
    """Give the server so many keys; return them."""
    keys = [(name % number).encode() for number in range(count)]
    for at in range(0, count, 1_000):
        server.command("MSET", *[word for key in keys[at : at + 1_000] for word in (key, b"v")])
    return set(keys)


def test_all_keys_are_listed_byte_for_byte(server: Server) -> None:
    for key in AWKWARD:
        server.command("SET", key, "v")

    listed = ran(server, "find", "-0")

    assert (listed.code, listed.stderr) == (0, b"")
    assert listed.stdout.endswith(b"\0")
    # A key with NUL in it is the price of -0; lines have theirs.
    assert sorted(listed.stdout) == sorted(b"".join(key + b"\0" for key in AWKWARD))
    lines = ran(server, "--scan").stdout
    assert sorted(lines) == sorted(b"".join(key + b"\n" for key in AWKWARD))


def test_more_keys_than_a_page_come_once_each_and_the_pages_grow(server: Server) -> None:
    keys = fill(server, 20_000)
    server.command("CONFIG", "RESETSTAT")

    listed = ran(server, "find")

    assert (listed.code, listed.stderr) == (0, b"")
    assert sorted(listed.stdout.split()) == sorted(keys)
    calls = int(server.info("commandstats")["cmdstat_scan"].split("calls=")[1].split(",")[0])
    assert calls < 200  # by tens it would be 2,000


def test_it_lists_what_redis_cli_lists(redis70: Server) -> None:
    fill(redis70, 3_000, "user:%d")
    redis70.command("SET", "other", "v")
    for flags in ((), ("--pattern", "user:1*"), ("--quoted-pattern", r'"us\x65r:?"')):
        theirs = ran_redis_cli(redis70, "--scan", *flags, binary=redis_cli_70())
        ours = ran(redis70, "--scan", *flags)
        assert (flags, sorted(ours.stdout.split())) == (flags, sorted(theirs.stdout.split()))
        assert (ours.code, ours.stderr) == (0, b"")


def test_a_pattern_may_stand_behind_the_name_and_holds_any_byte(redis82: Server) -> None:
    for key in AWKWARD:
        redis82.command("SET", key, "v")

    assert ran(redis82, "find", b"\xff*").stdout == b"\xff\x00\xfe\n"
    assert ran(redis82, "find", "* words", "--limit", "5") == Ran(0, b"two words\n", b"")
    assert ran(redis82, "--scan", "\u6771*").stdout.decode() == "\u6771\u4eac\n"
    assert ran(redis82, "find", "nothing*") == Ran(0, b"", b"")
    assert ran(redis82, "--quoted-input", "-3", "find", r'"\xff*"').stdout == b"\xff\x00\xfe\n"


def test_flags_may_stand_behind_the_pattern_of_scan(redis82: Server) -> None:
    redis82.command("MSET", "user:1", "a", "-1", "b")

    assert ran(redis82, "--scan", "user:*", "--limit", "1") == Ran(0, b"user:1\n", b"")
    assert ran(redis82, "--scan", "user:*", "--limit", "1", "--ttl") == Ran(0, b"", b"")
    assert ran(redis82, "--scan", "user:*", "-0") == Ran(0, b"user:1\0", b"")
    assert ran(redis82, "--scan", "--", "-*") == Ran(0, b"-1\n", b"")
    assert ran(redis82, "--scan", "--pattern", "-*", "--limit", "9") == Ran(0, b"-1\n", b"")
    twice = ran(redis82, "--scan", "--pattern", "-*", "user:*")
    assert (twice.code, twice.stderr) == (2, b"find takes one pattern, not 2; quote it for the shell\n")
    unknown = ran(redis82, "--scan", "user:*", "--json")
    assert b"'--json'; it goes in front of find" in unknown.stderr


def test_keys_are_chosen_by_type_and_by_expiry(server: Server) -> None:
    server.command("SET", "s", "v", "EX", "1000")
    server.command("SET", "s2", "v")
    server.command("HSET", "h", "f", "v")
    server.command("HSET", "h2", "f", "v")
    server.command("EXPIRE", "h2", "2000")

    def keys(*flags: str) -> list[bytes]:
        done = ran(server, *flags)
        assert (done.code, done.stderr) == (0, b"")
        return sorted(done.stdout.splitlines())

    assert keys("find", "--type", "hash") == [b"h", b"h2"]
    assert keys("--scan", "--no-ttl") == [b"h", b"s2"]
    assert keys("find", "--no-ttl", "--type", "hash") == [b"h"]
    (line,) = keys("find", "--ttl", "--type", "string")
    seconds, key = line.split(b"\t")
    assert key == b"s"
    assert 900 < int(seconds) <= 1000


def test_the_size_is_the_servers(server: Server) -> None:
    server.command("SET", "k", "v" * 1_000)

    size = server.command("MEMORY", "USAGE", "k")

    assert ran(server, "find", "--size").stdout == b"%d\tk\n" % size  # type: ignore[str-bytes-safe]


def test_a_program_gets_records(redis82: Server) -> None:
    redis82.command("HSET", "user:7", "name", "Ada")
    redis82.command("HSET", b"user:\xff", "name", "Bob")
    redis82.command("SET", "other", "v")
    asked = ("--scan", "--type", "hash", "--no-ttl")
    names = ["user:7", {"$base64": "dXNlcjr/"}]

    lines = ran(redis82, "--format", "ndjson", *asked).stdout.splitlines()
    document = ran(redis82, "--json", *asked)

    records = sorted(map(json.loads, lines), key=str)
    assert records == sorted(({"key": name, "type": "hash"} for name in names), key=str)
    assert (document.code, sorted(json.loads(document.stdout), key=str)) == (0, records)
    hexed = ran(redis82, "--format", "ndjson", "--bytes", "hex", "find", b"user:\xff")
    assert json.loads(hexed.stdout) == {"key": {"$hex": "757365723aff"}}


@pytest.mark.parametrize("name", ["json", "ndjson", "csv", "tsv", "markdown", "yaml", "redis-csv", "resp"])
def test_every_format_is_one_document_over_many_pages(redis82: Server, name: str) -> None:
    keys = sorted(key.decode() for key in fill(redis82, 500))

    listed = ran(redis82, "--format", name, "find", "--size", "--count", "100")
    nothing = ran(redis82, "--format", name, "find", "--size", "nothing")

    text = listed.stdout.decode()
    assert (listed.code, listed.stderr, nothing.code, nothing.stderr) == (0, b"", 0, b"")
    match name:
        case "json":
            assert sorted(record["key"] for record in json.loads(text)) == keys
            assert nothing.stdout == b"[]\n"
        case "ndjson":
            assert sorted(json.loads(line)["key"] for line in text.splitlines()) == keys
            assert nothing.stdout == b""
        case "csv" | "tsv":
            header, *rows = csv.reader(io.StringIO(text), delimiter="," if name == "csv" else "\t")
            assert header == ["key", "size"]
            assert sorted(key for key, _ in rows) == keys
            assert (
                nothing.stdout.split()
                == [b"key,size" if name == "csv" else b"key", b"size"][: 1 + (name == "tsv")]
            )
        case "markdown":
            head, rule, *lines, end = text.removesuffix("\n").split("\n")
            assert (head, rule, end) == ("| key | size |", "| --- | --- |", "")
            assert sorted(line.split()[1] for line in lines) == keys
        case "yaml":
            assert sorted(record["key"] for record in yaml.safe_load(text)) == keys
            assert yaml.safe_load(nothing.stdout) == []
        case "redis-csv":
            assert sorted(json.loads(line.split(",")[0]) for line in text.splitlines()) == keys
        case "resp":
            assert text.count("*2\r\n$") == len(keys)


def test_a_limit_ends_it(redis82: Server) -> None:
    fill(redis82, 5_000)

    assert len(ran(redis82, "find", "--limit", "13").stdout.split()) == 13
    assert len(json.loads(ran(redis82, "--json", "--scan", "--limit", "3", "--size").stdout)) == 3


def test_a_terminal_gets_keys_in_quotes(redis82: Server) -> None:
    redis82.command("SET", b"\x1b[2Jk\xff", "v", "EX", "1000")

    with Terminal(
        [*PROGRAM, "-s", redis82.unix_path, "find", "--ttl"], columns=100, cwd=str(ROOT)
    ) as terminal:
        assert terminal.exit_code() == 0
        header, line = terminal.text.split("\n")[:2]
        assert header.split() == ["ttl", "key"]
        assert line.split()[1] == r'"\x1b[2Jk\xff"'


def test_a_server_that_refuses_is_told_in_a_line(redis82: Server) -> None:
    redis82.command("SET", "k", "v")
    redis82.command("ACL", "SETUSER", "reader", "on", "nopass", "~*", "+scan")
    redis82.command("ACL", "SETUSER", "nobody", "on", "nopass", "+ping")

    assert ran(redis82, "--user", "reader", "--scan") == Ran(0, b"k\n", b"")
    refused = ran(redis82, "--user", "nobody", "--scan")
    assert (refused.code, refused.stdout) == (1, b"")
    assert refused.said.startswith("(error) NOPERM")
    named = ran(redis82, "--user", "reader", "--name", "me", "find")
    assert (named.code, named.stdout) == (0, b"k\n")
    assert "refused the name me" in named.said
    in_part = ran(redis82, "--user", "reader", "find", "--size")
    assert (in_part.code, in_part.stdout) == (1, b"")
    assert "memory" in in_part.said


def test_exit_codes_tell_what_went_wrong(redis82: Server, background_proxy: MakeBackgroundProxy) -> None:
    fill(redis82, 20_000)
    nobody = ran("-p", "1", "find")
    assert (nobody.code, nobody.stdout) == (3, b"")
    assert nobody.said.startswith("cannot connect to 127.0.0.1:1")
    assert ran(redis82, "-n", "99", "find").code == 4
    assert ran(redis82, "find", "a", "b").code == 2
    assert ran(redis82, "-r", "2", "find").code == 2
    assert ran(redis82, "--json", "find", "-0").code == 2

    proxy = background_proxy(redis82)
    proxy.do(lambda proxy: proxy.drop_after(50_000))
    lost = ran("-p", str(proxy.port), "find")
    assert lost.code == 3
    assert "closed the connection" in lost.said or "broke the connection" in lost.said  # as it meets us
    assert lost.stdout.startswith(b"k:")  # what had been found is out


def test_the_end_of_its_readers_interest_is_quiet(redis82: Server) -> None:
    fill(redis82, 50_000)

    with Running(redis82, "find") as program:
        program.line()
        program.stop_reading()
        assert program.ended() == (141, b"")


def test_ctrl_c_ends_it_quietly_and_between_two_pages_at_once(redis82: Server) -> None:
    fill(redis82, 100)

    with Running(redis82, "-i", "3600", "find") as program:
        assert program.line().startswith(b"k:")
        program.signal(signal.SIGINT)
        assert program.ended() == (130, b"")


def test_all_primaries_of_a_cluster_are_asked(cluster: Cluster) -> None:
    keys = [b"k%d" % number for number in range(30)]
    for key in keys:
        cluster.primary_of(key_slot(key)).command("SET", key, "v")
    host, port = cluster.seeds[0]

    everywhere = ran("-c", "-h", host, "-p", str(port), "find", "--size", "--no-ttl")
    here = ran("-h", host, "-p", str(port), "find")

    assert (everywhere.code, everywhere.said) == (0, "")
    assert sorted(line.split(b"\t")[1] for line in everywhere.stdout.splitlines()) == sorted(keys)
    assert 0 < len(here.stdout.split()) < 30


def test_a_node_that_is_not_there_makes_the_listing_partial(cluster82: Cluster) -> None:
    first, second, third = cluster82.primaries()
    third.pause()
    try:
        done = ran(
            "-c", "-t", "0.3", "-h", first.host, "-p", str(first.port), "--read-timeout", "0.5", "find"
        )
    finally:
        third.resume()

    assert done.code == 7
    assert str(third.port) in done.said
    assert str(second.port) not in done.said


def test_without_a_cluster_c_makes_no_difference(redis82: Server) -> None:
    redis82.command("SET", "k", "v")

    assert ran("-c", "-p", str(redis82.port), "find") == Ran(0, b"k\n", b"")


def test_the_server_that_sentinels_name_is_asked(sentinels82: Sentinels) -> None:
    sentinels82.primary().command("SET", "k", "v")
    host, port = sentinels82.addresses[0]

    done = ran("-u", f"sentinel://{host}:{port}/{sentinels82.name}", "find")

    assert done == Ran(0, b"k\n", b"")


async def listed_of(*steps: Hear | Say | Close, words: tuple[str, ...] = ("find",)) -> Ran:
    """Return what comes of a server that says this."""
    async with Hostile(steps) as server:
        return await asyncio.to_thread(ran, "-p", str(server.port), *words)


async def test_a_server_before_6_0_is_asked_for_each_type() -> None:
    done = await listed_of(
        Hear(b"TYPE\r\n$4\r\nhash\r\n"),
        Say(b"-ERR syntax error\r\n"),
        Hear(b"$5\r\nCOUNT\r\n$2\r\n10\r\n"),
        Say(b"*2\r\n$1\r\n0\r\n*2\r\n$1\r\na\r\n$1\r\nb\r\n"),
        Hear(b"TYPE\r\n$1\r\na\r\n*2\r\n$4\r\nTYPE\r\n$1\r\nb\r\n"),
        Say(b"+string\r\n+hash\r\n"),
        words=("find", "--type", "hash"),
    )

    assert done == Ran(0, b"b\n", b"")


@pytest.mark.parametrize(
    "reply", [b"+OK\r\n", b"*2\r\n$1\r\n0\r\n$1\r\nk\r\n", b"*2\r\n$1\r\nx\r\n*0\r\n", b"*2\r\n:0\r\n*0\r\n"]
)
async def test_what_is_no_page_is_told(reply: bytes) -> None:
    done = await listed_of(Hear(b"SCAN"), Say(reply))

    assert done.code == 3
    assert "SCAN" in done.said


@pytest.mark.parametrize("piece", [1, 7])
async def test_pages_may_come_in_pieces_and_two_at_a_time(piece: int) -> None:
    first, second = b"*2\r\n$2\r\n17\r\n*1\r\n$1\r\na\r\n", b"*2\r\n$1\r\n0\r\n*1\r\n$1\r\nb\r\n"

    in_pieces = await listed_of(
        Hear(b"SCAN\r\n$1\r\n0"), Say(first, piece), Hear(b"SCAN\r\n$2\r\n17"), Say(second, piece)
    )
    early = await listed_of(Hear(b"SCAN\r\n$1\r\n0"), Say(first + second))

    assert in_pieces == early == Ran(0, b"a\nb\n", b"")


# A process of its own between, for what this one has in RAM would count as its child's.
WEIGHED = """
import resource, subprocess, sys
subprocess.run(sys.argv[1:], check=True, stdout=subprocess.DEVNULL)
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)
"""


def test_memory_stays_the_same_however_many_keys_there_are(redis82: Server) -> None:
    def peak() -> int:
        argv = [sys.executable, "-c", WEIGHED, *PROGRAM, "-s", redis82.unix_path, "find"]
        return int(subprocess.run(argv, check=True, capture_output=True, cwd=ROOT).stdout)

    fill(redis82, 20_000)
    some = peak()
    fill(redis82, 200_000)

    assert peak() < some + 1_000  # KiB


async def test_keys_that_go_to_another_node_meanwhile_are_counted() -> None:
    port = free_port()
    map_of = (
        Hear(b"SHARDS"),
        Say(b"-ERR Unknown subcommand or wrong number of arguments for 'SHARDS'\r\n"),
        Hear(b"SLOTS"),
        Say(b"*1\r\n*3\r\n:0\r\n:16383\r\n*2\r\n$9\r\n127.0.0.1\r\n:%d\r\n" % port),
    )
    page = (
        Hear(b"SCAN"),
        Say(b"*2\r\n$1\r\n0\r\n*2\r\n$1\r\na\r\n$1\r\nb\r\n"),
        Hear(b"$1\r\nb\r\n"),
        Say(b"-MOVED 15495 127.0.0.1:1\r\n:-1\r\n"),
    )
    async with Hostile(map_of, page, port=port):
        done = await asyncio.to_thread(ran, "-c", "-p", str(port), "find", "--no-ttl")

    assert (done.code, done.stdout) == (7, b"b\n")
    assert done.said == "1 keys went to other nodes meanwhile and are not listed\n"
