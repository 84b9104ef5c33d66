"""The texts of real servers, read as values, and texts of nobody, which stay as they came."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from pyredis.commands.spec import TABLE
from pyredis.types import Attributed, Map, Reply
from pyredis_cli.render.machine import json_text
from pyredis_cli.render.texts import parsed, structured
from tests.clusters import Cluster
from tests.conftest import MakeServer
from tests.program import ran
from tests.servers import Server

FORMS = ("client", "clients", "fields", "info", "node", "nodes", "object", "user")
FAMILY = ("redis62", "redis70", "redis82", "valkey9")
NODE = b"07c37dfeb235213a872192d90877d0cd55635b91"
OTHER = b"67ed2db8d677e59ec4a4cefb06858cf2a1a89fa1"


@pytest.fixture(params=FAMILY)
def any_server(request: pytest.FixtureRequest, shared_server: Callable[[str], Server]) -> Server:
    return shared_server(request.param)


def read(server: Server, *argv: str) -> Any:
    """Return what is in the reply of a server, by the facts of the command, as JSON's reader has it."""
    words = [word.encode() for word in argv]
    spec = TABLE.find(words)
    assert spec is not None
    reply = server.command(*argv)
    found = structured(reply, spec.text_for(words))  # type: ignore[arg-type]
    assert found is not reply, "read as no text of that form"
    return json.loads(json_text(found))


# -- real texts


def test_info_is_sections_of_typed_fields(any_server: Server) -> None:
    any_server.command("SET", "k", "v")
    text = any_server.command("INFO", "everything")
    assert isinstance(text, bytes)

    sections = read(any_server, "INFO", "everything")

    lines = [line for line in text.decode().splitlines() if line]
    assert list(sections) == [line[2:] for line in lines if line.startswith("# ")]
    assert sections["Server"]["tcp_port"] == any_server.port
    assert sections["Server"]["redis_version"].count(".") == 2
    assert isinstance(sections["Server"]["redis_git_sha1"], str)
    assert isinstance(sections["Replication"]["master_replid2"], str)
    assert isinstance(sections["Memory"]["mem_fragmentation_ratio"], float)
    assert sections["Keyspace"]["db0"]["keys"] == 1
    assert sections["Commandstats"]["cmdstat_set"]["calls"] >= 1


def test_no_field_of_info_is_lost(any_server: Server) -> None:
    text = any_server.command("INFO", "all")
    assert isinstance(text, bytes)
    names = [line.partition(":")[0] for line in text.decode().splitlines() if ":" in line]

    sections = parsed(text, "info")

    assert isinstance(sections, dict)
    found = [name for fields in sections.values() for name in fields]  # type: ignore[union-attr]
    assert found == list(dict.fromkeys(names))


@pytest.mark.parametrize("section", ["server", "nosuch"])
def test_info_of_one_section_has_that_one_at_most(any_server: Server, section: str) -> None:
    assert list(read(any_server, "INFO", section)) == (["Server"] if section == "server" else [])


def test_modules_are_a_list_however_many_there_are(server: Server) -> None:
    modules = read(server, "INFO", "modules")["Modules"]["module"]

    assert [type(module["name"]) for module in modules] == [str] * len(modules) != []
    assert all(isinstance(module["using"], list) for module in modules)


def test_a_server_with_modules_is_read_as_well(modules82: Server) -> None:
    sections = read(modules82, "INFO", "everything")

    assert {module["name"] for module in sections["Modules"]["module"]} >= {"search", "ReJSON", "bf"}


def test_clients_are_maps(any_server: Server) -> None:
    any_server.command("CLIENT", "SETNAME", "7")

    [client] = [client for client in read(any_server, "CLIENT", "LIST") if client["name"] == "7"]

    assert client["db"] == 0
    assert client["multi"] == -1
    assert any_server.unix_path in client["laddr"]
    assert client["cmd"] == ("client" if any_server.version.startswith("6") else "client|list")
    assert read(any_server, "CLIENT", "INFO")["id"] == client["id"]


def test_a_list_of_no_clients_is_empty(any_server: Server) -> None:
    assert read(any_server, "CLIENT", "LIST", "TYPE", "pubsub") == []


