"""``:keys``: the tree of prefixes, and whether its errors are what it says they are."""

from __future__ import annotations

import asyncio
import json
import random
import re
import signal
from collections.abc import Callable, Iterable, Mapping
from typing import Any, cast

import pytest

from pyredis.commands.slots import key_slot
from pyredis.exceptions import PyRedisConnError
from pyredis_cli.exits import Exit
from pyredis_cli.flags import UsageError
from pyredis_cli.render.look import Look
from pyredis_cli.render.sheet import sheet_parts
from pyredis_cli.reporting import CutShort
from pyredis_cli.tools.keys.estimate import Cut, Measured, Row, Seen, estimated, outlined
from pyredis_cli.tools.keys.names import Place, places
from pyredis_cli.tools.keys.page import Found, page
from tests.clusters import Cluster
from tests.conftest import MakeCluster
from tests.program import Running, ran
from tests.servers import Server, until, wait_until
from tests.tools.desks import desk_at, found, report_of, seen


@pytest.fixture(params=["redis62", "redis82", "valkey9"])
def server(request: pytest.FixtureRequest, shared_server: Callable[[str], Server]) -> Server:
    return shared_server(request.param)


async def rows(server: Server, *words: str, flags: tuple[str, ...] = ()) -> dict[bytes, dict[str, Any]]:
    """Return the rows by what they are called."""
    async with desk_at(server, *flags) as desk:
        report = await report_of(desk, ":keys", *words)
    return {cast("bytes", row["prefix"]): row for row in found(report) if row["kind"] != "all"}


def fill(server: Server, names: Iterable[str], value: str = "v") -> None:
    keys = list(names)
    for at in range(0, len(keys), 5_000):
        server.command("MSET", *[word for key in keys[at : at + 5_000] for word in (key, value)])


# -- where keys are put


def test_ids_of_all_kinds_are_put_together() -> None:
    keys = [
        b"user:7",
        b"user:{42}:cart",
        b"session:9f86d081884c",
        b"doc:123e4567-e89b-12d3-a456-426614174000:draft",
        b"token:01ARZ3NDEKTSV4RRFFQ69G5FAV",
        b"cafe:deadbeef:x",
        b"plain",
        b"a::b",
        b"a:b:c:d",
    ]
    assert [place.label(b"", b":") for place in places(keys, b"", b":", 3)] == [
        b"user:*",
        b"user:{*}:cart",
        b"session:*",
        b"doc:*:draft",
        b"token:*",
        b"cafe:deadbeef:x",
        b"plain",
        b"a::b",
        b"a:b:c:",
    ]
    assert places([b"user/7/x"], b"us", b"/", 1) == [Place((b"er",), True)]


# -- how far numbers may be off


def sample(population: list[bytes], count: int, draw: random.Random) -> Seen:
    return Seen(len(population), count, draw.sample(population, count), False)


def row_of(outcome: list[Row], label: bytes) -> Row:
    return next(row for row in outcome if row.label == label and row.kind != "all")


