"""``lua`` and ``--eval`` as a script meets them: a file of Lua, a real server, standard output."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.clusters import Cluster
from tests.hostile import Hear, Hostile, Say
from tests.program import Ran, ran, ran_redis_cli, redis_cli_70
from tests.servers import Server

BOTH = "return {KEYS[1], KEYS[2], ARGV[1], ARGV[2], #KEYS, #ARGV}"


@pytest.fixture(params=["redis62", "redis70", "redis82", "valkey9"])
def server(request: pytest.FixtureRequest, shared_server: Callable[[str], Server]) -> Server:
    return shared_server(request.param)


@pytest.fixture
def script(tmp_path: Path) -> Callable[[str | bytes], str]:
    """Return what writes a script to a file and returns its path."""

    def write(source: str | bytes) -> str:
        path = tmp_path / "script.lua"
        path.write_bytes(source.encode() if isinstance(source, str) else source)
        return str(path)

    return write


Write = Callable[[str | bytes], str]


def calls(server: Server) -> dict[str, int]:
    """Return how often the server was sent the commands that run scripts."""
    stats = server.info("commandstats")
    names = ("eval", "evalsha", "eval_ro", "evalsha_ro", "fcall", "fcall_ro")
    return {
        name: int(stats[f"cmdstat_{name}"].split("calls=")[1].split(",")[0])
        for name in names
        if f"cmdstat_{name}" in stats
    }


def test_a_comma_divides_keys_and_arguments(server: Server, script: Write) -> None:
    path = script(BOTH)

    told = ran(server, "lua", path, "k1", "k2", ",", "a1", ",")

    assert told == Ran(0, b"k1\nk2\na1\n,\n2\n2\n", b"")
    assert ran(server, "--eval", path, "k1", "k2", ",", "a1", ",") == told
    assert ran(server, "lua", script("return #ARGV"), "k1") == Ran(0, b"0\n", b"")


def test_the_reply_is_redis_clis(redis70: Server, script: Write) -> None:
    path = script("return {1, 'a b', false, {KEYS[1], {ok = 'fine'}}, ARGV[1]}")
    for flags in ((), ("--no-raw",), ("--csv",), ("-r", "2")):
        theirs = ran_redis_cli(redis70, *flags, "--eval", path, "k", ",", "v", binary=redis_cli_70())
        ours = ran(redis70, *flags, "--eval", path, "k", ",", "v")
        assert (flags, ours.stdout, ours.code) == (flags, theirs.stdout, 0)


def test_a_comma_inside_a_word_is_warned_of(redis82: Server, script: Write) -> None:
    path = script("return #KEYS")

    glued = ran(redis82, "lua", path, "k1,a1")
    half = ran(redis82, "lua", path, "k1,", "k2", ",", "a1,a2")

    assert (glued.code, glued.stdout) == (0, b"1\n")
    assert glued.said == "'k1,a1' is one word; only a comma between blanks divides keys and arguments\n"
    assert (half.code, half.stdout) == (0, b"2\n")
    assert half.said.startswith("'k1,' is one word")
    assert ran(redis82, "lua", path, "k,1", ",", "a,1") == Ran(0, b"1\n", b"")


def test_a_server_is_sent_a_script_once(server: Server, script: Write) -> None:
    path = script("return redis.call('INCR', KEYS[1])")
    server.command("CONFIG", "RESETSTAT")

    assert ran(server, "-r", "3", "lua", path, "n").stdout == b"1\n2\n3\n"
    assert ran(server, "lua", path, "n").stdout == b"4\n"

    assert calls(server) == {"evalsha": 4, "eval": 1}


def test_the_words_noscript_of_a_script_itself_do_not_run_it_twice(redis82: Server, script: Write) -> None:
    path = script("redis.call('INCR', 'n') return redis.error_reply('NOSCRIPT mine')")

    assert ran(redis82, "lua", path).said.endswith("script.lua: (error) NOSCRIPT mine\n")
    assert redis82.command("GET", "n") == b"1"


def test_an_error_of_the_servers_words_is_still_the_scripts_own(redis82: Server, script: Write) -> None:
    path = script("return redis.error_reply(ARGV[1])")
    for told in ("NOSCRIPT No matching script", "ERR unknown command 'PING'"):
        expected = f"script.lua: (error) {told}\n"
        assert ran(redis82, "lua", path, ",", told).said.endswith(expected)
    own = "function(_, args) return redis.error_reply(args[1]) end"
    library = f"#!lua name=own\nredis.register_function('own', {own})"
    redis82.command("FUNCTION", "LOAD", "REPLACE", library)
    for told in ("NOSCRIPT No matching script", "ERR unknown command 'PING'"):
        done = ran(redis82, "lua", "--function", "own", ",", told)
        assert (done.code, done.said) == (1, f"own: (error) {told}\n")
    redis82.command("FUNCTION", "FLUSH")


def test_a_script_may_come_on_standard_input_and_hold_any_byte(redis82: Server, script: Write) -> None:
    source = b"return '\xff\\r\\n' .. ARGV[1]"

    assert ran(redis82, "lua", "-", ",", b"\xfe", stdin=source) == Ran(0, b"\xff\r\n\xfe\n", b"")
    assert ran(redis82, "lua", script(source), ",", b"\xfe") == Ran(0, b"\xff\r\n\xfe\n", b"")
    assert ran(redis82, "-x", "lua", script("return ARGV[2]"), ",", "a", stdin=b"b\n").stdout == b"b\n\n"


@pytest.mark.parametrize(
    ("source", "line"),
    [
        ("local x = 1\n\nreturn undefined", 3),
        ("local x = 1\nreturn redis.call('LPUSH', KEYS[1], 'v')", 2),
        ("return 1\n+\n", 3),
        ("\nerror({err = 'MINE is wrong'})", None),
    ],
)
def test_an_error_names_the_file_and_the_line(
    server: Server, script: Write, source: str, line: int | None
) -> None:
    server.command("SET", "k", "v")
    path = script(source)

    failed = ran(server, "lua", path, "k")

    assert (failed.code, failed.stdout) == (1, b"")
    assert failed.said.count("\n") == 1
    # Where an error is that a script made itself, servers before 7.0 do not tell.
    places = [f"{path}:{line}: (error) "] if line else [f"{path}: (error) ", f"{path}:2: (error) "]
    assert failed.said.startswith(tuple(places))


def test_what_cannot_be_read_is_not_run(redis82: Server, script: Write) -> None:
    missing = ran(redis82, "lua", "no-such.lua")

    assert missing == Ran(2, b"", b"cannot read the script no-such.lua: No such file or directory\n")
    assert ran(redis82, "lua").code == 2
    assert ran(redis82, "-x", "lua", "-").code == 2


def test_a_script_that_only_reads_may_not_write(redis70: Server, valkey9: Server, script: Write) -> None:
    path = script("return redis.call(ARGV[1], KEYS[1])")
    for server in (redis70, valkey9):
        server.command("SET", "k", "v")

        read = ran(server, "lua", "--read-only", path, "k", ",", "GET")
        written = ran(server, "lua", "--read-only", path, "k", ",", "DEL")

        assert read == Ran(0, b"v\n", b"")
        assert (written.code, written.stdout) == (1, b"")
        assert "rite commands are not allowed" in written.said
        assert server.command("GET", "k") == b"v"


def test_a_server_that_is_too_old_is_told_so(redis62: Server, script: Write) -> None:
    read_only = ran(redis62, "lua", "--read-only", script("return 1"))
    function = ran(redis62, "lua", "--function", "mine")

    assert (read_only.code, function.code) == (1, 1)
    assert read_only.said.endswith("knows no scripts that are read-only; Redis 7.0 is the first\n")
    assert function.said.endswith("knows no functions; Redis 7.0 is the first\n")


def test_a_function_is_called_with_keys_and_arguments(redis70: Server, valkey9: Server) -> None:
    library = """#!lua name=mine
