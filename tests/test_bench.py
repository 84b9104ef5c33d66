"""The bench holds what it promises; every other test stands on it."""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import hiredis
import pytest

from tests.conftest import MakeBackgroundProxy, MakeProxy, MakeServer, MakeTerminal
from tests.hostile import Close, Hear, HearBytes, Hostile, Reset, Say, Stall
from tests.proxy import REPLIES, REQUESTS, Cut, Proxy, abort, in_background
from tests.servers import BINARIES, Server, ServerFailed, until, wait_until
from tests.terminal import Terminal

ROOT = Path(__file__).parent.parent
PING = b"*1\r\n$4\r\nPING\r\n"


@contextlib.asynccontextmanager
async def connect(host: str, port: int) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    reader, writer = await asyncio.open_connection(host, port)
    try:
        async with asyncio.timeout(10):
            yield reader, writer
    finally:
        await abort(writer)  # close() would wait for a peer that reads nothing


# Servers


@pytest.mark.parametrize(
    ("name", "product", "series"),
    [
        ("redis82", "redis", "8.2"),
        ("valkey9", "valkey", "9.1"),
        ("redis70", "redis", "7.0"),
        ("redis62", "redis", "6.2"),
    ],
)
def test_every_server_starts_and_says_who_it_is(
    name: str, product: str, series: str, make_server: MakeServer
) -> None:
    server = make_server(name)
    assert (server.product, server.version.rpartition(".")[0]) == (product, series)
    for host in ("127.0.0.1", *(["::1"] if server.has_ipv6 else [])):
        socket.create_connection((host, server.port), timeout=5).close()
    with socket.socket(socket.AF_UNIX) as unix:
        unix.connect(server.unix_path)


@pytest.mark.parametrize("end", [Server.kill, Server.stop])
def test_a_server_that_ended_comes_back_empty_on_the_same_port(
    make_server: MakeServer, end: Callable[[Server], None]
) -> None:
    server = make_server()
    server.command("SET", "name", "ada")
    port, pid = server.port, server.pid
    end(server)
    assert not server.alive
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection((server.host, port), timeout=5)
    server.start()
    assert (server.port, server.command("GET", "name")) == (port, None)
    assert server.pid != pid


def test_a_server_obeys_its_configuration(make_server: MakeServer) -> None:
    server = make_server("valkey9", "requirepass secret", "databases 4", "user ada on >lovelace ~* +@all")
    assert server.settings("databases") == {"databases": "4"}
    assert server.command("AUTH", "ada", "lovelace") == b"OK"
    with pytest.raises(hiredis.ReplyError, match="DB index is out of range"):
        server.command("SELECT", 4)


def test_a_server_that_cannot_start_shows_its_log() -> None:
    with pytest.raises(ServerFailed, match="nonsense"), Server(BINARIES["redis82"], "nonsense yes"):
        pytest.fail("the server started")


def test_a_port_that_is_taken_is_reported_as_that(redis82: Server) -> None:
    second = Server(BINARIES["redis82"], port=redis82.port)
    with pytest.raises(ServerFailed, match="Address already in use"), second:
        pytest.fail("two servers share a port")


def test_a_paused_server_answers_once_it_is_resumed(make_server: MakeServer) -> None:
    server = make_server()
    with socket.create_connection((server.host, server.port), timeout=0.1) as client:
        server.pause()
        client.sendall(PING)
        with pytest.raises(TimeoutError):
            client.recv(16)
        server.resume()
        client.settimeout(10)
        assert client.recv(16) == b"+PONG\r\n"


def test_a_reset_leaves_nothing_of_the_test_before(server: Server) -> None:
    with socket.create_connection((server.host, server.port), timeout=10) as leftover:
        leftover.sendall(PING)
        assert leftover.recv(16) == b"+PONG\r\n"
        server.command("SET", "name", "ada")
        server.command("ACL", "SETUSER", "ada", "on", "nopass")
        server.command("ACL", "SETUSER", "default", "-flushall")
        server.command("CONFIG", "SET", "maxmemory", "1mb")
        server.command("CLIENT", "PAUSE", 60_000, "WRITE")
        server.command("CLIENT", "SETNAME", "bench")
        server.command("SELECT", 3)
        pid = server.pid
        server.reset()
        assert server.pid == pid
        assert leftover.recv(16) == b""
    assert server.command("DBSIZE") == 0
    assert server.command("ACL", "USERS") == [b"default"]
    assert server.settings("maxmemory") == {"maxmemory": "0"}
    assert server.command("CLIENT", "GETNAME") in (None, b"")
    bench = server.command("CLIENT", "INFO")
    assert isinstance(bench, bytes)
    assert re.search(rb"\bdb=0\b", bench)
    assert server.clients() == 0


