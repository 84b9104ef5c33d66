"""The pool of a cluster: every command at the node that has its slot, whatever becomes of the nodes."""

from __future__ import annotations

from asyncio import Future, get_running_loop
from binascii import crc_hqx
from collections.abc import Mapping, Sequence
from typing import Unpack, cast

from pyredis.address import TcpAddress, checked_natmap
from pyredis.client.async_cluster import AsyncClusterClient, ask_once
from pyredis.client.cluster_map import ClusterMap, addresses_of
from pyredis.client.nodes import Bundle
from pyredis.client.redirects import PATIENCE
from pyredis.client.spanning import Node, OverCluster, Planned
from pyredis.cluster import routing
from pyredis.cluster.topology import Topology
from pyredis.commands.slots import SLOTS, key_slot
from pyredis.commands.spec import TABLE, Spec, Table
from pyredis.exceptions import PoolExhausted, PyRedisConnError, PyRedisError, ReplyError
from pyredis.options import replica_choice
from pyredis.pool.async_base import PoolOptions
from pyredis.pool.node import NodePool
from pyredis.pool.nodes import NodesPool
from pyredis.pool.sharing import named_error, spellings
from pyredis.resp.encode import argv
from pyredis.types import Argument, Reply

__all__ = ["AsyncClusterPool"]


