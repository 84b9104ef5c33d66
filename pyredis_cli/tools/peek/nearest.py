"""The key that was probably meant where there is none of that name: the most alike of those a few SCANs see."""

from __future__ import annotations

from typing import Final

from pyredis.exceptions import ReplyError
from pyredis_cli.core.desk import Desk

__all__ = ["nearest"]

_PAGES: Final = 5
_COUNT: Final = 1_000
_ALIKE: Final = 0.8
_LONGEST: Final = 200  # bytes: what is longer nobody has typed


async def nearest(desk: Desk, key: bytes) -> bytes | None:
    """Return a key that is much like this one, None where none was seen."""
    if not 0 < len(key) <= _LONGEST:
        return None
    # Imported where a key was not there.
    from difflib import get_close_matches

    seen = await _seen(desk)
    names = {one.decode("utf-8", "surrogateescape"): one for one in seen if len(one) <= _LONGEST}
    meant = key.decode("utf-8", "surrogateescape")
    same = [name for name in names if name.casefold() == meant.casefold()]
    found = same or get_close_matches(meant, names, n=1, cutoff=_ALIKE)
    return names[found[0]] if found else None


async def _seen(desk: Desk) -> list[bytes]:
    seen: list[bytes] = []
    cursor = b"0"
    for _ in range(_PAGES):
        try:
            reply = await desk.ask("SCAN", cursor, "COUNT", _COUNT)
        except ReplyError:
            break
        match reply:
            case [bytes() as cursor, list() as keys]:
                seen += [one for one in keys if isinstance(one, bytes)]
            case _:
                break
        if cursor == b"0":
            break
    return seen
