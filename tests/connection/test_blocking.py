"""The connection that blocks: the same situations, bytes and words as with the asyncio one."""

from __future__ import annotations

import _socket
import asyncio
import os
import select
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any, Final, Literal, TypeAlias

import pytest

from pyredis import (
    NoAuth,
    ProtocolError,
    PyRedisConnClosed,
    PyRedisConnError,
    PyRedisConnReadTimeout,
    ReplyError,
    TcpAddress,
    TlsOptions,
    UnixAddress,
    WrongPass,
    WrongType,
)
from pyredis.connection.blocking import BlockingConnection
from pyredis.options import ConnectionOptions
from pyredis.records import replace
from pyredis.resp.encode import pack
from pyredis.types import Map, Push, Status
from tests.conftest import MakeBackgroundProxy, MakeServer
from tests.hostile import Close, Hear, HearBytes, Hostile, Reset, Say, Stall, Step
from tests.proxy import REPLIES
from tests.servers import Server, free_port
from tests.tls import Authority, server_context

ROOT: Final = Path(__file__).parents[2]

Decoder: TypeAlias = Literal["fast", "typed"]
BlackHole: TypeAlias = Callable[[str, int], None]
NameOf: TypeAlias = Callable[[Sequence[str]], None]

QUIET = ConnectionOptions(lib_name=None, decoder="typed")
PATIENT = ConnectionOptions(lib_name=None, decoder="typed", conn_timeout=60, read_timeout=60)


def tcp(server: Server) -> TcpAddress:
    return TcpAddress(server.host, server.port)


def opened(server: Server, **options: Any) -> BlockingConnection:
    return BlockingConnection.open(
        tcp(server), ConnectionOptions(**{"lib_name": None, "decoder": "typed", **options})
    )


async def with_hostile(work: Callable[[TcpAddress], Any], *steps: Step) -> tuple[Any, bytes]:
    """Return what the work came to with a server that plays these steps, and what that server heard."""
    async with Hostile(steps) as hostile:
        done = await asyncio.to_thread(work, TcpAddress(hostile.host, hostile.port))
        return done, b"".join(hostile.received)


def error_of(address: TcpAddress | UnixAddress, options: ConnectionOptions = PATIENT) -> PyRedisConnError:
    """Return why there is no connection."""
    with pytest.raises(PyRedisConnError) as caught:
        BlockingConnection.open(address, options)
    assert caught.value.address == str(address)
    return caught.value


@pytest.fixture
def descriptors() -> Iterator[None]:
    """Fail when the test leaves a descriptor open."""
    before = os.listdir("/proc/self/fd")
    yield
    assert os.listdir("/proc/self/fd") == before


# A command and its reply


@pytest.mark.parametrize("name", ["redis62", "redis70", "redis82", "valkey9"])
@pytest.mark.parametrize("decoder", ["fast", "typed"])
def test_a_command_is_answered(shared_server: Callable[[str], Server], name: str, decoder: Decoder) -> None:
    server = shared_server(name)
    for address in (tcp(server), UnixAddress(server.unix_path)):
        with BlockingConnection.open(address, ConnectionOptions(decoder=decoder)) as connection:
            assert connection.execute([b"SET", b"name", b"ada\r\n"]) == b"OK"
            assert connection.execute([b"GET", b"name"]) == b"ada\r\n"
            assert connection.protocol == 2


def test_replies_keep_their_wire_type(redis82: Server) -> None:
    with opened(redis82) as connection:
        assert isinstance(connection.execute([b"PING"]), Status)


def test_an_error_reply_is_raised_and_the_connection_stays(redis82: Server) -> None:
    with opened(redis82) as connection:
        connection.execute([b"SET", b"name", b"ada"])
        with pytest.raises(WrongType) as caught:
            connection.execute([b"lpush", b"name", b"x"])
        assert caught.value.command == "LPUSH"
        assert connection.execute([b"GET", b"name"]) == b"ada"


def test_what_cannot_be_a_command_costs_no_connection(redis82: Server) -> None:
    with opened(redis82) as connection:
        with pytest.raises(TypeError):
            connection.execute([])
        assert connection.execute([b"PING"]) == b"PONG"


async def test_only_the_command_is_on_the_wire() -> None:
    def work(address: TcpAddress) -> object:
        with BlockingConnection.open(address, PATIENT) as connection:
            return connection.execute([b"PING"])

    done, heard = await with_hostile(work, Hear(b"PING"), Say(b"+PONG\r\n"))
    assert done == b"PONG"
    assert heard == b"*1\r\n$4\r\nPING\r\n"


