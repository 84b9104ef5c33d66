"""CLUSTER SLOTS: ranges of slots, the node that serves each and its replicas."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from pyredis.types import Reply
from pyredis_cli.render.blocks import Block, Line
from pyredis_cli.render.views.cluster.coverage import SLOTS, Range, count, gaps, have, ranges, written
from pyredis_cli.render.views.reading import Asked, Fields, Unexpected, fields, integer, items, text
from pyredis_cli.render.views.rows import BLANK, Known, plural, sentence, table, warning

__all__ = ["covered_lines", "view"]


class _Node(NamedTuple):
    address: str
    id: Reply
    rest: Sequence[tuple[Reply, Reply]]

    @property
    def more(self) -> Fields:
        """What else there is to the node, under its address."""
        return Fields([("ip:port", self.address), *self.rest])


_COLUMNS = (
    Known("slots", cell=lambda slots: (("text", text(slots)),)),
    Known("role"),
    Known("ip:port"),
    Known("id", whole=True),
)


def view(reply: Reply, asked: Asked) -> Sequence[Block] | None:
    """Return the ranges in their order, a line for each node; below, what else there is to some nodes."""
    found = sorted(map(_range, items(reply)), key=lambda one: one[0])
    if not found:
        return None
    rows: list[Fields] = []
    more: list[Fields] = []
    for slots, nodes in found:
        rows += _rows(slots, nodes)
        more += [node.more for node in nodes if node.rest]
    blocks: list[Block] = [
        *covered_lines([slots for slots, _ in found], f"{plural(len(found), 'range')}"),
        BLANK,
        table(rows, _COLUMNS),
    ]
    return [*blocks, BLANK, table(more, (Known("ip:port"),))] if more else blocks


def covered_lines(slots: Sequence[Range], of: str) -> list[Line]:
    """Return what there is to say of the slots that have a node, and of those that have none."""
    missing = gaps(ranges(slots))
    lines = [sentence(f"{of}: {SLOTS - count(missing)} of {SLOTS} slots have a node")]
    if missing:
        lines.append(warning(f"{have(missing)} no node: {written(missing)}"))
    return lines


def _range(reply: Reply) -> tuple[Range, list[_Node]]:
    match items(reply):
        case [first, last, *nodes]:
            return (integer(first), integer(last)), list(map(_node, nodes))
    raise Unexpected("a range has two ends")


def _node(reply: Reply) -> _Node:
    """Read a node; since 7.0 it has a map of more names of it, mostly empty."""
    match items(reply):
        case [ip, port]:
            return _Node(_address(ip, port), None, ())
        case [ip, port, identity]:
            return _Node(_address(ip, port), identity, ())
        case [ip, port, identity, more]:
            return _Node(_address(ip, port), identity, fields(more).rest())
    raise Unexpected("a node has two to four elements")


def _address(ip: Reply, port: Reply) -> str:
    """Return the address; nil is the one that was asked."""
    return f"{'(nil)' if ip is None else text(ip)}:{integer(port)}"


def _rows(slots: Range, nodes: Sequence[_Node]) -> Iterator[Fields]:
    said = written([slots])
    if not nodes:
        yield Fields([("slots", said)])
    for at, node in enumerate(nodes):
        known: list[tuple[Reply, Reply]] = [
            ("slots", "" if at else said),
            ("role", "replica" if at else "primary"),
            ("ip:port", node.address),
        ]
        yield Fields(known if node.id is None else [*known, ("id", node.id)])
