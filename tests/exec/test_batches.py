"""Commands of scripts that are sent many at a time: never past a change of state, nor twice, nor without limit."""

from __future__ import annotations

import asyncio
import os
import re
import signal
import subprocess
from contextlib import suppress
from pathlib import Path

import pytest

from tests.conftest import MakeBackgroundProxy, MakeServer
from tests.hostile import Close, Hear, HearBytes, Hostile, Say, Stall
from tests.program import PROGRAM, ROOT, Ran, Running, ran, ran_redis_cli, redis_cli_70
from tests.proxy import REPLIES, BackgroundProxy
from tests.servers import Server, wait_until
from tests.terminal import Terminal


def to(proxy: BackgroundProxy) -> tuple[str, ...]:
    return "-h", proxy.host, "-p", str(proxy.port)


# -- state


@pytest.mark.parametrize("server", ["redis62", "redis70", "redis82", "valkey9"], indirect=True)
@pytest.mark.parametrize("way", ["stdin", "file"])
def test_nothing_outruns_a_select_that_fails(server: Server, tmp_path: Path, way: str) -> None:
    script = b"SET before 1\nGET before\nSELECT 99\nFLUSHDB\nSET after 1\n"
    (tmp_path / "script").write_bytes(script)
    server.command("SET", "precious", "1")

    if way == "stdin":
        told = ran(server, stdin=script)
    else:
        told = ran(server, "exec", "-f", str(tmp_path / "script"), stdin=subprocess.DEVNULL)

    name = "stdin" if way == "stdin" else tmp_path / "script"
    assert (told.code, told.stdout.splitlines()[:2]) == (4, [b"OK", b"1"])
    assert told.said.startswith(f"{name}:3: SELECT: (error) ERR ")
    assert told.said.endswith("; stopped here, no later line was sent\n")
    assert sorted(server.command("KEYS", "*")) == [b"before", b"precious"]  # type: ignore[type-var]


def test_redis_cli_empties_the_wrong_database(redis82: Server) -> None:
    """Why it matters: the same lines, and what is there is gone."""
    redis82.command("SET", "precious", "1")

    ran_redis_cli(redis82, stdin=b"SELECT 99\nFLUSHDB\n", binary=redis_cli_70())

    assert redis82.command("EXISTS", "precious") == 0


def test_each_command_meets_the_state_that_the_lines_before_it_made(server: Server) -> None:
    server.command("ACL", "SETUSER", "ada", "on", ">countess", "~*", "+@all")
    script = b"".join(b"SELECT %d\nSET k %d\nINCR n\n" % (n, n) for n in range(8))
    script += b"SELECT 3\nGET k\nAUTH ada countess\nACL WHOAMI\nRESET\nACL WHOAMI\nGET k\n"

    told = ran(server, stdin=script)

    assert (told.code, told.said) == (0, "")
    assert told.stdout == b"OK\nOK\n1\n" * 8 + b"OK\n3\nOK\nada\nRESET\ndefault\n0\n"


def test_a_transaction_in_the_middle_of_a_script_is_one(server: Server) -> None:
    script = b"INCR n\nINCR n\nMULTI\nINCR n\nGET n\nEXEC\nINCR n\nMULTI\nINCR n\nDISCARD\nGET n\n"

    told = ran(server, stdin=script)

    assert told == Ran(0, b"1\n2\nOK\nQUEUED\nQUEUED\n3\n3\n4\nOK\nQUEUED\nOK\n4\n", b"")


async def test_a_blocking_command_waits_for_the_ones_before_it_and_holds_up_the_ones_behind(
    server: Server,
) -> None:
    with Running(server) as program:
        program.write(b"RPUSH other 1\nBLPOP queue 0\nLLEN queue\n")
        assert program.line() == b"1\n"
        await server.until_blocked()
        server.command("RPUSH", "queue", "a", "b")
        assert [program.line() for _ in range(3)] == [b"queue\n", b"a\n", b"1\n"]
        program.end_input()
        assert program.ended() == (0, b"")


