"""The client of a cluster: one caller's connections, every command at the node that has its slot."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal, Self, cast

from pyredis.address import TcpAddress, checked_natmap
from pyredis.client.async_client import AsyncClient
from pyredis.client.cluster_map import ClusterMap, addresses_of
from pyredis.client.nodes import Bundle, NodesClient, close_client
from pyredis.client.redirects import PATIENCE
from pyredis.client.spanning import Node, OverCluster
from pyredis.commands.spec import Spec
from pyredis.connection.opening import open_wire
from pyredis.options import ConnectionOptions, TlsOptions, checked_tls, replica_choice
from pyredis.types import Reply

__all__ = ["AsyncClusterClient", "ask_once"]


class AsyncClusterClient(NodesClient, OverCluster):
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
        family: Literal[0, 4, 6] = 0,
        read_only: bool = False,
        natmap: Mapping[TcpAddress, TcpAddress] | None = None,
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
            family=family,
            read_only=read_only,
        )
        cluster = ClusterMap(
            addresses_of("seeds", seeds),
            self._ask_node,
            tls=self._options.tls is not None,
            natmap=checked_natmap(natmap),
        )
        self._owns_map = True
        self._start(
            Bundle(self._connect, close_client), cluster, replica_ok, encoding, read_timeout or PATIENCE
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
        self._patient_for = patience

    # -- where a command goes

    @property
    def _patience(self) -> float:
        return self._patient_for

    async def _send_asking(self, address: TcpAddress, words: Sequence[bytes], spec: Spec | None) -> Reply:
        return await (await self._take_bundle().client(address)).execute_after_asking(words)

    # -- connections of its own

    async def _connect(self, node: Node) -> AsyncClient:
        wire = await open_wire(cast("TcpAddress", node), self._options, replica=self._replica_ok)
        return AsyncClient.over(wire)

    async def _ask_node(self, address: TcpAddress, words: tuple[bytes, ...]) -> Reply:
        return await ask_once(
            address, self._options, words
        )  # the caller's connection may be in a transaction

    def close(self) -> None:
        super().close()
        if self._owns_map:
            self._cluster.close()

    async def wait_closed(self) -> None:
        await super().wait_closed()
        if self._owns_map:
            await self._cluster.wait_closed()


async def ask_once(address: TcpAddress, options: ConnectionOptions, words: tuple[bytes, ...]) -> Reply:
    """Return the reply of a node to one command, on a connection that is there for that alone."""
    wire = await open_wire(address, options)
    try:
        return await wire.execute(words, None)
    finally:
        wire.abort()
        await wire.wait_closed()
