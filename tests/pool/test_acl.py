"""A pool of a user who may do next to nothing: what the pool says of itself must need no permission."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from pyredis import AsyncPool, NoPerm, WrongPass
from tests.servers import Server

pytestmark = pytest.mark.usefixtures("no_leaks")

MAY_GET = ("reset", "on", ">hush", "~k*", "+get")
KEYS = 50


@pytest.fixture(params=[2, 3])
def protocol(request: pytest.FixtureRequest) -> Any:
    return request.param


@pytest.fixture(params=["fast", "typed"])
def decoder(request: pytest.FixtureRequest) -> Any:
    return request.param


def limit(server: Server, user: str = "reader", *rules: str) -> None:
    """Fill the server and let a user GET what begins with k, and nothing else."""
    for number in range(KEYS):
        server.command("MSET", f"k{number}", f"v{number}", f"other{number}", "secret")
    server.command("ACL", "SETUSER", user, *MAY_GET, *rules)


def pool_of_reader(server: Server, **options: Any) -> AsyncPool:
    return AsyncPool(server.host, server.port, username="reader", password="hush", **options)


async def test_a_user_who_may_only_get_gets(server: Server, protocol: Any, decoder: Any) -> None:
    limit(server)
    async with pool_of_reader(server, protocol=protocol, decoder=decoder) as pool:
        assert await pool.execute("GET", "k1") == b"v1"
        assert await pool.execute("GET", "k2") == b"v2"
        client = await pool.acquire()
        assert client.protocol == protocol
        assert client.username == "reader"
        assert await client.execute("GET", "k3") == b"v3"
        assert client.at_rest
        await pool.release(client)
        assert await pool.execute("GET", "k4") == b"v4"
        assert server.clients() == 1


async def test_a_user_who_may_only_get_gets_on_old_servers(redis62: Server, protocol: Any) -> None:
    limit(redis62)
    async with pool_of_reader(redis62, protocol=protocol) as pool:
        assert [await pool.execute("GET", f"k{number}") for number in range(3)] == [b"v0", b"v1", b"v2"]


async def test_a_default_user_who_may_only_get_gets(server: Server, protocol: Any) -> None:
    limit(server, "default", "nopass")
    async with AsyncPool(server.host, server.port, protocol=protocol) as pool:
        assert [await pool.execute("GET", f"k{number}") for number in range(3)] == [b"v0", b"v1", b"v2"]


@pytest.mark.parametrize("pool_size", [1, 16])
async def test_each_of_many_callers_gets_its_own_reply_or_refusal(
    server: Server, protocol: Any, pool_size: int
) -> None:
    limit(server)
    names = [name for number in range(KEYS) for name in (f"k{number}", f"other{number}")]
    async with pool_of_reader(server, protocol=protocol, pool_size=pool_size, acquire_timeout=5) as pool:
        replies = await asyncio.gather(*[pool.execute("GET", name) for name in names], return_exceptions=True)
    for name, reply in zip(names, replies, strict=True):
        if name.startswith("k"):
            assert reply == b"v" + name[1:].encode()
        else:
            assert isinstance(reply, NoPerm)
            assert reply.command == "GET"


@pytest.mark.parametrize(("name", "args"), [("SET", ("k1", "x")), ("PING", ()), ("CLIENT ID", ())])
async def test_a_refusal_is_that_of_the_command_asked_for(
    server: Server, protocol: Any, name: str, args: tuple[str, ...]
) -> None:
    limit(server)
    async with pool_of_reader(server, protocol=protocol) as pool:
        with pytest.raises(NoPerm, match=name.lower().replace(" ", r"\|")) as caught:
            await pool.execute(*name.split(), *args)
        assert caught.value.command == name
        assert await pool.execute("GET", "k1") == b"v1"
        assert server.clients() == 1


async def test_a_database_is_refused_to_a_user_without_select(server: Server, protocol: Any) -> None:
    limit(server)
    async with pool_of_reader(server, protocol=protocol, database=1) as pool:
        with pytest.raises(NoPerm) as caught:
            await pool.execute("GET", "k1")
        assert caught.value.command == "SELECT"
        await server.until_clients(0)


@pytest.mark.parametrize("pool_size", [1, 16])
async def test_neither_a_name_nor_a_check_needs_a_right(
    server: Server, protocol: Any, pool_size: int
) -> None:
    limit(server)
    options = {"client_name": "billing", "health_check_interval": 1e-6, "pool_size": pool_size}
    async with pool_of_reader(server, protocol=protocol, **options) as pool:
        for number in range(3):
            assert await pool.execute("GET", f"k{number}") == b"v%d" % number
            client = await pool.acquire()
            assert await client.execute("GET", f"k{number}") == b"v%d" % number
            await pool.release(client)
        assert pool.statistics.opened == 1


async def test_rights_that_are_taken_away_meet_the_next_command(server: Server, protocol: Any) -> None:
    limit(server)
    async with pool_of_reader(server, protocol=protocol) as pool:
        assert await pool.execute("GET", "k1") == b"v1"
        server.command("ACL", "SETUSER", "reader", "-get")
        with pytest.raises(NoPerm):
            await pool.execute("GET", "k1")
        server.command("ACL", "SETUSER", "reader", "+get")
        assert await pool.execute("GET", "k1") == b"v1"


async def test_a_user_who_is_gone_is_told_at_the_next_connection(server: Server, protocol: Any) -> None:
    limit(server)
    async with pool_of_reader(server, protocol=protocol) as pool:
        assert await pool.execute("GET", "k1") == b"v1"
        server.command("ACL", "DELUSER", "reader")
        await server.until_clients(0)
        with pytest.raises(WrongPass) as caught:
            await pool.execute("GET", "k1")
        assert "hush" not in str(caught.value)
