"""How the server is asked to end the wait of a connection, over another one.

It knows which servers must not be asked while they hold commands back, and how that shows.
"""

from __future__ import annotations

from pyredis.commands.keys import keys
from pyredis.exceptions import ReplyError, WrongType

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from pyredis.client.async_client import AsyncClient
    from pyredis.commands.spec import Spec

__all__ = ["end_wait"]


async def end_wait(client: AsyncClient, number: int, spec: Spec, argv: Sequence[bytes]) -> bool:
    """Have the server end the wait of the connection of that number; return whether there was one to end.

    ``argv`` is what waits. Raises the ReplyError of a server that refuses.
    """
    if not await _runs_commands(client, next(iter(keys(spec, argv)), b"")):
        return False
    return await client.execute("CLIENT", "UNBLOCK", number) == 1


async def _runs_commands(client: AsyncClient, key: bytes) -> bool:
    """Return whether the server holds no commands back; while it does, this does not return.

    Servers until 2025 crash when a client is unblocked that CLIENT PAUSE or a failover holds back. PFCOUNT changes
    nothing here, and is held back like a write.
    """
    try:
        await client.execute("PFCOUNT", key)
    except ReplyError as error:
        # Every other one may come before the server looks whether to wait.
        return isinstance(error, WrongType)
    return True
