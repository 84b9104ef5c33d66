"""The client of sentinels: what it is told, and by whom when some of them are dead, silent or ignorant."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path
from typing import Any, Final

import pytest

from pyredis import (
    AsyncSentinelClient,
    NoAuth,
    PyRedisConnClosed,
    PyRedisConnError,
    PyRedisConnReadTimeout,
    PyRedisError,
    ReplyError,
    StatefulCommand,
    TcpAddress,
    TlsOptions,
)
from tests.conftest import MakeSentinels
from tests.hostile import Hear, Hostile, Say, Stall
from tests.sentinels import Sentinels
from tests.servers import until
from tests.tls import Authority, TlsProxy, server_context

pytestmark = pytest.mark.usefixtures("no_leaks")

NOBODY = ("127.0.0.1", 1)
HERE: Final = b"*2\r\n$9\r\n127.0.0.1\r\n$4\r\n7001\r\n"
THERE: Final = b"*2\r\n$9\r\n127.0.0.1\r\n$4\r\n7002\r\n"


def at(server: Hostile | TlsProxy) -> tuple[str, int]:
    return server.host, server.port


def bulks(*words: str) -> bytes:
    return b"*%d\r\n" % len(words) + b"".join(b"$%d\r\n%b\r\n" % (len(w), w.encode()) for w in words)


async def test_what_sentinels_say(sentinels: Sentinels) -> None:
    async with AsyncSentinelClient(sentinels.addresses) as client:
        primary = await client.get_primary(sentinels.name)
        assert primary[b"name"] == b"mymaster"
        assert int(primary[b"port"]) == sentinels.primary().port
        assert [group[b"name"] for group in await client.get_primaries()] == [b"mymaster"]
        ports = {int(replica[b"port"]) for replica in await client.get_replicas(sentinels.name)}
        assert ports == {server.port for server in sentinels.replicas()}
        others = {port for _, port in sentinels.addresses[1:]}

        async def known() -> bool:  # they find each other anew now and then
            return {
                int(sentinel[b"port"]) for sentinel in await client.get_sentinels(sentinels.name)
            } == others

        await until(known)
        assert await client.primary_address(sentinels.name) == TcpAddress(
            "127.0.0.1", sentinels.primary().port
        )
        addresses = await client.replica_addresses(sentinels.name)
        assert {address.port for address in addresses} == ports
        assert await client.execute("PING") == b"PONG"


async def test_the_older_spellings_mean_the_same(sentinels82: Sentinels) -> None:
    async with AsyncSentinelClient(sentinels82.addresses) as client:
        name = sentinels82.name
        assert (await client.get_master(name))[b"port"] == (await client.get_primary(name))[b"port"]
        assert len(await client.get_masters()) == 1
        assert len(await client.get_slaves(name)) == 2


@pytest.mark.parametrize("protocol", [2, 3])
async def test_text_is_text_with_an_encoding(sentinels82: Sentinels, protocol: Any) -> None:
    async with AsyncSentinelClient(sentinels82.addresses, encoding="utf-8", protocol=protocol) as client:
        primary = await client.get_primary(sentinels82.name)
        assert primary["port"] == str(sentinels82.primary().port)
        assert (await client.primary_address(sentinels82.name)).port == sentinels82.primary().port


async def test_dead_sentinels_are_passed_over(sentinels: Sentinels) -> None:
    async with AsyncSentinelClient([NOBODY, *sentinels.addresses]) as client:
        assert await client.get_primary(sentinels.name)
        assert client.sentinels[0].port == sentinels.addresses[0][1]
        for sentinel in sentinels.sentinels[:2]:
            sentinels.kill(sentinel)
        for _ in range(3):
            assert await client.get_primary(sentinels.name)
        assert client.sentinels[0].port == sentinels.addresses[2][1]


async def test_a_silent_sentinel_is_passed_over(sentinels: Sentinels) -> None:
    async with AsyncSentinelClient(sentinels.addresses, read_timeout=0.2) as client:
        sentinels.stall(sentinels.sentinels[0])
        assert await client.get_primary(sentinels.name)
        sentinels.resume(sentinels.sentinels[0])


async def test_when_all_are_dead_each_is_named_and_none_is_asked_for_ever() -> None:
    async with Hostile([Stall()]) as silent:
        seeds = [NOBODY, (silent.host, silent.port)]
        async with AsyncSentinelClient(seeds, "hush", read_timeout=0.1, conn_timeout=0.1) as client:
            with pytest.raises(PyRedisConnError, match="no sentinel answers") as caught:
                await client.get_primary("mymaster")
            assert "127.0.0.1:1:" in str(caught.value)
            assert str(silent.port) in str(caught.value)
            assert "hush" not in str(caught.value) + repr(client)


async def test_a_group_that_nobody_knows(sentinels82: Sentinels) -> None:
    async with AsyncSentinelClient(sentinels82.addresses) as client:
        for question in (
            client.get_primary,
            client.get_replicas,
            client.get_sentinels,
            client.primary_address,
        ):
            with pytest.raises(ReplyError, match=r"No such master|knows of no group"):
                await question("orders")


async def test_a_sentinel_that_talks_nonsense_is_passed_over(sentinels82: Sentinels) -> None:
    async with Hostile([Hear(b"MASTER"), Say(b"?nonsense\r\n")]) as server:
        seeds = [(server.host, server.port), *sentinels82.addresses]
        async with AsyncSentinelClient(seeds, lib_name=None) as client:
            assert await client.get_primary(sentinels82.name)


@pytest.mark.parametrize(
    "said",
    [b"*1\r\n$1\r\na\r\n", b"*2\r\n$1\r\na\r\n$1\r\nb\r\n", b":1\r\n", b"*2\r\n$1\r\na\r\n$1\r\n0\r\n"],
)
async def test_an_address_that_is_none_is_told(said: bytes) -> None:
    async with (
        Hostile([Hear(b"GET-MASTER"), Say(said)]) as server,
        AsyncSentinelClient([(server.host, server.port)], lib_name=None) as client,
    ):
        with pytest.raises(PyRedisConnError, match=r"no sentinel answers .* address"):
            await client.primary_address("mymaster")


async def test_sentinels_with_a_password(make_sentinels: MakeSentinels) -> None:
    group = make_sentinels("redis82", sentinel_config=("requirepass hush",), count=1, replicas=1)
    async with AsyncSentinelClient(group.addresses, "hush") as client:
        assert await client.get_primary(group.name)
    async with AsyncSentinelClient(group.addresses) as client:
        with pytest.raises(NoAuth):
            await client.get_primary(group.name)


async def test_the_next_sentinel(sentinels82: Sentinels) -> None:
    async with AsyncSentinelClient(sentinels82.addresses) as client:
        first = client.sentinels[0]
        await client.next_sentinel()
        assert client.sentinels[0] != first
        assert client.sentinels[-1] == first
        assert await client.get_primary(sentinels82.name)


async def test_many_tasks_ask_at_once_and_some_give_up(sentinels82: Sentinels) -> None:
    async with AsyncSentinelClient(sentinels82.addresses) as client:
        for _ in range(20):
            asking = [asyncio.create_task(client.get_primary(sentinels82.name)) for _ in range(10)]
            await asyncio.sleep(0)
            asking[3].cancel()
            for outcome in await asyncio.gather(*asking, return_exceptions=True):
                assert isinstance(outcome, (dict, asyncio.CancelledError)), outcome


async def test_a_closed_client_answers_nobody(sentinels82: Sentinels) -> None:
    client = AsyncSentinelClient(sentinels82.addresses)
    await client.get_primary(sentinels82.name)
    client.close()
    with pytest.raises(PyRedisConnClosed):
        await client.get_primary(sentinels82.name)
    await client.wait_closed()


NONSENSE: Final = {
    "a status": b"+OK\r\n",
    "a list in a list": b"*2\r\n*1\r\n:1\r\n:2\r\n",
    "an odd number of words": b"*1\r\n" + bulks("ip"),
    "no address": b"*1\r\n" + bulks("flags", "slave", "master-link-status", "ok"),
    "a port out of range": b"*1\r\n" + bulks("ip", "127.0.0.1", "port", "70000"),
}


@pytest.mark.parametrize("said", NONSENSE.values(), ids=NONSENSE)
async def test_nonsense_in_good_order_is_passed_over_too(sentinels82: Sentinels, said: bytes) -> None:
    async with (
        Hostile([Hear(b"SENTINEL"), Say(said)]) as server,
        AsyncSentinelClient([at(server), *sentinels82.addresses], lib_name=None) as client,
    ):
        assert len(await client.replica_addresses(sentinels82.name)) == 2


async def test_replicas_that_are_down_are_left_out_and_those_out_of_step_come_last() -> None:
    replicas = [
        bulks("ip", "127.0.0.1", "port", port, "flags", flags, "master-link-status", link)
        for port, flags, link in (
            ("7001", "slave", "ok"),
            ("7002", "s_down,slave", "ok"),
            ("7003", "slave,disconnected", "ok"),
            ("7004", "slave,o_down", "ok"),
            ("7005", "slave", "err"),
        )
    ]
    said = b"*%d\r\n" % len(replicas) + b"".join(replicas)
    async with (
        Hostile([Hear(b"SLAVES"), Say(said), Hear(b"SLAVES"), Say(said)]) as server,
        AsyncSentinelClient([at(server)], lib_name=None) as client,
    ):
        assert await client.replica_addresses("mymaster") == [TcpAddress("127.0.0.1", 7001)]
        in_step, behind = await client.named_replicas("mymaster")
        assert in_step == [(TcpAddress("127.0.0.1", 7001), TcpAddress(*at(server)))]
        assert behind == [(TcpAddress("127.0.0.1", 7005), TcpAddress(*at(server)))]


async def test_who_named_a_server_is_told_though_another_one_is_asked_first_by_now() -> None:
    async with (
        Hostile([Hear(b"mine"), Say(HERE)]) as one,
        Hostile([Hear(b"yours"), Say(THERE)]) as two,
        AsyncSentinelClient([at(one), at(two)], lib_name=None) as client,
    ):
        mine = await client.named_primary("mine")
        await client.next_sentinel()
        yours = await client.named_primary("yours")
        assert mine == (TcpAddress("127.0.0.1", 7001), TcpAddress(*at(one)))
        assert yours == (TcpAddress("127.0.0.1", 7002), TcpAddress(*at(two)))
        client.pass_over(mine.sentinel)
        assert client.sentinels[0] == yours.sentinel, "it was passed over already"


async def test_silence_is_waited_for_a_moment_only(sentinels82: Sentinels) -> None:
    """Two silent sentinels cost a quarter of a second each, whatever the timeouts."""
    async with Hostile([Stall()]) as one, Hostile([Stall()]) as two:
        seeds = [at(one), at(two), *sentinels82.addresses]
        async with AsyncSentinelClient(seeds, conn_timeout=30, read_timeout=30, lib_name=None) as client:
            began = time.monotonic()
            assert await client.primary_address(sentinels82.name)
            assert time.monotonic() - began < 10
            assert client.sentinels[0].port == sentinels82.addresses[0][1]


async def test_a_sentinel_that_is_slow_may_still_be_the_first_to_answer() -> None:
    script = [Hear(b"GET-MASTER"), Hear(b"PING"), Say(HERE + b"+PONG\r\n")]
    async with (
        Hostile(script) as slow,
        Hostile([Stall()]) as silent,
        AsyncSentinelClient([at(slow), at(silent)], read_timeout=30, lib_name=None) as client,
    ):
        asking = asyncio.create_task(client.primary_address("mymaster"))
        await until(lambda: bool(silent.accepted), what="the next one is asked, too")
        assert await client.execute("PING") == b"PONG"
        assert await asking == TcpAddress("127.0.0.1", 7001)
        assert client.sentinels[0].port == slow.port


async def test_a_task_that_gives_up_harms_no_other(sentinels82: Sentinels) -> None:
    """Its answer, when it comes, is nobody else's."""
    script = [Hear(b"first"), Hear(b"second"), Hear(b"third"), Say(HERE + THERE + HERE)]
    async with (
        Hostile(script) as server,
        AsyncSentinelClient([at(server)], read_timeout=30, lib_name=None) as client,
    ):
        first = asyncio.create_task(client.primary_address("first"))
        await until(lambda: b"first" in b"".join(server.received))
        second = asyncio.create_task(client.primary_address("second"))
        await until(lambda: b"second" in b"".join(server.received))
        first.cancel()
        with pytest.raises(asyncio.CancelledError):
            await first
        third = asyncio.create_task(client.primary_address("third"))
        assert await second == TcpAddress("127.0.0.1", 7002)
        assert await third == TcpAddress("127.0.0.1", 7001)
        assert server.accepted == 1


