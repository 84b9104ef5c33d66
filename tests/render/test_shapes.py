"""What replies are: of real servers in both protocols, of hostile ones, and of a million elements."""

from __future__ import annotations

import shlex
import socket
import tracemalloc
from collections.abc import Callable, Iterator, Sequence
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pyredis.commands.spec import TABLE
from pyredis.exceptions import ReplyError
from pyredis.resp.decode import INCOMPLETE, TypedDecoder
from pyredis.resp.encode import encode
from pyredis.types import Attributed, Double, Map, Push, Reply, Set, Status, Verbatim
from pyredis_cli.render.shapes import (
    Entries,
    Entry,
    Error,
    Found,
    Items,
    Page,
    Pairs,
    Positions,
    Rows,
    Scalar,
    Scores,
    Sections,
    Shape,
    Streams,
    Text,
    Tree,
    shape,
)
from tests.clusters import Cluster
from tests.sentinels import Sentinels
from tests.servers import Server
from tests.strategies import Sample, pushes, replies, spelled

Told = Callable[[str], Shape]


def argv_of(line: str) -> list[bytes]:
    return [word.encode() for word in shlex.split(line)]


def shape_of(line: str, reply: Reply) -> Shape:
    argv = argv_of(line)
    return shape(argv, TABLE.find(argv), reply)


class Asked:
    """A connection as the REPL has it, with the decoder that keeps wire types."""

    def __init__(self, server: Server, protocol: int) -> None:
        self.protocol = protocol
        self._socket = socket.socket(socket.AF_UNIX)
        self._socket.connect(server.unix_path)
        self._decoder = TypedDecoder()
        self(f"HELLO {protocol}")

    def __call__(self, line: str) -> Reply:
        self._socket.sendall(encode(argv_of(line)))
        while (reply := self._decoder.next()) is INCOMPLETE:
            self._decoder.feed(self._socket.recv(1 << 16))
        return reply

    def shape(self, line: str) -> Shape:
        return shape_of(line, self(line))

    def close(self) -> None:
        self._socket.close()


@pytest.fixture(params=[2, 3])
def asked(request: pytest.FixtureRequest, server: Server) -> Iterator[Asked]:
    connection = Asked(server, request.param)
    yield connection
    connection.close()


@pytest.fixture(params=[("redis62", 2), ("redis62", 3), ("redis70", 2), ("redis70", 3)], ids=str)
def asked_old(request: pytest.FixtureRequest, shared_server: Callable[[str], Server]) -> Iterator[Asked]:
    name, protocol = request.param
    connection = Asked(shared_server(name), protocol)
    yield connection
    connection.close()


def numbers(pairs: Sequence[tuple[Reply, Reply]]) -> list[tuple[Reply, float]]:
    return [(member, float(score)) for member, score in pairs]  # type: ignore[arg-type]


# -- real replies


def test_scalars_errors_and_lists_are_what_the_wire_says(asked: Asked) -> None:
    assert asked.shape("SET k v") == Scalar(Status(b"OK"))
    assert asked.shape("GET k") == Scalar(b"v")
    assert asked.shape("GET none") == Scalar(None)
    assert asked.shape("DEL none") == Scalar(0)
    error = asked.shape("LPUSH k a")
    assert isinstance(error, Error)
    assert error.error.code == "WRONGTYPE"
    asked("RPUSH l a b")
    asked("SADD s a")
    assert asked.shape("LRANGE l 0 -1") == Items([b"a", b"b"])
    assert asked.shape("MGET k none") == Items([b"v", None])
    assert asked.shape("SMEMBERS s") == Items([b"a"])
    assert asked.shape("LRANGE none 0 -1") == Items([])
    tree = asked.shape("EVAL 'return {1,{2,{3}}}' 0")
    assert tree == Tree([1, [2, [3]]])
    assert type(tree) is Tree


