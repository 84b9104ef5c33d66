"""A Lua script that the server is told by its SHA1, and by its source only when it does not know it.

It knows EVALSHA, EVAL and what a server says that lacks a script. It remembers nothing of any server: one may
forget its scripts at any time (a restart, a failover, SCRIPT FLUSH), so each call finds out anew.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

from pyredis.client.executor import Executor
from pyredis.connection.async_connection import AsyncConnection
from pyredis.connection.bulk import Pipeline
from pyredis.exceptions import NoScript
from pyredis.types import Argument, Reply

__all__ = ["Script"]


class Script:
    """A script to be called on any pool or client: ``await script(pool, keys=["k"], args=[1])``.

    ``readonly`` has the server refuse writes inside the script and lets replicas execute it (EVALSHA_RO,
    Redis 7.0). A ``source`` of type str is sent as UTF-8, whatever the encoding of the connection.
    """

    __slots__ = ("readonly", "sha", "source")

    def __init__(self, source: str | bytes, *, readonly: bool = False) -> None:
        if not isinstance(source, str | bytes):
            raise TypeError(f"the source of a script must be str or bytes, not {type(source).__name__}")
        self.source = source if isinstance(source, bytes) else source.encode("utf-8", "surrogateescape")
        self.sha = hashlib.sha1(self.source, usedforsecurity=False).hexdigest()
        self.readonly = readonly

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.sha}{' readonly' if self.readonly else ''}>"

    async def __call__(
        self,
        executor: Executor,
        keys: Iterable[Argument] = (),
        args: Iterable[Argument] = (),
        **options: object,
    ) -> Reply:
        """Return the reply of the script, executed once; further keywords are options of ``execute``.

        A server that lacks the script is sent its source, which it keeps for later calls. Inside a transaction
        or a pipeline the source is sent at once, for it would turn out too late that the server lacks it.
        """
        listed = _listed("keys", keys)
        words = (len(listed), *listed, *_listed("args", args))
        kind = "_RO" if self.readonly else ""
        if not await _replies_later(executor):
            try:
                return await executor.execute(f"EVALSHA{kind}", self.sha, *words, **options)
            except NoScript as error:
                if not error.message.startswith(_UNKNOWN):
                    raise  # the script's own words: it was executed
        return await executor.execute(f"EVAL{kind}", self.source, *words, **options)


_UNKNOWN = "NOSCRIPT No matching script"


def _listed(name: str, arguments: Iterable[Argument]) -> tuple[Argument, ...]:
    if isinstance(arguments, str | bytes | bytearray | memoryview):
        raise TypeError(f"{name} must be a list of arguments, not one {type(arguments).__name__}")
    return tuple(arguments)


async def _replies_later(executor: Executor) -> bool:
    """Whether the reply of a command tells nothing yet about what becomes of it."""
    if isinstance(executor, Pipeline):
        return True
    if isinstance(executor, AsyncConnection):
        await executor.connect()
    return bool(getattr(executor, "replies_later", False))
