"""A person in a cluster, or with a group under sentinels, on a real terminal."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable
from typing import Any

import pytest

from pyredis.commands.slots import key_slot
from tests.clusters import Cluster
from tests.conftest import MakeSentinels, MakeServer
from tests.repl.conftest import StartRepl, ask, at_prompt
from tests.sentinels import Sentinels
from tests.servers import Server, wait_until
from tests.terminal import Terminal

FOO, BAR = key_slot(b"foo"), key_slot(b"bar")


def at(node: Server) -> str:
    return f"{node.host}:{node.port}"


def arrow(slot: int, node: Server) -> str:
    return f"-> slot {slot} at {at(node)}"


def begun(repl: StartRepl, server: Server, *flags: str, **window: Any) -> Terminal:
    """Return the REPL on that server; on a machine with much to do a time would be shown with any reply."""
    screen = repl(server, *flags, **window)
    ask(screen, ":set timing off")
    return screen


def test_redirects_are_followed_shown_and_lead_the_prompt(repl: StartRepl, cluster: Cluster) -> None:
    bars, foos = cluster.primary_of(BAR), cluster.primary_of(FOO)
    screen = begun(repl, bars, "-c")
    assert screen.line == f"{at(bars)}>"
    assert ask(screen, "SET foo 1") == f"{arrow(FOO, foos)}\nOK"
    assert screen.line == f"{at(foos)}>"
    assert ask(screen, "GET foo") == '"1"'
    assert ask(screen, "SET bar 2") == f"{arrow(BAR, bars)}\nOK"
    assert ask(screen, "2 INCR foo") == f"{arrow(FOO, foos)}\n(integer) 2\n(integer) 3"
    assert ask(screen, "CLUSTER COUNTKEYSINSLOT 12182") == "(integer) 1"


def test_without_c_a_redirect_is_an_error_with_the_mend(repl: StartRepl, cluster82: Cluster) -> None:
    bars, foos = cluster82.primary_of(BAR), cluster82.primary_of(FOO)
    screen = begun(repl, bars)
    assert ask(screen, "SET foo 1") == (
        f"start with -c to follow redirects to other nodes\n(error) MOVED {FOO} {at(foos)}"
    )
    assert screen.line == f"{at(bars)}>"


def test_a_transaction_is_kept_whole(repl: StartRepl, cluster: Cluster) -> None:
    bars = cluster.primary_of(BAR)
    screen = begun(repl, bars, "-c", columns=240)
    ask(screen, "MULTI")
    assert screen.line == f"{at(bars)}(TX)>"
    assert ask(screen, "SET bar 1") == "QUEUED"
    told = ask(screen, "SET foo 1")
    assert re.match(rf"slot {FOO} is at .* which will refuse EXEC now .*\n\(error\) MOVED {FOO} ", told)
    assert screen.line == f"{at(bars)}(TX)>"
    assert ask(screen, "EXEC").startswith("(error) EXECABORT")
    assert screen.line == f"{at(bars)}>"
    assert bars.command("EXISTS", "bar") == 0


def test_messages_of_a_shard_channel_come_from_the_node_of_its_slot(
    repl: StartRepl, cluster82: Cluster
) -> None:
    bars, foos = cluster82.primary_of(BAR), cluster82.primary_of(FOO)
    screen = begun(repl, bars, "-c")
    screen.send_line("SSUBSCRIBE foo")
    screen.wait_for(arrow(FOO, foos))
    wait_until(lambda: foos.command("SPUBLISH", "foo", "hello there") == 1)
    screen.wait_for("hello there")


def test_a_blocking_command_at_another_node_is_stopped(repl: StartRepl, cluster82: Cluster) -> None:
    bars, foos = cluster82.primary_of(BAR), cluster82.primary_of(FOO)
    screen = begun(repl, bars, "-c")
    screen.send_line("BLPOP foo 0")
    screen.wait_for(arrow(FOO, foos))  # at once, though no reply comes
    wait_until(lambda: foos.blocked() == 1)
    screen.send_key("c-c")
    screen.wait_for("stopped: BLPOP was unblocked")
    screen.wait_until(at_prompt)
    assert screen.line == f"{at(foos)}>"
    assert foos.blocked() == 0


def test_a_command_that_waits_for_its_cluster_is_stopped_and_said_not_to_be_executed(
    repl: StartRepl, cluster82: Cluster
) -> None:
    source = cluster82.primary_of(BAR)
    target = cluster82.primary_of(FOO)
    source.command("MSET", "{bar}1", "a", "{bar}2", "b")
    cluster82.begin_migration(BAR, target)
    cluster82.move_keys(BAR, source, target, most=1)
    screen = begun(repl, source, "-c")
    for attempt in range(1, 10):  # a slow machine may have waited long enough before we stop it
        refusals = source.info("errorstats").get("errorstat_TRYAGAIN")
        screen.send_line("MSET {bar}1 x {bar}2 y")
        wait_until(lambda: source.info("errorstats").get("errorstat_TRYAGAIN") != refusals)  # noqa: B023
        screen.send_key("c-c")
        screen.wait_until(lambda shown: shown.text.count("MSET {bar}") >= attempt and at_prompt(shown))  # noqa: B023
        if "stopped: MSET was not executed" in screen.text:
            break
    assert "stopped: MSET was not executed" in screen.text
    cluster82.move_keys(BAR, source, target)
    cluster82.end_migration(BAR, source, target)
    assert ask(screen, "MGET {bar}1 {bar}2") == f'{arrow(BAR, target)}\n1) "a"\n2) "b"'


def test_what_a_node_says_of_another_never_steers_the_terminal(repl: StartRepl, redis82: Server) -> None:
    screen = begun(repl, redis82, "-c")
    evil = r"EVAL \"return redis.error_reply('MOVED 1 \x1b[2Jevil\x9b:1')\" 0".replace('\\"', '"')
    ask(screen, evil)
    assert b"\x1b[2Jevil" not in screen.raw
    assert b"evil" in screen.raw


def test_the_url_of_a_cluster_is_gone_on_with(repl: StartRepl, redis82: Server, cluster82: Cluster) -> None:
    bars, foos = cluster82.primary_of(BAR), cluster82.primary_of(FOO)
    screen = begun(repl, redis82)
    ask(screen, f"connect cluster://{at(bars)}")
    assert screen.line == f"{at(bars)}>"
    assert ask(screen, "SET foo 1") == f"{arrow(FOO, foos)}\nOK"
    ask(screen, f"connect {redis82.host} {redis82.port}")
    assert ask(screen, "MSET foo 1 bar 2") == "OK"


def test_all_asks_every_node_beside_the_session(repl: StartRepl, cluster82: Cluster) -> None:
    here = cluster82.primaries()[0]
    screen = begun(repl, here, "-c")
    ask(screen, "MULTI")
    shown = ask(screen, ":all CONFIG GET maxmemory")
    rows = [line.split() for line in shown.splitlines()]
    assert rows[0] == ["node", "role", "time", "maxmemory"]
    assert {row[0] for row in rows[1:]} == {at(node) for node in cluster82.nodes}
    assert {row[-1] for row in rows[1:]} == {"0"}
    assert screen.line == f"{at(here)}(TX)>"
    assert "DISCARD" not in ask(screen, "EXEC")


def test_a_secret_behind_all_is_neither_shown_nor_kept(repl: StartRepl, cluster82: Cluster) -> None:
    screen = begun(repl, cluster82.nodes[0])
    screen.send_line(":all CONFIG SET masterauth s3cret")
    screen.wait_for("[y/N]")
    screen.send_line("y")
    screen.wait_until(at_prompt)
    assert all(node.settings("masterauth")["masterauth"] == "s3cret" for node in cluster82.nodes)
    assert b"s3cret" not in screen.raw
    screen.send_key("up")
    screen.wait_for("CONFIG SET masterauth ***")


def test_slots_are_told_with_the_nodes_that_have_them(repl: StartRepl, cluster82: Cluster) -> None:
    screen = begun(repl, cluster82.nodes[0])
    head, foo, tagged, note = (line.split() for line in ask(screen, ":slot foo {bar}:1").splitlines())
    assert head == ["key", "slot", "tag", "node"]
    assert foo == ["foo", str(FOO), at(cluster82.primary_of(FOO))]
    assert tagged == ["{bar}:1", str(BAR), "bar", at(cluster82.primary_of(BAR))]
    assert note[:3] == ["in", "2", "slots:"]


def test_slots_are_told_without_a_server(repl: StartRepl, make_server: MakeServer) -> None:
    server = make_server("redis82")
    screen = begun(repl, server)
    server.kill()
    told = ask(screen, ":slot foo {bar}:1 {bar}:2").splitlines()
    assert told[0].split() == ["key", "slot", "tag"]
    assert told[1].split() == ["foo", str(FOO)]
    assert told[3].split() == ["{bar}:2", str(BAR), "bar"]


def test_what_is_not_for_many_nodes_is_refused_with_the_mend(repl: StartRepl, cluster82: Cluster) -> None:
    screen = begun(repl, cluster82.nodes[0])
    assert ask(screen, ":all BLPOP k 0") == "BLPOP would wait at each node; send it without all"
    assert "--primaries, --replicas, or both" in ask(screen, ":all NO.SUCH")


# -- sentinels


@pytest.fixture
def sentinel_repl(terminal: Callable[..., Terminal]) -> Callable[[Sentinels], Terminal]:
    def start(group: Sentinels) -> Terminal:
        hosts = ",".join(f"{host}:{port}" for host, port in group.addresses)
        url = f"redis+sentinel://{hosts}/{group.name}"
        opened = terminal([sys.executable, "-m", "pyredis_cli", url], columns=200)
        opened.wait_until(at_prompt, what="the first prompt")
        ask(opened, ":set timing off")
        return opened

    return start


def test_a_session_is_at_the_primary_that_the_sentinels_name(
    sentinel_repl: Callable[[Sentinels], Terminal], sentinels: Sentinels
) -> None:
    screen = sentinel_repl(sentinels)
    assert screen.line == f"{at(sentinels.primary())}>"
    assert ask(screen, "SET k v") == "OK"


async def test_after_a_failover_the_session_is_at_the_new_primary(
    sentinel_repl: Callable[[Sentinels], Terminal], make_sentinels: MakeSentinels
) -> None:
    group = make_sentinels("redis82")
    old = group.primary()
    screen = sentinel_repl(group)
    assert ask(screen, "SET k 1") == "OK"
    group.kill(old)
    new = await group.until_another(old)
    assert ask(screen, "INCR k") == f"reconnected to {at(new)}\n(integer) 2"
    assert screen.line == f"{at(new)}>"


async def test_a_primary_that_was_demoted_is_said_to_be_none_and_left(
    sentinel_repl: Callable[[Sentinels], Terminal], make_sentinels: MakeSentinels
) -> None:
    group = make_sentinels("redis82")
    old = group.primary()
    screen = sentinel_repl(group)
    old.command("REPLICAOF", "127.0.0.1", group.replicas()[0].port)  # behind everybody's back
    told = ask(screen, "SET k 1")
    assert f"{at(old)} is not the primary of mymaster any more; the next command asks the sentinels" in told
    assert "(error) READONLY" in told
    new = await group.until_another(old)
    assert ask(screen, "SET k 1") == f"reconnected to {at(new)}\nOK"
    assert new.command("GET", "k") == b"1"