class AsyncClusterPool(NodesPool, OverCluster):
    """Connections to the nodes of the cluster that ``seeds``, a list of ``(host, port)``, belong to.

    With ``replica_ok`` (or ``slave_ok``, the same) what is read-only is read from replicas, which may be behind.
    The other options are those of ``AsyncBasePool``, by keyword; ``pool_size`` is for each node. The nodes are
    asked where the slots are when the first command needs that, and whenever what is known turns out to be wrong.
    ``natmap`` says where nodes are reached that call each other by other addresses.
    """

    def __init__(
        self,
        seeds: Sequence[tuple[str, int]],
        replica_ok: bool = False,
        *,
        slave_ok: bool | None = None,
        natmap: Mapping[TcpAddress, TcpAddress] | None = None,
        **options: Unpack[PoolOptions],
    ) -> None:
        super().__init__(**options)
        self._replica_ok = replica_choice(replica_ok, slave_ok)
        self._cluster = ClusterMap(
            addresses_of("seeds", seeds),
            self._ask_node,
            tls=self._options.tls is not None,
            natmap=checked_natmap(natmap),
        )
        self._cluster.on_change = self._arrange
        self._utf8 = self.encoding in (None, "utf-8")
        self._table: Table | None = None
        self._primaries: list[NodePool | None] = [None] * SLOTS
        self._readers: list[NodePool | None] = [None] * SLOTS
        self._plain: dict[object, tuple[int, list[NodePool | None]]] = {}

    @property
    def seeds(self) -> tuple[TcpAddress, ...]:
        return self._cluster.seeds

    @property
    def topology(self) -> Topology | None:
        """Which node has which slots, as far as that is known now."""
        return self._cluster.topology

    def _where(self) -> str:
        return ",".join(map(str, self._cluster.seeds))

    # -- execute

    async def execute(self, *args: Argument, shard_key: object = None, sock: object = None) -> Reply:
        # What most commands are: one key, where it always is, its node known, and a lane there.
        try:
            name = args[0]
            at, owners = self._plain[name]
            key = args[at]
            if type(key) is not bytes:
                key = key.encode() if type(key) is str and self._utf8 else argv((key,), self.encoding)[0]
            # This is key_slot, written out for what has no hash tag.
            node = owners[key_slot(key) if b"{" in key else crc_hqx(key, 0) % SLOTS]
        except (LookupError, TypeError, ValueError):
            node = None
        if node is None or shard_key is not None or sock is not None:
            return await super().execute(*args, shard_key=shard_key, sock=sock)
        lane = node.lane
        try:
            if lane is None or name not in node.plain or get_running_loop() is not lane.loop:
                return await node.execute(*args)
            # This is Lane.ask, written out, as in SharingPool.
            waiter: Future[Reply] = Future(loop=lane.loop)
            lane.owed.append(waiter)
            unsent = lane.unsent
            unsent.append(args)
            if len(unsent) == 1:
                lane.schedule()
            reply = await waiter
        except PyRedisError as error:
            if owners is self._readers and type(error) is PyRedisConnError:
                self._forget_reader(node)
            words = argv(args, self.encoding)
            spec = self._find(words)
            named_error(error, spec.name if spec else None)
            return await self._mend((node.node, words, spec, routing.slot(words, spec)), error)
        if lane.watchful:
            node.weigh(lane, args, reply)
        return reply

    def _forget_reader(self, dead: NodePool) -> None:
        """Read from primaries what was read from a replica that cannot be reached, until the cluster changes."""
        for slot, node in enumerate(self._readers):
            if node is dead and self._primaries[slot] is not dead:
                self._readers[slot] = self._primaries[slot]

    def _find(self, words: Sequence[bytes]) -> Spec | None:
        return (self._table or TABLE).find(words)

    async def _route(
        self, words: Sequence[bytes], spec: Spec | None, shard_key: object, *, settled: bool = False
    ) -> Planned:
        if spec is None and shard_key is None:
            spec = await self._learn_command(words)
        planned = await super()._route(words, spec, shard_key, settled=settled)
        node, _, _, slot = planned
        if spec is not None and slot is not None and shard_key is None and _has_one_key(spec):
            owners = self._readers if self._replica_ok and spec.readonly else self._primaries
            owners[slot] = self._node(cast("TcpAddress", node))
            if spec.name not in self._plain:
                place = spec.key_specs[0][1][1], owners
                self._plain.update(dict.fromkeys(spellings(spec.name), place))
        return planned

    async def _learn_command(self, words: Sequence[bytes]) -> Spec | None:
        """Return the row of a command that only the servers know, or None when they do not tell."""
        if self._table is None:
            self._table = Table()
        try:
            self._table.learn(await super().execute(b"COMMAND", b"INFO", words[0]))
        except ReplyError:
            return None  # a user who may not ask may still execute it
        return self._table.find(words)

    async def _send_asking(self, address: TcpAddress, words: Sequence[bytes], spec: Spec | None) -> Reply:
        return await self._node(address).execute_after_asking(words, spec)

    @property
    def _patience(self) -> float:
        return self.read_timeout or PATIENCE

    # -- nodes

    async def _ask_node(self, address: TcpAddress, words: tuple[bytes, ...]) -> Reply:
        try:
            return await self._node(address).execute(*words)
        except PoolExhausted:  # those who have leased all connections may be waiting for the answer
            return await ask_once(address, self._options, words)

    def _node(self, address: TcpAddress) -> NodePool:
        pool = self._pool_of(address)
        assert isinstance(pool, NodePool)
        return pool

    def _make_pool(self, node: Node) -> NodePool:
        assert isinstance(node, TcpAddress)
        return NodePool(node, self._silent, replica=self._replica_ok, **self._node_options)

    def _silent(self, address: TcpAddress) -> None:
        """Hear that a node is silent: the others may have given it up."""
        self._cluster.refresh_soon(avoid=address)

    def _arrange(self, topology: Topology) -> None:
        """Have every slot's node looked up anew, and leave the nodes that have gone."""
        for owners in (self._primaries, self._readers):
            owners[:] = [None] * SLOTS
        for node, pool in list(self._pools.items()):
            if node not in topology.primaries and cast("NodePool", pool).suspected:
                pool.abandon(f"{node} is silent, and the cluster goes on without it")
            if node not in topology.nodes:
                self._drop_pool(node)

    # -- leases

    def _client(self, bundle: Bundle) -> AsyncClusterClient:
        return AsyncClusterClient.over(
            bundle,
            self._cluster,
            replica_ok=self._replica_ok,
            encoding=self.encoding,
            patience=self._patience,
        )

    def shut(self) -> None:
        self._cluster.close()
        super().shut()

    async def close(self) -> None:
        """Close every connection; fail whoever waits with PyRedisConnClosed. Waits for no reply."""
        await super().close()
        await self._cluster.wait_closed()


def _has_one_key(spec: Spec) -> bool:
    """Whether the command has one key, always in the same place, and may be sent without more thought."""
    if len(spec.key_specs) != 1 or spec.blocking or spec.subcommands or " " in spec.name:
        return False
    _, search, rest = spec.key_specs[0]
    return bool(search[0] == "index" and rest[:2] == ("range", 0))
