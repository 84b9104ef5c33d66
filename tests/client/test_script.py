"""Scripts by their SHA1: executed once per call, on servers that know them and on servers that forgot."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator
from typing import Any

import pytest

from pyredis import AsyncClient, AsyncPool, PyRedisConnClosed, PyRedisError, ReplyError
from pyredis.client.script import Script
from pyredis.exceptions import NoScript, ReadOnly
from tests.conftest import MakeServer
from tests.hostile import Close, Hear, Hostile, Say
from tests.servers import Server

pytestmark = pytest.mark.usefixtures("no_leaks")

COUNT = Script("return redis.call('INCRBY', KEYS[1], ARGV[1])")


@pytest.fixture(params=["fast", "typed"])
def decoder(request: pytest.FixtureRequest) -> Any:
    return request.param


@pytest.fixture
async def pool(server: Server, decoder: Any) -> AsyncIterator[AsyncPool]:
    async with AsyncPool(server.host, server.port, decoder=decoder) as pool:
        yield pool


class Calls:
    """How often a server was sent a command since."""

    def __init__(self, server: Server) -> None:
        self._server = server
        server.command("CONFIG", "RESETSTAT")

    def of(self, command: str) -> int:
        fields = self._server.info("commandstats").get(f"cmdstat_{command}", "calls=0").split(",")
        return int(dict(field.split("=") for field in fields)["calls"])


async def test_a_script_is_called_on_a_pool_with_its_keys_and_arguments(pool: AsyncPool) -> None:
    script = Script("return {KEYS, ARGV}")
    assert await script(pool, ["a", b"b"], [1, 2.5]) == [[b"a", b"b"], [b"1", b"2.5"]]
    assert await script(pool, args=("x",)) == [[], [b"x"]]
    assert await script(pool, keys=(key for key in "kl")) == [[b"k", b"l"], []]
    assert await script(pool) == [[], []]


async def test_the_source_is_sent_to_a_server_that_lacks_the_script_and_no_more(
    server: Server, pool: AsyncPool
) -> None:
    calls = Calls(server)
    for turn in range(1, 4):
        assert await COUNT(pool, ["k"], [1]) == turn
    assert (calls.of("evalsha"), calls.of("eval")) == (3, 1)


async def test_a_server_may_forget_its_scripts_between_two_calls(server: Server, pool: AsyncPool) -> None:
    calls = Calls(server)
    for turn in range(1, 4):
        assert await COUNT(pool, ["k"], [1]) == turn
        server.command("SCRIPT", "FLUSH")
    assert (calls.of("evalsha"), calls.of("eval")) == (3, 3)


async def test_a_script_survives_a_restart_of_the_server(make_server: MakeServer) -> None:
    server = make_server()
    async with AsyncPool(server.host, server.port) as pool:
        assert await COUNT(pool, ["k"], [1]) == 1
        server.restart()
        assert await COUNT(pool, ["k"], [1]) == 1


async def test_first_calls_at_the_same_time_are_executed_once_each(server: Server) -> None:
    async with AsyncPool(server.host, server.port, pool_size=8) as pool:
        turns = await asyncio.gather(*[COUNT(pool, ["k"], [1]) for _ in range(8)])
        assert set(turns) == set(range(1, 9))
        assert await pool.execute("GET", "k") == b"8"


async def test_a_script_is_called_on_a_client_in_its_database(pool: AsyncPool) -> None:
    client = await pool.acquire()
    await client.execute("SELECT", 3)
    assert await COUNT(client, ["k"], [2]) == 2
    assert await client.execute("GET", "k") == b"2"
    await pool.release(client)
    assert await pool.execute("EXISTS", "k") == 0
    with pytest.raises(PyRedisError, match="released"):
        await COUNT(client, ["k"], [2])


async def test_a_client_that_never_connected_connects_for_a_script(server: Server) -> None:
    client = AsyncClient(server.host, server.port)
    assert await COUNT(client, ["k"], [1]) == 1
    client.close()
    await client.wait_closed()


async def test_a_script_that_the_server_lacks_is_executed_inside_a_transaction(pool: AsyncPool) -> None:
    client = await pool.acquire()
    await client.execute("MULTI")
    assert await COUNT(client, ["k"], [1]) == b"QUEUED"
    assert await COUNT(client, ["k"], [1]) == b"QUEUED"
    assert await client.execute("EXEC") == [1, 2]
    assert await COUNT(client, ["k"], [1]) == 3
    await pool.release(client)


async def test_a_script_that_the_server_lacks_is_executed_though_no_reply_is_due(
    server: Server, pool: AsyncPool
) -> None:
    client = await pool.acquire()
    await client.execute("CLIENT", "REPLY", "OFF")
    assert await COUNT(client, ["k"], [1]) is None
    await client.execute("CLIENT", "REPLY", "ON")
    assert await client.execute("GET", "k") == b"1"
    await pool.release(client)


async def test_a_script_that_the_server_lacks_is_executed_in_a_pipeline(
    server: Server, pool: AsyncPool
) -> None:
    async with pool.lease() as client, client.pipeline() as p:
        server.command("SCRIPT", "FLUSH")
        assert await COUNT(p, keys=["k"], args=[5]) is None
    assert p.replies == [5]


async def test_a_readonly_script_reads_and_may_not_write(server: Server, pool: AsyncPool) -> None:
    await pool.execute("SET", "k", "v")
    calls = Calls(server)
    read = Script("return redis.call('GET', KEYS[1])", readonly=True)
    assert await read(pool, ["k"]) == b"v"
    assert await read(pool, ["k"]) == b"v"
    assert (calls.of("evalsha_ro"), calls.of("eval_ro")) == (2, 1)
    write = Script("return redis.call('DEL', KEYS[1])", readonly=True)
    with pytest.raises(ReplyError, match="read-only"):
        await write(pool, ["k"])
    assert await pool.execute("EXISTS", "k") == 1


async def test_a_replica_executes_readonly_scripts_alone(make_server: MakeServer) -> None:
    server = make_server()
    server.command("REPLICAOF", "127.0.0.1", "1")
    async with AsyncPool(server.host, server.port) as pool:
        assert await Script("return redis.call('EXISTS', KEYS[1])", readonly=True)(pool, ["k"]) == 0
        with pytest.raises(ReadOnly):
            await COUNT(pool, ["k"], [1])


async def test_an_old_server_without_readonly_scripts_says_so(redis62: Server) -> None:
    async with AsyncPool(redis62.host, redis62.port) as pool:
        assert await COUNT(pool, ["k"], [1]) == 1
        with pytest.raises(ReplyError, match="EVALSHA_RO"):
            await Script("return 1", readonly=True)(pool)


# -- executed once, whatever it says


async def test_an_error_of_the_script_itself_never_has_it_executed_again(pool: AsyncPool) -> None:
    script = Script("redis.call('INCR', KEYS[1]) return redis.error_reply('NOSCRIPT of mine')")
    for turn in (b"1", b"2"):
        with pytest.raises(NoScript, match="of mine"):
            await script(pool, ["k"])
        assert await pool.execute("GET", "k") == turn


async def test_an_error_of_the_script_is_raised_without_the_search_for_it(pool: AsyncPool) -> None:
    with pytest.raises(ReplyError, match="no luck") as caught:
        await Script("return redis.error_reply('ERR no luck')")(pool)
    assert caught.value.__context__ is None


async def test_a_connection_that_breaks_never_has_a_script_executed_again() -> None:
    unknown = Say(b"-NOSCRIPT No matching script. Please use EVAL.\r\n")
    script = [Hear(b"EVALSHA"), unknown, Hear(b"EVAL\r\n"), Close()]
    async with Hostile(script) as hostile, AsyncPool(hostile.host, hostile.port, lib_name=None) as pool:
        with pytest.raises(PyRedisConnClosed):
            await COUNT(pool, ["k"], [1])
        assert hostile.accepted == 1


# -- what a script is


def test_a_script_is_known_by_the_sha1_of_its_bytes() -> None:
    source = "return 'größe \udcff'"
    script = Script(source)
    assert script.source == source.encode("utf-8", "surrogateescape")
    assert script.sha == hashlib.sha1(script.source).hexdigest()
    assert Script(script.source).sha == script.sha


async def test_the_encoding_of_a_pool_does_not_change_the_source(server: Server) -> None:
    async with AsyncPool(server.host, server.port, encoding="latin-1") as pool:
        script = Script("return #'ß'")
        assert await script(pool) == 2
        assert await pool.execute("SCRIPT", "EXISTS", script.sha) == [1]
        assert await Script("return #ARGV[1]")(pool, args=["ß"]) == 1


def test_a_script_shows_its_sha_and_never_its_source() -> None:
    script = Script("return 'hush'" + " " * 10_000)
    assert repr(script) == f"<Script {script.sha}>"
    assert repr(Script("return 1", readonly=True)).endswith(" readonly>")


@pytest.mark.parametrize("source", [None, 1, bytearray(b"return 1")])
def test_a_source_is_str_or_bytes(source: Any) -> None:
    with pytest.raises(TypeError, match="source of a script must be str or bytes"):
        Script(source)


async def test_one_string_is_no_list_of_keys(pool: AsyncPool) -> None:
    with pytest.raises(TypeError, match="keys must be a list"):
        await COUNT(pool, "counter", [1])
    with pytest.raises(TypeError, match="args must be a list"):
        await COUNT(pool, ["counter"], b"1")


async def test_options_of_execute_go_with_a_call(pool: AsyncPool) -> None:
    assert await COUNT(pool, ["k"], [1], shard_key="k") == 1
    with pytest.raises(TypeError, match="unexpected keyword argument"):
        await COUNT(pool, ["k"], [1], key="k")
