"""``exec`` and scripts in a cluster, and with sentinels: replies on stdout, changes of node on stderr."""

from __future__ import annotations

from pyredis.commands.slots import key_slot
from tests.clusters import Cluster
from tests.program import Ran, ran, ran_redis_cli
from tests.sentinels import Sentinels
from tests.servers import Server, free_port

FOO, BAR = key_slot(b"foo"), key_slot(b"bar")


def to(node: Server) -> tuple[str, ...]:
    return "-h", node.host, "-p", str(node.port)


def at(node: Server) -> str:
    return f"{node.host}:{node.port}"


def arrow(slot: int, node: Server) -> str:
    return f"-> slot {slot} at {at(node)}\n"


def test_one_command_follows_redirects_as_redis_cli_does(cluster: Cluster) -> None:
    bars, foos = cluster.primary_of(BAR), cluster.primary_of(FOO)
    told = ran(*to(bars), "-c", "SET", "foo", "1")
    assert told == Ran(0, b"OK\n", arrow(FOO, foos).encode())
    assert ran_redis_cli(*to(bars), "-c", "GET", "foo").stdout == b"1\n"
    assert ran(*to(bars), "-c", "exec", "GET", "foo").stdout == b"1\n"


def test_a_url_of_the_environment_makes_one_command_follow_redirects(cluster: Cluster) -> None:
    bars, foos = cluster.primary_of(BAR), cluster.primary_of(FOO)
    told = ran("SET", "foo", "1", env={"REDIS_URL": f"cluster://{at(bars)}"})
    assert told == Ran(0, b"OK\n", arrow(FOO, foos).encode())


def test_a_script_is_routed_and_its_replies_are_those_of_redis_cli(cluster: Cluster) -> None:
    bars, foos = cluster.primary_of(BAR), cluster.primary_of(FOO)
    script = b"SET foo 1\nSET bar 2\nINCR foo\nGET bar\nMGET {foo}1 foo\nDBSIZE\n"
    ours = ran(*to(bars), "-c", stdin=script)
    for node in cluster.primaries():
        node.command("FLUSHALL")
    theirs = ran_redis_cli(*to(bars), "-c", stdin=script)
    assert ours.stdout == b"\n".join(
        line for line in theirs.stdout.split(b"\n") if not line.startswith(b"->")
    )
    moves = [arrow(FOO, foos), arrow(BAR, bars)] * 2 + [arrow(FOO, foos)]
    assert ours.said == "".join(moves)
    assert ours.code == 0


def test_the_middle_of_a_script_never_runs_outside_of_its_transaction(cluster82: Cluster) -> None:
    """redis-cli follows in the middle of MULTI, and the command is executed at once."""
    bars, foos = cluster82.primary_of(BAR), cluster82.primary_of(FOO)
    told = ran(*to(bars), "-c", stdin=b"MULTI\nSET bar 1\nSET foo 1\nEXEC\n")
    assert told.code == 1
    assert f"stdin:3: SET: (error) MOVED {FOO} {at(foos)}\n" in told.said
    assert "the transaction stays at" in told.said
    assert told.stdout.startswith(b"OK\nQUEUED\nMOVED ")
    assert (bars.command("EXISTS", "bar"), foos.command("EXISTS", "foo")) == (0, 0)


def test_without_c_a_redirect_is_an_error_with_the_mend(cluster82: Cluster) -> None:
    bars, foos = cluster82.primary_of(BAR), cluster82.primary_of(FOO)
    told = ran(*to(bars), "GET", "foo")
    mend = "start with -c to follow redirects to other nodes"
    assert told == Ran(1, b"", f"{mend}\n(error) MOVED {FOO} {at(foos)}\n".encode())


def test_keys_of_several_slots_do_not_stop_a_script(cluster82: Cluster) -> None:
    bars = cluster82.primary_of(BAR)
    told = ran(*to(bars), "-c", stdin=b"SET bar 1\nGET bar\nMGET foo bar\nGET bar\n")
    assert told.code == 1
    assert "stdin:3: MGET: (error) CROSSSLOT" in told.said
    assert told.stdout.endswith(b"\n1\n")


def test_the_url_of_a_cluster_may_name_nodes_that_are_gone(cluster82: Cluster) -> None:
    foos = cluster82.primary_of(FOO)
    url = f"redis+cluster://127.0.0.1:{free_port()},{at(cluster82.primary_of(BAR))}"
    assert ran(url, "SET", "foo", "1") == Ran(0, b"OK\n", arrow(FOO, foos).encode())


def test_a_script_that_connects_elsewhere_stays_in_the_cluster(cluster82: Cluster) -> None:
    bars, foos = cluster82.primary_of(BAR), cluster82.primary_of(FOO)
    script = f"connect {bars.host} {bars.port}\nSET foo 1\n".encode()
    assert ran(*to(foos), "-c", stdin=script) == Ran(0, b"OK\n", arrow(FOO, foos).encode())


def test_sentinels_are_asked_where_the_primary_is(sentinels: Sentinels) -> None:
    hosts = ",".join(f"{host}:{port}" for host, port in sentinels.addresses)
    assert ran(f"sentinel://{hosts}/{sentinels.name}", "SET", "k", "v") == Ran(0, b"OK\n", b"")
    assert sentinels.primary().command("GET", "k") == b"v"
    replica = ran(f"sentinel://{hosts}/{sentinels.name}?replica_ok=yes", "SET", "k", "v")
    assert (replica.code, replica.said) == (
        1,
        "(error) READONLY You can't write against a read only replica.\n",
    )


def test_what_sentinels_cannot_tell_is_a_clear_error(sentinels82: Sentinels) -> None:
    host, port = sentinels82.addresses[0]
    unknown = ran(f"sentinel://{host}:{port}/nosuch", "PING")
    assert (unknown.code, unknown.said.count("\n")) == (4, 1)
    assert "the sentinel knows of no group 'nosuch'" in unknown.said
    silent = ran(f"sentinel://127.0.0.1:{free_port()}/mymaster", "PING")
    assert (silent.code, silent.said.split(" (")[0]) == (3, "no sentinel answers")
    refused = ran(f"sentinel://ada:pw@{host}:{port}/mymaster", "PING", env={})
    assert (refused.code, refused.said.splitlines()[-1].split(":", 2)[0]) == (4, "127.0.0.1")
    assert f"{at(sentinels82.primary())} refused AUTH: (error) WRONGPASS" in refused.said