def test_it_introduces_itself_when_asked_to(redis82: Server) -> None:
    with opened(redis82, lib_name="mine", client_name="tool") as connection:
        told = connection.execute([b"CLIENT", b"INFO"])
    assert isinstance(told, bytes)
    assert b" name=tool " in told
    assert b" lib-name=mine " in told


@pytest.mark.parametrize("name", ["redis70", "valkey9"])
@pytest.mark.parametrize("decoder", ["fast", "typed"])
def test_large_replies_and_arguments_pass(
    shared_server: Callable[[str], Server], name: str, decoder: Decoder
) -> None:
    server = shared_server(name)
    big = bytes(range(256)) * 40_000
    members = [b"%d" % number for number in range(30_000)]
    with opened(server, decoder=decoder) as connection:
        connection.execute([b"SET", b"big", big])
        assert connection.execute([b"GET", b"big"]) == big
        connection.execute([b"RPUSH", b"list", *members])
        assert connection.execute([b"LRANGE", b"list", b"0", b"-1"]) == members


def test_none_of_it_loads_what_takes_longer_than_all_the_rest(redis82: Server) -> None:
    program = (
        f"import sys; sys.path.insert(0, {str(ROOT)!r})\n"
        "from pyredis.address import UnixAddress\n"
        "from pyredis.commands.spec import find\n"
        "from pyredis.connection.blocking import BlockingConnection\n"
        "from pyredis.options import ConnectionOptions\n"
        "options = ConnectionOptions(decoder='typed', protocol=3, database=1)\n"
        f"with BlockingConnection.open(UnixAddress({redis82.unix_path!r}), options) as connection:\n"
        "    print(connection.execute([b'PING']), find([b'PING']).name, *sys.modules)\n"
    )
    done = subprocess.run([sys.executable, "-ISc", program], capture_output=True, text=True, check=True)
    pong, name, *modules = done.stdout.split()
    assert (pong, name) == ("b'PONG'", "PING")
    assert "pyredis.resp.decode" in modules
    assert not set(modules) & {
        *(
            "asyncio",
            "collections.abc",
            "contextlib",
            "dataclasses",
            "enum",
            "hiredis",
            "importlib",
            "inspect",
        ),
        *("json", "math", "re", "select", "socket", "ssl", "threading", "tomllib", "typing"),
        *("pyredis.commands._module_facts", "pyredis.commands._facts.s", "pyredis.connection.failures"),
    }


# The handshake


@pytest.mark.parametrize("name", ["redis62", "redis82", "valkey9"])
def test_the_protocol_and_the_greeting_are_known(shared_server: Callable[[str], Server], name: str) -> None:
    server = shared_server(name)
    with opened(server, protocol=3, database=2) as connection:
        assert connection.protocol == 3
        assert connection.greeting["proto"] == 3
        assert connection.database == 2
        connection.execute([b"SET", b"name", b"ada"])
        assert isinstance(connection.execute([b"CONFIG", b"GET", b"port"]), Map)
    with opened(server, database=2) as connection:
        assert connection.execute([b"GET", b"name"]) == b"ada"
    assert server.command("EXISTS", "name") == 0


def test_a_password_opens_and_a_wrong_one_does_not(make_server: MakeServer) -> None:
    server = make_server("redis82", "requirepass secret", "user ada on >pass ~* +@all")
    with opened(server, password="secret") as connection:
        assert connection.execute([b"PING"]) == b"PONG"
    with opened(server, username="ada", password="pass", protocol=3) as connection:
        assert connection.execute([b"ACL", b"WHOAMI"]) == b"ada"
    with opened(server) as connection, pytest.raises(NoAuth):
        connection.execute([b"PING"])
    with pytest.raises(WrongPass) as caught:
        opened(server, password="other")
    assert caught.value.command == "AUTH"
    assert caught.value.server == str(tcp(server))
    assert caught.value.__notes__ == [f"{tcp(server)} said so while the connection was being opened"]


def test_a_database_that_is_not_there_is_refused(redis82: Server, descriptors: None) -> None:
    with pytest.raises(ReplyError, match="out of range") as caught:
        opened(redis82, database=99)
    assert caught.value.command == "SELECT"


# What cannot be reached


