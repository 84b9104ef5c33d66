"""Bytes that lie: claims, endless nesting, wrong lengths and what is no RESP at all.

Whatever a peer sends, a caller gets a library error or a value, the connection is closed when it is out of step,
the others of the pool go on, and no memory is reserved for what has not come.
"""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from collections import defaultdict
from typing import Any, Final

import pytest

from pyredis import (
    AsyncClient,
    AsyncPool,
    ProtocolError,
    PyRedisConnClosed,
    PyRedisConnError,
    PyRedisConnReadTimeout,
    PyRedisError,
    ReplyError,
)
from tests.hostile import Close, Hear, Hostile, Say, Script, Stall
from tests.servers import DEADLINE, Server, until

pytestmark = pytest.mark.usefixtures("no_leaks")

GET: Final = Hear(b"GET\r\n$1\r\nk\r\n")
ECHO: Final = Hear(b"ECHO\r\n$1\r\nb\r\n")
HONEST: Final[Script] = [ECHO, Say(b"$1\r\nb\r\n")] * 20
PATIENT: Final = 30.0
"""The seconds that these pools wait for more; that is another error, so whatever is seen was seen at once."""

CLAIMS: Final = [
    *(b"%c2147483647\r\n" % kind for kind in b"*~>%|"),
    *(b"%c2147483648\r\n" % kind for kind in b"*~>%|"),
    *(b"%c9223372036854775807\r\n" % kind for kind in b"*~>%|"),
    b"*1\r\n" * 10 + b"*2147483647\r\n",
    b"%1\r\n+k\r\n*2147483647\r\n",
    b"*2\r\n$5\r\n*9999\r\n~2147483647\r\n",
    b"|1\r\n+ttl\r\n*2147483647\r\n",
    b"*1000000\r\n" * 100,
    b"~1000000\r\n" * 100,
    b"%900000\r\n" * 100,
    b"*1000\r\n" * 2000,
    b"*2\r\n*1000000\r\n" * 100,
    b"$536870913\r\n",
    b"=536870913\r\ntxt:" + b"x" * 2**17,
    b"$9223372036854775808\r\n",
    b"$99999999999999999999999999\r\n",
]


def pool_to(hostile: Hostile, **options: Any) -> AsyncPool:
    return AsyncPool(hostile.host, hostile.port, **{"lib_name": None, "read_timeout": PATIENT, **options})


# -- claims


@pytest.mark.parametrize("decoder", ["fast", "typed"])
async def test_a_claim_is_a_protocol_error_at_once_and_harms_no_other_connection(decoder: Any) -> None:
    lying: list[Script] = [[GET, Say(claim)] for claim in CLAIMS]
    async with (
        Hostile([GET, Say(b"$1\r\na\r\n"), *HONEST], *lying) as hostile,
        pool_to(hostile, decoder=decoder, pool_size=2) as pool,
    ):
        witness = await pool.acquire()
        assert await witness.execute("GET", "k") == b"a"
        for claim in CLAIMS:
            with pytest.raises(ProtocolError):
                await pool.execute("GET", "k")
            assert pool.statistics.lanes == 0, claim
        assert await witness.execute("ECHO", "b") == b"b"
        await pool.release(witness)
        assert pool.statistics.closed == {"protocol": len(CLAIMS)}


@pytest.mark.parametrize("decoder", ["fast", "typed"])
@pytest.mark.parametrize("cut", [1, 2, 5, 11, 12])
async def test_a_claim_in_two_packets_is_seen_as_well(decoder: Any, cut: int) -> None:
    async with (
        Hostile([GET, Say(b"*2147483647\r\n", piece=cut)]) as hostile,
        pool_to(hostile, decoder=decoder) as pool,
    ):
        with pytest.raises(ProtocolError):
            await pool.execute("GET", "k")


