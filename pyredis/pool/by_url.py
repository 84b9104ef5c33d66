"""A pool from what a URL says."""

from __future__ import annotations

from typing import Unpack

from pyredis.pool.async_base import PoolOptions
from pyredis.pool.async_pool import AsyncPool

__all__ = ["get_by_url"]


def get_by_url(url: str, async_client: bool = True, **options: Unpack[PoolOptions]) -> AsyncPool:
    """Return the pool that a URL describes; ``options`` win over what the URL says.

    The URLs are those of ``pyredis.url``. PyRedisURLError, which is a ValueError, tells what is wrong with one.
    """
    if not async_client:
        raise ValueError("this library is asyncio only; leave out async_client, or set it to True")
    return AsyncPool.from_url(url, **options)
