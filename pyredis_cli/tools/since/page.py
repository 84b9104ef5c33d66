"""What happened on a server as one page: what matters first, what did not change not at all.

It fits a terminal of 80 columns and 24 rows, and has more to say where there are more columns.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Final

from pyredis_cli.render.blocks import Beside, Block, Cell, Column, Fact, Facts, Grid, Line, Section
from pyredis_cli.render.fold import width
from pyredis_cli.render.layout import Piece, Role
from pyredis_cli.render.line import as_typed
from pyredis_cli.render.look import Look
from pyredis_cli.render.units import ago, count, duration, size, spark, when
from pyredis_cli.render.views.cells import joined
from pyredis_cli.tools.since.moment import Slow
from pyredis_cli.tools.since.values import Changes, Command, Move, Rate, Turn

__all__ = ["page"]

# From this width on there is room for two columns of facts and for more of a command.
_WIDE: Final = 120
_SPARK: Final = 20
_ROWS: Final = 23
"""A page has so many, and the prompt below it one."""
_FEW: Final = 5
_MANY: Final = 10
"""So many commands, and entries of the slow log, are shown where there is room."""
_SLOW: Final = 3
_FEWEST: Final = 2
_LABEL: Final = 13
"""The columns that the longest name of a fact takes."""
# A change of memory below these is the noise of any server.
_NOISE: Final = 1 << 20
_PART: Final = 0.05
_IDLE: Final = 0.01
"""Less of a core than this is an idle server."""
# Shares and spans from which on something is worth a look.
_MUCH_CPU: Final = 0.8
_SLOWER: Final = 2
_NOTICED_USEC: Final = 100
_LAG: Final = 1
# A replica is always some commands behind.
_BEHIND: Final = 1 << 20


def page(found: Changes, look: Look) -> Sequence[Block]:
    """Return the page: who and when, what is wrong, how much and how fast, which commands, the slow log."""
    load, state = list(_load(found, look)), list(_state(found, look))
    head = [Line(_title(found)), *_warnings(found)]
    blocks: list[Block] = [*head]
    if look.width >= _WIDE and load and state:
        blocks.append(Beside([Facts(load), Facts(state)]))
    elif load or state:
        blocks.append(Facts([*load, *state]))
    taken = sum(_lines(line.words, look.width) for line in head)
    taken += sum(_lines(cell, look.width - _LABEL) for _, cell in (*load, *state))
    commands, slow = _shares(found, look, taken)
    blocks += [*_commands(found, look, commands), *_slow_log(found, look, slow)]
    if not load and not state and not found.commands:
        blocks.append(Line((("note", "nothing happened"),)))
    if found.untold:
        blocks.append(Line((("note", f"you may not run {', '.join(found.untold)} there"),)))
    return blocks


def _lines(cell: Cell, room: int) -> int:
    """Return how many lines a cell takes; folding between words may need one more."""
    return -(-width([(role, said) for role, said in cell if isinstance(said, str)]) // max(room, 1)) or 1


def _shares(found: Changes, look: Look, taken: int) -> tuple[int, int]:
    """Return how many commands and how many entries of the slow log there is room for below so many lines."""
    if look.width >= _WIDE:
        return _MANY, _MANY
    slow = min(_SLOW, len(found.slow_log or ()))
    heads = 2 + (len(found.commands) > _FEW) + (2 if slow else 0)
    while slow > 1 and taken + heads + min(_FEW, len(found.commands)) + slow > _ROWS:
        slow -= 1
    return max(_FEWEST, min(_FEW, _ROWS - taken - heads - slow)), slow


def _title(found: Changes) -> Cell:
    alone = "this node of a cluster" if found.in_cluster else ""
    role = _ROLES.get(found.replication.role.now or "", "")
    who = ", ".join(filter(None, (found.server, role, alone)))
    span = f"{duration(found.seconds)}, {when(found.start)[11:]} to {when(found.end)[11:]}"
    return (("heading", found.address), ("text", f"  {who}" if who else ""), ("note", f"  {span}"))


_ROLES: Final = {"master": "primary", "slave": "replica"}


def _warnings(found: Changes) -> Iterator[Line]:
    if found.lost:
        yield Line((("warning", f"{found.lost}; what is below was known before"),))
    if found.restarted:
        yield Line((("warning", "the server was started anew: it counts from then on"),))
    if found.reset:
        yield Line((("warning", "the counters were set back: they count from then on"),))
    if found.warnings:
        wrong = (_named(name, words, "warning") for name, words in found.warnings.items())
        yield Line(joined(wrong, ("arrow", "; ")))


# -- facts


def _load(found: Changes, look: Look) -> Iterator[Fact]:
    """Yield what the server does."""
    ops = found.ops_per_second
    if ops.average or ops.now:
        yield _fact("ops/s", _rate(ops, _whole, look))
    if found.latency.p99_usec.now is not None:
        shares = zip(("p50", "p99"), found.latency, strict=True)
        yield _fact("latency", joined((_percentile(*share, look) for share in shares), ("arrow", ", ")))
    if (process := found.cpu.process) is not None and process >= _IDLE:
        yield _fact("CPU", _cpu(process, found.cpu.commands))
    if errors := list(_errors(found)):
        yield _fact("errors", joined(errors, ("arrow", ", ")))
    if clients := list(_clients(found, look)):
        yield _fact("clients", joined(clients, ("arrow", ", ")))
    network = found.network
    if (network.input_bytes_per_second.average or 0) + (network.output_bytes_per_second.average or 0) >= 1024:
        ways = (("in ", network.input_bytes_per_second), ("out ", network.output_bytes_per_second))
        yield _fact("network", joined((_way(name, rate, look) for name, rate in ways), ("arrow", ", ")))


def _state(found: Changes, look: Look) -> Iterator[Fact]:
    """Yield what the server has."""
    if memory := list(_memory(found, look)):
        yield _fact("memory", joined(memory, ("arrow", ", ")))
    if keys := list(_keys(found, look)):
        yield _fact("keys", joined(keys, ("arrow", ", ")))
    if (ratio := found.lookups.hit_ratio).now is not None:
        yield _fact("hit rate", _moved(ratio, lambda share: f"{share:.1%}", look, near=0.001))
    if replication := list(_replication(found, look)):
        yield _fact("replication", joined(replication, ("arrow", ", ")))
    if persistence := list(_persistence(found)):
        yield _fact("persistence", joined(persistence, ("arrow", ", ")))
    if found.latency_spikes:
        spikes = (
            _named(spike.event, duration(spike.latest_ms / 1e3), "warning") for spike in found.latency_spikes
        )
        yield _fact("spikes", joined(spikes, ("arrow", ", ")))
    if found.counters:
        others = (_named(name, f"+{count(by)}") for name, by in found.counters.items())
        yield _fact("also", joined(others, ("arrow", ", ")))


def _fact(name: str, cell: Cell) -> Fact:
    return (("label", name),), cell


def _named(name: str, words: str, role: Role = "text") -> Cell:
    return ("label", name), (role, f" {words}")


def _rate(rate: Rate, say: Callable[[float], str], look: Look) -> Cell:
    moved = _moved(Move(rate.before, rate.now), say, look)
    average = "" if rate.average is None else f"  {say(rate.average)} on average"
    return (*moved, *_spark(rate.samples, look), ("note", average))


def _percentile(name: str, move: Move, look: Look) -> Cell:
    slower = move.before and move.now and move.now >= _SLOWER * move.before and move.now >= _NOTICED_USEC
    at_most = "<=" if _ascii(look) else "≤"
    cell = _moved(move, lambda usec: f"{at_most} {duration(usec / 1e6)}", look, alarm=bool(slower))
    return (("label", f"{name} "), *cell)


def _cpu(process: float, commands: float | None) -> Cell:
    role: Role = "warning" if process >= _MUCH_CPU else "text"
    of_commands = "" if commands is None else f", its commands {commands:.0%}"
    return ((role, f"{process:.0%} of a core"), ("text", of_commands))


def _errors(found: Changes) -> Iterator[Cell]:
    errors = found.errors
    for code, by in errors.by_code.items():
        yield (("error", code), ("text", f" {count(by)}"))
    if not errors.by_code and errors.replies:
        yield (("text", f"{count(errors.replies)} error replies"),)
    if errors.rejected_calls:
        yield (("text", f"{count(errors.rejected_calls)} calls rejected"),)


def _clients(found: Changes, look: Look) -> Iterator[Cell]:
    clients = found.clients
    if clients.rejected:
        yield (("warning", f"{count(clients.rejected)} turned away"),)
    if clients.cut_off:
        yield (("warning", f"{count(clients.cut_off)} cut off"),)
    if clients.connected.grown:
        yield (*_moved(clients.connected, _whole, look), *_spark(clients.samples, look))
    if clients.blocked.grown:
        yield (("label", "blocked "), *_moved(clients.blocked, _whole, look))
    if clients.opened:
        yield (("text", f"{count(clients.opened)} new"),)


def _way(name: str, rate: Rate, look: Look) -> Cell:
    return (("label", name), ("text", f"{size(rate.average or 0)}/s"), *_spark(rate.samples, look, 10))


def _memory(found: Changes, look: Look) -> Iterator[Cell]:
    used, most = found.memory.used_bytes, found.memory.maxmemory_bytes
    if used.now is None or abs(used.grown) < min(_NOISE, _PART * used.now):
        return
    full = f" of {size(most)}" if most else ""
    yield (*_moved(used, size, look), ("text", full))
    if found.memory.peak_bytes.grown > 0:
        yield (("text", "a new peak"),)


def _keys(found: Changes, look: Look) -> Iterator[Cell]:
    keys = found.keys
    moved = [(name, move.grown) for name, move in keys.databases.items() if move.grown]
    if keys.evicted:
        yield (("warning", f"{count(keys.evicted)} evicted"),)
    if keys.total.grown:
        yield (*_moved(keys.total, _whole, look), ("note", f" ({_signed(keys.total.grown)})"))
    if keys.expired:
        yield (("text", f"{count(keys.expired)} expired"),)
    if len(moved) > 1 or (moved and not keys.total.grown):
        yield from (_named(name, _signed(grown)) for name, grown in moved[:_FEW])


def _replication(found: Changes, look: Look) -> Iterator[Cell]:
    told = found.replication
    if told.role.is_one:
        yield _turned(Turn(*(_ROLES.get(role or "", role) for role in told.role)), look)
    if told.link.is_one:
        yield (("label", "link "), *_turned(told.link, look))
    if told.replicas.grown:
        lost = told.replicas.grown < 0
        yield (("label", "replicas "), *_moved(told.replicas, _whole, look, alarm=lost))
    if told.behind_bytes is not None and told.behind_bytes >= _BEHIND:
        yield (("text", f"at most {size(told.behind_bytes)} behind"),)
    if told.lag_seconds is not None and told.lag_seconds > _LAG:
        yield (("warning", f"silent for {duration(told.lag_seconds)}"),)
    if told.full_syncs:
        yield (("warning", f"{count(told.full_syncs)} full synchronisation{'s' * (told.full_syncs > 1)}"),)


def _persistence(found: Changes) -> Iterator[Cell]:
    told = found.persistence
    if told.saved is not None:
        yield (("text", f"saved {ago(told.saved, found.end)}"),)
    if told.saving:
        yield (("text", "saving now"),)
    if told.rewriting:
        yield (("text", "rewriting the append-only file now"),)
    if told.fork_usec is not None:
        yield (("text", f"a fork took {duration(told.fork_usec / 1e6)}"),)


# -- tables


def _commands(found: Changes, look: Look, most: int) -> Iterator[Block]:
    if not found.commands:
        return
    wide = look.width >= _WIDE
    names = ["of their time", "calls/s", "a call", "before", *(["p99", "calls"] if wide else [])]
    columns = [
        Column("command", words=True),
        *(Column(name, right=True) for name in names),
        Column(words=True),
    ]
    yield Line()
    yield Grid(columns, found.commands[:most], lambda command: _row(command, look, wide=wide))
    if (rest := len(found.commands) - most) > 0:
        yield Line((("note", f"{rest} more command{'s' * (rest > 1)}"),))


def _row(command: Command, look: Look, *, wide: bool) -> Sequence[Cell]:
    before, now = command.usec_per_call
    slower = before and now and now >= _SLOWER * before and now >= _NOTICED_USEC
    more = [_span(command.p99_usec, look), (("text", count(command.calls)),)] if wide else []
    troubles: list[Cell] = [
        (("warning", f"{count(number)} {word}"),)
        for number, word in ((command.failed_calls, "failed"), (command.rejected_calls, "rejected"))
        if number
    ]
    return (
        (("name", command.command),),
        (("text", f"{command.share:.0%}"),),
        (("text", _whole(command.calls_per_second)),),
        (("warning" if slower else "text", "" if now is None else duration(now / 1e6)),),
        (("note", "" if before is None else duration(before / 1e6)),),
        *more,
        joined(troubles, ("arrow", ", ")),
    )


def _span(usec: float | None, look: Look) -> Cell:
    at_most = "<=" if _ascii(look) else "≤"
    return () if usec is None else (("text", f"{at_most} {duration(usec / 1e6)}"),)


def _slow_log(found: Changes, look: Look, most: int) -> Iterator[Block]:
    if not found.slow_log:
        return
    slowest = max(entry.usec for entry in found.slow_log)
    title: Cell = (
        ("heading", "slow log"),
        ("note", f"  {_new(found)}at most {duration(slowest / 1e6)}"),
    )
    rows = [_entry(entry, look) for entry in found.slow_log[:most]]
    columns = (Column(right=True), Column(right=True), Column(), Column())
    yield Line()
    yield Section(title, [Grid(columns, rows)])


def _new(found: Changes) -> str:
    """Return how many entries are new, and of how many nothing more is known."""
    kept, new = len(found.slow_log or ()), found.slow_log_entries or 0
    return f"{new:,} new, " + (f"the last {kept:,} " if kept < new else "")


def _entry(entry: Slow, look: Look) -> Sequence[Cell]:
    who = _plain(entry.client) + (f" ({_plain(entry.name)})" if entry.name else "")
    span = duration(entry.usec / 1e6)
    who = _cut(who, look.width // 3)
    room = look.width - len(str(entry.id)) - len(span) - width([("text", who)]) - 14
    command = _cut(as_typed(entry.argv, look.encoding), max(room, 16))
    return (("index", f"#{entry.id}"),), (("text", span),), (("text", who),), (("text", command),)


def _plain(found: bytes) -> str:
    return found.decode("utf-8", "backslashreplace")


def _cut(text: str, cells: int) -> str:
    """Return as much of a text as there is room for."""
    if width([("text", text)]) <= cells:
        return text
    text = text[:cells]
    while width([("text", text)]) > cells - 1:
        text = text[:-1]
    return f"{text}…"


# -- numbers


def _moved(
    move: Move, say: Callable[[float], str], look: Look, *, near: float = 0.0, alarm: bool = False
) -> Cell:
    """Return what a number was and what it is, once when that is the same."""
    now = "" if move.now is None else say(move.now)
    piece: Piece = ("warning" if alarm else "text", now)
    if move.before is None or abs(move.grown) <= near or say(move.before) == now:
        return (piece,)
    return (("note", say(move.before)), ("arrow", _arrow(look)), piece)


def _turned(turn: Turn, look: Look) -> Cell:
    return (("note", turn.before or ""), ("arrow", _arrow(look)), ("warning", turn.now or ""))


def _arrow(look: Look) -> str:
    return " -> " if _ascii(look) else " → "


def _spark(samples: Sequence[float], look: Look, cells: int = _SPARK) -> Cell:
    """Return samples as heights, where there are enough of them to see something."""
    if len(samples) < 3 or not max(samples) > min(samples):
        return ()
    return (("name", f"  {spark(samples, cells, ascii=_ascii(look))}"),)


def _whole(number: float) -> str:
    return count(round(number)) if number >= 10 or number == round(number) else f"{number:.1f}"


def _signed(number: float) -> str:
    return f"+{count(round(number))}" if number > 0 else f"-{count(round(-number))}"


def _ascii(look: Look) -> bool:
    return look.encoding == "ascii"
