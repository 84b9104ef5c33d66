"""The connection of a server that was too busy to give one, tried again and again until there is one."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from pyredis.exceptions import PyRedisError, ReplyError

if TYPE_CHECKING:
    from pyredis_cli.core.session import Session

__all__ = ["Restoring"]

_PAUSE: Final = 0.5


class Restoring:
    """Reconnects a session in the background; ``tell`` is given what there is to say then."""

    def __init__(self, session: Session, tell: Callable[[str], None]) -> None:
        self._session = session
        self._tell = tell
        self._task: asyncio.Task[None] | None = None

    def begin(self) -> None:
        self._task = self._task or asyncio.create_task(self._restore())

    async def end(self) -> None:
        """Leave the session to whoever uses it next."""
        task, self._task = self._task, None
        if task is not None:
            task.cancel()
            await asyncio.wait([task])

    async def _restore(self) -> None:
        while True:
            try:
                self._tell(await self._session.reconnect())
                return
            except ReplyError as error:
                if error.code != "BUSY":
                    self._tell(f"not connected: {error}")
                    return
            except PyRedisError as error:
                if not self._session.busy:
                    self._tell(str(error))
                    return
            await asyncio.sleep(_PAUSE)