def test_a_command_that_nobody_knows_goes_by_itself(make_server: MakeServer) -> None:
    server = make_server("redis82", "rename-command SELECT CHOOSE")
    server.command("SET", "precious", "1")

    told = ran(server, stdin=b"GET precious\nCHOOSE 1\nEXISTS precious\nCHOOSE 0\nEXISTS precious\n")

    assert told == Ran(0, b"1\nOK\n0\nOK\n1\n", b"")


# -- order, speed and limits


def test_replies_come_in_the_order_of_the_commands(server: Server) -> None:
    script = b"".join(
        b"SET k%d v%d\nGET k%d\nINCR n\nLPUSH l x\nLRANGE l 0 1\nEXISTS none\nGET none\n" % (n, n, n)
        for n in range(1_000)
    )

    ours = ran(server, stdin=script)

    expected = b""
    for n in range(1_000):
        expected += b"OK\nv%d\n%d\n%d\n%b0\n\n" % (n, n + 1, n + 1, b"x\n" * min(n + 1, 2))
    assert ours == Ran(0, expected, b"")


@pytest.mark.parametrize("flags", [("--json",), ("--no-raw",), ("-3",), ("--csv",), ("--format", "resp")])
def test_every_format_is_the_same_one_by_one_and_many_at_a_time(
    redis82: Server, flags: tuple[str, ...]
) -> None:
    lines = (
        b"DEL h\nHSET h f 1.5 g w\nHGETALL h\nINFO nosuch\nGET h\nPING\nGET none\nHINCRBYFLOAT h f 1\n" * 20
    )
    singly = ran(redis82, *flags, "--echo", stdin=lines)

    redis82.command("FLUSHALL")
    together = ran(redis82, *flags, stdin=lines)

    replies = re.sub(rb"(?m)^> .*\n", b"", singly.stdout)
    assert together == Ran(1, replies, singly.stderr)


def test_many_commands_are_sent_before_the_first_is_answered(
    redis82: Server, background_proxy: MakeBackgroundProxy
) -> None:
    proxy = background_proxy(redis82)
    with Running(*to(proxy)) as program:
        program.write(b"INCR n\n" * 1_000)
        for _ in range(1_000):
            program.line()
        proxy.do(lambda proxy: proxy.stall(REPLIES))
        program.write(b"INCR n\n" * 500)
        wait_until(lambda: redis82.command("GET", "n") == b"1500")
        proxy.do(lambda proxy: proxy.heal())
        assert [program.line() for _ in range(500)][-1] == b"1500\n"


def test_a_server_that_answers_nothing_is_not_sent_everything(
    redis82: Server, background_proxy: MakeBackgroundProxy
) -> None:
    proxy = background_proxy(redis82)
    with Running(*to(proxy), stdout=subprocess.DEVNULL) as program:
        program.write(b"SET warm up\n" * 5_000 + b"SET n 0\n")
        # With replies on their way, it may be at its limit already.
        wait_until(lambda: proxy.proxy.reply_bytes >= 5_001 * len(b"+OK\r\n"))
        proxy.do(lambda proxy: proxy.stall(REPLIES))
        program.write(b"INCR n\n" * 10_000 + b"EXISTS n\n")
        wait_until(lambda: int(redis82.command("GET", "n")) > 0)  # type: ignore[arg-type]
        proxy.do(lambda proxy: proxy.heal())
        wait_until(lambda: redis82.command("GET", "n") == b"10000")
        program.end_input()
        assert program.ended() == (0, b"")


def test_long_replies_do_not_pile_up_at_the_server(make_server: MakeServer) -> None:
    server = make_server("redis82")  # of its own: nothing resets the peak of its memory
    server.command("SET", "long", b"x" * 200_000)
    server.command("SET", "short", b"x")

    assert ran(server, stdin=b"GET long\n" * 1_000, stdout=subprocess.DEVNULL).code == 0
    assert _most_held(server) < 10_000_000

    unforeseen = b"GET short\n" * 3_000 + b"GET long\n" * 1_000
    assert ran(server, stdin=unforeseen, stdout=subprocess.DEVNULL).code == 0
    assert _most_held(server) < 80_000_000


def _most_held(server: Server) -> int:
    """Return by how much the most memory that a server has had is more than what it has."""
    memory = server.info("memory")
    return int(memory["used_memory_peak"]) - int(memory["used_memory"])


