"""A client that listens: what it is told, in which order, and what it makes of a network that fails."""

from __future__ import annotations

import asyncio
import gc
import random
import time
from collections.abc import Callable
from typing import Any, Literal

import pytest

from pyredis import (
    AsyncConnection,
    NoAuth,
    NoPerm,
    PyRedisConnClosed,
    PyRedisConnError,
    PyRedisConnReadTimeout,
    PyRedisError,
    ReplyError,
    TlsOptions,
    WrongPass,
)
from pyredis.client.async_pubsub import AsyncPubSubClient, Message, Reconnected
from pyredis.client.messages import heard
from pyredis.client.subscriber import Subscriptions, may_pass
from pyredis.exceptions import ClusterDown, ClusterError, Loading, MovedError, ProtocolError
from pyredis.retry import Backoff
from pyredis.types import Push, Reply
from tests.conftest import MakeProxy, MakeServer
from tests.hostile import Close, Hear, Hostile, Say, Stall
from tests.proxy import BOTH, REPLIES, Cut
from tests.servers import Server, until

pytestmark = pytest.mark.usefixtures("no_leaks")

SOON = Backoff(first=0.005, most=0.05)

Protocol = Literal[2, 3]


@pytest.fixture(params=[2, 3])
def protocol(request: pytest.FixtureRequest) -> Protocol:
    version: Protocol = request.param
    return version


def client_of(server: Any, **options: Any) -> AsyncPubSubClient:
    """Return a client of a server, a proxy or a hostile one; it comes back fast."""
    return AsyncPubSubClient(server.host, server.port, **{"reconnect": SOON, **options})


def of(channel: Any, payload: Any) -> Message:
    return Message("message", channel, None, payload)


async def listen(client: AsyncPubSubClient) -> list[Any]:
    """Return all that is heard until the end."""
    return [item async for item in client]


async def take(client: AsyncPubSubClient, count: int) -> list[Any]:
    async with asyncio.timeout(30):
        return [await client.get() for _ in range(count)]


# -- what is heard


@pytest.mark.parametrize("decoder", ["fast", "typed"])
async def test_every_kind_of_subscription_hears_its_messages(
    server: Server, protocol: Protocol, decoder: Any
) -> None:
    async with client_of(server, protocol=protocol, decoder=decoder) as client:
        await client.subscribe("news", "weather")
        await client.psubscribe("n*")
        await client.ssubscribe("shard")
        assert server.command("PUBLISH", "news", "hello") == 2
        assert server.command("SPUBLISH", "shard", "there") == 1
        assert await take(client, 3) == [
            Message("message", b"news", None, b"hello"),
            Message("pmessage", b"news", b"n*", b"hello"),
            Message("smessage", b"shard", None, b"there"),
        ]
        assert client.channels == {b"news", b"weather"}
        assert client.patterns == {b"n*"}
        assert client.shard_channels == {b"shard"}


async def test_what_is_unsubscribed_is_heard_no_more(server: Server, protocol: Protocol) -> None:
    async with client_of(server, protocol=protocol) as client:
        await client.subscribe("a", "b", "c")
        await client.psubscribe("x*", "y*")
        await client.ssubscribe("s", "t")
        await client.unsubscribe("a", "never")
        await client.punsubscribe()
        await client.sunsubscribe("s")
        assert (client.channels, client.patterns, client.shard_channels) == ({b"b", b"c"}, set(), {b"t"})
        published = [("PUBLISH", "a"), ("PUBLISH", "x1"), ("SPUBLISH", "s"), ("PUBLISH", "b")]
        assert [server.command(verb, name, "1") for verb, name in published] == [0, 0, 0, 1]
        assert await take(client, 1) == [of(b"b", b"1")]
        await client.unsubscribe()
        await client.unsubscribe()
        await client.sunsubscribe()
        assert (client.channels, client.shard_channels) == (set(), set())
        assert server.command("PUBLISH", "b", "1") == 0
        await client.subscribe("b")
        assert server.command("PUBLISH", "b", "2") == 1
        assert await take(client, 1) == [of(b"b", b"2")]


async def test_messages_come_in_order_between_the_confirmations_of_other_channels(
    server: Server, protocol: Protocol
) -> None:
    async with client_of(server, protocol=protocol, encoding="utf-8") as client:
        await client.subscribe("numbers")
        for number in range(500):
            server.command("PUBLISH", "numbers", number)
            if number % 50 == 0:
                await client.subscribe(f"other{number}", f"another{number}")
                await client.unsubscribe(f"other{number}")
        assert await take(client, 500) == [of("numbers", str(number)) for number in range(500)]


@pytest.mark.parametrize("encoding", [None, "utf-8", "latin-1", "gb18030"])
async def test_names_and_payloads_are_in_the_encoding_of_the_client(
    server: Server, protocol: Protocol, encoding: str | None
) -> None:
    text = "grüße" if encoding == "latin-1" else "消息"
    wire = text.encode(encoding or "utf-8")
    async with client_of(server, protocol=protocol, encoding=encoding) as client:
        await client.subscribe(text)
        await client.psubscribe(text + "*")
        assert server.command("PUBLISH", wire, wire) == 2
        name = wire if encoding is None else text
        matched = Message("pmessage", name, (text + "*").encode() if encoding is None else text + "*", name)
        assert await take(client, 2) == [of(name, name), matched]
        assert client.channels == {name}
        await client.unsubscribe(name)
        assert client.channels == set()