def test_a_reset_starts_a_server_afresh_that_locked_everybody_out(make_server: MakeServer) -> None:
    server = make_server()
    server.command("ACL", "SETUSER", "default", "-@all")
    server.reset()
    assert server.command("PING") == b"PONG"


async def test_a_blocked_client_is_waited_for(server: Server) -> None:
    async with connect(server.host, server.port) as (_, writer):
        writer.write(b"BLPOP queue 0\r\n")
        await server.until_blocked()
        assert (server.blocked(), server.clients()) == (1, 1)
    await server.until_clients(0)


def test_servers_die_with_a_process_that_is_killed() -> None:
    program = (
        "from tests.servers import BINARIES, Server; import signal\n"
        "server = Server(BINARIES['redis82']); server.start()\n"
        "print(server.port, server.folder, flush=True); signal.pause()\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", program], stdout=subprocess.PIPE, text=True, cwd=ROOT
    ) as owner:
        assert owner.stdout is not None
        port, folder = owner.stdout.readline().split()
        socket.create_connection(("127.0.0.1", int(port)), timeout=10).close()
        owner.kill()
    wait_until(lambda: _refused(int(port)) and not os.path.exists(folder))


def _refused(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), timeout=10).close()
    except OSError:
        return True
    return False


async def test_waiting_ends_with_a_message_that_names_the_condition() -> None:
    with pytest.raises(AssertionError, match="pigs fly"):
        await until(lambda: False, seconds=0.02, what="pigs fly")
    with pytest.raises(AssertionError, match=r"len.*== 3"):
        wait_until(lambda: len("ab") == 3, seconds=0.02)


# Proxy


async def test_a_proxy_passes_and_counts(server: Server, proxy: MakeProxy, no_leaks: None) -> None:
    faults = await proxy(server)
    async with connect(*faults.address) as (reader, writer):
        writer.write(PING)
        assert await reader.readexactly(7) == b"+PONG\r\n"
        assert (faults.accepted, faults.open) == (1, 1)
        assert (faults.request_bytes, faults.reply_bytes) == (len(PING), 7)
    await until(lambda: faults.open == 0)
    await server.until_clients(0)


async def test_a_proxy_passes_the_end_of_a_connection_that_the_server_closes(
    redis82: Server, proxy: MakeProxy
) -> None:
    faults = await proxy(redis82)
    async with connect(*faults.address) as (reader, writer):
        writer.write(b"QUIT\r\n")
        assert await reader.read() == b"+OK\r\n"


async def test_a_cut_by_fin_is_an_end_and_a_cut_by_rst_an_error(redis82: Server, proxy: MakeProxy) -> None:
    faults = await proxy(redis82)
    async with connect(*faults.address) as (reader, writer):
        writer.write(PING)
        await reader.readexactly(7)
        faults.cut(Cut.FIN)
        assert await reader.read() == b""
    async with connect(*faults.address) as (reader, writer):
        writer.write(PING)
        await reader.readexactly(7)
        faults.cut(Cut.RST)
        with pytest.raises(ConnectionResetError):
            await reader.read()
    await redis82.until_clients(0)


@pytest.mark.parametrize("direction", [REQUESTS, REPLIES])
async def test_a_stalled_direction_holds_its_bytes_until_it_is_healed(
    redis82: Server, proxy: MakeProxy, direction: object
) -> None:
    faults = await proxy(redis82)
    async with connect(*faults.address) as (reader, writer):
        faults.stall(REQUESTS if direction is REQUESTS else REPLIES)
        writer.write(b"INCR visits\r\n")
        if direction is REPLIES:
            await until(lambda: redis82.command("GET", "visits") == b"1")
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(reader.readexactly(1), 0.05)
        assert faults.reply_bytes == 0
        assert redis82.command("EXISTS", "visits") == (direction is REPLIES)
        await faults.heal()
        assert await reader.readexactly(4) == b":1\r\n"


async def test_a_stalled_proxy_goes_on_accepting_bytes(redis82: Server, proxy: MakeProxy) -> None:
    faults = await proxy(redis82)
    async with connect(*faults.address) as (reader, writer):
        faults.stall(REQUESTS)
        writer.write(b"*2\r\n$4\r\nECHO\r\n$16777216\r\n" + bytes(1 << 24) + b"\r\n")
        await writer.drain()
        await until(lambda: writer.transport.get_write_buffer_size() == 0)
        await faults.heal()
        assert await reader.readuntil(b"\r\n") == b"$16777216\r\n"
        assert await reader.readexactly((1 << 24) + 2) == bytes(1 << 24) + b"\r\n"


