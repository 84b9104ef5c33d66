"""The pool of connections to one server."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Unpack

from pyredis.address import Address
from pyredis.connection.async_connection import address_of, checked_options
from pyredis.connection.stream import Wire, open_wire
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

    async def _open(self) -> Wire:
        return await open_wire(self._address, self._options)
