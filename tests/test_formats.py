"""The formats of a script's output: redis-cli's, with redis-cli 7.0 as judge, and those for other programs."""

from __future__ import annotations

import base64
import csv
import io
import json
from typing import Final, get_args

import pytest
import yaml

from pyredis_cli.flags import Output
from tests.conftest import MakeServer
from tests.program import PROGRAM, Ran, Running, ran, ran_redis_cli, redis_cli_70
from tests.servers import Server
from tests.terminal import Terminal

# One command a line; what does not always have the same reply is not among them.
PLAIN: Final = rb"""
PING
PING hello
ECHO ""
ECHO "two words"
ECHO "comma, semicolon; tab\tend"
ECHO "\x00\x01\x1f"
ECHO "\xff\xfe\x80"
ECHO "caf\xc3\xa9 \xe6\x9d\xb1"
ECHO "back\\slash"
ECHO "line\nline\r\n"
SET s "a\x00b\xffc\n"
GET s
GET none
GETRANGE s 0 1
STRLEN s
APPEND s x
SET s other GET
SETNX s no
GETDEL s
MSET a 1 b 2 c ""
MGET a b c none
INCR a
DECRBY a 10
INCRBYFLOAT b 0.5
EXISTS a none
TYPE a
TYPE none
TTL a
EXPIRE none 5
DEL c none
RPUSH l a b "c d" "" "\xff"
LRANGE l 0 -1
LRANGE none 0 -1
LLEN l
LPOP l
LPOP none
LPOP none 2
LPOP l 2
LINDEX l 9
LPOS l none
LINSERT l BEFORE none x
LMPOP 1 l LEFT COUNT 2
LMPOP 1 none LEFT
HSET h f v g "w x" n 10
HGET h f
HGET h none
HMGET h f none g
HGETALL h
HGETALL none
HKEYS h
HVALS h
HLEN h
HINCRBYFLOAT h n 0.25
HSTRLEN h f
HRANDFIELD none
HSCAN h 0
SADD set 3 1 2
SMEMBERS set
SMEMBERS none
SISMEMBER set 1
SMISMEMBER set 1 9
SINTER set none
SCARD set
SADD words solo
SPOP words
SPOP words
SSCAN set 0
ZADD z 1.5 m 2 n -inf low inf high
ZSCORE z m
ZSCORE z none
ZMSCORE z m none
ZRANGE z 0 -1
ZRANGE z 0 -1 WITHSCORES
ZRANGEBYSCORE z 1 2 WITHSCORES
ZRANK z n
ZRANK z none
ZINCRBY z 0.1 m
ZPOPMIN z
ZPOPMAX none
ZMPOP 1 z MIN COUNT 2
ZMPOP 1 none MIN
ZDIFF 1 z WITHSCORES
ZSCAN z 0
GEOADD g 13.361389 38.115556 Palermo 15.087269 37.502669 Catania
GEOPOS g Palermo none
GEODIST g Palermo Catania km
GEODIST g Palermo none
GEOHASH g Palermo none
GEOSEARCH g FROMMEMBER Palermo BYRADIUS 200 km ASC WITHCOORD WITHDIST WITHHASH
PFADD p a b
PFCOUNT p
SETBIT bits 7 1
BITCOUNT bits
BITFIELD bits GET u8 0 OVERFLOW FAIL INCRBY u2 100 9
XADD x 1-1 f v g "w\n"
XADD x 2-1 f v2
XLEN x
XRANGE x - +
XRANGE x 5 6
XREAD COUNT 1 STREAMS x 0
XREAD STREAMS x 9
XGROUP CREATE x group 0
XREADGROUP GROUP group ada COUNT 1 STREAMS x >
XPENDING x group
XACK x group 1-1
XINFO GROUPS none2x
SCAN 0 MATCH nothing-has-this-name
KEYS h
DBSIZE
OBJECT ENCODING h
OBJECT FREQ none
SORT set DESC
LCS a b IDX
COPY a a2
COMMAND COUNT none
COMMAND GETKEYS SET k v
COMMAND INFO none
CONFIG GET maxmemory
CONFIG GET maxmemory*
CONFIG GET no-such-parameter
CONFIG SET maxmemory 0
ACL WHOAMI
ACL CAT hyperloglog
ACL GETUSER none
CLIENT GETNAME
CLIENT SETNAME ada
CLIENT GETNAME
CLIENT TRACKINGINFO
SLOWLOG LEN
LATENCY LATEST
MODULE LIST
FUNCTION LIST
FUNCTION STATS
PUBSUB CHANNELS
PUBSUB NUMSUB a b
PUBLISH nobody hears
SCRIPT EXISTS 0000000000000000000000000000000000000000
WAIT 0 1
ROLE
SELECT 1
SELECT 0
TIME extra
EVAL "return {1,{2,{3,'x'}},'y',{},{{}}}" 0
EVAL "return {false,'a'}" 0
EVAL "return redis.status_reply('GOOD')" 0
EVAL "redis.setresp(3); return {map={a=1}}" 0
EVAL "redis.setresp(3); return {map={a={map={b={1,2}}}}}" 0
EVAL "redis.setresp(3); return {set={a=true}}" 0
EVAL "redis.setresp(3); return {double=3.25}" 0
EVAL "redis.setresp(3); return true" 0
EVAL "redis.setresp(3); return false" 0
EVAL "redis.setresp(3); return {{set={}},{map={}},{double=1e100}}" 0
MULTI
INCR a
HGETALL h
SMEMBERS set
LPUSH l new
GET none
EXEC
MULTI
EXEC
WATCH a
UNWATCH
MULTI
DISCARD
"""
QUOTES: Final = rb"""
ECHO "\"quoted\""
ECHO "{\"json\": [1, \"two\"]}"
ECHO "\x7f"
"""
# redis-cli's JSON of these does not parse.
FAILING: Final = rb"""
INCR l
NOSUCH command
GET
EVAL "return redis.error_reply('MY own \"error\"')" 0
EVAL "return {1,redis.error_reply('no')}" 0
MULTI
INCR l
NOSUCH in it
EXEC
HGETALL s2 s3
"""
# Texts to be read, which redis-cli prints as they are, whatever it is asked for.
TEXTS: Final = rb"""
LOLWUT VERSION 1
MEMORY DOCTOR
LATENCY DOCTOR
"""