@pytest.fixture
def name_of(monkeypatch: pytest.MonkeyPatch) -> NameOf:
    """Return ``name_of([address, ...])``: every name that is looked up from then on has these addresses."""

    def set_addresses(addresses: Sequence[str]) -> None:
        def getaddrinfo(host: bytes, port: int, *_: Any) -> list[tuple[Any, ...]]:
            families = [socket.AF_INET6 if ":" in address else socket.AF_INET for address in addresses]
            return [
                (family, socket.SOCK_STREAM, socket.IPPROTO_TCP, "", (address, port))
                for family, address in zip(families, addresses, strict=True)
            ]

        monkeypatch.setattr(_socket, "getaddrinfo", getaddrinfo)

    return set_addresses


@pytest.fixture
def black_hole() -> Iterator[BlackHole]:
    """Return ``black_hole(host, port)``: who connects there hears nothing, not even a refusal."""
    with ExitStack() as stack:

        def dig(host: str, port: int) -> None:
            listener = stack.enter_context(socket.socket())
            listener.bind((host, port))
            listener.listen(0)
            for _ in range(64):  # until the queue of those who wait to be accepted is full
                waiting = stack.enter_context(socket.socket())
                waiting.settimeout(0.1)
                try:
                    waiting.connect((host, port))
                except TimeoutError:
                    return
            pytest.skip("this system lets everybody wait to be accepted")

        yield dig


def test_a_refusal_is_told(descriptors: None) -> None:
    address = TcpAddress("127.0.0.1", free_port())
    error = error_of(address)
    assert str(error) == f"cannot connect to {address}: connection refused; is a server running there?"
    assert error.sent is False


def test_a_path_without_a_server_is_told(descriptors: None, tmp_path: Path) -> None:
    path = str(tmp_path / "no.sock")
    assert str(error_of(UnixAddress(path))) == (
        f"cannot connect to {path}: no such file or directory; is a server running, with that unixsocket?"
    )
    assert "it can be no path" in str(error_of(UnixAddress("/run/\ud800")))


@pytest.mark.parametrize("host", ["no.such.name.invalid", "a..b", "a\0b", "x" * 70, "düsseldorf.invalid"])
def test_a_name_that_cannot_be_looked_up_is_named(descriptors: None, host: str) -> None:
    said = str(error_of(TcpAddress(host, 6379)))
    assert f"the host name {host!r} cannot be resolved; check its spelling" in said


def test_a_name_is_looked_up(redis82: Server) -> None:
    with BlockingConnection.open(TcpAddress("localhost", redis82.port), PATIENT) as connection:
        assert connection.execute([b"PING"]) == b"PONG"


def test_a_dead_first_address_is_passed_by(
    descriptors: None, redis82: Server, name_of: NameOf, black_hole: BlackHole
) -> None:
    black_hole("127.0.0.2", redis82.port)
    name_of(["127.0.0.2", "127.0.0.3", redis82.host])
    with BlockingConnection.open(TcpAddress("db.example", redis82.port), PATIENT) as connection:
        assert connection.execute([b"PING"]) == b"PONG"


def test_all_addresses_that_failed_are_named(descriptors: None, name_of: NameOf) -> None:
    name_of(["127.0.0.2", "127.0.0.3"])
    said = str(error_of(TcpAddress("db.example", free_port())))
    assert "connection refused at 127.0.0.2 and 127.0.0.3; is a server running there?" in said


@pytest.mark.parametrize(
    ("family", "order"),
    [
        (0, "::1 and 127.0.0.3 and ::ffff:127.0.0.2 and 127.0.0.4"),
        (4, "127.0.0.3 and 127.0.0.4"),
        (6, "::1 and ::ffff:127.0.0.2"),
    ],
)
def test_of_a_host_that_has_both_families_the_preferred_one_is_tried(
    name_of: NameOf, family: Literal[0, 4, 6], order: str
) -> None:
    name_of(["::1", "::ffff:127.0.0.2", "127.0.0.3", "127.0.0.4"])
    options = replace(PATIENT, family=family)
    assert f"refused at {order};" in str(error_of(TcpAddress("db.example", free_port()), options))


def test_a_dead_address_ends_with_conn_timeout(
    descriptors: None, black_hole: BlackHole, name_of: NameOf
) -> None:
    port = free_port()
    black_hole("127.0.0.2", port)
    impatient = ConnectionOptions(conn_timeout=0.1)
    assert str(error_of(TcpAddress("127.0.0.2", port), impatient)) == (
        f"no answer from 127.0.0.2:{port} within 0.1 seconds; check the address, or allow more time to connect"
    )
    name_of(["127.0.0.2", "127.0.0.3"])
    said = str(error_of(TcpAddress("db.example", port), ConnectionOptions(conn_timeout=0.5)))
    assert "(tried 127.0.0.2, 127.0.0.3) within 0.5 seconds" in said


