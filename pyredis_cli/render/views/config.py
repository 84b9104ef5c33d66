"""CONFIG GET: settings sorted by name, and what their numbers and letters mean."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Final, TypeAlias

from pyredis.types import Reply
from pyredis_cli.render.blocks import Block, Cell, Column, Grid
from pyredis_cli.render.units import count, duration, size
from pyredis_cli.render.views.cells import bare, label, noted
from pyredis_cli.render.views.reading import Asked, Unexpected, fields, text

__all__ = ["meant", "view"]

_Pair: TypeAlias = tuple[Reply, Reply]
_Meaning: TypeAlias = Callable[[str], str]


def view(reply: Reply, asked: Asked) -> Sequence[Block] | None:
    """Return a row for each setting."""
    settings = sorted(fields(reply).rest(), key=lambda pair: text(pair[0]))
    for _, said in settings:
        text(said)

    def cells(pair: _Pair) -> Sequence[Cell]:
        name, said = pair
        return label(name), noted(bare(said), meant(text(name), text(said)))

    return [Grid((Column(), Column(words=True)), settings, cells)] if settings else None


def meant(name: str, said: str) -> str:
    """Return what the value of a setting means, nothing when it says so itself."""
    mean = _MEANINGS.get(name)
    if mean is None:
        return ""
    try:
        return mean(said)
    except (ValueError, Unexpected, OverflowError):
        return ""


def _whole(said: str) -> int:
    number = int(said)
    if abs(number) >= 2**64 or not said.isascii():
        raise Unexpected("no setting is that large")
    return number


def _size(none: str = "") -> _Meaning:
    """Return what says a size, and what 0 means."""

    def mean(said: str) -> str:
        number = _whole(said)
        return none if number == 0 else size(number) if number >= 1024 else ""

    return mean


def _span(unit: float, **special: str) -> _Meaning:
    """Return what says a span of time in such units, and what 0 (``zero``) and -1 (``below``) mean."""

    def mean(said: str) -> str:
        number = _whole(said)
        if number <= 0:
            return special.get("zero" if number == 0 else "below", "")
        return duration(number * unit)

    return mean


def _snapshots(said: str) -> str:
    words = said.split()
    if not words:
        return "no snapshots by themselves"
    rules = zip(words[::2], words[1::2], strict=True)
    return ", ".join(
        [f"after {duration(_whole(seconds))} with {_changes(_whole(changes))}" for seconds, changes in rules]
    )


def _changes(number: int) -> str:
    return "a change" if number == 1 else f"{count(number)} changes"


def _buffer_limits(said: str) -> str:
    words = said.split()
    if not words or len(words) % 4:
        raise Unexpected("these are no limits")
    return "; ".join([_limit(*words[at : at + 4]) for at in range(0, len(words), 4)])


def _limit(kind: str, hard: str, soft: str, seconds: str) -> str:
    limits = []
    if _whole(hard):
        limits.append(f"{size(_whole(hard))} at once")
    if _whole(soft):
        limits.append(f"{size(_whole(soft))} for {duration(_whole(seconds))}")
    return f"{kind}: {' or '.join(limits) or 'no limit'}"


_EVENTS: Final = {
    "K": "keyspace",
    "E": "keyevent",
    "g": "generic",
    "$": "strings",
    "l": "lists",
    "s": "sets",
    "h": "hashes",
    "z": "sorted sets",
    "x": "expired",
    "e": "evicted",
    "t": "streams",
    "d": "modules",
    "m": "misses",
    "n": "new keys",
    "o": "overwritten",
    "c": "type changed",
    "A": "all but misses and new keys",
}


def _events(said: str) -> str:
    return ", ".join([_EVENTS.get(letter, letter) for letter in said]) if said else "no notifications"


def _listpack(said: str) -> str:
    number = _whole(said)
    return f"at most {2 ** (1 - number)} KB in a node" if -5 <= number < 0 else ""


_MINUTES: Final = 60.0
_SECONDS: Final = 1.0
_MILLIS: Final = 1e-3
_MICROS: Final = 1e-6

_MEANINGS: Final[Mapping[str, _Meaning]] = {
    "maxmemory": _size("no limit"),
    "maxmemory-clients": _size("no limit"),
    **dict.fromkeys(
        (
            "client-query-buffer-limit",
            "proto-max-bulk-len",
            "repl-backlog-size",
            "auto-aof-rewrite-min-size",
            "active-defrag-ignore-bytes",
            "stream-node-max-bytes",
            "hll-sparse-max-bytes",
            "slot-migration-max-failover-repl-bytes",
            "commandlog-reply-larger-than",
            "commandlog-request-larger-than",
            "rdma-rx-size",
        ),
        _size(),
    ),
    "cluster-link-sendbuf-limit": _size("no limit"),
    "replica-full-sync-buffer-limit": _size("as the output buffer of a replica"),
    "client-output-buffer-limit": _buffer_limits,
    "save": _snapshots,
    "notify-keyspace-events": _events,
    "list-max-listpack-size": _listpack,
    "list-max-ziplist-size": _listpack,
    "timeout": _span(_SECONDS, zero="idle clients stay"),
    "tcp-keepalive": _span(_SECONDS, zero="off"),
    "repl-timeout": _span(_SECONDS),
    "repl-ping-replica-period": _span(_SECONDS),
    "repl-ping-slave-period": _span(_SECONDS),
    "repl-backlog-ttl": _span(_SECONDS, zero="kept for ever"),
    "repl-diskless-sync-delay": _span(_SECONDS),
    "min-replicas-max-lag": _span(_SECONDS),
    "min-slaves-max-lag": _span(_SECONDS),
    "shutdown-timeout": _span(_SECONDS),
    "cluster-blacklist-ttl": _span(_SECONDS),
    "tls-session-cache-timeout": _span(_SECONDS),
    "tls-auto-reload-interval": _span(_SECONDS, zero="off"),
    "lfu-decay-time": _span(_MINUTES),
    "cluster-manual-failover-timeout": _span(_MILLIS),
    "watchdog-period": _span(_MILLIS, zero="off"),
    "cluster-node-timeout": _span(_MILLIS),
    "busy-reply-threshold": _span(_MILLIS, zero="no limit"),
    "lua-time-limit": _span(_MILLIS, zero="no limit"),
    "latency-monitor-threshold": _span(_MILLIS, zero="off"),
    "slowlog-log-slower-than": _span(_MICROS, zero="every command", below="off"),
    "commandlog-execution-slower-than": _span(_MICROS, zero="every command", below="off"),
}