def test_endless_input_takes_no_more_memory(redis82: Server) -> None:
    with subprocess.Popen(
        [*PROGRAM, "-s", redis82.unix_path], cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL
    ) as program:
        assert program.stdin is not None
        megabyte = (b"ECHO " + b"x" * 994 + b"\n") * 1_000
        for _ in range(20):
            program.stdin.write(megabyte)
        early = _peak(program.pid)
        for _ in range(180):
            program.stdin.write(megabyte)
        late = _peak(program.pid)
        program.stdin.close()
        assert program.wait(60) == 0
    assert late < early + 2_000
    assert late < 60_000


def _peak(pid: int) -> int:
    """Return the most memory that a process has had, in kB."""
    status = Path(f"/proc/{pid}/status").read_text()
    return int(re.search(r"VmHWM:\s+(\d+)", status)[1])  # type: ignore[index]


# -- a connection that is lost


def test_what_was_written_when_the_connection_broke_is_told_and_not_sent_again(
    server: Server, background_proxy: MakeBackgroundProxy
) -> None:
    proxy = background_proxy(server)
    proxy.do(lambda proxy: proxy.drop_after(2_000))

    told = ran(*to(proxy), stdin=b"INCR n\n" * 1_000)

    answered = told.stdout.count(b"\n")
    assert told.code == 3
    assert told.stdout == b"".join(b"%d\n" % n for n in range(1, answered + 1))
    assert 0 < answered < 1_000
    name = f"{proxy.host}:{proxy.port}"
    found = re.fullmatch(
        rf"stdin:{answered + 1}: INCR: {name} (?:closed|broke) the connection; "
        r"INCR was sent, its outcome is unknown; it is not sent again; "
        r"(?:the same goes for (\d+) more, up to line (\d+); )?no later line was sent\n",
        told.said,
    )
    assert found is not None, told.said
    last = int(found[2] or answered + 1)
    assert answered <= int(server.command("GET", "n")) <= last  # type: ignore[arg-type]
    assert proxy.proxy.accepted == 1


def test_what_only_reads_is_sent_again(server: Server, background_proxy: MakeBackgroundProxy) -> None:
    server.command("SET", "k", "v" * 20)
    proxy = background_proxy(server)
    proxy.do(lambda proxy: proxy.drop_after(2_000))

    told = ran(*to(proxy), stdin=b"GET k\n" * 1_000)

    assert told.stdout == (b"v" * 20 + b"\n") * 1_000
    assert told == Ran(0, told.stdout, f"reconnected to {proxy.host}:{proxy.port}\n".encode())


async def test_what_only_reads_is_sent_again_as_often_as_it_takes() -> None:
    ask, answer = b"*1\r\n$6\r\nDBSIZE\r\n", b":1\r\n"
    warm = [HearBytes(len(ask)), Say(answer)] * 300
    async with Hostile([*warm, Close()], [Hear(ask), Say(answer * 2), Close()]) as server:
        told = await asyncio.to_thread(ran, "-p", str(server.port), stdin=b"DBSIZE\n" * 1_000)

    assert (told.code, told.stdout) == (0, b"1\n" * 1_000)
    assert set(told.said.splitlines()) == {f"reconnected to 127.0.0.1:{server.port}"}


def test_a_connection_that_is_gone_before_anything_is_sent_is_replaced(redis82: Server) -> None:
    with Running(redis82) as program:
        program.write(b"SELECT 5\nINCR n\nINCR n\n")
        assert [program.line() for _ in range(3)] == [b"OK\n", b"1\n", b"2\n"]
        redis82.command("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")
        wait_until(lambda: redis82.clients() == 0)
        program.write(b"INCR n\nINCR n\nINCR n\n")
        program.end_input()
        assert [program.line() for _ in range(3)] == [b"3\n", b"4\n", b"5\n"]
        assert program.ended() == (0, f"reconnected to {redis82.unix_path}\n".encode())


def test_a_server_that_cannot_be_reached_any_more_is_told_with_the_line(make_server: MakeServer) -> None:
    server = make_server("redis82")
    with Running(server) as program:
        program.write(b"INCR n\nINCR n\n")
        assert [program.line() for _ in range(2)] == [b"1\n", b"2\n"]
        server.stop()
        program.write(b"INCR n\nINCR n\n")
        code, said = program.ended()
    assert (code, said.count(b"\n")) == (3, 1)
    assert said.startswith(b"stdin:3: INCR: cannot connect to ")