def test_a_name_server_that_is_silent_ends_with_conn_timeout(monkeypatch: pytest.MonkeyPatch) -> None:
    over = threading.Event()
    monkeypatch.setattr(_socket, "getaddrinfo", lambda *_: over.wait(60) or [])
    try:
        said = str(error_of(TcpAddress("db.example", 6379), ConnectionOptions(conn_timeout=0.1)))
        assert "no answer from db.example:6379 within 0.1 seconds" in said
    finally:
        over.set()


async def test_a_server_that_never_answers_ends_with_conn_timeout() -> None:
    impatient = ConnectionOptions(database=1, conn_timeout=0.1)
    error, _ = await with_hostile(lambda address: error_of(address, impatient), Stall())
    assert "within 0.1 seconds; check the address, or allow more time to connect" in str(error)


async def test_a_server_that_hangs_up_at_once_is_told() -> None:
    options = ConnectionOptions(database=1)
    error, _ = await with_hostile(lambda address: error_of(address, options), Hear(b"SELECT"), Close())
    assert str(error) == (
        f"{error.address} closed the connection while it was being opened; "
        "is that a Redis or Valkey server, and does it want TLS?"
    )


async def test_what_is_no_redis_server_is_told() -> None:
    def work(address: TcpAddress) -> ProtocolError:
        with pytest.raises(ProtocolError) as caught:
            BlockingConnection.open(address, ConnectionOptions(database=1))
        return caught.value

    error, _ = await with_hostile(work, Hear(b"SELECT"), Say(b"HTTP/1.1 400 Bad Request\r\n"))
    assert "not RESP at byte 0" in str(error)
    assert "while the connection was being opened" in error.__notes__[0]


def test_a_unix_socket_whose_queue_is_full_is_asked_again(redis82: Server) -> None:
    asked = 0
    redis82.pause()
    with ExitStack() as stack:
        try:
            while True:  # until the queue is full
                waiting = stack.enter_context(socket.socket(socket.AF_UNIX))
                waiting.setblocking(False)
                try:
                    waiting.connect(redis82.unix_path)
                except BlockingIOError:
                    break
                asked += 1
            said = str(error_of(UnixAddress(redis82.unix_path), ConnectionOptions(conn_timeout=0.1)))
            assert "no answer from" in said
        finally:
            redis82.resume()
        with BlockingConnection.open(UnixAddress(redis82.unix_path), PATIENT) as connection:
            assert connection.execute([b"PING"]) == b"PONG"
    assert asked


def test_a_tcp_socket_is_kept_alive_and_does_not_dawdle(redis82: Server) -> None:
    with opened(redis82) as connection:
        sock = socket.socket(fileno=os.dup(connection.fileno()))
    with sock:
        assert sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
        assert sock.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE)
        assert sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE) == 15


# What goes wrong later


def test_a_reply_that_does_not_come_closes_the_connection(
    redis82: Server, background_proxy: MakeBackgroundProxy
) -> None:
    proxy = background_proxy(redis82)
    options = ConnectionOptions(lib_name=None, read_timeout=0.1)
    connection = BlockingConnection.open(TcpAddress(proxy.host, proxy.port), options)
    proxy.do(lambda proxy: proxy.stall(REPLIES))
    with pytest.raises(PyRedisConnReadTimeout) as caught:
        connection.execute([b"config", b"get", b"port"])
    assert str(caught.value) == (
        f"no reply to CONFIG GET from {connection.address} within 0.1 seconds; "
        "the connection is closed, whether it was executed is unknown"
    )
    assert (caught.value.seconds, caught.value.command, caught.value.sent) == (0.1, "CONFIG GET", True)
    with pytest.raises(PyRedisConnClosed) as closed:
        connection.execute([b"PING"])
    assert closed.value.sent is False
    proxy.do(lambda proxy: proxy.cut())


def test_a_reply_that_keeps_coming_is_not_late(
    redis82: Server, background_proxy: MakeBackgroundProxy
) -> None:
    proxy = background_proxy(redis82)
    redis82.command("SET", "long", b"x" * 400)
    proxy.do(lambda proxy: proxy.chunk(1, REPLIES))  # a millisecond for each byte
    options = ConnectionOptions(lib_name=None, read_timeout=0.3)
    with BlockingConnection.open(TcpAddress(proxy.host, proxy.port), options) as connection:
        assert connection.execute([b"GET", b"long"]) == b"x" * 400