def test_maps_are_pairs_in_both_protocols(asked: Asked) -> None:
    asked("HSET h f v g w")
    found = asked.shape("HGETALL h")
    assert isinstance(found, Pairs)
    assert list(found.pairs) == [(b"f", b"v"), (b"g", b"w")]
    assert found.pairs[1] == (b"g", b"w")
    assert list(found.pairs[-1:]) == [(b"g", b"w")]
    for line in ("CONFIG GET max*", "MEMORY STATS", "HELLO", "ACL GETUSER default", "COMMAND DOCS get"):
        assert isinstance(asked.shape(line), Pairs), line
    assert list(asked.shape("HGETALL none").pairs) == []  # type: ignore[union-attr]
    assert [dict(asked.shape(f"HRANDFIELD h {count} WITHVALUES").pairs) for count in (1, 2)][1] == {  # type: ignore[union-attr]
        b"f": b"v",
        b"g": b"w",
    }


@pytest.mark.parametrize(
    "line",
    [
        "ZRANGE z 0 -1 WITHSCORES",
        "ZRANGEBYSCORE z -inf +inf WITHSCORES",
        "ZUNION 1 z WITHSCORES",
        "ZRANDMEMBER z 2 WITHSCORES",
        "ZPOPMIN z 2",
    ],
)
def test_scores_are_told_in_both_protocols(asked: Asked, line: str) -> None:
    asked("ZADD z 1 a 2.5 b")
    found = asked.shape(line)
    assert isinstance(found, Scores)
    assert len(found.pairs) == 2
    assert sorted(numbers(found.pairs)) == [(b"a", 1), (b"b", 2.5)]


def test_one_popped_member_has_its_score(asked: Asked) -> None:
    asked("ZADD z 1 a 2.5 b")
    found = asked.shape("ZPOPMAX z")
    assert isinstance(found, Scores)
    assert numbers(found.pairs) == [(b"b", 2.5)]
    nothing = asked.shape("ZPOPMAX none")
    assert isinstance(nothing, Scores)
    assert list(nothing.pairs) == []
    assert asked.shape("ZRANGE z 0 -1") == Items([b"a"])


def test_a_page_has_a_cursor_and_items_of_their_own_shape(asked: Asked) -> None:
    asked("SADD s a")
    asked("HSET h f v")
    asked("ZADD z 1 a")
    keys, members, fields, scores = map(asked.shape, ("SCAN 0", "SSCAN s 0", "HSCAN h 0", "ZSCAN z 0"))
    assert isinstance(keys, Page)
    assert keys.cursor == b"0"
    assert isinstance(keys.items, Items)
    assert sorted(keys.items.items) == [b"h", b"s", b"z"]  # type: ignore[type-var]
    assert members == Page(b"0", Items([b"a"]))
    assert isinstance(fields, Page)
    assert isinstance(fields.items, Pairs)
    assert list(fields.items.pairs) == [(b"f", b"v")]
    assert isinstance(scores, Page)
    assert isinstance(scores.items, Scores)
    assert numbers(scores.items.pairs) == [(b"a", 1)]
    assert asked.shape("HSCAN h 0 NOVALUES") == Page(b"0", Items([b"f"]))


def stream(asked: Asked) -> None:
    for line in (
        "XADD x 1-1 f v",
        "XADD x 1-2 f w g u",
        "XGROUP CREATE x g 0",
        "XREADGROUP GROUP g c STREAMS x >",
    ):
        asked(line)


def entries(found: object) -> list[tuple[bytes | None, list[Any] | None]]:
    assert isinstance(found, Entries)
    return [(entry.id, None if entry.fields is None else list(entry.fields.pairs)) for entry in found.entries]


ONE = (b"1-1", [(b"f", b"v")])
TWO = (b"1-2", [(b"f", b"w"), (b"g", b"u")])


def test_entries_have_an_id_and_fields(asked: Asked) -> None:
    stream(asked)
    assert entries(asked.shape("XRANGE x - +")) == [ONE, TWO]
    assert entries(asked.shape("XREVRANGE x + - COUNT 1")) == [TWO]
    assert entries(asked.shape("XCLAIM x g d 0 1-1")) == [ONE]
    assert asked.shape("XCLAIM x g d 0 1-1 JUSTID") == Items([b"1-1"])
    assert entries(asked.shape("XRANGE none - +")) == []


