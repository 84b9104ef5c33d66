"""What is said below an error: true on real servers, in time, without secrets, and nothing that is not known."""

from __future__ import annotations

import re
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pyredis.address import TcpAddress
from pyredis.commands.spec import TABLE
from pyredis.exceptions import reply_error
from pyredis.types import Status
from pyredis_cli.core import connect
from pyredis_cli.core.desk import Desk
from pyredis_cli.core.kinds import COUNTERPARTS, GROUPS
from pyredis_cli.registry import META
from pyredis_cli.repl.coach import Case, lesson
from pyredis_cli.repl.coaching import Coach, corrected
from pyredis_cli.settings import Settings
from pyredis_cli.splitting import split
from tests.clusters import Cluster
from tests.conftest import MakeServer
from tests.repl.conftest import StartRepl, ask, at_prompt
from tests.servers import DEADLINE, Server, until, wait_until


class Person:
    """Somebody who types lines into a session that has a coach."""

    def __init__(self, server: Server, budget: float = DEADLINE, **settings: Any) -> None:
        self.session = connect.session(
            Settings(address=TcpAddress(server.host, server.port), protocol=3, **settings), interactive=True
        )
        self.desk = Desk(self.session)
        self.coach = Coach("utf-8", budget)

    async def types(self, line: str) -> str:
        """Return what the coach says of what becomes of a line."""
        self.coach.forget()
        self.coach.hear(await self.session.run(line.encode().split()), self.session)
        return await self.coach.advice(self.desk, line)

    async def hears(self, line: str, said: str) -> bool:
        return await self.types(line) == said

    async def leaves(self) -> None:
        await self.desk.close()
        await self.session.close()


@asynccontextmanager
async def person(server: Server, budget: float = DEADLINE, **settings: Any) -> AsyncIterator[Person]:
    somebody = Person(server, budget, **settings)
    try:
        yield somebody
    finally:
        await somebody.leaves()


SAID: Final = {
    "LPUSH user:7 x": "user:7 is a hash; LPUSH wants a list. Did you mean HSET?",
    "LPUSH name x": "name is a string; LPUSH wants a list. Did you mean APPEND?",
    "LSET name 0 x": "name is a string; LSET wants a list; help @string lists what works on it",
    "LSET user:7 0 x": "user:7 is a hash; LSET wants a list. Did you mean HSET?",
    "GET user:7": "user:7 is a hash; GET wants a string. Did you mean HGETALL?",
    "SMEMBERS board": "board is a sorted set; SMEMBERS wants a set. Did you mean ZRANGE?",
    "SINTERSTORE user:7 board": "board is a sorted set; SINTERSTORE wants a set; "
    "help @sorted-set lists what works on it",
    "ZINTERSTORE user:7 2 board user:7": "user:7 is a hash; ZINTERSTORE wants a set or a sorted set; "
    "help @hash lists what works on it",
    "PFADD name x": "name is a string, but no HyperLogLog",
    "zrnage board 0 -1": "did you mean ZRANGE?",
    "explain GET a": "did you mean :explain?",
    "CONFIG gte maxmemory": "did you mean CONFIG GET?",
    "CONFIG fliegen": "help CONFIG lists its subcommands",
    "HGET user:7": "usage: HGET key field",
    "SET a b FOO": "at FOO: one of these is due: NX, XX, GET, EX, PX, EXAT, PXAT, KEEPTTL",
    "SET a b EX": "there is more to come: seconds [NX|XX] [GET]",
    "INCRBY name x": "at x: an integer is due: increment",
    "SELECT 99": "there are 16 databases, 0 to 15",
    "EVALSHA 0 0": "EVAL sends the script itself; SCRIPT LOAD keeps it until SCRIPT FLUSH or a restart",
    "XREADGROUP GROUP g c STREAMS s >": "XGROUP CREATE makes a group, with MKSTREAM the stream as well",
    "FT.SEARCH a b": "FT.SEARCH is a command of the module search",
    "LSET nosuch 0 a": "",
    "INCR name": "name holds 3 bytes that are no integer of 64 bits",
    "INCR most": "most holds 19 bytes that are no integer of 64 bits",
    "INCRBYFLOAT name 1.5": "name holds 3 bytes that are no number",
    "HINCRBY user:7 name 1": "name of user:7 holds 3 bytes that are no integer of 64 bits",
    "HINCRBYFLOAT user:7 name 1": "name of user:7 holds 3 bytes that are no number",
    "INCRBYFLOAT fruit 1": "fruit holds 8 bytes that are no number",
    "INCRBY count 007": "",
    "INCRBY nosuch 007": "",
    "INCR max": "",
    "GETEX name EX x": "at x: an integer is due: seconds",
    "quxquxqux a": "",
}
"""What is said below the errors of these lines."""