async def test_a_chunking_proxy_delivers_every_byte_in_small_packets(
    redis82: Server, proxy: MakeProxy
) -> None:
    faults = await proxy(redis82)
    faults.chunk(3)
    async with connect(*faults.address) as (reader, writer):
        writer.write(PING)
        pieces = [await reader.read(100)]
        while b"".join(pieces) != b"+PONG\r\n":
            pieces.append(await reader.read(100))
    assert len(pieces) > 1


async def test_a_delayed_reply_comes_later_but_whole(redis82: Server, proxy: MakeProxy) -> None:
    faults = await proxy(redis82)
    faults.delay(0.1)
    async with connect(*faults.address) as (reader, writer):
        started = time.monotonic()
        writer.write(PING)
        assert await reader.readexactly(7) == b"+PONG\r\n"
        assert time.monotonic() - started >= 0.1


@pytest.mark.parametrize("size", [0, 1, 6])
async def test_a_reply_is_dropped_after_exactly_so_many_bytes_and_only_once(
    redis82: Server, proxy: MakeProxy, size: int
) -> None:
    faults = await proxy(redis82)
    faults.drop_after(size)
    async with connect(*faults.address) as (reader, writer):
        writer.write(PING)
        assert await reader.read() == b"+PONG\r\n"[:size]
    async with connect(*faults.address) as (reader, writer):
        writer.write(PING)
        assert await reader.readexactly(7) == b"+PONG\r\n"


async def test_a_request_is_dropped_before_its_last_byte(redis82: Server, proxy: MakeProxy) -> None:
    faults = await proxy(redis82)
    faults.drop_after(len(b"INCR visits\r"), REQUESTS)
    async with connect(*faults.address) as (reader, writer):
        writer.write(b"INCR visits\r\n")
        assert await reader.read() == b""
    await redis82.until_clients(0)
    assert redis82.command("EXISTS", "visits") == 0


async def test_a_refusing_proxy_comes_back_on_the_same_port(redis82: Server, proxy: MakeProxy) -> None:
    faults = await proxy(redis82)
    address = faults.address
    await faults.refuse()
    with pytest.raises(ConnectionRefusedError):
        await asyncio.open_connection(*address)
    await faults.heal()
    async with connect(*address) as (reader, writer):
        writer.write(PING)
        assert await reader.readexactly(7) == b"+PONG\r\n"


async def test_a_deaf_proxy_accepts_and_stays_silent(
    redis82: Server, proxy: MakeProxy, no_leaks: None
) -> None:
    faults = await proxy(redis82)
    faults.deafen()
    async with connect(*faults.address) as (reader, writer):
        writer.write(PING)
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(reader.readexactly(1), 0.05)
    assert (faults.accepted, redis82.clients()) == (1, 0)


async def test_a_proxy_in_front_of_a_dead_server_breaks_the_connection(
    make_server: MakeServer, proxy: MakeProxy
) -> None:
    server = make_server()
    faults = await proxy(server)
    server.kill()
    async with connect(*faults.address) as (reader, _):
        with pytest.raises(ConnectionResetError):
            await reader.read()


async def test_a_proxy_may_stand_on_unix_sockets(redis82: Server, tmp_path: Path, no_leaks: None) -> None:
    path = str(tmp_path / "p")
    async with Proxy(redis82.unix_path, unix_path=path):
        reader, writer = await asyncio.open_unix_connection(path)
        writer.write(PING)
        assert await reader.readexactly(7) == b"+PONG\r\n"
        writer.close()
        await writer.wait_closed()
    with pytest.raises(FileNotFoundError):
        await asyncio.open_unix_connection(path)


async def test_a_proxy_closes_what_is_open_when_it_ends(redis82: Server, no_leaks: None) -> None:
    async with Proxy((redis82.host, redis82.port)) as faults:
        reader, writer = await asyncio.open_connection(*faults.address)
        faults.stall()
        writer.write(PING)
        await until(lambda: faults.open == 1)
    assert await reader.read() == b""
    writer.close()
    await writer.wait_closed()