def test_streams_are_read_by_their_keys(asked: Asked) -> None:
    stream(asked)
    asked("XADD y 2-1 f v")
    found = asked.shape("XREAD STREAMS x y 0 0")
    assert isinstance(found, Streams)
    assert [(key, entries(read)) for key, read in found.streams] == [
        (b"x", [ONE, TWO]),
        (b"y", [(b"2-1", [(b"f", b"v")])]),
    ]
    asked("XDEL x 1-1")
    found = asked.shape("XREADGROUP GROUP g c STREAMS x 0")
    assert isinstance(found, Streams)
    assert [(key, entries(read)) for key, read in found.streams] == [(b"x", [(b"1-1", None), TWO])]
    assert asked.shape("XREAD STREAMS x $") == Scalar(None)


def test_claimed_entries_are_a_page(asked: Asked) -> None:
    stream(asked)
    asked("XDEL x 1-2")
    found = asked.shape("XAUTOCLAIM x g d 0 0")
    assert isinstance(found, Page)
    assert found.cursor == b"0-0"
    assert entries(found.items) == [ONE]
    assert found.rest == ([b"1-2"],)
    assert asked.shape("XAUTOCLAIM x g d 0 0 JUSTID") == Page(b"0-0", Items([b"1-1"]), ([],), ("deleted",))


def test_members_are_somewhere(asked: Asked) -> None:
    asked("GEOADD geo 13.3 38.1 palermo 15 37 catania")
    found = asked.shape("GEOPOS geo palermo nowhere catania")
    assert isinstance(found, Positions)
    assert [(member, where and round(float(where[0]))) for member, where in found.positions] == [  # type: ignore[arg-type]
        (b"palermo", 13),
        (b"nowhere", None),
        (b"catania", 15),
    ]
    near = asked.shape("GEOSEARCH geo FROMMEMBER palermo BYRADIUS 200 km ASC WITHCOORD WITHDIST")
    assert isinstance(near, Rows)
    assert near.columns == ("member", "distance", "position")
    assert [dict(row)["member"] for row in near.rows] == [b"palermo", b"catania"]
    assert len(dict(near.rows[0])["position"]) == 2  # type: ignore[arg-type]
    assert asked.shape("GEOSEARCH geo FROMMEMBER palermo BYRADIUS 1 km") == Items([b"palermo"])
    assert isinstance(asked.shape("GEORADIUS geo 15 37 9 km WITHHASH"), Rows)


def test_rows_have_names(asked: Asked) -> None:
    stream(asked)
    asked("CONFIG SET slowlog-log-slower-than 0")
    for line, columns in {
        "SLOWLOG GET 1": ("id", "time", "duration", "command", "address", "name"),
        "XPENDING x g - + 9": ("id", "consumer", "idle", "deliveries"),
        "COMMAND GETKEYSANDFLAGS SET k v": ("key", "flags"),
        "TIME": ("seconds", "microseconds"),
    }.items():
        found = asked.shape(line)
        assert isinstance(found, Rows), line
        assert found.columns == columns
    info = asked.shape("COMMAND INFO get")
    assert isinstance(info, Rows)
    assert dict(info.rows[0])["name"] == b"get"
    assert info.columns[-1] == "subcommands"
    assert isinstance(asked.shape("COMMAND INFO get nosuch"), Tree)
    assert first_row(asked.shape("XPENDING x g")) == {
        "count": 2,
        "smallest-id": b"1-1",
        "greatest-id": b"1-2",
        "consumers": Map([(b"c", b"2")]),
    }
    asked("XACK x g 1-1 1-2")
    assert list(first_row(asked.shape("XPENDING x g")).values()) == [0, None, None, None]


def first_row(found: Shape) -> dict[Any, Any]:
    assert isinstance(found, Rows)
    return dict(found.rows[0])


