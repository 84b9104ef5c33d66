"""What happened on a server, as values: what the page is made of, and programs get under the same names.

A number that was not told is None; shares are parts of 1.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from typing import NamedTuple, cast

from pyredis.types import Reply
from pyredis_cli.render.units import stamp
from pyredis_cli.tools.since.moment import Slow, Spike

__all__ = [
    "Changes",
    "Clients",
    "Command",
    "Cpu",
    "Errors",
    "Keys",
    "Latency",
    "Lookups",
    "Memory",
    "Move",
    "Network",
    "Persistence",
    "Rate",
    "Replication",
    "Turn",
    "value",
]


class Move(NamedTuple):
    """A number at both ends."""

    before: float | None = None
    now: float | None = None

    @property
    def grown(self) -> float:
        return (self.now or 0) - (self.before or 0)


class Turn(NamedTuple):
    """A word at both ends."""

    before: str | None = None
    now: str | None = None

    @property
    def is_one(self) -> bool:
        """Whether it is another word now."""
        return self.before is not None and self.now is not None and self.before != self.now


class Rate(NamedTuple):
    """A rate as the server tells it, at both ends and each second between, and what it was on average."""

    before: float | None
    now: float | None
    average: float | None
    samples: tuple[float, ...]


class Latency(NamedTuple):
    """Half of the calls, and 99 of 100, took at most so many microseconds: all calls before, those since now."""

    p50_usec: Move
    p99_usec: Move


class Cpu(NamedTuple):
    """Shares of one core: what the process took, and what its commands took."""

    process: float | None
    commands: float | None


class Memory(NamedTuple):
    used_bytes: Move
    rss_bytes: Move
    peak_bytes: Move
    maxmemory_bytes: float | None
    samples: tuple[float, ...]


class Keys(NamedTuple):
    total: Move
    databases: Mapping[str, Move]
    expired: int | None
    evicted: int | None


class Lookups(NamedTuple):
    """Keys that were looked for; ``hit_ratio`` is that of all lookups before, and of those since."""

    hits: int | None
    misses: int | None
    hit_ratio: Move


class Network(NamedTuple):
    input_bytes_per_second: Rate
    output_bytes_per_second: Rate


class Clients(NamedTuple):
    connected: Move
    blocked: Move
    opened: int | None
    rejected: int | None
    cut_off: int | None
    maxclients: float | None
    samples: tuple[float, ...]


class Errors(NamedTuple):
    """Error replies by their codes, and calls that failed, or were rejected before they ran."""

    replies: int | None
    by_code: Mapping[str, int]
    failed_calls: int
    rejected_calls: int


class Command(NamedTuple):
    """``share`` is that of the time of all commands; ``usec_per_call`` that of all calls before, and since."""

    command: str
    calls: int
    calls_per_second: float
    share: float
    usec_per_call: Move
    p99_usec: float | None
    failed_calls: int
    rejected_calls: int


class Replication(NamedTuple):
    role: Turn
    link: Turn
    replicas: Move
    behind_bytes: float | None
    lag_seconds: float | None
    written_bytes: int | None
    full_syncs: int | None


class Persistence(NamedTuple):
    """``saved`` is when, ``fork_usec`` how long the process stood still, if that was since."""

    saved: float | None
    saving: bool
    fork_usec: float | None
    unsaved_changes: Move
    rewriting: bool


class Changes(NamedTuple):
    """All that is shown. ``untold`` are the commands that the user may not run; ``lost`` is why it ends early."""

    address: str
    server: str
    in_cluster: bool
    start: float
    end: float
    seconds: float
    restarted: bool
    reset: bool
    lost: str
    untold: tuple[str, ...]
    warnings: Mapping[str, str]
    ops_per_second: Rate
    latency: Latency
    cpu: Cpu
    memory: Memory
    keys: Keys
    lookups: Lookups
    network: Network
    clients: Clients
    errors: Errors
    commands: Sequence[Command]
    slow_log: Sequence[Slow] | None
    slow_log_entries: int | None
    latency_spikes: Sequence[Spike] | None
    replication: Replication
    persistence: Persistence
    counters: Mapping[str, int]


def value(found: Changes) -> Reply:
    """Return the same as a map for programs: times in ISO 8601, everything under its name."""
    shown = cast("dict[Hashable, Reply]", _value(found))
    shown["start"], shown["end"] = stamp(found.start), stamp(found.end)
    for rows in ("slow_log", "latency_spikes"):
        for row in cast("list[dict[Hashable, Reply]]", shown[rows] or []):
            row["time"] = stamp(cast("int", row["time"]))
    saved = found.persistence.saved
    cast("dict[Hashable, Reply]", shown["persistence"])["saved"] = None if saved is None else stamp(saved)
    return shown


def _value(found: object) -> Reply:
    if hasattr(found, "_asdict"):
        return {name: _value(said) for name, said in found._asdict().items()}
    if isinstance(found, Mapping):
        return {cast("Hashable", name): _value(said) for name, said in found.items()}
    if isinstance(found, tuple | list):
        return [_value(said) for said in found]
    return cast("Reply", found)
