"""The client over fixed servers, each with its share of the keys."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, Self, cast

from pyredis.address import TcpAddress
from pyredis.client.async_client import AsyncClient
from pyredis.client.cluster_map import addresses_of
from pyredis.client.nodes import Bundle, NodesClient, close_client
from pyredis.client.spanning import Node, OverBuckets
from pyredis.cluster.buckets import Buckets
from pyredis.connection.opening import open_wire
from pyredis.options import ConnectionOptions, TlsOptions, checked_tls

__all__ = ["AsyncHashClient"]


class AsyncHashClient(NodesClient, OverBuckets):
    """One caller's connections to the servers ``buckets``, a list of ``(host, port)`` that share the keys.

    Leased from an ``AsyncHashPool``, which see, or by itself. The other options are those of ``AsyncConnection``.
    """

    def __init__(
        self,
        buckets: Sequence[tuple[str, int]],
        database: int = 0,
        password: str | bytes | None = None,
        encoding: str | None = None,
        conn_timeout: float | None = 2,
        read_timeout: float | None = 2,
        username: str | None = None,
        *,
        tls: TlsOptions | bool | None = None,
        protocol: Literal[2, 3] = 2,
        decoder: Literal["fast", "typed"] = "fast",
        max_bulk: int = 512 * 1024 * 1024,
        client_name: str | None = None,
        lib_name: str | None = "pyredis",
        family: Literal[0, 4, 6] = 0,
        read_only: bool = False,
    ) -> None:
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
        super().__init__(Bundle(self._connect, close_client), encoding)
        self._buckets = Buckets(addresses_of("buckets", buckets))

    @classmethod
    def over(cls, bundle: Bundle, buckets: Buckets, encoding: str | None) -> Self:
        """Return a client over connections that a pool leases."""
        self = cls.__new__(cls)
        NodesClient.__init__(self, bundle, encoding)
        self._buckets = buckets
        return self

    async def _connect(self, node: Node) -> AsyncClient:
        return AsyncClient.over(await open_wire(cast("TcpAddress", node), self._options))
