"""What happened on a server between two moments: from what was told at both to values.

Pure, and what is counted is never negative: a server that was started anew, or whose counters were set back,
counts from 0, and that is said.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Final

from pyredis.types import Reply
from pyredis_cli.render.views.reading import Unexpected, number
from pyredis_cli.render.views.troubles import troubles
from pyredis_cli.tools.since.moment import Buckets, Moment, Slow, Spike
from pyredis_cli.tools.since.values import (
    Changes,
    Clients,
    Command,
    Cpu,
    Errors,
    Keys,
    Latency,
    Lookups,
    Memory,
    Move,
    Network,
    Persistence,
    Rate,
    Replication,
    Turn,
)

__all__ = ["SAMPLED", "changes"]

SAMPLED: Final = frozenset(
    {
        "connected_clients",
        "instantaneous_input_kbps",
        "instantaneous_ops_per_sec",
        "instantaneous_output_kbps",
        "used_memory",
    }
)
"""The fields that are drawn as they were between."""


def changes(
    before: Moment,
    after: Moment,
    samples: Sequence[Moment] = (),
    *,
    address: str = "",
    lost: str = "",
    asked: Mapping[str, int] | None = None,
) -> Changes:
    """Return what happened; ``samples`` were taken between, ``asked`` is how often each command was ours."""
    told = _Told(before, after, samples, asked or {})
    commands = told.commands()
    return Changes(
        address=address,
        server=_product(after),
        in_cluster=bool(after.number("cluster_enabled")),
        start=before.at,
        end=after.at,
        seconds=round(told.seconds, 3),
        restarted=told.restarted,
        reset=told.reset,
        lost=lost,
        untold=tuple(question for question, code in after.errors if code == "NOPERM"),
        warnings=told.warnings(),
        ops_per_second=told.rate("instantaneous_ops_per_sec", "total_commands_processed"),
        latency=told.latency({command.command for command in commands}),
        cpu=told.cpu(),
        memory=Memory(
            told.move("used_memory"),
            told.move("used_memory_rss"),
            told.move("used_memory_peak"),
            after.number("maxmemory") or None,
            told.samples("used_memory"),
        ),
        keys=told.keys(),
        lookups=told.lookups(),
        network=Network(
            told.rate("instantaneous_input_kbps", "total_net_input_bytes", 1024),
            told.rate("instantaneous_output_kbps", "total_net_output_bytes", 1024),
        ),
        clients=told.clients(),
        errors=told.errors(commands),
        commands=commands,
        slow_log=(slow := told.slow()),
        slow_log_entries=told.slow_entries(slow),
        latency_spikes=told.spikes(),
        replication=told.replication(),
        persistence=told.persistence(),
        counters=told.others(),
    )


# -- the comparison

# What is told beside the rest, if it grew.
_OTHERS: Final = (
    "acl_access_denied_auth",
    "acl_access_denied_cmd",
    "acl_access_denied_key",
    "acl_access_denied_channel",
    "evicted_clients",
    "evicted_scripts",
    "sync_partial_err",
    "total_eviction_exceeded_time",
    "total_active_defrag_time",
    "unexpected_error_replies",
    "expired_time_cap_reached_count",
    "io_threaded_reads_processed",
    "migrate_cached_sockets",
)
# Those that CONFIG RESETSTAT leaves alone.
_LASTING: Final = ("used_cpu", "master_repl_offset")
# Counters of all times; what is wrong is what they grew by.
_COUNTED_TROUBLES: Final = (
    "rejected_connections",
    "client_query_buffer_limit_disconnections",
    "client_output_buffer_limit_disconnections",
)
_COUNTERS: Final = (
    "total_commands_processed",
    "total_connections_received",
    "total_net_input_bytes",
    "keyspace_hits",
    "keyspace_misses",
    "expired_keys",
    "evicted_keys",
)
_RESETSTAT: Final = "config|resetstat"
"""The command that sets counters back, as servers from 7.0 on call it; it counts itself afterwards."""


class _Told:
    """Two moments, and what follows from them."""

    def __init__(
        self, before: Moment, after: Moment, samples: Sequence[Moment], asked: Mapping[str, int]
    ) -> None:
        self._before, self._after, self._samples, self._asked = before, after, samples, asked
        self._stats = dict(before.rows("cmdstat")), dict(after.rows("cmdstat"))
        self.seconds = max(0.0, after.clock - before.clock)
        self.restarted = self._is_another()
        self.reset = not self.restarted and self._was_reset()
        uptime = after.number("uptime_in_seconds")
        self._counted = self.seconds
        if self.restarted and uptime is not None:
            self._counted = min(self.seconds, max(uptime, 1.0))

    def _is_another(self) -> bool:
        """Whether the process is another one."""
        runs = self._before.word("run_id"), self._after.word("run_id")
        if None not in runs:
            return runs[0] != runs[1]
        was, now = (moment.number("uptime_in_seconds") for moment in (self._before, self._after))
        return was is not None and now is not None and now < was

    def _was_reset(self) -> bool:
        before, after = self._stats
        if after.get(_RESETSTAT, {}).get("calls") and not before.get(_RESETSTAT, {}).get("calls"):
            return True
        if any(now.get("calls", 0) < before.get(name, {}).get("calls", 0) for name, now in after.items()):
            return True
        return any(self.move(name).grown < 0 for name in _COUNTERS if self._after.number(name) is not None)

    # -- of one field

    def move(self, name: str) -> Move:
        return Move(self._before.number(name), self._after.number(name))

    def turn(self, name: str) -> Turn:
        return Turn(self._before.word(name), self._after.word(name))

    def grown(self, name: str) -> int | None:
        """Return how much a counter grew; from 0 when it began anew."""
        now = self._after.number(name)
        return None if now is None else int(self._grown(name, now, self._before.number(name) or 0))

    def _grown(self, name: str, now: float, was: float) -> float:
        anew = self.restarted or (self.reset and not name.startswith(_LASTING)) or now < was
        return max(0, now if anew else now - was)

    def samples(self, name: str, unit: float = 1) -> tuple[float, ...]:
        """Return a number at each moment from the first to the last; nothing when nobody looked between."""
        if not self._samples:
            return ()
        found = [moment.number(name) for moment in (self._before, *self._samples, self._after)]
        return tuple(number * unit for number in found if number is not None)

    def rate(self, name: str, counter: str, unit: float = 1) -> Rate:
        """Return a rate that the server tells in such a unit; its counter tells the average."""
        before, now = (
            None if found is None else round(found * unit, 2)
            for found in (self._before.number(name), self._after.number(name))
        )
        grown = self.grown(counter)
        average = round(grown / self._counted, 2) if grown is not None and self._counted else None
        return Rate(before, now, average, self.samples(name, unit))

    # -- of what belongs together

    def cpu(self) -> Cpu:
        parts = [
            self._grown(name, now, self._before.number(name) or 0)
            for name in ("used_cpu_sys", "used_cpu_user")
            if (now := self._after.number(name)) is not None
        ]
        usec = sum(self._of_command(name)["usec"] for name in self._stats[1])
        if not self._counted:
            return Cpu(None, None)
        process = round(sum(parts) / self._counted, 4) if parts else None
        return Cpu(process, round(usec / 1e6 / self._counted, 4) if self._stats[1] else None)

    def keys(self) -> Keys:
        was, now = self._before.databases(), self._after.databases()
        databases = {
            name: Move(was.get(name, 0), now.get(name, 0)) for name in sorted({*was, *now}, key=_index)
        }
        total = Move(sum(was.values()), sum(now.values())) if self._after.fields else Move()
        return Keys(total, databases, self.grown("expired_keys"), self.grown("evicted_keys"))

    def lookups(self) -> Lookups:
        hits, misses = self.grown("keyspace_hits"), self.grown("keyspace_misses")
        before = _ratio(self._before.number("keyspace_hits"), self._before.number("keyspace_misses"))
        return Lookups(hits, misses, Move(before, _ratio(hits, misses)))

    def clients(self) -> Clients:
        cut_off = [self.grown(name) for name in _COUNTED_TROUBLES[1:]]
        return Clients(
            self.move("connected_clients"),
            self.move("blocked_clients"),
            self.grown("total_connections_received"),
            self.grown("rejected_connections"),
            sum(filter(None, cut_off)) if set(cut_off) != {None} else None,
            self._after.number("maxclients"),
            self.samples("connected_clients"),
        )

    def replication(self) -> Replication:
        offset = self._after.number("master_repl_offset")
        replicas = self._after.replicas()
        offsets = [found for row in replicas if (found := _of(row, "offset")) is not None]
        lags = [found for row in replicas if (found := _of(row, "lag")) is not None]
        behind = max(0, offset - min(offsets)) if offset is not None and offsets else None
        return Replication(
            self.turn("role"),
            self.turn("master_link_status"),
            self.move("connected_slaves"),
            behind,
            max(lags, default=None),
            self.grown("master_repl_offset"),
            self.grown("sync_full"),
        )

    def persistence(self) -> Persistence:
        was, saved = self.move("rdb_last_save_time")
        forked = self.grown("total_forks") or self.move("latest_fork_usec").grown
        return Persistence(
            saved if saved != was and not self.restarted else None,
            bool(self._after.number("rdb_bgsave_in_progress")),
            self._after.number("latest_fork_usec") if forked else None,
            self.move("rdb_changes_since_last_save"),
            bool(self._after.number("aof_rewrite_in_progress")),
        )

    def warnings(self) -> Mapping[str, str]:
        """Return what is wrong now; how many clients were turned away or cut off since is told of the clients."""
        wrong = troubles(self._after.fields)
        return {name: words for name, words in wrong.items() if name not in _COUNTED_TROUBLES}

    def others(self) -> Mapping[str, int]:
        grown = {name: self.grown(name) for name in _OTHERS}
        return {name: by for name, by in grown.items() if by}

    # -- of commands

    def _of_command(self, name: str) -> Mapping[str, float]:
        """Return how much the numbers of a command grew."""
        before, now = self._stats[0].get(name, {}), self._stats[1].get(name, {})
        if self.restarted or self.reset or now.get("calls", 0) < before.get("calls", 0):
            before = {}
        return {
            number: max(0, now.get(number, 0) - before.get(number, 0))
            for number in ("calls", "usec", "failed_calls", "rejected_calls")
        }

    def commands(self) -> Sequence[Command]:
        """Return the commands that were called, those that cost most time first.

        Those that nobody but us has called are left out.
        """
        grown = {name: self._of_command(name) for name in self._stats[1]}
        active = {
            name: by
            for name, by in grown.items()
            if by["calls"] > self._asked.get(name, 0) or by["rejected_calls"]
        }
        total = sum(by["usec"] for by in active.values())
        found = [self._command(name, by, total) for name, by in active.items()]
        return sorted(found, key=lambda command: (-command.share, -command.calls, command.command))

    def _command(self, name: str, by: Mapping[str, float], total: float) -> Command:
        before = self._stats[0].get(name, {})
        calls = by["calls"]
        return Command(
            name,
            int(calls),
            round(calls / self._counted, 2) if self._counted else 0.0,
            round(by["usec"] / total, 4) if total else 0.0,
            Move(_per(before.get("usec"), before.get("calls")), _per(by["usec"], calls)),
            _percentile(self._took({name}), 0.99),
            int(by["failed_calls"]),
            int(by["rejected_calls"]),
        )

    def _took(self, names: set[str]) -> Counter[int]:
        """Return how many of the calls since took at most so long, without those that took less."""
        before = Counter[int]()
        if not self.restarted and not self.reset:
            before = _summed(self._before.calls, names)
        return _summed(self._after.calls, names) - before

    def latency(self, names: set[str]) -> Latency:
        before, since = _summed(self._before.calls, set(self._before.calls)), self._took(names)
        p50, p99 = (Move(_percentile(before, share), _percentile(since, share)) for share in (0.5, 0.99))
        return Latency(p50, p99)

    def errors(self, commands: Sequence[Command]) -> Errors:
        """Return what grew, without the errors that our first look has got."""
        anew = self.restarted or self.reset
        before = {} if anew else dict(self._before.rows("errorstat"))
        ours = Counter(() if anew else (code for _, code in self._before.errors))
        grown = {
            name: int(now.get("count", 0) - before.get(name, {}).get("count", 0)) - ours[name]
            for name, now in self._after.rows("errorstat")
        }
        replies = self.grown("total_error_replies")
        return Errors(
            None if replies is None else max(0, replies - ours.total()),
            {name: by for name, by in sorted(grown.items(), key=lambda item: -item[1]) if by > 0},
            sum(command.failed_calls for command in commands),
            sum(command.rejected_calls for command in commands),
        )

    # -- of logs

    def slow(self) -> Sequence[Slow] | None:
        """Return the new entries of the slow log, the newest first."""
        if self._after.slow is None:
            return None
        known = self._known_slow()
        return sorted((entry for entry in self._after.slow if entry.id > known), key=lambda entry: -entry.id)

    def slow_entries(self, new: Sequence[Slow] | None) -> int | None:
        """Return how many entries were written, also those that the log, or our look at it, had no room for."""
        if not new:
            return None if new is None else 0
        known = self._known_slow()
        # Entries are numbered from the start of the server on; of a log that was empty nobody knows the last one.
        return new[0].id - known if known >= 0 or self.restarted else len(new)

    def _known_slow(self) -> int:
        """Return the number of the last entry that was there before, -1 where there was none."""
        old = () if self.restarted else self._before.slow or ()
        return max((entry.id for entry in old), default=-1)

    def spikes(self) -> Sequence[Spike] | None:
        if self._after.spikes is None:
            return None
        known = {} if self.restarted else {spike.event: spike for spike in self._before.spikes or ()}
        new = [spike for spike in self._after.spikes if known.get(spike.event) != spike]
        return sorted(new, key=lambda spike: -spike.latest_ms)


def _product(moment: Moment) -> str:
    for name, field in (("Valkey", "valkey_version"), ("Redis", "redis_version")):
        if version := moment.word(field):
            return f"{name} {version}"
    return ""


def _index(name: str) -> int:
    return int(name[2:]) if len(name) < 12 else 0


def _ratio(hits: float | None, misses: float | None) -> float | None:
    if hits is None or misses is None or not hits + misses:
        return None
    return round(hits / (hits + misses), 4)


def _per(whole: float | None, count: float | None) -> float | None:
    return round(whole / count, 2) if whole is not None and count else None


def _of(row: Mapping[str, Reply], name: str) -> float | None:
    try:
        return number(row[name]) if name in row else None
    except Unexpected:
        return None


def _summed(calls: Mapping[str, Buckets], names: set[str]) -> Counter[int]:
    """Return how many calls of these commands took how long, at most and more than the step below."""
    summed = Counter[int]()
    for name in names & calls.keys():
        steps = sorted(calls[name].items())
        for (_, below), (most, count) in pairwise([(0, 0), *steps]):
            summed[most] += max(0, count - below)
    return summed


def _percentile(took: Counter[int], share: float) -> float | None:
    total = took.total()
    reached = 0
    for most in sorted(took):
        reached += took[most]
        if reached >= share * total:
            return most
    return None