async def test_the_next_sentinel_is_asked_for_while_one_is_being_connected_to() -> None:
    script = [Hear(b"AUTH"), Say(b"+OK\r\n"), Hear(b"GET-MASTER"), Say(HERE)]
    async with (
        Hostile([Hear(b"AUTH"), Stall()]) as silent,
        Hostile(script) as good,
        AsyncSentinelClient(
            [at(silent), at(good)], "hush", conn_timeout=30, read_timeout=30, lib_name=None
        ) as client,
    ):
        asking = asyncio.create_task(client.primary_address("mymaster"))
        await until(lambda: bool(silent.received))
        await client.next_sentinel()
        assert await asking == TcpAddress("127.0.0.1", 7001)


async def test_a_sentinel_that_was_restarted_is_no_reason_to_ask_another(sentinels: Sentinels) -> None:
    sentinel = sentinels.sentinels[0]
    async with AsyncSentinelClient([sentinels.addresses[0]]) as client:
        before = await client.primary_address(sentinels.name)
        sentinel.restart()
        assert await client.primary_address(sentinels.name) == before


async def test_a_sentinel_that_does_not_know_is_no_authority(sentinels82: Sentinels) -> None:
    """Only when all say so there is no such group; else it may be that the others would know."""
    async with Hostile([Hear(b"GET-MASTER"), Say(b"*-1\r\n")]) as ignorant:
        seeds = [at(ignorant), *sentinels82.addresses]
        async with AsyncSentinelClient(seeds, lib_name=None) as client:
            assert (await client.primary_address("mymaster")).port == sentinels82.primary().port
        async with AsyncSentinelClient([at(ignorant), NOBODY], lib_name=None) as client:
            with pytest.raises(PyRedisConnError, match=r"no group .*127\.0\.0\.1:1: "):
                await client.primary_address("mymaster")