@pytest.mark.usefixtures("no_leaks")
async def test_each_error_is_said_to_lie_where_it_lies(redis82: Server) -> None:
    redis82.command("HSET", "user:7", "name", "Ada")
    redis82.command("ZADD", "board", "1", "ada")
    redis82.command("MSET", "name", "Ada", "count", "5", "fruit", "5 apples", "most", 2**63, "max", 2**63 - 1)

    async with person(redis82) as somebody:
        said = {line: await somebody.types(line) for line in SAID}

    assert said == SAID


async def test_a_command_of_others_is_told_as_such(redis62: Server) -> None:
    async with person(redis62) as somebody:
        somebody.session.table.learn_server("redis", "6.2.14")

        assert await somebody.types("LCS a b") == "LCS is there since 7.0.0, and this is 6.2.14"
        assert await somebody.types("DELIFEQ a b") == "DELIFEQ is a command of Valkey"


async def test_of_what_a_read_only_session_sends_instead_it_is_told_since_when_it_is_there(
    redis62: Server,
) -> None:
    async with person(redis62, read_only=True) as somebody:
        somebody.session.table.learn_server("redis", "6.2.14")

        assert await somebody.types("SORT l") == "SORT_RO is there since 7.0.0, and this is 6.2.14"


async def test_in_a_transaction_it_is_told_what_spoilt_it(redis82: Server) -> None:
    redis82.command("HSET", "user:7", "name", "Ada")

    async with person(redis82) as somebody:
        for line in ("MULTI", "SET a"):
            await somebody.types(line)
        assert await somebody.types("EXEC") == "SET could not be queued, so nothing was run"
        for line in ("MULTI", "SET a b", "LPUSH user:7 a"):
            assert await somebody.types(line) == ""
        told = SAID["LPUSH user:7 x"]
        assert await somebody.types("EXEC") == f"LPUSH, 2 of 2: {told}"
        for line in ("MULTI", "LSET nosuch 0 a", "LPUSH user:7 a"):
            await somebody.types(line)
        assert await somebody.types("EXEC") == "LSET, 1 of 2, was the first that failed"


async def test_the_missing_rule_is_named(server: Server) -> None:
    server.command(
        "ACL", "SETUSER", "ada", "on", "nopass", "~mine:*", "&mine", "+@all", "-get", "-config|set"
    )

    async with person(server, username="ada", password="x") as ada:
        gives = "; who may, gives it: ACL SETUSER ada"
        assert await ada.types("GET mine:1") == f"ada lacks +get{gives} +get"
        assert await ada.types("CONFIG SET maxmemory 0") == f"ada lacks +config|set{gives} +config|set"
        assert await ada.types("SET yours:1 x") == f"ada lacks ~yours:1{gives} ~yours:1"
        assert await ada.types("MGET mine:1 yours:1") == "ada lacks ~mine:1 or ~yours:1"
        assert await ada.types("PUBLISH yours x") == f"ada lacks &yours{gives} &yours"


