"""What a table finds, and what a row says of one argv."""

from __future__ import annotations

import socket
import subprocess
import sys
import time
from typing import Any

import hiredis
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pyredis.commands.spec import TABLE, Spec, Table, find
from pyredis.types import Map, Set, Status
from tests.servers import Server


def _found(*words: str) -> Spec:
    spec = find(words)
    assert spec is not None, words
    return spec


def _argv(line: str) -> list[bytes]:
    return line.encode().split()


def _spec_of(argv: list[bytes]) -> Spec:
    spec = find(argv)
    assert spec is not None, argv
    return spec


# Finding


@pytest.mark.parametrize(
    ("argv", "name"),
    [
        ([b"GET", b"k"], "GET"),
        ([b"get", b"k"], "GET"),
        ([b"gEt", b"k"], "GET"),
        (["GET", "k"], "GET"),
        (["get"], "GET"),
        ([b"CONFIG", b"GET", b"x"], "CONFIG GET"),
        (["config", "Get"], "CONFIG GET"),
        (["config", b"get"], "CONFIG GET"),
        ([b"CONFIG"], "CONFIG"),
        ([b"CONFIG", b"NOPE"], "CONFIG"),
        ([b"CONFIG", b""], "CONFIG"),
        ([b"CONFIG", b"\xff\x00"], "CONFIG"),
        ([b"GET", b"CONFIG"], "GET"),
        ([b"vadd", b"k"], "VADD"),
        ([b"client", b"no-evict", b"on"], "CLIENT NO-EVICT"),
        ([b"sentinel", b"get-master-addr-by-name", b"x"], "SENTINEL"),
    ],
)
def test_the_longest_name_is_found_in_any_case(argv: list[bytes | str], name: str) -> None:
    spec = Table().find(argv)
    assert spec is not None
    assert spec.name == name


@pytest.mark.parametrize(
    "argv",
    [
        [],
        [b""],
        [""],
        [b"NOPE"],
        [b"CONFIG GET"],
        ["config get"],
        [b"CONFIG|GET"],
        [b"GET "],
        [b" GET"],
        [b"GET\x00"],
        [b"\xff\xfe"],
        ["\udcff"],
        ["\ud800GET"],
        ["ſet"],  # capitals of this are SET to Python, and to no server
        ["ıncr"],
    ],
)
def test_what_no_server_takes_for_a_command_is_unknown(argv: list[bytes | str]) -> None:
    assert Table().find(argv) is None


@given(st.lists(st.binary() | st.text(st.characters()), max_size=3))
def test_finding_never_raises(argv: list[bytes | str]) -> None:
    assert find(argv) is None or find(argv) in list(TABLE.specs())


def test_a_command_is_the_same_object_however_it_is_found() -> None:
    table = Table()
    assert table.find([b"gEt"]) is table.find(["GET"]) is table.find([b"get"])
    assert table.find(["CONFIG", "GET"]) is table.find([b"config", b"get"])


def test_every_name_is_found_under_itself() -> None:
    for name in TABLE.names():
        assert _found(*name.lower().split()).name == name
    assert [spec.name for spec in TABLE.specs()] == list(TABLE.names())


def test_a_container_names_its_subcommands() -> None:
    assert _found("CONFIG").subcommands == ("GET", "HELP", "RESETSTAT", "REWRITE", "SET")
    assert _found("GET").subcommands == ()


def test_a_spec_cannot_be_changed() -> None:
    with pytest.raises(AttributeError):
        _found("GET").arity = 7  # type: ignore[misc]
    with pytest.raises(AttributeError):
        _found("GET").note = "x"  # type: ignore[attr-defined]


def test_reading_and_writing_follow_the_flags() -> None:
    assert (_found("GET").readonly, _found("GET").write) == (True, False)
    assert (_found("SET").readonly, _found("SET").write) == (False, True)
    assert (_found("PING").readonly, _found("PING").write) == (False, False)


def test_what_only_seems_read_only_is_not() -> None:
    """Modules flag so what writes no key."""
    assert _found("FT.SEARCH").readonly
    for name in ("FT.CURSOR", "FT.ALIASADD", "FT.DICTADD", "CF.COMPACT", "FT.DEBUG GC_FORCEINVOKE"):
        spec = _found(*name.split())
        assert (spec.readonly, "readonly" in spec.flags) == (False, True), name


