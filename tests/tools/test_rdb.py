"""``rdb``: a server loads what was saved, and what was not saved whole is not there."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.conftest import MakeBackgroundProxy, MakeServer, MakeTerminal
from tests.hostile import Close, Hear, Hostile, Say, Stall
from tests.program import PROGRAM, ROOT, Ran, Running, ran
from tests.servers import Server, wait_until

OLD = b"what was there before"
RDB = b"REDIS0011" + b"x" * 1000 + b"\xff" + b"checksum"
ASKED = (Hear(b"eof\r\n"), Say(b"+OK\r\n"), Hear(b"rdb-only"), Say(b"+OK\r\n"), Hear(b"SYNC\r\n"))
"""What a server hears, and says, until it is asked for its data."""


@pytest.fixture(params=["redis62", "redis70", "redis82", "valkey9"])
def any_server(request: pytest.FixtureRequest, shared_server: Callable[..., Server]) -> Server:
    return shared_server(request.param, "repl-diskless-sync-delay 0")


@pytest.fixture
def server(shared_server: Callable[..., Server]) -> Server:
    return shared_server("redis82", "repl-diskless-sync-delay 0")


@pytest.fixture
def target(tmp_path: Path) -> Path:
    """Return a file in a folder of its own."""
    folder = tmp_path / "saved"
    folder.mkdir()
    return folder / "dump.rdb"


@pytest.fixture
def old_target(target: Path) -> Path:
    """Return a file that was there before."""
    target.write_bytes(OLD)
    return target


def loaded(rdb: Path, like: Server) -> Server:
    """Return a server of the same program that begins with the file."""
    server = Server(like.binary)
    shutil.copy(rdb, server.folder / "dump.rdb")
    return server


@pytest.mark.parametrize("diskless", ["yes", "no"])
def test_a_server_loads_what_was_saved(any_server: Server, target: Path, diskless: str):
    any_server.command("CONFIG", "SET", "repl-diskless-sync", diskless)
    any_server.command("MSET", b"a\r\n\xff", b"\0" * 100_000, "b", "2")
    any_server.command("RPUSH", "list", *range(100))
    done = ran(any_server, "--rdb", str(target))
    size = target.stat().st_size
    told = (
        f"{size} bytes were written to {target}; their checksum was not verified, redis-check-rdb does that\n"
    )
    assert (done.code, done.stdout, done.said) == (0, b"", told)
    assert [path.name for path in target.parent.iterdir()] == ["dump.rdb"]
    with loaded(target, any_server) as server:
        assert server.command("DBSIZE") == 3
        assert server.command("GET", b"a\r\n\xff") == b"\0" * 100_000
        assert server.command("LRANGE", "list", 98, -1) == [b"98", b"99"]


def test_standard_output_gets_the_rdb_alone(server: Server):
    server.command("SET", "a", "1")
    done = ran(server, "rdb", "-")
    assert done.code == 0
    assert done.stdout.startswith(b"REDIS")
    assert done.stdout[-9] == 0xFF
    assert done.said.startswith(f"{len(done.stdout)} bytes were written to standard output")


def test_of_a_cluster_it_is_one_node_and_says_so(server: Server, target: Path):
    done = ran("-c", "-p", str(server.port), "rdb", str(target))
    alone = f"the data of 127.0.0.1:{server.port} alone and of no other node; their checksum was not verified"
    assert done.code == 0
    assert f"were written to {target}, {alone}" in done.said


def test_functions_alone(any_server: Server, target: Path):
    any_server.command("SET", "a", "1")
    if any_server.binary.major < 7:
        done = ran(any_server, "--functions-rdb", str(target))
        assert done.code == 1
        assert "cannot send its functions alone; Redis 7.0 can" in done.said
        assert not list(target.parent.iterdir())
        return
    any_server.command(
        "FUNCTION", "LOAD", "#!lua name=lib\nredis.register_function('hello', function() return 1 end)"
    )
    assert ran(any_server, "--functions-rdb", str(target)).code == 0
    with loaded(target, any_server) as server:
        assert server.command("DBSIZE") == 0
        assert server.command("FCALL", "hello", 0) == 1


def test_an_older_file_is_replaced_with_its_mode_and_through_a_link(server: Server, target: Path):
    target.write_bytes(OLD)
    target.chmod(0o640)
    link = target.with_name("link")
    link.symlink_to(target.name)
    assert ran(server, "rdb", str(link)).code == 0
    assert link.is_symlink()
    assert target.read_bytes().startswith(b"REDIS")
    assert target.stat().st_mode & 0o777 == 0o640


def holds(target: Path, expected: bytes) -> bool:
    """Whether the file is there with these bytes, and nothing else beside it."""
    return [path.name for path in target.parent.iterdir()] == [
        target.name
    ] and target.read_bytes() == expected


def fill(server: Server, size: int) -> None:
    """Give the server data that does not become shorter in an RDB."""
    server.command("CONFIG", "SET", "rdbcompression", "no")
    server.command("SET", "key", b"x" * size)


@pytest.mark.parametrize("diskless", ["yes", "no"])
def test_a_lost_connection_leaves_nothing_behind(
    server: Server, background_proxy: MakeBackgroundProxy, target: Path, diskless: str
):
    server.command("CONFIG", "SET", "repl-diskless-sync", diskless)
    fill(server, 1_000_000)
    target.write_bytes(OLD)
    proxy = background_proxy(server)
    proxy.do(lambda inner: inner.drop_after(300_000))
    done = ran("-p", str(proxy.port), "rdb", str(target))
    assert done.code == 3
    assert "the connection; " in done.said
    assert f"bytes had come, {target} was not written\n" in done.said
    assert holds(target, OLD)


def test_an_interrupt_leaves_nothing_behind(
    server: Server, background_proxy: MakeBackgroundProxy, target: Path
):
    fill(server, 1_000_000)
    target.write_bytes(OLD)
    proxy = background_proxy(server)
    proxy.do(lambda inner: inner.chunk(1000))
    with Running("-p", str(proxy.port), "rdb", str(target)) as program:
        part = wait_until(lambda: list(target.parent.glob(".*.part")))[0]
        wait_until(lambda: part.stat().st_size > 0)
        assert target.read_bytes() == OLD
        program.signal(signal.SIGINT)
        assert program.ended() == (130, b"")
    assert holds(target, OLD)


def test_what_somebody_else_removed_on_the_way_is_told(
    server: Server, background_proxy: MakeBackgroundProxy, target: Path
):
    fill(server, 1_000_000)
    proxy = background_proxy(server)
    proxy.do(lambda inner: inner.chunk(1000))
    with Running("-p", str(proxy.port), "rdb", str(target)) as program:
        wait_until(lambda: list(target.parent.glob(".*.part")))[0].unlink()
        proxy.do(lambda inner: inner.heal())
        assert program.ended() == (7, f"cannot write {target}: No such file or directory\n".encode())
    assert not list(target.parent.iterdir())


def test_a_full_disk_leaves_nothing_behind(server: Server, target: Path, terminal: MakeTerminal):
    fill(server, 1_000_000)
    target.write_bytes(OLD)
    # No file may become larger than 100 blocks.
    command = f"ulimit -f 100; exec {' '.join(PROGRAM)} -s {server.unix_path} rdb {target}"
    shell = terminal(["/bin/sh", "-c", command], cwd=str(ROOT), columns=200)
    wait_until(lambda: not shell.alive)
    wait_until(lambda: f"cannot write {target}: File too large" in shell.text)
    assert holds(target, OLD)


def test_a_device_is_written_as_it_is(server: Server):
    done = ran(server, "rdb", "/dev/full")
    assert (done.code, done.said) == (7, "cannot write /dev/full: No space left on device\n")
    assert Path("/dev/full").is_char_device()


async def served(*words: bytes, piece: int | None = None, target: Path) -> Ran:
    """Run ``rdb`` against a server that answers SYNC like this, and then hangs up."""
    said = [Say(word, piece) for word in words]
    async with Hostile([*ASKED, *said, Close()]) as server:
        return await asyncio.to_thread(ran, "-p", str(server.port), "rdb", str(target))


async def test_lines_that_keep_the_link_alive_are_no_part_of_it(target: Path):
    done = await served(b"\n\n\n$%d\r\n" % len(RDB) + RDB, piece=7, target=target)
    assert done.code == 0
    assert holds(target, RDB)


@pytest.mark.parametrize(
    ("answer", "code", "told"),
    [
        (b"$1018\r\n" + b"R" * 1018, 3, "what the server sent is no RDB: it begins with b'RRRRRRRRR'"),
        (
            b"$%d\r\n" % len(RDB) + RDB[:-9] + b"\0" * 9,
            3,
            "is no RDB: its last bytes are not those of an RDB",
        ),
        (b"$9999\r\n" + RDB, 3, "closed the connection; 1018 bytes had come"),
        (b"$EOF:" + b"M" * 40 + b"\r\n" + RDB + b"M" * 39, 3, "closed the connection; "),
        (b"HTTP/1.1 400 Bad Request\r\n", 3, "does not speak RESP"),
        (b"-ERR\x1b[2J no\r\n", 1, "(error) ERR"),
        (b"", 3, "closed the connection"),
    ],
)
async def test_what_is_no_rdb_is_not_kept(old_target: Path, answer: bytes, code: int, told: str):
    target = old_target
    done = await served(answer, target=target)
    assert done.code == code
    assert told in done.said
    assert done.said.count("\n") == 1
    assert holds(target, OLD)


async def test_a_server_that_falls_silent_is_given_up(target: Path):
    async with Hostile([*ASKED, Stall()]) as server:
        done = await asyncio.to_thread(
            ran, "-p", str(server.port), "--read-timeout", "0.3", "rdb", str(target)
        )
    assert done.code == 5
    assert "nothing from 127.0.0.1" in done.said
    assert not list(target.parent.iterdir())


def test_a_refusal_is_one_line(make_server: MakeServer, target: Path):
    server = make_server()
    server.command("ACL", "SETUSER", "bob", "on", ">pw", "allkeys", "+@all", "-sync", "-psync")
    done = ran(server, "--no-auth-warning", "--user", "bob", "--pass", "pw", "rdb", str(target))
    assert done.code == 1
    assert done.said.startswith("(error) NOPERM")
    server.command("REPLICAOF", "127.0.0.1", "1")
    done = ran(server, "rdb", str(target))
    assert done.code == 1
    assert done.said.startswith("(error) NOMASTERLINK Can't SYNC")
    assert done.said.count("\n") == 1
    assert not list(target.parent.iterdir())


@pytest.mark.parametrize(
    ("words", "code", "told"),
    [
        ((), 2, "rdb: name one FILE"),
        (("a", "b"), 2, "rdb: name one FILE"),
        (("",), 2, "rdb: name one FILE"),
        (("/nowhere/x.rdb",), 2, "rdb: cannot write /nowhere/x.rdb: No such file or directory"),
        (("/",), 2, "rdb: cannot write /: Is a directory"),
        (("-",), 3, "cannot connect to 127.0.0.1:1"),
    ],
)
def test_what_cannot_begin_is_told_in_one_line(words: tuple[str, ...], code: int, told: str):
    done = ran("-p", "1", "rdb", *words)
    assert done.code == code
    assert told in done.said
    assert (done.said.count("\n"), done.stdout) == (1, b"")


def test_a_terminal_sees_how_far_it_is_and_never_an_rdb(
    server: Server, background_proxy: MakeBackgroundProxy, target: Path, terminal: MakeTerminal
):
    fill(server, 1_000_000)
    server.command("CONFIG", "SET", "repl-diskless-sync", "no")
    proxy = background_proxy(server)
    proxy.do(lambda inner: inner.chunk(2000))
    program = terminal([*PROGRAM, "-p", str(proxy.port), "rdb", str(target)], cwd=str(ROOT), columns=78)
    wait_until(lambda: any("of 97" in line and "/s" in line for line in program.display))
    proxy.do(lambda inner: inner.heal())
    wait_until(lambda: "bytes were written to" in program.text)
    assert "of 97" not in program.text
    refused = terminal([*PROGRAM, "-s", server.unix_path, "rdb", "-"], cwd=str(ROOT), columns=120)
    wait_until(lambda: "an RDB is nothing for a terminal" in refused.text)


async def test_a_terminal_sees_that_the_server_has_not_begun(target: Path, terminal: MakeTerminal):
    async with Hostile([*ASKED, Say(b"\n" * 2000, 1), Stall()]) as server:
        command = [*PROGRAM, "-p", str(server.port), "rdb", str(target)]
        program = terminal(command, cwd=str(ROOT), columns=78)
        told = "waiting for the server to begin its snapshot  0:0"
        await asyncio.to_thread(wait_until, lambda: told in program.text)
        assert "0B" not in program.text


def test_a_folder_that_is_gone_is_told(redis82: Server, tmp_path: Path) -> None:
    gone = tmp_path / "gone"
    gone.mkdir()
    script = 'cd "$1" && rmdir "$1" && shift && exec "$@"'
    done = subprocess.run(
        ["sh", "-c", script, "sh", str(gone), *PROGRAM, "-s", redis82.unix_path, "rdb", "x"],
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.endswith("rdb: cannot write x: No such file or directory\n")