@pytest.mark.parametrize("key", ["a*b", "a?b", "[a]", "a\\b", '"a b"', '"a\\tb"', "{a}#|"])
async def test_the_rule_that_is_named_gives_that_key_and_no_more(redis82: Server, key: str) -> None:
    redis82.command("ACL", "SETUSER", "ada", "on", "nopass", "resetkeys", "+set")

    async with person(redis82, username="ada", password="x") as ada:
        argv = [b"SET", *split(key), b"x"]
        ada.coach.hear(await ada.session.run(argv), ada.session)
        _, _, mend = (await ada.coach.advice(ada.desk, "")).partition("gives it: ")
        redis82.command(*split(mend))
        assert (await ada.session.run(argv)).reply == b"OK"
        refused = await ada.session.run([b"SET", b"a--b", b"x"])
        assert refused.failed


async def test_a_rule_that_is_cut_is_no_mend(redis82: Server) -> None:
    redis82.command("ACL", "SETUSER", "ada", "on", "nopass", "resetkeys", "+set")

    async with person(redis82, username="ada", password="x") as ada:
        assert await ada.types(f"SET {'k' * 100} x") == f"ada lacks ~{'k' * 59}..."


async def test_a_command_that_was_renamed_is_not_called_too_new(make_server: MakeServer) -> None:
    server = make_server("redis82", 'rename-command DEBUG ""')

    async with person(server) as somebody:
        somebody.session.table.learn_server("redis", "8.2.3")
        assert (await somebody.types("DEBUG SLEEP 0")).startswith("this server has no DEBUG: rename-command")


# -- what the server is in


async def test_a_replica_says_where_its_primary_is(redis82: Server, valkey9: Server) -> None:
    redis82.command("REPLICAOF", valkey9.host, "1")
    redis82.command("CONFIG", "SET", "replica-serve-stale-data", "no")

    async with person(redis82) as somebody:
        down = await somebody.types("GET a")
        redis82.command("CONFIG", "SET", "replica-serve-stale-data", "yes")
        written = await somebody.types("SET a b")

    assert down.startswith(f"no link to the primary {valkey9.host}:1")
    where = f"{valkey9.host}:1 (link down), which takes writes: connect {valkey9.host} 1"
    assert written == f"this is a replica of {where}"


async def test_full_memory_and_missing_replicas_are_told_with_numbers(server: Server) -> None:
    async with person(server) as somebody:
        await somebody.session.connect()
        server.command("CONFIG", "SET", "min-replicas-to-write", "2")
        lonely = await somebody.types("SET a b")
        server.command("CONFIG", "SET", "min-replicas-to-write", "0", "maxmemory", "100kb")
        full = await somebody.types("SET a b")

    assert lonely == "min-replicas-to-write wants 2 replicas, and 0 keep up; INFO replication lists them"
    assert " are used of maxmemory 100.00K, and noeviction evicts nothing; " in full


def put_in_the_way(server: Server) -> None:
    """Put a folder where the server wants to save its file."""
    Path(server.settings("dir")["dir"], "dump.rdb").mkdir()


async def test_a_server_that_cannot_save_says_since_when(make_server: MakeServer) -> None:
    server = make_server("redis82", "save 3600 1", "dbfilename dump.rdb")
    put_in_the_way(server)
    server.command("SET", "a", "b")
    server.command("BGSAVE")
    await until(lambda: server.info("persistence")["rdb_last_bgsave_status"] == "err")

    async with person(server) as somebody:
        said = await somebody.types("SET a b")
    server.command("CONFIG", "SET", "save", "")  # or it could not stop

    assert said.startswith("the last BGSAVE failed, the last one that worked was ")
    assert "stop-writes-on-bgsave-error no" in said


