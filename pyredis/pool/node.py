"""The connections to one of several servers that make up a pool.

It tells its owner when the server is silent; what that means, and where a command goes that the server did not
execute, the owner knows.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Final, Unpack
from weakref import WeakMethod

from pyredis.address import TcpAddress
from pyredis.commands.spec import Spec
from pyredis.connection.opening import open_wire
from pyredis.connection.stream import Wire
from pyredis.exceptions import PyRedisConnError, ReplyError
from pyredis.pool.async_base import PoolOptions
from pyredis.pool.async_pool import AsyncPool
from pyredis.types import Reply

__all__ = ["NodePool", "OnSilence"]

_IMPATIENCE: Final = 0.25  # seconds until a connection that is being opened counts as silent

OnSilence = Callable[[TcpAddress], None]


class NodePool(AsyncPool):
    """A pool for one node; ``replica`` has its connections read from a node that is a replica."""

    def __init__(
        self, address: TcpAddress, on_silence: OnSilence, *, replica: bool, **options: Unpack[PoolOptions]
    ) -> None:
        super().__init__(address.host, address.port, **options)
        self.node = address
        self._silent_at = -math.inf
        self._on_silence = on_silence
        self._replica = replica

    async def _open(self) -> Wire:
        with self._impatience():
            wire = await open_wire(self._address, self._options, replica=self._replica)
        wire.on_silent = WeakMethod(self._silent)
        return wire

    @contextmanager
    def _impatience(self) -> Iterator[None]:
        """Tell of silence while the block lasts."""
        loop = asyncio.get_running_loop()

        def tell() -> None:
            timers.append(loop.call_later(_IMPATIENCE, tell))
            self._silent()

        timers = [loop.call_later(_IMPATIENCE, tell)]
        try:
            yield
        finally:
            timers[-1].cancel()

    @property
    def suspected(self) -> bool:
        """Whether the server is silent although it ought to say something."""
        return asyncio.get_running_loop().time() - self._silent_at < 2 * _IMPATIENCE

    def _silent(self, wire: Wire | None = None) -> None:
        self._silent_at = asyncio.get_running_loop().time()
        self._on_silence(self.node)

    def _may_retry(self, error: PyRedisConnError, spec: Spec | None) -> bool:
        return False  # its owner may know a better node

    async def execute_after_asking(self, argv: Sequence[bytes], spec: Spec | None) -> Reply:
        """Return the reply of a command that is sent right behind ASKING; raise its ReplyError."""
        if spec is None or spec.blocks_for(argv) is not None:
            async with self.lease() as client:
                return await client.execute_after_asking(argv)
        _, reply = await self._execute_run(self.pack([(b"ASKING",), tuple(argv)]), 2)
        if isinstance(reply, ReplyError):
            reply.command = spec.name
            raise reply
        return reply
