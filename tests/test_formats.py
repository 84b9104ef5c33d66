"""The formats of a script's output: redis-cli's, with redis-cli 7.0 as judge, and those for other programs."""

from __future__ import annotations

import base64
import csv
import io
import json
import re
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Final

import pytest
import yaml

from pyredis_cli.flags import OUTPUTS
from tests.conftest import MakeServer
from tests.corpus import commands
from tests.program import PROGRAM, ROOT, Ran, Running, ran, ran_redis_cli, redis_cli_70
from tests.servers import DEADLINE, Server, wait_until
from tests.terminal import Terminal

MANUAL: Final = (Path(ROOT) / "docs/output.md").read_text(encoding="utf-8")

SERVERS: Final = ["redis62", "redis70", "redis82", "valkey9"]
REPLIES: Final = commands("replies")
DELIMITERS: Final = {"strings": ("-d", "<>", "-D", "--\n"), "none": ("-d", "", "-D", "")}


def both(server: Server, script: list[bytes], *flags: str) -> tuple[Ran, Ran]:
    """Return what redis-cli and this program do with the same script on the same server, empty before each."""
    binary = redis_cli_70()
    lines = b"\n".join(script) + b"\n"
    empty(server)
    theirs = ran_redis_cli(server, *flags, stdin=lines, binary=binary)
    empty(server)
    return theirs, ran(server, *flags, stdin=lines)


def empty(server: Server) -> None:
    server.command("FLUSHALL")
    server.command("SCRIPT", "FLUSH")
    if server.binary.major >= 7:
        server.command("FUNCTION", "FLUSH")


@pytest.fixture(params=SERVERS)
def fresh(request: pytest.FixtureRequest, shared_server: Callable[..., Server]) -> Server:
    """Return a server that these tests alone use: ROLE tells of the replicas that another one had."""
    return shared_server(request.param, "databases 16")


@pytest.fixture
def talkative(shared_server: Callable[..., Server]) -> Server:
    return shared_server("redis82", "enable-debug-command yes")


def test_there_are_enough_commands_to_compare() -> None:
    assert len(REPLIES) > 500
    assert len(set(REPLIES)) > 450
    assert sum(len(commands(name)) for name in ("replies", "texts", "cluster", "debug")) > 550


@pytest.mark.parametrize("protocol", ["-2", "-3"])
@pytest.mark.parametrize("form", ["--csv", "--raw", "--no-raw"])
def test_both_programs_print_the_same_bytes(fresh: Server, protocol: str, form: str) -> None:
    theirs, ours = both(fresh, [*REPLIES, *commands("texts")], protocol, form)
    assert ours.stdout.split(b"\n") == theirs.stdout.split(b"\n")


@pytest.mark.parametrize("protocol", ["-2", "-3"])
@pytest.mark.parametrize("flags", DELIMITERS.values(), ids=DELIMITERS)
def test_both_programs_put_the_delimiters_in_the_same_places(
    talkative: Server, protocol: str, flags: tuple[str, ...]
) -> None:
    theirs, ours = both(talkative, [*REPLIES, *commands("texts")], protocol, "--raw", *flags)
    assert ours.stdout.split(b"\n") == theirs.stdout.split(b"\n")


@pytest.mark.parametrize("protocol", ["-2", "-3"])
@pytest.mark.parametrize("form", ["--json", "--quoted-json"])
def test_both_programs_print_the_same_json_where_that_of_redis_cli_is_json(
    fresh: Server, protocol: str, form: str
) -> None:
    theirs, ours = both(fresh, REPLIES, protocol, form)
    pairs = list(zip(theirs.stdout.splitlines(), ours.stdout.splitlines(), REPLIES, strict=True))
    same = [(line, other, command) for line, other, command in pairs if parses(line)]
    assert [line for line, _, _ in same] == [other for _, other, _ in same]
    assert len(same) > 380
    assert all(parses(other) for _, other, _ in pairs)
    for line, _, command in pairs:
        assert parses(line) or why_not_json(line), (command, line)


