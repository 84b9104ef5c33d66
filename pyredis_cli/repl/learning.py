"""What the server says of its commands, learnt behind the prompt's back, once for each user that may ask."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING

from prompt_toolkit.application import get_app_or_none

from pyredis.exceptions import PyRedisError

if TYPE_CHECKING:
    from pyredis_cli.core.session import Session

__all__ = ["Learning"]

logger = logging.getLogger(__name__)


class Learning:
    """Teaches the table of a session, on a connection beside the session's."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._task: asyncio.Task[bool] | None = None
        self._user: str | None = None
        """As whom the server was asked."""

    def begin(self) -> None:
        """Ask if there is somebody to ask, once; what was refused to one user may be told to another."""
        session = self._session
        again = self._task is not None and _failed(self._task) and self._user != session.username
        if session.connected and not session.unauthenticated and (self._task is None or again):
            self._user = session.username
            self._task = asyncio.create_task(_learn_commands(session))

    async def close(self) -> None:
        """Ask no more."""
        task, self._task = self._task, None
        if task is not None:
            task.cancel()
            await asyncio.wait([task])
            if not task.cancelled() and task.exception() is not None:
                logger.warning("the server's commands stay unknown", exc_info=task.exception())


async def _learn_commands(session: Session) -> bool:
    """Teach the session's table what the server says of its commands; return whether it said all."""
    # The prompt stands already when this runs: what only it needs is loaded behind the first prompt's back.
    from pyredis_cli.core import docs

    complete, pool = False, session.pool
    try:
        client = await session.another()
        try:
            complete = await docs.learn(client, session.table, docs.cache_folder())
        finally:
            await pool.release(client)
    except PyRedisError as error:
        # No seat left in the pool, a connection that broke: the built-in table is what there is.
        logger.debug("the server's commands stay unknown: %s", error)
    if (application := get_app_or_none()) is not None:
        application.invalidate()  # what is shown of the line may be another now
    return complete


def _failed(learning: asyncio.Task[bool]) -> bool:
    """Whether a task is over that did not learn all there is."""
    return learning.done() and (
        learning.cancelled() or learning.exception() is not None or not learning.result()
    )