def test_a_role_says_what_follows_it(asked: Asked) -> None:
    alone = first_row(asked.shape("ROLE"))
    assert alone == {"role": b"master", "offset": alone["offset"], "replicas": []}
    assert type(alone["offset"]) is int  # not 0 where somebody has been a replica
    replicas = Map([("host", b"::1"), ("port", b"7001"), ("offset", b"14")])
    assert first_row(shape_of("ROLE", [b"master", 14, [[b"::1", b"7001", b"14"]]]))["replicas"] == [replicas]
    assert first_row(shape_of("ROLE", [b"slave", b"::1", 7000, b"connected", 14])) == {
        "role": b"slave",
        "host": b"::1",
        "port": 7000,
        "state": b"connected",
        "offset": 14,
    }
    assert first_row(shape_of("ROLE", [b"sentinel", [b"a"]])) == {"role": b"sentinel", "primaries": [b"a"]}
    assert first_row(shape_of("ROLE", [b"other", 1])) == {"role": b"other", "2": 1}


MAPS_WITHIN = [
    ("COMMAND DOCS get", lambda found: dict(dict(found.pairs)[b"get"])[b"arguments"][0]),
    (
        "COMMAND DOCS config",
        lambda found: dict(dict(dict(found.pairs)[b"config"])[b"subcommands"])[b"config|get"],
    ),
    ("COMMAND INFO get", lambda found: first_row(found)["key-specs"][0]),
    ("COMMAND INFO get", lambda found: dict(first_row(found)["key-specs"][0])[b"begin_search"]),
    ("XINFO STREAM x FULL", lambda found: dict(found.pairs)[b"groups"][0]),
    ("XINFO STREAM x FULL", lambda found: dict(dict(found.pairs)[b"groups"][0])[b"consumers"][0]),
    ("FUNCTION LIST", lambda found: first_row(found)[b"functions"][0]),
    ("FUNCTION STATS", lambda found: dict(dict(found.pairs)[b"engines"])[b"LUA"]),
    ("LATENCY HISTOGRAM ping", lambda found: dict(dict(found.pairs)[b"ping"])[b"histogram_usec"]),
    ("MEMORY STATS", lambda found: dict(found.pairs)[b"db.0"]),
    ("ACL GETUSER ada", lambda found: dict(found.pairs)[b"selectors"][0]),
]


@pytest.mark.parametrize(("line", "within"), MAPS_WITHIN)
def test_maps_within_are_maps_in_both_protocols(
    asked: Asked, line: str, within: Callable[[Any], object]
) -> None:
    stream(asked)
    asked("PING")
    asked("ACL SETUSER ada (~a +get)")
    asked("FUNCTION LOAD '#!lua name=mine\nredis.register_function(\"f\", function() return 1 end)'")
    found = within(asked.shape(line))
    assert isinstance(found, Map)
    assert found


def test_maps_within_maps_have_an_end() -> None:
    reply: Reply = [b"arguments", [[b"name", b"a"]]]
    for _ in range(5000):
        reply = [b"arguments", [reply]]
    found = shape_of("COMMAND DOCS get", [b"get", reply])
    assert isinstance(found, Pairs)
    assert [name for name, _ in found.pairs] == [b"get"]


def test_what_pops_tells_from_where(asked: Asked) -> None:
    asked("RPUSH l e")
    asked("ZADD z 1 m 2 n")
    asked("RPUSH l f")
    [row] = asked.shape("ZMPOP 1 z MIN COUNT 1").rows  # type: ignore[union-attr]
    assert [name for name, _ in row] == ["key", "members"]
    asked("ZADD z 1 m")
    assert asked.shape("LMPOP 2 none l RIGHT") == Rows(((("key", b"l"), ("elements", [b"f"])),))
    assert asked.shape("BLPOP none l 1") == Rows(((("key", b"l"), ("element", b"e")),))
    popped = asked.shape("BZPOPMIN z 1")
    assert isinstance(popped, Rows)
    assert popped.columns == ("key", "member", "score")
    ranked = asked.shape("ZRANK z n WITHSCORE")
    assert isinstance(ranked, Rows)
    assert [(name, int(value)) for name, value in ranked.rows[0]] == [("rank", 0), ("score", 2)]  # type: ignore[arg-type]
    assert asked.shape("ZRANK z n") == Scalar(0)