@pytest.mark.parametrize("encoding", [None, "utf-8"])
async def test_binary_names_and_payloads_are_kept(
    server: Server, protocol: Protocol, encoding: str | None
) -> None:
    name = bytes(range(256))
    async with client_of(server, protocol=protocol, encoding=encoding) as client:
        await client.subscribe(name)
        assert server.command("PUBLISH", name, name) == 1
        kept = name if encoding is None else name.decode(encoding, "surrogateescape")
        assert await take(client, 1) == [of(kept, kept)]
        assert client.channels == {kept}
        await client.unsubscribe(*client.channels)
        assert server.command("PUBLISH", name, name) == 0


async def test_a_large_payload_comes_whole(server: Server, protocol: Protocol) -> None:
    payload = random.Random(1).randbytes(20_000_000)
    async with client_of(server, protocol=protocol) as client:
        await client.subscribe("large")
        server.command("PUBLISH", "large", payload)
        server.command("PUBLISH", "large", b"")
        assert await take(client, 2) == [of(b"large", payload), of(b"large", b"")]


async def test_a_message_is_the_same_wherever_the_network_cuts(
    server: Server, protocol: Protocol, proxy: MakeProxy
) -> None:
    between = await proxy(server)
    between.chunk(1, REPLIES)
    async with client_of(between, protocol=protocol) as client:
        await client.subscribe("a")
        server.command("PUBLISH", "a", "\r\n*3\r\n$7\r\nmessage\r\n")
        assert await client.ping("x") == b"x"
        assert await take(client, 1) == [of(b"a", b"\r\n*3\r\n$7\r\nmessage\r\n")]


async def test_a_redirected_invalidation_is_a_message_with_keys(server: Server) -> None:
    async with (
        client_of(server, client_name="listener") as client,
        AsyncConnection(server.host, server.port) as tracked,
    ):
        await client.subscribe("__redis__:invalidate")
        listing = await tracked.execute("CLIENT", "LIST", "TYPE", "pubsub")
        assert isinstance(listing, bytes)
        number = dict(word.split(b"=", 1) for word in listing.split())[b"id"]
        await tracked.execute("CLIENT", "TRACKING", "ON", "REDIRECT", number)
        await tracked.execute("GET", "k")
        server.command("SET", "k", "1")
        server.command("FLUSHALL")
        assert await take(client, 2) == [
            of(b"__redis__:invalidate", [b"k"]),
            of(b"__redis__:invalidate", None),
        ]


@pytest.mark.parametrize(
    "push", [b"OK", None, [], Push([]), [1, b"a", b"b"], [[b"message"], b"a", b"b"], [b"message", b"a"],
             [b"pmessage", b"a", b"b"], [b"invalidate", [b"k"]], [b"sunsubscribe", None, 0]]
)  # fmt: skip
def test_what_is_no_message_means_nothing(push: Reply) -> None:
    assert heard(push) is None


# -- reading


async def test_get_gives_none_when_nothing_comes_in_time(server: Server) -> None:
    async with client_of(server) as client:
        assert await client.get(0) is None
        await client.subscribe("a")
        assert await client.get(0.01) is None
        server.command("PUBLISH", "a", "1")
        assert await client.get(5) == of(b"a", b"1")


async def test_a_reader_may_wait_before_anything_is_subscribed(server: Server) -> None:
    async with client_of(server) as client:
        reader = asyncio.create_task(client.get())
        await asyncio.sleep(0)
        await client.subscribe("a")
        server.command("PUBLISH", "a", "1")
        assert await reader == of(b"a", b"1")


async def test_each_message_goes_to_one_of_several_readers(server: Server, protocol: Protocol) -> None:
    async with client_of(server, protocol=protocol, encoding="utf-8") as client:
        await client.subscribe("a")
        readers = [asyncio.create_task(client.get()) for _ in range(10)]
        for number in range(10):
            server.command("PUBLISH", "a", number)
        assert sorted(await asyncio.gather(*readers)) == [of("a", str(number)) for number in range(10)]


async def test_no_message_is_lost_although_readers_are_cancelled(server: Server, protocol: Protocol) -> None:
    chance, total = random.Random(protocol), 4000
    taken: list[Any] = []

    async def read(client: AsyncPubSubClient) -> None:
        while True:
            message = await client.get(chance.choice([None, 0, 0.0005, 1]))
            if message is not None:
                taken.append(int(message.payload))  # type: ignore[union-attr,arg-type]
            await asyncio.sleep(0)

    async def publish() -> None:
        async with AsyncConnection(server.host, server.port) as publisher:
            for start in range(0, total, 100):
                for number in range(start, start + 100):
                    await publisher.execute("PUBLISH", "numbers", number)

    async with client_of(server, protocol=protocol) as client:
        await client.subscribe("numbers")
        publishing = asyncio.create_task(publish())
        while len(taken) < total:
            reader = asyncio.create_task(read(client))
            for _ in range(chance.randrange(6)):
                await asyncio.sleep(0)
            if chance.random() < 0.1:
                await asyncio.sleep(0.001)
            reader.cancel()
            await asyncio.wait({reader})
        await publishing
    assert taken == list(range(total))


