"""What is wrong with a server, by the fields of its INFO, in words for whoever is on call."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final, TypeAlias

from pyredis.types import Reply
from pyredis_cli.render.units import size
from pyredis_cli.render.views.reading import Unexpected, number

__all__ = ["trouble_of_row", "troubles"]

_Wrong: TypeAlias = Callable[[Reply], bool]

# From here on there is not much room left.
_NEARLY: Final = 0.9
# Seconds without a word after which a replica is behind.
_LATE: Final = 10
# Below this, fragmentation says nothing: a small server is mostly the program itself.
_LITTLE: Final = 100 * 1024**2
_FRAGMENTED: Final = 1.5


def troubles(fields: Mapping[str, Reply]) -> Mapping[str, str]:
    """Return the names of the fields that say that something is wrong, and what it is."""
    found = {name: words for name, (wrong, words) in _WRONG.items() if name in fields and wrong(fields[name])}
    return found | _of_several(fields)


def trouble_of_row(row: Mapping[str, Reply]) -> str:
    """Return what is wrong with a replica of a primary, or with a primary of a sentinel."""
    state = row.get("state", row.get("status"))
    if isinstance(state, str) and state not in ("online", "ok"):
        return f"is not {'online' if 'state' in row else 'ok'}"
    lag = _number(row, "lag")
    return f"silent for more than {_LATE} s" if lag is not None and lag > _LATE else ""


def _of_several(fields: Mapping[str, Reply]) -> dict[str, str]:
    found: dict[str, str] = {}
    used, most = _number(fields, "used_memory"), _number(fields, "maxmemory")
    if used is not None and most and used >= _NEARLY * most:
        found["used_memory"] = f"{used / most:.0%} of maxmemory"
    clients, room = _number(fields, "connected_clients"), _number(fields, "maxclients")
    if clients is not None and room and clients >= _NEARLY * room:
        found["connected_clients"] = f"{clients / room:.0%} of maxclients"
    ratio, lost = _number(fields, "mem_fragmentation_ratio"), _number(fields, "mem_fragmentation_bytes")
    if ratio is not None and lost is not None and ratio > _FRAGMENTED and lost > _LITTLE:
        found["mem_fragmentation_ratio"] = f"{size(lost)} are lost to fragmentation"
    return found


def _number(fields: Mapping[str, Reply], name: str) -> float | None:
    try:
        return number(fields[name]) if name in fields else None
    except Unexpected:
        return None


def _not(*fine: str) -> _Wrong:
    return lambda found: isinstance(found, str) and found not in fine


def _more_than_none(found: Reply) -> bool:
    return isinstance(found, int) and found > 0


_WRONG: Final[Mapping[str, tuple[_Wrong, str]]] = {
    "loading": (_more_than_none, "it loads its data and serves nobody"),
    "async_loading": (_more_than_none, "it loads the data of its primary and serves the old"),
    "rdb_last_bgsave_status": (_not("ok"), "the last snapshot failed"),
    "aof_last_bgrewrite_status": (_not("ok"), "the last rewrite of the append-only file failed"),
    "aof_last_write_status": (_not("ok"), "writing to the append-only file fails"),
    "master_link_status": (_not("up"), "no link to its primary"),
    "master_sync_in_progress": (_more_than_none, "a full synchronisation goes on"),
    "master_failover_state": (_not("no-failover"), "a failover goes on"),
    "current_eviction_exceeded_time": (_more_than_none, "more memory than maxmemory is in use"),
    "rejected_connections": (_more_than_none, "clients were turned away, maxclients was reached"),
    "client_query_buffer_limit_disconnections": (_more_than_none, "clients were cut off, they sent too much"),
    "client_output_buffer_limit_disconnections": (
        _more_than_none,
        "clients were cut off, they read too slowly",
    ),
    "sentinel_tilt": (_more_than_none, "the sentinel does not trust its clock and acts on nothing"),
}