def test_lists_of_maps_are_rows_in_both_protocols(asked: Asked) -> None:
    stream(asked)
    groups = asked.shape("XINFO GROUPS x")
    assert isinstance(groups, Rows)
    assert groups.columns[:4] == (b"name", b"consumers", b"pending", b"last-delivered-id")
    assert dict(groups.rows[0])[b"name"] == b"g"
    assert isinstance(asked.shape("XINFO CONSUMERS x g"), Rows)
    assert isinstance(asked.shape("MODULE LIST"), Rows)
    assert isinstance(asked.shape("ACL LOG"), Rows)


def test_texts_have_what_is_in_them(asked: Asked) -> None:
    info = asked.shape("INFO server")
    assert isinstance(info, Text)
    assert isinstance(info.reply, bytes)
    assert info.reply.startswith(b"# Server")
    assert isinstance(info.parsed, Sections)
    [(section, fields)] = info.parsed.sections
    assert (section, "tcp_port" in dict(fields)) == ("Server", True)
    clients = asked.shape("CLIENT LIST")
    assert isinstance(clients, Text)
    assert isinstance(clients.parsed, Rows)
    assert {"id", "addr", "user"} < set(clients.parsed.columns)
    assert [dict(row)["resp"] for row in clients.parsed.rows if dict(row)["resp"] == asked.protocol]
    users = asked.shape("ACL LIST")
    assert isinstance(users, Text)
    assert isinstance(users.parsed, Rows)
    nobody = asked.shape("CLIENT LIST TYPE pubsub")
    assert isinstance(nobody, Text)
    assert isinstance(nobody.parsed, Rows)
    assert nobody.parsed.columns == ()
    doctor = asked.shape("MEMORY DOCTOR")
    assert isinstance(doctor, Text)
    assert doctor.parsed is None


@pytest.mark.parametrize("protocol", [2, 3])
def test_modules_reply_in_shapes_too(modules82: Server, protocol: int) -> None:
    asked = Asked(modules82, protocol)
    for line in ("VADD v VALUES 2 1 1 a", "VADD v VALUES 2 1 1 b", "TOPK.RESERVE t 2", "TOPK.ADD t a a b"):
        asked(line)
    similar = asked.shape("VSIM v ELE a WITHSCORES")
    described = asked.shape("VSIM v ELE a WITHSCORES WITHATTRIBS")
    counts = asked.shape("TOPK.LIST t WITHCOUNT")
    layers, weighed = asked.shape("VLINKS v a"), asked.shape("VLINKS v a WITHSCORES")
    asked.close()
    assert isinstance(layers, Rows)
    assert dict(layers.rows[-1]) == {"links": [b"b"]}  # above it there is more or less by chance
    assert isinstance(weighed, Rows)
    assert numbers(cast("Any", dict(weighed.rows[-1])["links"])) == [(b"b", 1)]
    assert isinstance(similar, Scores)
    assert sorted(numbers(similar.pairs)) == [(b"a", 1), (b"b", 1)]
    assert type(described) is (Items if protocol == 2 else Pairs)
    assert isinstance(counts, Pairs)
    assert sorted(counts.pairs) == [(b"a", 2), (b"b", 1)]


@pytest.mark.parametrize("protocol", [2, 3])
def test_searches_find_hits_with_their_fields(modules82: Server, protocol: int) -> None:
    asked = Asked(modules82, protocol)
    asked("FT.CREATE books ON HASH PREFIX 1 book: SCHEMA title TEXT year NUMERIC SORTABLE")
    asked("HSET book:1 title Ulysses year 1922")
    asked("HSET book:2 title 'Finnegans Wake' year 1939")

    def hits(line: str) -> list[tuple[list[object], list[Any] | None]]:
        found = asked.shape(line)
        assert isinstance(found, Found), line
        assert found.total == 2
        return [
            ([value for _, value in hit.cells], hit.fields and list(hit.fields.pairs)) for hit in found.hits
        ]

    ulysses = [(b"title", b"Ulysses")]
    assert hits("FT.SEARCH books * SORTBY year LIMIT 0 1 RETURN 1 title") == [([b"book:1"], ulysses)]
    [(cells, fields)] = hits("FT.SEARCH books * SORTBY year LIMIT 0 1 RETURN 1 title WITHSCORES")
    assert (cells[0], float(cells[1]), fields) == (b"book:1", 1.0, ulysses)  # type: ignore[arg-type]
    assert hits("FT.SEARCH books * SORTBY year NOCONTENT") == [([b"book:1"], None), ([b"book:2"], None)]
    years = [([], [(b"year", b"1922")]), ([], [(b"year", b"1939")])]
    assert hits("FT.AGGREGATE books * LOAD 1 year SORTBY 1 @year") == years
    page = asked.shape("FT.AGGREGATE books * LOAD 1 year WITHCURSOR COUNT 1")
    assert isinstance(page, Found)
    [(name, cursor)] = page.rest
    assert name == "cursor"
    more = asked.shape(f"FT.CURSOR READ books {cursor}")
    assert isinstance(more, Found)
    none = asked.shape("FT.SEARCH books nothing")
    assert isinstance(none, Found)
    assert (none.total, list(none.hits)) == (0, [])
    info = asked.shape("FT.INFO books")
    assert isinstance(info, Pairs)
    assert dict(cast("Any", dict(info.pairs)[b"index_definition"]))[b"key_type"] == b"HASH"
    asked.close()


