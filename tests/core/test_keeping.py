"""What writes change is kept by looks in the same packet, on real servers."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from random import Random
from typing import Any

import pytest

from pyredis import AsyncPool, ReplyError, WrongType
from pyredis.address import TcpAddress
from pyredis.commands.spec import TABLE
from pyredis_cli.core import connect
from pyredis_cli.core.keeping import LARGEST, MOST_ENTRIES, MOST_KEYS, Keeper, judged
from pyredis_cli.core.session import Session
from pyredis_cli.settings import Settings
from tests.clusters import Cluster
from tests.conftest import MakeServer
from tests.hostile import Hear, Hostile, Say, Stall
from tests.servers import Server

pytestmark = pytest.mark.usefixtures("no_leaks")

Keep = Callable[[Server | Hostile], "tuple[Session, Keeper]"]


@pytest.fixture
async def keep() -> AsyncIterator[Keep]:
    """Return ``keep(server)``: a session that keeps, and what it has kept."""
    sessions: list[Session] = []

    def make(server: Server | Hostile) -> tuple[Session, Keeper]:
        session = Session(AsyncPool(server.host, server.port, decoder="typed", lib_name=None))
        session.keeper = keeper = Keeper(lambda: True)
        sessions.append(session)
        return session, keeper

    yield make
    for session in sessions:
        await session.close()


async def run(session: Session, *argv: bytes | str) -> Any:
    outcome = await session.run([word.encode() if isinstance(word, str) else word for word in argv])
    if outcome.error is not None:
        raise outcome.error
    return outcome.reply


async def restored(session: Session, keeper: Keeper, target: str) -> None:
    """Put the last value back under another name."""
    kept = keeper.entries[-1].values[0]
    assert kept.value is not None
    await run(session, "RESTORE", target, str(kept.expires or 0), kept.value, "REPLACE", "ABSTTL")


async def test_the_look_stands_right_before_the_write(make_server: MakeServer, keep: Keep) -> None:
    server = make_server("redis82", "slowlog-log-slower-than 0")
    session, _ = keep(server)
    await run(session, "SET", "k", "old")
    server.command("SLOWLOG", "RESET")
    await run(session, "APPEND", "k", "new")
    log: Any = server.command("SLOWLOG", "GET", 20)
    names = [entry[3][0].decode() for entry in reversed(log)]
    place = names.index("APPEND")
    assert names[place - 4 : place] == ["TIME", "TYPE", "PTTL", "DUMP"]
    assert len({entry[4] for entry in log if entry[3][0] in (b"APPEND", b"DUMP")}) == 1


@pytest.mark.parametrize(
    ("before", "line", "count"),
    [
        ("SET k old", "SET k new", 1),
        ("SET k old EX 1000", "PERSIST k", 1),
        ("SET k old", "EXPIRE k 100", 1),
        ("SET k old", "RENAME k other", 2),
        ("MSET a 1 b 2", "MSET a 3 c 4", 2),
        ("RPUSH l a b", "LPOP l", 1),
        ("ZADD z 1 a", "ZADD z 1 a", 0),
        ("SET k old", "GETEX k", 0),
        ("SET k old", "GET k", 0),
        ("XGROUP CREATE x g $ MKSTREAM", "XREADGROUP GROUP g ada STREAMS x >", 1),
        ("SADD s a", "EVAL redis.call('del',KEYS[1]) 1 s", 1),
        ("ZADD z 1 a", "ZUNIONSTORE d 1 z", 1),
        ("XADD x 1-1 f v", "XTRIM x MAXLEN 0", 1),
        ("SET k old", "COPY k other DB 1", 0),
        ("SET k old", "MOVE k 1", 0),
        ("SET k old", "FLUSHDB", 0),
        ("SET k old", "SWAPDB 0 1", 0),
        ("RPUSH l a", "BLPOP l 1", 0),
    ],
)
async def test_what_a_command_changes_is_kept(
    redis82: Server, keep: Keep, before: str, line: str, count: int
) -> None:
    redis82.command(*before.split())
    session, keeper = keep(redis82)
    await run(session, *line.split())
    assert sum(len(entry.values) for entry in keeper.entries) == count


async def test_what_is_kept_is_what_was_there(server: Server, keep: Keep) -> None:
    server.command("HSET", "h", *(word for number in range(200) for word in (f"f{number}", "v" * 70)))
    server.command("PEXPIREAT", "h", 4_000_000_000_000)
    before: Any = server.command("HLEN", "h"), server.command("HGET", "h", "f7")
    session, keeper = keep(server)
    await run(session, "DEL", "h")
    await restored(session, keeper, "again")
    assert (server.command("HLEN", "again"), server.command("HGET", "again", "f7")) == before
    expires: Any = server.command("PEXPIRETIME", "again")
    assert abs(expires - 4_000_000_000_000) <= 2


async def test_a_write_that_fails_changes_nothing_and_is_kept_nowhere(server: Server, keep: Keep) -> None:
    server.command("SADD", "s", "a")
    session, keeper = keep(server)
    with pytest.raises(WrongType) as caught:
        await run(session, "LPUSH", "s", "b")
    assert caught.value.command == "LPUSH"
    with pytest.raises(ReplyError):
        await run(session, "SET", "k")
    assert not keeper.entries


async def test_an_unknown_command_is_told_of_when_it_has_run(redis82: Server, keep: Keep) -> None:
    session, keeper = keep(redis82)
    with pytest.raises(ReplyError):
        await run(session, "NOSUCH", "k")
    assert keeper.take_notes() == []
    await run(session, "FLUSHDB")
    await run(session, "FLUSHDB")
    assert keeper.take_notes() == ["undo: FLUSHDB names no key that it changes; it cannot be undone"]


async def test_only_so_much_is_kept(redis82: Server, keep: Keep) -> None:
    session, keeper = keep(redis82)
    for number in range(MOST_ENTRIES + 3):
        await run(session, "SET", "k", str(number))
    assert (len(keeper.entries), keeper.dropped) == (MOST_ENTRIES, 3)
    assert len([note for note in keeper.take_notes() if "oldest" in note]) == 1
    redis82.command("SET", "large", "x" * 5_000_000)
    redis82.command("SET", "incompressible", bytes(range(256)) * 4096 + b"x")
    await run(session, "DEL", "large")
    await run(session, "DEL", *(str(number) for number in range(MOST_KEYS + 1)))
    assert keeper.entries[-1].argv[0] == b"SET"
    notes = keeper.take_notes()
    assert any("1 MB or more" in note for note in notes)
    assert any("more than 1,000 keys" in note for note in notes)


async def test_a_value_is_kept_up_to_a_megabyte(redis82: Server, keep: Keep) -> None:
    for key, size in (("small", LARGEST - 1_000), ("large", LARGEST + 1_000)):
        redis82.command("SET", key, Random(7).randbytes(size))  # which is not compressed
    session, keeper = keep(redis82)
    await run(session, "DEL", "small")
    assert keeper.take_notes() == []
    await run(session, "DEL", "large")
    assert keeper.take_notes() == ["undo: a value of 1 MB or more not kept"]
    assert [kept.key for entry in keeper.entries for kept in entry.values] == [b"small"]


async def test_of_a_long_command_its_beginning_is_kept(redis82: Server, keep: Keep) -> None:
    session, keeper = keep(redis82)
    await run(session, "HSET", "h", *(b"f%d" % number for number in range(100)))
    await run(session, "SET", "k", "x" * 1_000_000)
    assert sum(len(word) for entry in keeper.entries for word in entry.argv) < 200
    assert [entry.argv[:2] for entry in keeper.entries] == [(b"HSET", b"h"), (b"SET", b"k")]


async def test_a_user_who_may_not_look_writes_all_the_same(make_server: MakeServer, keep: Keep) -> None:
    server = make_server("redis82", "user default on nopass ~* +@all -dump")
    session, keeper = keep(server)
    await run(session, "SET", "k", "v")
    assert server.command("GET", "k") == b"v"
    assert not keeper.entries
    assert "NOPERM" in "".join(keeper.take_notes())
    server.command("ACL", "SETUSER", "default", "-memory")
    await run(session, "SET", "k", "w")
    assert server.command("GET", "k") == b"w"


@pytest.mark.parametrize(
    "looked",
    [
        b":1\r\n+string\r\n:-1\r\n$-1\r\n",
        b"*3\r\n:1\r\n:2\r\n:3\r\n+string\r\n:-1\r\n$-1\r\n",
        b"*2\r\n$1\r\nx\r\n$1\r\n1\r\n+string\r\n:-1\r\n$-1\r\n",
        b"*2\r\n$1\r\n1\r\n$1\r\n1\r\n:5\r\n:-1\r\n$-1\r\n",
        b"*2\r\n$1\r\n1\r\n$1\r\n1\r\n+string\r\n$-1\r\n$-1\r\n",
        b"*2\r\n$1\r\n1\r\n$1\r\n1\r\n+string\r\n:-1\r\n:7\r\n",
    ],
)
async def test_what_no_server_says_is_not_kept(keep: Keep, looked: bytes) -> None:
    script = [Hear(b"INFO"), Say(b":50\r\n$0\r\n\r\n"), Hear(b"$3\r\nSET"), Say(looked + b"+OK\r\n"), Stall()]
    async with Hostile(script) as hostile:
        session, keeper = keep(hostile)
        assert await run(session, "SET", "k", "v") == b"OK"
        assert keeper.take_notes() == ["undo: what SET changed is not kept: no answer"]


async def test_in_a_cluster_the_node_of_the_key_is_asked(cluster82: Cluster) -> None:
    node = cluster82.nodes[0]
    keeper = Keeper(lambda: True)
    session = connect.session(
        Settings(address=TcpAddress(node.host, node.port), cluster=True), interactive=True
    )
    session.keeper = keeper
    try:
        for key in ("a", "b", "c", "d"):
            await run(session, "SET", key, "old")
            await run(session, "SET", key, "new")
            await restored(session, keeper, key)
            assert await run(session, "GET", key) == b"old"
    finally:
        await session.close()
    assert len({entry.run for entry in keeper.entries}) > 1


def test_of_no_command_is_it_asked_in_vain() -> None:
    changing = set()
    for spec in TABLE.specs():
        argv = (*spec.name.encode().split(), *[b"1"] * 6)
        changed, reason = judged(spec, argv, in_transaction=False)
        if changed and not reason:
            changing.add(spec.name)
            assert not spec.readonly
            assert spec.effect is None
    assert {"SET", "DEL", "EXPIRE", "EVAL", "JSON.SET", "RESTORE"} <= changing
    assert not {"GET", "JSON.GET", "SPUBLISH", "BLPOP", "FLUSHALL", "MOVE", "INFO"} & changing