EVERYTHING: Final = PLAIN + QUOTES + FAILING + TEXTS


@pytest.mark.parametrize("protocol", ["-2", "-3"])
@pytest.mark.parametrize(
    ("flags", "script"),
    [
        (("--csv",), EVERYTHING),
        (("--raw",), EVERYTHING),
        (("--raw", "-d", "<>", "-D", "--\n"), EVERYTHING),
        (("--raw", "-d", "", "-D", ""), EVERYTHING),
        (("--no-raw",), EVERYTHING),
    ],
    ids=["csv", "raw", "raw with delimiters", "raw without delimiters", "no-raw"],
)
def test_both_programs_print_the_same_bytes(
    make_server: MakeServer, protocol: str, flags: tuple[str, ...], script: bytes
) -> None:
    binary = redis_cli_70()
    server = make_server("redis82")  # ROLE tells of the replicas that another one had
    server.command("FLUSHALL")
    theirs = ran_redis_cli(server, protocol, *flags, stdin=script, binary=binary)
    server.command("FLUSHALL")
    ours = ran(server, protocol, *flags, stdin=script)

    assert ours.stdout.split(b"\n") == theirs.stdout.split(b"\n")
    assert script.count(b"\n") > 100


@pytest.mark.parametrize("protocol", ["-2", "-3"])
@pytest.mark.parametrize("form", ["--json", "--quoted-json"])
def test_both_programs_print_the_same_json_where_that_of_redis_cli_is_json(
    make_server: MakeServer, protocol: str, form: str
) -> None:
    binary = redis_cli_70()
    server = make_server("redis82")  # ROLE tells of the replicas that another one had
    server.command("FLUSHALL")
    theirs = ran_redis_cli(server, protocol, form, stdin=PLAIN + FAILING, binary=binary).stdout.splitlines()
    server.command("FLUSHALL")
    ours = ran(server, protocol, form, stdin=PLAIN + FAILING).stdout.splitlines()

    pairs = [(line, other) for line, other in zip(ours, theirs, strict=True) if _parses(other)]
    assert [line for line, _ in pairs] == [other for _, other in pairs]
    assert len(pairs) > 130
    assert all(map(_parses, ours))


