"""``all`` as a script meets it: one command at every node, on real clusters and groups."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator
from itertools import count
from typing import Any

import pytest

from pyredis.commands.slots import key_slot
from pyredis.commands.spec import TABLE
from pyredis_cli.complete.candidates import Choice
from pyredis_cli.core.everywhere import Everybody
from pyredis_cli.flags import UsageError
from pyredis_cli.repl.reports import behind_all
from pyredis_cli.tools.all import refusal, roles
from tests.clusters import Cluster
from tests.conftest import MakeBackgroundProxy, MakeServer, MakeTerminal
from tests.program import PROGRAM, Ran, ran
from tests.repl.conftest import at_prompt
from tests.sentinels import Sentinels
from tests.servers import Server, wait_until

IN_CLUSTER = Everybody((), cluster=True)
IN_GROUP = Everybody((), cluster=False)


def at(node: Server) -> str:
    return f"{node.host}:{node.port}"


def rows(done: Ran) -> list[dict[str, Any]]:
    assert not done.said
    found: list[dict[str, Any]] = json.loads(done.stdout)
    return found


# -- who is asked


def test_a_person_is_asked_for_all_nodes_though_the_one_that_is_named_is_empty(
    cluster82: Cluster, terminal: MakeTerminal
) -> None:
    here, there, *_ = cluster82.primaries()
    for node in cluster82.primaries():
        node.command("FLUSHALL")
    key = next(f"k{number}" for number in count() if cluster82.primary_of(key_slot(b"k%d" % number)) is there)
    there.command("SET", key, 1)
    for_all = "that is of all 3 primaries together"

    for words in (("all", "FLUSHALL"), ("all", "KEYS", "*")):
        screen = terminal([*PROGRAM, "-p", str(here.port), *words], columns=200)
        screen.wait_for("Go on? [y/N]")
        screen.send("\r")
        assert screen.exit_code() == 6
        assert "1 key in" in screen.text
        assert for_all in screen.text
    screen = terminal([*PROGRAM, "-p", str(here.port), "-c"], columns=200)
    screen.wait_until(at_prompt)
    screen.send_line(":all FLUSHALL")
    screen.wait_for("Go on? [y/N]")
    assert "1 key in 1 database" in screen.text
    assert for_all in screen.text
    screen.send("\r")
    screen.wait_for("not sent")
    here_too = next(f"k{n}" for n in count() if cluster82.primary_of(key_slot(b"k%d" % n)) is here)
    here.command("MSET", here_too, 1)
    screen.send_line("FLUSHALL")
    screen.wait_for("that is of this node alone")
    assert there.command("EXISTS", key) == 1


def test_every_node_of_a_cluster_answers_a_read_and_the_primaries_take_a_write(cluster: Cluster) -> None:
    primaries, replicas = cluster.primaries(), cluster.replicas()
    for node in primaries:
        node.command("CONFIG", "SET", "slowlog-max-len", 7)

    read = rows(ran(cluster.nodes[-1], "--json", "all", "CONFIG", "GET", "slowlog-max-len"))
    write = rows(ran("-p", str(cluster.nodes[0].port), "-c", "--json", "all", "FLUSHALL"))

    assert {row["node"]: row["role"] for row in read} == {
        **{at(node): "primary" for node in primaries},
        **{at(node): "replica" for node in replicas},
    }
    assert {row["reply"]["slowlog-max-len"] for row in read if row["role"] == "primary"} == {"7"}
    assert sorted((row["node"], row["reply"]) for row in write) == sorted(
        (at(node), "OK") for node in primaries
    )
    assert all(0 < row["seconds"] < 60 and row["error"] is None for row in [*read, *write])


def test_each_primary_stands_before_its_replicas(cluster82: Cluster) -> None:
    found = [row["node"] for row in rows(ran(cluster82.nodes[0], "--json", "all", "PING"))]

    for primary in cluster82.primaries():
        assert found[found.index(at(primary)) + 1] == at(cluster82.replica_of(primary))


def test_it_can_be_said_where(cluster82: Cluster) -> None:
    server = cluster82.nodes[0]

    replicas = rows(ran(server, "--json", "all", "--replicas", "DBSIZE"))
    nobody_knows = ran(server, "all", "NO.SUCH")
    told = ran(server, "--json", "all", "--primaries", "NO.SUCH")

    assert {row["node"] for row in replicas} == {at(node) for node in cluster82.replicas()}
    assert nobody_knows == Ran(
        2, b"", b"it is not known whether that command writes; say where: --primaries, --replicas, or both\n"
    )
    assert told.code == 1
    assert [row["role"] for row in rows(told)] == ["primary"] * 3
    assert all("unknown command 'NO.SUCH'" in row["error"] for row in rows(told))


@pytest.fixture
def without(cluster82: Cluster) -> Iterator[Server]:
    """Return a replica that is down; it is up again when the test is over."""
    replica = cluster82.replicas()[0]
    cluster82.kill(replica)
    yield replica
    replica.restart()
    cluster82.wait_until_agreed()


def test_a_node_that_is_down_is_named_in_its_row(cluster82: Cluster, without: Server) -> None:
    server = cluster82.primaries()[0]

    people = ran(server, "--format", "human", "all", "PING", env={"COLUMNS": "200"})
    programs = ran(server, "--format", "csv", "all", "PING")
    nobody = ran(server, "--json", "all", "FLUSHALL", "NOW")

    assert (people.code, programs.code, nobody.code) == (7, 7, 1)
    [line] = [line for line in people.stdout.decode().splitlines() if line.startswith(at(without))]
    assert "replica" in line
    assert f"cannot connect to {at(without)}: connection refused" in line
    found = list(csv.DictReader(programs.stdout.decode().splitlines()))
    assert len(found) == 6
    assert [row["node"] for row in found if row["error"]] == [at(without)]
    assert [row["reply"] for row in found].count("PONG") == 5
    assert all("syntax error" in row["error"] for row in rows(nobody))


def test_who_may_not_see_the_shards_sees_the_nodes(cluster82: Cluster) -> None:
    for node in cluster82.nodes:
        node.command("ACL", "SETUSER", "ops", "on", "nopass", "+ping", "+cluster|nodes")
    server = cluster82.nodes[0]

    done = ran(server, "--user", "ops", "--format", "json", "all", "PING", env={"REDISCLI_AUTH": "x"})
    refused = ran(server, "--user", "ops", "--json", "all", "DBSIZE", env={"REDISCLI_AUTH": "x"})

    assert [row["reply"] for row in rows(done)] == ["PONG"] * 6
    assert {row["node"] for row in rows(done)} == {at(node) for node in cluster82.nodes}
    assert refused.code == 1
    assert all(row["error"].startswith("(error) NOPERM") for row in rows(refused))


def test_a_primary_and_its_replicas_are_asked_where_there_is_no_cluster(sentinels82: Sentinels) -> None:
    primary, replicas = sentinels82.primary(), sentinels82.replicas()
    primary.command("SET", "greeting", "hello")
    host, port = sentinels82.addresses[0]
    everybody = {at(primary): "primary", **{at(replica): "replica" for replica in replicas}}

    by_replica = rows(ran(replicas[0], "--json", "all", "PING"))
    by_sentinel = ran(
        "-u", f"sentinel://{host}:{port}/{sentinels82.name}", "--json", "all", "GET", "greeting"
    )

    assert {row["node"]: row["role"] for row in by_replica} == everybody
    assert {row["node"]: row["role"] for row in rows(by_sentinel)} == everybody
    assert rows(by_sentinel)[0]["reply"] == "hello"


def test_a_replica_that_is_asked_has_a_row_though_its_primary_does_not_name_it(
    make_server: MakeServer,
) -> None:
    top, below, last, alone = (make_server("redis70") for _ in range(4))
    top.command("CONFIG", "SET", "repl-diskless-sync-delay", 0)
    below.command("REPLICAOF", top.host, top.port)
    last.command("REPLICAOF", below.host, below.port)
    for server in (top, below):
        wait_until(lambda server=server: b"state=online" in server.command("INFO", "replication"))
    # One that never gets its link: its primary does not know such a user.
    alone.command("CONFIG", "SET", "masteruser", "nobody", "masterauth", "secret")
    alone.command("REPLICAOF", below.host, below.port)

    for asked in (last, alone):
        told = rows(ran("-p", str(asked.port), "--json", "all", "PING"))
        everybody = {at(top): "primary", at(below): "replica", at(asked): "replica"}
        assert {row["node"]: row["role"] for row in told} == everybody


def test_one_server_alone_is_a_primary(redis82: Server) -> None:
    alone = ran("-p", str(redis82.port), "--format", "human", "all", "DBSIZE")
    no_replica = ran("-p", str(redis82.port), "all", "--replicas", "DBSIZE")

    assert alone.code == 0
    assert alone.stdout.decode().splitlines()[1].split()[:2] == [at(redis82), "primary"]
    assert (no_replica.code, no_replica.stdout) == (3, b"")
    assert no_replica.said == f"no replica is known to {at(redis82)}; nothing was sent\n"


def test_a_read_only_session_refuses_once_for_all(cluster82: Cluster) -> None:
    refused = ran(cluster82.nodes[0], "--read-only", "all", "FLUSHALL")
    twin = rows(ran(cluster82.nodes[0], "--read-only", "--json", "all", "EVAL", "return 1", "0"))

    assert (refused.code, refused.stdout, refused.said.count("\n")) == (6, b"", 1)
    assert "FLUSHALL is a write command" in refused.said
    assert [row["reply"] for row in twin] == [1] * 6


def test_nodes_are_asked_where_they_are_reached(
    cluster82: Cluster, background_proxy: MakeBackgroundProxy
) -> None:
    node = cluster82.replicas()[0]
    proxy = background_proxy(node)
    mapped = f"{at(node)}=127.0.0.1:{proxy.port}"
    here = "-p", str(cluster82.nodes[0].port)
    expected = {f"127.0.0.1:{proxy.port}", *(at(other) for other in cluster82.nodes if other is not node)}

    for follows in (("-c",), ()):
        told = rows(ran(*here, *follows, "--natmap", mapped, "--json", "all", "PING"))
        assert {row["node"] for row in told} == expected


def test_replicas_are_asked_where_they_are_reached(
    sentinels82: Sentinels, background_proxy: MakeBackgroundProxy
) -> None:
    primary, replicas = sentinels82.primary(), sentinels82.replicas()
    proxy = background_proxy(replicas[0])
    mapped = f"{at(replicas[0])}=127.0.0.1:{proxy.port}"
    host, port = sentinels82.addresses[0]
    expected = {at(primary), f"127.0.0.1:{proxy.port}", *map(at, replicas[1:])}

    for here in (("-u", f"sentinel://{host}:{port}/{sentinels82.name}"), ("-p", str(primary.port))):
        told = rows(ran(*here, "--natmap", mapped, "--json", "all", "PING"))
        assert {row["node"] for row in told} == expected


# -- what is shown


def test_long_replies_stand_below_and_equal_ones_once(cluster82: Cluster) -> None:
    done = ran(
        cluster82.nodes[0], "--format", "human", "all", "COMMAND", "DOCS", "GET", env={"COLUMNS": "300"}
    )
    info = ran(cluster82.nodes[0], "--json", "all", "--primaries", "INFO", "cpu")

    lines = done.stdout.decode().splitlines()
    assert [line.split()[-1] for line in lines[1:7]] == ["below"] * 6
    assert all(f"{at(node)} (" in lines[8] for node in cluster82.nodes)
    assert sum("Returns the string value" in line for line in lines) == 1
    assert all("used_cpu_sys" in row["reply"]["CPU"] for row in rows(info))


# -- decisions


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("DBSIZE", ("primary", "replica")),
        ("CONFIG SET maxmemory 1gb", ("primary", "replica")),
        ("INFO", ("primary", "replica")),
        ("FLUSHALL", ("primary",)),
        ("FUNCTION LOAD x", ("primary",)),
        ("EVAL_RO return 0", ("primary", "replica")),
        ("SCRIPT LOAD x", ("primary", "replica")),
        ("ACL LOG", ("primary", "replica")),
    ],
)
def test_the_facts_say_whom_a_command_concerns(line: str, expected: tuple[str, ...]) -> None:
    argv = [word.encode() for word in line.split()]
    assert tuple(roles(TABLE.find(argv), argv)) == expected
    assert tuple(roles(TABLE.find(argv), argv, ("replica",))) == ("replica",)


@pytest.mark.parametrize("line", ["NO.SUCH", "PUBLISH a b", "CLIENT KILL ID 1"])
def test_what_is_neither_a_read_nor_a_write_needs_a_place(line: str) -> None:
    argv = [word.encode() for word in line.split()]
    with pytest.raises(UsageError, match="say where"):
        roles(TABLE.find(argv), argv)
    assert tuple(roles(TABLE.find(argv), argv, ("primary",))) == ("primary",)


@pytest.mark.parametrize(
    "line",
    [
        "SELECT 1",
        "MULTI",
        "SUBSCRIBE a",
        "MONITOR",
        "AUTH x",
        "BLPOP k 0",
        "WAIT 1 0",
        "SET k v",
        "CLIENT REPLY OFF",
    ],
)
def test_what_is_about_one_connection_waits_or_writes_a_key_is_refused(line: str) -> None:
    argv = [word.encode() for word in line.split()]
    for found in (IN_CLUSTER, IN_GROUP):
        assert "send it without all" in refusal(TABLE.find(argv), argv, found)


def test_a_key_is_read_everywhere_only_where_every_node_has_it() -> None:
    argv = [b"GET", b"k"]
    assert not refusal(TABLE.find(argv), argv, IN_GROUP)
    assert "-c finds that node" in refusal(TABLE.find(argv), argv, IN_CLUSTER)
    assert not refusal(TABLE.find([b"EVAL"]), [b"EVAL", b"return 1", b"0"], IN_CLUSTER)


def test_flags_then_commands_then_subcommands_are_completed() -> None:
    def offered(*words: str, typed: str = "") -> list[str]:
        found = behind_all(words, typed, TABLE)
        return [choice.text for choice in found if isinstance(choice, Choice)]

    assert offered(typed="--") == ["--primaries", "--replicas"]
    assert offered("--primaries", typed="dbs") == ["--replicas", "DBSIZE"]
    assert "RESETSTAT" in offered("--primaries", "config", typed="res")
    assert "ASYNC" in offered("flushall")
    assert offered("get", "k") == []
