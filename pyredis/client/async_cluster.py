"""The client of a cluster: one caller's connections, every command at the node that has its slot."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, Literal, Self, cast

from pyredis.address import TcpAddress
from pyredis.client.async_client import AsyncClient
from pyredis.client.cluster_map import ClusterMap, addresses_of
from pyredis.client.nodes import Bundle, Command, Node, NodesClient, close_client, named
from pyredis.client.redirects import follow, node_for
from pyredis.cluster import routing
from pyredis.commands.spec import Spec
from pyredis.connection.opening import open_wire
from pyredis.exceptions import PyRedisError
from pyredis.options import ConnectionOptions, TlsOptions, checked_tls, replica_choice
from pyredis.resp.encode import argv
from pyredis.types import Argument, Reply

__all__ = ["AsyncClusterClient"]

_PATIENCE: Final = 2.0
"""Seconds for which a command that no node executed is tried again, without a ``read_timeout``."""


class AsyncClusterClient(NodesClient):
    """One caller's connections to the cluster that ``seeds``, a list of ``(host, port)``, belong to.

    Leased from an ``AsyncClusterPool``, or by itself: ``async with AsyncClusterClient([("127.0.0.1", 7000)])``.
    With ``replica_ok`` (or ``slave_ok``, the same) what is read-only is read from replicas, which may be behind.
    The other options are those of ``AsyncConnection``.
    """

    def __init__(
        self,
        seeds: Sequence[tuple[str, int]],
        replica_ok: bool = False,
        database: int = 0,
        password: str | bytes | None = None,
        encoding: str | None = None,
        conn_timeout: float | None = 2,
        read_timeout: float | None = 2,
        username: str | None = None,
        *,
        slave_ok: bool | None = None,
        tls: TlsOptions | bool | None = None,
        protocol: Literal[2, 3] = 2,
        decoder: Literal["fast", "typed"] = "fast",
        max_bulk: int = 512 * 1024 * 1024,
        client_name: str | None = None,
        lib_name: str | None = "pyredis",
    ) -> None:
        replica_ok = replica_choice(replica_ok, slave_ok)
        self._options = ConnectionOptions(
            database=database,
            password=password,
            username=username,
            encoding=encoding,
            conn_timeout=conn_timeout,
            read_timeout=read_timeout,
            tls=checked_tls(tls),
            protocol=protocol,
            decoder=decoder,
            max_bulk=max_bulk,
            client_name=client_name,
            lib_name=lib_name,
        )
        cluster = ClusterMap(addresses_of("seeds", seeds), self._ask_node, tls=self._options.tls is not None)
        self._owns_map = True
        self._start(
            Bundle(self._connect, close_client), cluster, replica_ok, encoding, read_timeout or _PATIENCE
        )

    @classmethod
    def over(
        cls, bundle: Bundle, cluster: ClusterMap, *, replica_ok: bool, encoding: str | None, patience: float
    ) -> Self:
        """Return a client over connections that a pool leases, and over its map."""
        self = cls.__new__(cls)
        self._owns_map = False
        self._start(bundle, cluster, replica_ok, encoding, patience)
        return self

    def _start(
        self, bundle: Bundle, cluster: ClusterMap, replica_ok: bool, encoding: str | None, patience: float
    ) -> None:
        super().__init__(bundle, encoding)
        self._cluster = cluster
        self._replica_ok = replica_ok
        self._patience = patience

    @property
    def replica_ok(self) -> bool:
        """Whether replicas are read from."""
        return self._replica_ok

    slave_ok = replica_ok

    # -- where a command goes

    async def _route(self, words: Sequence[bytes], spec: Spec | None, shard_key: object) -> Node:
        reads = self._replica_ok and spec is not None and spec.readonly
        return await node_for(self._cluster, self._slot(words, spec, shard_key), replica=reads)

    def _slot(self, words: Sequence[bytes], spec: Spec | None, shard_key: object) -> int | None:
        key = None if shard_key is None else argv((cast("Argument", shard_key),), self._encoding)[0]
        return routing.slot(words, spec, key)

    async def _pinned(self, sock: object) -> Node:
        return named((await self._cluster.learn()).nodes, sock)

    async def _execute_at(
        self, node: Node, words: Sequence[bytes], spec: Spec | None, shard_key: object
    ) -> Reply:
        async def send(address: TcpAddress, asking: bool) -> Reply:
            client = await self._take_bundle().client(address)
            if asking:
                await client.execute(b"ASKING")
            return await client.execute(*words)

        try:
            return await super()._execute_at(node, words, spec, shard_key)
        except PyRedisError as error:
            return await self._mend((node, tuple(words), spec, shard_key), error)

    async def _mend(self, command: Command, error: PyRedisError) -> Reply:
        """Return the reply of a command that its node did not execute; raise the error when there is none."""
        node, words, spec, shard_key = command
        assert isinstance(node, TcpAddress)

        async def send(address: TcpAddress, asking: bool) -> Reply:
            client = await self._take_bundle().client(address)
            if asking:
                await client.execute(b"ASKING")
            return await client.execute(*words)

        if self.closed or self._engaged is not None:
            raise error
        slot = self._slot(words, spec, shard_key)
        harmless = spec is not None and spec.readonly
        return await follow(
            self._cluster, error, node, send, slot=slot, harmless=harmless, patience=self._patience
        )

    async def _execute_many_at(self, node: Node, commands: Sequence[Command]) -> list[Reply | PyRedisError]:
        replies = await super()._execute_many_at(node, commands)
        for place, reply in enumerate(replies):
            if isinstance(reply, PyRedisError):
                try:
                    replies[place] = await self._mend(commands[place], reply)
                except PyRedisError as final:
                    replies[place] = final
        return replies

    # -- connections of its own

    async def _connect(self, node: Node) -> AsyncClient:
        wire = await open_wire(cast("TcpAddress", node), self._options, replica=self._replica_ok)
        return AsyncClient.over(wire)

    async def _ask_node(self, address: TcpAddress, words: tuple[bytes, ...]) -> Reply:
        """Ask on a connection that is there for that alone: the caller's may be in a transaction."""
        wire = await open_wire(address, self._options)
        try:
            return await wire.execute(words, None)
        finally:
            wire.abort()
            await wire.wait_closed()

    def close(self) -> None:
        super().close()
        if self._owns_map:
            self._cluster.close()

    async def wait_closed(self) -> None:
        await super().wait_closed()
        if self._owns_map:
            await self._cluster.wait_closed()