def _loads_modules(program: str) -> bool:
    """Return whether a program needs the rows of modules."""
    code = (
        "import sys; from pyredis.commands.spec import TABLE, Table;"
        f"{program}; print('pyredis.commands._module_facts' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return done.stdout.strip() == "True"


@pytest.mark.parametrize(
    ("program", "loads"),
    [
        ("TABLE.find(['PING'])", False),
        ("TABLE.find([b'config', b'get'])", False),
        ("TABLE.find(['NOPE'])", False),
        ("TABLE.learn([['NOPE', 1, [], 0, 0, 0]])", False),
        ("TABLE.find([b'json.get'])", True),
        ("TABLE.learn([['NOPE.GET', 1, [], 0, 0, 0]])", True),
        ("TABLE.names()", True),
        ("list(TABLE.specs())", True),
    ],
)
def test_the_rows_of_modules_are_loaded_when_they_are_asked_for(program: str, loads: bool) -> None:
    assert _loads_modules(program) is loads


def test_what_is_found_does_not_depend_on_when_modules_were_loaded() -> None:
    early, late = Table(), Table()
    early.names()
    for table in (early, late):
        table.learn([["NOVEL", 1, [], 0, 0, 0], ["AARDVARK", 1, [], 0, 0, 0]])
    assert list(late.names()) == list(early.names()) == [*sorted(TABLE.names()), "NOVEL", "AARDVARK"]
    assert late.find(["FT.DEBUG", "ttl"]) == early.find(["ft.debug", "TTL"])


@pytest.mark.parametrize(
    ("command", "module"), [("JSON.SET", "ReJSON"), ("FT.SEARCH", "search"), ("CF.ADD", "bf"), ("VADD", None)]
)
def test_a_row_says_which_module_must_be_loaded_for_the_command(command: str, module: str | None) -> None:
    spec = _found(command)
    assert (spec.module, spec.products) == (module, {"redis"})


def test_a_product_has_its_own_facts() -> None:
    redis, valkey = Table().find(["GETSET"]), Table("valkey").find(["GETSET"])
    assert redis is not None
    assert valkey is not None
    assert (redis.deprecated_since, valkey.deprecated_since) == ("6.2.0", None)


def test_the_facts_import_no_input_or_output() -> None:
    code = (
        "import sys, pyredis.commands.spec;"
        "print(*sorted({'asyncio', 'socket', 'ssl', 'select', 'threading', 'tomllib'} & sys.modules.keys()))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == ""


# The state of a connection

EFFECTS = {
    "select": {"SELECT"},
    "auth": {"AUTH"},
    "hello": {"HELLO"},
    "reset": {"RESET"},
    "multi": {"MULTI"},
    "exec": {"EXEC"},
    "discard": {"DISCARD"},
    "watch": {"WATCH"},
    "unwatch": {"UNWATCH"},
    "subscribe": {"SUBSCRIBE", "PSUBSCRIBE", "SSUBSCRIBE"},
    "unsubscribe": {"UNSUBSCRIBE", "PUNSUBSCRIBE", "SUNSUBSCRIBE"},
    "monitor": {"MONITOR"},
    "reply": {"CLIENT REPLY"},
    "quit": {"QUIT"},
    "shutdown": {"SHUTDOWN"},
    "replication": {"SYNC", "PSYNC", "REPLCONF", "CLUSTER SYNCSLOTS"},
    "alters": {
        "ASKING",
        "CLIENT CACHING",
        "CLIENT CAPA",
        "CLIENT IMPORT-SOURCE",
        "CLIENT NO-EVICT",
        "CLIENT NO-TOUCH",
        "CLIENT SETINFO",
        "CLIENT SETNAME",
        "CLIENT TRACKING",
        "READONLY",
        "READWRITE",
        "SCRIPT DEBUG",
    },
}


def test_the_commands_that_change_their_connection_are_these() -> None:
    effects: dict[str, set[str]] = {}
    for spec in TABLE.specs():
        assert spec.stateful is (spec.effect is not None)
        if spec.effect is not None:
            effects.setdefault(spec.effect, set()).add(spec.name)
    assert effects == EFFECTS


# Blocking


@pytest.mark.parametrize(
    ("line", "seconds"),
    [
        ("BLPOP k 0", 0.0),
        ("BLPOP k 1.5", 1.5),
        ("blpop a b c 2", 2.0),
        ("BLPOP k 1e1", 10.0),
        ("BLPOP k 0x1p-3", 0.125),
        ("BLPOP k soon", None),
        ("BLPOP k -1", None),
        ("BLPOP k inf", None),
        ("BLPOP k nan", None),
        ("BLPOP k 0xzz", None),
        ("BLPOP k 1e999", None),
        ("BLPOP", None),
        ("BRPOP k 1", 1.0),
        ("BLMOVE a b LEFT RIGHT 0.25", 0.25),
        ("BRPOPLPUSH a b 3", 3.0),
        ("BZPOPMIN z 1", 1.0),
        ("BZPOPMAX z 1", 1.0),
        ("BLMPOP 4 1 k LEFT", 4.0),
        ("BZMPOP 0 1 z MIN", 0.0),
        ("BLMPOP", None),
        ("XREAD BLOCK 1000 STREAMS s $", 1.0),
        ("xread count 5 block 0 streams s $", 0.0),
        ("XREAD BLOCK 1000 BLOCK 20 STREAMS s $", 0.02),
        ("XREAD STREAMS s 0", None),
        ("XREAD STREAMS BLOCK 5", None),
        ("XREAD COUNT BLOCK 1000 STREAMS s $", None),
        ("XREAD BLOCK 1.5 STREAMS s $", None),
        ("XREAD BLOCK", None),
        ("XREADGROUP GROUP g c BLOCK 250 STREAMS s >", 0.25),
        ("XREADGROUP GROUP BLOCK 9 STREAMS s >", None),
        ("XREADGROUP BLOCK 250 GROUP g c NOACK STREAMS s >", 0.25),
        ("XREADGROUP GROUP g c STREAMS s >", None),
        ("WAIT 1 500", 0.5),
        ("wait 1 0", 0.0),
        ("WAIT 1 99999999999999999999999", 99999999999999999999.999),
        ("WAITAOF 1 0 500", 0.5),
        ("MIGRATE h 1 k 0 5000", 5.0),
        ("MIGRATE h 1 k 0 0", 1.0),
        ("DEBUG SLEEP 2.5", 2.5),
        ("debug sleep 0", None),
        ("DEBUG OBJECT k", None),
        ("CLUSTER SETSLOT 1 NODE n TIMEOUT 300", 0.3),
        ("CLUSTER SETSLOT 1 NODE n", None),
        ("CLIENT PAUSE 1000", None),
        ("GET k", None),
    ],
)
def test_an_argv_says_how_long_the_server_may_block(line: str, seconds: float | None) -> None:
    argv = _argv(line)
    assert _spec_of(argv).blocks_for(argv) == seconds


@pytest.mark.parametrize("line", [f"WAIT 1 {'9' * 400}", f"WAIT 1 {'9' * 5000}", "BLPOP k \xff"])
def test_a_timeout_beyond_all_numbers_does_not_block(line: str) -> None:
    argv = _argv(line)
    assert _spec_of(argv).blocks_for(argv) is None


@pytest.mark.parametrize(
    "line",
    [
        "BLPOP k 0.05",
        "BRPOP k 0.05",
        "BLMOVE k l LEFT RIGHT 0.05",
        "BRPOPLPUSH k l 0.05",
        "BZPOPMIN k 0.05",
        "BZPOPMAX k 0.05",
        "BLMPOP 0.05 1 k LEFT",
        "BZMPOP 0.05 1 k MIN",
        "XREAD BLOCK 50 STREAMS BLOCK $",
        "XREADGROUP GROUP BLOCK BLOCK BLOCK 50 STREAMS s >",
        "WAIT 1 50",
        "WAITAOF 0 1 50",
    ],
)
def test_the_server_blocks_as_long_as_the_row_says(server: Server, line: str) -> None:
    server.command("XGROUP", "CREATE", "s", "BLOCK", "$", "MKSTREAM")
    argv = _argv(line)
    assert _spec_of(argv).blocks_for(argv) == 0.05
    started = time.monotonic()
    server.command(*argv)
    assert time.monotonic() - started >= 0.045


def test_a_blocking_command_of_a_module_may_block_for_ever() -> None:
    spec = Spec("MOD.POP", flags=frozenset({"blocking"}))
    assert spec.blocking
    assert spec.blocks_for([b"MOD.POP", b"k", b"5"]) == 0.0


# Secrets


@pytest.mark.parametrize(
    ("line", "secret"),
    [
        ("AUTH pw", "pw"),
        ("auth user pw", "user pw"),
        ("AuTh a b c", "a b c"),
        ("AUTH", ""),
        ("HELLO 3", ""),
        ("HELLO 3 AUTH user pw", "user pw"),
        ("hello 2 setname me auth user pw", "user pw"),
        ("HELLO 3 AUTH user pw SETNAME me", "user pw"),
        ("HELLO 3 AUTH pw", "pw"),
        ("ACL SETUSER bob on >pw ~* +@all", ">pw"),
        ("acl setuser bob >one <two #abc !def", ">one <two #abc !def"),
        ("ACL SETUSER bob nopass", ""),
        ("ACL GETUSER bob", ""),
        ("ACL DELUSER bob", ""),
        ("CONFIG SET requirepass pw", "pw"),
        ("config set RequirePass pw", "pw"),
        ("CONFIG SET maxmemory 1 masterauth pw save no", "pw"),
        ("CONFIG SET masteruser u masterauth pw", "u pw"),
        ("CONFIG SET primaryuser u primaryauth pw", "u pw"),
        ("CONFIG SET tls-key-file-pass pw tls-client-key-file-pass pw2", "pw pw2"),
        ("CONFIG SET maxmemory 1", ""),
        ("CONFIG GET requirepass", ""),
        ("MIGRATE h 1 k 0 5 AUTH pw", "pw"),
        ("migrate h 1 k 0 5 COPY REPLACE auth2 user pw KEYS a b", "user pw"),
        ("MIGRATE h 1 k 0 5", ""),
        ("SENTINEL SET mymaster auth-pass pw", "pw"),
        ("sentinel set mymaster quorum 2 AUTH-USER u auth-pass pw", "u pw"),
        ("SENTINEL CONFIG SET sentinel-pass pw", "pw"),
        ("SENTINEL CONFIG SET announce-port 1 sentinel-user u", "u"),
        ("SENTINEL CONFIG GET sentinel-pass", ""),
        ("ACL DRYRUN bob AUTH pw", "pw"),
        ("COMMAND GETKEYS MIGRATE h 1 k 0 5 AUTH2 user pw", "user pw"),
        ("GET AUTH", ""),
        ("SET requirepass x", ""),
    ],
)
def test_secrets_are_found_in_every_spelling(line: str, secret: str) -> None:
    argv = _argv(line)
    spec = _spec_of(argv)
    positions = spec.secret_positions(argv)
    assert [argv[place] for place in sorted(positions)] == _argv(secret)


def test_a_rule_reads_nothing_beyond_the_end() -> None:
    for line in ("HELLO 3 AUTH", "CONFIG SET requirepass", "MIGRATE h 1 k 0 5 AUTH2", "ACL SETUSER", "AUTH"):
        argv = _argv(line)
        assert _spec_of(argv).secret_positions(argv) == frozenset()


# Shapes


class _Resp3:
    """A connection that speaks RESP3, by hiredis alone."""

    def __init__(self, server: Server) -> None:
        self._socket = socket.socket(socket.AF_UNIX)
        self._socket.connect(server.unix_path)
        self._reader = hiredis.Reader()
        self.ask(b"HELLO", b"3")

    def ask(self, *argv: bytes) -> Any:
        self._socket.sendall(hiredis.pack_command(argv))
        while (reply := self._reader.gets()) is False:
            self._reader.feed(self._socket.recv(1 << 16))
        return reply

    def close(self) -> None:
        self._socket.close()


def _shape_in_resp3(reply: Any) -> str | None:
    match reply:
        case dict():
            return "map"
        case [dict(), *_]:
            return "maps"
        case [[_, _], *_]:
            return "pairs"
        case bytes():
            return "text"
    return None


@pytest.mark.parametrize(
    ("line", "shape"),
    [
        ("HGETALL h", "map"),
        ("CONFIG GET maxmemory", "map"),
        ("HELLO 3", "map"),
        ("ACL GETUSER default", "map"),
        ("CLIENT TRACKINGINFO", "map"),
        ("COMMAND DOCS GET", "map-of-maps"),
        ("FUNCTION STATS", "map"),
        ("LATENCY HISTOGRAM", "map-of-maps"),
        ("MEMORY STATS", "map"),
        ("XINFO STREAM x", "map"),
        ("LCS a b IDX", "map"),
        ("MODULE LIST", "maps"),
        ("XINFO GROUPS x", "maps"),
        ("XINFO CONSUMERS x g", "maps"),
        ("ZRANGE z 0 -1 WITHSCORES", "scores"),
        ("zrange z 0 -1 withscores", "scores"),
        ("ZREVRANGE z 0 -1 WITHSCORES", "scores"),
        ("ZRANGEBYSCORE z 0 9 WITHSCORES", "scores"),
        ("ZREVRANGEBYSCORE z 9 0 WITHSCORES", "scores"),
        ("ZRANDMEMBER z 1 WITHSCORES", "scores"),
        ("ZUNION 1 z WITHSCORES", "scores"),
        ("ZINTER 1 z WITHSCORES", "scores"),
        ("ZDIFF 1 z WITHSCORES", "scores"),
        ("ZPOPMIN z 1", "scores"),
        ("HRANDFIELD h 1 WITHVALUES", "pairs"),
        ("INFO server", "text"),
        ("CLIENT LIST", "text"),
        ("CLIENT INFO", "text"),
        ("MEMORY DOCTOR", "text"),
        ("MEMORY MALLOC-STATS", "text"),
        ("LATENCY DOCTOR", "text"),
        ("LOLWUT", "text"),
    ],
)
def test_resp3_shows_the_shape_that_the_row_states(server: Server, line: str, shape: str) -> None:
    for setup in ("HSET h f v", "ZADD z 1 a", "XADD x 1-1 f v", "XGROUP CREATE x g 0", "MSET a ab b ab"):
        server.command(*setup.split())
    server.command("XGROUP", "CREATECONSUMER", "x", "g", "c")
    argv = _argv(line)
    connection = _Resp3(server)
    try:
        reply = connection.ask(*argv)
    finally:
        connection.close()
    assert _shape_in_resp3(reply) == {"scores": "pairs", "map-of-maps": "map"}.get(shape, shape)
    assert _spec_of(argv).shape_for(argv) == shape


@pytest.mark.parametrize(
    "line", ["ZRANGE z 0 -1", "ZRANGE WITHSCORES 0 -1", "LCS a IDX", "DEBUG OBJECT k", "GET k"]
)
def test_a_shape_with_a_condition_needs_its_option(line: str) -> None:
    argv = _argv(line)
    assert _spec_of(argv).shape_for(argv) is None


def test_debug_replies_with_text_where_it_draws_tables() -> None:
    argv = _argv("debug htstats 0")
    assert _spec_of(argv).shape_for(argv) == "text"


@pytest.mark.parametrize(
    ("line", "shape"),
    [
        ("HSCAN h 0", "page-of-pairs"),
        ("HSCAN h 0 novalues", "page"),
        ("XAUTOCLAIM x g c 0 0 JUSTID", "page"),
        ("XAUTOCLAIM x g c 0 0", "page-of-entries"),
        ("XPENDING x g", "row"),
        ("XPENDING x g - + 3", "rows"),
        ("GEOSEARCH g FROMMEMBER WITHDIST BYRADIUS 1 km", None),
    ],
)
def test_the_options_decide_between_shapes(line: str, shape: str | None) -> None:
    argv = _argv(line)
    assert _spec_of(argv).shape_for(argv) == shape


def test_what_is_within_a_reply_depends_on_the_options_too() -> None:
    weighed, plain = _argv("VLINKS v a WITHSCORES"), _argv("VLINKS v a")
    assert _spec_of(weighed).inside_for(weighed) == {"links": "map"}
    assert _spec_of(plain).inside_for(plain) == {}


def test_columns_are_those_of_the_options() -> None:
    argv = _argv("GEOSEARCH g FROMMEMBER a BYRADIUS 1 km WITHCOORD withdist")
    assert _spec_of(argv).columns_for(argv) == ("member", "distance", "position")
    assert _spec_of(_argv("TIME")).columns_for(_argv("TIME")) == ("seconds", "microseconds")
    assert _spec_of(_argv("GET k")).columns_for(_argv("GET k")) == ()


@pytest.mark.parametrize(
    ("line", "form"),
    [
        ("info server", "info"),
        ("CLIENT LIST TYPE normal", "clients"),
        ("debug object k", "object"),
        ("DEBUG HTSTATS 0", None),
        ("LOLWUT", None),
        ("GET k", None),
    ],
)
def test_the_form_of_a_text_is_known_where_it_has_one(line: str, form: str | None) -> None:
    argv = _argv(line)
    assert _spec_of(argv).text_for(argv) == form


# Learning


def _module_rows(*, resp3: bool) -> list[Any]:
    """Return COMMAND of a server with a module, as the typed decoder reads it."""
    words = Set if resp3 else list
    pairs: Any = Map if resp3 else (lambda items: [part for pair in items for part in pair])
    key_spec = pairs(
        [
            (b"flags", words([Status(b"RO"), Status(b"access")])),
            (b"begin_search", pairs([(b"type", b"index"), (b"spec", pairs([(b"index", 1)]))])),
            (
                b"find_keys",
                pairs(
                    [
                        (b"type", b"range"),
                        (b"spec", pairs([(b"lastkey", 0), (b"keystep", 1), (b"limit", 0)])),
                    ]
                ),
            ),
        ]
    )
    flags, categories = words([Status(b"readonly"), Status(b"fast")]), words([Status(b"@read")])
    return [
        [b"mine.get", -2, flags, 1, 1, 1, categories, [b"nondeterministic_output"], [key_spec], []],
        [b"client", -2, words([]), 0, 0, 0, words([]), [], [], [
            [b"client|novel", 2, words([Status(b"admin")]), 0, 0, 0, words([]), [], [], []],
        ]],
        [b"get", -9, words([Status(b"write")]), 0, 0, 0, words([]), [], [], []],
    ]  # fmt: skip


@pytest.mark.parametrize("resp3", [False, True])
def test_a_table_learns_what_a_server_adds(resp3: bool) -> None:
    table = Table()
    table.learn(_module_rows(resp3=resp3))
    spec = table.find([b"mine.get", b"k"])
    assert spec is not None
    assert (spec.name, spec.arity, spec.categories) == ("MINE.GET", -2, ("read",))
    assert (spec.readonly, spec.products, spec.tips) == (True, frozenset(), ("nondeterministic_output",))
    assert spec.key_specs == ((("RO", "access"), ("index", 1), ("range", 0, 1, 0)),)
    assert "MINE.GET" in table.names()


def test_a_learnt_subcommand_joins_its_container() -> None:
    table = Table()
    before = table.find(["CLIENT"])
    table.learn(_module_rows(resp3=False))
    container, subcommand = table.find(["client"]), table.find(["client", "novel"])
    assert before is not None
    assert container is not None
    assert subcommand is not None
    assert (subcommand.name, subcommand.flags) == ("CLIENT NOVEL", {"admin"})
    assert set(container.subcommands) == {*before.subcommands, "NOVEL"}


def test_what_is_known_is_not_learnt_again() -> None:
    table = Table()
    table.learn(_module_rows(resp3=False))
    spec = table.find(["GET"])
    assert spec is not None
    assert (spec.arity, spec.readonly) == (2, True)


def test_learning_leaves_other_tables_alone() -> None:
    Table().learn(_module_rows(resp3=False))
    assert find(["MINE.GET"]) is None
    assert "NOVEL" not in _found("CLIENT").subcommands


def test_an_old_server_is_learnt_from_too(redis62: Server) -> None:
    """6.2 states no tips, key specs and subcommands."""
    table = Table()
    names = set(table.names())
    table.learn(redis62.command("COMMAND"))
    added = [spec for spec in table.specs() if spec.name not in names]
    assert {"STRALGO", "POST"} & {spec.name for spec in added}
    assert all(spec.products == frozenset() for spec in added)


def test_a_server_teaches_a_table_nothing_it_was_made_from(server: Server) -> None:
    table = Table()
    names = list(table.names())
    table.learn(server.command("COMMAND"))
    assert list(table.names()) == names


@pytest.mark.parametrize(
    "reply",
    [
        None,
        b"OK",
        7,
        [],
        [None],
        [[]],
        [[b"x"]],
        [[None, 1, [], 1, 1, 1]],
        [[b"x", None, [], 1, 1, 1]],
        [[b"x", b"many", [], 1, 1, 1]],
        [[b"x", 1, [], 1, 1, 1, [], [], [[b"odd"]], []]],
        [[b"x", 1, [], 1, 1, 1, [], [], [[b"flags", 7]], []]],
        [[b"x", 1, [3], 1, 1, 1]],
    ],
)
def test_what_is_no_row_is_skipped(reply: object) -> None:
    table = Table()
    names = list(table.names())
    table.learn(reply)
    assert list(table.names()) == names


def test_a_name_of_any_bytes_can_be_learnt() -> None:
    table = Table()
    table.learn([[b"m\xff.get", 2, [], 1, 1, 1]])
    spec = table.find([b"M\xff.GET"])
    assert spec is not None
    assert table.find(["m\udcff.get"]) is spec