async def test_a_command_that_may_have_been_executed_goes_to_no_other_sentinel() -> None:
    async with (
        Hostile([Hear(b"FAILOVER"), Stall()]) as silent,
        Hostile([Stall()]) as other,
        AsyncSentinelClient([at(silent), at(other)], read_timeout=0.3, lib_name=None) as client,
    ):
        with pytest.raises(PyRedisConnReadTimeout) as caught:
            await client.execute("SENTINEL", "FAILOVER", "mymaster")
        assert caught.value.sent is True
        assert not other.accepted
        assert client.sentinels[0].port == other.port


async def test_a_command_that_was_never_sent_goes_to_the_next_one(sentinels82: Sentinels) -> None:
    async with AsyncSentinelClient([NOBODY, *sentinels82.addresses]) as client:
        assert await client.execute("PING") == b"PONG"
        with pytest.raises(ReplyError, match="No such master"):
            await client.execute("SENTINEL", "CKQUORUM", "orders")
        with pytest.raises(StatefulCommand, match="SUBSCRIBE"):
            await client.execute("SUBSCRIBE", "+switch-master")


async def test_closing_ends_what_is_being_asked() -> None:
    async with Hostile([Hear(b"AUTH"), Stall()]) as silent:
        client = AsyncSentinelClient([at(silent)], "hush", conn_timeout=30, read_timeout=30)
        asking = [asyncio.create_task(client.primary_address("mymaster")) for _ in range(3)]
        asking.append(asyncio.create_task(client.execute("PING")))  # type: ignore[arg-type]
        await until(lambda: len(silent.received) == 4 and all(silent.received))
        client.close()
        for task in asking:
            with pytest.raises(PyRedisConnClosed, match="is closed"):
                await task
        await client.wait_closed()