def test_the_object_that_debug_shows_is_a_map(make_server: MakeServer) -> None:
    server = make_server("redis82", "enable-debug-command yes")
    server.command("RPUSH", "k", *map(str, range(9000)))

    shown = read(server, "DEBUG", "OBJECT", "k")

    assert shown["at"].startswith("0x")
    assert shown["refcount"] == 1
    assert shown["encoding"] == "quicklist"
    assert shown["ql_nodes"] > 0


def test_users_are_maps_of_their_rules(any_server: Server) -> None:
    any_server.command("ACL", "SETUSER", "7", "off", "nopass", "~a:*", "+get")

    users = {user["user"]: user for user in read(any_server, "ACL", "LIST")}

    assert users["default"]["enabled"] is True
    assert users["7"]["enabled"] is False
    assert {"nopass", "~a:*", "+get"} < set(users["7"]["rules"])


def test_a_selector_is_one_rule(server: Server) -> None:
    server.command("ACL", "SETUSER", "u", "on", "(~a +get)", "(~b(c +set)")

    [user] = [user for user in read(server, "ACL", "LIST") if user["user"] == "u"]

    rules = [rule for rule in user["rules"] if rule.startswith("(")]
    assert [(rule.split()[0], rule[-1]) for rule in rules] == [("(~a", ")"), ("(~b(c", ")")]


def test_nodes_know_their_slots_and_which_of_them_move(cluster: Cluster) -> None:
    target = cluster.primary_of(16383)
    source = cluster.begin_migration(0, target)

    nodes = {node["id"]: node for node in read(source, "CLUSTER", "NODES")}

    mine, other = nodes[cluster.id(source)], nodes[cluster.id(target)]
    assert len(nodes) == len(cluster.everybody)
    assert "myself" in mine["flags"]
    assert "master" in mine["flags"]
    assert (mine["ip"], mine["port"]) == ("127.0.0.1", source.port)
    assert mine["link-state"] == "connected"
    assert mine["slots"][0][0] == 0
    assert other["slots"][-1][1] == 16383
    assert mine["migrating"] == [{"slot": 0, "node": other["id"]}]
    assert read(target, "CLUSTER", "NODES")[0].keys() == mine.keys()
    importing = [node["importing"] for node in read(target, "CLUSTER", "NODES") if node["importing"]]
    assert importing == [[{"slot": 0, "node": mine["id"]}]]
    assert sum(last - first + 1 for node in nodes.values() for first, last in node["slots"]) == 16384


def test_replicas_are_nodes_too(cluster: Cluster) -> None:
    primary = cluster.primary_of(0)

    [replica] = read(primary, "CLUSTER", "REPLICAS", cluster.id(primary))

    assert replica["primary"] == cluster.id(primary)
    assert replica["slots"] == []


def test_what_a_cluster_says_of_itself_is_a_map(cluster: Cluster) -> None:
    about = read(cluster.primary_of(0), "CLUSTER", "INFO")

    assert about["cluster_state"] == "ok"
    assert about["cluster_slots_assigned"] == 16384


# -- forms that servers write seldom


@pytest.mark.parametrize(
    ("line", "found"),
    [
        (b"a:1", 1),
        (b"a:-1", -1),
        (b"a:007", "007"),
        (b"a:-0", "-0"),
        (b"a:1e5", "1e5"),
        (b"a:" + b"9" * 5000, "9" * 5000),
        (b"a:1.10", 1.1),
        (b"a:nan", "nan"),
        ("a:１".encode(), "１"),
        (b"a:99.40%", "99.40%"),
        (b"a:", ""),
        (b"a:b:c=d", "b:c=d"),
        (b"a:b=1,c=[x|y],d=[]", {"b": 1, "c": ["x", "y"], "d": []}),
        (b"a:b=x,y,c=2", {"b": "x,y", "c": 2}),
        (b"a:bind=x,bind=y", {"bind": ["x", "y"]}),
        (b"a:bind=x", {"bind": ["x"]}),
        (b"a:\xff", {"$base64": "/w=="}),
        (b"redis_git_sha1:12345678", "12345678"),
        (b"config_file:a=b", "a=b"),
        (b"availability_zone:1", "1"),
        (b"used_cpu_user:1.5", 1.5),
        (b"master_user:1", "1"),
    ],
)
def test_a_field_has_the_type_of_its_value(line: bytes, found: object) -> None:
    name = line.partition(b":")[0].decode()
    for ending in (b"\n", b"\r\n", b""):
        written = json_text(parsed(b"# S\r\n" + line + ending, "info"))
        assert json.loads(written) == {"S": {name: found}}