async def test_commands_may_be_cancelled_at_any_moment(server: Server, protocol: Protocol) -> None:
    chance = random.Random(protocol)
    async with client_of(server, protocol=protocol) as client:
        await client.subscribe("kept")
        connections = server.info("stats")["total_connections_received"]
        for number in range(500):
            commands = [
                client.subscribe(f"c{number}"),
                client.psubscribe(f"p{number}*"),
                client.unsubscribe(f"c{number - 1}"),
                client.punsubscribe(),
                client.ping(b"%d" % number),
                client.get(),
            ]
            tasks = [asyncio.create_task(command) for command in commands]
            for _ in range(chance.randrange(12)):
                await asyncio.sleep(0)
            for task in tasks:
                task.cancel()
            await asyncio.wait(tasks)
            assert await client.ping(b"%d!" % number) == b"%d!" % number
        subscribed = server.command("PUBSUB", "CHANNELS")
        assert isinstance(subscribed, list)
        assert set(subscribed) == client.channels >= {b"kept"}
        assert server.command("PUBSUB", "NUMPAT") == len(client.patterns)
        assert server.info("stats")["total_connections_received"] == connections


async def test_many_tasks_may_subscribe_at_once(server: Server, protocol: Protocol) -> None:
    async with client_of(server, protocol=protocol, encoding="utf-8") as client:
        await asyncio.gather(*(client.subscribe(f"c{number}") for number in range(100)))
        pongs = await asyncio.gather(*(client.ping(str(number)) for number in range(100)))
        assert pongs == [str(number) for number in range(100)]
        assert client.channels == {f"c{number}" for number in range(100)}
        for number in range(100):
            assert server.command("PUBLISH", f"c{number}", number) == 1
        assert len(await take(client, 100)) == 100


async def test_a_hundred_thousand_channels_are_subscribed_in_time(server: Server, protocol: Protocol) -> None:
    names = [f"channel:{number}" for number in range(100_000)]
    async with client_of(server, protocol=protocol, read_timeout=5) as client:
        await client.subscribe(*names)
        assert server.command("PUBSUB", "NUMSUB", names[-1]) == [names[-1].encode(), 1]
        await client.unsubscribe()
        assert not client.channels


async def test_ping_answers_alike_whether_subscribed_or_not(server: Server, protocol: Protocol) -> None:
    async with client_of(server, protocol=protocol, encoding="utf-8") as client:
        for _ in range(2):
            assert [await client.ping(), await client.ping("hé"), await client.ping(b"x")] == [
                "PONG",
                "hé",
                "x",
            ]
            await client.subscribe("a")


# -- refusals


async def test_a_refused_subscription_is_raised_where_it_was_asked_for(
    server: Server, protocol: Protocol
) -> None:
    server.command("ACL", "SETUSER", "ada", "on", ">pw", "+@all", "resetchannels", "&free:*")
    async with client_of(server, protocol=protocol, username="ada", password="pw") as client:
        await client.subscribe("free:1")
        with pytest.raises(NoPerm):
            await client.subscribe("free:2", "secret")
        with pytest.raises(NoPerm):
            await client.psubscribe("*")
        assert (client.channels, client.patterns) == ({b"free:1"}, set())
        server.command("PUBLISH", "free:1", "1")
        assert await take(client, 1) == [of(b"free:1", b"1")]


async def test_a_command_needs_names_that_can_be_names(server: Server) -> None:
    async with client_of(server) as client:
        with pytest.raises(TypeError, match="psubscribe needs"):
            await client.psubscribe()
        with pytest.raises(TypeError, match="argument 2"):
            await client.subscribe(None)  # type: ignore[arg-type]
        assert not client.channels


async def test_the_first_connection_is_not_tried_twice(server: Server, proxy: MakeProxy) -> None:
    between = await proxy(server)
    await between.refuse()
    client = client_of(between)
    with pytest.raises(PyRedisConnError, match="refused"):
        await client.subscribe("a")
    await between.heal()
    await client.subscribe("a")
    server.command("PUBLISH", "a", "1")
    assert await take(client, 1) == [of(b"a", b"1")]
    client.close()
    await client.wait_closed()


async def test_a_wrong_password_is_told_at_once(make_server: MakeServer, protocol: Protocol) -> None:
    server = make_server("redis82", "requirepass right")
    with pytest.raises(WrongPass):
        async with client_of(server, protocol=protocol, password="wrong"):
            pass
    client = client_of(server, protocol=protocol)
    with pytest.raises(NoAuth):
        await client.subscribe("a")
    client.close()
    await client.wait_closed()


@pytest.mark.parametrize(
    ("options", "error"),
    [
        ({"host": "h", "unix_sock": "/s"}, ValueError),
        ({"protocol": 4}, ValueError),
        ({"surprise": 1}, TypeError),
        ({"health_check_interval": 0}, ValueError),
        ({"buffer_size": 0}, ValueError),
        ({"max_bulk": 0}, ValueError),
        ({"tls": "yes"}, TypeError),
        ({"reconnect": 5}, TypeError),
    ],
)
def test_options_that_make_no_sense_are_refused(options: dict[str, Any], error: type[Exception]) -> None:
    with pytest.raises(error):
        AsyncPubSubClient(**options)