redis.register_function{function_name='join', flags={'no-writes'},
  callback=function(keys, args) return keys[1] .. '+' .. args[1] end}
redis.register_function('put', function(keys, args) return redis.call('SET', keys[1], args[1]) end)
"""
    for server in (redis70, valkey9):
        server.command("FUNCTION", "LOAD", "REPLACE", library)

        assert ran(server, "lua", "--function", "join", "k", ",", "a") == Ran(0, b"k+a\n", b"")
        assert ran(server, "lua", "--read-only", "--function", "join", "k", ",", "a").stdout == b"k+a\n"
        assert ran(server, "lua", "--function", "put", "k", ",", "a") == Ran(0, b"OK\n", b"")
        refused = ran(server, "lua", "--read-only", "--function", "put", "k", ",", "b")
        assert (refused.code, refused.stdout) == (1, b"")
        assert refused.said.startswith("put: (error) ")
        server.command("FUNCTION", "FLUSH")


def test_every_format_is_that_of_a_command(redis82: Server, script: Write) -> None:
    path = script("redis.setresp(3) return redis.call('HGETALL', KEYS[1])")
    redis82.command("HSET", "h", "f", "v")

    assert json.loads(ran(redis82, "--json", "lua", path, "h").stdout) == {"f": "v"}
    assert ran(redis82, "--format", "csv", "--eval", path, "h").stdout == b"key,value\r\nf,v\r\n"


def test_errors_end_in_the_exit_code_of_the_first(redis82: Server, script: Write) -> None:
    path = script(
        "local n = redis.call('INCR', 'n') if n == 2 then return redis.error_reply('MINE no') end return n"
    )

    going_on = ran(redis82, "-r", "3", "lua", path)
    stopping = ran(redis82, "-e", "-r", "5", "lua", script("return redis.error_reply('MINE no')"))

    assert (going_on.code, going_on.stdout) == (1, b"1\n3\n")
    assert stopping.said.count("MINE no") == 1
    assert ran("-p", "1", "lua", path).code == 3


def test_in_a_cluster_the_script_goes_where_its_keys_are(cluster: Cluster, script: Write) -> None:
    host, port = cluster.seeds[0]
    path = script("return redis.call('SET', KEYS[1], ARGV[1])")
    for key in ("a", "b", "c"):  # which lie at three nodes
        done = ran("-c", "-h", host, "-p", str(port), "lua", path, key, ",", "v")
        assert (done.code, done.stdout) == (0, b"OK\n")


async def test_a_server_that_forgets_scripts_at_once_gets_the_source(script: Write) -> None:
    path = script("return 1")
    async with Hostile(
        [
            Hear(b"EVALSHA"),
            Say(b"-NOSCRIPT No matching script. Please use EVAL.\r\n"),
            Hear(b"return 1"),
            Say(b":1\r\n"),
        ]
    ) as server:
        assert await asyncio.to_thread(ran, "-p", str(server.port), "lua", path) == Ran(0, b"1\n", b"")