def why_not_json(line: bytes) -> str:
    """Return why a line of redis-cli's is no JSON, as the manual lists it."""
    try:
        text = line.decode()
    except UnicodeDecodeError:
        return "bytes that are not UTF-8"
    if 'error:"' in text:
        return "errors"
    if re.search(r"(?:^|[\[,:])-?(?:inf|nan)\b", text):
        return "infinities"
    return "quotes" if '\\\\"' in text else ""


@pytest.mark.parametrize("protocol", ["-2", "-3"])
@pytest.mark.parametrize("form", ["--csv", "--raw", "--no-raw", "--json", "--quoted-json"])
def test_types_that_no_command_has_are_printed_alike(talkative: Server, protocol: str, form: str) -> None:
    theirs, ours = both(talkative, commands("debug"), protocol, form)
    lines = [theirs.stdout.split(b"\n"), ours.stdout.split(b"\n")]
    if "json" in form:
        pairs = [(line, other) for line, other in zip(*lines, strict=True) if b"error:" not in line]
        lines = [[line for line, _ in pairs], [other for _, other in pairs]]
    assert lines[0] == lines[1]


@pytest.mark.parametrize("protocol", ["-2", "-3"])
@pytest.mark.parametrize("form", ["--csv", "--raw", "--no-raw"])
@pytest.mark.parametrize("name", ["redis82", "valkey9"])
def test_what_a_cluster_says_is_printed_alike(
    make_server: MakeServer, name: str, protocol: str, form: str
) -> None:
    server = make_server(name, "cluster-enabled yes")
    server.command("CLUSTER", "ADDSLOTSRANGE", 0, 16383)
    wait_until(lambda: b"cluster_state:ok" in server.command("CLUSTER", "INFO"))  # type: ignore[operator]
    theirs, ours = both(server, commands("cluster"), protocol, form)
    assert ours.stdout.split(b"\n") == theirs.stdout.split(b"\n")


NO_RAW: Final = "--no-raw"
BIG: Final = b"123456789012345678901234567890"
DEVIATIONS: Final[list[tuple[str, tuple[str, ...], list[bytes], tuple[int, bytes], tuple[int, bytes]]]] = [
    (
        "big numbers of RESP3",
        ("-3", NO_RAW),
        [b"EVAL \"redis.setresp(3); return {big_number='%b'}\" 0" % BIG, b"PING"],
        (1, b""),
        (0, b"(big number) %b\nPONG\n" % BIG),
    ),
    (
        "big numbers of RESP3",
        ("-3", "--json"),
        [b"EVAL \"redis.setresp(3); return {big_number='%b'}\" 0" % BIG, b"PING"],
        (1, b""),
        (0, BIG + b'\n"PONG"\n'),
    ),
    (
        "nan of RESP3",
        ("-3", NO_RAW),
        [b'EVAL "redis.setresp(3); return {double=0/0}" 0', b"PING"],
        (1, b""),
        (0, b"(double) nan\nPONG\n"),
    ),
    (
        "attributes",
        ("-3", NO_RAW),
        [b"DEBUG PROTOCOL attrib", b"PING"],
        (1, b""),
        (
            0,
            b'|1# "key-popularity" => \n    1) "key:123"\n    2) (integer) 90\n'
            b'"Some real reply following the attribute"\nPONG\n',
        ),
    ),
    (
        "attributes",
        ("-3", "--raw"),
        [b"DEBUG PROTOCOL attrib", b"PING"],
        (1, b""),
        (0, b"Some real reply following the attribute\nPONG\n"),
    ),
    ("an empty text", ("--raw",), [b"CLIENT LIST ID 999999", b"PING"], (0, b"PONG\n"), (0, b"\nPONG\n")),
    (
        "a text without an end of line",
        ("--raw",),
        [b"MULTI", b"LOLWUT VERSION 1", b"DISCARD"],
        (0, b"OK\nQUEUEDOK\n"),
        (0, b"OK\nQUEUED\nOK\n"),
    ),
    (
        "a SELECT that failed",
        (NO_RAW,),
        [b"SELECT 99", b"PING"],
        (0, b"(error) ERR DB index is out of range\nPONG\n"),
        (4, b"(error) ERR DB index is out of range\n"),
    ),
    (
        "errors in JSON",
        ("--json",),
        [b"GET"],
        (0, b"error:\"ERR wrong number of arguments for 'get' command\"\n"),
        (
            1,
            b'{"error":{"code":"ERR","message":"ERR wrong number of arguments for \'get\' command"}}\n',
        ),
    ),
    (
        "infinities in JSON",
        ("--json",),
        [b"ZADD z inf m", b"ZSCORE z m"],
        (0, b"1\ninf\n"),
        (0, b'1\n"inf"\n'),
    ),
    (
        "bytes that are not UTF-8 in JSON",
        ("--json",),
        [rb'ECHO "\xff"'],
        (0, b'"\xff"\n'),
        (0, b'{"$base64":"/w=="}\n'),
    ),
    (
        "invisible characters in JSON",
        ("--json",),
        [rb'ECHO "\x7f\xe2\x80\xae"'],
        (0, b'"\x7f\xe2\x80\xae"\n'),
        (0, rb'"\u007f\u202e"' + b"\n"),
    ),
    (
        "double quotes in quoted JSON",
        ("--quoted-json",),
        [rb'ECHO "\""'],
        (0, rb'"\\""' + b"\n"),
        (0, rb'"\\\""' + b"\n"),
    ),
    (
        "texts in JSON",
        ("--json",),
        [b"INFO cluster"],
        (0, b"# Cluster\r\ncluster_enabled:0\r\n"),
        (0, b'{"Cluster":{"cluster_enabled":0}}\n'),
    ),
]
"""What it is about, flags, a script, the exit code and output of redis-cli, and ours. The manual says why."""