def test_an_unknown_option_is_told_in_the_name_of_the_client() -> None:
    with pytest.raises(TypeError, match=r"AsyncPubSubClient.*'surprise'"):
        AsyncPubSubClient(surprise=1)  # type: ignore[call-arg]  # what a caller may do


def test_true_stands_for_tls_as_it_should_be() -> None:
    assert AsyncPubSubClient(tls=True)._subscriber.options.tls == TlsOptions()
    assert AsyncPubSubClient(tls=False)._subscriber.options.tls is None


# -- a connection that is lost


async def subscribed_to_all_kinds(client: AsyncPubSubClient) -> None:
    await client.subscribe("a", "b")
    await client.psubscribe("p*")
    await client.ssubscribe("s")


async def assert_hears_all_kinds(server: Server, client: AsyncPubSubClient) -> None:
    for verb, name in (("PUBLISH", "a"), ("PUBLISH", "b"), ("PUBLISH", "p1"), ("SPUBLISH", "s")):
        assert server.command(verb, name, "1") == 1
    kinds = [message.kind for message in await take(client, 4)]
    assert kinds == ["message", "message", "pmessage", "smessage"]


async def test_a_client_that_was_killed_comes_back_and_says_so(server: Server, protocol: Protocol) -> None:
    async with client_of(server, protocol=protocol) as client:
        await subscribed_to_all_kinds(client)
        server.command("PUBLISH", "a", "before")
        await until(lambda: client.buffered == 1)
        started = time.monotonic()
        assert server.command("CLIENT", "KILL", "TYPE", "pubsub") == 1
        before, back = await take(client, 2)
        assert before == of(b"a", b"before")
        assert isinstance(back, Reconnected)
        assert back.address == client.address
        assert 0 < back.seconds <= time.monotonic() - started + 1
        assert isinstance(back.error, PyRedisConnClosed)
        await assert_hears_all_kinds(server, client)


async def test_a_server_that_restarts_is_waited_for(make_server: MakeServer, protocol: Protocol) -> None:
    server = make_server("redis82")
    async with client_of(server, protocol=protocol) as client:
        await subscribed_to_all_kinds(client)
        for _ in range(2):
            server.kill()
            with pytest.raises(PyRedisConnError):
                await client.subscribe("while it is down")
            await client.unsubscribe("never subscribed")
            assert await client.get(0) is None
            server.start()
            (back,) = await take(client, 1)
            assert isinstance(back, Reconnected)
            await assert_hears_all_kinds(server, client)
        assert client.channels == {b"a", b"b"}


async def test_what_is_unsubscribed_while_the_connection_is_down_does_not_come_back(
    server: Server, proxy: MakeProxy, protocol: Protocol
) -> None:
    between = await proxy(server)
    async with client_of(between, protocol=protocol) as client:
        await client.subscribe("a", "b")
        await between.refuse()
        between.cut()
        await client.unsubscribe("a")
        assert client.channels == {b"b"}
        await between.heal()
        assert isinstance((await take(client, 1))[0], Reconnected)
        assert [server.command("PUBLISH", name, "1") for name in "ab"] == [0, 1]


@pytest.mark.parametrize("how", Cut)
async def test_the_gap_is_announced_exactly_where_messages_may_be_missing(
    server: Server, proxy: MakeProxy, protocol: Protocol, how: Cut
) -> None:
    between = await proxy(server)
    heard_numbers: list[int] = []
    gaps = 0

    async def publish() -> None:
        async with AsyncConnection(server.host, server.port) as publisher:
            for number in range(3000):
                await publisher.execute("PUBLISH", "numbers", number)
            await until(lambda: publisher.execute("PUBLISH", "numbers", -1))

    async with client_of(between, protocol=protocol) as client:
        await client.subscribe("numbers")
        publishing = asyncio.create_task(publish())
        expected: int | None = 0
        async for item in client:
            if isinstance(item, Reconnected):
                expected, gaps = None, gaps + 1
                continue
            assert isinstance(item, Message)
            number = int(item.payload)  # type: ignore[arg-type]
            if number < 0:
                break
            assert expected is None or number == expected
            assert not heard_numbers or number > heard_numbers[-1]
            heard_numbers.append(number)
            expected = number + 1
            if len(heard_numbers) in (200, 400, 600):
                between.cut(how)
        await publishing
    assert gaps >= 1
    assert len(heard_numbers) >= 600


async def test_nothing_is_heard_of_an_attempt_that_failed() -> None:
    def subscribed(kind: bytes, name: bytes, count: int) -> bytes:
        return b"*3\r\n$%d\r\n%b\r\n$1\r\n%b\r\n:%d\r\n" % (len(kind), kind, name, count)

    def message(payload: bytes) -> bytes:
        return b"*3\r\n$7\r\nmessage\r\n$1\r\na\r\n$1\r\n%b\r\n" % payload

    one, both = subscribed(b"subscribe", b"a", 1), subscribed(b"psubscribe", b"p", 2)
    scripts = (
        [Hear(b"SUBSCRIBE"), Say(one), Hear(b"PSUBSCRIBE"), Say(both + message(b"1")), Close()],
        [Hear(b"SUBSCRIBE"), Say(one + message(b"2")), Hear(b"PSUBSCRIBE"), Close()],
        [Hear(b"SUBSCRIBE"), Say(one + message(b"4")), Hear(b"PSUBSCRIBE"), Say(both + message(b"5"))],
    )
    async with Hostile(*scripts) as server, client_of(server, lib_name=None) as client:
        await client.subscribe("a")
        await client.psubscribe("p")
        first, back, *others = await take(client, 4)
    assert first == of(b"a", b"1")
    assert isinstance(back, Reconnected)
    assert others == [of(b"a", b"4"), of(b"a", b"5")]  # 3 is missing, so 2 would follow the gap it precedes


