"""A session stays honest about its state, on real servers."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import aclosing, suppress
from typing import Any

import pytest

from pyredis import (
    AsyncPool,
    AsyncSentinelPool,
    NoAuth,
    PyRedisConnClosed,
    PyRedisConnError,
    ReplyError,
    WrongPass,
)
from pyredis.types import Push, Status
from pyredis_cli.core.outcome import Outcome
from pyredis_cli.core.session import Session
from tests.conftest import MakeServer
from tests.hostile import Close, Hear, Hostile, Say, Stall
from tests.proxy import REPLIES, Proxy
from tests.sentinels import Sentinels
from tests.servers import Server, until, wait_until

pytestmark = pytest.mark.usefixtures("no_leaks")

MakeSession = Callable[..., Session]


@pytest.fixture
async def session_of() -> AsyncIterator[MakeSession]:
    sessions: list[Session] = []

    def make(server: Server | Proxy, **options: Any) -> Session:
        options.setdefault("read_timeout", None)
        pool = AsyncPool(server.host, server.port, decoder="typed", lib_name=None, **options)
        sessions.append(Session(pool))
        return sessions[-1]

    yield make
    for session in sessions:
        await session.close()


async def run(session: Session, line: str) -> Outcome:
    return await session.run(line.encode().split())


async def reply(session: Session, line: str) -> Any:
    outcome = await run(session, line)
    assert outcome.error is None, outcome.error
    return outcome.reply


async def test_a_session_runs_commands_on_one_connection(server: Server, session_of: MakeSession) -> None:
    session = session_of(server)
    assert not session.connected
    assert await reply(session, "SET k v") == Status(b"OK")
    number = await reply(session, "CLIENT ID")
    assert await reply(session, "GET k") == b"v"
    assert await reply(session, "CLIENT ID") == number
    assert session.connected


async def test_an_error_reply_is_an_outcome(server: Server, session_of: MakeSession) -> None:
    outcome = await run(session_of(server), "GET")
    assert isinstance(outcome.error, ReplyError)
    assert outcome.reply is None
    assert outcome.seconds > 0


async def test_state_is_told_as_it_changes(server: Server, session_of: MakeSession) -> None:
    session = session_of(server, database=1)
    await session.connect()
    assert (session.database, session.username, session.in_transaction) == (1, "default", False)
    await reply(session, "SELECT 3")
    await reply(session, "MULTI")
    await reply(session, "SELECT 4")
    assert (session.database, session.in_transaction) == (3, True)
    await reply(session, "EXEC")
    assert (session.database, session.in_transaction) == (4, False)


async def test_a_refused_select_or_password_at_connect_runs_nothing(
    server: Server, session_of: MakeSession
) -> None:
    server.command("SET", "k", "v")
    for options, kind in (
        ({"database": 99}, ReplyError),
        ({"username": "nobody", "password": "x"}, WrongPass),
        ({"username": "nobody"}, WrongPass),
    ):
        session = session_of(server, **options)
        outcome = await run(session, "FLUSHALL")
        assert isinstance(outcome.error, kind)
        assert not session.connected
    assert server.command("EXISTS", "k") == 1


async def test_a_lost_connection_comes_back_where_the_person_was(
    make_server: MakeServer, session_of: MakeSession
) -> None:
    server = make_server("redis82", "user ada on >pw +@all ~*")
    session = session_of(server, protocol=3)
    await reply(session, "AUTH ada pw")
    await reply(session, "HELLO 2")
    await reply(session, "SELECT 5")
    server.restart()
    outcome = await run(session, "SET k v")
    assert outcome.error is None
    assert outcome.notices == (f"reconnected to 127.0.0.1:{server.port}",)
    assert (session.username, session.protocol, session.database) == ("ada", 2, 5)
    assert await reply(session, "ACL WHOAMI") == b"ada"
    server.command("SELECT", 5)
    assert server.command("GET", "k") == b"v"


async def test_after_reset_a_new_connection_is_as_reset_left_it(
    make_server: MakeServer, session_of: MakeSession
) -> None:
    server = make_server("redis82", "user ada on >pw +@all ~*")
    session = session_of(server, database=2, username="ada", password="pw")
    await reply(session, "PING")
    await reply(session, "RESET")
    server.restart()
    assert await reply(session, "ACL WHOAMI") == b"default"
    assert session.database == 0


async def test_a_place_that_cannot_be_reached_again_runs_nothing(
    make_server: MakeServer, session_of: MakeSession
) -> None:
    server = make_server("redis82")
    session = session_of(server)
    await reply(session, "SELECT 5")
    server.restart()
    server.command("CONFIG", "SET", "requirepass", "new")
    outcome = await run(session, "SET k v")
    assert isinstance(outcome.error, NoAuth)
    assert outcome.at_connect
    assert not outcome.answered
    assert not session.connected
    assert await reply(session, "AUTH new") == Status(b"OK")
    assert session.database == 5


async def test_nobody_there_is_an_outcome_and_the_next_command_tries_again(
    make_server: MakeServer, session_of: MakeSession
) -> None:
    server = make_server("redis82")
    session = session_of(server)
    await reply(session, "PING")
    server.kill()
    outcome = await run(session, "PING")
    assert isinstance(outcome.error, PyRedisConnError)
    assert "cannot connect to" in str(outcome.error)
    server.start()
    assert await reply(session, "PING") == Status(b"PONG")


@pytest.mark.parametrize(
    ("begin", "lost", "end"),
    [
        ("MULTI", "the transaction", "EXEC"),
        ("MULTI", "the transaction", "DISCARD"),
        ("WATCH k", "the watched keys", "UNWATCH"),
        ("CLIENT REPLY OFF", "CLIENT REPLY OFF", "CLIENT REPLY ON"),
    ],
)
async def test_nothing_runs_outside_what_was_lost_until_it_is_let_go(
    make_server: MakeServer, session_of: MakeSession, begin: str, lost: str, end: str
) -> None:
    server = make_server("redis82")
    session = session_of(server)
    await run(session, begin)
    server.restart()
    for _ in range(2):
        outcome = await run(session, "SET k v")
        assert f"with it {lost}; SET was not sent; DISCARD goes on without it" in str(outcome.error)
    assert f"{lost};" in str((await run(session, end)).error)
    assert server.command("EXISTS", "k") == 0
    assert await reply(session, "SET k v") == Status(b"OK")
    assert not session.in_transaction


async def test_what_was_refused_at_connect_can_be_said_again_and_right(
    make_server: MakeServer, session_of: MakeSession
) -> None:
    server = make_server("redis82", "requirepass right", "user ada on >pw +@all ~*")
    for options in ({"password": "wrong"}, {"password": "wrong", "database": 99}, {"password": "wrong"}):
        session = session_of(server, protocol=3, **options)
        assert isinstance((await run(session, "PING")).error, WrongPass)
        assert isinstance((await run(session, "AUTH wrong again")).error, WrongPass)
        if "database" in options:
            assert isinstance((await run(session, "AUTH right")).error, ReplyError)
            assert await reply(session, "SELECT 3") == Status(b"OK")
        assert await reply(session, "AUTH right") == Status(b"OK")
        assert await reply(session, "PING") == Status(b"PONG")
        assert (session.username, session.protocol) == ("default", 3)


async def test_a_refused_database_can_be_replaced(server: Server, session_of: MakeSession) -> None:
    session = session_of(server, database=99)
    assert isinstance((await run(session, "SET k v")).error, ReplyError)
    assert isinstance((await run(session, "SELECT 98")).error, ReplyError)
    assert await reply(session, "SELECT 3") == Status(b"OK")
    assert session.database == 3
    assert await reply(session, "SET k v") == Status(b"OK")
    server.command("SELECT", 3)
    assert server.command("EXISTS", "k") == 1
    server.command("SELECT", 0)


async def test_a_password_changed_while_the_connection_was_lost_can_be_given(
    make_server: MakeServer, session_of: MakeSession
) -> None:
    server = make_server("redis82", "user ada on >old +@all ~*")
    session = session_of(server)
    await reply(session, "AUTH ada old")
    server.restart()
    server.command("ACL", "SETUSER", "ada", "resetpass", ">new")
    assert isinstance((await run(session, "SET k v")).error, WrongPass)
    assert await reply(session, "AUTH ada new") == Status(b"OK")
    assert await reply(session, "ACL WHOAMI") == b"ada"


async def test_a_person_who_logs_in_by_hand_gets_the_protocol_asked_for(
    make_server: MakeServer, session_of: MakeSession
) -> None:
    server = make_server("redis82", "requirepass right")
    session = session_of(server, protocol=3)
    assert isinstance((await run(session, "PING")).error, NoAuth)
    assert session.protocol == 2
    await reply(session, "AUTH right")
    assert session.protocol == 3
    await reply(session, "HELLO 2")
    await reply(session, "AUTH right")
    assert session.protocol == 2


async def test_messages_left_early_take_the_watch_with_them_and_say_so(
    server: Server, session_of: MakeSession
) -> None:
    session = session_of(server, protocol=3)
    await reply(session, "WATCH k")
    await reply(session, "SUBSCRIBE news")
    server.command("PUBLISH", "news", "x")
    async with aclosing(session.messages()) as messages:
        async for _ in messages:
            break
    assert not session.streaming
    outcome = await run(session, "MULTI")
    assert "the watched keys" in str(outcome.error)
    assert not session.in_transaction


async def test_replies_that_were_turned_off_do_not_come_back_unannounced(
    make_server: MakeServer, session_of: MakeSession
) -> None:
    server = make_server("redis82")
    session = session_of(server)
    await run(session, "CLIENT REPLY OFF")
    await run(session, "SELECT 5")
    server.restart()
    outcome = await run(session, "SET k v")
    assert "CLIENT REPLY OFF" in str(outcome.error)
    assert server.command("EXISTS", "k") == 0


async def test_what_is_not_done_again_after_a_reconnect_is_told(
    make_server: MakeServer, session_of: MakeSession
) -> None:
    server = make_server("redis82")
    session = session_of(server)
    for line in ("CLIENT SETNAME me", "CLIENT NO-EVICT ON", "CLIENT SETNAME you"):
        await reply(session, line)
    where = f"reconnected to 127.0.0.1:{server.port}"
    server.restart()
    outcome = await run(session, "PING")
    assert outcome.notices == (f"{where}; not done again: CLIENT SETNAME, CLIENT NO-EVICT",)
    server.restart()
    assert (await run(session, "PING")).notices == (where,)


async def test_what_is_not_done_again_is_told_with_a_command_that_breaks_in_its_turn(
    redis82: Server, session_of: MakeSession
) -> None:
    async with Proxy((redis82.host, redis82.port)) as proxy:
        session = session_of(proxy)
        await reply(session, "CLIENT SETNAME me")
        proxy.cut()
        await until(lambda: not session.connected)
        proxy.stall(REPLIES)
        sent = asyncio.create_task(run(session, "INCR n"))
        await asyncio.to_thread(wait_until, lambda: redis82.command("GET", "n") == b"1")
        proxy.cut()
        outcome = await sent
        assert "outcome is unknown" in str(outcome.error)
        assert outcome.notices == (f"reconnected to {session.address}; not done again: CLIENT SETNAME",)


async def test_a_password_is_refused_inside_a_transaction_and_not_used_on_a_new_connection(
    make_server: MakeServer, session_of: MakeSession
) -> None:
    server = make_server("redis82", "user ada on >pw +@all ~*")
    session = session_of(server)
    await reply(session, "MULTI")
    for line in ("AUTH ada pw", "HELLO 3 AUTH ada pw"):
        assert "inside MULTI" in str((await run(session, line)).error)
    assert session.in_transaction
    await reply(session, "DISCARD")
    server.restart()
    assert await reply(session, "ACL WHOAMI") == b"default"


async def test_what_a_transaction_changed_is_done_again_on_a_new_connection(
    make_server: MakeServer, session_of: MakeSession
) -> None:
    server = make_server("redis82")
    session = session_of(server)
    for line in ("MULTI", "SELECT 4", "EXEC"):
        await reply(session, line)
    server.restart()
    assert await reply(session, "PING") == Status(b"PONG")
    assert session.database == 4


async def test_setname_auth_is_a_name_and_no_password(
    make_server: MakeServer, session_of: MakeSession
) -> None:
    server = make_server("redis82")
    session = session_of(server)
    await reply(session, "HELLO 3 SETNAME auth")
    server.restart()
    assert await reply(session, "PING") == Status(b"PONG")
    assert (session.username, session.protocol) == ("default", 3)


async def test_a_command_gets_its_reply_although_messages_were_left_unread(
    server: Server, session_of: MakeSession
) -> None:
    session = session_of(server, protocol=3)
    await reply(session, "SUBSCRIBE flood")
    for number in range(3_000):
        server.command("PUBLISH", "flood", number)
    async with asyncio.timeout(10):
        assert await reply(session, "PING") == Status(b"PONG")


@pytest.mark.parametrize(
    ("lines", "broken"),
    [
        (["SELECT 99"], "(error) ERR DB index is out of range"),
        (["MULTI", "SELECT 99", "EXEC"], "(error) ERR DB index is out of range"),
        (["MULTI", "SELECT 5", "NOSUCH", "EXEC"], "SELECT was not run"),
        (["WATCH k", "SET k v", "MULTI", "SELECT 5", "EXEC"], "SELECT was not run"),
        (["MULTI", "SELECT 5", "DISCARD"], ""),
        (["MULTI", "INCR k", "EXEC"], ""),
        (["MULTI", "SELECT 5", "RESET"], ""),
        (["NOSUCH"], ""),
        (["EXEC"], ""),
    ],
)
async def test_a_change_that_did_not_come_true_breaks_the_ground_of_what_follows(
    server: Server, session_of: MakeSession, lines: list[str], broken: str
) -> None:
    session = session_of(server)
    await session.connect()
    outcomes = [await run(session, line) for line in lines]
    assert [outcome.broken_ground for outcome in outcomes] == [""] * (len(lines) - 1) + [broken]


async def test_a_write_whose_fate_is_unknown_is_not_repeated_but_a_read_is(
    make_server: MakeServer, session_of: MakeSession
) -> None:
    server = make_server("redis82")
    session = session_of(server)
    await reply(session, "SET n 0")
    server.pause()
    running = asyncio.create_task(run(session, "GET n"))
    await asyncio.sleep(0.05)
    session._lease._wire._transport.abort()  # type: ignore[union-attr]
    server.resume()
    outcome = await running
    assert outcome.reply == b"0"
    assert outcome.notices
    number = await reply(session, "CLIENT ID")
    server.command("CLIENT", "PAUSE", 60_000, "WRITE")
    running = asyncio.create_task(run(session, "INCR n"))
    await server.until_blocked()
    server.command("CLIENT", "KILL", "ID", number)
    outcome = await running
    assert isinstance(outcome.error, PyRedisConnClosed)
    assert "its outcome is unknown" in str(outcome.error)


async def test_a_cancelled_command_leaves_a_session_that_works(
    server: Server, session_of: MakeSession
) -> None:
    session = session_of(server)
    await reply(session, "SELECT 2")
    running = asyncio.create_task(run(session, "BLPOP queue 0"))
    await server.until_blocked()
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert not session.connected
    assert await reply(session, "SET k v") == Status(b"OK")
    assert session.database == 2


async def test_a_command_that_is_cancelled_as_its_reply_comes_leaves_no_doubt_where_the_session_is(
    server: Server, session_of: MakeSession
) -> None:
    session = session_of(server)
    await reply(session, "PING")
    selecting = asyncio.create_task(run(session, "SELECT 3"))
    for _ in range(4):
        await asyncio.sleep(0)
    wait_until(lambda: " db=3 " in str(server.command("CLIENT", "LIST")))  # the reply waits in the socket
    await asyncio.sleep(0)
    selecting.cancel()
    await asyncio.wait([selecting])
    assert selecting.cancelled()
    assert not session.connected
    assert await reply(session, "PING") == Status(b"PONG")
    assert session.database == 0


async def test_a_password_whose_connection_is_cancelled_leaves_the_session_as_it_was() -> None:
    number = Hear(b"ID\r\n")
    scripts = (
        [number, Say(b":1\r\n"), Hear(b"PING\r\n"), Say(b"+PONG\r\n"), Close()],
        [Hear(b"AUTH"), Say(b"+OK\r\n"), number, Stall()],
        [number, Say(b":2\r\n"), Hear(b"PING\r\n"), Say(b"+PONG\r\n")],
    )
    async with Hostile(*scripts) as server:
        pool = AsyncPool(server.host, server.port, decoder="typed", lib_name=None, read_timeout=None)
        session = Session(pool, interactive=True)
        await reply(session, "PING")
        await until(lambda: not session.connected)
        logging_in = asyncio.create_task(run(session, "AUTH ada x"))
        await until(lambda: server.played == 2)
        logging_in.cancel()
        await asyncio.wait([logging_in])
        assert not session.connected
        assert await reply(session, "PING") == Status(b"PONG")
        assert session.username == "default"
        await session.close()


async def test_client_reply_off_and_shutdown_owe_nothing(
    make_server: MakeServer, session_of: MakeSession
) -> None:
    server = make_server("redis82")
    session = session_of(server)
    for line in ("CLIENT REPLY OFF", "SET k v"):
        outcome = await run(session, line)
        assert (outcome.error, outcome.silent) == (None, True)
    assert await reply(session, "CLIENT REPLY ON") == Status(b"OK")
    outcome = await run(session, "GET nothing")
    assert (outcome.reply, outcome.silent) == (None, False)
    outcome = await run(session, "SHUTDOWN NOSAVE")
    assert (outcome.error, outcome.silent) == (None, True)
    assert not session.connected


async def test_for_another_password_no_subscription_is_given_up(
    make_server: MakeServer, session_of: MakeSession
) -> None:
    server = make_server("redis82", "requirepass old")
    session = session_of(server, password="old", protocol=3)

    async def renewed(password: object) -> str:
        return "new"

    session.renew = renewed
    await reply(session, "SUBSCRIBE news")
    server.command("CONFIG", "SET", "requirepass", "new")
    with pytest.raises(WrongPass):
        await session.let_in(session.another)
    assert session.subscribed
    await reply(session, "UNSUBSCRIBE news")
    client = await session.let_in(session.another)
    assert await client.execute("ECHO", "b") == b"b"
    await session.pool.release(client)


@pytest.mark.parametrize("protocol", [2, 3])
async def test_messages_come_until_nothing_is_subscribed(
    server: Server, session_of: MakeSession, protocol: Any
) -> None:
    session = session_of(server, protocol=protocol)
    confirmations = await reply(session, "SUBSCRIBE a b")
    assert [list(one) for one in confirmations] == [[b"subscribe", b"a", 1], [b"subscribe", b"b", 2]]
    assert session.streaming
    for number in range(5):
        server.command("PUBLISH", "a", number)
    got: list[Any] = []
    async with aclosing(session.messages()) as messages:
        async for message in messages:
            got.append(message)
            if len(got) == 5:
                break
    assert got == [Push([b"message", b"a", b"%d" % number]) for number in range(5)]
    assert not session.connected
    assert await reply(session, "PING") == Status(b"PONG")


async def test_a_lost_connection_ends_the_messages(server: Server, session_of: MakeSession) -> None:
    session = session_of(server)
    number = await reply(session, "CLIENT ID")
    assert await reply(session, "MONITOR") == Status(b"OK")
    assert session.monitoring
    server.command("SET", "k", "v")
    server.command("CLIENT", "KILL", "ID", number)
    got: list[Any] = []

    async def read() -> None:
        async for line in session.messages():
            got.append(line)

    with pytest.raises(PyRedisConnClosed):
        await read()
    assert any(b'"SET" "k" "v"' in line for line in got)
    assert not session.connected


async def test_a_flood_of_messages_waits_in_the_network_not_in_memory(
    server: Server, session_of: MakeSession
) -> None:
    session = session_of(server)
    await reply(session, "SUBSCRIBE flood")
    for number in range(5_000):
        server.command("PUBLISH", "flood", number)
    assert len(session._inbox) < 5_000
    got: list[Any] = []
    async with aclosing(session.messages()) as messages:
        async for message in messages:
            got.append(message[2])
            if len(got) == 5_000:
                break
    assert got == [b"%d" % number for number in range(5_000)]


async def test_a_role_is_known_from_the_greeting_and_when_it_is_told(
    make_server: MakeServer, redis82: Server
) -> None:
    replica = make_server("redis82", f"replicaof {redis82.host} {redis82.port}")
    for server, role in ((redis82, "primary"), (replica, "replica")):
        pool = AsyncPool(server.host, server.port, decoder="typed", lib_name=None, protocol=3)
        session = Session(pool, interactive=True)
        assert session.role == ""
        await session.connect()
        assert session.role == role
        session.learn_role("primary")
        assert session.role == "primary"
        await session.run([b"HELLO", b"3"])
        assert session.role == role
        await session.close()


@pytest.mark.parametrize("protocol", [2, 3])
async def test_a_wait_is_ended_by_the_server_and_the_connection_stays(server: Server, protocol: int) -> None:
    pool = AsyncPool(
        server.host, server.port, decoder="typed", lib_name=None, protocol=protocol, read_timeout=None
    )
    session = Session(pool, interactive=True)
    assert not await session.unblock([b"BLPOP", b"k", b"0"])
    number = await reply(session, "CLIENT ID")
    assert not await session.unblock([b"BLPOP", b"k", b"0"])
    waiting = asyncio.create_task(run(session, "BLPOP k 0"))
    await asyncio.to_thread(wait_until, lambda: server.blocked() == 1)
    assert await session.unblock([b"BLPOP", b"k", b"0"])
    assert (await waiting).reply is None
    assert await reply(session, "CLIENT ID") == number
    await session.close()


@pytest.mark.parametrize("protocol", [2, 3])
async def test_a_wait_is_ended_by_the_server_also_for_who_logged_in_by_hand(
    make_server: MakeServer, protocol: int
) -> None:
    server = make_server("redis82", "requirepass right")
    pool = AsyncPool(server.host, server.port, lib_name=None, protocol=protocol, read_timeout=None)
    session = Session(pool, interactive=True)
    assert isinstance((await run(session, "PING")).error, NoAuth)
    await reply(session, "AUTH right")
    waiting = asyncio.create_task(run(session, "BLPOP k 0"))
    await asyncio.to_thread(wait_until, lambda: server.blocked() == 1)
    assert await session.unblock([b"BLPOP", b"k", b"0"])
    assert (await waiting).reply is None
    await session.close()


async def test_a_connection_that_breaks_is_noticed_although_nobody_uses_it(redis82: Server) -> None:
    pool = AsyncPool(redis82.host, redis82.port, decoder="typed", lib_name=None, protocol=3)
    session = Session(pool, interactive=True)
    noticed = asyncio.Event()
    losses: list[str] = []

    def note() -> None:
        losses.append(session.losses)
        noticed.set()

    session.on_lost = note
    number = await reply(session, "CLIENT ID")
    for line in ("WATCH k", "SUBSCRIBE a b", "PSUBSCRIBE c*"):
        await run(session, line)
    redis82.command("CLIENT", "KILL", "ID", number)
    await asyncio.wait_for(noticed.wait(), 10)
    assert losses == ["the watched keys and 3 subscriptions"]
    await session.close()


async def test_what_comes_unasked_waits_in_the_network_while_there_is_no_room(redis82: Server) -> None:
    pool = AsyncPool(redis82.host, redis82.port, decoder="typed", lib_name=None, protocol=3)
    session = Session(pool, interactive=True)
    heard: list[Any] = []

    def hear(push: Any) -> bool:
        heard.append(push)
        return len(heard) < 10

    session.on_push = hear
    await run(session, "SUBSCRIBE flood")
    for _ in range(200):
        redis82.command("PUBLISH", "flood", b"x" * 100_000)
    await until(lambda: len(heard) >= 10)
    await asyncio.sleep(0.1)
    assert len(heard) < 200
    assert await reply(session, "PING") == Status(b"PONG")
    assert len(heard) == 200
    await session.close()


async def test_what_is_asked_beside_a_session_is_asked_of_the_server_it_is_at(sentinels82: Sentinels) -> None:
    pool = AsyncSentinelPool(
        sentinels82.addresses, sentinels82.name, True, decoder="typed", read_timeout=None
    )
    session = Session(pool, interactive=True)
    await session.connect()
    here = session.address
    others = []
    while pool.address == here:  # until the next connection leads to another replica
        others.append(await pool.acquire())
    assert session.address == here
    asked = set()
    for _ in range(4):
        with suppress(PyRedisConnError):
            client = await session.another()
            asked.add(client.address)
            await pool.release(client)
    assert asked <= {here}
    for client in others:
        await pool.release(client)
    await session.close()
