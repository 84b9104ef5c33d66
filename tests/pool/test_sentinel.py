"""The pool of what sentinels name: whom it believes, whom it leaves, and what becomes of commands meanwhile.

What happens to it under load stands in ``tests/failover``. Here the sentinels are real ones where they must agree,
and scripted ones where the servers do what no sentinel would have them do.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any, Final

import pytest

from pyredis import (
    AsyncClient,
    AsyncSentinelPool,
    ExecAbort,
    NoAuth,
    PyRedisConnClosed,
    PyRedisConnError,
    PyRedisError,
    ReadOnly,
    ReplyError,
    TcpAddress,
    TlsOptions,
    WrongPass,
)
from tests.conftest import MakeProxy, MakeSentinels, MakeServer
from tests.hostile import Hear, Hostile, Say, Stall, Step
from tests.proxy import REPLIES, Proxy
from tests.sentinels import Sentinels
from tests.servers import Server, until
from tests.tls import Authority, TlsProxy, server_context

pytestmark = pytest.mark.usefixtures("no_leaks")

PATIENT: Final = 30.0  # seconds, of which whoever gives up early waits a small part
ANY: Final = [("127.0.0.1", 1)]


def naming(*servers: Server | Hostile | Proxy | TlsProxy) -> list[Step]:
    """Return the script of a sentinel that calls one server after the other the primary, the last for good."""
    ports = [str(server.port) for server in (*servers, *[servers[-1]] * 60)]
    said = [b"*2\r\n$9\r\n127.0.0.1\r\n$%d\r\n%b\r\n" % (len(port), port.encode()) for port in ports]
    return [step for address in said for step in (Hear(b"GET-MASTER-ADDR"), Say(address))]


def pool_of(*sentinels: Hostile | TlsProxy, **options: Any) -> AsyncSentinelPool:
    seeds = [(sentinel.host, sentinel.port) for sentinel in sentinels]
    return AsyncSentinelPool(seeds, "mymaster", **{"lib_name": None, **options})


def demote(server: Server, primary: Server) -> None:
    """Make a server a replica without its clients' noticing, as no sentinel would."""
    server.command("REPLICAOF", primary.host, primary.port)


@pytest.fixture
def stalled(make_server: MakeServer) -> Iterator[Server]:
    """Return a server that may be paused."""
    server = make_server()
    yield server
    server.resume()


@pytest.fixture
def pair(make_server: MakeServer) -> tuple[Server, Server]:
    """Return two servers, of which one may be made the replica of the other."""
    hasty = ("repl-diskless-sync-delay 0", "shutdown-timeout 0")  # ends without waiting for its replica
    return make_server("redis82", *hasty), make_server("redis82", *hasty)


# -- what it is made with


def test_what_it_is_made_with() -> None:
    pool = AsyncSentinelPool(
        [("one", 7000), ("two", 7001)],
        "orders",
        True,
        5,
        "sentinels' own",
        "watcher",
        password="hush",
        database=3,
        pool_size=2,
    )
    assert (pool.name, pool.replica_ok, pool.slave_ok, pool.retries) == ("orders", True, True, 5)
    assert pool.sentinels == (TcpAddress("one", 7000), TcpAddress("two", 7001))
    assert (pool.address, pool.database, pool.pool_size, pool.close_on_err) == (None, 3, 2, True)
    assert "hush" not in repr(pool)
    assert "own" not in repr(pool)
    assert not AsyncSentinelPool(ANY, "orders", close_on_err=False).close_on_err
    assert AsyncSentinelPool(ANY, "orders", slave_ok=True).replica_ok


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        (([], "orders"), ValueError),
        ((ANY, ""), ValueError),
        ((ANY, "orders", False, 0), ValueError),
        (("one:7000", "orders"), TypeError),
    ],
)
def test_what_it_cannot_be_made_with(arguments: Any, error: type[Exception]) -> None:
    with pytest.raises(error):
        AsyncSentinelPool(*arguments)


async def test_sock_is_the_server_that_it_is_connected_to(sentinels82: Sentinels) -> None:
    async with AsyncSentinelPool(sentinels82.addresses, sentinels82.name) as pool:
        with pytest.raises(ValueError, match="not connected yet"):
            await pool.execute("PING", sock="127.0.0.1:1")
        await pool.execute("PING")
        assert str(pool.address) == f"127.0.0.1:{sentinels82.primary().port}"
        assert await pool.execute("PING", sock=str(pool.address)) == b"PONG"
        assert await pool.execute("PING", sock=pool.address) == b"PONG"
        with pytest.raises(ValueError, match="not the address"):
            await pool.execute("PING", sock="127.0.0.1:1")