@pytest.mark.parametrize(
    "nonsense",
    [
        b"*3\r\n$7\r\nmessage\r\n:5\r\n$1\r\nx\r\n",
        b"*3\r\n$7\r\nmessage\r\n*1\r\n:1\r\n$1\r\nx\r\n",
        b"*4\r\n$8\r\npmessage\r\n:5\r\n:4\r\n$1\r\nx\r\n",
    ],
)
async def test_a_message_from_no_channel_harms_nobody(nonsense: bytes) -> None:
    confirmed = b"*3\r\n$9\r\nsubscribe\r\n$1\r\na\r\n:1\r\n"
    good = b"*3\r\n$7\r\nmessage\r\n$1\r\na\r\n$1\r\nx\r\n"
    script = [Hear(b"SUBSCRIBE"), Say(confirmed + nonsense + good)]
    async with Hostile(script) as server, client_of(server, lib_name=None, reconnect=None) as client:
        await client.subscribe("a")
        assert await take(client, 1) == [of(b"a", b"x")]


@pytest.mark.parametrize("nonsense", [b":5\r\n", b"*0\r\n", b"*2\r\n$4\r\npong\r\n:1\r\n", b"$-1\r\n"])
async def test_an_answer_to_ping_that_is_none_is_a_protocol_error(nonsense: bytes) -> None:
    async with Hostile([Hear(b"PING"), Say(nonsense)]) as server, client_of(server, lib_name=None) as client:
        with pytest.raises(ProtocolError, match="PING"):
            await client.ping()


async def test_a_connection_cut_at_every_byte_comes_back(
    server: Server, proxy: MakeProxy, protocol: Protocol
) -> None:
    between = await proxy(server)
    async with client_of(between, protocol=protocol) as client:
        await client.subscribe("channel")
        await client.psubscribe("other*")
        between.cut()
        assert isinstance((await take(client, 1))[0], Reconnected)
        for size in range(1, 60, 4):
            between.drop_after(size, how=Cut.FIN)
            server.command("PUBLISH", "channel", "x" * 60)
            items = await take(client, 1)
            if not isinstance(items[0], Reconnected):
                items += await take(client, 1)
            assert isinstance(items[-1], Reconnected)
        server.command("PUBLISH", "channel", "end")
        assert await take(client, 1) == [of(b"channel", b"end")]


async def test_without_reconnecting_the_loss_is_raised_after_what_came_before(
    server: Server, protocol: Protocol
) -> None:
    async with client_of(server, protocol=protocol, reconnect=None) as client:
        await client.subscribe("a")
        server.command("PUBLISH", "a", "last")
        server.command("CLIENT", "KILL", "TYPE", "pubsub")
        assert await take(client, 1) == [of(b"a", b"last")]
        for _ in range(2):
            with pytest.raises(PyRedisConnClosed):
                await client.get()
        with pytest.raises(PyRedisConnClosed):
            await listen(client)
        with pytest.raises(PyRedisConnClosed, match="closed: "):
            await client.subscribe("b")
        assert client.closed


async def test_a_client_gives_up_after_the_attempts_it_was_given(server: Server, proxy: MakeProxy) -> None:
    between = await proxy(server)
    async with client_of(between, reconnect=Backoff(first=0.001, most=0.01, attempts=3)) as client:
        await client.subscribe("a")
        await between.refuse()
        between.cut()
        with pytest.raises(PyRedisConnError, match="refused"):
            await client.get()
        assert client.closed


async def test_a_password_that_was_changed_meanwhile_is_raised_to_the_reader(
    make_server: MakeServer, protocol: Protocol
) -> None:
    server = make_server("redis82")
    server.command("ACL", "SETUSER", "ada", "on", ">old", "+@all", "allchannels")
    async with client_of(server, protocol=protocol, username="ada", password="old") as client:
        await client.subscribe("a")
        reader = asyncio.create_task(client.get())
        server.command("ACL", "SETUSER", "ada", "resetpass", ">new")
        server.command("CLIENT", "KILL", "USER", "ada")
        with pytest.raises(WrongPass):
            await reader
        with pytest.raises(WrongPass):
            await listen(client)
        with pytest.raises(PyRedisConnClosed, match="WRONGPASS"):
            await client.ping()


async def test_a_channel_that_is_forbidden_meanwhile_is_raised_to_the_reader(
    server: Server, protocol: Protocol
) -> None:
    server.command("ACL", "SETUSER", "ada", "on", ">pw", "+@all", "allchannels")
    async with client_of(server, protocol=protocol, username="ada", password="pw") as client:
        await client.subscribe("a", "b")
        server.command("ACL", "SETUSER", "ada", "resetchannels", "&a")  # which kills the client
        with pytest.raises(NoPerm):
            await client.get()