@pytest.mark.parametrize(
    ("about", "flags", "script", "theirs", "ours"),
    DEVIATIONS,
    ids=[" ".join((row[0], *row[1])) for row in DEVIATIONS],
)
def test_these_alone_are_printed_otherwise(
    talkative: Server,
    about: str,
    flags: tuple[str, ...],
    script: list[bytes],
    theirs: tuple[int, bytes],
    ours: tuple[int, bytes],
) -> None:
    done = both(talkative, script, *flags)
    assert [(each.code, each.stdout) for each in done] == [theirs, ours]
    listed = MANUAL[MANUAL.index("## What redis-cli prints otherwise") :]
    assert f"| {about} |" in listed


def test_messages_alone_are_printed_where_redis_cli_has_a_line_before_them(redis82: Server) -> None:
    printed = []
    for program in ((str(redis_cli_70()),), PROGRAM):
        argv = [*program, "-s", redis82.unix_path, NO_RAW, "SUBSCRIBE", "news"]
        with subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE) as process:
            wait_until(lambda: redis82.command("PUBSUB", "NUMSUB", "news") == [b"news", 1])
            redis82.command("CLIENT", "KILL", "TYPE", "pubsub")
            printed.append(process.communicate(timeout=DEADLINE)[0])
    theirs, ours = printed
    assert theirs.partition(b"\n")[0] == b"Reading messages... (press Ctrl-C to quit)"
    assert ours == b'1) "subscribe"\n2) "news"\n3) (integer) 1\n'
    assert "| messages |" in MANUAL


@pytest.mark.parametrize("form", ["--json", "--quoted-json"])
def test_json_speaks_resp3_of_itself_as_redis_clis_does(redis82: Server, form: str) -> None:
    redis82.command("HSET", "h", "f", b"\xff\n")
    expected = ran_redis_cli(redis82, form, "HGETALL", "h", binary=redis_cli_70()).stdout
    shown = ran(redis82, form, "HGETALL", "h").stdout
    assert json.loads(shown).keys() == {"f"}
    assert form == "--json" or shown == expected


@pytest.mark.parametrize("form", ["--json", "--quoted-json"])
def test_what_redis_cli_writes_as_no_json_is_json_here(redis82: Server, form: str) -> None:
    written = ran(
        redis82, form, stdin=b"NOSUCH\n" + b'ECHO "\\""\n' + b"ZADD z inf a\nZSCORE z a\nINFO server\n"
    ).stdout
    documents = [json.loads(line) for line in written.splitlines()]
    assert documents[0]["error"]["code"] == "ERR"
    assert documents[-2] == "inf"
    server = documents[-1]
    assert "Server" in server if form == "--json" else server.startswith("# Server")