# -- as whom, and how


async def test_servers_and_sentinels_with_passwords_of_their_own(make_sentinels: MakeSentinels) -> None:
    group = make_sentinels(
        "redis82",
        "requirepass hush",
        "masterauth hush",
        sentinel_config=("requirepass whisper", "sentinel auth-pass mymaster hush"),
        count=1,
        replicas=1,
    )
    secrets = {"password": "hush", "sentinel_password": "whisper"}
    async with AsyncSentinelPool(group.addresses, group.name, **secrets) as pool:
        await pool.execute("SET", "k", "v")
        assert await pool.execute("GET", "k") == b"v"
    for changes, error in (
        ({"password": "wrong"}, WrongPass),
        ({"password": None}, NoAuth),
        ({"sentinel_password": "wrong"}, WrongPass),
        ({"sentinel_password": None}, NoAuth),
    ):
        async with AsyncSentinelPool(group.addresses, group.name, **{**secrets, **changes}) as pool:
            with pytest.raises(error) as caught:
                await pool.execute("PING")
            assert not {"hush", "whisper"} & set(str(caught.value).split())


async def test_a_wrong_password_is_tried_once(redis82: Server) -> None:
    redis82.command("ACL", "SETUSER", "app", "on", ">hush", "~*", "+@all")
    async with Hostile(naming(redis82)) as sentinel, pool_of(sentinel, username="app", password="x") as pool:
        with pytest.raises(WrongPass):
            await pool.execute("PING")
    refused = redis82.command("ACL", "LOG")
    assert isinstance(refused, list)
    (entry,) = refused
    assert isinstance(entry, list)
    assert entry[entry.index(b"count") + 1] == 1


async def test_a_refusal_says_which_server_refused(redis82: Server) -> None:
    async with Hostile(naming(redis82)) as sentinel, pool_of(sentinel, password="wrong") as pool:
        with pytest.raises(ReplyError) as refused:
            await pool.ping()
    assert refused.value.server == f"{redis82.host}:{redis82.port}"


async def test_a_pool_like_another_has_its_group_and_its_sentinels(sentinels82: Sentinels) -> None:
    name, sentinels = sentinels82.name, sentinels82.addresses
    async with (
        AsyncSentinelPool(sentinels, name, password="wrong", username="ada") as pool,
        pool.like(password=None, username=None, read_timeout=None) as other,
    ):
        assert (other.name, other.sentinels, other.username) == (name, pool.sentinels, None)
        assert await other.set("k", "v") == b"OK"


async def test_a_sentinel_that_never_answers_is_given_up_without_a_read_timeout() -> None:
    async with Hostile([Stall()]) as sentinel, pool_of(sentinel, conn_timeout=0.2, read_timeout=None) as pool:
        async with asyncio.timeout(PATIENT):
            with pytest.raises(PyRedisConnError, match="no sentinel answers"):
                await pool.ping()


async def test_a_user_who_may_not_ask_for_the_role_is_served(redis82: Server) -> None:
    redis82.command("ACL", "SETUSER", "app", "on", ">hush", "~*", "+@all", "-role")
    async with (
        Hostile(naming(redis82)) as sentinel,
        pool_of(sentinel, username="app", password="hush") as pool,
    ):
        assert await pool.execute("PING") == b"PONG"


async def test_a_server_whose_role_has_another_name_is_used(make_server: MakeServer) -> None:
    server = make_server("redis82", 'rename-command ROLE ""')
    async with Hostile(naming(server)) as sentinel, pool_of(sentinel) as pool:
        assert await pool.execute("PING") == b"PONG"


async def test_tls_is_for_servers_and_sentinels(redis82: Server, tmp_path: Path) -> None:
    authority = Authority(tmp_path / "tls")
    async with (
        TlsProxy((redis82.host, redis82.port), server_context(authority.sign())) as server,
        Hostile([Hear(b"PING"), Say(b"+PONG\r\n"), *naming(server)]) as plain,
        TlsProxy((plain.host, plain.port), server_context(authority.sign())) as sentinel,
    ):
        async with pool_of(sentinel, tls=TlsOptions(ca_file=authority.ca_file)) as pool:
            assert await pool.execute("PING") == b"PONG"
        async with pool_of(sentinel, tls=True) as pool:
            with pytest.raises(PyRedisConnError, match="certificate"):
                await pool.execute("PING")