async def test_a_server_that_loads_says_how_far_it_is(make_server: MakeServer) -> None:
    server = make_server("redis82", "enable-debug-command yes", "loading-process-events-interval-bytes 1024")
    server.command("EVAL", "for i = 1, 3000 do redis.call('SET', 'k' .. i, ('x'):rep(100)) end", 0)
    server.command("CONFIG", "SET", "rdbcompression", "no", "key-load-delay", "10000")

    async with person(server) as somebody:
        await somebody.session.connect()
        with socket.create_connection((server.host, server.port)) as other:
            other.sendall(b"DEBUG RELOAD\r\n")
            said = await until(lambda: somebody.types("GET k1"))
        server.kill()  # it would load for long

    assert re.fullmatch(r"\d+% is loaded(, about .+ to go)?", said)


async def test_a_cluster_says_which_slots_lack_and_which_keys_part(make_server: MakeServer) -> None:
    node = make_server("redis82", "cluster-enabled yes")
    node.command("CLUSTER", "ADDSLOTSRANGE", "0", "16382")

    async with person(node) as somebody:
        down = await somebody.types("GET a")
        node.command("CLUSTER", "ADDSLOTS", "16383")
        await until(lambda: b"cluster_state:ok" in bytes(str(node.command("CLUSTER", "INFO")), "utf-8"))
        parted = await somebody.types("MGET a b")

    assert down == "1 slots are assigned to nobody; CLUSTER SHARDS lists the nodes"
    assert parted.startswith("a is in slot 15495, b is in slot 3300; keys share a slot by a {tag}: ")


async def test_in_a_cluster_the_node_of_the_key_is_asked(cluster82: Cluster) -> None:
    node = cluster82.live[0]
    async with person(node, cluster=True) as somebody:
        for key in ("a", "b", "c"):
            await somebody.types(f"HSET {key} name Ada")
            assert (
                await somebody.types(f"GET {key}")
                == f"{key} is a hash; GET wants a string. Did you mean HGETALL?"
            )
        assert (await somebody.types("MGET a b")).startswith("a is in slot 15495, b is in slot 3300; ")


async def test_nothing_is_said_that_could_not_be_looked_up_in_time(redis82: Server) -> None:
    redis82.command("HSET", "user:7", "name", "Ada")
    async with person(redis82, budget=0.1) as somebody:
        somebody.coach.hear(await somebody.session.run([b"LPUSH", b"user:7", b"x"]), somebody.session)
        redis82.pause()
        try:
            assert await somebody.coach.advice(somebody.desk, "LPUSH user:7 x") == ""
        finally:
            redis82.resume()
        await until(lambda: somebody.hears("LPUSH user:7 x", SAID["LPUSH user:7 x"]))


# -- pure


def case(line: str, message: str, **facts: Any) -> Case:
    argv = tuple(line.encode().split())
    return Case(argv, TABLE.find(argv), reply_error(message), TABLE, **facts)


def said(line: str, message: str, *answers: Any, **facts: Any) -> str:
    row = lesson(reply_error(message))
    assert row is not None
    return row.says(case(line, message, **facts), answers)


def test_how_far_loading_is_and_what_a_script_takes_to_end() -> None:
    loading = b"loading:1\r\nloading_loaded_perc:41.50\r\nloading_eta_seconds:190\r\n"

    assert said("GET a", "LOADING Redis is loading", loading) == "42% is loaded, about 3 min 10 s to go"
    assert said("GET a", "LOADING Redis is loading", b"loading:0\r\n") == ""
    assert (
        said("GET a", "BUSY You can only call SCRIPT KILL")
        == "SCRIPT KILL ends it, unless it has written already"
    )
    assert said("GET a", "BUSY You can only call FUNCTION KILL").startswith("FUNCTION KILL ends it")


@pytest.mark.parametrize("message", ["MOVED 1 h:1", "ASK 1 h:1", "ERR no such key", "ERR", "", "ODD thing"])
def test_of_other_errors_nothing_is_said(message: str) -> None:
    assert lesson(reply_error(message)) is None


