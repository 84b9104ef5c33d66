"""``explain``: what a command would do and what it would cost, without running it."""

from __future__ import annotations

import os
from collections.abc import Hashable, Iterator, Sequence
from functools import partial
from typing import Final

from pyredis.commands.slots import key_slot
from pyredis.commands.spec import Spec
from pyredis.types import Reply
from pyredis_cli.core.desk import Desk
from pyredis_cli.core.explaining import Explained, Unknown, explained
from pyredis_cli.core.kinds import articled, expected, judged_keys, several
from pyredis_cli.core.naming import commands_like
from pyredis_cli.core.sizing import TYPES, Sized
from pyredis_cli.flags import UsageError
from pyredis_cli.given import ToolArguments
from pyredis_cli.render import units
from pyredis_cli.render.blocks import Block, Cell, Column, Grid, Line
from pyredis_cli.render.line import as_typed
from pyredis_cli.render.look import Look
from pyredis_cli.render.views.cells import bare
from pyredis_cli.reporting import Report, arguments_of, run_report
from pyredis_cli.settings import Settings
from pyredis_cli.streams import Streams

__all__ = ["report", "run"]

_KINDS: Final = {
    "readonly": "read-only",
    "write": "writes",
    "blocking": "may block",
    "admin": "for administrators",
    "pubsub": "publish and subscribe",
    "noscript": "not in scripts",
    "movablekeys": "keys in changing places",
    "denyoom": "refused when memory is full",
    "no_multi": "not in a transaction",
}
"""What the flags of a command mean, those that a person may care about."""


def run(settings: Settings, streams: Streams, words: Sequence[str]) -> int:
    """Print what a command would do; return the exit code."""
    return run_report(report, settings, streams, arguments_of("explain", settings, streams, words))


async def report(desk: Desk, arguments: ToolArguments) -> Report:
    """Return what a command would do."""
    if not arguments.words:
        raise UsageError("explain takes a command: explain HGETALL user:7")
    argv = [os.fsencode(word) for word in arguments.words]
    try:
        with desk.anywhere():
            found = await explained(desk, argv)
    except Unknown as error:
        near = commands_like(str(error), desk.table)
        mend = f"did you mean {' or '.join(near)}?" if near else "help lists the commands"
        raise UsageError(f"neither the server nor we know {error}; {mend}") from None
    return Report(_value(found), partial(_blocks, found))


# -- for programs


def _value(found: Explained) -> dict[Hashable, Reply]:
    spec = found.spec
    keys: list[Reply] = [_key_value(key, found) for key in found.keys]
    return {
        "command": spec.name,
        "verdict": _verdict(found),
        "complexity": spec.complexity or None,
        "order": found.cost.order or None,
        "elements": found.reached,
        "seconds": found.seconds,
        "keys": keys,
        "one_slot": len(found.slots) == 1 if found.keys else None,
        "flags": [*sorted(spec.flags)],
        "danger": spec.danger,
        "blocks_seconds": found.blocks,
        "read_timeout_seconds": found.read_timeout,
        "calls": found.calls,
        "seconds_per_call": found.average,
        "user": found.user or None,
        "permitted": found.permitted,
        "refusal": found.refusal or None,
        "refused_as_read_only": found.read_only,
        "refused_by_replica": found.refused_by_replica,
        "may_be_repeated": spec.readonly,
        "readonly_twin": spec.readonly_twin,
        "since": spec.since or None,
        "deprecated_since": spec.deprecated_since,
        "replaced_by": spec.replaced_by or None,
    }


def _key_value(key: Sized, found: Explained) -> dict[Hashable, Reply]:
    slot = key_slot(key.key)
    return {
        "key": key.key,
        "type": key.type or None,
        "length": key.length,
        "memory": key.memory,
        "slot": slot,
        "node": found.nodes.get(slot),
    }


# -- what it comes to


def _verdict(found: Explained) -> str:
    """Return in words what the command would do, as far as that is known."""
    return "; ".join(_clauses(found))


