"""What the guard asks about and what it never does, with the facts of the real table."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pyredis.commands.spec import TABLE, Spec
from pyredis_cli.core.figures import Figures, Size, added
from pyredis_cli.core.guard import (
    ALLOW,
    MOST_VALUES,
    Ask,
    Batch,
    Refuse,
    Rules,
    needs,
    rules_of,
    together,
    verdict,
)
from pyredis_cli.settings import Profile, Settings

INFO: Final = {
    "# Keyspace": "",
    "db0": "keys=4120300,expires=1,avg_ttl=0",
    "db1": "keys=20,expires=0",
    "db7": "keys=11,expires=0",
    "used_memory_human": "11.20G",
    "rdb_last_save_time": "1000",
    "rdb_changes_since_last_save": "12034",
    "connected_clients": "12",
    "connected_slaves": "1",
    "number_of_cached_scripts": "31",
    "number_of_libraries": "1",
    "number_of_functions": "7",
}
FULL: Final = Figures(
    INFO,
    seconds=1000 + 3 * 3600,
    database=0,
    keys_here=4_120_300,
    parameters={b"maxmemory": b"0", b"dir": b"/var/lib/redis"},
    sizes={
        b"small": Size("hash", 12, 900),
        b"huge": Size("hash", 1_904_221, 432_013_312),
        b"wide": Size("list", 300_000, 9_000_000),
        b"heavy": Size("list", 10, 70_000_000),
    },
    slots={b"12": 5},
    documents={b"ix": 1_000},
)
EMPTY: Final = Figures({"used_memory_human": "900K", "# Keyspace": ""}, database=0, keys_here=0)
ODD: Final = Figures(
    {
        "# Keyspace": "",
        "db0": "keys=" + "9" * 5000,
        "db²": "keys=1",
        "used_memory_human": "x" * 9000,
        "number_of_cached_scripts": "²",
    },
    cluster={"cluster_known_nodes": "²", "cluster_slots_assigned": "9" * 5000},
)
"""What no server says that means well."""


def argv_of(line: str) -> tuple[bytes, ...]:
    return tuple(line.encode().split())


def judged(line: str, figures: Figures = FULL, rules: Rules | None = None) -> object:
    argv = argv_of(line)
    return verdict(TABLE.find(argv), argv, figures, rules or Rules())


def reason(line: str, figures: Figures = FULL) -> str:
    found = judged(line, figures)
    assert isinstance(found, Ask)
    return found.reason


ASKED: Final = [
    "FLUSHALL",
    "flushdb async",
    "KEYS *",
    "keys user:*",
    "SHUTDOWN",
    "SHUTDOWN NOSAVE",
    "DEBUG SEGFAULT",
    "DEBUG SLEEP 10",
    "DEBUG RELOAD",
    "SWAPDB 0 1",
    "SAVE",
    "CONFIG SET maxmemory 100mb",
    "CONFIG SET hz 50 dir /tmp",
    'CONFIG SET save ""',
    "config set appendonly no",
    "CONFIG SET cluster-node-timeout 5",
    "CONFIG SET requirepass secret",
    "CONFIG SET maxclients 10",
    "CONFIG SET maxmemory-clients 1mb",
    "SCRIPT FLUSH",
    "FUNCTION FLUSH",
    "FUNCTION RESTORE payload FLUSH",
    "REPLICAOF 10.0.0.1 6379",
    "SLAVEOF 10.0.0.1 6379",
    "FAILOVER",
    "CLUSTER RESET",
    "CLUSTER FAILOVER TAKEOVER",
    "CLUSTER FORGET abc",
    "CLUSTER DELSLOTS 1",
    "CLUSTER DELSLOTSRANGE 1 5",
    "CLUSTER FLUSHSLOTS",
    "CLUSTER FLUSHSLOT 12",
    "CLUSTER REPLICATE abc",
    "CLUSTER SETSLOT 12 NODE abc",
    "MODULE LOAD /tmp/x.so",
    "MODULE UNLOAD x",
    "ACL LOAD",
    "SENTINEL FAILOVER shop",
    "FT.DROPINDEX ix DD",
    "FT.DROPINDEX ix DD\0",
    "FT.DROP ix",
    "DEL " + " ".join(f"k{number}" for number in range(100)),
    "UNLINK " + " ".join(f"k{number}" for number in range(100)),
    "HGETALL huge",
    "HKEYS huge",
    "SMEMBERS huge",
    "SORT huge LIMIT 0 10",
    "LRANGE wide 0 -1",
    "LRANGE wide -1000000 1000000",
    "LRANGE heavy 0 -1",
    "ZRANGE wide 0 -1 WITHSCORES",
    "ZRANGE wide -inf +inf BYSCORE",
    "ZRANGEBYSCORE wide -inf +inf",
    "XRANGE wide - +",
    "SUNION small huge",
    "SDIFF huge small",
    "SINTER huge wide",
    "SUNIONSTORE to small huge",
    "DUMP heavy",
]

NEVER: Final = [
    "DEL k",
    "UNLINK a b c",
    "DEL " + " ".join(f"k{number}" for number in range(99)),
    "EXPIRE k 1",
    "RENAME a b",
    "SREM s m",
    "SET k v",
    "HDEL h f",
    "SPOP s",
    "LTRIM l 0 0",
    "GET huge",
    "MSET " + "k v " * 200,
    "SADD s " + "m " * 200,
    "PERSIST k",
    "MIGRATE h 1 k 0 5",
    "CONFIG SET hz 50 slowlog-log-slower-than 100",
    "CONFIG SET notify-keyspace-events save",
    "CONFIG GET *",
    "CONFIG RESETSTAT",
    "CONFIG REWRITE",
    "MONITOR",
    "CLIENT KILL ID 5",
    "CLIENT PAUSE 5",
    "BGSAVE",
    "FUNCTION DELETE lib",
    "FUNCTION RESTORE payload",
    "SHUTDOWN ABORT",
    "FAILOVER ABORT",
    "DEBUG OBJECT k",
    "debug help",
    "CLUSTER SETSLOT 12 STABLE",
    "CLUSTER INFO",
    "FT.DROPINDEX ix",
    "FT.DROP ix KEEPDOCS",
    "SENTINEL MASTERS",
    "ACL DELUSER ada",
    "COMMAND GETKEYS FLUSHALL",
    "ACL DRYRUN ada FLUSHALL",
    "HGETALL small",
    "LRANGE wide 0 99",
    "LRANGE wide -100 -1",
    "LRANGE small 0 -1",
    "ZRANGE wide 5 100 BYSCORE",
    "ZRANGE wide -inf +inf BYSCORE LIMIT 0 10",
    "ZRANGEBYSCORE wide 5 6",
    "XRANGE wide - + COUNT 10",
    "SINTER huge small",
    "SDIFF small huge",
    "SUNIONSTORE huge small small",
    "FLUSHEVERYTHING",
]


@pytest.mark.parametrize("line", ASKED)
def test_what_can_do_harm_is_asked_about(line: str) -> None:
    assert isinstance(judged(line), Ask)


@pytest.mark.parametrize("line", NEVER)
def test_the_work_of_every_day_is_not(line: str) -> None:
    assert judged(line) == ALLOW


@pytest.mark.parametrize(
    "line", ["FLUSHALL", "FLUSHDB", "SWAPDB 0 1", "KEYS *", "SAVE", "HGETALL k", "DEL k"]
)
def test_where_there_is_nothing_to_lose_nobody_is_asked(line: str) -> None:
    assert judged(line, EMPTY) == ALLOW


@pytest.mark.parametrize("line", ["FLUSHALL", "KEYS *", "SCRIPT FLUSH", "SWAPDB 0 1", "CLUSTER FLUSHSLOT 5"])
def test_what_is_not_known_is_asked_about(line: str) -> None:
    assert "not known" in reason(line, Figures())


def test_a_value_that_could_not_be_measured_in_time_is_asked_about_and_one_that_may_not_be_is_not() -> None:
    assert "how large they are is not known" in reason("HGETALL h", Figures(late=True))
    assert judged("HGETALL h", Figures()) == ALLOW


@pytest.mark.parametrize(
    ("line", "said"),
    [
        (
            "FLUSHALL",
            "FLUSHALL deletes every key of every database: 4,120,331 keys in 3 databases, 11.20G; "
            "last save 3 h ago, 12,034 changes since",
        ),
        (
            "FLUSHDB",
            "FLUSHDB deletes every key of the database: 4,120,300 keys in database 0; "
            "last save 3 h ago, 12,034 changes since",
        ),
        (
            "SHUTDOWN",
            "SHUTDOWN stops the server: last save 3 h ago, 12,034 changes since; 12 clients, 1 replica",
        ),
        (
            "KEYS *",
            "KEYS blocks the server while it walks through all keys: 4,120,300 keys in database 0; "
            "SCAN does it in steps",
        ),
        (
            "SWAPDB 1 7",
            "SWAPDB gives every client of two databases the other one's keys: "
            "20 keys in database 1 and 11 keys in database 7",
        ),
        (
            "CONFIG SET maxmemory 100mb hz 5",
            "CONFIG SET changes the running server: maxmemory is 0, would be 100mb, hz would be 5",
        ),
        ("CONFIG SET requirepass s3cret", "CONFIG SET changes the running server: requirepass ***"),
        ("SCRIPT FLUSH", "SCRIPT FLUSH forgets every cached script: 31 scripts"),
        ("FUNCTION FLUSH", "FUNCTION FLUSH deletes every function library: 1 library, 7 functions"),
        (
            "HGETALL huge",
            "HGETALL works on all 1,904,221 fields of huge, 412.00M, while nobody else is served; "
            "HSCAN reads it in steps",
        ),
        (
            "LRANGE wide 0 -10",
            "LRANGE works on 299,991 elements of wide, 8.58M, while nobody else is served",
        ),
        (
            "SUNION huge wide",
            "SUNION works on all 2,204,221 elements of 2 keys, 420.58M, while nobody else is served",
        ),
        ("FT.DROPINDEX ix DD", "FT.DROPINDEX deletes an index, and with DD its documents: 1,000 documents"),
        ("CLUSTER FLUSHSLOT 12", "CLUSTER FLUSHSLOT deletes every key of a slot: 5 keys in slot 12"),
    ],
)
def test_the_reason_says_what_would_happen_with_numbers(line: str, said: str) -> None:
    assert reason(line) == said


def test_what_several_servers_have_is_added_up() -> None:
    other = FULL._replace(
        info={**INFO, "db0": "keys=5", "rdb_last_save_time": "11000", "used_memory": "1024"},
        keys_here=5,
        parameters={b"maxmemory": b"1", b"dir": b"/var/lib/redis"},
    )
    both = added([other, FULL._replace(info={**INFO, "used_memory": "1024"})])
    assert (both.nodes, both.keys_here, both.slots) == (2, 4_120_305, {b"12": 10})
    assert both.parameters == {b"dir": b"/var/lib/redis"}
    assert reason("FLUSHALL", both).endswith(
        "4,120,367 keys in 3 databases, 2.00K; last save 3 h ago, 24,068 changes since"
    )
    for odd in (Figures(), ODD, Figures({"redis_version": "7.0"})):
        assert "not known: how many keys" in reason("FLUSHALL", added([FULL, odd]))
        assert "not known: how many keys" in reason("FLUSHALL", added([odd, FULL]))


def test_it_is_told_of_which_nodes_the_numbers_are_and_how_often_it_runs() -> None:
    argv, clustered = argv_of("FLUSHALL"), FULL._replace(info={**INFO, "cluster_enabled": "1"})
    for figures, everywhere, told in (
        (clustered, False, "of this node alone"),
        (clustered, True, "of one node, and it runs at others"),
        (clustered._replace(nodes=3), True, "of all 3 primaries together"),
    ):
        found = verdict(TABLE.find(argv), argv, figures, Rules(), everywhere=everywhere)
        assert isinstance(found, Ask)
        assert found.reason.endswith(f"; that is {told}")
    assert reason("SWAPDB 0 1", clustered).endswith("; that is of this node alone")
    for times, told in ((5, "; 5 times"), (None, "; again and again")):
        found = verdict(TABLE.find(argv), argv, FULL, Rules(), times=times)
        assert isinstance(found, Ask)
        assert found.reason.endswith(told)


def test_a_parameter_that_stays_as_it_is_is_not_asked_about() -> None:
    figures = Figures(parameters={b"maxmemory": b"104857600", b"save": b"", b"dir": b"/data"})
    for line in ("maxmemory 104857600", "MAXMEMORY 100mb", "dir /data hz 50", "maxmemory 102400KB dir /data"):
        assert judged(f"CONFIG SET {line}", figures) == ALLOW
    for line in ("maxmemory 100m", "maxmemory 0", "dir /DATA", "appendonly no", "maxmemory", "requirepass x"):
        assert isinstance(judged(f"CONFIG SET {line}", figures), Ask)
    assert "maxmemory stays 100mb, dir is /data, would be /tmp" in reason(
        "CONFIG SET MAXMEMORY 100mb DIR /tmp", figures
    )
    argv = argv_of("CONFIG SET maxmemory 100mb")
    assert isinstance(verdict(TABLE.find(argv), argv, figures, Rules(), everywhere=True), Ask)


@pytest.mark.parametrize(
    ("info", "said"),
    [
        ({"rdb_saves": "0"}, "never saved since it started, 12,034 changes"),
        ({}, "never saved since it started, 12,034 changes"),
        ({"rdb_saves": "1"}, "last save 3 h ago, 12,034 changes since"),
        ({"rdb_saves": "0", "uptime_in_seconds": "10900"}, "last save 3 h ago, 12,034 changes since"),
    ],
)
def test_the_start_of_a_server_is_not_told_as_a_save(info: Mapping[str, str], said: str) -> None:
    told = FULL._replace(info={**INFO, "uptime_in_seconds": "10800", **info})
    assert reason("FLUSHALL", told).endswith(said)


NO_POINTS, POINTS = {b"save": b""}, {b"save": b"3600 1"}
LOST: Final = "loses 12,034 changes of 3 h"


@pytest.mark.parametrize(
    ("line", "info", "parameters", "said"),
    [
        ("SHUTDOWN", {"aof_enabled": "0"}, POINTS, "it saves first"),
        ("SHUTDOWN NOW", {"aof_enabled": "0"}, NO_POINTS, LOST),
        ("SHUTDOWN", {"aof_enabled": "0"}, {}, "last save 3 h ago, 12,034 changes since"),
        ("SHUTDOWN", {}, NO_POINTS, "last save 3 h ago, 12,034 changes since"),
        ("shutdown nosave", {"aof_enabled": "0"}, POINTS, LOST),
        (
            "SHUTDOWN NOSAVE",
            {"aof_enabled": "0", "rdb_changes_since_last_save": "0"},
            {},
            "no change is unsaved",
        ),
        ("SHUTDOWN SAVE", {"aof_enabled": "0"}, NO_POINTS, "it saves first"),
        (
            "SHUTDOWN",
            {"aof_enabled": "1", "aof_last_write_status": "ok"},
            NO_POINTS,
            "appendonly keeps everything",
        ),
        (
            "SHUTDOWN NOSAVE",
            {"aof_enabled": "1", "aof_last_write_status": "ok"},
            {},
            "appendonly keeps everything",
        ),
        (
            "SHUTDOWN NOSAVE",
            {"aof_enabled": "1", "aof_last_write_status": "err"},
            {},
            "last save 3 h ago, 12,034 changes since",
        ),
    ],
)
def test_what_the_end_of_a_server_loses_is_told(
    line: str, info: Mapping[str, str], parameters: Mapping[bytes, bytes], said: str
) -> None:
    told = reason(line, FULL._replace(info={**INFO, **info}, parameters=parameters))
    assert told == f"SHUTDOWN stops the server: {said}; 12 clients, 1 replica"
    assert len(told) <= 80 or "last save" in said


def test_what_a_batch_changes_before_the_end_of_a_server_is_not_told_as_it_was() -> None:
    info = {**INFO, "aof_enabled": "1", "aof_last_write_status": "ok"}
    figures = FULL._replace(info=info, parameters=POINTS)
    for change in ('CONFIG SET save ""', "CONFIG SET appendonly no"):
        asked = asked_of(batch_of(change, "SHUTDOWN", "SHUTDOWN NOSAVE"), figures)
        kept = "it saves first" if "append" in change else "appendonly keeps everything"
        assert kept in asked["line 2"]
        assert ("appendonly keeps" in asked["line 3"]) == ("append" not in change)


def test_of_many_keys_it_says_how_many_exist() -> None:
    argv = argv_of(ASKED[-17])
    assert argv[0] == b"UNLINK"
    found = verdict(TABLE.find(argv), argv, Figures(existing={argv[1:]: 97}), Rules())
    assert isinstance(found, Ask)
    assert found.reason == "UNLINK deletes 100 keys at once: 97 of them exist"


def test_many_keys_of_which_none_exists_are_not_asked_about_unless_they_may_by_then() -> None:
    line = "DEL " + " ".join(f"k{number}" for number in range(100))
    none = Figures(database=0, existing={argv_of(line)[1:]: 0})
    assert judged(line, none) == ALLOW
    assert isinstance(judged(line, Figures()), Ask)
    assert asked_of(batch_of(line), none) == {}
    assert list(asked_of(batch_of("SET k5 1", line), none)) == ["line 2"]
    assert list(asked_of(batch_of("SELECT 3", line), none)) == ["line 2"]
    argv = argv_of(line)
    assert isinstance(verdict(TABLE.find(argv), argv, none, Rules(), everywhere=True), Ask)


def test_a_promotion_is_asked_about_unless_the_server_is_known_to_be_a_primary() -> None:
    replica = Figures({"role": "slave", "master_host": "10.0.0.1", "master_port": "6379"})
    for line in ("REPLICAOF NO ONE", "slaveof no one", "REPLICAOF no one\0"):
        assert reason(line, replica).endswith(
            "OF makes this replica a primary; it no longer follows 10.0.0.1:6379"
        )
        assert reason(line, Figures()).endswith("OF makes a replica a primary; not known: whether it is one")
        assert judged(line, Figures({"role": "master"})) == ALLOW
    assert reason("REPLICAOF NO ONE", Figures({**replica.info, "master_host": "::1"})).endswith("[::1]:6379")
    assert isinstance(judged("REPLICAOF one 6379", Figures({"role": "master"})), Ask)
    assert judged("REPLICAOF NO ONE", Figures(), Rules(production="prod", terminal=False)) == Refuse(
        "REPLICAOF makes a replica a primary; prod is a production profile, --yes=REPLICAOF allows it"
    )


def test_a_promotion_behind_a_change_of_role_or_at_every_node_is_asked_about_at_a_primary_too() -> None:
    primary = Figures({"role": "master"})
    asked = asked_of(batch_of("REPLICAOF NO ONE", "REPLICAOF h 1", "REPLICAOF NO ONE"), primary)
    assert list(asked) == ["line 2", "line 3"]
    argv = argv_of("REPLICAOF NO ONE")
    found = verdict(TABLE.find(argv), argv, primary, Rules(), everywhere=True)
    assert isinstance(found, Ask)
    assert found.reason.startswith("REPLICAOF makes a replica a primary")


def test_everything_that_is_asked_about_has_its_cost_in_words() -> None:
    assert [spec.name for spec in TABLE.specs() if spec.asks is not None and spec.danger is None] == []


def test_what_no_fact_speaks_of_is_not_looked_at() -> None:
    plain = [spec for spec in TABLE.specs() if spec.asks is None and spec.whole is None]
    assert len(plain) > 400
    assert [spec.name for spec in plain if needs(spec, (*argv_of(spec.name), *([b"x"] * 20)))] == []


def test_only_a_server_that_alone_knows_a_command_is_believed_that_it_is_dangerous() -> None:
    spec = Spec("WIPE.OUT", categories=("admin", "dangerous"), flags=frozenset({"write"}))
    assert verdict(spec, (b"WIPE.OUT",), Figures(), Rules()) == Ask(
        "WIPE.OUT is called dangerous by this server"
    )
    assert verdict(spec._replace(flags=frozenset()), (b"WIPE.OUT",), Figures(), Rules()) == ALLOW
    assert verdict(spec._replace(products=frozenset({"redis"})), (b"WIPE.OUT",), Figures(), Rules()) == ALLOW


# -- who is asked


@pytest.mark.parametrize(
    ("rules", "kind"),
    [
        (Rules(), Ask),
        (Rules(production="prod"), Ask),
        (Rules(confirm=False), type(ALLOW)),
        (Rules(confirm=False, production="prod"), Ask),
        (Rules(yes=frozenset({""})), type(ALLOW)),
        (Rules(yes=frozenset({""}), production="prod"), type(ALLOW)),
        (Rules(yes=frozenset({"CONFIG"})), type(ALLOW)),
        (Rules(yes=frozenset({"CONFIG SET"})), type(ALLOW)),
        (Rules(yes=frozenset({"FLUSHALL"})), Ask),
        (Rules(terminal=False), type(ALLOW)),
        (Rules(terminal=False, production="prod"), Refuse),
        (Rules(terminal=False, production="prod", yes=frozenset({"CONFIG"})), type(ALLOW)),
        (Rules(asks=False), Refuse),
        (Rules(asks=False, terminal=False), type(ALLOW)),
        (Rules(read_only=True), type(ALLOW)),
    ],
)
def test_who_is_asked(rules: Rules, kind: type) -> None:
    assert type(judged("CONFIG SET maxmemory 1", FULL, rules)) is kind


def test_a_production_profile_wants_its_name_and_a_refusal_names_what_allows_it() -> None:
    assert judged("FLUSHALL", FULL, Rules(production="prod")) == Ask(reason("FLUSHALL"), "prod")
    refused = judged("FLUSHALL", Figures(), Rules(production="prod", terminal=False))
    assert isinstance(refused, Refuse)
    assert refused.reason.endswith("; prod is a production profile, --yes=FLUSHALL allows it")
    for line in ("SWAPDB 0 1", "CLUSTER SETSLOT 7 NODE x", "FT.DROPINDEX ix DD"):
        refused = judged(line, Figures(), Rules(production="prod", terminal=False))
        assert isinstance(refused, Refuse)
        assert "known" not in refused.reason  # nothing was measured


def test_what_only_reads_is_asked_about_in_a_read_only_session_too() -> None:
    assert isinstance(judged("KEYS *", FULL, Rules(read_only=True)), Ask)
    assert isinstance(judged("SORT huge", FULL, Rules(read_only=True)), Ask)


def test_the_settings_say_the_rules() -> None:
    settings = Settings(profile=Profile("prod", production=True), yes=frozenset({"DEL"}), asks=False)
    assert rules_of(settings, terminal=False, confirm=False) == Rules(
        confirm=False, yes=frozenset({"DEL"}), production="prod", terminal=False, asks=False
    )
    assert rules_of(Settings(profile=Profile("dev")), terminal=True).production == ""


# -- several


def batch_of(*lines: str, database: int = 0) -> Batch:
    batch = Batch(database)
    for number, line in enumerate(lines, 1):
        argv = argv_of(line)
        batch.add(f"line {number}", TABLE.find(argv), argv)
    return batch


def asked_of(batch: Batch, figures: Figures = FULL) -> dict[str, str]:
    judged = batch.judged(figures, Rules())
    return {one.where: found.reason for one, found in judged if isinstance(found, Ask)}


def test_a_batch_is_asked_about_with_the_lines_of_what_could_do_harm() -> None:
    batch = batch_of("SET a 1", "FLUSHALL", "GET a", "HGETALL small", "SCRIPT FLUSH")
    asked = asked_of(batch)
    assert list(asked) == ["line 2", "line 5"]
    assert together([("line 2", "FLUSHALL deletes")], batch.count) == (
        "1 of 5 commands is dangerous:",
        "  line 2: FLUSHALL deletes",
    )


def test_a_long_list_is_cut() -> None:
    told = together([(f"line {number}", "x") for number in range(1, 15)], 100)
    assert (told[0], len(told), told[-1]) == ("14 of 100 commands are dangerous:", 12, "  and 4 more")


def test_the_database_is_the_one_that_is_selected_by_then() -> None:
    asked = asked_of(batch_of("SELECT 3", "FLUSHDB", "SELECT 7", "FLUSHDB"))
    assert list(asked) == ["line 4"]
    assert "11 keys in database 7" in asked["line 4"]


def test_what_the_batch_writes_itself_can_be_lost() -> None:
    assert asked_of(batch_of("FLUSHALL"), EMPTY) == {}
    assert list(asked_of(batch_of("SET a 1", "FLUSHALL"), EMPTY)) == ["line 2"]


def test_a_parameter_that_the_batch_changes_does_not_stay_as_it_is() -> None:
    figures = Figures(parameters={b"save": b"60", b"dir": b"/data"})
    batch = batch_of("CONFIG SET SAVE 300", "CONFIG SET dir /data", "CONFIG SET save 60")
    asked = asked_of(batch, figures)
    assert list(asked) == ["line 1", "line 3"]
    assert asked["line 3"].endswith("save would be 60")


def test_what_a_batch_sends_to_every_node_is_told_of_all_of_them() -> None:
    batch = batch_of("SCRIPT FLUSH")
    batch.add("line 2", TABLE.find(["FLUSHALL"]), (b"FLUSHALL",), everywhere=True)
    assert (len(batch.wanted), len(batch.wanted_everywhere)) == (1, 1)
    clustered = FULL._replace(info={**INFO, "cluster_enabled": "1"})
    found = dict(batch.judged(clustered, Rules(), clustered._replace(nodes=3)))
    told = [ask.reason.rpartition("; ")[2] for ask in found.values() if isinstance(ask, Ask)]
    assert told == ["that is of this node alone", "that is of all 3 primaries together"]


def test_where_a_key_may_have_led_to_another_node_its_numbers_are_not_known() -> None:
    lines = "FLUSHDB", "GET a", "FLUSHDB", "HGETALL huge"
    for follows, told in ((True, "not known: how many keys"), (False, "4,120,300 keys in database 0")):
        batch = Batch(0, follows=follows)
        for line in lines:
            batch.add(line, TABLE.find(argv_of(line)), argv_of(line))
        first, second, third = (found for _, found in batch.judged(FULL, Rules()))
        assert isinstance(first, Ask)
        assert isinstance(second, Ask)
        assert isinstance(third, Ask)
        assert "4,120,300 keys in database 0" in first.reason
        assert told in second.reason
        assert "1,904,221 fields" in third.reason


def test_of_another_server_nothing_is_known() -> None:
    batch = batch_of("SET a 1")
    batch.leave()
    batch.add("line 2", TABLE.find(["FLUSHALL"]), (b"FLUSHALL",))
    assert batch.wanted == []
    assert "not known: how many keys" in asked_of(batch)["line 2"]


def test_of_values_only_so_many_are_measured() -> None:
    batch = batch_of(*(f"SMEMBERS s{number}" for number in range(2 * MOST_VALUES)), "FLUSHALL")
    assert len(batch.wanted) == MOST_VALUES + 1
    assert batch.count == 2 * MOST_VALUES + 1


def test_nothing_is_measured_of_deletions_that_are_not_told() -> None:
    keys = " ".join(f"k{number}" for number in range(100))
    batch = batch_of("HGETALL small", *(f"DEL {keys} {number}" for number in range(50)), "FLUSHDB")
    assert [need.kind for need in batch.wanted if need.named] == ["keys"] * 10
    assert any("database" in need.measure for need in batch.wanted)
    assert len(asked_of(batch)) == 51


def test_what_is_not_told_or_is_no_number_is_not_nothing() -> None:
    assert reason("FLUSHALL", ODD).endswith("not known: how many keys, when it was saved last")
    assert reason("CLUSTER RESET", ODD).endswith("not known: how many keys, how the cluster is")
    assert isinstance(judged("FLUSHALL", Figures({"redis_version": "7.0"})), Ask)
    assert len(reason("FLUSHALL", Figures({**ODD.info, "db0": "keys=1"}))) < 300


# -- whatever is typed

WORDS = st.one_of(
    st.sampled_from(
        [b"0", b"-1", b"NO", b"ONE", b"DD", b"SET", b"maxmemory", b"-inf", b"+", b"huge", b"STORE"]
    ),
    st.binary(max_size=8),
    st.integers().map(lambda number: str(number).encode()),
)
LOOKED_AT = [spec for spec in TABLE.specs() if spec.asks is not None or spec.whole is not None]


@given(
    spec=st.sampled_from(LOOKED_AT) | st.sampled_from(list(TABLE.specs())),
    words=st.lists(WORDS, max_size=8),
    figures=st.sampled_from([FULL, EMPTY, ODD, Figures(), Figures(late=True)]),
    rules=st.sampled_from([Rules(), Rules(production="p", terminal=False), Rules(asks=False)]),
)
def test_no_command_is_too_odd_to_be_judged(
    spec: Spec, words: list[bytes], figures: Figures, rules: Rules
) -> None:
    argv = (*spec.name.encode().split(), *words)
    found = verdict(spec, argv, figures, rules)
    assert found == ALLOW or spec.name in found.reason
    if needs(spec, argv) is None:
        assert found == ALLOW