def test_a_background_proxy_serves_a_test_that_blocks(
    redis82: Server, background_proxy: MakeBackgroundProxy
) -> None:
    background = background_proxy(redis82)
    with socket.create_connection((background.host, background.port), timeout=10) as client:
        client.sendall(PING)
        assert client.recv(16) == b"+PONG\r\n"
        background.do(Proxy.cut)
        with pytest.raises(ConnectionResetError):
            client.recv(16)
    background.do(Proxy.refuse)
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection((background.host, background.port), timeout=10)
    background.do(Proxy.heal)
    socket.create_connection((background.host, background.port), timeout=10).close()


def test_a_background_proxy_that_cannot_start_says_why(tmp_path: Path) -> None:
    missing = str(tmp_path / "missing" / "socket")
    with pytest.raises(FileNotFoundError), in_background(("127.0.0.1", 1), unix_path=missing):
        pytest.fail("the proxy started")


# Hostile


async def test_a_hostile_server_speaks_exactly_its_script(no_leaks: None) -> None:
    script = [Hear(b"PING"), Say(b"+PO"), Hear(b"PING"), HearBytes(4), Say(b"NG\r\n", piece=1), Close()]
    async with Hostile(script) as server, connect(server.host, server.port) as (reader, writer):
        writer.write(b"PING")
        assert await reader.readexactly(3) == b"+PO"
        writer.write(b"PINGmore")
        assert await reader.read() == b"NG\r\n"
        assert server.received == [b"PINGPINGmore"]


async def test_a_hostile_server_plays_one_script_after_another_and_the_last_one_for_ever() -> None:
    async with Hostile([Say(b"first"), Close()], [Say(b"then"), Close()]) as server:
        heard = []
        for _ in range(3):
            async with connect(server.host, server.port) as (reader, _):
                heard.append(await reader.read())
        assert heard == [b"first", b"then", b"then"]
        assert server.accepted == 3


async def test_a_hostile_server_can_reset() -> None:
    async with (
        Hostile([Hear(b"x"), Reset()]) as server,
        connect(server.host, server.port) as (reader, writer),
    ):
        writer.write(b"x")
        with pytest.raises(ConnectionResetError):
            await reader.read()


async def test_a_played_script_leaves_the_connection_open_and_goes_on_listening(no_leaks: None) -> None:
    async with Hostile([Say(b"+OK\r\n")]) as server, connect(server.host, server.port) as (reader, writer):
        assert await reader.readexactly(5) == b"+OK\r\n"
        writer.write(b"still there?")
        await until(lambda: server.received == [b"still there?"])
        assert server.played == 1


async def test_a_stalled_script_stops_reading(no_leaks: None) -> None:
    async with Hostile([Stall()]) as server, connect(server.host, server.port) as (_, writer):
        writer.write(bytes(1 << 24))
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(writer.drain(), 0.1)
        assert server.received == [b""]


# Terminal

ASKS_FOR_THE_CURSOR = """
import os, tty
old = tty.setraw(0)
os.write(1, b"ab\\x1b[6n")
answer = b""
while not answer.endswith(b"R"):
    answer += os.read(0, 16)
os.write(1, b"\\r\\n" + repr(answer).encode() + b"\\r\\n")
"""
SHOWS_ITS_SIZE = """
import os, signal
show = lambda *_: print(*os.get_terminal_size(), flush=True)
signal.signal(signal.SIGWINCH, show)
show()
while True:
    signal.pause()
"""
ECHOES_KEYS = """
import os, tty
tty.setraw(0)
os.write(1, b"ready\\r\\n")
while True:
    os.write(1, repr(os.read(0, 64)).encode() + b"\\r\\n")
"""


def python(program: str) -> list[str]:
    return [sys.executable, "-c", program]


def test_a_terminal_shows_what_a_person_would_see(terminal: MakeTerminal) -> None:
    screen = terminal(python(r"print('gone\r\x1b[31mkey\x1b[0m \u4e2d\u6587!\x1b[K'); input('> ')"))
    screen.wait_for("> ")
    assert screen.display[:2] == ["key 中文!", ">"]
    assert (screen.line, screen.cursor) == (">", (2, 1))
    assert screen.text == "key 中文!\n>"
    assert screen.cell(0, 0).fg == "red"
    assert b"\x1b[31mkey" in screen.raw
    screen.send("bye")
    screen.wait_for(re.compile(r"^> bye$", re.MULTILINE))
    screen.send_key("enter")
    assert screen.exit_code() == 0


def test_a_terminal_keeps_what_scrolled_away(terminal: MakeTerminal) -> None:
    screen = terminal(python("for n in range(50): print('line', n)"), rows=5)
    assert screen.exit_code() == 0
    screen.wait_for("line 0\n")
    assert screen.scrolled[:2] == ["line 0", "line 1"]
    assert screen.display[-2:] == ["line 49", ""]