# -- whom it believes


async def test_what_each_sentinel_named_is_told(redis82: Server, make_server: MakeServer) -> None:
    replica = make_server("redis82", f"replicaof {redis82.host} {redis82.port}")
    dead = make_server()
    dead.kill()
    async with (
        Hostile(naming(replica)) as one,
        Hostile(naming(dead)) as two,
        pool_of(one, two, retries=2) as pool,
    ):
        with pytest.raises(PyRedisConnError, match="no primary of 'mymaster' can be used") as caught:
            await pool.execute("PING")
        told = str(caught.value)
        assert f"127.0.0.1:{one.port} named 127.0.0.1:{replica.port}: " in told
        assert "role is 'slave'" in told
        assert f"127.0.0.1:{two.port} named 127.0.0.1:{dead.port}: " in told
        assert caught.value.sent is False
        assert pool.address is None
        assert pool.statistics.opening == 0


async def test_a_sentinel_is_no_primary(sentinels82: Sentinels) -> None:
    """It can be talked to and says what it is."""
    async with Hostile(naming(sentinels82.sentinels[0])) as liar, pool_of(liar, retries=1) as pool:
        with pytest.raises(PyRedisConnError, match="role is 'sentinel'"):
            await pool.execute("PING")


async def test_a_server_with_another_password_is_not_the_last_word(
    redis82: Server, make_server: MakeServer
) -> None:
    other = make_server("redis82", "requirepass other")
    async with Hostile(naming(other)) as liar, Hostile(naming(redis82)) as good, pool_of(liar, good) as pool:
        assert await pool.execute("PING") == b"PONG"
        assert pool.address == TcpAddress("127.0.0.1", redis82.port)


async def test_a_server_that_never_tells_its_role_is_given_up() -> None:
    async with (
        Hostile([Hear(b"ROLE"), Stall()]) as server,
        Hostile(naming(server)) as sentinel,
        pool_of(sentinel, retries=1, read_timeout=None, conn_timeout=0.2) as pool,
    ):
        with pytest.raises(PyRedisConnError, match=r"does not tell its role within 0\.2 seconds"):
            await pool.execute("PING")


async def test_a_liar_does_not_talk_us_out_of_a_slow_primary(
    redis82: Server, make_server: MakeServer
) -> None:
    """A command takes its time, and a sentinel calls a replica the primary: nothing is cut off."""
    replica = make_server("redis82", f"replicaof {redis82.host} {redis82.port}")
    await until(lambda: replica.info("replication")["master_link_status"] == "up")
    async with (
        Hostile(naming(redis82, replica)) as liar,
        pool_of(liar, read_timeout=PATIENT) as pool,  # the script counts its own time, not the clock's
    ):
        await pool.execute("PING")
        busy = "local began = os.clock() while os.clock() - began < 0.8 do end return 'done'"
        assert await pool.execute("EVAL", busy, 0) == b"done"
        assert liar.received[0].count(b"GET-MASTER") >= 2, "it was asked meanwhile"
        assert pool.statistics.opened == 1


ROLE: Final = b"*3\r\n$6\r\nmaster\r\n:0\r\n*0\r\n"


async def test_an_opening_that_took_longer_does_not_undo_a_failover(
    pair: tuple[Server, Server], proxy: MakeProxy
) -> None:
    """The old primary was named first, and still says that it is one when the new one is connected to."""
    old, new = pair
    slow = await proxy(old)
    async with Hostile(naming(slow, new)) as sentinel, pool_of(sentinel, read_timeout=PATIENT) as pool:
        slow.stall(REPLIES)
        opening = asyncio.create_task(pool.acquire())
        await until(lambda: bool(slow.request_bytes), what="the old primary is asked for its role")
        async with pool.lease() as client:
            await client.execute("SET", "k", "acknowledged")
        await slow.heal()
        late = await opening
        assert late.address == pool.address == TcpAddress("127.0.0.1", new.port)
        assert await late.execute("GET", "k") == b"acknowledged"
        await pool.release(late)
        assert pool.statistics.idle == 2, "and nothing was condemned"