@pytest.mark.parametrize("decoder", ["fast", "typed"])
async def test_a_claim_fails_everybody_on_its_lane_and_spares_the_replies_before_it(decoder: Any) -> None:
    words = b"$1\r\na\r\n" * 3 + b"*2147483647\r\n" + b"$1\r\nz\r\n" * 6
    async with (
        Hostile([GET, GET, Say(words)]) as hostile,
        pool_to(hostile, decoder=decoder, pool_size=1) as pool,
    ):
        outcomes = await asyncio.gather(
            *(pool.execute("GET", "k") for _ in range(10)), return_exceptions=True
        )
        assert outcomes[:3] == [b"a"] * 3
        assert {type(outcome) for outcome in outcomes[3:]} == {ProtocolError}
        assert pool.statistics.lanes == 0


@pytest.mark.parametrize("decoder", ["fast", "typed"])
@pytest.mark.parametrize("header", [b"$1001\r\n", b"*2\r\n$1001\r\n", b"$99999\r\n", b"=1001\r\ntxt:"])
async def test_a_string_above_max_bulk_is_refused_before_it_has_come(decoder: Any, header: bytes) -> None:
    fits = b"$1000\r\n" + b"x" * 1000 + b"\r\n"
    async with (
        Hostile([GET, Say(fits), GET, Say(header + b"x" * 990)]) as hostile,
        pool_to(hostile, decoder=decoder, max_bulk=1000) as pool,
    ):
        assert await pool.execute("GET", "k") == b"x" * 1000
        with pytest.raises(ProtocolError):
            await pool.execute("GET", "k")


_GREEDY: Final = """
import asyncio, resource, sys
from pyredis import AsyncPool, ProtocolError, PyRedisConnReadTimeout

MIB = 2**20

def pages(field):
    with open("/proc/self/statm") as counts:
        return int(counts.read().split()[field]) * resource.getpagesize()

async def claims(port, count, decoder):
    async with AsyncPool("127.0.0.1", port, lib_name=None, decoder=decoder, read_timeout=10) as pool:
        for _ in range(count):
            try:
                await pool.execute("GET", "k")
            except ProtocolError:
                continue
            raise SystemExit("a claim was believed")

async def never_sent(port, decoder):
    async with AsyncPool("127.0.0.1", port, lib_name=None, decoder=decoder, read_timeout=0.5) as pool:
        before = pages(1)
        try:
            await pool.execute("GET", "k")
        except PyRedisConnReadTimeout:
            grown = pages(1) - before
            if grown > 24 * MIB:
                raise SystemExit(f"4 MiB of 512 came, {grown / MIB:.0f} MiB were taken")
            return
        raise SystemExit("512 MiB came")

async def main(kind, port, count, decoder):
    import hiredis, pyredis.resp.decode, pyredis.resp.fast
    limit = pages(0) + 192 * MIB
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
    await (claims(port, count, decoder) if kind == "claims" else never_sent(port, decoder))

asyncio.run(main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), sys.argv[4]))
"""
"""A client that may take 192 MiB of address space and no more."""


async def _run_greedy(kind: str, hostile: Hostile, decoder: str) -> None:
    argv = [sys.executable, "-c", _GREEDY, kind, str(hostile.port), str(len(CLAIMS)), decoder]
    child = await asyncio.to_thread(subprocess.run, argv, capture_output=True, text=True, timeout=60)
    assert (child.returncode, child.stderr) == (0, ""), child.stderr


@pytest.mark.skipif(not os.path.exists("/proc/self/statm"), reason="needs /proc")
@pytest.mark.parametrize("decoder", ["fast", "typed"])
async def test_no_memory_is_reserved_for_what_is_only_claimed(decoder: str) -> None:
    scripts: list[Script] = [[GET, Say(claim)] for claim in CLAIMS]
    async with Hostile(*scripts) as hostile:
        await _run_greedy("claims", hostile, decoder)


@pytest.mark.skipif(not os.path.exists("/proc/self/statm"), reason="needs /proc")
@pytest.mark.parametrize("decoder", ["fast", "typed"])
async def test_a_string_that_never_comes_costs_what_came_and_ends_with_the_read_timeout(decoder: str) -> None:
    async with Hostile([GET, Say(b"$536870912\r\n" + bytes(4 * 2**20)), Stall()]) as hostile:
        await _run_greedy("bulk", hostile, decoder)


# -- nesting