def test_replies_that_do_not_come_in_time_end_it(
    redis82: Server, background_proxy: MakeBackgroundProxy
) -> None:
    proxy = background_proxy(redis82)
    with Running(*to(proxy), "--read-timeout", "0.2") as program:
        program.write(b"INCR n\n")
        assert program.line() == b"1\n"
        proxy.do(lambda proxy: proxy.stall(REPLIES))
        program.write(b"INCR n\nINCR n\n")
        code, said = program.ended()
    assert code == 5
    assert said.startswith(b"stdin:2: INCR: no reply to ")


async def test_where_replies_have_a_time_limit_few_commands_wait_for_each_other() -> None:
    """A server answers nothing until it is done with all that it has read: slow commands would add up."""
    each = HearBytes(len(b"*2\r\n$4\r\nINCR\r\n$1\r\nn\r\n")), Say(b":1\r\n")
    async with Hostile([*each * 200, Stall()]) as server:
        flags = ("-p", str(server.port), "--read-timeout", "0.5")
        told = await asyncio.to_thread(ran, *flags, stdin=b"INCR n\n" * 1_000)

    assert (told.code, told.stdout) == (5, b"1\n" * 200)
    found = re.search(r"the same goes for (\d+) more, up to line (\d+)", told.said)
    assert found is None or int(found[1]) < 16


@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129)]
)
def test_a_signal_ends_it_while_the_server_is_silent(
    redis82: Server, background_proxy: MakeBackgroundProxy, number: signal.Signals, code: int
) -> None:
    proxy = background_proxy(redis82)
    with Running(*to(proxy)) as program:
        program.write(b"INCR n\nINCR n\n")
        assert [program.line() for _ in range(2)] == [b"1\n", b"2\n"]
        proxy.do(lambda proxy: proxy.stall(REPLIES))
        program.write(b"INCR n\nINCR n\n" * 10)
        wait_until(lambda: int(redis82.command("GET", "n")) > 2)  # type: ignore[arg-type]
        program.signal(number)
        assert program.ended() == (code, b"")


def test_nobody_who_reads_is_no_error_to_be_told(redis82: Server) -> None:
    with Running(redis82) as program:
        program.write(b"PING\n" * 1_000)
        assert program.line() == b"PONG\n"
        program.stop_reading()
        with suppress(BrokenPipeError):
            program.write(b"PING\n" * 1_000_000)
        assert program.ended() == (141, b"")


def test_a_server_that_is_not_there_is_one_line_before_any_input(tmp_path: Path) -> None:
    told = ran("-s", str(tmp_path / "none"), stdin=b"PING\n" * 100)

    assert (told.code, told.stdout, told.said.count("\n")) == (3, b"", 1)


# -- a person who waits


def test_progress_is_shown_where_a_person_sees_no_replies(
    redis82: Server, background_proxy: MakeBackgroundProxy, tmp_path: Path
) -> None:
    proxy = background_proxy(redis82)
    proxy.do(lambda proxy: proxy.delay(0.02))
    (tmp_path / "script").write_bytes(b"SELECT 1\nPING\n" * 10_000)
    line = f"exec {' '.join(PROGRAM)} {' '.join(to(proxy))} exec -f {tmp_path}/script > {tmp_path}/out"

    with Terminal(["sh", "-c", line], columns=100, cwd=str(ROOT)) as terminal:
        terminal.wait_for(re.compile(r"\d+%  .*B of 136"))  # KB
        terminal.send_key("c-c")
        assert terminal.exit_code() == 130
        assert "%" not in terminal.text


def test_no_progress_among_replies(redis82: Server) -> None:
    line = f"printf 'PING\\nPING\\n' | {' '.join(PROGRAM)} -s {redis82.unix_path} --raw"
    with Terminal(["sh", "-c", line], columns=100, cwd=str(ROOT), env={**os.environ}) as terminal:
        assert terminal.exit_code() == 0
        assert terminal.text == "PONG\nPONG"
