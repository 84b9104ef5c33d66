"""The client of sentinels: what it is told, and by whom when some of them are dead, silent or ignorant."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from pyredis import (
    AsyncSentinelClient,
    NoAuth,
    PyRedisConnClosed,
    PyRedisConnError,
    ReplyError,
    TcpAddress,
)
from tests.conftest import MakeSentinels
from tests.hostile import Hear, Hostile, Say, Stall
from tests.sentinels import Sentinels
from tests.servers import until

pytestmark = pytest.mark.usefixtures("no_leaks")

NOBODY = ("127.0.0.1", 1)


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