def test_nul_stands_behind_every_element_for_xargs(redis82: Server) -> None:
    redis82.command("RPUSH", "l", "a\nb", "c d", "")
    redis82.command("HSET", "h", "f", "v")
    assert ran(redis82, "-0", "LRANGE", "l", "0", "-1").stdout == b"a\nb\0c d\0\0"
    assert ran(redis82, "-3", "-0", "HGETALL", "h").stdout == b"f\0v\0"
    for words in (("LRANGE", "none", "0", "-1"), ("-3", "HGETALL", "none"), ("SMEMBERS", "none")):
        assert ran(redis82, "-0", *words).stdout == b""
    assert ran(redis82, "-0", "MEMORY", "DOCTOR").stdout.endswith(b"\n\0")


def test_nil_has_the_text_that_is_asked_for(redis82: Server) -> None:
    redis82.command("SET", "empty", "")
    assert ran(redis82, "--null", "(none)", "GET", "none").stdout == b"(none)\n"
    assert ran(redis82, "--null", "(none)", "MGET", "none", "empty").stdout == b"(none)\n\n"
    assert ran(redis82, "--null", "-", "-0", "MGET", "none", "empty").stdout == b"-\0\0"
    assert ran(redis82, "--null", b"\xff", "GET", "none").stdout == b"\xff\n"


@pytest.mark.parametrize(
    ("flags", "mend"),
    [
        (("--csv", "-d", ","), "-d is for raw output; leave it out, or choose --raw"),
        (("--json", "-0"), "-0 is for raw output; leave it out, or choose --raw"),
        (("--no-raw", "--null", "x"), "--null is for raw output and for csv, tsv, markdown; leave it out"),
        (
            ("--raw", "--bytes", "hex"),
            "--bytes is for csv, json, markdown, ndjson, tsv, yaml; choose one of them with --format",
        ),
        (
            ("--bytes", "hex"),
            "--bytes is for csv, json, markdown, ndjson, tsv, yaml; choose one of them with --format",
        ),
        (("-0", "-d", ","), "-0 puts NUL where -d and -D put theirs; leave it out, or them"),
    ],
)
def test_a_flag_that_could_do_nothing_is_refused(flags: tuple[str, ...], mend: str) -> None:
    assert ran(*flags, "PING") == Ran(2, b"", f"{mend}\n".encode())


# -- formats for other programs

HOSTILE: Final = bytes(range(256)) + "\u202e\u200b🦊".encode()


def test_json_yaml_csv_and_resp_read_back_give_the_same_bytes(server: Server) -> None:
    server.command("HSET", "h", "field", HOSTILE, b"\xff\x00", "v")

    def written(form: str) -> bytes:
        return ran(server, "--format", form, "HGETALL", "h").stdout

    expected = {b"field": HOSTILE, b"\xff\x00": b"v"}
    documents = json.loads(written("json"))
    assert base64.b64decode(documents["field"]["$base64"]) == HOSTILE
    assert documents["$base64:/wA="] == "v"
    rows = read(written("csv"))
    assert rows[0] == ["key", "value"]
    assert {key.encode("latin-1"): value.encode("latin-1") for key, value in rows[1:]} == expected
    assert yaml.safe_load(written("yaml")) == {"field": HOSTILE, b"\xff\x00": "v"}
    pairs = {
        line["key"] if isinstance(line["key"], str) else "": line["value"]
        for line in map(json.loads, written("ndjson").splitlines())
    }
    assert pairs == {"field": documents["field"], "": "v"}
    resp = written("resp")
    assert b"$5\r\nfield\r\n$%d\r\n%b\r\n" % (len(HOSTILE), HOSTILE) in resp
    assert b"$2\r\n\xff\x00\r\n$1\r\nv\r\n" in resp


def test_the_old_flags_are_spellings_of_formats(redis82: Server) -> None:
    redis82.command("RPUSH", "l", "a", b"\xff")
    for flag, form in (
        ("--raw", "raw"),
        ("--no-raw", "redis"),
        ("--json", "json"),
        ("--quoted-json", "quoted-json"),
        ("--csv", "redis-csv"),
    ):
        words = ("LRANGE", "l", "0", "-1")
        assert ran(redis82, "--format", form, *words) == ran(redis82, flag, *words)


