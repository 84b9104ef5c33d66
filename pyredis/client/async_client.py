"""The client of one server: a connection with the vocabulary of its commands."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pyredis.client.scanning import Scanning
from pyredis.connection.async_connection import AsyncConnection

if TYPE_CHECKING:
    from pyredis.client.pushes import Pushes
    from pyredis.connection.stream import Wire

__all__ = ["AsyncClient"]


class AsyncClient(AsyncConnection, Scanning):
    """A connection to one server, leased from a pool or opened by itself.

    Leased: dead after ``release``. By itself: ``async with AsyncClient("127.0.0.1") as client``.
    """

    _pushes: Pushes | None = None

    def pushes(self, **limits: int) -> Pushes:
        """Return what comes unasked from now on, as an asynchronous iterator; an earlier one ends.

        The connection must be open. With ``buffer_size`` pushes or ``buffer_bytes`` of them unread, it is not
        read any more, but for the replies that are due.
        """
        from pyredis.client.pushes import Pushes  # few clients hear pushes, and every start would pay

        if self._pushes is not None:
            self._pushes.close()
        self._pushes = Pushes(self, **limits)
        return self._pushes

    def detach(self) -> Wire | None:
        if self._pushes is not None:
            self._pushes.close()
        return super().detach()