async def test_a_client_that_is_forgotten_open_tells_and_closes() -> None:
    async with Hostile([Hear(b"GET-MASTER"), Say(HERE)]) as server:
        client = AsyncSentinelClient([at(server)], lib_name=None)
        await client.primary_address("mymaster")
        with pytest.warns(ResourceWarning, match="unclosed <AsyncSentinelClient"):
            del client


def test_a_client_belongs_to_one_event_loop(sentinels82: Sentinels) -> None:
    client = AsyncSentinelClient(sentinels82.addresses)

    async def ask() -> None:
        await client.primary_address(sentinels82.name)

    async def end() -> None:
        client.close()

    with asyncio.Runner() as runner:
        runner.run(ask())
        with pytest.raises(PyRedisError, match="another event loop"):
            asyncio.run(ask())
        runner.run(end())


async def test_tls(sentinels82: Sentinels, tmp_path: Path) -> None:
    authority = Authority(tmp_path / "tls")
    async with TlsProxy(sentinels82.addresses[0], server_context(authority.sign())) as proxy:
        options = TlsOptions(ca_file=authority.ca_file)
        async with AsyncSentinelClient([at(proxy)], conn_timeout=5, tls=options) as client:
            assert (await client.primary_address("mymaster")).port == sentinels82.primary().port


def test_what_cannot_be_a_list_of_sentinels() -> None:
    twice = AsyncSentinelClient([NOBODY, NOBODY])
    assert twice.sentinels == (TcpAddress(*NOBODY),)
    with pytest.raises(ValueError, match="sentinels is empty"):
        AsyncSentinelClient([])
    with pytest.raises(TypeError, match="list of"):
        AsyncSentinelClient("127.0.0.1:26379")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="conn_timeout"):
        AsyncSentinelClient([NOBODY], conn_timeout=0)