_MESSAGES: Final = (
    "WRONGTYPE x",
    "NOPERM User a has no permissions to access one of the keys",
    "NOPERM No permissions to access a channel",
    "CROSSSLOT x",
    "ERR syntax error",
    "ERR unknown command 'x'",
    "ERR unknown subcommand 'x'",
    "ERR wrong number of arguments for 'x' command",
    "ERR value is not an integer or out of range",
    "ERR DB index is out of range",
    "OOM x",
    "MISCONF x",
    "READONLY x",
    "LOADING x",
    "MASTERDOWN x",
    "CLUSTERDOWN x",
    "NOREPLICAS x",
)
_WORDS: Final = st.sampled_from(
    [b"SET", b"config", b"AUTH", b"MGET", b"k", b"", b"\xff\x00", b"EX", b"ZADD", b"nx"]
)
_ANSWERS: Final = st.sampled_from(
    [
        b"hash",
        b"none",
        Status(b"list"),
        1,
        None,
        b"maxmemory:x\r\nused_memory:\r\n",
        reply_error("ERR x"),
        [b"a"],
    ]
)


@given(st.lists(_WORDS, min_size=1, max_size=6), st.sampled_from(_MESSAGES), st.lists(_ANSWERS, max_size=4))
def test_no_command_and_no_answer_is_too_odd(argv: list[bytes], message: str, answers: list[Any]) -> None:
    row = lesson(reply_error(message))
    assert row is not None
    asked = Case(tuple(argv), TABLE.find(argv), reply_error(message), TABLE)

    assert "\n" not in row.says(asked, answers)
    assert "\x00" not in row.says(asked, answers)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("AUHT s3cret", "ERR unknown command 'AUHT'"),
        ("HELLO 3 AUTH ada s3cret x", "ERR syntax error"),
        ("AUTH ada s3cret x", "ERR syntax error"),
        ("ACL SETUSER ada >s3cret", "ERR syntax error"),
        ("MIGRATE h x k 0 1 AUTH s3cret", "ERR syntax error"),
        ("ACL STEUSER ada >s3cret", "ERR unknown subcommand 'STEUSER'"),
    ],
)
def test_no_secret_is_said_or_offered(line: str, message: str) -> None:
    found = case(line, message)
    row = lesson(found.error)
    assert row is not None

    assert "s3cret" not in row.says(found, ())
    assert corrected(found, line) == ""


@pytest.mark.parametrize(
    ("line", "offered"),
    [
        ("zrnage lb 0 -1", "zrange lb 0 -1"),
        ("  5 ZRNAGE 'a b'", "  5 ZRANGE 'a b'"),
        ("object  encodign x", "object  encoding x"),
    ],
)
def test_the_line_that_was_meant_keeps_all_but_the_word(line: str, offered: str) -> None:
    words = line.split()
    argv = words[1:] if words[0] == "5" else words
    kind = "subcommand" if argv[0] == "object" else "command"
    found = case(" ".join(argv), f"ERR unknown {kind} 'x'")

    assert corrected(found, line) == offered


def test_the_counterparts_are_commands_for_their_types() -> None:
    for row in COUNTERPARTS:
        for kind, names in row.items():
            for name in names.split():
                spec = TABLE.find([name])
                assert spec is not None
                assert GROUPS[spec.group] == kind, name


@pytest.mark.parametrize(
    ("line", "mark"),
    [
        ("get js |jq .", "|"),
        ("get js >f", ">"),
        ("5 get js >>f", ">>"),
        ("SET k v >f", ">"),
        ("get js '|jq' .", ""),
        ("get js a|jq", ""),
        ("get js ||jq", ""),
        ("get js |", ""),
        ("SET k >f", ""),
        ("get", ""),
    ],
)
def test_a_mark_without_its_blank_is_told(line: str, mark: str) -> None:
    message = "ERR syntax error" if line.startswith("SET k v") else "ERR wrong number of arguments for x"
    told = said(line.removeprefix("5 "), message, typed=line)

    needs = f"a {mark} of the prompt needs a blank on both sides; this one went to the server"
    assert told == needs if mark else "blank" not in told
    assert "blank" not in said(line.removeprefix("5 "), message)