@pytest.mark.parametrize(
    "refusal",
    [b"-ERR max number of clients reached", b"-BUSY running a script", b"-LOADING the dataset in memory"],
)
async def test_what_may_pass_is_tried_again_in_the_next_round(refusal: bytes) -> None:
    refused = [Hear(b"ROLE"), Say(refusal + b"\r\n")]
    accepted = [Hear(b"ROLE"), Say(ROLE), Hear(b"PING"), Say(b"+PONG\r\n")]
    async with (
        Hostile(refused, accepted) as server,
        Hostile(naming(server)) as sentinel,
        pool_of(sentinel, retries=2) as pool,
    ):
        assert await pool.execute("PING") == b"PONG"
    async with (
        Hostile(refused) as server,
        Hostile(naming(server)) as sentinel,
        pool_of(sentinel, retries=2) as pool,
    ):
        with pytest.raises(PyRedisConnError, match=refusal[1:].decode()):
            await pool.execute("PING")
        assert server.accepted == 2


async def test_a_sentinel_that_names_ever_new_servers_is_not_followed_for_ever() -> None:
    hosts = [f"127.0.0.{number}".encode() for number in range(2, 150)]
    said = [b"*2\r\n$%d\r\n%b\r\n$1\r\n1\r\n" % (len(host), host) for host in hosts]
    script = [step for address in said for step in (Hear(b"GET-MASTER-ADDR"), Say(address))]
    async with Hostile(script) as liar, pool_of(liar, retries=1) as pool:
        with pytest.raises(PyRedisConnError, match="no primary"):
            await pool.execute("PING")
        assert liar.received[0].count(b"GET-MASTER-ADDR") == 100


# -- servers that became replicas


@pytest.mark.parametrize("how", ["shared", "blocking", "many"])
async def test_a_refused_write_goes_to_the_new_primary_once(make_server: MakeServer, how: str) -> None:
    old, new = make_server(), make_server()
    async with Hostile(naming(old, new)) as sentinel, pool_of(sentinel) as pool:
        await pool.execute("PING")
        if how == "blocking":
            await pool.execute("BLPOP", "none", "0.01")
        demote(old, new)
        await until(lambda: old.info("replication")["master_link_status"] == "up")
        if how == "shared":
            written = await asyncio.gather(*(pool.execute("INCR", "n") for _ in range(20)))
            assert sorted(written) == list(range(1, 21))
        elif how == "blocking":
            new.command("RPUSH", "queue", "job")
            assert await pool.execute("BLPOP", "queue", 1) == [b"queue", b"job"]
        else:
            assert all(isinstance(reply, ReadOnly) for reply in await pool.execute_many([("INCR", "n")] * 3))
            assert await pool.execute_many([("INCR", "n")] * 3) == [1, 2, 3]
        assert pool.address == TcpAddress("127.0.0.1", new.port)


@pytest.mark.parametrize("command", ["EVAL", "EVALSHA", "FCALL"])
async def test_a_script_that_was_refused_is_not_executed_again(
    pair: tuple[Server, Server], command: str
) -> None:
    """It may have done something before a server refused it, and may say READONLY itself."""
    old, new = pair
    body = "redis.call('INCR', 'n') return redis.error_reply('READONLY says the script')"
    library = f"#!lua name=library\nredis.register_function('run', function() {body} end)"
    old.command("FUNCTION", "LOAD", library)
    script = {"EVAL": body, "EVALSHA": old.command("SCRIPT", "LOAD", body), "FCALL": "run"}[command]
    assert isinstance(script, (bytes, str))
    async with Hostile(naming(old, new)) as sentinel, pool_of(sentinel) as pool:
        with pytest.raises(ReadOnly, match="says the script"):
            await pool.execute(command, script, 0)
        assert old.command("GET", "n") == b"1"
        assert new.command("GET", "n") is None
        await pool.execute("SET", "k", 1)
        assert new.command("GET", "k") == b"1", "it was a hint all the same"


