"""To look at keys without using them, as far as the server can be told so."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from pyredis.exceptions import ReplyError

if TYPE_CHECKING:
    from pyredis.client.async_client import AsyncClient

__all__ = ["look_only"]

_SINCE: Final = 7, 2
_VERSION: Final = re.compile(rb"(\d+)\.(\d+)")


async def look_only(client: AsyncClient) -> bool:
    """Have what is looked at over a connection not count as used; return whether the server can be told so.

    One that is known to be too old is not asked: it would count an error, and people watch the number.
    """
    version = client.greeting.get("version")
    known = _VERSION.match(version) if isinstance(version, bytes) else None
    if known is not None and (int(known[1]), int(known[2])) < _SINCE:
        return False
    try:
        await client.execute("CLIENT", "NO-TOUCH", "ON")
    except ReplyError:  # too old, or this user may not
        return False
    return True