@pytest.mark.usefixtures("no_leaks")
async def test_without_marks_nothing_is_said_of_them(redis82: Server) -> None:
    async with person(redis82) as somebody:
        assert (await somebody.types("get js |jq .")).startswith("a | of the prompt")
        somebody.coach = Coach("utf-8", DEADLINE, shell=False)
        assert await somebody.types("get js |jq .") == "usage: GET key"


def test_no_counterpart_that_is_told_overwrites_a_value_unseen() -> None:
    for row in COUNTERPARTS:
        for kind, names in row.items():
            spec = TABLE.find([names.split()[0]])
            assert spec is not None
            whole = kind == "string" and any({"RW", "OW"} & set(flags) for flags, _, _ in spec.key_specs)
            assert not whole or spec.name in ("APPEND", "INCRBY"), spec.name


def test_a_type_that_is_not_known_is_no_other_keys() -> None:
    denied = reply_error("NOPERM x")
    told = "b is a list; SUNION wants a set; help @list lists what works on it"
    assert said("SUNION a b", "WRONGTYPE x", denied, b"list") == told
    assert said("ZADD a 1 b", "WRONGTYPE x", b"li\r\nst") == ""


def test_no_word_of_the_repl_is_mistaken_for_a_command() -> None:
    assert said("timing 5", "ERR unknown command 'timing'") == "did you mean :timing?"
    assert all(name in META for name in (":explain", ":slot", ":timing"))


# -- on a terminal


def test_advice_stands_below_the_error_and_the_line_that_was_meant_waits(
    repl: StartRepl, redis82: Server
) -> None:
    redis82.command("HSET", "user:7", "name", "Ada")
    redis82.command("ZADD", "lb", "1", "ada")
    screen = repl(redis82)

    advice = "↳ user:7 is a hash; LPUSH wants a list. Did you mean HSET?"
    # What takes too long to look up is left out: at first the server tells of all its commands.
    wait_until(lambda: ask(screen, "LPUSH user:7 x", advised=True).endswith(f"wrong kind of value\n{advice}"))

    assert ask(screen, "zrnage lb 0 -1", advised=True).endswith("↳ did you mean ZRANGE?")
    assert re.search(rb"\x1b\[(?:\d+;)*2m\xe2\x86\xb3 did you mean ZRANGE", screen.raw), "it is not dim"
    screen.wait_until(
        lambda terminal: terminal.line.endswith("> zrange lb 0 -1"), what="the line that was meant"
    )
    screen.send_key("enter")
    screen.wait_until(
        lambda terminal: terminal.line.endswith(">"), what="an empty prompt: Enter has run nothing"
    )
    assert '1) "ada"' not in screen.text

    ask(screen, "zrnage lb 0 -1")
    screen.wait_until(lambda terminal: terminal.line.endswith("> zrange lb 0 -1"))
    screen.send_key("right", "enter")
    screen.wait_for('1) "ada"')

    said = screen.text.count("↳")
    screen.paste("GET user:7\nnosuch lb")
    screen.send_key("enter")
    screen.wait_for("[y/N]")
    screen.send("y")
    screen.wait_until(lambda terminal: "command 'nosuch'" in terminal.text and at_prompt(terminal))
    ask(screen, ":set coach off")
    ask(screen, "zrnage lb 0 -1")
    assert screen.text.count("↳") == said

    assert "{user}:8  5474  user" in ask(screen, ":slot {user}:8 {user}:9")
    assert "all in one slot" in screen.text
    assert ask(screen, ":explain GET user:7").startswith("hash of 1 field")