async def test_a_server_that_is_full_for_a_while_is_tried_again(
    make_server: MakeServer, protocol: Protocol
) -> None:
    server = make_server("redis82")
    async with client_of(server, protocol=protocol) as client:
        await client.subscribe("a")
        async with AsyncConnection(server.host, server.port) as other:
            await other.execute("CONFIG", "SET", "maxclients", 1)
            await other.execute("CLIENT", "KILL", "TYPE", "pubsub")
            rejected = "rejected_connections"
            before = int(server.info("stats")[rejected]) if server.clients() > 1 else 0

            async def full() -> bool:
                stats = await other.execute("INFO", "stats")
                assert isinstance(stats, bytes)
                line = next(line for line in stats.splitlines() if line.startswith(rejected.encode()))
                return int(line.partition(b":")[2]) > before + 3

            await until(full)
            await other.execute("CONFIG", "SET", "maxclients", 100)
        assert isinstance((await take(client, 1))[0], Reconnected)


@pytest.mark.parametrize(
    ("error", "passes"),
    [
        (PyRedisConnError("refused"), True),
        (PyRedisConnReadTimeout("slow"), True),
        (ProtocolError("what?"), True),
        (Loading("LOADING"), True),
        (ClusterDown("CLUSTERDOWN"), True),
        (ReplyError("ERR max number of clients reached"), True),
        (WrongPass("WRONGPASS"), False),
        (NoPerm("NOPERM"), False),
        (MovedError("MOVED 1 a:1"), False),
        (PyRedisError("misused"), False),
    ],
)
def test_some_refusals_pass_and_others_do_not(error: PyRedisError, passes: bool) -> None:
    assert may_pass(error) is passes


async def test_a_server_that_accepts_and_hangs_up_is_not_a_connection(protocol: Protocol) -> None:
    script = [Hear(b"PING"), Say(b"+PONG\r\n"), Hear(b"QUIT"), Close()]
    async with (
        Hostile(script, [Close()], [Close()], [Hear(b"PING"), Say(b"+PONG\r\n"), Stall()]) as hostile,
        client_of(hostile, lib_name=None) as client,
    ):
        assert await client.ping() == b"PONG"
        with pytest.raises(PyRedisConnError):
            await client.ping("QUIT")
        assert isinstance((await take(client, 1))[0], Reconnected)
        assert hostile.accepted == 4


def test_subscriptions_are_asked_for_again_a_thousand_at_a_time() -> None:
    subscriptions = Subscriptions()
    names = [b"%d" % number for number in range(2500)]
    subscriptions.note([b"SUBSCRIBE", *names])
    subscriptions.note([b"PSUBSCRIBE", b"p*", b"q*"])
    subscriptions.note([b"PING"])
    subscriptions.note([b"PUNSUBSCRIBE", b"p*", b"r*"])
    commands = list(subscriptions.commands())
    assert [len(argv) for argv in commands] == [1001, 1001, 501, 2]
    assert [name for argv in commands[:3] for name in argv[1:]] == names
    assert commands[3] == (b"PSUBSCRIBE", b"q*")
    subscriptions.note([b"UNSUBSCRIBE"])
    assert list(subscriptions.commands()) == [(b"PSUBSCRIBE", b"q*")]


# -- a cluster


@pytest.fixture
def node(make_server: MakeServer) -> Server:
    """Return a cluster of one node that has all the slots."""
    server = make_server("redis82", "cluster-enabled yes")
    server.command("CLUSTER", "ADDSLOTSRANGE", 0, 16383)
    return server


async def test_shard_channels_of_many_slots_come_back(node: Server, protocol: Protocol) -> None:
    await until(lambda: b"cluster_state:ok" in bytes(node.command("CLUSTER", "INFO")))  # type: ignore[arg-type]
    async with client_of(node, protocol=protocol) as client:
        for name in ("a", "b", "c", "{a}d"):
            await client.ssubscribe(name)
        with pytest.raises(ClusterError, match="the shard channels lie in 2 slots"):
            await client.ssubscribe("e", "f")
        node.command("CLIENT", "KILL", "TYPE", "pubsub")
        assert isinstance((await take(client, 1))[0], Reconnected)
        for name in ("a", "b", "c", "{a}d"):
            assert node.command("SPUBLISH", name, "1") == 1


async def test_a_shard_channel_whose_slot_is_nobodys_for_a_while_comes_back(
    node: Server, protocol: Protocol
) -> None:
    await until(lambda: b"cluster_state:ok" in bytes(node.command("CLUSTER", "INFO")))  # type: ignore[arg-type]
    async with client_of(node, protocol=protocol, encoding="utf-8") as client:
        await client.ssubscribe("a")
        await client.ssubscribe("b")
        slot = node.command("CLUSTER", "KEYSLOT", "a")
        node.command("CLUSTER", "DELSLOTS", slot)  # type: ignore[arg-type]
        await until(lambda: b"cluster_state:fail" in bytes(node.command("CLUSTER", "INFO")))  # type: ignore[arg-type]
        node.command("CLUSTER", "ADDSLOTS", slot)  # type: ignore[arg-type]
        (back,) = await take(client, 1)
        assert isinstance(back, Reconnected)
        assert client.shard_channels == {"a", "b"}
        node.command("SPUBLISH", "a", "1")
        node.command("SPUBLISH", "b", "2")
        assert {item.payload for item in await take(client, 2) if isinstance(item, Message)} == {"1", "2"}