@pytest.mark.parametrize(
    ("form", "written"),
    [
        ("ndjson", b'{"key":"f","value":"v"}\n{"key":"g","value":{"$hex":"ff"}}\n'),
        ("csv", b"key,value\r\nf,v\r\ng,$hex:ff\r\n"),
        ("tsv", b"key\tvalue\nf\tv\ng\t$hex:ff\n"),
        ("markdown", b"| key | value |\n| --- | --- |\n| f | v |\n| g | \\$hex:ff |\n\n"),
        ("yaml", b'---\n"f": "v"\n"g": "$hex:ff"\n'),
        ("json", b'{"f":"v","g":{"$hex":"ff"}}\n'),
    ],
)
def test_bytes_that_are_no_text_have_the_notation_asked_for(
    redis82: Server, form: str, written: bytes
) -> None:
    redis82.command("HSET", "h", "f", "v", "g", b"\xff")
    assert ran(redis82, "--format", form, "--bytes", "hex", "HGETALL", "h") == Ran(0, written, b"")


@pytest.mark.parametrize(
    ("form", "null"), [("csv", b"a,-\r\n"), ("tsv", b"a\t-\n"), ("markdown", b"| a | - |\n")]
)
def test_nil_in_a_table_has_the_text_that_is_asked_for(redis82: Server, form: str, null: bytes) -> None:
    done = ran(redis82, "--format", form, "--null", "-", "EVAL", "return {{'a',false}}", "0")
    assert null in done.stdout


@pytest.mark.parametrize("protocol", ["-2", "-3"])
@pytest.mark.parametrize(
    ("form", "line"),
    [
        ("ndjson", b'["message","news","two\\nlines"]\n'),
        ("tsv", b"message\tnews\ttwo\\nlines\n"),
        ("json", b'["message","news","two\\nlines"]\n'),
    ],
)
def test_a_message_is_a_line(redis82: Server, protocol: str, form: str, line: bytes) -> None:
    with Running(redis82, protocol, "--format", form, "SUBSCRIBE", "news") as program:
        assert b"subscribe" in program.line()
        redis82.command("PUBLISH", "news", "two\nlines")
        assert program.line() == line


def test_an_error_is_in_the_output_of_a_script_and_in_its_exit_code(redis82: Server) -> None:
    for form, written in (
        ("ndjson", b'"PONG"\n{"error":{"code":"ERR","message":"ERR no"}}\n'),
        ("csv", b"PONG\r\nERR no\r\n"),
        ("resp", b"+PONG\r\n-ERR no\r\n"),
    ):
        script = b"PING\nEVAL \"return redis.error_reply('ERR no')\" 0\n"
        done = ran(redis82, "--format", form, stdin=script)
        assert (done.stdout, done.code) == (written, 1)


def test_what_a_text_says_has_rows_and_columns(redis82: Server) -> None:
    header, *clients = read(ran(redis82, "--format", "csv", "CLIENT", "LIST").stdout)
    [shown] = [dict(zip(header, client, strict=True)) for client in clients if "client|list" in client]
    assert (shown["db"], shown["resp"]) == ("0", "3")
    for line in ran(redis82, "--format", "ndjson", "CLIENT", "LIST").stdout.splitlines():
        assert json.loads(line).keys() == shown.keys()
    sections = yaml.safe_load(ran(redis82, "--format", "yaml", "INFO", "server").stdout)
    assert sections["Server"]["redis_mode"] == "standalone"


# -- the same on every server, in either protocol