@pytest.mark.parametrize("decoder", ["fast", "typed"])
@pytest.mark.parametrize(
    "level",
    [
        b"*1\r\n",
        b"~1\r\n",
        b">1\r\n",
        b"%1\r\n+k\r\n",
        b"%1\r\n",
        b"|1\r\n+k\r\n",
        b"|1\r\n",
        b"*2\r\n*0\r\n",
    ],
)
async def test_a_reply_nested_ten_thousand_deep_is_a_protocol_error(decoder: Any, level: bytes) -> None:
    async with (
        Hostile([GET, Say(level * 10_000 + b":1\r\n")], [ECHO, Say(b"$1\r\nb\r\n")]) as hostile,
        pool_to(hostile, decoder=decoder, read_timeout=2) as pool,
    ):
        with pytest.raises((ProtocolError, PyRedisConnReadTimeout)):
            await pool.execute("GET", "k")
        assert await pool.execute("ECHO", "b") == b"b"


@pytest.mark.parametrize("decoder", ["fast", "typed"])
@pytest.mark.parametrize("depth", [500, 1000, 10_000])
async def test_what_a_script_nests_is_a_value_or_a_protocol_error(
    server: Server, decoder: Any, depth: int
) -> None:
    nesting = "local t = {1}; for _ = 1, tonumber(ARGV[1]) do t = {t} end; return t"
    async with AsyncPool(server.host, server.port, decoder=decoder) as pool:
        try:
            reply = await pool.execute("EVAL", nesting, 0, depth)
        except (ProtocolError, ReplyError):
            assert depth > 1000
        else:
            inner: Any = reply
            levels = 0
            while type(inner) is list:
                levels, inner = levels + 1, inner[0]
            assert levels == depth + 1 or isinstance(inner, ReplyError)
        assert await pool.execute("PING") == b"PONG"


# -- garbage


@pytest.mark.parametrize("decoder", ["fast", "typed"])
async def test_every_first_byte_gives_a_value_or_a_library_error(decoder: Any) -> None:
    seen: defaultdict[type, set[int]] = defaultdict(set)
    async with Hostile(*([GET, Say(b"%c1\r\n" % first), Close()] for first in range(256))) as hostile:
        for first in range(256):
            async with pool_to(hostile, decoder=decoder) as pool:
                client = await pool.acquire()
                try:
                    reply = await client.execute("GET", "k")
                except PyRedisError as error:
                    seen[type(error)].add(first)
                else:
                    assert float(reply) == 1  # type: ignore[arg-type]
                    seen[type(reply)].add(first)
    assert seen[ReplyError] == set(b"-")
    assert seen[PyRedisConnClosed] <= set(b"$*~%>|!=")  # it waited for the rest
    assert set().union(*seen.values()) == set(range(256))
    odd = seen.keys() - {ReplyError, PyRedisConnClosed, ProtocolError}
    assert set().union(*(seen[kind] for kind in odd)) == set(b"+:,(")


GARBAGE: Final = [
    b"HTTP/1.1 400 Bad Request\r\nServer: x\r\n\r\n",
    b"SSH-2.0-OpenSSH_9.2p1\r\n",
    b"220 mail.example ESMTP\r\n",
    b"\x15\x03\x01\x00\x02\x02\x46",
    b"\x16\x03\x03\x00\x7a\x02\x00\x00\x76",
    b"\r\n",
    b"\n",
    b"\r\n\r\n+OK\r\n",
    b"\x00" * 100,
    b"\xff" * 100,
    b"$-2\r\nx",
    b"$+1\r\nx\r\n",
    b"$ 1\r\nx\r\n",
    b"$1 \r\nx\r\n",
    b"$\r\n\r\n",
    b"$1x\r\nx\r\n",
    b"$0x1\r\nx\r\n",
    b"$1\nx\n",
    b"*\r\n",
    b"*-2\r\n",
    b"*x\r\n",
    b"*1\r\n\r\n",
    b":\r\n",
    b":1x\r\n",
    b":99999999999999999999\r\n",
    b"#x\r\n",
    b",x\r\n",
    b"(x\r\n",
    b"_x\r\n",
    b"%x\r\n",
    b"%-2\r\n",
    b"~-2\r\n",
    b"|1\r\n",
    b"=3\r\nabc\r\n",
    b"=15\r\ntxtxSome string\r\n",
    b"!-1\r\n",
    b"+" + b"x" * 2**21,
    b"-ERR " + b"x" * 2**21,
    b":" + b"1" * 2**21,
    b"$" + b"1" * 2**17,
    b"*" + b"1" * 2**17,
]