# -- health


async def test_an_idle_client_notices_a_dead_network(
    server: Server, proxy: MakeProxy, protocol: Protocol
) -> None:
    between = await proxy(server)
    async with client_of(
        between, protocol=protocol, health_check_interval=0.05, read_timeout=0.2, conn_timeout=0.2
    ) as client:
        await client.subscribe("a")
        between.stall(BOTH)
        await until(lambda: between.accepted > 2)
        await between.heal()
        (back,) = await take(client, 1)
        assert isinstance(back, Reconnected)
        assert isinstance(back.error, PyRedisConnReadTimeout)
        assert back.seconds > 0.2
        server.command("PUBLISH", "a", "1")
        assert await take(client, 1) == [of(b"a", b"1")]


async def test_health_is_checked_in_time_without_a_read_timeout(server: Server, proxy: MakeProxy) -> None:
    between = await proxy(server)
    async with client_of(between, health_check_interval=0.1, read_timeout=None, conn_timeout=0.2) as client:
        await client.subscribe("a")
        between.stall(BOTH)
        await until(lambda: between.accepted > 1)
        await between.heal()
        assert isinstance((await take(client, 1))[0], Reconnected)


async def test_a_healthy_client_is_asked_when_silent_and_only_then(
    server: Server, protocol: Protocol
) -> None:
    def pings() -> int:
        calls = server.info("commandstats").get("cmdstat_ping", "calls=0,")
        return int(calls.removeprefix("calls=").partition(",")[0])

    async with client_of(server, protocol=protocol, health_check_interval=0.1) as client:
        await client.subscribe("a")
        server.command("CONFIG", "RESETSTAT")
        busy_until = time.monotonic() + 0.6
        while time.monotonic() < busy_until:
            server.command("PUBLISH", "a", "1")
            assert await take(client, 1) == [of(b"a", b"1")]
        assert pings() <= 2  # none but for a machine that stands still for the interval
        await until(lambda: pings() >= 4)
        assert await client.get(0) is None


async def test_a_user_who_may_not_ping_is_healthy_too(server: Server, protocol: Protocol) -> None:
    server.command("ACL", "SETUSER", "ada", "on", ">pw", "+@all", "-ping", "allchannels")
    options = {"protocol": protocol, "username": "ada", "password": "pw", "health_check_interval": 0.02}
    async with client_of(server, **options) as client:
        await client.connect()
        with pytest.raises(NoPerm):
            await client.ping()
        refused = "acl_access_denied_cmd"
        denied = int(server.info("stats")[refused])
        await until(lambda: int(server.info("stats")[refused]) > denied + 3)
        server.command("CLIENT", "KILL", "USER", "ada")
        assert isinstance((await take(client, 1))[0], Reconnected)


async def test_a_command_without_an_answer_times_out_and_the_client_goes_on(
    server: Server, proxy: MakeProxy, protocol: Protocol
) -> None:
    between = await proxy(server)
    async with client_of(between, protocol=protocol, read_timeout=0.2) as client:
        await client.subscribe("a")
        between.stall(REPLIES)
        with pytest.raises(PyRedisConnReadTimeout):
            await client.subscribe("b")
        await between.heal()
        assert isinstance((await take(client, 1))[0], Reconnected)
        assert client.channels == {b"a"}
        assert [server.command("PUBLISH", name, "1") for name in "ab"] == [1, 0]


# -- a slow reader


def flood(server: Server, count: int, size: int) -> None:
    script = (
        "local text = string.rep('x', ARGV[2]) for i = 1, ARGV[1] do redis.call('PUBLISH', 'flood', text) end"
    )
    server.command("EVAL", script, 0, count, size)


async def test_a_slow_reader_stops_the_network_and_loses_nothing(server: Server, protocol: Protocol) -> None:
    async with client_of(server, protocol=protocol, buffer_size=100, health_check_interval=0.05) as client:
        server.command("CONFIG", "SET", "client-output-buffer-limit", "pubsub 0 0 0")
        await client.subscribe("flood")
        for _ in range(20):
            flood(server, 1000, 1000)
        await until(lambda: client.buffered >= 100)
        most = client.buffered
        waiting = asyncio.get_running_loop().time() + 0.5  # longer than several health checks
        while asyncio.get_running_loop().time() < waiting:
            await asyncio.sleep(0.01)
            most = max(most, client.buffered)
        assert most < 100 + 2 * 256 * 1024 // 1000
        assert set(await take(client, 20_000)) == {of(b"flood", b"x" * 1000)}
        assert await client.ping("x") == b"x"
        assert await client.get(0) is None


async def test_large_messages_fill_the_buffer_as_well(server: Server, protocol: Protocol) -> None:
    async with client_of(server, protocol=protocol, buffer_bytes=1_000_000) as client:
        server.command("CONFIG", "SET", "client-output-buffer-limit", "pubsub 0 0 0")
        await client.subscribe("flood")
        for _ in range(10):
            flood(server, 10, 500_000)
        await until(lambda: client.buffered >= 2)
        assert await client.get(0) is not None
        for _ in range(100):
            await asyncio.sleep(0)
        assert client.buffered <= 4
        assert len(await take(client, 99)) == 99