@pytest.mark.parametrize("protocol", [2, 3])
def test_what_sentinels_know_is_rows(sentinels: Sentinels, protocol: int) -> None:
    asked = Asked(sentinels.sentinels[0], protocol)
    primaries, one = asked.shape("SENTINEL MASTERS"), asked.shape(f"SENTINEL MASTER {sentinels.name}")
    info = asked.shape("INFO sentinel")
    asked.close()
    assert isinstance(primaries, Rows)
    assert primaries.columns[:3] == (b"name", b"ip", b"port")
    assert isinstance(one, Pairs)
    assert dict(one.pairs)[b"port"] == b"%d" % sentinels.primary().port
    assert isinstance(info, Text)
    [(_, fields)] = cast("Sections", info.parsed).sections
    assert cast("Any", dict(fields)["master0"])["name"] == sentinels.name


@pytest.mark.parametrize("protocol", [2, 3])
def test_nodes_of_a_cluster_are_rows(cluster: Cluster, protocol: int) -> None:
    asked = Asked(cluster.primary_of(0), protocol)
    nodes, shards = asked.shape("CLUSTER NODES"), asked.shape("CLUSTER SHARDS")
    slots = asked.shape("CLUSTER SLOTS")
    asked.close()
    assert isinstance(nodes, Text)
    assert isinstance(nodes.parsed, Rows)
    assert len(nodes.parsed.rows) == len(cluster.everybody)
    assert isinstance(shards, Rows)
    assert shards.columns[:2] == (b"slots", b"nodes")
    assert dict(first_row(shards)[b"nodes"][0])[b"role"] in (b"master", b"replica")
    assert isinstance(slots, Rows)
    assert slots.columns == ("first", "last", "primary", "replicas")
    for name in ("primary", "replicas"):
        [node] = first_row(slots)[name] if name == "replicas" else [first_row(slots)[name]]
        assert dict(node)["port"] in {member.port for member in cluster.everybody}
        assert dict(node)["metadata"] == Map()


def test_older_servers_reply_in_the_same_shapes(asked_old: Asked) -> None:
    asked = asked_old
    stream(asked)
    asked("HSET h f v")
    asked("ZADD z 1 a")
    asked("GEOADD geo 13.3 38.1 palermo")
    for line, expected in {
        "HGETALL h": Pairs,
        "CONFIG GET maxmemory": Pairs,
        "ZRANGE z 0 -1 WITHSCORES": Scores,
        "ZPOPMIN none 1": Scores,
        "SCAN 0": Page,
        "ZSCAN z 0": Page,
        "XRANGE x - +": Entries,
        "XREAD STREAMS x 0": Streams,
        "XAUTOCLAIM x g d 0 0": Page,
        "GEOPOS geo palermo": Positions,
        "GEORADIUS geo 13 38 99 km WITHDIST": Rows,
        "COMMAND INFO get": Rows,
        "XINFO GROUPS x": Rows,
        "CLIENT LIST": Text,
        "PING": Scalar,
    }.items():
        assert type(asked.shape(line)) is expected, line


