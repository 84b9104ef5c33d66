"""What a shell is answered at a TAB: nothing is printed but candidates, nobody is asked, and nothing fails."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.clusters import Cluster
from tests.conftest import MakeServer
from tests.hostile import Close, Hostile, Say
from tests.program import PROGRAM, Ran, ran
from tests.proxy import Proxy
from tests.servers import Server, wait_until
from tests.terminal import Terminal
from tests.tls import Authority, TlsProxy, server_context

LIVE = "PYREDISCLI_COMPLETE_LIVE"


def asked(typed: str, **env: str) -> Ran:
    """Return what zsh is answered at the end of a line, with live names."""
    environ = {"PYREDISCLI_COMPLETE_LINE": f"pyredis-cli {typed}", LIVE: "1", **env}
    return ran("completion", "--answer", "zsh", env=environ)


def values(typed: str, **env: str) -> list[str]:
    """Return the candidates."""
    done = asked(typed, **env)
    assert (done.code, done.said) == (0, "")
    return done.stdout.decode("utf-8", "surrogateescape").split("\0")[2:-1:2]


def tell(typed: str, expected: list[str], **env: str) -> None:
    """Return once these are the candidates: a busy machine may take longer than a TAB may wait."""
    wait_until(lambda: values(typed, **env) == expected, what=f"{expected} for {typed}")


@pytest.fixture
def filled(server: Server) -> Server:
    server.command("SET", "user:text", "x")
    server.command("HSET", "user:hash", "name", "Ada", "nature", "kind", "age", "36")
    server.command("SADD", "user:set", "north", "south")
    server.command("ZADD", "user:zset", "1", "one", "2", "two")
    server.command("XADD", "user:stream", "1-1", "a", "b")
    server.command("XGROUP", "CREATE", "user:stream", "mail", "0")
    server.command("SET", "other", "x")
    server.command("SET", b"us*r", "x")
    return server


def test_names_are_those_that_fit_the_place(filled: Server) -> None:
    at = f"-s {filled.unix_path}"
    tell(f"{at} DEL user:", [f"user:{name}" for name in ("hash", "set", "stream", "text", "zset")])
    tell(f"{at} exec HGET user:", ["user:hash"])
    tell(f"{at} HGET user:hash na", ["name", "nature"])
    tell(f"{at} SREM user:set n", ["north"])
    tell(f"{at} ZSCORE user:zset ", ["one", "two"])
    tell(f"{at} XACK user:stream ", ["mail"])
    tell(f"{at} CONFIG GET maxmemory-s", ["maxmemory-samples"])
    tell(f"{at} ACL GETUSER d", ["default"])
    tell(f"{at} GET 'us*", ["us*r"])
    assert values(f"{at} HGET user:text na") == []
    assert values(f"{at} HGET no:such na") == []


@pytest.mark.parametrize("name", ["redis62", "redis70"])
def test_older_servers_tell_names_too(shared_server: Callable[[str], Server], name: str) -> None:
    server = shared_server(name)
    server.command("HSET", "user:hash", "name", "Ada")
    server.command("SET", "user:text", "x")
    tell(f"-s {server.unix_path} HGET user:", ["user:hash"])
    tell(f"-3 -s {server.unix_path} HGET user:hash ", ["name"])  # no CLIENT NO-TOUCH there


def test_names_are_the_database_s_and_the_user_s(filled: Server) -> None:
    filled.command("ACL", "SETUSER", "ada", "on", ">secret", "~*", "+@all")
    at = f"-s {filled.unix_path}"
    assert values(f"{at} -n 3 DEL ") == []
    tell(f"{at} --user ada --pass secret DEL oth", ["other"])
    tell(f"{at} --user ada DEL oth", ["other"], REDISCLI_AUTH="secret")
    tell(f"unix://{filled.unix_path}?db=0 DEL oth", ["other"])
    tell("DEL oth", ["other"], REDIS_URL=f"unix://{filled.unix_path}")
    refused = filled.info("stats")["total_error_replies"]
    assert values(f"{at} --user ada DEL oth", REDISCLI_AUTH="") == []
    assert values(f"{at} --askpass DEL oth") == []
    assert values(f"{at} --user= DEL oth") == []
    assert filled.info("stats")["total_error_replies"] == refused, "nobody tried an empty password"
    assert values(f"{at} --user ada --pass wrong DEL oth") == []
    assert values(f"{at} -n 99 DEL oth") == []


def test_without_leave_no_server_is_asked(filled: Server) -> None:
    met = filled.info("stats")["total_connections_received"]
    assert values(f"-s {filled.unix_path} DEL user:", **{LIVE: ""}) == []
    assert values(f"-s {filled.unix_path} DEL user:", **{LIVE: "0"}) == []
    assert filled.info("stats")["total_connections_received"] == met


def test_what_the_shell_would_put_in_is_not_asked_for(filled: Server) -> None:
    at = f"-s {filled.unix_path}"
    tell(f"{at} -n $DATABASE DEL oth", ["other"], DATABASE="0")
    assert values(f"{at} -n $NOWHERE DEL oth") == []
    tell(f"{at} HGET $KEY na", ["name", "nature"], KEY="user:hash")
    assert values(f"{at} HGET $NOWHERE na") == []
    assert values(f"{at} DEL $(echo oth)") == []


def test_names_are_bytes(server: Server) -> None:
    server.command("MSET", b"k\xff\n", "1", b"k\x00", "2", "k\u202e", "3", "kü", "4")
    at = f"-s {server.unix_path}"
    tell(f"{at} DEL k", ["kü", "k\udcff\n"])
    assert values(f"{at} --encoding latin-1 DEL k") == []  # ü would be another byte
    server.command("SET", "kurz", "5")
    tell(f"{at} --encoding latin-1 DEL k", ["kurz"])


@pytest.mark.parametrize(
    "typed",
    [
        "-p 1 DEL us",
        "-h no.such.host.invalid DEL us",
        "-s /no/such/socket DEL us",
        "-n x DEL us",
        "--nosuch DEL us",
        "sentinel://127.0.0.1:1/group DEL us",
        "--embedded DEL us",
        "-h 127.0.0.1 -s x -u redis://y DEL us",
        "--tls --cacert /no/such/file -p 1 DEL us",
    ],
)
def test_where_no_server_can_be_asked_there_are_no_names(typed: str) -> None:
    assert values(typed) == []


def test_a_server_that_does_not_answer_is_left_alone(make_server: MakeServer) -> None:
    server = make_server()
    server.command("SET", "user", "x")
    tell(f"-s {server.unix_path} DEL us", ["user"])
    server.pause()
    try:
        assert values(f"-s {server.unix_path} DEL us") == []
    finally:
        server.resume()


async def test_a_walk_that_does_not_end_in_time_is_no_answer(redis82: Server) -> None:
    """Of a part of the names a shell would take what they begin with for what all begin with."""
    redis82.command("EVAL", "for i = 1, 3000 do redis.call('SET', 'key:' .. i, i) end", 0)
    redis82.command("MSET", "last:1", "x", "last:2", "x")
    async with Proxy(("127.0.0.1", redis82.port)) as proxy:
        await asyncio.to_thread(tell, f"-p {proxy.port} DEL last", ["last:1", "last:2"])
        proxy.delay(0.2)
        assert await asyncio.to_thread(values, f"-p {proxy.port} DEL last") == []


@pytest.mark.parametrize(
    "said", [b"HTTP/1.1 400 Bad Request\r\n\r\n", b"*2\r\n$1\r\n0\r\n:7\r\n", b"$-2\r\n", b""]
)
async def test_what_is_no_server_is_no_trouble(said: bytes) -> None:
    async with Hostile([Say(said), Close()]) as peer:
        assert await asyncio.to_thread(values, f"-p {peer.port} DEL us") == []


def test_long_names_come_whole(redis82: Server) -> None:
    names = [f"key:{number}:" + "x" * 1000 for number in range(100, 250)]  # more than a pipe takes at once
    for name in names:
        redis82.command("SET", name, "x")
    tell(f"-s {redis82.unix_path} DEL key:", names)


def test_many_names_are_enough(server: Server) -> None:
    server.command("EVAL", "for i = 1, 20000 do redis.call('SET', 'key:' .. i, i) end", 0)
    found = values(f"-s {server.unix_path} DEL key:")
    assert 200 <= len(found) < 6000
    assert found == sorted(found)


def test_a_cluster_has_the_names_of_all_its_nodes(shared_cluster: Callable[[str], Cluster]) -> None:
    host, port = shared_cluster("redis82").seeds[0]
    keys = [f"user:{number}" for number in range(1, 7)]  # on all three nodes
    for key in keys:
        assert ran("-c", "-h", host, "-p", str(port), "HSET", key, "name", "Ada").code == 0
    tell(f"-c -h {host} -p {port} HGET user:", keys)
    for key in keys:
        tell(f"-c -h {host} -p {port} HGET {key} n", ["name"])
    assert len(values(f"-h {host} -p {port} HGET user:")) < len(keys)


async def test_names_come_over_tls(redis82: Server, tmp_path: Path) -> None:
    redis82.command("SET", "user", "x")
    authority = Authority(tmp_path / "authority")
    async with TlsProxy(("127.0.0.1", redis82.port), server_context(authority.sign())) as proxy:
        at = f"-h {proxy.address[0]} -p {proxy.address[1]} --tls"
        await asyncio.to_thread(tell, f"{at} --cacert {authority.ca_file} DEL us", ["user"])
        assert await asyncio.to_thread(values, f"{at} DEL us") == [], "nobody knows that authority"


@pytest.mark.parametrize("words", [("--answer",), ("--answer", "tcsh"), ("--answer", "bash", "more")])
def test_an_odd_question_is_no_error(words: tuple[str, ...]) -> None:
    done = ran("completion", *words)
    assert (done.code, done.said) == (0, "")


def test_nothing_comes_to_the_terminal_of_the_person(
    redis82: Server, terminal: Callable[..., Terminal], tmp_path: Path
) -> None:
    locked = Authority(tmp_path / "authority").sign().encrypted("secret")
    for flags in (
        "--askpass",
        "--user=",
        "--user ada",
        f"--tls --cert {locked.cert_file} --key {locked.key_file}",
    ):
        typed = f"pyredis-cli -h {redis82.host} -p {redis82.port} {flags} DEL us"
        env = {"PYREDISCLI_COMPLETE_LINE": typed, LIVE: "1"}
        asking = terminal([*PROGRAM, "completion", "--answer", "bash"], env=env)
        assert asking.exit_code() == 0
        assert asking.text == ""


def test_the_password_on_the_line_is_in_no_argv() -> None:
    for path in (Path(__file__).parent.parent / "completions").iterdir():
        script = path.read_text()
        assert "PYREDISCLI_COMPLETE_LINE=" in script
        assert "completion --answer" in script
