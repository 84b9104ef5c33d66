"""What the numbers of a server mean, by the names of their fields: sizes, spans, moments, large counts.

Names are those of INFO, MEMORY STATS and CLIENT LIST. A number that says enough itself (a size below 1 KB, a
span below a minute) has no meaning beside it, nor has a name that is not known.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Final, TypeAlias

from pyredis.types import Reply
from pyredis_cli.render.blocks import Cell
from pyredis_cli.render.look import Look
from pyredis_cli.render.units import ago, count, duration, size, when
from pyredis_cli.render.views.cells import bare, noted
from pyredis_cli.render.views.reading import Unexpected, integer, number

__all__ = ["counted", "meaning", "millis", "moment", "seconds", "sized", "timed"]

_Meaning: TypeAlias = Callable[[float], str]


# No server counts further; floats hold it all the same.
_ABSURD: Final = 2**64
# From this width on tables have room for more than the date.
_ROOMY: Final = 120


def sized(found: float) -> str:
    """Return what a number of bytes is, nothing when it is small."""
    return size(found) if abs(found) >= 1024 else ""


def seconds(found: float) -> str:
    """Return what a span of seconds is, nothing when it is short."""
    return duration(found) if found >= 60 else ""


def millis(found: float) -> str:
    """Return what a span of milliseconds is, nothing when it is short."""
    return duration(found / 1e3) if found >= 1000 else ""


def counted(found: float) -> str:
    """Return a large count with its thousands apart."""
    return count(found) if isinstance(found, int) and found >= 100_000 else ""


def moment(found: float, now: float | None) -> str:
    """Return a moment in Unix seconds, and how far it is from now; nothing when it is no moment."""
    if found <= 0:
        return ""
    return when(found) if now is None else f"{when(found)}  {ago(found, now)}"


def timed(found: Reply, look: Look) -> Cell:
    """Return a moment in Unix seconds with its date, and where there is room with how long ago that was."""
    seconds = integer(found)
    cell = (*bare(found), ("time", f"  {when(seconds)}"))
    return noted(cell, ago(seconds, look.now)) if look.now is not None and look.width >= _ROOMY else cell


def meaning(name: str, found: Reply, now: float | None) -> str:
    """Return what a field's number means, nothing when it says enough itself or is no number."""
    try:
        value = number(found)
    except Unexpected:
        return ""
    if not abs(value) < _ABSURD:
        return ""
    if _MOMENTS.fullmatch(name):
        return moment(value, now)
    if value == -1:
        return next((words for names, words in _NONE if names.fullmatch(name)), "")
    return next((mean(value) for names, mean in _MEANINGS if names.fullmatch(name)), "")


def _micros(found: float) -> str:
    return duration(found / 1e6) if found >= 1000 else ""


def _moment_in_micros(found: float) -> str:
    return when(found / 1e6) if found > 0 else ""


def _rate(found: float) -> str:
    return f"{size(found * 1024)}/s" if found >= 1 else ""


_MOMENTS: Final = re.compile(r"rdb_last_save_time|used_memory_peak_time|loading_start_time")
_NONE: Final[Sequence[tuple[re.Pattern[str], str]]] = (
    (re.compile(r".*_last_.*_time_sec"), "none yet"),
    (re.compile(r".*_current_.*_time_sec"), "none now"),
    (re.compile(r"master_last_io_seconds_ago"), "no link"),
    (re.compile(r"master_link_down_since_seconds"), "never was up"),
)
_MEANINGS: Final[Sequence[tuple[re.Pattern[str], _Meaning]]] = (
    (re.compile(r"server_time_usec"), _moment_in_micros),
    (re.compile(r".*_(?:time_sec|seconds|seconds_ago|size_age)|used_cpu_.*|age|idle"), seconds),
    (
        re.compile(r".*_milliseconds|(?:total|current)_(?:eviction_exceeded|active_defrag)_time|avg_ttl"),
        millis,
    ),
    (re.compile(r".*_usec|eventloop_duration(?:_cmd)?_sum"), _micros),
    (re.compile(r"instantaneous_.*_kbps"), _rate),
    (
        re.compile(
            r"used_memory(?:_.*)?|.*_bytes|maxmemory|total_system_memory|mem_.*"
            r"|allocator_(?:allocated|active|resident|muzzy)|.*_cow_(?:size|peak)|repl_backlog_(?:size|histlen)"
            r"|client_recent_max_.*_buffer|replica_full_sync_buffer_(?:size|peak)|aof_(?:current|base)_size|aof_.*buffer_length|sentinel_.*memory"
            r"|qbuf(?:-free)?|(?:argv|multi|tot)-mem|rbs|rbp|omem|tot-net-(?:in|out)"
        ),
        lambda found: sized(found) if isinstance(found, int) else "",
    ),
    (
        re.compile(
            r"(?:total|keyspace|expired|evicted|rejected|acl|eventloop|io_threaded)_.*|.*_keys|keys|expires"
            r"|rdb_changes_since_last_save|lazyfree.*_objects|active_defrag_.*|tot-cmds|calls"
        ),
        counted,
    ),
)