def test_a_blocking_command_may_block_for_as_long_as_it_is_allowed(redis82: Server) -> None:
    with opened(redis82, read_timeout=0.1) as connection:
        assert connection.execute([b"BLPOP", b"none", b"0.3"], timeout=60) is None
        with pytest.raises(PyRedisConnReadTimeout, match="to BLPOP"):
            connection.execute([b"BLPOP", b"none", b"0"], timeout=0.2)


@pytest.mark.parametrize("decoder", ["fast", "typed"])
async def test_a_reply_that_breaks_off_is_no_reply(decoder: Decoder) -> None:
    def work(address: TcpAddress) -> PyRedisConnError:
        connection = BlockingConnection.open(address, ConnectionOptions(lib_name=None, decoder=decoder))
        with pytest.raises(PyRedisConnClosed) as caught:
            connection.execute([b"GET", b"name"])
        return caught.value

    error, _ = await with_hostile(work, Hear(b"name"), Say(b"$10\r\nhal"), Close())
    assert str(error) == f"{error.address} closed the connection"
    assert error.sent is True
    error, _ = await with_hostile(work, Hear(b"name"), Say(b"$10\r\nhal"), Reset())
    assert str(error) == f"{error.address} broke the connection"


@pytest.mark.parametrize("garbage", [b"\x15\x03\x01", b"$12a\r\n", b"*-2\r\n", b"+a\nb\r\n"])
async def test_garbage_closes_the_connection(garbage: bytes) -> None:
    def work(address: TcpAddress) -> None:
        connection = BlockingConnection.open(address, PATIENT)
        with pytest.raises(ProtocolError, match="not RESP"):
            connection.execute([b"PING"])
        with pytest.raises(PyRedisConnClosed):
            connection.fileno()

    await with_hostile(work, Hear(b"PING"), Say(garbage))


async def test_a_string_larger_than_allowed_is_refused() -> None:
    def work(address: TcpAddress) -> None:
        connection = BlockingConnection.open(
            address, ConnectionOptions(decoder="typed", lib_name=None, max_bulk=100)
        )
        with pytest.raises(ProtocolError, match="max_bulk is 100"):
            connection.execute([b"GET", b"name"])

    await with_hostile(work, Hear(b"name"), Say(b"$101\r\n"))


def test_a_command_that_ends_the_connection_has_succeeded(make_server: MakeServer) -> None:
    server = make_server("redis82")
    with opened(server) as connection:
        assert connection.execute([b"QUIT"]) == b"OK"
    with opened(server) as connection:
        assert connection.execute([b"SHUTDOWN", b"NOSAVE"]) is None


@pytest.mark.parametrize(
    "ends", ["raise SystemExit(130)", "raise KeyboardInterrupt", "__import__('os')._exit(130)"]
)
def test_a_signal_ends_it_at_once(redis82: Server, ends: str) -> None:
    program = (
        "import signal\n"
        f"def end(*_): {ends}\n"
        "signal.signal(signal.SIGINT, end)\n"
        "from pyredis.address import UnixAddress\n"
        "from pyredis.connection.blocking import BlockingConnection\n"
        "from pyredis.options import ConnectionOptions\n"
        f"with BlockingConnection.open(UnixAddress({redis82.unix_path!r}), ConnectionOptions()) as connection:\n"
        "    try: connection.execute([b'BLPOP', b'none', b'0'], timeout=None)\n"
        "    finally: print(connection._sock)\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", program], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    ) as process:
        asyncio.run(redis82.until_blocked())
        process.send_signal(signal.SIGINT)
        said, _ = process.communicate(timeout=60)
    assert said in (b"None\n", b"")
    assert process.returncode in (130, -signal.SIGINT)


def test_a_signal_ends_the_wait_for_a_name_server(tmp_path: Path) -> None:
    program = (
        "import _socket, signal, time\n"
        "_socket.getaddrinfo = lambda *_: (print('asked', flush=True), time.sleep(600))\n"
        "from pyredis.address import TcpAddress\n"
        "from pyredis.connection.blocking import BlockingConnection\n"
        "from pyredis.options import ConnectionOptions\n"
        "BlockingConnection.open(TcpAddress('db.example', 1), ConnectionOptions(conn_timeout=None))\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", program], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"asked\n"
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=60)
    assert process.returncode == -signal.SIGINT


