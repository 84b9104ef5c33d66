"""What pools and clients have in common, as far as those who build on their commands need to know."""

from __future__ import annotations

from typing import Protocol

from pyredis.types import Argument, Reply

__all__ = ["Executor"]


class Executor(Protocol):
    """Whatever executes a command: a pool, a client."""

    async def execute(self, *args: Argument, shard_key: object = None, sock: object = None) -> Reply:
        """Return the reply of a command; raise its ReplyError."""