SEEDS: Final = [
    b"HSET h f v g 2",
    b"ZADD z 1.5 m 2 n",
    b"RPUSH l a b",
    b"XADD x 1-1 f v g w",
    b"XADD x 1-2 f v2",
    b"XADD y 7-1 other v",
    b"XGROUP CREATE x workers 0",
    b"XREADGROUP GROUP workers ada COUNT 1 STREAMS x >",
    b"SADD s 1 2 3",
    b"SET text v",
]
NAMED: Final = {
    "HGETALL h": "key,value",
    "CONFIG GET maxmemory": "key,value",
    "ZRANGE z 0 -1 WITHSCORES": "member,score",
    "ZREVRANGEBYSCORE z +inf -inf WITHSCORES": "member,score",
    "ZRANDMEMBER z 5 WITHSCORES": "member,score",
    "ZPOPMAX none": "member,score",
    "XRANGE x - +": "id,f,g",
    "XREVRANGE x + - COUNT 1": "id,f",
    "XREAD STREAMS x y 0 0": "key,id,fields",
    "XCLAIM x workers bob 0 1-1": "id,f,g",
    "XAUTOCLAIM x workers bob 0 5": "cursor,deleted,id,fields",
    "XPENDING x workers": "count,smallest-id,greatest-id,consumers",
    "XINFO GROUPS x": "name,consumers,pending,last-delivered-id,entries-read,lag",
    "SCAN 0 MATCH text COUNT 100": "cursor,item",
    "SSCAN s 0": "cursor,item",
    "HSCAN h 0": "cursor,key,value",
    "ZSCAN z 0": "cursor,member,score",
    "GEOPOS none a": "member,longitude,latitude",
    "ROLE": "role,offset,replicas",
    "BLPOP l 1": "key,element",
    "COMMAND INFO get": "name,arity,flags,first-key,last-key,key-step,categories,tips,key-specs,subcommands",
    "ACL GETUSER default": "key,value",
    "ACL LIST": "user,enabled,rules",
    "INFO cluster": "section,field,value",
}
"""The columns that tables have; 6.2 lacks some of the names."""


@pytest.mark.parametrize("form", ["csv", "ndjson"])
def test_tables_are_the_same_in_both_protocols(fresh: Server, form: str) -> None:
    written = []
    for protocol in ("-2", "-3"):
        empty(fresh)
        script = b"\n".join([*SEEDS, *(line.encode() for line in NAMED)]) + b"\n"
        done = ran(fresh, protocol, "--format", form, stdin=script)
        assert done.stderr == b""
        written.append(done.stdout)
    if form == "ndjson":
        written = [re.sub(rb'"score":"([0-9.]+)"', rb'"score":\1', each) for each in written]
    assert written[0] == written[1]


def test_tables_have_these_columns(fresh: Server) -> None:
    for line in SEEDS:
        fresh.command(*line.decode().split())
    script = "".join(f"ECHO ----\n{line}\n" for line in NAMED).encode()
    _, *tables = ran(fresh, "--format", "csv", "-2", stdin=script).stdout.decode().split("----\r\n")
    headers = [table.partition("\r\n")[0] for table in tables]
    if fresh.binary.name != "redis62":
        assert dict(zip(NAMED, headers, strict=True)) == NAMED
    for found, header in zip(headers, NAMED.values(), strict=True):
        assert set(found.split(",")) <= set(header.split(","))


@pytest.mark.parametrize("protocol", ["-2", "-3"])
def test_what_modules_reply_has_columns_too(modules82: Server, protocol: str) -> None:
    for line in (
        'JSON.SET doc $ {"a":[1,"é"]}',
        "BF.RESERVE seen 0.01 100",
        "BF.ADD seen a",
        "TOPK.RESERVE top 2",
        "TOPK.ADD top a a b",
        "FT.CREATE books ON HASH PREFIX 1 book: SCHEMA title TEXT year NUMERIC SORTABLE",
        "HSET book:1 title Ulysses year 1922",
        "HSET book:2 title Molloy year 1951",
    ):
        modules82.command(*line.split())

    def table(*words: str) -> list[list[str]]:
        done = ran(modules82, protocol, "--format", "csv", *words)
        assert done.said == ""
        return [[cell.encode("latin-1").decode() for cell in row] for row in read(done.stdout)]

    assert json.loads(table("JSON.GET", "doc")[0][0]) == {"a": [1, "é"]}
    assert table("BF.INFO", "seen")[:2] == [["key", "value"], ["Capacity", "100"]]
    counts = table("TOPK.LIST", "top", "WITHCOUNT")
    assert counts[0] == ["key", "value"]
    assert sorted(counts[1:]) == [["a", "2"], ["b", "1"]]
    assert table("FT.SEARCH", "books", "*", "SORTBY", "year", "RETURN", "2", "title", "year") == [
        ["total", "id", "year", "title"],
        ["2", "book:1", "1922", "Ulysses"],
        ["2", "book:2", "1951", "Molloy"],
    ]
    assert table("FT.SEARCH", "books", "nothing") == [["total"], ["0"]]
    assert table("FT.SEARCH", "books", "*", "LIMIT", "0", "0") == [["total"], ["2"]]
    assert ["index_name", "books"] in table("FT.INFO", "books")
    [shown] = [row for row in table("FT.INFO", "books") if row[0] == "index_definition"]
    assert json.loads(shown[1])["key_type"] == "HASH"
    rows = table("FT.AGGREGATE", "books", "*", "GROUPBY", "0", "REDUCE", "COUNT", "0", "AS", "n")
    assert rows[0] == ["total", "n"]
    assert rows[1][1] == "2"
    script = b"JSON.GET doc\nBF.INFO seen\nFT.SEARCH books *\nFT.INFO books\n"
    for form in ("json", "ndjson", "yaml", "tsv", "markdown", "resp"):
        done = ran(modules82, protocol, "--format", form, stdin=script)
        assert (done.code, done.said) == (0, "")
        if form == "json":
            assert all(map(parses, done.stdout.splitlines()))
            assert done.stdout.count(b"\n") == 4