async def test_a_script_that_a_replica_stopped_is_not_executed_again(pair: tuple[Server, Server]) -> None:
    old, new = pair
    async with Hostile(naming(old, new)) as sentinel, pool_of(sentinel) as pool:
        await pool.execute("PING")
        demote(old, new)
        with pytest.raises(ReadOnly):
            await pool.execute(
                "EVAL", "redis.call('PUBLISH', 'news', 'twice?') return redis.call('INCR', 'n')", 0
            )
        assert old.info("commandstats")["cmdstat_publish"].startswith("calls=1,")
        assert "cmdstat_publish" not in new.info("commandstats")


async def test_a_late_refusal_is_no_concern_of_the_new_primary(redis82: Server) -> None:
    """Two writes are on their way; the first is at the new primary already when the second one is refused."""
    late = Say(b"-READONLY " + b"." * 60 + b"\r\n", piece=1)
    script = [Hear(b"ROLE"), Say(ROLE), Hear(b"first"), Say(b"-READONLY\r\n"), late]
    async with (
        Hostile(script) as old,
        Hostile(naming(old, redis82)) as sentinel,
        pool_of(sentinel, read_timeout=PATIENT) as pool,
    ):
        await asyncio.gather(pool.execute("SET", "first", 1), pool.execute("SET", "second", 2))
        assert redis82.command("MGET", "first", "second") == [b"1", b"2"]
        assert pool.statistics.opened == 2


async def test_a_refusal_that_a_lease_gets_makes_the_next_ones_go_elsewhere(make_server: MakeServer) -> None:
    old, new = make_server(), make_server()
    async with Hostile(naming(old, new)) as sentinel, pool_of(sentinel) as pool:
        await pool.execute("PING")
        demote(old, new)
        async with pool.lease() as client:
            with pytest.raises(ReadOnly):
                await client.execute("SET", "k", 1)
            assert await client.execute("PING") == b"PONG", "the lease itself goes on"
        async with pool.lease() as client:
            await client.execute("SET", "k", 1)
        assert new.command("GET", "k") == b"1"


async def refused_in_a_bulk(client: AsyncClient, refuse: Callable[[], None]) -> None:
    refuse()
    async with client.pipeline() as pipeline:
        await pipeline.execute("GET", "k")
        await pipeline.execute("SET", "k", 1)
    assert isinstance(pipeline.replies[1], ReadOnly)


async def refused_in_a_bulk_without_results(client: AsyncClient, refuse: Callable[[], None]) -> None:
    refuse()
    async with client.pipeline(1, keep_results=False) as pipeline:
        await pipeline.execute("SET", "k", 1)
    assert isinstance(pipeline.replies[0], ReadOnly)


async def refused_by_exec(client: AsyncClient, refuse: Callable[[], None]) -> None:
    await client.execute("MULTI")
    await client.execute("SET", "k", 1)
    refuse()
    with pytest.raises(ExecAbort, match=": READONLY"):
        await client.execute("EXEC")


async def refused_by_exec_in_a_bulk(client: AsyncClient, refuse: Callable[[], None]) -> None:
    await client.execute("MULTI")
    await client.execute("SET", "k", 1)
    refuse()
    async with client.pipeline() as pipeline:
        await pipeline.execute("EXEC")
    assert isinstance(pipeline.replies[0], ExecAbort)


WRITES: Final = "return redis.call('SET', 'k', 1)"


async def refused_inside_exec(client: AsyncClient, refuse: Callable[[], None]) -> None:
    refuse()
    await client.execute("MULTI")
    await client.execute("EVAL", WRITES, 0)
    replies = await client.execute("EXEC")
    assert isinstance(replies, list)
    assert isinstance(replies[0], ReadOnly)


async def refused_inside_exec_in_a_bulk(client: AsyncClient, refuse: Callable[[], None]) -> None:
    refuse()
    async with client.pipeline() as pipeline:
        await pipeline.execute("MULTI")
        await pipeline.execute("EVAL", WRITES, 0)
        await pipeline.execute("EXEC")
    replies = pipeline.replies[2]
    assert isinstance(replies, list)
    assert isinstance(replies[0], ReadOnly)


