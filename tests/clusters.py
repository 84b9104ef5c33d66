"""Real clusters for the tests: nodes started from one binary, joined, broken and mended.

It knows what an operator knows: CLUSTER MEET, REPLICATE, FAILOVER, SETSLOT and MIGRATE, and how to tell from the
nodes' own words that they agree. It imports nothing that is under test.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final, Self

import hiredis

from tests.group import Group
from tests.servers import Binary, Server, free_port, until, wait_until

__all__ = ["SLOTS", "Cluster", "hidden"]

SLOTS: Final = 16384

_KEYS_AT_ONCE: Final = 10
_AGREEMENT: Final = 20.0  # seconds for an election on a loaded machine


@dataclass(frozen=True, slots=True)
class _Line:
    """A node as another one sees it: a line of CLUSTER NODES."""

    id: str
    port: int
    flags: frozenset[str]
    primary: str
    slots: frozenset[int]

    @classmethod
    def of(cls, line: str) -> Self:
        id, address, flags, primary, _, _, _, _, *slots = line.split()
        port = int(address.partition("@")[0].rpartition(":")[2])
        return cls(id, port, frozenset(flags.split(",")), primary, frozenset(_numbers(slots)))


def _numbers(ranges: list[str]) -> Iterator[int]:
    for text in ranges:
        if not text.startswith("["):  # which is a slot on its way
            first, _, last = text.partition("-")
            yield from range(int(first), int(last or first) + 1)


class Cluster(Group):
    """``with Cluster(BINARIES["redis82"], primaries=3, replicas=1) as cluster``: nodes that agree.

    ``config`` holds lines of redis.conf for every node. The first ``primaries`` of ``nodes`` are the primaries at
    first, each with a third (say) of the slots; the replicas follow, in turn.
    """

    def __init__(self, binary: Binary, *config: str, primaries: int = 3, replicas: int = 1) -> None:
        super().__init__()
        self.binary = binary
        self.nodes: list[Server] = []
        self._config = config
        self._shape = primaries, replicas
        self._first: dict[int, frozenset[int]] = {}

    def __repr__(self) -> str:
        return f"<Cluster {self.binary.name} of {len(self.nodes)}>"

    # Life and death

    def start(self) -> None:
        """Start the nodes and return when they agree."""
        primaries, replicas = self._shape
        for _ in range(primaries * (1 + replicas)):
            self.nodes.append(self._started())
        for number, node in enumerate(self.nodes, 1):
            node.command("CLUSTER", "SET-CONFIG-EPOCH", number)
        for number, node in enumerate(self.nodes[:primaries]):
            share = range(number * SLOTS // primaries, (number + 1) * SLOTS // primaries)
            node.command("CLUSTER", "ADDSLOTS", *share)
        for node in self.nodes:
            self._meet(node)
        for number, node in enumerate(self.nodes[primaries:]):
            self._replicate(node, self.nodes[number % primaries])
        self.wait_until_agreed()
        self._first = self._owners(self.nodes[0])
        for node in self.nodes:
            node.settle()

    def _started(self) -> Server:
        node = Server(
            self.binary,
            "cluster-enabled yes",
            "cluster-config-file nodes.conf",
            "cluster-node-timeout 1000",
            "cluster-replica-validity-factor 0",
            "cluster-allow-replica-migration no",
            "repl-diskless-sync-delay 0",
            "repl-ping-replica-period 1",
            "repl-timeout 5",
            *([f"cluster-port {free_port()}"] if self.binary.major >= 7 else []),
            *self._config,
        )
        try:
            node.start()
        except BaseException:
            node.close()
            raise
        return node

    def _meet(self, node: Server) -> None:
        for other in self.nodes:
            if other is not node:
                bus = other.settings("cluster-port").get("cluster-port", other.port + 10000)
                node.command("CLUSTER", "MEET", other.host, other.port, bus)
        wait_until(
            lambda: (
                {line.port for line in self._view(node) if "handshake" not in line.flags}
                >= {other.port for other in self.nodes}
            ),
            what=f"{node!r} knows the others",
        )

    def _replicate(self, node: Server, primary: Server) -> None:
        id = self.id(primary)
        wait_until(lambda: any(line.id == id for line in self._view(node)), what=f"{node!r} knows {id}")
        node.command("CLUSTER", "REPLICATE", id)

    @property
    def everybody(self) -> list[Server]:
        return self.nodes

    def forget(self) -> None:
        self.nodes = []

    # Facts

    @property
    def seeds(self) -> list[tuple[str, int]]:
        return [(node.host, node.port) for node in self.nodes]

    @property
    def live(self) -> list[Server]:
        """The nodes that run and are not stalled."""
        return list(filter(self.awake, self.nodes))

    def primaries(self) -> list[Server]:
        """Return the nodes that have slots, as the first live one sees it."""
        return [self._at(port) for port in self._owners(self.live[0])]

    def replicas(self) -> list[Server]:
        return [node for node in self.live if node not in self.primaries()]

    def primary_of(self, slot: int) -> Server:
        return next(self._at(port) for port, slots in self._owners(self.live[0]).items() if slot in slots)

    def replica_of(self, primary: Server) -> Server:
        """Return a live replica of a node."""
        id = self.id(primary) if primary in self.live else self._id_seen(primary)
        return next(
            self._at(line.port)
            for line in self._view(self.live[0])
            if line.primary == id and self._at(line.port) in self.live
        )

    def id(self, node: Server) -> str:
        reply = node.command("CLUSTER", "MYID")
        assert isinstance(reply, bytes)
        return reply.decode()

    def _id_seen(self, node: Server) -> str:
        return next(line.id for line in self._view(self.live[0]) if line.port == node.port)

    def _at(self, port: int) -> Server:
        return next(node for node in self.nodes if node.port == port)

    def _view(self, node: Server) -> list[_Line]:
        reply = node.command("CLUSTER", "NODES")
        assert isinstance(reply, bytes)
        return [_Line.of(line) for line in reply.decode().splitlines()]

    def _owners(self, node: Server) -> dict[int, frozenset[int]]:
        """Return the slots of each primary, by port, as a node sees it."""
        return {line.port: line.slots for line in self._view(node) if line.slots}

    # Agreement

    @property
    def agreed(self) -> bool:
        """Whether all live nodes see the same live primaries, every slot served, and replicas are in step."""
        try:
            return self._agreed()
        except (OSError, hiredis.ReplyError, KeyError):
            return False

    def _agreed(self) -> bool:
        live = self.live
        seen = [self._owners(node) for node in live]
        ports = {node.port for node in live}
        return (
            all(owners == seen[0] for owners in seen)
            and set(seen[0]) <= ports
            and sum(map(len, seen[0].values())) == SLOTS
            and all(b"cluster_state:ok" in _bytes(node.command("CLUSTER", "INFO")) for node in live)
            and all(self._in_step(node) for node in live)
        )

    def _in_step(self, node: Server) -> bool:
        facts = node.info("replication")
        return facts["role"] == "master" or facts["master_link_status"] == "up"

    def wait_until_agreed(self) -> None:
        wait_until(lambda: self.agreed, _AGREEMENT, what=f"{self!r} agrees")

    async def until_agreed(self) -> None:
        """Return once the nodes agree, while the event loop goes on."""
        await until(lambda: self.agreed, _AGREEMENT, what=f"{self!r} agrees")

    # What happens to clusters

    def failover(self, replica: Server) -> None:
        """Have a replica take its primary's place, as planned by an operator."""
        replica.command("CLUSTER", "FAILOVER")

    async def until_primary(self, node: Server) -> None:
        """Return once all live nodes agree and see a node as a primary."""
        await until(
            lambda: self.agreed and node in self.primaries(), _AGREEMENT, what=f"{node!r} is a primary"
        )

    def begin_migration(self, slot: int, target: Server) -> Server:
        """Mark a slot as on its way; return the node that it leaves."""
        source = self.primary_of(slot)
        target.command("CLUSTER", "SETSLOT", slot, "IMPORTING", self.id(source))
        source.command("CLUSTER", "SETSLOT", slot, "MIGRATING", self.id(target))
        return source

    def move_keys(self, slot: int, source: Server, target: Server, most: int = _KEYS_AT_ONCE) -> int:
        """Move some keys of a slot; return how many were moved."""
        keys = source.command("CLUSTER", "GETKEYSINSLOT", slot, most)
        assert isinstance(keys, list)
        if keys:
            names = [_bytes(key) for key in keys]
            source.command("MIGRATE", target.host, target.port, "", 0, 5000, "KEYS", *names)
        return len(keys)

    def end_migration(self, slot: int, source: Server, target: Server) -> None:
        """Tell everybody whose the slot is now."""
        id = self.id(target)
        for node in [target, source, *(node for node in self.primaries() if node not in (source, target))]:
            node.command("CLUSTER", "SETSLOT", slot, "NODE", id)

    async def migrate_slot(self, slot: int, target: Server) -> None:
        """Move a slot key by key, while the event loop goes on."""
        source = self.begin_migration(slot, target)
        while self.move_keys(slot, source, target, most=1):  # noqa: ASYNC110  others get a turn between keys
            await asyncio.sleep(0)
        self.end_migration(slot, source, target)

    async def add_node(self, replica_of: Server | None = None) -> Server:
        """Start a node and have it join, without slots; as a replica if told of which."""
        node = await asyncio.to_thread(self._started)
        self.nodes.append(node)
        await asyncio.to_thread(self._meet, node)
        if replica_of is not None:
            await asyncio.to_thread(self._replicate, node, replica_of)
        await self.until_agreed()
        return node

    async def remove_node(self, node: Server) -> None:
        """Have the others forget a node that has no slots, and stop it."""
        id = self.id(node)
        self.nodes.remove(node)
        node.close()
        for other in self.live:
            with contextlib.suppress(hiredis.ReplyError):  # one that has forgotten it already
                other.command("CLUSTER", "FORGET", id)
        await self.until_agreed()

    # Between tests

    def reset(self) -> None:
        """Make the cluster as new: empty, and every node where it was at first; else start another one."""
        with contextlib.suppress(OSError, hiredis.ReplyError, AssertionError, StopIteration):
            if self._as_at_first():
                for node in self.nodes:
                    self._tidy(node)
                return
        self.close()
        self.start()

    def _as_at_first(self) -> bool:
        return (
            len(self.live) == len(self.nodes)
            and self.agreed
            and self._owners(self.nodes[0]) == self._first
            and not any(map(self._migrates, self.nodes))
        )

    def _migrates(self, node: Server) -> bool:
        """Whether a slot is on its way to a node or from it."""
        return b"[" in _bytes(node.command("CLUSTER", "NODES"))

    def _tidy(self, node: Server) -> None:
        for kind in ("normal", "pubsub"):
            node.command("CLIENT", "KILL", "TYPE", kind, "SKIPME", "yes")
        node.command("SCRIPT", "FLUSH")
        if node.info("replication")["role"] == "master":
            node.command("FLUSHALL")
        node.restore()


def _bytes(reply: object) -> bytes:
    assert isinstance(reply, bytes), f"expected a string, got {reply!r}"
    return reply


def hidden(cluster: Cluster) -> dict[Server, tuple[str, int]]:
    """Have the nodes call each other by names that lead nowhere; return these, with the ports.

    Between them nothing changes, for they go on by addresses.
    """
    names = {node: (f"node-{number}.invalid", node.port) for number, node in enumerate(cluster.nodes)}
    for node, (name, _) in names.items():
        node.command("CONFIG", "SET", "cluster-announce-hostname", name)
        node.command("CONFIG", "SET", "cluster-preferred-endpoint-type", "hostname")
    wait_until(lambda: all(map(_names_all, cluster.nodes)), what="the nodes know each other's names")
    return names


def _names_all(node: Server) -> bool:
    listed: Any = node.command("CLUSTER", "SLOTS")
    return all(name.endswith(b".invalid") for _, _, *nodes in listed for name, *_ in nodes)
