"""``:slot``: where keys are in a cluster, worked out here; the node is told by the cluster, if there is one."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from pyredis.address import TcpAddress
from pyredis.cluster.topology import from_slots
from pyredis.commands.slots import key_slot, key_tag
from pyredis.exceptions import ProtocolError, PyRedisError
from pyredis_cli.registry import META
from pyredis_cli.render.blocks import Block, Cell, Column, Grid, Line
from pyredis_cli.render.views.cells import bare
from pyredis_cli.repl.verdicts import After, Perform, Refuse, Verdict
from pyredis_cli.reporting import Report

if TYPE_CHECKING:
    from pyredis.cluster.topology import Topology
    from pyredis.commands.spec import Table
    from pyredis.types import Reply
    from pyredis_cli.core.desk import Desk
    from pyredis_cli.render.look import Look
    from pyredis_cli.repl.verdicts import Host

__all__ = ["Slots", "judge"]


def judge(words: Sequence[str], table: Table) -> Verdict:
    if not words:
        return Refuse(f"usage: {META[':slot'].usage}")
    return Perform(Slots(tuple(word.encode("utf-8", "surrogateescape") for word in words)))


@dataclass(frozen=True)
class Slots:
    """Tell the slots of keys."""

    keys: tuple[bytes, ...]

    async def __call__(self, host: Host) -> After:
        topology = await host.interruptible(_topology(host.desk))
        rows = [_row(key, topology) for key in self.keys]
        await host.printer.report(Report([*rows], partial(_blocks, rows)))
        return After.GO_ON


async def _topology(desk: Desk) -> Topology | None:
    """Return which node has which slots; None where there is no cluster, or nobody to ask."""
    if not desk.session.connected or not isinstance(desk.address, TcpAddress):
        return None
    with suppress(PyRedisError):
        reply = await desk.try_to("CLUSTER", "SLOTS")
        with suppress(ProtocolError):
            return from_slots(reply, desk.address)
    return None


def _row(key: bytes, topology: Topology | None) -> dict[Hashable, Reply]:
    slot, tag = key_slot(key), key_tag(key)
    shard = topology.shard(slot) if topology is not None else None
    return {
        "key": key,
        "slot": slot,
        "tag": None if tag == key else tag,
        "node": None if shard is None else str(shard.primary),
    }


def _blocks(rows: Sequence[dict[Hashable, Reply]], look: Look) -> Sequence[Block]:
    names = [name for name in ("key", "slot", "tag", "node") if any(row[name] is not None for row in rows)]
    columns = [Column(name, right=name == "slot", whole=name == "node") for name in names]

    def cells(row: dict[Hashable, Reply]) -> Sequence[Cell]:
        return [() if row[name] is None else bare(row[name]) for name in names]

    blocks: list[Block] = [Grid(columns, rows, cells)]
    if len(rows) > 1:
        slots = len({row["slot"] for row in rows})
        shared = (
            "all in one slot" if slots == 1 else f"in {slots} slots: keys with the same {{tag}} share one"
        )
        blocks.append(Line((("note", shared),)))
    return blocks
