"""The pool of connections to one server."""

from __future__ import annotations

from typing import Self, Unpack

from pyredis.address import Address, UnixAddress
from pyredis.connection.async_connection import address_of, checked_sock
from pyredis.connection.opening import open_wire
from pyredis.connection.stream import Wire
from pyredis.pool.async_base import PoolOptions
from pyredis.pool.sharing import SharingPool
from pyredis.url import build, parse

__all__ = ["AsyncPool"]


class AsyncPool(SharingPool):
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

    @classmethod
    def from_url(cls, url: str, **options: Unpack[PoolOptions]) -> Self:
        """Return the pool that a URL of ``pyredis.url`` describes; ``options`` win over what it says.

        PyRedisURLError, which is a ValueError, tells what is wrong with a URL, without its password; what is
        wrong with the options is ValueError or TypeError.
        """
        return build(cls, parse(url), url, options)

    @property
    def address(self) -> Address:
        return self._address

    def _where(self) -> str:
        return str(self._address)

    def _check_sock(self, sock: object) -> None:
        checked_sock(sock, self._address)

    def like(self, **changes: Unpack[PoolOptions]) -> AsyncPool:
        """Return a new pool for the same server, with the same options but for these."""
        return self.at(self._address, **changes)

    def at(self, address: Address, **changes: Unpack[PoolOptions]) -> AsyncPool:
        """Return a new pool for another server, with the same options but for these."""
        options = self._options_but(changes)
        if isinstance(address, UnixAddress):
            return AsyncPool(unix_sock=address.path, **options)
        return AsyncPool(address.host, address.port, **options)

    async def _open(self) -> Wire:
        return await open_wire(self._address, self._options)