def _clauses(found: Explained) -> Iterator[str]:
    if not found.arity:
        yield "the server would refuse it: wrong number of arguments"
        return
    if found.read_only:
        yield "this session is read-only and would refuse it"
    if found.refused_by_replica:
        yield "this server is a replica and would refuse it"
    if found.permitted is False:
        yield f"the server would refuse it to {found.user}"
    if found.clustered and len(found.slots) > 1:
        yield f"its keys are in {len(found.slots)} slots, and a cluster takes those of one slot only"
    if found.spec.danger and not _is_cheap(found):
        yield found.spec.danger
    if misfit := _misfit(found):
        yield misfit
        return
    yield from _waits(found)
    yield from _works(found)


def _misfit(found: Explained) -> str:
    """Return which of the keys is of another type than the command is for; empty when none is."""
    kinds, judged = expected(found.spec), judged_keys(found.spec, found.argv)
    for key in found.keys:
        if kinds and key.exists and key.key in judged and key.type not in kinds:
            wanted = " or ".join(sorted(map(several, kinds)))
            return f"{as_typed([key.key])} is {articled(key.type)}, and {found.spec.name} is for {wanted}"
    return ""


def _waits(found: Explained) -> Iterator[str]:
    if found.blocks is None:
        return
    if found.blocks == 0:
        yield "waits until something comes, be it for ever"
    else:
        yield f"waits up to {units.duration(found.blocks)}"


def _works(found: Explained) -> Iterator[str]:
    """Yield what it does to how much, how long that takes, and what would be gentler."""
    spec, keys = found.spec, [key for key in found.keys if key.exists]
    gone = found.keys and not keys and all(key.type for key in found.keys)
    if gone and (not spec.write or "RM" in found.key_flags):
        yield "there is no such key" if len(found.keys) == 1 else "none of its keys exists"
    elif "RM" in found.key_flags and spec.write and found.cost.reach in ("values", "constant"):
        yield _deletes(found, keys)
    elif found.reached is not None and (found.reached > 1 or not found.small):
        yield _reads(found)
    if spec.write and "RM" not in found.key_flags:
        yield "writes"
    if found.seconds is not None and not found.small:
        yield f"about {_about(found.seconds)} during which nobody else is served"
    if _is_cheap(found):
        yield "cheap"
    elif mend := _gentler(found, keys):
        yield mend


def _deletes(found: Explained, keys: Sequence[Sized]) -> str:
    size = f", {_counted(found.reached, found.unit)} in all" if found.reached else ""
    more = f" and perhaps {units.count(found.more_keys)} more" if found.more_keys else ""
    return f"deletes {_counted(len(keys), 'key')}{more}{size}"


def _reads(found: Explained) -> str:
    verb = "goes through" if found.spec.write or found.cost.reach == "databases" else "reads"
    all_ = "all " if found.cost.reach != "returned" or _all(found) else ""
    return f"{verb} {all_}{_counted(found.reached or 0, found.unit)}"


def _all(found: Explained) -> bool:
    return len(found.keys) == 1 and found.reached == found.keys[0].length


def _is_cheap(found: Explained) -> bool:
    """Whether it takes next to no time whatever its keys hold, or because they hold little."""
    if found.blocks is not None or (found.spec.danger and not found.spec.readonly):
        return False
    if found.cost.reach in ("constant", "arguments"):
        return not _may_send_much(found)
    return found.reached is not None and found.small


def _may_send_much(found: Explained) -> bool:
    """Whether it may send the whole of a long string, which no order of complexity tells."""
    return "access" in found.key_flags and any(key.type == "string" and key.heavy for key in found.keys)


def _gentler(found: Explained, keys: Sequence[Sized]) -> str:
    if found.cost.reach == "database" and not found.spec.write:
        return "SCAN reads in steps"
    if "RM" in found.key_flags and found.spec.write and not found.small:
        return "UNLINK frees the memory aside"
    types = {key.type for key in keys}
    if found.spec.write or len(types) != 1 or found.reached is None or found.small:
        return ""
    kind = types.pop()
    return TYPES[kind].steps if kind in TYPES else ""


def _about(seconds: float) -> str:
    """Return an estimate, as precise as one is."""
    return units.duration(float(f"{seconds:.1g}"))


def _counted(count: int | None, unit: str) -> str:
    many = {"entry": "entries"}.get(unit, f"{unit}s")
    return f"{units.count(count or 0)} {unit if count == 1 else many}"


# -- for a person


