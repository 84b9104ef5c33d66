"""The client of one server: a connection with the vocabulary of its commands."""

from __future__ import annotations

from pyredis.connection.async_connection import AsyncConnection

__all__ = ["AsyncClient"]


class AsyncClient(AsyncConnection):
    """A connection to one server, leased from a pool or opened by itself.

    Leased: dead after ``release``. By itself: ``async with AsyncClient("127.0.0.1") as client``.
    """