# Bytes and replies as they come


def test_replies_come_in_order_and_errors_among_them(redis82: Server) -> None:
    with opened(redis82) as connection:
        commands = [[b"SET", b"n", b"1"], [b"LPUSH", b"n", b"x"], [b"INCR", b"n"]]
        connection.send(b"".join(map(pack, commands)))
        replies = [connection.reply(60) for _ in commands]
        assert replies[0] == b"OK"
        assert isinstance(replies[1], WrongType)
        assert replies[2] == 2


@pytest.mark.parametrize("decoder", ["fast", "typed"])
def test_replies_are_taken_as_many_as_have_come(redis82: Server, decoder: Decoder) -> None:
    with opened(redis82, decoder=decoder, protocol=3) as connection:
        connection.send(pack([b"SUBSCRIBE", b"news"]))
        connection.reply(60)
        redis82.command("PUBLISH", "news", "1")
        assert connection.execute([b"ECHO", b"2"]) == b"2"
        connection.send(b"".join(pack([b"INCR", b"n"]) for _ in range(50_000)))
        came: list[object] = []
        rounds = 0
        while len(came) < 50_001:
            came += connection.replies(60)
            rounds += 1
        assert came == [Push([b"message", b"news", b"1"]), *range(1, 50_001)]
        assert rounds < 5_000
        assert connection.execute([b"PING"]) == b"PONG"
        with pytest.raises(PyRedisConnReadTimeout):
            connection.replies(0.05)


@pytest.mark.parametrize("decoder", ["fast", "typed"])
async def test_what_is_broken_behind_replies_is_told_after_them(decoder: Decoder) -> None:
    def work(address: TcpAddress) -> None:
        with BlockingConnection.open(
            address, ConnectionOptions(lib_name=None, decoder=decoder)
        ) as connection:
            connection.send(b"PING\r\n")
            found: list[object] = []
            while len(found) < 2:
                found += connection.replies(60)
            assert found == [b"PONG", b"PONG"]
            with pytest.raises(ProtocolError, match="not RESP at byte 14"):
                connection.replies(60)

    await with_hostile(work, Hear(b"PING"), Say(b"+PONG\r\n+PONG\r\nHTTP/1.1\r\n"))


def test_pushes_that_come_before_a_reply_are_kept_in_order(redis82: Server) -> None:
    with opened(redis82, protocol=3) as connection:
        connection.send(pack([b"SUBSCRIBE", b"news"]))
        assert connection.reply(60) == Push([b"subscribe", b"news", 1])
        for number in (b"1", b"2"):
            redis82.command("PUBLISH", "news", number)
        assert connection.execute([b"PING"]) == b"PONG"
        redis82.command("PUBLISH", "news", "3")
        assert connection.pending()
        assert [connection.reply(60) for _ in "123"] == [
            Push([b"message", b"news", b"%d" % n]) for n in (1, 2, 3)
        ]
        assert not connection.pending()


def test_silence_is_told_and_does_not_close(redis82: Server) -> None:
    with opened(redis82) as connection:
        for listen in (connection.reply, connection.receive):
            with pytest.raises(PyRedisConnReadTimeout, match=r"nothing from .* within 0.05 seconds"):
                listen(timeout=0.05)
        with pytest.raises(PyRedisConnReadTimeout):
            connection.receive(timeout=0)
        assert connection.execute([b"PING"]) == b"PONG"


def test_raw_bytes_come_as_they_are_and_what_was_read_ahead_first(redis82: Server) -> None:
    with opened(redis82) as connection:
        connection.send(pack([b"PING"]) + pack([b"ECHO", b"x"]))
        assert connection.reply(60) == b"PONG"
        rest = b""
        while len(rest) < 7:
            rest += connection.receive(60, 3)
        assert rest == b"$1\r\nx\r\n"
        connection.send(pack([b"QUIT"]))
        assert connection.receive(60) == b"+OK\r\n"
        assert connection.receive(60) == b""


def test_who_sends_and_receives_at_once_never_waits_for_himself(redis82: Server) -> None:
    """More goes both ways than any buffer between takes: each waits for the other unless both are moved."""
    word = b"x" * 100_000
    unsent = memoryview(pack([b"ECHO", word]) * 300)
    due, got = 300 * len(b"$100000\r\n" + word + b"\r\n"), 0
    with opened(redis82) as connection:
        while got < due:
            poll = select.poll()
            poll.register(connection.fileno(), select.POLLIN | (select.POLLOUT if unsent else 0))
            ((_, events),) = poll.poll(60_000)
            if events & select.POLLOUT:
                unsent = unsent[connection.send_some(unsent) :]
            if events & select.POLLIN:
                got += len(connection.receive(0))
    assert got == due