async def test_a_slow_reader_may_subscribe_and_ping(server: Server, protocol: Protocol) -> None:
    async with client_of(server, protocol=protocol, buffer_size=10) as client:
        await client.subscribe("flood")
        flood(server, 5000, 1000)
        await until(lambda: client.buffered >= 10)
        assert await client.ping("x") == b"x"
        await client.subscribe("other")
        await client.unsubscribe("flood")
        server.command("PUBLISH", "other", "end")
        assert (await take(client, 5001))[-1] == of(b"other", b"end")


async def test_a_reader_that_is_too_slow_for_the_server_learns_of_the_gap(
    server: Server, protocol: Protocol
) -> None:
    async with client_of(server, protocol=protocol, buffer_size=10) as client:
        server.command("CONFIG", "SET", "client-output-buffer-limit", "pubsub 4mb 0 0")
        await client.subscribe("flood")
        flood(server, 100, 10_000)
        await until(lambda: client.buffered >= 10)
        floods = 1
        while server.command("PUBSUB", "NUMSUB", "flood") == [b"flood", 1]:
            flood(server, 100, 10_000)
            floods += 1
        items: list[Any] = []
        while not items or isinstance(items[-1], Message):
            items += await take(client, 1)
        assert isinstance(items[-1], Reconnected)
        assert 10 <= len(items) - 1 < 100 * floods


# -- the end


async def test_closing_ends_whoever_waits(server: Server, protocol: Protocol) -> None:
    client = client_of(server, protocol=protocol)
    await client.subscribe("a")
    reader, listener = asyncio.create_task(client.get()), asyncio.create_task(listen(client))
    await asyncio.sleep(0)
    client.close()
    with pytest.raises(PyRedisConnClosed, match="is closed"):
        await reader
    assert await listener == []
    await client.wait_closed()
    await server.until_clients(0)


async def test_after_closing_nothing_works_and_nothing_hangs(server: Server) -> None:
    client = client_of(server)
    await client.subscribe("a")
    server.command("PUBLISH", "a", "1")
    await until(lambda: client.buffered)
    client.close()
    client.close()
    assert client.closed
    assert "closed" in repr(client)
    calls: list[Callable[[], Any]] = [
        client.get, client.connect, client.ping, client.unsubscribe, lambda: client.subscribe("a")
    ]  # fmt: skip
    for call in calls:
        with pytest.raises(PyRedisConnClosed, match="is closed"):
            await call()
    assert await listen(client) == []
    await client.wait_closed()


async def test_a_client_that_was_never_used_can_be_closed(server: Server) -> None:
    client = client_of(server)
    client.close()
    await client.wait_closed()
    with pytest.raises(PyRedisConnClosed):
        await client.subscribe("a")


async def test_closing_ends_commands_that_wait_for_a_reply_or_a_connection(
    server: Server, proxy: MakeProxy
) -> None:
    between = await proxy(server)
    for fault in ("stall", "refuse"):
        client = client_of(between, reconnect=Backoff(first=60, most=60))
        await client.subscribe("a")
        if fault == "stall":
            between.stall()
        else:
            await between.refuse()
            between.cut()
        commands = [asyncio.create_task(client.subscribe("b")), asyncio.create_task(client.ping())]
        await asyncio.sleep(0)
        client.close()
        for command in commands:
            with pytest.raises(PyRedisConnClosed):
                await command
        await client.wait_closed()
        await between.heal()


async def test_a_client_closes_while_it_connects(server: Server, proxy: MakeProxy) -> None:
    between = await proxy(server)
    between.deafen()
    client = client_of(between, protocol=3)
    connecting = asyncio.create_task(client.connect())
    await until(lambda: between.accepted)
    client.close()
    with pytest.raises(PyRedisConnClosed):
        await connecting
    await client.wait_closed()


async def test_entering_may_be_cancelled(server: Server, proxy: MakeProxy) -> None:
    between = await proxy(server)
    between.deafen()
    client = client_of(between, protocol=3)
    entering = asyncio.create_task(client.__aenter__())
    await until(lambda: between.accepted)
    entering.cancel()
    with pytest.raises(asyncio.CancelledError):
        await entering
    assert client.closed


async def test_a_client_that_is_dropped_warns_and_closes(server: Server) -> None:
    client = client_of(server)
    await client.subscribe("a")
    with pytest.warns(ResourceWarning, match="was not closed"):
        del client
    gc.collect()
    await server.until_clients(0)


def test_a_client_belongs_to_one_event_loop(server: Server) -> None:
    client = client_of(server)
    asyncio.run(client.connect())
    with pytest.raises(PyRedisError, match=r"another event loop|is closed"):
        asyncio.run(client.ping())
    with pytest.raises(PyRedisError, match="another event loop"):
        asyncio.run(client.get())  # type: ignore[arg-type]
    client.close()
    asyncio.run(client.wait_closed())
    assert client.closed


async def test_no_password_is_shown(server: Server) -> None:
    client = client_of(server, username="ada", password="hidden")
    assert "hidden" not in repr(client) + repr(vars(client))
    with pytest.raises(WrongPass) as caught:
        await client.connect()
    assert "hidden" not in str(caught.value)