# -- replies that look otherwise


@pytest.mark.parametrize(
    ("line", "reply", "expected"),
    [
        ("HGETALL h", [b"f"], Items),
        ("HGETALL h", [[b"f"], b"v"], Tree),
        ("HGETALL h", b"f", Scalar),
        ("ZRANGE z 0 -1 WITHSCORES", [[b"a", 1], [b"b"]], Tree),
        ("ZRANGE z 0 -1 WITHSCORES", [b"a", b"1", b"b"], Items),
        ("XRANGE x - +", [[b"1-1", [b"f"]]], Tree),
        ("XRANGE x - +", [[1, [b"f", b"v"]]], Tree),
        ("XREAD STREAMS x 0", [[b"x", [[b"1-1", [b"f"]]]]], Tree),
        ("SCAN 0", [b"0"], Items),
        ("SCAN 0", [b"0", b"k"], Items),
        ("HSCAN h 0", [b"0", [b"f"]], Page),
        ("GEOPOS geo a", [None, None, None, None], Items),
        ("GEOPOS geo a", [[b"1"]], Tree),
        ("CLUSTER SLOTS", [[0, 5], [6, 7, None]], Rows),
        ("VLINKS v a WITHSCORES", [[b"a"], None], Rows),
        ("FT.SEARCH i *", [1, b"id"], Found),
        ("FT.SEARCH i * WITHSCORES", [1, b"id"], Items),
        ("FT.SEARCH i *", [1, b"id", [b"f"]], Tree),
        ("FT.SEARCH i *", [True], Items),
        ("FT.SEARCH i *", Map([(b"results", [1]), (b"total_results", 1)]), Pairs),
        ("FT.SEARCH i *", Map([(b"results", [Map([(b"id", 1), (b"id", 2)])]), (b"total_results", 1)]), Pairs),
        (
            "FT.SEARCH i *",
            Map([(b"results", [Map([(b"extra_attributes", [1])])]), (b"total_results", 1)]),
            Pairs,
        ),
        ("FT.AGGREGATE i *", [[[[1], 2], 3], 4], Tree),
        ("FT.AGGREGATE i *", [[1, b"x"], 5], Tree),
        ("XINFO GROUPS x", [[b"name"]], Tree),
        ("XINFO GROUPS x", [[[b"name"], 1]], Tree),
        ("XINFO GROUPS x", [Map([(1, 2)])], Tree),
        ("SLOWLOG GET", [1, 2], Items),
        ("TIME", b"now", Scalar),
        ("INFO", b"no section", Text),
        ("INFO", None, Scalar),
        ("NOSUCH", [Map([(b"a", 1)])], Rows),
        ("NOSUCH", Map([([1], 1)]), Pairs),
        ("NOSUCH", Verbatim(b"a"), Text),
        ("NOSUCH", Push([b"a", [1]]), Tree),
        ("NOSUCH", Attributed(b"a", Map([(b"b", 1)])), Tree),
        ("HGETALL h", Attributed([b"f", b"v"], Map()), Pairs),
        ("HGETALL h", ReplyError("ERR no"), Error),
    ],
)
def test_what_looks_otherwise_is_what_the_wire_says(line: str, reply: Reply, expected: type[Shape]) -> None:
    assert type(shape_of(line, reply)) is expected


def test_cells_without_a_name_have_their_number() -> None:
    found = shape_of("LATENCY HISTORY command", [[1, 2, b"new"], [3]])
    assert isinstance(found, Rows)
    assert [list(row) for row in found.rows] == [[("time", 1), ("latency", 2), ("3", b"new")], [("time", 3)]]
    assert found.columns == ("time", "latency", "3")


def test_columns_are_those_of_all_rows() -> None:
    found = shape_of("XINFO GROUPS x", [[b"a", 1, b"b", 2], [b"b", 3, b"c", 4]])
    assert isinstance(found, Rows)
    assert found.columns == (b"a", b"b", b"c")