def test_a_server_that_takes_nothing_is_not_sent_to_for_ever(redis82: Server) -> None:
    with opened(redis82, read_timeout=0.1) as connection:
        redis82.pause()
        try:
            with pytest.raises(PyRedisConnReadTimeout, match=r"has taken no bytes for 0.1 seconds") as caught:
                connection.send(pack([b"ECHO", b"x" * 50_000_000]))
            assert caught.value.sent is None
        finally:
            redis82.resume()


@pytest.mark.parametrize(
    "talk",
    [lambda c: c.send(bytes(50_000_000)), lambda c: c.execute((b"SET", b"k", bytes(50_000_000)))],
    ids=["send", "execute"],
)
@pytest.mark.skipif(sys.platform != "linux", reason="asks Linux to give up soon")
def test_a_network_that_gives_up_is_no_timeout_of_ours(
    redis82: Server, talk: Callable[[BlockingConnection], object]
) -> None:
    connection = opened(redis82, read_timeout=None)
    with socket.fromfd(connection.fileno(), socket.AF_INET, socket.SOCK_STREAM) as wire:
        # Milliseconds after which unsent bytes are given up, as keepalive gives up a peer that vanished.
        wire.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, 1)
    redis82.pause()
    try:
        with pytest.raises(PyRedisConnClosed, match="broke the connection") as caught:
            talk(connection)
    finally:
        redis82.resume()
    assert isinstance(caught.value.__cause__, TimeoutError)
    assert caught.value.sent is None


async def test_the_last_words_of_a_server_that_takes_no_more_are_told() -> None:
    def work(address: TcpAddress) -> str:
        with BlockingConnection.open(address, PATIENT) as connection:
            with pytest.raises(PyRedisConnClosed) as caught:
                send_for_ever(connection)
            return str(caught.value)

    def send_for_ever(connection: BlockingConnection) -> None:
        while True:
            connection.send(b"x" * 1_000_000)

    parting = b"-ERR Protocol error: too big mbulk count string\r\n"
    said, _ = await with_hostile(work, HearBytes(1_000_000), Say(parting), Close())
    assert said.endswith(" broke the connection: ERR Protocol error: too big mbulk count string")


def test_closing_twice_does_nothing(redis82: Server, descriptors: None) -> None:
    connection = opened(redis82)
    connection.close()
    connection.close()
    with pytest.raises(PyRedisConnClosed, match="is closed"):
        connection.receive()


# TLS


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("tls") / "authority")


@pytest.fixture(scope="module")
def tls_config(authority: Authority) -> tuple[str, ...]:
    """Return the configuration of a server that asks for client certificates."""
    identity = authority.sign()
    return (
        f"tls-port {free_port()}",
        f"tls-cert-file {identity.cert_file}",
        f"tls-key-file {identity.key_file}",
        f"tls-ca-cert-file {authority.ca_file}",
        "tls-auth-clients yes",
    )


@pytest.fixture(scope="module")
def tls_address(shared_server: Callable[..., Server], tls_config: tuple[str, ...]) -> TcpAddress:
    shared_server("redis70", *tls_config)
    return TcpAddress("localhost", int(tls_config[0].split()[1]))


@pytest.fixture(scope="module")
def trusted(authority: Authority) -> ConnectionOptions:
    ada = authority.sign("ada")
    tls = TlsOptions(authority.ca_file, None, ada.cert_file, ada.key_file)
    return ConnectionOptions(lib_name=None, decoder="typed", conn_timeout=60, read_timeout=60, tls=tls)


def test_it_speaks_tls(tls_address: TcpAddress, trusted: ConnectionOptions, descriptors: None) -> None:
    big = bytes(range(256)) * 10_000
    with BlockingConnection.open(tls_address, trusted) as connection:
        assert connection.execute([b"SET", b"big", big]) == b"OK"
        assert connection.execute([b"GET", b"big"]) == big
        with pytest.raises(PyRedisConnReadTimeout):
            connection.receive(timeout=0)
        connection.send(pack([b"GET", b"big"]))
        assert connection.receive(60, 1) == b"$"
        assert connection.pending()  # decrypted already, so the descriptor may have nothing to tell
        connection.send(pack([b"QUIT"]))
        came = b""
        while chunk := connection.receive(60):
            came += chunk
        assert came.endswith(b"\xff\r\n+OK\r\n")