@pytest.mark.parametrize("decoder", ["fast", "typed"])
async def test_garbage_closes_its_connection_and_the_next_command_is_fine(decoder: Any) -> None:
    scripts: list[Script] = []
    for words in GARBAGE:
        scripts += [[GET, Say(words), Close()], [ECHO, Say(b"$1\r\nb\r\n")]]
    async with Hostile(*scripts) as hostile:
        for words in GARBAGE:
            async with pool_to(hostile, decoder=decoder) as pool:
                client = await pool.acquire()
                with pytest.raises((ProtocolError, PyRedisConnClosed)):
                    raise AssertionError((words[:40], await client.execute("GET", "k")))
                await pool.release(client)
                assert not pool.statistics.idle, words
                assert await pool.execute("ECHO", "b") == b"b"


@pytest.mark.parametrize("decoder", ["fast", "typed"])
@pytest.mark.parametrize("words", [b"$3\r\nabcdef\r\n", b"$5\r\nabc\r\n$1\r\nx\r\n", b"$2\r\nabc\r\n"])
async def test_a_wrong_length_never_shifts_the_replies_behind_it(decoder: Any, words: bytes) -> None:
    async with (
        Hostile([GET, Say(words)], [ECHO, Say(b"$1\r\nb\r\n")]) as hostile,
        pool_to(hostile, decoder=decoder, pool_size=1) as pool,
    ):
        outcome, other = await asyncio.gather(
            pool.execute("GET", "k"), pool.execute("ECHO", "b"), return_exceptions=True
        )
        assert isinstance(outcome, (bytes, ProtocolError))
        assert isinstance(other, (ProtocolError, PyRedisConnError))
        assert await pool.execute("ECHO", "b") == b"b"


# -- what nobody asked for


HELLO3: Final = [Hear(b"HELLO"), Say(b"%1\r\n+proto\r\n:3\r\n")]


async def in_use(pool: AsyncPool, use: str) -> AsyncClient | None:
    """Have the one connection of the pool be a lane, a lease (which is returned) or idle."""
    client = await pool.acquire()
    assert await client.execute("ECHO", "b") == b"b"
    if use == "lease":
        return client
    await pool.release(client)
    if use == "lane":
        assert await pool.execute("ECHO", "b") == b"b"
        assert pool.statistics.lanes == 1
    return None


@pytest.mark.parametrize("use", ["lane", "lease", "idle"])
@pytest.mark.parametrize("protocol", [2, 3])
@pytest.mark.parametrize("decoder", ["fast", "typed"])
async def test_bytes_while_nothing_is_owed_close_the_connection(
    decoder: Any, protocol: Any, use: str
) -> None:
    hello = HELLO3 if protocol == 3 else []
    whole = [b"+x\r\n", b"$1\r\nx\r\n", b"-ERR x\r\n", b"\r\n", b"\0"]
    begun = [b"+", b"$5\r\nhe", b"*2\r\n+a\r\n", b">1\r\n+a"] if protocol == 2 else [b">1\r\n+a\r\n+x\r\n"]
    for words in [*whole, *begun]:
        async with (
            Hostile([*hello, *HONEST]) as hostile,
            pool_to(hostile, decoder=decoder, protocol=protocol, pool_size=1) as pool,
        ):
            client = await in_use(pool, use)
            hostile._actors[0].writer.write(words)
            await until(lambda: pool.statistics.closed.get("protocol") == 1, seconds=2)
            if client is not None:
                with pytest.raises(PyRedisConnClosed) as caught:
                    await client.execute("ECHO", "b")
                assert caught.value.sent is False
                await pool.release(client)
            assert await pool.execute("ECHO", "b") == b"b"
            assert hostile.accepted == 2