@pytest.mark.parametrize("form", ["--json", "--quoted-json"])
def test_json_speaks_resp3_of_itself_as_redis_clis_does(redis82: Server, form: str) -> None:
    redis82.command("HSET", "h", "f", b"\xff\n")
    expected = ran_redis_cli(redis82, form, "HGETALL", "h", binary=redis_cli_70()).stdout
    shown = ran(redis82, form, "HGETALL", "h").stdout
    assert json.loads(shown).keys() == {"f"}
    assert form == "--json" or shown == expected


@pytest.mark.parametrize("form", ["--json", "--quoted-json"])
def test_what_redis_cli_writes_as_no_json_is_json_here(redis82: Server, form: str) -> None:
    written = ran(redis82, form, stdin=FAILING + QUOTES + b"ZADD z inf a\nZSCORE z a\nINFO server\n").stdout
    documents = [json.loads(line) for line in written.splitlines()]
    assert documents[1]["error"]["code"] == "ERR"
    assert documents[-2] == "inf"
    server = documents[-1]
    assert "Server" in server if form == "--json" else server.startswith("# Server")


def test_nul_stands_behind_every_element_for_xargs(redis82: Server) -> None:
    redis82.command("RPUSH", "l", "a\nb", "c d", "")
    redis82.command("HSET", "h", "f", "v")
    assert ran(redis82, "-0", "LRANGE", "l", "0", "-1").stdout == b"a\nb\0c d\0\0"
    assert ran(redis82, "-3", "-0", "HGETALL", "h").stdout == b"f\0v\0"
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


def read(written: bytes) -> list[list[str]]:
    return list(csv.reader(io.StringIO(written.decode("latin-1"), newline=""), strict=True))


def test_resp_is_as_it_came_in_either_protocol(redis82: Server) -> None:
    assert ran(redis82, "--format", "resp", "-2", "GET", "none").stdout == b"$-1\r\n"
    assert ran(redis82, "--format", "resp", "-3", "GET", "none").stdout == b"_\r\n"
    assert ran(redis82, "--format", "resp", "-3", "CONFIG", "GET", "maxmemory").stdout.startswith(b"%1\r\n")


@pytest.mark.parametrize("form", sorted(set(get_args(Output)) - {"human", "raw"}))
def test_nothing_steers_a_terminal_but_raw(redis82: Server, form: str) -> None:
    redis82.command("HSET", "h", "f", HOSTILE)
    with Terminal([*PROGRAM, "-s", redis82.unix_path, "--format", form, "HGETALL", "h"]) as screen:
        assert screen.exit_code() == 0
        shown = screen.raw.decode()
    assert not {"\x1b", "\x9b", "\x00", "\x07", "\u202e", "\u200b"} & set(shown)
    escaped = {"redis", "quoted-json", "redis-csv"}  # ASCII alone
    in_base64 = {"json", "ndjson", "yaml"}
    assert ("🦊" in shown) is (form not in escaped | in_base64)


def _parses(line: bytes) -> bool:
    try:
        json.loads(line)
    except ValueError:
        return False
    return True
