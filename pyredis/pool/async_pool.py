"""The pool of connections to one server."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Unpack

from pyredis.address import Address, UnixAddress
from pyredis.connection.async_connection import address_of, checked_options
from pyredis.connection.opening import open_wire
from pyredis.connection.stream import Wire
from pyredis.pool.async_base import AsyncBasePool, PoolOptions

__all__ = ["AsyncPool"]


class AsyncPool(AsyncBasePool):
    """Connections to the server at ``host`` and ``port``, or at the unix socket ``unix_sock``.

    The options are those of ``AsyncBasePool``, by keyword.
    """

    def __init__(
        self,
        host: str | None = None,
        port: int = 6379,
        unix_sock: str | None = None,
        **options: Unpack[PoolOptions],
    ) -> None:
        super().__init__(**options)
        self._address = address_of(host, port, unix_sock)

    @property
    def address(self) -> Address:
        return self._address

    def _where(self) -> str:
        return str(self._address)

    def _check_options(self, options: Mapping[str, object]) -> None:
        checked_options(options, self._address)

    def like(self, **changes: Unpack[PoolOptions]) -> AsyncPool:
        """Return a new pool for the same server, with the same options but for these."""
        options: PoolOptions = {
            "database": self.database,
            "password": self.password,
            "encoding": self.encoding,
            "conn_timeout": self.conn_timeout,
            "read_timeout": self.read_timeout,
            "pool_size": self.pool_size,
            "username": self.username,
            "protocol": self.protocol,
            "decoder": self._options.decoder,
            "acquire_timeout": self._acquire_timeout,
            "close_on_err": self.close_on_err,
        }
        options.update(changes)
        if isinstance(self._address, UnixAddress):
            return AsyncPool(unix_sock=self._address.path, **options)
        return AsyncPool(self._address.host, self._address.port, **options)

    async def _open(self) -> Wire:
        return await open_wire(self._address, self._options)