@pytest.mark.parametrize("use", ["lane", "lease", "idle"])
@pytest.mark.parametrize("words", [b"+", b"$2\r\n", b"*2\r\n+a\r\n", b">1\r\n+a\r\n+"])
@pytest.mark.parametrize("decoder", ["fast", "typed"])
async def test_a_reply_begun_before_its_command_was_sent_is_nobodys(
    decoder: Any, words: bytes, use: str
) -> None:
    async with (
        Hostile([*HELLO3, *HONEST]) as hostile,
        pool_to(hostile, decoder=decoder, protocol=3, pool_size=1) as pool,
    ):
        client = await in_use(pool, use)
        before = pool.statistics
        wires = [*pool._idle, *pool._leased, *(lane.wire for lane in pool._lanes)]
        hostile._actors[0].writer.write(words)
        await until(lambda: wires[0]._decoder.pending)
        assert pool.statistics == before  # in RESP3 it might have been a push
        if use != "idle":
            with pytest.raises(ProtocolError):
                await (client or pool).execute("ECHO", "b")
        if client is not None:
            await pool.release(client)
        assert await pool.execute("ECHO", "b") == b"b"
        assert hostile.accepted == 2


@pytest.mark.parametrize("decoder", ["fast", "typed"])
async def test_a_push_that_comes_in_two_halves_around_a_command_is_no_reply(decoder: Any) -> None:
    async with (
        Hostile([*HELLO3, ECHO, Say(b"$1\r\nb\r\n>1\r\n+"), ECHO, Say(b"x\r\n$1\r\nb\r\n")]) as hostile,
        pool_to(hostile, decoder=decoder, protocol=3, pool_size=1) as pool,
    ):
        client = await pool.acquire()
        pushes: list[Any] = []
        client.on_unasked(pushes.append)
        assert [await client.execute("ECHO", "b") for _ in range(2)] == [b"b", b"b"]
        assert pushes == [[b"x"]]


@pytest.mark.parametrize("use", ["lane", "lease"])
@pytest.mark.parametrize("decoder", ["fast", "typed"])
async def test_pushes_do_not_put_the_deadline_of_a_reply_off(decoder: Any, use: str) -> None:
    dripping = Say(b">1\r\n+x\r\n" * 2000, piece=9)
    async with (
        Hostile([*HELLO3, GET, dripping]) as hostile,
        pool_to(hostile, decoder=decoder, protocol=3, read_timeout=0.3) as pool,
    ):
        client = await pool.acquire()
        if use == "lane":
            await pool.release(client)
        with pytest.raises(PyRedisConnReadTimeout):
            await (pool if use == "lane" else client).execute("GET", "k")
        assert not hostile.played, "there are pushes to come"


# -- effects that cannot be


@pytest.mark.parametrize("decoder", ["fast", "typed"])
@pytest.mark.parametrize("reply", [b"*0\r\n", b"*2\r\n:1\r\n:2\r\n"])
async def test_a_transaction_of_another_size_fails_whoever_waits_for_it(decoder: Any, reply: bytes) -> None:
    script = [Hear(b"MULTI\r\n"), Say(b"+OK\r\n"), GET, Say(b"+QUEUED\r\n"), Hear(b"EXEC\r\n"), Say(reply)]
    async with Hostile(script) as hostile, pool_to(hostile, decoder=decoder) as pool:
        client = await pool.acquire()
        await client.execute("MULTI")
        await client.execute("GET", "k")
        async with asyncio.timeout(DEADLINE):
            with pytest.raises(ProtocolError, match="EXEC answered"):
                await client.execute("EXEC")
        await pool.release(client)


@pytest.mark.parametrize("decoder", ["fast", "typed"])
async def test_a_database_that_cannot_be_fails_whoever_asked_for_it(decoder: Any) -> None:
    script = [Hear(b"SELECT"), Say(b"+OK\r\n")]
    async with Hostile(script) as hostile, pool_to(hostile, decoder=decoder) as pool:
        client = await pool.acquire()
        async with asyncio.timeout(DEADLINE):
            with pytest.raises(ProtocolError, match="impossible arguments"):
                await client.execute("SELECT", "nine")
        await pool.release(client)