def test_digits_stay_as_the_server_wrote_them() -> None:
    assert json_text(parsed(b"a:1.10\nb:18446744073709551615\n", "fields")) == (
        b'{"a":1.10,"b":18446744073709551615}\n'
    )


def test_a_field_that_repeats_is_a_list() -> None:
    assert parsed(b"a:1\na:2\na:3\n", "fields") == {"a": [1, 2, 3]}


def test_an_address_may_be_a_path_with_blanks() -> None:
    client = parsed(b"id=1 addr=/a b/s:0 name=x=y user=7\n", "client")
    assert client == {"id": 1, "addr": "/a b/s:0", "name": "x=y", "user": "7"}


@pytest.mark.parametrize(
    ("place", "ip", "port", "bus_port", "hostname"),
    [
        (b"127.0.0.1:7000@17000", "127.0.0.1", 7000, 17000, ""),
        (b"::1:7000@17000,host", "::1", 7000, 17000, "host"),
        (b":0@0,,tls-port=0,shard-id=1", "", 0, 0, ""),
        (b"10.0.0.1:7000", "10.0.0.1", 7000, None, ""),
    ],
)
def test_a_node_is_somewhere(place: bytes, ip: str, port: int, bus_port: int | None, hostname: str) -> None:
    node = parsed(NODE + b" " + place + b" noflags - 0 0 1 disconnected 5 7-9 [5->-" + OTHER + b"]", "node")
    assert isinstance(node, dict)
    assert [node["ip"], node["port"], node["bus-port"], node["hostname"]] == [ip, port, bus_port, hostname]
    assert [node["flags"], node["primary"], node["slots"]] == [[], None, [[5, 5], [7, 9]]]
    assert node["migrating"] == [{"slot": 5, "node": OTHER.decode()}]


def test_what_is_said_behind_a_hostname_has_its_name() -> None:
    line = NODE + b" 10.0.0.1:7000@17000,,tls-port=0,shard-id=12 noflags - 0 0 1 connected"
    node = parsed(line, "node")
    assert isinstance(node, dict)
    assert [node["hostname"], node["tls-port"], node["shard-id"]] == ["", "0", "12"]


@pytest.mark.parametrize("behind", [b"nameless", b"id=1", b"a=1,a=2", b""])
def test_a_node_of_which_something_would_be_lost_stays_text(behind: bytes) -> None:
    assert (
        parsed(NODE + b" 10.0.0.1:7000@17000,host," + behind + b" noflags - 0 0 1 connected", "node") is None
    )


@pytest.mark.parametrize(
    ("form", "text"),
    [
        ("info", b"redis_version:8.2.3\r\n"),
        ("info", b"# Server\r\nno colon\r\n"),
        ("fields", b"cluster_state\r\n"),
        ("clients", b"id=1 name=\nOK\n"),
        ("client", b""),
        ("client", b"id=1\nid=2"),
        ("nodes", NODE + b" 127.0.0.1:1@2 master - 0 0 x connected"),
        ("nodes", NODE + b" 127.0.0.1:1@2 master - 0 0 1 connected 1-2-3"),
        ("node", b""),
        ("user", b"default on"),
        ("user", b"user default nopass"),
        ("user", b"user default on (~a"),
        ("object", b"OK"),
    ],
)
def test_what_does_not_look_like_its_form_stays_as_it_came(form: str, text: bytes) -> None:
    assert parsed(text, form) is None
    assert structured(text, form) is text


def test_a_list_is_read_whole_or_not_at_all() -> None:
    users: list[Reply] = [b"user a on", b"who knows"]
    assert structured(users, "user") is users
    assert structured([b"user a on", 1], "user") == [b"user a on", 1]


