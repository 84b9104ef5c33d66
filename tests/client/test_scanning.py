"""Walks over keys and elements: page after page on real servers, and pages that no real server sends."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator
from typing import Any, TypeVar

import pytest

from pyredis import AsyncPool, NoPerm, ProtocolError, PyRedisConnClosed, PyRedisError, ReplyError, WrongType
from tests.hostile import Close, Hear, Hostile, Say
from tests.servers import Server

pytestmark = pytest.mark.usefixtures("no_leaks")

T = TypeVar("T")

MANY = 1000  # more than any compact encoding holds, so that a walk has several pages


async def every(walk: AsyncIterator[T]) -> list[T]:
    """Return all that a walk meets."""
    return [element async for element in walk]


async def drain(walk: AsyncIterator[T], into: list[T]) -> None:
    """Append what a walk meets until it ends or fails."""
    async for element in walk:
        into.append(element)


@pytest.fixture(params=[2, 3])
def protocol(request: pytest.FixtureRequest) -> Any:
    return request.param


@pytest.fixture(params=["fast", "typed"])
def decoder(request: pytest.FixtureRequest) -> Any:
    return request.param


@pytest.fixture
async def pool(server: Server, protocol: Any, decoder: Any) -> AsyncIterator[AsyncPool]:
    async with AsyncPool(server.host, server.port, protocol=protocol, decoder=decoder) as pool:
        yield pool


# -- what a walk meets


async def test_a_walk_meets_every_key(pool: AsyncPool) -> None:
    keys = {b"key:%d" % number for number in range(MANY)}
    await pool.execute("MSET", *[word for key in keys for word in (key, "x")])
    assert set(await every(pool.scan_iter())) == keys
    assert set(await every(pool.scan_iter(count=7))) == keys


async def test_a_walk_over_an_empty_database_or_a_missing_key_meets_nothing(pool: AsyncPool) -> None:
    assert await every(pool.scan_iter()) == []
    assert await every(pool.sscan_iter("none")) == []
    assert await every(pool.hscan_iter("none")) == []
    assert await every(pool.zscan_iter("none")) == []


async def test_keys_are_chosen_by_pattern_and_by_type(pool: AsyncPool) -> None:
    await pool.execute("MSET", "a:1", "x", "a:2", "x", "b:1", "x")
    await pool.execute("SADD", "a:3", "x")
    assert sorted(await every(pool.scan_iter("a:*"))) == [b"a:1", b"a:2", b"a:3"]
    assert sorted(await every(pool.scan_iter(match=b"a:*", count=1, type="string"))) == [b"a:1", b"a:2"]
    assert await every(pool.scan_iter(type="set")) == [b"a:3"]


@pytest.mark.parametrize("size", [3, MANY])
async def test_a_walk_meets_every_member_of_a_set(pool: AsyncPool, size: int) -> None:
    members = {b"m%d" % number for number in range(size)}
    await pool.execute("SADD", "set", *members)
    assert set(await every(pool.sscan_iter("set", count=10))) == members
    assert await every(pool.sscan_iter("set", match="m2")) == [b"m2"]


@pytest.mark.parametrize("size", [3, MANY])
async def test_a_walk_meets_every_field_of_a_hash_with_its_value(pool: AsyncPool, size: int) -> None:
    fields = {b"f%d" % number: b"%d" % number for number in range(size)}
    await pool.execute("HSET", "hash", *[word for pair in fields.items() for word in pair])
    assert dict(await every(pool.hscan_iter("hash", count=10))) == fields
    assert set(await every(pool.hscan_iter("hash", no_values=True))) == fields.keys()
    assert await every(pool.hscan_iter("hash", match="f2")) == [(b"f2", b"2")]


@pytest.mark.parametrize("size", [3, MANY])
async def test_a_walk_meets_every_member_of_a_sorted_set_with_its_score(pool: AsyncPool, size: int) -> None:
    scores = {b"m%d" % number: number / 8 for number in range(size)}
    scores |= {b"most": float("inf"), b"least": float("-inf"), b"tiny": 5e-324, b"third": 1 / 3}
    await pool.execute("ZADD", "zset", *[word for pair in scores.items() for word in reversed(pair)])
    walked = await every(pool.zscan_iter("zset", count=10))
    assert dict(walked) == scores
    assert {type(score) for _, score in walked} == {float}
    assert await every(pool.zscan_iter("zset", match="tin?")) == [(b"tiny", 5e-324)]


async def test_strings_are_decoded_where_the_pool_has_an_encoding(server: Server, protocol: Any) -> None:
    async with AsyncPool(server.host, server.port, encoding="utf-8", protocol=protocol) as pool:
        await pool.execute("SADD", "größe", *[f"ä{number}" for number in range(MANY)])
        assert await every(pool.scan_iter("gr*")) == ["größe"]
        assert set(await every(pool.sscan_iter("größe"))) == {f"ä{number}" for number in range(MANY)}
        await pool.execute("HSET", "hash", "ü", "ß")
        assert await every(pool.hscan_iter("hash")) == [("ü", "ß")]
        await pool.execute("ZADD", "zset", 0.5, "é")
        assert await every(pool.zscan_iter("zset")) == [("é", 0.5)]


async def test_a_key_that_is_no_text_can_be_named_as_it_was_met(server: Server) -> None:
    async with AsyncPool(server.host, server.port, encoding="utf-8") as pool:
        await pool.execute("MSET", b"\xff", "1", "text", "2")
        assert {await pool.execute("GET", key) async for key in pool.scan_iter()} == {"1", "2"}


async def test_the_first_servers_to_have_a_type_for_scan_serve_walks(redis62: Server, protocol: Any) -> None:
    async with AsyncPool(redis62.host, redis62.port, protocol=protocol) as pool:
        await pool.execute("HSET", "hash", "f", "1")
        await pool.execute("ZADD", "zset", 1.5, "m")
        assert await every(pool.scan_iter(type="hash")) == [b"hash"]
        assert await every(pool.hscan_iter("hash")) == [(b"f", b"1")]
        assert await every(pool.zscan_iter("zset")) == [(b"m", 1.5)]
        with pytest.raises(ReplyError, match="syntax"):
            await every(pool.hscan_iter("hash", no_values=True))


# -- what a walk holds on to


async def test_a_walk_that_is_dropped_half_way_holds_no_connection(server: Server) -> None:
    async with AsyncPool(server.host, server.port, pool_size=1) as pool:
        await pool.execute("SADD", "set", *range(MANY))
        walk = pool.sscan_iter("set")
        assert await pool.execute("SISMEMBER", "set", await anext(walk)) == 1  # on the only seat
        await walk.aclose()
        with pytest.raises(StopAsyncIteration):
            await anext(walk)


async def test_two_walks_share_one_connection(server: Server) -> None:
    async with AsyncPool(server.host, server.port, pool_size=1) as pool:
        await pool.execute("SADD", "set", *range(MANY))
        met = {member async for member in pool.sscan_iter("set") if await every(pool.scan_iter()) == [b"set"]}
        assert len(met) == MANY


async def test_a_walk_on_a_client_stays_on_its_connection(server: Server) -> None:
    async with AsyncPool(server.host, server.port) as pool:
        client = await pool.acquire()
        await client.execute("SELECT", 3)
        await client.execute("SET", "k", "v")
        assert await every(client.scan_iter()) == [b"k"]
        assert await every(pool.scan_iter()) == []
        await pool.release(client)
        with pytest.raises(PyRedisError, match="released"):
            await every(client.scan_iter())


async def test_a_walk_in_a_transaction_says_that_it_cannot_be(server: Server, decoder: Any) -> None:
    async with AsyncPool(server.host, server.port, decoder=decoder) as pool:
        client = await pool.acquire()
        await client.execute("MULTI")
        with pytest.raises(PyRedisError, match="MULTI") as caught:
            await every(client.scan_iter())
        assert not isinstance(caught.value, ProtocolError)
        await pool.release(client)


async def test_options_of_execute_go_with_every_page(server: Server) -> None:
    async with AsyncPool(server.host, server.port) as pool:
        await pool.execute("SADD", "set", *range(MANY))
        here = f"{server.host}:{server.port}"
        assert len(await every(pool.sscan_iter("set", sock=here, shard_key="s"))) >= MANY
        with pytest.raises(ValueError, match="not the address"):
            await every(pool.scan_iter(sock="127.0.0.1:1"))
        with pytest.raises(TypeError, match="unexpected keyword argument"):
            await every(pool.scan_iter(matches="*"))


# -- errors


async def test_an_error_is_raised_as_the_server_told_it(pool: AsyncPool) -> None:
    await pool.execute("SET", "k", "v")
    with pytest.raises(WrongType):
        await every(pool.zscan_iter("k"))
    with pytest.raises(ReplyError, match="syntax"):
        await every(pool.scan_iter(count=0))


async def test_an_error_half_way_ends_a_walk(server: Server) -> None:
    async with AsyncPool(server.host, server.port) as pool:
        await pool.execute("SADD", "set", *range(MANY))
        walk = pool.sscan_iter("set")
        met = [await anext(walk)]
        server.command("ACL", "SETUSER", "default", "-sscan")
        with pytest.raises(NoPerm):
            await drain(walk, met)
        assert 0 < len(met) < MANY
        server.command("ACL", "SETUSER", "default", "+sscan")
        assert await every(walk) == []


async def test_a_connection_that_breaks_half_way_is_raised() -> None:
    page, end = [Hear(b"SSCAN"), Say(page_of(b"7", b"a"))], [Hear(b"SSCAN"), Close()]
    async with (
        Hostile(page + end, end) as hostile,
        AsyncPool(hostile.host, hostile.port, lib_name=None) as pool,
    ):
        walk = pool.sscan_iter("s")
        assert await anext(walk) == b"a"
        with pytest.raises(PyRedisConnClosed):
            await anext(walk)


# -- pages that no real server sends


def bulk(*words: bytes) -> bytes:
    return b"*%d\r\n" % len(words) + b"".join(b"$%d\r\n%b\r\n" % (len(word), word) for word in words)


def page_of(cursor: bytes, *elements: bytes) -> bytes:
    return b"*2\r\n$%d\r\n%b\r\n" % (len(cursor), cursor) + bulk(*elements)


@contextlib.asynccontextmanager
async def saying(*replies: bytes, **options: Any) -> AsyncIterator[tuple[AsyncPool, Hostile]]:
    """Give a pool on a server that answers one command of the SCAN family after the other with these bytes."""
    script = [step for reply in replies for step in (Hear(b"SCAN\r\n"), Say(reply))]
    async with (
        Hostile(script) as hostile,
        AsyncPool(hostile.host, hostile.port, lib_name=None, **options) as pool,
    ):
        yield pool, hostile


@pytest.mark.parametrize("encoding", [None, "utf-8"])
async def test_a_cursor_goes_back_as_it_came(encoding: str | None) -> None:
    greatest = b"18446744073709551615"
    pages = page_of(greatest), page_of(b"007", b"a"), page_of(b"0")
    async with saying(*pages, encoding=encoding) as (pool, hostile):
        assert [len(key) for key in await every(pool.scan_iter())] == [1]
        cursors = [words.split(b"\r\n")[1] for words in hostile.received[0].split(b"SCAN\r\n")[1:]]
        assert cursors == [b"0", greatest, b"007"]


async def test_empty_pages_and_repeated_elements_are_passed_on() -> None:
    pages = page_of(b"5"), page_of(b"5", b"a", b"a"), page_of(b"5"), page_of(b"0", b"a")
    async with saying(*pages) as (pool, _):
        assert await every(pool.scan_iter()) == [b"a", b"a", b"a"]


@pytest.mark.parametrize(
    "reply",
    [
        b"+OK\r\n",
        b":0\r\n",
        b"*0\r\n",
        b"*1\r\n$1\r\n0\r\n",
        b"*2\r\n$1\r\n0\r\n$1\r\na\r\n",
        b"*2\r\n$1\r\n0\r\n$-1\r\n",
        b"*2\r\n$1\r\n0\r\n:3\r\n",
        b"*2\r\n*0\r\n*0\r\n",
        b"*2\r\n$-1\r\n*0\r\n",
        b"*2\r\n:0\r\n*0\r\n",
        b"*3\r\n$1\r\n0\r\n*0\r\n*0\r\n",
        b"*2\r\n$1\r\n0\r\n*1\r\n*0\r\n",
        b"*2\r\n$1\r\n0\r\n*1\r\n$-1\r\n",
        b"*2\r\n$1\r\n0\r\n*2\r\n$1\r\na\r\n:1\r\n",
        b"*2\r\n$1\r\n0\r\n*1\r\n-ERR inside\r\n",
        *(page_of(cursor) for cursor in (b"", b"-1", b"x", b"1.5", b" 0", b"0x1", b"\xd9\xa3", b"1e3")),
    ],
)
@pytest.mark.parametrize("encoding", [None, "utf-8"])
async def test_a_page_of_another_shape_is_a_protocol_error(
    reply: bytes, encoding: str | None, decoder: Any
) -> None:
    async with saying(reply, encoding=encoding, decoder=decoder) as (pool, _):
        with pytest.raises(ProtocolError, match="SCAN with something else than a cursor"):
            await every(pool.scan_iter())


@pytest.mark.parametrize("reply", [page_of(b"0", b"a"), page_of(b"0", b"a", b"x"), page_of(b"0", b"a", b"")])
async def test_a_member_without_a_score_is_a_protocol_error(reply: bytes) -> None:
    async with saying(reply) as (pool, _):
        with pytest.raises(ProtocolError, match="ZSCAN"):
            await every(pool.zscan_iter("z"))


async def test_a_field_without_a_value_is_a_protocol_error() -> None:
    async with saying(page_of(b"0", b"a", b"1", b"b")) as (pool, _):
        with pytest.raises(ProtocolError, match="HSCAN"):
            await every(pool.hscan_iter("h"))


async def test_scores_may_be_doubles(decoder: Any) -> None:
    reply = b"*2\r\n$1\r\n0\r\n*2\r\n$1\r\na\r\n,1.5\r\n"
    async with saying(reply, decoder=decoder) as (pool, _):
        walked = await every(pool.zscan_iter("z"))
        assert walked == [(b"a", 1.5)]
        assert type(walked[0][1]) is float


async def test_a_page_with_attributes_is_a_page() -> None:
    async with saying(b"|1\r\n+ttl\r\n:3\r\n" + page_of(b"0", b"a"), decoder="typed") as (pool, _):
        assert await every(pool.scan_iter()) == [b"a"]