@pytest.mark.parametrize(
    "be_refused",
    [
        refused_in_a_bulk,
        refused_in_a_bulk_without_results,
        refused_by_exec,
        refused_by_exec_in_a_bulk,
        refused_inside_exec,
        refused_inside_exec_in_a_bulk,
    ],
)
async def test_wherever_a_lease_is_refused_the_next_one_goes_elsewhere(
    pair: tuple[Server, Server], be_refused: Callable[[AsyncClient, Callable[[], None]], Awaitable[None]]
) -> None:
    old, new = pair
    async with Hostile(naming(old, new)) as sentinel, pool_of(sentinel) as pool:
        async with pool.lease() as client:
            await be_refused(client, lambda: demote(old, new))
        async with pool.lease() as client:
            await client.execute("SET", "k", 2)
        assert new.command("GET", "k") == b"2"


async def test_a_transaction_that_is_refused_for_another_reason_condemns_nothing(redis82: Server) -> None:
    async with Hostile(naming(redis82)) as sentinel, pool_of(sentinel) as pool:
        async with pool.lease() as client:
            await client.execute("MULTI")
            with pytest.raises(ReplyError):
                await client.execute("GET", "one", "too many")
            with pytest.raises(ExecAbort):
                await client.execute("EXEC")
        assert pool.statistics.idle == 1


async def test_what_befalls_an_old_lease_is_no_concern_of_newer_connections(
    pair: tuple[Server, Server],
) -> None:
    old, new = pair
    async with Hostile(naming(old, new)) as sentinel, pool_of(sentinel) as pool:
        async with pool.lease() as early:
            demote(old, new)
            pool.renew()
            await pool.execute("PING")
            async with pool.lease(), pool.lease():
                pass
            before = pool.statistics
            assert before.lanes + before.idle == 2
            with pytest.raises(ReadOnly):
                await early.execute("SET", "k", 1)
            assert pool.statistics == before
            old.command("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")
            await until(lambda: early.closed)
        assert pool.statistics.lanes + pool.statistics.idle == 2
        assert pool.statistics.closed == {"lost": 1}


async def test_without_close_on_err_a_refusal_is_an_error_like_any_other(make_server: MakeServer) -> None:
    old, new = make_server(), make_server()
    async with Hostile(naming(old, new)) as sentinel, pool_of(sentinel, close_on_err=False) as pool:
        await pool.execute("PING")
        demote(old, new)
        with pytest.raises(ReadOnly):
            await pool.execute("SET", "k", 1)
        assert pool.statistics.opened == 1


async def test_a_refusal_that_does_not_end_is_raised_in_time(make_server: MakeServer) -> None:
    """The sentinels have not noticed: the server still is what they call the primary."""
    old, new = make_server(), make_server()
    async with Hostile(naming(old)) as sentinel, pool_of(sentinel, read_timeout=0.5, retries=1) as pool:
        await pool.execute("PING")
        demote(old, new)
        with pytest.raises((ReadOnly, PyRedisConnError)):
            async with asyncio.timeout(5):
                await pool.execute("SET", "k", 1)


async def test_reads_alone_follow_a_failover(sentinels: Sentinels) -> None:
    """Nothing is refused and nothing is silent: it is the sentinels that hang up on the old primary's clients."""
    before = sentinels.primary()
    async with AsyncSentinelPool(sentinels.addresses, sentinels.name) as pool:
        await pool.execute("GET", "k")
        sentinels.failover()
        after = await sentinels.until_another(before)

        async def followed() -> bool:
            with contextlib.suppress(PyRedisConnError):  # while nobody is the primary
                await pool.execute("GET", "k")
            return pool.address is not None and pool.address.port == after.port

        await until(followed, 20, what="the pool reads from the new primary")  # type: ignore[arg-type]


# -- servers that are silent


async def test_a_silent_primary_is_left_for_the_new_one(stalled: Server, redis82: Server) -> None:
    """Reads are executed there; writes are not, for nobody knows whether they were."""
    async with (
        Hostile(naming(stalled, redis82)) as sentinel,
        pool_of(sentinel, read_timeout=PATIENT) as pool,
    ):
        await pool.execute("PING")
        stalled.pause()
        began = time.monotonic()
        reading = asyncio.create_task(pool.execute("GET", "k"))
        writing = asyncio.create_task(pool.execute("INCR", "n"))
        assert await reading is None
        with pytest.raises(PyRedisConnClosed, match="gave it up") as caught:
            await writing
        assert caught.value.sent is True
        assert time.monotonic() - began < PATIENT / 3
        assert await pool.execute("INCR", "n") == 1