def test_texts_within_a_transaction_say_what_is_in_them(fresh: Server) -> None:
    script = b"MULTI\nINFO server\nSET k v\nCLIENT LIST\nHGETALL none\nEXEC\n"
    for form in ("json", "yaml"):
        done = ran(fresh, "--format", form, stdin=script)
        assert done.code == 0
        if form == "json":
            info, status, clients, pairs = json.loads(done.stdout.splitlines()[-1])
        else:
            info, status, clients, pairs = list(yaml.safe_load_all(done.stdout))[-1]
        assert info["Server"]["tcp_port"] == fresh.port
        assert status == "OK"
        assert clients[-1]["db"] == 0
        assert pairs == {}
    given_up = b"WATCH w\nSET w 1\nMULTI\nINFO server\nEXEC\n"
    assert ran(fresh, "--format", "json", stdin=given_up).stdout.endswith(b"null\n")


def read(written: bytes) -> list[list[str]]:
    return list(csv.reader(io.StringIO(written.decode("latin-1"), newline=""), strict=True))


def test_resp_is_as_it_came_in_either_protocol(redis82: Server) -> None:
    assert ran(redis82, "--format", "resp", "-2", "GET", "none").stdout == b"$-1\r\n"
    assert ran(redis82, "--format", "resp", "-3", "GET", "none").stdout == b"_\r\n"
    assert ran(redis82, "--format", "resp", "-3", "CONFIG", "GET", "maxmemory").stdout.startswith(b"%1\r\n")


@pytest.mark.parametrize("form", sorted(set(OUTPUTS) - {"human", "raw"}))
def test_nothing_steers_a_terminal_but_raw(redis82: Server, form: str) -> None:
    redis82.command("HSET", "h", "f", HOSTILE)
    with Terminal([*PROGRAM, "-s", redis82.unix_path, "--format", form, "HGETALL", "h"]) as screen:
        assert screen.exit_code() == 0
        shown = screen.raw.decode()
    assert not {"\x1b", "\x9b", "\x00", "\x07", "\u202e", "\u200b"} & set(shown)
    escaped = {"redis", "quoted-json", "redis-csv"}  # ASCII alone
    in_base64 = {"json", "ndjson", "yaml"}
    assert ("🦊" in shown) is (form not in escaped | in_base64)


def parses(line: bytes) -> bool:
    try:
        json.loads(line)
    except ValueError:
        return False
    return True


@pytest.mark.parametrize("protocol", ["-2", "-3"])
def test_each_field_of_info_is_a_row_under_its_section(server: Server, protocol: str) -> None:
    header, *fields = read(ran(server, protocol, "--format", "csv", "INFO").stdout)
    assert header == ["section", "field", "value"]
    assert ["Server", "tcp_port", str(server.port)] in fields
    sections = map(json.loads, ran(server, protocol, "--format", "ndjson", "INFO").stdout.splitlines())
    assert {section["section"] for section in sections} >= {"Server", "Memory"}