def test_over_tls_too_nobody_waits_for_himself(tls_address: TcpAddress, trusted: ConnectionOptions) -> None:
    word = b"x" * 100_000
    unsent = pack([b"ECHO", word]) * 100
    due, got = 100 * len(b"$100000\r\n" + word + b"\r\n"), 0
    with BlockingConnection.open(tls_address, trusted) as connection:
        while got < due:
            poll = select.poll()
            poll.register(connection.fileno(), select.POLLIN | (select.POLLOUT if unsent else 0))
            poll.poll(0 if connection.pending() else 60_000)
            unsent = unsent[connection.send_some(unsent) :] if unsent else unsent
            try:
                got += len(connection.receive(0))
            except PyRedisConnReadTimeout:
                continue
    assert got == due


def test_no_more_arrives_over_tls_than_it_says_was_sent(authority: Authority) -> None:
    """Whoever sends again what was not sent would have a server do it twice."""
    context = server_context(authority.sign("localhost"))
    arrived, may_read = 0, threading.Event()

    def serve(listener: socket.socket) -> None:
        nonlocal arrived
        with context.wrap_socket(listener.accept()[0], server_side=True) as peer, suppress(OSError):
            may_read.wait(60)
            while chunk := peer.recv(1 << 16):
                arrived += len(chunk)

    with socket.create_server(("127.0.0.1", 0)) as listener:
        server = threading.Thread(target=serve, args=(listener,))
        server.start()
        options = ConnectionOptions(lib_name=None, tls=TlsOptions(ca_file=authority.ca_file))
        unsent, sent = memoryview(bytes(30_000_000)), 0
        try:
            address = TcpAddress("localhost", listener.getsockname()[1])
            with BlockingConnection.open(address, options) as connection:
                while some := connection.send_some(unsent):
                    unsent, sent = unsent[some:], sent + some
        finally:
            may_read.set()
            server.join()
    assert 0 < arrived <= sent


def test_the_end_of_a_server_is_a_success_over_tls_too(
    make_server: MakeServer, tls_config: tuple[str, ...], trusted: ConnectionOptions
) -> None:
    port = free_port()
    make_server("redis70", f"tls-port {port}", *tls_config[1:])
    with BlockingConnection.open(TcpAddress("localhost", port), trusted) as connection:
        assert connection.execute([b"SHUTDOWN", b"NOSAVE"]) is None


def test_a_missing_client_certificate_is_told_with_the_first_command(
    tls_address: TcpAddress, authority: Authority
) -> None:
    options = ConnectionOptions(lib_name=None, tls=TlsOptions(ca_file=authority.ca_file))
    connection = BlockingConnection.open(tls_address, options)
    with pytest.raises(PyRedisConnError) as caught:
        connection.execute([b"SHUTDOWN"])
    assert str(caught.value) == (
        f"cannot connect to {tls_address}: the server asks for a client certificate; give cert_file and key_file"
    )
    assert "client certificate" in str(error_of(tls_address, ConnectionOptions(database=1, tls=options.tls)))


def test_a_server_that_nobody_vouches_for_is_refused(tls_address: TcpAddress, tmp_path: Path) -> None:
    stranger = TlsOptions(ca_file=Authority(tmp_path / "stranger").ca_file)
    said = str(error_of(tls_address, ConnectionOptions(tls=stranger)))
    assert "signed by no authority that is trusted here; give the certificate" in said
    missing = str(error_of(tls_address, ConnectionOptions(tls=TlsOptions(ca_file="/no/such/file"))))
    assert "ca_file '/no/such/file' cannot be read" in missing


def test_a_server_without_tls_is_told_apart(descriptors: None, redis82: Server) -> None:
    said = str(error_of(tcp(redis82), ConnectionOptions(conn_timeout=0.2, tls=TlsOptions(verify=False))))
    assert "does it speak TLS" in said or "does not speak TLS on this port" in said


async def test_a_tls_handshake_that_stalls_ends_with_conn_timeout() -> None:
    options = ConnectionOptions(conn_timeout=0.2, tls=TlsOptions(verify=False))
    error, _ = await with_hostile(lambda address: error_of(address, options), Stall())
    assert "over TLS within 0.2 seconds; does it speak TLS on this port?" in str(error)