async def test_a_silent_primary_is_left_by_leases_too(stalled: Server, redis82: Server) -> None:
    async with (
        Hostile(naming(stalled, redis82)) as sentinel,
        pool_of(sentinel, read_timeout=PATIENT) as pool,
        pool.lease() as client,
    ):
        await client.execute("PING")
        stalled.pause()
        began = time.monotonic()
        with pytest.raises(PyRedisConnClosed, match="gave it up"):
            await client.execute("GET", "k")
        assert time.monotonic() - began < PATIENT / 3


async def test_a_silent_primary_that_nobody_gave_up_is_waited_for(stalled: Server) -> None:
    async with Hostile(naming(stalled)) as sentinel, pool_of(sentinel, read_timeout=PATIENT) as pool:
        await pool.execute("PING")
        stalled.pause()
        writing = asyncio.create_task(pool.execute("INCR", "n"))
        await until(lambda: sentinel.received[0].count(b"GET-MASTER") >= 4, what="the sentinel is asked")
        stalled.resume()
        assert await writing == 1
        assert pool.statistics.opened == 1


async def test_connecting_to_a_silent_server_is_given_up(stalled: Server, redis82: Server) -> None:
    """The backlog takes the connection of a stalled server, and that is all it does."""
    stalled.pause()
    async with (
        Hostile(naming(stalled, redis82)) as sentinel,
        pool_of(sentinel, conn_timeout=PATIENT, read_timeout=PATIENT) as pool,
    ):
        began = time.monotonic()
        assert await pool.execute("PING") == b"PONG"
        assert time.monotonic() - began < PATIENT / 3
        assert pool.address == TcpAddress("127.0.0.1", redis82.port)


async def test_a_silent_server_is_left_in_the_last_round_too(stalled: Server, redis82: Server) -> None:
    stalled.pause()
    async with (
        Hostile(naming(stalled, redis82)) as sentinel,
        pool_of(sentinel, retries=1, conn_timeout=PATIENT, read_timeout=PATIENT) as pool,
    ):
        assert await pool.execute("PING") == b"PONG"


async def test_a_silent_successor_keeps_nobody_from_finding_another_one(
    stalled: Server, redis82: Server
) -> None:
    """Without any timeout the one that is named in the place of a silent primary is not waited for, either."""
    async with (
        Hostile([Hear(b"ROLE"), Stall()]) as silent,
        Hostile(naming(stalled, silent, silent, redis82)) as sentinel,
        pool_of(sentinel, conn_timeout=None, read_timeout=None) as pool,
    ):
        await pool.execute("PING")
        stalled.pause()
        async with asyncio.timeout(PATIENT):
            assert await pool.execute("GET", "k") is None
        assert silent.accepted == 1
        assert pool.address == TcpAddress("127.0.0.1", redis82.port)


async def test_closing_ends_what_is_being_asked(stalled: Server) -> None:
    async with Hostile([*naming(stalled)[:2], Hear(b"GET-MASTER"), Stall()]) as sentinel:
        pool = pool_of(sentinel, read_timeout=PATIENT)
        await pool.execute("PING")
        stalled.pause()
        writing = asyncio.create_task(pool.execute("INCR", "n"))
        await until(lambda: sentinel.received[0].count(b"GET-MASTER") == 2, what="the sentinel is asked")
        await pool.close()
        with pytest.raises(PyRedisConnClosed):
            await writing


async def test_cancelling_while_connecting_leaves_nothing(stalled: Server, redis82: Server) -> None:
    stalled.pause()
    async with (
        Hostile(naming(stalled)) as sentinel,
        pool_of(sentinel, conn_timeout=PATIENT, read_timeout=PATIENT) as pool,
    ):
        for turns in range(25):
            opening = asyncio.create_task(pool.acquire())
            for _ in range(turns):
                await asyncio.sleep(0)
            opening.cancel()
            with pytest.raises(asyncio.CancelledError):
                await opening
        assert pool.statistics.opening == pool.statistics.leased == 0


async def test_an_open_pool_that_is_forgotten_closes_its_connections(redis82: Server) -> None:
    async with Hostile(naming(redis82)) as sentinel:
        pool = pool_of(sentinel)
        await pool.execute("PING")
        with pytest.warns(ResourceWarning, match="unclosed") as warned:
            del pool
        assert [type(warning.source) for warning in warned] == [AsyncSentinelPool]


# -- replicas