COMMANDS = sorted(
    name for name in TABLE.names() if (spec := TABLE.find(argv_of(name))) and (spec.shape or spec.text)
)
OPTIONS = [
    "k",
    "0",
    "WITHSCORES",
    "WITHVALUES",
    "WITHSCORE",
    "WITHCOORD",
    "WITHDIST",
    "NOVALUES",
    "JUSTID",
    "IDX",
    "OBJECT",
]
LEAVES = st.one_of(st.binary(max_size=3), st.none(), st.integers(-3, 3), st.builds(Double, st.just("1.5")))
# More alike to what commands reply than any replies are.
ALIKE: st.SearchStrategy[Any] = st.recursive(
    LEAVES,
    lambda inner: st.one_of(
        st.lists(inner, max_size=4),
        st.lists(st.tuples(inner, inner).map(list), max_size=3),
        st.tuples(st.binary(max_size=3), st.lists(inner, max_size=4)).map(list),
        st.lists(st.tuples(inner, inner), max_size=3).map(Map),
        st.lists(inner, max_size=3).map(Set),
    ),
    max_leaves=12,
)


def leaves(value: object) -> Iterator[object]:
    """Yield all that has no elements, in order; of a shape, what it would have a layout show."""
    match value:
        case Attributed():
            yield from leaves(value.attributes)
            yield from leaves(value.reply)
        case Text():
            yield from leaves(value.reply)
        case Positions():
            for _, where in value.positions:
                yield from leaves(where)
        case Rows():
            for row in value.rows:
                for name, cell in row:
                    yield from () if isinstance(name, str) else leaves(name)
                    yield from leaves(cell)
        case Entry():
            if value.id is not None:
                yield from leaves(value.id)
            yield from leaves(value.fields)
        case Page():
            yield from leaves([value.cursor, value.items, value.rest])
        case Found():
            yield from leaves(value.total)
            for hit in value.hits:
                for _, cell in hit.cells:
                    yield from leaves(cell)
                yield from leaves(hit.fields)
            for _, cell in value.rest:
                yield from leaves(cell)
        case str():
            return  # names of ours; servers send bytes
        case dict():
            yield from leaves(list(value.items()))
        case list() | tuple() | Sequence() if not isinstance(value, (str, bytes)):
            for item in value:
                yield from leaves(item)
        case _:
            yield spelled(value)


@given(
    st.sampled_from(COMMANDS),
    st.lists(st.sampled_from(OPTIONS), max_size=8),
    st.one_of(ALIKE, replies().map(lambda sample: sample.reply), pushes().map(lambda sample: sample.reply)),
)
def test_nothing_of_any_reply_is_lost(name: str, options: list[str], reply: Reply) -> None:
    argv = argv_of(" ".join([name, *options]))
    found = shape(argv, TABLE.find(argv), reply)
    kept = found.error if isinstance(found, Error) else found
    assert list(leaves(kept)) == list(leaves(reply))


@given(st.one_of(replies(), replies(2), pushes()))
def test_unknown_commands_reply_with_something(sample: Sample) -> None:
    assert type(shape([b"NOSUCH"], None, sample.reply)) in (Scalar, Error, Text, Items, Pairs, Rows, Tree)


# -- large replies


@pytest.mark.parametrize(
    ("line", "reply"),
    [
        ("HGETALL h", [b"f", b"v"] * 500_000),
        ("ZRANGE z 0 -1 WITHSCORES", [[b"m", Double("1")]] * 500_000),
        ("XRANGE x - +", [[b"1-1", [b"f", b"v"]]] * 300_000),
        ("XREAD STREAMS x 0", [[b"x", [[b"1-1", [b"f", b"v"]]] * 300_000]]),
        ("ZSCAN z 0", [b"0", [b"m", b"1"] * 500_000]),
        ("XINFO CONSUMERS x g", [[b"name", b"c"]] * 300_000),
        ("SLOWLOG GET", [[1, 2, 3, [b"GET"], b"", b""]] * 300_000),
        ("LRANGE l 0 -1", [b"e"] * 1_000_000),
    ],
    ids=lambda value: value.split()[0] if isinstance(value, str) else "large",
)
def test_a_large_reply_is_not_copied(line: str, reply: Reply) -> None:
    tracemalloc.start()
    try:
        shape_of(line, reply)
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert most < 100_000