def test_other_replies_come_back_as_they_are() -> None:
    replies: list[Reply] = [None, 1, Map([(b"a", b"b")]), Attributed(b"a:1", Map())]
    assert [structured(reply, None) for reply in replies] == replies
    assert structured(None, "info") is None
    assert structured(Attributed(b"a:1", Map()), "fields") == {"a": 1}


def test_attributes_around_a_text_may_be_as_many_as_a_server_likes() -> None:
    reply: Reply = b"a:1"
    for _ in range(5000):
        reply = Attributed(reply, Map([(b"k", b"v")]))
    assert structured(reply, "fields") == {"a": 1}


# Bytes that look more like a text than any bytes do.
_PARTS = st.sampled_from(
    [b"# ", b"id=", b"user ", b"Value at:", b"a", b"=", b":", b",", b" ", b"\n", b"\r\n", b"1", b"-", b".5",
     b"[", b"]", b"->-", b"|", b"(", b")", b"on", b"bind=", b"@", b"\xff", "é".encode(), b"\x85", b"\x00"]
)  # fmt: skip
TEXTS = st.one_of(st.binary(), st.lists(_PARTS, max_size=40).map(b"".join))


@given(TEXTS, st.sampled_from(FORMS))
@example(b"a:" + b"1" * 10_000, "fields")
@example(b"# \xff\n\xff:\xff=\xff", "info")
def test_no_text_is_ever_refused(text: bytes, form: str) -> None:
    found = parsed(text, form)
    json.loads(json_text(found))
    assert found is None or isinstance(found, (dict, list))


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize(
    "part", [b"(a ", b"a_", b"a=,", b"a:", b",a=1", b" a=", b"\n", b"1:", b"[5->-", b"- "]
)
def test_the_work_grows_as_the_text_does(form: str, part: bytes) -> None:
    for start in (b"", b"# a\na:", b"id=1 ", b"user a on ", b"Value at:"):
        began = time.process_time()
        parsed(start + part * (1_000_000 // len(part)), form)
        assert time.process_time() - began < 5, start


@given(st.lists(st.tuples(st.text("abcdef_", min_size=1), st.binary()), unique_by=lambda field: field[0]))
def test_every_field_comes_back(fields: list[tuple[str, bytes]]) -> None:
    clean = [(name, value.replace(b"\n", b"").replace(b"\r", b"")) for name, value in fields]
    found = parsed(b"\n".join(b"%b:%b" % (name.encode(), value) for name, value in clean), "fields")
    assert isinstance(found, dict)
    assert list(found) == [name for name, _ in clean]


# -- what programs get


@pytest.mark.parametrize("protocol", ["-2", "-3"])
def test_json_has_what_is_in_a_text(server: Server, protocol: str) -> None:
    script = b"SET k v\nINFO keyspace\nCLIENT INFO\nACL LIST\nHGETALL none\nLOLWUT VERSION 1\nINFO a b c d\n"

    lines = ran(server, "--json", protocol, stdin=script).stdout.splitlines()

    _, info, client, users, pairs, art, nothing = map(json.loads, lines)
    assert info["Keyspace"]["db0"]["keys"] == 1
    assert client["resp"] == int(protocol[1:])
    assert users[0]["user"] == "default"
    assert pairs == ([] if protocol == "-2" else {})
    assert isinstance(art, str)
    assert nothing == {}
    [once] = ran(server, "--json", protocol, "INFO", "keyspace").stdout.splitlines()
    assert json.loads(once) == info


@pytest.mark.parametrize("flag", ["--raw", "--no-raw"])
def test_other_formats_have_the_text(server: Server, flag: str) -> None:
    assert b"\ntcp_port:" in ran(server, flag, "INFO", "server").stdout.replace(b"\r", b"")
    assert b"user default on" in ran(server, flag, "ACL", "LIST").stdout


def test_an_error_in_the_place_of_a_text_is_an_error(server: Server) -> None:
    [line] = ran(server, "--json", stdin=b"CLUSTER NODES\n").stdout.splitlines()

    assert json.loads(line)["error"]["code"] == "ERR"