def _blocks(found: Explained, look: Look) -> Sequence[Block]:
    facts = [((("label", name),), cell) for name, cell in _facts(found) if cell]
    blocks: list[Block] = [
        Line((("heading", _headline(found)),)),
        Grid((Column(), Column(words=True)), facts),
    ]
    if len(found.keys) > 1 or (found.clustered and found.keys):
        blocks += [Line(), _table(found)]
    if found.more_keys:
        blocks.append(Line((("note", f"and {_counted(found.more_keys, 'key')} more, not measured"),)))
    return blocks


def _headline(found: Explained) -> str:
    """Return what matters in one line, the largest of its keys first."""
    keys = [key for key in found.keys if key.exists]
    parts = []
    if len(keys) == 1:
        parts.append(_holds(keys[0]))
        if keys[0].memory is not None:
            parts.append(units.size(keys[0].memory))
    if found.cost.order:
        parts.append(found.cost.order)
    return " · ".join([*parts, *_clauses(found)]) or f"nothing tells what {found.spec.name} would cost"


def _holds(key: Sized) -> str:
    return f"{key.type} of {_counted(key.length, key.unit)}" if key.length is not None else key.type


def _facts(found: Explained) -> Iterator[tuple[str, Cell]]:
    spec = found.spec
    unknown: Cell = (("note", "not told by this server"),)
    yield "complexity", _text(spec.complexity.rstrip(".")) or unknown
    yield "measured", _text(_measured(found))
    yield "so far", _text(_so_far(found))
    yield "does", _text(", ".join(_kinds(spec)))
    yield "danger", (("warning", spec.danger),) if spec.danger else ()
    yield "allowed", _allowed(found)
    yield "repeated", _text(_repeated(found))
    yield "timeout", _timeout(found)
    yield "without writing", _text(spec.readonly_twin or "")
    yield "since", _text(f"{spec.module} {spec.since}" if spec.module and spec.since else spec.since)
    yield "deprecated", _deprecated(found)


def _kinds(spec: Spec) -> Iterator[str]:
    yield from (word for flag, word in _KINDS.items() if flag in spec.flags)
    if spec.stateful:
        yield "changes the state of its connection"


def _text(text: str) -> Cell:
    return (("text", text),) if text else ()


def _measured(found: Explained) -> str:
    if found.page is None:
        return ""
    unit = _counted(found.page.elements, found.unit)
    return f"{unit} by {found.page.command} took the server {units.duration(found.page.seconds)}"


def _so_far(found: Explained) -> str:
    if not found.calls:
        return "" if found.calls is None else "never run here"
    each = f", {units.duration(found.average)} each on average" if found.average is not None else ""
    often = "once" if found.calls == 1 else _counted(found.calls, "time")
    return f"run {often} here{each}"


def _allowed(found: Explained) -> Cell:
    if found.secrets:
        return (("note", "not asked: that would send what may be a password"),)
    if found.permitted is None:
        return ()
    if found.permitted:
        return _text(f"yes, to {found.user}")
    return (("warning", f"no: {found.refusal}"),)


def _repeated(found: Explained) -> str:
    if found.spec.readonly:
        return "may be sent again, and to a replica"
    return "is never sent again unasked" if found.spec.write else ""


def _timeout(found: Explained) -> Cell:
    limit, seconds = found.read_timeout, found.seconds
    if limit is None:
        return ()
    if found.blocks is not None:
        return _text("none for its reply" if found.blocks == 0 else "begins when its own is over")
    if seconds is not None and seconds > limit / 2:
        return (("warning", f"{units.duration(limit)} for the reply may be too short"),)
    return ()


def _deprecated(found: Explained) -> Cell:
    since, instead = found.spec.deprecated_since, found.spec.replaced_by.replace("`", "")
    if not since:
        return ()
    return (("warning", f"since {since}" + (f"; use {instead}" if instead else "")),)


def _table(found: Explained) -> Grid:
    columns = [Column("key"), Column("type"), Column("length", right=True), Column("memory", right=True)]
    columns += [Column("slot", right=True), *([Column("node", whole=True)] if found.nodes else [])]

    def cells(key: Sized) -> Sequence[Cell]:
        slot = key_slot(key.key)
        known = [
            bare(key.key),
            _text(key.type),
            _text("" if key.length is None else units.count(key.length)),
            _text("" if key.memory is None else units.size(key.memory)),
            _text(str(slot)),
        ]
        return [*known, _text(found.nodes.get(slot, ""))] if found.nodes else known

    return Grid(columns, found.keys, cells)