def test_a_terminal_says_where_its_cursor_is(terminal: MakeTerminal) -> None:
    screen = terminal(python(ASKS_FOR_THE_CURSOR))
    screen.wait_for(r"b'\x1b[1;3R'")


def test_a_resized_terminal_tells_the_program(terminal: MakeTerminal) -> None:
    screen = terminal(python(SHOWS_ITS_SIZE), columns=100, rows=10)
    screen.wait_for("100 10")
    screen.resize(40, 5)
    screen.wait_for("40 5")


@pytest.mark.parametrize(
    ("key", "typed"),
    [("c-c", b"\x03"), ("c-D", b"\x04"), ("up", b"\x1b[A"), ("m-b", b"\x1bb"), ("m-enter", b"\x1b\r")],
)
def test_a_key_is_what_terminals_send(terminal: MakeTerminal, key: str, typed: bytes) -> None:
    screen = terminal(python(ECHOES_KEYS))
    screen.wait_for("ready")
    screen.send_key(key)
    screen.wait_for(repr(typed))


def test_pasted_text_is_marked_as_pasted(terminal: MakeTerminal) -> None:
    screen = terminal(python(ECHOES_KEYS))
    screen.wait_for("ready")
    screen.paste("get a")
    screen.wait_for(r"b'\x1b[200~get a\x1b[201~'")


def test_an_unknown_key_is_refused(terminal: MakeTerminal) -> None:
    with pytest.raises(ValueError, match="unknown key 'hyper'"):
        terminal(python("input()")).send_key("hyper")


def test_the_alternate_screen_leaves_the_main_one_as_it_was(terminal: MakeTerminal) -> None:
    pager = r"print('main'); print('\x1b[?1049h\x1b[Hpage', end='', flush=True); input()"
    screen = terminal(python(pager + r"; print('\x1b[?1049l', end='', flush=True); input()"))
    screen.wait_until(lambda seen: seen.display[0] == "page")
    screen.send_key("enter")
    screen.wait_until(lambda seen: seen.display[0] == "main")
    assert "page" not in screen.text


def test_the_end_of_a_program_is_known_by_code_or_signal(terminal: MakeTerminal) -> None:
    assert terminal(python("raise SystemExit(7)")).exit_code() == 7
    killed = terminal(python("print('up'); input()"))
    killed.wait_for("up")
    os.kill(killed.pid, signal.SIGTERM)
    assert killed.exit_code() == -signal.SIGTERM


def test_a_wait_that_fails_shows_the_screen(terminal: MakeTerminal) -> None:
    waiting = terminal(python("print('only this'); input()"))
    with pytest.raises(AssertionError, match=r"0.5 s went by before 'that' on the screen(?s:.*)only this"):
        waiting.wait_for("that", timeout=0.5)
    with pytest.raises(AssertionError, match="the program ended before"):
        terminal(python("pass")).wait_for("that")


def test_a_closed_terminal_leaves_no_process_behind() -> None:
    with Terminal(
        python("import signal; signal.signal(signal.SIGHUP, signal.SIG_IGN); print('up'); input()")
    ) as it:
        it.wait_for("up")
    with pytest.raises(ProcessLookupError):
        os.kill(it.pid, 0)


# Leaks


LEAKY = """
import asyncio, os

async def test_clean(no_leaks):
    await asyncio.create_task(asyncio.sleep(0))

async def test_task(no_leaks):
    global task
    task = asyncio.create_task(asyncio.Event().wait())

async def test_descriptor(no_leaks):
    os.open(os.devnull, os.O_RDONLY)
"""


def test_a_leak_is_found(tmp_path: Path) -> None:
    (tmp_path / "conftest.py").write_text(
        "from tests import conftest\nfrom tests.conftest import no_leaks\nconftest._LEAK_DEADLINE = 0.2\n"
    )
    (tmp_path / "test_leaky.py").write_text(LEAKY)
    outcome = subprocess.run(
        [sys.executable, "-m", "pytest", "-c", ROOT / "pyproject.toml", "--rootdir", tmp_path, tmp_path],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    assert "3 passed, 2 errors" in outcome.stdout, outcome.stdout
    assert re.search(r"at teardown of test_task (?s:.*) no task is left of .*Event\.wait", outcome.stdout)
    assert re.search(r"at teardown of test_descriptor (?s:.*) not .*'/dev/null'", outcome.stdout)
