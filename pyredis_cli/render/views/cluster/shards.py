"""CLUSTER SHARDS: which nodes hold the same slots, how they are, and how far replicas are behind."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Final, NamedTuple

from pyredis.types import Reply
from pyredis_cli.render.blocks import Block, Cell, Column, Grid
from pyredis_cli.render.views.cells import bare
from pyredis_cli.render.views.cluster.coverage import SLOTS, Range, ranges, written
from pyredis_cli.render.views.cluster.slots import covered_lines
from pyredis_cli.render.views.reading import Asked, Fields, Unexpected, fields, integer, items, text
from pyredis_cli.render.views.rows import BLANK, Known, plural, table, warning

__all__ = ["view"]

_COLUMNS = (
    Column("slots"),
    Column("role"),
    Column("health"),
    Column("ip:port"),
    Column("replication-offset", right=True),
    Column(),
)


class _Node(NamedTuple):
    role: Reply
    health: str
    address: str
    offset: Reply
    rest: Sequence[tuple[Reply, Reply]]


class _Shard(NamedTuple):
    slots: Sequence[Range]
    nodes: Sequence[_Node]
    rest: Sequence[tuple[Reply, Reply]]


def view(reply: Reply, asked: Asked) -> Sequence[Block] | None:
    """Return how the nodes are, by their slots; below, who they are, and what else there is to a shard."""
    shards = sorted(map(_shard, items(reply)), key=lambda one: one.slots[0] if one.slots else (SLOTS, 0))
    if not shards:
        return None
    nodes = [node for shard in shards for node in shard.nodes]
    said = f"shards: {len(shards):,}, nodes: {len(nodes):,}, slots"
    blocks: list[Block] = [
        *covered_lines([slots for shard in shards for slots in shard.slots], said),
        *_sick([node.health for node in nodes]),
        BLANK,
        Grid(_COLUMNS, [row for shard in shards for row in _rows(shard)]),
    ]
    if nodes:
        blocks += [BLANK, *_who(nodes, asked.look.width)]
    if any(shard.rest for shard in shards):
        rows = [Fields([("slots", written(shard.slots)), *shard.rest]) for shard in shards]
        blocks += [BLANK, table(rows, (_SLOTS, *_IDENTITY))]
    return blocks


_SLOTS = Known("slots", cell=lambda slots: (("text", text(slots) or "none"),))
# From here on there is room for all names of a node.
_WIDE: Final = 100
_IDENTITY = (Known("ip:port", whole=True), Known("id", whole=True))


def _who(nodes: Sequence[_Node], width: int) -> Sequence[Block]:
    """Return who the nodes are, in two tables where there is no room for their names beside their IDs."""

    def tabled(wanted: Callable[[Reply], bool]) -> Grid:
        found = [[pair for pair in node.rest if wanted(pair[0])] for node in nodes]
        rows = [Fields([("ip:port", node.address), *rest]) for node, rest in zip(nodes, found, strict=True)]
        return table(rows, _IDENTITY)

    if width >= _WIDE or all(name == b"id" for node in nodes for name, _ in node.rest):
        return [tabled(lambda name: True)]
    return [tabled(lambda name: name == b"id"), BLANK, tabled(lambda name: name != b"id")]


def _sick(healths: Sequence[str]) -> Iterator[Block]:
    for health in dict.fromkeys(healths):
        if health != "online":
            yield warning(f"{plural(healths.count(health), 'node')} with health {health}")


def _shard(reply: Reply) -> _Shard:
    shard = fields(reply)
    ends = list(map(integer, items(shard.take("slots"))))
    if len(ends) % 2:
        raise Unexpected("a range has two ends")
    slots = ranges(zip(ends[::2], ends[1::2], strict=True))
    return _Shard(slots, list(map(_node, items(shard.take("nodes")))), shard.rest())


def _node(reply: Reply) -> _Node:
    node = fields(reply)
    ip, role, health, offset = map(node.take, ("ip", "role", "health", "replication-offset"))
    rest = list(node.rest())
    ports = [said for name in ("port", "tls-port") for key, said in rest if text(key) == name]
    if not ports:
        raise Unexpected("there is no port")
    # One that speaks TLS alone has no other port.
    address = f"{text(ip)}:{integer(ports[0])}"
    rest = [(key, said) for key, said in rest if text(key) != "port"]
    return _Node(role, text(health), address, offset, rest)


def _rows(shard: _Shard) -> Iterator[Sequence[Cell]]:
    ahead = max((integer(node.offset) for node in shard.nodes), default=0)
    slots = written(shard.slots) or "none"
    if not shard.nodes:
        yield ((("text", slots),),)
    for node in shard.nodes:
        behind = ahead - integer(node.offset)
        yield (
            (("text", slots),),
            bare(node.role),
            (("text" if node.health == "online" else "warning", node.health),),
            (("name", node.address),),
            bare(node.offset),
            (("note", f"{behind:,} behind"),) if behind else (),
        )
        slots = ""