async def ports_read(pool: AsyncSentinelPool, times: int = 1) -> set[int]:
    """Return the ports of the servers that answer."""
    ports = set()
    for _ in range(times):
        pool.renew()
        port = await pool.execute("CONFIG", "GET", "port")
        assert isinstance(port, list)
        ports.add(int(port[1]))  # type: ignore[arg-type]
    return ports


@pytest.mark.parametrize("option", ["replica_ok", "slave_ok"])
async def test_replicas_are_read_from(sentinels: Sentinels, option: str) -> None:
    options: dict[str, Any] = {option: True}
    async with AsyncSentinelPool(sentinels.addresses, sentinels.name, **options) as pool:
        assert await ports_read(pool, 20) == {server.port for server in sentinels.replicas()}
        with pytest.raises(ReadOnly):
            await pool.execute("SET", "k", "v")
        assert await pool.execute("GET", "k") is None


async def test_the_primary_is_read_from_when_there_is_no_replica(make_sentinels: MakeSentinels) -> None:
    group = make_sentinels("redis82", replicas=0, count=1)
    async with AsyncSentinelPool(group.addresses, group.name, True) as pool:
        assert await ports_read(pool) == {group.primary().port}


async def test_another_replica_is_read_from_when_one_dies(sentinels: Sentinels) -> None:
    """Also before the sentinels have noticed."""
    async with AsyncSentinelPool(sentinels.addresses, sentinels.name, True) as pool:
        (port,) = await ports_read(pool)
        victim, other = sorted(sentinels.replicas(), key=lambda server: server.port != port)
        sentinels.kill(victim)
        assert await ports_read(pool, 5) == {other.port}
        sentinels.kill(other)
        assert await ports_read(pool) == {sentinels.primary().port}


def unnoticed(make_sentinels: MakeSentinels) -> Sentinels:
    """Return a group whose one sentinel takes a minute to notice that a server is down."""
    group = make_sentinels("redis82", replicas=2, count=1)
    group.sentinels[0].command("SENTINEL", "SET", group.name, "down-after-milliseconds", "60000")
    return group


async def test_the_primary_is_read_from_when_all_replicas_are_silent(make_sentinels: MakeSentinels) -> None:
    """However few sentinels and rounds there are."""
    group = unnoticed(make_sentinels)
    for replica in group.replicas():
        group.stall(replica)
    async with AsyncSentinelPool(group.addresses, group.name, True, 1, conn_timeout=0.3) as pool:
        assert await ports_read(pool) == {group.primary().port}


async def test_replicas_are_read_from_when_their_primary_is_dead(make_sentinels: MakeSentinels) -> None:
    """None of them is in step any more, and they are all there is."""
    group = unnoticed(make_sentinels)
    primary, replicas = group.primary(), group.replicas()
    group.kill(primary)
    (sentinel,) = group.sentinels
    await until(
        lambda: {"err"} == {facts["master-link-status"] for facts in sentinel.facts("REPLICAS", group.name)}
    )
    async with AsyncSentinelPool(group.addresses, group.name, True, 1) as pool:
        assert await ports_read(pool, 9) <= {replica.port for replica in replicas}


async def test_a_silent_replica_is_left(sentinels: Sentinels) -> None:
    async with AsyncSentinelPool(sentinels.addresses, sentinels.name, True, read_timeout=PATIENT) as pool:
        (port,) = await ports_read(pool)
        victim = next(server for server in sentinels.replicas() if server.port == port)
        sentinels.stall(victim)
        began = time.monotonic()
        assert await pool.execute("GET", "k") is None
        assert time.monotonic() - began < PATIENT / 3
        assert pool.address != TcpAddress("127.0.0.1", port)
        sentinels.resume(victim)


async def test_a_pool_of_replicas_survives_a_failover(sentinels: Sentinels) -> None:
    before = sentinels.primary()
    async with AsyncSentinelPool(sentinels.addresses, sentinels.name, True) as pool:
        await pool.execute("GET", "k")
        sentinels.failover()
        after = await sentinels.until_another(before)
        await sentinels.until_agreed()

        async def reads() -> bool:
            try:
                return await ports_read(pool, 5) <= {
                    server.port for server in sentinels.servers if server is not after
                }
            except PyRedisError:
                return False

        await until(reads, 20, what="replicas are read from")  # type: ignore[arg-type]