POPULATION: dict[bytes, int] = {
    **{b"sess:%d" % number: 100 + number % 7 for number in range(2_000)},
    **{b"user:%d:name" % number: 50 + (number * number) % 400 for number in range(1_000)},
    **{b"user:%d:cart" % number: 500 for number in range(500)},
    **{b"cfg:%c%c" % (65 + number % 26, 65 + number // 26): 60 for number in range(100)},
}


def measure(keys: Iterable[bytes], sizes: Mapping[bytes, int]) -> dict[bytes, Measured]:
    return {key: Measured(sizes[key], not key.startswith(b"user:")) for key in keys}


def test_an_error_of_next_to_nothing_is_said_so() -> None:
    row = Row(b"user:", "prefix", 1, 1e6, 0.65, None, None, 1.0, None, None, None, 9, 0)
    shown = page(Found([row], Cut(), 9, 9, False, 1.0, 1, {}, False), Look(80))
    parts = b"".join(part for part, _ in sheet_parts(shown, Look(80)))
    assert b"<0.1%" in parts
    assert b"e-05" not in parts


def test_errors_hold_about_19_times_of_20() -> None:
    draw = random.Random(1)
    names, times = list(POPULATION), 100
    held = {"keys": 0, "memory": 0}
    labels = (b"sess:*", b"user:*:name", b"user:*:cart")
    for _ in range(times):
        node = sample(names, 400, draw)
        measured = measure(draw.sample(list(node.keys), 200), POPULATION)
        outcome = estimated(outlined([node], measured, Cut()), measured)
        for label in labels:
            row = row_of(outcome, label)
            pattern = re.compile(re.escape(label).replace(rb"\*", rb"\d+"))
            true = [size for key, size in POPULATION.items() if pattern.fullmatch(key)]
            held["keys"] += abs(row.keys - len(true)) <= row.keys_error
            assert row.memory is not None
            assert row.memory_error is not None
            held["memory"] += abs(row.memory - sum(true)) <= row.memory_error
            assert 0 < row.keys_error < 0.5 * row.keys
    assert all(0.91 <= count / (times * len(labels)) <= 0.985 for count in held.values()), held


def test_in_a_cluster_keys_with_one_hash_tag_come_together_and_errors_know_it() -> None:
    """Newer servers go slot by slot; the error of a sample of keys would hold for hardly any of these."""
    draw = random.Random(2)
    keys = [b"{t%d}:%d" % (tag, number) for tag in range(100) for number in range(20)]
    keys += [b"plain:%d" % number for number in range(2_000)]
    by_slot: dict[int, list[bytes]] = {}
    for key in keys:
        by_slot.setdefault(key_slot(key), []).append(key)
    held = 0
    for _ in range(25):
        slots = draw.sample(sorted(by_slot), len(by_slot) // 5)
        some = [key for slot in slots for key in by_slot[slot]]
        sizes = {slot: len(by_slot[slot]) for slot in slots}
        node = Seen(len(keys), len(some), some, False, sizes)
        outcome = estimated(outlined([node], {}, Cut()), {})
        row = row_of(outcome, b"plain:*")
        assert [one.label for one in outcome[1:]] == [b"plain:*", b""], "a slot tells nothing of all others"
        held += abs(row.keys - 2_000) <= row.keys_error
        by_keys = row_of(estimated(outlined([node._replace(slots={})], {}, Cut()), {}), b"plain:*")
        assert row.keys_error > 2 * by_keys.keys_error
    assert held >= 0.85 * 25


def test_what_was_seen_whole_is_exact_and_small_prefixes_are_folded() -> None:
    names = [*POPULATION, *(b"one-%c%c" % (65 + number % 26, 97 + number // 26) for number in range(300))]
    node = Seen(len(names), len(names), names, True)
    sizes = {name: POPULATION.get(name, 10) for name in names}
    measured = measure(names, sizes)
    outcome = estimated(outlined([node], measured, Cut()), measured)

    assert all(row.keys_error == 0 and row.memory_error == 0 for row in outcome)
    assert [(row.label, row.kind, row.depth) for row in outcome] == [
        (b"", "all", 0),
        (b"user:*:", "prefix", 1),
        (b"user:*:cart", "keys", 2),
        (b"user:*:name", "keys", 2),
        (b"sess:*", "keys", 1),
        (b"cfg:", "prefix", 1),
        (b"", "others", 1),
    ]
    assert outcome[0].keys == len(names) == sum(row.keys for row in outcome if row.depth == 1)
    assert outcome[0].memory == sum(sizes.values())
    assert outcome[-1].keys == 300
    assert row_of(outcome, b"sess:*").without_ttl == 0
    assert row_of(outcome, b"user:*:").without_ttl == 1
    assert row_of(outcome, b"sess:*").biggest_memory == 106


def test_few_keys_with_most_of_the_memory_have_a_row() -> None:
    names = [b"small:%d" % number for number in range(1_000)] + [b"giant"]
    measured = measure(names, dict.fromkeys(names, 50) | {b"giant": 1_000_000})
    outcome = estimated(outlined([Seen(1_001, 1_001, names, True)], measured, Cut()), measured)
    assert (outcome[1].label, outcome[1].biggest) == (b"giant", b"giant")
    assert outcome[1].share > 0.9


# -- real servers

MEMORY = """
local sum = 0
for number = 0, ARGV[1] - 1 do
  sum = sum + redis.call('MEMORY', 'USAGE', string.format(ARGV[2], number))
end
return sum
"""


async def test_few_keys_are_all_counted_and_measured(server: Server) -> None:
    fill(server, [f"sess:{number}" for number in range(1_200)])
    fill(server, [f"user:{number}:name" for number in range(800)])
    for number in range(100):
        server.command("SET", f"tmp:{number}", "v" * 300, "EX", 1000)
    async with desk_at(server) as desk:
        report = await report_of(desk, ":keys")
    by_label = {row["prefix"]: row for row in found(report)}

    assert [by_label[label]["keys"] for label in (b"", b"sess:*", b"user:*:name", b"tmp:*")] == [
        2_100,
        1_200,
        800,
        100,
    ]
    assert all(row["keys_error"] == row["memory_error"] == 0 for row in by_label.values())
    assert by_label[b"tmp:*"]["memory"] == server.command("EVAL", MEMORY, 0, 100, "tmp:%d")
    assert (by_label[b"tmp:*"]["no_ttl"], by_label[b"sess:*"]["no_ttl"]) == (0, 1)
    assert seen(report).startswith("all 2,100 keys looked at in ")


async def test_of_many_a_sample_tells_and_its_errors_hold(server: Server) -> None:
    """More than five standard errors off is one time of two million."""
    truth = {b"sess:*": 12_000, b"user:*:name": 6_000, b"user:*:cart": 2_000}
    fill(server, [f"sess:{number}" for number in range(truth[b"sess:*"])])
    fill(server, [f"user:{number}:name" for number in range(truth[b"user:*:name"])])
    fill(server, [f"user:{number}:cart" for number in range(truth[b"user:*:cart"])], "v" * 200)
    outcome = await rows(server, "--count", "2000", "--for", "30")

    for label, number in truth.items():
        row = outcome[label]
        assert 0 < row["keys_error"] < 0.25 * row["keys"], label
        assert abs(row["keys"] - number) <= 2.6 * row["keys_error"], label
        memory = cast("int", server.command("EVAL", MEMORY, 0, number, label.replace(b"*", b"%d")))
        assert 0 < row["memory_error"] < 0.3 * row["memory"], label
        assert abs(row["memory"] - memory) <= 2.6 * row["memory_error"], label
    async with desk_at(server) as desk:
        shown = seen(await report_of(desk, ":keys", "--count", "2000", "--for", "30"))
    assert re.match(r"2,0\d\d of 20,000 keys looked at in .*\(± holds 19", shown)


async def test_prefix_separator_and_depth_are_choosable(redis82: Server) -> None:
    fill(redis82, [f"app/{zone}/{number}/x" for zone in ("eu", "us") for number in range(30)])
    fill(redis82, ["other", "app-b/c"])
    by_zone = await rows(redis82, "app/", "--by", "/", "--depth", "1")
    assert {label: row["keys"] for label, row in by_zone.items()} == {b"app/eu/": 30, b"app/us/": 30}
    assert by_zone == await rows(redis82, "app/*", "--by", "/", "--depth", "1")
    assert set(await rows(redis82, "--by", "/")) >= {
        b"app/",
        b"app/eu/*/",
        b"app/us/*/",
        b"other",
        b"app-b/c",
    }
    async with desk_at(redis82) as desk:
        nothing = await report_of(desk, ":keys", "nosuch:")
        assert "no key begins so" in seen(nothing)
        with pytest.raises(UsageError, match="one prefix"):
            await report_of(desk, ":keys", "a", "b")


async def test_that_a_sample_has_no_key_with_a_prefix_does_not_say_that_there_is_none(
    redis82: Server,
) -> None:
    fill(redis82, [f"user:{number}" for number in range(20_000)])
    async with desk_at(redis82) as desk:
        report = await report_of(desk, ":keys", "nosuch:", "--count", "200")
    (row,) = found(report)
    # It has looked at 10 times as many where they do not fit, a tenth of all; 0.9 ** 28 is 0.05.
    assert (row["keys"], row["looked_at"]) == (0, 0)
    assert 20 <= cast("int", row["keys_error"]) <= 35
    assert re.search(r"none of these begins so; of all, [23]\d keys may$", seen(report), re.MULTILINE)


def test_how_many_keys_were_missed_counts_the_slots_of_a_cluster() -> None:
    tags = Seen(20_000, 2_000, [], False, dict.fromkeys(range(20), 100))
    one_by_one = Seen(20_000, 2_000, [], False)
    errors = [estimated(outlined([node], {}, Cut(b"x")), {})[0].keys_error for node in (one_by_one, tags)]
    assert errors == [29, 2_900]


async def test_the_database_is_that_of_the_session(redis82: Server) -> None:
    fill(redis82, ["zero"])
    redis82.command("SELECT", 3)
    fill(redis82, ["three:a", "three:b"])
    redis82.command("SELECT", 0)
    assert set(await rows(redis82, flags=("-n", "3"))) == {b"three:a", b"three:b"}


async def test_a_name_of_a_megabyte_does_not_fill_the_screen(redis82: Server) -> None:
    redis82.command("MSET", "x" * 1_000_000, "v", "y", "v", "long:" + "z" * 500 + ":1", "v")
    async with desk_at(redis82) as desk:
        shown = seen(await report_of(desk, ":keys"), 1_000)
    assert len(shown) < 5_000
    assert shown.count("… 999,800 more bytes") == 3  # the biggest of all, its prefix, the biggest of that


async def test_bytes_of_keys_never_steer_the_terminal(redis82: Server) -> None:
    redis82.command("SET", b"\x1b[2J\xff:1", "v")
    async with desk_at(redis82) as desk:
        shown = seen(await report_of(desk, ":keys"))
    assert "\x1b" not in shown
    assert r"\x1b[2J\xff:*" in shown


async def test_who_may_not_measure_still_counts(redis82: Server) -> None:
    fill(redis82, ["user:1", "user:2"])
    redis82.command("ACL", "SETUSER", "ada", "on", ">s3cret", "~*", "+@all", "-memory")
    async with desk_at(redis82, "--user", "ada", "--pass", "s3cret", "--no-auth-warning") as desk:
        report = await report_of(desk, ":keys")
    row = found(report)[-1]
    assert (row["keys"], row["memory"], row["no_ttl"]) == (2, None, 1)
    assert "NOPERM" in seen(report)
    assert "memory  " not in seen(report)


async def test_in_a_cluster_it_is_all_primaries(cluster82: Cluster) -> None:
    for number in range(90):
        cluster82.primary_of(key_slot(b"user:%d" % number)).command("SET", f"user:{number}", "v")
    node = cluster82.primary_of(0)
    async with desk_at(node, "-c") as desk:
        report = await report_of(desk, ":keys")
    assert (found(report)[0]["keys"], report.code) == (90, Exit.OK)
    assert seen(report).startswith("all 90 keys on 3 primaries looked at in ")


async def test_a_primary_that_is_not_there_is_named_and_the_others_are_told(
    make_cluster: MakeCluster,
) -> None:
    cluster = make_cluster("redis82", primaries=3, replicas=0)
    here, gone = cluster.primary_of(0), cluster.primary_of(16383)
    for number in range(60):
        cluster.primary_of(key_slot(b"user:%d" % number)).command("SET", f"user:{number}", "v")
    gone.kill()
    async with desk_at(here, "-c") as desk:
        report = await report_of(desk, ":keys")
    assert 0 < cast("int", found(report)[0]["keys"]) < 60
    assert report.code == Exit.PARTIAL
    assert f"{gone.host}:{gone.port}: " in seen(report, 200)
    assert " on 2 primaries looked at in " in seen(report)
    assert not seen(report).startswith("all ")


async def test_a_node_of_the_session_that_is_not_there_hides_none_of_the_others(
    make_cluster: MakeCluster,
) -> None:
    cluster = make_cluster("redis82", "cluster-require-full-coverage no", primaries=3, replicas=0)
    here, there = cluster.primary_of(0), cluster.primary_of(16383)
    there.command("SET", "foo", "v")
    async with desk_at(here, "-c") as desk:
        await report_of(desk, "peek", "foo")
        here.kill()
        with pytest.raises(PyRedisConnError, match=str(here.port)):  # what was open breaks
            await desk.ask("PING")
        peeked = await report_of(desk, "peek", "foo")
        explained = await report_of(desk, ":explain", "GET", "foo")
        report = await report_of(desk, ":keys")
        with pytest.raises(PyRedisConnError, match=str(here.port)):
            await desk.ask("INFO")
    assert cast("Any", peeked.value)["value"] == b"v"
    assert cast("Any", explained.value)["keys"][0]["length"] == 1
    assert (found(report)[0]["keys"], report.code) == (1, Exit.PARTIAL)
    assert f"{here.host}:{here.port}: " in seen(report)


async def test_where_the_session_began_is_asked_when_the_node_that_it_went_to_is_gone(
    make_cluster: MakeCluster,
) -> None:
    cluster = make_cluster("redis82", "cluster-require-full-coverage no", primaries=2, replicas=0)
    began, gone = cluster.primary_of(0), cluster.primary_of(16383)
    began.command("SET", "bar", "v")
    async with desk_at(began, "-c") as desk:
        await desk.session.run([b"GET", b"foo"])  # of one command it needs no map
        assert str(desk.address).endswith(f":{gone.port}")
        gone.kill()
        await until(lambda: not desk.session.connected)
        peeked = await report_of(desk, "peek", "bar")
        everybody = await report_of(desk, ":all", "PING")
    assert cast("Any", peeked.value)["value"] == b"v"
    assert everybody.code == Exit.PARTIAL


async def test_who_stops_it_is_told_what_was_seen(redis82: Server) -> None:
    redis82.command("DEBUG", "POPULATE", 200_000, "item")
    redis82.command("CONFIG", "RESETSTAT")
    async with desk_at(redis82) as desk:
        task = asyncio.create_task(report_of(desk, ":keys", "--for", "60", "--count", "100000000"))
        await until(lambda: "cmdstat_scan" in redis82.info("commandstats"))
        redis82.pause()
        task.cancel()
        try:
            with pytest.raises(CutShort) as stopped:
                await task
        finally:
            redis82.resume()
        report = stopped.value.report
        assert 0 <= cast("int", found(report)[0]["looked_at"]) < 200_000
        assert seen(report).startswith("stopped: ")
        assert await desk.ask("GET", "nosuch") is None, "the desk goes on with another connection"


async def test_who_stops_it_before_anything_is_known_gets_no_success(redis82: Server) -> None:
    async with desk_at(redis82) as desk:
        await desk.reach()
        redis82.pause()
        task = asyncio.create_task(report_of(desk, ":keys"))
        await asyncio.sleep(0)
        task.cancel()
        try:
            with pytest.raises(CutShort) as stopped:
                await task
        finally:
            redis82.resume()
        assert stopped.value.report.code == Exit.INTERRUPT


def test_a_shell_has_it_too(redis82: Server) -> None:
    redis82.command("MSET", "user:1", "v", "user:2", "v")
    done = ran(redis82, "--format", "json", ":keys", "user:", "--by", ":")
    assert json.loads(done.stdout)[0]["keys"] == 2
    assert done.code == Exit.OK


def test_a_shell_is_shown_what_was_seen_until_ctrl_c(redis82: Server) -> None:
    redis82.command("DEBUG", "POPULATE", 300_000, "item")
    redis82.command("CONFIG", "RESETSTAT")
    with Running(redis82, ":keys", "--for", "60", "--count", "100000000") as program:
        wait_until(lambda: "cmdstat_scan" in redis82.info("commandstats"))
        program.signal(signal.SIGINT)
        assert program.line().startswith((b"stopped: ", b"all 300,000 keys looked at in "))
